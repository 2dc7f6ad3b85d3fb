#include "tests/unit/unit.h"

#include "base/digest.h"
#include "proto/firehose_write.h"
#include "tests/unit/fh_session.h"

#include <stdlib.h>
#include <string.h>

static void sources_of_the_wrong_length_are_told(void **state)
{
	const struct extent x = { 0, 64, 16 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	uint8_t *data = calloc(1, 40000);
	size_t at = 64 * 2048, i;

	(void)state;
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	memset(data, 0x11, 40000);
	/* Within the last sector: filled up. */
	assert_ok(program(f, &x, data, 15 * 2048 + 1, &e), e);
	assert_int_equal(d.flash[at + 15 * 2048], 0x11);
	for (i = 15 * 2048 + 1; i < 16 * 2048; i++)
		assert_int_equal(d.flash[at + i], 0xff);
	/* Before the last sector: the target gets its count, we get an error. */
	assert_err(program(f, &x, data, 10 * 2048, &e), e, ERR_MISMATCH);
	assert_int_equal(d.data_left, 0);
	assert_int_equal(d.flash[at + 10 * 2048], 0xff);
	/* Longer than the extent. */
	assert_err(program(f, &x, data, 16 * 2048 + 1, &e), e, ERR_MISMATCH);
	/* What is known before the command changes nothing. */
	i = d.programs;
	assert_err(program(f, &x, data, 0, &e), e, ERR_MISMATCH);
	assert_err(program(f, &(struct extent){ 0, 64, 1 }, data, 2049, &e), e, ERR_MISMATCH);
	assert_err(program(f, &(struct extent){ 0, 2040, 16 }, data, 16 * 2048, &e), e,
		   ERR_MISMATCH);
	assert_int_equal(d.programs, i);
	read_equals_flash(&d, f, 64, 16);
	firehose_close(f);
	free(data);
	fhd_fini(&d);
}

static int broken_get(_unused_ struct source *s, _unused_ void *p, _unused_ size_t cap,
		      _unused_ size_t *ret_n, struct err *e)
{
	return err_set(e, ERR_INTEGRITY, "digest differs");
}

struct late_break {
	struct source source;
	unsigned calls;
};

static int late_get(struct source *s, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct late_break *l = container_of(s, struct late_break, source);

	if (++l->calls > 2)
		return err_set(e, ERR_INTEGRITY, "digest differs");
	memset(p, 0x22, cap);
	*ret_n = cap;
	return 0;
}

static void failing_sources_leave_no_target_waiting(void **state)
{
	const struct extent x = { 0, 64, 16 };
	struct source broken = { broken_get };
	struct late_break late = { .source = { late_get } };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	assert_err(firehose_program(f, &x, 0, NULL, &broken, NULL, &e), e, ERR_INTEGRITY);
	assert_int_equal(firehose_changes_sent(f), 0);
	assert_err(firehose_program(f, &x, 0, NULL, &late.source, NULL, &e), e, ERR_INTEGRITY);
	assert_int_equal(firehose_changes_sent(f), 1);
	assert_int_equal(d.data_left, 0);
	read_equals_flash(&d, f, 64, 16);
	firehose_close(f);
	fhd_fini(&d);
}

static void refusals_in_the_middle_of_data_are_noticed(void **state)
{
	const struct extent x = { 0, 0, 1024 };
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;
	uint8_t *data = calloc(1, 1024 * 2048);

	(void)state;
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	d.nak_in_data = 100000;
	assert_err(program(f, &x, data, 1024 * 2048, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "out of good blocks"));
	assert_true(d.strays < 64); /* of the 250 chunks that were left */
	d.nak_in_data = 0;
	read_equals_flash(&d, f, 0, 9);

	d.nak_in_data = 100000; /* and the pipe is shut */
	d.stall_in_data = true;
	assert_err(program(f, &x, data, 1024 * 2048, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "out of good blocks"));
	firehose_close(f);
	fhd_fini(&d);

	fhd_init(&d, 'A', 2048);
	f = open_ok(&d);
	d.nak_closing = true;
	assert_err(program(f, &x, data, 1024 * 2048, &e), e, ERR_REFUSED);
	firehose_close(f);
	fhd_fini(&d);
	free(data);
}

static void erases_are_whole_blocks_on_the_storage(void **state)
{
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'A', 2048);
	f = open_ok(&d);
	assert_err(firehose_erase(f, &(struct extent){ 0, 1, 64 }, NULL, &e), e, ERR_BUG);
	assert_err(firehose_erase(f, &(struct extent){ 0, 64, 63 }, NULL, &e), e, ERR_BUG);
	assert_err(firehose_erase(f, &(struct extent){ 0, 0, 0 }, NULL, &e), e, ERR_MISMATCH);
	/* More than the chip, from its start: MDM9x07 would erase everything. */
	assert_err(firehose_erase(f, &(struct extent){ 0, 0, 64 * 33 }, NULL, &e), e, ERR_MISMATCH);
	assert_err(firehose_erase(f, &(struct extent){ 0, 64 * 32, 64 }, NULL, &e), e,
		   ERR_MISMATCH);
	assert_int_equal(d.erases, 0);
	assert_int_equal(firehose_changes_sent(f), 0);
	firehose_close(f);
	fhd_fini(&d);
}

static void bad_blocks_are_collected(void **state)
{
	struct firehose_bad_blocks b;
	struct err e = ERR_INIT;
	struct fh_device d;
	struct firehose *f;

	(void)state;
	fhd_init(&d, 'A', 2048);
	f = open_ok(&d);
	assert_ok(firehose_bad_blocks(f, &b, &e), e);
	assert_true(b.available && b.n == 0);
	firehose_bad_blocks_fini(&b);
	firehose_close(f);
	fhd_fini(&d);

	fhd_init(&d, 'A', 2048);
	d.bad_block = 12;
	f = open_ok(&d);
	assert_ok(firehose_bad_blocks(f, &b, &e), e);
	assert_true(b.available && b.n == 1 && b.block[0] == 12);
	firehose_bad_blocks_fini(&b);
	firehose_close(f);
	fhd_fini(&d);

	fhd_init(&d, 'B', 2048);
	d.bad_block = 12;
	f = open_ok(&d);
	assert_ok(firehose_bad_blocks(f, &b, &e), e);
	assert_true(!b.available && b.n == 0);
	assert_ok(firehose_erase(f, &(struct extent){ 0, 0, 64 }, NULL, &e), e);
	assert_ok(program(f, &(struct extent){ 0, 0, 1 }, "x", 1, &e), e);
	assert_ok(program(f, &(struct extent){ 0, 1, 1 }, "x", 1, &e), e);
	assert_ok(firehose_bad_blocks(f, &b, &e), e);
	assert_true(!b.available && b.n == 2 && b.block[0] == 7 && b.block[1] == 12);
	firehose_bad_blocks_fini(&b);
	firehose_close(f);
	fhd_fini(&d);
}

static void digest_patch_bootable_and_vendor_tag(void **state)
{
	static const char tag[] =
		"<erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "
		"c_project_name=\"RG500QEA_VH\" d_project_type=\"STD\" vendor=\"quectel\"/>";
	const struct firehose_patch patch = { 0, "1", 48, 8, "NUM_DISK_SECTORS-6." };
	const struct extent x = { 0, 3, 5 };
	struct err e = ERR_INIT;
	uint8_t got[32], want[32];
	struct fh_device d;
	struct firehose *f;
	struct digest g;

	(void)state;
	fhd_init(&d, 'B', 2048);
	f = open_ok(&d);
	assert_ok(firehose_sha256(f, &x, got, &e), e);
	digest_init(&g, DIGEST_SHA256);
	digest_update(&g, d.flash + 3 * 2048, 5 * 2048);
	digest_final(&g, want);
	assert_memory_equal(got, want, 32);
	assert_int_equal(firehose_changes_sent(f), 0);
	assert_ok(firehose_patch(f, &patch, &e), e);
	assert_ok(firehose_set_bootable(f, 1, &e), e);
	assert_ok(firehose_send_verbatim(f, tag, 15000, &e), e);
	assert_non_null(strstr(d.last, tag));
	assert_int_equal(firehose_changes_sent(f), 3);
	assert_int_equal(d.erases, 0);
	d.nak = "erase";
	d.nak_text = "[harden] project name or type = RM520NGL error!";
	assert_err(firehose_send_verbatim(f, tag, 15000, &e), e, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "[harden]"));
	firehose_close(f);
	fhd_fini(&d);

	fhd_init(&d, 'A', 2048);
	f = open_ok(&d);
	assert_err(firehose_sha256(f, &x, got, &e), e, ERR_UNSUPPORTED);
	assert_err(firehose_patch(f, &patch, &e), e, ERR_UNSUPPORTED);
	assert_err(firehose_set_bootable(f, 1, &e), e, ERR_UNSUPPORTED);
	assert_err(firehose_send_verbatim(f, tag, 15000, &e), e, ERR_POLICY);
	assert_string_equal(d.names, "configure;");
	firehose_close(f);
	fhd_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_of_the_wrong_length_are_told),
		cmocka_unit_test(failing_sources_leave_no_target_waiting),
		cmocka_unit_test(refusals_in_the_middle_of_data_are_noticed),
		cmocka_unit_test(erases_are_whole_blocks_on_the_storage),
		cmocka_unit_test(bad_blocks_are_collected),
		cmocka_unit_test(digest_patch_bootable_and_vendor_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
