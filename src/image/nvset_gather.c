#include "image/nvset_flat.h"

#include "base/cleanup.h"
#include "model/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 6

struct making {
	struct qnode **file; /* sorted by name */
	bool *used;
	size_t n;
	struct qtree tree;
	struct qnode *open[QTREE_MAX_DEPTH + 1]; /* storages down to where the last line stood */
	unsigned depth;                          /* of the innermost one */
	struct qnode *array;                     /* the last line was "items" or one of its items */
};

int nvset_gather_init(struct nvset_gather *g, size_t max, struct err *e)
{
	struct qnode *root;

	qtree_init(&g->files, max);
	return qtree_add(&g->files, NULL, QNODE_STORAGE, SLICE("", 0), &root, e);
}

void nvset_gather_fini(struct nvset_gather *g)
{
	qtree_fini(&g->files);
}

int nvset_gather_add(struct nvset_gather *g, const char *name, struct slice bytes, struct err *e)
{
	struct qnode *node;

	while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
		name++;
	if (qtree_add(&g->files, g->files.root, QNODE_STREAM, SLICE(name, strlen(name)), &node, e) <
	    0)
		return -1;
	return qtree_put(&g->files, node, bytes, e);
}

static const struct qnode *take_file(struct making *m, const char *name)
{
	size_t i = qnode_sorted_find(m->file, m->n, name);

	if (i == SIZE_MAX)
		return NULL;
	m->used[i] = true;
	return m->file[i];
}

/* Undoes %XX in place. False for what is no escape, and for a NUL. */
static bool unescape(char *text)
{
	char pair[3] = "", *out = text;
	uint8_t c;
	size_t n;
	struct err e;

	for (; *text; text++) {
		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		if (!text[1] || !text[2])
			return false;
		memcpy(pair, text + 1, 2);
		if (hex_decode(pair, &c, 1, &n, &e) < 0 || n != 1 || c == 0)
			return false;
		*out++ = (char)c;
		text += 2;
	}
	*out = '\0';
	return true;
}

static int bad_line(unsigned line, const char *why, struct err *e)
{
	return err_set(e, ERR_PROTO, NVSET_LAYOUT " line %u: %s", line, why);
}

static int decimal(const char *text, unsigned max, unsigned *ret)
{
	struct err e;
	uint64_t v;

	if (parse_u64(text, max, &v, &e) < 0)
		return -1;
	*ret = (unsigned)v;
	return 0;
}

static int missing_file(const char *name, unsigned line, struct err *e)
{
	return err_set(e, ERR_PROTO, NVSET_LAYOUT " line %u: the file '%.200s' is not there", line,
		       name);
}

static int item_line(struct making *m, char **field, unsigned line, struct err *e)
{
	uint8_t head[NVSET_RECORD - NVSET_DATA], pad[NVSET_DATA] = { 0 };
	const struct qnode *file;
	unsigned id, index;

	if (!m->array || decimal(field[1], UINT16_MAX, &id) < 0 ||
	    decimal(field[2], UINT16_MAX, &index) < 0)
		return bad_line(line, "an item without its array or numbers", e);
	file = take_file(m, field[3]);
	if (!file)
		return missing_file(field[3], line, e);
	if (file->n > NVSET_DATA)
		return err_set(e, ERR_PROTO, "'%.200s' has %zu bytes, an item has at most %d",
			       field[3], file->n, NVSET_DATA);
	put_le16(head, NVSET_RECORD);
	put_le16(head + 2, 1);
	put_le16(head + 4, (uint16_t)id);
	put_le16(head + 6, (uint16_t)index);
	if (qtree_append(&m->tree, m->array, SLICE(head, sizeof(head)), e) < 0 ||
	    qtree_append(&m->tree, m->array, qnode_bytes(file), e) < 0)
		return -1;
	return qtree_append(&m->tree, m->array, SLICE(pad, NVSET_DATA - file->n), e);
}

static int path_content(struct making *m, struct qnode *node, char **field, unsigned line,
			struct err *e)
{
	uint8_t header[8];
	size_t n = 0;
	struct err why;

	if ((strcmp(field[3], "-") != 0 &&
	     hex_decode(field[3], header, sizeof(header), &n, &why) < 0) ||
	    !unescape(field[5]) || (strcmp(field[4], "0") != 0 && strcmp(field[4], "1") != 0))
		return bad_line(line, "not a header, a 0 or 1 and a path", e);
	if (qtree_append(&m->tree, node, SLICE(header, n), e) < 0 ||
	    qtree_append(&m->tree, node, SLICE(field[5], strlen(field[5])), e) < 0)
		return -1;
	return qtree_append(&m->tree, node, SLICE("", field[4][0] == '1'), e);
}

/* storage, stream, items, path: a node at a depth. */
static int node_line(struct making *m, char **field, const char *root_name, unsigned line,
		     struct err *e)
{
	bool is_storage = strcmp(field[0], "storage") == 0;
	const struct qnode *file;
	const char *name = field[2];
	struct qnode *node;
	unsigned depth;

	m->array = NULL;
	if (decimal(field[1], QTREE_MAX_DEPTH, &depth) < 0 || !unescape(field[2]))
		return bad_line(line, "no depth or no name", e);
	if (depth == 0 ? !is_storage || m->tree.root : !m->tree.root || depth > m->depth + 1)
		return bad_line(line, "a depth that does not follow from the line before", e);
	if (depth == 0 && root_name)
		name = root_name;
	if (qtree_add(&m->tree, depth ? m->open[depth - 1] : NULL,
		      is_storage ? QNODE_STORAGE : QNODE_STREAM, SLICE(name, strlen(name)), &node,
		      e) < 0)
		return err_prefix(e, NVSET_LAYOUT " line %u", line);
	m->depth = depth;
	if (is_storage) {
		m->open[depth] = node;
		return 0;
	}
	/* A stream has nothing below it; what is deeper than it would hang in the air. */
	m->depth--;
	if (strcmp(field[0], "items") == 0) {
		m->array = node;
		return 0;
	}
	if (strcmp(field[0], "path") == 0)
		return path_content(m, node, field, line, e);
	if (strcmp(field[3], "-") == 0)
		return 0;
	if (!unescape(field[3]))
		return bad_line(line, "a bad escape", e);
	file = take_file(m, field[3]);
	if (!file)
		return missing_file(field[3], line, e);
	return qtree_put(&m->tree, node, qnode_bytes(file), e);
}

static int layout_line(struct making *m, char *text, const char *root_name, unsigned line,
		       struct err *e)
{
	static const struct {
		const char *word;
		size_t fields;
	} known[] = {
		{ "storage", 3 }, { "stream", 4 }, { "items", 3 }, { "path", 6 }, { "item", 4 }
	};
	char *field[FIELDS + 1];
	size_t n = 0, i;

	for (; n < ARRAY_SIZE(field) && text; n++)
		field[n] = strsep(&text, "\t");
	if (line == 1)
		return n == 1 && strcmp(field[0], "salvor-qpst 1") == 0
			       ? 0
			       : bad_line(line, "not a layout of this version", e);
	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(field[0], known[i].word) == 0 && n == known[i].fields)
			return n == 4 && field[0][0] == 'i'
				       ? item_line(m, field, line, e)
				       : node_line(m, field, root_name, line, e);
	}
	return bad_line(line, "not understood", e);
}

static int by_layout(struct making *m, const struct qnode *layout, const char *name, struct err *e)
{
	_cleanup_free_ char *text = malloc(layout->n + 1);
	struct qnode *node;
	char *rest, *line;
	unsigned n = 0;

	if (!text)
		return err_nomem(e);
	if (layout->n)
		memcpy(text, layout->p, layout->n);
	text[layout->n] = '\0';
	for (rest = text; rest && *rest;) {
		line = strsep(&rest, "\n");
		if (layout_line(m, line, name, ++n, e) < 0)
			return -1;
	}
	if (!m->tree.root)
		return bad_line(n, "there is no root", e);
	for (node = m->tree.root; node; node = qnode_walk(node)) {
		if (node->kind == QNODE_STORAGE && qnode_check_names(node, e) < 0)
			return -1;
	}
	return 0;
}

/* Below efs/ stand escaped names, elsewhere the paths themselves. */
static int place_file(struct making *m, const struct qnode *file, unsigned *ret, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	char plain[QTREE_MAX_NAME + 2];
	const char *rest = plain;

	snprintf(plain, sizeof(plain), "/%s", file->name);
	if (strncmp(file->name, "efs/", 4) == 0) {
		if (manifest_path_of_name("efs", file->name, &path, e) < 0) {
			if (e->kind == ERR_NOMEM)
				return -1;
			err_clear(e);
			*ret = 0;
			return 0;
		}
		rest = path;
	}
	return nvset_file_place(&m->tree, rest, qnode_bytes(file), ret, e);
}

static int by_rules(struct making *m, const char *name, size_t max, struct err *e)
{
	static const struct nvset_mpi mpi = { .esn = NVSET_NO_ESN,
					      .tool = { (const uint8_t *)"salvor", 6 } };
	size_t i, found = 0;

	if (nvset_new(&m->tree, max, name ? name : "", "00000000", e) < 0 ||
	    nvset_mpi_put(&m->tree, &mpi, e) < 0)
		return -1;
	for (i = 0; i < m->n; i++) {
		const struct qnode *file = m->file[i];
		enum nvset_sub sub;
		uint16_t id, index;
		unsigned sections = 1;

		if (nvset_nv_name_parse(file->name, &sub, &id, &index)) {
			if (nvset_nv_add(&m->tree, sub, id, index, qnode_bytes(file), e) < 0)
				return err_prefix(e, "'%s'", file->name);
		} else if (place_file(m, file, &sections, e) < 0) {
			return -1;
		}
		m->used[i] = sections != 0;
		found += m->used[i];
	}
	return found ? 0
		     : err_set(e, ERR_MISMATCH, "none of the %zu files belongs into a QPST backup",
			       m->n);
}

int nvset_gather_done(const struct nvset_gather *g, const char *name, struct qtree *ret,
		      struct qfindings *findings, struct err *e)
{
	struct making m = { .n = g->files.root->n_children };
	const struct qnode *layout;
	size_t i;
	int r = qnode_check_names(g->files.root, e);

	qtree_init(&m.tree, g->files.max);
	if (r == 0)
		r = qnode_sorted(g->files.root, &m.file, e);
	if (r == 0 && !(m.used = calloc(m.n + 1, sizeof(*m.used))))
		r = err_nomem(e);
	if (r == 0) {
		layout = take_file(&m, NVSET_LAYOUT);
		r = layout ? by_layout(&m, layout, name, e) : by_rules(&m, name, g->files.max, e);
	}
	for (i = 0; r == 0 && i < m.n; i++) {
		if (!m.used[i])
			qfindings_add(findings, QFINDING_WARNING, "left-out", m.file[i]->name,
				      "QPST's backups have no place for this file");
	}
	free(m.file);
	free(m.used);
	if (r < 0)
		qtree_fini(&m.tree);
	else
		*ret = m.tree;
	return r;
}
