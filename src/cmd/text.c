#include "cmd/text.h"

#include <stdio.h>
#include <string.h>

void human_size(char out[HUMAN_MAX], uint64_t bytes)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t whole = bytes, rest = 0;
	size_t u = 0;

	if (bytes < 1024) {
		snprintf(out, HUMAN_MAX, "%u B", (unsigned)bytes);
		return;
	}
	for (;; u++) {
		rest = whole % 1024;
		whole /= 1024;
		if (whole < 1024)
			break;
	}
	rest = (rest * 10 + 512) / 1024;
	snprintf(out, HUMAN_MAX, "%u.%u %s", (unsigned)(whole + rest / 10), (unsigned)(rest % 10),
		 unit[u]);
}

void human_time(char out[HUMAN_MAX], uint64_t seconds)
{
	unsigned long long h = seconds / 3600;
	unsigned m = (unsigned)(seconds / 60 % 60), s = (unsigned)(seconds % 60);

	if (h)
		snprintf(out, HUMAN_MAX, "%llu:%02u:%02u", h, m, s);
	else
		snprintf(out, HUMAN_MAX, "%u:%02u", m, s);
}

/* Length of a colour sequence at s ("\033[1;31m"), or 0. */
static size_t color_len(const char *s)
{
	size_t n;

	if (s[0] != '\033' || s[1] != '[')
		return 0;
	n = 2 + strspn(s + 2, "0123456789;");
	return s[n] == 'm' ? n + 1 : 0;
}

/* Length of a well-formed UTF-8 sequence of two to four bytes at s, or 0. Overlong forms,
 * surrogates and the C1 controls (U+0080..U+009F) are not well-formed here. */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
		   : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;
	size_t i;

	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
	    (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void text_clean(char *s, bool keep_color)
{
	size_t n;

	while (*s) {
		n = keep_color ? color_len(s) : 0;
		if (n == 0 && (unsigned char)*s >= 0x80)
			n = utf8_len((const unsigned char *)s);
		if (n == 0 && ((unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f))
			*s = '?';
		s += n ? n : 1;
	}
}

size_t text_columns(const char *s)
{
	size_t columns = 0, n;

	while (*s) {
		n = color_len(s);
		if (n) {
			s += n;
			continue;
		}
		if (((unsigned char)*s & 0xc0) != 0x80)
			columns++;
		s++;
	}
	return columns;
}
