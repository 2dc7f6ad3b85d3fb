/* What a programmer file is, judged by its content, never by its name. */
#ifndef SALVOR_IMAGE_MBN_H
#define SALVOR_IMAGE_MBN_H

#include "base/bytes.h"
#include "base/err.h"

enum mbn_kind {
	MBN_UNKNOWN,         /* none of the below */
	MBN_FIREHOSE,        /* a programmer that speaks Firehose */
	MBN_STREAMING_NPRG,  /* streaming download, linked to DDR: for image id 7 */
	MBN_STREAMING_ENPRG, /* streaming download, linked to on-chip RAM: for image id 13 */
	MBN_SBL,             /* NAND boot image with the 0x844BDCD1 preamble */
	MBN_ELF_OTHER,       /* an ELF that is no programmer */
};

struct mbn_info {
	enum mbn_kind kind;
	bool is_elf;
	bool is_elf64;
	bool is_truncated; /* a segment reaches past the end of the file: the upload would fail */
	bool is_signed;    /* a hash segment with certificates */
	bool has_hwid;     /* signed for one chip: from the certificate's OU fields */
	uint64_t hwid;     /* MSM_ID << 32 | OEM_ID << 16 | MODEL_ID */
	int family;        /* Firehose: 'A', 'B' or 0 when the text does not tell */
	char target[16];   /* chip names found in the text ("9x07"), may be empty */
	uint64_t entry;
};

/* The scanner is fed the file from front to back in pieces of any size; no file is held in memory.
 */
struct mbn_scan;
int mbn_scan_new(struct mbn_scan **ret, struct err *e) _must_check_;
void mbn_scan_feed(struct mbn_scan *s, struct slice piece);
void mbn_scan_end(struct mbn_scan *s, struct mbn_info *ret);
void mbn_scan_free(struct mbn_scan *s);
/* "Firehose programmer", "NPRG streaming programmer (not Firehose)", ... */
const char *mbn_kind_text(enum mbn_kind kind);

#endif
