#include "proto/at.h"

#include "proto/at_write.h"

#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAG            "at"
#define PROBE_MS       2000
#define PROBE_GAP_MS   500
#define SETTLE_MS      300
#define SETTLE_MAX_MS  3000
#define REVISION_TRIES 10

struct at {
	struct link *link;
	struct at_opts opts;
	struct at_rx rx;
	struct slice rest; /* of chunk, not yet fed */
	bool unsettled;    /* a command timed out: its answer may still come */
	uint8_t chunk[2048];
	char line[AT_LINE_MAX];
};

int at_open(struct link *link, const struct at_opts *opts, struct at **ret, struct err *e)
{
	struct at *a = calloc(1, sizeof(*a));

	if (!a)
		return err_nomem(e);
	a->link = link;
	a->opts = *opts;
	at_rx_init(&a->rx, a->line, sizeof(a->line));
	*ret = a;
	return 0;
}

void at_close(struct at *a)
{
	free(a);
}

static void pause_ms(struct at *a, uint32_t ms)
{
	if (a->opts.pause)
		a->opts.pause(a->opts.pause_ctx, ms);
	else
		clock_sleep_ms(ms);
}

void at_reply_fini(struct at_reply *r)
{
	buf_fini(&r->text);
	r->n = 0;
}

const char *at_reply_line(const struct at_reply *r, size_t i)
{
	const char *p = (const char *)r->text.p;

	if (i >= r->n)
		return NULL;
	while (i--)
		p += strlen(p) + 1;
	return p;
}

const char *at_reply_value(const struct at_reply *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		const char *v = at_value(at_reply_line(r, i), name);

		if (v)
			return v;
	}
	return NULL;
}

uint32_t at_timeout_ms(const char *command)
{
	static const struct {
		const char *prefix;
		uint32_t ms;
	} rows[] = {
		{ "AT+COPS=?", 180000 }, { "AT+COPS", 180000 },   { "AT+CFUN=", 15000 },
		{ "AT+QPRTPARA", 30000 }, { "AT+QMBNCFG", 30000 }, { "AT+QNV", 10000 },
		{ "AT+EGMR", 5000 },      { "AT+CPIN", 5000 },     { "AT+QPOWD", 10000 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (strncasecmp(command, rows[i].prefix, strlen(rows[i].prefix)) == 0)
			return rows[i].ms;
	return 3000;
}

static void urc(struct at *a, const char *line)
{
	log_debug(a->opts.log, TAG, "unsolicited: %s", line);
	if (a->opts.on_urc)
		a->opts.on_urc(a->opts.ctx, line);
}

/* The next line, or NULL when none ended in time. */
static int next_line(struct at *a, struct deadline end, const char **ret, struct err *e)
{
	for (;;) {
		size_t n = 0;

		switch (at_rx_feed(&a->rx, &a->rest, ret)) {
		case AT_LINE:
			return 0;
		case AT_TOO_LONG:
			return err_set(e, ERR_PROTO, "%s: a line of more than %d characters",
				       a->link->desc, AT_LINE_MAX);
		case AT_MORE:
			break;
		}
		if (link_read(a->link, a->chunk, sizeof(a->chunk), deadline_left(end), &n, e) < 0) {
			if (e->kind != ERR_TIMEOUT)
				return -1;
			err_clear(e);
			*ret = NULL;
			return 0;
		}
		a->rest = SLICE(a->chunk, n);
	}
}

/* Lines that came since the last answer are unsolicited. Half a line stays for its other half. */
static int take_pending(struct at *a, uint32_t quiet_ms, struct err *e)
{
	struct deadline end = deadline_in(SETTLE_MAX_MS);
	const char *line;

	do {
		if (next_line(a, deadline_in(quiet_ms), &line, e) < 0) {
			if (e->kind != ERR_PROTO)
				return -1;
			err_clear(e);
			continue;
		}
		if (!line)
			break;
		urc(a, line);
	} while (!deadline_passed(end));
	return 0;
}

static int send_line(struct at *a, const char *command, struct err *e)
{
	char out[AT_COMMAND_MAX + 2];
	size_t i, n = strlen(command);

	if (n == 0 || n > AT_COMMAND_MAX)
		return err_set(e, ERR_USAGE, "an AT command of %zu characters, at most %d fit", n,
			       AT_COMMAND_MAX);
	for (i = 0; i < n; i++)
		if (!isprint((unsigned char)command[i]))
			return err_set(e, ERR_USAGE, "an AT command holds only printable characters");
	if (cancel_is_set(a->opts.cancel))
		return err_set(e, ERR_CANCELLED, "interrupted");
	memcpy(out, command, n);
	out[n] = '\r';
	log_debug(a->opts.log, TAG, "> %s", command);
	return link_write(a->link, out, n + 1, 2000, e);
}

static int add_line(struct at_reply *r, const char *line, struct err *e)
{
	if (r->n == AT_REPLY_LINES_MAX)
		return err_set(e, ERR_PROTO, "an answer of more than %d lines", AT_REPLY_LINES_MAX);
	if (buf_add(&r->text, line, strlen(line) + 1, e) < 0)
		return -1;
	r->n++;
	return 0;
}

static int refused(const char *command, const struct at_result *r, struct err *e)
{
	err_set_code(e, ERR_REFUSED, r->code, "'%s' refused", command);
	if (r->code >= 0)
		err_append(e, " with %s error %d", r->is_cms ? "CMS" : "CME", r->code);
	if (r->text[0])
		err_append(e, ": %s", r->text);
	return -1;
}

static int converse(struct at *a, const char *command, uint32_t ms, struct at_reply *reply, struct err *e)
{
	struct deadline end;
	struct at_result r;
	const char *line;

	reply->text.n = 0;
	reply->n = 0;
	if (send_line(a, command, e) < 0)
		return -1;
	for (end = deadline_in(ms);;) {
		if (next_line(a, end, &line, e) < 0)
			return -1;
		if (!line) {
			a->unsettled = true;
			return err_set(e, ERR_TIMEOUT, "%s: no answer to '%s' within %u ms", a->link->desc,
				       command, ms);
		}
		at_classify(line, command, &r);
		switch (r.kind) {
		case AT_KIND_ECHO:
			break;
		case AT_KIND_URC:
			urc(a, line);
			if (deadline_passed(end)) {
				a->unsettled = true;
				return err_set(e, ERR_TIMEOUT, "%s: only unsolicited lines after '%s'",
					       a->link->desc, command);
			}
			break;
		case AT_KIND_INFO:
			if (add_line(reply, line, e) < 0) {
				a->unsettled = true;
				return -1;
			}
			break;
		case AT_KIND_OK:
			return 0;
		case AT_KIND_ERROR:
			return refused(command, &r, e);
		}
	}
}

/* After a timeout the answer may still come and must not be taken for the next one's. */
static int settle(struct at *a, struct err *e)
{
	struct at_reply r = AT_REPLY_INIT;
	int result;

	if (take_pending(a, SETTLE_MS, e) < 0)
		return -1;
	result = converse(a, "AT", PROBE_MS, &r, e);
	at_reply_fini(&r);
	if (result < 0 && e->kind != ERR_REFUSED)
		return err_prefix(e, "the port does not answer any more");
	if (take_pending(a, SETTLE_MS, e) < 0)
		return -1;
	a->unsettled = false;
	return 0;
}

int at_command_unguarded(struct at *a, const char *command, uint32_t ms, struct at_reply *ret,
			 struct err *e)
{
	if ((a->unsettled ? settle(a, e) : take_pending(a, 0, e)) < 0)
		return -1;
	return converse(a, command, ms ? ms : at_timeout_ms(command), ret, e);
}

int at_command(struct at *a, const char *command, uint32_t ms, struct at_reply *ret, struct err *e)
{
	const char *why = at_danger(command);

	if (why)
		return err_set(e, ERR_POLICY, "'%s' is not sent: %s", command, why);
	return at_command_unguarded(a, command, ms, ret, e);
}

int at_probe(struct at *a, struct err *e)
{
	struct at_reply r = AT_REPLY_INIT;
	int i, result = -1;

	if (take_pending(a, 0, e) < 0)
		return -1;
	at_rx_reset(&a->rx);
	for (i = 0; i < 2; i++) {
		if (i)
			pause_ms(a, PROBE_GAP_MS);
		result = converse(a, "AT", PROBE_MS, &r, e);
		/* ERROR is an answer of an AT interpreter too. */
		if (result == 0 || e->kind == ERR_REFUSED) {
			err_clear(e);
			a->unsettled = false;
			result = 0;
			break;
		}
		if (e->kind != ERR_TIMEOUT)
			break;
	}
	at_reply_fini(&r);
	return result;
}

/* 0 answered, 1 refused, -1 the conversation failed. */
static int try_command(struct at *a, const char *command, struct at_reply *r, struct err *e)
{
	if (at_command(a, command, 0, r, e) == 0)
		return 0;
	if (e->kind != ERR_REFUSED)
		return -1;
	r->n = 0;
	return 1;
}

static void copy(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; *text && n < cap - 1; text++)
		if (isprint((unsigned char)*text))
			out[n++] = *text;
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* The i-th field as a number, or -1. */
static int32_t number(const char *value, unsigned i)
{
	char f[16];
	char *end;
	long v;

	if (!value || !at_field(value, i, f, sizeof(f)) || !isdigit((unsigned char)f[0]))
		return -1;
	v = strtol(f, &end, 10);
	return *end || v < 0 || v > INT32_MAX ? -1 : (int32_t)v;
}

static void text_value(const struct at_reply *r, const char *name, char *out, size_t cap)
{
	const char *v = at_reply_value(r, name);
	char f[96];

	if (v && at_field(v, 0, f, sizeof(f)))
		copy(out, cap, f);
}

/* The first line, whether or not it carries the "+NAME:" prefix. */
static void plain_line(const struct at_reply *r, const char *name, char *out, size_t cap)
{
	const char *line = at_reply_line(r, 0);
	const char *v;

	if (!line)
		return;
	v = at_value(line, name);
	copy(out, cap, v ? v : line);
}

/* Keeps the longer of the two, if it is a revision at all. Returns whether it is the final one. */
static bool better_revision(struct at_info *info, const char *text)
{
	struct revision v;
	struct err e = ERR_INIT;
	char clean[96];

	copy(clean, sizeof(clean), text);
	if (revision_parse(clean, &v, &e) < 0) {
		if (!info->revision[0] && clean[0])
			copy(info->revision, sizeof(info->revision), clean);
		return false;
	}
	if (strlen(v.text) >= strlen(info->revision))
		copy(info->revision, sizeof(info->revision), v.text);
	return !v.transient;
}

static int ask_revision(struct at *a, struct at_info *info, struct at_reply *r, struct err *e)
{
	static const char *const commands[] = { "AT+QGMR", "AT+QGMR?" };
	size_t i;
	int tries, got;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (tries = 0; tries < REVISION_TRIES; tries++) {
			char text[96] = "";

			if (tries)
				pause_ms(a, 1000);
			got = try_command(a, commands[i], r, e);
			if (got < 0)
				return -1;
			if (got > 0)
				break;
			plain_line(r, "QGMR", text, sizeof(text));
			if (better_revision(info, text))
				return 0;
			if (!text[0])
				break;
		}
		if (got == 0 && info->revision[0])
			return 0;
	}
	got = try_command(a, "AT+CGMR", r, e);
	if (got == 0) {
		char text[96] = "";

		plain_line(r, "CGMR", text, sizeof(text));
		better_revision(info, text);
	}
	return got < 0 ? -1 : 0;
}

static void take_ati(const struct at_reply *r, struct at_info *info)
{
	const char *l;
	size_t i;

	for (i = 0; (l = at_reply_line(r, i)) != NULL; i++) {
		if (strncasecmp(l, "Revision:", 9) == 0)
			better_revision(info, l);
		else if (!info->maker[0])
			copy(info->maker, sizeof(info->maker), l);
		else if (!info->model[0])
			copy(info->model, sizeof(info->model), l);
	}
}

static void take_digits(const struct at_reply *r, const char *name, char *out, size_t cap)
{
	char text[64] = "";
	const char *p;

	plain_line(r, name, text, sizeof(text));
	p = text + strspn(text, "\" ");
	snprintf(out, cap, "%.*s", (int)MIN_OF(strspn(p, "0123456789ABCDEFabcdef"), cap - 1), p);
}

/* The registration state of "+CREG: <n>,<stat>". */
static int ask_registration(struct at *a, const char *command, const char *name, int32_t *out,
			    struct at_reply *r, struct err *e)
{
	int got = try_command(a, command, r, e);

	if (got == 0)
		*out = number(at_reply_value(r, name), 1);
	return got < 0 ? -1 : 0;
}

static int ask_identity(struct at *a, struct at_info *info, struct at_reply *r, struct err *e)
{
	int got = try_command(a, "ATI", r, e);

	if (got == 0)
		take_ati(r, info);
	if (got < 0 || (got = try_command(a, "AT+CGMM", r, e)) < 0)
		return -1;
	if (got == 0 && at_reply_line(r, 0))
		plain_line(r, "CGMM", info->model, sizeof(info->model));
	if (ask_revision(a, info, r, e) < 0 || (got = try_command(a, "AT+CSUB", r, e)) < 0)
		return -1;
	if (got == 0 && at_reply_line(r, 0)) {
		const char *l = at_reply_line(r, 0);
		const char *colon = strchr(l, ':');

		copy(info->sub_edition, sizeof(info->sub_edition),
		     colon ? colon + 1 + strspn(colon + 1, " ") : l);
	}
	if ((got = try_command(a, "AT+CGSN", r, e)) < 0)
		return -1;
	if (got == 0)
		take_digits(r, "CGSN", info->imei, sizeof(info->imei));
	if ((got = try_command(a, "AT+EGMR=0,7", r, e)) < 0)
		return -1;
	if (got == 0)
		text_value(r, "EGMR", info->imei_egmr, sizeof(info->imei_egmr));
	if ((got = try_command(a, "AT+EGMR=0,5", r, e)) < 0)
		return -1;
	if (got == 0)
		text_value(r, "EGMR", info->serial, sizeof(info->serial));
	return 0;
}

static int ask_state(struct at *a, struct at_info *info, struct at_reply *r, struct err *e)
{
	int got = try_command(a, "AT+CFUN?", r, e);

	if (got == 0)
		info->cfun = number(at_reply_value(r, "CFUN"), 0);
	if (got < 0 || (got = try_command(a, "AT+CPIN?", r, e)) < 0)
		return -1;
	if (got == 0)
		text_value(r, "CPIN", info->sim, sizeof(info->sim));
	else if (e->code >= 0 && at_cme_text(e->code))
		copy(info->sim, sizeof(info->sim), at_cme_text(e->code));
	if ((got = try_command(a, "AT+QCCID", r, e)) < 0)
		return -1;
	if (got == 0)
		take_digits(r, "QCCID", info->iccid, sizeof(info->iccid));
	if (ask_registration(a, "AT+CREG?", "CREG", &info->creg, r, e) < 0 ||
	    ask_registration(a, "AT+CEREG?", "CEREG", &info->cereg, r, e) < 0 ||
	    ask_registration(a, "AT+C5GREG?", "C5GREG", &info->c5greg, r, e) < 0 ||
	    (got = try_command(a, "AT+CSQ", r, e)) < 0)
		return -1;
	if (got == 0) {
		info->rssi = number(at_reply_value(r, "CSQ"), 0);
		info->ber = number(at_reply_value(r, "CSQ"), 1);
	}
	if ((got = try_command(a, "AT+QCFG=\"usbcfg\"", r, e)) < 0)
		return -1;
	if (got == 0 && at_reply_value(r, "QCFG"))
		copy(info->usb, sizeof(info->usb), at_reply_value(r, "QCFG"));
	/* 4 only reads the counters. 1 would overwrite the copy and is never sent from here. */
	if ((got = try_command(a, "AT+QPRTPARA=4", r, e)) < 0)
		return -1;
	if (got == 0) {
		info->backups = number(at_reply_value(r, "QPRTPARA"), 0);
		info->restores = number(at_reply_value(r, "QPRTPARA"), 1);
	}
	return 0;
}

int at_info(struct at *a, struct at_info *ret, struct err *e)
{
	struct at_info info = { .cfun = -1, .creg = -1, .cereg = -1, .c5greg = -1, .rssi = -1, .ber = -1,
				.backups = -1, .restores = -1 };
	struct at_reply r = AT_REPLY_INIT;
	int result = ask_identity(a, &info, &r, e);

	if (result == 0)
		result = ask_state(a, &info, &r, e);
	at_reply_fini(&r);
	if (result < 0)
		return -1;
	err_clear(e);
	*ret = info;
	return 0;
}

const char *at_cfun_text(int32_t cfun)
{
	switch (cfun) {
	case 0:
		return "minimum functionality";
	case 1:
		return "full functionality";
	case 4:
		return "radio off";
	case 5:
		return "factory test mode";
	case 6:
		return "resetting";
	case 7:
		return "offline";
	default:
		return "unknown";
	}
}

const char *at_registration_text(int32_t stat)
{
	static const char *const text[] = { "not registered", "registered, home", "searching", "denied",
					    "unknown",        "registered, roaming" };

	return stat >= 0 && (size_t)stat < ARRAY_SIZE(text) ? text[stat] : "not told";
}
