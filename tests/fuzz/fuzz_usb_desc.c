#include "device/usb_desc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct usb_desc u;
	unsigned config;

	for (config = 0; config < 3; config++) {
		if (usb_desc_parse(SLICE(data, size), (uint8_t)config, &u, &e) < 0)
			continue;
		if (u.n_ifaces > USB_IFACES_MAX || (config && u.config != config))
			__builtin_trap();
	}
	return 0;
}
