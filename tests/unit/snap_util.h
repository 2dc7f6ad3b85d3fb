/* What the tests of snapshots share: a scratch folder, a file system in which the N-th call fails, a
 * sample backup, and a tar writer that shares nothing with libarchive. */
#ifndef SALVOR_TESTS_SNAP_UTIL_H
#define SALVOR_TESTS_SNAP_UTIL_H

#include "backup/snap.h"
#include "backup/verify.h"

struct scratch {
	char dir[64];
};
void scratch_make(struct scratch *s);
void scratch_remove(struct scratch *s);
/* How many entries of the folder have names that end so? */
unsigned scratch_count(const struct scratch *s, const char *suffix);
/* The folder's path and a name; good until the next call. */
const char *scratch_path(const struct scratch *s, const char *name);
void put_file(const char *path, const void *p, size_t n);
/* malloced */
uint8_t *get_file(const char *path, size_t *ret_n);

enum fault_how { FAULT_FAIL, FAULT_SHORT, FAULT_KILL };

struct fault {
	struct fs_ops ops;
	enum fault_how how;
	unsigned at;     /* which call fails, from 1 on; 0 = none */
	unsigned calls;  /* so far */
	int errnum;
	bool stays;      /* and all after it */
	bool no_links;   /* a file system without hard links */
};
void fault_init(struct fault *f, unsigned at, int errnum);

/* An EDL and DIAG backup of a small NAND module: two raw items with maps, EFS files, a folder and a link, NV
 * items, AT text. Complete by every rule. `e` tells why it failed. */
#define SAMPLE_NAME "EC25-sample"
int sample_fill(struct snap *s, struct err *e);
/* begin, fill, seal; every step with these operations. */
int sample_make(const char *dir, const char *name, const struct fs_ops *ops, struct err *e);
/* Verifies a file; the report is to be freed after 0. */
int verify_file(const char *path, struct verify_report *rep, struct err *e);

/* A tar, header by header. */
void tar_add(struct buf *b, const char *name, char type, const char *link, const void *p, size_t n);
/* A header that announces `size` bytes, without them. */
void tar_head(struct buf *b, const char *name, char type, const char *link, uint64_t size);
void tar_end(struct buf *b);

#endif
