/*
 * A plan is the list of everything that will be done to a module's storage, with extents, sizes and
 * digests. It is made without changing anything, printed, agreed to, and then executed: that list
 * and nothing else.
 */
#ifndef SALVOR_RECOVERY_PLAN_H
#define SALVOR_RECOVERY_PLAN_H

#include "base/digest.h"
#include "base/err.h"
#include "model/place.h"

enum step_kind {
	STEP_SAVE, /* read and keep what is there */
	STEP_ERASE,
	STEP_PROGRAM,
	STEP_VERIFY, /* read back and compare */
	STEP_MKDIR,  /* in the modem's file system */
	STEP_SYNC,   /* commit the modem's file system to flash */
};

#define STEP_WHAT_MAX 272 /* a partition's name, "nv 550 index 1", or a path on the module */

struct step {
	enum step_kind kind;
	char what[STEP_WHAT_MAX];
	size_t of; /* which of several changes it belongs to */
	struct extent at;
	uint64_t bytes;              /* of data moved; 0 for an erase */
	uint64_t file_off;           /* PROGRAM: where its bytes begin in the input */
	char sha256[DIGEST_HEX_MAX]; /* of the input, where there is one */
	char note[96];               /* for people; may be empty */
};

struct plan {
	struct step *step;
	size_t n, cap;
};

int plan_add(struct plan *p, const struct step *s, struct err *e) _must_check_;
void plan_fini(struct plan *p);
const char *step_kind_name(enum step_kind k);
/* Would executing it change the module's storage? */
bool plan_changes_storage(const struct plan *p);

#endif
