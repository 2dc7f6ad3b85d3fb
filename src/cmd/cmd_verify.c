/* verify, restore --list: looking into a snapshot. */
#include "cmd/ctx.h"
#include "cmd/session.h"
#include "cmd/snapcheck.h"
#include "cmd/snapshot.h"
#include "cmd/table.h"

#include "backup/snapread.h"
#include "backup/verify.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A snapshot as a source: a file, or "-" for standard input. */
static int open_snapshot(const char *path, struct fd_source *ret, int *ret_fd, struct err *e)
{
	uint64_t size;

	*ret_fd = -1;
	if (strcmp(path, "-") == 0) {
		fd_source_init(ret, STDIN_FILENO);
		return 0;
	}
	if (fs_open_input(path, ret_fd, &size, e) < 0)
		return -1;
	fd_source_init(ret, *ret_fd);
	return 0;
}

/* ---- verify ---- */

static const struct opt verify_opts[] = {
	SESSION_OPTS,
	{ "against-module", 0, OPT_FLAG, HINT_NONE, NULL,
	  "compare it with the module on the cable too, in the mode it is in", 0, 0, NULL, 0 },
	OPTS_END,
};

static void render_findings(struct render *r, const struct verify_report *rep)
{
	static const struct render_col cols[] = {
		{ "bad", "BAD", false },
		{ "item", "ITEM", false },
		{ "finding", "FINDING", false },
	};
	size_t i;

	if (rep->n == 0 && !render_is_json(r))
		return;
	render_table(r, "findings", cols, ARRAY_SIZE(cols));
	for (i = 0; i < rep->n; i++) {
		render_cell_bool(r, rep->finding[i].bad);
		render_cell_str(r, rep->finding[i].item);
		render_cell_str(r, rep->finding[i].text);
	}
	render_table_end(r, NULL);
}

static void render_report(struct render *r, const char *path, const struct verify_report *rep)
{
	char toned[64];

	render_str(r, "file", "file", path);
	render_str(r, "id", "id", rep->id);
	render_u64(r, "verified_items", "items verified", rep->items);
	render_size(r, "verified_bytes", "bytes verified", rep->bytes);
	if (render_is_json(r))
		render_bool(r, "sound", "sound", rep->sound);
	else
		render_str(r, "sound", "sound",
			   render_tone(r, rep->sound ? TONE_GOOD : TONE_BAD, rep->sound ? "yes" : "NO", toned,
				       sizeof(toned)));
	snapshot_render(r, &rep->manifest);
	render_findings(r, rep);
}

static int verify_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *path = parsed_arg(p, 0);
	struct verify_opts opts = { .progress = ctx->progress };
	_cleanup_close_ int fd = -1;
	struct verify_report rep;
	struct fd_source from;
	int r = 0;

	opts.check = snapcheck_all(&opts.n_checks);
	if (open_snapshot(path, &from, &fd, e) < 0)
		return -1;
	ctx->phase = PHASE_VERIFY;
	if (verify(&from.source, &opts, &rep, e) < 0) {
		/* A file of another sort, or trouble with this computer: no word on any snapshot. */
		if (e->kind == ERR_HOST || e->kind == ERR_NOMEM)
			ctx->phase = PHASE_START;
		return err_prefix(e, "'%s'", path);
	}
	render_report(ctx->render, path, &rep);
	if (!rep.sound)
		r = err_set(e, ERR_INTEGRITY, "'%s' is not sound: see the findings above", path);
	else if (parsed_flag(p, "against-module"))
		r = snapcheck_against(ctx, p, &rep.manifest, e);
	if (r == 0 && rep.derived != VERDICT_COMPLETE)
		r = err_set(e, ERR_PARTIAL, "'%s' is sound, but the backup in it is %s", path,
			    verdict_name(rep.derived));
	verify_report_fini(&rep);
	return r;
}

const struct cmd cmd_verify = {
	.name = "verify",
	.args = "FILE",
	.summary = "check a snapshot: structure, every digest, whether it is complete",
	.about =
		"Reads the file once from front to back and needs nothing else. Raw EFS2 images and QPST files in "
		"it must parse. With --against-module the items are compared with what the module on the cable "
		"gives in the mode it is in; a modem that ran since has changed some by itself.",
	.example = "salvor verify EG25.tar.zst",
	.opts = verify_opts,
	.needs = NEED_MODULE,
	.min_args = 1,
	.max_args = 1,
	.arg_hint = HINT_FILE,
	.exits = EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |
		 EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_INCOMPLETE) | EXITS(STATUS_LINK),
	.run = verify_run,
};

/* ---- restore --list ---- */

static const struct opt restore_opts[] = {
	{ "list", 0, OPT_FLAG, HINT_NONE, NULL, "show what is inside, and restore nothing", 0, 0, NULL, 0 },
	OPTS_END,
};

static void render_items(struct render *r, const struct manifest *m)
{
	static const struct render_col cols[] = {
		{ "name", "NAME", false },   { "kind", "KIND", false },   { "bytes", "SIZE", true },
		{ "state", "STATE", false }, { "reason", "WHY", false }, { "sha256", "SHA-256", false },
	};
	size_t i;

	render_table(r, "contents", cols, ARRAY_SIZE(cols));
	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];

		render_cell_str(r, it->name);
		render_cell_str(r, item_kind_name(it->kind));
		render_cell_size(r, it->size);
		render_cell_str(r, it->state == ITEM_COMPLETE ? "complete" : "partial");
		render_cell_str(r, it->reason);
		render_cell_str(r, it->sha256[0] ? it->sha256 : NULL);
	}
	render_table_end(r, "the snapshot holds nothing");
}

static int restore_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *path = parsed_arg(p, 0);
	_cleanup_close_ int fd = -1;
	struct fd_source from;
	struct snapread *s;

	if (!parsed_flag(p, "list"))
		return err_set(e, ERR_USAGE, "only --list exists: this version does not write a snapshot back; "
					     "'salvor part write' writes a partition out of it");
	if (open_snapshot(path, &from, &fd, e) < 0)
		return -1;
	if (snapread_open(&from.source, &s, e) < 0)
		return err_prefix(e, "'%s'", path);
	render_str(ctx->render, "file", "file", path);
	render_str(ctx->render, "id", "id", snapread_id(s));
	snapshot_render(ctx->render, snapread_manifest(s));
	render_items(ctx->render, snapread_manifest(s));
	snapread_close(s);
	return 0;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.args = "FILE",
	.summary = "show what a snapshot holds (--list)",
	.about =
		"Lists the contents as the snapshot's own manifest tells them; only manifest and digest list are "
		"read and checked, 'salvor verify' checks the rest. Nothing is written to any module.",
	.example = "salvor restore --list EG25.tar.zst",
	.opts = restore_opts,
	.min_args = 1,
	.max_args = 1,
	.arg_hint = HINT_FILE,
	.exits = EXITS_ALL | EXITS(STATUS_UNTOUCHED) | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_LINK),
	.run = restore_run,
};
