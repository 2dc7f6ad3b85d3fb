/* From running firmware into emergency download (05c6:9008). Leaves the storage alone; waiting for the
 * new device is src/device's work, which looks for one that was not there before: a USB 3 module comes
 * back at another place of the tree. */
#ifndef SALVOR_PROTO_EDL_SWITCH_H
#define SALVOR_PROTO_EDL_SWITCH_H

#include "proto/at.h"
#include "proto/diag.h"

/* 0 when the module repeated the request or left the bus over it. ERR_UNSUPPORTED when it refuses;
 * ERR_TIMEOUT when it said nothing: asking again a second later is what other tools do, up to 30
 * times. */
int diag_enter_edl(struct diag *d, struct err *e) _must_check_;

/* The AT commands that lead there, in order, for a USB vendor; NULL-terminated, NULL when the vendor has
 * none (Quectel modules go by DIAG). */
const char *const *edl_at_commands(uint16_t usb_vendor);
/* Sends them. An answer to the last one need not come. */
int at_enter_edl(struct at *a, uint16_t usb_vendor, struct err *e) _must_check_;

#endif
