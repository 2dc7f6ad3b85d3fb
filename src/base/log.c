#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void log_at(struct log *l, enum log_level level, const char *tag, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!l || !l->line || level > l->level)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->line(l, level, tag, text);
}

void log_bytes(struct log *l, const char *tag, const char *what, struct slice s)
{
	char hex[2 * 64 + 1];
	bool cut = s.n > 64;

	if (!l || !l->line || l->level < LOG_LEVEL_TRACE)
		return;
	hex_encode(hex, slice_sub(s, 0, 64));
	log_trace(l, tag, "%s %zu bytes: %s%s", what, s.n, hex, cut ? "..." : "");
}
