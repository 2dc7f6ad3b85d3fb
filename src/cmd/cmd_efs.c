/* efs ls|tree|stat|df|sync: looking at the modem's file system. */
#include "cmd/efs.h"

#include "backup/pull_diag.h"
#include "cmd/efs_image.h"
#include "cmd/ports.h"
#include "cmd/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct opt efs_opts[] = { PORTS_OPTS, OPTS_END };
static const struct opt look_opts[] = { PORTS_OPTS, IMAGE_OPTS, OPTS_END };

int efs_verb_open(struct ctx *ctx, const struct parsed *p, struct normal *m, struct err *e)
{
	if (ports_open(ctx, p, m, e) < 0)
		return -1;
	return normal_efs(m, e) < 0 ? ports_close(ctx, m, -1, e) : 0;
}

const char *efs_type_word(enum efs_type t)
{
	static const char *const words[] = { "unknown", "file", "item", "dir", "link", "other" };

	return words[t];
}

int efs_check_paths(const struct parsed *p, unsigned from, struct err *e)
{
	unsigned i;

	for (i = from; i < p->n_arg; i++) {
		if (efs_path_check(p->arg[i], e) < 0)
			return -1;
	}
	return 0;
}

/* --- ls --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct efs_entry *)a)->name, ((const struct efs_entry *)b)->name);
}

static void ls_row(struct render *r, const char *name, const struct efs_attr *a)
{
	struct efs_row x = { .name = name, .type = efs_type_word(efs_type(a)),
			     .mode = (uint16_t)(a->mode & 0177777u), .size = a->size, .mtime = a->mtime };

	efs_show_list_row(r, &x);
}

static int ls(struct ctx *ctx, struct efs *f, const char *path, struct err *e)
{
	struct efs_list l = { 0 };
	struct efs_attr a;
	size_t i;
	int r;

	if (strcmp(path, "/") == 0) {
		a.mode = EFS_S_IFDIR;
	} else if (efs_stat(f, path, &a, e) < 0) {
		/* Some folders answer to listing only. */
		if (e->kind != ERR_REFUSED || efs_is_absent(e))
			return -1;
		err_clear(e);
		a.mode = EFS_S_IFDIR;
	}
	r = efs_type(&a) == EFS_TYPE_DIR ? efs_list(f, path, &l, e) : 0;
	/* What came before it broke off is shown all the same. */
	if (r == 0 || l.n) {
		if (l.n)
			qsort(l.entry, l.n, sizeof(*l.entry), by_name);
		efs_show_list(ctx->render, false);
		if (efs_type(&a) != EFS_TYPE_DIR)
			ls_row(ctx->render, path, &a);
		for (i = 0; i < l.n; i++)
			ls_row(ctx->render, l.entry[i].name, &l.entry[i].attr);
		efs_show_end(ctx->render);
	}
	efs_list_fini(&l);
	return r;
}

static int ls_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *path = parsed_arg(p, 0) ? parsed_arg(p, 0) : "/";
	struct normal m;

	if (parsed_str(p, "image"))
		return efs_image_ls(ctx, p, e);
	if (efs_check_paths(p, 0, e) < 0 || efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, ls(ctx, m.efs, path, e), e);
}

const struct cmd cmd_efs_ls = {
	.name = "efs ls",
	.args = "[PATH]",
	.summary = "list a folder of the modem's file system",
	.about = "Types are file, item (an item file, read and replaced as a whole), dir and link.",
	.example = "salvor efs ls /nv/item_files",
	.opts = look_opts,
	.needs = NEED_DIAG,
	.max_args = 1,
	.exits = EFS_EXITS_READ | EXITS_IMAGE,
	.run = ls_run,
};

/* --- tree --- */

struct tree_row {
	char *path, *target;
	enum efs_type type;
	uint32_t size;
	bool hidden;
};

struct tree {
	struct pull_ops ops;
	struct ctx *ctx;
	struct tree_row *row;
	size_t n, cap;
	struct json *gaps;
	unsigned n_gaps;
};

static int tree_item(struct pull_ops *ops, const struct pull_item *item, struct sink **ret, struct err *e)
{
	struct tree *t = container_of(ops, struct tree, ops);
	struct tree_row *row;

	(void)ret;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		struct tree_row *more = reallocarray(t->row, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		t->row = more;
		t->cap = cap;
	}
	row = &t->row[t->n];
	*row = (struct tree_row){ .path = strdup(item->path), .type = item->type,
				  .size = item->attr.size, .hidden = item->hidden };
	if (!row->path)
		return err_nomem(e);
	t->n++;
	if (item->target && !(row->target = strdup(item->target)))
		return err_nomem(e);
	return 0;
}

static int tree_gap(struct pull_ops *ops, const char *what, enum pull_gap how, bool is_folder,
		    const struct err *why, struct err *e)
{
	struct tree *t = container_of(ops, struct tree, ops);
	struct json *o;

	(void)e;
	if (how == PULL_GAP_ABSENT)
		return 0;
	t->n_gaps++;
	o = json_add_object(t->gaps);
	json_put_str(o, "path", what);
	json_put_bool(o, "folder", is_folder);
	json_put_str(o, "why", why->msg);
	render_diag(t->ctx->render, "%s '%s' could not be looked into: %s", is_folder ? "folder" : "file",
		    what, why->msg);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct tree_row *)a)->path, ((const struct tree_row *)b)->path);
}

static void tree_show(struct tree *t)
{
	size_t i;

	if (t->n)
		qsort(t->row, t->n, sizeof(*t->row), by_path);
	efs_show_tree(t->ctx->render, false);
	for (i = 0; i < t->n; i++) {
		struct efs_row x = { .name = t->row[i].path, .type = efs_type_word(t->row[i].type),
				     .size = t->row[i].size, .target = t->row[i].target };

		efs_show_tree_row(t->ctx->render, &x);
	}
	efs_show_end(t->ctx->render);
}

static int tree_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct tree t = { .ops = { .item = tree_item, .gap = tree_gap }, .ctx = ctx };
	struct pull_diag pull = { .from = parsed_arg(p, 0) ? parsed_arg(p, 0) : "/",
				  .progress = ctx->progress, .ops = &t.ops };
	struct pull_counts counts;
	struct normal m;
	int r;

	if (parsed_str(p, "image"))
		return efs_image_tree(ctx, p, e);
	if (efs_check_paths(p, 0, e) < 0 || efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	t.gaps = json_put_array(render_result(ctx->render), "gaps");
	pull.efs = m.efs;
	r = pull_diag(&pull, &counts, e);
	if (r == 0) {
		tree_show(&t);
		if (t.n_gaps)
			r = err_set(e, ERR_PARTIAL, "%u places could not be looked into", t.n_gaps);
	}
	while (t.n) {
		t.n--;
		free(t.row[t.n].path);
		free(t.row[t.n].target);
	}
	free(t.row);
	return ports_close(ctx, &m, r, e);
}

const struct cmd cmd_efs_tree = {
	.name = "efs tree",
	.args = "[PATH]",
	.summary = "list everything below a folder",
	.about = "Links are shown with their target and not followed. A folder that cannot be listed is told, and the "
		 "exit status is 9.",
	.example = "salvor efs tree /nvm",
	.opts = look_opts,
	.needs = NEED_DIAG,
	.max_args = 1,
	.exits = EFS_EXITS_READ | EXITS_IMAGE,
	.run = tree_run,
};

/* --- stat --- */

static int stat_one(struct ctx *ctx, struct efs *f, const char *path, struct err *e)
{
	struct render *r = ctx->render;
	struct efs_attr link, a;
	char text[16], *target;

	if (efs_lstat(f, path, &link, e) < 0)
		return -1;
	render_str(r, "path", "path", path);
	render_str(r, "type", "type", efs_type_word(efs_type(&link)));
	if (efs_type(&link) == EFS_TYPE_LINK) {
		if (efs_readlink(f, path, &target, e) < 0)
			return -1;
		render_str(r, "target", "target", target);
		free(target);
		a = link;
	} else if (efs_stat(f, path, &a, e) < 0) {
		return -1;
	} else {
		render_u64(r, "size", "size", a.size);
		render_u64(r, "nlink", "links", a.nlink);
	}
	snprintf(text, sizeof(text), "%06o", a.mode & 0177777u);
	render_str(r, "mode", "mode", text);
	render_u64(r, "mtime", "changed", a.mtime);
	render_u64(r, "ctime", "made", a.ctime);
	render_u64(r, "atime", "read", a.atime);
	return 0;
}

static int stat_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct normal m;

	if (parsed_str(p, "image"))
		return efs_image_stat(ctx, p, e);
	if (efs_check_paths(p, 0, e) < 0 || efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, stat_one(ctx, m.efs, parsed_arg(p, 0), e), e);
}

const struct cmd cmd_efs_stat = {
	.name = "efs stat",
	.args = "PATH",
	.summary = "show type, mode and size of a file",
	.about = "Times are seconds since 1970 by the module's clock, which often began at its last start.",
	.example = "salvor efs stat /nvm/num/453",
	.opts = look_opts,
	.needs = NEED_DIAG,
	.min_args = 1,
	.max_args = 1,
	.exits = EFS_EXITS_READ | EXITS_IMAGE,
	.run = stat_run,
};

/* --- df --- */

static int df_one(struct ctx *ctx, struct efs *f, const char *path, struct err *e)
{
	struct render *r = ctx->render;
	struct efs_statfs_answer a;
	struct efs_query q;
	char subsys[8];

	if (efs_statfs(f, path, &a, e) < 0)
		return -1;
	snprintf(subsys, sizeof(subsys), "0x%02x", efs_subsystem(f));
	render_str(r, "subsystem", "DIAG subsystem", subsys);
	render_str(r, "type", "type", a.type);
	render_u64(r, "block_size", "block size", a.block_size);
	render_size(r, "bytes", "size", (uint64_t)a.block_size * a.total);
	render_size(r, "free", "free", (uint64_t)a.block_size * a.free);
	render_size(r, "available", "available", (uint64_t)a.block_size * a.available);
	render_u64(r, "files", "files", a.files);
	render_u64(r, "max_files", "files at most", a.max_files);
	if (efs_query(f, &q, e) < 0) {
		if (e->kind != ERR_REFUSED)
			return -1;
		err_clear(e);
		return 0;
	}
	render_u64(r, "max_path", "longest path", q.max_path);
	render_u64(r, "max_name", "longest name", q.max_name);
	return 0;
}

static int df_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *path = parsed_arg(p, 0) ? parsed_arg(p, 0) : "/";
	struct normal m;

	if (efs_check_paths(p, 0, e) < 0 || efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, df_one(ctx, m.efs, path, e), e);
}

const struct cmd cmd_efs_df = {
	.name = "efs df",
	.args = "[PATH]",
	.summary = "show how full the modem's file system is",
	.example = "salvor efs df",
	.opts = efs_opts,
	.needs = NEED_DIAG,
	.max_args = 1,
	.exits = EFS_EXITS_READ,
	.run = df_run,
};

/* --- sync --- */

static int sync_it(struct ctx *ctx, struct efs *f, struct err *e)
{
	static const char *const words[] = {
		[EFS_SYNC_DONE] = "done", [EFS_SYNC_CLEAN] = "clean", [EFS_SYNC_ASSUMED] = "assumed"
	};
	static const char *const text[] = {
		[EFS_SYNC_DONE] = "everything is in flash",
		[EFS_SYNC_CLEAN] = "there was nothing to write",
		[EFS_SYNC_ASSUMED] = "the module does not tell when it is done; waited some seconds",
	};
	enum efs_synced how;

	if (efs_sync(f, &how, e) < 0)
		return -1;
	json_put_str(render_result(ctx->render), "sync", words[how]);
	render_line(ctx->render, "%s", text[how]);
	return 0;
}

static int sync_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct normal m;

	if (efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, sync_it(ctx, m.efs, e), e);
}

const struct cmd cmd_efs_sync = {
	.name = "efs sync",
	.args = "",
	.summary = "have the module write its journal to flash",
	.about = "What was written to the modem's file system survives a power cut for certain only after that. The "
		 "verbs that write do it by themselves.",
	.example = "salvor efs sync",
	.opts = efs_opts,
	.needs = NEED_DIAG,
	.exits = EFS_EXITS_READ,
	.run = sync_run,
};
