/* efs check: what a raw dump is worth, and whether it would fit a module. */
#include "cmd/efs_image.h"

#include "cmd/part.h"
#include "cmd/session.h"
#include "cmd/table.h"
#include "image/efs2_donor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_image(struct render *r, const struct image *im, const struct efs2_report *rep)
{
	char text[96];

	render_section(r, "image", "image");
	render_str(r, "file", "file", im->file.path);
	render_str(r, "form", "form", efs2_form_name(rep->form));
	snprintf(text, sizeof(text), "0x%04x", rep->version);
	render_str(r, "version", "EFS version", text);
	render_u64(r, "base", "starts at", rep->base);
	render_u64(r, "page_size", "page size", rep->page_size);
	render_u64(r, "pages_per_block", "pages per block", rep->pages_per_block);
	render_u64(r, "blocks", "erase blocks", rep->blocks);
	render_size(r, "size", "size", rep->size);
	render_size(r, "expect_size", "by its geometry", rep->expect_size);
	render_bool(r, "block_map", "block map used", im->file.block_bytes != 0);
	render_section_end(r);
}

static void show_supers(struct render *r, const struct efs2 *fs)
{
	static const struct render_col cols[] = {
		{ "page", "PAGE", true },
		{ "age", "AGE", true },
		{ "crc_ok", "CRC", false },
		{ "plausible", "PLAUSIBLE", false },
		{ "chosen", "IN USE", false },
	};
	const struct efs2_super_info *s;
	size_t i;

	render_table(r, "superblocks", cols, ARRAY_SIZE(cols));
	for (i = 0; (s = efs2_super_at(fs, i)); i++) {
		render_cell_u64(r, s->page);
		render_cell_u64(r, s->age);
		render_cell_bool(r, s->crc_ok);
		render_cell_bool(r, s->plausible);
		render_cell_bool(r, s->chosen);
	}
	render_table_end(r, NULL);
}

static void show_structure(struct render *r, const struct efs2_report *rep)
{
	if (rep->form == EFS2_FORM_NAND) {
		render_section(r, "journal", "journal");
		render_u64(r, "pages", "pages replayed", rep->log_pages);
		render_u64(r, "entries", "entries", rep->log_entries);
		render_u64(r, "rejected", "pages rejected", rep->log_rejected);
		render_u64(r, "unknown_ops", "unknown operations", rep->log_unknown_ops);
		render_section_end(r);
	}
	render_section(r, "pages", "pages");
	render_u64(r, "total", "all", rep->pages);
	render_u64(r, "live", "live", rep->live);
	render_u64(r, "garbage", "stale", rep->garbage);
	render_u64(r, "free", "free", rep->free_pages);
	render_u64(r, "unread", "not in the dump", rep->unread);
	render_u64(r, "unclaimed", "mapped, used by nothing", rep->unclaimed);
	render_u64(r, "unaccounted", "written, not recorded", rep->unaccounted);
	render_bool(r, "reverse_table", "reverse table agrees", rep->has_reverse);
	render_section_end(r);
	render_section(r, "database", "directory database");
	render_u64(r, "nodes", "nodes", rep->nodes);
	render_u64(r, "nodes_bad", "damaged nodes", rep->nodes_bad);
	render_u64(r, "nodes_salvaged", "salvaged nodes", rep->nodes_salvaged);
	render_u64(r, "entries", "entries", rep->entries);
	render_u64(r, "duplicates", "duplicates", rep->duplicates);
	render_section_end(r);
}

static void show_notes(struct render *r, const struct efs2 *fs)
{
	static const struct render_col cols[] = { { "text", "REMARKS", false } };
	const char *note;
	size_t i;

	render_table(r, "notes", cols, ARRAY_SIZE(cols));
	for (i = 0; (note = efs2_note_at(fs, i)); i++)
		render_cell_str(r, note);
	render_table_end(r, NULL);
}

static int show_files(struct ctx *ctx, struct image *im, bool all, struct image_tally *tally,
		      struct err *e)
{
	static const struct render_col cols[] = {
		{ "verdict", "VERDICT", false },
		{ "path", "PATH", false },
		{ "why", "WHY", false },
	};
	struct efs2_walk *w;
	struct efs2_stat st;
	const char *path;
	int r;

	if (efs2_stat(im->fs, "/", &st, e) < 0 || efs2_walk_open(im->fs, "/", true, &w, e) < 0)
		return -1;
	render_table(ctx->render, "entries", cols, ARRAY_SIZE(cols));
	for (path = "/", r = 0; r == 0 && path; r = efs2_walk_next(w, &path, &st, e)) {
		if (cancel_is_set(ctx->cancel)) {
			r = err_set(e, ERR_CANCELLED, "stopped");
			break;
		}
		image_tally_add(tally, st.verdict);
		if (!all && st.verdict == EFS2_OK)
			continue;
		render_cell_str(ctx->render, efs2_verdict_name(st.verdict));
		render_cell_str(ctx->render, path);
		render_cell_str(ctx->render, st.why[0] ? st.why : NULL);
	}
	efs2_walk_close(w);
	render_table_end(ctx->render, NULL);
	return r;
}

static int show_census(struct render *r, struct image *im, struct err *e)
{
	struct efs2_census n;

	if (efs2_census(im->fs, &n, e) < 0)
		return -1;
	render_section(r, "content", "content");
	render_u64(r, "directories", "directories", n.dirs);
	render_u64(r, "files", "files", n.files);
	render_u64(r, "items", "items", n.items);
	render_u64(r, "links", "links", n.links);
	render_size(r, "bytes", "bytes", n.bytes);
	render_u64(r, "lost", "without a known place", n.lost);
	render_u64(r, "ok", "ok", n.verdict[EFS2_OK]);
	render_u64(r, "unverified", "unverified", n.verdict[EFS2_UNVERIFIED]);
	render_u64(r, "partial", "partial", n.verdict[EFS2_PARTIAL]);
	render_u64(r, "unreadable", "unreadable", n.verdict[EFS2_UNREADABLE]);
	render_section_end(r);
	return 0;
}

/* ---- donors ---- */

struct target {
	struct efs2_target t;
	bool wanted;
};

/* PAGE:BLOCK:BYTES, sizes as elsewhere: 2K:128K:11M. */
static int parse_geometry(const char *text, struct efs2_target *ret, struct err *e)
{
	uint64_t v[3];
	char part[32];
	unsigned i;

	for (i = 0; i < 3; i++) {
		size_t n = strcspn(text, ":");

		if (n == 0 || n >= sizeof(part) || (text[n] == ':') != (i < 2))
			goto bad;
		memcpy(part, text, n);
		part[n] = '\0';
		if (parse_size(part, &v[i], e) < 0)
			goto bad;
		text += n + 1;
	}
	if (v[0] < 512 || v[0] > 65536 || v[1] % v[0] || v[1] < v[0] || v[1] > 64u << 20 ||
	    v[2] % v[1] || v[2] == 0)
		goto bad;
	*ret = (struct efs2_target){ .page_size = (uint32_t)v[0],
				     .pages_per_block = (uint32_t)(v[1] / v[0]),
				     .size = v[2] };
	return 0;
bad:
	return err_set(e, ERR_USAGE,
		       "--for-geometry takes PAGE:BLOCK:BYTES, the sizes of a page, an erase block and "
		       "the partition, such as 2K:128K:11M");
}

/* The efs2 partition of the module on the cable. */
static int ask_module(struct ctx *ctx, const struct parsed *p, struct efs2_target *ret,
		      struct err *e)
{
	struct session s;
	const struct geometry *g = &s.module.geometry;
	const struct partition *part;

	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	part = table_find(&s.module.table, "efs2", NULL);
	if (!part || !geometry_is_nand(g)) {
		err_set(e, ERR_MISMATCH, "the module has no efs2 partition on NAND");
		session_abort(&s);
		return -1;
	}
	*ret = (struct efs2_target){ .page_size = g->sector_size,
				     .pages_per_block = g->sectors_per_block,
				     .size = part->at.count * g->sector_size };
	return session_close(&s, e);
}

static int find_target(struct ctx *ctx, const struct parsed *p, struct target *ret, struct err *e)
{
	const char *text = parsed_str(p, "for-geometry");
	bool module = parsed_flag(p, "for-module");

	*ret = (struct target){ .wanted = text || module };
	if (text && module)
		return err_set(e, ERR_USAGE,
			       "--for-geometry and --for-module are two answers to one question");
	if (text)
		return parse_geometry(text, &ret->t, e);
	return module ? ask_module(ctx, p, &ret->t, e) : 0;
}

static bool show_donor(struct render *r, const struct image *im, const struct efs2_target *t)
{
	static const struct render_col cols[] = { { "blocker", "BLOCKS", false },
						  { "text", "REASON", false } };
	struct efs2_donor d;
	size_t i;

	efs2_donor_judge(im->fs, t, &d);
	render_section(r, "donor", "as a donor");
	render_u64(r, "page_size", "target page size", t->page_size);
	render_u64(r, "pages_per_block", "target pages per block", t->pages_per_block);
	render_size(r, "size", "target partition", t->size);
	render_bool(r, "fits", "fits", d.fits);
	render_table(r, "reasons", cols, ARRAY_SIZE(cols));
	for (i = 0; i < d.n; i++) {
		render_cell_bool(r, d.reason[i].blocker);
		render_cell_str(r, d.reason[i].text);
	}
	render_table_end(r, NULL);
	render_section_end(r);
	return d.fits;
}

static int check_image(struct ctx *ctx, const struct parsed *p, struct image *im,
		       const struct target *target, struct err *e)
{
	const struct efs2_report *rep = efs2_report(im->fs);
	struct image_tally tally = { 0 };
	bool fits = true;

	show_image(ctx->render, im, rep);
	show_supers(ctx->render, im->fs);
	show_structure(ctx->render, rep);
	if (show_files(ctx, im, parsed_flag(p, "all"), &tally, e) < 0 ||
	    show_census(ctx->render, im, e) < 0)
		return -1;
	show_notes(ctx->render, im->fs);
	render_section(ctx->render, "verdict", "verdict");
	render_str(ctx->render, "confidence", "layout",
		   rep->layout_checked ? "confirmed by its own tables" : "unverified");
	render_u64(ctx->render, "faults", "faults", rep->faults);
	render_bool(ctx->render, "clean", "structure clean", rep->clean);
	render_bool(ctx->render, "complete", "every page is there", rep->unread == 0);
	render_section_end(ctx->render);
	if (target->wanted)
		fits = show_donor(ctx->render, im, &target->t);
	if (!fits)
		return err_set(e, ERR_MISMATCH, "the dump does not fit: the reasons are above");
	if (image_tally_end(&tally, e) < 0)
		return -1;
	if (!rep->clean)
		return err_set(e, ERR_INTEGRITY,
			       "every file is there, but the image has %" PRIu32 " faults",
			       rep->faults);
	return 0;
}

static int check_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct target target;
	struct image im;
	int r;

	/* The image first: a wrong file is no reason to take a module out of service. */
	if (image_open(&im, p, e) < 0)
		return -1;
	r = find_target(ctx, p, &target, e);
	if (r == 0)
		r = check_image(ctx, p, &im, &target, e);
	image_close(&im);
	return r;
}

static const struct opt check_opts[] = {
	IMAGE_OPTS,
	{ "all", 0, OPT_FLAG, HINT_NONE, NULL, "show the entries that are ok, too", 0, 0, NULL, 0 },
	{ "for-geometry", 0, OPT_STR, HINT_NONE, "PAGE:BLOCK:BYTES",
	  "judge whether the dump fits such a partition, as in 2K:128K:11M", 0, 0, NULL, 0 },
	{ "for-module", 0, OPT_FLAG, HINT_NONE, NULL,
	  "judge whether the dump fits the attached module", 0, 0, NULL, 0 },
	SESSION_OPTS,
	OPTS_END,
};

const struct cmd cmd_efs_check = {
	.name = "efs check",
	.args = "",
	.summary = "judge a raw dump of the modem's file system",
	.about =
		"Shows the superblocks and which one is in use, the journal, what the page tables and the directory "
		"agree on, and every entry that is not ok with the reason. Fitting means that a module could mount "
		"the dump, not that it may have it: identity and calibration belong to one module.",
	.example = "salvor efs check --image efs2.bin --for-geometry 2K:128K:11M",
	.opts = check_opts,
	.needs = TAKES_MODULES,
	.exits = EXITS_IMAGE | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_LINK),
	.run = check_run,
};
