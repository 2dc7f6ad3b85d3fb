#include "tests/emu/emu_link.h"
#include "tests/emu/emu_int.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (64u << 10)

struct emu_link {
	struct link link;
	struct emu *m;
	struct emu_time *t;
	unsigned iface, generation;
	enum link_zlp zlp;
	size_t have, off; /* bytes that the caller's buffer had no room for */
	uint8_t room[ROOM];
};

static uint64_t now_of(struct emu_time *t)
{
	if (t->real)
		t->now_ms = clock_ms();
	return t->now_ms;
}

/* Time passes: to the module's next event, but not beyond `until`. */
static void pass(struct emu *m, struct emu_time *t, uint64_t until)
{
	uint64_t now = now_of(t), next = emu_tick(m, now);

	next = MIN_OF(MAX_OF(next, now + 1), until);
	if (t->real)
		clock_sleep_ms((uint32_t)MIN_OF(next - now, 10u));
	else
		t->now_ms = next;
	emu_tick(m, now_of(t));
}

static struct emu_link *of(struct link *l)
{
	return container_of(l, struct emu_link, link);
}

static int gone(struct emu_link *k, struct err *e)
{
	return err_set(e, ERR_GONE, "the emulated module has left interface %u", k->iface);
}

static bool is_there(const struct emu_link *k)
{
	return emu_generation(k->m) == k->generation;
}

static int emu_link_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
			 struct err *e)
{
	struct emu_link *k = of(l);
	uint64_t until = now_of(k->t) + ms;
	ssize_t n;

	for (;;) {
		if (k->have > k->off) {
			size_t take = MIN_OF(cap, k->have - k->off);

			memcpy(buf, k->room + k->off, take);
			k->off += take;
			*ret_n = take;
			return 0;
		}
		emu_tick(k->m, now_of(k->t));
		if (!is_there(k))
			return gone(k, e);
		n = emu_in(k->m, k->iface, k->room, sizeof(k->room));
		k->off = k->have = 0;
		if (n > 0) {
			k->have = (size_t)n;
			continue;
		}
		if (n == 0)
			continue; /* an empty packet: not seen above a link */
		if (n == -EPIPE || n == -EOVERFLOW)
			return err_set_code(e, ERR_LINK, (int32_t)-n, "reading interface %u: %s", k->iface,
					    strerror((int)-n));
		if (n != -EAGAIN)
			return gone(k, e);
		if (now_of(k->t) >= until)
			return err_set(e, ERR_TIMEOUT, "nothing arrived in %u ms", ms);
		pass(k->m, k->t, until);
	}
}

static int out_once(struct emu_link *k, const void *p, size_t n, uint64_t until, struct err *e)
{
	for (;;) {
		int r;

		emu_tick(k->m, now_of(k->t));
		if (!is_there(k))
			return gone(k, e);
		r = emu_out(k->m, k->iface, p, n);
		if (!r)
			return 0;
		if (r == -EPIPE)
			return err_set_code(e, ERR_LINK, EPIPE, "writing interface %u: stall", k->iface);
		if (r != -EAGAIN)
			return gone(k, e);
		if (now_of(k->t) >= until)
			return err_set(e, ERR_TIMEOUT, "the module did not take %zu bytes", n);
		pass(k->m, k->t, until);
	}
}

static int emu_link_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct emu_link *k = of(l);
	uint64_t until = now_of(k->t) + ms;

	if (out_once(k, buf, n, until, e))
		return -1;
	if (l->can_zlp && k->zlp != LINK_ZLP_OFF && n && n % l->max_packet == 0)
		return out_once(k, NULL, 0, until, e);
	return 0;
}

static void emu_link_set_zlp(struct link *l, enum link_zlp mode)
{
	of(l)->zlp = mode;
}

static int emu_link_recover(struct link *l, struct err *e)
{
	struct emu_link *k = of(l);

	return is_there(k) ? 0 : gone(k, e);
}

static void emu_link_close(struct link *l)
{
	struct emu_link *k = of(l);

	if (is_there(k))
		emu_claimed(k->m, k->iface, false);
	free(k);
}

static const struct link_ops emu_link_ops = {
	.name = "emu",
	.read = emu_link_read,
	.write = emu_link_write,
	.close = emu_link_close,
	.set_zlp = emu_link_set_zlp,
	.recover = emu_link_recover,
};

int emu_link_open(struct link **ret, struct emu *m, struct emu_time *t, unsigned iface,
		  enum emu_link_face face, struct err *e)
{
	const struct emu_usb *u;
	struct emu_link *k;

	emu_tick(m, now_of(t));
	u = emu_usb(m);
	if (!u || iface >= u->n_ifaces)
		return err_set(e, ERR_NODEV, "the emulated module has no interface %u on the bus", iface);
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_nomem(e);
	k->link.ops = &emu_link_ops;
	k->link.is_stream = face == EMU_LINK_STREAM;
	k->link.can_zlp = face == EMU_LINK_USB;
	k->link.max_packet = face == EMU_LINK_USB ? u->max_packet : 0;
	snprintf(k->link.desc, sizeof(k->link.desc), "emulated %s interface %u", u->port, iface);
	k->m = m;
	k->t = t;
	k->iface = iface;
	k->generation = emu_generation(m);
	emu_set_stream(m, iface, face == EMU_LINK_STREAM);
	emu_claimed(m, iface, true);
	*ret = &k->link;
	return 0;
}

int emu_wait_mode(struct emu *m, struct emu_time *t, enum emu_mode mode, uint32_t max_ms,
		  struct err *e)
{
	uint64_t until = now_of(t) + max_ms;

	for (;;) {
		emu_tick(m, now_of(t));
		if (emu_mode(m) == mode)
			return 0;
		if (now_of(t) >= until)
			return err_set(e, ERR_TIMEOUT, "the emulated module is in mode %d after %u ms, not %d",
				       (int)emu_mode(m), max_ms, (int)mode);
		pass(m, t, until);
	}
}
