#include "cmd/snapfile.h"

#include "backup/snapread.h"
#include "backup/verify.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int snapfile_open(const char *path, struct snapfile *ret, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct fd_source from;
	struct snapread *r;
	uint64_t size;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	fd_source_init(&from, fd);
	if (snapread_open(&from.source, &r, e) < 0)
		return err_prefix(e, "'%s'", path);
	ret->size = size;
	snprintf(ret->id, sizeof(ret->id), "%s", snapread_id(r));
	snapread_take_manifest(r, &ret->manifest);
	snapread_close(r);
	return 0;
}

static int first_fault(const struct verify_report *rep, struct err *e)
{
	size_t i;

	for (i = 0; i < rep->n; i++) {
		if (rep->finding[i].bad)
			return err_set(e, ERR_INTEGRITY, "%s%s%s",
				       rep->finding[i].item ? rep->finding[i].item : "",
				       rep->finding[i].item ? ": " : "", rep->finding[i].text);
	}
	return err_set(e, ERR_INTEGRITY, "the snapshot is not sound");
}

int snapfile_verify(const char *path, struct progress *progress, struct snapfile *ret, struct err *e)
{
	struct verify_opts opts = { .progress = progress };
	_cleanup_close_ int fd = -1;
	struct verify_report rep;
	struct fd_source from;
	uint64_t size;
	int r = 0;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	fd_source_init(&from, fd);
	if (verify(&from.source, &opts, &rep, e) < 0)
		return err_prefix(e, "'%s'", path);
	if (rep.sound) {
		ret->size = size;
		memcpy(ret->id, rep.id, sizeof(ret->id));
		ret->manifest = rep.manifest;
		manifest_init(&rep.manifest);
	} else {
		first_fault(&rep, e);
		r = err_prefix(e, "'%s'", path);
	}
	verify_report_fini(&rep);
	return r;
}

void snapfile_fini(struct snapfile *f)
{
	manifest_fini(&f->manifest);
}

int snapfile_list_add(struct snapfile_list *l, const char *path, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;
		char **more = reallocarray(l->path, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		l->path = more;
		l->cap = cap;
	}
	l->path[l->n] = strdup(path);
	if (!l->path[l->n])
		return err_nomem(e);
	l->n++;
	return 0;
}

void snapfile_list_fini(struct snapfile_list *l)
{
	while (l->n > 0)
		free(l->path[--l->n]);
	free(l->path);
	l->path = NULL;
	l->cap = 0;
}

static bool ends_with(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);

	return n > t && strcmp(name + n - t, tail) == 0;
}

static bool is_named_like_one(const char *name)
{
	return name[0] != '.' && (ends_with(name, ".tar.zst") || ends_with(name, ".tar.gz") ||
				  ends_with(name, ".tar"));
}

static int collect_in(const char *dir, unsigned depth, struct snapfile_list *l, struct err *e)
{
	struct dirent **names;
	int i, n = scandir(dir, &names, NULL, alphasort), r = 0;

	if (n < 0)
		return err_set_errno(e, errno, "cannot look into '%s'", dir);
	for (i = 0; i < n; i++) {
		_cleanup_free_ char *path = fs_join(dir, names[i]->d_name);
		const char *name = names[i]->d_name;
		struct stat st;

		if (r == 0 && !path)
			r = err_nomem(e);
		/* What vanished meanwhile is not there. NAME.part is a backup in the making. */
		if (r == 0 && name[0] != '.' && lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode) && depth > 0 && !ends_with(name, ".part"))
				r = collect_in(path, depth - 1, l, e);
			else if (S_ISREG(st.st_mode) && is_named_like_one(name))
				r = snapfile_list_add(l, path, e);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int snapfile_collect(const char *path, struct snapfile_list *l, struct err *e)
{
	return fs_is_dir(path) ? collect_in(path, SNAPFILE_DEPTH, l, e)
			       : snapfile_list_add(l, path, e);
}
