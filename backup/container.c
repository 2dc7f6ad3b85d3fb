#include "backup/container.h"

#include "base/cleanup.h"
#include "model/manifest.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* libarchive would run a program for a compression that it was built without: not here. */
static bool has_zstd(void)
{
	return archive_libzstd_version() != NULL;
}

static bool has_zlib(void)
{
	return archive_zlib_version() != NULL;
}

const char *container_suffix(void)
{
	return has_zstd() ? ".tar.zst" : has_zlib() ? ".tar.gz" : ".tar";
}

#define ABORT_FILL_MAX ((uint64_t)16 << 20)

struct container_writer {
	struct archive *a;
	struct archive_entry *entry;
	struct sink *to;
	struct err why;   /* of the sink, from inside libarchive's callback */
	bool is_mute;     /* nothing goes out any more */
	uint64_t pending; /* bytes that the present member still owes */
	char *root;
	uint8_t room[CONTAINER_BUFFER];
};

/* From the first failure on everything is swallowed and asked about after each call: libarchive frees
 * its last filter only on an orderly way out. */
static la_ssize_t write_cb(_unused_ struct archive *a, void *ctx, const void *p, size_t n)
{
	struct container_writer *w = ctx;

	if (!w->is_mute && sink_put(w->to, p, n, &w->why) < 0)
		w->is_mute = true;
	return (la_ssize_t)n;
}

/* The sink's own reason goes before libarchive's words for it. */
static int write_failed(struct container_writer *w, const char *what, struct err *e)
{
	const char *text;

	if (w->why.kind != ERR_NONE) {
		*e = w->why;
		return err_prefix(e, "%s", what);
	}
	text = archive_error_string(w->a);
	return err_set(e, archive_errno(w->a) == ENOMEM ? ERR_NOMEM : ERR_HOST, "%s: %s", what,
		       text ? text : "libarchive failed");
}

void container_writer_abort(struct container_writer *w)
{
	if (!w)
		return;
	w->is_mute = true;
	if (w->a) {
		/* The way out fills the member up with zeros; too long a way is cut, for a few bytes that
		 * libarchive then loses. */
		if (w->pending > ABORT_FILL_MAX)
			(void)archive_write_fail(w->a);
		(void)archive_write_free(w->a);
	}
	archive_entry_free(w->entry);
	free(w->root);
	free(w);
}

int container_writer_open(struct sink *to, const char *root, struct container_writer **ret,
			  struct err *e)
{
	struct container_writer *w = calloc(1, sizeof(*w));
	int r = ARCHIVE_OK;

	if (!w)
		return err_nomem(e);
	w->to = to;
	w->root = strdup(root);
	w->a = archive_write_new();
	w->entry = archive_entry_new();
	if (!w->root || !w->a || !w->entry) {
		err_nomem(e);
		goto fail;
	}
	if (has_zstd())
		r = archive_write_add_filter_zstd(w->a);
	else if (has_zlib())
		r = archive_write_add_filter_gzip(w->a);
	if (r != ARCHIVE_OK || archive_write_set_format_pax_restricted(w->a) != ARCHIVE_OK ||
	    /* No blocks: what the compressor gives goes straight to the sink. */
	    archive_write_set_bytes_per_block(w->a, 0) != ARCHIVE_OK ||
	    archive_write_open(w->a, w, NULL, write_cb, NULL) != ARCHIVE_OK) {
		write_failed(w, "cannot begin an archive", e);
		goto fail;
	}
	*ret = w;
	return 0;
fail:
	container_writer_abort(w);
	return -1;
}

static int copy_in(struct container_writer *w, const char *name, uint64_t size, struct source *from,
		   struct err *e)
{
	uint64_t left = size;
	size_t n;

	for (;;) {
		/* One byte more than announced is asked for, to see that there is none. */
		size_t want = (size_t)MIN_OF(left + (left == 0), (uint64_t)sizeof(w->room));

		if (source_get(from, w->room, want, &n, e) < 0)
			return err_prefix(e, "'%s'", name);
		if (n == 0)
			break;
		if (n > left)
			return err_set(e, ERR_INTEGRITY, "'%s' has more than its %" PRIu64 " bytes", name,
				       size);
		if (archive_write_data(w->a, w->room, n) != (la_ssize_t)n || w->is_mute)
			return write_failed(w, name, e);
		left -= n;
		w->pending = left;
	}
	if (left)
		return err_set(e, ERR_INTEGRITY, "'%s' has %" PRIu64 " bytes, not %" PRIu64, name,
			       size - left, size);
	return 0;
}

int container_writer_add(struct container_writer *w, const char *name, uint64_t size, uint32_t mtime,
			 struct source *from, struct err *e)
{
	_cleanup_free_ char *path = NULL;

	if (size > MANIFEST_ITEM_MAX)
		return err_set(e, ERR_BUG, "'%s' is too large for a member", name);
	if (asprintf(&path, "%s/%s", w->root, name) < 0) {
		path = NULL;
		return err_nomem(e);
	}
	archive_entry_clear(w->entry);
	archive_entry_set_pathname(w->entry, path);
	archive_entry_set_filetype(w->entry, AE_IFREG);
	archive_entry_set_perm(w->entry, 0600);
	archive_entry_set_size(w->entry, (la_int64_t)size);
	archive_entry_set_mtime(w->entry, (time_t)mtime, 0);
	w->pending = size;
	if (archive_write_header(w->a, w->entry) != ARCHIVE_OK || w->is_mute)
		return write_failed(w, name, e);
	if (copy_in(w, name, size, from, e) < 0)
		return -1;
	if (archive_write_finish_entry(w->a) != ARCHIVE_OK || w->is_mute)
		return write_failed(w, name, e);
	return 0;
}

int container_writer_close(struct container_writer *w, struct err *e)
{
	int r = 0;

	if (archive_write_close(w->a) != ARCHIVE_OK || w->is_mute)
		r = write_failed(w, "cannot end the archive", e);
	container_writer_abort(w);
	return r;
}

struct container_reader {
	struct archive *a;
	struct source *from;
	struct err why;
	char *root;
	size_t members;
	uint8_t room[CONTAINER_BUFFER];
};

static la_ssize_t read_cb(struct archive *a, void *ctx, const void **ret)
{
	struct container_reader *r = ctx;
	size_t n;

	if (source_get(r->from, r->room, sizeof(r->room), &n, &r->why) < 0) {
		archive_set_error(a, EIO, "%s", "read failed");
		return -1;
	}
	*ret = r->room;
	return (la_ssize_t)n;
}

static int read_failed(struct container_reader *r, const char *what, struct err *e)
{
	const char *text;

	if (r->why.kind != ERR_NONE) {
		*e = r->why;
		return err_prefix(e, "%s", what);
	}
	text = archive_error_string(r->a);
	return err_set(e, archive_errno(r->a) == ENOMEM ? ERR_NOMEM : ERR_INTEGRITY, "%s: %s", what,
		       text ? text : "damaged");
}

void container_reader_close(struct container_reader *r)
{
	if (!r)
		return;
	if (r->a)
		(void)archive_read_free(r->a);
	free(r->root);
	free(r);
}

int container_reader_open(struct source *from, struct container_reader **ret, struct err *e)
{
	struct container_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(e);
	r->from = from;
	r->a = archive_read_new();
	if (!r->a) {
		free(r);
		return err_nomem(e);
	}
	if ((has_zstd() && archive_read_support_filter_zstd(r->a) != ARCHIVE_OK) ||
	    (has_zlib() && archive_read_support_filter_gzip(r->a) != ARCHIVE_OK) ||
	    archive_read_support_format_tar(r->a) != ARCHIVE_OK) {
		read_failed(r, "cannot read archives", e);
		goto fail;
	}
	if (archive_read_open(r->a, r, NULL, read_cb, NULL) != ARCHIVE_OK) {
		if (r->why.kind != ERR_NONE)
			read_failed(r, "archive", e);
		else
			err_set(e, ERR_UNSUPPORTED, "not a tar archive, plain or compressed with %s",
				has_zstd() ? "zstd or gzip" : "gzip");
		goto fail;
	}
	*ret = r;
	return 0;
fail:
	container_reader_close(r);
	return -1;
}

/* The member's name without the root; NULL with an error for what no snapshot of ours has. */
static const char *vet(struct container_reader *r, struct archive_entry *entry, struct err *e)
{
	const char *path = archive_entry_pathname(entry), *slash;

	slash = path ? strchr(path, '/') : NULL;
	if (!slash || slash == path || slash[1] == '\0') {
		err_set(e, ERR_PROTO, "member '%.200s' is not a file below one folder", path ? path : "");
		return NULL;
	}
	if (archive_entry_hardlink(entry) || archive_entry_symlink(entry) ||
	    archive_entry_filetype(entry) != AE_IFREG || archive_entry_sparse_count(entry) > 0) {
		err_set(e, ERR_PROTO, "member '%.200s' is not a plain file", path);
		return NULL;
	}
	if (!r->root) {
		_cleanup_free_ char *root = strndup(path, (size_t)(slash - path));

		if (!root) {
			err_nomem(e);
			return NULL;
		}
		if (manifest_own_name_check(root, e) < 0) {
			err_set(e, ERR_PROTO, "member '%.200s' is in a folder that no snapshot has", path);
			return NULL;
		}
		r->root = steal_ptr(&root);
	}
	if (strlen(r->root) != (size_t)(slash - path) ||
	    memcmp(r->root, path, (size_t)(slash - path)) != 0) {
		err_set(e, ERR_PROTO, "member '%.200s' is outside the folder '%s'", path, r->root);
		return NULL;
	}
	path = slash + 1;
	if (strcmp(path, "manifest.json") != 0 && strcmp(path, "SHA256SUMS") != 0 &&
	    manifest_name_check(path, e) < 0)
		return NULL;
	return path;
}

int container_reader_next(struct container_reader *r, struct container_entry *ret, bool *ret_any,
			  struct err *e)
{
	struct archive_entry *entry;
	const char *name;
	int got = archive_read_next_header(r->a, &entry);

	if (got == ARCHIVE_EOF && r->why.kind == ERR_NONE) {
		*ret_any = false;
		return 0;
	}
	if (got != ARCHIVE_OK) {
		if (r->members == 0 && r->why.kind == ERR_NONE && archive_errno(r->a) != ENOMEM)
			return err_set(e, ERR_UNSUPPORTED,
				       "not a tar archive, plain or compressed with %s",
				       has_zstd() ? "zstd or gzip" : "gzip");
		return read_failed(r, "archive", e);
	}
	/* Names that need another character set, and other doubts, are warnings to libarchive. */
	if (++r->members > MANIFEST_MAX_ITEMS + 2)
		return err_set(e, ERR_PROTO, "archive with more than %d members", MANIFEST_MAX_ITEMS + 2);
	name = vet(r, entry, e);
	if (!name)
		return -1;
	if (!archive_entry_size_is_set(entry) || archive_entry_size(entry) < 0 ||
	    (uint64_t)archive_entry_size(entry) > MANIFEST_ITEM_MAX)
		return err_set(e, ERR_PROTO, "member '%.200s' has an absurd size", name);
	*ret = (struct container_entry){ r->root, name, (uint64_t)archive_entry_size(entry) };
	*ret_any = true;
	return 0;
}

int container_reader_get(struct container_reader *r, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	la_ssize_t n = archive_read_data(r->a, p, cap);

	if (n < 0)
		return read_failed(r, "archive", e);
	*ret_n = (size_t)n;
	return 0;
}
