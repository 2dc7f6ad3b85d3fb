/* Numbers of compound files (MS-CFB) that reader and writer of QCN share. */
#ifndef SALVOR_IMAGE_CFB_H
#define SALVOR_IMAGE_CFB_H

#include "base/bytes.h"
#include "base/err.h"

#define CFB_SIGNATURE "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"

#define CFB_MAX_SECTOR 0xFFFFFFFAu
#define CFB_DIFAT      0xFFFFFFFCu
#define CFB_FAT        0xFFFFFFFDu
#define CFB_END        0xFFFFFFFEu
#define CFB_FREE       0xFFFFFFFFu
#define CFB_NO_ENTRY   0xFFFFFFFFu

#define CFB_HEADER      512
#define CFB_HEADER_FATS 109
#define CFB_ENTRY       128
#define CFB_MINI        64
#define CFB_MINI_CUTOFF 4096
#define CFB_NAME_UNITS  31

enum cfb_type { CFB_UNUSED = 0, CFB_STORAGE = 1, CFB_STREAM = 2, CFB_ROOT = 5 };
enum cfb_colour { CFB_RED = 0, CFB_BLACK = 1 };

struct cfb_name {
	unsigned n; /* UTF-16 units without the NUL */
	uint16_t u[CFB_NAME_UNITS + 1];
};

/* ERR_UNSUPPORTED for a name that a compound file cannot hold: over 31 units, or one of / \ : ! in
 * it. */
int cfb_name_from(const char *utf8, struct cfb_name *ret, struct err *e) _must_check_;
/* UTF-8 of the name, terminated; out holds 3 * CFB_NAME_UNITS + 1. ERR_PROTO for half a pair. */
int cfb_name_text(const struct cfb_name *name, char *out, struct err *e) _must_check_;
/* The order of siblings: by length, then by upper-cased units. */
int cfb_name_cmp(const struct cfb_name *a, const struct cfb_name *b);

#endif
