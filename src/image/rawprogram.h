/*
 * The XML files of firmware packages: rawprogram (what to program and erase where) and patch (what
 * to change afterwards). A reader only: it accepts what packages in the field hold, with the
 * defaults below, and says what it found odd.
 *
 *   physical_partition_number missing     0
 *   SECTOR_SIZE_IN_BYTES missing          sector_size 0: the storage's own
 *   PAGES_PER_BLOCK missing               pages_per_block 0: the storage's own
 *   num_partition_sectors missing or 0    has_count false: program: as the file needs; erase: see
 *                                         RAWPROGRAM_ERASE_ALL
 *   filename missing or empty             program: nothing is written; patch: nothing is patched
 *   comments, other elements, root name   passed over (other elements with a finding)
 *
 * A number that is none, and a start_sector that is missing, fail the file: nothing may be flashed
 * by a file that was half understood.
 */
#ifndef SALVOR_IMAGE_RAWPROGRAM_H
#define SALVOR_IMAGE_RAWPROGRAM_H

#include "base/bytes.h"
#include "base/err.h"

#define RAWPROGRAM_TEXT_MAX     (4u * 1024 * 1024)
#define RAWPROGRAM_MAX_ENTRIES  2048
#define RAWPROGRAM_MAX_FINDINGS 512

/* "123", "0x7b", "NUM_DISK_SECTORS-33.", "NUM_DISK_BLOCKS-1458.": n, or the total minus n. */
struct rawprogram_num {
	enum { RAWPROGRAM_PLAIN, RAWPROGRAM_FROM_SECTORS, RAWPROGRAM_FROM_BLOCKS } base;
	uint64_t n;
};
int rawprogram_num_parse(const char *text, struct rawprogram_num *ret, struct err *e) _must_check_;
/* ERR_MISMATCH when the total is 0 (unknown) where it is needed, or smaller than n. */
int rawprogram_num_resolve(const struct rawprogram_num *num, uint64_t total_sectors,
			   uint32_t sectors_per_block, uint64_t *ret, struct err *e) _must_check_;

enum rawprogram_op {
	RAWPROGRAM_PROGRAM,
	RAWPROGRAM_ERASE,
	RAWPROGRAM_PATCH,
	/* An <erase vendor="..."> is a check, not an erase: the programmer compares the module's
	 * project with the one named. It goes out with all its attributes and in their order, or
	 * not at all: a programmer that misses the attributes it looks for erases everything. */
	RAWPROGRAM_VENDOR,
};

struct rawprogram_entry {
	enum rawprogram_op op;
	unsigned line;
	uint32_t lun;
	uint32_t sector_size, pages_per_block; /* 0 = not given */
	struct rawprogram_num start;
	bool has_count;
	uint64_t count;       /* sectors */
	bool has_last_sector; /* sent to the target only when the file gives it */
	struct rawprogram_num last_sector;
	uint64_t file_sector_offset;
	bool sparse;
	char *filename; /* with '/' for '\'; "" when there is none; never NULL */
	char *label;    /* "" when there is none; never NULL */
	/* RAWPROGRAM_PATCH */
	uint64_t byte_offset;   /* may exceed the sector */
	uint32_t size_in_bytes; /* 1 to 8 */
	bool is_crc;            /* value is CRC32(value, crc_bytes) */
	struct rawprogram_num value;
	uint64_t crc_bytes;
	/* RAWPROGRAM_VENDOR: the element, ready to be sent; else NULL */
	char *vendor_xml;
};

enum rawprogram_level { RAWPROGRAM_NOTE, RAWPROGRAM_WARNING, RAWPROGRAM_ERROR };

enum rawprogram_code {
	RAWPROGRAM_NO_LUN,          /* note: 0 is assumed */
	RAWPROGRAM_NO_SECTOR_SIZE,  /* note: the storage's own is assumed */
	RAWPROGRAM_NO_FILENAME,     /* note: nothing is written */
	RAWPROGRAM_UNKNOWN_ELEMENT, /* warning: passed over */
	RAWPROGRAM_VENDOR_CHECK,    /* note: the package names the module it is for */
	RAWPROGRAM_DUPLICATE_LABEL, /* warning */
	RAWPROGRAM_OVERLAP,         /* error: two programs write the same sectors */
	RAWPROGRAM_LATE_ERASE, /* warning: in file order this would erase what was just written */
	RAWPROGRAM_ERASE_ALL,  /* error: an erase without a length takes the whole storage */
	RAWPROGRAM_UNALIGNED,  /* error: not on erase block borders */
	RAWPROGRAM_MIXED_GEOMETRY, /* error: two sector or block sizes in one file */
	RAWPROGRAM_LAST_SECTOR,    /* error: disagrees with start and count */
	RAWPROGRAM_BAD_PATH,       /* error: absolute, or leaves the package */
	RAWPROGRAM_FACTORY_EFS, /* warning: overwrites identity and calibration with an empty EFS */
	RAWPROGRAM_MORE,        /* warning: so many findings that the rest is not listed */
};

struct rawprogram_finding {
	enum rawprogram_level level;
	enum rawprogram_code code;
	unsigned line;
	char text[160];
};

struct rawprogram {
	struct rawprogram_entry
		*entry; /* malloced, in file order, which is not the order to run them */
	size_t n;
	struct rawprogram_finding *finding; /* malloced, in no order */
	size_t n_findings;
};

/* Program, erase and patch elements, from rawprogram and patch files alike. ERR_PROTO for text that
 * is not such a file. */
int rawprogram_parse(struct slice text, struct rawprogram *ret, struct err *e) _must_check_;
void rawprogram_fini(struct rawprogram *r);
/* "duplicate-label": stable words for JSON. */
const char *rawprogram_code_name(enum rawprogram_code code);

#endif
