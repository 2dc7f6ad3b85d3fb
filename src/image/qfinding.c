#include "image/qfinding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct qfinding *room_for_one(struct qfindings *f)
{
	size_t cap = f->cap ? 2 * f->cap : 16;
	struct qfinding *v;

	if (f->n >= QFINDINGS_MAX)
		return NULL;
	if (f->n < f->cap)
		return &f->v[f->n++];
	v = realloc(f->v, cap * sizeof(*v));
	if (!v)
		return NULL;
	f->v = v;
	f->cap = cap;
	return &f->v[f->n++];
}

void qfindings_add(struct qfindings *f, enum qfinding_level level, const char *code,
		   const char *place, const char *fmt, ...)
{
	struct qfinding *one;
	va_list ap;

	if (!f)
		return;
	if (level > f->worst)
		f->worst = level;
	one = room_for_one(f);
	if (!one) {
		f->dropped++;
		return;
	}
	one->level = level;
	one->code = code;
	snprintf(one->place, sizeof(one->place), "%s", place);
	va_start(ap, fmt);
	vsnprintf(one->text, sizeof(one->text), fmt, ap);
	va_end(ap);
}

const struct qfinding *qfindings_find(const struct qfindings *f, const char *code)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		if (strcmp(f->v[i].code, code) == 0)
			return &f->v[i];
	}
	return NULL;
}

void qfindings_fini(struct qfindings *f)
{
	free(f->v);
	*f = (struct qfindings){ 0 };
}

const char *qfinding_level_name(enum qfinding_level level)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[level];
}
