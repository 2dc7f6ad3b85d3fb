#include "image/nvset_identity.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS 14

struct number {
	uint8_t digit[DIGITS];
	char ascii[DIGITS];
	uint8_t utf16[2 * DIGITS -
		      1]; /* little endian, without the last zero: fits big endian too */
};

const char *nvset_coding_name(enum nvset_coding coding)
{
	static const char *const names[] = { "item 550", "BCD", "swapped BCD", "ASCII", "UTF-16" };

	return names[coding];
}

static int number_of(const char *digits, struct number *ret, struct err *e)
{
	size_t i;

	if (strlen(digits) != DIGITS + 1 || strspn(digits, "0123456789") != DIGITS + 1)
		return err_set(e, ERR_USAGE,
			       "a number of %d digits is searched, not of %zu characters",
			       DIGITS + 1, strlen(digits));
	if (strspn(digits, (char[]){ digits[0], '\0' }) >= DIGITS)
		return err_set(e, ERR_USAGE,
			       "equal digits are padding, not a number to search for");
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->ascii, digits, DIGITS);
	for (i = 0; i < DIGITS; i++) {
		ret->digit[i] = (uint8_t)(digits[i] - '0');
		ret->utf16[2 * i] = (uint8_t)digits[i];
	}
	return 0;
}

static int trace_add(struct nvset_traces *to, struct nvset_trace one, struct err *e)
{
	struct nvset_trace *v;

	if (to->n == NVSET_MAX_TRACES)
		return 0;
	if (to->n == to->cap) {
		size_t cap = to->cap ? 2 * to->cap : 8;

		v = realloc(to->v, cap * sizeof(*v));
		if (!v)
			return err_nomem(e);
		to->v = v;
		to->cap = cap;
	}
	to->v[to->n++] = one;
	return 0;
}

static int find_text(struct slice in, struct slice text, struct nvset_trace one,
		     struct nvset_traces *to, struct err *e)
{
	size_t from = 0, hit;

	while (to->n < NVSET_MAX_TRACES &&
	       (hit = slice_find(slice_sub(in, from, in.n), text)) != SIZE_MAX) {
		one.at = from + hit;
		if (trace_add(to, one, e) < 0)
			return -1;
		from += hit + 1;
	}
	return 0;
}

/* Digits packed in pairs: `swapped` puts the first of a pair low; `odd` lets the first digit stand
 * in the second half of its byte. Six bytes are full either way, and those are searched. */
static int find_bcd(struct slice in, const struct number *n, bool swapped, bool odd,
		    struct nvset_trace one, struct nvset_traces *to, struct err *e)
{
	const uint8_t *d = n->digit + odd;
	unsigned first_shift = swapped ? 0 : 4; /* of the half that comes first */
	uint8_t full[6];
	size_t from = 0, hit, i;

	for (i = 0; i < sizeof(full); i++)
		full[i] = (uint8_t)(d[2 * i] << first_shift | d[2 * i + 1] << (4 - first_shift));
	while (to->n < NVSET_MAX_TRACES &&
	       (hit = slice_find(slice_sub(in, from, in.n), SLICE(full, sizeof(full)))) !=
		       SIZE_MAX) {
		size_t at = from + hit, end = at + sizeof(full);

		from = at + 1;
		if (end >= in.n || (in.p[end] >> first_shift & 15) != d[12])
			continue;
		if (odd) {
			if (at == 0 || (in.p[at - 1] >> (4 - first_shift) & 15) != n->digit[0])
				continue;
			at--;
		} else if ((in.p[end] >> (4 - first_shift) & 15) != d[13]) {
			continue;
		}
		one.coding = swapped ? NVSET_AS_BCD_SWAPPED : NVSET_AS_BCD;
		if (swapped && odd && at > 0 && in.p[at - 1] == NV_IMEI_LEN - 1 &&
		    (in.p[at] & 15) == 0x0A) {
			one.coding = NVSET_AS_ITEM;
			at--;
		}
		one.at = at;
		if (trace_add(to, one, e) < 0)
			return -1;
	}
	return 0;
}

static int find_all(struct slice in, const struct number *n, struct nvset_trace one,
		    struct nvset_traces *to, struct err *e)
{
	int swapped, odd;

	for (swapped = 0; swapped < 2; swapped++) {
		for (odd = 0; odd < 2; odd++) {
			if (find_bcd(in, n, swapped, odd, one, to, e) < 0)
				return -1;
		}
	}
	one.coding = NVSET_AS_ASCII;
	if (find_text(in, SLICE(n->ascii, sizeof(n->ascii)), one, to, e) < 0)
		return -1;
	one.coding = NVSET_AS_UTF16;
	return find_text(in, SLICE(n->utf16, sizeof(n->utf16)), one, to, e);
}

int nvset_find_number(const struct qtree *t, const char *digits, struct nvset_traces *ret,
		      struct err *e)
{
	struct nvset_traces found = { NULL, 0, 0 };
	struct nvset_trace one = { 0 };
	const struct qnode *node;
	struct number n;

	if (number_of(digits, &n, e) < 0)
		return -1;
	for (node = t->root; node; node = qnode_walk(node)) {
		one = (struct nvset_trace){ .node = node,
					    .in_name = true,
					    .coding = NVSET_AS_ASCII };
		if (find_text(SLICE(node->name, strlen(node->name)), SLICE(n.ascii, DIGITS), one,
			      &found, e) < 0)
			goto fail;
		one.in_name = false;
		if (find_all(qnode_bytes(node), &n, one, &found, e) < 0)
			goto fail;
	}
	*ret = found;
	return 0;
fail:
	nvset_traces_fini(&found);
	return -1;
}

int nvset_find_number_raw(struct slice bytes, const char *digits, struct nvset_traces *ret,
			  struct err *e)
{
	struct nvset_traces found = { NULL, 0, 0 };
	struct number n;

	if (number_of(digits, &n, e) < 0)
		return -1;
	if (find_all(bytes, &n, (struct nvset_trace){ 0 }, &found, e) < 0) {
		nvset_traces_fini(&found);
		return -1;
	}
	*ret = found;
	return 0;
}

void nvset_traces_fini(struct nvset_traces *traces)
{
	free(traces->v);
	*traces = (struct nvset_traces){ NULL, 0, 0 };
}
