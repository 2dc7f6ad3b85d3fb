#include "device/usb_desc.h"

/* USB 2.0, table 9-5 and section 9.6. */
enum { DT_DEVICE = 1, DT_CONFIG = 2, DT_INTERFACE = 4, DT_ENDPOINT = 5 };
enum { DEVICE_LEN = 18, CONFIG_LEN = 9, INTERFACE_LEN = 9, ENDPOINT_LEN = 7 };
enum { EP_TYPE_MASK = 3, EP_BULK = 2, EP_INTERRUPT = 3 };

static void take_endpoint(struct usb_iface_desc *f, struct slice d)
{
	uint8_t addr = d.p[2], type = d.p[3] & EP_TYPE_MASK;
	uint16_t packet = get_le16(d.p + 4) & 0x7ff;

	if (type == EP_INTERRUPT)
		f->has_interrupt = true;
	if (type != EP_BULK)
		return;
	if ((addr & 0x80) && !f->ep_in) {
		f->ep_in = addr;
		f->in_packet = packet;
	} else if (!(addr & 0x80) && !f->ep_out) {
		f->ep_out = addr;
		f->out_packet = packet;
	}
}

int usb_desc_parse(struct slice bytes, uint8_t config, struct usb_desc *ret, struct err *e)
{
	struct usb_desc u = { 0 };
	struct usb_iface_desc *f = NULL; /* the interface that endpoints belong to now */
	bool in_config = false, found = false;
	size_t off = DEVICE_LEN, len;

	if (bytes.n < DEVICE_LEN || bytes.p[0] != DEVICE_LEN || bytes.p[1] != DT_DEVICE)
		return err_set(e, ERR_PROTO, "%zu bytes do not begin with a device descriptor",
			       bytes.n);
	u.vid = get_le16(bytes.p + 8);
	u.pid = get_le16(bytes.p + 10);
	u.bcd_device = get_le16(bytes.p + 12);

	for (; bytes.n - off >= 2; off += len) {
		struct slice d;

		len = bytes.p[off];
		if (len < 2 || len > bytes.n - off)
			break;
		d = slice_sub(bytes, off, len);
		if (d.p[1] == DT_CONFIG && len >= CONFIG_LEN) {
			in_config = !found && (config == 0 || d.p[5] == config);
			f = NULL;
			if (in_config) {
				found = true;
				u.config = d.p[5];
			}
		} else if (d.p[1] == DT_INTERFACE && len >= INTERFACE_LEN && in_config) {
			f = NULL;
			if (d.p[3] == 0 && u.n_ifaces < USB_IFACES_MAX) {
				f = &u.iface[u.n_ifaces++];
				*f = (struct usb_iface_desc){ .number = d.p[2], .n_eps = d.p[4],
							      .cls = d.p[5], .sub = d.p[6],
							      .proto = d.p[7] };
			}
		} else if (d.p[1] == DT_ENDPOINT && len >= ENDPOINT_LEN && f) {
			take_endpoint(f, d);
		}
	}
	if (!found)
		return err_set(e, ERR_PROTO, "the descriptors hold no configuration %u", config);
	*ret = u;
	return 0;
}
