#include "proto/efs.h"

#include "proto/efs_priv.h"
#include "wire/diag_msg.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYNC_POLL_MS    250
#define SYNC_ZERO_MS    3000 /* status 0: pending or done? Sources disagree; so long counts as done */
#define SYNC_SETTLE_MS  2000
#define SYNC_BLIND_MS   5000  /* targets without sync */

const struct diag_echo efs_echo_head[] = { { 0, 0, DIAG_SUBSYS_HEADER }, { 0, 0, 0 } };
const struct diag_echo efs_echo_8[] = { { 0, 0, 8 }, { 0, 0, 0 } };
const struct diag_echo efs_echo_seq4[] = { { 0, 0, 6 }, { 0, 0, 0 } };
/* READ: fd at 4 in both, offset at 12 of the request and 8 of the answer. */
static const struct diag_echo echo_read[] = { { 0, 0, 8 }, { 8, 12, 4 }, { 0, 0, 0 } };
/* READDIR: handle and sequence number. */
static const struct diag_echo echo_readdir[] = { { 0, 0, 12 }, { 0, 0, 0 } };
/* GET: sequence number at 12 in both. */
static const struct diag_echo echo_get[] = { { 0, 0, 4 }, { 12, 12, 2 }, { 0, 0, 0 } };

void efs_pause(struct efs *f, uint32_t ms)
{
	if (f->opts.pause)
		f->opts.pause(f->opts.pause_ctx, ms);
	else
		clock_sleep_ms(ms);
}

bool efs_is_absent(const struct err *e)
{
	return e->kind == ERR_REFUSED && e->code == EFS_ENOENT;
}

bool efs_is_denied(const struct err *e)
{
	return e->kind == ERR_REFUSED &&
	       (e->code == EFS_EACCES || e->code == EFS_EPERM || (e->code & EFS_CODE_DIAG));
}

int efs_path_check(const char *path, struct err *e)
{
	const char *p = path;

	if (path[0] != '/')
		return err_set(e, ERR_USAGE, "'%s' is not an absolute path", path);
	if (strlen(path) > EFS_PATH_MAX)
		return err_set(e, ERR_USAGE, "a path of %zu characters, the module takes %d",
			       strlen(path), EFS_PATH_MAX);
	while (*p) {
		size_t n = strcspn(p, "/");

		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return err_set(e, ERR_USAGE, "'%s' has a dot component", path);
		p += n;
		p += *p == '/';
	}
	return 0;
}

int efs_ask(struct efs *f, const struct writer *w, const struct diag_echo *echo, uint32_t ms, bool read,
	    struct slice *ret, struct err *e)
{
	struct diag_ask ask = { writer_slice(w), echo, ms, read, false };

	if (w->overflow)
		return err_set(e, ERR_USAGE, "the request does not fit a packet; the path is too long");
	if (diag_ask(f->d, &ask, ret, e) == 0)
		return 0;
	if (e->kind == ERR_REFUSED)
		e->code |= EFS_CODE_DIAG;
	return -1;
}

int efs_ask_errno(struct efs *f, const struct writer *w, enum efs_op op, bool read, uint32_t *ret,
		  struct err *e)
{
	struct slice answer;

	if (efs_ask(f, w, efs_echo_head, read ? EFS_QUICK_MS : EFS_SLOW_MS, read, &answer, e) < 0)
		return -1;
	return efs_errno_parse(answer, f->ss, op, ret, e);
}

static int hello(struct efs *f, struct err *e)
{
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_hello h;
	struct slice answer;

	efs_hello_default(&h);
	efs_hello_build(&w, f->ss, &h);
	if (efs_ask(f, &w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "greeting the file system behind 0x%02x", f->ss);
	return efs_hello_parse(answer, f->ss, &f->hello, e);
}

/* Does this subsystem hold the tree that matters? */
static int has_modem_tree(struct efs *f, bool *ret, struct err *e)
{
	static const char *const paths[] = { "/nv", "/nvm" };
	struct efs_attr a;
	size_t i;

	*ret = false;
	for (i = 0; i < ARRAY_SIZE(paths) && !*ret; i++) {
		if (efs_stat(f, paths[i], &a, e) == 0)
			*ret = true;
		else if (e->kind != ERR_REFUSED)
			return -1;
	}
	err_clear(e);
	return 0;
}

static int probe(struct efs *f, struct err *e)
{
	static const uint8_t candidates[] = { DIAG_SUBSYS_EFS, DIAG_SUBSYS_EFS_ALT };
	bool found = false;
	uint8_t fallback = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(candidates); i++) {
		f->ss = candidates[i];
		if (hello(f, e) < 0) {
			if (e->kind != ERR_REFUSED)
				return -1;
			continue;
		}
		if (has_modem_tree(f, &found, e) < 0)
			return -1;
		if (found)
			return 0;
		if (!fallback)
			fallback = f->ss;
	}
	/* An erased file system has neither: the first that speaks is it. */
	if (fallback) {
		if (f->ss == fallback)
			return 0;
		f->ss = fallback;
		return hello(f, e);
	}
	return err_set_code(e, ERR_UNSUPPORTED, e->code,
			    "the module gives no access to its file system over DIAG (0x13 and 0x3e "
			    "both refused)");
}

int efs_open(struct diag *d, const struct efs_opts *opts, struct efs **ret, struct err *e)
{
	struct efs *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem(e);
	f->d = d;
	f->opts = *opts;
	if (f->opts.write_block == 0)
		f->opts.write_block = 512;
	f->opts.write_block = MIN_OF(f->opts.write_block, (uint32_t)EFS_WRITE_MAX);
	f->ss = opts->subsys;
	if ((opts->subsys ? hello(f, e) : probe(f, e)) < 0) {
		free(f);
		return -1;
	}
	*ret = f;
	return 0;
}

void efs_close(struct efs *f)
{
	free(f);
}

bool efs_is_dead(const struct efs *f)
{
	return diag_is_dead(f->d);
}

uint8_t efs_subsystem(const struct efs *f)
{
	return f->ss;
}

const struct efs_hello *efs_hello(const struct efs *f)
{
	return &f->hello;
}

int efs_query(struct efs *f, struct efs_query *ret, struct err *e)
{
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));
	struct slice answer;

	efs_query_build(&w, f->ss);
	if (efs_ask(f, &w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "asking for the limits of the file system");
	return efs_query_parse(answer, f->ss, ret, e);
}

enum efs_type efs_type(const struct efs_attr *a)
{
	switch (a->mode & EFS_S_IFMT) {
	case EFS_S_IFREG:
		return EFS_TYPE_FILE;
	case EFS_S_IFITM:
		return EFS_TYPE_ITEM;
	case EFS_S_IFDIR:
		return EFS_TYPE_DIR;
	case EFS_S_IFLNK:
		return EFS_TYPE_LINK;
	case 0:
		return EFS_TYPE_UNKNOWN;
	default:
		return EFS_TYPE_OTHER;
	}
}

char efs_type_letter(enum efs_type t)
{
	return "?fidlo"[t];
}

int efs_handle_open(struct efs *f, const struct writer *w, enum efs_op op, const char *path,
		    uint32_t *ret, struct err *e)
{
	bool again = false;

	for (;;) {
		struct efs_handle_answer a;
		struct slice answer;

		if (efs_ask(f, w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
			return err_prefix(e, "cannot open '%s'", path);
		if (efs_handle_parse(answer, f->ss, op, &a, e) < 0)
			return -1;
		if (a.err == 0) {
			*ret = a.handle;
			return 0;
		}
		/* Ours are closed, so somebody else's are left over: HELLO closes them all. */
		if (again || (a.err != EFS_EMFILE && a.err != EFS_EFILES && a.err != EFS_EDIRS))
			return efs_errno_set(e, a.err, "open", path);
		again = true;
		if (hello(f, e) < 0)
			return -1;
	}
}

void efs_handle_close(struct efs *f, enum efs_op op, uint32_t handle)
{
	uint8_t room[16];
	struct writer w = writer_of(room, sizeof(room));
	struct err e = ERR_INIT;
	uint32_t number;

	if (diag_is_dead(f->d))
		return;
	efs_handle_build(&w, f->ss, op, handle);
	/* A handle that stays open is closed by the next HELLO; nothing else can be done about it. */
	if (efs_ask_errno(f, &w, op, true, &number, &e) < 0)
		return;
}

void efs_list_fini(struct efs_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->entry[i].name);
	free(l->entry);
	*l = (struct efs_list){ 0 };
}

static int list_add(struct efs_list *l, struct slice name, const struct efs_attr *a, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		struct efs_entry *p = realloc(l->entry, cap * sizeof(*p));

		if (!p)
			return err_nomem(e);
		l->entry = p;
		l->cap = cap;
	}
	l->entry[l->n].name = strndup((const char *)name.p, name.n);
	if (!l->entry[l->n].name)
		return err_nomem(e);
	l->entry[l->n++].attr = *a;
	return 0;
}

/* What a row was told about one of its requests, with the code as efs_ask() would give it. */
static int pass_on(const struct err *why, struct err *e)
{
	*e = *why;
	if (e->kind == ERR_REFUSED)
		e->code |= EFS_CODE_DIAG;
	return -1;
}

/* A directory being read. */
struct dir_row {
	struct diag_row row;
	const struct efs *f;
	struct efs_list *list;
	const char *path;
	uint32_t handle, next_seq, seen;
	uint32_t most; /* entries that are wanted */
	bool ended, enough;
};

static int dir_next(struct diag_row *row, struct writer *w, struct diag_ask *ask, struct err *e)
{
	struct dir_row *r = container_of(row, struct dir_row, row);

	(void)e;
	if (r->ended || r->enough || r->next_seq > EFS_LIST_MAX + 1)
		return 0;
	efs_readdir_build(w, r->f->ss, r->handle, r->next_seq++);
	ask->echo = echo_readdir;
	ask->timeout_ms = EFS_QUICK_MS;
	return 1;
}

static int dir_take(struct diag_row *row, struct slice answer, const struct err *why, struct err *e)
{
	struct dir_row *r = container_of(row, struct dir_row, row);
	struct efs_readdir_answer a;
	struct efs_attr attr;

	if (why) {
		pass_on(why, e);
		return err_prefix(e, "listing '%s' broke off after %u entries", r->path, r->seen);
	}
	if (efs_readdir_parse(answer, r->f->ss, &a, e) < 0)
		return -1;
	if (a.err) {
		efs_errno_set(e, a.err, "list", r->path);
		return err_append(e, " after %u entries", r->seen);
	}
	/* The end is an empty name. Entry type 0 is a regular file, not an end. */
	if (a.name.n == 0) {
		r->ended = true;
		return 1;
	}
	if (r->seen == r->most) {
		r->enough = true;
		return 1;
	}
	r->seen++;
	if (memchr(a.name.p, '/', a.name.n))
		return err_set(e, ERR_PROTO, "an entry of '%s' has a slash in its name", r->path);
	if (slice_eq(a.name, SLICE_STR(".")) || slice_eq(a.name, SLICE_STR("..")))
		return 0;
	attr = (struct efs_attr){ a.mode, a.size, 1, a.atime, a.mtime, a.ctime };
	if (attr.mode == 0 && a.entry_type != EFS_ENTRY_OTHER)
		attr.mode = a.entry_type == EFS_ENTRY_DIR  ? EFS_S_IFDIR :
			    a.entry_type == EFS_ENTRY_LINK ? EFS_S_IFLNK :
							     EFS_S_IFREG;
	return list_add(r->list, a.name, &attr, e);
}

/* Entries of which the module said nothing: STAT knows, or else it is taken for an item file. */
static int resolve_unknown(struct efs *f, const char *path, struct efs_list *l, size_t from,
			   struct err *e)
{
	size_t i;

	for (i = from; i < l->n; i++) {
		struct efs_entry *x = &l->entry[i];
		char full[EFS_PATH_MAX + 1];
		int n;

		if (x->attr.mode)
			continue;
		n = snprintf(full, sizeof(full), "%s%s%s", path, strcmp(path, "/") ? "/" : "", x->name);
		if (n < 0 || (size_t)n >= sizeof(full))
			continue;
		if (efs_stat(f, full, &x->attr, e) == 0)
			continue;
		if (e->kind != ERR_REFUSED)
			return -1;
		err_clear(e);
		x->attr.mode = EFS_S_IFITM | 0777;
	}
	return 0;
}

int efs_list_some(struct efs *f, const char *path, uint32_t most, struct efs_list *l, bool *ret_more,
		  struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct dir_row r = { .row = { dir_next, dir_take }, .f = f, .list = l, .path = path,
			     .next_seq = 1, .most = most };
	size_t from = l->n;
	int result;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, EFS_OPENDIR, path);
	if (efs_handle_open(f, &w, EFS_OPENDIR, path, &r.handle, e) < 0)
		return -1;
	result = diag_ask_row(f->d, &r.row, e);
	efs_handle_close(f, EFS_CLOSEDIR, r.handle);
	if (result < 0)
		return -1;
	if (!r.ended && !r.enough)
		return err_set(e, ERR_PROTO, "'%s' has no end after %u entries", path, r.seen);
	if (resolve_unknown(f, path, l, from, e) < 0)
		return -1;
	*ret_more = r.enough;
	return 0;
}

int efs_list(struct efs *f, const char *path, struct efs_list *l, struct err *e)
{
	bool more;

	return efs_list_some(f, path, UINT32_MAX, l, &more, e);
}

static int stat_op(struct efs *f, enum efs_op op, const char *path, struct efs_attr *ret, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_stat_answer a;
	struct slice answer;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, op, path);
	if (efs_ask(f, &w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "cannot stat '%s'", path);
	if ((op == EFS_LSTAT ? efs_lstat_parse(answer, f->ss, &a, e) :
			       efs_stat_parse(answer, f->ss, op, &a, e)) < 0)
		return -1;
	if (a.err)
		return efs_errno_set(e, a.err, "stat", path);
	*ret = (struct efs_attr){ a.mode, a.size, a.nlink, a.atime, a.mtime, a.ctime };
	return 0;
}

int efs_stat(struct efs *f, const char *path, struct efs_attr *ret, struct err *e)
{
	return stat_op(f, EFS_STAT, path, ret, e);
}

int efs_lstat(struct efs *f, const char *path, struct efs_attr *ret, struct err *e)
{
	return stat_op(f, EFS_LSTAT, path, ret, e);
}

int efs_statfs(struct efs *f, const char *path, struct efs_statfs_answer *ret, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_statfs_answer a;
	struct slice answer;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, EFS_STATFS, path);
	if (efs_ask(f, &w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "cannot measure '%s'", path);
	if (efs_statfs_parse(answer, f->ss, &a, e) < 0)
		return -1;
	if (a.err)
		return efs_errno_set(e, a.err, "measure", path);
	*ret = a;
	return 0;
}

int efs_readlink(struct efs *f, const char *path, char **ret, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct slice answer, target;
	uint32_t number;
	char *text;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_path_build(&w, f->ss, EFS_READLINK, path);
	if (efs_ask(f, &w, efs_echo_head, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "cannot read link '%s'", path);
	if (efs_readlink_parse(answer, f->ss, &number, &target, e) < 0)
		return -1;
	if (number)
		return efs_errno_set(e, number, "read link", path);
	text = strndup((const char *)target.p, target.n);
	if (!text)
		return err_nomem(e);
	*ret = text;
	return 0;
}

int efs_md5(struct efs *f, const char *path, uint8_t ret[16], struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_md5_answer a;
	struct slice answer;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_seq_path_build(&w, f->ss, EFS_MD5SUM, ++f->seq, path);
	if (efs_ask(f, &w, efs_echo_seq4, EFS_SLOW_MS, true, &answer, e) < 0)
		return err_prefix(e, "cannot digest '%s'", path);
	if (efs_md5_parse(answer, f->ss, &a, e) < 0)
		return -1;
	if (a.err)
		return efs_errno_set(e, a.err, "digest", path);
	memcpy(ret, a.hash, 16);
	return 0;
}

int efs_get(struct efs *f, const char *path, uint8_t *buf, size_t *ret_n, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_get_answer a;
	struct slice answer;

	if (efs_path_check(path, e) < 0)
		return -1;
	efs_get_build(&w, f->ss, EFS_GET_MAX, ++f->seq, path);
	if (efs_ask(f, &w, echo_get, EFS_QUICK_MS, true, &answer, e) < 0)
		return err_prefix(e, "cannot get '%s'", path);
	if (efs_get_parse(answer, f->ss, &a, e) < 0)
		return -1;
	if (a.err)
		return efs_errno_set(e, a.err, "get", path);
	if (a.data.n > EFS_GET_MAX)
		return err_set(e, ERR_PROTO, "'%s': %zu bytes where %d were asked for", path, a.data.n,
			       EFS_GET_MAX);
	memcpy(buf, a.data.p, a.data.n);
	*ret_n = a.data.n;
	return 0;
}

/* A file being read. */
struct file_row {
	struct diag_row row;
	const struct efs *f;
	struct sink *to;
	const char *path;
	uint32_t fd;
	uint64_t asked, got; /* offsets: next to ask for, next to hand over */
	uint64_t expect;     /* size by the listing; nothing is asked ahead beyond it */
	bool ended, again;   /* again: a short answer; what is under way has wrong offsets */
};

static int file_next(struct diag_row *row, struct writer *w, struct diag_ask *ask, struct err *e)
{
	struct file_row *r = container_of(row, struct file_row, row);

	(void)e;
	if (r->ended || (r->asked != r->got && r->asked >= r->expect))
		return 0;
	efs_read_build(w, r->f->ss, r->fd, EFS_READ_MAX, (uint32_t)r->asked);
	r->asked += EFS_READ_MAX;
	ask->echo = echo_read;
	ask->timeout_ms = EFS_QUICK_MS;
	return 1;
}

static int file_take(struct diag_row *row, struct slice answer, const struct err *why, struct err *e)
{
	struct file_row *r = container_of(row, struct file_row, row);
	struct efs_read_answer a;

	if (why)
		return pass_on(why, e);
	if (efs_read_parse(answer, r->f->ss, &a, e) < 0)
		return -1;
	if (a.err)
		return efs_errno_set(e, a.err, "read", r->path);
	if (a.data.n > EFS_READ_MAX)
		return err_set(e, ERR_PROTO, "%zu bytes where %d were asked for", a.data.n, EFS_READ_MAX);
	if (a.data.n && sink_put(r->to, a.data.p, a.data.n, e) < 0)
		return -1;
	r->got += a.data.n;
	if (r->got > EFS_FILE_MAX)
		return err_set(e, ERR_PROTO, "it has no end after %" PRIu64 " bytes", r->got);
	if (a.data.n == EFS_READ_MAX)
		return 0;
	/* A short answer that ends where the listing said is the end. Any other short answer may have
	 * more behind it: only an empty one is the end then. */
	r->ended = a.data.n == 0 || r->got == r->expect;
	r->again = !r->ended;
	return 1;
}

static int read_by_handle(struct efs *f, const char *path, uint64_t expect, struct sink *to,
			  uint64_t *ret_n, struct err *e)
{
	uint8_t room[DIAG_REQUEST_MAX];
	struct writer w = writer_of(room, sizeof(room));
	struct file_row r = { { file_next, file_take }, f, to, path, 0, 0, 0, expect, false, false };
	int result;

	efs_open_build(&w, f->ss, EFS_O_RDONLY, 0, path);
	if (efs_handle_open(f, &w, EFS_OPEN, path, &r.fd, e) < 0)
		return -1;
	do {
		r.again = false;
		r.asked = r.got;
		result = diag_ask_row(f->d, &r.row, e);
	} while (result == 0 && r.again);
	efs_handle_close(f, EFS_CLOSE, r.fd);
	if (result < 0)
		return err_prefix(e, "'%s' broke off after %" PRIu64 " bytes", path, r.got);
	*ret_n = r.got;
	return 0;
}

int efs_read(struct efs *f, const char *path, const struct efs_attr *attr, struct sink *to,
	     uint64_t *ret_n, struct err *e)
{
	struct efs_attr asked;
	uint8_t data[EFS_GET_MAX];
	enum efs_type type;
	size_t n;

	if (efs_path_check(path, e) < 0)
		return -1;
	if (!attr) {
		if (efs_stat(f, path, &asked, e) < 0)
			return -1;
		attr = &asked;
	}
	type = efs_type(attr);
	if (type == EFS_TYPE_DIR || type == EFS_TYPE_LINK)
		return err_set(e, ERR_USAGE, "'%s' is a %s, not a file", path,
			       type == EFS_TYPE_DIR ? "directory" : "link");
	/* One exchange instead of three or more. */
	if (attr->size <= EFS_GET_MAX && (type != EFS_TYPE_FILE || !f->get_only_items)) {
		if (efs_get(f, path, data, &n, e) == 0) {
			/* A full buffer of a file that was smaller may be a cut answer. */
			bool cut = n == EFS_GET_MAX && attr->size != n;

			if (type == EFS_TYPE_FILE ? n == attr->size : !cut) {
				*ret_n = n;
				return n ? sink_put(to, data, n, e) : 0;
			}
		} else if (e->kind != ERR_REFUSED || efs_is_absent(e)) {
			return -1;
		} else if (type == EFS_TYPE_FILE) {
			/* Item access does not take regular files here: do not try it for each of them. A
			 * DIAG error denies this path only. */
			f->get_only_items = f->get_only_items || !(e->code & EFS_CODE_DIAG);
		} else if (efs_is_denied(e)) {
			return -1;
		}
		err_clear(e);
	}
	return read_by_handle(f, path, attr->size, to, ret_n, e);
}

/* Asks for the state of the commit until it is known. */
static int sync_wait(struct efs *f, uint32_t token, enum efs_synced *ret, struct err *e)
{
	uint32_t waited;

	for (waited = 0; waited < SYNC_ZERO_MS; waited += SYNC_POLL_MS) {
		uint8_t room[64];
		struct writer w = writer_of(room, sizeof(room));
		struct efs_sync_status_answer a;
		struct slice answer;

		efs_pause(f, SYNC_POLL_MS);
		efs_sync_status_build(&w, f->ss, ++f->seq, token, "/");
		if (efs_ask(f, &w, efs_echo_seq4, EFS_SLOW_MS, true, &answer, e) < 0)
			return err_prefix(e, "asking whether the sync is done");
		if (efs_sync_status_parse(answer, f->ss, &a, e) < 0)
			return -1;
		if (a.err && a.err != EFS_ENOTHINGTOSYNC)
			return efs_errno_set(e, a.err, "sync", "/");
		if (a.status || a.err == EFS_ENOTHINGTOSYNC) {
			*ret = EFS_SYNC_DONE;
			return 0;
		}
	}
	efs_pause(f, SYNC_SETTLE_MS);
	*ret = EFS_SYNC_ASSUMED;
	return 0;
}

int efs_sync(struct efs *f, enum efs_synced *ret, struct err *e)
{
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room));
	struct efs_sync_answer a;
	struct slice answer;

	efs_seq_path_build(&w, f->ss, EFS_SYNC_NO_WAIT, ++f->seq, "/");
	if (efs_ask(f, &w, efs_echo_seq4, EFS_SLOW_MS, false, &answer, e) < 0) {
		if (e->kind != ERR_REFUSED)
			return err_prefix(e, "starting the sync");
		/* Older targets have no sync; they commit by themselves within seconds. */
		err_clear(e);
		efs_pause(f, SYNC_BLIND_MS);
		*ret = EFS_SYNC_ASSUMED;
		return 0;
	}
	if (efs_sync_parse(answer, f->ss, &a, e) < 0)
		return -1;
	if (a.err == EFS_ENOTHINGTOSYNC) {
		*ret = EFS_SYNC_CLEAN;
		return 0;
	}
	if (a.err)
		return efs_errno_set(e, a.err, "sync", "/");
	return sync_wait(f, a.token, ret, e);
}
