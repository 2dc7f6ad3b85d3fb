/* First content of the storage, and what the firmware makes of the content at each start. */
#include "tests/emu/modem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* partition-tables.md section 3: first words of an SBL with its NAND preamble. */
#define SBL_WORD1 0x844bdcd1u
#define SBL_WORD2 0x73d71034u
/* firehose.md section 10.6 */
#define HARDEN_MAGIC1 0x20190424u
#define HARDEN_MAGIC2 0x20190425u

/* Bytes that differ for every page and can be computed again. */
static void pattern(uint8_t *p, size_t n, const char *name, uint64_t page)
{
	uint32_t x = table_gpt_crc((uint32_t)page, (const uint8_t *)name, strlen(name)) | 1;
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		put_le32(p + i, x);
	}
}

/* How a partition's first page begins, by name: enough for tools that label a dump. */
static void head(uint8_t *p, const char *name)
{
	static const char *const elf[] = { "tz", "rpm", "aop", "abl", "uefi", "hyp", "qhee", "xbl" };
	static const char *const ubi[] = { "modem", "system", "recoveryfs", "usrdata", "usr_data",
					   "usrfs", "oemapp", "cache", "data" };
	size_t i;

	if (!strcasecmp(name, "sbl") || !strcasecmp(name, "sbl1")) {
		put_le32(p, SBL_WORD1);
		put_le32(p + 4, SBL_WORD2);
	} else if (!strncasecmp(name, "boot", 4) || !strncasecmp(name, "recovery", 9)) {
		memcpy(p, "ANDROID!", 8);
	}
	for (i = 0; i < ARRAY_SIZE(elf); i++)
		if (!strcasecmp(name, elf[i]))
			memcpy(p, "\177ELF\1\1\1", 8);
	for (i = 0; i < ARRAY_SIZE(ubi); i++)
		if (!strcasecmp(name, ubi[i]))
			memcpy(p, "UBI#\1\0\0", 8);
}

static int fill_some(struct emu_flash *f, uint32_t lun, const char *name, uint64_t sector,
		     unsigned n, bool with_head)
{
	uint8_t *b = malloc(f->page);
	unsigned i;
	int r = b ? 0 : -1;

	for (i = 0; !r && i < n; i++) {
		pattern(b, f->page, name, sector + i);
		if (i == 0 && with_head)
			head(b, name);
		if (flash_program(f, lun, sector + i, b) != FLASH_OK)
			r = -1;
	}
	free(b);
	return r;
}

static int fill_rawdata(struct emu_flash *f, const struct emu_model *m, uint64_t sector)
{
	uint8_t *b = malloc(f->page);
	int r;

	if (!b)
		return -1;
	memset(b, 0xff, f->page);
	put_le32(b, HARDEN_MAGIC1);
	put_le32(b + 4, HARDEN_MAGIC2);
	/* The places behind the magics are ours; only the programmer that lives in this emulator
	 * reads them: version, length and name of the project, type. */
	memset(b + 8, 0, 120);
	memcpy(b + 8, "V1.00", 5);
	put_le32(b + 24, (uint32_t)strlen(m->flash.rawdata_project));
	snprintf((char *)b + 28, 64, "%.63s", m->flash.rawdata_project);
	snprintf((char *)b + 92, 32, "%.31s", m->flash.rawdata_type);
	r = flash_program(f, 0, sector, b) == FLASH_OK ? 0 : -1;
	free(b);
	return r;
}

static int fill_nand(struct emu_flash *f, const struct emu_model *m)
{
	unsigned i;

	for (i = 0; i < m->n_parts; i++) {
		const struct emu_part *p = &m->part[i];
		uint32_t block = (uint32_t)p->start, end = block + (uint32_t)p->length;
		uint64_t sector;
		int r;

		if (!strcasecmp(p->name, "scrub") || !strcasecmp(p->name, "misc"))
			continue; /* erased on a module from the factory */
		while (block < end && flash_block_is_bad(f, block))
			block++;
		sector = (uint64_t)block * f->ppb;
		if (!strcasecmp(p->name, "MIBIB"))
			r = table_write_mibib(f, m);
		else if (!strcasecmp(p->name, "EFS2") || !strcasecmp(p->name, "sys_rev"))
			r = 0; /* the file system and the module's own copy of it come last */
		else if (!strcasecmp(p->name, "rawdata"))
			r = fill_rawdata(f, m, sector);
		else
			r = fill_some(f, 0, p->name, sector, 5, true);
		if (r)
			return -1;
	}
	return fs_flash_factory(f, m);
}

int content_fill(struct emu_flash *f, const struct emu_model *m)
{
	unsigned i;

	if (f->type == EMU_NAND)
		return fill_nand(f, m);
	for (i = 0; i < f->n_luns; i++)
		if (table_write_gpt(f, m, i))
			return -1;
	for (i = 0; i < m->n_parts; i++)
		if (strncasecmp(m->part[i].name, "modemst", 7) && strcasecmp(m->part[i].name, "fsg") &&
		    fill_some(f, m->part[i].lun, m->part[i].name, m->part[i].start,
			      (unsigned)MIN_OF(m->part[i].length, 40), true))
			return -1;
	return fs_flash_factory(f, m);
}

static bool sbl_starts(const struct emu_flash *f)
{
	uint32_t block = 0;
	uint8_t b[8];

	while (flash_block_is_bad(f, block))
		block++;
	if (!flash_page_is_programmed(f, (uint64_t)block * f->ppb) ||
	    flash_read(f, 0, (uint64_t)block * f->ppb, b, sizeof(b)) != FLASH_OK)
		return false;
	/* The boot ROM wants the NAND preamble or an ELF. */
	return get_le32(b) == SBL_WORD1 || !memcmp(b, "\177ELF", 4);
}

static bool all_zero(const struct emu_flash *f, const char *name)
{
	uint64_t start, len;
	uint8_t b[512];
	uint32_t lun;

	if (!emu_table_find(f, name, &lun, &start, &len) ||
	    flash_read(f, lun, start, b, sizeof(b)) != FLASH_OK)
		return true;
	return slice_all(SLICE(b, sizeof(b)), 0);
}

enum emu_boot content_boot_outcome(const struct emu_flash *f)
{
	uint64_t start, len;
	uint32_t lun;

	if (f->type == EMU_EMMC) {
		if (!emu_table_find(f, "sbl1", &lun, &start, &len) || all_zero(f, "sbl1"))
			return BOOT_EDL;
		return BOOT_NORMAL;
	}
	/* edl-transport.md section 2: an empty SBL means the boot ROM's emergency mode; without a
	 * table the SBL finds nothing to load and falls back to the same. */
	if (!sbl_starts(f) || !emu_table_find(f, "SBL", &lun, &start, &len))
		return BOOT_EDL;
	/* Whether it finds its data is the firmware's own business: modem.c. */
	return BOOT_NORMAL;
}
