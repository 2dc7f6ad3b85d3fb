#include "tests/unit/unit.h"

#include "backup/pull_diag.h"
#include "tests/unit/diag_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFS_RFNV "/nv/item_files/rfnv"

static const uint8_t imei[9] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };

struct seen {
	char path[96];
	enum efs_type type;
	bool hidden, whole;
	struct buf data;
};

/* Takes everything, and remembers it. */
struct bench {
	struct fake fake;
	struct diag *d;
	struct efs *f;
	struct nv *n;
	struct err e;
	struct pull_ops ops;
	struct pull_counts counts;
	struct seen seen[FAKE_NODES];
	size_t n_seen;
	char gaps[8192];
	unsigned nv_sum;
	struct buf_sink sink;
	const char *fail_on; /* path whose content cannot be stored */
	void (*on_item)(struct bench *, const char *path);
};

static struct bench *of(struct pull_ops *ops)
{
	return container_of(ops, struct bench, ops);
}

static int on_item(struct pull_ops *ops, const struct pull_item *item, struct sink **ret, struct err *e)
{
	struct bench *b = of(ops);
	struct seen *s = &b->seen[b->n_seen];

	if (b->fail_on && strcmp(b->fail_on, item->path) == 0)
		return err_set(e, ERR_HOST, "disk full");
	/* A second time after a failed end(). */
	if (b->n_seen && strcmp(b->seen[b->n_seen - 1].path, item->path) == 0)
		s = &b->seen[b->n_seen - 1];
	else
		b->n_seen++;
	buf_fini(&s->data);
	snprintf(s->path, sizeof(s->path), "%s", item->path);
	s->type = item->type;
	s->hidden = item->hidden;
	s->data = (struct buf)BUF_INIT(1 << 20);
	if (item->target)
		assert_ok(buf_add(&s->data, item->target, strlen(item->target), e), *e);
	buf_sink_init(&b->sink, &s->data);
	if (item->type == EFS_TYPE_FILE || item->type == EFS_TYPE_ITEM)
		*ret = &b->sink.sink;
	if (b->on_item)
		b->on_item(b, item->path);
	return 0;
}

static int on_end(struct pull_ops *ops, const struct pull_item *item, uint64_t n, const struct err *why,
		  struct err *e)
{
	struct seen *s = &of(ops)->seen[of(ops)->n_seen - 1];

	(void)e;
	assert_string_equal(s->path, item->path);
	assert_int_equal(n, s->data.n);
	s->whole = !why;
	return 0;
}

static int on_nv(struct pull_ops *ops, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	(void)e;
	assert_int_equal(v->state, NV_VALUE);
	of(ops)->nv_sum += ref->id + v->data[0];
	return 0;
}

static int on_gap(struct pull_ops *ops, const char *what, enum pull_gap how, bool is_folder,
		  const struct err *why, struct err *e)
{
	struct bench *b = of(ops);
	size_t n = strlen(b->gaps);

	(void)e;
	assert_true(why->msg[0] != '\0');
	if (how != PULL_GAP_ABSENT)
		snprintf(b->gaps + n, sizeof(b->gaps) - n, "%s%s %s;", is_folder ? "folder " : "",
			 pull_gap_name(how), what);
	return 0;
}

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
	fake_add(&b->fake, "/nvm", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/num", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item_files", 0x41ff, NULL, 0);
	b->ops = (struct pull_ops){ on_item, on_end, on_nv, on_gap };
	assert_ok(diag_open(&b->fake.link, &dopts, &b->d, &b->e), b->e);
	assert_ok(efs_open(b->d, &fopts, &b->f, &b->e), b->e);
	assert_ok(nv_open(b->d, b->f, &nopts, &b->n, &b->e), b->e);
	return b;
}

static void end(struct bench *b)
{
	size_t i;

	if (!b->fake.dead_from && !b->fake.gone_from) {
		assert_int_equal(b->fake.open_files, 0);
		assert_int_equal(b->fake.open_dirs, 0);
	}
	for (i = 0; i < FAKE_NODES; i++)
		buf_fini(&b->seen[i].data);
	nv_close(b->n);
	efs_close(b->f);
	diag_close(b->d);
	fake_fini(&b->fake);
	free(b);
}

static int run(struct bench *b)
{
	struct pull_diag pull = { .efs = b->f, .nv = b->n, .ops = &b->ops };

	return pull_diag(&pull, &b->counts, &b->e);
}

static const struct seen *find(const struct bench *b, const char *path)
{
	size_t i;

	for (i = 0; i < b->n_seen; i++)
		if (strcmp(b->seen[i].path, path) == 0)
			return &b->seen[i];
	return NULL;
}

static void expect(const struct bench *b, const char *path)
{
	struct fake_node *x = fake_find(&((struct bench *)b)->fake, path);
	const struct seen *s = find(b, path);

	if (!s)
		fail_msg("%s was not read", path);
	assert_true(s->whole);
	assert_slice_equal(buf_slice(&s->data), x->data, x->n);
}

/* 203 numbered items, and 49 other files of all sorts. */
static void furnish(struct bench *b)
{
	uint8_t data[3000];
	char path[96];
	unsigned i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13 + i / 256);
	for (i = 0; i < 203; i++) {
		unsigned id = i == 0 ? 550 : 1000 + 7 * i;
		struct fake_node *x;

		fake_nv(&b->fake, id, 0, id == 550 ? imei : data, id == 550 ? 9 : 1 + i % 100);
		snprintf(path, sizeof(path), "/nvm/num/%u", id);
		x = fake_add(&b->fake, path, 0xe1ff, id == 550 ? imei : data, id == 550 ? 9 : 1 + i % 100);
		x->silent_type = i % 2;
	}
	fake_add(&b->fake, EFS_RFNV, 0x41ff, NULL, 0);
	for (i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), EFS_RFNV "/%08u", 20000 + 11 * i);
		fake_add(&b->fake, path, 0xe1ff, data, 8 + 40 * i);
	}
	fake_add(&b->fake, "/policyman", 0x41ff, NULL, 0);
	for (i = 0; i < 18; i++) {
		snprintf(path, sizeof(path), "/policyman/%u.xml", i);
		fake_add(&b->fake, path, 0x81a4, data, 160 * i);
	}
	fake_add(&b->fake, "/a_link", 0xa1ff, "/target", 7);
}

static void everything_is_read_whole_in_few_round_trips(void **state)
{
	struct bench *b = begin();
	uint64_t before = diag_counters(b->d)->round_trips, trips;
	size_t i;

	(void)state;
	furnish(b);
	b->fake.dir_limit = 1;
	b->fake.fd_limit = 1;
	assert_ok(run(b), b->e);
	trips = diag_counters(b->d)->round_trips - before;
	print_message("# %u round trips\n", (unsigned)trips);
	assert_true(trips <= 1500);
	assert_string_equal(b->gaps, "");
	assert_int_equal(b->counts.nv, 203);
	assert_false(b->counts.nv_scanned);
	assert_int_equal(b->counts.rfnv, 30);
	assert_int_equal(b->counts.items, 233);
	assert_int_equal(b->counts.files, 18);
	assert_int_equal(b->counts.links, 1);
	assert_int_equal(b->counts.hidden, 0);
	for (i = 0; i < b->fake.nodes; i++) {
		unsigned type = b->fake.node[i].mode & 0xf000;

		if (type == 0xe000 || type == 0x8000)
			expect(b, b->fake.node[i].path);
	}
	assert_slice_equal(buf_slice(&find(b, "/a_link")->data), "/target", 7);
	end(b);
}

static void files_that_no_listing_shows_are_asked_for_by_name(void **state)
{
	static const char text[] = "/nv/item_files/ims/hidden\r\n\n# no path\n  /nv/item_files/gone \n"
				   "/nv/../nvm/num/550\n/deep/in/plain\n/nv/item_files/conf/more.conf";
	struct bench *b = begin();

	(void)state;
	fake_add(&b->fake, "/nv/item_files/conf", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item_files/conf/a.conf", 0x81a4, text, sizeof(text) - 1);
	/* Below folders that do not exist for a listing. */
	fake_add(&b->fake, "/nv/item_files/ims/hidden", 0xe1ff, "item", 4);
	fake_add(&b->fake, "/nv/item_files/ims/hidden_Subscription01", 0xe1ff, "two", 3);
	fake_add(&b->fake, "/deep/in", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/deep/in/plain", 0x81a4, "regular", 7)->hidden = true;
	fake_add(&b->fake, "/nvm/context1/550", 0xe1ff, imei, sizeof(imei));
	fake_nv(&b->fake, 550, 1, imei, sizeof(imei));
	/* A folder of the table that its parent does not list. */
	fake_add(&b->fake, "/mcfg/x", 0x41ff, NULL, 0);
	assert_ok(run(b), b->e);
	expect(b, "/nv/item_files/ims/hidden");
	expect(b, "/deep/in/plain");
	expect(b, "/nvm/context1/550");
	assert_true(find(b, "/deep/in/plain")->hidden);
	assert_int_equal(find(b, "/deep/in/plain")->type, EFS_TYPE_FILE);
	assert_false(find(b, "/nv/item_files/conf/a.conf")->hidden);
	assert_int_equal(b->counts.hidden, 3);
	assert_null(find(b, "/nv/item_files/ims/hidden_Subscription01"));
	assert_string_equal(b->gaps, "");
	end(b);

	b = begin();
	fake_add(&b->fake, "/nvm/context1", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/context1/550", 0xe1ff, imei, sizeof(imei));
	fake_add(&b->fake, "/nv/item_files/conf", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item_files/conf/a.conf", 0x81a4, text, sizeof(text) - 1);
	fake_add(&b->fake, "/nv/item_files/ims/hidden_Subscription01", 0xe1ff, "two", 3);
	assert_ok(run(b), b->e);
	/* With a second SIM its copies are asked for too. */
	expect(b, "/nv/item_files/ims/hidden_Subscription01");
	assert_int_equal(b->counts.nv, 1);
	end(b);
}

static void what_is_refused_is_told_with_its_reason_and_ends_nothing(void **state)
{
	struct bench *b = begin();

	(void)state;
	fake_add(&b->fake, "/sec", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/sec/inside", 0x81a4, "x", 1);
	fake_add(&b->fake, "/nv/denied", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/nv/fine", 0xe1ff, "fine", 4);
	fake_add(&b->fake, "/nvm/num/700", 0xe1ff, "x", 1);
	fake_nv(&b->fake, 700, 0, "x", 1)->error = 0x42;
	fake_add(&b->fake, "/nvm/num/3252", 0xe1ff, "x", 1);
	b->fake.no_list = "/sec";
	b->fake.deny = "/nv/denied";
	assert_ok(run(b), b->e);
	expect(b, "/nv/fine");
	assert_non_null(strstr(b->gaps, "folder refused /sec;"));
	assert_non_null(strstr(b->gaps, "refused /nv/denied;"));
	assert_non_null(strstr(b->gaps, "refused nv 700;"));
	assert_non_null(strstr(b->gaps, "skipped nv 3252;"));
	assert_int_equal(b->counts.gap[PULL_GAP_REFUSED], 3);
	assert_int_equal(b->counts.gap[PULL_GAP_SKIPPED], 1);
	assert_false(find(b, "/nv/denied")->whole);
	end(b);
}

static void calibration_that_cannot_be_listed_is_asked_for_by_number(void **state)
{
	struct bench *b = begin();

	(void)state;
	fake_add(&b->fake, EFS_RFNV, 0x41ff, NULL, 0);
	fake_add(&b->fake, EFS_RFNV "/00020003", 0xe1ff, "first", 5);
	fake_add(&b->fake, EFS_RFNV "/00032000", 0xe1ff, "last", 4);
	b->fake.no_list = EFS_RFNV;
	assert_ok(run(b), b->e);
	expect(b, EFS_RFNV "/00020003");
	expect(b, EFS_RFNV "/00032000");
	assert_int_equal(b->counts.rfnv, 2);
	end(b);
}

static void without_a_list_of_items_all_ids_are_tried(void **state)
{
	struct bench *b = begin();
	struct pull_diag pull = { .efs = b->f, .nv = b->n, .nv_last = 700, .ops = &b->ops };

	(void)state;
	fake_nv(&b->fake, 550, 0, imei, sizeof(imei));
	fake_nv(&b->fake, 10, 0, "x", 1);
	fake_nv(&b->fake, 85, 0, "000000", 6)->error = 0x42;
	b->fake.no_list = "/nvm/num";
	assert_ok(pull_diag(&pull, &b->counts, &b->e), b->e);
	assert_true(b->counts.nv_scanned);
	assert_int_equal(b->counts.nv, 2);
	assert_non_null(strstr(b->gaps, "refused nv 85;"));
	assert_non_null(strstr(b->gaps, "folder refused /nvm/num;"));
	end(b);
}

static void grow(struct bench *b, const char *path)
{
	if (strcmp(path, "/nv/busy") != 0)
		return;
	/* The modem wrote it between the listing and the reading. */
	fake_add(&b->fake, "/nv/busy", 0x81a4, "longer than before", 18);
}

static void lie(struct bench *b, const char *path)
{
	if (strcmp(path, "/nv/busy") == 0)
		b->fake.overclaim_at = b->fake.reads + 1;
}

static void a_file_that_changes_is_read_again(void **state)
{
	struct bench *b = begin();

	(void)state;
	fake_add(&b->fake, "/nv/busy", 0x81a4, "short", 5);
	b->on_item = grow;
	assert_ok(run(b), b->e);
	expect(b, "/nv/busy");
	end(b);

	/* Answers that claim more than they carry, each time: never taken for the content. */
	b = begin();
	fake_add(&b->fake, "/nv/busy", 0x81a4, "short", 5);
	b->on_item = lie;
	assert_ok(run(b), b->e);
	assert_false(find(b, "/nv/busy")->whole);
	assert_int_equal(b->counts.files, 0);
	assert_string_equal(b->gaps, "failed /nv/busy;");
	end(b);

	/* One that ends early while the module goes on saying how long it is. */
	b = begin();
	fake_add(&b->fake, "/nv/busy", 0x81a4, "short", 5);
	b->fake.cut = "/nv/busy";
	assert_ok(run(b), b->e);
	assert_false(find(b, "/nv/busy")->whole);
	assert_string_equal(b->gaps, "failed /nv/busy;");
	end(b);
}

static void a_dead_module_and_a_full_disk_end_the_run(void **state)
{
	struct bench *b;
	unsigned i, dead = 0;

	(void)state;
	for (i = 1; i < 60; i += 3) {
		b = begin();
		furnish(b);
		b->fake.dead_from = b->fake.requests + i;
		assert_err(run(b), b->e, ERR_TIMEOUT);
		dead++;
		end(b);
		b = begin();
		furnish(b);
		b->fake.gone_from = b->fake.requests + i;
		assert_err(run(b), b->e, ERR_GONE);
		end(b);
	}
	assert_int_equal(dead, 20);
	b = begin();
	furnish(b);
	b->fail_on = "/policyman/3.xml";
	assert_err(run(b), b->e, ERR_HOST);
	end(b);
}

static void a_name_that_comes_twice_is_read_once(void **state)
{
	struct bench *b = begin();

	(void)state;
	fake_add(&b->fake, "/nv/a", 0xe1ff, "x", 1);
	snprintf(fake_add(&b->fake, "/nv/b", 0xe1ff, "y", 1)->path, 8, "/nv/a");
	fake_add(&b->fake, "/nv/d", 0x41ff, NULL, 0);
	snprintf(fake_add(&b->fake, "/nv/e", 0x41ff, NULL, 0)->path, 8, "/nv/d");
	assert_ok(run(b), b->e);
	assert_int_equal(b->counts.items, 1);
	assert_int_equal(b->counts.dirs, 5);
	end(b);
}

static void a_subtree_is_that_subtree_alone(void **state)
{
	struct bench *b = begin();
	struct pull_diag pull = { .efs = b->f, .from = "/sub", .ops = &b->ops };

	(void)state;
	fake_add(&b->fake, "/sub", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/sub/x", 0xe1ff, "x", 1);
	fake_add(&b->fake, "/other", 0xe1ff, "x", 1);
	fake_nv(&b->fake, 550, 0, imei, sizeof(imei));
	assert_ok(pull_diag(&pull, &b->counts, &b->e), b->e);
	assert_int_equal(b->n_seen, 1);
	assert_int_equal(b->counts.nv, 0);
	expect(b, "/sub/x");
	pull.from = "/not/there";
	assert_ok(pull_diag(&pull, &b->counts, &b->e), b->e);
	assert_int_equal(b->counts.gap[PULL_GAP_REFUSED], 1);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_read_whole_in_few_round_trips),
		cmocka_unit_test(files_that_no_listing_shows_are_asked_for_by_name),
		cmocka_unit_test(what_is_refused_is_told_with_its_reason_and_ends_nothing),
		cmocka_unit_test(calibration_that_cannot_be_listed_is_asked_for_by_number),
		cmocka_unit_test(without_a_list_of_items_all_ids_are_tried),
		cmocka_unit_test(a_file_that_changes_is_read_again),
		cmocka_unit_test(a_dead_module_and_a_full_disk_end_the_run),
		cmocka_unit_test(a_name_that_comes_twice_is_read_once),
		cmocka_unit_test(a_subtree_is_that_subtree_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
