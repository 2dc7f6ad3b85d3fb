#include "tests/unit/unit.h"

#include "base/clock.h"
#include "base/json.h"
#include "cmd/guard.h"
#include "cmd/logsink.h"
#include "cmd/meter.h"
#include "cmd/render.h"
#include "cmd/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A renderer whose two outputs are memory. */
struct bench {
	struct render *r;
	FILE *out, *err;
	char *out_text, *err_text;
	size_t out_n, err_n;
};

static void bench_open(struct bench *b, struct render_conf conf)
{
	struct err e = ERR_INIT;

	b->out = open_memstream(&b->out_text, &b->out_n);
	b->err = open_memstream(&b->err_text, &b->err_n);
	conf.out = b->out;
	conf.err = b->err;
	if (!conf.force_tty)
		conf.force_tty = -1;
	if (!conf.progress_fd)
		conf.progress_fd = -1;
	assert_ok(render_new(&conf, &b->r, &e), e);
}

static void bench_flush(struct bench *b)
{
	fflush(b->out);
	fflush(b->err);
}

static void bench_close(struct bench *b)
{
	render_free(b->r);
	fclose(b->out);
	fclose(b->err);
	free(b->out_text);
	free(b->err_text);
}

static const struct render_col cols[] = {
	{ "name", "NAME", false },
	{ "size", "SIZE", true },
	{ "kept", "KEPT", false },
};

static void say_something(struct render *r)
{
	render_str(r, "model", "Model", "EC25");
	render_section(r, "flash", "Flash");
	render_size(r, "bytes", "Size", 11 << 20);
	render_str(r, "vendor", "Vendor", NULL);
	render_section_end(r);
	render_table(r, "parts", cols, 3);
	render_cell_str(r, "efs2");
	render_cell_size(r, 1536);
	render_cell_bool(r, true);
	render_cell_str(r, "a");
	render_cell_u64(r, 7);
	render_cell_bool(r, false);
	render_table_end(r, "none");
	render_note(r, "two partitions");
}

static void render_speaks_text_to_people(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	say_something(b.r);
	assert_ok(render_finish(b.r, STATUS_OK, NULL, &e), e);
	bench_flush(&b);
	assert_string_equal(b.out_text, "Model:               EC25\n"
					"Flash\n"
					"  Size:                11.0 MiB\n"
					"  Vendor:              -\n"
					"NAME     SIZE  KEPT\n"
					"efs2  1.5 KiB  yes\n"
					"a           7  no\n"
					"two partitions\n");
	bench_close(&b);
}

static void render_speaks_one_json_document_to_programs(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x", .json = true });
	say_something(b.r);
	assert_ok(render_finish(b.r, STATUS_OK, NULL, &e), e);
	bench_flush(&b);
	assert_string_equal(
		b.out_text,
		"{\"salvor\":\"" PACKAGE_VERSION "\",\"schema\":1,\"verb\":\"x\",\"status\":0,"
		"\"error\":null,\"result\":{\"model\":\"EC25\",\"flash\":{\"bytes\":11534336,"
		"\"vendor\":null},\"parts\":[{\"name\":\"efs2\",\"size\":1536,\"kept\":true},"
		"{\"name\":\"a\",\"size\":7,\"kept\":false}]}}\n");
	assert_string_equal(b.err_text, "");
	bench_close(&b);
}

static void render_envelope_carries_the_error_and_what_was_known(void **state)
{
	struct bench b;
	struct err e = ERR_INIT, why = ERR_INIT;
	struct json *root;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "backup", .json = true });
	render_u64(b.r, "items", "Items", 3);
	err_set_code(&why, ERR_GONE, 19, "the module left");
	assert_ok(render_finish(b.r, STATUS_LINK, &why, &e), e);
	bench_flush(&b);
	assert_ok(json_parse(SLICE(b.out_text, b.out_n), &root, &e), e);
	assert_int_equal(json_get_u64(root, "status", 0), 12);
	assert_string_equal(json_get_str(json_get(root, "error"), "kind", ""), "gone");
	assert_int_equal(json_get_u64(json_get(root, "error"), "code", 0), 19);
	assert_string_equal(json_get_str(json_get(root, "error"), "message", ""),
			    "the module left");
	assert_int_equal(json_get_u64(json_get(root, "result"), "items", 0), 3);
	json_free(root);
	bench_close(&b);
}

static void render_error_says_state_cause_and_next_step(void **state)
{
	struct bench b;
	struct err why = ERR_INIT;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	err_set(&why, ERR_GONE, "sector 5: the module left");
	render_error(b.r, &why, STATUS_MIDWRITE, NULL);
	render_error(b.r, &why, STATUS_LINK, "salvor doctor");
	bench_flush(&b);
	assert_string_equal(b.out_text, "");
	assert_non_null(strstr(b.err_text, "salvor: sector 5: the module left\n  state: "));
	assert_non_null(strstr(b.err_text, "run the same command again"));
	assert_non_null(strstr(b.err_text, "next:  salvor doctor\n"));
	bench_close(&b);
}

static void render_colours_follow_tty_and_options(void **state)
{
	static const struct {
		int tty;
		enum render_color color;
		const char *no_color;
		bool want;
	} cases[] = {
		{ 1, RENDER_COLOR_AUTO, NULL, true },   { -1, RENDER_COLOR_AUTO, NULL, false },
		{ 1, RENDER_COLOR_AUTO, "1", false },   { 1, RENDER_COLOR_AUTO, "", true },
		{ -1, RENDER_COLOR_ALWAYS, "1", true }, { 1, RENDER_COLOR_NEVER, NULL, false },
	};
	struct bench b;
	char buf[64];
	size_t i;

	(void)state;
	setenv("TERM", "xterm", 1);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].no_color)
			setenv("NO_COLOR", cases[i].no_color, 1);
		else
			unsetenv("NO_COLOR");
		bench_open(&b, (struct render_conf){ .force_tty = cases[i].tty,
						     .color = cases[i].color });
		render_line(b.r, "%s", render_tone(b.r, TONE_GOOD, "ok", buf, sizeof(buf)));
		bench_flush(&b);
		assert_string_equal(b.out_text, cases[i].want ? "\033[32mok\033[0m\n" : "ok\n");
		bench_close(&b);
	}
	unsetenv("NO_COLOR");
}

static void render_control_characters_from_a_module_do_nothing(void **state)
{
	struct bench b;
	char text[] = "a\033[2Jb\x9b\xc2\x85\r\n\xc3\xa9\x7f";

	(void)state;
	bench_open(&b, (struct render_conf){ .force_tty = 1, .color = RENDER_COLOR_ALWAYS });
	render_str(b.r, "k", "K", "x\033]0;owned\007\033[31my");
	bench_flush(&b);
	assert_non_null(strstr(b.out_text, "x?]0;owned?\033[31my"));
	bench_close(&b);
	text_clean(text, false);
	assert_string_equal(text, "a?[2Jb???\?\?\xc3\xa9?");
}

static void render_data_on_stdout_excludes_json_and_terminals(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;
	struct sink *s;

	(void)state;
	bench_open(&b, (struct render_conf){ .json = true });
	assert_err(render_raw(b.r, &s, &e), e, ERR_USAGE);
	bench_close(&b);
	bench_open(&b, (struct render_conf){ .force_tty = 1 });
	assert_err(render_raw(b.r, &s, &e), e, ERR_USAGE);
	bench_close(&b);
	bench_open(&b, (struct render_conf){ .force_tty = -1 });
	assert_ok(render_raw(b.r, &s, &e), e);
	render_line(b.r, "for people");
	bench_flush(&b);
	assert_string_equal(b.out_text, "");
	assert_string_equal(b.err_text, "for people\n");
	bench_close(&b);
}

static void render_a_full_stdout_is_an_error(void **state)
{
	struct render_conf conf = { .progress_fd = -1, .force_tty = -1 };
	struct render *r;
	struct err e = ERR_INIT;

	(void)state;
	conf.out = fopen("/dev/full", "w");
	if (!conf.out)
		skip();
	assert_ok(render_new(&conf, &r, &e), e);
	render_line(r, "text");
	assert_err(render_finish(r, STATUS_OK, NULL, &e), e, ERR_HOST);
	render_free(r);
	fclose(conf.out);
}

static void meter_tells_bytes_rate_and_time_left(void **state)
{
	struct meter m = { .what = "efs2",
			   .total = 11 << 20,
			   .done = 5767168,
			   .start_ms = 1000,
			   .data_ms = 5900,
			   .heartbeat_ms = 30000 };
	char line[256];

	(void)state;
	meter_line(&m, 6000, line, sizeof(line));
	assert_string_equal(line, "efs2  5.5 MiB of 11.0 MiB  50%  1.1 MiB/s  0:05 left");
	m.data_ms = 6000;
	meter_line(&m, 37000, line, sizeof(line));
	assert_string_equal(
		line,
		"efs2  5.5 MiB of 11.0 MiB  50%  no data for 31 s: still waiting, do not unplug");
	m.total = 0;
	meter_line(&m, 6000, line, sizeof(line));
	assert_string_equal(line, "efs2  5.5 MiB  1.1 MiB/s");
	meter_line(&m, 6000, line, 12);
	assert_int_equal(strlen(line), 11);
}

static void meter_speaks_up_by_itself_when_no_data_comes(void **state)
{
	struct bench b;
	struct progress *p;

	(void)state;
	bench_open(&b, (struct render_conf){ .heartbeat_ms = 20 });
	p = render_progress(b.r);
	progress_begin(p, "efs2", 1000);
	progress_step(p, 10);
	clock_sleep_ms(120);
	progress_end(p, false);
	bench_flush(&b);
	assert_non_null(strstr(b.err_text, "no data for 0 s: still waiting"));
	assert_non_null(strstr(b.err_text, "efs2  stopped after 10 B\n"));
	assert_string_equal(b.out_text, "");
	bench_close(&b);
}

static void meter_redraws_on_a_tty_and_only_there(void **state)
{
	struct bench b;
	struct progress *p;
	int tty;

	(void)state;
	for (tty = -1; tty <= 1; tty += 2) {
		bench_open(&b, (struct render_conf){ .force_tty = tty });
		p = render_progress(b.r);
		progress_begin(p, "efs2", 4 << 20);
		progress_step(p, 4 << 20);
		render_diag(b.r, "a line between");
		progress_end(p, true);
		bench_flush(&b);
		assert_int_equal(strchr(b.err_text, '\r') != NULL, tty > 0);
		assert_non_null(strstr(b.err_text, "a line between\n"));
		assert_non_null(strstr(b.err_text, "efs2  4.0 MiB in 0:00"));
		bench_close(&b);
	}
}

static void meter_quiet_says_nothing(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, (struct render_conf){ .quiet = true, .force_tty = 1 });
	progress_begin(render_progress(b.r), "efs2", 4 << 20);
	progress_end(render_progress(b.r), false);
	render_note(b.r, "by the way");
	bench_flush(&b);
	assert_string_equal(b.err_text, "");
	assert_string_equal(b.out_text, "");
	bench_close(&b);
}

static void meter_events_are_json_lines(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;
	struct json *root;
	char text[2048], *line, *rest;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	bench_open(&b, (struct render_conf){ .quiet = true, .progress_fd = fds[1] });
	progress_begin(render_progress(b.r), "a \"name\"", 100);
	progress_step(render_progress(b.r), 100);
	progress_end(render_progress(b.r), true);
	bench_close(&b);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	assert_true(n > 0);
	text[n] = '\0';
	line = strtok_r(text, "\n", &rest);
	assert_ok(json_parse(SLICE(line, strlen(line)), &root, &e), e);
	assert_string_equal(json_get_str(root, "event", ""), "begin");
	assert_string_equal(json_get_str(root, "what", ""), "a \"name\"");
	json_free(root);
	line = strtok_r(NULL, "\n", &rest);
	assert_ok(json_parse(SLICE(line, strlen(line)), &root, &e), e);
	assert_string_equal(json_get_str(root, "event", ""), "end");
	assert_int_equal(json_get_u64(root, "done", 0), 100);
	json_free(root);
	assert_null(strtok_r(NULL, "\n", &rest));
}

static const struct guard_step steps[] = {
	{ "erase", "efs2", "lun 0 sectors 64..127", 0, NULL },
	{ "write", "efs2", "lun 0 sectors 64..127", 1 << 20, "0123456789abcdef0123" },
};
static const struct guard_plan plain_plan = { "restore efs2", steps, 2, NULL, NULL };
static const struct guard_plan loss_plan = { "wipe", steps, 1, "the calibration", "wipe-efs2" };

/* Runs the guard with `answer` on its input. */
static int ask(struct bench *b, struct guard g, const char *answer, const struct guard_plan *plan,
	       enum guard_verdict *v, struct err *e)
{
	char copy[64];
	int rc;

	snprintf(copy, sizeof(copy), "%s", answer);
	g.render = b->r;
	g.in = fmemopen(copy, strlen(copy) ? strlen(copy) : 1, "r");
	rc = guard_ask(&g, plan, v, e);
	assert_true(g.was_asked);
	fclose(g.in);
	bench_flush(b);
	return rc;
}

static void guard_without_a_terminal_refuses(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;
	enum guard_verdict v;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	assert_err(ask(&b, (struct guard){ .is_tty = false }, "y\n", &plain_plan, &v, &e), e,
		   ERR_POLICY);
	assert_non_null(strstr(e.msg, "--yes"));
	assert_ok(ask(&b, (struct guard){ .yes = true }, "", &plain_plan, &v, &e), e);
	assert_int_equal(v, GUARD_GO);
	bench_close(&b);
}

static void guard_yes_does_not_accept_a_loss(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;
	enum guard_verdict v;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	assert_err(ask(&b, (struct guard){ .yes = true }, "", &loss_plan, &v, &e), e, ERR_POLICY);
	assert_non_null(strstr(e.msg, "--accept-loss wipe-efs2"));
	assert_err(ask(&b, (struct guard){ .yes = true, .is_tty = true }, "y\n", &loss_plan, &v,
		       &e),
		   e, ERR_POLICY);
	assert_err(ask(&b, (struct guard){ .yes = true, .accept_loss = "other" }, "", &loss_plan,
		       &v, &e),
		   e, ERR_POLICY);
	/* The word alone is not the ordinary consent of a script. */
	assert_err(ask(&b, (struct guard){ .accept_loss = "wipe-efs2" }, "", &loss_plan, &v, &e), e,
		   ERR_POLICY);
	assert_ok(ask(&b, (struct guard){ .yes = true, .accept_loss = "wipe-efs2" }, "", &loss_plan,
		      &v, &e),
		  e);
	assert_int_equal(v, GUARD_GO);
	assert_ok(ask(&b, (struct guard){ .is_tty = true }, "wipe-efs2\n", &loss_plan, &v, &e), e);
	bench_close(&b);
}

static void guard_a_person_is_shown_the_plan_and_asked(void **state)
{
	static const char *const no[] = { "\n", "n\n", "nay\n", "", "Y e s\n" };
	struct bench b;
	struct err e = ERR_INIT;
	enum guard_verdict v = GUARD_DRY_RUN;
	size_t i;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	for (i = 0; i < ARRAY_SIZE(no); i++)
		assert_err(ask(&b, (struct guard){ .is_tty = true }, no[i], &plain_plan, &v, &e), e,
			   ERR_POLICY);
	assert_int_equal(v, GUARD_DRY_RUN);
	assert_ok(ask(&b, (struct guard){ .is_tty = true }, "yes\n", &plain_plan, &v, &e), e);
	assert_int_equal(v, GUARD_GO);
	assert_non_null(strstr(b.err_text, "erase  efs2  lun 0 sectors 64..127"));
	assert_non_null(strstr(b.err_text, "1.0 MiB  sha256 0123456789abcdef\n"));
	assert_non_null(strstr(b.err_text, "go on? [y/N]"));
	bench_close(&b);
}

static void guard_dry_run_ends_there_and_asks_nothing(void **state)
{
	struct bench b;
	struct err e = ERR_INIT;
	enum guard_verdict v = GUARD_GO;

	(void)state;
	bench_open(&b, (struct render_conf){ .verb = "x" });
	assert_ok(ask(&b, (struct guard){ .dry_run = true, .yes = true }, "", &loss_plan, &v, &e),
		  e);
	assert_int_equal(v, GUARD_DRY_RUN);
	assert_non_null(strstr(b.out_text, "lost for good: the calibration"));
	assert_string_equal(b.err_text, "");
	bench_close(&b);
	bench_open(&b, (struct render_conf){ .verb = "x", .json = true });
	assert_ok(ask(&b, (struct guard){ .dry_run = true }, "", &plain_plan, &v, &e), e);
	assert_ok(render_finish(b.r, STATUS_OK, NULL, &e), e);
	bench_flush(&b);
	assert_non_null(strstr(b.out_text, "\"plan\":{\"title\":\"restore efs2\""));
	bench_close(&b);
}

static void log_file_has_both_clocks_and_everything(void **state)
{
	char path[] = "/tmp/salvor-log-XXXXXX", text[1024];
	int fd = mkstemp(path);
	struct logsink s;
	struct bench b;
	struct err e = ERR_INIT;
	struct stat st;
	unsigned ms;
	ssize_t n;

	(void)state;
	unlink(path);
	close(fd);
	bench_open(&b, (struct render_conf){ .verb = "x" });
	assert_ok(logsink_open(&s, b.r, path, 1, &e), e);
	log_info(&s.log, "usb", "claimed\033[2J");
	log_debug(&s.log, "usb", "only in the file");
	logsink_close(&s);
	bench_flush(&b);
	assert_string_equal(b.err_text, "salvor: usb: claimed?[2J\n");
	fd = open(path, O_RDONLY);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	unlink(path);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2dZ 0.%3u", &ms), 1);
	assert_non_null(strstr(text, "debug usb: only in the file\n"));
	bench_close(&b);
	assert_err(logsink_open(&s, b.r, "/nonexistent/x", 0, &e), e, ERR_HOST);
}

static void sizes_and_times_for_people(void **state)
{
	char s[HUMAN_MAX];

	(void)state;
	human_size(s, 1023);
	assert_string_equal(s, "1023 B");
	human_size(s, UINT64_MAX);
	assert_string_equal(s, "16.0 EiB");
	human_time(s, 65);
	assert_string_equal(s, "1:05");
	human_time(s, 7384);
	assert_string_equal(s, "2:03:04");
	assert_int_equal(text_columns("\033[1mh\xc3\xa9\033[0m"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(render_speaks_text_to_people),
		cmocka_unit_test(render_speaks_one_json_document_to_programs),
		cmocka_unit_test(render_envelope_carries_the_error_and_what_was_known),
		cmocka_unit_test(render_error_says_state_cause_and_next_step),
		cmocka_unit_test(render_colours_follow_tty_and_options),
		cmocka_unit_test(render_control_characters_from_a_module_do_nothing),
		cmocka_unit_test(render_data_on_stdout_excludes_json_and_terminals),
		cmocka_unit_test(render_a_full_stdout_is_an_error),
		cmocka_unit_test(meter_tells_bytes_rate_and_time_left),
		cmocka_unit_test(meter_speaks_up_by_itself_when_no_data_comes),
		cmocka_unit_test(meter_redraws_on_a_tty_and_only_there),
		cmocka_unit_test(meter_quiet_says_nothing),
		cmocka_unit_test(meter_events_are_json_lines),
		cmocka_unit_test(guard_without_a_terminal_refuses),
		cmocka_unit_test(guard_yes_does_not_accept_a_loss),
		cmocka_unit_test(guard_a_person_is_shown_the_plan_and_asked),
		cmocka_unit_test(guard_dry_run_ends_there_and_asks_nothing),
		cmocka_unit_test(log_file_has_both_clocks_and_everything),
		cmocka_unit_test(sizes_and_times_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
