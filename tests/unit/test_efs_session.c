#include "tests/unit/unit.h"

#include "base/stream.h"
#include "proto/efs_write.h"
#include "tests/unit/diag_fake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench {
	struct fake fake;
	struct diag *d;
	struct efs *f;
	struct err e;
	struct buf got;
};

static void start(struct bench *b, unsigned window)
{
	struct diag_opts dopts = { .window = window };
	struct efs_opts fopts = { .pause = fake_pause, .pause_ctx = &b->fake };

	assert_ok(diag_open(&b->fake.link, &dopts, &b->d, &b->e), b->e);
	assert_ok(efs_open(b->d, &fopts, &b->f, &b->e), b->e);
}

/* A small tree; with a regular file first in /policyman, which made other tools stop listing. */
static struct bench *prepare(void)
{
	struct bench *b = calloc(1, sizeof(*b));
	uint8_t big[5000];
	size_t i;

	assert_non_null(b);
	for (i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7 + i / 256);
	fake_init(&b->fake);
	b->got = (struct buf)BUF_INIT(1 << 20);
	fake_add(&b->fake, "/nv", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item", 0xe1ff, "12345678", 8);
	fake_add(&b->fake, "/nv/large_item", 0xe1ff, big, 2000);
	fake_add(&b->fake, "/policyman", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/policyman/first.xml", 0x81a4, "<a/>", 4);
	fake_add(&b->fake, "/policyman/item", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/policyman/third.xml", 0x81a4, big, 5000);
	fake_add(&b->fake, "/exact", 0x81a4, big, 2048);
	fake_add(&b->fake, "/empty", 0x81a4, NULL, 0);
	fake_add(&b->fake, "/empty_item", 0xe1ff, NULL, 0);
	return b;
}

static struct bench *begin(unsigned window)
{
	struct bench *b = prepare();

	start(b, window);
	return b;
}

static void end(struct bench *b)
{
	/* No handle was left open on any path. */
	if (!b->fake.dead_from && !b->fake.gone_from) {
		assert_int_equal(b->fake.open_files, 0);
		assert_int_equal(b->fake.open_dirs, 0);
	}
	efs_close(b->f);
	diag_close(b->d);
	buf_fini(&b->got);
	fake_fini(&b->fake);
	free(b);
}

static int read_it(struct bench *b, const char *path, const struct efs_attr *attr)
{
	struct buf_sink to;
	uint64_t n = 0;

	b->got.n = 0;
	buf_sink_init(&to, &b->got);
	if (efs_read(b->f, path, attr, &to.sink, &n, &b->e) < 0)
		return -1;
	assert_int_equal(n, b->got.n);
	return 0;
}

static void expect(struct bench *b, const char *path)
{
	struct fake_node *x = fake_find(&b->fake, path);

	assert_ok(read_it(b, path, NULL), b->e);
	assert_slice_equal(buf_slice(&b->got), x->data, x->n);
}

static void expect_all(struct bench *b)
{
	static const char *const files[] = { "/nv/item", "/nv/large_item", "/policyman/first.xml",
					     "/policyman/item", "/policyman/third.xml", "/exact", "/empty",
					     "/empty_item" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		expect(b, files[i]);
}

static void the_subsystem_with_the_modem_tree_wins(void **state)
{
	struct bench *b = begin(0);
	struct efs_opts opts = { 0 };
	struct efs *f;

	(void)state;
	assert_int_equal(efs_subsystem(b->f), 0x13);
	b->fake.no_efs_13 = true;
	assert_ok(efs_open(b->d, &opts, &f, &b->e), b->e);
	assert_int_equal(efs_subsystem(f), 0x3e);
	efs_close(f);
	b->fake.no_efs_3e = true;
	assert_err(efs_open(b->d, &opts, &f, &b->e), b->e, ERR_UNSUPPORTED);
	/* An erased file system: nothing to recognise it by, 0x13 it is. */
	b->fake.no_efs_13 = b->fake.no_efs_3e = false;
	fake_find(&b->fake, "/nv")->mode = 0;
	assert_ok(efs_open(b->d, &opts, &f, &b->e), b->e);
	assert_int_equal(efs_subsystem(f), 0x13);
	efs_close(f);
	end(b);
}

static void a_listing_ends_at_the_empty_name(void **state)
{
	unsigned window;

	(void)state;
	for (window = 1; window <= 8; window += 7) {
		struct bench *b = begin(window);
		struct efs_list l = { 0 };

		assert_ok(efs_list(b->f, "/policyman", &l, &b->e), b->e);
		assert_int_equal(l.n, 3);
		assert_string_equal(l.entry[0].name, "first.xml");
		assert_int_equal(efs_type(&l.entry[0].attr), EFS_TYPE_FILE);
		assert_int_equal(l.entry[0].attr.size, 4);
		assert_int_equal(efs_type(&l.entry[1].attr), EFS_TYPE_ITEM);
		assert_string_equal(l.entry[2].name, "third.xml");
		efs_list_fini(&l);
		assert_ok(efs_list(b->f, "/", &l, &b->e), b->e);
		assert_int_equal(l.n, 5);
		efs_list_fini(&l);
		assert_err(efs_list(b->f, "/none", &l, &b->e), b->e, ERR_REFUSED);
		assert_true(efs_is_absent(&b->e));
		assert_err(efs_list(b->f, "/exact", &l, &b->e), b->e, ERR_REFUSED);
		assert_int_equal(b->e.code, EFS_ENOTDIR);
		assert_int_equal(l.n, 0);
		end(b);
	}
}

static void items_of_unknown_type_are_looked_up(void **state)
{
	struct bench *b = prepare();
	struct efs_list l = { 0 };

	(void)state;
	fake_find(&b->fake, "/nv/item")->silent_type = true;
	start(b, 0);
	assert_ok(efs_list(b->f, "/nv", &l, &b->e), b->e);
	assert_int_equal(efs_type(&l.entry[0].attr), EFS_TYPE_ITEM);
	assert_int_equal(l.entry[0].attr.size, 8);
	efs_list_fini(&l);
	b->fake.deny = "/nv/item"; /* STAT refused: taken for an item */
	assert_ok(efs_list(b->f, "/nv", &l, &b->e), b->e);
	assert_int_equal(efs_type(&l.entry[0].attr), EFS_TYPE_ITEM);
	efs_list_fini(&l);
	end(b);
}

static void files_are_read_whole_at_every_window(void **state)
{
	unsigned window;

	(void)state;
	for (window = 1; window <= 8; window++) {
		struct bench *b = begin(window);

		expect_all(b);
		b->fake.logs = true;
		b->fake.read_limit = 100; /* short answers are not the end */
		expect_all(b);
		b->fake.regular_get = true;
		end(b);
		b = prepare();
		b->fake.regular_get = true;
		start(b, window);
		expect_all(b);
		end(b);
	}
}

static void every_single_lost_or_late_answer_leaves_the_bytes_right(void **state)
{
	unsigned at, kind, window;

	(void)state;
	for (window = 1; window <= 3; window += 2) {
		for (kind = 0; kind < 4; kind++) {
			for (at = 1; at < 60; at++) {
				struct bench *b = prepare();

				if (kind == 0)
					b->fake.late_at = at;
				else if (kind == 1)
					b->fake.swallow_at = at;
				else if (kind == 2)
					b->fake.bad_crc_at = at;
				else
					b->fake.stranger_at = at;
				start(b, window);
				expect_all(b);
				/* A lost answer to OPEN may leave a handle behind; HELLO cleans up. */
				b->fake.open_files = b->fake.open_dirs = 0;
				end(b);
			}
		}
	}
}

static void a_late_read_answer_never_becomes_another_files_bytes(void **state)
{
	struct bench *b = begin(0);

	(void)state;
	/* Both files are read with handle 0 from offset 0; only order tells their answers apart. */
	expect(b, "/exact");
	b->fake.late_at = b->fake.requests + 3; /* stat, open, read */
	expect(b, "/policyman/third.xml");
	b->fake.swallow_at = b->fake.requests + 3;
	expect(b, "/exact");
	expect(b, "/nv/large_item");
	end(b);
}

static void a_hostile_read_answer_is_an_error_not_an_overrun(void **state)
{
	struct bench *b = begin(0);
	struct efs_attr tiny = { 0x81a4, 2000, 1, 0, 0, 0 };

	(void)state;
	b->fake.overclaim_at = 2;
	assert_err(read_it(b, "/policyman/third.xml", NULL), b->e, ERR_PROTO);
	assert_non_null(strstr(b->e.msg, "after 1024 bytes"));
	/* The listing said less than there is: everything is read all the same. */
	assert_ok(read_it(b, "/policyman/third.xml", &tiny), b->e);
	assert_int_equal(b->got.n, 5000);
	end(b);
}

static void refusals_keep_their_reason(void **state)
{
	struct bench *b = begin(0);
	struct efs_list l = { 0 };
	struct efs_attr a;

	(void)state;
	b->fake.deny = "/nv/item";
	assert_err(read_it(b, "/nv/item", NULL), b->e, ERR_REFUSED);
	assert_true(efs_is_denied(&b->e));
	assert_false(efs_is_absent(&b->e));
	b->fake.no_list = "/policyman";
	assert_err(efs_list(b->f, "/policyman", &l, &b->e), b->e, ERR_REFUSED);
	assert_true(efs_is_denied(&b->e));
	expect(b, "/policyman/item"); /* a known path may still be read */
	assert_err(efs_stat(b->f, "/none", &a, &b->e), b->e, ERR_REFUSED);
	assert_true(efs_is_absent(&b->e));
	assert_err(read_it(b, "/none", NULL), b->e, ERR_REFUSED);
	assert_err(read_it(b, "/nv", NULL), b->e, ERR_USAGE);
	assert_err(efs_stat(b->f, "relative", &a, &b->e), b->e, ERR_USAGE);
	assert_err(efs_stat(b->f, "/nv/../nv", &a, &b->e), b->e, ERR_USAGE);
	end(b);
}

static void handles_left_by_others_are_closed(void **state)
{
	struct bench *b = begin(0);
	struct efs_list l = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 6; i++)
		b->fake.fd[i] = 0;
	for (i = 0; i < 4; i++)
		b->fake.dir[i] = 0;
	expect(b, "/policyman/third.xml");
	for (i = 0; i < 4; i++)
		b->fake.dir[i] = 0;
	assert_ok(efs_list(b->f, "/nv", &l, &b->e), b->e);
	efs_list_fini(&l);
	end(b);
}

static void a_walk_needs_few_handles_and_few_round_trips(void **state)
{
	struct bench *b = prepare();
	uint64_t before;
	struct efs_list top = { 0 };
	size_t i, k, read = 0;
	char path[300];

	(void)state;
	b->fake.dir_limit = 1;
	b->fake.fd_limit = 1;
	for (i = 0; i < 49; i++) {
		snprintf(path, sizeof(path), "/nv/i%zu", i);
		fake_add(&b->fake, path, 0xe1ff, path, i % 20);
	}
	start(b, 0);
	before = diag_counters(b->d)->round_trips;
	assert_ok(efs_list(b->f, "/", &top, &b->e), b->e);
	for (i = 0; i < top.n; i++) {
		struct efs_list l = { 0 };

		if (efs_type(&top.entry[i].attr) != EFS_TYPE_DIR)
			continue;
		snprintf(path, sizeof(path), "/%s", top.entry[i].name);
		assert_ok(efs_list(b->f, path, &l, &b->e), b->e);
		for (k = 0; k < l.n; k++) {
			snprintf(path, sizeof(path), "/%s/%s", top.entry[i].name, l.entry[k].name);
			assert_ok(read_it(b, path, &l.entry[k].attr), b->e);
			read++;
		}
		efs_list_fini(&l);
	}
	efs_list_fini(&top);
	assert_int_equal(read, 54);
	assert_int_equal(b->fake.most_dirs, 1);
	assert_true(b->fake.most_files <= 1);
	/* Two exchanges for each item (its entry and its content), a few for directories and big files. */
	assert_true(diag_counters(b->d)->round_trips - before <= 54 * 2 + 35);
	end(b);
}

static void a_dying_module_ends_reading_at_once(void **state)
{
	struct bench *b = prepare();

	(void)state;
	b->fake.dead_from = 8;
	start(b, 0);
	while (read_it(b, "/policyman/third.xml", NULL) == 0)
		;
	assert_int_equal(b->e.kind, ERR_TIMEOUT);
	assert_true(diag_is_dead(b->d));
	assert_true(b->fake.requests <= 9);
	end(b);
}

static void small_answers_are_taken_apart(void **state)
{
	struct bench *b = begin(0);
	struct efs_statfs_answer fs;
	struct efs_query q;
	struct efs_attr a;
	uint8_t md5[16];
	char *target;

	(void)state;
	fake_add(&b->fake, "/link", 0xa1ff, "/target", 7);
	assert_ok(efs_readlink(b->f, "/link", &target, &b->e), b->e);
	assert_string_equal(target, "/target");
	assert_int_equal(b->fake.last_op, 7);
	free(target);
	assert_ok(efs_lstat(b->f, "/link", &a, &b->e), b->e);
	assert_int_equal(efs_type(&a), EFS_TYPE_LINK);
	assert_int_equal(a.size, 0);
	assert_ok(efs_statfs(b->f, "/", &fs, &b->e), b->e);
	assert_int_equal(fs.block_size, 2048);
	assert_ok(efs_query(b->f, &q, &b->e), b->e);
	assert_int_equal(q.max_name, 255);
	assert_ok(efs_md5(b->f, "/exact", md5, &b->e), b->e);
	assert_int_equal(md5[0], 0x5c);
	end(b);
}

static void sync_waits_for_the_module(void **state)
{
	struct bench *b = begin(0);
	enum efs_synced how;

	(void)state;
	assert_ok(efs_sync(b->f, &how, &b->e), b->e);
	assert_int_equal(how, EFS_SYNC_DONE);
	assert_int_equal(b->fake.sync_polls, 2);
	b->fake.sync_clean = true;
	assert_ok(efs_sync(b->f, &how, &b->e), b->e);
	assert_int_equal(how, EFS_SYNC_CLEAN);
	b->fake.sync_clean = false;
	b->fake.sync_polls_needed = 1000; /* a module whose 0 means done */
	b->fake.paused_ms = 0;
	assert_ok(efs_sync(b->f, &how, &b->e), b->e);
	assert_int_equal(how, EFS_SYNC_ASSUMED);
	assert_in_range(b->fake.paused_ms, 5000, 6000);
	b->fake.no_sync = true;
	assert_ok(efs_sync(b->f, &how, &b->e), b->e);
	assert_int_equal(how, EFS_SYNC_ASSUMED);
	end(b);
}

static void writes_survive_a_full_journal(void **state)
{
	struct bench *b = begin(0);
	struct mem_source from;
	uint8_t big[3000];
	uint64_t n;

	(void)state;
	memset(big, 0x42, sizeof(big));
	b->fake.journal_left = 2;
	b->fake.journal_size = 3;
	mem_source_init(&from, SLICE(big, sizeof(big)));
	assert_ok(efs_write(b->f, "/new/deep/file", 0644, &from.source, &n, &b->e), b->e);
	assert_int_equal(n, sizeof(big));
	assert_int_equal(fake_find(&b->fake, "/new/deep/file")->mode, 0x81a4);
	expect(b, "/new/deep/file");
	assert_true(b->fake.syncs > 1);
	assert_ok(efs_put_item(b->f, "/nv/new", SLICE_STR("abc"), &b->e), b->e);
	assert_int_equal(fake_find(&b->fake, "/nv/new")->mode, 0xe1ff);
	/* A disk that stays full is an error, not a loop. */
	b->fake.journal_left = b->fake.journal_size = 0;
	assert_err(efs_put_item(b->f, "/nv/new", SLICE_STR("abc"), &b->e), b->e, ERR_REFUSED);
	assert_int_equal(b->e.code, EFS_ENOSPC);
	mem_source_init(&from, SLICE(big, sizeof(big)));
	assert_err(efs_write(b->f, "/nv/f", 0644, &from.source, &n, &b->e), b->e, ERR_REFUSED);
	b->fake.journal_left = 3;
	mem_source_init(&from, SLICE(big, sizeof(big)));
	assert_err(efs_write(b->f, "/nv/f", 0644, &from.source, &n, &b->e), b->e, ERR_REFUSED);
	assert_non_null(strstr(b->e.msg, "incomplete"));
	end(b);
}

static void each_change_uses_its_own_command(void **state)
{
	struct bench *b = begin(0);
	uint8_t big[2500];

	(void)state;
	memset(big, 7, sizeof(big));
	assert_ok(efs_unlink(b->f, "/policyman/first.xml", &b->e), b->e);
	assert_int_equal(b->fake.last_op, 8);
	assert_null(fake_find(&b->fake, "/policyman/first.xml"));
	assert_err(efs_rmdir(b->f, "/policyman", &b->e), b->e, ERR_REFUSED);
	assert_int_equal(b->e.code, EFS_ENOTEMPTY);
	assert_int_equal(b->fake.last_op, 10);
	assert_ok(efs_mkdir(b->f, "/dir", 0755, &b->e), b->e);
	assert_ok(efs_mkdir(b->f, "/dir", 0755, &b->e), b->e); /* exists: fine */
	assert_ok(efs_rmdir(b->f, "/dir", &b->e), b->e);
	assert_ok(efs_rename(b->f, "/exact", "/moved", &b->e), b->e);
	assert_int_equal(b->fake.last_op, 14);
	expect(b, "/moved");
	assert_ok(efs_symlink(b->f, "/target", "/nv/link", &b->e), b->e);
	assert_memory_equal(fake_find(&b->fake, "/nv/link")->data, "/target", 7);
	assert_ok(efs_chmod(b->f, "/moved", 0600, &b->e), b->e);
	assert_int_equal(fake_find(&b->fake, "/moved")->mode, 0x8180);
	/* Too large for PUT: in pieces, still an item. */
	assert_ok(efs_put_item(b->f, "/nv/big", SLICE(big, sizeof(big)), &b->e), b->e);
	assert_int_equal(fake_find(&b->fake, "/nv/big")->mode & 0xf000, 0xe000);
	assert_int_equal(fake_find(&b->fake, "/nv/big")->n, sizeof(big));
	assert_int_equal(b->fake.op_count[37], 0);
	assert_int_equal(b->fake.op_count[26], 0);
	end(b);
}

static void a_write_without_answer_is_not_sent_twice(void **state)
{
	struct bench *b = begin(0);

	(void)state;
	b->fake.swallow_at = b->fake.requests + 1;
	assert_err(efs_put_item(b->f, "/nv/new", SLICE_STR("abc"), &b->e), b->e, ERR_TIMEOUT);
	assert_int_equal(b->fake.op_count[38], 1);
	assert_false(diag_is_dead(b->d));
	expect(b, "/nv/new"); /* it had been done */
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_subsystem_with_the_modem_tree_wins),
		cmocka_unit_test(a_listing_ends_at_the_empty_name),
		cmocka_unit_test(items_of_unknown_type_are_looked_up),
		cmocka_unit_test(files_are_read_whole_at_every_window),
		cmocka_unit_test(every_single_lost_or_late_answer_leaves_the_bytes_right),
		cmocka_unit_test(a_late_read_answer_never_becomes_another_files_bytes),
		cmocka_unit_test(a_hostile_read_answer_is_an_error_not_an_overrun),
		cmocka_unit_test(refusals_keep_their_reason),
		cmocka_unit_test(handles_left_by_others_are_closed),
		cmocka_unit_test(a_walk_needs_few_handles_and_few_round_trips),
		cmocka_unit_test(a_dying_module_ends_reading_at_once),
		cmocka_unit_test(small_answers_are_taken_apart),
		cmocka_unit_test(sync_waits_for_the_module),
		cmocka_unit_test(writes_survive_a_full_journal),
		cmocka_unit_test(each_change_uses_its_own_command),
		cmocka_unit_test(a_write_without_answer_is_not_sent_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
