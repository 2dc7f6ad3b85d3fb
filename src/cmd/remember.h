/* From a snapshot's manifest to what the catalogue keeps of it: the place where backup and db meet. */
#ifndef SALVOR_CMD_REMEMBER_H
#define SALVOR_CMD_REMEMBER_H

#include "cmd/ctx.h"
#include "db/catalog.h"
#include "model/manifest.h"

struct remembered {
	int64_t module; /* 0 = the snapshot does not tell whose it is */
	bool is_new;    /* else it was known, and its path is what changed */
	unsigned held;  /* contradictions that wait for a person */
	char text[384]; /* the last of them */
};

struct remember_file {
	const char *path; /* stored as an absolute path */
	const char *id;   /* of the content: snap_sealed.id, snapread_id() */
	uint64_t size;    /* of the archive */
	/* EVIDENCE_SNAPSHOT for a file that was found; what was just read from the module is
	 * EVIDENCE_CHIP. */
	enum identity_evidence evidence;
};

/* The module that the manifest is of is seen, and the snapshot is put under it: both or neither. */
int remember_snapshot(struct catalog *c, const struct manifest *m, const struct remember_file *f,
		      struct remembered *ret, struct err *e) _must_check_;

/* After a backup: opens (or makes) the catalogue, remembers the snapshot with what was just read from
 * the chip, and closes it. For verbs with TAKES_CATALOG. A contradiction is said on stderr. The
 * snapshot stands whatever happens here, so c->phase and the next step stay the verb's: what failed is
 * for the caller to say ("salvor catalog add FILE" makes up for it). `id` is snap_sealed.id. */
int catalog_remember(struct ctx *c, const struct manifest *m, const char *id, const char *path,
		     struct err *e) _must_check_;

#endif
