/* QCN as a compound file: both sector sizes, valid trees, and nothing that a damaged or hostile
 * file can do. The fields are taken apart here by offsets of this file's own. */
#include "tests/unit/qpst_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int read_file(struct slice file, struct qtree *ret, struct qfindings *f, struct err *e)
{
	return qcn_read(file, 0, ret, f, e);
}

static void synthetic_pair_holds_the_same(void **state)
{
	struct buf q = data_file("synthetic.qcn"), x = data_file("synthetic.xqcn");
	struct qtree tq = read_qcn(buf_slice(&q)), tx = read_xqcn(buf_slice(&x));

	(void)state;
	assert_same(&tq, &tx);
	qtree_fini(&tq);
	qtree_fini(&tx);
	buf_fini(&q);
	buf_fini(&x);
}

static void conversion_loses_nothing_either_way(void **state)
{
	struct buf q = data_file("synthetic.qcn"), x = data_file("synthetic.xqcn"), b;
	struct qtree first = read_qcn(buf_slice(&q)), second, third;

	(void)state;
	b = written_xqcn(&first, "synthetic.xqcn");
	/* A compound file keeps no order; the reader restores QPST's. */
	assert_slice_equal(buf_slice(&b), x.p, x.n);
	second = read_xqcn(buf_slice(&b));
	buf_fini(&b);
	b = written_qcn(&second);
	third = read_qcn(buf_slice(&b));
	assert_same(&first, &third);
	buf_fini(&b);
	b = written_xqcn(&third, "synthetic.xqcn");
	assert_slice_equal(buf_slice(&b), x.p, x.n);
	buf_fini(&b);
	qtree_fini(&first);
	qtree_fini(&second);
	qtree_fini(&third);
	buf_fini(&q);
	buf_fini(&x);
}

/* --- a second pair of eyes on what was written --- */

static uint32_t fat_at(struct slice f, uint32_t s)
{
	uint32_t fat = get_le32(f.p + 76 + 4 * (s / 128));

	assert_true(s / 128 < 109);
	return get_le32(f.p + 512 * ((size_t)fat + 1) + 4 * (s % 128));
}

static const uint8_t *entry_at(struct slice f, uint32_t id)
{
	uint32_t s = get_le32(f.p + 48), k;

	for (k = id / 4; k; k--)
		s = fat_at(f, s);
	return f.p + 512 * ((size_t)s + 1) + 128 * (id % 4);
}

/* Names here are ASCII: length, then letters without case. */
static int name_cmp(const uint8_t *a, const uint8_t *b)
{
	unsigned na = get_le16(a + 64), nb = get_le16(b + 64), i;

	if (na != nb)
		return na < nb ? -1 : 1;
	for (i = 0; i < na; i += 2) {
		int ca = a[i] >= 'a' && a[i] <= 'z' ? a[i] - 32 : a[i];
		int cb = b[i] >= 'a' && b[i] <= 'z' ? b[i] - 32 : b[i];

		if (ca != cb)
			return ca - cb;
	}
	return 0;
}

/* Returns the number of black nodes on every way down; counts nodes in *n. */
static unsigned check_node(struct slice f, uint32_t id, bool parent_is_red, const uint8_t *low,
			   const uint8_t *high, unsigned *n)
{
	const uint8_t *x;
	unsigned left, right;

	if (id == 0xFFFFFFFF)
		return 1;
	x = entry_at(f, id);
	assert_true(x[66] == 1 || x[66] == 2);
	assert_false(parent_is_red && x[67] == 0);
	assert_true(!low || name_cmp(low, x) < 0);
	assert_true(!high || name_cmp(x, high) < 0);
	/* Storages bear times, streams none. */
	assert_int_equal(get_le64(x + 100) != 0, x[66] == 1);
	assert_int_equal(get_le64(x + 108) != 0, x[66] == 1);
	++*n;
	assert_true(*n < 100000);
	if (x[66] == 1)
		check_node(f, get_le32(x + 76), false, NULL, NULL, n);
	left = check_node(f, get_le32(x + 68), x[67] == 0, low, x, n);
	right = check_node(f, get_le32(x + 72), x[67] == 0, x, high, n);
	assert_int_equal(left, right);
	return left + x[67];
}

static void check_written(struct slice f, unsigned nodes)
{
	static const uint8_t head[] = { 0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1 };
	const uint8_t *root;
	unsigned n = 0;

	assert_int_equal(f.n % 512, 0);
	assert_memory_equal(f.p, head, 8);
	assert_int_equal(get_le16(f.p + 24), 62);
	assert_int_equal(get_le16(f.p + 26), 3);
	assert_int_equal(get_le16(f.p + 28), 0xFFFE);
	assert_int_equal(get_le16(f.p + 30), 9);
	assert_int_equal(get_le16(f.p + 32), 6);
	assert_int_equal(get_le32(f.p + 40), 0);
	assert_int_equal(get_le32(f.p + 56), 4096);
	root = entry_at(f, 0);
	assert_memory_equal(root, "R\0o\0o\0t\0 \0E\0n\0t\0r\0y\0\0", 22);
	assert_int_equal(get_le16(root + 64), 22);
	assert_int_equal(root[66], 5);
	assert_int_equal(get_le64(root + 100), 0);
	assert_int_equal(get_le64(root + 108), A_TIME);
	check_node(f, get_le32(root + 76), false, NULL, NULL, &n);
	assert_int_equal(n, nodes);
}

static void written_directories_are_valid_trees_of_any_size(void **state)
{
	static const uint8_t bytes[64] = "streams of none to 48 bytes";
	unsigned n, i;

	(void)state;
	for (n = 0; n < 1400; n = n < 70 ? n + 1 : 2 * n + 1171) {
		struct qtree t, again;
		struct qnode *dir;
		struct buf b;
		char name[16];

		qtree_init(&t, 0);
		dir = add_storage(&t, add_storage(&t, NULL, "r"), "Dir");
		for (i = 0; i < n; i++) {
			/* Names of several lengths, not in order. */
			snprintf(name, sizeof(name), i % 3 ? "%08X" : "x%u", i * 7919 % 65521);
			add_stream(&t, dir, name, SLICE(bytes, i % 4 * 16));
		}
		b = written_qcn(&t);
		check_written(buf_slice(&b), n + 1);
		again = read_qcn(buf_slice(&b));
		assert_same(&t, &again);
		buf_fini(&b);
		qtree_fini(&again);
		qtree_fini(&t);
	}
}

static void the_same_tree_gives_the_same_bytes_and_keeps_its_times(void **state)
{
	struct buf q = data_file("synthetic.qcn"), one, two;
	struct qtree t = read_qcn(buf_slice(&q)), again;

	(void)state;
	t.root->first->created = 0x1111;
	one = written_qcn(&t);
	two = written_qcn(&t);
	assert_slice_equal(buf_slice(&one), two.p, two.n);
	again = read_qcn(buf_slice(&one));
	assert_int_equal(again.root->first->created, 0x1111);
	assert_int_equal(again.root->modified, t.root->modified ? t.root->modified : A_TIME);
	qtree_fini(&again);
	qtree_fini(&t);
	buf_fini(&one);
	buf_fini(&two);
	buf_fini(&q);
}

static void streams_of_every_size_around_the_limits_come_back(void **state)
{
	static const size_t sizes[] = { 0,    1,    63,   64,   65,   511,   512,   513,
					4032, 4095, 4096, 4097, 4608, 65536, 100001 };
	struct qtree t, again;
	struct qnode *root;
	struct buf b;
	char name[16];
	size_t i;

	(void)state;
	qtree_init(&t, 0);
	root = add_storage(&t, NULL, "");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t *bytes = some_bytes(sizes[i], (uint32_t)i);

		snprintf(name, sizeof(name), "s%zu", sizes[i]);
		add_stream(&t, root, name, SLICE(bytes, sizes[i]));
		free(bytes);
	}
	b = written_qcn(&t);
	again = read_qcn(buf_slice(&b));
	assert_same(&t, &again);
	qtree_fini(&again);
	qtree_fini(&t);
	buf_fini(&b);
}

static void files_past_109_allocation_sectors_come_back(void **state)
{
	static const size_t sizes[] = { 109 * 128 * 512 - 512 * 120, 109 * 128 * 512 - 512 * 111,
					109 * 128 * 512, 24 * 1024 * 1024 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint8_t *bytes = some_bytes(sizes[i], 3);
		struct qtree t, again;
		struct qnode *root;
		struct buf b;

		qtree_init(&t, 0);
		root = add_storage(&t, NULL, "");
		add_stream(&t, root, "large", SLICE(bytes, sizes[i]));
		add_stream(&t, root, "small", SLICE(bytes, 100));
		b = written_qcn(&t);
		assert_int_equal(get_le32(b.p + 72) > 0, get_le32(b.p + 44) > 109);
		again = read_qcn(buf_slice(&b));
		assert_same(&t, &again);
		qtree_fini(&again);
		qtree_fini(&t);
		buf_fini(&b);
		free(bytes);
	}
}

/* A version 4 file by hand: sectors of 4096 bytes, the header's included. FAT in 0, directory in 1,
 * mini FAT in 2, mini stream in 3, a stream of 5000 bytes in 4 and 5. */
static struct buf version_4(void)
{
	static const uint32_t fat[] = { 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFE,
					0xFFFFFFFE, 5,          0xFFFFFFFE };
	static const struct {
		const char *name;
		uint8_t type;
		uint32_t left, right, child, start, size;
	} entries[] = {
		{ "Root Entry", 5, 0xFFFFFFFF, 0xFFFFFFFF, 1, 3, 128 },
		{ "b", 2, 2, 0xFFFFFFFF, 0xFFFFFFFF, 4, 5000 },
		{ "a", 2, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0, 100 },
	};
	struct buf b = BUF_INIT(7 * 4096);
	struct err e = ERR_INIT;
	uint8_t *p, *large = some_bytes(5000, 9);
	size_t i, k;

	assert_ok(buf_reserve(&b, 7 * 4096, &e), e);
	b.n = 7 * 4096;
	p = b.p;
	memset(p, 0, b.n);
	memcpy(p, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
	put_le16(p + 24, 62);
	put_le16(p + 26, 4);
	put_le16(p + 28, 0xFFFE);
	put_le16(p + 30, 12);
	put_le16(p + 32, 6);
	put_le32(p + 40, 1);
	put_le32(p + 44, 1);
	put_le32(p + 48, 1);
	put_le32(p + 56, 4096);
	put_le32(p + 60, 2);
	put_le32(p + 64, 1);
	put_le32(p + 68, 0xFFFFFFFE);
	memset(p + 80, 0xFF, 4 * 108);
	memset(p + 4096, 0xFF, 4096);
	for (i = 0; i < ARRAY_SIZE(fat); i++)
		put_le32(p + 4096 + 4 * i, fat[i]);
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		uint8_t *x = p + 2 * 4096 + 128 * i;

		for (k = 0; entries[i].name[k]; k++)
			x[2 * k] = (uint8_t)entries[i].name[k];
		put_le16(x + 64, (uint16_t)(2 * (k + 1)));
		x[66] = entries[i].type;
		x[67] = 1;
		put_le32(x + 68, entries[i].left);
		put_le32(x + 72, entries[i].right);
		put_le32(x + 76, entries[i].child);
		put_le32(x + 116, entries[i].start);
		put_le32(x + 120, entries[i].size);
	}
	memset(p + 3 * 4096, 0xFF, 4096);
	put_le32(p + 3 * 4096, 1);
	put_le32(p + 3 * 4096 + 4, 0xFFFFFFFE);
	memset(p + 4 * 4096, 'm', 100);
	memcpy(p + 5 * 4096, large, 5000);
	free(large);
	return b;
}

static void large_sectors_are_read(void **state)
{
	struct buf b = version_4();
	struct qtree t = read_qcn(buf_slice(&b));
	uint8_t *large = some_bytes(5000, 9);

	(void)state;
	assert_slice_equal(qnode_bytes(qtree_stream(&t, "b")), large, 5000);
	assert_int_equal(qtree_stream(&t, "a")->n, 100);
	assert_true(slice_all(qnode_bytes(qtree_stream(&t, "a")), 'm'));
	/* Siblings come in order, whatever the tree looks like. */
	assert_string_equal(t.root->first->name, "a");
	free(large);
	qtree_fini(&t);
	buf_fini(&b);
}

static void contradictions_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *says;
	} rows[] = {
		{ 0, 0, "no compound file signature" },
		{ 24, 0x0005003E, "version 5" },
		{ 30, 0x00060009, "2^9" },
		{ 56, 8192, "8192" },
		{ 44, 7, "7 allocation sectors" },
		{ 48, 0xFFFFFFFE, "no directory" },
		{ 48, 9, "directory: sector 9" },
		{ 60, 1, "used twice" },
		{ 76, 6, "allocation table: sector 6" },
		{ 4096 + 4 * 1, 1, "directory: sector 1 is used twice" }, /* a loop */
		{ 4096 + 4 * 2, 1, "used twice" },   /* crosses the directory */
		{ 4096 + 4 * 4, 0xFFFFFFFE, "'b'" }, /* ends early */
		{ 4096 + 4 * 4, 4, "used twice" },
		{ 4096 + 4 * 5, 3, "goes on past" },
		{ 2 * 4096 + 66, 2, "root" },
		{ 2 * 4096 + 120, 5000, "5000 bytes" },
		{ 2 * 4096 + 128 + 66, 0x0103, "neither storage nor stream" },
		{ 2 * 4096 + 128 + 64, 0, "neither storage nor stream" },
		{ 2 * 4096 + 128 + 68, 1, "entry 1 is in the tree twice" },
		{ 2 * 4096 + 128 + 68, 0, "entry 0 is in the tree twice" },
		{ 2 * 4096 + 128 + 72, 2, "entry 2 is in the tree twice" },
		{ 2 * 4096 + 128 + 72, 99, "entry 99 of 32" },
		{ 2 * 4096 + 128 + 72, 3, "neither" },
		{ 2 * 4096 + 128 + 120, 0x7FFFFFFF, "more than the file's" },
		{ 2 * 4096 + 128 + 124, 1, "more than the file's" }, /* version 4 has 64 bits */
		{ 2 * 4096 + 256, 'b', "two entries are called 'b'" },
		{ 2 * 4096 + 256, '/', "cannot hold" },
		{ 2 * 4096 + 256, 0xD800, "not text" },
		{ 2 * 4096 + 256 + 116, 7, "mini sector 7" },
		{ 3 * 4096, 0, "mini sector 0 is used twice" },
		{ 3 * 4096 + 4, 0, "goes on past" },
		{ 3 * 4096, 0xFFFFFFFE, "mini sector" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct buf b = version_4();
		struct err e = ERR_INIT;
		struct qtree t;

		put_le32(b.p + rows[i].at, rows[i].value);
		assert_int_equal(read_file(buf_slice(&b), &t, NULL, &e), -1);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("row %zu: \"%s\" does not say \"%s\"", i, e.msg, rows[i].says);
		assert_true(e.kind == ERR_PROTO || e.kind == ERR_MISMATCH ||
			    e.kind == ERR_UNSUPPORTED);
		buf_fini(&b);
	}
}

static void what_is_no_compound_file_is_said_to_be_none(void **state)
{
	uint8_t zeros[1024] = { 0 };
	struct err e = ERR_INIT;
	struct qtree t;

	(void)state;
	assert_err(read_file(SLICE(zeros, sizeof(zeros)), &t, NULL, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "zeros"));
	assert_err(read_file(SLICE(zeros, 0), &t, NULL, &e), e, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "empty"));
	assert_err(read_file(SLICE_STR("PK\x03\x04 and so on"), &t, NULL, &e), e, ERR_MISMATCH);
}

/* Either it fails, or it is reported and everything is there. */
static void every_truncation_fails_or_is_reported(void **state)
{
	struct buf file = data_file("synthetic.qcn");
	struct qtree whole = read_qcn(buf_slice(&file));
	size_t n, failed = 0;

	(void)state;
	for (n = 0; n < file.n; n++) {
		struct qfindings f = { 0 };
		struct err e = ERR_INIT;
		struct qtree t;

		if (read_file(SLICE(file.p, n), &t, &f, &e) == 0) {
			assert_same(&whole, &t);
			assert_non_null(qfindings_find(&f, "cut-sector"));
			qtree_fini(&t);
		} else {
			assert_true(e.kind == ERR_PROTO || e.kind == ERR_MISMATCH);
			failed++;
		}
		qfindings_fini(&f);
	}
	assert_int_equal(failed, file.n);
	qtree_fini(&whole);
	buf_fini(&file);
}

static void no_single_damaged_byte_does_harm(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0xFF };
	struct buf file = data_file("synthetic.qcn");
	size_t i, k, good = 0;

	(void)state;
	for (i = 0; i < file.n; i++) {
		uint8_t before = file.p[i];

		for (k = 0; k < ARRAY_SIZE(values); k++) {
			struct err e = ERR_INIT;
			struct qtree t;

			file.p[i] = values[k];
			if (read_file(buf_slice(&file), &t, NULL, &e) == 0) {
				good++;
				qtree_fini(&t);
			} else {
				assert_true(e.kind != ERR_NONE && e.msg[0]);
			}
		}
		file.p[i] = before;
	}
	assert_true(good > 0);
	buf_fini(&file);
}

static void a_directory_out_of_order_is_reported(void **state)
{
	struct buf b = version_4();
	struct qfindings f = { 0 };
	struct err e = ERR_INIT;
	struct qtree t;

	(void)state;
	assert_ok(read_file(buf_slice(&b), &t, &f, &e), e);
	assert_null(qfindings_find(&f, "unordered-directory"));
	qtree_fini(&t);
	/* "a" to the right of "b". */
	put_le32(b.p + 2 * 4096 + 128 + 68, 0xFFFFFFFF);
	put_le32(b.p + 2 * 4096 + 128 + 72, 2);
	assert_ok(read_file(buf_slice(&b), &t, &f, &e), e);
	assert_non_null(qfindings_find(&f, "unordered-directory"));
	qfindings_fini(&f);
	qtree_fini(&t);
	buf_fini(&b);
}

/* Sectors of one stream anywhere in the file, its bytes across their borders. */
static void poke_finds_every_byte_of_any_stream(void **state)
{
	static const char *const paths[] = {
		"00000000/default/EFS_Backup/EFS_Data/00000003",    /* 5000 bytes, in sectors */
		"00000000/default/NV_NUMBERED_ITEMS/NV_ITEM_ARRAY", /* 952 bytes, in mini sectors */
	};
	struct buf file = data_file("synthetic.qcn");
	size_t i, off, k, changed;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		for (off = 50; off < 900; off += 7) {
			struct qtree t = read_qcn(buf_slice(&file)), poked;
			struct qnode *node = qtree_stream(&t, paths[i]);
			uint8_t nine[9], *copy = malloc(file.n);
			struct err e = ERR_INIT;

			assert_non_null(copy);
			memcpy(copy, file.p, file.n);
			for (k = 0; k < 9; k++)
				nine[k] = (uint8_t)(node->p[off + k] ^ 0x55);
			assert_ok(qcn_poke(copy, file.n, paths[i], off, SLICE(nine, 9), &e), e);
			for (k = changed = 0; k < file.n; k++)
				changed += copy[k] != file.p[k];
			assert_int_equal(changed, 9);
			memcpy(node->p + off, nine, 9);
			poked = read_qcn(SLICE(copy, file.n));
			assert_same(&t, &poked);
			qtree_fini(&poked);
			qtree_fini(&t);
			free(copy);
		}
	}
	{
		struct err e = ERR_INIT;

		assert_err(qcn_poke(file.p, file.n, paths[1], 950, SLICE("123", 3), &e), e,
			   ERR_MISMATCH);
		assert_err(qcn_poke(file.p, file.n, "nowhere", 0, SLICE("1", 1), &e), e,
			   ERR_MISMATCH);
	}
	buf_fini(&file);
}

static void names_that_a_compound_file_cannot_hold_are_refused(void **state)
{
	static const char *const bad[] = {
		"12345678901234567890123456789012", "a/b", "a\\b", "a:b", "a!b", "TWIN"
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf b = BUF_INIT(1 << 20);
		struct err e = ERR_INIT;
		struct buf_sink to;
		struct qnode *root;
		struct qtree t;

		buf_sink_init(&to, &b);
		qtree_init(&t, 0);
		root = add_storage(&t, NULL,
				   "any name, even one with / and longer than thirty-one letters");
		add_stream(&t, root, "twin", SLICE("", 0));
		add_stream(&t, root, "1234567890123456789012345678901", SLICE("", 0));
		assert_ok(qcn_write(&t, A_TIME, &to.sink, &e), e);
		add_stream(&t, root, bad[i], SLICE("", 0));
		assert_err(qcn_write(&t, A_TIME, &to.sink, &e), e, ERR_UNSUPPORTED);
		qtree_fini(&t);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(synthetic_pair_holds_the_same),
		cmocka_unit_test(conversion_loses_nothing_either_way),
		cmocka_unit_test(written_directories_are_valid_trees_of_any_size),
		cmocka_unit_test(the_same_tree_gives_the_same_bytes_and_keeps_its_times),
		cmocka_unit_test(streams_of_every_size_around_the_limits_come_back),
		cmocka_unit_test(files_past_109_allocation_sectors_come_back),
		cmocka_unit_test(large_sectors_are_read),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(what_is_no_compound_file_is_said_to_be_none),
		cmocka_unit_test(every_truncation_fails_or_is_reported),
		cmocka_unit_test(no_single_damaged_byte_does_harm),
		cmocka_unit_test(a_directory_out_of_order_is_reported),
		cmocka_unit_test(poke_finds_every_byte_of_any_stream),
		cmocka_unit_test(names_that_a_compound_file_cannot_hold_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
