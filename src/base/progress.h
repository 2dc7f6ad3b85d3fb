/* Progress of a long transfer. Whoever moves bytes calls it; src/cmd/render.c draws it. */
#ifndef SALVOR_BASE_PROGRESS_H
#define SALVOR_BASE_PROGRESS_H

#include "base/cancel.h"

#include <stdint.h>

struct progress {
	/* A new thing of `total` bytes (0 when unknown) begins; `what` is borrowed for the call. */
	void (*begin)(struct progress *, const char *what, uint64_t total);
	void (*step)(struct progress *, uint64_t done);
	void (*end)(struct progress *, bool ok);
	/* May be NULL; the mover looks at it between chunks and fails with ERR_CANCELLED. */
	const struct cancel *cancel;
};

static inline void progress_begin(struct progress *p, const char *what, uint64_t total)
{
	if (p && p->begin)
		p->begin(p, what, total);
}
static inline void progress_step(struct progress *p, uint64_t done)
{
	if (p && p->step)
		p->step(p, done);
}
static inline void progress_end(struct progress *p, bool ok)
{
	if (p && p->end)
		p->end(p, ok);
}
static inline bool progress_cancelled(const struct progress *p)
{
	return p && cancel_is_set(p->cancel);
}

#endif
