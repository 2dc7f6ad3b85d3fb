#include "proto/diag.h"

#include "link/link.h"
#include "wire/hdlc.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define TAG "diag"
#define TRIES          3   /* of an idempotent request */
#define AFTER_BAD_MS   500 /* a broken frame was probably the answer: wait no longer than this */
#define DRAIN_MAX_MS   2000
#define READ_CHUNK     16384

struct slot {
	uint8_t packet[DIAG_REQUEST_MAX];
	size_t n;
	const struct diag_echo *echo;
	uint32_t timeout_ms;
	bool idempotent, may_vanish;
};

struct diag {
	struct link *link;
	struct diag_opts opts;
	struct diag_counters count;
	unsigned window;
	bool dead;
	bool lead;           /* put a flag in front of the next frame: half a one may be waiting there */
	bool spc_tried, password_tried;
	struct slot room[DIAG_WINDOW_MAX + 2];
	/* Open requests, oldest first; behind them one for resynchronising, and one to keep a request
	 * while the module is being unlocked. */
	struct slot *slot[DIAG_WINDOW_MAX + 2];
	struct hdlc_rx rx;
	struct slice rest;   /* of chunk, not yet fed */
	uint8_t chunk[READ_CHUNK];
	uint8_t frame[HDLC_PAYLOAD_MAX + 2];
	uint8_t out[HDLC_FRAME_ROOM(DIAG_REQUEST_MAX)];
};

static const struct diag_echo echo_command[] = { { 0, 0, 1 }, { 0, 0, 0 } };
static const struct diag_echo echo_subsys[] = { { 0, 0, DIAG_SUBSYS_HEADER }, { 0, 0, 0 } };

int diag_open(struct link *link, const struct diag_opts *opts, struct diag **ret, struct err *e)
{
	struct diag *d = calloc(1, sizeof(*d));
	size_t i;

	if (!d)
		return err_nomem(e);
	for (i = 0; i < ARRAY_SIZE(d->room); i++)
		d->slot[i] = &d->room[i];
	d->link = link;
	d->opts = *opts;
	if (d->opts.timeout_ms == 0)
		d->opts.timeout_ms = 3000;
	d->window = MIN_OF(MAX_OF(opts->window, 1u), DIAG_WINDOW_MAX);
	d->lead = true;
	hdlc_rx_init(&d->rx, d->frame, sizeof(d->frame));
	/* A module with logging on never falls silent, so the drain is bounded in time. */
	link_drain(link, opts->drain_quiet_ms ? opts->drain_quiet_ms : 200, DRAIN_MAX_MS);
	*ret = d;
	return 0;
}

void diag_close(struct diag *d)
{
	free(d);
}

const struct diag_counters *diag_counters(const struct diag *d)
{
	return &d->count;
}

bool diag_is_dead(const struct diag *d)
{
	return d->dead;
}

unsigned diag_window(const struct diag *d)
{
	return d->window;
}

static bool slot_matches(const struct slot *s, struct slice answer)
{
	const struct diag_echo *x;

	for (x = s->echo; x->n; x++) {
		if ((size_t)x->answer_at + x->n > answer.n || (size_t)x->request_at + x->n > s->n)
			return false;
		if (memcmp(answer.p + x->answer_at, s->packet + x->request_at, x->n) != 0)
			return false;
	}
	return true;
}

static void slot_fill(struct slot *s, const struct diag *d, const struct diag_ask *ask)
{
	if (ask->packet.p != s->packet)
		memcpy(s->packet, ask->packet.p, ask->packet.n);
	s->n = ask->packet.n;
	s->echo = ask->echo ? ask->echo :
		  s->packet[0] == DIAG_CMD_SUBSYS && s->n >= DIAG_SUBSYS_HEADER ? echo_subsys :
										  echo_command;
	s->timeout_ms = ask->timeout_ms ? ask->timeout_ms : d->opts.timeout_ms;
	s->idempotent = ask->idempotent;
	s->may_vanish = ask->may_vanish;
}

static int died(struct diag *d, struct err *e)
{
	d->dead = true;
	return err_set(e, ERR_TIMEOUT, "%s: the module stopped answering; it has crashed, restarted, or "
				       "another program holds the port", d->link->desc);
}

static int slot_send(struct diag *d, const struct slot *s, struct err *e)
{
	struct writer w = writer_of(d->out, sizeof(d->out));

	if (cancel_is_set(d->opts.cancel))
		return err_set(e, ERR_CANCELLED, "interrupted");
	hdlc_build(&w, SLICE(s->packet, s->n), d->lead);
	d->lead = false;
	d->count.round_trips++;
	log_bytes(d->opts.log, TAG, "ask", SLICE(s->packet, s->n));
	if (link_write(d->link, w.p, w.n, s->timeout_ms, e) == 0)
		return 0;
	/* A module that takes no bytes will not take the next request either. */
	return e->kind == ERR_TIMEOUT ? died(d, e) : -1;
}

/* The next good frame, or 0 bytes in *ret when none came in time. */
static int next_frame(struct diag *d, struct deadline *end, struct slice *ret, struct err *e)
{
	for (;;) {
		size_t n = 0;

		switch (hdlc_rx_feed(&d->rx, &d->rest, ret)) {
		case HDLC_FRAME:
			return 0;
		case HDLC_BAD: {
			struct deadline soon = deadline_in(AFTER_BAD_MS);

			d->count.bad_frames++;
			log_debug(d->opts.log, TAG, "dropped a broken frame");
			if (deadline_left(*end) > deadline_left(soon))
				*end = soon;
			continue;
		}
		case HDLC_MORE:
			break;
		}
		if (link_read(d->link, d->chunk, sizeof(d->chunk), deadline_left(*end), &n, e) < 0) {
			if (e->kind != ERR_TIMEOUT)
				return -1;
			err_clear(e);
			*ret = SLICE(NULL, 0);
			return 0;
		}
		d->rest = SLICE(d->chunk, n);
	}
}

enum outcome { OUT_ANSWER, OUT_REFUSED, OUT_SILENCE };

/*
 * Waits for an answer to one of the open requests [0, n). Unasked traffic lengthens the wait, because a
 * module that talks is alive, but never beyond three times the timeout.
 */
static int await(struct diag *d, unsigned n, uint32_t timeout_ms, enum outcome *ret_outcome,
		 unsigned *ret_slot, struct slice *ret_answer, struct err *e)
{
	struct deadline end = deadline_in(timeout_ms), cap = deadline_in(3 * timeout_ms);

	for (;;) {
		struct slice f;
		unsigned i;

		if (next_frame(d, &end, &f, e) < 0)
			return -1;
		if (f.n == 0) {
			*ret_outcome = OUT_SILENCE;
			return 0;
		}
		for (i = 0; i < n; i++) {
			const struct slot *s = d->slot[i];
			bool refused = diag_error_is_for(f, SLICE(s->packet, s->n)) && (f.n > 1 || n == 1);

			if (!refused && !slot_matches(s, f))
				continue;
			*ret_outcome = refused ? OUT_REFUSED : OUT_ANSWER;
			*ret_slot = i;
			*ret_answer = f;
			return 0;
		}
		if (diag_is_unsolicited(f)) {
			struct deadline later = deadline_in(timeout_ms);

			d->count.unsolicited++;
			if (deadline_left(later) > deadline_left(end))
				end = deadline_left(later) < deadline_left(cap) ? later : cap;
		} else {
			d->count.late++;
			log_bytes(d->opts.log, TAG, "late", f);
		}
		if (deadline_passed(end)) {
			*ret_outcome = OUT_SILENCE;
			return 0;
		}
	}
}

/* A question that the same part of the firmware answers, but that no open request could be taken for. */
static void barrier_build(struct writer *w, const struct slot *stale)
{
	bool efs = stale && stale->packet[0] == DIAG_CMD_SUBSYS && stale->n >= DIAG_SUBSYS_HEADER &&
		   (stale->packet[1] == DIAG_SUBSYS_EFS || stale->packet[1] == DIAG_SUBSYS_EFS_ALT);

	/* EFS QUERY: no parameters, reads nothing from flash, disturbs no handle. */
	if (efs && stale->packet[2] != 1)
		diag_subsys_build(w, stale->packet[1], 1);
	else if (stale && stale->packet[0] == DIAG_CMD_DIAG_VERSION)
		wr_u8(w, DIAG_CMD_VERSION);
	else
		wr_u8(w, DIAG_CMD_DIAG_VERSION);
}

/*
 * After a silence: is the module alive, and what became of the open requests [0, n)? Sends the barrier
 * behind them. With `oldest_counts` a belated answer to the oldest one is returned as such. OUT_SILENCE
 * says that all of them are lost and that nothing stale can follow.
 */
static int resync(struct diag *d, unsigned n, bool oldest_counts, enum outcome *ret_outcome,
		  struct slice *ret_answer, struct err *e)
{
	struct slot *b = d->slot[n];
	struct writer w = writer_of(b->packet, sizeof(b->packet));
	struct diag_ask ask = { 0 };
	unsigned which = 0;

	barrier_build(&w, n ? d->slot[0] : NULL);
	ask.packet = writer_slice(&w);
	ask.timeout_ms = n ? MAX_OF(d->slot[0]->timeout_ms, d->opts.timeout_ms) : 0;
	slot_fill(b, d, &ask);
	d->lead = true;
	d->count.resyncs++;
	if (slot_send(d, b, e) < 0)
		return -1;
	for (;;) {
		if (await(d, n + 1, b->timeout_ms, ret_outcome, &which, ret_answer, e) < 0)
			return -1;
		if (*ret_outcome == OUT_SILENCE)
			return died(d, e);
		if (which == n)
			break;
		if (which == 0 && oldest_counts)
			return 0;
		d->count.late++;
	}
	*ret_outcome = OUT_SILENCE;
	return 0;
}

/* The request in slot 0, sent and awaited until there is an outcome other than silence. */
static int ask_slot(struct diag *d, enum outcome *ret_outcome, struct slice *ret_answer, struct err *e)
{
	struct slot *s = d->slot[0];
	unsigned tries = s->idempotent ? TRIES : 1, which;

	while (tries--) {
		if (slot_send(d, s, e) < 0 ||
		    await(d, 1, s->timeout_ms, ret_outcome, &which, ret_answer, e) < 0)
			return -1;
		if (*ret_outcome == OUT_SILENCE && !s->may_vanish &&
		    resync(d, 1, true, ret_outcome, ret_answer, e) < 0)
			return -1;
		if (*ret_outcome != OUT_SILENCE)
			return 0;
		if (tries) {
			d->count.retries++;
			log_debug(d->opts.log, TAG, "no answer to 0x%02x, asking again", s->packet[0]);
		}
	}
	return err_set(e, ERR_TIMEOUT, "%s: no answer to request 0x%02x within %u ms", d->link->desc,
		       s->packet[0], s->timeout_ms);
}

/* Have we a code for this lock that was not tried yet? */
static bool can_unlock(const struct diag *d, uint8_t code)
{
	return (code == DIAG_ERR_BAD_SPC_MODE && d->opts.spc && !d->spc_tried) ||
	       (code == DIAG_ERR_BAD_SEC_MODE && d->opts.password && !d->password_tried);
}

static int unlock(struct diag *d, uint8_t code, bool *ret_unlocked, struct err *e)
{
	struct slot *s = d->slot[0];
	struct writer w = writer_of(s->packet, sizeof(s->packet));
	struct diag_ask ask = { 0 };
	enum outcome outcome;
	struct slice answer;

	*ret_unlocked = false;
	if (code == DIAG_ERR_BAD_SPC_MODE) {
		d->spc_tried = true;
		if (diag_spc_build(&w, d->opts.spc, e) < 0)
			return -1;
	} else {
		d->password_tried = true;
		diag_password_build(&w, d->opts.password);
	}
	ask.packet = writer_slice(&w);
	/* Some firmware thinks for ten seconds about a wrong code. */
	ask.timeout_ms = MAX_OF(d->opts.timeout_ms, 12000u);
	slot_fill(s, d, &ask);
	if (ask_slot(d, &outcome, &answer, e) < 0)
		return err_prefix(e, "unlocking");
	return outcome == OUT_ANSWER ? diag_unlock_parse(answer, s->packet[0], ret_unlocked, e) : 0;
}

static int refusal(const struct diag *d, uint8_t code, struct err *e)
{
	diag_error_set(e, code);
	if ((code == DIAG_ERR_BAD_SPC_MODE && d->spc_tried) ||
	    (code == DIAG_ERR_BAD_SEC_MODE && d->password_tried))
		err_append(e, "; the code given did not help and is not sent again, because modules "
			      "lock after a few wrong ones");
	return -1;
}

int diag_ask(struct diag *d, const struct diag_ask *ask, struct slice *ret_answer, struct err *e)
{
	struct slot *kept = d->slot[DIAG_WINDOW_MAX + 1];
	enum outcome outcome;
	struct slice answer;
	bool unlocked;

	if (ask->packet.n == 0 || ask->packet.n > DIAG_REQUEST_MAX)
		return err_set(e, ERR_BUG, "DIAG request of %zu bytes", ask->packet.n);
	if (d->dead)
		return died(d, e);
	slot_fill(d->slot[0], d, ask);
	if (ask_slot(d, &outcome, &answer, e) < 0)
		return -1;
	if (outcome == OUT_REFUSED && can_unlock(d, answer.p[0])) {
		uint8_t code = answer.p[0];

		/* The unlocking takes slot 0; the request waits in another one. */
		d->slot[DIAG_WINDOW_MAX + 1] = d->slot[0];
		d->slot[0] = kept;
		if (unlock(d, code, &unlocked, e) < 0)
			return -1;
		kept = d->slot[0];
		d->slot[0] = d->slot[DIAG_WINDOW_MAX + 1];
		d->slot[DIAG_WINDOW_MAX + 1] = kept;
		if (!unlocked)
			return refusal(d, code, e);
		if (ask_slot(d, &outcome, &answer, e) < 0)
			return -1;
	}
	if (outcome == OUT_REFUSED)
		return refusal(d, answer.p[0], e);
	*ret_answer = answer;
	return 0;
}

int diag_revive(struct diag *d, struct err *e)
{
	enum outcome outcome;
	struct slice answer;

	d->dead = false;
	hdlc_rx_reset(&d->rx);
	d->rest = SLICE(NULL, 0);
	return resync(d, 0, false, &outcome, &answer, e);
}

/* One request of a row on its own. Returns what take() returns. */
static int row_single(struct diag *d, struct diag_row *row, const struct diag_ask *ask, struct err *e)
{
	struct err why = ERR_INIT;
	struct slice answer = SLICE(NULL, 0);

	if (diag_ask(d, ask, &answer, &why) == 0)
		return row->take(row, answer, NULL, e);
	if (why.kind == ERR_REFUSED || (why.kind == ERR_TIMEOUT && !d->dead))
		return row->take(row, SLICE(NULL, 0), &why, e);
	*e = why;
	return -1;
}

/* Voids the open requests [0, n) and asks them again one by one, as the session does from now on. */
static int row_collapse(struct diag *d, struct diag_row *row, unsigned n, struct err *e)
{
	struct slot *again = malloc(n * sizeof(*again));
	enum outcome outcome;
	struct slice answer;
	unsigned i;
	int r;

	if (!again)
		return err_nomem(e);
	log_warn(d->opts.log, TAG, "the module does not keep up with %u requests in flight, going on "
				   "with one at a time", d->window);
	d->window = 1;
	for (i = 0; i < n; i++)
		again[i] = *d->slot[i];
	r = resync(d, n, false, &outcome, &answer, e);
	for (i = 0; r == 0 && i < n; i++) {
		struct diag_ask ask = { SLICE(again[i].packet, again[i].n), again[i].echo,
					again[i].timeout_ms, true, false };

		r = row_single(d, row, &ask, e);
	}
	free(again);
	return r;
}

/* The oldest open request is done: the others move up. */
static void slots_shift(struct diag *d, unsigned n)
{
	struct slot *first = d->slot[0];

	memmove(&d->slot[0], &d->slot[1], (n - 1) * sizeof(d->slot[0]));
	d->slot[n - 1] = first;
}

/* The row ends with requests under way: their answers are taken off the line. */
static int row_abandon(struct diag *d, unsigned n, struct err *e)
{
	enum outcome outcome;
	struct slice answer;
	unsigned which;

	while (n) {
		if (await(d, n, d->slot[0]->timeout_ms, &outcome, &which, &answer, e) < 0)
			return -1;
		if (outcome == OUT_SILENCE || which != 0)
			return resync(d, n, false, &outcome, &answer, e);
		slots_shift(d, n--);
	}
	return 0;
}

/* Sends further requests of the row until the window is full. -1, or how many are open then. In
 * one-at-a-time mode the request is also finished here: *ret_taken is what take() said. */
static int row_fill(struct diag *d, struct diag_row *row, unsigned n, int *ret_taken, struct err *e)
{
	*ret_taken = 0;
	while (n < d->window) {
		struct slot *s = d->slot[n];
		struct writer w = writer_of(s->packet, sizeof(s->packet));
		struct diag_ask ask = { 0 };
		int r = row->next(row, &w, &ask, e);

		if (r < 0)
			return -1;
		if (r == 0)
			return (int)n;
		if (w.overflow)
			return err_set(e, ERR_BUG, "DIAG request does not fit its packet");
		ask.packet = writer_slice(&w);
		ask.idempotent = true;
		if (d->window == 1) {
			*ret_taken = row_single(d, row, &ask, e);
			if (*ret_taken)
				return *ret_taken < 0 ? -1 : 0;
			continue;
		}
		slot_fill(s, d, &ask);
		if (slot_send(d, s, e) < 0)
			return -1;
		n++;
	}
	return (int)n;
}

int diag_ask_row(struct diag *d, struct diag_row *row, struct err *e)
{
	unsigned n = 0, which;

	if (d->dead)
		return died(d, e);
	for (;;) {
		enum outcome outcome;
		struct slice answer;
		struct err why = ERR_INIT;
		int taken, open = row_fill(d, row, n, &taken, e);

		if (open < 0) {
			/* The row has failed; what is under way must not reach the next caller. */
			if (n && !d->dead && row_abandon(d, n, &why) < 0)
				log_debug(d->opts.log, TAG, "%s", why.msg);
			return -1;
		}
		n = (unsigned)open;
		if (n == 0)
			return 0;
		if (await(d, n, d->slot[0]->timeout_ms, &outcome, &which, &answer, e) < 0)
			return -1;
		if (outcome == OUT_SILENCE || which != 0 ||
		    (outcome == OUT_REFUSED && can_unlock(d, answer.p[0]))) {
			taken = row_collapse(d, row, n, e);
			n = 0;
		} else if (outcome == OUT_REFUSED) {
			refusal(d, answer.p[0], &why);
			taken = row->take(row, SLICE(NULL, 0), &why, e);
			slots_shift(d, n--);
		} else {
			taken = row->take(row, answer, NULL, e);
			slots_shift(d, n--);
		}
		if (taken == 0)
			continue;
		if (taken > 0)
			return row_abandon(d, n, e);
		if (n && row_abandon(d, n, &why) < 0)
			log_debug(d->opts.log, TAG, "%s", why.msg);
		return -1;
	}
}

int diag_identify(struct diag *d, struct diag_identity *ret, struct err *e)
{
	static const uint8_t version = DIAG_CMD_VERSION, build = DIAG_CMD_EXT_BUILD_ID;
	struct diag_ask ask = { SLICE(&version, 1), NULL, 0, true, false };
	struct diag_identity id = { 0 };
	struct slice answer;
	bool any = false;

	if (diag_ask(d, &ask, &answer, e) == 0) {
		if (diag_version_parse(answer, &id.version, e) < 0)
			return -1;
		any = true;
	} else if (e->kind != ERR_REFUSED) {
		return err_prefix(e, "asking for the version");
	}
	ask.packet = SLICE(&build, 1);
	if (diag_ask(d, &ask, &answer, e) == 0) {
		if (diag_build_id_parse(answer, &id.build, e) < 0)
			return -1;
	} else if (e->kind != ERR_REFUSED || !any) {
		return err_prefix(e, "asking for the build");
	}
	err_clear(e);
	*ret = id;
	return 0;
}

int diag_oper_mode(struct diag *d, uint32_t *ret, struct err *e)
{
	static const uint8_t snapshot = DIAG_CMD_SNAPSHOT;
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));
	struct diag_ask ask = { .idempotent = true };
	struct slice answer;

	diag_cm_state_build(&w);
	ask.packet = writer_slice(&w);
	if (diag_ask(d, &ask, &answer, e) == 0)
		return diag_cm_state_parse(answer, ret, e);
	if (e->kind != ERR_REFUSED)
		return err_prefix(e, "asking for the operating mode");
	err_clear(e);
	ask.packet = SLICE(&snapshot, 1);
	if (diag_ask(d, &ask, &answer, e) < 0)
		return err_prefix(e, "asking for the operating mode");
	return diag_snapshot_parse(answer, ret, e);
}

int diag_mode_set(struct diag *d, enum diag_mode mode, struct err *e)
{
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));
	bool leaves = mode == DIAG_MODE_RESET || mode == DIAG_MODE_POWER_OFF;
	struct diag_ask ask = { .may_vanish = leaves };
	struct slice answer;

	diag_mode_build(&w, mode);
	ask.packet = writer_slice(&w);
	if (diag_ask(d, &ask, &answer, e) == 0)
		return diag_mode_parse(answer, mode, e);
	if (leaves && !d->dead && (e->kind == ERR_TIMEOUT || e->kind == ERR_GONE)) {
		err_clear(e);
		return 0;
	}
	return err_prefix(e, "changing the operating mode");
}

void diag_quiet(struct diag *d)
{
	uint8_t room[16];
	unsigned i;

	for (i = 0;; i++) {
		struct writer w = writer_of(room, sizeof(room));
		struct diag_ask ask = { .timeout_ms = 500, .may_vanish = true };
		struct slice answer;
		struct err e = ERR_INIT;

		if (!diag_silence_build(&w, i) || d->dead)
			return;
		ask.packet = writer_slice(&w);
		if (diag_ask(d, &ask, &answer, &e) < 0)
			log_debug(d->opts.log, TAG, "silencing: %s", e.msg);
	}
}
