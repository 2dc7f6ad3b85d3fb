/* QPST backups for tests: the synthetic pair, texts, and both forms in memory. */
#ifndef SALVOR_TESTS_QPST_UTIL_H
#define SALVOR_TESTS_QPST_UTIL_H

#include "tests/unit/unit.h"

#include "image/nvset.h"
#include "image/qcn.h"
#include "image/xqcn.h"

#define A_TIME 0x01D0000000000000ull /* some day of 2014 */

/* tests/data/NAME. The caller ends the buffer. */
struct buf data_file(const char *name);
/* Fails the test when it cannot be read. */
struct qtree read_xqcn(struct slice text);
struct qtree read_qcn(struct slice file);
struct buf written_xqcn(const struct qtree *t, const char *name);
struct buf written_qcn(const struct qtree *t);
/* The two hold the same, or the test fails with the first difference. */
void assert_same(const struct qtree *a, const struct qtree *b);
/* A stream below the root, with content; fails the test if it cannot be added. */
struct qnode *add_stream(struct qtree *t, struct qnode *parent, const char *name,
			 struct slice bytes);
struct qnode *add_storage(struct qtree *t, struct qnode *parent, const char *name);
/* n bytes that do not repeat soon; the caller frees them. */
uint8_t *some_bytes(size_t n, uint32_t seed);

/* synthetic.xqcn; an empty backup. */
struct qtree synthetic(void);
struct qtree fresh(void);
void add_item(struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index, const void *p,
	      size_t n);
void add_file(struct qtree *t, enum nvset_section section, const char *path, const void *p,
	      size_t n);
/* A node without children, for good. */
void remove_node(struct qnode *node);

#endif
