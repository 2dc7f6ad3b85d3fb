/* Sealed snapshots on this computer: looked into, and looked for. */
#ifndef SALVOR_CMD_SNAPFILE_H
#define SALVOR_CMD_SNAPFILE_H

#include "base/progress.h"
#include "model/manifest.h"

struct snapfile {
	struct manifest manifest;
	char id[DIGEST_HEX_MAX];
	uint64_t size;
};
/* Reads and checks the manifest, which comes first; the items stay unread. Errors as in
 * snapread_open(), with the path in front. */
int snapfile_open(const char *path, struct snapfile *ret, struct err *e) _must_check_;
/* Reads all of it, too: ERR_INTEGRITY with the first thing that is wrong. */
int snapfile_verify(const char *path, struct progress *progress, struct snapfile *ret,
		    struct err *e) _must_check_;
void snapfile_fini(struct snapfile *f);

struct snapfile_list {
	char **path;
	size_t n, cap;
};
/* Adds `path` itself when it is a file, or the files below it that are named like snapshots, sorted;
 * follows no link, and goes SNAPFILE_DEPTH folders deep. */
#define SNAPFILE_DEPTH 8
int snapfile_collect(const char *path, struct snapfile_list *l, struct err *e) _must_check_;
int snapfile_list_add(struct snapfile_list *l, const char *path, struct err *e) _must_check_;
void snapfile_list_fini(struct snapfile_list *l);

#endif
