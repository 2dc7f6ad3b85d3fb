/* Who else has a device node open: the answer to "busy". */
#ifndef SALVOR_DEVICE_HOLDERS_H
#define SALVOR_DEVICE_HOLDERS_H

#include "base/attr.h"
#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

#define HOLDERS_MAX 16

struct holder {
	pid_t pid;
	char comm[32];
	char unit[64]; /* systemd service, or "" */
};

struct holders {
	size_t n;
	struct holder v[HOLDERS_MAX];
	size_t hidden; /* processes that we may not look into: run as root to see them */
};

/* Scans ROOT/proc for processes other than this one that have `node` ("/dev/ttyUSB2",
 * "/dev/bus/usb/001/004", without ROOT) open. */
int holders_scan(const char *root, const char *node, struct holders *ret,
		 struct err *e) _must_check_;
/* Appends " (held by ModemManager, pid 812, ModemManager.service)" to a message; nothing when
 * nobody is seen, except a word on processes that could not be looked into. */
void holders_append(const char *root, const char *node, struct err *e);

#endif
