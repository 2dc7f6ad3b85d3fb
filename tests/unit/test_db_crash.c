#include "tests/unit/db_fixture.h"

#include "base/clock.h"
#include "db/schema.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TAC "00100001"

/* What must be true of a catalogue whatever happened to the process that wrote it. */
static void assert_sane(struct db_fixture *f)
{
	static const char *const lies[] = {
		/* A snapshot without all of its items. */
		"SELECT count(*) FROM snapshot s WHERE (SELECT count(*) FROM item i WHERE i.snapshot = s.id)"
		" <> s.n_items",
		"SELECT count(*) FROM item WHERE snapshot NOT IN (SELECT id FROM snapshot)",
		/* A module that stands on nothing. */
		"SELECT count(*) FROM module m WHERE chip IS NULL AND NOT EXISTS(SELECT 1 FROM imei i WHERE"
		" i.module = m.id) AND retired IS NULL",
		/* A number that a person gave and the log does not know. */
		"SELECT count(*) FROM imei i WHERE evidence = 4 AND NOT EXISTS(SELECT 1 FROM audit a WHERE"
		" a.record LIKE '%\"event\":\"identity\"%' AND a.record LIKE '%' || i.imei || '%')",
		"SELECT count(*) FROM module m WHERE label <> '' AND NOT EXISTS(SELECT 1 FROM audit a WHERE"
		" a.record LIKE '%\"label\"%' AND a.record LIKE '%\"' || m.label || '\"%')",
		"SELECT count(*) FROM module m WHERE retired IS NOT NULL AND EXISTS(SELECT 1 FROM imei i WHERE"
		" i.module = m.id)",
		/* A log that speaks of a label nobody has. */
		"SELECT count(*) FROM audit a WHERE record LIKE '%\"label\"%' AND NOT EXISTS"
		" (SELECT 1 FROM module m WHERE label <> '')",
	};
	struct sql_opts o = { .wait_ms = 5000 };
	struct err e = ERR_INIT;
	unsigned version;
	struct sql *db;
	size_t i;

	if (access(f->path, F_OK) != 0)
		return;
	assert_ok(sql_open(f->path, &o, &db, &e), e);
	assert_ok(sql_check(db, &e), e);
	assert_ok(schema_version(db, &version, &e), e);
	for (i = 0; version && i < ARRAY_SIZE(lies); i++) {
		struct sql_query *q;
		bool row;

		assert_ok(sql_query_args(db, lies[i], NULL, 0, &q, &e), e);
		assert_ok(sql_step(q, &row, &e), e);
		if (sql_int(q, 0) != 0)
			fail_msg("after a failure: %s", lies[i]);
		sql_done(q);
	}
	sql_close(db);
}

/* Everything that writes, once; -1 at the first failure, like a command would end. */
static int a_day_at_work(struct db_fixture *f, struct err *e)
{
	const struct identity_claim typed = { .number = "490154203237518",
					      .number_again = "490154203237518",
					      .slot = 2,
					      .evidence = EVIDENCE_ATTESTED,
					      .reason = "wiped",
					      .label_serial = "E1Q20ABC" };
	struct chip_id chip = db_chip(1), two = db_chip(2);
	char a[16], b[16], h[65], h2[65];
	struct catalog_sight s = { .imei = { db_imei(TAC, 1, a) }, .model = "EC25" };
	struct catalog_sight t = { .chip = &two, .imei = { db_imei(TAC, 2, b) }, .model = "EC25" };
	struct catalog_item items[2] = { { .name = "efs2", .kind = "raw" },
					 { .name = "x", .kind = "nv" } };
	struct catalog_snapshot snap = {
		.hash = db_hash(1, h), .path = "/1", .n_items = 2, .verdict = CATALOG_COMPLETE
	};
	struct catalog_note note = { .text = "note" };
	struct identity_decision d;
	struct catalog_seen seen;
	int64_t id, other, op;
	struct buf out = BUF_INIT(1 << 16);
	struct buf_sink sink;
	int r = -1;

	buf_sink_init(&sink, &out);
	if (!f->c && db_open(f, e) < 0)
		return -1;
	if (catalog_see(f->c, &s, &seen, e) < 0 ||
	    catalog_operation_begin(f->c, seen.id, "backup", &op, e) < 0)
		goto out;
	s.chip = &chip;
	s.bound = true;
	if (catalog_see(f->c, &s, &seen, e) < 0)
		goto out;
	id = snap.module = note.module = seen.id;
	if (catalog_see(f->c, &t, &seen, e) < 0)
		goto out;
	other = seen.id;
	if (catalog_add_snapshot(f->c, &snap, items, 2, NULL, e) < 0)
		goto out;
	snap.hash = db_hash(2, h2);
	snap.path = "/2";
	if (catalog_add_snapshot(f->c, &snap, items, 2, NULL, e) < 0 ||
	    catalog_set_label(f->c, id, "van 7", e) < 0 || catalog_add_note(f->c, &note, e) < 0 ||
	    identity_claim(f->c, id, &typed, &d, e) < 0 ||
	    identity_confirm(f->c, id, 2, typed.number, e) < 0 ||
	    catalog_operation_end(f->c, op, CATALOG_DONE, "", h, e) < 0 ||
	    catalog_set_rf(f->c, other, CATALOG_RF_DONOR, h, e) < 0 ||
	    catalog_retire(f->c, other, "scrapped", e) < 0 ||
	    catalog_export(f->c, &sink.sink, e) < 0)
		goto out;
	if (catalog_rebuild_begin(f->c, e) < 0)
		goto out;
	if (catalog_add_snapshot(f->c, &snap, items, 2, NULL, e) < 0) {
		catalog_batch_undo(f->c);
		goto out;
	}
	r = catalog_batch_commit(f->c, e);
out:
	buf_fini(&out);
	return r;
}

/* Every stride-th call has its turn to fail; with 1, every one. */
static void sane_after_failures(int code, bool after, bool stays, long stride)
{
	long n, calls = 0;
	bool whole = false;

	for (n = 1; !whole; n += stride) {
		struct db_fixture f;
		struct err e = ERR_INIT;
		int r;

		db_folder(&f);
		f.fault = (struct sql_fault){
			.countdown = n, .code = code, .after = after, .stays = stays
		};
		r = a_day_at_work(&f, &e);
		calls = f.fault.calls;
		whole = calls < n;
		if (r < 0)
			assert_true(e.kind != ERR_NONE && e.msg[0] != '\0');
		if (whole)
			assert_ok(r, e);
		/* Success after a failed call: then only the mirror had to stay behind, and it is
		 * told. */
		if (r == 0 && !whole && stays)
			assert_string_not_equal(catalog_warning(f.c), "");
		catalog_close(f.c);
		f.c = NULL;
		f.fault = (struct sql_fault){ 0 };
		assert_sane(&f);
		assert_ok(db_open(&f, &e), e);
		assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
		db_down(&f);
	}
	assert_true(calls > 300);
}

static void an_io_error_at_any_call_leaves_no_lie(void **state)
{
	(void)state;
	sane_after_failures(10, false, false, 1);
}

static void a_full_disk_from_any_call_on_leaves_no_lie(void **state)
{
	(void)state;
	sane_after_failures(13, false, true, 3);
}

static void a_call_that_worked_and_said_no_leaves_no_lie(void **state)
{
	(void)state;
	sane_after_failures(7, true, false, 3);
}

static void add_snapshots_until_killed(struct db_fixture *f)
{
	unsigned i;

	for (i = 1;; i++) {
		char label[16];
		struct err e = ERR_INIT;
		int64_t id = db_see(f, i % 20 + 1, NULL, "EC25", false).id;

		db_snapshot(f, i, id, i, CATALOG_COMPLETE);
		snprintf(label, sizeof(label), "label %u", i);
		if (catalog_set_label(f->c, id, label, &e) < 0)
			_exit(1);
	}
}

static void a_killed_writer_leaves_a_sane_catalogue(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 12; i++) {
		struct db_fixture f;
		struct err e = ERR_INIT;
		int status;
		pid_t pid;

		db_folder(&f);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			if (db_open(&f, &e) < 0)
				_exit(2);
			add_snapshots_until_killed(&f);
		}
		clock_sleep_ms(3 + i * 7);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_sane(&f);
		assert_ok(db_open(&f, &e), e);
		assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
		/* And it goes on: the mirror catches up. */
		assert_ok(catalog_set_label(f.c, db_see(&f, 30, NULL, NULL, false).id, "after", &e),
			  e);
		assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
		db_down(&f);
	}
}

static void many_processes_at_once_all_get_through(void **state)
{
	enum { WRITERS = 4, EACH = 25 };
	struct audit_report rep;
	struct db_fixture f;
	struct err e = ERR_INIT;
	pid_t pid[WRITERS];
	unsigned w, i;

	(void)state;
	db_folder(&f); /* they race for making the file, too */
	for (w = 0; w < WRITERS; w++) {
		pid[w] = fork();
		assert_true(pid[w] >= 0);
		if (pid[w] > 0)
			continue;
		if (db_open(&f, &e) < 0)
			_exit(2);
		for (i = 0; i < EACH; i++) {
			char label[16];
			int64_t id = db_see(&f, w + 1, NULL, "EC25", false).id;

			db_snapshot(&f, w * 1000 + i, id, i, CATALOG_COMPLETE);
			snprintf(label, sizeof(label), "%u-%u", w, i);
			if (catalog_set_label(f.c, id, label, &e) < 0)
				_exit(3);
		}
		catalog_close(f.c);
		_exit(0);
	}
	for (w = 0; w < WRITERS; w++) {
		int status;

		assert_int_equal(waitpid(pid[w], &status, 0), pid[w]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	assert_sane(&f);
	assert_int_equal(db_count(f.path, "SELECT count(*) FROM snapshot"), WRITERS * EACH);
	assert_int_equal(db_count(f.path, "SELECT count(*) FROM module"), WRITERS);
	assert_ok(db_open(&f, &e), e);
	assert_ok(audit_verify(catalog_audit(f.c), &rep, &e), e);
	assert_int_equal(rep.records, WRITERS * EACH);
	assert_int_equal(rep.mirrored, WRITERS * EACH);
	db_down(&f);
}

static int ignore_module(struct catalog_rows *r, const struct catalog_module *m, struct err *e)
{
	(void)r;
	(void)m;
	(void)e;
	return 0;
}

static int file_good(struct catalog_checker *k, const struct catalog_snapshot *s,
		     enum catalog_file *ret, struct err *e)
{
	(void)k;
	(void)s;
	(void)ret;
	(void)e;
	return 0;
}

static int found_nothing(struct catalog_checker *k, const struct catalog_snapshot *s,
			 const char *what, struct err *e)
{
	(void)k;
	(void)s;
	(void)what;
	(void)e;
	return 0;
}

/* Whatever is in the file: an answer or an error, never a crash, and no error that blames us. */
static void use_damaged(struct db_fixture *f)
{
	struct catalog_checker k = { file_good, found_nothing };
	struct catalog_rows rows = { .module = ignore_module };
	struct err e = ERR_INIT;
	struct catalog_note note = { .module = 1, .text = "x" };
	uint64_t n;

	if (db_open(f, &e) < 0) {
		assert_true(e.kind == ERR_INTEGRITY || e.kind == ERR_HOST ||
			    e.kind == ERR_UNSUPPORTED || e.kind == ERR_BUG);
		return;
	}
	(void)!catalog_modules(f->c, 0, 0, &rows, &e);
	(void)!catalog_find(f->c, "EC25", 0, &rows, &e);
	(void)!catalog_snapshots(f->c, 1, 0, 0, &rows, &e);
	(void)!catalog_check(f->c, &k, &n, &e);
	(void)!catalog_add_note(f->c, &note, &e);
	(void)!audit_verify(catalog_audit(f->c), NULL, &e);
	catalog_close(f->c);
	f->c = NULL;
}

static void a_damaged_file_is_said_so_and_never_crashes(void **state)
{
	struct db_fixture f;
	struct err e = ERR_INIT;
	uint32_t seed = 1;
	uint8_t *good, *bad;
	struct stat st;
	unsigned i;
	int64_t id;
	int fd;

	(void)state;
	db_up(&f);
	id = db_see(&f, 1, NULL, "EC25", false).id;
	for (i = 0; i < 60; i++)
		db_snapshot(&f, i, id, i, CATALOG_COMPLETE);
	assert_ok(catalog_set_label(f.c, id, "van 7", &e), e);
	catalog_close(f.c);
	f.c = NULL;
	assert_int_equal(stat(f.path, &st), 0);
	good = malloc((size_t)st.st_size);
	bad = malloc((size_t)st.st_size);
	assert_non_null(good);
	assert_non_null(bad);
	fd = open(f.path, O_RDONLY);
	assert_int_equal(read(fd, good, (size_t)st.st_size), st.st_size);
	close(fd);
	for (i = 0; i < 150; i++) {
		size_t n = (size_t)st.st_size, k, at;

		memcpy(bad, good, n);
		for (k = 0; k < 1 + i % 8; k++) {
			seed = seed * 1664525u + 1013904223u;
			at = seed % n;
			bad[i % 3 == 0 ? at % 4096 : at] ^= (uint8_t)(1u << (seed >> 29));
		}
		if (i % 10 == 9)
			n = n * (i % 7 + 1) / 9;
		if (i % 25 == 24)
			memset(bad + n / 2, 0, n / 4);
		fd = open(f.path, O_WRONLY | O_TRUNC);
		assert_int_equal(write(fd, bad, n), (ssize_t)n);
		close(fd);
		use_damaged(&f);
	}
	/* A page of nonsense in the middle is noticed when the file is opened. */
	memcpy(bad, good, (size_t)st.st_size);
	memset(bad + 4096, 0xa5, 4096);
	fd = open(f.path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, bad, (size_t)st.st_size), st.st_size);
	close(fd);
	assert_err(db_open(&f, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "rebuilt"));
	free(good);
	free(bad);
	db_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_io_error_at_any_call_leaves_no_lie),
		cmocka_unit_test(a_full_disk_from_any_call_on_leaves_no_lie),
		cmocka_unit_test(a_call_that_worked_and_said_no_leaves_no_lie),
		cmocka_unit_test(a_killed_writer_leaves_a_sane_catalogue),
		cmocka_unit_test(many_processes_at_once_all_get_through),
		cmocka_unit_test(a_damaged_file_is_said_so_and_never_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
