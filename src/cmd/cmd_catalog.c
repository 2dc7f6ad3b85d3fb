/* catalog list, show, find: looking things up. */
#include "cmd/attached.h"
#include "cmd/catview.h"
#include "cmd/ctx.h"
#include "cmd/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OPT_FULL                                                                                   \
	{ .name = "full", .kind = OPT_FLAG,                                                        \
	  .help = "show numbers in full instead of masked" }

/* ---- catalog list ---- */

static const struct opt list_opts[] = {
	{ .name = "modules", .letter = 'm', .kind = OPT_FLAG, .help = "the modules instead of the snapshots" },
	{ .name = "for-this", .kind = OPT_FLAG,
	  .help = "only what belongs to the module that is attached" },
	{ .name = "limit", .kind = OPT_NUM, .arg = "N", .help = "the newest N only", .min = 1,
	  .max = INT32_MAX },
	{ .name = "csv", .kind = OPT_FLAG, .help = "comma-separated values, with a line of names first" },
	OPT_FULL,
	OPTS_END,
};

static int list_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct catview v = { .ctx = ctx, .full = parsed_flag(p, "full") };
	uint64_t limit = parsed_num(p, "limit", 0);
	bool modules = parsed_flag(p, "modules"), unknown;
	int64_t id = 0;
	int r;

	if (parsed_flag(p, "for-this") && p->n_arg)
		return err_set(e, ERR_USAGE, "--for-this names the module already");
	if (!parsed_flag(p, "for-this") && (ctx->port || ctx->serial || ctx->imei))
		return err_set(e, ERR_USAGE,
			       "--port, --serial and --imei choose an attached module and go with "
			       "--for-this; what the catalogue knows is named as an argument");
	if (parsed_flag(p, "csv") && render_csv(ctx->render, e) < 0)
		return -1;
	if (p->n_arg && catview_resolve_module(ctx->catalog, parsed_arg(p, 0), &id, e) < 0)
		return -1;
	if (parsed_flag(p, "for-this") && attached_module(ctx, &id, e) < 0)
		return -1;
	/* A module that was never met has nothing here, which is an answer and no failure. */
	unknown = parsed_flag(p, "for-this") && !id;
	if (modules) {
		catview_modules(&v, "modules");
		r = unknown ? 0
		  : id	    ? catalog_module_get(ctx->catalog, id, &v.rows, e)
		       : catalog_modules(ctx->catalog, limit, 0, &v.rows, e);
	} else {
		catview_snapshots(&v, "snapshots");
		r = unknown ? 0 : catalog_snapshots(ctx->catalog, id, limit, 0, &v.rows, e);
	}
	catview_end(&v, unknown   ? "the catalogue does not know this module"
			: modules ? "the catalogue has no modules"
				  : "the catalogue has no such snapshots");
	return r;
}

const struct cmd cmd_catalog_list = {
	.name = "catalog list",
	.args = "[MODULE]",
	.summary = "list snapshots or modules, newest first",
	.about =
		"MODULE is an id as the list shows it (m12), an IMEI or its first digits, a chip serial, or the "
		"beginning of a label. --for-this asks the attached module who it is, without changing its mode.",
	.example = "salvor catalog list --for-this",
	.opts = list_opts,
	.needs = NEED_CATALOG | TAKES_MODULES,
	.min_args = 0,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |
		 EXITS(STATUS_CATALOG) | EXITS(STATUS_LINK),
	.run = list_run,
};

/* ---- catalog show ---- */

static const struct opt show_opts[] = { OPT_FULL, OPTS_END };

/* Tables without rows are left out for people; programs get the empty list. */
static const char *nothing_said(struct render *r, const char *text)
{
	return render_is_quiet(r) ? NULL : text;
}

static int show_module(struct ctx *ctx, int64_t id, bool full, struct err *e)
{
	struct catview v = { .ctx = ctx, .full = full };
	int r;

	render_section(ctx->render, "module", "module");
	r = catview_module(ctx, id, full, e);
	render_section_end(ctx->render);
	if (r < 0)
		return -1;
	catview_snapshots(&v, "snapshots");
	r = catalog_snapshots(ctx->catalog, id, 0, 0, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no snapshots"));
	if (r < 0)
		return -1;
	catview_notes(&v, "notes");
	r = catalog_notes(ctx->catalog, id, NULL, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no notes"));
	if (r < 0)
		return -1;
	catview_operations(&v, "operations");
	r = catalog_operations(ctx->catalog, id, 20, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no operations"));
	return r;
}

static int show_snapshot(struct ctx *ctx, const char *hash, bool full, struct err *e)
{
	struct catview v = { .ctx = ctx, .full = full };
	int r;

	render_section(ctx->render, "snapshot", "snapshot");
	r = catview_snapshot(ctx, hash, full, e);
	render_section_end(ctx->render);
	if (r < 0)
		return -1;
	catview_notes(&v, "notes");
	r = catalog_notes(ctx->catalog, 0, hash, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no notes"));
	if (r < 0)
		return -1;
	catview_items(&v, "items");
	r = catalog_items(ctx->catalog, hash, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no items"));
	return r;
}

static int show_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	bool full = parsed_flag(p, "full");
	struct catview_thing t;

	if (catview_resolve(ctx->catalog, parsed_arg(p, 0), &t, e) < 0)
		return -1;
	return t.module ? show_module(ctx, t.module, full, e) : show_snapshot(ctx, t.hash, full, e);
}

const struct cmd cmd_catalog_show = {
	.name = "catalog show",
	.args = "MODULE|SNAPSHOT",
	.summary = "show all that is known of a module or a snapshot",
	.about = "A snapshot is named by its id or the first digits of it, four or more.",
	.example = "salvor catalog show m12",
	.opts = show_opts,
	.needs = NEED_CATALOG,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = show_run,
};

/* ---- catalog find ---- */

static int find_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct catview v = { .ctx = ctx, .full = parsed_flag(p, "full") };
	const char *text = parsed_arg(p, 0);
	int r;

	catview_modules(&v, "modules");
	r = catalog_find(ctx->catalog, text, 0, &v.rows, e);
	catview_end(&v, "no modules");
	if (r < 0)
		return -1;
	catview_snapshots(&v, "snapshots");
	r = catalog_find(ctx->catalog, text, 0, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no snapshots with such an id"));
	if (r < 0)
		return -1;
	catview_firmware(&v, "firmware");
	r = catalog_find(ctx->catalog, text, 0, &v.rows, e);
	catview_end(&v, nothing_said(ctx->render, "no firmware"));
	return r;
}

const struct cmd cmd_catalog_find = {
	.name = "catalog find",
	.args = "TEXT",
	.summary = "find modules, snapshots and firmware by whatever is known of them",
	.about =
		"TEXT is an IMEI or its first eight digits or more, a chip serial, the beginning of a snapshot's "
		"id, of a label, a model or a revision. At most 100 of each are shown.",
	.example = "salvor catalog find 49015420",
	.opts = show_opts,
	.needs = NEED_CATALOG,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = find_run,
};
