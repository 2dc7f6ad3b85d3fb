/*
 * A decorator that misbehaves by a plan, the same way each time. The plan is a text of words
 * separated by commas; unknown words are refused:
 *
 *	seed=N           of the pseudo-random numbers (default 1)
 *	cut_at=N         after N bytes in both directions the far side falls silent: calls time out
 *	gone_at=N        after N bytes it leaves the bus; a write across N sends what is before it
 *	fail_op=N        the N-th call (1 = first) fails with ERR_LINK, nothing moved
 *	gone_op=N        the N-th call finds the device gone
 *	timeout_every=N  each N-th read times out; what was to be read comes with the next
 *	short_reads      reads give a random part of what the caller has room for
 *	flip=P           each byte read has one bit flipped with probability P ("0.001")
 *
 * Nothing waits: a made-up timeout comes at once.
 */
#ifndef SALVOR_LINK_FAULT_H
#define SALVOR_LINK_FAULT_H

#include "link/link.h"

/* Takes over `inner` (closed with this link). ERR_USAGE for a plan that cannot be read, with
 * `inner` untouched. */
int fault_open(struct link *inner, const char *plan, struct link **ret, struct err *e) _must_check_;
/* Calls of read and write so far: a loop over fail_op=1, 2, 3 ... ends when it is not reached. */
uint64_t fault_calls(const struct link *l);

#endif
