#include "image/xqcn.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK    65536
#define WORD_MAX 32

#define END    (-1) /* of the document */
#define FAILED (-2) /* the source failed, e says how */

/* The document as characters, and what has been understood of it so far. */
struct xml_in {
	struct source *in;
	uint8_t *chunk;
	size_t at, n;
	uint64_t before; /* file offset of chunk[0] */
	unsigned line;
	bool is_utf8; /* as declared, or nothing declared */
	struct qtree tree;
	struct qnode *cur; /* innermost open storage */
	bool in_stream;    /* <Stream ...> waits for its end tag */
	bool done;         /* the root has been closed */
	bool trust_value;
	struct qfindings *findings;
	struct err *e;
	/* The tag being read. */
	struct buf name, value;
	uint64_t value_at, length;
	bool has_name, has_value, has_length;
};

static int fail(struct xml_in *x, const char *fmt, ...) _printf_(2, 3);

/* "line 7, in 'default/EFS_Backup': " in front: whoever repairs the file by hand looks there. */
static int fail(struct xml_in *x, const char *fmt, ...)
{
	char text[200], where[96];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!x->cur)
		return err_set(x->e, ERR_PROTO, "line %u: %s", x->line, text);
	qnode_path(x->cur, where, sizeof(where));
	if (x->has_name)
		return err_set(x->e, ERR_PROTO, "line %u, '%.*s' in '%s': %s", x->line,
			       (int)MIN_OF(x->name.n, (size_t)64), (const char *)x->name.p, where,
			       text);
	return err_set(x->e, ERR_PROTO, "line %u, in '%s': %s", x->line, where, text);
}

static int fill(struct xml_in *x)
{
	size_t n;

	x->before += x->n;
	x->at = x->n = 0;
	if (source_get(x->in, x->chunk, CHUNK, &n, x->e) < 0)
		return FAILED;
	x->n = n;
	return n ? 0 : END;
}

static int peek(struct xml_in *x)
{
	int r;

	if (x->at == x->n && (r = fill(x)) < 0)
		return r;
	return x->chunk[x->at];
}

static int next(struct xml_in *x)
{
	int c = peek(x);

	if (c >= 0)
		x->at++;
	if (c == '\n')
		x->line++;
	return c;
}

static int cut_short(struct xml_in *x, int c)
{
	return c == FAILED ? -1 : fail(x, "the file ends in the middle, it is not complete");
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int skip_blanks(struct xml_in *x)
{
	int c;

	while (is_blank(c = peek(x)))
		(void)next(x);
	return c;
}

static bool is_word(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == ':';
}

/* The name of an element or attribute. */
static int word(struct xml_in *x, char out[WORD_MAX])
{
	size_t n = 0;
	int c;

	while (is_word(c = peek(x))) {
		if (n == WORD_MAX - 1)
			return fail(x, "an element or attribute has an overlong name");
		out[n++] = (char)next(x);
	}
	out[n] = '\0';
	if (c < 0)
		return cut_short(x, c);
	return n ? 0 : fail(x, "'%c' where a name belongs", c > 0x20 && c < 0x7F ? c : '?');
}

static int add_char(struct xml_in *x, uint32_t c)
{
	uint8_t b[4];
	size_t n = utf8_put(b, c);

	if (x->name.n + n > QTREE_MAX_NAME)
		return fail(x, "a name is longer than %d bytes", QTREE_MAX_NAME);
	return buf_add(&x->name, b, n, x->e);
}

/* After a '&': one of XML's five names or a number; there are no others without a DOCTYPE. */
static int reference(struct xml_in *x)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {
		{ "lt", '<' }, { "gt", '>' }, { "amp", '&' }, { "apos", '\'' }, { "quot", '"' }
	};
	char text[12];
	size_t n = 0, i;
	uint32_t cp;
	char *end;
	int c;

	while ((c = next(x)) >= 0 && c != ';' && n < sizeof(text) - 1 && (is_word(c) || c == '#'))
		text[n++] = (char)c;
	text[n] = '\0';
	if (c < 0)
		return cut_short(x, c);
	for (i = 0; c == ';' && i < ARRAY_SIZE(known); i++) {
		if (strcmp(text, known[i].name) == 0)
			return add_char(x, (uint8_t)known[i].c);
	}
	if (c != ';' || text[0] != '#' || n < 2)
		return fail(x, "'&' does not begin a reference that is known here");
	n = text[1] == 'x' ? 2 : 1;
	cp = (uint32_t)strtoul(text + n, &end, n == 2 ? 16 : 10);
	if (*end || !text[n] || cp < 0x20 || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000))
		return fail(x, "'&%s;' is no character", text);
	return add_char(x, cp);
}

/* The upper half of Windows-1252 that differs from Latin-1; what is undefined there stays itself.
 */
static uint32_t from_1252(uint8_t c)
{
	static const uint16_t high[32] = {
		0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
		0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
		0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
		0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178,
	};

	return c >= 0x80 && c < 0xA0 ? high[c - 0x80] : c;
}

static int name_value(struct xml_in *x, int quote)
{
	int c;

	x->name.n = 0;
	while ((c = next(x)) != quote) {
		uint8_t raw = (uint8_t)c;

		if (c < 0)
			return cut_short(x, c);
		if (c < 0x20 || c == '<')
			return fail(x, "character 0x%02x in a name", (unsigned)c);
		if (c == '&') {
			if (reference(x) < 0)
				return -1;
		} else if (c >= 0x80 && !x->is_utf8) {
			if (add_char(x, from_1252(raw)) < 0)
				return -1;
		} else if (x->name.n == QTREE_MAX_NAME) {
			return fail(x, "a name is longer than %d bytes", QTREE_MAX_NAME);
		} else if (buf_add(&x->name, &raw, 1, x->e) < 0) {
			return -1;
		}
	}
	x->has_name = true;
	return 0;
}

static int length_value(struct xml_in *x, int quote)
{
	uint64_t v = 0;
	size_t digits = 0;
	int c;

	while ((c = next(x)) != quote) {
		if (c < 0)
			return cut_short(x, c);
		if (c < '0' || c > '9' || ++digits > 18)
			return fail(x, "Length is not a number of bytes");
		v = 10 * v + (unsigned)(c - '0');
	}
	if (!digits)
		return fail(x, "Length is empty");
	x->length = v;
	x->has_length = true;
	return 0;
}

/* 1..16 = hex digit + 1, BLANK, or 0 for anything else. */
#define BLANK 17
static const uint8_t hex_class[256] = {
	['0'] = 1,      ['1'] = 2,      ['2'] = 3,  ['3'] = 4,  ['4'] = 5,     ['5'] = 6,
	['6'] = 7,      ['7'] = 8,      ['8'] = 9,  ['9'] = 10, ['a'] = 11,    ['b'] = 12,
	['c'] = 13,     ['d'] = 14,     ['e'] = 15, ['f'] = 16, ['A'] = 11,    ['B'] = 12,
	['C'] = 13,     ['D'] = 14,     ['E'] = 15, ['F'] = 16, [' '] = BLANK, ['\t'] = BLANK,
	['\r'] = BLANK, ['\n'] = BLANK,
};

/* What stopped the row of digits at chunk[at]. */
static int value_end(struct xml_in *x, int quote, unsigned high)
{
	int c = x->chunk[x->at];

	if (high)
		return fail(x, "Value: half a byte after %zu bytes: %s", x->value.n,
			    c == quote || hex_class[c] == BLANK ? "the second digit is missing"
								: "the second digit is none");
	if (c != quote)
		return fail(x, "Value: character 0x%02x after %zu bytes is no hex digit",
			    (unsigned)c, x->value.n);
	x->at++;
	x->has_value = true;
	return 0;
}

/* Most of a file's characters pass here. */
static int hex_value(struct xml_in *x, int quote)
{
	unsigned high = 0; /* first digit of a pair + 1 */
	int r;

	x->value.n = 0;
	x->value.max = x->tree.max - x->tree.used;
	x->value_at = x->before + x->at;
	for (;;) {
		uint8_t *out;

		if (x->at == x->n && (r = fill(x)) < 0)
			return cut_short(x, r);
		if (buf_reserve(&x->value,
				MIN_OF((x->n - x->at) / 2 + 1, x->value.max - x->value.n),
				x->e) < 0)
			return -1;
		out = x->value.p + x->value.n;
		for (; x->at < x->n; x->at++) {
			unsigned class = hex_class[x->chunk[x->at]];

			if (class == BLANK && !high) {
				x->line += x->chunk[x->at] == '\n';
				continue;
			}
			if (class == 0 || class == BLANK)
				break;
			if (!high) {
				high = class;
				continue;
			}
			if (out == x->value.p + x->value.cap || x->value.n == x->value.max)
				return fail(x, "Value: more than the %zu bytes that are accepted",
					    x->tree.max);
			*out++ = (uint8_t)((high - 1) << 4 | (class - 1));
			x->value.n++;
			high = 0;
		}
		if (x->at < x->n)
			return value_end(x, quote, high);
	}
}

static int skip_value(struct xml_in *x, int quote, const char *attr)
{
	char where[112];
	int c;

	while ((c = next(x)) != quote) {
		if (c < 0)
			return cut_short(x, c);
		if (c == '<')
			return fail(x, "'<' in the attribute '%s'", attr);
	}
	snprintf(where, sizeof(where), "line %u", x->line);
	qfindings_add(x->findings, QFINDING_WARNING, "unknown-attribute", where,
		      "the attribute '%s' is not known and is not kept", attr);
	return 0;
}

static int attribute(struct xml_in *x, bool is_stream)
{
	char attr[WORD_MAX];
	int quote;

	if (word(x, attr) < 0)
		return -1;
	if (skip_blanks(x) == '=') {
		(void)next(x);
		quote = skip_blanks(x);
		if (quote == '\'' || quote == '"') {
			(void)next(x);
			if (strcmp(attr, "Name") == 0 && !x->has_name)
				return name_value(x, quote);
			if (is_stream && strcmp(attr, "Length") == 0 && !x->has_length)
				return length_value(x, quote);
			if (is_stream && strcmp(attr, "Value") == 0 && !x->has_value)
				return hex_value(x, quote);
			if (strcmp(attr, "Name") == 0 ||
			    (is_stream &&
			     (strcmp(attr, "Length") == 0 || strcmp(attr, "Value") == 0)))
				return fail(x, "the attribute '%s' is there twice", attr);
			return skip_value(x, quote, attr);
		}
	}
	if (peek(x) < 0)
		return cut_short(x, peek(x));
	return fail(x, "the attribute '%s' has no quoted value", attr);
}

/* A stream whose attributes are all read. */
static int stream_done(struct xml_in *x)
{
	struct qnode *node;
	char where[112];

	if (!x->has_value && !(x->has_length && x->length == 0))
		return fail(x, "a Stream without a Value");
	if (!x->has_value)
		x->value.n = 0;
	if (!x->has_length && !x->trust_value)
		return fail(x, "a Stream without a Length; its Value holds %zu bytes", x->value.n);
	if (x->has_length && x->length != x->value.n && !x->trust_value)
		return fail(x,
			    "Length says %" PRIu64 " bytes, Value holds %zu: the file is damaged "
			    "or was edited",
			    x->length, x->value.n);
	if (qtree_add(&x->tree, x->cur, QNODE_STREAM, SLICE(x->name.p, x->name.n), &node, x->e) <
		    0 ||
	    qtree_put(&x->tree, node, SLICE(x->value.p, x->value.n), x->e) < 0) {
		err_prefix(x->e, "line %u", x->line);
		return -1;
	}
	node->src = x->value_at;
	if (!x->has_length || x->length != x->value.n) {
		qnode_path(node, where, sizeof(where));
		qfindings_add(x->findings, QFINDING_WARNING, "length", where,
			      "line %u: Length is missing or wrong, Value's %zu bytes were taken",
			      x->line, x->value.n);
	}
	return 0;
}

static int close_storage(struct xml_in *x)
{
	if (qnode_check_names(x->cur, x->e) < 0) {
		err_prefix(x->e, "before line %u", x->line);
		return -1;
	}
	x->cur = x->cur->parent;
	x->done = !x->cur;
	return 0;
}

static int open_tag(struct xml_in *x)
{
	char element[WORD_MAX];
	bool is_stream, is_closed;
	struct qnode *node;
	int c;

	if (word(x, element) < 0)
		return -1;
	is_stream = strcmp(element, "Stream") == 0;
	if (!is_stream && strcmp(element, "Storage") != 0)
		return fail(x, "the element '%s' has no place in an XQCN file", element);
	if (x->in_stream || x->done || (is_stream && !x->cur))
		return fail(x, "a '%s' outside a Storage", element);
	x->has_name = x->has_length = x->has_value = false;
	while ((c = skip_blanks(x)) != '>' && c != '/') {
		if (c < 0)
			return cut_short(x, c);
		if (attribute(x, is_stream) < 0)
			return -1;
	}
	is_closed = next(x) == '/';
	if (is_closed && (c = next(x)) != '>')
		return c < 0 ? cut_short(x, c) : fail(x, "'/' without '>'");
	if (!x->has_name)
		return fail(x, "a %s without a Name", element);
	if (is_stream) {
		if (stream_done(x) < 0)
			return -1;
		x->in_stream = !is_closed;
	} else {
		if (qtree_add(&x->tree, x->cur, QNODE_STORAGE, SLICE(x->name.p, x->name.n), &node,
			      x->e) < 0) {
			err_prefix(x->e, "line %u", x->line);
			return -1;
		}
		x->cur = node;
	}
	x->has_name = false;
	return !is_stream && is_closed ? close_storage(x) : 0;
}

static int close_tag(struct xml_in *x)
{
	char element[WORD_MAX];
	int c;

	if (word(x, element) < 0)
		return -1;
	c = skip_blanks(x);
	if (c < 0)
		return cut_short(x, c);
	if (next(x) != '>' || !x->cur || strcmp(element, x->in_stream ? "Stream" : "Storage") != 0)
		return fail(x, "'</%s' closes what is not open", element);
	if (x->in_stream) {
		x->in_stream = false;
		return 0;
	}
	return close_storage(x);
}

/* "<?...?>". All that matters of the declaration is whether it says UTF-8: the other encodings in
 * use agree with Windows-1252 as far as names go. */
static int instruction(struct xml_in *x)
{
	char text[128];
	size_t n = 0;
	int c, last = 0;

	while ((c = next(x)) >= 0 && !(last == '?' && c == '>')) {
		if (n < sizeof(text) - 1)
			text[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
		last = c;
	}
	text[n] = '\0';
	if (c < 0)
		return cut_short(x, c);
	if (strncmp(text, "xml", 3) == 0 && is_blank(text[3]) && strstr(text, "encoding"))
		x->is_utf8 = strstr(text, "utf-8") || strstr(text, "utf8");
	return 0;
}

static int comment(struct xml_in *x)
{
	int c, dashes = 0;

	if (next(x) != '-' || peek(x) != '-')
		return fail(x, "a DOCTYPE or CDATA section is refused");
	(void)next(x);
	while ((c = next(x)) >= 0 && !(c == '>' && dashes >= 2))
		dashes = c == '-' ? dashes + (dashes < 2) : 0;
	return c < 0 ? cut_short(x, c) : 0;
}

static int start(struct xml_in *x)
{
	int c = peek(x);

	if (c == END)
		return err_set(x->e, ERR_PROTO, "the file is empty");
	if (c == 0xFE || (c == 0xFF && x->n > 1 && x->chunk[1] == 0xFE))
		return err_set(x->e, ERR_UNSUPPORTED,
			       "the file is UTF-16 text: convert it to UTF-8");
	if (c == 0xEF && x->n >= 3 && memcmp(x->chunk, "\xEF\xBB\xBF", 3) == 0)
		x->at = 3;
	return c == FAILED ? -1 : 0;
}

static int document(struct xml_in *x)
{
	if (start(x) < 0)
		return -1;
	for (;;) {
		int c = skip_blanks(x), r;

		if (c == END && x->done)
			return 0;
		if (c < 0)
			return cut_short(x, c);
		if (next(x) != '<')
			return fail(x, "character 0x%02x outside of any element", (unsigned)c);
		c = peek(x);
		if (c < 0)
			return cut_short(x, c);
		if (c == '?' || c == '!' || c == '/')
			(void)next(x);
		r = c == '?'   ? instruction(x)
		    : c == '!' ? comment(x)
		    : c == '/' ? close_tag(x)
			       : open_tag(x);
		if (r < 0)
			return -1;
	}
}

int xqcn_read(struct source *in, const struct xqcn_opts *opts, struct qtree *ret,
	      struct qfindings *findings, struct err *e)
{
	struct xml_in x = { .in = in, .line = 1, .is_utf8 = true, .findings = findings, .e = e };
	int r;

	qtree_init(&x.tree, opts ? opts->max : 0);
	x.trust_value = opts && opts->trust_value;
	x.name = (struct buf)BUF_INIT(QTREE_MAX_NAME);
	x.chunk = malloc(CHUNK);
	r = x.chunk ? document(&x) : err_nomem(e);
	if (r < 0)
		qtree_fini(&x.tree);
	else
		*ret = x.tree;
	free(x.chunk);
	buf_fini(&x.name);
	buf_fini(&x.value);
	return r;
}

static unsigned pair(const uint8_t *digits)
{
	return (hex_class[digits[0]] - 1u) << 4 | (hex_class[digits[1]] - 1u);
}

int xqcn_poke(uint8_t *file, size_t size, const char *path, size_t off, struct slice bytes,
	      struct err *e)
{
	static const char digits[] = "0123456789ABCDEF";
	const struct xqcn_opts opts = { 0, true };
	struct mem_source mem;
	const struct qnode *stream;
	struct qtree t;
	uint64_t at;
	size_t i, left = off;

	mem_source_init(&mem, SLICE(file, size));
	if (xqcn_read(&mem.source, &opts, &t, NULL, e) < 0)
		return -1;
	stream = qtree_stream(&t, path);
	if (!stream || off > stream->n || bytes.n > stream->n - off) {
		size_t have = stream ? stream->n : 0;

		qtree_fini(&t);
		return err_set(e, ERR_MISMATCH, "'%s' has %zu bytes, none at %zu to %zu", path,
			       have, off, off + bytes.n);
	}
	at = stream->src;
	qtree_fini(&t);
	/* The reader accepted this Value: pairs with blanks between them, up to its quote. What is
	 * right already stays as it is, small letters too. */
	for (i = 0; i < bytes.n; at++) {
		if (hex_class[file[at]] == BLANK)
			continue;
		if (left) {
			left--;
		} else if (pair(file + at) != bytes.p[i++]) {
			file[at] = (uint8_t)digits[bytes.p[i - 1] >> 4];
			file[at + 1] = (uint8_t)digits[bytes.p[i - 1] & 15];
		}
		at++;
	}
	return 0;
}
