#include "tests/unit/db_fixture.h"

#include "db/mask.h"

#include <stdio.h>
#include <string.h>

#define NUMBER "490154203237518"
#define OTHER  "356938035643809"

static const struct identity_claim typed = { .number = NUMBER,
					     .number_again = NUMBER,
					     .slot = 1,
					     .evidence = EVIDENCE_ATTESTED,
					     .reason = "wiped by an upgrade",
					     .label_serial = "E1Q20ABC" };
static const struct identity_facts fresh = { .has_chip = true,
					     .model_known = true,
					     .tac = TAC_SAME };

static void expect(const struct identity_claim *c, const struct identity_facts *f,
		   enum identity_verdict verdict, enum identity_code code)
{
	struct identity_decision d;

	identity_decide(c, f, &d);
	if (d.code != code)
		fail_msg("expected %s, got %s: %s", identity_code_name(code),
			 identity_code_name(d.code), d.text);
	assert_int_equal(d.verdict, verdict);
	assert_true(d.text[0] != '\0');
	/* No full number but the claimed one ever stands in words for the screen. */
	assert_null(strstr(d.text, NUMBER));
	assert_null(strstr(d.text, OTHER));
}

static void only_fifteen_digits_with_their_check_digit_are_a_number(void **state)
{
	static const struct {
		const char *text;
		enum identity_code code;
		const char *hint;
	} bad[] = {
		{ "8667580433983366", IDENTITY_FORM, "IMEISV" },
		{ "49015420323751", IDENTITY_FORM, "check digit" },
		{ "49015420323751800", IDENTITY_FORM, "17 digits" },
		{ "", IDENTITY_FORM, "15 digits" },
		{ "49015420323751x", IDENTITY_FORM, "digits" },
		{ "490154203237519", IDENTITY_CHECK_DIGIT, "8" },
		{ "866425030123456", IDENTITY_CHECK_DIGIT, "check digit" },
		{ "000000000000000", IDENTITY_PLACEHOLDER, "empty" },
		{ "111111111111111", IDENTITY_PLACEHOLDER, "empty" },
		{ "123456789012347", IDENTITY_PLACEHOLDER, "empty" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct identity_claim c = typed;
		struct identity_decision d;

		c.number = c.number_again = bad[i].text;
		expect(&c, &fresh, IDENTITY_REFUSE, bad[i].code);
		identity_decide(&c, &fresh, &d);
		assert_non_null(strstr(d.text, bad[i].hint));
		/* From the chip it is no better. */
		c.evidence = EVIDENCE_CHIP;
		expect(&c, &fresh, IDENTITY_REFUSE, bad[i].code);
	}
}

static void every_evidence_is_accepted_on_its_own_terms(void **state)
{
	static const enum identity_evidence own[] = { EVIDENCE_CHIP, EVIDENCE_SNAPSHOT,
						      EVIDENCE_RAW };
	size_t i;

	(void)state;
	expect(&typed, &fresh, IDENTITY_ACCEPT, IDENTITY_OK);
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		struct identity_claim c = { .number = NUMBER, .slot = 1, .evidence = own[i] };

		expect(&c, &fresh, IDENTITY_ACCEPT, IDENTITY_OK);
	}
}

static void a_typed_number_needs_two_typings_a_label_and_a_reason(void **state)
{
	struct identity_claim c = typed;

	(void)state;
	c.number_again = OTHER;
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_TYPED_DIFFER);
	c.number_again = NULL;
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_TYPED_DIFFER);
	c = typed;
	c.number_again = "49-015420-323751-8";
	expect(&c, &fresh, IDENTITY_ACCEPT, IDENTITY_OK);
	c.label_serial = " ";
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_NO_LABEL);
	c = typed;
	c.reason = "\t ";
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_NO_REASON);
	c.reason = NULL;
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_NO_REASON);
}

static void test_numbers_come_from_chips_only(void **state)
{
	struct identity_claim c = typed;
	char imei[16];

	(void)state;
	c.number = c.number_again = db_imei("00440044", 7, imei);
	expect(&c, &fresh, IDENTITY_REFUSE, IDENTITY_TEST_RANGE);
	c.evidence = EVIDENCE_RAW;
	expect(&c, &fresh, IDENTITY_ACCEPT, IDENTITY_OK);
	c.evidence = EVIDENCE_CHIP;
	expect(&c, &fresh, IDENTITY_ACCEPT, IDENTITY_OK);
}

static void another_modules_number_is_refused_on_any_evidence(void **state)
{
	enum identity_evidence ev;

	(void)state;
	for (ev = EVIDENCE_CHIP; ev <= EVIDENCE_IMPORTED; ev++) {
		struct identity_facts f = fresh;
		struct identity_claim c = typed;

		c.evidence = ev;
		f.other = f.other_has_chip = true;
		expect(&c, &f, IDENTITY_REFUSE, IDENTITY_OTHER_CHIP);
		f.other_has_chip = false;
		expect(&c, &f, IDENTITY_REFUSE, IDENTITY_OTHER_RECORD);
		f = fresh;
		f.other_slot = true;
		expect(&c, &f, IDENTITY_REFUSE, IDENTITY_OTHER_SLOT);
		f = fresh;
		f.retired = true;
		expect(&c, &f, IDENTITY_REFUSE, IDENTITY_RETIRED);
	}
}

static void evidence_of_this_chip_needs_a_chip(void **state)
{
	struct identity_facts f = fresh;
	struct identity_claim c = typed;

	(void)state;
	f.has_chip = false;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_NO_CHIP);
	c.evidence = EVIDENCE_SNAPSHOT;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_NO_CHIP);
	c.evidence = EVIDENCE_RAW;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_NO_CHIP);
	c.evidence = EVIDENCE_CHIP;
	expect(&c, &f, IDENTITY_ACCEPT, IDENTITY_OK);
}

static void what_stands_gives_way_to_better_evidence_only(void **state)
{
	/* [current][claimed]: what becomes of another number when the present one is not confirmed.
	 */
	static const enum identity_code want[6][6] = {
		[EVIDENCE_SNAPSHOT] = { 0, IDENTITY_CONTRADICTION, IDENTITY_CONTRADICTION,
					IDENTITY_CONTRADICTION, IDENTITY_CONTRADICTION,
					IDENTITY_CONTRADICTION },
		[EVIDENCE_RAW] = { 0, IDENTITY_CONTRADICTION, IDENTITY_CONTRADICTION,
				   IDENTITY_CONTRADICTION, IDENTITY_CONTRADICTION,
				   IDENTITY_CONTRADICTION },
		[EVIDENCE_ATTESTED] = { 0, IDENTITY_CORRECTION, IDENTITY_CORRECTION,
					IDENTITY_CORRECTION, IDENTITY_CORRECTION,
					IDENTITY_CONTRADICTION },
		[EVIDENCE_IMPORTED] = { 0, IDENTITY_CORRECTION, IDENTITY_CORRECTION,
					IDENTITY_CORRECTION, IDENTITY_CONTRADICTION,
					IDENTITY_CONTRADICTION },
	};
	enum identity_evidence now, ev;

	(void)state;
	for (now = EVIDENCE_SNAPSHOT; now <= EVIDENCE_IMPORTED; now++) {
		for (ev = EVIDENCE_CHIP; ev <= EVIDENCE_IMPORTED; ev++) {
			struct identity_facts f = fresh;
			struct identity_claim c = typed;

			c.evidence = ev;
			snprintf(f.current, sizeof(f.current), "%s", OTHER);
			f.current_evidence = now;
			expect(&c, &f,
			       want[now][ev] == IDENTITY_CORRECTION ? IDENTITY_WARN
								    : IDENTITY_REFUSE,
			       want[now][ev]);
			/* Read back once, it stays, whatever is claimed. */
			f.confirmed = true;
			expect(&c, &f, IDENTITY_REFUSE, IDENTITY_CONFIRMED);
			/* The same number is never a change. */
			snprintf(f.current, sizeof(f.current), "%s", NUMBER);
			expect(&c, &f, IDENTITY_ACCEPT, IDENTITY_KNOWN);
		}
	}
}

static void a_typing_error_is_corrected_once(void **state)
{
	struct identity_facts f = fresh;

	(void)state;
	snprintf(f.current, sizeof(f.current), "%s", OTHER);
	f.current_evidence = EVIDENCE_ATTESTED;
	expect(&typed, &f, IDENTITY_WARN, IDENTITY_CORRECTION);
	f.corrected = 1;
	expect(&typed, &f, IDENTITY_REFUSE, IDENTITY_CORRECTED);
}

static void a_correction_still_has_to_fit_the_model(void **state)
{
	struct identity_facts f = fresh;

	(void)state;
	snprintf(f.current, sizeof(f.current), "%s", OTHER);
	f.current_evidence = EVIDENCE_ATTESTED;
	f.tac = TAC_OTHER_MODEL;
	expect(&typed, &f, IDENTITY_REFUSE, IDENTITY_TAC_MODEL);
}

static void a_donors_data_is_nobodys_own_number(void **state)
{
	struct identity_facts f = fresh;
	struct identity_claim c = typed;

	(void)state;
	f.rf_donor = true;
	c.evidence = EVIDENCE_CHIP;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_DONOR_DATA);
	c.evidence = EVIDENCE_RAW;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_DONOR_DATA);
	expect(&typed, &f, IDENTITY_ACCEPT, IDENTITY_OK);
	/* Its own number, after it was written. */
	snprintf(f.current, sizeof(f.current), "%s", NUMBER);
	f.current_evidence = EVIDENCE_ATTESTED;
	c.evidence = EVIDENCE_CHIP;
	expect(&c, &f, IDENTITY_ACCEPT, IDENTITY_KNOWN);
}

static void the_code_in_front_belongs_to_a_model(void **state)
{
	struct identity_facts f = fresh;
	struct identity_claim c = typed;

	(void)state;
	f.tac = TAC_OTHER_MODEL;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_TAC_MODEL);
	c.evidence = EVIDENCE_RAW;
	expect(&c, &f, IDENTITY_REFUSE, IDENTITY_TAC_MODEL);
	f.tac = TAC_OTHER_VARIANT;
	expect(&c, &f, IDENTITY_WARN, IDENTITY_TAC_VARIANT);
	/* Never seen: the chip's own word teaches it, a person's is taken with a warning. */
	f.tac = TAC_UNKNOWN;
	expect(&c, &f, IDENTITY_ACCEPT, IDENTITY_OK);
	expect(&typed, &f, IDENTITY_WARN, IDENTITY_TAC_UNKNOWN);
}

static void refusals_are_policy_and_masked(void **state)
{
	struct identity_facts f = fresh;
	struct identity_decision d;
	struct err e = ERR_INIT;

	(void)state;
	f.other = f.other_has_chip = true;
	identity_decide(&typed, &f, &d);
	assert_err(identity_refused(&d, &e), e, ERR_POLICY);
	assert_int_equal(e.code, IDENTITY_OTHER_CHIP);
	assert_non_null(strstr(e.msg, "49015420*******"));
	assert_null(strstr(e.msg, NUMBER));
}

static void every_code_and_evidence_has_a_name(void **state)
{
	int i, k;

	(void)state;
	for (i = 0; i < IDENTITY_CODES; i++) {
		assert_non_null(identity_code_name((enum identity_code)i));
		for (k = 0; k < i; k++)
			assert_string_not_equal(identity_code_name((enum identity_code)i),
						identity_code_name((enum identity_code)k));
	}
	for (i = 1; i <= EVIDENCE_IMPORTED; i++)
		assert_int_equal(identity_evidence_parse(
					 identity_evidence_name((enum identity_evidence)i)),
				 i);
	assert_int_equal(identity_evidence_parse("hearsay"), EVIDENCE_NONE);
}

static void masks_leave_what_tells_two_apart(void **state)
{
	char out[MASK_ROOM];
	char text[] = "IMEI 490154203237518, or 49-015420-323751-8 on the label, since 2026-01-31; "
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

	(void)state;
	mask_imei(NUMBER, false, out);
	assert_string_equal(out, "49015420*******");
	mask_imei(NUMBER, true, out);
	assert_string_equal(out, NUMBER);
	mask_imei(NULL, false, out);
	assert_string_equal(out, "");
	mask_chip("5a00c0de", false, out);
	assert_string_equal(out, "****c0de");
	mask_chip("abc", false, out);
	assert_string_equal(out, "abc");
	mask_digits(text, strlen(text));
	assert_string_equal(
		text, "IMEI 49015420*******, or 49-01542*-******-* on the label, since 2026-01-31; "
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	{
		char json[] =
			"{\"chip\":\"5a00c0de\",\"label_serial\":\"A\\\"BCDEFG\",\"x\":\"chip\"}";

		mask_member(json, strlen(json), "chip");
		mask_member(json, strlen(json), "label_serial");
		assert_string_equal(
			json,
			"{\"chip\":\"****c0de\",\"label_serial\":\"*\\***DEFG\",\"x\":\"chip\"}");
	}
}

/* ---- the store ---- */

static int64_t module_with_chip(struct db_fixture *f, uint32_t chip, const char *model)
{
	struct catalog_seen s = db_see(f, chip, NULL, model, false);

	assert_int_equal(s.met, CATALOG_NEW);
	return s.id;
}

static struct identity_decision claim(struct db_fixture *f, int64_t id, struct identity_claim c)
{
	struct identity_decision d;
	struct err e = ERR_INIT;

	assert_ok(identity_claim(f->c, id, &c, &d, &e), e);
	return d;
}

static void two_chips_never_get_one_number(void **state)
{
	enum identity_evidence ev;
	struct db_fixture f;
	struct err e = ERR_INIT;
	int64_t a, b;
	char own[16];

	(void)state;
	db_up(&f);
	a = module_with_chip(&f, 1, "EC25");
	b = module_with_chip(&f, 2, "EC25");
	assert_int_not_equal(claim(&f, a, typed).verdict, IDENTITY_REFUSE);
	assert_ok(identity_own(f.c, a, 1, own, &ev, &e), e);
	assert_string_equal(own, NUMBER);
	assert_int_equal(ev, EVIDENCE_ATTESTED);
	assert_int_equal(claim(&f, b, typed).code, IDENTITY_OTHER_CHIP);
	assert_err(identity_own(f.c, b, 1, own, &ev, &e), e, ERR_POLICY);
	/* Not even in the other slot, nor by another way. */
	{
		struct identity_claim c = typed;

		c.slot = 2;
		assert_int_equal(claim(&f, b, c).code, IDENTITY_OTHER_CHIP);
		assert_int_equal(claim(&f, a, c).code, IDENTITY_OTHER_SLOT);
	}
	/* A real board swap: only after the other record is retired, with a reason. */
	assert_err(catalog_retire(f.c, a, " ", &e), e, ERR_POLICY);
	assert_ok(catalog_retire(f.c, a, "mainboard replaced by the maker", &e), e);
	assert_int_not_equal(claim(&f, b, typed).verdict, IDENTITY_REFUSE);
	assert_err(identity_own(f.c, a, 1, own, &ev, &e), e, ERR_POLICY);
	assert_int_equal(claim(&f, a,
			       (struct identity_claim){
				       .number = OTHER, .slot = 1, .evidence = EVIDENCE_CHIP })
				 .code,
			 IDENTITY_RETIRED);
	/* All of it stands in the log, refusals as well. */
	assert_int_equal(db_count(f.path, "SELECT count(*) FROM audit WHERE record LIKE "
					  "'%\"event\":\"identity-refused\"%'"),
			 4);
	assert_ok(audit_verify(catalog_audit(f.c), NULL, &e), e);
	db_down(&f);
}

static void a_confirmed_number_is_there_to_stay(void **state)
{
	struct identity_claim c = typed;
	struct db_fixture f;
	struct db_got g;
	struct err e = ERR_INIT;
	int64_t a;

	(void)state;
	db_up(&f);
	a = module_with_chip(&f, 1, "EC25");
	c.number = c.number_again = OTHER;
	assert_int_not_equal(claim(&f, a, c).verdict, IDENTITY_REFUSE);
	assert_int_equal(claim(&f, a, typed).code, IDENTITY_CORRECTION);
	assert_int_equal(claim(&f, a, c).code, IDENTITY_CORRECTED);
	assert_err(identity_confirm(f.c, a, 1, OTHER, &e), e, ERR_MISMATCH);
	assert_ok(identity_confirm(f.c, a, 1, NUMBER, &e), e);
	assert_int_equal(claim(&f, a, c).code, IDENTITY_CONFIRMED);
	c.evidence = EVIDENCE_RAW;
	assert_int_equal(claim(&f, a, c).code, IDENTITY_CONFIRMED);
	/* What the chip says now is the echo of what was written: it stays attested. */
	assert_int_equal(db_see(&f, 1, NUMBER, "EC25", false).held, 0);
	db_module(&f, a, &g);
	assert_int_equal(g.evidence[0], EVIDENCE_ATTESTED);
	assert_true(g.confirmed[0]);
	assert_err(identity_confirm(f.c, a, 2, NUMBER, &e), e, ERR_USAGE);
	assert_err(identity_confirm(f.c, 99, 1, NUMBER, &e), e, ERR_USAGE);
	db_down(&f);
}

static void codes_are_learned_from_chips_and_refuse_other_models(void **state)
{
	struct db_fixture f;
	struct err e = ERR_INIT;
	char one[16], two[16];
	int64_t b;

	(void)state;
	db_up(&f);
	db_see(&f, 1, db_imei("00100001", 1, one), "EC25", false);
	b = module_with_chip(&f, 2, "RM520N");
	assert_int_equal(claim(&f, b,
			       (struct identity_claim){ .number = db_imei("00100001", 2, two),
							.slot = 1,
							.evidence = EVIDENCE_RAW })
				 .code,
			 IDENTITY_TAC_MODEL);
	/* What a person typed teaches nothing. */
	assert_int_equal(claim(&f, b, typed).code, IDENTITY_TAC_UNKNOWN);
	assert_int_equal(db_count(f.path, "SELECT count(*) FROM tac"), 1);
	assert_ok(identity_learn_tac(f.c, "35693803", "EC25", "EFA", &e), e);
	assert_int_equal(claim(&f, b,
			       (struct identity_claim){
				       .number = OTHER, .slot = 2, .evidence = EVIDENCE_SNAPSHOT })
				 .code,
			 IDENTITY_TAC_MODEL);
	assert_err(identity_learn_tac(f.c, "3569380", "EC25", "", &e), e, ERR_USAGE);
	assert_err(identity_learn_tac(f.c, "35693803", "", "", &e), e, ERR_USAGE);
	db_down(&f);
}

static void an_older_snapshot_speaks_though_a_donor_came_later(void **state)
{
	struct identity_claim c = { .number = NUMBER, .slot = 1, .evidence = EVIDENCE_SNAPSHOT };
	struct db_fixture f;
	struct err e = ERR_INIT;
	int64_t a;

	(void)state;
	db_up(&f);
	a = module_with_chip(&f, 1, "EC25");
	assert_ok(catalog_set_rf(f.c, a, CATALOG_RF_DONOR, NULL, &e), e);
	/* A donor that the catalogue never met: its number must not become the patient's. */
	assert_int_equal(db_see(&f, 1, OTHER, "EC25", true).held, 1);
	c.when = "2099-01-01T00:00:00Z";
	assert_int_equal(claim(&f, a, c).code, IDENTITY_DONOR_DATA);
	c.when = "2020-01-01T00:00:00Z";
	assert_int_equal(claim(&f, a, c).code, IDENTITY_OK);
	db_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_fifteen_digits_with_their_check_digit_are_a_number),
		cmocka_unit_test(every_evidence_is_accepted_on_its_own_terms),
		cmocka_unit_test(a_typed_number_needs_two_typings_a_label_and_a_reason),
		cmocka_unit_test(test_numbers_come_from_chips_only),
		cmocka_unit_test(another_modules_number_is_refused_on_any_evidence),
		cmocka_unit_test(evidence_of_this_chip_needs_a_chip),
		cmocka_unit_test(what_stands_gives_way_to_better_evidence_only),
		cmocka_unit_test(a_typing_error_is_corrected_once),
		cmocka_unit_test(a_correction_still_has_to_fit_the_model),
		cmocka_unit_test(a_donors_data_is_nobodys_own_number),
		cmocka_unit_test(the_code_in_front_belongs_to_a_model),
		cmocka_unit_test(refusals_are_policy_and_masked),
		cmocka_unit_test(every_code_and_evidence_has_a_name),
		cmocka_unit_test(masks_leave_what_tells_two_apart),
		cmocka_unit_test(two_chips_never_get_one_number),
		cmocka_unit_test(a_confirmed_number_is_there_to_stay),
		cmocka_unit_test(codes_are_learned_from_chips_and_refuse_other_models),
		cmocka_unit_test(an_older_snapshot_speaks_though_a_donor_came_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
