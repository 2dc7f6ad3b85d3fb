/* What the verbs on snapshots share: where they lie, and what is said of one. */
#ifndef SALVOR_CMD_SNAPSHOT_H
#define SALVOR_CMD_SNAPSHOT_H

#include "base/stream.h"
#include "cmd/render.h"
#include "cmd/opts.h"
#include "model/manifest.h"

/* Where a backup goes. */
struct snapshot_dest {
	char *dir;      /* of NAME.part, and of the file unless `path` says otherwise */
	char *name;     /* NULL: made from what the module tells */
	char *path;     /* the file that -o names, or NULL */
	bool to_stdout;
};
/* From -o and --name; makes the folder. A file that is there already is an error before anything is done
 * with a module. */
int snapshot_dest_open(struct snapshot_dest *d, const struct parsed *p, struct err *e) _must_check_;
void snapshot_dest_fini(struct snapshot_dest *d);
/* For --resume without a name: the one NAME.part in the folder. ERR_USAGE lists several. */
int snapshot_dest_find_part(struct snapshot_dest *d, struct err *e) _must_check_;
/* A name of model, chip serial and time, as far as they are known. */
int snapshot_dest_make_name(struct snapshot_dest *d, const struct manifest_module *module,
			    struct err *e) _must_check_;

/* Module, how it was read, verdict with its reasons, what is missing. */
void snapshot_render(struct render *r, const struct manifest *m);

#endif
