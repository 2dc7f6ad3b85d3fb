/* A link inside the process: the far side is a few callbacks, so that an emulated module or a test
 * can stand there. It behaves like USB: transfers, packets, empty packets. */
#ifndef SALVOR_LINK_MEM_H
#define SALVOR_LINK_MEM_H

#include "link/link.h"

#include <sys/types.h>

struct mem_far {
	/* One OUT transfer; n == 0 is an empty packet. 0, or a negative errno: -EAGAIN (not now),
	 * -ENODEV, -EPROTO, -ESHUTDOWN (left), -EPIPE (stall), others a failed transfer. */
	int (*out)(void *arg, const void *p, size_t n);
	/* One IN transfer of at most cap bytes, cap being a multiple of the packet size. > 0 bytes,
	 * 0 for an empty packet, or a negative errno as above; -EAGAIN = nothing to send. */
	ssize_t (*in)(void *arg, void *p, size_t cap);
	/* Lets at most `ms` (never 0) pass until something may have changed; returns how much
	 * passed, 0 when nothing will ever change. NULL: the far side only reacts, so -EAGAIN times
	 * out at once. */
	uint32_t (*idle)(void *arg, uint32_t ms);
	/* The halt of both endpoints was cleared. May be NULL. */
	void (*recovered)(void *arg);
	/* The link was closed. May be NULL. */
	void (*closed)(void *arg);
	void *arg;
	uint32_t max_packet; /* 512, 1024; 0 = a byte stream without packets, like a tty */
};

/* `far` is copied; what `arg` points to belongs to the caller and outlives the link. */
int mem_open(const struct mem_far *far, const char *desc, struct log *log, struct link **ret,
	     struct err *e) _must_check_;

#endif
