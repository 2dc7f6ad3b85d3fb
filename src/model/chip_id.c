#include "model/chip_id.h"

#include "base/attr.h"

#include <string.h>

/* From public programmer headers, tool tables and device logs. */
static const struct {
	uint32_t msm_id;
	const char *name;
} chips[] = {
	{ 0x000320e1, "MDM9x50" },
	{ 0x000480e1, "MDM9x07" },
	{ 0x000490e1, "MDM9x07" },
	{ 0x0004a0e1, "MDM9x07" },
	{ 0x0007d0e1, "MDM9x60" },
	{ 0x0007f0e1, "SDX20" },
	{ 0x000960e1, "SDX24" },
	{ 0x000970e1, "SDX24" },
	{ 0x000cf0e1, "SDX55" },
	{ 0x001070e1, "MDM9205" },
	{ 0x001990e1, "SDX62/65" },
	{ 0x001b60e1, "SDX55" },
	{ 0x007050e1, "MSM8916" },
};

const char *chip_name(uint32_t msm_id)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(chips); i++)
		if (chips[i].msm_id == msm_id)
			return chips[i].name;
	return NULL;
}

bool chip_pkhash_is_unfused(const struct chip_id *id)
{
	/* The hash that ships in chips whose key fuses were never blown (EC25, EG25, MSM8916). */
	static const uint8_t dflt[8] = { 0xcc, 0x31, 0x53, 0xa8, 0x02, 0x93, 0x93, 0x9b };

	return id->pkhash_len >= 32 && memcmp(id->pkhash, dflt, sizeof(dflt)) == 0;
}
