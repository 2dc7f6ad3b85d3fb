#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void vset(struct err *e, enum err_kind kind, int32_t code, const char *fmt, va_list ap)
{
	e->kind = kind;
	e->code = code;
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
}

int (err_set)(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(e, kind, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int (err_set_code)(struct err *e, enum err_kind kind, int32_t code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vset(e, kind, code, fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOMEM:
		return ERR_NOMEM;
	case EBUSY:
		return ERR_BUSY;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	case EINTR:
		return ERR_CANCELLED;
	default:
		return ERR_HOST;
	}
}

int (err_set_errno)(struct err *e, int errnum, const char *fmt, ...)
{
	char why[96];
	va_list ap;

	va_start(ap, fmt);
	vset(e, kind_of_errno(errnum), errnum, fmt, ap);
	va_end(ap);
	/* The GNU strerror_r may return a static text instead of filling the buffer. */
	const char *text = strerror_r(errnum, why, sizeof(why));
	return err_append(e, ": %s", text);
}

int (err_nomem)(struct err *e)
{
	return err_set_code(e, ERR_NOMEM, ENOMEM, "out of memory");
}

int (err_prefix)(struct err *e, const char *fmt, ...)
{
	char prefix[sizeof(e->msg)];
	size_t room = sizeof(e->msg) - 1, p, old = strnlen(e->msg, room);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	p = strlen(prefix);
	/* The front of the message tells more than its tail: what does not fit is cut at the end. */
	if (p + 2 > room) {
		memcpy(e->msg, prefix, p + 1);
		return -1;
	}
	old = MIN_OF(old, room - p - 2);
	memmove(e->msg + p + 2, e->msg, old);
	memcpy(e->msg, prefix, p);
	memcpy(e->msg + p, ": ", 2);
	e->msg[p + 2 + old] = '\0';
	return -1;
}

int err_append(struct err *e, const char *fmt, ...)
{
	size_t n = strnlen(e->msg, sizeof(e->msg));
	va_list ap;

	if (n >= sizeof(e->msg) - 1)
		return -1;
	va_start(ap, fmt);
	vsnprintf(e->msg + n, sizeof(e->msg) - n, fmt, ap);
	va_end(ap);
	return -1;
}

void err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->code = 0;
	e->msg[0] = '\0';
}

const char *err_kind_name(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return "none";
	case ERR_USAGE:
		return "usage";
	case ERR_NOMEM:
		return "no-memory";
	case ERR_HOST:
		return "host";
	case ERR_NODEV:
		return "no-device";
	case ERR_LINK:
		return "link";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_GONE:
		return "gone";
	case ERR_BUSY:
		return "busy";
	case ERR_PROTO:
		return "protocol";
	case ERR_REFUSED:
		return "refused";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_INTEGRITY:
		return "integrity";
	case ERR_MISMATCH:
		return "mismatch";
	case ERR_POLICY:
		return "policy";
	case ERR_PARTIAL:
		return "partial";
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_BUG:
		return "bug";
	}
	return "unknown";
}
