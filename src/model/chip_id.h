/* What a chip says of itself in Sahara command mode, before any programmer runs. */
#ifndef SALVOR_MODEL_CHIP_ID_H
#define SALVOR_MODEL_CHIP_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHIP_PKHASH_MAX 64

struct chip_id {
	uint32_t sahara_version; /* of the target's HELLO */
	bool has_serial;
	uint64_t serial;         /* 32 bits up to SDX6x; 64 with the chip id on top on version 3 */
	bool has_hwid;
	uint32_t msm_id;         /* 0x000480E1 = MDM9x07 ... */
	uint16_t oem_id, model_id;
	size_t pkhash_len;       /* 0 when the target did not tell; 32, 48 or 64, less only
				    when less came */
	uint8_t pkhash[CHIP_PKHASH_MAX];
	bool has_sbl_version;
	uint32_t sbl_version;
};

/* Marketing-free chip name of an MSM id ("MDM9x07", "SDX55" ...), or NULL when it is not known. */
const char *chip_name(uint32_t msm_id);
/* Is this the hash of chips whose secure boot is off (any test-signed programmer runs)? */
bool chip_pkhash_is_unfused(const struct chip_id *id);

#endif
