#include "link/tty.h"

#include "link/fdio.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* DTR and the hang-up-on-close flag stay as they are: dropping DTR resets some modules. The
 * exclusive mode is taken back, because it outlives us while anybody else has the port open. */
static void tty_close(struct link *l)
{
	struct fdio *f = container_of(l, struct fdio, link);

	ioctl(f->fd, TIOCNXCL);
	close(f->fd);
	free(f);
}

static const struct link_ops tty_ops = {
	.name = "tty",
	.read = fdio_read,
	.write = fdio_write,
	.close = tty_close,
};

static int fail_open(int errnum, const char *path, struct err *e)
{
	switch (errnum) {
	case EBUSY:
		return err_set_code(e, ERR_BUSY, errnum,
				    "'%s' is held by another program in exclusive mode", path);
	case EACCES:
	case EPERM:
		return err_set_code(e, ERR_HOST, errnum,
				    "no permission to open '%s': install 70-salvor.rules, or join "
				    "the group that owns the port (often dialout)", path);
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return err_set_code(e, ERR_NODEV, errnum, "there is no serial port '%s'", path);
	case EIO:
		return err_set_code(e, ERR_GONE, errnum, "serial port '%s' is hung up", path);
	default:
		return err_set_errno(e, errnum, "cannot open serial port '%s'", path);
	}
}

/* Raw mode now, without waiting for output and without dropping input. */
static int set_raw(int fd, const char *path, struct err *e)
{
	struct termios t;

	if (tcgetattr(fd, &t) < 0) {
		if (errno == ENOTTY || errno == EINVAL)
			return err_set_code(e, ERR_USAGE, errno, "'%s' is not a serial port", path);
		return err_set_errno(e, errno, "cannot read the settings of '%s'", path);
	}
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	t.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
	t.c_iflag &= ~(tcflag_t)(IXON | IXOFF | IXANY);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	cfsetispeed(&t, B115200);
	cfsetospeed(&t, B115200);
	if (tcsetattr(fd, TCSANOW, &t) < 0)
		return err_set_errno(e, errno, "cannot set '%s' to raw mode", path);
	return 0;
}

int tty_open(const char *path, struct log *log, struct link **ret, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	struct fdio *f;

	if (fd < 0)
		return fail_open(errno, path, e);
	if (!isatty(fd))
		return err_set_code(e, ERR_USAGE, ENOTTY, "'%s' is not a serial port", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return err_set_code(e, ERR_BUSY, EBUSY, "'%s' is locked by another program", path);
	/* Some drivers do not know it; the lock is then all we have. */
	ioctl(fd, TIOCEXCL);
	if (set_raw(fd, path, e) < 0) {
		ioctl(fd, TIOCNXCL);
		return -1;
	}

	f = calloc(1, sizeof(*f));
	if (!f) {
		ioctl(fd, TIOCNXCL);
		return err_nomem(e);
	}
	f->link.ops = &tty_ops;
	f->link.log = log;
	f->link.is_stream = true;
	snprintf(f->link.desc, sizeof(f->link.desc), "%s", path);
	f->fd = steal_fd(&fd);
	*ret = &f->link;
	return 0;
}
