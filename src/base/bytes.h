/*
 * Bytes from outside are read through a checked cursor and written through a bounded writer; no
 * struct is ever laid over them. Both remember the first overrun and stay harmless afterwards, so a
 * codec checks once, at the end. Host endianness never shows.
 */
#ifndef SALVOR_BASE_BYTES_H
#define SALVOR_BASE_BYTES_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes; whoever made it says how long they live. */
struct slice {
	const uint8_t *p;
	size_t n;
};

#define SLICE(ptr, len)  ((struct slice){ (const uint8_t *)(ptr), (len) })
#define SLICE_STR(str)   ((struct slice){ (const uint8_t *)(str), sizeof(str) - 1 })

/* The part of s from off on, at most n bytes; empty when off is past the end. */
struct slice slice_sub(struct slice s, size_t off, size_t n);
bool slice_eq(struct slice a, struct slice b);
/* Offset of needle in s, or SIZE_MAX. */
size_t slice_find(struct slice s, struct slice needle);
/* Are all bytes equal to `byte`? True for an empty slice. */
bool slice_all(struct slice s, uint8_t byte) _pure_;

struct cursor {
	const uint8_t *p;
	size_t n, off;
	bool bad; /* a read went past the end; every later read gives 0 */
};

static inline struct cursor cursor_of(struct slice s)
{
	return (struct cursor){ s.p, s.n, 0, false };
}

uint8_t rd_u8(struct cursor *c);
uint16_t rd_le16(struct cursor *c);
uint32_t rd_le32(struct cursor *c);
uint64_t rd_le64(struct cursor *c);
uint16_t rd_be16(struct cursor *c);
uint32_t rd_be32(struct cursor *c);
/* n raw bytes, borrowed from the cursor's memory; an empty slice and `bad` on overrun. */
struct slice rd_bytes(struct cursor *c, size_t n);
void rd_skip(struct cursor *c, size_t n);
static inline size_t rd_left(const struct cursor *c)
{
	return c->bad ? 0 : c->n - c->off;
}

/* Reads at fixed places; the caller has checked the bounds. */
static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | (unsigned)p[1] << 8);
}
static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t get_le64(const uint8_t *p)
{
	return (uint64_t)get_le32(p) | (uint64_t)get_le32(p + 4) << 32;
}
static inline void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v & 0xff);
	p[1] = (uint8_t)(v >> 8);
}
static inline void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)(v & 0xffff));
	put_le16(p + 2, (uint16_t)(v >> 16));
}
static inline void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)(v & 0xffffffff));
	put_le32(p + 4, (uint32_t)(v >> 32));
}

/* Fixed-capacity writer over the caller's memory. */
struct writer {
	uint8_t *p;
	size_t cap, n;
	bool overflow; /* something did not fit; n stays at what fitted */
};

static inline struct writer writer_of(void *p, size_t cap)
{
	return (struct writer){ (uint8_t *)p, cap, 0, false };
}
static inline struct slice writer_slice(const struct writer *w)
{
	return (struct slice){ w->p, w->n };
}

void wr_u8(struct writer *w, uint8_t v);
void wr_le16(struct writer *w, uint16_t v);
void wr_le32(struct writer *w, uint32_t v);
void wr_le64(struct writer *w, uint64_t v);
void wr_bytes(struct writer *w, const void *p, size_t n);
void wr_fill(struct writer *w, uint8_t v, size_t n);
void wr_str(struct writer *w, const char *s); /* without the NUL */
void wr_fmt(struct writer *w, const char *fmt, ...) _printf_(2, 3);

/* Growable buffer with a ceiling, so that no length from outside can make us allocate at will. */
struct buf {
	uint8_t *p;
	size_t n, cap, max;
};

#define BUF_INIT(limit) { NULL, 0, 0, (limit) }

int buf_add(struct buf *b, const void *p, size_t n, struct err *e) _must_check_;
int buf_reserve(struct buf *b, size_t n, struct err *e) _must_check_; /* room for n more bytes */
void buf_drop_front(struct buf *b, size_t n);
void buf_fini(struct buf *b);
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}

/* Lower-case hex; out needs 2 * s.n + 1 bytes. */
void hex_encode(char *out, struct slice s);
/* Pairs of hex digits, blanks between pairs allowed. Returns the number of bytes, or -1. */
int hex_decode(const char *text, uint8_t *out, size_t cap, size_t *ret_n, struct err *e) _must_check_;

/* "123", "0x7b"; the whole text must be the number. ERR_USAGE with the text in the message. */
int parse_u64(const char *text, uint64_t max, uint64_t *ret, struct err *e) _must_check_;

/* a + b and a * b without wrapping; false when the result does not fit. */
static inline bool add_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_add_overflow(a, b, ret);
}
static inline bool mul_u64(uint64_t a, uint64_t b, uint64_t *ret)
{
	return !__builtin_mul_overflow(a, b, ret);
}
/* Our own memory is size_t; sizes that describe the module are uint64_t. */
int to_size(uint64_t v, size_t *ret, struct err *e) _must_check_;

#endif
