#include "wire/efs_msg.h"

#include "wire/diag_msg.h"

#include <ctype.h>
#include <string.h>

#define R EFS_CLASS_READ
#define H EFS_CLASS_HEAVY
#define W EFS_CLASS_WRITE
#define X EFS_CLASS_NEVER
static const struct efs_op_info ops[EFS_OP_COUNT] = {
	[EFS_HELLO] = { "hello", R },
	[EFS_QUERY] = { "query", R },
	[EFS_OPEN] = { "open", R },
	[EFS_CLOSE] = { "close", R },
	[EFS_READ] = { "read", R },
	[EFS_WRITE] = { "write", W },
	[EFS_SYMLINK] = { "symlink", W },
	[EFS_READLINK] = { "readlink", R },
	[EFS_UNLINK] = { "unlink", W },
	[EFS_MKDIR] = { "mkdir", W },
	[EFS_RMDIR] = { "rmdir", W },
	[EFS_OPENDIR] = { "opendir", R },
	[EFS_READDIR] = { "readdir", R },
	[EFS_CLOSEDIR] = { "closedir", R },
	[EFS_RENAME] = { "rename", W },
	[EFS_STAT] = { "stat", R },
	[EFS_LSTAT] = { "lstat", R },
	[EFS_FSTAT] = { "fstat", R },
	[EFS_CHMOD] = { "chmod", W },
	[EFS_STATFS] = { "statfs", R },
	[EFS_ACCESS] = { "access", R },
	[EFS_DEV_INFO] = { "device info", R },
	[EFS_FACT_IMAGE_START] = { "factory image start", X },
	[EFS_FACT_IMAGE_READ] = { "factory image read", H },
	[EFS_FACT_IMAGE_END] = { "factory image end", H },
	[EFS_PREP_FACT_IMAGE] = { "factory image prepare", X },
	[EFS_PUT_OLD] = { "put (old)", X },
	[EFS_GET_OLD] = { "get (old)", R },
	[EFS_ERROR] = { "error", R },
	[EFS_EXTENDED_INFO] = { "extended info", R },
	[EFS_CHOWN] = { "chown", W },
	[EFS_BENCH_START] = { "benchmark start", X },
	[EFS_BENCH_RESULTS] = { "benchmark results", X },
	[EFS_BENCH_INIT] = { "benchmark init", X },
	[EFS_SET_RESERVATION] = { "set reservation", X },
	[EFS_SET_QUOTA] = { "set quota", X },
	[EFS_GET_GROUP_INFO] = { "group info", R },
	[EFS_DELTREE] = { "deltree", X },
	[EFS_PUT] = { "put", W },
	[EFS_GET] = { "get", R },
	[EFS_TRUNCATE] = { "truncate", W },
	[EFS_FTRUNCATE] = { "ftruncate", W },
	[EFS_STATVFS_V2] = { "statvfs", R },
	[EFS_MD5SUM] = { "md5sum", R },
	[EFS_HOTPLUG_FORMAT] = { "hotplug format", X },
	[EFS_SHRED] = { "shred", X },
	[EFS_SET_IDLE_DEV_EVT_DUR] = { "set idle duration", X },
	[EFS_HOTPLUG_DEVICE_INFO] = { "hotplug device info", R },
	[EFS_SYNC_NO_WAIT] = { "sync", W },
	[EFS_SYNC_GET_STATUS] = { "sync status", R },
	[EFS_TRUNCATE64] = { "truncate64", W },
	[EFS_FTRUNCATE64] = { "ftruncate64", W },
	[EFS_LSEEK64] = { "lseek64", R },
	[EFS_MAKE_GOLDEN_COPY] = { "make golden copy", X },
	[EFS_FS_IMAGE_OPEN] = { "file system image open", H },
	[EFS_FS_IMAGE_READ] = { "file system image read", H },
	[EFS_FS_IMAGE_CLOSE] = { "file system image close", H },
};
#undef R
#undef H
#undef W
#undef X

const struct efs_op_info *efs_op_info(unsigned op)
{
	return op < ARRAY_SIZE(ops) ? &ops[op] : NULL;
}

/* Newer firmware maps its codes to this set; older gives its own, where only EEXIST differs. */
static const struct {
	uint32_t number;
	const char *text;
} errnos[] = {
	{ 1, "operation not permitted" },
	{ EFS_ENOENT, "no such file or directory" },
	{ EFS_EEXIST, "it exists already" },
	{ EFS_EBADF, "the handle is not open" },
	{ 12, "the module is out of memory" },
	{ EFS_EACCES, "permission denied" },
	{ 16, "busy" },
	{ EFS_EEXIST_OLD, "it exists already" },
	{ 18, "the two are on different file systems" },
	{ 19, "no such device" },
	{ EFS_ENOTDIR, "not a directory" },
	{ EFS_EISDIR, "it is a directory" },
	{ EFS_EINVAL, "invalid argument" },
	{ EFS_EMFILE, "too many open files" },
	{ 26, "file in use" },
	{ EFS_ENOSPC, "no space left (the journal is full, or the disk)" },
	{ 29, "cannot seek" },
	{ EFS_ERANGE, "out of range" },
	{ 36, "name too long" },
	{ EFS_ENOTEMPTY, "directory not empty" },
	{ 40, "too many links on the way" },
	{ 110, "timed out inside the module" },
	{ 116, "stale handle" },
	{ 122, "quota exceeded" },
	{ 301, "no card" },
	{ 302, "bad format" },
	{ EFS_ENOTITM, "not an item file" },
	{ 304, "rollback" },
	{ EFS_ENOTHINGTOSYNC, "nothing to sync" },
	{ 0x40000001, "inconsistent state" },
	{ EFS_ESEQUENCE, "invalid sequence number" },
	{ 0x40000003, "directory not open" },
	{ EFS_ENOENTRY, "directory entry not found" },
	{ 0x40000005, "invalid path" },
	{ 0x40000006, "path too long" },
	{ EFS_EDIRS, "too many open directories" },
	{ 0x40000008, "invalid directory entry" },
	{ EFS_EFILES, "too many open files" },
	{ 0x4000000a, "unknown file type" },
	{ 0x4000000b, "not a NAND flash" },
	{ 0x4000000c, "information unavailable" },
};

const char *efs_errno_text(uint32_t number)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i].number == number)
			return errnos[i].text;
	return number ? "unknown error" : "no error";
}

int efs_errno_set(struct err *e, uint32_t number, const char *what, const char *path)
{
	return err_set_code(e, ERR_REFUSED, (int32_t)number, "cannot %s '%s': %s (EFS error %u)", what,
			    path, efs_errno_text(number), number);
}

static void head(struct writer *w, uint8_t subsys, enum efs_op op)
{
	diag_subsys_build(w, subsys, (uint16_t)op);
}

static void put_path(struct writer *w, const char *path)
{
	wr_bytes(w, path, strlen(path) + 1);
}

/* Checks the header and gives a cursor behind it. */
static int begin(struct slice in, uint8_t subsys, enum efs_op op, size_t least, struct cursor *c,
		 struct err *e)
{
	if (!diag_subsys_is(in, subsys, (uint16_t)op))
		return err_set(e, ERR_PROTO, "not an answer to EFS %s", efs_op_info(op)->name);
	if (in.n < least)
		return err_set(e, ERR_PROTO, "EFS %s answer has %zu bytes, at least %zu belong in it",
			       efs_op_info(op)->name, in.n, least);
	*c = cursor_of(in);
	rd_skip(c, DIAG_SUBSYS_HEADER);
	return 0;
}

/* An answer may end after a non-zero errno; with errno 0 every fixed field must be there. */
static int whole(const struct cursor *c, uint32_t number, enum efs_op op, struct err *e)
{
	if (c->bad && number == 0)
		return err_set(e, ERR_PROTO, "EFS %s answer ends after %zu bytes",
			       efs_op_info(op)->name, c->n);
	return 0;
}

/* The bytes up to a NUL, or all of them. */
static struct slice text_of(struct slice s)
{
	size_t end = slice_find(s, SLICE("", 1));

	return slice_sub(s, 0, end);
}

void efs_hello_default(struct efs_hello *h)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(h->window); i++)
		h->window[i] = 0x100000;
	h->version = h->version_min = h->version_max = 1;
	h->features = 0xffffffff;
}

void efs_hello_build(struct writer *w, uint8_t subsys, const struct efs_hello *h)
{
	size_t i;

	head(w, subsys, EFS_HELLO);
	for (i = 0; i < ARRAY_SIZE(h->window); i++)
		wr_le32(w, h->window[i]);
	wr_le32(w, h->version);
	wr_le32(w, h->version_min);
	wr_le32(w, h->version_max);
	wr_le32(w, h->features);
}

int efs_hello_parse(struct slice in, uint8_t subsys, struct efs_hello *ret, struct err *e)
{
	struct efs_hello h;
	struct cursor c;
	size_t i;

	if (begin(in, subsys, EFS_HELLO, 44, &c, e) < 0)
		return -1;
	for (i = 0; i < ARRAY_SIZE(h.window); i++)
		h.window[i] = rd_le32(&c);
	h.version = rd_le32(&c);
	h.version_min = rd_le32(&c);
	h.version_max = rd_le32(&c);
	h.features = rd_le32(&c);
	*ret = h;
	return 0;
}

void efs_query_build(struct writer *w, uint8_t subsys)
{
	head(w, subsys, EFS_QUERY);
}

int efs_query_parse(struct slice in, uint8_t subsys, struct efs_query *ret, struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_QUERY, 28, &c, e) < 0)
		return -1;
	ret->max_name = rd_le32(&c);
	ret->max_path = rd_le32(&c);
	ret->max_link_depth = rd_le32(&c);
	ret->max_file_size = rd_le32(&c);
	ret->max_dir_entries = rd_le32(&c);
	ret->max_mounts = rd_le32(&c);
	return 0;
}

void efs_path_build(struct writer *w, uint8_t subsys, enum efs_op op, const char *path)
{
	head(w, subsys, op);
	put_path(w, path);
}

void efs_handle_build(struct writer *w, uint8_t subsys, enum efs_op op, uint32_t handle)
{
	head(w, subsys, op);
	wr_le32(w, handle);
}

void efs_two_paths_build(struct writer *w, uint8_t subsys, enum efs_op op, const char *first,
			 const char *second)
{
	head(w, subsys, op);
	put_path(w, first);
	put_path(w, second);
}

void efs_mode_path_build(struct writer *w, uint8_t subsys, enum efs_op op, uint16_t mode,
			 const char *path)
{
	head(w, subsys, op);
	wr_le16(w, mode);
	put_path(w, path);
}

void efs_seq_path_build(struct writer *w, uint8_t subsys, enum efs_op op, uint16_t seq,
			const char *path)
{
	head(w, subsys, op);
	wr_le16(w, seq);
	put_path(w, path);
}

int efs_errno_parse(struct slice in, uint8_t subsys, enum efs_op op, uint32_t *ret_errno,
		    struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, op, 8, &c, e) < 0)
		return -1;
	*ret_errno = rd_le32(&c);
	return 0;
}

void efs_open_build(struct writer *w, uint8_t subsys, uint32_t oflag, uint32_t mode,
		    const char *path)
{
	head(w, subsys, EFS_OPEN);
	wr_le32(w, oflag);
	wr_le32(w, mode);
	put_path(w, path);
}

int efs_handle_parse(struct slice in, uint8_t subsys, enum efs_op op, struct efs_handle_answer *ret,
		     struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, op, 12, &c, e) < 0)
		return -1;
	ret->handle = rd_le32(&c);
	ret->err = rd_le32(&c);
	return 0;
}

void efs_read_build(struct writer *w, uint8_t subsys, uint32_t fd, uint32_t nbyte, uint32_t offset)
{
	head(w, subsys, EFS_READ);
	wr_le32(w, fd);
	wr_le32(w, nbyte);
	wr_le32(w, offset);
}

int efs_read_parse(struct slice in, uint8_t subsys, struct efs_read_answer *ret, struct err *e)
{
	struct efs_read_answer a;
	struct cursor c;
	uint32_t claims;

	if (begin(in, subsys, EFS_READ, 20, &c, e) < 0)
		return -1;
	a.fd = rd_le32(&c);
	a.offset = rd_le32(&c);
	claims = rd_le32(&c);
	a.err = rd_le32(&c);
	if (a.err)
		claims = 0; /* the count is then -1 */
	if (claims > rd_left(&c))
		return err_set(e, ERR_PROTO, "EFS read answer claims %u bytes and carries %zu", claims,
			       rd_left(&c));
	a.data = rd_bytes(&c, claims);
	*ret = a;
	return 0;
}

void efs_write_build(struct writer *w, uint8_t subsys, uint32_t fd, uint32_t offset,
		     struct slice data)
{
	head(w, subsys, EFS_WRITE);
	wr_le32(w, fd);
	wr_le32(w, offset);
	wr_bytes(w, data.p, data.n);
}

int efs_write_parse(struct slice in, uint8_t subsys, struct efs_write_answer *ret, struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_WRITE, 20, &c, e) < 0)
		return -1;
	ret->fd = rd_le32(&c);
	ret->offset = rd_le32(&c);
	ret->written = (int32_t)rd_le32(&c);
	ret->err = rd_le32(&c);
	return 0;
}

int efs_readlink_parse(struct slice in, uint8_t subsys, uint32_t *ret_errno, struct slice *ret_target,
		       struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_READLINK, 8, &c, e) < 0)
		return -1;
	*ret_errno = rd_le32(&c);
	*ret_target = text_of(rd_bytes(&c, rd_left(&c)));
	return 0;
}

void efs_readdir_build(struct writer *w, uint8_t subsys, uint32_t dirp, uint32_t seq)
{
	head(w, subsys, EFS_READDIR);
	wr_le32(w, dirp);
	wr_le32(w, seq);
}

int efs_readdir_parse(struct slice in, uint8_t subsys, struct efs_readdir_answer *ret, struct err *e)
{
	struct efs_readdir_answer a;
	struct cursor c;

	if (begin(in, subsys, EFS_READDIR, 16, &c, e) < 0)
		return -1;
	a.dirp = rd_le32(&c);
	a.seq = rd_le32(&c);
	a.err = rd_le32(&c);
	a.entry_type = rd_le32(&c);
	a.mode = rd_le32(&c);
	a.size = rd_le32(&c);
	a.atime = rd_le32(&c);
	a.mtime = rd_le32(&c);
	a.ctime = rd_le32(&c);
	if (whole(&c, a.err, EFS_READDIR, e) < 0)
		return -1;
	a.name = text_of(rd_bytes(&c, rd_left(&c)));
	*ret = a;
	return 0;
}

int efs_stat_parse(struct slice in, uint8_t subsys, enum efs_op op, struct efs_stat_answer *ret,
		   struct err *e)
{
	struct efs_stat_answer a;
	struct cursor c;

	if (begin(in, subsys, op, 8, &c, e) < 0)
		return -1;
	a.err = rd_le32(&c);
	a.mode = rd_le32(&c);
	a.size = rd_le32(&c);
	a.nlink = rd_le32(&c);
	a.atime = rd_le32(&c);
	a.mtime = rd_le32(&c);
	a.ctime = rd_le32(&c);
	if (whole(&c, a.err, op, e) < 0)
		return -1;
	*ret = a;
	return 0;
}

int efs_lstat_parse(struct slice in, uint8_t subsys, struct efs_stat_answer *ret, struct err *e)
{
	struct efs_stat_answer a = { 0 };
	struct cursor c;

	if (begin(in, subsys, EFS_LSTAT, 8, &c, e) < 0)
		return -1;
	a.err = rd_le32(&c);
	a.mode = rd_le32(&c);
	a.atime = rd_le32(&c);
	a.mtime = rd_le32(&c);
	a.ctime = rd_le32(&c);
	if (whole(&c, a.err, EFS_LSTAT, e) < 0)
		return -1;
	*ret = a;
	return 0;
}

static void copy_name(char *out, size_t cap, struct slice s)
{
	struct slice t = text_of(s);
	size_t i, n = MIN_OF(t.n, cap - 1);

	for (i = 0; i < n; i++)
		out[i] = isprint(t.p[i]) ? (char)t.p[i] : '?';
	out[n] = '\0';
}

int efs_statfs_parse(struct slice in, uint8_t subsys, struct efs_statfs_answer *ret, struct err *e)
{
	struct efs_statfs_answer a;
	struct cursor c;

	if (begin(in, subsys, EFS_STATFS, 8, &c, e) < 0)
		return -1;
	a.err = rd_le32(&c);
	a.fs_id = rd_le32(&c);
	copy_name(a.type, sizeof(a.type), rd_bytes(&c, 8));
	a.block_size = rd_le32(&c);
	a.total = rd_le32(&c);
	a.available = rd_le32(&c);
	a.free = rd_le32(&c);
	a.max_file_size = rd_le32(&c);
	a.files = rd_le32(&c);
	a.max_files = rd_le32(&c);
	if (whole(&c, a.err, EFS_STATFS, e) < 0)
		return -1;
	*ret = a;
	return 0;
}

void efs_access_build(struct writer *w, uint8_t subsys, uint8_t bits, const char *path)
{
	head(w, subsys, EFS_ACCESS);
	wr_u8(w, bits);
	put_path(w, path);
}

void efs_dev_info_build(struct writer *w, uint8_t subsys)
{
	head(w, subsys, EFS_DEV_INFO);
}

int efs_dev_info_parse(struct slice in, uint8_t subsys, struct efs_dev_info *ret, struct err *e)
{
	struct efs_dev_info a;
	struct cursor c;

	if (begin(in, subsys, EFS_DEV_INFO, 8, &c, e) < 0)
		return -1;
	a.err = rd_le32(&c);
	a.blocks = rd_le32(&c);
	a.pages_per_block = rd_le32(&c);
	a.page_size = rd_le32(&c);
	a.total_page_size = rd_le32(&c);
	a.maker = rd_le32(&c);
	a.device = rd_le32(&c);
	a.type = rd_u8(&c);
	if (whole(&c, a.err, EFS_DEV_INFO, e) < 0)
		return -1;
	copy_name(a.name, sizeof(a.name), rd_bytes(&c, rd_left(&c)));
	*ret = a;
	return 0;
}

void efs_get_build(struct writer *w, uint8_t subsys, uint32_t want, uint16_t seq, const char *path)
{
	head(w, subsys, EFS_GET);
	wr_le32(w, want);
	wr_le32(w, (uint32_t)(strlen(path) + 1));
	wr_le16(w, seq);
	put_path(w, path);
}

int efs_get_parse(struct slice in, uint8_t subsys, struct efs_get_answer *ret, struct err *e)
{
	struct efs_get_answer a;
	struct cursor c;
	uint32_t claims;

	if (begin(in, subsys, EFS_GET, 14, &c, e) < 0)
		return -1;
	claims = rd_le32(&c);
	a.err = rd_le32(&c);
	a.seq = rd_le16(&c);
	if (a.err)
		claims = 0;
	if (claims > rd_left(&c))
		return err_set(e, ERR_PROTO, "EFS get answer claims %u bytes and carries %zu", claims,
			       rd_left(&c));
	a.data = rd_bytes(&c, claims);
	*ret = a;
	return 0;
}

void efs_put_build(struct writer *w, uint8_t subsys, uint32_t flags, uint16_t seq, struct slice data,
		   const char *path)
{
	head(w, subsys, EFS_PUT);
	wr_le32(w, (uint32_t)data.n);
	wr_le32(w, flags);
	wr_le16(w, seq);
	wr_bytes(w, data.p, data.n);
	put_path(w, path);
}

int efs_put_parse(struct slice in, uint8_t subsys, struct efs_seq_answer *ret, struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_PUT, 10, &c, e) < 0)
		return -1;
	ret->seq = rd_le16(&c);
	ret->err = rd_le32(&c);
	return 0;
}

int efs_md5_parse(struct slice in, uint8_t subsys, struct efs_md5_answer *ret, struct err *e)
{
	struct efs_md5_answer a = { 0 };
	struct slice hash;
	struct cursor c;

	if (begin(in, subsys, EFS_MD5SUM, 10, &c, e) < 0)
		return -1;
	a.seq = rd_le16(&c);
	a.err = rd_le32(&c);
	hash = rd_bytes(&c, sizeof(a.hash));
	if (whole(&c, a.err, EFS_MD5SUM, e) < 0)
		return -1;
	if (hash.n)
		memcpy(a.hash, hash.p, hash.n);
	*ret = a;
	return 0;
}

int efs_sync_parse(struct slice in, uint8_t subsys, struct efs_sync_answer *ret, struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_SYNC_NO_WAIT, 14, &c, e) < 0)
		return -1;
	ret->seq = rd_le16(&c);
	ret->token = rd_le32(&c);
	ret->err = rd_le32(&c);
	return 0;
}

void efs_sync_status_build(struct writer *w, uint8_t subsys, uint16_t seq, uint32_t token,
			   const char *path)
{
	head(w, subsys, EFS_SYNC_GET_STATUS);
	wr_le16(w, seq);
	wr_le32(w, token);
	put_path(w, path);
}

int efs_sync_status_parse(struct slice in, uint8_t subsys, struct efs_sync_status_answer *ret,
			  struct err *e)
{
	struct cursor c;

	if (begin(in, subsys, EFS_SYNC_GET_STATUS, 11, &c, e) < 0)
		return -1;
	ret->seq = rd_le16(&c);
	ret->status = rd_u8(&c);
	ret->err = rd_le32(&c);
	return 0;
}
