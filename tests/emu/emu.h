/*
 * The emulated module: a behaviour, not a script. A state machine with flash, modes and quirks,
 * described by a readable text file per model, living in a state folder between runs. It never
 * includes src/wire or src/proto: a wrong number shared by both sides would be invisible.
 *
 * This is the USB-shaped inside that every face (in-process link, sockets, usbfs) stands on: the bus
 * sees a device or nothing, a device has interfaces, an interface takes OUT transfers and gives IN
 * transfers. Nothing here blocks, sleeps or starts threads; time is what emu_tick() is told.
 */
#ifndef SALVOR_EMU_H
#define SALVOR_EMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct emu;

enum emu_mode {
	EMU_OFF,    /* between two enumerations, or dead: nothing on the bus */
	EMU_NORMAL, /* running firmware */
	EMU_EDL,    /* 05c6:9008, boot ROM or programmer */
	EMU_DUMP,   /* 05c6:900e, Sahara memory debug */
};

#define EMU_MAX_INTERFACES 8

struct emu_iface {
	uint8_t number, cls, sub, proto;
	uint8_t ep_in, ep_out; /* bulk; 0 = none */
	uint8_t ep_int;        /* interrupt IN: AT, NMEA and QMI have one, DIAG has none; 0 = none */
	bool has_tty;          /* a Linux driver would make a tty of it */
	const char *driver;    /* "option", "qmi_wwan", "qcserial" or NULL */
};

/* What enumerates. Pointers live until the next generation. */
struct emu_usb {
	uint16_t vid, pid, bcd_device;
	const char *manufacturer, *product, *serial; /* NULL = no such string descriptor */
	const char *port;       /* topology, "1-1.4"; may differ by mode (USB 3 module, USB 2 EDL) */
	unsigned speed_mbps;    /* 480 or 5000 */
	unsigned max_packet;    /* 512 or 1024 */
	unsigned n_ifaces;
	struct emu_iface iface[EMU_MAX_INTERFACES];
	uint8_t desc[512];      /* device descriptor followed by the configuration, as sysfs shows it */
	size_t desc_len;
};

/* Opens or creates the module that lives in `state_dir`. `why` gets a sentence on failure (-1). */
int emu_open(struct emu **ret, const char *model_path, const char *state_dir, char *why, size_t why_n);
void emu_close(struct emu *m); /* saves */
/* Adds misbehaviour for this run: "nak=erase", "unplug_out=4096", "silent=read,after=2" ... The list
 * of words is in tests/emu/quirks.md. */
int emu_misbehave(struct emu *m, const char *spec, char *why, size_t why_n);

/* Runs what is due at `now_ms` (any monotonic clock) and returns the time of the next event, or
 * UINT64_MAX. Faces call it before and after every transfer and whenever that time comes. */
uint64_t emu_tick(struct emu *m, uint64_t now_ms);
enum emu_mode emu_mode(const struct emu *m);
/* Grows with every appearance on and disappearance from the bus. */
unsigned emu_generation(const struct emu *m);
const struct emu_usb *emu_usb(const struct emu *m); /* NULL while nothing is on the bus */

/* One OUT transfer as the host made it; n == 0 is a zero-length packet. 0, or a negative errno:
 * -EAGAIN (endpoint busy, try again later), -ENODEV, -EPROTO, -ESHUTDOWN (left), -EPIPE (stall). */
int emu_out(struct emu *m, unsigned iface, const void *p, size_t n);
/* One IN transfer of at most cap bytes: ends when cap is full or at a short packet. > 0 bytes, 0 for
 * a zero-length packet, or -EAGAIN (nothing to send), -ENODEV, -EPROTO, -EPIPE, -EOVERFLOW (cap is
 * smaller than the packet: the rest is lost, as on the wire). */
ssize_t emu_in(struct emu *m, unsigned iface, void *p, size_t cap);

/* The host opened or closed the interface (a tty's carrier, a claimed interface). */
void emu_claimed(struct emu *m, unsigned iface, bool yes);
/* Pulls the plug and puts it back: what a person with a power switch does. */
void emu_power_cycle(struct emu *m);

/* Witnesses for tests. */
struct emu_counters {
	uint64_t pages_programmed, pages_programmed_all_ff, blocks_erased;
	uint64_t erase_cmds, program_cmds, read_cmds, patch_cmds;
	uint64_t bytes_in, bytes_out;
	uint64_t whole_chip_erases, refused_cmds;
	uint64_t diag_requests, at_commands;
	uint64_t spc_tries, password_tries, spc_locked; /* codes asked for; no more are taken */
	uint64_t mode_changes;    /* DIAG mode control */
	uint64_t qprtpara_copies; /* AT+QPRTPARA=1: the module's own copy overwritten */
};
const struct emu_counters *emu_counters(const struct emu *m);
/* Flash content as the host would read it, without the host: for the tests' own comparison. */
int emu_peek(struct emu *m, uint32_t lun, uint64_t sector, void *buf, size_t n);

#endif
