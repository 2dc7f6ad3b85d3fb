#include "model/partition_kind.h"

#include "base/attr.h"
#include "model/partition.h"

#include <stddef.h>
#include <strings.h>

/* Names as they stand in Quectel's NAND tables, on Qualcomm's eMMC layouts and on other makers'
 * CPEs (docs/protocols.md, unit-specific partitions). */
static const struct {
	const char *name;
	unsigned flags;
} known[] = {
	{ "sbl", PART_BOOT },
	{ "sbl1", PART_BOOT },
	{ "xbl", PART_BOOT },
	{ "xbl_a", PART_BOOT },
	{ "xbl_b", PART_BOOT },
	{ "mibib", PART_TABLE | PART_BOOT },
	{ "efs2", PART_UNIT | PART_EFS },
	{ "efs2bak", PART_UNIT | PART_EFS },
	{ "efs2_bak", PART_UNIT | PART_EFS },
	{ "modemst1", PART_UNIT },
	{ "modemst2", PART_UNIT },
	{ "fsg", PART_UNIT },
	{ "fsc", PART_UNIT },
	{ "persist", PART_UNIT },
	{ "sys_rev", PART_UNIT },
	{ "cache_efs2", PART_UNIT },
	{ "rawdata", PART_UNIT },
	{ "cust_info", PART_UNIT },
	{ "dynamic_nv", PART_UNIT },
	{ "devinfo", PART_UNIT },
	{ "ddr", PART_UNIT },
	{ "sec", PART_UNIT | PART_FUSES },
	{ "secdata", PART_UNIT | PART_FUSES },
};

unsigned partition_kind(const char *name)
{
	const char *plain = partition_plain_name(name);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcasecmp(known[i].name, plain) == 0)
			return known[i].flags;
	}
	return 0;
}
