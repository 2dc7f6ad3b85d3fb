/* What a QPST backup says: items, files, findings, differences. The pitfalls are those into
 * which tools in the field have fallen. */
#include "tests/unit/qpst_util.h"

#include "image/nvset_check.h"
#include "image/nvset_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMEI_A "490154203237518"

static const uint8_t coded_a[9] = { 0x08, 0x4A, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
static const uint8_t coded_b[9] = { 0x08, 0x3A, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x90 };
static const uint8_t unset[9] = { 0x08, 0x0A };

static struct nvset_files files_of(const struct qtree *t)
{
	struct nvset_files f;
	struct err e = ERR_INIT;

	assert_ok(nvset_files_list(t, &f, &e), e);
	return f;
}

static void items_keep_order_index_and_copies(void **state)
{
	static const struct {
		uint16_t id, index;
		uint8_t first;
	} rows[] = { { 1014, 0, 1 },   { 1014, 1, 2 },      { 1014, 4, 3 }, { 550, 0, 8 },
		     { 0x8123, 0, 5 }, { 65535, 65535, 6 }, { 1014, 1, 7 }, { 10330, 0, 9 } };
	struct qtree t = fresh(), again;
	const struct qnode *array;
	struct nvset_nv nv;
	size_t i, pos = 0;
	struct buf b;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		add_item(&t, NVSET_DEFAULT, rows[i].id, rows[i].index, &rows[i].first, 1);
	add_item(&t, NVSET_SIM_1, 550, 0, coded_b, 9);
	b = written_qcn(&t);
	again = read_qcn(buf_slice(&b));
	array = nvset_array(&again, NVSET_DEFAULT);
	for (i = 0; nvset_nv_next(array, &pos, &nv); i++) {
		assert_true(i < ARRAY_SIZE(rows) && nv.ok);
		assert_int_equal(nv.id, rows[i].id);
		assert_int_equal(nv.index, rows[i].index);
		assert_int_equal(nv.data.n, 128);
		assert_int_equal(nv.data.p[0], rows[i].first);
		assert_true(slice_all(slice_sub(nv.data, 1, 127), 0));
	}
	assert_int_equal(i, ARRAY_SIZE(rows));
	/* An indexed record is not the item of index 0, and a SIM's array not the default one. */
	assert_true(nvset_nv_find(&again, NVSET_DEFAULT, 1014, 1, &nv));
	assert_int_equal(nv.data.p[0], 2);
	assert_false(nvset_nv_find(&again, NVSET_DEFAULT, 1014, 2, &nv));
	assert_true(nvset_nv_find(&again, NVSET_SIM_1, 550, 0, &nv));
	assert_memory_equal(nv.data.p, coded_b, 9);
	assert_false(nvset_nv_find(&again, NVSET_SIM_2, 550, 0, &nv));
	qtree_fini(&t);
	qtree_fini(&again);
	buf_fini(&b);
}

/* One record as bytes, so that this test knows the layout by itself. */
static void records_have_qpst_layout(void **state)
{
	static const uint8_t head[] = { 0x88, 0, 1, 0, 0x26, 0x02, 3, 0, 0x08, 0x4A, 0x09 };
	struct qtree t = fresh();
	const struct qnode *array = nvset_array(&t, NVSET_DEFAULT);
	struct err e = ERR_INIT;
	uint8_t large[129] = { 0 };

	(void)state;
	add_item(&t, NVSET_DEFAULT, 550, 3, coded_a, 9);
	assert_int_equal(array->n, 136);
	assert_memory_equal(array->p, head, sizeof(head));
	assert_err(nvset_nv_add(&t, NVSET_DEFAULT, 1, 0, SLICE(large, 129), &e), e, ERR_USAGE);
	qtree_fini(&t);
}

static void contents_are_joined_to_paths_by_name(void **state)
{
	struct qtree t = fresh();
	struct qnode *section =
		qnode_child(nvset_default(&t), QNODE_STORAGE, "Provisioning_Item_Files");
	struct qnode *dir = qnode_child(section, QNODE_STORAGE, "EFS_Dir");
	struct qnode *data = qnode_child(section, QNODE_STORAGE, "EFS_Data");
	struct nvset_files f;

	(void)state;
	add_stream(&t, dir, "00000000", SLICE_STR("/a\0"));
	add_stream(&t, dir, "00000001", SLICE("", 0)); /* no path: nothing may move up */
	add_stream(&t, dir, "00000002", SLICE_STR("/c"));
	add_stream(&t, dir, "0000000A", SLICE_STR("/ten\0garbage"));
	add_stream(&t, dir, "0000000B", SLICE_STR("/lonely\0"));
	add_stream(&t, data, "0000000A", SLICE_STR("ten"));
	add_stream(&t, data, "00000002", SLICE("", 0));
	add_stream(&t, data, "00000001", SLICE_STR("b"));
	add_stream(&t, data, "00000000", SLICE_STR("a"));
	add_stream(&t, data, "000000FF", SLICE_STR("orphan"));
	f = files_of(&t);
	assert_int_equal(f.n, 6);
	assert_string_equal(f.v[0].path, "/a");
	assert_slice_equal(qnode_bytes(f.v[0].data), "a", 1);
	assert_int_equal(f.v[1].state, NVSET_FILE_NO_PATH);
	/* A file of no bytes is a file. */
	assert_int_equal(f.v[2].state, NVSET_FILE_OK);
	assert_string_equal(f.v[2].path, "/c");
	assert_int_equal(f.v[2].data->n, 0);
	assert_string_equal(f.v[3].path, "/ten");
	assert_slice_equal(qnode_bytes(f.v[3].data), "ten", 3);
	assert_int_equal(f.v[4].state, NVSET_FILE_NO_DATA);
	assert_int_equal(f.v[5].state, NVSET_FILE_NO_PATH);
	assert_string_equal(f.v[5].data->name, "000000FF");
	nvset_files_fini(&f);
	qtree_fini(&t);
}

static void paths_stand_where_each_section_has_them(void **state)
{
	static const uint8_t header[] = { 1, 0, 1, 1, 0x80, 0x3D, 0xD5, 0x12 };
	struct qtree t = fresh();
	struct err e = ERR_INIT;
	struct nvset_files f;
	unsigned sections;

	(void)state;
	assert_ok(nvset_file_place(&t, "pdp_profiles/profile1", SLICE_STR("1"), &sections, &e), e);
	assert_int_equal(sections, 1u << NVSET_EFS_BACKUP);
	assert_ok(nvset_file_place(&t, "/nv/item_files/rfnv/00020000", SLICE_STR("22"), &sections,
				   &e),
		  e);
	assert_int_equal(sections, 1u << NVSET_EFS_BACKUP | 1u << NVSET_NV_ITEMS);
	assert_ok(nvset_file_place(&t, "/nv/item_files/ims/IMS_enable", SLICE_STR("3"), &sections,
				   &e),
		  e);
	assert_int_equal(sections, 1u << NVSET_PROVISIONING);
	assert_ok(nvset_file_place(&t, "/nvm/num/550", SLICE_STR("4"), &sections, &e), e);
	assert_int_equal(sections, 0);
	assert_int_equal(nvset_sections_of("/nv/item_files/rfnv"), 1u << NVSET_PROVISIONING);
	assert_int_equal(nvset_sections_of("/nv/item_filesystem/x"), 0);
	f = files_of(&t);
	assert_int_equal(f.n, 4);
	/* No slash at its front: a search for one would make another path of it. */
	assert_string_equal(f.v[0].path, "pdp_profiles/profile1");
	assert_int_equal(f.v[0].dir->n, 8 + 21);
	assert_memory_equal(f.v[0].dir->p, header, 8);
	/* Also in NV_Items: without a date. */
	assert_string_equal(f.v[1].path, "/nv/item_files/rfnv/00020000");
	assert_memory_equal(f.v[1].dir->p, "\1\0\1\1\0\0\0\0/nv", 11);
	/* With a NUL in this section only. */
	assert_int_equal(f.v[2].dir->n, 29 + 1);
	assert_int_equal(f.v[2].dir->p[29], 0);
	assert_int_equal(f.v[3].section, NVSET_NV_ITEMS);
	assert_int_equal(f.v[3].dir->n, 28);
	/* Written once, though it is there twice. */
	assert_int_equal(f.v[3].first, 1);
	assert_false(f.v[3].differs);
	nvset_files_fini(&f);
	qtree_fini(&t);
}

static void numbers_of_files_are_hexadecimal_and_without_end(void **state)
{
	struct qtree t = fresh(), again;
	struct nvset_files f;
	char path[64];
	struct buf b;
	unsigned i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		/* Paths longer than a tar header's 99 bytes would allow, too. */
		snprintf(path, sizeof(path), "/nv/item_files/modem/%040u", i);
		add_file(&t, NVSET_PROVISIONING, path, &i, i % 3);
	}
	b = written_xqcn(&t, NULL);
	again = read_xqcn(buf_slice(&b));
	f = files_of(&again);
	assert_int_equal(f.n, 5000);
	assert_string_equal(f.v[10].dir->name, "0000000A");
	assert_string_equal(f.v[4999].dir->name, "00001387");
	assert_string_equal(f.v[4999].path, path);
	assert_int_equal(f.v[4999].state, NVSET_FILE_OK);
	nvset_files_fini(&f);
	qtree_fini(&t);
	qtree_fini(&again);
	buf_fini(&b);
}

static void a_new_file_takes_no_number_that_is_in_use(void **state)
{
	struct qtree t = fresh();
	struct qnode *section = qnode_child(nvset_default(&t), QNODE_STORAGE, "NV_Items");
	struct qnode *dir = qnode_child(section, QNODE_STORAGE, "EFS_Dir");
	struct qnode *data = qnode_child(section, QNODE_STORAGE, "EFS_Data");
	char name[16];
	unsigned i;

	(void)state;
	/* Ten files, two of them with numbers that come later. */
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%08X", i < 8 ? i : i + 2);
		add_stream(&t, dir, name, SLICE_STR("/x"));
		if (i != 8)
			add_stream(&t, data, name, SLICE_STR("x"));
	}
	add_file(&t, NVSET_NV_ITEMS, "/new", "y", 1);
	assert_string_equal(dir->last->name, "0000000C");
	assert_string_equal(data->last->name, "0000000C");
	qtree_fini(&t);
}

static void paths_that_lead_elsewhere_are_not_handed_out(void **state)
{
	static const char *const bad[] = { "/a/../b", "..",  "/..", "../x",  "/a/./b",
					   "/a//b",   "/a/", "/",   "/a\nb", "/a\x7F" };
	static const char *const good[] = { "/a/..b", "/a/b..", "/...",
					    "a",      "/a b/c", "/caf\xC3\xA9" };
	struct qtree t = fresh();
	struct nvset_files f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		add_file(&t, NVSET_NV_ITEMS, bad[i], "x", 1);
	for (i = 0; i < ARRAY_SIZE(good); i++)
		add_file(&t, NVSET_NV_ITEMS, good[i], "x", 1);
	f = files_of(&t);
	for (i = 0; i < f.n; i++)
		assert_int_equal(f.v[i].state,
				 i < ARRAY_SIZE(bad) ? NVSET_FILE_BAD_PATH : NVSET_FILE_OK);
	nvset_files_fini(&f);
	qtree_fini(&t);
}

static void mobile_properties_are_read_and_written(void **state)
{
	static const uint8_t golden[] = { 0x0D, 0xD0, 0xAD, 0xDE, 0xFF, 0x00, 26, 1,
					  4,    0,    'B',  '1',  ' ',  0,    6,  0,
					  'Q',  'F',  'e',  'n',  'i',  'x' };
	struct nvset_mpi
		mpi = { NVSET_NO_ESN, 255, 26, 1, SLICE_STR("B1 \0"), SLICE_STR("QFenix") },
		got;
	struct qtree t = fresh();
	struct qnode *node = qnode_child(nvset_default(&t), QNODE_STREAM, "Mobile_Property_Info");
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	assert_ok(nvset_mpi_put(&t, &mpi, &e), e);
	assert_slice_equal(qnode_bytes(node), golden, sizeof(golden));
	assert_ok(nvset_mpi_get(&t, &got, &e), e);
	assert_int_equal(got.esn, NVSET_NO_ESN);
	assert_int_equal(got.model, 255);
	assert_slice_equal(got.sw, "B1 \0", 4);
	assert_slice_equal(got.tool, "QFenix", 6);
	for (n = 0; n < sizeof(golden); n++) {
		assert_ok(qtree_put(&t, node, SLICE(golden, n), &e), e);
		assert_err(nvset_mpi_get(&t, &got, &e), e, ERR_PROTO);
	}
	remove_node(node);
	assert_err(nvset_mpi_get(&t, &got, &e), e, ERR_MISMATCH);
	qtree_fini(&t);
}

/* --- check --- */

static struct qfindings checked(const struct qtree *t)
{
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;

	assert_ok(nvset_check(t, &f, &e), e);
	return f;
}

static void a_whole_backup_has_no_findings(void **state)
{
	struct qtree t = synthetic();
	struct qfindings f = checked(&t);

	(void)state;
	assert_int_equal(f.n, 0);
	qfindings_fini(&f);
	qtree_fini(&t);
}

struct spoil {
	const char *code;
	enum qfinding_level level;
	const char *stream; /* to change; NULL = remove the storage or stream `name` */
	const char *name;
	int at; /* offset; -1 = the last byte is cut off */
	uint8_t value;
};

#define D "00000000/default/"

static void every_defect_is_found_and_named(void **state)
{
	static const struct spoil rows[] = {
		{ "file-version", QFINDING_ERROR, "File_Version", NULL, 0, 1 },
		{ "file-version", QFINDING_WARNING, "File_Version", NULL, 4, 1 },
		{ "file-version", QFINDING_ERROR, "File_Version", NULL, -1, 0 },
		{ "file-version", QFINDING_ERROR, NULL, "File_Version", 0, 0 },
		{ "no-model", QFINDING_ERROR, NULL, "00000000", 0, 0 },
		{ "no-default", QFINDING_ERROR, NULL, "default", 0, 0 },
		{ "no-array", QFINDING_ERROR, NULL, "NV_ITEM_ARRAY", 0, 0 },
		{ "no-sim-array", QFINDING_WARNING, NULL, "NV_ITEM_ARRAY_SIM_1", 0, 0 },
		{ "no-sim-array", QFINDING_NOTE, NULL, "NV_ITEM_ARRAY_SIM_2", 0, 0 },
		{ "no-properties", QFINDING_ERROR, NULL, "Mobile_Property_Info", 0, 0 },
		{ "bad-properties", QFINDING_ERROR, D "Mobile_Property_Info", NULL, -1, 0 },
		{ "model-number", QFINDING_WARNING, D "Mobile_Property_Info", NULL, 4, 7 },
		{ "esn", QFINDING_WARNING, D "Mobile_Property_Info", NULL, 0, 7 },
		{ "no-feature-mask", QFINDING_WARNING, NULL, "Feature_Mask", 0, 0 },
		{ "bad-feature-mask", QFINDING_WARNING, D "Feature_Mask", NULL, -1, 0 },
		{ "no-section", QFINDING_WARNING, NULL, "NV_Items", 0, 0 },
		{ "cut-record", QFINDING_ERROR, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL, -1, 0 },
		{ "record-size", QFINDING_ERROR, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL, 136,
		  0x87 },
		{ "record-constant", QFINDING_WARNING, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL,
		  138, 2 },
		{ "duplicate-item", QFINDING_WARNING, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL,
		  4 * 136 + 6, 0 },
		{ "bad-imei", QFINDING_WARNING, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL,
		  2 * 136 + 8, 7 },
		{ "bad-imei", QFINDING_WARNING, D "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", NULL,
		  2 * 136 + 16, 0x71 },
		{ "no-imei", QFINDING_WARNING, NULL, "NV_NUMBERED_ITEMS", 0, 0 },
		{ "no-radio-files", QFINDING_WARNING, NULL, "EFS_Backup", 0, 0 },
		{ "bad-header", QFINDING_WARNING, D "EFS_Backup/EFS_Dir/00000001", NULL, 2, 9 },
		{ "path-nul", QFINDING_WARNING, D "NV_Items/EFS_Dir/00000001", NULL, 27, 0 },
		{ "bad-path", QFINDING_ERROR, D "NV_Items/EFS_Dir/00000001", NULL, 27, '/' },
		{ "no-path", QFINDING_ERROR, D "NV_Items/EFS_Dir/00000001", NULL, 0, 0 },
		{ "no-data", QFINDING_ERROR, NULL, "EFS_Data", 0, 0 },
		{ "duplicate-path", QFINDING_WARNING, D "NV_Items/EFS_Dir/00000001", NULL, 27,
		  '0' },
		{ "different-content", QFINDING_WARNING, D "NV_Items/EFS_Data/00000000", NULL, 3,
		  0x77 },
		{ "odd-number", QFINDING_WARNING, NULL, NULL, 0, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct spoil *row = &rows[i];
		struct qtree t = synthetic();
		struct qnode *node = row->stream ? qtree_stream(&t, row->stream) : t.root;
		const struct qfinding *found;
		struct qfindings f;

		while (!row->stream && row->name && node && strcmp(node->name, row->name) != 0)
			node = qnode_walk(node);
		assert_non_null(node);
		if (!row->stream && !row->name) {
			node = qtree_stream(&t, D "EFS_Backup/EFS_Data/00000003");
			node->name[7] = 'g';
			node = qtree_stream(&t, D "EFS_Backup/EFS_Dir/00000003");
			node->name[7] = 'g';
		} else if (!row->stream) {
			/* Whole storages are renamed, which hides them as well. */
			memset(node->name, '9', strlen(node->name));
			if (strcmp(row->code, "no-model") == 0)
				node->kind = QNODE_STREAM;
			if (strcmp(row->code, "no-radio-files") == 0)
				remove_node(qtree_stream(&t, D "NV_Items/EFS_Data/00000002")),
					remove_node(
						qtree_stream(&t, D "NV_Items/EFS_Data/00000000"));
		} else if (row->at < 0) {
			node->n--;
		} else {
			node->p[row->at] = row->value;
		}
		f = checked(&t);
		found = qfindings_find(&f, row->code);
		if (!found)
			fail_msg("row %zu: no finding '%s' among %zu", i, row->code, f.n);
		assert_int_equal(found->level, row->level);
		assert_true(f.worst >= row->level);
		assert_true(found->place[0] && found->text[0]);
		/* Findings are shown and logged: nobody's number is in them. */
		assert_null(strstr(found->text, IMEI_A));
		qfindings_fini(&f);
		if (!row->stream && row->name && strcmp(row->code, "no-model") == 0)
			t.root->first->kind = QNODE_STORAGE;
		qtree_fini(&t);
	}
}

static void a_finding_names_the_record(void **state)
{
	struct qtree t = synthetic();
	struct qnode *array = nvset_array(&t, NVSET_DEFAULT);
	const struct qfinding *found;
	struct qfindings f;

	(void)state;
	array->p[2 * 136] = 1;
	array->n -= 100;
	nvset_array(&t, NVSET_SIM_1)->n = 0;
	f = checked(&t);
	found = qfindings_find(&f, "record-size");
	assert_string_equal(found->place, "NV_ITEM_ARRAY record 2");
	found = qfindings_find(&f, "cut-record");
	assert_string_equal(found->place, "NV_ITEM_ARRAY record 6");
	assert_non_null(strstr(found->text, "36 of its 136"));
	/* What lies about its size is not used: it held the IMEI. */
	assert_non_null(qfindings_find(&f, "no-imei"));
	qfindings_fini(&f);
	qtree_fini(&t);
}

static void an_empty_backup_says_what_it_lacks(void **state)
{
	struct qtree t = fresh();
	struct nvset_mpi mpi = { .esn = NVSET_NO_ESN };
	struct err e = ERR_INIT;
	struct qfindings f;

	(void)state;
	assert_ok(nvset_mpi_put(&t, &mpi, &e), e);
	f = checked(&t);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.v[0].code, "empty-array");
	assert_string_equal(f.v[1].code, "no-imei");
	assert_string_equal(f.v[2].code, "no-radio-files");
	qfindings_fini(&f);
	add_item(&t, NVSET_DEFAULT, 550, 0, unset, 9);
	add_item(&t, NVSET_SIM_1, 550, 0, unset, 9);
	nvset_model(&t)->name[0] = 'x';
	remove_node(qnode_child(qnode_child(nvset_default(&t), QNODE_STORAGE, "NV_Items"),
				QNODE_STORAGE, "EFS_Dir"));
	f = checked(&t);
	assert_int_equal(f.n, 5);
	assert_string_equal(f.v[0].code, "model-name");
	assert_string_equal(f.v[1].code, "no-pair");
	assert_string_equal(f.v[2].code, "unset-imei");
	assert_int_equal(f.v[2].level, QFINDING_WARNING);
	assert_string_equal(f.v[3].code, "unset-imei");
	/* Modules with one SIM have it so. */
	assert_int_equal(f.v[3].level, QFINDING_NOTE);
	assert_int_equal(f.worst, QFINDING_WARNING);
	qfindings_fini(&f);
	qtree_fini(&t);
}

static void findings_are_bounded(void **state)
{
	struct qtree t = fresh();
	uint8_t record[136] = { 0 };
	struct err e = ERR_INIT;
	struct qfindings f;
	unsigned i;

	(void)state;
	for (i = 0; i < 2000; i++)
		assert_ok(qtree_append(&t, nvset_array(&t, NVSET_DEFAULT), SLICE(record, 136), &e),
			  e);
	f = checked(&t);
	assert_int_equal(f.n, QFINDINGS_MAX);
	assert_true(f.dropped >= 1500);
	assert_int_equal(f.worst, QFINDING_ERROR);
	qfindings_fini(&f);
	qtree_fini(&t);
}

/* --- differences --- */

static void a_backup_does_not_differ_from_itself_in_other_form(void **state)
{
	struct buf file = data_file("synthetic.qcn");
	struct qtree a = synthetic(), b = read_qcn(buf_slice(&file));
	struct nvset_diff d;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(nvset_diff(&a, &b, &d, &e), e);
	assert_int_equal(d.n, 0);
	nvset_diff_fini(&d);
	qtree_fini(&a);
	qtree_fini(&b);
	buf_fini(&file);
}

static void differences_are_told_by_item_and_path(void **state)
{
	struct qtree a = synthetic(), b = synthetic();
	struct nvset_diff d;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(nvset_imei_replace(&b, NVSET_DEFAULT, 0, coded_b, &e), e);
	add_item(&b, NVSET_SIM_1, 441, 0, "\xFF", 1);
	add_item(&a, NVSET_DEFAULT, 550, 0, coded_a, 9); /* a second one, in a only */
	qtree_stream(&b, D "EFS_Backup/EFS_Data/00000003")->p[4999] ^= 1;
	add_file(&b, NVSET_PROVISIONING, "/sd/new", "x", 1);
	qtree_stream(&b, D "Feature_Mask")->p[5] = 1;
	add_stream(&b, nvset_default(&b), "Roaming_List_00000000", SLICE_STR("prl"));
	memcpy(b.root->first->name, "00000255", 8);
	assert_ok(nvset_diff(&a, &b, &d, &e), e);
	assert_int_equal(d.n, 8);
	assert_int_equal(d.v[0].what, NVSET_WHAT_ITEM);
	assert_int_equal(d.v[0].change, NVSET_CHANGED);
	assert_int_equal(d.v[0].id, 550);
	assert_string_equal(d.v[0].name->name, "IMEI");
	assert_int_equal(d.v[0].at, 1);
	assert_int_equal(d.v[1].change, NVSET_REMOVED);
	assert_int_equal(d.v[1].id, 550);
	assert_int_equal(d.v[2].change, NVSET_ADDED);
	assert_int_equal(d.v[2].sub, NVSET_SIM_1);
	assert_int_equal(d.v[2].id, 441);
	assert_int_equal(d.v[3].what, NVSET_WHAT_FILE);
	assert_string_equal(d.v[3].path, "/rfc/rfc_dsda_control_table.dat");
	assert_int_equal(d.v[3].at, 4999);
	assert_int_equal(d.v[4].change, NVSET_ADDED);
	assert_string_equal(d.v[4].path, "/sd/new");
	assert_int_equal(d.v[5].what, NVSET_WHAT_STREAM);
	assert_string_equal(d.v[5].path, "Feature_Mask");
	assert_string_equal(d.v[6].path, "Roaming_List_00000000");
	assert_int_equal(d.v[6].change, NVSET_ADDED);
	assert_string_equal(d.v[7].path, "model");
	nvset_diff_fini(&d);
	qtree_fini(&a);
	qtree_fini(&b);
}

static void malformed_arrays_differ_as_streams(void **state)
{
	struct qtree a = synthetic(), b = synthetic();
	struct nvset_diff d;
	struct err e = ERR_INIT;

	(void)state;
	/* Only the cut-off tail differs: no item tells of it. */
	assert_ok(qtree_append(&a, nvset_array(&a, NVSET_SIM_2), SLICE_STR("xx"), &e), e);
	assert_ok(qtree_append(&b, nvset_array(&b, NVSET_SIM_2), SLICE_STR("xy"), &e), e);
	assert_ok(nvset_diff(&a, &b, &d, &e), e);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].path, "NV_NUMBERED_ITEMS/NV_ITEM_ARRAY_SIM_2");
	nvset_diff_fini(&d);
	qtree_fini(&a);
	qtree_fini(&b);
}

static void a_new_backup_is_what_qpst_writes(void **state)
{
	static const char golden[] =
		"<?xml version=\"1.0\" encoding=\"Windows-1252\" ?>\r\n"
		"<Storage Name='DEADD00D_0.xqcn'>\r\n"
		"  <Storage Name='00000000'>\r\n"
		"    <Storage Name='default'>\r\n"
		"      <Storage Name='NV_NUMBERED_ITEMS'>\r\n"
		"        <Stream Length='0' Name='NV_ITEM_ARRAY' Value=''/>\r\n"
		"        <Stream Length='0' Name='NV_ITEM_ARRAY_SIM_1' Value=''/>\r\n"
		"        <Stream Length='0' Name='NV_ITEM_ARRAY_SIM_2' Value=''/>\r\n"
		"      </Storage>\r\n"
		"      <Storage Name='EFS_Backup'>\r\n"
		"        <Storage Name='EFS_Dir'>\r\n"
		"          <Stream Length='36' Name='00000000' Value='01 00 01 01 80 3D D5 12 2F 6E 76 2F 69 74 65 6D "
		"5F 66 69 6C 65 73 2F 72 66 6E 76 2F 30 30 30 32 30 30 30 30'/>\r\n"
		"        </Storage>\r\n"
		"        <Storage Name='EFS_Data'>\r\n"
		"          <Stream Length='2' Name='00000000' Value='01 00'/>\r\n"
		"        </Storage>\r\n"
		"      </Storage>\r\n"
		"      <Storage Name='Provisioning_Item_Files'>\r\n"
		"        <Storage Name='EFS_Dir'/>\r\n"
		"        <Storage Name='EFS_Data'/>\r\n"
		"      </Storage>\r\n"
		"      <Storage Name='NV_Items'>\r\n"
		"        <Storage Name='EFS_Dir'/>\r\n"
		"        <Storage Name='EFS_Data'/>\r\n"
		"      </Storage>\r\n"
		"      <Stream Length='0' Name='Mobile_Property_Info' Value=''/>\r\n"
		"      <Stream Length='4' Name='Feature_Mask' Value='02 00 AA BB'/>\r\n"
		"    </Storage>\r\n"
		"  </Storage>\r\n"
		"  <Stream Length='6' Name='File_Version' Value='02 00 00 00 00 00'/>\r\n"
		"</Storage>\r\n";
	struct qtree t = fresh(), bad;
	struct err e = ERR_INIT;
	struct buf b;

	(void)state;
	assert_ok(nvset_file_add(&t, NVSET_EFS_BACKUP, "/nv/item_files/rfnv/00020000",
				 NVSET_GPS_EPOCH, SLICE_STR("\x01\x00"), &e),
		  e);
	assert_ok(nvset_feature_mask_put(&t, SLICE_STR("\xAA\xBB"), &e), e);
	b = written_xqcn(&t, "DEADD00D_0.xqcn");
	assert_slice_equal(buf_slice(&b), golden, sizeof(golden) - 1);
	buf_fini(&b);
	qtree_fini(&t);
	assert_err(nvset_new(&bad, 0, "x", "0", &e), e, ERR_USAGE);
	assert_err(nvset_new(&bad, 0, "x", "0000000A", &e), e, ERR_USAGE);
	assert_err(nvset_new(&bad, 500, "x", "00000000", &e), e, ERR_PROTO);
}

static void either_form_is_recognised(void **state)
{
	struct buf q = data_file("synthetic.qcn"), x = data_file("synthetic.xqcn");
	struct qtree a, b;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(nvset_read(buf_slice(&q), NULL, &a, NULL, &e), e);
	assert_ok(nvset_read(buf_slice(&x), NULL, &b, NULL, &e), e);
	assert_same(&a, &b);
	qtree_fini(&a);
	qtree_fini(&b);
	assert_err(nvset_read(SLICE_STR("\xEF\xBB\xBF <x/>"), NULL, &a, NULL, &e), e, ERR_PROTO);
	assert_err(nvset_read(SLICE_STR("PK\x03\x04"), NULL, &a, NULL, &e), e, ERR_MISMATCH);
	assert_err(nvset_read(SLICE("", 0), NULL, &a, NULL, &e), e, ERR_MISMATCH);
	buf_fini(&q);
	buf_fini(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_keep_order_index_and_copies),
		cmocka_unit_test(records_have_qpst_layout),
		cmocka_unit_test(contents_are_joined_to_paths_by_name),
		cmocka_unit_test(paths_stand_where_each_section_has_them),
		cmocka_unit_test(numbers_of_files_are_hexadecimal_and_without_end),
		cmocka_unit_test(a_new_file_takes_no_number_that_is_in_use),
		cmocka_unit_test(paths_that_lead_elsewhere_are_not_handed_out),
		cmocka_unit_test(mobile_properties_are_read_and_written),
		cmocka_unit_test(a_whole_backup_has_no_findings),
		cmocka_unit_test(every_defect_is_found_and_named),
		cmocka_unit_test(a_finding_names_the_record),
		cmocka_unit_test(an_empty_backup_says_what_it_lacks),
		cmocka_unit_test(findings_are_bounded),
		cmocka_unit_test(a_backup_does_not_differ_from_itself_in_other_form),
		cmocka_unit_test(differences_are_told_by_item_and_path),
		cmocka_unit_test(malformed_arrays_differ_as_streams),
		cmocka_unit_test(a_new_backup_is_what_qpst_writes),
		cmocka_unit_test(either_form_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
