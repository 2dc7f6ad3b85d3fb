/*
 * header -> DIFAT -> list of FAT sectors -> chains:
 *	the directory's -> entries -> tree
 *	the mini FAT's, and the root entry's, which is the mini stream
 *	one a stream, in sectors or mini sectors
 *
 * What is read lives in `struct cfb`; each sector and mini sector that a chain takes is marked.
 */
#include "image/qcn.h"

#include "base/cleanup.h"
#include "image/cfb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sectors_list {
	uint32_t *v;
	size_t n, cap;
};

struct cfb {
	struct slice file;
	unsigned shift;     /* 9 or 12 */
	size_t sector;      /* bytes */
	uint32_t n_sectors; /* whole ones behind the header */
	bool is_v4;
	uint32_t first_dir, first_mini_fat, first_difat;
	struct sectors_list fat, dir, mini_fat, mini;
	uint64_t mini_size;          /* of the mini stream, bytes */
	uint8_t *taken, *mini_taken; /* one bit a sector */
	struct qfindings *findings;
};

struct entry {
	struct cfb_name name;
	uint8_t type;
	uint32_t left, right, child, start;
	uint64_t created, modified, size;
};

static void cfb_fini(struct cfb *c)
{
	free(c->fat.v);
	free(c->dir.v);
	free(c->mini_fat.v);
	free(c->mini.v);
	free(c->taken);
	free(c->mini_taken);
}

static int list_add(struct sectors_list *l, uint32_t s, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		uint32_t *v = realloc(l->v, cap * sizeof(*v));

		if (!v)
			return err_nomem(e);
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
	return 0;
}

static uint64_t sector_off(const struct cfb *c, uint32_t s)
{
	/* The header fills a whole sector, also where sectors are 4096 bytes. */
	return ((uint64_t)s + 1) << c->shift;
}

static const uint8_t *sector_at(const struct cfb *c, uint32_t s)
{
	return c->file.p + sector_off(c, s);
}

/* Marks sector s; it may belong to one chain only, which also ends every loop. */
static int take(const struct cfb *c, uint32_t s, const char *what, struct err *e)
{
	if (s >= c->n_sectors)
		return err_set(
			e, ERR_PROTO,
			"%s: sector %u is not in the file, which has %u: it is cut or damaged",
			what, s, c->n_sectors);
	if (c->taken[s / 8] & 1u << s % 8)
		return err_set(e, ERR_PROTO, "%s: sector %u is used twice", what, s);
	c->taken[s / 8] = (uint8_t)(c->taken[s / 8] | 1u << s % 8);
	return 0;
}

/* What follows sector s in its chain. */
static int fat_next(const struct cfb *c, uint32_t s, const char *what, uint32_t *ret, struct err *e)
{
	size_t per = c->sector / 4;

	if (s / per >= c->fat.n)
		return err_set(e, ERR_PROTO, "%s: sector %u is past the allocation table", what, s);
	*ret = get_le32(sector_at(c, c->fat.v[s / per]) + s % per * 4);
	return 0;
}

/* A chain up to its end mark. */
static int chain_load(const struct cfb *c, uint32_t start, const char *what,
		      struct sectors_list *ret, struct err *e)
{
	uint32_t s = start;

	while (s != CFB_END) {
		if (take(c, s, what, e) < 0 || list_add(ret, s, e) < 0 ||
		    fat_next(c, s, what, &s, e) < 0)
			return -1;
	}
	return 0;
}

static int header_parse(struct cfb *c, uint32_t *ret_n_fat, struct err *e)
{
	struct cursor h = cursor_of(c->file);
	uint16_t major, order, shift, mini_shift;
	uint32_t cutoff;

	if (c->file.n < CFB_HEADER || memcmp(c->file.p, CFB_SIGNATURE, 8) != 0) {
		if (slice_all(c->file, 0))
			return err_set(e, ERR_MISMATCH,
				       c->file.n ? "the file holds nothing but zeros"
						 : "the file is empty");
		return err_set(e, ERR_MISMATCH, "not a QCN: no compound file signature");
	}
	rd_skip(&h, 26);
	major = rd_le16(&h);
	order = rd_le16(&h);
	shift = rd_le16(&h);
	mini_shift = rd_le16(&h);
	rd_skip(&h, 10); /* reserved, number of directory sectors */
	*ret_n_fat = rd_le32(&h);
	c->first_dir = rd_le32(&h);
	rd_skip(&h, 4);
	cutoff = rd_le32(&h);
	c->first_mini_fat = rd_le32(&h);
	rd_skip(&h, 4);
	c->first_difat = rd_le32(&h);
	if (order != 0xFFFE || (major != 3 && major != 4) || shift != (major == 3 ? 9 : 12) ||
	    mini_shift != 6 || cutoff != CFB_MINI_CUTOFF)
		return err_set(
			e, ERR_PROTO,
			"compound file version %u with sectors of 2^%u and 2^%u bytes and a limit "
			"of %u: only version 3 with 2^9 or 4 with 2^12, 2^6 and 4096 exist",
			major, shift, mini_shift, cutoff);
	c->is_v4 = major == 4;
	c->shift = shift;
	c->sector = (size_t)1 << shift;
	return 0;
}

/* The FAT's own sectors: 109 in the header, the others in a chain of DIFAT sectors. */
static int difat_load(struct cfb *c, uint32_t n_fat, struct err *e)
{
	const uint8_t *list = c->file.p + 76;
	size_t room = CFB_HEADER_FATS, i = 0;
	uint32_t difat = c->first_difat;

	if (n_fat > c->n_sectors)
		return err_set(e, ERR_PROTO,
			       "the header tells of %u allocation sectors, the file has %u "
			       "in all: it is cut or damaged",
			       n_fat, c->n_sectors);
	while (c->fat.n < n_fat) {
		uint32_t s;

		if (i == room) {
			if (take(c, difat, "list of allocation sectors", e) < 0)
				return -1;
			list = sector_at(c, difat);
			room = c->sector / 4 - 1;
			difat = get_le32(list + 4 * room);
			i = 0;
		}
		s = get_le32(list + 4 * i++);
		if (take(c, s, "allocation table", e) < 0 || list_add(&c->fat, s, e) < 0)
			return -1;
	}
	return 0;
}

static void entry_parse(const struct cfb *c, uint32_t id, struct entry *ret)
{
	size_t per = c->sector / CFB_ENTRY;
	const uint8_t *p = sector_at(c, c->dir.v[id / per]) + id % per * CFB_ENTRY;
	struct cursor d = cursor_of(SLICE(p, CFB_ENTRY));
	unsigned i, bytes;

	*ret = (struct entry){ 0 };
	for (i = 0; i < 32; i++)
		ret->name.u[i] = rd_le16(&d);
	bytes = rd_le16(&d);
	ret->name.n = bytes >= 2 && bytes <= 64 ? bytes / 2 - 1 : 0;
	ret->type = rd_u8(&d);
	rd_skip(&d, 1);
	ret->left = rd_le32(&d);
	ret->right = rd_le32(&d);
	ret->child = rd_le32(&d);
	rd_skip(&d, 20); /* class id, state bits */
	ret->created = rd_le64(&d);
	ret->modified = rd_le64(&d);
	ret->start = rd_le32(&d);
	ret->size = rd_le64(&d);
	/* Some writers leave rubbish in the upper half, which version 3 does not have. */
	if (!c->is_v4)
		ret->size &= 0xFFFFFFFF;
}

static uint32_t n_entries(const struct cfb *c)
{
	return (uint32_t)(c->dir.n * (c->sector / CFB_ENTRY));
}

static int mini_load(struct cfb *c, const struct entry *root, struct err *e)
{
	uint64_t units;

	c->mini_size = root->size;
	if (root->size == 0)
		return 0;
	if (chain_load(c, root->start, "mini stream", &c->mini, e) < 0 ||
	    chain_load(c, c->first_mini_fat, "mini allocation table", &c->mini_fat, e) < 0)
		return -1;
	if (root->size > (uint64_t)c->mini.n << c->shift)
		return err_set(e, ERR_PROTO,
			       "the mini stream has %" PRIu64 " bytes, its %zu sectors do "
			       "not",
			       root->size, c->mini.n);
	units = (root->size + CFB_MINI - 1) / CFB_MINI;
	c->mini_taken = calloc(1, (size_t)(units / 8 + 1));
	return c->mini_taken ? 0 : err_nomem(e);
}

static int cfb_open(struct cfb *c, struct slice file, struct qfindings *findings, struct err *e)
{
	struct entry root;
	uint32_t n_fat = 0;
	uint64_t n;

	*c = (struct cfb){ .file = file, .findings = findings };
	if (header_parse(c, &n_fat, e) < 0)
		return -1;
	n = file.n >> c->shift;
	if (n > CFB_MAX_SECTOR)
		return err_set(e, ERR_UNSUPPORTED, "a compound file of more than 2^32 sectors");
	c->n_sectors = n ? (uint32_t)(n - 1) : 0;
	if (file.n & (c->sector - 1))
		qfindings_add(findings, QFINDING_WARNING, "cut-sector", "end of the file",
			      "the file does not end with a whole sector of %zu bytes", c->sector);
	c->taken = calloc(1, c->n_sectors / 8 + 1);
	if (!c->taken)
		return err_nomem(e);
	if (difat_load(c, n_fat, e) < 0 || chain_load(c, c->first_dir, "directory", &c->dir, e) < 0)
		return -1;
	if (c->dir.n == 0)
		return err_set(e, ERR_PROTO, "the compound file has no directory");
	entry_parse(c, 0, &root);
	if (root.type != CFB_ROOT)
		return err_set(e, ERR_PROTO, "the directory does not begin with its root");
	return mini_load(c, &root, e);
}

/* Told where the bytes of a stream lie in the file, piece by piece. */
struct pieces {
	int (*piece)(struct pieces *, uint64_t off, size_t n, struct err *e);
};

static int pieces_mini(const struct cfb *c, const struct entry *x, struct pieces *to, struct err *e)
{
	size_t per = c->sector / 4, left = (size_t)x->size;
	uint32_t m = x->start;

	while (left) {
		size_t n = MIN_OF(left, (size_t)CFB_MINI);
		uint64_t at = (uint64_t)m * CFB_MINI, off;

		if (m >= CFB_MAX_SECTOR || at + n > c->mini_size || m / per >= c->mini_fat.n)
			return err_set(e, ERR_PROTO, "mini sector %u is past the mini stream", m);
		if (c->mini_taken[m / 8] & 1u << m % 8)
			return err_set(e, ERR_PROTO, "mini sector %u is used twice", m);
		c->mini_taken[m / 8] = (uint8_t)(c->mini_taken[m / 8] | 1u << m % 8);
		off = sector_off(c, c->mini.v[at >> c->shift]) + (at & (c->sector - 1));
		if (to->piece(to, off, n, e) < 0)
			return -1;
		left -= n;
		m = get_le32(sector_at(c, c->mini_fat.v[m / per]) + m % per * 4);
	}
	return m == CFB_END ? 0
			    : err_set(e, ERR_PROTO, "its chain goes on past its %" PRIu64 " bytes",
				      x->size);
}

static int pieces_of(const struct cfb *c, const struct entry *x, struct pieces *to, struct err *e)
{
	size_t left;
	uint32_t s = x->start;

	if (x->size == 0)
		return 0;
	if (x->size > c->file.n)
		return err_set(e, ERR_PROTO,
			       "its size of %" PRIu64 " bytes is more than the file's %zu", x->size,
			       c->file.n);
	if (x->size < CFB_MINI_CUTOFF)
		return pieces_mini(c, x, to, e);
	for (left = (size_t)x->size; left;) {
		size_t n = MIN_OF(left, c->sector);

		if (take(c, s, "its chain", e) < 0 || to->piece(to, sector_off(c, s), n, e) < 0 ||
		    fat_next(c, s, "its chain", &s, e) < 0)
			return -1;
		left -= n;
	}
	return s == CFB_END ? 0
			    : err_set(e, ERR_PROTO, "its chain goes on past its %" PRIu64 " bytes",
				      x->size);
}

struct to_node {
	struct pieces pieces;
	const struct cfb *c;
	struct qtree *t;
	struct qnode *node;
};

static int piece_to_node(struct pieces *p, uint64_t off, size_t n, struct err *e)
{
	struct to_node *to = container_of(p, struct to_node, pieces);

	return qtree_append(to->t, to->node, SLICE(to->c->file.p + off, n), e);
}

/* An entry that waits for its turn, and the siblings between which its name has to lie: whoever
 * looks a name up goes by that order. */
struct todo {
	uint32_t id, low, high;
	struct qnode *parent;
};

struct walk {
	const struct cfb *c;
	struct qtree *t;
	struct todo *todo; /* as many as there are entries: each is put there once */
	uint8_t *seen;
	size_t n;
	bool unordered;
};

static int push(struct walk *w, uint32_t id, uint32_t low, uint32_t high, struct qnode *parent,
		struct err *e)
{
	if (id == CFB_NO_ENTRY)
		return 0;
	if (id >= n_entries(w->c))
		return err_set(e, ERR_PROTO, "directory entry %u of %u", id, n_entries(w->c));
	if (w->seen[id / 8] & 1u << id % 8)
		return err_set(e, ERR_PROTO, "directory entry %u is in the tree twice", id);
	w->seen[id / 8] = (uint8_t)(w->seen[id / 8] | 1u << id % 8);
	w->todo[w->n++] = (struct todo){ id, low, high, parent };
	return 0;
}

static bool in_order(const struct walk *w, const struct todo *at, const struct entry *x)
{
	struct entry other;

	if (at->low != CFB_NO_ENTRY) {
		entry_parse(w->c, at->low, &other);
		if (cfb_name_cmp(&other.name, &x->name) >= 0)
			return false;
	}
	if (at->high != CFB_NO_ENTRY) {
		entry_parse(w->c, at->high, &other);
		if (cfb_name_cmp(&x->name, &other.name) >= 0)
			return false;
	}
	return true;
}

static int visit(struct walk *w, const struct todo *at, struct err *e)
{
	char name[3 * CFB_NAME_UNITS + 1], where[112];
	struct to_node to = { { piece_to_node }, w->c, w->t, NULL };
	struct cfb_name again;
	struct entry x;

	entry_parse(w->c, at->id, &x);
	if ((x.type != CFB_STORAGE && x.type != CFB_STREAM) || x.name.n == 0)
		return err_set(e, ERR_PROTO, "directory entry %u is neither storage nor stream",
			       at->id);
	if (cfb_name_text(&x.name, name, e) < 0 || cfb_name_from(name, &again, e) < 0 ||
	    qtree_add(w->t, at->parent, x.type == CFB_STORAGE ? QNODE_STORAGE : QNODE_STREAM,
		      SLICE(name, strlen(name)), &to.node, e) < 0)
		return err_prefix(e, "directory entry %u", at->id);
	to.node->src = at->id;
	if (!in_order(w, at, &x))
		w->unordered = true;
	if (push(w, x.left, at->low, at->id, at->parent, e) < 0 ||
	    push(w, x.right, at->id, at->high, at->parent, e) < 0)
		return -1;
	if (x.type == CFB_STORAGE) {
		to.node->created = x.created;
		to.node->modified = x.modified;
		return push(w, x.child, CFB_NO_ENTRY, CFB_NO_ENTRY, to.node, e);
	}
	if (pieces_of(w->c, &x, &to.pieces, e) < 0) {
		qnode_path(to.node, where, sizeof(where));
		return err_prefix(e, "'%s'", where);
	}
	return 0;
}

static int tree_walk(struct walk *w, struct err *e)
{
	struct entry root;
	struct qnode *top;

	entry_parse(w->c, 0, &root);
	w->seen[0] = 1;
	if (qtree_add(w->t, NULL, QNODE_STORAGE, SLICE("", 0), &top, e) < 0)
		return -1;
	top->modified = root.modified;
	if (push(w, root.child, CFB_NO_ENTRY, CFB_NO_ENTRY, top, e) < 0)
		return -1;
	while (w->n) {
		struct todo at = w->todo[--w->n];

		if (visit(w, &at, e) < 0)
			return -1;
	}
	return 0;
}

/* Where QPST puts it within its storage; what it does not write itself comes behind. */
static int rank(const struct qnode *node)
{
	static const char *const order[] = {
		"NV_NUMBERED_ITEMS", "EFS_Backup",           "Provisioning_Item_Files",
		"NV_Items",          "Mobile_Property_Info", "Feature_Mask",
	};
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(order); i++) {
		if (strcmp(node->name, order[i]) == 0)
			return i;
	}
	return i;
}

static int by_qpst(const struct qnode *a, const struct qnode *b)
{
	struct cfb_name na, nb;
	struct err e;

	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	/* visit() has seen to it that they are names of a compound file. */
	if (cfb_name_from(a->name, &na, &e) < 0 || cfb_name_from(b->name, &nb, &e) < 0)
		return strcmp(a->name, b->name);
	return cfb_name_cmp(&na, &nb);
}

static int finish(const struct walk *w, struct err *e)
{
	struct qnode *node;

	for (node = w->t->root; node; node = qnode_walk(node)) {
		if (node->kind != QNODE_STORAGE)
			continue;
		if (qnode_check_names(node, e) < 0)
			return -1;
		qnode_order(node, by_qpst);
	}
	if (w->unordered)
		qfindings_add(
			w->c->findings, QFINDING_WARNING, "unordered-directory", "directory",
			"its names are not in the order by which they are looked up: QPST may "
			"not find all of them; write the file anew");
	return 0;
}

int qcn_read(struct slice file, size_t max, struct qtree *ret, struct qfindings *findings,
	     struct err *e)
{
	struct cfb c;
	struct qtree t;
	struct walk w = { &c, &t, NULL, NULL, 0, false };
	int r = cfb_open(&c, file, findings, e);

	qtree_init(&t, max);
	if (r == 0) {
		w.todo = calloc(n_entries(&c), sizeof(*w.todo));
		w.seen = calloc(1, n_entries(&c) / 8 + 1);
		r = w.todo && w.seen ? tree_walk(&w, e) : err_nomem(e);
	}
	if (r == 0)
		r = finish(&w, e);
	free(w.todo);
	free(w.seen);
	cfb_fini(&c);
	if (r < 0)
		qtree_fini(&t);
	else
		*ret = t;
	return r;
}

struct to_file {
	struct pieces pieces;
	uint8_t *file;
	size_t at; /* within the stream */
	size_t off;
	struct slice bytes;
};

static int piece_to_file(struct pieces *p, uint64_t off, size_t n, _unused_ struct err *e)
{
	struct to_file *to = container_of(p, struct to_file, pieces);
	size_t i;

	for (i = 0; i < n; i++, to->at++) {
		if (to->at >= to->off && to->at - to->off < to->bytes.n)
			to->file[off + i] = to->bytes.p[to->at - to->off];
	}
	return 0;
}

int qcn_poke(uint8_t *file, size_t size, const char *path, size_t off, struct slice bytes,
	     struct err *e)
{
	struct to_file to = { { piece_to_file }, file, 0, off, bytes };
	const struct qnode *stream;
	struct entry x;
	struct qtree t;
	struct cfb c;
	size_t have;
	uint32_t id;
	int r;

	/* The whole file has to be sound before a byte of it changes. */
	if (qcn_read(SLICE(file, size), 0, &t, NULL, e) < 0)
		return -1;
	stream = qtree_stream(&t, path);
	have = stream ? stream->n : 0;
	id = stream ? (uint32_t)stream->src : 0;
	qtree_fini(&t);
	if (!id || off > have || bytes.n > have - off)
		return err_set(e, ERR_MISMATCH, "'%s' has %zu bytes, none at %zu to %zu", path,
			       have, off, off + bytes.n);
	r = cfb_open(&c, SLICE(file, size), NULL, e);
	if (r == 0) {
		entry_parse(&c, id, &x);
		r = pieces_of(&c, &x, &to.pieces, e);
	}
	cfb_fini(&c);
	return r;
}
