#include "image/gpt.h"

#include "base/bytes.h"
#include "base/crc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 92
#define ENTRY_MIN   128
#define ENTRY_MAX   4096
#define ENTRIES_MAX 4096
#define ARRAY_MAX   (1024u * 1024)
#define NAME_UNITS  36

struct header {
	uint64_t lba, other_lba, array_lba;
	uint32_t count, entry_size, array_crc;
};

/* One walk over the copies of one LUN. */
struct walk {
	struct sectors *s;
	uint32_t lun;
	uint8_t *sector; /* one sector */
	bool seen;       /* a signature was there, so that "damaged" is told from "none" */
};

static int header_parse(const struct walk *w, uint64_t lba, struct header *ret, struct err *e)
{
	static const uint8_t zero[4];
	uint32_t size = w->s->sector_size, head = get_le32(w->sector + 12), crc;
	const uint8_t *p = w->sector;
	struct header h;

	if (head < HEADER_SIZE || head > size)
		return err_set(e, ERR_INTEGRITY, "header says it is %u bytes long", head);
	crc = crc32_update(0, p, 16);
	crc = crc32_update(crc, zero, 4);
	crc = crc32_update(crc, p + 20, head - 20);
	if (crc != get_le32(p + 16))
		return err_set(e, ERR_INTEGRITY, "header CRC is 0x%08x, it says 0x%08x", crc,
			       get_le32(p + 16));
	h = (struct header){ .lba = get_le64(p + 24),
			     .other_lba = get_le64(p + 32),
			     .array_lba = get_le64(p + 72),
			     .count = get_le32(p + 80),
			     .entry_size = get_le32(p + 84),
			     .array_crc = get_le32(p + 88) };
	if (h.lba != lba)
		return err_set(e, ERR_INTEGRITY, "header belongs to sector %" PRIu64, h.lba);
	if (h.entry_size < ENTRY_MIN || h.entry_size > ENTRY_MAX || h.count == 0 ||
	    h.count > ENTRIES_MAX || (uint64_t)h.count * h.entry_size > ARRAY_MAX)
		return err_set(e, ERR_INTEGRITY, "impossible array of %u entries of %u bytes",
			       h.count, h.entry_size);
	*ret = h;
	return 0;
}

/* ERR_REFUSED: nothing readable here; ERR_MISMATCH: readable, but no header; ERR_INTEGRITY:
 * damaged. */
static int header_read(struct walk *w, uint64_t lba, struct header *ret, struct err *e)
{
	if (w->s->read(w->s, w->lun, lba, 1, w->sector, e) < 0) {
		if (e->kind == ERR_INTEGRITY)
			e->kind = ERR_REFUSED;
		goto fail;
	}
	if (memcmp(w->sector, "EFI PART", 8) != 0) {
		err_set(e, ERR_MISMATCH, "no partition table header");
		goto fail;
	}
	w->seen = true;
	if (header_parse(w, lba, ret, e) == 0)
		return 0;
fail:
	return err_prefix(e, "sector %" PRIu64, lba);
}

static bool ends_search(const struct err *e)
{
	return e->kind != ERR_REFUSED && e->kind != ERR_INTEGRITY && e->kind != ERR_MISMATCH;
}

/* Appends one code point as UTF-8, unless it would not fit with the NUL. */
static bool utf8_add(char *out, size_t *n, uint32_t c)
{
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
	static const uint8_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };

	if (*n + len >= PARTITION_NAME_MAX)
		return false;
	for (i = len; i-- > 1; c >>= 6)
		out[*n + i] = (char)(0x80 | (c & 0x3F));
	out[*n] = (char)(lead[len] | c);
	*n += len;
	return true;
}

/* UTF-16LE to UTF-8, cut between characters. Control characters and halves of surrogate pairs,
 * which no terminal should be fed, become '?'. */
static void name_decode(const uint8_t *p, char *out)
{
	size_t n = 0;
	unsigned i;

	for (i = 0; i < NAME_UNITS; i++) {
		uint32_t c = get_le16(p + 2 * i);

		if (c == 0)
			break;
		if (c >= 0xD800 && c < 0xDC00 && i + 1 < NAME_UNITS) {
			uint32_t low = get_le16(p + 2 * (i + 1));

			if (low >= 0xDC00 && low < 0xE000) {
				c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
				i++;
			}
		}
		if (c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0xD800 && c < 0xE000))
			c = '?';
		if (!utf8_add(out, &n, c))
			break;
	}
	out[n] = '\0';
}

static int entry_add(const struct walk *w, const uint8_t *p, struct table *t, struct err *e)
{
	struct partition part = { 0 };
	uint64_t first = get_le64(p + 32), last = get_le64(p + 40), total = w->s->total_sectors;

	if (slice_all(SLICE(p, 16), 0))
		return 0;
	if (last < first || last == UINT64_MAX || (total && last >= total)) {
		t->warnings |= TABLE_WARN_ENTRY;
		return 0;
	}
	memcpy(part.type_guid, p, 16);
	part.at = (struct extent){ w->lun, first, last - first + 1 };
	part.gpt_attr = get_le64(p + 48);
	name_decode(p + 56, part.name);
	return table_add(t, &part, e);
}

static int array_read(const struct walk *w, const struct header *h, struct table *t, struct err *e)
{
	uint32_t size = w->s->sector_size, bytes = h->count * h->entry_size, crc, i;
	uint32_t sectors = (bytes + size - 1) / size;
	uint64_t end;
	uint8_t *array;
	int r = 0;

	if (h->array_lba == 0 || !add_u64(h->array_lba, sectors, &end) ||
	    (w->s->total_sectors && end > w->s->total_sectors))
		return err_set(e, ERR_INTEGRITY, "entry array at the impossible sector %" PRIu64,
			       h->array_lba);
	array = malloc((size_t)sectors * size);
	if (!array)
		return err_nomem(e);
	if (w->s->read(w->s, w->lun, h->array_lba, sectors, array, e) < 0) {
		r = err_prefix(e, "entry array");
		goto out;
	}
	crc = crc32_update(0, array, bytes);
	if (crc != h->array_crc) {
		r = err_set(e, ERR_INTEGRITY, "entry array CRC is 0x%08x, the header says 0x%08x",
			    crc, h->array_crc);
		goto out;
	}
	for (i = 0; i < h->count && r == 0; i++)
		r = entry_add(w, array + (size_t)i * h->entry_size, t, e);
out:
	free(array);
	return r;
}

/* The whole copy whose header is at `lba`; what a failed one added is taken back. */
static int copy_read(struct walk *w, uint64_t lba, struct header *ret_h, struct table *t,
		     struct err *e)
{
	size_t n = t->n;
	unsigned warnings = t->warnings;
	struct header h;

	if (header_read(w, lba, &h, e) < 0)
		return -1;
	if (array_read(w, &h, t, e) < 0) {
		t->n = n;
		t->warnings = warnings;
		return -1;
	}
	t->kind = TABLE_GPT;
	t->found_sector = lba;
	*ret_h = h;
	return 0;
}

/* The backup belongs into the last sector; a table made for a smaller chip has it elsewhere, and
 * the primary says where. */
static bool backup_is_good(struct walk *w, const struct header *primary, struct err *e)
{
	uint64_t at[2] = { w->s->total_sectors ? w->s->total_sectors - 1 : primary->other_lba,
			   primary->other_lba };
	struct header h;
	unsigned i;

	for (i = 0; i < (at[0] == at[1] ? 1u : 2u); i++) {
		if (at[i] <= 1)
			continue;
		if (header_read(w, at[i], &h, e) == 0)
			return true;
		if (ends_search(e))
			return false;
	}
	return false;
}

static int lun_read(struct walk *w, struct table *t, struct err *e)
{
	struct err why = ERR_INIT, second = ERR_INIT;
	uint64_t total = w->s->total_sectors;
	unsigned warnings = t->warnings;
	size_t n = t->n;
	struct header h;

	if (copy_read(w, 1, &h, t, &why) == 0) {
		if (backup_is_good(w, &h, &second))
			return 0;
		if (second.kind != ERR_NONE && ends_search(&second)) {
			t->n = n;
			t->warnings = warnings;
			why = second;
			goto fail;
		}
		t->warnings |= TABLE_WARN_NO_BACKUP;
		return 0;
	}
	if (ends_search(&why))
		goto fail;
	if (total <= 2) {
		err_append(
			&why,
			"; the backup cannot be looked for, the size of the storage is not known");
	} else {
		if (copy_read(w, total - 1, &h, t, &second) == 0) {
			t->warnings |= TABLE_WARN_BACKUP;
			return 0;
		}
		if (ends_search(&second)) {
			why = second;
			goto fail;
		}
		err_append(&why, "; %s", second.msg);
	}
	if (w->seen)
		return err_set(e, ERR_INTEGRITY, "LUN %u: damaged partition table: %s", w->lun,
			       why.msg);
	return err_set(e, ERR_MISMATCH, "LUN %u: no partition table: %s", w->lun, why.msg);
fail:
	*e = why;
	return err_prefix(e, "reading the partition table of LUN %u", w->lun);
}

int gpt_read(struct sectors *s, uint32_t lun, struct table *t, struct err *e)
{
	struct walk w = { .s = s, .lun = lun };
	int r;

	if (s->sector_size < 512 || s->sector_size > 65536)
		return err_set(e, ERR_MISMATCH, "impossible sector size of %u bytes",
			       s->sector_size);
	w.sector = malloc(s->sector_size);
	if (!w.sector)
		return err_nomem(e);
	r = lun_read(&w, t, e);
	free(w.sector);
	return r;
}
