/* Inside of a Sahara session: what sahara.c, sahara_identify.c and sahara_upload.c share. Nobody
 * else includes this. */
#ifndef SALVOR_PROTO_SAHARA_SESSION_H
#define SALVOR_PROTO_SAHARA_SESSION_H

#include "proto/sahara.h"

#include "wire/sahara_pkt.h"

#define TAG              "sahara"
#define SAHARA_GLANCE_MS 20 /* for a HELLO behind a HELLO: both were queued long ago */
#define SAHARA_STRAY_MAX 16 /* packets passed over while waiting for another */

/* What a target said before it was asked is never thrown away: a HELLO waits in `hello` for its
 * answer, a READ_DATA that came early waits in `held`, a programmer's bytes go to `early`. */
struct sahara {
	struct link *link;
	struct sahara_opts opts;
	enum sahara_state state;
	bool has_hello;          /* a HELLO that was not answered yet */
	bool in_command;         /* CMD_READY was seen */
	bool was_refused;        /* a mode was refused: the target may be in its error state */
	struct sahara_pkt hello; /* the last one; all zero when it was never seen */
	bool has_held;
	struct sahara_pkt held;
	struct sahara_rx rx;
	struct buf early;
};

struct heard {
	enum sahara_front what; /* PACKET, FIREHOSE or STREAMING */
	struct sahara_pkt pkt;
};

/* "READ_DATA", or "0x4e" for what is not known. */
const char *sahara_cmd_text(uint32_t cmd, char room[16]);
/* `p` may be NULL. */
int sahara_cancel_check(const struct sahara *s, const struct progress *p,
			struct err *e) _must_check_;
/* What was received and not used belongs to the programmer. */
int sahara_early_keep(struct sahara *s, struct err *e) _must_check_;

/* The next packet, or the news that a programmer talks (its bytes are in `early` then). ERR_PROTO
 * for bytes that are neither. After a failure nothing half read is left behind. */
int sahara_hear(struct sahara *s, uint32_t ms, struct heard *h, struct err *e) _must_check_;
int sahara_say(struct sahara *s, const struct sahara_pkt *p, struct err *e) _must_check_;
int sahara_say_cmd(struct sahara *s, uint32_t cmd, struct err *e) _must_check_;
/* Answers HELLO. The version goes back as it came, as far as it is spoken here; a target whose
 * HELLO was lost is told 2, which every generation since MDM9x07 takes. */
int sahara_say_hello(struct sahara *s, enum sahara_mode mode, struct err *e) _must_check_;
int sahara_say_switch(struct sahara *s, enum sahara_mode mode, struct err *e) _must_check_;

/* Files a HELLO. ERR_UNSUPPORTED when the target speaks only later versions. */
int sahara_hello_take(struct sahara *s, const struct sahara_pkt *p, struct err *e) _must_check_;
/* HELLOs that queued up behind the first would each get an answer, and the second answer would be
 * taken for image data: only the last one counts. */
int sahara_hello_merge(struct sahara *s, struct err *e) _must_check_;
/* Files what was heard outside of a known sequence. *ret_settled is false for a packet that says
 * nothing about where the target stands. */
int sahara_settle(struct sahara *s, const struct heard *h, bool *ret_settled,
		  struct err *e) _must_check_;
/* From command mode, memory debug or the error state back to a fresh HELLO, or to a READ_DATA in
 * `held` where the target goes on without one. */
int sahara_start_over(struct sahara *s, struct err *e) _must_check_;

/* Is there no boot ROM to talk to any more? And the error that says so. */
bool sahara_is_running(const struct sahara *s);
int sahara_programmer_runs(const struct sahara *s, struct err *e) _must_check_;

#endif
