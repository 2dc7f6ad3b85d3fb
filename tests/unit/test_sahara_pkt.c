#include "tests/unit/unit.h"

#include "wire/sahara_pkt.h"

#include "model/chip_id.h"

#include <string.h>

#define Z24 "000000000000000000000000000000000000000000000000"

/* Bytes as they go over the wire, and what they mean. */
static const struct {
	const char *hex;
	struct sahara_pkt pkt;
} vectors[] = {
	{ "01000000 30000000 02000000 01000000 00040000 00000000" Z24,
	  { .cmd = SAHARA_CMD_HELLO, .hello = { 2, 1, 0x400, 0 } } },
	{ "01000000 30000000 02000000 01000000 00040000 02000000" Z24,
	  { .cmd = SAHARA_CMD_HELLO, .hello = { 2, 1, 0x400, 2 } } },
	{ "02000000 30000000 02000000 01000000 00000000 00000000" Z24,
	  { .cmd = SAHARA_CMD_HELLO_RESP, .hello_resp = { 2, 1, 0, 0 } } },
	{ "02000000 30000000 02000000 01000000 00000000 03000000" Z24,
	  { .cmd = SAHARA_CMD_HELLO_RESP, .hello_resp = { 2, 1, 0, 3 } } },
	{ "03000000 14000000 0d000000 00000000 34000000",
	  { .cmd = SAHARA_CMD_READ_DATA, .read = { 13, 0, 0x34 } } },
	{ "03000000 14000000 0d000000 00200000 88090000",
	  { .cmd = SAHARA_CMD_READ_DATA, .read = { 13, 0x2000, 0x988 } } },
	{ "04000000 10000000 0d000000 00000000",
	  { .cmd = SAHARA_CMD_END_OF_IMAGE, .end = { 13, 0 } } },
	{ "04000000 10000000 0d000000 21000000",
	  { .cmd = SAHARA_CMD_END_OF_IMAGE, .end = { 13, 0x21 } } },
	{ "05000000 08000000", { .cmd = SAHARA_CMD_DONE } },
	{ "06000000 0c000000 01000000", { .cmd = SAHARA_CMD_DONE_RESP, .done = 1 } },
	{ "07000000 08000000", { .cmd = SAHARA_CMD_RESET } },
	{ "08000000 08000000", { .cmd = SAHARA_CMD_RESET_RESP } },
	{ "09000000 10000000 00002100 68000000",
	  { .cmd = SAHARA_CMD_MEM_DEBUG, .mem = { 0x210000, 0x68 } } },
	{ "0a000000 10000000 00002100 68000000",
	  { .cmd = SAHARA_CMD_MEM_READ, .mem = { 0x210000, 0x68 } } },
	{ "0b000000 08000000", { .cmd = SAHARA_CMD_CMD_READY } },
	{ "0c000000 0c000000 00000000", { .cmd = SAHARA_CMD_SWITCH_MODE, .mode = 0 } },
	{ "0d000000 0c000000 00ff0000", { .cmd = SAHARA_CMD_EXECUTE, .exec = { 0xff00, 0 } } },
	{ "0e000000 10000000 03000000 20000000",
	  { .cmd = SAHARA_CMD_EXECUTE_RESP, .exec = { 3, 32 } } },
	{ "0f000000 0c000000 03000000", { .cmd = SAHARA_CMD_EXECUTE_DATA, .exec = { 3, 0 } } },
	{ "10000000 18000000 00006a1400000000 8000000000000000",
	  { .cmd = SAHARA_CMD_MEM_DEBUG64, .mem = { 0x146a0000, 0x80 } } },
	{ "11000000 18000000 00006a1400000000 8000000000000000",
	  { .cmd = SAHARA_CMD_MEM_READ64, .mem = { 0x146a0000, 0x80 } } },
	{ "12000000 20000000 0d00000000000000 4000000000000000 b803000000000000",
	  { .cmd = SAHARA_CMD_READ_DATA64, .read = { 13, 0x40, 0x3b8 } } },
	{ "13000000 08000000", { .cmd = SAHARA_CMD_RESET_STATE } },
};

static struct slice unhex(const char *text, uint8_t *room, size_t cap)
{
	struct err e = ERR_INIT;
	size_t n = 0;

	assert_ok(hex_decode(text, room, cap, &n, &e), e);
	return SLICE(room, n);
}

static void every_packet_builds_to_its_bytes(void **state)
{
	uint8_t want[64], room[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct slice s = unhex(vectors[i].hex, want, sizeof(want));
		struct writer w = writer_of(room, sizeof(room));
		struct err e = ERR_INIT;

		assert_ok(sahara_pkt_build(&w, &vectors[i].pkt, &e), e);
		assert_slice_equal(writer_slice(&w), s.p, s.n);
	}
}

static void every_packet_parses_back_and_no_other_length_does(void **state)
{
	uint8_t raw[64 + 4], room[64];
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct slice s = unhex(vectors[i].hex, raw, sizeof(raw));
		struct sahara_pkt p;
		struct writer w = writer_of(room, sizeof(room));
		struct err e = ERR_INIT;

		assert_ok(sahara_pkt_parse(s, &p, &e), e);
		assert_int_equal(p.cmd, vectors[i].pkt.cmd);
		assert_ok(sahara_pkt_build(&w, &p, &e), e);
		assert_slice_equal(writer_slice(&w), s.p, s.n);
		for (n = 0; n < s.n; n++)
			assert_err(sahara_pkt_parse(slice_sub(s, 0, n), &p, &e), e, ERR_PROTO);
		/* The header agrees with the bytes, but not with the command. */
		memset(raw + s.n, 0, 4);
		for (n = 8; n <= s.n + 4; n += 4) {
			if (n == s.n || (p.cmd == SAHARA_CMD_CMD_READY && n == 12))
				continue;
			put_le32(raw + 4, (uint32_t)n);
			assert_err(sahara_pkt_parse(SLICE(raw, n), &p, &e), e, ERR_PROTO);
		}
	}
}

static void parsed_fields_have_their_values(void **state)
{
	uint8_t raw[64];
	struct sahara_pkt p;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(sahara_pkt_parse(unhex(vectors[0].hex, raw, sizeof(raw)), &p, &e), e);
	assert_int_equal(p.hello.version, 2);
	assert_int_equal(p.hello.min_version, 1);
	assert_int_equal(p.hello.max_len, 0x400);
	assert_ok(sahara_pkt_parse(unhex("12000000 20000000 0d00000001000000 4000000002000000 "
					 "b803000003000000",
					 raw, sizeof(raw)),
				   &p, &e),
		  e);
	assert_true(p.read.image == 0x10000000dull);
	assert_true(p.read.off == 0x200000040ull);
	assert_true(p.read.count == 0x3000003b8ull);
	assert_ok(sahara_pkt_parse(unhex("0b000000 0c000000 00000000", raw, sizeof(raw)), &p, &e),
		  e);
	assert_int_equal(p.cmd, SAHARA_CMD_CMD_READY);
}

static void unknown_packets_keep_their_number_and_body(void **state)
{
	uint8_t raw[16];
	struct sahara_pkt p;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(sahara_pkt_parse(unhex("4e000000 0a000000 abcd", raw, sizeof(raw)), &p, &e), e);
	assert_int_equal(p.cmd, 0x4e);
	assert_slice_equal(p.body, "\xab\xcd", 2);
	assert_null(sahara_cmd_name(0x4e));
	assert_ok(sahara_pkt_parse(unhex("14000000 08000000", raw, sizeof(raw)), &p, &e), e);
	assert_string_equal(sahara_cmd_name(p.cmd), "WRITE_DATA");
}

static void values_that_do_not_fit_are_not_cut(void **state)
{
	struct sahara_pkt p = { .cmd = SAHARA_CMD_READ_DATA, .read = { 13, 1ull << 32, 4 } };
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room)), tiny = writer_of(room, 7);
	struct err e = ERR_INIT;

	(void)state;
	assert_err(sahara_pkt_build(&w, &p, &e), e, ERR_BUG);
	p.read.off = 0;
	assert_err(sahara_pkt_build(&tiny, &p, &e), e, ERR_BUG);
	p.cmd = 0x4e;
	assert_err(sahara_pkt_build(&w, &p, &e), e, ERR_BUG);
}

/* Feeds the bytes in pieces of the given sizes and collects the packets that come out. */
static size_t frame_all(const uint8_t *bytes, size_t n, size_t first, size_t rest, uint8_t *out,
			size_t *ret_packets)
{
	struct sahara_rx rx;
	struct slice pkt;
	size_t off = 0, take = first, cap, got = 0;
	uint8_t *to;

	sahara_rx_init(&rx);
	*ret_packets = 0;
	while (off < n) {
		to = sahara_rx_room(&rx, &cap);
		assert_true(cap >= SAHARA_PKT_MAX);
		take = MIN_OF(take, n - off);
		take = MIN_OF(take, cap);
		memcpy(to, bytes + off, take);
		sahara_rx_filled(&rx, take);
		off += take;
		take = rest;
		while (sahara_rx_next(&rx, &pkt) == SAHARA_FRONT_PACKET) {
			memcpy(out + got, pkt.p, pkt.n);
			got += pkt.n;
			++*ret_packets;
		}
	}
	assert_int_equal(sahara_rx_held(&rx).n, 0);
	return got;
}

static void framer_result_does_not_depend_on_the_cuts(void **state)
{
	uint8_t all[2048], out[2048], one[64];
	size_t i, n = 0, cut, packets, start[ARRAY_SIZE(vectors)];

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct slice s = unhex(vectors[i].hex, one, sizeof(one));

		start[i] = n;
		memcpy(all + n, s.p, s.n);
		n += s.n;
		/* Every cut of this vector alone. */
		for (cut = 1; cut <= s.n; cut++) {
			assert_int_equal(frame_all(s.p, s.n, cut, s.n, out, &packets), s.n);
			assert_int_equal(packets, 1);
			assert_memory_equal(out, s.p, s.n);
		}
	}
	/* Every coalescing: from each vector to the end in one piece, in equal pieces, cut
	 * anywhere. */
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		assert_int_equal(frame_all(all + start[i], n - start[i], n, n, out, &packets),
				 n - start[i]);
		assert_int_equal(packets, ARRAY_SIZE(vectors) - i);
		assert_memory_equal(out, all + start[i], n - start[i]);
	}
	for (cut = 1; cut <= n; cut++) {
		assert_int_equal(frame_all(all, n, cut, cut, out, &packets), n);
		assert_int_equal(packets, ARRAY_SIZE(vectors));
		assert_memory_equal(out, all, n);
		assert_int_equal(frame_all(all, n, cut, n, out, &packets), n);
		assert_int_equal(packets, ARRAY_SIZE(vectors));
	}
}

static enum sahara_front front_of(const char *bytes, size_t n)
{
	size_t len;

	return sahara_front(SLICE(bytes, n), &len);
}

static void framer_knows_what_is_not_sahara(void **state)
{
	(void)state;
	assert_int_equal(front_of("", 0), SAHARA_FRONT_MORE);
	assert_int_equal(front_of("<?xm", 4), SAHARA_FRONT_MORE);
	assert_int_equal(front_of("<?xml", 5), SAHARA_FRONT_FIREHOSE);
	assert_int_equal(front_of("<?xml version", 13), SAHARA_FRONT_FIREHOSE);
	assert_int_equal(front_of("\x7e", 1), SAHARA_FRONT_STREAMING);
	assert_int_equal(front_of("\x01\0\0\0\x07\0\0\0", 8), SAHARA_FRONT_GARBAGE);
	assert_int_equal(front_of("\x01\0\0\0\0\0\0\0", 8), SAHARA_FRONT_GARBAGE);
	assert_int_equal(front_of("\x01\0\0\0\x01\x10\0\0", 8), SAHARA_FRONT_GARBAGE);
	assert_int_equal(front_of("\x01\0\0\0\xff\xff\xff\xff", 8), SAHARA_FRONT_GARBAGE);
	assert_int_equal(front_of("\x01\0\0\0\0\x10\0\0", 8), SAHARA_FRONT_MORE);
	assert_int_equal(front_of("\x01\0\0\0\x30\0\0", 7), SAHARA_FRONT_MORE);
}

static void regions_of_both_widths_round_trip(void **state)
{
	static const char hex32[] = "01000000 00000080 00001000"
				    "44445220435330 00000000000000000000000000"
				    "444452435330 2e42494e 00000000000000000000";
	static const char hex64[] = "0100000000000000 0000008000000000 0000100000000000"
				    "44445220435330 00000000000000000000000000"
				    "444452435330 2e42494e 00000000000000000000";
	uint8_t raw[80], room[80];
	bool wide;

	(void)state;
	for (wide = false;; wide = true) {
		struct slice s = unhex(wide ? hex64 : hex32, raw, sizeof(raw));
		struct writer w = writer_of(room, sizeof(room));
		struct sahara_region r;
		struct err e = ERR_INIT;
		size_t n;

		assert_ok(sahara_region_parse(s, wide, &r, &e), e);
		assert_true(r.save_pref == 1 && r.base == 0x80000000 && r.len == 0x100000);
		assert_string_equal(r.desc, "DDR CS0");
		assert_string_equal(r.name, "DDRCS0.BIN");
		assert_ok(sahara_region_build(&w, &r, wide, &e), e);
		assert_slice_equal(writer_slice(&w), s.p, s.n);
		assert_ok(sahara_region_count(2 * s.n, wide, &n, &e), e);
		assert_int_equal(n, 2);
		assert_err(sahara_region_count(2 * s.n + 1, wide, &n, &e), e, ERR_PROTO);
		assert_err(sahara_region_count(0, wide, &n, &e), e, ERR_PROTO);
		assert_err(sahara_region_count(UINT64_MAX, wide, &n, &e), e, ERR_PROTO);
		assert_err(sahara_region_count(s.n * 4096, wide, &n, &e), e, ERR_PROTO);
		assert_err(sahara_region_parse(slice_sub(s, 1, s.n), wide, &r, &e), e, ERR_PROTO);
		/* A name without its terminator ends where its field ends. */
		memset(raw + s.n - 40, 'x', 40);
		assert_ok(sahara_region_parse(s, wide, &r, &e), e);
		assert_int_equal(strlen(r.name), 20);
		assert_int_equal(strlen(r.desc), 20);
		if (wide)
			break;
	}
}

static void region_names_that_leave_the_folder_are_refused(void **state)
{
	(void)state;
	assert_true(sahara_region_name_ok("DDRCS0.BIN"));
	assert_false(sahara_region_name_ok(""));
	assert_false(sahara_region_name_ok(".."));
	assert_false(sahara_region_name_ok("a/b"));
	assert_false(sahara_region_name_ok("a\\b"));
	assert_false(sahara_region_name_ok("a\x1b[2J"));
	assert_false(sahara_region_name_ok("\xc3\xa4"));
}

static void pkhash_shapes_reduce_to_one_hash(void **state)
{
	uint8_t raw[200], out[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 7 + 1);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 32), out), 32);
	assert_memory_equal(out, raw, 32);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 48), out), 48);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 64), out), 64);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 200), out), 64);
	/* SHA-384 in a 144-byte field, also when its own last byte is 0. */
	memset(raw + 48, 0, 96);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 144), out), 48);
	assert_memory_equal(out, raw, 48);
	raw[47] = 0;
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 144), out), 48);
	/* Once per root certificate. */
	memcpy(raw + 32, raw, 32);
	memcpy(raw + 64, raw, 32);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 96), out), 32);
	assert_memory_equal(out, raw, 32);
	memset(raw, 0, sizeof(raw));
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 144), out), 0);
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 0), out), 0);
	raw[0] = 1;
	assert_int_equal(sahara_pkhash_reduce(SLICE(raw, 5), out), 5);
}

static void every_status_has_words(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i <= 0x28; i++)
		assert_string_not_equal(sahara_status_words(i), "status not known");
	assert_non_null(strstr(sahara_status_words(0x0e), "too many or too few program headers"));
	assert_non_null(strstr(sahara_status_words(0x21), "secure boot"));
	assert_string_equal(sahara_status_words(0x29), "status not known");
	assert_string_equal(sahara_status_words(0x7fffffff), "status not known");
	assert_string_equal(sahara_status_words(UINT32_MAX), "status not known");
}

static void chips_are_named_and_unfused_ones_known(void **state)
{
	struct chip_id id = { .pkhash_len = 32,
			      .pkhash = { 0xcc, 0x31, 0x53, 0xa8, 0x02, 0x93, 0x93, 0x9b } };

	(void)state;
	assert_string_equal(chip_name(0x000480e1), "MDM9x07");
	assert_string_equal(chip_name(0x001b60e1), "SDX55");
	assert_null(chip_name(0));
	assert_null(chip_name(UINT32_MAX));
	assert_true(chip_pkhash_is_unfused(&id));
	id.pkhash[7] ^= 1;
	assert_false(chip_pkhash_is_unfused(&id));
	id.pkhash[7] ^= 1;
	id.pkhash_len = 0;
	assert_false(chip_pkhash_is_unfused(&id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_builds_to_its_bytes),
		cmocka_unit_test(every_packet_parses_back_and_no_other_length_does),
		cmocka_unit_test(parsed_fields_have_their_values),
		cmocka_unit_test(unknown_packets_keep_their_number_and_body),
		cmocka_unit_test(values_that_do_not_fit_are_not_cut),
		cmocka_unit_test(framer_result_does_not_depend_on_the_cuts),
		cmocka_unit_test(framer_knows_what_is_not_sahara),
		cmocka_unit_test(regions_of_both_widths_round_trip),
		cmocka_unit_test(region_names_that_leave_the_folder_are_refused),
		cmocka_unit_test(pkhash_shapes_reduce_to_one_hash),
		cmocka_unit_test(every_status_has_words),
		cmocka_unit_test(chips_are_named_and_unfused_ones_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
