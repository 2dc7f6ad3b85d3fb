/*
 * Everything that people and scripts read; the only file that writes stdout. A verb says each fact
 * once, with a key and a label: on a terminal it becomes a line or a table cell, with --json a
 * member of "result". The JSON envelope is printed once, at the end, also after a failure:
 *
 *   {"salvor":VERSION,"schema":1,"verb":"list","status":0,"error":null,"result":{...}}
 *
 * stderr carries diagnostics and progress; on a tty one line that is redrawn, otherwise plain
 * lines.
 * --progress-fd gets one JSON object a line, whatever stderr is.
 */
#ifndef SALVOR_CMD_RENDER_H
#define SALVOR_CMD_RENDER_H

#include "base/err.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stream.h"
#include "cmd/exit.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RENDER_SCHEMA 1

enum render_color { RENDER_COLOR_AUTO, RENDER_COLOR_ALWAYS, RENDER_COLOR_NEVER };

struct render_conf {
	const char *verb; /* for the envelope; NULL = null */
	bool json, quiet;
	enum render_color color; /* AUTO: a tty, TERM not "dumb", NO_COLOR empty */
	int progress_fd;         /* -1 = none */
	const struct cancel *cancel;
	/* For tests; NULL and 0 mean stdout, stderr, what isatty() says, 30 s. */
	FILE *out, *err;
	int force_tty; /* 1 = both are, -1 = neither is */
	uint32_t heartbeat_ms;
};

struct render;

int render_new(const struct render_conf *conf, struct render **ret, struct err *e) _must_check_;
void render_free(struct render *r); /* NULL is fine */
bool render_is_json(const struct render *r);
bool render_is_quiet(const struct render *r);
struct progress *render_progress(struct render *r);

/* Facts: "label: value" for people, `key` in the result for JSON. NULL value: "-" and null. */
void render_str(struct render *r, const char *key, const char *label, const char *value);
void render_u64(struct render *r, const char *key, const char *label, uint64_t value);
void render_size(struct render *r, const char *key, const char *label, uint64_t bytes);
void render_bool(struct render *r, const char *key, const char *label, bool value);
/* Facts until the end of the section become members of the object `key`; `title` heads them. */
void render_section(struct render *r, const char *key, const char *title);
void render_section_end(struct render *r);

/* A table for people, an array of objects under `key` for JSON. Cells are given row by row in the
 * order of the columns; the row is complete when its last cell is. */
struct render_col {
	const char *key, *title;
	bool right; /* numbers */
};
void render_table(struct render *r, const char *key, const struct render_col *cols, size_t n);
void render_cell_str(struct render *r, const char *text); /* NULL: "-" and null */
void render_cell_u64(struct render *r, uint64_t value);
void render_cell_size(struct render *r, uint64_t bytes);
void render_cell_bool(struct render *r, bool value);
/* Prints it. `empty` is said instead when there were no rows (may be NULL). */
void render_table_end(struct render *r, const char *empty);

/* From now on tables are printed as CSV: a line of keys, then plain values, and nothing for "not
 * known". Quoted as in RFC 4180, with a newline at the end of lines. ERR_USAGE with --json. */
int render_csv(struct render *r, struct err *e) _must_check_;
/* Do cells go to a program, --json or CSV? Then ids are given whole. */
bool render_is_data(const struct render *r);

/* Text of many lines that is printed as it is (a script, a report); a string `key` for JSON. */
void render_text(struct render *r, const char *key, const char *text);

/* For people only; a line each, without the newline. Not printed with --json. */
void render_line(struct render *r, const char *fmt, ...) _printf_(2, 3);
/* The same, but not with --quiet. */
void render_note(struct render *r, const char *fmt, ...) _printf_(2, 3);
/* For JSON only: the "result" object (or the open section), for what the calls above cannot say. */
struct json *render_result(struct render *r);

/* Diagnostics on stderr, a line each; a progress line is moved out of the way. */
void render_diag(struct render *r, const char *fmt, ...) _printf_(2, 3);
/* A word for people in colour ("FAIL"), or as it is without colours; built in `buf`. */
enum render_tone { TONE_GOOD, TONE_WARN, TONE_BAD, TONE_HEAD };
const char *render_tone(const struct render *r, enum render_tone tone, const char *word, char *buf,
			size_t n);
/* Asks on stderr; the answer is read by the guard. No newline. */
void render_ask(struct render *r, const char *question);

/* stdout as a byte stream (`-o -`): from now on what people read goes to stderr. ERR_USAGE with
 * --json, and when stdout is a terminal. */
int render_raw(struct render *r, struct sink **ret, struct err *e) _must_check_;

/* Says the error, once: state, cause, next step. `next` may be NULL. */
void render_error(struct render *r, const struct err *err, enum status status, const char *next);
/* Ends the run: prints the envelope, flushes, and tells whether stdout took it all (ERR_HOST). */
int render_finish(struct render *r, enum status status, const struct err *err,
		  struct err *e) _must_check_;

#endif
