/* Content over DIAG: open files, and items in one piece (efs2-diag.md section 5.1). */
#include "tests/emu/diag_efs_int.h"

#include <string.h>

/* ---- files ---------------------------------------------------------------------------------- */

static struct fnode *open_new(struct ask *a, uint32_t flags, uint32_t mode)
{
	bool item = (flags & O_ITEMFILE_) != 0;

	a->err = E_OK;
	if (flags & O_AUTODIR_)
		ftree_parents(a->t, a->path);
	if (!efs_parent_is_there(a) || !efs_journal(a))
		return NULL;
	return ftree_put(a->t, a->path, item ? FN_ITEM : FN_FILE, (uint16_t)(item ? 0777 : mode), NULL, 0);
}

static int32_t open_it(struct ask *a, uint32_t flags, uint32_t mode)
{
	unsigned limit = (unsigned)quirk_value(&a->m->quirks, "fds", 4), fd;
	bool writes = (flags & (O_WRONLY_ | O_RDWR_)) != 0;
	struct fnode *f = efs_resolve(a, true);

	if (f && f->type == FN_DIR)
		a->err = E_ISDIR;
	else if (f && f->type == FN_ITEM && quirk_is(&a->m->quirks, "open_item", "no"))
		a->err = E_ACCES;
	else if (f && flags & O_EXCL_)
		a->err = efs_exists_error(a->m);
	if (a->err && !(a->err == E_NOENT && flags & O_CREAT_))
		return -1;
	for (fd = 0; fd < MIN_OF(limit, (unsigned)DIAG_FILES) && a->d->file[fd].used; fd++)
		;
	if (fd == MIN_OF(limit, (unsigned)DIAG_FILES)) {
		a->err = quirk_is(&a->m->quirks, "emfile", "service") ? S_MANY_FILES : E_MFILE;
		return -1;
	}
	if (!f)
		f = open_new(a, flags, mode);
	else if (writes && flags & O_TRUNC_ && efs_journal(a))
		ftree_resize(f, 0);
	if (!f || a->err)
		return -1;
	a->d->file[fd].used = true;
	a->d->file[fd].flags = flags;
	strcpy(a->d->file[fd].path, f->path);
	return (int32_t)fd;
}

int efs_do_open(struct ask *a)
{
	uint32_t flags;
	int r;

	if (a->n < 13)
		return BAD_LEN;
	flags = get_le32(a->p + 4);
	r = efs_path_at(a, 12);
	if (r)
		return r;
	/* Section 4.1: the two flags together crash some modems. */
	if (flags & O_ITEMFILE_ && flags & O_AUTODIR_ && !quirk_is(&a->m->quirks, "open_both", "works")) {
		modem_crash(a->m, 500);
		return DIAG_SILENT;
	}
	efs_head(a);
	wr_le32(a->w, (uint32_t)open_it(a, flags, get_le32(a->p + 8)));
	wr_le32(a->w, a->err);
	return 0;
}

int efs_do_close(struct ask *a)
{
	struct diag_file *h = efs_file_of(a, get_le32(a->p + 4));

	if (h)
		h->used = false;
	return efs_answer_err(a);
}

int efs_do_read(struct ask *a)
{
	uint32_t fd = get_le32(a->p + 4), want = get_le32(a->p + 8), off = get_le32(a->p + 12), n = 0;
	const struct fnode *f = efs_node_of(a, efs_file_of(a, fd));

	if (f && off < f->n)
		n = MIN_OF(MIN_OF(want, (uint32_t)quirk_value(&a->m->quirks, "read_max", READ_MAX)),
			   (uint32_t)f->n - off);
	efs_head(a);
	wr_le32(a->w, fd);
	wr_le32(a->w, off);
	wr_le32(a->w, f ? n : UINT32_MAX);
	wr_le32(a->w, a->err);
	if (n)
		wr_bytes(a->w, f->data + off, n);
	return 0;
}

int efs_do_write(struct ask *a)
{
	uint32_t fd, off, n;
	struct diag_file *h;
	struct fnode *f;

	if (a->n < 13)
		return BAD_LEN;
	fd = get_le32(a->p + 4);
	off = get_le32(a->p + 8);
	n = (uint32_t)a->n - 12;
	h = efs_file_of(a, fd);
	f = efs_node_of(a, h);
	if (f && !(h->flags & (O_WRONLY_ | O_RDWR_)))
		a->err = E_BADF;
	else if (f && (n > READ_MAX || off > FILE_MAX))
		a->err = E_INVAL;
	else if (f && h->flags & O_APPEND_)
		off = (uint32_t)f->n;
	if (f && !a->err && !quirk_hit(&a->m->quirks, "lie", "efs_write") && efs_journal(a)) {
		if (off + n > f->n && ftree_resize(f, off + n))
			a->err = E_NOSPC;
		else
			memcpy(f->data + off, a->p + 12, n);
	}
	efs_head(a);
	wr_le32(a->w, fd);
	wr_le32(a->w, get_le32(a->p + 8));
	wr_le32(a->w, a->err ? UINT32_MAX : n);
	wr_le32(a->w, a->err);
	return 0;
}

static int truncate_to(struct ask *a, struct fnode *f, uint32_t len)
{
	if (f && f->type == FN_DIR)
		a->err = E_ISDIR;
	else if (f && len > FILE_MAX)
		a->err = E_INVAL;
	if (f && efs_journal(a) && ftree_resize(f, len))
		a->err = E_NOSPC;
	return efs_answer_seq(a);
}

int efs_do_truncate(struct ask *a)
{
	int r = a->n < 11 ? BAD_LEN : efs_path_at(a, 10);

	return r ? r : truncate_to(a, efs_resolve(a, true), get_le32(a->p + 6));
}

int efs_do_ftruncate(struct ask *a)
{
	return truncate_to(a, efs_node_of(a, efs_file_of(a, get_le32(a->p + 10))), get_le32(a->p + 6));
}

/* ---- items ---------------------------------------------------------------------------------- */

int efs_do_put(struct ask *a)
{
	uint32_t len, flags;
	struct fnode *f;
	int r;

	if (a->n < 15)
		return BAD_LEN;
	len = get_le32(a->p + 4);
	flags = get_le32(a->p + 8);
	if (len > a->n - 15)
		return BAD_LEN;
	r = efs_path_at(a, 14 + len);
	if (r)
		return r;
	f = ftree_find(a->t, a->path);
	if (f && f->type == FN_DIR)
		a->err = E_ISDIR;
	else if (!f && !(flags & O_CREAT_))
		a->err = E_NOENT;
	/* Without O_AUTODIR the parents must be there: the trap of a fresh file system. */
	if (!a->err && flags & O_AUTODIR_)
		ftree_parents(a->t, a->path);
	if (efs_parent_is_there(a) && !quirk_hit(&a->m->quirks, "lie", "efs_put") && efs_journal(a))
		ftree_put(a->t, a->path, flags & O_ITEMFILE_ ? FN_ITEM : FN_FILE, 0777, a->p + 14, len);
	efs_head(a);
	wr_bytes(a->w, a->p + 12, 2);
	wr_le32(a->w, a->err);
	return 0;
}

int efs_do_get(struct ask *a)
{
	const struct fnode *f;
	uint32_t room;
	int r;

	if (a->n < 15 || get_le32(a->p + 4) > READ_MAX)
		return BAD_LEN;
	room = get_le32(a->p + 4);
	r = efs_path_at(a, 14);
	if (r)
		return r;
	f = efs_resolve(a, true);
	if (f && f->type == FN_DIR)
		a->err = E_ISDIR;
	else if (f && f->type == FN_FILE && quirk_is(&a->m->quirks, "get_regular", "no"))
		a->err = E_NOTITM;
	else if (f && f->n > room)
		a->err = E_RANGE;
	efs_head(a);
	wr_le32(a->w, a->err ? UINT32_MAX : (uint32_t)f->n);
	wr_le32(a->w, a->err);
	wr_bytes(a->w, a->p + 12, 2);
	if (!a->err)
		wr_bytes(a->w, f->data, f->n);
	return 0;
}
