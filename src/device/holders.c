#include "device/holders.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The names under which a process may have opened the node. */
struct names {
	const char *node;      /* "/dev/ttyUSB0" */
	char rooted[PATH_MAX]; /* "ROOT/dev/ttyUSB0" */
	char real[PATH_MAX]; /* where that leads: a tty of an emulated module is a link to a pty */
};

static void fill_names(struct names *n, const char *root, const char *node)
{
	n->node = node;
	snprintf(n->rooted, sizeof(n->rooted), "%s%s", root, node);
	if (!realpath(n->rooted, n->real))
		n->real[0] = '\0';
}

static bool is_node(const struct names *n, char *target)
{
	static const char gone[] = " (deleted)";
	size_t len = strlen(target);

	if (len > sizeof(gone) - 1 && strcmp(target + len - (sizeof(gone) - 1), gone) == 0)
		target[len - (sizeof(gone) - 1)] = '\0';
	return strcmp(target, n->node) == 0 || strcmp(target, n->rooted) == 0 ||
	       (n->real[0] && strcmp(target, n->real) == 0);
}

/* 1 = holds it, 0 = does not, -1 = may not be looked into. */
static int pid_holds(const char *root, const char *pid, const struct names *names)
{
	char path[PATH_MAX], target[PATH_MAX];
	const struct dirent *d;
	int held = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/proc/%s/fd", root, pid);
	dir = opendir(path);
	if (!dir)
		return errno == EACCES || errno == EPERM ? -1 : 0;
	while (!held && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		held = is_node(names, target);
	}
	closedir(dir);
	return held;
}

static size_t read_text(const char *root, const char *pid, const char *file, char *out, size_t cap)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	ssize_t n;
	size_t i;

	out[0] = '\0';
	snprintf(path, sizeof(path), "%s/proc/%s/%s", root, pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	n = read(fd, out, cap - 1);
	if (n <= 0)
		return 0;
	out[n] = '\0';
	for (i = 0; i < (size_t)n; i++) {
		if (out[i] != '\n' && (out[i] < 0x20 || out[i] > 0x7e))
			out[i] = '?';
	}
	return (size_t)n;
}

/* "0::/system.slice/ModemManager.service": the last part of any line that ends in .service. */
static void read_unit(const char *root, const char *pid, char *out, size_t cap)
{
	char text[2048], *save = NULL, *part;

	out[0] = '\0';
	read_text(root, pid, "cgroup", text, sizeof(text));
	for (part = strtok_r(text, "/\n", &save); part; part = strtok_r(NULL, "/\n", &save)) {
		size_t n = strlen(part);

		if (n > 8 && n < cap && strcmp(part + n - 8, ".service") == 0 && part[0] != ':')
			strcpy(out, part);
	}
}

static void add_holder(const char *root, const char *pid, struct holders *h)
{
	struct holder *v = &h->v[h->n++];

	v->pid = (pid_t)strtol(pid, NULL, 10);
	read_text(root, pid, "comm", v->comm, sizeof(v->comm));
	v->comm[strcspn(v->comm, "\n")] = '\0';
	read_unit(root, pid, v->unit, sizeof(v->unit));
}

int holders_scan(const char *root, const char *node, struct holders *ret, struct err *e)
{
	struct holders h = { 0 };
	struct names names;
	const struct dirent *d;
	char path[PATH_MAX], self[24];
	DIR *dir;

	fill_names(&names, root, node);
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	snprintf(path, sizeof(path), "%s/proc", root);
	dir = opendir(path);
	if (!dir)
		return err_set_errno(e, errno, "cannot list '%s'", path);
	while (h.n < HOLDERS_MAX && (d = readdir(dir))) {
		int r;

		if (d->d_name[strspn(d->d_name, "0123456789")] != '\0' || strlen(d->d_name) > 10 ||
		    strcmp(d->d_name, self) == 0)
			continue;
		r = pid_holds(root, d->d_name, &names);
		if (r < 0)
			h.hidden++;
		else if (r > 0)
			add_holder(root, d->d_name, &h);
	}
	closedir(dir);
	*ret = h;
	return 0;
}

void holders_append(const char *root, const char *node, struct err *e)
{
	struct holders h;
	struct err own = ERR_INIT;
	size_t i;

	if (holders_scan(root, node, &h, &own) < 0)
		return;
	for (i = 0; i < h.n; i++)
		err_append(e, "%s%s, pid %ld%s%s", i ? "; " : " (held by ", h.v[i].comm,
			   (long)h.v[i].pid, h.v[i].unit[0] ? ", " : "", h.v[i].unit);
	if (h.n)
		err_append(e, ")");
	else if (h.hidden)
		err_append(e, " (run as root to see by whom)");
}
