/* Where catalogue and snapshots lie on this computer, and the way to an open catalogue. */
#ifndef SALVOR_CMD_STORE_H
#define SALVOR_CMD_STORE_H

#include "cmd/ctx.h"
#include "db/catalog.h"

/* --catalog, or $XDG_DATA_HOME/salvor/catalog.db. Malloced. ERR_HOST when there is no home. */
int store_catalog_path(const struct ctx *c, char **ret, struct err *e) _must_check_;
/* $XDG_DATA_HOME/salvor/snapshots; need not exist. Malloced. Errors as above. */
int store_snapshot_dir(char **ret, struct err *e) _must_check_;

/* Opens it as c->catalog, saying so while another process makes us wait, and sets c->phase to
 * PHASE_CATALOG. `create`: makes it, and its folder, when there is none. Tells the next step after a
 * failure. */
int store_open(struct ctx *c, bool create, struct err *e) _must_check_;
/* The next step after an error of the catalogue, unless the verb has set one: nothing outside
 * PHASE_CATALOG. */
void store_tell_next(struct ctx *c, const struct err *e);
/* Says what the catalogue warned of, and closes it; harmless when none is open. */
void store_close(struct ctx *c);

#endif
