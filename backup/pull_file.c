#include "backup/pull_file.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "image/dumpmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The filler of device programmers for pages that were never programmed (docs/protocols.md). */
#define PULL_FILLER 0xee

/* An extent that begins inside a block has no blocks of its own to map. */
static bool wants_map(const struct pull *pull, const struct extent *x)
{
	return geometry_is_nand(pull->geometry) && pull->geometry->sectors_per_block &&
	       x->start % pull->geometry->sectors_per_block == 0;
}

static int pull_mapped(const struct pull *pull, const struct extent *x, struct sink *to,
		       struct blockmap *map, struct pull_file *ret, struct err *e)
{
	struct digest_sink hashed;
	bool mapped = wants_map(pull, x);
	struct pull_file f = { .has_map = mapped, .map = { .restorable = true } };

	*map = (struct blockmap){ 0 };
	if (mapped && blockmap_init(map, pull->geometry->sector_size,
				    pull->geometry->sectors_per_block, PULL_FILLER, e) < 0)
		return -1;
	digest_sink_init(&hashed, DIGEST_SHA256, to);
	if (pull_extent(pull, x, &hashed.sink, mapped ? map : NULL, e) < 0) {
		blockmap_fini(map);
		return -1;
	}
	f.bytes = hashed.n;
	digest_final_hex(&hashed.digest, f.sha256);
	if (mapped)
		f.map = blockmap_summary(map);
	*ret = f;
	return 0;
}

int pull_to_sink(const struct pull *pull, const struct extent *x, struct sink *to,
		 struct pull_file *ret, struct err *e)
{
	struct blockmap map;

	if (pull_mapped(pull, x, to, &map, ret, e) < 0)
		return -1;
	blockmap_fini(&map);
	return 0;
}

int pull_digest(const struct pull *pull, const struct extent *x, char hex[DIGEST_HEX_MAX],
		struct err *e)
{
	struct pull_file f;

	if (pull_to_sink(pull, x, NULL, &f, e) < 0)
		return -1;
	snprintf(hex, DIGEST_HEX_MAX, "%s", f.sha256);
	return 0;
}

static int write_map(const struct blockmap *map, const char *path, const char *sha256,
		     struct err *e)
{
	struct buf text = BUF_INIT(DUMPMAP_TEXT_MAX);
	_cleanup_free_ char *map_path = NULL;
	int r;

	if (asprintf(&map_path, "%s.map", path) < 0) {
		map_path = NULL;
		return err_nomem(e);
	}
	r = dumpmap_write(map, sha256, &text, e);
	if (r == 0)
		r = fs_write_file(map_path, buf_slice(&text), true, e);
	buf_fini(&text);
	return r;
}

int pull_to_file(const struct pull *pull, const struct extent *x, const char *path,
		 struct pull_file *ret, struct err *e)
{
	struct blockmap map;
	struct pull_file f;
	struct fs_new out;
	struct fd_sink file;

	if (fs_new_open(&out, path, false, e) < 0)
		return -1;
	fd_sink_init(&file, out.fd);
	if (pull_mapped(pull, x, &file.sink, &map, &f, e) < 0) {
		fs_new_abort(&out);
		return -1;
	}
	if (f.has_map && write_map(&map, path, f.sha256, e) < 0) {
		blockmap_fini(&map);
		fs_new_abort(&out);
		return -1;
	}
	blockmap_fini(&map);
	if (fs_new_commit(&out, e) < 0)
		return -1;
	*ret = f;
	return 0;
}
