#include "unit.h"

#include "model/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hex64[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct manifest_item item(const char *name, enum item_kind kind, uint64_t size)
{
	struct manifest_item it = { .name = (char *)(uintptr_t)name, .kind = kind, .size = size };

	memcpy(it.sha256, hex64, 65);
	return it;
}

static void fill(struct manifest *m)
{
	struct partition p = { .name = "0:EFS2", .at = { 0, 8, 8 }, .attr = { 1, 2, 3, 4 } };
	struct manifest_item it;
	struct err e = ERR_INIT;

	manifest_init(m);
	m->asked = MANIFEST_EDL | MANIFEST_AT;
	m->via = MANIFEST_EDL;
	strcpy(m->begun, "2026-01-31T12:00:00Z");
	m->begun_ms = 5;
	m->has_geometry = true;
	m->geometry = (struct geometry){ STORAGE_NAND, 2048, 64, 65536, 1, 0xef, "W71" };
	m->module.chip.has_serial = true;
	m->module.chip.serial = UINT64_MAX;
	m->module.n_imeis = 1;
	strcpy(m->module.imei[0].digits, "490154203237518");
	m->table.kind = TABLE_MIBIB;
	m->table.age = 7;
	m->has_bad_blocks = true;
	m->bad_block = calloc(2, sizeof(*m->bad_block));
	assert_non_null(m->bad_block);
	m->bad_block[1] = 99;
	m->n_bad_blocks = 2;
	m->has_listed_efs = true;
	m->verdict = VERDICT_PARTIAL;
	assert_ok(manifest_set(&m->name, "snap", &e), e);
	assert_ok(manifest_set(&m->module.revision, "EC25 \"quoted\"", &e), e);
	assert_ok(table_add(&m->table, &p, &e), e);
	assert_ok(manifest_add_only(m, "efs2", &e), e);
	assert_ok(manifest_add_reason(m, "because", &e), e);
	assert_ok(manifest_add_gap(m, GAP_REFUSED, true, "/sec", "EACCES", &e), e);
	it = item("edl/efs2.bin", ITEM_RAW, 8 * 2048);
	it.raw.at = (struct extent){ 0, 8, 8 };
	it.raw.partition = (char *)(uintptr_t)"0:EFS2";
	it.raw.map = (char *)(uintptr_t)"edl/efs2.map";
	it.raw.reads = 2;
	assert_ok(manifest_add(m, &it, &e), e);
	it = item("edl/efs2.map", ITEM_BLOCKMAP, 3);
	assert_ok(manifest_add(m, &it, &e), e);
	it = item("diag/efs/a", ITEM_EFS, 0);
	it.efs.mode = 0160777;
	it.efs.mtime = 12;
	it.state = ITEM_PARTIAL;
	it.reason = (char *)(uintptr_t)"cut";
	assert_ok(manifest_add(m, &it, &e), e);
	it = item("diag/efs/l", ITEM_EFS, 0);
	it.efs.mode = 0120777;
	it.efs.target = (char *)(uintptr_t)"/a";
	it.sha256[0] = '\0';
	assert_ok(manifest_add(m, &it, &e), e);
	it = item("diag/nv/00550_1.bin", ITEM_NV, 9);
	it.nv.id = 550;
	it.nv.index = 1;
	it.nv.sim = 1;
	assert_ok(manifest_add(m, &it, &e), e);
}

static void what_was_written_is_read_again(void **state)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX), again = BUF_INIT(MANIFEST_TEXT_MAX);
	struct manifest m, n;
	struct err e = ERR_INIT;

	(void)state;
	fill(&m);
	assert_ok(manifest_write(&m, &text, &e), e);
	assert_ok(manifest_parse(buf_slice(&text), &n, &e), e);
	assert_ok(manifest_write(&n, &again, &e), e);
	assert_slice_equal(buf_slice(&again), text.p, text.n);
	assert_true(n.module.chip.serial == UINT64_MAX && n.module.chip.has_serial);
	assert_int_equal(n.via, MANIFEST_EDL);
	assert_int_equal(n.bad_block[1], 99);
	assert_int_equal(n.item[0].raw.at.start, 8);
	assert_string_equal(n.item[0].raw.map, "edl/efs2.map");
	assert_int_equal(n.item[2].state, ITEM_PARTIAL);
	assert_string_equal(n.item[2].reason, "cut");
	assert_string_equal(n.item[3].efs.target, "/a");
	assert_false(manifest_item_has_bytes(&n.item[3]));
	assert_int_equal(n.item[4].nv.sim, 1);
	assert_int_equal(n.gap[0].how, GAP_REFUSED);
	assert_true(n.gap[0].is_folder);
	assert_int_equal(n.verdict, VERDICT_PARTIAL);
	assert_non_null(manifest_find(&n, "diag/efs/a"));
	assert_null(manifest_find(&n, "diag/efs/b"));
	buf_fini(&text);
	buf_fini(&again);
	manifest_fini(&m);
	manifest_fini(&n);
}

/* Every cut of a manifest is refused, except that of its last newline. */
static void a_cut_manifest_is_refused(void **state)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX);
	struct manifest m, n;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	fill(&m);
	assert_ok(manifest_write(&m, &text, &e), e);
	for (i = 0; i < text.n - 1; i++)
		assert_err(manifest_parse(SLICE(text.p, i), &n, &e), e, ERR_PROTO);
	buf_fini(&text);
	manifest_fini(&m);
}

/* The sample with one piece of text replaced by another. */
static int parse_with(const char *old, const char *new, struct manifest *ret, struct err *e)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX), out = BUF_INIT(MANIFEST_TEXT_MAX);
	struct manifest m;
	struct err ok = ERR_INIT;
	size_t at;
	int r;

	fill(&m);
	assert_ok(manifest_write(&m, &text, &ok), ok);
	at = slice_find(buf_slice(&text), SLICE(old, strlen(old)));
	if (at == SIZE_MAX)
		fail_msg("the sample has no '%s'", old);
	assert_ok(buf_add(&out, text.p, at, &ok), ok);
	assert_ok(buf_add(&out, new, strlen(new), &ok), ok);
	at += strlen(old);
	assert_ok(buf_add(&out, text.p + at, text.n - at, &ok), ok);
	*e = (struct err)ERR_INIT;
	r = manifest_parse(buf_slice(&out), ret, e);
	buf_fini(&text);
	buf_fini(&out);
	manifest_fini(&m);
	return r;
}

static void hostile_values_are_refused(void **state)
{
	static const char *const swaps[][2] = {
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"../efs2.bin\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"/etc/passwd\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"edl//efs2.bin\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"edl/./x\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"edl/a\\\\b\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"a\\nb\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"SHA256SUMS\"" },
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"diag/efs/a\"" },   /* twice */
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":\"diag/efs/a/b\"" }, /* below a file */
		{ "\"name\":\"edl/efs2.bin\"", "\"name\":7" },
		{ "\"name\":\"edl/efs2.bin\",", "" },
		{ "\"size\":16384", "\"size\":-1" },
		{ "\"size\":16384", "\"size\":1.5" },
		{ "\"size\":16384", "\"size\":\"16384\"" },
		{ "\"size\":16384", "\"size\":2199023255552" },
		{ "\"size\":16384", "\"size\":99999999999999999999" },
		{ "\"size\":16384", "\"size\":16385" }, /* not its extent */
		{ "\"size\":16384,", "" },
		{ "\"sha256\":\"0123", "\"sha256\":\"X123" },
		{ "\"sha256\":\"0123", "\"sha256\":\"123" },
		{ "\"map\":\"edl/efs2.map\"", "\"map\":\"edl/none\"" },
		{ "\"count\":8", "\"count\":0" },
		{ "\"id\":550", "\"id\":65536" },
		{ "\"sector_size\": 2048", "\"sector_size\": 4294967296" },
		{ "\"imei\": [", "\"imei\": [\"49015420323751\"," },
		{ "\"serial\": \"ffff", "\"serial\": \"ff" },
		{ "\"verdict\": {", "\"verdict\": 5, \"x\": {" },
		{ "\"is\": \"partial\"", "\"is\": \"great\"" },
		{ "\"as_asked\": false", "\"as_asked\": 0" },
		{ "\"only\": [", "\"only\": {}, \"x\": [" },
		{ "\"name\": \"snap\"", "\"name\": \"a/b\"" },
		{ "\"name\": \"snap\"", "\"name\": \".hidden\"" },
		{ "\"salvor_snapshot\": 1,", "" },
		{ "\"salvor_snapshot\": 1", "\"salvor_snapshot\": 0" },
		{ "\"tool\"", "\"name\"" }, /* a member twice */
		{ "\"target\":\"/a\"", "\"target\":\"/a\",\"size\":1" }, /* a link with bytes */
	};
	struct manifest m;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(swaps); i++) {
		if (parse_with(swaps[i][0], swaps[i][1], &m, &e) == 0)
			fail_msg("accepted: %s", swaps[i][1]);
		assert_int_equal(e.kind, ERR_PROTO);
		assert_true(e.msg[0] != '\0');
	}
	assert_err(parse_with("\"salvor_snapshot\": 1", "\"salvor_snapshot\": 2", &m, &e), e,
		   ERR_UNSUPPORTED);
}

static void newer_members_and_kinds_are_no_obstacle(void **state)
{
	struct manifest m;
	struct err e;

	(void)state;
	assert_ok(parse_with("\"tool\"", "\"moon\": {\"phase\": [1, null]}, \"tool\"", &m, &e), e);
	manifest_fini(&m);
	/* Unless something known leans on it. */
	assert_err(parse_with("\"kind\":\"block-map\"", "\"kind\":\"glow\"", &m, &e), e, ERR_PROTO);
	assert_ok(parse_with("\"kind\":\"nv\"", "\"kind\":\"hologram\"", &m, &e), e);
	assert_int_equal(m.item[4].kind, ITEM_OTHER);
	assert_int_equal(m.item[4].size, 9);
	manifest_fini(&m);
	/* A state with a word of its own is anything but complete. */
	assert_ok(parse_with("\"state\":\"complete\"", "\"state\":\"dubious\"", &m, &e), e);
	assert_int_equal(m.item[0].state, ITEM_PARTIAL);
	manifest_fini(&m);
}

static void a_tree_of_nothing_is_refused_unparsed(void **state)
{
	size_t n = (size_t)4 << 20;
	char *text = malloc(n);
	struct manifest m;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(text);
	memset(text, '[', n);
	assert_err(manifest_parse(SLICE(text, n), &m, &e), e, ERR_PROTO);
	assert_non_null(strstr(e.msg, "values"));
	/* Inside of a text they are only letters. */
	memset(text, ',', n);
	text[0] = '"';
	text[n - 1] = '"';
	assert_err(manifest_parse(SLICE(text, n), &m, &e), e, ERR_PROTO);
	assert_null(strstr(e.msg, "values"));
	free(text);
}

static void names_of_paths_lead_back(void **state)
{
	static const char *const paths[] = {
		"/nv/item_files/rfnv/00020000", "/a b", "/50%", "/\x01\xff", "/..", "/x/./y", "/...", "/a\\b",
	};
	struct err e = ERR_INIT;
	char *name, *path;
	char deep[2000];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		assert_ok(manifest_name_of_path("diag/efs", paths[i], &name, &e), e);
		assert_ok(manifest_name_check(name, &e), e);
		assert_ok(manifest_path_of_name("diag/efs", name, &path, &e), e);
		assert_string_equal(path, paths[i]);
		free(name);
		free(path);
	}
	assert_err(manifest_name_of_path("diag/efs", "/a//b", &name, &e), e, ERR_PROTO);
	assert_err(manifest_name_of_path("diag/efs", "/", &name, &e), e, ERR_PROTO);
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_err(manifest_name_of_path("diag/efs", deep, &name, &e), e, ERR_PROTO);
	assert_err(manifest_path_of_name("diag/efs", "diag/efs/%", &path, &e), e, ERR_PROTO);
	assert_err(manifest_path_of_name("diag/efs", "diag/efs/%00", &path, &e), e, ERR_PROTO);
	assert_err(manifest_path_of_name("diag/efs", "diag/nv/1", &path, &e), e, ERR_PROTO);
}

static void fuses_decide_who_a_module_is(void **state)
{
	struct manifest_module a = { 0 }, b = { 0 };

	(void)state;
	assert_int_equal(manifest_same_module(&a, &b), MODULE_UNKNOWN);
	a.n_imeis = b.n_imeis = 1;
	strcpy(a.imei[0].digits, "490154203237518");
	strcpy(b.imei[0].digits, "490154203237518");
	assert_int_equal(manifest_same_module(&a, &b), MODULE_SAME);
	strcpy(b.imei[0].digits, "356938035643809");
	assert_int_equal(manifest_same_module(&a, &b), MODULE_OTHER);
	/* What a wiped module says is no contradiction. */
	strcpy(b.imei[0].digits, "000000000000000");
	assert_int_equal(manifest_same_module(&a, &b), MODULE_UNKNOWN);
	a.chip.has_serial = b.chip.has_serial = true;
	assert_int_equal(manifest_same_module(&a, &b), MODULE_SAME);
	b.chip.serial = 1;
	strcpy(b.imei[0].digits, "490154203237518");
	assert_int_equal(manifest_same_module(&a, &b), MODULE_OTHER);
}

static void one_item_is_one_line(void **state)
{
	struct buf text = BUF_INIT(65536);
	struct manifest_item it = item("diag/nv/00550.bin", ITEM_NV, 9), back;
	struct err e = ERR_INIT;

	(void)state;
	it.nv.id = 550;
	assert_ok(manifest_item_write(&it, &text, &e), e);
	assert_true(slice_find(buf_slice(&text), SLICE_STR("\n")) == SIZE_MAX);
	assert_ok(manifest_item_parse(buf_slice(&text), &back, &e), e);
	assert_string_equal(back.name, it.name);
	assert_int_equal(back.nv.id, 550);
	manifest_item_fini(&back);
	assert_err(manifest_item_parse(SLICE(text.p, text.n - 1), &back, &e), e, ERR_PROTO);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_again),
		cmocka_unit_test(a_cut_manifest_is_refused),
		cmocka_unit_test(hostile_values_are_refused),
		cmocka_unit_test(newer_members_and_kinds_are_no_obstacle),
		cmocka_unit_test(a_tree_of_nothing_is_refused_unparsed),
		cmocka_unit_test(names_of_paths_lead_back),
		cmocka_unit_test(fuses_decide_who_a_module_is),
		cmocka_unit_test(one_item_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
