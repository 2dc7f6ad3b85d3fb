/* The USB descriptors as sysfs shows them: device descriptor, then the configuration. Shapes as in
 * edl-transport.md section 1.3 (bytes of a real EC25 in EDL) and USB 2.0 chapter 9. */
#include "tests/emu/emu_int.h"

int usb_desc_build(struct emu_usb *u, bool has_serial)
{
	struct writer w = writer_of(u->desc, sizeof(u->desc));
	bool ss = u->speed_mbps >= 5000;
	size_t conf;
	unsigned i, e;

	wr_u8(&w, 18);
	wr_u8(&w, 1);
	wr_le16(&w, ss ? 0x0300 : 0x0200);
	wr_fill(&w, 0, 3);
	wr_u8(&w, ss ? 9 : 64); /* ep0: 2^9 at SuperSpeed */
	wr_le16(&w, u->vid);
	wr_le16(&w, u->pid);
	wr_le16(&w, u->bcd_device);
	wr_u8(&w, u->manufacturer ? 1 : 0);
	wr_u8(&w, u->product ? 2 : 0);
	wr_u8(&w, has_serial ? 3 : 0);
	wr_u8(&w, 1);

	conf = w.n;
	wr_u8(&w, 9);
	wr_u8(&w, 2);
	wr_le16(&w, 0); /* total length, below */
	wr_u8(&w, (uint8_t)u->n_ifaces);
	wr_u8(&w, 1);
	wr_u8(&w, 0);
	wr_u8(&w, 0x80);
	wr_u8(&w, 1);
	for (i = 0; i < u->n_ifaces; i++) {
		const struct emu_iface *f = &u->iface[i];
		uint8_t eps[3] = { f->ep_int, f->ep_in, f->ep_out };

		wr_u8(&w, 9);
		wr_u8(&w, 4);
		wr_u8(&w, f->number);
		wr_u8(&w, 0);
		wr_u8(&w, (uint8_t)((f->ep_in != 0) + (f->ep_out != 0) + (f->ep_int != 0)));
		wr_u8(&w, f->cls);
		wr_u8(&w, f->sub);
		wr_u8(&w, f->proto);
		wr_u8(&w, 0);
		for (e = 0; e < 3; e++) {
			bool intr = e == 0;

			if (!eps[e])
				continue;
			wr_u8(&w, 7);
			wr_u8(&w, 5);
			wr_u8(&w, eps[e]);
			wr_u8(&w, intr ? 3 : 2); /* interrupt, bulk */
			wr_le16(&w, intr ? 10 : (uint16_t)u->max_packet);
			wr_u8(&w, intr ? 9 : 0);
			if (ss) { /* SuperSpeed endpoint companion */
				wr_u8(&w, 6);
				wr_u8(&w, 0x30);
				wr_fill(&w, 0, 4);
			}
		}
	}
	if (w.overflow)
		return -1;
	put_le16(u->desc + conf + 2, (uint16_t)(w.n - conf));
	u->desc_len = w.n;
	return 0;
}
