#include "image/efs2_patch.h"

#include "image/efs2_priv.h"

#include <inttypes.h>
#include <string.h>

static int refuse_unclean(const struct efs2 *fs, struct err *e)
{
	const struct efs2_report *r = &fs->report;

	if (r->form != EFS2_FORM_NAND && r->form != EFS2_FORM_CEFS && r->form != EFS2_FORM_BACKUP)
		return err_set(e, ERR_UNSUPPORTED, "this form of image is never changed");
	if (r->log_unknown_ops)
		return err_set(e, ERR_INTEGRITY,
			       "the journal holds %u unknown operations; not changed",
			       r->log_unknown_ops);
	if (!r->clean || fs->doubt || fs->db_holes)
		return err_set(e, ERR_INTEGRITY,
			       "the image is not clean (%u faults, first: %s); not changed",
			       r->faults, fs->n_note ? fs->note[0] : "none noted");
	/* A page that was not read may hold a copy that is live on the module. */
	if (r->unread)
		return err_set(e, ERR_INTEGRITY, "%u pages of the dump were not read; not changed",
			       r->unread);
	if (!r->layout_checked)
		return err_set(
			e, ERR_INTEGRITY,
			"the layout of this image is not confirmed by its own tables; not changed");
	return 0;
}

/* The item's bytes in its page. */
static int find_bytes(struct efs2 *fs, const char *path, const struct efs2_ent **ret,
		      size_t *ret_off, size_t *ret_n, struct err *e)
{
	const struct efs2_ent *t;
	struct efs2_stat st;
	size_t head;

	if (efs2_stat(fs, path, &st, e) < 0)
		return -1;
	if (st.entry >= fs->n_ent || !st.is_inline || (st.type != EFS2_ITEM && st.type != EFS2_REG))
		return err_set(
			e, ERR_UNSUPPORTED,
			"'%s' is not stored inside its directory entry; only such items can be "
			       "changed",
			path);
	if (st.verdict != EFS2_OK)
		return err_set(e, ERR_INTEGRITY, "'%s' is %s: %s", path,
			       efs2_verdict_name(st.verdict), st.why);
	t = &fs->ent[st.entry];
	head = t->tag == 'n' ? 3 : 9;
	*ret = t;
	*ret_off = t->off + head;
	*ret_n = t->vlen - head;
	return 0;
}

/* Forward and reverse table agree on the page, asked again from the page's side. */
static int confirm_page(const struct efs2 *fs, uint32_t page, struct err *e)
{
	uint32_t c;

	if (!fs->rev)
		return fs->report.form == EFS2_FORM_NAND
			       ? err_set(e, ERR_INTEGRITY, "no reverse table confirms page %u",
					 page)
			       : 0;
	c = fs->rev[page] & 0xffffff;
	if (fs->rev[page] >> 31 || c >= fs->clusters || fs->fwd[c] != page)
		return err_set(e, ERR_INTEGRITY, "page %u is not a live page by the reverse table",
			       page);
	return 0;
}

int efs2_inline_replace(struct efs2 *fs, const char *path, struct slice old, struct slice value,
			struct efs2_writer *to, struct efs2_patch *ret, struct err *e)
{
	const struct efs2_ent *t = NULL;
	struct efs2_patch patch = { 0 };
	uint32_t crc = 0;
	uint8_t b[4];
	size_t off = 0;
	const uint8_t *p;

	if (refuse_unclean(fs, e) < 0 || find_bytes(fs, path, &t, &off, &patch.n, e) < 0 ||
	    confirm_page(fs, t->page, e) < 0)
		return -1;
	if (old.n != patch.n || value.n != patch.n)
		return err_set(e, ERR_MISMATCH,
			       "'%s' holds %zu bytes, old value has %zu and new value %zu", path,
			       patch.n, old.n, value.n);
	if (efs2_page(fs, t->page, &p, e) < 0)
		return -1;
	if (!slice_eq(SLICE(p + off, patch.n), old))
		return err_set(e, ERR_MISMATCH, "'%s' does not hold the value that was expected",
			       path);
	patch.page = t->page;
	patch.block = t->page / fs->sb.block_size;
	patch.offset = fs->base + (uint64_t)t->page * fs->sb.page_size + off;
	patch.crc_renewed = fs->report.form == EFS2_FORM_BACKUP;
	if (patch.crc_renewed &&
	    efs2_backup_crc(fs, (uint32_t)(fs->report.expect_size / fs->sb.page_size) - 1, t->page,
			    (uint32_t)off, value, &crc, e) < 0)
		return -1;
	if (to->write_at(to, patch.offset, value.p, value.n, e) < 0)
		return -1;
	if (patch.crc_renewed) {
		put_le32(b, crc);
		if (to->write_at(to, fs->base + EFS2_BACKUP_CRC_OFF, b, sizeof(b), e) < 0)
			return err_prefix(e, "the copy is spoilt: new value written, checksum not");
	}
	*ret = patch;
	return 0;
}
