#include "proto/edl_switch.h"

int diag_enter_edl(struct diag *d, struct err *e)
{
	uint8_t room[8];
	struct writer w = writer_of(room, sizeof(room));
	struct diag_ask ask = { .timeout_ms = 2000, .may_vanish = true };
	struct slice answer;

	diag_edl_build(&w);
	ask.packet = writer_slice(&w);
	if (diag_ask(d, &ask, &answer, e) == 0) {
		/* The answer is the request, nothing more. */
		if (slice_eq(answer, ask.packet))
			return 0;
		return err_set(e, ERR_PROTO, "the module answered the switch to emergency download with "
					     "%zu bytes instead of repeating it", answer.n);
	}
	if (e->kind == ERR_GONE) {
		err_clear(e);
		return 0;
	}
	if (e->kind == ERR_REFUSED) {
		e->kind = ERR_UNSUPPORTED;
		return err_prefix(e, "this firmware does not switch to emergency download over DIAG");
	}
	return err_prefix(e, "switching to emergency download");
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
