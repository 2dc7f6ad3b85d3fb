/*
 * Bulk transfers through libusb. The map:
 *
 *   usb_open    own context -> device by bus and number -> interface, endpoints -> detach, claim
 *   usb_read    a ring of IN transfers, oldest first: take from the oldest that is finished, submit
 *               as many as the caller has room for, wait; give up by cancelling all and keeping
 *               what the cancelled ones had received
 *   usb_write   a row of OUT transfers straight from the caller's memory, then the empty packet
 *   usb_close   cancel, release, give the interface back to its kernel driver
 *
 * A transfer is at most 16 KiB, so that the kernel handles it as one URB: only then are the bytes
 * of a cancelled transfer exact. At most 512 KiB are in flight, far below the 16 MiB that the
 * kernel grants all users of usbfs together. No transfer has a timeout of its own: time is counted
 * here.
 */
#include "link/usb.h"

#include "base/clock.h"

#include <errno.h>
#include <libusb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRANSFER_BYTES  16384u
#define IN_SLOTS        16u
#define OUT_SLOTS       16u
#define PAUSE_FIRST_MS  40u   /* until bytes of an unfinished transfer are looked for */
#define PAUSE_MOST_MS   1000u
#define CANCEL_MS       2000u /* for a host controller to give a cancelled transfer back */

struct in_slot {
	struct libusb_transfer *t;
	uint8_t *buf;
	bool done;
	size_t off; /* bytes already given to the caller */
};

struct out_slot {
	struct libusb_transfer *t;
	bool done;
};

struct usb {
	struct link link;
	libusb_context *ctx;
	libusb_device_handle *h;
	int iface;
	bool claimed, reattach;
	uint8_t ep_in, ep_out;
	uint32_t in_packet;
	enum link_zlp zlp;
	bool gone;
	bool stuck; /* a transfer never came back: its memory still belongs to the kernel */
	struct in_slot in[IN_SLOTS];
	unsigned in_head, in_n; /* ring: oldest, how many in use */
	struct out_slot out[OUT_SLOTS];
};

/* --- errors --- */

static int fail_gone(struct usb *u, struct err *e)
{
	u->gone = true;
	return err_set_code(e, ERR_GONE, ENODEV, "the device left the bus");
}

static int fail_usb(struct usb *u, int r, const char *what, struct err *e)
{
	switch (r) {
	case LIBUSB_ERROR_NO_DEVICE:
		return fail_gone(u, e);
	case LIBUSB_ERROR_NO_MEM:
		return err_set_code(e, ERR_HOST, ENOMEM, "%s: the kernel has no memory for USB "
				    "transfers, see /sys/module/usbcore/parameters/usbfs_memory_mb",
				    what);
	case LIBUSB_ERROR_BUSY:
		return err_set_code(e, ERR_BUSY, EBUSY, "%s: another program holds the interface",
				    what);
	case LIBUSB_ERROR_ACCESS:
		return err_set_code(e, ERR_HOST, EACCES, "%s: no permission", what);
	default:
		return err_set_code(e, ERR_LINK, r, "%s: %s", what, libusb_error_name(r));
	}
}

/* The status of a finished transfer. A device that is pulled answers with a protocol error before
 * the hub notices, so that counts as gone too. */
static int fail_status(struct usb *u, enum libusb_transfer_status status, const char *what,
		       struct err *e)
{
	switch (status) {
	case LIBUSB_TRANSFER_NO_DEVICE:
		return fail_gone(u, e);
	case LIBUSB_TRANSFER_ERROR:
		u->gone = true;
		return err_set_code(e, ERR_GONE, EPROTO, "%s: the device stopped answering on the "
				    "bus, it left or the cable failed", what);
	case LIBUSB_TRANSFER_STALL:
		return err_set_code(e, ERR_LINK, EPIPE, "%s: the endpoint is halted", what);
	case LIBUSB_TRANSFER_OVERFLOW:
		return err_set_code(e, ERR_LINK, EOVERFLOW,
				    "%s: the device sent more than a packet "
				    "can hold",
				    what);
	default:
		return err_set_code(e, ERR_LINK, (int32_t)status, "%s: transfer status %d", what,
				    (int)status);
	}
}

/* --- waiting --- */

/* Lets libusb work until something happened or `ms` are over. */
static int handle_events(struct usb *u, uint32_t ms, struct err *e)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	int r = libusb_handle_events_timeout_completed(u->ctx, &tv, NULL);

	if (r < 0 && r != LIBUSB_ERROR_INTERRUPTED)
		return fail_usb(u, r, "waiting", e);
	return 0;
}

static void LIBUSB_CALL on_done(struct libusb_transfer *t)
{
	*(bool *)t->user_data = true;
}

/* --- IN --- */

static struct in_slot *in_at(struct usb *u, unsigned i)
{
	return &u->in[(u->in_head + i) % IN_SLOTS];
}

static size_t in_covered(struct usb *u)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < u->in_n; i++) {
		struct in_slot *s = in_at(u, i);

		n += s->done ? (size_t)s->t->actual_length - s->off : (size_t)s->t->length;
	}
	return n;
}

/* Submits whole packets until `cap` bytes are asked for. */
static int in_submit(struct usb *u, size_t cap, struct err *e)
{
	size_t covered = in_covered(u), most = TRANSFER_BYTES / u->in_packet * u->in_packet;

	while (u->in_n < IN_SLOTS && (covered < cap || u->in_n == 0)) {
		struct in_slot *s = in_at(u, u->in_n);
		size_t n = MIN_OF(cap - covered, most);
		int r;

		n = (n + u->in_packet - 1) / u->in_packet * u->in_packet;
		if (!s->t)
			s->t = libusb_alloc_transfer(0);
		if (!s->buf)
			s->buf = malloc(TRANSFER_BYTES);
		if (!s->t || !s->buf)
			return err_nomem(e);
		s->done = false;
		s->off = 0;
		libusb_fill_bulk_transfer(s->t, u->h, u->ep_in, s->buf, (int)n, on_done, &s->done,
					  0);
		r = libusb_submit_transfer(s->t);
		if (r < 0) {
			/* Those in flight will do; the kernel's memory may be free again then. */
			if (u->in_n && r != LIBUSB_ERROR_NO_DEVICE)
				return 0;
			return fail_usb(u, r, "asking for data", e);
		}
		u->in_n++;
		covered += n;
	}
	return 0;
}

static bool in_all_done(struct usb *u)
{
	unsigned i;

	for (i = 0; i < u->in_n; i++) {
		if (!in_at(u, i)->done)
			return false;
	}
	return true;
}

/* Stops all IN transfers, youngest first; afterwards each holds what it had received, in order. */
static int in_cancel(struct usb *u, struct err *e)
{
	struct deadline end = deadline_in(CANCEL_MS);
	unsigned i;

	for (i = u->in_n; i-- > 0;) {
		if (!in_at(u, i)->done)
			libusb_cancel_transfer(in_at(u, i)->t);
	}
	while (!in_all_done(u)) {
		if (handle_events(u, 50, e) < 0 || deadline_passed(end)) {
			u->stuck = u->gone = true;
			return err_set(e, ERR_GONE, "the host controller does not give a cancelled "
				       "transfer back");
		}
	}
	return 0;
}

/* Takes bytes from the oldest finished transfer. 1 = done, 0 = nothing there, -1 = it had failed.
 */
static int in_take(struct usb *u, void *buf, size_t cap, size_t *ret_n, struct err *e)
{
	while (u->in_n && in_at(u, 0)->done) {
		struct in_slot *s = in_at(u, 0);
		size_t n = MIN_OF((size_t)s->t->actual_length - s->off, cap);
		enum libusb_transfer_status status = s->t->status;

		memcpy(buf, s->buf + s->off, n);
		s->off += n;
		if (n) {
			*ret_n = n;
			/* A failed transfer stays until its bytes are out, then its error is told.
			 */
			if (s->off == (size_t)s->t->actual_length &&
			    (status == LIBUSB_TRANSFER_COMPLETED ||
			     status == LIBUSB_TRANSFER_CANCELLED)) {
				u->in_head = (u->in_head + 1) % IN_SLOTS;
				u->in_n--;
			}
			return 1;
		}
		u->in_head = (u->in_head + 1) % IN_SLOTS;
		u->in_n--;
		if (status != LIBUSB_TRANSFER_COMPLETED && status != LIBUSB_TRANSFER_CANCELLED)
			return fail_status(u, status, "reading", e);
	}
	return 0;
}

/* Could an unfinished transfer hold bytes already? Not when it is one packet long. */
static bool in_may_hold(struct usb *u)
{
	unsigned i;

	for (i = 0; i < u->in_n; i++) {
		if (!in_at(u, i)->done && (uint32_t)in_at(u, i)->t->length > u->in_packet)
			return true;
	}
	return false;
}

/* Waits until the oldest transfer is finished, `ms` at most. */
static int in_wait(struct usb *u, uint32_t ms, struct err *e)
{
	struct deadline end = deadline_in(ms);

	do {
		if (handle_events(u, deadline_left(end), e) < 0)
			return -1;
	} while (!in_at(u, 0)->done && !deadline_passed(end));
	return 0;
}

static int usb_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		    struct err *e)
{
	struct usb *u = container_of(l, struct usb, link);
	/* "Only what is there" takes the device one round on the bus to tell, unless transfers have been
	 * standing open since an earlier call. */
	struct deadline end = deadline_in(u->in_n ? ms : MAX_OF(ms, 2u));
	uint32_t pause = PAUSE_FIRST_MS;
	bool late = false;
	int r;

	for (;;) {
		r = in_take(u, buf, cap, ret_n, e);
		if (r != 0)
			return r < 0 ? -1 : 0;
		if (u->gone)
			return fail_gone(u, e);
		if (late)
			return err_set(e, ERR_TIMEOUT, "nothing arrived in %u ms", ms);
		if (in_submit(u, cap, e) < 0)
			return -1;
		if (in_wait(u, MIN_OF(pause, deadline_left(end)), e) < 0)
			return -1;
		late = deadline_passed(end);
		if (in_at(u, 0)->done)
			continue;
		/* A glance leaves the transfers open: what comes meanwhile waits in them. */
		if (late && ms < PAUSE_FIRST_MS)
			continue;
		if ((late || in_may_hold(u)) && in_cancel(u, e) < 0)
			return -1;
		pause = MIN_OF(2 * pause, PAUSE_MOST_MS);
	}
}

/* --- OUT --- */

struct out_run {
	const uint8_t *p;
	size_t n, submitted;
	bool zlp_left;         /* an empty packet is still to be submitted */
	unsigned head, in_use; /* ring of slots, oldest first */
	size_t sent;
};

static int out_submit(struct usb *u, struct out_run *o, struct err *e)
{
	size_t most = TRANSFER_BYTES / u->link.max_packet * u->link.max_packet;

	while (o->in_use < OUT_SLOTS && (o->submitted < o->n || o->zlp_left)) {
		struct out_slot *s = &u->out[(o->head + o->in_use) % OUT_SLOTS];
		size_t n = MIN_OF(o->n - o->submitted, most);
		int r;

		if (!s->t)
			s->t = libusb_alloc_transfer(0);
		if (!s->t)
			return err_nomem(e);
		s->done = false;
		libusb_fill_bulk_transfer(s->t, u->h, u->ep_out, (uint8_t *)o->p + o->submitted,
					  (int)n, on_done, &s->done, 0);
		r = libusb_submit_transfer(s->t);
		if (r < 0) {
			if (r == LIBUSB_ERROR_NO_MEM && o->in_use)
				return 0;
			return fail_usb(u, r, "sending", e);
		}
		o->in_use++;
		if (n == 0)
			o->zlp_left = false;
		o->submitted += n;
	}
	return 0;
}

/* Retires finished transfers, oldest first. */
static int out_retire(struct usb *u, struct out_run *o, struct err *e)
{
	while (o->in_use && u->out[o->head].done) {
		const struct libusb_transfer *t = u->out[o->head].t;

		o->head = (o->head + 1) % OUT_SLOTS;
		o->in_use--;
		o->sent += (size_t)t->actual_length;
		if (t->status != LIBUSB_TRANSFER_COMPLETED)
			return fail_status(u, t->status, "sending", e);
		if (t->actual_length != t->length)
			return err_set(e, ERR_LINK,
				       "sending: only %d of %d bytes of a transfer went "
				       "out",
				       t->actual_length, t->length);
	}
	return 0;
}

/* The caller's memory is free for reuse only when no transfer refers to it any more. */
static void out_cancel(struct usb *u, struct out_run *o)
{
	struct deadline end = deadline_in(CANCEL_MS);
	struct err e = ERR_INIT;
	unsigned i;

	for (i = o->in_use; i-- > 0;)
		libusb_cancel_transfer(u->out[(o->head + i) % OUT_SLOTS].t);
	while (o->in_use) {
		if (!u->out[o->head].done) {
			if (handle_events(u, 50, &e) < 0 || deadline_passed(end)) {
				u->stuck = u->gone = true;
				return;
			}
			continue;
		}
		o->sent += (size_t)u->out[o->head].t->actual_length;
		o->head = (o->head + 1) % OUT_SLOTS;
		o->in_use--;
	}
}

static int out_fail(struct usb *u, struct out_run *o, struct err *e)
{
	out_cancel(u, o);
	return err_append(e, " (%zu of %zu bytes were sent)", o->sent, o->n);
}

static int usb_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct usb *u = container_of(l, struct usb, link);
	struct deadline end = deadline_in(ms);
	struct out_run o = { .p = buf, .n = n };

	if (u->gone)
		return fail_gone(u, e);
	/* An explicit empty transfer, because xHCI before Linux 4.3 ignores the URB's flag for it.
	 */
	o.zlp_left = n && u->zlp != LINK_ZLP_OFF && n % l->max_packet == 0;
	while (o.submitted < n || o.zlp_left || o.in_use) {
		if (out_submit(u, &o, e) < 0)
			return out_fail(u, &o, e);
		if (handle_events(u, deadline_left(end), e) < 0)
			return out_fail(u, &o, e);
		if (out_retire(u, &o, e) < 0)
			return out_fail(u, &o, e);
		if (o.in_use && deadline_passed(end)) {
			err_set(e, ERR_TIMEOUT, "the device did not take the data in %u ms", ms);
			return out_fail(u, &o, e);
		}
	}
	return 0;
}

/* --- the rest --- */

static void usb_set_zlp(struct link *l, enum link_zlp zlp)
{
	container_of(l, struct usb, link)->zlp = zlp;
}

/* Clears both halts. What was received before stays readable; failures of old transfers are
 * dropped. */
static int usb_recover(struct link *l, struct err *e)
{
	struct usb *u = container_of(l, struct usb, link);
	unsigned i;
	int r;

	if (u->gone)
		return fail_gone(u, e);
	if (in_cancel(u, e) < 0)
		return -1;
	for (i = 0; i < u->in_n; i++)
		in_at(u, i)->t->status = LIBUSB_TRANSFER_COMPLETED;
	r = libusb_clear_halt(u->h, u->ep_in);
	if (r < 0)
		return fail_usb(u, r, "clearing the halt of the IN endpoint", e);
	r = libusb_clear_halt(u->h, u->ep_out);
	if (r < 0)
		return fail_usb(u, r, "clearing the halt of the OUT endpoint", e);
	return 0;
}

static int usb_settle(struct link *l, struct err *e)
{
	struct usb *u = container_of(l, struct usb, link);

	return u->gone ? fail_gone(u, e) : in_cancel(u, e);
}

static void usb_free(struct usb *u)
{
	unsigned i;

	/* Memory that the kernel may still write to is leaked: the process ends soon after this. */
	if (u->stuck)
		return;
	for (i = 0; i < IN_SLOTS; i++) {
		libusb_free_transfer(u->in[i].t);
		free(u->in[i].buf);
	}
	for (i = 0; i < OUT_SLOTS; i++)
		libusb_free_transfer(u->out[i].t);
	if (u->claimed)
		libusb_release_interface(u->h, u->iface);
	if (u->reattach && !u->gone) {
		int r = libusb_attach_kernel_driver(u->h, u->iface);

		if (r < 0 && r != LIBUSB_ERROR_NO_DEVICE && r != LIBUSB_ERROR_NOT_FOUND)
			log_warn(u->link.log, "usb", "%s: the kernel driver did not come back: %s",
				 u->link.desc, libusb_error_name(r));
	}
	if (u->h)
		libusb_close(u->h);
	if (u->ctx)
		libusb_exit(u->ctx);
	free(u);
}

static void usb_close(struct link *l)
{
	struct usb *u = container_of(l, struct usb, link);
	struct err e = ERR_INIT;

	if (u->in_n && !u->stuck && in_cancel(u, &e) < 0)
		log_debug(l->log, "usb", "%s: %s", l->desc, e.msg);
	usb_free(u);
}

static const struct link_ops usb_ops = {
	.name = "usb",
	.read = usb_read,
	.write = usb_write,
	.close = usb_close,
	.set_zlp = usb_set_zlp,
	.recover = usb_recover,
	.settle = usb_settle,
};

/* --- opening --- */

static void set_desc(struct usb *u, unsigned bus, libusb_device *d)
{
	uint8_t ports[8];
	int i, n = libusb_get_port_numbers(d, ports, (int)sizeof(ports));
	struct writer w = writer_of(u->link.desc, sizeof(u->link.desc) - 1);

	memset(u->link.desc, 0, sizeof(u->link.desc));
	wr_fmt(&w, "usb %u", bus);
	for (i = 0; i < n; i++)
		wr_fmt(&w, "%c%u", i ? '.' : '-', (unsigned)ports[i]);
	wr_fmt(&w, " interface %d", u->iface);
}

static int open_device(struct usb *u, unsigned bus, unsigned dev, struct err *e)
{
	libusb_device **list, *d = NULL;
	ssize_t i, n = libusb_get_device_list(u->ctx, &list);
	int r;

	if (n < 0)
		return fail_usb(u, (int)n, "listing the USB devices", e);
	for (i = 0; i < n && !d; i++) {
		if (libusb_get_bus_number(list[i]) == bus &&
		    libusb_get_device_address(list[i]) == dev)
			d = list[i];
	}
	if (!d) {
		libusb_free_device_list(list, 1);
		return err_set(e, ERR_NODEV, "there is no USB device %03u/%03u (any more)", bus,
			       dev);
	}
	set_desc(u, bus, d);
	r = libusb_open(d, &u->h);
	libusb_free_device_list(list, 1);
	if (r == LIBUSB_ERROR_ACCESS)
		return err_set_code(e, ERR_HOST, EACCES,
				    "no permission to use /dev/bus/usb/%03u/%03u: "
				    "install the udev rule 70-salvor.rules and plug the module in "
				    "again, or run as root",
				    bus, dev);
	if (r == LIBUSB_ERROR_NO_DEVICE)
		return err_set(e, ERR_NODEV, "USB device %03u/%03u has just left", bus, dev);
	return r < 0 ? fail_usb(u, r, "opening the device", e) : 0;
}

static void take_endpoints(struct usb *u, const struct libusb_interface_descriptor *alt)
{
	unsigned i;

	for (i = 0; i < alt->bNumEndpoints; i++) {
		const struct libusb_endpoint_descriptor *ep = &alt->endpoint[i];
		uint32_t packet = ep->wMaxPacketSize & 0x7ff;

		if ((ep->bmAttributes & LIBUSB_TRANSFER_TYPE_MASK) != LIBUSB_TRANSFER_TYPE_BULK ||
		    packet == 0)
			continue;
		if ((ep->bEndpointAddress & LIBUSB_ENDPOINT_IN) && !u->ep_in) {
			u->ep_in = ep->bEndpointAddress;
			u->in_packet = packet;
		} else if (!(ep->bEndpointAddress & LIBUSB_ENDPOINT_IN) && !u->ep_out) {
			u->ep_out = ep->bEndpointAddress;
			u->link.max_packet = packet;
		}
	}
}

/* libusb hands descriptors over in host order, whatever the host. */
static int find_endpoints(struct usb *u, struct err *e)
{
	struct libusb_config_descriptor *c;
	int r = libusb_get_active_config_descriptor(libusb_get_device(u->h), &c);
	bool found = false;
	unsigned i;

	if (r == LIBUSB_ERROR_NOT_FOUND)
		return err_set(e, ERR_LINK, "the device is not configured yet");
	if (r < 0)
		return fail_usb(u, r, "reading the descriptors", e);
	for (i = 0; i < c->bNumInterfaces; i++) {
		const struct libusb_interface *f = &c->interface[i];

		if (f->num_altsetting < 1 || f->altsetting[0].bInterfaceNumber != u->iface)
			continue;
		found = true;
		take_endpoints(u, &f->altsetting[0]);
	}
	r = c->bNumInterfaces;
	libusb_free_config_descriptor(c);
	if (!found)
		return err_set(e, ERR_NODEV, "the device has %d interfaces, none with number %d", r,
			       u->iface);
	if (!u->ep_in || !u->ep_out)
		return err_set(e, ERR_UNSUPPORTED, "interface %d has no pair of bulk endpoints",
			       u->iface);
	return 0;
}

static int claim(struct usb *u, struct err *e)
{
	int r = libusb_kernel_driver_active(u->h, u->iface);

	if (r == 1) {
		r = libusb_detach_kernel_driver(u->h, u->iface);
		if (r < 0 && r != LIBUSB_ERROR_NOT_FOUND)
			return fail_usb(u, r, "detaching the kernel driver", e);
		u->reattach = r == 0;
		log_debug(u->link.log, "usb", "%s: kernel driver detached", u->link.desc);
	} else if (r == LIBUSB_ERROR_NO_DEVICE) {
		return fail_gone(u, e);
	}
	r = libusb_claim_interface(u->h, u->iface);
	if (r < 0)
		return fail_usb(u, r, "claiming the interface", e);
	u->claimed = true;
	return 0;
}

int usb_open(unsigned bus, unsigned dev, unsigned iface, struct log *log, struct link **ret,
	     struct err *e)
{
	struct usb *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return err_nomem(e);
	u->link.ops = &usb_ops;
	u->link.log = log;
	u->link.can_zlp = true;
	u->iface = (int)iface;
	snprintf(u->link.desc, sizeof(u->link.desc), "usb %03u/%03u interface %u", bus, dev, iface);
	r = libusb_init(&u->ctx);
	if (r < 0) {
		u->ctx = NULL;
		fail_usb(u, r, "starting libusb", e);
		goto fail;
	}
	if (open_device(u, bus, dev, e) < 0 || find_endpoints(u, e) < 0 || claim(u, e) < 0)
		goto fail;
	log_debug(log, "usb", "%s: endpoints 0x%02x (%u bytes) and 0x%02x (%u bytes)", u->link.desc,
		  u->ep_in, u->in_packet, u->ep_out, u->link.max_packet);
	*ret = &u->link;
	return 0;
fail:
	err_prefix(e, "%s", u->link.desc);
	usb_free(u);
	return -1;
}
