/*
 * Filling a snapshot from a module: what answers over AT, what DIAG gives, what is read in EDL. Each call
 * adds its items, what it could not have as gaps, and what it learned of the module's identity, so that
 * judge() can tell what the result is worth. A module that does not answer to one question costs that
 * item; only a broken conversation, trouble on this computer, or another module than before end a call.
 *
 * In a resumed snapshot partitions that are whole are not read again. Files and NV items are: they
 * cost little, and a modem that ran meanwhile has changed some of them.
 */
#ifndef SALVOR_BACKUP_TAKE_H
#define SALVOR_BACKUP_TAKE_H

#include "backup/pull_diag.h"
#include "backup/pull_edl.h"
#include "backup/snap.h"
#include "base/log.h"
#include "device/module.h"
#include "model/place.h"
#include "proto/at.h"

struct take {
	struct snap *snap;
	struct log *log;
	struct progress *progress; /* may be NULL */
	/* This run has shown which module is on the cable, and has not let go of its port since: what it
	 * tells in another mode belongs to the same one. */
	bool is_bound;
};

/* Is `found` the module that the snapshot is of? Adds what was not known of it. ERR_MISMATCH when it
 * is another one, and when a resumed snapshot has items and nothing in common with `found`. */
int take_module(struct take *t, const struct manifest_module *found, struct err *e) _must_check_;
/* What at_info() told, as far as it is identity; the texts stay those of `info`. */
void take_at_module(struct at_info *info, struct manifest_module *ret);

/* at/info.txt: answers with numbers masked. */
int take_at(struct take *t, const struct at_info *info, struct err *e) _must_check_;

/* diag/efs/... and diag/nv/...; efs or nv may be NULL. ERR_UNSUPPORTED when the module gives neither:
 * then nothing was added. */
int take_diag(struct take *t, struct efs *efs, struct nv *nv, struct pull_counts *ret,
	      struct err *e) _must_check_;

struct take_edl {
	const struct module *module; /* with a running programmer */
	const struct place *place;   /* these; n 0 = every partition that belongs to this unit alone */
	size_t n;
	bool once; /* one read of the modem's file system instead of two */
};
/* edl/NAME.bin with block maps; chip, geometry, table and bad blocks into the manifest. */
int take_edl(struct take *t, const struct take_edl *in, struct err *e) _must_check_;
/* "edl/efs2.bin": the item that holds a place; as take_edl() names it. */
void take_item_name(const struct table *table, const struct place *p, char *out, size_t cap);

#endif
