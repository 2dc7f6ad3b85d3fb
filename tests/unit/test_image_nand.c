/* MIBIB tables, block maps and dump maps. The images are written by hand from the raw example and the
 * EG25-G layouts, not by a builder that shares code with the reader. */
#include "tests/unit/unit.h"

#include "base/crc.h"
#include "image/blockmap.h"
#include "image/dumpmap.h"
#include "image/mibib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE  2048u
#define BLOCK 64u

struct row {
	const char *name;
	uint32_t offset, length;
};

/* EG25-G, 256 MiB, 2048 blocks of 128 KiB; three shipped tables. */
#define EG25_HEAD                                                                                  \
	{ "0:SBL", 0, 10 }, { "0:MIBIB", 10, 10 }, { "0:EFS2", 20, 136 }, { "0:sys_rev", 156, 40 },    \
		{ "0:RAWDATA", 196, 10 }, { "0:TZ", 206, 12 }, { "0:RPM", 218, 9 },                    \
		{ "0:cust_info", 227, 16 }, { "0:aboot", 243, 12 }, { "0:boot", 255, 62 },             \
		{ "0:recovery", 317, 62 }, { "0:modem", 379, 428 }, { "0:misc", 807, 5 }

static const struct row eg25_01[] = { EG25_HEAD, { "0:recoveryfs", 812, 162 }, { "0:usr_data", 974, 492 },
				      { "0:sec", 1466, 4 }, { "0:system", 1470, 578 } };
static const struct row eg25_30[] = { EG25_HEAD, { "0:recoveryfs", 812, 162 }, { "0:usr_data", 974, 480 },
				      { "0:sec", 1454, 4 }, { "0:system", 1458, 590 } };
static const struct row eg25_ocpu[] = { EG25_HEAD, { "0:recoveryfs", 812, 88 }, { "0:usr_data", 900, 400 },
					{ "0:data", 1300, 172 }, { "0:sec", 1472, 4 },
					{ "0:system", 1476, 572 } };

static void put_entry(uint8_t *table, size_t i, const struct row *r)
{
	uint8_t *p = table + 16 + 28 * i;
	bool rw = strcmp(r->name, "0:MIBIB") == 0 || strcmp(r->name, "0:EFS2") == 0;

	memset(p, 0, 28);
	memcpy(p, r->name, strlen(r->name));
	put_le32(p + 16, r->offset);
	put_le32(p + 20, r->length);
	p[24] = 0xFF;
	p[25] = 0x01;
	p[26] = rw ? 0xFF : 0x00;
	p[27] = 0;
}

static const uint8_t header_bytes[12] = { 0xAC, 0x9F, 0x56, 0xFE, 0x7A, 0x12, 0x7F, 0xCD, 4, 0, 0, 0 };
static const uint8_t table_bytes[12] = { 0xAA, 0x73, 0xEE, 0x55, 0xDB, 0xBD, 0x5E, 0xE3, 4, 0, 0, 0 };
static const uint8_t crc_bytes[12] = { 0xA1, 0xBE, 0x41, 0x9D, 0xEA, 0xD2, 0xDE, 0xF1, 1, 0, 0, 0 };

static void seal(uint8_t *img, uint32_t page)
{
	uint32_t crc = crc32_msb_update(0, img, 2 * page);

	memcpy(img + 3 * page, crc_bytes, 12);
	put_le32(img + 3 * page + 12, crc);
}

/* Four pages, as a partition_complete file and as the first pages of the erase block. */
static void put_copy(uint8_t *img, uint32_t page, uint32_t age, const struct row *rows, size_t n)
{
	size_t i;

	memset(img, 0xFF, 4 * page);
	memcpy(img, header_bytes, 12);
	put_le32(img + 12, age);
	memcpy(img + page, table_bytes, 12);
	put_le32(img + page + 12, (uint32_t)n);
	for (i = 0; i < n; i++)
		put_entry(img + page, i, &rows[i]);
	seal(img, page);
}

/* A chip whose first 48 blocks have four interesting pages each. */
struct chip {
	struct sectors sectors;
	uint8_t *page; /* 48 * 4 pages */
	uint64_t refused_blocks; /* bit n: block n cannot be read */
	bool refuse_page_2;
	int gone_at; /* read number that finds the cable pulled; -1 never */
	int reads;
};

static int chip_read(struct sectors *s, uint32_t lun, uint64_t sector, uint32_t count, void *buf,
		     struct err *e)
{
	struct chip *c = (struct chip *)s;
	uint32_t i, per = s->sectors_per_block;

	assert_int_equal(lun, 0);
	assert_true(!s->total_sectors || sector + count <= s->total_sectors);
	if (c->reads++ == c->gone_at)
		return err_set(e, ERR_GONE, "unplugged");
	for (i = 0; i < count; i++) {
		uint64_t block = (sector + i) / per, page = (sector + i) % per;

		assert_true(block < 48);
		if (c->refused_blocks >> block & 1 || (c->refuse_page_2 && page == 2))
			return err_set(e, ERR_REFUSED, "uncorrectable");
		if (page < 4)
			memcpy((uint8_t *)buf + (size_t)i * s->sector_size,
			       c->page + (block * 4 + page) * s->sector_size, s->sector_size);
		else
			memset((uint8_t *)buf + (size_t)i * s->sector_size, 0xFF, s->sector_size);
	}
	return 0;
}

static uint8_t *chip_block(struct chip *c, unsigned block)
{
	return c->page + (size_t)block * 4 * c->sectors.sector_size;
}

static void chip_new(struct chip *c, uint32_t page, uint64_t blocks)
{
	*c = (struct chip){ .sectors = { chip_read, page, BLOCK, blocks * BLOCK }, .gone_at = -1 };
	c->page = malloc(48 * 4 * page);
	assert_non_null(c->page);
	memset(c->page, 0xFF, 48 * 4 * page);
}

static void mibib_shipped_tables_have_their_known_crc(void **state)
{
	static const struct {
		const struct row *rows;
		size_t n;
		uint32_t crc;
	} known[] = { { eg25_30, ARRAY_SIZE(eg25_30), 0xDE5D6102 },
		      { eg25_01, ARRAY_SIZE(eg25_01), 0x0F0D394D },
		      { eg25_ocpu, ARRAY_SIZE(eg25_ocpu), 0xDC2AFB1D } };
	uint8_t *img = malloc(4 * PAGE);
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		struct table t = { 0 };
		struct err e = ERR_INIT;

		put_copy(img, PAGE, 1, known[i].rows, known[i].n);
		/* The stored value is the known one, so a wrong CRC in the reader cannot agree with itself. */
		put_le32(img + 3 * PAGE + 12, known[i].crc);
		assert_ok(mibib_parse_image(SLICE(img, 4 * PAGE), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e);
		assert_int_equal(t.warnings, 0);
		assert_int_equal(t.kind, TABLE_MIBIB);
		assert_int_equal(t.n, known[i].n);
		for (k = 0; k < t.n; k++) {
			assert_string_equal(t.part[k].name, known[i].rows[k].name + 2);
			assert_int_equal(t.part[k].at.start, known[i].rows[k].offset * BLOCK);
			assert_int_equal(t.part[k].at.count, known[i].rows[k].length * BLOCK);
		}
		assert_memory_equal(t.part[2].attr, "\xff\x01\xff\x00", 4);
		table_fini(&t);
		img[3 * PAGE + 12] ^= 1;
		assert_ok(mibib_parse_image(SLICE(img, 4 * PAGE), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e);
		assert_int_equal(t.warnings, TABLE_WARN_CRC);
		table_fini(&t);
	}
	free(img);
}

/* The start of page 1 of a real EG25-G, as published. */
static void mibib_raw_example_reads_as_documented(void **state)
{
	static const char hex[] = "aa73ee55dbbd5ee304000000" "04000000"
		"303a53424c0000000000000000000000" "000000000a000000ff010000"
		"303a4d49424942000000000000000000" "0a0000000a000000ff01ff00"
		"303a4546533200000000000000000000" "1400000088000000ff01ff00"
		"303a7379735f72657600000000000000" "9c00000028000000ff010000";
	uint8_t page[PAGE];
	struct table t = { 0 };
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	memset(page, 0xFF, sizeof(page));
	assert_ok(hex_decode(hex, page, sizeof(page), &n, &e), e);
	assert_ok(mibib_parse_image(SLICE(page, PAGE), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e);
	assert_int_equal(t.n, 4);
	assert_string_equal(t.part[2].name, "EFS2");
	assert_int_equal(t.part[2].at.start, 1280);
	assert_int_equal(t.part[2].at.count, 8704);
	assert_string_equal(t.part[3].name, "sys_rev");
	assert_int_equal(t.warnings, TABLE_WARN_CRC);
	table_fini(&t);
}

static void mibib_is_found_wherever_it_is(void **state)
{
	static const unsigned places[] = { 0, 8, 10, 16, 32, 47 };
	static const uint32_t pages[] = { 2048, 4096 };
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		for (k = 0; k < ARRAY_SIZE(pages); k++) {
			struct table t = { 0 };
			struct err e = ERR_INIT;
			struct chip c;

			chip_new(&c, pages[k], 2048);
			put_copy(chip_block(&c, places[i]), pages[k], 7, eg25_30, ARRAY_SIZE(eg25_30));
			assert_ok(mibib_find(&c.sectors, &t, &e), e);
			assert_int_equal(t.found_sector, places[i] * BLOCK);
			assert_int_equal(t.age, 7);
			assert_int_equal(t.warnings, 0);
			assert_int_equal(t.n, 17);
			table_fini(&t);
			free(c.page);
		}
	}
}

static void mibib_good_crc_wins_then_age(void **state)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;
	struct chip c;

	(void)state;
	chip_new(&c, PAGE, 2048);
	put_copy(chip_block(&c, 10), PAGE, 3, eg25_30, ARRAY_SIZE(eg25_30));
	put_copy(chip_block(&c, 12), PAGE, 9, eg25_01, ARRAY_SIZE(eg25_01));
	put_copy(chip_block(&c, 13), PAGE, 5, eg25_30, ARRAY_SIZE(eg25_30));
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 9);
	assert_int_equal(t.found_sector, 12 * BLOCK);
	assert_int_equal(t.part[14].at.count, 492 * BLOCK);
	table_fini(&t);
	/* The youngest copy has a bad CRC: the next older good one is used, without a warning. */
	chip_block(&c, 12)[3 * PAGE + 13] ^= 0x80;
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 5);
	assert_int_equal(t.warnings, 0);
	table_fini(&t);
	/* No copy has a good one: the youngest again, with the warning. */
	chip_block(&c, 10)[3 * PAGE] ^= 1;
	memset(chip_block(&c, 13) + 3 * PAGE, 0xFF, PAGE);
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 9);
	assert_int_equal(t.warnings, TABLE_WARN_CRC);
	table_fini(&t);
	/* The youngest has a table that contradicts itself: it does not count. */
	put_le32(chip_block(&c, 12) + PAGE + 12, 0);
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 5);
	table_fini(&t);
	free(c.page);
}

static void mibib_bad_blocks_are_passed_over(void **state)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;
	struct chip c;

	(void)state;
	chip_new(&c, PAGE, 2048);
	put_copy(chip_block(&c, 10), PAGE, 9, eg25_01, ARRAY_SIZE(eg25_01));
	put_copy(chip_block(&c, 11), PAGE, 1, eg25_30, ARRAY_SIZE(eg25_30));
	c.refused_blocks = 1ull << 10 | 1ull << 3;
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.found_sector, 11 * BLOCK);
	table_fini(&t);
	/* A target that refuses the erased user table page still has its table and CRC read. */
	c.refuse_page_2 = true;
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.warnings, 0);
	assert_int_equal(t.n, 17);
	table_fini(&t);
	c.refused_blocks = (1ull << 48) - 1;
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "none of them could be read"));
	free(c.page);
}

static void mibib_pulled_cable_ends_the_search_at_every_read(void **state)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;
	struct chip c;
	int n;

	(void)state;
	chip_new(&c, PAGE, 2048);
	put_copy(chip_block(&c, 10), PAGE, 9, eg25_01, ARRAY_SIZE(eg25_01));
	c.refuse_page_2 = true;
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	table_fini(&t);
	n = c.reads;
	for (c.gone_at = 0; c.gone_at < n; c.gone_at++) {
		c.reads = 0;
		err_clear(&e);
		assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_GONE);
		assert_int_equal(c.reads, c.gone_at + 1);
	}
	free(c.page);
}

static void mibib_blank_and_foreign_storage_say_so(void **state)
{
	struct table t = { .n = 77 };
	struct err e = ERR_INIT;
	struct chip c;

	(void)state;
	chip_new(&c, PAGE, 2048);
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "no partition table found"));
	assert_non_null(strstr(e.msg, "blank"));
	memset(c.page, 0xEE, 48 * 4 * PAGE);
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "blank"));
	memset(c.page, 0x11, 48 * 4 * PAGE);
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	assert_null(strstr(e.msg, "blank"));
	c.sectors.sectors_per_block = 0;
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	assert_int_equal(t.n, 77);
	free(c.page);
	/* A chip smaller than the scan is not read beyond its end (chip_read asserts it). */
	chip_new(&c, PAGE, 12);
	assert_err(mibib_find(&c.sectors, &t, &e), e, ERR_MISMATCH);
	free(c.page);
}

/* One image whose table is `n` rows; expects success or ERR_PROTO with `word` in the message. */
static void expect_table(const struct row *rows, size_t n, uint32_t announced, uint64_t total_blocks,
			 const char *word, struct table *ret)
{
	uint8_t *img = malloc(4 * PAGE);
	struct err e = ERR_INIT;
	struct table t = { 0 };

	put_copy(img, PAGE, 1, rows, n);
	put_le32(img + PAGE + 12, announced);
	seal(img, PAGE);
	if (word) {
		assert_err(mibib_parse_image(SLICE(img, 4 * PAGE), PAGE, BLOCK, total_blocks * BLOCK, &t, &e),
			   e, ERR_PROTO);
		if (!strstr(e.msg, word))
			fail_msg("no '%s' in: %s", word, e.msg);
	} else {
		assert_ok(mibib_parse_image(SLICE(img, 4 * PAGE), PAGE, BLOCK, total_blocks * BLOCK, ret, &e),
			  e);
	}
	free(img);
}

static void mibib_hostile_tables_are_refused(void **state)
{
	static const struct row plain[] = { { "0:A", 0, 10 }, { "0:B", 10, 10 } };
	static const struct row overlap[] = { { "0:A", 0, 10 }, { "0:B", 9, 10 } };
	static const struct row descending[] = { { "0:A", 10, 10 }, { "0:B", 0, 10 } };
	static const struct row beyond[] = { { "0:A", 0, 10 }, { "0:B", 10, 91 } };
	static const struct row starts_beyond[] = { { "0:A", 0, 10 }, { "0:B", 100, 0xFFFFFFFF } };
	static const struct row empty[] = { { "0:A", 0, 0 } };
	static const struct row nameless[] = { { "0:", 0, 10 } };
	static const struct row control[] = { { "0:A\x1b[2J", 0, 10 } };
	static const struct row wide[] = { { "0:A", 0, 0x10000 } };
	static const struct row wraps[] = { { "0:A", 0xFFFFFFFF, 0xFFFF } };
	static const struct row open_middle[] = { { "0:A", 0, 0xFFFFFFFF }, { "0:B", 10, 10 } };

	(void)state;
	expect_table(plain, 2, 0, 100, "0 entries", NULL);
	expect_table(plain, 2, 73, 100, "73 entries", NULL); /* 72 fit a page of 2048 bytes */
	expect_table(plain, 2, 0xFFFFFFFF, 100, "entries", NULL);
	expect_table(overlap, 2, 2, 100, "inside or before", NULL);
	expect_table(descending, 2, 2, 100, "inside or before", NULL);
	expect_table(beyond, 2, 2, 100, "ends at block 101", NULL);
	expect_table(starts_beyond, 2, 2, 100, "starts at block 100", NULL);
	expect_table(starts_beyond, 2, 2, 0, "not known", NULL);
	expect_table(empty, 1, 1, 100, "no length", NULL);
	expect_table(nameless, 1, 1, 100, "empty", NULL);
	expect_table(control, 1, 1, 100, "0x1b", NULL);
	expect_table(wide, 1, 1, 1u << 20, "impossible length", NULL);
	expect_table(wraps, 1, 1, 100, "ends at block", NULL);
	expect_table(open_middle, 2, 2, 100, "inside or before", NULL);
}

static void mibib_unusual_but_sane_tables_are_read(void **state)
{
	static const struct row open_end[] = { { "0:A", 0, 10 }, { "0:B", 12, 0xFFFFFFFF } };
	static const struct row full_name[] = { { "0:ABCDEFGHIJKLMN", 0, 10 } };
	struct row many[37];
	char names[37][8];
	struct table t = { 0 };
	unsigned i;

	(void)state;
	expect_table(open_end, 2, 2, 100, NULL, &t);
	assert_int_equal(t.part[1].at.start, 12 * BLOCK);
	assert_int_equal(t.part[1].at.count, 88 * BLOCK);
	table_fini(&t);
	/* 16 bytes without a terminator */
	expect_table(full_name, 1, 1, 100, NULL, &t);
	assert_string_equal(t.part[0].name, "ABCDEFGHIJKLMN");
	table_fini(&t);
	/* RG520N has 37 entries, more than the 32 that version 4 is said to have */
	for (i = 0; i < 37; i++) {
		snprintf(names[i], sizeof(names[i]), "0:p%u", i);
		many[i] = (struct row){ names[i], 2 * i, 2 };
	}
	expect_table(many, 37, 37, 4096, NULL, &t);
	assert_int_equal(t.n, 37);
	table_fini(&t);
}

static void mibib_files_for_other_pages_or_cut_short_are_refused(void **state)
{
	uint8_t *img = malloc(4 * PAGE);
	struct table t = { 0 };
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	put_copy(img, PAGE, 1, eg25_30, ARRAY_SIZE(eg25_30));
	assert_err(mibib_parse_image(SLICE(img, 4 * PAGE), 4096, BLOCK, 2048 * BLOCK, &t, &e), e,
		   ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "2048"));
	for (n = 0; n < 4 * PAGE; n += n < 40 ? 1 : 97) {
		uint8_t *cut = malloc(n ? n : 1);
		int r;

		memcpy(cut, img, n);
		r = mibib_parse_image(SLICE(cut, n), PAGE, BLOCK, 2048 * BLOCK, &t, &e);
		assert_int_equal(r, n >= 2 * PAGE ? 0 : -1);
		if (r == 0) {
			assert_int_equal(t.warnings, TABLE_WARN_CRC);
			table_fini(&t);
		} else {
			assert_int_equal(e.kind, ERR_MISMATCH);
		}
		free(cut);
	}
	free(img);
}

struct user_row {
	const char *name;
	uint32_t size;
	uint16_t pad;
	uint8_t unit;
};

static size_t put_user(uint8_t *out, const struct user_row *rows, size_t n)
{
	static const uint8_t head[12] = { 0x9A, 0x1B, 0x7D, 0xAA, 0xBC, 0x48, 0x7D, 0x1F, 4, 0, 0, 0 };
	size_t i;

	memcpy(out, head, 12);
	put_le32(out + 12, (uint32_t)n);
	for (i = 0; i < n; i++) {
		uint8_t *p = out + 16 + 28 * i;

		memset(p, 0, 28);
		memcpy(p, rows[i].name, strlen(rows[i].name));
		put_le32(p + 16, rows[i].size);
		put_le16(p + 20, rows[i].pad);
		p[24] = 0xFF;
		p[25] = 1;
		p[27] = rows[i].unit;
	}
	return 16 + 28 * n;
}

static void mibib_user_table_is_laid_out_like_the_system_table(void **state)
{
	static const struct user_row rows[] = { { "0:SBL", 8, 2, 0xFE },
						{ "0:MIBIB", 8, 2, 0xFE },
						{ "0:EFS2", 0x4000, 0x400, 0xFF },
						{ "0:sys_rev", 0x1300, 0x100, 0xFF },
						{ "0:system", 0xFFFFFFFF, 0xFFFF, 0xFF } };
	static const struct user_row open_first[] = { { "0:A", 0xFFFFFFFF, 0, 0xFE }, { "0:B", 1, 0, 0xFE } };
	static const struct user_row unit[] = { { "0:A", 1, 0, 0xFD } };
	static const struct user_row huge[] = { { "0:A", 0xFFFFFFFE, 0xFFFF, 0xFE } };
	static const uint32_t start[] = { 0, 10, 20, 156, 196 }, count[] = { 10, 10, 136, 40, 1852 };
	uint8_t file[16 + 28 * 5];
	struct table t = { 0 };
	struct err e = ERR_INIT;
	size_t n = put_user(file, rows, 5), i;

	(void)state;
	assert_ok(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e);
	assert_int_equal(t.n, 5);
	for (i = 0; i < 5; i++) {
		assert_int_equal(t.part[i].at.start, start[i] * BLOCK);
		assert_int_equal(t.part[i].at.count, count[i] * BLOCK);
	}
	table_fini(&t);
	for (i = 0; i < n; i++) {
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, file, i);
		assert_int_equal(mibib_parse_user(SLICE(cut, i), PAGE, BLOCK, 2048 * BLOCK, &t, &e), -1);
		free(cut);
	}
	assert_err(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 0, &t, &e), e, ERR_PROTO);
	assert_err(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 190 * BLOCK, &t, &e), e, ERR_PROTO);
	n = put_user(file, open_first, 2);
	assert_err(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e, ERR_PROTO);
	n = put_user(file, unit, 1);
	assert_err(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e, ERR_PROTO);
	n = put_user(file, huge, 1);
	assert_err(mibib_parse_user(SLICE(file, n), PAGE, BLOCK, 0, &t, &e), e, ERR_PROTO);
	/* A system table is not a user table, and the other way round. */
	assert_err(mibib_parse_image(SLICE(file, n), PAGE, BLOCK, 2048 * BLOCK, &t, &e), e, ERR_MISMATCH);
	assert_err(mibib_parse_user(SLICE(table_bytes, 12), PAGE, BLOCK, 0, &t, &e), e, ERR_MISMATCH);
}

/* ---- block maps: a page is 16 bytes and a block 4 pages, one letter a page ---- */

static void draw(uint8_t *out, const char *pages)
{
	for (; *pages; pages++, out += 16) {
		memset(out, *pages == 'f' ? 0xFF : *pages == 'e' ? 0xEE : 0x20, 16);
		/* A page is data when one byte is, wherever it stands. */
		if (*pages == '1')
			memset(out, 0xFF, 16), out[0] = 0;
		if (*pages == '2')
			memset(out, 0xEE, 16), out[15] = 0;
		if (*pages == '3')
			memset(out, 0xEE, 8), memset(out + 8, 0xFF, 8);
	}
}

static void expect_block(const char *pages, enum block_state state, uint32_t data_pages)
{
	uint8_t bytes[64];
	size_t cut;

	draw(bytes, pages);
	/* Every cut into pieces of equal size, and one with two uneven pieces. */
	for (cut = 1; cut <= 64; cut++) {
		struct blockmap m;
		struct err e = ERR_INIT;
		size_t at, k;

		for (k = 0; k < 2; k++) {
			assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
			for (at = 0; at < 64; at += cut)
				assert_ok(blockmap_feed(&m, slice_sub(SLICE(bytes, 64), at,
								      k && at ? SIZE_MAX : cut), &e), e);
			if (k && cut < 32) {
				blockmap_fini(&m);
				continue;
			}
			assert_ok(blockmap_end(&m, &e), e);
			assert_int_equal(m.n, 1);
			if (m.block[0].state != state || m.block[0].data_pages != data_pages)
				fail_msg("%s: %s with %u pages", pages,
					 block_state_name(m.block[0].state), m.block[0].data_pages);
			blockmap_fini(&m);
		}
	}
}

static void blockmap_filler_at_the_tail_is_erased_before_data_is_unread(void **state)
{
	(void)state;
	expect_block("dddd", BLOCK_DATA, 4);
	expect_block("dddf", BLOCK_DATA, 3);
	expect_block("ddee", BLOCK_DATA, 2);
	expect_block("dfef", BLOCK_DATA, 1);
	expect_block("ffff", BLOCK_ERASED, 0);
	expect_block("eeee", BLOCK_ERASED, 0);
	expect_block("efef", BLOCK_ERASED, 0);
	expect_block("eddd", BLOCK_FILLER, 4);
	expect_block("dede", BLOCK_FILLER, 3);
	expect_block("efdf", BLOCK_FILLER, 3);
	expect_block("effd", BLOCK_FILLER, 4);
	/* An erased page in front of data was written as such, or left out: it harms nothing. */
	expect_block("ffdf", BLOCK_DATA, 3);
	expect_block("fff1", BLOCK_DATA, 4);
	expect_block("fff2", BLOCK_DATA, 4);
	expect_block("3fff", BLOCK_DATA, 1);
}

static void blockmap_filler_byte_is_configurable(void **state)
{
	uint8_t bytes[64];
	struct blockmap m;
	struct err e = ERR_INIT;

	(void)state;
	draw(bytes, "ddee");
	assert_ok(blockmap_init(&m, 16, 4, 0xFF, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes, 64), &e), e);
	assert_int_equal(m.block[0].data_pages, 4);
	blockmap_fini(&m);
	assert_ok(blockmap_init(&m, 16, 4, 0x20, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes, 64), &e), e);
	assert_int_equal(m.block[0].state, BLOCK_FILLER);
	blockmap_fini(&m);
}

static void blockmap_writing_rule_programs_data_pages_only(void **state)
{
	static const uint32_t want[] = { 2, 0, 0, 4, 1 };
	uint8_t bytes[64 * 5];
	struct blockmap m;
	struct blockmap_writer w;
	struct blockmap_write step;
	struct err e = ERR_INIT;
	size_t i = 0;

	(void)state;
	draw(bytes, "ddee" "ffff" "eeee" "dddd" "d");
	assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes, 17 * 16), &e), e);
	assert_err(blockmap_writer_init(&w, &m, &e), e, ERR_BUG);
	assert_ok(blockmap_end(&m, &e), e);
	assert_true(blockmap_summary(&m).restorable);
	assert_ok(blockmap_writer_init(&w, &m, &e), e);
	while (blockmap_writer_next(&w, &step)) {
		assert_int_equal(step.block, i);
		assert_int_equal(step.offset, i * 64);
		assert_int_equal(step.pages, want[i]);
		i++;
	}
	assert_int_equal(i, 5);
	blockmap_fini(&m);
}

static void blockmap_incomplete_dumps_cannot_be_written(void **state)
{
	static const char *const bad[] = { "eddd", NULL, NULL };
	static const enum block_state why[] = { BLOCK_FILLER, BLOCK_BAD, BLOCK_UNREAD };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		uint8_t bytes[64];
		struct blockmap m;
		struct blockmap_writer w;
		struct err e = ERR_INIT;

		assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
		draw(bytes, "dddd");
		assert_ok(blockmap_feed(&m, SLICE(bytes, 64), &e), e);
		if (bad[i]) {
			draw(bytes, bad[i]);
			assert_ok(blockmap_feed(&m, SLICE(bytes, 64), &e), e);
		} else {
			assert_ok(blockmap_skip(&m, why[i], &e), e);
		}
		assert_int_equal(m.block[1].state, why[i]);
		assert_false(blockmap_summary(&m).restorable);
		assert_int_equal(blockmap_summary(&m).data, 1);
		assert_err(blockmap_writer_init(&w, &m, &e), e, ERR_INTEGRITY);
		blockmap_fini(&m);
	}
}

static void blockmap_misuse_and_odd_ends_are_errors(void **state)
{
	struct blockmap m;
	struct err e = ERR_INIT;
	uint8_t b[16] = { 0 };

	(void)state;
	assert_err(blockmap_init(&m, 0, 64, 0xEE, &e), e, ERR_MISMATCH);
	assert_err(blockmap_init(&m, 2048, 0, 0xEE, &e), e, ERR_MISMATCH);
	assert_err(blockmap_init(&m, 0x80000000, 64, 0xEE, &e), e, ERR_MISMATCH);
	assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(b, 0), &e), e);
	assert_err(blockmap_skip(&m, BLOCK_DATA, &e), e, ERR_BUG);
	assert_ok(blockmap_feed(&m, SLICE(b, 15), &e), e);
	assert_err(blockmap_skip(&m, BLOCK_BAD, &e), e, ERR_BUG);
	assert_err(blockmap_end(&m, &e), e, ERR_INTEGRITY);
	blockmap_fini(&m);
}

/* ---- the block map's file ---- */

static const uint8_t digest[32] = { 0xDE, 0xAD, [31] = 1 };

static void dumpmap_comes_back_as_it_was(void **state)
{
	uint8_t bytes[64 * 4 + 32];
	struct blockmap m;
	struct dumpmap back;
	struct err e = ERR_INIT;
	char *text;
	size_t i;

	(void)state;
	draw(bytes, "dddd" "dddd" "ddee" "eddf" "dd");
	assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes, 128), &e), e);
	assert_ok(blockmap_skip(&m, BLOCK_BAD, &e), e);
	assert_ok(blockmap_skip(&m, BLOCK_UNREAD, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes + 128, 64 * 2 + 32), &e), e);
	assert_ok(blockmap_end(&m, &e), e);
	assert_int_equal(m.n, 7);
	assert_err(dumpmap_build(&m, 64 * 7 + 1, digest, &text, &e), e, ERR_BUG);
	assert_ok(dumpmap_build(&m, 64 * 6 + 32, digest, &text, &e), e);
	assert_ok(dumpmap_parse(SLICE(text, strlen(text)), &back, &e), e);
	assert_int_equal(back.size, 64 * 6 + 32);
	assert_memory_equal(back.sha256, digest, 32);
	assert_int_equal(back.map.page_size, 16);
	assert_int_equal(back.map.pages_per_block, 4);
	assert_int_equal(back.map.filler, 0xEE);
	assert_int_equal(back.map.n, m.n);
	for (i = 0; i < m.n; i++) {
		assert_int_equal(back.map.block[i].state, m.block[i].state);
		assert_int_equal(back.map.block[i].data_pages, m.block[i].data_pages);
	}
	dumpmap_fini(&back);
	/* Every cut of the text is an error, never a shorter map. */
	for (i = 0; i + 2 < strlen(text); i++)
		assert_err(dumpmap_parse(SLICE(text, i), &back, &e), e, ERR_PROTO);
	free(text);
	blockmap_fini(&m);
}

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define MAP(version, size, sha, page, per, filler, blocks, runs)                                   \
	"{\"salvor_block_map\":" version ",\"size\":" size ",\"sha256\":\"" sha "\",\"page_size\":" page \
	",\"pages_per_block\":" per ",\"filler\":" filler ",\"blocks\":" blocks ",\"runs\":[" runs "]}"
#define RUN(block, count, state, pages)                                                            \
	"{\"block\":" block ",\"count\":" count ",\"state\":\"" state "\",\"data_pages\":" pages "}"

static void dumpmap_contradictions_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum err_kind kind; /* ERR_NONE: good */
	} cases[] = {
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_NONE },
		{ MAP("1", "112", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "3")), ERR_NONE },
		{ MAP("1", "0", HEX64, "16", "4", "238", "0", ""), ERR_NONE },
		{ MAP("2", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_UNSUPPORTED },
		{ MAP("1", "112", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", "00", "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "0", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "256", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "-1", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "129", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "192", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "64", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "1", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("1", "1", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "3", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "0", "data", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "datum", "4")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "5")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "0")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "erased", "1")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", RUN("0", "2", "filler", "1")), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "2", "7"), ERR_PROTO },
		{ MAP("1", "128", HEX64, "16", "4", "238", "99999999", ""), ERR_PROTO },
		{ "[]", ERR_PROTO },
		{ "{}", ERR_PROTO },
		{ "", ERR_PROTO },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct dumpmap d;
		int r = dumpmap_parse(SLICE(cases[i].text, strlen(cases[i].text)), &d, &e);

		if (e.kind != cases[i].kind || r != (e.kind ? -1 : 0))
			fail_msg("case %zu: %s: %s", i, err_kind_name(e.kind), e.msg);
		if (r == 0)
			dumpmap_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mibib_shipped_tables_have_their_known_crc),
		cmocka_unit_test(mibib_raw_example_reads_as_documented),
		cmocka_unit_test(mibib_is_found_wherever_it_is),
		cmocka_unit_test(mibib_good_crc_wins_then_age),
		cmocka_unit_test(mibib_bad_blocks_are_passed_over),
		cmocka_unit_test(mibib_pulled_cable_ends_the_search_at_every_read),
		cmocka_unit_test(mibib_blank_and_foreign_storage_say_so),
		cmocka_unit_test(mibib_hostile_tables_are_refused),
		cmocka_unit_test(mibib_unusual_but_sane_tables_are_read),
		cmocka_unit_test(mibib_files_for_other_pages_or_cut_short_are_refused),
		cmocka_unit_test(mibib_user_table_is_laid_out_like_the_system_table),
		cmocka_unit_test(blockmap_filler_at_the_tail_is_erased_before_data_is_unread),
		cmocka_unit_test(blockmap_filler_byte_is_configurable),
		cmocka_unit_test(blockmap_writing_rule_programs_data_pages_only),
		cmocka_unit_test(blockmap_incomplete_dumps_cannot_be_written),
		cmocka_unit_test(blockmap_misuse_and_odd_ends_are_errors),
		cmocka_unit_test(dumpmap_comes_back_as_it_was),
		cmocka_unit_test(dumpmap_contradictions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
