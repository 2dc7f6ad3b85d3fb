#include "cmd/image_file.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Does any block of the map that the range touches lack its bytes? */
static bool is_missing(const struct image_file *f, uint64_t off, size_t n, uint64_t *ret_block)
{
	uint64_t b, last;

	if (!f->block_bytes || n == 0)
		return false;
	last = (off + n - 1) / f->block_bytes;
	for (b = off / f->block_bytes; b <= last && b < f->map.map.n; b++) {
		enum block_state s = f->map.map.block[b].state;

		if (s == BLOCK_BAD || s == BLOCK_UNREAD) {
			*ret_block = b;
			return true;
		}
	}
	return false;
}

static int file_read_at(struct efs2_reader *r, uint64_t off, void *p, size_t n, struct err *e)
{
	struct image_file *f = container_of(r, struct image_file, reader);
	uint8_t *to = p;
	uint64_t block;

	if (is_missing(f, off, n, &block))
		return err_set(e, ERR_INTEGRITY, "block %" PRIu64 " was not read from the module",
			       block);
	while (n) {
		ssize_t got = pread(f->fd, to, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(e, errno, "cannot read '%s'", f->path);
		if (got == 0)
			return err_set(e, ERR_HOST, "'%s' became shorter while it was read",
				       f->path);
		to += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* A map beside the wrong bytes would call good pages missing and missing ones good. */
static int check_map(struct image_file *f, const char *map_path, struct err *e)
{
	const struct blockmap *m = &f->map.map;
	uint64_t block = (uint64_t)m->page_size * m->pages_per_block;
	char hex[DIGEST_HEX_MAX];
	struct range_source from;
	struct digest_source hashed;
	uint8_t piece[65536];
	bool fits = block && (f->reader.size + block - 1) / block == m->n;
	size_t n = 1;

	if (fits) {
		range_source_init(&from, f->fd, 0, f->reader.size);
		digest_source_init(&hashed, DIGEST_SHA256, &from.source);
		while (n) {
			if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0)
				return err_prefix(e, "'%s'", f->path);
		}
		digest_final_hex(&hashed.digest, hex);
		fits = strcmp(hex, f->map.sha256) == 0;
	}
	if (!fits)
		return err_set(
			e, ERR_MISMATCH,
			"'%s' is the block map of other bytes than '%s' holds: one of the two was changed; "
			"move the map away to read the dump without it",
			map_path, f->path);
	f->block_bytes = block;
	return 0;
}

static int read_map(struct image_file *f, struct err *e)
{
	struct buf text = BUF_INIT(DUMPMAP_TEXT_MAX);
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s.map", f->path) < 0) {
		path = NULL;
		return err_nomem(e);
	}
	if (access(path, F_OK) < 0)
		return 0;
	r = fs_read_file(path, &text, e);
	if (r == 0)
		r = dumpmap_parse(buf_slice(&text), &f->map, e);
	buf_fini(&text);
	if (r < 0) {
		if (e->kind == ERR_PROTO)
			e->kind = ERR_MISMATCH;
		return err_prefix(e, "'%s'", path);
	}
	return check_map(f, path, e);
}

int image_file_open(struct image_file *f, const char *path, struct err *e)
{
	static const uint8_t sparse[] = { 0x3a, 0xff, 0x26, 0xed };
	uint8_t head[4];

	*f = (struct image_file){ .reader = { .read_at = file_read_at }, .fd = -1 };
	f->path = strdup(path);
	if (!f->path)
		return err_nomem(e);
	if (fs_open_input(path, &f->fd, &f->reader.size, e) < 0)
		goto fail;
	if (f->reader.size == 0) {
		err_set(e, ERR_MISMATCH, "'%s' is empty", path);
		goto fail;
	}
	if (pread(f->fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	    memcmp(head, sparse, sizeof(head)) == 0) {
		err_set(e, ERR_UNSUPPORTED,
			"'%s' is an Android sparse image: expand it with simg2img first", path);
		goto fail;
	}
	if (read_map(f, e) < 0)
		goto fail;
	return 0;
fail:
	image_file_close(f);
	return -1;
}

void image_file_close(struct image_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	dumpmap_fini(&f->map);
	*f = (struct image_file){ .fd = -1 };
}

int image_open(struct image *im, const struct parsed *p, struct err *e)
{
	const char *path = parsed_str(p, "image");
	struct efs2_opts opts = { 0 };

	*im = (struct image){ .file = { .fd = -1 } };
	if (!path)
		return err_set(e, ERR_USAGE, "which image? give --image FILE");
	if (image_file_open(&im->file, path, e) < 0)
		return -1;
	if (im->file.block_bytes)
		opts.filler = im->file.map.map.filler;
	if (efs2_open(&im->file.reader, &opts, &im->fs, e) < 0) {
		/* Nobody talked to a module here. */
		if (e->kind == ERR_PROTO)
			e->kind = ERR_UNSUPPORTED;
		image_file_close(&im->file);
		return err_prefix(e, "'%s'", path);
	}
	return 0;
}

void image_close(struct image *im)
{
	efs2_close(im->fs);
	image_file_close(&im->file);
	im->fs = NULL;
}

int image_stat(struct image *im, const char *path, struct efs2_stat *ret, struct err *e)
{
	if (efs2_stat(im->fs, path, ret, e) == 0)
		return 0;
	if (e->kind == ERR_REFUSED)
		e->kind = ERR_MISMATCH;
	return -1;
}

void image_tally_add(struct image_tally *t, enum efs2_verdict v)
{
	t->seen++;
	t->unverified += v == EFS2_UNVERIFIED;
	t->partial += v == EFS2_PARTIAL;
	t->unreadable += v == EFS2_UNREADABLE;
}

int image_tally_end(const struct image_tally *t, struct err *e)
{
	if (t->partial || t->unreadable)
		return err_set(e, ERR_PARTIAL,
			       "of %" PRIu64 " entries %" PRIu64 " are partial, %" PRIu64
			       " unreadable and %" PRIu64 " unverified: 'salvor efs check' says why",
			       t->seen, t->partial, t->unreadable, t->unverified);
	if (t->unverified)
		return err_set(e, ERR_INTEGRITY,
			       "of %" PRIu64 " entries %" PRIu64
			       " are there but nothing proves them: 'salvor efs check' says why",
			       t->seen, t->unverified);
	return 0;
}
