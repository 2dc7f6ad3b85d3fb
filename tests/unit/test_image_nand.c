/* MIBIB tables. The images are written by hand from the raw example and the
 * EG25-G layouts, not by a builder that shares code with the reader. */
#include "tests/unit/unit.h"

#include "base/crc.h"
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
	/* So it is when the bad one is met first. */
	chip_block(&c, 10)[3 * PAGE] ^= 1;
	put_le32(chip_block(&c, 10) + 12, 8);
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 5);
	table_fini(&t);
	/* No copy has a good one: the youngest again, with the warning. */
	memset(chip_block(&c, 13) + 3 * PAGE, 0xFF, PAGE);
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 9);
	assert_int_equal(t.warnings, TABLE_WARN_CRC);
	table_fini(&t);
	/* The youngest has a table that contradicts itself: it does not count. */
	put_le32(chip_block(&c, 12) + PAGE + 12, 0);
	assert_ok(mibib_find(&c.sectors, &t, &e), e);
	assert_int_equal(t.age, 8);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
