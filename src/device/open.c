#include "device/open.h"

#include "device/holders.h"

#include "link/socket.h"
#include "link/tty.h"
#include "link/usb.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int open_interface(const char *root, const struct device *d, unsigned iface, struct log *log,
		   struct link **ret, struct err *e)
{
	char address[PATH_MAX + 5], node[64];
	struct stat st;

	snprintf(node, sizeof(node), "/dev/bus/usb/%03u/%03u", d->bus, d->dev);
	snprintf(address, sizeof(address), "unix:%s%s:%u", root, node, iface);
	if (stat(address + 5, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (socket_open(address, log, ret, e) < 0)
			return err_prefix(e, "module at %s, interface %u", d->port, iface);
		return 0;
	}
	/* A root of its own has no usbfs: what is not there as a socket has left. */
	if (root[0])
		return err_set(e, ERR_NODEV, "module at %s has no interface %u (any more)", d->port,
			       iface);
	if (usb_open(d->bus, d->dev, iface, log, ret, e) == 0)
		return 0;
	if (e->kind == ERR_BUSY)
		holders_append(root, node, e);
	return -1;
}

static int open_tty(const char *root, const char *name, struct log *log, struct link **ret,
		    struct err *e)
{
	char path[PATH_MAX];
	int n;

	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	n = snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : root,
		     name[0] == '/' ? "" : "/dev/", name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ERR_USAGE, "name of the serial port is too long");
	if (tty_open(path, log, ret, e) == 0)
		return 0;
	if (e->kind == ERR_BUSY)
		holders_append(name[0] == '/' ? "" : root,
			       path + (name[0] == '/' ? 0 : strlen(root)), e);
	return -1;
}

int open_role(const char *root, const struct device *d, enum port_role role, struct log *log,
	      struct link **ret, struct err *e)
{
	const struct device_iface *f = device_role(d, role);

	if (!f)
		return err_set(e, ERR_UNSUPPORTED, "module at %s (%04x:%04x, %s) has no %s port",
			       d->port, d->vid, d->pid, device_state_name(d->state),
			       port_role_name(role));
	if (f->tty[0] && role != ROLE_EDL)
		return open_tty(root, f->tty, log, ret, e);
	if (open_interface(root, d, f->desc.number, log, ret, e) == 0)
		return 0;
	if (f->tty[0] && e->kind == ERR_HOST && e->code == EACCES) {
		struct err second = ERR_INIT;

		if (open_tty(root, f->tty, log, ret, &second) == 0) {
			log_warn(log, "open", "%s; using /dev/%s instead", e->msg, f->tty);
			return 0;
		}
	}
	return -1;
}

int open_address(const char *root, const char *address, struct log *log, struct link **ret,
		 struct err *e)
{
	if (socket_is_address(address))
		return socket_open(address, log, ret, e);
	return open_tty(root, address, log, ret, e);
}
