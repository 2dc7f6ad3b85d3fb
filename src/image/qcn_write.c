/*
 * The whole layout is known before the first byte goes out, so the file is written in one pass:
 *
 *   header | streams of 4096 bytes and more | mini stream | directory | mini FAT | FAT | DIFAT
 */
#include "image/qcn.h"

#include "image/cfb.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR     512u
#define PER_SECTOR (SECTOR / 4) /* of 32-bit numbers */
#define CHUNK      32768

struct entry {
	const struct qnode *node;
	struct cfb_name name;
	uint32_t left, right, child, start;
	uint8_t colour;
};

/* Sectors of one part of the file. */
struct run {
	uint32_t start, n;
};

struct cfb_out {
	struct sink *out;
	struct entry *v; /* of the root first, children behind their storage */
	uint32_t n;
	struct run mini, dir, mini_fat, fat, difat;
	uint32_t n_sectors, n_mini; /* n_mini: units of 64 bytes */
	uint64_t now;
	uint8_t *chunk;
	size_t at;
	struct err *e;
};

static int flush(struct cfb_out *c)
{
	size_t n = c->at;

	c->at = 0;
	return n ? sink_put(c->out, c->chunk, n, c->e) : 0;
}

/* A writer over n bytes that go out with the next flush; n divides CHUNK or is small beside it. */
static int room(struct cfb_out *c, size_t n, struct writer *ret)
{
	if (CHUNK - c->at < n && flush(c) < 0)
		return -1;
	*ret = writer_of(c->chunk + c->at, n);
	c->at += n;
	return 0;
}

static int put_u32(struct cfb_out *c, uint32_t v)
{
	struct writer w;

	if (room(c, 4, &w) < 0)
		return -1;
	wr_le32(&w, v);
	return 0;
}

static int put_bytes(struct cfb_out *c, const uint8_t *p, size_t n)
{
	if (n == 0)
		return 0;
	if (n > CHUNK - c->at) {
		if (flush(c) < 0)
			return -1;
		if (n > CHUNK)
			return sink_put(c->out, p, n, c->e);
	}
	memcpy(c->chunk + c->at, p, n);
	c->at += n;
	return 0;
}

/* Zeros up to a multiple of `unit` of what n bytes began. */
static int put_padding(struct cfb_out *c, size_t n, size_t unit)
{
	static const uint8_t zeros[SECTOR];

	return put_bytes(c, zeros, (unit - n % unit) % unit);
}

static bool is_mini(const struct qnode *node)
{
	return node->kind == QNODE_STREAM && node->n && node->n < CFB_MINI_CUTOFF;
}

static bool is_big(const struct qnode *node)
{
	return node->kind == QNODE_STREAM && node->n >= CFB_MINI_CUTOFF;
}

static int by_cfb_name(const void *a, const void *b)
{
	return cfb_name_cmp(&((const struct entry *)a)->name, &((const struct entry *)b)->name);
}

/* A balanced tree over the sorted entries first..first+n-1. Whatever lies on its deepest, not quite
 * full level is red and the rest black: then every path from the top has the same number of black
 * ones, and no red one has a red child. */
static uint32_t tree_build(struct entry *v, uint32_t first, uint32_t n, unsigned depth,
			   unsigned deepest)
{
	uint32_t mid = first + n / 2;

	if (n == 0)
		return CFB_NO_ENTRY;
	v[mid].colour = depth == deepest && depth > 0 ? CFB_RED : CFB_BLACK;
	v[mid].left = tree_build(v, first, n / 2, depth + 1, deepest);
	v[mid].right = tree_build(v, mid + 1, n - n / 2 - 1, depth + 1, deepest);
	return mid;
}

static unsigned log2_floor(uint32_t n)
{
	unsigned k = 0;

	while (n >>= 1)
		k++;
	return k;
}

/* Entries of a storage's children, as a block behind what is there, sorted and linked. */
static int add_children(struct cfb_out *c, uint32_t parent)
{
	const struct qnode *child, *storage = c->v[parent].node;
	uint32_t first = c->n, n = (uint32_t)storage->n_children, i;
	char where[128];

	for (child = storage->first; child; child = child->next) {
		struct entry *x = &c->v[c->n++];

		*x = (struct entry){ .node = child, .child = CFB_NO_ENTRY, .start = 0 };
		if (cfb_name_from(child->name, &x->name, c->e) < 0)
			return -1;
	}
	qsort(c->v + first, n, sizeof(*c->v), by_cfb_name);
	for (i = 1; i < n; i++) {
		if (cfb_name_cmp(&c->v[first + i - 1].name, &c->v[first + i].name) == 0) {
			qnode_path(c->v[first + i].node, where, sizeof(where));
			return err_set(
				c->e, ERR_UNSUPPORTED,
				"'%s' and '%s' are one name in a QCN, which does not tell case "
				"apart",
				where, c->v[first + i - 1].node->name);
		}
	}
	c->v[parent].child = tree_build(c->v, first, n, 0, log2_floor(n));
	return 0;
}

static int collect(struct cfb_out *c, const struct qtree *t)
{
	const struct qnode *node;
	uint32_t n = 0, i;

	for (node = t->root; node; node = qnode_walk(node))
		n++;
	c->v = calloc(n, sizeof(*c->v));
	if (!c->v)
		return err_nomem(c->e);
	c->v[0] = (struct entry){ .node = t->root,
				  .left = CFB_NO_ENTRY,
				  .right = CFB_NO_ENTRY,
				  .child = CFB_NO_ENTRY,
				  .colour = CFB_BLACK };
	c->n = 1;
	if (cfb_name_from("Root Entry", &c->v[0].name, c->e) < 0)
		return -1;
	for (i = 0; i < c->n; i++) {
		if (c->v[i].node->kind == QNODE_STORAGE && add_children(c, i) < 0)
			return -1;
	}
	return 0;
}

static uint32_t units(uint64_t n, uint32_t unit)
{
	return (uint32_t)((n + unit - 1) / unit);
}

static struct run run_add(struct cfb_out *c, uint32_t n)
{
	struct run r = { n ? c->n_sectors : CFB_END, n };

	c->n_sectors += n;
	return r;
}

static int lay_out(struct cfb_out *c)
{
	uint32_t i, n_fat = 0, n_difat = 0, all;
	uint64_t total = 0;

	/* Streams are in memory, so that this cannot wrap; version 3 ends at 2 GiB. */
	for (i = 0; i < c->n; i++)
		total += c->v[i].node->n + SECTOR;
	if (total > 0x70000000)
		return err_set(c->e, ERR_UNSUPPORTED, "%" PRIu64 " bytes do not fit a QCN", total);
	for (i = 0; i < c->n; i++) {
		struct entry *x = &c->v[i];

		x->start = x->node->kind == QNODE_STREAM ? CFB_END : 0;
		if (is_big(x->node)) {
			x->start = run_add(c, units(x->node->n, SECTOR)).start;
		} else if (is_mini(x->node)) {
			x->start = c->n_mini;
			c->n_mini += units(x->node->n, CFB_MINI);
		}
	}
	c->mini = run_add(c, units((uint64_t)c->n_mini * CFB_MINI, SECTOR));
	c->dir = run_add(c, units((uint64_t)c->n * CFB_ENTRY, SECTOR));
	c->mini_fat = run_add(c, units(c->n_mini, PER_SECTOR));
	/* The FAT counts its own sectors too. */
	for (all = 0; all != c->n_sectors + n_fat + n_difat;) {
		all = c->n_sectors + n_fat + n_difat;
		n_fat = units(all, PER_SECTOR);
		n_difat = n_fat <= CFB_HEADER_FATS ? 0
						   : units(n_fat - CFB_HEADER_FATS, PER_SECTOR - 1);
	}
	c->fat = run_add(c, n_fat);
	c->difat = run_add(c, n_difat);
	c->v[0].start = c->mini.start;
	return 0;
}

static int put_header(struct cfb_out *c)
{
	struct writer w;
	uint32_t i;

	if (room(c, CFB_HEADER, &w) < 0)
		return -1;
	wr_bytes(&w, CFB_SIGNATURE, 8);
	wr_fill(&w, 0, 16);
	wr_le16(&w, 62);
	wr_le16(&w, 3);
	wr_le16(&w, 0xFFFE);
	wr_le16(&w, 9);
	wr_le16(&w, 6);
	wr_fill(&w, 0, 10);
	wr_le32(&w, c->fat.n);
	wr_le32(&w, c->dir.start);
	wr_le32(&w, 0);
	wr_le32(&w, CFB_MINI_CUTOFF);
	wr_le32(&w, c->mini_fat.start);
	wr_le32(&w, c->mini_fat.n);
	wr_le32(&w, c->difat.start);
	wr_le32(&w, c->difat.n);
	for (i = 0; i < CFB_HEADER_FATS; i++)
		wr_le32(&w, i < c->fat.n ? c->fat.start + i : CFB_FREE);
	return 0;
}

static int put_streams(struct cfb_out *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		const struct qnode *x = c->v[i].node;

		if (is_big(x) && (put_bytes(c, x->p, x->n) < 0 || put_padding(c, x->n, SECTOR) < 0))
			return -1;
	}
	for (i = 0; i < c->n; i++) {
		const struct qnode *x = c->v[i].node;

		if (is_mini(x) &&
		    (put_bytes(c, x->p, x->n) < 0 || put_padding(c, x->n, CFB_MINI) < 0))
			return -1;
	}
	return put_padding(c, (size_t)c->n_mini * CFB_MINI, SECTOR);
}

static int put_entry(struct cfb_out *c, const struct entry *x)
{
	const struct qnode *node = x->node;
	bool is_root = x == c->v, is_storage = node->kind == QNODE_STORAGE;
	uint64_t size = is_root ? (uint64_t)c->n_mini * CFB_MINI : node->n;
	struct writer w;
	unsigned i;

	if (room(c, CFB_ENTRY, &w) < 0)
		return -1;
	for (i = 0; i < 32; i++)
		wr_le16(&w, i < x->name.n ? x->name.u[i] : 0);
	wr_le16(&w, (uint16_t)(2 * (x->name.n + 1)));
	wr_u8(&w, is_root ? CFB_ROOT : is_storage ? CFB_STORAGE : CFB_STREAM);
	wr_u8(&w, x->colour);
	wr_le32(&w, x->left);
	wr_le32(&w, x->right);
	wr_le32(&w, x->child);
	wr_fill(&w, 0, 20);
	/* As in all files seen: both times on storages, the root was only modified, streams have
	 * none. */
	wr_le64(&w, is_storage && !is_root ? node->created ? node->created : c->now : 0);
	wr_le64(&w, is_storage ? node->modified ? node->modified : c->now : 0);
	wr_le32(&w, x->start);
	wr_le64(&w, size);
	return 0;
}

static int put_directory(struct cfb_out *c)
{
	struct writer w;
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		if (put_entry(c, &c->v[i]) < 0)
			return -1;
	}
	for (; i % (SECTOR / CFB_ENTRY); i++) {
		if (room(c, CFB_ENTRY, &w) < 0)
			return -1;
		wr_fill(&w, 0, 68);
		wr_fill(&w, 0xFF, 12);
		wr_fill(&w, 0, 48);
	}
	return 0;
}

/* One chain of n units from `first` on; in a FAT of its own or of all. */
static int put_chain(struct cfb_out *c, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 1; i < n; i++) {
		if (put_u32(c, first + i) < 0)
			return -1;
	}
	return n ? put_u32(c, CFB_END) : 0;
}

static int put_times(struct cfb_out *c, uint32_t n, uint32_t v)
{
	while (n--) {
		if (put_u32(c, v) < 0)
			return -1;
	}
	return 0;
}

static int put_mini_fat(struct cfb_out *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		if (is_mini(c->v[i].node) &&
		    put_chain(c, c->v[i].start, units(c->v[i].node->n, CFB_MINI)) < 0)
			return -1;
	}
	return put_times(c, c->mini_fat.n * PER_SECTOR - c->n_mini, CFB_FREE);
}

static int put_fat(struct cfb_out *c)
{
	uint32_t i, at, next;

	for (i = 0; i < c->n; i++) {
		if (is_big(c->v[i].node) &&
		    put_chain(c, c->v[i].start, units(c->v[i].node->n, SECTOR)) < 0)
			return -1;
	}
	if (put_chain(c, c->mini.start, c->mini.n) < 0 ||
	    put_chain(c, c->dir.start, c->dir.n) < 0 ||
	    put_chain(c, c->mini_fat.start, c->mini_fat.n) < 0 ||
	    put_times(c, c->fat.n, CFB_FAT) < 0 || put_times(c, c->difat.n, CFB_DIFAT) < 0 ||
	    put_times(c, c->fat.n * PER_SECTOR - c->n_sectors, CFB_FREE) < 0)
		return -1;
	for (i = 0, at = CFB_HEADER_FATS; i < c->difat.n; i++) {
		for (next = at + PER_SECTOR - 1; at < next; at++) {
			if (put_u32(c, at < c->fat.n ? c->fat.start + at : CFB_FREE) < 0)
				return -1;
		}
		if (put_u32(c, i + 1 < c->difat.n ? c->difat.start + i + 1 : CFB_END) < 0)
			return -1;
	}
	return 0;
}

static int put_all(struct cfb_out *c)
{
	if (put_header(c) < 0 || put_streams(c) < 0 || put_directory(c) < 0 ||
	    put_mini_fat(c) < 0 || put_fat(c) < 0)
		return -1;
	return flush(c);
}

int qcn_write(const struct qtree *t, uint64_t now, struct sink *out, struct err *e)
{
	struct cfb_out c = { .out = out, .now = now, .e = e };
	int r;

	if (!t->root)
		return err_set(e, ERR_BUG, "nothing to write: the backup has no root");
	c.chunk = malloc(CHUNK);
	r = c.chunk ? collect(&c, t) : err_nomem(e);
	if (r == 0)
		r = lay_out(&c);
	if (r == 0)
		r = put_all(&c);
	free(c.chunk);
	free(c.v);
	return r;
}
