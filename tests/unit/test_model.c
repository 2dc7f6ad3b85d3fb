#include "tests/unit/unit.h"

#include "model/extent.h"
#include "model/partition_kind.h"
#include "model/place.h"

#include <string.h>

static void extents_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"",     "5",      "1/2",    "0/5+0",   "0/+5",    "/5+1",
		"0/5+", "-1/5+1", "0/5+1 ", "0/5+1+2", "256/5+1", "0/a+1"
	};
	struct err e = ERR_INIT;
	struct extent x;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_err(extent_parse(bad[i], &x, &e), e, ERR_USAGE);
	assert_ok(extent_parse("2/0x10+8", &x, &e), e);
	assert_int_equal(x.lun, 2);
	assert_int_equal(x.start, 16);
	assert_int_equal(x.count, 8);
	assert_ok(extent_parse("640+64", &x, &e), e);
	assert_int_equal(x.lun, 0);
}

static void extent_arithmetic_does_not_wrap(void **state)
{
	struct extent huge = { 0, UINT64_MAX - 1, 4 }, wide = { 0, 0, UINT64_MAX / 2 },
		      none = { 0, 0, 0 };
	struct extent outer = { 0, 100, 50 }, last = { 0, 149, 1 }, over = { 0, 149, 2 };
	struct err e = ERR_INIT;
	uint64_t n;

	(void)state;
	assert_err(extent_bytes(&huge, 4096, &n, &e), e, ERR_MISMATCH);
	assert_err(extent_bytes(&wide, 4096, &n, &e), e, ERR_MISMATCH);
	assert_err(extent_bytes(&none, 4096, &n, &e), e, ERR_MISMATCH);
	assert_true(extent_within(&last, &outer));
	assert_false(extent_within(&over, &outer));
	assert_false(extent_within(&huge, &outer));
	assert_true(extent_overlaps(&over, &outer));
	assert_false(extent_overlaps(&(struct extent){ 0, 150, 9 }, &outer));
	assert_false(extent_overlaps(&(struct extent){ 1, 100, 50 }, &outer));
	assert_true(extent_overlaps(&outer, &(struct extent){ 0, 0, UINT64_MAX }));
}

static void fill(struct table *t)
{
	static const struct {
		const char *name;
		uint32_t lun;
		uint64_t start, count;
	} rows[] = { { "SBL", 0, 0, 640 },     { "EFS2", 0, 1280, 8704 }, { "sec", 0, 93056, 256 },
		     { "boot", 0, 16320, 64 }, { "modemst1", 1, 8, 16 },  { "boot", 1, 64, 64 } };
	struct err e = ERR_INIT;
	size_t i;

	*t = (struct table){ .kind = TABLE_MIBIB };
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct partition p = { .at = { rows[i].lun, rows[i].start, rows[i].count } };

		strcpy(p.name, rows[i].name);
		assert_ok(table_add(t, &p, &e), e);
	}
}

static void names_need_neither_case_nor_prefix(void **state)
{
	static const struct geometry g = { .type = STORAGE_NAND,
					   .total_sectors = 131072,
					   .num_luns = 2 };
	static const char *const same[] = { "efs2", "EFS2", "0:efs2", "0:EFS2", "0/efs2" };
	struct err e = ERR_INIT;
	struct table t;
	struct place p;
	size_t i;

	(void)state;
	fill(&t);
	for (i = 0; i < ARRAY_SIZE(same); i++) {
		assert_ok(place_resolve(&t, &g, same[i], &p, &e), e);
		assert_string_equal(p.name, "EFS2");
		assert_int_equal(p.at.start, 1280);
		assert_int_equal(p.kind, PART_UNIT | PART_EFS);
	}
	table_fini(&t);
}

static void wrong_names_are_told_the_nearest(void **state)
{
	static const struct geometry g = { .type = STORAGE_NAND,
					   .total_sectors = 131072,
					   .num_luns = 2 };
	struct err e = ERR_INIT;
	struct table t;
	struct place p;

	(void)state;
	fill(&t);
	assert_err(place_resolve(&t, &g, "esf2", &p, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "did you mean 'EFS2'"));
	assert_err(place_resolve(&t, &g, "quite_something_else", &p, &e), e, ERR_USAGE);
	assert_null(strstr(e.msg, "did you mean"));
	/* One name on two LUNs is not guessed at. */
	assert_err(place_resolve(&t, &g, "boot", &p, &e), e, ERR_USAGE);
	assert_ok(place_resolve(&t, &g, "1/boot", &p, &e), e);
	assert_int_equal(p.at.lun, 1);
	assert_err(place_resolve(&t, &g, "x/boot", &p, &e), e, ERR_USAGE);
	table_fini(&t);
}

/* A raw extent must not be a way around the rules of the partitions it touches. */
static void raw_extents_have_the_kinds_of_what_they_touch(void **state)
{
	static const struct geometry g = { .type = STORAGE_NAND,
					   .total_sectors = 131072,
					   .num_luns = 2 };
	struct err e = ERR_INIT;
	struct table t;
	struct place p;

	(void)state;
	fill(&t);
	assert_ok(place_resolve(&t, &g, "0/93311+1", &p, &e), e);
	assert_true(p.is_raw);
	assert_true(p.kind & PART_FUSES);
	assert_ok(place_resolve(&t, &g, "0/600+900", &p, &e), e);
	assert_true((p.kind & PART_EFS) && (p.kind & PART_BOOT));
	assert_ok(place_resolve(&t, &g, "0/93312+1", &p, &e), e);
	assert_int_equal(p.kind, 0);
	assert_err(place_resolve(&t, &g, "0/131071+2", &p, &e), e, ERR_MISMATCH);
	assert_err(place_resolve(&t, &g, "2/0+1", &p, &e), e, ERR_MISMATCH);
	table_fini(&t);
}

static void tables_have_a_ceiling(void **state)
{
	struct partition p = { .name = "x", .at = { 0, 0, 1 } };
	struct err e = ERR_INIT;
	struct table t = { 0 };
	int i;

	(void)state;
	for (i = 0; i < TABLE_MAX_PARTITIONS; i++)
		assert_ok(table_add(&t, &p, &e), e);
	assert_err(table_add(&t, &p, &e), e, ERR_PROTO);
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extents_are_read_strictly),
		cmocka_unit_test(extent_arithmetic_does_not_wrap),
		cmocka_unit_test(names_need_neither_case_nor_prefix),
		cmocka_unit_test(wrong_names_are_told_the_nearest),
		cmocka_unit_test(raw_extents_have_the_kinds_of_what_they_touch),
		cmocka_unit_test(tables_have_a_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
