#include "cmd/render.h"

#include "cmd/meter.h"
#include "cmd/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEPTH = 8, MAX_COLS = 16, LABEL_COLUMNS = 20 };

struct render {
	struct render_conf conf;
	struct meter meter;
	FILE *out, *err;
	bool out_tty, err_tty, out_color, err_color;
	bool is_raw; /* stdout carries bytes; people read stderr */
	bool csv;    /* tables are for programs */
	bool oom;    /* something could not be kept; said at the end */
	struct fd_sink raw;

	struct json *result;          /* owned until the envelope takes it */
	struct json *open[MAX_DEPTH]; /* open sections; [0] is the result */
	size_t depth;

	/* The table under construction. */
	struct render_col col[MAX_COLS];
	size_t n_cols, n_cells, cap_cells;
	char **cell; /* for people; NULL with --json */
	struct json *rows, *row;
};

static bool wants_color(enum render_color color, bool tty)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != RENDER_COLOR_AUTO)
		return color == RENDER_COLOR_ALWAYS;
	return tty && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

int render_new(const struct render_conf *conf, struct render **ret, struct err *e)
{
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(e);
	r->conf = *conf;
	r->out = conf->out ? conf->out : stdout;
	r->err = conf->err ? conf->err : stderr;
	r->out_tty = conf->force_tty ? conf->force_tty > 0 : isatty(fileno(r->out)) == 1;
	r->err_tty = conf->force_tty ? conf->force_tty > 0 : isatty(fileno(r->err)) == 1;
	r->out_color = wants_color(conf->color, r->out_tty);
	r->err_color = wants_color(conf->color, r->err_tty);
	r->result = json_object_new();
	if (!r->result) {
		free(r);
		return err_nomem(e);
	}
	r->open[0] = r->result;
	if (meter_init(&r->meter, r->err, r->err_tty, conf->quiet, conf->progress_fd,
		       conf->heartbeat_ms ? conf->heartbeat_ms : 30000, conf->cancel, e) < 0) {
		json_free(r->result);
		free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

static void free_cells(struct render *r)
{
	size_t i;

	for (i = 0; i < r->n_cells; i++)
		free(r->cell[i]);
	free(r->cell);
	r->cell = NULL;
	r->n_cells = r->cap_cells = 0;
}

void render_free(struct render *r)
{
	if (!r)
		return;
	meter_fini(&r->meter);
	free_cells(r);
	json_free(r->result);
	free(r);
}

bool render_is_json(const struct render *r)
{
	return r->conf.json;
}

bool render_is_quiet(const struct render *r)
{
	return r->conf.quiet;
}

struct progress *render_progress(struct render *r)
{
	return &r->meter.progress;
}

/* A line for people: to stdout, or to stderr where stdout is taken by bytes. Takes over `line`. */
static void emit(struct render *r, char *line)
{
	if (!line) {
		r->oom = true;
		return;
	}
	text_clean(line, r->is_raw ? r->err_color : r->out_color);
	if (r->is_raw) {
		meter_say(&r->meter, line);
	} else {
		if (r->meter.on_screen)
			meter_say(&r->meter, NULL);
		fprintf(r->out, "%*s%s\n", (int)(2 * r->depth), "", line);
	}
	free(line);
}

static _printf_(2, 0) void vemit(struct render *r, const char *fmt, va_list ap)
{
	char *line;

	if (vasprintf(&line, fmt, ap) < 0)
		line = NULL;
	emit(r, line);
}

void render_line(struct render *r, const char *fmt, ...)
{
	va_list ap;

	if (r->conf.json)
		return;
	va_start(ap, fmt);
	vemit(r, fmt, ap);
	va_end(ap);
}

void render_note(struct render *r, const char *fmt, ...)
{
	va_list ap;

	if (r->conf.json || r->conf.quiet)
		return;
	va_start(ap, fmt);
	vemit(r, fmt, ap);
	va_end(ap);
}

void render_text(struct render *r, const char *key, const char *text)
{
	if (r->conf.json)
		json_put_str(render_result(r), key, text);
	else
		fputs(text, r->is_raw ? r->err : r->out);
}

struct json *render_result(struct render *r)
{
	return r->open[r->depth];
}

static void put_fact(struct render *r, const char *label, const char *text)
{
	size_t n = text_columns(label);

	render_line(r, "%s:%*s%s", label, (int)(n < LABEL_COLUMNS ? LABEL_COLUMNS - n : 1), "",
		    text);
}

void render_str(struct render *r, const char *key, const char *label, const char *value)
{
	if (r->conf.json)
		json_put_str(render_result(r), key, value);
	else
		put_fact(r, label, value ? value : "-");
}

void render_u64(struct render *r, const char *key, const char *label, uint64_t value)
{
	char text[HUMAN_MAX];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (r->conf.json)
		json_put_u64(render_result(r), key, value);
	else
		put_fact(r, label, text);
}

void render_size(struct render *r, const char *key, const char *label, uint64_t bytes)
{
	char text[HUMAN_MAX];

	human_size(text, bytes);
	if (r->conf.json)
		json_put_u64(render_result(r), key, bytes);
	else
		put_fact(r, label, text);
}

void render_bool(struct render *r, const char *key, const char *label, bool value)
{
	if (r->conf.json)
		json_put_bool(render_result(r), key, value);
	else
		put_fact(r, label, value ? "yes" : "no");
}

void render_section(struct render *r, const char *key, const char *title)
{
	struct json *child = NULL;

	if (r->conf.json)
		child = json_put_object(render_result(r), key);
	else
		render_line(r, "%s", title);
	/* Deeper than anything we print is a bug; the facts then land in the innermost section. */
	if (r->depth + 1 < MAX_DEPTH)
		r->open[++r->depth] = child;
}

void render_section_end(struct render *r)
{
	if (r->depth > 0)
		r->depth--;
}

void render_table(struct render *r, const char *key, const struct render_col *cols, size_t n)
{
	r->n_cols = MIN_OF(n, (size_t)MAX_COLS);
	memcpy(r->col, cols, r->n_cols * sizeof(*cols));
	free_cells(r);
	r->row = NULL;
	r->rows = r->conf.json ? json_put_array(render_result(r), key) : NULL;
}

/* The column that the next cell belongs to; with --json its row's object is made as needed. */
static const struct render_col *next_col(struct render *r)
{
	size_t c = r->n_cells % r->n_cols;

	if (r->conf.json && c == 0)
		r->row = json_add_object(r->rows);
	return &r->col[c];
}

static void keep_cell(struct render *r, const char *text)
{
	if (r->n_cells == r->cap_cells) {
		size_t cap = r->cap_cells ? 2 * r->cap_cells : 64;
		char **more = reallocarray(r->cell, cap, sizeof(*more));

		if (!more) {
			r->oom = true;
			return;
		}
		r->cell = more;
		r->cap_cells = cap;
	}
	r->cell[r->n_cells] = NULL;
	if (text) {
		r->cell[r->n_cells] = strdup(text);
		if (r->cell[r->n_cells])
			text_clean(r->cell[r->n_cells], r->out_color);
		else
			r->oom = true;
	}
	r->n_cells++;
}

void render_cell_str(struct render *r, const char *text)
{
	const struct render_col *c = next_col(r);

	if (r->conf.json)
		json_put_str(r->row, c->key, text);
	keep_cell(r, r->conf.json ? NULL : text ? text : r->csv ? "" : "-");
}

void render_cell_u64(struct render *r, uint64_t value)
{
	const struct render_col *c = next_col(r);
	char text[HUMAN_MAX];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (r->conf.json)
		json_put_u64(r->row, c->key, value);
	keep_cell(r, r->conf.json ? NULL : text);
}

void render_cell_size(struct render *r, uint64_t bytes)
{
	const struct render_col *c = next_col(r);
	char text[HUMAN_MAX];

	if (r->csv)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	else
		human_size(text, bytes);
	if (r->conf.json)
		json_put_u64(r->row, c->key, bytes);
	keep_cell(r, r->conf.json ? NULL : text);
}

void render_cell_bool(struct render *r, bool value)
{
	const struct render_col *c = next_col(r);

	if (r->conf.json)
		json_put_bool(r->row, c->key, value);
	if (r->csv)
		keep_cell(r, value ? "true" : "false");
	else
		keep_cell(r, r->conf.json ? NULL : value ? "yes" : "no");
}

/* One row of aligned cells; trailing blanks are not printed. */
static void emit_row(struct render *r, const size_t *width, char *const *cell, bool is_head)
{
	char *line = NULL, tone[256];
	size_t c, size = 0;
	FILE *f = open_memstream(&line, &size);

	if (!f) {
		r->oom = true;
		return;
	}
	for (c = 0; c < r->n_cols; c++) {
		const char *text = is_head ? r->col[c].title : cell[c] ? cell[c] : "";
		size_t pad = width[c] - text_columns(text);

		if (is_head)
			text = render_tone(r, TONE_HEAD, text, tone, sizeof(tone));
		fprintf(f, "%s%*s%s%*s", c ? "  " : "", r->col[c].right ? (int)pad : 0, "", text,
			!r->col[c].right && c + 1 < r->n_cols ? (int)pad : 0, "");
	}
	if (fclose(f) != 0) {
		free(line);
		line = NULL;
	}
	emit(r, line);
}

/* RFC 4180: quoted where it must be, quotes doubled. */
static void put_csv(FILE *f, const char *text, bool is_last)
{
	const char *p;

	if (!text)
		text = "";
	if (!text[strcspn(text, ",\"\r\n")]) {
		fputs(text, f);
	} else {
		fputc('"', f);
		for (p = text; *p; p++) {
			if (*p == '"')
				fputc('"', f);
			fputc(*p, f);
		}
		fputc('"', f);
	}
	fputc(is_last ? '\n' : ',', f);
}

static void emit_csv(struct render *r)
{
	size_t i;

	for (i = 0; i < r->n_cols; i++)
		put_csv(r->out, r->col[i].key, i + 1 == r->n_cols);
	for (i = 0; i < r->n_cells; i++)
		put_csv(r->out, r->cell[i], (i + 1) % r->n_cols == 0);
}

int render_csv(struct render *r, struct err *e)
{
	if (r->conf.json)
		return err_set(e, ERR_USAGE, "--json and --csv exclude each other");
	r->csv = true;
	return 0;
}

bool render_is_data(const struct render *r)
{
	return r->conf.json || r->csv;
}

void render_table_end(struct render *r, const char *empty)
{
	size_t width[MAX_COLS], i, w;

	if (r->csv) {
		emit_csv(r);
	} else if (!r->conf.json && r->n_cells == 0 && empty) {
		render_line(r, "%s", empty);
	} else if (!r->conf.json && r->n_cells > 0) {
		for (i = 0; i < r->n_cols; i++)
			width[i] = text_columns(r->col[i].title);
		for (i = 0; i < r->n_cells; i++) {
			w = r->cell[i] ? text_columns(r->cell[i]) : 0;
			width[i % r->n_cols] = MAX_OF(width[i % r->n_cols], w);
		}
		emit_row(r, width, NULL, true);
		for (i = 0; i + r->n_cols <= r->n_cells; i += r->n_cols)
			emit_row(r, width, r->cell + i, false);
	}
	free_cells(r);
	r->rows = r->row = NULL;
}

void render_diag(struct render *r, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_clean(text, r->err_color);
	meter_say(&r->meter, text);
}

static const char *paint(bool color, enum render_tone tone, const char *word, char *buf, size_t n)
{
	static const char *const code[] = {
		[TONE_GOOD] = "32",
		[TONE_WARN] = "33",
		[TONE_BAD] = "1;31",
		[TONE_HEAD] = "1",
	};
	int len;

	if (!color)
		return word;
	len = snprintf(buf, n, "\033[%sm%s\033[0m", code[tone], word);
	return len > 0 && (size_t)len < n ? buf : word;
}

const char *render_tone(const struct render *r, enum render_tone tone, const char *word, char *buf,
			size_t n)
{
	return paint(r->is_raw ? r->err_color : r->out_color, tone, word, buf, n);
}

void render_ask(struct render *r, const char *question)
{
	fflush(r->out);
	meter_say(&r->meter, NULL);
	fprintf(r->err, "%s ", question);
	fflush(r->err);
}

int render_raw(struct render *r, struct sink **ret, struct err *e)
{
	if (r->conf.json)
		return err_set(e, ERR_USAGE,
			       "--json and data on standard output exclude each other");
	if (r->out_tty)
		return err_set(e, ERR_USAGE,
			       "standard output is a terminal and takes no data; name a file "
			       "or a pipe");
	fflush(r->out);
	r->is_raw = true;
	fd_sink_init(&r->raw, fileno(r->out));
	*ret = &r->raw.sink;
	return 0;
}

void render_error(struct render *r, const struct err *err, enum status status, const char *next)
{
	const struct exit_row *row = exit_row(status);
	char tag[64];

	fflush(r->out);
	render_diag(r, "%s %s", paint(r->err_color, TONE_BAD, "salvor:", tag, sizeof(tag)),
		    err->msg);
	if (row && row->state)
		render_diag(r, "  state: %s", row->state);
	if (!next && row)
		next = row->next;
	if (next)
		render_diag(r, "  next:  %s", next);
}

/* The envelope when there is no memory for a better one. */
static void put_poor_envelope(struct render *r)
{
	fprintf(r->out,
		"{\"salvor\":\"%s\",\"schema\":%d,\"verb\":null,\"status\":%d,"
		"\"error\":{\"kind\":\"%s\",\"code\":%d,\"message\":\"out of memory\"},"
		"\"result\":null}\n",
		PACKAGE_VERSION, RENDER_SCHEMA, STATUS_FAILED, err_kind_name(ERR_NOMEM), ENOMEM);
}

static int put_envelope(struct render *r, enum status status, const struct err *err, struct err *e)
{
	struct json *root = json_object_new(), *why;
	char *text = NULL;
	int rc;

	json_put_str(root, "salvor", PACKAGE_VERSION);
	json_put_u64(root, "schema", RENDER_SCHEMA);
	json_put_str(root, "verb", r->conf.verb);
	json_put_u64(root, "status", status);
	if (err && err->kind != ERR_NONE) {
		why = json_put_object(root, "error");
		json_put_str(why, "kind", err_kind_name(err->kind));
		json_put_i64(why, "code", err->code);
		json_put_str(why, "message", err->msg);
	} else {
		json_put_null(root, "error");
	}
	json_put(root, "result", r->result);
	r->result = NULL;
	rc = r->oom ? err_nomem(e) : json_dump(root, 0, &text, e);
	if (rc == 0)
		fprintf(r->out, "%s\n", text);
	else
		put_poor_envelope(r);
	free(text);
	json_free(root);
	return rc;
}

int render_finish(struct render *r, enum status status, const struct err *err, struct err *e)
{
	int rc = 0;

	meter_say(&r->meter, NULL);
	r->depth = 0;
	if (r->conf.json)
		rc = put_envelope(r, status, err, e);
	else if (r->oom)
		rc = err_nomem(e);
	if (fflush(r->out) != 0 || ferror(r->out))
		return err_set_errno(e, errno, "cannot write to standard output");
	return rc;
}
