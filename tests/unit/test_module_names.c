#include "tests/unit/unit.h"

#include "model/imei.h"
#include "model/nv_names.h"
#include "model/revision.h"

#include <stdio.h>
#include <string.h>

/* Strings of at-quectel and users' reports; head, R, A, memory, letters, suffix. */
static const struct {
	const char *text, *head, *project;
	uint8_t r, a;
	const char *mem, *letters, *suffix;
} real[] = {
	{ "EC25EFAR06A17M4G_20.200.20.200", "EC25EFA", "EC25", 6, 17, "M4G", "", "20.200.20.200" },
	{ "EC25EFAR06A08M4G", "EC25EFA", "EC25", 6, 8, "M4G", "", "" },
	{ "EC25EFAR08A01M4G_01.001.01.001", "EC25EFA", "EC25", 8, 1, "M4G", "", "01.001.01.001" },
	{ "EC25EUGAR08A03M4G_01.200.01.200", "EC25EUGA", "EC25", 8, 3, "M4G", "", "01.200.01.200" },
	{ "EC25EUGAR08A03M4G_01.200", "EC25EUGA", "EC25", 8, 3, "M4G", "", "01.200" },
	{ "EC25EUXGAR08A09M1G", "EC25EUXGA", "EC25", 8, 9, "M1G", "", "" },
	{ "EC25AFXGAR07A03M1G", "EC25AFXGA", "EC25", 7, 3, "M1G", "", "" },
	{ "EC25EFAR06A01M4G_OCPU_01.001.01.001", "EC25EFA", "EC25", 6, 1, "M4G", "", "01.001.01.001" },
	{ "EC25AUXGAR08A07M1G_01.001.01.001", "EC25AUXGA", "EC25", 8, 7, "M1G", "", "01.001.01.001" },
	{ "EC20CEFAGR06A15M4G", "EC20CEFAG", "EC20", 6, 15, "M4G", "", "" },
	{ "EC20EQAR02A04E2G", "EC20EQA", "EC20", 2, 4, "E2G", "", "" },
	{ "EG25GGBR07A08M2G_01.003.01.003", "EG25GGB", "EG25", 7, 8, "M2G", "", "01.003.01.003" },
	{ "EG25GGBR07A08M2G_A0.303.A0.303", "EG25GGB", "EG25", 7, 8, "M2G", "", "A0.303.A0.303" },
	{ "EG91EFBR06A07M4G_01.007.01.007", "EG91EFB", "EG91", 6, 7, "M4G", "", "01.007.01.007" },
	{ "EG18EAPAR01A08M4G", "EG18EAPA", "EG18", 1, 8, "M4G", "", "" },
	{ "EP06ELAR04A20M4G", "EP06ELA", "EP06", 4, 20, "M4G", "", "" },
	{ "EG12EAPAR01A14M4G", "EG12EAPA", "EG12", 1, 14, "M4G", "", "" },
	{ "EM12GPAR01A09M4G_MSFT_01.001.01.001", "EM12GPA", "EM12", 1, 9, "M4G", "", "01.001.01.001" },
	{ "EM120RGLAPR02A07M4G_16.016.16.016", "EM120RGLAP", "EM120R", 2, 7, "M4G", "", "16.016.16.016" },
	{ "EM060KGLAAR01A12M2GA", "EM060KGLAA", "EM060K", 1, 12, "M2G", "A", "" },
	{ "RM500QGLABR11A06M4G", "RM500QGLAB", "RM500Q", 11, 6, "M4G", "", "" },
	{ "RM502QAEAAR13A02M4G", "RM502QAEAA", "RM502Q", 13, 2, "M4G", "", "" },
	{ "RM520NGLAAR01A08M4G_01.200.01.200", "RM520NGLAA", "RM520N", 1, 8, "M4G", "", "01.200.01.200" },
	{ "RM520NGLAAR01A06M4G_01.001", "RM520NGLAA", "RM520N", 1, 6, "M4G", "", "01.001" },
	{ "RM520NGLAPR01A03M4G_01.001.01.001", "RM520NGLAP", "RM520N", 1, 3, "M4G", "", "01.001.01.001" },
	{ "RM520NGLAAR03A02M4GA", "RM520NGLAA", "RM520N", 3, 2, "M4G", "A", "" },
	{ "RM520NGLAAR03A03M4G_JP", "RM520NGLAA", "RM520N", 3, 3, "M4G", "", "" },
	{ "RG255CGLABR01A04M4G_A0.300.A0.300", "RG255CGLAB", "RG255C", 1, 4, "M4G", "", "A0.300.A0.300" },
	{ "RG520NEBDCR03A05M4G_A0.300.A0.300", "RG520NEBDC", "RG520N", 3, 5, "M4G", "", "A0.300.A0.300" },
	{ "RM551EGL00AAR01A02M8G", "RM551EGL00AA", "RM551E", 1, 2, "M8G", "", "" },
	{ "RM551EGL00AAR01A04M8G_2025_07_15", "RM551EGL00AA", "RM551E", 1, 4, "M8G", "", "" },
	{ "RM550VGL01ABR01A02M4G_01.001.01.001", "RM550VGL01AB", "RM550V", 1, 2, "M4G", "", "01.001.01.001" },
	{ "RG650VNA01ACR02A04G8G", "RG650VNA01AC", "RG650V", 2, 4, "G8G", "", "" },
	{ "EG916QGLLGR01A03M04_01.001", "EG916QGLLG", "EG916Q", 1, 3, "M04", "", "01.001" },
	{ "BG770AGLAAR02A01_01.204", "BG770AGLAA", "BG770A", 2, 1, "", "", "01.204" },
	{ "M520NGLAAR01A08M4G", "M520NGLAA", "", 1, 8, "M4G", "", "" },
	{ "RM502Q-EAR01A02M4G", "RM502Q-EA", "RM502Q", 1, 2, "M4G", "", "" },
};

static void every_published_revision_is_taken_apart(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(real); i++) {
		struct revision v;
		struct err e = ERR_INIT;

		assert_ok(revision_parse(real[i].text, &v, &e), e);
		assert_string_equal(v.text, real[i].text);
		assert_string_equal(v.head, real[i].head);
		assert_string_equal(v.project, real[i].project);
		assert_int_equal(v.r, real[i].r);
		assert_int_equal(v.a, real[i].a);
		assert_string_equal(v.mem, real[i].mem);
		assert_string_equal(v.letters, real[i].letters);
		assert_string_equal(v.suffix, real[i].suffix);
	}
}

static void what_is_no_revision_is_unknown(void **state)
{
	static const char *const bad[] = {
		"", " ", "R06A17M4G", "EC25EFA", "EC25EFAR6A17M4G", "EC25EFAR06A17M4G_", "EC25EFAR06A17x",
		"ec25efar06a17m4g", "EC25EFAR06A17M4G 20.200", "EC25EFAR06A17M4G\x01", "OK", "ERROR",
		"EC25 EFAR06A17M4G", "EC25EFAR06A17M4G-01",
	};
	char longer[200];
	struct revision v;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_err(revision_parse(bad[i], &v, &e), e, ERR_PROTO);
	memset(longer, 'A', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_err(revision_parse(longer, &v, &e), e, ERR_PROTO);
}

static struct revision rev(const char *text)
{
	struct revision v;
	struct err e = ERR_INIT;

	assert_ok(revision_parse(text, &v, &e), e);
	return v;
}

static void prefix_and_blanks_of_an_answer_are_removed(void **state)
{
	struct revision v = rev("Revision: EC25EFAR06A08M4G \r");

	(void)state;
	assert_string_equal(v.text, "EC25EFAR06A08M4G");
}

static void order_exists_only_inside_one_line_and_family(void **state)
{
	static const struct {
		const char *a, *b;
		enum revision_order want;
	} rows[] = {
		{ "EC25EFAR06A08M4G", "EC25EFAR06A17M4G", REVISION_OLDER },
		{ "EC25EFAR06A17M4G_20.200.20.200", "EC25EFAR06A08M4G", REVISION_NEWER },
		{ "EC25EFAR06A17M4G", "EC25EFAR06A17M4G", REVISION_SAME },
		/* The pair that left a module dead: another release line. */
		{ "EC25EFAR06A17M4G_20.200.20.200", "EC25EFAR08A01M4G_01.001.01.001", REVISION_UNORDERED },
		{ "RM520NGLAAR01A08M4G", "RM520NGLAPR01A08M4G", REVISION_UNORDERED },
		{ "EC25EUXGAR08A09M1G", "EC25EUXGAR08A09M4G", REVISION_UNORDERED },
		{ "RM520NGLAAR03A02M4GA", "RM520NGLAAR03A03M4G", REVISION_UNORDERED },
		{ "RM520NGLAAR03A03M4G_01.201.01.201", "RM520NGLAAR03A03M4G_01.204.01.204", REVISION_OLDER },
		{ "RM520NGLAAR03A03M4G_01.201.01.201", "RM520NGLAAR03A03M4G_A0.304.A0.304", REVISION_UNORDERED },
		{ "RM551EGL00AAR01A02M8G", "RM551EGL00AAR01A04M8G_2025_07_15", REVISION_UNORDERED },
		{ "EC25EFAR06A08M4G_BETA_20240101A", "EC25EFAR06A17M4G", REVISION_UNORDERED },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct revision a = rev(rows[i].a), b = rev(rows[i].b);

		if (revision_compare(&a, &b) != rows[i].want)
			fail_msg("%s against %s: %d", rows[i].a, rows[i].b, revision_compare(&a, &b));
		if (rows[i].want == REVISION_OLDER)
			assert_int_equal(revision_compare(&b, &a), REVISION_NEWER);
		if (rows[i].want == REVISION_UNORDERED)
			assert_int_equal(revision_compare(&b, &a), REVISION_UNORDERED);
	}
}

static void makers_and_start_up_suffixes_are_noticed(void **state)
{
	struct revision v = rev("RG500UEAABR03A04M4G_01.001.01.001");

	(void)state;
	assert_true(v.foreign);
	v = rev("EC25EFAR06A08M4G_01.016.00.000");
	assert_true(v.qualcomm);
	assert_true(v.transient);
	v = rev("M520NGLAAR01A08M4G");
	assert_false(v.qualcomm || v.foreign);
}

static void tokens_are_explained_in_order(void **state)
{
	struct revision v = rev("EC25EFAR06A01M4G_OCPU_01.001.01.001");
	struct revision_token t[REVISION_TOKENS_MAX];
	static const char *const want[] = { "EC25", "EFA", "R06", "A01", "M4G", "OCPU", "01.001.01.001" };
	size_t i, n = revision_explain(&v, t);

	(void)state;
	assert_int_equal(n, ARRAY_SIZE(want));
	for (i = 0; i < n; i++) {
		assert_string_equal(t[i].text, want[i]);
		assert_true(t[i].meaning[0]);
	}
	/* More parts than there are places. */
	v = rev("EC25EFAR06A01M4G_a_b_c_d_e_f_g_h_i_j_k_l_m_n");
	assert_int_equal(revision_explain(&v, t), REVISION_TOKENS_MAX);
}

static void imeis_are_fifteen_digits_with_a_check_digit(void **state)
{
	static const char *const bad[] = {
		"8667580433983366", /* 16 digits that pass Luhn by accident */
		"866425030123456",  /* wrong check digit */
		"49015420323751", "49015420323751890", "", "49015420323751x", "490154203237519",
		"4901542032375181234567890",
	};
	struct imei im;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_err(imei_parse(bad[i], &im, &e), e, ERR_USAGE);
		assert_false(imei_is_valid(bad[i]));
	}
	assert_ok(imei_parse("49-015420-323751-8", &im, &e), e);
	assert_string_equal(im.digits, "490154203237518");
	assert_true(imei_is_valid("356938035643809"));
	assert_int_equal(imei_check_digit("49015420323751"), '8');
	assert_int_equal(imei_check_digit("12345678901234"), '7');
	assert_err(imei_parse("8667580433983366", &im, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "IMEISV"));
	assert_err(imei_parse("49015420323751", &im, &e), e, ERR_USAGE);
	assert_non_null(strstr(e.msg, "would be 8"));
}

static void placeholders_and_test_numbers_are_no_identity(void **state)
{
	char out[32];

	(void)state;
	assert_true(imei_is_placeholder("000000000000000"));
	assert_true(imei_is_placeholder("111111111111111"));
	assert_true(imei_is_placeholder("123456789012347"));
	assert_false(imei_is_placeholder("490154203237518"));
	assert_false(imei_is_placeholder(""));
	assert_true(imei_is_test("001010123456789"));
	assert_false(imei_is_test("490154203237518"));
	imei_mask("490154203237518", out);
	assert_string_equal(out, "49015420*******");
	imei_mask("", out);
	assert_string_equal(out, "");
	imei_mask("1234567890123456789012345678901234567890", out);
	assert_int_equal(strlen(out), 31);
}

static void nv_table_is_sorted_and_guards_identity(void **state)
{
	size_t n, i;
	const struct nv_name *t = nv_names(&n);

	(void)state;
	for (i = 1; i < n; i++)
		assert_true(t[i - 1].id < t[i].id);
	for (i = 0; i < n; i++)
		assert_ptr_equal(nv_name_find(t[i].id), &t[i]);
	assert_true(nv_is_identity(550));
	assert_true(nv_is_identity(2824));
	assert_true(nv_is_identity(85));
	assert_true(nv_is_secret(85));
	assert_false(nv_is_secret(550));
	assert_false(nv_is_identity(453));
	assert_false(nv_is_identity(551));
	assert_false(nv_may_scan(3252));
	assert_true(nv_may_scan(550));
	assert_string_equal(nv_class_name(nv_name_find(1878)->cls), "hardware");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_published_revision_is_taken_apart),
		cmocka_unit_test(what_is_no_revision_is_unknown),
		cmocka_unit_test(prefix_and_blanks_of_an_answer_are_removed),
		cmocka_unit_test(order_exists_only_inside_one_line_and_family),
		cmocka_unit_test(makers_and_start_up_suffixes_are_noticed),
		cmocka_unit_test(tokens_are_explained_in_order),
		cmocka_unit_test(imeis_are_fifteen_digits_with_a_check_digit),
		cmocka_unit_test(placeholders_and_test_numbers_are_no_identity),
		cmocka_unit_test(nv_table_is_sorted_and_guards_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
