#include "tests/unit/unit.h"
#include "tests/unit/emu_diag.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static uint16_t crc(const uint8_t *p, size_t n)
{
	uint16_t c = 0xffff;
	int k;

	for (; n; n--) {
		c ^= *p++;
		for (k = 0; k < 8; k++)
			c = c & 1 ? (uint16_t)(c >> 1 ^ 0x8408) : (uint16_t)(c >> 1);
	}
	return (uint16_t)~c;
}

static size_t escape(const uint8_t *p, size_t n, uint8_t *out)
{
	uint8_t tail[2];
	size_t i, o = 0;

	put_le16(tail, crc(p, n));
	for (i = 0; i < n + 2; i++) {
		uint8_t b = i < n ? p[i] : tail[i - n];

		if (b == 0x7e || b == 0x7d)
			out[o++] = 0x7d;
		out[o++] = b == 0x7e || b == 0x7d ? b ^ 0x20 : b;
	}
	out[o++] = 0x7e;
	return o;
}

size_t dg_next(struct rig *r, uint8_t *out)
{
	ssize_t got = rig_in(r, sizeof(r->in) - 1, 100), i;
	size_t n = 0;

	if (got <= 0)
		return 0;
	assert_int_equal(r->in[got - 1], 0x7e);
	for (i = 0; i < got - 1; i++)
		out[n++] = r->in[i] == 0x7d ? r->in[++i] ^ 0x20 : r->in[i];
	assert_true(n > 2);
	assert_int_equal(crc(out, n - 2), get_le16(out + n - 2));
	return n - 2;
}

size_t dg_ask(struct rig *r, const void *p, size_t n, uint8_t *out)
{
	uint8_t b[8192];

	assert_int_equal(rig_out(r, b, escape(p, n, b)), 0);
	return dg_next(r, out);
}

void dg_vector(struct rig *r, const char *request, const char *answer)
{
	uint8_t q[1024], a[1024];
	struct err e = ERR_INIT;
	size_t qn, an;

	assert_ok(hex_decode(request, q, sizeof(q), &qn, &e), e);
	assert_ok(hex_decode(answer, a, sizeof(a), &an, &e), e);
	assert_int_equal(rig_out(r, q, qn), 0);
	rig_in(r, sizeof(r->in) - 1, 100);
	if (r->in_n != an || memcmp(r->in, a, an) != 0) {
		char hex[2 * 1024 + 1];

		hex_encode(hex, SLICE(r->in, MIN_OF(r->in_n, (size_t)1024)));
		fail_msg("%s\nanswered: %s\nnot:      %s", request, hex, answer);
	}
}

unsigned dg_nv_read(struct rig *r, unsigned id, uint8_t data[128])
{
	uint8_t q[133] = { 0x26, (uint8_t)id, (uint8_t)(id >> 8) }, a[4096];
	size_t n;

	if (data)
		q[3] = data[0];
	n = dg_ask(r, q, sizeof(q), a);
	if (n != 133 || a[0] != 0x26)
		return n ? a[0] : 255;
	assert_memory_equal(a, q, 3);
	if (data)
		memcpy(data, a + 3, 128);
	return get_le16(a + 131);
}

unsigned dg_nv_write(struct rig *r, unsigned id, const void *p, size_t n)
{
	uint8_t q[133] = { 0x27, (uint8_t)id, (uint8_t)(id >> 8) }, a[4096];

	memcpy(q + 3, p, n);
	n = dg_ask(r, q, sizeof(q), a);
	if (n != 133 || a[0] != 0x27)
		return n ? a[0] : 255;
	return get_le16(a + 131);
}

size_t dg_efs(struct rig *r, unsigned op, const void *front, size_t n, const char *path, uint8_t *out)
{
	uint8_t q[4096] = { 0x4b, 0x13, (uint8_t)op, 0 };

	if (n)
		memcpy(q + 4, front, n);
	n += 4;
	if (path) {
		strcpy((char *)q + n, path);
		n += strlen(path) + 1;
	}
	return dg_ask(r, q, n, out);
}

uint32_t dg_put(struct rig *r, const char *path, uint32_t flags, const void *p, size_t n)
{
	uint8_t front[2048], a[4096];

	put_le32(front, (uint32_t)n);
	put_le32(front + 4, flags);
	put_le16(front + 8, ++r->seq);
	memcpy(front + 10, p, n);
	assert_int_equal(dg_efs(r, 38, front, 10 + n, path, a), 10);
	assert_int_equal(get_le16(a + 4), r->seq);
	return get_le32(a + 6);
}

int dg_get(struct rig *r, const char *path, uint8_t *out)
{
	uint8_t front[10], a[4096];
	size_t n;

	put_le32(front, 1024);
	put_le32(front + 4, (uint32_t)strlen(path) + 1);
	put_le16(front + 8, ++r->seq);
	n = dg_efs(r, 39, front, sizeof(front), path, a);
	assert_true(n >= 14);
	assert_int_equal(get_le16(a + 12), r->seq);
	if (get_le32(a + 8))
		return -(int)get_le32(a + 8);
	assert_int_equal(get_le32(a + 4), n - 14);
	memcpy(out, a + 14, n - 14);
	return (int)n - 14;
}

uint32_t dg_sync(struct rig *r)
{
	uint8_t front[2], a[4096];

	put_le16(front, ++r->seq);
	assert_int_equal(dg_efs(r, 48, front, 2, "/", a), 14);
	return get_le32(a + 10);
}

int dg_list(struct rig *r, const char *path, char *names, size_t cap)
{
	uint8_t q[8], a[4096];
	int n = 0;

	if (names)
		names[0] = '\0';
	assert_int_equal(dg_efs(r, 11, NULL, 0, path, a), 12);
	if (get_le32(a + 8))
		return -(int)get_le32(a + 8);
	memcpy(q, a + 4, 4);
	for (;;) {
		put_le32(q + 4, (uint32_t)n + 1);
		assert_true(dg_efs(r, 12, q, 8, NULL, a) > 40);
		assert_int_equal(get_le32(a + 12), 0);
		if (!a[40])
			break;
		n++;
		if (names && strlen(names) + strlen((char *)a + 40) + 2 < cap) {
			strcat(names, (char *)a + 40);
			strcat(names, " ");
		}
	}
	dg_efs(r, 13, q, 4, NULL, a);
	return n;
}

const char *at_ask(struct rig *r, const char *command)
{
	static const char nothing[] = "";
	char line[256];
	size_t have = 0;
	ssize_t n;
	int i;

	snprintf(line, sizeof(line), "%s\r", command);
	assert_int_equal(emu_out(r->m, 2, line, strlen(line)), 0);
	for (i = 0; i < 20; i++) {
		while ((n = emu_in(r->m, 2, r->in + have, sizeof(r->in) - 1 - have)) >= 0)
			have += (size_t)n;
		rig_pass(r, 5);
	}
	r->in[have] = '\0';
	r->in_n = have;
	if (!have)
		return nothing;
	return strncmp((char *)r->in, line, strlen(line)) ? (char *)r->in : (char *)r->in + strlen(line);
}

void at_expect(struct rig *r, const char *command, const char *want)
{
	const char *got = at_ask(r, command);

	if (!strstr(got, want))
		fail_msg("%s\nanswered: %s\nnot: %s", command, got, want);
}

void rig_until(struct rig *r, enum emu_mode mode)
{
	int i;

	for (i = 0; i < 600 && emu_mode(r->m) != EMU_OFF; i++)
		rig_pass(r, 10);
	for (i = 0; i < 6000 && emu_mode(r->m) != mode; i++)
		rig_pass(r, 10);
	assert_int_equal(emu_mode(r->m), mode);
}

void rig_reset(struct rig *r)
{
	dg_vector(r, "29 02 00 59 6A 7E", "29 02 00 59 6A 7E");
	rig_until(r, EMU_NORMAL);
}
