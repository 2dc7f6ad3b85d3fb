#include "image/dumpmap.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is written and read again to the same map. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT(DUMPMAP_TEXT_MAX);
	struct dumpmap d, again;
	struct blockmap_writer w;
	struct blockmap_write step;
	struct err e = ERR_INIT;

	if (dumpmap_parse(SLICE(data, size), &d, &e) < 0)
		return 0;
	if (dumpmap_write(&d.map, d.sha256, &text, &e) == 0) {
		if (dumpmap_parse(buf_slice(&text), &again, &e) < 0)
			abort();
		if (again.map.n != d.map.n ||
		    (d.map.n &&
		     memcmp(again.map.block, d.map.block, d.map.n * sizeof(*d.map.block)) != 0))
			abort();
		dumpmap_fini(&again);
	}
	buf_fini(&text);
	if (blockmap_writer_init(&w, &d.map, &e) == 0) {
		while (blockmap_writer_next(&w, &step)) {
			if (step.pages > d.map.pages_per_block)
				abort();
		}
	}
	dumpmap_fini(&d);
	return 0;
}
