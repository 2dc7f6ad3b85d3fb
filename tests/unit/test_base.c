#include "tests/unit/unit.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/crc.h"
#include "base/digest.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/utf8.h"
#include "base/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void err_prefix_keeps_kind_and_code(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set_code(&e, ERR_REFUSED, 0x42, "answer %d", 5), -1);
	err_prefix(&e, "reading item %u", 550u);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(e.code, 0x42);
	assert_string_equal(e.msg, "reading item 550: answer 5");
}

static void err_overlong_messages_are_cut_not_overrun(void **state)
{
	struct err e = ERR_INIT;
	int i;

	(void)state;
	err_set(&e, ERR_BUG, "%0500d", 1);
	for (i = 0; i < 50; i++) {
		err_prefix(&e, "prefix that is long enough to push the rest out %d", i);
		err_append(&e, " and more");
	}
	assert_true(strlen(e.msg) < sizeof(e.msg));
}

static void err_errno_maps_to_kinds(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	err_set_errno(&e, ENOMEM, "x");
	assert_int_equal(e.kind, ERR_NOMEM);
	err_set_errno(&e, EACCES, "cannot open '%s'", "f");
	assert_int_equal(e.kind, ERR_HOST);
	assert_int_equal(e.code, EACCES);
	assert_string_equal(e.msg, "cannot open 'f': Permission denied");
}

static void cursor_never_reads_past_the_end(void **state)
{
	static const uint8_t b[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	size_t n;

	(void)state;
	for (n = 0; n <= sizeof(b); n++) {
		struct cursor c = cursor_of(SLICE(b, n));

		rd_le32(&c);
		rd_le32(&c);
		assert_int_equal(c.bad, n < 8);
		assert_int_equal(rd_left(&c), n < 8 ? 0 : n - 8);
	}
	struct cursor c = cursor_of(SLICE(b, sizeof(b)));
	assert_int_equal(rd_le16(&c), 0x0201);
	assert_int_equal(rd_be16(&c), 0x0304);
	assert_int_equal(rd_be32(&c), 0x05060708);
	assert_int_equal(rd_u8(&c), 9);
	assert_false(c.bad);
	assert_int_equal(rd_u8(&c), 0);
	assert_true(c.bad);
}

static void cursor_reads_little_endian_on_every_host(void **state)
{
	static const uint8_t b[] = { 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01 };
	struct cursor c = cursor_of(SLICE(b, sizeof(b)));

	(void)state;
	assert_true(rd_le64(&c) == UINT64_C(0x0123456789abcdef));
}

static void writer_stops_at_its_capacity(void **state)
{
	uint8_t room[6];
	struct writer w = writer_of(room, 5);

	(void)state;
	room[5] = 0x5a;
	wr_le32(&w, 0x04030201);
	wr_le16(&w, 0xffff);
	assert_true(w.overflow);
	assert_int_equal(w.n, 4);
	assert_memory_equal(room, "\1\2\3\4", 4);
	assert_int_equal(room[5], 0x5a);
}

static void buf_refuses_to_grow_past_its_ceiling(void **state)
{
	struct buf b = BUF_INIT(10);
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(buf_add(&b, "123456", 6, &e), e);
	assert_err(buf_add(&b, "12345", 5, &e), e, ERR_PROTO);
	assert_ok(buf_add(&b, "7890", 4, &e), e);
	buf_drop_front(&b, 8);
	assert_slice_equal(buf_slice(&b), "90", 2);
	buf_fini(&b);
}

static void numbers_are_numbers_or_errors(void **state)
{
	static const char *const bad[] = { "", " 1", "-1", "+1", "1x", "0x", "0xg", "99999999999999999999", "256" };
	struct err e = ERR_INIT;
	uint64_t v;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_err(parse_u64(bad[i], 255, &v, &e), e, ERR_USAGE);
	assert_ok(parse_u64("0x7F", 255, &v, &e), e);
	assert_int_equal(v, 127);
	assert_ok(parse_u64("010", 255, &v, &e), e);
	assert_int_equal(v, 10);
}

static void hex_odd_digits_and_junk_are_refused(void **state)
{
	struct err e = ERR_INIT;
	uint8_t out[4];
	size_t n;

	(void)state;
	assert_ok(hex_decode("01 fF\n", out, sizeof(out), &n, &e), e);
	assert_int_equal(n, 2);
	assert_int_equal(out[1], 0xff);
	assert_err(hex_decode("012", out, sizeof(out), &n, &e), e, ERR_USAGE);
	assert_err(hex_decode("zz", out, sizeof(out), &n, &e), e, ERR_USAGE);
	assert_err(hex_decode("0102030405", out, sizeof(out), &n, &e), e, ERR_USAGE);
}

static void crc_check_values(void **state)
{
	(void)state;
	/* Published check values of "123456789" for each convention. */
	assert_int_equal(crc32_update(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_update(crc32_update(0, "1234", 4), "56789", 5), 0xcbf43926);
	assert_int_equal(crc32_msb_update(0, "123456789", 9), 0x89a1897f);
	assert_int_equal(crc16_x25("123456789", 9), 0x906e);
}

static void digest_known_answers(void **state)
{
	struct digest d;
	char hex[DIGEST_HEX_MAX];

	(void)state;
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, "a", 1);
	digest_update(&d, "bc", 2);
	digest_final_hex(&d, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_init(&d, DIGEST_MD5);
	digest_update(&d, "abc", 3);
	digest_final_hex(&d, hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
}

static void xml_refuses_entities_doctype_and_size(void **state)
{
	static const char bomb[] = "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY a \"xxxx\">]>"
				   "<d v=\"&a;\"/>";
	struct xml_doc *doc;
	struct err e = ERR_INIT;

	(void)state;
	assert_err(xml_parse(SLICE_STR(bomb), 4096, &doc, &e), e, ERR_PROTO);
	assert_err(xml_parse(SLICE_STR("<a><b/></a>"), 5, &doc, &e), e, ERR_PROTO);
	assert_err(xml_parse(SLICE_STR("<a><b></a>"), 4096, &doc, &e), e, ERR_PROTO);
	assert_err(xml_parse(SLICE_STR(""), 4096, &doc, &e), e, ERR_PROTO);
}

static void xml_walks_elements_and_attributes(void **state)
{
	static const char text[] = "<data><!-- c --><log value=\"a &lt; &quot;b&quot;\"/> <r x=\"\" y=\"2\">t</r></data>";
	struct xml_doc *doc;
	struct err e = ERR_INIT;
	const struct xml_node *n;
	const char *name, *value;
	char *t;

	(void)state;
	assert_ok(xml_parse(SLICE_STR(text), 4096, &doc, &e), e);
	n = xml_child(xml_root(doc));
	assert_string_equal(xml_name(n), "log");
	assert_string_equal(xml_attr(n, "value"), "a < \"b\"");
	n = xml_next(n);
	assert_string_equal(xml_attr(n, "x"), "");
	assert_true(xml_attr_at(n, 1, &name, &value));
	assert_string_equal(name, "y");
	assert_false(xml_attr_at(n, 2, &name, &value));
	t = xml_text(n);
	assert_string_equal(t, "t");
	free(t);
	assert_null(xml_next(n));
	xml_free(doc);
}

static void json_round_trip_keeps_order_and_types(void **state)
{
	struct json *o = json_object_new(), *back, *arr;
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	json_put_str(o, "z", "\xff bad utf-8");
	json_put_u64(o, "a", 7);
	arr = json_put_array(o, "list");
	json_put_bool(json_add_object(arr), "yes", true);
	assert_ok(json_dump(o, 0, &text, &e), e);
	assert_string_equal(text, "{\"z\":\"? bad utf-8\",\"a\":7,\"list\":[{\"yes\":true}]}");
	assert_ok(json_parse(SLICE(text, strlen(text)), &back, &e), e);
	assert_int_equal(json_get_u64(back, "a", 0), 7);
	assert_true(json_get_bool(json_array_at(json_get(back, "list"), 0), "yes", false));
	assert_string_equal(json_key_at(back, 1), "a");
	assert_err(json_parse(SLICE_STR("{\"a\":1,\"a\":2}"), &back, &e), e, ERR_PROTO);
	json_free(back);
	json_free(o);
	free(text);
}

static char *scratch(void)
{
	static char dir[64];

	strcpy(dir, "/tmp/salvor-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

static void fs_files_appear_whole_or_not_at_all(void **state)
{
	struct err e = ERR_INIT;
	struct fs_new f;
	struct buf b = BUF_INIT(100);
	struct stat st;
	char *dir = scratch(), *path = fs_join(dir, "out");

	(void)state;
	assert_ok(fs_new_open(&f, path, false, &e), e);
	assert_int_equal(write(f.fd, "abc", 3), 3);
	assert_int_equal(access(path, F_OK), -1);
	assert_ok(fs_new_commit(&f, &e), e);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1);
	/* An existing file is refused before anything is written, and again at commit. */
	assert_err(fs_new_open(&f, path, false, &e), e, ERR_HOST);
	assert_int_equal(e.code, EEXIST);
	assert_ok(fs_write_file(path, SLICE_STR("second"), true, &e), e);
	assert_ok(fs_read_file(path, &b, &e), e);
	assert_slice_equal(buf_slice(&b), "second", 6);
	buf_fini(&b);
	unlink(path);
	assert_ok(fs_new_open(&f, path, false, &e), e);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_err(fs_new_commit(&f, &e), e, ERR_HOST);
	unlink(path);
	/* Nothing else was left behind. */
	assert_int_equal(rmdir(dir), 0);
	free(path);
}

static void fs_input_must_be_a_regular_file(void **state)
{
	struct err e = ERR_INIT;
	uint64_t size;
	int fd;
	char *dir = scratch(), *fifo = fs_join(dir, "fifo");

	(void)state;
	assert_err(fs_open_input(dir, &fd, &size, &e), e, ERR_HOST);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_err(fs_open_input(fifo, &fd, &size, &e), e, ERR_HOST);
	assert_err(fs_open_input("/nonexistent/x", &fd, &size, &e), e, ERR_HOST);
	assert_int_equal(e.code, ENOENT);
	unlink(fifo);
	rmdir(dir);
	free(fifo);
}

static void stream_digest_counts_what_passes(void **state)
{
	struct buf b = BUF_INIT(100);
	struct buf_sink to;
	struct digest_sink tee;
	struct mem_source from;
	struct err e = ERR_INIT;
	char hex[DIGEST_HEX_MAX], piece[2];
	size_t n;

	(void)state;
	mem_source_init(&from, SLICE_STR("abc"));
	buf_sink_init(&to, &b);
	digest_sink_init(&tee, DIGEST_MD5, &to.sink);
	for (;;) {
		assert_ok(source_get(&from.source, piece, sizeof(piece), &n, &e), e);
		if (n == 0)
			break;
		assert_ok(sink_put(&tee.sink, piece, n, &e), e);
	}
	digest_final_hex(&tee.digest, hex);
	assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
	assert_int_equal(tee.n, 3);
	assert_slice_equal(buf_slice(&b), "abc", 3);
	buf_fini(&b);
}

static void deadline_counts_down(void **state)
{
	struct deadline d = deadline_in(20), past = deadline_in(0);

	(void)state;
	assert_true(deadline_left(d) <= 20);
	assert_true(deadline_passed(past));
}

static void utf8_round_trips_and_refuses_what_is_no_character(void **state)
{
	static const uint32_t good[] = { 0, 'A', 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD,
					 0x10000, 0x10FFFF };
	static const char *const bad[] = { "\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
					   "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80",
					   "\xE2\x82", "\xE2\x82!" };
	uint8_t out[4];
	uint32_t c;
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		n = utf8_put(out, good[i]);
		assert_int_equal(utf8_get(SLICE(out, n), &c), n);
		assert_int_equal(c, good[i]);
		assert_int_equal(utf8_get(SLICE(out, n - 1), &c), 0);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(utf8_get(SLICE(bad[i], strlen(bad[i])), &c), 0);
	assert_int_equal(utf8_put(out, 0xD800), 0);
	assert_int_equal(utf8_put(out, 0x110000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_prefix_keeps_kind_and_code),
		cmocka_unit_test(err_overlong_messages_are_cut_not_overrun),
		cmocka_unit_test(err_errno_maps_to_kinds),
		cmocka_unit_test(cursor_never_reads_past_the_end),
		cmocka_unit_test(cursor_reads_little_endian_on_every_host),
		cmocka_unit_test(writer_stops_at_its_capacity),
		cmocka_unit_test(buf_refuses_to_grow_past_its_ceiling),
		cmocka_unit_test(numbers_are_numbers_or_errors),
		cmocka_unit_test(hex_odd_digits_and_junk_are_refused),
		cmocka_unit_test(crc_check_values),
		cmocka_unit_test(digest_known_answers),
		cmocka_unit_test(xml_refuses_entities_doctype_and_size),
		cmocka_unit_test(xml_walks_elements_and_attributes),
		cmocka_unit_test(json_round_trip_keeps_order_and_types),
		cmocka_unit_test(fs_files_appear_whole_or_not_at_all),
		cmocka_unit_test(fs_input_must_be_a_regular_file),
		cmocka_unit_test(stream_digest_counts_what_passes),
		cmocka_unit_test(deadline_counts_down),
		cmocka_unit_test(utf8_round_trips_and_refuses_what_is_no_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
