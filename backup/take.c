#include "backup/take.h"

#include "model/nv_imei.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG        "backup"
#define EFS_PREFIX "diag/efs"

/* ---- which module ---- */

static int fill_text(char **place, const char *text, struct err *e)
{
	return *place || !text || !text[0] ? 0 : manifest_set(place, text, e);
}

/* The boot ROM tells more than a programmer that already runs: what is known stays. */
static void fill_chip(struct chip_id *to, const struct chip_id *from)
{
	struct chip_id had = *to;

	if (from->has_hwid || !had.has_hwid)
		*to = *from;
	if (!to->has_serial && had.has_serial) {
		to->has_serial = true;
		to->serial = had.serial;
	}
}

int take_module(struct take *t, const struct manifest_module *found, struct err *e)
{
	struct manifest *m = snap_manifest(t->snap);
	enum manifest_same same = manifest_same_module(&m->module, found);

	if (same == MODULE_OTHER)
		return err_set(e, ERR_MISMATCH,
			       "the module on the cable is not the one that the backup '%s' was begun with",
			       m->name);
	if (same == MODULE_UNKNOWN && !t->is_bound && m->n_items)
		return err_set(e, ERR_MISMATCH,
			       "nothing shows that this is the module that the backup '%s' was begun with: resume "
			       "it in the mode in which it was begun, in EDL without a running programmer",
			       m->name);
	t->is_bound = true;
	if (fill_text(&m->module.maker, found->maker, e) < 0 ||
	    fill_text(&m->module.model, found->model, e) < 0 ||
	    fill_text(&m->module.revision, found->revision, e) < 0 ||
	    fill_text(&m->module.serial, found->serial, e) < 0)
		return -1;
	if (m->module.n_imeis == 0) {
		memcpy(m->module.imei, found->imei, sizeof(found->imei));
		m->module.n_imeis = found->n_imeis;
	}
	fill_chip(&m->module.chip, &found->chip);
	return snap_save(t->snap, e);
}

static void add_imei(struct manifest_module *m, const char *digits)
{
	struct err no = ERR_INIT;

	if (m->n_imeis == 0 && imei_parse(digits, &m->imei[0], &no) == 0)
		m->n_imeis = 1;
}

static char *or_null(char *text)
{
	return text[0] ? text : NULL;
}

void take_at_module(struct at_info *info, struct manifest_module *ret)
{
	*ret = (struct manifest_module){ .maker = or_null(info->maker),
					 .model = or_null(info->model),
					 .revision = or_null(info->revision),
					 .serial = or_null(info->serial) };
	/* CGSN answers out of a cache on some modules. */
	add_imei(ret, info->imei_egmr);
	add_imei(ret, info->imei);
}

/* ---- AT ---- */

static void wr_line(struct writer *w, const char *label, const char *text)
{
	if (text && text[0])
		wr_fmt(w, "%s: %s\n", label, text);
}

static void wr_masked(struct writer *w, const char *label, const char *digits)
{
	char masked[32];

	imei_mask(digits, masked);
	if (digits[0])
		wr_line(w, label, masked);
}

static void wr_number(struct writer *w, const char *label, int32_t n)
{
	if (n >= 0)
		wr_fmt(w, "%s: %" PRId32 "\n", label, n);
}

int take_at(struct take *t, const struct at_info *info, struct err *e)
{
	char room[2048];
	struct writer w = writer_of(room, sizeof(room));
	struct manifest_item it = { .name = (char *)"at/info.txt", .kind = ITEM_AT_TEXT };

	wr_line(&w, "manufacturer", info->maker);
	wr_line(&w, "model", info->model);
	wr_line(&w, "revision", info->revision);
	wr_line(&w, "sub edition", info->sub_edition);
	wr_masked(&w, "IMEI (EGMR)", info->imei_egmr);
	wr_masked(&w, "IMEI (CGSN)", info->imei);
	wr_masked(&w, "serial number", info->serial);
	wr_masked(&w, "ICCID", info->iccid);
	wr_line(&w, "SIM", info->sim);
	if (info->cfun >= 0)
		wr_fmt(&w, "function: %" PRId32 ", %s\n", info->cfun, at_cfun_text(info->cfun));
	wr_number(&w, "CREG", info->creg);
	wr_number(&w, "CEREG", info->cereg);
	wr_number(&w, "C5GREG", info->c5greg);
	wr_line(&w, "usbcfg", info->usb);
	wr_number(&w, "own backups", info->backups);
	wr_number(&w, "own restores", info->restores);
	if (snap_add_bytes(t->snap, &it, writer_slice(&w), e) < 0)
		return -1;
	snap_manifest(t->snap)->via |= MANIFEST_AT;
	return 0;
}

/* ---- DIAG ---- */

struct diag_run {
	struct pull_ops ops;
	struct take *t;
	bool open; /* an item was begun */
	bool any;  /* something came */
};

static int add_gap(struct diag_run *r, enum gap_how how, bool is_folder, const char *what,
		   const struct err *why, struct err *e)
{
	return manifest_add_gap(snap_manifest(r->t->snap), how, is_folder, what, why ? why->msg : "", e);
}

static int on_item(struct pull_ops *ops, const struct pull_item *item, struct sink **ret, struct err *e)
{
	struct diag_run *r = container_of(ops, struct diag_run, ops);
	struct manifest_item it = { .kind = ITEM_EFS };
	struct err why = ERR_INIT;
	int result = 0;

	r->any = true;
	if (item->type == EFS_TYPE_OTHER || item->type == EFS_TYPE_UNKNOWN) {
		err_set(&why, ERR_UNSUPPORTED, "neither file, item, folder nor link (mode %o)",
			item->attr.mode);
		return add_gap(r, GAP_SKIPPED, false, item->path, &why, e);
	}
	if (manifest_name_of_path(EFS_PREFIX, item->path, &it.name, &why) < 0) {
		if (why.kind == ERR_NOMEM)
			return err_nomem(e);
		return add_gap(r, GAP_FAILED, item->type == EFS_TYPE_DIR, item->path, &why, e);
	}
	it.efs.mode = item->attr.mode;
	it.efs.mtime = item->attr.mtime;
	it.efs.target = (char *)item->target;
	if (item->type == EFS_TYPE_DIR || item->type == EFS_TYPE_LINK) {
		result = snap_add_empty(r->t->snap, &it, e);
	} else {
		result = snap_item_begin(r->t->snap, &it, ret, e);
		r->open = result == 0;
	}
	free(it.name);
	return result;
}

/* A file that broke off is no file: the gap says that it is missing, and no half one looks whole. */
static int on_end(struct pull_ops *ops, const struct pull_item *item, uint64_t n, const struct err *why,
		  struct err *e)
{
	struct diag_run *r = container_of(ops, struct diag_run, ops);

	(void)item;
	(void)n;
	r->open = false;
	if (!why)
		return snap_item_end(r->t->snap, NULL, NULL, e);
	snap_item_abort(r->t->snap);
	return 0;
}

static int on_nv(struct pull_ops *ops, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	struct diag_run *r = container_of(ops, struct diag_run, ops);
	char name[64], index[8] = "", sim[8] = "";
	struct manifest_item it = { .name = name,
				    .kind = ITEM_NV,
				    .nv = { ref->id, ref->index, ref->sim } };

	if (ref->index)
		snprintf(index, sizeof(index), "_%u", ref->index);
	if (ref->sim)
		snprintf(sim, sizeof(sim), "sim%u/", ref->sim + 1u);
	snprintf(name, sizeof(name), "diag/nv/%s%05u%s.bin", sim, ref->id, index);
	r->any = true;
	return snap_add_bytes(r->t->snap, &it, SLICE(v->data, v->len), e);
}

static int on_gap(struct pull_ops *ops, const char *what, enum pull_gap how, bool is_folder,
		  const struct err *why, struct err *e)
{
	static const enum gap_how as[] = { [PULL_GAP_REFUSED] = GAP_REFUSED,
					   [PULL_GAP_FAILED] = GAP_FAILED,
					   [PULL_GAP_SKIPPED] = GAP_SKIPPED,
					   [PULL_GAP_ABSENT] = GAP_ABSENT };

	return add_gap(container_of(ops, struct diag_run, ops), as[how], is_folder, what, why, e);
}

/* Which module is this, before anything of it is kept? A module whose firmware does not know the request
 * knows no other NV item either: *ret_nv false. */
static int ask_identity(struct take *t, struct nv *nv, bool *ret_nv, struct err *e)
{
	struct nv_ref ref = { .id = NV_ITEM_IMEI };
	struct manifest_module found = { 0 };
	struct nv_value v;
	char digits[16];

	if (nv_read(nv, &ref, &v, e) < 0)
		return -1;
	*ret_nv = v.state == NV_VALUE || v.code != DIAG_ERR_BAD_CMD;
	if (t->is_bound && snap_manifest(t->snap)->module.n_imeis)
		return 0;
	if (v.state == NV_VALUE &&
	    nv_imei_decode(SLICE(v.data, v.len), digits) == NV_IMEI_DIGITS)
		add_imei(&found, digits);
	return take_module(t, &found, e);
}

int take_diag(struct take *t, struct efs *efs, struct nv *nv, struct pull_counts *ret, struct err *e)
{
	struct diag_run r = { .ops = { on_item, on_end, on_nv, on_gap }, .t = t };
	struct pull_diag pull = { .efs = efs, .nv = nv, .progress = t->progress, .ops = &r.ops };
	struct manifest *m = snap_manifest(t->snap);
	bool has_nv = false;

	*ret = (struct pull_counts){ 0 };
	if (nv && ask_identity(t, nv, &has_nv, e) < 0)
		return -1;
	if (!has_nv)
		pull.nv = NULL;
	if (!pull.efs && !pull.nv)
		return err_set(e, ERR_UNSUPPORTED,
			       "the module gives neither NV items nor its file system over DIAG");
	if (pull_diag(&pull, ret, e) < 0) {
		if (r.open)
			snap_item_abort(t->snap);
		return -1;
	}
	if (r.any)
		m->via |= MANIFEST_DIAG;
	m->has_listed_efs = efs != NULL;
	m->listed_efs = (uint32_t)MIN_OF(ret->listed, (uint64_t)UINT32_MAX);
	m->has_listed_nv = pull.nv && !ret->nv_scanned;
	m->listed_nv = (uint32_t)MIN_OF(ret->listed_nv, (uint64_t)UINT32_MAX);
	return snap_save(t->snap, e);
}
