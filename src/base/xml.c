#include "base/xml.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>

#define N(node) ((const xmlNode *)(const void *)(node))
#define X(node) ((const struct xml_node *)(const void *)(node))

struct xml_doc {
	xmlDocPtr doc;
};

static void quiet(_unused_ void *ctx, _unused_ const char *msg, ...)
{
}

int xml_parse(struct slice text, size_t cap, struct xml_doc **ret, struct err *e)
{
	struct xml_doc *d;
	xmlParserCtxtPtr ctxt;
	const xmlError *why;

	if (text.n > cap || text.n > INT32_MAX)
		return err_set(e, ERR_PROTO, "XML of %zu bytes, more than the %zu expected at most", text.n,
			       cap);
	d = calloc(1, sizeof(*d));
	ctxt = xmlNewParserCtxt();
	if (!d || !ctxt) {
		free(d);
		xmlFreeParserCtxt(ctxt);
		return err_nomem(e);
	}
	ctxt->sax->error = quiet;
	ctxt->sax->warning = quiet;
	/* No NOENT: entities stay references and are never expanded, so they cannot multiply. */
	d->doc = xmlCtxtReadMemory(ctxt, (const char *)text.p, (int)text.n, NULL, NULL,
				   XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
					   XML_PARSE_COMPACT);
	if (!d->doc || !xmlDocGetRootElement(d->doc)) {
		why = xmlCtxtGetLastError(ctxt);
		err_set(e, ERR_PROTO, "not well-formed XML: line %d: %.120s", why ? why->line : 0,
			why && why->message ? why->message : "no element");
		for (char *c = e->msg; *c; c++) {
			if (*c == '\n')
				*c = '\0';
		}
		goto fail;
	}
	if (xmlGetIntSubset(d->doc)) {
		err_set(e, ERR_PROTO, "XML with a DOCTYPE is refused");
		goto fail;
	}
	xmlFreeParserCtxt(ctxt);
	*ret = d;
	return 0;
fail:
	if (d->doc)
		xmlFreeDoc(d->doc);
	xmlFreeParserCtxt(ctxt);
	free(d);
	return -1;
}

void xml_free(struct xml_doc *doc)
{
	if (!doc)
		return;
	xmlFreeDoc(doc->doc);
	free(doc);
}

const struct xml_node *xml_root(const struct xml_doc *doc)
{
	return X(xmlDocGetRootElement(doc->doc));
}

static const struct xml_node *element_from(const xmlNode *n)
{
	while (n && n->type != XML_ELEMENT_NODE)
		n = n->next;
	return X(n);
}

const struct xml_node *xml_child(const struct xml_node *node)
{
	return element_from(N(node)->children);
}

const struct xml_node *xml_next(const struct xml_node *node)
{
	return element_from(N(node)->next);
}

const char *xml_name(const struct xml_node *node)
{
	return (const char *)N(node)->name;
}

static const char *attr_value(const xmlAttr *a)
{
	/* Without entity references an attribute is one text node, or none when it is empty. */
	if (!a->children)
		return "";
	return a->children->content ? (const char *)a->children->content : "";
}

const char *xml_attr(const struct xml_node *node, const char *name)
{
	const xmlAttr *a;

	for (a = N(node)->properties; a; a = a->next) {
		if (strcmp((const char *)a->name, name) == 0)
			return attr_value(a);
	}
	return NULL;
}

bool xml_attr_at(const struct xml_node *node, size_t i, const char **ret_name, const char **ret_value)
{
	const xmlAttr *a;

	for (a = N(node)->properties; a; a = a->next) {
		if (i-- == 0) {
			*ret_name = (const char *)a->name;
			*ret_value = attr_value(a);
			return true;
		}
	}
	return false;
}

char *xml_text(const struct xml_node *node)
{
	xmlChar *content = xmlNodeGetContent(N(node));
	char *copy = strdup(content ? (const char *)content : "");

	xmlFree(content);
	return copy;
}

unsigned xml_line(const struct xml_node *node)
{
	long line = xmlGetLineNo(N(node));

	return line > 0 ? (unsigned)line : 0;
}

void xml_escape(struct writer *w, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			wr_str(w, "&lt;");
			break;
		case '>':
			wr_str(w, "&gt;");
			break;
		case '&':
			wr_str(w, "&amp;");
			break;
		case '"':
			wr_str(w, "&quot;");
			break;
		default:
			/* Control characters have no place in an attribute; XML 1.0 cannot even
			 * name most of them. */
			wr_u8(w, (unsigned char)*text < 0x20 ? '?' : (uint8_t)*text);
		}
	}
}
