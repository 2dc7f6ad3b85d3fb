/*
 * Overwriting the bytes of one inline item with as many others: the one change that leaves an image
 * consistent, because directory pages carry no checksum (in the backup form the container's CRC is
 * renewed). Whether it may be done, and with which bytes, is decided elsewhere; here only the place
 * is proven.
 */
#ifndef SALVOR_IMAGE_EFS2_PATCH_H
#define SALVOR_IMAGE_EFS2_PATCH_H

#include "image/efs2.h"

/* Where the changed bytes go: a copy of the image, never the image itself. */
struct efs2_writer {
	int (*write_at)(struct efs2_writer *, uint64_t off, const void *p, size_t n, struct err *e);
};

struct efs2_patch {
	uint64_t offset; /* of the item's bytes in the image */
	size_t n;
	uint32_t page,
		block; /* the only erase block that differs; in the backup form the first one too */
	bool crc_renewed; /* backup form: the header's CRC was written as well */
};

/* `old` must be what the item holds now, `value` has the same length. Refuses with nothing written:
 * ERR_INTEGRITY when the image is not clean (any fault in the report, an unknown journal operation,
 * a layout that its own checks do not confirm), ERR_UNSUPPORTED when the path is not an inline
 * item, ERR_MISMATCH when length or old bytes differ. The caller opens the result again and
 * compares. */
int efs2_inline_replace(struct efs2 *fs, const char *path, struct slice old, struct slice value,
			struct efs2_writer *to, struct efs2_patch *ret, struct err *e) _must_check_;

#endif
