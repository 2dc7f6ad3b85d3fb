/*
 * The directory database: one B+ tree of (parent inode, name) -> value for the whole file system.
 * How its keys are ordered is not established, so nothing is searched in it: all leaves are read
 * once, into an index of our own. Leaves are reached through interior nodes; their sibling links
 * must say the same. Where nodes are missing, every other live cluster is tried as a leaf: only
 * live ones, so that a stale copy is never taken.
 */
#include "image/efs2_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK 65536u
#define ARENA_MAX   (8u << 20)

struct efs2_arena {
	struct efs2_arena *next;
	size_t used, total; /* total: of this chunk and all before it */
	uint8_t bytes[ARENA_CHUNK];
};

void efs2_arena_free(struct efs2_arena *a)
{
	while (a) {
		struct efs2_arena *next = a->next;

		free(a);
		a = next;
	}
}

/* NULL when memory or the ceiling is reached; *e then says which. */
static const uint8_t *arena_add(struct efs2 *fs, const uint8_t *p, size_t n, struct err *e)
{
	struct efs2_arena *a = fs->arena;
	uint8_t *to;

	if (!a || n > sizeof(a->bytes) - a->used) {
		size_t total = a ? a->total : 0;

		if (total + ARENA_CHUNK > ARENA_MAX) {
			err_set(e, ERR_PROTO, "names longer than %u bytes together", ARENA_MAX);
			return NULL;
		}
		a = malloc(sizeof(*a));
		if (!a) {
			err_nomem(e);
			return NULL;
		}
		a->next = fs->arena;
		a->used = 0;
		a->total = total + ARENA_CHUNK;
		fs->arena = a;
	}
	to = a->bytes + a->used;
	if (n)
		memcpy(to, p, n);
	a->used += n;
	return to;
}

struct node {
	uint32_t prev, next;
	uint16_t used;
	uint8_t level;
	struct slice body;
	uint32_t body_off;
};

static bool node_head(const struct efs2 *fs, struct slice page, struct node *ret)
{
	struct cursor c = cursor_of(page);

	ret->prev = rd_le32(&c);
	ret->next = rd_le32(&c);
	ret->used = rd_le16(&c);
	if (fs->node_hdr == 18)
		rd_skip(&c, 6); /* padding, group */
	rd_skip(&c, 1);         /* a count that is not one */
	ret->level = rd_u8(&c);
	ret->body_off = (uint32_t)c.off;
	ret->body = rd_bytes(&c, ret->used);
	return !c.bad && ret->level < EFS2_MAX_DBLEVEL;
}

/* Next entry of a leaf; false at the end, with c->bad when the rest is not an entry. */
static bool leaf_next(struct cursor *c, struct slice *key, struct slice *value)
{
	uint8_t klen, vlen;

	if (rd_left(c) == 0)
		return false;
	klen = rd_u8(c);
	vlen = rd_u8(c);
	*key = rd_bytes(c, klen);
	*value = rd_bytes(c, vlen);
	if (klen == 0 || vlen == 0)
		c->bad = true;
	return !c->bad;
}

static bool value_fits(struct slice v)
{
	switch (v.p[0]) {
	case 'i':
		return v.n == 5;
	case 'n':
		return v.n >= 3;
	case 'N':
		return v.n >= 9;
	case 's':
	case 'L':
		return true;
	default:
		return false;
	}
}

/* Every entry is one of ours and together they fill exactly what the header says. */
static bool leaf_whole(const struct node *n)
{
	struct cursor c = cursor_of(n->body);
	struct slice key, value;

	while (leaf_next(&c, &key, &value)) {
		if (key.p[0] != 'd' || key.n < 5 || !value_fits(value))
			return false;
	}
	return !c.bad;
}

static int add_entry(struct efs2 *fs, struct slice key, struct slice value, const struct node *n,
		     uint32_t page, bool soft, struct err *e)
{
	struct efs2_ent *t;

	if (fs->n_ent == EFS2_MAX_ENTRIES)
		return err_set(e, ERR_PROTO, "more than %u directory entries", EFS2_MAX_ENTRIES);
	if (fs->n_ent == fs->cap_ent) {
		size_t cap = fs->cap_ent ? fs->cap_ent * 2 : 1024;

		t = realloc(fs->ent, cap * sizeof(*t));
		if (!t)
			return err_nomem(e);
		fs->ent = t;
		fs->cap_ent = cap;
	}
	t = &fs->ent[fs->n_ent];
	*t = (struct efs2_ent){ 0 };
	t->name = arena_add(fs, key.p + 5, key.n - 5, e);
	if (!t->name)
		return -1;
	t->name_len = (uint8_t)(key.n - 5);
	t->parent = get_le32(key.p + 1);
	t->page = page;
	t->off = (uint16_t)(n->body_off + (size_t)(value.p - n->body.p));
	t->vlen = (uint8_t)value.n;
	t->tag = value.p[0];
	t->inode = t->tag == 'i' ? get_le32(value.p + 1) : 0;
	t->soft = soft;
	fs->n_ent++;
	return 0;
}

static int add_leaf(struct efs2 *fs, const struct node *n, uint32_t page, bool soft, struct err *e)
{
	struct cursor c = cursor_of(n->body);
	struct slice key, value;

	while (leaf_next(&c, &key, &value)) {
		if (add_entry(fs, key, value, n, page, soft, e) < 0)
			return -1;
	}
	return 0;
}

struct todo {
	uint32_t cluster;
	uint8_t level; /* that the parent says, or EFS2_MAX_DBLEVEL for the root */
};

struct dbwalk {
	struct efs2 *fs;
	struct todo *stack;
	size_t n, cap;
	uint32_t last_leaf, last_next; /* of the leaf before this one in tree order */
	size_t last_first;             /* its first entry */
	bool any_leaf, gap;            /* gap: a leaf was lost since */
};

static int push(struct dbwalk *w, uint32_t cluster, unsigned level, struct err *e)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 256;
		struct todo *t = realloc(w->stack, cap * sizeof(*t));

		if (!t)
			return err_nomem(e);
		w->stack = t;
		w->cap = cap;
	}
	w->stack[w->n++] = (struct todo){ cluster, (uint8_t)level };
	return 0;
}

/* Children of an interior node, first child on top of the stack. False when the node is not one. */
static int push_children(struct dbwalk *w, const struct node *n, bool *ret_good, struct err *e)
{
	struct cursor c = cursor_of(n->body);
	size_t first = w->n, i, k;

	*ret_good = true;
	if (push(w, rd_le32(&c), n->level - 1u, e) < 0)
		return -1;
	while (!c.bad && rd_left(&c)) {
		uint8_t klen = rd_u8(&c);
		struct slice key = rd_bytes(&c, klen);
		uint32_t child = rd_le32(&c);

		if (c.bad || klen == 0 || key.p[0] != 'd')
			c.bad = true;
		else if (push(w, child, n->level - 1u, e) < 0)
			return -1;
	}
	if (c.bad) {
		w->n = first;
		*ret_good = false;
		return 0;
	}
	for (i = first, k = w->n - 1; i < k; i++, k--) {
		struct todo t = w->stack[i];

		w->stack[i] = w->stack[k];
		w->stack[k] = t;
	}
	return 0;
}

static void lose_node(struct dbwalk *w, uint32_t cluster, const char *why)
{
	w->fs->report.nodes_bad++;
	w->fs->db_holes = true;
	w->gap = true;
	efs2_fault(w->fs, "directory node in cluster %" PRIu32 ": %s; names are missing", cluster,
		   why);
}

/* Sibling links against tree order. A wrong link means that one of the two leaves is not the live
 * one or is damaged: the entries of both are only as good as unverified. */
static void check_links(struct dbwalk *w, const struct node *n, uint32_t cluster, size_t first)
{
	struct efs2 *fs = w->fs;
	uint32_t want = w->any_leaf ? w->last_leaf : EFS2_NONE;
	size_t i;

	if (!w->gap && (n->prev != want || (w->any_leaf && w->last_next != cluster))) {
		efs2_fault(fs,
			   "directory leaf in cluster %" PRIu32
			   " and the one before it do not point at "
			   "each other",
			   cluster);
		fs->db_holes = true;
		for (i = w->any_leaf ? w->last_first : first; i < fs->n_ent; i++)
			fs->ent[i].soft = true;
	}
	w->any_leaf = true;
	w->gap = false;
	w->last_leaf = cluster;
	w->last_next = n->next;
	w->last_first = first;
}

static int visit(struct dbwalk *w, struct todo at, struct err *e)
{
	struct efs2 *fs = w->fs;
	uint32_t page = 0;
	enum efs2_trust t = efs2_cluster(fs, at.cluster, &page);
	size_t first = fs->n_ent;
	const uint8_t *p;
	struct node n;
	bool good;

	if (!efs2_has_bytes(t)) {
		lose_node(w, at.cluster, efs2_trust_text(t));
		return 0;
	}
	if (efs2_bit(fs->seen, at.cluster)) {
		lose_node(w, at.cluster, "a second parent points at it");
		return 0;
	}
	efs2_bit_put(fs->seen, at.cluster);
	if (efs2_page(fs, page, &p, e) < 0)
		return -1;
	if (!node_head(fs, SLICE(p, fs->sb.page_size), &n) ||
	    (at.level != EFS2_MAX_DBLEVEL && n.level != at.level)) {
		lose_node(w, at.cluster, "its header is damaged");
		return 0;
	}
	if (n.level) {
		if (push_children(w, &n, &good, e) < 0)
			return -1;
	} else {
		good = leaf_whole(&n);
		if (good && add_leaf(fs, &n, page, t != EFS2_T_OK, e) < 0)
			return -1;
	}
	if (!good) {
		lose_node(w, at.cluster, "its entries are damaged");
		return 0;
	}
	fs->report.nodes++;
	efs2_bit_put(fs->claimed, at.cluster);
	if (t != EFS2_T_OK)
		efs2_fault(fs, "directory node in cluster %" PRIu32 ": %s", at.cluster,
			   efs2_trust_text(t));
	if (n.level == 0)
		check_links(w, &n, at.cluster, first);
	return 0;
}

static int walk_tree(struct efs2 *fs, struct err *e)
{
	struct dbwalk w = { .fs = fs };
	int r = push(&w, fs->upper[2], EFS2_MAX_DBLEVEL, e);

	/* Each cluster is visited once and a node's children are at most a page full: bounded. */
	while (r == 0 && w.n)
		r = visit(&w, w.stack[--w.n], e);
	free(w.stack);
	if (r == 0 && w.any_leaf && !w.gap && w.last_next != EFS2_NONE) {
		efs2_fault(fs, "the last directory leaf points on to cluster %" PRIu32,
			   w.last_next);
		fs->db_holes = true;
	}
	return r;
}

/* Leaves that the damaged tree no longer leads to. */
static int salvage(struct efs2 *fs, struct err *e)
{
	uint32_t c, page;
	const uint8_t *p;
	struct node n;

	for (c = 0; c < fs->clusters; c++) {
		if (efs2_bit(fs->seen, c) || efs2_cluster(fs, c, &page) != EFS2_T_OK)
			continue;
		if (efs2_page(fs, page, &p, e) < 0)
			return -1;
		if (!node_head(fs, SLICE(p, fs->sb.page_size), &n) || n.level || n.used == 0 ||
		    !leaf_whole(&n))
			continue;
		if ((n.prev != EFS2_NONE && n.prev >= fs->clusters) ||
		    (n.next != EFS2_NONE && n.next >= fs->clusters))
			continue;
		if (add_leaf(fs, &n, page, true, e) < 0)
			return -1;
		efs2_bit_put(fs->claimed, c);
		fs->report.nodes_salvaged++;
	}
	if (fs->report.nodes_salvaged)
		efs2_remark(fs, "%u directory leaves were found although nothing points at them",
			    fs->report.nodes_salvaged);
	return 0;
}

static int name_cmp(const uint8_t *a, size_t an, const uint8_t *b, size_t bn)
{
	size_t n = MIN_OF(an, bn);
	int r = n ? memcmp(a, b, n) : 0;

	return r ? r : (an > bn) - (an < bn);
}

static int ent_cmp(const void *x, const void *y)
{
	const struct efs2_ent *a = x, *b = y;
	int r;

	if (a->parent != b->parent)
		return a->parent < b->parent ? -1 : 1;
	r = name_cmp(a->name, a->name_len, b->name, b->name_len);
	if (r)
		return r;
	/* Of two entries with one name the trusted one comes first; the order is the same each
	 * time. */
	if (a->soft != b->soft)
		return a->soft ? 1 : -1;
	return a->page != b->page ? (a->page < b->page ? -1 : 1)
				  : (a->off > b->off) - (a->off < b->off);
}

static void drop_duplicates(struct efs2 *fs)
{
	size_t i, out = 0;

	for (i = 0; i < fs->n_ent; i++) {
		struct efs2_ent *t = &fs->ent[i], *last = out ? &fs->ent[out - 1] : NULL;

		if (last && last->parent == t->parent &&
		    name_cmp(last->name, last->name_len, t->name, t->name_len) == 0) {
			/* A salvaged copy of a name that the tree has says nothing against it. */
			if (!t->soft || last->soft) {
				last->soft = true;
				fs->report.duplicates++;
			}
			continue;
		}
		fs->ent[out++] = *t;
	}
	fs->n_ent = out;
	if (fs->report.duplicates)
		efs2_fault(fs, "%u names stand twice in the directory", fs->report.duplicates);
}

size_t efs2_dir_find(const struct efs2 *fs, uint32_t inode, const uint8_t *name, size_t n)
{
	size_t lo = 0, hi = fs->n_ent;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct efs2_ent *t = &fs->ent[mid];

		if (t->parent < inode ||
		    (t->parent == inode && name_cmp(t->name, t->name_len, name, n) < 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < fs->n_ent && fs->ent[lo].parent == inode && fs->ent[lo].name_len == n &&
	    (n == 0 || memcmp(fs->ent[lo].name, name, n) == 0))
		return lo;
	return fs->n_ent;
}

size_t efs2_dir_first(const struct efs2 *fs, uint32_t inode)
{
	size_t lo = 0, hi = fs->n_ent;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (fs->ent[mid].parent < inode)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < fs->n_ent && fs->ent[lo].parent == inode ? lo : fs->n_ent;
}

/* The root is its own parent. */
static bool is_root(const struct efs2 *fs, uint32_t inode)
{
	size_t up = efs2_dir_find(fs, inode, (const uint8_t *)"\0", 1);
	size_t self = efs2_dir_find(fs, inode, NULL, 0);

	if (self == fs->n_ent || fs->ent[self].inode != inode)
		return false;
	return up == fs->n_ent || fs->ent[up].inode == inode;
}

static void find_root(struct efs2 *fs)
{
	size_t i;

	if (fs->root_known && efs2_dir_first(fs, fs->root) != fs->n_ent)
		return;
	if (fs->root_known)
		efs2_fault(fs, "the root directory (inode %" PRIx32 ") has no entries", fs->root);
	for (i = 0; i < fs->n_ent; i++) {
		if ((i == 0 || fs->ent[i].parent != fs->ent[i - 1].parent) &&
		    is_root(fs, fs->ent[i].parent)) {
			fs->root = fs->ent[i].parent;
			fs->root_known = true;
			efs2_remark(fs, "inode %" PRIx32 " is taken for the root directory",
				    fs->root);
			return;
		}
	}
}

int efs2_db_load(struct efs2 *fs, struct err *e)
{
	if (walk_tree(fs, e) < 0 || (fs->db_holes && salvage(fs, e) < 0)) {
		if (e->kind != ERR_PROTO)
			return -1;
		efs2_doubt(fs, "%s: the rest is not listed", e->msg);
		err_clear(e);
		fs->db_holes = true;
	}
	if (fs->n_ent)
		qsort(fs->ent, fs->n_ent, sizeof(*fs->ent), ent_cmp);
	drop_duplicates(fs);
	fs->report.entries = (uint32_t)fs->n_ent;
	find_root(fs);
	return 0;
}
