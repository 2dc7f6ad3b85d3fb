/* What the `part` verbs share. */
#ifndef SALVOR_CMD_PART_H
#define SALVOR_CMD_PART_H

#include "cmd/render.h"
#include "device/module.h"
#include "recovery/push_edl.h"

/* place_resolve() on this module; says why when there is no partition table to look in. */
int part_resolve(const struct module *m, const char *text, struct place *ret,
		 struct err *e) _must_check_;
/* Storage type and geometry as facts. */
void part_render_storage(struct render *r, const struct module *m);
/* Removes a dump and its map. */
void part_discard_dump(const char *path);

#endif
