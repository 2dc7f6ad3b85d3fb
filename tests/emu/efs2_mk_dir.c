/* File content, inodes and the directory database of the maker: efs2-flash.md section 6. */
#include "tests/emu/efs2_mk_int.h"

#include <stdlib.h>
#include <string.h>

#define INLINE_MAX 200

bool efs2_mk_is_inline(const struct efs2_mk_node *n)
{
	return n->type == EFS2_MK_LINK || (n->type == EFS2_MK_ITEM && n->n <= INLINE_MAX);
}

/* Nodes whose content stands in the image in an older form first. */
bool efs2_mk_is_updated(const struct mk *m, size_t node)
{
	const struct efs2_mk_node *n = &m->t->node[node];
	unsigned checkpoints = m->o->checkpoints ? m->o->checkpoints : 1;
	unsigned per = m->o->per_checkpoint ? m->o->per_checkpoint : 3;
	size_t want = (size_t)(checkpoints - 1) * per + m->o->pending, i, have = 0;

	if (n->n == 0 || n->type == EFS2_MK_DIR || n->type == EFS2_MK_LINK)
		return false;
	for (i = 0; i < node && have < want; i++) {
		const struct efs2_mk_node *x = &m->t->node[i];

		have += x->n && x->type != EFS2_MK_DIR && x->type != EFS2_MK_LINK;
	}
	return have < want;
}

/* Puts clusters of the content into a row of cluster numbers, MK_NONE behind the last. */
static uint32_t indirect(struct mk *m, const uint32_t *c, uint32_t n, unsigned level)
{
	uint32_t span = 1, per = m->ps / 4, i, at = 0;
	uint32_t own = efs2_mk_new_cluster(m);
	uint8_t *p = malloc(m->ps);

	if (!p || m->failed) {
		m->failed = true;
		free(p);
		return MK_NONE;
	}
	for (i = 1; i < level; i++)
		span *= per;
	memset(p, 0xff, m->ps);
	for (i = 0; i < per && at < n; i++, at += span)
		mk32(p + 4 * i,
		     level == 1 ? c[at]
				: indirect(m, c + at, n - at < span ? n - at : span, level - 1));
	efs2_mk_put(m, own, p, EFS2_MK_INDIRECT);
	free(p);
	return own;
}

static void put_inode(struct mk *m, uint8_t *p, const struct efs2_mk_node *n, const uint32_t *c,
		      uint32_t nc)
{
	static const uint16_t type[] = { 0100000, 0160000, 0040000, 0120000 };
	uint32_t direct = m->old ? 6 : 13, i, per = m->ps / 4, span = per;
	uint8_t *clusters = p + (m->old ? 24 : 64);
	uint32_t size = n ? (uint32_t)n->n : 0;

	mk16(p, n ? (uint32_t)(type[n->type] | n->mode) : 0040755);
	mk16(p + 2, n && n->type != EFS2_MK_DIR ? 1 : 2);
	mk32(p + (m->old ? 4 : 8), size);
	mk32(p + (m->old ? 12 : 20), nc);
	mk32(p + (m->old ? 16 : 24), n ? n->mtime : 0);
	mk32(p + (m->old ? 20 : 28), n ? n->mtime : 0);
	if (!m->old)
		mk32(p + 32, n ? n->mtime : 0);
	memset(clusters, 0xff, 4 * (direct + 3));
	for (i = 0; i < direct && i < nc; i++)
		mk32(clusters + 4 * i, c[i]);
	for (c += i, nc -= i, i = 0; i < 3 && nc; i++, span *= per) {
		uint32_t part = nc < span ? nc : span;

		mk32(clusters + 4 * (direct + i), indirect(m, c, part, i + 1));
		c += part;
		nc -= part;
	}
}

/* Content of one file, and the row of its clusters. */
static uint32_t *put_data(struct mk *m, const struct efs2_mk_node *n, bool invert, uint32_t *ret_n)
{
	uint32_t nc = (uint32_t)((n->n + m->ps - 1) / m->ps), i, k;
	uint32_t *c = malloc(sizeof(*c) * (nc + 1u));
	uint8_t *p = malloc(m->ps);

	for (i = 0; c && p && i < nc && !m->failed; i++) {
		size_t off = (size_t)i * m->ps, part = n->n - off < m->ps ? n->n - off : m->ps;

		memset(p, 0, m->ps);
		memcpy(p, n->data + off, part);
		for (k = 0; invert && i == 0 && k < part; k++)
			p[k] ^= 0xff;
		c[i] = efs2_mk_new_cluster(m);
		efs2_mk_put(m, c[i], p, EFS2_MK_DATA);
	}
	if (!c || !p)
		m->failed = true;
	free(p);
	*ret_n = nc;
	return c;
}

/* The object of the k-th inode: the root first, then the nodes that are not inline. */
int efs2_mk_content(struct mk *m, bool older)
{
	uint32_t len = m->old ? 60 : 128, per = 1, used, i, nc;
	uint8_t *p = malloc(m->ps);
	size_t k;

	while (2 * per * len <= m->ps)
		per *= 2;
	m->obj = calloc(m->t->n + 1, sizeof(*m->obj));
	m->inode_cluster = calloc(m->t->n / per + 2, sizeof(uint32_t));
	if (!p || !m->obj || !m->inode_cluster) {
		free(p);
		return efs2_mk_fail(m, "no memory");
	}
	/* k counts from the root, which is the object behind the last node. */
	for (k = 0, used = 0; k <= m->t->n && !m->failed; k++) {
		size_t at = k ? k - 1 : m->t->n;

		if (k && efs2_mk_is_inline(&m->t->node[at]))
			continue;
		if (used % per == 0)
			m->inode_cluster[m->n_inode_clusters++] = efs2_mk_new_cluster(m);
		m->obj[at].inode = m->inode_cluster[m->n_inode_clusters - 1] * per + used % per;
		used++;
	}
	for (i = 0; i < m->n_inode_clusters && !m->failed; i++) {
		memset(p, 0, m->ps);
		for (k = 0; k <= m->t->n && !m->failed; k++) {
			const struct efs2_mk_node *n = k < m->t->n ? &m->t->node[k] : NULL;
			uint32_t *c = NULL;

			if (m->obj[k].inode / per != m->inode_cluster[i])
				continue;
			nc = 0;
			if (n && n->type != EFS2_MK_DIR)
				c = put_data(m, n, older && efs2_mk_is_updated(m, k), &nc);
			m->obj[k].cluster = nc ? c[0] : MK_NONE;
			put_inode(m, p + m->obj[k].inode % per * len, n, c, nc);
			free(c);
		}
		efs2_mk_put(m, m->inode_cluster[i], p, EFS2_MK_INODES);
	}
	free(p);
	return m->failed ? -1 : 0;
}

struct entry {
	uint8_t klen, vlen, key[256], value[256];
	size_t node; /* SIZE_MAX for "." and ".." */
};

static int entry_cmp(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = memcmp(a->key, b->key, a->klen < b->klen ? a->klen : b->klen);

	return r ? r : a->klen - b->klen;
}

static void key(struct entry *e, uint32_t parent, const char *name, size_t n)
{
	e->key[0] = 'd';
	mk32(e->key + 1, parent);
	memcpy(e->key + 5, name, n);
	e->klen = (uint8_t)(5 + n);
}

static void value_inode(struct entry *e, uint32_t inode)
{
	e->value[0] = 'i';
	mk32(e->value + 1, inode);
	e->vlen = 5;
}

static void value_inline(struct entry *e, const struct efs2_mk_node *n, bool invert)
{
	size_t head = 3, i;

	if (n->type == EFS2_MK_LINK) {
		e->value[0] = 's';
		head = 1;
	} else if (n->mtime) {
		e->value[0] = 'N';
		mk16(e->value + 1, 0160000u | n->mode);
		mk16(e->value + 3, 0);
		mk32(e->value + 5, n->mtime);
		head = 9;
	} else {
		e->value[0] = 'n';
		mk16(e->value + 1, 0160000u | n->mode);
	}
	for (i = 0; i < n->n; i++)
		e->value[head + i] = invert ? n->data[i] ^ 0xff : n->data[i];
	e->vlen = (uint8_t)(head + n->n);
}

static int list_entries(struct mk *m, bool older, struct entry **ret, size_t *ret_n)
{
	struct entry *e = calloc(3 * m->t->n + 2, sizeof(*e));
	size_t i, n = 0, hint = 0;

	if (!e)
		return efs2_mk_fail(m, "no memory");
	for (i = 0; i <= m->t->n; i++) {
		const struct efs2_mk_node *x = i < m->t->n ? &m->t->node[i] : NULL;
		uint32_t parent = m->obj[m->t->n].inode;

		if (x) {
			const char *name = strrchr(x->path, '/') + 1;
			size_t len = (size_t)(name - x->path) - 1, k;

			if (strlen(name) > 200 || (efs2_mk_is_inline(x) && x->n > 240)) {
				free(e);
				return efs2_mk_fail(m, "'%s' is too long", x->path);
			}
			/* Neighbours mostly share their parent. */
			for (k = 0; len && k < m->t->n; k++) {
				size_t at = (hint + k) % m->t->n;

				if (strncmp(m->t->node[at].path, x->path, len) == 0 &&
				    !m->t->node[at].path[len]) {
					parent = m->obj[at].inode;
					hint = at;
					break;
				}
			}
			key(&e[n], parent, name, strlen(name));
			e[n].node = i;
			if (efs2_mk_is_inline(x))
				value_inline(&e[n], x, older && efs2_mk_is_updated(m, i));
			else
				value_inode(&e[n], m->obj[i].inode);
			n++;
		}
		if (!x || x->type == EFS2_MK_DIR) {
			key(&e[n], m->obj[i].inode, "", 0);
			value_inode(&e[n], m->obj[i].inode);
			e[n++].node = SIZE_MAX;
			key(&e[n], m->obj[i].inode, "", 1);
			value_inode(&e[n], parent);
			e[n++].node = SIZE_MAX;
		}
	}
	qsort(e, n, sizeof(*e), entry_cmp);
	*ret = e;
	*ret_n = n;
	return 0;
}

static void node_head(const struct mk *m, uint8_t *p, uint32_t prev, uint32_t next, size_t used,
		      unsigned level)
{
	mk32(p, prev);
	mk32(p + 4, next);
	mk16(p + 8, (uint32_t)used);
	p[m->old ? 10 : 16] = 0;
	p[m->old ? 11 : 17] = (uint8_t)level;
}

/* A level of the tree: for every node its cluster and the first key below it. */
struct row {
	uint32_t cluster;
	const struct entry *first;
};

static size_t put_leaves(struct mk *m, const struct entry *e, size_t n, struct row *row)
{
	uint32_t hdr = m->old ? 12 : 18, prev = MK_NONE, own = efs2_mk_new_cluster(m), next;
	uint8_t *p = malloc(m->ps);
	size_t i = 0, rows = 0;

	while (p && i < n && !m->failed) {
		size_t off = hdr;

		row[rows++] = (struct row){ own, &e[i] };
		memset(p, 0, m->ps);
		for (; i < n && off + 2 + e[i].klen + e[i].vlen <= m->ps; i++) {
			p[off] = e[i].klen;
			p[off + 1] = e[i].vlen;
			memcpy(p + off + 2, e[i].key, e[i].klen);
			memcpy(p + off + 2 + e[i].klen, e[i].value, e[i].vlen);
			if (e[i].node != SIZE_MAX && e[i].value[0] != 'i') {
				m->obj[e[i].node].cluster = own;
				m->obj[e[i].node].value_at =
					(uint32_t)(off + 2 + e[i].klen +
						   (e[i].value[0] == 'n'   ? 3
						    : e[i].value[0] == 'N' ? 9
									   : 1));
			}
			off += 2u + e[i].klen + e[i].vlen;
		}
		next = i < n ? efs2_mk_new_cluster(m) : MK_NONE;
		node_head(m, p, prev, next, off - hdr, 0);
		efs2_mk_put(m, own, p, EFS2_MK_NODE);
		prev = own;
		own = next;
	}
	free(p);
	return rows;
}

static size_t put_interior(struct mk *m, struct row *row, size_t n, unsigned level)
{
	uint32_t hdr = m->old ? 12 : 18;
	uint8_t *p = malloc(m->ps);
	size_t i = 0, rows = 0;

	while (p && i < n && !m->failed) {
		struct row own = { efs2_mk_new_cluster(m), row[i].first };
		size_t off = hdr + 4;

		memset(p, 0, m->ps);
		mk32(p + hdr, row[i++].cluster);
		for (; i < n && off + 5 + row[i].first->klen <= m->ps; i++) {
			p[off] = row[i].first->klen;
			memcpy(p + off + 1, row[i].first->key, row[i].first->klen);
			mk32(p + off + 1 + row[i].first->klen, row[i].cluster);
			off += 5u + row[i].first->klen;
		}
		node_head(m, p, MK_NONE, MK_NONE, off - hdr, level);
		efs2_mk_put(m, own.cluster, p, EFS2_MK_NODE);
		row[rows++] = own;
	}
	free(p);
	return rows;
}

int efs2_mk_directory(struct mk *m, bool older)
{
	struct entry *e = NULL;
	struct row *row;
	uint8_t *p;
	size_t n = 0, rows;
	unsigned level = 0;

	if (list_entries(m, older, &e, &n) < 0)
		return -1;
	row = malloc(sizeof(*row) * (n + 1));
	p = calloc(1, m->ps);
	if (!row || !p) {
		m->failed = true;
		efs2_mk_fail(m, "no memory");
	} else {
		rows = put_leaves(m, e, n, row);
		while (rows > 1 && !m->failed)
			rows = put_interior(m, row, rows, ++level);
		m->upper[2] = row[0].cluster;
		m->upper[3] = efs2_mk_new_cluster(m);
		mk32(p, 0xa7b93ea0);
		mk32(p + 4, 1);
		mk32(p + 20, m->obj[m->t->n].inode);
		efs2_mk_put(m, m->upper[3], p, EFS2_MK_INFO);
		m->upper[0] = m->upper[1] = MK_NONE;
		m->upper[4] = m->next_cluster;
	}
	free(row);
	free(p);
	free(e);
	return m->failed ? -1 : 0;
}
