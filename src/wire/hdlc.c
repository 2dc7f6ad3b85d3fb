#include "wire/hdlc.h"

#include "base/crc.h"

void hdlc_rx_init(struct hdlc_rx *rx, void *buf, size_t cap)
{
	*rx = (struct hdlc_rx){ buf, cap, 0, false, false };
}

void hdlc_rx_reset(struct hdlc_rx *rx)
{
	rx->n = 0;
	rx->escaped = rx->overlong = false;
}

static void take(struct hdlc_rx *rx, uint8_t b)
{
	if (rx->n == rx->cap)
		rx->overlong = true;
	else
		rx->buf[rx->n++] = b;
}

/* The terminator was seen: judges what stands before it and starts anew. */
static enum hdlc_feed finish(struct hdlc_rx *rx, struct slice *ret_frame)
{
	size_t n = rx->n;
	bool bad = rx->escaped || rx->overlong;

	hdlc_rx_reset(rx);
	if (bad || n < 3 || crc16_x25(rx->buf, n - 2) != get_le16(rx->buf + n - 2))
		return HDLC_BAD;
	*ret_frame = SLICE(rx->buf, n - 2);
	return HDLC_FRAME;
}

enum hdlc_feed hdlc_rx_feed(struct hdlc_rx *rx, struct slice *in, struct slice *ret_frame)
{
	size_t i;

	for (i = 0; i < in->n; i++) {
		uint8_t b = in->p[i];

		if (b == HDLC_FLAG) {
			if (rx->n == 0 && !rx->escaped && !rx->overlong)
				continue; /* a leading or doubled flag */
			*in = slice_sub(*in, i + 1, SIZE_MAX);
			return finish(rx, ret_frame);
		}
		if (b == HDLC_ESC && !rx->escaped) {
			rx->escaped = true;
			continue;
		}
		take(rx, rx->escaped ? (uint8_t)(b ^ 0x20) : b);
		rx->escaped = false;
	}
	*in = slice_sub(*in, in->n, 0);
	return HDLC_MORE;
}

static void put_escaped(struct writer *w, const uint8_t *p, size_t n)
{
	size_t i, from = 0;

	for (i = 0; i < n; i++) {
		if (p[i] != HDLC_FLAG && p[i] != HDLC_ESC)
			continue;
		wr_bytes(w, p + from, i - from);
		wr_u8(w, HDLC_ESC);
		wr_u8(w, p[i] ^ 0x20);
		from = i + 1;
	}
	wr_bytes(w, p + from, n - from);
}

void hdlc_build(struct writer *w, struct slice payload, bool lead)
{
	uint8_t crc[2];

	put_le16(crc, crc16_x25(payload.p, payload.n));
	if (lead)
		wr_u8(w, HDLC_FLAG);
	put_escaped(w, payload.p, payload.n);
	put_escaped(w, crc, sizeof(crc));
	wr_u8(w, HDLC_FLAG);
}
