/* GPT reading. Tables are built here field by field, with a CRC of this file's own. */
#include "tests/unit/unit.h"

#include "image/gpt.h"

#include <stdlib.h>
#include <string.h>

struct disk {
	struct sectors sectors;
	uint8_t *p;
	uint64_t n; /* sectors */
	uint64_t refused[2]; /* sectors that cannot be read; 0 = none */
	uint64_t gone;       /* sector that finds the cable pulled; 0 = none */
};

/* Bit by bit, so that it shares nothing with base/crc.c. */
static uint32_t slow_crc(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xFFFFFFFF;
	int bit;

	while (n--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
	}
	return ~crc;
}

static int disk_read(struct sectors *s, uint32_t lun, uint64_t sector, uint32_t count, void *buf,
		     struct err *e)
{
	struct disk *d = (struct disk *)s;
	uint64_t i;

	assert_int_equal(lun, 3);
	for (i = sector; i < sector + count; i++) {
		if (d->gone && i == d->gone)
			return err_set(e, ERR_GONE, "unplugged");
		if (i >= d->n || (i && (i == d->refused[0] || i == d->refused[1])))
			return err_set(e, ERR_REFUSED, "no such sector");
	}
	memcpy(buf, d->p + sector * s->sector_size, (size_t)count * s->sector_size);
	return 0;
}

static uint8_t *at(struct disk *d, uint64_t sector)
{
	return d->p + sector * d->sectors.sector_size;
}

#define ENTRIES 32u
#define SECTORS 200u

static uint32_t array_sectors(const struct disk *d)
{
	return (ENTRIES * 128 + d->sectors.sector_size - 1) / d->sectors.sector_size;
}

static void header_seal(uint8_t *h)
{
	put_le32(h + 16, 0);
	put_le32(h + 16, slow_crc(h, get_le32(h + 12)));
}

static void put_header(struct disk *d, uint64_t own, uint64_t other, uint64_t array)
{
	uint8_t *h = at(d, own);

	memcpy(h, "EFI PART", 8);
	put_le32(h + 8, 0x00010000);
	put_le32(h + 12, 92);
	put_le64(h + 24, own);
	put_le64(h + 32, other);
	put_le64(h + 40, 34);
	put_le64(h + 48, SECTORS - 34);
	put_le64(h + 72, array);
	put_le32(h + 80, ENTRIES);
	put_le32(h + 84, 128);
	put_le32(h + 88, slow_crc(at(d, array), ENTRIES * 128));
	header_seal(h);
}

static void put_entry(struct disk *d, unsigned i, uint64_t first, uint64_t last, const char *name)
{
	uint8_t *p = at(d, 2) + 128 * i;

	memset(p, 0, 128);
	p[0] = 0xA2;
	p[16] = (uint8_t)(i + 1);
	put_le64(p + 32, first);
	put_le64(p + 40, last);
	put_le64(p + 48, 1ull << 50);
	for (i = 0; name[i] && i < 36; i++)
		put_le16(p + 56 + 2 * i, (uint8_t)name[i]);
}

/* Both headers and the backup array after the primary array. */
static void seal(struct disk *d)
{
	uint64_t last = d->n - 1, backup = last - array_sectors(d);

	memcpy(at(d, backup), at(d, 2), ENTRIES * 128);
	put_header(d, 1, last, 2);
	put_header(d, last, 1, backup);
}

static void disk_new(struct disk *d, uint32_t sector_size)
{
	*d = (struct disk){ .sectors = { disk_read, sector_size, 0, SECTORS }, .n = SECTORS };
	d->p = calloc(SECTORS, sector_size);
	assert_non_null(d->p);
	put_entry(d, 0, 40, 59, "modemst1");
	put_entry(d, 1, 60, 79, "modemst2");
	put_entry(d, 5, 80, 80, "fsc");
	seal(d);
}

static void expect_good(struct disk *d, unsigned warnings, uint64_t found)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;

	assert_ok(gpt_read(&d->sectors, 3, &t, &e), e);
	assert_int_equal(t.kind, TABLE_GPT);
	assert_int_equal(t.n, 3);
	assert_string_equal(t.part[1].name, "modemst2");
	assert_int_equal(t.part[1].at.lun, 3);
	assert_int_equal(t.part[1].at.start, 60);
	assert_int_equal(t.part[1].at.count, 20);
	assert_int_equal(t.part[2].at.count, 1);
	assert_int_equal(t.part[0].gpt_attr, 1ull << 50);
	assert_int_equal(t.part[0].type_guid[0], 0xA2);
	assert_int_equal(t.warnings, warnings);
	assert_int_equal(t.found_sector, found);
	table_fini(&t);
}

/* A failed read leaves what the table had. */
static void expect_fail(struct disk *d, enum err_kind kind)
{
	struct partition old = { .name = "old" };
	struct table t = { 0 };
	struct err e = ERR_INIT;

	assert_ok(table_add(&t, &old, &e), e);
	assert_err(gpt_read(&d->sectors, 3, &t, &e), e, kind);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.warnings, 0);
	assert_string_equal(t.part[0].name, "old");
	table_fini(&t);
}

static void gpt_both_sector_sizes_are_read(void **state)
{
	static const uint32_t sizes[] = { 512, 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct disk d;

		disk_new(&d, sizes[i]);
		expect_good(&d, 0, 1);
		d.sectors.total_sectors = 0; /* the backup is then where the primary says */
		expect_good(&d, 0, 1);
		free(d.p);
	}
}

static void gpt_damaged_primary_falls_back_to_the_backup(void **state)
{
	struct disk d;

	(void)state;
	disk_new(&d, 512);
	at(&d, 1)[56] ^= 1; /* header CRC */
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	d.sectors.total_sectors = 0;
	expect_fail(&d, ERR_INTEGRITY);
	d.sectors.total_sectors = SECTORS;
	seal(&d);
	at(&d, 2)[60] ^= 1; /* array CRC */
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	at(&d, 2)[60] ^= 1;
	memset(at(&d, 1), 0, 512); /* no signature */
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	seal(&d);
	d.refused[0] = 1;
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	d.refused[0] = 3; /* inside the primary array */
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	d.refused[0] = 0;
	/* A header copied from elsewhere is not this sector's. */
	put_le64(at(&d, 1) + 24, 5);
	header_seal(at(&d, 1));
	expect_good(&d, TABLE_WARN_BACKUP, SECTORS - 1);
	free(d.p);
}

static void gpt_missing_backup_is_a_warning(void **state)
{
	struct disk d;

	(void)state;
	disk_new(&d, 512);
	memset(at(&d, SECTORS - 1), 0, 512);
	expect_good(&d, TABLE_WARN_NO_BACKUP, 1);
	d.refused[0] = SECTORS - 1;
	expect_good(&d, TABLE_WARN_NO_BACKUP, 1);
	free(d.p);
	/* A table made for a smaller chip: its backup is where the primary says. */
	disk_new(&d, 512);
	memmove(at(&d, 150), at(&d, SECTORS - 1), 512);
	memset(at(&d, SECTORS - 1), 0, 512);
	put_le64(at(&d, 150) + 24, 150);
	header_seal(at(&d, 150));
	put_le64(at(&d, 1) + 32, 150);
	header_seal(at(&d, 1));
	expect_good(&d, 0, 1);
	free(d.p);
}

static void gpt_no_table_and_two_damaged_ones_differ(void **state)
{
	struct disk d;

	(void)state;
	disk_new(&d, 512);
	at(&d, 1)[56] ^= 1;
	at(&d, SECTORS - 1)[56] ^= 1;
	expect_fail(&d, ERR_INTEGRITY);
	memset(at(&d, 1), 0xFF, 512);
	memset(at(&d, SECTORS - 1), 0xFF, 512);
	expect_fail(&d, ERR_MISMATCH);
	d.refused[0] = 1;
	d.refused[1] = SECTORS - 1;
	expect_fail(&d, ERR_MISMATCH);
	d.sectors.sector_size = 64;
	expect_fail(&d, ERR_MISMATCH);
	free(d.p);
}

static void gpt_pulled_cable_ends_the_search(void **state)
{
	struct disk d;

	(void)state;
	disk_new(&d, 512);
	d.gone = 1;
	expect_fail(&d, ERR_GONE);
	d.gone = 4;
	expect_fail(&d, ERR_GONE);
	d.gone = SECTORS - 1;
	expect_fail(&d, ERR_GONE);
	free(d.p);
}

static void gpt_absurd_sizes_are_refused_before_they_are_believed(void **state)
{
	static const struct {
		unsigned off;
		uint64_t value;
	} cases[] = { { 84, 0 },	  { 84, 127 },	      { 84, 8192 },	  { 84, 0xFFFFFFFF },
		      { 80, 0 },	  { 80, 4097 },	      { 80, 0xFFFFFFFF }, { 12, 91 },
		      { 12, 513 },	  { 12, 0xFFFFFFFF }, { 72, 0 },	  { 72, UINT64_MAX },
		      { 72, SECTORS - 1 } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct disk d;
		uint64_t where[2] = { 1, SECTORS - 1 };
		unsigned k;

		disk_new(&d, 512);
		for (k = 0; k < 2; k++) {
			uint8_t *h = at(&d, where[k]);

			if (cases[i].off == 72)
				put_le64(h + 72, cases[i].value);
			else
				put_le32(h + cases[i].off, (uint32_t)cases[i].value);
			if (get_le32(h + 12) <= 512)
				header_seal(h);
		}
		expect_fail(&d, ERR_INTEGRITY);
		free(d.p);
	}
}

static void gpt_impossible_entries_are_left_out_with_a_warning(void **state)
{
	struct disk d;

	(void)state;
	disk_new(&d, 512);
	put_entry(&d, 7, 100, 99, "grow");
	seal(&d);
	expect_good(&d, TABLE_WARN_ENTRY, 1);
	put_entry(&d, 7, 100, SECTORS, "beyond");
	seal(&d);
	expect_good(&d, TABLE_WARN_ENTRY, 1);
	put_entry(&d, 7, 0, UINT64_MAX, "all");
	seal(&d);
	d.sectors.total_sectors = 0;
	expect_good(&d, TABLE_WARN_ENTRY, 1);
	free(d.p);
}

static void expect_name(const uint16_t *units, size_t n, const char *want)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;
	struct disk d;
	size_t i;

	disk_new(&d, 512);
	memset(at(&d, 2) + 56, 0, 72);
	for (i = 0; i < n; i++)
		put_le16(at(&d, 2) + 56 + 2 * i, units[i]);
	seal(&d);
	assert_ok(gpt_read(&d.sectors, 3, &t, &e), e);
	assert_string_equal(t.part[0].name, want);
	table_fini(&t);
	free(d.p);
}

static void gpt_names_become_clean_utf8(void **state)
{
	static const uint16_t umlaut[] = { 'b', 0xF6, 'o', 't' }, pair[] = { 0xD83D, 0xDE00, 'x' };
	static const uint16_t lone_high[] = { 'a', 0xD83D, 'b' }, lone_low[] = { 0xDE00, 'b' };
	static const uint16_t control[] = { 0x1B, '[', 0x85, 0x7F };
	uint16_t full[36];
	char want[PARTITION_NAME_MAX] = "";
	unsigned i;

	(void)state;
	expect_name(umlaut, 4, "b\xc3\xb6ot");
	expect_name(pair, 3, "\xf0\x9f\x98\x80x");
	expect_name(lone_high, 3, "a?b");
	expect_name(lone_low, 2, "?b");
	expect_name(control, 4, "?[??");
	/* 36 units without a terminator; the last is half of a pair whose other half is not there. */
	for (i = 0; i < 35; i++)
		full[i] = 'n';
	full[35] = 0xD800;
	memset(want, 'n', 35);
	want[35] = '?';
	expect_name(full, 36, want);
	/* 36 units of three bytes do not fit: cut between characters. */
	want[0] = '\0';
	for (i = 0; i < 36; i++)
		full[i] = 0x20AC;
	for (i = 0; i < (PARTITION_NAME_MAX - 1) / 3; i++)
		strcat(want, "\xe2\x82\xac");
	expect_name(full, 36, want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpt_both_sector_sizes_are_read),
		cmocka_unit_test(gpt_damaged_primary_falls_back_to_the_backup),
		cmocka_unit_test(gpt_missing_backup_is_a_warning),
		cmocka_unit_test(gpt_no_table_and_two_damaged_ones_differ),
		cmocka_unit_test(gpt_pulled_cable_ends_the_search),
		cmocka_unit_test(gpt_absurd_sizes_are_refused_before_they_are_believed),
		cmocka_unit_test(gpt_impossible_entries_are_left_out_with_a_warning),
		cmocka_unit_test(gpt_names_become_clean_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
