/*
 * Framer, parsers and a whole session against bytes of the fuzzer. The first bytes choose how the
 * stream is cut; the framer must give the same for another cut, which is checked here as well.
 */
#include "proto/firehose_write.h"
#include "wire/firehose_log.h"
#include "wire/firehose_rx.h"
#include "wire/firehose_xml.h"

#include <stdlib.h>
#include <string.h>

struct fuzz_link {
	struct link link;
	struct slice in;
	size_t cut;
	unsigned reads, pause; /* each pause-th read is a timeout; 0 = none */
};

static int fuzz_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		     struct err *e)
{
	struct fuzz_link *f = container_of(l, struct fuzz_link, link);
	size_t n = MIN_OF(MIN_OF(f->in.n, cap), f->cut);

	(void)ms;
	if (n == 0)
		return err_set(e, f->pause & 1 ? ERR_GONE : ERR_TIMEOUT, "no more");
	if (f->pause && ++f->reads % f->pause == 0)
		return err_set(e, ERR_TIMEOUT, "pause");
	memcpy(buf, f->in.p, n);
	f->in = slice_sub(f->in, n, SIZE_MAX);
	*ret_n = n;
	return 0;
}

static int fuzz_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	(void)l, (void)buf, (void)n, (void)ms, (void)e;
	return 0;
}

static void fuzz_close(struct link *l)
{
	(void)l;
}

static void lines(const char *text)
{
	struct firehose_storage s = { 0 };
	const char *names;
	uint8_t digest[32];
	uint32_t bad;
	uint64_t v;

	(void)firehose_log_family(text);
	(void)firehose_log_list(text, &names);
	(void)firehose_log_hint(text, &v);
	(void)firehose_log_serial(text, &v);
	(void)firehose_log_digest(text, digest);
	(void)firehose_log_bad_block(text, &bad);
	(void)firehose_storage_feed(&s, text);
}

/* A sum over what the framer gives, in which borders of documents count and those of payload do
 * not. */
static uint64_t frame(struct slice all, size_t cut, bool parse)
{
	uint64_t sum = 0;
	struct firehose_rx rx;
	struct err e = ERR_INIT;

	firehose_rx_init(&rx);
	while (all.n) {
		struct slice in = slice_sub(all, 0, cut), got;
		enum firehose_feed fed;

		all = slice_sub(all, cut, SIZE_MAX);
		while ((fed = firehose_rx_feed(&rx, &in, &got, &e)) != FIREHOSE_FEED_MORE) {
			struct firehose_item item;
			struct firehose_doc d;
			size_t i;

			if (fed == FIREHOSE_FEED_FAIL)
				abort();
			for (i = 0; i < got.n; i++)
				sum = sum * 31 + got.p[i];
			if (fed != FIREHOSE_FEED_DOC)
				continue;
			sum = sum * 31 + 1000;
			if (slice_find(got, SLICE_STR("true")) != SIZE_MAX)
				firehose_rx_expect_raw(&rx, got.n * 3);
			if (!parse || firehose_doc_open(&d, got, &e) < 0)
				continue;
			while (firehose_doc_next(&d, &item)) {
				if (item.kind == FIREHOSE_ITEM_LOG)
					lines(item.text);
			}
			firehose_doc_close(&d);
		}
	}
	sum = sum * 31 + rx.junk;
	firehose_rx_fini(&rx);
	return sum;
}

static void session(struct slice in, uint8_t how, size_t cut)
{
	static const struct link_ops ops = {
		.name = "fuzz",
		.read = fuzz_read,
		.write = fuzz_write,
		.close = fuzz_close,
	};
	struct fuzz_link l = {
		.link = { .ops = &ops, .max_packet = 512, .can_zlp = how & 1, .desc = "fuzz" },
		.in = in,
		.cut = cut,
		.pause = how >> 4,
	};
	const struct firehose_opts o = { .storage = (enum storage_type)(how >> 1 & 3) };
	const struct extent x = { 0, 0, 64 };
	struct firehose_bad_blocks bad = { 0 };
	struct err e = ERR_INIT;
	struct firehose *f;
	struct mem_source src;
	struct buf b = BUF_INIT(8u << 20);
	struct buf_sink k;
	uint8_t digest[32];

	if (firehose_open(&l.link, &o, &f, &e) < 0)
		return;
	buf_sink_init(&k, &b);
	mem_source_init(&src, SLICE_STR("data"));
	(void)!firehose_read(f, &x, &k.sink, NULL, &e);
	(void)!firehose_sha256(f, &x, digest, &e);
	(void)!firehose_erase(f, &x, NULL, &e);
	(void)!firehose_program(f, &(struct extent){ 0, 0, 1 }, 0, "x", &src.source, NULL, &e);
	(void)!firehose_bad_blocks(f, &bad, &e);
	firehose_bad_blocks_fini(&bad);
	(void)!firehose_power(f, FIREHOSE_POWER_RESET, &e);
	firehose_close(f);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	size_t cut;

	if (size < 2)
		return 0;
	in = SLICE(data + 2, size - 2);
	cut = data[1] ? data[1] : 4096;
	if (frame(in, SIZE_MAX, true) != frame(in, cut, false))
		abort();
	session(in, data[0], cut);
	return 0;
}
