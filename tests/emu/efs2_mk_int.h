/* Inside of the EFS2 maker. */
#ifndef SALVOR_EMU_EFS2_MK_INT_H
#define SALVOR_EMU_EFS2_MK_INT_H

#include "tests/emu/efs2_mk.h"

/* efs2-flash.md section 4: words of the tables that are no page or cluster */
#define MK_NONE     0xffffffffu
#define MK_FREE     0xfffffff1u
#define MK_GARBAGE  0xfffffff4u
#define MK_LOG      0xfffffff8u
#define MK_RESERVED 0xfffffff9u

struct mk_obj {
	uint32_t inode;    /* 0 = inline */
	uint32_t cluster;  /* first of the content, or of the leaf that holds it */
	uint32_t value_at; /* inline: offset of the content in its leaf */
};

struct mk {
	const struct efs2_mk_tree *t;
	const struct efs2_mk_opts *o;
	char *why;
	size_t why_n;
	bool failed, old; /* old: version below 0x24 */
	uint16_t version;
	uint32_t ps, ppb, blocks, npages, shift, depth, room, region[4];
	uint8_t *img, *role;
	uint32_t *fwd, *rev;
	uint32_t next_cluster, data_page, table_page;
	uint32_t log_block, log_page, seq;
	uint16_t age;
	bool any_super;
	uint32_t upper[32];
	uint32_t *table_at[2][4], n_table[4]; /* where the table pages are, by level */
	uint8_t *dirty[2][4];
	/* the state that the last checkpoint wrote */
	uint32_t *cp_top[2], cp_upper[32], cp_head;
	uint8_t *jbuf;
	size_t jn;
	struct mk_obj *obj; /* one a node, the root behind them */
	uint32_t *inode_cluster;
	uint32_t n_inode_clusters;
};

int efs2_mk_fail(struct mk *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* efs2_mk_dev.c */
int efs2_mk_dev_init(struct mk *m);
void efs2_mk_dev_fini(struct mk *m);
uint32_t efs2_mk_new_cluster(struct mk *m);
/* First writing of a cluster, without journal. */
void efs2_mk_put(struct mk *m, uint32_t cluster, const uint8_t *page, int role);
/* A fresh page for a cluster, recorded in the journal as page move or as the garbage collector's.
 */
void efs2_mk_move(struct mk *m, uint32_t cluster, const uint8_t *page, bool by_gc);
const uint8_t *efs2_mk_at(const struct mk *m, uint32_t cluster);
void efs2_mk_entry(struct mk *m, unsigned op, unsigned n, uint32_t a, uint32_t b, uint32_t c);
void efs2_mk_flush(struct mk *m);
void efs2_mk_checkpoint(struct mk *m);
void efs2_mk_move_tables(struct mk *m, uint32_t cluster);
/* Gives an existing cluster's content to a new number; the old one is freed. */
uint32_t efs2_mk_renumber(struct mk *m, uint32_t cluster);
void efs2_mk_junk(struct mk *m, bool recorded);

/* efs2_mk_dir.c */
int efs2_mk_content(struct mk *m, bool older);
int efs2_mk_directory(struct mk *m, bool older);
bool efs2_mk_is_inline(const struct efs2_mk_node *n);
bool efs2_mk_is_updated(const struct mk *m, size_t node);

static inline void mk16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static inline void mk32(uint8_t *p, uint32_t v)
{
	mk16(p, v);
	mk16(p + 2, v >> 16);
}

#endif
