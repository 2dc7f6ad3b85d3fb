/* The rest of the emulated programmer's storage commands: information, digests, patches, and the
 * project check that Quectel hides in an erase tag (firehose.md sections 9, 10.2, 10.5, 10.6). */
#include "tests/emu/firehose_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fh_storage_info(struct firehose_dev *f, const struct fh_tag *t)
{
	const struct emu_model *mo = &f->m->model;
	const struct emu_flash *fl = &f->m->flash;
	const char *lun_text = fh_attr(t, "physical_partition_number");
	uint32_t lun = lun_text ? (uint32_t)strtoul(lun_text, NULL, 0) : 0, i, bad = 0;
	bool nand = fl->type == EMU_NAND;

	if (!fh_open_storage(f, "getstorageinfo"))
		return;
	if (lun >= fl->n_luns) {
		fh_log(f, "ERROR", "Failed to open device, type:%s, slot:0, lun:%u error:4", f->memory,
		       lun);
		fh_fail(f, 17, "HANDLE_STORAGE_INFO_FAILURE");
		return;
	}
	if (!f->b) {
		fh_log(f, "", "[FLASH_INFO]");
		fh_log(f, "", ";This section provides flash info");
		fh_log(f, "", "FLASH_NAME=%s", mo->flash.chip_name);
		fh_log(f, "", "SECTOR_SIZE_IN_BYTES = %u", fl->page);
		fh_log(f, "", "NUM_PARTITION_SECTORS = %u", fl->blocks * fl->ppb);
		fh_log(f, "", "num_physical_partitions = 1");
		fh_log(f, "", "TOTAL_SECTOR_SIZE_IN_BYTES= %llu",
		       (unsigned long long)fl->blocks * fl->ppb * fl->page);
		fh_log(f, "", "PAGES_IN_BLOCK = %u", fl->ppb);
		fh_log(f, "", "[BAD_BLOCK_LIST]");
		fh_log(f, "", ";This section provides bad block list");
		for (i = 0; i < fl->blocks; i++)
			if (flash_block_is_bad(fl, i)) {
				fh_log(f, "", "BAD_BLOCK=%u", i);
				bad++;
			}
		fh_log(f, "", "TOTAL_BAD_BLOCK=%u", bad);
		fh_log(f, "", "{\"storage_info\": {\"total_blocks\":%u, \"block_size\":%u, "
			      "\"page_size\":%u, \"mem_type\":\"NAND\", \"prod_name\":\"%s\"}}",
		       fl->blocks, fl->ppb * fl->page, fl->page, mo->flash.chip_name);
		fh_response(f, true, 0, NULL);
		return;
	}
	fh_log(f, "INFO", "Device Total Logical Blocks: 0x%llx",
	       (unsigned long long)(nand ? fl->blocks : fl->sectors[lun]));
	fh_log(f, "INFO", "Device Block Size in Bytes: 0x%x", nand ? fl->ppb * fl->page : fl->page);
	fh_log(f, "INFO", "Device Total Physical Partitions: 0x%x", fl->n_luns);
	fh_log(f, "INFO", "Device Manufacturer ID: 0x%x", mo->flash.manufacturer);
	fh_log(f, "INFO", "Device Serial Number: 0x0");
	fh_log(f, "INFO", "{\"storage_info\": {\"total_blocks\":%llu, \"block_size\":%u, "
			  "\"page_size\":%u, \"num_physical\":%u, \"manufacturer_id\":%u, "
			  "\"serial_num\":0, \"fw_version\":\"\",\"mem_type\":\"%s\",\"prod_name\":\"%s\"}}",
	       (unsigned long long)(nand ? fl->blocks : fl->sectors[lun]),
	       nand ? fl->ppb * fl->page : fl->page, fl->page, fl->n_luns, mo->flash.manufacturer,
	       nand ? "NAND" : "eMMC", mo->flash.chip_name);
	fh_response(f, true, 0, NULL);
}

void fh_digest(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	char hex[DIGEST_HEX_MAX];
	struct fh_range r;
	struct digest d;
	uint64_t i;

	if (!fh_open_storage(f, "getsha256digest") || !fh_range_get(f, t, "read", &r))
		return;
	if (!r.n || r.start >= flash_total_sectors(fl, r.lun) ||
	    r.n > flash_total_sectors(fl, r.lun) - r.start) {
		fh_log(f, "ERROR", "Trying to read beyond total sectors");
		fh_fail(f, 19, "HANDLE_GET_DIGEST_FAILURE");
		return;
	}
	digest_init(&d, DIGEST_SHA256);
	for (i = 0; i < r.n; i++) {
		if (flash_read(fl, r.lun, r.start + i, f->page, fl->page) != FLASH_OK)
			memset(f->page, fl->filler, fl->page);
		digest_update(&d, f->page, fl->page);
	}
	digest_final_hex(&d, hex);
	fh_log(f, "INFO", "Digest %s", hex);
	fh_response(f, true, 0, NULL);
}

/* ---- patch ---------------------------------------------------------------------------------- */

/* "CRC32(start,bytes)": start may be an expression (section 12.2). */
static bool patch_crc(struct firehose_dev *f, uint32_t lun, const char *text, uint64_t *ret)
{
	struct emu_flash *fl = &f->m->flash;
	char start_text[64];
	unsigned long long bytes;
	uint64_t start, n;
	uint32_t crc = 0;

	if (sscanf(text, "CRC32(%63[^,],%llu)", start_text, &bytes) != 2 ||
	    !fh_number(f, lun, start_text, &start) || bytes > (64u << 20))
		return false;
	for (n = bytes; n; start++) {
		size_t part = (size_t)MIN_OF(n, (uint64_t)fl->page);

		if (flash_read(fl, lun, start, f->page, fl->page) != FLASH_OK)
			return false;
		crc = table_gpt_crc(crc, f->page, part);
		n -= part;
	}
	*ret = crc;
	return true;
}

void fh_patch(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	const char *file = fh_attr(t, "filename"), *value = fh_attr(t, "value");
	const char *off_text = fh_attr(t, "byte_offset"), *size_text = fh_attr(t, "size_in_bytes");
	const char *start_text = fh_attr(t, "start_sector");
	const char *lun_text = fh_attr(t, "physical_partition_number");
	uint32_t lun = lun_text ? (uint32_t)strtoul(lun_text, NULL, 0) : 0;
	uint64_t start, off, size, v, i;

	f->m->count.patch_cmds++;
	if (!fh_open_storage(f, "patch"))
		return;
	if (fl->type == EMU_NAND || (file && strcmp(file, "DISK") != 0) || !value || !off_text ||
	    !size_text || !start_text || lun >= fl->n_luns || !fh_number(f, lun, start_text, &start) ||
	    !fh_number(f, lun, off_text, &off) || !fh_number(f, lun, size_text, &size) ||
	    (size != 4 && size != 8) ||
	    !(strncmp(value, "CRC32", 5) ? fh_number(f, lun, value, &v) :
					   patch_crc(f, lun, value, &v))) {
		fh_log(f, "ERROR", "Failed to apply the patch");
		fh_fail(f, 15, "HANDLE_PATCH_FAILURE");
		return;
	}
	start += off / fl->page; /* the offset may exceed the sector */
	off %= fl->page;
	if (off + size > fl->page || flash_read(fl, lun, start, f->page, fl->page) != FLASH_OK) {
		fh_log(f, "ERROR", "Failed to apply the patch");
		fh_fail(f, 15, "HANDLE_PATCH_FAILURE");
		return;
	}
	for (i = 0; i < size; i++)
		f->page[off + i] = (uint8_t)(v >> (8 * i));
	if (!quirk_hit(&f->m->quirks, "lie", "patch"))
		flash_program(fl, lun, start, f->page);
	fh_response(f, true, 0, NULL);
}

/* ---- vendor project check ------------------------------------------------------------------- */

/* The part behind the last underscore is a board letter and does not count. */
static size_t project_len(const char *name)
{
	const char *cut = strrchr(name, '_');

	return cut ? (size_t)(cut - name) : strlen(name);
}

void fh_harden(struct firehose_dev *f, const struct fh_tag *t)
{
	struct emu_flash *fl = &f->m->flash;
	const char *name = fh_attr(t, "c_project_name"), *type = fh_attr(t, "d_project_type");
	char have[64] = "", have_type[32] = "";
	uint64_t start, len;
	uint32_t lun, i;
	bool ok = false;

	if (!fh_open_storage(f, "erase"))
		return;
	if (!name || !type) {
		fh_log(f, "ERROR", "[harden] attributes are missing");
		fh_fail(f, 0, "");
		return;
	}
	fh_log(f, "INFO", "[harden] project name = %s", name);
	if (fl->type == EMU_NAND && emu_table_find(fl, "rawdata", &lun, &start, &len)) {
		fh_log(f, "INFO", "[harden]name=rawdata, start_blk=%u, num_blk=%u",
		       (unsigned)(start / fl->ppb), (unsigned)(len / fl->ppb));
		while (len && flash_block_is_bad(fl, (uint32_t)(start / fl->ppb))) {
			start += fl->ppb;
			len -= fl->ppb;
		}
		for (i = 1; i < fl->ppb; i++)
			if (!flash_page_is_programmed(fl, start + i))
				fh_log(f, "WARN", "[976] ignoring erased page read.");
		if (len && flash_read(fl, 0, start, f->page, fl->page) == FLASH_OK) {
			fh_log(f, "INFO", "[harden] storageDeviceRead success. start_sector=%u",
			       (unsigned)start);
			fh_log(f, "INFO", "[harden]magic1=0x%08x, magic2=0x%08x.", get_le32(f->page),
			       get_le32(f->page + 4));
			ok = get_le32(f->page) == 0x20190424 && get_le32(f->page + 4) == 0x20190425;
		}
	}
	if (ok) {
		snprintf(have, sizeof(have), "%.63s", (char *)f->page + 28);
		snprintf(have_type, sizeof(have_type), "%.31s", (char *)f->page + 92);
		fh_log(f, "INFO", "[harden]rawdata_version=%.15s.", (char *)f->page + 8);
		fh_log(f, "INFO", "[harden]project_name=%u,%s.", (unsigned)strlen(have), have);
		fh_log(f, "INFO", "[harden]project_type module=%s.", have_type);
		fh_log(f, "INFO", "[harden]modify project_name=%u,%.*s.", (unsigned)project_len(have),
		       (int)project_len(have), have);
		fh_log(f, "INFO", "[harden]modify project_name firmware =%u,%.*s.",
		       (unsigned)project_len(name), (int)project_len(name), name);
		ok = project_len(have) == project_len(name) &&
		     !strncmp(have, name, project_len(name)) && !strcmp(have_type, type);
	}
	fh_log(f, "INFO", "[harden] project name or type = %.*s %s!", (int)project_len(name), name,
	       ok ? "ok" : "error");
	if (!ok)
		f->m->count.refused_cmds++;
	fh_response(f, ok, 0, NULL);
}
