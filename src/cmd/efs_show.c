#include "cmd/efs_show.h"

#include "base/attr.h"
#include "base/clock.h"

#include <stdio.h>

const char *efs_mode_text(uint16_t mode, char out[8])
{
	snprintf(out, 8, "%06o", mode);
	return mode ? out : NULL;
}

void efs_show_list(struct render *r, bool judged)
{
	static const struct render_col cols[] = {
		{ "type", "TYPE", false },   { "mode", "MODE", false },
		{ "size", "SIZE", true },    { "mtime", "MODIFIED", false },
		{ "name", "NAME", false },   { "verdict", "VERDICT", false },
		{ "why", "", false },
	};

	render_table(r, "entries", cols, ARRAY_SIZE(cols) - (judged ? 0 : 2));
}

static void cells_judged(struct render *r, const struct efs_row *x)
{
	if (!x->verdict)
		return;
	render_cell_str(r, x->verdict);
	if (render_is_json(r))
		render_cell_str(r, x->why && x->why[0] ? x->why : NULL);
	else
		render_cell_str(r, x->why ? x->why : "");
}

void efs_show_list_row(struct render *r, const struct efs_row *x)
{
	char when[21], mode[8];

	clock_iso(x->mtime, when);
	render_cell_str(r, x->type);
	render_cell_str(r, efs_mode_text(x->mode, mode));
	render_cell_u64(r, x->size);
	if (render_is_json(r))
		render_cell_u64(r, x->mtime);
	else
		render_cell_str(r, x->mtime ? when : NULL);
	render_cell_str(r, x->name);
	cells_judged(r, x);
}

void efs_show_tree(struct render *r, bool judged)
{
	static const struct render_col cols[] = {
		{ "type", "TYPE", false },       { "size", "SIZE", true },
		{ "path", "PATH", false },       { "target", "TARGET", false },
		{ "verdict", "VERDICT", false }, { "why", "", false },
	};

	render_table(r, "entries", cols, ARRAY_SIZE(cols) - (judged ? 0 : 2));
}

void efs_show_tree_row(struct render *r, const struct efs_row *x)
{
	render_cell_str(r, x->type);
	render_cell_u64(r, x->size);
	render_cell_str(r, x->name);
	render_cell_str(r, x->target);
	cells_judged(r, x);
}

void efs_show_end(struct render *r)
{
	render_table_end(r, "the folder is empty");
}
