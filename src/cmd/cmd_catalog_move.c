/* catalog export, import, rebuild: the catalogue as a whole. */
#include "base/cleanup.h"
#include "base/fs.h"
#include "cmd/ctx.h"
#include "cmd/outfile.h"
#include "cmd/remember.h"
#include "cmd/snapfile.h"
#include "cmd/store.h"
#include "cmd/table.h"
#include "db/mask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- catalog export ---- */

static const struct opt export_opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE|-",
	  .help = "where it goes; the default is standard output" },
	OPTS_END,
};

static int export_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct outfile o;
	int r;

	if (outfile_open(&o, ctx, parsed_str(p, "output"), e) < 0)
		return -1;
	r = outfile_close(&o, catalog_export(ctx->catalog, o.sink, e), e);
	if (r == 0 && o.is_file)
		render_str(ctx->render, "path", "file", parsed_str(p, "output"));
	return r;
}

const struct cmd cmd_catalog_export = {
	.name = "catalog export",
	.args = "",
	.summary = "write everything the catalogue knows as JSON lines",
	.about =
		"For another computer's catalogue, or to keep. It holds IMEIs and chip serials in full: a file is "
		"readable by its owner only. The audit log has its own export.",
	.example = "salvor catalog export -o catalogue.jsonl",
	.opts = export_opts,
	.needs = NEED_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = export_run,
};

/* ---- catalog import ---- */

/* What 100,000 snapshots with their items take, several times over. */
#define IMPORT_MAX ((size_t)1 << 30)

static int import_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct buf text = BUF_INIT(IMPORT_MAX);
	struct catalog_imported got;
	int r;

	ctx->phase = PHASE_START;
	r = fs_read_file(parsed_arg(p, 0), &text, e);
	if (r == 0) {
		r = catalog_import(ctx->catalog, buf_slice(&text), &got, e);
		/* The file is to blame, or the catalogue. */
		ctx->phase = r < 0 && (e->kind == ERR_PROTO || e->kind == ERR_INTEGRITY)
				     ? PHASE_VERIFY
				     : PHASE_CATALOG;
		if (r < 0)
			err_prefix(e, "'%s'", parsed_arg(p, 0));
	}
	buf_fini(&text);
	if (r < 0)
		return -1;
	render_u64(ctx->render, "modules", "new modules", got.modules);
	render_u64(ctx->render, "snapshots", "new snapshots", got.snapshots);
	render_u64(ctx->render, "firmware", "new firmware", got.firmware);
	render_u64(ctx->render, "others", "other records", got.others);
	render_u64(ctx->render, "held", "held for you", got.held);
	if (got.held)
		render_note(ctx->render, "contradictions are shown by 'salvor catalog held'");
	return 0;
}

const struct cmd cmd_catalog_import = {
	.name = "catalog import",
	.args = "FILE",
	.summary = "add what another catalogue exported",
	.about =
		"All of the file or nothing of it is taken in. What is known here wins, contradictions are held "
		"for a person, and an IMEI that only an import tells is never written into a module.",
	.example = "salvor catalog import catalogue.jsonl",
	.needs = MAKES_CATALOG,
	.min_args = 1,
	.max_args = 1,
	.arg_hint = HINT_FILE,
	.exits = EXITS_ALL | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_CATALOG),
	.run = import_run,
};

/* ---- catalog rebuild ---- */

struct found {
	char *path;
	char ended[21];
};

struct rebuild {
	struct catalog_rows rows; /* what the present catalogue lists */
	struct ctx *ctx;
	struct snapfile_list files;
	struct found *v; /* the snapshots among them */
	size_t n;
	uint64_t bad; /* files that are none */
	uint64_t lost; /* listed, and not to be found any more */
	bool exists, damaged;
	char why[384]; /* what is wrong with it */
};

/* Snapshots that lie elsewhere are known by the old catalogue alone. */
static int rebuild_row(struct catalog_rows *rows, const struct catalog_snapshot *s, struct err *e)
{
	struct rebuild *b = (struct rebuild *)rows;

	if (access(s->path, F_OK) == 0)
		return snapfile_list_add(&b->files, s->path, e);
	b->lost++;
	return 0;
}

static int look_at_old(struct rebuild *b, struct err *e)
{
	struct ctx *ctx = b->ctx;
	int r;

	if (store_open(ctx, false, e) == 0) {
		b->exists = true;
		b->rows.snapshot = rebuild_row;
		r = catalog_snapshots(ctx->catalog, 0, 0, 0, &b->rows, e);
		store_close(ctx);
		if (r == 0 || e->kind != ERR_INTEGRITY)
			return r;
	} else if (e->kind == ERR_HOST && e->code == ENOENT) {
		ctx->next[0] = '\0';
		err_clear(e);
		return 0;
	} else if (e->kind != ERR_INTEGRITY) {
		return -1;
	}
	ctx->next[0] = '\0';
	b->exists = b->damaged = true;
	snprintf(b->why, sizeof(b->why), "%s", e->msg);
	err_clear(e);
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int by_age(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	int d = strcmp(x->ended, y->ended);

	return d ? d : strcmp(x->path, y->path);
}

/* Absolute paths, each once. */
static int unique(struct snapfile_list *l, struct err *e)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		char *full = realpath(l->path[i], NULL);

		if (!full && errno == ENOMEM)
			return err_nomem(e);
		if (full) {
			free(l->path[i]);
			l->path[i] = full;
		}
	}
	qsort(l->path, l->n, sizeof(*l->path), by_text);
	for (i = 0; i < l->n; i++) {
		if (n && strcmp(l->path[n - 1], l->path[i]) == 0)
			free(l->path[i]);
		else
			l->path[n++] = l->path[i];
	}
	l->n = n;
	return 0;
}

static int read_manifests(struct rebuild *b, struct err *e)
{
	size_t i;

	b->v = calloc(b->files.n ? b->files.n : 1, sizeof(*b->v));
	if (!b->v)
		return err_nomem(e);
	for (i = 0; i < b->files.n; i++) {
		struct err why = ERR_INIT;
		struct snapfile s;

		if (cancel_is_set(b->ctx->cancel))
			return err_set(e, ERR_CANCELLED, "interrupted while reading manifests");
		if (snapfile_open(b->files.path[i], &s, &why) < 0) {
			if (why.kind == ERR_NOMEM) {
				*e = why;
				return -1;
			}
			render_diag(b->ctx->render, "passed over: %s", why.msg);
			b->bad++;
			continue;
		}
		b->v[b->n].path = b->files.path[i];
		memcpy(b->v[b->n].ended, s.manifest.ended, sizeof(s.manifest.ended));
		snapfile_fini(&s);
		b->n++;
	}
	qsort(b->v, b->n, sizeof(*b->v), by_age);
	return 0;
}

static int rebuild_ask(struct rebuild *b, const char *path, enum guard_verdict *ret, struct err *e)
{
	char index[64], forget[64];
	struct guard_step steps[3];
	struct guard_plan plan = { .title = "build the catalogue again from the snapshots", .step = steps };

	snprintf(index, sizeof(index), "%zu snapshot file(s)", b->n);
	snprintf(forget, sizeof(forget), "%llu entries whose file is gone", (unsigned long long)b->lost);
	if (b->damaged)
		steps[plan.n_steps++] =
			(struct guard_step){ .action = "move aside", .target = path, .where = "damaged" };
	else if (b->lost)
		steps[plan.n_steps++] = (struct guard_step){ .action = "forget", .target = forget };
	steps[plan.n_steps++] = (struct guard_step){ .action = "index", .target = index };
	return guard_ask(&b->ctx->guard, &plan, ret, e);
}

static int feed(struct rebuild *b, uint64_t *ret_held, struct err *e)
{
	struct ctx *ctx = b->ctx;
	size_t i;

	for (i = 0; i < b->n; i++) {
		struct remember_file f = { .path = b->v[i].path, .evidence = EVIDENCE_SNAPSHOT };
		struct remembered done;
		struct snapfile s;
		int r;

		if (cancel_is_set(ctx->cancel))
			return err_set(e, ERR_CANCELLED, "interrupted; the catalogue is as it was");
		if (snapfile_open(f.path, &s, e) < 0)
			return -1;
		f.id = s.id;
		f.size = s.size;
		r = remember_snapshot(ctx->catalog, &s.manifest, &f, &done, e);
		snapfile_fini(&s);
		/* Not even a contradiction may keep the others out. */
		if (r < 0 && e->kind == ERR_MISMATCH) {
			render_diag(ctx->render, "passed over: %s", e->msg);
			err_clear(e);
			b->bad++;
		} else if (r < 0) {
			return -1;
		} else {
			*ret_held += done.held;
		}
	}
	return 0;
}

static int rebuild_apply(struct rebuild *b, const char *path, struct err *e)
{
	_cleanup_free_ char *moved = NULL;
	struct ctx *ctx = b->ctx;
	uint64_t held = 0;
	int r;

	if (b->damaged && catalog_set_aside(path, &moved, e) < 0)
		return -1;
	if (store_open(ctx, true, e) < 0)
		return -1;
	r = catalog_rebuild_begin(ctx->catalog, e);
	if (r == 0) {
		r = feed(b, &held, e);
		if (r < 0)
			catalog_batch_undo(ctx->catalog);
		else
			r = catalog_batch_commit(ctx->catalog, e);
	}
	store_close(ctx);
	if (r < 0)
		return -1;
	render_str(ctx->render, "path", "catalogue", path);
	if (moved)
		render_str(ctx->render, "moved_to", "damaged one", moved);
	render_u64(ctx->render, "snapshots", "snapshots", b->n);
	render_u64(ctx->render, "passed_over", "passed over", b->bad);
	render_u64(ctx->render, "held", "held for you", held);
	return 0;
}

static int collect_usual(struct rebuild *b, struct err *e)
{
	_cleanup_free_ char *dir = NULL;

	if (store_snapshot_dir(&dir, e) < 0) {
		if (e->kind != ERR_HOST)
			return -1;
		/* Without a home there is no usual place. */
		err_clear(e);
		return 0;
	}
	return fs_is_dir(dir) ? snapfile_collect(dir, &b->files, e) : 0;
}

static int rebuild(struct rebuild *b, const struct parsed *p, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	enum guard_verdict verdict = GUARD_GO;
	unsigned i;

	if (store_catalog_path(b->ctx, &path, e) < 0 || look_at_old(b, e) < 0)
		return -1;
	b->ctx->phase = PHASE_START;
	if (b->damaged)
		render_diag(b->ctx->render, "%s", b->why);
	for (i = 0; i < p->n_arg; i++) {
		if (snapfile_collect(parsed_arg(p, i), &b->files, e) < 0)
			return -1;
	}
	if (collect_usual(b, e) < 0 || unique(&b->files, e) < 0 || read_manifests(b, e) < 0)
		return -1;
	/* Where there is no catalogue there is nothing to lose. */
	if ((b->exists || b->ctx->guard.dry_run) && rebuild_ask(b, path, &verdict, e) < 0)
		return -1;
	b->ctx->phase = PHASE_CATALOG;
	if (verdict == GUARD_DRY_RUN)
		return 0;
	if (rebuild_apply(b, path, e) < 0)
		return -1;
	b->ctx->phase = PHASE_VERIFY;
	if (b->bad)
		return err_set(e, ERR_PARTIAL,
			       "%llu file(s) could not be taken in and are named above; all others are in "
			       "the catalogue",
			       (unsigned long long)b->bad);
	return 0;
}

static int rebuild_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct rebuild b = { .ctx = ctx };
	int r = rebuild(&b, p, e);

	store_close(ctx);
	free(b.v);
	snapfile_list_fini(&b.files);
	return r;
}

const struct cmd cmd_catalog_rebuild = {
	.name = "catalog rebuild",
	.args = "[DIR|FILE...]",
	.summary = "build the catalogue again from the snapshots",
	.about =
		"For a catalogue that is missing, damaged or behind. Snapshots are looked for in the folders and "
		"files that are given, in the usual folder, and where the present catalogue says they are. "
		"Modules, labels, notes and what else people said stay: they are taken from the present catalogue, "
		"or from the audit log beside it. A damaged catalogue is moved aside, not deleted.",
	.example = "salvor catalog rebuild /mnt/backups",
	.needs = TAKES_CATALOG | CHANGES_HOST,
	.min_args = 0,
	.max_args = ARGS_ANY,
	.arg_hint = HINT_FILE,
	.exits = EXITS_ALL | EXITS(STATUS_POLICY) | EXITS(STATUS_INCOMPLETE) | EXITS(STATUS_CATALOG) |
		 EXITS(STATUS_UNVERIFIED),
	.run = rebuild_run,
};
