/*
 * The face as a whole: the testbed, the modules on its bus, and the service thread, which runs time
 * for the modules and carries bytes between their ttys and the ptys. Transfers themselves run on
 * umockdev's thread, inside the client's ioctl. One lock guards everything.
 */
#include "tests/emu/usbface_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PRELOAD "libumockdev-preload.so.0"

void usbface_enter(char **argv)
{
	const char *preload = getenv("LD_PRELOAD"), *asan = getenv("ASAN_OPTIONS");
	char *s;

	/* umockdev_in_mock_environment() keeps its first answer, and may only be asked in a testbed. */
	if (preload != NULL && strstr(preload, "libumockdev-preload") != NULL)
		return;
	s = g_strdup_printf("%s%s%s", PRELOAD, preload ? ":" : "", preload ? preload : "");
	setenv("LD_PRELOAD", s, 1);
	g_free(s);
	/* The sanitizer's library wants to be the first one; here it comes second, and works. */
	s = g_strdup_printf("%s%sverify_asan_link_order=0", asan ? asan : "", asan ? ":" : "");
	setenv("ASAN_OPTIONS", s, 1);
	g_free(s);
	execv("/proc/self/exe", argv);
	perror("usbface: exec");
	exit(1);
}

uint64_t usbface_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void usbface_wake(struct usbface *f)
{
	eventfd_write(f->wake, 1);
}

int usbface_pty(int *ret_master, int *ret_slave, char *name, size_t name_n)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave;
	struct termios t;

	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
	    ptsname_r(master, name, name_n) != 0)
		goto fail;
	/* Held open, so that the master is not hung up while nobody has the tty open. Not by open():
	 * umockdev would take the ioctls of that file, and they end at our own thread. */
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (slave < 0)
		goto fail;
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	*ret_master = master;
	*ret_slave = slave;
	return 0;
fail:
	perror("usbface: pty");
	if (master >= 0)
		close(master);
	return -1;
}

/* Bytes between one tty and its interface; true when any moved. */
static bool tty_pump(struct usbdev *d, struct tty *t)
{
	bool moved = false;
	ssize_t n;

	if (t->number < 0 || t->opens == 0)
		return false;
	for (;;) {
		if (t->out_n == 0) {
			n = read(t->master, t->out, sizeof(t->out));
			if (n <= 0)
				break;
			t->out_n = (size_t)n;
		}
		if (emu_out(d->emu, t->iface, t->out, t->out_n) == -EAGAIN)
			break;
		t->out_n = 0;
		moved = true;
	}
	for (;;) {
		if (t->in_n == 0) {
			n = emu_in(d->emu, t->iface, t->in, sizeof(t->in));
			if (n < 0)
				break;
			t->in_at = 0;
			t->in_n = (size_t)n;
			moved = true;
			if (n == 0)
				continue;
		}
		n = write(t->master, t->in + t->in_at, t->in_n);
		if (n <= 0)
			break;
		t->in_at += (size_t)n;
		t->in_n -= (size_t)n;
	}
	return moved;
}

static struct module *module_of(struct usbface *f, struct emu *m)
{
	unsigned i;

	for (i = 0; i < f->n_modules; i++)
		if (f->module[i].emu == m)
			return &f->module[i];
	return NULL;
}

void usbface_settle(struct usbface *f, struct emu *m)
{
	struct module *mod = module_of(f, m);
	uint64_t due;
	unsigned i;
	bool moved;

	do {
		moved = false;
		due = emu_tick(m, usbface_now_ms());
		if (emu_generation(m) != mod->generation) {
			mod->generation = emu_generation(m);
			if (mod->dev != NULL)
				usbdev_leave(mod->dev);
			mod->dev = emu_usb(m) != NULL ? usbdev_arrive(f, mod) : NULL;
			usbface_wake(f);
			moved = true;
		}
		if (mod->dev == NULL)
			continue;
		for (i = 0; i < mod->dev->usb.n_ifaces; i++)
			moved |= tty_pump(mod->dev, &mod->dev->tty[i]);
		moved |= usbdev_pump(mod->dev);
	} while (moved);
	if (due < f->sleeps_until_ms)
		usbface_wake(f);
}

static void *serve(void *arg)
{
	struct usbface *f = arg;
	struct pollfd p[1 + USBFACE_MODULES * EMU_MAX_INTERFACES];
	uint64_t due, now, t;
	eventfd_t v;
	unsigned i, k;
	nfds_t n;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		due = UINT64_MAX;
		n = 0;
		p[n++] = (struct pollfd){ .fd = f->wake, .events = POLLIN };
		for (i = 0; i < f->n_modules; i++) {
			usbface_settle(f, f->module[i].emu);
			t = emu_tick(f->module[i].emu, usbface_now_ms());
			due = t < due ? t : due;
			for (k = 0; f->module[i].dev && k < f->module[i].dev->usb.n_ifaces; k++) {
				struct tty *y = &f->module[i].dev->tty[k];

				if (y->number < 0 || y->opens == 0)
					continue;
				p[n].fd = y->master;
				p[n].events = (short)((y->out_n == 0 ? POLLIN : 0) |
						      (y->in_n != 0 ? POLLOUT : 0));
				n++;
			}
		}
		now = usbface_now_ms();
		f->sleeps_until_ms = due;
		pthread_mutex_unlock(&f->lock);
		poll(p, n, due == UINT64_MAX ? -1 : due <= now ? 0 :
			   due - now > 60000 ? 60000 : (int)(due - now));
		eventfd_read(f->wake, &v);
		pthread_mutex_lock(&f->lock);
		f->sleeps_until_ms = 0;
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

int usbface_open(struct usbface **ret, enum usbface_host host, char *why, size_t why_n)
{
	struct usbface *f = g_new0(struct usbface, 1);

	f->bed = umockdev_testbed_new();
	if (!umockdev_in_mock_environment()) {
		snprintf(why, why_n, "%s is not loaded", PRELOAD);
		g_object_unref(f->bed);
		g_free(f);
		return -1;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->host = host;
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->handler = umockdev_ioctl_base_new();
	usbface_attach_handlers(f);
	if (pthread_create(&f->service, NULL, serve, f) != 0) {
		snprintf(why, why_n, "cannot start a thread");
		usbface_close(f);
		return -1;
	}
	f->service_runs = true;
	*ret = f;
	return 0;
}

int usbface_plug(struct usbface *f, struct emu *m, const char *port, char *why, size_t why_n)
{
	struct module *mod;

	if (port != NULL && (atoi(port) < 1 || strchr(port, '-') == NULL || strlen(port) > 20)) {
		snprintf(why, why_n, "'%s' is no port; one looks like 1-1.4", port);
		return -1;
	}
	usbface_lock(f);
	if (f->n_modules == USBFACE_MODULES) {
		snprintf(why, why_n, "no more than %d modules", USBFACE_MODULES);
		pthread_mutex_unlock(&f->lock);
		return -1;
	}
	mod = &f->module[f->n_modules++];
	mod->emu = m;
	snprintf(mod->port, sizeof(mod->port), "%s", port != NULL ? port : "");
	/* The first life is one that this face has not seen, whatever its number is. */
	mod->generation = emu_generation(m) - 1;
	usbface_unlock(f);
	return 0;
}

void usbface_lock(struct usbface *f)
{
	pthread_mutex_lock(&f->lock);
}

void usbface_unlock(struct usbface *f)
{
	unsigned i;

	for (i = 0; i < f->n_modules; i++)
		usbface_settle(f, f->module[i].emu);
	pthread_mutex_unlock(&f->lock);
	usbface_wake(f);
}

void usbface_counters(struct usbface *f, struct usbface_counters *ret)
{
	pthread_mutex_lock(&f->lock);
	*ret = f->n;
	pthread_mutex_unlock(&f->lock);
}

void usbface_close(struct usbface *f)
{
	struct usbdev *d;
	unsigned i;

	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_mutex_unlock(&f->lock);
	usbface_wake(f);
	if (f->service_runs)
		pthread_join(f->service, NULL);
	pthread_mutex_lock(&f->lock);
	for (i = 0; i < f->n_modules; i++)
		if (f->module[i].dev != NULL)
			usbdev_leave(f->module[i].dev);
	pthread_mutex_unlock(&f->lock);
	g_clear_object(&f->bed);
	g_clear_object(&f->handler);
	while ((d = f->devs) != NULL) {
		f->devs = d->next;
		usbdev_free(d);
	}
	close(f->wake);
	pthread_mutex_destroy(&f->lock);
	g_free(f);
}
