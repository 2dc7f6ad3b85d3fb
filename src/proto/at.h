/*
 * AT commands on one tty of a module: one command at a time, unsolicited lines told apart from the
 * answer. Facts: docs/protocols.md, section AT.
 */
#ifndef SALVOR_PROTO_AT_H
#define SALVOR_PROTO_AT_H

#include "base/cancel.h"
#include "base/log.h"
#include "link/link.h"
#include "model/revision.h"
#include "wire/at_line.h"

struct at;

struct at_opts {
	struct log *log;
	const struct cancel *cancel;
	/* Called for each unsolicited line; may be NULL. */
	void (*on_urc)(void *ctx, const char *line);
	void *ctx;
	/* Waits; NULL = clock_sleep_ms(). */
	void (*pause)(void *ctx, uint32_t ms);
	void *pause_ctx;
};

/* Sends nothing. The link stays the caller's. */
int at_open(struct link *link, const struct at_opts *opts, struct at **ret, struct err *e) _must_check_;
void at_close(struct at *a); /* NULL is fine */

/* Does an AT interpreter answer here? ERR_TIMEOUT when not. Only for ports that are not DIAG. */
int at_probe(struct at *a, struct err *e) _must_check_;

#define AT_REPLY_LINES_MAX 512
#define AT_REPLY_BYTES_MAX 65536

struct at_reply {
	struct buf text; /* lines of the answer, each ended by a NUL; without echo, URCs and result */
	size_t n;
};
#define AT_REPLY_INIT { BUF_INIT(AT_REPLY_BYTES_MAX), 0 }
void at_reply_fini(struct at_reply *r);
/* The i-th line, or NULL. */
const char *at_reply_line(const struct at_reply *r, size_t i);
/* The value of the first "+NAME:" line, or NULL. */
const char *at_reply_value(const struct at_reply *r, const char *name);

/* "AT+CGMM", without line end. ms = 0: what this command may take. *ret must be initialised; what it
 * held is dropped. ERR_REFUSED for ERROR, +CME ERROR and +CMS ERROR, with the number as code or -1;
 * ERR_TIMEOUT; ERR_POLICY for commands that write identity, NV, files or firmware: those are in
 * at_write.h. */
int at_command(struct at *a, const char *command, uint32_t ms, struct at_reply *ret, struct err *e)
	_must_check_;
/* What such a command may take, from the manuals. */
uint32_t at_timeout_ms(const char *command);

/* What the module says about itself; an empty string or a negative number is "not told". */
struct at_info {
	char maker[32], model[48];
	char revision[96];      /* the longest form that any command gave */
	char sub_edition[24];
	char imei[24];          /* AT+CGSN: may come from a cache on some modules */
	char imei_egmr[24];     /* AT+EGMR=0,7 */
	char serial[48];        /* AT+EGMR=0,5 */
	char iccid[24];
	char sim[32];           /* "READY", "SIM PIN", or the module's error in words */
	int32_t cfun;
	int32_t creg, cereg, c5greg; /* registration state */
	int32_t rssi, ber;      /* AT+CSQ as it is; 99 = not known */
	char usb[96];           /* AT+QCFG="usbcfg" */
	int32_t backups, restores; /* counters of the module's own copy of its file system */
};
/* Asks for all of them. A command the module refuses leaves its field empty; -1 when the port stops
 * answering. The revision is asked again, up to ten times a second apart, while it is still the
 * incomplete one of the first seconds after a start. */
int at_info(struct at *a, struct at_info *ret, struct err *e) _must_check_;
/* "full", "factory test mode" ...; "unknown". */
const char *at_cfun_text(int32_t cfun);
/* "registered, home" ... */
const char *at_registration_text(int32_t stat);

#endif
