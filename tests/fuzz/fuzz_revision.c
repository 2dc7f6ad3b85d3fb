/* Names that come from modules, files and people: revisions and IMEIs. */
#include "model/imei.h"
#include "model/revision.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), masked[32];
	struct revision v, again;
	struct revision_token t[REVISION_TOKENS_MAX];
	struct imei im;
	struct err e = ERR_INIT;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (revision_parse(text, &v, &e) == 0) {
		size_t n = revision_explain(&v, t);

		if (n == 0 || n > REVISION_TOKENS_MAX)
			abort();
		/* What was accepted once is accepted again, and is itself. */
		if (revision_parse(v.text, &again, &e) < 0 || revision_compare(&v, &again) != REVISION_SAME)
			abort();
	} else if (!e.msg[0]) {
		abort();
	}
	if (imei_parse(text, &im, &e) == 0 && !imei_is_valid(im.digits))
		abort();
	imei_mask(text, masked);
	(void)imei_is_placeholder(text);
	free(text);
	return 0;
}
