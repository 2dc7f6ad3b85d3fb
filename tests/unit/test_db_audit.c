#include "tests/unit/db_fixture.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNLOCK "DROP TRIGGER audit_stays; DROP TRIGGER audit_grows;"
#define RELOCK                                                                                     \
	"CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, ''); END;"    \
	"CREATE TRIGGER audit_grows BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, ''); END;"

/* A catalogue with five records in its log. */
static int64_t five(struct db_fixture *f)
{
	static const char *const labels[] = { "one", "two", "three", "four", "five" };
	struct err e = ERR_INIT;
	int64_t id;
	size_t i;

	db_up(f);
	id = db_see(f, 1, NULL, "EC25", false).id;
	for (i = 0; i < ARRAY_SIZE(labels); i++)
		assert_ok(catalog_set_label(f->c, id, labels[i], &e), e);
	return id;
}

static char *slurp(const char *path)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;

	assert_ok(fs_read_file(path, &b, &e), e);
	assert_ok(buf_add(&b, "", 1, &e), e);
	return (char *)b.p;
}

static void spill(const char *path, const char *text)
{
	struct err e = ERR_INIT;

	assert_ok(fs_write_file(path, SLICE(text, strlen(text)), true, &e), e);
}

static void expect_bad(struct db_fixture *f, uint64_t record, const char *word)
{
	struct audit_report r = { 0, 0, 0 };
	struct err e = ERR_INIT;

	assert_err(audit_verify(catalog_audit(f->c), &r, &e), e, ERR_INTEGRITY);
	if (r.bad != record || !strstr(e.msg, word))
		fail_msg("record %llu, '%s'", (unsigned long long)r.bad, e.msg);
}

static void an_untouched_log_is_good_and_mirrored(void **state)
{
	struct audit_report r;
	struct db_fixture f;
	struct err e = ERR_INIT;
	char *text, *p;
	unsigned n = 0;

	(void)state;
	five(&f);
	assert_ok(audit_verify(catalog_audit(f.c), &r, &e), e);
	assert_int_equal(r.records, 5);
	assert_int_equal(r.mirrored, 5);
	text = slurp(f.mirror);
	for (p = text; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, 5);
	assert_non_null(strstr(text, "\"who\":\"tester@bench\""));
	assert_non_null(strstr(text, "\"chip\":\"5a000001\""));
	free(text);
	db_down(&f);
}

static void the_log_cannot_be_changed_by_mistake(void **state)
{
	struct sql_opts o = { .wait_ms = 1000 };
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct sql *db;

	(void)state;
	five(&f);
	assert_ok(sql_open(f.path, &o, &db, &e), e);
	assert_err(sql_run0(db, &e, "DELETE FROM audit WHERE seq = 5"), e, ERR_MISMATCH);
	assert_err(sql_run0(db, &e, "UPDATE audit SET record = 'x' WHERE seq = 1"), e,
		   ERR_MISMATCH);
	sql_close(db);
	db_down(&f);
}

static void every_tampering_with_the_log_is_found(void **state)
{
	static const struct {
		const char *sql;
		uint64_t record;
		const char *word;
	} deeds[] = {
		{ "UPDATE audit SET record = replace(record, 'two', 'TWO') WHERE seq = 2;", 2,
		  "edited" },
		{ "DELETE FROM audit WHERE seq = 3;", 3, "missing" },
		{ "UPDATE audit SET seq = 99 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3;"
		  "UPDATE audit SET seq = 3 WHERE seq = 99;",
		  2, "belongs" },
		{ "DELETE FROM audit WHERE seq = 5;", 5, "cut off" },
		{ "DELETE FROM audit WHERE seq > 3;", 4, "cut off" },
		{ "DELETE FROM audit;", 1, "cut off" },
		{ "UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 1) WHERE seq = 4;",
		  4, "edited" },
		{ "UPDATE meta SET value = '4 0000' WHERE key = 'audit';", 6, "counter" },
		{ "DELETE FROM meta WHERE key = 'audit';", 6, "counter" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(deeds); i++) {
		struct db_fixture f;
		struct err e = ERR_INIT;
		int64_t id = five(&f);

		db_exec(f.path, UNLOCK);
		db_exec(f.path, deeds[i].sql);
		db_exec(f.path, RELOCK);
		expect_bad(&f, deeds[i].record, deeds[i].word);
		/* Without the mirror, too: the chain, or at its end the counter. */
		unlink(f.mirror);
		assert_err(audit_verify(catalog_audit(f.c), NULL, &e), e, ERR_INTEGRITY);
		/* Where the end does not fit, nothing is added to it. */
		if (strstr(deeds[i].word, "cut off") || strstr(deeds[i].word, "counter"))
			assert_err(catalog_set_label(f.c, id, "six", &e), e, ERR_INTEGRITY);
		db_down(&f);
	}
}

static void every_tampering_with_the_mirror_is_found(void **state)
{
	struct db_fixture f;
	char *text, *line[6], *p;
	unsigned i;
	int64_t id;
	struct err e = ERR_INIT;
	char room[8192];

	(void)state;
	id = five(&f);
	text = slurp(f.mirror);
	for (i = 0, p = text; i < 5; i++) {
		line[i] = p;
		p = strchr(p, '\n');
		*p++ = '\0';
	}
	/* An edit, a deletion, two lines exchanged, one line too many. */
	strstr(line[1], "two")[0] = 'T';
	snprintf(room, sizeof(room), "%s\n%s\n%s\n%s\n%s\n", line[0], line[1], line[2], line[3],
		 line[4]);
	spill(f.mirror, room);
	expect_bad(&f, 2, "edited in the mirror");
	strstr(line[1], "Two")[0] = 't';
	snprintf(room, sizeof(room), "%s\n%s\n%s\n%s\n", line[0], line[1], line[3], line[4]);
	spill(f.mirror, room);
	expect_bad(&f, 3, "in the mirror");
	snprintf(room, sizeof(room), "%s\n%s\n%s\n%s\n%s\n", line[0], line[2], line[1], line[3],
		 line[4]);
	spill(f.mirror, room);
	expect_bad(&f, 2, "in the mirror");
	snprintf(room, sizeof(room), "%s\n%s\n%s\n%s\n%s\nrubbish\n", line[0], line[1], line[2],
		 line[3], line[4]);
	spill(f.mirror, room);
	expect_bad(&f, 6, "stands in the mirror");
	assert_err(catalog_set_label(f.c, id, "six", &e), e, ERR_INTEGRITY);
	/* Whole again. */
	snprintf(room, sizeof(room), "%s\n%s\n%s\n%s\n%s\n", line[0], line[1], line[2], line[3],
		 line[4]);
	spill(f.mirror, room);
	assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
	assert_ok(catalog_set_label(f.c, id, "six", &e), e);
	free(text);
	db_down(&f);
}

static void an_older_database_put_back_is_found(void **state)
{
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct buf old = BUF_INIT(4 << 20);
	int64_t id;

	(void)state;
	id = five(&f);
	catalog_close(f.c);
	assert_ok(fs_read_file(f.path, &old, &e), e);
	assert_ok(db_open(&f, &e), e);
	assert_ok(catalog_set_label(f.c, id, "six", &e), e);
	catalog_close(f.c);
	f.c = NULL;
	assert_ok(fs_write_file(f.path, buf_slice(&old), true, &e), e);
	buf_fini(&old);
	/* Its own chain and counter are whole; only the mirror knows better. */
	assert_ok(db_open(&f, &e), e);
	expect_bad(&f, 6, "cut off");
	assert_err(catalog_set_label(f.c, id, "other", &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "has 5 records"));
	db_down(&f);
}

static void a_mirror_that_is_behind_or_torn_catches_up(void **state)
{
	struct audit_report r;
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct stat st;
	int64_t id;
	off_t cut;

	(void)state;
	id = five(&f);
	assert_int_equal(stat(f.mirror, &st), 0);
	/* Any way a killed writer may have left it. */
	for (cut = 0; cut < st.st_size; cut += 61) {
		assert_int_equal(truncate(f.mirror, st.st_size - cut), 0);
		assert_ok(audit_verify(catalog_audit(f.c), &r, &e), e);
		assert_int_equal(r.records, 5);
		assert_ok(audit_sync(catalog_audit(f.c), &e), e);
		assert_ok(audit_verify(catalog_audit(f.c), &r, &e), e);
		assert_int_equal(r.mirrored, 5);
	}
	unlink(f.mirror);
	assert_ok(catalog_set_label(f.c, id, "six", &e), e);
	assert_ok(audit_verify(catalog_audit(f.c), &r, &e), e);
	assert_int_equal(r.mirrored, 6);
	db_down(&f);
}

static void nothing_is_done_that_could_not_be_logged(void **state)
{
	struct db_fixture f;
	struct err e = ERR_INIT;
	struct db_got g;
	int64_t id;

	(void)state;
	db_up(&f);
	id = db_see(&f, 1, NULL, "EC25", false).id;
	/* Where the mirror should be there is something else. */
	assert_int_equal(mkdir(f.mirror, 0700), 0);
	assert_err(catalog_set_label(f.c, id, "x", &e), e, ERR_HOST);
	rmdir(f.mirror);
	assert_int_equal(mkfifo(f.mirror, 0600), 0);
	assert_err(catalog_retire(f.c, id, "x", &e), e, ERR_HOST);
	unlink(f.mirror);
	assert_int_equal(symlink("/dev/null", f.mirror), 0);
	assert_err(catalog_retire(f.c, id, "x", &e), e, ERR_HOST);
	unlink(f.mirror);
	db_module(&f, id, &g);
	assert_string_equal(g.label, "");
	assert_false(g.retired);
	assert_ok(catalog_set_label(f.c, id, "x", &e), e);
	db_down(&f);
}

static void a_damaged_mirror_is_not_taken_over(void **state)
{
	struct db_fixture f;
	struct err e = ERR_INIT;
	char *text, *moved;

	(void)state;
	five(&f);
	text = slurp(f.mirror);
	strstr(text, "two")[0] = 'T';
	spill(f.mirror, text);
	free(text);
	catalog_close(f.c);
	f.c = NULL;
	assert_ok(catalog_set_aside(f.path, &moved, &e), e);
	free(moved);
	assert_err(db_open(&f, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "line 2"));
	/* Asked again it says so again; moved away, a new log begins. */
	assert_err(db_open(&f, &e), e, ERR_INTEGRITY);
	unlink(f.mirror);
	assert_ok(db_open(&f, &e), e);
	db_down(&f);
}

static void an_export_masks_unless_asked_for_all(void **state)
{
	struct buf b = BUF_INIT(1 << 16);
	struct identity_claim c = { .number = "490154203237518",
				    .slot = 1,
				    .evidence = EVIDENCE_CHIP };
	struct identity_decision d;
	struct buf_sink sink;
	struct db_fixture f;
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	db_up(&f);
	assert_ok(identity_claim(f.c, db_see(&f, 1, NULL, "EC25", false).id, &c, &d, &e), e);
	buf_sink_init(&sink, &b);
	assert_ok(audit_export(catalog_audit(f.c), true, &sink.sink, &e), e);
	text = slurp(f.mirror);
	assert_slice_equal(buf_slice(&b), text, strlen(text));
	free(text);
	b.n = 0;
	assert_ok(audit_export(catalog_audit(f.c), false, &sink.sink, &e), e);
	assert_ok(buf_add(&b, "", 1, &e), e);
	assert_null(strstr((char *)b.p, "490154203237518"));
	assert_null(strstr((char *)b.p, "5a000001"));
	assert_non_null(strstr((char *)b.p, "49015420*******"));
	assert_non_null(strstr((char *)b.p, "****0001"));
	buf_fini(&b);
	db_down(&f);
}

static void the_longest_texts_fit_a_line(void **state)
{
	struct catalog_note note = { 0 };
	char text[AUDIT_TEXT_MAX + 2];
	struct db_fixture f;
	struct err e = ERR_INIT;
	unsigned i;

	(void)state;
	db_up(&f);
	note.module = db_see(&f, 1, NULL, "EC25", false).id;
	note.text = text;
	memset(text, 1, sizeof(text)); /* each becomes six bytes of JSON */
	text[AUDIT_TEXT_MAX + 1] = '\0';
	assert_err(catalog_add_note(f.c, &note, &e), e, ERR_USAGE);
	text[AUDIT_TEXT_MAX] = '\0';
	for (i = 0; i < 30; i++)
		assert_ok(catalog_add_note(f.c, &note, &e), e);
	assert_string_equal(catalog_warning(f.c), "");
	assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
	db_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_untouched_log_is_good_and_mirrored),
		cmocka_unit_test(the_log_cannot_be_changed_by_mistake),
		cmocka_unit_test(every_tampering_with_the_log_is_found),
		cmocka_unit_test(every_tampering_with_the_mirror_is_found),
		cmocka_unit_test(an_older_database_put_back_is_found),
		cmocka_unit_test(a_mirror_that_is_behind_or_torn_catches_up),
		cmocka_unit_test(nothing_is_done_that_could_not_be_logged),
		cmocka_unit_test(a_damaged_mirror_is_not_taken_over),
		cmocka_unit_test(an_export_masks_unless_asked_for_all),
		cmocka_unit_test(the_longest_texts_fit_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
