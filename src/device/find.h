/*
 * Which modules are attached, by sysfs. Everything takes a `root` that is put in front of /sys and
 * /dev: "" is this machine, tests and emulated modules bring a folder of their own.
 */
#ifndef SALVOR_DEVICE_FIND_H
#define SALVOR_DEVICE_FIND_H

#include "device/known.h"
#include "device/usb_desc.h"

#include "base/cancel.h"
#include "base/err.h"

enum device_state {
	DEVICE_UNKNOWN,  /* concerns us, but neither firmware nor boot ROM is recognised */
	DEVICE_NORMAL,   /* running firmware */
	DEVICE_EDL,      /* boot ROM or programmer: Sahara, Firehose */
	DEVICE_DUMP,     /* Sahara memory debug */
	DEVICE_DOWNLOAD, /* the boot loader's own download mode, vendor id kept, one interface */
	DEVICE_FASTBOOT,
	DEVICE_NOT_QUALCOMM, /* looks like one of ours, but holds another maker's chip */
	DEVICE_UNRELATED,    /* hubs, mice: only listed when asked for */
};

#define STATE_BIT(s) (1u << (s))
/* States in which there is something to talk to. */
#define STATES_USABLE                                                                              \
	(STATE_BIT(DEVICE_NORMAL) | STATE_BIT(DEVICE_EDL) | STATE_BIT(DEVICE_DUMP) |               \
	 STATE_BIT(DEVICE_DOWNLOAD) | STATE_BIT(DEVICE_FASTBOOT))

enum port_role {
	ROLE_NONE,
	ROLE_DIAG,
	ROLE_NMEA,
	ROLE_AT,
	ROLE_MODEM, /* AT too, but dialled by networks */
	ROLE_NET,   /* QMI, MBIM, ECM, RNDIS */
	ROLE_EDL,   /* the one interface of EDL, dump and download mode */
	ROLE_ADB,
	ROLE_QDSS,
	ROLE_DPL,
};

struct device_iface {
	struct usb_iface_desc desc;
	enum port_role role;
	char driver[32]; /* bound kernel driver, or "" */
	char tty[32];    /* "ttyUSB0", or "" */
	char wdm[32];    /* "cdc-wdm0", or "" */
	char net[32];    /* "wwan0", or "" */
};

struct device {
	char port[32];          /* topology: "1-1.4" */
	unsigned bus, dev;      /* sysfs busnum, devnum */
	uint16_t vid, pid, bcd_device;
	unsigned speed_mbps;
	/* Strings of the device; what is not printable ASCII has become '?'. */
	char manufacturer[64], product[128], serial[64];
	char chip_serial[17];   /* upper-case hex out of "_SN:" in the product string, or "" */
	char imei[17];          /* sysfs does not tell: filled in by whoever asked the module */
	enum device_state state;
	const struct known_device *known; /* NULL when the id is not in the table */
	unsigned n_ifaces;
	struct device_iface iface[USB_IFACES_MAX];
};

struct device_list {
	struct device *v; /* sorted by port */
	size_t n;
};

#define DEVICE_LIST_INIT { NULL, 0 }

/* Lists what is attached; with `all`, hubs and unrelated devices too. A machine without USB has an
 * empty list. */
int find_scan(const char *root, bool all, struct device_list *ret, struct err *e) _must_check_;
void device_list_free(struct device_list *l);

/* "normal", "edl" ... */
const char *device_state_name(enum device_state s);
const char *port_role_name(enum port_role r);
/* "1-1.4 2c7c:0125 EC25, EC20, EG25 (normal)" */
void device_describe(const struct device *d, char *out, size_t cap);
/* The interface with that role, or NULL. */
const struct device_iface *device_role(const struct device *d, enum port_role role);

/*
 * Are these two names of one physical port? The same text, or the two halves of a USB 3 port: a
 * module that runs at SuperSpeed on 2-1.4 comes back as a High Speed boot ROM on 1-1.4. The chain
 * behind the root hub must be equal, and both root hubs must belong to one controller where sysfs
 * tells.
 */
bool port_is_same(const char *root, const char *a, const char *b);

/* --- choosing one (select.c) --- */

/* The same hex number, whatever the case, the leading zeros and a leading 0x. */
bool serial_is_same(const char *a, const char *b);

/* All given members must fit; NULL or 0 = does not matter. */
struct selector {
	const char *port;    /* "1-1.4" */
	const char *serial;  /* of the chip, in hex, or the USB serial string */
	const char *imei;
	const char *address; /* "/dev/ttyUSB2", "ttyUSB2", "/dev/cdc-wdm0" */
	unsigned states;     /* STATE_BIT()s; 0 = STATES_USABLE */
};

/*
 * The one device that fits; *ret points into `l`. Never guesses: several candidates are ERR_USAGE
 * and the message lists them, none is ERR_NODEV and the message says what was seen instead. A
 * "unix:" or "tcp:" address is not a USB device: ERR_USAGE, use open_address().
 */
int find_select(const char *root, const struct device_list *l, const struct selector *sel,
		const struct device **ret, struct err *e) _must_check_;

/* --- waiting for one (wait.c) --- */

struct wait_rule {
	const char *root;
	unsigned states;         /* STATE_BIT()s that are wanted; 0 = STATES_USABLE */
	const char *port;        /* physical port; NULL = any */
	const char *chip_serial; /* NULL = any. A device that tells this serial is taken wherever it
				    is; one that tells another never is */
	bool anywhere;           /* with `port`: a single newcomer elsewhere will do after 500 ms, but
				    not where another module of `before` was */
	const struct device_list *before; /* what was there already does not count; may be NULL */
	uint32_t timeout_ms;
	const struct cancel *cancel;      /* may be NULL */
};

/*
 * Looks every 50 ms until a device fits. Then, while udev has not granted access to its node yet,
 * waits up to a second more. ERR_TIMEOUT says what was seen last; ERR_USAGE when several newcomers
 * fit and nothing tells them apart; ERR_CANCELLED.
 */
int find_wait(const struct wait_rule *rule, struct device *ret, struct err *e) _must_check_;

#endif
