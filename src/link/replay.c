#include "link/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_MAX (256u << 20) /* of decoded bytes; a longer log is refused, not half played */

enum step_dir { STEP_READ, STEP_WRITE };

struct step {
	enum step_dir dir;
	enum err_kind kind; /* ERR_NONE, or how the call ended then */
	unsigned line;
	size_t at, n, off;  /* place in `bytes`, length, how much is consumed */
	bool done;
};

struct replay {
	struct link link;
	struct buf bytes;
	struct step *steps;
	size_t n_steps, cap_steps;
	size_t next_in, next_out;
};

/* --- the reader --- */

struct reader {
	struct slice rest, line;
	unsigned line_no;
};

static bool next_line(struct reader *r)
{
	const uint8_t *nl;

	if (r->rest.n == 0)
		return false;
	nl = memchr(r->rest.p, '\n', r->rest.n);
	r->line.p = r->rest.p;
	r->line.n = nl ? (size_t)(nl - r->rest.p) : r->rest.n;
	r->rest = slice_sub(r->rest, r->line.n + (nl ? 1 : 0), SIZE_MAX);
	r->line_no++;
	if (r->line.n && r->line.p[r->line.n - 1] == '\r')
		r->line.n--;
	return true;
}

/* The next word of the line; empty at its end. */
static struct slice take_word(struct slice *line)
{
	size_t i = 0, k;
	struct slice w;

	while (i < line->n && line->p[i] == ' ')
		i++;
	for (k = i; k < line->n && line->p[k] != ' '; k++)
		;
	w = slice_sub(*line, i, k - i);
	*line = slice_sub(*line, k, SIZE_MAX);
	return w;
}

static bool word_is(struct slice w, const char *text)
{
	return slice_eq(w, SLICE(text, strlen(text)));
}

static bool word_number(struct slice w, uint64_t max, uint64_t *ret)
{
	struct err e = ERR_INIT;
	char text[24];

	if (w.n == 0 || w.n >= sizeof(text))
		return false;
	memcpy(text, w.p, w.n);
	text[w.n] = '\0';
	return parse_u64(text, max, ret, &e) == 0;
}

static bool word_kind(struct slice w, enum err_kind *ret)
{
	enum err_kind k;

	if (w.n < 2 || w.p[0] != '!')
		return false;
	for (k = ERR_USAGE; k <= ERR_BUG; k++) {
		if (word_is(slice_sub(w, 1, SIZE_MAX), err_kind_name(k))) {
			*ret = k;
			return true;
		}
	}
	return false;
}

static int fail_line(const struct reader *r, const char *why, struct err *e)
{
	return err_set(e, ERR_PROTO, "line %u of the link log: %s", r->line_no, why);
}

static int add_step(struct replay *p, const struct step *s, struct err *e)
{
	if (p->n_steps == p->cap_steps) {
		size_t cap = p->cap_steps ? 2 * p->cap_steps : 64;
		struct step *more = reallocarray(p->steps, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		p->steps = more;
		p->cap_steps = cap;
	}
	p->steps[p->n_steps++] = *s;
	return 0;
}

/* "link max_packet=512 can_zlp=1 is_stream=0" */
static int read_link_line(struct replay *p, struct reader *r, struct err *e)
{
	struct slice w;

	while ((w = take_word(&r->line)).n) {
		size_t eq = slice_find(w, SLICE_STR("="));
		struct slice key = slice_sub(w, 0, eq);
		uint64_t v;

		if (eq == SIZE_MAX || !word_number(slice_sub(w, eq + 1, SIZE_MAX), 65536, &v))
			return fail_line(r, "expected name=number", e);
		if (word_is(key, "max_packet"))
			p->link.max_packet = (uint32_t)v;
		else if (word_is(key, "can_zlp"))
			p->link.can_zlp = v != 0;
		else if (word_is(key, "is_stream"))
			p->link.is_stream = v != 0;
		else
			return fail_line(r, "unknown property of the link", e);
	}
	return 0;
}

/* The bytes of a transfer: "  HEX  |gloss|" until the announced length is there. */
static int read_bytes(struct replay *p, struct reader *r, size_t n, struct err *e)
{
	uint8_t part[256];
	char hex[2 * sizeof(part) + 1];

	while (n) {
		struct slice w;
		size_t got;

		if (!next_line(r) || r->line.n == 0 || r->line.p[0] != ' ')
			return fail_line(r, "bytes of a transfer are missing", e);
		w = take_word(&r->line);
		if (w.n == 0 || w.n >= sizeof(hex))
			return fail_line(r, "expected 1 to 256 bytes in hex", e);
		memcpy(hex, w.p, w.n);
		hex[w.n] = '\0';
		if (hex_decode(hex, part, sizeof(part), &got, e) < 0 || got == 0)
			return fail_line(r, "bytes are not hex", e);
		if (got > n)
			return fail_line(r, "more bytes than announced", e);
		if (buf_add(&p->bytes, part, got, e) < 0)
			return -1;
		n -= got;
	}
	return 0;
}

/* "MS > N", "MS > N !kind text", "MS < N", "MS < !kind text", "MS zlp on", "MS recover" */
static int read_step(struct replay *p, struct reader *r, struct slice stamp, struct err *e)
{
	struct step s = { .line = r->line_no, .at = p->bytes.n };
	struct slice verb = take_word(&r->line), w;
	uint64_t n = 0;

	if (!word_number(stamp, UINT64_MAX, &n))
		return fail_line(r, "expected a time in milliseconds", e);
	if (word_is(verb, "zlp") || word_is(verb, "recover"))
		return 0;
	if (!word_is(verb, "<") && !word_is(verb, ">"))
		return fail_line(r, "expected '<', '>', 'zlp' or 'recover'", e);
	s.dir = verb.p[0] == '<' ? STEP_READ : STEP_WRITE;

	n = 0;
	w = take_word(&r->line);
	if (s.dir == STEP_READ && word_kind(w, &s.kind))
		return add_step(p, &s, e);
	if (!word_number(w, REPLAY_MAX, &n))
		return fail_line(r, "expected a length or an error", e);
	w = take_word(&r->line);
	if (w.n && (s.dir == STEP_READ || !word_kind(w, &s.kind)))
		return fail_line(r, "unexpected text after the length", e);
	s.n = (size_t)n;
	if (add_step(p, &s, e) < 0)
		return -1;
	return read_bytes(p, r, s.n, e);
}

static int read_log(struct replay *p, struct slice text, struct err *e)
{
	struct reader r = { .rest = text };

	if (!next_line(&r) || !word_is(r.line, "# salvor link log 1"))
		return err_set(e, ERR_PROTO, "not a link log: the first line is not "
			       "'# salvor link log 1'");
	while (next_line(&r)) {
		struct slice w;

		if (r.line.n == 0 || r.line.p[0] == '#')
			continue;
		w = take_word(&r.line);
		if (w.n == 0)
			continue;
		if (word_is(w, "link")) {
			if (read_link_line(p, &r, e) < 0)
				return -1;
		} else if (read_step(p, &r, w, e) < 0) {
			return -1;
		}
	}
	return 0;
}

/* --- the link --- */

static struct step *next_step(struct replay *p, size_t *pos, enum step_dir dir)
{
	for (; *pos < p->n_steps; ++*pos) {
		const struct step *s = &p->steps[*pos];

		if (s->dir == dir && !s->done && (s->off < s->n || s->kind != ERR_NONE))
			return &p->steps[*pos];
	}
	return NULL;
}

/* ERR_GONE stays; every other end of a call happens once. */
static int fail_step(struct step *s, struct err *e)
{
	s->done = s->kind != ERR_GONE;
	return err_set(e, s->kind, "failed as in line %u of the link log", s->line);
}

static int replay_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		       struct err *e)
{
	struct replay *p = container_of(l, struct replay, link);
	struct step *s, *w;
	size_t n;

	(void)ms;
	s = next_step(p, &p->next_in, STEP_READ);
	if (!s)
		return err_set(e, ERR_GONE, "the link log ends here");
	w = next_step(p, &p->next_out, STEP_WRITE);
	if (w && w < s)
		return err_set(e, ERR_TIMEOUT, "the link log waits for the write of line %u",
			       w->line);
	if (s->kind != ERR_NONE)
		return fail_step(s, e);
	n = MIN_OF(cap, s->n - s->off);
	memcpy(buf, p->bytes.p + s->at + s->off, n);
	s->off += n;
	*ret_n = n;
	return 0;
}

static int replay_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct replay *p = container_of(l, struct replay, link);
	const uint8_t *b = buf;
	size_t done = 0, i, step;

	(void)ms;
	while (done < n) {
		struct step *s = next_step(p, &p->next_out, STEP_WRITE);

		if (!s)
			return err_set(e, ERR_MISMATCH,
				       "%zu bytes were written, but the link log has "
				       "no further write",
				       n - done);
		step = MIN_OF(n - done, s->n - s->off);
		for (i = 0; i < step; i++) {
			uint8_t want = p->bytes.p[s->at + s->off + i];

			if (b[done + i] != want)
				return err_set(e, ERR_MISMATCH,
					       "byte %zu of the write of line %u is "
					       "0x%02x, the link log has 0x%02x",
					       s->off + i, s->line, b[done + i], want);
		}
		s->off += step;
		done += step;
		if (s->off == s->n && s->kind != ERR_NONE)
			return fail_step(s, e);
	}
	return 0;
}

static void replay_close(struct link *l)
{
	struct replay *p = container_of(l, struct replay, link);

	buf_fini(&p->bytes);
	free(p->steps);
	free(p);
}

static const struct link_ops replay_ops = {
	.name = "replay",
	.read = replay_read,
	.write = replay_write,
	.close = replay_close,
};

size_t replay_left(const struct link *l)
{
	const struct replay *p = container_of(l, const struct replay, link);
	size_t i, left = 0;

	for (i = 0; i < p->n_steps; i++)
		left += p->steps[i].n - p->steps[i].off;
	return left;
}

int replay_open(struct slice text, struct log *log, struct link **ret, struct err *e)
{
	struct replay *p = calloc(1, sizeof(*p));

	if (!p)
		return err_nomem(e);
	p->bytes.max = REPLAY_MAX;
	p->link.ops = &replay_ops;
	p->link.log = log;
	p->link.is_stream = true;
	snprintf(p->link.desc, sizeof(p->link.desc), "replay");
	if (read_log(p, text, e) < 0) {
		replay_close(&p->link);
		return -1;
	}
	*ret = &p->link;
	return 0;
}
