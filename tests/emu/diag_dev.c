/* The DIAG interface of running firmware, as far as entering download mode needs it: HDLC framing,
 * version, and the switch to EDL (diag.md sections 2, 5.1, 9). */
#include "tests/emu/emu_int.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_MAX 4096

struct diag {
	uint8_t rx[FRAME_MAX];
	size_t n;
	bool esc, junk;
};

/* CRC-16/X.25, bit by bit (diag.md section 2). */
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

static void reply(struct emu *m, unsigned iface, const uint8_t *p, size_t n)
{
	uint8_t body[FRAME_MAX], out[2 * FRAME_MAX + 1];
	size_t i, o = 0;

	memcpy(body, p, n);
	put_le16(body + n, crc16(p, n));
	for (i = 0; i < n + 2; i++) {
		if (body[i] == 0x7e || body[i] == 0x7d) {
			out[o++] = 0x7d;
			out[o++] = body[i] ^ 0x20;
		} else {
			out[o++] = body[i];
		}
	}
	out[o++] = 0x7e;
	emu_push(m, iface, out, o, true);
}

static void request(struct emu *m, unsigned iface, const uint8_t *p, size_t n)
{
	static const uint8_t to_edl[] = { 0x4b, 0x65, 0x01, 0x00 };
	uint8_t out[FRAME_MAX];

	m->count.diag_requests++;
	if (n == sizeof(to_edl) && !memcmp(p, to_edl, n)) {
		reply(m, iface, p, n); /* echoed, then the module leaves within 1 to 5 s */
		if (!quirk_hit(&m->quirks, "silent", "to_edl") && m->leave_at == EMU_NEVER)
			emu_switch(m, EMU_EDL, 1000);
		return;
	}
	if (p[0] == 0x00) {
		memset(out, 0, 55);
		memcpy(out + 1, "Mar 01 202408:15:00Mar 01 202408:15:00", 38);
		strncpy((char *)out + 39, m->model.fw.model, 8);
		reply(m, iface, out, 55);
		return;
	}
	out[0] = 0x13; /* invalid command */
	n = MIN_OF(n, sizeof(out) - 3);
	memcpy(out + 1, p, n);
	reply(m, iface, out, n + 1);
}

static void *diag_open(struct emu *m, unsigned iface)
{
	(void)m;
	(void)iface;
	return calloc(1, sizeof(struct diag));
}

static int diag_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	struct diag *d = ctx;

	for (; n; p++, n--) {
		if (*p == 0x7e) {
			if (d->n > 2 && !d->junk && crc16(d->rx, d->n - 2) == get_le16(d->rx + d->n - 2))
				request(m, iface, d->rx, d->n - 2);
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

const struct emu_function diag_function = {
	.name = "diag",
	.open = diag_open,
	.close = free,
	.out = diag_out,
};
