#include "tests/unit/unit.h"

#include "base/stream.h"
#include "proto/nv_write.h"
#include "tests/unit/diag_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t imei[9] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };

struct bench {
	struct fake fake;
	struct diag *d;
	struct efs *f;
	struct nv *n;
	struct err e;
	unsigned seen[NV_SKIPPED + 1];
	unsigned sum;
	int fail_at;
};

static struct bench *begin(unsigned window, bool with_efs, bool legacy)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct diag_opts dopts = { .window = window };
	struct efs_opts fopts = { .pause = fake_pause };
	struct nv_opts nopts = { .array_legacy = legacy, .pause = fake_pause };

	assert_non_null(b);
	fopts.pause_ctx = nopts.pause_ctx = &b->fake;
	fake_init(&b->fake);
	fake_add(&b->fake, "/nv", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm", 0x41ff, NULL, 0);
	assert_ok(diag_open(&b->fake.link, &dopts, &b->d, &b->e), b->e);
	if (with_efs)
		assert_ok(efs_open(b->d, &fopts, &b->f, &b->e), b->e);
	assert_ok(nv_open(b->d, b->f, &nopts, &b->n, &b->e), b->e);
	return b;
}

static void end(struct bench *b)
{
	nv_close(b->n);
	efs_close(b->f);
	diag_close(b->d);
	fake_fini(&b->fake);
	free(b);
}

static void add(struct bench *b, unsigned id, unsigned index, const void *data, size_t n)
{
	char path[64];

	fake_nv(&b->fake, id, index, data, n);
	fake_add(&b->fake, "/nvm/num", 0x41ff, NULL, 0);
	snprintf(path, sizeof(path), index ? "/nvm/num/%u_%u" : "/nvm/num/%u", id, index);
	fake_add(&b->fake, path, 0xe1ff, data, n);
}

static struct nv_value get(struct bench *b, uint16_t id, uint16_t index, uint8_t sim)
{
	struct nv_ref ref = { id, index, sim };
	struct nv_value v;

	assert_ok(nv_read(b->n, &ref, &v, &b->e), b->e);
	return v;
}

static void each_refusal_is_a_state_of_its_own(void **state)
{
	static const struct {
		unsigned status, error;
		enum nv_state want;
	} rows[] = {
		{ 5, 0, NV_INACTIVE },   { 8, 0, NV_UNDEFINED },  { 6, 0, NV_BAD_PARM },
		{ 4, 0, NV_UNREADABLE }, { 0, 0x14, NV_BAD_PARM }, { 0, 0x13, NV_UNREADABLE },
		{ 0, 0x42, NV_LOCKED },  { 0, 0x47, NV_LOCKED },  { 0, 0x18, NV_UNREADABLE },
	};
	struct bench *b = begin(0, false, false);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fake_item *x = fake_nv(&b->fake, 700, 0, "x", 1);
		struct nv_value v;

		x->status = rows[i].status;
		x->error = rows[i].error;
		v = get(b, 700, 0, 0);
		assert_int_equal(v.state, rows[i].want);
		assert_int_equal(v.code, rows[i].status ? rows[i].status : rows[i].error);
		assert_true(slice_all(SLICE(v.data, sizeof(v.data)), 0));
	}
	assert_int_equal(get(b, 701, 0, 0).state, NV_INACTIVE);
	b->fake.swallow_id = 702;
	assert_int_equal(get(b, 702, 0, 0).state, NV_SILENT);
	assert_int_equal(get(b, 3252, 0, 0).state, NV_SKIPPED);
	fake_nv(&b->fake, 550, 0, imei, sizeof(imei));
	assert_memory_equal(get(b, 550, 0, 0).data, imei, sizeof(imei));
	b->fake.dead_from = 1;
	{
		struct nv_ref ref = { 550, 0, 0 };
		struct nv_value v;

		assert_err(nv_read(b->n, &ref, &v, &b->e), b->e, ERR_TIMEOUT);
	}
	end(b);
}

static void a_busy_module_is_asked_again(void **state)
{
	struct bench *b = begin(0, false, false);

	(void)state;
	fake_nv(&b->fake, 550, 0, imei, sizeof(imei));
	b->fake.busy_times = 3;
	assert_int_equal(get(b, 550, 0, 0).state, NV_VALUE);
	assert_true(b->fake.paused_ms > 0);
	b->fake.busy_times = 100;
	assert_int_equal(get(b, 550, 0, 0).state, NV_UNREADABLE);
	end(b);
}

static void elements_and_second_sims_go_their_own_ways(void **state)
{
	struct bench *b = begin(0, true, false);

	(void)state;
	fake_nv(&b->fake, 1014, 0, "\x00zero", 5);
	fake_nv(&b->fake, 1014, 2, "two", 3);
	assert_memory_equal(get(b, 1014, 2, 0).data, "two", 3);
	/* SIM 2: its item file, nine bytes and no more. */
	fake_add(&b->fake, "/nvm/context1", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/context1/550", 0xe1ff, imei, sizeof(imei));
	fake_nv(&b->fake, 550, 1, "other", 5);
	assert_memory_equal(get(b, 550, 0, 1).data, imei, sizeof(imei));
	assert_int_equal(get(b, 550, 0, 1).len, 9);
	assert_int_equal(get(b, 551, 0, 1).state, NV_INACTIVE);
	/* Denied as a file: subsystem 48 knows it too. */
	b->fake.deny = "/nvm/context1/550";
	assert_memory_equal(get(b, 550, 0, 1).data, "other", 5);
	end(b);

	b = begin(0, false, true);
	fake_nv(&b->fake, 1014, 0, "\x00zero", 5);
	/* By the first data byte; this module always gives element 0. */
	assert_int_equal(get(b, 1014, 1, 0).state, NV_INACTIVE);
	end(b);
}

static int count_item(void *ctx, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	struct bench *b = ctx;

	if (b->fail_at && ref->id == b->fail_at)
		return err_set(e, ERR_HOST, "disk full");
	b->seen[v->state]++;
	b->sum += v->data[0];
	return 0;
}

static void a_listing_finds_what_exists(void **state)
{
	struct bench *b = begin(0, true, false);
	struct nv_listing l;

	(void)state;
	add(b, 550, 0, imei, 9);
	add(b, 10, 0, "\x04", 1);
	add(b, 1014, 3, "\x07", 1);
	add(b, 10330, 0, "\x09", 1);
	fake_add(&b->fake, "/nvm/num/readme", 0x81a4, "x", 1);
	fake_add(&b->fake, "/nvm/num/70000", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/nvm/num/5_", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/nvm/num/66086", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/nvm/context1", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/context1/550", 0xe1ff, imei, 9);
	assert_ok(nv_list(b->n, NV_SCAN_LAST, &l, &b->e), b->e);
	assert_false(l.scan);
	assert_int_equal(l.n, 5);
	assert_int_equal(l.ref[0].id, 10);
	assert_int_equal(l.ref[1].id, 550);
	assert_int_equal(l.ref[2].id, 1014);
	assert_int_equal(l.ref[2].index, 3);
	assert_int_equal(l.ref[3].id, 10330);
	assert_int_equal(l.ref[4].sim, 1);
	assert_ok(nv_each(b->n, &l, count_item, b, &b->e), b->e);
	assert_int_equal(b->seen[NV_VALUE], 5);
	assert_int_equal(b->sum, 4 + 8 + 7 + 9 + 8);
	b->fail_at = 1014;
	assert_err(nv_each(b->n, &l, count_item, b, &b->e), b->e, ERR_HOST);
	nv_listing_fini(&l);
	end(b);
}

static void without_a_listing_all_ids_are_tried(void **state)
{
	unsigned window;

	(void)state;
	for (window = 1; window <= 4; window += 3) {
		struct bench *b = begin(window, true, false);
		struct nv_listing l;

		fake_nv(&b->fake, 550, 0, imei, 9);
		fake_nv(&b->fake, 85, 0, "x", 1)->error = 0x42;
		fake_nv(&b->fake, 90, 0, "x", 1)->error = 0x14;
		b->fake.swallow_id = 100;
		b->fake.logs = true;
		assert_ok(nv_list(b->n, 600, &l, &b->e), b->e);
		assert_true(l.scan);
		assert_int_equal(l.why.kind, ERR_REFUSED);
		assert_int_equal(l.n, 601);
		assert_ok(nv_each(b->n, &l, count_item, b, &b->e), b->e);
		assert_int_equal(b->seen[NV_VALUE], 1);
		assert_int_equal(b->seen[NV_LOCKED], 1);
		assert_int_equal(b->seen[NV_SILENT], 1);
		assert_int_equal(b->seen[NV_INACTIVE] + b->seen[NV_BAD_PARM], 0);
		nv_listing_fini(&l);
		end(b);
	}
}

static void busy_items_inside_a_row_are_not_lost(void **state)
{
	unsigned window, i;

	(void)state;
	for (window = 1; window <= 4; window++) {
		struct bench *b = begin(window, true, false);
		struct nv_listing l;

		for (i = 1; i <= 100; i++) {
			uint8_t v = (uint8_t)i;

			add(b, i, 0, &v, 1);
		}
		assert_ok(nv_list(b->n, NV_SCAN_LAST, &l, &b->e), b->e);
		b->fake.busy_times = 4;
		assert_ok(nv_each(b->n, &l, count_item, b, &b->e), b->e);
		assert_int_equal(b->seen[NV_VALUE], 100);
		assert_int_equal(b->sum, 5050);
		nv_listing_fini(&l);
		end(b);
	}
}

static void a_write_is_read_back(void **state)
{
	struct bench *b = begin(0, true, false);
	struct nv_ref ref = { 453, 0, 0 }, sim = { 550, 0, 1 }, element = { 1014, 2, 0 };
	uint8_t data[NV_DATA_LEN] = { 0 };

	(void)state;
	fake_nv(&b->fake, 453, 0, "\x01", 1);
	assert_ok(nv_write(b->n, &ref, data, NV_DATA_LEN, &b->e), b->e);
	assert_int_equal(get(b, 453, 0, 0).data[0], 0);
	data[0] = 5;
	assert_ok(nv_write(b->n, &element, data, NV_DATA_LEN, &b->e), b->e);
	assert_int_equal(get(b, 1014, 2, 0).data[0], 5);
	memcpy(data, imei, 9);
	assert_ok(nv_write(b->n, &sim, data, 9, &b->e), b->e);
	assert_int_equal(fake_find(&b->fake, "/nvm/context1/550")->n, 9);
	/* Write-once firmware: says yes, keeps the old value. */
	b->fake.lie_on_write = true;
	data[0] = 7;
	assert_err(nv_write(b->n, &ref, data, NV_DATA_LEN, &b->e), b->e, ERR_INTEGRITY);
	assert_err(nv_write(b->n, &sim, data, 9, &b->e), b->e, ERR_INTEGRITY);
	b->fake.lie_on_write = false;
	fake_nv(&b->fake, 453, 0, "\x01", 1)->status = 7;
	assert_err(nv_write(b->n, &ref, data, NV_DATA_LEN, &b->e), b->e, ERR_REFUSED);
	assert_int_equal(b->e.code, NV_STATUS_READ_ONLY);
	fake_nv(&b->fake, 453, 0, "\x01", 1)->error = 0x42;
	assert_err(nv_write(b->n, &ref, data, NV_DATA_LEN, &b->e), b->e, ERR_REFUSED);
	assert_int_equal(b->e.code, 0x42);
	assert_err(nv_write(b->n, &ref, data, 129, &b->e), b->e, ERR_USAGE);
	end(b);
}

/* A module with 203 items and 49 other files: NV values and every file's content. */
static uint64_t read_everything(struct bench *b, unsigned *ret_files)
{
	char *stack[64];
	size_t depth = 0;
	struct nv_listing l;
	struct buf got = BUF_INIT(1 << 20);
	uint64_t before = diag_counters(b->d)->round_trips;

	assert_ok(nv_list(b->n, NV_SCAN_LAST, &l, &b->e), b->e);
	assert_ok(nv_each(b->n, &l, count_item, b, &b->e), b->e);
	nv_listing_fini(&l);
	stack[depth++] = strdup("/");
	while (depth) {
		char *dir = stack[--depth];
		struct efs_list list = { 0 };
		size_t i;

		assert_ok(efs_list(b->f, dir, &list, &b->e), b->e);
		for (i = 0; i < list.n; i++) {
			char path[256];
			struct buf_sink to;
			uint64_t n;

			snprintf(path, sizeof(path), "%s/%s", strcmp(dir, "/") ? dir : "",
				 list.entry[i].name);
			if (efs_type(&list.entry[i].attr) == EFS_TYPE_DIR) {
				stack[depth++] = strdup(path);
				continue;
			}
			got.n = 0;
			buf_sink_init(&to, &got);
			assert_ok(efs_read(b->f, path, &list.entry[i].attr, &to.sink, &n, &b->e), b->e);
			assert_slice_equal(buf_slice(&got), fake_find(&b->fake, path)->data,
					   fake_find(&b->fake, path)->n);
			++*ret_files;
		}
		efs_list_fini(&list);
		free(dir);
	}
	buf_fini(&got);
	return diag_counters(b->d)->round_trips - before;
}

static void everything_is_read_within_1500_round_trips(void **state)
{
	struct bench *b = begin(0, true, false);
	uint8_t content[5000];
	unsigned i, files = 0;
	uint64_t trips;

	(void)state;
	memset(content, 0x77, sizeof(content));
	for (i = 0; i < 203; i++)
		add(b, i * 37 + 3, 0, content, 1 + i % 128);
	fake_add(&b->fake, "/nv/item_files", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/policyman", 0x41ff, NULL, 0);
	for (i = 0; i < 12; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/nv/item_files/d%u", i);
		fake_add(&b->fake, path, 0x41ff, NULL, 0);
	}
	for (i = 0; i < 49; i++) {
		char path[64];

		if (i % 4 == 0) {
			snprintf(path, sizeof(path), "/policyman/f%u.xml", i);
			fake_add(&b->fake, path, 0x81a4, content, i % 3 ? 700 : 5000);
		} else {
			snprintf(path, sizeof(path), "/nv/item_files/d%u/i%u", i % 12, i);
			fake_add(&b->fake, path, 0xe1ff, content, i * 5);
		}
	}
	trips = read_everything(b, &files);
	assert_int_equal(files, 203 + 49);
	assert_int_equal(b->seen[NV_VALUE], 203);
	print_message("# 203 NV items and 252 files in %u round trips\n", (unsigned)trips);
	assert_true(trips <= 1500);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_refusal_is_a_state_of_its_own),
		cmocka_unit_test(a_busy_module_is_asked_again),
		cmocka_unit_test(elements_and_second_sims_go_their_own_ways),
		cmocka_unit_test(a_listing_finds_what_exists),
		cmocka_unit_test(without_a_listing_all_ids_are_tried),
		cmocka_unit_test(busy_items_inside_a_row_are_not_lost),
		cmocka_unit_test(a_write_is_read_back),
		cmocka_unit_test(everything_is_read_within_1500_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
