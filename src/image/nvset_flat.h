/*
 * A QPST backup as plain files, for snapshots, tar archives and people:
 *
 *	nv/00550.bin         the 128 bytes of a numbered item
 *	nv/00303_1.bin       the same, index 1
 *	nv/sim1/00550.bin    of the second subscription; sim2 of the third
 *	nv/00550_0+1.bin     a second record of the same item and index, where a file has one
 *	efs/nv/item_files/.. an item file, once for each path; escapes as in manifest_name_of_path()
 *	qpst/layout.txt      what these names do not tell: order, numbering, sections, headers
 *	qpst/0000.bin        streams of other kinds
 *
 * With the layout the way back gives the same tree, byte for byte of every stream. Without it (files
 * of another program, or read from a module) they are sorted into a new backup by QPST's rules.
 */
#ifndef SALVOR_IMAGE_NVSET_FLAT_H
#define SALVOR_IMAGE_NVSET_FLAT_H

#include "image/nvset.h"

#define NVSET_LAYOUT "qpst/layout.txt"

/* "nv/sim1/00550_2.bin". */
void nvset_nv_name(enum nvset_sub sub, uint16_t id, uint16_t index, char out[32]);
/* The way back; also "nv_items/00550.bin" of other programs and the module's own "nvm/num/550" and
 * "nvm/context1/550". A record's copy ("+1") is no such name. */
bool nvset_nv_name_parse(const char *name, enum nvset_sub *ret_sub, uint16_t *ret_id,
			 uint16_t *ret_index);

struct nvset_flat {
	/* Takes one file; name and bytes live for the call. A name comes once. */
	int (*file)(struct nvset_flat *, const char *name, struct slice bytes, struct err *);
};
int nvset_flatten(const struct qtree *t, struct nvset_flat *to, struct err *e) _must_check_;

/* Collects files, in any order. */
struct nvset_gather {
	struct qtree files;
};
/* max 0 = QTREE_MAX. */
int nvset_gather_init(struct nvset_gather *g, size_t max, struct err *e) _must_check_;
/* Names as above, or relative paths of the module's file system. */
int nvset_gather_add(struct nvset_gather *g, const char *name, struct slice bytes,
		     struct err *e) _must_check_;
/* Makes the backup, called `name`. Files that have no place in it become findings "left-out"
 * (findings may be NULL). ERR_PROTO when the layout contradicts itself or names a file that is not
 * there; ERR_MISMATCH when there is nothing that belongs into a backup. */
int nvset_gather_done(const struct nvset_gather *g, const char *name, struct qtree *ret,
		      struct qfindings *findings, struct err *e) _must_check_;
void nvset_gather_fini(struct nvset_gather *g);

#endif
