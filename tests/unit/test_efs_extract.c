/* Where extracted files go: never outside the folder, never over something, never half. */
#include "tests/unit/unit.h"

#include "cmd/efs_extract.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	char dest[96];
	struct tree_out *t;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/efs-extract.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->dest, sizeof(f->dest), "%s/tree", f->dir);
	f->t = calloc(1, sizeof(*f->t));
	assert_non_null(f->t);
	assert_ok(tree_open(f->t, f->dest, false, NULL, &e), e);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	tree_fini(f->t);
	assert_ok(fs_remove_tree(AT_FDCWD, f->dir, &e), e);
	free(f->t);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *stored, const char *text)
{
	struct err e = ERR_INIT;
	struct sink *to;

	assert_ok(tree_file_begin(f->t, stored, strlen(text), 0644, 7, &to, &e), e);
	assert_ok(sink_put(to, text, strlen(text), &e), e);
	assert_ok(tree_file_end(f->t, 0644, 7, &e), e);
}

static bool is_there(const struct fixture *f, const char *name)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", f->dest, name);
	return lstat(path, &st) == 0;
}

static void no_path_leads_out_of_the_folder(void **state)
{
	static const char *const bad[] = { "/..", "/a/../b", "/./a", "", "/" };
	char out[TREE_PATH_MAX];
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tree_path(bad[i], "", out, &e), -1);
	assert_ok(tree_path("//a//b", "%.partial", out, &e), e);
	assert_string_equal(out, "a/b%.partial");
}

static void long_names_are_cut_and_stay_apart(void **state)
{
	char a[800], b[800], x[TREE_PATH_MAX], y[TREE_PATH_MAX];
	struct err e = ERR_INIT;

	(void)state;
	memset(a, 'n', sizeof(a));
	a[0] = '/';
	a[sizeof(a) - 1] = '\0';
	memcpy(b, a, sizeof(a));
	b[sizeof(b) - 2] = 'm';
	assert_ok(tree_path(a, "%.unverified", x, &e), e);
	assert_ok(tree_path(b, "%.unverified", y, &e), e);
	assert_true(strlen(x) <= 255);
	assert_string_not_equal(x, y);
}

static void a_link_in_the_way_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	char path[512], outside[512];
	struct sink *to;

	snprintf(outside, sizeof(outside), "%s/outside", f->dir);
	assert_int_equal(mkdir(outside, 0700), 0);
	snprintf(path, sizeof(path), "%s/way", f->t->tmp);
	assert_int_equal(symlink(outside, path), 0);
	assert_err(tree_file_begin(f->t, "way/file", 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	snprintf(path, sizeof(path), "%s/name", f->t->tmp);
	snprintf(outside, sizeof(outside), "%s/outside/made", f->dir);
	assert_int_equal(symlink(outside, path), 0);
	assert_err(tree_file_begin(f->t, "name", 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	assert_int_equal(access(outside, F_OK), -1);
}

static void a_second_entry_of_a_name_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	char path[512], text[8] = "";
	struct sink *to;
	FILE *in;

	put(f, "a/b", "first");
	assert_err(tree_file_begin(f->t, "a/b", 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	assert_err(tree_dir(f->t, "a/b", 0755, 0, &e), e, ERR_MISMATCH);
	assert_err(tree_file_begin(f->t, "a/b/c", 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	assert_err(tree_file_begin(f->t, "a", 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	put(f, "a/c", "next");
	assert_ok(tree_commit(f->t, &e), e);
	snprintf(path, sizeof(path), "%s/a/b", f->dest);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_int_equal(fread(text, 1, sizeof(text), in), 5);
	fclose(in);
	assert_memory_equal(text, "first", 5);
	assert_true(is_there(f, "a/c"));
}

static void what_failed_half_way_is_taken_back(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	struct sink *to;

	assert_ok(tree_file_begin(f->t, "d/half", 10, 0644, 0, &to, &e), e);
	assert_ok(sink_put(to, "12345", 5, &e), e);
	assert_true(tree_file_undo(f->t, "d/half"));
	put(f, "d/whole", "x");
	assert_false(is_there(f, "d/whole"));
	assert_ok(tree_commit(f->t, &e), e);
	assert_true(is_there(f, "d/whole"));
	assert_false(is_there(f, "d/half"));
}

static void deep_folders_are_refused_not_fatal(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	char path[TREE_PATH_MAX] = "";
	struct sink *to;
	int i;

	for (i = 0; i < 200; i++)
		strcpy(path + 2 * i, "d/");
	strcpy(path + 400, "f");
	assert_err(tree_file_begin(f->t, path, 1, 0644, 0, &to, &e), e, ERR_MISMATCH);
	put(f, "after", "x");
}

static void without_a_commit_nothing_stays(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	put(f, "a/b/c", "x");
	tree_fini(f->t);
	/* rmdir() succeeds only when the folder is empty. */
	assert_int_equal(rmdir(f->dir), 0);
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_ok(tree_open(f->t, f->dest, false, NULL, &e), e);
}

static void a_tar_takes_exactly_what_was_announced(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	struct buf_sink s;
	struct tar_tree *t;
	struct sink *to;
	struct err e = ERR_INIT;
	struct tar_entry x = { "a", false, 0644, 0, 3 };

	(void)state;
	buf_sink_init(&s, &b);
	assert_ok(tar_tree_open(&s.sink, &t, &e), e);
	assert_ok(tar_tree_add(t, &x, &to, &e), e);
	assert_err(sink_put(to, "1234", 4, &e), e, ERR_INTEGRITY);
	assert_ok(sink_put(to, "12", 2, &e), e);
	assert_err(tar_tree_add(t, &x, &to, &e), e, ERR_INTEGRITY);
	tar_tree_abort(t);
	x.path = "a/../../b";
	assert_ok(tar_tree_open(&s.sink, &t, &e), e);
	assert_err(tar_tree_add(t, &x, &to, &e), e, ERR_BUG);
	tar_tree_abort(t);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_path_leads_out_of_the_folder),
		cmocka_unit_test(long_names_are_cut_and_stay_apart),
		cmocka_unit_test_setup_teardown(a_link_in_the_way_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_entry_of_a_name_changes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_failed_half_way_is_taken_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(deep_folders_are_refused_not_fatal, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_a_commit_nothing_stays, setup, teardown),
		cmocka_unit_test(a_tar_takes_exactly_what_was_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
