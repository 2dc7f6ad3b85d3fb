/*
 * Files. Everything salvor writes goes to a temporary name beside its place, is fsynced, renamed, and
 * the directory is fsynced: a reader sees the old file, or the whole new one.
 */
#ifndef SALVOR_BASE_FS_H
#define SALVOR_BASE_FS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/stream.h"

#include <sys/types.h>

/* What the host is asked for. Everything that must survive a failing disk goes through such a table,
 * so that a test can put one in its place in which the N-th call fails. Each returns -1 and sets
 * errno, like the call that it is named after; paths are relative to dir_fd. */
struct fs_ops {
	int (*open)(const struct fs_ops *, int dir_fd, const char *path, int flags, unsigned mode);
	int (*close)(const struct fs_ops *, int fd);
	ssize_t (*read)(const struct fs_ops *, int fd, void *p, size_t n);
	ssize_t (*write)(const struct fs_ops *, int fd, const void *p, size_t n);
	int (*sync)(const struct fs_ops *, int fd);
	int (*link)(const struct fs_ops *, int dir_fd, const char *from, const char *to);
	int (*rename)(const struct fs_ops *, int dir_fd, const char *from, const char *to);
	int (*unlink)(const struct fs_ops *, int dir_fd, const char *path);
	int (*mkdir)(const struct fs_ops *, int dir_fd, const char *path); /* 0700 */
	int (*exists)(const struct fs_ops *, int dir_fd, const char *path); /* does not follow links */
	int (*lock)(const struct fs_ops *, int fd); /* for ourselves alone; EWOULDBLOCK at once */
};
const struct fs_ops *fs_host(void);

struct fs_new {
	const struct fs_ops *ops;
	int fd;           /* write here; -1 when not open */
	int dir_fd;
	char *path;       /* the final path */
	char *tmp_name;   /* within dir_fd */
	bool replace;
};

/* Creates a temporary file (0600) beside `path`. Unless `replace`, an existing `path` is an error now
 * and again at commit, and is never overwritten. */
int fs_new_open(struct fs_new *f, const char *path, bool replace, struct err *e) _must_check_;
int fs_new_open_on(struct fs_new *f, const struct fs_ops *ops, const char *path, bool replace,
		   struct err *e) _must_check_;
/* fsync, rename, fsync of the directory. After it the struct is empty. On failure nothing is left. */
int fs_new_commit(struct fs_new *f, struct err *e) _must_check_;
/* Removes the temporary file; harmless after a commit. */
void fs_new_abort(struct fs_new *f);

/* Into a file of such a table, in writes of FS_SINK_BYTES; fs_sink_flush() writes the rest. */
#define FS_SINK_BYTES 65536u
struct fs_sink {
	struct sink sink;
	const struct fs_ops *ops;
	int fd;
	size_t used;
	uint8_t *room; /* FS_SINK_BYTES of the caller's */
};
void fs_sink_init(struct fs_sink *s, const struct fs_ops *ops, int fd, uint8_t *room);
int fs_sink_flush(struct fs_sink *s, struct err *e) _must_check_;
struct fs_source {
	struct source source;
	const struct fs_ops *ops;
	int fd;
};
void fs_source_init(struct fs_source *s, const struct fs_ops *ops, int fd);

/* A whole small file into `b`, up to b->max bytes. Refuses what is not a regular file. */
int fs_read_file(const char *path, struct buf *b, struct err *e) _must_check_;
/* The same through the temporary name. */
int fs_write_file(const char *path, struct slice s, bool replace, struct err *e) _must_check_;
/* Opens a regular file for reading and tells its size; directories, devices and FIFOs are refused. */
int fs_open_input(const char *path, int *ret_fd, uint64_t *ret_size, struct err *e) _must_check_;
/* mkdir -p with mode 0700 for what it makes. */
int fs_mkdirs(const char *path, struct err *e) _must_check_;
bool fs_is_dir(const char *path);
/* Removes a folder of ours with everything in it; follows no link. Does what it can: -1 when something
 * stayed. */
int fs_remove_tree(int dir_fd, const char *name, struct err *e) _must_check_;
/* "dir/name", malloced; NULL when out of memory. */
char *fs_join(const char *dir, const char *name);

#endif
