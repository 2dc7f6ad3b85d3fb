/* The emulated module's firmware over flash: one file system behind DIAG, AT and Firehose, and what
 * becomes of a module that loses it. */
#include "tests/unit/unit.h"
#include "tests/unit/emu_diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF "<configure MemoryName=\"nand\" />"
/* EFS2 of the EC25: partition-tables.md section 5.1 */
#define EFS_BLOCK  20
#define EFS_BLOCKS 136
#define PPB        64
#define PAGE       2048
#define MODE "\x4b\x65\x01\x00"

static void to_edl(struct rig *r)
{
	uint8_t a[4096];

	assert_int_equal(dg_ask(r, MODE, 4, a), 4);
	rig_until(r, EMU_EDL);
	rig_to_firehose(r, "MDM9x07", 'A');
	rig_do(r, CONF, "ACK");
}

static void from_edl(struct rig *r, enum emu_mode mode)
{
	rig_do(r, "<power value=\"reset\" />", "ACK");
	rig_until(r, mode);
}

static void erase_blocks(struct rig *r, unsigned block, unsigned n)
{
	char tag[256];

	snprintf(tag, sizeof(tag),
		 "<erase PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"2048\" num_partition_sectors=\"%u\" "
		 "physical_partition_number=\"0\" start_sector=\"%u\" />", n * PPB, block * PPB);
	rig_do(r, tag, "ACK");
}

static void program_pages(struct rig *r, unsigned page, const uint8_t *p, unsigned n)
{
	char tag[256];
	size_t left = (size_t)n * PAGE, part;

	snprintf(tag, sizeof(tag),
		 "<program PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"2048\" num_partition_sectors=\"%u\" "
		 "physical_partition_number=\"0\" start_sector=\"%u\" />", n, page);
	rig_do(r, tag, "ACK");
	for (; left; left -= part, p += part) {
		part = MIN_OF(left, (size_t)8192);
		assert_int_equal(rig_out(r, p, part), 0);
	}
	assert_non_null(strstr(rig_response(r, NULL, 0), "ACK"));
}

static void expect_lost(struct rig *r)
{
	uint8_t b[128] = { 8 };

	at_expect(r, "AT+CFUN?", "+CFUN: 5");
	at_expect(r, "AT+CFUN=1", "+CME ERROR: 3");
	at_expect(r, "AT+EGMR=0,7", "+EGMR: \"\"");
	at_expect(r, "AT+CPIN?", "READY");
	at_expect(r, "AT+CSQ", "99,99");
	at_expect(r, "AT+CREG?", "0,0");
	assert_null(strstr(at_ask(r, "AT+CGSN"), "490154"));
	assert_int_equal(dg_nv_read(r, 550, b), 5);
	assert_int_equal(dg_list(r, "/nv/item_files/rfnv", NULL, 0), -2);
	assert_int_equal(dg_nv_write(r, 550, b, 9), 4);
	dg_ask(r, "\x4b\x0f\0\0", 4, r->out);
	assert_int_equal(get_le32(r->out + 8), 1); /* call manager: factory test mode */
}

static void what_firehose_erases_diag_no_longer_finds(void **state)
{
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_get(&r, "/nvm/num/550", b), 9);
	to_edl(&r);
	erase_blocks(&r, EFS_BLOCK, EFS_BLOCKS);
	from_edl(&r, EMU_NORMAL);
	expect_lost(&r);
	rig_reset(&r);
	expect_lost(&r); /* it has formatted, that helps nothing */
	/* The number can be given back, calibration cannot. */
	at_expect(&r, "AT+EGMR=1,7,\"490154203237518\"", "OK");
	rig_reset(&r);
	at_expect(&r, "AT+CGSN", "490154203237518");
	at_expect(&r, "AT+CFUN?", "+CFUN: 5");
	/* Items as files open the way for items by number. */
	assert_int_equal(dg_put(&r, "/nv/item_files/rfnv/00020000", PUT_ITEM, "1234", 4), 0);
	assert_int_equal(dg_nv_write(&r, 10, "\0\4\0", 3), 0);
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	rig_close(&r);
}

/* Copies efs2 page by page from the state of one module to another. skip_blank: as it must be done. */
static void transplant(struct rig *from, struct rig *to, bool skip_blank)
{
	uint8_t *block = malloc(PPB * PAGE);
	unsigned b, n;

	assert_non_null(block);
	erase_blocks(to, EFS_BLOCK, EFS_BLOCKS);
	for (b = EFS_BLOCK; b < EFS_BLOCK + EFS_BLOCKS; b++) {
		assert_int_equal(emu_peek(from->m, 0, b * PPB, block, PPB * PAGE), 0);
		n = PPB;
		while (n && skip_blank && slice_all(SLICE(block + (n - 1) * PAGE, PAGE), 0xff))
			n--;
		/* Blank data blocks do no harm; those of the log region do. */
		if (!skip_blank && b < EFS_BLOCK + EFS_BLOCKS - 2)
			while (n && slice_all(SLICE(block + (n - 1) * PAGE, PAGE), 0xff))
				n--;
		if (n)
			program_pages(to, b * PPB, block, n);
	}
	free(block);
}

static void a_copied_efs2_brings_the_donors_number(void **state)
{
	struct rig a, b;

	(void)state;
	rig_open(&a, "ec25", NULL);
	rig_open(&b, "ec25", "set=firmware.imei:356938035643809");
	at_expect(&b, "AT+CGSN", "356938035643809");
	to_edl(&a);
	to_edl(&b);
	transplant(&a, &b, true);
	from_edl(&b, EMU_NORMAL);
	at_expect(&b, "AT+CFUN?", "+CFUN: 1");
	at_expect(&b, "AT+CGSN", "490154203237518");
	rig_close(&a);
	rig_close(&b);
}

static void programmed_blank_pages_in_the_log_region_kill_it(void **state)
{
	struct rig a, b;

	(void)state;
	rig_open(&a, "ec25", NULL);
	rig_open(&b, "ec25", NULL);
	to_edl(&a);
	to_edl(&b);
	transplant(&a, &b, false);
	assert_true(emu_counters(b.m)->pages_programmed_all_ff > 60);
	from_edl(&b, EMU_DUMP);
	rig_close(&a);
	rig_close(&b);
}

static void data_of_another_variant_leaves_it_offline(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "rm520n", NULL);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	emu_close(r.m);
	rig_reopen(&r, "rm520n", "set=firmware.revision:RM520NGLAPR01A03M4G");
	at_expect(&r, "AT+CFUN?", "+CFUN: 7");
	at_expect(&r, "AT+CFUN=1", "+CME ERROR: 0");
	at_expect(&r, "AT+CGSN", "490154203237518");
	emu_close(r.m);
	/* Another release of the same variant is fine. */
	rig_reopen(&r, "rm520n", "set=firmware.revision:RM520NGLAAR03A04M4G");
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	/* And so is hardware id 1878 of another board not. */
	assert_int_equal(dg_nv_write(&r, 1878, "\1\2\3\4", 4), 0);
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 7");
	rig_close(&r);
}

static void item_453_holds_it_in_factory_test_mode(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_nv_write(&r, 453, "\1", 1), 0);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 5");
	at_expect(&r, "AT+CGSN", "490154203237518");
	assert_int_equal(dg_nv_write(&r, 453, "\0", 1), 0);
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	rig_close(&r);
}

static void writes_last_when_synced_and_may_be_lost_before(void **state)
{
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "back=10");
	assert_int_equal(dg_sync(&r), 306);
	assert_int_equal(dg_put(&r, "/public/a", PUT_ITEM, "1", 1), 0);
	assert_int_equal(dg_sync(&r), 0);
	assert_int_equal(dg_put(&r, "/public/b", PUT_ITEM, "2", 1), 0);
	emu_power_cycle(r.m);
	rig_until(&r, EMU_NORMAL);
	assert_int_equal(dg_get(&r, "/public/a", b), 1);
	assert_int_equal(dg_get(&r, "/public/b", b), -2);
	assert_int_equal(dg_put(&r, "/public/b", PUT_ITEM, "2", 1), 0);
	rig_reset(&r); /* orderly: the firmware writes back */
	assert_int_equal(dg_get(&r, "/public/b", b), 1);
	assert_int_equal(emu_counters(r.m)->pages_programmed, 0); /* nobody but the firmware wrote */
	rig_close(&r);
}

static void a_full_journal_takes_nothing_until_synced(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "journal=2");
	assert_int_equal(dg_put(&r, "/public/a", PUT_ITEM, "1", 1), 0);
	assert_int_equal(dg_nv_write(&r, 10, "\0\4\0", 3), 0);
	assert_int_equal(dg_put(&r, "/public/b", PUT_ITEM, "1", 1), 28);
	assert_int_equal(dg_nv_write(&r, 10, "\0\4\0", 3), 3);
	assert_int_equal(dg_sync(&r), 0);
	assert_int_equal(dg_put(&r, "/public/b", PUT_ITEM, "1", 1), 0);
	rig_close(&r);
}

static void items_of_a_wrong_size_are_deleted(void **state)
{
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_put(&r, "/nvm/num/447", PUT_ITEM, "1234567", 7), 0);
	assert_int_equal(dg_get(&r, "/nvm/num/447", b), 7);
	assert_int_equal(dg_nv_read(&r, 447, b), 5); /* the read deletes it */
	assert_int_equal(dg_get(&r, "/nvm/num/447", b), -2);
	assert_int_equal(dg_put(&r, "/nvm/num/569", PUT_ITEM, "12345678", 8), 0);
	rig_reset(&r); /* and so does the start */
	assert_int_equal(dg_get(&r, "/nvm/num/569", b), -2);
	rig_close(&r);
}

static void the_number_may_be_written_once_only(void **state)
{
	static const uint8_t other[9] = { 0x08, 0x3a, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x90 };
	uint8_t b[128] = { 0 };
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", "write_once");
	assert_int_equal(dg_nv_write(&r, 550, other, 9), 0); /* says yes */
	assert_int_equal(dg_nv_read(&r, 550, b), 0);
	assert_int_equal(b[1], 0x4a);                        /* and did nothing */
	rig_close(&r);
	rig_open(&r, "ec25", "write_once=readonly");
	assert_int_equal(dg_nv_write(&r, 550, other, 9), 7);
	rig_close(&r);
	rig_open(&r, "ec25", NULL);
	assert_int_equal(dg_nv_write(&r, 550, other, 9), 0);
	at_expect(&r, "AT+EGMR=0,7", "356938035643809");
	at_expect(&r, "AT+CGSN", "490154203237518"); /* the stack has read it at the start */
	rig_reset(&r);
	at_expect(&r, "AT+CGSN", "356938035643809");
	rig_close(&r);
}

static void the_modules_own_copy_brings_it_back(void **state)
{
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	at_expect(&r, "AT+QPRTPARA=4", "+QPRTPARA: 1,0,");
	assert_int_equal(dg_put(&r, "/public/a", PUT_ITEM, "1", 1), 0);
	at_expect(&r, "AT+QPRTPARA=1", "OK");
	at_expect(&r, "AT+QPRTPARA=4", "+QPRTPARA: 2,0,");
	to_edl(&r);
	erase_blocks(&r, EFS_BLOCK, EFS_BLOCKS);
	from_edl(&r, EMU_NORMAL);
	expect_lost(&r);
	at_expect(&r, "AT+QPRTPARA=3", "OK");
	expect_lost(&r); /* takes effect at the next start */
	rig_reset(&r);
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	at_expect(&r, "AT+CGSN", "490154203237518");
	at_expect(&r, "AT+QPRTPARA=4", "+QPRTPARA: 2,1,");
	assert_int_equal(dg_get(&r, "/public/a", b), 1);
	/* A copy made of a wiped module is no help any more. */
	to_edl(&r);
	erase_blocks(&r, EFS_BLOCK, EFS_BLOCKS);
	from_edl(&r, EMU_NORMAL);
	at_expect(&r, "AT+QPRTPARA=1", "OK");
	at_expect(&r, "AT+QPRTPARA=3", "OK");
	rig_reset(&r);
	expect_lost(&r);
	assert_int_equal(emu_counters(r.m)->qprtpara_copies, 2);
	rig_close(&r);
	rig_open(&r, "ec25", "blank=EFS2;qprtpara=no_restore");
	at_expect(&r, "AT+QPRTPARA=3", "ERROR");
	rig_close(&r);
	rig_open(&r, "ec25", "blank=EFS2;self_heal");
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	rig_close(&r);
}

static void at_has_echo_errors_and_urcs(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "rm520n", "urc=2;qgmr_short=1;blank=EFS2");
	assert_string_equal(at_ask(&r, "AT+CFUN=1"), "\r\n+CME ERROR: 0\r\n");
	assert_memory_equal(r.in, "AT+CFUN=1\r", 10);
	at_expect(&r, "ATE0", "OK");
	at_ask(&r, "AT+QGMR");
	assert_non_null(strstr((char *)r.in, "RM520NGLAAR03A03M4G_01.016.00.000"));
	assert_memory_equal(r.in, "\r\nRM520N", 8);
	at_expect(&r, "AT+QGMR", "RM520NGLAAR03A03M4G_01.201.01.201");
	at_expect(&r, "AT+CMEE=2", "OK");
	at_expect(&r, "AT+CFUN=1", "+CME ERROR: phone failure");
	at_expect(&r, "AT+CMEE=0", "OK");
	at_expect(&r, "AT+CFUN=1", "\r\nERROR\r\n");
	at_expect(&r, "AT+QDOWNLOAD=1", "ERROR");
	at_ask(&r, "ATI");
	assert_non_null(strstr((char *)r.in, "+C")); /* something unasked in between */
	rig_close(&r);
	rig_open(&r, "ec25", "at=deaf");
	assert_string_equal(at_ask(&r, "ATI"), "");
	assert_int_equal(dg_nv_read(&r, 10, NULL), 0); /* DIAG lives */
	rig_close(&r);
}

static void at_reads_and_writes_the_same_files(void **state)
{
	uint8_t b[1024];
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	at_expect(&r, "AT+QNVFR=\"/nvm/num/550\"", "+QNVFR: 084A09512430325781\r\n");
	at_expect(&r, "AT+QNVFW=\"/public/dir/x\",0A0B", "OK");
	assert_int_equal(dg_get(&r, "/public/dir/x", b), 2);
	at_expect(&r, "AT+QNVFD=\"/public/dir/x\"", "OK");
	assert_int_equal(dg_get(&r, "/public/dir/x", b), -2);
	at_expect(&r, "AT+QNVW=10,0,\"000500\"", "OK");
	assert_int_equal(dg_nv_read(&r, 10, b), 0);
	assert_int_equal(b[1], 5);
	at_expect(&r, "AT+QNVR=10,0", "+QNVR: \"000500");
	rig_close(&r);
}

static void managed_storage_falls_back_to_its_golden_copy(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "emmc", NULL);
	at_expect(&r, "AT+CGSN", "490154203237518");
	rig_close(&r);
	rig_open(&r, "emmc", "blank=modemst1;blank=modemst2");
	at_expect(&r, "AT+CFUN?", "+CFUN: 1");
	at_expect(&r, "AT+EGMR=0,7", "+EGMR: \"\"");
	rig_close(&r);
	rig_open(&r, "emmc", "blank=modemst1;blank=modemst2;blank=fsg");
	at_expect(&r, "AT+CFUN?", "+CFUN: 5");
	rig_close(&r);
}

static void a_power_off_by_software_lasts(void **state)
{
	struct rig r;

	(void)state;
	rig_open(&r, "ec25", NULL);
	at_expect(&r, "AT+QPOWD=1", "POWERED DOWN");
	rig_pass(&r, 60000);
	assert_int_equal(emu_mode(r.m), EMU_OFF);
	emu_power_cycle(r.m);
	rig_until(&r, EMU_NORMAL);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_firehose_erases_diag_no_longer_finds),
		cmocka_unit_test(a_copied_efs2_brings_the_donors_number),
		cmocka_unit_test(programmed_blank_pages_in_the_log_region_kill_it),
		cmocka_unit_test(data_of_another_variant_leaves_it_offline),
		cmocka_unit_test(item_453_holds_it_in_factory_test_mode),
		cmocka_unit_test(writes_last_when_synced_and_may_be_lost_before),
		cmocka_unit_test(a_full_journal_takes_nothing_until_synced),
		cmocka_unit_test(items_of_a_wrong_size_are_deleted),
		cmocka_unit_test(the_number_may_be_written_once_only),
		cmocka_unit_test(the_modules_own_copy_brings_it_back),
		cmocka_unit_test(at_has_echo_errors_and_urcs),
		cmocka_unit_test(at_reads_and_writes_the_same_files),
		cmocka_unit_test(managed_storage_falls_back_to_its_golden_copy),
		cmocka_unit_test(a_power_off_by_software_lasts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
