/* One interface of a USB device: its bulk endpoints, by libusb. */
#ifndef SALVOR_LINK_USB_H
#define SALVOR_LINK_USB_H

#include "link/link.h"

/*
 * Claims interface `iface` of the device at `bus`/`dev` (sysfs busnum and devnum). A kernel driver
 * that holds it is detached, and attached again at close. The endpoints are the first bulk pair of
 * the interface's descriptor.
 *
 * ERR_NODEV: no such device or interface. ERR_BUSY: another program has claimed it. ERR_HOST with
 * code EACCES: no permission, the message names the udev rule. ERR_UNSUPPORTED: no bulk pair.
 *
 * One transfer of the device is one read, as long as the caller's room and 16 KiB allow. A caller
 * that knows how much is to come should ask for exactly that: a transfer that fills its last packet
 * and is not followed by an empty one is only noticed at once when it fills the request, else after
 * a pause of some 40 ms.
 */
int usb_open(unsigned bus, unsigned dev, unsigned iface, struct log *log, struct link **ret,
	     struct err *e) _must_check_;

#endif
