/* Where `efs extract` puts a tree: a new folder, or a tar. Names come from an image and are escaped
 * already (image/efs2.h); nothing here follows a link, makes one, or leaves the folder. */
#ifndef SALVOR_CMD_EFS_EXTRACT_H
#define SALVOR_CMD_EFS_EXTRACT_H

#include "backup/tar_tree.h"
#include "base/fs.h"
#include "image/efs2.h"

#include <stdbool.h>

/* Longest path in the destination: the image's, with suffix. */
#define TREE_PATH_MAX (EFS2_PATH_MAX + 64)
/* An image's folders are EFS2_MAX_DEPTH deep, "/%lost/INODE" above them. */
#define TREE_DEPTH_MAX (EFS2_MAX_DEPTH + 4)

struct tree_level {
	int fd;
	size_t len; /* of the folder's path in tree_out.cur */
	unsigned mode;
	uint32_t mtime;
};

struct tree_out {
	char *dest;           /* what the person named; NULL for a tar on standard output */
	struct tar_tree *tar; /* NULL: a folder */
	struct fs_new file;   /* of the tar */
	struct fd_sink file_sink;
	char *tmp; /* the folder in the making, beside dest; NULL once it is there */
	struct tree_level level[TREE_DEPTH_MAX];
	size_t depth;
	char cur[TREE_PATH_MAX];
	int member; /* the file that is being written, or -1 */
	struct fs_sink member_sink;
	uint8_t room[FS_SINK_BYTES];
};

/* A folder that must not exist or be empty, or with `is_tar` a new file. `raw`: a tar into this sink
 * instead, dest is NULL. */
int tree_open(struct tree_out *t, const char *dest, bool is_tar, struct sink *raw,
	      struct err *e) _must_check_;
/* The path of an entry in the destination: relative, components over 200 bytes cut and told apart
 * by a digest behind "%~", with the suffix. */
int tree_path(const char *path, const char *suffix, char out[TREE_PATH_MAX],
	      struct err *e) _must_check_;
/* A folder with its permissions and time, which are set when it is left. */
int tree_dir(struct tree_out *t, const char *stored, unsigned mode, uint32_t mtime,
	     struct err *e) _must_check_;
/* A new file; *ret takes exactly `size` bytes. ERR_MISMATCH when a name cannot be had there: then
 * the next entry may follow. */
int tree_file_begin(struct tree_out *t, const char *stored, uint64_t size, unsigned mode,
		    uint32_t mtime, struct sink **ret, struct err *e) _must_check_;
int tree_file_end(struct tree_out *t, unsigned mode, uint32_t mtime, struct err *e) _must_check_;
/* Takes back a file whose content failed half-way. False in a tar, where that cannot be done. */
bool tree_file_undo(struct tree_out *t, const char *stored);
/* Everything to storage and to its final name. */
int tree_commit(struct tree_out *t, struct err *e) _must_check_;
/* Leaves nothing behind; harmless after a commit. */
void tree_fini(struct tree_out *t);

#endif
