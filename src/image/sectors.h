/* How a format reader asks for sectors without knowing a device or a file. */
#ifndef SALVOR_IMAGE_SECTORS_H
#define SALVOR_IMAGE_SECTORS_H

#include "base/err.h"

#include <stdint.h>

struct sectors {
	/* Reads `count` sectors of sector_size bytes into buf. ERR_REFUSED and ERR_INTEGRITY mean "not
	 * this place"; any other kind ends the search. */
	int (*read)(struct sectors *, uint32_t lun, uint64_t sector, uint32_t count, void *buf,
		    struct err *);
	uint32_t sector_size;
	uint32_t sectors_per_block; /* 0 on managed storage */
	uint64_t total_sectors;     /* of the LUN in question; 0 when unknown */
};

#endif
