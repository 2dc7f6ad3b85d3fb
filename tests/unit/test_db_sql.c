#include "tests/unit/db_fixture.h"

#include "base/clock.h"
#include "db/schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sql.c ---- */

static void what_is_no_catalogue_is_said_so(void **state)
{
	struct sql_opts o = { .create = false };
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct sql *db;
	char path[ROOM];
	FILE *file;

	(void)state;
	db_up(&f);
	snprintf(path, sizeof(path), "%s/none.db", f.dir);
	assert_err(sql_open(path, &o, &db, &e), e, ERR_HOST);
	assert_int_equal(e.code, ENOENT);
	assert_err(sql_open(f.dir, &o, &db, &e), e, ERR_HOST);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_err(sql_open(path, &o, &db, &e), e, ERR_HOST);
	unlink(path);
	file = fopen(path, "w");
	fputs("a letter to my aunt", file);
	fclose(file);
	assert_err(sql_open(path, &o, &db, &e), e, ERR_INTEGRITY);
	unlink(path);
	/* Somebody else's database. */
	o.create = true;
	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_ok(sql_script(db, "PRAGMA application_id = 7; CREATE TABLE t(x);", &e), e);
	sql_close(db);
	assert_err(sql_open(path, &o, &db, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "not a catalogue"));
	db_down(&f);
}

static void values_travel_as_arguments(void **state)
{
	static const char evil[] = "'); DROP TABLE module; --";
	struct db_fixture f;
	struct db_got g;
	struct err e = ERR_INIT;
	int64_t id;

	(void)state;
	db_up(&f);
	id = db_see(&f, 1, NULL, evil, false).id;
	assert_ok(catalog_set_label(f.c, id, evil, &e), e);
	db_module(&f, id, &g);
	assert_string_equal(g.label, evil);
	assert_ok(catalog_find(f.c, evil, 0, &g.rows, &e), e);
	assert_int_equal(g.n_modules, 2); /* once by db_module(), once found */
	db_down(&f);
}

static void transactions_nest_and_undo(void **state)
{
	struct sql_opts o = { .create = true };
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct sql *db;
	char path[ROOM];
	int i;

	(void)state;
	db_up(&f);
	snprintf(path, sizeof(path), "%s/x.db", f.dir);
	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_ok(sql_script(db, "CREATE TABLE t(x);", &e), e);
	assert_ok(sql_begin(db, &e), e);
	assert_ok(sql_run(db, &e, "INSERT INTO t VALUES(?1)", SQL_I(1)), e);
	assert_ok(sql_begin(db, &e), e);
	assert_ok(sql_run(db, &e, "INSERT INTO t VALUES(?1)", SQL_I(2)), e);
	sql_rollback(db);
	assert_ok(sql_begin(db, &e), e);
	assert_ok(sql_run(db, &e, "INSERT INTO t VALUES(?1)", SQL_I(3)), e);
	assert_ok(sql_commit(db, &e), e);
	assert_int_equal(sql_depth(db), 1);
	assert_ok(sql_commit(db, &e), e);
	sql_rollback(db);
	assert_err(sql_commit(db, &e), e, ERR_BUG);
	assert_err(sql_run0(db, &e, "SELECT nonsense"), e, ERR_BUG);
	assert_int_equal(db_count(path, "SELECT sum(x) FROM t"), 4);
	for (i = 0; i < 4; i++)
		assert_ok(sql_begin(db, &e), e);
	assert_err(sql_begin(db, &e), e, ERR_BUG);
	for (i = 0; i < 4; i++)
		sql_rollback(db);
	sql_close(db);
	db_down(&f);
}

static void after_a_failed_commit_the_next_one_works(void **state)
{
	struct sql_fault fault = { 0 };
	struct sql_opts o = { .create = true, .fault = &fault };
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct sql *db;
	char path[ROOM];

	(void)state;
	db_up(&f);
	snprintf(path, sizeof(path), "%s/x.db", f.dir);
	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_ok(sql_script(db, "CREATE TABLE t(x);", &e), e);
	assert_ok(sql_begin(db, &e), e);
	assert_ok(sql_run(db, &e, "INSERT INTO t VALUES(?1)", SQL_I(1)), e);
	fault = (struct sql_fault){ .countdown = 1, .code = 13 };
	assert_err(sql_commit(db, &e), e, ERR_HOST);
	assert_int_equal(e.code, ENOSPC);
	assert_int_equal(sql_depth(db), 0);
	assert_int_equal(db_count(path, "SELECT count(*) FROM t"), 0);
	assert_ok(sql_begin(db, &e), e);
	assert_ok(sql_run(db, &e, "INSERT INTO t VALUES(?1)", SQL_I(2)), e);
	assert_ok(sql_commit(db, &e), e);
	sql_close(db);
	assert_int_equal(db_count(path, "SELECT sum(x) FROM t"), 2);
	db_down(&f);
}

struct waited {
	unsigned calls;
	bool go_on;
};

static bool waiting(void *ctx, uint32_t waited_ms)
{
	struct waited *w = ctx;

	(void)waited_ms;
	w->calls++;
	return w->go_on;
}

static void a_locked_catalogue_is_waited_for_and_told(void **state)
{
	struct waited w = { 0, true };
	struct sql_opts holder_opts = { .wait_ms = 1000 };
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct catalog_seen seen;
	struct chip_id chip = db_chip(1);
	struct catalog_sight s = { .chip = &chip };
	struct catalog_opts o = { .wait_ms = 350, .waiting = waiting, .ctx = &w };
	struct catalog *c;
	struct sql *holder;
	uint64_t from;

	(void)state;
	db_up(&f);
	o.path = f.path;
	assert_ok(sql_open(f.path, &holder_opts, &holder, &e), e);
	assert_ok(sql_begin(holder, &e), e);
	/* Reading and opening do not wait for a writer. */
	assert_ok(catalog_open(&o, &c, &e), e);
	assert_int_equal(w.calls, 0);
	from = clock_ms();
	assert_err(catalog_see(c, &s, &seen, &e), e, ERR_BUSY);
	assert_true(clock_ms() - from >= 350 && clock_ms() - from < 10000);
	assert_true(w.calls >= 1);
	w.go_on = false;
	assert_err(catalog_see(c, &s, &seen, &e), e, ERR_CANCELLED);
	sql_rollback(holder);
	assert_ok(catalog_see(c, &s, &seen, &e), e);
	catalog_close(c);
	sql_close(holder);
	db_down(&f);
}

/* ---- schema.c ---- */

static const struct schema_step synthetic[] = {
	{ 1, "CREATE TABLE a(x TEXT); INSERT INTO a VALUES('kept'); PRAGMA user_version = 1;" },
	{ 2, "ALTER TABLE a ADD COLUMN y INTEGER DEFAULT 7; PRAGMA user_version = 2;" },
	{ 3, "CREATE TABLE b AS SELECT x, y FROM a; DROP TABLE a; PRAGMA user_version = 3;" },
};

static void an_older_file_is_brought_on_step_by_step(void **state)
{
	static const struct schema_step broken[] = {
		synthetic[0],
		synthetic[1],
		{ 3, "CREATE TABLE b(x); INSERT INTO nowhere VALUES(1);" }
	};
	static const struct schema_step forgetful[] = { synthetic[0], { 2, "CREATE TABLE c(x);" } };
	struct sql_opts o = { .create = true };
	unsigned version, from;
	struct db_fixture f;
	struct err e = ERR_INIT;
	char path[ROOM];
	struct sql *db;

	(void)state;
	db_up(&f);
	for (from = 0; from <= 3; from++) {
		snprintf(path, sizeof(path), "%s/m%u.db", f.dir, from);
		assert_ok(sql_open(path, &o, &db, &e), e);
		if (from)
			assert_ok(schema_migrate(db, synthetic, from, &e), e);
		assert_ok(schema_version(db, &version, &e), e);
		assert_int_equal(version, from);
		/* A step that fails leaves the version before it, whole. */
		if (from < 3) {
			assert_err(schema_migrate(db, broken, 3, &e), e, ERR_BUG);
			assert_ok(schema_version(db, &version, &e), e);
			assert_int_equal(version, 2);
		}
		assert_ok(schema_migrate(db, synthetic, 3, &e), e);
		assert_ok(schema_migrate(db, synthetic, 3, &e), e);
		sql_close(db);
		assert_int_equal(db_count(path, "SELECT y FROM b WHERE x = 'kept'"), 7);
	}
	/* A newer file is left alone, by an older program and by one that forgets to count. */
	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_err(schema_migrate(db, synthetic, 2, &e), e, ERR_UNSUPPORTED);
	sql_close(db);
	snprintf(path, sizeof(path), "%s/forgetful.db", f.dir);
	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_err(schema_migrate(db, forgetful, 2, &e), e, ERR_BUG);
	sql_close(db);
	db_exec(f.path, "PRAGMA user_version = 2");
	catalog_close(f.c);
	f.c = NULL;
	assert_err(db_open(&f, &e), e, ERR_UNSUPPORTED);
	db_down(&f);
}

static void the_products_steps_ascend(void **state)
{
	const struct schema_step *s;
	size_t n, i;

	(void)state;
	s = schema_steps(&n);
	assert_true(n > 0);
	for (i = 0; i < n; i++)
		assert_int_equal(s[i].version, i + 1);
}

static void failures_have_their_kinds(void **state)
{
	static const struct {
		int code;
		enum err_kind kind;
	} codes[] = { { 5, ERR_BUSY },     { 6, ERR_BUSY },  { 7, ERR_NOMEM },
		      { 8, ERR_HOST },     { 10, ERR_HOST }, { 11, ERR_INTEGRITY },
		      { 13, ERR_HOST },    { 14, ERR_HOST }, { 26, ERR_INTEGRITY },
		      { 9, ERR_CANCELLED } };
	struct catalog_seen seen;
	struct chip_id chip = db_chip(1);
	struct catalog_sight s = { .chip = &chip };
	struct db_fixture f;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	db_up(&f);
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		f.fault = (struct sql_fault){ .countdown = 3, .code = codes[i].code };
		assert_err(catalog_see(f.c, &s, &seen, &e), e, codes[i].kind);
	}
	db_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_catalogue_is_said_so),
		cmocka_unit_test(values_travel_as_arguments),
		cmocka_unit_test(transactions_nest_and_undo),
		cmocka_unit_test(after_a_failed_commit_the_next_one_works),
		cmocka_unit_test(a_locked_catalogue_is_waited_for_and_told),
		cmocka_unit_test(an_older_file_is_brought_on_step_by_step),
		cmocka_unit_test(the_products_steps_ascend),
		cmocka_unit_test(failures_have_their_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
