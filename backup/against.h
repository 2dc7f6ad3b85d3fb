/* A snapshot against the module that it was made of: reads what the module gives now and compares digests.
 * Whether it is the same module the caller asks before. */
#ifndef SALVOR_BACKUP_AGAINST_H
#define SALVOR_BACKUP_AGAINST_H

#include "base/progress.h"
#include "device/module.h"
#include "model/manifest.h"
#include "proto/efs.h"
#include "proto/nv.h"

enum against_how {
	AGAINST_EQUAL,
	AGAINST_DIFFERS,
	AGAINST_MISSING, /* it does not give it now */
};
const char *against_how_name(enum against_how how);

struct against_ops {
	/* Each item that was compared; `why` may be NULL. -1 ends the run. */
	int (*item)(struct against_ops *, const struct manifest_item *it, enum against_how how,
		    const char *why, struct err *);
};

struct against_counts {
	size_t n[3]; /* by enum against_how */
};

/* Files and NV items; efs or nv may be NULL, and their items are then not compared. */
int against_diag(const struct manifest *m, struct efs *efs, struct nv *nv, struct progress *progress,
		 struct against_ops *ops, struct against_counts *ret, struct err *e) _must_check_;
/* Raw items, by their extents. */
int against_edl(const struct manifest *m, const struct module *module, struct progress *progress,
		struct against_ops *ops, struct against_counts *ret, struct err *e) _must_check_;

#endif
