#include "image/nvset_check.h"

#include <stdlib.h>
#include <string.h>

/* One comparable thing of a tree. */
struct thing {
	enum nvset_what what;
	uint8_t group; /* subscription or section */
	uint32_t item; /* id << 16 | index */
	const char *path;
	size_t order; /* in the file */
	struct slice bytes;
};

struct things {
	struct thing *v;
	size_t n, cap;
};

static int add(struct things *to, struct thing one, struct err *e)
{
	if (to->n == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 256;
		struct thing *v = realloc(to->v, cap * sizeof(*v));

		if (!v)
			return err_nomem(e);
		to->v = v;
		to->cap = cap;
	}
	one.order = to->n;
	to->v[to->n++] = one;
	return 0;
}

static int compare(const struct thing *a, const struct thing *b)
{
	if (a->what != b->what)
		return a->what < b->what ? -1 : 1;
	if (a->group != b->group)
		return a->group < b->group ? -1 : 1;
	if (a->item != b->item)
		return a->item < b->item ? -1 : 1;
	return a->path ? strcmp(a->path, b->path) : 0;
}

static int by_thing(const void *a, const void *b)
{
	const struct thing *ta = a, *tb = b;
	int c = compare(ta, tb);

	return c ? c : ta->order < tb->order ? -1 : 1;
}

/* Texts of streams' places, which nothing else keeps. Offsets, because the buffer moves. */
static int stream_path(const struct qtree *t, const struct qnode *node, struct buf *paths,
		       size_t *ret, struct err *e)
{
	const struct qnode *chain[QTREE_MAX_DEPTH], *top = nvset_default(t);
	size_t n = 0, at = paths->n;

	/* From `default` on, where there is one above it: models may be called differently. */
	for (; node && node->parent && node != top && n < ARRAY_SIZE(chain); node = node->parent)
		chain[n++] = node;
	while (n--) {
		if (buf_add(paths, chain[n]->name, strlen(chain[n]->name), e) < 0 ||
		    buf_add(paths, n ? "/" : "", 1, e) < 0)
			return -1;
	}
	*ret = at;
	return 0;
}

struct collect {
	const struct qtree *t;
	struct things *to;
	struct buf *paths;
	const struct qnode *sound[NVSET_SUBS]; /* arrays whose every byte is in a sound record */
	const struct qnode **done; /* sorted: streams of files that were compared as files */
	size_t n_done;
};

static int collect_items(struct collect *c, struct err *e)
{
	int s;

	for (s = 0; s < NVSET_SUBS; s++) {
		const struct qnode *array = nvset_array(c->t, (enum nvset_sub)s);
		struct nvset_nv nv;
		size_t pos = 0;

		c->sound[s] = array;
		while (nvset_nv_next(array, &pos, &nv)) {
			if (!nv.ok || nv.constant != 1)
				c->sound[s] = NULL;
			if (nv.ok && add(c->to,
					 (struct thing){ .what = NVSET_WHAT_ITEM,
							 .group = (uint8_t)s,
							 .item = (uint32_t)nv.id << 16 | nv.index,
							 .bytes = nv.data },
					 e) < 0)
				return -1;
		}
		if (array && pos != array->n)
			c->sound[s] = NULL;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t pa = (uintptr_t) * (const struct qnode *const *)a,
		  pb = (uintptr_t) * (const struct qnode *const *)b;

	return pa < pb ? -1 : pa > pb;
}

static int collect_files(struct collect *c, struct err *e)
{
	struct nvset_files f;
	size_t i;
	int r = 0;

	if (nvset_files_list(c->t, &f, e) < 0)
		return -1;
	c->done = malloc((2 * f.n + 1) * sizeof(struct qnode *));
	if (!c->done)
		r = err_nomem(e);
	for (i = 0; r == 0 && i < f.n; i++) {
		if (f.v[i].state != NVSET_FILE_OK)
			continue;
		c->done[c->n_done++] = f.v[i].dir;
		c->done[c->n_done++] = f.v[i].data;
		r = add(c->to,
			(struct thing){ .what = NVSET_WHAT_FILE,
					.group = (uint8_t)f.v[i].section,
					.path = f.v[i].path,
					.bytes = qnode_bytes(f.v[i].data) },
			e);
	}
	if (r == 0)
		qsort(c->done, c->n_done, sizeof(struct qnode *), by_address);
	nvset_files_fini(&f);
	return r;
}

/* Everything that is neither a sound array nor part of a file. */
static int collect_streams(struct collect *c, struct err *e)
{
	const struct qnode *node;
	size_t at;
	int s;

	for (node = c->t->root; node; node = qnode_walk(node)) {
		bool is_array = false;

		for (s = 0; s < NVSET_SUBS; s++)
			is_array |= node == c->sound[s];
		if (node->kind != QNODE_STREAM || is_array ||
		    bsearch(&node, c->done, c->n_done, sizeof(struct qnode *), by_address))
			continue;
		if (stream_path(c->t, node, c->paths, &at, e) < 0 ||
		    add(c->to,
			(struct thing){ .what = NVSET_WHAT_STREAM,
					.item = (uint32_t)at,
					.bytes = qnode_bytes(node) },
			e) < 0)
			return -1;
	}
	if (!nvset_model(c->t))
		return 0;
	at = c->paths->n;
	if (buf_add(c->paths, "model", 6, e) < 0)
		return -1;
	return add(c->to,
		   (struct thing){ .what = NVSET_WHAT_STREAM,
				   .item = (uint32_t)at,
				   .bytes = SLICE(nvset_model(c->t)->name,
						  strlen(nvset_model(c->t)->name)) },
		   e);
}

static int collect(const struct qtree *t, struct things *to, struct buf *paths, struct err *e)
{
	struct collect c = { .t = t, .to = to, .paths = paths };
	int r = collect_items(&c, e);

	if (r == 0)
		r = collect_files(&c, e);
	if (r == 0)
		r = collect_streams(&c, e);
	free(c.done);
	return r;
}

/* The buffer of paths stands still now. */
static void settle(struct things *to, const struct buf *paths)
{
	size_t i;

	for (i = 0; i < to->n; i++) {
		if (to->v[i].what == NVSET_WHAT_STREAM) {
			to->v[i].path = (const char *)paths->p + to->v[i].item;
			to->v[i].item = 0;
		}
	}
	if (to->n)
		qsort(to->v, to->n, sizeof(*to->v), by_thing);
}

static size_t first_difference(struct slice a, struct slice b)
{
	size_t i = 0;

	while (i < a.n && i < b.n && a.p[i] == b.p[i])
		i++;
	return i;
}

static struct nvset_difference difference(const struct thing *a, const struct thing *b)
{
	const struct thing *any = a ? a : b;
	struct nvset_difference d = { .what = any->what, .path = any->path };

	d.change = !b ? NVSET_REMOVED : !a ? NVSET_ADDED : NVSET_CHANGED;
	if (any->what == NVSET_WHAT_ITEM) {
		d.sub = (enum nvset_sub)any->group;
		d.id = (uint16_t)(any->item >> 16);
		d.index = (uint16_t)(any->item & 0xFFFF);
		d.name = nv_name_find(d.id);
	} else if (any->what == NVSET_WHAT_FILE) {
		d.section = (enum nvset_section)any->group;
	}
	d.a = a ? a->bytes : SLICE(NULL, 0);
	d.b = b ? b->bytes : SLICE(NULL, 0);
	d.at = a && b ? first_difference(d.a, d.b) : 0;
	return d;
}

int nvset_diff(const struct qtree *a, const struct qtree *b, struct nvset_diff *ret, struct err *e)
{
	struct things ta = { NULL, 0, 0 }, tb = { NULL, 0, 0 };
	struct buf paths = BUF_INIT(UINT32_MAX / 2);
	struct nvset_diff d = { NULL, 0, NULL };
	size_t i = 0, k = 0;
	int r = collect(a, &ta, &paths, e);

	if (r == 0)
		r = collect(b, &tb, &paths, e);
	if (r == 0 && !(d.v = calloc(ta.n + tb.n + 1, sizeof(*d.v))))
		r = err_nomem(e);
	if (r == 0) {
		settle(&ta, &paths);
		settle(&tb, &paths);
		while (i < ta.n || k < tb.n) {
			int c = i == ta.n ? 1 : k == tb.n ? -1 : compare(&ta.v[i], &tb.v[k]);

			if (c || !slice_eq(ta.v[i].bytes, tb.v[k].bytes))
				d.v[d.n++] = difference(c <= 0 ? &ta.v[i] : NULL,
							c >= 0 ? &tb.v[k] : NULL);
			i += c <= 0;
			k += c >= 0;
		}
		d.paths = (char *)paths.p;
		*ret = d;
	} else {
		buf_fini(&paths);
	}
	free(ta.v);
	free(tb.v);
	return r;
}

void nvset_diff_fini(struct nvset_diff *d)
{
	free(d->v);
	free(d->paths);
	*d = (struct nvset_diff){ NULL, 0, NULL };
}
