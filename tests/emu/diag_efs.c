/* The file system over DIAG: subsystem 0x13 (efs2-diag.md). Every command is a row of the table at the
 * end; numbers and layouts are those of section 5 there. */
#include "tests/emu/diag_efs_int.h"

#include <stdlib.h>
#include <string.h>

/* ---- paths ---------------------------------------------------------------------------------- */

const char *efs_text_at(const struct ask *a, size_t off)
{
	return off < a->n && memchr(a->p + off, 0, a->n - off) ? (const char *)a->p + off : NULL;
}

int efs_path_at(struct ask *a, size_t off)
{
	const char *s = efs_text_at(a, off);
	const struct emu_quirk *q;

	a->err = E_OK;
	if (!s)
		return BAD_PARM;
	if (!ftree_clean(a->path, s)) {
		a->err = E_NAMETOOLONG;
		return 0;
	}
	/* Section 2.4: the access table answers like an unknown command. */
	if (quirk_hit(&a->m->quirks, "deny", a->path))
		return BAD_CMD;
	q = quirk_take(&a->m->quirks, "efs_error", a->path);
	if (q)
		a->err = q->value ? (uint32_t)q->value : E_ACCES;
	return 0;
}

struct fnode *efs_resolve(struct ask *a, bool follow)
{
	char path[FTREE_PATH], next[2 * FTREE_PATH];
	unsigned hops = 0;
	size_t i = 1;

	if (a->err)
		return NULL;
	strcpy(path, a->path);
	for (;;) {
		struct fnode *f;
		char keep;

		while (path[i] && path[i] != '/')
			i++;
		keep = path[i];
		path[i] = '\0';
		f = ftree_find(a->t, path);
		if (!f || (keep && f->type != FN_DIR && f->type != FN_LINK)) {
			a->err = f ? E_NOTDIR : E_NOENT;
			return NULL;
		}
		if (f->type == FN_LINK && (keep || follow)) {
			if (++hops > 8 || f->n >= FTREE_PATH) {
				a->err = E_LOOP;
				return NULL;
			}
			memcpy(next, f->data, f->n);
			next[f->n] = keep;
			strcpy(next + f->n + (keep != 0), keep ? path + i + 1 : "");
			if (!ftree_clean(path, next)) {
				a->err = E_NAMETOOLONG;
				return NULL;
			}
			i = 1;
			continue;
		}
		path[i] = keep;
		if (!keep)
			return f;
		i++;
	}
}

bool efs_parent_is_there(struct ask *a)
{
	char dir[FTREE_PATH];
	const struct fnode *f;

	if (a->err)
		return false;
	ftree_dirname(dir, a->path);
	f = ftree_find(a->t, dir);
	if (!f || f->type != FN_DIR)
		a->err = f ? E_NOTDIR : E_NOENT;
	return !a->err;
}

bool efs_journal(struct ask *a)
{
	if (!a->err && !modem_may_write(a->m))
		a->err = E_NOSPC;
	return !a->err;
}

uint32_t efs_exists_error(struct emu *m)
{
	return (uint32_t)quirk_value(&m->quirks, "eexist", E_EXIST);
}

void efs_head(struct ask *a)
{
	wr_bytes(a->w, a->p, 4);
}

int efs_answer_err(struct ask *a)
{
	efs_head(a);
	wr_le32(a->w, a->err);
	return 0;
}

int efs_answer_seq(struct ask *a)
{
	efs_head(a);
	wr_bytes(a->w, a->p + 4, 2);
	wr_le32(a->w, a->err);
	return 0;
}

uint32_t efs_mode_of(const struct fnode *f)
{
	return (uint32_t)f->type | f->mode;
}

struct diag_file *efs_file_of(struct ask *a, uint32_t fd)
{
	if (fd < DIAG_FILES && a->d->file[fd].used)
		return &a->d->file[fd];
	a->err = E_BADF;
	return NULL;
}

struct fnode *efs_node_of(struct ask *a, const struct diag_file *h)
{
	struct fnode *f = h ? ftree_find(a->t, h->path) : NULL;

	if (h && !f)
		a->err = E_NOENT;
	return f;
}

/* ---- session -------------------------------------------------------------------------------- */

void diag_efs_close_all(struct diag *d)
{
	size_t i;

	for (i = 0; i < DIAG_DIRS; i++)
		free(d->dir[i].name);
	memset(d->dir, 0, sizeof(d->dir));
	memset(d->file, 0, sizeof(d->file));
	d->next_dir = 1;
}

static int do_hello(struct ask *a)
{
	unsigned i;

	diag_efs_close_all(a->d);
	efs_head(a);
	/* Windows and versions: the smaller of both sides'. A zero asks for ours. */
	for (i = 0; i < 9; i++) {
		uint32_t mine = i < 6 ? 0x100000 : 1, v = get_le32(a->p + 4 + 4 * i);

		wr_le32(a->w, v && v < mine ? v : mine);
	}
	wr_le32(a->w, 0);
	return 0;
}

static int do_query(struct ask *a)
{
	static const uint32_t v[] = { 255, 255, 8, 0x7fffffff, 0x7fffffff, 16 };
	size_t i;

	efs_head(a);
	for (i = 0; i < ARRAY_SIZE(v); i++)
		wr_le32(a->w, v[i]);
	return 0;
}

/* ---- sync ----------------------------------------------------------------------------------- */

static int do_sync(struct ask *a)
{
	uint32_t token = 0;
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);

	if (quirk_is(&a->m->quirks, "sync", "unsupported"))
		return BAD_CMD;
	if (r)
		return r;
	if (!a->err && !modem_commit_begin(a->m))
		a->err = E_NOTHINGTOSYNC;
	else if (!a->err)
		token = ++a->d->token;
	efs_head(a);
	wr_bytes(a->w, a->p + 4, 2);
	wr_le32(a->w, token);
	wr_le32(a->w, a->err);
	return 0;
}

static int do_sync_status(struct ask *a)
{
	bool done;
	int r = a->n < 11 ? BAD_LEN : efs_path_at(a, 10);

	if (quirk_is(&a->m->quirks, "sync", "unsupported"))
		return BAD_CMD;
	if (r)
		return r;
	done = !modem_commit_pending(a->m) && !quirk_is(&a->m->quirks, "sync", "never");
	/* Two readings of the status are around (section 6.3). */
	if (quirk_is(&a->m->quirks, "sync", "inverted"))
		done = !done;
	efs_head(a);
	wr_bytes(a->w, a->p + 4, 2);
	wr_u8(a->w, done);
	wr_le32(a->w, a->err);
	return 0;
}

static int do_hang(struct ask *a)
{
	/* Opcode 26 of old kills the link on some modules. */
	return quirk_find(&a->m->quirks, "hang26") ? DIAG_SILENT : BAD_CMD;
}

/* ---- table ---------------------------------------------------------------------------------- */

static const struct op {
	uint8_t id;
	uint8_t len;    /* of the whole request; 0 = carries a string */
	bool changes;   /* protected against retransmission (section 2.5) */
	const char *name;
	int (*fn)(struct ask *);
} ops[] = {
	{ 0, 44, false, "efs_hello", do_hello },
	{ 1, 4, false, "efs_query", do_query },
	{ 2, 0, true, "efs_open", efs_do_open },
	{ 3, 8, true, "efs_close", efs_do_close },
	{ 4, 16, false, "efs_read", efs_do_read },
	{ 5, 0, false, "efs_write", efs_do_write },
	{ 6, 0, true, "efs_symlink", efs_do_symlink },
	{ 7, 0, false, "efs_readlink", efs_do_readlink },
	{ 8, 0, true, "efs_unlink", efs_do_unlink },
	{ 9, 0, true, "efs_mkdir", efs_do_mkdir },
	{ 10, 0, true, "efs_rmdir", efs_do_rmdir },
	{ 11, 0, true, "efs_opendir", efs_do_opendir },
	{ 12, 12, false, "efs_readdir", efs_do_readdir },
	{ 13, 8, true, "efs_closedir", efs_do_closedir },
	{ 14, 0, true, "efs_rename", efs_do_rename },
	{ 15, 0, false, "efs_stat", efs_do_stat },
	{ 16, 0, false, "efs_lstat", efs_do_lstat },
	{ 17, 8, false, "efs_fstat", efs_do_fstat },
	{ 18, 0, true, "efs_chmod", efs_do_chmod },
	{ 19, 0, false, "efs_statfs", efs_do_statfs },
	{ 20, 0, false, "efs_access", efs_do_access },
	{ 21, 4, false, "efs_dev_info", efs_do_dev_info },
	{ 26, 0, true, "efs_old_put", do_hang },
	{ 30, 0, true, "efs_chown", efs_do_chown },
	{ 37, 0, true, "efs_deltree", efs_do_deltree },
	{ 38, 0, true, "efs_put", efs_do_put },
	{ 39, 0, true, "efs_get", efs_do_get },
	{ 40, 0, true, "efs_truncate", efs_do_truncate },
	{ 41, 14, true, "efs_ftruncate", efs_do_ftruncate },
	{ 42, 0, false, "efs_statvfs", efs_do_statvfs },
	{ 43, 0, false, "efs_md5", efs_do_md5 },
	{ 48, 0, true, "efs_sync", do_sync },
	{ 49, 0, true, "efs_sync_status", do_sync_status },
};

static const struct op *op_of(const uint8_t *p)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		if (ops[i].id == get_le16(p + 2))
			return &ops[i];
	return NULL;
}

const char *diag_efs_name(const uint8_t *p, size_t n)
{
	const struct op *op;

	if (n < 4 || p[0] != 0x4b || (p[1] != 0x13 && p[1] != 0x3e))
		return NULL;
	op = op_of(p);
	return op ? op->name : "efs_other";
}

int diag_efs(struct emu *m, struct diag *d, const uint8_t *p, size_t n, struct writer *w)
{
	struct ask a = { .m = m, .d = d, .t = &m->modem->fs, .p = p, .n = n, .w = w };
	const struct op *op = op_of(p);
	const struct emu_quirk *q = quirk_find(&m->quirks, "efs_3e");
	struct ftree other;
	int r;

	/* Section 1: as a rule only 0x13 answers. */
	if (p[1] == 0x3e ? !q : q && !strcmp(q->arg, "only"))
		return BAD_CMD;
	if (!op)
		return BAD_CMD;
	if (quirk_is(&m->quirks, "locked", "efs") && !m->modem->password_given)
		return BAD_SEC;
	if (op->len ? n != op->len : n < 5)
		return BAD_LEN;
	if (op->changes && n == d->last_n && !memcmp(p, d->last, n)) {
		wr_bytes(w, d->last_answer, d->last_answer_n);
		return 0;
	}
	if (p[1] == 0x3e && !strcmp(q->arg, "other")) {
		/* Another processor's file system: empty, forgotten after each request. */
		if (ftree_init(&other))
			return BAD_CMD;
		a.t = &other;
		r = op->fn(&a);
		ftree_fini(&other);
	} else {
		r = op->fn(&a);
	}
	d->last_n = 0;
	if (op->changes && !r) {
		memcpy(d->last, p, n);
		memcpy(d->last_answer, w->p, w->n);
		d->last_n = n;
		d->last_answer_n = w->n;
	}
	return r;
}
