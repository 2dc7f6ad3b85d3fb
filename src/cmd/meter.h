/*
 * Progress of transfers on stderr, and on --progress-fd. On a tty one line that is redrawn,
 * otherwise a plain line now and then. A thread of its own watches the clock, because the one that
 * moves bytes is asleep exactly when there is something to say: "no data for 30 s".
 *
 * The thread starts with the first transfer and not before, so a process may fork until then. All
 * writing to stderr goes through here, so that lines and the meter do not mix.
 */
#ifndef SALVOR_CMD_METER_H
#define SALVOR_CMD_METER_H

#include "base/err.h"
#include "base/progress.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

struct meter {
	struct progress progress; /* first member; what the movers call */
	FILE *err;
	bool tty, quiet;
	int fd;                /* --progress-fd, or -1 */
	uint32_t heartbeat_ms; /* silence after which we speak */

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t wake;
	pthread_t thread;
	bool has_thread, stop;
	bool active, on_screen, is_silent;
	char what[128];
	uint64_t total, done;
	uint64_t start_ms, data_ms, drawn_ms, sent_ms;
};

int meter_init(struct meter *m, FILE *err, bool tty, bool quiet, int fd, uint32_t heartbeat_ms,
	       const struct cancel *cancel, struct err *e) _must_check_;
void meter_fini(struct meter *m);
/* A whole line to stderr; NULL only takes the meter off the screen. */
void meter_say(struct meter *m, const char *line);

/* The meter's line at a time, without cursor movement: "efs2  3.1 MiB of 11.0 MiB  28%  ...". */
void meter_line(const struct meter *m, uint64_t now_ms, char *out, size_t n);

#endif
