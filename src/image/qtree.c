#include "image/qtree.h"

#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void qtree_init(struct qtree *t, size_t max)
{
	*t = (struct qtree){ NULL, 0, max ? max : QTREE_MAX };
}

/* Depth-first without a stack: a node goes when its last child has gone. */
void qtree_fini(struct qtree *t)
{
	struct qnode *node = t->root;

	while (node) {
		struct qnode *up = node->parent;

		if (node->first) {
			struct qnode *child = node->first;

			node->first = child->next;
			node = child;
			continue;
		}
		free(node->p);
		free(node);
		node = up;
	}
	t->root = NULL;
	t->used = 0;
}

static int charge(struct qtree *t, size_t n, struct err *e)
{
	if (n > t->max - t->used)
		return err_set(e, ERR_PROTO, "holds more than the %zu bytes that are accepted",
			       t->max);
	t->used += n;
	return 0;
}

static int check_name(struct slice name, bool is_root, struct err *e)
{
	size_t i, len;
	uint32_t c;

	if (name.n == 0 && !is_root)
		return err_set(e, ERR_PROTO, "a storage or stream without a name");
	if (name.n > QTREE_MAX_NAME)
		return err_set(e, ERR_PROTO, "a name of %zu bytes, more than %d", name.n,
			       QTREE_MAX_NAME);
	for (i = 0; i < name.n; i += len) {
		len = utf8_get(slice_sub(name, i, 4), &c);
		if (len == 0 || c == 0)
			return err_set(e, ERR_PROTO, "a name is not text: byte 0x%02x in it",
				       name.p[i]);
	}
	return 0;
}

int qtree_add(struct qtree *t, struct qnode *parent, enum qnode_kind kind, struct slice name,
	      struct qnode **ret, struct err *e)
{
	size_t size = sizeof(struct qnode) + name.n + 1, depth = 0;
	const struct qnode *up;
	struct qnode *node;

	if (check_name(name, !parent, e) < 0)
		return -1;
	for (up = parent; up; up = up->parent)
		depth++;
	if (depth >= QTREE_MAX_DEPTH)
		return err_set(e, ERR_PROTO, "storages nested deeper than %d", QTREE_MAX_DEPTH);
	if (charge(t, size, e) < 0)
		return -1;
	node = calloc(1, size);
	if (!node)
		return err_nomem(e);
	node->kind = kind;
	node->parent = parent;
	if (name.n)
		memcpy(node->name, name.p, name.n);
	if (!parent) {
		t->root = node;
	} else {
		if (parent->last)
			parent->last->next = node;
		else
			parent->first = node;
		parent->last = node;
		parent->n_children++;
	}
	*ret = node;
	return 0;
}

/* Room for n bytes in all and the zero behind them. Streams that grow do so by half, so that
 * building an array record by record stays cheap. */
static int make_room(struct qtree *t, struct qnode *stream, size_t n, bool exact, struct err *e)
{
	size_t cap = n + 1;
	uint8_t *p;

	if (n < stream->cap)
		return 0;
	if (!exact && stream->cap && cap < stream->cap + stream->cap / 2)
		cap = MIN_OF(stream->cap + stream->cap / 2, MAX_OF(cap, t->max - t->used));
	if (charge(t, cap - stream->cap, e) < 0)
		return -1;
	p = realloc(stream->p, cap);
	if (!p) {
		t->used -= cap - stream->cap;
		return err_nomem(e);
	}
	stream->p = p;
	stream->cap = cap;
	return 0;
}

int qtree_append(struct qtree *t, struct qnode *stream, struct slice bytes, struct err *e)
{
	if (bytes.n == 0)
		return 0;
	if (bytes.n > t->max || make_room(t, stream, stream->n + bytes.n, stream->n == 0, e) < 0)
		return bytes.n > t->max ? charge(t, bytes.n, e) : -1;
	memcpy(stream->p + stream->n, bytes.p, bytes.n);
	stream->n += bytes.n;
	stream->p[stream->n] = 0;
	return 0;
}

int qtree_put(struct qtree *t, struct qnode *stream, struct slice bytes, struct err *e)
{
	size_t old = stream->n;

	stream->n = 0;
	if (qtree_append(t, stream, bytes, e) < 0) {
		stream->n = old;
		return -1;
	}
	if (stream->p)
		stream->p[stream->n] = 0;
	return 0;
}

struct qnode *qnode_child(const struct qnode *storage, enum qnode_kind kind, const char *name)
{
	struct qnode *child = storage ? storage->first : NULL;

	while (child && (child->kind != kind || strcmp(child->name, name) != 0))
		child = child->next;
	return child;
}

struct qnode *qtree_stream(const struct qtree *t, const char *path)
{
	struct qnode *node = t->root;

	while (node) {
		size_t len = strcspn(path, "/");
		enum qnode_kind kind = path[len] ? QNODE_STORAGE : QNODE_STREAM;

		node = node->first;
		while (node && (node->kind != kind || strncmp(node->name, path, len) != 0 ||
				node->name[len]))
			node = node->next;
		if (kind == QNODE_STREAM)
			return node;
		path += len + 1;
	}
	return NULL;
}

void qnode_path(const struct qnode *node, char *out, size_t cap)
{
	const struct qnode *chain[QTREE_MAX_DEPTH + 1];
	size_t n = 0, from, len;

	for (; node && node->parent && n < ARRAY_SIZE(chain); node = node->parent)
		chain[n++] = node;
	if (n == 0) {
		snprintf(out, cap, "the root");
		return;
	}
	/* As many names as fit, counted from the node upwards. */
	len = strlen(chain[0]->name);
	for (from = 1; from < n; from++) {
		len += 1 + strlen(chain[from]->name);
		if (len + 5 > cap)
			break;
	}
	snprintf(out, cap, "%s%s", from < n ? ".../" : "", chain[from - 1]->name);
	for (from--; from > 0; from--) {
		len = strlen(out);
		snprintf(out + len, cap - len, "/%s", chain[from - 1]->name);
	}
}

struct qnode *qnode_walk(const struct qnode *node)
{
	if (node->first)
		return node->first;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct qnode *const *)a)->name, (*(struct qnode *const *)b)->name);
}

static int children(const struct qnode *storage, struct qnode ***ret, struct err *e)
{
	struct qnode **v = NULL, *child;
	size_t i = 0;

	if (storage->n_children) {
		v = malloc(storage->n_children * sizeof(struct qnode *));
		if (!v)
			return err_nomem(e);
		for (child = storage->first; child; child = child->next)
			v[i++] = child;
	}
	*ret = v;
	return 0;
}

int qnode_sorted(const struct qnode *storage, struct qnode ***ret, struct err *e)
{
	struct qnode **v = NULL;

	if (children(storage, &v, e) < 0)
		return -1;
	if (v)
		qsort(v, storage->n_children, sizeof(struct qnode *), by_name);
	*ret = v;
	return 0;
}

size_t qnode_sorted_find(struct qnode *const *sorted, size_t n, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(sorted[mid]->name, name);

		if (c == 0)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return SIZE_MAX;
}

int qnode_check_names(const struct qnode *storage, struct err *e)
{
	_cleanup_free_ struct qnode **v = NULL;
	char where[128];
	size_t i;

	if (qnode_sorted(storage, &v, e) < 0)
		return -1;
	for (i = 1; i < storage->n_children; i++) {
		if (strcmp(v[i - 1]->name, v[i]->name) != 0)
			continue;
		qnode_path(v[i], where, sizeof(where));
		return err_set(e, ERR_PROTO, "two entries are called '%s'", where);
	}
	return 0;
}

/* A merge sort over the list: it keeps equal ones in order and allocates nothing. */
static struct qnode *merge(struct qnode *a, struct qnode *b,
			   int (*cmp)(const struct qnode *, const struct qnode *))
{
	struct qnode *head = NULL, **tail = &head;

	while (a && b) {
		struct qnode **least = cmp(b, a) < 0 ? &b : &a;

		*tail = *least;
		tail = &(*least)->next;
		*least = (*least)->next;
	}
	*tail = a ? a : b;
	return head;
}

void qnode_order(struct qnode *storage, int (*cmp)(const struct qnode *, const struct qnode *))
{
	/* Run k holds 2^k children, or none. */
	struct qnode *run[64] = { NULL }, *list = NULL, *next, *child;
	size_t k;

	for (child = storage->first; child; child = next) {
		next = child->next;
		child->next = NULL;
		for (k = 0; run[k]; k++) {
			child = merge(run[k], child, cmp);
			run[k] = NULL;
		}
		run[k] = child;
	}
	for (k = 0; k < ARRAY_SIZE(run); k++) {
		if (run[k])
			list = merge(run[k], list, cmp);
	}
	storage->first = list;
	storage->last = NULL;
	for (child = list; child; child = child->next)
		storage->last = child;
}

static int compare_node(const struct qnode *a, const struct qnode *b, struct err *e)
{
	char where[128];

	qnode_path(a, where, sizeof(where));
	if (a->kind != b->kind)
		return err_set(e, ERR_MISMATCH,
			       "'%s' is a stream on one side and a storage on the "
			       "other",
			       where);
	if (a->n != b->n)
		return err_set(e, ERR_MISMATCH,
			       "'%s' has %zu bytes on one side and %zu on the other", where, a->n,
			       b->n);
	if (a->n && memcmp(a->p, b->p, a->n) != 0)
		return err_set(e, ERR_MISMATCH, "'%s' differs in content", where);
	return 0;
}

/* Children of one storage on both sides. */
static int compare_children(const struct qnode *a, const struct qnode *b, struct err *e)
{
	_cleanup_free_ struct qnode **va = NULL, **vb = NULL;
	char where[128];
	size_t i;

	if (qnode_sorted(a, &va, e) < 0 || qnode_sorted(b, &vb, e) < 0)
		return -1;
	for (i = 0; i < a->n_children || i < b->n_children; i++) {
		const struct qnode *one = NULL;

		if (i >= b->n_children)
			one = va[i];
		else if (i >= a->n_children)
			one = vb[i];
		else if (strcmp(va[i]->name, vb[i]->name) != 0)
			one = strcmp(va[i]->name, vb[i]->name) < 0 ? va[i] : vb[i];
		if (one) {
			qnode_path(one, where, sizeof(where));
			return err_set(e, ERR_MISMATCH, "'%s' is on one side only", where);
		}
		if (compare_node(va[i], vb[i], e) < 0)
			return -1;
	}
	/* Bounded by QTREE_MAX_DEPTH. */
	for (i = 0; i < a->n_children; i++) {
		if (va[i]->kind == QNODE_STORAGE && compare_children(va[i], vb[i], e) < 0)
			return -1;
	}
	return 0;
}

int qtree_compare(const struct qtree *a, const struct qtree *b, struct err *e)
{
	if (!a->root || !b->root)
		return a->root == b->root ? 0 : err_set(e, ERR_MISMATCH, "one side is empty");
	return compare_children(a->root, b->root, e);
}
