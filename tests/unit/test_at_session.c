#include "tests/unit/unit.h"

#include "proto/at_write.h"
#include "proto/edl_switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tty that answers commands by a table; "\\x" pieces come as written. */
struct answer {
	const char *command, *text;
};

struct port {
	struct link link;
	const struct answer *table;
	char out[4096];
	size_t n;
	char sent[2048]; /* all commands, each ended by a semicolon */
	char held[256];  /* comes before the next answer */
	const char *silent; /* this command is not answered in time */
	const char *gone;   /* the port disappears over this command */
	bool is_gone, one_by_one, echo;
	unsigned revisions_cut; /* QGMR is incomplete so often */
	unsigned waited_ms, urcs;
	char last_urc[128];
};

static void say(struct port *p, const char *text)
{
	size_t n = strlen(text);

	assert_true(p->n + n < sizeof(p->out));
	memcpy(p->out + p->n, text, n);
	p->n += n;
}

static int port_write(struct link *l, const void *b, size_t n, uint32_t ms, struct err *e)
{
	struct port *p = container_of(l, struct port, link);
	const struct answer *a;
	char cmd[600];

	(void)ms;
	assert_true(n > 0 && n < sizeof(cmd));
	assert_int_equal(((const char *)b)[n - 1], '\r');
	memcpy(cmd, b, n - 1);
	cmd[n - 1] = '\0';
	assert_true(strlen(p->sent) + n + 1 < sizeof(p->sent));
	strcat(strcat(p->sent, cmd), ";");
	if (p->gone && strcmp(cmd, p->gone) == 0)
		p->is_gone = true;
	if (p->is_gone)
		return err_set(e, ERR_GONE, "left");
	if (p->echo) {
		say(p, cmd);
		say(p, "\r");
	}
	if (p->silent && strcmp(cmd, p->silent) == 0) {
		snprintf(p->held, sizeof(p->held), "\r\nLATE\r\n\r\nOK\r\n");
		return 0;
	}
	if (p->held[0]) {
		say(p, p->held);
		p->held[0] = '\0';
	}
	if (strcmp(cmd, "AT+QGMR") == 0 && p->revisions_cut) {
		p->revisions_cut--;
		say(p, "\r\nEC25EFAR06A17M4G_20.200.00.000\r\n\r\nOK\r\n");
		return 0;
	}
	for (a = p->table; a && a->command; a++) {
		if (strcmp(a->command, cmd) == 0) {
			say(p, a->text);
			return 0;
		}
	}
	say(p, strcmp(cmd, "AT") == 0 ? "\r\nOK\r\n" : "\r\nERROR\r\n");
	return 0;
}

static int port_read(struct link *l, void *b, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct port *p = container_of(l, struct port, link);
	size_t n = MIN_OF(p->one_by_one ? 1 : cap, p->n);

	if (p->is_gone)
		return err_set(e, ERR_GONE, "left");
	if (n == 0)
		return err_set(e, ERR_TIMEOUT, "nothing in %u ms", ms);
	memcpy(b, p->out, n);
	memmove(p->out, p->out + n, p->n - n);
	p->n -= n;
	*ret_n = n;
	return 0;
}

static void port_close(struct link *l)
{
	(void)l;
}

static void on_urc(void *ctx, const char *line)
{
	struct port *p = ctx;

	p->urcs++;
	snprintf(p->last_urc, sizeof(p->last_urc), "%s", line);
}

static void wait_ms(void *ctx, uint32_t ms)
{
	((struct port *)ctx)->waited_ms += ms;
}

static struct at *begin(struct port *p, const struct answer *table)
{
	static const struct link_ops ops = { .name = "port", .read = port_read, .write = port_write,
					     .close = port_close };
	struct at_opts opts = { .on_urc = on_urc, .ctx = p, .pause = wait_ms, .pause_ctx = p };
	struct err e = ERR_INIT;
	struct at *a;

	memset(p, 0, sizeof(*p));
	p->link = (struct link){ .ops = &ops, .is_stream = true, .desc = "port" };
	p->table = table;
	assert_ok(at_open(&p->link, &opts, &a, &e), e);
	return a;
}

static const struct answer ec25[] = {
	{ "ATI", "\r\nQuectel\r\nEC25\r\nRevision: EC25EFAR06A17M4G\r\n\r\nOK\r\n" },
	{ "AT+CGMM", "\r\nEC25\r\n\r\nOK\r\n" },
	{ "AT+QGMR", "\r\nEC25EFAR06A17M4G_20.200.20.200\r\n\r\nOK\r\n" },
	{ "AT+CSUB", "\r\nSubEdition: V04\r\n\r\nOK\r\n" },
	{ "AT+CGSN", "\r\n490154203237518\r\n\r\nOK\r\n" },
	{ "AT+EGMR=0,7", "\r\n+EGMR: \"490154203237518\"\r\n\r\nOK\r\n" },
	{ "AT+EGMR=0,5", "\r\n+EGMR: \"MPA1B2C3\"\r\n\r\nOK\r\n" },
	{ "AT+CFUN?", "\r\n+QIND: SMS DONE\r\n\r\n+CFUN: 5\r\n\r\nOK\r\n" },
	{ "AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n" },
	{ "AT+QCCID", "\r\n+QCCID: 89860000000000000001\r\n\r\nOK\r\n" },
	{ "AT+CREG?", "\r\n+CREG: 1,\"12AB\",\"34CD\"\r\n\r\n+CREG: 0,2\r\n\r\nOK\r\n" },
	{ "AT+CEREG?", "\r\n+CEREG: 0,5\r\n\r\nOK\r\n" },
	{ "AT+CSQ", "\r\n+CSQ: 99,99\r\n\r\nOK\r\n" },
	{ "AT+QCFG=\"usbcfg\"", "\r\n+QCFG: \"usbcfg\",0x2C7C,0x0125,1,1,1,1,1,0,0\r\n\r\nOK\r\n" },
	{ "AT+QPRTPARA=4", "\r\n+QPRTPARA: 1,0,12,0,0,0,0,0,0,3\r\n\r\nOK\r\n" },
	{ NULL, NULL },
};

static void info_collects_what_the_module_tells(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at_info i;
	int mode;

	(void)state;
	for (mode = 0; mode < 4; mode++) {
		struct at *a = begin(&p, ec25);

		p.echo = mode & 1;
		p.one_by_one = mode & 2;
		p.revisions_cut = 2;
		assert_ok(at_info(a, &i, &e), e);
		assert_string_equal(i.maker, "Quectel");
		assert_string_equal(i.model, "EC25");
		assert_string_equal(i.revision, "EC25EFAR06A17M4G_20.200.20.200");
		assert_int_equal(p.waited_ms, 2000);
		assert_string_equal(i.sub_edition, "V04");
		assert_string_equal(i.imei, "490154203237518");
		assert_string_equal(i.imei_egmr, "490154203237518");
		assert_string_equal(i.serial, "MPA1B2C3");
		assert_int_equal(i.cfun, 5);
		assert_string_equal(at_cfun_text(i.cfun), "factory test mode");
		assert_string_equal(i.sim, "READY");
		assert_string_equal(i.iccid, "89860000000000000001");
		assert_int_equal(i.creg, 2);
		assert_int_equal(i.cereg, 5);
		assert_string_equal(at_registration_text(i.cereg), "registered, roaming");
		assert_int_equal(i.c5greg, -1);
		assert_int_equal(i.rssi, 99);
		assert_string_equal(i.usb, "\"usbcfg\",0x2C7C,0x0125,1,1,1,1,1,0,0");
		assert_int_equal(i.backups, 1);
		assert_int_equal(i.restores, 0);
		/* Nothing that writes was sent. */
		assert_null(strstr(p.sent, "QPRTPARA=1"));
		assert_null(strstr(p.sent, "EGMR=1"));
		assert_true(p.urcs >= 2);
		at_close(a);
	}
}

static void only_an_incomplete_revision_is_waited_for(void **state)
{
	static const struct answer odd[] = { { "AT+QGMR", "\r\nhome-made 1.0\r\n\r\nOK\r\n" },
					     { NULL, NULL } };
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, odd);
	struct at_info i;

	(void)state;
	assert_ok(at_info(a, &i, &e), e);
	assert_string_equal(i.revision, "home-made 1.0");
	assert_int_equal(p.waited_ms, 0);
	at_close(a);
	a = begin(&p, ec25);
	p.revisions_cut = 1000; /* never becomes complete: kept as it is, and no endless wait */
	assert_ok(at_info(a, &i, &e), e);
	assert_string_equal(i.revision, "EC25EFAR06A17M4G_20.200.00.000");
	assert_in_range(p.waited_ms, 1000, 10000);
	at_close(a);
}

static void a_module_that_knows_nothing_is_no_failure(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, NULL);
	struct at_info i;

	(void)state;
	assert_ok(at_info(a, &i, &e), e);
	assert_string_equal(i.revision, "");
	assert_int_equal(i.cfun, -1);
	p.silent = "AT+CFUN?";
	assert_err(at_info(a, &i, &e), e, ERR_TIMEOUT);
	at_close(a);
}

static void errors_carry_the_modules_number(void **state)
{
	static const struct answer table[] = {
		{ "AT+CFUN=1", "\r\n+CME ERROR: 3\r\n" },
		{ "AT+CPIN?", "\r\n+CME ERROR: SIM not inserted\r\n" },
		{ "AT+CMGL", "\r\n+CMS ERROR: 302\r\n" },
		{ NULL, NULL },
	};
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, table);
	struct at_reply r = AT_REPLY_INIT;

	(void)state;
	assert_err(at_command(a, "AT+CFUN=1", 0, &r, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, 3);
	assert_non_null(strstr(e.msg, "operation not allowed"));
	assert_err(at_command(a, "AT+CPIN?", 0, &r, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, -1);
	assert_non_null(strstr(e.msg, "SIM not inserted"));
	assert_err(at_command(a, "AT+CMGL", 0, &r, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, 302);
	assert_err(at_command(a, "AT+NONE", 0, &r, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, -1);
	at_reply_fini(&r);
	at_close(a);
}

static void a_late_answer_is_not_the_next_ones(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, ec25);
	struct at_reply r = AT_REPLY_INIT;

	(void)state;
	p.silent = "AT+CGSN";
	assert_err(at_command(a, "AT+CGSN", 0, &r, &e), e, ERR_TIMEOUT);
	p.silent = NULL;
	assert_ok(at_command(a, "AT+CGMM", 0, &r, &e), e);
	assert_int_equal(r.n, 1);
	assert_string_equal(at_reply_line(&r, 0), "EC25");
	at_reply_fini(&r);
	at_close(a);
}

static void lines_between_commands_are_unsolicited(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, ec25);
	struct at_reply r = AT_REPLY_INIT;

	(void)state;
	say(&p, "\r\nRDY\r\n\r\nsomething else\r\n+QIND: PB");
	assert_ok(at_command(a, "AT+CGMM", 0, &r, &e), e);
	assert_int_equal(r.n, 1);
	assert_string_equal(at_reply_line(&r, 0), "EC25");
	assert_string_equal(p.last_urc, "+QIND: PB");
	assert_int_equal(p.urcs, 3);
	at_reply_fini(&r);
	at_close(a);
}

static void dangerous_and_malformed_commands_are_not_sent(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, ec25);
	struct at_reply r = AT_REPLY_INIT;
	char longer[600];

	(void)state;
	assert_err(at_command(a, "AT+QPRTPARA=1", 0, &r, &e), e, ERR_POLICY);
	assert_err(at_command(a, "at+egmr=1,7,\"490154203237518\"", 0, &r, &e), e, ERR_POLICY);
	assert_err(at_command(a, "ATE0+EGMR=1,7,\"490154203237518\"", 0, &r, &e), e, ERR_POLICY);
	assert_err(at_command(a, "AT+CGMR;+EGMR = 1,7", 0, &r, &e), e, ERR_POLICY);
	assert_err(at_command(a, "AT\rAT+EGMR=1,7", 0, &r, &e), e, ERR_POLICY);
	assert_err(at_command(a, "AT\rAT+CGMM", 0, &r, &e), e, ERR_USAGE);
	assert_err(at_command(a, "", 0, &r, &e), e, ERR_USAGE);
	memset(longer, 'A', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_err(at_command(a, longer, 0, &r, &e), e, ERR_USAGE);
	assert_string_equal(p.sent, "");
	assert_err(at_command_unguarded(a, "AT+EGMR=1,7,\"490154203237518\"", 0, &r, &e), e, ERR_REFUSED);
	assert_string_equal(p.sent, "AT+EGMR=1,7,\"490154203237518\";");
	at_reply_fini(&r);
	at_close(a);
}

static void probing_tells_an_interpreter_from_silence(void **state)
{
	static const struct answer deaf[] = { { "AT", "" }, { NULL, NULL } };
	static const struct answer rude[] = { { "AT", "\r\nERROR\r\n" }, { NULL, NULL } };
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, deaf);

	(void)state;
	assert_err(at_probe(a, &e), e, ERR_TIMEOUT);
	assert_string_equal(p.sent, "AT;AT;");
	at_close(a);
	a = begin(&p, rude);
	assert_ok(at_probe(a, &e), e);
	at_close(a);
	a = begin(&p, NULL);
	p.gone = "AT";
	assert_err(at_probe(a, &e), e, ERR_GONE);
	at_close(a);
}

static void hostile_answers_are_bounded(void **state)
{
	struct port p;
	struct err e = ERR_INIT;
	struct at *a;
	struct at_reply r = AT_REPLY_INIT;
	char many[4000] = "";
	struct answer table[] = { { "ATI", many }, { NULL, NULL } };
	int i;

	(void)state;
	for (i = 0; i < 600; i++)
		strcat(many, "x\r\n");
	a = begin(&p, table);
	assert_err(at_command(a, "ATI", 0, &r, &e), e, ERR_PROTO);
	at_close(a);
	/* Only unsolicited lines and never an end. */
	strcpy(many, "");
	for (i = 0; i < 300; i++)
		strcat(many, "RING\r\n");
	a = begin(&p, table);
	assert_err(at_command(a, "ATI", 0, &r, &e), e, ERR_TIMEOUT);
	at_reply_fini(&r);
	at_close(a);
}

static void the_port_may_vanish_over_the_edl_command(void **state)
{
	static const struct answer sierra[] = { { "AT!BOOTHOLD", "\r\nOK\r\n" }, { NULL, NULL } };
	struct port p;
	struct err e = ERR_INIT;
	struct at *a = begin(&p, sierra);

	(void)state;
	p.gone = "AT!QPSTDLOAD";
	assert_ok(at_enter_edl(a, 0x1199, &e), e);
	assert_string_equal(p.sent, "AT!BOOTHOLD;AT!QPSTDLOAD;");
	at_close(a);
	a = begin(&p, NULL);
	assert_err(at_enter_edl(a, 0x1199, &e), e, ERR_REFUSED);
	assert_err(at_enter_edl(a, 0x2c7c, &e), e, ERR_UNSUPPORTED);
	at_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(info_collects_what_the_module_tells),
		cmocka_unit_test(only_an_incomplete_revision_is_waited_for),
		cmocka_unit_test(a_module_that_knows_nothing_is_no_failure),
		cmocka_unit_test(errors_carry_the_modules_number),
		cmocka_unit_test(a_late_answer_is_not_the_next_ones),
		cmocka_unit_test(lines_between_commands_are_unsolicited),
		cmocka_unit_test(dangerous_and_malformed_commands_are_not_sent),
		cmocka_unit_test(probing_tells_an_interpreter_from_silence),
		cmocka_unit_test(hostile_answers_are_bounded),
		cmocka_unit_test(the_port_may_vanish_over_the_edl_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
