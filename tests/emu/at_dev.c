/*
 * An AT interface of running firmware: lines in, answers out, and what goes wrong between (at-quectel.md
 * sections 1.4 and 12). What the commands mean is in at_cmds.c. Echo is on, as after every start.
 */
#include "tests/emu/at_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void at_say(struct at *a, const char *fmt, ...)
{
	char text[AT_LINE], out[AT_LINE + 8];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = snprintf(out, sizeof(out), "\r\n%s\r\n", text);
	a->m->chan[a->iface].latency = (uint32_t)quirk_value(&a->m->quirks, "latency", 0);
	emu_push(a->m, a->iface, out, (size_t)n, true);
	/* quirk urc=N: something unasked after every N-th line, also in the middle of an answer. */
	n = (int)quirk_value(&a->m->quirks, "urc", 0);
	if (n && ++a->said % (unsigned)n == 0) {
		static const char *const urc[] = { "+CREG: 1", "+QIND: \"csq\",24,99", "+CEREG: 1",
						   "+QUSIM: 1" };
		const char *u = urc[a->said / (unsigned)n % ARRAY_SIZE(urc)];

		n = snprintf(out, sizeof(out), "\r\n%s\r\n", u);
		emu_push(a->m, a->iface, out, (size_t)n, true);
	}
}

/* The errors of at-quectel.md section 9, as AT+CMEE wants them. */
void at_error(struct at *a, unsigned code)
{
	static const struct { unsigned code; const char *text; } texts[] = {
		{ 0, "phone failure" }, { 3, "operation not allowed" }, { 4, "operation not supported" },
		{ 10, "SIM not inserted" }, { 11, "SIM PIN required" }, { 16, "incorrect password" },
		{ 21, "invalid index" }, { 22, "not found" }, { 23, "memory failure" },
		{ 30, "no network service" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts) && texts[i].code != code; i++)
		;
	if (!a->cmee)
		at_say(a, "ERROR");
	else if (a->cmee == 2 && i < ARRAY_SIZE(texts))
		at_say(a, "+CME ERROR: %s", texts[i].text);
	else
		at_say(a, "+CME ERROR: %u", code);
}

static void line(struct at *a, const char *s)
{
	struct emu *m = a->m;
	const struct emu_quirk *q = quirk_find(&m->quirks, "at_dead_after");

	m->count.at_commands++;
	if (!m->modem->runs || quirk_is(&m->quirks, "at", "deaf") ||
	    (q && m->count.at_commands > q->value) || quirk_hit(&m->quirks, "silent", s))
		return;
	q = quirk_take(&m->quirks, "at_error", s);
	if (q && q->value)
		at_error(a, (unsigned)q->value);
	else if (q)
		at_say(a, "ERROR");
	else
		at_command(a, s + 2);
}

static void *at_open(struct emu *m, unsigned iface)
{
	struct at *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->m = m;
	a->iface = iface;
	a->cmee = 1;
	return a;
}

static int at_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	struct at *a = ctx;

	if (n && !a->no_echo && m->modem->runs && !quirk_is(&m->quirks, "at", "deaf"))
		emu_push(m, iface, p, n, true);
	for (; n; p++, n--) {
		if (*p == '\n')
			continue;
		if (*p != '\r') {
			if (a->n + 1 < sizeof(a->line))
				a->line[a->n++] = (char)*p;
			continue;
		}
		a->line[a->n] = '\0';
		a->n = 0;
		if (!strncasecmp(a->line, "AT", 2))
			line(a, a->line);
	}
	return 0;
}

/* After a start, to whoever listens on the first AT port (at-quectel.md section 7). */
static uint64_t at_tick(struct emu *m, unsigned iface, void *ctx)
{
	static const struct { uint32_t ms; const char *text; bool sim; } urc[] = {
		{ 1500, "RDY", false },          { 2500, "+CPIN: READY", true },
		{ 2600, "+QUSIM: 1", true },     { 4000, "+QIND: SMS DONE", true },
		{ 5000, "+QIND: PB DONE", true },
	};
	struct at *a = ctx;

	while (a->urc_at < ARRAY_SIZE(urc) && m->modem->born + urc[a->urc_at].ms <= m->now) {
		if (m->chan[iface].claimed && m->usb.iface[iface].number == 2 && m->modem->runs &&
		    !(urc[a->urc_at].sim && quirk_find(&m->quirks, "sim")) &&
		    !quirk_is(&m->quirks, "at", "deaf"))
			at_say(a, "%s", urc[a->urc_at].text);
		a->urc_at++;
	}
	return a->urc_at < ARRAY_SIZE(urc) ? m->modem->born + urc[a->urc_at].ms : EMU_NEVER;
}

const struct emu_function at_function = {
	.name = "at",
	.open = at_open,
	.close = free,
	.out = at_out,
	.tick = at_tick,
};

/* GNSS output: opens, says nothing. */
static int nmea_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	(void)m;
	(void)iface;
	(void)ctx;
	(void)p;
	(void)n;
	return 0;
}

static void *nmea_open(struct emu *m, unsigned iface)
{
	(void)m;
	(void)iface;
	return calloc(1, 1);
}

const struct emu_function nmea_function = {
	.name = "nmea",
	.open = nmea_open,
	.close = free,
	.out = nmea_out,
};
