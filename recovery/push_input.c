#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stream.h"
#include "image/dumpmap.h"
#include "recovery/push_edl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A block map beside the file says which of its pages were not read when it was made. */
static int read_map(struct push_input *in, struct err *e)
{
	struct buf text = BUF_INIT(DUMPMAP_TEXT_MAX);
	_cleanup_free_ char *path = NULL;
	struct dumpmap map;
	bool is_ours;
	int r;

	if (asprintf(&path, "%s.map", in->path) < 0) {
		path = NULL;
		return err_nomem(e);
	}
	if (access(path, F_OK) < 0)
		return 0;
	r = fs_read_file(path, &text, e);
	if (r == 0)
		r = dumpmap_parse(buf_slice(&text), &map, e);
	buf_fini(&text);
	if (r < 0)
		return err_prefix(e, "'%s'", path);
	is_ours = strcmp(map.sha256, in->sha256) == 0;
	in->has_map = true;
	in->map_restorable = blockmap_summary(&map.map).restorable;
	in->filler = map.map.filler;
	dumpmap_fini(&map);
	if (!is_ours)
		return err_set(
			e, ERR_INTEGRITY,
			"'%s' is the block map of other bytes than '%s' holds: one of the two was changed",
			path, in->path);
	return 0;
}

/* The packed form of an image must never be written as if it were the image. */
static bool is_sparse(int fd)
{
	static const uint8_t magic[] = { 0x3a, 0xff, 0x26, 0xed };
	uint8_t head[4];

	return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(head, magic, sizeof(magic)) == 0;
}

int push_input_open(struct push_input *in, const char *path, struct progress *p, struct err *e)
{
	struct fd_source from;
	struct digest_source hashed;
	uint8_t piece[16384];
	size_t n;

	*in = (struct push_input){ .fd = -1, .filler = 0xee };
	in->path = strdup(path);
	if (!in->path)
		return err_nomem(e);
	if (fs_open_input(path, &in->fd, &in->size, e) < 0)
		goto fail;
	if (in->size == 0) {
		err_set(e, ERR_MISMATCH, "'%s' is empty", path);
		goto fail;
	}
	fd_source_init(&from, in->fd);
	digest_source_init(&hashed, DIGEST_SHA256, &from.source);
	progress_begin(p, "checking the input", in->size);
	do {
		if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0) {
			err_prefix(e, "'%s'", path);
			goto fail;
		}
		progress_step(p, hashed.n);
	} while (n);
	progress_end(p, true);
	if (hashed.n != in->size) {
		err_set(e, ERR_INTEGRITY, "'%s' gave %" PRIu64 " bytes, its size is %" PRIu64, path,
			hashed.n, in->size);
		goto fail;
	}
	digest_final_hex(&hashed.digest, in->sha256);
	if (is_sparse(in->fd)) {
		err_set(e, ERR_UNSUPPORTED,
			"'%s' is an Android sparse image; its bytes are not what belongs on the storage: expand "
			"it with simg2img first",
			path);
		goto fail;
	}
	if (read_map(in, e) < 0)
		goto fail;
	return 0;
fail:
	push_input_close(in);
	return -1;
}

void push_input_close(struct push_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	free(in->path);
	*in = (struct push_input){ .fd = -1 };
}

int push_input_check(const struct push_input *in, struct err *e)
{
	struct range_source from;
	char hex[DIGEST_HEX_MAX];

	range_source_init(&from, in->fd, 0, in->size);
	if (source_sha256(&from.source, hex, e) < 0)
		return err_prefix(e, "'%s'", in->path);
	if (strcmp(hex, in->sha256) != 0)
		return err_set(e, ERR_INTEGRITY, "'%s' changed while it was being used", in->path);
	return 0;
}
