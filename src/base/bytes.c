#include "base/bytes.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slice slice_sub(struct slice s, size_t off, size_t n)
{
	if (off > s.n)
		off = s.n;
	return SLICE(s.n ? s.p + off : s.p, MIN_OF(n, s.n - off));
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

size_t slice_find(struct slice s, struct slice needle)
{
	const uint8_t *hit;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SIZE_MAX;
	hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

bool slice_all(struct slice s, uint8_t byte)
{
	if (s.n == 0)
		return true;
	/* Equal to itself one byte further on means every byte equals the first. */
	return s.p[0] == byte && memcmp(s.p, s.p + 1, s.n - 1) == 0;
}

struct slice rd_bytes(struct cursor *c, size_t n)
{
	struct slice s = { c->p, 0 };

	if (c->bad || n > c->n - c->off) {
		c->bad = true;
		return s;
	}
	s = SLICE(c->n ? c->p + c->off : c->p, n);
	c->off += n;
	return s;
}

void rd_skip(struct cursor *c, size_t n)
{
	(void)rd_bytes(c, n);
}

uint8_t rd_u8(struct cursor *c)
{
	struct slice s = rd_bytes(c, 1);

	return s.n ? s.p[0] : 0;
}

uint16_t rd_le16(struct cursor *c)
{
	struct slice s = rd_bytes(c, 2);

	return s.n ? get_le16(s.p) : 0;
}

uint32_t rd_le32(struct cursor *c)
{
	struct slice s = rd_bytes(c, 4);

	return s.n ? get_le32(s.p) : 0;
}

uint64_t rd_le64(struct cursor *c)
{
	struct slice s = rd_bytes(c, 8);

	return s.n ? get_le64(s.p) : 0;
}

uint16_t rd_be16(struct cursor *c)
{
	struct slice s = rd_bytes(c, 2);

	return s.n ? (uint16_t)((unsigned)s.p[0] << 8 | s.p[1]) : 0;
}

uint32_t rd_be32(struct cursor *c)
{
	uint32_t hi = rd_be16(c);

	return hi << 16 | rd_be16(c);
}

void wr_bytes(struct writer *w, const void *p, size_t n)
{
	if (w->overflow || n > w->cap - w->n) {
		w->overflow = true;
		return;
	}
	if (n)
		memcpy(w->p + w->n, p, n);
	w->n += n;
}

void wr_fill(struct writer *w, uint8_t v, size_t n)
{
	if (w->overflow || n > w->cap - w->n) {
		w->overflow = true;
		return;
	}
	if (n)
		memset(w->p + w->n, v, n);
	w->n += n;
}

void wr_u8(struct writer *w, uint8_t v)
{
	wr_bytes(w, &v, 1);
}

void wr_le16(struct writer *w, uint16_t v)
{
	uint8_t b[2];

	put_le16(b, v);
	wr_bytes(w, b, sizeof(b));
}

void wr_le32(struct writer *w, uint32_t v)
{
	uint8_t b[4];

	put_le32(b, v);
	wr_bytes(w, b, sizeof(b));
}

void wr_le64(struct writer *w, uint64_t v)
{
	uint8_t b[8];

	put_le64(b, v);
	wr_bytes(w, b, sizeof(b));
}

void wr_str(struct writer *w, const char *s)
{
	wr_bytes(w, s, strlen(s));
}

void wr_fmt(struct writer *w, const char *fmt, ...)
{
	char small[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(small)) {
		w->overflow = true;
		return;
	}
	wr_bytes(w, small, (size_t)n);
}

int buf_reserve(struct buf *b, size_t n, struct err *e)
{
	size_t want, cap;
	uint8_t *p;

	if (n > b->max - MIN_OF(b->n, b->max))
		return err_set(e, ERR_PROTO, "more than %zu bytes where so many are not expected", b->max);
	want = b->n + n;
	if (want <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 256;
	while (cap < want)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = realloc(b->p, cap);
	if (!p)
		return err_nomem(e);
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n, struct err *e)
{
	if (buf_reserve(b, n, e) < 0)
		return -1;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

void buf_drop_front(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_fini(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

void hex_encode(char *out, struct slice s)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < s.n; i++) {
		*out++ = digits[s.p[i] >> 4];
		*out++ = digits[s.p[i] & 15];
	}
	*out = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_n, struct err *e)
{
	size_t n = 0;
	const char *t = text;

	while (*t) {
		int hi, lo;

		if (isspace((unsigned char)*t)) {
			t++;
			continue;
		}
		hi = hex_digit(t[0]);
		lo = hi < 0 ? -1 : hex_digit(t[1]);
		if (lo < 0)
			return err_set(e, ERR_USAGE, "'%s' is not a row of hex byte pairs", text);
		if (n == cap)
			return err_set(e, ERR_USAGE, "more than %zu bytes of hex", cap);
		out[n++] = (uint8_t)(hi << 4 | lo);
		t += 2;
	}
	*ret_n = n;
	return 0;
}

int parse_u64(const char *text, uint64_t max, uint64_t *ret, struct err *e)
{
	unsigned long long v;
	char *end;
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;

	/* strtoull accepts blanks, a sign and an empty text; a size or an address has none of them. */
	if (!isdigit((unsigned char)text[0]))
		return err_set(e, ERR_USAGE, "'%s' is not a number", text);
	errno = 0;
	v = strtoull(text, &end, base);
	if (*end || (base == 16 && end == text + 2))
		return err_set(e, ERR_USAGE, "'%s' is not a number", text);
	if (errno == ERANGE || v > max)
		return err_set(e, ERR_USAGE, "'%s' is larger than %" PRIu64, text, max);
	*ret = v;
	return 0;
}

int to_size(uint64_t v, size_t *ret, struct err *e)
{
	if (v > SIZE_MAX)
		return err_set(e, ERR_NOMEM, "%" PRIu64 " bytes do not fit this machine's memory", v);
	*ret = (size_t)v;
	return 0;
}
