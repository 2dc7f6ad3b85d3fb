/*
 * Reading a running module over DIAG: the tree of its file system with every content, and its NV items.
 *
 * A listing is not the whole truth: access tables of the firmware hide folders whose files can be read all
 * the same. So what the walk did not meet is asked for by name: from the manifests that the firmware leaves
 * in /nv/item_files/conf, and from a table of known places. What cannot be had is told as a gap, with the
 * module's reason; it never ends the run. Only a module that stops answering does, or a callback.
 */
#ifndef SALVOR_BACKUP_PULL_DIAG_H
#define SALVOR_BACKUP_PULL_DIAG_H

#include "base/progress.h"
#include "base/stream.h"
#include "proto/efs.h"
#include "proto/nv.h"

/* Texts are borrowed for the call. */
struct pull_item {
	const char *path;
	enum efs_type type;
	struct efs_attr attr; /* mode 0: the module did not say */
	const char *target;   /* of a link, which is not followed; else NULL */
	bool hidden;          /* no listing shows it */
};

enum pull_gap {
	PULL_GAP_REFUSED, /* a well-formed "no" */
	PULL_GAP_FAILED,  /* it did not come: silence, or it changed under our hands again and again */
	PULL_GAP_SKIPPED, /* not asked for: it breaks the link of some modules */
	PULL_GAP_ABSENT,  /* asked for by name, and there is none: nothing is lost */
};
const char *pull_gap_name(enum pull_gap g);

/* Where it all goes. A callback that returns -1 ends the run; none may use the sessions. */
struct pull_ops {
	/* A folder, link or file. *ret is the sink for the content of files and item files; left NULL, the
	 * content is not read. For a path whose end() told a reason it may come a second time. */
	int (*item)(struct pull_ops *, const struct pull_item *, struct sink **ret, struct err *);
	/* After the content that item() gave a sink for. `why` is NULL when it is whole. */
	int (*end)(struct pull_ops *, const struct pull_item *, uint64_t n, const struct err *why,
		   struct err *);
	/* A value; NULL = NV items are not read. */
	int (*nv)(struct pull_ops *, const struct nv_ref *, const struct nv_value *, struct err *);
	/* `what` is a path or "nv 550 index 1 sim 2". May be NULL. */
	int (*gap)(struct pull_ops *, const char *what, enum pull_gap, bool is_folder,
		   const struct err *why, struct err *);
};

struct pull_counts {
	uint64_t dirs, files, items, links, others, nv;
	uint64_t bytes;  /* of files and item files */
	uint64_t hidden; /* of all these, found by name only */
	uint64_t rfnv;   /* calibration items among them */
	uint64_t listed;    /* by listings: all but folders */
	uint64_t listed_nv; /* ids that the module lists; 0 with nv_scanned */
	uint64_t gap[4]; /* by enum pull_gap */
	bool nv_scanned; /* the module did not list its NV items: all ids were tried */
};

struct pull_diag {
	struct efs *efs; /* NULL: no file system */
	struct nv *nv;   /* NULL: no NV items */
	const char *from; /* subtree; NULL = everything there is, and the hidden files too */
	uint16_t nv_last; /* for a scan; 0 = NV_SCAN_LAST */
	struct progress *progress; /* may be NULL */
	struct pull_ops *ops;
};

/* *ret is filled on failure too. */
int pull_diag(const struct pull_diag *pull, struct pull_counts *ret, struct err *e) _must_check_;

#endif
