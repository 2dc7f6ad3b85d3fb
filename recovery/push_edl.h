/*
 * Writing one partition of a module in EDL: what is to be written is proven first, what is there is
 * kept, and what was written is read back. Nothing here asks a person; src/cmd shows the plan.
 *
 * NAND rules (docs/protocols.md, "writing NAND"): pages that are erased in the input stay erased,
 * so a block is programmed up to its last data page only: firmware that finds a programmed page
 * full of 0xFF in efs2 dies with "Ran out of good blocks". EFS2 places matter, so its blocks are
 * erased, programmed and read back one by one, and any word of a bad block stops the run. Other
 * partitions are read by loaders that skip bad blocks, so their data must go out as one stream per
 * run of full blocks.
 */
#ifndef SALVOR_RECOVERY_PUSH_EDL_H
#define SALVOR_RECOVERY_PUSH_EDL_H

#include "base/progress.h"
#include "image/blockmap.h"
#include "model/geometry.h"
#include "proto/firehose.h"
#include "recovery/plan.h"

/* A file to be written, opened, sized and hashed before the module leaves normal mode. */
struct push_input {
	char *path;
	int fd;
	uint64_t size;
	char sha256[DIGEST_HEX_MAX];
	bool has_map; /* a block map lies beside it and says whether the dump is whole */
	bool map_restorable;
	uint8_t filler;
};

/* ERR_MISMATCH for an empty file; ERR_INTEGRITY when the block map beside it belongs to other
 * bytes; ERR_HOST when it cannot be read to its end. */
int push_input_open(struct push_input *in, const char *path, struct progress *p,
		    struct err *e) _must_check_;
void push_input_close(struct push_input *in);
/* Does the file still hold the bytes that were hashed? ERR_INTEGRITY when not. Between the first look
 * and the first erase lie a person's answer and the reading of what is kept. */
int push_input_check(const struct push_input *in, struct err *e) _must_check_;

struct push {
	struct firehose *fh;
	const struct geometry *geometry;
	struct place place;
	struct push_input *input; /* NULL: erase only */
	const char *save_path;    /* where the old content goes; NULL: not saved (the caller has a
				     reason) */
	bool allow_fuses;
	struct progress *progress;
	/* Told before the first command that changes storage (changed is set) and before the reading
	 * back (written is set too); may be NULL. */
	void (*on_phase)(void *ctx, const struct push *push);
	void *on_phase_ctx;
	/* filled while running */
	struct blockmap map; /* of the input, on NAND */
	char saved_sha256[DIGEST_HEX_MAX];
	bool changed; /* something was sent that changes storage */
	bool written; /* all was written; what failed is the verification */
};

/* Checks the input against the place and makes the list of steps. Changes nothing. ERR_POLICY for
 * fuse partitions, ERR_MISMATCH for sizes and geometry, ERR_INTEGRITY for dumps that are not whole.
 */
int push_plan(struct push *push, struct plan *ret, struct err *e) _must_check_;
/* Executes exactly this plan. On failure push->changed and push->written say how far it came. */
int push_apply(struct push *push, const struct plan *plan, struct err *e) _must_check_;
void push_fini(struct push *push);

/* Compares the place with a file without writing: 0 equal, ERR_INTEGRITY with the first difference.
 * On NAND pages that are erased in the file may read as 0xFF or filler. */
int push_verify(struct push *push, struct err *e) _must_check_;

#endif
