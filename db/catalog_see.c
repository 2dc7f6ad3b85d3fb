/* Meeting a module: which record it is, what is new, and what contradicts. */
#include "db/catalog_int.h"

#include "model/imei.h"

#include <stdio.h>
#include <string.h>

int cat_hold(struct catalog *c, enum identity_code code, int64_t module, int64_t other,
	     const char *imei, const char *text, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char now[TIME_ROOM];
	int64_t open;

	/* The same contradiction, met again every day, is one. */
	if (sql_query(
		    c->db, &q, e,
		    "SELECT id FROM held WHERE kind = ?1 AND imei = ?2 AND module IS ?3 AND other IS ?4"
		    " AND resolved IS NULL",
		    SQL_I(code), SQL_T(cat_str(imei)), module ? SQL_I(module) : SQL_T(NULL),
		    other ? SQL_I(other) : SQL_T(NULL)) < 0 ||
	    cat_one(q, 0, &open, e) < 0)
		return -1;
	if (open)
		return sql_run(c->db, e, "UPDATE held SET seen = seen + 1, at = ?2 WHERE id = ?1",
			       SQL_I(open), SQL_T(cat_time(NULL, now)));
	return sql_run(c->db, e,
		       "INSERT INTO held(kind, module, other, imei, at, text)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
		       SQL_I(code), module ? SQL_I(module) : SQL_T(NULL),
		       other ? SQL_I(other) : SQL_T(NULL), SQL_T(cat_str(imei)),
		       SQL_T(cat_time(NULL, now)), SQL_T(text));
}

/* Holds it and tells the caller of catalog_see(). */
static int hold(struct catalog *c, struct catalog_seen *seen, enum identity_code code,
		int64_t other, const char *imei, const char *text, struct err *e)
{
	if (cat_hold(c, code, seen->id, other, imei, text, e) < 0)
		return -1;
	seen->held++;
	snprintf(seen->text, sizeof(seen->text), "%s", text);
	return 0;
}

int cat_chip_find(struct catalog *c, const char *chip, uint32_t msm, int64_t *ret,
		  bool *ret_several, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	int64_t exact = 0, open = 0, any = 0;
	unsigned n = 0;
	bool row;

	if (sql_query(c->db, &q, e, "SELECT id, msm FROM module WHERE chip = ?1", SQL_T(chip)) < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			break;
		n++;
		any = sql_int(q, 0);
		if (sql_int(q, 1) == (int64_t)msm)
			exact = any;
		else if (sql_int(q, 1) == 0)
			open = any;
	}
	*ret_several = false;
	if (exact)
		*ret = exact;
	else if (msm == 0 && n > 1)
		*ret_several = true, *ret = 0;
	else
		*ret = msm == 0 ? any : open;
	return 0;
}

/* The numbers that are numbers; NULL for the others. The same one in both slots counts once. */
static void usable_numbers(const struct catalog_sight *s, const char *out[2])
{
	size_t i;

	for (i = 0; i < 2; i++) {
		out[i] = s->imei[i];
		if (out[i] && (!imei_is_valid(out[i]) || imei_is_placeholder(out[i])))
			out[i] = NULL;
	}
	if (out[0] && out[1] && strcmp(out[0], out[1]) == 0)
		out[1] = NULL;
}

static uint32_t msm_of(const struct chip_id *chip)
{
	return chip && chip->has_hwid ? chip->msm_id : 0;
}

static int find_record(struct catalog *c, const struct catalog_sight *s,
		       const char *const number[2], int64_t *ret, bool *ret_several, struct err *e)
{
	char chip[CATALOG_CHIP_MAX];
	int64_t id = 0;
	size_t i;

	*ret_several = false;
	if (catalog_chip_text(s->chip, chip)) {
		if (cat_chip_find(c, chip, msm_of(s->chip), &id, ret_several, e) < 0)
			return -1;
	} else {
		for (i = 0; i < 2 && !id; i++) {
			if (number[i] && cat_imei_find(c, number[i], &id, e) < 0)
				return -1;
		}
	}
	*ret = id;
	return 0;
}

int catalog_identify(struct catalog *c, const struct catalog_sight *sight, int64_t *ret_id,
		     struct err *e)
{
	const char *number[2];
	bool several;

	usable_numbers(sight, number);
	return find_record(c, sight, number, ret_id, &several, e);
}

static int new_record(struct catalog *c, const struct catalog_sight *s, const char *when,
		      int64_t *ret, struct err *e)
{
	char chip[CATALOG_CHIP_MAX];
	bool has_chip = catalog_chip_text(s->chip, chip);

	if (sql_run(c->db, e,
		    "INSERT INTO module(chip, msm, first_seen, last_seen) VALUES(?1, ?2, ?3, ?3)",
		    SQL_T(has_chip ? chip : NULL), SQL_I(has_chip ? msm_of(s->chip) : 0),
		    SQL_T(when)) < 0)
		return -1;
	*ret = sql_last_id(c->db);
	return 0;
}

/* Fills in what the chip tells beside its serial; a key hash that changed is a contradiction. */
static int see_chip(struct catalog *c, const struct chip_id *chip, struct catalog_seen *seen,
		    struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char pkhash[2 * CHIP_PKHASH_MAX + 1] = "";
	bool row;

	if (sql_query(c->db, &q, e, "SELECT pkhash FROM module WHERE id = ?1", SQL_I(seen->id)) <
		    0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (chip->pkhash_len <= CHIP_PKHASH_MAX)
		hex_encode(pkhash, SLICE(chip->pkhash, chip->pkhash_len));
	if (row && *sql_str(q, 0) && pkhash[0] && strcmp(sql_str(q, 0), pkhash) != 0)
		return hold(
			c, seen, IDENTITY_CHIP_CHANGED, 0, NULL,
			"the chip with this serial has another public key hash than when it was seen "
			"before",
			e);
	if (pkhash[0] && sql_run(c->db, e, "UPDATE module SET pkhash = ?2 WHERE id = ?1",
				 SQL_I(seen->id), SQL_T(pkhash)) < 0)
		return -1;
	if (!chip->has_hwid)
		return 0;
	return sql_run(c->db, e,
		       "UPDATE module SET msm = ?2, oem = ?3, chip_model = ?4 WHERE id = ?1",
		       SQL_I(seen->id), SQL_I(chip->msm_id), SQL_I(chip->oem_id),
		       SQL_I(chip->model_id));
}

/* Firmware may be flashed, even of another variant; the module's hardware stays what it was. */
static int see_model(struct catalog *c, const struct catalog_sight *s, const char *when,
		     struct catalog_seen *seen, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	const char *model = cat_str(s->model), *variant = cat_str(s->variant);
	char text[200];
	bool row;

	if (sql_query(c->db, &q, e, "SELECT model, variant FROM module WHERE id = ?1",
		      SQL_I(seen->id)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (row && *model && *sql_str(q, 0) &&
	    (strcmp(sql_str(q, 0), model) != 0 ||
	     (*variant && *sql_str(q, 1) && strcmp(sql_str(q, 1), variant) != 0))) {
		snprintf(text, sizeof(text),
			 "known as %.40s %.40s, it calls itself %.40s %.40s now", sql_str(q, 0),
			 sql_str(q, 1), model, variant);
		if (hold(c, seen, IDENTITY_MODEL_CHANGED, 0, NULL, text, e) < 0)
			return -1;
	} else if (row && *model &&
		   sql_run(c->db, e,
			   "UPDATE module SET model = ?2,"
			   " variant = CASE ?3 WHEN '' THEN variant ELSE ?3 END WHERE id = ?1",
			   SQL_I(seen->id), SQL_T(model), SQL_T(variant)) < 0) {
		return -1;
	}
	/* What is fed again from an old snapshot is not the newest. */
	return sql_run(c->db, e,
		       "UPDATE module SET revision = CASE WHEN ?2 <> '' AND ?3 >= last_seen THEN ?2"
		       " ELSE revision END, first_seen = min(first_seen, ?3),"
		       " last_seen = max(last_seen, ?3) WHERE id = ?1",
		       SQL_I(seen->id), SQL_T(cat_str(s->revision)), SQL_T(when));
}

static int see_number(struct catalog *c, const struct catalog_sight *s, const char *number,
		      unsigned slot, struct catalog_seen *seen, struct err *e)
{
	const struct identity_claim claim = {
		.number = number,
		.slot = slot,
		.evidence = s->evidence ? s->evidence : EVIDENCE_CHIP,
		.when = s->when,
	};
	struct identity_facts f;
	struct identity_decision d;
	int64_t other = 0;

	if (identity_facts_read(c, seen->id, &claim, &f, e) < 0)
		return -1;
	identity_decide(&claim, &f, &d);
	/* Only a claim made on purpose corrects a number; what is merely seen does not. */
	if (d.verdict != IDENTITY_REFUSE && d.code != IDENTITY_CORRECTION)
		return cat_identity_store(c, seen->id, &claim, &f, &d, e);
	if (cat_must_stand(&f, &d) && cat_identity_store(c, seen->id, &claim, &f, &d, e) < 0)
		return -1;
	if (f.other && cat_imei_find(c, number, &other, e) < 0)
		return -1;
	return hold(c, seen, d.code, other, number, d.text, e);
}

/* The record that stands on one of the numbers and has no chip yet gains this one. */
static int bind(struct catalog *c, const struct catalog_sight *s, const char *const number[2],
		const char *chip, struct catalog_seen *seen, struct err *e)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		_cleanup_query_ struct sql_query *q = NULL;
		struct err why = ERR_INIT;
		int64_t on_number = 0;

		if (!number[i])
			continue;
		if (sql_query(c->db, &q, e,
			      "SELECT m.id FROM imei i JOIN module m ON m.id = i.module"
			      " WHERE i.imei = ?1 AND m.chip IS NULL AND m.retired IS NULL",
			      SQL_T(number[i])) < 0 ||
		    cat_one(q, 0, &on_number, e) < 0)
			return -1;
		if (!on_number || on_number == seen->id)
			continue;
		/* A contradiction is held by the link itself, and the number's own turn tells of
		 * it. */
		if (cat_link_text(c, on_number, chip, msm_of(s->chip), &seen->id, &why) < 0) {
			if (why.kind == ERR_MISMATCH && why.code == 0)
				continue;
			*e = why;
			return -1;
		}
		seen->met = CATALOG_KNOWN;
	}
	return 0;
}

static int see_in(struct catalog *c, const struct catalog_sight *s, struct catalog_seen *seen,
		  struct err *e)
{
	char chip[CATALOG_CHIP_MAX], now[TIME_ROOM], text[160];
	const char *when = cat_time(s->when, now), *number[2];
	bool has_chip = catalog_chip_text(s->chip, chip), several;
	unsigned i;

	usable_numbers(s, number);
	if (find_record(c, s, number, &seen->id, &several, e) < 0)
		return -1;
	seen->met = CATALOG_KNOWN;
	if (several) {
		seen->met = CATALOG_NOBODY;
		snprintf(
			text, sizeof(text),
			"several chips with the serial %s are known; its hardware id is needed to tell "
			"which one this is",
			chip);
		return hold(c, seen, IDENTITY_CHIP_CHANGED, 0, NULL, text, e);
	}
	if (!seen->id && !has_chip && !number[0] && !number[1]) {
		seen->met = CATALOG_NOBODY;
		return 0;
	}
	if (has_chip && s->bound && bind(c, s, number, chip, seen, e) < 0)
		return -1;
	if (!seen->id) {
		seen->met = CATALOG_NEW;
		if (new_record(c, s, when, &seen->id, e) < 0)
			return -1;
	}
	if ((has_chip && see_chip(c, s->chip, seen, e) < 0) || see_model(c, s, when, seen, e) < 0)
		return -1;
	for (i = 0; i < 2; i++) {
		if (number[i] && see_number(c, s, number[i], i + 1, seen, e) < 0)
			return -1;
	}
	return 0;
}

int catalog_see(struct catalog *c, const struct catalog_sight *sight, struct catalog_seen *ret,
		struct err *e)
{
	struct catalog_seen seen = { 0 };

	if (cat_begin(c, e) < 0)
		return -1;
	if (cat_end(c, see_in(c, sight, &seen, e), e) < 0)
		return -1;
	*ret = seen;
	return 0;
}

/* Why two records cannot be one module, or NULL. */
static int link_objection(struct catalog *c, int64_t id, int64_t chip_id, const char **ret,
			  struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT a.chip IS NOT NULL, a.retired IS NOT NULL OR b.retired IS NOT NULL,"
		      " a.model <> '' AND b.model <> '' AND a.model <> b.model,"
		      " a.id <> b.id AND EXISTS(SELECT 1 FROM imei x JOIN imei y ON x.slot = y.slot"
		      "  WHERE x.module = a.id AND y.module = b.id)"
		      " FROM module a, module b WHERE a.id = ?1 AND b.id = ?2",
		      SQL_I(id), SQL_I(chip_id)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	*ret = NULL;
	if (!row)
		return err_set(e, ERR_USAGE, "the catalogue has no module %lld", (long long)id);
	if (sql_int(q, 0))
		*ret = "the module stands on another chip already";
	else if (sql_int(q, 1))
		*ret = "one of the two records is retired";
	else if (sql_int(q, 2))
		*ret = "the two records are of different models";
	else if (sql_int(q, 3))
		*ret = "the chip is known with another number";
	return 0;
}

static int merge(struct catalog *c, int64_t from, int64_t into, struct err *e)
{
	static const char *const moves[] = {
		"UPDATE imei SET module = ?2 WHERE module = ?1",
		"UPDATE OR IGNORE imei_retired SET module = ?2 WHERE module = ?1",
		"UPDATE snapshot SET module = ?2 WHERE module = ?1",
		"UPDATE operation SET module = ?2 WHERE module = ?1",
		"UPDATE note SET module = ?2 WHERE module = ?1",
		"UPDATE held SET module = ?2 WHERE module = ?1",
		"UPDATE held SET other = ?2 WHERE other = ?1",
		("UPDATE module SET"
		 " label = CASE label WHEN '' THEN (SELECT label FROM module WHERE id = ?1) ELSE label END,"
		 " model = CASE model WHEN '' THEN (SELECT model FROM module WHERE id = ?1) ELSE model END,"
		 " variant = CASE variant WHEN '' THEN (SELECT variant FROM module WHERE id = ?1)"
		 "  ELSE variant END,"
		 " revision = CASE revision WHEN '' THEN (SELECT revision FROM module WHERE id = ?1)"
		 "  ELSE revision END,"
		 " first_seen = min(first_seen, (SELECT first_seen FROM module WHERE id = ?1)),"
		 " last_seen = max(last_seen, (SELECT last_seen FROM module WHERE id = ?1)),"
		 " rf_at = CASE rf WHEN 0 THEN (SELECT rf_at FROM module WHERE id = ?1) ELSE rf_at END,"
		 " donor = CASE rf WHEN 0 THEN (SELECT donor FROM module WHERE id = ?1) ELSE donor END,"
		 " rf = CASE rf WHEN 0 THEN (SELECT rf FROM module WHERE id = ?1) ELSE rf END"
		 " WHERE id = ?2"),
		("UPDATE held SET resolved = at, how = 'linked'"
		 " WHERE resolved IS NULL AND module = ?2 AND other = ?2"),
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(moves); i++) {
		/* Only as many arguments as the text names; all name both. */
		if (sql_run(c->db, e, moves[i], SQL_I(from), SQL_I(into)) < 0)
			return -1;
	}
	return sql_run(c->db, e, "DELETE FROM module WHERE id = ?1", SQL_I(from));
}

static int link_in(struct catalog *c, int64_t id, const char *chip, uint32_t msm, int64_t *ret_id,
		   char objection[160], struct err *e)
{
	struct audit_event ev = { .event = "link", .text = "the record gained its chip" };
	_cleanup_query_ struct sql_query *q = NULL;
	const char *why = NULL;
	int64_t on_chip;
	char imei[16];
	bool several, row;

	if (cat_need_module(c, id, e) < 0 || cat_chip_find(c, chip, msm, &on_chip, &several, e) < 0)
		return -1;
	*ret_id = on_chip ? on_chip : id;
	if (on_chip == id)
		return 0;
	if (several)
		why = "several chips with this serial are known";
	else if (link_objection(c, id, on_chip ? on_chip : id, &why, e) < 0)
		return -1;
	if (why) {
		snprintf(objection, 160, "%s", why);
		return cat_hold(c, IDENTITY_CONTRADICTION, id, on_chip, NULL, why, e);
	}
	if (sql_query(c->db, &q, e, "SELECT imei FROM imei WHERE module = ?1 ORDER BY slot LIMIT 1",
		      SQL_I(id)) < 0)
		return -1;
	if (sql_step(q, &row, e) < 0)
		return -1;
	snprintf(imei, sizeof(imei), "%s", row ? sql_str(q, 0) : "");
	ev.imei = imei;
	if (on_chip ? merge(c, id, on_chip, e) < 0
		    : sql_run(c->db, e, "UPDATE module SET chip = ?2, msm = ?3 WHERE id = ?1",
			      SQL_I(id), SQL_T(chip), SQL_I(msm)) < 0)
		return -1;
	return cat_audit(c, *ret_id, &ev, e);
}

int cat_link_text(struct catalog *c, int64_t id, const char *chip, uint32_t msm, int64_t *ret_id,
		  struct err *e)
{
	char objection[160] = "";
	int64_t now = 0;

	if (cat_begin(c, e) < 0)
		return -1;
	if (cat_end(c, link_in(c, id, chip, msm, &now, objection, e), e) < 0)
		return -1;
	if (objection[0])
		return err_set(e, ERR_MISMATCH,
			       "the records were not linked: %s; held for you to look at",
			       objection);
	*ret_id = now;
	return 0;
}

int catalog_link(struct catalog *c, int64_t id, const struct chip_id *chip, int64_t *ret_id,
		 struct err *e)
{
	char text[CATALOG_CHIP_MAX];

	if (!catalog_chip_text(chip, text))
		return err_set(e, ERR_UNSUPPORTED, "the chip told no serial that could name it");
	return cat_link_text(c, id, text, msm_of(chip), ret_id, e);
}
