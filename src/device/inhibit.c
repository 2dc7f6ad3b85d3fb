#include "device/inhibit.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "device/sysfs.h"

#include <dbus/dbus.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG        "inhibit"
#define HOLD_MS    15000 /* ModemManager disconnects and closes the modem first */
#define RELEASE_MS 2000
#define UID_MAX    4096

#define MM_NAME  "org.freedesktop.ModemManager1"
#define MM_PATH  "/org/freedesktop/ModemManager1"
#define MM_ERROR "org.freedesktop.ModemManager1.Error.Core."

struct inhibit {
	DBusConnection *bus;
	struct log *log;
	char uid[UID_MAX];
};

static void disconnect(DBusConnection *bus)
{
	dbus_connection_close(bus);
	dbus_connection_unref(bus);
}

/* Answers false with `err` set. Our own process is never ended by libdbus, and nobody is started. */
static bool call(DBusConnection *bus, const char *uid, bool yes, int ms, DBusError *err)
{
	DBusMessage *ask = dbus_message_new_method_call(MM_NAME, MM_PATH, MM_NAME, "InhibitDevice");
	DBusMessage *answer = NULL;
	dbus_bool_t value = yes;

	if (!ask ||
	    !dbus_message_append_args(ask, DBUS_TYPE_STRING, &uid, DBUS_TYPE_BOOLEAN, &value,
				      DBUS_TYPE_INVALID)) {
		dbus_set_error_const(err, DBUS_ERROR_NO_MEMORY, "out of memory");
	} else {
		dbus_message_set_auto_start(ask, FALSE);
		answer = dbus_connection_send_with_reply_and_block(bus, ask, ms, err);
	}
	if (ask)
		dbus_message_unref(ask);
	if (answer)
		dbus_message_unref(answer);
	return answer != NULL;
}

/* By which name ModemManager knows the module: a udev property where a rule gives one, else the folder of
 * the device in sysfs. */
static bool physdev_uid(const char *root, const struct device *d, unsigned which, char uid[UID_MAX])
{
	static const char key[] = "E:ID_MM_PHYSDEV_UID=";
	char path[SYSFS_PATH_MAX], text[16384 + 1];
	struct buf b = BUF_INIT(sizeof(text) - 1);
	struct err e = ERR_INIT;
	char real[PATH_MAX];
	const char *at;
	bool found = false;

	if (which == 0) {
		if (!sysfs_path(path, root, d->port, NULL) || !realpath(path, real))
			return false;
		snprintf(uid, UID_MAX, "%s", real);
		return strlen(real) < UID_MAX;
	}
	/* The database of udev goes by device number: 189 is USB. */
	snprintf(path, sizeof(path), "%s/run/udev/data/c189:%u", root,
		 (d->bus - 1) * 128 + (d->dev - 1));
	if (d->bus == 0 || d->dev == 0 || fs_read_file(path, &b, &e) < 0)
		return false;
	memcpy(text, b.p, b.n);
	text[b.n] = '\0';
	at = strstr(text, key);
	if (at) {
		at += sizeof(key) - 1;
		snprintf(uid, UID_MAX, "%.*s", (int)strcspn(at, "\n"), at);
		found = uid[0] != '\0';
	}
	buf_fini(&b);
	return found;
}

static bool is_nobody(const DBusError *err)
{
	return dbus_error_has_name(err, DBUS_ERROR_SERVICE_UNKNOWN) ||
	       dbus_error_has_name(err, DBUS_ERROR_NAME_HAS_NO_OWNER);
}

struct inhibit *inhibit_hold(const char *root, const struct device *d, struct log *log)
{
	DBusError err = DBUS_ERROR_INIT;
	struct inhibit *h = calloc(1, sizeof(*h));
	unsigned which;

	if (!h)
		return NULL;
	h->log = log;
	h->bus = dbus_bus_get_private(DBUS_BUS_SYSTEM, &err);
	if (!h->bus) {
		log_debug(log, TAG, "no system bus, so no ModemManager: %s", err.message);
		goto none;
	}
	dbus_connection_set_exit_on_disconnect(h->bus, FALSE);
	for (which = 2; which-- > 0;) {
		if (!physdev_uid(root, d, which, h->uid))
			continue;
		dbus_error_free(&err);
		if (call(h->bus, h->uid, true, HOLD_MS, &err)) {
			log_info(log, TAG, "ModemManager leaves %s alone until we are done", h->uid);
			return h;
		}
		if (is_nobody(&err)) {
			log_debug(log, TAG, "ModemManager does not run");
			break;
		}
		if (dbus_error_has_name(&err, MM_ERROR "NotFound")) {
			log_debug(log, TAG, "ModemManager does not know '%s'", h->uid);
			continue;
		}
		log_warn(log, TAG,
			 "ModemManager was asked to leave the module alone and did not (%s): if it is in the "
			 "way, run as root or stop it with 'systemctl stop ModemManager'",
			 err.message ? err.message : err.name);
	}
	disconnect(h->bus);
none:
	dbus_error_free(&err);
	free(h);
	return NULL;
}

void inhibit_release(struct inhibit *h)
{
	DBusError err = DBUS_ERROR_INIT;

	if (!h)
		return;
	/* Closing the connection does it too; a call lets ModemManager begin at once. */
	if (!call(h->bus, h->uid, false, RELEASE_MS, &err))
		log_debug(h->log, TAG, "releasing the module: %s", err.message ? err.message : "no answer");
	dbus_error_free(&err);
	disconnect(h->bus);
	free(h);
}
