#include "link/fdio.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail_gone(struct fdio *f, int errnum, struct err *e)
{
	f->gone = true;
	if (errnum)
		err_set_errno(e, errnum, "the far side is gone");
	else
		err_set(e, ERR_GONE, "the far side closed the connection");
	e->kind = ERR_GONE;
	return -1;
}

/* A tty whose device was unplugged answers EIO or ENXIO, a socket ECONNRESET or EPIPE. */
static bool means_gone(int errnum)
{
	return errnum == EIO || errnum == ENXIO || errnum == ENODEV || errnum == EPIPE ||
	       errnum == ECONNRESET || errnum == ESHUTDOWN || errnum == EPROTO ||
	       errnum == ETIMEDOUT;
}

static int fail_errno(struct fdio *f, int errnum, const char *what, struct err *e)
{
	if (means_gone(errnum))
		return fail_gone(f, errnum, e);
	err_set_errno(e, errnum, "%s failed", what);
	if (e->kind != ERR_NOMEM)
		e->kind = ERR_LINK;
	return -1;
}

static bool is_again(int errnum)
{
	return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR;
}

/* Waits for `events` until the deadline. 1 = something happened, 0 = time is over, -1 = error. */
static int wait_for(struct fdio *f, short events, struct deadline end, struct err *e)
{
	struct pollfd p = { .fd = f->fd, .events = events };

	for (;;) {
		uint32_t left = deadline_left(end);
		int r = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (r > 0)
			return 1;
		if (r < 0 && errno != EINTR)
			return fail_errno(f, errno, "waiting", e);
		if (left == 0)
			return 0;
	}
}

int fdio_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct fdio *f = container_of(l, struct fdio, link);
	struct deadline end = deadline_in(ms);

	if (f->gone)
		return fail_gone(f, 0, e);
	for (;;) {
		ssize_t n = read(f->fd, buf, cap);

		if (n > 0) {
			*ret_n = (size_t)n;
			return 0;
		}
		if (n == 0)
			return fail_gone(f, 0, e);
		if (!is_again(errno))
			return fail_errno(f, errno, "reading", e);
		int r = wait_for(f, POLLIN, end, e);
		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(e, ERR_TIMEOUT, "nothing arrived in %u ms", ms);
	}
}

int fdio_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct fdio *f = container_of(l, struct fdio, link);
	struct deadline end = deadline_in(ms);
	const uint8_t *p = buf;
	size_t done = 0;

	if (f->gone)
		return fail_gone(f, 0, e);
	while (done < n) {
		ssize_t r = f->is_socket ? send(f->fd, p + done, n - done, MSG_NOSIGNAL)
					 : write(f->fd, p + done, n - done);

		if (r > 0) {
			done += (size_t)r;
			continue;
		}
		if (r < 0 && !is_again(errno))
			return fail_errno(f, errno, "writing", e);
		int ready = wait_for(f, POLLOUT, end, e);
		if (ready < 0)
			return -1;
		if (ready == 0)
			return err_set(e, ERR_TIMEOUT,
				       "only %zu of %zu bytes were taken in %u ms", done, n, ms);
	}
	return 0;
}
