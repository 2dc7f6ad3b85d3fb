#include "cmd/info_normal.h"

#include "cmd/ports.h"
#include "model/efs_places.h"
#include "model/imei.h"
#include "model/nv_imei.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *or_null(const char *s)
{
	return s[0] ? s : NULL;
}

/* The first four of a number that belongs to a person's SIM, or a serial number. */
static void mask_tail(const char *s, bool full, char *out, size_t cap)
{
	size_t n = strlen(s), i;

	snprintf(out, cap, "%s", s);
	for (i = 4; !full && i < n && i + 1 < cap; i++)
		out[i] = '*';
}

static void imei_text(const char *digits, bool full, char out[64])
{
	char masked[32];

	out[0] = '\0';
	if (!digits[0])
		return;
	imei_mask(digits, masked);
	snprintf(out, 64, "%s%s", full ? digits : masked,
		 imei_is_placeholder(digits) ? " (a placeholder, no identity)" :
		 !imei_is_valid(digits)	     ? " (wrong check digit)" :
					       "");
}

static void render_imei(struct render *r, const char *key, const char *label, const char *digits, bool full)
{
	char text[64];

	imei_text(digits, full, text);
	render_str(r, key, label, or_null(text));
}

static void render_revision(struct render *r, const char *text)
{
	struct revision_token token[REVISION_TOKENS_MAX];
	struct err own = ERR_INIT;
	struct revision v;
	struct json *list;
	size_t n, i;

	render_str(r, "revision", "revision", or_null(text));
	if (!text[0])
		return;
	if (revision_parse(text, &v, &own) < 0) {
		render_line(r, "  (of no known form: %s)", own.msg);
		return;
	}
	render_str(r, "project", "model line", or_null(v.project));
	render_str(r, "variant", "variant", or_null(v.variant));
	n = revision_explain(&v, token);
	list = json_put_array(render_result(r), "revision_tokens");
	for (i = 0; i < n; i++) {
		struct json *o = json_add_object(list);

		json_put_str(o, "text", token[i].text);
		json_put_str(o, "meaning", token[i].meaning);
		render_line(r, "  %-18s %s", token[i].text, token[i].meaning);
	}
}

static void registration(struct render *r, const char *key, const char *label, int32_t stat)
{
	if (stat >= 0)
		render_str(r, key, label, at_registration_text(stat));
	else
		json_put_null(render_result(r), key);
}

static void render_at(struct render *r, const struct at_info *a, bool full)
{
	char text[64];

	render_section(r, "module", "module");
	render_str(r, "maker", "maker", or_null(a->maker));
	render_str(r, "model", "model", or_null(a->model));
	render_revision(r, a->revision);
	render_str(r, "sub_edition", "sub edition", or_null(a->sub_edition));
	mask_tail(a->serial, full, text, sizeof(text));
	render_str(r, "serial", "serial number", or_null(text));
	render_section_end(r);

	render_section(r, "state", "state");
	if (a->cfun >= 0)
		snprintf(text, sizeof(text), "%s (CFUN %d)", at_cfun_text(a->cfun), a->cfun);
	render_str(r, "function", "function", a->cfun >= 0 ? text : NULL);
	if (a->cfun >= 0)
		json_put_i64(render_result(r), "cfun", a->cfun);
	render_str(r, "sim", "SIM", or_null(a->sim));
	mask_tail(a->iccid, full, text, sizeof(text));
	render_str(r, "iccid", "SIM number", or_null(text));
	registration(r, "creg", "registration", a->creg);
	registration(r, "cereg", "LTE", a->cereg);
	registration(r, "c5greg", "5G", a->c5greg);
	if (a->rssi >= 0 && a->rssi != 99) {
		snprintf(text, sizeof(text), "%d dBm (CSQ %d)", -113 + 2 * a->rssi, a->rssi);
		render_str(r, "signal", "signal", text);
	} else {
		render_str(r, "signal", "signal", NULL);
	}
	render_str(r, "usbcfg", "USB configuration", or_null(a->usb));
	render_section_end(r);

	render_section(r, "own_backup", "the module's own backup");
	if (a->backups >= 0) {
		render_u64(r, "backups", "made", (uint64_t)a->backups);
		render_u64(r, "restores", "restored", (uint64_t)MAX_OF(a->restores, 0));
	} else {
		render_str(r, "backups", "made", NULL);
	}
	render_section_end(r);
}

/* "yes", "no", or NULL and the reason. */
static int rf_data(struct normal *m, const char **ret, char why[160], struct err *e)
{
	struct efs_list l = { 0 };
	bool more = false;

	*ret = NULL;
	if (!m->efs) {
		snprintf(why, 160, "no access to the file system");
		return 0;
	}
	if (efs_list_some(m->efs, EFS_RFNV_DIR, 4, &l, &more, e) == 0) {
		*ret = l.n || more ? "present" : "missing";
	} else if (efs_is_absent(e)) {
		*ret = "missing";
	} else if (e->kind == ERR_REFUSED) {
		snprintf(why, 160, "%.159s", e->msg);
	} else {
		efs_list_fini(&l);
		return -1;
	}
	err_clear(e);
	efs_list_fini(&l);
	return 0;
}

static int nv_imei(struct normal *m, uint8_t sim, char digits[16], const char **ret_state, struct err *e)
{
	static const char *const states[] = { NULL, "not set", "malformed" };
	struct nv_ref ref = { .id = NV_ITEM_IMEI, .sim = sim };
	struct nv_value v;
	enum nv_imei form;

	digits[0] = '\0';
	*ret_state = NULL;
	if (nv_read(m->nv, &ref, &v, e) < 0)
		return -1;
	if (v.state != NV_VALUE) {
		*ret_state = nv_state_name(v.state);
		return 0;
	}
	form = nv_imei_decode(SLICE(v.data, sizeof(v.data)), digits);
	*ret_state = states[form];
	return 0;
}

struct told {
	struct at_info at;
	bool has_at, has_diag;
	char imei[2][16];
	const char *imei_state[2];
};

/* Everything that may wait for the module's answer comes before the first line is said. */
static int ask_diag(struct ctx *ctx, struct normal *m, struct told *t, struct err *e)
{
	struct render *r = ctx->render;
	struct diag_identity who;
	const char *rf;
	char why[160] = "";
	uint32_t mode;
	bool has_mode;

	if (normal_nv(m, e) < 0 || diag_identify(m->diag, &who, e) < 0)
		return -1;
	has_mode = diag_oper_mode(m->diag, &mode, e) == 0;
	if (!has_mode && e->kind != ERR_REFUSED && e->kind != ERR_UNSUPPORTED)
		return -1;
	err_clear(e);
	if (nv_imei(m, 0, t->imei[0], &t->imei_state[0], e) < 0 ||
	    nv_imei(m, 1, t->imei[1], &t->imei_state[1], e) < 0 || rf_data(m, &rf, why, e) < 0)
		return -1;
	render_section(r, "diag", "over DIAG");
	render_str(r, "build", "modem build", or_null(who.build.build));
	render_str(r, "build_model", "build model", or_null(who.build.model));
	render_str(r, "compiled", "compiled", or_null(who.version.compiled));
	render_str(r, "oper_mode", "operating mode", has_mode ? diag_oper_mode_name(mode) : NULL);
	render_str(r, "rf_data", "calibration data", rf);
	if (!rf)
		render_line(r, "  (%s)", why);
	render_section_end(r);
	t->has_diag = true;
	return 0;
}

static void render_identity(struct render *r, const struct told *t, bool full)
{
	bool differ = t->has_at && t->imei[0][0] && t->at.imei[0] && strcmp(t->imei[0], t->at.imei) != 0 &&
		      strcmp(t->imei[1], t->at.imei) != 0;

	render_section(r, "identity", full ? "identity" : "identity (masked, see --full)");
	if (t->has_at) {
		render_imei(r, "imei_at", "IMEI by AT", t->at.imei, full);
		if (t->at.imei_egmr[0] && strcmp(t->at.imei_egmr, t->at.imei) != 0)
			render_imei(r, "imei_egmr", "IMEI by EGMR", t->at.imei_egmr, full);
	}
	if (t->has_diag) {
		if (t->imei[0][0])
			render_imei(r, "imei_nv", "IMEI in NV 550", t->imei[0], full);
		else
			render_str(r, "imei_nv", "IMEI in NV 550", t->imei_state[0]);
		if (t->imei[1][0])
			render_imei(r, "imei_nv_2", "IMEI of SIM 2", t->imei[1], full);
	}
	if (differ)
		render_str(r, "warning", "warning", "AT and NV 550 tell different numbers");
	render_section_end(r);
}

int info_normal(struct ctx *ctx, const struct device *dev, bool full, struct err *e)
{
	struct told t = { .imei_state = { NULL, NULL } };
	struct err by_diag = ERR_INIT;
	struct normal m;
	int r = -1;

	ports_init(ctx, dev, &m);
	if (normal_at(&m, e) == 0 && at_info(m.at, &t.at, e) == 0) {
		t.has_at = true;
		render_at(ctx->render, &t.at, full);
	} else if (e->kind == ERR_CANCELLED) {
		return ports_close(ctx, &m, -1, e);
	} else {
		render_diag(ctx->render, "AT tells nothing: %s", e->msg);
	}
	if (ask_diag(ctx, &m, &t, &by_diag) < 0)
		render_diag(ctx->render, "DIAG tells nothing%s: %s", t.has_diag ? " more" : "", by_diag.msg);
	if (by_diag.kind == ERR_CANCELLED || (!t.has_at && !t.has_diag)) {
		if (by_diag.kind == ERR_CANCELLED || e->kind == ERR_UNSUPPORTED)
			*e = by_diag;
	} else {
		err_clear(e);
		render_identity(ctx->render, &t, full);
		r = 0;
	}
	return ports_close(ctx, &m, r, e);
}
