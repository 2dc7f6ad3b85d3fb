/*
 * What the programmer's log lines tell. Firehose answers most questions in prose: the two families
 * of programmers have their own texts, and builds differ in numbers and blanks, so lines are
 * matched by their constant parts. All functions take one line and remember nothing but what they
 * are given.
 */
#ifndef SALVOR_WIRE_FIREHOSE_LOG_H
#define SALVOR_WIRE_FIREHOSE_LOG_H

#include "base/bytes.h"

/* Text after "INFO: ", "ERROR: " ... of family B; the line itself elsewhere. */
const char *firehose_log_plain(const char *line);
/* 'B' for a line with a level prefix, 'A' for the one-line function list of MDM9x07, else 0. */
char firehose_log_family(const char *line);

/* The function list of the banner. Family A: names in one line; family B: one per line between a
 * "Supported Functions (15):" and an "End of supported functions 15". */
enum firehose_list_event {
	FIREHOSE_LIST_NONE,
	FIREHOSE_LIST_ALL, /* *ret_names: blank-separated names, all of them */
	FIREHOSE_LIST_BEGIN,
	FIREHOSE_LIST_END,
};
enum firehose_list_event firehose_log_list(const char *line, const char **ret_names);

/* What a line asks the host to do. */
enum firehose_hint {
	FIREHOSE_HINT_NONE,
	FIREHOSE_HINT_TRY_NAND,
	FIREHOSE_HINT_TRY_EMMC,
	FIREHOSE_HINT_TRY_UFS,
	FIREHOSE_HINT_SECTOR_SIZE,     /* value: the size it wants */
	FIREHOSE_HINT_PAGES_PER_BLOCK, /* value */
	FIREHOSE_HINT_DIGEST_TABLE,    /* value: the largest hash table it takes */
	FIREHOSE_HINT_LOCKED,          /* vendor authentication comes first */
	FIREHOSE_HINT_VIP,             /* takes only packets of a signed table */
	FIREHOSE_HINT_UNKNOWN_TAG,     /* the command does not exist here */
};
enum firehose_hint firehose_log_hint(const char *line, uint64_t *ret_value);

/* "Chip serial num: 305419896 (0x12345678)", "Chip serial num (0x12345678) Chip ID (0x443)". */
bool firehose_log_serial(const char *line, uint64_t *ret);
/* "INFO: Digest <64 hex digits>". */
bool firehose_log_digest(const char *line, uint8_t ret[32]);
/* A line that names a bad block: "BAD_BLOCK=12", "skip bad block 12 and ...", "block:c is bad",
 * "Skipping:<TAB>bad block 0xc", "device failed during erase of block 0xc" ... */
bool firehose_log_bad_block(const char *line, uint32_t *ret);

/* getstorageinfo's answer, collected from its log lines. 0 and "" where nothing was said. */
struct firehose_storage {
	uint64_t total_blocks, block_size; /* erase blocks on NAND, sectors on managed storage */
	uint64_t page_size;                /* NAND, from the JSON */
	uint64_t sector_size, total_sectors, pages_in_block; /* key=value style */
	uint32_t num_physical, manufacturer_id;
	bool has_bad_list; /* a list was printed, be it empty */
	char mem_type[16], product[32];
};
/* True when the line was part of the answer. */
bool firehose_storage_feed(struct firehose_storage *s, const char *line);

#endif
