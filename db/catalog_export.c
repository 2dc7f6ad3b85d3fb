/* The catalogue as JSON lines. Each line is an object with a "type"; the last one counts the
 * others. */
#include "db/catalog_int.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

struct out {
	struct catalog *c;
	struct sink *to;
	uint64_t lines;
};

static int put(struct out *o, struct json *line, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = json_dump(line, 0, &text, e);

	json_free(line);
	if (r < 0)
		return -1;
	o->lines++;
	if (sink_put(o->to, text, strlen(text), e) < 0)
		return -1;
	return sink_put(o->to, "\n", 1, e);
}

static struct json *begin(const char *type)
{
	struct json *line = json_object_new();

	json_put_str(line, "type", type);
	return line;
}

/* What every table is made of: a SELECT, and a function that makes one line of one row. */
static int walk(struct out *o, const char *text,
		int (*line)(struct out *, struct sql_query *, struct err *), struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query_args(o->c->db, text, NULL, 0, &q, e) < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		if (line(o, q, e) < 0)
			return -1;
	}
}

/* Columns by their names: a text, or a number. NULLs and "" are left out. */
static void texts(struct json *line, struct sql_query *q, int from, const char *const *names, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (*sql_str(q, from + i))
			json_put_str(line, names[i], sql_str(q, from + i));
	}
}

static void numbers(struct json *line, struct sql_query *q, int from, const char *const *names,
		    int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!sql_is_null(q, from + i))
			json_put_u64(line, names[i], (uint64_t)sql_int(q, from + i));
	}
}

static int put_tac(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "tac", "model", "variant" };
	struct json *line = begin("tac");

	texts(line, q, 0, t, 3);
	return put(o, line, e);
}

static int put_numbers(struct out *o, struct json *line, int64_t module, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL, *r = NULL;
	struct json *arr = NULL;
	bool row;

	if (sql_query(
		    o->c->db, &q, e,
		    "SELECT slot, imei, evidence, confirmed FROM imei WHERE module = ?1 ORDER BY slot",
		    SQL_I(module)) < 0)
		return -1;
	for (;;) {
		struct json *n;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			break;
		arr = arr ? arr : json_put_array(line, "imei");
		n = json_add_object(arr);
		json_put_u64(n, "slot", (uint64_t)sql_int(q, 0));
		json_put_str(n, "number", sql_str(q, 1));
		json_put_str(n, "evidence",
			     identity_evidence_name((enum identity_evidence)sql_int(q, 2)));
		json_put_bool(n, "confirmed", sql_int(q, 3) != 0);
	}
	if (sql_query(o->c->db, &r, e,
		      "SELECT imei FROM imei_retired WHERE module = ?1 ORDER BY slot, imei",
		      SQL_I(module)) < 0)
		return -1;
	for (arr = NULL;;) {
		if (sql_step(r, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		arr = arr ? arr : json_put_array(line, "imei_retired");
		json_add_str(arr, sql_str(r, 0));
	}
}

static int put_module(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "chip",       "pkhash",    "model",   "variant",
					 "revision",   "label",     "donor",   "rf_at",
					 "first_seen", "last_seen", "retired", "retired_why" };
	static const char *const n[] = { "ref", "msm", "oem", "chip_model", "rf" };
	struct json *line = begin("module");

	numbers(line, q, 0, n, 5);
	texts(line, q, 5, t, 12);
	if (put_numbers(o, line, sql_int(q, 0), e) < 0) {
		json_free(line);
		return -1;
	}
	return put(o, line, e);
}

static int put_item(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "name", "kind" };
	static const char *const n[] = { "size", "complete", "lun", "start", "count" };
	struct json *line = begin("item");

	texts(line, q, 0, t, 2);
	numbers(line, q, 2, n, 5);
	json_put_hex(line, "sha256", sql_blob(q, 7));
	return put(o, line, e);
}

static int put_snapshot(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "hash",    "path",     "created", "model",
					 "variant", "revision", "imei",    "mode" };
	static const char *const n[] = { "module", "size",  "verdict", "n_items",
					 "n_nv",   "n_efs", "gone" };
	_cleanup_query_ struct sql_query *items = NULL;
	struct json *line = begin("snapshot");
	bool row;

	texts(line, q, 1, t, 8);
	numbers(line, q, 9, n, 7);
	if (put(o, line, e) < 0)
		return -1;
	if (sql_query(o->c->db, &items, e,
		      "SELECT name, kind, size, complete, lun, start, count, sha256 FROM item"
		      " WHERE snapshot = ?1 ORDER BY name",
		      SQL_I(sql_int(q, 0))) < 0)
		return -1;
	for (;;) {
		if (sql_step(items, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		if (put_item(o, items, e) < 0)
			return -1;
	}
}

static int put_firmware(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "hash", "path", "model", "variant", "revision", "added" };
	static const char *const n[] = { "size" };
	struct json *line = begin("firmware");

	texts(line, q, 0, t, 6);
	numbers(line, q, 6, n, 1);
	return put(o, line, e);
}

static int put_operation(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "verb", "started", "ended", "message", "snapshot" };
	static const char *const n[] = { "module", "outcome" };
	struct json *line = begin("operation");

	texts(line, q, 0, t, 5);
	numbers(line, q, 5, n, 2);
	return put(o, line, e);
}

static int put_note(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "snapshot", "at", "text" };
	static const char *const n[] = { "module" };
	struct json *line = begin("note");

	texts(line, q, 0, t, 3);
	numbers(line, q, 3, n, 1);
	return put(o, line, e);
}

static int put_held(struct out *o, struct sql_query *q, struct err *e)
{
	static const char *const t[] = { "imei", "at", "text", "resolved", "how" };
	static const char *const n[] = { "kind", "module", "other", "seen" };
	struct json *line = begin("held");

	texts(line, q, 0, t, 5);
	numbers(line, q, 5, n, 4);
	return put(o, line, e);
}

static int export_in(struct out *o, struct err *e)
{
	struct json *head = begin("salvor-catalog"), *end;
	char now[TIME_ROOM];

	clock_wall_iso(now);
	json_put_u64(head, "version", 1);
	json_put_str(head, "made", now);
	if (put(o, head, e) < 0 ||
	    walk(o, "SELECT tac, model, variant FROM tac ORDER BY tac, model, variant", put_tac,
		 e) < 0 ||
	    walk(o,
		 "SELECT id, msm, oem, chip_model, rf, chip, pkhash, model, variant, revision, label,"
		 " donor, rf_at, first_seen, last_seen, retired, retired_why FROM module ORDER BY id",
		 put_module, e) < 0 ||
	    walk(o,
		 "SELECT id, hash, path, created, model, variant, revision, imei, mode, module, size,"
		 " verdict, n_items, n_nv, n_efs, gone FROM snapshot ORDER BY id",
		 put_snapshot, e) < 0 ||
	    walk(o,
		 "SELECT hash, path, model, variant, revision, added, size FROM firmware ORDER BY id",
		 put_firmware, e) < 0 ||
	    walk(o,
		 "SELECT verb, started, ended, message, snapshot, module, outcome FROM operation ORDER BY id",
		 put_operation, e) < 0 ||
	    walk(o, "SELECT snapshot, at, text, module FROM note ORDER BY id", put_note, e) < 0 ||
	    walk(o,
		 "SELECT imei, at, text, resolved, how, kind, module, other, seen FROM held ORDER BY id",
		 put_held, e) < 0)
		return -1;
	end = begin("end");
	json_put_u64(end, "lines", o->lines);
	return put(o, end, e);
}

int catalog_export(struct catalog *c, struct sink *to, struct err *e)
{
	struct out o = { .c = c, .to = to };
	int r;

	/* One state from the first line to the last. */
	if (sql_begin(c->db, e) < 0)
		return -1;
	r = export_in(&o, e);
	sql_rollback(c->db);
	return r;
}
