/* A set of paths; each is kept once. */
#ifndef SALVOR_BACKUP_PATH_SET_H
#define SALVOR_BACKUP_PATH_SET_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct path_set {
	char **slot; /* open addressing; NULL = free */
	size_t n, cap;
};

void path_set_fini(struct path_set *s);
bool path_set_has(const struct path_set *s, const char *path);
/* *ret_new: it was not there before; may be NULL. */
int path_set_add(struct path_set *s, const char *path, bool *ret_new, struct err *e) _must_check_;

#endif
