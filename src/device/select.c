#include "device/find.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool serial_is_same(const char *a, const char *b)
{
	if (strncasecmp(a, "0x", 2) == 0)
		a += 2;
	if (strncasecmp(b, "0x", 2) == 0)
		b += 2;
	a += strspn(a, "0");
	b += strspn(b, "0");
	return strcasecmp(a, b) == 0;
}

static bool has_serial(const struct device *d, const char *serial)
{
	return (d->chip_serial[0] && serial_is_same(d->chip_serial, serial)) ||
	       (d->serial[0] && strcasecmp(d->serial, serial) == 0);
}

static bool has_node(const struct device *d, const char *address)
{
	unsigned i;

	if (strncmp(address, "/dev/", 5) == 0)
		address += 5;
	for (i = 0; i < d->n_ifaces; i++) {
		const struct device_iface *f = &d->iface[i];

		if ((f->tty[0] && strcmp(f->tty, address) == 0) ||
		    (f->wdm[0] && strcmp(f->wdm, address) == 0) ||
		    (f->net[0] && strcmp(f->net, address) == 0))
			return true;
	}
	return false;
}

/* Everything but the port, which is matched in two steps. */
static bool fits(const struct device *d, const struct selector *sel)
{
	unsigned states = sel->states ? sel->states : STATES_USABLE;

	return (STATE_BIT(d->state) & states) && (!sel->serial || has_serial(d, sel->serial)) &&
	       (!sel->imei || strcmp(d->imei, sel->imei) == 0) &&
	       (!sel->address || has_node(d, sel->address));
}

enum port_match { PORT_ANY, PORT_EXACT, PORT_COMPANION };

static bool fits_port(const char *root, const struct device *d, const struct selector *sel,
		      enum port_match how)
{
	switch (how) {
	case PORT_ANY:
		return true;
	case PORT_EXACT:
		return strcmp(d->port, sel->port) == 0;
	case PORT_COMPANION:
		return port_is_same(root, d->port, sel->port);
	}
	return false;
}

static size_t count_fits(const char *root, const struct device_list *l, const struct selector *sel,
			 enum port_match how, const struct device **ret_first)
{
	size_t i, n = 0;

	for (i = 0; i < l->n; i++) {
		if (!fits(&l->v[i], sel) || !fits_port(root, &l->v[i], sel, how))
			continue;
		if (n++ == 0)
			*ret_first = &l->v[i];
	}
	return n;
}

static void append_device(struct err *e, const struct device *d, bool first)
{
	char text[256];

	device_describe(d, text, sizeof(text));
	err_append(e, "%s%s", first ? "" : "; ", text);
}

static int fail_several(const char *root, const struct device_list *l, const struct selector *sel,
			enum port_match how, size_t n, struct err *e)
{
	bool first = true;
	size_t i;

	err_set(e, ERR_USAGE, "%zu modules fit, choose one by port, serial or IMEI: ", n);
	for (i = 0; i < l->n; i++) {
		if (fits(&l->v[i], sel) && fits_port(root, &l->v[i], sel, how)) {
			append_device(e, &l->v[i], first);
			first = false;
		}
	}
	return -1;
}

static int fail_none(const struct device_list *l, const struct selector *sel, struct err *e)
{
	size_t i;

	err_set(e, ERR_NODEV, "no module");
	if (sel->port)
		err_append(e, " at port '%s'", sel->port);
	if (sel->serial)
		err_append(e, " with serial '%s'", sel->serial);
	if (sel->imei)
		err_append(e, " with IMEI '%s'", sel->imei);
	if (sel->address)
		err_append(e, " behind '%s'", sel->address);
	if (!sel->port && !sel->serial && !sel->imei && !sel->address)
		err_append(e, l->n ? " in a state that this needs" : " is attached");
	if (l->n)
		err_append(e, ", seen: ");
	for (i = 0; i < l->n; i++)
		append_device(e, &l->v[i], i == 0);
	return -1;
}

int find_select(const char *root, const struct device_list *l, const struct selector *sel,
		const struct device **ret, struct err *e)
{
	enum port_match how = sel->port ? PORT_EXACT : PORT_ANY;
	const struct device *d = NULL;
	size_t n;

	if (sel->address &&
	    (strncmp(sel->address, "unix:", 5) == 0 || strncmp(sel->address, "tcp:", 4) == 0))
		return err_set(e, ERR_USAGE, "'%s' is the address of a stream, not of an attached "
			       "module", sel->address);
	n = count_fits(root, l, sel, how, &d);
	if (n == 0 && sel->port) {
		how = PORT_COMPANION;
		n = count_fits(root, l, sel, how, &d);
	}
	if (n == 0)
		return fail_none(l, sel, e);
	if (n > 1)
		return fail_several(root, l, sel, how, n, e);
	*ret = d;
	return 0;
}
