/* The part of Firehose that changes a module's storage. Only recovery/ may include this. */
#ifndef SALVOR_PROTO_FIREHOSE_WRITE_H
#define SALVOR_PROTO_FIREHOSE_WRITE_H

#include "proto/firehose.h"

/* Erases exactly the extent. There is no way to express "everything": an erase tag that lost its
 * range wipes the chip, so a range is always sent, and on NAND it must be whole blocks (ERR_BUG). */
int firehose_erase(struct firehose *f, const struct extent *x, struct progress *p, struct err *e)
	_must_check_;

/* Programs the extent from the source. The source must give at most x->count sectors and at least one
 * byte; a source that ends early inside the last sector is padded (0xFF on NAND, 0x00 otherwise),
 * one that ends before the last sector is ERR_MISMATCH after the announced size was filled with
 * padding, because a target left waiting for data hangs. last_sector: 0 = not sent. */
int firehose_program(struct firehose *f, const struct extent *x, uint64_t last_sector,
		     const char *filename, struct source *from, struct progress *p, struct err *e)
	_must_check_;

/* One GPT-style patch of the device ("DISK"). ERR_UNSUPPORTED on family A. */
struct firehose_patch {
	uint32_t lun;
	const char *start_sector; /* number or NUM_DISK_SECTORS expression, sent as it is */
	uint64_t byte_offset;
	uint32_t size_in_bytes;
	const char *value;        /* number, NUM_DISK_SECTORS or CRC32() expression, sent as it is */
};
int firehose_patch(struct firehose *f, const struct firehose_patch *patch, struct err *e) _must_check_;

int firehose_set_bootable(struct firehose *f, uint32_t lun, struct err *e) _must_check_;

/* Sends one element verbatim (the vendor erase tag, which must not be trimmed) and waits. */
int firehose_send_verbatim(struct firehose *f, const char *element, uint32_t ms, struct err *e)
	_must_check_;

#endif
