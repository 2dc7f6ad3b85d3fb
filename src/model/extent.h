/* A run of sectors on one LUN. */
#ifndef SALVOR_MODEL_EXTENT_H
#define SALVOR_MODEL_EXTENT_H

#include "base/err.h"

#include <stdint.h>

struct extent {
	uint32_t lun;   /* physical_partition_number; 0 on NAND */
	uint64_t start; /* first sector */
	uint64_t count; /* sectors; never 0 in a valid extent */
};

/* "LUN/START+COUNT", numbers decimal or 0x hex; "START+COUNT" means LUN 0. ERR_USAGE otherwise. */
int extent_parse(const char *text, struct extent *ret, struct err *e) _must_check_;
/* Bytes covered; ERR_MISMATCH when the product does not fit 64 bits or count is 0. */
int extent_bytes(const struct extent *x, uint32_t sector_size, uint64_t *ret, struct err *e) _must_check_;
/* Does x lie within `outer`? */
bool extent_within(const struct extent *x, const struct extent *outer);
bool extent_overlaps(const struct extent *a, const struct extent *b);

#endif
