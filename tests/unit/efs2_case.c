#include "tests/unit/efs2_case.h"

#include "tests/emu/efs2_rd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 490154203237518 and 356938035643809, the numbers of the documentation. */
const uint8_t case_imei[9] = { 0x08, 0x4a, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
const uint8_t case_imei2[9] = { 0x08, 0x3a, 0x65, 0x39, 0x08, 0x53, 0x46, 0x83, 0x90 };

static void add(struct efs2_mk_tree *t, const char *path, enum efs2_mk_type type, uint32_t mtime,
		const void *data, size_t n)
{
	uint16_t mode = type == EFS2_MK_DIR ? 0755 : type == EFS2_MK_FILE ? 0644 : 0777;

	assert_int_equal(efs2_mk_add(t, path, type, mode, mtime, data, n), 0);
}

static void add_pattern(struct efs2_mk_tree *t, const char *path, enum efs2_mk_type type, size_t n,
			uint32_t seed)
{
	uint8_t *p = malloc(n ? n : 1);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < n; i++) {
		seed = seed * 1664525 + 1013904223;
		p[i] = (uint8_t)(seed >> 24);
	}
	add(t, path, type, 1500000000 + (uint32_t)n, p, n);
	free(p);
}

void case_tree(struct efs2_mk_tree *t, unsigned more)
{
	char path[64];
	unsigned i;

	add(t, "/nvm/num/550", EFS2_MK_ITEM, 0, case_imei, sizeof(case_imei));
	add(t, "/nvm/context1/550", EFS2_MK_ITEM, 0, case_imei2, sizeof(case_imei2));
	add_pattern(t, "/rfc/scan.dat", EFS2_MK_FILE, 5000, 1);
	add_pattern(t, "/nv/item_files/rfnv/00020000", EFS2_MK_ITEM, 700, 2);
	add_pattern(t, "/nv/item_files/rfnv/00020001", EFS2_MK_ITEM, 200, 3);
	add_pattern(t, "/nv/item_files/rfnv/00020002", EFS2_MK_ITEM, 1, 4);
	add_pattern(t, "/policyman/carrier_policy.xml", EFS2_MK_FILE, 70000, 5);
	add(t, "/nv/item_files/conf/mmode.conf", EFS2_MK_FILE, 1600000000, "/nv/item_files/x\n",
	    17);
	add(t, "/data/empty", EFS2_MK_FILE, 1600000001, "", 0);
	add(t, "/data/empty_item", EFS2_MK_ITEM, 0, "", 0);
	add(t, "/data/nothing_in_it", EFS2_MK_DIR, 1600000002, "", 0);
	add(t, "/data/link", EFS2_MK_LINK, 0, "/policyman/carrier_policy.xml", 29);
	add(t, "/a/b/c/d/e/f/g/deep", EFS2_MK_ITEM, 1234567890, "deep", 4);
	add(t, "/odd/50%\tof", EFS2_MK_ITEM, 0, "odd", 3);
	for (i = 0; i < more; i++) {
		snprintf(path, sizeof(path), "/nvm/num/%u", 10000 + i);
		add_pattern(t, path, EFS2_MK_ITEM, 1 + i % 60, 100 + i);
	}
}

struct efs2_mk_opts case_opts(uint32_t page_size)
{
	struct efs2_mk_opts o = { .page_size = page_size, .pages_per_block = 16, .blocks = 40 };

	if (page_size == 512)
		o.blocks = 60;
	o.age = 7;
	return o;
}

void case_busy(struct efs2_mk_opts *o)
{
	o->checkpoints = 3;
	o->pending = 3;
	o->move_root = true;
	o->move_tables = true;
	o->first_log_block = 2;
	o->age = 0xfffe;
}

void case_make(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
	       struct efs2_mk_image *ret)
{
	char why[128] = "";

	if (efs2_mk_image(t, o, ret, why, sizeof(why)) < 0)
		fail_msg("efs2_mk_image: %s", why);
}

static int mem_read_at(struct efs2_reader *r, uint64_t off, void *p, size_t n, struct err *e)
{
	struct mem_reader *m = container_of(r, struct mem_reader, reader);

	m->calls++;
	if (off > r->size || n > r->size - off)
		fail_msg("read of %zu bytes at %llu of %llu", n, (unsigned long long)off,
			 (unsigned long long)r->size);
	if (off < m->bad_to && off + n > m->bad_from)
		return err_set(e, ERR_INTEGRITY, "not read from the module");
	memcpy(p, m->bytes + off, n);
	return 0;
}

void case_reader(struct mem_reader *m, uint8_t *bytes, size_t n)
{
	*m = (struct mem_reader){ { mem_read_at, n }, bytes, 0, 0, 0 };
}

struct efs2 *case_open(struct mem_reader *m)
{
	struct err e = ERR_INIT;
	struct efs2 *fs = NULL;

	assert_ok(efs2_open(&m->reader, NULL, &fs, &e), e);
	return fs;
}

static void escaped(const char *path, char *out, size_t cap)
{
	struct writer w = writer_of(out, cap);

	for (; *path; path++) {
		if ((unsigned char)*path < 0x20 || *path == '%')
			wr_fmt(&w, "%%%02X", (unsigned char)*path);
		else
			wr_u8(&w, (uint8_t)*path);
	}
	wr_u8(&w, 0);
	assert_false(w.overflow);
}

static bool content_equal(struct efs2 *fs, const struct efs2_stat *st, const struct efs2_mk_node *n)
{
	struct buf b = BUF_INIT(1u << 24);
	struct buf_sink s;
	struct err e = ERR_INIT;
	bool r;

	buf_sink_init(&s, &b);
	assert_ok(efs2_copy(fs, st, &s.sink, NULL, &e), e);
	r = b.n == n->n && (b.n == 0 || memcmp(b.p, n->data, b.n) == 0);
	buf_fini(&b);
	return r;
}

static bool node_right(struct efs2 *fs, const struct efs2_stat *st, const struct efs2_mk_node *n)
{
	static const enum efs2_type type[] = { EFS2_REG, EFS2_ITEM, EFS2_DIR, EFS2_LINK };

	if (st->type != type[n->type] || (st->mode & 07777) != n->mode)
		return false;
	if (n->type == EFS2_MK_DIR)
		return st->mtime == n->mtime;
	if (st->size != n->n || (n->type != EFS2_MK_LINK && st->mtime != n->mtime))
		return false;
	return content_equal(fs, st, n);
}

struct case_count case_compare(struct efs2 *fs, const struct efs2_mk_tree *t,
			       bool (*but)(const char *path, void *ctx), void *ctx)
{
	struct case_count c = { 0 };
	struct efs2_stat st;
	struct err e = ERR_INIT;
	char path[256];
	size_t i;

	for (i = 0; i < t->n; i++) {
		escaped(t->node[i].path, path, sizeof(path));
		err_clear(&e);
		if (efs2_stat(fs, path, &st, &e) < 0) {
			assert_int_equal(e.kind, ERR_REFUSED);
			c.absent++;
			continue;
		}
		c.verdict[st.verdict]++;
		if (st.verdict == EFS2_OK) {
			if (!node_right(fs, &st, &t->node[i]) &&
			    !(but && but(t->node[i].path, ctx)))
				fail_msg("'%s' is given out as ok but is wrong", path);
		} else if (!st.why[0]) {
			fail_msg("'%s' is %s without a reason", path,
				 efs2_verdict_name(st.verdict));
		}
	}
	return c;
}

void case_assert_whole(struct efs2 *fs, const struct efs2_mk_tree *t)
{
	struct case_count c = case_compare(fs, t, NULL, NULL);
	struct efs2_walk *w;
	struct efs2_stat st;
	struct err e = ERR_INIT;
	const char *path;
	size_t n = 0;

	if (c.verdict[EFS2_OK] != t->n)
		fail_msg("only %zu of %zu nodes are ok; first note: %s", c.verdict[EFS2_OK], t->n,
			 efs2_note_at(fs, 0) ? efs2_note_at(fs, 0) : "none");
	assert_ok(efs2_walk_open(fs, "/", true, &w, &e), e);
	for (;;) {
		assert_ok(efs2_walk_next(w, &path, &st, &e), e);
		if (!path)
			break;
		assert_int_equal(st.verdict, EFS2_OK);
		n++;
	}
	efs2_walk_close(w);
	assert_int_equal(n, t->n);
}

void case_assert_same_tree(const struct efs2_mk_tree *a, const struct efs2_mk_tree *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++) {
		const struct efs2_mk_node *x = &a->node[i], *y = efs2_mk_find(b, x->path);

		if (!y)
			fail_msg("'%s' is missing", x->path);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->mode, y->mode);
		assert_int_equal(x->n, y->n);
		if (x->n)
			assert_memory_equal(x->data, y->data, x->n);
		if (x->type != EFS2_MK_LINK)
			assert_int_equal(x->mtime, y->mtime);
	}
}

static int rd_page(void *ctx, uint32_t page, uint8_t *to)
{
	const struct efs2_mk_image *img = ctx;

	memcpy(to, img->bytes + (size_t)page * img->page_size, img->page_size);
	return 0;
}

int case_rd(const struct efs2_mk_image *img, uint32_t pages_per_block, struct efs2_mk_tree *ret)
{
	struct efs2_mk_image copy = *img;
	struct efs2_rd_source s = { img->page_size, pages_per_block, img->pages, rd_page, &copy };
	char why[128];

	return efs2_rd(&s, ret, why, sizeof(why));
}
