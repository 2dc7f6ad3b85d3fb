#include "tests/unit/unit.h"

#include "proto/firehose_write.h"
#include "tests/unit/fh_session.h"

#include <stdlib.h>
#include <string.h>

/* Everything that a session does, on a device that is set up as the caller likes. */
static void everything_works(struct fh_device *d)
{
	const struct extent two = { 0, 2 * FHD_PPB, 2 * FHD_PPB };
	struct firehose *f = open_ok(d);
	struct err e = ERR_INIT;
	struct geometry g;
	uint8_t *data = malloc(40000);
	size_t at = 2u * FHD_PPB * d->page;
	struct extent x = { 0, 2 * FHD_PPB, 0 };

	memset(data, 0x5a, 40000);
	assert_int_equal(firehose_family(f),
			 d->family == 'A' ? FIREHOSE_FAMILY_A : FIREHOSE_FAMILY_B);
	assert_int_equal(firehose_chip_serial(f), 0x12345678);
	assert_int_equal(firehose_payload(f), d->payload_max);
	assert_ok(firehose_storage_info(f, &g, &e), e);
	assert_int_equal(g.type, STORAGE_NAND);
	assert_int_equal(g.sector_size, d->page);
	assert_int_equal(g.sectors_per_block, FHD_PPB);
	assert_int_equal(g.total_sectors, FHD_BLOCKS * FHD_PPB);
	read_equals_flash(d, f, 3, 70);
	assert_int_equal(firehose_changes_sent(f), 0);
	assert_ok(firehose_erase(f, &two, NULL, &e), e);
	assert_int_equal(d->flash[at], 0xff);
	x.count = (40000 + d->page - 1) / d->page;
	assert_ok(program(f, &x, data, 40000, &e), e);
	assert_int_equal(firehose_changes_sent(f), 2);
	assert_memory_equal(d->flash + at, data, 40000);
	assert_int_equal(d->flash[at + 40000], 0xff);
	read_equals_flash(d, f, 2 * FHD_PPB, x.count);
	assert_ok(firehose_nop(f, &e), e);
	assert_ok(firehose_power(f, FIREHOSE_POWER_RESET, &e), e);
	assert_err(firehose_nop(f, &e), e, ERR_GONE);
	firehose_close(f);
	free(data);
}

static void both_families_work(void **state)
{
	struct fh_device d;

	(void)state;
	fhd_init(&d, 'A', 2048);
	everything_works(&d);
	assert_int_equal(d.largest_chunk, 8192);
	assert_string_equal(d.names, "configure;getstorageinfo;read;erase;program;read;nop;power;");
	fhd_fini(&d);
	fhd_init(&d, 'B', 4096);
	everything_works(&d);
	fhd_fini(&d);
}

static void transport_habits_do_not_matter(void **state)
{
	static const size_t cuts[] = { 1, 3, 100, 511, 4096, 5000 };
	struct fh_device d;
	size_t i, how;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		for (how = 0; how < 8; how++) {
			fhd_init(&d, how & 1 ? 'A' : 'B', 2048);
			d.cut = cuts[i];
			d.glue = how & 2;
			d.junk = how & 4;
			everything_works(&d);
			fhd_fini(&d);
		}
	}
	fhd_init(&d, 'B', 4096);
	d.glue = true; /* the closing answer in one piece with the data */
	d.late_logs = true;
	everything_works(&d);
	fhd_fini(&d);
	fhd_init(&d, 'A', 2048);
	d.empty_transfers = true;
	d.late_logs = true;
	everything_works(&d);
	fhd_fini(&d);
	fhd_init(&d, 'B', 4096);
	d.flood = 120;
	everything_works(&d);
	fhd_fini(&d);
}

static void missing_banner_is_asked_for(void **state)
{
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'B', 4096);
	d.no_banner = true;
	f = open_ok(&d);
	assert_int_equal(firehose_family(f), FIREHOSE_FAMILY_B);
	assert_true(firehose_can(f, FIREHOSE_GETSHA256DIGEST));
	assert_string_equal(d.names, "configure;nop;");
	firehose_close(f);
	fhd_fini(&d);

	/* MDM9x07 shows itself by its answer, and has nothing more to say. */
	fhd_init(&d, 'A', 2048);
	d.no_banner = true;
	d.lost_configure = true;
	f = open_ok(&d);
	assert_int_equal(firehose_family(f), FIREHOSE_FAMILY_A);
	assert_false(firehose_can(f, FIREHOSE_PATCH));
	assert_true(firehose_can(f, FIREHOSE_ERASE));
	assert_string_equal(d.names, "configure;configure;");
	firehose_close(f);
	fhd_fini(&d);
}

static void payload_is_negotiated_both_ways(void **state)
{
	static const uint32_t max[] = { 512, 2048, 4096, 8192, 16384, 1048576 };
	struct fh_device d;
	struct firehose *f;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(max); i++) {
		fhd_init(&d, i & 1 ? 'A' : 'B', 2048);
		d.payload_max = max[i];
		f = open_ok(&d);
		assert_int_equal(firehose_payload(f), max[i]);
		assert_int_equal(d.configures, max[i] == 8192 ? 1 : 2);
		firehose_close(f);
		fhd_fini(&d);
	}
	fhd_init(&d, 'B', 2048);
	d.digest_max = 1024;
	f = open_ok(&d);
	assert_int_equal(d.configures, 2);
	firehose_close(f);
	fhd_fini(&d);
}

static void host_without_zlp_says_so(void **state)
{
	struct fh_device d;

	(void)state;
	fhd_init(&d, 'B', 4096);
	d.link.can_zlp = false;
	d.link.is_stream = true;
	firehose_close(open_ok(&d));
	assert_non_null(strstr(d.last, "ZlpAwareHost=\"0\""));
	fhd_fini(&d);
}

static void storage_type_is_found(void **state)
{
	static const char *const names[] = { "nand", "eMMC", "UFS" };
	static const enum storage_type types[] = { STORAGE_NAND, STORAGE_EMMC, STORAGE_UFS };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	struct geometry g;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fhd_init(&d, 'B', 4096);
		d.memory = names[i];
		assert_ok(open_with(&d, STORAGE_UNKNOWN, &f, &e), e);
		assert_string_equal(d.memory_asked, names[i]);
		assert_true(d.configures <= 3); /* UFS after NAND, because the target says so */
		assert_ok(firehose_storage_info(f, &g, &e), e);
		assert_int_equal(g.type, types[i]);
		assert_int_equal(g.sector_size, 4096);
		assert_int_equal(g.sectors_per_block, i ? 0 : FHD_PPB);
		read_equals_flash(&d, f, 1, 5);
		assert_true(i == 0 || !strstr(d.last, "PAGES_PER_BLOCK"));
		firehose_close(f);
		fhd_fini(&d);
	}
}

static void vip_is_refused_in_words(void **state)
{
	struct err e = ERR_INIT;
	struct firehose *f = NULL;
	struct fh_device d;

	(void)state;
	fhd_init(&d, 'B', 4096);
	d.vip = true;
	assert_err(open_with(&d, STORAGE_NAND, &f, &e), e, ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "signed"));
	assert_null(f);
	assert_int_equal(d.commands, 0);
	fhd_fini(&d);
	fhd_init(&d, 'B', 4096);
	d.nak = "configure";
	d.nak_text = "Only nop and sig tag can be recevied before authentication.";
	assert_err(open_with(&d, STORAGE_NAND, &f, &e), e, ERR_UNSUPPORTED);
	fhd_fini(&d);
}

static void early_bytes_are_part_of_the_banner(void **state)
{
	static const char early[] =
		"<?xml version=\"1.0\" ?><data><log value=\"Supported Functions: program configure power read "
		"erase nop \"/></da";
	const struct firehose_opts o = { .storage = STORAGE_NAND, .early = SLICE_STR(early) };
	struct err e = ERR_INIT;
	struct firehose *f;
	struct fh_device d;

	(void)state;
	fhd_init(&d, 'A', 2048);
	fhd_say(&d, "ta>");
	assert_ok(firehose_open(&d.link, &o, &f, &e), e);
	assert_int_equal(firehose_family(f), FIREHOSE_FAMILY_A);
	assert_false(firehose_can(f, FIREHOSE_GETSTORAGEINFO));
	firehose_close(f);
	fhd_fini(&d);
}

/* The question that found a running programmer is answered late, in pieces; configure asks for more
 * than it may and is refused first. If the old ACK passed for that answer, the payload would be
 * wrong. */
static void a_late_answer_to_the_probe_is_not_taken_for_configures(void **state)
{
	static const char early[] =
		"<?xml version=\"1.0\" ?><data><log value=\"INFO: End of supported "
		"functions 15\" /></data>";
	const struct firehose_opts o = { .storage = STORAGE_NAND,
					 .early = SLICE_STR(early),
					 .has_answered = true };
	struct err e = ERR_INIT;
	struct firehose *f;
	struct fh_device d;

	(void)state;
	fhd_init(&d, 'B', 4096);
	d.payload_max = 4096;
	fhd_say(&d,
		"<?xml version=\"1.0\" ?><data><response value=\"ACK\" rawmode=\"false\" /></data>");
	assert_ok(firehose_open(&d.link, &o, &f, &e), e);
	assert_int_equal(firehose_payload(f), 4096);
	assert_ok(firehose_nop(f, &e), e);
	firehose_close(f);
	fhd_fini(&d);
}

static void sector_size_is_probed_where_nobody_tells(void **state)
{
	struct err e = ERR_INIT;
	struct firehose *f;
	struct fh_device d;
	struct geometry g;
	size_t i;

	(void)state;
	for (i = 0; i < 8; i++) {
		fhd_init(&d, i & 1 ? 'A' : 'B', i & 2 ? 2048 : 4096);
		d.no_storage_info = i & 4;
		d.mute_storage_info = !(i & 4);
		f = open_ok(&d);
		assert_ok(firehose_storage_info(f, &g, &e), e);
		assert_int_equal(g.sector_size, d.page);
		assert_int_equal(g.sectors_per_block, 64);
		assert_int_equal(g.total_sectors, 0);
		firehose_close(f);
		fhd_fini(&d);
	}
	/* Block size told, page size not. */
	fhd_init(&d, 'B', 2048);
	d.no_json = true;
	f = open_ok(&d);
	assert_ok(firehose_storage_info(f, &g, &e), e);
	assert_int_equal(g.sector_size, 2048);
	assert_int_equal(g.total_sectors, FHD_BLOCKS * FHD_PPB);
	firehose_close(f);
	fhd_fini(&d);
	/* Never answered at all: 30 s later the reads tell. */
	fhd_init(&d, 'B', 2048);
	d.mute = "getstorageinfo";
	f = open_ok(&d);
	assert_ok(firehose_storage_info(f, &g, &e), e);
	assert_int_equal(g.sector_size, 2048);
	firehose_close(f);
	fhd_fini(&d);
}

static void refusals_carry_the_modules_words(void **state)
{
	const struct extent x = { 0, 64, 64 };
	uint8_t data[512] = { 1 };
	struct err e = ERR_INIT;
	struct firehose *f;
	struct fh_device d;
	struct probe_sink k;

	(void)state;
	fhd_init(&d, 'A', 2048);
	sink_init(&k);
	f = open_ok(&d);
	d.nak = "read";
	assert_ok(firehose_storage_info(f, &(struct geometry){ 0 }, &e), e);
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "ERROR 21: Line 2459: HANDLE_PROGRAM_FAILURE"));
	assert_null(strstr(e.msg, "TOTAL_BAD_BLOCK"));
	assert_int_equal(k.buf.n, 0);
	d.nak = "erase";
	assert_err(firehose_erase(f, &x, NULL, &e), e, ERR_REFUSED);
	d.nak = "program";
	assert_err(program(f, &x, data, sizeof(data), &e), e, ERR_MISMATCH); /* far too short */
	assert_err(program(f, &(struct extent){ 0, 64, 1 }, data, sizeof(data), &e), e,
		   ERR_REFUSED);
	d.nak = "power";
	assert_err(firehose_power(f, FIREHOSE_POWER_OFF, &e), e, ERR_REFUSED);
	assert_err(firehose_power(f, FIREHOSE_POWER_RESET_TO_EDL, &e), e, ERR_UNSUPPORTED);
	d.nak = NULL;
	read_equals_flash(&d, f, 0, 1);
	firehose_close(f);
	fhd_fini(&d);
}

static void unanswered_commands_time_out_and_the_session_recovers(void **state)
{
	static const char *const names[] = { "read", "erase", "nop" };
	const struct extent x = { 0, 64, 64 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	struct probe_sink k;
	size_t i;

	(void)state;
	sink_init(&k);
	for (i = 0; i < 6; i++) {
		fhd_init(&d, i < 3 ? 'A' : 'B', 2048);
		f = open_ok(&d);
		assert_ok(firehose_storage_info(f, &(struct geometry){ 0 }, &e), e);
		d.mute = names[i % 3];
		assert_err(i % 3 == 0   ? firehose_read(f, &x, &k.sink, NULL, &e)
			   : i % 3 == 1 ? firehose_erase(f, &x, NULL, &e)
					: firehose_nop(f, &e),
			   e, ERR_TIMEOUT);
		/* Its answer comes when it is of no use any more. */
		fhd_say(&d, "<?xml v?><data><response value=\"NAK\" /></data>");
		d.mute = NULL;
		read_equals_flash(&d, f, 0, 9);
		/* Not before a nop has shown that both are in step. */
		assert_non_null(strstr(d.names, "nop;read;"));
		firehose_close(f);
		fhd_fini(&d);
	}
	/* A write whose first answer is late: nothing but power helps, and it is said. */
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	assert_ok(firehose_storage_info(f, &(struct geometry){ 0 }, &e), e);
	d.mute = "program";
	assert_err(program(f, &(struct extent){ 0, 64, 1 }, "x", 1, &e), e, ERR_TIMEOUT);
	fhd_say(&d,
		"<?xml version=\"1.0\"?><data><response value=\"ACK\" rawmode=\"true\" /></data>");
	assert_err(firehose_nop(f, &e), e, ERR_PROTO);
	assert_int_equal(d.programs, 0);
	assert_null(strstr(d.names, "program;nop"));
	firehose_close(f);
	fhd_fini(&d);
}

static void garbled_answers_and_departures_are_told_apart(void **state)
{
	const struct extent x = { 0, 64, 64 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		fhd_init(&d, 'B', 2048);
		f = open_ok(&d);
		assert_ok(firehose_storage_info(f, &(struct geometry){ 0 }, &e), e);
		*(i ? &d.gone : &d.garbage) = "erase";
		assert_err(firehose_erase(f, &x, NULL, &e), e, i ? ERR_GONE : ERR_PROTO);
		if (!i)
			read_equals_flash(&d, f, 0, 9);
		firehose_close(f);
		fhd_fini(&d);
	}
	for (i = 0; i < 4; i++) {
		fhd_init(&d, 'B', 2048);
		*(i == 0 ? &d.garbage : i == 1 ? &d.gone : i == 2 ? &d.nak : &d.mute) = "configure";
		assert_err(open_with(&d, STORAGE_NAND, &f, &e), e,
			   i == 0   ? ERR_PROTO
			   : i == 1 ? ERR_GONE
			   : i == 2 ? ERR_REFUSED
				    : ERR_TIMEOUT);
		fhd_fini(&d);
	}
}

static void failing_reads_keep_the_session_in_step(void **state)
{
	const struct extent x = { 0, 0, 200 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	struct probe_sink k;

	(void)state;
	fhd_init(&d, 'A', 2048);
	f = open_ok(&d);

	d.nak_closing = true; /* full count, then no */
	sink_init(&k);
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "STORAGE_READ_FAILURE"));
	assert_int_equal(k.buf.n, 200 * 2048);
	buf_fini(&k.buf);
	d.nak_closing = false;
	read_equals_flash(&d, f, 0, 9);

	sink_init(&k); /* a full disk */
	k.fail_at = 100000;
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_HOST);
	assert_true(k.buf.n <= 100000);
	buf_fini(&k.buf);
	read_equals_flash(&d, f, 0, 9);

	d.stop_in_read = 100000; /* a refusal in place of data */
	sink_init(&k);
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "Read failed at sector 3"));
	buf_fini(&k.buf);
	d.cut_in_read = true; /* or nothing more at all */
	sink_init(&k);
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "100000 of 409600"));
	buf_fini(&k.buf);
	d.stop_in_read = 0;
	read_equals_flash(&d, f, 0, 9);
	firehose_close(f);
	fhd_fini(&d);
}

static void cancelled_reads_stop_soon_and_in_step(void **state)
{
	struct cancel c = { 0 };
	const struct firehose_opts o = { .storage = STORAGE_NAND, .cancel = &c };
	const struct extent x = { 0, 0, 200 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	struct probe_sink k;

	(void)state;
	fhd_init(&d, 'B', 2048);
	fhd_boot(&d);
	sink_init(&k);
	assert_ok(firehose_open(&d.link, &o, &f, &e), e);
	assert_ok(firehose_storage_info(f, &(struct geometry){ 0 }, &e), e);
	k.cancel = &c; /* in the middle of the data */
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_CANCELLED);
	assert_true(k.buf.n > 0 && k.buf.n < 200 * 2048);
	buf_fini(&k.buf);
	assert_err(firehose_read(f, &x, &k.sink, NULL, &e), e, ERR_CANCELLED);
	assert_ptr_equal(strstr(strstr(d.names, "read;") + 5, "read;"), NULL);
	assert_err(firehose_erase(f, &(struct extent){ 0, 0, 64 }, NULL, &e), e, ERR_CANCELLED);
	assert_int_equal(d.erases, 0);
	c.signal = 0;
	read_equals_flash(&d, f, 0, 9);
	firehose_close(f);
	fhd_fini(&d);
}

static void a_full_log_queue_is_emptied_and_the_command_sent_again(void **state)
{
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	d.deaf_once = true;
	read_equals_flash(&d, f, 0, 9);
	assert_non_null(strstr(firehose_last_log(f), "log queue full"));
	firehose_close(f);
	fhd_fini(&d);
}

static void vanishing_is_how_power_ends(void **state)
{
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		fhd_init(&d, i ? 'B' : 'A', 2048);
		f = open_ok(&d);
		if (i == 2)
			d.mute = "power";
		d.gone_on_power = true;
		assert_ok(firehose_power(f, FIREHOSE_POWER_RESET, &e), e);
		assert_int_equal(strstr(d.last, "DelayInSeconds") != NULL, i != 0);
		if (i < 2)
			assert_non_null(strstr(firehose_last_log(f), "bsp_target_reset"));
		firehose_close(f);
		fhd_fini(&d);
	}
}

static void empty_lines_are_harmless(void **state)
{
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'A', 2048);
	d.no_banner = true;
	fhd_say(&d,
		"<?xml version=\"1.0\"?><data><log/><log value=\"\"/><log value=\" \n\"/></data>");
	f = open_ok(&d);
	d.nak = "nop";
	d.nak_text = "";
	assert_err(firehose_nop(f, &e), e, ERR_REFUSED);
	assert_string_equal(firehose_last_log(f), "");
	firehose_close(f);
	fhd_fini(&d);
}

static void the_last_lines_are_kept(void **state)
{
	const char *log, *p;
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	unsigned lines = 1;

	(void)state;
	fhd_init(&d, 'B', 2048);
	d.flood = 500;
	f = open_ok(&d);
	fhd_say(&d,
		"<?xml version=\"1.0\"?><data><log value=\"\"/><log value=\"the very last\"/></data>");
	d.flood = 0;
	d.family = 'A'; /* answers nop without a banner */
	assert_ok(firehose_nop(f, &e), e);
	log = firehose_last_log(f);
	for (p = log; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 20);
	assert_string_equal(strrchr(log, '\n') + 1, "the very last");
	firehose_close(f);
	fhd_fini(&d);
}

/* One walk through a session; the step that failed first is the result. */
static int walk(struct fh_device *d, struct err *e)
{
	const struct extent x = { 0, 64, 64 };
	struct firehose *f = NULL;
	struct probe_sink k;
	uint8_t data[9000] = { 3 };
	int r = -1;

	sink_init(&k);
	if (open_with(d, STORAGE_NAND, &f, e) == 0 && firehose_read(f, &x, &k.sink, NULL, e) == 0 &&
	    firehose_erase(f, &x, NULL, e) == 0 &&
	    program(f, &(struct extent){ 0, 64, 5 }, data, sizeof(data), e) == 0 &&
	    firehose_power(f, FIREHOSE_POWER_RESET, e) == 0)
		r = 0;
	/* Whatever happened, the session can be asked again without a hang or a crash. */
	if (f && r < 0) {
		struct err later = ERR_INIT;

		(void)!firehose_nop(f, &later);
		(void)!firehose_read(f, &x, &k.sink, NULL, &later);
	}
	buf_fini(&k.buf);
	firehose_close(f);
	return r;
}

static void every_link_call_may_fail(void **state)
{
	static const enum err_kind kinds[] = { ERR_TIMEOUT, ERR_GONE, ERR_LINK };
	struct err e = ERR_INIT;
	struct fh_device d;
	unsigned n, k, calls;

	(void)state;
	for (k = 0; k < 2 * ARRAY_SIZE(kinds); k++) {
		fhd_init(&d, k & 1 ? 'A' : 'B', 2048);
		assert_ok(walk(&d, &e), e);
		calls = d.calls;
		assert_true(calls > 20);
		fhd_fini(&d);
		for (n = 1; n <= calls; n++) {
			fhd_init(&d, k & 1 ? 'A' : 'B', 2048);
			d.fail_call = n;
			d.fail_kind = kinds[k / 2];
			e = (struct err)ERR_INIT;
			if (walk(&d, &e) < 0) {
				if (e.kind != kinds[k / 2] && e.kind != ERR_PROTO)
					fail_msg("call %u: %d: %s", n, e.kind, e.msg);
			} else if (kinds[k / 2] == ERR_GONE && !strstr(d.names, "power;")) {
				fail_msg("call %u: gone, but success", n);
			}
			fhd_fini(&d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_work),
		cmocka_unit_test(transport_habits_do_not_matter),
		cmocka_unit_test(missing_banner_is_asked_for),
		cmocka_unit_test(payload_is_negotiated_both_ways),
		cmocka_unit_test(host_without_zlp_says_so),
		cmocka_unit_test(storage_type_is_found),
		cmocka_unit_test(vip_is_refused_in_words),
		cmocka_unit_test(early_bytes_are_part_of_the_banner),
		cmocka_unit_test(a_late_answer_to_the_probe_is_not_taken_for_configures),
		cmocka_unit_test(sector_size_is_probed_where_nobody_tells),
		cmocka_unit_test(refusals_carry_the_modules_words),
		cmocka_unit_test(unanswered_commands_time_out_and_the_session_recovers),
		cmocka_unit_test(garbled_answers_and_departures_are_told_apart),
		cmocka_unit_test(failing_reads_keep_the_session_in_step),
		cmocka_unit_test(cancelled_reads_stop_soon_and_in_step),
		cmocka_unit_test(a_full_log_queue_is_emptied_and_the_command_sent_again),
		cmocka_unit_test(vanishing_is_how_power_ends),
		cmocka_unit_test(empty_lines_are_harmless),
		cmocka_unit_test(the_last_lines_are_kept),
		cmocka_unit_test(every_link_call_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
