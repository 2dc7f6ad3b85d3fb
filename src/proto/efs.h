/*
 * The modem's file system over DIAG: reading it. What changes it is in efs_write.h, which only recovery/
 * includes. Facts: docs/protocols.md, section EFS2.
 *
 * Targets allow about four open directories and six open files, so nothing here keeps a handle over a
 * call: a directory is read to its end and closed before its entries are handed out.
 */
#ifndef SALVOR_PROTO_EFS_H
#define SALVOR_PROTO_EFS_H

#include "base/stream.h"
#include "proto/diag.h"
#include "wire/efs_msg.h"

struct efs;

struct efs_opts {
	uint8_t subsys;       /* 0 = ask 0x13, then 0x3E; the one with /nv or /nvm wins */
	uint32_t write_block; /* bytes of one WRITE; 0 = 512, which slow targets want; at most 1024 */
	/* Waits; NULL = clock_sleep_ms(). */
	void (*pause)(void *ctx, uint32_t ms);
	void *pause_ctx;
};

/* Sends HELLO, which also closes every handle that an earlier program left open. ERR_UNSUPPORTED when
 * neither subsystem answers. The DIAG session stays the caller's. */
int efs_open(struct diag *d, const struct efs_opts *opts, struct efs **ret, struct err *e) _must_check_;
void efs_close(struct efs *f); /* NULL is fine; sends nothing */
uint8_t efs_subsystem(const struct efs *f);
/* Has the module behind it stopped answering? */
bool efs_is_dead(const struct efs *f);
/* ERR_USAGE unless it is absolute, short enough and free of "." and "..". */
int efs_path_check(const char *path, struct err *e) _must_check_;
const struct efs_hello *efs_hello(const struct efs *f); /* the module's answer */
int efs_query(struct efs *f, struct efs_query *ret, struct err *e) _must_check_;

/* Codes of ERR_REFUSED here: the module's errno; or this for a DIAG error answer, with which targets
 * also deny paths. */
#define EFS_CODE_DIAG 0x20000000
bool efs_is_absent(const struct err *e); /* ENOENT */
bool efs_is_denied(const struct err *e); /* EACCES, EPERM, or any DIAG error answer */

struct efs_attr {
	uint32_t mode, size, nlink; /* mode 0: the module did not say */
	uint32_t atime, mtime, ctime;
};
enum efs_type { EFS_TYPE_UNKNOWN, EFS_TYPE_FILE, EFS_TYPE_ITEM, EFS_TYPE_DIR, EFS_TYPE_LINK,
		EFS_TYPE_OTHER };
enum efs_type efs_type(const struct efs_attr *a);
/* 'f', 'i', 'd', 'l', 'o', '?'. */
char efs_type_letter(enum efs_type t);

struct efs_entry {
	char *name; /* one path component: no slash, not empty, neither "." nor ".." */
	struct efs_attr attr;
};
#define EFS_LIST_MAX 65536
struct efs_list {
	struct efs_entry *entry; /* in the module's order */
	size_t n, cap;
};
void efs_list_fini(struct efs_list *l);
/* Appends the entries of a directory. When it fails in the middle, what was read before stays in the
 * list. Items whose type the module did not tell are asked for one by one. */
int efs_list(struct efs *f, const char *path, struct efs_list *l, struct err *e) _must_check_;

/* The same for the first `most` entries; *ret_more: there are others. Whether a folder of thousands holds
 * anything takes a handful of requests that way. */
int efs_list_some(struct efs *f, const char *path, uint32_t most, struct efs_list *l, bool *ret_more,
		  struct err *e) _must_check_;

/* Follows links. */
int efs_stat(struct efs *f, const char *path, struct efs_attr *ret, struct err *e) _must_check_;
/* Does not; the module tells neither size nor link count. */
int efs_lstat(struct efs *f, const char *path, struct efs_attr *ret, struct err *e) _must_check_;
int efs_statfs(struct efs *f, const char *path, struct efs_statfs_answer *ret, struct err *e)
	_must_check_;
/* *ret is malloced. */
int efs_readlink(struct efs *f, const char *path, char **ret, struct err *e) _must_check_;
int efs_md5(struct efs *f, const char *path, uint8_t ret[16], struct err *e) _must_check_;

#define EFS_FILE_MAX (UINT64_C(64) << 20) /* longer answers come from something that is no module */

/* The whole object in one exchange, at most EFS_GET_MAX bytes: item files, and regular files where the
 * module allows it. ERR_REFUSED with EFS_ERANGE or EFS_EINVAL when it is longer. buf needs EFS_GET_MAX
 * bytes. */
int efs_get(struct efs *f, const char *path, uint8_t *buf, size_t *ret_n, struct err *e) _must_check_;

/* A file or item file into the sink, by the cheapest way that its type and size allow. `attr` is what a
 * listing said, NULL = ask first. On failure the sink may have taken a part: the message says how much.
 * The length read may differ from attr->size, because the modem is alive. */
int efs_read(struct efs *f, const char *path, const struct efs_attr *attr, struct sink *to,
	     uint64_t *ret_n, struct err *e) _must_check_;

enum efs_synced {
	EFS_SYNC_DONE,    /* the module says that everything is in flash */
	EFS_SYNC_CLEAN,   /* there was nothing to do */
	EFS_SYNC_ASSUMED, /* it cannot or does not tell; we waited */
};
/* Commits the journal to flash and waits until the module says so, or for about five seconds where it
 * does not. */
int efs_sync(struct efs *f, enum efs_synced *ret, struct err *e) _must_check_;

#endif
