/* Numbered NV items that matter here: what they are called and what they mean for a copy. Names are
 * those on which public item lists agree. */
#ifndef SALVOR_MODEL_NV_NAMES_H
#define SALVOR_MODEL_NV_NAMES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nv_class {
	NV_CLASS_SETTING,
	NV_CLASS_STATE,
	NV_CLASS_IDENTITY,     /* IMEI, serial, addresses: never from another module */
	NV_CLASS_SECRET,       /* keys and codes: never shown, never from another module */
	NV_CLASS_SUBSCRIPTION,
	NV_CLASS_CALIBRATION,  /* belongs to the board */
	NV_CLASS_HARDWARE,     /* describes the board; wrong value = no radio */
	NV_CLASS_INFO,
};

struct nv_name {
	uint16_t id;
	enum nv_class cls;
	bool hangs; /* reading it breaks the DIAG link of some module: leave it out of scans */
	const char *name;
};

/* NULL when the item is not in the table. */
const struct nv_name *nv_name_find(uint16_t id);
/* Identity or secret: written only by restore and transplant, never from a donor. */
bool nv_is_identity(uint16_t id);
bool nv_is_secret(uint16_t id);
/* May a scan read it? */
bool nv_may_scan(uint16_t id);
/* "identity", "calibration" ... */
const char *nv_class_name(enum nv_class cls);
/* The whole table, ordered by id. */
const struct nv_name *nv_names(size_t *ret_n);

#endif
