#include "image/gpt.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct disk {
	struct sectors sectors;
	const uint8_t *p;
	size_t n;
};

static int disk_read(struct sectors *s, uint32_t lun, uint64_t sector, uint32_t count, void *buf,
		     struct err *e)
{
	struct disk *d = (struct disk *)s;
	uint64_t have = d->n / s->sector_size;

	(void)lun;
	if (sector >= have || count > have - sector)
		return err_set(e, ERR_REFUSED, "past the end");
	memcpy(buf, d->p + sector * s->sector_size, (size_t)count * s->sector_size);
	return 0;
}

/* The first byte chooses the sector size and whether the size of the storage is known. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct table t = { 0 };
	struct err e = ERR_INIT;
	struct disk d;
	size_t i;

	if (size == 0)
		return 0;
	d = (struct disk){ { disk_read, data[0] & 1 ? 4096 : 512, 0, 0 }, data + 1, size - 1 };
	if (data[0] & 2)
		d.sectors.total_sectors = d.n / d.sectors.sector_size;
	if (gpt_read(&d.sectors, 0, &t, &e) == 0) {
		for (i = 0; i < t.n; i++) {
			if (t.part[i].at.count == 0 || strlen(t.part[i].name) >= PARTITION_NAME_MAX)
				abort();
		}
	} else if (e.kind == ERR_NONE || t.n) {
		abort();
	}
	table_fini(&t);
	return 0;
}
