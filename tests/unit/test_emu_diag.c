/* DIAG of the emulated module against the frames that documents print, and each way to misbehave. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_diag.h"

#include <stdio.h>
#include <string.h>

/* diag.md sections 3.2, 6 and 7 */
static void security_and_mode_frames_are_those_of_the_document(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	dg_vector(&r, "7E 06 4E 95 7E", "13 06 88 D5 7E");
	dg_vector(&r, "41 30 30 30 30 30 30 DF 8A 7E", "41 01 70 41 7E");
	dg_vector(&r, "46 FF FF FF FF FF FF FF FE 77 65 7E", "46 01 78 0C 7E");
	dg_vector(&r, "4B 12 18 02 01 7E 7E 7E", ""); /* a bad CRC is not answered */
	dg_vector(&r, "29 01 00 31 40 7E", "29 01 00 31 40 7E");
	dg_vector(&r, "29 04 00 89 3E 7E", "29 04 00 89 3E 7E");
	at_expect(&r, "AT+CFUN?", "+CFUN: 7"); /* from offline there is no way back but a reset */
	at_expect(&r, "AT+CFUN=1", "+CME ERROR: 0");
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	rig_close(&r);
	rig_open(&r, "ec25", "spc=123456");
	dg_vector(&r, "41 30 30 30 30 30 30 DF 8A 7E", "41 00 F9 50 7E");
	rig_close(&r);
	rig_open(&r, "ec25", "locked=efs");
	dg_vector(&r, "4B 13 0B 00 2F 00 19 11 7E", "47 4B 13 0B 00 2F 00 F8 6A 7E");
	dg_vector(&r, "46 FF FF FF FF FF FF FF FE 77 65 7E", "46 01 78 0C 7E");
	assert_true(dg_list(&r, "/", NULL, 0) > 5);
	rig_close(&r);
}

/* diag.md section 8.1; 132 is the offset of the CRC's first byte behind an answer of 133 bytes. */
static void nv_frames_are_those_of_the_document(void **state)
{
	static const uint8_t imei[9] = { 0x08, 0x4a, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
	uint8_t q[133] = { 0x26, 0x26, 0x02 }, b[128] = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_ask(&r, q, sizeof(q), r.out), 133);
	assert_memory_equal(r.in + 133, "\x61\x9b\x7e", 3);
	rig_out_hex(&r, "26 26 02 DF 47 7E"); /* shortened */
	assert_int_equal(rig_in(&r, 4096, 5), 136);
	assert_memory_equal(r.in + 3, imei, 9);
	assert_memory_equal(r.in + 133, "\x61\x9b\x7e", 3);
	dg_vector(&r, "26 FF FF 96 E3 7E", "14 26 FF FF C9 68 7E");
	/* One SIM: there is no second number. */
	rig_out_hex(&r, "4B 30 01 00 26 02 01 00 26 FB 7E");
	assert_int_equal(dg_next(&r, r.out), 138);
	assert_int_equal(get_le16(r.out + 136), 6);
	assert_int_equal(dg_nv_read(&r, 3252, b), 5);
	assert_int_equal(dg_nv_read(&r, 9999, b), 8);
	assert_int_equal(dg_nv_read(&r, 27, b), 0x42);
	assert_int_equal(dg_nv_write(&r, 2808, b, 4), 7);
	rig_close(&r);
	rig_open(&r, "ec25", "blank=EFS2");
	assert_int_equal(dg_ask(&r, q, sizeof(q), r.out), 133);
	assert_memory_equal(r.in + 131, "\x05\x00\x86\x55\x7e", 5);
	rig_close(&r);
	rig_open(&r, "rm520n", NULL);
	rig_out_hex(&r, "4B 30 01 00 26 02 01 00 26 FB 7E");
	assert_int_equal(dg_next(&r, r.out), 138);
	assert_memory_equal(r.out + 8, "\x08\x3a\x65\x39\x08\x53\x46\x83\x90\x00", 10);
	rig_close(&r);
}

/* efs2-diag.md section 10. A formatted file system holds /nv and /public. */
static void efs_frames_are_those_of_the_document(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "blank=EFS2;sync_ms=40");
	dg_vector(&r, "4B 13 00 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 "
		      "01 00 00 00 01 00 00 00 01 00 00 00 FF FF FF FF 7D 5E 05 7E",
		  "4B 13 00 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 "
		  "01 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 E7 F6 7E");
	dg_vector(&r, "4B 13 0B 00 2F 00 19 11 7E", "4B 13 0B 00 01 00 00 00 00 00 00 00 B5 A9 7E");
	dg_vector(&r, "4B 13 0C 00 01 00 00 00 01 00 00 00 FB 71 7E",
		  "4B 13 0C 00 01 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 FF 41 00 00 00 00 00 00 00 "
		  "00 00 5F 00 00 00 5F 00 00 00 5F 6E 76 00 37 BC 7E");
	assert_true(dg_efs(&r, 12, "\1\0\0\0\2\0\0\0", 8, NULL, r.out) > 40);
	assert_int_equal(dg_efs(&r, 12, "\1\0\0\0\3\0\0\0", 8, NULL, r.out), 41);
	assert_memory_equal(r.in + r.in_n - 3, "\x1a\x5e\x7e", 3);
	dg_vector(&r, "4B 13 0D 00 01 00 00 00 2D 75 7E", "4B 13 0D 00 00 00 00 00 96 69 7E");
	dg_vector(&r, "4B 13 02 00 41 02 00 00 A4 01 00 00 2F 61 2E 74 78 74 00 14 7C 7E",
		  "4B 13 02 00 00 00 00 00 00 00 00 00 04 6D 7E");
	dg_vector(&r, "4B 13 05 00 00 00 00 00 00 00 00 00 68 65 6C 6C 6F 01 FB 7E",
		  "4B 13 05 00 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 91 72 7E");
	dg_vector(&r, "4B 13 03 00 00 00 00 00 34 50 7E", "4B 13 03 00 00 00 00 00 34 50 7E");
	dg_vector(&r, "4B 13 02 00 00 00 00 00 00 00 00 00 2F 61 2E 74 78 74 00 BB 50 7E",
		  "4B 13 02 00 00 00 00 00 00 00 00 00 04 6D 7E");
	dg_vector(&r, "4B 13 04 00 00 00 00 00 05 00 00 00 00 00 00 00 0C ED 7E",
		  "4B 13 04 00 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 68 65 6C 6C 6F 16 EB 7E");
	dg_vector(&r, "4B 13 08 00 2F 61 2E 74 78 74 00 EA 58 7E", "4B 13 08 00 00 00 00 00 11 7D 5D 7E");
	assert_int_equal(dg_efs(&r, 9, "\xff\x01", 2, "/t", r.out), 8);
	assert_int_equal(dg_efs(&r, 15, NULL, 0, "/t", r.out), 32);
	dg_vector(&r, "4B 13 09 00 FF 01 2F 74 00 61 59 7E", "4B 13 09 00 06 00 00 00 A0 32 7E");
	assert_int_equal(dg_efs(&r, 15, NULL, 0, "/none", r.out), 32);
	assert_memory_equal(r.in + r.in_n - 3, "\x04\xcb\x7e", 3);
	dg_vector(&r, "4B 13 17 00 00 00 00 00 00 00 00 00 ED 23 7E",
		  "13 4B 13 17 00 00 00 00 00 00 00 00 00 FF D8 7E");
	rig_close(&r);
}

static void item_and_sync_frames_are_those_of_the_document(void **state)
{
	static const char item[] = "/nv/item_files/modem/mmode/ue_usage_setting";
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "blank=EFS2;sync_ms=40");
	/* missing, made, read: the fronts are printed in the document, the path and CRC follow */
	assert_int_equal(dg_efs(&r, 39, "\x00\x04\0\0\x2c\0\0\0\x01\0", 10, item, r.out), 14);
	assert_memory_equal(r.in, "\x4b\x13\x27\x00\xff\xff\xff\xff\x02\0\0\0\x01\x00\xd2\x8a\x7e", 17);
	assert_int_equal(dg_efs(&r, 38, "\1\0\0\0\x41\2\x0c\0\2\0\1", 11, item, r.out), 10);
	assert_memory_equal(r.in, "\x4b\x13\x26\0\2\0\0\0\0\0\xc7\xa5\x7e", 13);
	dg_efs(&r, 15, NULL, 0, "/", r.out);
	assert_int_equal(dg_efs(&r, 39, "\x00\x04\0\0\x2c\0\0\0\x01\0", 10, item, r.out), 15);
	assert_memory_equal(r.in, "\x4b\x13\x27\0\1\0\0\0\0\0\0\0\1\0\1\xfd\xc8\x7e", 18);
	dg_vector(&r, "4B 13 30 00 03 00 2F 00 AF 1E 7E",
		  "4B 13 30 00 03 00 01 00 00 00 00 00 00 00 C1 19 7E");
	dg_vector(&r, "4B 13 31 00 04 00 01 00 00 00 2F 00 84 D5 7E",
		  "4B 13 31 00 04 00 00 00 00 00 00 D5 0C 7E");
	rig_pass(&r, 60);
	/* The identical poll never changes; one with a new number tells. */
	dg_vector(&r, "4B 13 31 00 04 00 01 00 00 00 2F 00 84 D5 7E",
		  "4B 13 31 00 04 00 00 00 00 00 00 D5 0C 7E");
	assert_int_equal(dg_efs(&r, 49, "\5\0\1\0\0\0", 6, "/", r.out), 11);
	assert_memory_equal(r.in, "\x4b\x13\x31\0\5\0\1\0\0\0\0\x44\x98\x7e", 14);
	dg_vector(&r, "4B 13 30 00 03 00 2F 00 AF 1E 7E",
		  "4B 13 30 00 03 00 00 00 00 00 32 01 00 00 26 B7 7E");
	rig_close(&r);
}

static void lengths_and_terminators_are_checked(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_ask(&r, "\x4b\x13\0\0\1\0\0\0", 8, r.out), 9);
	assert_int_equal(r.out[0], 0x15);
	assert_memory_equal(r.out + 1, "\x4b\x13\0\0\1\0\0\0", 8);
	assert_int_equal(dg_ask(&r, "\x4b\x13\x0f\0/nv", 7, r.out), 8);
	assert_int_equal(r.out[0], 0x14);
	assert_int_equal(dg_ask(&r, "\x4b\x3e\x0f\0/nv\0", 8, r.out), 9);
	assert_int_equal(r.out[0], 0x13);
	assert_int_equal(dg_efs(&r, 37, "\1\0", 2, "/nvm", r.out), 10); /* DELTREE outside /public */
	assert_int_equal(get_le32(r.out + 6), 1);
	rig_close(&r);
}

static void handles_are_few_and_hello_closes_them(void **state)
{
	uint8_t hello[44] = { 0x4b, 0x13 };
	struct rig r;
	int i;

	(void)state;
	rig_open(&r, "ec25", "no_list=/sd");
	for (i = 0; i < 4; i++) {
		dg_efs(&r, 15, NULL, 0, "/", r.out); /* a repeated OPENDIR alone would be a replay */
		dg_efs(&r, 11, NULL, 0, "/nv", r.out);
		assert_int_equal(get_le32(r.out + 8), 0);
		dg_efs(&r, 15, NULL, 0, "/", r.out);
		dg_efs(&r, 2, "\0\0\0\0\0\0\0\0", 8, "/rmnet_config.txt", r.out);
		assert_int_equal(get_le32(r.out + 4), i);
	}
	assert_int_equal(dg_list(&r, "/nvm", NULL, 0), -0x40000007);
	dg_efs(&r, 15, NULL, 0, "/", r.out);
	dg_efs(&r, 2, "\0\0\0\0\0\0\0\0", 8, "/rmnet_config.txt", r.out);
	assert_int_equal(get_le32(r.out + 4), UINT32_MAX);
	assert_int_equal(get_le32(r.out + 8), 24);
	assert_int_equal(dg_ask(&r, hello, sizeof(hello), r.out), 44);
	assert_int_equal(dg_list(&r, "/sd", NULL, 0), -13);
	assert_true(dg_list(&r, "/nvm", NULL, 0) > 0);
	/* gaps in READDIR */
	dg_efs(&r, 11, NULL, 0, "/nv", r.out);
	put_le32(r.out + 8, 7);
	dg_efs(&r, 12, r.out + 4, 8, NULL, r.out);
	assert_int_equal(get_le32(r.out + 12), 0x40000002);
	rig_close(&r);
}

static void an_identical_request_is_answered_from_memory(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	dg_efs(&r, 9, "\xff\1", 2, "/public/x", r.out);
	assert_int_equal(get_le32(r.out + 4), 0);
	dg_efs(&r, 9, "\xff\1", 2, "/public/x", r.out);
	assert_int_equal(get_le32(r.out + 4), 0); /* not EEXIST: it was not done again */
	dg_efs(&r, 15, NULL, 0, "/public/x", r.out);
	dg_efs(&r, 9, "\xff\1", 2, "/public/x", r.out);
	assert_int_equal(get_le32(r.out + 4), 6);
	rig_close(&r);
}

static void put_needs_item_and_autodir(void **state)
{
	static const char path[] = "/nv/item_files/new/item";
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_put(&r, path, 0x40241, "ab", 2), 2);
	assert_int_equal(dg_put(&r, path, PUT_ITEM, "ab", 2), 0);
	assert_int_equal(dg_get(&r, path, b), 2);
	dg_efs(&r, 15, NULL, 0, path, r.out);
	assert_int_equal(get_le32(r.out + 8), 0xe1ff);
	assert_int_equal(dg_put(&r, path, 0x80241, "ab", 2), 0);
	dg_efs(&r, 15, NULL, 0, path, r.out);
	assert_int_equal(get_le32(r.out + 8), 0x81ff); /* without ITEMFILE: another kind of file */
	/* Both flags in OPEN are too much for it. */
	dg_efs(&r, 2, "\x41\x02\x0c\x00\xff\x01\0\0", 8, "/public/y", r.out);
	rig_until(&r, EMU_DUMP);
	rig_close(&r);
}

static void links_are_followed_and_told(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_true(dg_efs(&r, 7, NULL, 0, "/policyman/current.xml", r.out) > 8);
	assert_string_equal((char *)r.out + 8, "/policyman/device_config.xml");
	dg_efs(&r, 15, NULL, 0, "/policyman/current.xml", r.out);
	assert_int_equal(get_le32(r.out + 8) & 0xf000, 0x8000);
	assert_int_equal(dg_efs(&r, 16, NULL, 0, "/policyman/current.xml", r.out), 24);
	assert_int_equal(get_le32(r.out + 8) & 0xf000, 0xa000);
	dg_efs(&r, 6, "/public/loop", 13, "/public/loop", r.out);
	dg_efs(&r, 15, NULL, 0, "/public/loop", r.out);
	assert_int_equal(get_le32(r.out + 4), 40);
	rig_close(&r);
}

static void paths_can_be_hidden_denied_and_broken(void **state)
{
	static const char setting[] = "/nv/item_files/modem/mmode/ue_usage_setting";
	char names[2048], spec[128];
	uint8_t b[1024];
	struct rig r;

	(void)state;
	snprintf(spec, sizeof(spec), "hide=%s;deny=/policyman/rat_mask;efs_error=/sd/mru3gpp,size=110", setting);
	rig_open(&r, "ec25", spec);
	assert_int_equal(dg_list(&r, "/nv/item_files/modem/mmode", names, sizeof(names)), 4);
	assert_null(strstr(names, "ue_usage_setting"));
	assert_int_equal(dg_get(&r, setting, b), 1);
	assert_true(dg_efs(&r, 15, NULL, 0, "/policyman/rat_mask", r.out) > 8);
	assert_int_equal(r.out[0], 0x13);
	dg_efs(&r, 15, NULL, 0, "/sd/mru3gpp", r.out);
	assert_int_equal(get_le32(r.out + 4), 110);
	rig_close(&r);
}

static void answers_can_be_late_repeated_wrong_or_damaged(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "late=version,nth=1;repeat=build_id;wrong=efs_stat,nth=1;bad_crc=snapshot,nth=1");
	assert_int_equal(dg_ask(&r, "\0", 1, r.out), 0);
	dg_ask(&r, "\x7c", 1, r.out);
	assert_int_equal(r.out[0], 0x00); /* the late one */
	dg_next(&r, r.out);
	assert_int_equal(r.out[0], 0x7c);
	dg_next(&r, r.out);
	assert_int_equal(r.out[0], 0x7c);
	dg_efs(&r, 15, NULL, 0, "/nv", r.out);
	assert_int_equal(get_le32(r.out + 4), 1);
	dg_next(&r, r.out);
	assert_int_equal(get_le32(r.out + 4), 0);
	rig_out_hex(&r, "63 E5 A1 7E");
	assert_int_equal(rig_in(&r, 4096, 5), 39);
	memcpy(r.out, r.in, 39);
	rig_out_hex(&r, "63 E5 A1 7E");
	assert_int_equal(rig_in(&r, 4096, 5), 39);
	assert_memory_equal(r.in, r.out, 36);
	assert_int_equal(get_le16(r.in + 36) ^ get_le16(r.out + 36), 0x0101);
	rig_close(&r);
	rig_open(&r, "ec25", "logs=3;dead_after=2;latency=2");
	dg_ask(&r, "\0", 1, r.out);
	assert_int_equal(r.out[0], 0x10);
	dg_next(&r, r.out);
	assert_int_equal(r.out[0], 0x60);
	dg_next(&r, r.out);
	assert_int_equal(r.out[0], 0x79);
	dg_next(&r, r.out);
	assert_int_equal(r.out[0], 0x00);
	assert_true(dg_ask(&r, "\0", 1, r.out) > 0);
	while (dg_next(&r, r.out))
		;
	assert_int_equal(dg_ask(&r, "\0", 1, r.out), 0);
	rig_close(&r);
}

static void a_wrong_service_code_is_counted_and_ends_it(void **state)
{
	struct rig r;
	int i;

	(void)state;
	rig_open(&r, "ec25", NULL);
	for (i = 0; i < 5; i++) {
		dg_ask(&r, "\x41" "111111", 7, r.out);
		assert_int_equal(r.out[1], 0);
	}
	dg_ask(&r, "\x41" "000000", 7, r.out);
	assert_int_equal(r.out[1], 0);
	assert_int_equal(emu_counters(r.m)->spc_locked, 1);
	rig_reset(&r);
	dg_ask(&r, "\x41" "000000", 7, r.out);
	assert_int_equal(r.out[1], 0);
	emu_power_cycle(r.m);
	rig_until(&r, EMU_NORMAL);
	dg_ask(&r, "\x41" "000000", 7, r.out);
	assert_int_equal(r.out[1], 1);
	rig_close(&r);
}

static void a_thousand_files_are_listed(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "rm520n", "set=firmware.files:1000");
	assert_int_equal(dg_list(&r, "/nv/item_files/rfnv", NULL, 0), 1014);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(security_and_mode_frames_are_those_of_the_document),
		cmocka_unit_test(nv_frames_are_those_of_the_document),
		cmocka_unit_test(efs_frames_are_those_of_the_document),
		cmocka_unit_test(item_and_sync_frames_are_those_of_the_document),
		cmocka_unit_test(lengths_and_terminators_are_checked),
		cmocka_unit_test(handles_are_few_and_hello_closes_them),
		cmocka_unit_test(an_identical_request_is_answered_from_memory),
		cmocka_unit_test(put_needs_item_and_autodir),
		cmocka_unit_test(links_are_followed_and_told),
		cmocka_unit_test(paths_can_be_hidden_denied_and_broken),
		cmocka_unit_test(answers_can_be_late_repeated_wrong_or_damaged),
		cmocka_unit_test(a_wrong_service_code_is_counted_and_ends_it),
		cmocka_unit_test(a_thousand_files_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
