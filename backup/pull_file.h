/* A dump of one place in a file, with its block map beside it (FILE.map) on NAND. */
#ifndef SALVOR_BACKUP_PULL_FILE_H
#define SALVOR_BACKUP_PULL_FILE_H

#include "backup/pull_edl.h"
#include "base/digest.h"

struct pull_file {
	uint64_t bytes;
	char sha256[DIGEST_HEX_MAX];
	bool has_map;                /* NAND only */
	struct blockmap_summary map; /* all zero without a map, but `restorable` is then true */
};

/* Reads the extent into `path` (a new file: an existing one is refused) and, on NAND, writes
 * `path`.map, unless the extent begins inside an erase block. Both appear whole or not at all, and the
 * dump only after its map. */
int pull_to_file(const struct pull *pull, const struct extent *x, const char *path,
		 struct pull_file *ret, struct err *e) _must_check_;
/* The digest of a second, separate read. */
int pull_digest(const struct pull *pull, const struct extent *x, char hex[DIGEST_HEX_MAX],
		struct err *e) _must_check_;
/* Into a sink, for `-o -`; same report, no map file. */
int pull_to_sink(const struct pull *pull, const struct extent *x, struct sink *to,
		 struct pull_file *ret, struct err *e) _must_check_;

#endif
