/* info --image: whose dump is this, and what is in it? */
#include "cmd/efs_image.h"

#include "model/efs_places.h"
#include "model/imei.h"
#include "model/nv_imei.h"
#include "model/nv_names.h"
#include "model/revision.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NUMBERS = 16, MAX_TRACES = 16, MAX_IDENTITY = 32 };

struct number {
	char path[EFS2_PATH_MAX];
	char text[32];
	const char *state; /* for people and JSON */
	enum efs2_verdict verdict;
	uint8_t sim;
};

struct trace {
	char path[EFS2_PATH_MAX];
	struct revision rev;
};

struct findings {
	struct number number[MAX_NUMBERS];
	size_t n_numbers;
	struct trace trace[MAX_TRACES];
	size_t n_traces;
	struct {
		char path[128];
		const char *what;
		enum efs2_verdict verdict;
	} identity[MAX_IDENTITY];
	size_t n_identity;
	uint64_t rfnv, calibration, rfc; /* entries with content */
	bool full;
};

static int add_number(struct findings *f, struct image *im, const char *path, uint8_t sim,
		      const struct efs2_stat *st, struct err *e)
{
	struct number *x = &f->number[f->n_numbers];
	uint8_t bytes[256];
	char digits[16];
	size_t n;

	if (f->n_numbers == MAX_NUMBERS)
		return 0;
	*x = (struct number){ .sim = sim, .verdict = st->verdict };
	snprintf(x->path, sizeof(x->path), "%s", path);
	x->state = "cannot be read";
	if (st->verdict == EFS2_OK || st->verdict == EFS2_UNVERIFIED) {
		if (efs2_read(im->fs, st, 0, bytes, sizeof(bytes), &n, NULL, e) < 0)
			return -1;
		switch (nv_imei_decode(SLICE(bytes, n), digits)) {
		case NV_IMEI_DIGITS:
			if (f->full)
				snprintf(x->text, sizeof(x->text), "%s", digits);
			else
				imei_mask(digits, x->text);
			x->state = imei_is_placeholder(digits) ? "placeholder"
				   : !imei_is_valid(digits)    ? "wrong check digit"
				   : imei_is_test(digits)      ? "test number"
							       : "valid";
			break;
		case NV_IMEI_UNSET:
			x->state = "not set";
			break;
		case NV_IMEI_MALFORMED:
			x->state = "malformed";
			break;
		}
	}
	f->n_numbers++;
	return 0;
}

/* ---- names of firmware revisions in whatever text there is ---- */

struct scan_sink {
	struct sink sink;
	struct findings *f;
	const char *path;
	char word[96];
	size_t n; /* sizeof(word) once it is too long to be one */
};

static void end_word(struct scan_sink *s)
{
	struct findings *f = s->f;
	struct err why = ERR_INIT;
	struct revision rev;
	size_t i;

	if (s->n < 10 || s->n >= sizeof(s->word) || f->n_traces == MAX_TRACES)
		goto out;
	s->word[s->n] = '\0';
	if (revision_parse(s->word, &rev, &why) < 0 || !rev.project[0])
		goto out;
	for (i = 0; i < f->n_traces; i++)
		if (strcmp(f->trace[i].rev.text, rev.text) == 0)
			goto out;
	snprintf(f->trace[i].path, sizeof(f->trace[i].path), "%s", s->path);
	f->trace[i].rev = rev;
	f->n_traces++;
out:
	s->n = 0;
}

static int scan_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct scan_sink *s = container_of(sink, struct scan_sink, sink);
	const uint8_t *b = p;
	size_t i;

	(void)e;
	for (i = 0; i < n; i++) {
		if (isalnum(b[i]) || b[i] == '_' || b[i] == '.' || b[i] == '-') {
			if (s->n < sizeof(s->word))
				s->word[s->n++] = (char)b[i];
		} else if (s->n) {
			end_word(s);
		}
	}
	return 0;
}

static int scan_text(struct findings *f, struct image *im, const char *path,
		     const struct efs2_stat *st, struct err *e)
{
	struct scan_sink s = { .sink = { scan_put }, .f = f, .path = path };
	uint64_t missing;

	if (st->verdict == EFS2_UNREADABLE || efs_place_is_secret(path))
		return 0;
	if (efs2_copy(im->fs, st, &s.sink, &missing, e) < 0)
		return -1;
	end_word(&s);
	return 0;
}

/* ---- the walk ---- */

static void count_calibration(struct findings *f, const char *path, const struct efs2_stat *st)
{
	const struct nv_name *name;
	uint16_t id, index;
	uint8_t sim;

	if (st->size == 0 || st->verdict == EFS2_UNREADABLE)
		return;
	f->rfnv += strncmp(path, EFS_RFNV_DIR "/", sizeof(EFS_RFNV_DIR)) == 0;
	f->rfc += strncmp(path, "/rfc/", 5) == 0;
	if (efs_place_nv(path, &id, &index, &sim) && (name = nv_name_find(id)) != NULL)
		f->calibration += name->cls == NV_CLASS_CALIBRATION;
}

static int look_at(struct findings *f, struct image *im, const char *path,
		   const struct efs2_stat *st, struct err *e)
{
	const char *what = efs_place_identity(path);
	uint16_t id, index;
	uint8_t sim;

	count_calibration(f, path, st);
	if (efs_place_nv(path, &id, &index, &sim) && id == NV_ITEM_IMEI && index == 0)
		return add_number(f, im, path, sim, st, e);
	if (what && f->n_identity < MAX_IDENTITY) {
		snprintf(f->identity[f->n_identity].path, sizeof(f->identity[0].path), "%s", path);
		f->identity[f->n_identity].what = what;
		f->identity[f->n_identity++].verdict = st->verdict;
	}
	return st->type == EFS2_LINK ? 0 : scan_text(f, im, path, st, e);
}

static int look_around(struct ctx *ctx, struct findings *f, struct image *im, uint64_t *ret_bad,
		       struct err *e)
{
	/* Crafted images can name the same clusters again and again. */
	uint64_t left = 2 * im->file.reader.size;
	struct efs2_stat st;
	struct efs2_walk *w;
	const char *path;
	int r;

	*ret_bad = 0;
	if (efs2_walk_open(im->fs, "/", true, &w, e) < 0)
		return -1;
	while ((r = efs2_walk_next(w, &path, &st, e)) == 0 && path) {
		if (cancel_is_set(ctx->cancel)) {
			r = err_set(e, ERR_CANCELLED, "stopped");
			break;
		}
		*ret_bad += st.verdict == EFS2_PARTIAL || st.verdict == EFS2_UNREADABLE;
		if (st.type == EFS2_DIR || (!st.is_inline && st.size > left))
			continue;
		left -= st.is_inline ? 0 : st.size;
		r = look_at(f, im, path, &st, e);
		if (r < 0)
			break;
	}
	efs2_walk_close(w);
	return r;
}

/* ---- words ---- */

static void show_numbers(struct render *r, const struct findings *f)
{
	static const struct render_col cols[] = {
		{ "sim", "SIM", true },       { "imei", "IMEI", false },
		{ "state", "STATE", false },  { "verdict", "VERDICT", false },
		{ "path", "FOUND IN", false },
	};
	size_t i;

	render_table(r, "imeis", cols, ARRAY_SIZE(cols));
	for (i = 0; i < f->n_numbers; i++) {
		const struct number *x = &f->number[i];

		render_cell_u64(r, x->sim + 1u);
		render_cell_str(r, x->text[0] ? x->text : NULL);
		render_cell_str(r, x->state);
		render_cell_str(r, efs2_verdict_name(x->verdict));
		render_cell_str(r, x->path);
	}
	render_table_end(r, "no IMEI is in it");
}

static void show_rest(struct render *r, const struct findings *f)
{
	static const struct render_col places[] = { { "what", "ALSO OF THIS MODULE ONLY", false },
						    { "verdict", "VERDICT", false },
						    { "path", "FOUND IN", false } };
	static const struct render_col traces[] = { { "revision", "FIRMWARE NAMED IN IT", false },
						    { "path", "FOUND IN", false } };
	size_t i;

	render_table(r, "identity", places, ARRAY_SIZE(places));
	for (i = 0; i < f->n_identity; i++) {
		render_cell_str(r, f->identity[i].what);
		render_cell_str(r, efs2_verdict_name(f->identity[i].verdict));
		render_cell_str(r, f->identity[i].path);
	}
	render_table_end(r, NULL);
	render_table(r, "revisions", traces, ARRAY_SIZE(traces));
	for (i = 0; i < f->n_traces; i++) {
		render_cell_str(r, f->trace[i].rev.text);
		render_cell_str(r, f->trace[i].path);
	}
	render_table_end(r, "no firmware revision is named in it");
	render_section(r, "rf", "RF data");
	render_bool(r, "present", "present", f->rfnv + f->calibration > 0);
	render_u64(r, "rfnv_items", "items in rfnv", f->rfnv);
	render_u64(r, "calibration_items", "numbered calibration items", f->calibration);
	render_u64(r, "rfc_files", "front-end files", f->rfc);
	render_section_end(r);
}

static int inspect(struct ctx *ctx, struct image *im, struct findings *f, struct err *e)
{
	const struct efs2_report *rep = efs2_report(im->fs);
	uint64_t bad;

	render_section(ctx->render, "image", "image");
	render_str(ctx->render, "file", "file", im->file.path);
	render_str(ctx->render, "form", "form", efs2_form_name(rep->form));
	render_u64(ctx->render, "page_size", "page size", rep->page_size);
	render_u64(ctx->render, "pages_per_block", "pages per block", rep->pages_per_block);
	render_size(ctx->render, "size", "size", rep->size);
	render_bool(ctx->render, "clean", "structure clean", rep->clean);
	render_bool(ctx->render, "complete", "every page is there", rep->unread == 0);
	render_section_end(ctx->render);
	if (look_around(ctx, f, im, &bad, e) < 0)
		return -1;
	show_numbers(ctx->render, f);
	show_rest(ctx->render, f);
	if (bad)
		return err_set(e, ERR_PARTIAL,
			       "%llu entries are partial or unreadable: 'salvor efs check' says why",
			       (unsigned long long)bad);
	return 0;
}

int info_image(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct findings *f;
	struct image im;
	int r;

	if (image_open(&im, p, e) < 0)
		return -1;
	f = calloc(1, sizeof(*f));
	if (f) {
		f->full = parsed_flag(p, "full");
		r = inspect(ctx, &im, f, e);
	} else {
		r = err_nomem(e);
	}
	free(f);
	image_close(&im);
	return r;
}
