#include "unit.h"

#include "backup/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct err e;

static void raw(struct manifest *m, const char *partition, uint64_t start, uint64_t count, uint8_t reads)
{
	struct manifest_item it = { .kind = ITEM_RAW, .size = count * 2048 };
	char name[80];

	snprintf(name, sizeof(name), "edl/%s.bin", partition);
	it.name = name;
	it.raw.partition = (char *)(uintptr_t)partition;
	it.raw.at = (struct extent){ 0, start, count };
	it.raw.reads = reads;
	assert_ok(manifest_add(m, &it, &e), e);
}

static void part(struct manifest *m, const char *name, uint64_t start, uint64_t count)
{
	struct partition p = { .at = { 0, start, count } };

	snprintf(p.name, sizeof(p.name), "%s", name);
	m->table.kind = TABLE_MIBIB;
	assert_ok(table_add(&m->table, &p, &e), e);
}

static void file(struct manifest *m, const char *path, uint32_t mode)
{
	struct manifest_item it = { .kind = ITEM_EFS, .size = 9, .efs = { .mode = mode } };

	assert_ok(manifest_name_of_path("diag/efs", path, &it.name, &e), e);
	assert_ok(manifest_add(m, &it, &e), e);
	free(it.name);
}

static void rfnv(struct manifest *m, unsigned n)
{
	char path[64];

	while (n--) {
		snprintf(path, sizeof(path), "/nv/item_files/rfnv/%08u", 20000 + n);
		file(m, path, 0160777);
	}
}

static void gap(struct manifest *m, enum gap_how how, bool folder, const char *what)
{
	assert_ok(manifest_add_gap(m, how, folder, what, "why", &e), e);
}

static void edl(struct manifest *m)
{
	manifest_init(m);
	m->asked = m->via = MANIFEST_EDL;
	m->module.chip.has_serial = true;
	m->has_geometry = true;
	m->geometry.sector_size = 2048;
	part(m, "0:SBL", 0, 4);
	part(m, "0:EFS2", 4, 8);
	part(m, "sys_rev", 12, 4);
	raw(m, "0:EFS2", 4, 8, 2);
	raw(m, "sys_rev", 12, 4, 2);
}

static void diag(struct manifest *m, const char *revision, unsigned n_rfnv)
{
	manifest_init(m);
	m->asked = m->via = MANIFEST_DIAG;
	m->module.chip.has_serial = true;
	assert_ok(manifest_set(&m->module.revision, revision, &e), e);
	file(m, "/nvm/num/550", 0160777);
	file(m, "/nvm/num/1878", 0160777);
	file(m, "/nv", 0040777);
	rfnv(m, n_rfnv);
	m->has_listed_efs = true;
	m->listed_efs = n_rfnv + 2;
}

/* Judges and frees; checks the first reason when one is given. */
static void expect(struct manifest *m, enum verdict verdict, bool as_asked, const char *reason)
{
	size_t i;
	bool said = !reason;

	assert_ok(judge(m, &e), e);
	for (i = 0; i < m->n_reasons; i++)
		said |= reason && strstr(m->reason[i], reason);
	if (m->verdict != verdict || m->as_asked != as_asked || !said)
		fail_msg("verdict %s%s; %s", verdict_name(m->verdict), m->as_asked ? ", as asked" : "",
			 m->n_reasons ? m->reason[0] : "no reason");
	if (verdict == VERDICT_COMPLETE && !reason)
		assert_int_equal(m->n_reasons, 0);
	manifest_fini(m);
}

static void either_source_alone_can_be_complete(void **state)
{
	struct manifest m;

	(void)state;
	edl(&m);
	expect(&m, VERDICT_COMPLETE, true, NULL);
	diag(&m, "EC25EFAR06A17M4G", 3);
	expect(&m, VERDICT_COMPLETE, true, NULL);
	diag(&m, "RM520NGLAAR03A03M4G", 70);
	expect(&m, VERDICT_COMPLETE, true, NULL);
}

/* The case that users met: folders in plenty and not one file, called a success. */
static void folders_without_files_are_unusable(void **state)
{
	struct manifest m;
	char path[32];
	unsigned i;

	(void)state;
	manifest_init(&m);
	m.asked = m.via = MANIFEST_DIAG;
	m.module.chip.has_serial = true;
	for (i = 0; i < 69; i++) {
		snprintf(path, sizeof(path), "/d%u", i);
		file(&m, path, 0040777);
	}
	expect(&m, VERDICT_UNUSABLE, true, "neither identity nor RF");
	manifest_init(&m);
	expect(&m, VERDICT_UNUSABLE, true, "neither");
}

static void what_is_missing_makes_it_partial(void **state)
{
	struct manifest m;

	(void)state;
	edl(&m);
	part(&m, "rawdata", 16, 4);
	expect(&m, VERDICT_PARTIAL, false, "partition rawdata");
	edl(&m);
	part(&m, "system", 16, 4);
	expect(&m, VERDICT_COMPLETE, true, NULL);
	edl(&m);
	m.item[1].state = ITEM_PARTIAL;
	expect(&m, VERDICT_PARTIAL, false, "not whole");
	edl(&m);
	m.item[0].state = ITEM_PARTIAL;
	expect(&m, VERDICT_UNUSABLE, false, "raw copy");
	edl(&m);
	m.table.kind = TABLE_NONE;
	expect(&m, VERDICT_PARTIAL, true, "table");
	diag(&m, "RM520NGLAAR03A03M4G", 69);
	expect(&m, VERDICT_PARTIAL, true, "at least 70");
	diag(&m, "EC25EFAR06A17M4G", 0);
	m.item[0].size = 0; /* an IMEI item without an IMEI */
	expect(&m, VERDICT_PARTIAL, true, "NV 550");
	diag(&m, "EC25EFAR06A17M4G", 0);
	m.item[1].size = 0;
	expect(&m, VERDICT_UNUSABLE, true, "no radio");
	diag(&m, "EC25EFAR06A17M4G", 3);
	m.listed_efs++;
	expect(&m, VERDICT_PARTIAL, false, "lists 6 files");
	diag(&m, "EC25EFAR06A17M4G", 3);
	m.has_listed_nv = true;
	m.listed_nv = 1;
	expect(&m, VERDICT_PARTIAL, false, "NV items");
}

static void gaps_weigh_what_they_cost(void **state)
{
	static const struct {
		enum gap_how how;
		bool folder;
		const char *what;
		enum verdict verdict;
		bool as_asked;
		const char *said;
	} rows[] = {
		{ GAP_ABSENT, false, "/nv/item_files/rfnv/00029999", VERDICT_COMPLETE, true, NULL },
		{ GAP_REFUSED, false, "/nv/item_files/ims/x", VERDICT_COMPLETE, true, "refused" },
		{ GAP_REFUSED, true, "/nv/item_files/ims", VERDICT_PARTIAL, true, "folder" },
		{ GAP_REFUSED, false, "/nv/item_files/rfnv/00029999", VERDICT_PARTIAL, false, "refused" },
		{ GAP_REFUSED, false, "/unheard/of", VERDICT_PARTIAL, false, "refused" },
		{ GAP_REFUSED, true, "/nvm/alpha/modem", VERDICT_COMPLETE, true, NULL },
		{ GAP_FAILED, false, "/err/log", VERDICT_COMPLETE, false, NULL },
		{ GAP_FAILED, false, "/nv/item_files/ims/x", VERDICT_PARTIAL, false, "could not be read" },
		{ GAP_REFUSED, false, "nv 85 index 0", VERDICT_COMPLETE, true, "refused" },
		{ GAP_REFUSED, false, "nv 571 index 0", VERDICT_PARTIAL, false, "refused" },
		{ GAP_SKIPPED, false, "edl/rawdata", VERDICT_PARTIAL, true, "left out" },
	};
	struct manifest m;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		diag(&m, "EC25EFAR06A17M4G", 3);
		gap(&m, rows[i].how, rows[i].folder, rows[i].what);
		expect(&m, rows[i].verdict, rows[i].as_asked, rows[i].said);
	}
}

static void what_was_asked_for_and_silent_is_said(void **state)
{
	struct manifest m;

	(void)state;
	edl(&m);
	m.asked |= MANIFEST_DIAG;
	expect(&m, VERDICT_PARTIAL, false, "over DIAG");
	edl(&m);
	m.asked |= MANIFEST_AT;
	expect(&m, VERDICT_COMPLETE, false, "over AT");
	edl(&m);
	m.item[0].raw.reads = 1;
	expect(&m, VERDICT_COMPLETE, true, "once only");
	edl(&m);
	m.module.chip.has_serial = false;
	expect(&m, VERDICT_COMPLETE, true, "no identity");
	/* A part that was asked for alone is as asked, and yet no complete backup. */
	edl(&m);
	assert_ok(manifest_add_only(&m, "efs2", &e), e);
	manifest_item_fini(&m.item[1]);
	m.n_items = 1;
	expect(&m, VERDICT_PARTIAL, true, "only parts");
	edl(&m);
	assert_ok(manifest_add_only(&m, "modem", &e), e);
	expect(&m, VERDICT_PARTIAL, false, "'modem'");
}

static void thousands_of_reasons_stay_a_list(void **state)
{
	struct manifest m;
	unsigned i;
	char what[32];

	(void)state;
	diag(&m, "EC25EFAR06A17M4G", 3);
	for (i = 0; i < 3000; i++) {
		snprintf(what, sizeof(what), "/f%u", i);
		gap(&m, GAP_FAILED, false, what);
	}
	assert_ok(judge(&m, &e), e);
	assert_true(m.n_reasons < MANIFEST_MAX_REASONS);
	assert_non_null(strstr(m.reason[m.n_reasons - 1], "more of this kind"));
	/* Judging twice changes nothing. */
	i = (unsigned)m.n_reasons;
	assert_ok(judge(&m, &e), e);
	assert_int_equal(m.n_reasons, i);
	manifest_fini(&m);
}

static void tables_are_in_order(void **state)
{
	(void)state;
	assert_int_equal(judge_path("/nv/item_files/rfnv/00020000"), JUDGE_UNIT);
	assert_int_equal(judge_path("/nv/item_files/rfnvx"), JUDGE_MODEL);
	assert_int_equal(judge_path("/nvm/alpha/modem/nas/x"), JUDGE_CACHE);
	assert_int_equal(judge_path("/nvm/num/550"), JUDGE_UNIT);
	assert_int_equal(judge_path("/nv/item_files/modem/mmode/x"), JUDGE_MODEL);
	assert_int_equal(judge_model_find("RM551EGLAA")->min_rfnv, 100);
	assert_int_equal(judge_model_find(NULL)->min_rfnv, 0);
	assert_int_equal(judge_model_find("XYZ")->min_rfnv, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_source_alone_can_be_complete),
		cmocka_unit_test(folders_without_files_are_unusable),
		cmocka_unit_test(what_is_missing_makes_it_partial),
		cmocka_unit_test(gaps_weigh_what_they_cost),
		cmocka_unit_test(what_was_asked_for_and_silent_is_said),
		cmocka_unit_test(thousands_of_reasons_stay_a_list),
		cmocka_unit_test(tables_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
