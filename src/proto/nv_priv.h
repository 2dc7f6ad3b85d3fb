/* What nv.c and nv_write.c share; nobody else includes this. */
#ifndef SALVOR_PROTO_NV_PRIV_H
#define SALVOR_PROTO_NV_PRIV_H

#include "proto/nv.h"

struct nv {
	struct diag *d;
	struct efs *efs;
	struct nv_opts opts;
};

#define NV_PATH_ROOM 48

extern const struct diag_echo nv_echo[];         /* command and item */
extern const struct diag_echo nv_echo_indexed[]; /* header, item, index */

/* The item file of the ref. */
void nv_path(const struct nv_ref *ref, char out[NV_PATH_ROOM]);
void nv_pause(struct nv *n, uint32_t ms);

#endif
