#include "tests/unit/unit.h"

#include "base/fs.h"
#include "device/edl_how.h"
#include "device/loader.h"
#include "tests/emu/programmer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
	char dir[64];
	char *made[16];
	unsigned n;
};

static void folder_make(struct folder *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->dir, "/tmp/salvor-loader-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
}

static const char *put(struct folder *f, const char *name, const void *p, size_t n)
{
	struct err e = ERR_INIT;
	char *path = fs_join(f->dir, name);

	assert_non_null(path);
	f->made[f->n++] = path;
	assert_ok(fs_write_file(path, SLICE(p, n), true, &e), e);
	return path;
}

static const char *put_programmer(struct folder *f, const char *name, const char *chip, char family)
{
	struct programmer_spec spec = { .chip = chip, .family = family };
	const char *path;
	uint8_t *p;
	size_t n;

	assert_int_equal(programmer_make(&spec, &p, &n), 0);
	path = put(f, name, p, n);
	free(p);
	return path;
}

static void folder_remove(struct folder *f)
{
	while (f->n) {
		unlink(f->made[--f->n]);
		free(f->made[f->n]);
	}
	rmdir(f->dir);
}

static void a_programmer_is_known_by_its_content_not_its_name(void **state)
{
	struct err e = ERR_INIT;
	struct loader_set set;
	struct folder f;

	(void)state;
	folder_make(&f);
	/* The names are each other's. */
	put_programmer(&f, "NPRG9x07.mbn", "MDM9x07", 'A');
	put_programmer(&f, "prog_nand_firehose_9x07.mbn", "MDM9x07", 'N');
	put(&f, "readme.txt", "Supported Functions", 19);
	assert_ok(loader_search(f.dir, &set, NULL, &e), e);
	assert_int_equal(set.n, 1);
	assert_non_null(strstr(set.file[0].path, "NPRG9x07.mbn"));
	loader_set_fini(&set);
	folder_remove(&f);
}

static void a_folder_with_streaming_programmers_only_says_so(void **state)
{
	struct err e = ERR_INIT;
	struct loader_set set;
	struct folder f;
	const char *path;

	(void)state;
	folder_make(&f);
	path = put_programmer(&f, "prog_firehose.mbn", "MDM9x07", 'N');
	assert_err(loader_search(f.dir, &set, NULL, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "does not speak Firehose"));
	assert_err(loader_search(path, &set, NULL, &e), e, ERR_MISMATCH);
	assert_err(loader_search("/nonexistent", &set, NULL, &e), e, ERR_HOST);
	folder_remove(&f);
}

static void the_same_programmer_twice_is_one_candidate_and_two_are_a_question(void **state)
{
	struct err e = ERR_INIT;
	const struct loader_file *file;
	struct loader_set set;
	struct folder f;

	(void)state;
	folder_make(&f);
	put_programmer(&f, "a.mbn", "MDM9x07", 'A');
	put_programmer(&f, "b.mbn", "MDM9x07", 'A');
	assert_ok(loader_search(f.dir, &set, NULL, &e), e);
	assert_int_equal(set.n, 1);
	assert_ok(loader_choose(&set, NULL, &file, &e), e);
	loader_set_fini(&set);
	put_programmer(&f, "c.mbn", "SDX55", 'B');
	assert_ok(loader_search(f.dir, &set, NULL, &e), e);
	assert_int_equal(set.n, 2);
	assert_err(loader_choose(&set, NULL, &file, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "c.mbn"));
	loader_set_fini(&set);
	folder_remove(&f);
}

static void a_programmer_signed_for_another_chip_falls_away(void **state)
{
	struct loader_file files[2] = {
		{ .path = (char *)"right",
		  .info = { .has_hwid = true, .hwid = UINT64_C(0x480e1) << 32 } },
		{ .path = (char *)"wrong",
		  .info = { .has_hwid = true, .hwid = UINT64_C(0xcf0e1) << 32 } },
	};
	struct loader_set set = { .file = files, .n = 2 };
	struct chip_id chip = { .has_hwid = true, .msm_id = 0x480e1 };
	struct chip_id other = { .has_hwid = true, .msm_id = 0x1990e1 };
	const struct loader_file *file;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(loader_choose(&set, &chip, &file, &e), e);
	assert_string_equal(file->path, "right");
	assert_err(loader_choose(&set, &other, &file, &e), e, ERR_MISMATCH);
	/* Secure boot off, told by the hash that chips ship with: it runs a sibling's programmer too. */
	set.n = 1;
	assert_err(loader_choose(&set, &other, &file, &e), e, ERR_MISMATCH);
	other.pkhash_len = 32;
	memcpy(other.pkhash, "\xcc\x31\x53\xa8\x02\x93\x93\x9b", 8);
	assert_true(chip_pkhash_is_unfused(&other));
	assert_ok(loader_choose(&set, &other, &file, &e), e);
}

static void huge_files_and_deep_folders_are_left_alone(void **state)
{
	struct err e = ERR_INIT;
	struct loader_set set;
	struct folder f;
	char deep[512];
	const char *path;
	unsigned i;

	(void)state;
	folder_make(&f);
	/* A programmer with a tail beyond all bounds is a disk image that happens to begin with one. */
	path = put_programmer(&f, "a.mbn", "MDM9x07", 'A');
	assert_int_equal(truncate(path, 9 << 20), 0);
	assert_err(loader_search(f.dir, &set, NULL, &e), e, ERR_MISMATCH);
	/* Nine folders down is too deep. */
	assert_int_equal(unlink(path), 0);
	strcpy(deep, f.dir);
	for (i = 0; i < 9; i++) {
		strcat(deep, "/d");
		assert_int_equal(mkdir(deep, 0700), 0);
	}
	put_programmer(&f, "d/d/d/d/d/d/d/d/d/a.mbn", "MDM9x07", 'A');
	assert_err(loader_search(f.dir, &set, NULL, &e), e, ERR_MISMATCH);
	assert_int_equal(unlink(f.made[f.n - 1]), 0);
	for (; i > 0; i--) {
		assert_int_equal(rmdir(deep), 0);
		deep[strlen(deep) - 2] = '\0';
	}
	folder_remove(&f);
}

/* The file is read again when it is used: storage that vanishes or changes must not tear an upload.
 */
static void a_programmer_that_changed_meanwhile_is_refused(void **state)
{
	struct err e = ERR_INIT;
	const struct loader_file *file;
	struct loader_images images;
	uint8_t room[2];
	struct loader_set set;
	struct folder f;

	(void)state;
	folder_make(&f);
	put_programmer(&f, "a.mbn", "MDM9x07", 'A');
	assert_ok(loader_search(f.dir, &set, NULL, &e), e);
	assert_ok(loader_choose(&set, NULL, &file, &e), e);
	assert_ok(loader_images_open(&images, file, &e), e);
	assert_non_null(images.images.for_id(&images.images, 13, &e));
	assert_null(images.images.for_id(&images.images, 7, &e));
	assert_int_equal(e.kind, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "NPRG"));
	assert_null(images.images.for_id(&images.images, 99, &e));
	assert_err(images.image.read_at(&images.image, images.image.size - 1, room, 2, &e), e, ERR_BUG);
	assert_ok(images.image.read_at(&images.image, images.image.size - 2, room, 2, &e), e);
	loader_images_close(&images);
	put(&f, "a.mbn", "something else", 14);
	assert_err(loader_images_open(&images, file, &e), e, ERR_INTEGRITY);
	loader_set_fini(&set);
	folder_remove(&f);
}

static void the_hardware_way_is_found_by_model_or_revision(void **state)
{
	(void)state;
	assert_non_null(edl_how_find("EC25"));
	assert_non_null(edl_how_find("ec25efar06a17m4g"));
	assert_non_null(edl_how_find("RM520NGLAAR01A08M4G"));
	assert_null(edl_how_find("EC2"));
	assert_null(edl_how_find(""));
	assert_null(edl_how_find("SIM7600"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_programmer_is_known_by_its_content_not_its_name),
		cmocka_unit_test(a_folder_with_streaming_programmers_only_says_so),
		cmocka_unit_test(the_same_programmer_twice_is_one_candidate_and_two_are_a_question),
		cmocka_unit_test(a_programmer_signed_for_another_chip_falls_away),
		cmocka_unit_test(huge_files_and_deep_folders_are_left_alone),
		cmocka_unit_test(a_programmer_that_changed_meanwhile_is_refused),
		cmocka_unit_test(the_hardware_way_is_found_by_model_or_revision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
