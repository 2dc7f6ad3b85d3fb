/*
 * The DIAG interface of running firmware: HDLC framing, identification, and what goes wrong on the way
 * (diag.md sections 2 to 5 and 11).
 */
#include "tests/emu/diag_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CRC-16/X.25, bit by bit (section 2). */
static uint16_t crc16(const uint8_t *p, size_t n)
{
	uint16_t c = 0xffff;
	int k;

	while (n--) {
		c ^= *p++;
		for (k = 0; k < 8; k++)
			c = c & 1 ? (uint16_t)(c >> 1 ^ 0x8408) : (uint16_t)(c >> 1);
	}
	return (uint16_t)~c;
}

/* ---- to the host ---------------------------------------------------------------------------- */

static size_t frame(const uint8_t *p, size_t n, bool bad, uint8_t out[2 * DIAG_FRAME])
{
	uint8_t tail[2];
	size_t i, o = 0;

	put_le16(tail, (uint16_t)(crc16(p, n) ^ (bad ? 0x0101 : 0)));
	for (i = 0; i < n + 2; i++) {
		uint8_t b = i < n ? p[i] : tail[i - n];

		if (b == 0x7e || b == 0x7d) {
			out[o++] = 0x7d;
			b ^= 0x20;
		}
		out[o++] = b;
	}
	out[o++] = 0x7e;
	return o;
}

static void send(struct emu *m, unsigned iface, const uint8_t *p, size_t n, bool bad)
{
	uint8_t out[2 * DIAG_FRAME];
	size_t o = frame(p, n, bad, out);

	m->chan[iface].latency = (uint32_t)quirk_value(&m->quirks, "latency", 0);
	emu_push(m, iface, out, o, true);
}

/* Section 3.3: what a module says unasked. */
static void log_one(struct emu *m, unsigned iface, struct diag *d)
{
	static const uint8_t event[] = { 0x60, 0x08, 0x00, 0x12, 0x03, 0x7e, 0x7d, 0x7e, 0x01, 0x02, 0x03 };
	static const uint8_t text[] = "\x79\x00\x01\x00 late answer of rrc, 0x4b 0x13";
	uint8_t rec[40] = { 0x10, 0, 36, 0, 36, 0, 0x09, 0xb0 };
	unsigned kind = d->log_seq++ % 3;

	if (kind == 0 && !m->modem->logs_off) {
		put_le32(rec + 8, (uint32_t)m->now);
		memcpy(rec + 20, "\x7e\x4b\x13\x0c\x00\x7e", 6);
		send(m, iface, rec, sizeof(rec), false);
	} else if (kind == 1 && !m->modem->events_off) {
		send(m, iface, event, sizeof(event), false);
	} else if (kind == 2 && !m->modem->messages_off) {
		send(m, iface, text, sizeof(text) - 1, false);
	}
}

/* The same answer with other echoed fields: it belongs to nobody's request. */
static void wrong_answer(struct emu *m, unsigned iface, const uint8_t *p, size_t n)
{
	uint8_t b[DIAG_FRAME];

	memcpy(b, p, n);
	if (n > 8 && b[0] == 0x4b && b[1] != 48)
		b[4] ^= 1; /* handle, sequence, errno */
	else if (n > 8 && b[0] == 0x4b)
		b[4] ^= 2; /* item */
	else if (n > 2)
		b[1] ^= 1;
	send(m, iface, b, n, false);
}

static void answer(struct emu *m, unsigned iface, struct diag *d, const char *what, const uint8_t *p,
		   size_t n)
{
	uint64_t logs = quirk_value(&m->quirks, "logs", 0);
	bool was_late = d->late_n > 0;
	uint64_t i;

	for (i = 0; i < logs; i++)
		log_one(m, iface, d);
	if (was_late) {
		m->chan[iface].latency = (uint32_t)quirk_value(&m->quirks, "latency", 0);
		emu_push(m, iface, d->late, d->late_n, true);
		d->late_n = 0;
	}
	if (quirk_hit(&m->quirks, "silent", what))
		return;
	if (quirk_hit(&m->quirks, "late", what)) {
		d->late_n = frame(p, n, false, d->late);
		return;
	}
	if (quirk_hit(&m->quirks, "wrong", what))
		wrong_answer(m, iface, p, n);
	send(m, iface, p, n, quirk_hit(&m->quirks, "bad_crc", what));
	if (quirk_hit(&m->quirks, "repeat", what))
		send(m, iface, p, n, false);
}

/* ---- identification ------------------------------------------------------------------------- */

static int version(struct emu *m, struct writer *w)
{
	char text[40], model[9];

	/* Section 5.1: compile date and time, release date and time, model. */
	snprintf(text, sizeof(text), "%s", "Mar 01 202408:15:00Mar 01 202408:15:00");
	snprintf(model, sizeof(model), "%-8.8s", m->model.fw.model);
	wr_u8(w, 0);
	wr_bytes(w, text, 38);
	wr_bytes(w, model, 8);
	wr_fill(w, 0, 8);
	return 0;
}

static int build_id(struct emu *m, struct writer *w)
{
	wr_u8(w, 0x7c);
	wr_fill(w, 0, 3);
	wr_le32(w, m->model.sahara.msm_id);
	wr_le32(w, 0);
	wr_str(w, m->model.fw.revision);
	wr_u8(w, 0);
	wr_str(w, m->model.fw.model);
	wr_u8(w, 0);
	return 0;
}

static int snapshot(struct emu *m, struct writer *w)
{
	wr_u8(w, 0x63);
	wr_fill(w, 0, 32);
	wr_u8(w, (uint8_t)m->modem->oper);
	wr_fill(w, 0, 2);
	return 0;
}

static int call_manager(struct emu *m, const uint8_t *p, struct writer *w)
{
	static const uint32_t rest[] = { 9, 4, 0x40000000, 255, 2, 0, 0, 0 };
	size_t i;

	wr_bytes(w, p, 4);
	wr_le32(w, 0);
	wr_le32(w, m->modem->oper);
	for (i = 0; i < ARRAY_SIZE(rest); i++)
		wr_le32(w, rest[i]);
	return 0;
}

static int system_operation(struct emu *m, const uint8_t *p, size_t n, struct writer *w)
{
	wr_bytes(w, p, n); /* echoed, then the module leaves within 1 to 5 s */
	if (p[1] == 0x65) {
		if (!quirk_hit(&m->quirks, "silent", "to_edl") && m->leave_at == EMU_NEVER)
			emu_switch(m, EMU_EDL, 1000);
	} else {
		modem_crash(m, 1000);
	}
	return 0;
}

/* Sections 5.3 and 3.3: small requests. */
static int small(struct emu *m, const uint8_t *p, size_t n, struct writer *w)
{
	switch (p[0]) {
	case 0x01:
		wr_u8(w, 0x01);
		wr_le32(w, 0x80000000);
		return 0;
	case 0x1c:
		wr_u8(w, 0x1c);
		wr_le16(w, 8);
		return 0;
	case 0x51:
		wr_bytes(w, "\x51\x02\x00\x3f\x01", 5);
		return 0;
	case 0x3a:
		/* Section 9: some later chips end in memory dump. */
		wr_u8(w, 0x3a);
		modem_crash(m, 1000);
		return 0;
	case 0x60:
		if (n < 2)
			return BAD_LEN;
		m->modem->events_off = !p[1];
		wr_bytes(w, "\x60\x00\x00", 3);
		return 0;
	case 0x73:
		if (n < 8)
			return BAD_LEN;
		m->modem->logs_off = get_le32(p + 4) == 0;
		wr_bytes(w, p, 8);
		wr_le32(w, 0);
		return 0;
	case 0x7d:
		if (n < 2)
			return BAD_LEN;
		m->modem->messages_off = p[1] == 5 && n >= 8 && get_le32(p + 4) == 0;
		wr_bytes(w, p, 2);
		wr_le16(w, 1);
		return 0;
	default:
		return BAD_CMD;
	}
}

/* ---- from the host -------------------------------------------------------------------------- */

static const char *name_of(const uint8_t *p, size_t n)
{
	const char *s = diag_nv_name(p, n);

	if (!s)
		s = diag_efs_name(p, n);
	if (s)
		return s;
	switch (p[0]) {
	case 0x00: return "version";
	case 0x29: return "mode";
	case 0x41: return "spc";
	case 0x46: return "password";
	case 0x63: return "snapshot";
	case 0x7c: return "build_id";
	default: return "other";
	}
}

static int dispatch(struct emu *m, struct diag *d, const uint8_t *p, size_t n, struct writer *w)
{
	static const uint8_t to_edl[] = { 0x4b, 0x65, 0x01, 0x00 }, crash[] = { 0x4b, 0x25, 0x03, 0x00 },
			     cm[] = { 0x4b, 0x0f, 0x00, 0x00 };

	if (diag_nv_name(p, n))
		return diag_nv(m, p, n, w);
	if (diag_efs_name(p, n))
		return diag_efs(m, d, p, n, w);
	if (n == 4 && (!memcmp(p, to_edl, 4) || !memcmp(p, crash, 4)))
		return system_operation(m, p, n, w);
	if (n == 4 && !memcmp(p, cm, 4))
		return call_manager(m, p, w);
	switch (p[0]) {
	case 0x00: return n == 1 ? version(m, w) : BAD_LEN;
	case 0x29: return diag_mode(m, p, n, w);
	case 0x41:
	case 0x46: return diag_security(m, p, n, w);
	case 0x63: return snapshot(m, w);
	case 0x7c: return build_id(m, w);
	default: return small(m, p, n, w);
	}
}

static void request(struct emu *m, unsigned iface, struct diag *d, const uint8_t *p, size_t n)
{
	const char *what = name_of(p, n);
	uint8_t room[DIAG_FRAME];
	struct writer w = writer_of(room, sizeof(room) - 2);
	const struct emu_quirk *q;
	int r;

	m->count.diag_requests++;
	d->asked++;
	q = quirk_find(&m->quirks, "dead_after");
	if (d->dead || !m->modem->runs || (q && d->asked > q->value))
		return;
	q = quirk_take(&m->quirks, "diag_error", what);
	r = q ? (int)q->value : dispatch(m, d, p, n, &w);
	if (r == DIAG_SILENT) {
		d->dead = true;
		return;
	}
	if (r) {
		/* Section 3.2: the code, then the whole request, cut to fit. */
		w = writer_of(room, sizeof(room) - 2);
		wr_u8(&w, (uint8_t)r);
		wr_bytes(&w, p, MIN_OF(n, sizeof(room) - 3));
	}
	answer(m, iface, d, what, room, w.n);
}

static void *diag_open(struct emu *m, unsigned iface)
{
	struct diag *d = calloc(1, sizeof(*d));

	(void)m;
	(void)iface;
	if (d)
		d->next_dir = 1;
	return d;
}

static void diag_close(void *ctx)
{
	diag_efs_close_all(ctx);
	free(ctx);
}

static int diag_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	struct diag *d = ctx;

	for (; n; p++, n--) {
		if (*p == 0x7e) {
			/* A frame that ends in a lone escape is corrupt; a bad CRC is not answered. */
			if (d->n > 2 && !d->junk && !d->esc &&
			    crc16(d->rx, d->n - 2) == get_le16(d->rx + d->n - 2))
				request(m, iface, d, d->rx, d->n - 2);
			d->n = 0;
			d->esc = d->junk = false;
		} else if (d->n == sizeof(d->rx)) {
			d->junk = true;
		} else if (*p == 0x7d) {
			d->esc = true;
		} else {
			d->rx[d->n++] = d->esc ? *p ^ 0x20 : *p;
			d->esc = false;
		}
	}
	return 0;
}

/* quirk chatter=MS: a log every MS while somebody has the port open. */
static uint64_t diag_tick(struct emu *m, unsigned iface, void *ctx)
{
	uint64_t every = quirk_value(&m->quirks, "chatter", 0);
	struct diag *d = ctx;

	if (!every)
		return EMU_NEVER;
	if (d->chat_at <= m->now) {
		if (m->chan[iface].claimed && m->chan[iface].n_msgs < 64 && !d->dead)
			log_one(m, iface, d);
		d->chat_at = m->now + every;
	}
	return d->chat_at;
}

const struct emu_function diag_function = {
	.name = "diag",
	.open = diag_open,
	.close = diag_close,
	.out = diag_out,
	.tick = diag_tick,
};
