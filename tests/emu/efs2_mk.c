/* The tree, the factory forms, and the order in which an image is made. Pages, tables and the
 * journal are in efs2_mk_dev.c. */
#include "tests/emu/efs2_mk_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int efs2_mk_fail(struct mk *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (m->why_n)
		vsnprintf(m->why, m->why_n, fmt, ap);
	va_end(ap);
	return -1;
}

struct efs2_mk_node *efs2_mk_find(const struct efs2_mk_tree *t, const char *path)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp(t->node[i].path, path) == 0)
			return &t->node[i];
	return NULL;
}

/* Without a look for a node of the same path. */
static int append(struct efs2_mk_tree *t, const char *path, enum efs2_mk_type type, uint16_t mode,
		  uint32_t mtime, const void *data, size_t n)
{
	struct efs2_mk_node *x;

	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 64;

		x = realloc(t->node, cap * sizeof(*x));
		if (!x)
			return -1;
		t->node = x;
		t->cap = cap;
	}
	x = &t->node[t->n];
	*x = (struct efs2_mk_node){ strdup(path), type, mode & 07777, mtime, malloc(n ? n : 1), n };
	if (!x->path || !x->data)
		return -1;
	if (n)
		memcpy(x->data, data, n);
	t->n++;
	return 0;
}

int efs2_mk_add(struct efs2_mk_tree *t, const char *path, enum efs2_mk_type type, uint16_t mode,
		uint32_t mtime, const void *data, size_t n)
{
	struct efs2_mk_node *old = efs2_mk_find(t, path);
	const char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return -1;
	if (old) {
		uint8_t *copy = malloc(n ? n : 1);

		if (!copy)
			return -1;
		if (n)
			memcpy(copy, data, n);
		free(old->data);
		*old = (struct efs2_mk_node){ old->path, type, mode & 07777, mtime, copy, n };
		return 0;
	}
	if (slash != path) {
		char *parent = strndup(path, (size_t)(slash - path));
		int r = 0;

		if (!parent)
			return -1;
		if (!efs2_mk_find(t, parent))
			r = efs2_mk_add(t, parent, EFS2_MK_DIR, 0755, mtime, NULL, 0);
		free(parent);
		if (r < 0)
			return -1;
	}
	return append(t, path, type, mode, mtime, data, n);
}

void efs2_mk_fini(struct efs2_mk_tree *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		free(t->node[i].path);
		free(t->node[i].data);
	}
	free(t->node);
	*t = (struct efs2_mk_tree){ 0 };
}

/* One update: the node's content as it is in the tree, into fresh pages. */
static void update(struct mk *m, size_t node, unsigned count)
{
	const struct efs2_mk_node *n = &m->t->node[node];
	const struct mk_obj *o = &m->obj[node];
	uint8_t *p = malloc(m->ps);
	uint32_t i;

	if (!p) {
		m->failed = true;
		return;
	}
	memcpy(p, efs2_mk_at(m, o->cluster), m->ps);
	for (i = 0; i < n->n && i < m->ps; i++)
		p[o->inode ? i : o->value_at + i] = n->data[i];
	efs2_mk_move(m, o->cluster, p, count % 3 == 2);
	if (o->inode) {
		/* The inode's page moves with it, unchanged: no field depends on where content is.
		 */
		uint32_t len = m->old ? 60 : 128, per = 1;

		while (2 * per * len <= m->ps)
			per *= 2;
		memcpy(p, efs2_mk_at(m, o->inode / per), m->ps);
		efs2_mk_move(m, o->inode / per, p, false);
	}
	free(p);
}

static void run_updates(struct mk *m)
{
	unsigned checkpoints = m->o->checkpoints ? m->o->checkpoints : 1, count = 0;
	unsigned per = m->o->per_checkpoint ? m->o->per_checkpoint : 3;
	size_t i, last = 0;

	efs2_mk_checkpoint(m);
	for (i = 0; i < m->t->n && !m->failed; i++) {
		if (!efs2_mk_is_updated(m, i))
			continue;
		update(m, i, count);
		efs2_mk_flush(m);
		last = i;
		if (++count % per == 0 && count / per < checkpoints)
			efs2_mk_checkpoint(m);
	}
	for (i = count / per; i + 1 < checkpoints && !m->failed; i++)
		efs2_mk_checkpoint(m);
	if (m->o->move_root && !m->failed) {
		uint32_t root = efs2_mk_renumber(m, m->upper[2]);

		if (m->obj[last].cluster == m->upper[2])
			m->obj[last].cluster = root;
		m->upper[2] = root;
		efs2_mk_entry(m, 7, 2, 2, root, 0);
		efs2_mk_junk(m, true);
		efs2_mk_entry(m, 17, 1, m->log_page, 0, 0);
		efs2_mk_flush(m);
	}
	if (m->o->move_tables && !m->failed) {
		efs2_mk_move_tables(m, m->upper[2]);
		efs2_mk_flush(m);
	}
	for (i = 0; i < m->o->unaccounted && !m->failed; i++)
		efs2_mk_junk(m, false);
}

static void hand_over(struct mk *m, struct efs2_mk_image *ret)
{
	*ret = (struct efs2_mk_image){ m->img, m->role, m->npages, m->ps };
	m->img = m->role = NULL;
}

int efs2_mk_image(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
		  struct efs2_mk_image *ret, char *why, size_t why_n)
{
	struct mk m = { .t = t, .o = o, .why = why, .why_n = why_n };
	int r = -1;

	if (efs2_mk_dev_init(&m) == 0 && efs2_mk_content(&m, true) == 0 &&
	    efs2_mk_directory(&m, true) == 0) {
		run_updates(&m);
		r = m.failed ? -1 : 0;
	}
	if (r == 0)
		hand_over(&m, ret);
	efs2_mk_dev_fini(&m);
	return r;
}

/* efs2-flash.md section 9. */
static int pack(struct mk *m, unsigned format, bool with_header, struct efs2_mk_image *ret)
{
	uint32_t map_pages = (m->npages + 8 * m->ps - 1) / (8 * m->ps), c, n = 1 + map_pages, out;
	uint8_t *d, *map;
	uint32_t i;

	for (c = 0; c < m->npages; c++)
		n += m->fwd[c] != MK_NONE;
	*ret = (struct efs2_mk_image){ malloc((size_t)n * m->ps), calloc(n, 1), n, m->ps };
	if (!ret->bytes || !ret->role)
		return efs2_mk_fail(m, "no memory");
	d = ret->bytes;
	map = d + m->ps;
	memset(d, 0, m->ps);
	memset(map, format >= 3 ? 0xff : 0, (size_t)map_pages * m->ps);
	memset(ret->role, EFS2_MK_CEFS, 1 + map_pages);
	if (with_header) {
		mk32(d, 0x53000000);
		d += 4;
	}
	mk32(d, 0x34856787);
	mk32(d + 4, 0x92347759);
	mk16(d + 8, format);
	mk16(d + 10, m->version);
	mk32(d + 12, m->ppb);
	mk32(d + 16, m->ps);
	mk32(d + 20, m->blocks);
	mk32(d + 24, m->npages);
	for (i = 0; i < (m->old ? 7u : 32u); i++)
		mk32(d + 28 + 4 * i, m->upper[i]);
	/* Formats 3 and 4 count descriptor and bitmap as the first used clusters. */
	for (c = 0, out = 1 + map_pages; c < m->npages; c++) {
		bool used = m->fwd[c] != MK_NONE;

		if (used) {
			memcpy(ret->bytes + (size_t)out * m->ps, efs2_mk_at(m, c), m->ps);
			ret->role[out++] = m->role[m->fwd[c]];
		}
		if (format >= 3 && (used || c < 1 + map_pages))
			map[c / 8] &= (uint8_t) ~(1u << c % 8);
		else if (format < 3 && used)
			map[c / 8] |= (uint8_t)(0x80 >> c % 8);
	}
	return 0;
}

int efs2_mk_cefs(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o, unsigned format,
		 bool with_header, struct efs2_mk_image *ret, char *why, size_t why_n)
{
	struct mk m = { .t = t, .o = o, .why = why, .why_n = why_n };
	int r = -1;

	if (efs2_mk_dev_init(&m) == 0 && efs2_mk_content(&m, false) == 0 &&
	    efs2_mk_directory(&m, false) == 0)
		r = pack(&m, format, with_header, ret);
	efs2_mk_dev_fini(&m);
	return r;
}

int efs2_mk_backup(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
		   struct efs2_mk_image *ret, char *why, size_t why_n)
{
	struct efs2_mk_image in;
	uint32_t crc = 0, i, k, bit;

	if (efs2_mk_cefs(t, o, 3, false, &in, why, why_n) < 0)
		return -1;
	*ret = (struct efs2_mk_image){ calloc(in.pages + 1, in.page_size), calloc(in.pages + 1, 1),
				       in.pages + 1, in.page_size };
	if (!ret->bytes || !ret->role) {
		efs2_mk_image_fini(&in);
		efs2_mk_image_fini(ret);
		return -1;
	}
	memcpy(ret->bytes + in.page_size, in.bytes, (size_t)in.pages * in.page_size);
	memcpy(ret->role + 1, in.role, in.pages);
	ret->role[0] = EFS2_MK_CEFS;
	for (i = 0; i < in.pages; i++)
		for (k = 0; k < 2048 && k < in.page_size; k++) {
			crc ^= (uint32_t)in.bytes[(size_t)i * in.page_size + k] << 24;
			for (bit = 0; bit < 8; bit++)
				crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
		}
	mk32(ret->bytes, 0x51d24368);
	mk32(ret->bytes + 4, 0x4378ac6e);
	mk32(ret->bytes + 8, in.pages);
	mk32(ret->bytes + 12, crc);
	efs2_mk_image_fini(&in);
	return 0;
}

void efs2_mk_image_fini(struct efs2_mk_image *img)
{
	free(img->bytes);
	free(img->role);
	*img = (struct efs2_mk_image){ 0 };
}
