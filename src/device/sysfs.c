#include "device/sysfs.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool sysfs_path(char out[SYSFS_PATH_MAX], const char *root, const char *name, const char *attr)
{
	int n = snprintf(out, SYSFS_PATH_MAX, "%s/sys/bus/usb/devices/%s%s%s", root, name,
			 attr ? "/" : "", attr ? attr : "");

	return n > 0 && n < SYSFS_PATH_MAX;
}

bool sysfs_bytes(const char *root, const char *name, const char *attr, uint8_t *out, size_t cap,
		 size_t *ret_n)
{
	char path[SYSFS_PATH_MAX];
	_cleanup_close_ int fd = -1;
	size_t done = 0;

	if (!sysfs_path(path, root, name, attr))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	while (done < cap) {
		ssize_t n = read(fd, out + done, cap - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_n = done;
	return true;
}

bool sysfs_text(const char *root, const char *name, const char *attr, char *out, size_t cap)
{
	size_t n, i;

	if (!sysfs_bytes(root, name, attr, (uint8_t *)out, cap - 1, &n)) {
		out[0] = '\0';
		return false;
	}
	while (n && (out[n - 1] == '\n' || out[n - 1] == ' '))
		n--;
	for (i = 0; i < n; i++) {
		if (out[i] < 0x20 || out[i] > 0x7e)
			out[i] = '?';
	}
	out[n] = '\0';
	return true;
}

bool sysfs_number(const char *root, const char *name, const char *attr, int base, unsigned long max,
		  unsigned long *ret)
{
	char text[32], *end;
	unsigned long v;

	if (!sysfs_text(root, name, attr, text, sizeof(text)) || text[0] == '\0' ||
	    strchr(text, '-'))
		return false;
	errno = 0;
	v = strtoul(text, &end, base);
	if (errno || end == text || *end != '\0' || v > max)
		return false;
	*ret = v;
	return true;
}

bool sysfs_link(const char *root, const char *name, const char *attr, char *out, size_t cap)
{
	char path[SYSFS_PATH_MAX], target[SYSFS_PATH_MAX];
	const char *last;
	ssize_t n;

	if (!sysfs_path(path, root, name, attr))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= cap)
		return false;
	strcpy(out, last);
	return true;
}

bool sysfs_child(const char *root, const char *name, const char *attr, const char *prefix,
		 char *out, size_t cap)
{
	char path[SYSFS_PATH_MAX];
	const struct dirent *d;
	bool found = false;
	DIR *dir;

	if (!sysfs_path(path, root, name, attr))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || strncmp(d->d_name, prefix, strlen(prefix)) != 0 ||
		    strlen(d->d_name) >= cap)
			continue;
		if (!found || strcmp(d->d_name, out) < 0)
			strcpy(out, d->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}
