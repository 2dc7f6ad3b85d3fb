/*
 * Page tables: cluster to page (forward) and page to cluster (reverse), each a tree whose top level
 * is in the superblock. Both are loaded flat: the largest partition needs 2 MiB. The journal's
 * moves of single pages win over table pages that it moved, and these over the superblock's.
 */
#include "image/efs2_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Room for the top level of each table in the superblock: 226 entries at 2 KiB; at 512 bytes 34, or
 * 48 in the old version. At 4 KiB two readings exist; whichever agrees with the forward table is
 * taken. */
static size_t top_rooms(const struct efs2 *fs, uint32_t *room)
{
	switch (fs->sb.page_size) {
	case 2048:
		room[0] = 226;
		return 1;
	case 512:
		room[0] = (fs->sb.version & 0xff) >= 0x24 ? 34 : 48;
		return 1;
	default:
		room[0] = 482;
		room[1] = 226;
		return 2;
	}
}

static uint32_t tables_of(const struct efs2 *fs, unsigned level)
{
	uint64_t span = UINT64_C(1) << (fs->shift * level);

	return (uint32_t)((fs->pages + span - 1) / span);
}

static bool known_code(uint32_t v)
{
	return v >= 0xFFFFFFF0u || v == EFS2_LOST_MAP;
}

static bool in_table_region(const struct efs2 *fs, uint32_t page)
{
	uint32_t per = fs->sb.block_size;

	return page < fs->pages && page >= fs->sb.region[0] * per && page < fs->sb.region[1] * per;
}

struct table {
	struct efs2 *fs;
	const struct efs2_overrides *o;
	bool reverse;
	const uint32_t *top; /* level depth-1 as the superblock has it */
	uint32_t n_top;
	uint32_t lost; /* table pages that could not be used */
};

/* The page that holds table page `index` of `level`, or EFS2_LOST_MAP. Level 1 pages hold the
 * entries themselves, higher ones the place of lower ones. */
static int locate(struct table *t, unsigned level, uint32_t index, uint32_t *ret, struct err *e)
{
	struct efs2 *fs = t->fs;
	uint32_t moved = t->o->table[t->reverse][level][index], above;
	const uint8_t *p;

	*ret = EFS2_LOST_MAP;
	if (moved != EFS2_UNSET) {
		*ret = moved;
		return 0;
	}
	if (level == fs->sb.depth - 1u) {
		if (index < t->n_top)
			*ret = t->top[index];
		return 0;
	}
	/* At most three levels are above: bounded by the depth that the superblock check allows. */
	if (locate(t, level + 1, index >> fs->shift, &above, e) < 0)
		return -1;
	if (!in_table_region(fs, above) || fs->pstate[above] == EFS2_PS_UNREAD)
		return 0;
	if (efs2_page(fs, above, &p, e) < 0)
		return -1;
	*ret = get_le32(p + 4 * (index & ((1u << fs->shift) - 1)));
	return 0;
}

/* Words of one level-1 table page into out; a page that cannot be one marks all of them lost. */
static int load_page(struct table *t, uint32_t index, uint32_t *out, uint32_t n, struct err *e)
{
	struct efs2 *fs = t->fs;
	uint32_t page, i, odd = 0;
	const uint8_t *p = NULL;
	const char *what = t->reverse ? "reverse" : "forward";

	if (locate(t, 1, index, &page, e) < 0)
		return -1;
	if (page == EFS2_NONE || page == EFS2_FREE) {
		/* No cluster of this range was ever used. */
		for (i = 0; i < n; i++)
			out[i] = EFS2_NONE;
		return 0;
	}
	/* All 0xFF is a table page too, of clusters that are not used; if it was lost, whoever
	 * needs one of them finds it unmapped. */
	if (in_table_region(fs, page) && fs->pstate[page] != EFS2_PS_UNREAD) {
		if (efs2_page(fs, page, &p, e) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			out[i] = get_le32(p + 4 * i);
			if (!t->reverse)
				odd += out[i] >= fs->pages && !known_code(out[i]);
			else
				odd += out[i] >> 31 && !known_code(out[i]);
		}
		if (!odd)
			return 0;
	}
	t->lost++;
	if (!p)
		efs2_fault(fs, "%s table page %u (page %" PRIu32 ") is missing or not a table page",
			   what, index, page);
	else
		efs2_fault(fs, "%s table page %u (page %" PRIu32 ") holds %u impossible entries",
			   what, index, page, odd);
	if (!t->reverse && p) {
		/* What points into the partition may still be right; the reverse table decides. */
		for (i = 0; i < n; i++)
			if (out[i] >= fs->pages && !known_code(out[i]))
				out[i] = EFS2_LOST_MAP;
		return 0;
	}
	for (i = 0; i < n; i++)
		out[i] = EFS2_LOST_MAP;
	return 0;
}

static int load_table(struct table *t, uint32_t *out, struct err *e)
{
	struct efs2 *fs = t->fs;
	uint32_t i, per = 1u << fs->shift;

	if (fs->sb.depth == 1) {
		for (i = 0; i < fs->pages; i++)
			out[i] = i < t->n_top ? t->top[i] : EFS2_NONE;
		return 0;
	}
	for (i = 0; i * per < fs->pages; i++) {
		if (load_page(t, i, out + i * per, MIN_OF(per, fs->pages - i * per), e) < 0)
			return -1;
	}
	return 0;
}

/* Is this row of top entries the reverse table's? Each must be a page of the table region, unlike
 * all others. */
static bool plausible_top(const struct efs2 *fs, const uint32_t *top, uint32_t n)
{
	uint32_t i, k, used = 0;

	for (i = 0; i < n; i++) {
		if (top[i] == EFS2_NONE || top[i] == EFS2_FREE)
			continue;
		if (!in_table_region(fs, top[i]))
			return false;
		for (k = 0; k < i; k++)
			if (top[k] == top[i])
				return false;
		used++;
	}
	return used > 0;
}

static uint32_t agreeing(const struct efs2 *fs, const uint32_t *rev, uint32_t *ret_mapped)
{
	uint32_t c, agree = 0;

	*ret_mapped = 0;
	for (c = 0; c < fs->clusters; c++) {
		uint32_t p = fs->fwd[c];

		if (p >= fs->pages)
			continue;
		++*ret_mapped;
		agree += !(rev[p] >> 31) && (rev[p] & 0xffffff) == c;
	}
	return agree;
}

/* The reverse table knows the page that the forward table gives, and knows it as something else. */
static bool contradicted(const struct efs2 *fs, uint32_t c)
{
	uint32_t v = fs->rev[fs->fwd[c]];

	return v != EFS2_LOST_MAP && (v >> 31 || (v & 0xffffff) != c);
}

/* Clusters that the forward table lost, from the reverse table: good enough to read, not to vouch
 * for. */
static void rebuild_forward(struct efs2 *fs)
{
	uint32_t p, c, n = 0;

	for (p = 0; p < fs->pages; p++) {
		c = fs->rev[p] & 0xffffff;
		if (fs->rev[p] >> 31 || c >= fs->clusters || in_table_region(fs, p))
			continue;
		if (efs2_bit(fs->rebuilt, c)) {
			fs->fwd[c] = EFS2_LOST_MAP; /* two pages say so: neither is believed */
		} else if (fs->fwd[c] >= fs->pages || contradicted(fs, c)) {
			fs->fwd[c] = p;
			efs2_bit_put(fs->rebuilt, c);
			n++;
		}
	}
	if (n)
		efs2_fault(fs, "%u clusters are only known from the reverse table", n);
}

/* One reading of the reverse table; *ret stays NULL when it cannot be one. */
static int try_reverse(struct efs2 *fs, const struct efs2_overrides *o, const uint32_t *top,
		       uint32_t **ret, struct err *e)
{
	struct table t = {
		.fs = fs, .o = o, .reverse = true, .top = top, .n_top = fs->sb.super_nodes
	};
	uint32_t *rev, i;

	if (fs->sb.depth > 1 && !plausible_top(fs, t.top, t.n_top))
		return 0;
	rev = malloc(sizeof(*rev) * fs->pages);
	if (!rev)
		return err_nomem(e);
	if (load_table(&t, rev, e) < 0) {
		free(rev);
		return -1;
	}
	for (i = 0; i < fs->pages; i++)
		if (o->rev[i] != EFS2_UNSET)
			rev[i] = o->rev[i];
	*ret = rev;
	return 0;
}

static int load_reverse(struct efs2 *fs, const struct efs2_overrides *o, const uint32_t *words,
			uint32_t n_words, struct err *e)
{
	uint32_t room[2], mapped = 0, agree = 0, best = 0;
	size_t n = top_rooms(fs, room), k;

	for (k = 0; k < n; k++) {
		uint32_t *rev = NULL;

		if (room[k] + fs->sb.super_nodes > n_words)
			continue;
		if (try_reverse(fs, o, words + room[k], &rev, e) < 0)
			return -1;
		if (!rev)
			continue;
		agree = agreeing(fs, rev, &mapped);
		if (fs->rev && agree <= best) {
			free(rev);
			continue;
		}
		free(fs->rev);
		fs->rev = rev;
		best = agree;
	}
	if (!fs->rev) {
		efs2_doubt(fs, "no reverse table was found that could confirm the forward table");
		return 0;
	}
	fs->report.has_reverse = true;
	if (best < mapped - mapped / 2)
		efs2_doubt(fs, "the reverse table confirms only %u of %u mapped clusters", best,
			   mapped);
	else if (best < mapped)
		efs2_fault(fs, "%u of %u mapped clusters are not confirmed by the reverse table",
			   mapped - best, mapped);
	rebuild_forward(fs);
	return 0;
}

static int overrides_init(const struct efs2 *fs, struct efs2_overrides *o, struct err *e)
{
	unsigned level, r;
	uint32_t i;

	o->fwd = malloc(sizeof(*o->fwd) * fs->clusters);
	o->rev = malloc(sizeof(*o->rev) * fs->pages);
	if (!o->fwd || !o->rev)
		return err_nomem(e);
	for (i = 0; i < fs->clusters; i++)
		o->fwd[i] = EFS2_UNSET;
	for (i = 0; i < fs->pages; i++)
		o->rev[i] = EFS2_UNSET;
	for (level = 1; level < fs->sb.depth; level++) {
		o->n_table[level] = tables_of(fs, level);
		for (r = 0; r < 2; r++) {
			o->table[r][level] = malloc(sizeof(uint32_t) * o->n_table[level]);
			if (!o->table[r][level])
				return err_nomem(e);
			for (i = 0; i < o->n_table[level]; i++)
				o->table[r][level][i] = EFS2_UNSET;
		}
	}
	return 0;
}

static void overrides_fini(struct efs2_overrides *o)
{
	unsigned level, r;

	free(o->fwd);
	free(o->rev);
	for (r = 0; r < 2; r++)
		for (level = 0; level < 4; level++)
			free(o->table[r][level]);
}

static int load_forward(struct efs2 *fs, const struct efs2_overrides *o, const uint32_t *words,
			struct err *e)
{
	struct table t = { .fs = fs, .o = o, .top = words, .n_top = fs->sb.super_nodes };
	uint32_t c;
	uint8_t *owned;

	if (load_table(&t, fs->fwd, e) < 0)
		return -1;
	owned = calloc(fs->pages / 8 + 1, 1);
	if (!owned)
		return err_nomem(e);
	for (c = 0; c < fs->clusters; c++) {
		if (o->fwd[c] != EFS2_UNSET)
			fs->fwd[c] = o->fwd[c];
		if (fs->fwd[c] >= fs->pages)
			continue;
		if (efs2_bit(owned, fs->fwd[c]))
			efs2_bit_put(fs->shared, fs->fwd[c]);
		efs2_bit_put(owned, fs->fwd[c]);
	}
	free(owned);
	return 0;
}

int efs2_map_load(struct efs2 *fs, struct err *e)
{
	struct efs2_overrides o = { 0 };
	uint32_t words[EFS2_PAGE_MAX / 4], n = 0, off;
	const uint8_t *p;
	int r = -1;

	if (efs2_set_geometry(fs, fs->pages, e) < 0)
		return -1;
	fs->report.expect_size = (uint64_t)fs->pages * fs->sb.page_size;
	if (fs->in->size != fs->report.expect_size)
		efs2_fault(fs, "the image has %" PRIu64 " bytes, its geometry needs %" PRIu64,
			   fs->in->size, fs->report.expect_size);
	efs2_super_doubt(fs);
	memcpy(fs->upper, fs->sb.upper, sizeof(fs->upper));
	if (overrides_init(fs, &o, e) == 0 && efs2_log_replay(fs, &o, e) == 0 &&
	    efs2_page(fs, fs->sb.page, &p, e) == 0) {
		/* All words behind the fixed part: forward top level, then the reverse one. */
		for (off = fs->sb.tables_off; off + 8 <= fs->sb.page_size; off += 4)
			words[n++] = get_le32(p + off);
		r = load_forward(fs, &o, words, e) < 0 || load_reverse(fs, &o, words, n, e) < 0 ? -1
												: 0;
	}
	overrides_fini(&o);
	return r;
}

enum efs2_trust efs2_cluster(const struct efs2 *fs, uint32_t c, uint32_t *ret_page)
{
	uint32_t p, v, block;

	if (c >= fs->clusters)
		return c == EFS2_NONE ? EFS2_T_UNMAPPED : EFS2_T_RANGE;
	p = fs->fwd[c];
	if (p == EFS2_LOST_MAP)
		return EFS2_T_TABLE;
	if (p >= fs->pages)
		return EFS2_T_UNMAPPED;
	if (fs->pstate[p] == EFS2_PS_UNREAD)
		return EFS2_T_UNREAD;
	*ret_page = p;
	if (fs->rev) {
		v = fs->rev[p];
		if (v >> 31)
			return EFS2_T_NO_REVERSE;
		v &= 0xffffff;
		if (v != c)
			return v < fs->clusters && fs->fwd[v] == p ? EFS2_T_OTHERS
								   : EFS2_T_NO_REVERSE;
	} else if (efs2_bit(fs->shared, p)) {
		return EFS2_T_SHARED;
	}
	if (fs->report.form == EFS2_FORM_NAND) {
		block = p / fs->sb.block_size;
		if ((block >= fs->sb.region[0] && block < fs->sb.region[1]) ||
		    (block >= fs->sb.region[2] && block < fs->sb.region[3]))
			return EFS2_T_REGION;
	}
	if (efs2_bit(fs->rebuilt, c))
		return EFS2_T_REBUILT;
	if (fs->pstate[p] == EFS2_PS_ERASED)
		return EFS2_T_ERASED;
	return fs->pstate[p] == EFS2_PS_MIXED ? EFS2_T_MIXED : EFS2_T_OK;
}

const char *efs2_trust_text(enum efs2_trust t)
{
	static const char *const text[EFS2_T_END] = {
		[EFS2_T_OK] = "good",
		[EFS2_T_NO_REVERSE] = "the reverse table does not confirm its page",
		[EFS2_T_REBUILT] = "its page is known from the reverse table only",
		[EFS2_T_REGION] = "its page lies among journal or table pages",
		[EFS2_T_SHARED] = "two owners claim its page",
		[EFS2_T_MIXED] = "a part of its page is filler",
		[EFS2_T_ERASED] = "its page reads as erased",
		[EFS2_T_ABSENT] = "absent",
		[EFS2_T_UNMAPPED] = "no page holds it",
		[EFS2_T_TABLE] = "the table page that says where it is is lost",
		[EFS2_T_RANGE] = "its number is outside the partition",
		[EFS2_T_UNREAD] = "its page was not read from the module",
		[EFS2_T_OTHERS] = "its page belongs to another cluster",
	};

	return t < EFS2_T_END && text[t] ? text[t] : "unknown";
}
