/* Storage commands of the emulated programmer: ranges, erase, program and read with their raw
 * phases (firehose.md sections 6, 7, 8, 11). firehose_more.c has the others. */
#include "tests/emu/firehose_int.h"

#include <stdlib.h>
#include <string.h>

/* Over a stream transfers do not show, so larger pieces only save work. */
#define STREAM_PIECE (256u << 10)

static uint64_t total(const struct firehose_dev *f, uint32_t lun)
{
	return flash_total_sectors(&f->m->flash, lun);
}

bool fh_number(const struct firehose_dev *f, uint32_t lun, const char *text, uint64_t *ret)
{
	static const char disk[] = "NUM_DISK_SECTORS";
	uint64_t v = 0, minus = 0;
	char *end;

	if (!strncmp(text, disk, sizeof(disk) - 1)) {
		if (!f->b)
			return false;
		v = total(f, lun);
		text += sizeof(disk) - 1;
		if (*text == '-') {
			minus = strtoull(text + 1, &end, 0);
			if (end == text + 1)
				return false;
			text = end;
		}
		if (minus > v)
			return false;
		*ret = v - minus;
	} else {
		*ret = strtoull(text, &end, 0);
		if (end == text)
			return false;
		text = end;
	}
	return !strcmp(text, "") || !strcmp(text, ".");
}

bool fh_open_storage(struct firehose_dev *f, const char *cmd)
{
	const struct emu_model *mo = &f->m->model;
	unsigned blocks = f->m->flash.blocks;

	if (f->b)
		fh_log(f, "INFO", "Calling handler for %s", cmd);
	if (!f->configured && !quirk_is(&f->m->quirks, "configure_first", "no")) {
		fh_log(f, "ERROR", "%s received before configure", cmd);
		fh_fail(f, 4, "STORAGE_READ_FAILURE");
		return false;
	}
	/* SkipStorageInit only keeps configure from opening it: each command opens what it needs, and
	 * qfenix reads partition tables of NAND modules with it set. */
	if (f->wrong_storage) {
		if (f->m->flash.type == EMU_NAND)
			fh_log(f, "ERROR", "Failed to open the SDCC Device slot 0 partition 0");
		else
			fh_log(f, "ERROR", "Failed to open device, type:nand, slot:0, lun:0 error:4");
		fh_fail(f, 4, "STORAGE_READ_FAILURE");
		return false;
	}
	if (!f->opened) {
		emu_busy(f->m, f->iface, (uint32_t)quirk_value(&f->m->quirks, "slow_open",
							       mo->fh.open_ms));
		if (f->b && f->m->flash.type == EMU_NAND) {
			fh_log(f, "INFO", "[296] bbt_size:%x blocks:%x.", blocks / 8, blocks);
			fh_log(f, "INFO", "[298] bbt_size:%x blocks:%x.", blocks / 8, blocks);
		}
		f->opened = true;
	} else if (f->b && f->m->flash.type == EMU_NAND) {
		fh_log(f, "INFO", "NAND was previously open, returning existing handle 0.");
	}
	return true;
}

static bool range_fail(struct firehose_dev *f, const char *cmd)
{
	if (!strcmp(cmd, "program"))
		fh_fail(f, 21, "HANDLE_PROGRAM_FAILURE");
	else if (!strcmp(cmd, "erase"))
		fh_fail(f, 8, "HANDLE_ERASE_FAILURE");
	else
		fh_fail(f, 4, "STORAGE_READ_FAILURE");
	return false;
}

bool fh_range_get(struct firehose_dev *f, const struct fh_tag *t, const char *cmd,
		  struct fh_range *r)
{
	const struct emu_flash *fl = &f->m->flash;
	const char *size = fh_attr(t, "SECTOR_SIZE_IN_BYTES");
	const char *lun = fh_attr(t, "physical_partition_number");
	const char *start = fh_attr(t, "start_sector");
	const char *n = fh_attr(t, "num_partition_sectors");
	const char *ppb = fh_attr(t, "PAGES_PER_BLOCK");
	const char *slot = fh_attr(t, "slot");
	uint64_t v;

	memset(r, 0, sizeof(*r));
	if (lun)
		r->lun = (uint32_t)strtoul(lun, NULL, 0);
	if (r->lun >= fl->n_luns || (slot && strtoul(slot, NULL, 0) != 0)) {
		fh_log(f, "ERROR", "Failed to open device, type:%s, slot:%s, lun:%u error:4", f->memory,
		       slot ? slot : "0", r->lun);
		return range_fail(f, cmd);
	}
	r->has_start = start != NULL;
	r->has_n = n != NULL;
	if ((start && !fh_number(f, r->lun, start, &r->start)) ||
	    (n && !fh_number(f, r->lun, n, &r->n))) {
		fh_log(f, "ERROR", "Invalid value following NUM_DISK_SECTORS");
		return range_fail(f, cmd);
	}
	if (!r->has_n && strcmp(cmd, "erase") == 0)
		return true; /* whole chip: the other attributes do not matter */
	if (!size || !fh_number(f, r->lun, size, &v) || v != fl->page) {
		fh_log(f, "ERROR", "**Attribute 'SECTOR_SIZE_IN_BYTES'=%s must be equal to disk sector "
				   "size %u**", size ? size : "0", fl->page);
		return range_fail(f, cmd);
	}
	if (!f->b && fl->type == EMU_NAND && ppb && strtoul(ppb, NULL, 0) != fl->ppb) {
		fh_log(f, "", "Attribute 'PAGES_PER_BLOCK'=%s must be equal to disk pages per block %u",
		       ppb, fl->ppb);
		return range_fail(f, cmd);
	}
	if (!f->b && fl->type == EMU_NAND && !ppb && strcmp(cmd, "read") != 0) {
		fh_log(f, "", "Attribute 'PAGES_PER_BLOCK' is missing");
		return range_fail(f, cmd);
	}
	if (!r->has_start || !r->has_n) {
		fh_log(f, "ERROR", "start_sector or num_partition_sectors is missing");
		return range_fail(f, cmd);
	}
	return true;
}

/* ---- erase ---------------------------------------------------------------------------------- */

static void erase_blocks(struct firehose_dev *f, uint32_t first, uint32_t n)
{
	struct emu_flash *fl = &f->m->flash;
	uint32_t b;

	for (b = first; b < first + n; b++) {
		bool fails = quirk_find(&f->m->quirks, "fail_erase") &&
			     quirk_value(&f->m->quirks, "fail_erase", 0) == b;

		if (fails)
			flash_block_mark_bad(fl, b);
		if (flash_block_is_bad(fl, b)) {
			if (f->b)
				fh_log(f, "INFO", "block:%x is bad", b);
			else if (fails)
				fh_log(f, "", "Skipping erase failure at block 0x%x", b);
			continue;
		}
		if (!quirk_hit(&f->m->quirks, "lie", "erase"))
			flash_erase_block(fl, b);
	}
	emu_busy(f->m, f->iface,
		 (uint32_t)(n * f->m->model.fh.erase_ms +
			    quirk_value(&f->m->quirks, "slow_erase", 0)));
}

static bool erase_all(struct firehose_dev *f, uint32_t lun)
{
	struct emu_flash *fl = &f->m->flash;

	f->m->count.whole_chip_erases++;
	if (fl->type == EMU_NAND) {
		if (f->b)
			fh_log(f, "INFO", "NAND Erasing whole disk of %u blocks", fl->blocks);
		else
			fh_log(f, "", "Erasing entire FLASH chip");
		erase_blocks(f, 0, fl->blocks);
		return true;
	}
	fh_log(f, "INFO", "Erasing the whole disk/LUN");
	if (!quirk_hit(&f->m->quirks, "lie", "erase"))
		flash_zero(fl, lun, 0, total(f, lun));
	return true;
}

/* The checks of a range; the texts are those of firehose.md section 8. */
static bool erase_range_ok(struct firehose_dev *f, const struct fh_range *r)
{
	struct emu_flash *fl = &f->m->flash;
	uint64_t all = total(f, r->lun);

	if (fl->type != EMU_NAND)
		return r->start <= all && r->n <= all - r->start;
	if (!f->b && (r->start % fl->ppb || r->n % fl->ppb)) {
		fh_log(f, "", "start_sector = %llu and num_partition_sectors =0x%llx)",
		       (unsigned long long)r->start, (unsigned long long)r->n);
		fh_log(f, "", "%s unaligned",
		       r->start % fl->ppb ? "start_sector" : "num_partition_sectors");
		f->m->count.refused_cmds++;
		fh_response(f, false, -1, NULL);
		return false;
	}
	if (f->b && r->start % fl->ppb) {
		fh_log(f, "ERROR", "for erase start_page(%u) should be first page of block",
		       (unsigned)r->start);
		fh_fail(f, 0, "");
		return false;
	}
	if (!f->b && r->n > all && r->start) {
		fh_log(f, "", "num_partition_sectors =0x%llx too high and start_sector:%llu not equal "
			      "to zero", (unsigned long long)r->n, (unsigned long long)r->start);
		fh_fail(f, 8, "HANDLE_ERASE_FAILURE");
		return false;
	}
	if (r->start > all || (r->n > all - r->start && !(r->start == 0 && !f->b))) {
		fh_log(f, "ERROR", "Block erase request exceeding total number of blocks");
		fh_log(f, "ERROR", "start_block:%u,last_block:%u,total_block_count:%u",
		       (unsigned)(r->start / fl->ppb), (unsigned)((r->start + r->n) / fl->ppb),
		       fl->blocks);
		fh_fail(f, 8, "HANDLE_ERASE_FAILURE");
		return false;
	}
	return true;
}

void fh_erase(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	struct fh_range r;

	f->m->count.erase_cmds++;
	if (!fh_open_storage(f, "erase") || !fh_range_get(f, t, "erase", &r))
		return;
	if (!r.has_n) {
		if (r.start) {
			fh_log(f, "ERROR", "num_partition_sectors is missing");
			fh_fail(f, 8, "HANDLE_ERASE_FAILURE");
			return;
		}
		erase_all(f, r.lun);
		fh_response(f, true, 0, NULL);
		return;
	}
	if (!erase_range_ok(f, &r)) {
		if (fl->type != EMU_NAND)
			fh_fail(f, 8, "HANDLE_ERASE_FAILURE");
		return;
	}
	if (f->b) /* the count always reads 0: a 64-bit number through a 32-bit format */
		fh_log(f, "INFO", "Erasing start sector %u, num sectors 0", (unsigned)r.start);
	if (fl->type != EMU_NAND) {
		if (!quirk_hit(&f->m->quirks, "lie", "erase"))
			flash_zero(fl, r.lun, r.start, r.n);
		emu_busy(f->m, f->iface, (uint32_t)quirk_value(&f->m->quirks, "slow_erase", 0));
	} else if (r.n > total(f, 0)) {
		erase_all(f, 0);
	} else {
		erase_blocks(f, (uint32_t)(r.start / fl->ppb),
			     (uint32_t)((r.n + fl->ppb - 1) / fl->ppb));
	}
	fh_response(f, true, 0, NULL);
}

/* ---- program -------------------------------------------------------------------------------- */

/* Moves on to a good block when the sector is the first of a bad one. */
static bool skip_bad(struct firehose_dev *f)
{
	struct emu_flash *fl = &f->m->flash;

	if (fl->type != EMU_NAND)
		return f->sector < f->limit;
	while (f->sector < f->limit && flash_block_is_bad(fl, (uint32_t)(f->sector / fl->ppb))) {
		fh_log(f, "INFO", "skip bad block %u and continue with next good block",
		       (unsigned)(f->sector / fl->ppb));
		f->sector = (f->sector / fl->ppb + 1) * fl->ppb;
		f->skipped++;
	}
	return f->sector < f->limit;
}

static void raw_failed(struct firehose_dev *f, const char *text, unsigned number, const char *name)
{
	if (f->failed[0])
		return; /* the first failure is the one that is told */
	strncpy(f->failed, text, sizeof(f->failed) - 1);
	f->error_number = number;
	f->error_name = name;
}

/* The block wears out under the write: what this command has put there moves to the next good one. */
static void move_away(struct firehose_dev *f)
{
	struct emu_flash *fl = &f->m->flash;
	uint32_t bad = (uint32_t)(f->sector / fl->ppb), k, done = (uint32_t)(f->sector % fl->ppb);
	uint64_t from = (uint64_t)bad * fl->ppb;
	uint8_t *b = malloc(fl->page);

	fh_log(f, "INFO", "mark block %u as bad as continue with next block", bad);
	flash_block_mark_bad(fl, bad);
	f->sector = from;
	if (b && skip_bad(f)) {
		for (k = 0; k < done; k++)
			if (flash_page_is_programmed(fl, from + k) &&
			    flash_read(fl, 0, from + k, b, fl->page) == FLASH_OK)
				flash_program(fl, 0, f->sector + k, b);
		f->sector += done;
	}
	free(b);
}

static void program_sector(struct firehose_dev *f, const uint8_t *p)
{
	struct emu_flash *fl = &f->m->flash;
	const struct emu_quirk *q = quirk_find(&f->m->quirks, "fail_program");

	if (f->failed[0])
		return;
	if (q && fl->type == EMU_NAND && f->sector / fl->ppb == q->value &&
	    !flash_block_is_bad(fl, (uint32_t)q->value) &&
	    quirk_hit(&f->m->quirks, "fail_program", NULL))
		move_away(f);
	if (!skip_bad(f)) {
		raw_failed(f, "out of good blocks", 21, "HANDLE_PROGRAM_FAILURE");
		return;
	}
	if (f->skip_write || quirk_hit(&f->m->quirks, "lie", "program")) {
		f->sector++;
		return;
	}
	switch (flash_program(fl, f->lun, f->sector, p)) {
	case FLASH_OK:
		break;
	case FLASH_DIRTY:
		raw_failed(f, "write before last_written_page is not allowed", 21,
			   "HANDLE_PROGRAM_FAILURE");
		return;
	default:
		raw_failed(f, "storage write failed", 12, "STORAGE_WRITE_FAILURE");
		return;
	}
	f->sector++;
}

static void program_end(struct firehose_dev *f)
{
	f->state = FH_XML;
	emu_busy(f->m, f->iface, (uint32_t)quirk_value(&f->m->quirks, "slow_program", 0));
	if (!f->failed[0] && quirk_hit(&f->m->quirks, "nak_after_data", "program"))
		raw_failed(f, "storage write failed", 12, "STORAGE_WRITE_FAILURE");
	if (quirk_hit(&f->m->quirks, "silent", "program_end"))
		return;
	if (f->failed[0]) {
		fh_log(f, "ERROR", "%s", f->failed);
		fh_fail(f, f->error_number, f->error_name);
		return;
	}
	if (!f->b)
		fh_log(f, "", "Finished sector address %u", (unsigned)f->first);
	fh_response(f, true, 0, NULL);
}

size_t fh_raw_in(struct firehose_dev *f, const uint8_t *p, size_t n)
{
	size_t page = f->m->flash.page, used = 0;

	n = (size_t)MIN_OF((uint64_t)n, f->left);
	while (used < n) {
		size_t take = MIN_OF(page - f->page_n, n - used);

		if (f->stop_at && f->left <= f->stop_at) {
			/* A NAK in the middle; what the host sends on is taken for XML. */
			f->state = FH_XML;
			fh_log(f, "ERROR", "storage write failed");
			fh_fail(f, 12, "STORAGE_WRITE_FAILURE");
			return used;
		}
		if (take == page) {
			program_sector(f, p + used);
		} else {
			memcpy(f->page + f->page_n, p + used, take);
			f->page_n += take;
			if (f->page_n == page) {
				program_sector(f, f->page);
				f->page_n = 0;
			}
		}
		used += take;
		f->left -= take;
	}
	if (!f->left)
		program_end(f);
	return used;
}

static bool first_page_ok(struct firehose_dev *f)
{
	struct emu_flash *fl = &f->m->flash;
	uint64_t block, i;

	if (fl->type != EMU_NAND || f->skip_write)
		return true;
	block = f->sector / fl->ppb * fl->ppb;
	for (i = f->sector; i < block + fl->ppb; i++)
		if (flash_page_is_programmed(fl, i))
			return false;
	if (f->sector == block)
		return true;
	/* Into a block with nothing in it the first write has to be its first page. */
	for (i = block; i < f->sector; i++)
		if (flash_page_is_programmed(fl, i))
			return true;
	return false;
}

static void raw_begin(struct firehose_dev *f, const struct fh_range *r)
{
	f->lun = r->lun;
	f->first = f->sector = r->start;
	f->left = r->n * f->m->flash.page;
	f->limit = total(f, r->lun);
	f->page_n = 0;
	f->failed[0] = '\0';
	f->skipped = 0;
	f->stop_at = 0;
}

void fh_program(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	const char *last = fh_attr(t, "last_sector");
	struct fh_range r;
	uint64_t v;

	f->m->count.program_cmds++;
	if (!fh_open_storage(f, "program") || !fh_range_get(f, t, "program", &r))
		return;
	if (!r.n || r.start >= total(f, r.lun) || r.n > total(f, r.lun) - r.start) {
		fh_log(f, "ERROR", "Trying to write beyond total sectors");
		fh_fail(f, 21, "HANDLE_PROGRAM_FAILURE");
		return;
	}
	raw_begin(f, &r);
	/* qdl sends last_sector="0" for "none". */
	if (last && f->b && fh_number(f, r.lun, last, &v) && v >= r.start && v < f->limit)
		f->limit = v + 1;
	if (!skip_bad(f)) {
		fh_log(f, "ERROR", "out of good blocks, total blocks:%x Gblocks:%x lba:%x", fl->blocks, 0,
		       (unsigned)r.start);
		fh_fail(f, 21, "HANDLE_PROGRAM_FAILURE");
		return;
	}
	if (!first_page_ok(f)) {
		fh_log(f, "ERROR", "write before last_written_page : %u is not allowed",
		       (unsigned)f->sector);
		fh_fail(f, 21, "HANDLE_PROGRAM_FAILURE");
		return;
	}
	if (quirk_hit(&f->m->quirks, "nak_mid", "program"))
		f->stop_at = f->left / 2 + 1;
	f->state = FH_RAW_IN;
	fh_response(f, true, 1, NULL);
}

/* ---- read ----------------------------------------------------------------------------------- */

/* What a read of a bad block gives is not settled (firehose.md section 20): NAK by default. */
static bool read_bad_is(const struct firehose_dev *f, const char *how)
{
	const struct emu_quirk *q = quirk_find(&f->m->quirks, "read_bad");

	return !strcmp(q ? q->arg : "nak", how);
}

static void read_sector(struct firehose_dev *f, uint8_t *p)
{
	struct emu_flash *fl = &f->m->flash;
	const struct emu_quirk *q = quirk_find(&f->m->quirks, "flicker");
	uint32_t block = fl->type == EMU_NAND ? (uint32_t)(f->sector / fl->ppb) : 0;

	if (flash_block_is_bad(fl, block)) {
		if (read_bad_is(f, "skip")) {
			while (f->sector < f->limit && flash_block_is_bad(fl, block)) {
				f->sector = (uint64_t)++block * fl->ppb;
				f->skipped++;
			}
		} else {
			if (read_bad_is(f, "nak"))
				raw_failed(f, "Read failed at sector", 4, "STORAGE_READ_FAILURE");
			memset(p, fl->filler, fl->page);
			f->sector++;
			return;
		}
	}
	if (f->sector >= f->limit || flash_read(fl, f->lun, f->sector, p, fl->page) != FLASH_OK)
		memset(p, fl->filler, fl->page); /* the missing tail is padded */
	if (q && q->value == f->sector && quirk_hit(&f->m->quirks, "flicker", NULL))
		p[0] ^= (uint8_t)q->seen;
	f->sector++;
}

void fh_raw_out(struct firehose_dev *f)
{
	/* One transfer a payload, and each is ended by an empty packet: qdl reads that after every
	 * payload-sized piece. */
	bool stream = f->m->chan[f->iface].stream;
	size_t page = f->m->flash.page, cap = stream ? STREAM_PIECE : MAX_OF(f->payload, page);
	size_t n = (size_t)MIN_OF(f->left, (uint64_t)cap / page * page), i;
	uint8_t *b = malloc(MAX_OF(n, page));

	if (!b)
		return;
	for (i = 0; i < n; i += page)
		read_sector(f, b + i);
	f->left -= n;
	if (!f->left && f->stop_at) {
		/* The data ends short; the NAK comes where bytes are still expected. */
		n -= (size_t)MIN_OF((uint64_t)n, f->stop_at);
		raw_failed(f, "Read failed at sector", 4, "STORAGE_READ_FAILURE");
	}
	if (n)
		emu_push(f->m, f->iface, b, n, true);
	free(b);
	if (f->left)
		return;
	f->state = FH_XML;
	emu_busy(f->m, f->iface, (uint32_t)quirk_value(&f->m->quirks, "slow_read", 0));
	if (!f->failed[0] && quirk_hit(&f->m->quirks, "nak_after_data", "read"))
		raw_failed(f, "Read failed at sector", 4, "STORAGE_READ_FAILURE");
	if (quirk_hit(&f->m->quirks, "silent", "read_end"))
		return;
	if (f->failed[0]) {
		fh_log(f, "ERROR", "%s %u", f->failed, (unsigned)f->sector);
		fh_fail(f, f->error_number, f->error_name);
		return;
	}
	fh_response(f, true, 0, NULL);
}

void fh_read(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	struct fh_range r;

	f->m->count.read_cmds++;
	if (!fh_open_storage(f, "read") || !fh_range_get(f, t, "read", &r))
		return;
	if (!r.n || r.start >= total(f, r.lun) || r.n > total(f, r.lun) - r.start) {
		fh_log(f, "ERROR", "Trying to read beyond total sectors");
		fh_fail(f, 4, "STORAGE_READ_FAILURE");
		return;
	}
	if (fl->type == EMU_NAND && read_bad_is(f, "nak") &&
	    flash_block_is_bad(fl, (uint32_t)(r.start / fl->ppb))) {
		fh_log(f, "ERROR", "Read failed at sector %u", (unsigned)r.start);
		fh_fail(f, 4, "STORAGE_READ_FAILURE");
		return;
	}
	raw_begin(f, &r);
	if (quirk_hit(&f->m->quirks, "short_read", NULL))
		f->stop_at = quirk_value(&f->m->quirks, "short_read", 0);
	f->state = FH_RAW_OUT;
	fh_response(f, true, 1, NULL);
	if (quirk_hit(&f->m->quirks, "zlp_before_data", NULL))
		emu_push(f->m, f->iface, "", 0, true);
}
