#include "image/sparse.h"

#include <inttypes.h>
#include <string.h>

#define MAGIC      0xED26FF3Au
#define CHUNK_HEAD 12
#define HEAD_MAX   4096
#define BLOCK_MAX  (64u * 1024 * 1024)
#define CHUNK_RAW  0xCAC1
#define CHUNK_FILL 0xCAC2
#define CHUNK_SKIP 0xCAC3
#define CHUNK_CRC  0xCAC4

enum { IN_HEADER, IN_HEADER_REST, IN_CHUNK_HEADER, IN_CHUNK_REST, IN_FILL, IN_RAW, DONE, FAILED };

bool sparse_is(struct slice head)
{
	return head.n >= 4 && get_le32(head.p) == MAGIC;
}

void sparse_init(struct sparse *s, uint32_t sector_size, uint64_t room)
{
	*s = (struct sparse){ .sector_size = sector_size, .room = room, .state = IN_HEADER };
}

uint64_t sparse_output_bytes(const struct sparse *s)
{
	return (uint64_t)s->total_blocks * s->block_size;
}

/* Collects n bytes in s->head; false when the input ran out before. */
static bool collect(struct sparse *s, struct slice *in, size_t n)
{
	struct slice part = slice_sub(*in, 0, n - s->head_n);

	if (part.n)
		memcpy(s->head + s->head_n, part.p, part.n);
	s->head_n += part.n;
	*in = slice_sub(*in, part.n, SIZE_MAX);
	return s->head_n == n;
}

static bool pass_over(struct sparse *s, struct slice *in)
{
	size_t n = (size_t)MIN_OF(s->skip, in->n);

	*in = slice_sub(*in, n, SIZE_MAX);
	s->skip -= n;
	return s->skip == 0;
}

static int header_parse(struct sparse *s, struct err *e)
{
	const uint8_t *p = s->head;
	uint64_t bytes;

	if (get_le32(p) != MAGIC)
		return err_set(e, ERR_PROTO, "not a sparse image: it begins with 0x%08x",
			       get_le32(p));
	if (get_le16(p + 4) != 1)
		return err_set(e, ERR_UNSUPPORTED, "sparse image of the unknown version %u.%u",
			       get_le16(p + 4), get_le16(p + 6));
	s->file_header_size = get_le16(p + 8);
	s->chunk_header_size = get_le16(p + 10);
	s->block_size = get_le32(p + 12);
	s->total_blocks = get_le32(p + 16);
	s->total_chunks = get_le32(p + 20);
	if (s->file_header_size < SPARSE_HEADER_SIZE || s->file_header_size > HEAD_MAX ||
	    s->chunk_header_size < CHUNK_HEAD || s->chunk_header_size > HEAD_MAX)
		return err_set(e, ERR_PROTO, "sparse image with headers of %u and %u bytes",
			       s->file_header_size, s->chunk_header_size);
	if (s->block_size == 0 || s->block_size % 4 || s->block_size > BLOCK_MAX)
		return err_set(e, ERR_PROTO, "sparse image with blocks of %u bytes", s->block_size);
	if (s->sector_size == 0)
		return err_set(e, ERR_MISMATCH, "sparse image: the sector size is not known");
	bytes = sparse_output_bytes(s);
	if (s->room && bytes > s->room)
		return err_set(e, ERR_MISMATCH,
			       "sparse image of %" PRIu64 " bytes, the partition has %" PRIu64,
			       bytes, s->room);
	s->skip = s->file_header_size - SPARSE_HEADER_SIZE;
	return 0;
}

/* What a chunk of this type says it occupies in the file. */
static int chunk_total(const struct sparse *s, uint64_t *ret, struct err *e)
{
	switch (s->type) {
	case CHUNK_RAW:
		*ret = s->chunk_header_size + (uint64_t)s->chunk_blocks * s->block_size;
		return 0;
	case CHUNK_FILL:
	case CHUNK_CRC:
		*ret = s->chunk_header_size + 4u;
		return 0;
	case CHUNK_SKIP:
		*ret = s->chunk_header_size;
		return 0;
	default:
		return err_set(e, ERR_PROTO, "has the unknown type 0x%04x", s->type);
	}
}

static int chunk_check(struct sparse *s, struct err *e)
{
	uint32_t says = get_le32(s->head + 8);
	uint64_t total = 0, at, bytes;

	s->type = get_le16(s->head);
	s->chunk_blocks = get_le32(s->head + 4);
	if (chunk_total(s, &total, e) < 0)
		return -1;
	if (says != total)
		return err_set(e, ERR_PROTO,
			       "says it takes %u bytes, its type and size make %" PRIu64, says,
			       total);
	if (s->type == CHUNK_CRC && s->chunk_blocks)
		return err_set(e, ERR_PROTO, "is a checksum of %u blocks", s->chunk_blocks);
	if (s->chunk_blocks > s->total_blocks - s->block)
		return err_set(e, ERR_PROTO,
			       "has %u blocks where the header leaves room for %" PRIu64,
			       s->chunk_blocks, s->total_blocks - s->block);
	at = s->block * s->block_size;
	bytes = (uint64_t)s->chunk_blocks * s->block_size;
	if (at % s->sector_size || bytes % s->sector_size)
		return err_set(e, ERR_MISMATCH,
			       "has %" PRIu64 " bytes at %" PRIu64
			       ", not whole sectors of %u bytes",
			       bytes, at, s->sector_size);
	s->run = (struct sparse_run){ .sector = at / s->sector_size,
				      .sectors = bytes / s->sector_size };
	s->block += s->chunk_blocks;
	s->skip = s->chunk_header_size - CHUNK_HEAD;
	return 0;
}

static int chunk_parse(struct sparse *s, struct err *e)
{
	if (chunk_check(s, e) < 0)
		return err_prefix(e, "sparse image: chunk %u", s->chunk);
	s->chunk++;
	return 0;
}

/* Where to go when a chunk is through. */
static int next_chunk(struct sparse *s, struct err *e)
{
	s->head_n = 0;
	s->state = IN_CHUNK_HEADER;
	if (s->chunk < s->total_chunks)
		return 0;
	if (s->block != s->total_blocks)
		return err_set(e, ERR_PROTO,
			       "sparse image: chunks make %" PRIu64 " blocks, the header says %u",
			       s->block, s->total_blocks);
	s->state = DONE;
	return 0;
}

/* A chunk header is through: what does its body need? Sets *ret_run when a run begins. */
static int chunk_begin(struct sparse *s, bool *ret_run, struct err *e)
{
	*ret_run = false;
	s->head_n = 0;
	switch (s->type) {
	case CHUNK_RAW:
		s->data_left = (uint64_t)s->chunk_blocks * s->block_size;
		if (s->data_left == 0)
			return next_chunk(s, e);
		s->run.kind = SPARSE_RAW;
		s->state = IN_RAW;
		*ret_run = true;
		return 0;
	case CHUNK_SKIP:
		s->run.kind = SPARSE_SKIP;
		*ret_run = s->chunk_blocks != 0;
		return next_chunk(s, e);
	default:
		s->state = IN_FILL;
		return 0;
	}
}

/* One step of the machine. 0: go on; 1: *ret says what to tell; -1: failed. */
static int step(struct sparse *s, struct slice *in, enum sparse_event *ret, struct err *e)
{
	bool run = false;

	*ret = SPARSE_MORE;
	switch (s->state) {
	case IN_HEADER:
		if (!collect(s, in, SPARSE_HEADER_SIZE))
			return 1;
		s->state = IN_HEADER_REST;
		return header_parse(s, e);
	case IN_HEADER_REST:
		return pass_over(s, in) ? next_chunk(s, e) : 1;
	case IN_CHUNK_HEADER:
		if (!collect(s, in, CHUNK_HEAD))
			return 1;
		s->state = IN_CHUNK_REST;
		return chunk_parse(s, e);
	case IN_CHUNK_REST:
		if (!pass_over(s, in))
			return 1;
		if (chunk_begin(s, &run, e) < 0)
			return -1;
		break;
	case IN_FILL:
		if (!collect(s, in, 4))
			return 1;
		s->run.kind = SPARSE_FILL;
		memcpy(s->run.fill, s->head, 4);
		run = s->type == CHUNK_FILL && s->chunk_blocks != 0;
		if (next_chunk(s, e) < 0)
			return -1;
		break;
	case IN_RAW:
		if (in->n == 0)
			return 1;
		s->data = slice_sub(*in, 0, (size_t)MIN_OF(s->data_left, SIZE_MAX));
		*in = slice_sub(*in, s->data.n, SIZE_MAX);
		s->data_left -= s->data.n;
		*ret = SPARSE_DATA;
		if (s->data_left == 0 && next_chunk(s, e) < 0)
			return -1;
		return 1;
	case DONE:
		if (in->n == 0)
			return 1;
		return err_set(e, ERR_PROTO, "sparse image: bytes after its last chunk");
	default:
		return err_set(e, ERR_BUG, "sparse image: read on after a failure");
	}
	if (run)
		*ret = SPARSE_RUN;
	return run;
}

enum sparse_event sparse_next(struct sparse *s, struct slice *in, struct err *e)
{
	enum sparse_event event;
	int r;

	do {
		r = step(s, in, &event, e);
	} while (r == 0);
	if (r < 0) {
		s->state = FAILED;
		return SPARSE_FAILED;
	}
	return event;
}

int sparse_end(const struct sparse *s, struct err *e)
{
	if (s->state == DONE)
		return 0;
	if (s->block_size == 0)
		return err_set(e, ERR_PROTO, "sparse image: ends inside its header");
	return err_set(e, ERR_PROTO,
		       "sparse image: ends after %" PRIu64 " of %u blocks, in chunk %u of %u",
		       s->block - (s->data_left + s->block_size - 1) / s->block_size,
		       s->total_blocks, s->chunk, s->total_chunks);
}
