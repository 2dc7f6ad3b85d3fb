#include "tests/unit/diag_frames.h"

#include <string.h>

static const struct {
	const char *payload, *frame;
} vectors[] = {
	{ "00", "00 78 F0 7E" },
	{ "0C", "0C 14 3A 7E" },
	{ "1C", "1C 95 2A 7E" },
	{ "7C", "7C 93 49 7E" },
	{ "3A", "3A A1 6E 7E" },
	{ "4B 65 01 00", "4B 65 01 00 54 0F 7E" },
	{ "4B 05 08 00", "4B 05 08 00 01 DD 7E" },
	{ "26 24 00", "26 24 00 7D 5D 57 7E" },
	{ "26 7E 00", "26 7D 5E 00 FA 79 7E" },
	{ "26 7D 00", "26 7D 5D 00 92 53 7E" },
	{ "7D 05 00 00 00 00 00 00", "7D 5D 05 00 00 00 00 00 00 74 41 7E" },
	{ "13 06", "13 06 88 D5 7E" },
	{ "06", "06 4E 95 7E" },
	{ "14 26 FF FF", "14 26 FF FF C9 68 7E" },
	{ "47 4B 13 0B 00 2F 00", "47 4B 13 0B 00 2F 00 F8 6A 7E" },
};

static void frames_are_built_as_published(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct hex p = hex_of(vectors[i].payload);
		struct writer w = { p.p, p.n, p.n, false };

		assert_frame(w, vectors[i].frame);
	}
}

static void frames_are_read_as_published(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct hex p = hex_of(vectors[i].payload), got = payload_of(vectors[i].frame);

		assert_slice_equal(PAYLOAD(got), p.p, p.n);
	}
}

/* All vectors in one stream, with doubled flags, a bad frame and garbage between them; returns how many
 * frames came out right. */
static unsigned run_stream(const uint8_t *stream, size_t n, size_t cut_at, size_t second_cut,
			   unsigned *ret_bad)
{
	uint8_t room[64];
	struct hdlc_rx rx;
	size_t borders[4] = { 0, cut_at, second_cut, n };
	unsigned good = 0, bad = 0;
	int k;

	hdlc_rx_init(&rx, room, sizeof(room));
	for (k = 0; k < 3; k++) {
		struct slice in = SLICE(stream + borders[k], borders[k + 1] - borders[k]), got;
		enum hdlc_feed what;

		while ((what = hdlc_rx_feed(&rx, &in, &got)) != HDLC_MORE) {
			struct hex p;

			if (what == HDLC_BAD) {
				bad++;
				continue;
			}
			assert_true(good < ARRAY_SIZE(vectors));
			p = hex_of(vectors[good].payload);
			assert_slice_equal(got, p.p, p.n);
			good++;
		}
		assert_int_equal(in.n, 0);
	}
	*ret_bad = bad;
	return good;
}

static void every_cut_of_a_dirty_stream_gives_the_same_frames(void **state)
{
	uint8_t stream[1024];
	size_t n = 0, i, a;
	unsigned bad;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct hex f = hex_of(vectors[i].frame);

		if (i == 0) { /* the tail of a frame that began before we listened */
			memcpy(stream + n, "\x11\x22\x33\x7e", 4);
			n += 4;
		}
		if (i == 3) { /* an escape before the terminator */
			memcpy(stream + n, "\x26\x26\x02\x7d\x7e", 5);
			n += 5;
		}
		if (i == 5) { /* leading and doubled flags */
			memcpy(stream + n, "\x7e\x7e\x7e", 3);
			n += 3;
		}
		if (i == 7) { /* a wrong CRC */
			memcpy(stream + n, "\x00\x78\xf1\x7e", 4);
			n += 4;
		}
		if (i == 9) { /* shorter than one byte and a CRC */
			memcpy(stream + n, "\x78\xf0\x7e", 3);
			n += 3;
		}
		memcpy(stream + n, f.p, f.n);
		n += f.n;
	}
	for (a = 0; a <= n; a++) {
		assert_int_equal(run_stream(stream, n, a, a, &bad), ARRAY_SIZE(vectors));
		assert_int_equal(bad, 4);
		assert_int_equal(run_stream(stream, n, a, MIN_OF(a + 1, n), &bad), ARRAY_SIZE(vectors));
		assert_int_equal(bad, 4);
	}
}

static void an_overlong_frame_costs_only_itself(void **state)
{
	uint8_t room[16], noise[100];
	struct hdlc_rx rx;
	struct slice in, got;

	(void)state;
	hdlc_rx_init(&rx, room, sizeof(room));
	memset(noise, 0x41, sizeof(noise));
	in = SLICE(noise, sizeof(noise));
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_MORE);
	assert_int_equal(in.n, 0);
	in = SLICE_STR("\x7e\x0c\x14\x3a\x7e");
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_BAD);
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_FRAME);
	assert_slice_equal(got, "\x0c", 1);
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_MORE);
}

static void the_terminator_is_always_consumed(void **state)
{
	/* Each of these made some decoder answer "need more" for ever. */
	static const char *const tails[] = { "7D 7E", "7E", "7D 7D 7E", "00 7E", "7D 5E 7E" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		uint8_t room[16];
		struct hdlc_rx rx;
		struct hex h = hex_of(tails[i]);
		struct slice in = PAYLOAD(h), got;

		hdlc_rx_init(&rx, room, sizeof(room));
		while (hdlc_rx_feed(&rx, &in, &got) != HDLC_MORE)
			;
		assert_int_equal(in.n, 0);
		assert_int_equal(rx.n, 0);
		assert_false(rx.escaped);
	}
}

static void a_good_frame_cut_by_an_escape_is_bad(void **state)
{
	uint8_t room[16];
	struct hdlc_rx rx;
	struct slice in = SLICE_STR("\x0c\x14\x3a\x7d\x7e\x0c\x14\x3a\x7e"), got;

	(void)state;
	hdlc_rx_init(&rx, room, sizeof(room));
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_BAD);
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_FRAME);
}

static void a_payload_of_escapes_fits_the_promised_room(void **state)
{
	uint8_t payload[100], room[HDLC_FRAME_ROOM(100)], back[102];
	struct writer w = writer_of(room, sizeof(room));
	struct hdlc_rx rx;
	struct slice in, got;

	(void)state;
	memset(payload, HDLC_FLAG, sizeof(payload));
	hdlc_build(&w, SLICE(payload, sizeof(payload)), true);
	assert_false(w.overflow);
	hdlc_rx_init(&rx, back, sizeof(back));
	in = writer_slice(&w);
	assert_int_equal(hdlc_rx_feed(&rx, &in, &got), HDLC_FRAME);
	assert_slice_equal(got, payload, sizeof(payload));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_built_as_published),
		cmocka_unit_test(frames_are_read_as_published),
		cmocka_unit_test(every_cut_of_a_dirty_stream_gives_the_same_frames),
		cmocka_unit_test(an_overlong_frame_costs_only_itself),
		cmocka_unit_test(the_terminator_is_always_consumed),
		cmocka_unit_test(a_good_frame_cut_by_an_escape_is_bad),
		cmocka_unit_test(a_payload_of_escapes_fits_the_promised_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
