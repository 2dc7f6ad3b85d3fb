/* A serial port of a module: a byte stream, raw, 115200 8N1 (the speed means nothing over USB). */
#ifndef SALVOR_LINK_TTY_H
#define SALVOR_LINK_TTY_H

#include "link/link.h"

/* Opens `path` for us alone: an advisory lock and the kernel's exclusive mode, ERR_BUSY when
 * somebody has either. What the driver received before is kept: the HELLO of a boot ROM may already
 * be in there. ERR_NODEV when the node is not there, ERR_HOST without permission. */
int tty_open(const char *path, struct log *log, struct link **ret, struct err *e) _must_check_;

#endif
