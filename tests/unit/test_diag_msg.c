#include "tests/unit/diag_frames.h"

#include "wire/at_line.h"
#include "wire/diag_msg.h"
#include "wire/nv_msg.h"
#include "model/nv_imei.h"

#include <stdio.h>
#include <string.h>

#define ROOM(w)                                                                                    \
	uint8_t w##_room[2048];                                                                    \
	struct writer w = writer_of(w##_room, sizeof(w##_room))

static void every_error_code_is_an_error_with_its_own_words(void **state)
{
	static const uint8_t codes[] = { 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x42, 0x47, 0x95, 0x96 };
	size_t i, k;
	unsigned others;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		struct err e = ERR_INIT;

		assert_non_null(diag_error_find(codes[i]));
		assert_err(diag_error_set(&e, codes[i]), e, ERR_REFUSED);
		assert_int_equal(e.code, codes[i]);
		for (k = 0; k < i; k++)
			assert_string_not_equal(diag_error_find(codes[i])->meaning,
						diag_error_find(codes[k])->meaning);
	}
	for (others = 0, i = 0; i < 256; i++)
		others += diag_error_find((uint8_t)i) == NULL;
	assert_int_equal(others, 256 - ARRAY_SIZE(codes));
}

static void errors_match_only_the_request_they_repeat(void **state)
{
	struct hex err = payload_of("14 26 FF FF C9 68 7E");
	struct hex denied = payload_of("47 4B 13 0B 00 2F 00 F8 6A 7E");

	(void)state;
	assert_true(diag_error_is_for(PAYLOAD(err), SLICE_STR("\x26\xff\xff")));
	assert_true(diag_error_is_for(PAYLOAD(err), SLICE_STR("\x26\xff\xff\0\0\0")));
	assert_false(diag_error_is_for(PAYLOAD(err), SLICE_STR("\x26\xff\xfe")));
	assert_false(diag_error_is_for(PAYLOAD(err), SLICE_STR("\x27\xff\xff")));
	assert_true(diag_error_is_for(PAYLOAD(denied), SLICE_STR("\x4b\x13\x0b\0/\0")));
	assert_false(diag_error_is_for(PAYLOAD(denied), SLICE_STR("\x4b\x3e\x0b\0/\0")));
	assert_false(diag_error_is_for(SLICE_STR("\x26\xff\xff"), SLICE_STR("\x26\xff\xff")));
	assert_false(diag_error_is_for(SLICE(NULL, 0), SLICE_STR("\x26")));
}

static void unasked_traffic_is_told_from_answers(void **state)
{
	static const uint8_t unasked[] = { 0x10, 0x1f, 0x60, 0x79, 0x7e, 0x7f, 0x92, 0x98, 0x99, 0x9b };
	static const uint8_t answers[] = { 0x00, 0x13, 0x18, 0x26, 0x27, 0x29, 0x41, 0x42, 0x46,
					   0x47, 0x4b, 0x7c, 0x95, 0x96 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(unasked); i++)
		assert_true(diag_is_unsolicited(SLICE(&unasked[i], 1)));
	for (i = 0; i < sizeof(answers); i++)
		assert_false(diag_is_unsolicited(SLICE(&answers[i], 1)));
}

static void unlock_and_mode_frames_as_published(void **state)
{
	struct err e = ERR_INIT;
	static const char *const modes[] = { "29 00 00 E9 59 7E", "29 01 00 31 40 7E",
					     "29 02 00 59 6A 7E", "29 03 00 81 73 7E",
					     "29 04 00 89 3E 7E", "29 05 00 51 27 7E",
					     "29 06 00 39 0D 7E" };
	static const char *const bad[] = { "", "00000", "0000000", "00000a", "      " };
	struct hex h;
	bool ok;
	unsigned i;

	(void)state;
	{
		ROOM(w);
		assert_ok(diag_spc_build(&w, "000000", &e), e);
		assert_frame(w, "41 30 30 30 30 30 30 DF 8A 7E");
	}
	{
		ROOM(w);
		diag_password_build(&w, (const uint8_t *)"\xff\xff\xff\xff\xff\xff\xff\xfe");
		assert_frame(w, "46 FF FF FF FF FF FF FF FE 77 65 7E");
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ROOM(w);
		assert_err(diag_spc_build(&w, bad[i], &e), e, ERR_USAGE);
		assert_int_equal(w.n, 0);
	}
	h = payload_of("41 01 70 41 7E");
	assert_ok(diag_unlock_parse(PAYLOAD(h), DIAG_CMD_SPC, &ok, &e), e);
	assert_true(ok);
	h = payload_of("41 00 F9 50 7E");
	assert_ok(diag_unlock_parse(PAYLOAD(h), DIAG_CMD_SPC, &ok, &e), e);
	assert_false(ok);
	h = payload_of("46 01 78 0C 7E");
	assert_ok(diag_unlock_parse(PAYLOAD(h), DIAG_CMD_PASSWORD, &ok, &e), e);
	assert_true(ok);
	assert_err(diag_unlock_parse(SLICE_STR("\x41"), DIAG_CMD_SPC, &ok, &e), e, ERR_PROTO);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		ROOM(w);
		diag_mode_build(&w, (enum diag_mode)i);
		assert_frame(w, modes[i]);
		assert_ok(diag_mode_parse(writer_slice(&w), (enum diag_mode)i, &e), e);
	}
	assert_ok(diag_mode_parse(SLICE_STR("\x29\0"), DIAG_MODE_OFFLINE, &e), e);
	assert_err(diag_mode_parse(SLICE_STR("\x29\1"), DIAG_MODE_OFFLINE, &e), e, ERR_REFUSED);
	assert_err(diag_mode_parse(SLICE_STR("\x29\4\0"), DIAG_MODE_OFFLINE, &e), e, ERR_REFUSED);
	assert_err(diag_mode_parse(SLICE_STR("\x26\1\0"), DIAG_MODE_OFFLINE, &e), e, ERR_PROTO);
}

static void edl_and_silence_frames_as_published(void **state)
{
	static const char *const quiet[] = { "73 00 00 00 00 00 00 00 DA 81 7E",
					     "7D 5D 05 00 00 00 00 00 00 74 41 7E", "60 00 12 6A 7E" };
	unsigned i;

	(void)state;
	{
		ROOM(w);
		diag_edl_build(&w);
		assert_frame(w, "4B 65 01 00 54 0F 7E");
	}
	for (i = 0; i < ARRAY_SIZE(quiet); i++) {
		ROOM(w);
		assert_true(diag_silence_build(&w, i));
		assert_frame(w, quiet[i]);
	}
	{
		ROOM(w);
		assert_false(diag_silence_build(&w, i));
	}
}

static void version_accepts_54_and_55_bytes_and_refuses_46(void **state)
{
	uint8_t p[55] = { 0 };
	struct diag_version v;
	struct err e = ERR_INIT;

	(void)state;
	memcpy(p + 1, "Mar 01 202412:34:56Feb 28 202401:02:03EC25    ", 46);
	assert_ok(diag_version_parse(SLICE(p, 55), &v, &e), e);
	assert_string_equal(v.compiled, "Mar 01 2024 12:34:56");
	assert_string_equal(v.released, "Feb 28 2024 01:02:03");
	assert_string_equal(v.model, "EC25");
	assert_ok(diag_version_parse(SLICE(p, 54), &v, &e), e);
	assert_ok(diag_version_parse(SLICE(p, 47), &v, &e), e);
	assert_err(diag_version_parse(SLICE(p, 46), &v, &e), e, ERR_PROTO);
}

static void build_id_tolerates_missing_strings(void **state)
{
	static const uint8_t head[] = { 0x7c, 2, 0, 0, 0xe1, 0x80, 0x04, 0, 7, 0, 0, 0 };
	uint8_t p[300];
	struct diag_build_id b;
	struct err e = ERR_INIT;

	(void)state;
	memcpy(p, head, 12);
	memcpy(p + 12, "MPSS.JO.2.0\0MDM9607", 20);
	assert_ok(diag_build_id_parse(SLICE(p, 32), &b, &e), e);
	assert_int_equal(b.msm, 0x480e1);
	assert_int_equal(b.mobile_model, 7);
	assert_string_equal(b.build, "MPSS.JO.2.0");
	assert_string_equal(b.model, "MDM9607");
	assert_ok(diag_build_id_parse(SLICE(p, 20), &b, &e), e); /* cut inside the first string */
	assert_string_equal(b.build, "MPSS.JO.");
	assert_string_equal(b.model, "");
	assert_ok(diag_build_id_parse(SLICE(p, 12), &b, &e), e);
	assert_string_equal(b.build, "");
	memset(p + 12, 'x', sizeof(p) - 12);
	assert_ok(diag_build_id_parse(SLICE(p, sizeof(p)), &b, &e), e);
	assert_int_equal(strlen(b.build), sizeof(b.build) - 1);
	assert_err(diag_build_id_parse(SLICE(p, 11), &b, &e), e, ERR_PROTO);
}

static void operating_mode_is_found_in_both_answers(void **state)
{
	uint8_t cm[44] = { 0x4b, 0x0f, 0, 0 }, snap[36] = { 0x63 };
	struct err e = ERR_INIT;
	uint32_t mode = 99;

	(void)state;
	cm[8] = 5;
	snap[33] = 1;
	assert_ok(diag_cm_state_parse(SLICE(cm, sizeof(cm)), &mode, &e), e);
	assert_int_equal(mode, DIAG_OPER_ONLINE);
	assert_ok(diag_snapshot_parse(SLICE(snap, sizeof(snap)), &mode, &e), e);
	assert_int_equal(mode, DIAG_OPER_FTM);
	assert_string_equal(diag_oper_mode_name(mode), "factory test mode");
	assert_string_equal(diag_oper_mode_name(8), "unknown mode");
	assert_err(diag_cm_state_parse(SLICE(cm, 11), &mode, &e), e, ERR_PROTO);
	assert_err(diag_snapshot_parse(SLICE(snap, 33), &mode, &e), e, ERR_PROTO);
}

/* The CRC of the packet, as it stands at the end of its frame. */
static unsigned crc_of(const struct writer *w)
{
	uint8_t out[512];
	struct writer f = writer_of(out, sizeof(out));
	uint8_t raw[4];
	size_t n = 0, i;

	assert_false(w->overflow);
	hdlc_build(&f, writer_slice(w), false);
	/* Unescape from the end: at most two bytes, each one or two on the wire. */
	for (i = f.n - 1; i > 0 && n < 2; i--) {
		uint8_t b = out[i - 1];

		if (i > 1 && out[i - 2] == 0x7d) {
			b ^= 0x20;
			i--;
		}
		raw[n++] = b;
	}
	return (unsigned)raw[0] << 8 | raw[1];
}

static void nv_requests_have_the_published_crc(void **state)
{
	static const uint8_t imei[NV_DATA_LEN] = { 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
	static const uint8_t zero[NV_DATA_LEN];

	(void)state;
	{
		ROOM(w);
		nv_read_build(&w, 178, 0);
		assert_int_equal(w.n, NV_PACKET_LEN);
		assert_int_equal(crc_of(&w), 0x6d69);
	}
	{
		ROOM(w);
		nv_read_build(&w, 550, 0);
		assert_int_equal(crc_of(&w), 0x2b3e);
	}
	{
		ROOM(w);
		nv_write_build(&w, 550, imei);
		assert_int_equal(crc_of(&w), 0xab74);
	}
	{
		ROOM(w);
		nv_write_build(&w, 453, zero);
		assert_int_equal(crc_of(&w), 0x2a1e);
	}
	{
		ROOM(w);
		nv_indexed_read_build(&w, 550, 1);
		assert_int_equal(w.n, NV_INDEXED_LEN);
		assert_int_equal(crc_of(&w), 0xc648);
	}
	{
		ROOM(w);
		nv_indexed_write_build(&w, 550, 1, imei);
		assert_int_equal(w.n, NV_INDEXED_LEN);
		assert_memory_equal(w.p, "\x4b\x30\x02\x00\x26\x02\x01\x00\x08\x4a", 10);
	}
	{
		ROOM(w);
		nv_read_build(&w, 550, 7);
		assert_int_equal(w.p[3], 7);
		assert_int_equal(w.n, NV_PACKET_LEN);
	}
}

static void nv_answers_at_every_length(void **state)
{
	uint8_t p[NV_INDEXED_LEN] = { 0x26, 0x26, 2, 8, 0x4a, 9, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
	struct nv_answer a;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	for (n = 0; n < NV_PACKET_LEN; n++)
		assert_err(nv_answer_parse(SLICE(p, n), 0x26, &a, &e), e, ERR_PROTO);
	assert_ok(nv_answer_parse(SLICE(p, NV_PACKET_LEN), 0x26, &a, &e), e);
	assert_int_equal(a.id, 550);
	assert_int_equal(a.status, NV_STATUS_DONE);
	assert_memory_equal(a.data, "\x08\x4a\x09", 3);
	assert_err(nv_answer_parse(SLICE(p, NV_PACKET_LEN), 0x27, &a, &e), e, ERR_PROTO);
	p[131] = 5;
	assert_ok(nv_answer_parse(SLICE(p, NV_PACKET_LEN), 0x26, &a, &e), e);
	assert_int_equal(a.status, NV_STATUS_NOT_ACTIVE);
	assert_string_equal(nv_status_text(5), "not active");
	assert_string_equal(nv_status_text(7), "read only");
	assert_string_equal(nv_status_text(11), "unknown status");

	memset(p, 0, sizeof(p));
	memcpy(p, "\x4b\x30\x01\x00\x26\x02\x01\x00", 8);
	p[136] = 6;
	for (n = 0; n < NV_INDEXED_LEN; n++)
		assert_err(nv_indexed_answer_parse(SLICE(p, n), 1, &a, &e), e, ERR_PROTO);
	assert_ok(nv_indexed_answer_parse(SLICE(p, NV_INDEXED_LEN), 1, &a, &e), e);
	assert_int_equal(a.id, 550);
	assert_int_equal(a.index, 1);
	assert_int_equal(a.status, NV_STATUS_BAD_PARM);
	assert_err(nv_indexed_answer_parse(SLICE(p, NV_INDEXED_LEN), 2, &a, &e), e, ERR_PROTO);
}

static void item_550_is_decoded_unset_or_malformed(void **state)
{
	static const struct {
		const char *bytes;
		enum nv_imei want;
		const char *digits;
	} rows[] = {
		{ "08 4A 09 51 24 30 32 57 81", NV_IMEI_DIGITS, "490154203237518" },
		{ "08 1A 32 54 76 98 10 32 74", NV_IMEI_DIGITS, "123456789012347" },
		{ "08 3A 65 39 08 53 46 83 90", NV_IMEI_DIGITS, "356938035643809" },
		{ "08 4A 09 51 24 30 32 57 81 00 00 00", NV_IMEI_DIGITS, "490154203237518" },
		{ "08 0A 00 00 00 00 00 00 00", NV_IMEI_UNSET, NULL },
		{ "00 00 00 00 00 00 00 00 00", NV_IMEI_UNSET, NULL },
		{ "FF FF FF FF FF FF FF FF FF", NV_IMEI_UNSET, NULL },
		{ "08 42 09 51 24 30 32 57 81", NV_IMEI_MALFORMED, NULL },
		{ "08 43 09 51 24 30 32 57 F1", NV_IMEI_MALFORMED, NULL },
		{ "07 4A 09 51 24 30 32 57 81", NV_IMEI_MALFORMED, NULL },
		{ "08 4A 09 51 24 3A 32 57 81", NV_IMEI_MALFORMED, NULL },
		{ "08 4A 09 51 24 30 32 57 F1", NV_IMEI_MALFORMED, NULL },
		{ "08 4A 09 51 24 30 32 57", NV_IMEI_MALFORMED, NULL },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct hex h = hex_of(rows[i].bytes);
		uint8_t back[NV_IMEI_LEN];
		char digits[16] = "untouched";

		assert_int_equal(nv_imei_decode(PAYLOAD(h), digits), rows[i].want);
		if (!rows[i].digits) {
			assert_string_equal(digits, "untouched");
			continue;
		}
		assert_string_equal(digits, rows[i].digits);
		assert_ok(nv_imei_encode(digits, back, &e), e);
		assert_memory_equal(back, h.p, NV_IMEI_LEN);
	}
	{
		uint8_t back[NV_IMEI_LEN];

		assert_err(nv_imei_encode("49015420323751", back, &e), e, ERR_USAGE);
		assert_err(nv_imei_encode("49015420323751x", back, &e), e, ERR_USAGE);
	}
}

static void at_lines_come_out_whole_at_every_cut(void **state)
{
	static const char text[] = "AT+CGMM\r\r\nEC25\r\n\r\n+QIND: SMS DONE\r\nOK\r\n";
	static const char *const want[] = { "AT+CGMM", "EC25", "+QIND: SMS DONE", "OK" };
	size_t cut;

	(void)state;
	for (cut = 0; cut < sizeof(text); cut++) {
		char room[64];
		struct at_rx rx;
		struct slice part[2] = { SLICE(text, cut), SLICE(text + cut, sizeof(text) - 1 - cut) };
		const char *line;
		size_t n = 0;
		int k;

		if (cut == sizeof(text) - 1)
			part[1].n = 0;
		at_rx_init(&rx, room, sizeof(room));
		for (k = 0; k < 2; k++)
			while (at_rx_feed(&rx, &part[k], &line) == AT_LINE)
				assert_string_equal(line, want[n++]);
		assert_int_equal(n, ARRAY_SIZE(want));
	}
}

static void at_overlong_lines_are_dropped_whole(void **state)
{
	char room[8];
	struct at_rx rx;
	struct slice in = SLICE_STR("0123456789abcdef\r\nOK\r\n");
	const char *line;

	(void)state;
	at_rx_init(&rx, room, sizeof(room));
	assert_int_equal(at_rx_feed(&rx, &in, &line), AT_TOO_LONG);
	assert_int_equal(at_rx_feed(&rx, &in, &line), AT_LINE);
	assert_string_equal(line, "OK");
}

static void at_lines_are_told_apart(void **state)
{
	static const struct {
		const char *line, *command;
		enum at_kind kind;
		int code;
	} rows[] = {
		{ "AT+CGMM", "AT+CGMM", AT_KIND_ECHO, -1 },
		{ "EC25", "AT+CGMM", AT_KIND_INFO, -1 },
		{ "OK", "AT", AT_KIND_OK, -1 },
		{ "ERROR", "AT", AT_KIND_ERROR, -1 },
		{ "+CME ERROR: 3", "AT+CFUN=1", AT_KIND_ERROR, 3 },
		{ "+CME ERROR: 0", "AT+CFUN=1", AT_KIND_ERROR, 0 },
		{ "+CMS ERROR: 500", "AT+CMGS", AT_KIND_ERROR, 500 },
		{ "+CME ERROR: SIM not inserted", "AT+CPIN?", AT_KIND_ERROR, -1 },
		{ "+CME ERROR: 99999999999", "AT", AT_KIND_ERROR, -1 },
		{ "RDY", "ATI", AT_KIND_URC, -1 },
		{ "POWERED DOWN", "AT+QPOWD", AT_KIND_URC, -1 },
		{ "+QIND: PB DONE", "ATI", AT_KIND_URC, -1 },
		{ "+CPIN: READY", "AT+CSQ", AT_KIND_URC, -1 },
		{ "+CPIN: READY", "AT+CPIN?", AT_KIND_INFO, -1 },
		{ "+CFUN: 5", "AT+CFUN?", AT_KIND_INFO, -1 },
		{ "+CFUN: 1", "AT+CSQ", AT_KIND_URC, -1 },
		{ "+CREG: 0,1", "AT+CREG?", AT_KIND_INFO, -1 },
		{ "+CREG: 2,1,\"12AB\",\"34CD\",7", "AT+CREG?", AT_KIND_INFO, -1 },
		{ "+CREG: 1", "AT+CREG?", AT_KIND_URC, -1 },
		{ "+CREG: 1,\"12AB\",\"34CD\",7", "AT+CREG?", AT_KIND_URC, -1 },
		{ "+CEREG: 0,1", "AT+CREG?", AT_KIND_URC, -1 },
		{ "+QCFG: \"band\",0x1,0x2", "AT+QCFG=\"band\"", AT_KIND_INFO, -1 },
		{ "+CSQ: 99,99", NULL, AT_KIND_URC, -1 },
		{ "OK", NULL, AT_KIND_URC, -1 },
	};
	struct at_result r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		at_classify(rows[i].line, rows[i].command, &r);
		if (r.kind != rows[i].kind || r.code != rows[i].code)
			fail_msg("'%s' after '%s': kind %d code %d", rows[i].line,
				 rows[i].command ? rows[i].command : "", r.kind, r.code);
	}
	at_classify("+CME ERROR: 23", "AT+CGSN", &r);
	assert_string_equal(r.text, "memory failure");
	at_classify("+CMS ERROR: 3", "AT", &r);
	assert_true(r.is_cms);
	assert_string_equal(r.text, "");
}

static void at_fields_are_split_outside_quotes(void **state)
{
	char f[16];

	(void)state;
	assert_string_equal(at_value("+EGMR: \"x\"", "EGMR"), "\"x\"");
	assert_null(at_value("+EGMRX: 1", "EGMR"));
	assert_true(at_field("\"a,b\", 2,\"\"", 0, f, sizeof(f)));
	assert_string_equal(f, "a,b");
	assert_true(at_field("\"a,b\", 2,\"\"", 1, f, sizeof(f)));
	assert_string_equal(f, "2");
	assert_true(at_field("\"a,b\", 2,\"\"", 2, f, sizeof(f)));
	assert_string_equal(f, "");
	assert_false(at_field("\"a,b\", 2,\"\"", 3, f, sizeof(f)));
	assert_true(at_field("0123456789012345678", 0, f, sizeof(f)));
	assert_int_equal(strlen(f), sizeof(f) - 1);
}

static void at_commands_that_destroy_are_recognised(void **state)
{
	static const char *const bad[] = {
		"AT+EGMR=1,7,\"490154203237518\"", "at+egmr = 1,7", "AT+QPRTPARA=1", "AT+QPRTPARA=13",
		"AT+QPRTPARA=3", "AT+QNVFW=\"/nv/x\",00", "AT+CSQ;+EGMR=1,7,\"1\"",
		"AT+CSQ; +QPRTPARA=1", "AT+QFASTBOOT", "AT+QNVFD=\"/x\"",
	};
	static const char *const fine[] = { "AT+EGMR=0,7", "AT+QPRTPARA=4", "AT+QPRTPARA=?", "ATI",
					    "AT+QNVFR=\"/nv/x\"", "AT+CFUN=1,1", "AT+EGMR=?", "" };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		if (!at_danger(bad[i]))
			fail_msg("'%s' passed as harmless", bad[i]);
	for (i = 0; i < ARRAY_SIZE(fine); i++)
		assert_null(at_danger(fine[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_code_is_an_error_with_its_own_words),
		cmocka_unit_test(errors_match_only_the_request_they_repeat),
		cmocka_unit_test(unasked_traffic_is_told_from_answers),
		cmocka_unit_test(unlock_and_mode_frames_as_published),
		cmocka_unit_test(edl_and_silence_frames_as_published),
		cmocka_unit_test(version_accepts_54_and_55_bytes_and_refuses_46),
		cmocka_unit_test(build_id_tolerates_missing_strings),
		cmocka_unit_test(operating_mode_is_found_in_both_answers),
		cmocka_unit_test(nv_requests_have_the_published_crc),
		cmocka_unit_test(nv_answers_at_every_length),
		cmocka_unit_test(item_550_is_decoded_unset_or_malformed),
		cmocka_unit_test(at_lines_come_out_whole_at_every_cut),
		cmocka_unit_test(at_overlong_lines_are_dropped_whole),
		cmocka_unit_test(at_lines_are_told_apart),
		cmocka_unit_test(at_fields_are_split_outside_quotes),
		cmocka_unit_test(at_commands_that_destroy_are_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
