/* efs ls|tree|get|stat on a raw dump. */
#include "cmd/efs_image.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *efs_image_type(enum efs2_type t)
{
	return t == EFS2_DIR ? "dir" : efs2_type_name(t);
}

/* A link's target, where it is proven; "" otherwise. */
static int read_target(struct image *im, const struct efs2_stat *st, char out[EFS2_PATH_MAX],
		       struct err *e)
{
	size_t n = 0;

	if (st->type == EFS2_LINK && st->verdict == EFS2_OK &&
	    efs2_read(im->fs, st, 0, out, EFS2_PATH_MAX - 1, &n, NULL, e) < 0)
		return -1;
	out[n] = '\0';
	return 0;
}

static int show_row(struct render *r, struct image *im, const char *path,
		    const struct efs2_stat *st, bool as_tree, struct err *e)
{
	char target[EFS2_PATH_MAX];
	struct efs_row x = {
		.name = path,
		.type = efs_image_type(st->type),
		.mode = st->mode,
		.size = st->size,
		.mtime = st->mtime,
		.verdict = efs2_verdict_name(st->verdict),
		.why = st->why,
	};

	if (!as_tree) {
		efs_show_list_row(r, &x);
		return 0;
	}
	if (read_target(im, st, target, e) < 0)
		return -1;
	x.target = target[0] ? target : NULL;
	efs_show_tree_row(r, &x);
	return 0;
}

static int list_below(struct ctx *ctx, struct image *im, const char *top, bool recurse,
		      struct image_tally *tally, struct err *e)
{
	struct efs2_walk *w;
	struct efs2_stat st;
	const char *path;
	int r;

	if (efs2_walk_open(im->fs, top, recurse, &w, e) < 0)
		return -1;
	while ((r = efs2_walk_next(w, &path, &st, e)) == 0 && path) {
		if (cancel_is_set(ctx->cancel)) {
			r = err_set(e, ERR_CANCELLED, "stopped");
			break;
		}
		image_tally_add(tally, st.verdict);
		r = show_row(ctx->render, im, recurse ? path : strrchr(path, '/') + 1, &st, recurse,
			     e);
		if (r < 0)
			break;
	}
	efs2_walk_close(w);
	return r;
}

static int list(struct ctx *ctx, struct image *im, const char *top, bool recurse,
		struct image_tally *tally, struct err *e)
{
	struct efs2_stat st;
	int r;

	if (image_stat(im, top, &st, e) < 0)
		return -1;
	image_tally_add(tally, st.verdict);
	/* Of a folder the verdict is that of its listing: names may be missing. */
	if (st.type == EFS2_DIR && st.verdict != EFS2_OK)
		render_note(ctx->render, "the listing of '%s' is %s: %s", top,
			    efs2_verdict_name(st.verdict), st.why);
	if (recurse)
		efs_show_tree(ctx->render, true);
	else
		efs_show_list(ctx->render, true);
	r = st.type == EFS2_DIR ? list_below(ctx, im, top, recurse, tally, e)
				: show_row(ctx->render, im, top, &st, recurse, e);
	efs_show_end(ctx->render);
	return r;
}

static int list_run(struct ctx *ctx, const struct parsed *p, bool recurse, struct err *e)
{
	const char *top = parsed_arg(p, 0) ? parsed_arg(p, 0) : "/";
	struct image_tally tally = { 0 };
	struct image im;
	int r;

	if (image_open(&im, p, e) < 0)
		return -1;
	r = list(ctx, &im, top, recurse, &tally, e);
	image_close(&im);
	return r < 0 ? -1 : image_tally_end(&tally, e);
}

int efs_image_ls(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	return list_run(ctx, p, false, e);
}

int efs_image_tree(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	return list_run(ctx, p, true, e);
}

static int stat_run(struct ctx *ctx, struct image *im, const char *path, struct err *e)
{
	struct image_tally tally = { 0 };
	struct render *r = ctx->render;
	char target[EFS2_PATH_MAX], mode[8];
	struct efs2_stat st;

	if (image_stat(im, path, &st, e) < 0 || read_target(im, &st, target, e) < 0)
		return -1;
	render_str(r, "path", "path", path);
	render_str(r, "type", "type", efs_image_type(st.type));
	if (st.type == EFS2_LINK)
		render_str(r, "target", "target", target[0] ? target : NULL);
	render_u64(r, "size", "size", st.size);
	render_u64(r, "nlink", "links", st.nlink);
	render_str(r, "mode", "mode", efs_mode_text(st.mode, mode));
	render_u64(r, "mtime", "changed", st.mtime);
	render_u64(r, "ctime", "made", st.ctime);
	render_u64(r, "atime", "read", st.atime);
	render_u64(r, "inode", "inode", st.inode);
	render_bool(r, "inline", "kept in its folder", st.is_inline);
	render_str(r, "verdict", "verdict", efs2_verdict_name(st.verdict));
	if (st.why[0])
		render_str(r, "why", "why", st.why);
	image_tally_add(&tally, st.verdict);
	return image_tally_end(&tally, e);
}

int efs_image_stat(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct image im;
	int r;

	if (image_open(&im, p, e) < 0)
		return -1;
	r = stat_run(ctx, &im, parsed_arg(p, 0), e);
	image_close(&im);
	return r;
}

/* ---- get ---- */

/* Where the bytes go when nothing is said: the last name of the path, harmless in any folder. */
static char *default_name(const char *path)
{
	const char *name = strrchr(path, '/');
	char *out = strdup(name && name[1] ? name + 1 : "root"), *c;

	for (c = out; c && *c; c++) {
		if (iscntrl((unsigned char)*c))
			*c = '_';
	}
	if (out && out[0] == '.')
		out[0] = '_';
	return out;
}

static int get_to_file(struct image *im, const struct efs2_stat *st, const char *path,
		       struct digest_sink *to, uint64_t *ret_missing, struct err *e)
{
	struct fd_sink file;
	struct fs_new out;

	if (fs_new_open(&out, path, false, e) < 0)
		return -1;
	fd_sink_init(&file, out.fd);
	to->next = &file.sink;
	if (efs2_copy(im->fs, st, &to->sink, ret_missing, e) < 0) {
		fs_new_abort(&out);
		return -1;
	}
	return fs_new_commit(&out, e);
}

static int get_run(struct ctx *ctx, const struct parsed *p, struct image *im, struct err *e)
{
	const char *from = parsed_arg(p, 0), *output = parsed_str(p, "output");
	bool to_stdout = output && strcmp(output, "-") == 0;
	_cleanup_free_ char *base = NULL, *path = NULL;
	struct image_tally tally = { 0 };
	struct digest_sink hashed;
	struct efs2_stat st;
	uint64_t missing = 0;
	char hex[DIGEST_HEX_MAX];

	if (image_stat(im, from, &st, e) < 0)
		return -1;
	if (st.type == EFS2_DIR)
		return err_set(e, ERR_MISMATCH,
			       "'%s' is a directory: 'salvor efs extract' takes whole trees", from);
	if (st.verdict == EFS2_UNREADABLE)
		return err_set(e, ERR_PARTIAL, "nothing of '%s' can be read: %s", from, st.why);
	digest_sink_init(&hashed, DIGEST_SHA256, NULL);
	if (to_stdout) {
		/* Whoever reads a pipe sees no suffix. */
		if (st.verdict != EFS2_OK)
			return err_set(e,
				       st.verdict == EFS2_PARTIAL ? ERR_PARTIAL : ERR_INTEGRITY,
				       "'%s' is %s and is written to files only: %s", from,
				       efs2_verdict_name(st.verdict), st.why);
		if (render_raw(ctx->render, &hashed.next, e) < 0 ||
		    efs2_copy(im->fs, &st, &hashed.sink, NULL, e) < 0)
			return -1;
		return 0;
	}
	base = output && !fs_is_dir(output) ? strdup(output) : default_name(from);
	if (base && output && fs_is_dir(output)) {
		char *whole = fs_join(output, base);

		free(base);
		base = whole;
	}
	if (!base || asprintf(&path, "%s%s", base,
			      st.verdict == EFS2_PARTIAL      ? IMAGE_SUFFIX_PARTIAL
			      : st.verdict == EFS2_UNVERIFIED ? IMAGE_SUFFIX_UNVERIFIED
							      : "") < 0) {
		path = NULL;
		return err_nomem(e);
	}
	if (get_to_file(im, &st, path, &hashed, st.verdict == EFS2_PARTIAL ? &missing : NULL,
			e) < 0)
		return -1;
	digest_final_hex(&hashed.digest, hex);
	render_str(ctx->render, "path", "path", from);
	render_str(ctx->render, "type", "type", efs_image_type(st.type));
	render_str(ctx->render, "file", "written to", path);
	render_size(ctx->render, "bytes", "size", hashed.n);
	render_u64(ctx->render, "missing", "of them missing", missing);
	render_str(ctx->render, "sha256", "SHA-256", hex);
	render_str(ctx->render, "verdict", "verdict", efs2_verdict_name(st.verdict));
	if (st.why[0])
		render_str(ctx->render, "why", "why", st.why);
	image_tally_add(&tally, missing ? EFS2_PARTIAL : st.verdict);
	return image_tally_end(&tally, e);
}

int efs_image_get(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct image im;
	int r;

	if (image_open(&im, p, e) < 0)
		return -1;
	r = get_run(ctx, p, &im, e);
	image_close(&im);
	return r;
}
