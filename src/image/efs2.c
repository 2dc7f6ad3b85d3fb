/*
 * Opening an image. The pass over the bytes is in efs2_form.c, then one of
 *
 *   NAND   efs2_super.c (which checkpoint) -> efs2_log.c (journal) -> efs2_map.c (tables)
 *   CEFS   efs2_cefs.c (bitmap)
 *
 * fills fs->fwd, and from there on the forms are the same: efs2_db.c (directory database),
 * efs2_file.c (inodes, content, verdicts), efs2_tree.c (paths, walks).
 */
#include "image/efs2.h"

#include "image/efs2_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INFO_MAGIC 0xA7B93EA0u

static void note_add(struct efs2 *fs, const char *fmt, va_list ap) _printf_(2, 0);

static void note_add(struct efs2 *fs, const char *fmt, va_list ap)
{
	char text[256];

	if (fs->n_note == EFS2_MAX_NOTES)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	fs->note[fs->n_note] = strdup(text);
	if (fs->note[fs->n_note])
		fs->n_note++;
}

void efs2_remark(struct efs2 *fs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_add(fs, fmt, ap);
	va_end(ap);
}

void efs2_fault(struct efs2 *fs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_add(fs, fmt, ap);
	va_end(ap);
	fs->report.faults++;
}

void efs2_doubt(struct efs2 *fs, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!fs->doubt)
		vsnprintf(fs->doubt_why, sizeof(fs->doubt_why), fmt, ap);
	va_end(ap);
	va_start(ap, fmt);
	note_add(fs, fmt, ap);
	va_end(ap);
	fs->doubt = true;
	fs->report.faults++;
}

int efs2_page(struct efs2 *fs, uint32_t page, const uint8_t **ret, struct err *e)
{
	uint32_t slot = page % EFS2_CACHE;

	if (page >= fs->pages || fs->pstate[page] == EFS2_PS_UNREAD)
		return err_set(e, ERR_INTEGRITY, "page %u is not in the dump", page);
	if (!fs->cache[slot].bytes) {
		fs->cache[slot].bytes = malloc(EFS2_PAGE_MAX);
		if (!fs->cache[slot].bytes)
			return err_nomem(e);
	} else if (fs->cache[slot].page == page) {
		*ret = fs->cache[slot].bytes;
		return 0;
	}
	fs->cache[slot].page = EFS2_NONE;
	if (fs->in->read_at(fs->in, fs->base + (uint64_t)page * fs->sb.page_size,
			    fs->cache[slot].bytes, fs->sb.page_size, e) < 0)
		return -1;
	fs->cache[slot].page = page;
	*ret = fs->cache[slot].bytes;
	return 0;
}

static enum efs2_pstate page_state(const struct efs2 *fs, uint32_t page)
{
	uint32_t per = fs->sb.page_size / EFS2_UNIT, i, n[5] = { 0 };
	uint64_t first = fs->base / EFS2_UNIT + (uint64_t)page * per;

	if (first + per > fs->n_units)
		return EFS2_PS_UNREAD;
	for (i = 0; i < per; i++)
		n[fs->units[first + i]]++;
	if (n[EFS2_PS_UNREAD])
		return EFS2_PS_UNREAD;
	if (n[EFS2_PS_DATA])
		return n[EFS2_PS_FILLER] ? EFS2_PS_MIXED : EFS2_PS_DATA;
	return n[EFS2_PS_FILLER] ? EFS2_PS_FILLER : EFS2_PS_ERASED;
}

/* A programmer's filler stands for an erased page when nothing is written behind it in its block,
 * for a page that could not be read otherwise. */
static void judge_pages(struct efs2 *fs)
{
	uint32_t per_block = fs->sb.block_size, block, p;

	for (block = 0; block < fs->pages; block += per_block) {
		uint32_t end = MIN_OF(block + per_block, fs->pages);
		bool tail = true;

		for (p = end; p-- > block;) {
			enum efs2_pstate s = page_state(fs, p);

			if (s == EFS2_PS_FILLER)
				s = tail ? EFS2_PS_ERASED : EFS2_PS_UNREAD;
			else if (s != EFS2_PS_ERASED)
				tail = false;
			fs->pstate[p] = (uint8_t)s;
			fs->report.unread += s == EFS2_PS_UNREAD;
		}
	}
}

int efs2_set_geometry(struct efs2 *fs, uint32_t clusters, struct err *e)
{
	bool modern = (fs->sb.version & 0xff) >= 0x24;
	uint32_t i;

	fs->clusters = clusters;
	fs->node_hdr = modern ? 18 : 12;
	fs->inode_len = modern ? 128 : 60;
	fs->inode_bits = 0;
	while (fs->inode_len << (fs->inode_bits + 1) <= fs->sb.page_size)
		fs->inode_bits++;
	fs->shift = 0;
	while (4u << (fs->shift + 1) <= fs->sb.page_size)
		fs->shift++;
	fs->pstate = malloc(fs->pages);
	fs->fwd = malloc(sizeof(*fs->fwd) * clusters);
	fs->shared = calloc(fs->pages / 8 + 1, 1);
	fs->claimed = calloc(clusters / 8 + 1, 1);
	fs->twice = calloc(clusters / 8 + 1, 1);
	fs->seen = calloc(clusters / 8 + 1, 1);
	fs->rebuilt = calloc(clusters / 8 + 1, 1);
	if (!fs->pstate || !fs->fwd || !fs->shared || !fs->claimed || !fs->twice || !fs->seen ||
	    !fs->rebuilt)
		return err_nomem(e);
	for (i = 0; i < clusters; i++)
		fs->fwd[i] = EFS2_NONE;
	judge_pages(fs);
	free(fs->units);
	fs->units = NULL;
	fs->report.version = fs->sb.version;
	fs->report.page_size = fs->sb.page_size;
	fs->report.pages_per_block = fs->sb.block_size;
	fs->report.blocks = fs->sb.block_count;
	fs->report.pages = fs->pages;
	return 0;
}

static int load_info(struct efs2 *fs, struct err *e)
{
	const uint8_t *p;
	uint32_t page = 0;
	enum efs2_trust t = efs2_cluster(fs, fs->upper[3], &page);

	if (fs->upper[3] < fs->clusters)
		efs2_bit_put(fs->claimed, fs->upper[3]);
	if (!efs2_has_bytes(t)) {
		efs2_fault(fs, "information block (cluster %u): %s", fs->upper[3],
			   efs2_trust_text(t));
		return 0;
	}
	if (efs2_page(fs, page, &p, e) < 0)
		return e->kind == ERR_INTEGRITY ? 0 : -1;
	if (get_le32(p) != INFO_MAGIC) {
		efs2_fault(fs,
			   "information block (page %u) starts with %08" PRIx32
			   " instead of its magic: the root directory is searched for",
			   page, get_le32(p));
		return 0;
	}
	if (t != EFS2_T_OK)
		efs2_fault(fs, "information block (page %u): %s", page, efs2_trust_text(t));
	fs->root = get_le32(p + 20);
	fs->root_known = true;
	return 0;
}

static void count_pages(struct efs2 *fs)
{
	struct efs2_report *r = &fs->report;
	uint32_t i, per = fs->sb.block_size, log_first, log_end, differ = 0;

	for (i = 0; i < fs->clusters; i++)
		r->unclaimed += fs->fwd[i] < fs->pages && !efs2_bit(fs->claimed, i);
	if (!fs->rev)
		return;
	log_first = fs->sb.region[2] * per;
	log_end = fs->sb.region[3] * per;
	for (i = 0; i < fs->pages; i++) {
		uint32_t v = fs->rev[i];

		if (v == EFS2_GARBAGE)
			r->garbage++;
		else if (v == EFS2_FREE || v == EFS2_NONE)
			r->free_pages++;
		else if (!(v >> 31) && (v & 0xffffff) < fs->clusters && fs->fwd[v & 0xffffff] == i)
			r->live++;
		else if (!(v >> 31) && (i < fs->sb.region[0] * per || i >= fs->sb.region[1] * per))
			differ++;
		if ((v == EFS2_FREE || v == EFS2_NONE) && fs->pstate[i] == EFS2_PS_DATA &&
		    (i < log_first || i >= log_end))
			r->unaccounted++;
	}
	if (differ)
		efs2_fault(fs, "%u pages are in the reverse table but not in the forward table",
			   differ);
	if (r->unaccounted)
		efs2_remark(
			fs,
			"%u written pages are free by the tables: the module was stopped before it "
			"recorded them, so the image shows the state before that",
			r->unaccounted);
}

int efs2_mount(struct efs2 *fs, struct err *e)
{
	if (load_info(fs, e) < 0 || efs2_db_load(fs, e) < 0 || efs2_claims(fs, e) < 0)
		return -1;
	count_pages(fs);
	fs->report.clean = fs->report.faults == 0 && !fs->doubt;
	fs->report.layout_checked = fs->report.has_reverse && !fs->doubt;
	if (fs->report.form != EFS2_FORM_NAND)
		fs->report.layout_checked = !fs->doubt;
	if (fs->n_ent == 0)
		return err_set(
			e, ERR_INTEGRITY,
			"no directory of this EFS2 image can be read%s%s: nothing is left to list",
			fs->n_note ? "; first fault: " : "", fs->n_note ? fs->note[0] : "");
	return 0;
}

static int refuse_form(const struct efs2_ident *id, struct err *e)
{
	switch (id->form) {
	case EFS2_FORM_NONE:
	case EFS2_FORM_BLANK:
		return err_set(e, ERR_PROTO, "no EFS2 in this image: %s", id->what);
	default:
		return err_set(e, ERR_UNSUPPORTED, "this image cannot be read: %s", id->what);
	}
}

int efs2_open(struct efs2_reader *in, const struct efs2_opts *opts, struct efs2 **ret,
	      struct err *e)
{
	struct efs2 *fs = calloc(1, sizeof(*fs));
	struct efs2_ident id;
	int r;

	if (!fs)
		return err_nomem(e);
	fs->in = in;
	fs->filler = opts && opts->filler ? opts->filler : EFS2_FILLER_DEFAULT;
	r = efs2_scan(fs, &id, e);
	if (r == 0) {
		fs->base = id.base;
		fs->report.form = id.form;
		fs->report.base = id.base;
		fs->report.size = in->size;
		if (id.form == EFS2_FORM_NAND)
			r = efs2_super_choose(fs, e) < 0 || efs2_map_load(fs, e) < 0 ? -1 : 0;
		else if (id.form == EFS2_FORM_CEFS || id.form == EFS2_FORM_BACKUP)
			r = efs2_cefs_load(fs, &id, e);
		else
			r = refuse_form(&id, e);
	}
	if (r == 0)
		r = efs2_mount(fs, e);
	if (r < 0) {
		efs2_close(fs);
		return -1;
	}
	*ret = fs;
	return 0;
}

void efs2_close(struct efs2 *fs)
{
	size_t i;

	if (!fs)
		return;
	for (i = 0; i < fs->n_note; i++)
		free(fs->note[i]);
	for (i = 0; i < EFS2_CACHE; i++)
		free(fs->cache[i].bytes);
	free(fs->units);
	free(fs->pstate);
	free(fs->fwd);
	free(fs->rev);
	free(fs->shared);
	free(fs->claimed);
	free(fs->twice);
	free(fs->seen);
	free(fs->rebuilt);
	free(fs->ent);
	free(fs->cand);
	free(fs->super_info);
	efs2_arena_free(fs->arena);
	free(fs);
}

const struct efs2_report *efs2_report(const struct efs2 *fs)
{
	return &fs->report;
}

const struct efs2_super_info *efs2_super_at(const struct efs2 *fs, size_t i)
{
	return i < fs->n_super ? &fs->super_info[i] : NULL;
}

const char *efs2_note_at(const struct efs2 *fs, size_t i)
{
	return i < fs->n_note ? fs->note[i] : NULL;
}

const char *efs2_form_name(enum efs2_form f)
{
	static const char *const name[] = {
		[EFS2_FORM_NONE] = "none",     [EFS2_FORM_NAND] = "nand",
		[EFS2_FORM_CEFS] = "cefs",     [EFS2_FORM_BACKUP] = "backup",
		[EFS2_FORM_NOR] = "nor",       [EFS2_FORM_IMGEFS] = "imgefs",
		[EFS2_FORM_FSG_PLAIN] = "fsg", [EFS2_FORM_BLANK] = "blank",
		[EFS2_FORM_OPAQUE] = "opaque",
	};

	return (size_t)f < ARRAY_SIZE(name) ? name[f] : "none";
}

const char *efs2_verdict_name(enum efs2_verdict v)
{
	static const char *const name[] = { "ok", "unverified", "partial", "unreadable" };

	return (size_t)v < ARRAY_SIZE(name) ? name[v] : "unreadable";
}

const char *efs2_type_name(enum efs2_type t)
{
	static const char *const name[] = { "file", "item", "directory", "link", "other" };

	return (size_t)t < ARRAY_SIZE(name) ? name[t] : "other";
}
