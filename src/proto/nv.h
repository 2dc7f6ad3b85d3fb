/*
 * NV items of a running module: reading them. Writing is in nv_write.h, which only recovery/ includes.
 * Facts: docs/protocols.md, section NV items.
 */
#ifndef SALVOR_PROTO_NV_H
#define SALVOR_PROTO_NV_H

#include "proto/efs.h"
#include "wire/nv_msg.h"

struct nv;

struct nv_opts {
	/* Read element n of an array item by its first data byte instead of subsystem 48. */
	bool array_legacy;
	/* Waits; NULL = clock_sleep_ms(). */
	void (*pause)(void *ctx, uint32_t ms);
	void *pause_ctx;
};

/* `efs` may be NULL: items of a second SIM are then asked of subsystem 48, and listing scans. Both
 * sessions stay the caller's. Sends nothing. */
int nv_open(struct diag *d, struct efs *efs, const struct nv_opts *opts, struct nv **ret, struct err *e)
	_must_check_;
void nv_close(struct nv *n); /* NULL is fine */

/* One item of one SIM. */
struct nv_ref {
	uint16_t id;
	uint16_t index; /* element of an array item, usually 0 */
	uint8_t sim;    /* 0 = the first; 1 = /nvm/context1, ... */
};

enum nv_state {
	NV_VALUE,       /* data holds it */
	NV_INACTIVE,    /* known, never written: nothing to save */
	NV_UNDEFINED,   /* unknown to this build */
	NV_BAD_PARM,    /* the module finds the item or index illegal */
	NV_LOCKED,      /* wants the service code or password */
	NV_UNREADABLE,  /* any other refusal */
	NV_SILENT,      /* no answer, though the module lives */
	NV_SKIPPED,     /* known to break the link; not asked */
};
const char *nv_state_name(enum nv_state s);

struct nv_value {
	enum nv_state state;
	int32_t code;  /* the module's status word or DIAG error; 0 with NV_VALUE */
	uint16_t len;  /* 128, or the length of the item file it was read from */
	uint8_t data[NV_DATA_LEN]; /* zero unless NV_VALUE */
};

/* -1 only when the conversation fails; a refusal is a state. */
int nv_read(struct nv *n, const struct nv_ref *ref, struct nv_value *ret, struct err *e) _must_check_;

#define NV_SCAN_LAST 10499 /* real backups hold ids up to 10330 */

struct nv_listing {
	struct nv_ref *ref; /* malloced, ordered by SIM, id, index */
	size_t n, cap;
	bool scan;          /* /nvm/num could not be listed: these are all ids there may be */
	struct err why;     /* with scan: why not */
};
void nv_listing_fini(struct nv_listing *l);
/* For callers that know the items from elsewhere: collect, then sort. */
int nv_listing_add(struct nv_listing *l, const struct nv_ref *ref, struct err *e) _must_check_;
void nv_listing_sort(struct nv_listing *l);
/* The items that exist, from /nvm/num and /nvm/context1.. . Where /nvm/num cannot be listed, all ids up
 * to `last`, for nv_each() to try. */
int nv_list(struct nv *n, uint16_t last, struct nv_listing *ret, struct err *e) _must_check_;

/* Reads every item of the listing, with as many requests in flight as the session allows, and hands it
 * over; of a scan only those that are neither inactive nor undefined nor illegal. `item` may not use
 * the session; its -1 ends the run. */
int nv_each(struct nv *n, const struct nv_listing *l,
	    int (*item)(void *ctx, const struct nv_ref *, const struct nv_value *, struct err *),
	    void *ctx, struct err *e) _must_check_;

#endif
