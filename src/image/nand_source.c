#include "image/nand_source.h"

#include "base/cleanup.h"
#include "base/xml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The text, in place, without the blanks around it. */
static char *trimmed(char *text)
{
	size_t n;
	char *from = text;

	if (!text)
		return NULL;
	while (isspace((unsigned char)*from))
		from++;
	n = strlen(from);
	while (n && isspace((unsigned char)from[n - 1]))
		n--;
	memmove(text, from, n);
	text[n] = '\0';
	return text;
}

static int field_set(struct nand_source_part *p, bool *has_size, const char *name, const char *text,
		     struct err *e)
{
	uint64_t v = 0;

	if (strcmp(name, "name") == 0) {
		if (text[0] == '\0' || strlen(text) >= sizeof(p->name))
			return err_set(e, ERR_PROTO, "name '%.40s' has not 1 to 16 bytes", text);
		strcpy(p->name, text);
		return 0;
	}
	if (strcmp(name, "img_name") == 0) {
		char *copy = strdup(text);

		if (!copy)
			return err_nomem(e);
		free(p->img_name);
		p->img_name = copy;
		return 0;
	}
	if (strcmp(name, "size_blks") != 0 && strcmp(name, "size_kb") != 0 &&
	    strcmp(name, "pad_blks") != 0 && strcmp(name, "pad_kb") != 0 &&
	    strcmp(name, "which_flash") != 0 && strcmp(name, "attr") != 0)
		return 0; /* nothing that is needed here */
	if (parse_u64(text, UINT32_MAX, &v, e) < 0) {
		e->kind = ERR_PROTO;
		return err_prefix(e, "%s", name);
	}
	if (strncmp(name, "size_", 5) == 0) {
		p->size = (uint32_t)v;
		p->grows = v == UINT32_MAX;
		p->in_kib = strcmp(name, "size_kb") == 0;
		*has_size = true;
	} else if (strncmp(name, "pad_", 4) == 0) {
		p->pad = (uint32_t)v;
	} else if (strcmp(name, "which_flash") == 0) {
		p->which_flash = (uint32_t)v;
	} else if (v > UINT8_MAX || p->n_attr == ARRAY_SIZE(p->attr)) {
		return err_set(e, ERR_PROTO, "more or larger attributes than there is room for");
	} else {
		p->attr[p->n_attr++] = (uint8_t)v;
	}
	return 0;
}

/* A field is a child element; attributes are accepted as well. */
static int part_parse(const struct xml_node *node, struct nand_source_part *p, struct err *e)
{
	const struct xml_node *field;
	const char *name, *value;
	bool has_size = false;
	size_t i;

	for (i = 0; xml_attr_at(node, i, &name, &value); i++) {
		if (field_set(p, &has_size, name, value, e) < 0)
			return -1;
	}
	for (field = xml_child(node); field; field = xml_next(field)) {
		_cleanup_free_ char *text = trimmed(xml_text(field));

		if (!text)
			return err_nomem(e);
		if (field_set(p, &has_size, xml_name(field), text, e) < 0)
			return -1;
	}
	if (!p->name[0] || !has_size)
		return err_set(e, ERR_PROTO, "name or size is missing");
	if (!p->img_name && !(p->img_name = strdup("")))
		return err_nomem(e);
	return 0;
}

/* A MIBIB page has room for fewer than 150 entries. */
#define MAX_PARTS 256

static int part_add(const struct xml_node *node, struct nand_source *s, struct err *e)
{
	struct nand_source_part p = { .line = xml_line(node) };

	if (s->n == MAX_PARTS)
		return err_set(e, ERR_PROTO, "more than %d partitions", MAX_PARTS);
	if (part_parse(node, &p, e) < 0) {
		free(p.img_name);
		return err_prefix(e, "line %u: partition '%s'", p.line, p.name);
	}
	s->part[s->n++] = p;
	return 0;
}

int nand_source_parse(struct slice text, struct nand_source *ret, struct err *e)
{
	const struct xml_node *node, *inner;
	struct nand_source s = { 0 };
	struct xml_doc *doc;
	int r = 0;

	if (xml_parse(text, NAND_SOURCE_TEXT_MAX, &doc, e) < 0)
		return -1;
	s.part = calloc(MAX_PARTS, sizeof(*s.part));
	if (!s.part)
		r = err_nomem(e);
	/* Partitions stand in the root, or in one element below it. */
	for (node = xml_child(xml_root(doc)); node && r == 0; node = xml_next(node)) {
		if (strcmp(xml_name(node), "partition") == 0) {
			r = part_add(node, &s, e);
			continue;
		}
		for (inner = xml_child(node); inner && r == 0; inner = xml_next(inner)) {
			if (strcmp(xml_name(inner), "partition") == 0)
				r = part_add(inner, &s, e);
		}
	}
	if (r == 0 && s.n == 0)
		r = err_set(e, ERR_PROTO, "no <partition> in <%.40s>", xml_name(xml_root(doc)));
	xml_free(doc);
	if (r < 0) {
		nand_source_fini(&s);
		return -1;
	}
	*ret = s;
	return 0;
}

void nand_source_fini(struct nand_source *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		free(s->part[i].img_name);
	free(s->part);
	*s = (struct nand_source){ 0 };
}
