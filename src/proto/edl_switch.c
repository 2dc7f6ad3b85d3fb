#include "proto/edl_switch.h"

#include "base/clock.h"

#include <string.h>

/* Subsystem 0x65 command 1 with its CRC, as sent by every tool that knows it (diag facts). */
static const uint8_t frame[] = { 0x4b, 0x65, 0x01, 0x00, 0x54, 0x0f, 0x7e };

static bool left(const struct err *e)
{
	return e->kind == ERR_GONE || e->kind == ERR_LINK;
}

/* DIAG errors 0x13..0x18 start with that byte and quote the request behind it. */
static bool is_refusal(struct slice s)
{
	return s.n >= 1 + 4 && s.p[0] >= 0x13 && s.p[0] <= 0x18 && memcmp(s.p + 1, frame, 4) == 0;
}

static int listen(struct link *link, uint32_t ms, struct err *e)
{
	struct deadline end = deadline_in(ms);
	uint8_t in[4096];
	size_t n;

	while (!deadline_passed(end)) {
		if (link_read(link, in, sizeof(in), MAX_OF(deadline_left(end), 1u), &n, e) < 0)
			return e->kind == ERR_TIMEOUT ? 0 : -1;
		for (size_t i = 0; i < n; i++) {
			bool at_start = i == 0 || in[i - 1] == 0x7e;

			if (at_start && is_refusal(SLICE(in + i, n - i)))
				return err_set_code(
					e, ERR_REFUSED, in[i],
					"the firmware refuses the switch to EDL (DIAG error 0x%02x)",
					in[i]);
		}
	}
	return 0;
}

int edl_switch(struct link *link, const struct edl_switch_opts *opts, struct err *e)
{
	uint32_t interval = opts->interval_ms ? opts->interval_ms : 1000;
	unsigned i, tries = opts->tries ? opts->tries : 30;
	bool silent = true;

	/* A port that floods logs may not take a write before they were read. */
	link_drain(link, 50, 500);
	for (i = 0; i < tries; i++) {
		if (cancel_is_set(opts->cancel))
			return err_set(e, ERR_CANCELLED, "stopped while asking for EDL");
		if (link_write(link, frame, sizeof(frame), interval, e) < 0) {
			if (left(e))
				goto gone;
			if (e->kind != ERR_TIMEOUT)
				return -1;
			link_drain(link, 10, 200);
			continue;
		}
		if (listen(link, interval, e) < 0) {
			if (left(e))
				goto gone;
			return -1;
		}
		silent = false;
	}
	if (silent)
		return err_set(e, ERR_TIMEOUT, "its DIAG port takes no data");
	return err_set(e, ERR_TIMEOUT, "it was asked %u times over DIAG and stays where it is",
		       tries);
gone:
	log_info(opts->log, "edl", "the port is gone after %u request(s)", i + 1);
	err_clear(e);
	return 0;
}

const char *const *edl_at_commands(uint16_t usb_vendor)
{
	static const char *const sierra[] = { "AT!BOOTHOLD", "AT!QPSTDLOAD", NULL };
	static const char *const fibocom[] = { "AT+SYSCMD=sys_reboot edl", NULL };
	static const char *const cinterion[] = { "AT^SFIREHOSE", NULL };

	switch (usb_vendor) {
	case 0x1199: /* Sierra Wireless */
	case 0x0846: /* Netgear */
		return sierra;
	case 0x2cb7: /* Fibocom */
		return fibocom;
	case 0x1e2d: /* Cinterion, Telit */
		return cinterion;
	default:
		return NULL;
	}
}

int at_enter_edl(struct at *a, uint16_t usb_vendor, struct err *e)
{
	const char *const *c = edl_at_commands(usb_vendor);
	struct at_reply r = AT_REPLY_INIT;
	int result = 0;

	if (!c)
		return err_set(e, ERR_UNSUPPORTED, "no AT command of vendor %04x leads to emergency download",
			       usb_vendor);
	for (; *c && result == 0; c++) {
		result = at_command(a, *c, 0, &r, e);
		/* The port goes before the answer does. */
		if (result < 0 && c[1] == NULL && (e->kind == ERR_GONE || e->kind == ERR_TIMEOUT)) {
			err_clear(e);
			result = 0;
		}
	}
	at_reply_fini(&r);
	return result < 0 ? err_prefix(e, "switching to emergency download") : 0;
}
