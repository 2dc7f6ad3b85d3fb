#include "cmd/catview.h"

#include "db/mask.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void catview_id(int64_t module, char out[CATVIEW_ID])
{
	snprintf(out, CATVIEW_ID, "m%" PRId64, module);
}

void catview_text(const char *text, bool full, char *out, size_t n)
{
	snprintf(out, n, "%s", text ? text : "");
	if (!full)
		mask_digits(out, strlen(out));
}

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

static struct catview *of(struct catalog_rows *rows)
{
	return (struct catview *)rows;
}

static void cell_module(struct render *r, int64_t module)
{
	char id[CATVIEW_ID];

	catview_id(module, id);
	render_cell_str(r, module ? id : NULL);
}

static void cell_imei(struct render *r, const char *imei, bool full)
{
	char text[MASK_ROOM];

	mask_imei(imei, full, text);
	render_cell_str(r, or_null(text));
}

static void cell_text(struct render *r, const char *text, bool full)
{
	char out[1100];

	catview_text(text, full, out, sizeof(out));
	render_cell_str(r, or_null(out));
}

/* Twelve digits name a snapshot among millions; programs get all. */
static void cell_hash(struct render *r, const char *hash)
{
	char text[CATALOG_HASH_HEX + 1];

	snprintf(text, sizeof(text), "%.*s", render_is_data(r) ? CATALOG_HASH_HEX : 12,
		 hash ? hash : "");
	render_cell_str(r, or_null(text));
}

static void cell_verdict(struct render *r, enum catalog_verdict v)
{
	static const enum render_tone tones[] = { TONE_BAD, TONE_WARN, TONE_GOOD };
	char buf[48];

	render_cell_str(r, render_is_data(r)
				   ? catalog_verdict_name(v)
				   : render_tone(r, tones[v], catalog_verdict_name(v), buf, sizeof(buf)));
}

/* ---- modules ---- */

static int row_module(struct catalog_rows *rows, const struct catalog_module *m, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;
	char chip[MASK_ROOM];

	(void)e;
	mask_chip(m->chip, v->full, chip);
	cell_module(r, m->id);
	cell_text(r, m->label, v->full);
	render_cell_str(r, or_null(m->model));
	render_cell_str(r, or_null(m->variant));
	render_cell_str(r, or_null(chip));
	cell_imei(r, m->number[0].imei, v->full);
	cell_imei(r, m->number[1].imei, v->full);
	render_cell_u64(r, m->n_snapshots);
	render_cell_str(r, or_null(m->last_snapshot));
	render_cell_str(r, or_null(m->last_seen));
	render_cell_str(r, m->retired ? "retired" : m->n_held ? "contradiction held" : "in service");
	return 0;
}

void catview_modules(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "module", "MODULE", false },
		{ "label", "LABEL", false },
		{ "model", "MODEL", false },
		{ "variant", "VARIANT", false },
		{ "chip_serial", "CHIP SERIAL", false },
		{ "imei", "IMEI", false },
		{ "imei2", "IMEI 2", false },
		{ "snapshots", "SNAPSHOTS", true },
		{ "last_complete", "LAST COMPLETE", false },
		{ "last_seen", "LAST SEEN", false },
		{ "state", "STATE", false },
	};

	v->rows.module = row_module;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

/* ---- snapshots ---- */

static int row_snapshot(struct catalog_rows *rows, const struct catalog_snapshot *s, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;

	(void)e;
	cell_hash(r, s->hash);
	render_cell_str(r, s->created);
	cell_verdict(r, s->verdict);
	cell_module(r, s->module);
	render_cell_str(r, or_null(s->model));
	render_cell_str(r, or_null(s->revision));
	cell_imei(r, s->imei, v->full);
	render_cell_str(r, or_null(s->mode));
	render_cell_size(r, s->size);
	render_cell_bool(r, s->gone);
	render_cell_str(r, s->path);
	return 0;
}

void catview_snapshots(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "id", "ID", false },       { "created", "MADE", false },
		{ "verdict", "VERDICT", false }, { "module", "MODULE", false },
		{ "model", "MODEL", false }, { "revision", "REVISION", false },
		{ "imei", "IMEI", false },   { "via", "VIA", false },
		{ "bytes", "SIZE", true },   { "missing", "MISSING", false },
		{ "path", "FILE", false },
	};

	v->rows.snapshot = row_snapshot;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

/* ---- what belongs to them ---- */

static int row_firmware(struct catalog_rows *rows, const struct catalog_firmware *f, struct err *e)
{
	struct render *r = of(rows)->ctx->render;

	(void)e;
	cell_hash(r, f->hash);
	render_cell_str(r, or_null(f->model));
	render_cell_str(r, or_null(f->variant));
	render_cell_str(r, or_null(f->revision));
	render_cell_size(r, f->size);
	render_cell_str(r, f->path);
	return 0;
}

void catview_firmware(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "id", "ID", false },           { "model", "MODEL", false },
		{ "variant", "VARIANT", false }, { "revision", "REVISION", false },
		{ "bytes", "SIZE", true },       { "path", "FILE", false },
	};

	v->rows.firmware = row_firmware;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

static int row_item(struct catalog_rows *rows, const struct catalog_item *it, struct err *e)
{
	struct render *r = of(rows)->ctx->render;
	char hex[2 * sizeof(it->sha256) + 1];

	(void)e;
	hex_encode(hex, SLICE(it->sha256, sizeof(it->sha256)));
	render_cell_str(r, it->name);
	render_cell_str(r, it->kind);
	render_cell_size(r, it->size);
	render_cell_bool(r, it->complete);
	cell_hash(r, strspn(hex, "0") == sizeof(hex) - 1 ? NULL : hex);
	return 0;
}

void catview_items(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "name", "NAME", false },         { "kind", "KIND", false },
		{ "bytes", "SIZE", true },         { "complete", "COMPLETE", false },
		{ "sha256", "SHA-256", false },
	};

	v->rows.item = row_item;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

static int row_note(struct catalog_rows *rows, const struct catalog_note *n, struct err *e)
{
	struct catview *v = of(rows);

	(void)e;
	render_cell_str(v->ctx->render, n->at);
	cell_text(v->ctx->render, n->text, v->full);
	return 0;
}

void catview_notes(struct catview *v, const char *key)
{
	static const struct render_col cols[] = { { "at", "SAID", false }, { "text", "NOTE", false } };

	v->rows.note = row_note;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

static int row_operation(struct catalog_rows *rows, const struct catalog_operation *o, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;

	(void)e;
	render_cell_str(r, o->started);
	render_cell_str(r, o->verb);
	render_cell_str(r, catalog_outcome_name(o->outcome));
	cell_hash(r, o->snapshot);
	cell_text(r, o->message, v->full);
	return 0;
}

void catview_operations(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "started", "BEGUN", false },     { "verb", "VERB", false },
		{ "outcome", "OUTCOME", false },   { "snapshot", "SNAPSHOT", false },
		{ "message", "MESSAGE", false },
	};

	v->rows.operation = row_operation;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

static int row_held(struct catalog_rows *rows, const struct catalog_held *h, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;

	(void)e;
	render_cell_u64(r, (uint64_t)h->id);
	render_cell_str(r, identity_code_name(h->code));
	cell_module(r, h->module);
	cell_module(r, h->other);
	cell_imei(r, h->imei, v->full);
	render_cell_str(r, h->at);
	render_cell_u64(r, h->seen);
	cell_text(r, h->text, v->full);
	return 0;
}

void catview_helds(struct catview *v, const char *key)
{
	static const struct render_col cols[] = {
		{ "number", "NUMBER", true },  { "code", "WHAT", false },
		{ "module", "MODULE", false }, { "other", "OTHER", false },
		{ "imei", "IMEI", false },     { "at", "LAST SEEN", false },
		{ "seen", "TIMES", true },     { "text", "TEXT", false },
	};

	v->rows.held = row_held;
	render_table(v->ctx->render, key, cols, ARRAY_SIZE(cols));
}

void catview_end(struct catview *v, const char *empty)
{
	render_table_end(v->ctx->render, empty);
	memset(&v->rows, 0, sizeof(v->rows));
}

/* ---- one of them ---- */

static void say_number(struct render *r, const struct catalog_number *n, unsigned slot, bool full)
{
	char imei[MASK_ROOM], key[16], label[16], text[96];

	mask_imei(n->imei, full, imei);
	snprintf(key, sizeof(key), slot == 1 ? "imei" : "imei%u", slot);
	snprintf(label, sizeof(label), slot == 1 ? "IMEI" : "IMEI %u", slot);
	if (render_is_data(r)) {
		render_str(r, key, label, or_null(imei));
		snprintf(key, sizeof(key), slot == 1 ? "evidence" : "evidence%u", slot);
		render_str(r, key, "evidence",
			   n->imei ? identity_evidence_name(n->evidence) : NULL);
		return;
	}
	if (!n->imei)
		return;
	snprintf(text, sizeof(text), "%s (%s%s)", imei, identity_evidence_name(n->evidence),
		 n->confirmed ? ", confirmed" : "");
	render_str(r, key, label, text);
}

static int facts_module(struct catalog_rows *rows, const struct catalog_module *m, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;
	char id[CATVIEW_ID], text[600];

	(void)e;
	catview_id(m->id, id);
	render_str(r, "id", "module", id);
	catview_text(m->label, v->full, text, sizeof(text));
	render_str(r, "label", "label", or_null(text));
	render_str(r, "model", "model", or_null(m->model));
	render_str(r, "variant", "variant", or_null(m->variant));
	render_str(r, "revision", "revision", or_null(m->revision));
	mask_chip(m->chip, v->full, text);
	render_str(r, "chip_serial", "chip serial", or_null(text));
	snprintf(text, sizeof(text), "%08" PRIx32, m->msm);
	render_str(r, "msm_id", "MSM id", m->msm ? text : NULL);
	render_str(r, "pk_hash", "OEM key hash", or_null(m->pkhash));
	say_number(r, &m->number[0], 1, v->full);
	say_number(r, &m->number[1], 2, v->full);
	render_str(r, "calibration", "calibration", catalog_rf_name(m->rf));
	render_str(r, "first_seen", "first seen", or_null(m->first_seen));
	render_str(r, "last_seen", "last seen", or_null(m->last_seen));
	if (m->retired || render_is_data(r)) {
		render_str(r, "retired", "retired", m->retired);
		catview_text(m->retired_why, v->full, text, sizeof(text));
		render_str(r, "retired_why", "because", or_null(text));
	}
	return 0;
}

int catview_module(struct ctx *ctx, int64_t id, bool full, struct err *e)
{
	struct catview v = { .rows = { .module = facts_module }, .ctx = ctx, .full = full };

	return catalog_module_get(ctx->catalog, id, &v.rows, e);
}

static int facts_snapshot(struct catalog_rows *rows, const struct catalog_snapshot *s, struct err *e)
{
	struct catview *v = of(rows);
	struct render *r = v->ctx->render;
	char text[MASK_ROOM];

	(void)e;
	render_str(r, "id", "id", s->hash);
	render_str(r, "path", "file", s->path);
	render_bool(r, "missing", "missing", s->gone);
	render_size(r, "bytes", "size", s->size);
	render_str(r, "created", "made", s->created);
	render_str(r, "verdict", "verdict", catalog_verdict_name(s->verdict));
	catview_id(s->module, text);
	render_str(r, "module", "module", s->module ? text : NULL);
	render_str(r, "model", "model", or_null(s->model));
	render_str(r, "variant", "variant", or_null(s->variant));
	render_str(r, "revision", "revision", or_null(s->revision));
	mask_imei(s->imei, v->full, text);
	render_str(r, "imei", "IMEI", or_null(text));
	render_str(r, "via", "via", or_null(s->mode));
	render_u64(r, "n_items", "items", s->n_items);
	render_u64(r, "n_nv", "NV items", s->n_nv);
	render_u64(r, "n_efs", "EFS files", s->n_efs);
	return 0;
}

int catview_snapshot(struct ctx *ctx, const char *hash, bool full, struct err *e)
{
	struct catview v = { .rows = { .snapshot = facts_snapshot }, .ctx = ctx, .full = full };

	return catalog_find(ctx->catalog, hash, 1, &v.rows, e);
}

/* ---- which one is meant ---- */

struct candidates {
	struct catalog_rows rows;
	const char *text;
	unsigned n_modules, n_exact, n_snapshots;
	int64_t module, exact;
	char hash[CATALOG_HASH_HEX + 1];
	char ids[80]; /* the first of them, for the message */
};

static void list_id(struct candidates *k, const char *id)
{
	size_t n = strlen(k->ids);

	if (n + strlen(id) + 2 < sizeof(k->ids))
		snprintf(k->ids + n, sizeof(k->ids) - n, "%s%s", n ? ", " : "", id);
}

static int candidate_module(struct catalog_rows *rows, const struct catalog_module *m, struct err *e)
{
	struct candidates *k = (struct candidates *)rows;
	char id[CATVIEW_ID];

	(void)e;
	k->n_modules++;
	k->module = m->id;
	if (m->label && strcmp(m->label, k->text) == 0) {
		k->n_exact++;
		k->exact = m->id;
	}
	catview_id(m->id, id);
	list_id(k, id);
	return 0;
}

static int candidate_snapshot(struct catalog_rows *rows, const struct catalog_snapshot *s,
			      struct err *e)
{
	struct candidates *k = (struct candidates *)rows;
	char id[16];

	(void)e;
	k->n_snapshots++;
	snprintf(k->hash, sizeof(k->hash), "%s", s->hash);
	snprintf(id, sizeof(id), "%.12s", s->hash);
	list_id(k, id);
	return 0;
}

/* "m12" */
static bool is_module_id(const char *text, int64_t *ret)
{
	struct err e = ERR_INIT;
	uint64_t v;

	if (text[0] != 'm' || text[1] < '1' || text[1] > '9' ||
	    parse_u64(text + 1, INT64_MAX, &v, &e) < 0)
		return false;
	*ret = (int64_t)v;
	return true;
}

static int resolve(struct catalog *c, const char *text, bool only_module, struct catview_thing *ret,
		   struct err *e)
{
	struct candidates k = { .rows = { .module = candidate_module,
					  .snapshot = only_module ? NULL : candidate_snapshot },
				.text = text };
	struct catalog_rows none = { NULL };
	char shown[130];

	*ret = (struct catview_thing){ 0 };
	if (is_module_id(text, &ret->module))
		return catalog_module_get(c, ret->module, &none, e);
	if (catalog_find(c, text, 100, &k.rows, e) < 0)
		return -1;
	if (k.n_exact == 1) {
		k.n_modules = 1;
		k.module = k.exact;
		k.n_snapshots = 0;
	}
	if (k.n_modules + k.n_snapshots == 1) {
		ret->module = k.n_modules ? k.module : 0;
		snprintf(ret->hash, sizeof(ret->hash), "%s", k.hash);
		return 0;
	}
	catview_text(text, false, shown, sizeof(shown));
	if (k.n_modules + k.n_snapshots == 0)
		return err_set(e, ERR_USAGE, "the catalogue has no %s '%s'",
			       only_module ? "module" : "module or snapshot", shown);
	return err_set(e, ERR_USAGE, "'%s' fits %u modules and %u snapshots (%s%s); name one of them",
		       shown, k.n_modules, k.n_snapshots, k.ids,
		       k.n_modules + k.n_snapshots > 4 ? " ..." : "");
}

int catview_resolve(struct catalog *c, const char *text, struct catview_thing *ret, struct err *e)
{
	return resolve(c, text, false, ret, e);
}

int catview_resolve_module(struct catalog *c, const char *text, int64_t *ret, struct err *e)
{
	struct catview_thing t;

	if (resolve(c, text, true, &t, e) < 0)
		return -1;
	*ret = t.module;
	return 0;
}
