/* Partition tables as salvor sees them, whether they came from a MIBIB or a GPT. */
#ifndef SALVOR_MODEL_PARTITION_H
#define SALVOR_MODEL_PARTITION_H

#include "base/err.h"
#include "model/extent.h"

#include <stddef.h>
#include <stdint.h>

#define PARTITION_NAME_MAX 73 /* 36 UTF-16 units of a GPT name as ASCII or UTF-8, cut; NUL */

struct partition {
	char name[PARTITION_NAME_MAX]; /* without the "0:" of NAND tables, case as on the module */
	struct extent at;              /* sectors, also where the table counts in blocks */
	uint8_t attr[4];               /* MIBIB attr1..3 and which_flash; zero for GPT */
	uint64_t gpt_attr;             /* GPT attributes; zero for MIBIB */
	uint8_t type_guid[16];         /* GPT; zero for MIBIB */
};

enum table_kind { TABLE_NONE, TABLE_MIBIB, TABLE_GPT };

#define TABLE_MAX_PARTITIONS 1024

struct table {
	enum table_kind kind;
	struct partition *part; /* malloced, in table order */
	size_t n, cap;
	uint32_t age;           /* MIBIB: age of the copy in use */
	uint64_t found_sector;  /* where the copy in use starts */
	unsigned warnings;      /* TABLE_WARN_* */
};

enum {
	TABLE_WARN_CRC = 1u << 0,       /* MIBIB without a valid CRC page: read-only use */
	TABLE_WARN_BACKUP = 1u << 1,    /* GPT: primary bad, backup used */
	TABLE_WARN_NO_BACKUP = 1u << 2, /* GPT: backup header bad or missing */
	TABLE_WARN_ENTRY = 1u << 3,     /* GPT: an entry that cannot be right was left out */
};

void table_fini(struct table *t);
/* Copies `p` in. ERR_PROTO past TABLE_MAX_PARTITIONS. */
int table_add(struct table *t, const struct partition *p, struct err *e) _must_check_;
/* Case and a leading "0:" do not matter. NULL when there is none; *ret_n (may be NULL) counts how
 * many partitions bear the name, because GPT tables of several LUNs may repeat one. */
const struct partition *table_find(const struct table *t, const char *name, size_t *ret_n);
/* The name of the partition closest in spelling to `name`, or NULL: for "did you mean". */
const char *table_nearest(const struct table *t, const char *name);
/* Strips "0:" (any digit) from a NAND name. */
const char *partition_plain_name(const char *name);

#endif
