#include "backup/verify.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A file that claims to be a snapshot. What is found sound has only names that stay in their folder. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verify_report rep;
	struct mem_source from;
	struct err e = ERR_INIT;
	size_t i;

	mem_source_init(&from, SLICE(data, size));
	if (verify(&from.source, NULL, &rep, &e) < 0) {
		if (e.kind == ERR_NONE || !e.msg[0])
			abort();
		return 0;
	}
	for (i = 0; i < rep.manifest.n_items; i++) {
		if (manifest_name_check(rep.manifest.item[i].name, &e) < 0)
			abort();
	}
	if (rep.sound && rep.derived < rep.manifest.verdict)
		abort();
	verify_report_fini(&rep);
	return 0;
}
