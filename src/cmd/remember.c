#include "cmd/remember.h"

#include "base/cleanup.h"
#include "cmd/store.h"
#include "db/mask.h"
#include "model/revision.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void via_text(unsigned via, char *out, size_t n)
{
	snprintf(out, n, "%s%s%s%s%s", via & MANIFEST_EDL ? "edl" : "",
		 via & MANIFEST_EDL && via & (MANIFEST_DIAG | MANIFEST_AT) ? "+" : "",
		 via & MANIFEST_DIAG ? "diag" : "",
		 via & MANIFEST_DIAG && via & MANIFEST_AT ? "+" : "",
		 via & MANIFEST_AT ? "at" : "");
}

/* The catalogue's rows of the manifest's items; texts stay the manifest's. */
static int items_of(const struct manifest *m, struct catalog_item **ret, struct err *e)
{
	struct catalog_item *v = calloc(m->n_items ? m->n_items : 1, sizeof(*v));
	size_t i, n;

	if (!v)
		return err_nomem(e);
	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];

		v[i].name = it->name;
		v[i].kind = item_kind_name(it->kind);
		v[i].size = it->size;
		v[i].complete = it->state == ITEM_COMPLETE;
		if (it->sha256[0] && hex_decode(it->sha256, v[i].sha256, sizeof(v[i].sha256), &n, e) < 0) {
			free(v);
			return -1;
		}
		if (it->kind == ITEM_RAW) {
			v[i].has_extent = true;
			v[i].lun = it->raw.at.lun;
			v[i].start = it->raw.at.start;
			v[i].count = it->raw.at.count;
		}
	}
	*ret = v;
	return 0;
}

static void count_items(const struct manifest *m, struct catalog_snapshot *s)
{
	size_t i;

	s->n_items = m->n_items;
	for (i = 0; i < m->n_items; i++) {
		s->n_nv += m->item[i].kind == ITEM_NV;
		s->n_efs += m->item[i].kind == ITEM_EFS;
	}
}

static int put(struct catalog *c, const struct manifest *m, const struct remember_file *f,
	       const char *path, struct remembered *ret, struct err *e)
{
	static const enum catalog_verdict verdicts[] = {
		[VERDICT_UNUSABLE] = CATALOG_UNUSABLE,
		[VERDICT_PARTIAL] = CATALOG_PARTIAL,
		[VERDICT_COMPLETE] = CATALOG_COMPLETE,
	};
	const struct manifest_module *mod = &m->module;
	struct err odd = ERR_INIT;
	struct revision rev;
	bool parsed = mod->revision && revision_parse(mod->revision, &rev, &odd) == 0;
	struct catalog_sight sight = {
		.chip = mod->chip.has_serial ? &mod->chip : NULL,
		.imei = { mod->n_imeis > 0 ? mod->imei[0].digits : NULL,
			  mod->n_imeis > 1 ? mod->imei[1].digits : NULL },
		.evidence = f->evidence,
		.model = mod->model ? mod->model : parsed ? rev.project : NULL,
		.variant = parsed && rev.project[0] ? rev.variant : NULL,
		.revision = mod->revision,
		.when = m->ended,
		.bound = true,
	};
	struct catalog_snapshot s = { .hash = f->id,
				      .path = path,
				      .size = f->size,
				      .created = m->ended,
				      .verdict = verdicts[m->verdict],
				      .model = sight.model,
				      .variant = sight.variant,
				      .revision = mod->revision,
				      .imei = sight.imei[0] };
	_cleanup_free_ struct catalog_item *items = NULL;
	struct catalog_seen seen;
	char via[16];

	via_text(m->via, via, sizeof(via));
	s.mode = via;
	count_items(m, &s);
	if (items_of(m, &items, e) < 0 || catalog_see(c, &sight, &seen, e) < 0)
		return -1;
	s.module = seen.id;
	*ret = (struct remembered){ .module = seen.id, .held = seen.held };
	snprintf(ret->text, sizeof(ret->text), "%s", seen.text);
	return catalog_add_snapshot(c, &s, items, m->n_items, &ret->is_new, e);
}

int remember_snapshot(struct catalog *c, const struct manifest *m, const struct remember_file *f,
		      struct remembered *ret, struct err *e)
{
	_cleanup_free_ char *path = realpath(f->path, NULL);
	struct remembered done;

	if (!path)
		return err_set_errno(e, errno, "cannot find '%s'", f->path);
	if (catalog_batch_begin(c, e) < 0)
		return -1;
	if (put(c, m, f, path, &done, e) < 0) {
		catalog_batch_undo(c);
		return err_prefix(e, "'%s'", f->path);
	}
	if (catalog_batch_commit(c, e) < 0)
		return -1;
	*ret = done;
	return 0;
}

static int remember_in(struct ctx *c, const struct manifest *m, const char *id, const char *path,
		       struct err *e)
{
	struct remember_file f = { .path = path,
				   .id = id,
				   .evidence = m->via & (MANIFEST_DIAG | MANIFEST_AT)
						       ? EVIDENCE_CHIP
						       : EVIDENCE_RAW };
	struct remembered done;
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set_errno(e, errno, "cannot look at '%s'", path);
	f.size = (uint64_t)st.st_size;
	if (store_open(c, true, e) < 0)
		return -1;
	if (remember_snapshot(c->catalog, m, &f, &done, e) < 0)
		return -1;
	if (done.held) {
		mask_digits(done.text, strlen(done.text));
		render_diag(c->render, "the catalogue holds a contradiction for you: %s", done.text);
		render_diag(c->render, "  look at it with 'salvor catalog held'");
	}
	return 0;
}

int catalog_remember(struct ctx *c, const struct manifest *m, const char *id, const char *path,
		     struct err *e)
{
	enum phase phase = c->phase;
	char next[sizeof(c->next)];
	int r;

	memcpy(next, c->next, sizeof(next));
	r = remember_in(c, m, id, path, e);
	store_close(c);
	c->phase = phase;
	memcpy(c->next, next, sizeof(next));
	return r;
}
