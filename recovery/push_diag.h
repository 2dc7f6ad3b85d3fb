/*
 * Changing what a running module holds, over DIAG: NV items and files of its file system. A list of
 * changes becomes a plan (what is there is looked at, nothing is changed), and the plan is executed: old
 * content kept first, then each change followed by reading back, then the commit to flash. The first
 * mismatch stops it.
 *
 * Items that hold identity or secrets (NV 550 and its kin, and their files) are refused here: they are
 * written only with a proof that they are the module's own.
 */
#ifndef SALVOR_RECOVERY_PUSH_DIAG_H
#define SALVOR_RECOVERY_PUSH_DIAG_H

#include "base/progress.h"
#include "proto/efs.h"
#include "proto/nv.h"
#include "recovery/plan.h"

enum push_kind {
	PUSH_NV,     /* write an NV item */
	PUSH_FILE,   /* create or replace a file or item file */
	PUSH_REMOVE, /* a file, item file, link or empty folder */
	PUSH_MKDIR,
};

struct push_change {
	enum push_kind kind;
	struct nv_ref ref;   /* PUSH_NV */
	const char *path;    /* of the others; borrowed */
	enum efs_type type;  /* PUSH_FILE: _FILE, _ITEM; _UNKNOWN = as it is, or as the place wants it */
	struct slice data;   /* PUSH_NV, PUSH_FILE; borrowed */
	bool pad;            /* PUSH_NV: fill up to 128 bytes with zeros, as the person asked for */
	const char *save_path; /* where the old content goes, a new file; NULL = it is not kept */

	/* Filled by push_diag_plan(). */
	char at[EFS_PATH_MAX + 1]; /* the path without double slashes, or the item's name */
	bool exists, same;         /* same: holds it already, nothing to do */
	struct efs_attr was;
	uint16_t was_len;          /* PUSH_NV: bytes of the item's file; 128 when nobody tells */
	char was_sha256[DIGEST_HEX_MAX], sha256[DIGEST_HEX_MAX];
	uint8_t nv_data[NV_DATA_LEN];
	/* By push_diag_apply(). */
	bool saved, done;
};

struct push_diag {
	struct efs *efs;
	struct nv *nv; /* NULL is fine without PUSH_NV */
	struct push_change *change;
	size_t n;
	struct progress *progress;
	bool changed; /* something was sent that changes storage */
	bool written; /* all was written; what failed is the verification or the commit */
};

/* ERR_POLICY for identity and secrets; ERR_MISMATCH for lengths, types and things that are in the way or
 * not there; ERR_USAGE for what makes no sense. */
int push_diag_plan(struct push_diag *push, struct plan *ret, struct err *e) _must_check_;
/* Executes exactly this plan. On failure push->changed and push->written say how far it came. */
int push_diag_apply(struct push_diag *push, const struct plan *plan, struct err *e) _must_check_;

#endif
