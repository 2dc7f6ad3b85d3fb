/* efs ls|tree|get|stat on a raw dump. */
#include "cmd/efs_image.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/fs.h"
#include "cmd/table.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct efs_entry efs_image_entry(const char *path, const struct efs2_stat *st)
{
	return (struct efs_entry){
		.path = path,
		.type = efs2_type_name(st->type),
		.mode = st->mode,
		.size = st->size,
		.mtime = st->mtime,
		.verdict = efs2_verdict_name(st->verdict),
		.why = st->why,
	};
}

static int list(struct ctx *ctx, struct image *im, const char *top, bool recurse,
		struct image_tally *tally, struct err *e)
{
	struct efs2_walk *w;
	struct efs_show show;
	struct efs_entry x;
	struct efs2_stat st;
	const char *path;
	int r = 0;

	if (image_stat(im, top, &st, e) < 0)
		return -1;
	/* Of a folder the verdict is that of its listing: names may be missing. */
	if (st.type == EFS2_DIR) {
		image_tally_add(tally, st.verdict);
		if (st.verdict != EFS2_OK)
			render_note(ctx->render, "the listing of '%s' is %s: %s", top,
				    efs2_verdict_name(st.verdict), st.why);
		if (efs2_walk_open(im->fs, top, recurse, &w, e) < 0)
			return -1;
	}
	efs_show_begin(&show, ctx->render, top, recurse, true);
	if (st.type != EFS2_DIR) {
		image_tally_add(tally, st.verdict);
		x = efs_image_entry(top, &st);
		efs_show_entry(&show, &x);
	} else {
		while ((r = efs2_walk_next(w, &path, &st, e)) == 0 && path) {
			if (cancel_is_set(ctx->cancel)) {
				r = err_set(e, ERR_CANCELLED, "stopped");
				break;
			}
			image_tally_add(tally, st.verdict);
			x = efs_image_entry(path, &st);
			efs_show_entry(&show, &x);
		}
		efs2_walk_close(w);
	}
	efs_show_end(&show);
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
	struct efs_entry x;
	struct efs2_stat st;

	if (image_stat(im, path, &st, e) < 0)
		return -1;
	x = efs_image_entry(path, &st);
	efs_show_facts(ctx->render, &x, true);
	render_u64(ctx->render, "nlink", "links", st.nlink);
	render_u64(ctx->render, "uid", "uid", st.uid);
	render_u64(ctx->render, "gid", "gid", st.gid);
	render_u64(ctx->render, "inode", "inode", st.inode);
	render_bool(ctx->render, "inline", "kept in its folder", st.is_inline);
	if (st.type == EFS2_LINK && st.verdict == EFS2_OK) {
		char target[EFS2_PATH_MAX];
		size_t n;

		if (efs2_read(im->fs, &st, 0, target, sizeof(target) - 1, &n, NULL, e) < 0)
			return -1;
		target[n] = '\0';
		render_str(ctx->render, "target", "target", target);
	}
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
	render_str(ctx->render, "type", "type", efs2_type_name(st.type));
	render_str(ctx->render, "file", "file", path);
	render_u64(ctx->render, "size", "bytes", hashed.n);
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

/* ---- rows ---- */

static const struct opt image_opts[] = { IMAGE_OPTS, OPTS_END };
static const struct opt get_opts[] = {
	IMAGE_OPTS,
	{ "output", 'o', OPT_STR, HINT_FILE, "FILE|DIR|-",
	  "where the bytes go; - is standard output", 0, 0, NULL, 0 },
	OPTS_END,
};

const struct cmd cmd_efs_ls = {
	.name = "efs ls",
	.args = "[PATH]",
	.summary = "list a folder of the modem's file system",
	.about = "PATH begins with '/'; the default is the root. From a dump every entry comes with a verdict: "
		 "ok, unverified, partial or unreadable.",
	.example = "salvor efs ls --image efs2.bin /nvm/num",
	.opts = image_opts,
	.max_args = 1,
	.exits = EXITS_IMAGE,
	.run = efs_image_ls,
};

const struct cmd cmd_efs_tree = {
	.name = "efs tree",
	.args = "[PATH]",
	.summary = "list the modem's file system from a folder down",
	.about = "In a damaged dump, directories whose own name is lost come last, below /%lost, by number.",
	.example = "salvor efs tree --image efs2.bin",
	.opts = image_opts,
	.max_args = 1,
	.exits = EXITS_IMAGE,
	.run = efs_image_tree,
};

const struct cmd cmd_efs_get = {
	.name = "efs get",
	.args = "PATH",
	.summary = "copy one file or item out of the modem's file system",
	.about = "Exactly its bytes, into a new file. What is not proven to be whole gets a name that says so: "
		 "NAME%.partial (missing pages are zeros) or NAME%.unverified.",
	.example = "salvor efs get --image efs2.bin /nvm/num/550 -o 550.bin",
	.opts = get_opts,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_IMAGE,
	.run = efs_image_get,
};

const struct cmd cmd_efs_stat = {
	.name = "efs stat",
	.args = "PATH",
	.summary = "show one entry of the modem's file system",
	.example = "salvor efs stat --image efs2.bin /nvm/num/550",
	.opts = image_opts,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_IMAGE,
	.run = efs_image_stat,
};
