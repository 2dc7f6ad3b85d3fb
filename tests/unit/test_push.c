/*
 * Writing one place of a module, against the emulated module in process: the round trip, the rules
 * that keep modules alive, and the crash loop: the N-th transfer fails, for every N, and the module
 * is never left changed without a kept copy, and never called written when it is not.
 */
#include "tests/unit/unit.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "backup/pull_file.h"
#include "link/fault.h"
#include "model/partition_kind.h"
#include "proto/firehose.h"
#include "recovery/push_edl.h"
#include "tests/emu/emu_link.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE   2048u
#define BLOCK  (64 * PAGE)
#define BLOCKS 2u
/* The first two blocks of EFS2 on an EC25: data, then an erased tail. */
#define FIRST_SECTOR 1280u

struct bench {
	char dir[64];
	struct emu *emu;
	struct emu_time time;
	struct link *link, *bare;
	struct firehose *fh;
	struct geometry geometry;
	struct err e;
};

static void path_in(const struct bench *b, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", b->dir, name);
}

static void remove_tree(const char *dir)
{
	struct dirent **names;
	int i, n = scandir(dir, &names, NULL, NULL);

	for (i = 0; i < n; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, "..") &&
		    unlink(path) < 0)
			remove_tree(path);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	rmdir(dir);
}

static void emu_start(struct bench *b, const char *quirk)
{
	char model[512], state[256], why[256];

	snprintf(model, sizeof(model), "%s/tests/emu/models/ec25.model", getenv("top_srcdir"));
	path_in(b, "module", state);
	if (emu_open(&b->emu, model, state, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(emu_misbehave(b->emu, "start=programmer", why, sizeof(why)), 0);
	if (quirk && emu_misbehave(b->emu, quirk, why, sizeof(why)))
		fail_msg("%s", why);
	assert_ok(emu_wait_mode(b->emu, &b->time, EMU_EDL, 60000, &b->e), b->e);
}

/* With a plan of faults from the first transfer on; -1 when the session did not even start. */
static int session_start(struct bench *b, const char *plan)
{
	struct firehose_opts opts = { .storage = STORAGE_NAND, .has_answered = true };

	if (emu_link_open(&b->bare, b->emu, &b->time, 0, EMU_LINK_USB, &b->e) < 0)
		return -1;
	b->link = b->bare;
	if (plan)
		assert_ok(fault_open(b->bare, plan, &b->link, &b->e), b->e);
	if (firehose_open(b->link, &opts, &b->fh, &b->e) < 0)
		return -1;
	return firehose_storage_info(b->fh, &b->geometry, &b->e);
}

static void session_stop(struct bench *b)
{
	firehose_close(b->fh);
	link_close(b->link);
	b->fh = NULL;
	b->link = NULL;
}

static struct bench *begin(const char *quirk)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	strcpy(b->dir, "/tmp/salvor-push-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	emu_start(b, quirk);
	return b;
}

static void end(struct bench *b)
{
	session_stop(b);
	emu_close(b->emu);
	remove_tree(b->dir);
	free(b);
}

static struct place efs_head(void)
{
	struct place p = { .at = { 0, FIRST_SECTOR, 64 * BLOCKS }, .kind = PART_EFS | PART_UNIT };

	strcpy(p.name, "efs2");
	return p;
}

static void content(struct bench *b, uint8_t *out)
{
	assert_int_equal(emu_peek(b->emu, 0, FIRST_SECTOR, out, BLOCKS * BLOCK), 0);
}

/* What will be written: the module's own content with one byte changed, so that doing nothing
 * shows. */
static void make_input(struct bench *b, uint8_t *bytes)
{
	char path[256];

	content(b, bytes);
	bytes[300] ^= 0x5a;
	path_in(b, "in.bin", path);
	assert_ok(fs_write_file(path, SLICE(bytes, BLOCKS * BLOCK), true, &b->e), b->e);
}

static int push_it(struct bench *b, struct push *push, struct push_input *in)
{
	char input[256], save[256];
	struct plan plan = { 0 };
	int r;

	path_in(b, "in.bin", input);
	path_in(b, "saved.bin", save);
	assert_ok(push_input_open(in, input, NULL, &b->e), b->e);
	*push = (struct push){ .fh = b->fh,
			       .geometry = &b->geometry,
			       .place = efs_head(),
			       .input = in,
			       .save_path = save };
	r = push_plan(push, &plan, &b->e);
	if (r == 0)
		r = push_apply(push, &plan, &b->e);
	plan_fini(&plan);
	push->save_path = NULL;
	push_fini(push);
	push_input_close(in);
	return r;
}

static bool saved_is(struct bench *b, const uint8_t *bytes)
{
	struct buf file = BUF_INIT(BLOCKS * BLOCK + 1);
	struct err e = ERR_INIT;
	char path[256];
	bool equal;

	path_in(b, "saved.bin", path);
	equal = fs_read_file(path, &file, &e) == 0 &&
		slice_eq(buf_slice(&file), SLICE(bytes, BLOCKS * BLOCK));
	buf_fini(&file);
	return equal;
}

static void efs_is_written_without_programming_erased_pages(void **state)
{
	_cleanup_free_ uint8_t *old = malloc(BLOCKS * BLOCK), *want = malloc(BLOCKS * BLOCK),
			       *now = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct push_input in;
	struct push push;

	(void)state;
	content(b, old);
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_ok(push_it(b, &push, &in), b->e);
	assert_true(push.written);
	content(b, now);
	assert_memory_equal(now, want, BLOCKS * BLOCK);
	assert_true(saved_is(b, old));
	assert_int_equal(emu_counters(b->emu)->pages_programmed_all_ff, 0);
	assert_true(emu_counters(b->emu)->pages_programmed > 0);
	/* Its neighbours were not touched: two blocks erased, no more. */
	assert_int_equal(emu_counters(b->emu)->blocks_erased, BLOCKS);
	end(b);
}

/* A block that wears out while efs2 is written would shift what follows. */
static void efs_stops_at_the_first_word_of_a_bad_block(void **state)
{
	static const char *const quirks[] = { "fail_erase=21", "fail_program=20" };
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(quirks); i++) {
		struct bench *b = begin(quirks[i]);
		struct push_input in;
		struct push push;

		make_input(b, want);
		assert_ok(session_start(b, NULL), b->e);
		assert_int_equal(push_it(b, &push, &in), -1);
		assert_true(push.changed);
		assert_false(push.written);
		end(b);
	}
}

static void a_dump_of_another_size_is_refused_untouched(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct push_input in;
	struct push push;
	char path[256];

	(void)state;
	make_input(b, want);
	path_in(b, "in.bin", path);
	assert_ok(fs_write_file(path, SLICE(want, BLOCK), true, &b->e), b->e);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(push_it(b, &push, &in), b->e, ERR_MISMATCH);
	assert_int_equal(firehose_changes_sent(b->fh), 0);
	end(b);
}

/* What a hook saw, and the byte of the input that it changed. */
struct watcher {
	struct bench *b;
	unsigned calls, change_at; /* 0 = never */
};

static void spoil(const struct bench *b)
{
	uint8_t bad = 0x77;
	char path[256];
	FILE *f;

	path_in(b, "in.bin", path);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fseek(f, 301, SEEK_SET), 0);
	assert_int_equal(fwrite(&bad, 1, 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static void watch(void *arg, const struct push *push)
{
	struct watcher *w = arg;

	w->calls++;
	assert_true(push->changed);
	assert_int_equal(push->written, w->calls == 2);
	/* Told before anything was sent. */
	if (w->calls == 1)
		assert_int_equal(firehose_changes_sent(push->fh), 0);
	if (w->calls == w->change_at)
		spoil(w->b);
}

static int push_watched(struct bench *b, struct push *push, struct watcher *w, bool spoil_first)
{
	char input[256], save[256];
	struct plan plan = { 0 };
	struct push_input in;
	int r;

	path_in(b, "in.bin", input);
	path_in(b, "saved.bin", save);
	assert_ok(push_input_open(&in, input, NULL, &b->e), b->e);
	*push = (struct push){ .fh = b->fh,
			       .geometry = &b->geometry,
			       .place = efs_head(),
			       .input = &in,
			       .save_path = save,
			       .on_phase = watch,
			       .on_phase_ctx = w };
	assert_ok(push_plan(push, &plan, &b->e), b->e);
	if (spoil_first)
		spoil(b);
	r = push_apply(push, &plan, &b->e);
	plan_fini(&plan);
	push->save_path = NULL;
	push->input = NULL;
	push_fini(push);
	push_input_close(&in);
	return r;
}

/* Between the plan and the first erase lie a person's answer and the reading of the old content. */
static void a_file_that_changes_before_the_first_erase_changes_nothing(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct watcher w = { .b = b };
	struct push push;

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(push_watched(b, &push, &w, true), b->e, ERR_INTEGRITY);
	assert_false(push.changed);
	assert_int_equal(w.calls, 0);
	assert_int_equal(firehose_changes_sent(b->fh), 0);
	end(b);
}

/* The module then equals the file, but not the file that was agreed to. */
static void a_file_that_changes_while_it_is_written_is_found(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct watcher w = { .b = b, .change_at = 1 };
	struct push push;

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(push_watched(b, &push, &w, false), b->e, ERR_INTEGRITY);
	assert_true(push.changed);
	assert_int_equal(w.calls, 2);
	assert_non_null(strstr(b->e.msg, "changed while"));
	end(b);
}

static void the_phase_is_told_before_the_first_change_and_before_reading_back(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct watcher w = { .b = b };
	struct push push;

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_ok(push_watched(b, &push, &w, false), b->e);
	assert_int_equal(w.calls, 2);
	end(b);
}

/* The crash loop. Returns false when the fault was not reached: the operation succeeded. */
static bool fails_at(struct bench *b, unsigned n, const char *word, const uint8_t *old,
		     const uint8_t *want, uint8_t *now)
{
	struct push_input in;
	struct push push = { 0 };
	char plan[32];
	int r;

	snprintf(plan, sizeof(plan), "%s=%u", word, n);
	err_clear(&b->e);
	if (session_start(b, plan) < 0) {
		assert_int_equal(emu_counters(b->emu)->blocks_erased, 0);
		return true;
	}
	r = push_it(b, &push, &in);
	content(b, now);
	/* A fault may be overcome, as in a glance for late logs; then all is as it must be. */
	if (r == 0) {
		assert_memory_equal(now, want, BLOCKS * BLOCK);
		assert_true(saved_is(b, old));
		return fault_calls(b->link) >= n;
	}
	assert_true(b->e.kind != ERR_NONE && b->e.msg[0]);
	/* What the report says is what is: unchanged means unchanged, and changed means kept. */
	if (!push.changed)
		assert_memory_equal(now, old, BLOCKS * BLOCK);
	else
		assert_true(saved_is(b, old));
	return true;
}

static void crash_loop(const char *word)
{
	_cleanup_free_ uint8_t *old = malloc(BLOCKS * BLOCK), *want = malloc(BLOCKS * BLOCK),
			       *now = malloc(BLOCKS * BLOCK);
	unsigned n, step = 1;
	bool more = true;

	/* Every transfer of the set-up and of the first change, then a sample: a block is like the
	 * next. */
	for (n = 1; more; n += step) {
		struct bench *b = begin(NULL);

		content(b, old);
		make_input(b, want);
		more = fails_at(b, n, word, old, want, now);
		end(b);
		assert_true(n < 5000);
		if (n > 40)
			step = 7;
	}
	assert_true(n > 60);
}

static void every_failing_transfer_leaves_the_module_kept_or_untouched(void **state)
{
	(void)state;
	crash_loop("fail_op");
}

static void leaving_at_any_transfer_leaves_the_module_kept_or_untouched(void **state)
{
	(void)state;
	crash_loop("gone_op");
}

/* --- rules of places, on any two or three blocks --- */

#define MISC_BLOCK 807u /* the first block of "misc" on an EC25 */

static struct place place_at(uint32_t block, uint64_t blocks, unsigned kind)
{
	struct place p = { .at = { 0, (uint64_t)block * 64, blocks * 64 }, .kind = kind };

	strcpy(p.name, "place");
	return p;
}

static void put_input(struct bench *b, const uint8_t *bytes, size_t n)
{
	char path[256];

	path_in(b, "in.bin", path);
	assert_ok(fs_write_file(path, SLICE(bytes, n), true, &b->e), b->e);
}

enum how { PLAN, WRITE, VERIFY };

static int do_place(struct bench *b, enum how how, struct place place, struct progress *p)
{
	struct plan plan = { 0 };
	char input[256], save[256];
	struct push_input in;
	struct push push;
	int r;

	path_in(b, "in.bin", input);
	path_in(b, "saved.bin", save);
	assert_ok(push_input_open(&in, input, NULL, &b->e), b->e);
	push = (struct push){ .fh = b->fh, .geometry = &b->geometry, .place = place,
			      .input = &in, .save_path = save, .progress = p };
	if (how == VERIFY) {
		r = push_verify(&push, &b->e);
	} else {
		r = push_plan(&push, &plan, &b->e);
		if (r == 0 && how == WRITE)
			r = push_apply(&push, &plan, &b->e);
	}
	plan_fini(&plan);
	push.input = NULL;
	push_fini(&push);
	push_input_close(&in);
	return r;
}

/* Nothing that would read as erased. */
static void noise(uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + i / 251) & 0x7f;
}

static void a_comparison_finds_every_kind_of_difference(void **state)
{
	_cleanup_free_ uint8_t *now = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	size_t page = 0;

	(void)state;
	content(b, now);
	assert_ok(session_start(b, NULL), b->e);
	put_input(b, now, BLOCKS * BLOCK);
	assert_ok(do_place(b, VERIFY, efs_head(), NULL), b->e);
	now[300] ^= 1;
	put_input(b, now, BLOCKS * BLOCK);
	assert_err(do_place(b, VERIFY, efs_head(), NULL), b->e, ERR_INTEGRITY);
	now[300] ^= 1;
	/* The last page with data is erased in the file and is not in the module. */
	while (page < 64 && !slice_all(SLICE(now + page * PAGE, PAGE), 0xff) &&
	       !slice_all(SLICE(now + page * PAGE, PAGE), 0xee))
		page++;
	assert_in_range(page, 2, 64);
	memset(now + (page - 1) * PAGE, 0xff, PAGE);
	put_input(b, now, BLOCKS * BLOCK);
	assert_err(do_place(b, VERIFY, efs_head(), NULL), b->e, ERR_INTEGRITY);
	end(b);
}

static void efs_data_is_never_put_on_a_bad_block(void **state)
{
	_cleanup_free_ uint8_t *now = malloc(BLOCKS * BLOCK);
	struct bench *b = begin("bad=20");

	(void)state;
	noise(now, BLOCKS * BLOCK);
	put_input(b, now, BLOCKS * BLOCK);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(do_place(b, PLAN, efs_head(), NULL), b->e, ERR_MISMATCH);
	assert_non_null(strstr(b->e.msg, "bad block"));
	/* Where the place of a block counts, a refused block is no block to pass over. */
	assert_err(do_place(b, VERIFY, efs_head(), NULL), b->e, ERR_REFUSED);
	end(b);
}

static void outside_efs_the_data_goes_on_behind_a_bad_block(void **state)
{
	_cleanup_free_ uint8_t *bytes = malloc(2 * BLOCK);
	struct bench *b = begin("bad=808");

	(void)state;
	noise(bytes, 2 * BLOCK);
	put_input(b, bytes, 2 * BLOCK);
	assert_ok(session_start(b, NULL), b->e);
	assert_ok(do_place(b, WRITE, place_at(MISC_BLOCK, 3, 0), NULL), b->e);
	/* With no third block the second one's data has no room. */
	assert_err(do_place(b, VERIFY, place_at(MISC_BLOCK, 2, 0), NULL), b->e, ERR_INTEGRITY);
	assert_non_null(strstr(b->e.msg, "no room"));
	end(b);
}

static void a_block_that_is_full_in_part_ends_its_run(void **state)
{
	_cleanup_free_ uint8_t *bytes = malloc(2 * BLOCK);
	struct bench *b = begin(NULL);

	(void)state;
	noise(bytes, 2 * BLOCK);
	memset(bytes + PAGE, 0xff, BLOCK - PAGE);
	put_input(b, bytes, 2 * BLOCK);
	assert_ok(session_start(b, NULL), b->e);
	assert_ok(do_place(b, WRITE, place_at(MISC_BLOCK, 3, 0), NULL), b->e);
	assert_int_equal(emu_counters(b->emu)->pages_programmed_all_ff, 0);
	end(b);
}

/* After it was hashed and before the plan is made. */
static void a_file_that_changes_before_the_plan_is_refused(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct plan plan = { 0 };
	struct push_input in;
	char path[256];

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	path_in(b, "in.bin", path);
	assert_ok(push_input_open(&in, path, NULL, &b->e), b->e);
	struct push push = { .fh = b->fh, .geometry = &b->geometry, .place = efs_head(), .input = &in };

	spoil(b);
	assert_err(push_plan(&push, &plan, &b->e), b->e, ERR_INTEGRITY);
	push_fini(&push);
	push_input_close(&in);
	end(b);
}

/* A progress that meddles: with the kept copy after it was written, or by a wish to stop. */
struct meddler {
	struct progress progress;
	struct bench *b;
	struct cancel cancel;
};

static void meddle(struct progress *p, const char *what, uint64_t total)
{
	struct meddler *m = container_of(p, struct meddler, progress);
	char path[256];
	FILE *f;

	(void)total;
	if (strcmp(what, "saving, second read") != 0)
		return;
	path_in(m->b, "saved.bin", path);
	f = fopen(path, "r+");
	assert_non_null(f);
	assert_int_equal(fputc('?', f), '?');
	assert_int_equal(fclose(f), 0);
}

static void a_kept_copy_that_does_not_read_back_stops_everything(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct meddler m = { .progress = { .begin = meddle }, .b = b };

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(do_place(b, WRITE, efs_head(), &m.progress), b->e, ERR_INTEGRITY);
	assert_non_null(strstr(b->e.msg, "read back as it was written"));
	assert_int_equal(firehose_changes_sent(b->fh), 0);
	end(b);
}

static void two_reads_that_differ_stop_everything(void **state)
{
	_cleanup_free_ uint8_t *want = malloc(BLOCKS * BLOCK);
	struct bench *b = begin("flicker=1300");

	(void)state;
	make_input(b, want);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(do_place(b, WRITE, efs_head(), NULL), b->e, ERR_INTEGRITY);
	assert_int_equal(firehose_changes_sent(b->fh), 0);
	end(b);
}

static void an_efs_dump_without_data_is_refused(void **state)
{
	_cleanup_free_ uint8_t *bytes = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);

	(void)state;
	memset(bytes, 0xff, BLOCKS * BLOCK);
	put_input(b, bytes, BLOCKS * BLOCK);
	assert_ok(session_start(b, NULL), b->e);
	assert_err(do_place(b, PLAN, efs_head(), NULL), b->e, ERR_MISMATCH);
	assert_non_null(strstr(b->e.msg, "nothing to restore"));
	end(b);
}

/* The map says that a page was not read; in the dump it looks erased. */
static void what_the_block_map_says_counts(void **state)
{
	_cleanup_free_ uint8_t *now = malloc(BLOCKS * BLOCK);
	struct bench *b = begin("bad=21");
	struct pull_file f;
	char path[256];

	(void)state;
	assert_ok(session_start(b, NULL), b->e);
	struct pull pull = { .fh = b->fh, .geometry = &b->geometry };
	struct place p = efs_head();

	path_in(b, "in.bin", path);
	assert_ok(pull_to_file(&pull, &p.at, path, &f, &b->e), b->e);
	assert_int_equal(f.map.bad, 1);
	assert_false(f.map.restorable);
	assert_err(do_place(b, PLAN, p, NULL), b->e, ERR_INTEGRITY);
	assert_non_null(strstr(b->e.msg, "block map"));
	end(b);
}

/* --- reading --- */

static int pull_part(struct bench *b, const struct extent *x, struct progress *p, uint8_t *out,
		     size_t n, struct blockmap_summary *ret)
{
	struct pull pull = { .fh = b->fh, .geometry = &b->geometry, .progress = p };
	struct buf to = BUF_INIT(n + 1);
	struct blockmap map;
	struct buf_sink sink;
	int r;

	assert_ok(blockmap_init(&map, PAGE, 64, 0xee, &b->e), b->e);
	buf_sink_init(&sink, &to);
	r = pull_extent(&pull, x, &sink.sink, &map, &b->e);
	if (r == 0) {
		assert_int_equal(to.n, n);
		memcpy(out, to.p, n);
		*ret = blockmap_summary(&map);
	}
	blockmap_fini(&map);
	buf_fini(&to);
	return r;
}

static void a_bad_block_costs_itself_and_shifts_nothing(void **state)
{
	_cleanup_free_ uint8_t *now = malloc(BLOCKS * BLOCK);
	struct extent half_and_half = { 0, FIRST_SECTOR + 32, 64 }, both = efs_head().at;
	_cleanup_free_ uint8_t *all = malloc(BLOCKS * BLOCK);
	struct bench *b = begin("bad=21");
	struct buf to = BUF_INIT(BLOCK);
	struct blockmap_summary sum;
	struct pull_file f;
	struct buf_sink sink;

	(void)state;
	content(b, now);
	assert_ok(session_start(b, NULL), b->e);
	struct pull pull = { .fh = b->fh, .geometry = &b->geometry };

	assert_ok(pull_part(b, &both, NULL, all, BLOCKS * BLOCK, &sum), b->e);
	assert_memory_equal(all, now, PAGE);
	assert_true(slice_all(SLICE(all + BLOCK, BLOCK), 0xff));
	assert_int_equal(sum.bad, 1);
	/* Across a border: all of the good block's half comes before the refusal, and no map can count
	 * blocks from there. */
	buf_sink_init(&sink, &to);
	assert_err(pull_to_sink(&pull, &half_and_half, &sink.sink, &f, &b->e), b->e, ERR_REFUSED);
	assert_int_equal(to.n, BLOCK / 2);
	buf_fini(&to);
	end(b);
}

static void a_block_is_asked_for_twice_before_it_is_called_bad(void **state)
{
	_cleanup_free_ uint8_t *now = malloc(BLOCKS * BLOCK), *got = malloc(BLOCKS * BLOCK);
	struct bench *b = begin(NULL);
	struct blockmap_summary sum;
	struct place p = efs_head();
	char why[256];

	(void)state;
	content(b, now);
	assert_ok(session_start(b, NULL), b->e);
	assert_int_equal(emu_misbehave(b->emu, "nak=read,count=1", why, sizeof(why)), 0);
	assert_ok(pull_part(b, &p.at, NULL, got, BLOCKS * BLOCK, &sum), b->e);
	assert_int_equal(sum.bad, 0);
	/* Pages that were never programmed read as the programmer's filler. */
	assert_memory_equal(got, now, PAGE);
	end(b);
}

static void a_wish_to_stop_is_heard_between_two_blocks(void **state)
{
	_cleanup_free_ uint8_t *got = malloc(BLOCKS * BLOCK);
	struct meddler m = { .cancel = { .signal = 15 } };
	struct bench *b = begin(NULL);
	struct blockmap_summary sum;
	struct place p = efs_head();

	(void)state;
	m.progress.cancel = &m.cancel;
	assert_ok(session_start(b, NULL), b->e);
	assert_err(pull_part(b, &p.at, &m.progress, got, BLOCKS * BLOCK, &sum), b->e, ERR_CANCELLED);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(efs_is_written_without_programming_erased_pages),
		cmocka_unit_test(efs_stops_at_the_first_word_of_a_bad_block),
		cmocka_unit_test(a_dump_of_another_size_is_refused_untouched),
		cmocka_unit_test(a_file_that_changes_before_the_first_erase_changes_nothing),
		cmocka_unit_test(a_file_that_changes_while_it_is_written_is_found),
		cmocka_unit_test(the_phase_is_told_before_the_first_change_and_before_reading_back),
		cmocka_unit_test(a_comparison_finds_every_kind_of_difference),
		cmocka_unit_test(efs_data_is_never_put_on_a_bad_block),
		cmocka_unit_test(outside_efs_the_data_goes_on_behind_a_bad_block),
		cmocka_unit_test(a_block_that_is_full_in_part_ends_its_run),
		cmocka_unit_test(a_file_that_changes_before_the_plan_is_refused),
		cmocka_unit_test(a_kept_copy_that_does_not_read_back_stops_everything),
		cmocka_unit_test(two_reads_that_differ_stop_everything),
		cmocka_unit_test(an_efs_dump_without_data_is_refused),
		cmocka_unit_test(what_the_block_map_says_counts),
		cmocka_unit_test(a_bad_block_costs_itself_and_shifts_nothing),
		cmocka_unit_test(a_block_is_asked_for_twice_before_it_is_called_bad),
		cmocka_unit_test(a_wish_to_stop_is_heard_between_two_blocks),
		cmocka_unit_test(every_failing_transfer_leaves_the_module_kept_or_untouched),
		cmocka_unit_test(leaving_at_any_transfer_leaves_the_module_kept_or_untouched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
