#include "link/fault.h"

#include <stdlib.h>
#include <string.h>

#define PPB 1000000000u

struct fault {
	struct link link;
	struct link *inner;
	uint64_t rng;
	uint64_t cut_at, gone_at, fail_op, gone_op, timeout_every; /* 0 or UINT64_MAX: never */
	uint32_t flip_ppb;
	bool short_reads;
	bool gone;
	uint64_t bytes, calls, reads;
};

/* xorshift64*: short, and the same on every machine. */
static uint32_t next_random(struct fault *f)
{
	f->rng ^= f->rng >> 12;
	f->rng ^= f->rng << 25;
	f->rng ^= f->rng >> 27;
	return (uint32_t)((f->rng * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

static int fail_gone(struct fault *f, struct err *e)
{
	f->gone = true;
	return err_set(e, ERR_GONE, "the device left the bus, as planned, after %llu bytes",
		       (unsigned long long)f->bytes);
}

/* What both directions do before a call. 0 = go on, with at most *ret_room bytes. */
static int before(struct fault *f, uint64_t *ret_room, struct err *e)
{
	f->calls++;
	if (f->gone || f->calls == f->gone_op || f->bytes >= f->gone_at)
		return fail_gone(f, e);
	if (f->calls == f->fail_op)
		return err_set(e, ERR_LINK, "call %llu failed, as planned",
			       (unsigned long long)f->calls);
	if (f->bytes >= f->cut_at)
		return err_set(e, ERR_TIMEOUT, "silence, as planned, after %llu bytes",
			       (unsigned long long)f->bytes);
	*ret_room = MIN_OF(f->cut_at, f->gone_at) - f->bytes;
	return 0;
}

static int fault_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n,
		      struct err *e)
{
	struct fault *f = container_of(l, struct fault, link);
	uint8_t *p = buf;
	uint64_t room;
	size_t n = 0, i;

	if (before(f, &room, e) < 0)
		return -1;
	f->reads++;
	if (f->timeout_every && f->reads % f->timeout_every == 0)
		return err_set(e, ERR_TIMEOUT, "read %llu timed out, as planned",
			       (unsigned long long)f->reads);
	if (cap > room)
		cap = (size_t)room;
	if (f->short_reads && cap > 1)
		cap = 1 + next_random(f) % cap;
	if (f->inner->ops->read(f->inner, buf, cap, ms, &n, e) < 0)
		return -1;
	for (i = 0; f->flip_ppb && i < n; i++) {
		if (next_random(f) % PPB < f->flip_ppb)
			p[i] ^= (uint8_t)(1u << next_random(f) % 8);
	}
	f->bytes += n;
	*ret_n = n;
	return 0;
}

static int fault_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	struct fault *f = container_of(l, struct fault, link);
	size_t part = n;
	uint64_t room;

	if (before(f, &room, e) < 0)
		return -1;
	if (n > room)
		part = (size_t)room;
	if (f->inner->ops->write(f->inner, buf, part, ms, e) < 0)
		return -1;
	f->bytes += part;
	if (part == n)
		return 0;
	if (f->bytes >= f->gone_at)
		return fail_gone(f, e);
	return err_set(e, ERR_TIMEOUT, "silence, as planned, after %zu of %zu bytes", part, n);
}

static void fault_set_zlp(struct link *l, enum link_zlp zlp)
{
	link_set_zlp(container_of(l, struct fault, link)->inner, zlp);
}

static int fault_recover(struct link *l, struct err *e)
{
	struct fault *f = container_of(l, struct fault, link);

	return f->gone ? fail_gone(f, e) : link_recover(f->inner, e);
}

static void fault_close(struct link *l)
{
	struct fault *f = container_of(l, struct fault, link);

	link_close(f->inner);
	free(f);
}

static int fault_settle(struct link *l, struct err *e)
{
	return link_settle(container_of(l, struct fault, link)->inner, e);
}

static const struct link_ops fault_ops = {
	.name = "fault",
	.read = fault_read,
	.write = fault_write,
	.close = fault_close,
	.set_zlp = fault_set_zlp,
	.recover = fault_recover,
	.settle = fault_settle,
};

/* "0", "1", "0.001": parts per billion, without the locale's idea of a decimal point. */
static int parse_probability(const char *text, uint32_t *ret, struct err *e)
{
	uint32_t v, place = PPB;
	const char *p = text + 1;

	if ((text[0] != '0' && text[0] != '1') || (*p != '.' && *p != '\0'))
		return err_set(e, ERR_USAGE, "'%s' is not a probability from 0 to 1", text);
	v = text[0] == '1' ? PPB : 0;
	if (*p == '.')
		p++;
	for (; *p >= '0' && *p <= '9'; p++) {
		place /= 10;
		v += (uint32_t)(*p - '0') * place;
	}
	if (*p != '\0' || v > PPB)
		return err_set(e, ERR_USAGE, "'%s' is not a probability from 0 to 1", text);
	*ret = v;
	return 0;
}

static int parse_word(struct fault *f, char *word, struct err *e)
{
	const struct {
		const char *name;
		uint64_t *to;
	} numbers[] = {
		{ "seed", &f->rng },
		{ "cut_at", &f->cut_at },
		{ "gone_at", &f->gone_at },
		{ "fail_op", &f->fail_op },
		{ "gone_op", &f->gone_op },
		{ "timeout_every", &f->timeout_every },
	};
	char *value = strchr(word, '=');
	size_t i;

	if (!value) {
		if (strcmp(word, "short_reads") != 0)
			return err_set(e, ERR_USAGE, "unknown fault '%s'", word);
		f->short_reads = true;
		return 0;
	}
	*value++ = '\0';
	if (strcmp(word, "flip") == 0)
		return parse_probability(value, &f->flip_ppb, e);
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(word, numbers[i].name) == 0)
			return parse_u64(value, UINT64_MAX, numbers[i].to, e);
	}
	return err_set(e, ERR_USAGE, "unknown fault '%s'", word);
}

static int parse_plan(struct fault *f, const char *plan, struct err *e)
{
	char *text = strdup(plan), *save = NULL, *word;
	int r = 0;

	if (!text)
		return err_nomem(e);
	for (word = strtok_r(text, ",", &save); word && r == 0; word = strtok_r(NULL, ",", &save))
		r = parse_word(f, word, e);
	free(text);
	if (f->rng == 0)
		f->rng = 1; /* the generator never leaves 0 */
	return r < 0 ? err_prefix(e, "fault plan '%s'", plan) : 0;
}

uint64_t fault_calls(const struct link *l)
{
	return container_of(l, const struct fault, link)->calls;
}

int fault_open(struct link *inner, const char *plan, struct link **ret, struct err *e)
{
	struct fault *f = malloc(sizeof(*f));

	if (!f)
		return err_nomem(e);
	*f = (struct fault){
		.link = *inner,
		.inner = inner,
		.rng = 1,
		.cut_at = UINT64_MAX,
		.gone_at = UINT64_MAX,
	};
	f->link.ops = &fault_ops;
	if (parse_plan(f, plan, e) < 0) {
		free(f);
		return -1;
	}
	*ret = &f->link;
	return 0;
}
