/* What each erase block of a NAND dump holds, learned while it streams by; and the writing rule
 * that follows from it: pages after the last data page of a block are left erased. */
#ifndef SALVOR_IMAGE_BLOCKMAP_H
#define SALVOR_IMAGE_BLOCKMAP_H

#include "base/bytes.h"
#include "base/err.h"

/* What device-programmer builds answer for a page that was not written since its last erase. */
#define BLOCKMAP_FILLER_DEFAULT 0xEE
/* 8 GiB of 128 KiB blocks; modules have at most 1 GiB. Bounds what a file can make us allocate. */
#define BLOCKMAP_MAX_BLOCKS 65536

enum block_state {
	BLOCK_DATA,   /* data pages, then perhaps erased pages */
	BLOCK_ERASED, /* every page erased (0xFF, or the programmer's filler to the end) */
	BLOCK_FILLER, /* filler pages in front of data: pages that were not read */
	BLOCK_BAD,    /* the target refused or reported it */
	BLOCK_UNREAD,
};

struct block_info {
	enum block_state state;
	uint32_t data_pages; /* pages to program: up to and including the last data page */
};

struct blockmap {
	uint32_t page_size, pages_per_block;
	uint8_t filler;           /* 0xEE unless told otherwise */
	struct block_info *block; /* malloced */
	size_t n;                 /* whole or begun blocks so far */
	size_t cap;
	/* running state of the block that is being fed */
	uint32_t page, last_data, filler_before_data, filler_run;
	size_t in_page;
	bool page_all_ff, page_all_filler;
};

/* ERR_MISMATCH for a geometry that no NAND has. */
int blockmap_init(struct blockmap *m, uint32_t page_size, uint32_t pages_per_block, uint8_t filler,
		  struct err *e) _must_check_;
void blockmap_fini(struct blockmap *m);
/* Bytes in any pieces. */
int blockmap_feed(struct blockmap *m, struct slice s, struct err *e) _must_check_;
/* The current block (which must be at its first byte) could not be read: passes over it. `why` is
 * BLOCK_BAD or BLOCK_UNREAD. */
int blockmap_skip(struct blockmap *m, enum block_state why, struct err *e) _must_check_;
/* Judges a last block that has fewer pages than a whole one. ERR_INTEGRITY inside a page. */
int blockmap_end(struct blockmap *m, struct err *e) _must_check_;
/* Can this dump be written back? False when any block is FILLER, BAD or UNREAD; the counts tell
 * why. */
struct blockmap_summary {
	size_t data, erased, filler, bad, unread;
	bool restorable;
};
struct blockmap_summary blockmap_summary(const struct blockmap *m);
/* "data", "erased", "filler", "bad", "unread". */
const char *block_state_name(enum block_state s);
/* False when no state bears the name. */
bool block_state_parse(const char *name, enum block_state *ret);

/* The writing rule, one erase block at a time and in ascending order: program the first `pages`
 * pages of the block with the dump's bytes, leave the others as the erase left them. Programming
 * filler, or even 0xFF, into such pages is what makes UBI and EFS2 refuse a restored dump. */
struct blockmap_write {
	size_t block;
	uint32_t pages;  /* 0: the block stays erased */
	uint64_t offset; /* of the block's first byte in the dump */
};
struct blockmap_writer {
	const struct blockmap *map; /* borrowed */
	size_t next;
};
/* ERR_INTEGRITY with the counts when the dump is not restorable: then nothing may be written. */
int blockmap_writer_init(struct blockmap_writer *w, const struct blockmap *m,
			 struct err *e) _must_check_;
/* False after the last block. */
bool blockmap_writer_next(struct blockmap_writer *w, struct blockmap_write *ret);

#endif
