/* Shared by the parts of the usbfs face; nobody else includes it. */
#ifndef SALVOR_TESTS_USBFACE_INT_H
#define SALVOR_TESTS_USBFACE_INT_H

#include "tests/emu/usbface.h"

#include <pthread.h>
#include <umockdev.h>

#define USBFACE_MODULES 8
#define USBFACE_BUSSES 8
#define USBFACE_HUBS 32
#define USBFACE_TTYS 64

struct opener;
struct usbdev;

/* Interrupt endpoints exist and say nothing. */
enum urb_dir { URB_OUT, URB_IN, URB_INT, URB_DIRS };

/* One URB from SUBMITURB to REAPURB. */
struct urb {
	struct urb *next;
	struct opener *owner;
	UMockdevIoctlData *data; /* the client's struct usbdevfs_urb */
	unsigned flags;
	uint8_t endpoint;
	bool is_in;
	bool zero_due;           /* the data is out, the empty packet after it is not */
	const uint8_t *out;      /* lives in a child of `data` */
	uint8_t *in;
	size_t len, done;
	int status;
};

struct urb_list {
	struct urb *head, **tail;
};

/* One open usbfs file. */
struct opener {
	struct opener *next;
	struct usbdev *dev;
	UMockdevIoctlClient *client; /* not a reference: ends with the notification that it left */
	struct urb_list done;
	uint32_t claimed;            /* bit per interface number */
	uint32_t disabled_in;        /* endpoints that wait for a non-continuation URB */
	bool waits;                  /* in a REAPURB that blocks */
	GMainContext *context;
	unsigned tries;              /* of a claim that found it busy */
};

struct tty {
	unsigned iface;        /* interface number */
	int number;            /* of ttyUSBn; -1 = none */
	int master, slave;
	unsigned opens;
	uint8_t out[4096];     /* from the client, not yet taken by the module */
	size_t out_n;
	uint8_t in[16384];     /* from the module, not yet taken by the pty */
	size_t in_at, in_n;
};

/* One life on the bus. Kept until the face closes, because clients keep files open. */
struct usbdev {
	struct usbdev *next;
	struct usbface *face;
	struct emu *emu;
	struct emu_usb usb;               /* its strings are copies */
	char *manufacturer, *product, *serial;
	char port[32], name[32];          /* "1-1.4" */
	char node[32];                    /* "/dev/bus/usb/001/002" */
	char sys[192];                    /* "/sys/devices/..." */
	unsigned bus, number;
	bool gone;
	bool bound[EMU_MAX_INTERFACES];   /* to its kernel driver; by index, not number */
	int master, slave;                /* of the pty that stands for the node */
	struct opener *openers;
	struct urb_list pending[EMU_MAX_INTERFACES][URB_DIRS];
	struct tty tty[EMU_MAX_INTERFACES];
	unsigned n_done;                  /* URBs waiting to be reaped, all openers */
	bool is_ready;                    /* what poll() on the node says */
};

struct module {
	struct emu *emu;
	char port[32];       /* "" = the module's own */
	unsigned generation;
	struct usbdev *dev;  /* NULL while off the bus */
};

struct usbface {
	pthread_mutex_t lock;
	pthread_t service;
	bool service_runs, stop;
	int wake;                 /* eventfd */
	uint64_t sleeps_until_ms; /* of the service thread */
	enum usbface_host host;
	UMockdevTestbed *bed;
	UMockdevIoctlBase *handler;
	struct module module[USBFACE_MODULES];
	unsigned n_modules;
	struct usbdev *devs;
	unsigned last_number[USBFACE_BUSSES];
	char hub[USBFACE_HUBS][32]; /* names of root hubs and hubs made so far */
	unsigned n_hubs;
	bool tty_used[USBFACE_TTYS], tty_attached[USBFACE_TTYS];
	struct usbface_counters n;
};

/* usbface.c; all with the lock held */
uint64_t usbface_now_ms(void);
/* Runs everything that can run for this module's device: time, transfers, ttys, a new life. */
void usbface_settle(struct usbface *f, struct emu *m);
void usbface_wake(struct usbface *f);
int usbface_pty(int *ret_master, int *ret_slave, char *name, size_t name_n);

/* usbface_sysfs.c; all with the lock held */
struct usbdev *usbdev_arrive(struct usbface *f, struct module *mod);
void usbdev_leave(struct usbdev *d);
void usbdev_free(struct usbdev *d);
/* Index of the interface with this number, or -1. */
int usbdev_iface(const struct usbdev *d, unsigned number);
void usbdev_bind(struct usbdev *d, unsigned index);
void usbdev_unbind(struct usbdev *d, unsigned index);

/* usbface_ioctl.c */
void usbface_attach_handlers(struct usbface *f);
/* usbfs claims for those who forgot to, and grumbles in the kernel log. 0 or -errno. Lock held. */
int usbface_check_claim(struct opener *o, unsigned number);

/* usbface_urb.c; all with the lock held, results 0 or -errno */
int urb_submit(struct opener *o, UMockdevIoctlData *arg);
/* Hands one finished URB to the client that asks for it. */
int urb_reap(struct opener *o, UMockdevIoctlClient *client);
int urb_discard(struct opener *o, uint64_t address);
void urbs_forget(struct opener *o);
/* Moves bytes for all URBs that can move; true when something changed. */
bool usbdev_pump(struct usbdev *d);
/* Ends every URB of a device that left. */
void usbdev_kill_urbs(struct usbdev *d, int status);
void usbdev_show_ready(struct usbdev *d);

#endif
