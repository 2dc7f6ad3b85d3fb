/*
 * DIAG: one conversation with the firmware of a running module. NV items (nv.h) and the file system
 * (efs.h) talk through it. Facts: docs/protocols.md, section DIAG.
 *
 * The protocol has no transaction number. An answer is accepted when every field that it repeats from
 * the request is equal; what does not fit an open request is a late answer or unasked traffic, counted
 * and dropped. After a silence the session asks something else of the same part of the firmware: since
 * answers come in order, whatever arrives after that answer cannot be a late one, and if that stays
 * unanswered too, the link is dead and every further request fails at once.
 */
#ifndef SALVOR_PROTO_DIAG_H
#define SALVOR_PROTO_DIAG_H

#include "base/cancel.h"
#include "base/log.h"
#include "link/link.h"
#include "wire/diag_msg.h"

struct diag;

#define DIAG_WINDOW_MAX 8

struct diag_opts {
	struct log *log;
	const struct cancel *cancel;
	uint32_t timeout_ms;     /* of an ordinary request; 0 = 3000 */
	uint32_t drain_quiet_ms; /* at opening: silence that ends the drain; 0 = 200 */
	/* Six digits and eight bytes, or NULL: never sent. Each is sent at most once in a session, and
	 * only after the module answered 0x42 or 0x47, because modules count wrong codes. */
	const char *spc;
	const uint8_t *password;
	/* Requests in flight in a row of reads; 0 and 1 = one at a time. Falls back to one at a time for
	 * the rest of the session at the first answer that is missing or out of order. */
	unsigned window;
};

/* Drops what the module sent before; sends nothing. The link stays the caller's. */
int diag_open(struct link *link, const struct diag_opts *opts, struct diag **ret, struct err *e)
	_must_check_;
void diag_close(struct diag *d); /* NULL is fine; sends nothing */

struct diag_counters {
	uint64_t round_trips; /* requests sent, repeats and resynchronising ones included */
	uint64_t retries, resyncs;
	uint64_t late;        /* answers that fitted no open request */
	uint64_t unsolicited; /* logs, events, debug messages */
	uint64_t bad_frames;
};
const struct diag_counters *diag_counters(const struct diag *d);
/* Has the module stopped answering? Stays so until diag_revive(). */
bool diag_is_dead(const struct diag *d);
/* Asks once more whether anybody is there. */
int diag_revive(struct diag *d, struct err *e) _must_check_;

/* Bytes `answer_at..` of an answer repeat bytes `request_at..` of its request. */
struct diag_echo {
	uint8_t answer_at, request_at, n;
};

struct diag_ask {
	struct slice packet;           /* at most DIAG_REQUEST_MAX */
	const struct diag_echo *echo;  /* ends with n == 0; NULL = the command byte, for a subsystem
	                                  packet its four header bytes */
	uint32_t timeout_ms;           /* 0 = the session's */
	bool idempotent;               /* may be sent again when its answer was lost: reads only */
	bool may_vanish;               /* silence is a likely outcome: do not look after the module */
};

/* One request, one answer; borrowed until the next call. An error answer is ERR_REFUSED with the DIAG
 * code (after unlocking, where that was possible). ERR_TIMEOUT: no answer; the module may or may not
 * have done it; diag_is_dead() tells whether it still lives. */
int diag_ask(struct diag *d, const struct diag_ask *ask, struct slice *ret_answer, struct err *e)
	_must_check_;

/* Many idempotent requests, `window` of them in flight. Answers are handed over in the order of asking.
 * Neither function may use the session. */
struct diag_row {
	/* Builds the next request's packet and fills the other members of *ask. Returns 1, 0 when there is
	 * none for now (asked again after each answer; with nothing in flight it ends the row), -1. */
	int (*next)(struct diag_row *, struct writer *packet, struct diag_ask *ask, struct err *e);
	/* `why` is NULL, or says that this request was refused (ERR_REFUSED) or stayed unanswered by a
	 * living module (ERR_TIMEOUT); answer is empty then. Returns 0, 1 to end the row, -1. */
	int (*take)(struct diag_row *, struct slice answer, const struct err *why, struct err *e);
};
int diag_ask_row(struct diag *d, struct diag_row *row, struct err *e) _must_check_;
/* Requests in flight that are in force now. */
unsigned diag_window(const struct diag *d);

/* Who is it? Either answer may be missing (all its strings empty then); both missing is an error. */
struct diag_identity {
	struct diag_version version;
	struct diag_build_id build;
};
int diag_identify(struct diag *d, struct diag_identity *ret, struct err *e) _must_check_;

/* enum diag_oper_mode, from the call manager or the status snapshot. */
int diag_oper_mode(struct diag *d, uint32_t *ret, struct err *e) _must_check_;
/* Leaves the storage alone. Silence after a reset or power-off is success: the port goes first. */
int diag_mode_set(struct diag *d, enum diag_mode mode, struct err *e) _must_check_;
/* Asks the module to stop sending logs, messages and events. Refusals do not matter. */
void diag_quiet(struct diag *d);

#endif
