#include "cmd/ports.h"

#include "cmd/session.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const ports_subsys_choices[] = { "auto", "0x13", "0x3e", NULL };

static void say(void *arg, const char *text)
{
	struct ctx *ctx = arg;

	render_diag(ctx->render, "%s", text);
}

static bool is_stream(const char *port)
{
	return strncmp(port, "unix:", 5) == 0 || strncmp(port, "tcp:", 4) == 0;
}

static bool is_node(const char *port)
{
	return port[0] == '/' || strncmp(port, "tty", 3) == 0 || strncmp(port, "mhi_", 4) == 0 ||
	       strncmp(port, "wwan", 4) == 0;
}

static bool node_exists(const char *root, const char *port)
{
	char path[PATH_MAX];

	if (port[0] == '/' && strncmp(port, "/dev/", 5) != 0)
		return access(port, F_OK) == 0;
	snprintf(path, sizeof(path), "%s/dev/%s", root, port[0] == '/' ? port + 5 : port);
	return access(path, F_OK) == 0;
}

/* *ret_only: there is just the address, no device on the bus. */
static int find_it(struct ctx *ctx, const char *root, struct device *dev, bool *ret_only, struct err *e)
{
	*ret_only = ctx->port && is_stream(ctx->port);
	if (*ret_only)
		return 0;
	if (session_find(ctx, STATE_BIT(DEVICE_NORMAL), dev, e) == 0)
		return 0;
	if (ctx->port && e->kind == ERR_NODEV && is_node(ctx->port) && node_exists(root, ctx->port)) {
		struct device_list all = DEVICE_LIST_INIT;
		struct selector sel = { .address = ctx->port };
		const struct device *hit;
		struct err other = ERR_INIT;
		bool in_other_mode;

		/* A tty of a module that is not in normal mode is no DIAG or AT port. */
		if (find_scan(root, false, &all, &other) < 0)
			return -1;
		in_other_mode = find_select(root, &all, &sel, &hit, &other) == 0;
		device_list_free(&all);
		if (!in_other_mode) {
			err_clear(e);
			*ret_only = true;
			return 0;
		}
	}
	if (e->kind == ERR_NODEV)
		ctx_next(ctx, "this needs a module that runs its firmware; 'salvor list' shows the states, and "
			      "'salvor edl exit' starts one that is in EDL");
	return -1;
}

static int fill_opts(const struct parsed *p, struct normal_opts *o, struct err *e)
{
	static const uint8_t subsys[] = { 0, 0x13, 0x3e };
	const char *spc = parsed_str(p, "spc"), *pass = parsed_str(p, "password");
	size_t n;

	if (spc && (strlen(spc) != 6 || strspn(spc, "0123456789") != 6))
		return err_set(e, ERR_USAGE, "--spc wants six digits, '%s' is none", spc);
	o->spc = spc;
	if (pass) {
		if (hex_decode(pass, o->password, 8, &n, e) < 0 || n != 8)
			return err_set(e, ERR_USAGE, "--password wants eight bytes in hex, '%s' is none", pass);
		o->has_password = true;
	}
	o->efs_subsys = subsys[parsed_choice(p, "efs-subsys", 0)];
	o->window = (unsigned)parsed_num(p, "window", 1);
	return 0;
}

static void fill_common(struct ctx *ctx, struct normal_opts *o)
{
	*o = (struct normal_opts){ .root = ctx->root ? ctx->root : "",
				   .log = ctx->log,
				   .cancel = ctx->cancel,
				   .wait_ms = ctx->timeout_ms,
				   .say = say,
				   .say_ctx = ctx };
	if (ctx->port && (is_stream(ctx->port) || is_node(ctx->port)))
		o->address = ctx->port;
}

void ports_init(struct ctx *ctx, const struct device *dev, struct normal *m)
{
	struct normal_opts opts;

	fill_common(ctx, &opts);
	normal_init(m, dev, &opts);
}

int ports_open(struct ctx *ctx, const struct parsed *p, struct normal *m, struct err *e)
{
	struct normal_opts opts;
	struct device dev;
	bool only;

	fill_common(ctx, &opts);
	if (p && fill_opts(p, &opts, e) < 0)
		return -1;
	if (find_it(ctx, opts.root, &dev, &only, e) < 0)
		return -1;
	normal_init(m, only ? NULL : &dev, &opts);
	if (p && parsed_flag(p, "offline") && normal_go_offline(m, e) < 0)
		return ports_close(ctx, m, -1, e);
	return 0;
}

int ports_close(struct ctx *ctx, struct normal *m, int r, struct err *e)
{
	struct err second = ERR_INIT;

	if (normal_close(m, r < 0 ? &second : e) == 0)
		return r;
	if (r < 0)
		render_diag(ctx->render, "and %s", second.msg);
	return -1;
}

void ports_describe(const struct normal *m, char *out, size_t n)
{
	if (m->dev.port[0])
		snprintf(out, n, "the module at %s", m->dev.port);
	else
		snprintf(out, n, "the module behind %s", m->opts.address);
}
