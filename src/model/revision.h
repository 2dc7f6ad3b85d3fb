/*
 * Firmware revisions as Quectel writes them:
 *
 *     EC25EFA R06 A17 M4G  _20.200.20.200
 *     head    R   A   mem  letters  rest
 *
 * The R belongs to the release line, never to the head. Nothing in the name says where the project ends
 * and the variant begins, so heads are compared as one string; the split is for display.
 */
#ifndef SALVOR_MODEL_REVISION_H
#define SALVOR_MODEL_REVISION_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct revision {
	char text[96];    /* as given, blanks and a "Revision:" in front removed */
	char head[32];    /* "EC25EFA" */
	char project[16]; /* "EC25"; empty when it is not in our table */
	char variant[32]; /* "EFA"; the whole head when the project is unknown */
	bool qualcomm;    /* the project is known to hold a Qualcomm chip */
	bool foreign;     /* the project is known to hold another maker's chip */
	uint8_t r, a;
	char mem[5];      /* "M4G"; empty when there is none */
	char letters[16]; /* the A of "M4GA"; usually empty */
	char rest[72];    /* all behind the first underscore, or empty */
	char suffix[16];  /* the token of the rest of form "20.200.20.200" or "01.200" */
	bool transient;   /* suffix ends in "00.000": the module is still starting, ask again */
	bool unordered;   /* BETA or dated build: neither older nor newer than anything */
};

/* ERR_PROTO with the text when it does not follow the grammar: an unknown version, which stops a
 * flash. */
int revision_parse(const char *text, struct revision *ret, struct err *e) _must_check_;

bool revision_same_head(const struct revision *a, const struct revision *b);
/* Head, release line and memory: what must agree for firmware to fit without further knowledge. */
bool revision_same_line(const struct revision *a, const struct revision *b);

enum revision_order {
	REVISION_SAME,
	REVISION_OLDER, /* a is older than b */
	REVISION_NEWER,
	REVISION_UNORDERED, /* other line, other suffix family, beta or dated: not comparable */
};
enum revision_order revision_compare(const struct revision *a, const struct revision *b);

struct revision_token {
	char text[72];
	char meaning[96];
};
#define REVISION_TOKENS_MAX 12
/* Takes the name apart into words for people; returns the number of tokens. */
size_t revision_explain(const struct revision *v, struct revision_token out[REVISION_TOKENS_MAX]);

#endif
