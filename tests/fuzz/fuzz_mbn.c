#include "image/mbn.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mbn_info scan(struct slice file, size_t piece)
{
	struct mbn_scan *s;
	struct mbn_info info = { 0 };
	struct err e = ERR_INIT;
	size_t at;

	if (mbn_scan_new(&s, &e) < 0)
		return info;
	for (at = 0; at < file.n; at += MIN_OF(piece, file.n - at))
		mbn_scan_feed(s, slice_sub(file, at, piece));
	mbn_scan_end(s, &info);
	mbn_scan_free(s);
	return info;
}

/* The verdict does not depend on the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mbn_info whole = scan(SLICE(data, size), SIZE_MAX),
			cut = scan(SLICE(data, size), 37);

	if (whole.kind != cut.kind || whole.hwid != cut.hwid || whole.is_signed != cut.is_signed ||
	    whole.is_truncated != cut.is_truncated || whole.family != cut.family ||
	    strcmp(whole.target, cut.target) != 0)
		abort();
	return 0;
}
