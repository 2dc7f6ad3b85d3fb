/*
 * Inside a Firehose session. Its files:
 *   firehose.c        open, configure, what the session knows
 *   firehose_talk.c   commands out, documents and payload in, log lines, errors in the target's
 * words firehose_info.c   storage info, bad blocks, sector size firehose_read.c   read, digest,
 * nop, power firehose_write.c  what changes the storage
 *
 * The order of one command is always: settle (drop what is left over), send, wait for the answer,
 * payload, wait for the closing answer. A command that leaves this order sets `unsettled` or
 * `lost`, so that the next one knows.
 */
#ifndef SALVOR_PROTO_FIREHOSE_PRIV_H
#define SALVOR_PROTO_FIREHOSE_PRIV_H

#include "base/clock.h"
#include "proto/firehose.h"
#include "wire/firehose_log.h"
#include "wire/firehose_rx.h"
#include "wire/firehose_xml.h"

#define FH_TAG "firehose"

/* Timeouts in ms, before scaling; the reference's suggestions. */
enum {
	FH_MS_BANNER = 5000,
	FH_MS_BANNER_QUIET = 1000,
	FH_MS_CONFIGURE = 5000,
	FH_MS_XML_WRITE = 5000,
	FH_MS_SETUP = 10000,
	FH_MS_CHUNK_WRITE = 15000,
	FH_MS_PROGRAM_FINAL = 120000,
	FH_MS_READ_DATA = 30000,
	FH_MS_READ_FINAL = 10000,
	FH_MS_ERASE = 60000,
	FH_MS_ERASE_MAX = 180000,
	FH_MS_SHORT = 10000, /* patch, power, bootable, nop */
	FH_MS_STORAGE_INFO = 30000,
	FH_MS_DIGEST = 30000,
	FH_MS_POWER_QUIET = 1000,
	FH_MS_RESYNC_QUIET = 300,
};

#define FH_RX_ROOM              (256u * 1024) /* one transfer of the receive side */
#define FH_PUT_MAX              (64u * 1024)
#define FH_READ_BYTES           (16u * 1024 * 1024) /* of one read command */
#define FH_LOG_LINES            20
#define FH_LOG_ROOM             4096
#define FH_LINE_MAX             512 /* of a line that is kept */
#define FH_TAIL_ROOM            4096
#define FH_MAX_BAD              8192
#define FH_MAX_PAYLOAD          (1024u * 1024)
#define FH_NAND_PAYLOAD         8192u
#define FH_NAND_PAGES_PER_BLOCK 64u

struct firehose {
	struct link *link;
	struct log *log;
	struct firehose_opts opts;
	enum firehose_family family;

	uint8_t *rx_buf;      /* FH_RX_ROOM bytes */
	struct slice rx_rest; /* received, not consumed */
	struct firehose_rx rx;
	struct firehose_doc doc; /* being gone through; empty when none is */
	uint8_t *tail; /* FH_TAIL_ROOM: the last bytes received as payload, to find an answer in */
	size_t tail_n;
	uint8_t *tx_buf; /* one raw chunk, made by the first program */
	size_t tx_cap;
	unsigned broken_seen; /* rx.broken that were logged */

	/* Functions: bits of enum firehose_fn. */
	unsigned listed;
	bool in_list, list_done;

	char last_log[FH_LOG_ROOM]; /* the last lines, oldest first */
	unsigned log_lines;
	unsigned cmd_lines; /* of these, since the command began */
	uint64_t lines_seen;

	/* Collected from log lines; the caller clears before a command what it waits for. */
	unsigned hints;                   /* bits of enum firehose_hint, since the command began */
	uint64_t hint_value;              /* of the last hint with a number */
	struct firehose_storage *collect; /* getstorageinfo is running */
	struct firehose_storage storage;
	uint8_t digest[32];
	bool has_digest;
	uint64_t chip_serial;

	uint32_t *bad; /* sorted */
	size_t bad_n, bad_cap;

	const char *memory_name; /* in force; NULL before configure */
	uint32_t payload, max_xml;
	struct geometry geo; /* sector_size 0 = not known yet */
	bool geo_known;

	unsigned changes;
	bool programming; /* the last command was a write */
	bool unsettled;   /* an answer may still come: drain and ask before the next command */
	bool lost;        /* the target waits for bytes that will not come */
	bool left;        /* it was told to leave the bus */
};

/* ms scaled by the option. */
uint32_t fh_ms(const struct firehose *f, uint32_t ms);

/* firehose_talk.c */

/* Makes the session ready for a command: nothing pending, nothing stale. */
int fh_settle(struct firehose *f, struct err *e) _must_check_;
/* What a command does to the storage. */
enum fh_effect { FH_READS, FH_CHANGES, FH_PROGRAMS /* and takes data after its first answer */ };
/* Settles and sends a document that a writer of wire/ built; `built` is the writer's result. */
int fh_send(struct firehose *f, enum fh_effect effect, int built, const struct writer *w,
	    struct err *e) _must_check_;
/* The next answer; log lines on the way are collected. ms is the longest silence; a target that
 * keeps talking gets eight times that. ERR_TIMEOUT leaves the session unsettled. */
int fh_answer(struct firehose *f, uint32_t ms, struct firehose_response *ret,
	      struct err *e) _must_check_;
/* Sends, waits and demands an ACK without payload. */
int fh_command(struct firehose *f, enum fh_effect effect, int built, const struct writer *w,
	       uint32_t ms, struct err *e) _must_check_;
/* Looks at what is there without waiting. *ret_answered tells whether it was an answer. */
int fh_poll(struct firehose *f, uint32_t ms, bool *ret_answered, struct firehose_response *ret,
	    struct err *e) _must_check_;
/* The next piece of announced payload; borrowed until the next call. */
int fh_raw(struct firehose *f, uint32_t ms, struct slice *ret, struct err *e) _must_check_;
/* The next item that is there already or comes in `ms`. ERR_TIMEOUT otherwise. */
int fh_item(struct firehose *f, uint32_t ms, struct firehose_item *ret, struct err *e) _must_check_;
/* ERR_REFUSED with the target's own last lines. */
int fh_refused(struct firehose *f, struct err *e);
/* Adds the target's own last lines, if it said anything since the command began. */
void fh_append_log(struct firehose *f, struct err *e);
/* After payload stopped short: looks for the answer that came in its place. */
bool fh_answer_in_tail(struct firehose *f, struct firehose_response *ret);
/* Drops buffered input, framer state and everything that still arrives. */
void fh_drain(struct firehose *f, uint32_t quiet_ms, uint32_t max_ms);
bool fh_hinted(const struct firehose *f, enum firehose_hint hint);
int fh_note_bad(struct firehose *f, uint32_t block, struct err *e) _must_check_;
int fh_check_cancel(const struct firehose *f, const struct progress *p, struct err *e) _must_check_;

/* firehose_info.c */

/* Makes sure that sector size and block size are known. */
int fh_need_geometry(struct firehose *f, struct err *e) _must_check_;
/* The extent as a range in the storage's units, checked against its size when that is known. */
int fh_range(struct firehose *f, const struct extent *x, struct firehose_range *ret,
	     uint64_t *ret_bytes, struct err *e) _must_check_;

/* firehose_read.c: one read command of at most FH_READ_BYTES. `to` may be NULL. */
int fh_read_once(struct firehose *f, const struct firehose_range *r, struct sink *to,
		 struct progress *p, uint64_t done_before, struct err *e) _must_check_;

#endif
