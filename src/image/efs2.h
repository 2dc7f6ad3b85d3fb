/*
 * The modem's file system (EFS2) out of a raw dump, without a module.
 *
 * EFS2 never overwrites a page: a dump is full of stale copies, and only the newest superblock, its
 * journal and the page tables say which copy is live. Everything is reached through them; nothing
 * is found by searching for its bytes. Three forms hold the same clusters, directory and inodes:
 * the NAND file system itself (superblocks, journal, forward and reverse tables), the factory image
 * CEFS (a bitmap and the used clusters in order), and Quectel's backup partition (a CRC-protected
 * CEFS).
 *
 * Data and directory pages have no checksum; the flash's ECC is gone in a dump. What can be checked
 * is structure: superblock and journal CRCs, forward against reverse table, directory nodes against
 * each other, pages never read. A file's verdict says what these checks gave:
 *
 *   ok          every structure on the way to its bytes agrees with every other
 *   unverified  its bytes are there, but something that should prove them does not
 *   partial     some of its pages are missing
 *   unreadable  nothing of it can be given out
 *
 * The whole image is hostile: memory and work are bounded by the page count, whatever it says.
 */
#ifndef SALVOR_IMAGE_EFS2_H
#define SALVOR_IMAGE_EFS2_H

#include "base/attr.h"
#include "base/err.h"
#include "base/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EFS2_FILLER_DEFAULT 0xEE
#define EFS2_MAX_PAGES      (1u << 18) /* 512 MiB of 2 KiB pages; partitions have 10 to 64 MiB */
#define EFS2_MAX_SIZE       (UINT64_C(1) << 30)
#define EFS2_MAX_ENTRIES    (1u << 17)
#define EFS2_MAX_DEPTH      64 /* directories inside each other */
#define EFS2_PATH_MAX       1024
/* Directories whose own name is lost are listed below this one, by inode number in hex. No real
 * name can look like it, because '%' in a name is written as %25. */
#define EFS2_LOST "/%lost"

/* Random access to the dump. Whoever makes it embeds it in a struct that knows where the bytes are.
 */
struct efs2_reader {
	/* All n bytes at `off` (the range lies inside `size`) or failure. ERR_INTEGRITY means that
	 * this place was not read from the module: its pages count as missing. Any other kind ends
	 * the call that needed them. */
	int (*read_at)(struct efs2_reader *, uint64_t off, void *p, size_t n, struct err *e);
	uint64_t size;
};

enum efs2_form {
	EFS2_FORM_NONE,      /* nothing that this file knows */
	EFS2_FORM_NAND,      /* superblock found */
	EFS2_FORM_CEFS,      /* factory image, format 2 to 4 */
	EFS2_FORM_BACKUP,    /* Quectel sys_rev / cache_efs2: CEFS behind a header with CRC */
	EFS2_FORM_NOR,       /* EFS2 on NOR or of old handsets: other journal, not read */
	EFS2_FORM_IMGEFS,    /* modemst1/2: encrypted with a key of the chip */
	EFS2_FORM_FSG_PLAIN, /* golden copy in the remote-storage layout, not encrypted */
	EFS2_FORM_BLANK,     /* erased from end to end */
	EFS2_FORM_OPAQUE,    /* looks random: most likely encrypted */
};
/* "nand", "cefs", "backup" ... */
const char *efs2_form_name(enum efs2_form f);

struct efs2_ident {
	enum efs2_form form;
	uint64_t base;      /* where it starts in the image */
	uint32_t page_size; /* 0 when the form has none */
	char copy;          /* IMGEFS: '1', '2' or 'G' */
	uint32_t sequence;  /* IMGEFS: the larger of two copies is the newer one */
	uint64_t time_ms;   /* IMGEFS: Unix time */
	char what[160];     /* a sentence for people */
};
/* Reads the image once. Fails only when reading fails; "nothing known" is EFS2_FORM_NONE. */
int efs2_recognise(struct efs2_reader *in, uint8_t filler, struct efs2_ident *ret,
		   struct err *e) _must_check_;

enum efs2_verdict { EFS2_OK, EFS2_UNVERIFIED, EFS2_PARTIAL, EFS2_UNREADABLE };
const char *efs2_verdict_name(enum efs2_verdict v);

enum efs2_type { EFS2_REG, EFS2_ITEM, EFS2_DIR, EFS2_LINK, EFS2_OTHER };
const char *efs2_type_name(enum efs2_type t);

struct efs2_stat {
	enum efs2_type type;
	uint16_t mode; /* POSIX type bits; 0160000 is an item file */
	uint16_t nlink, uid, gid;
	uint32_t attr;
	uint64_t size;
	uint32_t mtime, ctime, atime; /* Unix seconds; 0 where the form of storage has none */
	uint32_t inode;               /* 0 for inline files and links */
	bool is_inline;
	enum efs2_verdict verdict; /* of a directory: of its listing */
	char why[144];             /* for every verdict but ok */
	size_t entry;              /* for efs2_read(); SIZE_MAX for the root */
};

struct efs2_opts {
	uint8_t filler; /* what the programmer answers for pages that are not written; 0 = 0xEE */
};

struct efs2;
/* The reader must live as long as the file system. ERR_UNSUPPORTED for what is recognised but
 * cannot be read (encrypted, NOR), ERR_PROTO when there is no EFS2 in it, ERR_INTEGRITY when there
 * is one but nothing of it can be reached. Damage that leaves anything readable is no failure: see
 * the report. */
int efs2_open(struct efs2_reader *in, const struct efs2_opts *opts, struct efs2 **ret,
	      struct err *e) _must_check_;
void efs2_close(struct efs2 *fs); /* NULL is fine */

/* Paths begin with '/'. In names, control characters, '/', '%' and the names "." and ".." appear as
 * %XX, so that a name from an image cannot lead anywhere. ERR_REFUSED with code ENOENT or ENOTDIR.
 * Links are not followed. */
int efs2_stat(struct efs2 *fs, const char *path, struct efs2_stat *ret, struct err *e) _must_check_;
/* Bytes from `off` on, as many as there are up to cap (0 at the end). With ret_missing NULL a page
 * that is missing is ERR_INTEGRITY; otherwise it reads as zeros and *ret_missing says how many
 * bytes are such zeros. A link's content is its target. */
int efs2_read(struct efs2 *fs, const struct efs2_stat *st, uint64_t off, void *p, size_t cap,
	      size_t *ret_n, size_t *ret_missing, struct err *e) _must_check_;
/* The whole content into a sink, with the same rule for missing pages. */
int efs2_copy(struct efs2 *fs, const struct efs2_stat *st, struct sink *to, uint64_t *ret_missing,
	      struct err *e) _must_check_;

/* Depth first from `top` ("/" for everything, EFS2_LOST included at the end); the directory itself
 * is not given. Names come in byte order. Each directory is entered once, even in a damaged tree.
 */
struct efs2_walk;
int efs2_walk_open(struct efs2 *fs, const char *top, bool recurse, struct efs2_walk **ret,
		   struct err *e) _must_check_;
/* *ret_path is NULL after the last one, otherwise valid until the next call. */
int efs2_walk_next(struct efs2_walk *w, const char **ret_path, struct efs2_stat *ret,
		   struct err *e) _must_check_;
void efs2_walk_close(struct efs2_walk *w);

/* One superblock page of the NAND form. */
struct efs2_super_info {
	uint32_t page;
	uint16_t age, version;
	bool crc_ok, plausible, chosen;
};

struct efs2_report {
	enum efs2_form form;
	uint64_t base;
	uint16_t version, age;
	uint32_t page_size, pages_per_block, blocks, pages;
	uint64_t expect_size, size; /* what the geometry says, what the image has */
	bool has_reverse;           /* the reverse table was found and used */
	/* Every own check agrees, so the layout is what we take it for. False for 4 KiB pages whose
	 * tables contradict each other: then every verdict is "unverified". */
	bool layout_checked;
	uint32_t supers, supers_bad;
	uint32_t log_pages, log_entries, log_rejected, log_unknown_ops;
	uint32_t live, garbage, free_pages; /* pages by the reverse table */
	uint32_t unclaimed;                 /* mapped clusters that no file and no structure uses */
	uint32_t unaccounted; /* written pages that the tables call free: cut off before the journal
			       */
	uint32_t unread;      /* pages that the dump does not have */
	uint32_t nodes, nodes_bad, nodes_salvaged;
	uint32_t entries, duplicates;
	/* Nothing speaks against any part of it: what in-place changes and donors need. */
	bool clean;
	uint32_t faults;
};
const struct efs2_report *efs2_report(const struct efs2 *fs);
/* The i-th superblock page found, or NULL after the last. */
const struct efs2_super_info *efs2_super_at(const struct efs2 *fs, size_t i);
/* The i-th remark of the reader ("page 77 of the journal: bad CRC ..."), or NULL; at most 256 are
 * kept, report.faults counts all that are faults. */
const char *efs2_note_at(const struct efs2 *fs, size_t i);

struct efs2_census {
	uint64_t dirs, files, items, links, bytes;
	uint64_t lost;       /* of these, below EFS2_LOST */
	uint64_t verdict[4]; /* of everything but directories, by enum efs2_verdict */
};
/* Judges every file. */
int efs2_census(struct efs2 *fs, struct efs2_census *ret, struct err *e) _must_check_;

#endif
