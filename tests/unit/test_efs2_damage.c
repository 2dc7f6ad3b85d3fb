/* Damaged and hostile EFS2 images: what is readable is read, what is not is said, nothing wrong is
 * ever given out as right. */
#include "tests/unit/efs2_case.h"

#include "base/crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct damage_case {
	struct efs2_mk_tree t;
	struct efs2_mk_image img;
	struct mem_reader m;
	size_t n;
	uint32_t per_block;
};

static void begin(struct damage_case *c, const struct efs2_mk_opts *o, unsigned more)
{
	*c = (struct damage_case){ .per_block = o->pages_per_block };
	case_tree(&c->t, more);
	case_make(&c->t, o, &c->img);
	c->n = (size_t)c->img.pages * c->img.page_size;
	case_reader(&c->m, c->img.bytes, c->n);
}

static void end(struct damage_case *c)
{
	efs2_mk_fini(&c->t);
	efs2_mk_image_fini(&c->img);
}

static uint8_t *page(struct damage_case *c, uint32_t p)
{
	return c->img.bytes + (size_t)p * c->img.page_size;
}

/* The n-th page of this role, or the test fails. */
static uint32_t role(struct damage_case *c, int what, unsigned n)
{
	uint32_t p;

	for (p = 0; p < c->img.pages; p++)
		if (c->img.role[p] == what && n-- == 0)
			return p;
	fail_msg("no page of role %c", what);
	return 0;
}

/* Renews the CRC of a superblock after a field was changed. */
static void seal(struct damage_case *c, uint32_t p)
{
	put_le32(page(c, p) + c->img.page_size - 4, crc30_cdma(page(c, p), c->img.page_size - 4));
}

/* Of a busy image, the superblock in use and its journal. */
static uint32_t newest_super(struct damage_case *c)
{
	uint32_t p, best = EFS2_MAX_PAGES;

	for (p = 0; p < c->img.pages; p++)
		if (c->img.role[p] == EFS2_MK_SUPER &&
		    (best == EFS2_MAX_PAGES ||
		     (int16_t)(get_le16(page(c, p) + 6) - get_le16(page(c, best) + 6)) > 0))
			best = p;
	return best;
}

static struct efs2_stat stat_of(struct efs2 *fs, const char *path)
{
	struct efs2_stat st;
	struct err e = ERR_INIT;

	assert_ok(efs2_stat(fs, path, &st, &e), e);
	return st;
}

enum pattern { FILLER, ERASED, ZERO, RANDOM, TORN, PATTERNS };

static void spoil(uint8_t *b, size_t n, enum pattern how)
{
	uint32_t x = 12345;
	size_t i;

	switch (how) {
	case FILLER:
		memset(b, 0xEE, n);
		break;
	case ERASED:
		memset(b, 0xff, n);
		break;
	case ZERO:
		memset(b, 0, n);
		break;
	case TORN:
		memset(b + n / 2, 0xff, n - n / 2);
		break;
	default:
		for (i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			b[i] = (uint8_t)(x >> 24);
		}
	}
}

static bool is_content(const char *path, void *ctx)
{
	struct damage_case *c = ctx;
	const struct efs2_mk_node *n = efs2_mk_find(&c->t, path);

	return n && (n->type == EFS2_MK_FILE || n->n > 200);
}

/* Each page of the image is spoilt once. Content of files has no checksum, so of a page that holds
 * nothing else (and cannot be told from another content) the wrong bytes cannot be seen; of all
 * other pages, and of all lost ones, they must be. */
static void every_page_spoilt(uint32_t page_size, bool busy)
{
	struct efs2_mk_opts o = case_opts(page_size);
	struct damage_case c;
	uint8_t keep[4096];
	uint32_t p;
	int how;

	o.pages_per_block = 8;
	o.blocks = page_size == 512 ? 80 : 32;
	if (busy)
		case_busy(&o);
	begin(&c, &o, 12);
	for (p = 0; p < c.img.pages; p++) {
		int what = c.img.role[p];

		if (what == EFS2_MK_ERASED || (what >= 'a' && what <= 'z'))
			continue;
		for (how = 0; how < PATTERNS; how++) {
			bool blind = what == EFS2_MK_DATA && how != FILLER && how != ERASED;
			struct err e = ERR_INIT;
			struct efs2 *fs;

			memcpy(keep, page(&c, p), page_size);
			spoil(page(&c, p), page_size, (enum pattern)how);
			if (memcmp(keep, page(&c, p), page_size) == 0)
				continue;
			if (efs2_open(&c.m.reader, NULL, &fs, &e) == 0) {
				/* Only the last journal page can be lost without a trace: the image
				 * then is that of the moment before it was written. */
				bool earlier = what == EFS2_MK_JOURNAL &&
					       (how == ERASED || how == FILLER) &&
					       c.img.role[p + 1] == EFS2_MK_ERASED;

				if (!earlier)
					case_compare(fs, &c.t, blind ? is_content : NULL, &c);
				efs2_close(fs);
			} else {
				assert_true(e.kind == ERR_INTEGRITY || e.kind == ERR_PROTO ||
					    e.kind == ERR_UNSUPPORTED);
				if (what != EFS2_MK_SUPER && what != EFS2_MK_NODE)
					fail_msg("page %u of role %c, pattern %d: %s", p, what, how,
						 e.msg);
			}
			memcpy(page(&c, p), keep, page_size);
		}
	}
	end(&c);
}

static void no_spoilt_page_gives_a_wrong_file_as_ok(void **state)
{
	(void)state;
	every_page_spoilt(2048, false);
	every_page_spoilt(2048, true);
	every_page_spoilt(4096, true);
	every_page_spoilt(512, true);
}

static void a_lost_data_page_makes_one_file_partial(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_stat st;
	struct err e = ERR_INIT;
	struct damage_case c;
	struct case_count n;
	struct efs2 *fs;
	uint8_t b[8000];
	size_t got, missing;

	(void)state;
	begin(&c, &o, 0);
	/* The second of three pages of the first file that has any. */
	c.m.bad_from = (uint64_t)role(&c, EFS2_MK_DATA, 1) * 2048;
	c.m.bad_to = c.m.bad_from + 2048;
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.verdict[EFS2_PARTIAL], 1);
	assert_int_equal(n.verdict[EFS2_OK], c.t.n - 1);
	assert_int_equal(n.absent, 0);
	st = stat_of(fs, "/rfc/scan.dat");
	assert_int_equal(st.verdict, EFS2_PARTIAL);
	assert_non_null(strstr(st.why, "1 of 3 pages"));
	assert_err(efs2_read(fs, &st, 0, b, sizeof(b), &got, NULL, &e), e, ERR_INTEGRITY);
	assert_ok(efs2_read(fs, &st, 0, b, sizeof(b), &got, &missing, &e), e);
	assert_int_equal(got, 5000);
	assert_int_equal(missing, 2048);
	assert_memory_equal(b, efs2_mk_find(&c.t, "/rfc/scan.dat")->data, 2048);
	assert_memory_equal(b + 4096, efs2_mk_find(&c.t, "/rfc/scan.dat")->data + 4096, 904);
	assert_false(efs2_report(fs)->clean && efs2_report(fs)->unread == 0);
	efs2_close(fs);
	end(&c);
}

static void a_lost_leaf_costs_its_names_only(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct case_count n;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 300);
	memset(page(&c, role(&c, EFS2_MK_NODE, 2)), 0x5a, 2048);
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_in_range(n.absent, 1, 80);
	assert_true(n.verdict[EFS2_OK] > 200);
	assert_int_equal(efs2_report(fs)->nodes_bad, 1);
	assert_int_equal(stat_of(fs, "/nvm/num").verdict, EFS2_PARTIAL);
	assert_non_null(efs2_note_at(fs, 0));
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	end(&c);
}

static void leaves_are_found_without_the_nodes_above_them(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_census census;
	struct err e = ERR_INIT;
	struct damage_case c;
	struct case_count n;
	uint32_t p, last = 0;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 300);
	for (p = 0; p < c.img.pages; p++)
		if (c.img.role[p] == EFS2_MK_NODE)
			last = p; /* the root was written last */
	spoil(page(&c, last), 2048, ZERO);
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.absent, 0);
	assert_int_equal(n.verdict[EFS2_OK], 0);
	assert_true(efs2_report(fs)->nodes_salvaged > 3);
	assert_ok(efs2_census(fs, &census, &e), e);
	assert_true(census.verdict[EFS2_UNVERIFIED] > 300);
	efs2_close(fs);
	end(&c);
}

static void files_of_a_lost_directory_are_listed_by_its_number(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct err e = ERR_INIT;
	struct efs2_census census;
	struct damage_case c;
	struct efs2_walk *w;
	struct efs2_stat st;
	const char *path;
	bool found = false;
	size_t at;
	struct efs2 *fs;

	(void)state;
	memset(&st, 0x5a, sizeof(st)); /* what the caller had in it does not matter */
	begin(&c, &o, 0);
	/* The entry of /nv/item_files/rfnv becomes one of a directory that does not exist: inode
	 * word. */
	at = slice_find(SLICE(c.img.bytes, c.n), SLICE_STR("rfnvi"));
	assert_true(at != SIZE_MAX);
	put_le32(c.img.bytes + at + 5, 0x00ffff00);
	fs = case_open(&c.m);
	assert_ok(efs2_walk_open(fs, "/", true, &w, &e), e);
	for (;;) {
		assert_ok(efs2_walk_next(w, &path, &st, &e), e);
		if (!path)
			break;
		if (strncmp(path, "/%lost/", 7) == 0 && strlen(path) == 15) {
			assert_int_equal(st.type, EFS2_DIR);
			assert_int_equal(st.verdict, EFS2_OK);
		}
		if (strncmp(path, "/%lost/", 7) == 0 && strstr(path, "/00020001")) {
			struct efs2_stat again = stat_of(fs, path);

			found = true;
			assert_int_equal(again.size, 200);
			assert_int_equal(st.verdict, EFS2_OK);
		}
	}
	efs2_walk_close(w);
	assert_true(found);
	assert_ok(efs2_census(fs, &census, &e), e);
	assert_int_equal(census.lost, 4); /* the directory and its three items */
	assert_int_equal(stat_of(fs, "/nv/item_files/rfnv").verdict, EFS2_UNREADABLE);
	efs2_close(fs);
	end(&c);
}

static void a_lost_forward_table_is_made_up_for_by_the_reverse_one(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct case_count n;
	uint32_t p, entry;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 0);
	p = newest_super(&c);
	entry = get_le32(page(&c, p) + 224);
	spoil(page(&c, entry), 2048, RANDOM);
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.absent, 0);
	assert_int_equal(n.verdict[EFS2_OK], 0);
	assert_int_equal(n.verdict[EFS2_UNVERIFIED], c.t.n);
	efs2_close(fs);
	end(&c);
}

static void swapped_forward_entries_are_caught_by_the_reverse_table(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	uint32_t table, a, b, ia = 512, ib = 512, i;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 0);
	table = get_le32(page(&c, newest_super(&c)) + 224);
	/* First and second page of the first file. */
	a = role(&c, EFS2_MK_DATA, 0);
	b = role(&c, EFS2_MK_DATA, 1);
	for (i = 0; i < 512; i++) {
		ia = get_le32(page(&c, table) + 4 * i) == a ? i : ia;
		ib = get_le32(page(&c, table) + 4 * i) == b ? i : ib;
	}
	assert_true(ia < 512 && ib < 512);
	put_le32(page(&c, table) + 4 * ia, b);
	put_le32(page(&c, table) + 4 * ib, a);
	fs = case_open(&c.m);
	case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(stat_of(fs, "/rfc/scan.dat").verdict, EFS2_UNVERIFIED);
	assert_int_equal(stat_of(fs, "/nvm/num/550").verdict, EFS2_OK);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	/* One page for both. */
	put_le32(page(&c, table) + 4 * ib, b);
	fs = case_open(&c.m);
	case_compare(fs, &c.t, NULL, NULL);
	assert_true(stat_of(fs, "/rfc/scan.dat").verdict != EFS2_OK);
	efs2_close(fs);
	end(&c);
}

static void a_leaf_in_another_leafs_place_is_caught_by_its_links(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct case_count n;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 300);
	memcpy(page(&c, role(&c, EFS2_MK_NODE, 2)), page(&c, role(&c, EFS2_MK_NODE, 4)), 2048);
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_in_range(n.absent, 1, 80);
	assert_int_equal(stat_of(fs, "/nvm/num").verdict, EFS2_PARTIAL);
	assert_true(n.verdict[EFS2_UNVERIFIED] > 10);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	/* A leaf that is empty where it should not be. */
	memset(page(&c, role(&c, EFS2_MK_NODE, 2)), 0, 2048);
	fs = case_open(&c.m);
	assert_int_equal(stat_of(fs, "/nvm/num").verdict, EFS2_PARTIAL);
	efs2_close(fs);
	end(&c);
}

static void the_root_is_found_without_the_information_block(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct case_count n;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 0);
	spoil(page(&c, role(&c, EFS2_MK_INFO, 0)), 2048, FILLER);
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.absent, 0);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	end(&c);
}

static void assert_doubtful(struct damage_case *c, const char *word)
{
	struct efs2 *fs = case_open(&c->m);
	struct efs2_stat st = stat_of(fs, "/nvm/num/550");

	assert_int_equal(st.verdict, EFS2_UNVERIFIED);
	if (!strstr(st.why, word))
		fail_msg("'%s' says nothing of '%s'", st.why, word);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
}

static void a_journal_that_does_not_prove_itself_taints_everything(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	uint8_t keep[2048];
	uint32_t j;

	(void)state;
	case_busy(&o);
	begin(&c, &o, 0);
	j = newest_super(&c) + 1;
	assert_int_equal(c.img.role[j + 2], EFS2_MK_JOURNAL);
	memcpy(keep, page(&c, j + 1), 2048);

	page(&c, j + 1)[12] ^= 4;
	assert_doubtful(&c, "checksum");
	memset(page(&c, j + 1), 0xff, 2048);
	assert_doubtful(&c, "hole");
	memset(page(&c, j + 1), 0xee, 2048);
	assert_doubtful(&c, "not read");
	/* A page that repeats: the number does not rise. */
	memcpy(page(&c, j + 1), page(&c, j), 2048);
	assert_doubtful(&c, "number");
	/* An operation that nobody knows, with a good checksum. */
	memcpy(page(&c, j + 1), keep, 2048);
	page(&c, j + 1)[8] = 2 << 6 | 33;
	page(&c, j + 1)[17] = 0xfe;
	put_le16(page(&c, j + 1) + 18, crc16_x25(page(&c, j + 1) + 8, 10));
	assert_doubtful(&c, "unknown operation");
	memcpy(page(&c, j + 1), keep, 2048);
	/* Clusters and pages beyond the end. */
	page(&c, j + 1)[8] = 3 << 6 | 4;
	put_le32(page(&c, j + 1) + 9, 0x00fffff0);
	put_le32(page(&c, j + 1) + 13, 0x7fffffff);
	put_le32(page(&c, j + 1) + 17, 0x7ffffff0);
	page(&c, j + 1)[21] = 0xfe;
	put_le16(page(&c, j + 1) + 22, crc16_x25(page(&c, j + 1) + 8, 14));
	assert_doubtful(&c, "names page");
	end(&c);
}

static void a_damaged_newer_superblock_taints_everything(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	uint32_t s, older;
	struct efs2 *fs;

	(void)state;
	case_busy(&o);
	begin(&c, &o, 0);
	s = newest_super(&c);
	page(&c, s)[40] ^= 1;
	assert_doubtful(&c, "superblock");
	memset(page(&c, s), 0xff, 2048);
	assert_doubtful(&c, "superblock");
	end(&c);

	/* An older one is only reported. */
	begin(&c, &o, 0);
	s = newest_super(&c);
	older = role(&c, EFS2_MK_SUPER, 0);
	if (older == s)
		older = role(&c, EFS2_MK_SUPER, 1);
	page(&c, older)[40] ^= 1;
	fs = case_open(&c.m);
	assert_int_equal(stat_of(fs, "/nvm/num/550").verdict, EFS2_OK);
	assert_false(efs2_report(fs)->clean);
	assert_int_equal(efs2_report(fs)->supers_bad, 1);
	efs2_close(fs);

	/* Two of one age. */
	page(&c, older)[40] ^= 1;
	memcpy(page(&c, older) + 6, page(&c, s) + 6, 2);
	seal(&c, older);
	assert_doubtful(&c, "same age");
	end(&c);
}

static void absurd_superblocks_are_refused(void **state)
{
	static const struct {
		unsigned off;
		uint32_t value;
	} field[] = {
		{ 16, 0 },           { 16, 3 },           { 16, 0x80000000 },  { 24, 0 },
		{ 24, 0xffffffff },  { 20, 512 },         { 192, 0x00020001 }, { 192, 0x00090200 },
		{ 196, 0x0004ffff }, { 196, 0x00050001 }, { 200, 0xffffffff }, { 208, 0xffffffff },
		{ 212, 0xffffffff }, { 208, 0 },
	};
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct efs2 *fs;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(field); i++) {
		struct err e = ERR_INIT;
		uint32_t s;

		begin(&c, &o, 0);
		s = role(&c, EFS2_MK_SUPER, 0);
		put_le32(page(&c, s) + field[i].off, field[i].value);
		seal(&c, s);
		if (efs2_open(&c.m.reader, NULL, &fs, &e) == 0) {
			struct case_count n = case_compare(fs, &c.t, NULL, NULL);

			assert_int_equal(n.verdict[EFS2_OK], 0);
			efs2_close(fs);
		} else {
			assert_true(e.kind == ERR_INTEGRITY || e.kind == ERR_PROTO);
		}
		end(&c);
	}
}

static void a_cut_image_gives_what_is_there(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct err e = ERR_INIT;
	struct damage_case c;
	struct case_count n;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 0);
	/* Unused blocks at the end of the journal's region are missing, and half a page. */
	c.m.reader.size = c.n - 2 * 16 * 2048 - 1000;
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.absent, 0);
	assert_false(efs2_report(fs)->clean);
	assert_int_equal(efs2_report(fs)->expect_size, c.n);
	efs2_close(fs);
	/* Without its first block the image is shifted: every page number in it is wrong. */
	case_reader(&c.m, c.img.bytes + 16 * 2048, c.n - 16 * 2048);
	assert_err(efs2_open(&c.m.reader, NULL, &fs, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "first page"));
	end(&c);
}

static void circles_and_double_use_end(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_census census;
	struct err e = ERR_INIT;
	struct damage_case c;
	uint32_t p, root = 0, i;
	size_t up, deep;
	struct efs2 *fs;

	(void)state;
	begin(&c, &o, 300);
	for (p = 0; p < c.img.pages; p++)
		if (c.img.role[p] == EFS2_MK_NODE)
			root = p;
	/* All children of the root are one and the same. */
	assert_true(page(&c, root)[17] > 0);
	for (i = 18 + 4; i < 18u + get_le16(page(&c, root) + 8); i += 5u + page(&c, root)[i])
		memcpy(page(&c, root) + i + 1 + page(&c, root)[i], page(&c, root) + 18, 4);
	fs = case_open(&c.m);
	assert_true(efs2_report(fs)->nodes_bad > 2);
	case_compare(fs, &c.t, NULL, NULL);
	efs2_close(fs);
	end(&c);

	/* Directories inside each other in a circle: /a/b/c names the inode of /a. */
	begin(&c, &o, 0);
	up = slice_find(SLICE(c.img.bytes, c.n), SLICE_STR("ai"));
	deep = slice_find(SLICE(c.img.bytes, c.n), SLICE_STR("ci"));
	assert_true(up != SIZE_MAX && deep != SIZE_MAX);
	memcpy(c.img.bytes + deep + 2, c.img.bytes + up + 2, 4);
	fs = case_open(&c.m);
	assert_ok(efs2_census(fs, &census, &e), e);
	assert_in_range(census.dirs, 10, 60);
	efs2_close(fs);
	end(&c);
}

static void an_inode_of_absurd_size_is_unreadable(void **state)
{
	static const uint32_t sizes[] = { 0xffffffff, 40 * 16 * 2048 };
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_stat st;
	struct damage_case c;
	struct efs2 *fs;
	uint32_t p, i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		begin(&c, &o, 0);
		p = role(&c, EFS2_MK_INODES, 0);
		/* By size 5000: /rfc/scan.dat. */
		for (i = 0; i < 16 && get_le32(page(&c, p) + 128 * i + 8) != 5000;)
			i++;
		assert_true(i < 16);
		put_le32(page(&c, p) + 128 * i + 8, sizes[k]);
		fs = case_open(&c.m);
		st = stat_of(fs, "/rfc/scan.dat");
		assert_int_equal(st.verdict, k ? EFS2_PARTIAL : EFS2_UNREADABLE);
		assert_int_equal(stat_of(fs, "/nvm/num/550").verdict, EFS2_OK);
		efs2_close(fs);
		end(&c);
	}
}

static void one_cluster_with_two_owners_is_neithers(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct efs2 *fs;
	uint32_t p, i, a = 16, b = 16;

	(void)state;
	begin(&c, &o, 0);
	p = role(&c, EFS2_MK_INODES, 0);
	for (i = 0; i < 16; i++) {
		uint32_t size = get_le32(page(&c, p) + 128 * i + 8);

		a = size == 5000 ? i : a;
		b = size == 700 ? i : b;
	}
	assert_true(a < 16 && b < 16);
	memcpy(page(&c, p) + 128 * b + 64, page(&c, p) + 128 * a + 64, 4);
	fs = case_open(&c.m);
	assert_int_equal(stat_of(fs, "/rfc/scan.dat").verdict, EFS2_UNVERIFIED);
	assert_int_equal(stat_of(fs, "/nv/item_files/rfnv/00020000").verdict, EFS2_UNVERIFIED);
	assert_int_equal(stat_of(fs, "/policyman/carrier_policy.xml").verdict, EFS2_OK);
	efs2_close(fs);
	end(&c);
}

static void overlapping_files_cannot_keep_the_reader_busy(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c;
	struct efs2 *fs;
	uint32_t p, i;

	(void)state;
	begin(&c, &o, 0);
	for (p = 0; p < c.img.pages; p++)
		for (i = 0; c.img.role[p] == EFS2_MK_INODES && i < 16; i++)
			if ((get_le16(page(&c, p) + 128 * i) & 0170000) != 0040000)
				put_le32(page(&c, p) + 128 * i + 8, 40 * 16 * 2048);
	fs = case_open(&c.m);
	assert_int_equal(stat_of(fs, "/rfc/scan.dat").verdict, EFS2_UNREADABLE);
	assert_int_equal(stat_of(fs, "/nvm/num/550").verdict, EFS2_UNVERIFIED);
	assert_true(c.m.calls < 4 * 40 * 16);
	efs2_close(fs);
	end(&c);
}

static void a_wrong_bit_in_a_factory_bitmap_is_noticed(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct damage_case c = { .per_block = 16 };
	struct case_count n;
	struct efs2 *fs;

	(void)state;
	case_tree(&c.t, 0);
	assert_int_equal(efs2_mk_cefs(&c.t, &o, 3, false, &c.img, NULL, 0), 0);
	c.n = (size_t)c.img.pages * 2048;
	case_reader(&c.m, c.img.bytes, c.n);
	page(&c, 1)[40] &= 0xfe;
	fs = case_open(&c.m);
	n = case_compare(fs, &c.t, NULL, NULL);
	assert_int_equal(n.verdict[EFS2_OK], 0);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_spoilt_page_gives_a_wrong_file_as_ok),
		cmocka_unit_test(a_lost_data_page_makes_one_file_partial),
		cmocka_unit_test(a_lost_leaf_costs_its_names_only),
		cmocka_unit_test(leaves_are_found_without_the_nodes_above_them),
		cmocka_unit_test(files_of_a_lost_directory_are_listed_by_its_number),
		cmocka_unit_test(a_lost_forward_table_is_made_up_for_by_the_reverse_one),
		cmocka_unit_test(swapped_forward_entries_are_caught_by_the_reverse_table),
		cmocka_unit_test(a_leaf_in_another_leafs_place_is_caught_by_its_links),
		cmocka_unit_test(the_root_is_found_without_the_information_block),
		cmocka_unit_test(a_journal_that_does_not_prove_itself_taints_everything),
		cmocka_unit_test(a_damaged_newer_superblock_taints_everything),
		cmocka_unit_test(absurd_superblocks_are_refused),
		cmocka_unit_test(a_cut_image_gives_what_is_there),
		cmocka_unit_test(circles_and_double_use_end),
		cmocka_unit_test(an_inode_of_absurd_size_is_unreadable),
		cmocka_unit_test(one_cluster_with_two_owners_is_neithers),
		cmocka_unit_test(overlapping_files_cannot_keep_the_reader_busy),
		cmocka_unit_test(a_wrong_bit_in_a_factory_bitmap_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
