/*
 * What is known about USB ids: which are modules, which are boot ROMs and memory dumps, which look
 * like modules but hold another maker's chip, and where the ports of a module are. A table is only
 * the second opinion on ports: descriptors go first (see find.c).
 */
#ifndef SALVOR_DEVICE_KNOWN_H
#define SALVOR_DEVICE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum known_kind {
	KNOWN_MODULE,       /* a Qualcomm-based module in normal mode */
	KNOWN_EDL,          /* always the boot ROM */
	KNOWN_EDL_IF_ALONE, /* EDL when it has one interface, else running firmware */
	KNOWN_DUMP,         /* memory dump when it has one interface, else running firmware */
	KNOWN_FASTBOOT,
	KNOWN_OTHER_CHIP,   /* UNISOC, ASR, MediaTek, HiSilicon: none of our protocols */
};

#define PORT_UNKNOWN (-1)

struct known_device {
	uint16_t vid, pid;
	enum known_kind kind;
	const char *model;
	const char *chip_maker;         /* of KNOWN_OTHER_CHIP, else NULL */
	int8_t diag, nmea, at, modem;   /* interface numbers, or PORT_UNKNOWN */
};

struct known_vendor {
	uint16_t vid;
	const char *name;
	bool all; /* every device of this vendor id concerns us; else only those of the table */
};

/* NULL when the id is not in the table. Ranges that are known as a whole (2c7c:6xxx and 8xxx) give
 * a row without a model of its own. */
const struct known_device *known_find(uint16_t vid, uint16_t pid);
const struct known_vendor *known_find_vendor(uint16_t vid);
/* The whole tables, for tests and for listing. */
const struct known_device *known_all(size_t *ret_n);
const struct known_vendor *known_all_vendors(size_t *ret_n);

#endif
