/*
 * Streams, so that no floor holds a whole image. A sink takes bytes, a source gives them; each is the
 * first member of a struct that knows where they go. Both are single-use and owned by the caller.
 */
#ifndef SALVOR_BASE_STREAM_H
#define SALVOR_BASE_STREAM_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"

struct sink {
	/* Takes all n bytes or fails. */
	int (*put)(struct sink *, const void *p, size_t n, struct err *);
};

struct source {
	/* Gives 1..cap bytes, or 0 bytes at the end. A short read that is not the end is allowed. */
	int (*get)(struct source *, void *p, size_t cap, size_t *ret_n, struct err *);
};

static inline _must_check_ int sink_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	return s->put(s, p, n, e);
}
static inline _must_check_ int source_get(struct source *s, void *p, size_t cap, size_t *ret_n,
					  struct err *e)
{
	return s->get(s, p, cap, ret_n, e);
}
/* Fills the whole buffer unless the source ends first; *ret_n < cap means it ended. */
int source_get_full(struct source *s, void *p, size_t cap, size_t *ret_n, struct err *e) _must_check_;

/* Into or out of a file descriptor that the caller opened and closes. */
struct fd_sink {
	struct sink sink;
	int fd;
	uint64_t n;
};
struct fd_source {
	struct source source;
	int fd;
	uint64_t n;
};
void fd_sink_init(struct fd_sink *s, int fd);
void fd_source_init(struct fd_source *s, int fd);

/* `n` bytes of a seekable file from `off` on, by pread: the descriptor's own offset is left alone. A file
 * that has become shorter is ERR_INTEGRITY, never an early end. */
struct range_source {
	struct source source;
	int fd;
	uint64_t off, left;
};
void range_source_init(struct range_source *s, int fd, uint64_t off, uint64_t n);

/* Into a growable buffer / out of borrowed memory. */
struct buf_sink {
	struct sink sink;
	struct buf *buf;
};
struct mem_source {
	struct source source;
	struct slice rest;
};
void buf_sink_init(struct buf_sink *s, struct buf *b);
void mem_source_init(struct mem_source *s, struct slice bytes);

/* Counts and digests on the way to `next`, which may be NULL. */
struct digest_sink {
	struct sink sink;
	struct sink *next;
	struct digest digest;
	uint64_t n;
};
void digest_sink_init(struct digest_sink *s, enum digest_alg alg, struct sink *next);

/* Counts and digests what is drawn from `from`. */
struct digest_source {
	struct source source;
	struct source *from;
	struct digest digest;
	uint64_t n;
};
void digest_source_init(struct digest_source *s, enum digest_alg alg, struct source *from);
/* Draws `from` to its end and gives the SHA-256 of all of it. */
int source_sha256(struct source *from, char ret_hex[DIGEST_HEX_MAX], struct err *e) _must_check_;

#endif
