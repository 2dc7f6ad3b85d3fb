/* efs2-flash.md sections 3 to 6 and 9, read in the simplest way: everything in memory. */
#include "tests/emu/efs2_rd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rd {
	const uint8_t *img;
	uint32_t ps, ppb, pages, shift, hdr, ino_len, ino_per;
	uint32_t *map; /* cluster to page */
	uint32_t root_node, info;
	struct efs2_mk_tree *tree;
	/* entries of all leaves */
	struct ent {
		const uint8_t *key, *value;
		uint8_t klen, vlen;
	} * ent;
	size_t n, cap;
	const char *why;
	unsigned budget; /* nodes and directories still allowed: a circle ends there */
};

static uint32_t u16(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t u32(const uint8_t *p)
{
	return u16(p) | u16(p + 2) << 16;
}

static int no(struct rd *r, const char *why)
{
	r->why = why;
	return -1;
}

static bool blank(const struct rd *r, uint32_t page)
{
	uint32_t i;

	for (i = 0; i < r->ps; i++)
		if (r->img[(size_t)page * r->ps + i] != 0xff)
			return false;
	return true;
}

/* CRC-30 through a 32-bit register, two bits further up. */
static bool super_good(const struct rd *r, const uint8_t *p)
{
	uint32_t crc = 0xfffffffc, i, b;

	if (memcmp(p + 8, "EFSSuper", 8) || u32(p + 16) != r->ppb || u32(p + 20) != r->ps ||
	    u32(p + 24) * r->ppb != r->pages)
		return false;
	for (i = 0; i < r->ps - 4; i++) {
		crc ^= (uint32_t)p[i] << 24;
		for (b = 0; b < 8; b++)
			crc = crc << 1 ^ (crc >> 31 ? 0x2030b9c7u << 2 : 0);
	}
	return (~crc >> 2) == u32(p + r->ps - 4);
}

static bool journal_good(const uint8_t *p, uint32_t ps, uint32_t *ret_end)
{
	uint32_t at = 8, crc = 0xffff, i, b, from;

	while (at + 3 <= ps && p[at] < 0xfd)
		at += 1 + 4 * (p[at] >> 6);
	if (at + 3 > ps || p[at] > 0xfe)
		return false;
	for (from = p[at] == 0xfd ? 0 : 8, i = from; i <= at; i++) {
		if (i >= 4 && i < 8)
			continue;
		crc ^= p[i];
		for (b = 0; b < 8; b++)
			crc = crc >> 1 ^ (crc & 1 ? 0x8408 : 0);
	}
	*ret_end = at;
	return (~crc & 0xffff) == u16(p + at + 1);
}

struct moves {
	uint32_t *cluster; /* by number; 0 = the journal says nothing (page 0 is told by `zero`) */
	uint8_t *moved;
	struct {
		uint32_t from_top, base, page;
	} table[256];
	unsigned n_table;
	uint32_t upper2, upper3;
};

static int one_entry(struct rd *r, struct moves *m, const uint8_t *e)
{
	unsigned op = e[0] & 0x3f, n = e[0] >> 6;
	uint32_t a = n > 0 ? u32(e + 1) : 0, b = n > 1 ? u32(e + 5) : 0, c = n > 2 ? u32(e + 9) : 0;
	uint32_t cl = a & 0xffffff;

	switch (op) {
	case 4:
	case 11:
	case 5:
	case 13:
		if (cl >= r->pages)
			return no(r, "journal names an impossible cluster");
		m->moved[cl] = 1;
		m->cluster[cl] = op == 5 ? b : op == 13 ? 0xffffffff : c;
		return 0;
	case 6:
		if (a >> 29 & 1)
			return 0; /* the reverse table is for the writer */
		if (m->n_table == 256)
			return no(r, "too many moved table pages");
		m->table[m->n_table].from_top = a >> 26 & 7;
		m->table[m->n_table].base = (a & 0x3ffffff) << 6;
		m->table[m->n_table++].page = c;
		return 0;
	case 7:
		if (a == 2)
			m->upper2 = b;
		if (a == 3)
			m->upper3 = b;
		return 0;
	case 14:
	case 17:
		return 0;
	default:
		return no(r, "unknown journal operation");
	}
}

static int replay(struct rd *r, struct moves *m, uint32_t page, uint32_t first, uint32_t end)
{
	uint32_t steps, stop, at;

	for (steps = 0; steps < end - first; steps++, page = page + 1 == end ? first : page + 1) {
		const uint8_t *p = r->img + (size_t)page * r->ps;

		if (page % r->ppb == 0 || (!blank(r, page) && u32(p) == 0xffffffff))
			continue;
		if (memcmp(p - (size_t)(page % r->ppb) * r->ps + 8, "EFSSuper", 8) != 0)
			continue; /* a block without a superblock is a bad one on the way, or not
				     begun */
		if (blank(r, page))
			return 0;
		if (!journal_good(p, r->ps, &stop))
			return no(r, "journal page with a bad checksum");
		for (at = 8; at < stop; at += 1 + 4 * (p[at] >> 6))
			if (one_entry(r, m, p + at) < 0)
				return -1;
	}
	return 0;
}

/* Page of the table page at `level` that covers cluster c; the last move wins. */
static uint32_t table_page(const struct rd *r, const struct moves *m, const uint8_t *super,
			   uint32_t off, uint32_t depth, uint32_t level, uint32_t c)
{
	uint32_t index = c >> (r->shift * level), up;
	unsigned i;

	for (i = m->n_table; i-- > 0;)
		if (depth - m->table[i].from_top == level &&
		    m->table[i].base >> (r->shift * level) == index)
			return m->table[i].page;
	if (level == depth - 1)
		return u32(super + off + 4 * index);
	up = table_page(r, m, super, off, depth, level + 1, c);
	return up >= r->pages
		       ? up
		       : u32(r->img + (size_t)up * r->ps + 4 * (index & ((1u << r->shift) - 1)));
}

static int load_map(struct rd *r, const uint8_t *super)
{
	bool old = (u16(super + 4) & 0xff) < 0x24;
	uint32_t off = old ? 92 : 192, depth = u16(super + off + 2), c;
	uint32_t first = u32(super + off + 16) * r->ppb, end = u32(super + off + 20) * r->ppb;
	struct moves *m = calloc(1, sizeof(*m));
	int ret = -1;

	r->hdr = old ? 12 : 18;
	r->ino_len = old ? 60 : 128;
	if (m) {
		m->upper2 = u32(super + 64 + 8);
		m->upper3 = u32(super + 64 + 12);
		m->cluster = calloc(r->pages, sizeof(uint32_t));
		m->moved = calloc(r->pages, 1);
	}
	if (!m || !m->cluster || !m->moved)
		no(r, "no memory");
	else if (end > r->pages || first >= end || depth < 1 || depth > 4 || u32(super + 28) >= end)
		no(r, "superblock makes no sense");
	else
		ret = replay(r, m, u32(super + 28), first, end);
	for (c = 0; ret == 0 && c < r->pages; c++) {
		uint32_t t;

		if (m->moved[c]) {
			r->map[c] = m->cluster[c];
			continue;
		}
		if (depth == 1) {
			r->map[c] = u32(super + off + 32 + 4 * c);
			continue;
		}
		t = table_page(r, m, super, off + 32, depth, 1, c);
		r->map[c] =
			t < r->pages
				? u32(r->img + (size_t)t * r->ps + 4 * (c & ((1u << r->shift) - 1)))
				: 0xffffffff;
	}
	if (ret == 0) {
		r->root_node = m->upper2;
		r->info = m->upper3;
	}
	if (m) {
		free(m->cluster);
		free(m->moved);
	}
	free(m);
	return ret;
}

static int load_cefs(struct rd *r, const uint8_t *d)
{
	uint32_t format = u16(d + 8), n = u32(d + 24), c, page, map_pages;
	const uint8_t *map = r->img + r->ps;
	bool old = (u16(d + 10) & 0xff) < 0x24;

	map_pages = (n + 8 * r->ps - 1) / (8 * r->ps);
	if (n > r->pages || 1 + map_pages > r->pages || u32(d + 16) != r->ps)
		return no(r, "factory image does not fit");
	r->hdr = old ? 12 : 18;
	r->ino_len = old ? 60 : 128;
	page = format >= 3 ? 0 : 1 + map_pages;
	for (c = 0; c < r->pages; c++)
		r->map[c] = 0xffffffff;
	for (c = 0; c < n; c++)
		if (format >= 3 ? !(map[c / 8] >> c % 8 & 1) : map[c / 8] >> (7 - c % 8) & 1)
			r->map[c] = page++;
	r->root_node = u32(d + 28 + 8);
	r->info = u32(d + 28 + 12);
	return 0;
}

static const uint8_t *at(const struct rd *r, uint32_t cluster)
{
	if (cluster >= r->pages || r->map[cluster] >= r->pages)
		return NULL;
	return r->img + (size_t)r->map[cluster] * r->ps;
}

static int load_node(struct rd *r, uint32_t cluster)
{
	const uint8_t *p = at(r, cluster), *end;
	unsigned level;

	if (!p || r->budget-- == 0)
		return no(r, "directory node missing");
	if (r->hdr + u16(p + 8) > r->ps)
		return no(r, "directory node too long");
	level = p[r->hdr - 1];
	end = p + r->hdr + u16(p + 8);
	p += r->hdr;
	if (level > 8)
		return no(r, "directory node of an impossible level");
	if (level) {
		if (load_node(r, u32(p)) < 0)
			return -1;
		for (p += 4; p < end; p += 5u + p[0])
			if (p + 5 + p[0] > end || load_node(r, u32(p + 1 + p[0])) < 0)
				return r->why ? -1 : no(r, "directory node cut off");
		return 0;
	}
	for (; p < end; p += 2u + p[0] + p[1]) {
		if (p + 2 > end || p + 2 + p[0] + p[1] > end || p[0] < 5 || p[2] != 'd' || p[1] < 1)
			return no(r, "directory leaf cut off");
		if (r->n == r->cap) {
			size_t cap = r->cap ? 2 * r->cap : 256;
			struct ent *x = realloc(r->ent, cap * sizeof(*x));

			if (!x)
				return no(r, "no memory");
			r->ent = x;
			r->cap = cap;
		}
		r->ent[r->n++] = (struct ent){ p + 2, p + 2 + p[0], p[0], p[1] };
	}
	return 0;
}

static const uint8_t *block_of(const struct rd *r, const uint8_t *ino, uint32_t b)
{
	uint32_t direct = r->ino_len == 60 ? 6 : 13, level, c;
	const uint8_t *table = ino + (r->ino_len == 60 ? 24 : 64), *p;
	uint64_t span = 1;

	if (b < direct)
		return at(r, u32(table + 4 * b));
	b -= direct;
	for (level = 1; level <= 3; level++) {
		span <<= r->shift;
		if (b < span)
			break;
		b -= (uint32_t)span;
	}
	if (level > 3)
		return NULL;
	c = u32(table + 4 * (direct + level - 1));
	while (level--) {
		p = at(r, c);
		if (!p)
			return NULL;
		c = u32(p + 4 * (b >> (r->shift * level) & ((1u << r->shift) - 1)));
	}
	return at(r, c);
}

static int add_file(struct rd *r, const char *path, const uint8_t *ino)
{
	uint32_t size = u32(ino + (r->ino_len == 60 ? 4 : 8)), off, mode = u16(ino);
	uint32_t mtime = u32(ino + (r->ino_len == 60 ? 16 : 24));
	uint8_t *data;
	int ret = 0;

	if (size > (uint64_t)r->pages * r->ps)
		return no(r, "file larger than the partition");
	data = malloc(size ? size : 1);
	for (off = 0; data && off < size && !ret; off += r->ps) {
		const uint8_t *p = block_of(r, ino, off / r->ps);

		if (!p)
			ret = no(r, "part of a file is missing");
		else
			memcpy(data + off, p, size - off < r->ps ? size - off : r->ps);
	}
	if (!data || (!ret && efs2_mk_add(r->tree, path,
					  mode >> 12 == 14   ? EFS2_MK_ITEM
					  : mode >> 12 == 10 ? EFS2_MK_LINK
							     : EFS2_MK_FILE,
					  (uint16_t)mode, mtime, data, size) < 0))
		ret = no(r, "no memory");
	free(data);
	return ret;
}

static int add_inline(struct rd *r, const char *path, const struct ent *e)
{
	const uint8_t *v = e->value;
	unsigned head = v[0] == 's' ? 1 : v[0] == 'n' ? 3 : v[0] == 'N' ? 9 : 255;

	if (head > e->vlen)
		return no(r, "directory value of an unknown kind");
	return efs2_mk_add(r->tree, path,
			   v[0] == 's'                            ? EFS2_MK_LINK
			   : v[0] != 's' && u16(v + 1) >> 12 == 8 ? EFS2_MK_FILE
								  : EFS2_MK_ITEM,
			   v[0] == 's' ? 0777 : (uint16_t)u16(v + 1), v[0] == 'N' ? u32(v + 5) : 0,
			   v + head, e->vlen - head) < 0
		       ? no(r, "no memory")
		       : 0;
}

static int walk(struct rd *r, uint32_t dir, const char *path, unsigned depth)
{
	char full[1024];
	size_t i;

	if (depth > 32 || r->budget-- == 0)
		return no(r, "directories in a circle");
	for (i = 0; i < r->n; i++) {
		const struct ent *e = &r->ent[i];
		const uint8_t *p;
		uint32_t ino;

		if (u32(e->key + 1) != dir || e->klen == 5 || (e->klen == 6 && !e->key[5]))
			continue;
		if (snprintf(full, sizeof(full), "%s/%.*s", path, e->klen - 5,
			     (const char *)e->key + 5) >= (int)sizeof(full))
			return no(r, "path too long");
		if (e->value[0] != 'i') {
			if (add_inline(r, full, e) < 0)
				return -1;
			continue;
		}
		ino = u32(e->value + 1);
		p = at(r, ino / r->ino_per);
		if (!p)
			return no(r, "inode missing");
		p += ino % r->ino_per * r->ino_len;
		if (u16(p) >> 12 != 4) {
			if (add_file(r, full, p) < 0)
				return -1;
			continue;
		}
		if (efs2_mk_add(r->tree, full, EFS2_MK_DIR, (uint16_t)u16(p),
				u32(p + (r->ino_len == 60 ? 16 : 24)), NULL, 0) < 0)
			return no(r, "no memory");
		if (walk(r, ino, full, depth + 1) < 0)
			return -1;
	}
	return 0;
}

static int load(struct rd *r)
{
	const uint8_t *best = NULL, *p;
	uint32_t page;

	for (page = 0; page < r->pages; page += r->ppb) {
		p = r->img + (size_t)page * r->ps;
		if (super_good(r, p) && (!best || (int16_t)(u16(p + 6) - u16(best + 6)) > 0))
			best = p;
	}
	p = r->img + (u32(r->img) == 0x53000000 ? 4 : 0);
	if (u32(p) == 0x34856787 && u32(p + 4) == 0x92347759) {
		if (load_cefs(r, p) < 0)
			return -1;
	} else if (!best) {
		return no(r, "no superblock");
	} else if (load_map(r, best) < 0) {
		return -1;
	}
	for (r->ino_per = 1; 2 * r->ino_per * r->ino_len <= r->ps;)
		r->ino_per *= 2;
	r->budget = 2 * r->pages;
	p = at(r, r->info);
	if (!p || u32(p) != 0xa7b93ea0)
		return no(r, "no information block");
	if (load_node(r, r->root_node) < 0)
		return -1;
	return walk(r, u32(p + 20), "", 0);
}

int efs2_rd(const struct efs2_rd_source *s, struct efs2_mk_tree *ret, char *why, size_t why_n)
{
	struct rd r = { .ps = s->page_size, .ppb = s->pages_per_block, .pages = s->pages };
	struct efs2_mk_tree tree = { 0 };
	uint8_t *img = malloc((size_t)s->pages * s->page_size);
	uint32_t i;
	int rc = -1;

	r.shift = s->page_size == 512 ? 7 : s->page_size == 2048 ? 9 : 10;
	r.img = img;
	r.tree = &tree;
	r.map = malloc(sizeof(uint32_t) * s->pages);
	if (img && r.map) {
		for (i = 0; i < s->pages; i++)
			if (s->read(s->ctx, i, img + (size_t)i * s->page_size))
				memset(img + (size_t)i * s->page_size, 0xff, s->page_size);
		rc = load(&r);
	} else {
		r.why = "no memory";
	}
	if (rc == 0)
		*ret = tree;
	else
		efs2_mk_fini(&tree);
	if (rc < 0 && why_n)
		snprintf(why, why_n, "%s", r.why ? r.why : "unknown");
	free(r.ent);
	free(r.map);
	free(img);
	return rc;
}
