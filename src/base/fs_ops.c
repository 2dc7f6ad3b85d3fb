/* The host's own calls, and streams over any such table. */
#include "base/fs.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int host_open(_unused_ const struct fs_ops *ops, int dir_fd, const char *path, int flags,
		     unsigned mode)
{
	return openat(dir_fd, path, flags, (mode_t)mode);
}

static int host_close(_unused_ const struct fs_ops *ops, int fd)
{
	return close(fd);
}

static ssize_t host_read(_unused_ const struct fs_ops *ops, int fd, void *p, size_t n)
{
	return read(fd, p, n);
}

static ssize_t host_write(_unused_ const struct fs_ops *ops, int fd, const void *p, size_t n)
{
	return write(fd, p, n);
}

static int host_sync(_unused_ const struct fs_ops *ops, int fd)
{
	return fsync(fd);
}

static int host_link(_unused_ const struct fs_ops *ops, int dir_fd, const char *from, const char *to)
{
	return linkat(dir_fd, from, dir_fd, to, 0);
}

static int host_rename(_unused_ const struct fs_ops *ops, int dir_fd, const char *from, const char *to)
{
	return renameat(dir_fd, from, dir_fd, to);
}

static int host_unlink(_unused_ const struct fs_ops *ops, int dir_fd, const char *path)
{
	return unlinkat(dir_fd, path, 0);
}

static int host_mkdir(_unused_ const struct fs_ops *ops, int dir_fd, const char *path)
{
	return mkdirat(dir_fd, path, 0700);
}

static int host_exists(_unused_ const struct fs_ops *ops, int dir_fd, const char *path)
{
	return faccessat(dir_fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int host_lock(_unused_ const struct fs_ops *ops, int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static const struct fs_ops host = {
	.open = host_open,
	.close = host_close,
	.read = host_read,
	.write = host_write,
	.sync = host_sync,
	.link = host_link,
	.rename = host_rename,
	.unlink = host_unlink,
	.mkdir = host_mkdir,
	.exists = host_exists,
	.lock = host_lock,
};

const struct fs_ops *fs_host(void)
{
	return &host;
}

static int write_all(const struct fs_ops *ops, int fd, const uint8_t *p, size_t n, struct err *e)
{
	while (n) {
		ssize_t w = ops->write(ops, fd, p, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, errno, "cannot write");
		}
		if (w == 0)
			return err_set_errno(e, EIO, "a write took nothing");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int fs_sink_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct fs_sink *s = container_of(sink, struct fs_sink, sink);

	if (n == 0)
		return 0;
	if (n > FS_SINK_BYTES - s->used && fs_sink_flush(s, e) < 0)
		return -1;
	if (n >= FS_SINK_BYTES)
		return write_all(s->ops, s->fd, p, n, e);
	memcpy(s->room + s->used, p, n);
	s->used += n;
	return 0;
}

int fs_sink_flush(struct fs_sink *s, struct err *e)
{
	if (write_all(s->ops, s->fd, s->room, s->used, e) < 0)
		return -1;
	s->used = 0;
	return 0;
}

void fs_sink_init(struct fs_sink *s, const struct fs_ops *ops, int fd, uint8_t *room)
{
	*s = (struct fs_sink){ { fs_sink_put }, ops, fd, 0, room };
}

static int fs_source_get(struct source *source, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct fs_source *s = container_of(source, struct fs_source, source);
	ssize_t r;

	do {
		r = s->ops->read(s->ops, s->fd, p, cap);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set_errno(e, errno, "cannot read");
	*ret_n = (size_t)r;
	return 0;
}

void fs_source_init(struct fs_source *s, const struct fs_ops *ops, int fd)
{
	*s = (struct fs_source){ { fs_source_get }, ops, fd };
}

/* The deepest folders of ours are those of an extracted image: 64 of its own and a few above. */
#define TREE_DEPTH 80

static int remove_below(int dir_fd, const char *name, unsigned depth)
{
	struct dirent *entry;
	int fd, r = 0;
	DIR *dir;

	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) == 0)
			continue;
		if (depth == 0 || remove_below(fd, entry->d_name, depth - 1) < 0)
			r = -1;
	}
	closedir(dir);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
		r = -1;
	return r;
}

int fs_remove_tree(int dir_fd, const char *name, struct err *e)
{
	errno = 0;
	if (remove_below(dir_fd, name, TREE_DEPTH) < 0)
		return err_set_errno(e, errno ? errno : EIO, "cannot remove the folder '%s'", name);
	return 0;
}
