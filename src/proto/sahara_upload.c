#include "proto/sahara_session.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>

#define CHUNK        (64 * 1024) /* a multiple of every packet size */
#define HELLO_MAX    32          /* HELLOs answered in one upload */
#define IMAGES_MAX   128         /* image ids in the boot ROM's table, as qdl has it */
#define SERVED_TIMES 4           /* how often a target may read an image over */
#define SERVED_EXTRA (64 * 1024)

struct upload {
	struct sahara_images *images;
	struct progress *progress;
	struct sahara_image *image; /* the one in work, NULL before the first read */
	uint64_t image_id;
	uint64_t done;   /* highest offset served */
	uint64_t budget; /* bytes that this image may still be asked for */
	unsigned hellos, finished;
	bool begun;      /* progress_begin() was called */
	bool confirming; /* DONE was sent, DONE_RESP is due */
	bool pending;    /* DONE_RESP 0: another image may be wanted */
	bool over;
	uint8_t *chunk;
};

/* The session ends here because the target asks for what it cannot get: it is told to start over,
 * so that it does not wait for bytes for ever. The refusal in e stays the news. */
static int give_up(struct sahara *s)
{
	struct err ignored = ERR_INIT;

	if (sahara_reset(s, &ignored) < 0)
		log_debug(s->opts.log, TAG, "reset: %s", ignored.msg);
	return -1;
}

static void image_close(struct upload *u, bool ok)
{
	if (u->begun)
		progress_end(u->progress, ok);
	u->begun = false;
	u->image = NULL;
}

static int image_open(struct sahara *s, struct upload *u, uint64_t id, struct err *e)
{
	struct sahara_image *image;

	image_close(u, true);
	if (u->finished >= IMAGES_MAX)
		return err_set(e, ERR_PROTO, "target asks for more than %d images", IMAGES_MAX);
	image = u->images->for_id(u->images, id, e);
	if (!image) {
		err_prefix(e, "target asks for image %" PRIu64, id);
		return give_up(s);
	}
	u->image = image;
	u->image_id = id;
	u->done = 0;
	/* Headers are read twice by every boot ROM; a target that reads for ever is broken. */
	if (!mul_u64(image->size, SERVED_TIMES, &u->budget) ||
	    !add_u64(u->budget, SERVED_EXTRA, &u->budget))
		u->budget = UINT64_MAX;
	u->begun = true;
	log_info(s->opts.log, TAG, "target asks for image %" PRIu64 ", gets '%s'", id, image->name);
	progress_begin(u->progress, image->name, image->size);
	return 0;
}

static int range_check(struct upload *u, uint64_t off, uint64_t count, struct err *e)
{
	uint64_t end;

	if (count == 0)
		return err_set(e, ERR_PROTO, "target asks for 0 bytes of '%s' at %" PRIu64,
			       u->image->name, off);
	if (!add_u64(off, count, &end))
		return err_set(e, ERR_PROTO,
			       "target asks for %" PRIu64 " bytes of '%s' at %" PRIu64
			       ", past the end of all numbers",
			       count, u->image->name, off);
	if (end > u->image->size)
		return err_set(e, ERR_MISMATCH,
			       "target asks for '%s' up to byte %" PRIu64 ", it has only %" PRIu64
			       ": the file is cut short or for another chip",
			       u->image->name, end, u->image->size);
	if (count > u->budget)
		return err_set(e, ERR_PROTO, "target reads '%s' over and over", u->image->name);
	return 0;
}

/* The raw answer to one READ_DATA is one transfer to the target: in a long one only the last piece
 * may end with an empty packet. */
static int range_send(struct sahara *s, struct upload *u, uint64_t off, uint64_t count,
		      struct err *e)
{
	uint64_t left;
	size_t n;

	if (count > CHUNK)
		link_set_zlp(s->link, LINK_ZLP_OFF);
	for (left = count; left; left -= n, off += n) {
		n = left > CHUNK ? CHUNK : (size_t)left;
		if (sahara_cancel_check(s, u->progress, e) < 0)
			return -1;
		if (u->image->read_at(u->image, off, u->chunk, n, e) < 0)
			return err_prefix(e, "reading '%s'", u->image->name);
		if (left == n && count > CHUNK)
			link_set_zlp(s->link, s->opts.zlp);
		if (link_write(s->link, u->chunk, n, s->opts.packet_ms, e) < 0)
			return err_prefix(e, "sending '%s' at byte %" PRIu64, u->image->name, off);
	}
	return 0;
}

static int read_serve(struct sahara *s, struct upload *u, const struct sahara_pkt *p, struct err *e)
{
	if ((!u->image || u->image_id != p->read.image) && image_open(s, u, p->read.image, e) < 0)
		return -1;
	u->pending = u->confirming = false;
	if (range_check(u, p->read.off, p->read.count, e) < 0)
		return give_up(s);
	u->budget -= p->read.count;
	if (range_send(s, u, p->read.off, p->read.count, e) < 0)
		return -1;
	u->done = MAX_OF(u->done, p->read.off + p->read.count);
	progress_step(u->progress, u->done);
	return 0;
}

static int end_serve(struct sahara *s, struct upload *u, const struct sahara_pkt *p, struct err *e)
{
	uint32_t status = p->end.status;

	if (status == SAHARA_STATUS_OK && u->image) {
		if (u->finished >= IMAGES_MAX)
			return err_set(e, ERR_PROTO, "target says END_OF_IMAGE over and over");
		u->finished++;
		u->confirming = true;
		return sahara_say_cmd(s, SAHARA_CMD_DONE, e);
	}
	if (status == SAHARA_STATUS_OK)
		return err_set(e, ERR_PROTO,
			       "target says END_OF_IMAGE without having asked for one");
	/* After a refused mode the target may sit in its error state: one fresh start is fair. */
	if (s->was_refused && !u->image) {
		s->was_refused = false;
		if (sahara_start_over(s, e) < 0)
			return -1;
		return s->has_hello ? sahara_say_hello(s, SAHARA_MODE_IMAGE_PENDING, e) : 0;
	}
	if (!u->image)
		return err_set_code(e, ERR_REFUSED, (int32_t)status,
				    "target refused to take an image, status 0x%x: %s; reset it or "
				    "power-cycle it",
				    status, sahara_status_words(status));
	return err_set_code(e, ERR_REFUSED, (int32_t)status,
			    "target refused '%s' (image %" PRIu64 ") after %" PRIu64 " of %" PRIu64
			    " bytes, status 0x%x: %s; reset it before the next try",
			    u->image->name, u->image_id, u->done, u->image->size, status,
			    sahara_status_words(status));
}

/* DONE_RESP says 1 when all images went through. MDM9x07 and MSM8916 say 0 after their one
 * programmer and start it all the same; so do SBLs asked for image 7 and AG35 for 21. */
static int done_serve(struct sahara *s, struct upload *u, const struct sahara_pkt *p, struct err *e)
{
	uint64_t id = u->image_id;

	if (!u->confirming)
		return err_set(e, ERR_PROTO, "target says DONE_RESP before an image was finished");
	u->confirming = false;
	image_close(u, true);
	if (p->done != 0 || (u->images->count == 1 && (id == 7 || id == 13 || id == 21))) {
		u->over = true;
		s->state = SAHARA_RUNNING;
		return sahara_early_keep(s, e);
	}
	u->pending = true;
	return 0;
}

static int packet_serve(struct sahara *s, struct upload *u, const struct sahara_pkt *p,
			struct err *e)
{
	char room[16];

	switch (p->cmd) {
	case SAHARA_CMD_HELLO:
		if (++u->hellos > HELLO_MAX)
			return err_set(
				e, ERR_PROTO,
				"target said HELLO %u times and never went on; power-cycle it",
				u->hellos);
		image_close(u, u->pending);
		if (sahara_hello_take(s, p, e) < 0 || sahara_hello_merge(s, e) < 0)
			return -1;
		return sahara_say_hello(s, SAHARA_MODE_IMAGE_PENDING, e);
	case SAHARA_CMD_READ_DATA:
	case SAHARA_CMD_READ_DATA64:
		return read_serve(s, u, p, e);
	case SAHARA_CMD_END_OF_IMAGE:
		return end_serve(s, u, p, e);
	case SAHARA_CMD_DONE_RESP:
		return done_serve(s, u, p, e);
	case SAHARA_CMD_MEM_DEBUG:
	case SAHARA_CMD_MEM_DEBUG64:
		s->state = SAHARA_MEM_DEBUG;
		return err_set(
			e, ERR_REFUSED,
			"module crashed and insists on memory debug instead of taking an image; "
			"save its memory or reset it into EDL");
	case SAHARA_CMD_CMD_READY:
		s->in_command = true;
		if (++u->hellos > HELLO_MAX)
			return err_set(e, ERR_PROTO, "target does not leave command mode");
		if (sahara_start_over(s, e) < 0)
			return -1;
		return s->has_hello ? sahara_say_hello(s, SAHARA_MODE_IMAGE_PENDING, e) : 0;
	default:
		return err_set(
			e, ERR_PROTO,
			"target sent packet %s, which has no place in an upload; power-cycle it",
			sahara_cmd_text(p->cmd, room));
	}
}

/* Silence in words: what it means depends on how far the image went. */
static int silence_explain(struct sahara *s, struct upload *u, struct err *e)
{
	if (e->kind != ERR_TIMEOUT && e->kind != ERR_GONE)
		return -1;
	if (u->pending) {
		if (e->kind == ERR_TIMEOUT && u->images->count == 1) {
			u->over = true;
			s->state = SAHARA_RUNNING;
			err_clear(e);
			return 0;
		}
		return err_prefix(e,
				  "target announced another image after %u and did not ask for it",
				  u->finished);
	}
	if (!u->image)
		return err_prefix(e, "target asks for no image; power-cycle it and try again");
	if (u->confirming)
		return err_prefix(e, "'%s' was accepted, but its start was not confirmed",
				  u->image->name);
	/* Programmers end with their last segment; padding to a disk sector may follow it. */
	if (u->image->size - u->done < 512) {
		if (e->kind == ERR_TIMEOUT)
			return err_set_code(
				e, ERR_REFUSED, SAHARA_STATUS_AUTH_FAILED,
				"target took all of '%s' and says nothing: secure boot does "
				"that to a programmer that is signed for another chip; "
				"power-cycle it and take the programmer of its maker",
				u->image->name);
		return err_prefix(e,
				  "target took all of '%s' and left: secure boot does that to a "
				  "programmer that is signed for another chip",
				  u->image->name);
	}
	err_prefix(e,
		   "target stopped after %" PRIu64 " of %" PRIu64 " bytes of '%s' (image %" PRIu64
		   ")",
		   u->done, u->image->size, u->image->name, u->image_id);
	if (s->hello.hello.mode == SAHARA_MODE_MEM_DEBUG)
		return err_append(
			e, "; the module is in memory debug (it crashed): reset it, or bring it "
			   "into EDL by the boot pin (Quectel: USB_BOOT to VDD_EXT while it "
			   "powers up)");
	return err_append(e, "; power-cycle it, check cable and port");
}

/* Leads the target from wherever it is to asking for its image. */
static int upload_begin(struct sahara *s, struct err *e)
{
	if (!s->has_hello && !s->has_held && sahara_start_over(s, e) < 0)
		return s->state == SAHARA_MEM_DEBUG
			       ? err_prefix(e,
					    "module stays in memory debug (it crashed): save its "
					    "memory or reset it into EDL")
			       : -1;
	if (s->has_held)
		return 0;
	if (s->state == SAHARA_MEM_DEBUG)
		log_warn(s->opts.log, TAG,
			 "module sits in memory debug (it crashed); asking it to take "
			 "an image instead");
	return sahara_say_hello(s, SAHARA_MODE_IMAGE_PENDING, e);
}

static int upload_loop(struct sahara *s, struct upload *u, struct err *e)
{
	struct heard h = { .what = SAHARA_FRONT_MORE };

	while (!u->over) {
		if (sahara_cancel_check(s, u->progress, e) < 0)
			return -1;
		if (s->has_held) {
			h.what = SAHARA_FRONT_PACKET;
			h.pkt = s->held;
			s->has_held = false;
		} else if (sahara_hear(s, s->opts.packet_ms, &h, e) < 0) {
			if (silence_explain(s, u, e) < 0)
				return -1;
			continue;
		}
		if (h.what == SAHARA_FRONT_PACKET) {
			if (packet_serve(s, u, &h.pkt, e) < 0)
				return -1;
			continue;
		}
		/* A programmer talks: ours, whose confirmation got lost, or one from before. */
		u->over = true;
		s->state = u->finished                        ? SAHARA_RUNNING
			   : h.what == SAHARA_FRONT_STREAMING ? SAHARA_STREAMING
							      : SAHARA_FIREHOSE;
	}
	return 0;
}

int sahara_upload(struct sahara *s, struct sahara_images *images, struct progress *p, struct err *e)
{
	_cleanup_free_ uint8_t *chunk = NULL;
	struct upload u = { .images = images, .progress = p };
	int r;

	if (sahara_is_running(s))
		return sahara_programmer_runs(s, e);
	chunk = malloc(CHUNK);
	if (!chunk)
		return err_nomem(e);
	u.chunk = chunk;
	link_set_zlp(s->link, s->opts.zlp);
	r = upload_begin(s, e);
	if (r == 0)
		r = upload_loop(s, &u, e);
	image_close(&u, r == 0);
	link_set_zlp(s->link, LINK_ZLP_AUTO);
	return r;
}
