/* Where a person points: a partition by name, or a raw extent. */
#ifndef SALVOR_MODEL_PLACE_H
#define SALVOR_MODEL_PLACE_H

#include "model/extent.h"
#include "model/geometry.h"
#include "model/partition.h"

struct place {
	char name[PARTITION_NAME_MAX]; /* as on the module, or the extent's text */
	struct extent at;
	unsigned kind; /* PART_*; a raw extent has those of all partitions it touches */
	bool is_raw;
};

/* "efs2", "0:EFS2", "1/modemst1" (a LUN in front of a name that several LUNs bear), or
 * "LUN/START+COUNT". ERR_USAGE with the nearest name; ERR_MISMATCH when a raw extent does not fit
 * the storage. `table` may have no partitions: then only raw extents resolve. */
int place_resolve(const struct table *table, const struct geometry *g, const char *text,
		  struct place *ret, struct err *e) _must_check_;
/* A partition of the table as a place. */
struct place place_of(const struct partition *part);

#endif
