/* Names over DIAG: what is there, what is it like, make and remove (efs2-diag.md sections 5.1, 7.1). */
#include "tests/emu/diag_efs_int.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---------------------------------------------------------------------------------- */

int efs_do_symlink(struct ask *a)
{
	const char *target = efs_text_at(a, 4);
	int r = target ? efs_path_at(a, 4 + strlen(target) + 1) : BAD_PARM;

	if (r)
		return r;
	if (ftree_find(a->t, a->path))
		a->err = efs_exists_error(a->m);
	if (efs_parent_is_there(a) && efs_journal(a))
		ftree_put(a->t, a->path, FN_LINK, 0777, target, strlen(target));
	return efs_answer_err(a);
}

int efs_do_readlink(struct ask *a)
{
	const struct fnode *f;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	f = efs_resolve(a, false);
	if (f && f->type != FN_LINK)
		a->err = E_INVAL;
	efs_answer_err(a);
	if (f && !a->err)
		wr_bytes(a->w, f->data, f->n);
	wr_u8(a->w, 0);
	return 0;
}

/* Section 5.1: what is not there counts as removed on current builds. */
static bool gone_is_fine(struct ask *a)
{
	if (a->err == E_NOENT && !quirk_is(&a->m->quirks, "unlink_missing", "enoent"))
		a->err = E_OK;
	return false;
}

int efs_do_unlink(struct ask *a)
{
	const struct fnode *f;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	f = efs_resolve(a, false);
	if (!f)
		gone_is_fine(a);
	else if (f->type == FN_DIR)
		a->err = E_ISDIR;
	else if (!quirk_hit(&a->m->quirks, "lie", "efs_unlink") && efs_journal(a))
		ftree_remove(a->t, f->path);
	return efs_answer_err(a);
}

int efs_do_rmdir(struct ask *a)
{
	const struct fnode *f;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	f = efs_resolve(a, false);
	if (!f)
		gone_is_fine(a);
	else if (f->type != FN_DIR)
		a->err = E_NOTDIR;
	else if (ftree_has_child(a->t, f->path) || !f->path[1])
		a->err = E_NOTEMPTY;
	else if (efs_journal(a))
		ftree_remove(a->t, f->path);
	return efs_answer_err(a);
}

int efs_do_mkdir(struct ask *a)
{
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);

	if (r)
		return r;
	if (!a->err && ftree_find(a->t, a->path))
		a->err = efs_exists_error(a->m);
	if (efs_parent_is_there(a) && efs_journal(a))
		ftree_put(a->t, a->path, FN_DIR, get_le16(a->p + 4), NULL, 0);
	return efs_answer_err(a);
}

int efs_do_rename(struct ask *a)
{
	const char *from = efs_text_at(a, 4);
	char old[FTREE_PATH] = "";
	const struct fnode *f, *there;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	f = efs_resolve(a, false);
	if (f)
		strcpy(old, f->path);
	if (!a->err) {
		r = efs_path_at(a, 4 + strlen(from) + 1);
		if (r)
			return r;
	}
	there = a->err ? NULL : ftree_find(a->t, a->path);
	if (there && there->type == FN_DIR)
		a->err = efs_exists_error(a->m);
	/* Not into itself. */
	if (!a->err && !strncmp(a->path, old, strlen(old)) && a->path[strlen(old)] == '/')
		a->err = E_INVAL;
	if (efs_parent_is_there(a) && efs_journal(a))
		ftree_rename(a->t, old, a->path);
	return efs_answer_err(a);
}

int efs_do_chmod(struct ask *a)
{
	struct fnode *f;
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);

	if (r)
		return r;
	f = efs_resolve(a, true);
	if (f && efs_journal(a))
		f->mode = get_le16(a->p + 4) & 07777;
	return efs_answer_err(a);
}

int efs_do_chown(struct ask *a)
{
	int r = a->n < 13 ? BAD_LEN : efs_path_at(a, 12);

	if (r)
		return r;
	efs_resolve(a, true);
	return efs_answer_err(a);
}

int efs_do_access(struct ask *a)
{
	int r = a->n < 6 ? BAD_LEN : efs_path_at(a, 5);

	if (r)
		return r;
	efs_resolve(a, true);
	return efs_answer_err(a);
}

/* Only below /public: everywhere else it is refused (section 5.1). */
int efs_do_deltree(struct ask *a)
{
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);
	size_t i;

	if (r)
		return r;
	if (strncmp(a->path, "/public/", 8) != 0)
		a->err = E_PERM;
	for (i = 0; !a->err && i < a->t->n;) {
		const char *s = a->t->node[i].path;

		if (!strncmp(s, a->path, strlen(a->path)) &&
		    (!s[strlen(a->path)] || s[strlen(a->path)] == '/'))
			ftree_remove(a->t, s);
		else
			i++;
	}
	return efs_answer_seq(a);
}

/* ---- looking -------------------------------------------------------------------------------- */

static int answer_stat(struct ask *a, const struct fnode *f)
{
	unsigned i;

	efs_answer_err(a);
	wr_le32(a->w, f ? efs_mode_of(f) : 0);
	wr_le32(a->w, f && f->type != FN_DIR ? (uint32_t)f->n : 0);
	wr_le32(a->w, f != NULL);
	for (i = 0; i < 3; i++)
		wr_le32(a->w, f && f->type != FN_ITEM ? f->mtime : 0);
	return 0;
}

int efs_do_stat(struct ask *a)
{
	int r = efs_path_at(a, 4);

	return r ? r : answer_stat(a, efs_resolve(a, true));
}

int efs_do_fstat(struct ask *a)
{
	return answer_stat(a, efs_node_of(a, efs_file_of(a, get_le32(a->p + 4))));
}

int efs_do_lstat(struct ask *a)
{
	const struct fnode *f;
	unsigned i;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	f = efs_resolve(a, false);
	efs_answer_err(a);
	wr_le32(a->w, f ? efs_mode_of(f) : 0);
	for (i = 0; i < 3; i++)
		wr_le32(a->w, f && f->type != FN_ITEM ? f->mtime : 0);
	return 0;
}

static uint32_t used_pages(struct ask *a, uint32_t page)
{
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < a->t->n; i++)
		n += 1 + (uint32_t)(a->t->node[i].n / page);
	return n;
}

static uint32_t total_pages(struct ask *a)
{
	uint64_t start, len;
	uint32_t lun;

	return emu_table_find(&a->m->flash, a->m->flash.type == EMU_NAND ? "EFS2" : "modemst1", &lun, &start,
			  &len) ? (uint32_t)len : 0;
}

int efs_do_statfs(struct ask *a)
{
	uint32_t page = a->m->flash.page, total = total_pages(a), used = used_pages(a, page);
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	efs_resolve(a, true);
	efs_answer_err(a);
	wr_le32(a->w, 1);
	wr_bytes(a->w, "EFS2\0\0\0\0", 8);
	wr_le32(a->w, page);
	wr_le32(a->w, total);
	wr_le32(a->w, total - MIN_OF(used, total));
	wr_le32(a->w, total - MIN_OF(used, total));
	wr_le32(a->w, FILE_MAX);
	wr_le32(a->w, (uint32_t)a->t->n);
	wr_le32(a->w, 0x7fffffff);
	return 0;
}

int efs_do_statvfs(struct ask *a)
{
	uint32_t page = a->m->flash.page, total = total_pages(a), used = used_pages(a, page), i;
	const uint32_t v[] = { page, total, total - MIN_OF(used, total), total - MIN_OF(used, total),
			       FILE_MAX, (uint32_t)a->t->n, 0x7fffffff, 1024, 255, 1, 1, 0, 1, 6, 0, 0 };
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);

	if (r)
		return r;
	efs_resolve(a, true);
	efs_answer_seq(a);
	wr_le32(a->w, 1);
	wr_bytes(a->w, "EFS2\0\0\0\0", 8);
	for (i = 0; i < ARRAY_SIZE(v); i++)
		wr_le32(a->w, v[i]);
	return 0;
}

int efs_do_dev_info(struct ask *a)
{
	const struct emu_model *mo = &a->m->model;

	efs_answer_err(a);
	wr_le32(a->w, mo->flash.type == EMU_NAND ? total_pages(a) / mo->flash.pages_per_block : 0);
	wr_le32(a->w, mo->flash.pages_per_block);
	wr_le32(a->w, mo->flash.page);
	wr_le32(a->w, mo->flash.page + mo->flash.page / 32);
	wr_le32(a->w, mo->flash.manufacturer);
	wr_le32(a->w, 0xda);
	wr_u8(a->w, 1);
	wr_str(a->w, mo->flash.chip_name);
	wr_u8(a->w, 0);
	return 0;
}

int efs_do_md5(struct ask *a)
{
	uint8_t sum[DIGEST_MAX] = { 0 };
	const struct fnode *f;
	struct digest dg;
	int r = a->n < 7 ? BAD_LEN : efs_path_at(a, 6);

	if (r)
		return r;
	f = efs_resolve(a, true);
	if (f && f->type == FN_DIR)
		a->err = E_ISDIR;
	if (f && !a->err) {
		digest_init(&dg, DIGEST_MD5);
		digest_update(&dg, f->data, f->n);
		digest_final(&dg, sum);
	}
	efs_answer_seq(a);
	wr_bytes(a->w, sum, 16);
	return 0;
}

/* ---- directories ---------------------------------------------------------------------------- */

static uint32_t opendir_it(struct ask *a)
{
	unsigned limit = MIN_OF((unsigned)quirk_value(&a->m->quirks, "dirs", 4), (unsigned)DIAG_DIRS), i;
	const struct fnode *f = efs_resolve(a, true), *c;
	struct diag_dir *h;
	size_t at = 0, n = 0;

	if (f && f->type != FN_DIR)
		a->err = E_NOTDIR;
	if (!a->err && quirk_hit(&a->m->quirks, "no_list", a->path))
		a->err = E_ACCES;
	for (i = 0; i < limit && a->d->dir[i].id; i++)
		;
	if (!a->err && i == limit)
		a->err = S_MANY_DIRS;
	if (a->err)
		return 0;
	h = &a->d->dir[i];
	while (ftree_child(a->t, f->path, &at))
		n++;
	h->name = calloc(n ? n : 1, sizeof(*h->name));
	if (!h->name) {
		a->err = 12;
		return 0;
	}
	for (at = 0, n = 0; (c = ftree_child(a->t, f->path, &at));)
		if (!quirk_hit(&a->m->quirks, "hide", c->path))
			strcpy(h->name[n++], ftree_name(c));
	strcpy(h->path, f->path);
	h->n = n;
	h->next = 1;
	h->id = a->d->next_dir++;
	return h->id;
}

int efs_do_opendir(struct ask *a)
{
	uint32_t id;
	int r = efs_path_at(a, 4);

	if (r)
		return r;
	id = opendir_it(a);
	efs_head(a);
	wr_le32(a->w, id);
	wr_le32(a->w, a->err);
	return 0;
}

static struct diag_dir *dir_of(struct ask *a, uint32_t id)
{
	unsigned i;

	for (i = 0; i < DIAG_DIRS; i++)
		if (id && a->d->dir[i].id == id)
			return &a->d->dir[i];
	a->err = S_NOT_OPEN;
	return NULL;
}

/* Section 4.3 */
static uint32_t entry_type(struct emu *m, const struct fnode *f)
{
	return f->type == FN_FILE ? 0 : f->type == FN_DIR ? 1 : f->type == FN_LINK ? 2 :
	       (uint32_t)quirk_value(&m->quirks, "entry_type", 15);
}

int efs_do_readdir(struct ask *a)
{
	uint32_t id = get_le32(a->p + 4), seq = get_le32(a->p + 8), type = 0;
	struct diag_dir *h = dir_of(a, id);
	const struct fnode *f = NULL;
	char path[2 * FTREE_PATH];
	const char *name = "";
	unsigned i;

	/* An earlier number makes the target start again; a gap is an error (section 7.1). */
	if (h && (seq == 0 || seq > h->next))
		a->err = S_SEQUENCE;
	if (h && !a->err && seq <= h->n) {
		name = h->name[seq - 1];
		strcpy(path, h->path[1] ? h->path : "");
		strcat(path, "/");
		strcat(path, name);
		f = ftree_find(a->t, path);
		type = f ? entry_type(a->m, f) : 15;
		if (f && f->type == FN_ITEM && quirk_find(&a->m->quirks, "blind_items"))
			f = NULL; /* "lstat failed": all numbers are 0 */
	}
	if (h && !a->err)
		h->next = seq + 1;
	efs_head(a);
	wr_le32(a->w, id);
	wr_le32(a->w, seq);
	wr_le32(a->w, a->err);
	wr_le32(a->w, type);
	wr_le32(a->w, f ? efs_mode_of(f) : 0);
	wr_le32(a->w, f && f->type != FN_DIR ? (uint32_t)f->n : 0);
	for (i = 0; i < 3; i++)
		wr_le32(a->w, f ? f->mtime : 0);
	wr_str(a->w, name);
	wr_u8(a->w, 0);
	return 0;
}

int efs_do_closedir(struct ask *a)
{
	struct diag_dir *h = dir_of(a, get_le32(a->p + 4));

	if (h) {
		free(h->name);
		memset(h, 0, sizeof(*h));
	}
	return efs_answer_err(a);
}
