/*
 * URBs: from SUBMITURB, through emu_out() and emu_in(), to REAPURB. A client's memory can only be
 * reached while that client sits in an ioctl, so IN data stays here until the URB is reaped.
 */
#include "tests/emu/usbface_int.h"

#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#define MAX_TRANSFER (64u << 20)

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
int urb_reap(struct opener *o, UMockdevIoctlClient *client)
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
	if (u->is_in)
		d->face->n.bytes_in += u->done;
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
	r = urb_reap(o, o->client);
	pthread_mutex_unlock(&f->lock);
	umockdev_ioctl_client_complete(o->client, r < 0 ? -1 : 0, -r);
	return G_SOURCE_REMOVE;
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
	r = usbface_check_claim(o, d->usb.iface[i].number);
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

int urb_submit(struct opener *o, UMockdevIoctlData *arg)
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

int urb_discard(struct opener *o, uint64_t address)
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

/* The file was closed: its URBs are thrown away. */
void urbs_forget(struct opener *o)
{
	struct usbdev *d = o->dev;
	struct urb_list *l;
	struct urb **at;
	unsigned i;

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
}
