#include "image/nand_source.h"
#include "image/rawprogram.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rawprogram r;
	struct nand_source s;
	struct err e = ERR_INIT;
	size_t i;

	if (rawprogram_parse(SLICE(data, size), &r, &e) == 0) {
		for (i = 0; i < r.n; i++) {
			if (!r.entry[i].filename || !r.entry[i].label ||
			    (r.entry[i].op == RAWPROGRAM_VENDOR) != (r.entry[i].vendor_xml != NULL))
				abort();
		}
		rawprogram_fini(&r);
	}
	if (nand_source_parse(SLICE(data, size), &s, &e) == 0)
		nand_source_fini(&s);
	return 0;
}
