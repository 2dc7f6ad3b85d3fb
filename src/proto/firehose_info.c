#include "proto/firehose_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool is_sector_size(uint64_t n)
{
	return n >= 512 && n <= 65536 && (n & (n - 1)) == 0;
}

/* Turns what getstorageinfo said into a geometry; sector_size stays 0 when it did not tell. */
static int geometry_of(const struct firehose_storage *s, enum storage_type configured,
		       struct geometry *ret, struct err *e)
{
	enum storage_type told = storage_type_parse(s->mem_type);
	struct geometry g = {
		.type = told != STORAGE_UNKNOWN ? told : configured,
		.num_luns = s->num_physical ? s->num_physical : 1,
		.manufacturer_id = s->manufacturer_id,
	};
	uint64_t sector, per_block;

	memcpy(g.product, s->product, sizeof(g.product));
	if (g.type != STORAGE_NAND) {
		sector = s->sector_size ? s->sector_size : s->block_size;
		if (sector && !is_sector_size(sector))
			return err_set(e, ERR_PROTO, "a sector of %" PRIu64 " bytes", sector);
		g.sector_size = (uint32_t)sector;
		g.total_sectors = s->total_sectors ? s->total_sectors : s->total_blocks;
		*ret = g;
		return 0;
	}
	/* On NAND the block size is that of an erase block. */
	sector = s->sector_size ? s->sector_size : s->page_size;
	if (!sector && s->block_size && s->pages_in_block)
		sector = s->block_size / s->pages_in_block;
	if (s->sector_size && s->page_size && s->sector_size != s->page_size)
		return err_set(e, ERR_MISMATCH,
			       "the programmer says sectors of %" PRIu64
			       " bytes and pages of %" PRIu64,
			       s->sector_size, s->page_size);
	if (sector && !is_sector_size(sector))
		return err_set(e, ERR_PROTO, "a NAND page of %" PRIu64 " bytes", sector);
	per_block = s->pages_in_block;
	if (!per_block && sector)
		per_block = s->block_size / sector;
	if (per_block > 4096)
		return err_set(e, ERR_PROTO, "an erase block of %" PRIu64 " pages", per_block);
	g.sector_size = (uint32_t)sector;
	g.sectors_per_block = (uint32_t)per_block;
	g.total_sectors = s->total_sectors;
	if (!g.total_sectors && !mul_u64(s->total_blocks, per_block, &g.total_sectors))
		return err_set(e, ERR_PROTO, "a NAND of %" PRIu64 " blocks", s->total_blocks);
	*ret = g;
	return 0;
}

static int ask(struct firehose *f, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));
	int r;

	f->storage = (struct firehose_storage){ 0 };
	f->collect = &f->storage;
	r = fh_command(f, FH_READS, firehose_storage_info_build(&w, 0, false, e), &w,
		       FH_MS_STORAGE_INFO, e);
	f->collect = NULL;
	return r;
}

static bool usable(const struct geometry *g)
{
	return g->sector_size && (g->type != STORAGE_NAND || g->sectors_per_block);
}

/* Reads one sector by each plausible size: a wrong one is refused cleanly, often with the right one
 * in the words of the refusal. */
static int probe(struct firehose *f, struct geometry *g, struct err *e)
{
	bool nand = g->type == STORAGE_NAND;
	uint32_t next[6], n = 0, i;
	struct firehose_range r = {
		.pages_per_block = nand ? (g->sectors_per_block ? g->sectors_per_block
								: FH_NAND_PAGES_PER_BLOCK)
					: 0,
		.start = nand ? 0 : 1,
		.count = 1,
	};

	if (g->sector_size)
		next[n++] = g->sector_size;
	next[n++] = g->type == STORAGE_EMMC ? 512 : 4096;
	next[n++] = nand ? 2048 : g->type == STORAGE_EMMC ? 4096 : 512;
	for (i = 0; i < n; i++) {
		r.sector_size = next[i];
		if (fh_read_once(f, &r, NULL, NULL, 0, e) == 0) {
			g->sector_size = r.sector_size;
			if (nand)
				g->sectors_per_block = r.pages_per_block;
			return 0;
		}
		if (e->kind != ERR_REFUSED)
			return err_prefix(e, "reading a sector of %" PRIu32 " bytes",
					  r.sector_size);
		if (n >= ARRAY_SIZE(next))
			continue;
		if (fh_hinted(f, FIREHOSE_HINT_SECTOR_SIZE) && is_sector_size(f->hint_value)) {
			next[n++] = (uint32_t)f->hint_value;
		} else if (nand && fh_hinted(f, FIREHOSE_HINT_PAGES_PER_BLOCK) && f->hint_value &&
			   f->hint_value <= 4096 && f->hint_value != r.pages_per_block) {
			r.pages_per_block = (uint32_t)f->hint_value;
			next[n++] = r.sector_size;
		}
	}
	return err_prefix(e, "no sector size fits");
}

int firehose_storage_info(struct firehose *f, struct geometry *ret, struct err *e)
{
	struct geometry g = { .type = f->geo.type, .num_luns = 1 };
	struct err why = ERR_INIT;

	if (f->geo_known) {
		*ret = f->geo;
		return 0;
	}
	if (firehose_can(f, FIREHOSE_GETSTORAGEINFO)) {
		if (ask(f, e) < 0) {
			if (e->kind != ERR_REFUSED && e->kind != ERR_UNSUPPORTED &&
			    e->kind != ERR_TIMEOUT)
				return err_prefix(e, "storage info");
			why = *e;
			err_clear(e);
		} else if (geometry_of(&f->storage, f->geo.type, &g, e) < 0) {
			return err_prefix(e, "storage info");
		}
	}
	if (!usable(&g) && probe(f, &g, e) < 0) {
		/* The programmer's words on the first question tell more than those on the last. */
		if (why.kind && e->kind == ERR_REFUSED)
			*e = why;
		return err_prefix(e, "storage info");
	}
	if (g.type == STORAGE_NAND && f->storage.block_size && f->storage.page_size == 0 &&
	    f->storage.pages_in_block == 0) {
		/* Block size from the answer, page size from the probe. */
		g.sectors_per_block = (uint32_t)(f->storage.block_size / g.sector_size);
		if (!g.sectors_per_block || g.sectors_per_block > 4096)
			return err_set(e, ERR_PROTO,
				       "storage info: a block of %" PRIu64
				       " bytes with pages of %" PRIu32,
				       f->storage.block_size, g.sector_size);
		if (!g.total_sectors && f->storage.total_blocks < UINT32_MAX)
			g.total_sectors = f->storage.total_blocks * g.sectors_per_block;
	}
	f->geo = g;
	f->geo_known = true;
	*ret = g;
	return 0;
}

int fh_need_geometry(struct firehose *f, struct err *e)
{
	struct geometry g;

	return f->geo_known ? 0 : firehose_storage_info(f, &g, e);
}

int fh_range(struct firehose *f, const struct extent *x, struct firehose_range *ret,
	     uint64_t *ret_bytes, struct err *e)
{
	uint64_t bytes;

	if (fh_need_geometry(f, e) < 0 || extent_bytes(x, f->geo.sector_size, &bytes, e) < 0)
		return -1;
	*ret = (struct firehose_range){
		.sector_size = f->geo.sector_size,
		.pages_per_block = f->geo.type == STORAGE_NAND ? f->geo.sectors_per_block : 0,
		.lun = x->lun,
		.start = x->start,
		.count = x->count,
	};
	*ret_bytes = bytes;
	return 0;
}

int firehose_bad_blocks(struct firehose *f, struct firehose_bad_blocks *ret, struct err *e)
{
	uint32_t *copy = NULL;

	if (fh_need_geometry(f, e) < 0)
		return -1;
	if (f->bad_n) {
		copy = malloc(f->bad_n * sizeof(*copy));
		if (!copy)
			return err_nomem(e);
		memcpy(copy, f->bad, f->bad_n * sizeof(*copy));
	}
	*ret = (struct firehose_bad_blocks){
		.available = f->storage.has_bad_list,
		.block = copy,
		.n = f->bad_n,
	};
	return 0;
}

void firehose_bad_blocks_fini(struct firehose_bad_blocks *b)
{
	free(b->block);
	*b = (struct firehose_bad_blocks){ 0 };
}
