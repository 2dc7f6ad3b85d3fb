/*
 * usbfs as the kernel does it (drivers/usb/core/devio.c): clients, claims, drivers. Runs on umockdev's
 * thread, which serves one ioctl at a time.
 */
#include "tests/emu/usbface_int.h"

#include <errno.h>
#include <limits.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <sys/ioctl.h>

#ifndef USBDEVFS_GET_SPEED
#define USBDEVFS_GET_SPEED _IO('U', 31)
#endif

/* No answer yet: somebody else completes this ioctl. */
#define LATER INT_MAX
/* umockdev's word for "not mine: do it on the real file". */
#define NOT_MINE (-100)

static int iface_claim(struct opener *o, unsigned number)
{
	struct usbdev *d = o->dev;
	struct opener *other;
	int i = usbdev_iface(d, number);

	if (i < 0)
		return number < 32 ? -ENOENT : -EINVAL;
	if ((o->claimed & 1u << number) != 0)
		return 0;
	for (other = d->openers; other != NULL; other = other->next)
		if ((other->claimed & 1u << number) != 0)
			return -EBUSY;
	if (d->bound[i])
		return -EBUSY;
	o->claimed |= 1u << number;
	emu_claimed(d->emu, number, true);
	return 0;
}

static int iface_release(struct opener *o, unsigned number)
{
	if (number >= 32 || (o->claimed & 1u << number) == 0)
		return -EINVAL;
	o->claimed &= ~(1u << number);
	if (!o->dev->gone)
		emu_claimed(o->dev->emu, number, false);
	return 0;
}

int usbface_check_claim(struct opener *o, unsigned number)
{
	if (number < 32 && (o->claimed & 1u << number) != 0)
		return 0;
	o->dev->face->n.auto_claims++;
	return iface_claim(o, number);
}

/* "usbfs", the kernel driver's name, or NULL. */
static const char *iface_driver(struct usbdev *d, int index)
{
	struct opener *o;

	if (d->bound[index])
		return d->usb.iface[index].driver;
	for (o = d->openers; o != NULL; o = o->next)
		if ((o->claimed & 1u << d->usb.iface[index].number) != 0)
			return "usbfs";
	return NULL;
}

/* USBDEVFS_IOCTL: unbind the kernel's driver, or let it probe again. */
static int driver_ioctl(struct opener *o, UMockdevIoctlData *arg)
{
	struct usbdev *d = o->dev;
	UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_ioctl), NULL);
	struct usbdevfs_ioctl c;
	int i;

	if (data == NULL)
		return -EFAULT;
	memcpy(&c, data->data, sizeof(c));
	g_object_unref(data);
	i = c.ifno < 0 ? -1 : usbdev_iface(d, (unsigned)c.ifno);
	if (i < 0)
		return -EINVAL;
	if ((unsigned)c.ioctl_code == USBDEVFS_DISCONNECT) {
		if (iface_driver(d, i) == NULL)
			return -ENODATA;
		if (d->bound[i])
			usbdev_unbind(d, (unsigned)i);
		return 0;
	}
	if ((unsigned)c.ioctl_code == USBDEVFS_CONNECT) {
		if (iface_driver(d, i) != NULL)
			return -EBUSY;
		usbdev_bind(d, (unsigned)i);
		return d->bound[i] ? 1 : 0;
	}
	return -ENOTTY;
}

static int disconnect_claim(struct opener *o, UMockdevIoctlData *arg)
{
	struct usbdevfs_disconnect_claim c;
	UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, sizeof(c), NULL);
	struct usbdev *d = o->dev;
	const char *driver;
	bool same;
	int i;

	if (data == NULL)
		return -EFAULT;
	memcpy(&c, data->data, sizeof(c));
	g_object_unref(data);
	i = usbdev_iface(d, c.interface);
	if (i < 0)
		return -EINVAL;
	driver = iface_driver(d, i);
	if (driver != NULL) {
		same = strncmp(c.driver, driver, sizeof(c.driver)) == 0;
		if (((c.flags & USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER) != 0 && !same) ||
		    ((c.flags & USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER) != 0 && same))
			return -EBUSY;
		usbdev_unbind(d, (unsigned)i);
	}
	return iface_claim(o, c.interface);
}

static int get_driver(struct opener *o, UMockdevIoctlData *arg)
{
	UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, sizeof(struct usbdevfs_getdriver), NULL);
	struct usbdevfs_getdriver *g;
	const char *name;
	int i, r = 0;

	if (data == NULL)
		return -EFAULT;
	g = (struct usbdevfs_getdriver *)(void *)data->data;
	i = usbdev_iface(o->dev, g->interface);
	name = i < 0 ? NULL : iface_driver(o->dev, i);
	if (name == NULL)
		r = -ENODATA;
	else
		snprintf(g->driver, sizeof(g->driver), "%s", name);
	g_object_unref(data);
	return r;
}

static uint32_t capabilities(const struct usbface *f)
{
	uint32_t c = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_NO_PACKET_SIZE_LIM |
		     USBDEVFS_CAP_REAP_AFTER_DISCONNECT;

	return c | (f->host == USBFACE_EHCI ? USBDEVFS_CAP_BULK_CONTINUATION
					    : USBDEVFS_CAP_BULK_SCATTER_GATHER);
}

static int claimed_any(const struct usbdev *d)
{
	const struct opener *o;

	for (o = d->openers; o != NULL; o = o->next)
		if (o->claimed != 0)
			return 1;
	return 0;
}

/* The ioctls whose argument is a word or two. */
static int small_ioctl(struct opener *o, unsigned long request, UMockdevIoctlData *arg)
{
	struct usbdev *d = o->dev;
	UMockdevIoctlData *data = umockdev_ioctl_data_resolve(arg, 0, request == USBDEVFS_SETINTERFACE ||
							      request == USBDEVFS_CONNECTINFO ? 8 : 4, NULL);
	uint32_t v[2] = { 0, 0 };
	int r = 0;

	if (data == NULL)
		return -EFAULT;
	memcpy(v, data->data, (size_t)data->data_len < sizeof(v) ? (size_t)data->data_len : sizeof(v));
	switch (request) {
	case USBDEVFS_GET_CAPABILITIES:
		v[0] = capabilities(d->face);
		memcpy(data->data, v, 4);
		break;
	case USBDEVFS_CONNECTINFO:
		v[0] = d->number;
		v[1] = 0;
		memcpy(data->data, v, 8);
		break;
	case USBDEVFS_CLAIMINTERFACE:
		r = iface_claim(o, v[0]);
		break;
	case USBDEVFS_RELEASEINTERFACE:
		r = iface_release(o, v[0]);
		break;
	case USBDEVFS_SETINTERFACE:
		r = usbface_check_claim(o, v[0]);
		if (r == 0 && v[1] != 0)
			r = -EINVAL;
		break;
	case USBDEVFS_SETCONFIGURATION:
		r = v[0] != 1 ? -EINVAL : claimed_any(d) ? -EBUSY : 0;
		break;
	default: /* CLEAR_HALT, RESETEP: the module has no halt of its own */
		break;
	}
	g_object_unref(data);
	return r;
}

static int usb_ioctl(struct opener *o, UMockdevIoctlClient *client, unsigned long request)
{
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client);
	struct usbdev *d = o->dev;
	int r;

	if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) {
		r = urb_reap(o, client);
		if (r == -EAGAIN)
			d->face->n.reaps_empty++;
		if (r != -EAGAIN || request == USBDEVFS_REAPURBNDELAY)
			return r;
		o->waits = true;
		o->context = g_main_context_get_thread_default();
		return LATER;
	}
	if (d->gone)
		return -ENODEV;
	switch (request) {
	case USBDEVFS_SUBMITURB:
		return urb_submit(o, arg);
	case USBDEVFS_DISCARDURB: {
		uint64_t address = *(size_t *)(void *)arg->data;

		return urb_discard(o, address);
	}
	case USBDEVFS_IOCTL:
		return driver_ioctl(o, arg);
	case USBDEVFS_DISCONNECT_CLAIM:
		return disconnect_claim(o, arg);
	case USBDEVFS_GETDRIVER:
		return get_driver(o, arg);
	case USBDEVFS_GET_SPEED:
		return d->usb.speed_mbps >= 5000 ? 5 : 3;
	case USBDEVFS_RESET:
		d->face->n.resets++;
		return 0;
	case USBDEVFS_GET_CAPABILITIES:
	case USBDEVFS_CONNECTINFO:
	case USBDEVFS_CLAIMINTERFACE:
	case USBDEVFS_RELEASEINTERFACE:
	case USBDEVFS_SETINTERFACE:
	case USBDEVFS_SETCONFIGURATION:
	case USBDEVFS_CLEAR_HALT:
	case USBDEVFS_RESETEP:
		return small_ioctl(o, request, arg);
	default:
		return -ENOTTY;
	}
}

static struct tty *tty_of(struct usbface *f, const char *node, struct usbdev **ret_dev)
{
	struct usbdev *d;
	unsigned i;
	int n;

	if (sscanf(node, "/dev/ttyUSB%d", &n) != 1)
		return NULL;
	for (d = f->devs; d != NULL; d = d->next)
		for (i = 0; i < d->usb.n_ifaces && !d->gone; i++)
			if (d->tty[i].number == n) {
				*ret_dev = d;
				return &d->tty[i];
			}
	return NULL;
}

/* A pty has no modem lines; a serial driver has. The rest is the pty's own business. */
static int tty_ioctl(unsigned long request, UMockdevIoctlClient *client)
{
	UMockdevIoctlData *data;
	int lines = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;

	switch (request) {
	case TIOCMGET:
		data = umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, 4, NULL);
		if (data == NULL)
			return -EFAULT;
		memcpy(data->data, &lines, 4);
		g_object_unref(data);
		return 0;
	case TIOCMSET:
	case TIOCMBIS:
	case TIOCMBIC:
		return 0;
	default:
		return NOT_MINE;
	}
}

/* close() is instant on a real system; here its news come by a socket, and may be overtaken by the
 * next open() and claim. So "busy" is only said when it stays so for a moment. */
#define BUSY_TRIES 10
#define BUSY_TRY_MS 2

static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg);

struct retry {
	struct usbface *face;
	UMockdevIoctlClient *client;
};

static gboolean ioctl_again(gpointer arg)
{
	struct retry *t = arg;

	on_ioctl(NULL, t->client, t->face);
	g_object_unref(t->client);
	g_free(t);
	return G_SOURCE_REMOVE;
}

static bool ioctl_retry(struct opener *o, UMockdevIoctlClient *client, unsigned long request, int r)
{
	struct opener *other;
	struct retry *t;
	GSource *s;

	for (other = o->dev->openers; other != NULL; other = other->next)
		if (other != o && other->claimed != 0)
			break;
	if (r != -EBUSY || other == NULL || o->tries == BUSY_TRIES ||
	    (request != USBDEVFS_CLAIMINTERFACE && request != USBDEVFS_DISCONNECT_CLAIM &&
	     request != USBDEVFS_IOCTL)) {
		o->tries = 0;
		return false;
	}
	o->tries++;
	t = g_new(struct retry, 1);
	t->face = o->dev->face;
	t->client = g_object_ref(client);
	s = g_timeout_source_new(BUSY_TRY_MS);
	g_source_set_callback(s, ioctl_again, t, NULL);
	g_source_attach(s, g_main_context_get_thread_default());
	g_source_unref(s);
	return true;
}

static gboolean on_ioctl(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
	struct usbface *f = arg;
	struct opener *o = g_object_get_data(G_OBJECT(client), "opener");
	unsigned long request = umockdev_ioctl_client_get_request(client);
	int r;

	(void)base;
	if (o == NULL) {
		r = tty_ioctl(request, client);
		if (r == NOT_MINE)
			umockdev_ioctl_client_complete(client, NOT_MINE, 0);
		else
			umockdev_ioctl_client_complete(client, r < 0 ? -1 : r, r < 0 ? -r : 0);
		return TRUE;
	}
	pthread_mutex_lock(&f->lock);
	f->n.ioctls++;
	r = usb_ioctl(o, client, request);
	/* Only these two can set the module going; the others need not ask it. */
	if (!o->dev->gone && (request == USBDEVFS_SUBMITURB || request == USBDEVFS_CLAIMINTERFACE))
		usbface_settle(f, o->dev->emu);
	if (ioctl_retry(o, client, request, r))
		r = LATER;
	pthread_mutex_unlock(&f->lock);
	if (r != LATER)
		umockdev_ioctl_client_complete(client, r < 0 ? -1 : r, r < 0 ? -r : 0);
	return TRUE;
}

/* The file was closed: claims end, URBs are thrown away. */
static void opener_close(struct usbface *f, struct opener *o)
{
	struct usbdev *d = o->dev;
	unsigned i;

	o->client = NULL;
	urbs_forget(o);
	if (!d->gone) {
		usbdev_show_ready(d);
		for (i = 0; i < 32; i++)
			iface_release(o, i);
		usbface_settle(f, d->emu);
	}
	o->claimed = 0;
}

/* Who sits behind a client. Goes with the client object, which umockdev drops when the file is
 * closed; it has no signal for that which works. */
struct seat {
	struct usbface *face;
	struct opener *opener; /* of a usbfs node */
	struct usbdev *dev;    /* of a tty */
	struct tty *tty;
	int tty_number;
};

static void seat_leave(gpointer arg)
{
	struct seat *s = arg;
	struct usbface *f = s->face;

	pthread_mutex_lock(&f->lock);
	if (s->opener != NULL) {
		opener_close(f, s->opener);
	} else if (!s->dev->gone && s->tty->number == s->tty_number && --s->tty->opens == 0) {
		tcflush(s->tty->slave, TCIOFLUSH);
		emu_claimed(s->dev->emu, s->tty->iface, false);
		usbface_settle(f, s->dev->emu);
	}
	pthread_mutex_unlock(&f->lock);
	usbface_wake(f);
	g_free(s);
}

static void on_client(UMockdevIoctlBase *base, UMockdevIoctlClient *client, gpointer arg)
{
	const char *node = umockdev_ioctl_client_get_devnode(client);
	struct usbface *f = arg;
	struct usbdev *d;
	struct opener *o;
	struct seat *s;
	struct tty *t;

	(void)base;
	pthread_mutex_lock(&f->lock);
	for (d = f->devs; d != NULL && strcmp(d->node, node) != 0; d = d->next)
		;
	if (d != NULL) {
		o = g_new0(struct opener, 1);
		o->dev = d;
		o->client = client;
		o->done.tail = &o->done.head;
		o->next = d->openers;
		d->openers = o;
		s = g_new0(struct seat, 1);
		s->face = f;
		s->opener = o;
		g_object_set_data(G_OBJECT(client), "opener", o);
		g_object_set_data_full(G_OBJECT(client), "seat", s, seat_leave);
	} else if ((t = tty_of(f, node, &d)) != NULL) {
		s = g_new0(struct seat, 1);
		s->face = f;
		s->dev = d;
		s->tty = t;
		s->tty_number = t->number;
		g_object_set_data_full(G_OBJECT(client), "seat", s, seat_leave);
		if (t->opens++ == 0)
			emu_claimed(d->emu, t->iface, true);
		usbface_settle(f, d->emu);
	}
	pthread_mutex_unlock(&f->lock);
	usbface_wake(f);
}

void usbface_attach_handlers(struct usbface *f)
{
	g_signal_connect(f->handler, "handle-ioctl", G_CALLBACK(on_ioctl), f);
	g_signal_connect(f->handler, "client-connected", G_CALLBACK(on_client), f);
}
