/* info of a module that runs its firmware. */
#ifndef SALVOR_CMD_INFO_NORMAL_H
#define SALVOR_CMD_INFO_NORMAL_H

#include "cmd/ctx.h"
#include "device/find.h"

/* What AT and DIAG tell. One of the two ports may be silent or held: that is said, and the rest is shown. `full`:
 * numbers that identify the module and its SIM are not masked. */
int info_normal(struct ctx *ctx, const struct device *dev, bool full, struct err *e) _must_check_;

#endif
