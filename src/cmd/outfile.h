/* Data of a verb, to a new file (0600, whole or not at all) or to standard output. */
#ifndef SALVOR_CMD_OUTFILE_H
#define SALVOR_CMD_OUTFILE_H

#include "base/fs.h"
#include "cmd/ctx.h"

struct outfile {
	struct sink *sink;
	struct fs_new file;
	struct fd_sink to_file;
	bool is_file;
};

/* "-" and NULL are standard output; see render_raw(). An existing file is not overwritten. */
int outfile_open(struct outfile *o, struct ctx *ctx, const char *path, struct err *e) _must_check_;
/* result < 0: throws away what was written, keeps `e`, and returns -1. */
int outfile_close(struct outfile *o, int result, struct err *e) _must_check_;

#endif
