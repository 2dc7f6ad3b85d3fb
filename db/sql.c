#include "db/sql.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_SLOTS 128 /* constants of the program that are SQL are fewer */
#define DEPTH_MAX   4
#define APPLICATION 0x53616c76 /* "Salv", in the file's header: PRAGMA application_id */
#define MAGIC       "SQLite format 3"

struct sql_query {
	struct sql *db;
	sqlite3_stmt *stmt;
	const char *text;
	bool busy;
	bool once; /* not in the cache: finalized when done */
};

struct sql {
	sqlite3 *h;
	char *path;
	struct sql_opts opts;
	uint64_t wait_from_ms, told_ms;
	bool gave_up; /* the person did not want to wait */
	unsigned depth;
	size_t n_cached;
	struct sql_query cache[CACHE_SLOTS];
};

/* One fallible call of SQLite is about to be made, or (`done`) was made with result rc. */
static int tamper(const struct sql *db, bool done, int rc)
{
	struct sql_fault *f = db->opts.fault;
	bool fails;

	if (!f || f->after != done)
		return rc;
	f->calls++;
	if (f->countdown <= 0 || f->calls < f->countdown)
		return rc;
	fails = f->calls == f->countdown || f->stays;
	return fails ? f->code : rc;
}

#define CALL(db, expr)                                                                             \
	({                                                                                         \
		int rc_ = tamper(db, false, SQLITE_OK);                                            \
		rc_ == SQLITE_OK ? tamper(db, true, (expr)) : rc_;                                 \
	})

static int fail(struct sql *db, int rc, struct err *e, const char *what)
{
	const char *why = db->h && (sqlite3_errcode(db->h) & 0xff) == (rc & 0xff)
				  ? sqlite3_errmsg(db->h)
				  : sqlite3_errstr(rc);
	int os = 0;

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (db->gave_up)
			return err_set(e, ERR_CANCELLED, "stopped waiting for the catalogue '%s'",
				       db->path);
		return err_set_code(
			e, ERR_BUSY, rc,
			"the catalogue '%s' is in use by another process: %s; try again "
			"when it has finished",
			db->path, what);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return err_set_code(
			e, ERR_INTEGRITY, rc,
			"the catalogue '%s' is damaged: %s: %s; it can be rebuilt from the "
			"snapshots",
			db->path, what, why);
	case SQLITE_NOMEM:
		return err_nomem(e);
	case SQLITE_CONSTRAINT:
		return err_set_code(e, ERR_MISMATCH, rc, "the catalogue refuses this: %s: %s", what,
				    why);
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_ERROR:
		return err_set_code(e, ERR_BUG, rc, "catalogue '%s': %s: %s", db->path, what, why);
	case SQLITE_INTERRUPT:
		return err_set_code(e, ERR_CANCELLED, rc, "interrupted");
	default:
		if ((rc & 0xff) == SQLITE_READONLY)
			os = EROFS;
		else if ((rc & 0xff) == SQLITE_FULL)
			os = ENOSPC;
		else if (db->h)
			os = sqlite3_system_errno(db->h);
		err_set_code(e, ERR_HOST, os ? os : EIO, "catalogue '%s': %s: %s", db->path, what,
			     why);
		if (os)
			err_append(e, ": %s", strerror(os));
		return -1;
	}
}

/* SQLite asks again and again while another process holds the lock. */
static int on_busy(void *ctx, int count)
{
	struct sql *db = ctx;
	uint64_t now = clock_ms();
	uint32_t waited, limit = db->opts.wait_ms ? db->opts.wait_ms : 30000;

	if (count == 0) {
		db->wait_from_ms = now;
		db->told_ms = 0;
	}
	waited = (uint32_t)(now - db->wait_from_ms);
	if (waited >= limit)
		return 0;
	if (db->opts.waiting && waited >= (db->told_ms ? db->told_ms + 1000 : 200)) {
		db->told_ms = waited;
		if (!db->opts.waiting(db->opts.ctx, waited)) {
			db->gave_up = true;
			return 0;
		}
	}
	clock_sleep_ms(MIN_OF((uint32_t)(1 + count * 2), 25u));
	return 1;
}

int sql_script(struct sql *db, const char *text, struct err *e)
{
	int rc = CALL(db, sqlite3_exec(db->h, text, NULL, NULL, NULL));

	return rc == SQLITE_OK ? 0 : fail(db, rc, e, "script");
}

int sql_query_args(struct sql *db, const char *text, const struct sql_arg *args, size_t n,
		   struct sql_query **ret, struct err *e)
{
	struct sql_query *q = NULL;
	size_t i;
	int rc;

	for (i = 0; i < db->n_cached; i++) {
		if (db->cache[i].text == text && !db->cache[i].busy) {
			q = &db->cache[i];
			break;
		}
	}
	if (!q) {
		if (db->n_cached < CACHE_SLOTS) {
			q = &db->cache[db->n_cached];
		} else {
			q = calloc(1, sizeof(*q));
			if (!q)
				return err_nomem(e);
			q->once = true;
		}
		rc = CALL(db, sqlite3_prepare_v2(db->h, text, -1, &q->stmt, NULL));
		if (rc != SQLITE_OK) {
			fail(db, rc, e, "prepare");
			sqlite3_finalize(q->stmt);
			q->stmt = NULL;
			if (q->once)
				free(q);
			return -1;
		}
		q->db = db;
		q->text = text;
		if (!q->once)
			db->n_cached++;
	}
	q->busy = true;
	for (i = 0; i < n; i++) {
		const struct sql_arg *a = &args[i];
		int at = (int)i + 1;

		if (a->type == SQL_ARG_INT)
			rc = CALL(db, sqlite3_bind_int64(q->stmt, at, a->num));
		else if (a->type == SQL_ARG_BLOB)
			rc = CALL(db, sqlite3_bind_blob64(q->stmt, at, a->blob.p, a->blob.n,
							  SQLITE_STATIC));
		else
			rc = CALL(db, sqlite3_bind_text(q->stmt, at, a->text, -1, SQLITE_STATIC));
		if (rc != SQLITE_OK) {
			fail(db, rc, e, "bind");
			sql_done(q);
			return -1;
		}
	}
	*ret = q;
	return 0;
}

int sql_step(struct sql_query *q, bool *ret_row, struct err *e)
{
	int rc = CALL(q->db, sqlite3_step(q->stmt));

	/* After a failure that the test asked for the statement stands on a row; the caller must
	 * not see it. */
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		/* The text of the statement tells a developer where; "step" tells nobody. */
		return fail(q->db, rc, e,
			    rc == SQLITE_ERROR || rc == SQLITE_MISUSE ? q->text : "access");
	}
	*ret_row = rc == SQLITE_ROW;
	return 0;
}

void sql_done(struct sql_query *q)
{
	if (!q)
		return;
	if (q->once) {
		sqlite3_finalize(q->stmt);
		free(q);
		return;
	}
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->busy = false;
}

int sql_run_args(struct sql *db, const char *text, const struct sql_arg *args, size_t n,
		 struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query_args(db, text, args, n, &q, e) < 0)
		return -1;
	do {
		if (sql_step(q, &row, e) < 0)
			return -1;
	} while (row);
	return 0;
}

const char *sql_text(struct sql_query *q, int col)
{
	return (const char *)sqlite3_column_text(q->stmt, col);
}

const char *sql_str(struct sql_query *q, int col)
{
	const char *s = sql_text(q, col);

	return s ? s : "";
}

int64_t sql_int(struct sql_query *q, int col)
{
	return sqlite3_column_int64(q->stmt, col);
}

bool sql_is_null(struct sql_query *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

struct slice sql_blob(struct sql_query *q, int col)
{
	const void *p = sqlite3_column_blob(q->stmt, col);

	return SLICE(p, p ? (size_t)sqlite3_column_bytes(q->stmt, col) : 0);
}

int64_t sql_last_id(const struct sql *db)
{
	return sqlite3_last_insert_rowid(db->h);
}

int64_t sql_changes(const struct sql *db)
{
	return sqlite3_changes(db->h);
}

static const char *const begin_text[DEPTH_MAX] = { "BEGIN IMMEDIATE", "SAVEPOINT d1",
						   "SAVEPOINT d2", "SAVEPOINT d3" };
static const char *const commit_text[DEPTH_MAX] = { "COMMIT", "RELEASE d1", "RELEASE d2",
						    "RELEASE d3" };
static const char *const undo_text[DEPTH_MAX] = { "ROLLBACK", "ROLLBACK TO d1; RELEASE d1",
						  "ROLLBACK TO d2; RELEASE d2",
						  "ROLLBACK TO d3; RELEASE d3" };

int sql_begin(struct sql *db, struct err *e)
{
	int rc;

	if (db->depth == DEPTH_MAX)
		return err_set(e, ERR_BUG, "transactions nested more than %d deep", DEPTH_MAX);
	rc = CALL(db, sqlite3_exec(db->h, begin_text[db->depth], NULL, NULL, NULL));
	if (rc != SQLITE_OK) {
		fail(db, rc, e, "begin");
		/* A test's fault after the call: the transaction is open, and nobody would close
		 * it. */
		if (db->depth == 0 && !sqlite3_get_autocommit(db->h))
			sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	db->depth++;
	return 0;
}

int sql_commit(struct sql *db, struct err *e)
{
	int rc;

	if (db->depth == 0)
		return err_set(e, ERR_BUG, "commit without a transaction");
	rc = CALL(db, sqlite3_exec(db->h, commit_text[db->depth - 1], NULL, NULL, NULL));
	if (rc != SQLITE_OK) {
		fail(db, rc, e, "commit");
		sql_rollback(db);
		return -1;
	}
	db->depth--;
	return 0;
}

void sql_rollback(struct sql *db)
{
	if (db->depth == 0)
		return;
	db->depth--;
	/* SQLite itself undoes everything on some errors (disk full, out of memory). */
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, undo_text[db->depth], NULL, NULL, NULL);
}

unsigned sql_depth(const struct sql *db)
{
	return db->depth;
}

/* Runs a check that answers "ok", or one line for each fault; the first is quoted. */
static int check_answer(struct sql *db, const char *text, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query_args(db, text, NULL, 0, &q, e) < 0 || sql_step(q, &row, e) < 0)
		return -1;
	if (!row || strcmp(sql_str(q, 0), "ok") != 0)
		return err_set(
			e, ERR_INTEGRITY,
			"the catalogue '%s' is damaged: %.200s; it can be rebuilt from the snapshots",
			db->path, row ? sql_str(q, 0) : "no answer to the check");
	return 0;
}

int sql_check(struct sql *db, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (check_answer(db, "PRAGMA integrity_check(1)", e) < 0)
		return -1;
	if (sql_query_args(db, "PRAGMA foreign_key_check", NULL, 0, &q, e) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (row)
		return err_set(
			e, ERR_INTEGRITY,
			"the catalogue '%s' is damaged: row %lld of '%s' points at nothing in '%s'",
			db->path, (long long)sql_int(q, 1), sql_str(q, 0), sql_str(q, 2));
	return 0;
}

static int one_int(struct sql *db, const char *text, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query_args(db, text, NULL, 0, &q, e) < 0 || sql_step(q, &row, e) < 0)
		return -1;
	*ret = row ? sql_int(q, 0) : 0;
	return 0;
}

/* What can be said of the file before anything is believed. */
static int check_file(struct sql *db, uint64_t size, struct err *e)
{
	int64_t pages, page_size, app;

	if (one_int(db, "PRAGMA page_count", &pages, e) < 0 ||
	    one_int(db, "PRAGMA page_size", &page_size, e) < 0 ||
	    one_int(db, "PRAGMA application_id", &app, e) < 0)
		return -1;
	if (pages != 0 && app != APPLICATION)
		return err_set(
			e, ERR_INTEGRITY,
			"'%s' is a database, but not a catalogue: application id %lld, not %d",
			db->path, (long long)app, APPLICATION);
	if (size <= SQL_QUICK_CHECK_MAX)
		return check_answer(db, "PRAGMA quick_check(1)", e);
	return 0;
}

static int set_up(struct sql *db, uint64_t size, struct err *e)
{
	sqlite3_extended_result_codes(db->h, 1);
	sqlite3_busy_handler(db->h, on_busy, db);
	/* Nothing in a catalogue is near this; a damaged length must not make us allocate. */
	sqlite3_limit(db->h, SQLITE_LIMIT_LENGTH, 4 << 20);
#ifdef SQLITE_DBCONFIG_DEFENSIVE
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
#endif
#ifdef SQLITE_DBCONFIG_TRUSTED_SCHEMA
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
#endif
	/* A damaged page must be found by looking, never by a fault in mapped memory. */
	if (sql_script(
		    db,
		    "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;"
		    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;",
		    e) < 0)
		return -1;
	if (size == 0 && sql_script(db, "PRAGMA application_id = 0x53616c76;", e) < 0)
		return -1;
	if (check_file(db, size, e) < 0)
		return -1;
	/* File systems without shared memory keep the rollback journal, which is as safe and
	 * slower. */
	return sql_script(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", e);
}

/* Makes or looks at the file before SQLite does: the mode is ours to choose, and a directory, a
 * FIFO or a file cut short is told in words. */
static int look_at_file(struct sql *db, uint64_t *ret_size, struct err *e)
{
	_cleanup_close_ int fd = -1;
	char head[16] = "";
	struct stat st;

	fd = open(db->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | (db->opts.create ? O_CREAT : 0),
		  0600);
	if (fd < 0 && errno == ENOENT && !db->opts.create)
		return err_set_code(e, ERR_HOST, ENOENT, "there is no catalogue at '%s' yet",
				    db->path);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot open the catalogue '%s'", db->path);
	if (fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "cannot look at the catalogue '%s'", db->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_HOST, "the catalogue '%s' is not a regular file", db->path);
	if (st.st_size > 0 && (pread(fd, head, sizeof(head), 0) != sizeof(head) ||
			       memcmp(head, MAGIC, sizeof(head)) != 0))
		return err_set(e, ERR_INTEGRITY,
			       "'%s' is not a catalogue, or its beginning is damaged", db->path);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int sql_open(const char *path, const struct sql_opts *opts, struct sql **ret, struct err *e)
{
	struct sql *db = calloc(1, sizeof(*db));
	uint64_t size = 0;
	int rc;

	if (!db)
		return err_nomem(e);
	db->opts = *opts;
	db->path = strdup(path);
	if (!db->path) {
		err_nomem(e);
		goto fail;
	}
	if (look_at_file(db, &size, e) < 0)
		goto fail;
	rc = CALL(db,
		  sqlite3_open_v2(path, &db->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
	if (rc != SQLITE_OK) {
		fail(db, rc, e, "open");
		goto fail;
	}
	if (set_up(db, size, e) < 0)
		goto fail;
	*ret = db;
	return 0;
fail:
	sql_close(db);
	return -1;
}

void sql_close(struct sql *db)
{
	size_t i;

	if (!db)
		return;
	for (i = 0; i < db->n_cached; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close_v2(db->h);
	free(db->path);
	free(db);
}
