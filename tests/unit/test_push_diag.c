#include "tests/unit/unit.h"

#include "base/fs.h"
#include "recovery/push_diag.h"
#include "tests/unit/diag_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint8_t imei[9] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
#define DATA(s) SLICE(s, sizeof(s) - 1)

struct bench {
	struct fake fake;
	struct diag *d;
	struct efs *f;
	struct nv *n;
	struct err e;
	struct push_change change[4];
	struct push_diag push;
	struct plan plan;
	char dir[64], save[128];
};

static struct bench *begin(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct diag_opts dopts = { 0 };
	struct efs_opts fopts = { .pause = fake_pause };
	struct nv_opts nopts = { .pause = fake_pause };

	assert_non_null(b);
	fopts.pause_ctx = nopts.pause_ctx = &b->fake;
	fake_init(&b->fake);
	fake_add(&b->fake, "/nv", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item_files", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/num", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/num/550", 0xe1ff, imei, sizeof(imei));
	fake_nv(&b->fake, 550, 0, imei, sizeof(imei));
	fake_add(&b->fake, "/nvm/num/453", 0xe1ff, "\1", 1);
	fake_nv(&b->fake, 453, 0, "\1", 1);
	fake_add(&b->fake, "/plain.txt", 0x8180, "old text", 8);
	fake_add(&b->fake, "/nv/item_files/item", 0xe1ff, "old item", 8);
	assert_ok(diag_open(&b->fake.link, &dopts, &b->d, &b->e), b->e);
	assert_ok(efs_open(b->d, &fopts, &b->f, &b->e), b->e);
	assert_ok(nv_open(b->d, b->f, &nopts, &b->n, &b->e), b->e);
	snprintf(b->dir, sizeof(b->dir), "/tmp/salvor-push.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->save, sizeof(b->save), "%s/old.bin", b->dir);
	b->push = (struct push_diag){ .efs = b->f, .nv = b->n, .change = b->change, .n = 1 };
	b->change[0].save_path = b->save;
	return b;
}

static void end(struct bench *b)
{
	unlink(b->save);
	assert_int_equal(rmdir(b->dir), 0);
	plan_fini(&b->plan);
	nv_close(b->n);
	efs_close(b->f);
	diag_close(b->d);
	fake_fini(&b->fake);
	free(b);
}

static void nv(struct bench *b, uint16_t id, struct slice data)
{
	b->change[0].kind = PUSH_NV;
	b->change[0].ref = (struct nv_ref){ id, 0, 0 };
	b->change[0].data = data;
}

static void file(struct bench *b, enum push_kind kind, const char *path, struct slice data)
{
	b->change[0].kind = kind;
	b->change[0].path = path;
	b->change[0].data = data;
}

static int plan(struct bench *b)
{
	plan_fini(&b->plan);
	return push_diag_plan(&b->push, &b->plan, &b->e);
}

static int apply(struct bench *b)
{
	return push_diag_apply(&b->push, &b->plan, &b->e);
}

/* What requests changed something so far: PUT, WRITE, UNLINK, MKDIR, RMDIR, OPEN for writing is one too
 * but needs a WRITE or leaves a trace in the tree. */
static unsigned changes(const struct bench *b)
{
	return b->fake.op_count[38] + b->fake.op_count[5] + b->fake.op_count[8] + b->fake.op_count[9] +
	       b->fake.op_count[10];
}

static void expect_saved(struct bench *b, const void *p, size_t n)
{
	struct buf got = BUF_INIT(4096);

	assert_ok(fs_read_file(b->save, &got, &b->e), b->e);
	assert_slice_equal(buf_slice(&got), p, n);
	buf_fini(&got);
}

static void an_nv_item_is_kept_written_and_read_back(void **state)
{
	struct bench *b = begin();
	uint8_t old[128] = { 1 };

	(void)state;
	nv(b, 453, DATA("\0"));
	assert_ok(plan(b), b->e);
	assert_int_equal(b->plan.n, 4);
	assert_int_equal(b->plan.step[0].kind, STEP_SAVE);
	assert_int_equal(b->plan.step[1].kind, STEP_PROGRAM);
	assert_int_equal(b->plan.step[2].kind, STEP_VERIFY);
	assert_int_equal(b->plan.step[3].kind, STEP_SYNC);
	assert_non_null(strstr(b->plan.step[1].note, "zeros up to 128"));
	assert_int_equal(b->fake.item[1].data[0], 1);
	assert_ok(apply(b), b->e);
	assert_int_equal(b->fake.item[1].data[0], 0);
	assert_int_equal(b->fake.syncs, 1);
	expect_saved(b, old, sizeof(old));
	assert_true(b->change[0].saved && b->change[0].done && b->push.changed && b->push.written);
	/* Again: it holds that already, so the plan is empty. */
	assert_ok(plan(b), b->e);
	assert_true(b->change[0].same);
	assert_int_equal(b->plan.n, 0);
	end(b);
}

static void nothing_is_padded_in_silence(void **state)
{
	static const uint8_t all[128] = { 1 }, tail[128] = { [1] = 1 };
	struct bench *b = begin();

	(void)state;
	nv(b, 453, DATA("\0\0"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	nv(b, 453, SLICE(tail, 128));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	nv(b, 453, SLICE(all, 0));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	nv(b, 453, SLICE(all, 128));
	assert_ok(plan(b), b->e);
	/* Nobody tells the length of an item that was never written. */
	nv(b, 1000, DATA("ab"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	b->change[0].pad = true;
	assert_ok(plan(b), b->e);
	assert_false(b->change[0].exists);
	assert_int_equal(b->plan.step[0].kind, STEP_PROGRAM);
	assert_int_equal(changes(b), 0);
	end(b);
}

static void identity_is_refused_on_every_way(void **state)
{
	static const uint16_t ids[] = { 0, 82, 85, 447, 550, 1943, 2497, 2824, 4160, 4678 };
	static const char *const paths[] = {
		"/nvm/num/550",
		"/nvm/num/550_1",
		"/nvm//num/550",
		"//nvm/num/550/",
		"/nvm/context1/550",
		"/nvm/num/85",
		"/nv/item_files/nv/550",
		"/nv/item_files/modem/mmode/ue_imei",
		"/nv/item_files/modem/mmode/ue_imei_Subscription01",
		"/nv/item_files/modem/mmode/imei",
	};
	struct bench *b = begin();
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		nv(b, ids[i], SLICE(imei, 9));
		assert_err(plan(b), b->e, ERR_POLICY);
		b->change[0].ref.sim = 1;
		assert_err(plan(b), b->e, ERR_POLICY);
		b->change[0].ref.index = 1;
		assert_err(plan(b), b->e, ERR_POLICY);
	}
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		for (k = PUSH_FILE; k <= PUSH_MKDIR; k++) {
			file(b, (enum push_kind)k, paths[i], SLICE(imei, 9));
			assert_err(plan(b), b->e, ERR_POLICY);
		}
	}
	/* Nor through a link that leads there. */
	fake_add(&b->fake, "/door", 0xa1ff, "/nvm/num", 8);
	file(b, PUSH_FILE, "/door/550", SLICE(imei, 9));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	fake_add(&b->fake, "/alias", 0xa1ff, "/nvm/num/550", 12);
	file(b, PUSH_FILE, "/alias", SLICE(imei, 9));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	assert_int_equal(changes(b), 0);
	end(b);
}

static void files_keep_their_type_and_mode(void **state)
{
	struct bench *b = begin();

	(void)state;
	file(b, PUSH_FILE, "/plain.txt", DATA("new text, longer"));
	b->change[0].type = EFS_TYPE_ITEM;
	assert_err(plan(b), b->e, ERR_MISMATCH);
	b->change[0].type = EFS_TYPE_UNKNOWN;
	assert_ok(plan(b), b->e);
	assert_ok(apply(b), b->e);
	assert_int_equal(fake_find(&b->fake, "/plain.txt")->mode, 0x8180);
	assert_memory_equal(fake_find(&b->fake, "/plain.txt")->data, "new text, longer", 16);
	expect_saved(b, "old text", 8);
	unlink(b->save);
	b->change[0].type = EFS_TYPE_UNKNOWN;
	file(b, PUSH_FILE, "/nv/item_files/item", DATA("x"));
	assert_ok(plan(b), b->e);
	assert_ok(apply(b), b->e);
	assert_int_equal(fake_find(&b->fake, "/nv/item_files/item")->mode, 0xe1ff);
	expect_saved(b, "old item", 8);
	unlink(b->save);
	/* A new one, with folders that the plan names. */
	b->change[0].type = EFS_TYPE_UNKNOWN;
	file(b, PUSH_FILE, "/nv/item_files/a/b/new", DATA("x"));
	assert_ok(plan(b), b->e);
	assert_int_equal(b->plan.step[0].kind, STEP_MKDIR);
	assert_string_equal(b->plan.step[0].what, "/nv/item_files/a");
	assert_string_equal(b->plan.step[1].what, "/nv/item_files/a/b");
	assert_ok(apply(b), b->e);
	assert_int_equal(fake_find(&b->fake, "/nv/item_files/a/b/new")->mode, 0xe1ff);
	/* A numbered item of another length: the firmware would delete it. */
	b->change[0].type = EFS_TYPE_UNKNOWN;
	file(b, PUSH_FILE, "/nvm/num/453", DATA("ab"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_FILE, "/nvm/num/454", DATA("a"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_FILE, "/nv", DATA("a"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_FILE, "/plain.txt/x", DATA("a"));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_FILE, "relative", DATA("a"));
	assert_err(plan(b), b->e, ERR_USAGE);
	file(b, PUSH_REMOVE, "/", DATA(""));
	assert_err(plan(b), b->e, ERR_USAGE);
	end(b);
}

static void removing_keeps_a_copy_and_spares_full_folders(void **state)
{
	struct bench *b = begin();

	(void)state;
	file(b, PUSH_REMOVE, "/nv/item_files", DATA(""));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_REMOVE, "/none", DATA(""));
	assert_err(plan(b), b->e, ERR_MISMATCH);
	file(b, PUSH_REMOVE, "/plain.txt", DATA(""));
	assert_ok(plan(b), b->e);
	assert_ok(apply(b), b->e);
	assert_null(fake_find(&b->fake, "/plain.txt"));
	expect_saved(b, "old text", 8);
	file(b, PUSH_MKDIR, "/x/y", DATA(""));
	assert_ok(plan(b), b->e);
	assert_ok(apply(b), b->e);
	assert_non_null(fake_find(&b->fake, "/x/y"));
	assert_ok(plan(b), b->e);
	assert_true(b->change[0].same);
	file(b, PUSH_REMOVE, "/x/y", DATA(""));
	assert_ok(plan(b), b->e);
	assert_ok(apply(b), b->e);
	assert_null(fake_find(&b->fake, "/x/y"));
	end(b);
}

static void a_module_that_says_yes_and_does_nothing_is_found(void **state)
{
	struct bench *b = begin();

	(void)state;
	b->fake.lie_on_write = true;
	nv(b, 453, DATA("\0"));
	assert_ok(plan(b), b->e);
	assert_err(apply(b), b->e, ERR_INTEGRITY);
	assert_true(b->push.changed && b->push.written && b->change[0].saved && !b->change[0].done);
	unlink(b->save);
	b->push.written = b->push.changed = false;
	file(b, PUSH_FILE, "/nv/item_files/item", DATA("new item"));
	assert_ok(plan(b), b->e);
	assert_err(apply(b), b->e, ERR_INTEGRITY);
	assert_true(b->push.written);
	end(b);
}

static void nothing_is_changed_when_the_old_content_cannot_be_kept(void **state)
{
	struct bench *b = begin();
	unsigned before;

	(void)state;
	assert_ok(fs_write_file(b->save, DATA("precious"), false, &b->e), b->e);
	nv(b, 453, DATA("\0"));
	assert_ok(plan(b), b->e);
	before = changes(b);
	assert_err(apply(b), b->e, ERR_HOST);
	assert_false(b->push.changed);
	assert_int_equal(b->fake.item[1].data[0], 1);
	expect_saved(b, "precious", 8);
	unlink(b->save);
	/* It changed between the plan and now. */
	b->change[0].type = EFS_TYPE_UNKNOWN;
	file(b, PUSH_FILE, "/plain.txt", DATA("new text"));
	assert_ok(plan(b), b->e);
	fake_add(&b->fake, "/plain.txt", 0x8180, "modem text", 10);
	assert_err(apply(b), b->e, ERR_INTEGRITY);
	assert_int_equal(changes(b), before);
	assert_int_not_equal(access(b->save, F_OK), 0);
	end(b);
}

static void several_changes_are_all_kept_before_the_first_is_made(void **state)
{
	struct bench *b = begin();
	char second[160];

	(void)state;
	snprintf(second, sizeof(second), "%s/second.bin", b->dir);
	b->push.n = 2;
	file(b, PUSH_REMOVE, "/plain.txt", DATA(""));
	b->change[1] = (struct push_change){ .kind = PUSH_FILE, .path = "/nv/item_files/item",
					     .data = DATA("x"), .save_path = second };
	assert_ok(plan(b), b->e);
	assert_int_equal(b->plan.step[0].kind, STEP_SAVE);
	assert_int_equal(b->plan.step[1].kind, STEP_SAVE);
	assert_string_equal(b->plan.step[0].what, "/plain.txt");
	/* The module dies at the second change. */
	b->fake.dead_from = b->fake.requests + 7;
	assert_err(apply(b), b->e, ERR_TIMEOUT);
	assert_true(b->push.changed && !b->push.written);
	unlink(second);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_nv_item_is_kept_written_and_read_back),
		cmocka_unit_test(nothing_is_padded_in_silence),
		cmocka_unit_test(identity_is_refused_on_every_way),
		cmocka_unit_test(files_keep_their_type_and_mode),
		cmocka_unit_test(removing_keeps_a_copy_and_spares_full_folders),
		cmocka_unit_test(a_module_that_says_yes_and_does_nothing_is_found),
		cmocka_unit_test(nothing_is_changed_when_the_old_content_cannot_be_kept),
		cmocka_unit_test(several_changes_are_all_kept_before_the_first_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
