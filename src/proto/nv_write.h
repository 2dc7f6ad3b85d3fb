/* Writing NV items. Only recovery/ may include this. */
#ifndef SALVOR_PROTO_NV_WRITE_H
#define SALVOR_PROTO_NV_WRITE_H

#include "proto/nv.h"

/* Writes all 128 bytes and reads them back. ERR_REFUSED with the status word or DIAG error; with
 * ERR_INTEGRITY the module said yes and holds something else. Items of a second SIM with an EFS session
 * go to their own file, `len` bytes long as it was read; others ignore `len`. Never sent twice. Reaches
 * flash for certain only after efs_sync(), the stack reads it at the next start. */
int nv_write(struct nv *n, const struct nv_ref *ref, const uint8_t data[NV_DATA_LEN], uint16_t len,
	     struct err *e) _must_check_;

#endif
