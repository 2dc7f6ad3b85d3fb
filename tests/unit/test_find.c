#include "tests/unit/unit.h"

#include "device/find.h"
#include "device/holders.h"
#include "device/open.h"

#include "base/clock.h"
#include "base/fs.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* --- a fake sysfs --- */

struct tree {
	char root[64];
};

struct fake_iface {
	uint8_t number, cls, sub, proto,
		n_eps; /* 2 = bulk pair, 3 = with interrupt, 1 = bulk IN only */
	const char *driver, *tty, *wdm, *net;
};

struct fake {
	const char *port;
	unsigned bus, dev;
	uint16_t vid, pid;
	unsigned speed;
	const char *product, *serial;
	uint8_t dev_class;
	unsigned n;
	struct fake_iface i[9];
	bool no_descriptors; /* only the attribute files */
};

static void put(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
}

static void _printf_(3, 4) put_text(const char *dir, const char *name, const char *fmt, ...)
{
	char path[1024], text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	put(path, text, (size_t)n);
}

static void must_mkdirs(const char *path)
{
	struct err e = ERR_INIT;

	assert_ok(fs_mkdirs(path, &e), e);
}

static void put_endpoint(struct writer *w, uint8_t addr, uint8_t type, uint16_t packet)
{
	wr_u8(w, 7);
	wr_u8(w, 5);
	wr_u8(w, addr);
	wr_u8(w, type);
	wr_le16(w, packet);
	wr_u8(w, 0);
}

static size_t make_descriptors(const struct fake *f, uint8_t *out, size_t cap)
{
	struct writer w = writer_of(out, cap);
	uint16_t packet = f->speed >= 5000 ? 1024 : 512;
	unsigned i;

	wr_bytes(&w, "\x12\x01\x00\x02", 4);
	wr_u8(&w, f->dev_class);
	wr_bytes(&w, "\x00\x00\x40", 3);
	wr_le16(&w, f->vid);
	wr_le16(&w, f->pid);
	wr_le16(&w, 0x0318);
	wr_bytes(&w, "\x01\x02\x00\x01", 4);
	wr_bytes(&w, "\x09\x02\x00\x00", 4);
	wr_u8(&w, (uint8_t)f->n);
	wr_bytes(&w, "\x01\x00\x80\x01", 4);
	for (i = 0; i < f->n; i++) {
		const struct fake_iface *x = &f->i[i];

		wr_u8(&w, 9);
		wr_u8(&w, 4);
		wr_u8(&w, x->number);
		wr_u8(&w, 0);
		wr_u8(&w, x->n_eps);
		wr_u8(&w, x->cls);
		wr_u8(&w, x->sub);
		wr_u8(&w, x->proto);
		wr_u8(&w, 0);
		if (x->n_eps == 3)
			put_endpoint(&w, (uint8_t)(0x90 + i), 3, 10);
		put_endpoint(&w, (uint8_t)(0x81 + i), 2, packet);
		if (x->n_eps >= 2)
			put_endpoint(&w, (uint8_t)(0x01 + i), 2, packet);
	}
	assert_false(w.overflow);
	return w.n;
}

static void put_ep_attrs(const char *dir, uint8_t addr, uint8_t type, uint16_t packet)
{
	char ep[1024];

	snprintf(ep, sizeof(ep), "%s/ep_%02x", dir, addr);
	must_mkdirs(ep);
	put_text(ep, "bEndpointAddress", "%02x\n", addr);
	put_text(ep, "bmAttributes", "%02x\n", type);
	put_text(ep, "wMaxPacketSize", "%04x\n", packet);
}

static void add_iface(const struct tree *t, const struct fake *f, unsigned i)
{
	const struct fake_iface *x = &f->i[i];
	char dir[512], path[1024], target[128];

	snprintf(dir, sizeof(dir), "%s/sys/bus/usb/devices/%s:1.%u", t->root, f->port, x->number);
	must_mkdirs(dir);
	if (f->no_descriptors) {
		put_text(dir, "bInterfaceNumber", "%02x\n", x->number);
		put_text(dir, "bInterfaceClass", "%02x\n", x->cls);
		put_text(dir, "bInterfaceSubClass", "%02x\n", x->sub);
		put_text(dir, "bInterfaceProtocol", "%02x\n", x->proto);
		put_text(dir, "bNumEndpoints", "%02x\n", x->n_eps);
		if (x->n_eps == 3)
			put_ep_attrs(dir, (uint8_t)(0x90 + i), 3, 10);
		put_ep_attrs(dir, (uint8_t)(0x81 + i), 2, 512);
		if (x->n_eps >= 2)
			put_ep_attrs(dir, (uint8_t)(1 + i), 2, 512);
	}
	if (x->driver) {
		snprintf(path, sizeof(path), "%s/driver", dir);
		snprintf(target, sizeof(target), "../../../bus/usb/drivers/%s", x->driver);
		assert_int_equal(symlink(target, path), 0);
	}
	if (x->tty) {
		snprintf(path, sizeof(path), "%s/%s%s", dir,
			 strncmp(x->tty, "ttyUSB", 6) ? "tty/" : "", x->tty);
		must_mkdirs(path);
	}
	if (x->wdm) {
		snprintf(path, sizeof(path), "%s/usbmisc/%s", dir, x->wdm);
		must_mkdirs(path);
	}
	if (x->net) {
		snprintf(path, sizeof(path), "%s/net/%s", dir, x->net);
		must_mkdirs(path);
	}
}

static void add(const struct tree *t, const struct fake *f)
{
	char made[512], dir[512], path[1024];
	uint8_t desc[1024];
	unsigned i;
	size_t n;

	/* Appears at once, as in sysfs. */
	snprintf(made, sizeof(made), "%s/making", t->root);
	must_mkdirs(made);
	put_text(made, "idVendor", "%04x\n", f->vid);
	put_text(made, "idProduct", "%04x\n", f->pid);
	put_text(made, "busnum", "%u\n", f->bus);
	put_text(made, "devnum", "%u\n", f->dev);
	put_text(made, "speed", "%u\n", f->speed);
	put_text(made, "bDeviceClass", "%02x\n", f->dev_class);
	put_text(made, "bConfigurationValue", "%s\n", f->n ? "1" : "");
	if (f->product)
		put_text(made, "product", "%s\n", f->product);
	if (f->serial)
		put_text(made, "serial", "%s\n", f->serial);
	if (!f->no_descriptors) {
		n = make_descriptors(f, desc, sizeof(desc));
		snprintf(path, sizeof(path), "%s/descriptors", made);
		put(path, desc, n);
	}
	for (i = 0; i < f->n; i++)
		add_iface(t, f, i);
	snprintf(dir, sizeof(dir), "%s/sys/bus/usb/devices/%s", t->root, f->port);
	assert_int_equal(rename(made, dir), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void unplug(const struct tree *t, const char *port)
{
	char dir[512];
	unsigned i;

	snprintf(dir, sizeof(dir), "%s/sys/bus/usb/devices/%s", t->root, port);
	remove_tree(dir);
	for (i = 0; i < 9; i++) {
		snprintf(dir, sizeof(dir), "%s/sys/bus/usb/devices/%s:1.%u", t->root, port, i);
		remove_tree(dir);
	}
}

static int setup(void **state)
{
	struct tree *t = calloc(1, sizeof(*t));
	char dir[512];

	strcpy(t->root, "/tmp/salvor-find-XXXXXX");
	assert_non_null(mkdtemp(t->root));
	snprintf(dir, sizeof(dir), "%s/sys/bus/usb/devices", t->root);
	must_mkdirs(dir);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct tree *t = *state;

	remove_tree(t->root);
	free(t);
	return 0;
}

/* --- the zoo --- */

static const struct fake ec25 = {
	.port = "1-1.4", .bus = 1, .dev = 7, .vid = 0x2c7c, .pid = 0x0125, .speed = 480,
	.product = "EC25-AF", .n = 5,
	.i = { { 0, 0xff, 0xff, 0xff, 2, "option", "ttyUSB0", NULL, NULL },
	       { 1, 0xff, 0, 0, 3, "option", "ttyUSB1", NULL, NULL },
	       { 2, 0xff, 0, 0, 3, "option", "ttyUSB2", NULL, NULL },
	       { 3, 0xff, 0, 0, 3, "option", "ttyUSB3", NULL, NULL },
	       { 4, 0xff, 0xff, 0xff, 3, "qmi_wwan", NULL, "cdc-wdm0", "wwan0" } },
};
static const struct fake rm520n = {
	.port = "2-1.4", .bus = 2, .dev = 3, .vid = 0x2c7c, .pid = 0x0801, .speed = 5000,
	.product = "RM520N-GL", .serial = "feedc0de", .n = 5,
	.i = { { 0, 0xff, 0xff, 0x30, 2, "option", "ttyUSB4", NULL, NULL },
	       { 1, 0xff, 0, 0x40, 3, "option", "ttyUSB5", NULL, NULL },
	       { 2, 0xff, 0, 0, 3, "option", "ttyUSB6", NULL, NULL },
	       { 3, 0xff, 0, 0, 3, "option", "ttyUSB7", NULL, NULL },
	       { 4, 0xff, 0xff, 0xff, 3, "qmi_wwan", NULL, "cdc-wdm1", "wwan1" } },
};
static const struct fake edl_sn = {
	.port = "1-1.4", .bus = 1, .dev = 8, .vid = 0x05c6, .pid = 0x9008, .speed = 480,
	.product = "QUSB_BULK_CID:0408_SN:2A1bC3D4", .n = 1,
	.i = { { 0, 0xff, 0xff, 0x11, 2, "qcserial", "ttyUSB9", NULL, NULL } },
};
static const struct fake edl_plain = {
	.port = "3-2",
	.bus = 3,
	.dev = 2,
	.vid = 0x05c6,
	.pid = 0x9008,
	.speed = 480,
	.product = "QUSB__BULK",
	.n = 1,
	.i = { { 0, 0xff, 0xff, 0xff, 2, NULL, NULL, NULL, NULL } },
};
static const struct fake dump_900e = {
	.port = "1-2", .bus = 1, .dev = 9, .vid = 0x05c6, .pid = 0x900e, .speed = 480, .n = 1,
	.i = { { 0, 0xff, 0xff, 0xff, 2, NULL, NULL, NULL, NULL } },
};
static const struct fake mouse = {
	.port = "1-5", .bus = 1, .dev = 4, .vid = 0x046d, .pid = 0xc077, .speed = 2, .n = 1,
	.i = { { 0, 3, 1, 2, 1, "usbhid", NULL, NULL, NULL } },
};
static const struct fake hub = {
	.port = "1-1",
	.bus = 1,
	.dev = 2,
	.vid = 0x05e3,
	.pid = 0x0608,
	.speed = 480,
	.dev_class = 9,
	.n = 1,
	.i = { { 0, 9, 0, 0, 1, "hub", NULL, NULL, NULL } },
};

static struct device scan_one(const struct tree *t, const struct fake *f)
{
	struct device_list l = DEVICE_LIST_INIT;
	struct err e = ERR_INIT;
	struct device d;

	add(t, f);
	assert_ok(find_scan(t->root, false, &l, &e), e);
	assert_int_equal(l.n, 1);
	d = l.v[0];
	device_list_free(&l);
	unplug(t, f->port);
	return d;
}

static void assert_ports(const struct device *d, int diag, int nmea, int at, int modem)
{
	const struct {
		enum port_role role;
		int want;
	} v[] = {
		{ ROLE_DIAG, diag }, { ROLE_NMEA, nmea }, { ROLE_AT, at }, { ROLE_MODEM, modem }
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(v); i++) {
		const struct device_iface *f = device_role(d, v[i].role);

		if ((f ? f->desc.number : -1) != v[i].want)
			fail_msg("%04x:%04x: %s is interface %d, not %d", d->vid, d->pid,
				 port_role_name(v[i].role), f ? f->desc.number : -1, v[i].want);
	}
}

/* --- scan --- */

static void normal_modules_tell_their_ports(void **state)
{
	struct device d = scan_one(*state, &ec25);

	assert_int_equal(d.state, DEVICE_NORMAL);
	assert_string_equal(d.port, "1-1.4");
	assert_int_equal(d.bus, 1);
	assert_int_equal(d.dev, 7);
	assert_int_equal(d.speed_mbps, 480);
	assert_int_equal(d.bcd_device, 0x0318);
	assert_int_equal(d.n_ifaces, 5);
	assert_ports(&d, 0, 1, 2, 3);
	assert_string_equal(device_role(&d, ROLE_AT)->tty, "ttyUSB2");
	assert_string_equal(device_role(&d, ROLE_AT)->driver, "option");
	assert_string_equal(device_role(&d, ROLE_NET)->wdm, "cdc-wdm0");
	assert_string_equal(device_role(&d, ROLE_NET)->net, "wwan0");
	assert_int_equal(d.iface[0].desc.in_packet, 512);

	d = scan_one(*state, &rm520n);
	assert_int_equal(d.state, DEVICE_NORMAL);
	assert_int_equal(d.speed_mbps, 5000);
	assert_int_equal(d.iface[0].desc.out_packet, 1024);
	assert_ports(&d, 0, 1, 2, 3);
}

static void attribute_files_do_when_descriptors_are_missing(void **state)
{
	struct fake f = ec25;
	struct device d;

	f.no_descriptors = true;
	d = scan_one(*state, &f);
	assert_int_equal(d.state, DEVICE_NORMAL);
	assert_int_equal(d.n_ifaces, 5);
	assert_ports(&d, 0, 1, 2, 3);
	assert_int_equal(d.iface[2].desc.ep_in, 0x83);
	assert_true(d.iface[2].desc.has_interrupt);
}

static void diag_on_another_interface_is_found(void **state)
{
	/* EM05: interface 0 looks like DIAG and is not. */
	struct fake f = ec25;
	struct device d;

	f.pid = 0x030a;
	f.i[3] = (struct fake_iface){ 3, 0xff, 0xff, 0xff, 2, NULL, NULL, NULL, NULL };
	d = scan_one(*state, &f);
	assert_int_equal(device_role(&d, ROLE_DIAG)->desc.number, 3);

	/* ff/ff/30 beats the table: 030b is said to have DIAG on 2. */
	f = rm520n;
	f.pid = 0x030b;
	d = scan_one(*state, &f);
	assert_int_equal(device_role(&d, ROLE_DIAG)->desc.number, 0);

	/* EM061K: 0-1 MBIM, 2 GNSS, 3 DIAG, 4 NMEA, 5 AT, 6 QDSS, 7 DPL. */
	f = (struct fake){ .port = "1-3", .bus = 1, .dev = 3, .vid = 0x2c7c, .pid = 0x6008,
			   .speed = 480, .n = 8,
			   .i = { { 0, 2, 0x0e, 0, 3, NULL, NULL, NULL, NULL },
				  { 1, 0x0a, 0, 2, 2, NULL, NULL, NULL, NULL },
				  { 2, 0xff, 0, 0, 3, NULL, NULL, NULL, NULL },
				  { 3, 0xff, 0xff, 0x30, 2, NULL, NULL, NULL, NULL },
				  { 4, 0xff, 0, 0, 3, NULL, NULL, NULL, NULL },
				  { 5, 0xff, 0, 0x40, 3, NULL, NULL, NULL, NULL },
				  { 6, 0xff, 0xff, 0x70, 1, NULL, NULL, NULL, NULL },
				  { 7, 0xff, 0xff, 0x80, 1, NULL, NULL, NULL, NULL } } };
	d = scan_one(*state, &f);
	assert_int_equal(d.state, DEVICE_NORMAL);
	assert_ports(&d, 3, 4, 5, -1);
	assert_int_equal(device_role(&d, ROLE_QDSS)->desc.number, 6);
	assert_int_equal(device_role(&d, ROLE_DPL)->desc.number, 7);
}

static void one_interface_left_is_a_download_state(void **state)
{
	struct fake f = edl_plain;
	struct device d = scan_one(*state, &edl_sn);

	assert_int_equal(d.state, DEVICE_EDL);
	assert_string_equal(d.chip_serial, "2A1BC3D4");
	assert_int_equal(device_role(&d, ROLE_EDL)->desc.number, 0);
	d = scan_one(*state, &edl_plain);
	assert_int_equal(d.state, DEVICE_EDL);
	assert_string_equal(d.chip_serial, "");
	assert_int_equal(scan_one(*state, &dump_900e).state, DEVICE_DUMP);

	/* The id that RM500Q keeps in its RAM dump state, RM551E in the boot ROM, others in the
	 * loader. */
	f.vid = 0x2c7c;
	f.pid = 0x0800;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_DUMP);
	f.pid = 0x0122;
	f.i[0].proto = 0x10;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_EDL);
	f.pid = 0x0125;
	d = scan_one(*state, &f);
	assert_int_equal(d.state, DEVICE_DOWNLOAD);
	assert_int_equal(device_role(&d, ROLE_EDL)->desc.number, 0);

	f.vid = 0x05c6;
	f.pid = 0x1234;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_EDL);
	f = ec25;
	f.vid = 0x05c6;
	f.pid = 0x900e;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_NORMAL);
	f = edl_plain;
	f.vid = 0x18d1;
	f.pid = 0xd00d;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_FASTBOOT);
	/* A single network interface is firmware, not a loader. */
	f = ec25;
	f.n = 1;
	f.i[0] = (struct fake_iface){ 0, 0xff, 0xff, 0xff, 3, "qmi_wwan", NULL, NULL, NULL };
	assert_int_equal(scan_one(*state, &f).state, DEVICE_NORMAL);
	/* Not configured yet: too early to say. */
	f.n = 0;
	assert_int_equal(scan_one(*state, &f).state, DEVICE_UNKNOWN);
}

static void other_chips_are_never_taken_for_qualcomm(void **state)
{
	static const uint16_t pids[] = { 0x0900, 0x0901, 0x6005, 0x6026, 0x7001, 0x6fff, 0x8101 };
	struct fake f = ec25;
	struct device d;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		f.pid = pids[i];
		d = scan_one(*state, &f);
		assert_int_equal(d.state, DEVICE_NOT_QUALCOMM);
		assert_non_null(d.known->chip_maker);
		f.n = 1;
		assert_int_equal(scan_one(*state, &f).state, DEVICE_NOT_QUALCOMM);
		f.n = 5;
	}
}

static void unrelated_devices_are_listed_only_when_asked_for(void **state)
{
	struct device_list l = DEVICE_LIST_INIT;
	struct err e = ERR_INIT;
	struct tree *t = *state;

	add(t, &mouse);
	add(t, &hub);
	add(t, &ec25);
	assert_ok(find_scan(t->root, false, &l, &e), e);
	assert_int_equal(l.n, 1);
	device_list_free(&l);
	assert_ok(find_scan(t->root, true, &l, &e), e);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.v[0].port, "1-1");
	assert_int_equal(l.v[0].state, DEVICE_UNRELATED);
	assert_string_equal(l.v[1].port, "1-1.4");
	assert_int_equal(l.v[2].state, DEVICE_UNRELATED);
	device_list_free(&l);
	assert_ok(find_scan("/tmp/no/such/root", false, &l, &e), e);
	assert_int_equal(l.n, 0);
}

static void strings_of_the_device_cannot_carry_control_characters(void **state)
{
	struct fake f = edl_plain;
	struct device d;

	f.product = "QUSB\x1b[2J\x07_SN:12zz";
	d = scan_one(*state, &f);
	assert_string_equal(d.product, "QUSB?[2J?_SN:12zz");
	assert_string_equal(d.chip_serial, "");
	f.product = "QUSB_SN:1234567890ABCDEF01234";
	assert_int_equal(strlen(scan_one(*state, &f).chip_serial), 16);
}

/* --- select --- */

static void several_modules_are_never_guessed_between(void **state)
{
	struct device_list l = DEVICE_LIST_INIT;
	struct selector sel = { 0 };
	const struct device *d = NULL;
	struct err e = ERR_INIT;
	struct tree *t = *state;
	struct fake other = ec25;

	add(t, &ec25);
	assert_ok(find_scan(t->root, false, &l, &e), e);
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_string_equal(d->port, "1-1.4");
	device_list_free(&l);

	d = NULL;
	add(t, &edl_plain);
	other.port = "1-3";
	other.pid = 0x6005;
	add(t, &other);
	assert_ok(find_scan(t->root, false, &l, &e), e);
	assert_int_equal(l.n, 3);
	assert_err(find_select(t->root, &l, &sel, &d, &e), e, ERR_USAGE);
	assert_null(d);
	assert_non_null(strstr(e.msg, "1-1.4 2c7c:0125"));
	assert_non_null(strstr(e.msg, "3-2 05c6:9008"));
	assert_null(strstr(e.msg, "1-3 ")); /* not a candidate: another maker's chip */

	sel.states = STATE_BIT(DEVICE_EDL);
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_string_equal(d->port, "3-2");
	sel = (struct selector){ .address = "/dev/ttyUSB2" };
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_string_equal(d->port, "1-1.4");
	sel = (struct selector){ .address = "unix:/tmp/x" };
	assert_err(find_select(t->root, &l, &sel, &d, &e), e, ERR_USAGE);
	device_list_free(&l);
}

static void selection_follows_port_serial_and_imei(void **state)
{
	struct device_list l = DEVICE_LIST_INIT;
	struct selector sel = { .port = "2-1.4" };
	const struct device *d = NULL;
	struct err e = ERR_INIT;
	struct tree *t = *state;

	add(t, &edl_sn);
	add(t, &edl_plain);
	assert_ok(find_scan(t->root, false, &l, &e), e);
	/* Known as 2-1.4 while it ran at SuperSpeed. */
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_string_equal(d->port, "1-1.4");
	sel = (struct selector){ .serial = "0x2a1bc3d4" };
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_string_equal(d->port, "1-1.4");
	sel = (struct selector){ .serial = "2a1bc3d4", .port = "3-2" };
	assert_err(find_select(t->root, &l, &sel, &d, &e), e, ERR_NODEV);
	assert_non_null(strstr(e.msg, "seen: "));
	sel = (struct selector){ .imei = "490154203237518" };
	assert_err(find_select(t->root, &l, &sel, &d, &e), e, ERR_NODEV);
	strcpy(l.v[1].imei, "490154203237518");
	assert_ok(find_select(t->root, &l, &sel, &d, &e), e);
	assert_ptr_equal(d, &l.v[1]);
	device_list_free(&l);
	sel = (struct selector){ 0 };
	assert_err(find_select(t->root, &l, &sel, &d, &e), e, ERR_NODEV);
	assert_non_null(strstr(e.msg, "is attached"));
}

static void companion_ports_belong_to_one_controller(void **state)
{
	struct tree *t = *state;
	char dir[512], hubs[512];
	static const char *const on[] = { "1a", "1a", "1b", "1b" };
	unsigned i;

	assert_true(port_is_same(t->root, "4-1", "4-1"));
	assert_true(port_is_same(t->root, "4-1", "3-1"));
	assert_false(port_is_same(t->root, "4-1", "3-1.1"));
	assert_false(port_is_same(t->root, "4-1", "4-2"));
	for (i = 0; i < 4; i++) {
		snprintf(dir, sizeof(dir), "%s/sys/devices/pci/%s/usb%u", t->root, on[i], i + 1);
		must_mkdirs(dir);
		snprintf(hubs, sizeof(hubs), "%s/sys/bus/usb/devices/usb%u", t->root, i + 1);
		assert_int_equal(symlink(dir, hubs), 0);
	}
	assert_true(port_is_same(t->root, "4-1", "3-1"));
	assert_true(port_is_same(t->root, "2-1.4", "1-1.4"));
	assert_false(port_is_same(t->root, "4-1", "1-1"));
}

/* --- wait --- */

struct act {
	const struct tree *t;
	const char *gone; /* leaves first */
	struct fake come; /* then this comes, stays, and leaves again */
	uint32_t after_ms, stay_ms;
	pthread_t thread;
};

static void *act_run(void *arg)
{
	struct act *a = arg;

	clock_sleep_ms(a->after_ms);
	if (a->gone)
		unplug(a->t, a->gone);
	add(a->t, &a->come);
	clock_sleep_ms(a->stay_ms);
	unplug(a->t, a->come.port);
	return NULL;
}

static void a_short_appearance_on_the_usb2_side_is_caught(void **state)
{
	struct tree *t = *state;
	struct fake before = rm520n;
	struct act a = { .t = t, .gone = "4-1", .come = edl_sn, .after_ms = 80, .stay_ms = 160 };
	struct wait_rule rule = { .root = t->root, .states = STATE_BIT(DEVICE_EDL), .port = "4-1",
				  .timeout_ms = 3000 };
	struct err e = ERR_INIT;
	struct device d;

	before.port = "4-1";
	before.bus = 4;
	a.come.port = "3-1";
	a.come.bus = 3;
	add(t, &before);
	add(t, &edl_plain); /* another module's boot ROM at 3-2 is nobody's business */
	assert_int_equal(pthread_create(&a.thread, NULL, act_run, &a), 0);
	assert_ok(find_wait(&rule, &d, &e), e);
	pthread_join(a.thread, NULL);
	assert_string_equal(d.port, "3-1");
	assert_int_equal(d.state, DEVICE_EDL);
	assert_string_equal(d.chip_serial, "2A1BC3D4");
}

static void waiting_ends_with_what_was_seen(void **state)
{
	struct tree *t = *state;
	struct cancel cancel = { 0 };
	struct wait_rule rule = { .root = t->root, .states = STATE_BIT(DEVICE_EDL), .port = "1-1.4",
				  .timeout_ms = 60, .cancel = &cancel };
	struct err e = ERR_INIT;
	struct device d;

	add(t, &ec25);
	add(t, &edl_plain);
	assert_err(find_wait(&rule, &d, &e), e, ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "1-1.4 2c7c:0125"));
	rule.timeout_ms = 60000;
	cancel.signal = 2;
	assert_err(find_wait(&rule, &d, &e), e, ERR_CANCELLED);
}

static void newcomers_are_told_apart_or_refused(void **state)
{
	struct tree *t = *state;
	struct device_list before = DEVICE_LIST_INIT;
	struct wait_rule rule = { .root = t->root, .states = STATE_BIT(DEVICE_EDL),
				  .timeout_ms = 1000 };
	struct fake second = edl_plain;
	struct err e = ERR_INIT;
	struct device d;

	add(t, &edl_plain);
	assert_ok(find_scan(t->root, false, &before, &e), e);
	rule.before = &before;
	rule.timeout_ms = 0;
	assert_err(find_wait(&rule, &d, &e), e, ERR_TIMEOUT);
	add(t, &edl_sn);
	assert_ok(find_wait(&rule, &d, &e), e);
	assert_string_equal(d.port, "1-1.4");

	second.port = "5-1";
	second.bus = 5;
	add(t, &second);
	assert_err(find_wait(&rule, &d, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "5-1 "));
	assert_null(strstr(e.msg, "3-2 "));
	rule.chip_serial = "2a1bc3d4";
	rule.port = "9-9";
	assert_ok(find_wait(&rule, &d, &e), e);
	assert_string_equal(d.port, "1-1.4");
	/* One that tells another serial is not ours, even at our port. */
	rule.chip_serial = "11111111";
	rule.port = "1-1.4";
	assert_err(find_wait(&rule, &d, &e), e, ERR_TIMEOUT);
	/* Elsewhere: only after a while, only when allowed. */
	rule.timeout_ms = 2000;
	rule.anywhere = true;
	assert_ok(find_wait(&rule, &d, &e), e);
	assert_string_equal(d.port, "5-1");
	device_list_free(&before);
}

/* Two modules are taken to EDL at once by two runs of salvor: the other one's boot ROM, which may come up
 * first, must not be taken for ours. */
static void waiting_never_takes_what_comes_up_in_anothers_place(void **state)
{
	struct tree *t = *state;
	struct device_list before = DEVICE_LIST_INIT;
	struct wait_rule rule = { .root = t->root,
				  .states = STATE_BIT(DEVICE_EDL),
				  .port = "3-2",
				  .anywhere = true,
				  .before = &before,
				  .timeout_ms = 700 };
	struct device d;
	struct err e = ERR_INIT;

	add(t, &ec25);
	assert_ok(find_scan(t->root, false, &before, &e), e);
	unplug(t, "1-1.4");
	add(t, &edl_sn);
	assert_err(find_wait(&rule, &d, &e), e, ERR_TIMEOUT);
	device_list_free(&before);
}

/* --- holders, opening --- */

static void holders_are_named_with_their_service(void **state)
{
	struct tree *t = *state;
	struct holders h;
	struct err e = ERR_INIT;
	char dir[512], path[1024];

	snprintf(dir, sizeof(dir), "%s/proc/812/fd", t->root);
	must_mkdirs(dir);
	snprintf(path, sizeof(path), "%s/9", dir);
	assert_int_equal(symlink("/dev/ttyUSB2", path), 0);
	snprintf(dir, sizeof(dir), "%s/proc/812", t->root);
	put_text(dir, "comm", "ModemManager\n");
	put_text(dir, "cgroup", "0::/system.slice/ModemManager.service\n");
	snprintf(dir, sizeof(dir), "%s/proc/900/fd", t->root);
	must_mkdirs(dir);
	snprintf(path, sizeof(path), "%s/3", dir);
	assert_int_equal(symlink("/dev/ttyUSB22", path), 0);

	assert_ok(holders_scan(t->root, "/dev/ttyUSB2", &h, &e), e);
	assert_int_equal(h.n, 1);
	assert_int_equal(h.v[0].pid, 812);
	assert_string_equal(h.v[0].comm, "ModemManager");
	assert_string_equal(h.v[0].unit, "ModemManager.service");
	err_set(&e, ERR_BUSY, "busy");
	holders_append(t->root, "/dev/ttyUSB2", &e);
	assert_string_equal(e.msg, "busy (held by ModemManager, pid 812, ModemManager.service)");
	assert_ok(holders_scan(t->root, "/dev/ttyUSB7", &h, &e), e);
	assert_int_equal(h.n, 0);
}

static void interfaces_of_an_emulated_module_are_sockets(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct tree *t = *state;
	struct device d = scan_one(t, &edl_plain);
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char dir[512];
	int listener;

	assert_err(open_role(t->root, &d, ROLE_AT, NULL, &l, &e), e, ERR_UNSUPPORTED);
	assert_err(open_role(t->root, &d, ROLE_EDL, NULL, &l, &e), e, ERR_NODEV);
	snprintf(dir, sizeof(dir), "%s/dev/bus/usb/003", t->root);
	must_mkdirs(dir);
	assert_true((size_t)snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s/002:0", dir) <
		    sizeof(sa.sun_path));
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_ok(open_role(t->root, &d, ROLE_EDL, NULL, &l, &e), e);
	assert_string_equal(l->ops->name, "socket");
	link_close(l);
	close(listener);
}

/* --- tables and the rule file --- */

static void the_tables_have_no_duplicates_and_no_strangers(void **state)
{
	size_t n, m, i, k;
	const struct known_device *v = known_all(&n);
	const struct known_vendor *u = known_all_vendors(&m);

	(void)state;
	for (i = 0; i < n; i++) {
		assert_non_null(v[i].model);
		assert_true((v[i].kind == KNOWN_OTHER_CHIP) == (v[i].chip_maker != NULL));
		assert_non_null(known_find_vendor(v[i].vid));
		for (k = i + 1; k < n; k++)
			assert_true(v[i].vid < v[k].vid ||
				    (v[i].vid == v[k].vid && v[i].pid < v[k].pid));
	}
	for (i = 0; i < m; i++) {
		for (k = i + 1; k < m; k++)
			assert_true(u[i].vid < u[k].vid);
	}
}

/* Is there a line for this vendor with this product (or for all of them) that does `what`? */
static bool rule_covers(const char *rules, uint16_t vid, uint16_t pid, const char *what)
{
	char v[8], p[8], line[512];
	const char *at = rules;

	snprintf(v, sizeof(v), "%04x", vid);
	snprintf(p, sizeof(p), "%04x", pid);
	while (*at) {
		size_t n = strcspn(at, "\n");
		const char *prod;

		snprintf(line, sizeof(line), "%.*s", (int)n, at);
		at += n + (at[n] == '\n');
		if (line[0] == '#' || strncmp(line, "ATTR{idVendor}==", 16) != 0 ||
		    !strstr(line, what))
			continue;
		prod = strstr(line, "ATTR{idProduct}");
		if (strstr(line, v) && strstr(line, v) < (prod ? prod : line + 60) &&
		    (!prod || strstr(prod, p)))
			return true;
	}
	return false;
}

static void the_udev_rule_covers_every_known_id(void **state)
{
	const char *top = getenv("top_srcdir");
	struct buf b = BUF_INIT(65536);
	struct err e = ERR_INIT;
	const struct known_device *v;
	char path[1024];
	size_t n, i;

	(void)state;
	snprintf(path, sizeof(path), "%s/src/device/70-salvor.rules", top ? top : ".");
	assert_ok(fs_read_file(path, &b, &e), e);
	assert_ok(buf_add(&b, "", 1, &e), e);
	v = known_all(&n);
	for (i = 0; i < n; i++) {
		bool download = v[i].kind != KNOWN_MODULE && v[i].kind != KNOWN_OTHER_CHIP;

		if (!rule_covers((char *)b.p, v[i].vid, v[i].pid, "uaccess"))
			fail_msg("no access rule for %04x:%04x", v[i].vid, v[i].pid);
		if (download &&
		    !rule_covers((char *)b.p, v[i].vid, v[i].pid, "ID_MM_DEVICE_IGNORE"))
			fail_msg("ModemManager is not kept off %04x:%04x", v[i].vid, v[i].pid);
	}
	buf_fini(&b);
}

static void damaged_descriptors_give_what_is_whole(void **state)
{
	uint8_t bytes[1024];
	size_t n = make_descriptors(&ec25, bytes, sizeof(bytes)), i;
	struct usb_desc u;
	struct err e = ERR_INIT;

	(void)state;
	for (i = 0; i <= n; i++) {
		/* Of exactly this size, so that the address sanitizer sees the first byte past it.
		 */
		uint8_t *cut = malloc(i ? i : 1);

		memcpy(cut, bytes, i);
		if (usb_desc_parse(SLICE(cut, i), 1, &u, &e) == 0)
			assert_in_range(u.n_ifaces, 0, 5);
		else
			assert_true(i < 27 && e.kind == ERR_PROTO);
		free(cut);
	}
	assert_ok(usb_desc_parse(SLICE(bytes, n), 0, &u, &e), e);
	assert_int_equal(u.vid, 0x2c7c);
	assert_int_equal(u.pid, 0x0125);
	assert_int_equal(u.n_ifaces, 5);
	assert_err(usb_desc_parse(SLICE(bytes, n), 2, &u, &e), e, ERR_PROTO);
}

#define test_in_tree(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test_in_tree(normal_modules_tell_their_ports),
		test_in_tree(attribute_files_do_when_descriptors_are_missing),
		test_in_tree(diag_on_another_interface_is_found),
		test_in_tree(one_interface_left_is_a_download_state),
		test_in_tree(other_chips_are_never_taken_for_qualcomm),
		test_in_tree(unrelated_devices_are_listed_only_when_asked_for),
		test_in_tree(strings_of_the_device_cannot_carry_control_characters),
		test_in_tree(several_modules_are_never_guessed_between),
		test_in_tree(selection_follows_port_serial_and_imei),
		test_in_tree(companion_ports_belong_to_one_controller),
		test_in_tree(a_short_appearance_on_the_usb2_side_is_caught),
		test_in_tree(waiting_ends_with_what_was_seen),
		test_in_tree(newcomers_are_told_apart_or_refused),
		test_in_tree(waiting_never_takes_what_comes_up_in_anothers_place),
		test_in_tree(holders_are_named_with_their_service),
		test_in_tree(interfaces_of_an_emulated_module_are_sockets),
		cmocka_unit_test(the_tables_have_no_duplicates_and_no_strangers),
		cmocka_unit_test(the_udev_rule_covers_every_known_id),
		cmocka_unit_test(damaged_descriptors_give_what_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
