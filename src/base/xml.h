/*
 * XML by libxml2, with one policy: memory only, no network, no entities beyond the five of the
 * standard, no DTD, a size cap, bounded depth. The handles are opaque so that libxml2 stays in xml.c.
 */
#ifndef SALVOR_BASE_XML_H
#define SALVOR_BASE_XML_H

#include "base/bytes.h"
#include "base/err.h"

struct xml_doc;
struct xml_node; /* borrowed; lives as long as its document */

/* Parses one whole document of at most `cap` bytes. A DOCTYPE is refused. */
int xml_parse(struct slice text, size_t cap, struct xml_doc **ret, struct err *e) _must_check_;
void xml_free(struct xml_doc *doc); /* NULL is fine */

const struct xml_node *xml_root(const struct xml_doc *doc);
/* First or next child element, comments and text passed over; NULL at the end. */
const struct xml_node *xml_child(const struct xml_node *node);
const struct xml_node *xml_next(const struct xml_node *node);
const char *xml_name(const struct xml_node *node);
/* Value of an attribute, or NULL; lives as long as the document. */
const char *xml_attr(const struct xml_node *node, const char *name);
/* The i-th attribute in document order; false past the end. */
bool xml_attr_at(const struct xml_node *node, size_t i, const char **ret_name, const char **ret_value);
/* Text content of an element, malloced; NULL when out of memory. */
char *xml_text(const struct xml_node *node);
unsigned xml_line(const struct xml_node *node);

/* Appends `text` with <, >, &, " and control characters escaped, fit for an attribute value. */
void xml_escape(struct writer *w, const char *text);

#endif
