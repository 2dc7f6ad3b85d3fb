#include "tests/unit/unit.h"

#include "backup/take.h"
#include "image/nvset.h"
#include "tests/unit/diag_fake.h"
#include "tests/unit/snap_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RFNV "/nv/item_files/rfnv"

static const uint8_t imei[9] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
/* 356938035643809 */
static const uint8_t other[9] = { 8, 0x3a, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x90 };

struct bench {
	struct scratch dir;
	struct fake fake;
	struct diag *d;
	struct efs *f;
	struct nv *n;
	struct take take;
	struct pull_counts counts;
	struct err e;
};

static void open_module(struct bench *b, const uint8_t number[9])
{
	struct diag_opts dopts = { 0 };
	struct efs_opts fopts = { .pause = fake_pause, .pause_ctx = &b->fake };
	struct nv_opts nopts = { .pause = fake_pause, .pause_ctx = &b->fake };
	char path[96];
	unsigned i;

	fake_init(&b->fake);
	fake_add(&b->fake, "/nv", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nvm/num", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/nv/item_files", 0x41ff, NULL, 0);
	fake_add(&b->fake, RFNV, 0x41ff, NULL, 0);
	for (i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), RFNV "/%08u", 20000 + i);
		fake_add(&b->fake, path, 0xe1ff, "calibration", 11);
	}
	fake_nv(&b->fake, 550, 0, number, 9);
	fake_add(&b->fake, "/nvm/num/550", 0xe1ff, number, 9);
	fake_nv(&b->fake, 1000, 0, "abc", 3);
	fake_add(&b->fake, "/nvm/num/1000", 0xe1ff, "abc", 3);
	fake_add(&b->fake, "/policyman", 0x41ff, NULL, 0);
	fake_add(&b->fake, "/policyman/a%b", 0x81a4, "text", 4)->silent_type = false;
	fake_add(&b->fake, "/a_link", 0xa1ff, "/target", 7);
	assert_ok(diag_open(&b->fake.link, &dopts, &b->d, &b->e), b->e);
	assert_ok(efs_open(b->d, &fopts, &b->f, &b->e), b->e);
	assert_ok(nv_open(b->d, b->f, &nopts, &b->n, &b->e), b->e);
}

static void close_module(struct bench *b)
{
	nv_close(b->n);
	efs_close(b->f);
	diag_close(b->d);
	fake_fini(&b->fake);
}

static struct bench *begin(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	scratch_make(&b->dir);
	open_module(b, imei);
	assert_ok(snap_begin(b->dir.dir, "x", NULL, &b->take.snap, &b->e), b->e);
	snap_manifest(b->take.snap)->asked = MANIFEST_DIAG;
	return b;
}

static void end(struct bench *b)
{
	snap_close(b->take.snap);
	close_module(b);
	scratch_remove(&b->dir);
	free(b);
}

static int diag(struct bench *b)
{
	return take_diag(&b->take, b->f, b->n, &b->counts, &b->e);
}

static const struct manifest_gap *gap_of(const struct manifest *m, const char *what)
{
	size_t i;

	for (i = 0; i < m->n_gaps; i++) {
		if (strcmp(m->gap[i].what, what) == 0)
			return &m->gap[i];
	}
	return NULL;
}

/* The derived file by its own reader. */
static void assert_qpst_holds_it(struct bench *b)
{
	struct err e = ERR_INIT;
	struct nvset_files files;
	struct nvset_nv nv;
	struct qtree tree;
	size_t n, i, found = 0;
	uint8_t *p = get_file(scratch_path(&b->dir, "x.part/items/diag/module.xqcn"), &n);

	assert_ok(nvset_read(SLICE(p, n), NULL, &tree, NULL, &e), e);
	assert_true(nvset_nv_find(&tree, NVSET_DEFAULT, 550, 0, &nv));
	assert_memory_equal(nv.data.p, imei, sizeof(imei));
	assert_ok(nvset_files_list(&tree, &files, &e), e);
	for (i = 0; i < files.n; i++) {
		assert_int_equal(files.v[i].state, NVSET_FILE_OK);
		if (strcmp(files.v[i].path, RFNV "/00020003") == 0) {
			found++;
			assert_memory_equal(files.v[i].data->p + files.v[i].data->n - 11, "calibration", 11);
		}
	}
	assert_true(found > 0);
	nvset_files_fini(&files);
	qtree_fini(&tree);
	free(p);
}

static void files_items_and_identity_make_a_complete_snapshot(void **state)
{
	struct bench *b = begin();
	const struct manifest *m = snap_manifest(b->take.snap);
	const struct manifest_item *it;
	struct verify_report rep;
	struct snap_sealed done;

	(void)state;
	assert_ok(diag(b), b->e);
	assert_int_equal(m->module.n_imeis, 1);
	assert_string_equal(m->module.imei[0].digits, "490154203237518");
	assert_int_equal(m->via, MANIFEST_DIAG);
	assert_true(m->has_listed_efs && m->has_listed_nv);
	assert_int_equal(m->listed_nv, 2);
	assert_int_equal(m->listed_efs, 5 + 2 + 2);
	it = snap_has(b->take.snap, "diag/efs/nvm/num/550");
	assert_non_null(it);
	assert_int_equal(it->size, 9);
	assert_int_equal(it->efs.mode, 0xe1ff);
	assert_non_null(snap_has(b->take.snap, "diag/efs/policyman/a%25b"));
	it = snap_has(b->take.snap, "diag/efs/a_link");
	assert_non_null(it);
	assert_string_equal(it->efs.target, "/target");
	it = snap_has(b->take.snap, "diag/nv/01000.bin");
	assert_non_null(it);
	assert_int_equal(it->nv.id, 1000);
	it = snap_has(b->take.snap, "diag/module.xqcn");
	assert_non_null(it);
	assert_int_equal(it->kind, ITEM_XQCN);
	assert_qpst_holds_it(b);

	assert_ok(snap_seal(b->take.snap, NULL, &done, &b->e), b->e);
	b->take.snap = NULL;
	assert_int_equal(done.manifest.verdict, VERDICT_COMPLETE);
	assert_true(done.manifest.as_asked);
	assert_ok(verify_file(done.path, &rep, &b->e), b->e);
	assert_true(rep.sound);
	verify_report_fini(&rep);
	snap_sealed_fini(&done);
	end(b);
}

static void what_breaks_off_is_a_gap_and_no_half_file(void **state)
{
	struct bench *b = begin();
	const struct manifest *m = snap_manifest(b->take.snap);
	struct snap_sealed done;

	(void)state;
	b->fake.deny = RFNV "/00020002";
	assert_ok(diag(b), b->e);
	assert_null(snap_has(b->take.snap, "diag/efs/nv/item_files/rfnv/00020002"));
	assert_null(manifest_find(m, "diag/efs/nv/item_files/rfnv/00020002"));
	assert_non_null(gap_of(m, RFNV "/00020002"));
	assert_int_equal(gap_of(m, RFNV "/00020002")->how, GAP_REFUSED);
	assert_ok(snap_seal(b->take.snap, NULL, &done, &b->e), b->e);
	b->take.snap = NULL;
	assert_int_equal(done.manifest.verdict, VERDICT_PARTIAL);
	assert_false(done.manifest.as_asked);
	snap_sealed_fini(&done);
	end(b);
}

static void a_dead_module_ends_it_and_what_came_stays(void **state)
{
	struct bench *b = begin();

	(void)state;
	b->fake.dead_from = b->fake.requests + 40;
	assert_err(diag(b), b->e, ERR_TIMEOUT);
	assert_int_equal(snap_manifest(b->take.snap)->via, 0);
	assert_true(snap_manifest(b->take.snap)->n_items > 0);
	assert_int_equal(scratch_count(&b->dir, ".zst") + scratch_count(&b->dir, ".gz"), 0);
	end(b);
}

static void resumed_by_another_module_is_refused(void **state)
{
	struct bench *b = begin();
	size_t n;

	(void)state;
	assert_ok(diag(b), b->e);
	snap_close(b->take.snap);
	close_module(b);
	open_module(b, other);
	assert_ok(snap_resume(b->dir.dir, "x", NULL, &b->take.snap, &b->e), b->e);
	b->take.is_bound = false;
	n = snap_manifest(b->take.snap)->n_items;
	assert_err(diag(b), b->e, ERR_MISMATCH);
	assert_int_equal(snap_manifest(b->take.snap)->n_items, n);
	end(b);
}

static void resumed_by_the_same_module_is_completed(void **state)
{
	struct bench *b = begin();

	(void)state;
	b->fake.dead_from = b->fake.requests + 40;
	assert_err(diag(b), b->e, ERR_TIMEOUT);
	snap_close(b->take.snap);
	close_module(b);
	open_module(b, imei);
	assert_ok(snap_resume(b->dir.dir, "x", NULL, &b->take.snap, &b->e), b->e);
	b->take.is_bound = false;
	assert_ok(diag(b), b->e);
	assert_int_equal(snap_manifest(b->take.snap)->listed_nv, 2);
	end(b);
}

static void a_module_that_tells_nothing_goes_on_only_where_it_was_shown(void **state)
{
	struct bench *b = begin();
	struct manifest_module nothing = { 0 };

	(void)state;
	/* A new snapshot takes any module; its second part comes from the same one, on the same port. */
	assert_ok(take_module(&b->take, &nothing, &b->e), b->e);
	assert_ok(diag(b), b->e);
	assert_ok(take_module(&b->take, &nothing, &b->e), b->e);
	b->take.is_bound = false;
	assert_err(take_module(&b->take, &nothing, &b->e), b->e, ERR_MISMATCH);
	end(b);
}

static void no_diag_at_all_adds_nothing(void **state)
{
	struct bench *b = begin();

	(void)state;
	assert_err(take_diag(&b->take, NULL, NULL, &b->counts, &b->e), b->e, ERR_UNSUPPORTED);
	assert_int_equal(snap_manifest(b->take.snap)->n_items, 0);
	end(b);
}

static void at_answers_are_kept_with_numbers_masked(void **state)
{
	struct bench *b = begin();
	struct at_info info = { .maker = "Quectel", .model = "EG25", .revision = "EG25GGBR07A08M2G",
				.imei = "490154203237518", .imei_egmr = "490154203237518",
				.iccid = "89490200001234567890", .cfun = 1, .creg = -1, .cereg = 1,
				.c5greg = -1, .backups = 3, .restores = -1 };
	struct manifest_module found;
	char text[4096] = "";
	uint8_t *p;
	size_t n;

	(void)state;
	take_at_module(&info, &found);
	assert_ok(take_module(&b->take, &found, &b->e), b->e);
	assert_ok(take_at(&b->take, &info, &b->e), b->e);
	p = get_file(scratch_path(&b->dir, "x.part/items/at/info.txt"), &n);
	assert_true(n < sizeof(text));
	memcpy(text, p, n);
	free(p);
	assert_non_null(strstr(text, "model: EG25\n"));
	assert_non_null(strstr(text, "49015420*******"));
	assert_null(strstr(text, "490154203237518"));
	assert_null(strstr(text, "1234567890"));
	assert_non_null(strstr(text, "own backups: 3\n"));
	assert_null(strstr(text, "CREG: -1"));
	assert_string_equal(snap_manifest(b->take.snap)->module.imei[0].digits, "490154203237518");
	assert_string_equal(snap_manifest(b->take.snap)->module.revision, "EG25GGBR07A08M2G");
	end(b);
}

static void partitions_whose_names_look_alike_get_items_of_their_own(void **state)
{
	struct err e = ERR_INIT;
	struct table t = { .kind = TABLE_GPT };
	struct partition a = { .name = "modemst1", .at = { 0, 64, 8 } };
	struct partition c = { .name = "0:EFS2", .at = { 0, 128, 8 } };
	struct place p = { .name = "modemst1", .at = { 0, 64, 8 } };
	struct place raw = { .name = "0/0+64", .at = { 0, 0, 64 }, .is_raw = true };
	char first[160], second[160];

	(void)state;
	assert_ok(table_add(&t, &a, &e), e);
	assert_ok(table_add(&t, &c, &e), e);
	take_item_name(&t, &p, first, sizeof(first));
	assert_string_equal(first, "edl/modemst1.bin");
	a.at = (struct extent){ 1, 64, 8 };
	snprintf(a.name, sizeof(a.name), "MODEMST1");
	assert_ok(table_add(&t, &a, &e), e);
	take_item_name(&t, &p, first, sizeof(first));
	p.at.lun = 1;
	take_item_name(&t, &p, second, sizeof(second));
	assert_string_not_equal(first, second);
	take_item_name(&t, &raw, first, sizeof(first));
	assert_string_equal(first, "edl/0-0+64.bin");
	snprintf(p.name, sizeof(p.name), "0:EFS2");
	take_item_name(&t, &p, first, sizeof(first));
	assert_string_equal(first, "edl/efs2.bin");
	table_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_items_and_identity_make_a_complete_snapshot),
		cmocka_unit_test(what_breaks_off_is_a_gap_and_no_half_file),
		cmocka_unit_test(a_dead_module_ends_it_and_what_came_stays),
		cmocka_unit_test(resumed_by_another_module_is_refused),
		cmocka_unit_test(resumed_by_the_same_module_is_completed),
		cmocka_unit_test(a_module_that_tells_nothing_goes_on_only_where_it_was_shown),
		cmocka_unit_test(no_diag_at_all_adds_nothing),
		cmocka_unit_test(at_answers_are_kept_with_numbers_masked),
		cmocka_unit_test(partitions_whose_names_look_alike_get_items_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
