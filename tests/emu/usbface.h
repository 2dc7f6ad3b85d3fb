/*
 * The usbfs face of the emulated module: a umockdev testbed in which the shipped programs and the
 * distribution's libusb find the module in sysfs, open its usbfs node and its ttys, and are told by
 * uevents when it leaves and comes back.
 *
 *     child process                             this process
 *     libusb -> ioctl() -> umockdev preload ->  umockdev's thread -> usbface_ioctl.c -> struct emu
 *     open(/dev/ttyUSBn) -> a pty           ->  service thread    -> usbface.c       -> struct emu
 *     sysfs, udev       -> testbed folder   <-  usbface_sysfs.c
 *
 * The usbfs node is a pty, because poll() is not part of what umockdev emulates and a plain file is
 * always ready: output stopped means "nothing to reap", output running means "reap", and closing the
 * other end gives the POLLERR|POLLHUP that the kernel gives for a device that left. So a client
 * sleeps in poll() until there is something for it, exactly as on a real bus.
 *
 * The process must run under umockdev's preload library (usbface_enter()).
 */
#ifndef SALVOR_TESTS_USBFACE_H
#define SALVOR_TESTS_USBFACE_H

#include "tests/emu/emu.h"

struct usbface;

/* What the host controller and the kernel's usbfs can do. */
enum usbface_host {
	USBFACE_XHCI,     /* scatter-gather, any transfer size, zero packets: Linux since 4.3 */
	USBFACE_XHCI_OLD, /* the same, but the zero-packet flag is taken and ignored */
	USBFACE_EHCI,     /* no scatter-gather: libusb cuts transfers into 16 KiB with bulk continuation */
};

struct usbface_counters {
	uint64_t ioctls, urbs_in, urbs_out, bytes_in, bytes_out;
	uint64_t reaps_empty; /* polled for nothing: the measure of a busy loop */
	uint64_t zero_packets, discards, overflows, resets, auto_claims, enumerations;
};

/* Makes sure that umockdev's preload library is loaded in this process and its children: starts the
 * program anew with it where it is not. Returns only in the process that has it. */
void usbface_enter(char **argv);
/* Creates the empty testbed and its threads; the environment of children started afterwards leads
 * into it. -1 and a sentence in `why` on failure. */
int usbface_open(struct usbface **ret, enum usbface_host host, char *why, size_t why_n);
/* Puts a module on the bus and follows it through its lives; when this returns, it can be found. The
 * face uses `m` until usbface_close() and does not free it. `port` replaces the module's own topology
 * ("1-2", needed when two modules are alike) or is NULL. */
int usbface_plug(struct usbface *f, struct emu *m, const char *port, char *why, size_t why_n);
/* Between these two the caller may use the emulated modules itself; changes are seen at once. */
void usbface_lock(struct usbface *f);
void usbface_unlock(struct usbface *f);
void usbface_counters(struct usbface *f, struct usbface_counters *ret);
void usbface_close(struct usbface *f); /* NULL is fine; children must have ended */

#endif
