#include "tests/unit/qpst_util.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (64u * 1024 * 1024)

struct buf data_file(const char *name)
{
	const char *top = getenv("top_srcdir");
	struct buf b = BUF_INIT(ROOM);
	struct err e = ERR_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/data/%s", top ? top : ".", name);
	assert_ok(fs_read_file(path, &b, &e), e);
	return b;
}

struct qtree read_xqcn(struct slice text)
{
	struct mem_source mem;
	struct err e = ERR_INIT;
	struct qtree t;

	mem_source_init(&mem, text);
	assert_ok(xqcn_read(&mem.source, NULL, &t, NULL, &e), e);
	return t;
}

struct qtree read_qcn(struct slice file)
{
	struct err e = ERR_INIT;
	struct qtree t;

	assert_ok(qcn_read(file, 0, &t, NULL, &e), e);
	return t;
}

struct buf written_xqcn(const struct qtree *t, const char *name)
{
	struct buf b = BUF_INIT(4 * ROOM);
	struct err e = ERR_INIT;
	struct buf_sink to;

	buf_sink_init(&to, &b);
	assert_ok(xqcn_write(t, name, &to.sink, &e), e);
	return b;
}

struct buf written_qcn(const struct qtree *t)
{
	struct buf b = BUF_INIT(4 * ROOM);
	struct err e = ERR_INIT;
	struct buf_sink to;

	buf_sink_init(&to, &b);
	assert_ok(qcn_write(t, A_TIME, &to.sink, &e), e);
	return b;
}

void assert_same(const struct qtree *a, const struct qtree *b)
{
	struct err e = ERR_INIT;

	assert_ok(qtree_compare(a, b, &e), e);
}

static struct qnode *add(struct qtree *t, struct qnode *parent, enum qnode_kind kind,
			 const char *name)
{
	struct err e = ERR_INIT;
	struct qnode *node;

	assert_ok(qtree_add(t, parent, kind, SLICE(name, strlen(name)), &node, &e), e);
	return node;
}

struct qnode *add_stream(struct qtree *t, struct qnode *parent, const char *name,
			 struct slice bytes)
{
	struct qnode *node = add(t, parent, QNODE_STREAM, name);
	struct err e = ERR_INIT;

	assert_ok(qtree_put(t, node, bytes, &e), e);
	return node;
}

struct qnode *add_storage(struct qtree *t, struct qnode *parent, const char *name)
{
	return add(t, parent, QNODE_STORAGE, name);
}

uint8_t *some_bytes(size_t n, uint32_t seed)
{
	uint8_t *p = malloc(n + 1);
	size_t i;

	assert_non_null(p);
	for (i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (uint8_t)(seed >> 24);
	}
	return p;
}

struct qtree synthetic(void)
{
	struct buf file = data_file("synthetic.xqcn");
	struct qtree t = read_xqcn(buf_slice(&file));

	buf_fini(&file);
	return t;
}

struct qtree fresh(void)
{
	struct err e = ERR_INIT;
	struct qtree t;

	assert_ok(nvset_new(&t, 0, "x.xqcn", "00000000", &e), e);
	return t;
}

void add_item(struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index, const void *p,
	      size_t n)
{
	struct err e = ERR_INIT;

	assert_ok(nvset_nv_add(t, sub, id, index, SLICE(p, n), &e), e);
}

void add_file(struct qtree *t, enum nvset_section section, const char *path, const void *p,
	      size_t n)
{
	struct err e = ERR_INIT;

	assert_ok(nvset_file_add(t, section, path, 0, SLICE(p, n), &e), e);
}

void remove_node(struct qnode *node)
{
	struct qnode **at = &node->parent->first, *last = NULL;

	while (*at != node) {
		last = *at;
		at = &(*at)->next;
	}
	*at = node->next;
	if (!node->next)
		node->parent->last = last;
	node->parent->n_children--;
	free(node->p);
	free(node);
}
