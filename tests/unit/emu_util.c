#include "tests/unit/unit.h"
#include "tests/unit/emu_util.h"

#include "tests/emu/programmer.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rig_reopen(struct rig *r, const char *model, const char *quirks)
{
	const char *src = getenv("top_srcdir");
	char path[512], why[256] = "", text[256], *save = NULL, *q;

	snprintf(path, sizeof(path), "%s/tests/emu/models/%s.model", src ? src : ".", model);
	if (emu_open(&r->m, path, r->dir, why, sizeof(why)))
		fail_msg("%s", why);
	snprintf(text, sizeof(text), "%s", quirks ? quirks : "");
	for (q = strtok_r(text, ";", &save); q; q = strtok_r(NULL, ";", &save))
		if (emu_misbehave(r->m, q, why, sizeof(why)))
			fail_msg("%s", why);
	emu_tick(r->m, r->now);
}

void rig_open(struct rig *r, const char *model, const char *quirks)
{
	memset(r, 0, sizeof(*r));
	strcpy(r->dir, "/tmp/emu-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	rig_reopen(r, model, quirks);
}

static int rm_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void rig_close(struct rig *r)
{
	emu_close(r->m);
	nftw(r->dir, rm_one, 8, FTW_DEPTH | FTW_PHYS);
}

void rig_pass(struct rig *r, uint32_t ms)
{
	uint64_t until = r->now + ms;

	while (r->now < until) {
		uint64_t next = emu_tick(r->m, r->now);

		r->now = next <= r->now ? r->now + 1 : MIN_OF(next, until);
		emu_tick(r->m, r->now);
	}
}

ssize_t rig_in(struct rig *r, size_t cap, uint32_t ms)
{
	uint64_t until = r->now + ms;
	ssize_t n;

	for (;;) {
		emu_tick(r->m, r->now);
		n = emu_in(r->m, 0, r->in, cap);
		if (n != -EAGAIN || r->now >= until)
			break;
		rig_pass(r, 1);
	}
	r->in_n = n > 0 ? (size_t)n : 0;
	r->in[MIN_OF(r->in_n, sizeof(r->in) - 1)] = '\0';
	return n;
}

int rig_out(struct rig *r, const void *p, size_t n)
{
	int i, e = -EAGAIN;

	for (i = 0; i < 100000 && e == -EAGAIN; i++) {
		e = emu_out(r->m, 0, p, n);
		if (e == -EAGAIN)
			rig_pass(r, 1);
	}
	return e;
}

void rig_out_hex(struct rig *r, const char *hex)
{
	uint8_t b[256];
	struct err e = ERR_INIT;
	size_t n;

	assert_ok(hex_decode(hex, b, sizeof(b), &n, &e), e);
	assert_int_equal(rig_out(r, b, n), 0);
}

void rig_expect_hex(struct rig *r, const char *hex)
{
	uint8_t b[256];
	struct err e = ERR_INIT;
	size_t n;

	assert_ok(hex_decode(hex, b, sizeof(b), &n, &e), e);
	assert_int_equal(rig_in(r, 4096, 5), (int)n);
	assert_memory_equal(r->in, b, n);
}

void rig_to_firehose(struct rig *r, const char *chip, char family)
{
	static const char hello_resp[] = "02000000 30000000 02000000 01000000 00000000 00000000 "
					 "00000000 00000000 00000000 00000000 00000000 00000000";
	struct programmer_spec spec = { .chip = chip, .family = family };
	uint8_t *p;
	size_t n;

	assert_int_equal(programmer_make(&spec, &p, &n), 0);
	assert_int_equal(rig_in(r, 4096, 100), 48);
	rig_out_hex(r, hello_resp);
	for (;;) {
		uint32_t off, count;

		assert_true(rig_in(r, 4096, 5) > 0);
		if (get_le32(r->in) == 4)
			break;
		assert_int_equal(get_le32(r->in), 3);
		off = get_le32(r->in + 12);
		count = get_le32(r->in + 16);
		assert_true(off + count <= n);
		assert_int_equal(rig_out(r, p + off, count), 0);
	}
	free(p);
	assert_int_equal(get_le32(r->in + 12), 0);
	rig_out_hex(r, "05000000 08000000");
	assert_int_equal(rig_in(r, 4096, 5), 12);
	while (rig_in(r, 4096, 3000) >= 0)
		;
}

void rig_xml(struct rig *r, const char *tag)
{
	char text[1024];

	snprintf(text, sizeof(text), "<?xml version=\"1.0\" ?><data>%s</data>", tag);
	assert_int_equal(rig_out(r, text, strlen(text)), 0);
}

const char *rig_response(struct rig *r, char *logs, size_t cap)
{
	size_t have = 0;

	if (logs)
		logs[0] = '\0';
	for (;;) {
		ssize_t n = rig_in(r, 4096, 10000);

		if (n == 0)
			continue;
		if (n < 0)
			fail_msg("no response: %s", strerror((int)-n));
		if (strstr((char *)r->in, "<response"))
			return (char *)r->in;
		if (logs && have + (size_t)n < cap) {
			memcpy(logs + have, r->in, (size_t)n + 1);
			have += (size_t)n;
		}
	}
}

void rig_do(struct rig *r, const char *tag, const char *want)
{
	char logs[4096];

	rig_xml(r, tag);
	if (!strstr(rig_response(r, logs, sizeof(logs)), want))
		fail_msg("%s\nanswered: %s\nnot: %s\nafter: %s", tag, (char *)r->in, want, logs);
}

void rig_raw_in(struct rig *r, uint8_t *out, size_t n)
{
	while (n) {
		ssize_t got = rig_in(r, MIN_OF(sizeof(r->in), (n + 511) / 512 * 512), 1000);

		assert_true(got >= 0);
		assert_true((size_t)got <= n);
		memcpy(out, r->in, (size_t)got);
		out += got;
		n -= (size_t)got;
	}
}
