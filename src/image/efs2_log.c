/*
 * The journal: what changed since the superblock. Pages of the super/log region other than page 0
 * of each block, from the superblock's log head on, until the first erased one. A page that does
 * not prove itself ends the replay, and whatever it held is unknown.
 */
#include "image/efs2_priv.h"

#include "base/crc.h"

#include <inttypes.h>
#include <string.h>

#define END_PLAIN  0xFE /* CRC over the entries */
#define END_SEALED 0xFD /* CRC over sequence number and entries; the rest of the page is zero */

enum log_op {
	OP_PAGE_MOVE = 4,
	OP_NEW_DATA = 5,
	OP_TABLE_MOVE = 6,
	OP_UPPER_DATA = 7,
	OP_GC_MOVE = 11,
	OP_GC_DEALLOC = 13,
	OP_GARBAGE = 14,
	OP_LOG_ALLOC = 17,
};

/* Offset of the end mark of a page whose CRC fits, or 0. */
static size_t verify(struct slice page)
{
	uint8_t sealed[EFS2_PAGE_MAX];
	size_t off = 8, left;

	while (off + 3 <= page.n) {
		uint8_t b = page.p[off];

		if (b == END_PLAIN)
			return crc16_x25(page.p + 8, off - 7) == get_le16(page.p + off + 1) ? off
											    : 0;
		if (b == END_SEALED) {
			left = page.n - off - 3;
			memcpy(sealed, page.p, 4);
			memcpy(sealed + 4, page.p + 8, off - 7);
			if (crc16_x25(sealed, off - 3) != get_le16(page.p + off + 1))
				return 0;
			return slice_all(slice_sub(page, off + 3, left), 0) ? off : 0;
		}
		off += 1 + 4u * (b >> 6);
	}
	return 0;
}

static void put_forward(struct efs2 *fs, struct efs2_overrides *o, uint32_t cluster, uint32_t page)
{
	if (cluster >= fs->clusters)
		efs2_doubt(fs, "the journal names cluster %u of %u", cluster, fs->clusters);
	else
		o->fwd[cluster] = page;
}

static void put_reverse(struct efs2 *fs, struct efs2_overrides *o, uint32_t page, uint32_t value)
{
	if (page >= fs->pages)
		efs2_doubt(fs, "the journal names page %u of %u", page, fs->pages);
	else
		o->rev[page] = value;
}

static void move_table(struct efs2 *fs, struct efs2_overrides *o, const uint32_t *arg)
{
	bool reverse = arg[0] >> 29 & 1;
	uint32_t from_top = arg[0] >> 26 & 7, level, index;

	if (from_top < 1 || from_top >= fs->sb.depth) {
		efs2_doubt(fs, "the journal moves a table page of level %u where %u levels are",
			   from_top, fs->sb.depth - 1u);
		return;
	}
	level = fs->sb.depth - from_top;
	index = (uint32_t)((uint64_t)(arg[0] & 0x3ffffff) << 6 >> (fs->shift * level));
	if (index >= o->n_table[level] || arg[2] >= fs->pages) {
		efs2_doubt(fs, "the journal moves table page %u of %u to page %u of %u", index,
			   o->n_table[level], arg[2], fs->pages);
		return;
	}
	o->table[reverse][level][index] = arg[2];
	put_reverse(fs, o, arg[1], EFS2_GARBAGE);
	put_reverse(fs, o, arg[2], arg[0]);
}

static void apply(struct efs2 *fs, struct efs2_overrides *o, unsigned op, unsigned n,
		  const uint32_t *arg)
{
	static const uint8_t args_of[18] = {
		[OP_PAGE_MOVE] = 3, [OP_NEW_DATA] = 2,   [OP_TABLE_MOVE] = 3, [OP_UPPER_DATA] = 2,
		[OP_GC_MOVE] = 3,   [OP_GC_DEALLOC] = 2, [OP_GARBAGE] = 1,    [OP_LOG_ALLOC] = 1,
	};

	fs->report.log_entries++;
	if (op >= ARRAY_SIZE(args_of) || args_of[op] != n) {
		if (fs->report.log_unknown_ops++ == 0)
			efs2_doubt(fs, "the journal holds an unknown operation %u with %u words",
				   op, n);
		return;
	}
	switch (op) {
	case OP_PAGE_MOVE:
	case OP_GC_MOVE:
		put_reverse(fs, o, arg[1], EFS2_GARBAGE);
		put_reverse(fs, o, arg[2], arg[0]);
		put_forward(fs, o, arg[0] & 0xffffff, arg[2]);
		break;
	case OP_NEW_DATA:
		put_reverse(fs, o, arg[1], arg[0]);
		put_forward(fs, o, arg[0] & 0xffffff, arg[1]);
		break;
	case OP_TABLE_MOVE:
		move_table(fs, o, arg);
		break;
	case OP_UPPER_DATA:
		if (arg[0] < ARRAY_SIZE(fs->upper))
			fs->upper[arg[0]] = arg[1];
		else
			efs2_doubt(fs, "the journal sets root word %u of 32", arg[0]);
		break;
	case OP_GC_DEALLOC:
		put_forward(fs, o, arg[0] & 0xffffff, EFS2_NONE);
		put_reverse(fs, o, arg[1], EFS2_GARBAGE);
		break;
	case OP_GARBAGE:
		put_reverse(fs, o, arg[0], EFS2_GARBAGE);
		break;
	case OP_LOG_ALLOC:
		put_reverse(fs, o, arg[0], EFS2_LOG);
		break;
	}
}

static void apply_page(struct efs2 *fs, struct efs2_overrides *o, const uint8_t *p, size_t end)
{
	uint32_t arg[3];
	size_t off = 8;

	while (off < end) {
		unsigned n = p[off] >> 6, op = p[off] & 0x3f, i;

		for (i = 0; i < n; i++)
			arg[i] = get_le32(p + off + 1 + 4u * i);
		apply(fs, o, op, n, arg);
		off += 1 + 4u * n;
	}
}

/* Behind the last journal page its block must be erased: a page that is written there says that the
 * journal went on and that what looked like its end is a page lost from the dump. */
static void check_end(struct efs2 *fs, uint32_t page)
{
	uint32_t end = page - page % fs->sb.block_size + fs->sb.block_size;
	uint32_t end_of_journal = page;

	for (; page < end; page++) {
		if (fs->pstate[page] != EFS2_PS_ERASED) {
			efs2_doubt(fs,
				   "the journal has a hole: it ends before page %u, but page %u is "
				   "written",
				   end_of_journal, page);
			return;
		}
	}
}

struct replay {
	uint32_t first, end, page, prev_seq;
	bool started, left_own;
	bool reached_own; /* the block of the superblock in use: the journal cannot end before it */
};

/* Into the next block, over its superblock. True when the journal ends here. */
static bool enter_block(struct efs2 *fs, struct replay *r)
{
	uint32_t block = r->page / fs->sb.block_size, own = fs->sb.page / fs->sb.block_size;

	if (block == own) {
		r->left_own = false;
		r->reached_own = true;
	} else if (efs2_super_in(fs, r->page)) {
		if (r->left_own)
			return true; /* round the circle: an older block, not yet erased */
	} else if (efs2_super_bad(fs, block)) {
		r->page += fs->sb.block_size;
		if (r->page == r->end)
			r->page = r->first;
		return false;
	}
	r->page++;
	return false;
}

static void leave_page(struct efs2 *fs, struct replay *r)
{
	uint32_t own = fs->sb.page / fs->sb.block_size;

	if (r->page / fs->sb.block_size == own && (r->page + 1) % fs->sb.block_size == 0)
		r->left_own = true;
	r->page++;
	if (r->page == r->end)
		r->page = r->first;
}

int efs2_log_replay(struct efs2 *fs, struct efs2_overrides *o, struct err *e)
{
	uint32_t per = fs->sb.block_size, steps;
	struct replay r = { .first = fs->sb.region[2] * per,
			    .end = fs->sb.region[3] * per,
			    .page = fs->sb.log_head };
	const uint8_t *p;

	r.reached_own = r.page / per == fs->sb.page / per;

	if (r.page < r.first || r.page >= r.end) {
		efs2_doubt(fs, "the journal begins in page %u, outside its region %u to %u", r.page,
			   r.first, r.end - 1);
		return 0;
	}
	for (steps = 0; steps < r.end - r.first; steps++) {
		uint32_t seq;
		size_t end;

		if (r.page % per == 0) {
			if (enter_block(fs, &r))
				return 0;
			continue;
		}
		if (fs->pstate[r.page] == EFS2_PS_ERASED) {
			if (!r.reached_own && !efs2_super_in(fs, r.page - r.page % per)) {
				r.page += per - r.page % per; /* a bad block that nobody listed */
				if (r.page == r.end)
					r.page = r.first;
				continue;
			}
			if (!r.reached_own)
				efs2_doubt(fs,
					   "the journal ends in page %u, before its own superblock",
					   r.page);
			check_end(fs, r.page);
			return 0;
		}
		if (fs->pstate[r.page] == EFS2_PS_UNREAD) {
			fs->report.log_rejected++;
			efs2_doubt(
				fs,
				"journal page %u was not read from the module: changes from there "
				   "on "
				"are unknown",
				r.page);
			return 0;
		}
		if (efs2_page(fs, r.page, &p, e) < 0)
			return -1;
		seq = get_le32(p);
		if (seq == EFS2_NONE) { /* allocated, never used */
			leave_page(fs, &r);
			continue;
		}
		end = verify(SLICE(p, fs->sb.page_size));
		if (!end) {
			fs->report.log_rejected++;
			efs2_doubt(
				fs,
				"journal page %u has a bad checksum: changes from there on are "
				   "unknown",
				r.page);
			return 0;
		}
		if (r.started && seq != r.prev_seq + 1 && seq != 1) {
			fs->report.log_rejected++;
			efs2_doubt(fs,
				   "journal page %u has number %" PRIu32 " after %" PRIu32
				   ": a page between them is lost",
				   r.page, seq, r.prev_seq);
			return 0;
		}
		r.started = true;
		r.prev_seq = seq;
		fs->report.log_pages++;
		apply_page(fs, o, p, end);
		leave_page(fs, &r);
	}
	efs2_doubt(fs, "the journal fills its whole region: its end is unknown");
	return 0;
}
