/*
 * Superblocks: checkpoints of all roots, in page 0 of each block of the super/log region. The
 * region is used in a circle: a block is erased, gets a superblock with the next age, then journal
 * pages. So the newest one is known by age, and a damaged page 0 matters only where a newer one
 * could have been: in the blocks right behind the newest good one.
 */
#include "image/efs2_priv.h"

#include "base/crc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_MODERN 0x24

static struct efs2_super parse(const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(SLICE(p, n));
	struct efs2_super s = { 0 };
	uint32_t i, n_upper;

	rd_skip(&c, 4);
	s.version = rd_le16(&c);
	s.age = rd_le16(&c);
	rd_skip(&c, 8);
	s.block_size = rd_le32(&c);
	s.page_size = rd_le32(&c);
	s.block_count = rd_le32(&c);
	s.log_head = rd_le32(&c);
	rd_skip(&c, 32); /* allocator and garbage collector pointers */
	n_upper = (s.version & 0xff) >= VERSION_MODERN ? 32 : 7;
	for (i = 0; i < n_upper; i++)
		s.upper[i] = rd_le32(&c);
	s.nodes_per_page = rd_le16(&c);
	s.depth = rd_le16(&c);
	s.super_nodes = rd_le16(&c);
	s.num_regions = rd_le16(&c);
	for (i = 0; i < 4; i++)
		s.region[i] = rd_le32(&c);
	s.badmap = rd_le32(&c);
	rd_skip(&c, 4);
	s.tables_off = (uint32_t)c.off;
	return s;
}

static bool is_nand(uint16_t version)
{
	unsigned v = version & 0xffu;

	if (v == 0x0e || v == 0x0f)
		return false;
	return v > 0x0a ? v & 1 : !(v & 1);
}

static bool power_of_two(uint32_t v)
{
	return v && !(v & (v - 1));
}

/* Why this page cannot be a superblock of the image at hand, or NULL. */
static const char *super_flaw(const struct efs2_super *s)
{
	uint64_t pages = (uint64_t)s->block_size * s->block_count;

	if (s->page_size != 512 && s->page_size != 2048 && s->page_size != 4096)
		return "unknown page size";
	if (!power_of_two(s->block_size) || s->block_size < 2 || s->block_size > 1024)
		return "impossible number of pages in a block";
	if (pages == 0 || pages > EFS2_MAX_PAGES)
		return "impossible number of blocks";
	if (s->nodes_per_page != s->page_size / 4)
		return "impossible number of nodes in a page";
	if (s->depth < 1 || s->depth > 4)
		return "impossible depth of the page tables";
	if (s->num_regions != 4)
		return "not four regions";
	if (s->region[0] > s->region[1] || s->region[2] >= s->region[3] ||
	    s->region[1] > s->block_count || s->region[3] > s->block_count)
		return "regions outside the partition";
	if (s->page % s->block_size)
		return "not in the first page of a block";
	if (s->page / s->block_size < s->region[2] || s->page / s->block_size >= s->region[3])
		return "not where its own region is";
	if (s->tables_off + 4ull * s->super_nodes + 4 > s->page_size)
		return "page tables larger than the page";
	return NULL;
}

static int super_read(struct efs2 *fs, const struct efs2_cand *at, struct efs2_super *ret,
		      bool *ret_crc_ok, struct err *e)
{
	uint8_t p[EFS2_PAGE_MAX];

	if (fs->in->read_at(fs->in, (uint64_t)at->page * at->page_size, p, at->page_size, e) < 0)
		return -1;
	*ret = parse(p, at->page_size);
	ret->page = at->page;
	*ret_crc_ok = crc30_cdma(p, at->page_size - 4) == get_le32(p + at->page_size - 4);
	return 0;
}

static bool newer(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b) > 0;
}

static bool same_geometry(const struct efs2_super *a, const struct efs2_super *b)
{
	return a->page_size == b->page_size && a->block_size == b->block_size &&
	       a->block_count == b->block_count &&
	       memcmp(a->region, b->region, sizeof(a->region)) == 0;
}

struct survey {
	bool any, any_nor, any_misplaced, conflict;
	const char *flaw;
	uint32_t flaw_page;
};

/* Every candidate is read; the newest of those with a valid CRC becomes fs->sb. */
static int survey(struct efs2 *fs, struct survey *v, struct err *e)
{
	size_t i;

	for (i = 0; i < fs->n_cand; i++) {
		struct efs2_super_info *info = &fs->super_info[i];
		struct efs2_super s;
		const char *flaw;

		if (super_read(fs, &fs->cand[i], &s, &info->crc_ok, e) < 0)
			return -1;
		flaw = super_flaw(&s);
		info->page = s.page;
		info->version = s.version;
		info->age = s.age;
		info->plausible = !flaw && is_nand(s.version);
		if (!is_nand(s.version)) {
			v->any_nor = true;
			continue;
		}
		if (flaw && (!v->flaw || (info->crc_ok && !v->any_misplaced))) {
			v->flaw = flaw;
			v->flaw_page = info->page;
			v->any_misplaced = info->crc_ok;
		}
		if (flaw || !info->crc_ok)
			continue;
		if (v->any && !same_geometry(&s, &fs->sb))
			v->conflict = true;
		if (!v->any || newer(s.age, fs->sb.age))
			fs->sb = s;
		v->any = true;
	}
	return 0;
}

/* Keeps those that belong to the chosen one: the text in a file may look like a superblock. */
static void sift(struct efs2 *fs)
{
	size_t i, out = 0;

	for (i = 0; i < fs->n_cand; i++) {
		struct efs2_super_info *s = &fs->super_info[i];
		uint32_t block = s->page / fs->sb.block_size;

		if (fs->cand[i].page_size != fs->sb.page_size || s->page % fs->sb.block_size ||
		    block < fs->sb.region[2] || block >= fs->sb.region[3])
			continue;
		s->chosen = s->page == fs->sb.page;
		fs->super_info[out++] = *s;
	}
	fs->n_super = out;
	fs->report.supers = (uint32_t)out;
}

int efs2_super_choose(struct efs2 *fs, struct err *e)
{
	struct survey v = { 0 };

	fs->super_info = calloc(fs->n_cand + 1, sizeof(*fs->super_info));
	if (!fs->super_info)
		return err_nomem(e);
	if (survey(fs, &v, e) < 0)
		return -1;
	if (v.any) {
		if (fs->report.supers > EFS2_MAX_SUPERS)
			efs2_doubt(fs, "%u superblocks: more than any partition has",
				   fs->report.supers);
		if (v.conflict)
			efs2_doubt(fs, "superblocks of different geometry: a mix of two images");
		sift(fs);
		fs->report.age = fs->sb.age;
		fs->pages = fs->sb.block_size * fs->sb.block_count;
		return 0;
	}
	if (v.any_nor)
		return err_set(
			e, ERR_UNSUPPORTED,
			"EFS2 of NOR flash or of an early handset: its journal is not understood");
	if (v.any_misplaced)
		return err_set(
			e, ERR_INTEGRITY,
			"superblock in page %u of the image, but %s: the image does not begin with "
			"the partition's first page, or pages are left out of it",
			v.flaw_page, v.flaw);
	return err_set(
		e, ERR_INTEGRITY,
		"none of %zu superblocks is whole%s%s: without one nothing says which copy of a "
		"page is live",
		fs->n_cand, v.flaw ? "; " : "", v.flaw ? v.flaw : "");
}

const struct efs2_super_info *efs2_super_in(const struct efs2 *fs, uint32_t page)
{
	size_t i;

	for (i = 0; i < fs->n_super; i++) {
		const struct efs2_super_info *s = &fs->super_info[i];

		if (s->page == page && s->crc_ok && s->plausible)
			return s;
	}
	return NULL;
}

enum log_block { LB_ERASED, LB_VALID, LB_DAMAGED };

static enum log_block log_block(const struct efs2 *fs, uint32_t block)
{
	uint32_t p = block * fs->sb.block_size, end = p + fs->sb.block_size;

	if (efs2_super_in(fs, p))
		return LB_VALID;
	for (; p < end; p++) {
		if (fs->pstate[p] != EFS2_PS_ERASED)
			return LB_DAMAGED;
	}
	return LB_ERASED;
}

bool efs2_super_bad(const struct efs2 *fs, uint32_t block)
{
	uint32_t i = block - fs->sb.region[2];

	return i < 32 && fs->sb.badmap != EFS2_NONE && fs->sb.badmap >> i & 1;
}

void efs2_super_doubt(struct efs2 *fs)
{
	uint32_t first = fs->sb.region[2], n = fs->sb.region[3] - first, d;
	uint32_t own = fs->sb.page / fs->sb.block_size;
	bool could_be_newer = true;
	size_t i;

	for (i = 0; i < fs->n_super; i++) {
		const struct efs2_super_info *s = &fs->super_info[i];

		if (s->crc_ok && s->plausible && s->age == fs->sb.age && !s->chosen)
			efs2_doubt(fs, "superblocks in pages %u and %u have the same age %u",
				   fs->sb.page, s->page, s->age);
	}
	for (d = 1; d < n; d++) {
		uint32_t block = first + (own - first + d) % n;

		switch (log_block(fs, block)) {
		case LB_DAMAGED:
			if (efs2_super_bad(fs, block))
				break;
			fs->report.supers_bad++;
			if (could_be_newer)
				efs2_doubt(
					fs,
					"page %u should be a superblock but is damaged, and it "
					   "could "
					"be newer than the one in use",
					block * fs->sb.block_size);
			else
				efs2_fault(
					fs,
					"superblock in page %u is damaged; it is older than the "
					   "one "
					"in use",
					block * fs->sb.block_size);
			break;
		default:
			/* The circle has not come further than this block. */
			could_be_newer = false;
		}
	}
}
