/* list: what is attached. Opens nothing. */
#include "cmd/ctx.h"
#include "cmd/table.h"
#include "device/find.h"

#include <stdio.h>
#include <strings.h>

static const struct opt list_opts[] = {
	{ "all", 'a', OPT_FLAG, HINT_NONE, NULL, "also USB devices that are no modules", 0, 0, NULL,
	  0 },
	OPTS_END,
};

/* The option that names this module for good: its chip where it tells, else where it is plugged in.
 */
static void selector_of(const struct device *d, char *out, size_t n)
{
	if (d->chip_serial[0])
		snprintf(out, n, "--serial %s", d->chip_serial);
	else
		snprintf(out, n, "--port %s", d->port);
}

static bool wanted(const struct ctx *ctx, const struct device *d, const char *root)
{
	if (ctx->port && !port_is_same(root, ctx->port, d->port))
		return false;
	if (ctx->serial && !(d->chip_serial[0] && serial_is_same(ctx->serial, d->chip_serial)) &&
	    strcasecmp(ctx->serial, d->serial) != 0)
		return false;
	return true;
}

static void row(struct render *r, const struct device *d)
{
	char ids[16], selector[64];

	snprintf(ids, sizeof(ids), "%04x:%04x", d->vid, d->pid);
	selector_of(d, selector, sizeof(selector));
	render_cell_str(r, d->port);
	render_cell_str(r, ids);
	render_cell_str(r, device_state_name(d->state));
	render_cell_str(r, d->known && d->known->model ? d->known->model
			   : d->product[0]             ? d->product
						       : NULL);
	render_cell_str(r, d->chip_serial[0] ? d->chip_serial : NULL);
	render_cell_u64(r, d->speed_mbps);
	render_cell_str(r, d->state == DEVICE_UNRELATED ? NULL : selector);
}

static int list_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "port", "PORT", false },
		{ "id", "ID", false },
		{ "state", "STATE", false },
		{ "model", "MODEL", false },
		{ "chip_serial", "CHIP SERIAL", false },
		{ "speed_mbps", "MBIT/S", true },
		{ "selector", "SELECT WITH", false },
	};
	const char *root = ctx->root ? ctx->root : "";
	struct device_list all = DEVICE_LIST_INIT;
	size_t i;

	if (ctx->imei)
		return err_set(e, ERR_USAGE,
			       "list looks at the bus only, and the bus does not tell an IMEI");
	if (find_scan(root, parsed_flag(p, "all"), &all, e) < 0)
		return -1;
	render_table(ctx->render, "modules", cols, ARRAY_SIZE(cols));
	for (i = 0; i < all.n; i++) {
		if (wanted(ctx, &all.v[i], root))
			row(ctx->render, &all.v[i]);
	}
	render_table_end(ctx->render, "no module is attached");
	device_list_free(&all);
	return 0;
}

const struct cmd cmd_list = {
	.name = "list",
	.args = "",
	.summary = "show attached modules and the state they are in",
	.about =
		"Looks at the USB bus and opens nothing. Each module is shown with its port, its state and the "
		"option that names it for good.",
	.example = "salvor list",
	.opts = list_opts,
	.needs = TAKES_MODULES,
	.exits = EXITS_ALL,
	.run = list_run,
};
