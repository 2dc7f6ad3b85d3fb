#include "tests/emu/programmer.h"

#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* sahara.md section 8.1, header facts of real programmers: hash segment at 0x1000, first load segment
 * at 0x3000, entry in on-chip RAM. */
#define HASH_OFF  0x1000
#define HASH_SIZE 0x1988
#define LOAD_OFF  0x3000
#define ENTRY     0x08006050

struct phdr {
	uint64_t off, size, addr;
	uint32_t type, flags;
};

static void put_phdr(struct writer *w, bool elf64, const struct phdr *p)
{
	wr_le32(w, p->type);
	if (elf64) {
		wr_le32(w, p->flags);
		wr_le64(w, p->off);
		wr_le64(w, p->addr);
		wr_le64(w, p->addr);
		wr_le64(w, p->size);
		wr_le64(w, p->size);
		wr_le64(w, 0x1000);
	} else {
		wr_le32(w, (uint32_t)p->off);
		wr_le32(w, (uint32_t)p->addr);
		wr_le32(w, (uint32_t)p->addr);
		wr_le32(w, (uint32_t)p->size);
		wr_le32(w, (uint32_t)p->size);
		wr_le32(w, p->flags);
		wr_le32(w, 0x1000);
	}
}

static void put_ehdr(struct writer *w, bool elf64, unsigned n)
{
	wr_bytes(w, elf64 ? "\177ELF\2\1\1" : "\177ELF\1\1\1", 7);
	wr_fill(w, 0, 9);
	wr_le16(w, 2);                  /* executable */
	wr_le16(w, elf64 ? 183 : 40);   /* AArch64, ARM */
	wr_le32(w, 1);
	if (elf64) {
		wr_le64(w, ENTRY);
		wr_le64(w, 0x40);
		wr_le64(w, 0);
	} else {
		wr_le32(w, ENTRY);
		wr_le32(w, 0x34);
		wr_le32(w, 0);
	}
	wr_le32(w, 5);
	wr_le16(w, elf64 ? 0x40 : 0x34);
	wr_le16(w, elf64 ? 0x38 : 0x20);
	wr_le16(w, (uint16_t)n);
	wr_fill(w, 0, 6);
}

static void texts(const struct programmer_spec *spec, uint8_t *p, size_t n)
{
	struct writer w = writer_of(p, n);

	wr_str(&w, "SALVOR-EMU synthetic programmer, holds no code\n");
	if (spec->chip) {
		wr_str(&w, "SALVOR-EMU-CHIP=");
		wr_str(&w, spec->chip);
		wr_str(&w, ";\n");
	}
	if (spec->signed_ok)
		wr_str(&w, "SALVOR-EMU-SIGNED\n");
	if (spec->family == 'N') {
		wr_str(&w, "QCOM fast download protocol host\nQCOM fast download protocol targ\n");
		return;
	}
	if (spec->family == 'A')
		wr_str(&w, "9x07\nTargetName\nSupported Functions: program configure power benchmark "
			   "read getstorageinfo erase nop \n");
	else
		wr_str(&w, "DEVPRG\nSupported Functions (%d):\nEnd of supported functions %d\n");
	wr_str(&w, "<response value=\"%s\" rawmode=\"%s\" />\nPAGES_PER_BLOCK\n");
}

int programmer_make(const struct programmer_spec *spec, uint8_t **ret, size_t *ret_n)
{
	unsigned loads = spec->n_loads ? MIN_OF(spec->n_loads, 8u) : 1, i;
	size_t size = spec->load_size ? spec->load_size : 0x1d3b0, k;
	size_t total = LOAD_OFF + loads * size;
	uint8_t *b = malloc(total);
	struct writer w, h;

	if (!b)
		return -1;
	memset(b, 0, total);
	for (k = LOAD_OFF; k < total; k++) /* something that is not constant */
		b[k] = (uint8_t)(k * 2654435761u >> 13);
	texts(spec, b + LOAD_OFF, MIN_OF(size, (size_t)1024));

	w = writer_of(b, HASH_OFF);
	put_ehdr(&w, spec->elf64, loads + 2);
	put_phdr(&w, spec->elf64,
		 &(struct phdr){ 0, (spec->elf64 ? 0x40u + 0x38u * (loads + 2) :
						   0x34u + 0x20u * (loads + 2)),
				 0, 0, 7u << 24 });
	put_phdr(&w, spec->elf64, &(struct phdr){ HASH_OFF, HASH_SIZE, 0x08000000, 0, 2u << 24 });
	for (i = 0; i < loads; i++)
		put_phdr(&w, spec->elf64,
			 &(struct phdr){ LOAD_OFF + i * size, size, 0x08005800 + 0x40000u * i, 1,
					 0x80000007 });

	/* MBN header of the hash segment, then a digest per segment. */
	h = writer_of(b + HASH_OFF, HASH_SIZE);
	wr_le32(&h, 0);
	wr_le32(&h, 3);
	wr_le32(&h, 0);
	wr_le32(&h, 0x08000028);
	wr_le32(&h, 32 * (loads + 2));
	wr_le32(&h, 32 * (loads + 2));
	wr_le32(&h, 0x08000028 + 32 * (loads + 2));
	wr_le32(&h, 0);
	wr_le32(&h, 0x08000028 + 32 * (loads + 2));
	wr_le32(&h, 0);
	for (i = 0; i < loads + 2; i++) {
		uint8_t out[DIGEST_MAX] = { 0 };
		struct digest d;

		digest_init(&d, DIGEST_SHA256);
		if (i == 0)
			digest_update(&d, b, w.n);
		else if (i > 1)
			digest_update(&d, b + LOAD_OFF + (i - 2) * size, size);
		if (i != 1)
			digest_final(&d, out);
		wr_bytes(&h, out, 32);
	}
	*ret = b;
	*ret_n = total;
	return 0;
}
