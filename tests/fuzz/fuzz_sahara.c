/* Sahara against hostile bytes: the framer in two different cuts, the parsers, and a whole session
 * (open, identify, upload, reset) with a far side that says what the input says. The first byte
 * chooses the shape of the session. */
#include "proto/sahara.h"

#include "wire/sahara_pkt.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_link {
	struct link link;
	struct slice rest;
	size_t piece;
	uint64_t written;
};

static int fuzz_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		     struct err *e)
{
	struct fuzz_link *f = container_of(l, struct fuzz_link, link);
	size_t n = MIN_OF(MIN_OF(cap, f->rest.n), f->piece);

	(void)ms;
	if (n == 0)
		return err_set(e, ERR_TIMEOUT, "nothing in time");
	/* 0xa5 0x5a in front of a read is a silence, so that the input reaches every rung. */
	if (f->rest.n >= 2 && f->rest.p[0] == 0xa5 && f->rest.p[1] == 0x5a) {
		f->rest = slice_sub(f->rest, 2, f->rest.n);
		return err_set(e, ERR_TIMEOUT, "nothing in time");
	}
	memcpy(buf, f->rest.p, n);
	f->rest = slice_sub(f->rest, n, f->rest.n);
	*ret_n = n;
	return 0;
}

static int fuzz_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct fuzz_link *f = container_of(l, struct fuzz_link, link);
	const volatile uint8_t *p = buf;

	(void)ms;
	(void)e;
	if (n)
		(void)(p[0] + p[n - 1]);
	f->written += n;
	return 0;
}

static void fuzz_close(struct link *l)
{
	(void)l;
}

static const struct link_ops fuzz_ops = {
	.name = "fuzz",
	.read = fuzz_read,
	.write = fuzz_write,
	.close = fuzz_close,
};

static int image_read_at(struct sahara_image *i, uint64_t off, void *p, size_t n, struct err *e)
{
	(void)e;
	if (off > i->size || n > i->size - off)
		abort();
	memset(p, 0x5a, n);
	return 0;
}

struct fuzz_images {
	struct sahara_images images;
	struct sahara_image image;
};

static struct sahara_image *image_for_id(struct sahara_images *all, uint64_t id, struct err *e)
{
	if (id > 64) {
		err_set(e, ERR_MISMATCH, "no such image");
		return NULL;
	}
	return &container_of(all, struct fuzz_images, images)->image;
}

static void fuzz_session(const uint8_t *data, size_t size)
{
	uint8_t shape = data[0];
	struct fuzz_link f = { .link = { .ops = &fuzz_ops, .max_packet = 512, .desc = "fuzz" } };
	struct sahara_opts opts = { .hello_ms = 1000, .packet_ms = 1000 };
	struct fuzz_images given = { { image_for_id, shape & 4 ? 1 : 3 },
				     { image_read_at, 0x3000, "fuzz.mbn" } };
	struct err e = ERR_INIT;
	struct chip_id id;
	struct sahara *s;
	int r;

	opts.may_probe = shape & 1;
	opts.may_reset = shape & 2;
	f.piece = shape & 8 ? 1 + (size_t)(shape >> 4) : SIZE_MAX;
	f.rest = SLICE(data + 1, size - 1);
	if (sahara_open(&f.link, &opts, &s, &e) < 0)
		return;
	if (!(shape & 16) && sahara_identify(s, &id, &e) == 0 && id.pkhash_len > sizeof(id.pkhash))
		abort();
	err_clear(&e);
	r = sahara_upload(s, &given.images, NULL, &e);
	if (r < 0 && e.kind == ERR_NONE)
		abort();
	/* Whatever the far side says, it cannot make us send without end. */
	if (f.written > 64 * 1024 * 1024)
		abort();
	if (sahara_reset(s, &e) < 0 && e.kind == ERR_NONE)
		abort();
	sahara_close(s);
}

/* Packets out of one cutting of the input: their total and a sum that depends on all of them. */
static uint64_t fuzz_frame(struct slice in, size_t piece)
{
	struct sahara_rx rx;
	struct slice pkt = { NULL, 0 };
	struct sahara_pkt p;
	struct err e = ERR_INIT;
	enum sahara_front front = SAHARA_FRONT_MORE;
	uint64_t sum = 0;
	uint8_t room[64], *to;
	size_t cap, n, i;

	sahara_rx_init(&rx);
	while (in.n && front == SAHARA_FRONT_MORE) {
		to = sahara_rx_room(&rx, &cap);
		n = MIN_OF(MIN_OF(cap, piece), in.n);
		memcpy(to, in.p, n);
		sahara_rx_filled(&rx, n);
		in = slice_sub(in, n, in.n);
		while ((front = sahara_rx_next(&rx, &pkt)) == SAHARA_FRONT_PACKET) {
			for (i = 0; i < pkt.n; i++)
				sum = sum * 31 + pkt.p[i] + 1;
			if (sahara_pkt_parse(pkt, &p, &e) == 0 && sahara_cmd_name(p.cmd) &&
			    p.cmd != SAHARA_CMD_WRITE_DATA) {
				struct writer w = writer_of(room, sizeof(room));

				if (sahara_pkt_build(&w, &p, &e) < 0)
					abort();
			}
		}
	}
	return sum * 8 + front;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sahara_region r;
	struct err e = ERR_INIT;
	uint8_t hash[64];
	size_t n;

	if (size == 0)
		return 0;
	if (fuzz_frame(SLICE(data + 1, size - 1), 1) !=
	    fuzz_frame(SLICE(data + 1, size - 1), 1 + data[0] * 16u))
		abort();
	if (sahara_pkhash_reduce(SLICE(data, size), hash) > sizeof(hash))
		abort();
	if (sahara_region_parse(SLICE(data, size), size == SAHARA_REGION_LEN64, &r, &e) == 0)
		(void)sahara_region_name_ok(r.name);
	if (size >= 8 && sahara_region_count(get_le64(data), data[0] & 1, &n, &e) == 0 && n == 0)
		abort();
	fuzz_session(data, size);
	return 0;
}
