/*
 * usbfs as the kernel does it (drivers/usb/core/devio.c), on top of emu_out() and emu_in(). Runs on
 * umockdev's thread, which serves one ioctl at a time; a client's memory can only be reached while
 * that client sits in an ioctl, so IN data stays here until the URB is reaped.
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

#define MAX_TRANSFER (64u << 20)
/* No answer yet: somebody else completes this ioctl. */
#define LATER INT_MAX
/* umockdev's word for "not mine: do it on the real file". */
#define NOT_MINE (-100)

static void list_add(struct urb_list *l, struct urb *u)
{
	u->next = NULL;
	*l->tail = u;
	l->tail = &u->next;
}

static struct urb *list_take(struct urb_list *l, struct urb **at)
{
	struct urb *u = *at;

	*at = u->next;
	if (u->next == NULL)
		l->tail = at;
	return u;
}

static void urb_free(struct urb *u)
{
	g_clear_object(&u->data);
	free(u->in);
	free(u);
}

void usbdev_show_ready(struct usbdev *d)
{
	bool ready = d->n_done > 0 || d->gone;

	if (ready == d->is_ready)
		return;
	d->is_ready = ready;
	ioctl(d->slave, TCXONC, ready ? TCOON : TCOOFF);
}

static gboolean reap_waiting(gpointer arg);

/* A REAPURB that blocks is answered on umockdev's thread, after the lock is given up. */
static void opener_wake(struct opener *o)
{
	GSource *s;

	if (!o->waits)
		return;
	o->waits = false;
	s = g_idle_source_new();
	g_source_set_priority(s, G_PRIORITY_DEFAULT);
	g_source_set_callback(s, reap_waiting, o, NULL);
	g_source_attach(s, o->context);
	g_source_unref(s);
}

static void urb_done(struct usbdev *d, struct urb_list *from, struct urb **at, int status)
{
	struct urb *u = list_take(from, at);

	u->status = status;
	list_add(&u->owner->done, u);
	d->n_done++;
	opener_wake(u->owner);
}

/* A continuation that broke takes the rest of its chain with it. */
static void chain_cancel(struct usbdev *d, struct urb_list *l, uint8_t endpoint, struct opener *o)
{
	o->disabled_in |= 1u << (endpoint & 15);
	while (l->head != NULL && l->head->owner == o &&
	       (l->head->flags & USBDEVFS_URB_BULK_CONTINUATION) != 0)
		urb_done(d, l, &l->head, -ECONNRESET);
}

/* The OUT URB at the head; true when it went out or failed. */
static bool pump_out(struct usbdev *d, struct urb_list *l, unsigned iface)
{
	struct urb *u = l->head;
	int r;

	if (!u->zero_due) {
		r = emu_out(d->emu, iface, u->out, u->len);
		if (r == -EAGAIN)
			return false;
		if (r != 0) {
			urb_done(d, l, &l->head, r == -ENODEV ? -ESHUTDOWN : r);
			return true;
		}
		u->done = u->len;
		u->zero_due = (u->flags & USBDEVFS_URB_ZERO_PACKET) != 0 && u->len > 0 &&
			      u->len % d->usb.max_packet == 0 && d->face->host != USBFACE_XHCI_OLD;
	}
	if (u->zero_due) {
		r = emu_out(d->emu, iface, "", 0);
		if (r == -EAGAIN)
			return false;
		d->face->n.zero_packets++;
		if (r != 0) {
			urb_done(d, l, &l->head, r == -ENODEV ? -ESHUTDOWN : r);
			return true;
		}
	}
	urb_done(d, l, &l->head, 0);
	return true;
}

/* The IN URB at the head, packet by packet, because only that tells a transfer that ended (short or
 * empty packet) from one that has merely got nothing more yet. True when anything moved. */
static bool pump_in(struct usbdev *d, struct urb_list *l, unsigned iface)
{
	struct urb *u = l->head;
	size_t cap, before = u->done;
	ssize_t n;

	for (;;) {
		cap = u->len - u->done;
		if (cap > d->usb.max_packet)
			cap = d->usb.max_packet;
		n = emu_in(d->emu, iface, u->in + u->done, cap);
		if (n == -EAGAIN)
			return u->done != before;
		if (n < 0)
			break;
		u->done += (size_t)n;
		if ((size_t)n < d->usb.max_packet || u->done == u->len)
			break;
	}
	if (n == -EOVERFLOW)
		d->face->n.overflows++;
	if (n >= 0 && u->done < u->len && (u->flags & USBDEVFS_URB_SHORT_NOT_OK) != 0)
		n = -EREMOTEIO;
	if (n < 0) {
		struct opener *o = u->owner;
		uint8_t endpoint = u->endpoint;

		urb_done(d, l, &l->head, n == -ENODEV ? -ESHUTDOWN : (int)n);
		chain_cancel(d, l, endpoint, o);
	} else {
		urb_done(d, l, &l->head, 0);
	}
	return true;
}

bool usbdev_pump(struct usbdev *d)
{
	bool moved = false;
	unsigned i, number;

	for (i = 0; i < d->usb.n_ifaces && !d->gone; i++) {
		number = d->usb.iface[i].number;
		while (d->pending[i][URB_OUT].head != NULL &&
		       pump_out(d, &d->pending[i][URB_OUT], number))
			moved = true;
		while (d->pending[i][URB_IN].head != NULL) {
			if (!pump_in(d, &d->pending[i][URB_IN], number))
				break;
			moved = true;
		}
	}
	usbdev_show_ready(d);
	return moved;
}

void usbdev_kill_urbs(struct usbdev *d, int status)
{
	struct opener *o;
	unsigned i, dir;

	for (i = 0; i < EMU_MAX_INTERFACES; i++)
		for (dir = 0; dir < URB_DIRS; dir++)
			while (d->pending[i][dir].head != NULL)
				urb_done(d, &d->pending[i][dir], &d->pending[i][dir].head, status);
	for (o = d->openers; o != NULL; o = o->next)
		opener_wake(o);
}

/* Hands one finished URB to the client that asks for it; 0 or -errno. */
static int reap(struct opener *o, UMockdevIoctlClient *client)
{
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(client), *ptr, *buf;
	struct usbdev *d = o->dev;
	struct usbdevfs_urb *w;
	struct urb *u;

	if (o->done.head == NULL)
		return d->gone ? -ENODEV : -EAGAIN;
	ptr = umockdev_ioctl_data_resolve(arg, 0, sizeof(void *), NULL);
	if (ptr == NULL)
		return -EFAULT;
	u = list_take(&o->done, &o->done.head);
	d->n_done--;
	usbdev_show_ready(d);
	w = (struct usbdevfs_urb *)(void *)u->data->data;
	w->status = u->status;
	w->actual_length = (int)u->done;
	w->error_count = 0;
	if (u->is_in && u->done > 0) {
		buf = umockdev_ioctl_data_resolve(u->data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
						  u->done, NULL);
		if (buf != NULL)
			memcpy(buf->data, u->in, u->done);
		g_clear_object(&buf);
	}
	umockdev_ioctl_data_set_ptr(ptr, 0, u->data);
	g_object_unref(ptr);
	urb_free(u);
	return 0;
}

static gboolean reap_waiting(gpointer arg)
{
	struct opener *o = arg;
	struct usbface *f = o->dev->face;
	int r;

	pthread_mutex_lock(&f->lock);
	if (o->client == NULL) {
		pthread_mutex_unlock(&f->lock);
		return G_SOURCE_REMOVE;
	}
	r = reap(o, o->client);
	pthread_mutex_unlock(&f->lock);
	umockdev_ioctl_client_complete(o->client, r < 0 ? -1 : 0, -r);
	return G_SOURCE_REMOVE;
}

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

/* usbfs claims for those who forgot to, and grumbles in the kernel log. */
static int iface_check(struct opener *o, unsigned number)
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

/* A string descriptor in UTF-16LE. */
static size_t string_descriptor(const char *s, uint8_t *to)
{
	size_t n = 2;

	for (; *s != '\0' && n < 254; s++) {
		to[n++] = (uint8_t)*s;
		to[n++] = 0;
	}
	to[0] = (uint8_t)n;
	to[1] = 3;
	return n;
}

/* Endpoint 0: the standard requests that hosts make. Returns the length of the answer or -errno. */
static int control(struct usbdev *d, const uint8_t *setup, uint8_t *to)
{
	const uint8_t *desc = d->usb.desc;
	unsigned type = setup[3], index = setup[2];
	const char *s;

	if ((setup[0] & 0x80) == 0)
		return 0; /* line state, feature selectors: taken and of no effect */
	if (setup[0] == 0x80 && setup[1] == 0) { /* GET_STATUS: bus powered */
		to[0] = to[1] = 0;
		return 2;
	}
	if (setup[0] == 0x80 && setup[1] == 8) { /* GET_CONFIGURATION */
		to[0] = 1;
		return 1;
	}
	if (setup[0] != 0x80 || setup[1] != 6)
		return -EPIPE;
	if (type == 1) {
		memcpy(to, desc, 18);
		return 18;
	}
	if (type == 2 && index == 0) {
		memcpy(to, desc + 18, d->usb.desc_len - 18);
		return (int)(d->usb.desc_len - 18);
	}
	if (type != 3)
		return -EPIPE;
	if (index == 0) {
		memcpy(to, "\4\3\x09\4", 4);
		return 4;
	}
	s = index == desc[14] ? d->manufacturer : index == desc[15] ? d->product :
	    index == desc[16] ? d->serial : NULL;
	return s == NULL ? -EPIPE : (int)string_descriptor(s, to);
}

static int submit_control(struct opener *o, struct urb *u, UMockdevIoctlData *buf)
{
	struct usbdev *d = o->dev;
	struct urb_list one = { NULL, &one.head };
	uint8_t answer[512];
	size_t want;
	int n;

	if (buf == NULL || u->len < 8)
		return -EINVAL;
	want = (size_t)buf->data[6] | (size_t)buf->data[7] << 8;
	if (want > u->len - 8)
		return -EINVAL;
	n = control(d, buf->data, answer);
	if (n > 0) {
		u->done = (size_t)n < want ? (size_t)n : want;
		memcpy(buf->data + 8, answer, u->done);
	}
	list_add(&one, u);
	urb_done(d, &one, &one.head, n < 0 ? n : 0);
	usbdev_show_ready(d);
	return 0;
}

static int submit_bulk(struct opener *o, struct urb *u, UMockdevIoctlData *buf)
{
	struct usbdev *d = o->dev;
	enum urb_dir dir = u->is_in ? URB_IN : URB_OUT;
	unsigned i;
	int r;

	for (i = 0; i < d->usb.n_ifaces; i++) {
		if (u->endpoint == (u->is_in ? d->usb.iface[i].ep_in : d->usb.iface[i].ep_out))
			break;
		if (u->endpoint == d->usb.iface[i].ep_int) {
			dir = URB_INT;
			break;
		}
	}
	if (i == d->usb.n_ifaces || (u->endpoint & 15) == 0)
		return -ENOENT;
	r = iface_check(o, d->usb.iface[i].number);
	if (r != 0)
		return r;
	if (u->is_in) {
		if ((u->flags & USBDEVFS_URB_BULK_CONTINUATION) == 0)
			o->disabled_in &= ~(1u << (u->endpoint & 15));
		else if ((o->disabled_in & 1u << (u->endpoint & 15)) != 0)
			return -EREMOTEIO;
		u->in = malloc(u->len > 0 ? u->len : 1);
		if (u->in == NULL)
			return -ENOMEM;
		d->face->n.urbs_in++;
		d->face->n.bytes_in += u->len;
	} else {
		if (buf == NULL && u->len > 0)
			return -EFAULT;
		u->out = buf != NULL ? buf->data : (const uint8_t *)"";
		d->face->n.urbs_out++;
		d->face->n.bytes_out += u->len;
	}
	list_add(&d->pending[i][dir], u);
	return 0;
}

static int submit(struct opener *o, UMockdevIoctlData *arg)
{
	UMockdevIoctlData *data, *buf = NULL;
	struct usbdevfs_urb *w;
	struct urb *u;
	int r = -EINVAL;

	data = umockdev_ioctl_data_resolve(arg, 0, sizeof(*w), NULL);
	if (data == NULL)
		return -EFAULT;
	w = (struct usbdevfs_urb *)(void *)data->data;
	u = calloc(1, sizeof(*u));
	if (u == NULL || w->buffer_length < 0 || (unsigned)w->buffer_length > MAX_TRANSFER) {
		g_object_unref(data);
		free(u);
		return -EINVAL;
	}
	u->owner = o;
	u->data = data;
	u->flags = w->flags;
	u->endpoint = w->endpoint;
	u->is_in = (w->endpoint & 0x80) != 0;
	u->len = (size_t)w->buffer_length;
	if (w->type == USBDEVFS_URB_TYPE_CONTROL || !u->is_in)
		buf = umockdev_ioctl_data_resolve(data, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer),
						  u->len, NULL);
	if (w->type == USBDEVFS_URB_TYPE_CONTROL)
		r = submit_control(o, u, buf);
	else if (w->type == USBDEVFS_URB_TYPE_BULK || w->type == USBDEVFS_URB_TYPE_INTERRUPT)
		r = submit_bulk(o, u, buf);
	g_clear_object(&buf);
	if (r != 0)
		urb_free(u);
	return r;
}

static int discard(struct opener *o, uint64_t address)
{
	struct usbdev *d = o->dev;
	struct urb_list *l;
	struct urb **at;
	unsigned i;

	d->face->n.discards++;
	for (i = 0; i < EMU_MAX_INTERFACES * URB_DIRS; i++) {
		l = &d->pending[i / URB_DIRS][i % URB_DIRS];
		for (at = &l->head; *at != NULL; at = &(*at)->next)
			if ((*at)->owner == o && (*at)->data->client_addr == address) {
				urb_done(d, l, at, -ENOENT);
				usbdev_show_ready(d);
				return 0;
			}
	}
	return -EINVAL;
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
		r = iface_check(o, v[0]);
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
		r = reap(o, client);
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
		return submit(o, arg);
	case USBDEVFS_DISCARDURB: {
		uint64_t address = *(size_t *)(void *)arg->data;

		return discard(o, address);
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
	struct urb_list *l;
	struct urb **at;
	unsigned i;

	o->client = NULL;
	for (i = 0; i < EMU_MAX_INTERFACES * URB_DIRS; i++) {
		l = &d->pending[i / URB_DIRS][i % URB_DIRS];
		for (at = &l->head; *at != NULL;)
			if ((*at)->owner == o)
				urb_free(list_take(l, at));
			else
				at = &(*at)->next;
	}
	while (o->done.head != NULL) {
		urb_free(list_take(&o->done, &o->done.head));
		d->n_done--;
	}
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
