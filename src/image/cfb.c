#include "image/cfb.h"

#include "base/utf8.h"

#include <string.h>

int cfb_name_from(const char *utf8, struct cfb_name *ret, struct err *e)
{
	struct slice rest = SLICE(utf8, strlen(utf8));
	struct cfb_name name = { 0, { 0 } };

	while (rest.n) {
		uint32_t c = 0;
		size_t len = utf8_get(rest, &c);

		if (len == 0)
			return err_set(e, ERR_UNSUPPORTED, "the name is not UTF-8");
		if (c == '/' || c == '\\' || c == ':' || c == '!')
			return err_set(e, ERR_UNSUPPORTED,
				       "the name '%.100s' has a '%c', which a QCN cannot hold",
				       utf8, (int)c);
		if (name.n + (c > 0xFFFF) >= CFB_NAME_UNITS)
			return err_set(
				e, ERR_UNSUPPORTED,
				"the name '%.100s' has more than the %d characters that a QCN "
				"can hold",
				utf8, CFB_NAME_UNITS);
		if (c > 0xFFFF) {
			name.u[name.n++] = (uint16_t)(0xD800 + ((c - 0x10000) >> 10));
			c = 0xDC00 + ((c - 0x10000) & 0x3FF);
		}
		name.u[name.n++] = (uint16_t)c;
		rest = slice_sub(rest, len, rest.n);
	}
	*ret = name;
	return 0;
}

int cfb_name_text(const struct cfb_name *name, char *out, struct err *e)
{
	size_t n = 0, len;
	unsigned i;

	for (i = 0; i < name->n; i++) {
		uint32_t c = name->u[i];

		if (c >= 0xD800 && c < 0xDC00 && i + 1 < name->n && name->u[i + 1] >= 0xDC00 &&
		    name->u[i + 1] < 0xE000)
			c = 0x10000 + ((c - 0xD800) << 10) + (name->u[++i] - 0xDC00u);
		len = c ? utf8_put((uint8_t *)out + n, c) : 0;
		if (len == 0)
			return err_set(e, ERR_PROTO, "a name is not text: unit 0x%04x in it",
				       (unsigned)c);
		n += len;
	}
	out[n] = '\0';
	return 0;
}

/* The format asks for Unicode's simple upper case; the names in use are ASCII, and Latin-1 is as
 * far as a file name of a phone tool may go. */
static uint16_t upper(uint16_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 0xE0 && c <= 0xFE && c != 0xF7))
		return (uint16_t)(c - 0x20);
	return c == 0xFF ? 0x178 : c;
}

int cfb_name_cmp(const struct cfb_name *a, const struct cfb_name *b)
{
	unsigned i;

	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	for (i = 0; i < a->n; i++) {
		uint16_t ca = upper(a->u[i]), cb = upper(b->u[i]);

		if (ca != cb)
			return ca < cb ? -1 : 1;
	}
	return 0;
}
