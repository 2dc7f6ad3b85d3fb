/* NAND partition tables: the multi-image boot information block. */
#ifndef SALVOR_IMAGE_MIBIB_H
#define SALVOR_IMAGE_MIBIB_H

#include "base/bytes.h"
#include "image/sectors.h"
#include "model/partition.h"

/* Scans page 0 of the erase blocks 0..47 for the header, takes the copy with the highest age whose
 * tables are sane, and fills the table in sectors. Bad or missing CRC: TABLE_WARN_CRC, and a copy
 * with a good CRC wins over one without. ERR_MISMATCH "no partition table found" when there is none. */
int mibib_find(struct sectors *s, struct table *ret, struct err *e) _must_check_;

/* A system table page, or a partition_complete image (header, table, user table, CRC pages). */
int mibib_parse_image(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		      uint64_t total_sectors, struct table *ret, struct err *e) _must_check_;
/* A user table (partition.mbn): sizes in blocks or KiB, laid out from block 0. */
int mibib_parse_user(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		     uint64_t total_sectors, struct table *ret, struct err *e) _must_check_;

#endif
