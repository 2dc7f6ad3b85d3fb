#include "link/socket.h"

#include "link/fdio.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_MS 10000

static void socket_close(struct link *l)
{
	struct fdio *f = container_of(l, struct fdio, link);

	close(f->fd);
	free(f);
}

static const struct link_ops socket_ops = {
	.name = "socket",
	.read = fdio_read,
	.write = fdio_write,
	.close = socket_close,
};

bool socket_is_address(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 || strncmp(address, "tcp:", 4) == 0;
}

static int fail_connect(int errnum, const char *address, struct err *e)
{
	if (errnum == ENOENT || errnum == ECONNREFUSED || errnum == ENOTDIR)
		return err_set_code(e, ERR_NODEV, errnum, "nobody listens at '%s'", address);
	/* A full backlog: the one client that a bridge serves is somebody else. */
	if (errnum == EAGAIN)
		return err_set_code(e, ERR_BUSY, errnum, "'%s' serves somebody else", address);
	return err_set_errno(e, errnum, "cannot connect to '%s'", address);
}

static int wait_connected(int fd, const char *address, struct err *e)
{
	struct deadline end = deadline_in(CONNECT_MS);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int r, why = 0;

	while ((r = poll(&p, 1, (int)deadline_left(end))) < 0 && errno == EINTR)
		;
	if (r == 0)
		return err_set(e, ERR_TIMEOUT, "'%s' did not answer in %d ms", address, CONNECT_MS);
	if (r < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0)
		why = errno;
	return why ? fail_connect(why, address, e) : 0;
}

/* A path that does not fit sun_path is reached through its folder: the kernel resolves
 * /proc/self/fd/N/NAME, which is short however deep the folder lies. */
static int fill_unix(struct sockaddr_un *sa, const char *path, int *dir_fd, struct err *e)
{
	const char *name = strrchr(path, '/');
	char dir[PATH_MAX];
	int n;

	sa->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(sa->sun_path)) {
		strcpy(sa->sun_path, path);
		return 0;
	}
	if (!name || (size_t)(name - path) >= sizeof(dir))
		return err_set(e, ERR_USAGE, "socket path of %zu bytes is too long", strlen(path));
	memcpy(dir, path, (size_t)(name - path));
	dir[name - path] = '\0';
	*dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd < 0)
		return fail_connect(errno, path, e);
	n = snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", *dir_fd, name + 1);
	if (n < 0 || (size_t)n >= sizeof(sa->sun_path))
		return err_set(e, ERR_USAGE, "socket name of %zu bytes is too long", strlen(name));
	return 0;
}

static int connect_unix(const char *address, int *ret_fd, struct err *e)
{
	struct sockaddr_un sa = { 0 };
	_cleanup_close_ int dir_fd = -1;
	_cleanup_close_ int fd = -1;

	if (address[5] == '\0')
		return err_set(e, ERR_USAGE, "'%s' has no path: write unix:PATH", address);
	if (fill_unix(&sa, address + 5, &dir_fd, e) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return fail_connect(errno, address, e);
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* "HOST:PORT" or "[V6]:PORT" into its halves. */
static int split_host(const char *text, char host[256], char port[16])
{
	const char *colon = strrchr(text, ':');
	size_t n;

	if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) >= 16)
		return -1;
	strcpy(port, colon + 1);
	n = (size_t)(colon - text);
	if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
		text++;
		n -= 2;
	}
	if (n == 0 || n >= 256)
		return -1;
	memcpy(host, text, n);
	host[n] = '\0';
	return 0;
}

static int connect_tcp(const char *address, int *ret_fd, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list, *a;
	char host[256], port[16];
	int r, one = 1;

	if (split_host(address + 4, host, port) < 0)
		return err_set(e, ERR_USAGE, "cannot read '%s': write tcp:HOST:PORT", address);
	r = getaddrinfo(host, port, &hints, &list);
	if (r != 0)
		return err_set(e, r == EAI_SERVICE ? ERR_USAGE : ERR_HOST,
			       "cannot resolve '%s': %s", address, gai_strerror(r));
	r = err_set(e, ERR_HOST, "'%s' has no address", address);
	for (a = list; a && r < 0; a = a->ai_next) {
		_cleanup_close_ int fd =
			socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			       a->ai_protocol);

		if (fd < 0) {
			r = err_set_errno(e, errno, "cannot make a socket");
			continue;
		}
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			r = 0;
		else if (errno == EINPROGRESS)
			r = wait_connected(fd, address, e);
		else
			r = fail_connect(errno, address, e);
		if (r == 0) {
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			*ret_fd = steal_fd(&fd);
		}
	}
	freeaddrinfo(list);
	return r;
}

int socket_open(const char *address, struct log *log, struct link **ret, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct fdio *f;
	int r;

	if (!socket_is_address(address))
		return err_set(e, ERR_USAGE, "cannot read '%s': write unix:PATH or tcp:HOST:PORT",
			       address);
	r = address[0] == 'u' ? connect_unix(address, &fd, e) : connect_tcp(address, &fd, e);
	if (r < 0)
		return -1;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_nomem(e);
	f->link.ops = &socket_ops;
	f->link.log = log;
	f->link.is_stream = true;
	snprintf(f->link.desc, sizeof(f->link.desc), "%s", address);
	f->is_socket = true;
	f->fd = steal_fd(&fd);
	*ret = &f->link;
	return 0;
}
