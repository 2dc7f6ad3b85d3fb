/* AT: the input is what the module says, a piece after each command. */
#include "proto/at.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct talker {
	struct link link;
	struct slice in;
	bool asked;
};

static int talker_write(struct link *link, const void *p, size_t n, uint32_t ms, struct err *e)
{
	struct talker *t = container_of(link, struct talker, link);

	(void)p;
	(void)n;
	(void)ms;
	(void)e;
	t->asked = true;
	return 0;
}

static int talker_read(struct link *link, void *p, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct talker *t = container_of(link, struct talker, link);
	size_t n = MIN_OF(cap, (size_t)40);

	(void)ms;
	if (!t->asked)
		return err_set(e, ERR_TIMEOUT, "nothing asked");
	n = MIN_OF(n, t->in.n);
	if (n == 0)
		return err_set(e, ERR_GONE, "no more input");
	memcpy(p, t->in.p, n);
	/* A piece that holds a result is the last until the next command. */
	t->asked = !memmem(p, n, "OK", 2) && !memmem(p, n, "ERR", 3);
	t->in = slice_sub(t->in, n, SIZE_MAX);
	*ret_n = n;
	return 0;
}

static void no_pause(void *ctx, uint32_t ms)
{
	(void)ctx;
	(void)ms;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct link_ops ops = { .name = "talker", .read = talker_read,
					     .write = talker_write };
	struct talker t = { { .ops = &ops, .desc = "talker" }, SLICE(data, size), true };
	struct at_opts opts = { .pause = no_pause };
	struct at_info info;
	struct at_result r;
	struct err e = ERR_INIT;
	struct at *a;
	char text[256], field[8];
	size_t n = MIN_OF(size, sizeof(text) - 1);
	unsigned i;

	memcpy(text, data, n);
	text[n] = '\0';
	at_classify(text, "AT+CREG?", &r);
	for (i = 0; i < 4; i++)
		if (at_field(text, i, field, sizeof(field)) && strlen(field) >= sizeof(field))
			abort();
	(void)at_danger(text);
	if (at_open(&t.link, &opts, &a, &e) < 0)
		abort();
	if (at_info(a, &info, &e) == 0 && strlen(info.revision) >= sizeof(info.revision))
		abort();
	at_close(a);
	return 0;
}
