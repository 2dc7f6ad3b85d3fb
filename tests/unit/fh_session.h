/* What the Firehose session tests share: opening a session with the fake target, and moving bytes.
 */
#ifndef SALVOR_TESTS_FH_SESSION_H
#define SALVOR_TESTS_FH_SESSION_H

#include "base/cancel.h"
#include "base/stream.h"
#include "proto/firehose.h"
#include "tests/unit/fh_device.h"

struct probe_sink {
	struct sink sink;
	struct buf buf;
	size_t largest;
	uint64_t fail_at;      /* fails once so many bytes came; 0 = never */
	struct cancel *cancel; /* set by the first bytes */
};

void sink_init(struct probe_sink *k);
int open_with(struct fh_device *d, enum storage_type storage, struct firehose **f, struct err *e);
struct firehose *open_ok(struct fh_device *d);
void read_equals_flash(struct fh_device *d, struct firehose *f, uint64_t start, uint64_t count);
int program(struct firehose *f, const struct extent *x, const void *p, size_t n, struct err *e);

#endif
