/* info: what can be known of one module in the state it is in, without changing that state. */
#include "cmd/ctx.h"
#include "cmd/efs_image.h"
#include "cmd/info_normal.h"
#include "cmd/part.h"
#include "cmd/session.h"
#include "cmd/table.h"

#include <inttypes.h>
#include <stdio.h>

static const struct opt info_opts[] = {
	SESSION_OPTS,
	IMAGE_OPTS,
	{ .name = "full", .kind = OPT_FLAG, .help = "show IMEI, serial and SIM number in full" },
	OPTS_END,
};

static void render_usb(struct render *r, const struct device *d)
{
	char text[160];
	unsigned i;

	render_section(r, "usb", "on the bus");
	render_str(r, "port", "port", d->port);
	snprintf(text, sizeof(text), "%04x:%04x", d->vid, d->pid);
	render_str(r, "id", "id", text);
	render_str(r, "state", "state", device_state_name(d->state));
	render_str(r, "model", "model", d->known && d->known->model ? d->known->model : NULL);
	render_str(r, "product", "product", d->product[0] ? d->product : NULL);
	render_str(r, "chip_serial", "chip serial", d->chip_serial[0] ? d->chip_serial : NULL);
	render_u64(r, "speed_mbps", "Mbit/s", d->speed_mbps);
	for (i = 0; i < d->n_ifaces; i++) {
		const struct device_iface *f = &d->iface[i];

		if (f->role == ROLE_NONE)
			continue;
		snprintf(text, sizeof(text), "interface %u%s%s%s%s", f->desc.number,
			 f->tty[0] ? ", " : "", f->tty, f->driver[0] ? ", driver " : "", f->driver);
		render_str(r, port_role_name(f->role), port_role_name(f->role), text);
	}
	render_section_end(r);
}

static void render_chip(struct render *r, const struct chip_id *c)
{
	char text[2 * CHIP_PKHASH_MAX + 1];

	render_section(r, "chip", "chip");
	if (c->has_serial)
		snprintf(text, sizeof(text), "%08" PRIx64, c->serial);
	render_str(r, "serial", "chip serial", c->has_serial ? text : NULL);
	if (c->has_hwid) {
		render_str(r, "name", "chip", chip_name(c->msm_id));
		snprintf(text, sizeof(text), "%08x", c->msm_id);
		render_str(r, "msm_id", "MSM id", text);
		snprintf(text, sizeof(text), "%04x", c->oem_id);
		render_str(r, "oem_id", "OEM id", text);
		snprintf(text, sizeof(text), "%04x", c->model_id);
		render_str(r, "model_id", "model id", text);
	}
	if (c->pkhash_len) {
		hex_encode(text, SLICE(c->pkhash, c->pkhash_len));
		render_str(r, "pk_hash", "OEM key hash", text);
		render_bool(r, "secure_boot", "secure boot", !chip_pkhash_is_unfused(c));
	}
	render_section_end(r);
}

static int info_edl(struct ctx *ctx, const struct parsed *p, const struct device *dev,
		    struct err *e)
{
	static const char *const listens[] = {
		[SAHARA_WAITING] = "boot ROM, waiting for a programmer",
		[SAHARA_MEM_DEBUG] = "crash handler, offering the memory",
		[SAHARA_COMMAND] = "boot ROM, in command mode",
		[SAHARA_FIREHOSE] = "Firehose programmer",
		[SAHARA_STREAMING] = "streaming programmer",
		[SAHARA_RUNNING] = "programmer",
	};
	struct module_opts opts;
	struct module m;
	enum sahara_state state;
	int r;

	session_module_opts(ctx, p, &opts);
	opts.say = NULL;
	module_init(&m, dev, &opts);
	r = module_open_sahara(&m, e);
	if (r == 0) {
		state = sahara_state(m.sahara);
		render_str(ctx->render, "listens", "what listens", listens[state]);
		if (state == SAHARA_WAITING || state == SAHARA_COMMAND) {
			struct chip_id chip;

			if (sahara_identify(m.sahara, &chip, e) == 0) {
				if (!chip.has_serial && m.chip.has_serial) {
					chip.has_serial = true;
					chip.serial = m.chip.serial;
				}
				render_chip(ctx->render, &chip);
			} else if (e->kind == ERR_UNSUPPORTED || e->kind == ERR_REFUSED) {
				render_note(ctx->render, "the chip does not say who it is: %s",
					    e->msg);
				err_clear(e);
			} else {
				r = -1;
			}
			if (r == 0)
				r = sahara_park(m.sahara, e);
		}
	}
	module_close(&m);
	return r;
}

static int info_storage(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct session s;

	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	render_chip(ctx->render, &s.module.chip);
	part_render_storage(ctx->render, &s.module);
	return session_close(&s, e);
}

static int info_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct device dev;

	if (parsed_str(p, "image"))
		return info_image(ctx, p, e);
	if (session_find(ctx, 0, &dev, e) < 0)
		return -1;
	render_usb(ctx->render, &dev);
	if (session_loader(p))
		return info_storage(ctx, p, e);
	if (dev.state == DEVICE_EDL || dev.state == DEVICE_DUMP || dev.state == DEVICE_DOWNLOAD)
		return info_edl(ctx, p, &dev, e);
	if (dev.state == DEVICE_NORMAL)
		return info_normal(ctx, &dev, parsed_flag(p, "full"), e);
	return 0;
}

const struct cmd cmd_info = {
	.name = "info",
	.args = "",
	.summary = "show what can be known of one module",
	.about =
		"A module that runs its firmware is asked over AT and DIAG: model, revision and what its parts mean, "
		"IMEI, state of radio, SIM and network, whether its calibration is there, and its own backup. "
		"A module in EDL is asked for its chip serial, hardware id and key hash before any programmer is "
		"loaded, and is left as it was. With --loader the storage is shown too; a module that runs its "
		"firmware goes through EDL for that and comes back. With --image no module is needed: a raw dump of its "
		"file system is searched for IMEIs, firmware revisions and RF data.",
	.example = "salvor info --port 1-1.4",
	.opts = info_opts,
	.needs = NEED_MODULE,
	.exits = EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |
		 EXITS(STATUS_LINK) | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_INCOMPLETE),
	.run = info_run,
};
