/* efs get: files and whole folders out of the modem's file system. */
#include "cmd/efs.h"

#include "backup/pull_diag.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "cmd/efs_image.h"
#include "cmd/ports.h"
#include "cmd/table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct opt get_opts[] = {
	PORTS_OPTS,
	IMAGE_OPTS,
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE|DIR|-",
	  .help = "where it goes (default: its name, in this folder)" },
	OPTS_END,
};

/* One file into `path` or, with "-", to standard output. */
static int get_file(struct ctx *ctx, struct efs *f, const char *from, const struct efs_attr *a,
		    const char *to, struct err *e)
{
	struct digest_sink hashed;
	struct sink *raw = NULL;
	char hex[DIGEST_HEX_MAX];
	struct fd_sink file;
	struct fs_new out;
	uint64_t n;
	int r;

	if (strcmp(to, "-") == 0) {
		if (render_raw(ctx->render, &raw, e) < 0)
			return -1;
		return efs_read(f, from, a, raw, &n, e);
	}
	if (fs_new_open(&out, to, false, e) < 0)
		return -1;
	fd_sink_init(&file, out.fd);
	digest_sink_init(&hashed, DIGEST_SHA256, &file.sink);
	r = efs_read(f, from, a, &hashed.sink, &n, e);
	if (r == 0)
		r = fs_new_commit(&out, e);
	else
		fs_new_abort(&out);
	if (r < 0)
		return -1;
	digest_final_hex(&hashed.digest, hex);
	render_str(ctx->render, "path", "path", from);
	render_str(ctx->render, "type", "type", efs_type_word(efs_type(a)));
	render_str(ctx->render, "file", "written to", to);
	render_size(ctx->render, "bytes", "size", n);
	render_str(ctx->render, "sha256", "SHA-256", hex);
	return 0;
}

/* --- folders --- */

struct getter {
	struct pull_ops ops;
	struct ctx *ctx;
	const char *from, *to;
	struct fs_new out;
	struct fd_sink file;
	bool is_open;
	struct json *gaps;
	uint64_t n_gaps;
};

static struct getter *of(struct pull_ops *ops)
{
	return container_of(ops, struct getter, ops);
}

/* The place of an item below the output folder. Names on the module have no slashes and are neither "."
 * nor "..", so it stays below. */
static char *place_of(const struct getter *g, const char *path)
{
	size_t n = strlen(g->from);

	if (n > 1 && strncmp(path, g->from, n) == 0)
		path += n;
	while (*path == '/')
		path++;
	return *path ? fs_join(g->to, path) : strdup(g->to);
}

/* A hidden file has folders that nobody told of. */
static int make_parents(const char *place, struct err *e)
{
	_cleanup_free_ char *dir = strdup(place);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!dir)
		return err_nomem(e);
	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return fs_is_dir(dir) ? 0 : fs_mkdirs(dir, e);
}

static int get_item(struct pull_ops *ops, const struct pull_item *item, struct sink **ret, struct err *e)
{
	struct getter *g = of(ops);
	_cleanup_free_ char *place = place_of(g, item->path);

	if (!place)
		return err_nomem(e);
	if (item->type == EFS_TYPE_DIR)
		return fs_mkdirs(place, e);
	if (item->type == EFS_TYPE_LINK) {
		render_diag(g->ctx->render, "link '%s' to '%s' is not made here", item->path, item->target);
		return 0;
	}
	if (item->type != EFS_TYPE_FILE && item->type != EFS_TYPE_ITEM)
		return 0;
	if (make_parents(place, e) < 0 || fs_new_open(&g->out, place, false, e) < 0)
		return -1;
	g->is_open = true;
	fd_sink_init(&g->file, g->out.fd);
	*ret = &g->file.sink;
	return 0;
}

static int get_end(struct pull_ops *ops, const struct pull_item *item, uint64_t n, const struct err *why,
		   struct err *e)
{
	struct getter *g = of(ops);

	(void)item;
	(void)n;
	g->is_open = false;
	if (!why)
		return fs_new_commit(&g->out, e);
	fs_new_abort(&g->out);
	return 0;
}

static int get_gap(struct pull_ops *ops, const char *what, enum pull_gap how, bool is_folder,
		   const struct err *why, struct err *e)
{
	struct getter *g = of(ops);
	struct json *o;

	(void)e;
	if (how == PULL_GAP_ABSENT)
		return 0;
	g->n_gaps++;
	o = json_add_object(g->gaps);
	json_put_str(o, "path", what);
	json_put_str(o, "gap", pull_gap_name(how));
	json_put_bool(o, "folder", is_folder);
	json_put_str(o, "why", why->msg);
	render_diag(g->ctx->render, "%s%s: %s", is_folder ? "folder " : "", what, why->msg);
	return 0;
}

static int get_folder(struct ctx *ctx, struct efs *f, const char *from, const char *to, struct err *e)
{
	struct getter g = { .ops = { .item = get_item, .end = get_end, .gap = get_gap },
			    .ctx = ctx, .from = from, .to = to };
	/* All of it includes what no listing shows. */
	struct pull_diag pull = { .efs = f, .from = strcmp(from, "/") == 0 ? NULL : from,
				  .progress = ctx->progress, .ops = &g.ops };
	struct pull_counts counts;

	if (strcmp(to, "-") == 0)
		return err_set(e, ERR_USAGE, "'%s' is a folder: give a folder with -o", from);
	if (access(to, F_OK) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not written into", to);
	if (fs_mkdirs(to, e) < 0)
		return -1;
	g.gaps = json_put_array(render_result(ctx->render), "gaps");
	if (pull_diag(&pull, &counts, e) < 0) {
		if (g.is_open)
			fs_new_abort(&g.out);
		return -1;
	}
	render_str(ctx->render, "path", "path", from);
	render_str(ctx->render, "file", "written to", to);
	render_u64(ctx->render, "folders", "folders", counts.dirs);
	render_u64(ctx->render, "files", "files", counts.files);
	render_u64(ctx->render, "items", "item files", counts.items);
	render_u64(ctx->render, "links", "links", counts.links);
	render_u64(ctx->render, "hidden", "not in any listing", counts.hidden);
	render_size(ctx->render, "bytes", "size", counts.bytes);
	if (g.n_gaps)
		return err_set(e, ERR_PARTIAL, "%" PRIu64 " places could not be read", g.n_gaps);
	return 0;
}

static int get(struct ctx *ctx, const struct parsed *p, struct efs *f, struct err *e)
{
	const char *from = parsed_arg(p, 0), *to = parsed_str(p, "output");
	const char *base = strrchr(from, '/') + 1;
	_cleanup_free_ char *inside = NULL;
	struct efs_attr a;

	if (!to && !*base)
		return err_set(e, ERR_USAGE, "give a folder for '%s' with -o", from);
	if (!to)
		to = base;
	/* Every module has it, whatever it says when asked. */
	if (strcmp(from, "/") == 0)
		a.mode = EFS_S_IFDIR;
	else if (efs_stat(f, from, &a, e) < 0)
		return -1;
	if (efs_type(&a) == EFS_TYPE_DIR)
		return get_folder(ctx, f, from, to, e);
	if (fs_is_dir(to)) {
		inside = fs_join(to, base);
		if (!inside)
			return err_nomem(e);
		to = inside;
	}
	return get_file(ctx, f, from, &a, to, e);
}

static int get_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct normal m;

	if (parsed_str(p, "image"))
		return efs_image_get(ctx, p, e);
	if (efs_check_paths(p, 0, e) < 0 || efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, get(ctx, p, m.efs, e), e);
}

const struct cmd cmd_efs_get = {
	.name = "efs get",
	.args = "PATH",
	.summary = "copy a file or folder of the modem to this computer",
	.about = "Files are read whole or not at all and never overwrite anything. The root folder includes the files "
		 "that no listing shows. What cannot be read is told, and the exit status is 9.",
	.example = "salvor efs get /nv/item_files -o item_files",
	.opts = get_opts,
	.needs = NEED_DIAG,
	.min_args = 1,
	.max_args = 1,
	.exits = EFS_EXITS_READ | EXITS_IMAGE,
	.run = get_run,
};
