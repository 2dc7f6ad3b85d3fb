/*
 * The contract of link.h, held by link/usb.c through the usbfs face: run by usbfs-echo against the
 * module of fake_emu.c. Prints TAP; `usb-link speed` prints figures.
 */
#include "link/usb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define BIG ((size_t)64 * MIB)

struct run {
	unsigned devnum; /* of the device opened last */
	struct link *l;
	struct err e;
	uint8_t *buf;
	int tests, failed;
	bool case_failed;
};

#define check(r, expr)                                                                             \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			printf("# line %d: %s (%s: %s)\n", __LINE__, #expr,                        \
			       err_kind_name((r)->e.kind), (r)->e.msg);                            \
			(r)->case_failed = true;                                                   \
		}                                                                                  \
	} while (0)
#define check_err(r, expr, want)                                                                   \
	do {                                                                                       \
		err_clear(&(r)->e);                                                                \
		check(r, (expr) == -1);                                                            \
		check(r, (r)->e.kind == (want));                                                   \
	} while (0)

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static unsigned attr(const char *port, const char *name, int base)
{
	char path[128], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", port, name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return (unsigned)strtoul(text, NULL, base);
}

static int open_at(struct run *r, const char *port, unsigned product, unsigned iface, struct link **ret)
{
	unsigned dev;
	int i;

	for (i = 0; i < 200 && attr(port, "idProduct", 16) != product; i++)
		usleep(10000);
	dev = attr(port, "devnum", 10);
	if (usb_open(attr(port, "busnum", 10), dev, iface, NULL, ret, &r->e) < 0)
		return -1;
	r->devnum = dev;
	return 0;
}

static bool fill(uint8_t *p, size_t n, bool compare)
{
	size_t i;

	for (i = 0; i < n; i++) {
		uint8_t b = (uint8_t)(i * 7 + i / 256);

		if (compare && p[i] != b)
			return false;
		p[i] = b;
	}
	return true;
}

static void order(struct run *r, const char *text)
{
	check(r, link_write(r->l, text, strlen(text), 1000, &r->e) == 0);
}

static size_t read_all(struct run *r, void *p, size_t want)
{
	size_t at = 0, n;

	while (at < want && link_read(r->l, (uint8_t *)p + at, want - at, 1000, &n, &r->e) == 0)
		at += n;
	return at;
}

static int zeros(struct run *r)
{
	char text[64] = "";
	size_t n;

	order(r, "!zeros");
	check(r, link_read(r->l, text, sizeof(text) - 1, 1000, &n, &r->e) == 0);
	return atoi(text + 6);
}

static void the_driver_goes_at_open_and_comes_back_at_close(struct run *r)
{
	check(r, access("/dev/ttyUSB0", F_OK) == 0);
	check(r, open_at(r, "1-1.4", 0x9008, 0, &r->l) == 0);
	check(r, access("/dev/ttyUSB0", F_OK) != 0);
	check(r, r->l->max_packet == 512 && r->l->can_zlp && !r->l->is_stream);
	link_close(r->l);
	check(r, access("/dev/ttyUSB0", F_OK) == 0);
}

static void what_cannot_be_opened_says_why(struct run *r)
{
	struct link *other;

	check_err(r, usb_open(9, 99, 0, NULL, &other, &r->e), ERR_NODEV);
	check_err(r, open_at(r, "1-1.4", 0x9008, 5, &other), ERR_NODEV);
	check_err(r, open_at(r, "1-1.4", 0x9008, 0, &other), ERR_BUSY);
}

static void loopback_of_every_awkward_size(struct run *r)
{
	static const size_t sizes[] = { 1, 511, 512, 513, 16383, 16384, 16385, 262144, MIB, MIB + 1 };
	size_t i, n, at;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(r->buf, sizes[i], false);
		check(r, link_write(r->l, r->buf, sizes[i], 1000, &r->e) == 0);
		memset(r->buf, 0, sizes[i]);
		for (at = 0; at < sizes[i]; at += n)
			if (link_read(r->l, r->buf + at, 2 * MIB - at, 500, &n, &r->e) != 0)
				break;
		check(r, at == sizes[i]);
		check(r, fill(r->buf, sizes[i], true));
		check_err(r, link_read(r->l, r->buf, 512, 0, &n, &r->e), ERR_TIMEOUT);
	}
}

static void small_reads_lose_no_byte(struct run *r)
{
	size_t n, i;

	order(r, "!source 1300");
	memset(r->buf, 0, 2048);
	for (i = 0; i < 1300; i += n)
		if (link_read(r->l, r->buf + i, 7, 500, &n, &r->e) != 0)
			break;
	check(r, i >= 1300 && fill(r->buf, 1300, true));
}

static void a_full_last_packet_arrives_without_an_empty_one(struct run *r)
{
	double t = now();
	size_t n = 0, at = 0;

	order(r, "!source 1536");
	while (at < 1536 && link_read(r->l, r->buf + at, 65536, 1000, &n, &r->e) == 0)
		at += n;
	check(r, at == 1536 && fill(r->buf, 1536, true));
	check(r, now() - t < 0.9);
}

static void empty_packets_follow_the_mode(struct run *r)
{
	int before = zeros(r);
	size_t n;

	fill(r->buf, 1024, false);
	order(r, "!sink 1024");
	check(r, link_write(r->l, r->buf, 1024, 1000, &r->e) == 0);
	check(r, link_read(r->l, r->buf, 512, 1000, &n, &r->e) == 0);
	check(r, zeros(r) == before + 1);
	link_set_zlp(r->l, LINK_ZLP_OFF);
	fill(r->buf, 1024, false);
	order(r, "!sink 1024");
	check(r, link_write(r->l, r->buf, 1024, 1000, &r->e) == 0);
	check(r, link_read(r->l, r->buf, 512, 1000, &n, &r->e) == 0);
	check(r, zeros(r) == before + 1);
	link_set_zlp(r->l, LINK_ZLP_AUTO);
}

static void silence_times_out_in_time(struct run *r)
{
	double t = now();
	size_t n;

	check_err(r, link_read(r->l, r->buf, 65536, 80, &n, &r->e), ERR_TIMEOUT);
	check(r, now() - t > 0.07 && now() - t < 0.8);
	order(r, "!busy 400");
	t = now();
	check_err(r, link_write(r->l, "late", 4, 50, &r->e), ERR_TIMEOUT);
	check(r, now() - t < 0.39);
	usleep(400000);
}

static void a_halt_is_an_error_that_can_be_cleared(struct run *r)
{
	size_t n;

	order(r, "!stall");
	check_err(r, link_read(r->l, r->buf, 65536, 500, &n, &r->e), ERR_LINK);
	err_clear(&r->e);
	check(r, link_recover(r->l, &r->e) == 0);
	order(r, "still here");
	check(r, link_read(r->l, r->buf, 65536, 500, &n, &r->e) == 0 && n == 10);
}

/* A device that left needs a moment to be back; how long is the machine's business. */
static bool opens_again(struct run *r)
{
	int k;

	for (k = 0; k < 100; k++) {
		if (attr("1-1.4", "devnum", 10) != r->devnum &&
		    open_at(r, "1-1.4", 0x9008, 0, &r->l) == 0)
			return true;
		err_clear(&r->e);
		usleep(20000);
	}
	return false;
}

static void unplugged_in_a_read_is_gone_for_good(struct run *r)
{
	size_t n, at = 0;
	double t = now();
	int k;

	order(r, "!cut 4096");
	order(r, "!source 65536");
	while (link_read(r->l, r->buf + at, 65536, 1000, &n, &r->e) == 0)
		at += n;
	check(r, r->e.kind == ERR_GONE);
	check(r, at == 4096 && fill(r->buf, 4096, true));
	check(r, now() - t < 0.9);
	for (k = 0; k < 2; k++) {
		check_err(r, link_read(r->l, r->buf, 512, 100, &n, &r->e), ERR_GONE);
		check_err(r, link_write(r->l, "x", 1, 100, &r->e), ERR_GONE);
	}
	link_close(r->l);
	r->l = NULL;
	err_clear(&r->e);
}

static void unplugged_in_a_write_is_gone_and_the_next_life_works(struct run *r)
{
	bool again;
	size_t n;

	again = opens_again(r);
	check(r, again);
	if (!again)
		return;
	order(r, "!die 100000");
	check_err(r, link_write(r->l, r->buf, MIB, 1000, &r->e), ERR_GONE);
	link_close(r->l);
	r->l = NULL;
	err_clear(&r->e);
	again = opens_again(r);
	check(r, again);
	if (!again)
		return;
	order(r, "hello");
	check(r, link_read(r->l, r->buf, 512, 1000, &n, &r->e) == 0 && n == 5);
}

static void speed(struct run *r)
{
	double t, used;
	size_t at = 0, n, i;

	t = now();
	used = cpu();
	order(r, "!source 67108864");
	while (at < BIG && link_read(r->l, r->buf, MIB, 5000, &n, &r->e) == 0)
		at += n;
	t = now() - t;
	printf("# link in:  %zu MiB %6.0f MB/s, client cpu %.2f s\n", at / MIB, (double)at / t / 1e6,
	       cpu() - used);
	fill(r->buf, MIB, false);
	t = now();
	used = cpu();
	order(r, "!sink 67108864");
	for (i = 0; i < BIG; i += MIB)
		check(r, link_write(r->l, r->buf, MIB, 5000, &r->e) == 0);
	check(r, read_all(r, r->buf, 4) == 4);
	t = now() - t;
	printf("# link out: %zu MiB %6.0f MB/s, client cpu %.2f s\n", BIG / MIB, (double)BIG / t / 1e6,
	       cpu() - used);
}

static void run(struct run *r, const char *name, void (*test)(struct run *))
{
	r->case_failed = false;
	test(r);
	r->failed += r->case_failed;
	printf("%s %d - %s\n", r->case_failed ? "not ok" : "ok", ++r->tests, name);
	fflush(stdout);
}
#define RUN(test) run(&r, #test, test)

int main(int argc, char **argv)
{
	struct run r = { .buf = malloc(4 * MIB) };
	bool only_speed = argc > 1 && strcmp(argv[1], "speed") == 0;

	if (!only_speed)
		RUN(the_driver_goes_at_open_and_comes_back_at_close);
	if (!r.buf || open_at(&r, "1-1.4", 0x9008, 0, &r.l) != 0) {
		printf("Bail out! %s\n", r.e.msg);
		return 1;
	}
	if (only_speed) {
		speed(&r);
	} else {
		RUN(what_cannot_be_opened_says_why);
		RUN(loopback_of_every_awkward_size);
		RUN(small_reads_lose_no_byte);
		RUN(a_full_last_packet_arrives_without_an_empty_one);
		RUN(empty_packets_follow_the_mode);
		RUN(silence_times_out_in_time);
		RUN(a_halt_is_an_error_that_can_be_cleared);
		RUN(unplugged_in_a_read_is_gone_for_good);
		RUN(unplugged_in_a_write_is_gone_and_the_next_life_works);
		printf("1..%d\n", r.tests);
	}
	link_close(r.l);
	free(r.buf);
	return r.failed != 0;
}
