/*
 * A plain libusb program, run by usbfs-echo against the module of fake_emu.c: does the usbfs face
 * behave as the kernel and a bus do? It knows nothing of the face. Prints TAP; `usb-client speed`
 * prints figures instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define BIG (64 * MIB)

struct client {
	libusb_context *ctx;
	libusb_device_handle *h;
	unsigned iface, packet;
	uint8_t in, out;
	int tests, failed;
	bool case_failed;
	uint8_t *buf;
	int arrived, left; /* seen by hotplug */
};

#define check(c, expr)                                                                             \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			printf("# line %d: %s\n", __LINE__, #expr);                                \
			(c)->case_failed = true;                                                   \
		}                                                                                  \
	} while (0)
#define check_int(c, expr, want)                                                                   \
	do {                                                                                       \
		long got_ = (long)(expr);                                                          \
		if (got_ != (long)(want)) {                                                        \
			printf("# line %d: %s is %ld, not %ld\n", __LINE__, #expr, got_, (long)(want)); \
			(c)->case_failed = true;                                                   \
		}                                                                                  \
	} while (0)

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 256);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int write_ms(struct client *c, const void *p, int n, unsigned ms, int *ret_n)
{
	*ret_n = -1;
	return libusb_bulk_transfer(c->h, c->out, (unsigned char *)(uintptr_t)p, n, ret_n, ms);
}

static int read_ms(struct client *c, void *p, int n, unsigned ms, int *ret_n)
{
	*ret_n = -1;
	return libusb_bulk_transfer(c->h, c->in, p, n, ret_n, ms);
}

__attribute__((format(printf, 2, 3)))
static void order(struct client *c, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	check_int(c, write_ms(c, text, (int)strlen(text), 1000, &n), 0);
	check_int(c, n, (int)strlen(text));
}

static libusb_device *find(struct client *c, uint16_t vid, uint16_t pid)
{
	libusb_device **list, *found = NULL;
	struct libusb_device_descriptor d;
	ssize_t i, n = libusb_get_device_list(c->ctx, &list);

	for (i = 0; i < n; i++)
		if (libusb_get_device_descriptor(list[i], &d) == 0 && d.idVendor == vid &&
		    d.idProduct == pid)
			found = libusb_ref_device(list[i]);
	libusb_free_device_list(list, 1);
	return found;
}

/* Waits for a device as a user's program does, by looking again. */
static libusb_device *await(struct client *c, uint16_t vid, uint16_t pid)
{
	libusb_device *d = NULL;
	int i;

	for (i = 0; i < 200 && d == NULL; i++) {
		d = find(c, vid, pid);
		if (d == NULL)
			usleep(10000);
	}
	return d;
}

/* A driver binds a moment after the device is announced. */
static bool appears(const char *path)
{
	int i;

	for (i = 0; i < 100 && access(path, F_OK) != 0; i++)
		usleep(10000);
	return i < 100;
}

static void use(struct client *c, libusb_device *d, unsigned iface, unsigned packet)
{
	check(c, d != NULL);
	if (d == NULL || libusb_open(d, &c->h) != 0) {
		printf("Bail out! no device\n");
		exit(1);
	}
	libusb_unref_device(d);
	c->iface = iface;
	c->packet = packet;
	c->in = (uint8_t)(0x81 + iface);
	c->out = (uint8_t)(1 + iface);
	libusb_set_auto_detach_kernel_driver(c->h, 1);
	check_int(c, libusb_claim_interface(c->h, (int)iface), 0);
}

static void drop(struct client *c)
{
	libusb_close(c->h);
	c->h = NULL;
}

static void enumeration_shows_hub_port_speed_and_strings(struct client *c)
{
	libusb_device *d = find(c, 0x05c6, 0x900e);
	struct libusb_config_descriptor *conf;
	unsigned char text[64];
	uint8_t ports[8];

	check(c, d != NULL);
	if (d == NULL)
		return;
	check_int(c, libusb_get_bus_number(d), 2);
	check_int(c, libusb_get_device_speed(d), LIBUSB_SPEED_SUPER);
	check_int(c, libusb_get_port_numbers(d, ports, 8), 2);
	check_int(c, ports[0], 1);
	check_int(c, ports[1], 4);
	check(c, libusb_get_parent(d) != NULL);
	check_int(c, libusb_get_active_config_descriptor(d, &conf), 0);
	check_int(c, conf->bNumInterfaces, 1);
	check_int(c, conf->interface[0].altsetting[0].bNumEndpoints, 2);
	check_int(c, libusb_get_max_packet_size(d, 0x81), 1024);
	libusb_free_config_descriptor(conf);
	use(c, d, 0, 1024);
	check_int(c, libusb_get_string_descriptor_ascii(c->h, 2, text, sizeof(text)), 30);
	check(c, strcmp((char *)text, "QUSB_BULK_CID:0408_SN:2A1BC3D4") == 0);
	check_int(c, libusb_get_string_descriptor_ascii(c->h, 9, text, sizeof(text)),
		  LIBUSB_ERROR_PIPE);
	drop(c);
}

static void reenumeration_gives_a_new_device_on_another_port(struct client *c)
{
	libusb_device *d = find(c, 0x05c6, 0x900e);
	uint8_t was = d ? libusb_get_device_address(d) : 0, ports[8];
	int n;

	use(c, d, 0, 1024);
	order(c, "!reboot");
	check_int(c, read_ms(c, c->buf, 1024, 1000, &n), LIBUSB_ERROR_NO_DEVICE);
	drop(c);
	d = await(c, 0x05c6, 0x9008);
	check(c, find(c, 0x05c6, 0x900e) == NULL);
	check(c, d != NULL);
	if (d == NULL)
		return;
	check_int(c, libusb_get_bus_number(d), 1);
	check(c, libusb_get_bus_number(d) != 2 || libusb_get_device_address(d) != was);
	check_int(c, libusb_get_device_speed(d), LIBUSB_SPEED_HIGH);
	check_int(c, libusb_get_port_numbers(d, ports, 8), 2);
	/* qcserial holds it, and makes a tty of it. */
	check(c, appears("/dev/ttyUSB0"));
	use(c, d, 0, 512);
	check_int(c, access("/dev/ttyUSB0", F_OK), -1);
	order(c, "!reboot");
	drop(c);
	d = await(c, 0x2c7c, 0x0125);
	check(c, d != NULL);
	if (d != NULL)
		libusb_unref_device(d);
}

static void kernel_drivers_hold_detach_and_come_back(struct client *c)
{
	libusb_device *d = await(c, 0x2c7c, 0x0125);
	libusb_device_handle *h, *other;
	char link[256];
	struct stat st;

	check(c, d != NULL && libusb_open(d, &h) == 0 && libusb_open(d, &other) == 0);
	check(c, appears("/sys/bus/usb/devices/2-1.4:1.2") && appears("/dev/ttyUSB1"));
	check_int(c, libusb_kernel_driver_active(h, 0), 1);
	check_int(c, libusb_kernel_driver_active(h, 2), 0);
	check_int(c, libusb_claim_interface(h, 0), LIBUSB_ERROR_BUSY);
	check(c, readlink("/sys/bus/usb/devices/2-1.4:1.0/driver", link, sizeof(link)) > 0);
	check(c, stat("/sys/bus/usb/devices/2-1.4:1.0/driver/", &st) == 0 && S_ISDIR(st.st_mode));
	check_int(c, access("/sys/bus/usb/devices/2-1.4:1.0/ttyUSB0/tty/ttyUSB0", F_OK), 0);
	check(c, stat("/dev/ttyUSB0", &st) == 0 && S_ISCHR(st.st_mode));
	check_int(c, libusb_detach_kernel_driver(h, 0), 0);
	check_int(c, libusb_detach_kernel_driver(h, 0), LIBUSB_ERROR_NOT_FOUND);
	check_int(c, access("/dev/ttyUSB0", F_OK), -1);
	check_int(c, access("/dev/ttyUSB1", F_OK), 0);
	check_int(c, libusb_claim_interface(h, 0), 0);
	check_int(c, libusb_claim_interface(other, 0), LIBUSB_ERROR_BUSY);
	check_int(c, libusb_claim_interface(h, 7), LIBUSB_ERROR_NOT_FOUND);
	check_int(c, libusb_set_interface_alt_setting(h, 0, 0), 0);
	check_int(c, libusb_release_interface(h, 0), 0);
	check_int(c, libusb_claim_interface(other, 0), 0);
	libusb_close(other);
	check_int(c, libusb_attach_kernel_driver(h, 0), 0);
	check_int(c, access("/dev/ttyUSB0", F_OK), 0);
	check_int(c, libusb_attach_kernel_driver(h, 2), LIBUSB_ERROR_NOT_FOUND);
	libusb_close(h);
	libusb_unref_device(d);
}

static void ttys_carry_bytes_and_have_modem_lines(struct client *c)
{
	int fd = open("/dev/ttyUSB1", O_RDWR | O_NOCTTY), lines = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct termios t;
	char b[16] = "";

	check(c, fd >= 0);
	check_int(c, tcgetattr(fd, &t), 0);
	check_int(c, ioctl(fd, TIOCMGET, &lines), 0);
	check(c, (lines & TIOCM_CAR) != 0);
	check_int(c, write(fd, "AT\r", 3), 3);
	check_int(c, poll(&p, 1, 1000), 1);
	check_int(c, read(fd, b, sizeof(b)), 3);
	check(c, strcmp(b, "AT\r") == 0);
	close(fd);
}

static void loopback_of_every_awkward_size(struct client *c)
{
	static const int sizes[] = { 1, 511, 512, 513, 1023, 1024, 1025, 4096, 16383, 16384, 16385,
				     49152, MIB, MIB + 1 };
	uint8_t *back = malloc(2 * MIB);
	size_t i;
	int n, k;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (k = 0; k < sizes[i]; k++)
			c->buf[k] = pattern((uint64_t)k + i);
		check_int(c, write_ms(c, c->buf, sizes[i], 1000, &n), 0);
		check_int(c, n, sizes[i]);
		check_int(c, read_ms(c, back, 2 * MIB, 1000, &n), 0);
		check_int(c, n, sizes[i]);
		check(c, memcmp(back, c->buf, (size_t)sizes[i]) == 0);
	}
	free(back);
}

static void a_read_that_times_out_keeps_what_came(struct client *c)
{
	int n, k;

	order(c, "!source %u", 3 * c->packet);
	memset(c->buf, 0, 65536);
	check_int(c, read_ms(c, c->buf, 65536, 60, &n), LIBUSB_ERROR_TIMEOUT);
	check_int(c, n, 3 * c->packet);
	for (k = 0; k < n; k++)
		if (c->buf[k] != pattern((uint64_t)k)) {
			check_int(c, k, -1);
			break;
		}
	/* And nothing of it comes twice. */
	check_int(c, read_ms(c, c->buf, 65536, 30, &n), LIBUSB_ERROR_TIMEOUT);
	check_int(c, n, 0);
}

static void empty_packets_end_reads_and_are_made_when_asked(struct client *c)
{
	struct libusb_transfer *t = libusb_alloc_transfer(0);
	int n;

	order(c, "!source0 %u", c->packet);
	check_int(c, read_ms(c, c->buf, 65536, 1000, &n), 0);
	check_int(c, n, c->packet);
	order(c, "!source0 %u", c->packet);
	check_int(c, read_ms(c, c->buf, (int)c->packet, 1000, &n), 0);
	check_int(c, n, c->packet);
	check_int(c, read_ms(c, c->buf, 65536, 1000, &n), 0);
	check_int(c, n, 0);
	order(c, "!source0 %u", c->packet);
	check_int(c, read_ms(c, c->buf, (int)c->packet, 1000, &n), 0);
	check_int(c, read_ms(c, c->buf, 0, 1000, &n), 0);
	check_int(c, n, 0);
	/* OUT: one by hand, one by flag, none otherwise. */
	order(c, "!zeros");
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), 0);
	c->buf[n] = 0;
	int before = atoi((char *)c->buf + 6);
	check_int(c, write_ms(c, c->buf, 0, 1000, &n), 0);
	order(c, "!sink %u", 2 * c->packet);
	for (n = 0; n < (int)(2 * c->packet); n++)
		c->buf[n] = pattern((uint64_t)n);
	check_int(c, write_ms(c, c->buf, (int)c->packet, 1000, &n), 0);
	libusb_fill_bulk_transfer(t, c->h, c->out, c->buf + c->packet, (int)c->packet, NULL, NULL, 1000);
	t->flags = LIBUSB_TRANSFER_ADD_ZERO_PACKET;
	check_int(c, libusb_submit_transfer(t), 0);
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), 0);
	check_int(c, n, 4);
	check_int(c, t->status, LIBUSB_TRANSFER_COMPLETED);
	order(c, "!zeros");
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), 0);
	c->buf[n] = 0;
	check_int(c, atoi((char *)c->buf + 6) - before, 2);
	libusb_free_transfer(t);
}

static void a_read_smaller_than_the_packet_overflows(struct client *c)
{
	int n;

	order(c, "!source 300");
	check_int(c, read_ms(c, c->buf, 100, 1000, &n), LIBUSB_ERROR_OVERFLOW);
	order(c, "x");
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), 0);
	check_int(c, n, 1);
}

struct flight {
	int order, *counter, at;
	bool done;
};

static void LIBUSB_CALL landed(struct libusb_transfer *t)
{
	struct flight *f = t->user_data;

	f->at = (*f->counter)++;
	f->done = true;
}

static void transfers_in_flight_end_in_order(struct client *c)
{
	struct libusb_transfer *t[16];
	struct flight f[16];
	int n_in = 0, n_out = 0, i, k;
	struct timeval tv = { 0, 100000 };
	double end = now() + 2;
	uint8_t *out = malloc(8 * 4096);

	order(c, "!sink %d", 8 * 4096);
	for (i = 0; i < 8 * 4096; i++)
		out[i] = pattern((uint64_t)i);
	for (i = 0; i < 16; i++) {
		bool in = i < 8;

		t[i] = libusb_alloc_transfer(0);
		f[i] = (struct flight){ i, in ? &n_in : &n_out, -1, false };
		libusb_fill_bulk_transfer(t[i], c->h, in ? c->in : c->out,
					  in ? c->buf + i * 2048 : out + (i - 8) * 4096,
					  in ? 2048 : 4096, landed, &f[i], 2000);
		check_int(c, libusb_submit_transfer(t[i]), 0);
	}
	while (n_out < 8 && now() < end)
		libusb_handle_events_timeout(c->ctx, &tv);
	check_int(c, n_out, 8);
	while (n_in < 1 && now() < end)
		libusb_handle_events_timeout(c->ctx, &tv);
	check_int(c, n_in, 1); /* "sunk" */
	order(c, "!source %d", 7 * 2048);
	while (n_in < 8 && now() < end)
		libusb_handle_events_timeout(c->ctx, &tv);
	check_int(c, n_in, 8);
	for (i = 0; i < 16; i++) {
		check_int(c, f[i].at, i % 8);
		check_int(c, t[i]->status, LIBUSB_TRANSFER_COMPLETED);
		check_int(c, t[i]->actual_length, i == 0 ? 4 : i < 8 ? 2048 : 4096);
		for (k = 0; i > 0 && i < 8 && k < 2048; k++)
			if (t[i]->buffer[k] != pattern((uint64_t)((i - 1) * 2048 + k))) {
				check_int(c, k, -1);
				break;
			}
		libusb_free_transfer(t[i]);
	}
	free(out);
}

static void a_cancelled_read_ends_and_the_next_one_works(struct client *c)
{
	struct libusb_transfer *t = libusb_alloc_transfer(0);
	struct timeval tv = { 0, 100000 };
	int count = 0, n;
	struct flight f = { 0, &count, -1, false };

	libusb_fill_bulk_transfer(t, c->h, c->in, c->buf, 4096, landed, &f, 0);
	check_int(c, libusb_submit_transfer(t), 0);
	check_int(c, libusb_cancel_transfer(t), 0);
	while (!f.done)
		libusb_handle_events_timeout(c->ctx, &tv);
	check_int(c, t->status, LIBUSB_TRANSFER_CANCELLED);
	libusb_free_transfer(t);
	order(c, "after");
	check_int(c, read_ms(c, c->buf, 4096, 1000, &n), 0);
	check_int(c, n, 5);
}

static void a_stall_is_a_pipe_error_and_can_be_cleared(struct client *c)
{
	int n;

	order(c, "!stall");
	check_int(c, read_ms(c, c->buf, 4096, 1000, &n), LIBUSB_ERROR_PIPE);
	check_int(c, libusb_clear_halt(c->h, c->in), 0);
	order(c, "after");
	check_int(c, read_ms(c, c->buf, 4096, 1000, &n), 0);
	check_int(c, n, 5);
}

static void a_busy_endpoint_delays_writes_and_times_them_out(struct client *c)
{
	double t;
	int n;

	order(c, "!busy 60");
	check_int(c, write_ms(c, "x", 1, 20, &n), LIBUSB_ERROR_TIMEOUT);
	check_int(c, n, 0);
	t = now();
	check_int(c, write_ms(c, "y", 1, 1000, &n), 0);
	check(c, now() - t < 0.5);
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), 0);
	check_int(c, c->buf[0], 'y');
}

static void waiting_costs_no_cpu_and_answers_arrive_at_once(struct client *c)
{
	double t, used = cpu();
	int n;

	order(c, "!slow 200");
	order(c, "late");
	t = now();
	check_int(c, read_ms(c, c->buf, 4096, 2000, &n), 0);
	t = now() - t;
	used = cpu() - used;
	printf("# waited %.1f ms for an answer due after 200, client used %.2f ms of cpu\n", t * 1e3,
	       used * 1e3);
	check(c, t > 0.15 && t < 0.4);
	check(c, used < 0.05);
}

static void interfaces_unclaimed_and_endpoints_unknown_are_refused(struct client *c)
{
	int n = 0;

	check_int(c, libusb_bulk_transfer(c->h, 0x8a, c->buf, 512, &n, 100), LIBUSB_ERROR_IO);
	/* usbfs claims by itself, and cannot where a kernel driver sits. */
	check_int(c, libusb_bulk_transfer(c->h, 0x81, c->buf, 512, &n, 100), LIBUSB_ERROR_IO);
}

static int LIBUSB_CALL plugged(libusb_context *ctx, libusb_device *d, libusb_hotplug_event event, void *arg)
{
	struct client *c = arg;

	(void)ctx;
	(void)d;
	if (event == LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED)
		c->arrived++;
	else
		c->left++;
	return 0;
}

static void unplug_in_a_write_and_in_a_read(struct client *c)
{
	struct timeval tv = { 0, 20000 };
	libusb_hotplug_callback_handle cb;
	double end = now() + 2;
	int n, r;

	check_int(c, libusb_hotplug_register_callback(c->ctx, LIBUSB_HOTPLUG_EVENT_DEVICE_ARRIVED |
		LIBUSB_HOTPLUG_EVENT_DEVICE_LEFT, LIBUSB_HOTPLUG_NO_FLAGS, 0x05c6, 0x9008,
		LIBUSB_HOTPLUG_MATCH_ANY, plugged, c, &cb), 0);
	order(c, "!die 4096");
	check_int(c, write_ms(c, c->buf, 2048, 1000, &n), 0);
	r = write_ms(c, c->buf, 65536, 1000, &n);
	check(c, r == LIBUSB_ERROR_IO || r == LIBUSB_ERROR_NO_DEVICE);
	check_int(c, write_ms(c, c->buf, 10, 1000, &n), LIBUSB_ERROR_NO_DEVICE);
	check_int(c, read_ms(c, c->buf, 512, 1000, &n), LIBUSB_ERROR_NO_DEVICE);
	drop(c);
	use(c, await(c, 0x05c6, 0x9008), 0, 512);
	order(c, "!cut 1024");
	order(c, "!source 8192");
	r = read_ms(c, c->buf, 65536, 1000, &n);
	check(c, r == LIBUSB_ERROR_IO || r == LIBUSB_ERROR_NO_DEVICE);
	check_int(c, n, 1024);
	drop(c);
	while ((c->arrived < 2 || c->left < 1) && now() < end)
		libusb_handle_events_timeout(c->ctx, &tv);
	check_int(c, c->arrived, 2);
	check_int(c, c->left, 1);
	libusb_hotplug_deregister_callback(c->ctx, cb);
}

static void speed_in(struct client *c, int piece)
{
	double t = now(), used = cpu();
	int n, at = 0;

	order(c, "!source %d", BIG);
	while (at < BIG && read_ms(c, c->buf, piece, 5000, &n) == 0 && n > 0)
		at += n;
	t = now() - t;
	printf("# in:  %d MiB in pieces of %7d: %6.0f MB/s, client cpu %.2f s\n", at / MIB, piece,
	       at / t / 1e6, cpu() - used);
}

static void speed_out(struct client *c, int piece)
{
	double t, used = cpu();
	int n, at = 0;

	for (n = 0; n < MIB; n++)
		c->buf[n] = pattern((uint64_t)n);
	order(c, "!sink %d", BIG);
	t = now();
	while (at < BIG && write_ms(c, c->buf + at % MIB, piece, 5000, &n) == 0)
		at += n;
	check_int(c, read_ms(c, c->buf, 512, 5000, &n), 0);
	t = now() - t;
	printf("# out: %d MiB in pieces of %7d: %6.0f MB/s, client cpu %.2f s\n", at / MIB, piece,
	       at / t / 1e6, cpu() - used);
}

static void run(struct client *c, const char *name, void (*test)(struct client *))
{
	c->case_failed = false;
	test(c);
	c->failed += c->case_failed;
	printf("%s %d - %s\n", c->case_failed ? "not ok" : "ok", ++c->tests, name);
	fflush(stdout);
}
#define RUN(test) run(&c, #test, test)

int main(int argc, char **argv)
{
	struct client c = { .buf = malloc(2 * MIB) };

	if (libusb_init(&c.ctx) != 0) {
		printf("Bail out! libusb does not start\n");
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "speed") == 0) {
		use(&c, find(&c, 0x05c6, 0x9008), 0, 512);
		speed_in(&c, MIB);
		speed_in(&c, 16384);
		speed_out(&c, MIB);
		speed_out(&c, 16384);
		drop(&c);
		libusb_exit(c.ctx);
		free(c.buf);
		return 0;
	}
	RUN(enumeration_shows_hub_port_speed_and_strings);
	RUN(reenumeration_gives_a_new_device_on_another_port);
	RUN(kernel_drivers_hold_detach_and_come_back);
	RUN(ttys_carry_bytes_and_have_modem_lines);
	use(&c, find(&c, 0x2c7c, 0x0125), 2, 1024);
	RUN(loopback_of_every_awkward_size);
	RUN(a_read_that_times_out_keeps_what_came);
	RUN(empty_packets_end_reads_and_are_made_when_asked);
	RUN(a_read_smaller_than_the_packet_overflows);
	RUN(transfers_in_flight_end_in_order);
	RUN(a_cancelled_read_ends_and_the_next_one_works);
	RUN(a_stall_is_a_pipe_error_and_can_be_cleared);
	RUN(a_busy_endpoint_delays_writes_and_times_them_out);
	RUN(waiting_costs_no_cpu_and_answers_arrive_at_once);
	RUN(interfaces_unclaimed_and_endpoints_unknown_are_refused);
	RUN(unplug_in_a_write_and_in_a_read);
	printf("1..%d\n", c.tests);
	libusb_exit(c.ctx);
	free(c.buf);
	return c.failed != 0;
}
