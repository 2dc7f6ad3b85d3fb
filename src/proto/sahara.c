/*
 * A session's beginning and end: packets in and out, the ladder that sahara_open() climbs until
 * something answers, starting over, reset. sahara_identify.c goes into command mode and back,
 * sahara_upload.c serves what the target asks for until the programmer runs.
 */
#include "proto/sahara_session.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define EARLY_MAX      (64 * 1024) /* a programmer's banner has some KiB at most */
#define DEFAULT_HELLO  2000
#define DEFAULT_PACKET 5000

const char *sahara_status_text(uint32_t status)
{
	return sahara_status_words(status);
}

const char *sahara_cmd_text(uint32_t cmd, char room[16])
{
	const char *name = sahara_cmd_name(cmd);

	if (name)
		return name;
	snprintf(room, 16, "0x%x", cmd);
	return room;
}

int sahara_cancel_check(const struct sahara *s, const struct progress *p, struct err *e)
{
	if (cancel_is_set(s->opts.cancel) || progress_cancelled(p))
		return err_set(e, ERR_CANCELLED, "stopped by request");
	return 0;
}

int sahara_early_keep(struct sahara *s, struct err *e)
{
	struct slice held = sahara_rx_held(&s->rx);

	if (held.n && buf_add(&s->early, held.p, held.n, e) < 0)
		return -1;
	sahara_rx_clear(&s->rx);
	return 0;
}

/* What is neither packet nor programmer. A banner may begin in the middle after bytes were lost. */
static int hear_garbage(struct sahara *s, struct heard *h, struct err *e)
{
	struct slice held = sahara_rx_held(&s->rx);
	size_t at = slice_find(held, SLICE_STR("<?xml"));
	char hex[2 * 16 + 1];

	if (at != SIZE_MAX) {
		s->rx.off += at;
		h->what = SAHARA_FRONT_FIREHOSE;
		return sahara_early_keep(s, e);
	}
	hex_encode(hex, slice_sub(held, 0, 16));
	err_set(e, ERR_PROTO, "%zu bytes that are no sahara packet: %s%s", held.n, hex,
		held.n > 16 ? ".." : "");
	sahara_rx_clear(&s->rx);
	return -1;
}

int sahara_hear(struct sahara *s, uint32_t ms, struct heard *h, struct err *e)
{
	struct deadline end = deadline_in(ms);
	struct slice raw;
	char room[16];
	uint8_t *to;
	size_t cap, n;

	for (;;) {
		if (sahara_cancel_check(s, NULL, e) < 0)
			return -1;
		h->what = sahara_rx_next(&s->rx, &raw);
		switch (h->what) {
		case SAHARA_FRONT_PACKET:
			if (sahara_pkt_parse(raw, &h->pkt, e) < 0)
				return -1;
			log_debug(s->opts.log, TAG, "< %s", sahara_cmd_text(h->pkt.cmd, room));
			return 0;
		case SAHARA_FRONT_FIREHOSE:
		case SAHARA_FRONT_STREAMING:
			return sahara_early_keep(s, e);
		case SAHARA_FRONT_GARBAGE:
			return hear_garbage(s, h, e);
		case SAHARA_FRONT_MORE:
			break;
		}
		to = sahara_rx_room(&s->rx, &cap);
		if (link_read(s->link, to, cap, deadline_left(end), &n, e) < 0) {
			n = sahara_rx_held(&s->rx).n;
			if (n)
				err_append(e, ", %zu bytes into a packet", n);
			sahara_rx_clear(&s->rx);
			return -1;
		}
		sahara_rx_filled(&s->rx, n);
	}
}

int sahara_say(struct sahara *s, const struct sahara_pkt *p, struct err *e)
{
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room));

	if (sahara_cancel_check(s, NULL, e) < 0)
		return -1;
	if (sahara_pkt_build(&w, p, e) < 0)
		return -1;
	log_debug(s->opts.log, TAG, "> %s", sahara_cmd_name(p->cmd));
	if (link_write(s->link, w.p, w.n, s->opts.packet_ms, e) < 0)
		return err_prefix(e, "sending %s", sahara_cmd_name(p->cmd));
	return 0;
}

int sahara_say_cmd(struct sahara *s, uint32_t cmd, struct err *e)
{
	return sahara_say(s, &(struct sahara_pkt){ .cmd = cmd }, e);
}

int sahara_say_hello(struct sahara *s, enum sahara_mode mode, struct err *e)
{
	struct sahara_pkt p = { .cmd = SAHARA_CMD_HELLO_RESP };
	uint32_t version = s->hello.hello.version;

	p.hello_resp.version = version ? MIN_OF(version, (uint32_t)SAHARA_VERSION_MAX) : 2;
	p.hello_resp.min_version = 1;
	p.hello_resp.mode = mode;
	if (sahara_say(s, &p, e) < 0)
		return -1;
	s->has_hello = false;
	return 0;
}

int sahara_say_switch(struct sahara *s, enum sahara_mode mode, struct err *e)
{
	return sahara_say(s, &(struct sahara_pkt){ .cmd = SAHARA_CMD_SWITCH_MODE, .mode = mode },
			  e);
}

int sahara_hello_take(struct sahara *s, const struct sahara_pkt *p, struct err *e)
{
	static const enum sahara_state states[] = {
		[SAHARA_MODE_IMAGE_PENDING] = SAHARA_WAITING,
		[SAHARA_MODE_IMAGE_COMPLETE] = SAHARA_WAITING,
		[SAHARA_MODE_MEM_DEBUG] = SAHARA_MEM_DEBUG,
		[SAHARA_MODE_COMMAND] = SAHARA_COMMAND,
	};

	if (p->hello.min_version > SAHARA_VERSION_MAX)
		return err_set(
			e, ERR_UNSUPPORTED,
			"target speaks sahara version %u at the lowest, this program %d at the "
			"highest",
			p->hello.min_version, SAHARA_VERSION_MAX);
	if (p->hello.mode >= ARRAY_SIZE(states))
		return err_set(e, ERR_PROTO, "target's HELLO proposes mode %u, which is not known",
			       p->hello.mode);
	s->hello = *p;
	s->has_hello = true;
	s->in_command = s->has_held = false;
	s->state = states[p->hello.mode];
	log_info(s->opts.log, TAG, "HELLO version %u, lowest %u, mode %u", p->hello.version,
		 p->hello.min_version, p->hello.mode);
	return 0;
}

int sahara_settle(struct sahara *s, const struct heard *h, bool *ret_settled, struct err *e)
{
	bool settled = true;

	if (h->what == SAHARA_FRONT_FIREHOSE) {
		s->state = SAHARA_FIREHOSE;
	} else if (h->what == SAHARA_FRONT_STREAMING) {
		s->state = SAHARA_STREAMING;
	} else {
		switch (h->pkt.cmd) {
		case SAHARA_CMD_HELLO:
			if (sahara_hello_take(s, &h->pkt, e) < 0)
				return -1;
			break;
		case SAHARA_CMD_READ_DATA:
		case SAHARA_CMD_READ_DATA64:
			s->state = SAHARA_WAITING;
			s->held = h->pkt;
			s->has_held = true;
			break;
		case SAHARA_CMD_CMD_READY:
			s->state = SAHARA_COMMAND;
			s->in_command = true;
			break;
		case SAHARA_CMD_MEM_DEBUG:
		case SAHARA_CMD_MEM_DEBUG64:
			s->state = SAHARA_MEM_DEBUG;
			break;
		default:
			settled = false;
			break;
		}
	}
	*ret_settled = settled;
	return 0;
}

enum rung {
	RUNG_LISTEN,
	RUNG_RECOVER,
	RUNG_NOP,
	RUNG_HELLO_RESP,
	RUNG_RESET_STATE,
	RUNG_SWITCH,
	RUNG_STREAMING,
	RUNG_RESET,
	RUNG_END,
};

struct climb {
	bool found;
	bool has_status; /* END_OF_IMAGE was all it said */
	uint32_t status;
	bool has_garbage;
	bool reset_done;
};

static int rung_write(struct sahara *s, const void *p, size_t n, struct err *e)
{
	return link_write(s->link, p, n, s->opts.packet_ms, e);
}

static int rung_act(struct sahara *s, enum rung rung, struct err *e)
{
	static const char nop[] = "<?xml version=\"1.0\" ?><data><nop /></data>";
	/* HDLC frame: command 9 (nop), four bytes to give back, CRC-16/X.25 low byte first. */
	static const uint8_t streaming[] = { 0x7e, 0x09, 0x01, 0x02, 0x03, 0x04, 0x5c, 0x5b, 0x7e };

	switch (rung) {
	case RUNG_RECOVER:
		return link_recover(s->link, e);
	case RUNG_NOP:
		return rung_write(s, nop, sizeof(nop) - 1, e);
	case RUNG_HELLO_RESP:
		return sahara_say_hello(s, SAHARA_MODE_IMAGE_PENDING, e);
	case RUNG_RESET_STATE:
		return sahara_say_cmd(s, SAHARA_CMD_RESET_STATE, e);
	case RUNG_SWITCH:
		/* Brings a target back that an interrupted run left in command mode. */
		return sahara_say_switch(s, SAHARA_MODE_IMAGE_PENDING, e);
	case RUNG_STREAMING:
		return rung_write(s, streaming, sizeof(streaming), e);
	case RUNG_RESET:
		return sahara_say_cmd(s, SAHARA_CMD_RESET, e);
	default:
		return 0;
	}
}

/* Listens for one rung's time. 0 also when nothing useful came: the next rung is due. */
static int rung_listen(struct sahara *s, enum rung rung, uint32_t ms, struct climb *c,
		       struct err *e)
{
	struct heard h = { .what = SAHARA_FRONT_MORE };
	struct deadline end = deadline_in(ms);
	struct err why = ERR_INIT;
	unsigned stray;
	char room[16];

	for (stray = 0; stray < SAHARA_STRAY_MAX; stray++) {
		if (sahara_hear(s, deadline_left(end), &h, &why) < 0) {
			if (why.kind == ERR_PROTO) {
				log_warn(s->opts.log, TAG, "%s", why.msg);
				c->has_garbage = true;
				return 0;
			}
			/* A stalled endpoint is what the second rung is for. */
			if (why.kind == ERR_TIMEOUT ||
			    (why.kind == ERR_LINK && rung == RUNG_LISTEN))
				return 0;
			*e = why;
			return -1;
		}
		if (sahara_settle(s, &h, &c->found, e) < 0)
			return -1;
		if (c->found)
			return 0;
		if (h.pkt.cmd == SAHARA_CMD_RESET_RESP && rung == RUNG_RESET) {
			c->reset_done = true;
			return 0;
		}
		if (h.pkt.cmd == SAHARA_CMD_END_OF_IMAGE) {
			c->has_status = true;
			c->status = h.pkt.end.status;
			return 0;
		}
		log_debug(s->opts.log, TAG, "%s passed over", sahara_cmd_text(h.pkt.cmd, room));
	}
	return 0;
}

static int climb_failed(const struct sahara *s, const struct climb *c, uint32_t waited_ms,
			struct err *e)
{
	static const char next[] =
		"power-cycle the module; if it stays mute, bring it into EDL by the "
		"boot pin (Quectel: USB_BOOT to VDD_EXT while it powers up)";
	const char *tried = s->opts.may_probe
				    ? "firehose, sahara and streaming probes got no answer"
				    : "this device may not be probed, so nothing was sent";

	if (c->reset_done)
		return err_set_code(
			e, ERR_GONE, 1,
			"target took the RESET and leaves the bus; wait until it is back");
	if (c->has_status)
		return err_set_code(
			e, ERR_REFUSED, (int32_t)c->status,
			"target answers only with status 0x%x: %s; it stays so until it is "
			"reset; %s",
			c->status, sahara_status_words(c->status), next);
	if (c->has_garbage)
		return err_set(
			e, ERR_PROTO,
			"what answers speaks neither sahara nor firehose nor streaming download; "
			"is it a boot port? %s",
			next);
	return err_set(e, ERR_TIMEOUT,
		       "no sahara HELLO in %u ms (another program may have taken it); "
		       "%s; %s",
		       waited_ms, tried, next);
}

static int climb(struct sahara *s, struct err *e)
{
	struct climb c = { false, false, 0, false, false };
	uint32_t half = MAX_OF(s->opts.hello_ms / 2, 1u), ms, waited = 0;
	struct err why = ERR_INIT;
	enum rung rung;

	for (rung = RUNG_LISTEN; rung < RUNG_END; rung++) {
		if (rung > RUNG_RECOVER && !s->opts.may_probe)
			break;
		if (rung == RUNG_RESET && !s->opts.may_reset)
			break;
		/* A target that said END_OF_IMAGE is Sahara and in its error state: XML or a
		 * HELLO_RESP would only be the next thing that it does not expect. */
		if (c.has_status && rung < RUNG_RESET_STATE)
			continue;
		if (c.has_status && rung == RUNG_STREAMING)
			continue;
		if (rung_act(s, rung, &why) < 0) {
			/* A device that takes nothing may still be woken by a later rung. */
			if (why.kind != ERR_TIMEOUT && why.kind != ERR_LINK) {
				*e = why;
				return -1;
			}
			log_debug(s->opts.log, TAG, "rung %d: %s", (int)rung, why.msg);
			continue;
		}
		ms = rung == RUNG_RECOVER ? s->opts.hello_ms : half;
		if (rung_listen(s, rung, ms, &c, e) < 0)
			return -1;
		if (c.found)
			return 0;
		if (c.reset_done)
			break;
		waited += ms;
	}
	return climb_failed(s, &c, waited, e);
}

int sahara_hello_merge(struct sahara *s, struct err *e)
{
	struct sahara_pkt p;
	struct slice held;
	bool glanced = false;
	size_t len = 0;

	for (;;) {
		held = sahara_rx_held(&s->rx);
		if (held.n == 0 && !glanced) {
			/* It may stand in the device's endpoint, a transfer of its own. */
			size_t cap, n = 0;
			uint8_t *to = sahara_rx_room(&s->rx, &cap);

			glanced = true;
			if (link_read(s->link, to, cap, SAHARA_GLANCE_MS, &n, e) == 0)
				sahara_rx_filled(&s->rx, n);
			else if (e->kind != ERR_TIMEOUT)
				return -1;
			else
				err_clear(e);
			continue;
		}
		if (sahara_front(held, &len) != SAHARA_FRONT_PACKET ||
		    get_le32(held.p) != SAHARA_CMD_HELLO)
			return 0;
		if (sahara_pkt_parse(slice_sub(held, 0, len), &p, e) < 0 ||
		    sahara_hello_take(s, &p, e) < 0)
			return -1;
		s->rx.off += len;
	}
}

int sahara_open(struct link *link, const struct sahara_opts *opts, struct sahara **ret,
		struct err *e)
{
	struct sahara *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem(e);
	s->link = link;
	s->opts = *opts;
	if (!s->opts.hello_ms)
		s->opts.hello_ms = DEFAULT_HELLO;
	if (!s->opts.packet_ms)
		s->opts.packet_ms = DEFAULT_PACKET;
	s->early.max = EARLY_MAX;
	sahara_rx_init(&s->rx);
	if (climb(s, e) < 0 || sahara_hello_merge(s, e) < 0) {
		sahara_close(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void sahara_close(struct sahara *s)
{
	if (!s)
		return;
	buf_fini(&s->early);
	free(s);
}

enum sahara_state sahara_state(const struct sahara *s)
{
	return s->state;
}

struct slice sahara_early(const struct sahara *s)
{
	return buf_slice(&s->early);
}

int sahara_programmer_runs(const struct sahara *s, struct err *e)
{
	return err_set(
		e, ERR_UNSUPPORTED,
		"the boot ROM no longer answers: a %s programmer already runs; talk to it, or "
		"power-cycle the module to start over",
		s->state == SAHARA_STREAMING ? "streaming" : "firehose");
}

bool sahara_is_running(const struct sahara *s)
{
	return s->state == SAHARA_FIREHOSE || s->state == SAHARA_STREAMING ||
	       s->state == SAHARA_RUNNING;
}

/* Waits for a HELLO; other packets are passed over. */
static int hello_await(struct sahara *s, struct err *e)
{
	struct heard h = { .what = SAHARA_FRONT_MORE };
	unsigned stray;
	bool settled;
	char room[16];

	for (stray = 0; stray < SAHARA_STRAY_MAX; stray++) {
		if (sahara_hear(s, s->opts.packet_ms, &h, e) < 0)
			return err_prefix(e, "waiting for HELLO");
		if (h.what == SAHARA_FRONT_PACKET && h.pkt.cmd == SAHARA_CMD_END_OF_IMAGE)
			return err_set_code(e, ERR_REFUSED, (int32_t)h.pkt.end.status,
					    "target refused to start over, status 0x%x: %s",
					    h.pkt.end.status,
					    sahara_status_words(h.pkt.end.status));
		if (sahara_settle(s, &h, &settled, e) < 0)
			return -1;
		/* Some targets go straight on to ask for their image; that is as good. */
		if (s->has_hello)
			return sahara_hello_merge(s, e);
		if (s->has_held)
			return 0;
		if (sahara_is_running(s))
			return sahara_programmer_runs(s, e);
		if (h.what == SAHARA_FRONT_PACKET)
			log_debug(s->opts.log, TAG, "%s passed over",
				  sahara_cmd_text(h.pkt.cmd, room));
	}
	return err_set(e, ERR_PROTO, "%d packets and no HELLO among them", SAHARA_STRAY_MAX);
}

int sahara_start_over(struct sahara *s, struct err *e)
{
	struct err first = ERR_INIT;

	if (s->in_command) {
		s->in_command = false;
		if (sahara_say_switch(s, SAHARA_MODE_IMAGE_PENDING, e) < 0)
			return -1;
		if (hello_await(s, &first) == 0)
			return 0;
		if (first.kind != ERR_REFUSED && first.kind != ERR_TIMEOUT) {
			*e = first;
			return -1;
		}
	}
	if (sahara_say_cmd(s, SAHARA_CMD_RESET_STATE, e) < 0)
		return -1;
	return hello_await(s, e);
}

int sahara_reset(struct sahara *s, struct err *e)
{
	struct heard h = { .what = SAHARA_FRONT_MORE };
	unsigned stray;
	char room[16];

	if (sahara_is_running(s))
		return sahara_programmer_runs(s, e);
	/* Also after a request to stop: it is how a conversation is given up in good order. */
	s->opts.cancel = NULL;
	/* A crashed module resets out of memory debug, once it could offer its memory. */
	if (s->state == SAHARA_MEM_DEBUG && s->has_hello) {
		if (sahara_say_hello(s, SAHARA_MODE_MEM_DEBUG, e) < 0)
			return -1;
		if (sahara_hear(s, s->opts.packet_ms, &h, e) < 0 && e->kind != ERR_TIMEOUT)
			return err_prefix(e, "waiting for the offer of its memory");
		err_clear(e);
	}
	if (sahara_say_cmd(s, SAHARA_CMD_RESET, e) < 0)
		return -1;
	for (stray = 0; stray < SAHARA_STRAY_MAX; stray++) {
		if (sahara_hear(s, s->opts.packet_ms, &h, e) < 0) {
			if (e->kind != ERR_GONE)
				return err_prefix(e, "waiting for the reset to be acknowledged");
			err_clear(e);
			return 0;
		}
		if (h.what != SAHARA_FRONT_PACKET)
			return err_set(e, ERR_PROTO, "a programmer talks instead of resetting");
		if (h.pkt.cmd == SAHARA_CMD_RESET_RESP)
			return 0;
		if (h.pkt.cmd == SAHARA_CMD_END_OF_IMAGE && h.pkt.end.status != SAHARA_STATUS_OK)
			return err_set_code(
				e, ERR_REFUSED, (int32_t)h.pkt.end.status,
				"target refused the reset, status 0x%x: %s; power-cycle it",
				h.pkt.end.status, sahara_status_words(h.pkt.end.status));
		log_debug(s->opts.log, TAG, "%s passed over", sahara_cmd_text(h.pkt.cmd, room));
	}
	return err_set(e, ERR_PROTO,
		       "%d packets and no RESET_RESP among them; power-cycle the module",
		       SAHARA_STRAY_MAX);
}
