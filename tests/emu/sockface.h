/*
 * The socket face: publishes an emulated module under a root folder as a look-alike of /sys and /dev.
 *
 *     ROOT/sys/bus/usb/devices/1-1.4/...         what sysfs says about the device
 *     ROOT/sys/bus/usb/devices/1-1.4:1.0/...     and about each interface
 *     ROOT/dev/bus/usb/001/005:0                 a unix stream socket per interface
 *     ROOT/dev/ttyUSB0                           a link to a pty per interface with a serial driver
 *
 * Streams have no packets, so no zero-length packets either: the module does not expect them here,
 * whatever the host has told the programmer. Several modules may share a root.
 */
#ifndef SALVOR_EMU_SOCKFACE_H
#define SALVOR_EMU_SOCKFACE_H

#include "tests/emu/emu.h"

#include "base/err.h"

#include <signal.h>

struct sockface_options {
	const char *root;
	uint16_t tcp_port; /* 0 = none: the first interface of download mode as a byte stream */
	bool once;         /* end when the first client has gone again */
	bool quiet;
	const volatile sig_atomic_t *stop;
};

/* Serves until *stop is set or `once` is fulfilled; removes what it published. */
int sockface_run(struct emu *m, const struct sockface_options *o, struct err *e) _must_check_;

#endif
