#include "model/manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted is written, accepted again, and then written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(MANIFEST_TEXT_MAX), two = BUF_INIT(MANIFEST_TEXT_MAX);
	struct manifest m, n;
	struct err e = ERR_INIT;

	if (manifest_parse(SLICE(data, size), &m, &e) < 0) {
		if (e.kind != ERR_PROTO && e.kind != ERR_UNSUPPORTED)
			abort();
		return 0;
	}
	if (manifest_write(&m, &one, &e) < 0 || manifest_parse(buf_slice(&one), &n, &e) < 0 ||
	    manifest_write(&n, &two, &e) < 0 || !slice_eq(buf_slice(&one), buf_slice(&two)))
		abort();
	manifest_fini(&m);
	manifest_fini(&n);
	buf_fini(&one);
	buf_fini(&two);
	return 0;
}
