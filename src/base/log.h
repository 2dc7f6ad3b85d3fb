/* Diagnostics. Each session is handed a struct log; NULL means silence. A line carries the floor's
 * tag ("usb", "sahara", "firehose"). Code logs or returns an error, never both. */
#ifndef SALVOR_BASE_LOG_H
#define SALVOR_BASE_LOG_H

#include "base/attr.h"
#include "base/bytes.h"

enum log_level { LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG, LOG_LEVEL_TRACE };

struct log {
	enum log_level level; /* lines above it are not even formatted */
	void (*line)(struct log *, enum log_level, const char *tag, const char *text);
};

void log_at(struct log *l, enum log_level level, const char *tag, const char *fmt, ...) _printf_(4, 5);
#define log_warn(l, tag, ...)  log_at(l, LOG_LEVEL_WARN, tag, __VA_ARGS__)
#define log_info(l, tag, ...)  log_at(l, LOG_LEVEL_INFO, tag, __VA_ARGS__)
#define log_debug(l, tag, ...) log_at(l, LOG_LEVEL_DEBUG, tag, __VA_ARGS__)
#define log_trace(l, tag, ...) log_at(l, LOG_LEVEL_TRACE, tag, __VA_ARGS__)
/* "<what> <n> bytes: 01 02 .. " at trace level, cut at 64 bytes. */
void log_bytes(struct log *l, const char *tag, const char *what, struct slice s);

#endif
