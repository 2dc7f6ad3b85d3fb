/* Paths and walks over the index of efs2_db.c. */
#include "image/efs2_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_self_or_parent(const struct efs2_ent *t)
{
	return t->name_len == 0 || (t->name_len == 1 && t->name[0] == 0);
}

static bool must_escape(uint8_t c)
{
	return c < 0x20 || c == 0x7f || c == '/' || c == '%';
}

/* Appends '/' and the escaped name; false when it does not fit. */
static bool put_name(char *path, size_t cap, size_t *len, const struct efs2_ent *t)
{
	struct writer w = writer_of(path + *len, cap - *len - 1);
	bool dots =
		t->name_len <= 2 && t->name[0] == '.' && (t->name_len == 1 || t->name[1] == '.');
	unsigned i;

	wr_u8(&w, '/');
	for (i = 0; i < t->name_len; i++) {
		if (dots || must_escape(t->name[i]))
			wr_fmt(&w, "%%%02X", t->name[i]);
		else
			wr_u8(&w, t->name[i]);
	}
	if (w.overflow) {
		path[*len] = '\0';
		return false;
	}
	*len += w.n;
	path[*len] = '\0';
	return true;
}

/* One path component into bytes. False when it is no name. */
static bool unescape(const char *p, size_t n, uint8_t *out, size_t *ret_n)
{
	size_t i, k = 0;

	for (i = 0; i < n; i++) {
		if (k == 255)
			return false;
		if (p[i] == '%') {
			char hex[3] = { 0 };
			struct err why = ERR_INIT;
			size_t one;

			if (n - i < 3)
				return false;
			memcpy(hex, p + i + 1, 2);
			if (hex_decode(hex, out + k, 1, &one, &why) < 0 || one != 1)
				return false;
			i += 2;
		} else {
			out[k] = (uint8_t)p[i];
		}
		k++;
	}
	*ret_n = k;
	return true;
}

static int no_entry(const char *path, int errnum, struct err *e)
{
	return err_set_code(e, ERR_REFUSED, errnum, "'%s' %s in the image", path,
			    errnum == ENOTDIR ? "is not a directory" : "does not exist");
}

/* "/%lost/0000012a/..." begins at a directory named by inode number. */
static bool lost_start(const char **path, uint32_t *ret_inode)
{
	static const char prefix[] = EFS2_LOST "/";
	char *end;
	unsigned long v;

	if (strncmp(*path, prefix, sizeof(prefix) - 1) != 0)
		return false;
	v = strtoul(*path + sizeof(prefix) - 1, &end, 16);
	if (end != *path + sizeof(prefix) - 1 + 8 || (*end && *end != '/') || v > UINT32_MAX)
		return false;
	*path = end;
	*ret_inode = (uint32_t)v;
	return true;
}

int efs2_stat(struct efs2 *fs, const char *path, struct efs2_stat *ret, struct err *e)
{
	const char *p = path, *end;
	struct efs2_stat st = { 0 };
	uint8_t name[256];
	size_t n, i;
	uint32_t inode = fs->root;

	if (p[0] != '/')
		return err_set(e, ERR_USAGE, "'%s' does not begin with '/'", path);
	if (lost_start(&p, &inode)) {
		if (efs2_dir_first(fs, inode) == fs->n_ent)
			return no_entry(path, ENOENT, e);
		if (efs2_stat_lost(fs, inode, &st, e) < 0)
			return -1;
	} else if (efs2_stat_root(fs, &st, e) < 0) {
		return -1;
	}
	for (; *p; p = end) {
		p += strspn(p, "/");
		end = p + strcspn(p, "/");
		if (end == p || (end - p == 1 && *p == '.'))
			continue;
		if (st.type != EFS2_DIR)
			return no_entry(path, ENOTDIR, e);
		if ((end - p == 2 && memcmp(p, "..", 2) == 0) ||
		    !unescape(p, (size_t)(end - p), name, &n) || (n == 1 && name[0] == 0))
			return no_entry(path, ENOENT, e);
		i = efs2_dir_find(fs, inode, name, n);
		if (i == fs->n_ent)
			return no_entry(path, ENOENT, e);
		if (efs2_stat_entry(fs, i, &st, e) < 0)
			return -1;
		inode = fs->ent[i].inode;
	}
	*ret = st;
	return 0;
}

struct frame {
	size_t next; /* entry */
	uint32_t inode;
	size_t path_len;
};

struct efs2_walk {
	struct efs2 *fs;
	bool recurse, with_lost;
	unsigned lost_pass; /* 0: directories that no entry names; 1: those that are in a circle */
	size_t lost_next;
	uint8_t *entered, *named; /* bit per entry that is a directory's first */
	unsigned depth;
	struct frame stack[EFS2_MAX_DEPTH];
	char path[EFS2_PATH_MAX];
};

static bool enter(struct efs2_walk *w, uint32_t inode, size_t path_len)
{
	size_t first = efs2_dir_first(w->fs, inode);

	if (first == w->fs->n_ent || efs2_bit(w->entered, first) || w->depth == EFS2_MAX_DEPTH)
		return false;
	efs2_bit_put(w->entered, first);
	w->stack[w->depth++] = (struct frame){ first, inode, path_len };
	return true;
}

int efs2_walk_open(struct efs2 *fs, const char *top, bool recurse, struct efs2_walk **ret,
		   struct err *e)
{
	struct efs2_stat st;
	struct efs2_walk *w;
	size_t n = strlen(top), i, first;

	if (efs2_stat(fs, top, &st, e) < 0)
		return -1;
	if (st.type != EFS2_DIR)
		return no_entry(top, ENOTDIR, e);
	while (n && top[n - 1] == '/')
		n--;
	if (n >= EFS2_PATH_MAX)
		return err_set(e, ERR_USAGE, "path of %zu bytes, more than %d", n, EFS2_PATH_MAX);
	w = calloc(1, sizeof(*w));
	if (!w)
		return err_nomem(e);
	w->fs = fs;
	w->recurse = recurse;
	w->with_lost = recurse && n == 0;
	w->entered = calloc(fs->n_ent / 8 + 1, 1);
	w->named = calloc(fs->n_ent / 8 + 1, 1);
	if (!w->entered || !w->named) {
		efs2_walk_close(w);
		return err_nomem(e);
	}
	memcpy(w->path, top, n);
	for (i = 0; w->with_lost && i < fs->n_ent; i++) {
		if (fs->ent[i].tag != 'i' || is_self_or_parent(&fs->ent[i]))
			continue;
		first = efs2_dir_first(fs, fs->ent[i].inode);
		if (first != fs->n_ent)
			efs2_bit_put(w->named, first);
	}
	if (n || fs->root_known)
		enter(w, st.inode, n);
	*ret = w;
	return 0;
}

void efs2_walk_close(struct efs2_walk *w)
{
	if (!w)
		return;
	free(w->entered);
	free(w->named);
	free(w);
}

/* The next directory that nothing led to; false when there is none. */
static bool next_lost(struct efs2_walk *w)
{
	struct efs2 *fs = w->fs;

	if (!w->with_lost)
		return false;
	for (; w->lost_pass < 2; w->lost_pass++, w->lost_next = 0) {
		for (; w->lost_next < fs->n_ent; w->lost_next++) {
			size_t i = w->lost_next;
			uint32_t inode = fs->ent[i].parent;

			if (i && fs->ent[i - 1].parent == inode)
				continue;
			if (efs2_bit(w->entered, i) || (w->lost_pass == 0 && efs2_bit(w->named, i)))
				continue;
			snprintf(w->path, sizeof(w->path), "%s/%08" PRIx32, EFS2_LOST, inode);
			return enter(w, inode, strlen(w->path));
		}
	}
	return false;
}

int efs2_walk_next(struct efs2_walk *w, const char **ret_path, struct efs2_stat *ret, struct err *e)
{
	struct efs2 *fs = w->fs;

	for (;;) {
		struct frame *f;
		const struct efs2_ent *t;
		size_t len, i;

		if (w->depth == 0) {
			if (!next_lost(w)) {
				*ret_path = NULL;
				return 0;
			}
			if (efs2_stat_lost(fs, w->stack[0].inode, ret, e) < 0)
				return -1;
			*ret_path = w->path;
			return 0;
		}
		f = &w->stack[w->depth - 1];
		i = f->next;
		if (i >= fs->n_ent || fs->ent[i].parent != f->inode) {
			w->depth--;
			continue;
		}
		f->next++;
		t = &fs->ent[i];
		if (is_self_or_parent(t))
			continue;
		len = f->path_len;
		if (!put_name(w->path, sizeof(w->path), &len, t)) {
			/* Too long a path: named from its directory's inode, which always fits. The
			 * frame goes on from there, for its own path is cut now. */
			snprintf(w->path, sizeof(w->path), "%s/%08" PRIx32, EFS2_LOST, f->inode);
			f->path_len = len = strlen(w->path);
			if (!put_name(w->path, sizeof(w->path), &len, t))
				return err_set(e, ERR_BUG, "a name of %u bytes does not fit",
					       t->name_len);
		}
		if (efs2_stat_entry(fs, i, ret, e) < 0)
			return -1;
		if (w->recurse && ret->type == EFS2_DIR)
			enter(w, t->inode, len);
		*ret_path = w->path;
		return 0;
	}
}

int efs2_census(struct efs2 *fs, struct efs2_census *ret, struct err *e)
{
	struct efs2_census n = { 0 };
	struct efs2_walk *w;
	struct efs2_stat st;
	const char *path;
	int r;

	if (efs2_walk_open(fs, "/", true, &w, e) < 0)
		return -1;
	while ((r = efs2_walk_next(w, &path, &st, e)) == 0 && path) {
		n.lost += strncmp(path, EFS2_LOST "/", sizeof(EFS2_LOST)) == 0;
		if (st.type == EFS2_DIR) {
			n.dirs++;
			continue;
		}
		n.verdict[st.verdict]++;
		n.bytes += st.size;
		n.items += st.type == EFS2_ITEM;
		n.links += st.type == EFS2_LINK;
		n.files += st.type == EFS2_REG || st.type == EFS2_OTHER;
	}
	efs2_walk_close(w);
	if (r == 0)
		*ret = n;
	return r;
}
