/* A QPST backup as plain files and back. */
#include "tests/unit/qpst_util.h"

#include "image/nvset_flat.h"
#include "image/nvset_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D_EFS "00000000/default/EFS_Backup/"
#define D_NV  "00000000/default/NV_Items/"

/* Files in memory, as an archive would hold them. */
struct box {
	struct nvset_flat flat;
	struct {
		char name[1024];
		struct buf bytes;
	} v[64];
	size_t n;
	size_t fail_at; /* the disk is full at this file; 0 = never */
};

static int box_file(struct nvset_flat *to, const char *name, struct slice bytes, struct err *e)
{
	struct box *b = container_of(to, struct box, flat);
	size_t i;

	if (b->fail_at && b->n + 1 == b->fail_at)
		return err_set(e, ERR_HOST, "no space left");
	for (i = 0; i < b->n; i++)
		assert_string_not_equal(b->v[i].name, name);
	assert_true(b->n < ARRAY_SIZE(b->v));
	snprintf(b->v[b->n].name, sizeof(b->v[0].name), "%s", name);
	b->v[b->n].bytes = (struct buf)BUF_INIT(1 << 20);
	return buf_add(&b->v[b->n++].bytes, bytes.p, bytes.n, e);
}

static struct box *box_of(const struct qtree *t)
{
	struct box *b = calloc(1, sizeof(*b));
	struct err e = ERR_INIT;

	assert_non_null(b);
	b->flat.file = box_file;
	assert_ok(nvset_flatten(t, &b->flat, &e), e);
	return b;
}

static void box_free(struct box *b)
{
	while (b->n)
		buf_fini(&b->v[--b->n].bytes);
	free(b);
}

static struct buf *box_find(struct box *b, const char *name)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (strcmp(b->v[i].name, name) == 0)
			return &b->v[i].bytes;
	}
	return NULL;
}

/* Last file first: archives are not made in our order. */
static int gathered(const struct box *b, struct qtree *ret, struct qfindings *f, struct err *e)
{
	struct nvset_gather g;
	size_t i;
	int r;

	assert_ok(nvset_gather_init(&g, 0, e), *e);
	for (i = b->n; i-- > 0;)
		assert_ok(nvset_gather_add(&g, b->v[i].name, buf_slice(&b->v[i].bytes), e), *e);
	r = nvset_gather_done(&g, NULL, ret, f, e);
	nvset_gather_fini(&g);
	return r;
}

static void assert_comes_back(const struct qtree *t)
{
	struct box *b = box_of(t);
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;
	struct qtree again;
	struct buf one, two;

	assert_ok(gathered(b, &again, &f, &e), e);
	assert_same(t, &again);
	assert_int_equal(f.n, 0);
	/* In the same order and under the same name, too. */
	one = written_xqcn(t, NULL);
	two = written_xqcn(&again, NULL);
	assert_slice_equal(buf_slice(&one), two.p, two.n);
	buf_fini(&one);
	buf_fini(&two);
	qtree_fini(&again);
	box_free(b);
}

static void names_of_items_tell_subscription_id_and_index(void **state)
{
	static const struct {
		const char *name;
		enum nvset_sub sub;
		uint16_t id, index;
		bool is_ours;
	} rows[] = {
		{ "nv/00550.bin", NVSET_DEFAULT, 550, 0, true },
		{ "nv/65535_65535.bin", NVSET_DEFAULT, 65535, 65535, true },
		{ "nv/sim1/00550_2.bin", NVSET_SIM_1, 550, 2, true },
		{ "nv/sim2/00000.bin", NVSET_SIM_2, 0, 0, true },
		{ "nv_items/00550.bin", NVSET_DEFAULT, 550, 0, false },
		{ "nv_items/7_1.bin", NVSET_DEFAULT, 7, 1, false },
		{ "nvm/num/550", NVSET_DEFAULT, 550, 0, false },
		{ "nvm/num/303_4", NVSET_DEFAULT, 303, 4, false },
		{ "nvm/context1/550", NVSET_SIM_1, 550, 0, false },
	};
	static const char *const none[] = {
		"nv/550",          "nv/.bin",          "nv/65536.bin",      "nv/1_.bin",
		"nv/1_2_3.bin",    "nv/00550_0+1.bin", "nv/sim3/00550.bin", "nv/item_files/x.bin",
		"nvm/num/550.bin", "nv/fifty.bin",     "nv/-1.bin",         "00550.bin"
	};
	enum nvset_sub sub;
	uint16_t id, index;
	char name[32];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(nvset_nv_name_parse(rows[i].name, &sub, &id, &index));
		assert_int_equal(sub, rows[i].sub);
		assert_int_equal(id, rows[i].id);
		assert_int_equal(index, rows[i].index);
		nvset_nv_name(sub, id, index, name);
		if (rows[i].is_ours)
			assert_string_equal(name, rows[i].name);
	}
	for (i = 0; i < ARRAY_SIZE(none); i++)
		assert_false(nvset_nv_name_parse(none[i], &sub, &id, &index));
}

static void a_backup_becomes_files_that_people_find(void **state)
{
	struct qtree t = synthetic();
	struct box *b = box_of(&t);
	struct buf *file = box_find(b, "nv/00550.bin");

	(void)state;
	assert_non_null(file);
	assert_int_equal(file->n, 128);
	assert_int_equal(file->p[0], 8);
	assert_non_null(box_find(b, "nv/sim1/00550.bin"));
	assert_non_null(box_find(b, "nv/00303_1.bin"));
	assert_int_equal(box_find(b, "efs/pdp_profiles/profile1")->n, 10);
	assert_int_equal(box_find(b, "efs/nv/item_files/rfnv/00020001")->n, 0);
	assert_non_null(box_find(b, "efs/rfc/rfc_dsda_control_table.dat"));
	/* 8 items, 7 paths, three other streams, the layout. */
	assert_int_equal(b->n, 8 + 7 + 3 + 1);
	box_free(b);
	assert_comes_back(&t);
	qtree_fini(&t);
}

static void odd_backups_come_back_too(void **state)
{
	struct qtree t = synthetic();
	struct qnode *dflt = nvset_default(&t), *node;
	struct err e = ERR_INIT;
	struct box *b;

	(void)state;
	/* Two records of one item, in two subscriptions. */
	assert_ok(nvset_nv_add(&t, NVSET_DEFAULT, 550, 0, SLICE_STR("again"), &e), e);
	assert_ok(nvset_nv_add(&t, NVSET_DEFAULT, 550, 0, SLICE_STR("third"), &e), e);
	assert_ok(nvset_nv_add(&t, NVSET_SIM_1, 550, 0, SLICE_STR("other"), &e), e);
	/* One path with two contents, and two paths that make one file name. */
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "/two", 0, SLICE_STR("one"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "/two", 0, SLICE_STR("two"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_EFS_BACKUP, "/slash", 7, SLICE_STR("with"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_EFS_BACKUP, "slash", 8, SLICE_STR("without"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "slash", 0, SLICE_STR("without"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "/slash", 0, SLICE_STR("with"), &e), e);
	/* Paths that make no file name, and an entry with more than a path. */
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "/../up", 0, SLICE_STR("up"), &e), e);
	assert_ok(nvset_file_add(&t, NVSET_NV_ITEMS, "/100%\t\xFF", 0, SLICE_STR("x"), &e), e);
	node = qtree_stream(&t, D_NV "EFS_Dir/00000000");
	assert_ok(qtree_append(&t, node, SLICE_STR("\0rest"), &e), e);
	/* What nobody knows. */
	add_stream(&t, add_storage(&t, add_storage(&t, dflt, "New thing%"), "deep"), "caf\xC3\xA9",
		   SLICE_STR("?"));
	add_storage(&t, t.root, "Empty");
	assert_comes_back(&t);
	b = box_of(&t);
	assert_non_null(box_find(b, "nv/00550_0+1.bin"));
	assert_non_null(box_find(b, "nv/00550_0+2.bin"));
	assert_non_null(box_find(b, "nv/sim1/00550_0+1.bin"));
	assert_slice_equal(buf_slice(box_find(b, "efs/slash")), "with", 4);
	box_free(b);
	/* An array that is not whole. */
	assert_ok(qtree_append(&t, nvset_array(&t, NVSET_DEFAULT), SLICE_STR("tail"), &e), e);
	nvset_array(&t, NVSET_SIM_1)->p[2] = 9;
	assert_comes_back(&t);
	qtree_fini(&t);
}

static void an_edited_file_is_in_the_backup_that_is_made(void **state)
{
	struct qtree t = synthetic(), again;
	struct box *b = box_of(&t);
	struct buf *file = box_find(b, "efs/nv/item_files/rfnv/00020000");
	struct err e = ERR_INIT;
	struct nvset_nv nv;

	(void)state;
	file->n = 0;
	assert_ok(buf_add(file, "new", 3, &e), e);
	file = box_find(b, "nv/00447.bin");
	file->p[0] = 0x77;
	file->n = 6; /* shorter than a record: padded */
	assert_ok(gathered(b, &again, NULL, &e), e);
	/* In both sections that have the path. */
	assert_slice_equal(qnode_bytes(qtree_stream(&again, D_EFS "EFS_Data/00000000")), "new", 3);
	assert_slice_equal(qnode_bytes(qtree_stream(&again, D_NV "EFS_Data/00000000")), "new", 3);
	assert_true(nvset_nv_find(&again, NVSET_DEFAULT, 447, 0, &nv));
	assert_int_equal(nv.data.p[0], 0x77);
	qtree_fini(&again);
	box_free(b);
	qtree_fini(&t);
}

static void a_layout_that_does_not_fit_its_files_is_refused(void **state)
{
	static const struct {
		const char *layout, *says;
	} rows[] = {
		{ "", "no root" },
		{ "salvor-qpst 2\n", "not a layout" },
		{ "salvor-qpst 1\n", "no root" },
		{ "salvor-qpst 1\nstream\t0\tx\t-\n", "depth" },
		{ "salvor-qpst 1\nstorage\t1\tx\n", "depth" },
		{ "salvor-qpst 1\nstorage\t0\tr\nstorage\t0\tr\n", "depth" },
		{ "salvor-qpst 1\nstorage\t0\tr\nstorage\t2\tr\n", "depth" },
		{ "salvor-qpst 1\nstorage\t0\tr\nstream\t1\ts\t-\nstream\t2\ts\t-\n", "depth" },
		{ "salvor-qpst 1\nstorage\t0\tr\nstream\t1\ts\tgone\n", "'gone' is not there" },
		{ "salvor-qpst 1\nstorage\t0\tr\nstream\t1\ts\t-\nstream\t1\ts\t-\n",
		  "two entries" },
		{ "salvor-qpst 1\nstorage\t0\tr\nitem\t1\t0\tfile\n", "item without" },
		{ "salvor-qpst 1\nstorage\t0\tr\nitems\t1\ta\nitem\t65536\t0\tfile\n",
		  "item without" },
		{ "salvor-qpst 1\nstorage\t0\tr\nitems\t1\ta\nitem\t1\t0\tgone\n", "'gone'" },
		{ "salvor-qpst 1\nstorage\t0\tr\nitems\t1\ta\nitem\t1\t0\tlarge\n", "129 bytes" },
		{ "salvor-qpst 1\nstorage\t0\tr\npath\t1\ta\tzz\t0\t/x\n", "header" },
		{ "salvor-qpst 1\nstorage\t0\tr\npath\t1\ta\t000000000000000000\t0\t/x\n",
		  "header" },
		{ "salvor-qpst 1\nstorage\t0\tr\npath\t1\ta\t-\t2\t/x\n", "header" },
		{ "salvor-qpst 1\nstorage\t0\tr\npath\t1\ta\t-\t0\t%0\n", "header" },
		{ "salvor-qpst 1\nstorage\t0\tr\npath\t1\ta\t-\t0\t%00\n", "header" },
		{ "salvor-qpst 1\nstorage\t0\tr\nwhat\t1\n", "not understood" },
		{ "salvor-qpst 1\nstorage\t0\tr\textra\n", "not understood" },
	};
	static const uint8_t large[129];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nvset_gather g;
		struct err e = ERR_INIT;
		struct qtree t;

		assert_ok(nvset_gather_init(&g, 0, &e), e);
		assert_ok(nvset_gather_add(&g, "file", SLICE_STR("x"), &e), e);
		assert_ok(nvset_gather_add(&g, "large", SLICE(large, 129), &e), e);
		assert_ok(nvset_gather_add(&g, NVSET_LAYOUT,
					   SLICE(rows[i].layout, strlen(rows[i].layout)), &e),
			  e);
		assert_err(nvset_gather_done(&g, NULL, &t, NULL, &e), e, ERR_PROTO);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, e.msg, rows[i].says);
		nvset_gather_fini(&g);
	}
}

/* What other programs and modules themselves put into archives. */
static void files_without_a_layout_are_sorted_by_qpsts_rules(void **state)
{
	static const uint8_t imei[9] = { 0x08, 0x4A, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;
	struct nvset_gather g;
	struct nvset_files files;
	struct nvset_nv nv;
	struct nvset_mpi mpi;
	struct qtree t;

	(void)state;
	assert_ok(nvset_gather_init(&g, 0, &e), e);
	assert_ok(nvset_gather_add(&g, "nv_items/00010.bin", SLICE_STR("ten"), &e), e);
	assert_ok(nvset_gather_add(&g, "nvm/num/550", SLICE(imei, 9), &e), e);
	assert_ok(nvset_gather_add(&g, "nvm/context1/550", SLICE(imei, 9), &e), e);
	assert_ok(nvset_gather_add(&g, "./nv/item_files/rfnv/00020000", SLICE_STR("rf"), &e), e);
	assert_ok(nvset_gather_add(&g, "efs/nv/item_files/ims/a%25b", SLICE_STR("ims"), &e), e);
	assert_ok(nvset_gather_add(&g, "efs/bad%zz", SLICE_STR("x"), &e), e);
	assert_ok(nvset_gather_add(&g, "policyman/x.xml", SLICE_STR("<x/>"), &e), e);
	assert_ok(nvset_gather_done(&g, "mine", &t, &f, &e), e);
	assert_string_equal(t.root->name, "mine");
	assert_true(nvset_nv_find(&t, NVSET_DEFAULT, 10, 0, &nv));
	assert_true(nvset_nv_find(&t, NVSET_DEFAULT, 550, 0, &nv));
	assert_true(nvset_nv_find(&t, NVSET_SIM_1, 550, 0, &nv));
	assert_memory_equal(nv.data.p, imei, 9);
	assert_ok(nvset_files_list(&t, &files, &e), e);
	assert_int_equal(files.n, 3);
	assert_string_equal(files.v[0].path, "/nv/item_files/rfnv/00020000");
	assert_string_equal(files.v[1].path, "/nv/item_files/ims/a%b");
	assert_int_equal(files.v[2].first, 0);
	assert_ok(nvset_mpi_get(&t, &mpi, &e), e);
	assert_int_equal(mpi.esn, NVSET_NO_ESN);
	/* Loud about what QPST does not keep. */
	assert_int_equal(f.n, 2);
	assert_string_equal(f.v[0].place, "efs/bad%zz");
	assert_string_equal(f.v[1].place, "policyman/x.xml");
	nvset_files_fini(&files);
	qfindings_fini(&f);
	qtree_fini(&t);
	nvset_gather_fini(&g);

	assert_ok(nvset_gather_init(&g, 0, &e), e);
	assert_err(nvset_gather_done(&g, NULL, &t, NULL, &e), e, ERR_MISMATCH);
	assert_ok(nvset_gather_add(&g, "README", SLICE_STR("x"), &e), e);
	assert_err(nvset_gather_done(&g, NULL, &t, NULL, &e), e, ERR_MISMATCH);
	assert_ok(nvset_gather_add(&g, "README", SLICE_STR("x"), &e), e);
	assert_err(nvset_gather_done(&g, NULL, &t, NULL, &e), e, ERR_PROTO);
	nvset_gather_fini(&g);
}

static void a_full_disk_stops_it_at_any_file(void **state)
{
	struct qtree t = synthetic();
	size_t at;

	(void)state;
	for (at = 1; at <= 19; at++) {
		struct box *b = calloc(1, sizeof(*b));
		struct err e = ERR_INIT;

		assert_non_null(b);
		b->flat.file = box_file;
		b->fail_at = at;
		assert_err(nvset_flatten(&t, &b->flat, &e), e, ERR_HOST);
		box_free(b);
	}
	qtree_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_items_tell_subscription_id_and_index),
		cmocka_unit_test(a_backup_becomes_files_that_people_find),
		cmocka_unit_test(odd_backups_come_back_too),
		cmocka_unit_test(an_edited_file_is_in_the_backup_that_is_made),
		cmocka_unit_test(a_layout_that_does_not_fit_its_files_is_refused),
		cmocka_unit_test(files_without_a_layout_are_sorted_by_qpsts_rules),
		cmocka_unit_test(a_full_disk_stops_it_at_any_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
