/* What the `efs` verbs share. */
#ifndef SALVOR_CMD_EFS_H
#define SALVOR_CMD_EFS_H

#include "cmd/ctx.h"
#include "cmd/opts.h"
#include "device/normal.h"

#define EFS_EXITS_READ                                                                             \
	(EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |          \
	 EXITS(STATUS_LINK))

/* Finds the module and opens its file system. After a failure there is nothing to close. */
int efs_verb_open(struct ctx *ctx, const struct parsed *p, struct normal *m, struct err *e) _must_check_;
/* "file", "item", "dir", "link". */
const char *efs_type_word(enum efs_type t);
/* A path that no module takes is a wrong command line. */
int efs_check_paths(const struct parsed *p, unsigned from, struct err *e) _must_check_;

#endif
