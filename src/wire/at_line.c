#include "wire/at_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void at_rx_init(struct at_rx *rx, char *buf, size_t cap)
{
	*rx = (struct at_rx){ buf, cap, 0, false, false };
}

void at_rx_reset(struct at_rx *rx)
{
	rx->n = 0;
	rx->overlong = rx->handed_out = false;
}

enum at_feed at_rx_feed(struct at_rx *rx, struct slice *in, const char **ret_line)
{
	size_t i;

	if (rx->handed_out)
		at_rx_reset(rx);
	for (i = 0; i < in->n; i++) {
		char ch = (char)in->p[i];

		if (ch == '\r' || ch == '\n') {
			if (rx->n == 0 && !rx->overlong)
				continue;
			*in = slice_sub(*in, i + 1, SIZE_MAX);
			if (rx->overlong) {
				at_rx_reset(rx);
				return AT_TOO_LONG;
			}
			rx->buf[rx->n] = '\0';
			rx->handed_out = true;
			*ret_line = rx->buf;
			return AT_LINE;
		}
		if (ch == '\0')
			continue;
		if (rx->n + 1 >= rx->cap)
			rx->overlong = true;
		else
			rx->buf[rx->n++] = ch;
	}
	*in = slice_sub(*in, in->n, 0);
	return AT_MORE;
}

static const struct {
	int32_t code;
	const char *text;
} cme[] = {
	{ 0, "phone failure" },
	{ 1, "no connection to phone" },
	{ 3, "operation not allowed" },
	{ 4, "operation not supported" },
	{ 5, "PH-SIM PIN required" },
	{ 10, "SIM not inserted" },
	{ 11, "SIM PIN required" },
	{ 12, "SIM PUK required" },
	{ 13, "SIM failure" },
	{ 14, "SIM busy" },
	{ 15, "SIM wrong" },
	{ 16, "incorrect password" },
	{ 17, "SIM PIN2 required" },
	{ 18, "SIM PUK2 required" },
	{ 20, "memory full" },
	{ 21, "invalid index" },
	{ 22, "not found" },
	{ 23, "memory failure" },
	{ 30, "no network service" },
	{ 31, "network timeout" },
	{ 32, "emergency calls only" },
};

const char *at_cme_text(int32_t code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cme); i++)
		if (cme[i].code == code)
			return cme[i].text;
	return NULL;
}

static bool starts(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* "+CME ERROR: 3", "+CMS ERROR: 500", or words instead of the number. */
static bool numbered_error(const char *line, struct at_result *r)
{
	const char *rest;
	char *end;
	long v;

	if (!starts(line, "+CME ERROR:") && !starts(line, "+CMS ERROR:"))
		return false;
	r->kind = AT_KIND_ERROR;
	r->is_cms = line[3] == 'S';
	rest = line + strlen("+CME ERROR:");
	rest += strspn(rest, " ");
	errno = 0;
	v = strtol(rest, &end, 10);
	if (isdigit((unsigned char)*rest) && *end == '\0' && errno == 0 && v <= 65535) {
		const char *text = r->is_cms ? NULL : at_cme_text((int32_t)v);

		r->code = (int32_t)v;
		snprintf(r->text, sizeof(r->text), "%s", text ? text : "");
	} else {
		snprintf(r->text, sizeof(r->text), "%.*s", (int)sizeof(r->text) - 1, rest);
	}
	return true;
}

/* Is the line of the kind that a module sends on its own account? */
static bool looks_unsolicited(const char *line)
{
	static const char *const whole[] = { "RDY", "POWERED DOWN", "SMS DONE", "PB DONE",
					     "RING", "NORMAL POWER DOWN", "SMS READY", "CALL READY",
					     "APP RDY" };
	static const char *const prefix[] = {
		"+QIND:",  "+CREG:",  "+CGREG:", "+CEREG:", "+C5GREG:", "+CPIN:",  "+QUSIM:",
		"+CFUN:",  "+CMTI:",  "+CMT:",   "+CDS:",   "+CDSI:",   "+CBM:",   "+CRING:",
		"+CLIP:",  "+CCWA:",  "+CUSD:",  "+CTZV:",  "+CTZE:",   "+CGEV:",  "+CIEV:",
		"+QSTK:",  "+QURC:",  "+QSIMSTAT:", "+QNETDEVSTATUS:", "^MODE:",   "^RSSI:",
		"^SYSSTART", "^BOOT:", "+QPRTPARA_URC:",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(whole); i++)
		if (strcmp(line, whole[i]) == 0)
			return true;
	for (i = 0; i < ARRAY_SIZE(prefix); i++)
		if (starts(line, prefix[i]))
			return true;
	return false;
}

/* Does the line's "+NAME:" belong to the command "AT+NAME..."? */
static bool answers(const char *line, const char *command)
{
	size_t n = strcspn(line, ":");

	if (line[n] != ':' || strncasecmp(command, "AT", 2) != 0)
		return false;
	return strncasecmp(line, command + 2, n) == 0 && !isalnum((unsigned char)command[2 + n]);
}

/* "+CREG: 1" and "+CREG: 1,"AB","CD"" are unsolicited, "+CREG: 0,1" answers AT+CREG?. */
static bool is_registration_urc(const char *line)
{
	const char *value;
	char second[8];

	if (!starts(line, "+CREG:") && !starts(line, "+CGREG:") && !starts(line, "+CEREG:") &&
	    !starts(line, "+C5GREG:"))
		return false;
	value = strchr(line, ':') + 1;
	value = strchr(value, ',');
	if (!value)
		return true;
	snprintf(second, sizeof(second), "%.7s", value + 1 + strspn(value + 1, " "));
	return !isdigit((unsigned char)second[0]);
}

void at_classify(const char *line, const char *command, struct at_result *ret)
{
	*ret = (struct at_result){ AT_KIND_INFO, -1, false, "" };
	if (command && strcmp(line, command) == 0) {
		ret->kind = AT_KIND_ECHO;
	} else if (!command) {
		ret->kind = AT_KIND_URC;
	} else if (strcmp(line, "OK") == 0) {
		ret->kind = AT_KIND_OK;
	} else if (strcmp(line, "ERROR") == 0 || strcmp(line, "NO CARRIER") == 0 ||
		   strcmp(line, "COMMAND NOT SUPPORT") == 0 || strcmp(line, "+CME ERROR") == 0) {
		ret->kind = AT_KIND_ERROR;
	} else if (numbered_error(line, ret)) {
		/* filled */
	} else if (answers(line, command)) {
		if (is_registration_urc(line))
			ret->kind = AT_KIND_URC;
	} else if (looks_unsolicited(line)) {
		ret->kind = AT_KIND_URC;
	}
}

const char *at_value(const char *line, const char *name)
{
	size_t n = strlen(name);

	if ((line[0] != '+' && line[0] != '^') || strncasecmp(line + 1, name, n) != 0 ||
	    line[1 + n] != ':')
		return NULL;
	line += n + 2;
	return line + strspn(line, " ");
}

bool at_field(const char *value, unsigned i, char *out, size_t cap)
{
	bool quoted = false;
	size_t n = 0;

	for (; i; value++) {
		if (*value == '\0')
			return false;
		if (*value == '"')
			quoted = !quoted;
		else if (*value == ',' && !quoted)
			i--;
	}
	quoted = false;
	value += strspn(value, " ");
	for (; *value && (quoted || *value != ','); value++) {
		if (*value == '"')
			quoted = !quoted;
		else if (n + 1 < cap)
			out[n++] = *value;
	}
	out[n] = '\0';
	return true;
}

/* One command of a line, upper case without blanks. */
static const char *danger_of(const char *flat)
{
	static const struct {
		const char *prefix, *why;
	} rows[] = {
		{ "AT+EGMR=1", "it writes an IMEI or serial number" },
		{ "AT+SIMEI=", "it writes an IMEI" },
		{ "AT^PHYNUM=", "it writes an IMEI" },
		{ "AT+GTSN=1", "it writes a serial number or IMEI" },
		{ "AT^NV=", "it writes an NV item" },
		{ "AT+QNVW=", "it writes an NV item" },
		{ "AT+QNVFW=", "it writes a file of the modem's file system" },
		{ "AT+QNVFD=", "it deletes a file of the modem's file system" },
		{ "AT+QPRTPARA=1", "it overwrites the module's own backup of its file system" },
		{ "AT+QPRTPARA=2", "nobody has documented what it does" },
		{ "AT+QPRTPARA=3", "it replaces the modem's file system by the module's own backup" },
		{ "AT+QFOTADL=", "it starts a firmware update" },
		{ "AT+QFASTBOOT", "it leaves the normal firmware" },
		{ "AT+QDOWNLOAD", "it leaves the normal firmware" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		/* Basic commands may stand in front without a separator: "ATE0+EGMR=1,7,...". */
		const char *hit = strstr(flat, rows[i].prefix + 2);

		/* The test form "=?" only asks what there is. */
		if (hit && strcmp(hit + strcspn(hit, "="), "=?") != 0)
			return rows[i].why;
	}
	return NULL;
}

const char *at_danger(const char *command)
{
	char flat[AT_COMMAND_MAX + 1];
	const char *why, *p = command;
	size_t n = 0;

	/* Longer ones are never sent. */
	if (strlen(command) > AT_COMMAND_MAX)
		return NULL;
	/* A line may hold several commands, "AT+CSQ;+EGMR=1,7,...": each is looked at. Quoted text may
	 * hold a semicolon too; splitting there only makes the check stricter. */
	for (;; p++) {
		if (*p && *p != ';') {
			if (!isspace((unsigned char)*p))
				flat[n++] = (char)toupper((unsigned char)*p);
			continue;
		}
		flat[n] = '\0';
		why = danger_of(flat);
		if (why || *p == '\0')
			return why;
		n = 0;
	}
}
