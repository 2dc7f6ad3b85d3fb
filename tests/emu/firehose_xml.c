/* Documents of the emulated programmer: the strict little parser of firehose.md section 2, and the
 * exact shapes in which each family answers. */
#include "tests/emu/firehose_int.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static const char *take_name(const char *p, char *out, size_t cap)
{
	size_t n = 0;

	while (*p && (isalnum((unsigned char)*p) || *p == '_' || *p == '-')) {
		if (n + 1 >= cap)
			return NULL;
		out[n++] = *p++;
	}
	out[n] = '\0';
	return n ? p : NULL;
}

static const char *take_attr(const char *p, struct fh_attr *a)
{
	static const struct {
		const char *from;
		char to;
	} ents[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' }, { "&quot;", '"' },
		     { "&apos;", '\'' } };
	size_t n = 0, i;

	p = take_name(p, a->name, sizeof(a->name));
	if (!p)
		return NULL;
	p = skip_space(p);
	if (*p++ != '=')
		return NULL;
	p = skip_space(p);
	if (*p++ != '"') /* double quotes only */
		return NULL;
	while (*p && *p != '"') {
		char c = *p;
		size_t step = 1;

		for (i = 0; c == '&' && i < ARRAY_SIZE(ents); i++)
			if (!strncmp(p, ents[i].from, strlen(ents[i].from))) {
				c = ents[i].to;
				step = strlen(ents[i].from);
				break;
			}
		if (n + 1 >= sizeof(a->value))
			return NULL;
		a->value[n++] = c;
		p += step;
	}
	a->value[n] = '\0';
	return *p == '"' ? p + 1 : NULL;
}

static const char *take_tag(const struct firehose_dev *f, const char *p, struct fh_tag *t)
{
	memset(t, 0, sizeof(*t));
	p = take_name(p + 1, t->name, sizeof(t->name));
	if (!p)
		return NULL;
	/* Family A wants exactly one space behind the name. */
	if (!f->b && !(p[0] == ' ' && p[1] != ' '))
		return NULL;
	for (;;) {
		const char *at = skip_space(p);

		if (at[0] == '/' && at[1] == '>')
			return at + 2;
		if (at == p || t->n == FH_MAX_ATTR)
			return NULL; /* also <tag></tag>: tags have to be self-closing */
		p = take_attr(at, &t->attr[t->n]);
		if (!p)
			return NULL;
		t->n++;
	}
}

unsigned fh_parse(const struct firehose_dev *f, const char *text, struct fh_tag *tags, unsigned max,
		  char *why, size_t why_n)
{
	const char *p = text, *end;
	unsigned n = 0;

	if (*p != '<') {
		snprintf(why, why_n, "XML not formed correctly. Expected a < character at loc 0");
		return 0;
	}
	snprintf(why, why_n, "XML not formed correctly");
	if (!strncmp(p, "<?xml", 5)) {
		end = strstr(p, "?>");
		if (!end)
			return 0;
		p = skip_space(end + 2);
	}
	if (strncmp(p, "<data>", 6) != 0)
		return 0;
	p = skip_space(p + 6);
	while (strncmp(p, "</data>", 7) != 0) {
		if (*p != '<' || n == max)
			return 0;
		p = take_tag(f, p, &tags[n]);
		if (!p)
			return 0;
		n++;
		p = skip_space(p);
		if (!f->b && n > 1)
			return 0; /* one command a document */
	}
	return n;
}

const char *fh_attr(const struct fh_tag *t, const char *name)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (!strcmp(t->attr[i].name, name))
			return t->attr[i].value;
	return NULL;
}

static void document(struct firehose_dev *f, const char *body)
{
	static const char junk[] = "\0\1\2 junk \xf0\xe9\x88\x14 before the document ";
	const struct emu_quirk *q = quirk_find(&f->m->quirks, "junk");
	char room[FH_MAX_XML + 256];
	struct writer w = writer_of(room, sizeof(room));
	size_t left;

	if (q && quirk_hit(&f->m->quirks, "junk", NULL))
		for (left = (size_t)MIN_OF(q->value, 128u); left; left--)
			wr_u8(&w, (uint8_t)junk[left % (sizeof(junk) - 1)]);
	wr_str(&w, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n");
	wr_str(&w, body);
	emu_push(f->m, f->iface, room, w.n, true);
}

static void escape(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			wr_str(w, "&lt;");
		else if (*text == '&')
			wr_str(w, "&amp;");
		else if (*text == '"')
			wr_str(w, "&quot;");
		else
			wr_u8(w, (uint8_t)*text);
	}
}

void fh_log(struct firehose_dev *f, const char *level, const char *fmt, ...)
{
	char text[1024], room[2048];
	struct writer w = writer_of(room, sizeof(room) - 1);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	wr_str(&w, "<log value=\"");
	if (f->b) { /* family A has no prefixes */
		wr_str(&w, level);
		wr_str(&w, ": ");
	}
	escape(&w, text);
	wr_str(&w, f->b ? "\" /></data>" : "\"/></data>");
	room[w.n] = '\0';
	document(f, room);
}

void fh_response(struct firehose_dev *f, bool ack, int rawmode, const char *more)
{
	uint64_t flood = quirk_hit(&f->m->quirks, "flood", NULL) ?
				 MIN_OF(quirk_value(&f->m->quirks, "flood", 0), 10000u) :
				 0;
	char body[2048];
	uint64_t i;

	for (i = 0; i < flood; i++)
		fh_log(f, "INFO", "flood line %u", (unsigned)i);
	snprintf(body, sizeof(body), "<response value=\"%s\"%s%s%s%s />%s</data>", ack ? "ACK" : "NAK",
		 rawmode < 0 ? "" : rawmode ? " rawmode=\"true\"" : " rawmode=\"false\"",
		 more && *more ? " " : "", more ? more : "", "", f->b ? "" : "\n");
	if (!quirk_hit(&f->m->quirks, "silent", "response"))
		document(f, body);
	flood = quirk_hit(&f->m->quirks, "flood_after", NULL) && rawmode != 1 ?
			MIN_OF(quirk_value(&f->m->quirks, "flood_after", 0), 10000u) :
			0;
	for (i = 0; i < flood; i++)
		fh_log(f, "INFO", "late line %u", (unsigned)i);
}

void fh_fail(struct firehose_dev *f, unsigned number, const char *name)
{
	if (!f->b)
		fh_log(f, "ERROR", "ERROR %u: Line %u: %s", number, 1000 + 7 * number, name);
	f->m->count.refused_cmds++;
	fh_response(f, false, f->b ? 0 : -1, NULL);
}

bool fh_interrupted(struct firehose_dev *f, const char *cmd)
{
	struct emu_quirks *qs = &f->m->quirks;

	if (quirk_hit(qs, "unplug_at", cmd)) {
		f->m->unplugged = true;
		return true;
	}
	if (quirk_hit(qs, "silent", cmd))
		return true;
	if (quirk_hit(qs, "nak", cmd)) {
		fh_log(f, "ERROR", "Failed to run the last command %d", 1);
		fh_fail(f, 99, "COMMAND_FAILURE");
		return true;
	}
	return false;
}
