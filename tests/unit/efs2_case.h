/* What the EFS2 tests share: a tree with one of everything, images in memory, and the comparison of
 * what the reader gives out with what went in. */
#ifndef SALVOR_TESTS_EFS2_CASE_H
#define SALVOR_TESTS_EFS2_CASE_H

#include "tests/unit/unit.h"

#include "image/efs2.h"
#include "tests/emu/efs2_mk.h"

struct mem_reader {
	struct efs2_reader reader;
	uint8_t *bytes;
	uint64_t bad_from, bad_to; /* of this range every read fails with ERR_INTEGRITY */
	uint64_t calls;
};

extern const uint8_t case_imei[9], case_imei2[9];

/* Nested directories, items inline and not, files with direct and indirect clusters, links, empty
 * ones, names to escape; `more` items on top. */
void case_tree(struct efs2_mk_tree *t, unsigned more);
/* 24 blocks or so of the given page size; fields of the rest are zero. */
struct efs2_mk_opts case_opts(uint32_t page_size);
/* All the maker can do with the journal. */
void case_busy(struct efs2_mk_opts *o);
void case_make(const struct efs2_mk_tree *t, const struct efs2_mk_opts *o,
	       struct efs2_mk_image *ret);
void case_reader(struct mem_reader *m, uint8_t *bytes, size_t n);
/* Opens or fails the test. */
struct efs2 *case_open(struct mem_reader *m);

struct case_count {
	size_t verdict[4], absent;
};
/* Every node of the tree is looked up. One whose verdict is ok must be right in every respect; what
 * is unverified, partial or absent is counted. `but` may excuse a path from being right (or NULL).
 */
struct case_count case_compare(struct efs2 *fs, const struct efs2_mk_tree *t,
			       bool (*but)(const char *path, void *ctx), void *ctx);
/* The walk gives each node once and nothing else, and all verdicts are ok. */
void case_assert_whole(struct efs2 *fs, const struct efs2_mk_tree *t);
void case_assert_same_tree(const struct efs2_mk_tree *a, const struct efs2_mk_tree *b);
/* efs2_rd over the same bytes. */
int case_rd(const struct efs2_mk_image *img, uint32_t pages_per_block, struct efs2_mk_tree *ret);

#endif
