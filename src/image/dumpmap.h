/*
 * The block map kept beside a NAND dump, so that the dump can be written back by the rule of
 * image/blockmap.h even when a programmer's filler stands for erased pages. Text, JSON:
 *
 *   {"salvor_block_map": 1, "sha256": "<of the dump>", "page_size": 2048,
 *    "pages_per_block": 64, "filler": 238, "blocks": 136,
 *    "runs": [{"block": 0, "count": 3, "state": "data", "data_pages": 64}, ...]}
 *
 * Runs follow each other without gaps and cover all blocks. The digest binds the map to one dump: a
 * map beside another file must not be used.
 */
#ifndef SALVOR_IMAGE_DUMPMAP_H
#define SALVOR_IMAGE_DUMPMAP_H

#include "base/digest.h"
#include "image/blockmap.h"

#define DUMPMAP_VERSION  1
#define DUMPMAP_TEXT_MAX (16u * 1024 * 1024)

struct dumpmap {
	struct blockmap map;
	char sha256[DIGEST_HEX_MAX]; /* of the dump, lower-case hex */
};

/* Appends the text, with a final newline, for a finished map. `sha256` is the dump's, 64 hex
 * digits. */
int dumpmap_write(const struct blockmap *m, const char *sha256, struct buf *out,
		  struct err *e) _must_check_;
/* ERR_PROTO for text that is no block map or contradicts itself, ERR_UNSUPPORTED for a later
 * version. Whoever uses the map compares digest and block count with the dump. */
int dumpmap_parse(struct slice text, struct dumpmap *ret, struct err *e) _must_check_;
void dumpmap_fini(struct dumpmap *d);

#endif
