/* Round trips and seconds of reading a module over DIAG: 200 NV items and 600 files, at 0, 1 and 2 ms a
 * reply, with one request in flight and with four. */
#include "backup/pull_diag.h"
#include "base/clock.h"
#include "tests/unit/diag_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each read that follows a write takes as long as a module needs to answer. */
struct slow {
	struct link link;
	struct link *to;
	uint32_t ms;
	bool asked;
};

static int slow_write(struct link *l, const void *p, size_t n, uint32_t ms, struct err *e)
{
	struct slow *s = container_of(l, struct slow, link);

	s->asked = true;
	return s->to->ops->write(s->to, p, n, ms, e);
}

static int slow_read(struct link *l, void *p, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct slow *s = container_of(l, struct slow, link);

	if (s->asked && s->ms)
		clock_sleep_ms(s->ms);
	s->asked = false;
	return s->to->ops->read(s->to, p, cap, ms, ret_n, e);
}

static void slow_close(struct link *l)
{
	(void)l;
}

static const struct link_ops slow_ops = { .name = "slow", .read = slow_read, .write = slow_write,
					  .close = slow_close };

static int on_item(struct pull_ops *ops, const struct pull_item *item, struct sink **ret, struct err *e)
{
	static struct digest_sink none;

	(void)ops;
	(void)e;
	if (item->type == EFS_TYPE_FILE || item->type == EFS_TYPE_ITEM) {
		digest_sink_init(&none, DIGEST_SHA256, NULL);
		*ret = &none.sink;
	}
	return 0;
}

static int on_end(struct pull_ops *ops, const struct pull_item *item, uint64_t n, const struct err *why,
		  struct err *e)
{
	(void)ops;
	(void)n;
	return why ? err_set(e, ERR_INTEGRITY, "%s: %s", item->path, why->msg) : 0;
}

static int on_nv(struct pull_ops *ops, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	(void)ops;
	(void)ref;
	(void)v;
	(void)e;
	return 0;
}

/* Item files, as on newer modules most files are, of sizes up to 1000 bytes; a tenth regular ones. */
static void furnish(struct fake *f)
{
	static uint8_t data[4096];
	char path[96];
	unsigned i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31 + i / 256);
	fake_add(f, "/nv", 0x41ff, NULL, 0);
	fake_add(f, "/nvm", 0x41ff, NULL, 0);
	fake_add(f, "/nvm/num", 0x41ff, NULL, 0);
	fake_add(f, "/nv/item_files", 0x41ff, NULL, 0);
	fake_add(f, "/nv/item_files/rfnv", 0x41ff, NULL, 0);
	fake_add(f, "/policyman", 0x41ff, NULL, 0);
	for (i = 0; i < 200; i++) {
		fake_nv(f, 1000 + i, 0, data, 1 + i % 120);
		snprintf(path, sizeof(path), "/nvm/num/%u", 1000 + i);
		fake_add(f, path, 0xe1ff, data, 1 + i % 120);
	}
	for (i = 0; i < 600; i++) {
		if (i % 10)
			snprintf(path, sizeof(path), "/nv/item_files/rfnv/%08u", 20000 + i);
		else
			snprintf(path, sizeof(path), "/policyman/%u.xml", i);
		fake_add(f, path, i % 10 ? 0xe1ff : 0x81a4, data, i % 10 ? 8 + i : 100 + 5 * i);
	}
}

static int run(struct fake *f, uint32_t ms, unsigned window)
{
	struct slow slow = { .link = { .ops = &slow_ops, .is_stream = true, .desc = "slow" },
			     .to = &f->link, .ms = ms };
	struct pull_ops ops = { on_item, on_end, on_nv, NULL };
	struct pull_diag pull = { .ops = &ops };
	struct diag_opts dopts = { .window = window };
	struct efs_opts fopts = { 0 };
	struct nv_opts nopts = { 0 };
	struct pull_counts c;
	struct err e = ERR_INIT;
	struct diag *d = NULL;
	uint64_t start = clock_ms();
	int r;

	r = diag_open(&slow.link, &dopts, &d, &e);
	if (r == 0)
		r = efs_open(d, &fopts, &pull.efs, &e);
	if (r == 0)
		r = nv_open(d, pull.efs, &nopts, &pull.nv, &e);
	if (r == 0)
		r = pull_diag(&pull, &c, &e);
	if (r < 0)
		fprintf(stderr, "bench-diag: %s\n", e.msg);
	else
		printf("%-52s %6u round trips %8.2f s\n",
		       ms == 0	    ? window == 1 ? "DIAG: 200 NV items, 600 files, 0 ms a reply" :
						    "DIAG: the same, 4 in flight, 0 ms" :
		       ms == 1	    ? window == 1 ? "DIAG: the same, 1 ms" : "DIAG: the same, 4 in flight, 1 ms" :
		       window == 1  ? "DIAG: the same, 2 ms" :
				      "DIAG: the same, 4 in flight, 2 ms",
		       (unsigned)diag_counters(d)->round_trips, (double)(clock_ms() - start) / 1000);
	if (r == 0 && (c.nv != 200 || c.files + c.items != 800)) {
		fprintf(stderr, "bench-diag: not everything was read\n");
		r = -1;
	}
	nv_close(pull.nv);
	efs_close(pull.efs);
	diag_close(d);
	return r;
}

int main(void)
{
	static struct fake f;
	uint32_t ms;
	int r = 0;

	fake_init(&f);
	furnish(&f);
	for (ms = 0; ms <= 2 && r == 0; ms++) {
		r = run(&f, ms, 1);
		if (r == 0)
			r = run(&f, ms, 4);
	}
	fake_fini(&f);
	return r < 0;
}
