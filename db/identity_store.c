/* The identity store: what identity.c decides upon, and what becomes of it. */
#include "db/catalog_int.h"

#include "db/mask.h"
#include "model/imei.h"

#include <stdio.h>
#include <string.h>

int cat_imei_find(struct catalog *c, const char *imei, int64_t *ret, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;

	if (sql_query(c->db, &q, e, "SELECT module FROM imei WHERE imei = ?1", SQL_T(imei)) < 0)
		return -1;
	return cat_one(q, 0, ret, e);
}

int cat_imei_put(struct catalog *c, int64_t module, const struct identity_claim *claim,
		 const char *number, unsigned corrected, struct err *e)
{
	char now[TIME_ROOM];

	if (sql_run(c->db, e, "DELETE FROM imei WHERE module = ?1 AND slot = ?2", SQL_I(module),
		    SQL_I(claim->slot)) < 0)
		return -1;
	return sql_run(
		c->db, e,
		"INSERT INTO imei(imei, module, slot, evidence, confirmed, corrected, reason,"
		" label_serial, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		SQL_T(number), SQL_I(module), SQL_I(claim->slot), SQL_I(claim->evidence),
		SQL_I(claim->evidence == EVIDENCE_CHIP), SQL_I(corrected),
		SQL_T(cat_str(claim->reason)), SQL_T(cat_str(claim->label_serial)),
		SQL_T(cat_time(claim->when, now)));
}

static int module_facts(struct catalog *c, int64_t module, const struct identity_claim *claim,
			char model[48], char variant[48], struct identity_facts *f, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL, *n = NULL;
	const char *rf_at;
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT chip IS NOT NULL, retired IS NOT NULL, rf, rf_at, model, variant"
		      " FROM module WHERE id = ?1",
		      SQL_I(module)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set(e, ERR_USAGE, "the catalogue has no module %lld", (long long)module);
	f->has_chip = sql_int(q, 0) != 0;
	f->retired = sql_int(q, 1) != 0;
	rf_at = sql_str(q, 3);
	/* An older snapshot of the chip is from before the donor's data came in. */
	f->rf_donor = sql_int(q, 2) == CATALOG_RF_DONOR &&
		      !(claim->evidence != EVIDENCE_CHIP && cat_opt(claim->when) && *rf_at &&
			strcmp(claim->when, rf_at) < 0);
	snprintf(model, 48, "%s", sql_str(q, 4));
	snprintf(variant, 48, "%s", sql_str(q, 5));
	f->model_known = model[0] != '\0';

	if (sql_query(
		    c->db, &n, e,
		    "SELECT imei, evidence, confirmed, corrected FROM imei WHERE module = ?1 AND slot = ?2",
		    SQL_I(module), SQL_I(claim->slot)) < 0 ||
	    sql_step(n, &row, e) < 0)
		return -1;
	if (row) {
		snprintf(f->current, sizeof(f->current), "%s", sql_str(n, 0));
		f->current_evidence = (enum identity_evidence)sql_int(n, 1);
		f->confirmed = sql_int(n, 2) != 0;
		f->corrected = (unsigned)sql_int(n, 3);
	}
	return 0;
}

static int owner_facts(struct catalog *c, int64_t module, const struct identity_claim *claim,
		       const char *number, struct identity_facts *f, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char shown[MASK_ROOM];
	bool row;

	if (sql_query(
		    c->db, &q, e,
		    "SELECT i.module, i.slot, m.chip, m.label FROM imei i JOIN module m ON m.id = i.module"
		    " WHERE i.imei = ?1",
		    SQL_T(number)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return 0;
	if (sql_int(q, 0) == module) {
		f->other_slot = sql_int(q, 1) != (int64_t)claim->slot;
		return 0;
	}
	f->other = true;
	f->other_has_chip = !sql_is_null(q, 2);
	mask_chip(sql_text(q, 2), false, shown);
	if (*sql_str(q, 3))
		snprintf(f->other_name, sizeof(f->other_name), "'%.40s'", sql_str(q, 3));
	else if (f->other_has_chip)
		snprintf(f->other_name, sizeof(f->other_name), "chip %s", shown);
	else
		snprintf(f->other_name, sizeof(f->other_name), "record %lld",
			 (long long)sql_int(q, 0));
	return 0;
}

static int tac_facts(struct catalog *c, const char *number, const char *model, const char *variant,
		     struct identity_facts *f, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char tac[9];
	bool row;

	f->tac = TAC_UNKNOWN;
	if (!*model)
		return 0;
	snprintf(tac, sizeof(tac), "%.8s", number);
	/* The best match first. */
	if (sql_query(c->db, &q, e,
		      "SELECT model, variant FROM tac WHERE tac = ?1"
		      " ORDER BY model <> ?2, variant <> ?3 LIMIT 1",
		      SQL_T(tac), SQL_T(model), SQL_T(variant)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return 0;
	snprintf(f->tac_model, sizeof(f->tac_model), "%.23s%.23s", sql_str(q, 0), sql_str(q, 1));
	if (strcmp(sql_str(q, 0), model) != 0)
		f->tac = TAC_OTHER_MODEL;
	else if (*variant && *sql_str(q, 1) && strcmp(sql_str(q, 1), variant) != 0)
		f->tac = TAC_OTHER_VARIANT;
	else
		f->tac = TAC_SAME;
	return 0;
}

int identity_facts_read(struct catalog *c, int64_t module, const struct identity_claim *claim,
			struct identity_facts *ret, struct err *e)
{
	struct identity_facts f = { .tac = TAC_UNKNOWN };
	char model[48], variant[48];
	struct err junk = ERR_INIT;
	struct imei im;

	if (claim->slot != 1 && claim->slot != 2)
		return err_set(e, ERR_USAGE, "a module has SIM slots 1 and 2, not %u", claim->slot);
	if (claim->evidence == EVIDENCE_NONE || claim->evidence > EVIDENCE_IMPORTED)
		return err_set(e, ERR_BUG, "a claim without evidence");
	if (module_facts(c, module, claim, model, variant, &f, e) < 0)
		return -1;
	/* The form is judged by the decision; what is no number has no owner. */
	if (imei_parse(claim->number, &im, &junk) == 0 &&
	    (owner_facts(c, module, claim, im.digits, &f, e) < 0 ||
	     tac_facts(c, im.digits, model, variant, &f, e) < 0))
		return -1;
	*ret = f;
	return 0;
}

int identity_learn_tac(struct catalog *c, const char *tac, const char *model, const char *variant,
		       struct err *e)
{
	if (strlen(tac) != 8 || strspn(tac, "0123456789") != 8)
		return err_set(e, ERR_USAGE, "'%.20s' is not a type allocation code of 8 digits",
			       tac);
	if (!cat_opt(model))
		return err_set(e, ERR_USAGE, "the type allocation code %s is given without a model",
			       tac);
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(c,
		       sql_run(c->db, e,
			       "INSERT OR IGNORE INTO tac(tac, model, variant) VALUES(?1, ?2, ?3)",
			       SQL_T(tac), SQL_T(model), SQL_T(cat_str(variant))),
		       e);
}

/* Better evidence for the number that stands is kept, worse is not. A confirmed number that a
 * person had attested stays attested: what the chip or a later snapshot says of it is the echo of
 * our own write. */
static int strengthen(struct catalog *c, int64_t module, const struct identity_claim *claim,
		      const struct identity_facts *f, struct err *e)
{
	bool read_back = claim->evidence == EVIDENCE_CHIP;
	bool echo = f->current_evidence == EVIDENCE_ATTESTED && (f->confirmed || read_back);
	enum identity_evidence best = echo || f->current_evidence < claim->evidence
					      ? f->current_evidence
					      : claim->evidence;

	if (best == f->current_evidence && (f->confirmed || !read_back))
		return 0;
	return sql_run(c->db, e,
		       "UPDATE imei SET evidence = ?3, confirmed = max(confirmed, ?4)"
		       " WHERE module = ?1 AND slot = ?2",
		       SQL_I(module), SQL_I(claim->slot), SQL_I(best), SQL_I(read_back));
}

int cat_identity_store(struct catalog *c, int64_t module, const struct identity_claim *claim,
		       const struct identity_facts *f, const struct identity_decision *d,
		       struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char tac[9];
	bool row;

	if (d->code == IDENTITY_KNOWN)
		return strengthen(c, module, claim, f, e);
	if (cat_imei_put(c, module, claim, d->number,
			 f->corrected + (d->code == IDENTITY_CORRECTION), e) < 0)
		return -1;
	/* What the chip's own word teaches about the code in front. */
	if (claim->evidence >= EVIDENCE_ATTESTED || f->tac == TAC_OTHER_MODEL || !f->model_known)
		return 0;
	if (sql_query(c->db, &q, e, "SELECT model, variant FROM module WHERE id = ?1",
		      SQL_I(module)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	snprintf(tac, sizeof(tac), "%.8s", d->number);
	return row ? identity_learn_tac(c, tac, sql_str(q, 0), sql_str(q, 1), e) : 0;
}

static int claim_in(struct catalog *c, int64_t module, const struct identity_claim *claim,
		    struct identity_decision *d, struct err *e)
{
	struct identity_facts f;
	struct audit_event ev = { .slot = claim->slot,
				  .evidence = identity_evidence_name(claim->evidence),
				  .label_serial = claim->label_serial,
				  .snapshot = claim->snapshot };
	char text[512];

	if (identity_facts_read(c, module, claim, &f, e) < 0)
		return -1;
	identity_decide(claim, &f, d);
	if (d->verdict != IDENTITY_REFUSE && cat_identity_store(c, module, claim, &f, d, e) < 0)
		return -1;
	ev.event = d->verdict == IDENTITY_REFUSE ? "identity-refused" : "identity";
	ev.old = f.current;
	ev.imei = d->number[0] ? d->number : claim->number;
	snprintf(text, sizeof(text), "%s%s%s: %.250s", cat_str(claim->reason),
		 cat_opt(claim->reason) ? "; " : "", identity_code_name(d->code), d->text);
	ev.text = text;
	return cat_audit(c, module, &ev, e);
}

int identity_claim(struct catalog *c, int64_t module, const struct identity_claim *claim,
		   struct identity_decision *ret, struct err *e)
{
	struct identity_decision d;

	if (cat_begin(c, e) < 0)
		return -1;
	if (cat_end(c, claim_in(c, module, claim, &d, e), e) < 0)
		return -1;
	*ret = d;
	return 0;
}

static int confirm_in(struct catalog *c, int64_t module, unsigned slot, const char *read_back,
		      bool *ret_same, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	struct audit_event ev = {
		.event = "confirm", .slot = slot, .imei = read_back, .evidence = "chip"
	};
	char now[16], want[MASK_ROOM], got[MASK_ROOM], text[160];
	int64_t confirmed;
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT imei, confirmed FROM imei WHERE module = ?1 AND slot = ?2",
		      SQL_I(module), SQL_I(slot)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set(e, ERR_USAGE, "module %lld has no number for SIM slot %u to confirm",
			       (long long)module, slot);
	snprintf(now, sizeof(now), "%s", sql_str(q, 0));
	confirmed = sql_int(q, 1);
	*ret_same = strcmp(now, read_back) == 0;
	if (*ret_same && confirmed)
		return 0;
	if (*ret_same) {
		if (sql_run(c->db, e,
			    "UPDATE imei SET confirmed = 1 WHERE module = ?1 AND slot = ?2",
			    SQL_I(module), SQL_I(slot)) < 0)
			return -1;
		return cat_audit(c, module, &ev, e);
	}
	mask_imei(now, false, want);
	mask_imei(read_back, false, got);
	snprintf(text, sizeof(text), "slot %u should answer %s and answers %s", slot, want, got);
	ev.event = "confirm-failed";
	ev.old = now;
	ev.text = text;
	if (cat_hold(c, IDENTITY_CONTRADICTION, module, 0, read_back, text, e) < 0)
		return -1;
	return cat_audit(c, module, &ev, e);
}

int identity_confirm(struct catalog *c, int64_t module, unsigned slot, const char *read_back,
		     struct err *e)
{
	bool same = false;

	if (cat_begin(c, e) < 0)
		return -1;
	if (cat_end(c, confirm_in(c, module, slot, cat_str(read_back), &same, e), e) < 0)
		return -1;
	if (!same)
		return err_set(
			e, ERR_MISMATCH,
			"the module answers with another number than the one it was given; this is "
			"held for you to look at");
	return 0;
}

int identity_own(struct catalog *c, int64_t module, unsigned slot, char ret_number[16],
		 enum identity_evidence *ret_evidence, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	enum identity_evidence ev;
	bool row;

	if (cat_need_module(c, module, e) < 0)
		return -1;
	if (sql_query(c->db, &q, e,
		      "SELECT i.imei, i.evidence, m.retired IS NOT NULL FROM imei i"
		      " JOIN module m ON m.id = i.module WHERE i.module = ?1 AND i.slot = ?2",
		      SQL_I(module), SQL_I(slot)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set_code(
			e, ERR_POLICY, IDENTITY_UNKNOWN,
			"this module's own number is not known; give an earlier snapshot of it, "
			"or type the number from its label");
	ev = (enum identity_evidence)sql_int(q, 1);
	if (sql_int(q, 2))
		return err_set_code(e, ERR_POLICY, IDENTITY_RETIRED,
				    "this module's record is retired");
	if (ev == EVIDENCE_IMPORTED || ev == EVIDENCE_NONE)
		return err_set_code(
			e, ERR_POLICY, IDENTITY_IMPORTED,
			"this module's number is known from another catalogue only; give a "
			"snapshot of it, or type the number from its label");
	if (!imei_is_valid(sql_str(q, 0)))
		return err_set(e, ERR_INTEGRITY,
			       "the catalogue's number of this module is not one");
	snprintf(ret_number, 16, "%s", sql_str(q, 0));
	*ret_evidence = ev;
	return 0;
}
