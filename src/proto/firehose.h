/*
 * Firehose: XML commands and raw data with the programmer that Sahara loaded. This header can only
 * read; what changes a module's storage is in firehose_write.h, which only recovery/ includes.
 */
#ifndef SALVOR_PROTO_FIREHOSE_H
#define SALVOR_PROTO_FIREHOSE_H

#include "base/log.h"
#include "base/progress.h"
#include "base/stream.h"
#include "link/link.h"
#include "model/extent.h"
#include "model/geometry.h"

struct firehose;

enum firehose_fn {
	FIREHOSE_PROGRAM,
	FIREHOSE_READ,
	FIREHOSE_ERASE,
	FIREHOSE_PATCH,
	FIREHOSE_GETSTORAGEINFO,
	FIREHOSE_GETSHA256DIGEST,
	FIREHOSE_POWER,
	FIREHOSE_NOP,
	FIREHOSE_SETBOOTABLE,
};

/* The two generations of programmers; everything that differs hangs on this. */
enum firehose_family { FIREHOSE_FAMILY_UNKNOWN, FIREHOSE_FAMILY_A /* MDM9x07 */, FIREHOSE_FAMILY_B };

struct firehose_opts {
	struct log *log;
	enum storage_type storage;  /* STORAGE_UNKNOWN = ask the target, try nand, emmc, ufs */
	struct slice early;         /* bytes already read from the link (copied) */
	uint32_t timeout_scale_pct; /* 100 = as built; 0 counts as 100 */
	bool skip_storage_init;
	bool only_power;            /* no configure: to reset a programmer that refuses it */
	bool has_answered;          /* it answered a command already: its boot log is over */
	enum link_zlp zlp;          /* set on the link for the whole session; OFF also tells the target */
	const struct cancel *cancel;
	/* Called for every log line of the programmer; may be NULL. */
	void (*on_log)(void *ctx, const char *line);
	void *ctx;
};

/* Drains the boot log, negotiates configure both ways. ERR_UNSUPPORTED for VIP programmers. */
int firehose_open(struct link *link, const struct firehose_opts *opts, struct firehose **ret,
		  struct err *e) _must_check_;
void firehose_close(struct firehose *f); /* NULL is fine; sends nothing */

enum firehose_family firehose_family(const struct firehose *f);
/* Did the programmer list this function? Programmers that listed nothing: true for the basic ones. */
bool firehose_can(const struct firehose *f, enum firehose_fn fn);
/* Payload in force, bytes per raw chunk. */
uint32_t firehose_payload(const struct firehose *f);
/* The programmer's last log lines, oldest first, separated by newlines; borrowed. */
const char *firehose_last_log(const struct firehose *f);
/* Chip serial from the banner, 0 when it did not say. */
uint64_t firehose_chip_serial(const struct firehose *f);

/* Storage type, sector size, erase block. The session remembers it for read/program/erase.
 * Falls back to probing reads where getstorageinfo is missing or mute (firehose facts, sector size). */
int firehose_storage_info(struct firehose *f, struct geometry *ret, struct err *e) _must_check_;

struct firehose_bad_blocks {
	bool available;   /* false on family B: "not available", which is not "none" */
	uint32_t *block;  /* malloced */
	size_t n;
};
/* What getstorageinfo listed and what log lines reported since. */
int firehose_bad_blocks(struct firehose *f, struct firehose_bad_blocks *ret, struct err *e) _must_check_;
void firehose_bad_blocks_fini(struct firehose_bad_blocks *b);

/* Reads exactly the extent into the sink, by commands of at most 16 MiB each, so that giving up is
 * quick. All announced bytes are consumed even when the target or the sink fails in the middle; a
 * closing NAK makes it ERR_REFUSED, however many bytes came. Puts to the sink in pieces of at most
 * 64 KiB, straight from the receive buffer. */
int firehose_read(struct firehose *f, const struct extent *x, struct sink *to, struct progress *p,
		  struct err *e) _must_check_;
/* SHA-256 of the extent by the programmer itself. ERR_UNSUPPORTED where it has no such function. */
int firehose_sha256(struct firehose *f, const struct extent *x, uint8_t ret[32], struct err *e)
	_must_check_;
int firehose_nop(struct firehose *f, struct err *e) _must_check_;

enum firehose_power { FIREHOSE_POWER_RESET, FIREHOSE_POWER_OFF, FIREHOSE_POWER_RESET_TO_EDL };
/* Acknowledged, log drained, and then the module leaves the bus: a target that vanishes while
 * answering is success. */
int firehose_power(struct firehose *f, enum firehose_power what, struct err *e) _must_check_;

/* 0-based count of commands sent, by kind, so that a caller can prove "nothing was changed". */
unsigned firehose_changes_sent(const struct firehose *f); /* erase, program, patch, bootable */

#endif
