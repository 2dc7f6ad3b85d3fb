/*
 * Whose backup it is: what identity, calibration and provenance it holds, where exactly the IMEI
 * stands, and putting another one there. What may be put where is not decided here.
 */
#ifndef SALVOR_IMAGE_NVSET_IDENTITY_H
#define SALVOR_IMAGE_NVSET_IDENTITY_H

#include "image/nvset.h"
#include "model/nv_imei.h"

/* One place that holds an IMEI, or would if it were set. */
struct nvset_imei {
	const char *path;   /* of an item file, borrowed; NULL for a record of an array */
	enum nvset_sub sub; /* a record's array and index; a file's subscription */
	uint16_t index;
	enum nv_imei state;
	char digits[16]; /* for NV_IMEI_DIGITS */
	bool check_ok;   /* the check digit is right; without it the state counts as malformed */
};

struct nvset_identity {
	struct nvset_imei *imei; /* malloced, in the order of the file, arrays first */
	size_t n_imei;
	bool has_esn;
	uint32_t esn;                   /* of Mobile_Property_Info; NVSET_NO_ESN on modules */
	char nv_esn[9];                 /* item 0, hex; these are "" when absent or unset */
	char meid[17];                  /* item 1943, hex */
	char serial[NVSET_DATA + 1];    /* item 2824, if it is text */
	char bluetooth[18], wlan[18];   /* items 447 and 4678, "02:00:00:AA:BB:CC" */
	char model[QTREE_MAX_NAME + 1]; /* name of the model's storage */
	char software[128],
		producer[128];   /* texts of Mobile_Property_Info, what is unprintable as '?' */
	size_t n_nv[NVSET_SUBS]; /* sound records */
	size_t n_files[NVSET_SECTIONS]; /* sound files */
	size_t rf_files, rf_bytes;      /* radio calibration files, each path once; no empty ones */
	size_t rf_items;                /* numbered items known to be radio calibration */
};

/* Fills *ret. Missing and malformed parts are left empty; only memory can fail. */
int nvset_identity(const struct qtree *t, struct nvset_identity *ret, struct err *e) _must_check_;
void nvset_identity_fini(struct nvset_identity *id);

/* Puts nine coded bytes (nv_imei_encode()) at the front of item 550 with that index, in each of its
 * records where the array has several; nothing else changes. ERR_MISMATCH when there is none. */
int nvset_imei_replace(struct qtree *t, enum nvset_sub sub, uint16_t index,
		       const uint8_t coded[NV_IMEI_LEN], struct err *e) _must_check_;
/* The same within the bytes of a file, XQCN or QCN: all others stay as they are. */
int nvset_imei_poke(uint8_t *file, size_t size, enum nvset_sub sub, uint16_t index,
		    const uint8_t coded[NV_IMEI_LEN], struct err *e) _must_check_;

/* How a number can be written down. */
enum nvset_coding {
	NVSET_AS_ITEM,        /* as item 550: 08, then A and the digits in swapped nibbles */
	NVSET_AS_BCD,         /* two digits a byte, first one high; at any half byte */
	NVSET_AS_BCD_SWAPPED, /* first one low */
	NVSET_AS_ASCII,
	NVSET_AS_UTF16, /* either byte order */
};
const char *nvset_coding_name(enum nvset_coding coding);

struct nvset_trace {
	const struct qnode *node; /* NULL when raw bytes were searched */
	bool in_name;             /* in the node's name, a file name often */
	size_t at; /* offset of the byte with its first digit; of the 08 of an item */
	enum nvset_coding coding;
};
/* At most this many are listed; more does not make a file less foreign. */
#define NVSET_MAX_TRACES 256
struct nvset_traces {
	struct nvset_trace *v; /* malloced */
	size_t n, cap;
};
/* Where the first 14 digits of a number stand, whatever follows: the 15th is computed from them,
 * and an IMEISV has others in its place. Looks into all streams and names. ERR_USAGE unless digits
 * are 15 and not all the same (padding is full of those). */
int nvset_find_number(const struct qtree *t, const char *digits, struct nvset_traces *ret,
		      struct err *e) _must_check_;
/* The same in any bytes: a whole QCN may keep an old number in sectors that no stream owns. */
int nvset_find_number_raw(struct slice bytes, const char *digits, struct nvset_traces *ret,
			  struct err *e) _must_check_;
void nvset_traces_fini(struct nvset_traces *traces);

#endif
