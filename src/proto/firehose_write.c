#include "proto/firehose_write.h"

#include "proto/firehose_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* How often the target's words are listened to while data goes out: it stops taking data when its
 * log queue is full, and may say no in the middle. */
#define LISTEN_EVERY (256u * 1024)

/* What is changed must lie on the storage: a length past the end, from sector 0, means "erase the
 * entire chip" to MDM9x07. */
static int changing_range(struct firehose *f, const struct extent *x, struct firehose_range *ret,
			  uint64_t *ret_bytes, struct err *e)
{
	uint64_t total;

	if (fh_range(f, x, ret, ret_bytes, e) < 0)
		return -1;
	total = x->lun == 0 ? f->geo.total_sectors : 0;
	if (total && (x->start >= total || x->count > total - x->start))
		return err_set(e, ERR_MISMATCH,
			       "sectors %" PRIu64 "..%" PRIu64 " of a storage that has %" PRIu64,
			       x->start, x->start + x->count - 1, total);
	return 0;
}

static int erase_checked(struct firehose *f, const struct extent *x, struct progress *p,
			 struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_range r;
	uint64_t bytes, ms;
	int built, done;

	if (fh_check_cancel(f, p, e) < 0 || changing_range(f, x, &r, &bytes, e) < 0)
		return -1;
	if (r.pages_per_block && (r.start % r.pages_per_block || r.count % r.pages_per_block))
		return err_set(e, ERR_BUG, "not whole erase blocks of %" PRIu32 " pages",
			       r.pages_per_block);
	/* A block takes 1 ms to 8 ms; bad ones longer. Managed storage: 10 ms per MiB is slow. */
	ms = r.pages_per_block ? r.count / r.pages_per_block * 60 : (bytes >> 20) * 10;
	ms = MIN_OF(FH_MS_ERASE + MIN_OF(ms, (uint64_t)FH_MS_ERASE_MAX), (uint64_t)FH_MS_ERASE_MAX);
	built = firehose_erase_build(&w, &r, e);
	if (built < 0)
		return -1;
	progress_begin(p, "erase", bytes);
	done = fh_command(f, FH_CHANGES, built, &w, (uint32_t)ms, e);
	if (done == 0)
		progress_step(p, bytes);
	progress_end(p, done == 0);
	return done;
}

int firehose_erase(struct firehose *f, const struct extent *x, struct progress *p, struct err *e)
{
	if (erase_checked(f, x, p, e) < 0)
		return err_prefix(e, "erasing %" PRIu64 " sectors at %" PRIu32 "/%" PRIu64,
				  x->count, x->lun, x->start);
	return 0;
}

/* A program that is running. */
struct sending {
	uint64_t total, sent, since_listen;
	struct source *from;
	bool ended; /* the source gave its last byte */
	uint8_t filler;
	size_t chunk;
	size_t filled;    /* bytes of the source in tx_buf */
	struct err first; /* why the data is not what it should be; the count is completed in any
			     case */
};

/* Fills tx_buf with the next n bytes: data, then filler. */
static void fill(struct firehose *f, struct sending *s, size_t n, uint32_t sector)
{
	uint64_t missing;

	s->filled = 0;
	if (!s->ended && source_get_full(s->from, f->tx_buf, n, &s->filled, &s->first) < 0) {
		s->ended = true;
		s->filled = 0;
	} else if (!s->ended && s->filled < n) {
		s->ended = true;
		missing = s->total - s->sent - s->filled;
		if (missing >= sector)
			err_set(&s->first, ERR_MISMATCH,
				"the data ends %" PRIu64 " bytes before the end of the extent",
				missing);
	}
	memset(f->tx_buf + s->filled, s->filler, n - s->filled);
}

/* Does the source hold more than the extent does? */
static void check_longer(struct sending *s)
{
	uint8_t one;
	size_t n = 0;

	if (s->ended || s->first.kind)
		return;
	s->ended = true;
	if (source_get(s->from, &one, 1, &n, &s->first) == 0 && n)
		err_set(&s->first, ERR_MISMATCH, "the data is longer than the extent");
}

/* A document in the middle of the data. 1 when it ended the command. */
static int hear(struct firehose *f, struct sending *s, uint32_t ms, struct err *e)
{
	struct firehose_response r;
	bool answered;

	s->since_listen = 0;
	if (fh_poll(f, ms, &answered, &r, e) < 0) {
		f->lost = e->kind != ERR_GONE;
		return -1;
	}
	if (!answered)
		return 0;
	f->unsettled = true;
	if (r.ack)
		err_set(e, ERR_PROTO, "the programmer closed the write");
	else
		fh_refused(f, e);
	err_prefix(e, "after %" PRIu64 " of %" PRIu64 " bytes", s->sent, s->total);
	return -1;
}

/* The link took no more data: the target may have said why. */
static int write_failed(struct firehose *f, struct sending *s, struct err *e)
{
	struct err why = *e;

	if (e->kind == ERR_TIMEOUT || e->kind == ERR_LINK) {
		struct err heard = ERR_INIT;

		if (hear(f, s, fh_ms(f, FH_MS_RESYNC_QUIET), &heard) < 0 &&
		    heard.kind == ERR_REFUSED) {
			*e = heard;
			return -1;
		}
		/* How much of the chunk arrived is unknown, so nothing can be completed. */
		f->lost = true;
	}
	*e = why;
	fh_append_log(f, e);
	return err_prefix(e, "after %" PRIu64 " of %" PRIu64 " bytes", s->sent, s->total);
}

static int send_data(struct firehose *f, struct sending *s, uint32_t sector, struct progress *p,
		     struct err *e)
{
	uint32_t ms = fh_ms(f, FH_MS_CHUNK_WRITE);
	size_t n;

	while (s->sent < s->total) {
		n = (size_t)MIN_OF((uint64_t)s->chunk, s->total - s->sent);
		if (s->sent) {
			if (!s->first.kind && fh_check_cancel(f, p, &s->first) < 0)
				s->ended = true;
			fill(f, s, n, sector);
		}
		if (s->sent + n == s->total)
			check_longer(s);
		if (link_write(f->link, f->tx_buf, n, ms, e) < 0)
			return write_failed(f, s, e);
		s->sent += n;
		s->since_listen += n;
		if (!s->first.kind)
			progress_step(p, s->sent);
		if (s->since_listen >= LISTEN_EVERY && s->sent < s->total && hear(f, s, 0, e) < 0)
			return -1;
	}
	return 0;
}

static int make_room(struct firehose *f, struct sending *s, uint32_t sector, struct err *e)
{
	s->chunk = f->payload / sector * sector;
	if (s->chunk == 0)
		return err_set(e, ERR_UNSUPPORTED,
			       "the programmer takes %" PRIu32
			       " bytes at once, less than a sector of %" PRIu32,
			       f->payload, sector);
	if (f->tx_cap < s->chunk) {
		free(f->tx_buf);
		f->tx_buf = malloc(s->chunk);
		f->tx_cap = f->tx_buf ? s->chunk : 0;
		if (!f->tx_buf)
			return err_nomem(e);
	}
	return 0;
}

static int program_checked(struct firehose *f, const struct extent *x, uint64_t last_sector,
			   const char *filename, struct sending *s, struct progress *p,
			   struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_response answer;
	struct firehose_range r;
	size_t n;

	if (fh_check_cancel(f, p, e) < 0 || changing_range(f, x, &r, &s->total, e) < 0 ||
	    make_room(f, s, r.sector_size, e) < 0)
		return -1;
	s->filler = r.pages_per_block ? 0xff : 0x00;
	/* The first chunk is taken before the command: a source that fails or
	 * is too short there changes nothing. */
	n = (size_t)MIN_OF((uint64_t)s->chunk, s->total);
	fill(f, s, n, r.sector_size);
	if (s->filled == 0 && !s->first.kind)
		err_set(&s->first, ERR_MISMATCH, "there is no data");
	if (n == s->total)
		check_longer(s);
	if (s->first.kind) {
		*e = s->first;
		return -1;
	}

	if (firehose_program_build(&w, &r, last_sector, filename, e) < 0)
		return -1;
	if (fh_send(f, FH_PROGRAMS, 0, &w, e) < 0 || fh_answer(f, FH_MS_SETUP, &answer, e) < 0)
		return -1;
	if (!answer.ack || fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG))
		return fh_refused(f, e);
	if (!answer.raw)
		return err_set(e, ERR_PROTO, "the programmer accepted the write but wants no data");
	if (send_data(f, s, r.sector_size, p, e) < 0)
		return -1;
	if (fh_answer(f, FH_MS_PROGRAM_FINAL, &answer, e) < 0)
		return -1;
	if (!answer.ack)
		return fh_refused(f, e);
	if (s->first.kind) {
		*e = s->first;
		return err_prefix(e, "written with filler in place of data");
	}
	return 0;
}

int firehose_program(struct firehose *f, const struct extent *x, uint64_t last_sector,
		     const char *filename, struct source *from, struct progress *p, struct err *e)
{
	struct sending s = { .from = from, .first = ERR_INIT };
	uint64_t bytes = 0;
	int r;

	if (fh_need_geometry(f, e) == 0 && extent_bytes(x, f->geo.sector_size, &bytes, e) == 0) {
		progress_begin(p, "write", bytes);
		r = program_checked(f, x, last_sector, filename, &s, p, e);
		progress_end(p, r == 0);
		if (r == 0)
			return 0;
	}
	return err_prefix(e, "writing %" PRIu64 " sectors at %" PRIu32 "/%" PRIu64, x->count,
			  x->lun, x->start);
}

int firehose_patch(struct firehose *f, const struct firehose_patch *patch, struct err *e)
{
	struct firehose_patch_args args = {
		.lun = patch->lun,
		.size_in_bytes = patch->size_in_bytes,
		.byte_offset = patch->byte_offset,
		.start_sector = patch->start_sector,
		.value = patch->value,
	};
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));

	if (f->family == FIREHOSE_FAMILY_A || !firehose_can(f, FIREHOSE_PATCH))
		return err_set(e, ERR_UNSUPPORTED, "this programmer knows no patch");
	if (fh_need_geometry(f, e) < 0)
		return -1;
	args.sector_size = f->geo.sector_size;
	if (firehose_patch_build(&w, &args, e) < 0)
		return -1;
	if (fh_command(f, FH_CHANGES, 0, &w, FH_MS_SHORT, e) < 0)
		return err_prefix(e, "patching sector %.40s", patch->start_sector);
	return 0;
}

int firehose_set_bootable(struct firehose *f, uint32_t lun, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));

	if (!firehose_can(f, FIREHOSE_SETBOOTABLE))
		return err_set(e, ERR_UNSUPPORTED,
			       "this programmer cannot choose the drive to boot from");
	if (firehose_set_bootable_build(&w, lun, e) < 0)
		return -1;
	if (fh_command(f, FH_CHANGES, 0, &w, FH_MS_SHORT, e) < 0)
		return err_prefix(e, "making drive %" PRIu32 " bootable", lun);
	return 0;
}

int firehose_send_verbatim(struct firehose *f, const char *element, uint32_t ms, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));

	if (firehose_verbatim_build(&w, element, e) < 0)
		return -1;
	/* Only a programmer of the generation that has the vendor check takes its tag for what it
	 * is; an older one may see an erase of everything. */
	if (f->family != FIREHOSE_FAMILY_B)
		return err_set(e, ERR_POLICY,
			       "the element '%.60s' is sent to no programmer of this family",
			       element);
	if (fh_command(f, FH_CHANGES, 0, &w, ms, e) < 0)
		return err_prefix(e, "'%.60s'", element);
	return 0;
}
