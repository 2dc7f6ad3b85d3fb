/* What an image is, found in one pass over it. The same pass classifies every 512 bytes as data,
 * erased, filler or not read, which later becomes the state of every page. */
#include "image/efs2_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 65536u
/* Backup partition of Quectel projects; the second value is of newer projects. */
#define BACKUP_MAGIC1  0x51D24368u
#define BACKUP_MAGIC1B 0x52D24368u
#define BACKUP_MAGIC2  0x4378AC6Eu
/* A factory image or backup header stands in the first good block. */
#define HEAD_SEARCH (UINT64_C(8) << 20)

struct scan {
	struct efs2 *fs;
	uint64_t off; /* of the chunk */
	bool blank, cefs, backup;
	uint64_t cefs_at, backup_at;
	uint8_t head[0x200];
	uint64_t samples;
	uint32_t histogram[256];
};

static void take_super(struct scan *s, uint64_t off, const uint8_t *p)
{
	struct efs2 *fs = s->fs;
	uint32_t page_size = get_le32(p + 20);

	if ((page_size != 512 && page_size != 2048 && page_size != 4096) || off % page_size ||
	    off + page_size > fs->n_units * EFS2_UNIT)
		return;
	fs->report.supers++;
	if (fs->n_cand < EFS2_MAX_SUPERS)
		fs->cand[fs->n_cand++] =
			(struct efs2_cand){ (uint32_t)(off / page_size), page_size };
}

static enum efs2_pstate classify(const struct efs2 *fs, struct slice u)
{
	if (u.p[0] == 0xff && slice_all(u, 0xff))
		return EFS2_PS_ERASED;
	if (u.p[0] == fs->filler && slice_all(u, fs->filler))
		return EFS2_PS_FILLER;
	return EFS2_PS_DATA;
}

static void take_unit(struct scan *s, uint64_t off, const uint8_t *p)
{
	enum efs2_pstate st = classify(s->fs, SLICE(p, EFS2_UNIT));
	unsigned i;

	s->fs->units[off / EFS2_UNIT] = (uint8_t)st;
	if (st != EFS2_PS_DATA)
		return;
	s->blank = false;
	if (memcmp(p + 8, "EFSSuper", 8) == 0)
		take_super(s, off, p);
	if (off < HEAD_SEARCH && off % 2048 == 0) {
		if (!s->cefs && efs2_cefs_is(p, EFS2_UNIT)) {
			s->cefs = true;
			s->cefs_at = off;
		}
		if (!s->backup && get_le32(p + 4) == BACKUP_MAGIC2 &&
		    (get_le32(p) == BACKUP_MAGIC1 || get_le32(p) == BACKUP_MAGIC1B)) {
			s->backup = true;
			s->backup_at = off;
		}
	}
	if (s->samples < 1u << 18) {
		for (i = 0; i < EFS2_UNIT; i++)
			s->histogram[p[i]]++;
		s->samples += EFS2_UNIT;
	}
}

/* A chunk that is not there is looked at in pieces of the largest page, so that one lost page does
 * not cost its neighbours. */
static int take_chunk(struct scan *s, uint8_t *buf, size_t n, struct err *e)
{
	size_t i, piece;

	if (s->fs->in->read_at(s->fs->in, s->off, buf, n, e) == 0) {
		for (i = 0; i < n; i += EFS2_UNIT)
			take_unit(s, s->off + i, buf + i);
		return 0;
	}
	if (e->kind != ERR_INTEGRITY)
		return -1;
	for (piece = 0; piece < n; piece += EFS2_UNIT) {
		err_clear(e);
		if (s->fs->in->read_at(s->fs->in, s->off + piece, buf, EFS2_UNIT, e) == 0)
			take_unit(s, s->off + piece, buf);
		else if (e->kind == ERR_INTEGRITY)
			s->fs->units[(s->off + piece) / EFS2_UNIT] = EFS2_PS_UNREAD;
		else
			return -1;
	}
	err_clear(e);
	return 0;
}

/* Random bytes spread evenly: chi-square over 256 values stays near 255, text and tables are in the
 * thousands. */
static bool looks_random(const struct scan *s)
{
	uint64_t expect = s->samples / 256, sum = 0;
	unsigned i;

	if (s->samples < 65536)
		return false;
	for (i = 0; i < 256; i++) {
		int64_t d = (int64_t)s->histogram[i] - (int64_t)expect;

		sum += (uint64_t)(d * d);
	}
	return sum / expect < 450;
}

static void name_imgefs(const struct scan *s, struct efs2_ident *id)
{
	const uint8_t *h = s->head + 0x28;

	if (memcmp(h, "IMGEFS", 6) != 0)
		h = s->head;
	id->copy = (char)(h[6] >= ' ' && h[6] < 0x7f ? h[6] : '?');
	/* Unaligned behind the seven letters: the sequence number and the time it was written. */
	id->sequence = get_le32(h + 7);
	id->time_ms = get_le64(h + 11);
	if (s->fs->n_cand ||
	    slice_find(SLICE(s->head, sizeof(s->head)), SLICE_STR("EFSSuper")) != SIZE_MAX) {
		id->form = EFS2_FORM_FSG_PLAIN;
		snprintf(
			id->what, sizeof(id->what),
			"remote-storage copy of an EFS2 (IMGEFS%c), not encrypted; its layout is "
			 "recognised "
			"but not read",
			id->copy);
		return;
	}
	id->form = EFS2_FORM_IMGEFS;
	snprintf(id->what, sizeof(id->what),
		 "remote-storage copy of an EFS2 (IMGEFS%c, sequence %" PRIu32
		 "), encrypted with a key of its chip: of use to the same device only",
		 id->copy, id->sequence);
}

static void name_it(const struct scan *s, struct efs2_ident *id)
{
	*id = (struct efs2_ident){ 0 };
	if (memcmp(s->head + 0x28, "IMGEFS", 6) == 0 || memcmp(s->head, "IMGEFS", 6) == 0) {
		name_imgefs(s, id);
	} else if (s->fs->n_cand) {
		id->form = EFS2_FORM_NAND;
		snprintf(id->what, sizeof(id->what), "EFS2 with %u superblocks",
			 s->fs->report.supers);
	} else if (s->backup) {
		id->form = EFS2_FORM_BACKUP;
		id->base = s->backup_at;
		snprintf(id->what, sizeof(id->what), "backup partition of an EFS2 (sys_rev)");
	} else if (s->cefs) {
		id->form = EFS2_FORM_CEFS;
		id->base = s->cefs_at;
		snprintf(id->what, sizeof(id->what), "factory image of an EFS2 (CEFS)");
	} else if (s->blank) {
		id->form = EFS2_FORM_BLANK;
		snprintf(id->what, sizeof(id->what), "every page is erased");
	} else if (looks_random(s)) {
		id->form = EFS2_FORM_OPAQUE;
		snprintf(id->what, sizeof(id->what),
			 "no superblock, and the bytes look random: encrypted or compressed");
	} else {
		snprintf(id->what, sizeof(id->what), "neither superblock nor factory image found");
	}
}

int efs2_scan(struct efs2 *fs, struct efs2_ident *ret, struct err *e)
{
	struct scan s = { .fs = fs, .blank = true };
	uint64_t usable = fs->in->size / EFS2_UNIT * EFS2_UNIT;
	uint8_t *buf;
	int r = 0;

	if (fs->in->size > EFS2_MAX_SIZE)
		return err_set(e, ERR_UNSUPPORTED,
			       "image of %" PRIu64
			       " bytes: no efs2 partition is larger than %" PRIu64
			       "; cut the partition out of it first",
			       fs->in->size, EFS2_MAX_SIZE);
	fs->n_units = usable / EFS2_UNIT;
	fs->units = malloc((size_t)fs->n_units + 1);
	fs->cand = calloc(EFS2_MAX_SUPERS, sizeof(*fs->cand));
	buf = malloc(CHUNK);
	if (!fs->units || !fs->cand || !buf) {
		free(buf);
		return err_nomem(e);
	}
	for (s.off = 0; r == 0 && s.off < usable; s.off += CHUNK) {
		size_t n = (size_t)MIN_OF(usable - s.off, CHUNK);

		r = take_chunk(&s, buf, n, e);
		if (r == 0 && s.off == 0)
			memcpy(s.head, buf, MIN_OF(n, sizeof(s.head)));
	}
	free(buf);
	if (r == 0)
		name_it(&s, ret);
	return r;
}

int efs2_recognise(struct efs2_reader *in, uint8_t filler, struct efs2_ident *ret, struct err *e)
{
	struct efs2 *fs = calloc(1, sizeof(*fs));
	struct efs2_ident id;
	int r;

	if (!fs)
		return err_nomem(e);
	fs->in = in;
	fs->filler = filler ? filler : EFS2_FILLER_DEFAULT;
	r = efs2_scan(fs, &id, e);
	if (r == 0 && (id.form == EFS2_FORM_NAND)) {
		struct err why = ERR_INIT;

		if (efs2_super_choose(fs, &why) == 0) {
			id.page_size = fs->sb.page_size;
			snprintf(
				id.what, sizeof(id.what),
				"EFS2 version %02x, pages of %u bytes, %u blocks of %u pages, "
				 "superblock age %u",
				fs->sb.version & 0xffu, fs->sb.page_size, fs->sb.block_count,
				fs->sb.block_size, fs->sb.age);
		} else if (why.kind == ERR_UNSUPPORTED) {
			id.form = EFS2_FORM_NOR;
			snprintf(id.what, sizeof(id.what), "%.150s", why.msg);
		} else if (why.kind == ERR_INTEGRITY || why.kind == ERR_PROTO) {
			snprintf(id.what, sizeof(id.what), "%.150s", why.msg);
		} else {
			*e = why;
			r = -1;
		}
	}
	efs2_close(fs);
	if (r == 0)
		*ret = id;
	return r;
}
