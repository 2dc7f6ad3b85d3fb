#include "proto/firehose_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A hostile or broken target must not keep us for ever, however much it says. */
#define TALK_FACTOR  8
#define MAX_JUNK     (16u * 1024 * 1024)
#define MAX_LINES    1000000u
#define SETTLE_ITEMS 10000u

uint32_t fh_ms(const struct firehose *f, uint32_t ms)
{
	uint64_t pct = f->opts.timeout_scale_pct ? f->opts.timeout_scale_pct : 100;
	uint64_t v = ms * pct / 100;

	return v > UINT32_MAX ? UINT32_MAX : v ? (uint32_t)v : 1;
}

static uint32_t times(uint32_t ms, uint32_t factor)
{
	return ms > UINT32_MAX / factor ? UINT32_MAX : ms * factor;
}

bool fh_hinted(const struct firehose *f, enum firehose_hint hint)
{
	return f->hints & 1u << hint;
}

int fh_check_cancel(const struct firehose *f, const struct progress *p, struct err *e)
{
	if (cancel_is_set(f->opts.cancel) || progress_cancelled(p))
		return err_set(e, ERR_CANCELLED, "cancelled");
	return 0;
}

int fh_note_bad(struct firehose *f, uint32_t block, struct err *e)
{
	size_t lo = 0, hi = f->bad_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->bad[mid] < block)
			lo = mid + 1;
		else
			hi = mid;
	}
	if ((lo < f->bad_n && f->bad[lo] == block) || f->bad_n == FH_MAX_BAD)
		return 0;
	if (f->bad_n == f->bad_cap) {
		size_t cap = f->bad_cap ? 2 * f->bad_cap : 32;
		uint32_t *more = reallocarray(f->bad, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		f->bad = more;
		f->bad_cap = cap;
	}
	memmove(f->bad + lo + 1, f->bad + lo, (f->bad_n - lo) * sizeof(*f->bad));
	f->bad[lo] = block;
	f->bad_n++;
	return 0;
}

/* Keeps the line among the last ones; the oldest make room. */
static void keep_line(struct firehose *f, const char *line)
{
	size_t n = strnlen(line, FH_LINE_MAX), have = strlen(f->last_log);

	if (n == 0)
		return; /* lines are counted by what separates them */
	while (f->log_lines == FH_LOG_LINES || have + 1 + n + 1 > FH_LOG_ROOM) {
		char *nl = strchr(f->last_log, '\n');
		size_t cut = nl ? (size_t)(nl + 1 - f->last_log) : have;

		memmove(f->last_log, f->last_log + cut, have - cut + 1);
		have -= cut;
		f->log_lines--;
	}
	if (have)
		f->last_log[have++] = '\n';
	memcpy(f->last_log + have, line, n);
	f->last_log[have + n] = '\0';
	f->log_lines++;
	f->cmd_lines = MIN_OF(f->cmd_lines + 1, f->log_lines);
}

static void note_names(struct firehose *f, const char *names)
{
	static const char *const known[] = {
		[FIREHOSE_PROGRAM] = "program",
		[FIREHOSE_READ] = "read",
		[FIREHOSE_ERASE] = "erase",
		[FIREHOSE_PATCH] = "patch",
		[FIREHOSE_GETSTORAGEINFO] = "getstorageinfo",
		[FIREHOSE_GETSHA256DIGEST] = "getsha256digest",
		[FIREHOSE_POWER] = "power",
		[FIREHOSE_NOP] = "nop",
		[FIREHOSE_SETBOOTABLE] = "setbootablestoragedrive",
	};
	size_t i, n;

	for (; *names; names += n) {
		names += strspn(names, " ,");
		n = strcspn(names, " ,");
		for (i = 0; i < ARRAY_SIZE(known); i++) {
			if (n == strlen(known[i]) && memcmp(names, known[i], n) == 0)
				f->listed |= 1u << i;
		}
	}
}

static void note_list(struct firehose *f, const char *line)
{
	const char *names = "";

	switch (firehose_log_list(line, &names)) {
	case FIREHOSE_LIST_ALL:
		note_names(f, names);
		f->list_done = true;
		break;
	case FIREHOSE_LIST_BEGIN:
		f->in_list = true;
		break;
	case FIREHOSE_LIST_END:
		f->in_list = false;
		f->list_done = true;
		break;
	case FIREHOSE_LIST_NONE:
		if (f->in_list)
			note_names(f, firehose_log_plain(line));
		break;
	}
}

/* Everything that a log line can teach the session. */
static int note_line(struct firehose *f, const char *line, struct err *e)
{
	char family = firehose_log_family(line);
	enum firehose_hint hint;
	uint32_t block;

	f->lines_seen++;
	keep_line(f, line);
	log_debug(f->log, FH_TAG, "module: %s", line);
	if (f->opts.on_log)
		f->opts.on_log(f->opts.ctx, line);
	if (f->family == FIREHOSE_FAMILY_UNKNOWN && family)
		f->family = family == 'A' ? FIREHOSE_FAMILY_A : FIREHOSE_FAMILY_B;
	note_list(f, line);
	(void)firehose_log_serial(line, &f->chip_serial);
	if (firehose_log_digest(line, f->digest))
		f->has_digest = true;
	hint = firehose_log_hint(line, &f->hint_value);
	if (hint)
		f->hints |= 1u << hint;
	if (f->collect)
		(void)firehose_storage_feed(f->collect, line);
	if (firehose_log_bad_block(line, &block))
		return fh_note_bad(f, block, e);
	return 0;
}

/* One read of the link into the session's buffer. */
static int receive(struct firehose *f, uint32_t ms, struct err *e)
{
	size_t n = 0;

	if (link_read(f->link, f->rx_buf, FH_RX_ROOM, ms, &n, e) < 0)
		return -1;
	f->rx_rest = SLICE(f->rx_buf, n);
	return 0;
}

static int open_doc(struct firehose *f, struct slice bytes, struct err *e)
{
	if (firehose_doc_open(&f->doc, bytes, e) == 0)
		return 0;
	/* A garbled log line is no reason to stop; a garbled answer is. */
	if (e->kind != ERR_PROTO || e->code)
		return -1;
	log_warn(f->log, FH_TAG, "%s", e->msg);
	err_clear(e);
	return 0;
}

int fh_item(struct firehose *f, uint32_t ms, struct firehose_item *ret, struct err *e)
{
	struct deadline end = deadline_in(times(ms, TALK_FACTOR));
	uint64_t junk = f->rx.junk;
	bool first = true;
	struct slice bytes;

	for (;;) {
		if (f->doc.xml && firehose_doc_next(&f->doc, ret))
			return ret->kind == FIREHOSE_ITEM_LOG ? note_line(f, ret->text, e) : 0;
		firehose_doc_close(&f->doc);
		switch (firehose_rx_feed(&f->rx, &f->rx_rest, &bytes, e)) {
		case FIREHOSE_FEED_DOC:
			if (open_doc(f, bytes, e) < 0)
				return -1;
			continue;
		case FIREHOSE_FEED_FAIL:
			return -1;
		case FIREHOSE_FEED_RAW: /* payload that nobody waits for any more */
			f->rx.junk += bytes.n;
			_fallthrough_;
		case FIREHOSE_FEED_MORE:
			break;
		}
		if (f->rx.broken != f->broken_seen) {
			f->broken_seen = f->rx.broken;
			log_warn(f->log, FH_TAG, "a document without its end was dropped");
		}
		if (f->rx.junk - junk > MAX_JUNK)
			return err_set(e, ERR_PROTO, "%u MiB that are no Firehose document",
				       MAX_JUNK / (1024 * 1024));
		if (f->rx_rest.n)
			continue;
		if (!first && deadline_passed(end))
			return err_set(e, ERR_TIMEOUT, "the programmer sends no whole document");
		first = false;
		if (receive(f, ms, e) < 0)
			return -1;
	}
}

/* The last lines since the command began, newest kept when room is short. */
void fh_append_log(struct firehose *f, struct err *e)
{
	size_t room = sizeof(e->msg) - MIN_OF(strlen(e->msg) + 16, sizeof(e->msg));
	const char *p = f->last_log;
	unsigned skip = f->log_lines - f->cmd_lines;
	char text[sizeof(e->msg)];
	size_t n = 0, len;

	for (; skip; skip--)
		p = strchr(p, '\n') + 1;
	if (!f->cmd_lines)
		return;
	while (strlen(p) > MIN_OF(room, 240u) && strchr(p, '\n'))
		p = strchr(p, '\n') + 1;
	for (; *p && n + 4 < sizeof(text); p += len + (p[len] == '\n')) {
		const char *plain;

		len = strcspn(p, "\n");
		plain = firehose_log_plain(p);
		/* Said before every command, and explains none. */
		if (strncmp(plain, "Calling handler for", 19) == 0 ||
		    strncmp(plain, "NAND was previously open", 24) == 0)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? "; " : "", (int)len,
				      p);
		n = MIN_OF(n, sizeof(text) - 1);
	}
	if (n)
		err_append(e, " (it said: %s)", text);
}

int fh_refused(struct firehose *f, struct err *e)
{
	if (fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG))
		err_set(e, ERR_UNSUPPORTED, "the programmer does not know this command");
	else if (fh_hinted(f, FIREHOSE_HINT_LOCKED))
		err_set(e, ERR_REFUSED, "the programmer wants its vendor's authentication first");
	else
		err_set(e, ERR_REFUSED, "the programmer said no");
	fh_append_log(f, e);
	return -1;
}

static int no_answer(struct firehose *f, uint32_t ms, struct err *e)
{
	f->unsettled = true;
	if (fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG))
		return fh_refused(f, e);
	err_set(e, ERR_TIMEOUT, "no answer from the programmer within %u s", (ms + 999) / 1000);
	fh_append_log(f, e);
	return -1;
}

int fh_answer(struct firehose *f, uint32_t ms, struct firehose_response *ret, struct err *e)
{
	struct deadline end;
	struct firehose_item item;
	unsigned lines = 0;

	ms = fh_ms(f, ms);
	end = deadline_in(times(ms, TALK_FACTOR));
	do {
		if (fh_item(f, ms, &item, e) < 0) {
			if (e->kind == ERR_TIMEOUT)
				return no_answer(f, ms, e);
			f->unsettled = true;
			fh_append_log(f, e);
			return -1;
		}
		if (item.kind == FIREHOSE_ITEM_RESPONSE) {
			*ret = item.response;
			if (item.response.raw)
				firehose_doc_close(&f->doc);
			return 0;
		}
		if (item.kind == FIREHOSE_ITEM_UNKNOWN)
			log_debug(f->log, FH_TAG, "element '%s' passed over", item.text);
	} while (++lines < MAX_LINES && !deadline_passed(end));
	f->unsettled = true;
	err_set(e, ERR_TIMEOUT, "the programmer talks (%u lines) but does not answer", lines);
	fh_append_log(f, e);
	return -1;
}

int fh_poll(struct firehose *f, uint32_t ms, bool *ret_answered, struct firehose_response *ret,
	    struct err *e)
{
	struct firehose_item item;
	unsigned n;

	for (n = 0; n < SETTLE_ITEMS; n++) {
		if (fh_item(f, ms, &item, e) < 0) {
			if (e->kind != ERR_TIMEOUT)
				return -1;
			err_clear(e);
			break;
		}
		if (item.kind == FIREHOSE_ITEM_RESPONSE) {
			*ret = item.response;
			*ret_answered = true;
			return 0;
		}
	}
	*ret_answered = false;
	return 0;
}

/* An answer that nobody waits for. To a write it means that the target now waits for data, which it
 * would take our next command for. */
static void note_late(struct firehose *f, const struct firehose_response *r)
{
	log_warn(f->log, FH_TAG, "a late answer was dropped");
	if (r->raw && f->programming)
		f->lost = true;
	f->programming = false;
}

void fh_drain(struct firehose *f, uint32_t quiet_ms, uint32_t max_ms)
{
	struct deadline end = deadline_in(max_ms);
	struct firehose_item item;
	struct err e = ERR_INIT;
	unsigned n;

	for (n = 0; n < MAX_LINES; n++) {
		/* Payload that is on its way may look like anything: only silence ends it. */
		if (fh_item(f, MIN_OF(quiet_ms, deadline_left(end)), &item, &e) < 0) {
			if (e.kind != ERR_PROTO)
				break;
		} else if (item.kind == FIREHOSE_ITEM_RESPONSE) {
			note_late(f, &item.response);
		}
		if (deadline_passed(end))
			break;
	}
	firehose_doc_close(&f->doc);
	firehose_rx_reset(&f->rx);
	f->rx_rest = SLICE(f->rx_buf, 0);
}

static int transmit(struct firehose *f, const struct writer *w, struct err *e)
{
	uint32_t ms = fh_ms(f, FH_MS_XML_WRITE);
	uint64_t lines = f->lines_seen;
	struct firehose_response late;
	bool answered;

	log_trace(f->log, FH_TAG, "host: %.*s", (int)w->n, (const char *)w->p);
	if (link_write(f->link, w->p, w->n, ms, e) == 0)
		return 0;
	f->unsettled = true;
	if (e->kind != ERR_TIMEOUT || f->link->is_stream)
		return err_prefix(e, "sending a command");
	/* A programmer takes no command while its log queue is full. Where packets are kept whole,
	 * a command that timed out did not arrive, and is sent again once the queue is empty. */
	if (fh_poll(f, FH_MS_RESYNC_QUIET, &answered, &late, e) < 0)
		return err_prefix(e, "sending a command");
	if (!answered && f->lines_seen == lines)
		return err_set(e, ERR_TIMEOUT,
			       "the programmer takes no command within %u s and says nothing",
			       ms / 1000);
	if (link_write(f->link, w->p, w->n, ms, e) < 0)
		return err_prefix(e, "sending a command again");
	f->unsettled = false;
	return 0;
}

static int still_waits(struct err *e)
{
	return err_set(
		e, ERR_PROTO,
		"the programmer still waits for data of a write that failed: power the module off "
		"and enter EDL again");
}

/* After a timeout or garbage: is the target still in step? A nop tells, and changes nothing. */
static int resync(struct firehose *f, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	struct firehose_response r;

	fh_drain(f, fh_ms(f, FH_MS_RESYNC_QUIET), fh_ms(f, FH_MS_SHORT));
	if (f->lost)
		return still_waits(e);
	if (firehose_nop_build(&w, e) < 0)
		return -1;
	if (transmit(f, &w, e) < 0 || fh_answer(f, FH_MS_SHORT, &r, e) < 0)
		return err_prefix(e, "an earlier command failed and the programmer is out of step");
	f->unsettled = false;
	return 0;
}

int fh_settle(struct firehose *f, struct err *e)
{
	struct firehose_response late;
	bool answered = true;
	unsigned n;

	if (f->left)
		return err_set(e, ERR_GONE,
			       "the module was told to leave: find it on the bus again");
	if (f->lost)
		return still_waits(e);
	for (n = 0; n < SETTLE_ITEMS && answered; n++) {
		if (fh_poll(f, 0, &answered, &late, e) < 0) {
			if (e->kind == ERR_PROTO) {
				f->unsettled = true;
				break;
			}
			if (e->kind != ERR_LINK || n || link_recover(f->link, e) < 0)
				return -1;
			f->unsettled = true;
			break;
		}
		if (answered)
			note_late(f, &late);
	}
	if (f->lost)
		return still_waits(e);
	return f->unsettled ? resync(f, e) : 0;
}

int fh_send(struct firehose *f, enum fh_effect effect, int built, const struct writer *w,
	    struct err *e)
{
	if (built < 0 || fh_settle(f, e) < 0)
		return -1;
	f->changes += effect != FH_READS;
	f->programming = effect == FH_PROGRAMS;
	f->cmd_lines = 0;
	f->hints = 0;
	f->has_digest = false;
	return transmit(f, w, e);
}

int fh_command(struct firehose *f, enum fh_effect effect, int built, const struct writer *w,
	       uint32_t ms, struct err *e)
{
	struct firehose_response r;

	if (fh_send(f, effect, built, w, e) < 0 || fh_answer(f, ms, &r, e) < 0)
		return -1;
	if (!r.ack || fh_hinted(f, FIREHOSE_HINT_UNKNOWN_TAG))
		return fh_refused(f, e);
	if (r.raw) {
		f->lost = true;
		return err_set(e, ERR_PROTO,
			       "the programmer wants raw data for a command that has none");
	}
	return 0;
}

static void keep_tail(struct firehose *f)
{
	struct slice s = f->rx_rest;
	size_t keep;

	if (s.n >= FH_TAIL_ROOM) {
		memcpy(f->tail, s.p + s.n - FH_TAIL_ROOM, FH_TAIL_ROOM);
		f->tail_n = FH_TAIL_ROOM;
		return;
	}
	keep = MIN_OF(f->tail_n, FH_TAIL_ROOM - s.n);
	memmove(f->tail, f->tail + f->tail_n - keep, keep);
	if (s.n)
		memcpy(f->tail + keep, s.p, s.n);
	f->tail_n = keep + s.n;
}

int fh_raw(struct firehose *f, uint32_t ms, struct slice *ret, struct err *e)
{
	struct deadline end = deadline_in(times(fh_ms(f, ms), TALK_FACTOR));

	for (;;) {
		enum firehose_feed fed = firehose_rx_feed(&f->rx, &f->rx_rest, ret, e);

		if (fed == FIREHOSE_FEED_RAW)
			return 0;
		if (fed == FIREHOSE_FEED_FAIL)
			return -1;
		if (fed == FIREHOSE_FEED_DOC)
			return err_set(e, ERR_BUG, "payload read where none was announced");
		if (deadline_passed(end))
			return err_set(e, ERR_TIMEOUT, "the link gives empty transfers only");
		if (receive(f, fh_ms(f, ms), e) < 0)
			return -1;
		keep_tail(f);
	}
}

bool fh_answer_in_tail(struct firehose *f, struct firehose_response *ret)
{
	bool answered = false;
	struct err e = ERR_INIT;

	firehose_doc_close(&f->doc);
	firehose_rx_reset(&f->rx);
	f->rx_rest = SLICE(f->tail, f->tail_n);
	f->tail_n = 0;
	if (fh_poll(f, 0, &answered, ret, &e) < 0)
		answered = false;
	return answered;
}
