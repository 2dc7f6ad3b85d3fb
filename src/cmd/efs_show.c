#include "cmd/efs_show.h"

#include "base/attr.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += path[0] == '/' && path[1] != '/' && path[1] != '\0';
	return n;
}

void efs_show_begin(struct efs_show *s, struct render *r, const char *top, bool as_tree,
		    bool judged)
{
	static const struct render_col cols[] = {
		{ "type", "TYPE", false },      { "mode", "MODE", false },
		{ "size", "SIZE", true },       { "mtime", "MODIFIED", false },
		{ "path", "NAME", false },      { "verdict", "VERDICT", false },
		{ "why", "", false },
	};

	*s = (struct efs_show){ r, as_tree, judged, depth_of(top) };
	render_table(r, "entries", cols, ARRAY_SIZE(cols) - (judged ? 0 : 2));
}

static void cell_name(const struct efs_show *s, const char *path)
{
	const char *name = strrchr(path, '/');
	size_t depth = depth_of(path), indent;
	char text[1300];

	if (render_is_json(s->r)) {
		render_cell_str(s->r, path);
		return;
	}
	name = name && name[1] ? name + 1 : path;
	indent = s->as_tree && depth > s->top_depth ? depth - s->top_depth - 1 : 0;
	snprintf(text, sizeof(text), "%*s%s", (int)(2 * (indent < 100 ? indent : 100)), "", name);
	render_cell_str(s->r, text);
}

static const char *mode_text(uint16_t mode, char out[8])
{
	snprintf(out, 8, "%04o", mode & 07777u);
	return out;
}

void efs_show_entry(struct efs_show *s, const struct efs_entry *x)
{
	char when[21], mode[8];

	clock_iso(x->mtime, when);
	render_cell_str(s->r, x->type);
	render_cell_str(s->r, mode_text(x->mode, mode));
	render_cell_u64(s->r, x->size);
	if (render_is_json(s->r) && x->mtime)
		render_cell_u64(s->r, x->mtime);
	else
		render_cell_str(s->r, x->mtime ? when : NULL);
	cell_name(s, x->path);
	if (!s->judged)
		return;
	render_cell_str(s->r, x->verdict);
	if (render_is_json(s->r))
		render_cell_str(s->r, x->why && x->why[0] ? x->why : NULL);
	else
		render_cell_str(s->r, x->why ? x->why : "");
}

void efs_show_end(struct efs_show *s)
{
	render_table_end(s->r, "nothing is in it");
}

void efs_show_facts(struct render *r, const struct efs_entry *x, bool judged)
{
	char when[21], mode[8];

	clock_iso(x->mtime, when);
	render_str(r, "path", "path", x->path);
	render_str(r, "type", "type", x->type);
	render_str(r, "mode", "mode", mode_text(x->mode, mode));
	render_u64(r, "size", "bytes", x->size);
	if (render_is_json(r) && x->mtime)
		render_u64(r, "mtime", "modified", x->mtime);
	else
		render_str(r, "mtime", "modified", x->mtime ? when : NULL);
	if (!judged)
		return;
	render_str(r, "verdict", "verdict", x->verdict);
	if (x->why && x->why[0])
		render_str(r, "why", "why", x->why);
}
