#include "image/xqcn.h"

#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 65536

struct xml_out {
	struct sink *out;
	uint8_t *chunk;
	size_t n;
	struct err *e;
};

static int flush(struct xml_out *x)
{
	size_t n = x->n;

	x->n = 0;
	return n ? sink_put(x->out, x->chunk, n, x->e) : 0;
}

static int put(struct xml_out *x, const char *text)
{
	size_t len = strlen(text);

	if (len > CHUNK - x->n && flush(x) < 0)
		return -1;
	memcpy(x->chunk + x->n, text, len);
	x->n += len;
	return 0;
}

static int put_hex(struct xml_out *x, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (CHUNK - x->n < 3 && flush(x) < 0)
			return -1;
		if (i)
			x->chunk[x->n++] = ' ';
		x->chunk[x->n++] = (uint8_t)digits[s.p[i] >> 4];
		x->chunk[x->n++] = (uint8_t)digits[s.p[i] & 15];
	}
	return 0;
}

/* The characters that XML 1.0 has at all; 0x7F is one, but nobody means it. */
static bool is_xml(uint32_t c)
{
	return c >= 0x20 && c != 0x7F && c != 0xFFFE && c != 0xFFFF;
}

static void spell(uint32_t c, char out[16])
{
	switch (c) {
	case '\'':
		snprintf(out, 16, "&apos;");
		break;
	case '"':
		snprintf(out, 16, "&quot;");
		break;
	case '&':
		snprintf(out, 16, "&amp;");
		break;
	case '<':
		snprintf(out, 16, "&lt;");
		break;
	case '>':
		snprintf(out, 16, "&gt;");
		break;
	default:
		if (c < 0x80)
			snprintf(out, 16, "%c", (char)c);
		else
			snprintf(out, 16, "&#%u;", (unsigned)c);
	}
}

/* is_file_name: from outside, so that what cannot stand there becomes '?'. */
static int put_name(struct xml_out *x, const char *name, bool is_file_name)
{
	struct slice rest = SLICE(name, strlen(name));

	while (rest.n) {
		uint32_t c = 0;
		size_t len = utf8_get(rest, &c);
		char one[16];

		if (!is_xml(c) && !is_file_name)
			return err_set(x->e, ERR_UNSUPPORTED,
				       "a name has the character 0x%02x, which an XQCN cannot "
				       "hold",
				       (unsigned)c);
		spell(is_xml(c) ? c : '?', one);
		if (put(x, one) < 0)
			return -1;
		rest = slice_sub(rest, len ? len : 1, rest.n);
	}
	return 0;
}

static int indent(struct xml_out *x, unsigned depth)
{
	while (depth--) {
		if (put(x, "  ") < 0)
			return -1;
	}
	return 0;
}

static int put_stream(struct xml_out *x, const struct qnode *node, unsigned depth)
{
	char head[48];

	snprintf(head, sizeof(head), "<Stream Length='%zu' Name='", node->n);
	if (indent(x, depth) < 0 || put(x, head) < 0 || put_name(x, node->name, false) < 0 ||
	    put(x, "' Value='") < 0 || put_hex(x, qnode_bytes(node)) < 0)
		return -1;
	return put(x, "'/>\r\n");
}

static int open_storage(struct xml_out *x, const struct qnode *node, const char *name,
			unsigned depth)
{
	if (indent(x, depth) < 0 || put(x, "<Storage Name='") < 0 ||
	    put_name(x, name ? name : node->name, name != NULL) < 0)
		return -1;
	return put(x, node->first ? "'>\r\n" : "'/>\r\n");
}

static int close_storage(struct xml_out *x, unsigned depth)
{
	return indent(x, depth) < 0 ? -1 : put(x, "</Storage>\r\n");
}

static int put_tree(struct xml_out *x, const struct qtree *t, const char *name)
{
	const struct qnode *node = t->root;
	unsigned depth = 0;

	if (put(x, "<?xml version=\"1.0\" encoding=\"Windows-1252\" ?>\r\n") < 0)
		return -1;
	while (node) {
		int r = node->kind == QNODE_STREAM
				? put_stream(x, node, depth)
				: open_storage(x, node, depth ? NULL : name, depth);

		if (r < 0)
			return -1;
		if (node->first) {
			depth++;
			node = node->first;
			continue;
		}
		while (node && !node->next) {
			node = node->parent;
			if (node && close_storage(x, --depth) < 0)
				return -1;
		}
		node = node ? node->next : NULL;
	}
	return flush(x);
}

int xqcn_write(const struct qtree *t, const char *name, struct sink *out, struct err *e)
{
	struct xml_out x = { out, NULL, 0, e };
	int r;

	if (!t->root)
		return err_set(e, ERR_BUG, "nothing to write: the backup has no root");
	x.chunk = malloc(CHUNK);
	r = x.chunk ? put_tree(&x, t, name) : err_nomem(e);
	free(x.chunk);
	return r;
}
