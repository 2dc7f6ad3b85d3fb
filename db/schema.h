/* What the catalogue's tables look like, and how an older file becomes a present one. */
#ifndef SALVOR_DB_SCHEMA_H
#define SALVOR_DB_SCHEMA_H

#include "db/sql.h"

struct schema_step {
	unsigned version; /* the version that stands when the step is done */
	const char *text; /* SQL, ending in "PRAGMA user_version = <version>;" */
};

/* The steps of this program, in order; version 1 is the first, from nothing. */
const struct schema_step *schema_steps(size_t *ret_n);
/* Takes the file from the version it has to the last of the steps, one step a transaction: a
 * process killed on the way leaves the version before or after a step. A file newer than the last
 * step is ERR_UNSUPPORTED and is not touched. Of two processes one migrates and the other finds it
 * done. */
int schema_migrate(struct sql *db, const struct schema_step *steps, size_t n,
		   struct err *e) _must_check_;
int schema_version(struct sql *db, unsigned *ret, struct err *e) _must_check_;

#endif
