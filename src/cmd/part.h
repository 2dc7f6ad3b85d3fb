/* What the `part` verbs share. */
#ifndef SALVOR_CMD_PART_H
#define SALVOR_CMD_PART_H

#include "cmd/render.h"
#include "device/module.h"
#include "recovery/push_edl.h"

/* Storage type and geometry as facts. */
void part_render_storage(struct render *r, const struct module *m);
/* Removes a dump and its map. */
void part_discard_dump(const char *path);

#endif
