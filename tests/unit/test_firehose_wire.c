#include "tests/unit/unit.h"

#include "wire/firehose_log.h"
#include "wire/firehose_rx.h"
#include "wire/firehose_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n"
#define TAIL "\n</data>"

struct out {
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w;
	struct err e;
};

static struct writer *fresh(struct out *o)
{
	*o = (struct out){ .e = ERR_INIT };
	o->w = writer_of(o->room, sizeof(o->room));
	return &o->w;
}

#define assert_doc(o, element)                                                                     \
	assert_slice_equal(writer_slice(&(o).w), HEAD element TAIL, strlen(HEAD element TAIL))

static void commands_have_the_shape_that_programmers_know(void **state)
{
	const struct firehose_configure c = { "nand", 8192, 2048, true, false };
	const struct firehose_range r = { 4096, 64, 0, 640, 256 }, emmc = { 512, 0, 3, 1, 2 };
	const struct firehose_patch_args p = {
		512, 0, 8, 48, "NUM_DISK_SECTORS-1.", "<CRC32(1,92)&"
	};
	struct out o;

	(void)state;
	assert_ok(firehose_configure_build(fresh(&o), &c, &o.e), o.e);
	assert_doc(o, "<configure MemoryName=\"nand\" Verbose=\"0\" AlwaysValidate=\"0\" "
		      "MaxDigestTableSizeInBytes=\"2048\" MaxPayloadSizeToTargetInBytes=\"8192\" "
		      "ZlpAwareHost=\"1\" SkipStorageInit=\"0\" />");
	assert_ok(firehose_erase_build(fresh(&o), &r, &o.e), o.e);
	assert_doc(
		o,
		"<erase PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"4096\" "
		"num_partition_sectors=\"256\" physical_partition_number=\"0\" start_sector=\"640\" />");
	assert_ok(firehose_read_build(fresh(&o), &emmc, &o.e), o.e);
	assert_doc(o, "<read SECTOR_SIZE_IN_BYTES=\"512\" num_partition_sectors=\"2\" "
		      "physical_partition_number=\"3\" start_sector=\"1\" />");
	assert_ok(firehose_program_build(fresh(&o), &r, 895, "..\\img\\a\"<b>.mbn", &o.e), o.e);
	assert_doc(o,
		   "<program PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"4096\" "
		   "filename=\"a__b_.mbn\" num_partition_sectors=\"256\" "
		   "physical_partition_number=\"0\" start_sector=\"640\" last_sector=\"895\" />");
	assert_ok(firehose_patch_build(fresh(&o), &p, &o.e), o.e);
	assert_doc(o, "<patch SECTOR_SIZE_IN_BYTES=\"512\" byte_offset=\"48\" filename=\"DISK\" "
		      "physical_partition_number=\"0\" size_in_bytes=\"8\" "
		      "start_sector=\"NUM_DISK_SECTORS-1.\" value=\"&lt;CRC32(1,92)&amp;\" />");
	assert_ok(firehose_storage_info_build(fresh(&o), 0, false, &o.e), o.e);
	assert_doc(o, "<getstorageinfo physical_partition_number=\"0\" />");
	assert_ok(firehose_sha256_build(fresh(&o), &emmc, &o.e), o.e);
	assert_doc(o, "<getsha256digest SECTOR_SIZE_IN_BYTES=\"512\" num_partition_sectors=\"2\" "
		      "physical_partition_number=\"3\" start_sector=\"1\" />");
	assert_ok(firehose_power_build(fresh(&o), "reset", 10, &o.e), o.e);
	assert_doc(o, "<power DelayInSeconds=\"10\" value=\"reset\" />");
	assert_ok(firehose_power_build(fresh(&o), "off", 0, &o.e), o.e);
	assert_doc(o, "<power value=\"off\" />");
	assert_ok(firehose_nop_build(fresh(&o), &o.e), o.e);
	assert_doc(o, "<nop />");
	assert_ok(firehose_set_bootable_build(fresh(&o), 1, &o.e), o.e);
	assert_doc(o, "<setbootablestoragedrive value=\"1\" />");
}

static void an_erase_without_a_range_is_never_written(void **state)
{
	const struct firehose_range none = { 4096, 64, 0, 0, 0 }, no_size = { 0, 64, 0, 0, 64 };
	const struct firehose_range wraps = { 4096, 64, 0, UINT64_MAX - 1, 64 };
	struct out o;

	(void)state;
	assert_err(firehose_erase_build(fresh(&o), &none, &o.e), o.e, ERR_BUG);
	assert_int_equal(o.w.n, 0);
	assert_err(firehose_erase_build(fresh(&o), &no_size, &o.e), o.e, ERR_BUG);
	assert_err(firehose_erase_build(fresh(&o), &wraps, &o.e), o.e, ERR_BUG);
	assert_err(firehose_verbatim_build(fresh(&o), "<erase />", &o.e), o.e, ERR_POLICY);
	assert_err(firehose_verbatim_build(fresh(&o), "<erase physical_partition_number=\"0\"/>",
					   &o.e),
		   o.e, ERR_POLICY);
	assert_err(firehose_verbatim_build(fresh(&o), "<erase vendor=\"quectel\"/>", &o.e), o.e,
		   ERR_POLICY);
	assert_int_equal(o.w.n, 0);
}

static void long_texts_are_refused_and_long_names_cut(void **state)
{
	const struct firehose_range r = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT64_MAX - 1, 1 };
	struct firehose_patch_args p = { 512, 0, 8, 48, "1", NULL };
	char text[600];
	struct out o;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	/* The worst of everything still stays below the limit. */
	assert_ok(firehose_program_build(fresh(&o), &r, UINT64_MAX, text, &o.e), o.e);
	assert_true(o.w.n < FIREHOSE_TAG_MAX + 100 + 200);
	p.value = text;
	assert_err(firehose_patch_build(fresh(&o), &p, &o.e), o.e, ERR_USAGE);
}

static void the_vendor_tag_goes_out_byte_for_byte(void **state)
{
#define VENDOR                                                                                     \
	"<erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "                     \
	"c_project_name=\"RG500QEA_VH\" d_project_type=\"STD\" vendor=\"quectel\"/>"
	struct out o;

	(void)state;
	assert_ok(firehose_verbatim_build(fresh(&o), VENDOR, &o.e), o.e);
	assert_doc(o, VENDOR);
	assert_err(firehose_verbatim_build(fresh(&o), "<nop></nop>", &o.e), o.e, ERR_USAGE);
	assert_err(firehose_verbatim_build(fresh(&o), "<nop/><erase/>", &o.e), o.e, ERR_PROTO);
	assert_err(firehose_verbatim_build(fresh(&o), "", &o.e), o.e, ERR_USAGE);
	assert_err(firehose_verbatim_build(fresh(&o), "<Program x=\"1\"/>", &o.e), o.e, ERR_POLICY);
	assert_err(firehose_verbatim_build(fresh(&o), "<benchmark trials=\"1\"/>", &o.e), o.e,
		   ERR_POLICY);
}

/* One document, one item. */
static struct firehose_response response_of(const char *text)
{
	struct firehose_doc d;
	struct firehose_item item;
	struct err e = ERR_INIT;

	assert_ok(firehose_doc_open(&d, SLICE(text, strlen(text)), &e), e);
	assert_true(firehose_doc_next(&d, &item));
	assert_int_equal(item.kind, FIREHOSE_ITEM_RESPONSE);
	assert_false(firehose_doc_next(&d, &(struct firehose_item){ 0 }));
	firehose_doc_close(&d);
	return item.response;
}

static void answers_of_both_families_are_understood(void **state)
{
	struct firehose_response r;

	(void)state;
	r = response_of(
		HEAD
		"<response value=\"ACK\" MemoryName=\"nand\" MinVersionSupported=\"1\" Version=\"1\" "
		"MaxPayloadSizeToTargetInBytes=\"8192\" MaxPayloadSizeToTargetInBytesSupported="
		"\"16384\" MaxXMLSizeInBytes=\"4096\" DateTime=\"Apr 19 2020 - 17:49:11\" /></data>");
	assert_true(r.ack && r.has_version && !r.raw);
	assert_int_equal(r.to_target, 8192);
	assert_int_equal(r.to_target_supported, 16384);
	assert_int_equal(r.max_xml, 4096);
	assert_string_equal(r.memory_name, "nand");
	r = response_of(
		HEAD
		"<response value=\"NAK\" MemoryName=\"NAND\" MaxPayloadSizeFromTargetInBytes=\"2048\" "
		"MaxPayloadSizeToTargetInBytes=\"8192\" MaxPayloadSizeToTargetInBytesSupported="
		"\"8192\" TargetName=\"9x07\" />\n</data>");
	assert_true(!r.ack && !r.has_version);
	assert_int_equal(r.from_target, 2048);
	assert_string_equal(r.target_name, "9x07");
	r = response_of(HEAD "<response value=\"ACK\" rawmode=\"true\" />\n</data>");
	assert_true(r.ack && r.raw);
	r = response_of(
		"<?xml version=\"1.0\"?><data><response value=\"NAK\" AttemptRetry=\"1\"/></data>");
	assert_true(!r.ack && r.attempt_retry);
	r = response_of("<?xml version=\"1.0\"?><data><response/></data>");
	assert_false(r.ack);
	r = response_of(
		"<?xml version=\"1.0\"?><data><response value=\"ACK\" MaxXMLSizeInBytes=\"-1\" "
		"MaxPayloadSizeToTargetInBytes=\"99999999999\"/></data>");
	assert_true(r.max_xml == 0 && r.to_target == 0);
}

static void logs_with_raw_bytes_are_read(void **state)
{
	static const char text[] = "<?xml version=\"1.0\" ?><data><log value=\"a\xf0\xe9\x88\x14"
				   "b \xc3\xa9 &lt;&quot;&amp; end \n\"/><other/><log/></data>";
	struct firehose_item item;
	struct firehose_doc d;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(firehose_doc_open(&d, SLICE_STR(text), &e), e);
	assert_true(firehose_doc_next(&d, &item));
	assert_int_equal(item.kind, FIREHOSE_ITEM_LOG);
	assert_string_equal(item.text, "a????b \xc3\xa9 <\"& end");
	assert_true(firehose_doc_next(&d, &item));
	assert_int_equal(item.kind, FIREHOSE_ITEM_UNKNOWN);
	assert_string_equal(item.text, "other");
	assert_true(firehose_doc_next(&d, &item));
	assert_string_equal(item.text, "");
	assert_false(firehose_doc_next(&d, &item));
	firehose_doc_close(&d);

	assert_err(firehose_doc_open(&d, SLICE_STR("<?xml?><data><response value=</data>"), &e), e,
		   ERR_PROTO);
	assert_int_equal(e.code, 1);
	e.code = 0;
	assert_err(firehose_doc_open(&d, SLICE_STR("<data><log value=\"a & b\"/></data>"), &e), e,
		   ERR_PROTO);
	assert_int_equal(e.code, 0);
}

/* Everything that the framer gives, as one text; payload in brackets. After a document with
 * rawmode="true" `raw` bytes are announced. */
static char *frames(const uint8_t *p, size_t n, size_t cut1, size_t cut2, size_t raw,
		    uint64_t *junk)
{
	const size_t at[] = { 0, cut1, cut2, n };
	struct slice got, in;
	struct firehose_rx rx;
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT(1 << 20);
	char *text;
	size_t i, payload = 0;

	firehose_rx_init(&rx);
	for (i = 0; i < 3; i++) {
		enum firehose_feed fed;

		in = SLICE(p + at[i], at[i + 1] - at[i]);
		while ((fed = firehose_rx_feed(&rx, &in, &got, &e)) != FIREHOSE_FEED_MORE) {
			assert_int_not_equal(fed, FIREHOSE_FEED_FAIL);
			if (fed == FIREHOSE_FEED_DOC) {
				assert_ok(buf_add(&out, "{", 1, &e), e);
				assert_ok(buf_add(&out, got.p, got.n, &e), e);
				assert_ok(buf_add(&out, "}", 1, &e), e);
				if (slice_find(got, SLICE_STR("\"true\"")) != SIZE_MAX)
					firehose_rx_expect_raw(&rx, raw);
			} else {
				payload += got.n;
				assert_ok(buf_add(&out, got.p, got.n, &e), e);
			}
		}
		assert_int_equal(in.n, 0);
	}
	*junk = rx.junk;
	assert_int_equal(payload, raw);
	assert_ok(buf_add(&out, "", 1, &e), e);
	text = strdup((char *)out.p);
	buf_fini(&out);
	firehose_rx_fini(&rx);
	return text;
}

static void frames_do_not_depend_on_the_cuts(void **state)
{
	static const char stream[] =
		"<<?xm<?xml v?><data>\n<log value=\"1\"/></data>\r\n junk <dat<data><log/></data>"
		"<?xml lost<?xml v?><data><response rawmode=\"true\" /></data>"
		"RAW<?xml?><data></data>WAR<?xml v?><data><response/></data>xx<?xml";
	const size_t raw = strlen("RAW<?xml?><data></data>WAR"), n = sizeof(stream) - 1;
	uint64_t junk, want_junk;
	size_t i, j;
	char *want = frames((const uint8_t *)stream, n, n, n, raw, &want_junk), *got;

	(void)state;
	assert_string_equal(want,
			    "{<?xml v?><data>\n<log value=\"1\"/></data>}{<data><log/></data>}"
			    "{<?xml v?><data><response rawmode=\"true\" /></data>}"
			    "RAW<?xml?><data></data>WAR{<?xml v?><data><response/></data>}");
	assert_int_equal(want_junk, 1 + 4 + 4 + 4 + 10 + 2);
	for (i = 0; i <= n; i++) {
		for (j = i; j <= n; j++) {
			got = frames((const uint8_t *)stream, n, i, j, raw, &junk);
			if (strcmp(got, want) != 0 || junk != want_junk)
				fail_msg("cut at %zu and %zu: %s (%u junk)", i, j, got,
					 (unsigned)junk);
			free(got);
		}
	}
	free(want);
}

static void overlong_documents_are_dropped(void **state)
{
	static const char good[] = "<?xml?><data><log/></data>";
	const size_t long_n = 3 * FIREHOSE_RX_DOC_MAX;
	uint8_t *p = malloc(long_n + sizeof(good));
	struct firehose_rx rx;
	struct err e = ERR_INIT;
	struct slice in, got;

	(void)state;
	memset(p, 'x', long_n);
	memcpy(p, "<?xml", 5);
	memcpy(p + long_n, good, sizeof(good) - 1);
	in = SLICE(p, long_n + sizeof(good) - 1);
	firehose_rx_init(&rx);
	assert_int_equal(firehose_rx_feed(&rx, &in, &got, &e), FIREHOSE_FEED_DOC);
	assert_slice_equal(got, good, sizeof(good) - 1);
	assert_int_equal(rx.junk, long_n);
	assert_int_equal(rx.broken, 1);
	assert_true(rx.doc.cap <= FIREHOSE_RX_DOC_MAX);
	firehose_rx_fini(&rx);
	free(p);
}

static void storage_of_family_b_is_collected(void **state)
{
	static const char *const lines[] = {
		"INFO: Calling handler for getstorageinfo",
		"INFO: Device Total Logical Blocks: 0x800",
		"INFO: Device Block Size in Bytes: 0x40000",
		"INFO: Device Total Physical Partitions: 0x1",
		"INFO: Device Manufacturer ID: 0x2c",
		"INFO: Device Serial Number: 0x0",
	};
	struct firehose_storage s = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		(void)firehose_storage_feed(&s, lines[i]);
	assert_int_equal(s.total_blocks, 2048);
	assert_int_equal(s.block_size, 262144);
	assert_int_equal(s.page_size, 0);
	assert_true(firehose_storage_feed(
		&s,
		"INFO: {\"storage_info\": {\"total_blocks\":2048, \"block_size\":"
		"262144, \"page_size\":4096, \"num_physical\":1, \"manufacturer_id\":44, \"serial_num\":0, "
		"\"fw_version\":\"\",\"mem_type\":\"NAND\",\"prod_name\":\"\"}}"));
	assert_int_equal(s.page_size, 4096);
	assert_int_equal(s.num_physical, 1);
	assert_int_equal(s.manufacturer_id, 0x2c);
	assert_string_equal(s.mem_type, "NAND");
	assert_false(s.has_bad_list);
	assert_false(firehose_storage_feed(&s, "INFO: {\"storage_info\": {"));
	assert_false(firehose_storage_feed(&s, "INFO: {}"));
	assert_false(firehose_storage_feed(&s, "INFO: {\"storage_info\":{\"total_blocks\":-1}} x"));
	assert_int_equal(s.total_blocks, 2048);
}

static void storage_of_family_a_is_collected(void **state)
{
	static const char *const lines[] = {
		"[FLASH_INFO]",
		";This section provides flash info",
		"FLASH_NAME=MT29F4G08ABBEA",
		"SECTOR_SIZE_IN_BYTES = 4096",
		"NUM_PARTITION_SECTORS = 131072",
		"num_physical_partitions = 1",
		"TOTAL_SECTOR_SIZE_IN_BYTES= 536870912",
		"PAGES_IN_BLOCK = 64",
		"[BAD_BLOCK_LIST]",
		";This section provides bad block list",
		"BAD_BLOCK=12",
		"BAD_BLOCK=1999",
		"TOTAL_BAD_BLOCK=2",
	};
	struct firehose_storage s = { 0 };
	uint32_t bad, sum = 0;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		(void)firehose_storage_feed(&s, lines[i]);
		if (firehose_log_bad_block(lines[i], &bad))
			sum += bad;
	}
	assert_int_equal(sum, 12 + 1999);
	assert_int_equal(s.sector_size, 4096);
	assert_int_equal(s.total_sectors, 131072);
	assert_int_equal(s.pages_in_block, 64);
	assert_string_equal(s.product, "MT29F4G08ABBEA");
	assert_true(s.has_bad_list);
	/* Phone programmers write the same keys in lower case, without blanks. */
	assert_true(firehose_storage_feed(&s, "INFO: num_partition_sectors=61071360"));
	assert_int_equal(s.total_sectors, 61071360);
}

static void bad_block_lines_give_the_number(void **state)
{
	static const struct {
		const char *line;
		int64_t block; /* -1 = none */
	} rows[] = {
		{ "INFO: skip bad block 12 and continue with next good block", 12 },
		{ "INFO: block:1f is bad", 0x1f },
		{ "WARN: mark block 33 as bad as continue with next block", 33 },
		{ "Skipping:\tbad block 0x1a", 0x1a },
		{ "--- Error: device failed during erase of block 0x20", 0x20 },
		{ "Skipping erase failure at block 0x21", 0x21 },
		{ "BAD_BLOCK = 7", 7 },
		{ "Erasing good block 0x1a", -1 },
		{ "TOTAL_BAD_BLOCK=2", -1 },
		{ "[BAD_BLOCK_LIST]", -1 },
		{ "BAD_BLOCK=", -1 },
		{ "BAD_BLOCK=99999999999999999999999", -1 },
		{ "INFO: block:1f is fine", -1 },
		{ "INFO: [296] bbt_size:100 blocks:800.", -1 },
		{ "", -1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint32_t bad = 0;
		bool is = firehose_log_bad_block(rows[i].line, &bad);

		if (is != (rows[i].block >= 0) || (is && bad != (uint32_t)rows[i].block))
			fail_msg("'%s': %d, %u", rows[i].line, is, bad);
	}
}

static void lines_tell_family_functions_serial_and_digest(void **state)
{
	const char *names = NULL;
	uint8_t digest[32];
	uint64_t v = 0;

	(void)state;
	assert_int_equal(firehose_log_family("INFO: Binary build date: x"), 'B');
	assert_int_equal(firehose_log_family("Supported Functions: program configure "), 'A');
	assert_int_equal(firehose_log_family("Binary build date: x"), 0);
	assert_int_equal(firehose_log_family("ERROR 4: Line 2193: STORAGE_READ_FAILURE"), 0);
	assert_int_equal(firehose_log_list("Supported Functions: program nop ", &names),
			 FIREHOSE_LIST_ALL);
	assert_string_equal(names, " program nop ");
	assert_int_equal(firehose_log_list("INFO: Supported Functions (15):", &names),
			 FIREHOSE_LIST_BEGIN);
	assert_int_equal(firehose_log_list("INFO: End of supported functions 15", &names),
			 FIREHOSE_LIST_END);
	assert_true(firehose_log_serial("INFO: Chip serial num: 305419896 (0x12345678)", &v));
	assert_int_equal(v, 0x12345678);
	assert_true(firehose_log_serial("Chip serial num (0x1a2b3c4d) Chip ID (0x443)", &v));
	assert_int_equal(v, 0x1a2b3c4d);
	assert_true(firehose_log_digest(
		"INFO: Digest 000102030405060708090a0b0c0d0e0f101112131415161718191A1B"
		"1c1d1e1f",
		digest));
	assert_int_equal(digest[31], 0x1f);
	assert_false(firehose_log_digest("INFO: Digest 0001", digest));
}

static void lines_tell_what_to_do_next(void **state)
{
	static const struct {
		const char *line;
		enum firehose_hint hint;
		uint64_t value;
	} rows[] = {
		{ "ERROR: Failed to open the SDCC Device slot 0", FIREHOSE_HINT_TRY_UFS, 0 },
		{ "ERROR: Failed to set the IO options to 8", FIREHOSE_HINT_TRY_NAND, 0 },
		{ "Failed to initialize (open whole lun) UFS Device slot 0", FIREHOSE_HINT_TRY_EMMC,
		  0 },
		{ "**Attribute 'SECTOR_SIZE_IN_BYTES'=512 must be equal to disk sector size 2048**",
		  FIREHOSE_HINT_SECTOR_SIZE, 2048 },
		{ "sector size defined in XML (512) different from device sector size (4096)",
		  FIREHOSE_HINT_SECTOR_SIZE, 4096 },
		{ "Attribute 'PAGES_PER_BLOCK'=2048 must be equal to disk pages per block 64",
		  FIREHOSE_HINT_PAGES_PER_BLOCK, 64 },
		{ "NAK: Host wants to send a Hash table 8192 larger than supported 2048",
		  FIREHOSE_HINT_DIGEST_TABLE, 2048 },
		{ "INFO: VIP is enabled, receiving the signed table of size 8192",
		  FIREHOSE_HINT_VIP, 0 },
		{ "VIP - Validated Image Programming is enabled", FIREHOSE_HINT_VIP, 0 },
		{ "Only nop and sig tag can be recevied before authentication",
		  FIREHOSE_HINT_LOCKED, 0 },
		{ "**WARNING Ignoring Unrecognized tag 'patch'", FIREHOSE_HINT_UNKNOWN_TAG, 0 },
		{ "INFO: Calling handler for read", FIREHOSE_HINT_NONE, 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t v = 0;

		assert_int_equal(firehose_log_hint(rows[i].line, &v), rows[i].hint);
		assert_int_equal(v, rows[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_the_shape_that_programmers_know),
		cmocka_unit_test(an_erase_without_a_range_is_never_written),
		cmocka_unit_test(long_texts_are_refused_and_long_names_cut),
		cmocka_unit_test(the_vendor_tag_goes_out_byte_for_byte),
		cmocka_unit_test(answers_of_both_families_are_understood),
		cmocka_unit_test(logs_with_raw_bytes_are_read),
		cmocka_unit_test(frames_do_not_depend_on_the_cuts),
		cmocka_unit_test(overlong_documents_are_dropped),
		cmocka_unit_test(storage_of_family_b_is_collected),
		cmocka_unit_test(storage_of_family_a_is_collected),
		cmocka_unit_test(bad_block_lines_give_the_number),
		cmocka_unit_test(lines_tell_family_functions_serial_and_digest),
		cmocka_unit_test(lines_tell_what_to_do_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
