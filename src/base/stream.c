#include "base/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int source_get_full(struct source *s, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	size_t done = 0, n;

	while (done < cap) {
		if (source_get(s, (uint8_t *)p + done, cap - done, &n, e) < 0)
			return -1;
		if (n == 0)
			break;
		done += n;
	}
	*ret_n = done;
	return 0;
}

static int fd_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct fd_sink *s = container_of(sink, struct fd_sink, sink);
	const uint8_t *b = p;

	while (n) {
		ssize_t w = write(s->fd, b, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, errno, "write failed after %llu bytes",
					     (unsigned long long)s->n);
		}
		b += w;
		n -= (size_t)w;
		s->n += (uint64_t)w;
	}
	return 0;
}

static int fd_get(struct source *source, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct fd_source *s = container_of(source, struct fd_source, source);
	ssize_t r;

	do {
		r = read(s->fd, p, cap);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set_errno(e, errno, "read failed after %llu bytes",
				     (unsigned long long)s->n);
	s->n += (uint64_t)r;
	*ret_n = (size_t)r;
	return 0;
}

void fd_sink_init(struct fd_sink *s, int fd)
{
	*s = (struct fd_sink){ { fd_put }, fd, 0 };
}

void fd_source_init(struct fd_source *s, int fd)
{
	*s = (struct fd_source){ { fd_get }, fd, 0 };
}

static int range_get(struct source *source, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct range_source *s = container_of(source, struct range_source, source);
	ssize_t r;

	if (s->left == 0) {
		*ret_n = 0;
		return 0;
	}
	do {
		r = pread(s->fd, p, (size_t)MIN_OF((uint64_t)cap, s->left), (off_t)s->off);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set_errno(e, errno, "read failed at byte %llu", (unsigned long long)s->off);
	if (r == 0)
		return err_set(e, ERR_INTEGRITY, "the file ends at byte %llu, %llu bytes too early",
			       (unsigned long long)s->off, (unsigned long long)s->left);
	s->off += (uint64_t)r;
	s->left -= (uint64_t)r;
	*ret_n = (size_t)r;
	return 0;
}

void range_source_init(struct range_source *s, int fd, uint64_t off, uint64_t n)
{
	*s = (struct range_source){ { range_get }, fd, off, n };
}

static int buf_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct buf_sink *s = container_of(sink, struct buf_sink, sink);

	return buf_add(s->buf, p, n, e);
}

void buf_sink_init(struct buf_sink *s, struct buf *b)
{
	*s = (struct buf_sink){ { buf_put }, b };
}

static int mem_get(struct source *source, void *p, size_t cap, size_t *ret_n, _unused_ struct err *e)
{
	struct mem_source *s = container_of(source, struct mem_source, source);
	size_t n = MIN_OF(cap, s->rest.n);

	if (n)
		memcpy(p, s->rest.p, n);
	s->rest = slice_sub(s->rest, n, SIZE_MAX);
	*ret_n = n;
	return 0;
}

void mem_source_init(struct mem_source *s, struct slice bytes)
{
	*s = (struct mem_source){ { mem_get }, bytes };
}

static int digest_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct digest_sink *s = container_of(sink, struct digest_sink, sink);

	if (s->next && sink_put(s->next, p, n, e) < 0)
		return -1;
	digest_update(&s->digest, p, n);
	s->n += n;
	return 0;
}

void digest_sink_init(struct digest_sink *s, enum digest_alg alg, struct sink *next)
{
	s->sink.put = digest_put;
	s->next = next;
	s->n = 0;
	digest_init(&s->digest, alg);
}

static int digest_get(struct source *source, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct digest_source *s = container_of(source, struct digest_source, source);

	if (source_get(s->from, p, cap, ret_n, e) < 0)
		return -1;
	digest_update(&s->digest, p, *ret_n);
	s->n += *ret_n;
	return 0;
}

void digest_source_init(struct digest_source *s, enum digest_alg alg, struct source *from)
{
	s->source.get = digest_get;
	s->from = from;
	s->n = 0;
	digest_init(&s->digest, alg);
}

int source_sha256(struct source *from, char ret_hex[DIGEST_HEX_MAX], struct err *e)
{
	struct digest_source hashed;
	uint8_t piece[16384];
	size_t n;

	digest_source_init(&hashed, DIGEST_SHA256, from);
	do {
		if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0)
			return -1;
	} while (n);
	digest_final_hex(&hashed.digest, ret_hex);
	return 0;
}
