/* Where log lines go: stderr as far as -v asks for, and everything to --log FILE, each line with
 * monotonic and wall time (a router's clock may stand in 1970, so order never depends on it). */
#ifndef SALVOR_CMD_LOGSINK_H
#define SALVOR_CMD_LOGSINK_H

#include "base/err.h"
#include "base/log.h"

#include <stdint.h>

struct render;

struct logsink {
	struct log log;
	struct render *render; /* stderr goes through it */
	enum log_level stderr_level;
	int quiet; /* only warnings on stderr */
	int fd;    /* -1 without --log */
	uint64_t start_ms;
};

/* verbose: 0 = warnings, 1 = info, 2 = debug, 3 = trace. `path` may be NULL; an existing file is
 * appended to, a new one is made 0600 because traces hold identities. */
int logsink_open(struct logsink *s, struct render *r, const char *path, unsigned verbose,
		 struct err *e) _must_check_;
void logsink_close(struct logsink *s);

#endif
