/* Could this dump be written to that module's efs2 partition and be mounted by it? Geometry and
 * cleanliness only: whose calibration and number it carries is another question. */
#ifndef SALVOR_IMAGE_EFS2_DONOR_H
#define SALVOR_IMAGE_EFS2_DONOR_H

#include "image/efs2.h"

#define EFS2_DONOR_REASONS 8

struct efs2_target {
	uint32_t page_size, pages_per_block; /* of the chip; 0 = not known */
	uint64_t size;                       /* of the partition; 0 = not known */
	const uint32_t *bad;                 /* bad blocks, counted from the partition's start */
	size_t n_bad;
	bool bad_known; /* an empty list is a list */
};

struct efs2_donor {
	bool fits; /* no blocker */
	size_t n;
	struct {
		bool blocker; /* otherwise a warning */
		char text[160];
	} reason[EFS2_DONOR_REASONS];
};

void efs2_donor_judge(const struct efs2 *fs, const struct efs2_target *target,
		      struct efs2_donor *ret);

#endif
