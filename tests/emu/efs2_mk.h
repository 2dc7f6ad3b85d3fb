/*
 * Makes EFS2 images for the emulated module and for tests: a small simulation of a writer, after
 * efs2-flash.md sections 3 to 6, 9 and 10. It shares nothing with src/image.
 *
 * A tree of nodes goes in, pages come out. The image is written as a module would: first the tree
 * with older content in some places, then updates that move pages and leave stale copies,
 * checkpoints with rising age, and at the end updates that stand in the journal only. However these
 * are chosen, the live content is the tree given.
 *
 *   struct efs2_mk_tree t = { 0 };
 *   efs2_mk_add(&t, "/nvm/num/550", EFS2_MK_ITEM, 0777, 0, bytes, 9);   parents are made
 *   struct efs2_mk_opts o = { .page_size = 2048, .pages_per_block = 64, .blocks = 88 };
 *   struct efs2_mk_image img;
 *   efs2_mk_image(&t, &o, &img, why, sizeof(why));
 *   for (p = 0; p < img.pages; p++)
 *           if (img.role[p] != EFS2_MK_ERASED)
 *                   program(p, img.bytes + (size_t)p * img.page_size);
 *
 * All return 0, or -1 with a sentence in `why` where there is one.
 */
#ifndef SALVOR_EMU_EFS2_MK_H
#define SALVOR_EMU_EFS2_MK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum efs2_mk_type { EFS2_MK_FILE, EFS2_MK_ITEM, EFS2_MK_DIR, EFS2_MK_LINK };

struct efs2_mk_node {
	char *path; /* "/a/b"; bytes as they are, '/' only between names */
	enum efs2_mk_type type;
	uint16_t mode;  /* permission bits */
	uint32_t mtime; /* items up to 200 bytes keep it only when it is not 0; links never */
	uint8_t *data;  /* content; a link's target */
	size_t n;
};

struct efs2_mk_tree {
	struct efs2_mk_node *node;
	size_t n, cap;
};

/* Copies path and data; replaces a node of the same path. Missing parents are made with mode 0755.
 */
int efs2_mk_add(struct efs2_mk_tree *t, const char *path, enum efs2_mk_type type, uint16_t mode,
		uint32_t mtime, const void *data, size_t n);
struct efs2_mk_node *efs2_mk_find(const struct efs2_mk_tree *t, const char *path); /* or NULL */
void efs2_mk_fini(struct efs2_mk_tree *t);

struct efs2_mk_opts {
	uint32_t page_size; /* 512, 2048 or 4096 */
	uint32_t pages_per_block, blocks;
	uint16_t version;         /* 0 = 0x25 */
	uint16_t age;             /* of the first superblock */
	unsigned depth;           /* levels of the page tables; 0 = as few as fit */
	unsigned log_blocks;      /* 0 = 4 */
	unsigned first_log_block; /* inside the log region: near its end, the journal wraps */
	unsigned checkpoints;     /* superblocks by checkpoint, the first one included; 0 = 1 */
	unsigned per_checkpoint;  /* updates between two of them; 0 = 3 */
	unsigned pending;         /* updates in the journal behind the last one */
	unsigned unaccounted;     /* pages written at the end that no journal entry knows */
	bool move_root;           /* the journal moves the directory's root to another cluster */
	bool move_tables;         /* the journal moves table pages */
	bool sealed;              /* journal pages end in 0xFD instead of 0xFE */
	const uint8_t *bad; /* a byte for every block, not 0 = bad: nothing is put there; or NULL */
};

/* What stands in a page. Lower case: a stale copy of it. */
enum efs2_mk_role {
	EFS2_MK_ERASED = 0,
	EFS2_MK_SUPER = 'S',
	EFS2_MK_JOURNAL = 'J',
	EFS2_MK_TABLE = 'T',
	EFS2_MK_NODE = 'D', /* directory database */
	EFS2_MK_INODES = 'I',
	EFS2_MK_DATA = 'F', /* content of a file */
	EFS2_MK_INDIRECT = 'X',
	EFS2_MK_INFO = 'B',
	EFS2_MK_LOST = 'u', /* written, never recorded */
	EFS2_MK_CEFS = 'C', /* descriptor, bitmap or backup header */
};

struct efs2_mk_image {
	uint8_t *bytes; /* pages * page_size; erased pages are 0xFF */
	uint8_t *role;  /* one byte a page */
	uint32_t pages, page_size;
};
int efs2_mk_image(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
		  struct efs2_mk_image *ret, char *why, size_t why_n);
/* The factory image of the same tree, format 2, 3 or 4; with_header puts 0x53000000 in front of the
 * magic. Updates and checkpoints do not apply. */
int efs2_mk_cefs(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o, unsigned format,
		 bool with_header, struct efs2_mk_image *ret, char *why, size_t why_n);
/* A backup partition around a factory image of format 3. */
int efs2_mk_backup(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
		   struct efs2_mk_image *ret, char *why, size_t why_n);
void efs2_mk_image_fini(struct efs2_mk_image *img);

#endif
