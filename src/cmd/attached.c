#include "cmd/attached.h"

#include "cmd/ports.h"
#include "cmd/session.h"
#include "db/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "_SN:1A2B3C4D" of the product text, which find.c has checked to be hex. */
static bool chip_of_usb(const struct device *d, struct chip_id *ret)
{
	char *end;

	if (!d->chip_serial[0])
		return false;
	*ret = (struct chip_id){ .has_serial = true };
	ret->serial = strtoull(d->chip_serial, &end, 16);
	return *end == '\0';
}

static int chip_of_rom(struct ctx *ctx, const struct device *d, struct chip_id *ret, struct err *e)
{
	struct module_opts opts = { .root = ctx->root ? ctx->root : "",
				    .log = ctx->log,
				    .progress = ctx->progress,
				    .cancel = ctx->cancel,
				    .wait_ms = ctx->timeout_ms,
				    .timeout_scale_pct = ctx->timeout_scale * 100 };
	enum sahara_state state;
	struct module m;
	int r;

	module_init(&m, d, &opts);
	r = module_open_sahara(&m, e);
	if (r == 0) {
		state = sahara_state(m.sahara);
		if (state == SAHARA_WAITING || state == SAHARA_COMMAND)
			r = sahara_identify(m.sahara, ret, e);
		if (r < 0 && (e->kind == ERR_UNSUPPORTED || e->kind == ERR_REFUSED)) {
			err_clear(e);
			r = 0;
		}
		/* A boot ROM says HELLO once: left without, it looks dead to whoever comes next. */
		if (r == 0)
			r = sahara_park(m.sahara, e);
		if (!ret->has_serial && m.chip.has_serial)
			*ret = m.chip;
	}
	module_close(&m);
	return r;
}

static int imei_of_running(struct ctx *ctx, const struct device *d, struct at_info *ret, struct err *e)
{
	struct normal n;
	int r;

	ports_init(ctx, d, &n);
	r = normal_at(&n, e);
	if (r == 0)
		r = at_info(n.at, ret, e);
	return ports_close(ctx, &n, r, e);
}

static int identify(struct ctx *ctx, const struct catalog_sight *sight, int64_t *ret, struct err *e)
{
	int r;

	ctx->phase = PHASE_CATALOG;
	r = catalog_identify(ctx->catalog, sight, ret, e);
	if (r == 0)
		ctx->phase = PHASE_START;
	return r;
}

int attached_module(struct ctx *ctx, int64_t *ret, struct err *e)
{
	struct chip_id chip = { 0 };
	struct at_info info = { .imei = "" };
	struct catalog_sight sight = { 0 };
	struct device d;
	int64_t id = 0;

	ctx->phase = PHASE_START;
	if (session_find(ctx, 0, &d, e) < 0)
		return -1;
	if (!chip_of_usb(&d, &chip) && d.state == DEVICE_EDL && chip_of_rom(ctx, &d, &chip, e) < 0)
		return -1;
	if (chip.has_serial) {
		sight.chip = &chip;
		if (identify(ctx, &sight, &id, e) < 0)
			return -1;
	}
	if (!id && d.state == DEVICE_NORMAL) {
		if (imei_of_running(ctx, &d, &info, e) < 0)
			return err_prefix(e, "asking the module for its IMEI");
		sight = (struct catalog_sight){ .imei = { info.imei_egmr[0] ? info.imei_egmr : info.imei,
							   info.imei } };
		if (identify(ctx, &sight, &id, e) < 0)
			return -1;
	}
	ctx->phase = PHASE_CATALOG;
	if (!id && !chip.has_serial && !info.imei[0] && !info.imei_egmr[0]) {
		ctx->phase = PHASE_START;
		return err_set(e, ERR_UNSUPPORTED,
			       "the module at %s tells neither chip serial nor IMEI in this state", d.port);
	}
	*ret = id;
	return 0;
}
