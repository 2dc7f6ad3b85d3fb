/*
 * The crash loop: a backup from beginning to seal, with the N-th call to the host failing, or the process
 * killed there, or the N-th allocation failing, for every N until it succeeds. Whatever happens, what
 * stands under a snapshot's name is a whole snapshot, the snapshots that were there before are as they
 * were, and what is left can be resumed or discarded.
 */
#include "snap_util.h"
#include "unit.h"

#include "backup/container.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define OWN_MALLOC 1
#include <link.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static unsigned allocations, failing_allocation;

/* Where libarchive and its compressors lie: out of memory, it may end the process (by its own design), or
 * crash. For the files that is no other thing than being killed, but our own code must do better. */
static struct {
	uintptr_t from, to;
} spared[4];
static unsigned n_spared;
static bool spare_libs;

static int find_lib(struct dl_phdr_info *info, size_t size, void *ctx)
{
	int i;

	(void)size;
	(void)ctx;
	if (!strstr(info->dlpi_name, "libarchive") && !strstr(info->dlpi_name, "libzstd") &&
	    !strstr(info->dlpi_name, "libz.so"))
		return 0;
	for (i = 0; i < info->dlpi_phnum && n_spared < ARRAY_SIZE(spared); i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		spared[n_spared].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		spared[n_spared].to = spared[n_spared].from + info->dlpi_phdr[i].p_memsz;
		n_spared++;
	}
	return 0;
}

static int is_denied(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	unsigned i;

	if (!failing_allocation)
		return 0;
	for (i = 0; spare_libs && i < n_spared; i++) {
		if (at >= spared[i].from && at < spared[i].to)
			return 0;
	}
	if (++allocations != failing_allocation)
		return 0;
	errno = ENOMEM;
	return 1;
}

/* Of all libraries. */
void *malloc(size_t n)
{
	return is_denied(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return is_denied(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return is_denied(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}
#endif

static char old_name[64], new_name[64];
static const uint8_t old_bytes[] = "an earlier snapshot";

static void check_old(const struct scratch *dir)
{
	size_t n;
	uint8_t *p = get_file(scratch_path(dir, old_name), &n);

	if (n != sizeof(old_bytes) || memcmp(p, old_bytes, n) != 0)
		fail_msg("the earlier snapshot has changed");
	free(p);
}

/* Returns whether there is a sealed one; it must be whole. */
static bool check_new(const struct scratch *dir)
{
	const char *path = scratch_path(dir, new_name);
	struct verify_report rep;
	struct err e = ERR_INIT;

	if (access(path, F_OK) != 0)
		return false;
	assert_ok(verify_file(path, &rep, &e), e);
	assert_true(rep.sound);
	assert_int_equal(rep.manifest.verdict, VERDICT_COMPLETE);
	assert_int_equal(rep.manifest.n_items, 11);
	verify_report_fini(&rep);
	return true;
}

/* With a host that works again: resumed to a complete snapshot, or discarded. */
static void check_resume(const struct scratch *dir)
{
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	struct snap *s;

	if (snap_resume(dir->dir, SAMPLE_NAME, NULL, &s, &e) < 0) {
		if (e.kind != ERR_NODEV) {
			assert_non_null(strstr(e.msg, "discard it"));
			err_clear(&e);
			assert_ok(snap_discard(dir->dir, SAMPLE_NAME, &e), e);
		}
		assert_int_equal(scratch_count(dir, ".part"), 0);
		return;
	}
	if (access(scratch_path(dir, new_name), F_OK) == 0) {
		snap_close(s);
		assert_ok(snap_discard(dir->dir, SAMPLE_NAME, &e), e);
		return;
	}
	assert_ok(sample_fill(s, &e), e);
	assert_ok(snap_seal(s, NULL, &sealed, &e), e);
	assert_int_equal(sealed.manifest.verdict, VERDICT_COMPLETE);
	snap_sealed_fini(&sealed);
	assert_true(check_new(dir));
}

static void fresh(struct scratch *dir)
{
	scratch_make(dir);
	snprintf(old_name, sizeof(old_name), "old%s", container_suffix());
	snprintf(new_name, sizeof(new_name), SAMPLE_NAME "%s", container_suffix());
	put_file(scratch_path(dir, old_name), old_bytes, sizeof(old_bytes));
}

/* Returns how many calls a run without failure has. */
static unsigned fail_each(const struct fault *like, int errnum)
{
	unsigned at, calls;

	for (at = 1;; at++) {
		struct err e = ERR_INIT;
		struct scratch dir;
		struct fault f = *like;
		int r;

		f.at = at;
		f.errnum = errnum;
		fresh(&dir);
		r = sample_make(dir.dir, SAMPLE_NAME, &f.ops, &e);
		check_old(&dir);
		if (r == 0) {
			if (!check_new(&dir))
				fail_msg("call %u: success and no snapshot", at);
		} else {
			if (e.kind == ERR_NONE || e.kind == ERR_BUG || !e.msg[0])
				fail_msg("call %u: %s '%s'", at, err_kind_name(e.kind), e.msg);
			/* Only the last flush, of the folder, comes after the name. */
			(void)check_new(&dir);
			check_resume(&dir);
			check_old(&dir);
		}
		calls = f.calls;
		scratch_remove(&dir);
		if (at > calls)
			return calls;
	}
}

static void every_call_may_fail(void **state)
{
	struct fault f;

	(void)state;
	fault_init(&f, 0, 0);
	assert_true(fail_each(&f, ENOSPC) > 100);
}

static void the_disk_may_fill_and_stay_full(void **state)
{
	struct fault f;

	(void)state;
	fault_init(&f, 0, 0);
	f.stays = true;
	(void)fail_each(&f, EROFS);
}

static void file_systems_without_links_are_as_safe(void **state)
{
	struct fault f;

	(void)state;
	fault_init(&f, 0, 0);
	f.no_links = true;
	(void)fail_each(&f, EIO);
}

/* A file of the same name appears before ours gets it, on a file system without links, and the look that
 * would find it fails. */
static void what_appears_in_the_meantime_is_not_replaced(void **state)
{
	struct err e = ERR_INIT;
	struct scratch dir;
	struct fs_new new;
	struct fault f;
	size_t n;
	uint8_t *p;

	(void)state;
	for (unsigned at = 1;; at++) {
		fresh(&dir);
		fault_init(&f, 0, EIO);
		f.no_links = true;
		assert_ok(fs_new_open_on(&new, &f.ops, scratch_path(&dir, new_name), false, &e), e);
		put_file(scratch_path(&dir, new_name), "mine", 4);
		f.calls = 0;
		f.at = at;
		assert_err(fs_new_commit(&new, &e), e, ERR_HOST);
		p = get_file(scratch_path(&dir, new_name), &n);
		if (n != 4)
			fail_msg("call %u: the other file was replaced", at);
		free(p);
		scratch_remove(&dir);
		err_clear(&e);
		if (at > f.calls)
			break;
	}
}

static void short_writes_lose_nothing(void **state)
{
	struct scratch dir;
	struct err e = ERR_INIT;
	struct fault f;

	(void)state;
	fault_init(&f, 0, 0);
	f.how = FAULT_SHORT;
	fresh(&dir);
	assert_ok(sample_make(dir.dir, SAMPLE_NAME, &f.ops, &e), e);
	assert_true(check_new(&dir));
	scratch_remove(&dir);
}

/* In a process of its own: 0 made, 1 failed cleanly. */
static int in_child(const struct scratch *dir, struct fault *f, unsigned allocation)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct err e = ERR_INIT;
		int r;

		/* cmocka's handlers would run the rest of the tests in the child. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
#ifdef OWN_MALLOC
		/* "Fatal internal error in libarchive" is no news here. */
		if (allocation)
			(void)!freopen("/dev/null", "w", stderr);
		allocations = 0;
		failing_allocation = allocation;
		r = sample_make(dir->dir, SAMPLE_NAME, f ? &f->ops : NULL, &e);
		_exit(r == 0 ? (allocation > allocations ? 2 : 0) : 1);
#else
		(void)allocation;
		r = sample_make(dir->dir, SAMPLE_NAME, f ? &f->ops : NULL, &e);
		_exit(r == 0 ? 0 : 1);
#endif
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	return WEXITSTATUS(status);
}

static void the_process_may_be_killed_anywhere(void **state)
{
	unsigned at;

	(void)state;
	for (at = 1;; at++) {
		struct scratch dir;
		struct fault f;
		int r;

		fault_init(&f, at, 0);
		f.how = FAULT_KILL;
		fresh(&dir);
		r = in_child(&dir, &f, 0);
		check_old(&dir);
		if (r == 0) {
			assert_true(check_new(&dir));
			scratch_remove(&dir);
			break;
		}
		assert_int_equal(r, -SIGKILL);
		(void)check_new(&dir);
		check_resume(&dir);
		check_old(&dir);
		scratch_remove(&dir);
	}
	assert_true(at > 100);
}

#ifdef OWN_MALLOC
/* Returns how many there are. Each of the first `each` fails, then a sample: they repeat from item to
 * item. */
static unsigned fail_allocations(unsigned each, unsigned step)
{
	unsigned at;

	for (at = 1;; at += at < each ? 1 : step) {
		struct scratch dir;
		int r;

		fresh(&dir);
		r = in_child(&dir, NULL, at);
		check_old(&dir);
		if (r < 0 && spare_libs && n_spared)
			fail_msg("allocation %u: killed by signal %d", at, -r);
		if (!check_new(&dir) && (r == 0 || r == 2))
			fail_msg("allocation %u: success and no snapshot", at);
		scratch_remove(&dir);
		if (r == 2)
			return at;
	}
}

static void every_allocation_of_ours_may_fail(void **state)
{
	(void)state;
	dl_iterate_phdr(find_lib, NULL);
	spare_libs = true;
	assert_true(fail_allocations(100, 7) > 300);
}

static void allocations_of_libarchive_may_fail(void **state)
{
	(void)state;
	spare_libs = false;
	assert_true(fail_allocations(1, 29) > 300);
}
#endif

static void a_folder_that_vanishes_or_is_read_only_is_an_error(void **state)
{
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	struct scratch dir;
	struct snap *s;

	(void)state;
	fresh(&dir);
	assert_ok(snap_begin(dir.dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	scratch_remove(&dir);
	assert_err(snap_seal(s, NULL, &sealed, &e), e, ERR_HOST);
	snap_close(s);
	assert_err(snap_begin(dir.dir, SAMPLE_NAME, NULL, &s, &e), e, ERR_HOST);
	assert_int_equal(e.code, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_may_fail),
		cmocka_unit_test(the_disk_may_fill_and_stay_full),
		cmocka_unit_test(file_systems_without_links_are_as_safe),
		cmocka_unit_test(what_appears_in_the_meantime_is_not_replaced),
		cmocka_unit_test(short_writes_lose_nothing),
		cmocka_unit_test(the_process_may_be_killed_anywhere),
#ifdef OWN_MALLOC
		cmocka_unit_test(every_allocation_of_ours_may_fail),
		cmocka_unit_test(allocations_of_libarchive_may_fail),
#endif
		cmocka_unit_test(a_folder_that_vanishes_or_is_read_only_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
