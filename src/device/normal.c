#include "device/normal.h"

#include "device/holders.h"
#include "device/open.h"

#include <stdio.h>
#include <string.h>

#define TAG             "normal"
#define WAIT_MS_DEFAULT 120000

static void say(const struct normal *m, const char *text)
{
	log_info(m->opts.log, TAG, "%s", text);
	if (m->opts.say)
		m->opts.say(m->opts.say_ctx, text);
}

void normal_init(struct normal *m, const struct device *dev, const struct normal_opts *opts)
{
	*m = (struct normal){ .opts = *opts };
	if (!m->opts.root)
		m->opts.root = "";
	if (dev)
		m->dev = *dev;
}

static const char *node_name(const char *address)
{
	return strncmp(address, "/dev/", 5) == 0 ? address + 5 : address;
}

/* The interface behind opts.address, or NULL. */
static const struct device_iface *addressed(const struct normal *m)
{
	unsigned i;

	for (i = 0; m->opts.address && i < m->dev.n_ifaces; i++) {
		if (m->dev.iface[i].tty[0] &&
		    strcmp(m->dev.iface[i].tty, node_name(m->opts.address)) == 0)
			return &m->dev.iface[i];
	}
	return NULL;
}

/* Is the port that the person named the one for this purpose? */
static bool address_serves(const struct normal *m, bool for_at)
{
	const struct device_iface *f = addressed(m);

	if (!m->opts.address)
		return false;
	if (!f)
		return m->dev.port[0] == '\0';
	if (for_at)
		return f->role == ROLE_AT || f->role == ROLE_MODEM || f->role == ROLE_NONE;
	return f->role == ROLE_DIAG || f->role == ROLE_NONE;
}

static void list_holders(const struct holders *h, char *out, size_t cap)
{
	size_t i, n = 0;

	out[0] = '\0';
	for (i = 0; i < h->n && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s%s, pid %ld%s%s", i ? "; " : "", h->v[i].comm,
				      (long)h->v[i].pid, h->v[i].unit[0] ? ", " : "", h->v[i].unit);
}

/* The exclusive mode of a tty does not stop root, so that somebody holds it is found out beforehand. */
static int refuse_held(const struct normal *m, const char *node, struct err *e)
{
	struct holders h;
	struct err own = ERR_INIT;
	char who[192];

	if (holders_scan(m->opts.root, node, &h, &own) < 0 || h.n == 0)
		return 0;
	list_holders(&h, who, sizeof(who));
	err_set(e, ERR_BUSY, "'%s' is held by %s", node, who);
	if (h.v[0].unit[0])
		return err_append(e, "; 'systemctl stop %s' ends it", h.v[0].unit);
	return err_append(e, "; end it first");
}

/* Who talks to other ports of the module may go on, but the person should know. */
static void warn_held(const struct normal *m, const char *kind, const char *name)
{
	struct holders h;
	struct err own = ERR_INIT;
	char node[64], who[192];

	snprintf(node, sizeof(node), "/dev/%s", name);
	if (holders_scan(m->opts.root, node, &h, &own) < 0 || h.n == 0)
		return;
	list_holders(&h, who, sizeof(who));
	log_warn(m->opts.log, TAG, "%s of this module is in use: '%s' is held by %s", kind, node, who);
}

static void prepare(struct normal *m)
{
	char usb[32];
	unsigned i;

	if (m->prepared)
		return;
	m->prepared = true;
	if (m->dev.port[0] == '\0')
		return;
	m->inhibit = inhibit_hold(m->opts.root, &m->dev, m->opts.log);
	for (i = 0; i < m->dev.n_ifaces; i++) {
		if (m->dev.iface[i].wdm[0])
			warn_held(m, "the network port", m->dev.iface[i].wdm);
	}
	snprintf(usb, sizeof(usb), "bus/usb/%03u/%03u", m->dev.bus, m->dev.dev);
	warn_held(m, "the whole", usb);
}

static int open_port(struct normal *m, enum port_role role, struct link **ret, struct err *e)
{
	const struct device_iface *f = device_role(&m->dev, role);
	bool for_at = role != ROLE_DIAG;
	char node[64];

	prepare(m);
	if (address_serves(m, for_at)) {
		snprintf(node, sizeof(node), "/dev/%.32s", node_name(m->opts.address));
		if (node_name(m->opts.address)[0] != '/' && refuse_held(m, node, e) < 0)
			return -1;
		return open_address(m->opts.root, m->opts.address, m->opts.log, ret, e);
	}
	if (m->dev.port[0] == '\0')
		return err_set(e, ERR_UNSUPPORTED, "'%s' is no known port of an attached module",
			       m->opts.address ? m->opts.address : "");
	if (f && f->tty[0]) {
		snprintf(node, sizeof(node), "/dev/%s", f->tty);
		if (refuse_held(m, node, e) < 0)
			return -1;
	}
	return open_role(m->opts.root, &m->dev, role, m->opts.log, ret, e);
}

static int start_diag(struct normal *m, const struct cancel *cancel, struct err *e)
{
	struct diag_opts opts = { .log = m->opts.log,
				  .cancel = cancel,
				  .spc = m->opts.spc,
				  .password = m->opts.has_password ? m->opts.password : NULL,
				  .window = m->opts.window };

	return diag_open(m->diag_link, &opts, &m->diag, e);
}

int normal_diag(struct normal *m, struct err *e)
{
	if (m->diag)
		return 0;
	if (!m->diag_link && open_port(m, ROLE_DIAG, &m->diag_link, e) < 0)
		return -1;
	return start_diag(m, m->opts.cancel, e);
}

int normal_efs(struct normal *m, struct err *e)
{
	struct efs_opts opts = { .subsys = m->opts.efs_subsys };

	if (m->efs)
		return 0;
	if (normal_diag(m, e) < 0)
		return -1;
	return efs_open(m->diag, &opts, &m->efs, e);
}

int normal_nv(struct normal *m, struct err *e)
{
	struct nv_opts opts = { .array_legacy = m->opts.nv_array_legacy };

	if (m->nv)
		return 0;
	if (normal_efs(m, e) < 0) {
		/* NV items can be had without it. */
		if (!m->diag || (e->kind != ERR_UNSUPPORTED && e->kind != ERR_REFUSED))
			return -1;
		log_info(m->opts.log, TAG, "going on without the file system: %s", e->msg);
		err_clear(e);
	}
	return nv_open(m->diag, m->efs, &opts, &m->nv, e);
}

static void close_at(struct normal *m)
{
	at_close(m->at);
	link_close(m->at_link);
	m->at = NULL;
	m->at_link = NULL;
}

static int try_at(struct normal *m, enum port_role role, struct err *e)
{
	struct at_opts opts = { .log = m->opts.log, .cancel = m->opts.cancel };

	if (open_port(m, role, &m->at_link, e) < 0)
		return -1;
	if (at_open(m->at_link, &opts, &m->at, e) == 0 && at_probe(m->at, e) == 0)
		return 0;
	close_at(m);
	return -1;
}

int normal_at(struct normal *m, struct err *e)
{
	struct err second = ERR_INIT;

	if (m->at)
		return 0;
	if (try_at(m, ROLE_AT, e) == 0)
		return 0;
	/* The modem port speaks it too. The first port's trouble is what the person hears of. */
	if (address_serves(m, true) || !device_role(&m->dev, ROLE_MODEM) ||
	    (e->kind != ERR_TIMEOUT && e->kind != ERR_BUSY && e->kind != ERR_UNSUPPORTED))
		return -1;
	log_info(m->opts.log, TAG, "%s; trying the modem port", e->msg);
	if (try_at(m, ROLE_MODEM, &second) < 0) {
		if (e->kind == ERR_UNSUPPORTED)
			*e = second;
		return -1;
	}
	err_clear(e);
	return 0;
}

int normal_go_offline(struct normal *m, struct err *e)
{
	uint32_t mode;

	if (m->offline)
		return 0;
	if (normal_diag(m, e) < 0)
		return -1;
	if (diag_oper_mode(m->diag, &mode, e) < 0) {
		if (e->kind != ERR_REFUSED && e->kind != ERR_UNSUPPORTED)
			return -1;
		err_clear(e);
	} else if (mode == DIAG_OPER_OFFLINE || mode == DIAG_OPER_OFFLINE_ANALOGUE ||
		   mode == DIAG_OPER_OFFLINE_DIGITAL) {
		say(m, "the module is offline already and will be left so");
		return 0;
	}
	say(m, "taking the module offline: no radio until it is reset at the end; should this program be "
	       "killed, reset it with 'salvor at AT+CFUN=1,1'");
	/* Whether it is done when the answer is lost nobody knows: a reset then does no harm. */
	m->offline = true;
	if (diag_mode_set(m->diag, DIAG_MODE_OFFLINE, e) == 0)
		return 0;
	m->offline = e->kind != ERR_REFUSED;
	return err_prefix(e, "taking the module offline");
}

static void close_diag_sessions(struct normal *m)
{
	nv_close(m->nv);
	efs_close(m->efs);
	diag_close(m->diag);
	m->nv = NULL;
	m->efs = NULL;
	m->diag = NULL;
}

/* Without the caller's cancel, and by the other port when this one is dead. */
static int reset_it(struct normal *m, struct err *e)
{
	struct at_reply reply = AT_REPLY_INIT;
	struct err by_at = ERR_INIT;
	int r;

	close_diag_sessions(m);
	if (start_diag(m, NULL, e) == 0 && diag_mode_set(m->diag, DIAG_MODE_RESET, e) == 0)
		return 0;
	log_warn(m->opts.log, TAG, "resetting over DIAG: %s; trying AT", e->msg);
	m->opts.cancel = NULL;
	close_at(m);
	r = normal_at(m, &by_at);
	if (r == 0)
		r = at_command(m->at, "AT+CFUN=1,1", 0, &reply, &by_at);
	at_reply_fini(&reply);
	if (r < 0 && by_at.kind != ERR_GONE)
		return err_append(e, "; and over AT: %s", by_at.msg);
	err_clear(e);
	return 0;
}

static void close_all(struct normal *m)
{
	close_diag_sessions(m);
	link_close(m->diag_link);
	m->diag_link = NULL;
	close_at(m);
}

static int bring_back(struct normal *m, struct err *e)
{
	struct device_list before = DEVICE_LIST_INIT;
	struct wait_rule rule = { .root = m->opts.root,
				  .states = STATE_BIT(DEVICE_NORMAL),
				  .port = m->dev.port,
				  .chip_serial = m->dev.chip_serial[0] ? m->dev.chip_serial : NULL,
				  .before = &before,
				  .timeout_ms = m->opts.wait_ms ? m->opts.wait_ms : WAIT_MS_DEFAULT };
	int r;

	say(m, "resetting the module, to end offline");
	if (m->dev.port[0] == '\0') {
		r = reset_it(m, e);
	} else {
		r = find_scan(m->opts.root, false, &before, e);
		if (r == 0)
			r = reset_it(m, e);
		close_all(m);
		if (r == 0)
			r = find_wait(&rule, &m->dev, e);
		device_list_free(&before);
	}
	if (r < 0)
		return err_prefix(e, "the module may still be offline, power-cycle it: no reset");
	m->offline = false;
	return 0;
}

int normal_close(struct normal *m, struct err *e)
{
	int r = m->offline ? bring_back(m, e) : 0;

	close_all(m);
	inhibit_release(m->inhibit);
	m->inhibit = NULL;
	return r;
}
