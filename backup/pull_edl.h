/*
 * Reading storage out of a module in EDL. On NAND every erase block is a read command of its own: a
 * bad block then costs that block and nothing else, and no programmer can shift data by skipping
 * one (which of the two happens is documented nowhere). What each block held is kept in a block
 * map.
 */
#ifndef SALVOR_BACKUP_PULL_EDL_H
#define SALVOR_BACKUP_PULL_EDL_H

#include "base/progress.h"
#include "base/stream.h"
#include "image/blockmap.h"
#include "model/geometry.h"
#include "proto/firehose.h"

struct pull {
	struct firehose *fh;
	const struct geometry *geometry;
	struct progress *progress; /* may be NULL */
	unsigned tries;            /* per block; 0 counts as 2 */
};

/* Reads the extent into `to`, whole and in order. On NAND `map` is filled (pass an initialised one)
 * and a block that the target refuses twice becomes 0xFF in the output and BAD in the map: the call
 * still succeeds, and blockmap_summary() says that the dump is not restorable. Elsewhere `map` is
 * NULL and a refused read is an error. NAND extents need not begin at a block; the map then counts
 * from their first sector, so callers who want a map align them. */
int pull_extent(const struct pull *pull, const struct extent *x, struct sink *to,
		struct blockmap *map, struct err *e) _must_check_;

#endif
