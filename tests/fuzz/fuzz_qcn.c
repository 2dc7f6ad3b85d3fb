#include "tests/fuzz/qpst_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct qtree t;

	if (qcn_read(SLICE(data, size), FUZZ_ROOM, &t, NULL, &e) < 0) {
		if (e.kind == ERR_NONE || !e.msg[0])
			abort();
		return 0;
	}
	if (t.used > FUZZ_ROOM)
		abort();
	fuzz_forms(&t);
	fuzz_views(&t);
	fuzz_poke(data, size, &t);
	qtree_fini(&t);
	return 0;
}
