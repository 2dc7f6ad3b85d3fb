/* Inside of the EFS2 reader; only src/image/efs2*.c include it. */
#ifndef SALVOR_IMAGE_EFS2_PRIV_H
#define SALVOR_IMAGE_EFS2_PRIV_H

#include "image/efs2.h"

#define EFS2_UNIT        512u /* smallest page; the first pass classifies the image in such units */
#define EFS2_NONE        0xFFFFFFFFu
#define EFS2_FREE        0xFFFFFFF1u
#define EFS2_GARBAGE     0xFFFFFFF4u
#define EFS2_LOG         0xFFFFFFF8u
#define EFS2_RESERVED    0xFFFFFFF9u
#define EFS2_LOST_MAP    0xFFFFFFE0u /* ours: the table page that would say it is lost */
#define EFS2_UNSET       0xFFFFFFE1u /* ours: the journal says nothing */
#define EFS2_PAGE_MAX    4096u
#define EFS2_MAX_SUPERS  1024u
#define EFS2_MAX_NOTES   256u
#define EFS2_CACHE       32u
#define EFS2_MAX_DBLEVEL 8
#define EFS2_DIRECT      13u

enum efs2_pstate {
	EFS2_PS_DATA,
	EFS2_PS_ERASED,
	EFS2_PS_FILLER, /* first pass only; becomes erased or unread by what follows it in its block
			 */
	EFS2_PS_UNREAD,
	EFS2_PS_MIXED, /* data with a stretch of filler inside */
};

/* How far a cluster's page can be believed; from the first bad one on there are no bytes. */
enum efs2_trust {
	EFS2_T_OK,
	EFS2_T_NO_REVERSE, /* the reverse table says something else about the page */
	EFS2_T_REBUILT,    /* the forward table lost it */
	EFS2_T_REGION,     /* lies among superblocks, journal or tables */
	EFS2_T_SHARED,     /* two clusters or two owners claim it */
	EFS2_T_MIXED,
	EFS2_T_ERASED,
	EFS2_T_ABSENT, /* from here on: no bytes */
	EFS2_T_UNMAPPED,
	EFS2_T_TABLE,
	EFS2_T_RANGE,
	EFS2_T_UNREAD,
	EFS2_T_OTHERS,
	EFS2_T_END,
};

struct efs2_super {
	uint16_t version, age;
	uint32_t page_size, block_size, block_count, log_head;
	uint32_t upper[32];
	uint16_t nodes_per_page, depth, super_nodes, num_regions;
	uint32_t region[4], badmap;
	uint32_t tables_off; /* of ptables in the page */
	uint32_t page;       /* where it is */
};

/* A page that says it is a superblock, before anything of it was checked. */
struct efs2_cand {
	uint32_t page, page_size;
};

struct efs2_ent {
	const uint8_t *name; /* in the arena */
	uint32_t parent, page, inode;
	uint16_t off; /* of the value in its page */
	uint8_t name_len, vlen, tag;
	uint8_t soft; /* its node is not to be trusted fully */
};

struct efs2_inode {
	uint16_t mode, nlink, uid, gid;
	uint32_t attr, size, blocks, mtime, ctime, atime;
	uint32_t cluster[EFS2_DIRECT + 3];
	uint32_t direct; /* 13, or 6 in the old form */
	enum efs2_trust trust;
};

struct efs2_arena;

struct efs2 {
	struct efs2_reader *in;
	uint8_t filler;
	struct efs2_super sb;            /* geometry of CEFS too */
	uint32_t pages, clusters, shift; /* shift: log2(nodes per page) */
	uint32_t node_hdr, inode_len, inode_bits;
	uint64_t base;  /* of page 0 */
	uint8_t *units; /* first pass only */
	uint64_t n_units;
	uint8_t *pstate;          /* enum efs2_pstate, one byte a page */
	uint32_t *fwd, *rev;      /* rev NULL where the form has none */
	uint8_t *shared;          /* bit per page: two clusters say they own it */
	uint8_t *claimed, *twice; /* bit per cluster: used, used twice */
	uint8_t *rebuilt;         /* bit per cluster: known from the reverse table only */
	uint8_t *seen;            /* bit per cluster: directory node visited */
	uint32_t upper[32];
	uint32_t root;
	bool root_known;
	struct efs2_ent *ent;
	size_t n_ent, cap_ent;
	struct efs2_arena *arena;
	bool doubt; /* all verdicts at most "unverified" */
	char doubt_why[128];
	bool db_holes; /* directory pages are missing: any listing may lack names */
	bool overclaimed;
	struct efs2_cand *cand; /* EFS2_MAX_SUPERS of them; those past n_cand were only counted */
	size_t n_cand;
	struct efs2_super_info *super_info;
	size_t n_super;
	char *note[EFS2_MAX_NOTES];
	size_t n_note;
	struct efs2_report report;
	struct {
		uint32_t page;
		uint8_t *bytes;
	} cache[EFS2_CACHE];
};

static inline bool efs2_bit(const uint8_t *map, size_t i)
{
	return map[i >> 3] >> (i & 7) & 1;
}
static inline void efs2_bit_put(uint8_t *map, size_t i)
{
	map[i >> 3] = (uint8_t)(map[i >> 3] | 1u << (i & 7));
}

/* efs2.c */
void efs2_remark(struct efs2 *fs, const char *fmt, ...) _printf_(2, 3);
/* A remark that also makes the image unclean. */
void efs2_fault(struct efs2 *fs, const char *fmt, ...) _printf_(2, 3);
/* A fault that could have changed any file. */
void efs2_doubt(struct efs2 *fs, const char *fmt, ...) _printf_(2, 3);
/* A page through the cache: valid until the next call. ERR_INTEGRITY when the dump lacks it. */
int efs2_page(struct efs2 *fs, uint32_t page, const uint8_t **ret, struct err *e) _must_check_;
/* Sets pages, shift, sizes of nodes and inodes from fs->sb, allocates the per-page maps, and judges
 * the pages from the first pass. */
int efs2_set_geometry(struct efs2 *fs, uint32_t clusters, struct err *e) _must_check_;
/* Everything above the cluster map; the same for all forms. */
int efs2_mount(struct efs2 *fs, struct err *e) _must_check_;

/* efs2_form.c: the first pass over the image. Fills fs->units and fs->cand. */
int efs2_scan(struct efs2 *fs, struct efs2_ident *ret, struct err *e) _must_check_;

/* efs2_super.c */
/* Fills fs->sb, fs->pages and fs->super_info. */
int efs2_super_choose(struct efs2 *fs, struct err *e) _must_check_;
/* After efs2_set_geometry(): could a newer superblock be among the damaged pages? */
void efs2_super_doubt(struct efs2 *fs);
/* Does the superblock list this block of the super/log region as bad? */
bool efs2_super_bad(const struct efs2 *fs, uint32_t block);
/* A valid superblock in this page of the image, or NULL. */
const struct efs2_super_info *efs2_super_in(const struct efs2 *fs, uint32_t page);

/* efs2_log.c, efs2_map.c: journal and tables of the NAND form. */
struct efs2_overrides {
	uint32_t *fwd, *rev;   /* per cluster and page; EFS2_UNSET */
	uint32_t *table[2][4]; /* [reverse][level]: table pages moved by the journal */
	uint32_t n_table[4];
};
int efs2_log_replay(struct efs2 *fs, struct efs2_overrides *o, struct err *e) _must_check_;
int efs2_map_load(struct efs2 *fs, struct err *e) _must_check_;
/* Where cluster c is and how far that can be believed. */
enum efs2_trust efs2_cluster(const struct efs2 *fs, uint32_t c, uint32_t *ret_page);
const char *efs2_trust_text(enum efs2_trust t);
static inline bool efs2_has_bytes(enum efs2_trust t)
{
	return t < EFS2_T_ABSENT;
}

/* efs2_cefs.c */
bool efs2_cefs_is(const uint8_t *p, size_t n);
#define EFS2_BACKUP_CRC_OFF 12u
/* CRC of a backup partition's n pages, as it would be with `patch` at patch_off of patch_page (0:
 * as it is). */
int efs2_backup_crc(struct efs2 *fs, uint32_t n, uint32_t patch_page, uint32_t patch_off,
		    struct slice patch, uint32_t *ret, struct err *e) _must_check_;
int efs2_cefs_load(struct efs2 *fs, const struct efs2_ident *id, struct err *e) _must_check_;

/* efs2_db.c */
int efs2_db_load(struct efs2 *fs, struct err *e) _must_check_;
void efs2_arena_free(struct efs2_arena *a);
/* Index of the first entry of a directory, or n_ent. */
size_t efs2_dir_first(const struct efs2 *fs, uint32_t inode);
size_t efs2_dir_find(const struct efs2 *fs, uint32_t inode, const uint8_t *name, size_t n);

/* efs2_file.c */
int efs2_inode_read(struct efs2 *fs, uint32_t ino, struct efs2_inode *ret,
		    struct err *e) _must_check_;
int efs2_claims(struct efs2 *fs, struct err *e) _must_check_;
int efs2_stat_entry(struct efs2 *fs, size_t i, struct efs2_stat *ret, struct err *e) _must_check_;
/* Of a directory whose entry is lost. */
int efs2_stat_lost(struct efs2 *fs, uint32_t inode, struct efs2_stat *ret,
		   struct err *e) _must_check_;
int efs2_stat_root(struct efs2 *fs, struct efs2_stat *ret, struct err *e) _must_check_;
#define EFS2_S_IFMT  0170000u
#define EFS2_S_IFDIR 0040000u
#define EFS2_S_IFREG 0100000u
#define EFS2_S_IFLNK 0120000u
#define EFS2_S_IFITM 0160000u

#endif
