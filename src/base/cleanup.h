/* Scope-bound release: `_cleanup_free_ char *s`, and steal_ptr() to hand ownership on. */
#ifndef SALVOR_BASE_CLEANUP_H
#define SALVOR_BASE_CLEANUP_H

#include "base/attr.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_   _cleanup_(cleanup_freep)
#define _cleanup_close_  _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)

/* Returns the pointer and forgets it, so that the cleanup attribute has nothing to release. */
#define steal_ptr(pp)                                                                              \
	({                                                                                         \
		__typeof__(*(pp)) sp_ = *(pp);                                                     \
		*(pp) = NULL;                                                                      \
		sp_;                                                                               \
	})

#define steal_fd(fdp)                                                                              \
	({                                                                                         \
		int sf_ = *(fdp);                                                                  \
		*(fdp) = -1;                                                                       \
		sf_;                                                                               \
	})

#endif
