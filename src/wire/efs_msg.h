/*
 * EFS2, the modem processor's file system, over DIAG: requests and answers without framing. Every
 * packet starts with 4B, the subsystem (0x13 or 0x3E) and a 16-bit command. Strings end with a NUL.
 * Facts: docs/protocols.md, section EFS2.
 *
 * Answers carry an errno. A non-zero one is not a parse error: it is in the result, and the fields
 * behind it, which older targets leave out, are then zero.
 */
#ifndef SALVOR_WIRE_EFS_MSG_H
#define SALVOR_WIRE_EFS_MSG_H

#include "base/bytes.h"

/*
 * Command numbers. Names in comments are the public implementations that agree on the number; no number
 * that deletes or moves anything stands on one source alone. (One widespread tool has 7, 8 and 14 for
 * unlink, rmdir and readlink: its readlink renames.)
 */
enum efs_op {
	EFS_HELLO = 0,
	EFS_QUERY = 1,
	EFS_OPEN = 2,
	EFS_CLOSE = 3,
	EFS_READ = 4,
	EFS_WRITE = 5,    /* libopenpst, qtools efsio, EfsTools */
	EFS_SYMLINK = 6,  /* libopenpst, EfsTools */
	EFS_READLINK = 7, /* libopenpst, qtools efsio, EfsTools */
	EFS_UNLINK = 8,   /* libopenpst, qtools efsio, EfsTools */
	EFS_MKDIR = 9,    /* libopenpst, qtools efsio, EfsTools */
	EFS_RMDIR = 10,   /* libopenpst, qtools efsio, EfsTools */
	EFS_OPENDIR = 11,
	EFS_READDIR = 12,
	EFS_CLOSEDIR = 13,
	EFS_RENAME = 14, /* libopenpst, EfsTools, confirmed on an SM8350 */
	EFS_STAT = 15,
	EFS_LSTAT = 16,
	EFS_FSTAT = 17,
	EFS_CHMOD = 18, /* libopenpst, EfsTools */
	EFS_STATFS = 19,
	EFS_ACCESS = 20,
	EFS_DEV_INFO = 21,
	EFS_FACT_IMAGE_START = 22,
	EFS_FACT_IMAGE_READ = 23,
	EFS_FACT_IMAGE_END = 24,
	EFS_PREP_FACT_IMAGE = 25,
	EFS_PUT_OLD = 26, /* hangs the link on RM551E: never sent */
	EFS_GET_OLD = 27,
	EFS_ERROR = 28,
	EFS_EXTENDED_INFO = 29,
	EFS_CHOWN = 30,
	EFS_BENCH_START = 31,
	EFS_BENCH_RESULTS = 32,
	EFS_BENCH_INIT = 33,
	EFS_SET_RESERVATION = 34,
	EFS_SET_QUOTA = 35,
	EFS_GET_GROUP_INFO = 36,
	EFS_DELTREE = 37, /* never sent: files are deleted one by one */
	EFS_PUT = 38,     /* EfsTools, qfenix, SM8550 project */
	EFS_GET = 39,
	EFS_TRUNCATE = 40,
	EFS_FTRUNCATE = 41,
	EFS_STATVFS_V2 = 42,
	EFS_MD5SUM = 43,
	EFS_HOTPLUG_FORMAT = 44,
	EFS_SHRED = 45,
	EFS_SET_IDLE_DEV_EVT_DUR = 46,
	EFS_HOTPLUG_DEVICE_INFO = 47,
	EFS_SYNC_NO_WAIT = 48,
	EFS_SYNC_GET_STATUS = 49,
	EFS_TRUNCATE64 = 50,
	EFS_FTRUNCATE64 = 51,
	EFS_LSEEK64 = 52,
	EFS_MAKE_GOLDEN_COPY = 53,
	EFS_FS_IMAGE_OPEN = 54,
	EFS_FS_IMAGE_READ = 55,
	EFS_FS_IMAGE_CLOSE = 56,
};
#define EFS_OP_COUNT 57

/* What a command may do to the module. */
enum efs_class {
	EFS_CLASS_READ,
	EFS_CLASS_HEAVY, /* reads, but freezes the file system meanwhile */
	EFS_CLASS_WRITE,
	EFS_CLASS_NEVER, /* not for a rescue tool */
};
struct efs_op_info {
	const char *name;
	enum efs_class cls;
};
/* NULL past the last command. */
const struct efs_op_info *efs_op_info(unsigned op);

/* Limits of targets; asking for more is cut or refused. */
#define EFS_READ_MAX  1024
#define EFS_WRITE_MAX 1024
#define EFS_GET_MAX   1024
#define EFS_PUT_MAX   1900 /* data and path together, so that the packet stays below 2048 */
#define EFS_PATH_MAX  255

/* Open flags as sent (not the host's). */
enum {
	EFS_O_RDONLY = 0x0,
	EFS_O_WRONLY = 0x1,
	EFS_O_RDWR = 0x2,
	EFS_O_CREAT = 0x40,
	EFS_O_EXCL = 0x80,
	EFS_O_TRUNC = 0x200,
	EFS_O_APPEND = 0x400,
	EFS_O_ITEMFILE = 0x40000,
	/* Makes missing parents. With EFS_O_ITEMFILE in an OPEN it crashes some modems; the pair belongs
	 * to PUT alone. */
	EFS_O_AUTODIR = 0x80000,
};
#define EFS_PUT_FLAGS (EFS_O_CREAT | EFS_O_WRONLY | EFS_O_TRUNC | EFS_O_ITEMFILE | EFS_O_AUTODIR)

enum {
	EFS_S_IFMT = 0170000,
	EFS_S_IFIFO = 0010000,
	EFS_S_IFCHR = 0020000,
	EFS_S_IFDIR = 0040000,
	EFS_S_IFBLK = 0060000,
	EFS_S_IFREG = 0100000,
	EFS_S_IFLNK = 0120000,
	EFS_S_IFSOCK = 0140000,
	EFS_S_IFITM = 0160000, /* item file: read and replaced as a whole */
};

/* errno values that the sessions act on; the target's numbering, not the host's. */
enum {
	EFS_EPERM = 1,
	EFS_ENOENT = 2,
	EFS_EEXIST = 6,
	EFS_EBADF = 9,
	EFS_EACCES = 13,
	EFS_EEXIST_OLD = 17,
	EFS_ENOTDIR = 20,
	EFS_EISDIR = 21,
	EFS_EINVAL = 22,
	EFS_EMFILE = 24,
	EFS_ENOSPC = 28,
	EFS_ERANGE = 34,
	EFS_ENOTEMPTY = 39,
	EFS_ENOTITM = 303,
	EFS_ENOTHINGTOSYNC = 306,
	EFS_ESEQUENCE = 0x40000002,
	EFS_ENOENTRY = 0x40000004,
	EFS_EDIRS = 0x40000007,
	EFS_EFILES = 0x40000009,
};
/* "no such file or directory", "the module's journal is full (or its disk)", ... never NULL. */
const char *efs_errno_text(uint32_t number);
/* ERR_REFUSED with the number as code and its words; returns -1. `what` and `path` go in front. */
int efs_errno_set(struct err *e, uint32_t number, const char *what, const char *path);

/* READDIR's entry types; the mode bits are the better witness wherever they are not zero. */
enum { EFS_ENTRY_FILE = 0, EFS_ENTRY_DIR = 1, EFS_ENTRY_LINK = 2, EFS_ENTRY_IMMOVABLE = 3,
       EFS_ENTRY_OTHER = 15 };

struct efs_hello {
	/* Packets and bytes that the target takes, the host takes, and a directory iteration may have
	 * under way. */
	uint32_t window[6];
	uint32_t version, version_min, version_max;
	uint32_t features;
};
/* What we propose: windows of 1 MiB, version 1, all features. HELLO also closes every file and
 * directory that was opened through DIAG. */
void efs_hello_default(struct efs_hello *h);
void efs_hello_build(struct writer *w, uint8_t subsys, const struct efs_hello *h);
int efs_hello_parse(struct slice in, uint8_t subsys, struct efs_hello *ret, struct err *e)
	_must_check_;

struct efs_query {
	uint32_t max_name, max_path, max_link_depth, max_file_size, max_dir_entries, max_mounts;
};
void efs_query_build(struct writer *w, uint8_t subsys);
int efs_query_parse(struct slice in, uint8_t subsys, struct efs_query *ret, struct err *e)
	_must_check_;

/* Requests whose only parameter is a path: readlink, unlink, rmdir, opendir, stat, lstat, statfs. */
void efs_path_build(struct writer *w, uint8_t subsys, enum efs_op op, const char *path);
/* ... a handle: close, closedir, fstat. */
void efs_handle_build(struct writer *w, uint8_t subsys, enum efs_op op, uint32_t handle);
/* ... two paths: symlink (target, then link name), rename (old, new). */
void efs_two_paths_build(struct writer *w, uint8_t subsys, enum efs_op op, const char *first,
			 const char *second);
/* ... a 16-bit mode and a path: mkdir, chmod. */
void efs_mode_path_build(struct writer *w, uint8_t subsys, enum efs_op op, uint16_t mode,
			 const char *path);
/* ... a sequence number and a path: md5sum, sync without waiting. */
void efs_seq_path_build(struct writer *w, uint8_t subsys, enum efs_op op, uint16_t seq,
			const char *path);
/* Answers that are an errno alone: close, symlink, unlink, mkdir, rmdir, closedir, rename, chmod,
 * access. */
int efs_errno_parse(struct slice in, uint8_t subsys, enum efs_op op, uint32_t *ret_errno,
		    struct err *e) _must_check_;

void efs_open_build(struct writer *w, uint8_t subsys, uint32_t oflag, uint32_t mode,
		    const char *path);
struct efs_handle_answer {
	uint32_t handle;
	uint32_t err;
};
/* OPEN and OPENDIR. */
int efs_handle_parse(struct slice in, uint8_t subsys, enum efs_op op, struct efs_handle_answer *ret,
		     struct err *e) _must_check_;

void efs_read_build(struct writer *w, uint8_t subsys, uint32_t fd, uint32_t nbyte, uint32_t offset);
struct efs_read_answer {
	uint32_t fd, offset, err;
	struct slice data; /* borrowed; exactly as many bytes as the answer claims */
};
/* An answer that claims more bytes than it carries is ERR_PROTO. */
int efs_read_parse(struct slice in, uint8_t subsys, struct efs_read_answer *ret, struct err *e)
	_must_check_;

void efs_write_build(struct writer *w, uint8_t subsys, uint32_t fd, uint32_t offset,
		     struct slice data);
struct efs_write_answer {
	uint32_t fd, offset, err;
	int32_t written;
};
int efs_write_parse(struct slice in, uint8_t subsys, struct efs_write_answer *ret, struct err *e)
	_must_check_;

int efs_readlink_parse(struct slice in, uint8_t subsys, uint32_t *ret_errno, struct slice *ret_target,
		       struct err *e) _must_check_;

void efs_readdir_build(struct writer *w, uint8_t subsys, uint32_t dirp, uint32_t seq);
struct efs_readdir_answer {
	uint32_t dirp, seq, err;
	uint32_t entry_type, mode, size;
	uint32_t atime, mtime, ctime;
	struct slice name; /* borrowed, without its NUL; empty = end of the directory */
};
int efs_readdir_parse(struct slice in, uint8_t subsys, struct efs_readdir_answer *ret, struct err *e)
	_must_check_;

struct efs_stat_answer {
	uint32_t err;
	uint32_t mode, size, nlink;
	uint32_t atime, mtime, ctime;
};
/* STAT and FSTAT. */
int efs_stat_parse(struct slice in, uint8_t subsys, enum efs_op op, struct efs_stat_answer *ret,
		   struct err *e) _must_check_;
/* LSTAT answers are shorter: size and nlink are not in them and stay 0. */
int efs_lstat_parse(struct slice in, uint8_t subsys, struct efs_stat_answer *ret, struct err *e)
	_must_check_;

struct efs_statfs_answer {
	uint32_t err;
	uint32_t fs_id;
	char type[9];
	uint32_t block_size, total, available, free;
	uint32_t max_file_size, files, max_files;
};
int efs_statfs_parse(struct slice in, uint8_t subsys, struct efs_statfs_answer *ret, struct err *e)
	_must_check_;

void efs_access_build(struct writer *w, uint8_t subsys, uint8_t bits, const char *path);

struct efs_dev_info {
	uint32_t err;
	uint32_t blocks, pages_per_block, page_size, total_page_size;
	uint32_t maker, device;
	uint8_t type; /* 0 NOR, 1 NAND */
	char name[64];
};
void efs_dev_info_build(struct writer *w, uint8_t subsys);
int efs_dev_info_parse(struct slice in, uint8_t subsys, struct efs_dev_info *ret, struct err *e)
	_must_check_;

/* GET reads an item file in one step; `want` at most EFS_GET_MAX. */
void efs_get_build(struct writer *w, uint8_t subsys, uint32_t want, uint16_t seq, const char *path);
struct efs_get_answer {
	uint16_t seq;
	uint32_t err;
	struct slice data; /* borrowed */
};
int efs_get_parse(struct slice in, uint8_t subsys, struct efs_get_answer *ret, struct err *e)
	_must_check_;

/* PUT creates or replaces an item file as a whole. */
void efs_put_build(struct writer *w, uint8_t subsys, uint32_t flags, uint16_t seq, struct slice data,
		   const char *path);
struct efs_seq_answer {
	uint16_t seq;
	uint32_t err;
};
int efs_put_parse(struct slice in, uint8_t subsys, struct efs_seq_answer *ret, struct err *e)
	_must_check_;

struct efs_md5_answer {
	uint16_t seq;
	uint32_t err;
	uint8_t hash[16];
};
int efs_md5_parse(struct slice in, uint8_t subsys, struct efs_md5_answer *ret, struct err *e)
	_must_check_;

struct efs_sync_answer {
	uint16_t seq;
	uint32_t token, err;
};
int efs_sync_parse(struct slice in, uint8_t subsys, struct efs_sync_answer *ret, struct err *e)
	_must_check_;
/* Every poll needs a new sequence number: a byte-identical repeat is answered from memory. */
void efs_sync_status_build(struct writer *w, uint8_t subsys, uint16_t seq, uint32_t token,
			   const char *path);
struct efs_sync_status_answer {
	uint16_t seq;
	uint8_t status;
	uint32_t err;
};
int efs_sync_status_parse(struct slice in, uint8_t subsys, struct efs_sync_status_answer *ret,
			  struct err *e) _must_check_;

#endif
