/* A request to stop, set from a signal handler and looked at between steps. */
#ifndef SALVOR_BASE_CANCEL_H
#define SALVOR_BASE_CANCEL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct cancel {
	volatile sig_atomic_t signal; /* 0, or the signal's number */
};

static inline bool cancel_is_set(const struct cancel *c)
{
	return c != NULL && c->signal != 0;
}

#endif
