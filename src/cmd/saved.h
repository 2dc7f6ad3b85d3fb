/* Where the old content of what is overwritten goes. */
#ifndef SALVOR_CMD_SAVED_H
#define SALVOR_CMD_SAVED_H

#include "base/err.h"

/* $XDG_STATE_HOME/salvor/saved/WHO-WHAT-TIME.bin, malloced; the folder is made. Letters that a file name
 * should not have become hyphens. */
int saved_path(const char *who, const char *what, char **ret, struct err *e) _must_check_;

#endif
