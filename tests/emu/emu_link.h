/*
 * The in-process face: a struct link over one interface of an emulated module, for unit, flow and
 * fuzz tests. Packet borders and zero-length packets are kept. Time is virtual unless asked
 * otherwise: a read that finds nothing moves the module's clock to its next event, so nothing sleeps.
 */
#ifndef SALVOR_EMU_LINK_H
#define SALVOR_EMU_LINK_H

#include "tests/emu/emu.h"

#include "base/err.h"
#include "link/link.h"

/* The clock that several links of one module share; zero-initialised it is virtual and starts at 0. */
struct emu_time {
	uint64_t now_ms;
	bool real; /* follow base/clock and sleep */
};

enum emu_link_face {
	EMU_LINK_USB,    /* packets, zero-length packets */
	EMU_LINK_STREAM, /* a tty or socket: no borders, no zero-length packets */
};

/* Claims the interface of what is on the bus now; ERR_NODEV when nothing is. The module and the clock
 * stay the caller's and must outlive the link. */
int emu_link_open(struct link **ret, struct emu *m, struct emu_time *t, unsigned iface,
		  enum emu_link_face face, struct err *e) _must_check_;
/* Lets time pass until the module is on the bus in `mode` (or, with EMU_OFF, until it has left).
 * ERR_TIMEOUT after max_ms. */
int emu_wait_mode(struct emu *m, struct emu_time *t, enum emu_mode mode, uint32_t max_ms,
		  struct err *e) _must_check_;

#endif
