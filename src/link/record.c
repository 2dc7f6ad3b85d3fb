#include "link/record.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 32

struct record {
	struct link link;
	struct link *inner;
	struct sink *out; /* NULL once writing failed */
	uint64_t start_ms;
	char text[4096]; /* gathered until it is full or the transfer is complete */
	size_t n;
};

static void flush(struct record *r)
{
	struct err e = ERR_INIT;

	if (r->out && r->n && sink_put(r->out, r->text, r->n, &e) < 0) {
		log_warn(r->link.log, "record", "the link log ends here: %s", e.msg);
		r->out = NULL;
	}
	r->n = 0;
}

static void _printf_(2, 3) add(struct record *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (sizeof(r->text) - r->n < 512)
		flush(r);
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->n, sizeof(r->text) - r->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->n += MIN_OF((size_t)n, sizeof(r->text) - r->n - 1);
}

static void add_stamp(struct record *r)
{
	add(r, "%" PRIu64 " ", clock_ms() - r->start_ms);
}

static void add_bytes(struct record *r, struct slice s)
{
	size_t off, i;

	for (off = 0; off < s.n; off += LINE_BYTES) {
		struct slice part = slice_sub(s, off, LINE_BYTES);
		char hex[2 * LINE_BYTES + 1], gloss[LINE_BYTES + 1];

		hex_encode(hex, part);
		for (i = 0; i < part.n; i++)
			gloss[i] = part.p[i] >= 0x20 && part.p[i] < 0x7f ? (char)part.p[i] : '.';
		gloss[i] = '\0';
		add(r, "  %s  |%s|\n", hex, gloss);
	}
}

static void add_err(struct record *r, const struct err *e)
{
	char msg[sizeof(e->msg)];
	char *p;

	snprintf(msg, sizeof(msg), "%s", e->msg);
	for (p = msg; *p; p++) {
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	}
	add(r, "!%s %s\n", err_kind_name(e->kind), msg);
}

static int record_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		       struct err *e)
{
	struct record *r = container_of(l, struct record, link);
	size_t n = 0;
	int rc = r->inner->ops->read(r->inner, buf, cap, ms, &n, e);

	add_stamp(r);
	if (rc < 0) {
		add(r, "< ");
		add_err(r, e);
	} else {
		add(r, "< %zu\n", n);
		add_bytes(r, SLICE(buf, n));
		*ret_n = n;
	}
	flush(r);
	return rc;
}

static int record_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct record *r = container_of(l, struct record, link);
	int rc = r->inner->ops->write(r->inner, buf, n, ms, e);

	add_stamp(r);
	add(r, "> %zu%s", n, rc < 0 ? " " : "\n");
	if (rc < 0)
		add_err(r, e);
	add_bytes(r, SLICE(buf, n));
	flush(r);
	return rc;
}

static void record_set_zlp(struct link *l, enum link_zlp zlp)
{
	struct record *r = container_of(l, struct record, link);

	link_set_zlp(r->inner, zlp);
	add_stamp(r);
	add(r, "zlp %s\n", zlp == LINK_ZLP_AUTO ? "auto" : zlp == LINK_ZLP_ON ? "on" : "off");
}

static int record_recover(struct link *l, struct err *e)
{
	struct record *r = container_of(l, struct record, link);
	int rc = link_recover(r->inner, e);

	add_stamp(r);
	if (rc < 0) {
		add(r, "recover ");
		add_err(r, e);
	} else {
		add(r, "recover\n");
	}
	return rc;
}

static void record_close(struct link *l)
{
	struct record *r = container_of(l, struct record, link);

	flush(r);
	link_close(r->inner);
	free(r);
}

static int record_settle(struct link *l, struct err *e)
{
	return link_settle(container_of(l, struct record, link)->inner, e);
}

static const struct link_ops record_ops = {
	.name = "record",
	.read = record_read,
	.write = record_write,
	.close = record_close,
	.set_zlp = record_set_zlp,
	.recover = record_recover,
	.settle = record_settle,
};

int record_open(struct link *inner, struct sink *out, struct link **ret, struct err *e)
{
	struct record *r = malloc(sizeof(*r));

	if (!r)
		return err_nomem(e);
	*r = (struct record){ .link = *inner, .inner = inner, .out = out, .start_ms = clock_ms() };
	r->link.ops = &record_ops;
	add(r, "# salvor link log 1\n# %s\n", inner->desc);
	add(r, "link max_packet=%u can_zlp=%d is_stream=%d\n", inner->max_packet, inner->can_zlp,
	    inner->is_stream);
	*ret = &r->link;
	return 0;
}
