/*
 * The storage of the emulated module. NAND keeps the rules that matter to a flash tool
 * (firehose.md section 11): erase by block, program only pages that were erased, upwards inside a
 * block. Data lives in a sparse file; a second, memory-mapped file says which pages are programmed
 * and which blocks are bad. Both are written as the emulated chip changes, so a killed emulator
 * leaves what a module leaves that lost its power.
 */
#include "tests/emu/emu_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAP_HEAD 64
static const char map_magic[8] = "EMUNAND1";

static int data_open(struct emu_flash *f, unsigned lun, const char *dir, char *why, size_t why_n)
{
	uint64_t size = flash_total_sectors(f, lun) * f->page;
	char path[4096];

	snprintf(path, sizeof(path), "%s/lun%u.img", dir, lun);
	f->fd[lun] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->fd[lun] < 0 || ftruncate(f->fd[lun], (off_t)size)) {
		snprintf(why, why_n, "cannot open '%s': %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

/* Until the first content is complete the map has another name, so an interrupted first start
 * begins again. */
static int map_open(struct emu_flash *f, const char *dir, bool *ret_fresh, char *why, size_t why_n)
{
	char path[4096];
	uint8_t head[MAP_HEAD] = { 0 };
	int fd;

	memcpy(head, map_magic, sizeof(map_magic));
	put_le32(head + 8, f->page);
	put_le32(head + 12, f->ppb);
	put_le32(head + 16, f->blocks);
	put_le32(head + 20, f->type);
	f->map_len = MAP_HEAD + f->blocks + ((size_t)f->blocks * f->ppb + 7) / 8;
	snprintf(path, sizeof(path), "%s/flash.map", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	*ret_fresh = fd < 0;
	if (fd < 0) {
		snprintf(path, sizeof(path), "%s/flash.map.new", dir);
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	if (fd < 0 || (*ret_fresh && (ftruncate(fd, (off_t)f->map_len) ||
				      pwrite(fd, head, MAP_HEAD, 0) != MAP_HEAD))) {
		snprintf(why, why_n, "cannot open '%s': %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (lseek(fd, 0, SEEK_END) != (off_t)f->map_len) {
		snprintf(why, why_n, "'%s' belongs to a flash of another size", path);
		close(fd);
		return -1;
	}
	f->map = mmap(NULL, f->map_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (f->map == MAP_FAILED) {
		f->map = NULL;
		snprintf(why, why_n, "cannot map '%s': %s", path, strerror(errno));
		return -1;
	}
	if (memcmp(f->map, head, MAP_HEAD) != 0) {
		snprintf(why, why_n, "'%s' belongs to another model", path);
		return -1;
	}
	f->block_state = f->map + MAP_HEAD;
	f->programmed = f->block_state + f->blocks;
	return 0;
}

int flash_open(struct emu_flash *f, const struct emu_model *m, const char *dir, bool *ret_fresh,
	       char *why, size_t why_n)
{
	unsigned i;

	f->type = m->flash.type;
	f->page = m->flash.page;
	f->filler = m->flash.filler;
	if (f->type == EMU_NAND) {
		f->ppb = m->flash.pages_per_block;
		f->blocks = m->flash.blocks;
		f->n_luns = 1;
	} else {
		f->n_luns = m->flash.n_luns;
		memcpy(f->sectors, m->flash.sectors, sizeof(f->sectors));
	}
	for (i = 0; i < f->n_luns; i++)
		if (data_open(f, i, dir, why, why_n))
			return -1;
	if (map_open(f, dir, ret_fresh, why, why_n))
		return -1;
	if (*ret_fresh)
		for (i = 0; i < f->n_luns; i++)
			if (ftruncate(f->fd[i], 0) ||
			    ftruncate(f->fd[i], (off_t)(flash_total_sectors(f, i) * f->page))) {
				snprintf(why, why_n, "cannot size the flash in '%s'", dir);
				return -1;
			}
	for (i = 0; *ret_fresh && f->type == EMU_NAND && i < m->flash.n_bad; i++)
		if (m->flash.bad[i] < f->blocks)
			f->block_state[m->flash.bad[i]] = 1;
	return 0;
}

int flash_seal(struct emu_flash *f, const char *dir)
{
	char from[4096], to[4096];

	(void)f;
	snprintf(from, sizeof(from), "%s/flash.map.new", dir);
	snprintf(to, sizeof(to), "%s/flash.map", dir);
	return rename(from, to);
}

void flash_close(struct emu_flash *f)
{
	unsigned i;

	if (f->map)
		munmap(f->map, f->map_len);
	f->map = NULL;
	for (i = 0; i < EMU_MAX_LUNS; i++) {
		if (f->fd[i] >= 0)
			close(f->fd[i]);
		f->fd[i] = -1;
	}
}

uint64_t flash_total_sectors(const struct emu_flash *f, uint32_t lun)
{
	if (lun >= f->n_luns)
		return 0;
	return f->type == EMU_NAND ? (uint64_t)f->blocks * f->ppb : f->sectors[lun];
}

bool flash_block_is_bad(const struct emu_flash *f, uint32_t block)
{
	return f->type == EMU_NAND && block < f->blocks && f->block_state[block] != 0;
}

void flash_block_mark_bad(struct emu_flash *f, uint32_t block)
{
	if (f->type == EMU_NAND && block < f->blocks)
		f->block_state[block] = 2;
}

bool flash_page_is_programmed(const struct emu_flash *f, uint64_t page)
{
	return f->type != EMU_NAND || (f->programmed[page / 8] >> (page % 8) & 1) != 0;
}

static void punch(const struct emu_flash *f, unsigned lun, uint64_t off, uint64_t n)
{
	static const uint8_t zero[4096];

	if (!fallocate(f->fd[lun], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)n))
		return;
	while (n) { /* a file system without holes */
		ssize_t w = pwrite(f->fd[lun], zero, MIN_OF(n, sizeof(zero)), (off_t)off);

		if (w <= 0)
			return;
		off += (uint64_t)w;
		n -= (uint64_t)w;
	}
}

enum flash_result flash_erase_block(struct emu_flash *f, uint32_t block)
{
	uint64_t page = (uint64_t)block * f->ppb, i;

	if (block >= f->blocks)
		return FLASH_RANGE;
	if (f->block_state[block])
		return FLASH_BAD_BLOCK;
	for (i = page; i < page + f->ppb; i++)
		f->programmed[i / 8] &= (uint8_t)~(1u << (i % 8));
	punch(f, 0, page * f->page, (uint64_t)f->ppb * f->page);
	f->count->blocks_erased++;
	return FLASH_OK;
}

enum flash_result flash_program(struct emu_flash *f, uint32_t lun, uint64_t sector, const uint8_t *p)
{
	uint64_t i, end;

	if (lun >= f->n_luns || sector >= flash_total_sectors(f, lun))
		return FLASH_RANGE;
	if (f->type == EMU_NAND) {
		if (f->block_state[sector / f->ppb])
			return FLASH_BAD_BLOCK;
		end = (sector / f->ppb + 1) * f->ppb;
		for (i = sector; i < end; i++)
			if (flash_page_is_programmed(f, i))
				return FLASH_DIRTY;
	}
	if (pwrite(f->fd[lun], p, f->page, (off_t)(sector * f->page)) != (ssize_t)f->page)
		return FLASH_IO;
	if (f->type == EMU_NAND) {
		f->programmed[sector / 8] |= (uint8_t)(1u << (sector % 8));
		f->count->pages_programmed++;
		if (slice_all(SLICE(p, f->page), 0xff))
			f->count->pages_programmed_all_ff++;
	}
	return FLASH_OK;
}

enum flash_result flash_read(const struct emu_flash *f, uint32_t lun, uint64_t sector, uint8_t *p,
			     size_t n)
{
	uint64_t total = flash_total_sectors(f, lun);

	while (n) {
		size_t part = MIN_OF(n, (size_t)f->page);

		if (sector >= total)
			return FLASH_RANGE;
		if (!flash_page_is_programmed(f, sector))
			memset(p, f->filler, part);
		else if (pread(f->fd[lun], p, part, (off_t)(sector * f->page)) != (ssize_t)part)
			return FLASH_IO;
		p += part;
		n -= part;
		sector++;
	}
	return FLASH_OK;
}

enum flash_result flash_zero(struct emu_flash *f, uint32_t lun, uint64_t sector, uint64_t n)
{
	uint64_t total = flash_total_sectors(f, lun);

	if (sector > total || n > total - sector)
		return FLASH_RANGE;
	if (n)
		punch(f, lun, sector * f->page, n * f->page);
	return FLASH_OK;
}
