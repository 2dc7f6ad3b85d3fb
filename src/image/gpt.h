/* GUID partition tables of eMMC and UFS LUNs. */
#ifndef SALVOR_IMAGE_GPT_H
#define SALVOR_IMAGE_GPT_H

#include "image/sectors.h"
#include "model/partition.h"

/* Adds the partitions of one LUN to `t`. Header and array CRCs are checked; a bad primary falls
 * back to the backup in the last sector (TABLE_WARN_BACKUP; total_sectors must be known for it). A
 * primary without a valid backup is used, with TABLE_WARN_NO_BACKUP. An entry that ends before it
 * starts or beyond the LUN is left out (TABLE_WARN_ENTRY): images that were never patched to the
 * chip's size hold such ones. ERR_MISMATCH when there is no table at all, ERR_INTEGRITY when there
 * is one and all its copies are damaged; `t` is then as before. */
int gpt_read(struct sectors *s, uint32_t lun, struct table *t, struct err *e) _must_check_;

#endif
