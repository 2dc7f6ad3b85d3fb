/* Block maps of NAND dumps and their file. */
#include "tests/unit/unit.h"

#include "image/blockmap.h"
#include "image/dumpmap.h"

#include <string.h>

/* A page is 16 bytes and a block 4 pages, one letter a page. */

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
				assert_ok(blockmap_feed(&m,
							slice_sub(SLICE(bytes, 64), at,
								  k && at ? SIZE_MAX : cut),
							&e),
					  e);
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
	draw(bytes, "ddee"
		    "ffff"
		    "eeee"
		    "dddd"
		    "d");
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

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void dumpmap_comes_back_as_it_was(void **state)
{
	uint8_t bytes[64 * 4 + 32];
	struct blockmap m;
	struct dumpmap back;
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT(10000);
	size_t i;

	(void)state;
	draw(bytes, "dddd"
		    "dddd"
		    "ddee"
		    "eddf"
		    "dd");
	assert_ok(blockmap_init(&m, 16, 4, 0xEE, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes, 128), &e), e);
	assert_ok(blockmap_skip(&m, BLOCK_BAD, &e), e);
	assert_ok(blockmap_skip(&m, BLOCK_UNREAD, &e), e);
	assert_ok(blockmap_feed(&m, SLICE(bytes + 128, 64 * 2 + 32), &e), e);
	assert_ok(blockmap_end(&m, &e), e);
	assert_int_equal(m.n, 7);
	assert_err(dumpmap_write(&m, "00", &text, &e), e, ERR_BUG);
	assert_ok(dumpmap_write(&m, HEX64, &text, &e), e);
	assert_ok(dumpmap_parse(buf_slice(&text), &back, &e), e);
	assert_string_equal(back.sha256, HEX64);
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
	for (i = 0; i + 1 < text.n; i++)
		assert_err(dumpmap_parse(SLICE(text.p, i), &back, &e), e, ERR_PROTO);
	buf_fini(&text);
	blockmap_fini(&m);
}

#define MAP(version, sha, page, per, filler, blocks, runs)                                         \
	"{\"salvor_block_map\":" version ",\"sha256\":\"" sha "\",\"page_size\":" page             \
	",\"pages_per_block\":" per ",\"filler\":" filler ",\"blocks\":" blocks ",\"runs\":[" runs \
	"]}"
#define RUN(block, count, state, pages)                                                            \
	"{\"block\":" block ",\"count\":" count ",\"state\":\"" state "\",\"data_pages\":" pages "}"

static void dumpmap_contradictions_are_refused(void **state)
{
	static const struct {
		const char *text;
		enum err_kind kind; /* ERR_NONE: good */
	} cases[] = {
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_NONE },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "3")), ERR_NONE },
		{ MAP("1", HEX64, "16", "4", "238", "0", ""), ERR_NONE },
		{ MAP("2", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "4")),
		  ERR_UNSUPPORTED },
		{ MAP("1", "00", "16", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "0", "4", "238", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "256", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "-1", "2", RUN("0", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "1", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("1", "1", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "3", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "0", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "datum", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "5")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "data", "0")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "erased", "1")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("0", "2", "filler", "1")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", RUN("1", "2", "data", "4")), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "2", "7"), ERR_PROTO },
		{ MAP("1", HEX64, "16", "4", "238", "99999999", ""), ERR_PROTO },
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
