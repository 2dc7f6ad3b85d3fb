/*
 * The tree of storages and streams that both forms of a QPST backup hold: XQCN spells it in XML,
 * QCN packs it into a compound file. Readers fill it with all that is in the file, known or not, so
 * that conversion loses nothing; nvset.h says what its streams mean.
 *
 * Names are valid UTF-8. The children of a storage keep the order in which they came; no two of
 * them have the same name once a reader has accepted the file. A stream's bytes are followed by one
 * zero byte that does not count, so that a path in it can be read as text.
 *
 * All memory is counted against `max`, nodes included.
 */
#ifndef SALVOR_IMAGE_QTREE_H
#define SALVOR_IMAGE_QTREE_H

#include "base/bytes.h"
#include "base/err.h"

#define QTREE_MAX       (64u * 1024 * 1024) /* the largest file seen decodes to 2 MB */
#define QTREE_MAX_DEPTH 32                  /* QPST nests to 5 */
#define QTREE_MAX_NAME  1024

enum qnode_kind { QNODE_STORAGE, QNODE_STREAM };

struct qnode {
	enum qnode_kind kind;
	struct qnode *parent, *next; /* next sibling */
	struct qnode *first, *last;  /* children of a storage */
	size_t n_children;
	uint8_t *p; /* bytes of a stream; NULL when there are none */
	size_t n, cap;
	uint64_t created, modified; /* of a storage of a QCN: 100 ns since 1601; 0 = not told */
	uint64_t src;               /* where the reader found it; its own affair */
	char name[];
};

struct qtree {
	struct qnode *root; /* NULL while empty */
	size_t used, max;
};

/* max 0 means QTREE_MAX. */
void qtree_init(struct qtree *t, size_t max);
void qtree_fini(struct qtree *t); /* harmless on an empty or zeroed tree */

/* A new last child of `parent`, or the root when parent is NULL. The name need not be terminated.
 * ERR_PROTO for a name that is empty (but for the root), too long or not UTF-8, past the depth, and
 * when the tree's memory is used up. That a sibling has the name already is not seen here: see
 * qnode_check_names(). */
int qtree_add(struct qtree *t, struct qnode *parent, enum qnode_kind kind, struct slice name,
	      struct qnode **ret, struct err *e) _must_check_;
/* Appends to a stream / replaces its bytes, which may not lie in the stream itself. */
int qtree_append(struct qtree *t, struct qnode *stream, struct slice bytes,
		 struct err *e) _must_check_;
int qtree_put(struct qtree *t, struct qnode *stream, struct slice bytes,
	      struct err *e) _must_check_;

static inline struct slice qnode_bytes(const struct qnode *stream)
{
	return SLICE(stream->p, stream->n);
}
/* The child with that name and kind, or NULL; also when the storage is NULL. */
struct qnode *qnode_child(const struct qnode *storage, enum qnode_kind kind, const char *name);
/* The stream at "storage/storage/stream" below the root, or NULL. */
struct qnode *qtree_stream(const struct qtree *t, const char *path);
/* Its place in words: "00000000/default/EFS_Backup", the front cut when it does not fit. */
void qnode_path(const struct qnode *node, char *out, size_t cap);
/* The next node of a walk that sees every storage before its children; NULL at the end. */
struct qnode *qnode_walk(const struct qnode *node);

/* The children ordered by name, malloced; NULL when there are none. */
int qnode_sorted(const struct qnode *storage, struct qnode ***ret, struct err *e) _must_check_;
/* The child with that name in what qnode_sorted() gave, or SIZE_MAX. */
size_t qnode_sorted_find(struct qnode *const *sorted, size_t n, const char *name);
/* ERR_PROTO names two children that bear the same name: nobody could tell which is meant. */
int qnode_check_names(const struct qnode *storage, struct err *e) _must_check_;
/* Puts the children into the order of `cmp`; equal ones keep theirs. */
void qnode_order(struct qnode *storage, int (*cmp)(const struct qnode *, const struct qnode *));
/* 0 when both hold the same storages and streams, in any order; the root's name does not matter.
 * ERR_MISMATCH names the first difference. */
int qtree_compare(const struct qtree *a, const struct qtree *b, struct err *e) _must_check_;

#endif
