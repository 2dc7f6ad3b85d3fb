/* Pages, page tables, journal and superblocks of the maker: efs2-flash.md sections 3 to 5. */
#include "tests/emu/efs2_mk_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 3u /* group id in the words of the reverse table: it must be masked off */

static uint32_t crc30(const uint8_t *p, size_t n)
{
	uint32_t crc = 0x3fffffff;
	unsigned bit;

	for (; n; n--, p++)
		for (bit = 0; bit < 8; bit++) {
			uint32_t top = (crc >> 29 & 1) ^ (*p >> (7 - bit) & 1u);

			crc = (crc << 1 & 0x3fffffff) ^ (top ? 0x2030b9c7 : 0);
		}
	return crc ^ 0x3fffffff;
}

static uint16_t crc16(uint16_t crc, const uint8_t *p, size_t n)
{
	unsigned bit;

	for (; n; n--, p++) {
		crc ^= *p;
		for (bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc >> 1 ^ (crc & 1 ? 0x8408 : 0));
	}
	return crc;
}

static bool block_bad(const struct mk *m, uint32_t block)
{
	return m->o->bad && m->o->bad[block];
}

static void program(struct mk *m, uint32_t page, const uint8_t *bytes, int role)
{
	if (m->role[page] != EFS2_MK_ERASED || block_bad(m, page / m->ppb)) {
		m->failed = true;
		efs2_mk_fail(m, "page %u programmed twice", page);
		return;
	}
	memcpy(m->img + (size_t)page * m->ps, bytes, m->ps);
	m->role[page] = (uint8_t)role;
}

/* The next free page of [*next, end), over bad blocks. */
static uint32_t take_page(struct mk *m, uint32_t *next, uint32_t end, const char *what)
{
	while (*next < end && block_bad(m, *next / m->ppb))
		*next += m->ppb - *next % m->ppb;
	if (*next >= end) {
		if (!m->failed)
			efs2_mk_fail(m, "no room for another %s page", what);
		m->failed = true;
		return 0;
	}
	return (*next)++;
}

static uint32_t data_page(struct mk *m)
{
	return take_page(m, &m->data_page, m->region[0] * m->ppb, "data");
}

static void mark_dirty(struct mk *m, unsigned reverse, uint32_t index)
{
	unsigned level;

	for (level = 1; level < m->depth; level++)
		m->dirty[reverse][level][index >> (m->shift * level)] = 1;
}

static void set_fwd(struct mk *m, uint32_t cluster, uint32_t v)
{
	m->fwd[cluster] = v;
	mark_dirty(m, 0, cluster);
}

static void set_rev(struct mk *m, uint32_t page, uint32_t v)
{
	m->rev[page] = v;
	mark_dirty(m, 1, page);
	if (v == MK_GARBAGE && m->role[page])
		m->role[page] = (uint8_t)tolower(m->role[page]);
}

uint32_t efs2_mk_new_cluster(struct mk *m)
{
	if (m->next_cluster >= m->npages) {
		if (!m->failed)
			efs2_mk_fail(m, "no room for another cluster");
		m->failed = true;
		return 0;
	}
	return m->next_cluster++;
}

const uint8_t *efs2_mk_at(const struct mk *m, uint32_t cluster)
{
	return m->img + (size_t)m->fwd[cluster] * m->ps;
}

void efs2_mk_put(struct mk *m, uint32_t cluster, const uint8_t *page, int role)
{
	uint32_t p = data_page(m);

	if (m->failed)
		return;
	program(m, p, page, role);
	set_fwd(m, cluster, p);
	set_rev(m, p, cluster | GROUP << 24);
}

void efs2_mk_move(struct mk *m, uint32_t cluster, const uint8_t *page, bool by_gc)
{
	uint32_t old = m->fwd[cluster], p = data_page(m);

	if (m->failed)
		return;
	program(m, p, page, m->role[old]);
	set_fwd(m, cluster, p);
	set_rev(m, p, cluster | GROUP << 24);
	set_rev(m, old, MK_GARBAGE);
	efs2_mk_entry(m, by_gc ? 11 : 4, 3, cluster | GROUP << 24, old, p);
}

uint32_t efs2_mk_renumber(struct mk *m, uint32_t cluster)
{
	uint32_t c = efs2_mk_new_cluster(m), old = m->fwd[cluster], p = data_page(m);

	if (m->failed)
		return cluster;
	program(m, p, efs2_mk_at(m, cluster), m->role[old]);
	set_fwd(m, c, p);
	set_rev(m, p, c | GROUP << 24);
	efs2_mk_entry(m, 5, 2, c | GROUP << 24, p, 0);
	set_fwd(m, cluster, MK_NONE);
	set_rev(m, old, MK_GARBAGE);
	efs2_mk_entry(m, 13, 2, cluster, old, 0);
	return c;
}

void efs2_mk_junk(struct mk *m, bool recorded)
{
	uint8_t bytes[4096];
	uint32_t p = data_page(m), i;

	if (m->failed)
		return;
	for (i = 0; i < m->ps; i++)
		bytes[i] = (uint8_t)(i * 7 + p);
	program(m, p, bytes, EFS2_MK_LOST);
	if (recorded) {
		set_rev(m, p, MK_GARBAGE);
		efs2_mk_entry(m, 14, 1, p, 0, 0);
	}
}

/* Superblock in page 0 of the next good block of the circle, which is erased for it. */
static void next_super(struct mk *m)
{
	uint32_t n = m->region[3] - m->region[2], i, k, off = m->old ? 92 : 192;
	uint8_t *p = malloc(m->ps);

	if (!p) {
		m->failed = true;
		return;
	}
	for (i = 0; i < n && (i == 0 || block_bad(m, m->log_block)); i++)
		m->log_block = m->any_super || i
				       ? (m->log_block + 1 - m->region[2]) % n + m->region[2]
				       : m->region[2] + m->o->first_log_block % n;
	memset(m->img + (size_t)m->log_block * m->ppb * m->ps, 0xff, (size_t)m->ppb * m->ps);
	memset(m->role + m->log_block * m->ppb, 0, m->ppb);
	if (m->cp_head == MK_NONE)
		m->cp_head = m->log_block * m->ppb + 1;
	memset(p, 0, m->ps);
	mk32(p, 0x53000000);
	mk16(p + 4, m->version);
	mk16(p + 6, m->any_super ? ++m->age : m->age);
	memcpy(p + 8, "EFSSuper", 8);
	mk32(p + 16, m->ppb);
	mk32(p + 20, m->ps);
	mk32(p + 24, m->blocks);
	mk32(p + 28, m->cp_head);
	mk32(p + 32, m->data_page);
	for (i = 0; i < (m->old ? 7u : 32u); i++)
		mk32(p + 64 + 4 * i, m->cp_upper[i]);
	mk16(p + off, m->ps / 4);
	mk16(p + off + 2, m->depth);
	mk16(p + off + 4, m->n_table[m->depth - 1]);
	mk16(p + off + 6, 4);
	for (i = 0; i < 4; i++)
		mk32(p + off + 8 + 4 * i, m->region[i]);
	for (i = 0, k = 0; i < n && i < 32; i++)
		k |= block_bad(m, m->region[2] + i) ? 1u << i : 0;
	mk32(p + off + 24, k);
	off += 32;
	memset(p + off, 0xff, 8u * m->room);
	for (i = 0; i < m->n_table[m->depth - 1]; i++) {
		mk32(p + off + 4 * i, m->cp_top[0][i]);
		mk32(p + off + 4 * (m->room + i), m->cp_top[1][i]);
	}
	mk32(p + m->ps - 4, crc30(p, m->ps - 4));
	program(m, m->log_block * m->ppb, p, EFS2_MK_SUPER);
	m->log_page = m->log_block * m->ppb + 1;
	m->any_super = true;
	free(p);
}

void efs2_mk_entry(struct mk *m, unsigned op, unsigned n, uint32_t a, uint32_t b, uint32_t c)
{
	uint32_t arg[3] = { a, b, c };
	unsigned i;

	if (m->jn + 1 + 4 * n + 3 > m->ps)
		efs2_mk_flush(m);
	m->jbuf[m->jn++] = (uint8_t)(n << 6 | op);
	for (i = 0; i < n; i++, m->jn += 4)
		mk32(m->jbuf + m->jn, arg[i]);
}

void efs2_mk_flush(struct mk *m)
{
	uint16_t crc = 0xffff;

	if (m->jn == 8 || m->failed)
		return;
	/* A full block: the next one gets a superblock of the same checkpoint, and the journal goes
	 * on behind it. */
	if (m->log_page % m->ppb == 0 || !m->any_super)
		next_super(m);
	mk32(m->jbuf, ++m->seq);
	mk32(m->jbuf + 4, 0xffffffff);
	m->jbuf[m->jn++] = m->o->sealed ? 0xfd : 0xfe;
	if (m->o->sealed)
		crc = crc16(crc, m->jbuf, 4);
	crc = (uint16_t)~crc16(crc, m->jbuf + 8, m->jn - 8);
	mk16(m->jbuf + m->jn, crc);
	memset(m->jbuf + m->jn + 2, m->o->sealed ? 0 : 0xff, m->ps - m->jn - 2);
	program(m, m->log_page, m->jbuf, EFS2_MK_JOURNAL);
	m->log_page++;
	m->jn = 8;
}

static uint32_t descriptor(const struct mk *m, unsigned reverse, unsigned level, uint32_t index)
{
	return reverse << 29 | (m->depth - level) << 26 | index << (m->shift * level) >> 6;
}

static uint32_t new_table_page(struct mk *m, unsigned reverse, unsigned level, uint32_t index)
{
	uint32_t *at = &m->table_at[reverse][level][index], old = *at;
	uint32_t p = take_page(m, &m->table_page, m->region[1] * m->ppb, "table");

	if (m->failed)
		return old;
	*at = p;
	m->role[p] = EFS2_MK_TABLE; /* its bytes follow in write_table() */
	if (old != MK_NONE)
		set_rev(m, old, MK_GARBAGE);
	set_rev(m, p, descriptor(m, reverse, level, index));
	if (level + 1 < m->depth)
		m->dirty[reverse][level + 1][index >> m->shift] = 1;
	return old;
}

static void write_table(struct mk *m, unsigned reverse, unsigned level, uint32_t index)
{
	const uint32_t *from =
		level == 1 ? (reverse ? m->rev : m->fwd) : m->table_at[reverse][level - 1];
	uint32_t n = level == 1 ? m->npages : m->n_table[level - 1], i, at = index << m->shift;
	uint8_t *p = m->img + (size_t)m->table_at[reverse][level][index] * m->ps;

	for (i = 0; i < 1u << m->shift; i++)
		mk32(p + 4 * i, at + i < n ? from[at + i] : MK_NONE);
}

void efs2_mk_checkpoint(struct mk *m)
{
	unsigned rv, level;
	uint32_t i;
	bool again = true;
	uint8_t *fresh[2][4] = { { NULL } };

	efs2_mk_flush(m);
	for (rv = 0; rv < 2; rv++)
		for (level = 1; level < m->depth; level++)
			fresh[rv][level] = calloc(m->n_table[level], 1);
	/* Giving a table page its place changes the reverse table, which makes others dirty. */
	while (again && !m->failed) {
		again = false;
		for (rv = 0; rv < 2; rv++)
			for (level = 1; level < m->depth; level++)
				for (i = 0; i < m->n_table[level]; i++) {
					if (!m->dirty[rv][level][i] || fresh[rv][level][i])
						continue;
					fresh[rv][level][i] = 1;
					new_table_page(m, rv, level, i);
					again = true;
				}
	}
	for (rv = 0; rv < 2 && !m->failed; rv++) {
		for (level = 1; level < m->depth; level++)
			for (i = 0; i < m->n_table[level]; i++)
				if (fresh[rv][level][i]) {
					write_table(m, rv, level, i);
					m->dirty[rv][level][i] = 0;
				}
		memcpy(m->cp_top[rv],
		       m->depth == 1 ? (rv ? m->rev : m->fwd) : m->table_at[rv][m->depth - 1],
		       m->n_table[m->depth - 1] * sizeof(uint32_t));
	}
	for (rv = 0; rv < 2; rv++)
		for (level = 0; level < 4; level++)
			free(fresh[rv][level]);
	if (m->failed)
		return;
	memcpy(m->cp_upper, m->upper, sizeof(m->upper));
	m->cp_head = MK_NONE;
	next_super(m);
}

void efs2_mk_move_tables(struct mk *m, uint32_t cluster)
{
	unsigned rv, level;

	/* From the bottom, so that a higher page that moves too knows the new place of the lower
	 * one. */
	for (level = 1; level < m->depth && !m->failed; level++)
		for (rv = 0; rv < 2 && !m->failed; rv++) {
			uint32_t index = (rv ? m->fwd[cluster] : cluster) >> (m->shift * level),
				 old;

			old = new_table_page(m, rv, level, index);
			write_table(m, rv, level, index);
			efs2_mk_entry(m, 6, 3, descriptor(m, rv, level, index), old,
				      m->table_at[rv][level][index]);
		}
}

static unsigned fit_depth(struct mk *m)
{
	unsigned d = 1;

	while (d < 4 && (m->npages - 1) >> (m->shift * (d - 1)) >= m->room)
		d++;
	return d;
}

/* Data first, then tables, then superblocks and journal. */
static int lay_out(struct mk *m)
{
	uint32_t log = m->o->log_blocks ? m->o->log_blocks : 4, need = 0, tables, bad = 0, b;
	unsigned level;

	for (level = 1; level < m->depth; level++)
		need += 2 * m->n_table[level];
	need *= 3 + m->o->checkpoints;
	tables = (need + m->ppb - 1) / m->ppb;
	for (b = 0; b < m->blocks; b++)
		bad += block_bad(m, b);
	tables += tables ? bad : 0;
	if (log + tables + 1 >= m->blocks)
		return efs2_mk_fail(m, "%u blocks are too few: %u of tables, %u of journal",
				    m->blocks, tables, log);
	m->region[0] = m->blocks - log - tables;
	m->region[1] = m->region[2] = m->blocks - log;
	m->region[3] = m->blocks;
	for (b = 0; b < m->npages; b++) {
		m->fwd[b] = MK_NONE;
		m->rev[b] = b / m->ppb >= m->region[2]                               ? MK_LOG
			    : b / m->ppb >= m->region[0] || block_bad(m, b / m->ppb) ? MK_RESERVED
										     : MK_FREE;
	}
	m->table_page = m->region[0] * m->ppb;
	m->next_cluster = 5;
	return 0;
}

int efs2_mk_dev_init(struct mk *m)
{
	unsigned level, rv;
	bool ok;

	m->ps = m->o->page_size;
	m->ppb = m->o->pages_per_block;
	m->blocks = m->o->blocks;
	m->version = m->o->version ? m->o->version : 0x25;
	m->old = (m->version & 0xff) < 0x24;
	m->age = m->o->age;
	m->npages = m->ppb * m->blocks;
	if ((m->ps != 512 && m->ps != 2048 && m->ps != 4096) || m->npages == 0 ||
	    m->npages > 1u << 20)
		return efs2_mk_fail(m, "impossible geometry");
	m->shift = m->ps == 512 ? 7 : m->ps == 2048 ? 9 : 10;
	m->room = m->old && m->ps == 512 ? 48 : m->old ? 226 : (m->ps - 240) / 8;
	m->depth = m->o->depth ? m->o->depth : fit_depth(m);
	m->img = malloc((size_t)m->npages * m->ps);
	m->role = calloc(m->npages, 1);
	m->fwd = malloc(m->npages * sizeof(*m->fwd));
	m->rev = malloc(m->npages * sizeof(*m->rev));
	m->jbuf = malloc(m->ps);
	ok = m->img && m->role && m->fwd && m->rev && m->jbuf;
	for (level = 0; level < m->depth && ok; level++) {
		uint32_t i, n = (uint32_t)(((uint64_t)m->npages - 1) >> (m->shift * level)) + 1;

		m->n_table[level] = n;
		for (rv = 0; rv < 2 && level && ok; rv++) {
			m->table_at[rv][level] = malloc(n * sizeof(uint32_t));
			m->dirty[rv][level] = malloc(n);
			ok = m->table_at[rv][level] && m->dirty[rv][level];
			for (i = 0; ok && i < n; i++)
				m->table_at[rv][level][i] = MK_NONE;
			if (ok)
				memset(m->dirty[rv][level], 1, n);
		}
	}
	for (rv = 0; rv < 2 && ok; rv++) {
		m->cp_top[rv] = calloc(m->n_table[m->depth - 1], sizeof(uint32_t));
		ok = m->cp_top[rv] != NULL;
	}
	if (!ok)
		return efs2_mk_fail(m, "no memory");
	if (m->n_table[m->depth - 1] > m->room)
		return efs2_mk_fail(m, "tables of %u levels do not fit the superblock", m->depth);
	memset(m->img, 0xff, (size_t)m->npages * m->ps);
	m->jn = 8;
	m->cp_head = MK_NONE;
	return lay_out(m);
}

void efs2_mk_dev_fini(struct mk *m)
{
	unsigned level, rv;

	for (rv = 0; rv < 2; rv++) {
		for (level = 0; level < 4; level++) {
			free(m->table_at[rv][level]);
			free(m->dirty[rv][level]);
		}
		free(m->cp_top[rv]);
	}
	free(m->img);
	free(m->role);
	free(m->fwd);
	free(m->rev);
	free(m->jbuf);
	free(m->obj);
	free(m->inode_cluster);
}
