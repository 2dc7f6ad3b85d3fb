/* XQCN as text: what QPST and other writers spell, and what must not pass. */
#include "tests/unit/qpst_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_text(struct slice text, const struct xqcn_opts *opts, struct qtree *ret,
		     struct qfindings *f, struct err *e)
{
	struct mem_source mem;

	mem_source_init(&mem, text);
	return xqcn_read(&mem.source, opts, ret, f, e);
}

static void synthetic_is_written_back_character_by_character(void **state)
{
	struct buf file = data_file("synthetic.xqcn"), again;
	struct qtree t = read_xqcn(buf_slice(&file));

	(void)state;
	again = written_xqcn(&t, NULL);
	assert_slice_equal(buf_slice(&again), file.p, file.n);
	buf_fini(&again);
	buf_fini(&file);
	qtree_fini(&t);
}

static void every_legal_spelling_gives_the_same_tree(void **state)
{
	static const char *const spelled[] = {
		"<Storage Name='r'><Storage Name='m'><Stream Length='3' Name='s' Value='00 AB FF'/>"
		"<Stream Length='0' Name='z' Value=''/></Storage></Storage>",
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- made by -- hand -->\n<Storage\n\tName = \"r\" >"
		"<Storage Name=\"m\"><Stream Value=\"00ABff \" Name=\"s\" Length=\"3\"></Stream>"
		"<Stream Name='z' Length='0' Value=' ' /></Storage></Storage>\n<?done?>\n",
		"\xEF\xBB\xBF<?xml version='1.0' encoding='windows-1252' ?>\r\n<Storage Name='&#x72;'>"
		"<Storage Name='&#109;'><Stream Length='003' Name='s' Value='\r\n00\tab\r\nFF\r\n'/>"
		"<Stream Length='0' Name='z'/></Storage></Storage>",
	};
	struct qtree first = read_xqcn(SLICE(spelled[0], strlen(spelled[0])));
	struct qnode *s = qtree_stream(&first, "m/s");
	size_t i;

	(void)state;
	assert_non_null(s);
	assert_slice_equal(qnode_bytes(s), "\x00\xAB\xFF", 3);
	assert_non_null(qtree_stream(&first, "m/z"));
	for (i = 1; i < ARRAY_SIZE(spelled); i++) {
		struct qtree t = read_xqcn(SLICE(spelled[i], strlen(spelled[i])));

		assert_same(&first, &t);
		assert_string_equal(t.root->name, "r");
		qtree_fini(&t);
	}
	qtree_fini(&first);
}

struct drip {
	struct source source;
	struct slice rest;
	size_t step;
};

static int drip_get(struct source *s, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct drip *d = container_of(s, struct drip, source);
	size_t n = MIN_OF(MIN_OF(cap, d->step), d->rest.n);

	if (d->step == 0)
		return err_set_code(e, ERR_HOST, 5, "disk error");
	memcpy(p, d->rest.p, n);
	d->rest = slice_sub(d->rest, n, d->rest.n);
	*ret_n = n;
	/* After a step of 3 bytes the disk breaks. */
	if (d->step == 3)
		d->step = 0;
	return 0;
}

static void result_does_not_depend_on_how_the_text_is_cut(void **state)
{
	struct buf file = data_file("synthetic.xqcn");
	struct qtree whole = read_xqcn(buf_slice(&file)), t;
	struct err e = ERR_INIT;
	size_t step;

	(void)state;
	for (step = 1; step < 50; step += 7) {
		struct drip d = { { drip_get }, buf_slice(&file), step };

		assert_ok(xqcn_read(&d.source, NULL, &t, NULL, &e), e);
		assert_same(&whole, &t);
		/* Offsets too: they are where a later edit writes. */
		assert_int_equal(qtree_stream(&t, "File_Version")->src,
				 qtree_stream(&whole, "File_Version")->src);
		qtree_fini(&t);
	}
	qtree_fini(&whole);
	buf_fini(&file);
}

static void an_error_of_the_source_is_not_taken_for_the_end(void **state)
{
	struct drip d = { { drip_get }, SLICE_STR("<Storage Name='r'/>"), 3 };
	struct err e = ERR_INIT;
	struct qtree t;

	(void)state;
	assert_err(xqcn_read(&d.source, NULL, &t, NULL, &e), e, ERR_HOST);
	assert_int_equal(e.code, 5);
}

static void names_survive_whatever_characters_they_have(void **state)
{
	static const char *const names[] = { "john's backup.xqcn", "a&b.xqcn", "<\"x\">.xqcn",
					     "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80.xqcn" };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct qtree t, again;
		struct buf text;

		qtree_init(&t, 0);
		add_stream(&t, add_storage(&t, add_storage(&t, NULL, names[i]), names[i]), names[i],
			   SLICE_STR("x"));
		text = written_xqcn(&t, NULL);
		again = read_xqcn(buf_slice(&text));
		assert_string_equal(again.root->name, names[i]);
		assert_same(&t, &again);
		/* The declaration says Windows-1252, which has no such bytes. */
		while (text.n)
			assert_true(text.p[--text.n] < 0x80);
		buf_fini(&text);
		qtree_fini(&again);
		/* The same from outside, where it need not be text. */
		text = written_xqcn(&t, "b\xE9"
					"d\x01.xqcn");
		again = read_xqcn(buf_slice(&text));
		assert_string_equal(again.root->name, "b?d?.xqcn");
		buf_fini(&text);
		qtree_fini(&again);
		qtree_fini(&t);
	}
	{
		struct qtree t = read_xqcn(SLICE_STR("<?xml version='1.0' encoding='Windows-1252'?>"
						     "<Storage Name='caf\xE9 \x80'/>"));

		assert_string_equal(t.root->name, "caf\xC3\xA9 \xE2\x82\xAC");
		qtree_fini(&t);
	}
	{
		struct buf b = BUF_INIT(4096);
		struct buf_sink to;
		struct qtree t;

		buf_sink_init(&to, &b);
		qtree_init(&t, 0);
		add_stream(&t, add_storage(&t, NULL, ""), "\x05Summary", SLICE_STR("x"));
		assert_err(xqcn_write(&t, NULL, &to.sink, &e), e, ERR_UNSUPPORTED);
		qtree_fini(&t);
		buf_fini(&b);
	}
}

#define IN(x) "<Storage Name='r'>\n" x "</Storage>"

static void malformed_files_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ IN("<Stream Length='2' Name='s' Value='3C ZZ 2F 3E'/>"), "line 2, 's'" },
		{ IN("<Stream Length='2' Name='s' Value='3C Z'/>"), "no hex digit" },
		{ IN("<Stream Length='1' Name='s' Value='3Z'/>"), "second digit is none" },
		{ IN("<Stream Length='1' Name='s' Value='3C 2'/>"), "second digit is missing" },
		{ IN("<Stream Length='1' Name='s' Value='3 C'/>"), "second digit is missing" },
		{ IN("<Stream Length='2' Name='s' Value='3C'/>"),
		  "Length says 2 bytes, Value holds 1" },
		{ IN("<Stream Length='0' Name='s' Value='3C'/>"),
		  "Length says 0 bytes, Value holds 1" },
		{ IN("<Stream Length='-1' Name='s' Value='3C'/>"), "Length is not a number" },
		{ IN("<Stream Length='' Name='s' Value=''/>"), "Length is empty" },
		{ IN("<Stream Length='99999999999999999999' Name='s' Value=''/>"), "not a number" },
		{ IN("<Stream Name='s' Value='3C'/>"), "without a Length" },
		{ IN("<Stream Length='1' Name='s'/>"), "without a Value" },
		{ IN("<Stream Length='0' Value=''/>"), "without a Name" },
		{ IN("<Stream Length='0' Name='' Value=''/>"), "without a name" },
		{ IN("<Stream Length='0' Name='s' Value='' Name='t'/>"), "'Name' is there twice" },
		{ IN("<Stream Length='0' Name='s' Value='' Value=''/>"), "'Value' is there twice" },
		{ IN("<Stream Length='0' Name='s' Value=''/><Stream Length='0' Name='s' Value=''/>"),
		  "two entries are called 's'" },
		{ IN("<Stream Length='0' Name='s' Value=''/><Storage Name='s'/>"), "two entries" },
		{ IN("<Stream Length='0' Name='s' Value=''><Storage Name='t'/></Stream>"),
		  "outside" },
		{ IN("<Other/>"), "'Other' has no place" },
		{ IN("<stream Length='0' Name='s' Value=''/>"), "'stream' has no place" },
		{ IN("<Storage Name='a&b'/>"), "'&' does not begin" },
		{ IN("<Storage Name='a&bomb;'/>"), "'&' does not begin" },
		{ IN("<Storage Name='&#0;'/>"), "no character" },
		{ IN("<Storage Name='&#xD800;'/>"), "no character" },
		{ IN("<Storage Name='a\nb'/>"), "character 0x0a in a name" },
		{ IN("<Storage Name='a<b'/>"), "in a name" },
		{ IN("<Storage Name=x/>"), "no quoted value" },
		{ IN("<Storage Name/>"), "no quoted value" },
		{ IN("<Storage 'x'/>"), "where a name belongs" },
		{ IN("text"), "outside of any element" },
		{ IN("<![CDATA[x]]>"), "refused" },
		{ IN("</Stream>"), "closes what is not open" },
		{ "<!DOCTYPE x [<!ENTITY a 'b'>]>" IN(""), "refused" },
		{ "<Stream Length='0' Name='s' Value=''/>", "outside a Storage" },
		{ IN("") "<Storage Name='r'/>", "outside a Storage" },
		{ IN("") "</Storage>", "closes what is not open" },
		{ IN("") "x", "outside of any element" },
		{ "<Storage Name='r'", "ends in the middle" },
		{ "<Storage Name='r'>", "ends in the middle" },
		{ "<Storage Name='r'><!-- ", "ends in the middle" },
		{ "<Storage Name='r'/ >", "'/' without '>'" },
		{ " \r\n ", "ends in the middle" },
		{ "", "empty" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		struct qtree t;

		assert_err(read_text(SLICE(rows[i].text, strlen(rows[i].text)), NULL, &t, NULL, &e),
			   e, ERR_PROTO);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].text, e.msg,
				 rows[i].says);
	}
}

static void utf16_text_is_named_as_such(void **state)
{
	struct err e = ERR_INIT;
	struct qtree t;

	(void)state;
	assert_err(read_text(SLICE("\xFF\xFE<\0", 4), NULL, &t, NULL, &e), e, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "UTF-16"));
}

static void repair_believes_the_value_and_says_so(void **state)
{
	static const char text[] = IN("<Stream Length='9' Name='a' Value='01 02'/>"
				      "<Stream Name='b' Value='03'/>"
				      "<Stream Length='1' Name='c' Value='04' Colour='red'/>");
	const struct xqcn_opts opts = { 0, true };
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;
	struct qtree t;

	(void)state;
	assert_ok(read_text(SLICE_STR(text), &opts, &t, &f, &e), e);
	assert_int_equal(qtree_stream(&t, "a")->n, 2);
	assert_int_equal(f.n, 3);
	assert_string_equal(f.v[0].code, "length");
	assert_string_equal(f.v[0].place, "a");
	assert_string_equal(f.v[1].place, "b");
	assert_string_equal(f.v[2].code, "unknown-attribute");
	assert_int_equal(f.worst, QFINDING_WARNING);
	qfindings_fini(&f);
	qtree_fini(&t);
}

static void attributes_of_any_size_are_read(void **state)
{
	/* 15 million characters; libxml2 would stop at ten. */
	size_t n = 5 * 1024 * 1024;
	uint8_t *bytes = some_bytes(n, 1);
	struct qtree t, again;
	struct buf text;

	(void)state;
	qtree_init(&t, 0);
	add_stream(&t, add_storage(&t, NULL, "r"), "large", SLICE(bytes, n));
	text = written_xqcn(&t, NULL);
	assert_true(text.n > 15 * 1024 * 1024);
	again = read_xqcn(buf_slice(&text));
	assert_same(&t, &again);
	qtree_fini(&again);
	qtree_fini(&t);
	buf_fini(&text);
	free(bytes);
}

static void put(struct buf *b, const char *text)
{
	struct err e = ERR_INIT;

	assert_ok(buf_add(b, text, strlen(text), &e), e);
}

static void memory_is_bounded_whatever_the_file_says(void **state)
{
	const struct xqcn_opts opts = { 100000, false };
	struct buf text = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	struct qtree t;
	unsigned i;

	(void)state;
	put(&text, "<Storage Name='r'>");
	for (i = 0; i < 10000; i++) {
		char line[64];

		snprintf(line, sizeof(line), "<Stream Length='0' Name='%06u' Value=''/>", i);
		put(&text, line);
	}
	assert_err(read_text(buf_slice(&text), &opts, &t, NULL, &e), e, ERR_PROTO);
	assert_non_null(strstr(e.msg, "100000 bytes"));
	text.n = 0;
	put(&text, "<Storage Name='r'><Stream Length='1' Name='x' Value='");
	for (i = 0; i < 150000; i++)
		put(&text, "00 ");
	assert_err(read_text(buf_slice(&text), &opts, &t, NULL, &e), e, ERR_PROTO);
	assert_non_null(strstr(e.msg, "100000"));
	text.n = 0;
	for (i = 0; i < 1000; i++)
		put(&text, "<Storage Name='r'>");
	assert_err(read_text(buf_slice(&text), NULL, &t, NULL, &e), e, ERR_PROTO);
	assert_non_null(strstr(e.msg, "nested"));
	buf_fini(&text);
}

/* In the middle of many zeros one cut is like the next. */
static bool is_row_of_zeros(struct slice around)
{
	size_t i;

	for (i = 0; i < around.n; i++) {
		if (around.p[i] != '0' && around.p[i] != ' ')
			return false;
	}
	return true;
}

static void every_truncation_fails(void **state)
{
	struct buf file = data_file("synthetic.xqcn");
	size_t n, whole = file.n - 2; /* the last line end says nothing */

	(void)state;
	for (n = 0; n < whole; n++) {
		struct err e = ERR_INIT;
		struct qtree t;

		if (n >= 12 && is_row_of_zeros(slice_sub(buf_slice(&file), n - 12, 24)))
			continue;
		assert_err(read_text(SLICE(file.p, n), NULL, &t, NULL, &e), e, ERR_PROTO);
	}
	buf_fini(&file);
}

static void poke_changes_the_digits_it_must_and_no_other_character(void **state)
{
	static const char before[] = IN("<Stream Value='aa bb\n CCdd  ee' Length='5' Name='s'/>"
					"<Stream Length='2' Name='t' Value='AA BB'/>");
	static const char after[] = IN("<Stream Value='aa 11\n CC22  ee' Length='5' Name='s'/>"
				       "<Stream Length='2' Name='t' Value='AA BB'/>");
	uint8_t text[sizeof(before)];
	struct err e = ERR_INIT;

	(void)state;
	memcpy(text, before, sizeof(before));
	/* 0xCC stays and keeps its spelling, small letters or not. */
	assert_ok(xqcn_poke(text, sizeof(before) - 1, "s", 0, SLICE("\xAA\x11\xCC\x22", 4), &e), e);
	assert_memory_equal(text, after, sizeof(after));
	assert_err(xqcn_poke(text, sizeof(before) - 1, "s", 2, SLICE("1234", 4), &e), e,
		   ERR_MISMATCH);
	assert_err(xqcn_poke(text, sizeof(before) - 1, "u", 0, SLICE("1", 1), &e), e, ERR_MISMATCH);
	assert_err(xqcn_poke(text, sizeof(before) - 4, "s", 0, SLICE("1", 1), &e), e, ERR_PROTO);
	assert_memory_equal(text, after, sizeof(after));
}

struct full_disk {
	struct sink sink;
	unsigned left;
};

static int full_disk_put(struct sink *s, _unused_ const void *p, _unused_ size_t n, struct err *e)
{
	struct full_disk *d = container_of(s, struct full_disk, sink);

	return d->left-- ? 0 : err_set_code(e, ERR_HOST, 28, "no space left");
}

static void a_full_disk_is_an_error_wherever_it_strikes(void **state)
{
	uint8_t *bytes = some_bytes(200000, 7);
	struct qtree t;
	unsigned left;
	int r;

	(void)state;
	qtree_init(&t, 0);
	add_stream(&t, add_storage(&t, NULL, "r"), "large", SLICE(bytes, 200000));
	for (left = 0;; left++) {
		struct full_disk d = { { full_disk_put }, left };
		struct err e = ERR_INIT;

		r = xqcn_write(&t, NULL, &d.sink, &e);
		if (r == 0)
			break;
		assert_int_equal(e.kind, ERR_HOST);
		assert_true(left < 100);
	}
	assert_true(left > 5);
	qtree_fini(&t);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(synthetic_is_written_back_character_by_character),
		cmocka_unit_test(every_legal_spelling_gives_the_same_tree),
		cmocka_unit_test(result_does_not_depend_on_how_the_text_is_cut),
		cmocka_unit_test(an_error_of_the_source_is_not_taken_for_the_end),
		cmocka_unit_test(names_survive_whatever_characters_they_have),
		cmocka_unit_test(malformed_files_are_refused_with_their_place),
		cmocka_unit_test(utf16_text_is_named_as_such),
		cmocka_unit_test(repair_believes_the_value_and_says_so),
		cmocka_unit_test(attributes_of_any_size_are_read),
		cmocka_unit_test(memory_is_bounded_whatever_the_file_says),
		cmocka_unit_test(every_truncation_fails),
		cmocka_unit_test(poke_changes_the_digits_it_must_and_no_other_character),
		cmocka_unit_test(a_full_disk_is_an_error_wherever_it_strikes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
