/* A plain, uncompressed tar of a folder tree, as a stream: what is extracted from an image. Unlike a
 * snapshot (backup/container.h) it has folders, modes and times, and no links or devices ever. */
#ifndef SALVOR_BACKUP_TAR_TREE_H
#define SALVOR_BACKUP_TAR_TREE_H

#include "base/stream.h"

#include <stdbool.h>

struct tar_tree;

struct tar_entry {
	const char *path; /* relative, without "." and ".." in it: ERR_BUG otherwise */
	bool is_dir;
	unsigned mode; /* permissions only */
	uint32_t mtime;
	uint64_t size; /* of a file */
};

/* `to` is borrowed until close or abort. */
int tar_tree_open(struct sink *to, struct tar_tree **ret, struct err *e) _must_check_;
/* Begins an entry. *ret takes exactly `size` bytes of a file until the next call; a folder takes
 * none. After a failure only abort is left. */
int tar_tree_add(struct tar_tree *t, const struct tar_entry *x, struct sink **ret,
		 struct err *e) _must_check_;
/* Writes the end. Frees t in any case. */
int tar_tree_close(struct tar_tree *t, struct err *e) _must_check_;
void tar_tree_abort(struct tar_tree *t); /* NULL is fine */

#endif
