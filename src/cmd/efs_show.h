/* How an entry of a module's file system is shown, whether it came from a module or an image. */
#ifndef SALVOR_CMD_EFS_SHOW_H
#define SALVOR_CMD_EFS_SHOW_H

#include "cmd/render.h"

#include <stdbool.h>
#include <stdint.h>

struct efs_row {
	const char *name;    /* in a list; the path in a tree */
	const char *type;    /* "file", "item", "dir", "link" */
	uint16_t mode;       /* with the type bits; 0 = not known */
	uint64_t size;
	uint32_t mtime;      /* Unix seconds; 0 = not known */
	const char *target;  /* trees: of a link, or NULL */
	const char *verdict; /* images: "ok" ... */
	const char *why;     /* images: for every verdict but ok */
};

/* The table "entries". `judged`: the rows have verdicts. */
void efs_show_list(struct render *r, bool judged);
void efs_show_list_row(struct render *r, const struct efs_row *x);
void efs_show_tree(struct render *r, bool judged);
void efs_show_tree_row(struct render *r, const struct efs_row *x);
void efs_show_end(struct render *r);

/* "100644" as everybody prints it; NULL when nothing is known. */
const char *efs_mode_text(uint16_t mode, char out[8]);

#endif
