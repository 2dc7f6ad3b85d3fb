#include "cmd/snapcheck.h"

#include "backup/against.h"
#include "backup/take.h"
#include "base/bytes.h"
#include "cmd/ports.h"
#include "cmd/session.h"
#include "image/efs2.h"
#include "image/xqcn.h"
#include "model/partition_kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ---- raw EFS2 ---- */

static bool wants_efs2(void *arg, const struct manifest_item *it)
{
	const char *name = it->raw.partition ? partition_plain_name(it->raw.partition) : "";

	(void)arg;
	return it->kind == ITEM_RAW && it->size &&
	       ((partition_kind(name) & PART_EFS) || strcasecmp(name, "sys_rev") == 0 ||
		strcasecmp(name, "cache_efs2") == 0);
}

struct fd_reader {
	struct efs2_reader reader;
	int fd;
};

static int fd_read_at(struct efs2_reader *r, uint64_t off, void *p, size_t n, struct err *e)
{
	struct fd_reader *f = container_of(r, struct fd_reader, reader);
	uint8_t *at = p;

	while (n) {
		ssize_t got = pread(f->fd, at, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set_errno(e, got ? errno : EIO, "reading the item back");
		at += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* What is no EFS2 at all is a remark: not every partition of such a name holds one, and a wiped or
 * encrypted one is as it is. */
static int check_efs2(void *arg, const struct manifest_item *it, int fd, struct err *e)
{
	struct fd_reader in = { .reader = { fd_read_at, it->size }, .fd = fd };
	struct efs2_census census;
	struct efs2_ident ident;
	struct efs2 *fs;
	uint64_t all, bad;
	int r;

	(void)arg;
	if (efs2_recognise(&in.reader, EFS2_FILLER_DEFAULT, &ident, e) < 0)
		return -1;
	if (ident.form != EFS2_FORM_NAND && ident.form != EFS2_FORM_CEFS &&
	    ident.form != EFS2_FORM_BACKUP)
		return err_set(e, ERR_UNSUPPORTED, "not looked into: %s",
			       ident.what[0] ? ident.what : efs2_form_name(ident.form));
	if (efs2_open(&in.reader, NULL, &fs, e) < 0)
		return -1;
	r = efs2_census(fs, &census, e);
	efs2_close(fs);
	if (r < 0)
		return -1;
	all = census.files + census.items + census.links;
	bad = census.verdict[EFS2_PARTIAL] + census.verdict[EFS2_UNREADABLE];
	if (all && bad == all)
		return err_set(e, ERR_INTEGRITY, "an EFS2 in which no file can be read (%" PRIu64 " of them)",
			       all);
	if (bad)
		return err_set(e, ERR_UNSUPPORTED, "%" PRIu64 " of %" PRIu64 " files in it cannot be read whole",
			       bad, all);
	return 0;
}

/* ---- QPST ---- */

static bool wants_xqcn(void *arg, const struct manifest_item *it)
{
	(void)arg;
	return it->kind == ITEM_XQCN;
}

static int check_xqcn(void *arg, const struct manifest_item *it, int fd, struct err *e)
{
	struct range_source from;
	struct qtree tree;

	(void)arg;
	range_source_init(&from, fd, 0, it->size);
	if (xqcn_read(&from.source, NULL, &tree, NULL, e) < 0)
		return -1;
	qtree_fini(&tree);
	return 0;
}

const struct verify_check *snapcheck_all(size_t *ret_n)
{
	static const struct verify_check all[] = {
		{ wants_efs2, check_efs2, NULL },
		{ wants_xqcn, check_xqcn, NULL },
	};

	*ret_n = ARRAY_SIZE(all);
	return all;
}

/* ---- against a module ---- */

struct table_out {
	struct against_ops ops;
	struct render *render;
	const struct render_col *cols;
	size_t n_cols;
	bool is_begun;
};

static void table_begin(struct table_out *out)
{
	render_table(out->render, "differences", out->cols, out->n_cols);
	out->is_begun = true;
}

static int on_item(struct against_ops *ops, const struct manifest_item *it, enum against_how how,
		   const char *why, struct err *e)
{
	struct render *r = container_of(ops, struct table_out, ops)->render;

	(void)e;
	/* What is equal is counted; people want to see the rest. */
	if (how == AGAINST_EQUAL)
		return 0;
	render_cell_str(r, it->name);
	render_cell_str(r, against_how_name(how));
	render_cell_str(r, why);
	return 0;
}

static int identity(struct ctx *ctx, const struct manifest *m, const struct manifest_module *found,
		    struct err *e)
{
	enum manifest_same same = manifest_same_module(&m->module, found);

	render_str(ctx->render, "same_module", "same module",
		   same == MODULE_SAME ? "yes" : same == MODULE_OTHER ? "no" : "not told");
	if (same == MODULE_OTHER)
		return err_set(e, ERR_MISMATCH, "the module on the cable is another one than the snapshot's");
	/* Not told: a running programmer hides the chip's serial. The contents will show it. */
	return 0;
}

static int against_normal(struct ctx *ctx, const struct device *dev, const struct manifest *m,
			  struct table_out *out, struct against_counts *ret, struct err *e)
{
	struct manifest_module found;
	struct at_info info;
	struct normal n;
	int r;

	ports_init(ctx, dev, &n);
	r = normal_at(&n, e);
	if (r == 0)
		r = at_info(n.at, &info, e);
	if (r == 0) {
		take_at_module(&info, &found);
		r = identity(ctx, m, &found, e);
	}
	if (r == 0)
		r = normal_nv(&n, e);
	if (r == 0) {
		table_begin(out);
		r = against_diag(m, n.efs, n.nv, ctx->progress, &out->ops, ret, e);
	}
	return ports_close(ctx, &n, r, e);
}

static int against_storage(struct ctx *ctx, const struct parsed *p, const struct manifest *m,
			   struct table_out *out, struct against_counts *ret, struct err *e)
{
	struct manifest_module found = { 0 };
	struct session s;
	int r;

	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	found.chip = s.module.chip;
	r = identity(ctx, m, &found, e);
	if (r == 0) {
		table_begin(out);
		r = against_edl(m, &s.module, ctx->progress, &out->ops, ret, e);
	}
	if (r < 0) {
		session_abort(&s);
		return -1;
	}
	return session_close(&s, e);
}

int snapcheck_against(struct ctx *ctx, const struct parsed *p, const struct manifest *m, struct err *e)
{
	static const struct render_col cols[] = {
		{ "item", "ITEM", false },
		{ "module", "ON THE MODULE", false },
		{ "why", "WHY", false },
	};
	struct table_out out = { .ops = { on_item }, .render = ctx->render };
	struct against_counts counts = { 0 };
	struct device dev;
	int r;

	ctx->phase = PHASE_START;
	if (session_find(ctx, 0, &dev, e) < 0)
		return -1;
	out.cols = cols;
	out.n_cols = ARRAY_SIZE(cols);
	r = dev.state == DEVICE_NORMAL && !session_loader(p)
		    ? against_normal(ctx, &dev, m, &out, &counts, e)
		    : against_storage(ctx, p, m, &out, &counts, e);
	if (out.is_begun)
		render_table_end(ctx->render, NULL);
	if (r < 0) {
		if (e->kind == ERR_MISMATCH)
			ctx->phase = PHASE_VERIFY;
		return -1;
	}
	render_u64(ctx->render, "module_equal", "equal on the module", counts.n[AGAINST_EQUAL]);
	render_u64(ctx->render, "module_differs", "different on the module", counts.n[AGAINST_DIFFERS]);
	render_u64(ctx->render, "module_lacks", "not on the module", counts.n[AGAINST_MISSING]);
	ctx->phase = PHASE_VERIFY;
	if (counts.n[AGAINST_DIFFERS] || counts.n[AGAINST_MISSING])
		return err_set(e, ERR_INTEGRITY, "%zu items are not on the module as they are in the snapshot",
			       counts.n[AGAINST_DIFFERS] + counts.n[AGAINST_MISSING]);
	if (counts.n[AGAINST_EQUAL] == 0)
		return err_set(e, ERR_MISMATCH, "the snapshot holds nothing that this module gives in this mode");
	return 0;
}
