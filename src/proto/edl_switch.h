/* Asking running firmware for emergency download mode. */
#ifndef SALVOR_PROTO_EDL_SWITCH_H
#define SALVOR_PROTO_EDL_SWITCH_H

#include "base/cancel.h"
#include "base/log.h"
#include "link/link.h"
#include "proto/at.h"

struct edl_switch_opts {
	struct log *log;
	const struct cancel *cancel; /* may be NULL */
	uint32_t interval_ms;        /* between two frames; 0 = 1000 */
	unsigned tries;              /* 0 = 30 */
};

/*
 * Sends the DIAG frame 4B 65 01 00 54 0F 7E once a second until the port is gone, which is the only
 * reliable answer: the echo may come or not, and logs flood the port meanwhile. ERR_TIMEOUT when
 * the module stays, ERR_REFUSED when it answers with a DIAG error. The link is of no use
 * afterwards.
 */
int edl_switch(struct link *link, const struct edl_switch_opts *opts, struct err *e) _must_check_;

/* The AT commands that lead there, in order, for a USB vendor; NULL-terminated, NULL when the vendor
 * has none (Quectel modules go by DIAG). */
const char *const *edl_at_commands(uint16_t usb_vendor);
/* Sends them. An answer to the last one need not come. */
int at_enter_edl(struct at *a, uint16_t usb_vendor, struct err *e) _must_check_;

#endif
