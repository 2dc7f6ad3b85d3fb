/* An IMEI: 15 digits, the last one a Luhn check digit over the first 14. The modem does not enforce
 * the check digit; we do. */
#ifndef SALVOR_MODEL_IMEI_H
#define SALVOR_MODEL_IMEI_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>

struct imei {
	char digits[16];
};

/* Blanks and hyphens between digits are allowed, nothing else. ERR_USAGE says what it probably is when
 * it has 14 (no check digit), 16 (typo, or an IMEISV) or 17 digits (both), and which check digit was
 * expected when only that is wrong. */
int imei_parse(const char *text, struct imei *ret, struct err *e) _must_check_;
/* Check digit of 14 digits, '0'..'9'. */
char imei_check_digit(const char digits[14]);
/* 15 digits and the right check digit. */
bool imei_is_valid(const char *digits);
/* All digits equal, or a counting row such as 123456789012347: what empty or refurbished modules
 * carry. No evidence of identity. */
bool imei_is_placeholder(const char *digits);
/* Type allocation codes that start with 00 are for test equipment. */
bool imei_is_test(const char *digits);
/* "49015420*******": the type allocation code stays, the unit's own part is hidden. Shorter or longer
 * texts are hidden behind the same rule. out needs 32 bytes. */
void imei_mask(const char *digits, char out[32]);

#endif
