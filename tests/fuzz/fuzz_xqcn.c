#include "tests/fuzz/qpst_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xqcn_opts opts = { FUZZ_ROOM, true };
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;
	struct mem_source mem;
	struct qtree t;
	int strict;

	/* What passes strictly passes in repair, and without a finding about lengths. */
	mem_source_init(&mem, SLICE(data, size));
	opts.trust_value = false;
	strict = xqcn_read(&mem.source, &opts, &t, NULL, &e);
	if (strict == 0)
		qtree_fini(&t);
	else if (e.kind == ERR_NONE || !e.msg[0])
		abort();
	mem_source_init(&mem, SLICE(data, size));
	opts.trust_value = true;
	if (xqcn_read(&mem.source, &opts, &t, &f, &e) < 0) {
		if (strict == 0)
			abort();
		qfindings_fini(&f);
		return 0;
	}
	if ((strict == 0) != !qfindings_find(&f, "length") && !f.dropped)
		abort();
	qfindings_fini(&f);
	if (t.used > FUZZ_ROOM)
		abort();
	fuzz_forms(&t);
	fuzz_views(&t);
	if (strict == 0)
		fuzz_poke(data, size, &t);
	qtree_fini(&t);
	return 0;
}
