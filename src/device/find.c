#include "device/find.h"

#include "device/classify.h"
#include "device/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICES_MAX     1024 /* 127 to a bus; a fake tree may not make us read for ever */
#define DESCRIPTORS_MAX 4096
#define CLASS_HUB       0x09

/* "1-1.4", not "usb1" and not "1-1.4:1.0". */
static bool is_port_name(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && s[n] == '-' && s[n + 1] &&
	       strspn(s + n + 1, "0123456789.") == strlen(s + n + 1);
}

/* --- one device --- */

/* Without the `descriptors` file the attributes of the interface's folder tell the same. */
static bool read_iface_attrs(const char *root, const char *name, struct usb_iface_desc *f)
{
	char path[SYSFS_PATH_MAX];
	unsigned long v[5];
	const struct dirent *d;
	DIR *dir;

	if (!sysfs_number(root, name, "bInterfaceNumber", 16, 255, &v[0]) ||
	    !sysfs_number(root, name, "bInterfaceClass", 16, 255, &v[1]) ||
	    !sysfs_number(root, name, "bInterfaceSubClass", 16, 255, &v[2]) ||
	    !sysfs_number(root, name, "bInterfaceProtocol", 16, 255, &v[3]) ||
	    !sysfs_number(root, name, "bNumEndpoints", 16, 255, &v[4]))
		return false;
	*f = (struct usb_iface_desc){ .number = (uint8_t)v[0], .cls = (uint8_t)v[1],
				      .sub = (uint8_t)v[2], .proto = (uint8_t)v[3],
				      .n_eps = (uint8_t)v[4] };
	if (!sysfs_path(path, root, name, NULL) || !(dir = opendir(path)))
		return true;
	while ((d = readdir(dir))) {
		char attr[64];
		unsigned long addr, type, packet = 0;

		if (strncmp(d->d_name, "ep_", 3) != 0 || strlen(d->d_name) > 8)
			continue;
		snprintf(attr, sizeof(attr), "%.8s/bEndpointAddress", d->d_name);
		if (!sysfs_number(root, name, attr, 16, 255, &addr))
			continue;
		snprintf(attr, sizeof(attr), "%.8s/bmAttributes", d->d_name);
		if (!sysfs_number(root, name, attr, 16, 255, &type))
			continue;
		snprintf(attr, sizeof(attr), "%.8s/wMaxPacketSize", d->d_name);
		sysfs_number(root, name, attr, 16, 0xffff, &packet);
		if ((type & 3) == 3)
			f->has_interrupt = true;
		if ((type & 3) != 2)
			continue;
		if (addr & 0x80) {
			f->ep_in = (uint8_t)addr;
			f->in_packet = (uint16_t)(packet & 0x7ff);
		} else {
			f->ep_out = (uint8_t)addr;
			f->out_packet = (uint16_t)(packet & 0x7ff);
		}
	}
	closedir(dir);
	return true;
}

static void iface_name(char out[64], const char *port, unsigned long config, unsigned number)
{
	snprintf(out, 64, "%.31s:%lu.%u", port, config, number);
}

static void read_ifaces(const char *root, struct device *d)
{
	uint8_t bytes[DESCRIPTORS_MAX];
	struct usb_desc u;
	struct err e = ERR_INIT;
	unsigned long config = 0;
	char name[64], text[8];
	unsigned i;
	size_t n;

	/* An empty value means that the kernel has not configured the device yet. */
	if (sysfs_text(root, d->port, "bConfigurationValue", text, sizeof(text)) &&
	    !sysfs_number(root, d->port, "bConfigurationValue", 10, 255, &config))
		return;
	if (sysfs_bytes(root, d->port, "descriptors", bytes, sizeof(bytes), &n) &&
	    usb_desc_parse(SLICE(bytes, n), (uint8_t)config, &u, &e) == 0) {
		d->bcd_device = u.bcd_device;
		d->n_ifaces = u.n_ifaces;
		for (i = 0; i < u.n_ifaces; i++)
			d->iface[i].desc = u.iface[i];
		config = u.config;
	} else {
		unsigned long bcd;

		if (sysfs_number(root, d->port, "bcdDevice", 16, 0xffff, &bcd))
			d->bcd_device = (uint16_t)bcd;
		config = config ? config : 1;
		for (i = 0; i < USB_IFACES_MAX; i++) {
			iface_name(name, d->port, config, i);
			if (read_iface_attrs(root, name, &d->iface[d->n_ifaces].desc))
				d->n_ifaces++;
		}
	}
	for (i = 0; i < d->n_ifaces; i++) {
		struct device_iface *f = &d->iface[i];

		iface_name(name, d->port, config, f->desc.number);
		sysfs_link(root, name, "driver", f->driver, sizeof(f->driver));
		/* usb-serial puts ttyUSB0 into the folder itself, cdc_acm ttyACM0 below tty/. */
		if (!sysfs_child(root, name, NULL, "ttyUSB", f->tty, sizeof(f->tty)))
			sysfs_child(root, name, "tty", "tty", f->tty, sizeof(f->tty));
		sysfs_child(root, name, "usbmisc", "cdc-wdm", f->wdm, sizeof(f->wdm));
		sysfs_child(root, name, "net", "", f->net, sizeof(f->net));
	}
}

/* False: vanished while we looked, or not asked for. */
static bool read_device(const char *root, const char *port, bool all, struct device *d)
{
	unsigned long vid, pid, v;

	*d = (struct device){ 0 };
	if (strlen(port) >= sizeof(d->port) ||
	    !sysfs_number(root, port, "idVendor", 16, 0xffff, &vid) ||
	    !sysfs_number(root, port, "idProduct", 16, 0xffff, &pid))
		return false;
	if (!all && !id_is_related((uint16_t)vid, (uint16_t)pid))
		return false;
	strcpy(d->port, port);
	d->vid = (uint16_t)vid;
	d->pid = (uint16_t)pid;
	if (!sysfs_number(root, port, "busnum", 10, 65535, &v))
		return false;
	d->bus = (unsigned)v;
	if (!sysfs_number(root, port, "devnum", 10, 65535, &v))
		return false;
	d->dev = (unsigned)v;
	if (sysfs_number(root, port, "speed", 10, 1000000, &v))
		d->speed_mbps = (unsigned)v;
	sysfs_text(root, port, "manufacturer", d->manufacturer, sizeof(d->manufacturer));
	sysfs_text(root, port, "product", d->product, sizeof(d->product));
	sysfs_text(root, port, "serial", d->serial, sizeof(d->serial));
	read_ifaces(root, d);
	device_classify(d);
	if (sysfs_number(root, port, "bDeviceClass", 16, 255, &v) && v == CLASS_HUB)
		d->state = DEVICE_UNRELATED;
	return all || d->state != DEVICE_UNRELATED;
}

/* --- the list --- */

static int compare_ports(const void *a, const void *b)
{
	return strverscmp(((const struct device *)a)->port, ((const struct device *)b)->port);
}

int find_scan(const char *root, bool all, struct device_list *ret, struct err *e)
{
	struct device_list l = DEVICE_LIST_INIT;
	char path[SYSFS_PATH_MAX];
	const struct dirent *entry;
	size_t cap = 0;
	DIR *dir;

	if (!sysfs_path(path, root, "", NULL))
		return err_set(e, ERR_USAGE, "root folder name of %zu bytes is too long",
			       strlen(root));
	dir = opendir(path);
	if (!dir && errno != ENOENT)
		return err_set_errno(e, errno, "cannot list '%s'", path);
	while (dir && l.n < DEVICES_MAX && (entry = readdir(dir))) {
		if (!is_port_name(entry->d_name))
			continue;
		if (l.n == cap) {
			struct device *more = reallocarray(l.v, cap ? 2 * cap : 4, sizeof(*more));

			if (!more) {
				closedir(dir);
				device_list_free(&l);
				return err_nomem(e);
			}
			l.v = more;
			cap = cap ? 2 * cap : 4;
		}
		if (read_device(root, entry->d_name, all, &l.v[l.n]))
			l.n++;
	}
	if (dir)
		closedir(dir);
	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare_ports);
	*ret = l;
	return 0;
}

void device_list_free(struct device_list *l)
{
	free(l->v);
	*l = (struct device_list)DEVICE_LIST_INIT;
}

/* --- words --- */

const char *device_state_name(enum device_state s)
{
	switch (s) {
	case DEVICE_UNKNOWN:
		return "unknown";
	case DEVICE_NORMAL:
		return "normal";
	case DEVICE_EDL:
		return "edl";
	case DEVICE_DUMP:
		return "dump";
	case DEVICE_DOWNLOAD:
		return "download";
	case DEVICE_FASTBOOT:
		return "fastboot";
	case DEVICE_NOT_QUALCOMM:
		return "not-qualcomm";
	case DEVICE_UNRELATED:
		return "unrelated";
	}
	return "unknown";
}

const char *port_role_name(enum port_role r)
{
	static const char *const names[] = {
		[ROLE_NONE] = "none", [ROLE_DIAG] = "diag", [ROLE_NMEA] = "nmea",
		[ROLE_AT] = "at", [ROLE_MODEM] = "modem", [ROLE_NET] = "net",
		[ROLE_EDL] = "edl", [ROLE_ADB] = "adb", [ROLE_QDSS] = "qdss",
		[ROLE_DPL] = "dpl",
	};

	return (size_t)r < ARRAY_SIZE(names) ? names[r] : "none";
}

void device_describe(const struct device *d, char *out, size_t cap)
{
	const char *what = d->known ? d->known->model : d->product;

	snprintf(out, cap, "%s %04x:%04x%s%s (%s%s%s)", d->port, d->vid, d->pid, what[0] ? " " : "",
		 what, device_state_name(d->state), d->chip_serial[0] ? ", chip " : "",
		 d->chip_serial);
}

const struct device_iface *device_role(const struct device *d, enum port_role role)
{
	unsigned i;

	for (i = 0; i < d->n_ifaces; i++) {
		if (d->iface[i].role == role)
			return &d->iface[i];
	}
	return NULL;
}

/* --- ports --- */

/* Folder of the controller that a root hub hangs on; false when sysfs does not tell. */
static bool controller_of(const char *root, const char *port, char out[PATH_MAX])
{
	char path[SYSFS_PATH_MAX], hub[24];

	snprintf(hub, sizeof(hub), "usb%.*s", (int)MIN_OF(strspn(port, "0123456789"), (size_t)16),
		 port);
	if (!sysfs_path(path, root, hub, NULL))
		return false;
	if (!realpath(path, out))
		return false;
	if (strrchr(out, '/'))
		*strrchr(out, '/') = '\0';
	return true;
}

bool port_is_same(const char *root, const char *a, const char *b)
{
	const char *chain_a = strchr(a, '-'), *chain_b = strchr(b, '-');
	char on_a[PATH_MAX], on_b[PATH_MAX];

	if (strcmp(a, b) == 0)
		return true;
	if (!chain_a || !chain_b || strcmp(chain_a, chain_b) != 0)
		return false;
	if (!controller_of(root, a, on_a) || !controller_of(root, b, on_b))
		return true;
	return strcmp(on_a, on_b) == 0;
}
