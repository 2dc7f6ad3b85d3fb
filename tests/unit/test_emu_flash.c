/* The emulated module over time: storage that survives, what it boots into, its normal mode, and the
 * in-process link. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_util.h"

#include "tests/emu/emu_link.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONF "<configure MemoryName=\"nand\" />"
#define ERASE(start, n)                                                                            \
	"<erase PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"2048\" num_partition_sectors=\"" #n  \
	"\" physical_partition_number=\"0\" start_sector=\"" #start "\" />"

static void every_model_opens_and_boots(void **state)
{
	static const char *const models[] = { "ec25", "ec25-4k", "em12", "emmc", "rm500q", "rm520n" };
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(models); i++) {
		rig_open(&r, models[i], NULL);
		assert_int_equal(emu_mode(r.m), EMU_NORMAL);
		assert_true(emu_usb(r.m)->desc_len > 18 + 9);
		rig_close(&r);
	}
}

static void edl_descriptors_are_those_of_a_real_ec25(void **state)
{
	/* Strings are numbered 1 and 2 as in the published bytes, configuration without a string. */
	static const uint8_t want[] = { 0x12, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, 0x40, 0xc6, 0x05, 0x08,
					0x90, 0x00, 0x00, 0x01, 0x02, 0x00, 0x01, 0x09, 0x02, 0x20, 0x00,
					0x01, 0x01, 0x00, 0x80, 0x01, 0x09, 0x04, 0x00, 0x00, 0x02, 0xff,
					0xff, 0xff, 0x00, 0x07, 0x05, 0x81, 0x02, 0x00, 0x02, 0x00, 0x07,
					0x05, 0x01, 0x02, 0x00, 0x02, 0x00 };
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	assert_int_equal(emu_usb(r.m)->desc_len, sizeof(want));
	assert_memory_equal(emu_usb(r.m)->desc, want, sizeof(want));
	rig_close(&r);
}

static void state_survives_a_restart(void **state)
{
	uint8_t b[2048];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=programmer");
	rig_do(&r, CONF, "ACK");
	rig_do(&r, ERASE(640, 64), "ACK");
	emu_close(r.m);
	rig_reopen(&r, "ec25", NULL);
	assert_int_equal(emu_peek(r.m, 0, 640, b, sizeof(b)), 0);
	assert_int_equal(b[0], 0xff);
	assert_int_equal(emu_peek(r.m, 0, 0, b, sizeof(b)), 0);
	assert_memory_equal(b, "\xd1\xdc\x4b\x84\x34\x10\xd7\x73", 8);
	/* Without its table the module does not start. */
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	rig_close(&r);
}

static void state_survives_kill_9(void **state)
{
	uint8_t b[2048];
	struct rig r;
	int status;
	pid_t pid;

	(void)state;
	rig_open(&r, "ec25", "start=programmer");
	emu_close(r.m);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		rig_reopen(&r, "ec25", "start=programmer");
		rig_do(&r, CONF, "ACK");
		rig_do(&r, ERASE(1280, 8704), "ACK"); /* efs2 */
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	rig_reopen(&r, "ec25", NULL);
	assert_int_equal(emu_peek(r.m, 0, 1280, b, sizeof(b)), 0);
	assert_int_equal(b[8], 0xff);
	assert_int_equal(emu_peek(r.m, 0, 640, b, sizeof(b)), 0);
	assert_int_equal(b[0], 0xac);
	rig_close(&r);
}

static void one_folder_serves_one_module(void **state)
{
	char why[300], path[300];
	struct emu *other;
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	snprintf(path, sizeof(path), "%s/tests/emu/models/ec25.model", getenv("top_srcdir"));
	assert_int_equal(emu_open(&other, path, r.dir, why, sizeof(why)), -1);
	assert_non_null(strstr(why, "in use"));
	rig_close(&r);
}

static void boot_outcome_follows_the_flash(void **state)
{
	static const struct {
		const char *quirk;
		enum emu_mode mode;
	} rows[] = { { "blank=SBL", EMU_EDL }, { "blank=MIBIB", EMU_EDL }, { "blank=EFS2", EMU_NORMAL },
		     { "blank=system", EMU_NORMAL } };
	struct rig r;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_open(&r, "ec25", rows[i].quirk);
		assert_int_equal(emu_mode(r.m), rows[i].mode);
		rig_close(&r);
	}
}

static const char *at(struct link *l, const char *cmd, char *out, size_t cap)
{
	struct err e = ERR_INIT;
	size_t n = 0, got;

	assert_ok(link_write(l, cmd, strlen(cmd), 100, &e), e);
	while (n + 1 < cap && link_read(l, out + n, cap - 1 - n, 200, &got, &e) == 0)
		n += got;
	out[n] = '\0';
	return out;
}

static void lost_efs_means_factory_mode(void **state)
{
	struct emu_time t = { 0 };
	struct err e = ERR_INIT;
	struct link *l;
	struct rig r;
	char out[512];

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_ok(emu_link_open(&l, r.m, &t, 2, EMU_LINK_STREAM, &e), e);
	assert_non_null(strstr(at(l, "AT+CFUN?\r", out, sizeof(out)), "+CFUN: 1"));
	assert_non_null(strstr(at(l, "AT+CGSN\r", out, sizeof(out)), "490154203237518"));
	assert_non_null(strstr(at(l, "ATI\r", out, sizeof(out)), "Revision: EG25GGBR07A08M2G"));
	link_close(l);
	rig_close(&r);
	rig_open(&r, "ec25", "blank=EFS2");
	assert_ok(emu_link_open(&l, r.m, &t, 2, EMU_LINK_STREAM, &e), e);
	assert_non_null(strstr(at(l, "AT+CFUN?\r", out, sizeof(out)), "+CFUN: 5"));
	assert_non_null(strstr(at(l, "AT+CFUN=1\r", out, sizeof(out)), "+CME ERROR: 3"));
	link_close(l);
	rig_close(&r);
}

static void diag_frame_switches_to_edl_and_changes_the_port(void **state)
{
	static const uint8_t frame[] = { 0x4b, 0x65, 0x01, 0x00, 0x54, 0x0f, 0x7e };
	struct emu_time t = { 0 };
	struct err e = ERR_INIT;
	struct link *l;
	struct rig r;
	uint8_t out[64];
	size_t n;

	(void)state;
	rig_open(&r, "rm520n", NULL);
	assert_string_equal(emu_usb(r.m)->port, "2-1.4");
	assert_int_equal(emu_usb(r.m)->max_packet, 1024);
	assert_ok(emu_link_open(&l, r.m, &t, 0, EMU_LINK_USB, &e), e);
	assert_ok(link_write(l, frame, sizeof(frame), 100, &e), e);
	assert_ok(link_read(l, out, sizeof(out), 100, &n, &e), e);
	assert_int_equal(n, sizeof(frame));
	assert_memory_equal(out, frame, n);
	assert_err(link_read(l, out, sizeof(out), 5000, &n, &e), e, ERR_GONE);
	link_close(l);
	err_clear(&e);
	assert_ok(emu_wait_mode(r.m, &t, EMU_EDL, 10000, &e), e);
	assert_true(t.now_ms >= 4000 && t.now_ms < 6000);
	assert_string_equal(emu_usb(r.m)->port, "1-1.4");
	assert_int_equal(emu_usb(r.m)->speed_mbps, 480);
	rig_close(&r);
}

static void link_keeps_what_the_caller_had_no_room_for(void **state)
{
	struct emu_time t = { 0 };
	struct err e = ERR_INIT;
	struct link *l;
	struct rig r;
	uint8_t out[48];
	size_t n, have;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	assert_ok(emu_link_open(&l, r.m, &t, 0, EMU_LINK_USB, &e), e);
	for (have = 0; have < 48; have += n)
		assert_ok(link_read(l, out + have, 7, 100, &n, &e), e);
	assert_int_equal(get_le32(out + 4), 0x30);
	assert_err(link_read(l, out, 1, 100, &n, &e), e, ERR_TIMEOUT);
	emu_power_cycle(r.m);
	err_clear(&e);
	assert_err(link_read(l, out, 1, 100, &n, &e), e, ERR_GONE);
	link_close(l);
	rig_close(&r);
}

static void blinking_module_comes_and_goes(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl;blink=3000:500");
	rig_pass(&r, 2900);
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	rig_pass(&r, 200);
	assert_int_equal(emu_mode(r.m), EMU_OFF);
	rig_pass(&r, 500);
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	assert_int_equal(rig_in(&r, 4096, 5), 48);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_model_opens_and_boots),
		cmocka_unit_test(edl_descriptors_are_those_of_a_real_ec25),
		cmocka_unit_test(state_survives_a_restart),
		cmocka_unit_test(state_survives_kill_9),
		cmocka_unit_test(one_folder_serves_one_module),
		cmocka_unit_test(boot_outcome_follows_the_flash),
		cmocka_unit_test(lost_efs_means_factory_mode),
		cmocka_unit_test(diag_frame_switches_to_edl_and_changes_the_port),
		cmocka_unit_test(link_keeps_what_the_caller_had_no_room_for),
		cmocka_unit_test(blinking_module_comes_and_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
