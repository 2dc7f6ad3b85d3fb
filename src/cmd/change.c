#include "cmd/change.h"

#include "cmd/ports.h"
#include "cmd/saved.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int change_check_save(const char *save, unsigned n, struct err *e)
{
	if (save && n > 1)
		return err_set(e, ERR_USAGE, "--save FILE goes with one thing to change, not %u", n);
	if (save && access(save, F_OK) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not overwritten", save);
	if (n > CHANGE_MAX)
		return err_set(e, ERR_USAGE, "%u things in one command, at most %d", n, CHANGE_MAX);
	return 0;
}

/* "nv-453", "2-efs-nv-item_files-x": the number keeps names apart that become one. */
static int save_name(const struct normal *m, const struct push_change *c, size_t i, size_t n, char **ret,
		     struct err *e)
{
	const char *address = m->opts.address ? strrchr(m->opts.address, '/') : NULL;
	char who[64], what[EFS_PATH_MAX + 32];
	int at = n > 1 ? snprintf(what, sizeof(what), "%zu-", i + 1) : 0;

	snprintf(who, sizeof(who), "%s%s", m->dev.chip_serial[0] ? "" : "port-",
		 m->dev.chip_serial[0] ? m->dev.chip_serial :
		 m->dev.port[0]	       ? m->dev.port :
		 address	       ? address + 1 :
					 m->opts.address);
	if (c->kind == PUSH_NV)
		snprintf(what + at, sizeof(what) - (size_t)at, "nv-%05u%s%.0u", c->ref.id,
			 c->ref.index ? "_" : "", c->ref.index);
	else
		snprintf(what + at, sizeof(what) - (size_t)at, "efs%s", c->path);
	return saved_path(who, what, ret, e);
}

static int ask(struct ctx *ctx, const struct push_diag *push, const struct plan *plan, const char *title,
	       enum guard_verdict *ret, struct err *e)
{
	struct guard_step *steps = calloc(plan->n, sizeof(*steps));
	struct guard_plan g = { .title = title, .step = steps, .n_steps = plan->n };
	size_t i;
	int r;

	if (!steps)
		return err_nomem(e);
	for (i = 0; i < plan->n; i++) {
		const struct step *s = &plan->step[i];

		steps[i] = (struct guard_step){ .action = step_kind_name(s->kind),
						.target = s->what,
						.where = s->kind == STEP_SAVE ?
								 push->change[s->of].save_path :
								 s->note[0] ? s->note : NULL,
						.bytes = s->bytes,
						.sha256 = s->sha256[0] ? s->sha256 : NULL };
		if (s->kind == STEP_ERASE)
			steps[i].action = "remove";
		if (s->kind == STEP_PROGRAM)
			steps[i].action = "write";
	}
	r = guard_ask(&ctx->guard, &g, ret, e);
	free(steps);
	return r;
}

static void report(struct ctx *ctx, const struct push_diag *push)
{
	static const struct render_col cols[] = {
		{ "target", "TARGET", false }, { "result", "RESULT", false },
		{ "bytes", "BYTES", true },    { "sha256", "SHA-256", false },
		{ "saved", "OLD CONTENT IN", false },
	};
	size_t i;

	render_table(ctx->render, "changes", cols, ARRAY_SIZE(cols));
	for (i = 0; i < push->n; i++) {
		const struct push_change *c = &push->change[i];
		bool has_data = c->kind == PUSH_NV || c->kind == PUSH_FILE;

		render_cell_str(ctx->render, c->at);
		render_cell_str(ctx->render, c->same		    ? "as it was" :
					     c->kind == PUSH_REMOVE ? "removed" :
					     c->kind == PUSH_MKDIR  ? "made" :
								      "written and read back");
		render_cell_u64(ctx->render, has_data ? c->data.n : 0);
		render_cell_str(ctx->render, has_data ? c->sha256 : NULL);
		render_cell_str(ctx->render, c->saved ? c->save_path : NULL);
	}
	render_table_end(ctx->render, NULL);
}

static void after_failure(struct ctx *ctx, const struct push_diag *push)
{
	const struct push_change *saved = NULL;
	size_t i;

	if (push->written)
		ctx->phase = PHASE_VERIFY;
	else if (push->changed)
		ctx->phase = PHASE_WRITE;
	for (i = 0; i < push->n; i++)
		if (push->change[i].saved && !saved)
			saved = &push->change[i];
	if (!push->changed)
		return;
	if (!saved)
		ctx_next(ctx, "look at what is there now and run the same command again");
	else if (saved->kind == PUSH_NV)
		ctx_next(ctx, "to put back what was there: salvor nv write %u --file '%s'", saved->ref.id,
			 saved->save_path);
	else
		ctx_next(ctx, "to put back what was there: salvor efs put '%s' '%s'", saved->save_path,
			 saved->at);
}

static int go(struct ctx *ctx, struct push_diag *push, const struct plan *plan, const char *title,
	      struct err *e)
{
	enum guard_verdict verdict;

	if (plan->n == 0) {
		/* All of it is there already: no question, since nothing will be sent. */
		ctx->guard.was_asked = true;
		report(ctx, push);
		return 0;
	}
	if (ask(ctx, push, plan, title, &verdict, e) < 0)
		return -1;
	if (verdict != GUARD_GO)
		return 0;
	if (push_diag_apply(push, plan, e) < 0) {
		after_failure(ctx, push);
		return -1;
	}
	report(ctx, push);
	return 0;
}

int change_run(struct ctx *ctx, const char *save, struct normal *m, struct push_change *change,
	       size_t n, const char *what, struct err *e)
{
	struct push_diag push = { .efs = m->efs, .nv = m->nv, .change = change, .n = n,
				  .progress = ctx->progress };
	char *path[CHANGE_MAX] = { NULL };
	char title[256], module[96];
	struct plan plan = { 0 };
	int r = 0;
	size_t i;

	for (i = 0; i < n && r == 0; i++) {
		if (change[i].kind == PUSH_MKDIR)
			continue;
		if (save) {
			change[i].save_path = save;
			continue;
		}
		r = save_name(m, &change[i], i, n, &path[i], e);
		change[i].save_path = path[i];
	}
	if (r == 0)
		r = push_diag_plan(&push, &plan, e);
	if (r == 0) {
		ports_describe(m, module, sizeof(module));
		snprintf(title, sizeof(title), "%s on %s", what, module);
		r = go(ctx, &push, &plan, title, e);
		plan_fini(&plan);
	}
	for (i = 0; i < n; i++)
		free(path[i]);
	return r;
}
