#include "proto/firehose_priv.h"

#include <inttypes.h>
#include <string.h>

/* Payload that came, in pieces, to a sink that may be tired of it. */
static int hand_on(struct sink *to, struct slice s, struct err *e)
{
	size_t off;

	for (off = 0; off < s.n; off += FH_PUT_MAX) {
		struct slice piece = slice_sub(s, off, FH_PUT_MAX);

		if (sink_put(to, piece.p, piece.n, e) < 0)
			return -1;
	}
	return 0;
}

/* The payload stopped at `got` of `want` bytes; e says why. */
static int payload_failed(struct firehose *f, uint64_t got, uint64_t want, struct err *e)
{
	struct firehose_response r;

	if (e->kind == ERR_TIMEOUT && fh_answer_in_tail(f, &r)) {
		/* The target gave up in the middle: its answer stands where data should be. */
		if (!r.ack)
			fh_refused(f, e);
		else
			err_set(e, ERR_PROTO, "the programmer closed the read too early");
	} else {
		f->unsettled = true;
		firehose_rx_reset(&f->rx);
	}
	return err_prefix(e, "after %" PRIu64 " of %" PRIu64 " bytes", got, want);
}

/* Takes all announced bytes. What the sink or the person did not want any more is in *first: the
 * target sends the rest in any case, so it is taken and dropped. */
static int take_payload(struct firehose *f, uint64_t want, struct sink *to, struct progress *p,
			uint64_t done_before, struct err *first, struct err *e)
{
	struct slice piece;
	uint64_t got = 0;

	firehose_rx_expect_raw(&f->rx, want);
	f->tail_n = 0;
	if (f->rx_rest.n && f->rx_rest.n <= FH_TAIL_ROOM) {
		memcpy(f->tail, f->rx_rest.p, f->rx_rest.n);
		f->tail_n = f->rx_rest.n;
	}
	while (got < want) {
		if (fh_raw(f, FH_MS_READ_DATA, &piece, e) < 0)
			return payload_failed(f, got, want, e);
		got += piece.n;
		if (first->kind || fh_check_cancel(f, p, first) < 0 ||
		    (to && hand_on(to, piece, first) < 0))
			continue;
		progress_step(p, done_before + got);
	}
	return 0;
}

int fh_read_once(struct firehose *f, const struct firehose_range *r, struct sink *to,
		 struct progress *p, uint64_t done_before, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_response answer;
	struct err first = ERR_INIT;
	int ret;

	if (fh_send(f, FH_READS, firehose_read_build(&w, r, e), &w, e) < 0 ||
	    fh_answer(f, FH_MS_SETUP, &answer, e) < 0)
		return -1;
	if (!answer.ack || fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG))
		return fh_refused(f, e);
	if (!answer.raw)
		return err_set(e, ERR_PROTO,
			       "the programmer accepted the read but announced no data");
	ret = take_payload(f, r->count * r->sector_size, to, p, done_before, &first, e);
	if (ret == 0)
		ret = fh_answer(f, FH_MS_READ_FINAL, &answer, e);
	/* ECC failures show only here: family A delivers the full count, then says no. */
	if (ret == 0 && !answer.ack)
		ret = fh_refused(f, e);
	if (first.kind) {
		*e = first;
		return -1;
	}
	return ret;
}

int firehose_read(struct firehose *f, const struct extent *x, struct sink *to, struct progress *p,
		  struct err *e)
{
	struct firehose_range all, part;
	uint64_t bytes, step, done = 0;

	if (fh_check_cancel(f, p, e) < 0 || fh_range(f, x, &all, &bytes, e) < 0)
		goto fail;
	step = FH_READ_BYTES / all.sector_size;
	progress_begin(p, "read", bytes);
	for (part = all; done < all.count; done += part.count) {
		part.start = all.start + done;
		part.count = MIN_OF(step, all.count - done);
		if (fh_check_cancel(f, p, e) < 0 ||
		    fh_read_once(f, &part, to, p, done * all.sector_size, e) < 0) {
			progress_end(p, false);
			goto fail;
		}
	}
	progress_end(p, true);
	return 0;
fail:
	return err_prefix(e, "reading %" PRIu64 " sectors at %" PRIu32 "/%" PRIu64, x->count,
			  x->lun, x->start);
}

int firehose_sha256(struct firehose *f, const struct extent *x, uint8_t ret[32], struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_range r;
	uint64_t bytes, ms;

	if (!firehose_can(f, FIREHOSE_GETSHA256DIGEST))
		return err_set(e, ERR_UNSUPPORTED, "this programmer computes no digests");
	if (fh_check_cancel(f, NULL, e) < 0 || fh_range(f, x, &r, &bytes, e) < 0)
		return -1;
	/* The storage is read at 2 MB/s or better. */
	ms = FH_MS_DIGEST + bytes / 2000;
	if (fh_command(f, FH_READS, firehose_sha256_build(&w, &r, e), &w,
		       (uint32_t)MIN_OF(ms, 3600000u), e) < 0)
		return err_prefix(e, "digest of %" PRIu64 " sectors at %" PRIu32 "/%" PRIu64,
				  x->count, x->lun, x->start);
	if (!f->has_digest)
		return err_set(e, ERR_PROTO, "the programmer accepted a digest but printed none");
	memcpy(ret, f->digest, 32);
	return 0;
}

int firehose_nop(struct firehose *f, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));

	if (fh_command(f, FH_READS, firehose_nop_build(&w, e), &w, FH_MS_SHORT, e) < 0)
		return err_prefix(e, "nop");
	return 0;
}

int firehose_power(struct firehose *f, enum firehose_power what, struct err *e)
{
	static const char *const values[] = {
		[FIREHOSE_POWER_RESET] = "reset",
		[FIREHOSE_POWER_OFF] = "off",
		[FIREHOSE_POWER_RESET_TO_EDL] = "reset_to_edl",
	};
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_response r = { .ack = true };
	/* As the vendor's tool sends it to each family; family A is given no delay. */
	unsigned delay = f->family == FIREHOSE_FAMILY_A ? 0 : 10;

	/* MDM9x07 answers an unknown value with an ACK and stays where it is. */
	if (f->family == FIREHOSE_FAMILY_A && what == FIREHOSE_POWER_RESET_TO_EDL)
		return err_set(e, ERR_UNSUPPORTED,
			       "this programmer cannot reset the module into EDL again");
	if (fh_send(f, FH_READS, firehose_power_build(&w, values[what], delay, e), &w, e) < 0)
		return err_prefix(e, "power %s", values[what]);
	if (fh_answer(f, FH_MS_SHORT, &r, e) < 0) {
		if (e->kind == ERR_UNSUPPORTED)
			return err_prefix(e, "power %s", values[what]);
		if (e->kind != ERR_GONE && e->kind != ERR_TIMEOUT && e->kind != ERR_LINK)
			return err_prefix(e, "power %s", values[what]);
		err_clear(e);
	} else if (!r.ack || fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG)) {
		fh_refused(f, e);
		return err_prefix(e, "power %s", values[what]);
	} else {
		/* SDX20 does not go before its log queue is empty. */
		fh_drain(f, fh_ms(f, FH_MS_POWER_QUIET), fh_ms(f, 3 * FH_MS_POWER_QUIET));
	}
	f->left = true;
	return 0;
}
