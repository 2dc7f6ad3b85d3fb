/* The part of EFS2 that changes a module's storage. Only recovery/ may include this. Nothing here is
 * sent twice after a silence: the caller finds out by reading. A full journal (ENOSPC) is synced and the
 * request repeated once. Writes reach flash for certain only after efs_sync(). */
#ifndef SALVOR_PROTO_EFS_WRITE_H
#define SALVOR_PROTO_EFS_WRITE_H

#include "proto/efs.h"

/* Creates or replaces an item file as a whole, by PUT as long as data and path fit it, otherwise in
 * pieces. Parents are made as needed. */
int efs_put_item(struct efs *f, const char *path, struct slice data, struct err *e) _must_check_;
/* Creates or replaces a regular file with permission bits `mode`. Parents are made as needed. A file
 * that could not be written to its end stays there incomplete; the message says so. */
int efs_write(struct efs *f, const char *path, uint16_t mode, struct source *from, uint64_t *ret_n,
	      struct err *e) _must_check_;
/* An existing directory is success. */
int efs_mkdir(struct efs *f, const char *path, uint16_t mode, struct err *e) _must_check_;
/* All directories above the last component. */
int efs_make_parents(struct efs *f, const char *path, struct err *e) _must_check_;
/* Some builds report success for what is not there. */
int efs_unlink(struct efs *f, const char *path, struct err *e) _must_check_;
int efs_rmdir(struct efs *f, const char *path, struct err *e) _must_check_;
int efs_rename(struct efs *f, const char *from, const char *to, struct err *e) _must_check_;
int efs_symlink(struct efs *f, const char *target, const char *link, struct err *e) _must_check_;
int efs_chmod(struct efs *f, const char *path, uint16_t mode, struct err *e) _must_check_;

#endif
