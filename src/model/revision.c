#include "model/revision.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Project names as they appear in public revision strings, with the maker of the chip. */
static const struct {
	const char *name;
	bool qualcomm;
} projects[] = {
	{ "AG35", true },    { "AG525R", true },  { "AG550Q", true },  { "BG95", true },
	{ "BG96", true },    { "BG77", true },    { "BG600L", true },  { "EC20", true },
	{ "EC21", true },    { "EC25", true },    { "EG06", true },    { "EG12", true },
	{ "EG18", true },    { "EG21", true },    { "EG25", true },    { "EG91", true },
	{ "EG95", true },    { "EG060K", true },  { "EG065K", true },  { "EG120K", true },
	{ "EM05", true },    { "EM06", true },    { "EM12", true },    { "EM20", true },
	{ "EM060K", true },  { "EM061K", true },  { "EM120K", true },
	{ "EM120R", true },  { "EM160R", true },  { "EP06", true },    { "RG255C", true },
	{ "RG500Q", true },  { "RG501Q", true },  { "RG502Q", true },  { "RG520F", true },
	{ "RG520N", true },  { "RG525F", true },  { "RG530F", true },  { "RG650E", true },
	{ "RG650V", true },  { "RM255C", true },  { "RM500Q", true },  { "RM502Q", true },
	{ "RM505Q", true },  { "RM510Q", true },  { "RM520F", true },  { "RM520N", true },
	{ "RM521F", true },  { "RM530F", true },  { "RM530N", true },  { "RM550V", true },
	{ "RM551E", true },  { "SC20", true },    { "SC60", true },    { "SC66", true },
	{ "BG770A", false }, { "BG772A", false }, { "BG773A", false }, { "EC200A", false },
	{ "EC200S", false }, { "EC200T", false }, { "EC200U", false }, { "EC600", false },
	{ "EC800", false },  { "EG800", false },  { "EG912Y", false },
	{ "EG915", false },  { "EG916Q", false }, { "RG200U", false }, { "RG500L", false },
	{ "RG500U", false }, { "RM500K", false }, { "RM500U", false },
};

/* Digits of exactly two characters at p, or -1. */
static int two_digits(const char *p)
{
	if (!isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return -1;
	return (p[0] - '0') * 10 + (p[1] - '0');
}

/* "[A-Z]\d{1,2}G?" at p; returns its length or 0. */
static size_t memory_length(const char *p)
{
	size_t n = 1;

	if (!isupper((unsigned char)p[0]) || !isdigit((unsigned char)p[1]))
		return 0;
	n += isdigit((unsigned char)p[2]) ? 2 : 1;
	return p[n] == 'G' ? n + 1 : n;
}

/* Is the token of the form NN.NNN or NN.NNN.NN.NNN, the first of each pair alphanumeric? */
static bool is_suffix(const char *t, size_t n)
{
	size_t half, i;

	if (n != 6 && n != 13)
		return false;
	for (half = 0; half < n; half += 7) {
		if (half && t[half - 1] != '.')
			return false;
		for (i = 0; i < 6; i++) {
			char ch = t[half + i];

			if (i == 2 ? ch != '.' :
				     !(isdigit((unsigned char)ch) ||
				       (i < 2 && isupper((unsigned char)ch))))
				return false;
		}
	}
	return true;
}

static bool is_date(const char *t, size_t n)
{
	return n == 8 && strspn(t, "0123456789") >= 8 && t[0] == '2' && t[1] == '0';
}

static void split_rest(struct revision *v)
{
	const char *t = v->rest;
	const char *year = NULL;

	for (;;) {
		size_t n = strcspn(t, "_");

		if (is_suffix(t, n)) {
			snprintf(v->suffix, sizeof(v->suffix), "%.*s", (int)n, t);
			v->transient = strcmp(v->suffix + n - 6, "00.000") == 0;
		}
		if (strncmp(t, "BETA", 4) == 0 || is_date(t, n))
			v->unordered = true;
		/* "2025_07_15" */
		if (n == 4 && t[0] == '2' && t[1] == '0' && strspn(t, "0123456789") >= 4)
			year = t;
		if (year && t > year && n == 2 && two_digits(t) > 0)
			v->unordered = true;
		if (t[n] == '\0')
			return;
		t += n + 1;
	}
}

static void split_head(struct revision *v)
{
	size_t i, best = 0;

	for (i = 0; i < sizeof(projects) / sizeof(projects[0]); i++) {
		size_t n = strlen(projects[i].name);

		if (n <= best || strncmp(v->head, projects[i].name, n) != 0)
			continue;
		best = n;
		v->qualcomm = projects[i].qualcomm;
		v->foreign = !projects[i].qualcomm;
	}
	snprintf(v->project, sizeof(v->project), "%.*s", (int)best, v->head);
	snprintf(v->variant, sizeof(v->variant), "%s",
		 v->head[best] == '-' ? v->head + best + 1 : v->head + best);
}

/* Everything from "R" on, with `at` where the R stands. False when this is not the place. */
static bool parse_tail(const char *at, struct revision *v)
{
	int r, a;
	size_t n;

	if (at[0] != 'R' || (r = two_digits(at + 1)) < 0 || at[3] != 'A' ||
	    (a = two_digits(at + 4)) < 0)
		return false;
	v->r = (uint8_t)r;
	v->a = (uint8_t)a;
	at += 6;
	n = memory_length(at);
	if (n) {
		snprintf(v->mem, sizeof(v->mem), "%.*s", (int)n, at);
		at += n;
		n = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (n >= sizeof(v->letters))
			return false;
		snprintf(v->letters, sizeof(v->letters), "%.*s", (int)n, at);
		at += n;
	}
	if (*at == '\0')
		return true;
	if (*at != '_' || at[1] == '\0' || strlen(at + 1) >= sizeof(v->rest))
		return false;
	snprintf(v->rest, sizeof(v->rest), "%s", at + 1);
	return true;
}

static int unknown(const char *text, struct err *e)
{
	char safe[64];
	size_t i;

	for (i = 0; text[i] && i < sizeof(safe) - 1; i++)
		safe[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	safe[i] = '\0';
	return err_set(e, ERR_PROTO, "'%s' is not a firmware revision such as EC25EFAR06A17M4G_20.200.20.200",
		       safe);
}

int revision_parse(const char *text, struct revision *ret, struct err *e)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	const char *from = text + strspn(text, " \t");
	size_t n, i;

	if (strncasecmp(from, "Revision:", 9) == 0)
		from += 9 + strspn(from + 9, " \t");
	n = strlen(from);
	while (n && isspace((unsigned char)from[n - 1]))
		n--;
	if (n >= sizeof(ret->text))
		return unknown(text, e);
	for (i = 0; i < n; i++)
		if (!isgraph((unsigned char)from[i]))
			return unknown(text, e);
	/* The head is as short as the rest of the pattern allows. */
	for (i = 1; i < n && i < sizeof(ret->head); i++) {
		struct revision v = { 0 };

		if (!strchr(allowed, from[i - 1]))
			break;
		memcpy(v.text, from, n);
		if (!parse_tail(v.text + i, &v))
			continue;
		memcpy(v.head, v.text, i);
		split_rest(&v);
		split_head(&v);
		*ret = v;
		return 0;
	}
	return unknown(text, e);
}

bool revision_same_head(const struct revision *a, const struct revision *b)
{
	return strcmp(a->head, b->head) == 0;
}

bool revision_same_line(const struct revision *a, const struct revision *b)
{
	return revision_same_head(a, b) && a->r == b->r && strcmp(a->mem, b->mem) == 0;
}

enum revision_order revision_compare(const struct revision *a, const struct revision *b)
{
	long x, y;

	if (strcmp(a->text, b->text) == 0)
		return REVISION_SAME;
	if (!revision_same_line(a, b) || strcmp(a->letters, b->letters) != 0 || a->unordered ||
	    b->unordered || a->transient || b->transient)
		return REVISION_UNORDERED;
	if (a->a != b->a)
		return a->a < b->a ? REVISION_OLDER : REVISION_NEWER;
	/* Same sub-release: only the build numbers of one family ("01.2xx") have an order. */
	if (!a->suffix[0] || !b->suffix[0] || strncmp(a->suffix, b->suffix, 4) != 0)
		return REVISION_UNORDERED;
	x = strtol(a->suffix + 3, NULL, 10);
	y = strtol(b->suffix + 3, NULL, 10);
	if (x == y)
		return REVISION_UNORDERED;
	return x < y ? REVISION_OLDER : REVISION_NEWER;
}

static void token(struct revision_token *t, const char *text, const char *meaning)
{
	snprintf(t->text, sizeof(t->text), "%s", text);
	snprintf(t->meaning, sizeof(t->meaning), "%s", meaning);
}

static const char *explain_part(const char *t)
{
	if (is_suffix(t, strlen(t)))
		return strlen(t) == 13 ? "build: modem part and application part" : "build";
	if (strcmp(t, "OCPU") == 0)
		return "QuecOpen build, the customer's program runs inside the module";
	if (strcmp(t, "MSFT") == 0)
		return "build for Microsoft devices";
	if (strcmp(t, "JP") == 0)
		return "build for Japan";
	if (strncmp(t, "BETA", 4) == 0)
		return "test build, has no place in the order of versions";
	if (is_date(t, strlen(t)))
		return "date of the build";
	return "custom part, meaning not known";
}

size_t revision_explain(const struct revision *v, struct revision_token out[REVISION_TOKENS_MAX])
{
	char text[72];
	const char *t;
	size_t n = 0;

	if (v->project[0])
		token(&out[n++], v->project,
		      v->foreign ? "module family (not a Qualcomm chip)" : "module family");
	if (v->variant[0])
		token(&out[n++], v->variant,
		      v->project[0] ? "variant: market and hardware" :
				      "module and variant (family not known)");
	snprintf(text, sizeof(text), "R%02u", v->r);
	token(&out[n++], text, "release line; belongs to the hardware, do not cross it");
	snprintf(text, sizeof(text), "A%02u", v->a);
	token(&out[n++], text, "sub-release; higher is newer");
	if (v->mem[0])
		token(&out[n++], v->mem, "memory configuration");
	if (v->letters[0])
		token(&out[n++], v->letters, "variant of the memory configuration");
	for (t = v->rest; *t && n < REVISION_TOKENS_MAX;) {
		size_t len = strcspn(t, "_");

		snprintf(text, sizeof(text), "%.*s", (int)len, t);
		token(&out[n++], text, explain_part(text));
		t += len;
		t += *t == '_';
	}
	return n;
}
