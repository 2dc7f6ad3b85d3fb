/* catalog label, note, retire, held, settle: what only people know. */
#include "cmd/catview.h"
#include "cmd/ctx.h"
#include "cmd/table.h"

#include <stdio.h>
#include <string.h>

static bool is_blank(const char *s)
{
	return !s || s[strspn(s, " \t\r\n")] == '\0';
}

/* ---- catalog label ---- */

static int label_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	int64_t id;

	if (catview_resolve_module(ctx->catalog, parsed_arg(p, 0), &id, e) < 0 ||
	    catalog_set_label(ctx->catalog, id, parsed_arg(p, 1), e) < 0)
		return -1;
	return catview_module(ctx, id, false, e);
}

const struct cmd cmd_catalog_label = {
	.name = "catalog label",
	.args = "MODULE TEXT",
	.summary = "give a module a name that people know it by",
	.about = "An empty text takes the label away. At most 200 characters.",
	.example = "salvor catalog label m12 van-7",
	.needs = NEED_CATALOG,
	.min_args = 2,
	.max_args = 2,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = label_run,
};

/* ---- catalog note ---- */

static int note_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct catview v = { .ctx = ctx };
	struct catalog_note note = { .text = parsed_arg(p, 1) };
	struct catview_thing t;
	int r;

	if (is_blank(note.text))
		return err_set(e, ERR_USAGE, "a note says something");
	if (catview_resolve(ctx->catalog, parsed_arg(p, 0), &t, e) < 0)
		return -1;
	note.module = t.module;
	note.snapshot = t.module ? NULL : t.hash;
	if (catalog_add_note(ctx->catalog, &note, e) < 0)
		return -1;
	catview_notes(&v, "notes");
	r = catalog_notes(ctx->catalog, note.module, note.snapshot, &v.rows, e);
	catview_end(&v, NULL);
	return r;
}

const struct cmd cmd_catalog_note = {
	.name = "catalog note",
	.args = "MODULE|SNAPSHOT TEXT",
	.summary = "write a note to a module or a snapshot",
	.about = "Notes are added and never changed; they stand in the audit log, too.",
	.example = "salvor catalog note m12 antenna-replaced",
	.needs = NEED_CATALOG,
	.min_args = 2,
	.max_args = 2,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = note_run,
};

/* ---- catalog retire ---- */

static const struct opt reason_opts[] = {
	{ .name = "reason", .kind = OPT_STR, .arg = "TEXT", .help = "why, for the audit log" },
	OPTS_END,
};

static int retire_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *why = parsed_str(p, "reason");
	char id[CATVIEW_ID], title[64], word[CATVIEW_ID + 8];
	struct guard_step step = { .action = "retire", .target = id, .where = why };
	struct guard_plan plan = { .title = title,
				   .step = &step,
				   .n_steps = 1,
				   .loss = "this record's claim to its IMEI",
				   .word = word };
	enum guard_verdict verdict;
	int64_t module;

	if (is_blank(why))
		return err_set(e, ERR_USAGE, "why is the record retired? give --reason TEXT");
	if (catview_resolve_module(ctx->catalog, parsed_arg(p, 0), &module, e) < 0)
		return -1;
	catview_id(module, id);
	snprintf(title, sizeof(title), "retire module %s", id);
	snprintf(word, sizeof(word), "retire-%s", id);
	if (catview_module(ctx, module, false, e) < 0 ||
	    guard_ask(&ctx->guard, &plan, &verdict, e) < 0)
		return -1;
	if (verdict == GUARD_DRY_RUN)
		return 0;
	if (catalog_retire(ctx->catalog, module, why, e) < 0)
		return -1;
	render_note(ctx->render, "%s is retired", id);
	return 0;
}

const struct cmd cmd_catalog_retire = {
	.name = "catalog retire",
	.args = "MODULE",
	.summary = "take a module's record out of service, for good",
	.about =
		"For a module that is gone. Its IMEIs are free for another record, and it gets none any more; its "
		"snapshots stay. There is no way back, so a word has to be typed, and the reason is logged.",
	.example = "salvor catalog retire m12 --reason scrapped",
	.opts = reason_opts,
	.needs = NEED_CATALOG | CHANGES_HOST,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_POLICY) | EXITS(STATUS_CATALOG),
	.run = retire_run,
};

/* ---- catalog held, settle ---- */

static const struct opt held_opts[] = {
	{ .name = "full", .kind = OPT_FLAG, .help = "show numbers in full instead of masked" },
	OPTS_END,
};

static int held_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct catview v = { .ctx = ctx, .full = parsed_flag(p, "full") };
	int r;

	catview_helds(&v, "held");
	r = catalog_helds(ctx->catalog, &v.rows, e);
	catview_end(&v, "nothing waits for you");
	return r;
}

const struct cmd cmd_catalog_held = {
	.name = "catalog held",
	.args = "",
	.summary = "list contradictions that wait for a person",
	.about =
		"Two modules with one IMEI, one module with two: what contradicts is not stored but held here, "
		"and nothing is merged by guessing.",
	.example = "salvor catalog held",
	.opts = held_opts,
	.needs = NEED_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = held_run,
};

static int settle_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *how = parsed_str(p, "reason");
	uint64_t number;

	if (is_blank(how))
		return err_set(e, ERR_USAGE, "how was it settled? give --reason TEXT");
	if (parse_u64(parsed_arg(p, 0), INT64_MAX, &number, e) < 0)
		return -1;
	if (catalog_resolve_held(ctx->catalog, (int64_t)number, how, e) < 0)
		return -1;
	render_u64(ctx->render, "settled", "settled", number);
	return 0;
}

const struct cmd cmd_catalog_settle = {
	.name = "catalog settle",
	.args = "NUMBER",
	.summary = "say that a contradiction was dealt with, and how",
	.about =
		"NUMBER is that of 'catalog held'. Nothing else is changed; the reason is logged. If the same "
		"contradiction is met again it is held again.",
	.example = "salvor catalog settle 3 --reason label-was-misread",
	.opts = reason_opts,
	.needs = NEED_CATALOG,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = settle_run,
};
