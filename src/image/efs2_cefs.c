/*
 * The factory image (CEFS): a descriptor page, a bitmap of used clusters, then those clusters in
 * order. No journal, no tables, no checksum. Quectel's backup partition puts a page with a CRC in
 * front of it.
 */
#include "image/efs2_priv.h"

#include "base/crc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CEFS_MAGIC1         0x34856787u
#define CEFS_MAGIC1_QUECTEL 0x35866888u /* roll-back protection of some projects */
#define CEFS_MAGIC2         0x92347759u
#define BACKUP_CRC_BYTES    2048u /* of every page, also of larger ones */

static size_t magic_at(const uint8_t *p, size_t n)
{
	size_t off;

	/* Some begin with a page header of four bytes. */
	for (off = 0; off <= 4 && off + 8 <= n; off += 4) {
		uint32_t m = get_le32(p + off);

		if ((m == CEFS_MAGIC1 || m == CEFS_MAGIC1_QUECTEL) &&
		    get_le32(p + off + 4) == CEFS_MAGIC2)
			return off;
	}
	return SIZE_MAX;
}

bool efs2_cefs_is(const uint8_t *p, size_t n)
{
	return magic_at(p, n) != SIZE_MAX;
}

struct descriptor {
	uint16_t format;
	uint32_t clusters;
	uint32_t first; /* its own page, counted from fs->base */
};

static int parse_descriptor(struct efs2 *fs, const uint8_t *p, size_t n, struct descriptor *ret,
			    struct err *e)
{
	struct cursor c = cursor_of(SLICE(p, n));
	struct efs2_super *sb = &fs->sb;
	uint32_t i, n_upper;

	rd_skip(&c, magic_at(p, n) + 8);
	ret->format = rd_le16(&c);
	sb->version = rd_le16(&c);
	sb->block_size = rd_le32(&c);
	sb->page_size = rd_le32(&c);
	sb->block_count = rd_le32(&c);
	ret->clusters = rd_le32(&c);
	n_upper = (sb->version & 0xff) >= 0x24 ? 32 : 7;
	for (i = 0; i < n_upper; i++)
		fs->upper[i] = rd_le32(&c);
	if (ret->format < 2 || ret->format > 4)
		return err_set(e, ERR_UNSUPPORTED, "factory image of format %u, known are 2 to 4",
			       ret->format);
	if (sb->page_size != 512 && sb->page_size != 2048 && sb->page_size != 4096)
		return err_set(e, ERR_PROTO, "factory image with pages of %" PRIu32 " bytes",
			       sb->page_size);
	if (sb->block_size < 2 || sb->block_size > 1024 || sb->block_size & (sb->block_size - 1))
		return err_set(e, ERR_PROTO, "factory image with blocks of %" PRIu32 " pages",
			       sb->block_size);
	if (ret->clusters == 0 || ret->clusters > EFS2_MAX_PAGES)
		return err_set(e, ERR_PROTO, "factory image of %" PRIu32 " clusters, more than %u",
			       ret->clusters, EFS2_MAX_PAGES);
	return 0;
}

static int read_descriptor(struct efs2 *fs, const struct efs2_ident *id, struct descriptor *d,
			   struct err *e)
{
	static const uint32_t sizes[] = { 2048, 4096, 512 };
	uint8_t p[512];
	size_t i;

	d->first = id->form == EFS2_FORM_BACKUP;
	for (i = 0; i < (d->first ? ARRAY_SIZE(sizes) : 1); i++) {
		uint64_t off = id->base + (d->first ? sizes[i] : 0);

		if (off + sizeof(p) > fs->in->size)
			continue;
		if (fs->in->read_at(fs->in, off, p, sizeof(p), e) < 0)
			return -1;
		if (!efs2_cefs_is(p, sizeof(p)))
			continue;
		if (parse_descriptor(fs, p, sizeof(p), d, e) < 0)
			return -1;
		if (d->first && fs->sb.page_size != sizes[i])
			return err_set(e, ERR_PROTO,
				       "factory image for pages of %" PRIu32 " bytes behind a "
				       "header page of %" PRIu32,
				       fs->sb.page_size, sizes[i]);
		return 0;
	}
	return err_set(e, ERR_INTEGRITY,
		       "no factory image follows the header of the backup partition");
}

static bool used(const struct descriptor *d, const uint8_t *map, uint32_t c)
{
	if (d->format >= 3)
		return !(map[c >> 3] >> (c & 7) & 1);
	return map[c >> 3] >> (7 - (c & 7)) & 1;
}

static int read_map(struct efs2 *fs, const struct descriptor *d, uint8_t *map, size_t n,
		    struct err *e)
{
	uint64_t off = fs->base + ((uint64_t)d->first + 1) * fs->sb.page_size;

	if (off + n > fs->in->size)
		return err_set(e, ERR_INTEGRITY,
			       "the image ends inside the factory image's bitmap");
	return fs->in->read_at(fs->in, off, map, n, e);
}

int efs2_backup_crc(struct efs2 *fs, uint32_t n, uint32_t patch_page, uint32_t patch_off,
		    struct slice patch, uint32_t *ret, struct err *e)
{
	uint8_t buf[BACKUP_CRC_BYTES];
	size_t part = MIN_OF(fs->sb.page_size, BACKUP_CRC_BYTES);
	uint32_t page, crc = 0;

	for (page = 1; page <= n; page++) {
		if (fs->in->read_at(fs->in, fs->base + (uint64_t)page * fs->sb.page_size, buf, part,
				    e) < 0)
			return -1;
		if (page == patch_page && patch_off < part)
			memcpy(buf + patch_off, patch.p, MIN_OF(patch.n, part - patch_off));
		crc = crc32_msb_update(crc, buf, part);
	}
	*ret = crc;
	return 0;
}

static int check_backup(struct efs2 *fs, uint32_t wanted, uint32_t *ret_pages, struct err *e)
{
	uint8_t head[16];
	uint32_t n, crc;

	if (fs->in->read_at(fs->in, fs->base, head, sizeof(head), e) < 0)
		return -1;
	n = get_le32(head + 8);
	*ret_pages = n;
	if (n != wanted)
		efs2_doubt(fs,
			   "the backup header counts %" PRIu32 " pages, its factory image %" PRIu32,
			   n, wanted);
	if (((uint64_t)n + 1) * fs->sb.page_size > fs->in->size - fs->base) {
		efs2_doubt(fs, "the backup needs %" PRIu32 " pages and the image ends before that",
			   n);
		return 0;
	}
	if (efs2_backup_crc(fs, n, 0, 0, SLICE(NULL, 0), &crc, e) < 0) {
		if (e->kind != ERR_INTEGRITY)
			return -1;
		efs2_doubt(fs, "the backup cannot be checked: %s", e->msg);
		err_clear(e);
		return 0;
	}
	if (crc != get_le32(head + EFS2_BACKUP_CRC_OFF))
		efs2_doubt(fs, "the backup has checksum %08" PRIx32 ", its header says %08" PRIx32,
			   crc, get_le32(head + EFS2_BACKUP_CRC_OFF));
	return 0;
}

/* Pages that are written, counted from the descriptor. */
static uint32_t written_pages(const struct efs2 *fs, uint32_t first, uint32_t all)
{
	uint32_t per = fs->sb.page_size / EFS2_UNIT, p;
	uint64_t unit = fs->base / EFS2_UNIT + (uint64_t)first * per;

	for (p = all; p > 0; p--) {
		uint32_t i;

		for (i = 0; i < per; i++) {
			uint64_t u = unit + (uint64_t)(p - 1) * per + i;

			if (u < fs->n_units && fs->units[u] == EFS2_PS_DATA)
				return p;
		}
	}
	return 0;
}

static int load_map(struct efs2 *fs, const struct descriptor *d, const struct efs2_ident *id,
		    const uint8_t *map, struct err *e)
{
	uint32_t map_pages = (d->clusters + 8 * fs->sb.page_size - 1) / (8 * fs->sb.page_size);
	uint32_t start = d->first + (d->format >= 3 ? 0 : 1 + map_pages);
	uint32_t c, n = 0, end, written;
	uint64_t room;

	for (c = 0; c < d->clusters; c++)
		n += used(d, map, c);
	end = start + n - d->first;
	room = (fs->in->size - fs->base) / fs->sb.page_size - d->first;
	written = written_pages(fs, d->first, (uint32_t)MIN_OF(room, 2ull * EFS2_MAX_PAGES));
	fs->pages = start + n;
	if (efs2_set_geometry(fs, d->clusters, e) < 0)
		return -1;
	if (id->form == EFS2_FORM_BACKUP) {
		if (check_backup(fs, end, &written, e) < 0)
			return -1;
	} else if (written != end) {
		/* A wrong bit in the map would shift every cluster behind it. */
		efs2_doubt(fs, "the bitmap makes it %" PRIu32 " pages, but %" PRIu32 " are written",
			   end, written);
	}
	fs->report.expect_size = ((uint64_t)d->first + end) * fs->sb.page_size;
	if (fs->base + fs->report.expect_size > fs->in->size)
		efs2_fault(fs, "the image ends before the factory image does");
	for (c = 0, n = start; c < d->clusters; c++) {
		if (used(d, map, c))
			fs->fwd[c] = n++;
	}
	return 0;
}

int efs2_cefs_load(struct efs2 *fs, const struct efs2_ident *id, struct err *e)
{
	struct descriptor d;
	uint8_t *map;
	size_t n;
	int r;

	if (read_descriptor(fs, id, &d, e) < 0)
		return -1;
	n = (d.clusters + 7) / 8;
	map = malloc(n);
	if (!map)
		return err_nomem(e);
	r = read_map(fs, &d, map, n, e) < 0 || load_map(fs, &d, id, map, e) < 0 ? -1 : 0;
	free(map);
	return r;
}
