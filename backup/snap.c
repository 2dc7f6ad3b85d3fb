#include "backup/snap_int.h"

#include "backup/container.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From this size on an item is flushed before the journal names it: reading it again is dearer. */
#define SYNC_FROM ((uint64_t)1 << 20)
#define NEW_ITEM  "new"

struct manifest *snap_manifest(struct snap *s)
{
	return &s->manifest;
}

/* FNV-1a. */
static size_t hash(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

/* The place of `name` in the index, or the free one where it belongs. */
static uint32_t *index_slot(const struct snap *s, const char *name)
{
	size_t i = hash(name) & (s->index_n - 1);

	while (s->index[i] && strcmp(s->manifest.item[s->index[i] - 1].name, name) != 0)
		i = (i + 1) & (s->index_n - 1);
	return &s->index[i];
}

static int index_build(struct snap *s, struct err *e)
{
	size_t n = 256, i;
	uint32_t *room;

	while (n < 4 * s->manifest.n_items)
		n *= 2;
	room = calloc(n, sizeof(*room));
	if (!room)
		return err_nomem(e);
	free(s->index);
	s->index = room;
	s->index_n = n;
	for (i = 0; i < s->manifest.n_items; i++)
		*index_slot(s, s->manifest.item[i].name) = (uint32_t)i + 1;
	return 0;
}

/* Adds or replaces. */
static int item_put(struct snap *s, const struct manifest_item *it, struct err *e)
{
	struct manifest *m = &s->manifest;
	struct manifest_item last;
	uint32_t *slot;

	if (2 * (m->n_items + 1) > s->index_n && index_build(s, e) < 0)
		return -1;
	slot = index_slot(s, it->name);
	if (manifest_add(m, it, e) < 0)
		return -1;
	if (*slot == 0) {
		*slot = (uint32_t)m->n_items;
		return 0;
	}
	last = m->item[--m->n_items];
	manifest_item_fini(&m->item[*slot - 1]);
	m->item[*slot - 1] = last;
	return 0;
}

/* The file of an item is not what the list says any more. */
static void item_drop(struct snap *s, const char *name)
{
	struct manifest *m = &s->manifest;
	uint32_t at = *index_slot(s, name);
	struct err ignored = ERR_INIT;

	if (at == 0)
		return;
	manifest_item_fini(&m->item[at - 1]);
	memmove(&m->item[at - 1], &m->item[at], (m->n_items - at) * sizeof(m->item[0]));
	m->n_items--;
	/* The old index serves as room when there is no memory for a new one. */
	if (index_build(s, &ignored) < 0) {
		size_t i;

		memset(s->index, 0, s->index_n * sizeof(*s->index));
		for (i = 0; i < m->n_items; i++)
			*index_slot(s, m->item[i].name) = (uint32_t)i + 1;
	}
}

const struct manifest_item *snap_has(const struct snap *s, const char *name)
{
	uint32_t at = *index_slot(s, name);

	if (at == 0 || s->manifest.item[at - 1].state != ITEM_COMPLETE)
		return NULL;
	return &s->manifest.item[at - 1];
}

void snap_close(struct snap *s)
{
	if (!s)
		return;
	snap_item_abort(s);
	if (s->journal_fd >= 0)
		s->fs->close(s->fs, s->journal_fd);
	if (s->part_fd >= 0)
		s->fs->close(s->fs, s->part_fd);
	manifest_fini(&s->manifest);
	free(s->index);
	free(s->dir);
	free(s->part);
	free(s);
}

static int snap_new(const char *dir, const char *name, const struct snap_opts *opts, struct snap **ret,
		    struct err *e)
{
	struct snap *s;

	if (manifest_own_name_check(name, e) < 0)
		return -1;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_nomem(e);
	if (opts)
		s->opts = *opts;
	s->fs = s->opts.fs ? s->opts.fs : fs_host();
	s->part_fd = s->journal_fd = s->item_fd = -1;
	manifest_init(&s->manifest);
	s->dir = strdup(dir[0] ? dir : ".");
	if (asprintf(&s->part, "%s.part", name) < 0)
		s->part = NULL;
	if (!s->dir || !s->part) {
		err_nomem(e);
		goto fail;
	}
	if (index_build(s, e) < 0 || manifest_set(&s->manifest.name, name, e) < 0)
		goto fail;
	*ret = s;
	return 0;
fail:
	snap_close(s);
	return -1;
}

static int open_dir(struct snap *s, int *ret_fd, struct err *e)
{
	*ret_fd = s->fs->open(s->fs, AT_FDCWD, s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (*ret_fd < 0)
		return err_set_errno(e, errno, "cannot open the folder '%s'", s->dir);
	return 0;
}

static int open_part(struct snap *s, int dir_fd, int journal_flags, struct err *e)
{
	s->part_fd = s->fs->open(s->fs, dir_fd, s->part,
				 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (s->part_fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NODEV, "there is no '%s/%s' to resume", s->dir, s->part);
	if (s->part_fd < 0)
		return err_set_errno(e, errno, "cannot open '%s/%s'", s->dir, s->part);
	s->journal_fd = s->fs->open(s->fs, s->part_fd, "journal",
				    O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | journal_flags,
				    0600);
	if (s->journal_fd < 0)
		return err_set_errno(e, errno, "cannot open '%s/%s/journal'", s->dir, s->part);
	if (s->fs->lock(s->fs, s->journal_fd) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(e, ERR_BUSY, "another process is making '%s/%s'", s->dir, s->part);
	return err_set_errno(e, errno, "cannot lock '%s/%s/journal'", s->dir, s->part);
}

int snap_save(struct snap *s, struct err *e)
{
	struct manifest head = s->manifest; /* borrows every text */
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX);
	_cleanup_free_ char *path = NULL;
	struct fs_new f;
	struct fs_sink to;
	int r = -1;

	head.n_items = head.n_gaps = head.n_reasons = 0;
	if (asprintf(&path, "%s/%s/module.json", s->dir, s->part) < 0) {
		path = NULL;
		return err_nomem(e);
	}
	if (manifest_write(&head, &text, e) < 0 || fs_new_open_on(&f, s->fs, path, true, e) < 0)
		goto out;
	fs_sink_init(&to, s->fs, f.fd, s->room);
	if (sink_put(&to.sink, text.p, text.n, e) < 0 || fs_sink_flush(&to, e) < 0) {
		err_prefix(e, "'%s'", path);
		fs_new_abort(&f);
		goto out;
	}
	r = fs_new_commit(&f, e);
out:
	buf_fini(&text);
	return r;
}

int snap_begin(const char *dir, const char *name, const struct snap_opts *opts, struct snap **ret,
	       struct err *e)
{
	_cleanup_free_ char *sealed = NULL;
	struct err ignored = ERR_INIT;
	struct snap *s = NULL;
	int dir_fd = -1;

	if (snap_new(dir, name, opts, &s, e) < 0)
		return -1;
	if (asprintf(&sealed, "%s%s", name, container_suffix()) < 0) {
		sealed = NULL;
		err_nomem(e);
		goto fail;
	}
	if (open_dir(s, &dir_fd, e) < 0)
		goto fail;
	/* Known now, and not after an hour of reading. */
	if (s->fs->exists(s->fs, dir_fd, sealed) == 0) {
		err_set_code(e, ERR_HOST, EEXIST, "'%s/%s' exists and is not overwritten", dir, sealed);
		goto fail;
	}
	if (s->fs->mkdir(s->fs, dir_fd, s->part) < 0) {
		if (errno == EEXIST)
			err_set_code(e, ERR_HOST, EEXIST,
				     "'%s/%s' is an interrupted backup: resume or discard it", dir,
				     s->part);
		else
			err_set_errno(e, errno, "cannot make '%s/%s'", dir, s->part);
		goto fail;
	}
	clock_wall_iso(s->manifest.begun);
	s->manifest.begun_ms = clock_ms();
	if (open_part(s, dir_fd, O_EXCL, e) < 0 || snap_save(s, e) < 0) {
		if (fs_remove_tree(dir_fd, s->part, &ignored) < 0)
			err_append(e, "; '%s' is left, discard it", s->part);
		goto fail;
	}
	s->fs->close(s->fs, dir_fd);
	*ret = s;
	return 0;
fail:
	if (dir_fd >= 0)
		s->fs->close(s->fs, dir_fd);
	snap_close(s);
	return -1;
}

/* A whole file below NAME.part into `b`. */
static int slurp(struct snap *s, int fd, struct buf *b, struct err *e)
{
	struct fs_source from;
	size_t n;

	fs_source_init(&from, s->fs, fd);
	do {
		if (buf_reserve(b, MIN_OF(b->max - b->n, (size_t)65536) + (b->max == b->n), e) < 0 ||
		    source_get(&from.source, b->p + b->n, b->cap - b->n, &n, e) < 0)
			return -1;
		b->n += n;
	} while (n);
	return 0;
}

static int load_head(struct snap *s, struct err *e)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX);
	struct manifest head;
	int r = -1, fd;

	fd = s->fs->open(s->fs, s->part_fd, "module.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd < 0) {
		err_set_errno(e, errno, "'%s/%s' cannot be resumed, discard it: module.json", s->dir,
			      s->part);
		return -1;
	}
	if (slurp(s, fd, &text, e) < 0)
		goto out;
	if (manifest_parse(buf_slice(&text), &head, e) < 0) {
		err_prefix(e, "'%s/%s' cannot be resumed, discard it", s->dir, s->part);
		goto out;
	}
	if (strcmp(head.name, s->manifest.name) != 0) {
		err_set(e, ERR_MISMATCH, "'%s/%s' is of the snapshot '%s'", s->dir, s->part, head.name);
		manifest_fini(&head);
		goto out;
	}
	manifest_fini(&s->manifest);
	s->manifest = head;
	s->manifest.resumed++;
	r = 0;
out:
	s->fs->close(s->fs, fd);
	buf_fini(&text);
	return r;
}

/* Lines that do not parse were cut by whatever ended the last run; their items are read again. */
static int load_journal(struct snap *s, struct err *e)
{
	struct buf text = BUF_INIT(2 * MANIFEST_TEXT_MAX);
	size_t at = 0;
	int r = -1;

	if (slurp(s, s->journal_fd, &text, e) < 0)
		goto out;
	s->is_torn = text.n && text.p[text.n - 1] != '\n';
	while (at < text.n) {
		struct slice line = { text.p + at, 0 };
		struct err ignored = ERR_INIT;
		struct manifest_item it;
		const uint8_t *end = memchr(line.p, '\n', text.n - at);

		if (!end)
			break;
		line.n = (size_t)(end - line.p);
		at += line.n + 1;
		if (manifest_item_parse(line, &it, &ignored) == 0) {
			int put = item_put(s, &it, e);

			manifest_item_fini(&it);
			if (put < 0)
				goto out;
		} else if (ignored.kind == ERR_NOMEM) {
			*e = ignored;
			goto out;
		}
	}
	r = 0;
out:
	buf_fini(&text);
	return r;
}

int snap_open_item(struct snap *s, const char *name, int *ret_fd, struct err *e)
{
	char path[sizeof(SNAP_ITEMS) + MANIFEST_NAME_MAX];

	snprintf(path, sizeof(path), SNAP_ITEMS "%s", name);
	*ret_fd = s->fs->open(s->fs, s->part_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (*ret_fd < 0)
		return err_set_errno(e, errno, "cannot open '%s/%s/%s'", s->dir, s->part, path);
	return 0;
}

/* Are the bytes there that the journal says? */
static bool is_whole(struct snap *s, const struct manifest_item *it, struct err *e)
{
	struct digest_source from;
	struct fs_source file;
	char hex[DIGEST_HEX_MAX];
	bool ok = false;
	size_t n;
	int fd;

	if (!manifest_item_has_bytes(it))
		return true;
	if (snap_open_item(s, it->name, &fd, e) < 0)
		return false;
	fs_source_init(&file, s->fs, fd);
	digest_source_init(&from, DIGEST_SHA256, &file.source);
	do {
		if (source_get(&from.source, s->room, sizeof(s->room), &n, e) < 0)
			goto out;
		progress_step(s->opts.progress, from.n);
	} while (n && from.n <= it->size);
	digest_final_hex(&from.digest, hex);
	ok = from.n == it->size && strcmp(hex, it->sha256) == 0;
out:
	s->fs->close(s->fs, fd);
	return ok;
}

static int keep_whole(struct snap *s, struct err *e)
{
	struct manifest *m = &s->manifest;
	size_t i, kept = 0;

	for (i = 0; i < m->n_items; i++) {
		struct err why = ERR_INIT;
		bool whole;

		if (progress_cancelled(s->opts.progress))
			return err_set(e, ERR_CANCELLED, "stopped while checking what is there");
		progress_begin(s->opts.progress, m->item[i].name, m->item[i].size);
		whole = is_whole(s, &m->item[i], &why);
		progress_end(s->opts.progress, whole);
		if (why.kind == ERR_NOMEM) {
			*e = why;
			return -1;
		}
		if (whole) {
			struct manifest_item it = m->item[i];

			m->item[i] = m->item[kept];
			m->item[kept++] = it;
		}
	}
	while (m->n_items > kept)
		manifest_item_fini(&m->item[--m->n_items]);
	return index_build(s, e);
}

int snap_resume(const char *dir, const char *name, const struct snap_opts *opts, struct snap **ret,
		struct err *e)
{
	struct snap *s = NULL;
	int dir_fd = -1;

	if (snap_new(dir, name, opts, &s, e) < 0)
		return -1;
	if (open_dir(s, &dir_fd, e) < 0 || open_part(s, dir_fd, 0, e) < 0 || load_head(s, e) < 0 ||
	    load_journal(s, e) < 0 || keep_whole(s, e) < 0)
		goto fail;
	s->fs->close(s->fs, dir_fd);
	*ret = s;
	return 0;
fail:
	if (dir_fd >= 0)
		s->fs->close(s->fs, dir_fd);
	snap_close(s);
	return -1;
}

int snap_discard(const char *dir, const char *name, struct err *e)
{
	struct snap *s = NULL;
	int dir_fd = -1, r = -1;

	if (snap_new(dir, name, NULL, &s, e) < 0)
		return -1;
	/* The lock, so that no running backup loses the ground under its feet. */
	if (open_dir(s, &dir_fd, e) == 0 && open_part(s, dir_fd, 0, e) == 0)
		r = fs_remove_tree(dir_fd, s->part, e);
	if (dir_fd >= 0)
		s->fs->close(s->fs, dir_fd);
	snap_close(s);
	return r;
}

static int item_sink_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct snap *s = container_of(sink, struct snap, sink);

	if (sink_put(&s->file.sink, p, n, e) < 0)
		return err_prefix(e, "'%s/%s': %s", s->dir, s->part, s->item_name);
	digest_update(&s->digest, p, n);
	s->item_bytes += n;
	return 0;
}

int snap_item_begin(struct snap *s, const struct manifest_item *it, struct sink **ret, struct err *e)
{
	if (s->item_name)
		return err_set(e, ERR_BUG, "'%s' is begun before '%s' has ended", it->name, s->item_name);
	if (manifest_name_check(it->name, e) < 0 || manifest_set(&s->item_name, it->name, e) < 0)
		return -1;
	s->item_fd = s->fs->open(s->fs, s->part_fd, NEW_ITEM,
				 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->item_fd < 0) {
		err_set_errno(e, errno, "cannot make a file in '%s/%s'", s->dir, s->part);
		free(steal_ptr(&s->item_name));
		return -1;
	}
	s->sink.put = item_sink_put;
	s->item = *it;
	s->item_bytes = 0;
	digest_init(&s->digest, DIGEST_SHA256);
	fs_sink_init(&s->file, s->fs, s->item_fd, s->room);
	*ret = &s->sink;
	return 0;
}

void snap_item_abort(struct snap *s)
{
	if (s->item_fd >= 0)
		s->fs->close(s->fs, steal_fd(&s->item_fd));
	free(steal_ptr(&s->item_name));
}

/* Moves the finished file to its place, making folders when they are not there yet. */
static int item_place(struct snap *s, struct err *e)
{
	char path[sizeof(SNAP_ITEMS) + MANIFEST_NAME_MAX], *slash;

	snprintf(path, sizeof(path), SNAP_ITEMS "%s", s->item_name);
	if (s->fs->rename(s->fs, s->part_fd, NEW_ITEM, path) == 0)
		return 0;
	if (errno != ENOENT)
		return err_set_errno(e, errno, "cannot place '%s/%s/%s'", s->dir, s->part, path);
	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (s->fs->mkdir(s->fs, s->part_fd, path) < 0 && errno != EEXIST)
			return err_set_errno(e, errno, "cannot make '%s/%s/%s'", s->dir, s->part, path);
		*slash = '/';
	}
	if (s->fs->rename(s->fs, s->part_fd, NEW_ITEM, path) < 0)
		return err_set_errno(e, errno, "cannot place '%s/%s/%s'", s->dir, s->part, path);
	return 0;
}

static int journal_add(struct snap *s, const struct manifest_item *it, struct err *e)
{
	struct buf line = BUF_INIT(FS_SINK_BYTES);
	struct fs_sink to;
	int r = -1;

	if ((s->is_torn && buf_add(&line, "\n", 1, e) < 0) || manifest_item_write(it, &line, e) < 0 ||
	    buf_add(&line, "\n", 1, e) < 0)
		goto out;
	/* One write, so that lines are cut as rarely as can be. */
	fs_sink_init(&to, s->fs, s->journal_fd, line.p);
	to.used = line.n;
	s->is_torn = true;
	if (fs_sink_flush(&to, e) < 0) {
		err_prefix(e, "'%s/%s/journal'", s->dir, s->part);
		goto out;
	}
	s->is_torn = false;
	r = 0;
out:
	buf_fini(&line);
	return r;
}

static int item_finish(struct snap *s, const char *reason, const char *sha256, struct err *e)
{
	struct manifest_item *it = &s->item;
	char cut[MANIFEST_TEXT_LINE + 1]; /* what a reader takes */

	snprintf(cut, sizeof(cut), "%s", reason ? reason : "");
	it->name = s->item_name;
	it->size = s->item_bytes;
	it->state = reason ? ITEM_PARTIAL : ITEM_COMPLETE;
	it->reason = reason ? cut : NULL;
	digest_final_hex(&s->digest, it->sha256);
	if (sha256 && strcmp(sha256, it->sha256) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "'%s' came in with the digest %.16s..., and was stored with %.16s...",
			       it->name, sha256, it->sha256);
	if (fs_sink_flush(&s->file, e) < 0)
		return err_prefix(e, "'%s/%s': %s", s->dir, s->part, it->name);
	if (s->item_bytes >= SYNC_FROM && s->fs->sync(s->fs, s->item_fd) < 0)
		return err_set_errno(e, errno, "cannot flush '%s/%s' to storage", s->dir, s->part);
	if (s->fs->close(s->fs, steal_fd(&s->item_fd)) < 0)
		return err_set_errno(e, errno, "cannot close a file in '%s/%s'", s->dir, s->part);
	if (item_place(s, e) < 0)
		return -1;
	if (journal_add(s, it, e) < 0 || item_put(s, it, e) < 0) {
		item_drop(s, it->name);
		return -1;
	}
	return 0;
}

int snap_item_end(struct snap *s, const char *reason, const char *sha256, struct err *e)
{
	int r;

	if (!s->item_name)
		return err_set(e, ERR_BUG, "no item was begun");
	r = item_finish(s, reason, sha256, e);
	snap_item_abort(s);
	return r;
}

int snap_item_end_as(struct snap *s, const struct manifest_item *it, const char *reason,
		     const char *sha256, struct err *e)
{
	if (!s->item_name || strcmp(s->item_name, it->name) != 0)
		return err_set(e, ERR_BUG, "'%s' was not begun", it->name);
	s->item = *it;
	return snap_item_end(s, reason, sha256, e);
}

int snap_add(struct snap *s, const struct manifest_item *it, struct source *from, struct err *e)
{
	uint8_t room[16384];
	struct sink *to;
	size_t n;

	if (snap_item_begin(s, it, &to, e) < 0)
		return -1;
	do {
		if (source_get(from, room, sizeof(room), &n, e) < 0 ||
		    (n && sink_put(to, room, n, e) < 0)) {
			snap_item_abort(s);
			return -1;
		}
	} while (n);
	return snap_item_end(s, NULL, NULL, e);
}

int snap_add_bytes(struct snap *s, const struct manifest_item *it, struct slice bytes, struct err *e)
{
	struct sink *to;

	if (snap_item_begin(s, it, &to, e) < 0)
		return -1;
	if (sink_put(to, bytes.p, bytes.n, e) < 0) {
		snap_item_abort(s);
		return -1;
	}
	return snap_item_end(s, NULL, NULL, e);
}

int snap_add_empty(struct snap *s, const struct manifest_item *it, struct err *e)
{
	struct manifest_item copy = *it;

	if (manifest_item_has_bytes(it))
		return err_set(e, ERR_BUG, "'%s' is neither a folder nor a link", it->name);
	if (manifest_name_check(it->name, e) < 0)
		return -1;
	copy.state = ITEM_COMPLETE;
	copy.reason = NULL;
	copy.size = 0;
	copy.sha256[0] = '\0';
	if (journal_add(s, &copy, e) < 0)
		return -1;
	return item_put(s, &copy, e);
}
