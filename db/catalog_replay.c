/* What people said, out of the audit log: into a catalogue that was made anew. */
#include "db/catalog_int.h"

#include "base/json.h"
#include "model/imei.h"

#include <string.h>

struct said {
	const char *event, *when, *chip, *imei, *old, *text, *snapshot, *label_serial;
	uint32_t msm;
	unsigned slot;
	enum identity_evidence evidence;
};

/* The record that was spoken of; made when it is not there yet. 0 when it cannot be told. */
static int subject(struct catalog *c, const struct said *s, int64_t *ret, struct err *e)
{
	bool several = false;
	int64_t id = 0;

	if (cat_opt(s->chip)) {
		if (cat_chip_find(c, s->chip, s->msm, &id, &several, e) < 0)
			return -1;
	} else if (imei_is_valid(s->imei)) {
		if (cat_imei_find(c, s->imei, &id, e) < 0)
			return -1;
	} else {
		several = true;
	}
	if (!id && !several) {
		if (sql_run(c->db, e,
			    "INSERT INTO module(chip, msm, first_seen, last_seen) VALUES(?1, ?2, ?3, ?3)",
			    SQL_T(cat_opt(s->chip)), SQL_I(cat_opt(s->chip) ? s->msm : 0),
			    SQL_T(s->when)) < 0)
			return -1;
		id = sql_last_id(c->db);
		/* Without a chip the number is all that names it; the log proves no more than that.
		 */
		if (!cat_opt(s->chip)) {
			const struct identity_claim claim = { .slot = 1,
							      .evidence = EVIDENCE_IMPORTED,
							      .when = s->when };

			if (cat_imei_put(c, id, &claim, s->imei, 0, e) < 0)
				return -1;
		}
	}
	*ret = id;
	return 0;
}

static int again_identity(struct catalog *c, const struct said *s, int64_t id, struct err *e)
{
	const struct identity_claim claim = { .slot = s->slot,
					      .evidence = s->evidence,
					      .reason = s->text,
					      .label_serial = s->label_serial,
					      .when = s->when };
	int64_t owner;

	if (!imei_is_valid(s->imei) || (s->slot != 1 && s->slot != 2) || !s->evidence)
		return 0;
	if (cat_imei_find(c, s->imei, &owner, e) < 0)
		return -1;
	/* Later records tell of what happened to earlier ones; a number that another bears by now
	 * stays with that one. */
	if (owner && owner != id)
		return 0;
	if (owner && sql_run(c->db, e, "DELETE FROM imei WHERE imei = ?1", SQL_T(s->imei)) < 0)
		return -1;
	/* A correction that was made is not to be had again. */
	return cat_imei_put(c, id, &claim, s->imei, *s->old && strcmp(s->old, s->imei) != 0, e);
}

static int again_retire(struct catalog *c, const struct said *s, int64_t id, struct err *e)
{
	if (imei_is_valid(s->imei) &&
	    sql_run(c->db, e,
		    "INSERT OR IGNORE INTO imei_retired(imei, module, slot, at, why)"
		    " VALUES(?1, ?2, 1, ?3, ?4)",
		    SQL_T(s->imei), SQL_I(id), SQL_T(s->when), SQL_T(s->text)) < 0)
		return -1;
	if (sql_run(c->db, e, "DELETE FROM imei WHERE module = ?1", SQL_I(id)) < 0)
		return -1;
	return sql_run(c->db, e, "UPDATE module SET retired = ?2, retired_why = ?3 WHERE id = ?1",
		       SQL_I(id), SQL_T(s->when), SQL_T(s->text));
}

static int again_rf(struct catalog *c, const struct said *s, int64_t id, struct err *e)
{
	enum catalog_rf rf = CATALOG_RF_UNKNOWN;

	while (rf < CATALOG_RF_DONOR && strcmp(s->text, catalog_rf_name(rf)) != 0)
		rf++;
	return sql_run(c->db, e, "UPDATE module SET rf = ?2, donor = ?3, rf_at = ?4 WHERE id = ?1",
		       SQL_I(id), SQL_I(rf), SQL_T(s->snapshot), SQL_T(s->when));
}

static int again(struct catalog *c, const struct said *s, struct err *e)
{
	int64_t id;

	if (strcmp(s->event, "note") == 0 && cat_is_hash(s->snapshot))
		return sql_run(c->db, e, "INSERT INTO note(snapshot, at, text) VALUES(?1, ?2, ?3)",
			       SQL_T(s->snapshot), SQL_T(s->when), SQL_T(s->text));
	if (subject(c, s, &id, e) < 0)
		return -1;
	if (!id)
		return 0;
	if (strcmp(s->event, "note") == 0)
		return sql_run(c->db, e, "INSERT INTO note(module, at, text) VALUES(?1, ?2, ?3)",
			       SQL_I(id), SQL_T(s->when), SQL_T(s->text));
	if (strcmp(s->event, "label") == 0)
		return sql_run(c->db, e, "UPDATE module SET label = ?2 WHERE id = ?1", SQL_I(id),
			       SQL_T(s->text));
	if (strcmp(s->event, "rf") == 0)
		return again_rf(c, s, id, e);
	if (strcmp(s->event, "retire") == 0)
		return again_retire(c, s, id, e);
	if (strcmp(s->event, "identity") == 0)
		return again_identity(c, s, id, e);
	if (strcmp(s->event, "confirm") == 0)
		return sql_run(c->db, e,
			       "UPDATE imei SET confirmed = 1 WHERE module = ?1 AND imei = ?2",
			       SQL_I(id), SQL_T(s->imei));
	/* The record that was linked stands on its chip already; its number's record becomes part
	 * of it. */
	if (strcmp(s->event, "link") == 0 && imei_is_valid(s->imei)) {
		int64_t on_number, now;

		if (cat_imei_find(c, s->imei, &on_number, e) < 0)
			return -1;
		if (on_number && on_number != id) {
			struct err why = ERR_INIT;

			if (cat_link_text(c, on_number, s->chip, s->msm, &now, &why) < 0 &&
			    !(why.kind == ERR_MISMATCH && why.code == 0)) {
				*e = why;
				return -1;
			}
		}
	}
	return 0;
}

struct replay {
	struct audit_rows rows;
	struct catalog *c;
};

static int replay_record(struct audit_rows *rows, uint64_t seq, const char *record, struct err *e)
{
	struct replay *r = container_of(rows, struct replay, rows);
	static const char *const wanted[] = { "note",     "label",   "rf",  "retire",
					      "identity", "confirm", "link" };
	struct json *root;
	struct said s;
	int result = 0;
	size_t i;

	if (json_parse(SLICE(record, strlen(record)), &root, e) < 0)
		return err_prefix(e, "record %llu of the audit log", (unsigned long long)seq);
	s = (struct said){ .event = json_get_str(root, "event", ""),
			   .when = json_get_str(root, "when", ""),
			   .chip = json_get_str(root, "chip", ""),
			   .imei = json_get_str(root, "imei", ""),
			   .old = json_get_str(root, "old", ""),
			   .text = json_get_str(root, "text", ""),
			   .snapshot = json_get_str(root, "snapshot", ""),
			   .label_serial = json_get_str(root, "label_serial", ""),
			   .msm = (uint32_t)json_get_u64(root, "msm", 0),
			   .slot = (unsigned)json_get_u64(root, "slot", 0),
			   .evidence =
				   identity_evidence_parse(json_get_str(root, "evidence", "")) };
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (strcmp(s.event, wanted[i]) == 0) {
			result = again(r->c, &s, e);
			break;
		}
	}
	json_free(root);
	return result;
}

int cat_replay(struct catalog *c, struct err *e)
{
	struct replay r = { .rows = { replay_record }, .c = c };
	int result;

	c->quiet = true;
	result = audit_walk(c->audit, &r.rows, e);
	c->quiet = false;
	return result;
}
