/* A module that answers with fuzz data: each answer repeats some of its request, the rest is whatever the
 * input holds; sometimes it is silent, sometimes it sends several frames. */
#ifndef SALVOR_TESTS_FUZZ_DIAG_LIAR_H
#define SALVOR_TESTS_FUZZ_DIAG_LIAR_H

#include "link/link.h"
#include "wire/hdlc.h"

#include <string.h>

struct liar {
	struct link link;
	struct slice in; /* fuzz data left */
	uint8_t out[8192];
	size_t n;
	struct hdlc_rx rx;
	uint8_t room[8192];
};

static uint8_t liar_byte(struct liar *l)
{
	uint8_t b = l->in.n ? l->in.p[0] : 0;

	l->in = slice_sub(l->in, 1, SIZE_MAX);
	return b;
}

static void liar_answer(struct liar *l, struct slice request)
{
	uint8_t answer[2048], how = liar_byte(l);
	size_t echo = MIN_OF((size_t)(how & 31), request.n), n = liar_byte(l), i;
	struct writer w = writer_of(l->out + l->n, sizeof(l->out) - l->n);

	if (how == 0xff || l->in.n == 0)
		return;
	n = (how & 0x20) ? n * 8 : n;
	memcpy(answer, request.p, echo);
	for (i = echo; i < MIN_OF(MAX_OF(n, echo), sizeof(answer)); i++)
		answer[i] = liar_byte(l);
	hdlc_build(&w, SLICE(answer, i), false);
	if (!w.overflow)
		l->n += w.n;
}

static int liar_write(struct link *link, const void *p, size_t n, uint32_t ms, struct err *e)
{
	struct liar *l = container_of(link, struct liar, link);
	struct slice in = SLICE(p, n), f;

	(void)ms;
	(void)e;
	while (hdlc_rx_feed(&l->rx, &in, &f) != HDLC_MORE)
		liar_answer(l, f);
	return 0;
}

static int liar_read(struct link *link, void *p, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct liar *l = container_of(link, struct liar, link);
	size_t n = MIN_OF(cap, l->n);

	(void)ms;
	if (n == 0)
		return err_set(e, l->in.n ? ERR_TIMEOUT : ERR_GONE, "no more input");
	memcpy(p, l->out, n);
	memmove(l->out, l->out + n, l->n - n);
	l->n -= n;
	*ret_n = n;
	return 0;
}

static inline void liar_init(struct liar *l, const uint8_t *data, size_t size)
{
	static const struct link_ops ops = { .name = "liar", .read = liar_read, .write = liar_write };

	l->link = (struct link){ .ops = &ops, .desc = "liar" };
	l->in = SLICE(data, size);
	l->n = 0;
	hdlc_rx_init(&l->rx, l->room, sizeof(l->room));
}

static inline void liar_pause(void *ctx, uint32_t ms)
{
	(void)ctx;
	(void)ms;
}

#endif
