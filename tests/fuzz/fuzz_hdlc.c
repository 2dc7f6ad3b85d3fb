/* Any bytes, in one piece and cut where the first byte says: the same frames must come out. */
#include "wire/hdlc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
	size_t good, bad, bytes;
	uint32_t sum;
};

static void run(struct hdlc_rx *rx, struct slice in, struct tally *t)
{
	struct slice f;
	enum hdlc_feed what;
	size_t i;

	while ((what = hdlc_rx_feed(rx, &in, &f)) != HDLC_MORE) {
		if (what == HDLC_BAD) {
			t->bad++;
			continue;
		}
		t->good++;
		t->bytes += f.n;
		for (i = 0; i < f.n; i++)
			t->sum = t->sum * 31 + f.p[i];
	}
	if (in.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t a[256], b[256], *out, *back;
	struct hdlc_rx whole, cut;
	struct tally x = { 0 }, y = { 0 };
	struct writer w;
	struct slice in, f;
	size_t at;

	if (size == 0)
		return 0;
	at = data[0] % size;
	hdlc_rx_init(&whole, a, sizeof(a));
	hdlc_rx_init(&cut, b, sizeof(b));
	run(&whole, SLICE(data, size), &x);
	run(&cut, SLICE(data, at), &y);
	run(&cut, SLICE(data + at, size - at), &y);
	if (memcmp(&x, &y, sizeof(x)) != 0)
		abort();
	/* What is built is read back. */
	out = malloc(HDLC_FRAME_ROOM(size));
	back = malloc(size + 2);
	if (!out || !back)
		abort();
	w = writer_of(out, HDLC_FRAME_ROOM(size));
	hdlc_build(&w, SLICE(data, size), size & 1);
	hdlc_rx_init(&whole, back, size + 2);
	in = writer_slice(&w);
	if (w.overflow || hdlc_rx_feed(&whole, &in, &f) != HDLC_FRAME || !slice_eq(f, SLICE(data, size)))
		abort();
	free(out);
	free(back);
	return 0;
}
