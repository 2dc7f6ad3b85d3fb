/*
 * SQLite, one connection at a time, with one policy: write-ahead log, foreign keys, every commit on
 * storage before it counts, waiting for another process with a word to the person, and no SQL text
 * that is not a constant of this program: values travel only as arguments.
 *
 * Error kinds: ERR_BUSY, another process holds the catalogue and did not let go in time;
 * ERR_INTEGRITY, the file is damaged or is no catalogue; ERR_HOST with code ENOENT, there is no
 * file; ERR_HOST, the disk is full, read-only or failing; ERR_MISMATCH, a constraint of the schema
 * was broken; ERR_CANCELLED, the person did not want to wait. A connection may not be used after
 * fork().
 */
#ifndef SALVOR_DB_SQL_H
#define SALVOR_DB_SQL_H

#include "base/attr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct sql;
struct sql_query; /* a statement in use; given back by sql_done() */

/* For tests: makes the `countdown`-th fallible call of SQLite fail. */
struct sql_fault {
	long countdown; /* 0 = never */
	int code;       /* SQLite's result code to fail with, 10 = I/O error, 7 = out of memory */
	bool after;     /* the call is made and does its work, then is said to have failed */
	bool stays;     /* all later calls fail, too */
	long calls;     /* counted here, in any case */
};

struct sql_opts {
	bool create;      /* make the file (0600) when there is none; its directory must exist */
	uint32_t wait_ms; /* for another process; 0 = 30 s */
	/* Called when the wait begins to be felt and about once a second from then on; false gives
	 * up. May be NULL. */
	bool (*waiting)(void *ctx, uint32_t waited_ms);
	void *ctx;
	struct sql_fault *fault; /* NULL but in tests */
};

/* Files up to this size are checked page by page when they are opened (4 ms at most); in larger
 * ones that would be felt, so only what is cheap is looked at and sql_check() does the rest on
 * request. */
#define SQL_QUICK_CHECK_MAX (2u << 20)

int sql_open(const char *path, const struct sql_opts *opts, struct sql **ret,
	     struct err *e) _must_check_;
void sql_close(struct sql *db); /* NULL is fine */
/* Looks at every page, index and foreign key. */
int sql_check(struct sql *db, struct err *e) _must_check_;

enum sql_arg_type { SQL_ARG_TEXT, SQL_ARG_INT, SQL_ARG_BLOB };

struct sql_arg {
	enum sql_arg_type type;
	const char *text;
	int64_t num;
	struct slice blob;
};

/* Arguments for ?1, ?2 ... Texts and blobs are borrowed until sql_done(). A NULL text is SQL's
 * NULL. */
#define SQL_T(s)    ((struct sql_arg){ .type = SQL_ARG_TEXT, .text = (s) })
#define SQL_I(v)    ((struct sql_arg){ .type = SQL_ARG_INT, .num = (int64_t)(v) })
#define SQL_B(p, n) ((struct sql_arg){ .type = SQL_ARG_BLOB, .blob = SLICE((p), (n)) })

/* Prepares `text` (a constant: it is remembered by its address) with its arguments. */
int sql_query_args(struct sql *db, const char *text, const struct sql_arg *args, size_t n,
		   struct sql_query **ret, struct err *e) _must_check_;
/* Steps to the next row; *ret_row false at the end. */
int sql_step(struct sql_query *q, bool *ret_row, struct err *e) _must_check_;
/* Gives the statement back; NULL is fine. Texts taken from its rows are gone. */
void sql_done(struct sql_query *q);
/* A statement without rows, from beginning to end. */
int sql_run_args(struct sql *db, const char *text, const struct sql_arg *args, size_t n,
		 struct err *e) _must_check_;

#define SQL_ARGV_(...)                                                                             \
	(const struct sql_arg[]){ __VA_ARGS__ },                                                   \
		sizeof((const struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg)
#define sql_query(db, ret, e, text, ...) sql_query_args(db, text, SQL_ARGV_(__VA_ARGS__), ret, e)
#define sql_query0(db, ret, e, text)     sql_query_args(db, text, NULL, 0, ret, e)
#define sql_run(db, e, text, ...)        sql_run_args(db, text, SQL_ARGV_(__VA_ARGS__), e)
#define sql_run0(db, e, text)            sql_run_args(db, text, NULL, 0, e)

static inline void sql_donep(struct sql_query **q)
{
	sql_done(*q);
}
#define _cleanup_query_ _cleanup_(sql_donep)

/* Columns of the present row, counted from 0. A text that is NULL gives NULL, or "". */
const char *sql_text(struct sql_query *q, int col);
const char *sql_str(struct sql_query *q, int col);
int64_t sql_int(struct sql_query *q, int col);
bool sql_is_null(struct sql_query *q, int col);
struct slice sql_blob(struct sql_query *q, int col);

int64_t sql_last_id(const struct sql *db);
/* Rows that the last statement changed. */
int64_t sql_changes(const struct sql *db);

/* Several statements of constant text, for the schema. */
int sql_script(struct sql *db, const char *text, struct err *e) _must_check_;

/* Transactions nest: the inner ones are savepoints, and only the outermost commit reaches the
 * storage. The write lock is taken at the beginning, so that no transaction fails half-way for want
 * of it. */
int sql_begin(struct sql *db, struct err *e) _must_check_;
int sql_commit(struct sql *db, struct err *e) _must_check_;
/* Undoes the innermost transaction; harmless without one. */
void sql_rollback(struct sql *db);
unsigned sql_depth(const struct sql *db);

#endif
