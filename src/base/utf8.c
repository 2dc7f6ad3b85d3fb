#include "base/utf8.h"

static bool is_character(uint32_t c)
{
	return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

size_t utf8_get(struct slice s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t c;

	if (s.n == 0)
		return 0;
	c = s.p[0];
	if (c < 0x80) {
		*ret = c;
		return 1;
	}
	len = c < 0xC0 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF8 ? 4 : 0;
	if (len == 0 || len > s.n)
		return 0;
	c &= 0x7Fu >> len;
	for (i = 1; i < len; i++) {
		if ((s.p[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s.p[i] & 0x3F);
	}
	if (c < least[len] || !is_character(c))
		return 0;
	*ret = c;
	return len;
}

size_t utf8_put(uint8_t out[4], uint32_t c)
{
	static const uint8_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;

	if (!is_character(c))
		return 0;
	for (i = len; i-- > 1; c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3F));
	out[0] = (uint8_t)(lead[len] | c);
	return len;
}
