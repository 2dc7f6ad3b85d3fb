/* The EFS2 reader against images of the independent maker: whole images of every form. Damaged ones
 * are in test_efs2_damage.c. */
#include "tests/unit/efs2_case.h"

#include "base/crc.h"
#include "image/efs2_donor.h"
#include "image/efs2_patch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void crc30_has_the_published_values(void **state)
{
	uint8_t b[4092];

	(void)state;
	assert_int_equal(crc30_cdma("123456789", 9), 0x04C34ABF);
	memset(b, 0, sizeof(b));
	assert_int_equal(crc30_cdma(b, 2044), 0x0512E938);
	assert_int_equal(crc30_cdma(b, 4092), 0x06CBDBC4);
	memset(b, 0xff, sizeof(b));
	assert_int_equal(crc30_cdma(b, 2044), 0x1C21A465);
	assert_int_equal(crc30_cdma(b, 4092), 0x3AAB1E7C);
}

/* Makes, reads with both readers, compares. */
static void round_trip(const struct efs2_mk_opts *o, unsigned more)
{
	struct efs2_mk_tree t = { 0 }, back = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2 *fs;

	case_tree(&t, more);
	case_make(&t, o, &img);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	case_assert_whole(fs, &t);
	assert_true(efs2_report(fs)->clean);
	assert_true(efs2_report(fs)->layout_checked);
	assert_int_equal(efs2_report(fs)->page_size, o->page_size);
	assert_int_equal(efs2_report(fs)->faults, 0);
	assert_int_equal(efs2_report(fs)->unclaimed, 0);
	efs2_close(fs);
	assert_int_equal(case_rd(&img, o->pages_per_block, &back), 0);
	case_assert_same_tree(&t, &back);
	efs2_mk_fini(&t);
	efs2_mk_fini(&back);
	efs2_mk_image_fini(&img);
}

static void plain_images_of_all_page_sizes_read_back_whole(void **state)
{
	static const uint32_t sizes[] = { 512, 2048, 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct efs2_mk_opts o = case_opts(sizes[i]);

		round_trip(&o, 20);
	}
}

static void the_journal_is_followed(void **state)
{
	static const uint32_t sizes[] = { 512, 2048, 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct efs2_mk_opts o = case_opts(sizes[i]);

		case_busy(&o);
		round_trip(&o, 40);
		o.sealed = true;
		o.pending = 40; /* over the end of its block and of the region */
		round_trip(&o, 60);
	}
}

static void tables_of_every_depth_are_followed(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	unsigned d;

	(void)state;
	case_busy(&o);
	for (d = 2; d <= 4; d++) {
		o.depth = d;
		round_trip(&o, 10);
	}
	o.depth = 1;
	o.blocks = 14; /* 224 pages: the superblock itself holds the tables */
	o.move_tables = false;
	round_trip(&o, 10);
}

static void bad_blocks_are_stepped_over(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	uint8_t bad[40] = { [0] = 1, [2] = 1, [37] = 1, [38] = 0 };

	(void)state;
	case_busy(&o);
	o.bad = bad;
	o.pending = 20;
	round_trip(&o, 30);
}

static void the_old_layout_is_read(void **state)
{
	struct efs2_mk_opts o = case_opts(512);

	(void)state;
	o.version = 0x1b;
	round_trip(&o, 20);
	case_busy(&o);
	round_trip(&o, 20);
}

static void a_thousand_files_are_listed(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);

	(void)state;
	case_busy(&o);
	o.pages_per_block = 64;
	round_trip(&o, 1000);
	o = case_opts(4096);
	o.pages_per_block = 64;
	round_trip(&o, 1000);
}

static size_t count_bytes(const struct efs2_mk_image *img, const void *p, size_t n)
{
	struct slice all = SLICE(img->bytes, (size_t)img->pages * img->page_size);
	size_t at, c = 0;

	while ((at = slice_find(all, SLICE(p, n))) != SIZE_MAX) {
		all = slice_sub(all, at + 1, all.n);
		c++;
	}
	return c;
}

static void stale_copies_are_not_taken_for_the_live_item(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2_stat st;
	struct err e = ERR_INIT;
	uint8_t old[9], got[16];
	struct efs2 *fs;
	size_t i, n;

	(void)state;
	case_busy(&o);
	case_tree(&t, 0);
	case_make(&t, &o, &img);
	for (i = 0; i < 9; i++)
		old[i] = case_imei[i] ^ 0xff;
	/* The number that was there first is still in the image, and so is a later copy. */
	assert_true(count_bytes(&img, old, 9) >= 1);
	assert_true(count_bytes(&img, case_imei, 9) >= 2);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	assert_ok(efs2_stat(fs, "/nvm/num/550", &st, &e), e);
	assert_int_equal(st.verdict, EFS2_OK);
	assert_int_equal(st.type, EFS2_ITEM);
	assert_int_equal(st.mode, 0160777);
	assert_ok(efs2_read(fs, &st, 0, got, sizeof(got), &n, NULL, &e), e);
	assert_int_equal(n, 9);
	assert_memory_equal(got, case_imei, 9);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static void what_stale_pages_hold_does_not_matter(void **state)
{
	static const uint32_t sizes[] = { 512, 2048, 4096 };
	struct efs2_mk_tree t = { 0 };
	size_t i;

	(void)state;
	case_tree(&t, 20);
	for (i = 0; i < 3; i++) {
		struct efs2_mk_opts o = case_opts(sizes[i]);
		struct efs2_mk_image img;
		struct mem_reader m;
		struct efs2 *fs;
		uint32_t p, stale_tables = 0;

		case_busy(&o);
		o.depth = 3;
		case_make(&t, &o, &img);
		for (p = 0; p < img.pages; p++) {
			if (img.role[p] < 'a' || img.role[p] > 'z')
				continue;
			memset(img.bytes + (size_t)p * img.page_size, 0xa5, img.page_size);
			stale_tables += img.role[p] == 't';
		}
		assert_true(stale_tables > 4); /* the journal has moved table pages too */
		case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
		fs = case_open(&m);
		case_assert_whole(fs, &t);
		assert_true(efs2_report(fs)->clean);
		efs2_close(fs);
		efs2_mk_image_fini(&img);
	}
	efs2_mk_fini(&t);
}

static void an_older_superblock_loses_also_when_the_age_wraps(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2 *fs;

	(void)state;
	case_busy(&o);
	case_tree(&t, 0);
	case_make(&t, &o, &img);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	assert_int_equal(efs2_report(fs)->supers, 3);
	assert_int_equal(efs2_report(fs)->age, 0x0000);
	assert_true(efs2_super_at(fs, 0)->crc_ok);
	assert_null(efs2_super_at(fs, 3));
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static void filler_at_the_end_of_a_block_reads_as_erased(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2 *fs;
	uint32_t p;

	(void)state;
	case_busy(&o);
	case_tree(&t, 10);
	case_make(&t, &o, &img);
	for (p = 0; p < img.pages; p++)
		if (img.role[p] == EFS2_MK_ERASED)
			memset(img.bytes + (size_t)p * img.page_size, 0xEE, img.page_size);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	case_assert_whole(fs, &t);
	assert_true(efs2_report(fs)->clean);
	assert_int_equal(efs2_report(fs)->unread, 0);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static void pages_behind_the_journal_are_reported(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2 *fs;

	(void)state;
	o.unaccounted = 3;
	case_tree(&t, 0);
	case_make(&t, &o, &img);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	case_assert_whole(fs, &t);
	assert_int_equal(efs2_report(fs)->unaccounted, 3);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static void factory_images_of_all_formats_read_back_whole(void **state)
{
	static const uint32_t sizes[] = { 512, 2048, 4096 };
	unsigned format, k;

	(void)state;
	for (k = 0; k < 6; k++)
		for (format = 2; format <= 4; format++) {
			struct efs2_mk_opts o = case_opts(sizes[k % 3]);
			struct efs2_mk_tree t = { 0 }, back = { 0 };
			struct efs2_mk_image img;
			struct mem_reader m;
			struct efs2 *fs;
			char why[128] = "";

			case_tree(&t, 30);
			if (efs2_mk_cefs(&t, &o, format, k >= 3, &img, why, sizeof(why)) < 0)
				fail_msg("%s", why);
			case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
			fs = case_open(&m);
			assert_int_equal(efs2_report(fs)->form, EFS2_FORM_CEFS);
			assert_true(efs2_report(fs)->clean);
			case_assert_whole(fs, &t);
			efs2_close(fs);
			efs2_mk_fini(&t);
			efs2_mk_fini(&back);
			efs2_mk_image_fini(&img);
		}
}

static void a_backup_partition_reads_and_its_checksum_counts(void **state)
{
	struct efs2_mk_opts o = case_opts(4096);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2_stat st;
	struct err e = ERR_INIT;
	struct efs2 *fs;

	(void)state;
	case_tree(&t, 5);
	assert_int_equal(efs2_mk_backup(&t, &o, &img, NULL, 0), 0);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	assert_int_equal(efs2_report(fs)->form, EFS2_FORM_BACKUP);
	case_assert_whole(fs, &t);
	assert_true(efs2_report(fs)->clean);
	efs2_close(fs);

	img.bytes[(size_t)(img.pages - 1) * img.page_size + 1] ^= 0x10;
	fs = case_open(&m);
	assert_ok(efs2_stat(fs, "/nvm/num/550", &st, &e), e);
	assert_int_equal(st.verdict, EFS2_UNVERIFIED);
	assert_false(efs2_report(fs)->clean);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static struct efs2_ident recognise(uint8_t *bytes, size_t n)
{
	struct mem_reader m;
	struct efs2_ident id;
	struct err e = ERR_INIT;

	case_reader(&m, bytes, n);
	assert_ok(efs2_recognise(&m.reader, 0, &id, &e), e);
	assert_true(id.what[0] != '\0');
	return id;
}

static void other_containers_are_named_not_read(void **state)
{
	size_t n = 256 * 1024, i;
	uint8_t *b = malloc(n);
	struct mem_reader m;
	struct err e = ERR_INIT;
	struct efs2 *fs;
	struct efs2_ident id;
	uint32_t x = 1;

	(void)state;
	assert_non_null(b);
	for (i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		b[i] = (uint8_t)(x >> 24);
	}
	assert_int_equal(recognise(b, n).form, EFS2_FORM_OPAQUE);
	memset(b, 0, 0x200);
	memcpy(b + 0x28, "IMGEFS2", 7);
	put_le32(b + 0x2f, 1234);
	put_le64(b + 0x33, 1700000000000);
	id = recognise(b, n);
	assert_int_equal(id.form, EFS2_FORM_IMGEFS);
	assert_int_equal(id.copy, '2');
	assert_int_equal(id.sequence, 1234);
	assert_true(id.time_ms == 1700000000000);
	assert_non_null(strstr(id.what, "encrypted"));
	case_reader(&m, b, n);
	assert_err(efs2_open(&m.reader, NULL, &fs, &e), e, ERR_UNSUPPORTED);
	memcpy(b + 0x28, "IMGEFSG", 7);
	memcpy(b + 0x208, "EFSSuper", 8);
	put_le32(b + 0x200 + 20, 512);
	assert_int_equal(recognise(b, n).form, EFS2_FORM_FSG_PLAIN);
	memset(b, 0xff, n);
	assert_int_equal(recognise(b, n).form, EFS2_FORM_BLANK);
	assert_err(efs2_open(&m.reader, NULL, &fs, &e), e, ERR_PROTO);
	memset(b, 0, n);
	assert_int_equal(recognise(b, n).form, EFS2_FORM_NONE);
	assert_int_equal(recognise(b, 0).form, EFS2_FORM_BLANK);
	case_reader(&m, b, n);
	m.reader.size = UINT64_C(4) << 30;
	assert_err(efs2_open(&m.reader, NULL, &fs, &e), e, ERR_UNSUPPORTED);
	free(b);
}

static void nor_and_early_versions_are_refused(void **state)
{
	static const uint16_t versions[] = { 0x24, 0x0e, 0x40f };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct efs2_mk_opts o = case_opts(512);
		struct efs2_mk_tree t = { 0 };
		struct efs2_mk_image img;
		struct mem_reader m;
		struct err e = ERR_INIT;
		struct efs2 *fs;

		o.version = versions[i];
		case_tree(&t, 0);
		case_make(&t, &o, &img);
		case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
		assert_err(efs2_open(&m.reader, NULL, &fs, &e), e, ERR_UNSUPPORTED);
		assert_int_equal(recognise(img.bytes, (size_t)img.pages * img.page_size).form,
				 EFS2_FORM_NOR);
		efs2_mk_fini(&t);
		efs2_mk_image_fini(&img);
	}
}

static void paths_and_errors_are_those_of_a_file_system(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2_stat st;
	struct err e = ERR_INIT;
	struct efs2_walk *w;
	const char *path;
	uint8_t b[8];
	size_t n;
	struct efs2 *fs;

	(void)state;
	case_tree(&t, 0);
	case_make(&t, &o, &img);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	assert_err(efs2_stat(fs, "/nvm/none", &st, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, ENOENT);
	assert_err(efs2_stat(fs, "/nvm/num/550/x", &st, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, ENOTDIR);
	assert_err(efs2_stat(fs, "nvm", &st, &e), e, ERR_USAGE);
	assert_err(efs2_stat(fs, "/nvm/../nvm", &st, &e), e, ERR_REFUSED);
	assert_err(efs2_stat(fs, "/%lost/00000000", &st, &e), e, ERR_REFUSED);
	assert_ok(efs2_stat(fs, "//nvm/./num/", &st, &e), e);
	assert_int_equal(st.type, EFS2_DIR);
	assert_err(efs2_read(fs, &st, 0, b, 8, &n, NULL, &e), e, ERR_REFUSED);
	assert_int_equal(e.code, EISDIR);
	assert_err(efs2_walk_open(fs, "/nvm/num/550", true, &w, &e), e, ERR_REFUSED);
	assert_ok(efs2_walk_open(fs, "/odd/", false, &w, &e), e);
	assert_ok(efs2_walk_next(w, &path, &st, &e), e);
	assert_string_equal(path, "/odd/50%25%09of");
	assert_ok(efs2_walk_next(w, &path, &st, &e), e);
	assert_null(path);
	efs2_walk_close(w);
	assert_ok(efs2_stat(fs, "/data/link", &st, &e), e);
	assert_int_equal(st.type, EFS2_LINK);
	assert_ok(efs2_read(fs, &st, 1, b, 8, &n, NULL, &e), e);
	assert_memory_equal(b, "policyma", 8);
	assert_ok(efs2_stat(fs, "/", &st, &e), e);
	assert_int_equal(st.verdict, EFS2_OK);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

static void names_from_the_image_cannot_lead_anywhere(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2_stat st;
	struct err e = ERR_INIT;
	struct efs2_walk *w;
	const char *path;
	size_t at;
	struct efs2 *fs;

	(void)state;
	assert_int_equal(efs2_mk_add(&t, "/etc_passwd_", EFS2_MK_ITEM, 0777, 0, "x", 1), 0);
	assert_int_equal(efs2_mk_add(&t, "/QQ", EFS2_MK_ITEM, 0777, 0, "y", 1), 0);
	case_make(&t, &o, &img);
	at = slice_find(SLICE(img.bytes, (size_t)img.pages * img.page_size),
			SLICE_STR("etc_passwd_"));
	assert_true(at != SIZE_MAX);
	memcpy(img.bytes + at, "../../../et", 11);
	at = slice_find(SLICE(img.bytes, (size_t)img.pages * img.page_size), SLICE_STR("QQn"));
	assert_true(at != SIZE_MAX);
	memcpy(img.bytes + at, "..", 2);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	assert_ok(efs2_walk_open(fs, "/", true, &w, &e), e);
	assert_ok(efs2_walk_next(w, &path, &st, &e), e);
	assert_string_equal(path, "/%2E%2E");
	assert_ok(efs2_stat(fs, path, &st, &e), e);
	assert_ok(efs2_walk_next(w, &path, &st, &e), e);
	assert_string_equal(path, "/..%2F..%2F..%2Fet");
	assert_ok(efs2_stat(fs, path, &st, &e), e);
	efs2_walk_close(w);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

struct copy_writer {
	struct efs2_writer writer;
	uint8_t *bytes;
	size_t n, writes;
};

static int copy_write_at(struct efs2_writer *w, uint64_t off, const void *p, size_t n,
			 struct err *e)
{
	struct copy_writer *c = container_of(w, struct copy_writer, writer);

	(void)e;
	assert_true(off + n <= c->n);
	memcpy(c->bytes + off, p, n);
	c->writes++;
	return 0;
}

struct patch_case {
	struct efs2_mk_tree t;
	struct efs2_mk_image img;
	struct mem_reader m;
	struct copy_writer to;
	size_t n;
};

static void patch_begin(struct patch_case *c)
{
	c->n = (size_t)c->img.pages * c->img.page_size;
	case_reader(&c->m, c->img.bytes, c->n);
	c->to = (struct copy_writer){ { copy_write_at }, malloc(c->n), c->n, 0 };
	assert_non_null(c->to.bytes);
	memcpy(c->to.bytes, c->img.bytes, c->n);
}

static void patch_end(struct patch_case *c)
{
	free(c->to.bytes);
	efs2_mk_fini(&c->t);
	efs2_mk_image_fini(&c->img);
}

/* Puts the second number in place of the first and shows that nothing else changed. */
static void patch_and_compare(struct patch_case *c, size_t max_changed)
{
	struct efs2_mk_node *x = efs2_mk_find(&c->t, "/nvm/num/550");
	struct efs2_patch p;
	struct err e = ERR_INIT;
	struct efs2 *fs = case_open(&c->m);
	size_t i, changed = 0;

	assert_ok(efs2_inline_replace(fs, "/nvm/num/550", SLICE(case_imei, 9), SLICE(case_imei2, 9),
				      &c->to.writer, &p, &e),
		  e);
	efs2_close(fs);
	for (i = 0; i < c->n; i++)
		changed += c->img.bytes[i] != c->to.bytes[i];
	assert_in_range(changed, 8, max_changed);
	assert_memory_equal(c->to.bytes + p.offset, case_imei2, 9);
	assert_int_equal(p.page, p.offset / c->img.page_size);
	memcpy(x->data, case_imei2, 9);
	c->m.bytes = c->to.bytes;
	fs = case_open(&c->m);
	case_assert_whole(fs, &c->t);
	assert_true(efs2_report(fs)->clean);
	efs2_close(fs);
}

static void an_inline_item_is_replaced_in_its_live_page_only(void **state)
{
	static const uint32_t sizes[] = { 2048, 4096 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct patch_case c = { .n = 0 };
		struct efs2_mk_opts o = case_opts(sizes[i]);
		struct efs2_mk_tree back = { 0 };

		case_busy(&o);
		case_tree(&c.t, 10);
		case_make(&c.t, &o, &c.img);
		patch_begin(&c);
		patch_and_compare(&c, 9);
		assert_int_equal(c.to.writes, 1);
		/* The independent reader sees the new number too. */
		memcpy(c.img.bytes, c.to.bytes, c.n);
		assert_int_equal(case_rd(&c.img, o.pages_per_block, &back), 0);
		case_assert_same_tree(&c.t, &back);
		efs2_mk_fini(&back);
		patch_end(&c);
	}
}

static void an_item_in_the_factory_forms_is_replaced(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct patch_case c = { .n = 0 };

	(void)state;
	case_tree(&c.t, 10);
	assert_int_equal(efs2_mk_cefs(&c.t, &o, 4, true, &c.img, NULL, 0), 0);
	patch_begin(&c);
	patch_and_compare(&c, 9);
	patch_end(&c);

	c = (struct patch_case){ .n = 0 };
	case_tree(&c.t, 10);
	assert_int_equal(efs2_mk_backup(&c.t, &o, &c.img, NULL, 0), 0);
	patch_begin(&c);
	patch_and_compare(&c, 13);
	assert_int_equal(c.to.writes, 2);
	patch_end(&c);
}

static void refuse(struct patch_case *c, const char *path, struct slice old, struct slice value,
		   enum err_kind kind)
{
	struct efs2_patch p;
	struct err e = ERR_INIT;
	struct efs2 *fs = case_open(&c->m);

	assert_err(efs2_inline_replace(fs, path, old, value, &c->to.writer, &p, &e), e, kind);
	assert_int_equal(c->to.writes, 0);
	efs2_close(fs);
}

static void a_replacement_is_refused_unless_everything_is_proven(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct slice old = SLICE(case_imei, 9), new = SLICE(case_imei2, 9);
	struct patch_case c = { .n = 0 };
	uint8_t keep;
	uint32_t p;

	(void)state;
	case_busy(&o);
	case_tree(&c.t, 0);
	case_make(&c.t, &o, &c.img);
	patch_begin(&c);
	refuse(&c, "/nvm/num/550", new, old, ERR_MISMATCH);
	refuse(&c, "/nvm/num/550", old, SLICE(case_imei2, 8), ERR_MISMATCH);
	refuse(&c, "/nvm/num/550", SLICE(case_imei, 8), SLICE(case_imei2, 8), ERR_MISMATCH);
	refuse(&c, "/nvm/num", old, new, ERR_UNSUPPORTED);
	refuse(&c, "/rfc/scan.dat", old, new, ERR_UNSUPPORTED);
	refuse(&c, "/data/link", old, new, ERR_UNSUPPORTED);
	refuse(&c, "/nvm/num/551", old, new, ERR_REFUSED);
	for (p = 0; p < c.img.pages; p++) {
		uint8_t *b = c.img.bytes + (size_t)p * c.img.page_size;

		if (c.img.role[p] != EFS2_MK_SUPER && c.img.role[p] != EFS2_MK_JOURNAL)
			continue;
		/* The journal of older checkpoints is not looked at, and need not be. */
		if (c.img.role[p] == EFS2_MK_JOURNAL && p % o.pages_per_block > 0 &&
		    get_le16(c.img.bytes + (size_t)(p - p % o.pages_per_block) * c.img.page_size +
			     6) != 0)
			continue;
		keep = b[100];
		b[100] ^= 1;
		if (c.img.role[p] == EFS2_MK_SUPER ||
		    slice_find(SLICE(b, 100), SLICE_STR("\xfe")) == SIZE_MAX)
			refuse(&c, "/nvm/num/550", old, new, ERR_INTEGRITY);
		b[100] = keep;
		keep = b[10];
		b[10] ^= 1;
		refuse(&c, "/nvm/num/550", old, new, ERR_INTEGRITY);
		b[10] = keep;
	}
	c.m.reader.size -= c.img.page_size;
	refuse(&c, "/nvm/num/550", old, new, ERR_INTEGRITY);
	patch_end(&c);
}

static void a_donor_is_judged_by_geometry_and_cleanliness(void **state)
{
	struct efs2_mk_opts o = case_opts(2048);
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	struct mem_reader m;
	struct efs2_donor d;
	uint32_t bad[] = { 39, 0 };
	struct efs2_target target = { 2048, 16, 40u * 16 * 2048, bad, 0, true }, other;
	struct efs2 *fs;

	(void)state;
	case_tree(&t, 0);
	case_make(&t, &o, &img);
	case_reader(&m, img.bytes, (size_t)img.pages * img.page_size);
	fs = case_open(&m);
	efs2_donor_judge(fs, &target, &d);
	assert_true(d.fits);
	assert_int_equal(d.n, 0);
	other = target;
	other.page_size = 4096;
	efs2_donor_judge(fs, &other, &d);
	assert_false(d.fits);
	assert_true(d.n == 1 && d.reason[0].blocker);
	other = target;
	other.pages_per_block = 64;
	efs2_donor_judge(fs, &other, &d);
	assert_false(d.fits);
	other = target;
	other.size += 2048 * 16;
	efs2_donor_judge(fs, &other, &d);
	assert_false(d.fits);
	other = target;
	other.size = 0;
	efs2_donor_judge(fs, &other, &d);
	assert_false(d.fits);
	target.n_bad = 1; /* the last block of the journal's region, never used yet */
	efs2_donor_judge(fs, &target, &d);
	assert_true(d.fits);
	target.n_bad = 2;
	efs2_donor_judge(fs, &target, &d);
	assert_false(d.fits);
	target.bad_known = false;
	efs2_donor_judge(fs, &target, &d);
	assert_true(d.fits && d.n == 1 && !d.reason[0].blocker);
	efs2_close(fs);
	efs2_mk_fini(&t);
	efs2_mk_image_fini(&img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc30_has_the_published_values),
		cmocka_unit_test(plain_images_of_all_page_sizes_read_back_whole),
		cmocka_unit_test(the_journal_is_followed),
		cmocka_unit_test(tables_of_every_depth_are_followed),
		cmocka_unit_test(bad_blocks_are_stepped_over),
		cmocka_unit_test(the_old_layout_is_read),
		cmocka_unit_test(a_thousand_files_are_listed),
		cmocka_unit_test(stale_copies_are_not_taken_for_the_live_item),
		cmocka_unit_test(what_stale_pages_hold_does_not_matter),
		cmocka_unit_test(an_older_superblock_loses_also_when_the_age_wraps),
		cmocka_unit_test(filler_at_the_end_of_a_block_reads_as_erased),
		cmocka_unit_test(pages_behind_the_journal_are_reported),
		cmocka_unit_test(factory_images_of_all_formats_read_back_whole),
		cmocka_unit_test(a_backup_partition_reads_and_its_checksum_counts),
		cmocka_unit_test(other_containers_are_named_not_read),
		cmocka_unit_test(nor_and_early_versions_are_refused),
		cmocka_unit_test(paths_and_errors_are_those_of_a_file_system),
		cmocka_unit_test(names_from_the_image_cannot_lead_anywhere),
		cmocka_unit_test(an_inline_item_is_replaced_in_its_live_page_only),
		cmocka_unit_test(an_item_in_the_factory_forms_is_replaced),
		cmocka_unit_test(a_replacement_is_refused_unless_everything_is_proven),
		cmocka_unit_test(a_donor_is_judged_by_geometry_and_cleanliness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
