/* Synthetic programmer files: what the emulated boot ROM accepts and tests upload. They hold no code,
 * only the structure (sahara.md section 8.1) and the texts (section 8.3) that tools look at. */
#ifndef SALVOR_EMU_PROGRAMMER_H
#define SALVOR_EMU_PROGRAMMER_H

#include "base/bytes.h"

struct programmer_spec {
	const char *chip;     /* "MDM9x07": another chip's boot ROM refuses the file; NULL = no chip */
	char family;          /* 'A' or 'B' (firehose.md section 1); 'N' = NPRG, a streaming programmer */
	bool signed_ok;       /* a fused chip takes it */
	bool elf64;
	unsigned n_loads;     /* load segments, 1..8; 0 = 1 */
	size_t load_size;     /* of each; 0 = the size of a real MDM9x07 programmer's, 0x1d3b0 */
};

/* The whole file, malloced. 0 or -1 when out of memory. */
int programmer_make(const struct programmer_spec *spec, uint8_t **ret, size_t *ret_n);

#endif
