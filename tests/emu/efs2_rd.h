/*
 * Reads an EFS2 image back into a tree: what the emulated module's firmware does with its efs2
 * partition at boot. Written for clean images, and for any that efs2_mk made or that was copied
 * page by page; it gives up at the first thing that it does not understand. It shares nothing with
 * src/image and only the tree with efs2_mk.
 *
 *   struct efs2_rd_source s = { page_size, pages_per_block, pages, read_page, ctx };
 *   if (efs2_rd(&s, &tree, why, sizeof(why)) < 0) ... the module would format its file system
 *   ... efs2_mk_find(&tree, "/nvm/num/550") ...
 *   efs2_mk_fini(&tree);
 */
#ifndef SALVOR_EMU_EFS2_RD_H
#define SALVOR_EMU_EFS2_RD_H

#include "tests/emu/efs2_mk.h"

struct efs2_rd_source {
	uint32_t page_size, pages_per_block, pages; /* of the partition */
	/* 0, or not 0 for a page that cannot be read (it then counts as erased). */
	int (*read)(void *ctx, uint32_t page, uint8_t *to);
	void *ctx;
};

/* Superblock, journal, tables and directory; or a factory image at the partition's start. */
int efs2_rd(const struct efs2_rd_source *s, struct efs2_mk_tree *ret, char *why, size_t why_n);

#endif
