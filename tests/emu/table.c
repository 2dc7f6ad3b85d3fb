/* MIBIB and GPT, built and found by the emulated module's own means (partition-tables.md sections 2
 * and 6). Nothing here is shared with src/image: a wrong number on both sides would be invisible. */
#include "tests/emu/emu_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* partition-tables.md 2.1, 2.2, 2.3, 2.4 */
#define MIBIB_MAGIC1 0xfe569facu
#define MIBIB_MAGIC2 0xcd7f127au
#define SYS_MAGIC1   0x55ee73aau
#define SYS_MAGIC2   0xe35ebddbu
#define USR_MAGIC1   0xaa7d1b9au
#define USR_MAGIC2   0x1f7d48bcu
#define CRC_MAGIC1   0x9d41bea1u
#define CRC_MAGIC2   0xf1ded2eau
#define ENTRY        28

/* Bit by bit, on purpose not the routines of src/base. */
uint32_t table_gpt_crc(uint32_t crc, const uint8_t *p, size_t n)
{
	int k;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		for (k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return ~crc;
}

uint32_t table_mibib_crc(uint32_t crc, const uint8_t *p, size_t n)
{
	int k;

	while (n--) {
		crc ^= (uint32_t)*p++ << 24;
		for (k = 0; k < 8; k++)
			crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
	}
	return crc;
}

static const struct emu_part *model_part(const struct emu_model *m, const char *name)
{
	unsigned i;

	for (i = 0; i < m->n_parts; i++)
		if (!strcasecmp(m->part[i].name, name))
			return &m->part[i];
	return NULL;
}

static void put_name(uint8_t *p, const char *name)
{
	char full[20] = "0:";

	strncat(full, name, 16);
	memcpy(p, full, 16); /* zero padded, and may fill all sixteen */
}

int table_write_mibib(struct emu_flash *f, const struct emu_model *m)
{
	const struct emu_part *home = model_part(m, "MIBIB");
	size_t page = f->page;
	uint8_t *b = malloc(4 * page);
	uint32_t block, end;
	unsigned i;
	int r = 0;

	if (!b || !home || 16 + (size_t)ENTRY * m->n_parts > page) {
		free(b);
		return -1;
	}
	memset(b, 0xff, 4 * page);
	put_le32(b, MIBIB_MAGIC1);
	put_le32(b + 4, MIBIB_MAGIC2);
	put_le32(b + 8, 4);
	put_le32(b + 12, m->flash.mibib_age);
	put_le32(b + page, SYS_MAGIC1);
	put_le32(b + page + 4, SYS_MAGIC2);
	put_le32(b + page + 8, 4);
	put_le32(b + page + 12, m->n_parts);
	put_le32(b + 2 * page, USR_MAGIC1);
	put_le32(b + 2 * page + 4, USR_MAGIC2);
	put_le32(b + 2 * page + 8, 4);
	put_le32(b + 2 * page + 12, m->n_parts);
	for (i = 0; i < m->n_parts; i++) {
		const struct emu_part *p = &m->part[i];
		uint8_t *s = b + page + 16 + (size_t)ENTRY * i, *u = s + page;
		bool last = i + 1 == m->n_parts;

		put_name(s, p->name);
		put_le32(s + 16, (uint32_t)p->start);
		put_le32(s + 20, (uint32_t)p->length);
		memcpy(s + 24, p->attr, 4);
		put_name(u, p->name);
		put_le32(u + 16, last ? 0xffffffffu : (uint32_t)p->length);
		put_le16(u + 20, last ? 0xffff : 0);
		put_le16(u + 22, 0);
		memcpy(u + 24, p->attr, 3);
		u[27] = 0xfe; /* in blocks */
	}
	put_le32(b + 3 * page, CRC_MAGIC1);
	put_le32(b + 3 * page + 4, CRC_MAGIC2);
	put_le32(b + 3 * page + 8, 1);
	put_le32(b + 3 * page + 12, table_mibib_crc(0, b, 2 * page));

	block = (uint32_t)home->start;
	end = block + (uint32_t)home->length;
	while (block < end && flash_block_is_bad(f, block))
		block++;
	for (i = 0; !r && i < 4; i++)
		r = flash_program(f, 0, (uint64_t)block * f->ppb + i, b + i * page) != FLASH_OK;
	free(b);
	return r ? -1 : 0;
}

/* A GUID that is made up and yet stable. */
static void put_guid(uint8_t *p, const char *seed, unsigned salt)
{
	uint32_t c = salt;
	int i;

	for (i = 0; i < 4; i++) {
		c = table_gpt_crc(c + 1, (const uint8_t *)seed, strlen(seed));
		put_le32(p + 4 * i, c);
	}
}

int table_write_gpt(struct emu_flash *f, const struct emu_model *m, uint32_t lun)
{
	size_t s = f->page, arr = 128 * 128, a = arr / s;
	uint64_t last = flash_total_sectors(f, lun) - 1, lba;
	uint8_t *b = calloc(1, s + arr), *h = b, *ents = b + s;
	unsigned i, n = 0;
	int r = -1, copy;

	if (!b)
		return -1;
	h[510] = 0x55;
	h[511] = 0xaa;
	h[446 + 4] = 0xee;
	put_le32(h + 446 + 8, 1);
	put_le32(h + 446 + 12, (uint32_t)MIN_OF(last, 0xffffffffu));
	if (flash_program(f, lun, 0, h) != FLASH_OK)
		goto out;
	for (i = 0; i < m->n_parts; i++) {
		const struct emu_part *p = &m->part[i];
		uint8_t *e = ents + 128 * (size_t)n;
		size_t k;

		if (p->lun != lun)
			continue;
		put_guid(e, "type", 0x71);
		put_guid(e + 16, p->name, 0x72);
		put_le64(e + 32, p->start);
		put_le64(e + 40, p->start + p->length - 1);
		for (k = 0; p->name[k]; k++)
			e[56 + 2 * k] = (uint8_t)p->name[k];
		n++;
	}
	for (copy = 0; copy < 2; copy++) {
		uint64_t array = copy ? last - a : 2;

		memset(h, 0, s);
		memcpy(h, "EFI PART", 8);
		put_le32(h + 8, 0x00010000);
		put_le32(h + 12, 92);
		put_le64(h + 24, copy ? last : 1);
		put_le64(h + 32, copy ? 1 : last);
		put_le64(h + 40, 2 + a);
		put_le64(h + 48, last - a - 1);
		put_guid(h + 56, m->name, lun);
		put_le64(h + 72, array);
		put_le32(h + 80, 128);
		put_le32(h + 84, 128);
		put_le32(h + 88, table_gpt_crc(0, ents, arr));
		put_le32(h + 16, table_gpt_crc(0, h, 92));
		if (flash_program(f, lun, copy ? last : 1, h) != FLASH_OK)
			goto out;
		for (lba = 0; lba < a; lba++)
			if (flash_program(f, lun, array + lba, ents + lba * s) != FLASH_OK)
				goto out;
	}
	r = 0;
out:
	free(b);
	return r;
}

/* The boot loader looks for the table in the first blocks and takes the copy of the highest age. */
static bool mibib_find(const struct emu_flash *f, uint64_t *ret_page)
{
	uint8_t head[16];
	uint32_t b, best = 0;
	bool found = false;

	for (b = 0; b < 48 && b < f->blocks; b++) {
		uint64_t page = (uint64_t)b * f->ppb;

		if (flash_block_is_bad(f, b) || flash_read(f, 0, page, head, sizeof(head)) != FLASH_OK)
			continue;
		if (get_le32(head) != MIBIB_MAGIC1 || get_le32(head + 4) != MIBIB_MAGIC2 ||
		    (found && get_le32(head + 12) <= best))
			continue;
		best = get_le32(head + 12);
		*ret_page = page;
		found = true;
	}
	return found;
}

static bool mibib_lookup(const struct emu_flash *f, const char *name, uint64_t *start, uint64_t *len)
{
	uint64_t page;
	uint8_t *b;
	uint32_t n, i;
	bool found = false;

	if (!mibib_find(f, &page) || !(b = malloc(f->page)))
		return false;
	if (flash_read(f, 0, page + 1, b, f->page) != FLASH_OK || get_le32(b) != SYS_MAGIC1 ||
	    get_le32(b + 4) != SYS_MAGIC2)
		goto out;
	n = (uint32_t)MIN_OF(get_le32(b + 12), (f->page - 16) / ENTRY);
	for (i = 0; i < n && !found; i++) {
		const uint8_t *e = b + 16 + (size_t)ENTRY * i;
		uint32_t off = get_le32(e + 16), count = get_le32(e + 20);
		char text[17] = "";
		const char *bare = text;

		memcpy(text, e, 16);
		if (text[0] == '0' && text[1] == ':')
			bare += 2;
		if (strcasecmp(bare, name) != 0 || off >= f->blocks)
			continue;
		if (count > f->blocks - off)
			count = f->blocks - off;
		*start = (uint64_t)off * f->ppb;
		*len = (uint64_t)count * f->ppb;
		found = true;
	}
out:
	free(b);
	return found;
}

static bool gpt_lookup(const struct emu_flash *f, uint32_t lun, const char *name, uint64_t *start,
		       uint64_t *len)
{
	uint8_t *b = malloc(f->page);
	uint64_t array;
	uint32_t i, n, k;
	bool found = false;

	if (!b)
		return false;
	if (flash_read(f, lun, 1, b, f->page) != FLASH_OK || memcmp(b, "EFI PART", 8) != 0)
		goto out;
	array = get_le64(b + 72);
	n = MIN_OF(get_le32(b + 80), 128);
	for (i = 0; i < n && !found; i++) {
		uint32_t per = f->page / 128;
		const uint8_t *e = b + (i % per) * 128;
		char text[37] = "";

		if (i % per == 0 && flash_read(f, lun, array + i / per, b, f->page) != FLASH_OK)
			break;
		for (k = 0; k < 36; k++)
			text[k] = (char)e[56 + 2 * k];
		if (!text[0] || strcasecmp(text, name) != 0 || get_le64(e + 40) < get_le64(e + 32))
			continue;
		*start = get_le64(e + 32);
		*len = get_le64(e + 40) - *start + 1;
		found = true;
	}
out:
	free(b);
	return found;
}

bool emu_table_find(const struct emu_flash *f, const char *name, uint32_t *lun, uint64_t *start,
		uint64_t *length)
{
	uint32_t i;

	*lun = 0;
	if (f->type == EMU_NAND)
		return mibib_lookup(f, name, start, length);
	for (i = 0; i < f->n_luns; i++)
		if (gpt_lookup(f, i, name, start, length)) {
			*lun = i;
			return true;
		}
	return false;
}
