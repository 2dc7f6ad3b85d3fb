#include "device/classify.h"

#include <ctype.h>
#include <string.h>

#define VID_QUALCOMM 0x05c6
#define VID_QUECTEL  0x2c7c

static bool has_triple(const struct usb_iface_desc *f, uint8_t cls, uint8_t sub, uint8_t proto)
{
	return f->cls == cls && f->sub == sub && f->proto == proto;
}

static bool has_bulk_pair(const struct usb_iface_desc *f)
{
	return f->ep_in && f->ep_out;
}

/* DIAG, EDL and download interfaces have a bulk pair and nothing else; AT, NMEA and QMI have an
 * interrupt endpoint too. */
static bool is_bare_pair(const struct usb_iface_desc *f)
{
	return f->cls == 0xff && has_bulk_pair(f) && !f->has_interrupt;
}

/* qdl's rule for boot ROM and programmer: ff/ff/ff on MDM9x07, 11 on SDX55, 10 or 13 on later ones.
 */
static bool is_edl_iface(const struct usb_iface_desc *f)
{
	return is_bare_pair(f) && f->sub == 0xff &&
	       (f->proto == 0xff || f->proto == 0x10 || f->proto == 0x11 || f->proto == 0x13);
}

static bool is_fastboot_iface(const struct usb_iface_desc *f)
{
	return has_triple(f, 0xff, 0x42, 0x03);
}

/* --- ports --- */

/* ff/ff/30 with two endpoints is DIAG on newer modules and nothing else; ff/ff/ff with two
 * endpoints on older ones, where the table decides between several. */
static struct device_iface *find_diag(struct device *d)
{
	struct device_iface *old = NULL, *by_table = NULL, *at_zero = NULL;
	int fixed = d->known ? d->known->diag : PORT_UNKNOWN;
	unsigned i;

	for (i = 0; i < d->n_ifaces; i++) {
		struct device_iface *f = &d->iface[i];

		if (has_triple(&f->desc, 0xff, 0xff, 0x30) && is_bare_pair(&f->desc))
			return f;
		if (f->desc.cls != 0xff || !has_bulk_pair(&f->desc))
			continue;
		if (f->desc.number == fixed)
			by_table = f;
		if (f->desc.number == 0)
			at_zero = f;
		if (has_triple(&f->desc, 0xff, 0xff, 0xff) && is_bare_pair(&f->desc) &&
		    (!old || f->desc.number == fixed))
			old = f;
	}
	if (old)
		return old;
	if (by_table)
		return by_table;
	/* Zero is the rule for Quectel; for others it would be a guess. */
	return d->vid == VID_QUECTEL && fixed == PORT_UNKNOWN ? at_zero : NULL;
}

static enum port_role role_by_descriptor(const struct usb_iface_desc *f)
{
	if (has_triple(f, 0xff, 0x42, 0x01))
		return ROLE_ADB;
	if (has_triple(f, 0xff, 0xff, 0x70))
		return ROLE_QDSS;
	if (has_triple(f, 0xff, 0xff, 0x80))
		return ROLE_DPL;
	if (f->cls == 0x02 || f->cls == 0x0a || f->cls == 0xe0)
		return ROLE_NET;
	if (f->cls == 0xff && f->sub == 0xff && f->has_interrupt && f->proto != 0x40)
		return ROLE_NET;
	return ROLE_NONE;
}

static void give_role(struct device *d, int number, enum port_role role)
{
	unsigned i;

	for (i = 0; i < d->n_ifaces; i++) {
		struct device_iface *f = &d->iface[i];

		if (f->desc.number == number && f->role == ROLE_NONE && f->desc.cls == 0xff &&
		    f->desc.ep_in)
			f->role = role;
	}
}

static void classify_ports(struct device *d)
{
	const struct known_device *k = d->known;
	struct device_iface *diag = find_diag(d);
	unsigned i;

	for (i = 0; i < d->n_ifaces; i++)
		d->iface[i].role = role_by_descriptor(&d->iface[i].desc);
	if (diag)
		diag->role = ROLE_DIAG;
	if (k) {
		give_role(d, k->nmea, ROLE_NMEA);
		give_role(d, k->at, ROLE_AT);
		give_role(d, k->modem, ROLE_MODEM);
	}
	/* Unknown Quectel modules and rows without port numbers follow the standard layout, if
	 * their DIAG does. */
	if (d->vid == VID_QUECTEL && diag && diag->desc.number == 0 &&
	    (!k || k->at == PORT_UNKNOWN)) {
		give_role(d, 1, ROLE_NMEA);
		give_role(d, 2, ROLE_AT);
		give_role(d, 3, ROLE_MODEM);
	}
}

/* --- state --- */

/* One interface left: download or dump mode. Several: running firmware. (QFirehose's rule; a single
 * network interface is firmware in a reduced composition.) */
static enum device_state state_of(const struct device *d)
{
	const struct usb_iface_desc *f = &d->iface[0].desc;
	bool alone = d->n_ifaces == 1;
	unsigned i;

	if (d->known && d->known->kind == KNOWN_OTHER_CHIP)
		return DEVICE_NOT_QUALCOMM;
	if (d->n_ifaces == 0)
		return DEVICE_UNKNOWN; /* just appearing: not configured yet */
	if ((d->known && d->known->kind == KNOWN_FASTBOOT) || (alone && is_fastboot_iface(f)))
		return DEVICE_FASTBOOT;
	if (d->known && d->known->kind == KNOWN_EDL)
		return DEVICE_EDL;
	if (alone && is_bare_pair(f)) {
		if (d->known && d->known->kind == KNOWN_DUMP)
			return DEVICE_DUMP;
		if (d->known && d->known->kind == KNOWN_EDL_IF_ALONE)
			return DEVICE_EDL;
		if (d->vid == VID_QUALCOMM && is_edl_iface(f))
			return DEVICE_EDL;
		/* RM500Q and its sisters keep their id in the RAM dump state, RM551E in the boot
		 * ROM. */
		if (d->vid == VID_QUECTEL && d->pid == 0x0800)
			return DEVICE_DUMP;
		if (d->vid == VID_QUECTEL && d->pid == 0x0122 && is_edl_iface(f) &&
		    f->proto != 0xff)
			return DEVICE_EDL;
		return DEVICE_DOWNLOAD;
	}
	if (d->known)
		return DEVICE_NORMAL;
	for (i = 0; i < d->n_ifaces; i++) {
		if (d->iface[i].role == ROLE_DIAG)
			return DEVICE_NORMAL;
	}
	return DEVICE_UNKNOWN;
}

/* "QUSB_BULK_CID:0408_SN:2A1BC3D4": the part behind _SN: up to a space or underscore. */
static void take_chip_serial(struct device *d)
{
	const char *p = strstr(d->product, "_SN:");
	size_t n = 0;

	d->chip_serial[0] = '\0';
	if (!p)
		return;
	for (p += 4; isxdigit((unsigned char)*p); p++) {
		if (n == sizeof(d->chip_serial) - 1)
			return;
		d->chip_serial[n++] = (char)toupper((unsigned char)*p);
	}
	/* Anything else behind the digits means that it is not a serial as we know it. */
	if (*p != '\0' && *p != ' ' && *p != '_')
		n = 0;
	d->chip_serial[n] = '\0';
}

void device_classify(struct device *d)
{
	unsigned i;

	d->known = known_find(d->vid, d->pid);
	if (!id_is_related(d->vid, d->pid)) {
		d->state = DEVICE_UNRELATED;
		return;
	}
	classify_ports(d);
	d->state = state_of(d);
	take_chip_serial(d);
	if (!(STATE_BIT(d->state) & (STATE_BIT(DEVICE_EDL) | STATE_BIT(DEVICE_DUMP) |
				     STATE_BIT(DEVICE_DOWNLOAD))))
		return;
	for (i = 0; i < d->n_ifaces; i++)
		d->iface[i].role = ROLE_NONE;
	for (i = 0; i < d->n_ifaces; i++) {
		if (d->iface[i].desc.cls == 0xff && has_bulk_pair(&d->iface[i].desc)) {
			d->iface[i].role = ROLE_EDL;
			break;
		}
	}
}

bool id_is_related(uint16_t vid, uint16_t pid)
{
	const struct known_vendor *v = known_find_vendor(vid);

	return known_find(vid, pid) || (v && v->all);
}
