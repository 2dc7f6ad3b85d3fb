/*
 * One byte-wise machine, so that a cut cannot matter: outside a document it looks for a start mark,
 * inside for "</data>", and inside also for another "<?xml", which means that the end of the first
 * document was lost. Documents are small; payload and junk do not pass through the machine.
 */
#include "wire/firehose_rx.h"

#include <string.h>

static const char mark_xml[] = "<?xml";
static const char mark_data[] = "<data";
static const char mark_end[] = "</data>";
#define MARK_LEN 5
#define END_LEN  7

void firehose_rx_init(struct firehose_rx *rx)
{
	*rx = (struct firehose_rx){ .doc = BUF_INIT(FIREHOSE_RX_DOC_MAX) };
}

void firehose_rx_fini(struct firehose_rx *rx)
{
	buf_fini(&rx->doc);
}

void firehose_rx_reset(struct firehose_rx *rx)
{
	rx->doc.n = 0;
	rx->in_doc = false;
	rx->give = false;
	rx->start = rx->end = 0;
	rx->raw_left = 0;
}

void firehose_rx_expect_raw(struct firehose_rx *rx, uint64_t n)
{
	rx->raw_left = n;
}

/* How much of `mark` is matched after `c`, when `have` bytes were matched before. All three marks
 * begin with their only '<', so a mismatch can only fall back to 0 or 1. */
static uint8_t match(const char *mark, uint8_t have, uint8_t c)
{
	if (c == (uint8_t)mark[have])
		return (uint8_t)(have + 1);
	return c == '<' ? 1 : 0;
}

/* Both start marks at once: they part at the second byte. */
static uint8_t match_start(struct firehose_rx *rx, uint8_t c)
{
	const char *mark = mark_xml;

	if (rx->start >= 2)
		mark = rx->doc.p[1] == '?' ? mark_xml : mark_data;
	else if (rx->start == 1 && c == (uint8_t)mark_data[1])
		mark = mark_data;
	return match(mark, rx->start, c);
}

static bool is_blank(uint8_t c)
{
	return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

/* Outside of a document: at most MARK_LEN bytes of a possible start are held in rx->doc. */
static int seek(struct firehose_rx *rx, uint8_t c, struct err *e)
{
	uint8_t now = match_start(rx, c);

	if (now <= rx->start) {
		/* What looked like a start was none; c may begin another. */
		rx->junk += rx->start;
		rx->doc.n = 0;
		if (now == 0 && !is_blank(c))
			rx->junk++;
	}
	rx->start = now;
	if (now == 0)
		return 0;
	if (buf_add(&rx->doc, &c, 1, e) < 0)
		return -1;
	if (now == MARK_LEN) {
		rx->in_doc = true;
		rx->start = 0;
		rx->end = 0;
	}
	return 0;
}

/* Drops what was held of a document, all but its last `keep` bytes. */
static void drop_doc(struct firehose_rx *rx, size_t keep)
{
	rx->junk += rx->doc.n - keep;
	rx->broken++;
	buf_drop_front(&rx->doc, rx->doc.n - keep);
}

/* Inside a document. Returns 1 when c completed it. */
static int collect(struct firehose_rx *rx, uint8_t c, struct err *e)
{
	if (rx->doc.n == FIREHOSE_RX_DOC_MAX) {
		drop_doc(rx, 0);
		rx->in_doc = false;
		rx->start = 0;
		return seek(rx, c, e);
	}
	if (buf_add(&rx->doc, &c, 1, e) < 0)
		return -1;
	rx->end = match(mark_end, rx->end, c);
	if (rx->end == END_LEN) {
		rx->in_doc = false;
		rx->start = rx->end = 0;
		return 1;
	}
	rx->start = match(mark_xml, rx->start, c);
	if (rx->start == MARK_LEN) {
		drop_doc(rx, MARK_LEN);
		rx->start = rx->end = 0;
	}
	return 0;
}

enum firehose_feed firehose_rx_feed(struct firehose_rx *rx, struct slice *in, struct slice *ret,
				    struct err *e)
{
	if (rx->give) {
		rx->doc.n = 0;
		rx->give = false;
	}
	if (rx->raw_left && in->n) {
		*ret = slice_sub(*in, 0, rx->raw_left < in->n ? (size_t)rx->raw_left : in->n);
		rx->raw_left -= ret->n;
		*in = slice_sub(*in, ret->n, SIZE_MAX);
		return FIREHOSE_FEED_RAW;
	}
	while (in->n) {
		int r;

		if (!rx->in_doc && rx->start == 0) {
			/* Junk can be long (payload that nobody waits for): pass over it at once.
			 */
			const uint8_t *lt = memchr(in->p, '<', in->n);
			size_t skip = lt ? (size_t)(lt - in->p) : in->n, i;

			for (i = 0; i < skip; i++)
				rx->junk += !is_blank(in->p[i]);
			*in = slice_sub(*in, skip, SIZE_MAX);
			if (!in->n)
				break;
		}
		r = rx->in_doc ? collect(rx, *in->p, e) : seek(rx, *in->p, e);
		if (r < 0)
			return FIREHOSE_FEED_FAIL;
		*in = slice_sub(*in, 1, SIZE_MAX);
		if (r > 0) {
			*ret = buf_slice(&rx->doc);
			rx->give = true;
			return FIREHOSE_FEED_DOC;
		}
	}
	return FIREHOSE_FEED_MORE;
}
