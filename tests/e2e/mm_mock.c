/* ModemManager as far as InhibitDevice goes, on the bus that DBUS_SYSTEM_BUS_ADDRESS names. What happens is
 * written to a file, a line each: "inhibit UID", "release UID", "lost UID" (its client left the bus).
 * Sources: ModemManager's D-Bus interface description and mm-base-manager.c: an inhibition belongs to the
 * connection that asked for it, and a second one of the same device is refused. */
#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "org.freedesktop.ModemManager1"

struct state {
	FILE *log;
	const char *mode; /* "", "unknown": knows no device, "denied", "deaf" */
	char uid[4096], owner[256];
};

static void note(struct state *s, const char *what, const char *uid)
{
	fprintf(s->log, "%s %s\n", what, uid);
	fflush(s->log);
}

static DBusMessage *answer(struct state *s, DBusMessage *m)
{
	dbus_bool_t yes;
	const char *uid;

	if (!dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &uid, DBUS_TYPE_BOOLEAN, &yes,
				   DBUS_TYPE_INVALID))
		return dbus_message_new_error(m, DBUS_ERROR_INVALID_ARGS, "(sb) is wanted");
	if (strcmp(s->mode, "unknown") == 0 ||
	    (strcmp(s->mode, "by-property") == 0 && strcmp(uid, "my-modem") != 0)) {
		note(s, "asked", uid);
		return dbus_message_new_error(m, NAME ".Error.Core.NotFound", "No device found");
	}
	if (strcmp(s->mode, "denied") == 0)
		return dbus_message_new_error(m, NAME ".Error.Core.Unauthorized",
					      "PolicyKit authorization failed");
	if (yes && s->uid[0])
		return dbus_message_new_error(m, NAME ".Error.Core.WrongState", "Device already inhibited");
	if (!yes && strcmp(s->uid, uid) != 0)
		return dbus_message_new_error(m, NAME ".Error.Core.WrongState", "No inhibition found");
	note(s, yes ? "inhibit" : "release", uid);
	snprintf(s->uid, sizeof(s->uid), "%s", yes ? uid : "");
	snprintf(s->owner, sizeof(s->owner), "%s", dbus_message_get_sender(m));
	return dbus_message_new_method_return(m);
}

static void owner_changed(struct state *s, DBusMessage *m)
{
	const char *name, *old, *now;

	if (s->uid[0] &&
	    dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING, &old,
				  DBUS_TYPE_STRING, &now, DBUS_TYPE_INVALID) &&
	    strcmp(name, s->owner) == 0 && !now[0]) {
		note(s, "lost", s->uid);
		s->uid[0] = '\0';
	}
}

static DBusHandlerResult on_message(DBusConnection *bus, DBusMessage *m, void *arg)
{
	struct state *s = arg;
	DBusMessage *reply;

	if (dbus_message_is_signal(m, DBUS_INTERFACE_DBUS, "NameOwnerChanged")) {
		owner_changed(s, m);
		return DBUS_HANDLER_RESULT_HANDLED;
	}
	if (!dbus_message_is_method_call(m, NAME, "InhibitDevice"))
		return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
	reply = answer(s, m);
	if (reply) {
		dbus_connection_send(bus, reply, NULL);
		dbus_message_unref(reply);
	}
	return DBUS_HANDLER_RESULT_HANDLED;
}

int main(int argc, char **argv)
{
	struct state s = { .mode = argc > 2 ? argv[2] : "" };
	DBusError err = DBUS_ERROR_INIT;
	DBusConnection *bus;

	if (argc < 2 || !(s.log = fopen(argv[1], "a")))
		return 2;
	bus = dbus_bus_get_private(DBUS_BUS_SYSTEM, &err);
	if (!bus || dbus_bus_request_name(bus, NAME, DBUS_NAME_FLAG_DO_NOT_QUEUE, &err) !=
			    DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER) {
		fprintf(stderr, "mm-mock: %s\n", err.message ? err.message : "the name is taken");
		return 1;
	}
	dbus_bus_add_match(bus, "type='signal',interface='org.freedesktop.DBus',member='NameOwnerChanged'",
			   &err);
	dbus_connection_add_filter(bus, on_message, &s, NULL);
	note(&s, "ready", s.mode);
	while (dbus_connection_read_write_dispatch(bus, -1))
		;
	return 0;
}
