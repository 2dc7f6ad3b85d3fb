/* partition_nand.xml of firmware packages: the source form of a NAND partition table. */
#ifndef SALVOR_IMAGE_NAND_SOURCE_H
#define SALVOR_IMAGE_NAND_SOURCE_H

#include "base/bytes.h"
#include "base/err.h"

#define NAND_SOURCE_TEXT_MAX (1024u * 1024)

/* Sizes in blocks or KiB, as written. */
struct nand_source_part {
	char name[17];
	bool in_kib;
	bool grows; /* size 0xFFFFFFFF: up to the end of the chip */
	uint32_t size, pad;
	uint8_t attr[4];
	unsigned n_attr;
	uint32_t which_flash;
	char *img_name; /* "" when there is none; never NULL */
	unsigned line;
};
struct nand_source {
	struct nand_source_part *part; /* malloced */
	size_t n;
};
/* ERR_PROTO for text that is no such file. */
int nand_source_parse(struct slice text, struct nand_source *ret, struct err *e) _must_check_;
void nand_source_fini(struct nand_source *s);

#endif
