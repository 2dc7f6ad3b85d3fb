/* The files of the socket face: a look-alike of sysfs and of /dev. */
#include "tests/emu/sockface_int.h"

#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATH_ROOM 4096

static void put(const char *dir, const char *name, const char *fmt, ...) _printf_(3, 4);
static void put(const char *dir, const char *name, const char *fmt, ...)
{
	char path[PATH_ROOM + 64];
	va_list ap;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	if (!f)
		return;
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
}

/* At most two levels deep; what we made ourselves. */
static void remove_dir(const char *path, int depth)
{
	struct dirent *d;
	DIR *dir = opendir(path);

	if (!dir)
		return;
	while ((d = readdir(dir))) {
		char sub[PATH_ROOM + 300];

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, d->d_name);
		if (unlink(sub) && depth > 0)
			remove_dir(sub, depth - 1);
	}
	closedir(dir);
	rmdir(path);
}

static void devices_path(const struct tree *t, char out[PATH_ROOM], const char *name)
{
	snprintf(out, PATH_ROOM, "%s/sys/bus/usb/devices%s%s", t->root, *name ? "/" : "", name);
}

int tree_begin(struct tree *t, const char *root, const struct emu_usb *u, struct err *e)
{
	char path[PATH_ROOM], text[32] = "";
	unsigned last = 4; /* a bus has its root hub and some others already */
	ssize_t n;
	unsigned i;
	int fd;

	memset(t, 0, sizeof(*t));
	t->root = root;
	t->bus = (unsigned)strtoul(u->port, NULL, 10);
	t->n_ifaces = u->n_ifaces;
	snprintf(t->port, sizeof(t->port), "%s", u->port);
	for (i = 0; i < EMU_MAX_INTERFACES; i++)
		t->tty[i] = -1;
	snprintf(path, sizeof(path), "%s/dev/bus/usb/%03u", root, t->bus);
	if (fs_mkdirs(path, e))
		return -1;
	devices_path(t, path, "");
	if (fs_mkdirs(path, e))
		return -1;
	snprintf(path, sizeof(path), "%s/.emu-devnum", root);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		if (fd >= 0)
			close(fd);
		return err_set_errno(e, errno, "cannot lock '%s'", path);
	}
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n > 0)
		last = (unsigned)strtoul(text, NULL, 10);
	t->dev = last >= 127 ? 5 : last + 1;
	snprintf(text, sizeof(text), "%u\n", t->dev);
	if (pwrite(fd, text, strlen(text), 0) < 0 || ftruncate(fd, (off_t)strlen(text))) {
		close(fd);
		return err_set_errno(e, errno, "cannot write '%s'", path);
	}
	close(fd);
	return 0;
}

int tree_listen(const struct tree *t, unsigned iface, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char dir[PATH_ROOM];
	int dir_fd, fd;

	/* A root may be longer than a socket address can hold: go through the folder's descriptor. */
	snprintf(dir, sizeof(dir), "%s/dev/bus/usb/%03u", t->root, t->bus);
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set_errno(e, errno, "cannot open '%s'", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%03u:%u", dir_fd, t->dev, iface);
	unlink(a.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1)) {
		int errnum = errno;

		if (fd >= 0)
			close(fd);
		close(dir_fd);
		return err_set_errno(e, errnum, "cannot make a socket in '%s'", dir);
	}
	close(dir_fd);
	*ret_fd = fd;
	return 0;
}

int tree_link_tty(struct tree *t, unsigned iface, const char *target, struct err *e)
{
	char path[PATH_ROOM];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "%s/dev/ttyUSB%d", t->root, i);
		if (!symlink(target, path)) {
			t->tty[iface] = i;
			return 0;
		}
		if (errno != EEXIST)
			return err_set_errno(e, errno, "cannot make '%s'", path);
	}
	return err_set(e, ERR_HOST, "no free ttyUSB number under '%s/dev'", t->root);
}

static void put_device(const char *dir, const struct tree *t, const struct emu_usb *u)
{
	char path[PATH_ROOM + 64];
	FILE *f;

	put(dir, "idVendor", "%04x\n", u->vid);
	put(dir, "idProduct", "%04x\n", u->pid);
	put(dir, "bcdDevice", "%04x\n", u->bcd_device);
	put(dir, "busnum", "%u\n", t->bus);
	put(dir, "devnum", "%u\n", t->dev);
	put(dir, "devpath", "%s\n", strchr(u->port, '-') ? strchr(u->port, '-') + 1 : u->port);
	put(dir, "speed", "%u\n", u->speed_mbps);
	put(dir, "version", u->speed_mbps >= 5000 ? " 3.00\n" : " 2.00\n");
	put(dir, "bDeviceClass", "00\n");
	put(dir, "bDeviceSubClass", "00\n");
	put(dir, "bDeviceProtocol", "00\n");
	put(dir, "bMaxPacketSize0", "%u\n", u->speed_mbps >= 5000 ? 9u : 64u);
	put(dir, "bNumConfigurations", "1\n");
	put(dir, "bConfigurationValue", "1\n");
	put(dir, "bNumInterfaces", "%2u\n", u->n_ifaces);
	put(dir, "maxchild", "0\n");
	put(dir, "uevent", "MAJOR=189\nMINOR=%u\nDEVNAME=bus/usb/%03u/%03u\nDEVTYPE=usb_device\n"
			   "DRIVER=usb\nPRODUCT=%x/%x/%x\nTYPE=0/0/0\nBUSNUM=%03u\nDEVNUM=%03u\n",
	    (t->bus - 1) * 128 + t->dev - 1, t->bus, t->dev, u->vid, u->pid, u->bcd_device, t->bus,
	    t->dev);
	if (u->manufacturer)
		put(dir, "manufacturer", "%s\n", u->manufacturer);
	if (u->product)
		put(dir, "product", "%s\n", u->product);
	if (u->serial)
		put(dir, "serial", "%s\n", u->serial);
	snprintf(path, sizeof(path), "%s/descriptors", dir);
	f = fopen(path, "we");
	if (f) {
		fwrite(u->desc, 1, u->desc_len, f);
		fclose(f);
	}
}

static void put_endpoint(const char *dir, uint8_t addr, bool bulk, unsigned size)
{
	char path[PATH_ROOM + 64];

	if (!addr)
		return;
	snprintf(path, sizeof(path), "%s/ep_%02x", dir, addr);
	if (mkdir(path, 0755))
		return;
	put(path, "bEndpointAddress", "%02x\n", addr);
	put(path, "bmAttributes", "%02x\n", bulk ? 2 : 3);
	put(path, "wMaxPacketSize", "%04x\n", bulk ? size : 10);
	put(path, "direction", addr & 0x80 ? "in\n" : "out\n");
	put(path, "type", bulk ? "Bulk\n" : "Interrupt\n");
}

static void put_iface(const char *dir, const struct tree *t, const struct emu_usb *u, unsigned i)
{
	const struct emu_iface *f = &u->iface[i];
	char path[PATH_ROOM + 64], target[128];

	put(dir, "bInterfaceNumber", "%02x\n", f->number);
	put(dir, "bAlternateSetting", " 0\n");
	put(dir, "bInterfaceClass", "%02x\n", f->cls);
	put(dir, "bInterfaceSubClass", "%02x\n", f->sub);
	put(dir, "bInterfaceProtocol", "%02x\n", f->proto);
	put(dir, "bNumEndpoints", "%02x\n",
	    (unsigned)((f->ep_in != 0) + (f->ep_out != 0) + (f->ep_int != 0)));
	put_endpoint(dir, f->ep_int, false, 10);
	put_endpoint(dir, f->ep_in, true, u->max_packet);
	put_endpoint(dir, f->ep_out, true, u->max_packet);
	if (f->driver) {
		snprintf(path, sizeof(path), "%s/sys/bus/usb/drivers/%s", t->root, f->driver);
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "%s/driver", dir);
		snprintf(target, sizeof(target), "../../drivers/%s", f->driver);
		if (symlink(target, path))
			return;
	}
	if (t->tty[i] >= 0) {
		snprintf(path, sizeof(path), "%s/ttyUSB%d", dir, t->tty[i]);
		mkdir(path, 0755);
	}
}

int tree_publish(const struct tree *t, const struct emu_usb *u, struct err *e)
{
	char tmp[PATH_ROOM], final[PATH_ROOM], name[128], node[PATH_ROOM];
	unsigned i;

	snprintf(node, sizeof(node), "%s/sys/bus/usb/drivers", t->root);
	if (fs_mkdirs(node, e))
		return -1;
	/* Interfaces first: whoever sees the device sees them too. */
	for (i = 0; i <= u->n_ifaces; i++) {
		bool device = i == u->n_ifaces;

		if (device)
			snprintf(name, sizeof(name), "%s", t->port);
		else
			snprintf(name, sizeof(name), "%s:1.%u", t->port, u->iface[i].number);
		devices_path(t, final, name);
		snprintf(node, sizeof(node), "%s/sys/.new-%s-%ld", t->root, t->port, (long)getpid());
		snprintf(tmp, sizeof(tmp), "%s", node);
		remove_dir(final, 1); /* left by one that was killed */
		remove_dir(tmp, 1);
		if (mkdir(tmp, 0755))
			return err_set_errno(e, errno, "cannot create '%s'", tmp);
		if (device)
			put_device(tmp, t, u);
		else
			put_iface(tmp, t, u, i);
		if (device) {
			snprintf(node, sizeof(node), "%s/dev/bus/usb/%03u", t->root, t->bus);
			snprintf(name, sizeof(name), "%03u", t->dev);
			put(node, name, "%s", "");
		}
		if (rename(tmp, final))
			return err_set_errno(e, errno, "cannot rename '%s' to '%s'", tmp, final);
	}
	return 0;
}

void tree_remove(const struct tree *t)
{
	char path[PATH_ROOM], gone[PATH_ROOM], name[128];
	unsigned i;

	/* The device goes first and at once. */
	devices_path(t, path, t->port);
	snprintf(gone, sizeof(gone), "%s/sys/.gone-%s-%ld", t->root, t->port, (long)getpid());
	if (!rename(path, gone))
		remove_dir(gone, 1);
	for (i = 0; i < t->n_ifaces; i++) {
		snprintf(name, sizeof(name), "%s:1.%u", t->port, i);
		devices_path(t, path, name);
		if (!rename(path, gone))
			remove_dir(gone, 1);
		snprintf(path, sizeof(path), "%s/dev/bus/usb/%03u/%03u:%u", t->root, t->bus, t->dev, i);
		unlink(path);
		if (t->tty[i] >= 0) {
			snprintf(path, sizeof(path), "%s/dev/ttyUSB%d", t->root, t->tty[i]);
			unlink(path);
		}
	}
	snprintf(path, sizeof(path), "%s/dev/bus/usb/%03u/%03u", t->root, t->bus, t->dev);
	unlink(path);
}
