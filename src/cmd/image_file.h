/* A raw dump in a file, opened for reading as a file system. */
#ifndef SALVOR_CMD_IMAGE_FILE_H
#define SALVOR_CMD_IMAGE_FILE_H

#include "cmd/ctx.h"
#include "cmd/opts.h"
#include "image/dumpmap.h"
#include "image/efs2.h"

/* To be listed in the verb's own options. */
/* clang-format off */
#define IMAGE_OPTS                                                                                 \
	{ .name = "image", .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE",                      \
	  .help = "look into this raw dump instead of a module" }
/* clang-format on */

struct image_file {
	struct efs2_reader reader;
	int fd;
	char *path;
	uint64_t block_bytes; /* of the block map; 0 = there is none */
	struct dumpmap map;
};

/* Opens the file and the block map FILE.map beside it, if there is one: what the map calls bad or
 * unread is missing from then on. ERR_MISMATCH when the map belongs to other bytes. */
int image_file_open(struct image_file *f, const char *path, struct err *e) _must_check_;
void image_file_close(struct image_file *f);

/* The file and the file system in it. */
struct image {
	struct image_file file;
	struct efs2 *fs;
};
/* What --image names. A file that is no EFS2, or one that cannot be read, is ERR_UNSUPPORTED. */
int image_open(struct image *im, const struct parsed *p, struct err *e) _must_check_;
void image_close(struct image *im);

/* A path of the image. What is not there is ERR_MISMATCH: no conversation has failed. */
int image_stat(struct image *im, const char *path, struct efs2_stat *ret,
	       struct err *e) _must_check_;

/* How many files fell short of "ok", and the error that follows from it at the end of a verb. */
struct image_tally {
	uint64_t seen, unverified, partial, unreadable;
};
void image_tally_add(struct image_tally *t, enum efs2_verdict v);
/* 0 when all are ok, else ERR_PARTIAL (something is missing) or ERR_INTEGRITY (something is there
 * but not proven). */
int image_tally_end(const struct image_tally *t, struct err *e) _must_check_;

#endif
