/* GUID partition tables of eMMC and UFS LUNs. */
#ifndef SALVOR_IMAGE_GPT_H
#define SALVOR_IMAGE_GPT_H

#include "image/sectors.h"
#include "model/partition.h"

/* Adds the partitions of one LUN to `t`. Header and array CRCs are checked; a bad primary falls back
 * to the backup in the last sector (TABLE_WARN_BACKUP). ERR_MISMATCH when there is no table at all. */
int gpt_read(struct sectors *s, uint32_t lun, struct table *t, struct err *e) _must_check_;

#endif
