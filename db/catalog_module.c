/* Modules: shown, found, named, retired. */
#include "db/catalog_int.h"

#include "db/mask.h"
#include "model/imei.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Behind a list of ids in the order to show, so that the counting is done for these alone. */
#define MODULE_COLS                                                                                \
	"m.id, m.chip, m.msm, m.pkhash, a.imei, a.evidence, a.confirmed, b.imei, b.evidence,"      \
	" b.confirmed, m.model, m.variant, m.revision, m.label, m.rf, m.donor, m.first_seen,"      \
	" m.last_seen, m.retired, m.retired_why,"                                                  \
	" (SELECT count(*) FROM snapshot s WHERE s.module = m.id),"                                \
	" (SELECT max(s.created) FROM snapshot s WHERE s.module = m.id AND s.verdict = 2),"        \
	" (SELECT count(*) FROM held h WHERE h.resolved IS NULL AND (h.module = m.id OR h.other = m.id))"
#define MODULE_JOINS                                                                               \
	" JOIN module m ON m.id = top.id"                                                          \
	" LEFT JOIN imei a ON a.module = m.id AND a.slot = 1"                                      \
	" LEFT JOIN imei b ON b.module = m.id AND b.slot = 2"

static int emit_modules(struct sql_query *q, struct catalog_rows *rows, struct err *e)
{
	bool row;

	for (;;) {
		struct catalog_module m;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		m = (struct catalog_module){
			.id = sql_int(q, 0),
			.chip = sql_text(q, 1),
			.msm = (uint32_t)sql_int(q, 2),
			.pkhash = sql_str(q, 3),
			.number = { { sql_text(q, 4), (enum identity_evidence)sql_int(q, 5),
				      sql_int(q, 6) != 0 },
				    { sql_text(q, 7), (enum identity_evidence)sql_int(q, 8),
				      sql_int(q, 9) != 0 } },
			.model = sql_str(q, 10),
			.variant = sql_str(q, 11),
			.revision = sql_str(q, 12),
			.label = sql_str(q, 13),
			.rf = (enum catalog_rf)sql_int(q, 14),
			.donor = sql_str(q, 15),
			.first_seen = sql_str(q, 16),
			.last_seen = sql_str(q, 17),
			.retired = sql_text(q, 18),
			.retired_why = sql_text(q, 19),
			.n_snapshots = (uint64_t)sql_int(q, 20),
			.last_snapshot = sql_text(q, 21),
			.n_held = (uint64_t)sql_int(q, 22),
		};
		if (rows->module && rows->module(rows, &m, e) < 0)
			return -1;
	}
}

int catalog_module_get(struct catalog *c, int64_t id, struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;

	if (cat_need_module(c, id, e) < 0 ||
	    sql_query(c->db, &q, e,
		      "SELECT " MODULE_COLS " FROM (SELECT ?1 AS id) top" MODULE_JOINS,
		      SQL_I(id)) < 0)
		return -1;
	return emit_modules(q, rows, e);
}

int catalog_modules(struct catalog *c, uint64_t limit, uint64_t offset, struct catalog_rows *rows,
		    struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;

	if (sql_query(
		    c->db, &q, e,
		    "SELECT " MODULE_COLS
		    " FROM (SELECT id FROM module ORDER BY last_seen DESC, id DESC LIMIT ?1 OFFSET ?2) "
		    "top" MODULE_JOINS " ORDER BY m.last_seen DESC, m.id DESC",
		    SQL_I(limit ? (int64_t)limit : -1), SQL_I(offset)) < 0)
		return -1;
	return emit_modules(q, rows, e);
}

/* What the text may stand for; NULL where it cannot. */
struct sought {
	char digits[18], digits_end[20]; /* the range of numbers that begin so */
	char chip[CATALOG_CHIP_MAX];
	char hash[CATALOG_HASH_HEX + 1], hash_end[CATALOG_HASH_HEX + 2];
	char like[260];
};

static void understand(const char *text, struct sought *s)
{
	size_t n = 0, i, len = strlen(text);
	bool hex = len > 0 && strspn(text, "0123456789abcdefABCDEF") == len;
	const char *t;

	memset(s, 0, sizeof(*s));
	/* An IMEI as printed on a label has blanks or hyphens in it. */
	for (t = text; *t && n < 16; t++) {
		if (isdigit((unsigned char)*t))
			s->digits[n++] = *t;
		else if (!n || (*t != ' ' && *t != '-'))
			break;
	}
	if (*t || n < 8 || n > 15)
		s->digits[0] = '\0';
	else
		snprintf(s->digits_end, sizeof(s->digits_end),
			 "%s:", s->digits); /* ':' follows '9' */

	t = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
	n = strlen(t);
	if (n > 0 && n <= 16 && strspn(t, "0123456789abcdefABCDEF") == n) {
		unsigned long long v = 0;

		for (i = 0; i < n; i++)
			v = v << 4 |
			    (unsigned)(isdigit((unsigned char)t[i]) ? t[i] - '0'
								    : tolower(t[i]) - 'a' + 10);
		snprintf(s->chip, sizeof(s->chip), v > UINT32_MAX ? "%016llx" : "%08llx", v);
	}
	if (hex && len >= 4 && len <= CATALOG_HASH_HEX) {
		for (i = 0; i < len; i++)
			s->hash[i] = (char)tolower((unsigned char)text[i]);
		snprintf(s->hash_end, sizeof(s->hash_end), "%sg", s->hash); /* 'g' follows 'f' */
	}
	for (n = 0; *text && n < sizeof(s->like) - 3; text++) {
		if (*text == '%' || *text == '_' || *text == '\\')
			s->like[n++] = '\\';
		s->like[n++] = *text;
	}
	s->like[n] = '%';
}

static int find_modules(struct catalog *c, const struct sought *s, int64_t limit,
			struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;

	if (sql_query(c->db, &q, e,
		      "SELECT " MODULE_COLS " FROM (SELECT id FROM module WHERE id IN ("
		      "  SELECT module FROM imei WHERE imei >= ?1 AND imei < ?2"
		      "  UNION SELECT module FROM imei_retired WHERE imei >= ?1 AND imei < ?2"
		      "  UNION SELECT module FROM snapshot WHERE imei >= ?1 AND imei < ?2"
		      "   AND imei IS NOT NULL AND module IS NOT NULL"
		      "  UNION SELECT id FROM module WHERE chip = ?3 AND chip IS NOT NULL"
		      "  UNION SELECT id FROM module WHERE label LIKE ?4 ESCAPE '\\'"
		      "   OR model || variant LIKE ?4 ESCAPE '\\' OR revision LIKE ?4 ESCAPE '\\'"
		      " ) ORDER BY last_seen DESC, id DESC LIMIT ?5) top" MODULE_JOINS
		      " ORDER BY m.last_seen DESC, m.id DESC",
		      SQL_T(cat_opt(s->digits)), SQL_T(cat_opt(s->digits_end)),
		      SQL_T(cat_opt(s->chip)), SQL_T(s->like), SQL_I(limit)) < 0)
		return -1;
	return emit_modules(q, rows, e);
}

static int find_firmware(struct catalog *c, const struct sought *s, int64_t limit,
			 struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (!rows->firmware)
		return 0;
	if (sql_query(c->db, &q, e,
		      "SELECT hash, path, size, model, variant, revision, added FROM firmware"
		      " WHERE (hash >= ?1 AND hash < ?2) OR model || variant LIKE ?3 ESCAPE '\\'"
		      " OR revision LIKE ?3 ESCAPE '\\' ORDER BY added DESC, id DESC LIMIT ?4",
		      SQL_T(cat_opt(s->hash)), SQL_T(cat_opt(s->hash_end)), SQL_T(s->like),
		      SQL_I(limit)) < 0)
		return -1;
	for (;;) {
		struct catalog_firmware f;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		f = (struct catalog_firmware){
			sql_str(q, 0), sql_str(q, 1), (uint64_t)sql_int(q, 2),
			sql_str(q, 3), sql_str(q, 4), sql_str(q, 5),
			sql_str(q, 6)
		};
		if (rows->firmware(rows, &f, e) < 0)
			return -1;
	}
}

int catalog_find(struct catalog *c, const char *text, uint64_t limit, struct catalog_rows *rows,
		 struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	int64_t most = limit ? (int64_t)limit : 100;
	struct sought s;

	if (!cat_opt(text))
		return err_set(e, ERR_USAGE, "nothing to look for");
	if (strlen(text) > 120)
		return err_set(e, ERR_USAGE,
			       "what is looked for has at most 120 characters, not %zu",
			       strlen(text));
	understand(text, &s);
	if (rows->module && find_modules(c, &s, most, rows, e) < 0)
		return -1;
	if (rows->snapshot && s.hash[0]) {
		if (sql_query(c->db, &q, e,
			      "SELECT " SNAPSHOT_COLS
			      " FROM snapshot s WHERE s.hash >= ?1 AND s.hash < ?2"
			      " ORDER BY s.hash LIMIT ?3",
			      SQL_T(s.hash), SQL_T(s.hash_end), SQL_I(most)) < 0 ||
		    cat_emit_snapshots(q, rows, e) < 0)
			return -1;
	}
	return find_firmware(c, &s, most, rows, e);
}

int catalog_set_label(struct catalog *c, int64_t id, const char *label, struct err *e)
{
	struct audit_event ev = { .event = "label", .text = cat_str(label) };
	int r;

	if (strlen(cat_str(label)) > 200)
		return err_set(e, ERR_USAGE, "a label has at most 200 characters, not %zu",
			       strlen(label));
	if (cat_begin(c, e) < 0)
		return -1;
	r = cat_need_module(c, id, e);
	if (r == 0)
		r = sql_run(c->db, e, "UPDATE module SET label = ?2 WHERE id = ?1", SQL_I(id),
			    SQL_T(cat_str(label)));
	if (r == 0)
		r = cat_audit(c, id, &ev, e);
	return cat_end(c, r, e);
}

int catalog_set_rf(struct catalog *c, int64_t id, enum catalog_rf rf, const char *donor,
		   struct err *e)
{
	struct audit_event ev = { .event = "rf", .text = catalog_rf_name(rf), .snapshot = donor };
	char now[TIME_ROOM];
	int r;

	if (donor && cat_need_hash(donor, e) < 0)
		return -1;
	ev.when = cat_time(NULL, now);
	if (cat_begin(c, e) < 0)
		return -1;
	r = cat_need_module(c, id, e);
	if (r == 0)
		r = sql_run(c->db, e,
			    "UPDATE module SET rf = ?2, donor = ?3, rf_at = ?4 WHERE id = ?1",
			    SQL_I(id), SQL_I(rf), SQL_T(cat_str(donor)), SQL_T(now));
	if (r == 0)
		r = cat_audit(c, id, &ev, e);
	return cat_end(c, r, e);
}

static int retire_in(struct catalog *c, int64_t id, const char *why, struct err *e)
{
	struct audit_event ev = { .event = "retire", .text = why };
	_cleanup_query_ struct sql_query *q = NULL;
	char now[TIME_ROOM], imei[16];
	bool row;

	cat_time(NULL, now);
	if (sql_query(
		    c->db, &q, e,
		    "SELECT retired, (SELECT imei FROM imei WHERE module = ?1 ORDER BY slot LIMIT 1)"
		    " FROM module WHERE id = ?1",
		    SQL_I(id)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set(e, ERR_USAGE, "the catalogue has no module %lld", (long long)id);
	if (!sql_is_null(q, 0))
		return err_set(e, ERR_USAGE, "module %lld was retired already, on %s",
			       (long long)id, sql_str(q, 0));
	snprintf(imei, sizeof(imei), "%s", sql_str(q, 1));
	ev.imei = imei;
	if (cat_audit(c, id, &ev, e) < 0 ||
	    sql_run(c->db, e,
		    "INSERT OR IGNORE INTO imei_retired(imei, module, slot, at, why)"
		    " SELECT imei, module, slot, ?2, ?3 FROM imei WHERE module = ?1",
		    SQL_I(id), SQL_T(now), SQL_T(why)) < 0 ||
	    sql_run(c->db, e, "DELETE FROM imei WHERE module = ?1", SQL_I(id)) < 0)
		return -1;
	return sql_run(c->db, e, "UPDATE module SET retired = ?2, retired_why = ?3 WHERE id = ?1",
		       SQL_I(id), SQL_T(now), SQL_T(why));
}

int catalog_retire(struct catalog *c, int64_t id, const char *why, struct err *e)
{
	if (!why || why[strspn(why, " \t\r\n")] == '\0')
		return err_set_code(e, ERR_POLICY, IDENTITY_NO_REASON,
				    "retiring a module's record needs a reason, for the audit log");
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(c, retire_in(c, id, why, e), e);
}

int catalog_helds(struct catalog *c, struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query0(c->db, &q, e,
		       "SELECT id, kind, module, other, imei, at, text, seen FROM held"
		       " WHERE resolved IS NULL ORDER BY id") < 0)
		return -1;
	for (;;) {
		struct catalog_held h;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		h = (struct catalog_held){ .id = sql_int(q, 0),
					   .code = (enum identity_code)sql_int(q, 1),
					   .module = sql_int(q, 2),
					   .other = sql_int(q, 3),
					   .imei = sql_str(q, 4),
					   .at = sql_str(q, 5),
					   .text = sql_str(q, 6),
					   .seen = (uint64_t)sql_int(q, 7) };
		if (rows->held && rows->held(rows, &h, e) < 0)
			return -1;
	}
}

static int resolve_in(struct catalog *c, int64_t id, const char *how, struct err *e)
{
	struct audit_event ev = { .event = "resolve" };
	_cleanup_query_ struct sql_query *q = NULL;
	char now[TIME_ROOM], text[600], imei[16];
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT module, imei, text FROM held WHERE id = ?1 AND resolved IS NULL",
		      SQL_I(id)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set(e, ERR_USAGE, "nothing with the number %lld is held", (long long)id);
	snprintf(text, sizeof(text), "%.250s; %.300s", sql_str(q, 2), how);
	snprintf(imei, sizeof(imei), "%.15s", sql_str(q, 1));
	ev.text = text;
	ev.imei = imei;
	if (sql_run(c->db, e, "UPDATE held SET resolved = ?2, how = ?3 WHERE id = ?1", SQL_I(id),
		    SQL_T(cat_time(NULL, now)), SQL_T(how)) < 0)
		return -1;
	return cat_audit(c, sql_int(q, 0), &ev, e);
}

int catalog_resolve_held(struct catalog *c, int64_t id, const char *how, struct err *e)
{
	if (!how || how[strspn(how, " \t\r\n")] == '\0')
		return err_set(e, ERR_USAGE, "say how it was resolved, for the audit log");
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(c, resolve_in(c, id, how, e), e);
}
