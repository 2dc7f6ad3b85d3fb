/*
 * One erase block holds one copy of the table, a page for each part: header (with the copy's age),
 * system table (first block and length of each partition), user table (sizes only; often erased),
 * and a CRC over the first two pages. All numbers are little endian, offsets and lengths in erase
 * blocks.
 */
#include "image/mibib.h"

#include "base/crc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_BLOCKS 48
#define PAGES       4 /* header, system table, user table, CRC */
#define ENTRY_SIZE  28
#define TABLE_HEAD  16
#define TO_THE_END  0xFFFFFFFFu
#define UNIT_BLOCKS 0xFE
#define UNIT_KIB    0xFF

static const uint8_t header_magic[8] = { 0xAC, 0x9F, 0x56, 0xFE, 0x7A, 0x12, 0x7F, 0xCD };
static const uint8_t system_magic[8] = { 0xAA, 0x73, 0xEE, 0x55, 0xDB, 0xBD, 0x5E, 0xE3 };
static const uint8_t user_magic[8] = { 0x9A, 0x1B, 0x7D, 0xAA, 0xBC, 0x48, 0x7D, 0x1F };
static const uint8_t crc_magic[8] = { 0xA1, 0xBE, 0x41, 0x9D, 0xEA, 0xD2, 0xDE, 0xF1 };

struct nand {
	uint32_t sector_size, sectors_per_block;
	uint64_t total_blocks; /* 0 = not known */
};

static bool has_magic(struct slice page, const uint8_t magic[8])
{
	return page.n >= 8 && memcmp(page.p, magic, 8) == 0;
}

static int nand_init(struct nand *g, uint32_t sector_size, uint32_t per_block,
		     uint64_t total_sectors, struct err *e)
{
	if (per_block == 0)
		return err_set(
			e, ERR_MISMATCH,
			"no erase blocks: the storage is not NAND, or its geometry is not known");
	if (sector_size < 512 || sector_size > 65536 || per_block > 4096)
		return err_set(e, ERR_MISMATCH,
			       "impossible NAND geometry: pages of %u bytes, %u pages per block",
			       sector_size, per_block);
	*g = (struct nand){ sector_size, per_block, total_sectors / per_block };
	return 0;
}

/* Names are up to 16 bytes of ASCII, padded with zeros; one of 16 has no terminator. */
static int parse_name(struct slice raw, struct partition *p, struct err *e)
{
	char name[17];
	size_t i;

	for (i = 0; i < raw.n && raw.p[i]; i++) {
		if (raw.p[i] < 0x20 || raw.p[i] > 0x7E)
			return err_set(e, ERR_PROTO, "name has the byte 0x%02x", raw.p[i]);
		name[i] = (char)raw.p[i];
	}
	name[i] = '\0';
	snprintf(p->name, sizeof(p->name), "%s", partition_plain_name(name));
	if (p->name[0] == '\0')
		return err_set(e, ERR_PROTO, "name is empty");
	return 0;
}

/* Puts one partition behind the others; *next is the first block after the last one, and moves on.
 */
static int place(struct table *t, struct partition *p, const struct nand *g, uint64_t first,
		 uint64_t length, bool to_the_end, uint64_t *next, struct err *e)
{
	uint64_t end;

	if (to_the_end) {
		if (g->total_blocks == 0)
			return err_set(e, ERR_PROTO,
				       "reaches to the end of the chip, whose size is not known");
		if (first >= g->total_blocks)
			return err_set(e, ERR_PROTO,
				       "starts at block %" PRIu64 " of a chip with %" PRIu64
				       " blocks",
				       first, g->total_blocks);
		length = g->total_blocks - first;
	}
	/* Masking to 16 bits, as some tools do, would hide a broken length and turn "to the end"
	 * into 65535 blocks. */
	if (!to_the_end && length > 0xFFFF)
		return err_set(e, ERR_PROTO, "has the impossible length of %" PRIu64 " blocks",
			       length);
	end = first + length;
	if (length == 0)
		return err_set(e, ERR_PROTO, "has no length");
	if (first < *next)
		return err_set(e, ERR_PROTO,
			       "starts at block %" PRIu64 " inside or before the partition "
			       "that ends at block %" PRIu64,
			       first, *next);
	if (g->total_blocks && end > g->total_blocks)
		return err_set(e, ERR_PROTO,
			       "ends at block %" PRIu64 " of a chip with %" PRIu64 " blocks", end,
			       g->total_blocks);
	p->at = (struct extent){ 0, first * g->sectors_per_block, length * g->sectors_per_block };
	if (table_add(t, p, e) < 0)
		return -1;
	*next = end;
	return 0;
}

static int parse_count(struct cursor *c, size_t *ret, struct err *e)
{
	size_t room = rd_left(c) >= TABLE_HEAD ? (rd_left(c) - TABLE_HEAD) / ENTRY_SIZE : 0;
	uint32_t count;

	rd_skip(c, 8);
	rd_skip(c, 4); /* version 3 or 4; what it limits differs by tool, the page's room decides */
	count = rd_le32(c);
	if (c->bad || count == 0 || count > room)
		return err_set(e, ERR_PROTO, "table announces %u entries where %zu fit", count,
			       room);
	*ret = count;
	return 0;
}

static int system_entry(struct cursor *c, const struct nand *g, struct table *t, uint64_t *next,
			struct err *e)
{
	struct partition p = { 0 };
	struct slice name = rd_bytes(c, 16);
	uint32_t first = rd_le32(c), length = rd_le32(c);

	memcpy(p.attr, rd_bytes(c, 4).p, 4);
	if (parse_name(name, &p, e) < 0)
		return -1;
	if (place(t, &p, g, first, length, length == TO_THE_END, next, e) < 0)
		return err_prefix(e, "'%s'", p.name);
	return 0;
}

static int user_entry(struct cursor *c, const struct nand *g, bool is_last, struct table *t,
		      uint64_t *next, struct err *e)
{
	uint64_t block = (uint64_t)g->sector_size * g->sectors_per_block, unit, length;
	struct partition p = { 0 };
	struct slice name = rd_bytes(c, 16);
	uint32_t size = rd_le32(c);
	uint16_t pad = rd_le16(c), which = rd_le16(c);
	const uint8_t *attr = rd_bytes(c, 4).p;

	memcpy(p.attr, attr, 3);
	p.attr[3] = (uint8_t)(which & 0xFF);
	if (parse_name(name, &p, e) < 0)
		return -1;
	if (attr[3] != UNIT_BLOCKS && attr[3] != UNIT_KIB) {
		err_set(e, ERR_PROTO, "has the unknown unit 0x%02x", attr[3]);
		goto fail;
	}
	if (size == TO_THE_END && !is_last) {
		err_set(e, ERR_PROTO, "reaches to the end of the chip but is not the last");
		goto fail;
	}
	unit = attr[3] == UNIT_BLOCKS ? block : 1024;
	length = (size * unit + block - 1) / block + (pad * unit + block - 1) / block;
	if (place(t, &p, g, *next, length, size == TO_THE_END, next, e) < 0)
		goto fail;
	return 0;
fail:
	return err_prefix(e, "'%s'", p.name);
}

static int parse_system(struct slice page, const struct nand *g, struct table *t, struct err *e)
{
	struct cursor c = cursor_of(page);
	size_t count, i;
	uint64_t next = 0;

	if (parse_count(&c, &count, e) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		if (system_entry(&c, g, t, &next, e) < 0)
			return err_prefix(e, "entry %zu", i);
	}
	t->kind = TABLE_MIBIB;
	return 0;
}

static bool crc_is_good(struct slice page0, struct slice page1, struct slice page3)
{
	uint32_t crc;

	if (page3.n < 16 || !has_magic(page3, crc_magic))
		return false;
	crc = crc32_msb_update(0, page0.p, page0.n);
	crc = crc32_msb_update(crc, page1.p, page1.n);
	return crc == get_le32(page3.p + 12);
}

static struct slice page_of(struct slice image, uint32_t sector_size, unsigned i)
{
	struct slice page = slice_sub(image, (size_t)i * sector_size, sector_size);

	return page.n == sector_size ? page : SLICE(page.p, 0);
}

/* Header, system table, user table and CRC page behind each other; what is missing is empty. */
static int parse_copy(struct slice image, const struct nand *g, struct table *t, struct err *e)
{
	struct slice page0 = page_of(image, g->sector_size, 0);
	struct slice page1 = page_of(image, g->sector_size, 1);
	struct slice page3 = page_of(image, g->sector_size, 3);

	if (!has_magic(page0, header_magic))
		return err_set(e, ERR_MISMATCH, "no partition table header");
	if (!has_magic(page1, system_magic))
		return err_set(e, ERR_MISMATCH, "no partition table in the page after the header");
	if (parse_system(page1, g, t, e) < 0)
		return -1;
	t->age = get_le32(page0.p + 12);
	if (!crc_is_good(page0, page1, page3))
		t->warnings |= TABLE_WARN_CRC;
	return 0;
}

static bool is_not_here(const struct err *e)
{
	return e->kind == ERR_REFUSED || e->kind == ERR_INTEGRITY;
}

/* Pages 1 to 3 into buf, which is cleared where the target refuses a page: the erased page of the
 * user table may be refused by a target that reads the others. */
static int read_copy(struct sectors *s, uint64_t sector, uint8_t *buf, struct err *e)
{
	size_t size = s->sector_size;
	struct err why = ERR_INIT;
	unsigned i;

	if (s->read(s, 0, sector + 1, PAGES - 1, buf + size, &why) == 0)
		return 0;
	if (!is_not_here(&why))
		goto fail;
	for (i = 1; i < PAGES; i++) {
		if (s->read(s, 0, sector + i, 1, buf + i * size, &why) == 0)
			continue;
		if (!is_not_here(&why))
			goto fail;
		memset(buf + i * size, 0, size);
	}
	return 0;
fail:
	*e = why;
	return -1;
}

static bool is_better(const struct table *a, const struct table *b)
{
	bool a_good = !(a->warnings & TABLE_WARN_CRC), b_good = !(b->warnings & TABLE_WARN_CRC);

	if (b->kind == TABLE_NONE || a_good != b_good)
		return b->kind == TABLE_NONE || a_good;
	return a->age > b->age;
}

struct scan {
	struct table best;
	unsigned blank, refused, seen;
	struct err damage; /* what is wrong with the first copy that cannot be used */
};

static int scan_block(struct sectors *s, const struct nand *g, unsigned block, uint8_t *buf,
		      struct scan *scan, struct err *e)
{
	uint64_t sector = (uint64_t)block * g->sectors_per_block;
	struct slice page0 = SLICE(buf, g->sector_size);
	struct table t = { 0 };
	struct err why = ERR_INIT;

	scan->seen++;
	if (s->read(s, 0, sector, 1, buf, &why) < 0) {
		if (is_not_here(&why)) {
			scan->refused++;
			return 0;
		}
		*e = why;
		return -1;
	}
	if (!has_magic(page0, header_magic)) {
		if (slice_all(page0, 0xFF) || slice_all(page0, 0xEE))
			scan->blank++;
		return 0;
	}
	if (read_copy(s, sector, buf, e) < 0)
		return -1;
	if (parse_copy(SLICE(buf, (size_t)PAGES * g->sector_size), g, &t, &why) < 0) {
		table_fini(&t);
		if (why.kind == ERR_NOMEM)
			return err_nomem(e);
		if (scan->damage.kind == ERR_NONE) {
			scan->damage = why;
			err_prefix(&scan->damage, "the copy in block %u", block);
		}
		return 0;
	}
	t.found_sector = sector;
	if (is_better(&t, &scan->best)) {
		table_fini(&scan->best);
		scan->best = t;
	} else {
		table_fini(&t);
	}
	return 0;
}

int mibib_find(struct sectors *s, struct table *ret, struct err *e)
{
	struct scan scan = { 0 };
	struct nand g;
	uint8_t *buf;
	unsigned block, blocks;
	int r = 0;

	if (nand_init(&g, s->sector_size, s->sectors_per_block, s->total_sectors, e) < 0)
		return -1;
	blocks = g.total_blocks ? (unsigned)MIN_OF(g.total_blocks, SCAN_BLOCKS) : SCAN_BLOCKS;
	buf = calloc(PAGES, g.sector_size);
	if (!buf)
		return err_nomem(e);
	for (block = 0; block < blocks && r == 0; block++)
		r = scan_block(s, &g, block, buf, &scan, e);
	free(buf);
	if (r < 0) {
		table_fini(&scan.best);
		return err_prefix(e, "looking for the partition table");
	}
	if (scan.best.kind != TABLE_NONE) {
		*ret = scan.best;
		return 0;
	}
	err_set(e, ERR_MISMATCH, "no partition table found in the first %u erase blocks", blocks);
	if (scan.damage.kind != ERR_NONE)
		err_append(e, ": %s", scan.damage.msg);
	else if (scan.refused == scan.seen)
		err_append(e, ": none of them could be read");
	else if (scan.blank == scan.seen)
		err_append(e, ": they are blank");
	return err_append(e, "; name a table file, or give sectors");
}

/* The page size a partition_complete image was made for, 0 when it is none. */
static uint32_t image_page_size(struct slice image)
{
	uint32_t size;

	for (size = 512; size <= 65536; size *= 2) {
		if (has_magic(slice_sub(image, size, 8), system_magic))
			return size;
	}
	return 0;
}

int mibib_parse_image(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		      uint64_t total_sectors, struct table *ret, struct err *e)
{
	struct table t = { 0 };
	struct nand g;
	int r;

	if (nand_init(&g, sector_size, sectors_per_block, total_sectors, e) < 0)
		return -1;
	if (has_magic(image, system_magic)) {
		r = parse_system(slice_sub(image, 0, sector_size), &g, &t, e);
		t.warnings |= TABLE_WARN_CRC;
	} else if (has_magic(image, header_magic)) {
		uint32_t made_for = image_page_size(image);

		if (made_for && made_for != sector_size)
			return err_set(
				e, ERR_MISMATCH,
				"partition table is for pages of %u bytes, the storage has %u",
				made_for, sector_size);
		r = parse_copy(image, &g, &t, e);
	} else if (has_magic(image, user_magic)) {
		return err_set(e, ERR_MISMATCH,
			       "a user partition table (partition.mbn), not a system table");
	} else {
		return err_set(e, ERR_MISMATCH, "not a NAND partition table: wrong first 8 bytes");
	}
	if (r < 0) {
		table_fini(&t);
		return err_prefix(e, "partition table");
	}
	*ret = t;
	return 0;
}

int mibib_parse_user(struct slice image, uint32_t sector_size, uint32_t sectors_per_block,
		     uint64_t total_sectors, struct table *ret, struct err *e)
{
	struct cursor c = cursor_of(image);
	struct table t = { 0 };
	struct nand g;
	size_t count, i;
	uint64_t next = 0;

	if (nand_init(&g, sector_size, sectors_per_block, total_sectors, e) < 0)
		return -1;
	if (!has_magic(image, user_magic))
		return err_set(e, ERR_MISMATCH, "not a user partition table: wrong first 8 bytes");
	if (parse_count(&c, &count, e) < 0)
		return err_prefix(e, "user partition table");
	for (i = 0; i < count; i++) {
		if (user_entry(&c, &g, i + 1 == count, &t, &next, e) < 0) {
			table_fini(&t);
			return err_prefix(e, "user partition table: entry %zu", i);
		}
	}
	t.kind = TABLE_MIBIB;
	/* The file has no CRC of its own. */
	t.warnings = TABLE_WARN_CRC;
	*ret = t;
	return 0;
}
