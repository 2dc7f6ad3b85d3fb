/* What state a device is in and what each interface is for, from ids and descriptors alone. */
#ifndef SALVOR_DEVICE_CLASSIFY_H
#define SALVOR_DEVICE_CLASSIFY_H

#include "device/find.h"

/* Fills known, state, chip_serial and the role of each interface; the rest of `d` is filled
 * already. */
void device_classify(struct device *d);
/* Does an id concern us at all? */
bool id_is_related(uint16_t vid, uint16_t pid);

#endif
