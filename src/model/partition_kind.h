/* What a partition is for, by name: how it may be read, written, and who may have a copy. */
#ifndef SALVOR_MODEL_PARTITION_KIND_H
#define SALVOR_MODEL_PARTITION_KIND_H

#include <stdbool.h>

enum {
	PART_UNIT =
		1u << 0, /* belongs to this unit alone: identity, calibration, production data */
	PART_EFS =
		1u << 1, /* EFS2: log-structured, manages its own bad blocks; page places matter */
	PART_BOOT = 1u << 2,  /* without it the boot ROM falls into EDL */
	PART_TABLE = 1u << 3, /* the partition table itself */
	PART_FUSES = 1u << 4, /* content that blows fuses at the next boot: irreversible */
};

/* Flags of a partition; a "0:" and case do not matter. 0 for everything from the package. */
unsigned partition_kind(const char *name);

#endif
