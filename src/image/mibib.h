/* NAND partition tables: the multi-image boot information block. */
#ifndef SALVOR_IMAGE_MIBIB_H
#define SALVOR_IMAGE_MIBIB_H

#include "base/bytes.h"
#include "image/sectors.h"
#include "model/partition.h"

/* All three fill *ret anew (it is not freed before) and leave it alone on failure. A table whose
 * last length means "up to the end of the chip" needs total_sectors. */

/* Scans page 0 of the erase blocks 0..47 for the header, takes the copy with the highest age whose
 * tables are sane, and fills the table in sectors. Bad or missing CRC: TABLE_WARN_CRC, and a copy
 * with a good CRC wins over one without. ERR_MISMATCH "no partition table found" when there is
 * none; the message says whether the storage looks blank, refused to be read, or what is wrong with
 * the copy that was found. */
int mibib_find(struct sectors *s, struct table *ret, struct err *e) _must_check_;

/* A system table page, or a partition_complete image (header, table, user table, CRC pages).
 * ERR_MISMATCH when it is none or was made for another page size; ERR_PROTO for a table that
 * contradicts itself or the storage. */
int mibib_parse_image(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		      uint64_t total_sectors, struct table *ret, struct err *e) _must_check_;
/* A user table (partition.mbn): sizes in blocks or KiB, laid out from block 0. */
int mibib_parse_user(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		     uint64_t total_sectors, struct table *ret, struct err *e) _must_check_;

#endif
