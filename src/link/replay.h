/*
 * Plays a log of record.h back. What is written is compared with what was written then; what was
 * read then is given, but never before everything that was written ahead of it has been written
 * again. How a side cuts its bytes into calls may differ; a write may come earlier than in the log
 * as far as reads are concerned (the skipped bytes stay readable). Nothing waits: a timeout comes
 * at once.
 */
#ifndef SALVOR_LINK_REPLAY_H
#define SALVOR_LINK_REPLAY_H

#include "link/link.h"

/* Reads the log (borrowed for the call). ERR_PROTO with the line number when it is not one. Writing
 * something else than the log says is ERR_MISMATCH with the place; reading past the end ERR_GONE.
 */
int replay_open(struct slice text, struct log *log, struct link **ret, struct err *e) _must_check_;
/* Bytes of the log that were not asked for, in both directions: 0 after a complete run. */
size_t replay_left(const struct link *l);

#endif
