/* Hex text to bytes and frames, for the tests of DIAG. */
#ifndef SALVOR_TESTS_DIAG_FRAMES_H
#define SALVOR_TESTS_DIAG_FRAMES_H

#include "base/bytes.h"
#include "wire/hdlc.h"

#include "tests/unit/unit.h"

#include <string.h>

struct hex {
	uint8_t p[2048];
	size_t n;
};

static inline struct hex hex_of(const char *text)
{
	struct hex h;
	struct err e = ERR_INIT;

	assert_ok(hex_decode(text, h.p, sizeof(h.p), &h.n, &e), e);
	return h;
}

/* The only payload of a frame given in hex; the frame's CRC is checked on the way. */
static inline struct hex payload_of(const char *frame)
{
	struct hex in = hex_of(frame), out;
	struct hdlc_rx rx;
	struct slice rest = SLICE(in.p, in.n), got;
	uint8_t room[2048];

	hdlc_rx_init(&rx, room, sizeof(room));
	assert_int_equal(hdlc_rx_feed(&rx, &rest, &got), HDLC_FRAME);
	assert_int_equal(rest.n, 0);
	memcpy(out.p, got.p, got.n);
	out.n = got.n;
	return out;
}
#define PAYLOAD(h) SLICE((h).p, (h).n)

/* Asserts that the payload in `w` makes exactly this frame. */
#define assert_frame(w, frame_text)                                                                \
	do {                                                                                       \
		struct hex want_ = hex_of(frame_text);                                             \
		uint8_t out_[4096];                                                                \
		struct writer f_ = writer_of(out_, sizeof(out_));                                  \
		assert_false((w).overflow);                                                        \
		hdlc_build(&f_, writer_slice(&(w)), false);                                        \
		assert_slice_equal(writer_slice(&f_), want_.p, want_.n);                           \
	} while (0)

#endif
