#include "model/nv_imei.h"

#include <string.h>

enum nv_imei nv_imei_decode(struct slice in, char digits[16])
{
	struct slice used = slice_sub(in, 0, NV_IMEI_LEN);
	char out[16];
	size_t i, n = 0;

	if (in.n < NV_IMEI_LEN)
		return NV_IMEI_MALFORMED;
	if (slice_all(used, 0x00) || slice_all(used, 0xff))
		return NV_IMEI_UNSET;
	if (in.p[0] != NV_IMEI_LEN - 1 || (in.p[1] & 0x0f) != 0x0a)
		return NV_IMEI_MALFORMED;
	for (i = 1; i < NV_IMEI_LEN; i++) {
		unsigned low = in.p[i] & 0x0f, high = in.p[i] >> 4;

		if (high > 9 || (i > 1 && low > 9))
			return NV_IMEI_MALFORMED;
		if (i > 1)
			out[n++] = (char)('0' + low);
		out[n++] = (char)('0' + high);
	}
	out[n] = '\0';
	if (strspn(out, "0") == n)
		return NV_IMEI_UNSET;
	memcpy(digits, out, sizeof(out));
	return NV_IMEI_DIGITS;
}

int nv_imei_encode(const char *digits, uint8_t ret[NV_IMEI_LEN], struct err *e)
{
	uint8_t out[NV_IMEI_LEN] = { NV_IMEI_LEN - 1, 0x0a };
	size_t i;

	if (strlen(digits) != 15 || strspn(digits, "0123456789") != 15)
		return err_set(e, ERR_USAGE, "an IMEI has 15 digits");
	for (i = 0; i < 15; i++) {
		unsigned d = (unsigned)(digits[i] - '0');
		size_t at = 1 + (i + 1) / 2;

		out[at] = (uint8_t)(out[at] | (i % 2 ? d : d << 4));
	}
	memcpy(ret, out, sizeof(out));
	return 0;
}
