#include "tests/unit/db_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TAC "00100001"

static int up(void **state)
{
	struct db_fixture *f = malloc(sizeof(*f));

	if (!f)
		return -1;
	db_up(f);
	*state = f;
	return 0;
}

static int down(void **state)
{
	db_down(*state);
	free(*state);
	return 0;
}

static char *export_text(struct db_fixture *f, size_t *ret_n)
{
	struct buf b = BUF_INIT(8 << 20);
	struct buf_sink sink;
	struct err e = ERR_INIT;

	buf_sink_init(&sink, &b);
	assert_ok(catalog_export(f->c, &sink.sink, &e), e);
	*ret_n = b.n;
	assert_ok(buf_add(&b, "", 1, &e), e);
	return (char *)b.p;
}

static void fill(struct db_fixture *f)
{
	struct catalog_firmware fw = { .path = "/fw/a.zip",
				       .model = "EC25",
				       .revision = "EC25EFAR06A17M4G" };
	struct catalog_note note = { .text = "a \"note\"\nof two lines \xc3\xa9" };
	struct err e = ERR_INIT;
	char a[16], b[16], h[65];
	int64_t one, two, op;

	one = db_see(f, 1, db_imei(TAC, 1, a), "EC25", false).id;
	two = db_see(f, 0, db_imei(TAC, 2, b), "EC25", false).id;
	assert_ok(catalog_set_label(f->c, one, "van 7", &e), e);
	assert_ok(catalog_set_rf(f->c, two, CATALOG_RF_OWN, NULL, &e), e);
	db_snapshot(f, 1, one, 1, CATALOG_COMPLETE);
	db_snapshot(f, 2, two, 2, CATALOG_PARTIAL);
	db_snapshot(f, 3, 0, 3, CATALOG_UNUSABLE);
	fw.hash = db_hash(50, h);
	assert_ok(catalog_add_firmware(f->c, &fw, &e), e);
	note.module = one;
	assert_ok(catalog_add_note(f->c, &note, &e), e);
	assert_ok(catalog_operation_begin(f->c, one, "backup", &op, &e), e);
	assert_ok(catalog_operation_end(f->c, op, CATALOG_DONE, "", NULL, &e), e);
	/* One contradiction and one retired record. */
	db_see(f, 1, b, "EC25", false);
	one = db_see(f, 3, db_imei(TAC, 3, a), "EC25", false).id;
	assert_ok(catalog_retire(f->c, one, "scrapped", &e), e);
}

static void an_export_goes_in_again_and_twice_is_once(void **state)
{
	struct db_fixture *f = *state;
	static const char *const tables[] = {
		"SELECT count(*) FROM module",
		"SELECT count(*) FROM imei",
		"SELECT count(*) FROM snapshot",
		"SELECT count(*) FROM item",
		"SELECT count(*) FROM firmware",
		"SELECT count(*) FROM operation",
		"SELECT count(*) FROM note",
		"SELECT count(*) FROM held WHERE resolved IS NULL",
		"SELECT count(*) FROM imei_retired",
		"SELECT count(*) FROM tac",
	};
	struct catalog_imported got;
	enum identity_evidence ev;
	struct db_fixture g;
	struct err e = ERR_INIT;
	char *text, own[16];
	size_t n, i, k;

	fill(f);
	text = export_text(f, &n);
	db_up(&g);
	for (k = 0; k < 2; k++) {
		assert_ok(catalog_import(g.c, SLICE(text, n), &got, &e), e);
		for (i = 0; i < ARRAY_SIZE(tables); i++) {
			int64_t want = db_count(f->path, tables[i]),
				have = db_count(g.path, tables[i]);

			if (want != have)
				fail_msg("%s: %lld exported, %lld after import %zu", tables[i],
					 (long long)want, (long long)have, k + 1);
		}
		assert_int_equal(got.snapshots, k == 0 ? 3 : 0);
	}
	/* A file makes no number writable. */
	assert_err(identity_own(g.c, 1, 1, own, &ev, &e), e, ERR_POLICY);
	assert_int_equal(e.code, IDENTITY_IMPORTED);
	/* The chip's own word does. */
	assert_int_equal(db_see(&g, 1, db_imei(TAC, 1, own), "EC25", false).held, 0);
	assert_ok(identity_own(g.c, 1, 1, own, &ev, &e), e);
	assert_int_equal(ev, EVIDENCE_CHIP);
	/* Into itself: everything is known. */
	assert_ok(catalog_import(f->c, SLICE(text, n), &got, &e), e);
	assert_int_equal(got.modules + got.snapshots + got.firmware, 0);
	db_down(&g);
	free(text);
}

static void an_import_never_moves_a_number(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_imported got;
	struct db_fixture g;
	struct err e = ERR_INIT;
	struct db_got row;
	char *text, a[16];
	size_t n;

	/* There chip 2 bears the number that is chip 1's here. */
	db_see(f, 1, db_imei(TAC, 1, a), "EC25", false);
	db_up(&g);
	db_see(&g, 2, a, "EC25", false);
	text = export_text(&g, &n);
	assert_ok(catalog_import(f->c, SLICE(text, n), &got, &e), e);
	assert_int_equal(got.held, 1);
	db_module(f, 1, &row);
	assert_string_equal(row.imei[0], a);
	db_module(f, 2, &row);
	assert_string_equal(row.imei[0], "");
	db_down(&g);
	free(text);
}

static void a_cut_or_forged_export_changes_nothing(void **state)
{
	struct db_fixture *f = *state;
	static const char *const bad[] = {
		"",
		"{}",
		"{\"type\":\"salvor-catalog\",\"version\":2}\n{\"type\":\"end\",\"lines\":1}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n{\"type\":\"spell\"}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n{\"type\":\"item\",\"name\":\"x\"}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n[1,2]\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n{\"type\":\"end\",\"lines\":7}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n{\"type\":\"end\",\"lines\":1}\n{}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n"
		"{\"type\":\"module\",\"ref\":1,\"chip\":\"XYZ\",\"first_seen\":\"a\",\"last_seen\":\"b\"}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n"
		"{\"type\":\"module\",\"ref\":-1,\"chip\":\"5a000001\",\"first_seen\":\"a\","
		"\"last_seen\":\"b\"}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n"
		"{\"type\":\"note\",\"module\":4,\"at\":\"a\",\"text\":\"b\"}\n",
		"{\"type\":\"salvor-catalog\",\"version\":1}\n"
		"{\"type\":\"module\",\"ref\":1,\"chip\":5,\"first_seen\":\"a\",\"last_seen\":\"b\"}\n",
	};
	struct catalog_imported got;
	struct db_fixture g;
	struct err e = ERR_INIT;
	size_t i, n, cut;
	char *text;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		e = (struct err)ERR_INIT;
		assert_int_equal(catalog_import(f->c, SLICE(bad[i], strlen(bad[i])), &got, &e), -1);
		assert_true(e.kind == ERR_PROTO || e.kind == ERR_INTEGRITY ||
			    e.kind == ERR_UNSUPPORTED);
	}
	db_up(&g);
	fill(&g);
	text = export_text(&g, &n);
	/* Cut anywhere: at every line's end, and within lines. */
	for (cut = 0; cut < n - 1; cut += text[cut] == '\n' ? 1 : 37)
		assert_int_equal(catalog_import(f->c, SLICE(text, cut), &got, &e), -1);
	assert_int_equal(db_count(f->path,
				  "SELECT (SELECT count(*) FROM module) + (SELECT count(*) FROM "
				  "snapshot) + (SELECT count(*) FROM audit)"),
			 0);
	db_down(&g);
	free(text);
}

static void what_people_said_survives_the_loss_of_the_database(void **state)
{
	struct db_fixture *f = *state;
	const struct identity_claim typed = { .number = "490154203237518",
					      .number_again = "490154203237518",
					      .slot = 1,
					      .evidence = EVIDENCE_ATTESTED,
					      .reason = "wiped",
					      .label_serial = "E1Q20ABC" };
	struct catalog_note note = { .text = "antenna 2 is loose" };
	struct identity_decision d;
	enum identity_evidence ev;
	struct err e = ERR_INIT;
	char own[16], *moved = NULL, b[16];
	int64_t one, two, three;
	struct db_got g;

	one = db_see(f, 1, NULL, "EC25", false).id;
	two = db_see(f, 2, db_imei(TAC, 2, b), "EC25", false).id;
	three = db_see(f, 3, NULL, "EC25", false).id;
	assert_ok(catalog_set_label(f->c, one, "van 7", &e), e);
	assert_ok(identity_claim(f->c, one, &typed, &d, &e), e);
	assert_ok(identity_confirm(f->c, one, 1, "490154203237518", &e), e);
	note.module = one;
	assert_ok(catalog_add_note(f->c, &note, &e), e);
	assert_ok(catalog_retire(f->c, two, "scrapped", &e), e);
	assert_ok(catalog_set_rf(f->c, three, CATALOG_RF_DONOR, NULL, &e), e);
	catalog_close(f->c);
	f->c = NULL;
	assert_ok(catalog_set_aside(f->path, &moved, &e), e);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(access(moved, F_OK), 0);
	free(moved);

	assert_ok(db_open(f, &e), e);
	assert_ok(audit_verify(catalog_audit(f->c), NULL, &e), e);
	one = db_see(f, 1, NULL, "EC25", false).id;
	db_module(f, one, &g);
	assert_string_equal(g.label, "van 7");
	assert_ok(identity_own(f->c, one, 1, own, &ev, &e), e);
	assert_string_equal(own, "490154203237518");
	assert_int_equal(ev, EVIDENCE_ATTESTED);
	assert_true(g.confirmed[0]);
	assert_ok(catalog_notes(f->c, one, NULL, &g.rows, &e), e);
	assert_int_equal(g.n_notes, 1);
	two = db_see(f, 2, NULL, "EC25", false).id;
	db_module(f, two, &g);
	assert_true(g.retired);
	db_module(f, db_see(f, 3, NULL, "EC25", false).id, &g);
	assert_int_equal(g.rf, CATALOG_RF_DONOR);
	/* The chain goes on where it was. */
	assert_ok(catalog_set_label(f->c, one, "van 8", &e), e);
	assert_ok(audit_verify(catalog_audit(f->c), NULL, &e), e);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_export_goes_in_again_and_twice_is_once),
		T(an_import_never_moves_a_number),
		T(a_cut_or_forged_export_changes_nothing),
		T(what_people_said_survives_the_loss_of_the_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
