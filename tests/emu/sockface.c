/* One thread and one poll loop between the emulated module and the sockets and ptys of its clients.
 *
 * Nothing is taken from the module while nobody has its interface open: a HELLO waits for its reader
 * as it does in a real endpoint. Who has a pty open is told by inotify on its device node; our own
 * descriptor keeps the line raw, so nothing is echoed before a client has set it up. */
#include "tests/emu/sockface_int.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#define ROOM (64u << 10)

struct end {                /* one way into an interface: its socket, or its pty */
	int fd;             /* -1 = nobody */
	uint8_t *in;        /* from the module, not written yet */
	size_t in_n, in_off;
	uint8_t *out;       /* from the client, not taken yet */
	size_t out_n, out_off;
};

struct face {
	struct emu *m;
	const struct sockface_options *o;
	struct tree tree;
	bool published;
	unsigned generation;
	int tcp_fd, inotify_fd;
	int listen_fd[EMU_MAX_INTERFACES];
	int slave_fd[EMU_MAX_INTERFACES], watch[EMU_MAX_INTERFACES], opens[EMU_MAX_INTERFACES];
	struct end sock[EMU_MAX_INTERFACES], pty[EMU_MAX_INTERFACES];
	bool done;
};

static void end_close(struct end *d)
{
	if (d->fd >= 0)
		close(d->fd);
	free(d->in);
	free(d->out);
	memset(d, 0, sizeof(*d));
	d->fd = -1;
}

static int end_open(struct end *d, int fd)
{
	d->in = malloc(ROOM);
	d->out = malloc(ROOM);
	d->fd = fd;
	d->in_n = d->in_off = d->out_n = d->out_off = 0;
	if (d->in && d->out)
		return 0;
	end_close(d);
	return -1;
}

/* Raw, so that nothing is echoed before a client has set the line up; and at the speed of a line nobody
 * has used: glibc refuses a client's tcsetattr() that would change nothing on a pty. */
static void line_reset(int fd)
{
	struct termios tio;

	if (fd < 0 || tcgetattr(fd, &tio))
		return;
	cfmakeraw(&tio);
	cfsetspeed(&tio, B9600);
	tcsetattr(fd, TCSANOW, &tio);
}

static int pty_open(struct face *f, unsigned i, struct err *e)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	char name[64];

	if (master < 0 || grantpt(master) || unlockpt(master) ||
	    ptsname_r(master, name, sizeof(name))) {
		if (master >= 0)
			close(master);
		return err_set_errno(e, errno, "cannot make a pty");
	}
	f->slave_fd[i] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	line_reset(f->slave_fd[i]);
	f->watch[i] = inotify_add_watch(f->inotify_fd, name, IN_OPEN | IN_CLOSE);
	f->opens[i] = 0;
	if (end_open(&f->pty[i], master))
		return err_nomem(e);
	return tree_link_tty(&f->tree, i, name, e);
}

static void unpublish(struct face *f)
{
	unsigned i;

	if (f->published)
		tree_remove(&f->tree);
	f->published = false;
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		end_close(&f->sock[i]);
		end_close(&f->pty[i]);
		if (f->listen_fd[i] >= 0)
			close(f->listen_fd[i]);
		if (f->slave_fd[i] >= 0)
			close(f->slave_fd[i]);
		f->listen_fd[i] = f->slave_fd[i] = f->watch[i] = -1;
		f->opens[i] = 0;
	}
}

static int publish(struct face *f, struct err *e)
{
	const struct emu_usb *u = emu_usb(f->m);
	unsigned i;

	f->generation = emu_generation(f->m);
	unpublish(f);
	if (!u) {
		if (!f->o->quiet)
			fprintf(stderr, "salvor-emu: off the bus\n");
		return 0;
	}
	if (tree_begin(&f->tree, f->o->root, u, e))
		return -1;
	f->published = true;
	for (i = 0; i < u->n_ifaces; i++) {
		emu_set_stream(f->m, i, true);
		if (tree_listen(&f->tree, i, &f->listen_fd[i], e))
			return -1;
		if (u->iface[i].has_tty && pty_open(f, i, e))
			return -1;
	}
	if (tree_publish(&f->tree, u, e))
		return -1;
	if (!f->o->quiet)
		fprintf(stderr, "salvor-emu: %s %04x:%04x, bus %03u device %03u\n", u->port, u->vid, u->pid,
			f->tree.bus, f->tree.dev);
	return 0;
}

/* From the client into the module. False when the client has gone. */
static bool take_out(struct face *f, unsigned i, struct end *d, bool readable)
{
	ssize_t n;

	if (d->out_off == d->out_n && readable) {
		n = read(d->fd, d->out, ROOM);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		d->out_off = 0;
		d->out_n = n > 0 ? (size_t)n : 0;
	}
	if (d->out_off < d->out_n) {
		int r = emu_out(f->m, i, d->out + d->out_off, d->out_n - d->out_off);

		if (r != -EAGAIN)
			d->out_off = d->out_n; /* taken, or lost with the device */
	}
	return true;
}

/* From the module to the client. */
static bool give_in(struct face *f, unsigned i, struct end *d)
{
	ssize_t n;

	for (;;) {
		if (d->in_off == d->in_n) {
			n = emu_in(f->m, i, d->in, ROOM);
			if (n == -EAGAIN || n < 0)
				return true;
			d->in_off = 0;
			d->in_n = (size_t)n;
			if (!n)
				continue;
		}
		n = write(d->fd, d->in + d->in_off, d->in_n - d->in_off);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		d->in_off += (size_t)n;
	}
}

static void tty_events(struct face *f)
{
	char room[4096] __attribute__((aligned(8)));
	ssize_t n = read(f->inotify_fd, room, sizeof(room));
	char *p = room;
	unsigned i;

	while (n > 0 && p < room + n) {
		struct inotify_event *ev = (void *)p;

		for (i = 0; i < EMU_MAX_INTERFACES; i++) {
			if (f->watch[i] != ev->wd || f->pty[i].fd < 0)
				continue;
			if (ev->mask & IN_OPEN)
				f->opens[i]++;
			if (ev->mask & IN_CLOSE && f->opens[i] > 0 && --f->opens[i] == 0) {
				f->pty[i].in_n = f->pty[i].in_off = 0;
				line_reset(f->slave_fd[i]);
			}
			if (f->sock[i].fd < 0)
				emu_claimed(f->m, i, f->opens[i] > 0);
		}
		p += sizeof(*ev) + ev->len;
	}
}

static void client_gone(struct face *f, unsigned i)
{
	end_close(&f->sock[i]);
	emu_claimed(f->m, i, f->opens[i] > 0);
	if (f->o->once)
		f->done = true;
}

static void accept_one(struct face *f, unsigned i, int listen_fd)
{
	int one = 1, fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!end_open(&f->sock[i], fd))
		emu_claimed(f->m, i, true);
}

static int tcp_listen(uint16_t port, int *ret_fd, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1)) {
		int errnum = errno;

		if (fd >= 0)
			close(fd);
		return err_set_errno(e, errnum, "cannot listen on TCP port %u", port);
	}
	*ret_fd = fd;
	return 0;
}

struct watch {
	enum { W_INOTIFY, W_TCP, W_LISTEN, W_SOCK, W_PTY } what;
	unsigned iface;
};

static unsigned watch_add(struct pollfd *p, struct watch *w, unsigned n, int fd, short events,
			  int what, unsigned iface)
{
	p[n] = (struct pollfd){ .fd = fd, .events = events };
	w[n].what = what;
	w[n].iface = iface;
	return n + 1;
}

static short events_of(const struct end *d)
{
	return (short)((d->out_off == d->out_n ? POLLIN : 0) | (d->in_off < d->in_n ? POLLOUT : 0));
}

static unsigned watches(struct face *f, struct pollfd *p, struct watch *w)
{
	enum emu_mode mode = emu_mode(f->m);
	unsigned n = 0, i;

	n = watch_add(p, w, n, f->inotify_fd, POLLIN, W_INOTIFY, 0);
	if (f->tcp_fd >= 0 && f->sock[0].fd < 0 && (mode == EMU_EDL || mode == EMU_DUMP))
		n = watch_add(p, w, n, f->tcp_fd, POLLIN, W_TCP, 0);
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		if (f->sock[i].fd >= 0)
			n = watch_add(p, w, n, f->sock[i].fd, events_of(&f->sock[i]), W_SOCK, i);
		else if (f->listen_fd[i] >= 0)
			n = watch_add(p, w, n, f->listen_fd[i], POLLIN, W_LISTEN, i);
		if (f->pty[i].fd >= 0 && f->opens[i] > 0)
			n = watch_add(p, w, n, f->pty[i].fd, events_of(&f->pty[i]), W_PTY, i);
	}
	return n;
}

static void serve(struct face *f, const struct pollfd *p, const struct watch *w, unsigned n)
{
	unsigned k, gen = emu_generation(f->m);

	for (k = 0; k < n && emu_generation(f->m) == gen; k++) {
		unsigned i = w[k].iface;
		bool readable = (p[k].revents & (POLLIN | POLLHUP | POLLERR)) != 0;

		switch (w[k].what) {
		case W_INOTIFY:
			if (readable)
				tty_events(f);
			break;
		case W_TCP:
			if (readable)
				accept_one(f, 0, f->tcp_fd);
			break;
		case W_LISTEN:
			if (readable)
				accept_one(f, i, f->listen_fd[i]);
			break;
		case W_SOCK:
			if (!take_out(f, i, &f->sock[i], readable))
				client_gone(f, i);
			break;
		case W_PTY:
			take_out(f, i, &f->pty[i], readable);
			break;
		}
	}
}

static void pump(struct face *f)
{
	unsigned i;

	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		if (f->sock[i].fd >= 0 && !give_in(f, i, &f->sock[i]))
			client_gone(f, i);
		else if (f->sock[i].fd < 0 && f->pty[i].fd >= 0 && f->opens[i] > 0)
			give_in(f, i, &f->pty[i]);
	}
}

static int loop(struct face *f, struct err *e)
{
	struct pollfd p[3 * EMU_MAX_INTERFACES + 2];
	struct watch w[3 * EMU_MAX_INTERFACES + 2];

	while (!f->done && !(f->o->stop && *f->o->stop)) {
		uint64_t now = clock_ms(), next = emu_tick(f->m, now);
		unsigned n;
		int ms;

		if (emu_generation(f->m) != f->generation && publish(f, e))
			return -1;
		pump(f);
		if (emu_generation(f->m) != f->generation)
			continue; /* the module left while it was read */
		n = watches(f, p, w);
		next = MIN_OF(next, emu_tick(f->m, now));
		ms = next == EMU_NEVER ? 1000 : next > now ? (int)MIN_OF(next - now, 1000u) : 0;
		if (poll(p, n, ms) < 0 && errno != EINTR)
			return err_set_errno(e, errno, "cannot poll");
		emu_tick(f->m, clock_ms());
		if (emu_generation(f->m) == f->generation)
			serve(f, p, w, n);
	}
	return 0;
}

int sockface_run(struct emu *m, const struct sockface_options *o, struct err *e)
{
	struct face *f = calloc(1, sizeof(*f));
	unsigned i;
	int r = -1;

	if (!f)
		return err_nomem(e);
	f->m = m;
	f->o = o;
	f->tcp_fd = -1;
	f->generation = UINT32_MAX;
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		f->listen_fd[i] = f->slave_fd[i] = f->watch[i] = -1;
		f->sock[i].fd = f->pty[i].fd = -1;
	}
	f->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (f->inotify_fd < 0)
		err_set_errno(e, errno, "cannot watch ptys");
	else if (!o->tcp_port || !tcp_listen(o->tcp_port, &f->tcp_fd, e))
		r = loop(f, e);
	unpublish(f);
	if (f->tcp_fd >= 0)
		close(f->tcp_fd);
	if (f->inotify_fd >= 0)
		close(f->inotify_fd);
	free(f);
	return r;
}
