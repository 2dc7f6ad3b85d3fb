#include "cmd/ctx.h"

#include <stdarg.h>
#include <stdio.h>

int ctx_next(struct ctx *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->next, sizeof(c->next), fmt, ap);
	va_end(ap);
	return -1;
}
