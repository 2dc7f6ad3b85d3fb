#include "proto/efs_write.h"

#include "proto/efs_priv.h"
#include "wire/diag_msg.h"

#include <inttypes.h>
#include <string.h>

#define FULL_PAUSE_MS 5000

/* PUT: sequence number at 12 of the request, 4 of the answer. */
static const struct diag_echo echo_put[] = { { 0, 0, 4 }, { 4, 12, 2 }, { 0, 0, 0 } };
/* WRITE: fd and offset. */
static const struct diag_echo echo_write[] = { { 0, 0, 12 }, { 0, 0, 0 } };

/* The journal is full: lets the module write it back before the request is repeated. */
static int make_room(struct efs *f, struct err *e)
{
	enum efs_synced how;

	if (efs_sync(f, &how, e) < 0)
		return err_prefix(e, "making room in the module's journal");
	efs_pause(f, FULL_PAUSE_MS);
	return 0;
}

/* A request answered by an errno alone; `what` and `path` for the message. ok: an errno that counts as
 * success. */
static int change(struct efs *f, const struct writer *w, enum efs_op op, const char *what,
		  const char *path, uint32_t ok_1, uint32_t ok_2, struct err *e)
{
	bool again = false;
	uint32_t number;

	for (;;) {
		if (efs_ask_errno(f, w, op, false, &number, e) < 0)
			return err_prefix(e, "cannot %s '%s'", what, path);
		if (number == 0 || number == ok_1 || number == ok_2)
			return 0;
		if (number != EFS_ENOSPC || again)
			return efs_errno_set(e, number, what, path);
		again = true;
		if (make_room(f, e) < 0)
			return -1;
	}
}

int efs_mkdir(struct efs *f, const char *path, uint16_t mode, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_mode_path_build(&w, f->ss, EFS_MKDIR, mode, path);
	return change(f, &w, EFS_MKDIR, "make directory", path, EFS_EEXIST, EFS_EEXIST_OLD, e);
}

int efs_make_parents(struct efs *f, const char *path, struct err *e)
{
	char part[EFS_PATH_MAX + 1];
	const char *p = path;
	struct efs_attr a;

	if (efs_path_check(path, e) < 0)
		return -1;
	while ((p = strchr(p + 1, '/')) != NULL) {
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		/* Asked first: some builds remove and recreate an empty directory that exists. */
		if (efs_stat(f, part, &a, e) == 0)
			continue;
		if (!efs_is_absent(e) && !efs_is_denied(e))
			return -1;
		if (efs_mkdir(f, part, 0777, e) < 0)
			return -1;
	}
	err_clear(e);
	return 0;
}

int efs_unlink(struct efs *f, const char *path, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, EFS_UNLINK, path);
	return change(f, &w, EFS_UNLINK, "delete", path, 0, 0, e);
}

int efs_rmdir(struct efs *f, const char *path, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, EFS_RMDIR, path);
	return change(f, &w, EFS_RMDIR, "remove directory", path, 0, 0, e);
}

int efs_rename(struct efs *f, const char *from, const char *to, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(from, e) < 0 || efs_path_check(to, e) < 0)
		return -1;
	efs_two_paths_build(&w, f->ss, EFS_RENAME, from, to);
	return change(f, &w, EFS_RENAME, "rename", from, 0, 0, e);
}

int efs_symlink(struct efs *f, const char *target, const char *link, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(link, e) < 0)
		return -1;
	if (target[0] == '\0' || strlen(target) > EFS_PATH_MAX)
		return err_set(e, ERR_USAGE, "a link target of %zu characters", strlen(target));
	efs_two_paths_build(&w, f->ss, EFS_SYMLINK, target, link);
	return change(f, &w, EFS_SYMLINK, "make link", link, 0, 0, e);
}

int efs_chmod(struct efs *f, const char *path, uint16_t mode, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_mode_path_build(&w, f->ss, EFS_CHMOD, mode, path);
	return change(f, &w, EFS_CHMOD, "change the mode of", path, 0, 0, e);
}

static int put_once(struct efs *f, const char *path, struct slice data, uint32_t *ret, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_seq_answer a;
	struct slice answer;

	efs_put_build(&w, f->ss, EFS_PUT_FLAGS, ++f->seq, data, path);
	if (efs_ask(f, &w, echo_put, EFS_SLOW_MS, false, &answer, e) < 0)
		return err_prefix(e, "cannot put '%s'", path);
	if (efs_put_parse(answer, f->ss, &a, e) < 0)
		return -1;
	*ret = a.err;
	return 0;
}

/* One WRITE. Returns how much the module took in *ret_n; an errno is an error. */
static int write_once(struct efs *f, uint32_t fd, uint64_t offset, struct slice data, size_t *ret_n,
		      struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_write_answer a;
	struct slice answer;
	bool again = false;

	efs_write_build(&w, f->ss, fd, (uint32_t)offset, data);
	for (;;) {
		if (efs_ask(f, &w, echo_write, EFS_SLOW_MS, false, &answer, e) < 0)
			return -1;
		if (efs_write_parse(answer, f->ss, &a, e) < 0)
			return -1;
		if (a.err != EFS_ENOSPC || again)
			break;
		again = true;
		if (make_room(f, e) < 0)
			return -1;
	}
	if (a.err)
		return err_set_code(e, ERR_REFUSED, (int32_t)a.err, "%s (EFS error %u)",
				    efs_errno_text(a.err), a.err);
	if (a.written <= 0 || (size_t)a.written > data.n)
		return err_set(e, ERR_PROTO, "the module claims to have written %d of %zu bytes",
			       a.written, data.n);
	*ret_n = (size_t)a.written;
	return 0;
}

static int pour(struct efs *f, uint32_t fd, struct source *from, uint64_t *done, struct err *e)
{
	uint8_t block[EFS_WRITE_MAX];

	for (;;) {
		size_t n, at = 0;

		if (source_get_full(from, block, f->opts.write_block, &n, e) < 0)
			return -1;
		while (at < n) {
			size_t took = 0;

			if (*done + (n - at) > EFS_FILE_MAX)
				return err_set(e, ERR_USAGE, "it is longer than a file of the module may be");
			if (write_once(f, fd, *done, SLICE(block + at, n - at), &took, e) < 0)
				return -1;
			at += took;
			*done += took;
		}
		if (n < f->opts.write_block)
			return 0;
	}
}

static int write_by_handle(struct efs *f, const char *path, uint32_t oflag, uint16_t mode,
			   struct source *from, uint64_t *ret_n, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	uint64_t done = 0;
	uint32_t fd;
	int result;

	if (efs_path_check(path, e) < 0 || efs_make_parents(f, path, e) < 0)
		return -1;
	efs_open_build(&w, f->ss, oflag, mode, path);
	if (efs_handle_open(f, &w, EFS_OPEN, path, &fd, e) < 0) {
		if (e->kind != ERR_REFUSED || e->code != EFS_ENOSPC)
			return -1;
		if (make_room(f, e) < 0 || efs_handle_open(f, &w, EFS_OPEN, path, &fd, e) < 0)
			return -1;
	}
	result = pour(f, fd, from, &done, e);
	efs_handle_close(f, EFS_CLOSE, fd);
	if (result < 0)
		return err_prefix(e, "'%s' is incomplete on the module, %" PRIu64 " bytes were written",
				  path, done);
	*ret_n = done;
	return 0;
}

int efs_write(struct efs *f, const char *path, uint16_t mode, struct source *from, uint64_t *ret_n,
	      struct err *e)
{
	return write_by_handle(f, path, EFS_O_CREAT | EFS_O_WRONLY | EFS_O_TRUNC, mode, from, ret_n, e);
}

/* An item too large for PUT. Without EFS_O_AUTODIR: the pair crashes some modems in an OPEN. */
static int put_large(struct efs *f, const char *path, struct slice data, struct err *e)
{
	struct mem_source from;
	struct efs_attr a;
	uint64_t n;

	mem_source_init(&from, data);
	if (write_by_handle(f, path, EFS_O_CREAT | EFS_O_WRONLY | EFS_O_TRUNC | EFS_O_ITEMFILE, 0777,
			    &from.source, &n, e) < 0)
		return -1;
	if (efs_stat(f, path, &a, e) < 0)
		return err_prefix(e, "looking after what was written");
	if (efs_type(&a) != EFS_TYPE_ITEM)
		return err_set(e, ERR_MISMATCH, "'%s' became a file of mode %06o instead of an item file",
			       path, a.mode);
	return 0;
}

int efs_put_item(struct efs *f, const char *path, struct slice data, struct err *e)
{
	bool again = false;
	uint32_t number;

	if (efs_path_check(path, e) < 0)
		return -1;
	if (data.n + strlen(path) + 1 > EFS_PUT_MAX)
		return put_large(f, path, data, e);
	for (;;) {
		if (put_once(f, path, data, &number, e) < 0)
			return -1;
		if (number == 0)
			return 0;
		if (number != EFS_ENOSPC || again)
			return efs_errno_set(e, number, "put", path);
		again = true;
		if (make_room(f, e) < 0)
			return -1;
	}
}
