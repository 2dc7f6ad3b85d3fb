/*
 * XQCN, the XML form of a QPST backup: nested <Storage Name> elements with <Stream Length Name
 * Value> leaves, the bytes as hex in an attribute.
 *
 * Read by a parser of its own, as a stream: an array of NV items is an attribute of half a million
 * characters and an item file may be larger, while XML libraries stop at ten million or hold the
 * whole text. It takes what XML allows in such a file (order of attributes, either quote, comments)
 * and refuses what it does not need (DOCTYPE, entities of its own, CDATA, other elements), so
 * nothing can expand.
 */
#ifndef SALVOR_IMAGE_XQCN_H
#define SALVOR_IMAGE_XQCN_H

#include "base/stream.h"
#include "image/qfinding.h"
#include "image/qtree.h"

struct xqcn_opts {
	size_t max;       /* memory for the tree; 0 = QTREE_MAX */
	bool trust_value; /* repair: where Length and Value disagree or Length is missing, believe
			     Value and make it a finding */
};

/* Reads one whole document; src of a stream is the file offset of its Value's first character.
 * opts and findings may be NULL. ERR_PROTO names the line and, where known, the stream. */
int xqcn_read(struct source *in, const struct xqcn_opts *opts, struct qtree *ret,
	      struct qfindings *findings, struct err *e) _must_check_;

/* Writes as QPST does: Windows-1252 declared and nothing but ASCII written, CRLF, two blanks a
 * level, single quotes, Length Name Value, upper-case hex with a blank between. The root is called
 * `name`, or keeps its own when that is NULL; bytes of `name` that are not text become '?'.
 * ERR_UNSUPPORTED for a name that XML cannot hold (control characters, which compound files allow).
 */
int xqcn_write(const struct qtree *t, const char *name, struct sink *out,
	       struct err *e) _must_check_;

/* Overwrites bytes of one stream within the text of a file; every other character of the file
 * stays. `path` as for qtree_stream(). ERR_MISMATCH when the stream or those bytes are not in it.
 */
int xqcn_poke(uint8_t *file, size_t size, const char *path, size_t off, struct slice bytes,
	      struct err *e) _must_check_;

#endif
