/*
 * The modem's file system on flash. NAND: a true EFS2 image in the efs2 partition, made and read by
 * efs2_mk and efs2_rd, and a factory image of it in sys_rev as the module's own copy. Managed storage:
 * a container in modemst1 and modemst2 that only the same chip can read, and a golden copy in fsg
 * (efs2-flash.md sections 3, 8.3, 10 and 11).
 */
#include "tests/emu/modem.h"
#include "tests/emu/efs2_rd.h"

#include <stdlib.h>
#include <string.h>

/* ---- between the two kinds of tree ---------------------------------------------------------- */

static enum efs2_mk_type mk_type(enum fnode_type t)
{
	return t == FN_DIR ? EFS2_MK_DIR : t == FN_LINK ? EFS2_MK_LINK : t == FN_ITEM ? EFS2_MK_ITEM :
										      EFS2_MK_FILE;
}

static enum fnode_type fn_type(enum efs2_mk_type t)
{
	return t == EFS2_MK_DIR ? FN_DIR : t == EFS2_MK_LINK ? FN_LINK : t == EFS2_MK_ITEM ? FN_ITEM :
											    FN_FILE;
}

static int to_mk(const struct ftree *t, struct efs2_mk_tree *mk)
{
	static const char first[] = "/nvm/num/550"; /* so that dumps hold stale copies of it */
	const struct fnode *f = ftree_find(t, first);
	size_t i;

	memset(mk, 0, sizeof(*mk));
	if (f && f->type == FN_ITEM && efs2_mk_add(mk, first, EFS2_MK_ITEM, f->mode, 0, f->data, f->n))
		return -1;
	for (i = 0; i < t->n; i++) {
		f = &t->node[i];
		if (f->path[1] && efs2_mk_add(mk, f->path, mk_type(f->type), f->mode,
					      f->type == FN_ITEM ? 0 : f->mtime, f->data, f->n)) {
			efs2_mk_fini(mk);
			return -1;
		}
	}
	return 0;
}

static int from_mk(struct ftree *t, const struct efs2_mk_tree *mk)
{
	size_t i;

	if (ftree_init(t))
		return -1;
	for (i = 0; i < mk->n; i++) {
		const struct efs2_mk_node *x = &mk->node[i];
		char path[FTREE_PATH];
		struct fnode *f;

		if (!ftree_clean(path, x->path) || !path[1])
			continue;
		f = ftree_put(t, path, fn_type(x->type), x->mode, x->data, x->n);
		if (!f) {
			ftree_fini(t);
			return -1;
		}
		if (x->mtime)
			f->mtime = x->mtime;
	}
	return 0;
}

/* ---- NAND ----------------------------------------------------------------------------------- */

struct part {
	const struct emu_flash *f;
	uint32_t block, blocks; /* of the chip */
};

static bool part_find(const struct emu_flash *f, const char *name, struct part *ret)
{
	uint64_t start, len;
	uint32_t lun;

	if (f->type != EMU_NAND || !emu_table_find(f, name, &lun, &start, &len))
		return false;
	*ret = (struct part){ f, (uint32_t)(start / f->ppb), (uint32_t)(len / f->ppb) };
	return true;
}

static int part_read(void *ctx, uint32_t page, uint8_t *to)
{
	const struct part *p = ctx;
	uint64_t at = (uint64_t)p->block * p->f->ppb + page;

	if (flash_block_is_bad(p->f, (uint32_t)(at / p->f->ppb)))
		return -1;
	/* The modem's own driver knows an erased page from a programmed one. */
	if (!flash_page_is_programmed(p->f, at)) {
		memset(to, 0xff, p->f->page);
		return 0;
	}
	return flash_read(p->f, 0, at, to, p->f->page) == FLASH_OK ? 0 : -1;
}

/* The newest superblock's age and the blocks of its log region. */
static bool newest_super(const struct part *p, uint16_t *age, uint32_t log[2])
{
	uint8_t b[256];
	bool any = false;
	uint32_t i;

	for (i = 0; i < p->blocks; i++) {
		uint64_t page = (uint64_t)(p->block + i) * p->f->ppb;

		if (flash_block_is_bad(p->f, p->block + i) || !flash_page_is_programmed(p->f, page) ||
		    flash_read(p->f, 0, page, b, sizeof(b)) != FLASH_OK ||
		    memcmp(b + 8, "EFSSuper", 8) != 0 ||
		    (any && (int16_t)(get_le16(b + 6) - *age) <= 0))
			continue;
		any = true;
		*age = get_le16(b + 6);
		log[0] = get_le32(b + 208);
		log[1] = get_le32(b + 212);
	}
	return any;
}

/* efs2-flash.md section 8.3: a page of 0xFF that has been programmed counts as used, because it
 * carries ECC; with such pages the log region runs out of good blocks. */
static bool log_is_spoilt(const struct part *p, const uint32_t log[2])
{
	uint8_t *b = malloc(p->f->page);
	bool spoilt = false;
	uint64_t page, end = (uint64_t)(p->block + MIN_OF(log[1], p->blocks)) * p->f->ppb;

	for (page = (uint64_t)(p->block + log[0]) * p->f->ppb; b && !spoilt && page < end; page++)
		spoilt = flash_page_is_programmed(p->f, page) &&
			 flash_read(p->f, 0, page, b, p->f->page) == FLASH_OK &&
			 slice_all(SLICE(b, p->f->page), 0xff);
	free(b);
	return spoilt;
}

static enum fs_flash load_nand(const struct emu_flash *f, struct ftree *ret)
{
	struct efs2_rd_source s = { f->page, f->ppb, 0, part_read, NULL };
	struct efs2_mk_tree mk;
	uint32_t log[2] = { 0, 0 };
	struct part p;
	uint16_t age;
	char why[128];
	int r;

	if (!part_find(f, "EFS2", &p))
		return FS_FLASH_NONE;
	s.pages = p.blocks * f->ppb;
	s.ctx = &p;
	if (newest_super(&p, &age, log) && log_is_spoilt(&p, log))
		return FS_FLASH_DEAD;
	if (efs2_rd(&s, &mk, why, sizeof(why)) < 0)
		return FS_FLASH_NONE;
	r = from_mk(ret, &mk);
	efs2_mk_fini(&mk);
	return r ? FS_FLASH_NONE : FS_FLASH_OK;
}

static int program(struct emu_flash *f, const struct part *p, const struct efs2_mk_image *img)
{
	uint32_t b, i;

	for (b = 0; b < p->blocks; b++)
		if (!flash_block_is_bad(f, p->block + b))
			flash_erase_block(f, p->block + b);
	for (i = 0; i < img->pages; i++)
		if (img->role[i] != EFS2_MK_ERASED &&
		    flash_program(f, 0, (uint64_t)p->block * f->ppb + i,
				  img->bytes + (size_t)i * img->page_size) != FLASH_OK)
			return -1;
	return 0;
}

static int options(const struct part *p, struct efs2_mk_opts *o, uint8_t **ret_bad)
{
	uint8_t *bad = calloc(p->blocks, 1);
	uint32_t i;

	if (!bad)
		return -1;
	for (i = 0; i < p->blocks; i++)
		bad[i] = flash_block_is_bad(p->f, p->block + i);
	*o = (struct efs2_mk_opts){ .page_size = p->f->page, .pages_per_block = p->f->ppb,
				    .blocks = p->blocks, .bad = bad };
	*ret_bad = bad;
	return 0;
}

static int save_nand(struct emu_flash *f, const struct ftree *t)
{
	struct efs2_mk_image img = { 0 };
	struct efs2_mk_tree mk;
	struct efs2_mk_opts o;
	uint32_t log[2];
	struct part p;
	uint16_t age = 0;
	uint8_t *bad;
	char why[128];
	int r = -1;

	if (!part_find(f, "EFS2", &p) || options(&p, &o, &bad))
		return -1;
	/* A module that has been used: checkpoints, stale pages, updates in the journal alone. */
	if (newest_super(&p, &age, log))
		o.age = (uint16_t)(age + 1);
	o.checkpoints = 2;
	o.pending = 2;
	if (!to_mk(t, &mk)) {
		r = efs2_mk_image(&mk, &o, &img, why, sizeof(why)) ? -1 : program(f, &p, &img);
		efs2_mk_image_fini(&img);
		efs2_mk_fini(&mk);
	}
	free(bad);
	return r;
}

/* ---- the module's own copy ------------------------------------------------------------------ */

#define BACKUP_MAGIC1 0x51d24368u
#define BACKUP_MAGIC2 0x4378ac6eu
#define STATE_MAGIC1  0x78e5d4c2u
#define STATE_MAGIC2  0x54f7d60eu

/* The n-th page of the copy: bad blocks are left out. UINT64_MAX beyond the end. */
static uint64_t copy_page(const struct part *p, uint32_t n)
{
	uint32_t b;

	for (b = 0; b + 3 < p->blocks; b++) {
		if (flash_block_is_bad(p->f, p->block + b))
			continue;
		if (n < p->f->ppb)
			return (uint64_t)(p->block + b) * p->f->ppb + n;
		n -= p->f->ppb;
	}
	return UINT64_MAX;
}

/* Page of the restore state: in one of the last three blocks. UINT64_MAX when all are bad. */
static uint64_t state_page(const struct part *p)
{
	uint32_t b;

	for (b = p->blocks - 3; b < p->blocks; b++)
		if (!flash_block_is_bad(p->f, p->block + b))
			return (uint64_t)(p->block + b) * p->f->ppb;
	return UINT64_MAX;
}

static uint32_t copy_crc(uint32_t crc, const uint8_t *page, uint32_t size)
{
	return table_mibib_crc(crc, page, MIN_OF(size, 2048u));
}

bool fs_backup_state(const struct emu_flash *f, struct fs_backup *ret)
{
	struct part p;
	uint8_t b[32];
	uint64_t at;

	memset(ret, 0, sizeof(*ret));
	if (!part_find(f, "sys_rev", &p) || p.blocks < 5)
		return false;
	at = state_page(&p);
	/* Flag and counters have their places here only; no document tells them. */
	if (at != UINT64_MAX && flash_page_is_programmed(f, at) &&
	    flash_read(f, 0, at, b, sizeof(b)) == FLASH_OK && get_le32(b) == STATE_MAGIC1 &&
	    get_le32(b + 4) == STATE_MAGIC2) {
		ret->restore_flag = get_le32(b + 8) == 1;
		ret->backups = get_le32(b + 12);
		ret->restores = get_le32(b + 16);
	}
	at = copy_page(&p, 0);
	ret->valid = at != UINT64_MAX && flash_page_is_programmed(f, at) &&
		     flash_read(f, 0, at, b, 16) == FLASH_OK && get_le32(b) == BACKUP_MAGIC1 &&
		     get_le32(b + 4) == BACKUP_MAGIC2;
	return true;
}

int fs_backup_mark(struct emu_flash *f, const struct fs_backup *s)
{
	uint8_t *b;
	struct part p;
	uint64_t at;
	int r;

	if (!part_find(f, "sys_rev", &p) || p.blocks < 5 || (at = state_page(&p)) == UINT64_MAX)
		return -1;
	b = malloc(f->page);
	if (!b)
		return -1;
	memset(b, 0xff, f->page);
	put_le32(b, STATE_MAGIC1);
	put_le32(b + 4, STATE_MAGIC2);
	put_le32(b + 8, s->restore_flag);
	put_le32(b + 12, s->backups);
	put_le32(b + 16, s->restores);
	flash_erase_block(f, (uint32_t)(at / f->ppb));
	r = flash_program(f, 0, at, b) == FLASH_OK ? 0 : -1;
	free(b);
	return r;
}

int fs_backup_write(struct emu_flash *f, const struct ftree *t, const struct fs_backup *s)
{
	struct efs2_mk_image img = { 0 };
	struct efs2_mk_tree mk;
	struct efs2_mk_opts o;
	struct part efs, p;
	uint8_t *bad;
	uint32_t i;
	char why[128];
	int r = -1;

	if (!part_find(f, "EFS2", &efs) || !part_find(f, "sys_rev", &p) || p.blocks < 5 ||
	    options(&efs, &o, &bad))
		return -1;
	if (!to_mk(t, &mk)) {
		r = efs2_mk_backup(&mk, &o, &img, why, sizeof(why));
		efs2_mk_fini(&mk);
	}
	free(bad);
	for (i = 0; !r && i + 3 < p.blocks; i++)
		if (!flash_block_is_bad(f, p.block + i))
			flash_erase_block(f, p.block + i);
	for (i = 0; !r && i < img.pages; i++) {
		uint64_t at = copy_page(&p, i);

		if (at == UINT64_MAX ||
		    flash_program(f, 0, at, img.bytes + (size_t)i * img.page_size) != FLASH_OK)
			r = -1;
	}
	efs2_mk_image_fini(&img);
	return r ? -1 : fs_backup_mark(f, s);
}

struct copy {
	struct part p;
	uint32_t n;
};

static int copy_read(void *ctx, uint32_t page, uint8_t *to)
{
	const struct copy *c = ctx;
	uint64_t at = page < c->n ? copy_page(&c->p, page + 1) : UINT64_MAX;

	return at == UINT64_MAX || flash_read(c->p.f, 0, at, to, c->p.f->page) != FLASH_OK ? -1 : 0;
}

int fs_backup_read(const struct emu_flash *f, struct ftree *ret)
{
	struct copy c;
	struct efs2_rd_source s = { f->page, f->ppb, 0, copy_read, &c };
	struct efs2_mk_tree mk;
	uint8_t head[16], *b;
	struct part efs;
	uint32_t i, crc = 0;
	char why[128];
	int r;

	if (!part_find(f, "EFS2", &efs) || !part_find(f, "sys_rev", &c.p) || c.p.blocks < 5 ||
	    copy_page(&c.p, 0) == UINT64_MAX ||
	    flash_read(f, 0, copy_page(&c.p, 0), head, sizeof(head)) != FLASH_OK ||
	    get_le32(head) != BACKUP_MAGIC1 || get_le32(head + 4) != BACKUP_MAGIC2)
		return -1;
	c.n = get_le32(head + 8);
	s.pages = efs.blocks * f->ppb; /* the geometry that the copy is unpacked to */
	b = malloc(f->page);
	for (i = 0; b && i < c.n && !copy_read(&c, i, b); i++)
		crc = copy_crc(crc, b, f->page);
	free(b);
	if (i != c.n || crc != get_le32(head + 12) || efs2_rd(&s, &mk, why, sizeof(why)) < 0)
		return -1;
	r = from_mk(ret, &mk);
	efs2_mk_fini(&mk);
	return r;
}

/* ---- managed storage ------------------------------------------------------------------------ */

/* Not the real cipher, but like it: bytes that mean nothing without this chip's key. */
static void scramble(uint8_t *p, size_t n, uint64_t key)
{
	uint64_t x = key * 0x9e3779b97f4a7c15u | 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] ^= (uint8_t)x;
	}
}

/* Count, then type, mode, mtime, path length, size, path, data of each node. */
static size_t pack(const struct ftree *t, uint8_t *out)
{
	size_t n = 8, i;

	for (i = 0; i < t->n; i++) {
		const struct fnode *f = &t->node[i];
		size_t len = strlen(f->path);

		if (out) {
			put_le16(out + n, (uint16_t)f->type);
			put_le16(out + n + 2, f->mode);
			put_le32(out + n + 4, f->mtime);
			put_le32(out + n + 8, (uint32_t)len);
			put_le32(out + n + 12, (uint32_t)f->n);
			memcpy(out + n + 16, f->path, len);
			memcpy(out + n + 16 + len, f->data, f->n);
		}
		n += 16 + len + f->n;
	}
	if (out) {
		put_le32(out, (uint32_t)t->n);
		put_le32(out + 4, table_gpt_crc(0, out + 8, n - 8));
	}
	return n;
}

static int unpack(struct ftree *t, const uint8_t *p, size_t n)
{
	struct cursor c = cursor_of(SLICE(p, n));
	uint32_t count = rd_le32(&c), crc = rd_le32(&c), i;

	if (table_gpt_crc(0, p + 8, n - 8) != crc || ftree_init(t))
		return -1;
	for (i = 0; i < count && !c.bad; i++) {
		uint16_t type = rd_le16(&c), mode = rd_le16(&c);
		uint32_t mtime = rd_le32(&c), len = rd_le32(&c), size = rd_le32(&c);
		struct slice name = rd_bytes(&c, len), data = rd_bytes(&c, size);
		char path[FTREE_PATH] = "";
		struct fnode *f;

		if (c.bad || len >= sizeof(path))
			break;
		memcpy(path, name.p, len);
		f = ftree_put(t, path, (enum fnode_type)type, mode, data.p, data.n);
		if (!f)
			break;
		f->mtime = mtime;
	}
	if (i == count)
		return 0;
	ftree_fini(t);
	return -1;
}

#define MBN_LEN 0x200

static int save_one(struct emu_flash *f, const char *name, char letter, uint64_t key,
		    const struct ftree *t)
{
	uint64_t start, len, i;
	size_t n = pack(t, NULL);
	uint8_t *b;
	uint32_t lun;
	int r = 0;

	if (!emu_table_find(f, name, &lun, &start, &len) || MBN_LEN + n > len * f->page)
		return -1;
	b = calloc(1, (MBN_LEN + n + f->page - 1) / f->page * f->page);
	if (!b)
		return -1;
	put_le32(b, letter == '1' ? 0x10 : letter == '2' ? 0x11 : 0x14);
	put_le32(b + 4, 3);
	put_le32(b + 8, (uint32_t)n);
	memcpy(b + 0x28, "IMGEFS", 6);
	b[0x2e] = (uint8_t)letter;
	pack(t, b + MBN_LEN);
	if (key)
		scramble(b + MBN_LEN, n, key);
	for (i = 0; !r && i * f->page < MBN_LEN + n; i++)
		r = flash_program(f, lun, start + i, b + i * f->page) == FLASH_OK ? 0 : -1;
	free(b);
	return r;
}

static int load_one(const struct emu_flash *f, const char *name, uint64_t key, struct ftree *t)
{
	uint64_t start, len;
	uint8_t head[MBN_LEN], *b;
	uint32_t lun, n;
	int r = -1;

	if (!emu_table_find(f, name, &lun, &start, &len) ||
	    flash_read(f, lun, start, head, sizeof(head)) != FLASH_OK ||
	    memcmp(head + 0x28, "IMGEFS", 6) != 0)
		return -1;
	n = get_le32(head + 8);
	if (n < 8 || MBN_LEN + (uint64_t)n > len * f->page || !(b = malloc(MBN_LEN + n)))
		return -1;
	if (flash_read(f, lun, start, b, MBN_LEN + n) == FLASH_OK) {
		if (key)
			scramble(b + MBN_LEN, n, key);
		r = unpack(t, b + MBN_LEN, n);
	}
	free(b);
	return r;
}

static int save_golden(struct emu_flash *f, const struct ftree *t)
{
	struct ftree g;
	int r = ftree_copy(&g, t);

	/* efs2-flash.md section 11 and imei-locations.md: without the unit's number. */
	if (r)
		return -1;
	ftree_remove(&g, "/nvm/num/550");
	ftree_remove(&g, "/nvm/context1/550");
	r = save_one(f, "fsg", 'G', 0, &g);
	ftree_fini(&g);
	return r;
}

/* ---- both ----------------------------------------------------------------------------------- */

enum fs_flash fs_flash_load(const struct emu_flash *f, const struct emu_model *m, struct ftree *ret)
{
	if (f->type == EMU_NAND)
		return load_nand(f, ret);
	return load_one(f, "modemst1", m->sahara.chip_serial | 1, ret) &&
			       load_one(f, "modemst2", m->sahara.chip_serial | 1, ret) &&
			       load_one(f, "fsg", 0, ret) ?
		       FS_FLASH_NONE :
		       FS_FLASH_OK;
}

int fs_flash_save(struct emu_flash *f, const struct emu_model *m, const struct ftree *t)
{
	if (f->type == EMU_NAND)
		return save_nand(f, t);
	return save_one(f, "modemst1", '1', m->sahara.chip_serial | 1, t) ||
	       save_one(f, "modemst2", '2', m->sahara.chip_serial | 1, t) ? -1 : 0;
}

int fs_flash_factory(struct emu_flash *f, const struct emu_model *m)
{
	struct fs_backup s = { .backups = 1, .valid = true };
	struct ftree t;
	int r = factory_tree(m, &t) || fs_flash_save(f, m, &t);

	if (!r && f->type == EMU_EMMC)
		r = save_golden(f, &t);
	else if (!r && fs_backup_state(f, &(struct fs_backup){ 0 }))
		r = fs_backup_write(f, &t, &s);
	ftree_fini(&t);
	return r ? -1 : 0;
}
