/* efs extract: the whole tree of a dump, into a folder or a tar. */
#include "cmd/efs_image.h"

#include "base/cleanup.h"
#include "base/digest.h"
#include "cmd/efs_extract.h"
#include "cmd/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The list of everything, with what a host's files cannot say; no module's file can have the name.
 */
#define MANIFEST     "%manifest.jsonl"
#define MANIFEST_MAX (128u * 1024 * 1024)

struct extract {
	struct ctx *ctx;
	struct image *im;
	struct tree_out *out;
	struct buf list;
	struct image_tally tally;
	uint64_t files, items, links, dirs, bytes;
	/* A crafted image can name the same clusters in thousands of files. An honest one holds no
	 * more bytes than it has; what is partial has a purse of its own, so that a wrong length
	 * takes nothing from whole files. */
	uint64_t purse_whole, purse_partial;
};

static const char *suffix_of(const struct efs2_stat *st)
{
	if (st->verdict == EFS2_PARTIAL)
		return IMAGE_SUFFIX_PARTIAL;
	if (st->verdict == EFS2_UNVERIFIED)
		return IMAGE_SUFFIX_UNVERIFIED;
	return st->type == EFS2_LINK ? IMAGE_SUFFIX_LINK : "";
}

static int list_entry(struct extract *x, const char *path, const struct efs2_stat *st,
		      const char *stored, const char *sha256, uint64_t missing, struct err *e)
{
	struct json *j = json_object_new();
	_cleanup_free_ char *line = NULL;
	char mode[8];
	int r;

	snprintf(mode, sizeof(mode), "%06o", st->mode);
	json_put_str(j, "path", path);
	json_put_str(j, "type", efs_image_type(st->type));
	json_put_str(j, "mode", mode);
	json_put_u64(j, "size", st->size);
	json_put_u64(j, "mtime", st->mtime);
	json_put_str(j, "verdict", efs2_verdict_name(st->verdict));
	if (st->why[0])
		json_put_str(j, "why", st->why);
	json_put_str(j, "stored", stored);
	if (missing)
		json_put_u64(j, "missing", missing);
	if (sha256)
		json_put_str(j, "sha256", sha256);
	r = json_dump(j, 0, &line, e);
	json_free(j);
	if (r < 0 || buf_add(&x->list, line, strlen(line), e) < 0 ||
	    buf_add(&x->list, "\n", 1, e) < 0)
		return -1;
	if (st->verdict != EFS2_OK) {
		render_cell_str(x->ctx->render, path);
		render_cell_str(x->ctx->render, efs2_verdict_name(st->verdict));
		render_cell_str(x->ctx->render, stored);
		render_cell_str(x->ctx->render, st->why);
	}
	image_tally_add(&x->tally, st->verdict);
	return 0;
}

/* The entry cannot be given out: it is listed with the reason. */
static int leave_out(struct extract *x, const char *path, struct efs2_stat *st, const char *why,
		     struct err *e)
{
	st->verdict = EFS2_UNREADABLE;
	snprintf(st->why, sizeof(st->why), "left out: %.*s", (int)sizeof(st->why) - 12, why);
	return list_entry(x, path, st, NULL, NULL, 0, e);
}

static int put_dir(struct extract *x, const char *path, struct efs2_stat *st, struct err *e)
{
	char stored[TREE_PATH_MAX];
	struct err why = ERR_INIT;

	x->dirs++;
	if (tree_path(path, "", stored, &why) < 0 ||
	    tree_dir(x->out, stored, st->mode, st->mtime, &why) < 0) {
		if (why.kind == ERR_MISMATCH)
			return leave_out(x, path, st, why.msg, e);
		*e = why;
		return -1;
	}
	return list_entry(x, path, st, stored, NULL, 0, e);
}

static bool can_pay(struct extract *x, const struct efs2_stat *st)
{
	uint64_t *purse = st->verdict == EFS2_PARTIAL ? &x->purse_partial : &x->purse_whole;

	if (st->is_inline)
		return true;
	if (st->size > *purse)
		return false;
	*purse -= st->size;
	return true;
}

static int put_file(struct extract *x, const char *path, struct efs2_stat *st, struct err *e)
{
	bool partial = st->verdict == EFS2_PARTIAL;
	char stored[TREE_PATH_MAX], hex[DIGEST_HEX_MAX];
	struct digest_sink hashed;
	struct err why = ERR_INIT;
	uint64_t missing = 0;
	struct sink *to;
	/* A link's own permissions mean nothing. */
	unsigned mode = st->type == EFS2_LINK ? 0600 : st->mode;

	x->files += st->type == EFS2_REG || st->type == EFS2_OTHER;
	x->items += st->type == EFS2_ITEM;
	x->links += st->type == EFS2_LINK;
	if (st->verdict == EFS2_UNREADABLE)
		return list_entry(x, path, st, NULL, NULL, 0, e);
	if (!can_pay(x, st))
		return leave_out(x, path, st, "more bytes than the image can hold", e);
	if (tree_path(path, suffix_of(st), stored, &why) < 0 ||
	    tree_file_begin(x->out, stored, st->size, mode, st->mtime, &to, &why) < 0) {
		if (why.kind == ERR_MISMATCH)
			return leave_out(x, path, st, why.msg, e);
		*e = why;
		return -1;
	}
	digest_sink_init(&hashed, DIGEST_SHA256, to);
	if (efs2_copy(x->im->fs, st, &hashed.sink, partial ? &missing : NULL, &why) < 0) {
		if (why.kind == ERR_INTEGRITY && tree_file_undo(x->out, stored))
			return leave_out(x, path, st, why.msg, e);
		*e = why;
		return err_prefix(e, "'%.200s'", path);
	}
	if (tree_file_end(x->out, mode, st->mtime, e) < 0)
		return err_prefix(e, "'%.200s'", stored);
	x->bytes += hashed.n;
	digest_final_hex(&hashed.digest, hex);
	return list_entry(x, path, st, stored, hex, missing, e);
}

static int put_tree(struct extract *x, const char *top, struct err *e)
{
	struct efs2_stat st;
	struct efs2_walk *w;
	const char *path;
	int r;

	if (image_stat(x->im, top, &st, e) < 0)
		return -1;
	if (st.type != EFS2_DIR)
		return err_set(e, ERR_MISMATCH,
			       "'%s' is no directory: 'salvor efs get' takes single files", top);
	if (efs2_walk_open(x->im->fs, top, true, &w, e) < 0)
		return -1;
	if (st.verdict != EFS2_OK)
		image_tally_add(&x->tally, st.verdict);
	while ((r = efs2_walk_next(w, &path, &st, e)) == 0 && path) {
		if (cancel_is_set(x->ctx->cancel)) {
			r = err_set(e, ERR_CANCELLED, "stopped; nothing is kept");
			break;
		}
		r = st.type == EFS2_DIR ? put_dir(x, path, &st, e) : put_file(x, path, &st, e);
		if (r < 0)
			break;
		progress_step(x->ctx->progress, x->bytes);
	}
	efs2_walk_close(w);
	return r;
}

static int put_list(struct extract *x, struct err *e)
{
	struct sink *to;

	if (tree_file_begin(x->out, MANIFEST, x->list.n, 0600, 0, &to, e) < 0 ||
	    (x->list.n && sink_put(to, x->list.p, x->list.n, e) < 0))
		return -1;
	return tree_file_end(x->out, 0600, 0, e);
}

static void summary(struct extract *x, const char *output)
{
	struct render *r = x->ctx->render;

	render_str(r, "output", "written to", output);
	render_u64(r, "directories", "directories", x->dirs);
	render_u64(r, "files", "files", x->files);
	render_u64(r, "items", "items", x->items);
	render_u64(r, "links", "links", x->links);
	render_size(r, "bytes", "bytes", x->bytes);
	render_u64(r, "unverified", "unverified", x->tally.unverified);
	render_u64(r, "partial", "partial", x->tally.partial);
	render_u64(r, "unreadable", "left out", x->tally.unreadable);
}

static int extract(struct extract *x, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "path", "PATH", false },
		{ "verdict", "VERDICT", false },
		{ "stored", "STORED AS", false },
		{ "why", "WHY", false },
	};
	const char *top = parsed_arg(p, 0) ? parsed_arg(p, 0) : "/";
	int r;

	progress_begin(x->ctx->progress, "extracting", 0);
	render_table(x->ctx->render, "not_ok", cols, ARRAY_SIZE(cols));
	r = put_tree(x, top, e);
	render_table_end(x->ctx->render, NULL);
	if (r < 0 || put_list(x, e) < 0 || tree_commit(x->out, e) < 0)
		return -1;
	progress_end(x->ctx->progress, true);
	summary(x, parsed_str(p, "output"));
	return image_tally_end(&x->tally, e);
}

static int extract_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *output = parsed_str(p, "output");
	size_t n = output ? strlen(output) : 0;
	bool to_stdout = n == 1 && output[0] == '-';
	bool is_tar = to_stdout || (n > 4 && strcmp(output + n - 4, ".tar") == 0);
	struct extract x = { .ctx = ctx, .list = BUF_INIT(MANIFEST_MAX) };
	struct tree_out *out;
	struct sink *raw = NULL;
	struct image im;
	int r = -1;

	if (!output || n == 0)
		return err_set(e, ERR_USAGE, "where to? give -o DIR or -o FILE.tar");
	if (image_open(&im, p, e) < 0)
		return -1;
	out = calloc(1, sizeof(*out));
	if (!out) {
		image_close(&im);
		return err_nomem(e);
	}
	x.im = &im;
	x.out = out;
	x.purse_partial = im.file.reader.size;
	x.purse_whole = 2 * im.file.reader.size;
	if ((!to_stdout || render_raw(ctx->render, &raw, e) == 0) &&
	    tree_open(out, output, is_tar, raw, e) == 0) {
		r = extract(&x, p, e);
		tree_fini(out);
	}
	free(out);
	buf_fini(&x.list);
	image_close(&im);
	return r;
}

static const struct opt extract_opts[] = {
	IMAGE_OPTS,
	{ "output", 'o', OPT_STR, HINT_FILE, "DIR|FILE.tar|-",
	  "a new folder, a new tar, or a tar on standard output", 0, 0, NULL, 0 },
	OPTS_END,
};

const struct cmd cmd_efs_extract = {
	.name = "efs extract",
	.args = "[PATH]",
	.summary = "take the whole tree out of a raw dump",
	.about =
		"Files and items with their permissions and times, and a list of everything with its verdict in "
		"%manifest.jsonl. What is not proven to be whole never bears its plain name: NAME%.partial has "
		"zeros for missing pages, NAME%.unverified may be anything; links become NAME%.link, a text.",
	.example = "salvor efs extract --image efs2.bin -o efs2-tree",
	.opts = extract_opts,
	.max_args = 1,
	.exits = EXITS_IMAGE,
	.run = extract_run,
};
