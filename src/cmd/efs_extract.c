#include "cmd/efs_extract.h"

#include "base/cleanup.h"
#include "base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_KEEP = 180, NAME_LONGEST = 200 };

/* The longest that may be kept of a name leaves room for the suffix in the host's 255. */
static void put_component(struct writer *w, const char *name, size_t n)
{
	struct digest d;
	uint8_t sum[DIGEST_MAX];
	char hex[DIGEST_HEX_MAX];

	if (n <= NAME_LONGEST) {
		wr_bytes(w, name, n);
		return;
	}
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, name, n);
	digest_final(&d, sum);
	hex_encode(hex, SLICE(sum, 8));
	wr_bytes(w, name, NAME_KEEP);
	wr_str(w, "%~");
	wr_str(w, hex);
}

int tree_path(const char *path, const char *suffix, char out[TREE_PATH_MAX], struct err *e)
{
	struct writer w = writer_of(out, TREE_PATH_MAX);
	const char *p = path;
	size_t n;

	for (p += strspn(p, "/"); *p; p += strspn(p, "/")) {
		n = strcspn(p, "/");
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return err_set(e, ERR_BUG, "'%s' is no escaped path", path);
		if (w.n)
			wr_u8(&w, '/');
		put_component(&w, p, n);
		p += n;
	}
	wr_str(&w, suffix);
	wr_u8(&w, 0);
	if (w.overflow || w.n < 2)
		return err_set(e, ERR_MISMATCH, "'%.200s' cannot be a path here", path);
	return 0;
}

/* ---- a folder ---- */

static bool is_empty_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *x;
	bool empty = true;

	if (!dir)
		return false;
	while (empty && (x = readdir(dir)) != NULL)
		empty = strcmp(x->d_name, ".") == 0 || strcmp(x->d_name, "..") == 0;
	closedir(dir);
	return empty;
}

static int open_dir(struct tree_out *t, const char *dest, struct err *e)
{
	struct stat st;
	size_t n = strlen(dest);

	while (n > 1 && dest[n - 1] == '/')
		n--;
	t->dest = strndup(dest, n);
	if (!t->dest)
		return err_nomem(e);
	if (lstat(t->dest, &st) == 0 && !is_empty_dir(t->dest))
		return err_set_code(e, ERR_HOST, EEXIST,
				    "'%s' exists and is not overwritten: name a new folder",
				    t->dest);
	if (asprintf(&t->tmp, "%s.%ld.part", t->dest, (long)getpid()) < 0) {
		t->tmp = NULL;
		return err_nomem(e);
	}
	if (mkdir(t->tmp, 0700) < 0) {
		err_set_errno(e, errno, "cannot make the folder '%s'", t->tmp);
		free(steal_ptr(&t->tmp));
		return -1;
	}
	t->level[0].fd = open(t->tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (t->level[0].fd < 0)
		return err_set_errno(e, errno, "cannot open the folder '%s'", t->tmp);
	t->depth = 1;
	return 0;
}

/* What is wrong with a name is the entry's misfortune, what is wrong with the disk is everybody's.
 */
static int name_failed(int errnum, const char *stored, struct err *e)
{
	switch (errnum) {
	case EEXIST:
		return err_set_code(e, ERR_MISMATCH, errnum, "'%s' is there already", stored);
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
	case EILSEQ:
		return err_set_code(e, ERR_MISMATCH, errnum, "'%s' is no possible name here: %s",
				    stored, strerror(errnum));
	default:
		return err_set_errno(e, errnum, "cannot make '%s'", stored);
	}
}

static int leave_dir(struct tree_out *t, struct err *e)
{
	struct tree_level *l = &t->level[--t->depth];
	struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t)l->mtime, 0 } };
	int r = 0;

	/* The owner must be able to read and remove what was extracted. */
	if (l->mode && fchmod(l->fd, (mode_t)((l->mode & 0777) | 0700)) < 0)
		r = err_set_errno(e, errno, "cannot set the permissions of a folder");
	if (r == 0 && l->mtime && futimens(l->fd, times) < 0)
		r = err_set_errno(e, errno, "cannot set the time of a folder");
	close(l->fd);
	return r;
}

/* Makes the folder of the first n bytes of `stored` the present one, with what leads to it. */
static int go_to(struct tree_out *t, const char *stored, size_t n, struct err *e)
{
	size_t at, len;

	while (t->depth > 1) {
		len = t->level[t->depth - 1].len;
		if (len <= n && memcmp(t->cur, stored, len) == 0 &&
		    (len == n || stored[len] == '/'))
			break;
		if (leave_dir(t, e) < 0)
			return -1;
	}
	at = t->depth > 1 ? t->level[t->depth - 1].len : 0;
	while (at < n) {
		int parent = t->level[t->depth - 1].fd, fd;
		char name[256];

		at += stored[at] == '/';
		len = strcspn(stored + at, "/");
		if (t->depth == TREE_DEPTH_MAX || len >= sizeof(name))
			return name_failed(ENAMETOOLONG, stored, e);
		memcpy(name, stored + at, len);
		name[len] = '\0';
		if (mkdirat(parent, name, 0700) < 0 && errno != EEXIST)
			return name_failed(errno, stored, e);
		fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return name_failed(errno, stored, e);
		at += len;
		memcpy(t->cur, stored, at);
		t->level[t->depth++] = (struct tree_level){ fd, at, 0, 0 };
	}
	return 0;
}

static const char *last_name(const char *stored)
{
	const char *slash = strrchr(stored, '/');

	return slash ? slash + 1 : stored;
}

static size_t parent_len(const char *stored)
{
	const char *slash = strrchr(stored, '/');

	return slash ? (size_t)(slash - stored) : 0;
}

/* ---- both ---- */

int tree_open(struct tree_out *t, const char *dest, bool is_tar, struct sink *raw, struct err *e)
{
	*t = (struct tree_out){ .file = { .fd = -1, .dir_fd = -1 }, .member = -1 };
	t->file.ops = fs_host();
	if (!is_tar) {
		if (open_dir(t, dest, e) < 0)
			goto fail;
		return 0;
	}
	if (!raw) {
		if (fs_new_open(&t->file, dest, false, e) < 0)
			goto fail;
		fd_sink_init(&t->file_sink, t->file.fd);
		raw = &t->file_sink.sink;
	}
	if (tar_tree_open(raw, &t->tar, e) < 0)
		goto fail;
	return 0;
fail:
	tree_fini(t);
	return -1;
}

int tree_dir(struct tree_out *t, const char *stored, unsigned mode, uint32_t mtime, struct err *e)
{
	struct tree_level *l;

	if (t->tar) {
		struct tar_entry x = { stored, true, (mode & 0777) | 0700, mtime, 0 };
		struct sink *none;

		return tar_tree_add(t->tar, &x, &none, e);
	}
	if (go_to(t, stored, strlen(stored), e) < 0)
		return -1;
	l = &t->level[t->depth - 1];
	l->mode = mode;
	l->mtime = mtime;
	return 0;
}

int tree_file_begin(struct tree_out *t, const char *stored, uint64_t size, unsigned mode,
		    uint32_t mtime, struct sink **ret, struct err *e)
{
	if (t->tar) {
		struct tar_entry x = { stored, false, (mode & 0777) | 0400, mtime, size };

		return tar_tree_add(t->tar, &x, ret, e);
	}
	if (go_to(t, stored, parent_len(stored), e) < 0)
		return -1;
	t->member = openat(t->level[t->depth - 1].fd, last_name(stored),
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->member < 0)
		return name_failed(errno, stored, e);
	fs_sink_init(&t->member_sink, fs_host(), t->member, t->room);
	*ret = &t->member_sink.sink;
	return 0;
}

int tree_file_end(struct tree_out *t, unsigned mode, uint32_t mtime, struct err *e)
{
	struct timespec times[2] = { { 0, UTIME_OMIT }, { (time_t)mtime, 0 } };

	if (t->tar)
		return 0;
	if (fs_sink_flush(&t->member_sink, e) < 0)
		return -1;
	if (fchmod(t->member, (mode_t)((mode & 0777) | 0400)) < 0 ||
	    (mtime && futimens(t->member, times) < 0))
		return err_set_errno(e, errno, "cannot set permissions and time of a file");
	if (close(steal_fd(&t->member)) < 0)
		return err_set_errno(e, errno, "cannot close a file");
	return 0;
}

bool tree_file_undo(struct tree_out *t, const char *stored)
{
	if (t->tar)
		return false;
	if (t->member >= 0)
		close(steal_fd(&t->member));
	return unlinkat(t->level[t->depth - 1].fd, last_name(stored), 0) == 0;
}

int tree_commit(struct tree_out *t, struct err *e)
{
	if (t->tar) {
		if (tar_tree_close(steal_ptr(&t->tar), e) < 0)
			return -1;
		return t->file.fd >= 0 ? fs_new_commit(&t->file, e) : 0;
	}
	while (t->depth > 1) {
		if (leave_dir(t, e) < 0)
			return -1;
	}
	/* One flush for all: an fsync for each of thousands of files takes minutes on flash. */
	if (syncfs(t->level[0].fd) < 0)
		return err_set_errno(e, errno, "cannot flush '%s' to storage", t->tmp);
	if (rename(t->tmp, t->dest) < 0)
		return err_set_errno(e, errno, "cannot rename the finished folder to '%s'",
				     t->dest);
	free(steal_ptr(&t->tmp));
	return 0;
}

void tree_fini(struct tree_out *t)
{
	struct err ignored = ERR_INIT;

	if (t->member >= 0)
		close(steal_fd(&t->member));
	while (t->depth)
		close(t->level[--t->depth].fd);
	if (t->tmp)
		(void)!fs_remove_tree(AT_FDCWD, t->tmp, &ignored);
	tar_tree_abort(t->tar);
	if (t->file.ops)
		fs_new_abort(&t->file);
	free(t->tmp);
	free(t->dest);
	*t = (struct tree_out){ .file = { .fd = -1, .dir_fd = -1 }, .member = -1 };
}
