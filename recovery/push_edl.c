#include "recovery/push_edl.h"

#include "backup/pull_file.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stream.h"
#include "image/mibib.h"
#include "model/partition_kind.h"
#include "proto/firehose_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_nand(const struct push *push)
{
	return geometry_is_nand(push->geometry);
}

static bool is_efs(const struct push *push)
{
	return is_nand(push) && (push->place.kind & PART_EFS);
}

void push_fini(struct push *push)
{
	blockmap_fini(&push->map);
}

static int map_input(struct push *push, struct err *e)
{
	const struct geometry *g = push->geometry;
	struct range_source from;
	struct digest_source hashed;
	uint8_t piece[16384];
	char hex[DIGEST_HEX_MAX];
	size_t n;

	if (blockmap_init(&push->map, g->sector_size, g->sectors_per_block, push->input->filler,
			  e) < 0)
		return -1;
	range_source_init(&from, push->input->fd, 0, push->input->size);
	digest_source_init(&hashed, DIGEST_SHA256, &from.source);
	do {
		if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0 ||
		    blockmap_feed(&push->map, SLICE(piece, n), e) < 0)
			return err_prefix(e, "'%s'", push->input->path);
	} while (n);
	/* An image need not fill its last page; the rest of the page is padding. */
	while (hashed.n % g->sector_size) {
		n = (size_t)MIN_OF(g->sector_size - hashed.n % g->sector_size, (uint64_t)sizeof(piece));
		memset(piece, 0xff, n);
		if (blockmap_feed(&push->map, SLICE(piece, n), e) < 0)
			return -1;
		hashed.n += n;
	}
	if (blockmap_end(&push->map, e) < 0)
		return -1;
	digest_final_hex(&hashed.digest, hex);
	if (strcmp(hex, push->input->sha256) != 0)
		return err_set(e, ERR_INTEGRITY, "'%s' changed while it was being used",
			       push->input->path);
	return 0;
}

/* Blocks of the place that the target itself reports as bad, as far as it tells. */
static int bad_blocks_inside(struct push *push, size_t *ret_n, size_t *ret_under_data,
			     struct err *e)
{
	uint32_t per = push->geometry->sectors_per_block;
	uint64_t first = push->place.at.start / per, count = push->place.at.count / per;
	struct firehose_bad_blocks bad;
	size_t i;

	*ret_n = *ret_under_data = 0;
	if (firehose_bad_blocks(push->fh, &bad, e) < 0)
		return -1;
	for (i = 0; i < bad.n; i++) {
		uint64_t block = bad.block[i];

		if (block < first || block - first >= count)
			continue;
		++*ret_n;
		if (block - first < push->map.n && push->map.block[block - first].data_pages)
			++*ret_under_data;
	}
	firehose_bad_blocks_fini(&bad);
	return 0;
}

static int check_efs(struct push *push, uint64_t room, struct err *e)
{
	struct blockmap_summary sum = blockmap_summary(&push->map);
	size_t bad, under_data;

	if (push->input->size != room)
		return err_set(e, ERR_MISMATCH,
			       "'%s' has %" PRIu64 " bytes, '%s' has %" PRIu64
			       ": an EFS dump is written whole "
			       "or not at all",
			       push->input->path, push->input->size, push->place.name, room);
	if (sum.data == 0)
		return err_set(e, ERR_MISMATCH, "'%s' holds erased blocks only: nothing to restore",
			       push->input->path);
	if (bad_blocks_inside(push, &bad, &under_data, e) < 0)
		return -1;
	if (under_data)
		return err_set(
			e, ERR_MISMATCH,
			"%zu bad block(s) of this module lie where the dump has data; EFS2 cannot be "
			"shifted: restore file by file over DIAG instead",
			under_data);
	return 0;
}

static int check_table(struct push *push, struct err *e)
{
	const struct geometry *g = push->geometry;
	size_t n = (size_t)MIN_OF(push->input->size, (uint64_t)4 * g->sector_size);
	_cleanup_free_ uint8_t *head = malloc(n);
	struct table t = { 0 };
	ssize_t r;

	if (!head)
		return err_nomem(e);
	r = pread(push->input->fd, head, n, 0);
	if (r != (ssize_t)n)
		return err_set(e, ERR_HOST, "cannot read '%s'", push->input->path);
	if (mibib_parse_image(SLICE(head, n), g->sector_size, g->sectors_per_block,
			      g->total_sectors, &t, e) < 0)
		return err_prefix(e, "'%s' is no partition table for this storage",
				  push->input->path);
	table_fini(&t);
	return 0;
}

static int check_input(struct push *push, uint64_t room, struct err *e)
{
	struct push_input *in = push->input;
	struct blockmap_summary sum;

	if (in->size > room)
		return err_set(e, ERR_MISMATCH,
			       "'%s' has %" PRIu64 " bytes, '%s' has room for %" PRIu64, in->path,
			       in->size, push->place.name, room);
	if (!is_nand(push))
		return 0;
	if (map_input(push, e) < 0)
		return -1;
	sum = blockmap_summary(&push->map);
	if (!sum.restorable || (in->has_map && !in->map_restorable))
		return err_set(
			e, ERR_INTEGRITY,
			"'%s' is not restorable: it has blocks whose pages were not read (%zu with filler "
			"in front of data%s)",
			in->path, sum.filler,
			in->has_map && !in->map_restorable ? "; its block map says so too" : "");
	if ((push->place.kind & PART_TABLE) && !push->place.is_raw && check_table(push, e) < 0)
		return -1;
	return is_efs(push) ? check_efs(push, room, e) : 0;
}

/* Without an input nothing says how erased pages read; both ways are erased. */
#define FILLER_DEFAULT 0xee

static int check_place(const struct push *push, uint64_t *ret_room, struct err *e)
{
	const struct extent *at = &push->place.at;
	uint32_t per = push->geometry->sectors_per_block;

	if (extent_bytes(at, push->geometry->sector_size, ret_room, e) < 0)
		return -1;
	if ((push->place.kind & PART_FUSES) && !push->allow_fuses)
		return err_set(
			e, ERR_POLICY,
			"'%s' holds data that blows fuses at the next boot and cannot be undone; it is "
			"left alone",
			push->place.name);
	if (is_nand(push) && (at->start % per || at->count % per))
		return err_set(e, ERR_MISMATCH,
			       "sectors %" PRIu64 "+%" PRIu64
			       " are not whole erase blocks of %u sectors",
			       at->start, at->count, per);
	if (is_nand(push) && !firehose_can(push->fh, FIREHOSE_ERASE))
		return err_set(e, ERR_UNSUPPORTED, "this programmer cannot erase");
	if (push->input && !firehose_can(push->fh, FIREHOSE_PROGRAM))
		return err_set(e, ERR_UNSUPPORTED, "this programmer cannot program");
	return 0;
}

static struct step step_of(const struct push *push, enum step_kind kind, uint64_t bytes,
			   const char *note)
{
	struct step s = { .kind = kind, .at = push->place.at, .bytes = bytes };

	snprintf(s.what, sizeof(s.what), "%s", push->place.name);
	snprintf(s.note, sizeof(s.note), "%s", note);
	if (push->input && kind != STEP_SAVE && kind != STEP_ERASE)
		memcpy(s.sha256, push->input->sha256, sizeof(s.sha256));
	return s;
}

int push_plan(struct push *push, struct plan *ret, struct err *e)
{
	struct plan p = { 0 };
	struct step s;
	uint64_t room;
	char note[96] = "";

	push->map.filler = push->input ? push->input->filler : FILLER_DEFAULT;
	if (check_place(push, &room, e) < 0 || (push->input && check_input(push, room, e) < 0))
		return -1;
	if (push->save_path) {
		s = step_of(push, STEP_SAVE, room,
			    is_efs(push) ? "read twice, both must agree" : "");
		if (plan_add(&p, &s, e) < 0)
			goto fail;
	}
	/* Managed storage is overwritten in place; only NAND must be erased first. */
	if (is_nand(push) || !push->input) {
		s = step_of(push, STEP_ERASE, 0, is_efs(push) ? "block by block" : "");
		if (plan_add(&p, &s, e) < 0)
			goto fail;
	}
	if (push->input) {
		if (is_nand(push)) {
			struct blockmap_summary sum = blockmap_summary(&push->map);

			snprintf(note, sizeof(note), "%zu blocks with data, %zu stay erased",
				 sum.data, sum.erased);
		}
		s = step_of(push, STEP_PROGRAM, push->input->size, note);
		if (plan_add(&p, &s, e) < 0)
			goto fail;
	}
	s = step_of(push, STEP_VERIFY, push->input ? push->input->size : room, "");
	if (plan_add(&p, &s, e) < 0)
		goto fail;
	*ret = p;
	return 0;
fail:
	plan_fini(&p);
	return -1;
}

/* What the disk gives back must be what came over the cable. */
static int check_saved(const char *path, const char *want, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct fd_source from;
	char hex[DIGEST_HEX_MAX];
	uint64_t size;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	fd_source_init(&from, fd);
	if (source_sha256(&from.source, hex, e) < 0)
		return err_prefix(e, "'%s'", path);
	if (strcmp(hex, want) != 0)
		return err_set(e, ERR_INTEGRITY, "'%s' does not read back as it was written", path);
	return 0;
}

static int save(struct push *push, struct err *e)
{
	struct pull_file out;
	char again[DIGEST_HEX_MAX];
	uint64_t bytes;

	if (extent_bytes(&push->place.at, push->geometry->sector_size, &bytes, e) < 0)
		return -1;
	struct pull pull = { .fh = push->fh,
			     .geometry = push->geometry,
			     .progress = push->progress };

	progress_begin(push->progress, "saving", bytes);
	if (pull_to_file(&pull, &push->place.at, push->save_path, &out, e) < 0)
		return err_prefix(e, "the old content could not be kept");
	memcpy(push->saved_sha256, out.sha256, sizeof(push->saved_sha256));
	if (is_efs(push)) {
		progress_begin(push->progress, "saving, second read", bytes);
		if (pull_digest(&pull, &push->place.at, again, e) < 0)
			return -1;
		if (strcmp(again, push->saved_sha256) != 0)
			return err_set(
				e, ERR_INTEGRITY,
				"two reads of '%s' differ: the flash or the cable is not reliable now, "
				"so it is left as it is",
				push->place.name);
	}
	progress_end(push->progress, true);
	return check_saved(push->save_path, push->saved_sha256, e);
}

/* A bad block that shows up while EFS2 is written would shift everything behind it. */
static int no_new_bad_block(struct push *push, size_t before, struct err *e)
{
	size_t bad, under_data;

	if (bad_blocks_inside(push, &bad, &under_data, e) < 0)
		return -1;
	if (bad > before)
		return err_set(
			e, ERR_INTEGRITY,
			"the programmer met a bad block inside '%s' while it was written; stopped before "
			"the next block",
			push->place.name);
	return 0;
}

static int erase(struct push *push, struct err *e)
{
	uint32_t per = push->geometry->sectors_per_block;
	struct extent block = push->place.at;
	uint64_t done;
	size_t before, under_data;

	if (!is_efs(push))
		return firehose_erase(push->fh, &push->place.at, push->progress, e);
	if (bad_blocks_inside(push, &before, &under_data, e) < 0)
		return -1;
	block.count = per;
	for (done = 0; done < push->place.at.count; done += per) {
		block.start = push->place.at.start + done;
		if (firehose_erase(push->fh, &block, NULL, e) < 0 ||
		    no_new_bad_block(push, before, e) < 0)
			return -1;
	}
	return 0;
}

static bool page_is_erased(const uint8_t *page, size_t n, uint8_t filler)
{
	struct slice s = SLICE(page, n);

	return slice_all(s, 0xff) || slice_all(s, filler);
}

/* Reads one block of the module back and compares it with `want` (may be shorter than a block). */
static int verify_block(struct push *push, uint64_t sector, struct slice want, uint32_t data_pages,
			struct buf *back, struct err *e)
{
	const struct geometry *g = push->geometry;
	struct extent at = { push->place.at.lun, sector, g->sectors_per_block };
	struct buf_sink sink;
	uint32_t page;

	back->n = 0;
	buf_sink_init(&sink, back);
	if (firehose_read(push->fh, &at, &sink.sink, NULL, e) < 0)
		return err_prefix(e, "reading back sector %" PRIu64, sector);
	for (page = 0; page < g->sectors_per_block; page++) {
		size_t off = (size_t)page * g->sector_size;
		struct slice expect = slice_sub(want, off, g->sector_size);

		if (page < data_pages) {
			if (memcmp(back->p + off, expect.p, expect.n) == 0)
				continue;
		} else if (page_is_erased(back->p + off, g->sector_size, push->map.filler)) {
			continue;
		}
		return err_set(
			e, ERR_INTEGRITY,
			"'%s' does not read back as written: first difference in sector %" PRIu64,
			push->place.name, sector + page);
	}
	return 0;
}

static int read_input(struct push *push, uint64_t off, struct buf *b, size_t n, struct err *e)
{
	struct range_source from;

	b->n = 0;
	if (buf_reserve(b, n, e) < 0)
		return -1;
	range_source_init(&from, push->input->fd, off, n);
	return source_get_full(&from.source, b->p, n, &b->n, e) < 0
		       ? err_prefix(e, "'%s'", push->input->path)
		       : 0;
}

/* A run: full blocks, and at the end one that may be full in part. Returns how many blocks. */
static size_t run_length(const struct push *push, size_t first)
{
	const struct blockmap *m = &push->map;
	size_t i = first;

	if (m->block[first].data_pages == 0)
		return 0;
	if (is_efs(push))
		return 1;
	while (m->block[i].data_pages == m->pages_per_block && i + 1 < m->n &&
	       m->block[i + 1].data_pages)
		i++;
	return i - first + 1;
}

static int program_nand(struct push *push, struct err *e)
{
	const struct geometry *g = push->geometry;
	uint32_t per = g->sectors_per_block, block_bytes = geometry_block_bytes(g);
	struct buf want = BUF_INIT(block_bytes), back = BUF_INIT(block_bytes);
	size_t i = 0, before, under_data;
	int r = -1;

	if (bad_blocks_inside(push, &before, &under_data, e) < 0)
		return -1;
	while (i < push->map.n) {
		size_t n = run_length(push, i);
		uint64_t off = (uint64_t)i * block_bytes;
		struct extent at = { push->place.at.lun, push->place.at.start + (uint64_t)i * per,
				     0 };
		struct range_source from;

		if (n == 0) {
			i++;
			continue;
		}
		if (progress_cancelled(push->progress)) {
			err_set(e, ERR_CANCELLED, "stopped between two blocks");
			goto out;
		}
		at.count = (uint64_t)(n - 1) * per + push->map.block[i + n - 1].data_pages;
		range_source_init(&from, push->input->fd, off,
				  MIN_OF(at.count * g->sector_size, push->input->size - off));
		if (firehose_program(push->fh, &at, 0, push->place.name, &from.source,
				     is_efs(push) ? NULL : push->progress, e) < 0)
			goto out;
		if (is_efs(push)) {
			if (no_new_bad_block(push, before, e) < 0 ||
			    read_input(push, off, &want,
				       (size_t)MIN_OF((uint64_t)block_bytes,
						      push->input->size - off),
				       e) < 0 ||
			    verify_block(push, at.start, buf_slice(&want),
					 push->map.block[i].data_pages, &back, e) < 0)
				goto out;
		}
		i += n;
		progress_step(push->progress, MIN_OF((uint64_t)i * block_bytes, push->input->size));
	}
	r = 0;
out:
	buf_fini(&want);
	buf_fini(&back);
	return r;
}

static int program(struct push *push, struct err *e)
{
	const struct geometry *g = push->geometry;
	struct range_source from;
	struct extent at = push->place.at;

	if (is_nand(push))
		return program_nand(push, e);
	at.count = (push->input->size + g->sector_size - 1) / g->sector_size;
	range_source_init(&from, push->input->fd, 0, push->input->size);
	return firehose_program(push->fh, &at, 0, push->place.name, &from.source, push->progress,
				e);
}

static int verify_nand(struct push *push, struct err *e)
{
	const struct geometry *g = push->geometry;
	uint32_t per = g->sectors_per_block, block_bytes = geometry_block_bytes(g);
	uint64_t room = push->place.at.count / per, block = 0, file_block = 0;
	uint64_t blocks = push->input ? push->map.n : room;
	struct buf want = BUF_INIT(block_bytes), back = BUF_INIT(block_bytes);
	int r = -1;

	for (; file_block < blocks && block < room; block++) {
		uint64_t off = file_block * block_bytes;
		uint32_t pages = push->input ? push->map.block[file_block].data_pages : 0;

		if (push->input &&
		    read_input(push, off, &want,
			       (size_t)MIN_OF((uint64_t)block_bytes, push->input->size - off),
			       e) < 0)
			goto out;
		if (verify_block(push, push->place.at.start + block * per, buf_slice(&want), pages,
				 &back, e) < 0) {
			/* A bad block holds nothing; outside EFS2 the programmer went on in the
			 * next. */
			if (e->kind != ERR_REFUSED || is_efs(push))
				goto out;
			err_clear(e);
			if (push->input)
				continue;
		}
		file_block++;
		progress_step(push->progress, MIN_OF(file_block * block_bytes,
						     push->input ? push->input->size : UINT64_MAX));
	}
	if (file_block < blocks) {
		err_set(e, ERR_INTEGRITY,
			"'%s': bad blocks left no room for the last %" PRIu64 " block(s)",
			push->place.name, blocks - file_block);
		goto out;
	}
	r = 0;
out:
	buf_fini(&want);
	buf_fini(&back);
	return r;
}

/* Compares what streams by with the input file; bytes past its end are padding. */
struct compare_sink {
	struct sink sink;
	struct push *push;
	uint64_t off;
};

static int compare_put(struct sink *sink, const void *p, size_t n, struct err *e)
{
	struct compare_sink *s = container_of(sink, struct compare_sink, sink);
	const uint8_t *got = p;
	uint8_t want[16384];

	while (n && s->off < s->push->input->size) {
		size_t part =
			MIN_OF(MIN_OF(n, sizeof(want)),
			       (size_t)MIN_OF(s->push->input->size - s->off, (uint64_t)SIZE_MAX));
		struct range_source from;
		size_t r;

		range_source_init(&from, s->push->input->fd, s->off, part);
		if (source_get_full(&from.source, want, part, &r, e) < 0)
			return -1;
		if (memcmp(got, want, part) != 0)
			return err_set(
				e, ERR_INTEGRITY,
				"'%s' does not read back as written: a difference behind byte %" PRIu64,
				s->push->place.name, s->off);
		got += part;
		n -= part;
		s->off += part;
	}
	return 0;
}

int push_verify(struct push *push, struct err *e)
{
	struct compare_sink cmp = { { compare_put }, push, 0 };
	struct extent at = push->place.at;
	uint64_t room;
	int r;

	if (extent_bytes(&at, push->geometry->sector_size, &room, e) < 0)
		return -1;
	if (push->input && push->input->size > room)
		return err_set(e, ERR_MISMATCH,
			       "'%s' has %" PRIu64 " bytes, '%s' has room for %" PRIu64,
			       push->input->path, push->input->size, push->place.name, room);
	progress_begin(push->progress, "verifying", push->input ? push->input->size : room);
	if (is_nand(push)) {
		if (push->input && push->map.n == 0 && map_input(push, e) < 0)
			return -1;
		r = verify_nand(push, e);
	} else if (push->input) {
		at.count = (push->input->size + push->geometry->sector_size - 1) /
			   push->geometry->sector_size;
		r = firehose_read(push->fh, &at, &cmp.sink, push->progress, e);
	} else {
		/* What managed storage returns after an erase is up to the chip. */
		r = 0;
	}
	progress_end(push->progress, r == 0);
	return r;
}

static void tell_phase(const struct push *push)
{
	if (push->on_phase)
		push->on_phase(push->on_phase_ctx, push);
}

/* The last moment at which nothing is lost yet. */
static int begin_change(struct push *push, struct err *e)
{
	if (push->changed)
		return 0;
	if (push->input && push_input_check(push->input, e) < 0)
		return -1;
	push->changed = true;
	tell_phase(push);
	return 0;
}

static int read_back(struct push *push, struct err *e)
{
	push->written = true;
	tell_phase(push);
	if (push_verify(push, e) < 0)
		return -1;
	/* Equal to the file as it is now; was that what was promised? */
	return push->input ? push_input_check(push->input, e) : 0;
}

int push_apply(struct push *push, const struct plan *plan, struct err *e)
{
	size_t i;
	int r = 0;

	for (i = 0; i < plan->n && r == 0; i++) {
		const struct step *s = &plan->step[i];

		switch (s->kind) {
		case STEP_SAVE:
			r = save(push, e);
			break;
		case STEP_ERASE:
			progress_begin(push->progress, "erasing", 0);
			r = begin_change(push, e) < 0 ? -1 : erase(push, e);
			progress_end(push->progress, r == 0);
			break;
		case STEP_PROGRAM:
			progress_begin(push->progress, "writing", s->bytes);
			r = begin_change(push, e) < 0 ? -1 : program(push, e);
			progress_end(push->progress, r == 0);
			break;
		case STEP_VERIFY:
			r = read_back(push, e);
			break;
		case STEP_MKDIR:
		case STEP_SYNC:
			r = err_set(e, ERR_BUG, "a partition has no step '%s'", step_kind_name(s->kind));
			break;
		}
	}
	return r;
}
