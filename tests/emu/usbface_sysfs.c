/*
 * What the host's sysfs, udev and /dev say about the module: root hubs and hubs up to its port, the
 * device with its descriptors, one folder per interface with its driver, and ttyUSBn below the
 * interfaces that a serial driver holds. Names and attributes as Linux has them.
 */
#include "tests/emu/usbface_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI "/devices/pci0000:00/0000:00:14.0"

/* A high-speed hub with one interrupt endpoint. */
static const char hub_descriptors[] = "1201000209000140" "6b1d02000605030201" "01"
				      "0902190001010000" "00" "0904000001090000" "00"
				      "07058103040000";

/* "1-1.4" -> "/devices/pci.../usb1/1-1/1-1.4" */
static void dev_path(const char *name, char *path, size_t n)
{
	size_t at = (size_t)snprintf(path, n, PCI "/usb%d", atoi(name)), i;

	for (i = strcspn(name, "-") + 1; i <= strlen(name) && at < n; i++)
		if (name[i] == '.' || name[i] == '\0')
			at += (size_t)snprintf(path + at, n - at, "/%.*s", (int)i, name);
}

static void add(struct usbface *f, const char *text)
{
	GError *error = NULL;

	if (!umockdev_testbed_add_from_string(f->bed, text, &error)) {
		fprintf(stderr, "usbface: %s\n", error->message);
		abort();
	}
}

static unsigned next_number(struct usbface *f, unsigned bus)
{
	return ++f->last_number[bus % USBFACE_BUSSES];
}

static void hub_add(struct usbface *f, const char *name, unsigned bus)
{
	char path[160], *text;
	unsigned i, number;
	bool is_root = strncmp(name, "usb", 3) == 0;

	for (i = 0; i < f->n_hubs; i++)
		if (strcmp(f->hub[i], name) == 0)
			return;
	if (f->n_hubs == USBFACE_HUBS)
		return;
	snprintf(f->hub[f->n_hubs++], sizeof(f->hub[0]), "%s", name);
	if (is_root)
		snprintf(path, sizeof(path), PCI "/%s", name);
	else
		dev_path(name, path, sizeof(path));
	number = next_number(f, bus);
	text = g_strdup_printf("P: %s\nE: SUBSYSTEM=usb\nE: DRIVER=usb\nE: DEVTYPE=usb_device\n"
			       "E: PRODUCT=1d6b/2/605\nE: TYPE=9/0/1\nE: BUSNUM=%03u\nE: DEVNUM=%03u\n"
			       "E: DEVNAME=/dev/bus/usb/%03u/%03u\nN: bus/usb/%03u/%03u\n"
			       "A: bConfigurationValue=1\\n\nA: busnum=%u\\n\nA: devnum=%u\\n\n"
			       "A: idVendor=1d6b\\n\nA: idProduct=0002\\n\nA: bDeviceClass=09\\n\n"
			       "A: bNumInterfaces= 1\\n\nA: devpath=%s\\n\nA: speed=480\\n\n"
			       "H: descriptors=%s\n",
			       path, bus, number, bus, number, bus, number, bus, number,
			       is_root ? "0" : strchr(name, '-') + 1, hub_descriptors);
	add(f, text);
	g_free(text);
}

static void hubs_add(struct usbface *f, const char *name)
{
	char part[32];
	unsigned bus = (unsigned)atoi(name);
	size_t i;

	snprintf(part, sizeof(part), "usb%u", bus);
	hub_add(f, part, bus);
	for (i = 0; name[i] != '\0'; i++)
		if (name[i] == '.') {
			snprintf(part, sizeof(part), "%.*s", (int)i, name);
			hub_add(f, part, bus);
		}
}

/* /dev/NAME inside the testbed. */
static char *node_path(struct usbface *f, const char *node)
{
	char *root = umockdev_testbed_get_root_dir(f->bed), *path = g_build_filename(root, node, NULL);

	g_free(root);
	return path;
}

static void node_link(struct usbface *f, const char *node, const char *pty)
{
	char *path = node_path(f, node), *dir = g_path_get_dirname(path);

	g_mkdir_with_parents(dir, 0755);
	unlink(path);
	if (symlink(pty, path) != 0)
		perror("usbface: symlink");
	g_free(dir);
	g_free(path);
}

static void unlink_in_bed(struct usbface *f, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void unlink_in_bed(struct usbface *f, const char *fmt, ...)
{
	char *name, *path;
	va_list ap;

	va_start(ap, fmt);
	name = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	path = node_path(f, name);
	unlink(path);
	g_free(path);
	g_free(name);
}

/* The node and the testbed's notes on its number, which umockdev leaves behind when the attribute
 * ends in a newline, as it does in sysfs. */
static void node_unlink(struct usbface *f, const char *node, unsigned major, unsigned minor)
{
	char *flat = g_strdelimit(g_strdup(node + strlen("/dev/")), "/", '_');

	unlink_in_bed(f, "%s", node);
	unlink_in_bed(f, "/dev/.node/%s", flat);
	unlink_in_bed(f, "/sys/dev/char/%u:%u", major, minor);
	g_free(flat);
}

static void attach(struct usbface *f, const char *node)
{
	GError *error = NULL;

	if (!umockdev_testbed_attach_ioctl(f->bed, node, f->handler, &error)) {
		fprintf(stderr, "usbface: %s: %s\n", node, error->message);
		abort();
	}
}

static void remove_sys(struct usbface *f, const char *sys)
{
	umockdev_testbed_uevent(f->bed, sys, "remove");
	umockdev_testbed_remove_device(f->bed, sys);
}

static void iface_sys(const struct usbdev *d, unsigned index, char *path, size_t n)
{
	int r = snprintf(path, n, "%s/%s:1.%u", d->sys, d->name, d->usb.iface[index].number);

	if (r < 0 || (size_t)r >= n)
		abort(); /* the buffers are sized for every topology a bus can have */
}

static void tty_add(struct usbdev *d, unsigned index)
{
	const struct emu_iface *in = &d->usb.iface[index];
	struct tty *t = &d->tty[index];
	char pty[64], node[32], sys[256], *text;
	int i;

	for (i = 0; i < USBFACE_TTYS && d->face->tty_used[i]; i++)
		;
	if (i == USBFACE_TTYS || usbface_pty(&t->master, &t->slave, pty, sizeof(pty)) != 0)
		return;
	d->face->tty_used[i] = true;
	t->number = i;
	t->iface = in->number;
	t->opens = 0;
	t->out_n = t->in_at = t->in_n = 0;
	snprintf(node, sizeof(node), "/dev/ttyUSB%d", i);
	node_link(d->face, node, pty);
	if (!d->face->tty_attached[i])
		attach(d->face, node);
	d->face->tty_attached[i] = true;
	iface_sys(d, index, sys, sizeof(sys));
	text = g_strdup_printf("P: %s/ttyUSB%d\nE: SUBSYSTEM=usb-serial\nE: DRIVER=%s1\n"
			       "A: port_number=0\\n\n", sys + 4, i, in->driver ? in->driver : "option");
	add(d->face, text);
	g_free(text);
	text = g_strdup_printf("P: %s/ttyUSB%d/tty/ttyUSB%d\nE: SUBSYSTEM=tty\nE: MAJOR=188\n"
			       "E: MINOR=%d\nE: DEVNAME=/dev/ttyUSB%d\nA: dev=188:%d\\n\n"
			       "L: device=../../../ttyUSB%d\n", sys + 4, i, i, i, i, i, i);
	add(d->face, text);
	g_free(text);
	usbface_wake(d->face);
}

static void tty_remove(struct usbdev *d, unsigned index)
{
	struct tty *t = &d->tty[index];
	char node[32], sys[192], path[256];

	if (t->number < 0)
		return;
	snprintf(node, sizeof(node), "/dev/ttyUSB%d", t->number);
	node_unlink(d->face, node, 188, (unsigned)t->number);
	close(t->master);
	close(t->slave);
	iface_sys(d, index, sys, sizeof(sys));
	snprintf(path, sizeof(path), "%s/ttyUSB%d/tty/ttyUSB%d", sys, t->number, t->number);
	remove_sys(d->face, path);
	snprintf(path, sizeof(path), "%s/ttyUSB%d", sys, t->number);
	remove_sys(d->face, path);
	d->face->tty_used[t->number] = false;
	t->number = -1;
	usbface_wake(d->face);
}

int usbdev_iface(const struct usbdev *d, unsigned number)
{
	unsigned i;

	for (i = 0; i < d->usb.n_ifaces; i++)
		if (d->usb.iface[i].number == number)
			return (int)i;
	return -1;
}

void usbdev_bind(struct usbdev *d, unsigned index)
{
	const struct emu_iface *in = &d->usb.iface[index];
	char sys[192], *root, *path;
	GString *target;
	const char *p;

	if (in->driver == NULL || d->bound[index] || d->gone)
		return;
	d->bound[index] = true;
	iface_sys(d, index, sys, sizeof(sys));
	root = umockdev_testbed_get_root_dir(d->face->bed);
	path = g_strdup_printf("%s/sys/bus/usb/drivers/%s", root, in->driver);
	g_mkdir_with_parents(path, 0755);
	g_free(path);
	g_free(root);
	target = g_string_new(NULL);
	for (p = strchr(sys + 1, '/'); p != NULL; p = strchr(p + 1, '/'))
		g_string_append(target, "../");
	g_string_append_printf(target, "bus/usb/drivers/%s", in->driver);
	umockdev_testbed_set_attribute_link(d->face->bed, sys, "driver", target->str);
	g_string_free(target, TRUE);
	if (in->has_tty)
		tty_add(d, index);
}

void usbdev_unbind(struct usbdev *d, unsigned index)
{
	char sys[192], *root, *path;

	if (!d->bound[index])
		return;
	d->bound[index] = false;
	tty_remove(d, index);
	iface_sys(d, index, sys, sizeof(sys));
	root = umockdev_testbed_get_root_dir(d->face->bed);
	path = g_strdup_printf("%s%s/driver", root, sys);
	unlink(path);
	g_free(path);
	g_free(root);
}

static void iface_add(struct usbdev *d, unsigned index)
{
	const struct emu_iface *in = &d->usb.iface[index];
	char sys[192], *text;

	iface_sys(d, index, sys, sizeof(sys));
	text = g_strdup_printf("P: %s\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_interface\n"
			       "E: PRODUCT=%x/%x/%x\nE: INTERFACE=%u/%u/%u\n"
			       "A: bInterfaceNumber=%02x\\n\nA: bAlternateSetting= 0\\n\n"
			       "A: bNumEndpoints=%02x\\n\nA: bInterfaceClass=%02x\\n\n"
			       "A: bInterfaceSubClass=%02x\\n\nA: bInterfaceProtocol=%02x\\n\n",
			       sys + 4, d->usb.vid, d->usb.pid, d->usb.bcd_device, in->cls, in->sub,
			       in->proto, in->number, (in->ep_in != 0) + (in->ep_out != 0) + (in->ep_int != 0), in->cls,
			       in->sub, in->proto);
	add(d->face, text);
	g_free(text);
}

static void text_attr(GString *s, const char *name, const char *value)
{
	if (value != NULL)
		g_string_append_printf(s, "A: %s=%s\\n\n", name, value);
}

static void device_add(struct usbdev *d)
{
	const uint8_t *desc = d->usb.desc;
	GString *s = g_string_new(NULL);
	unsigned minor = (d->bus - 1) * 128 + d->number - 1;
	size_t i;

	g_string_append_printf(s, "P: %s\nE: SUBSYSTEM=usb\nE: DRIVER=usb\nE: DEVTYPE=usb_device\n"
			       "E: PRODUCT=%x/%x/%x\nE: TYPE=%u/%u/%u\nE: BUSNUM=%03u\nE: DEVNUM=%03u\n"
			       "E: MAJOR=189\nE: MINOR=%u\nE: DEVNAME=%s\n",
			       d->sys + 4, d->usb.vid, d->usb.pid, d->usb.bcd_device, desc[4], desc[5],
			       desc[6], d->bus, d->number, minor, d->node);
	g_string_append_printf(s, "A: dev=189:%u\\n\nA: busnum=%u\\n\nA: devnum=%u\\n\n"
			       "A: idVendor=%04x\\n\nA: idProduct=%04x\\n\nA: bcdDevice=%04x\\n\n"
			       "A: bDeviceClass=%02x\\n\nA: bDeviceSubClass=%02x\\n\n"
			       "A: bDeviceProtocol=%02x\\n\nA: bMaxPacketSize0=%u\\n\n"
			       "A: bNumInterfaces=%2u\\n\nA: bNumConfigurations=%u\\n\n"
			       "A: bConfigurationValue=1\\n\nA: configuration=\\n\nA: speed=%u\\n\n"
			       "A: version= %x.%02x\\n\nA: devpath=%s\\n\nA: maxchild=0\\n\n",
			       minor, d->bus, d->number, d->usb.vid, d->usb.pid, d->usb.bcd_device,
			       desc[4], desc[5], desc[6], desc[7], d->usb.n_ifaces, desc[17],
			       d->usb.speed_mbps, desc[3], desc[2], strchr(d->name, '-') + 1);
	text_attr(s, "manufacturer", d->manufacturer);
	text_attr(s, "product", d->product);
	text_attr(s, "serial", d->serial);
	g_string_append(s, "H: descriptors=");
	for (i = 0; i < d->usb.desc_len; i++)
		g_string_append_printf(s, "%02x", desc[i]);
	g_string_append_c(s, '\n');
	add(d->face, s->str);
	g_string_free(s, TRUE);
}

struct usbdev *usbdev_arrive(struct usbface *f, struct module *mod)
{
	const struct emu_usb *usb = emu_usb(mod->emu);
	struct usbdev *d = g_new0(struct usbdev, 1);
	char pty[64], path[160];
	unsigned i, dir;

	d->face = f;
	d->emu = mod->emu;
	d->usb = *usb;
	d->manufacturer = g_strdup(usb->manufacturer);
	d->product = g_strdup(usb->product);
	d->serial = g_strdup(usb->serial);
	snprintf(d->port, sizeof(d->port), "%s", mod->port[0] != '\0' ? mod->port : usb->port);
	snprintf(d->name, sizeof(d->name), "%s", d->port);
	if (strchr(d->name, '-') == NULL)
		snprintf(d->name, sizeof(d->name), "1-1");
	d->bus = (unsigned)atoi(d->name);
	hubs_add(f, d->name);
	d->number = next_number(f, d->bus);
	snprintf(d->node, sizeof(d->node), "/dev/bus/usb/%03u/%03u", d->bus, d->number);
	dev_path(d->name, path, sizeof(path));
	snprintf(d->sys, sizeof(d->sys), "/sys%s", path);
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		d->tty[i].number = -1;
		for (dir = 0; dir < URB_DIRS; dir++)
			d->pending[i][dir].tail = &d->pending[i][dir].head;
	}
	if (usbface_pty(&d->master, &d->slave, pty, sizeof(pty)) != 0)
		abort();
	d->is_ready = true;
	usbdev_show_ready(d);
	d->next = f->devs;
	f->devs = d;
	/* Everything that can be opened works before the first uevent is out. */
	attach(f, d->node);
	node_link(f, d->node, pty);
	device_add(d);
	for (i = 0; i < d->usb.n_ifaces; i++) {
		iface_add(d, i);
		usbdev_bind(d, i);
	}
	f->n.enumerations++;
	return d;
}

void usbdev_leave(struct usbdev *d)
{
	char sys[192];
	unsigned i;

	d->gone = true;
	usbdev_kill_urbs(d, -ESHUTDOWN);
	usbdev_show_ready(d);
	node_unlink(d->face, d->node, 189, (d->bus - 1) * 128 + d->number - 1);
	/* Whoever sleeps in poll() now sees POLLERR | POLLHUP. */
	close(d->master);
	close(d->slave);
	for (i = 0; i < d->usb.n_ifaces; i++) {
		usbdev_unbind(d, i);
		iface_sys(d, i, sys, sizeof(sys));
		remove_sys(d->face, sys);
	}
	remove_sys(d->face, d->sys);
}

void usbdev_free(struct usbdev *d)
{
	struct opener *o;

	while ((o = d->openers) != NULL) {
		d->openers = o->next;
		g_free(o);
	}
	g_free(d->manufacturer);
	g_free(d->product);
	g_free(d->serial);
	g_free(d);
}
