#include "link/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEM_BUF     16384
#define EMPTIES_MAX 10000

struct mem {
	struct link link;
	struct mem_far far;
	enum link_zlp zlp;
	bool gone;
	size_t off, n; /* what was received and not yet read */
	uint8_t buf[MEM_BUF];
};

static int fail_mem(struct mem *m, int errnum, const char *what, struct err *e)
{
	if (errnum == ENODEV || errnum == EPROTO || errnum == ESHUTDOWN) {
		m->gone = true;
		return err_set_code(e, ERR_GONE, errnum, "the device left the bus");
	}
	if (errnum == EPIPE)
		return err_set_code(e, ERR_LINK, errnum, "%s: the endpoint is halted", what);
	err_set_errno(e, errnum, "%s failed", what);
	e->kind = ERR_LINK;
	return -1;
}

/* Lets time pass on the far side. False when the time that the caller grants is over. */
static bool let_pass(struct mem *m, uint32_t *left)
{
	uint32_t passed;

	if (*left == 0 || !m->far.idle)
		return false;
	passed = m->far.idle(m->far.arg, *left);
	*left -= MIN_OF(passed, *left);
	return passed != 0;
}

/* The largest transfer that ends at a packet border. */
static size_t most(const struct mem *m)
{
	return m->far.max_packet ? MEM_BUF / m->far.max_packet * m->far.max_packet : MEM_BUF;
}

/* One IN transfer into our own buffer, as long as `cap` rounded up to whole packets. Returns what
 * the far side's `in` does. */
static ssize_t fill(struct mem *m, size_t cap)
{
	size_t mp = m->far.max_packet, want = MIN_OF(cap, most(m));
	ssize_t r;

	if (m->gone)
		return -ENODEV;
	if (mp)
		want = (want + mp - 1) / mp * mp;
	r = m->far.in(m->far.arg, m->buf, want);
	if (r > 0) {
		m->off = 0;
		m->n = (size_t)r;
	}
	return r;
}

static int mem_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		    struct err *e)
{
	struct mem *m = container_of(l, struct mem, link);
	unsigned empties = 0;
	uint32_t left = ms;
	size_t n;

	while (m->off == m->n) {
		ssize_t r = fill(m, cap);

		if (r < 0 && r != -EAGAIN)
			return fail_mem(m, (int)-r, "reading", e);
		/* A far side that sends nothing but empty packets may not hold us for ever. */
		if ((r == -EAGAIN && !let_pass(m, &left)) || (r == 0 && ++empties > EMPTIES_MAX))
			return err_set(e, ERR_TIMEOUT, "nothing arrived in %u ms", ms);
	}
	n = MIN_OF(cap, m->n - m->off);
	memcpy(buf, m->buf + m->off, n);
	m->off += n;
	*ret_n = n;
	return 0;
}

static int out_one(struct mem *m, const void *p, size_t n, uint32_t *left, struct err *e)
{
	for (;;) {
		int r = m->gone ? -ENODEV : m->far.out(m->far.arg, p, n);

		if (r == 0)
			return 0;
		if (r != -EAGAIN)
			return fail_mem(m, -r, "writing", e);
		if (!let_pass(m, left))
			return err_set(e, ERR_TIMEOUT, "the far side takes nothing");
	}
}

static int mem_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct mem *m = container_of(l, struct mem, link);
	const uint8_t *p = buf;
	size_t done = 0, step;

	while (done < n) {
		step = MIN_OF(n - done, most(m));
		if (out_one(m, p + done, step, &ms, e) < 0)
			return -1;
		done += step;
	}
	if (n && m->zlp != LINK_ZLP_OFF && l->can_zlp && n % l->max_packet == 0)
		return out_one(m, "", 0, &ms, e);
	return 0;
}

static void mem_set_zlp(struct link *l, enum link_zlp zlp)
{
	container_of(l, struct mem, link)->zlp = zlp;
}

static int mem_recover(struct link *l, struct err *e)
{
	struct mem *m = container_of(l, struct mem, link);

	if (m->gone)
		return fail_mem(m, ENODEV, "clearing the halt", e);
	if (m->far.recovered)
		m->far.recovered(m->far.arg);
	return 0;
}

static void mem_close(struct link *l)
{
	struct mem *m = container_of(l, struct mem, link);

	if (m->far.closed)
		m->far.closed(m->far.arg);
	free(m);
}

static const struct link_ops mem_ops = {
	.name = "mem",
	.read = mem_read,
	.write = mem_write,
	.close = mem_close,
	.set_zlp = mem_set_zlp,
	.recover = mem_recover,
};

int mem_open(const struct mem_far *far, const char *desc, struct log *log, struct link **ret,
	     struct err *e)
{
	struct mem *m;

	if (far->max_packet > MEM_BUF)
		return err_set(e, ERR_BUG, "packet of %u bytes is over %d", far->max_packet,
			       MEM_BUF);
	m = malloc(sizeof(*m));
	if (!m)
		return err_nomem(e);
	*m = (struct mem){ .far = *far };
	m->link.ops = &mem_ops;
	m->link.log = log;
	m->link.max_packet = far->max_packet;
	m->link.can_zlp = far->max_packet != 0;
	m->link.is_stream = far->max_packet == 0;
	snprintf(m->link.desc, sizeof(m->link.desc), "%s", desc);
	*ret = &m->link;
	return 0;
}
