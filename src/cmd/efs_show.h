/* How an entry of a module's file system is shown, whether it came from a module or an image. */
#ifndef SALVOR_CMD_EFS_SHOW_H
#define SALVOR_CMD_EFS_SHOW_H

#include "cmd/render.h"

#include <stdbool.h>
#include <stdint.h>

struct efs_entry {
	const char *path; /* absolute */
	const char *type; /* "file", "item", "dir", "link" */
	uint16_t mode;    /* POSIX bits; only the permissions are shown */
	uint64_t size;
	uint32_t mtime;      /* Unix seconds; 0 = not known */
	const char *verdict; /* images: "ok" ...; NULL when it was listed by a module */
	const char *why;     /* images: for every verdict but ok */
};

struct efs_show {
	struct render *r;
	bool as_tree, judged;
	size_t top_depth;
};

/* A table "entries". As a tree, names are indented by their depth below `top`; otherwise they are
 * shown without the folder that is listed. With --json both give whole paths. `judged`: entries have
 * verdicts. */
void efs_show_begin(struct efs_show *s, struct render *r, const char *top, bool as_tree,
		    bool judged);
void efs_show_entry(struct efs_show *s, const struct efs_entry *x);
void efs_show_end(struct efs_show *s);

/* One entry as facts. */
void efs_show_facts(struct render *r, const struct efs_entry *x, bool judged);

#endif
