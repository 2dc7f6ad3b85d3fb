/*
 * Errors. A fallible function returns 0 or -1 and fills `e`, which is never NULL.
 *
 * `kind` decides what code does (retry on ERR_TIMEOUT, never on ERR_REFUSED; exit status); `code`
 * keeps the peer's own number (errno, a Sahara status, a DIAG error byte); `msg` is for people and is
 * built inside out, each level adding a prefix with err_prefix(). An error is spoken once, by src/cmd.
 * Nothing here allocates, so running out of memory can be reported too.
 */
#ifndef SALVOR_BASE_ERR_H
#define SALVOR_BASE_ERR_H

#include "base/attr.h"

#include <stdbool.h>
#include <stdint.h>

enum err_kind {
	ERR_NONE,
	ERR_USAGE,       /* the person asked for something that makes no sense */
	ERR_NOMEM,
	ERR_HOST,        /* this computer: a file, a directory, a permission; code = errno */
	ERR_NODEV,       /* no such module attached */
	ERR_LINK,        /* the cable, hub or driver misbehaved */
	ERR_TIMEOUT,     /* the far side said nothing in time */
	ERR_GONE,        /* the far side left the bus */
	ERR_BUSY,        /* somebody else holds it */
	ERR_PROTO,       /* bytes that we cannot accept */
	ERR_REFUSED,     /* a well-formed "no" from the far side */
	ERR_UNSUPPORTED, /* neither side is wrong, it just cannot be done here */
	ERR_INTEGRITY,   /* data is not what its digest, size or read-back says */
	ERR_MISMATCH,    /* two things that must agree do not: module and file, geometry and package */
	ERR_POLICY,      /* our own rules say no */
	ERR_PARTIAL,     /* done in part; what is there is good, what is missing is listed */
	ERR_CANCELLED,
	ERR_BUG,
};

struct err {
	enum err_kind kind;
	int32_t code;
	char msg[384];
};

#define ERR_INIT { ERR_NONE, 0, "" }

/* All of these return -1, so that `return err_set(e, ...)` reads well. Messages are lower case, name
 * what failed first, quote subjects, and have no full stop. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) _printf_(3, 4) _nonnull_(1, 3);
int err_set_code(struct err *e, enum err_kind kind, int32_t code, const char *fmt, ...)
	_printf_(4, 5) _nonnull_(1, 4);
/* Kind from errno (ENOMEM, EACCES, ENODEV ...); ": strerror" is appended to the message. */
int err_set_errno(struct err *e, int errnum, const char *fmt, ...) _printf_(3, 4) _nonnull_(1, 3);
int err_nomem(struct err *e) _nonnull_(1);
/* Puts "prefix: " in front of what is there; kind and code stay. */
int err_prefix(struct err *e, const char *fmt, ...) _printf_(2, 3) _nonnull_(1, 2);
/* Appends to the message, without a separator. */
int err_append(struct err *e, const char *fmt, ...) _printf_(2, 3) _nonnull_(1, 2);
void err_clear(struct err *e);
/* Stable lower-case word for a kind: "timeout", "refused" ... (in JSON output). */
const char *err_kind_name(enum err_kind kind);

/* The compiler cannot look into the functions from elsewhere; told that they return -1, it sees that an
 * out-parameter is set whenever a call did not fail. */
#define ERR_MINUS_1(call)                                                                          \
	({                                                                                         \
		(void)(call);                                                                      \
		-1;                                                                                \
	})
#define err_set(...)       ERR_MINUS_1((err_set)(__VA_ARGS__))
#define err_set_code(...)  ERR_MINUS_1((err_set_code)(__VA_ARGS__))
#define err_set_errno(...) ERR_MINUS_1((err_set_errno)(__VA_ARGS__))
#define err_nomem(...)     ERR_MINUS_1((err_nomem)(__VA_ARGS__))
#define err_prefix(...)    ERR_MINUS_1((err_prefix)(__VA_ARGS__))

#endif
