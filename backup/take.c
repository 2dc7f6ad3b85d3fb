#include "backup/take.h"

#include "image/nvset.h"
#include "image/xqcn.h"
#include "model/nv_imei.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG        "backup"
#define EFS_PREFIX "diag/efs"
#define QPST_NAME  "module.xqcn"
/* Item files have at most some ten thousand bytes. */
#define QPST_FILE_MAX ((size_t)16 << 20)

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
	/* The same in the form that QPST reads, collected on the way. */
	struct sink tee;
	struct sink *to;
	bool has_qpst, in_qpst;
	struct buf content; /* of the present file, where QPST has it */
	struct qtree qpst;
};

/* It is derived: what does not fit into it costs it, and not the backup. */
static int no_qpst(struct diag_run *r, struct err *e)
{
	if (e->kind == ERR_NOMEM)
		return -1;
	log_warn(r->t->log, TAG, "no QPST file: %s", e->msg);
	err_clear(e);
	r->has_qpst = false;
	return 0;
}

static int tee_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct diag_run *r = container_of(s, struct diag_run, tee);

	if (r->has_qpst && r->in_qpst && buf_add(&r->content, p, n, e) < 0 && no_qpst(r, e) < 0)
		return -1;
	return sink_put(r->to, p, n, e);
}

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
		result = snap_item_begin(r->t->snap, &it, &r->to, e);
		r->open = result == 0;
		r->in_qpst = nvset_sections_of(item->path) != 0;
		r->content.n = 0;
		*ret = &r->tee;
	}
	free(it.name);
	return result;
}

/* A file that broke off is no file: the gap says that it is missing, and no half one looks whole. */
static int on_end(struct pull_ops *ops, const struct pull_item *item, uint64_t n, const struct err *why,
		  struct err *e)
{
	struct diag_run *r = container_of(ops, struct diag_run, ops);

	(void)n;
	r->open = false;
	if (why) {
		snap_item_abort(r->t->snap);
		return 0;
	}
	if (r->has_qpst && r->in_qpst &&
	    nvset_file_place(&r->qpst, item->path, buf_slice(&r->content), NULL, e) < 0 && no_qpst(r, e) < 0)
		return -1;
	return snap_item_end(r->t->snap, NULL, NULL, e);
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
	if (r->has_qpst && ref->sim < NVSET_SUBS &&
	    nvset_nv_add(&r->qpst, (enum nvset_sub)ref->sim, ref->id, ref->index,
			 SLICE(v->data, MIN_OF(v->len, NVSET_DATA)), e) < 0 &&
	    no_qpst(r, e) < 0)
		return -1;
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

static int begin_qpst(struct diag_run *r, struct err *e)
{
	const char *revision = snap_manifest(r->t->snap)->module.revision;
	struct nvset_mpi mpi = { .esn = NVSET_NO_ESN, .tool = SLICE_STR("salvor") };

	if (revision)
		mpi.sw = SLICE(revision, strlen(revision));
	if (nvset_new(&r->qpst, 0, QPST_NAME, "00000000", e) < 0 || nvset_mpi_put(&r->qpst, &mpi, e) < 0)
		return no_qpst(r, e);
	r->has_qpst = true;
	return 0;
}

/* What QPST reads. Not from a part of the module: a person would restore it as the whole. */
static int add_qpst(struct diag_run *r, struct err *e)
{
	struct manifest_item it = { .name = (char *)"diag/" QPST_NAME, .kind = ITEM_XQCN };
	struct sink *to;

	if (!r->has_qpst)
		return 0;
	if (snap_item_begin(r->t->snap, &it, &to, e) < 0)
		return -1;
	if (xqcn_write(&r->qpst, NULL, to, e) < 0) {
		snap_item_abort(r->t->snap);
		return e->kind == ERR_UNSUPPORTED ? no_qpst(r, e) : -1;
	}
	return snap_item_end(r->t->snap, NULL, NULL, e);
}

static int pull_all(struct diag_run *r, const struct pull_diag *pull, struct pull_counts *ret, struct err *e)
{
	if (pull->efs && pull->nv && begin_qpst(r, e) < 0)
		return -1;
	if (pull_diag(pull, ret, e) < 0) {
		if (r->open)
			snap_item_abort(r->t->snap);
		return -1;
	}
	return add_qpst(r, e);
}

int take_diag(struct take *t, struct efs *efs, struct nv *nv, struct pull_counts *ret, struct err *e)
{
	struct diag_run r = { .ops = { on_item, on_end, on_nv, on_gap },
			      .t = t,
			      .tee = { tee_put },
			      .content = BUF_INIT(QPST_FILE_MAX) };
	struct pull_diag pull = { .efs = efs, .nv = nv, .progress = t->progress, .ops = &r.ops };
	struct manifest *m = snap_manifest(t->snap);
	bool has_nv = false;
	int result;

	*ret = (struct pull_counts){ 0 };
	if (nv && ask_identity(t, nv, &has_nv, e) < 0)
		return -1;
	if (!has_nv)
		pull.nv = NULL;
	if (!pull.efs && !pull.nv)
		return err_set(e, ERR_UNSUPPORTED,
			       "the module gives neither NV items nor its file system over DIAG");
	result = pull_all(&r, &pull, ret, e);
	qtree_fini(&r.qpst);
	buf_fini(&r.content);
	if (result < 0)
		return -1;
	if (r.any)
		m->via |= MANIFEST_DIAG;
	m->has_listed_efs = efs != NULL;
	m->listed_efs = (uint32_t)MIN_OF(ret->listed, (uint64_t)UINT32_MAX);
	m->has_listed_nv = pull.nv && !ret->nv_scanned;
	m->listed_nv = (uint32_t)MIN_OF(ret->listed_nv, (uint64_t)UINT32_MAX);
	return snap_save(t->snap, e);
}
