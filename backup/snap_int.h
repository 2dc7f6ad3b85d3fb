/* Between the two files of a snapshot in the making: snap.c (the folder) and snap_seal.c. */
#ifndef SALVOR_BACKUP_SNAP_INT_H
#define SALVOR_BACKUP_SNAP_INT_H

#include "backup/snap.h"

#define SNAP_ITEMS "items/"

struct snap {
	struct snap_opts opts;
	const struct fs_ops *fs;
	char *dir;  /* where NAME.part is */
	char *part; /* NAME.part */
	int part_fd, journal_fd;
	bool is_torn; /* the journal's last line may be cut */
	struct manifest manifest;
	uint32_t *index; /* open hash of item numbers + 1, by name; 0 = free */
	size_t index_n;  /* a power of two */

	/* The item that is being read. */
	struct sink sink;
	struct manifest_item item; /* texts borrowed from item_name and the caller */
	char *item_name;           /* NULL when there is none */
	int item_fd;
	uint64_t item_bytes;
	struct digest digest;
	struct fs_sink file;
	uint8_t room[FS_SINK_BYTES];
};

/* A finished item's file, for reading. *ret_fd is closed with s->fs. */
int snap_open_item(struct snap *s, const char *name, int *ret_fd, struct err *e) _must_check_;

#endif
