/*
 * Exit statuses: an interface that scripts are written against. One table, read by the dispatcher,
 * `salvor help`, the shell completion and the check of the manual. Statuses are only ever added; a
 * caller treats one that it does not know as a failure.
 */
#ifndef SALVOR_CMD_EXIT_H
#define SALVOR_CMD_EXIT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* this computer, or a bug of ours */
	STATUS_USAGE = 2,
	STATUS_NODEV = 3,
	STATUS_BUSY = 4,
	STATUS_UNTOUCHED = 5,  /* refused in preflight: the module is as it was */
	STATUS_MIDWRITE = 6,   /* failed while writing; can be resumed */
	STATUS_POLICY = 7,     /* identity or policy refusal */
	STATUS_UNVERIFIED = 8, /* written, but what was read back differs */
	STATUS_INCOMPLETE = 9, /* a backup with something missing */
	STATUS_CATALOG = 10,   /* catalogue missing or locked */
	STATUS_KEY = 11,       /* wrong key */
	STATUS_LINK = 12,      /* the conversation failed; nothing was written */
	STATUS_INTERRUPTED = 130,
};

/* What the verb is doing; it keeps ctx->phase true, because the same broken cable means "nothing
 * happened" before the first write and "resume me" after it. */
enum phase {
	PHASE_START,     /* nothing with a module yet, or reading it only */
	PHASE_PREFLIGHT, /* looking at the inputs of a change; the module is untouched */
	PHASE_WRITE,     /* from the first command that changes storage to the last */
	PHASE_VERIFY,    /* all written; reading back, or comparing a snapshot with its digests */
	PHASE_CATALOG,   /* talking to the catalogue */
	PHASE_KEY,       /* opening something encrypted */
};
#define PHASE_N 6

/* For the rows' `exits`: how a verb can end besides 0, 1, 2 and 130, which all can. */
#define EXITS(status) (1u << (status))
#define EXITS_ALL     (EXITS(STATUS_OK) | EXITS(STATUS_FAILED) | EXITS(STATUS_USAGE))

struct exit_row {
	enum status status;
	const char *name;    /* stable word for JSON: "untouched" */
	const char *meaning; /* for help and the manual */
	const char *state; /* what became of the module, said after an error; NULL = say nothing */
	const char *next;  /* default next step, or NULL */
};

enum status exit_of(enum err_kind kind, enum phase phase);
/* NULL for a status that is not in the table. */
const struct exit_row *exit_row(enum status status);
/* In ascending order; NULL past the end. */
const struct exit_row *exit_row_at(size_t i);
/* Can a verb whose row has `exits` end with this status? */
bool exit_is_listed(unsigned exits, enum status status);

#endif
