/* Whose backup it is, and putting another number into it without leaving the old one anywhere. */
#include "tests/unit/qpst_util.h"

#include "image/nvset_identity.h"

#include <string.h>

#define IMEI_A "490154203237518"
#define IMEI_B "356938035643809"

static const uint8_t coded_a[9] = { 0x08, 0x4A, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
static const uint8_t coded_b[9] = { 0x08, 0x3A, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x90 };
static const uint8_t unset[9] = { 0x08, 0x0A };

static void identity_names_all_numbers_and_the_producer(void **state)
{
	struct qtree t = synthetic();
	struct nvset_identity id;
	struct err e = ERR_INIT;

	(void)state;
	add_file(&t, NVSET_PROVISIONING, "/nv/item_files/modem/mmode/ue_imei_1", coded_b, 9);
	add_file(&t, NVSET_PROVISIONING, "/nvm/context1/550", unset, 9);
	add_file(&t, NVSET_PROVISIONING, "/nv/item_files/nv/5500", coded_a, 9);
	add_item(&t, NVSET_DEFAULT, 2824, 0, "D1Q25SERIAL", 11);
	add_item(&t, NVSET_DEFAULT, 1943, 0, "\x56\x34\x12\x90\x78\x56\xA1\x00", 8);
	add_item(&t, NVSET_DEFAULT, 571, 0, "x", 1);
	add_item(&t, NVSET_SIM_2, 550, 1, "\x08\x4A\x09\x51\x24\x30\x32\x57\x91", 9);
	assert_ok(nvset_identity(&t, &id, &e), e);
	assert_int_equal(id.n_imei, 5);
	assert_int_equal(id.imei[0].sub, NVSET_DEFAULT);
	assert_null(id.imei[0].path);
	assert_int_equal(id.imei[0].state, NV_IMEI_DIGITS);
	assert_string_equal(id.imei[0].digits, IMEI_A);
	assert_true(id.imei[0].check_ok);
	assert_int_equal(id.imei[1].sub, NVSET_SIM_1);
	assert_string_equal(id.imei[1].digits, IMEI_B);
	assert_int_equal(id.imei[2].sub, NVSET_SIM_2);
	assert_int_equal(id.imei[2].index, 1);
	assert_false(id.imei[2].check_ok);
	assert_string_equal(id.imei[3].path, "/nv/item_files/modem/mmode/ue_imei_1");
	assert_string_equal(id.imei[3].digits, IMEI_B);
	assert_string_equal(id.imei[4].path, "/nvm/context1/550");
	assert_int_equal(id.imei[4].sub, NVSET_SIM_1);
	assert_int_equal(id.imei[4].state, NV_IMEI_UNSET);
	assert_true(id.has_esn);
	assert_int_equal(id.esn, NVSET_NO_ESN);
	assert_string_equal(id.nv_esn, "DEADD00D");
	assert_string_equal(id.meid, "A1567890123456");
	assert_string_equal(id.serial, "D1Q25SERIAL");
	assert_string_equal(id.bluetooth, "02:00:00:AA:BB:CC");
	assert_string_equal(id.wlan, "02:00:00:AA:BB:CC");
	assert_string_equal(id.model, "00000000");
	assert_string_equal(id.software, "SYNTH01A01");
	assert_string_equal(id.producer, "synthetic generator");
	assert_int_equal(id.n_nv[NVSET_DEFAULT], 10);
	assert_int_equal(id.n_nv[NVSET_SIM_1], 1);
	assert_int_equal(id.n_files[NVSET_EFS_BACKUP], 4);
	/* 00020000, 24000 and one of /rfc; 00020001 is empty. Each once. */
	assert_int_equal(id.rf_files, 3);
	assert_int_equal(id.rf_bytes, 40 + 5000 + 4096);
	assert_int_equal(id.rf_items, 1);
	nvset_identity_fini(&id);
	qtree_fini(&t);
}

static size_t traces(const struct qtree *t, const char *digits)
{
	struct nvset_traces f;
	struct err e = ERR_INIT;
	size_t n;

	assert_ok(nvset_find_number(t, digits, &f, &e), e);
	n = f.n;
	nvset_traces_fini(&f);
	return n;
}

static void replacing_changes_nine_bytes_and_leaves_no_trace(void **state)
{
	struct qtree t = synthetic(), before = synthetic();
	struct qnode *array = nvset_array(&t, NVSET_DEFAULT);
	struct err e = ERR_INIT;
	size_t i, changed = 0;

	(void)state;
	assert_int_equal(traces(&t, IMEI_A), 1);
	assert_ok(nvset_imei_replace(&t, NVSET_DEFAULT, 0, coded_b, &e), e);
	for (i = 0; i < array->n; i++) {
		if (array->p[i] == nvset_array(&before, NVSET_DEFAULT)->p[i])
			continue;
		assert_true(i >= 2 * 136 + 8 && i < 2 * 136 + 17);
		changed++;
	}
	assert_int_equal(changed, 8); /* both begin with 08 */
	assert_int_equal(traces(&t, IMEI_A), 0);
	/* The second SIM's number is another matter. */
	assert_ok(nvset_imei_replace(&t, NVSET_SIM_1, 0, coded_a, &e), e);
	assert_int_equal(traces(&t, IMEI_A), 1);
	assert_err(nvset_imei_replace(&t, NVSET_SIM_2, 0, coded_a, &e), e, ERR_MISMATCH);
	assert_err(nvset_imei_replace(&t, NVSET_DEFAULT, 1, coded_a, &e), e, ERR_MISMATCH);
	/* All records of the item, or the old number stays in one. */
	add_item(&t, NVSET_DEFAULT, 550, 0, coded_a, 9);
	assert_ok(nvset_imei_replace(&t, NVSET_DEFAULT, 0, coded_b, &e), e);
	assert_ok(nvset_imei_replace(&t, NVSET_SIM_1, 0, coded_b, &e), e);
	assert_int_equal(traces(&t, IMEI_A), 0);
	qtree_fini(&t);
	qtree_fini(&before);
}

static void replacing_in_a_file_changes_nothing_else_of_it(void **state)
{
	static const char *const names[] = { "synthetic.qcn", "synthetic.xqcn" };
	size_t i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct buf file = data_file(names[i]), before = data_file(names[i]);
		struct nvset_traces raw;
		struct err e = ERR_INIT;
		struct qtree t, want = synthetic();
		size_t changed = 0;

		assert_ok(nvset_imei_poke(file.p, file.n, NVSET_DEFAULT, 0, coded_b, &e), e);
		assert_ok(nvset_imei_replace(&want, NVSET_DEFAULT, 0, coded_b, &e), e);
		assert_ok(nvset_read(buf_slice(&file), NULL, &t, NULL, &e), e);
		assert_same(&want, &t);
		for (k = 0; k < file.n; k++)
			changed += file.p[k] != before.p[k];
		/* Nine bytes, or their eighteen digits; some are equal. */
		assert_in_range(changed, 1, i ? 18 : 9);
		assert_ok(nvset_find_number_raw(buf_slice(&file), IMEI_A, &raw, &e), e);
		assert_int_equal(raw.n, 0);
		nvset_traces_fini(&raw);
		assert_err(nvset_imei_poke(file.p, file.n, NVSET_SIM_2, 0, coded_b, &e), e,
			   ERR_MISMATCH);
		qtree_fini(&t);
		qtree_fini(&want);
		buf_fini(&file);
		buf_fini(&before);
	}
}

static void a_number_is_found_in_every_form(void **state)
{
	static const struct {
		struct slice bytes;
		enum nvset_coding coding;
		size_t at;
	} rows[] = {
		{ SLICE_STR("xx\x08\x4A\x09\x51\x24\x30\x32\x57\x81"), NVSET_AS_ITEM, 2 },
		{ SLICE_STR("\x08\x4A\x09\x51\x24\x30\x32\x57\x81"), NVSET_AS_ITEM, 0 },
		{ SLICE_STR("\x4A\x09\x51\x24\x30\x32\x57\x81"), NVSET_AS_BCD_SWAPPED, 0 },
		/* An IMEISV: another 15th digit and one more. */
		{ SLICE_STR("\x08\x43\x09\x51\x24\x30\x32\x57\x71\xF7"), NVSET_AS_BCD_SWAPPED, 1 },
		{ SLICE_STR("..\x94\x10\x45\x02\x23\x73\x15\xF8"), NVSET_AS_BCD_SWAPPED, 2 },
		{ SLICE_STR(".\x49\x01\x54\x20\x32\x37\x51\x8F"), NVSET_AS_BCD, 1 },
		{ SLICE_STR(".\xF4\x90\x15\x42\x03\x23\x75\x18"), NVSET_AS_BCD, 1 },
		{ SLICE_STR("imei=" IMEI_A ";"), NVSET_AS_ASCII, 5 },
		{ SLICE_STR("49015420323751"), NVSET_AS_ASCII, 0 },
		{ SLICE_STR(
			  "i\0"
			  "4\0009\0000\0001\0005\0004\0002\0000\0003\0002\0003\0007\0005\0001\0008\0"),
		  NVSET_AS_UTF16, 2 },
		{ SLICE_STR(
			  "\0"
			  "4\0009\0000\0001\0005\0004\0002\0000\0003\0002\0003\0007\0005\0001\0008"),
		  NVSET_AS_UTF16, 1 },
	};
	static const char *const none[] = { "\x08\x4A\x09\x51\x24\x30\x32\x57", "4901542032375",
					    "\x49\x01\x54\x20\x32\x37\x50\x80" };
	struct nvset_traces f;
	struct err e = ERR_INIT;
	struct qtree t;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_ok(nvset_find_number_raw(rows[i].bytes, IMEI_A, &f, &e), e);
		if (f.n != 1 || f.v[0].coding != rows[i].coding || f.v[0].at != rows[i].at)
			fail_msg("row %zu: %zu hits, the first as %s at %zu", i, f.n,
				 f.n ? nvset_coding_name(f.v[0].coding) : "-", f.n ? f.v[0].at : 0);
		nvset_traces_fini(&f);
	}
	for (i = 0; i < ARRAY_SIZE(none); i++) {
		assert_ok(nvset_find_number_raw(SLICE(none[i], strlen(none[i])), IMEI_A, &f, &e),
			  e);
		assert_int_equal(f.n, 0);
	}
	/* File names of backups often hold it. */
	qtree_init(&t, 0);
	add_storage(&t, NULL, "backup-" IMEI_A ".xqcn");
	assert_ok(nvset_find_number(&t, IMEI_A, &f, &e), e);
	assert_int_equal(f.n, 1);
	assert_true(f.v[0].in_name);
	assert_ptr_equal(f.v[0].node, t.root);
	nvset_traces_fini(&f);
	assert_err(nvset_find_number(&t, "49015420323751", &f, &e), e, ERR_USAGE);
	assert_err(nvset_find_number(&t, "000000000000000", &f, &e), e, ERR_USAGE);
	qtree_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_names_all_numbers_and_the_producer),
		cmocka_unit_test(replacing_changes_nine_bytes_and_leaves_no_trace),
		cmocka_unit_test(replacing_in_a_file_changes_nothing_else_of_it),
		cmocka_unit_test(a_number_is_found_in_every_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
