#include "db/mask.h"

#include "model/imei.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void mask_imei(const char *imei, bool full, char out[MASK_ROOM])
{
	if (!imei)
		imei = "";
	if (full)
		snprintf(out, MASK_ROOM, "%s", imei);
	else
		imei_mask(imei, out);
}

void mask_chip(const char *chip, bool full, char out[MASK_ROOM])
{
	size_t i, n;

	snprintf(out, MASK_ROOM, "%s", chip ? chip : "");
	n = strlen(out);
	for (i = 0; !full && i + 4 < n; i++)
		out[i] = '*';
}

/* Length of the digest that begins at p: 64 hex digits and then no more. */
static size_t digest_len(const char *p, size_t n)
{
	size_t k = 0;

	while (k < n && isxdigit((unsigned char)p[k]))
		k++;
	return k == 64 && (k == n || !isalnum((unsigned char)p[k])) ? k : 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void mask_digits(char *text, size_t n)
{
	size_t i = 0, k, digits, end;

	while (i < n) {
		bool begins = i == 0 || !isalnum((unsigned char)text[i - 1]);

		k = begins ? digest_len(text + i, n - i) : 0;
		if (k || !is_digit(text[i])) {
			i += k ? k : 1;
			continue;
		}
		for (end = i, digits = 0; end < n; end++) {
			if (is_digit(text[end]))
				digits++;
			else if (!strchr(" -./", text[end]) || end + 1 >= n ||
				 !is_digit(text[end + 1]))
				break;
		}
		for (k = i; digits >= 14 && k < end; k++) {
			if (is_digit(text[k]) && k - i >= 8)
				text[k] = '*';
		}
		i = end;
	}
}

void mask_member(char *json, size_t n, const char *key)
{
	size_t len = strlen(key), i, end;

	for (i = 0; i + len + 4 < n; i++) {
		if (json[i] != '"' || memcmp(json + i + 1, key, len) != 0 ||
		    memcmp(json + i + 1 + len, "\":\"", 3) != 0)
			continue;
		for (end = i + len + 4; end < n && json[end] != '"'; end++)
			end += json[end] == '\\' && end + 1 < n;
		for (i += len + 4; i + 4 < end; i++)
			if (json[i] != '\\')
				json[i] = '*';
		i = end;
	}
}
