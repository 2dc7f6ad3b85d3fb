#include "tests/unit/unit.h"

#include "cmd/exit.h"
#include "cmd/opts.h"
#include "cmd/table.h"

#include <string.h>

/* A table of our own, with every kind of option, in the place of the product's. */
static const char *const zlp_choices[] = { "auto", "on", "off", NULL };
static const struct opt read_opts[] = {
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .arg = "FILE", .help = "h" },
	{ .name = "lun", .kind = OPT_NUM, .arg = "N", .help = "h", .max = 7 },
	{ .name = "chunk",
	  .kind = OPT_SIZE,
	  .arg = "SIZE",
	  .help = "h",
	  .min = 512,
	  .max = 1 << 20 },
	{ .name = "zlp", .kind = OPT_CHOICE, .help = "h", .choices = zlp_choices },
	{ .name = "only", .kind = OPT_LIST, .arg = "NAME", .help = "h" },
	{ .name = "force", .letter = 'f', .kind = OPT_FLAG, .help = "h" },
	{ .name = NULL },
};
static const struct cmd rows[] = {
	{ .name = "list", .args = "", .summary = "s", .example = "e", .needs = TAKES_MODULES },
	{ .name = "part list", .args = "", .summary = "s", .example = "e", .needs = NEED_EDL },
	{ .name = "part read",
	  .args = "NAME FILE",
	  .summary = "s",
	  .example = "e",
	  .opts = read_opts,
	  .needs = NEED_EDL,
	  .min_args = 1,
	  .max_args = 2,
	  .exits = EXITS(STATUS_NODEV) },
	{ .name = "restore",
	  .args = "SNAPSHOT",
	  .summary = "s",
	  .example = "e",
	  .needs = NEED_EDL | CHANGES_STORAGE,
	  .min_args = 1,
	  .max_args = 1 },
	{ .name = "version", .args = "", .summary = "s", .example = "e" },
};

const struct cmd *table_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? &rows[i] : NULL;
}

const struct cmd *table_cmd(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows) && strcmp(rows[i].name, name) != 0; i++)
		;
	return table_at(i);
}

bool table_is_group(const char *word)
{
	return strcmp(word, "part") == 0;
}

#define PARSE(p, e, ...)                                                                           \
	({                                                                                         \
		const char *argv_[] = { "salvor", __VA_ARGS__, NULL };                             \
		opts_parse((int)ARRAY_SIZE(argv_) - 1, argv_, (p), (e));                           \
	})
#define assert_usage(text, ...)                                                                    \
	do {                                                                                       \
		struct parsed p_;                                                                  \
		struct err e_ = ERR_INIT;                                                          \
		assert_err(PARSE(&p_, &e_, __VA_ARGS__), e_, ERR_USAGE);                           \
		if (!strstr(e_.msg, text))                                                         \
			fail_msg("'%s' lacks '%s'", e_.msg, text);                                 \
		parsed_fini(&p_);                                                                  \
	} while (0)

static void opts_every_kind_is_parsed(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(PARSE(&p, &e, "part", "read", "efs2", "-o", "out.bin", "--lun=0x3", "--chunk",
			"64K", "--zlp", "off", "--only", "a", "--only=b", "-fvv"),
		  e);
	assert_string_equal(p.cmd->name, "part read");
	assert_int_equal(p.n_arg, 1);
	assert_string_equal(parsed_arg(&p, 0), "efs2");
	assert_null(parsed_arg(&p, 1));
	assert_string_equal(parsed_str(&p, "output"), "out.bin");
	assert_int_equal(parsed_num(&p, "lun", 9), 3);
	assert_int_equal(parsed_num(&p, "chunk", 0), 65536);
	assert_int_equal(parsed_choice(&p, "zlp", 0), 2);
	assert_string_equal(parsed_list_at(&p, "only", 0), "a");
	assert_string_equal(parsed_list_at(&p, "only", 1), "b");
	assert_null(parsed_list_at(&p, "only", 2));
	assert_true(parsed_flag(&p, "force"));
	assert_int_equal(parsed_count(&p, "verbose"), 2);
	assert_false(parsed_flag(&p, "json"));
	assert_int_equal(parsed_num(&p, "timeout", 5), 5);
	parsed_fini(&p);
}

static void opts_may_stand_before_and_between_the_verb_words(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	/* "read" after -o is a file name, not the verb's word; --port's value is no verb either. */
	assert_ok(PARSE(&p, &e, "--port", "list", "-o", "read", "part", "--json", "read", "efs2"),
		  e);
	assert_string_equal(p.cmd->name, "part read");
	assert_string_equal(parsed_str(&p, "port"), "list");
	assert_string_equal(parsed_str(&p, "output"), "read");
	assert_string_equal(parsed_arg(&p, 0), "efs2");
	assert_int_equal(p.n_arg, 1);
	parsed_fini(&p);
}

static void opts_double_dash_ends_options_and_a_dash_is_an_argument(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(PARSE(&p, &e, "part", "read", "-", "--", "--json"), e);
	assert_false(parsed_flag(&p, "json"));
	assert_string_equal(parsed_arg(&p, 0), "-");
	assert_string_equal(parsed_arg(&p, 1), "--json");
	parsed_fini(&p);
}

static void opts_unknown_things_are_errors_that_name_the_nearest(void **state)
{
	(void)state;
	assert_usage("did you mean --output?", "part", "read", "x", "--ouptut", "f");
	assert_usage("did you mean --timeout?", "list", "--timeuot", "3");
	assert_usage("did you mean 'version'?", "vresion");
	assert_usage("did you mean 'part read'?", "part", "raed");
	assert_usage("did you mean 'part'?", "prt", "read");
	assert_usage("'part list', 'part read'", "part");
	assert_usage("did you mean off?", "part", "read", "x", "--zlp", "of");
	assert_usage("there is no option -t", "list", "-t", "60");
	/* No abbreviations: a prefix is told, not taken. */
	assert_usage("did you mean --version?", "list", "--vers");
	assert_usage("there is no option --xqzw", "list", "--xqzw");
}

static void opts_bad_values_are_errors(void **state)
{
	(void)state;
	assert_usage("8 is not within 0..7", "part", "read", "x", "--lun", "8");
	assert_usage("--lun", "part", "read", "x", "--lun", "-1");
	assert_usage("--lun", "part", "read", "x", "--lun", "3x");
	assert_usage("not within 512..1048576", "part", "read", "x", "--chunk", "1");
	assert_usage("not a size", "part", "read", "x", "--chunk", "64Q");
	assert_usage("larger than any", "part", "read", "x", "--chunk", "18446744073709551615K");
	assert_usage("needs a value", "part", "read", "x", "--output");
	assert_usage("needs a value", "part", "read", "x", "-o");
	assert_usage("empty value", "part", "read", "x", "--output=");
	assert_usage("takes no value", "part", "read", "x", "--force=yes");
	assert_usage("given twice: '1-1' and '1-2'", "list", "--port", "1-1", "--port", "1-2");
}

static void opts_are_refused_where_they_mean_nothing(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	assert_usage("'list' does not take --output", "list", "--output", "f");
	assert_usage("'list' does not take --dry-run", "list", "--dry-run");
	assert_usage("'version' does not take --port", "version", "--port", "1-1");
	assert_ok(PARSE(&p, &e, "restore", "s.tar", "--dry-run", "--port", "1-1"), e);
	parsed_fini(&p);
}

static void opts_number_of_arguments_is_checked_except_for_help(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	assert_usage("needs NAME FILE", "part", "read");
	assert_usage("no use for 'c'", "part", "read", "a", "b", "c");
	assert_ok(PARSE(&p, &e, "part", "read", "--help"), e);
	assert_string_equal(p.cmd->name, "part read");
	parsed_fini(&p);
	assert_ok(PARSE(&p, &e, "part", "-h"), e);
	assert_null(p.cmd);
	assert_string_equal(p.group, "part");
	parsed_fini(&p);
	assert_ok(PARSE(&p, &e, "--version"), e);
	assert_null(p.cmd);
	parsed_fini(&p);
}

static void opts_failure_keeps_what_was_understood(void **state)
{
	struct parsed p;
	struct err e = ERR_INIT;

	(void)state;
	assert_err(PARSE(&p, &e, "list", "--json", "--nonsense"), e, ERR_USAGE);
	assert_string_equal(p.cmd->name, "list");
	assert_true(parsed_flag(&p, "json"));
	parsed_fini(&p);
}

static void sizes_are_powers_of_1024(void **state)
{
	struct err e = ERR_INIT;
	uint64_t v;

	(void)state;
	assert_ok(parse_size("512", &v, &e), e);
	assert_int_equal(v, 512);
	assert_ok(parse_size("2MiB", &v, &e), e);
	assert_int_equal(v, 2 << 20);
	assert_ok(parse_size("0x200", &v, &e), e);
	assert_int_equal(v, 512);
	assert_err(parse_size("", &v, &e), e, ERR_USAGE);
	assert_err(parse_size("K", &v, &e), e, ERR_USAGE);
	assert_err(parse_size("1KB", &v, &e), e, ERR_USAGE);
	assert_err(parse_size("-1", &v, &e), e, ERR_USAGE);
}

static void exit_status_follows_kind_and_phase(void **state)
{
	(void)state;
	assert_int_equal(exit_of(ERR_NONE, PHASE_WRITE), 0);
	assert_int_equal(exit_of(ERR_USAGE, PHASE_START), 2);
	assert_int_equal(exit_of(ERR_NODEV, PHASE_START), 3);
	assert_int_equal(exit_of(ERR_BUSY, PHASE_PREFLIGHT), 4);
	assert_int_equal(exit_of(ERR_MISMATCH, PHASE_PREFLIGHT), 5);
	assert_int_equal(exit_of(ERR_HOST, PHASE_PREFLIGHT), 5);
	assert_int_equal(exit_of(ERR_HOST, PHASE_START), 1);
	assert_int_equal(exit_of(ERR_BUG, PHASE_START), 1);
	assert_int_equal(exit_of(ERR_POLICY, PHASE_PREFLIGHT), 7);
	assert_int_equal(exit_of(ERR_PARTIAL, PHASE_START), 9);
	assert_int_equal(exit_of(ERR_TIMEOUT, PHASE_START), 12);
	assert_int_equal(exit_of(ERR_GONE, PHASE_PREFLIGHT), 12);
	assert_int_equal(exit_of(ERR_INTEGRITY, PHASE_VERIFY), 8);
	assert_int_equal(exit_of(ERR_GONE, PHASE_VERIFY), 8);
	assert_int_equal(exit_of(ERR_BUSY, PHASE_CATALOG), 10);
	assert_int_equal(exit_of(ERR_REFUSED, PHASE_KEY), 11);
}

static void exit_nothing_hides_that_writing_had_begun(void **state)
{
	enum err_kind k;

	(void)state;
	for (k = ERR_NONE + 1; k <= ERR_BUG; k++) {
		enum status want = k == ERR_CANCELLED ? STATUS_INTERRUPTED
						      : STATUS_MIDWRITE;

		assert_int_equal(exit_of(k, PHASE_WRITE), want);
	}
}

static void exit_every_status_that_can_come_is_in_the_table(void **state)
{
	enum err_kind k;
	unsigned phase;
	size_t i;

	(void)state;
	for (k = ERR_NONE; k <= ERR_BUG; k++) {
		for (phase = 0; phase < PHASE_N; phase++)
			assert_non_null(exit_row(exit_of(k, (enum phase)phase)));
	}
	for (i = 1; exit_row_at(i); i++)
		assert_true(exit_row_at(i)->status > exit_row_at(i - 1)->status);
	assert_true(exit_is_listed(0, STATUS_INTERRUPTED));
	assert_true(exit_is_listed(0, STATUS_USAGE));
	assert_false(exit_is_listed(0, STATUS_NODEV));
	assert_true(exit_is_listed(EXITS(STATUS_NODEV), STATUS_NODEV));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opts_every_kind_is_parsed),
		cmocka_unit_test(opts_may_stand_before_and_between_the_verb_words),
		cmocka_unit_test(opts_double_dash_ends_options_and_a_dash_is_an_argument),
		cmocka_unit_test(opts_unknown_things_are_errors_that_name_the_nearest),
		cmocka_unit_test(opts_bad_values_are_errors),
		cmocka_unit_test(opts_are_refused_where_they_mean_nothing),
		cmocka_unit_test(opts_number_of_arguments_is_checked_except_for_help),
		cmocka_unit_test(opts_failure_keeps_what_was_understood),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(exit_status_follows_kind_and_phase),
		cmocka_unit_test(exit_nothing_hides_that_writing_had_begun),
		cmocka_unit_test(exit_every_status_that_can_come_is_in_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
