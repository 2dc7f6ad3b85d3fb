/* Which record of the catalogue is the module on the cable? */
#ifndef SALVOR_CMD_ATTACHED_H
#define SALVOR_CMD_ATTACHED_H

#include "cmd/ctx.h"

/* By the chip serial that the USB product text tells, or the boot ROM when it waits; by the IMEI that a
 * running module gives over AT otherwise. Needs ctx->catalog. The module's mode stays what it is.
 * *ret is 0 when the catalogue does not know it; ERR_UNSUPPORTED when it does not say who it is. */
int attached_module(struct ctx *ctx, int64_t *ret, struct err *e) _must_check_;

#endif
