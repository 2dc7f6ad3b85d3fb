#include "device/find.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS     50
#define SETTLE_MS   500  /* for a newcomer that is not where it was expected */
#define ACCESS_MS   1000 /* udev's rules run after the device is in sysfs */

static bool was_there(const struct device_list *before, const struct device *d)
{
	size_t i;

	for (i = 0; before && i < before->n; i++) {
		const struct device *b = &before->v[i];

		if (strcmp(b->port, d->port) == 0 && b->bus == d->bus && b->dev == d->dev &&
		    b->vid == d->vid && b->pid == d->pid && b->state == d->state)
			return true;
	}
	return false;
}

/* The port of another module that was attached all along: what comes up there is that module, in
 * another state. Two salvors at work on two modules must never swap them. */
static bool is_anothers(const struct wait_rule *r, const struct device *d)
{
	size_t i;

	for (i = 0; r->port && r->before && i < r->before->n; i++) {
		if (port_is_same(r->root, r->before->v[i].port, d->port) &&
		    !port_is_same(r->root, r->before->v[i].port, r->port))
			return true;
	}
	return false;
}

struct look {
	const struct device *sure;  /* at the port, or with the serial, that was asked for */
	const struct device *other; /* the first that only fits by its state */
	size_t n_other;
};

static void look_at(const struct wait_rule *r, const struct device_list *l, struct look *ret)
{
	unsigned states = r->states ? r->states : STATES_USABLE;
	size_t i;

	*ret = (struct look){ 0 };
	for (i = 0; i < l->n; i++) {
		const struct device *d = &l->v[i];
		bool tells = r->chip_serial && d->chip_serial[0];
		bool equal = tells && serial_is_same(d->chip_serial, r->chip_serial);

		if (!(STATE_BIT(d->state) & states) || was_there(r->before, d) || (tells && !equal))
			continue;
		if (equal || (r->port && port_is_same(r->root, d->port, r->port))) {
			if (!ret->sure || (r->port && strcmp(d->port, r->port) == 0))
				ret->sure = d;
		} else if (!r->port || (r->anywhere && !is_anothers(r, d))) {
			if (ret->n_other++ == 0)
				ret->other = d;
		}
	}
}

static int fail_several(const struct wait_rule *r, const struct device_list *l, size_t n,
			struct err *e)
{
	unsigned states = r->states ? r->states : STATES_USABLE;
	bool first = true;
	size_t i;

	err_set(e, ERR_USAGE,
		"%zu devices appeared and nothing tells them apart, choose a port: ", n);
	for (i = 0; i < l->n; i++) {
		char text[256];

		if (!(STATE_BIT(l->v[i].state) & states) || was_there(r->before, &l->v[i]))
			continue;
		device_describe(&l->v[i], text, sizeof(text));
		err_append(e, "%s%s", first ? "" : "; ", text);
		first = false;
	}
	return -1;
}

static int fail_timeout(const struct wait_rule *r, const struct device_list *l, struct err *e)
{
	size_t i;

	err_set(e, ERR_TIMEOUT, "no module in the wanted state appeared%s%s in %u ms",
		r->port ? " at port " : "", r->port ? r->port : "", r->timeout_ms);
	err_append(e, l->n ? ", seen: " : ", none is attached");
	for (i = 0; i < l->n; i++) {
		char text[256];

		device_describe(&l->v[i], text, sizeof(text));
		err_append(e, "%s%s", i ? "; " : "", text);
	}
	return -1;
}

/* Whoever opens the node gets the final word; this only spares a false "no permission". */
static void wait_access(const struct wait_rule *r, const struct device *d)
{
	struct deadline end = deadline_in(ACCESS_MS);
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/dev/bus/usb/%03u/%03u", r->root, d->bus, d->dev);
	while (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0 && errno == EACCES &&
	       !deadline_passed(end) && !cancel_is_set(r->cancel))
		clock_sleep_ms(POLL_MS);
}

/* 1 = found, 0 = look again, -1 = error. *since: when a newcomer elsewhere was first seen, 0 = not.
 */
static int decide(const struct wait_rule *r, const struct device_list *l, uint64_t *since,
		  struct device *ret, struct err *e)
{
	struct look look;

	look_at(r, l, &look);
	if (look.sure) {
		*ret = *look.sure;
		return 1;
	}
	if (look.n_other == 0) {
		*since = 0;
		return 0;
	}
	if (r->port) {
		if (*since == 0)
			*since = clock_ms();
		if (clock_ms() - *since < SETTLE_MS)
			return 0;
	}
	if (look.n_other > 1)
		return fail_several(r, l, look.n_other, e);
	*ret = *look.other;
	return 1;
}

int find_wait(const struct wait_rule *rule, struct device *ret, struct err *e)
{
	struct deadline end = deadline_in(rule->timeout_ms);
	uint64_t since = 0;

	for (;;) {
		struct device_list l = DEVICE_LIST_INIT;
		bool late = deadline_passed(end);
		struct device d;
		int r;

		if (cancel_is_set(rule->cancel))
			return err_set(e, ERR_CANCELLED, "cancelled while waiting for a module");
		if (find_scan(rule->root, false, &l, e) < 0)
			return -1;
		r = decide(rule, &l, &since, &d, e);
		if (r == 0 && late)
			r = fail_timeout(rule, &l, e);
		device_list_free(&l);
		if (r < 0)
			return -1;
		if (r > 0) {
			wait_access(rule, &d);
			*ret = d;
			return 0;
		}
		clock_sleep_ms(MIN_OF((uint32_t)POLL_MS, deadline_left(end)));
	}
}
