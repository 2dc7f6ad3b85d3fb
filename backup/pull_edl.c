#include "backup/pull_edl.h"

#include <inttypes.h>
#include <string.h>

static int read_block(const struct pull *pull, const struct extent *x, struct buf *block,
		      struct err *e)
{
	unsigned tries = pull->tries ? pull->tries : 2;
	struct buf_sink sink;

	for (;;) {
		block->n = 0;
		buf_sink_init(&sink, block);
		if (firehose_read(pull->fh, x, &sink.sink, NULL, e) == 0)
			return 0;
		if (e->kind != ERR_REFUSED || --tries == 0)
			return -1;
	}
}

static int pull_nand(const struct pull *pull, const struct extent *x, uint64_t total,
		     struct sink *to, struct blockmap *map, struct err *e)
{
	uint32_t block_sectors = pull->geometry->sectors_per_block;
	uint32_t block_bytes = geometry_block_bytes(pull->geometry);
	struct buf block = BUF_INIT(block_bytes);
	struct extent at = { x->lun, x->start, 0 };
	uint64_t left = x->count;
	int r = -1;

	while (left) {
		if (progress_cancelled(pull->progress)) {
			err_set(e, ERR_CANCELLED, "stopped while reading");
			goto out;
		}
		/* An extent may begin inside a block; commands never cross a block border. */
		at.count = MIN_OF(left, (uint64_t)block_sectors - at.start % block_sectors);
		if (read_block(pull, &at, &block, e) == 0) {
			if (map && blockmap_feed(map, buf_slice(&block), e) < 0)
				goto out;
		} else if (e->kind == ERR_REFUSED && map) {
			size_t n = (size_t)(at.count * pull->geometry->sector_size);

			block.n = 0;
			if (buf_reserve(&block, n, e) < 0)
				goto out;
			memset(block.p, 0xff, n);
			block.n = n;
			if (blockmap_skip(map, BLOCK_BAD, e) < 0)
				goto out;
			err_clear(e);
		} else {
			err_prefix(e, "block at sector %" PRIu64, at.start);
			goto out;
		}
		if (sink_put(to, block.p, block.n, e) < 0)
			goto out;
		at.start += at.count;
		left -= at.count;
		progress_step(pull->progress, total - left * pull->geometry->sector_size);
	}
	if (map && blockmap_end(map, e) < 0)
		goto out;
	r = 0;
out:
	buf_fini(&block);
	return r;
}

int pull_extent(const struct pull *pull, const struct extent *x, struct sink *to,
		struct blockmap *map, struct err *e)
{
	uint64_t total;

	if (extent_bytes(x, pull->geometry->sector_size, &total, e) < 0)
		return -1;
	if (geometry_is_nand(pull->geometry) && pull->geometry->sectors_per_block)
		return pull_nand(pull, x, total, to, map, e);
	return firehose_read(pull->fh, x, to, pull->progress, e);
}
