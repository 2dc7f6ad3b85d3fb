#include "image/mibib.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct chip {
	struct sectors sectors;
	const uint8_t *p;
	size_t n;
};

static int chip_read(struct sectors *s, uint32_t lun, uint64_t sector, uint32_t count, void *buf,
		     struct err *e)
{
	struct chip *c = (struct chip *)s;
	uint64_t have = c->n / s->sector_size;

	(void)lun;
	if (sector >= have || count > have - sector)
		return err_set(e, ERR_REFUSED, "past the end");
	memcpy(buf, c->p + sector * s->sector_size, (size_t)count * s->sector_size);
	return 0;
}

/* Whatever is accepted must be ascending, within the chip and without overlaps. */
static void check(int r, struct table *t, uint64_t total)
{
	uint64_t next = 0;
	size_t i;

	if (r < 0)
		return;
	if (t->n == 0 || t->kind != TABLE_MIBIB)
		abort();
	for (i = 0; i < t->n; i++) {
		const struct extent *x = &t->part[i].at;

		if (x->count == 0 || x->start < next || (total && x->start + x->count > total))
			abort();
		next = x->start + x->count;
	}
	table_fini(t);
}

/* Pages of 512 bytes and blocks of four of them, so that small inputs hold many copies. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chip c = { { chip_read, 512, 4, 48 * 4 }, data, size };
	struct table t = { 0 };
	struct err e = ERR_INIT;

	check(mibib_find(&c.sectors, &t, &e), &t, 48 * 4);
	check(mibib_parse_image(SLICE(data, size), 512, 64, 2048 * 64, &t, &e), &t, 2048 * 64);
	check(mibib_parse_image(SLICE(data, size), 2048, 64, 2048 * 64, &t, &e), &t, 2048 * 64);
	check(mibib_parse_user(SLICE(data, size), 2048, 64, 2048 * 64, &t, &e), &t, 2048 * 64);
	check(mibib_parse_user(SLICE(data, size), 65536, 4096, 0, &t, &e), &t, 0);
	return 0;
}
