/* Storage of a module, in the storage's own units. */
#ifndef SALVOR_MODEL_GEOMETRY_H
#define SALVOR_MODEL_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>

enum storage_type { STORAGE_UNKNOWN, STORAGE_NAND, STORAGE_EMMC, STORAGE_UFS };

#define GEOMETRY_MAX_LUNS 8

struct geometry {
	enum storage_type type;
	uint32_t sector_size;       /* bytes; the NAND page's data area, without spare */
	uint32_t sectors_per_block; /* NAND erase block; 0 on managed storage */
	uint64_t total_sectors;     /* of LUN 0; 0 when the target did not say */
	uint32_t num_luns;          /* "physical partitions"; at least 1 */
	uint32_t manufacturer_id;   /* 0 when unknown */
	char product[32];           /* as the target prints it, may be empty */
};

static inline bool geometry_is_nand(const struct geometry *g)
{
	return g->type == STORAGE_NAND;
}
static inline uint32_t geometry_block_bytes(const struct geometry *g)
{
	return g->sector_size * g->sectors_per_block;
}
/* "nand", "emmc", "ufs", "unknown". */
const char *storage_type_name(enum storage_type t);
/* Case does not matter; STORAGE_UNKNOWN for anything else. */
enum storage_type storage_type_parse(const char *name);

#endif
