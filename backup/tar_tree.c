#include "backup/tar_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TAR_BUFFER 65536

struct tar_tree {
	struct sink body;
	struct archive *a;
	struct archive_entry *entry;
	struct sink *to;
	struct err why; /* of the sink, from inside libarchive's callback */
	uint64_t left;  /* of the present member */
	bool dropped;   /* nothing may follow, no end either */
};

static la_ssize_t write_cb(_unused_ struct archive *a, void *ctx, const void *p, size_t n)
{
	struct tar_tree *t = ctx;

	if (t->dropped)
		return -1;
	return sink_put(t->to, p, n, &t->why) < 0 ? -1 : (la_ssize_t)n;
}

/* The sink's own reason goes before libarchive's words for it. */
static int failed(struct tar_tree *t, struct err *e)
{
	const char *text;

	if (t->why.kind != ERR_NONE) {
		*e = t->why;
		return -1;
	}
	text = archive_error_string(t->a);
	return err_set(e, archive_errno(t->a) == ENOMEM ? ERR_NOMEM : ERR_HOST,
		       "cannot write the archive: %s", text ? text : "libarchive failed");
}

static int body_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct tar_tree *t = container_of(s, struct tar_tree, body);

	if (n > t->left)
		return err_set(e, ERR_INTEGRITY, "%zu bytes where %" PRIu64 " were announced", n,
			       t->left);
	if (n && archive_write_data(t->a, p, n) != (la_ssize_t)n)
		return failed(t, e);
	t->left -= n;
	return 0;
}

void tar_tree_abort(struct tar_tree *t)
{
	if (!t)
		return;
	/* archive_write_fail() would keep the end from being written too, and leak the buffers. */
	t->dropped = true;
	if (t->a)
		(void)archive_write_free(t->a);
	archive_entry_free(t->entry);
	free(t);
}

int tar_tree_open(struct sink *to, struct tar_tree **ret, struct err *e)
{
	struct tar_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return err_nomem(e);
	t->body.put = body_put;
	t->to = to;
	t->a = archive_write_new();
	t->entry = archive_entry_new();
	if (!t->a || !t->entry) {
		err_nomem(e);
		goto fail;
	}
	if (archive_write_set_format_pax_restricted(t->a) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(t->a, TAR_BUFFER) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(t->a, 1) != ARCHIVE_OK ||
	    archive_write_open(t->a, t, NULL, write_cb, NULL) != ARCHIVE_OK) {
		failed(t, e);
		goto fail;
	}
	*ret = t;
	return 0;
fail:
	tar_tree_abort(t);
	return -1;
}

static bool is_harmless(const char *path)
{
	size_t n;

	for (;; path += n + 1) {
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && path[0] == '.') ||
		    (n == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		if (path[n] == '\0')
			return true;
	}
}

static int finish_member(struct tar_tree *t, struct err *e)
{
	if (t->left)
		return err_set(e, ERR_INTEGRITY,
			       "%" PRIu64 " bytes fewer than were announced for a member", t->left);
	return 0;
}

int tar_tree_add(struct tar_tree *t, const struct tar_entry *x, struct sink **ret, struct err *e)
{
	if (finish_member(t, e) < 0)
		return -1;
	if (!is_harmless(x->path) || x->size > INT64_MAX)
		return err_set(e, ERR_BUG, "'%.200s' is no path for an archive", x->path);
	archive_entry_clear(t->entry);
	archive_entry_set_pathname(t->entry, x->path);
	archive_entry_set_filetype(t->entry, x->is_dir ? AE_IFDIR : AE_IFREG);
	archive_entry_set_perm(t->entry, (__LA_MODE_T)(x->mode & 0777));
	archive_entry_set_mtime(t->entry, (time_t)x->mtime, 0);
	archive_entry_set_size(t->entry, x->is_dir ? 0 : (la_int64_t)x->size);
	/* A name that is no UTF-8 is written as it is, with a warning. */
	if (archive_write_header(t->a, t->entry) < ARCHIVE_WARN)
		return failed(t, e);
	t->left = x->is_dir ? 0 : x->size;
	*ret = &t->body;
	return 0;
}

int tar_tree_close(struct tar_tree *t, struct err *e)
{
	int r = finish_member(t, e);

	if (r == 0 && archive_write_close(t->a) != ARCHIVE_OK)
		r = failed(t, e);
	tar_tree_abort(t);
	return r;
}
