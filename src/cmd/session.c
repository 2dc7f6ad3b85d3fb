#include "cmd/session.h"

#include "cmd/ports.h"
#include "cmd/render.h"

#include <stdio.h>
#include <string.h>

const char *const session_storage_choices[] = { "auto", "nand", "emmc", "ufs", NULL };
const char *const session_zlp_choices[] = { "auto", "on", "off", NULL };

const char *session_loader(const struct parsed *p)
{
	return parsed_str(p, "loader");
}

static void say(void *arg, const char *text)
{
	struct ctx *ctx = arg;

	if (!render_is_quiet(ctx->render))
		render_diag(ctx->render, "%s", text);
}

void session_module_opts(struct ctx *ctx, const struct parsed *p, struct module_opts *ret)
{
	static const enum storage_type storage[] = { STORAGE_UNKNOWN, STORAGE_NAND, STORAGE_EMMC,
						     STORAGE_UFS };
	static const enum link_zlp zlp[] = { LINK_ZLP_AUTO, LINK_ZLP_ON, LINK_ZLP_OFF };

	*ret = (struct module_opts){
		.root = ctx->root ? ctx->root : "",
		.log = ctx->log,
		.progress = ctx->progress,
		.cancel = ctx->cancel,
		.storage = storage[parsed_choice(p, "storage", 0)],
		.zlp = zlp[parsed_choice(p, "zlp", 0)],
		.no_probe = parsed_flag(p, "no-probe"),
		.wait_ms = ctx->timeout_ms,
		.timeout_scale_pct = ctx->timeout_scale * 100,
		.say = say,
		.say_ctx = ctx,
	};
}

static bool is_address(const char *port)
{
	return strncmp(port, "unix:", 5) == 0 || strncmp(port, "tcp:", 4) == 0;
}

/* The number is asked of the running firmware; the bus does not tell it. A module that does not answer
 * simply is not the one. */
static void ask_imei(struct ctx *ctx, struct device *d)
{
	struct at_reply reply = AT_REPLY_INIT;
	struct err e = ERR_INIT;
	struct normal m;
	const char *line;
	size_t i;

	ports_init(ctx, d, &m);
	if (normal_at(&m, &e) == 0 && at_command(m.at, "AT+CGSN", 0, &reply, &e) == 0) {
		for (i = 0; (line = at_reply_line(&reply, i)); i++) {
			if (strlen(line) == 15 && strspn(line, "0123456789") == 15)
				snprintf(d->imei, sizeof(d->imei), "%s", line);
		}
	}
	at_reply_fini(&reply);
	if (ports_close(ctx, &m, e.kind ? -1 : 0, &e) < 0)
		log_info(ctx->log, "find", "%s: no IMEI: %s", d->port, e.msg);
}

int session_find(struct ctx *ctx, unsigned states, struct device *ret, struct err *e)
{
	struct selector sel = { .serial = ctx->serial, .imei = ctx->imei, .states = states };
	const char *root = ctx->root ? ctx->root : "";
	struct device_list all = DEVICE_LIST_INIT;
	const struct device *hit;
	size_t i;
	int r;

	if (ctx->port && is_address(ctx->port)) {
		*ret = (struct device){ .state = DEVICE_EDL };
		if (strlen(ctx->port) >= sizeof(ret->port))
			return err_set(e, ERR_USAGE, "the address '%s' is too long", ctx->port);
		snprintf(ret->port, sizeof(ret->port), "%s", ctx->port);
		return 0;
	}
	if (ctx->port && (strncmp(ctx->port, "tty", 3) == 0 || ctx->port[0] == '/'))
		sel.address = ctx->port;
	else
		sel.port = ctx->port;
	if (find_scan(root, false, &all, e) < 0)
		return -1;
	for (i = 0; ctx->imei && i < all.n; i++) {
		if (all.v[i].state == DEVICE_NORMAL &&
		    (!sel.port || port_is_same(root, sel.port, all.v[i].port)))
			ask_imei(ctx, &all.v[i]);
	}
	r = find_select(root, &all, &sel, &hit, e);
	if (r == 0)
		*ret = *hit;
	device_list_free(&all);
	return r;
}

int session_open(struct session *s, struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *loader = session_loader(p);
	struct module_opts opts;
	struct device dev;

	*s = (struct session){ .ctx = ctx, .stay = parsed_flag(p, "stay") };
	if (loader) {
		if (loader_search(loader, &s->loaders, ctx->log, e) < 0)
			return -1;
		s->has_loaders = true;
	}
	if (session_find(ctx, 0, &dev, e) < 0)
		goto fail;
	session_module_opts(ctx, p, &opts);
	opts.loaders = s->has_loaders ? &s->loaders : NULL;
	if (!s->has_loaders && dev.state != DEVICE_EDL) {
		err_set(e, ERR_USAGE,
			"a programmer is needed to read this module's storage: give --loader "
			"FILE|DIR (the firmware package has it)");
		goto fail;
	}
	module_init(&s->module, &dev, &opts);
	if (module_open_edl(&s->module, e) < 0) {
		session_abort(s);
		return -1;
	}
	return 0;
fail:
	loader_set_fini(&s->loaders);
	return -1;
}

int session_close(struct session *s, struct err *e)
{
	bool cancelled = cancel_is_set(s->module.opts.cancel);
	int r = 0;

	/* A request to stop is no reason to leave a module behind in EDL; it is reset, and not waited
	 * for. */
	if (cancelled)
		s->module.opts.cancel = NULL;
	/* What was found in EDL stays there; what was brought there goes back, also when the
	 * programmer did not even start. */
	if (!s->stay && s->module.found_as != DEVICE_EDL &&
	    s->module.dev.state != s->module.found_as)
		r = module_leave_edl(&s->module, !cancelled, e);
	else if (s->module.sahara)
		r = sahara_park(s->module.sahara, e);
	if (r < 0)
		err_prefix(e, "the module could not be brought back");
	module_close(&s->module);
	loader_set_fini(&s->loaders);
	return r;
}

void session_abort(struct session *s)
{
	struct err second = ERR_INIT;

	/* A module whose storage was changed half-way stays in EDL, where it can be repaired. */
	bool torn = s->module.firehose && firehose_changes_sent(s->module.firehose);

	if (torn) {
		s->stay = true;
		render_diag(s->ctx->render, "the module stays in EDL with the programmer running");
	}
	if (session_close(s, &second) < 0)
		render_diag(s->ctx->render, "and %s; power-cycle it", second.msg);
}
