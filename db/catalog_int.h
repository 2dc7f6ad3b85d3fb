/* What the files of the catalogue share. */
#ifndef SALVOR_DB_CATALOG_INT_H
#define SALVOR_DB_CATALOG_INT_H

#include "base/cleanup.h"
#include "db/catalog.h"

#define TIME_ROOM 21

struct catalog {
	struct sql *db;
	struct audit *audit;
	char *who;
	bool audited; /* the transaction has a record that the mirror lacks */
	bool quiet;   /* the audit log is being replayed: nothing is recorded anew */
	char warning[256];
};

/* A change: begin, do, then cat_end() with what doing returned. It commits or undoes, and lets the
 * mirror follow. */
int cat_begin(struct catalog *c, struct err *e) _must_check_;
int cat_end(struct catalog *c, int result, struct err *e) _must_check_;
/* Records it in the audit log; `who` and the module's chip are filled in. */
int cat_audit(struct catalog *c, int64_t module, struct audit_event *ev,
	      struct err *e) _must_check_;
int cat_hold(struct catalog *c, enum identity_code code, int64_t module, int64_t other,
	     const char *imei, const char *text, struct err *e) _must_check_;
/* ERR_USAGE when there is no such module. */
int cat_need_module(struct catalog *c, int64_t id, struct err *e) _must_check_;
/* `when`, or now. */
const char *cat_time(const char *when, char room[TIME_ROOM]);
static inline const char *cat_str(const char *s)
{
	return s ? s : "";
}
/* NULL for "". */
static inline const char *cat_opt(const char *s)
{
	return s && *s ? s : NULL;
}
bool cat_is_hash(const char *hash);
int cat_need_hash(const char *hash, struct err *e) _must_check_;
/* One row of one integer; `dflt` when there is no row. */
int cat_one(struct sql_query *q, int64_t dflt, int64_t *ret, struct err *e) _must_check_;
/* Record id of a chip (0 = none). An msm of 0 finds the serial if only one record has it;
 * *ret_several says that it could not. */
int cat_chip_find(struct catalog *c, const char *chip, uint32_t msm, int64_t *ret,
		  bool *ret_several, struct err *e) _must_check_;
int cat_imei_find(struct catalog *c, const char *imei, int64_t *ret, struct err *e) _must_check_;
/* Puts a number under a module, replacing what stands in the slot, without asking anybody. */
int cat_imei_put(struct catalog *c, int64_t module, const struct identity_claim *claim,
		 const char *number, unsigned corrected, struct err *e) _must_check_;
/* Keeps what was decided. */
int cat_identity_store(struct catalog *c, int64_t module, const struct identity_claim *claim,
		       const struct identity_facts *f, const struct identity_decision *d,
		       struct err *e) _must_check_;
/* A record without a chip stands on its number, even on one that contradicts what is known of its
 * code: kept and held, or the module would be a new one every day. */
static inline bool cat_must_stand(const struct identity_facts *f, const struct identity_decision *d)
{
	return !f->has_chip && !f->current[0] && d->code == IDENTITY_TAC_MODEL;
}
int cat_link_text(struct catalog *c, int64_t id, const char *chip, uint32_t msm, int64_t *ret_id,
		  struct err *e) _must_check_;
/* Says again what the audit log says that people said. */
int cat_replay(struct catalog *c, struct err *e) _must_check_;
int cat_emit_snapshots(struct sql_query *q, struct catalog_rows *rows, struct err *e) _must_check_;
/* Columns that cat_emit_snapshots() reads; the table is called s. */
#define SNAPSHOT_COLS                                                                              \
	"s.hash, s.module, s.path, s.size, s.created, s.verdict, s.model, s.variant, s.revision, " \
	"s.imei, s.mode, s.n_items, s.n_nv, s.n_efs, s.gone"

#endif
