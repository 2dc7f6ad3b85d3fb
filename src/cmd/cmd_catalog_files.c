/* catalog add, check, prune: the catalogue and the files it speaks of. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "cmd/catview.h"
#include "cmd/ctx.h"
#include "cmd/remember.h"
#include "cmd/snapfile.h"
#include "cmd/store.h"
#include "cmd/table.h"
#include "db/mask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- catalog add ---- */

static const struct opt add_opts[] = {
	{ .name = "quick", .kind = OPT_FLAG, .help = "read the manifests only, and not all that they list" },
	OPTS_END,
};

static int add_one(struct ctx *ctx, const char *path, bool quick, struct err *e)
{
	struct remember_file f = { .path = path, .evidence = EVIDENCE_SNAPSHOT };
	struct render *r = ctx->render;
	struct remembered done;
	struct snapfile s;
	char id[CATVIEW_ID], hash[CATALOG_HASH_HEX + 1];
	int rc;

	ctx->phase = PHASE_VERIFY;
	if ((quick ? snapfile_open(path, &s, e) : snapfile_verify(path, ctx->progress, &s, e)) < 0) {
		/* A file that cannot be opened says nothing about what it holds. */
		if (e->kind == ERR_HOST || e->kind == ERR_NOMEM)
			ctx->phase = PHASE_START;
		return -1;
	}
	f.id = s.id;
	f.size = s.size;
	ctx->phase = PHASE_CATALOG;
	rc = remember_snapshot(ctx->catalog, &s.manifest, &f, &done, e);
	if (rc == 0) {
		catview_id(done.module, id);
		mask_digits(done.text, strlen(done.text));
		render_cell_str(r, path);
		snprintf(hash, sizeof(hash), "%.*s", render_is_data(r) ? CATALOG_HASH_HEX : 12, s.id);
		render_cell_str(r, hash);
		render_cell_str(r, verdict_name(s.manifest.verdict));
		render_cell_str(r, done.module ? id : NULL);
		render_cell_str(r, done.is_new ? "new" : "known");
		render_cell_str(r, done.held ? done.text : NULL);
	}
	snapfile_fini(&s);
	return rc;
}

static int add_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "path", "FILE", false },     { "id", "ID", false },
		{ "verdict", "VERDICT", false }, { "module", "MODULE", false },
		{ "was", "WAS", false },       { "held", "HELD FOR YOU", false },
	};
	unsigned i;
	int r = 0;

	render_table(ctx->render, "added", cols, ARRAY_SIZE(cols));
	for (i = 0; i < p->n_arg && r == 0; i++) {
		if (cancel_is_set(ctx->cancel))
			r = err_set(e, ERR_CANCELLED, "interrupted before '%s'", parsed_arg(p, i));
		else
			r = add_one(ctx, parsed_arg(p, i), parsed_flag(p, "quick"), e);
	}
	render_table_end(ctx->render, NULL);
	return r;
}

const struct cmd cmd_catalog_add = {
	.name = "catalog add",
	.args = "FILE...",
	.summary = "put sealed snapshots into the catalogue",
	.about =
		"Each file is verified as a whole first, and one that is not sound is not put in. A snapshot that "
		"is known already has its path corrected. The catalogue is made when there is none.",
	.example = "salvor catalog add EC25-2026-11-20.tar.zst",
	.opts = add_opts,
	.needs = MAKES_CATALOG,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.arg_hint = HINT_FILE,
	.exits = EXITS_ALL | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_CATALOG),
	.run = add_run,
};

/* ---- catalog check ---- */

static const struct opt check_opts[] = {
	{ .name = "quick", .kind = OPT_FLAG,
	  .help = "look at size and manifest of each file, and not at all that it holds" },
	OPTS_END,
};

struct checker {
	struct catalog_checker k;
	struct ctx *ctx;
	bool quick, no_table; /* no_table: faults are said on stderr, and missing files are not */
	uint64_t files, unreadable, missing;
};

static void say_fault(struct checker *c, const struct catalog_snapshot *s, const char *what)
{
	char id[16];

	if (c->no_table) {
		render_diag(c->ctx->render, "%s%s%s", s ? s->path : "", s ? ": " : "", what);
		return;
	}
	snprintf(id, sizeof(id), "%.12s", s ? s->hash : "");
	render_cell_str(c->ctx->render, s ? id : NULL);
	render_cell_str(c->ctx->render, s ? s->path : NULL);
	render_cell_str(c->ctx->render, what);
}

static int check_file(struct catalog_checker *k, const struct catalog_snapshot *s,
		      enum catalog_file *ret, struct err *e)
{
	struct checker *c = (struct checker *)k;
	struct err why = ERR_INIT;
	struct snapfile f;
	struct stat st;

	if (cancel_is_set(c->ctx->cancel))
		return err_set(e, ERR_CANCELLED, "interrupted after %llu files",
			       (unsigned long long)c->files);
	c->files++;
	if (stat(s->path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		c->missing++;
		*ret = CATALOG_FILE_MISSING;
		return 0;
	}
	if ((c->quick ? snapfile_open(s->path, &f, &why)
		      : snapfile_verify(s->path, c->ctx->progress, &f, &why)) < 0) {
		if (why.kind == ERR_CANCELLED || why.kind == ERR_NOMEM) {
			*e = why;
			return -1;
		}
		/* A file that cannot be read now says nothing about its content. */
		if (why.kind == ERR_HOST) {
			c->unreadable++;
			say_fault(c, s, why.msg);
			return 0;
		}
		render_diag(c->ctx->render, "%s", why.msg);
		*ret = CATALOG_FILE_DIFFERS;
		return 0;
	}
	if (strcmp(f.id, s->hash) != 0 || f.size != s->size)
		*ret = CATALOG_FILE_DIFFERS;
	snapfile_fini(&f);
	return 0;
}

static int check_found(struct catalog_checker *k, const struct catalog_snapshot *s, const char *what,
		       struct err *e)
{
	struct checker *c = (struct checker *)k;

	(void)e;
	if (!c->no_table || !s || access(s->path, F_OK) == 0)
		say_fault(c, s, what);
	return 0;
}

/* Files that lie where snapshots lie and are not known. */
static int check_strangers(struct ctx *ctx, uint64_t *ret_n, struct err *e)
{
	static const struct render_col cols[] = { { "path", "NOT IN THE CATALOGUE", false } };
	struct snapfile_list l = { NULL, 0, 0 };
	_cleanup_free_ char *dir = NULL;
	int r = 0;
	size_t i;

	*ret_n = 0;
	if (store_snapshot_dir(&dir, e) < 0) {
		if (e->kind != ERR_HOST)
			return -1;
		/* Without a home there is no usual place. */
		err_clear(e);
		return 0;
	}
	render_table(ctx->render, "unknown_files", cols, ARRAY_SIZE(cols));
	if (fs_is_dir(dir))
		r = snapfile_collect(dir, &l, e);
	for (i = 0; i < l.n && r == 0; i++) {
		_cleanup_free_ char *full = realpath(l.path[i], NULL);
		bool known = true;

		r = full ? catalog_has_path(ctx->catalog, full, &known, e) : 0;
		if (r < 0 || known)
			continue;
		render_cell_str(ctx->render, full);
		(*ret_n)++;
	}
	render_table_end(ctx->render, NULL);
	snapfile_list_fini(&l);
	return r;
}

struct held_count {
	struct catalog_rows rows;
	uint64_t n;
};

static int count_held(struct catalog_rows *rows, const struct catalog_held *h, struct err *e)
{
	(void)h;
	(void)e;
	((struct held_count *)rows)->n++;
	return 0;
}

static int check_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "id", "ID", false }, { "path", "FILE", false }, { "fault", "WHAT IS WRONG", false }
	};
	struct checker c = { .k = { check_file, check_found }, .ctx = ctx, .quick = parsed_flag(p, "quick") };
	struct held_count held = { .rows = { .held = count_held } };
	uint64_t wrong = 0, strangers = 0;
	int r;

	render_table(ctx->render, "faults", cols, ARRAY_SIZE(cols));
	r = catalog_check(ctx->catalog, &c.k, &wrong, e);
	render_table_end(ctx->render, NULL);
	if (r < 0 || check_strangers(ctx, &strangers, e) < 0 ||
	    catalog_helds(ctx->catalog, &held.rows, e) < 0)
		return -1;
	wrong += c.unreadable;
	render_u64(ctx->render, "files", "files checked", c.files);
	render_u64(ctx->render, "wrong", "wrong", wrong);
	render_u64(ctx->render, "unknown", "not in the catalogue", strangers);
	render_u64(ctx->render, "held", "held for you", held.n);
	if (!wrong)
		return 0;
	ctx->phase = PHASE_VERIFY;
	return err_set(e, ERR_INTEGRITY, "the check found %llu thing%s wrong",
		       (unsigned long long)wrong, wrong == 1 ? "" : "s");
}

const struct cmd cmd_catalog_check = {
	.name = "catalog check",
	.args = "",
	.summary = "check the catalogue, the audit log and every snapshot it lists",
	.about =
		"Looks at every page of the database, at each record of the audit log and its mirror, and verifies "
		"every snapshot's file. Snapshots in the usual folder that are not listed are named, too.",
	.example = "salvor catalog check",
	.opts = check_opts,
	.needs = NEED_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_CATALOG),
	.run = check_run,
};

/* ---- catalog prune ---- */

static const struct opt prune_opts[] = {
	{ .name = "keep", .kind = OPT_NUM, .arg = "N", .help = "keep the newest N of each module", .min = 1,
	  .max = 1000000 },
	{ .name = "days", .kind = OPT_NUM, .arg = "DAYS", .help = "keep what was made in the last DAYS days",
	  .min = 1, .max = 36500 },
	{ .name = "missing", .kind = OPT_FLAG, .help = "take out entries whose file is gone, too" },
	OPTS_END,
};

struct pruned {
	char hash[CATALOG_HASH_HEX + 1];
	char *path;
	char where[80];
	uint64_t size;
	bool gone;
};

struct prune {
	struct catalog_rows rows;
	struct pruned *v;
	size_t n, cap;
	bool missing; /* what is gone is wanted, too */
};

static int prune_row(struct catalog_rows *rows, const struct catalog_snapshot *s, struct err *e)
{
	struct prune *p = (struct prune *)rows;
	char id[CATVIEW_ID];
	struct pruned *x;

	if (s->gone && !p->missing)
		return 0;
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;

		x = reallocarray(p->v, cap, sizeof(*x));
		if (!x)
			return err_nomem(e);
		p->v = x;
		p->cap = cap;
	}
	x = &p->v[p->n];
	*x = (struct pruned){ .path = strdup(s->path), .size = s->size, .gone = s->gone };
	if (!x->path)
		return err_nomem(e);
	p->n++;
	snprintf(x->hash, sizeof(x->hash), "%s", s->hash);
	catview_id(s->module, id);
	snprintf(x->where, sizeof(x->where), "%s of %s, %.20s", catalog_verdict_name(s->verdict), id,
		 s->created);
	return 0;
}

/* Only what is still the file that the catalogue spoke of is deleted. */
static int delete_file(struct ctx *ctx, const struct pruned *x, bool *ret_deleted)
{
	struct err e = ERR_INIT;
	struct snapfile f;
	bool same;

	*ret_deleted = false;
	if (x->gone)
		return 0;
	if (snapfile_open(x->path, &f, &e) < 0) {
		if (e.kind == ERR_HOST && e.code == ENOENT)
			return 0;
		render_diag(ctx->render, "left alone: %s", e.msg);
		return -1;
	}
	same = strcmp(f.id, x->hash) == 0;
	snapfile_fini(&f);
	if (!same) {
		render_diag(ctx->render, "left alone: '%s' holds another snapshot than %.12s", x->path,
			    x->hash);
		return -1;
	}
	if (unlink(x->path) < 0) {
		render_diag(ctx->render, "cannot delete '%s': %s", x->path, strerror(errno));
		return -1;
	}
	*ret_deleted = true;
	return 0;
}

static int prune_apply(struct ctx *ctx, const struct prune *p, struct err *e)
{
	uint64_t forgotten = 0, deleted = 0, bytes = 0, left = 0;
	int r = 0;
	size_t i;

	for (i = 0; i < p->n && r == 0; i++) {
		bool done;

		if (cancel_is_set(ctx->cancel)) {
			r = err_set(e, ERR_CANCELLED, "interrupted; what was not reached stays");
			break;
		}
		/* The catalogue first: a file without an entry is found again, an entry without its
		 * file would promise a backup that is not there. */
		r = catalog_forget(ctx->catalog, p->v[i].hash, e);
		if (r < 0)
			break;
		forgotten++;
		left += delete_file(ctx, &p->v[i], &done) < 0;
		deleted += done;
		bytes += done ? p->v[i].size : 0;
	}
	render_u64(ctx->render, "forgotten", "taken out", forgotten);
	render_u64(ctx->render, "deleted", "files deleted", deleted);
	render_size(ctx->render, "bytes", "room gained", bytes);
	if (r == 0 && left) {
		ctx->phase = PHASE_START;
		return err_set(e, ERR_HOST, "%llu file(s) were taken out of the catalogue but not deleted",
			       (unsigned long long)left);
	}
	return r;
}

static int prune_ask(struct ctx *ctx, const struct prune *p, enum guard_verdict *ret, struct err *e)
{
	_cleanup_free_ struct guard_step *steps = calloc(p->n, sizeof(*steps));
	struct guard_plan plan = { .title = "delete snapshots that others make superfluous",
				   .step = steps,
				   .n_steps = p->n };
	size_t i;

	if (!steps)
		return err_nomem(e);
	for (i = 0; i < p->n; i++)
		steps[i] = (struct guard_step){ .action = p->v[i].gone ? "forget" : "delete",
						.target = p->v[i].path,
						.where = p->v[i].where,
						.bytes = p->v[i].gone ? 0 : p->v[i].size };
	return guard_ask(&ctx->guard, &plan, ret, e);
}

/* What stays must be there before anything goes: a first complete snapshot that is only an entry
 * protects nobody. */
static int prune_look(struct ctx *ctx, struct err *e)
{
	struct checker c = { .k = { check_file, check_found }, .ctx = ctx, .quick = true, .no_table = true };
	uint64_t wrong;

	if (catalog_check(ctx->catalog, &c.k, &wrong, e) < 0)
		return -1;
	wrong += c.unreadable;
	if (wrong == c.missing)
		return 0;
	ctx->phase = PHASE_VERIFY;
	ctx_next(ctx, "salvor catalog check");
	return err_set(e, ERR_INTEGRITY, "nothing was deleted, because %llu thing(s) in the catalogue are wrong",
		       (unsigned long long)(wrong - c.missing));
}

static int prune_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct catalog_keep keep = { .last = (unsigned)parsed_num(p, "keep", 0) };
	uint64_t days = parsed_num(p, "days", 0), now = clock_wall_s();
	struct prune pr = { .rows = { .snapshot = prune_row }, .missing = parsed_flag(p, "missing") };
	enum guard_verdict verdict = GUARD_DRY_RUN;
	char from[21];
	int r;

	if (!keep.last && !days)
		return err_set(e, ERR_USAGE, "what is to stay? give --keep N, --days DAYS, or both");
	if (days) {
		clock_iso(now > days * 86400 ? now - days * 86400 : 0, from);
		keep.created_from = from;
	}
	r = prune_look(ctx, e);
	if (r == 0)
		r = catalog_prune(ctx->catalog, &keep, &pr.rows, e);
	if (r == 0 && pr.n == 0) {
		render_note(ctx->render, "nothing to delete");
		render_u64(ctx->render, "deleted", "files deleted", 0);
	} else if (r == 0) {
		r = prune_ask(ctx, &pr, &verdict, e);
	}
	if (r == 0 && verdict == GUARD_GO)
		r = prune_apply(ctx, &pr, e);
	while (pr.n > 0)
		free(pr.v[--pr.n].path);
	free(pr.v);
	return r;
}

const struct cmd cmd_catalog_prune = {
	.name = "catalog prune",
	.args = "",
	.summary = "delete snapshots that others make superfluous",
	.about =
		"A module's first and last complete snapshot and its newest one always stay, and so do those of "
		"which nobody knows the module. With --keep and --days a snapshot stays when either says so. Every "
		"file is looked at first, and nothing is deleted while one of them is not what the catalogue says.",
	.example = "salvor catalog prune --keep 5 --days 90 --dry-run",
	.opts = prune_opts,
	.needs = NEED_CATALOG | CHANGES_HOST,
	.exits = EXITS_ALL | EXITS(STATUS_POLICY) | EXITS(STATUS_UNVERIFIED) |
		 EXITS(STATUS_CATALOG),
	.run = prune_run,
};
