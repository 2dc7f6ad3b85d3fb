#include "base/fs.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *fs_join(const char *dir, const char *name)
{
	char *out;

	if (asprintf(&out, "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/", name) < 0)
		return NULL;
	return out;
}

bool fs_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Nothing there? A look that fails for any other reason must not count as a yes. */
static int check_free(const struct fs_new *f, struct err *e)
{
	if (f->ops->exists(f->ops, f->dir_fd, base_of(f->path)) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not overwritten", f->path);
	if (errno != ENOENT)
		return err_set_errno(e, errno, "cannot look for '%s'", f->path);
	return 0;
}

int fs_new_open(struct fs_new *f, const char *path, bool replace, struct err *e)
{
	return fs_new_open_on(f, fs_host(), path, replace, e);
}

int fs_new_open_on(struct fs_new *f, const struct fs_ops *ops, const char *path, bool replace,
		   struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);
	unsigned int i;

	*f = (struct fs_new){ .fd = -1, .dir_fd = -1, .ops = ops, .replace = replace };
	if (!copy)
		return err_nomem(e);
	if (base_of(path)[0] == '\0')
		return err_set(e, ERR_HOST, "'%s' is a directory, not a file name", path);
	f->path = strdup(path);
	if (!f->path)
		return err_nomem(e);
	f->dir_fd = ops->open(ops, AT_FDCWD, dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (f->dir_fd < 0) {
		err_set_errno(e, errno, "cannot open the directory of '%s'", path);
		goto fail;
	}
	if (!replace && check_free(f, e) < 0)
		goto fail;
	for (i = 0; i < 100; i++) {
		free(f->tmp_name);
		f->tmp_name = NULL;
		if (asprintf(&f->tmp_name, ".%.200s.%ld.%u.tmp", base_of(path), (long)getpid(), i) < 0) {
			f->tmp_name = NULL;
			err_nomem(e);
			goto fail;
		}
		f->fd = ops->open(ops, f->dir_fd, f->tmp_name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
				  0600);
		if (f->fd >= 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	err_set_errno(e, errno, "cannot create a file beside '%s'", path);
	free(f->tmp_name);
	f->tmp_name = NULL;
fail:
	fs_new_abort(f);
	return -1;
}

int fs_new_commit(struct fs_new *f, struct err *e)
{
	const struct fs_ops *ops = f->ops;

	if (ops->sync(ops, f->fd) < 0) {
		err_set_errno(e, errno, "cannot flush '%s' to storage", f->path);
		goto fail;
	}
	if (ops->close(ops, steal_fd(&f->fd)) < 0) {
		err_set_errno(e, errno, "cannot close '%s'", f->path);
		goto fail;
	}
	if (f->replace) {
		if (ops->rename(ops, f->dir_fd, f->tmp_name, base_of(f->path)) < 0) {
			err_set_errno(e, errno, "cannot rename the finished file to '%s'", f->path);
			goto fail;
		}
	} else {
		/* link() fails where rename() would replace what appeared in the meantime. File systems
		 * without hard links (vfat on a router's USB stick) get the older check-then-rename. */
		if (ops->link(ops, f->dir_fd, f->tmp_name, base_of(f->path)) == 0) {
			(void)ops->unlink(ops, f->dir_fd, f->tmp_name);
		} else if (check_free(f, e) < 0) {
			goto fail;
		} else if (ops->rename(ops, f->dir_fd, f->tmp_name, base_of(f->path)) < 0) {
			err_set_errno(e, errno, "cannot rename the finished file to '%s'", f->path);
			goto fail;
		}
	}
	free(f->tmp_name);
	f->tmp_name = NULL;
	/* The rename is only as durable as the directory; some file systems cannot fsync one. */
	if (ops->sync(ops, f->dir_fd) < 0 && errno != EINVAL && errno != ENOTSUP) {
		err_set_errno(e, errno, "cannot flush the directory of '%s' to storage", f->path);
		goto fail;
	}
	fs_new_abort(f);
	return 0;
fail:
	fs_new_abort(f);
	return -1;
}

void fs_new_abort(struct fs_new *f)
{
	const struct fs_ops *ops = f->ops;

	if (f->fd >= 0)
		ops->close(ops, f->fd);
	if (f->tmp_name && f->dir_fd >= 0)
		ops->unlink(ops, f->dir_fd, f->tmp_name);
	if (f->dir_fd >= 0)
		ops->close(ops, f->dir_fd);
	free(f->tmp_name);
	free(f->path);
	*f = (struct fs_new){ .fd = -1, .dir_fd = -1 };
}

int fs_open_input(const char *path, int *ret_fd, uint64_t *ret_size, struct err *e)
{
	/* O_NONBLOCK: opening a FIFO must not hang before we can refuse it. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_set_errno(e, errno, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "cannot look at '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_HOST, "'%s' is %s, not a regular file", path,
			       S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = steal_fd(&fd);
	return 0;
}

int fs_read_file(const char *path, struct buf *b, struct err *e)
{
	_cleanup_close_ int fd = -1;
	uint64_t size;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	if (size > b->max)
		return err_set(e, ERR_HOST, "'%s' has %llu bytes, more than the %zu expected at most", path,
			       (unsigned long long)size, b->max);
	/* What the file system says of a size can be stale (procfs, a growing file): read to the end. */
	for (;;) {
		ssize_t r;

		if (b->n == b->max)
			return 0;
		if (buf_reserve(b, MIN_OF(b->max - b->n, (size_t)4096), e) < 0)
			return -1;
		r = read(fd, b->p + b->n, b->cap - b->n);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, errno, "cannot read '%s'", path);
		}
		if (r == 0)
			return 0;
		b->n += (size_t)r;
	}
}

int fs_write_file(const char *path, struct slice s, bool replace, struct err *e)
{
	struct fs_new f;
	size_t done = 0;

	if (fs_new_open(&f, path, replace, e) < 0)
		return -1;
	while (done < s.n) {
		ssize_t w = write(f.fd, s.p + done, s.n - done);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			err_set_errno(e, errno, "cannot write '%s'", path);
			fs_new_abort(&f);
			return -1;
		}
		done += (size_t)w;
	}
	return fs_new_commit(&f, e);
}

int fs_mkdirs(const char *path, struct err *e)
{
	_cleanup_free_ char *p = strdup(path);
	char *slash;

	if (!p)
		return err_nomem(e);
	for (slash = p + 1;; slash++) {
		char keep;

		slash = strchrnul(slash, '/');
		keep = *slash;
		*slash = '\0';
		if (mkdir(p, 0700) < 0 && errno != EEXIST)
			return err_set_errno(e, errno, "cannot make the directory '%s'", p);
		*slash = keep;
		if (!keep)
			break;
	}
	if (!fs_is_dir(path))
		return err_set_code(e, ERR_HOST, ENOTDIR, "'%s' is not a directory", path);
	return 0;
}
