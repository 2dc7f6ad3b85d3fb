#include "tests/unit/script_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MAX 4096 /* bytes of a hex step */

static int bytes_of(const struct script_step *step, uint8_t *room, struct slice *ret)
{
	struct err e = ERR_INIT;
	size_t n;

	if (!step->hex) {
		*ret = SLICE(step->p, step->n);
		return 0;
	}
	if (hex_decode(step->hex, room, STEP_MAX, &n, &e) < 0)
		abort();
	*ret = SLICE(room, n);
	return 0;
}

static void note(struct script_link *s, const char *what, struct slice got)
{
	char hex[2 * 32 + 1];

	if (s->why[0] || s->loose)
		return;
	hex_encode(hex, slice_sub(got, 0, 32));
	snprintf(s->why, sizeof(s->why), "%s: %zu bytes %s", what, got.n, hex);
}

/* SILENT, GONE and STALL hit whoever comes first. */
static int mishap(struct script_link *s, struct err *e)
{
	switch (s->gone ? SCRIPT_GONE : s->steps[s->at].what) {
	case SCRIPT_GONE:
		if (!s->gone)
			s->at++;
		s->gone = true;
		return err_set(e, ERR_GONE, "the module left the bus");
	case SCRIPT_SILENT:
		s->at++;
		return err_set(e, ERR_TIMEOUT, "nothing in time");
	case SCRIPT_STALL:
		s->at++;
		return err_set(e, ERR_LINK, "endpoint halted");
	default:
		return 0;
	}
}

static int script_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		       struct err *e)
{
	struct script_link *s = container_of(l, struct script_link, link);
	uint8_t room[STEP_MAX];
	struct slice b;
	size_t n = 0, k;

	(void)ms;
	if (mishap(s, e) < 0)
		return -1;
	if (s->piece)
		cap = MIN_OF(cap, s->piece);
	while (s->steps[s->at].what == SCRIPT_GIVE && n < cap) {
		bytes_of(&s->steps[s->at], room, &b);
		k = MIN_OF(cap - n, b.n - s->off);
		memcpy((uint8_t *)buf + n, b.p + s->off, k);
		n += k;
		s->off += k;
		if (s->off == b.n) {
			s->at++;
			s->off = 0;
			if (!s->glue)
				break;
		}
	}
	if (n == 0) {
		s->vain++;
		return err_set(e, ERR_TIMEOUT, "nothing in time");
	}
	*ret_n = n;
	return 0;
}

static int script_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct script_link *s = container_of(l, struct script_link, link);
	uint8_t room[STEP_MAX];
	struct slice b;

	(void)ms;
	if (mishap(s, e) < 0)
		return -1;
	s->writes++;
	if (s->zlp != LINK_ZLP_OFF && n % l->max_packet == 0)
		s->zlps++;
	if (s->steps[s->at].what != SCRIPT_WANT) {
		note(s, "unexpected write", SLICE(buf, n));
		return 0;
	}
	bytes_of(&s->steps[s->at], room, &b);
	if (n > b.n - s->off || memcmp(b.p + s->off, buf, n) != 0) {
		note(s, "other bytes written", SLICE(buf, n));
		return 0;
	}
	s->off += n;
	if (s->off == b.n) {
		s->at++;
		s->off = 0;
	}
	return 0;
}

static void script_close(struct link *l)
{
	(void)l;
}

static void script_set_zlp(struct link *l, enum link_zlp mode)
{
	container_of(l, struct script_link, link)->zlp = mode;
}

static int script_recover(struct link *l, struct err *e)
{
	struct script_link *s = container_of(l, struct script_link, link);

	(void)e;
	if (s->steps[s->at].what == SCRIPT_RECOVER)
		s->at++;
	return 0;
}

static const struct link_ops script_ops = {
	.name = "script",
	.read = script_read,
	.write = script_write,
	.close = script_close,
	.set_zlp = script_set_zlp,
	.recover = script_recover,
};

void script_link_init(struct script_link *s, const struct script_step *steps)
{
	memset(s, 0, sizeof(*s));
	s->link.ops = &script_ops;
	s->link.max_packet = 512;
	s->link.can_zlp = true;
	strcpy(s->link.desc, "script");
	s->steps = steps;
}

bool script_link_done(const struct script_link *s)
{
	return s->why[0] == '\0' && s->steps[s->at].what == SCRIPT_END;
}
