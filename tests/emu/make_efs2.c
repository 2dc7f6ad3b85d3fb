/* emu-efs2: makes EFS2 images for tests, with the independent writer of efs2_mk.
 *
 * Usage: emu-efs2 PAGE:PAGES_PER_BLOCK:BLOCKS[,WORD...] SPEC FILE
 *
 * SPEC is a text, an entry a line: TYPE MODE MTIME PATH CONTENT. TYPE is file, item, dir or link; MODE is
 * octal; PATH takes \xHH; CONTENT is hex:DIGITS, text:WORDS, file:PATH of this computer, or - for none.
 * WORDS: busy (journal, checkpoints, moved tables), pending=N, cefs=2|3|4, backup,
 * lose=ROLE:N (the N-th page of a role of efs2_mk.h is overwritten with filler), zero=ROLE:N (with zeros).
 * The role of every page, a letter each, goes to FILE.roles. */
#include "tests/emu/efs2_mk.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DAMAGE 16

struct job {
	struct efs2_mk_tree tree;
	struct efs2_mk_opts opts;
	struct efs2_mk_image img;
	unsigned cefs;
	bool backup;
	struct {
		char role;
		unsigned nth;
		uint8_t with;
	} damage[MAX_DAMAGE];
	size_t n_damage;
};

static int usage(const char *what)
{
	fprintf(stderr, "emu-efs2: %s\nusage: emu-efs2 PAGE:PER_BLOCK:BLOCKS[,WORD...] SPEC FILE\n",
		what);
	return -1;
}

static int word(struct job *j, const char *w)
{
	char role;
	unsigned n;

	if (strcmp(w, "busy") == 0) {
		j->opts.checkpoints = 3;
		j->opts.pending = 3;
		j->opts.move_root = j->opts.move_tables = true;
		j->opts.first_log_block = 2;
		j->opts.age = 0xfffe;
	} else if (strcmp(w, "backup") == 0) {
		j->backup = true;
	} else if (sscanf(w, "pending=%u", &n) == 1) {
		j->opts.pending = n;
	} else if (sscanf(w, "cefs=%u", &n) == 1) {
		j->cefs = n;
	} else if ((sscanf(w, "lose=%c:%u", &role, &n) == 2 ||
		    sscanf(w, "zero=%c:%u", &role, &n) == 2) &&
		   j->n_damage < MAX_DAMAGE) {
		j->damage[j->n_damage].role = role;
		j->damage[j->n_damage].nth = n;
		j->damage[j->n_damage++].with = w[0] == 'l' ? 0xee : 0;
	} else {
		return usage(w);
	}
	return 0;
}

static int geometry(struct job *j, char *text)
{
	char *rest = NULL, *w = strtok_r(text, ",", &rest);
	struct efs2_mk_opts *o = &j->opts;

	o->age = 7;
	if (!w || sscanf(w, "%u:%u:%u", &o->page_size, &o->pages_per_block, &o->blocks) != 3)
		return usage("no geometry");
	while ((w = strtok_r(NULL, ",", &rest))) {
		if (word(j, w) < 0)
			return -1;
	}
	return 0;
}

static void unescape(char *s)
{
	char *to = s;
	unsigned v;

	while (*s) {
		if (s[0] == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &v) == 1) {
			*to++ = (char)v;
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static int content(const char *text, struct buf *b, struct err *e)
{
	uint8_t bytes[4096];
	size_t n;

	if (strcmp(text, "-") == 0)
		return 0;
	if (strncmp(text, "hex:", 4) == 0)
		return hex_decode(text + 4, bytes, sizeof(bytes), &n, e) < 0 ? -1
									     : buf_add(b, bytes, n, e);
	if (strncmp(text, "text:", 5) == 0)
		return buf_add(b, text + 5, strlen(text + 5), e);
	if (strncmp(text, "file:", 5) == 0)
		return fs_read_file(text + 5, b, e);
	return err_set(e, ERR_USAGE, "no such content: %s", text);
}

static int entry(struct job *j, char *line, struct err *e)
{
	static const char *const types[] = { "file", "item", "dir", "link" };
	struct buf b = BUF_INIT(1u << 26);
	char type[8], path[600], text[5000];
	unsigned mode, mtime, t;
	int r;

	if (sscanf(line, "%7s %o %u %599s %4999[^\n]", type, &mode, &mtime, path, text) != 5)
		return err_set(e, ERR_USAGE, "not an entry: %s", line);
	for (t = 0; t < 4 && strcmp(type, types[t]) != 0; t++)
		;
	if (t == 4)
		return err_set(e, ERR_USAGE, "no such type: %s", type);
	unescape(path);
	r = content(text, &b, e);
	if (r == 0 && efs2_mk_add(&j->tree, path, (enum efs2_mk_type)t, (uint16_t)mode, mtime,
				  b.n ? b.p : (const uint8_t *)"", b.n) < 0)
		r = err_set(e, ERR_USAGE, "cannot add '%s'", path);
	buf_fini(&b);
	return r;
}

static int make(struct job *j, struct err *e)
{
	char why[160] = "";
	int r;

	if (j->backup)
		r = efs2_mk_backup(&j->tree, &j->opts, &j->img, why, sizeof(why));
	else if (j->cefs)
		r = efs2_mk_cefs(&j->tree, &j->opts, j->cefs, false, &j->img, why, sizeof(why));
	else
		r = efs2_mk_image(&j->tree, &j->opts, &j->img, why, sizeof(why));
	return r < 0 ? err_set(e, ERR_USAGE, "%s", why) : 0;
}

static int spoil(struct job *j, struct err *e)
{
	size_t i;
	uint32_t p;

	for (i = 0; i < j->n_damage; i++) {
		unsigned left = j->damage[i].nth;

		for (p = 0; p < j->img.pages; p++)
			if (j->img.role[p] == (uint8_t)j->damage[i].role && left-- == 0)
				break;
		if (p == j->img.pages)
			return err_set(e, ERR_USAGE, "no page %u of role %c", j->damage[i].nth,
				       j->damage[i].role);
		memset(j->img.bytes + (size_t)p * j->img.page_size, j->damage[i].with,
		       j->img.page_size);
	}
	return 0;
}

static int run(struct job *j, const char *spec, const char *file, struct err *e)
{
	_cleanup_fclose_ FILE *in = fopen(spec, "r");
	_cleanup_free_ char *roles = NULL;
	char line[6000];
	uint32_t p;

	if (!in)
		return err_set(e, ERR_HOST, "cannot open '%s'", spec);
	while (fgets(line, sizeof(line), in)) {
		if (line[0] != '\n' && line[0] != '#' && entry(j, line, e) < 0)
			return -1;
	}
	if (make(j, e) < 0 || spoil(j, e) < 0)
		return -1;
	for (p = 0; p < j->img.pages; p++)
		if (!j->img.role[p])
			j->img.role[p] = '.';
	if (asprintf(&roles, "%s.roles", file) < 0) {
		roles = NULL;
		return err_nomem(e);
	}
	if (fs_write_file(roles, SLICE(j->img.role, j->img.pages), true, e) < 0)
		return -1;
	return fs_write_file(file, SLICE(j->img.bytes, (size_t)j->img.pages * j->img.page_size),
			     true, e);
}

int main(int argc, char **argv)
{
	struct job j = { .cefs = 0 };
	struct err e = ERR_INIT;
	int r;

	if (argc != 4) {
		usage("three arguments");
		return 2;
	}
	if (geometry(&j, argv[1]) < 0)
		return 2;
	r = run(&j, argv[2], argv[3], &e);
	if (r < 0)
		fprintf(stderr, "emu-efs2: %s\n", e.msg);
	efs2_mk_fini(&j.tree);
	efs2_mk_image_fini(&j.img);
	return r < 0 ? 1 : 0;
}
