#include "tests/unit/unit.h"

#include "proto/diag.h"
#include "proto/edl_switch.h"
#include "tests/unit/diag_fake.h"
#include "wire/nv_msg.h"

#include <stdlib.h>
#include <string.h>

struct bench {
	struct fake fake;
	struct diag *d;
	struct err e;
};

static struct bench *begin(const struct diag_opts *opts)
{
	static const struct diag_opts plain;
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	fake_init(&b->fake);
	assert_ok(diag_open(&b->fake.link, opts ? opts : &plain, &b->d, &b->e), b->e);
	return b;
}

static void end(struct bench *b)
{
	diag_close(b->d);
	fake_fini(&b->fake);
	free(b);
}

static const struct diag_echo echo_item[] = { { 0, 0, 3 }, { 0, 0, 0 } };

/* Reads a plain NV item; the first data byte, or -1. */
static int read_item(struct bench *b, uint16_t id)
{
	uint8_t room[NV_PACKET_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct diag_ask ask = { .echo = echo_item, .idempotent = true };
	struct nv_answer a;
	struct slice answer;

	nv_read_build(&w, id, 0);
	ask.packet = writer_slice(&w);
	if (diag_ask(b->d, &ask, &answer, &b->e) < 0)
		return -1;
	assert_ok(nv_answer_parse(answer, DIAG_CMD_NV_READ, &a, &b->e), b->e);
	assert_int_equal(a.id, id);
	assert_int_equal(a.status, 0);
	return a.data[0];
}

static void fill(struct bench *b)
{
	unsigned i;

	for (i = 1; i <= 50; i++) {
		uint8_t v = (uint8_t)i;

		fake_nv(&b->fake, i, 0, &v, 1);
	}
}

static void expect_all(struct bench *b)
{
	unsigned i;

	for (i = 1; i <= 50; i++)
		assert_int_equal(read_item(b, (uint16_t)i), i);
}

static void answers_are_found_between_logs_and_single_bytes(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.logs = true;
	b->fake.one_by_one = true;
	expect_all(b);
	assert_int_equal(diag_counters(b->d)->unsolicited, 100);
	assert_int_equal(diag_counters(b->d)->round_trips, 50);
	end(b);
}

static void what_was_on_the_line_before_is_no_answer(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	static const struct diag_opts plain;

	(void)state;
	fake_init(&b->fake);
	/* Half a frame and a whole stale one, left over by an earlier program. */
	fake_say(&b->fake, "\x26\x01\x00\x55\x55\x26\x7d", 7);
	assert_ok(diag_open(&b->fake.link, &plain, &b->d, &b->e), b->e);
	fill(b);
	expect_all(b);
	end(b);
}

static void a_late_answer_is_taken_for_its_own_request_only(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.late_at = 7;
	expect_all(b);
	assert_int_equal(diag_counters(b->d)->resyncs, 1);
	assert_int_equal(diag_counters(b->d)->retries, 0);
	end(b);
}

static void a_lost_answer_is_asked_for_again(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.swallow_at = 7;
	expect_all(b);
	assert_int_equal(diag_counters(b->d)->resyncs, 1);
	assert_int_equal(diag_counters(b->d)->retries, 1);
	assert_int_equal(diag_counters(b->d)->round_trips, 52);
	end(b);
}

static void a_broken_crc_costs_one_repeat(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.bad_crc_at = 7;
	expect_all(b);
	assert_int_equal(diag_counters(b->d)->bad_frames, 1);
	assert_int_equal(diag_counters(b->d)->retries, 1);
	end(b);
}

static void an_answer_with_another_item_number_is_dropped(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	/* The answer to item 8, unasked, in front of the one to item 7. */
	b->fake.stranger_at = 0;
	assert_int_equal(read_item(b, 6), 6);
	{
		uint8_t stale[NV_PACKET_LEN] = { 0x26, 8, 0, 0xee }, room[HDLC_FRAME_ROOM(NV_PACKET_LEN)];
		struct writer w = writer_of(room, sizeof(room));

		hdlc_build(&w, SLICE(stale, sizeof(stale)), false);
		fake_say(&b->fake, w.p, w.n);
	}
	assert_int_equal(read_item(b, 7), 7);
	assert_int_equal(read_item(b, 8), 8);
	assert_int_equal(diag_counters(b->d)->late, 1);
	end(b);
}

static void every_error_code_is_refused_with_its_code(void **state)
{
	static const uint8_t codes[] = { 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x42, 0x47, 0x95, 0x96 };
	struct bench *b = begin(NULL);
	size_t i;

	(void)state;
	fill(b);
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		fake_nv(&b->fake, 7, 0, "x", 1)->error = codes[i];
		assert_err(read_item(b, 7), b->e, ERR_REFUSED);
		assert_int_equal(b->e.code, codes[i]);
		assert_int_equal(read_item(b, 8), 8);
	}
	assert_int_equal(diag_counters(b->d)->retries, 0);
	/* Nothing was unlocked unasked. */
	assert_int_equal(b->fake.spc_tries + b->fake.password_tries, 0);
	end(b);
}

static void the_code_is_sent_once_and_only_when_asked_for(void **state)
{
	struct diag_opts right = { .spc = "123456" }, wrong = { .spc = "000000" };
	struct bench *b = begin(&right);

	(void)state;
	fill(b);
	fake_nv(&b->fake, 85, 0, "\x11", 1);
	b->fake.spc = "123456";
	assert_int_equal(read_item(b, 7), 7);
	assert_int_equal(b->fake.spc_tries, 0);
	assert_int_equal(read_item(b, 85), 0x11);
	assert_int_equal(b->fake.spc_tries, 1);
	end(b);

	b = begin(&wrong);
	fake_nv(&b->fake, 85, 0, "\x11", 1);
	b->fake.spc = "123456";
	assert_err(read_item(b, 85), b->e, ERR_REFUSED);
	assert_err(read_item(b, 85), b->e, ERR_REFUSED);
	assert_int_equal(b->e.code, 0x42);
	assert_non_null(strstr(b->e.msg, "not sent again"));
	assert_int_equal(b->fake.spc_tries, 1);
	end(b);
}

static void a_dead_link_is_noticed_once_and_for_all(void **state)
{
	struct bench *b = begin(NULL);
	unsigned before;

	(void)state;
	fill(b);
	b->fake.dead_from = 3;
	assert_int_equal(read_item(b, 1), 1);
	assert_int_equal(read_item(b, 2), 2);
	assert_err(read_item(b, 3), b->e, ERR_TIMEOUT);
	assert_true(diag_is_dead(b->d));
	before = b->fake.requests;
	assert_err(read_item(b, 4), b->e, ERR_TIMEOUT);
	assert_int_equal(b->fake.requests, before);
	/* It took the request and one question, not three tries. */
	assert_int_equal(diag_counters(b->d)->round_trips, 4);
	assert_err(diag_revive(b->d, &b->e), b->e, ERR_TIMEOUT);
	b->fake.dead_from = 0;
	assert_ok(diag_revive(b->d, &b->e), b->e);
	assert_int_equal(read_item(b, 4), 4);
	end(b);
}

static void a_device_that_left_is_gone_not_slow(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.gone_from = 3;
	assert_int_equal(read_item(b, 1), 1);
	assert_int_equal(read_item(b, 2), 2);
	assert_err(read_item(b, 3), b->e, ERR_GONE);
	end(b);
}

static void one_silent_item_is_a_timeout_of_a_living_module(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	fill(b);
	b->fake.swallow_id = 9;
	assert_err(read_item(b, 9), b->e, ERR_TIMEOUT);
	assert_false(diag_is_dead(b->d));
	assert_int_equal(read_item(b, 10), 10);
	end(b);
}

static void requests_that_change_something_are_never_repeated(void **state)
{
	struct bench *b = begin(NULL);
	static const uint8_t packet[] = { 0x29, 1, 0 };
	struct diag_ask ask = { SLICE(packet, 3), NULL, 0, false, false };
	struct slice answer;

	(void)state;
	b->fake.swallow_at = 1;
	assert_err(diag_ask(b->d, &ask, &answer, &b->e), b->e, ERR_TIMEOUT);
	assert_false(diag_is_dead(b->d));
	assert_int_equal(b->fake.requests, 2); /* it, and the question whether anybody lives */
	/* Its late answer proves that it was done. */
	b->fake.late_at = 3;
	assert_ok(diag_ask(b->d, &ask, &answer, &b->e), b->e);
	end(b);
}

/* A row of NV reads that checks the order. */
struct items {
	struct diag_row row;
	unsigned next, last, taken, refused, stop_at;
};

static int items_next(struct diag_row *row, struct writer *w, struct diag_ask *ask, struct err *e)
{
	struct items *r = container_of(row, struct items, row);

	(void)e;
	if (r->next > r->last)
		return 0;
	nv_read_build(w, (uint16_t)r->next++, 0);
	ask->echo = echo_item;
	return 1;
}

static int items_take(struct diag_row *row, struct slice answer, const struct err *why, struct err *e)
{
	struct items *r = container_of(row, struct items, row);

	(void)e;
	r->taken++;
	if (why) {
		r->refused++;
		return 0;
	}
	assert_int_equal(answer.p[1], r->taken);
	assert_int_equal(answer.p[3], r->taken);
	return r->taken == r->stop_at;
}

static void run_items(struct bench *b, unsigned stop_at, unsigned want_taken, unsigned want_refused)
{
	struct items r = { { items_next, items_take }, 1, 50, 0, 0, stop_at };

	assert_ok(diag_ask_row(b->d, &r.row, &b->e), b->e);
	assert_int_equal(r.taken, want_taken);
	assert_int_equal(r.refused, want_refused);
}

static void rows_keep_their_order_at_every_window(void **state)
{
	unsigned window;

	(void)state;
	for (window = 0; window <= DIAG_WINDOW_MAX + 1; window++) {
		struct diag_opts o = { .window = window };
		struct bench *b = begin(&o);

		fill(b);
		b->fake.logs = true;
		fake_nv(&b->fake, 20, 0, "x", 1)->error = 0x14;
		run_items(b, 0, 50, 1);
		assert_int_equal(diag_counters(b->d)->round_trips, 50);
		/* Stopping in the middle leaves nothing on the line for the next request. */
		run_items(b, 13, 13, 0);
		assert_int_equal(read_item(b, 2), 2);
		assert_int_equal(diag_counters(b->d)->late, 0);
		assert_int_equal(diag_counters(b->d)->resyncs, 0);
		end(b);
	}
}

static void a_row_that_loses_answers_goes_on_one_by_one(void **state)
{
	struct diag_opts o = { .window = 4 };
	struct bench *b = begin(&o);

	(void)state;
	fill(b);
	b->fake.lose_in_flight = 2;
	run_items(b, 0, 50, 0);
	assert_int_equal(diag_window(b->d), 1);
	end(b);

	b = begin(&o);
	fill(b);
	b->fake.reorder_at = 9;
	run_items(b, 0, 50, 0);
	assert_int_equal(diag_window(b->d), 1);
	end(b);

	b = begin(&o);
	fill(b);
	b->fake.bad_crc_at = 9;
	run_items(b, 0, 50, 0);
	end(b);

	b = begin(&o);
	fill(b);
	b->fake.swallow_id = 30;
	run_items(b, 0, 50, 1);
	end(b);
}

static void a_row_on_a_dying_module_fails(void **state)
{
	struct diag_opts o = { .window = 4 };
	struct bench *b = begin(&o);
	struct items r = { { items_next, items_take }, 1, 50, 0, 0, 0 };

	(void)state;
	fill(b);
	b->fake.dead_from = 21;
	assert_err(diag_ask_row(b->d, &r.row, &b->e), b->e, ERR_TIMEOUT);
	assert_true(diag_is_dead(b->d));
	assert_true(r.taken <= 20);
	end(b);
	b = begin(&o);
	fill(b);
	b->fake.gone_from = 21;
	r = (struct items){ { items_next, items_take }, 1, 50, 0, 0, 0 };
	assert_err(diag_ask_row(b->d, &r.row, &b->e), b->e, ERR_GONE);
	end(b);
}

static void identity_survives_a_missing_answer(void **state)
{
	struct bench *b = begin(NULL);
	struct diag_identity id;
	uint32_t mode;

	(void)state;
	assert_ok(diag_identify(b->d, &id, &b->e), b->e);
	assert_string_equal(id.build.build, "MPSS.1");
	assert_string_equal(id.version.compiled, "Mar 01 2024 12:34:56");
	/* Neither the call manager nor the snapshot exists in this module. */
	assert_err(diag_oper_mode(b->d, &mode, &b->e), b->e, ERR_REFUSED);
	diag_quiet(b->d);
	end(b);
}

static void a_reset_may_take_the_port_away(void **state)
{
	struct bench *b = begin(NULL);

	(void)state;
	assert_ok(diag_mode_set(b->d, DIAG_MODE_OFFLINE, &b->e), b->e);
	b->fake.swallow_at = 2;
	assert_ok(diag_mode_set(b->d, DIAG_MODE_RESET, &b->e), b->e);
	b->fake.gone_from = 1;
	assert_ok(diag_mode_set(b->d, DIAG_MODE_RESET, &b->e), b->e);
	assert_err(diag_mode_set(b->d, DIAG_MODE_OFFLINE, &b->e), b->e, ERR_GONE);
	end(b);
}

/* Only the port's absence counts: an echo comes from modules that stay, too. */
static void the_switch_to_edl_ends_when_the_port_is_gone(void **state)
{
	struct edl_switch_opts opts = { .interval_ms = 20, .tries = 3 };
	struct bench *b = begin(NULL);

	(void)state;
	assert_err(edl_switch(&b->fake.link, &opts, &b->e), b->e, ERR_TIMEOUT);
	b->fake.gone_from = 1;
	assert_ok(edl_switch(&b->fake.link, &opts, &b->e), b->e);
	end(b);
}

static void edl_by_at_exists_for_vendors_that_have_it(void **state)
{
	(void)state;
	assert_null(edl_at_commands(0x2c7c));
	assert_string_equal(edl_at_commands(0x1199)[1], "AT!QPSTDLOAD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_found_between_logs_and_single_bytes),
		cmocka_unit_test(what_was_on_the_line_before_is_no_answer),
		cmocka_unit_test(a_late_answer_is_taken_for_its_own_request_only),
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(a_broken_crc_costs_one_repeat),
		cmocka_unit_test(an_answer_with_another_item_number_is_dropped),
		cmocka_unit_test(every_error_code_is_refused_with_its_code),
		cmocka_unit_test(the_code_is_sent_once_and_only_when_asked_for),
		cmocka_unit_test(a_dead_link_is_noticed_once_and_for_all),
		cmocka_unit_test(a_device_that_left_is_gone_not_slow),
		cmocka_unit_test(one_silent_item_is_a_timeout_of_a_living_module),
		cmocka_unit_test(requests_that_change_something_are_never_repeated),
		cmocka_unit_test(rows_keep_their_order_at_every_window),
		cmocka_unit_test(a_row_that_loses_answers_goes_on_one_by_one),
		cmocka_unit_test(a_row_on_a_dying_module_fails),
		cmocka_unit_test(identity_survives_a_missing_answer),
		cmocka_unit_test(a_reset_may_take_the_port_away),
		cmocka_unit_test(the_switch_to_edl_ends_when_the_port_is_gone),
		cmocka_unit_test(edl_by_at_exists_for_vendors_that_have_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
