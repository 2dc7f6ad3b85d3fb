/*
 * Places in the modem's file system (EFS2) that mean something here. Paths are the module's own, absolute,
 * without double slashes. Sources: docs/protocols.md, sections EFS2 and NV items.
 */
#ifndef SALVOR_MODEL_EFS_PLACES_H
#define SALVOR_MODEL_EFS_PLACES_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EFS_RFNV_DIR "/nv/item_files/rfnv"
/* RF calibration items are numbered; a folder that cannot be listed is asked for each of these. */
#define EFS_RFNV_FIRST 20000
#define EFS_RFNV_LAST  32000

/* Is this the file of a numbered NV item: "/nvm/num/550", "/nvm/num/946_2", "/nvm/context1/550"? sim: 0 is
 * the first. Names with leading zeros are other files. */
bool efs_place_nv(const char *path, uint16_t *ret_id, uint16_t *ret_index, uint8_t *ret_sim);

/* What part of the module's identity, or which secret, the file holds ("IMEI", "lock code"); NULL for the
 * rest. Such places are written only by restore and transplant, and never from another module. */
const char *efs_place_identity(const char *path);
/* A secret is not shown either. */
bool efs_place_is_secret(const char *path);

/* A text file in which the firmware itself names its items, a path a line. */
bool efs_place_is_manifest(const char *path);
/* The next path of a manifest's text, or NULL at the end; *pos starts at 0. At most cap - 1 characters go
 * to `out`; longer lines and lines that are no absolute path are passed over. */
const char *efs_manifest_next(const char *text, size_t n, size_t *pos, char *out, size_t cap);

/* Are new files at this place item files by convention? */
bool efs_place_wants_item(const char *path);

/* Folders and files that modules of this kind are known to have: to be asked for where a listing does not
 * show them. Ordered, without duplicates. */
const char *const *efs_known_dirs(size_t *ret_n);
const char *const *efs_known_files(size_t *ret_n);

#endif
