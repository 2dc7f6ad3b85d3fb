/* Provides what a verb's row asks for, in a fixed order, and releases it in the reverse one. */
#ifndef SALVOR_CMD_NEEDS_H
#define SALVOR_CMD_NEEDS_H

#include "cmd/ctx.h"
#include "cmd/opts.h"

int needs_open(struct ctx *c, const struct parsed *p, struct err *e) _must_check_;
void needs_close(struct ctx *c);

#endif
