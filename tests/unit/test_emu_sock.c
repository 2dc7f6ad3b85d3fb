/* The socket face in a process of its own, met with plain system calls. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_util.h"

#include "tests/emu/sockface.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static pid_t serve(struct rig *r, const char *quirks)
{
	struct sockface_options o = { .quiet = true, .stop = &stop };
	struct err e = ERR_INIT;
	char root[128];
	pid_t pid;

	emu_close(r->m); /* its lock would be inherited */
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	signal(SIGTERM, on_term);
	signal(SIGPIPE, SIG_IGN);
	r->now = 0;
	rig_reopen(r, "ec25", quirks);
	snprintf(root, sizeof(root), "%s/root", r->dir);
	o.root = root;
	if (sockface_run(r->m, &o, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		_exit(1);
	}
	emu_close(r->m);
	_exit(0);
}

static bool wait_path(const struct rig *r, const char *name, bool there)
{
	struct timespec ms = { 0, 2000000 };
	char path[256];
	int i;

	snprintf(path, sizeof(path), "%s/root/%s", r->dir, name);
	for (i = 0; i < 1500; i++) {
		if ((access(path, F_OK) == 0) == there)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static int dial(const struct rig *r, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/root/%s", r->dir, name);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		fail_msg("cannot connect to %s: %s", a.sun_path, strerror(errno));
	return fd;
}

static size_t get(int fd, uint8_t *p, size_t want)
{
	struct pollfd w = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < want && poll(&w, 1, 2000) > 0) {
		ssize_t got = read(fd, p + n, want - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	return n;
}

static void end(struct rig *r, pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(wait_path(r, "sys/bus/usb/devices/1-1.4", false));
	assert_true(wait_path(r, "dev/ttyUSB0", false));
	rig_reopen(r, "ec25", NULL);
	rig_close(r);
}

static void socket_carries_sahara_and_dies_with_the_device(void **state)
{
	static const uint8_t resp[48] = { 2, 0, 0, 0, 0x30, 0, 0, 0, 2, 0, 0, 0, 1 };
	static const uint8_t reset[8] = { 7, 0, 0, 0, 8 };
	struct rig r;
	uint8_t b[64];
	pid_t pid;
	int fd;

	(void)state;
	rig_open(&r, "ec25", NULL);
	pid = serve(&r, "start=edl;slow_boot=50");
	assert_true(wait_path(&r, "sys/bus/usb/devices/1-1.4", true));
	assert_true(wait_path(&r, "sys/bus/usb/devices/1-1.4:1.0/ep_81/wMaxPacketSize", true));
	fd = dial(&r, "dev/bus/usb/001/005:0");
	assert_int_equal(get(fd, b, 48), 48);
	assert_int_equal(get_le32(b), 1);
	/* A stream may cut a packet anywhere. */
	assert_int_equal(write(fd, resp, 5), 5);
	assert_int_equal(write(fd, resp + 5, 43), 43);
	assert_int_equal(get(fd, b, 20), 20);
	assert_int_equal(get_le32(b), 3);
	assert_int_equal(write(fd, reset, 8), 8);
	assert_int_equal(get(fd, b, 8), 8);
	assert_int_equal(get(fd, b, 1), 0); /* the device has left: end of file */
	close(fd);
	assert_true(wait_path(&r, "dev/bus/usb/001/006:4", true)); /* and came back as firmware */
	assert_true(wait_path(&r, "dev/ttyUSB3", true));
	end(&r, pid);
}

static void tty_keeps_hello_for_its_reader(void **state)
{
	struct termios tio;
	char path[256];
	uint8_t b[64];
	struct rig r;
	pid_t pid;
	int fd;

	(void)state;
	rig_open(&r, "ec25", NULL);
	pid = serve(&r, "start=edl");
	assert_true(wait_path(&r, "sys/bus/usb/devices/1-1.4", true));
	snprintf(path, sizeof(path), "%s/root/dev/ttyUSB0", r.dir);
	fd = open(path, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &tio), 0);
	assert_int_equal(tio.c_lflag & (ICANON | ECHO), 0);
	assert_int_equal(get(fd, b, 48), 48);
	assert_int_equal(get_le32(b + 4), 48);
	close(fd);
	end(&r, pid);
}

/* Two clients, one after the other: the second finds the line as the first did. */
static void tty_carries_diag_and_at(void **state)
{
	static const uint8_t ask[] = { 0x26, 0x26, 0x02, 0xdf, 0x47, 0x7e };
	static const uint8_t open_root[] = { 0x4b, 0x13, 0x0b, 0x00, 0x2f, 0x00, 0x19, 0x11, 0x7e };
	static const uint8_t opened[] = { 0x4b, 0x13, 0x0b, 0x00, 0x01, 0x00, 0x00, 0x00,
					  0x00, 0x00, 0x00, 0x00, 0xb5, 0xa9, 0x7e };
	struct termios tio;
	char path[256];
	uint8_t b[256];
	struct rig r;
	pid_t pid;
	int fd, i;

	(void)state;
	rig_open(&r, "ec25", NULL);
	pid = serve(&r, "latency=1");
	assert_true(wait_path(&r, "sys/bus/usb/devices/1-1.4", true));
	snprintf(path, sizeof(path), "%s/root/dev/ttyUSB0", r.dir);
	for (i = 0; i < 2; i++) {
		fd = open(path, O_RDWR | O_NOCTTY);
		assert_true(fd >= 0);
		/* As some programs set a line up: everything off, raw. */
		memset(&tio, 0, sizeof(tio));
		cfmakeraw(&tio);
		cfsetspeed(&tio, B115200);
		assert_int_equal(tcsetattr(fd, TCSANOW, &tio), 0);
		assert_int_equal(write(fd, ask, sizeof(ask)), sizeof(ask));
		assert_int_equal(get(fd, b, 136), 136);
		assert_memory_equal(b, "\x26\x26\x02\x08\x4a\x09\x51\x24\x30\x32\x57\x81", 12);
		if (i == 0) {
			assert_int_equal(write(fd, open_root, sizeof(open_root)), sizeof(open_root));
			assert_int_equal(get(fd, b, sizeof(opened)), sizeof(opened));
			assert_memory_equal(b, opened, sizeof(opened));
		}
		close(fd);
		nanosleep(&(struct timespec){ 0, 20000000 }, NULL); /* until the module has noticed */
	}
	snprintf(path, sizeof(path), "%s/root/dev/ttyUSB2", r.dir);
	fd = open(path, O_RDWR | O_NOCTTY);
	assert_int_equal(write(fd, "AT+CFUN?\r", 9), 9);
	assert_int_equal(get(fd, b, 9 + 12 + 6), 27);
	assert_memory_equal(b, "AT+CFUN?\r\r\n+CFUN: 1\r\n\r\nOK\r\n", 27);
	close(fd);
	end(&r, pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(socket_carries_sahara_and_dies_with_the_device),
		cmocka_unit_test(tty_keeps_hello_for_its_reader),
		cmocka_unit_test(tty_carries_diag_and_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
