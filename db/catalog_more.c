/* Firmware packages, operations and notes. */
#include "db/catalog_int.h"

#include <string.h>

int catalog_add_firmware(struct catalog *c, const struct catalog_firmware *f, struct err *e)
{
	char now[TIME_ROOM];

	if (cat_need_hash(f->hash, e) < 0)
		return -1;
	if (!cat_opt(f->path))
		return err_set(e, ERR_USAGE, "firmware %.12s has no path", f->hash);
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(
		c,
		sql_run(c->db, e,
			"INSERT INTO firmware(hash, path, size, model, variant, revision, added)"
			" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
			" ON CONFLICT(hash) DO UPDATE SET path = excluded.path",
			SQL_T(f->hash), SQL_T(f->path), SQL_I(f->size), SQL_T(cat_str(f->model)),
			SQL_T(cat_str(f->variant)), SQL_T(cat_str(f->revision)),
			SQL_T(cat_time(f->added, now))),
		e);
}

int catalog_firmwares(struct catalog *c, const char *model, const char *variant,
		      struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT hash, path, size, model, variant, revision, added FROM firmware"
		      " WHERE (?1 IS NULL OR model = ?1) AND (?2 IS NULL OR variant = ?2)"
		      " ORDER BY model, variant, revision, id",
		      SQL_T(cat_opt(model)), SQL_T(cat_opt(variant))) < 0)
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
		if (rows->firmware && rows->firmware(rows, &f, e) < 0)
			return -1;
	}
}

int catalog_operation_begin(struct catalog *c, int64_t module, const char *verb, int64_t *ret_id,
			    struct err *e)
{
	char now[TIME_ROOM];
	int64_t id = 0;
	int r;

	if (cat_begin(c, e) < 0)
		return -1;
	r = sql_run(c->db, e,
		    "INSERT INTO operation(module, verb, started, outcome, message)"
		    " VALUES(?1, ?2, ?3, 0, '')",
		    module ? SQL_I(module) : SQL_T(NULL), SQL_T(verb), SQL_T(cat_time(NULL, now)));
	if (r == 0)
		id = sql_last_id(c->db);
	if (cat_end(c, r, e) < 0)
		return -1;
	*ret_id = id;
	return 0;
}

int catalog_operation_end(struct catalog *c, int64_t id, enum catalog_outcome outcome,
			  const char *message, const char *snapshot, struct err *e)
{
	char now[TIME_ROOM];
	int r;

	if (outcome == CATALOG_RUNNING)
		return err_set(e, ERR_BUG, "an operation does not end by running");
	if (snapshot && cat_need_hash(snapshot, e) < 0)
		return -1;
	if (cat_begin(c, e) < 0)
		return -1;
	r = sql_run(c->db, e,
		    "UPDATE operation SET ended = ?2, outcome = ?3, message = ?4, snapshot = ?5"
		    " WHERE id = ?1 AND ended IS NULL",
		    SQL_I(id), SQL_T(cat_time(NULL, now)), SQL_I(outcome), SQL_T(cat_str(message)),
		    SQL_T(snapshot));
	if (r == 0 && sql_changes(c->db) == 0)
		r = err_set(e, ERR_MISMATCH, "operation %lld has ended already, or never began",
			    (long long)id);
	return cat_end(c, r, e);
}

int catalog_operations(struct catalog *c, int64_t module, uint64_t limit, struct catalog_rows *rows,
		       struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query(
		    c->db, &q, e,
		    "SELECT id, module, verb, started, ended, outcome, message, snapshot FROM operation"
		    " WHERE ?1 = 0 OR module = ?1 ORDER BY id DESC LIMIT ?2",
		    SQL_I(module), SQL_I(limit ? (int64_t)limit : -1)) < 0)
		return -1;
	for (;;) {
		struct catalog_operation o;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		o = (struct catalog_operation){ .id = sql_int(q, 0),
						.module = sql_int(q, 1),
						.verb = sql_str(q, 2),
						.started = sql_str(q, 3),
						.ended = sql_text(q, 4),
						.outcome = (enum catalog_outcome)sql_int(q, 5),
						.message = sql_str(q, 6),
						.snapshot = sql_text(q, 7) };
		if (rows->operation && rows->operation(rows, &o, e) < 0)
			return -1;
	}
}

static int note_in(struct catalog *c, const struct catalog_note *n, const char *at, struct err *e)
{
	struct audit_event ev = {
		.event = "note", .text = n->text, .snapshot = n->snapshot, .when = at
	};

	if (n->module && cat_need_module(c, n->module, e) < 0)
		return -1;
	if (sql_run(c->db, e, "INSERT INTO note(module, snapshot, at, text) VALUES(?1, ?2, ?3, ?4)",
		    n->module ? SQL_I(n->module) : SQL_T(NULL), SQL_T(n->snapshot), SQL_T(at),
		    SQL_T(n->text)) < 0)
		return -1;
	return cat_audit(c, n->module, &ev, e);
}

int catalog_add_note(struct catalog *c, const struct catalog_note *n, struct err *e)
{
	char now[TIME_ROOM];

	if ((n->module != 0) == (n->snapshot != NULL))
		return err_set(e, ERR_BUG, "a note belongs to a module or to a snapshot");
	if (n->snapshot && cat_need_hash(n->snapshot, e) < 0)
		return -1;
	if (!cat_opt(n->text))
		return err_set(e, ERR_USAGE, "the note is empty");
	if (strlen(n->text) > AUDIT_TEXT_MAX)
		return err_set(e, ERR_USAGE, "a note has at most %d bytes, not %zu", AUDIT_TEXT_MAX,
			       strlen(n->text));
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(c, note_in(c, n, cat_time(n->at, now), e), e);
}

int catalog_notes(struct catalog *c, int64_t module, const char *snapshot,
		  struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query(c->db, &q, e,
		      "SELECT module, snapshot, at, text FROM note"
		      " WHERE module = ?1 OR snapshot = ?2 ORDER BY at, id",
		      SQL_I(module), SQL_T(snapshot)) < 0)
		return -1;
	for (;;) {
		struct catalog_note n;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		n = (struct catalog_note){ sql_int(q, 0), sql_text(q, 1), sql_str(q, 2),
					   sql_str(q, 3) };
		if (rows->note && rows->note(rows, &n, e) < 0)
			return -1;
	}
}
