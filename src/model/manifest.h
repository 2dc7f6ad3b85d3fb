/*
 * What a snapshot says of itself: manifest.json, its first member. docs: salvor-snapshot(5).
 *
 * Rules of the format, version 1. A reader takes any file whose "salvor_snapshot" is 1, ignores members
 * that it does not know, refuses members that it knows with a type or value that cannot be, and keeps
 * items of a kind that it does not know as ITEM_OTHER: they are verified like all others and restored
 * by nobody. Whatever would make an old reader wrong raises the version, and old readers refuse that.
 *
 * All texts are malloced and owned by the manifest; all numbers have caps, so that no file makes a
 * reader allocate at will.
 */
#ifndef SALVOR_MODEL_MANIFEST_H
#define SALVOR_MODEL_MANIFEST_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/json.h"
#include "model/chip_id.h"
#include "model/geometry.h"
#include "model/imei.h"
#include "model/partition.h"

#define MANIFEST_FORMAT      1
#define MANIFEST_TEXT_MAX    ((size_t)48 << 20)
#define MANIFEST_MAX_ITEMS   65536
#define MANIFEST_MAX_GAPS    65536
#define MANIFEST_MAX_REASONS 256
#define MANIFEST_MAX_ONLY    256
#define MANIFEST_MAX_BLOCKS  65536
#define MANIFEST_MAX_IMEIS   4
#define MANIFEST_ITEM_MAX    ((uint64_t)1 << 40) /* bytes of one item; no module has a TiB */
#define MANIFEST_NAME_MAX    1024                /* of an item, below the snapshot's folder */
#define MANIFEST_TEXT_LINE   512                 /* of a reason */

/* Where things were read. */
enum {
	MANIFEST_AT = 1u << 0,
	MANIFEST_DIAG = 1u << 1,
	MANIFEST_EDL = 1u << 2,
};

enum item_kind {
	ITEM_OTHER,    /* of a newer salvor */
	ITEM_RAW,      /* a partition or extent, read in EDL */
	ITEM_BLOCKMAP, /* of a raw item on NAND */
	ITEM_EFS,      /* a file, item file, folder or link of the modem's file system, over DIAG */
	ITEM_NV,       /* one NV item and index */
	ITEM_AT_TEXT,  /* AT answers and notes, with numbers masked */
	ITEM_XQCN,     /* QPST-compatible file, derived from what was read over DIAG */
};

enum item_state {
	ITEM_COMPLETE,
	ITEM_PARTIAL, /* what is there is good, `reason` says what is not; restored only when named */
};

struct manifest_item {
	char *name; /* unique, "edl/efs2.bin"; see manifest_name_check() */
	enum item_kind kind;
	enum item_state state;
	char *reason;                /* of ITEM_PARTIAL; else NULL */
	uint64_t size;
	char sha256[DIGEST_HEX_MAX]; /* lower-case hex; "" when the item has no bytes */
	struct {
		char *partition;  /* as on the module */
		struct extent at; /* sectors */
		char *map;        /* name of the item that holds the block map, or NULL */
		uint8_t reads;    /* how many reads gave these bytes: 1, or 2 and more that agreed */
	} raw;
	struct {
		uint32_t mode, mtime, flags; /* as the module tells them; mode with the type bits */
		char *target;                /* of a link; else NULL */
	} efs;
	struct {
		uint16_t id, index;
		uint8_t sim; /* 0 = the first */
	} nv;
};

/* Why something that the module has, or was asked for, is not among the items. */
enum gap_how {
	GAP_REFUSED, /* a well-formed "no" */
	GAP_FAILED,  /* it did not come: silence, errors, two reads that differ */
	GAP_SKIPPED, /* not asked for on purpose */
	GAP_ABSENT,  /* asked for, and the module says there is none: nothing is lost */
};

struct manifest_gap {
	char *what; /* "/nv/item_files/x", "nv 550 index 1", "edl/sys_rev", "folder /sec" */
	char *why;
	enum gap_how how;
	bool is_folder; /* a whole folder: nobody knows how much is missing */
};

struct manifest_module {
	char *maker, *model, *revision, *serial; /* NULL = not known */
	struct imei imei[MANIFEST_MAX_IMEIS];
	size_t n_imeis;
	struct chip_id chip;
};

enum verdict {
	VERDICT_UNUSABLE, /* would not bring the module back */
	VERDICT_PARTIAL,
	VERDICT_COMPLETE,
};

struct manifest {
	char *name; /* the snapshot's, which is its folder in the archive */
	char *tool; /* version of the salvor that made it */
	unsigned asked, via; /* MANIFEST_AT and others: what was to be read, and what answered */
	/* When only these were asked for: partitions, items, or folders of items ("diag/nv"). */
	char **only;
	size_t n_only;
	char begun[21], ended[21]; /* wall time, for people */
	/* The same by a clock that nobody sets; of the machine's last start, and only comparable
	 * with each other. When a backup was resumed after a restart, ended_ms may be smaller. */
	uint64_t begun_ms, ended_ms;
	uint32_t resumed; /* how often */

	struct manifest_module module;
	bool has_geometry;
	struct geometry geometry;
	struct table table;
	/* Factory and grown bad blocks, where the programmer tells them: absent is not none. */
	bool has_bad_blocks;
	uint32_t *bad_block;
	size_t n_bad_blocks;
	/* What the module itself lists. */
	bool has_listed_efs, has_listed_nv;
	uint32_t listed_efs, listed_nv;

	enum verdict verdict;
	bool as_asked; /* everything that was asked for came whole */
	char **reason;
	size_t n_reasons;

	struct manifest_gap *gap;
	size_t n_gaps, cap_gaps;
	struct manifest_item *item; /* in the order of the archive */
	size_t n_items, cap_items;
};

void manifest_init(struct manifest *m);
void manifest_fini(struct manifest *m);
void manifest_item_fini(struct manifest_item *it);

/* A name that every tar and sha256sum takes as it stands, and that stays below its folder: components
 * of printable ASCII without a backslash, none of them empty, "." or "..", each at most 255 bytes and
 * together MANIFEST_NAME_MAX; not manifest.json or SHA256SUMS. ERR_PROTO with the reason. */
int manifest_name_check(const char *name, struct err *e) _must_check_;
/* The name of a snapshot: one such component that does not begin with a dot or hyphen. ERR_USAGE. */
int manifest_own_name_check(const char *name, struct err *e) _must_check_;
/* "prefix" + the module's own path, bytes that a name may not have as %xx. ERR_PROTO when the result
 * is no name. *ret is malloced. */
int manifest_name_of_path(const char *prefix, const char *path, char **ret, struct err *e) _must_check_;
/* The reverse: the path behind the prefix. *ret is malloced; ERR_PROTO when `name` is not below it. */
int manifest_path_of_name(const char *prefix, const char *name, char **ret, struct err *e) _must_check_;

/* Copies `it` in. ERR_PROTO for a bad name, or past the caps; duplicates are found by
 * manifest_check(). */
int manifest_add(struct manifest *m, const struct manifest_item *it, struct err *e) _must_check_;
int manifest_add_gap(struct manifest *m, enum gap_how how, bool is_folder, const char *what,
		     const char *why, struct err *e) _must_check_;
int manifest_add_reason(struct manifest *m, const char *text, struct err *e) _must_check_;
void manifest_clear_reasons(struct manifest *m);
int manifest_add_only(struct manifest *m, const char *name, struct err *e) _must_check_;
/* NULL when there is none. */
const struct manifest_item *manifest_find(const struct manifest *m, const char *name);
/* Replaces *place by a copy of text (NULL = nothing). */
int manifest_set(char **place, const char *text, struct err *e) _must_check_;
/* Folders and links of an EFS have no member in the archive. */
bool manifest_item_has_bytes(const struct manifest_item *it);
/* What one look at one member cannot see: no name twice, no name below another item's, block maps
 * present, raw sizes that agree with extent and sector size. ERR_PROTO. */
int manifest_check(const struct manifest *m, struct err *e) _must_check_;

enum manifest_same { MODULE_UNKNOWN, MODULE_SAME, MODULE_OTHER };
/* By chip serial where both know it: fuses have the last word. Else by serial number and IMEI, where a
 * contradiction is MODULE_OTHER and nothing in common is MODULE_UNKNOWN. */
enum manifest_same manifest_same_module(const struct manifest_module *a,
					const struct manifest_module *b);

/* The text, one item a line, with a final newline, appended to `out`. */
int manifest_write(const struct manifest *m, struct buf *out, struct err *e) _must_check_;
/* ERR_PROTO for what is no manifest, ERR_UNSUPPORTED for a later format. `ret` is initialised by it
 * and needs manifest_fini() after success only. */
int manifest_parse(struct slice text, struct manifest *ret, struct err *e) _must_check_;
/* One item as one line of JSON without a newline, and back: for the journal of a snapshot in the
 * making. The item returned needs manifest_item_fini(). */
int manifest_item_write(const struct manifest_item *it, struct buf *out, struct err *e) _must_check_;
int manifest_item_parse(struct slice text, struct manifest_item *ret, struct err *e) _must_check_;

/* "complete", "partial", "unusable". */
const char *verdict_name(enum verdict v);
const char *item_kind_name(enum item_kind k);
const char *gap_how_name(enum gap_how h);
/* Inside the codec: a name's value, or -1. */
int verdict_parse(const char *name);
int item_kind_parse(const char *name);
int gap_how_parse(const char *name);

#endif
