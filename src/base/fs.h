/*
 * Files. Everything salvor writes goes to a temporary name beside its place, is fsynced, renamed, and
 * the directory is fsynced: a reader sees the old file, or the whole new one.
 */
#ifndef SALVOR_BASE_FS_H
#define SALVOR_BASE_FS_H

#include "base/bytes.h"
#include "base/err.h"

struct fs_new {
	int fd;           /* write here; -1 when not open */
	int dir_fd;
	char *path;       /* the final path */
	char *tmp_name;   /* within dir_fd */
	bool replace;
};

/* Creates a temporary file (0600) beside `path`. Unless `replace`, an existing `path` is an error now
 * and again at commit, and is never overwritten. */
int fs_new_open(struct fs_new *f, const char *path, bool replace, struct err *e) _must_check_;
/* fsync, rename, fsync of the directory. After it the struct is empty. On failure nothing is left. */
int fs_new_commit(struct fs_new *f, struct err *e) _must_check_;
/* Removes the temporary file; harmless after a commit. */
void fs_new_abort(struct fs_new *f);

/* A whole small file into `b`, up to b->max bytes. Refuses what is not a regular file. */
int fs_read_file(const char *path, struct buf *b, struct err *e) _must_check_;
/* The same through the temporary name. */
int fs_write_file(const char *path, struct slice s, bool replace, struct err *e) _must_check_;
/* Opens a regular file for reading and tells its size; directories, devices and FIFOs are refused. */
int fs_open_input(const char *path, int *ret_fd, uint64_t *ret_size, struct err *e) _must_check_;
/* mkdir -p with mode 0700 for what it makes. */
int fs_mkdirs(const char *path, struct err *e) _must_check_;
bool fs_is_dir(const char *path);
/* "dir/name", malloced; NULL when out of memory. */
char *fs_join(const char *dir, const char *name);

#endif
