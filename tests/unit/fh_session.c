#include "tests/unit/unit.h"

#include "proto/firehose_write.h"
#include "tests/unit/fh_session.h"

static int probe_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct probe_sink *k = container_of(s, struct probe_sink, sink);

	k->largest = MAX_OF(k->largest, n);
	if (k->cancel)
		k->cancel->signal = 2;
	if (k->fail_at && k->buf.n + n > k->fail_at)
		return err_set_errno(e, 28 /* ENOSPC */, "disk");
	return buf_add(&k->buf, p, n, e);
}

void sink_init(struct probe_sink *k)
{
	*k = (struct probe_sink){ .sink = { probe_put }, .buf = BUF_INIT(64u << 20) };
}

int open_with(struct fh_device *d, enum storage_type storage, struct firehose **f, struct err *e)
{
	const struct firehose_opts o = { .storage = storage };

	fhd_boot(d);
	return firehose_open(&d->link, &o, f, e);
}

struct firehose *open_ok(struct fh_device *d)
{
	struct err e = ERR_INIT;
	struct firehose *f = NULL;

	assert_ok(open_with(d, STORAGE_NAND, &f, &e), e);
	return f;
}

void read_equals_flash(struct fh_device *d, struct firehose *f, uint64_t start, uint64_t count)
{
	const struct extent x = { 0, start, count };
	struct err e = ERR_INIT;
	struct probe_sink k;

	sink_init(&k);
	assert_ok(firehose_read(f, &x, &k.sink, NULL, &e), e);
	assert_slice_equal(buf_slice(&k.buf), d->flash + start * d->page, (size_t)count * d->page);
	assert_true(k.largest <= 65536);
	buf_fini(&k.buf);
}

int program(struct firehose *f, const struct extent *x, const void *p, size_t n, struct err *e)
{
	struct mem_source src;

	mem_source_init(&src, SLICE(p, n));
	return firehose_program(f, x, 0, "x.mbn", &src.source, NULL, e);
}
