#include "recovery/plan.h"

#include <stdlib.h>

int plan_add(struct plan *p, const struct step *s, struct err *e)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct step *more = reallocarray(p->step, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		p->step = more;
		p->cap = cap;
	}
	p->step[p->n++] = *s;
	return 0;
}

void plan_fini(struct plan *p)
{
	free(p->step);
	*p = (struct plan){ 0 };
}

const char *step_kind_name(enum step_kind k)
{
	switch (k) {
	case STEP_SAVE:
		return "save";
	case STEP_ERASE:
		return "erase";
	case STEP_PROGRAM:
		return "program";
	case STEP_VERIFY:
		return "verify";
	case STEP_MKDIR:
		return "make";
	case STEP_SYNC:
		return "sync";
	}
	return "unknown";
}

bool plan_changes_storage(const struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->step[i].kind == STEP_ERASE || p->step[i].kind == STEP_PROGRAM ||
		    p->step[i].kind == STEP_MKDIR)
			return true;
	}
	return false;
}
