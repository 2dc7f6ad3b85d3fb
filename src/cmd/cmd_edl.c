/* edl enter|wait|exit: the mode switch by itself. */
#include "cmd/ctx.h"
#include "cmd/session.h"
#include "cmd/table.h"
#include "device/edl_how.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXITS_MODE                                                                                 \
	(EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |          \
	 EXITS(STATUS_LINK))

static void render_device(struct render *r, const struct device *d)
{
	char ids[16];

	snprintf(ids, sizeof(ids), "%04x:%04x", d->vid, d->pid);
	render_str(r, "port", "port", d->port);
	render_str(r, "id", "id", ids);
	render_str(r, "state", "state", device_state_name(d->state));
	if (d->chip_serial[0])
		render_str(r, "chip_serial", "chip serial", d->chip_serial);
}

/* --dry-run of a mode change: says it and does nothing. */
static bool only_said(struct ctx *ctx, const struct device *d, const char *what)
{
	if (!ctx->guard.dry_run)
		return false;
	render_str(ctx->render, "would", "would", what);
	render_device(ctx->render, d);
	return true;
}

static const struct opt enter_opts[] = {
	{ "how", 0, OPT_STR, HINT_NONE, "MODEL", "print the way without software for this model", 0,
	  0, NULL, 0 },
	{ "no-probe", 0, OPT_FLAG, HINT_NONE, NULL, "never write to a silent device", 0, 0, NULL,
	  0 },
	OPTS_END,
};

static int print_how(struct ctx *ctx, const char *model, struct err *e)
{
	const struct edl_how *how = edl_how_find(model);

	if (!how)
		return err_set(e, ERR_USAGE,
			       "nothing is known about a model '%s'; models that are: %s", model,
			       edl_how_models());
	render_str(ctx->render, "model", "model", how->models);
	render_str(ctx->render, "pin", "pin", how->pin);
	render_str(ctx->render, "level", "connect it to", how->level);
	render_str(ctx->render, "when", "when", how->when);
	render_str(ctx->render, "certainty", "certainty", how->certainty);
	return 0;
}

static int enter_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct module_opts opts = { .root = ctx->root ? ctx->root : "",
				    .log = ctx->log,
				    .progress = ctx->progress,
				    .cancel = ctx->cancel,
				    .no_probe = parsed_flag(p, "no-probe"),
				    .wait_ms = ctx->timeout_ms };
	struct module m;
	struct device dev;
	int r;

	if (parsed_str(p, "how"))
		return print_how(ctx, parsed_str(p, "how"), e);
	if (session_find(ctx, 0, &dev, e) < 0)
		return -1;
	if (only_said(ctx, &dev, "take the module to emergency download mode"))
		return 0;
	module_init(&m, &dev, &opts);
	r = module_enter_edl(&m, e);
	if (r == 0)
		render_device(ctx->render, &m.dev);
	else if (e->kind == ERR_TIMEOUT || e->kind == ERR_REFUSED || e->kind == ERR_UNSUPPORTED ||
		 e->kind == ERR_MISMATCH)
		ctx_next(ctx, "the way without software: salvor edl enter --how MODEL");
	module_close(&m);
	return r;
}

const struct cmd cmd_edl_enter = {
	.name = "edl enter",
	.args = "",
	.summary = "take a module into emergency download mode",
	.about =
		"Asks the running firmware over DIAG and waits until the module is there. Nothing on the module "
		"is changed. A module that offers its memory after a crash is reset first.",
	.example = "salvor edl enter --port 1-1.4",
	.opts = enter_opts,
	.needs = NEED_MODULE | CHANGES_MODE,
	.exits = EXITS_MODE,
	.run = enter_run,
};

static const struct opt wait_opts[] = {
	SESSION_PROGRAMMER_OPTS,
	OPTS_END,
};

/* Boot ROMs need not tell their serial on the bus; the chip itself does. */
static int check_serial(const struct ctx *ctx, const struct module *m, struct err *e)
{
	char text[24];

	snprintf(text, sizeof(text), "%08" PRIx64, m->chip.serial);
	if (!ctx->serial || !m->chip.has_serial || serial_is_same(text, ctx->serial))
		return 0;
	return err_set(e, ERR_MISMATCH,
		       "the module at %s is chip %s, not %s; it stays in EDL with the programmer running",
		       m->dev.port, text, ctx->serial);
}

static int wait_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct wait_rule rule = { .root = ctx->root ? ctx->root : "",
				  .states = STATE_BIT(DEVICE_EDL),
				  .port = ctx->port,
				  .chip_serial = ctx->serial,
				  .timeout_ms = ctx->timeout_ms ? ctx->timeout_ms : 60000,
				  .cancel = ctx->cancel };
	struct loader_set loaders = { 0 };
	struct module_opts opts;
	struct module m;
	struct device dev;
	int r;

	if (ctx->imei)
		return err_set(e, ERR_USAGE,
			       "a module in EDL does not tell its IMEI: select it by --port or --serial");
	if (ctx->port && (strchr(ctx->port, ':') || strchr(ctx->port, '/') ||
			  strncmp(ctx->port, "tty", 3) == 0))
		return err_set(e, ERR_USAGE,
			       "'%s' is no place on the USB bus to wait at, such as 1-1.4", ctx->port);
	if (session_loader(p) && loader_search(session_loader(p), &loaders, ctx->log, e) < 0)
		return -1;
	if (!render_is_quiet(ctx->render))
		render_diag(ctx->render, "waiting for a module in EDL, at most %u s",
		    rule.timeout_ms / 1000);
	r = find_wait(&rule, &dev, e);
	if (r == 0 && loaders.n) {
		/* Once a programmer runs, a module that shows itself for seconds only stays. */
		session_module_opts(ctx, p, &opts);
		opts.loaders = &loaders;
		module_init(&m, &dev, &opts);
		r = module_open_edl(&m, e);
		if (r == 0)
			r = check_serial(ctx, &m, e);
		module_close(&m);
	}
	if (r == 0) {
		render_device(ctx->render, &dev);
		render_bool(ctx->render, "programmer", "programmer runs", loaders.n > 0);
	}
	loader_set_fini(&loaders);
	return r;
}

const struct cmd cmd_edl_wait = {
	.name = "edl wait",
	.args = "",
	.summary = "wait until a module in EDL appears, and hold it",
	.about =
		"Looks every 50 ms, so that a module is seen that is there for a few seconds only. With --loader the "
		"programmer is loaded at once, and the module stays in EDL. Gives up after --timeout, 60 s "
		"unless told otherwise.",
	.example = "salvor edl wait --timeout 120 --loader ./firmware",
	.opts = wait_opts,
	.needs = NEED_MODULE,
	.exits = EXITS_MODE,
	.run = wait_run,
};

static const struct opt exit_opts[] = {
	{ "no-wait", 0, OPT_FLAG, HINT_NONE, NULL, "do not wait until the firmware runs", 0, 0,
	  NULL, 0 },
	{ "no-probe", 0, OPT_FLAG, HINT_NONE, NULL, "never write to a silent device", 0, 0, NULL,
	  0 },
	OPTS_END,
};

static int exit_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct module_opts opts = { .root = ctx->root ? ctx->root : "",
				    .log = ctx->log,
				    .progress = ctx->progress,
				    .cancel = ctx->cancel,
				    .no_probe = parsed_flag(p, "no-probe"),
				    .wait_ms = ctx->timeout_ms };
	struct module m;
	struct device dev;
	int r;

	if (session_find(ctx,
			 STATE_BIT(DEVICE_EDL) | STATE_BIT(DEVICE_DUMP) |
				 STATE_BIT(DEVICE_DOWNLOAD),
			 &dev, e) < 0)
		return -1;
	if (only_said(ctx, &dev, "reset the module out of emergency download mode"))
		return 0;
	module_init(&m, &dev, &opts);
	r = module_leave_edl(&m, !parsed_flag(p, "no-wait"), e);
	if (r == 0 && !parsed_flag(p, "no-wait"))
		render_device(ctx->render, &m.dev);
	module_close(&m);
	return r;
}

const struct cmd cmd_edl_exit = {
	.name = "edl exit",
	.args = "",
	.summary = "reset a module out of EDL and see its firmware start",
	.about = "A module that comes back in EDL did not boot, and that is an error.",
	.example = "salvor edl exit",
	.opts = exit_opts,
	.needs = NEED_MODULE | CHANGES_MODE,
	.exits = EXITS_MODE | EXITS(STATUS_UNVERIFIED),
	.run = exit_run,
};
