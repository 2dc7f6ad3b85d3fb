#include "backup/against.h"

#include "backup/pull_file.h"
#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MODE_TYPE   0170000u
#define MODE_FOLDER 0040000u
#define MODE_LINK   0120000u

const char *against_how_name(enum against_how how)
{
	static const char *const names[] = { "equal", "differs", "missing" };

	return names[how];
}

struct run {
	struct against_ops *ops;
	struct against_counts *counts;
	struct progress *progress;
};

static int tell(struct run *r, const struct manifest_item *it, enum against_how how, const char *why,
		struct err *e)
{
	r->counts->n[how]++;
	return r->ops->item(r->ops, it, how, why, e);
}

static int one_nv(struct run *r, struct nv *nv, const struct manifest_item *it, struct err *e)
{
	struct nv_ref ref = { it->nv.id, it->nv.index, it->nv.sim };
	struct digest d;
	struct nv_value v;
	char hex[DIGEST_HEX_MAX];

	if (nv_read(nv, &ref, &v, e) < 0)
		return -1;
	if (v.state != NV_VALUE)
		return tell(r, it, AGAINST_MISSING, nv_state_name(v.state), e);
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, v.data, v.len);
	digest_final_hex(&d, hex);
	return tell(r, it, strcmp(hex, it->sha256) ? AGAINST_DIFFERS : AGAINST_EQUAL, NULL, e);
}

static int not_given(struct run *r, const struct manifest_item *it, struct err *e)
{
	struct err why = *e;

	if (e->kind != ERR_REFUSED)
		return -1;
	err_clear(e);
	return tell(r, it, AGAINST_MISSING, why.msg, e);
}

static int one_link(struct run *r, struct efs *efs, const struct manifest_item *it, const char *path,
		    struct err *e)
{
	_cleanup_free_ char *target = NULL;

	if (efs_readlink(efs, path, &target, e) < 0)
		return not_given(r, it, e);
	return tell(r, it, it->efs.target && strcmp(target, it->efs.target) == 0 ? AGAINST_EQUAL
										 : AGAINST_DIFFERS,
		    NULL, e);
}

static int one_file(struct run *r, struct efs *efs, const struct manifest_item *it, struct err *e)
{
	uint32_t type = it->efs.mode & MODE_TYPE;
	_cleanup_free_ char *path = NULL;
	struct digest_sink hashed;
	struct efs_attr attr;
	char hex[DIGEST_HEX_MAX];
	uint64_t n;

	if (manifest_path_of_name("diag/efs", it->name, &path, e) < 0)
		return -1;
	if (type == MODE_LINK)
		return one_link(r, efs, it, path, e);
	if (type == MODE_FOLDER)
		return efs_stat(efs, path, &attr, e) < 0 ? not_given(r, it, e)
							 : tell(r, it, AGAINST_EQUAL, NULL, e);
	digest_sink_init(&hashed, DIGEST_SHA256, NULL);
	if (efs_read(efs, path, NULL, &hashed.sink, &n, e) < 0)
		return not_given(r, it, e);
	digest_final_hex(&hashed.digest, hex);
	return tell(r, it, strcmp(hex, it->sha256) ? AGAINST_DIFFERS : AGAINST_EQUAL, NULL, e);
}

int against_diag(const struct manifest *m, struct efs *efs, struct nv *nv, struct progress *progress,
		 struct against_ops *ops, struct against_counts *ret, struct err *e)
{
	struct run r = { ops, ret, progress };
	uint64_t done = 0;
	int result = 0;
	size_t i;

	progress_begin(progress, "comparing over DIAG", 0);
	for (i = 0; i < m->n_items && result == 0; i++) {
		const struct manifest_item *it = &m->item[i];

		if (progress_cancelled(progress))
			result = err_set(e, ERR_CANCELLED, "stopped while reading; nothing was changed");
		else if (it->kind == ITEM_NV && nv)
			result = one_nv(&r, nv, it, e);
		else if (it->kind == ITEM_EFS && efs)
			result = one_file(&r, efs, it, e);
		done += it->size;
		progress_step(progress, done);
	}
	progress_end(progress, result == 0);
	return result;
}

int against_edl(const struct manifest *m, const struct module *module, struct progress *progress,
		struct against_ops *ops, struct against_counts *ret, struct err *e)
{
	struct run r = { ops, ret, progress };
	struct pull pull = { .fh = module->firehose, .geometry = &module->geometry, .progress = progress };
	char hex[DIGEST_HEX_MAX];
	size_t i;

	if (m->has_geometry && m->geometry.sector_size != module->geometry.sector_size)
		return err_set(e, ERR_MISMATCH,
			       "the snapshot is of storage with sectors of %" PRIu32 " bytes, the module has %" PRIu32,
			       m->geometry.sector_size, module->geometry.sector_size);
	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];
		int result;

		if (it->kind != ITEM_RAW)
			continue;
		progress_begin(progress, it->name, it->size);
		result = pull_digest(&pull, &it->raw.at, hex, e);
		progress_end(progress, result == 0);
		if (result < 0)
			result = not_given(&r, it, e);
		else
			result = tell(&r, it, strcmp(hex, it->sha256) ? AGAINST_DIFFERS : AGAINST_EQUAL, NULL, e);
		if (result < 0)
			return -1;
	}
	return 0;
}
