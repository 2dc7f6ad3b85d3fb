/*
 * Sahara: the boot ROM's packet protocol. One session on one link, from "is anybody there" to "the
 * programmer runs". Facts: docs/protocols.md, section Sahara.
 */
#ifndef SALVOR_PROTO_SAHARA_H
#define SALVOR_PROTO_SAHARA_H

#include "base/log.h"
#include "base/progress.h"
#include "link/link.h"
#include "model/chip_id.h"

struct sahara;

/* What answered on the link. */
enum sahara_state {
	SAHARA_WAITING,   /* HELLO seen with mode 0: wants an image */
	SAHARA_MEM_DEBUG, /* HELLO seen with mode 2: a crashed module offers its memory */
	SAHARA_COMMAND,   /* HELLO seen with mode 3 */
	SAHARA_FIREHOSE,  /* no Sahara: a Firehose programmer already runs; `early` holds its bytes */
	SAHARA_STREAMING, /* no Sahara: a streaming (NPRG/ENPRG) programmer already runs */
	SAHARA_RUNNING,   /* sahara_upload() started its image; `early` holds what it said since */
};

struct sahara_opts {
	struct log *log;              /* may be NULL */
	bool may_probe;               /* may write to a silent device (never for Sierra, 1199:*) */
	bool may_reset;               /* the last rung: RESET, which may boot the module normally */
	uint32_t hello_ms;            /* longest single wait of the ladder; 0 = 2000 */
	uint32_t packet_ms;           /* every other packet; 0 = 5000 */
	enum link_zlp zlp;            /* after image data that fills its last packet */
	const struct cancel *cancel;  /* may be NULL */
};

/* Opens the session: reads what is there and climbs the resynchronising ladder if nothing is.
 * The link stays the caller's. ERR_TIMEOUT with the ladder's story when nobody answers; ERR_GONE with
 * code 1 after a RESET that the target acknowledged (look for it on the bus again). */
int sahara_open(struct link *link, const struct sahara_opts *opts, struct sahara **ret, struct err *e)
	_must_check_;
void sahara_close(struct sahara *s); /* NULL is fine; sends nothing */
enum sahara_state sahara_state(const struct sahara *s);
/* Bytes that were read and belong to whatever protocol comes next (a Firehose banner). Borrowed. */
struct slice sahara_early(const struct sahara *s);

/* Asks the chip who it is, in command mode, and comes back to SAHARA_WAITING. Each value that the
 * target refuses stays "not told". ERR_UNSUPPORTED when it has no command mode; the session is
 * usable afterwards unless the kind is ERR_LINK, ERR_GONE or ERR_TIMEOUT. */
int sahara_identify(struct sahara *s, struct chip_id *ret, struct err *e) _must_check_;

/* Leaves the boot ROM with a fresh HELLO waiting for whoever opens it next. A target says HELLO once, so
 * a program that read it and went away makes the module look dead to the next one. By way of command
 * mode, whose end makes the target say HELLO again; nothing is done where that is not possible. The
 * session can only be closed afterwards. */
int sahara_park(struct sahara *s, struct err *e) _must_check_;

/* One image the host can give. */
struct sahara_image {
	/* Exactly n bytes from `off`; the session has checked off + n <= size. */
	int (*read_at)(struct sahara_image *, uint64_t off, void *p, size_t n, struct err *);
	uint64_t size;
	char name[64]; /* for messages */
};
struct sahara_images {
	/* The image for this id, or NULL with e filled: the session then resets the target. Called once
	 * each time the target turns to an id. Owned by the provider. */
	struct sahara_image *(*for_id)(struct sahara_images *, uint64_t image_id, struct err *);
	/* How many different images the provider has: decides whether DONE_RESP 0 is the end. */
	unsigned count;
};
/* Serves READ_DATA and READ_DATA64 until the programmer runs: SAHARA_RUNNING, or SAHARA_FIREHOSE or
 * SAHARA_STREAMING when it turns out that one was running already and nothing of ours was started. A
 * target in memory debug or command mode is told mode 0 first. A target that asks for an image that
 * does not exist, or past its end (ERR_MISMATCH), is reset. ERR_REFUSED with code = END_OF_IMAGE
 * status and its meaning in words; ERR_REFUSED code 0x25 also for the silence after the last segment
 * that secure boot shows. */
int sahara_upload(struct sahara *s, struct sahara_images *images, struct progress *p, struct err *e)
	_must_check_;

/* RESET and wait for RESET_RESP; the module leaves the bus. Also the way out of memory debug. */
int sahara_reset(struct sahara *s, struct err *e) _must_check_;

/* "hash table authentication failed (secure boot: the programmer is signed for another chip)". */
const char *sahara_status_text(uint32_t status);

#endif
