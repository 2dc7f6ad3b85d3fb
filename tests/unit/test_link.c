#include "tests/unit/unit.h"

#include "link/fault.h"
#include "link/mem.h"
#include "link/record.h"
#include "link/replay.h"
#include "link/socket.h"
#include "link/tty.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

/* --- a far side that is a script: IN transfers to give, OUT transfers that came --- */

struct far {
	struct {
		ssize_t n; /* bytes, 0 = empty packet, negative errno */
		const char *p;
	} in[64];
	unsigned n_in, at_in;
	size_t asked[64];
	unsigned n_asked;
	char out[65536];
	size_t n_out;
	unsigned transfers, empties, recovered, closed;
	int out_errno;
	uint32_t passed;
};

static int far_out(void *arg, const void *p, size_t n)
{
	struct far *f = arg;

	if (f->out_errno)
		return -f->out_errno;
	f->transfers++;
	f->empties += n == 0;
	assert_true(f->n_out + n <= sizeof(f->out));
	memcpy(f->out + f->n_out, p, n);
	f->n_out += n;
	return 0;
}

static ssize_t far_in(void *arg, void *p, size_t cap)
{
	struct far *f = arg;

	if (f->n_asked < ARRAY_SIZE(f->asked))
		f->asked[f->n_asked++] = cap;
	if (f->at_in == f->n_in)
		return -EAGAIN;
	if (f->in[f->at_in].n > 0) {
		assert_true((size_t)f->in[f->at_in].n <= cap);
		memcpy(p, f->in[f->at_in].p, (size_t)f->in[f->at_in].n);
	}
	return f->in[f->at_in++].n;
}

static uint32_t far_idle(void *arg, uint32_t ms)
{
	struct far *f = arg;
	uint32_t step = MIN_OF(ms, 10u);

	f->passed += step;
	if (f->passed == 30) {
		f->in[f->n_in].p = "late";
		f->in[f->n_in++].n = 4;
	}
	return step;
}

static void far_recovered(void *arg)
{
	((struct far *)arg)->recovered++;
}

static void far_closed(void *arg)
{
	((struct far *)arg)->closed++;
}

static void far_gives(struct far *f, const char *p, ssize_t n)
{
	f->in[f->n_in].p = p;
	f->in[f->n_in++].n = n;
}

static struct link *far_link(struct far *f, bool timed)
{
	struct mem_far m = { .out = far_out, .in = far_in, .idle = timed ? far_idle : NULL,
			     .recovered = far_recovered, .closed = far_closed, .arg = f,
			     .max_packet = 512 };
	struct err e = ERR_INIT;
	struct link *l = NULL;

	assert_ok(mem_open(&m, "far", NULL, &l, &e), e);
	return l;
}

/* Reads exactly n bytes with reads of at most `step`. */
static void read_all(struct link *l, void *buf, size_t n, size_t step)
{
	struct err e = ERR_INIT;
	size_t done = 0, got;

	while (done < n) {
		assert_ok(link_read(l, (char *)buf + done, MIN_OF(step, n - done), 1000, &got, &e),
			  e);
		assert_in_range(got, 1, MIN_OF(step, n - done));
		done += got;
	}
}

/* --- mem --- */

static void mem_small_reads_lose_nothing(void **state)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, false);
	char got[11];

	(void)state;
	far_gives(&f, "hello ", 6);
	far_gives(&f, "", 0);
	far_gives(&f, "there", 5);
	read_all(l, got, 11, 1);
	assert_memory_equal(got, "hello there", 11);
	/* However small the caller's room, the device was always asked for whole packets. */
	while (f.n_asked)
		assert_int_equal(f.asked[--f.n_asked], 512);
	link_close(l);
	assert_int_equal(f.closed, 1);
}

static void mem_empty_packets_follow_full_ones_only_where_wanted(void **state)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, false);
	struct err e = ERR_INIT;
	char block[1024] = { 0 };

	(void)state;
	assert_ok(link_write(l, block, 1000, 100, &e), e);
	assert_int_equal(f.empties, 0);
	assert_ok(link_write(l, block, 1024, 100, &e), e);
	assert_int_equal(f.empties, 1);
	link_set_zlp(l, LINK_ZLP_OFF);
	assert_ok(link_write(l, block, 512, 100, &e), e);
	assert_int_equal(f.empties, 1);
	link_set_zlp(l, LINK_ZLP_ON);
	assert_ok(link_write(l, block, 512, 100, &e), e);
	assert_int_equal(f.empties, 2);
	assert_ok(link_write(l, block, 0, 100, &e), e);
	assert_int_equal(f.empties, 2);
	link_close(l);
}

static void mem_waits_by_the_far_sides_clock(void **state)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, true);
	struct err e = ERR_INIT;
	char got[8];
	size_t n;

	(void)state;
	assert_err(link_read(l, got, sizeof(got), 20, &n, &e), e, ERR_TIMEOUT);
	assert_int_equal(f.passed, 20);
	assert_ok(link_read(l, got, sizeof(got), 1000, &n, &e), e);
	assert_int_equal(n, 4);
	assert_int_equal(f.passed, 30);
	link_close(l);
}

static ssize_t only_empties(void *arg, void *p, size_t cap)
{
	(void)arg;
	(void)p;
	(void)cap;
	return 0;
}

static void mem_endless_empty_packets_time_out(void **state)
{
	struct far f = { 0 };
	struct mem_far m = { .out = far_out, .arg = &f, .max_packet = 512 };
	struct link *l = NULL;
	struct err e = ERR_INIT;
	char c;
	size_t n;

	(void)state;
	m.in = only_empties;
	assert_ok(mem_open(&m, "far", NULL, &l, &e), e);
	assert_err(link_read(l, &c, 1, 100, &n, &e), e, ERR_TIMEOUT);
	link_close(l);
}

static void mem_gone_stays_gone_and_stall_is_a_link_error(void **state)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, false);
	struct err e = ERR_INIT;
	char c;
	size_t n = 77;

	(void)state;
	f.out_errno = EPIPE;
	assert_err(link_write(l, "x", 1, 100, &e), e, ERR_LINK);
	assert_ok(link_recover(l, &e), e);
	assert_int_equal(f.recovered, 1);
	f.out_errno = EAGAIN;
	assert_err(link_write(l, "x", 1, 100, &e), e, ERR_TIMEOUT);
	f.out_errno = 0;
	far_gives(&f, "", -EPIPE);
	far_gives(&f, "", -EPROTO);
	far_gives(&f, "zombie", 6);
	assert_err(link_read(l, &c, 1, 100, &n, &e), e, ERR_LINK);
	assert_err(link_read(l, &c, 1, 100, &n, &e), e, ERR_GONE);
	assert_err(link_read(l, &c, 1, 100, &n, &e), e, ERR_GONE);
	assert_err(link_write(l, "x", 1, 100, &e), e, ERR_GONE);
	assert_err(link_recover(l, &e), e, ERR_GONE);
	assert_int_equal(n, 77);
	link_close(l);
}

/* --- tty --- */

static int raw_pty(char path[64], int *ret_slave)
{
	struct termios t;
	int master;

	assert_int_equal(openpty(&master, ret_slave, NULL, NULL, NULL), 0);
	assert_int_equal(ttyname_r(*ret_slave, path, 64), 0);
	tcgetattr(*ret_slave, &t);
	cfmakeraw(&t);
	tcsetattr(*ret_slave, TCSANOW, &t);
	return master;
}

static void tty_keeps_what_came_before_it_was_opened(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char path[64], got[16];
	int slave, master = raw_pty(path, &slave);

	(void)state;
	assert_int_equal(write(master, "\x01\0\0\0HELLO\r\n\x03", 12), 12);
	assert_ok(tty_open(path, NULL, &l, &e), e);
	assert_true(l->is_stream);
	assert_false(l->can_zlp);
	read_all(l, got, 12, 5);
	assert_memory_equal(got, "\x01\0\0\0HELLO\r\n\x03", 12);
	link_close(l);
	close(slave);
	close(master);
}

static void tty_passes_every_byte_value_both_ways_without_echo(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char path[64];
	uint8_t all[256], got[256];
	int slave, master;
	size_t i, n;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0); /* cooked, echo on */
	assert_int_equal(ttyname_r(slave, path, sizeof(path)), 0);
	assert_ok(tty_open(path, NULL, &l, &e), e);
	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	assert_int_equal(write(master, all, 256), 256);
	read_all(l, got, 256, 256);
	assert_memory_equal(got, all, 256);
	assert_ok(link_write(l, all, 256, 1000, &e), e);
	for (n = 0; n < 256; n += (size_t)i) {
		ssize_t r = read(master, got + n, 256 - n);

		assert_true(r > 0);
		i = (size_t)r;
	}
	assert_memory_equal(got, all, 256);
	link_close(l);
	close(slave);
	close(master);
}

static void tty_is_held_by_one_at_a_time(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL, *second = NULL;
	char path[64];
	int slave, master = raw_pty(path, &slave);

	(void)state;
	assert_ok(tty_open(path, NULL, &l, &e), e);
	assert_err(tty_open(path, NULL, &second, &e), e, ERR_BUSY);
	assert_null(second);
	link_close(l);
	assert_ok(tty_open(path, NULL, &l, &e), e);
	link_close(l);
	close(slave);
	close(master);
}

static void tty_unplugged_is_gone_after_its_last_bytes(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char path[64], c;
	int slave, master = raw_pty(path, &slave);
	size_t n;

	(void)state;
	assert_ok(tty_open(path, NULL, &l, &e), e);
	close(slave);
	assert_err(link_read(l, &c, 1, 0, &n, &e), e, ERR_TIMEOUT);
	assert_err(link_read(l, &c, 1, 20, &n, &e), e, ERR_TIMEOUT);
	close(master);
	assert_err(link_read(l, &c, 1, 1000, &n, &e), e, ERR_GONE);
	assert_err(link_read(l, &c, 1, 1000, &n, &e), e, ERR_GONE);
	assert_err(link_write(l, "x", 1, 1000, &e), e, ERR_GONE);
	link_close(l);
}

static void tty_unplugged_before_a_write_is_gone_too(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char path[64], c;
	int slave, master = raw_pty(path, &slave);
	size_t n;

	(void)state;
	assert_ok(tty_open(path, NULL, &l, &e), e);
	close(slave);
	close(master);
	assert_err(link_write(l, "x", 1, 1000, &e), e, ERR_GONE);
	assert_err(link_read(l, &c, 1, 1000, &n, &e), e, ERR_GONE);
	link_close(l);
}

static void tty_refuses_what_is_no_port(void **state)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;

	(void)state;
	assert_err(tty_open("/dev/no-such-tty", NULL, &l, &e), e, ERR_NODEV);
	assert_err(tty_open("/dev/null", NULL, &l, &e), e, ERR_USAGE);
}

/* --- socket --- */

static char *temp_dir(void)
{
	char name[] = "/tmp/salvor-test-XXXXXX";

	assert_non_null(mkdtemp(name));
	return strdup(name);
}

static void socket_reaches_a_very_long_path_and_sees_the_end(void **state)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char *dir = temp_dir(), deep[512], address[600], got[8];
	int listener, dir_fd, peer;
	size_t n;

	(void)state;
	snprintf(deep, sizeof(deep), "%s/%0100d/%0100d", dir, 1, 2);
	assert_ok(fs_mkdirs(deep, &e), e);
	dir_fd = open(deep, O_PATH | O_DIRECTORY);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/002:0", dir_fd);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 1), 0);

	snprintf(address, sizeof(address), "unix:%s/002:0", deep);
	assert_ok(socket_open(address, NULL, &l, &e), e);
	peer = accept(listener, NULL, NULL);
	assert_ok(link_write(l, "ping", 4, 100, &e), e);
	assert_int_equal(read(peer, got, 8), 4);
	assert_err(link_read(l, got, 1, 10, &n, &e), e, ERR_TIMEOUT);
	assert_int_equal(write(peer, "pong", 4), 4);
	close(peer);
	read_all(l, got, 4, 3);
	assert_memory_equal(got, "pong", 4);
	assert_err(link_read(l, got, 1, 100, &n, &e), e, ERR_GONE);
	assert_err(link_write(l, "x", 1, 100, &e), e, ERR_GONE);
	link_close(l);

	close(listener);
	assert_err(socket_open(address, NULL, &l, &e), e, ERR_NODEV);
	unlinkat(dir_fd, "002:0", 0);
	assert_err(socket_open(address, NULL, &l, &e), e, ERR_NODEV);
	rmdir(deep);
	*strrchr(deep, '/') = '\0';
	rmdir(deep);
	rmdir(dir);
	close(dir_fd);
	free(dir);
}

static void socket_write_to_a_peer_that_does_not_read_times_out(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sa);
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char address[64], *big = calloc(1, 16 << 20);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t start;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&sa, &len), 0);
	snprintf(address, sizeof(address), "tcp:127.0.0.1:%u", ntohs(sa.sin_port));
	assert_ok(socket_open(address, NULL, &l, &e), e);
	start = clock_ms();
	assert_err(link_write(l, big, 16 << 20, 50, &e), e, ERR_TIMEOUT);
	assert_in_range(clock_ms() - start, 50, 1500);
	link_close(l);
	close(listener);
	assert_err(socket_open(address, NULL, &l, &e), e, ERR_NODEV);
	free(big);
}

static void socket_refuses_malformed_addresses(void **state)
{
	static const char *const bad[] = { "unix:",  "tcp:",    "tcp:host", "tcp:host:",
					   "tcp::1", "udp:a:1", "" };
	struct err e = ERR_INIT;
	struct link *l = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_err(socket_open(bad[i], NULL, &l, &e), e, ERR_USAGE);
}

/* --- record and replay --- */

static void make_recording(struct buf *log)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, false), *r = NULL;
	struct err e = ERR_INIT;
	struct buf_sink sink;
	char got[256];
	static char big[700];
	size_t n;

	buf_sink_init(&sink, log);
	assert_ok(record_open(l, &sink.sink, &r, &e), e);
	assert_int_equal(r->max_packet, 512);
	far_gives(&f, "\x01\x00\xffhello", 8);
	assert_ok(link_read(r, got, sizeof(got), 100, &n, &e), e);
	assert_ok(link_write(r, "first", 5, 100, &e), e);
	assert_err(link_read(r, got, sizeof(got), 100, &n, &e), e, ERR_TIMEOUT);
	memset(big, 'b', sizeof(big));
	link_set_zlp(r, LINK_ZLP_OFF);
	assert_ok(link_write(r, big, sizeof(big), 100, &e), e);
	far_gives(&f, "answer", 6);
	assert_ok(link_read(r, got, sizeof(got), 100, &n, &e), e);
	assert_ok(link_recover(r, &e), e);
	f.out_errno = EPIPE;
	assert_err(link_write(r, "fails", 5, 100, &e), e, ERR_LINK);
	far_gives(&f, "", -ENODEV);
	assert_err(link_read(r, got, sizeof(got), 100, &n, &e), e, ERR_GONE);
	link_close(r);
	assert_int_equal(f.closed, 1);
}

static void replay_repeats_a_recording(void **state)
{
	struct buf log = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct link *l = NULL;
	char got[256], big[700];
	size_t n;

	(void)state;
	make_recording(&log);
	assert_ok(replay_open(buf_slice(&log), NULL, &l, &e), e);
	assert_int_equal(l->max_packet, 512);
	assert_true(l->can_zlp);
	assert_false(l->is_stream);

	read_all(l, got, 8, 3);
	assert_memory_equal(got, "\x01\x00\xffhello", 8);
	/* The answer never comes before the question. */
	assert_err(link_read(l, got, 1, 100, &n, &e), e, ERR_TIMEOUT);
	assert_ok(link_write(l, "fir", 3, 100, &e), e);
	assert_err(link_read(l, got, 1, 100, &n, &e), e, ERR_TIMEOUT);
	assert_ok(link_write(l, "st", 2, 100, &e), e);
	memset(big, 'b', sizeof(big));
	assert_ok(link_write(l, big, sizeof(big), 100, &e), e);
	assert_err(link_read(l, got, sizeof(got), 100, &n, &e), e, ERR_TIMEOUT); /* as recorded */
	assert_ok(link_read(l, got, sizeof(got), 100, &n, &e), e);
	assert_slice_equal(SLICE(got, n), "answer", 6);
	assert_err(link_write(l, "fails", 5, 100, &e), e, ERR_LINK);
	assert_int_equal(replay_left(l), 0);
	assert_err(link_read(l, got, 1, 100, &n, &e), e, ERR_GONE);
	assert_err(link_read(l, got, 1, 100, &n, &e), e, ERR_GONE);
	assert_err(link_write(l, "more", 4, 100, &e), e, ERR_MISMATCH);
	link_close(l);
	buf_fini(&log);
}

static void replay_refuses_a_different_write(void **state)
{
	struct buf log = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct link *l = NULL;

	(void)state;
	make_recording(&log);
	assert_ok(replay_open(buf_slice(&log), NULL, &l, &e), e);
	assert_err(link_write(l, "firXt", 5, 100, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "byte 3 "));
	assert_non_null(strstr(e.msg, "0x58"));
	assert_non_null(strstr(e.msg, "0x73"));
	assert_true(replay_left(l) > 0);
	link_close(l);
	buf_fini(&log);
}

static void recording_is_readable(void **state)
{
	struct buf log = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	(void)state;
	make_recording(&log);
	assert_ok(buf_add(&log, "", 1, &e), e);
	assert_ptr_equal(strstr((char *)log.p, "# salvor link log 1\n# far\nlink max_packet=512 "
						"can_zlp=1 is_stream=0\n"), log.p);
	assert_non_null(strstr((char *)log.p, " < 8\n  0100ff68656c6c6f  |...hello|\n"));
	assert_non_null(strstr((char *)log.p, " > 5\n  6669727374  |first|\n"));
	assert_non_null(strstr((char *)log.p, " < !timeout "));
	assert_non_null(strstr((char *)log.p, " zlp off\n"));
	assert_non_null(strstr((char *)log.p, " recover\n"));
	assert_non_null(strstr((char *)log.p, " > 5 !link "));
	buf_fini(&log);
}

static int full_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	(void)s;
	(void)p;
	(void)n;
	return err_set(e, ERR_HOST, "disk full");
}

static void recording_that_fails_does_not_disturb_the_transfer(void **state)
{
	struct sink full = { full_put };
	struct far f = { 0 };
	struct link *l = far_link(&f, false), *r = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(record_open(l, &full, &r, &e), e);
	assert_ok(link_write(r, "data", 4, 100, &e), e);
	assert_ok(link_write(r, "data", 4, 100, &e), e);
	assert_int_equal(f.n_out, 8);
	link_close(r);
}

#define HEAD "# salvor link log 1\n"

static void replay_names_the_bad_line(void **state)
{
	static const struct {
		const char *text, *line;
	} bad[] = {
		{ "", NULL },
		{ "hello\n", NULL },
		{ HEAD "1 < 4\n  010203\n", "line 3" },
		{ HEAD "1 < 4\n", "line 2" },
		{ HEAD "1 < 2\n  010203\n", "line 3" },
		{ HEAD "1 < 2\n  01zz\n", "line 3" },
		{ HEAD "1 ? 2\n", "line 2" },
		{ HEAD "\n\nx < 2\n", "line 4" },
		{ HEAD "1 < 99999999999\n", "line 2" },
		{ HEAD "1 < !nonsense\n", "line 2" },
		{ HEAD "1 > 1 !nonsense\n  00\n", "line 2" },
		{ HEAD "link max_packet=x\n", "line 2" },
		{ HEAD "link speed=1\n", "line 2" },
	};
	struct err e = ERR_INIT;
	struct link *l = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_err(replay_open(SLICE(bad[i].text, strlen(bad[i].text)), NULL, &l, &e), e,
			   ERR_PROTO);
		if (bad[i].line && !strstr(e.msg, bad[i].line))
			fail_msg("'%s' does not say %s", e.msg, bad[i].line);
	}
	assert_null(l);
}

/* --- fault --- */

static size_t run_faulty(const char *plan, uint8_t *got, size_t cap)
{
	static char data[4096];
	struct far f = { 0 };
	struct link *l = far_link(&f, false), *x = NULL;
	struct err e = ERR_INIT;
	size_t n, done = 0, i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	for (i = 0; i < 8; i++)
		far_gives(&f, data + 512 * i, 512);
	assert_ok(fault_open(l, plan, &x, &e), e);
	while (done < cap) {
		int r = link_read(x, got + done, cap - done, 10, &n, &e);

		if (r < 0 && e.kind == ERR_GONE)
			break;
		if (r < 0 && !strstr(e.msg, "as planned"))
			break;
		if (r == 0)
			done += n;
	}
	link_close(x);
	return done;
}

static void fault_is_the_same_each_time(void **state)
{
	static const char plan[] = "seed=7,gone_at=3000,timeout_every=5,short_reads,flip=0.01";
	uint8_t a[4096], b[4096], c[4096];
	size_t i, flipped = 0;

	(void)state;
	assert_int_equal(run_faulty(plan, a, sizeof(a)), 3000);
	assert_int_equal(run_faulty(plan, b, sizeof(b)), 3000);
	assert_memory_equal(a, b, 3000);
	assert_int_equal(run_faulty("seed=8,gone_at=3000,flip=0.01", c, sizeof(c)), 3000);
	assert_memory_not_equal(a, c, 3000);
	for (i = 0; i < 3000; i++)
		flipped += a[i] != (uint8_t)(i * 7);
	assert_in_range(flipped, 5, 80);
}

static void fault_timeouts_and_short_reads_lose_nothing(void **state)
{
	uint8_t got[4096];
	size_t i;

	(void)state;
	assert_int_equal(run_faulty("short_reads,timeout_every=2", got, sizeof(got)), 4096);
	for (i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i], (uint8_t)(i * 7));
}

static void fault_counts_both_directions_and_calls(void **state)
{
	struct far f = { 0 };
	struct link *x = NULL;
	struct err e = ERR_INIT;
	char got[8];
	size_t n;

	(void)state;
	assert_ok(fault_open(far_link(&f, false), "cut_at=10,fail_op=2", &x, &e), e);
	far_gives(&f, "abcdef", 6);
	assert_ok(link_read(x, got, 8, 10, &n, &e), e);
	assert_err(link_write(x, "1", 1, 10, &e), e, ERR_LINK);
	assert_int_equal(f.n_out, 0);
	assert_err(link_write(x, "123456", 6, 10, &e), e, ERR_TIMEOUT);
	assert_int_equal(f.n_out, 4);
	assert_err(link_write(x, "1", 1, 10, &e), e, ERR_TIMEOUT);
	assert_err(link_read(x, got, 8, 10, &n, &e), e, ERR_TIMEOUT);
	assert_int_equal(fault_calls(x), 5);
	link_close(x);

	assert_ok(fault_open(far_link(&f, false), "gone_op=1", &x, &e), e);
	assert_err(link_read(x, got, 8, 10, &n, &e), e, ERR_GONE);
	assert_err(link_recover(x, &e), e, ERR_GONE);
	link_close(x);
}

static void fault_refuses_a_plan_it_cannot_read(void **state)
{
	static const char *const bad[] = { "nonsense", "nonsense=1", "seed=x", "flip=2", "flip=0.x",
					   "flip=1.5", "short_reads,cut_at=-1" };
	struct far f = { 0 };
	struct link *l = far_link(&f, false), *x = NULL;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_err(fault_open(l, bad[i], &x, &e), e, ERR_USAGE);
	assert_int_equal(f.closed, 0);
	link_close(l);
}

static void a_read_without_room_is_a_bug(void **state)
{
	struct far f = { 0 };
	struct link *l = far_link(&f, false);
	struct err e = ERR_INIT;
	char c;
	size_t n;

	(void)state;
	assert_err(link_read(l, &c, 0, 10, &n, &e), e, ERR_BUG);
	link_close(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mem_small_reads_lose_nothing),
		cmocka_unit_test(mem_empty_packets_follow_full_ones_only_where_wanted),
		cmocka_unit_test(mem_waits_by_the_far_sides_clock),
		cmocka_unit_test(mem_endless_empty_packets_time_out),
		cmocka_unit_test(mem_gone_stays_gone_and_stall_is_a_link_error),
		cmocka_unit_test(tty_keeps_what_came_before_it_was_opened),
		cmocka_unit_test(tty_passes_every_byte_value_both_ways_without_echo),
		cmocka_unit_test(tty_is_held_by_one_at_a_time),
		cmocka_unit_test(tty_unplugged_is_gone_after_its_last_bytes),
		cmocka_unit_test(tty_unplugged_before_a_write_is_gone_too),
		cmocka_unit_test(tty_refuses_what_is_no_port),
		cmocka_unit_test(socket_reaches_a_very_long_path_and_sees_the_end),
		cmocka_unit_test(socket_write_to_a_peer_that_does_not_read_times_out),
		cmocka_unit_test(socket_refuses_malformed_addresses),
		cmocka_unit_test(replay_repeats_a_recording),
		cmocka_unit_test(replay_refuses_a_different_write),
		cmocka_unit_test(recording_is_readable),
		cmocka_unit_test(recording_that_fails_does_not_disturb_the_transfer),
		cmocka_unit_test(replay_names_the_bad_line),
		cmocka_unit_test(fault_is_the_same_each_time),
		cmocka_unit_test(fault_timeouts_and_short_reads_lose_nothing),
		cmocka_unit_test(fault_counts_both_directions_and_calls),
		cmocka_unit_test(fault_refuses_a_plan_it_cannot_read),
		cmocka_unit_test(a_read_without_room_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
