/*
 * The gate before every change: shows the plan, ends there with --dry-run, asks. A change that
 * loses something for good (a calibration, an identity) needs its own word, typed; --yes answers
 * the ordinary question only. Without a terminal nothing is asked: it is a refusal (ERR_POLICY).
 */
#ifndef SALVOR_CMD_GUARD_H
#define SALVOR_CMD_GUARD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct render;

/* One step, as it will be done. Texts are borrowed; NULL where it does not apply. */
struct guard_step {
	const char *action; /* "erase", "write", "keep", "reboot" */
	const char *target; /* "efs2", "/nvm/num/550" */
	const char *where;  /* "lun 0 sectors 4096..6911" */
	uint64_t bytes;
	const char *sha256; /* of what is written */
};

struct guard_plan {
	const char *title; /* "restore efs2 of EC25EFA 1-1.4 from snapshot 7f3a" */
	const struct guard_step *step;
	size_t n_steps;
	const char *loss; /* what is lost for good, or NULL: "the calibration of this module" */
	const char *word; /* with `loss`: what must be typed, "erase-calibration" */
};

enum guard_verdict {
	GUARD_GO,
	GUARD_DRY_RUN, /* end here, successfully; nothing may be changed */
};

struct guard {
	struct render *render;
	bool yes, dry_run;
	const char *accept_loss; /* --accept-loss WORD, or NULL */
	FILE *in;                /* answers come from here */
	bool is_tty;             /* is `in` a person? */
	bool was_asked; /* the dispatcher checks that a verb which changes things came by */
};

int guard_ask(struct guard *g, const struct guard_plan *plan, enum guard_verdict *ret,
	      struct err *e) _must_check_;

#endif
