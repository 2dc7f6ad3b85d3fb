/*
 * What a reader or a check found odd in a QPST backup. A finding names its place (stream path,
 * record, line) and never holds a value of the file: those are somebody's identity.
 */
#ifndef SALVOR_IMAGE_QFINDING_H
#define SALVOR_IMAGE_QFINDING_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

enum qfinding_level {
	QFINDING_NOTE,
	QFINDING_WARNING, /* QPST takes it, but somebody should know */
	QFINDING_ERROR,   /* QPST would refuse it, or something of it is lost */
};

struct qfinding {
	enum qfinding_level level;
	const char *code; /* a stable word for JSON: "cut-record" */
	char place[112];
	char text[192];
};

/* Filled anew or appended to; all zero is empty. A hostile file can make any number of findings, so
 * that only the first QFINDINGS_MAX are kept; `dropped` counts the others, `worst` knows them. */
#define QFINDINGS_MAX 500
struct qfindings {
	struct qfinding *v; /* malloced */
	size_t n, cap, dropped;
	enum qfinding_level worst; /* QFINDING_NOTE also when there is none */
};

/* f may be NULL: nobody wants to know. */
void qfindings_add(struct qfindings *f, enum qfinding_level level, const char *code,
		   const char *place, const char *fmt, ...) _printf_(5, 6) _nonnull_(3, 4, 5);
/* The first finding with that code, or NULL. */
const struct qfinding *qfindings_find(const struct qfindings *f, const char *code);
void qfindings_fini(struct qfindings *f);
/* "note", "warning", "error". */
const char *qfinding_level_name(enum qfinding_level level);

#endif
