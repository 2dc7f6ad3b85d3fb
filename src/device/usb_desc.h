/* The `descriptors` file of sysfs: the device descriptor and the configurations as the device sent
 * them, little-endian on every host (unlike the usbfs node, which hands out some fields in host
 * order). */
#ifndef SALVOR_DEVICE_USB_DESC_H
#define SALVOR_DEVICE_USB_DESC_H

#include "base/bytes.h"

#define USB_IFACES_MAX 32

struct usb_iface_desc {
	uint8_t number, cls, sub, proto;
	uint8_t n_eps;
	uint8_t ep_in, ep_out;   /* first bulk endpoints, 0 = none */
	uint16_t in_packet, out_packet;
	bool has_interrupt;
};

struct usb_desc {
	uint16_t vid, pid, bcd_device;
	uint8_t config;          /* bConfigurationValue of the one that was taken */
	unsigned n_ifaces;       /* setting 0 of each */
	struct usb_iface_desc iface[USB_IFACES_MAX];
};

/* Takes configuration `config` (0 = the first). What follows a damaged descriptor is not looked at.
 * ERR_PROTO when there is no device descriptor or not that configuration. */
int usb_desc_parse(struct slice bytes, uint8_t config, struct usb_desc *ret, struct err *e)
	_must_check_;

#endif
