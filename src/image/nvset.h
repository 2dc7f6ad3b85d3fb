/*
 * What the streams of a QPST backup mean: numbered NV items, item files in three sections, and the
 * few facts about the module. All of it is a view on the tree (qtree.h), where every byte stays, so
 * that what nobody here understands survives reading, editing and conversion.
 *
 *	<root>
 *	    00000000                         model number, 8 decimal digits: never assumed
 *	        default
 *	            NV_NUMBERED_ITEMS        arrays of 136-byte records, one for each subscription
 *	            EFS_Backup               EFS_Dir (paths) and EFS_Data (contents), joined by the
 *	            Provisioning_Item_Files  names of their streams; the same in these two
 *	            NV_Items
 *	            Mobile_Property_Info
 *	            Feature_Mask
 *	    File_Version
 *
 * Modes and times of files are not in it: to QPST every file is an item file.
 */
#ifndef SALVOR_IMAGE_NVSET_H
#define SALVOR_IMAGE_NVSET_H

#include "image/qfinding.h"
#include "image/qtree.h"

/* Subscriptions; their arrays stay apart, whatever the index of a record says. */
enum nvset_sub { NVSET_DEFAULT, NVSET_SIM_1, NVSET_SIM_2, NVSET_SUBS };
/* Name of the array's stream: "NV_ITEM_ARRAY_SIM_1". */
const char *nvset_sub_name(enum nvset_sub sub);

enum nvset_section { NVSET_EFS_BACKUP, NVSET_PROVISIONING, NVSET_NV_ITEMS, NVSET_SECTIONS };
const char *nvset_section_name(enum nvset_section section);

/* The model's storage: the first one in the root. Its child `default`. NULL when there is none. */
struct qnode *nvset_model(const struct qtree *t);
struct qnode *nvset_default(const struct qtree *t);
/* NULL when the file has no such array. */
struct qnode *nvset_array(const struct qtree *t, enum nvset_sub sub);

#define NVSET_RECORD 136
#define NVSET_DATA   128

struct nvset_nv {
	uint16_t id, index;
	uint16_t size, constant; /* 136 and 1 in every file seen */
	bool ok;                 /* size is 136; otherwise nothing in it can be believed */
	size_t at;               /* offset of the record in its array */
	struct slice data;       /* 128 bytes, zero padded; the item's own length is not stored */
};
/* Steps through what nvset_array() gave (NULL is an empty one), duplicates and order as in the
 * file; *pos starts at 0. A record that is cut off at the end is not given: see nvset_check(). */
bool nvset_nv_next(const struct qnode *array, size_t *pos, struct nvset_nv *ret);
/* The first sound record with that id and index. */
bool nvset_nv_find(const struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index,
		   struct nvset_nv *ret);

enum nvset_file_state {
	NVSET_FILE_OK,
	NVSET_FILE_NO_DATA,  /* a path whose content is missing */
	NVSET_FILE_NO_PATH,  /* a content whose path is missing, or the path's entry is empty */
	NVSET_FILE_BAD_PATH, /* ".." or control characters in it, or no name at its end */
};
struct nvset_file {
	enum nvset_section section;
	enum nvset_file_state state;
	const struct qnode *dir, *data; /* either may be NULL, not both */
	const char *path;               /* borrowed from dir; "" for NVSET_FILE_NO_PATH */
	size_t first; /* the file of this list that first has the path, or itself */
	bool differs; /* content is not that of the first */
	bool twice;   /* its own section had the path before */
};
/* All item files of all sections: sections in the order of the enum, paths in the order of the
 * file, contents without path behind them. Its texts live as long as the tree. */
struct nvset_files {
	struct nvset_file *v;
	size_t n;
};
int nvset_files_list(const struct qtree *t, struct nvset_files *ret, struct err *e) _must_check_;
void nvset_files_fini(struct nvset_files *f);

/* Mobile_Property_Info; texts are borrowed and not terminated. A length counts a terminating NUL
 * where the producer wrote one. */
struct nvset_mpi {
	uint32_t esn; /* NVSET_NO_ESN on modules */
	uint16_t model;
	uint8_t nv_major, nv_minor;
	struct slice sw, tool; /* firmware build; the program that made the file */
};
#define NVSET_NO_ESN 0xDEADD00Du
/* ERR_MISMATCH when the stream is missing, ERR_PROTO when its lengths contradict it. */
int nvset_mpi_get(const struct qtree *t, struct nvset_mpi *ret, struct err *e) _must_check_;

/* Reads either form: XQCN or QCN, told apart by the first bytes. ERR_MISMATCH for anything else. */
struct xqcn_opts;
int nvset_read(struct slice file, const struct xqcn_opts *opts, struct qtree *ret,
	       struct qfindings *findings, struct err *e) _must_check_;
/* Is it a compound file? */
bool nvset_is_qcn(struct slice file);

/* --- building one: after a failure it may be half done, and good for qtree_fini() only --- */

/* Every storage and stream that QPST writes, empty; `model` is 8 decimal digits, normally
 * "00000000". max as for qtree_init(). */
int nvset_new(struct qtree *t, size_t max, const char *name, const char *model,
	      struct err *e) _must_check_;
/* Appends a record; data is at most 128 bytes and padded with zeros. */
int nvset_nv_add(struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index,
		 struct slice data, struct err *e) _must_check_;
/* Appends a file to one section. `date` goes into the header that only EFS_Backup has. */
int nvset_file_add(struct qtree *t, enum nvset_section section, const char *path, uint32_t date,
		   struct slice data, struct err *e) _must_check_;
#define NVSET_GPS_EPOCH 315964800u /* 1980-01-06, the date of files that are in EFS_Backup only */
/* The sections into which QPST puts a path, as bits 1 << section; 0 when it leaves it out (numbered
 * items, for example, which are in the arrays). */
unsigned nvset_sections_of(const char *path);
/* Appends a file to the sections where QPST has it, with the date that goes with them.
 * *ret_sections (may be NULL) is what nvset_sections_of() says. */
int nvset_file_place(struct qtree *t, const char *path, struct slice data, unsigned *ret_sections,
		     struct err *e) _must_check_;
int nvset_mpi_put(struct qtree *t, const struct nvset_mpi *mpi, struct err *e) _must_check_;
/* The answer to DIAG's feature query, without a length in front. */
int nvset_feature_mask_put(struct qtree *t, struct slice mask, struct err *e) _must_check_;

#endif
