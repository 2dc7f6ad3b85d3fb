/* What `verify` looks at beyond digests: whether items parse, and what a module on the cable says. */
#ifndef SALVOR_CMD_SNAPCHECK_H
#define SALVOR_CMD_SNAPCHECK_H

#include "backup/verify.h"
#include "cmd/ctx.h"
#include "cmd/opts.h"

/* Raw EFS2 images and QPST files. */
const struct verify_check *snapcheck_all(size_t *ret_n);

/* Is the module on the cable the one of this snapshot (ERR_MISMATCH when not), and which items does it
 * give differently (a table, and ERR_INTEGRITY)? NV items and files while its firmware runs, partitions
 * in EDL. */
int snapcheck_against(struct ctx *ctx, const struct parsed *p, const struct manifest *m,
		      struct err *e) _must_check_;

#endif
