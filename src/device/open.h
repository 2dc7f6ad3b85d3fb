/* From "this module" to a link: picks USB, tty or socket, and says who is in the way. */
#ifndef SALVOR_DEVICE_OPEN_H
#define SALVOR_DEVICE_OPEN_H

#include "device/find.h"

#include "link/link.h"

/*
 * Opens interface `iface` of `d` for bulk transfers. Under a root of its own an emulated module has
 * a stream socket for each interface, ROOT/dev/bus/usb/BBB/DDD:IFACE, and that is taken where it
 * exists. ERR_BUSY names the holder when it can be seen; else as usb_open() and socket_open().
 */
int open_interface(const char *root, const struct device *d, unsigned iface, struct log *log,
		   struct link **ret, struct err *e) _must_check_;

/*
 * Opens the port with that role: its tty where a driver has made one (the driver stays bound), else
 * the interface itself. EDL goes to the interface first, where packets and empty packets can be
 * told apart, and to the tty only without permission for the interface. ERR_UNSUPPORTED without
 * such a port.
 */
int open_role(const char *root, const struct device *d, enum port_role role, struct log *log,
	      struct link **ret, struct err *e) _must_check_;

/* Opens "ttyUSB2", "/dev/ttyUSB2" (below ROOT), "unix:PATH" or "tcp:HOST:PORT". */
int open_address(const char *root, const char *address, struct log *log, struct link **ret,
		 struct err *e) _must_check_;

#endif
