#include "tests/unit/db_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static void a_module_is_its_chip_and_is_found_again_wiped(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_seen s;
	struct err e = ERR_INIT;
	struct db_got g;
	char a[16];

	s = db_see(f, 1, db_imei(TAC, 1, a), "EC25", false);
	assert_int_equal(s.met, CATALOG_NEW);
	assert_ok(catalog_set_label(f->c, s.id, "van 7", &e), e);
	db_snapshot(f, 1, s.id, 1, CATALOG_COMPLETE);
	/* Wiped: in EDL there is the chip serial and nothing else. */
	s = db_see(f, 1, NULL, NULL, false);
	assert_int_equal(s.met, CATALOG_KNOWN);
	db_module(f, s.id, &g);
	assert_string_equal(g.label, "van 7");
	assert_string_equal(g.imei[0], a);
	assert_int_equal(g.evidence[0], EVIDENCE_CHIP);
	assert_true(g.confirmed[0]);
	assert_int_equal(g.snapshots_of_last, 1);
}

static void what_empty_modules_say_names_nobody(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id blank = { .has_serial = true, .serial = 0 };
	struct catalog_sight s = { .chip = &blank,
				   .imei = { "000000000000000", "49015420323751" } };
	struct catalog_seen seen;
	struct err e = ERR_INIT;

	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.met, CATALOG_NOBODY);
	assert_int_equal(seen.id, 0);
	assert_int_equal(seen.held, 0);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM module"), 0);
}

static void a_record_on_its_number_gains_its_chip_by_a_link(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id chip = db_chip(1);
	struct catalog_seen s;
	struct err e = ERR_INIT;
	struct db_got g;
	int64_t id;
	char a[16];

	s = db_see(f, 0, db_imei(TAC, 1, a), "EC25", false);
	assert_int_equal(s.met, CATALOG_NEW);
	assert_int_equal(db_see(f, 0, a, "EC25", false).id, s.id);
	assert_ok(catalog_link(f->c, s.id, &chip, &id, &e), e);
	assert_int_equal(id, s.id);
	db_module(f, id, &g);
	assert_string_equal(g.chip, "5a000001");
	/* Again: nothing to do. Another chip: held. */
	assert_ok(catalog_link(f->c, s.id, &chip, &id, &e), e);
	chip = db_chip(2);
	assert_err(catalog_link(f->c, s.id, &chip, &id, &e), e, ERR_MISMATCH);
	db_got_init(&g);
	assert_ok(catalog_helds(f->c, &g.rows, &e), e);
	assert_int_equal(g.n_held, 1);
	assert_err(catalog_link(f->c, 77, &chip, &id, &e), e, ERR_USAGE);
	chip.has_serial = false;
	assert_err(catalog_link(f->c, s.id, &chip, &id, &e), e, ERR_UNSUPPORTED);
}

static void two_records_of_one_module_become_one_by_a_link(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id chip = db_chip(1);
	struct catalog_note note = { .text = "antenna 2 is loose" };
	struct err e = ERR_INIT;
	int64_t on_chip, on_number, id, op;
	struct db_got g;
	char a[16];

	on_chip = db_see(f, 1, NULL, NULL, false).id;
	on_number = db_see(f, 0, db_imei(TAC, 1, a), "EC25", false).id;
	assert_int_not_equal(on_chip, on_number);
	assert_ok(catalog_set_label(f->c, on_number, "van 7", &e), e);
	db_snapshot(f, 1, on_number, 1, CATALOG_COMPLETE);
	db_snapshot(f, 2, on_chip, 2, CATALOG_PARTIAL);
	note.module = on_number;
	assert_ok(catalog_add_note(f->c, &note, &e), e);
	assert_ok(catalog_operation_begin(f->c, on_number, "backup", &op, &e), e);
	assert_ok(catalog_link(f->c, on_number, &chip, &id, &e), e);
	assert_int_equal(id, on_chip);
	db_module(f, id, &g);
	assert_string_equal(g.label, "van 7");
	assert_string_equal(g.imei[0], a);
	assert_int_equal(g.snapshots_of_last, 2);
	assert_ok(catalog_notes(f->c, id, NULL, &g.rows, &e), e);
	assert_string_equal(g.last_note, "antenna 2 is loose");
	assert_ok(catalog_operations(f->c, id, 0, &g.rows, &e), e);
	assert_int_equal(g.n_operations, 1);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM module"), 1);
}

static void a_bound_port_links_and_an_unbound_one_asks(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_seen s;
	struct db_got g;
	struct err e = ERR_INIT;
	int64_t first;
	char a[16], b[16];

	first = db_see(f, 0, db_imei(TAC, 1, a), "EC25", false).id;
	/* The chip says the number, but is it that module, or a copy of its efs2? */
	s = db_see(f, 1, a, "EC25", false);
	assert_int_not_equal(s.id, first);
	assert_int_equal(s.held, 1);
	assert_non_null(strstr(s.text, "link"));
	db_module(f, s.id, &g);
	assert_string_equal(g.imei[0], "");
	assert_int_equal(g.held_of_last, 1);
	/* Bound before the switch: certain, and the question is answered with it. */
	s = db_see(f, 1, a, "EC25", true);
	assert_int_equal(s.met, CATALOG_KNOWN);
	assert_int_equal(s.held, 0);
	db_module(f, s.id, &g);
	assert_string_equal(g.imei[0], a);
	assert_string_equal(g.chip, "5a000001");
	assert_ok(catalog_helds(f->c, &g.rows, &e), e);
	assert_int_equal(g.n_held, 0);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM module"), 1);
	/* The same for a chip that is new itself. */
	first = db_see(f, 0, db_imei(TAC, 2, b), "EC25", false).id;
	s = db_see(f, 2, b, "EC25", true);
	assert_int_equal(s.id, first);
}

static void a_number_of_another_chip_is_held_and_changes_nothing(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_seen s;
	struct err e = ERR_INIT;
	int64_t a_id, b_id;
	struct db_got g;
	char a[16], b[16];
	unsigned i;

	a_id = db_see(f, 1, db_imei(TAC, 1, a), "EC25", false).id;
	b_id = db_see(f, 2, db_imei(TAC, 2, b), "EC25", false).id;
	/* B answers with A's number, day after day: a transplant by other hands. */
	for (i = 0; i < 3; i++) {
		s = db_see(f, 2, a, "EC25", true);
		assert_int_equal(s.id, b_id);
		assert_int_equal(s.held, 1);
		assert_null(strstr(s.text, a));
	}
	db_module(f, b_id, &g);
	assert_string_equal(g.imei[0], b);
	db_module(f, a_id, &g);
	assert_string_equal(g.imei[0], a);
	assert_int_equal(g.held_of_last, 1);
	assert_ok(catalog_helds(f->c, &g.rows, &e), e);
	assert_int_equal(g.n_held, 1);
	assert_int_equal(g.held.code, IDENTITY_OTHER_CHIP);
	assert_int_equal(g.held.module, b_id);
	assert_int_equal(g.held.other, a_id);
	assert_int_equal(g.held.seen, 3);
	assert_err(catalog_resolve_held(f->c, g.held.id, "", &e), e, ERR_USAGE);
	assert_ok(catalog_resolve_held(f->c, g.held.id, "B was rewritten with its own number", &e),
		  e);
	assert_err(catalog_resolve_held(f->c, g.held.id, "again", &e), e, ERR_USAGE);
	db_got_init(&g);
	assert_ok(catalog_helds(f->c, &g.rows, &e), e);
	assert_int_equal(g.n_held, 0);
}

static void a_chip_with_another_number_is_held(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_seen s;
	struct db_got g;
	char a[16], b[16];

	db_see(f, 1, db_imei(TAC, 1, a), "EC25", false);
	s = db_see(f, 1, db_imei(TAC, 2, b), "EC25", true);
	assert_int_equal(s.held, 1);
	db_module(f, s.id, &g);
	assert_string_equal(g.imei[0], a);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM held WHERE resolved IS NULL"), 1);
}

static void another_model_variant_or_key_hash_is_held(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id chip = db_chip(1);
	struct catalog_sight s = { .chip = &chip, .model = "RM520N", .variant = "GLAA" };
	struct catalog_seen seen;
	struct err e = ERR_INIT;
	struct db_got g;

	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	s.variant = "GLAP";
	s.revision = "RM520NGLAPR03A03M4G";
	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.held, 1);
	assert_non_null(strstr(seen.text, "GLAP"));
	s.model = "EC25";
	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.held, 1);
	db_module(f, seen.id, &g);
	assert_string_equal(g.model, "RM520N");
	chip.pkhash[0] ^= 1;
	s.model = NULL;
	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.held, 1);
	assert_non_null(strstr(seen.text, "key hash"));
}

static void chips_of_two_families_may_share_a_serial(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id one = db_chip(1), two = db_chip(1), bare = db_chip(1);
	struct catalog_sight s = { .chip = &one };
	struct catalog_seen a, b, seen;
	struct err e = ERR_INIT;
	int64_t id;

	two.msm_id = 0x000950e1;
	assert_ok(catalog_see(f->c, &s, &a, &e), e);
	bare.has_hwid = false;
	s.chip = &bare;
	assert_ok(catalog_identify(f->c, &s, &id, &e), e);
	assert_int_equal(id, a.id);
	s.chip = &two;
	assert_ok(catalog_see(f->c, &s, &b, &e), e);
	assert_int_equal(b.met, CATALOG_NEW);
	/* Now the serial alone does not tell which. */
	s.chip = &bare;
	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.met, CATALOG_NOBODY);
	assert_int_equal(seen.held, 1);
	assert_ok(catalog_identify(f->c, &s, &id, &e), e);
	assert_int_equal(id, 0);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM module"), 2);
}

static void both_slots_have_their_own_number(void **state)
{
	struct db_fixture *f = *state;
	struct chip_id chip = db_chip(1);
	char a[16], b[16];
	struct catalog_sight s = { .chip = &chip,
				   .imei = { db_imei(TAC, 1, a), db_imei(TAC, 2, b) } };
	struct catalog_seen seen;
	struct err e = ERR_INIT;
	struct db_got g;
	int64_t id;

	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.held, 0);
	db_module(f, seen.id, &g);
	assert_string_equal(g.imei[0], a);
	assert_string_equal(g.imei[1], b);
	/* Firmware that answers with one number for both slots. */
	s.imei[1] = a;
	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	assert_int_equal(seen.held, 0);
	s = (struct catalog_sight){ .imei = { NULL, b } };
	assert_ok(catalog_identify(f->c, &s, &id, &e), e);
	assert_int_equal(id, seen.id);
}

static void find_takes_whatever_a_person_remembers(void **state)
{
	struct db_fixture *f = *state;
	struct catalog_firmware fw = { .path = "/fw/EC25EFAR06A17M4G.zip",
				       .model = "EC25",
				       .variant = "EFA",
				       .revision = "EC25EFAR06A17M4G" };
	struct err e = ERR_INIT;
	struct db_got g;
	char a[16], b[16], h[65], fh[65], part[32];
	int64_t one;
	size_t i;

	one = db_see(f, 1, db_imei(TAC, 1, a), "EC25", false).id;
	db_see(f, 2, db_imei(TAC, 2, b), NULL, false);
	assert_ok(catalog_set_label(f->c, one, "van_7 100%", &e), e);
	db_snapshot(f, 1, one, 1, CATALOG_COMPLETE);
	fw.hash = db_hash(900, fh);
	assert_ok(catalog_add_firmware(f->c, &fw, &e), e);
	snprintf(part, sizeof(part), "%.2s-%.6s-%.6s-%s", a, a + 2, a + 8, a + 14);
	{
		const char *const ways[] = { a,       part,         "5a000001", "0x5A000001",
					     "van_7", "VAN_7 100%", "EC25" };

		for (i = 0; i < ARRAY_SIZE(ways); i++) {
			db_got_init(&g);
			assert_ok(catalog_find(f->c, ways[i], 0, &g.rows, &e), e);
			if (g.n_modules != 1 || g.module[0] != one)
				fail_msg("'%s' finds %u modules", ways[i], g.n_modules);
		}
	}
	assert_int_equal(g.n_firmware, 1);
	/* Wildcards of SQL are letters here. */
	db_got_init(&g);
	assert_ok(catalog_find(f->c, "van%7", 0, &g.rows, &e), e);
	assert_int_equal(g.n_modules, 0);
	/* The code in front finds both, a short id the snapshot. */
	db_got_init(&g);
	assert_ok(catalog_find(f->c, TAC, 0, &g.rows, &e), e);
	assert_int_equal(g.n_modules, 2);
	snprintf(part, sizeof(part), "%.7s", db_hash(1, h));
	db_got_init(&g);
	assert_ok(catalog_find(f->c, part, 0, &g.rows, &e), e);
	assert_int_equal(g.n_snapshots, 1);
	assert_string_equal(g.hash[0], h);
	assert_err(catalog_find(f->c, "", 0, &g.rows, &e), e, ERR_USAGE);
	/* A retired module is found by the number that it had. */
	assert_ok(catalog_retire(f->c, one, "scrapped", &e), e);
	db_got_init(&g);
	assert_ok(catalog_find(f->c, a, 0, &g.rows, &e), e);
	assert_int_equal(g.n_modules, 1);
	assert_true(g.retired);
}

static void short_ids_are_resolved_or_refused(void **state)
{
	struct db_fixture *f = *state;
	char h[65], got[65] = "", same[65];
	struct catalog_snapshot s = { .hash = same, .path = "/x", .size = 1 };
	struct err e = ERR_INIT;

	db_snapshot(f, 1, 0, 1, CATALOG_COMPLETE);
	db_hash(1, h);
	h[6] = '\0';
	assert_ok(catalog_resolve(f->c, h, got, &e), e);
	assert_string_equal(got, db_hash(1, same));
	same[63] = same[63] == '0' ? '1' : '0';
	assert_ok(catalog_add_snapshot(f->c, &s, NULL, 0, NULL, &e), e);
	assert_err(catalog_resolve(f->c, h, got, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "several"));
	assert_err(catalog_resolve(f->c, "abc", got, &e), e, ERR_USAGE);
	assert_err(catalog_resolve(f->c, "zzzz", got, &e), e, ERR_USAGE);
	h[0] = h[0] == '0' ? '1' : '0';
	assert_err(catalog_resolve(f->c, h, got, &e), e, ERR_USAGE);
}

static void the_same_content_is_the_same_snapshot(void **state)
{
	struct db_fixture *f = *state;
	int64_t a = db_see(f, 1, NULL, "EC25", false).id, b = db_see(f, 2, NULL, "EC25", false).id;
	char h[65];
	struct catalog_snapshot s = {
		.hash = db_hash(1, h), .module = a, .path = "/elsewhere", .size = 1000
	};
	struct catalog_item twice[2] = { { .name = "x" }, { .name = "x" } };
	struct err e = ERR_INIT;
	struct db_got g;
	bool fresh = true;

	db_snapshot(f, 1, a, 1, CATALOG_COMPLETE);
	assert_ok(catalog_add_snapshot(f->c, &s, NULL, 0, &fresh, &e), e);
	assert_false(fresh);
	db_got_init(&g);
	assert_ok(catalog_snapshots(f->c, a, 0, 0, &g.rows, &e), e);
	assert_int_equal(g.n_snapshots, 1);
	assert_string_equal(g.path, "/elsewhere");
	assert_ok(catalog_items(f->c, h, &g.rows, &e), e);
	assert_int_equal(g.n_items, 2);
	s.module = b;
	assert_err(catalog_add_snapshot(f->c, &s, NULL, 0, NULL, &e), e, ERR_MISMATCH);
	/* An item that does not go in takes the snapshot with it. */
	s.hash = db_hash(2, h);
	assert_err(catalog_add_snapshot(f->c, &s, twice, 2, NULL, &e), e, ERR_MISMATCH);
	s.module = 99;
	assert_err(catalog_add_snapshot(f->c, &s, NULL, 0, NULL, &e), e, ERR_USAGE);
	s.hash = "not a hash";
	assert_err(catalog_add_snapshot(f->c, &s, NULL, 0, NULL, &e), e, ERR_USAGE);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM snapshot"), 1);
}

static void pruning_spares_first_and_last_good(void **state)
{
	struct db_fixture *f = *state;
	/* Days 1..7: partial, COMPLETE (first), complete, partial, complete, COMPLETE (last),
	 * PARTIAL (newest) */
	static const enum catalog_verdict v[] = { CATALOG_PARTIAL,  CATALOG_COMPLETE,
						  CATALOG_COMPLETE, CATALOG_UNUSABLE,
						  CATALOG_COMPLETE, CATALOG_COMPLETE,
						  CATALOG_PARTIAL };
	struct catalog_keep keep = { .last = 0 };
	int64_t a = db_see(f, 1, NULL, "EC25", false).id, b = db_see(f, 2, NULL, "EC25", false).id;
	struct err e = ERR_INIT;
	struct db_got g;
	char h[65], day[21];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(v); i++)
		db_snapshot(f, i + 1, a, i + 1, v[i]);
	db_snapshot(f, 20, b, 1, CATALOG_PARTIAL);
	db_snapshot(f, 30, 0, 1, CATALOG_PARTIAL);
	db_got_init(&g);
	assert_ok(catalog_prune(f->c, &keep, &g.rows, &e), e);
	assert_int_equal(g.n_snapshots, 4);
	assert_string_equal(g.hash[0], db_hash(1, h));
	assert_string_equal(g.hash[1], db_hash(3, h));
	assert_string_equal(g.hash[2], db_hash(4, h));
	assert_string_equal(g.hash[3], db_hash(5, h));
	keep.last = 4;
	db_got_init(&g);
	assert_ok(catalog_prune(f->c, &keep, &g.rows, &e), e);
	assert_int_equal(g.n_snapshots, 2);
	keep.last = 0;
	keep.created_from = db_day(4, day);
	db_got_init(&g);
	assert_ok(catalog_prune(f->c, &keep, &g.rows, &e), e);
	assert_int_equal(g.n_snapshots, 2);
	/* Nor does the call for one of them forget it. */
	assert_err(catalog_forget(f->c, db_hash(2, h), &e), e, ERR_POLICY);
	assert_err(catalog_forget(f->c, db_hash(6, h), &e), e, ERR_POLICY);
	assert_err(catalog_forget(f->c, db_hash(7, h), &e), e, ERR_POLICY);
	assert_err(catalog_forget(f->c, db_hash(20, h), &e), e, ERR_POLICY);
	assert_err(catalog_forget(f->c, db_hash(30, h), &e), e, ERR_POLICY);
	assert_ok(catalog_forget(f->c, db_hash(3, h), &e), e);
	assert_err(catalog_forget(f->c, db_hash(3, h), &e), e, ERR_USAGE);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM item"), 16);
	/* A file that is gone protects nobody, and the next good one is the last then. */
	db_exec(f->path, "UPDATE snapshot SET gone = 1 WHERE path = '/backups/6.tar.zst'");
	assert_err(catalog_forget(f->c, db_hash(5, h), &e), e, ERR_POLICY);
	assert_ok(catalog_forget(f->c, db_hash(6, h), &e), e);
}

struct checker {
	struct catalog_checker k;
	unsigned asked, found;
	char last[200];
};

static int check_file(struct catalog_checker *k, const struct catalog_snapshot *s,
		      enum catalog_file *ret, struct err *e)
{
	struct checker *c = container_of(k, struct checker, k);

	(void)e;
	c->asked++;
	*ret = strstr(s->path, "/2.")   ? CATALOG_FILE_MISSING
	       : strstr(s->path, "/3.") ? CATALOG_FILE_DIFFERS
					: CATALOG_FILE_GOOD;
	return 0;
}

static int check_found(struct catalog_checker *k, const struct catalog_snapshot *s,
		       const char *what, struct err *e)
{
	struct checker *c = container_of(k, struct checker, k);

	(void)e;
	c->found++;
	snprintf(c->last, sizeof(c->last), "%s: %s", s ? s->path : "catalogue", what);
	return 0;
}

static void check_tells_rows_without_their_files(void **state)
{
	struct db_fixture *f = *state;
	struct checker k = { .k = { check_file, check_found } };
	int64_t a = db_see(f, 1, NULL, "EC25", false).id;
	struct err e = ERR_INIT;
	struct db_got g;
	uint64_t n = 0;
	bool has;
	unsigned i;

	for (i = 1; i <= 4; i++)
		db_snapshot(f, i, a, i, CATALOG_COMPLETE);
	assert_ok(catalog_check(f->c, &k.k, &n, &e), e);
	assert_int_equal(k.asked, 4);
	assert_int_equal(n, 2);
	assert_int_equal(k.found, 2);
	assert_string_equal(k.last,
			    "/backups/3.tar.zst: the file is not what the catalogue recorded");
	db_got_init(&g);
	assert_ok(catalog_find(f->c, "4da9", 0, &g.rows, &e), e);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM snapshot WHERE gone = 1"), 1);
	assert_ok(catalog_has_path(f->c, "/backups/2.tar.zst", &has, &e), e);
	assert_true(has);
	assert_ok(catalog_has_path(f->c, "/backups/9.tar.zst", &has, &e), e);
	assert_false(has);
	/* A row that points at nothing. */
	db_exec(f->path, "PRAGMA foreign_keys = OFF; DELETE FROM module;");
	assert_ok(catalog_check(f->c, &k.k, &n, &e), e);
	assert_int_equal(n, 3);
}

static void operations_end_once_and_notes_stay(void **state)
{
	struct db_fixture *f = *state;
	int64_t a = db_see(f, 1, NULL, "EC25", false).id, op;
	struct catalog_note note = { .module = a, .text = "hello" };
	struct err e = ERR_INIT;
	struct db_got g;
	char h[65];

	assert_ok(catalog_operation_begin(f->c, a, "backup", &op, &e), e);
	db_got_init(&g);
	assert_ok(catalog_operations(f->c, 0, 0, &g.rows, &e), e);
	assert_int_equal(g.outcome, CATALOG_RUNNING);
	assert_ok(catalog_operation_end(f->c, op, CATALOG_FAILED, "the cable", NULL, &e), e);
	assert_err(catalog_operation_end(f->c, op, CATALOG_DONE, "", NULL, &e), e, ERR_MISMATCH);
	assert_err(catalog_operation_end(f->c, 99, CATALOG_DONE, "", NULL, &e), e, ERR_MISMATCH);
	assert_ok(catalog_operations(f->c, a, 0, &g.rows, &e), e);
	assert_int_equal(g.outcome, CATALOG_FAILED);

	assert_ok(catalog_add_note(f->c, &note, &e), e);
	note = (struct catalog_note){ .snapshot = db_hash(1, h), .text = "before the trip" };
	db_snapshot(f, 1, a, 1, CATALOG_COMPLETE);
	assert_ok(catalog_add_note(f->c, &note, &e), e);
	note.module = a;
	assert_err(catalog_add_note(f->c, &note, &e), e, ERR_BUG);
	note = (struct catalog_note){ .module = 99, .text = "x" };
	assert_err(catalog_add_note(f->c, &note, &e), e, ERR_USAGE);
	/* A rebuild forgets snapshots and keeps what people said of them. */
	assert_ok(catalog_rebuild_begin(f->c, &e), e);
	assert_ok(catalog_batch_commit(f->c, &e), e);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM snapshot"), 0);
	db_got_init(&g);
	assert_ok(catalog_notes(f->c, 0, h, &g.rows, &e), e);
	assert_string_equal(g.last_note, "before the trip");
}

static void a_rebuild_that_is_undone_changes_nothing(void **state)
{
	struct db_fixture *f = *state;
	int64_t a = db_see(f, 1, NULL, "EC25", false).id;
	struct err e = ERR_INIT;

	db_snapshot(f, 1, a, 1, CATALOG_COMPLETE);
	assert_ok(catalog_rebuild_begin(f->c, &e), e);
	db_snapshot(f, 2, a, 1, CATALOG_COMPLETE);
	catalog_batch_undo(f->c);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM snapshot"), 1);
	assert_int_equal(db_count(f->path, "SELECT count(*) FROM item"), 2);
}

static void files_are_for_the_owner_alone(void **state)
{
	struct db_fixture *f = *state;
	struct err e = ERR_INIT;
	struct stat st;
	int64_t a = db_see(f, 1, NULL, "EC25", false).id;

	assert_ok(catalog_set_label(f->c, a, "x", &e), e);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(f->mirror, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_module_is_its_chip_and_is_found_again_wiped),
		T(what_empty_modules_say_names_nobody),
		T(a_record_on_its_number_gains_its_chip_by_a_link),
		T(two_records_of_one_module_become_one_by_a_link),
		T(a_bound_port_links_and_an_unbound_one_asks),
		T(a_number_of_another_chip_is_held_and_changes_nothing),
		T(a_chip_with_another_number_is_held),
		T(another_model_variant_or_key_hash_is_held),
		T(chips_of_two_families_may_share_a_serial),
		T(both_slots_have_their_own_number),
		T(find_takes_whatever_a_person_remembers),
		T(short_ids_are_resolved_or_refused),
		T(the_same_content_is_the_same_snapshot),
		T(pruning_spares_first_and_last_good),
		T(check_tells_rows_without_their_files),
		T(operations_end_once_and_notes_stay),
		T(a_rebuild_that_is_undone_changes_nothing),
		T(files_are_for_the_owner_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
