/* The verbs on a module's file system, as far as they can look into a dump instead (--image). */
#ifndef SALVOR_CMD_EFS_IMAGE_H
#define SALVOR_CMD_EFS_IMAGE_H

#include "cmd/efs_show.h"
#include "cmd/image_file.h"

/* Suffixes of what is not a whole, proven file. '%' appears in names of an image only as %25, so
 * no file of the module can bear such a name. */
#define IMAGE_SUFFIX_PARTIAL    "%.partial"
#define IMAGE_SUFFIX_UNVERIFIED "%.unverified"
#define IMAGE_SUFFIX_LINK       "%.link"

/* The words that the live verbs use. */
const char *efs_image_type(enum efs2_type t);

int efs_image_ls(struct ctx *ctx, const struct parsed *p, struct err *e) _must_check_;
int efs_image_tree(struct ctx *ctx, const struct parsed *p, struct err *e) _must_check_;
int efs_image_get(struct ctx *ctx, const struct parsed *p, struct err *e) _must_check_;
int efs_image_stat(struct ctx *ctx, const struct parsed *p, struct err *e) _must_check_;
/* info --image */
int info_image(struct ctx *ctx, const struct parsed *p, struct err *e) _must_check_;

/* How verbs on an image end besides 0, 1, 2 and 130. */
#define EXITS_IMAGE                                                                                \
	(EXITS_ALL | EXITS(STATUS_UNTOUCHED) | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_INCOMPLETE))

#endif
