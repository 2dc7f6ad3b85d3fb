/* The AT interface of running firmware, as far as identification needs it (at-quectel.md sections 1.4,
 * 2.1; nv-and-identity.md section 5 for CFUN). Echo is on, as after every start. */
#include "tests/emu/emu_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct at {
	char line[512];
	size_t n;
	bool no_echo;
	unsigned cfun;
};

static void say(struct emu *m, unsigned iface, const char *text)
{
	char out[768];
	int n = snprintf(out, sizeof(out), "\r\n%s\r\n", text);

	emu_push(m, iface, out, (size_t)n, true);
}

static void command(struct emu *m, unsigned iface, struct at *a, const char *s)
{
	const struct emu_model *mo = &m->model;
	char text[512] = "";
	bool ok = true;

	m->count.at_commands++;
	if (!*s) {
		/* bare AT */
	} else if (!strcasecmp(s, "E0") || !strcasecmp(s, "E1")) {
		a->no_echo = s[1] == '0';
	} else if (!strcasecmp(s, "I")) {
		snprintf(text, sizeof(text), "%s\r\n%s\r\nRevision: %s", mo->fw.vendor, mo->fw.model,
			 mo->fw.revision);
	} else if (!strcasecmp(s, "+CGMR") || !strcasecmp(s, "+GMR")) {
		snprintf(text, sizeof(text), "%s", mo->fw.revision);
	} else if (!strcasecmp(s, "+QGMR") || !strcasecmp(s, "+QGMR?")) {
		snprintf(text, sizeof(text), "%s", mo->fw.full);
	} else if (!strcasecmp(s, "+CGMM")) {
		snprintf(text, sizeof(text), "%s", mo->fw.model);
	} else if (!strcasecmp(s, "+CGSN") || !strcasecmp(s, "+GSN")) {
		/* Without its data the modem has no number to tell. */
		snprintf(text, sizeof(text), "%s", m->ftm ? "000000000000000" : mo->fw.imei);
	} else if (!strcasecmp(s, "+CFUN?")) {
		snprintf(text, sizeof(text), "+CFUN: %u", a->cfun);
	} else if (!strcasecmp(s, "+CFUN=1,1")) {
		say(m, iface, "OK");
		emu_reboot(m, 1000);
		return;
	} else if (!strncasecmp(s, "+CFUN=", 6) && !m->ftm) {
		a->cfun = (unsigned)strtoul(s + 6, NULL, 10);
	} else if (!strncasecmp(s, "+CFUN=", 6)) {
		say(m, iface, "+CME ERROR: 3");
		return;
	} else if (!strcasecmp(s, "+CPIN?")) {
		snprintf(text, sizeof(text), "+CPIN: READY");
	} else if (!strncasecmp(s, "+CMEE=", 6)) {
		/* accepted */
	} else {
		ok = false;
	}
	if (text[0])
		say(m, iface, text);
	say(m, iface, ok ? "OK" : "ERROR");
}

static void *at_open(struct emu *m, unsigned iface)
{
	struct at *a = calloc(1, sizeof(*a));

	(void)iface;
	if (a)
		a->cfun = m->ftm ? 5 : 1;
	return a;
}

static int at_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	struct at *a = ctx;

	if (n && !a->no_echo)
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
			command(m, iface, a, a->line + 2);
	}
	return 0;
}

const struct emu_function at_function = {
	.name = "at",
	.open = at_open,
	.close = free,
	.out = at_out,
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
