/* Both families of the emulated programmer: shapes of answers, checks, raw phases, quirks. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A_CONF "<configure MemoryName=\"nand\" MaxPayloadSizeToTargetInBytes=\"8192\" ZlpAwareHost=\"1\" />"
#define A_RANGE(start, n)                                                                          \
	"PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"2048\" num_partition_sectors=\"" #n "\" "   \
	"physical_partition_number=\"0\" start_sector=\"" #start "\""
#define B_RANGE(start, n)                                                                          \
	"SECTOR_SIZE_IN_BYTES=\"4096\" num_partition_sectors=\"" #n "\" "                          \
	"physical_partition_number=\"0\" start_sector=\"" #start "\""
#define ACK   "<response value=\"ACK\" rawmode=\"false\" />"
#define ACKR  "<response value=\"ACK\" rawmode=\"true\" />"
#define NAK   "<response value=\"NAK\""

static void family_a(struct rig *r, const char *quirks)
{
	char all[256];

	snprintf(all, sizeof(all), "start=programmer;%s", quirks ? quirks : "");
	rig_open(r, "ec25", all);
	rig_do(r, A_CONF, "value=\"ACK\"");
}

static void family_b(struct rig *r, const char *quirks)
{
	char all[256];

	snprintf(all, sizeof(all), "start=programmer;%s", quirks ? quirks : "");
	rig_open(r, "rm520n", all);
	rig_do(r, A_CONF, "value=\"ACK\"");
}

static void banner_of_family_b(void **state)
{
	char logs[8192];
	struct rig r;

	(void)state;
	rig_open(&r, "rm500q", "start=programmer");
	rig_xml(&r, "<nop />");
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK "</data>"));
	assert_non_null(strstr(logs, "<log value=\"INFO: Binary build date: Apr 19 2020 - 17:49:11\" "
				     "/></data>"));
	assert_non_null(strstr(logs, "INFO: Supported Functions (15):"));
	assert_non_null(strstr(logs, "INFO: End of supported functions 15"));
	rig_close(&r);
}

static void banner_of_family_a_comes_by_itself(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	/* Up to DONE_RESP and past the banner. */
	rig_to_firehose(&r, "MDM9x07", 'A');
	rig_xml(&r, "<nop />");
	assert_string_equal(rig_response(&r, NULL, 0),
			    "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n"
			    "<response value=\"ACK\" />\n</data>");
	rig_close(&r);
}

static void payload_is_negotiated(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=programmer");
	rig_do(&r, "<configure MemoryName=\"nand\" MaxPayloadSizeToTargetInBytes=\"1048576\" />",
	       "value=\"NAK\" MemoryName=\"NAND\" MaxPayloadSizeFromTargetInBytes=\"2048\" "
	       "MaxPayloadSizeToTargetInBytes=\"8192\" MaxPayloadSizeToTargetInBytesSupported=\"8192\" "
	       "TargetName=\"9x07\" />");
	rig_do(&r, A_CONF, "value=\"ACK\" MemoryName=\"NAND\"");
	rig_close(&r);
	rig_open(&r, "rm500q", "start=programmer");
	rig_do(&r, "<configure MemoryName=\"nand\" MaxPayloadSizeToTargetInBytes=\"4096\" />",
	       "value=\"ACK\" MemoryName=\"nand\" MinVersionSupported=\"1\" Version=\"1\" "
	       "MaxPayloadSizeToTargetInBytes=\"4096\" MaxPayloadSizeToTargetInBytesSupported=\"8192\" "
	       "MaxXMLSizeInBytes=\"4096\" DateTime=\"");
	rig_close(&r);
}

static void storage_needs_configure_first(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=programmer");
	rig_do(&r, "<read " A_RANGE(0, 1) " />", NAK);
	rig_close(&r);
}

static void malformed_documents_are_refused(void **state)
{
	static const char *const bad[] = {
		"<?xml version=\"1.0\" ?><data><nop></nop></data>",
		"<?xml version=\"1.0\" ?><data><nop  /></data>",
		"<?xml version=\"1.0\" ?><data><nop /><nop /></data>",
		"<?xml version=\"1.0\" ?><data><power value='reset' /></data>",
		"x<?xml version=\"1.0\" ?><data><nop /></data>",
		"<data><nop/></data>",
	};
	struct rig r;
	size_t i;

	(void)state;
	family_a(&r, NULL);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_out(&r, bad[i], strlen(bad[i]));
		if (!strstr(rig_response(&r, NULL, 0), NAK))
			fail_msg("accepted: %s", bad[i]);
	}
	rig_close(&r);
}

static void read_gives_the_first_bytes_of_the_table(void **state)
{
	uint8_t b[4 * 2048];
	struct rig r;

	(void)state;
	family_a(&r, NULL);
	rig_do(&r, "<read " A_RANGE(640, 4) " />", ACKR);
	rig_raw_in(&r, b, sizeof(b));
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	assert_memory_equal(b, "\xac\x9f\x56\xfe\x7a\x12\x7f\xcd\4\0\0\0\1\0\0\0\xff", 17);
	assert_memory_equal(b + 2048, "\xaa\x73\xee\x55\xdb\xbd\x5e\xe3\4\0\0\0\x11\0\0\0"
				      "0:SBL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0\xff\1\0\0", 44);
	/* The checksum of the real table with these rows: 0xDE5D6102. */
	assert_memory_equal(b + 3 * 2048, "\xa1\xbe\x41\x9d\xea\xd2\xde\xf1\1\0\0\0\x02\x61\x5d\xde", 16);
	rig_close(&r);
}

static void ranges_are_checked(void **state)
{
	static const char *const bad[] = {
		/* wrong sector size; past the end; wrong pages per block; unaligned erase */
		"<read SECTOR_SIZE_IN_BYTES=\"512\" num_partition_sectors=\"1\" "
		"physical_partition_number=\"0\" start_sector=\"0\" />",
		"<read " A_RANGE(131071, 2) " />",
		"<read " A_RANGE(0, 0) " />",
		"<read SECTOR_SIZE_IN_BYTES=\"2048\" PAGES_PER_BLOCK=\"2048\" "
		"num_partition_sectors=\"1\" physical_partition_number=\"0\" start_sector=\"0\" />",
		"<erase " A_RANGE(641, 64) " />",
		"<erase " A_RANGE(640, 63) " />",
		"<erase " A_RANGE(131008, 128) " />",
		"<erase SECTOR_SIZE_IN_BYTES=\"2048\" num_partition_sectors=\"64\" "
		"physical_partition_number=\"0\" start_sector=\"640\" />",
		"<patch SECTOR_SIZE_IN_BYTES=\"2048\" filename=\"DISK\" />",
		"<read " A_RANGE(44800, 1) " />", /* the first page of a bad block */
	};
	struct rig r;
	size_t i;

	(void)state;
	family_a(&r, NULL);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		rig_do(&r, bad[i], NAK);
	assert_int_equal(emu_counters(r.m)->blocks_erased, 0);
	rig_close(&r);
}

static void program_goes_only_to_erased_blocks(void **state)
{
	uint8_t *data = malloc(3 * 2048), back[3 * 2048];
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < 3 * 2048; i++)
		data[i] = (uint8_t)(i * 7);
	family_a(&r, NULL);
	rig_do(&r, "<program " A_RANGE(640, 3) " />", NAK);
	rig_do(&r, "<erase " A_RANGE(640, 64) " />", ACK);
	rig_do(&r, "<program " A_RANGE(641, 1) " />", NAK); /* not the first page of its block */
	rig_do(&r, "<program " A_RANGE(640, 3) " filename=\"a.bin\" />", ACKR);
	assert_int_equal(rig_out(&r, data, 3000), 0);
	assert_int_equal(rig_out(&r, data + 3000, 3 * 2048 - 3000), 0);
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	assert_int_equal(emu_counters(r.m)->pages_programmed, 3);
	assert_int_equal(emu_peek(r.m, 0, 640, back, sizeof(back)), 0);
	assert_memory_equal(back, data, sizeof(back));
	rig_do(&r, "<program " A_RANGE(642, 1) " />", NAK);
	free(data);
	rig_close(&r);
}

static void surplus_of_raw_data_is_taken_for_xml(void **state)
{
	uint8_t data[2048 + 512] = { 0 };
	struct rig r;

	(void)state;
	family_a(&r, NULL);
	rig_do(&r, "<erase " A_RANGE(640, 64) " />", ACK);
	rig_do(&r, "<program " A_RANGE(640, 1) " />", ACKR);
	rig_out(&r, data, sizeof(data));
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	assert_non_null(strstr(rig_response(&r, NULL, 0), NAK));
	rig_close(&r);
}

static void bad_block_is_skipped_and_data_shifts(void **state)
{
	uint8_t *data = malloc(65 * 2048), back[2048];
	char logs[4096];
	struct rig r;

	(void)state;
	memset(data, 0x11, 65 * 2048);
	memset(data + 64 * 2048, 0x22, 2048);
	family_a(&r, NULL);
	rig_do(&r, "<erase " A_RANGE(44736, 192) " />", ACK); /* blocks 699 to 701, 700 is bad */
	rig_do(&r, "<program " A_RANGE(44736, 65) " />", ACKR);
	rig_out(&r, data, 65 * 2048);
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK));
	assert_non_null(strstr(logs, "skip bad block 700 and continue with next good block"));
	emu_peek(r.m, 0, 44864, back, sizeof(back)); /* page 0 of block 701 */
	assert_int_equal(back[0], 0x22);
	free(data);
	rig_close(&r);
}

static void erase_without_a_range_is_the_whole_chip(void **state)
{
	struct rig r;

	(void)state;
	family_b(&r, NULL);
	rig_do(&r, "<erase />", ACK);
	assert_int_equal(emu_counters(r.m)->whole_chip_erases, 1);
	assert_int_equal(emu_counters(r.m)->blocks_erased, 2047); /* one is bad */
	rig_close(&r);
}

static void erased_pages_read_as_the_filler_of_the_model(void **state)
{
	uint8_t b[4096];
	struct rig r;
	size_t i;

	(void)state;
	family_b(&r, NULL);
	rig_do(&r, "<erase " B_RANGE(640, 256) " />", ACK);
	rig_do(&r, "<read " B_RANGE(640, 1) " />", ACKR);
	rig_raw_in(&r, b, sizeof(b));
	for (i = 0; i < sizeof(b); i++)
		assert_int_equal(b[i], 0xee);
	rig_close(&r);
}

static void storage_info_of_both_families(void **state)
{
	char logs[8192];
	struct rig r;

	(void)state;
	family_b(&r, NULL);
	rig_xml(&r, "<getstorageinfo physical_partition_number=\"0\" />");
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK));
	assert_non_null(strstr(logs, "INFO: {&quot;storage_info&quot;: {&quot;total_blocks&quot;:2048, "
				     "&quot;block_size&quot;:262144, &quot;page_size&quot;:4096, "
				     "&quot;num_physical&quot;:1, &quot;manufacturer_id&quot;:44, "));
	rig_close(&r);
	family_a(&r, NULL);
	rig_xml(&r, "<getstorageinfo physical_partition_number=\"0\" />");
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK));
	assert_non_null(strstr(logs, "<log value=\"BAD_BLOCK=700\"/></data>"));
	assert_non_null(strstr(logs, "TOTAL_BAD_BLOCK=2"));
	rig_close(&r);
}

static void vendor_erase_checks_the_project_and_erases_nothing(void **state)
{
	char logs[16384];
	struct rig r;

	(void)state;
	family_b(&r, NULL);
	rig_xml(&r, "<erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "
		    "c_project_name=\"RM520NGL_VC\" d_project_type=\"STD\" vendor=\"quectel\"/>");
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK));
	assert_non_null(strstr(logs, "[harden]magic1=0x20190424, magic2=0x20190425."));
	assert_non_null(strstr(logs, "start_blk=102, num_blk=10"));
	rig_do(&r, "<erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "
		   "c_project_name=\"RM520NGLAP_VB\" d_project_type=\"STD\" vendor=\"quectel\"/>", NAK);
	assert_int_equal(emu_counters(r.m)->blocks_erased, 0);
	rig_close(&r);
}

static void power_reset_leaves_and_boots(void **state)
{
	struct rig r;

	(void)state;
	family_a(&r, NULL);
	rig_do(&r, "<power value=\"reset\" />", "<response value=\"ACK\" />\n</data>");
	rig_pass(&r, 900);
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	rig_pass(&r, 200);
	assert_int_equal(emu_mode(r.m), EMU_OFF);
	rig_pass(&r, 20000);
	assert_int_equal(emu_mode(r.m), EMU_NORMAL);
	rig_close(&r);
	family_b(&r, "stay_edl");
	rig_do(&r, "<power DelayInSeconds=\"10\" value=\"reset\" />", ACK);
	rig_pass(&r, 10000);
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	rig_close(&r);
}

static void patches_on_emmc_repair_a_gpt(void **state)
{
	uint8_t h[512], save[512];
	struct rig r;

	(void)state;
	rig_open(&r, "emmc", "start=programmer");
	rig_do(&r, "<configure MemoryName=\"eMMC\" />", "value=\"ACK\"");
	assert_int_equal(emu_peek(r.m, 0, 1, save, sizeof(save)), 0);
	assert_memory_equal(save, "EFI PART", 8);
#define PATCH(off, size, value)                                                                    \
	rig_do(&r, "<patch SECTOR_SIZE_IN_BYTES=\"512\" byte_offset=\"" off "\" filename=\"DISK\" " \
		   "physical_partition_number=\"0\" size_in_bytes=\"" size "\" start_sector=\"1\" " \
		   "value=\"" value "\" />", ACK)
	PATCH("48", "8", "NUM_DISK_SECTORS-34.");
	PATCH("16", "4", "1");
	PATCH("88", "4", "CRC32(2,16384)");
	PATCH("16", "4", "0");
	PATCH("16", "4", "CRC32(1,92)");
	assert_int_equal(emu_peek(r.m, 0, 1, h, sizeof(h)), 0);
	assert_memory_equal(h, save, sizeof(h));
	assert_int_equal(emu_counters(r.m)->patch_cmds, 5);
	rig_close(&r);
}

static void digest_is_that_of_a_read(void **state)
{
	char logs[4096];
	struct rig r;

	(void)state;
	rig_open(&r, "emmc", "start=programmer");
	rig_do(&r, "<configure MemoryName=\"eMMC\" />", "value=\"ACK\"");
	rig_xml(&r, "<getsha256digest SECTOR_SIZE_IN_BYTES=\"512\" num_partition_sectors=\"2\" "
		    "physical_partition_number=\"0\" start_sector=\"40\" />");
	assert_non_null(strstr(rig_response(&r, logs, sizeof(logs)), ACK));
	/* SHA-256 of 1024 zero bytes */
	assert_non_null(strstr(logs, "INFO: Digest 5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddf"
				     "af10ace3c6ef"));
	rig_close(&r);
}

static void quirk_nak_hits_the_nth(void **state)
{
	struct rig r;

	(void)state;
	family_a(&r, "nak=nop,nth=2");
	rig_do(&r, "<nop />", "ACK");
	rig_do(&r, "<nop />", NAK);
	rig_do(&r, "<nop />", "ACK");
	rig_close(&r);
}

static void quirk_lies_are_acknowledged(void **state)
{
	uint8_t b[2048], data[2048];
	struct rig r;

	(void)state;
	memset(data, 0x55, sizeof(data));
	family_a(&r, "lie=erase");
	rig_do(&r, "<erase " A_RANGE(640, 64) " />", ACK);
	emu_peek(r.m, 0, 640, b, sizeof(b));
	assert_int_equal(b[0], 0xac);
	rig_close(&r);
	family_a(&r, "lie=program");
	rig_do(&r, "<erase " A_RANGE(640, 64) " />", ACK);
	rig_do(&r, "<program " A_RANGE(640, 1) " />", ACKR);
	rig_out(&r, data, sizeof(data));
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	emu_peek(r.m, 0, 640, b, sizeof(b));
	assert_int_equal(b[0], 0xff);
	rig_close(&r);
}

static void quirk_unplug_in_the_middle_of_data(void **state)
{
	uint8_t data[2048] = { 0 };
	struct rig r;

	(void)state;
	family_a(&r, "unplug_out=3000");
	rig_do(&r, "<erase " A_RANGE(640, 128) " />", ACK);
	rig_do(&r, "<program " A_RANGE(640, 8) " />", ACKR);
	assert_int_equal(rig_out(&r, data, sizeof(data)), 0);
	assert_int_equal(rig_out(&r, data, sizeof(data)), -EPROTO);
	assert_int_equal(emu_mode(r.m), EMU_OFF);
	rig_close(&r);
	family_a(&r, "unplug_at=read");
	rig_xml(&r, "<nop />");
	rig_response(&r, NULL, 0);
	assert_int_equal(rig_out(&r, "<?xml version=\"1.0\" ?><data><read /></data>", 44), -EPROTO);
	assert_null(emu_usb(r.m));
	rig_close(&r);
}

static void quirk_zlp_strict_waits_for_the_empty_packet(void **state)
{
	uint8_t data[2048] = { 0 };
	struct rig r;

	(void)state;
	family_a(&r, "zlp_strict");
	rig_do(&r, "<erase " A_RANGE(640, 128) " />", ACK);
	rig_do(&r, "<program " A_RANGE(640, 1) " />", ACKR);
	rig_out(&r, data, sizeof(data));
	assert_int_equal(rig_in(&r, 4096, 5000), -EAGAIN);
	rig_out(&r, NULL, 0);
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	rig_close(&r);
}

static void quirk_short_read_then_nak(void **state)
{
	uint8_t b[4096];
	struct rig r;

	(void)state;
	family_a(&r, "short_read=100");
	rig_do(&r, "<read " A_RANGE(640, 2) " />", ACKR);
	rig_raw_in(&r, b, 4096 - 100);
	assert_non_null(strstr(rig_response(&r, NULL, 0), NAK));
	rig_close(&r);
}

static void raw_pieces_of_a_payload_end_with_an_empty_packet(void **state)
{
	struct rig r;

	(void)state;
	family_a(&r, NULL);
	rig_do(&r, "<read " A_RANGE(640, 8) " />", ACKR);
	/* A host that asks for a payload reads the empty packet behind it. */
	assert_int_equal(rig_in(&r, 8192, 10), 8192);
	assert_int_equal(rig_in(&r, 512, 10), 0);
	assert_int_equal(rig_in(&r, 32768, 10), 8192); /* one that asks for more gets it included */
	assert_non_null(strstr(rig_response(&r, NULL, 0), ACK));
	rig_close(&r);
}

static void last_sector_bounds_a_program_unless_it_is_0(void **state)
{
	struct rig r;

	(void)state;
	family_b(&r, NULL);
	rig_do(&r, "<erase " B_RANGE(640, 256) " />", ACK);
	rig_do(&r, "<program last_sector=\"0\" " B_RANGE(640, 1) " />", ACKR);
	rig_close(&r);
	family_b(&r, "bad=13");
	rig_do(&r, "<erase " B_RANGE(640, 256) " />", ACK);
	rig_do(&r, "<program last_sector=\"895\" " B_RANGE(832, 1) " />", NAK);
	rig_close(&r);
}

static void quirk_flicker_changes_between_two_reads(void **state)
{
	uint8_t a[2048], b[2048];
	struct rig r;

	(void)state;
	family_a(&r, "flicker=640");
	rig_do(&r, "<read " A_RANGE(640, 1) " />", ACKR);
	rig_raw_in(&r, a, sizeof(a));
	rig_response(&r, NULL, 0);
	rig_do(&r, "<read " A_RANGE(640, 1) " />", ACKR);
	rig_raw_in(&r, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	rig_close(&r);
}

static void quirks_that_do_not_exist_are_errors(void **state)
{
	char why[200];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(emu_misbehave(r.m, "explode", why, sizeof(why)), -1);
	assert_non_null(strstr(why, "explode"));
	assert_int_equal(emu_misbehave(r.m, "nak=erase,often=yes", why, sizeof(why)), -1);
	assert_int_equal(emu_misbehave(r.m, "set=sahara.colour:red", why, sizeof(why)), -1);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(banner_of_family_b),
		cmocka_unit_test(banner_of_family_a_comes_by_itself),
		cmocka_unit_test(payload_is_negotiated),
		cmocka_unit_test(storage_needs_configure_first),
		cmocka_unit_test(malformed_documents_are_refused),
		cmocka_unit_test(read_gives_the_first_bytes_of_the_table),
		cmocka_unit_test(ranges_are_checked),
		cmocka_unit_test(program_goes_only_to_erased_blocks),
		cmocka_unit_test(surplus_of_raw_data_is_taken_for_xml),
		cmocka_unit_test(bad_block_is_skipped_and_data_shifts),
		cmocka_unit_test(erase_without_a_range_is_the_whole_chip),
		cmocka_unit_test(erased_pages_read_as_the_filler_of_the_model),
		cmocka_unit_test(storage_info_of_both_families),
		cmocka_unit_test(vendor_erase_checks_the_project_and_erases_nothing),
		cmocka_unit_test(power_reset_leaves_and_boots),
		cmocka_unit_test(patches_on_emmc_repair_a_gpt),
		cmocka_unit_test(digest_is_that_of_a_read),
		cmocka_unit_test(quirk_nak_hits_the_nth),
		cmocka_unit_test(quirk_lies_are_acknowledged),
		cmocka_unit_test(quirk_unplug_in_the_middle_of_data),
		cmocka_unit_test(quirk_zlp_strict_waits_for_the_empty_packet),
		cmocka_unit_test(quirk_short_read_then_nak),
		cmocka_unit_test(raw_pieces_of_a_payload_end_with_an_empty_packet),
		cmocka_unit_test(last_sector_bounds_a_program_unless_it_is_0),
		cmocka_unit_test(quirk_flicker_changes_between_two_reads),
		cmocka_unit_test(quirks_that_do_not_exist_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
