/*
 * A module that does what it is told over its own bulk pipe, for testing the usbfs face by itself:
 * every answer is known beforehand. "!word arguments" is an order, everything else comes back as it
 * was sent. Orders:
 *
 *     !echo          normal again          !zeros         "zeros N": empty transfers seen so far
 *     !source N      N bytes of pattern, the last packet full where N is a multiple: no zero packet
 *     !source0 N     the same, ended by a zero packet
 *     !sink N        takes N bytes, checks the pattern, then says "sunk" or "bad at N"
 *     !slow MS       the next answer comes MS later
 *     !stall         the next IN transfer stalls
 *     !busy MS       OUT is not taken for MS
 *     !die N         leaves the bus in the middle of the OUT transfer that passes N bytes
 *     !cut N         leaves the bus after N more bytes IN
 *     !reboot        leaves, and comes back in the next mode 30 ms later (dump -> edl -> normal)
 *
 * Pattern: byte i is (i * 7 + i / 256) & 255.
 */
#include "tests/emu/emu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPE (4u << 20)

struct pipe_in {
	uint8_t *q;           /* what is to be read, in packets of the bus */
	size_t at, n;
	uint64_t source, sourced; /* bytes still to generate, generated so far */
	bool zero_at_end;     /* an empty packet follows when the last one was full */
	bool claimed;
};

struct emu {
	uint64_t now, back_ms, ready_ms, busy_ms;
	unsigned generation;
	enum emu_mode mode, next_mode;
	struct emu_usb usb;
	struct pipe_in in[EMU_MAX_INTERFACES];
	uint64_t sink, sunk, bad_at, zeros, die_after, cut_after;
	uint32_t slow_ms;
	bool stall, is_sinking, is_bad;
	struct emu_counters counters;
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 256);
}

static void describe(struct emu *m)
{
	struct emu_usb *u = &m->usb;
	unsigned i;
	uint8_t *d = u->desc;

	memset(u, 0, sizeof(*u));
	u->vid = m->mode == EMU_NORMAL ? 0x2c7c : 0x05c6;
	u->pid = m->mode == EMU_NORMAL ? 0x0125 : m->mode == EMU_DUMP ? 0x900e : 0x9008;
	u->manufacturer = "Qualcomm CDMA Technologies MSM";
	u->product = m->mode == EMU_NORMAL ? "EC25" : "QUSB_BULK_CID:0408_SN:2A1BC3D4";
	u->port = m->mode == EMU_EDL ? "1-1.4" : "2-1.4";
	u->speed_mbps = m->mode == EMU_EDL ? 480 : 5000;
	u->max_packet = m->mode == EMU_EDL ? 512 : 1024;
	u->n_ifaces = m->mode == EMU_NORMAL ? 3 : 1;
	for (i = 0; i < u->n_ifaces; i++) {
		u->iface[i] = (struct emu_iface){ .number = (uint8_t)i, .cls = 0xff, .sub = 0xff,
			.proto = 0xff, .ep_in = (uint8_t)(0x81 + i), .ep_out = (uint8_t)(i + 1),
			.has_tty = m->mode == EMU_NORMAL && i < 2,
			.driver = m->mode == EMU_NORMAL ? (i < 2 ? "option" : NULL) : "qcserial" };
		u->iface[i].has_tty |= m->mode == EMU_EDL;
	}
	memcpy(d, "\x12\x01\0\x02\0\0\0\x40", 8);
	d[8] = (uint8_t)u->vid; d[9] = (uint8_t)(u->vid >> 8);
	d[10] = (uint8_t)u->pid; d[11] = (uint8_t)(u->pid >> 8);
	d[14] = 1; d[15] = 2; d[17] = 1;
	d += 18;
	memcpy(d, "\x09\x02\0\0\0\x01\0\x80\x01", 9);
	d[2] = (uint8_t)(9 + 23 * u->n_ifaces);
	d[4] = (uint8_t)u->n_ifaces;
	d += 9;
	for (i = 0; i < u->n_ifaces; i++, d += 23) {
		memcpy(d, "\x09\x04\0\0\x02\xff\xff\xff\0\x07\x05\0\x02\0\0\0\x07\x05\0\x02\0\0\0", 23);
		d[2] = (uint8_t)i;
		d[11] = (uint8_t)(0x81 + i);
		d[18] = (uint8_t)(i + 1);
		d[14] = d[21] = (uint8_t)(u->max_packet >> 8);
	}
	u->desc_len = (size_t)(d - u->desc);
}

static void appear(struct emu *m, enum emu_mode mode)
{
	unsigned i;

	m->mode = mode;
	m->generation++;
	m->stall = m->is_sinking = false;
	m->ready_ms = m->busy_ms = 0;
	m->die_after = m->cut_after = UINT64_MAX;
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		m->in[i].at = m->in[i].n = 0;
		m->in[i].source = 0;
		m->in[i].zero_at_end = false;
	}
	describe(m);
}

static void leave(struct emu *m, enum emu_mode next)
{
	m->mode = EMU_OFF;
	m->next_mode = next;
	m->back_ms = m->now + 30;
	m->generation++;
}

int emu_open(struct emu **ret, const char *model_path, const char *state_dir, char *why, size_t why_n)
{
	struct emu *m = calloc(1, sizeof(*m));
	unsigned i;

	(void)state_dir;
	if (m == NULL) {
		snprintf(why, why_n, "no memory");
		return -1;
	}
	for (i = 0; i < EMU_MAX_INTERFACES; i++)
		m->in[i].q = malloc(PIPE);
	appear(m, strcmp(model_path, "edl") == 0 ? EMU_EDL :
		  strcmp(model_path, "dump") == 0 ? EMU_DUMP : EMU_NORMAL);
	*ret = m;
	return 0;
}

void emu_close(struct emu *m)
{
	unsigned i;

	for (i = 0; i < EMU_MAX_INTERFACES; i++)
		free(m->in[i].q);
	free(m);
}

int emu_misbehave(struct emu *m, const char *spec, char *why, size_t why_n)
{
	(void)m;
	snprintf(why, why_n, "this module has no '%s'", spec);
	return -1;
}

uint64_t emu_tick(struct emu *m, uint64_t now_ms)
{
	uint64_t due = UINT64_MAX;

	m->now = now_ms;
	if (m->mode == EMU_OFF) {
		if (now_ms < m->back_ms)
			return m->back_ms;
		appear(m, m->next_mode);
	}
	if (m->ready_ms > now_ms)
		due = m->ready_ms;
	if (m->busy_ms > now_ms && m->busy_ms < due)
		due = m->busy_ms;
	return due;
}

enum emu_mode emu_mode(const struct emu *m)
{
	return m->mode;
}

unsigned emu_generation(const struct emu *m)
{
	return m->generation;
}

const struct emu_usb *emu_usb(const struct emu *m)
{
	return m->mode == EMU_OFF ? NULL : &m->usb;
}

static void say(struct emu *m, unsigned iface, const void *p, size_t n)
{
	struct pipe_in *in = &m->in[iface];

	if (in->at == in->n)
		in->at = in->n = 0;
	if (n > PIPE - in->n)
		n = PIPE - in->n;
	memcpy(in->q + in->n, p, n);
	in->n += n;
	in->zero_at_end = true;
	m->ready_ms = m->now + m->slow_ms;
	m->slow_ms = 0;
}

static void order(struct emu *m, unsigned iface, const char *text)
{
	char word[16] = "", reply[64];
	unsigned long long v = 0;

	sscanf(text, "!%15s %llu", word, &v);
	if (strcmp(word, "source") == 0 || strcmp(word, "source0") == 0) {
		m->in[iface].source = v;
		m->in[iface].sourced = 0;
		m->in[iface].zero_at_end = strcmp(word, "source0") == 0;
		m->ready_ms = m->now + m->slow_ms;
	} else if (strcmp(word, "sink") == 0) {
		m->sink = v;
		m->sunk = 0;
		m->is_sinking = true;
		m->is_bad = false;
	} else if (strcmp(word, "zeros") == 0) {
		snprintf(reply, sizeof(reply), "zeros %llu", (unsigned long long)m->zeros);
		say(m, iface, reply, strlen(reply));
	} else if (strcmp(word, "slow") == 0) {
		m->slow_ms = (uint32_t)v;
	} else if (strcmp(word, "busy") == 0) {
		m->busy_ms = m->now + v;
	} else if (strcmp(word, "stall") == 0) {
		m->stall = true;
	} else if (strcmp(word, "die") == 0) {
		m->die_after = v;
	} else if (strcmp(word, "cut") == 0) {
		m->cut_after = v;
	} else if (strcmp(word, "reboot") == 0) {
		leave(m, m->mode == EMU_DUMP ? EMU_EDL : m->mode == EMU_EDL ? EMU_NORMAL : EMU_DUMP);
	}
}

int emu_out(struct emu *m, unsigned iface, const void *p, size_t n)
{
	const uint8_t *b = p;
	char text[64], reply[64];
	size_t i;

	if (m->mode == EMU_OFF)
		return -ENODEV;
	if (m->busy_ms > m->now)
		return -EAGAIN;
	m->counters.bytes_out += n;
	if (n == 0)
		m->zeros++;
	if (m->die_after != UINT64_MAX && m->die_after < n) {
		leave(m, EMU_EDL);
		return -EPROTO;
	}
	if (m->die_after != UINT64_MAX)
		m->die_after -= n;
	if (m->is_sinking) {
		for (i = 0; i < n && !m->is_bad; i++)
			if (b[i] != pattern(m->sunk + i)) {
				m->is_bad = true;
				m->bad_at = m->sunk + i;
			}
		m->sunk += n;
		if (m->sunk >= m->sink) {
			m->is_sinking = false;
			snprintf(reply, sizeof(reply), m->is_bad ? "bad at %llu" : "sunk",
				 (unsigned long long)m->bad_at);
			say(m, iface, reply, strlen(reply));
		}
		return 0;
	}
	if (n > 1 && n < sizeof(text) && b[0] == '!') {
		memcpy(text, p, n);
		text[n] = '\0';
		order(m, iface, text);
	} else if (n > 0) {
		say(m, iface, p, n);
	}
	return 0;
}

/* One packet, already known to exist; moves on by n bytes. */
static void packet(struct emu *m, struct pipe_in *in, uint8_t *to, size_t n)
{
	size_t i;

	if (in->at < in->n) {
		memcpy(to, in->q + in->at, n);
		in->at += n;
	} else {
		for (i = 0; i < n; i++)
			to[i] = pattern(in->sourced + i);
		in->sourced += n;
		in->source -= n;
	}
	m->counters.bytes_in += n;
}

ssize_t emu_in(struct emu *m, unsigned iface, void *p, size_t cap)
{
	struct pipe_in *in = &m->in[iface];
	size_t done = 0, n;

	if (m->mode == EMU_OFF)
		return -ENODEV;
	if (m->stall) {
		m->stall = false;
		return -EPIPE;
	}
	if (m->ready_ms > m->now)
		return -EAGAIN;
	for (;;) {
		n = in->at < in->n ? in->n - in->at : (size_t)(in->source < PIPE ? in->source : PIPE);
		if (n > m->usb.max_packet)
			n = m->usb.max_packet;
		if (n == 0) {
			if (!in->zero_at_end)
				return done > 0 ? (ssize_t)done : -EAGAIN;
			in->zero_at_end = false;
			return (ssize_t)done;
		}
		if (n > cap - done) {
			if (done > 0)
				return (ssize_t)done;
			in->at = in->at < in->n ? in->at + n : in->at;
			in->source -= in->at < in->n || in->source < n ? 0 : n;
			return -EOVERFLOW;
		}
		if (m->cut_after < n) {
			leave(m, EMU_EDL);
			return -EPROTO;
		}
		m->cut_after -= m->cut_after == UINT64_MAX ? 0 : n;
		packet(m, in, (uint8_t *)p + done, n);
		done += n;
		if (n < m->usb.max_packet) {
			in->zero_at_end = false;
			return (ssize_t)done;
		}
		if (done == cap)
			return (ssize_t)done;
	}
}

void emu_claimed(struct emu *m, unsigned iface, bool yes)
{
	m->in[iface].claimed = yes;
}

void emu_power_cycle(struct emu *m)
{
	leave(m, EMU_NORMAL);
}

const struct emu_counters *emu_counters(const struct emu *m)
{
	return &m->counters;
}

int emu_peek(struct emu *m, uint32_t lun, uint64_t sector, void *buf, size_t n)
{
	(void)m;
	(void)lun;
	(void)sector;
	memset(buf, 0, n);
	return -1;
}
