#include "model/imei.h"

#include <ctype.h>
#include <string.h>

static bool all_digits(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789") == n;
}

char imei_check_digit(const char digits[14])
{
	unsigned sum = 0;
	int i;

	for (i = 0; i < 14; i++) {
		unsigned d = (unsigned)(digits[i] - '0');

		if (i % 2)
			d *= 2;
		sum += d / 10 + d % 10;
	}
	return (char)('0' + (10 - sum % 10) % 10);
}

bool imei_is_valid(const char *digits)
{
	return all_digits(digits, 15) && imei_check_digit(digits) == digits[14];
}

bool imei_is_placeholder(const char *digits)
{
	size_t n = strlen(digits), i;

	if (n < 14)
		return false;
	if (strspn(digits, (char[]){ digits[0], '\0' }) == n)
		return true;
	for (i = 1; i < 14; i++)
		if (digits[i] != '0' + (digits[i - 1] - '0' + 1) % 10)
			return false;
	return true;
}

bool imei_is_test(const char *digits)
{
	return strncmp(digits, "00", 2) == 0;
}

void imei_mask(const char *digits, char out[32])
{
	size_t i, n = strlen(digits);

	for (i = 0; i < n && i < 31; i++)
		out[i] = i < 8 && isdigit((unsigned char)digits[i]) ? digits[i] : '*';
	out[i] = '\0';
}

int imei_parse(const char *text, struct imei *ret, struct err *e)
{
	char d[20];
	size_t n = 0;
	const char *t;
	char want;

	for (t = text; *t; t++) {
		if (n && (*t == ' ' || *t == '-'))
			continue;
		if (!isdigit((unsigned char)*t))
			return err_set(e, ERR_USAGE, "an IMEI consists of digits, found '%c'",
				       isprint((unsigned char)*t) ? *t : '?');
		if (n == sizeof(d) - 1)
			return err_set(e, ERR_USAGE, "an IMEI has 15 digits, this is longer than %zu", n);
		d[n++] = *t;
	}
	d[n] = '\0';
	switch (n) {
	case 15:
		break;
	case 14:
		return err_set(e, ERR_USAGE, "14 digits: an IMEI without its check digit, which would be %c",
			       imei_check_digit(d));
	case 16:
		return err_set(e, ERR_USAGE, "16 digits: a typing error, or an IMEISV, which ends in two "
					     "digits of software version instead of a check digit");
	case 17:
		return err_set(e, ERR_USAGE, "17 digits: an IMEI with two digits of software version "
					     "behind it; give the first 15");
	default:
		return err_set(e, ERR_USAGE, "an IMEI has 15 digits, not %zu", n);
	}
	want = imei_check_digit(d);
	if (want != d[14])
		return err_set(e, ERR_USAGE,
			       "the check digit of this IMEI is %c where %c belongs: a digit is wrong", d[14],
			       want);
	memcpy(ret->digits, d, sizeof(ret->digits));
	return 0;
}
