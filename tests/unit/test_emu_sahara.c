/* The emulated boot ROM against the byte-exact vectors of the protocol notes. Independent of src/wire. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_util.h"

#include "tests/emu/programmer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define Z24 "00000000 00000000 00000000 00000000 00000000 00000000"
#define HELLO "01000000 30000000 02000000 01000000 00040000 00000000 " Z24
#define HELLO_RESP(mode) "02000000 30000000 02000000 01000000 00000000 " mode " " Z24

static void hello_comes_once(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	assert_int_equal(emu_mode(r.m), EMU_EDL);
	rig_expect_hex(&r, HELLO);
	assert_int_equal(rig_in(&r, 4096, 60000), -EAGAIN);
	rig_close(&r);
}

static void upload_follows_the_headers_of_the_file(void **state)
{
	struct programmer_spec spec = { .chip = "MDM9x07", .family = 'A' };
	struct rig r;
	uint8_t *p;
	size_t n;

	(void)state;
	assert_int_equal(programmer_make(&spec, &p, &n), 0);
	rig_open(&r, "ec25", "start=edl");
	rig_expect_hex(&r, HELLO);
	rig_out_hex(&r, HELLO_RESP("00000000"));
	rig_expect_hex(&r, "03000000 14000000 0d000000 00000000 34000000");
	assert_int_equal(rig_out(&r, p, 0x34), 0);
	rig_expect_hex(&r, "03000000 14000000 0d000000 34000000 60000000");
	assert_int_equal(rig_out(&r, p + 0x34, 0x60), 0);
	rig_expect_hex(&r, "03000000 14000000 0d000000 00100000 00100000");
	assert_int_equal(rig_out(&r, p + 0x1000, 0x1000), 0);
	rig_expect_hex(&r, "03000000 14000000 0d000000 00200000 88090000");
	free(p);
	rig_close(&r);
}

static void done_leads_to_the_banner_after_a_second(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	rig_to_firehose(&r, "MDM9x07", 'A');
	rig_do(&r, "<nop />", "value=\"ACK\"");
	rig_close(&r);
}

static void corrupt_segment_is_refused_with_its_status(void **state)
{
	struct programmer_spec spec = { .chip = "MDM9x07", .family = 'A' };
	struct rig r;
	uint8_t *p;
	size_t n;

	(void)state;
	assert_int_equal(programmer_make(&spec, &p, &n), 0);
	p[0x3000 + 5000] ^= 1;
	rig_open(&r, "ec25", "start=edl");
	rig_in(&r, 4096, 10);
	rig_out_hex(&r, HELLO_RESP("00000000"));
	for (;;) {
		assert_true(rig_in(&r, 4096, 5) > 0);
		if (get_le32(r.in) == 4)
			break;
		rig_out(&r, p + get_le32(r.in + 12), get_le32(r.in + 16));
	}
	assert_int_equal(get_le32(r.in + 12), 0x22);
	free(p);
	rig_close(&r);
}

static void not_an_elf_is_refused(void **state)
{
	uint8_t zero[0x34] = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	rig_in(&r, 4096, 10);
	rig_out_hex(&r, HELLO_RESP("00000000"));
	rig_in(&r, 4096, 10);
	rig_out(&r, zero, sizeof(zero));
	rig_expect_hex(&r, "04000000 10000000 0d000000 14000000");
	rig_close(&r);
}

static void fused_chip_refuses_an_unsigned_programmer(void **state)
{
	static const struct {
		const char *quirk;
		bool is_signed;
		int status; /* -1 = silence */
	} rows[] = { { "start=edl;secure_boot=0x25", false, 0x25 },
		     { "start=edl;secure_boot=0x25", true, 0 },
		     { "start=edl;secure_boot=silent", false, -1 } };
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct programmer_spec spec = { .chip = "MDM9x07", .family = 'A',
						.signed_ok = rows[i].is_signed };
		struct rig r;
		uint8_t *p;
		ssize_t got;

		assert_int_equal(programmer_make(&spec, &p, &n), 0);
		rig_open(&r, "ec25", rows[i].quirk);
		rig_in(&r, 4096, 10);
		rig_out_hex(&r, HELLO_RESP("00000000"));
		while ((got = rig_in(&r, 4096, 5000)) > 0 && get_le32(r.in) == 3)
			rig_out(&r, p + get_le32(r.in + 12), get_le32(r.in + 16));
		if (rows[i].status < 0) {
			assert_int_equal(got, -EAGAIN);
		} else {
			assert_int_equal(got, 16);
			assert_int_equal(get_le32(r.in + 12), rows[i].status);
		}
		free(p);
		rig_close(&r);
	}
}

static void identity_vectors(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	rig_expect_hex(&r, HELLO);
	rig_out_hex(&r, HELLO_RESP("03000000"));
	rig_expect_hex(&r, "0b000000 08000000");
	rig_out_hex(&r, "0d000000 0c000000 01000000");
	rig_expect_hex(&r, "0e000000 10000000 01000000 04000000");
	rig_out_hex(&r, "0f000000 0c000000 01000000");
	rig_expect_hex(&r, "4d3c2b1a");
	rig_out_hex(&r, "0d000000 0c000000 02000000");
	rig_expect_hex(&r, "0e000000 10000000 02000000 08000000");
	rig_out_hex(&r, "0f000000 0c000000 02000000");
	rig_expect_hex(&r, "00000000e1800400");
	rig_out_hex(&r, "0d000000 0c000000 03000000");
	rig_expect_hex(&r, "0e000000 10000000 03000000 20000000");
	rig_out_hex(&r, "0f000000 0c000000 03000000");
	rig_expect_hex(&r, "cc3153a80293939b90d02d3bf8b23e0292e452fef662c74998421adad42a380f");
	rig_out_hex(&r, "0d000000 0c000000 08000000");
	rig_expect_hex(&r, "04000000 10000000 00000000 1f000000");
	rig_out_hex(&r, "0c000000 0c000000 00000000");
	rig_expect_hex(&r, HELLO);
	rig_close(&r);
}

static void stray_byte_brings_a_fresh_hello_or_status_1(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	rig_expect_hex(&r, HELLO);
	rig_out_hex(&r, "3a");
	rig_expect_hex(&r, HELLO);
	rig_close(&r);
	rig_open(&r, "ec25", "start=edl;stray=end");
	rig_expect_hex(&r, HELLO);
	rig_out_hex(&r, "3a");
	rig_expect_hex(&r, "04000000 10000000 00000000 01000000");
	rig_out_hex(&r, "13000000 08000000");
	rig_expect_hex(&r, HELLO);
	rig_close(&r);
}

static void reset_leaves_the_bus_and_boots(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	rig_expect_hex(&r, HELLO);
	rig_out_hex(&r, "07000000 08000000");
	rig_expect_hex(&r, "08000000 08000000");
	rig_pass(&r, 100);
	assert_int_equal(emu_mode(r.m), EMU_OFF);
	assert_int_equal(emu_out(r.m, 0, "x", 1), -ENODEV);
	rig_pass(&r, 15000);
	assert_int_equal(emu_mode(r.m), EMU_NORMAL);
	assert_int_equal(emu_usb(r.m)->n_ifaces, 5);
	rig_close(&r);
}

static void dump_32_and_64_bit_tables(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=dump");
	rig_expect_hex(&r, "01000000 30000000 02000000 01000000 00040000 02000000 " Z24);
	rig_out_hex(&r, HELLO_RESP("02000000"));
	rig_expect_hex(&r, "09000000 10000000 00002100 9c000000"); /* three regions of 52 */
	rig_out_hex(&r, "0a000000 10000000 00002100 34000000");
	rig_expect_hex(&r, "01000000 00000080 00001000"
			   "44445220435330 00000000000000000000000000"
			   "444452435330 2e42494e 00000000000000000000");
	rig_out_hex(&r, "0a000000 10000000 00000080 04000000");
	rig_expect_hex(&r, "00010203");
	rig_out_hex(&r, "0a000000 10000000 00000070 04000000");
	rig_expect_hex(&r, "04000000 10000000 00000000 19000000");
	rig_close(&r);
	rig_open(&r, "ec25", "start=dump;set=sahara.dump64:yes");
	rig_in(&r, 4096, 10);
	rig_out_hex(&r, HELLO_RESP("02000000"));
	rig_expect_hex(&r, "10000000 18000000 00006a1400000000 c000000000000000");
	rig_out_hex(&r, "11000000 18000000 00006a1400000000 4000000000000000");
	rig_expect_hex(&r, "0100000000000000 0000008000000000 0000100000000000"
			   "44445220435330 00000000000000000000000000"
			   "444452435330 2e42494e 00000000000000000000");
	rig_close(&r);
}

static void hello_quirks(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl;hello=lost,count=1");
	assert_int_equal(rig_in(&r, 4096, 5000), -EAGAIN);
	rig_out_hex(&r, "13000000 08000000");
	rig_expect_hex(&r, HELLO);
	rig_close(&r);
	rig_open(&r, "ec25", "start=edl;hello=double,count=1");
	rig_expect_hex(&r, HELLO);
	rig_expect_hex(&r, HELLO);
	rig_close(&r);
}

static void image_reads_of_64_bits(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl;set=sahara.read64:yes");
	rig_in(&r, 4096, 10);
	rig_out_hex(&r, HELLO_RESP("00000000"));
	rig_expect_hex(&r, "12000000 20000000 0d00000000000000 0000000000000000 4000000000000000");
	rig_close(&r);
}

static void short_buffer_loses_the_packet(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "start=edl");
	assert_int_equal(rig_in(&r, 16, 5), -EOVERFLOW);
	assert_int_equal(rig_in(&r, 4096, 5), -EAGAIN);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_comes_once),
		cmocka_unit_test(upload_follows_the_headers_of_the_file),
		cmocka_unit_test(done_leads_to_the_banner_after_a_second),
		cmocka_unit_test(corrupt_segment_is_refused_with_its_status),
		cmocka_unit_test(not_an_elf_is_refused),
		cmocka_unit_test(fused_chip_refuses_an_unsigned_programmer),
		cmocka_unit_test(identity_vectors),
		cmocka_unit_test(stray_byte_brings_a_fresh_hello_or_status_1),
		cmocka_unit_test(reset_leaves_the_bus_and_boots),
		cmocka_unit_test(dump_32_and_64_bit_tables),
		cmocka_unit_test(hello_quirks),
		cmocka_unit_test(image_reads_of_64_bits),
		cmocka_unit_test(short_buffer_loses_the_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
