/* JSON lines of another catalogue into this one. Nothing in them is believed: every field has a
 * limit, what is known here wins, and what contradicts it is held. */
#include "db/catalog_int.h"

#include "base/json.h"
#include "model/imei.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_CAP (1u << 20)
#define TEXT_CAP 4096

struct in {
	struct catalog *c;
	struct catalog_imported got;
	uint64_t line;
	/* The modules' numbers in the file, ascending, and here. */
	struct ref {
		uint64_t theirs;
		int64_t ours;
	} * ref;
	size_t n_ref, cap_ref;
	int64_t snapshot; /* whose items follow; 0 = they are known already */
	bool in_snapshot, ended;
};

/* A text member; "" when it is missing. */
static int text(const struct json *o, const char *key, const char **ret, struct err *e)
{
	const char *s = json_get_str(o, key, "");

	if (json_has(o, key) && !json_get_str(o, key, NULL))
		return err_set(e, ERR_PROTO, "\"%s\" is not a text", key);
	if (strlen(s) > TEXT_CAP)
		return err_set(e, ERR_PROTO, "\"%s\" has %zu bytes, more than %d", key, strlen(s),
			       TEXT_CAP);
	*ret = s;
	return 0;
}

static int need_text(const struct json *o, const char *key, const char **ret, struct err *e)
{
	if (text(o, key, ret, e) < 0)
		return -1;
	return **ret ? 0 : err_set(e, ERR_PROTO, "\"%s\" is missing", key);
}

static int num(const struct json *o, const char *key, uint64_t max, uint64_t *ret, struct err *e)
{
	uint64_t v = json_get_u64(o, key, json_has(o, key) ? UINT64_MAX : 0);

	if (v > max)
		return err_set(e, ERR_PROTO, "\"%s\" is not a number up to %llu", key,
			       (unsigned long long)max);
	*ret = v;
	return 0;
}

static int hash_of(const struct json *o, const char *key, const char **ret, struct err *e)
{
	if (need_text(o, key, ret, e) < 0)
		return -1;
	return cat_is_hash(*ret) ? 0 : err_set(e, ERR_PROTO, "\"%s\" is not a hash", key);
}

static int add_ref(struct in *in, uint64_t theirs, int64_t ours, struct err *e)
{
	if (in->n_ref == in->cap_ref) {
		size_t cap = in->cap_ref ? 2 * in->cap_ref : 64;
		struct ref *grown = realloc(in->ref, cap * sizeof(*grown));

		if (!grown)
			return err_nomem(e);
		in->ref = grown;
		in->cap_ref = cap;
	}
	in->ref[in->n_ref++] = (struct ref){ theirs, ours };
	return 0;
}

/* A "module" member of another line: 0 when there is none. */
static int module_of(struct in *in, const struct json *o, const char *key, int64_t *ret,
		     struct err *e)
{
	size_t low = 0, high = in->n_ref;
	uint64_t theirs = 0;

	if (num(o, key, INT64_MAX, &theirs, e) < 0)
		return -1;
	*ret = 0;
	if (theirs == 0)
		return 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (in->ref[mid].theirs < theirs)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == in->n_ref || in->ref[low].theirs != theirs)
		return err_set(e, ERR_PROTO,
			       "\"%s\" points at module %llu, which did not come before", key,
			       (unsigned long long)theirs);
	*ret = in->ref[low].ours;
	return 0;
}

static int chip_of(const struct json *o, char ret[CATALOG_CHIP_MAX], struct err *e)
{
	const char *chip;

	if (text(o, "chip", &chip, e) < 0)
		return -1;
	if (*chip && ((strlen(chip) != 8 && strlen(chip) != 16) ||
		      strspn(chip, "0123456789abcdef") != strlen(chip)))
		return err_set(e, ERR_PROTO, "\"chip\" is not a serial of 8 or 16 hex digits");
	snprintf(ret, CATALOG_CHIP_MAX, "%s", chip);
	return 0;
}

/* The numbers of a module line into `out`, by slot; "" where there is none. */
static int numbers_of(const struct json *o, const char *out[2], struct err *e)
{
	const struct json *arr = json_get(o, "imei");
	size_t i, n = arr ? json_array_len(arr) : 0;

	out[0] = out[1] = NULL;
	if (n > 2)
		return err_set(e, ERR_PROTO, "a module with %zu numbers", n);
	for (i = 0; i < n; i++) {
		const struct json *m = json_array_at(arr, i);
		const char *number;
		uint64_t slot = 0;

		if (num(m, "slot", 2, &slot, e) < 0 || need_text(m, "number", &number, e) < 0)
			return -1;
		if (slot == 0 || out[slot - 1] || !imei_is_valid(number))
			return err_set(e, ERR_PROTO,
				       "a number that is none, or in a slot that is taken");
		out[slot - 1] = imei_is_placeholder(number) ? NULL : number;
	}
	return 0;
}

static int import_numbers(struct in *in, int64_t id, const char *const number[2], const char *when,
			  struct err *e)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct identity_claim claim = { .number = number[i],
						.slot = i + 1,
						.evidence = EVIDENCE_IMPORTED,
						.when = when };
		struct identity_facts f;
		struct identity_decision d;
		int64_t other = 0;

		if (!number[i])
			continue;
		if (identity_facts_read(in->c, id, &claim, &f, e) < 0)
			return -1;
		identity_decide(&claim, &f, &d);
		if (d.verdict != IDENTITY_REFUSE) {
			if (cat_identity_store(in->c, id, &claim, &f, &d, e) < 0)
				return -1;
			continue;
		}
		if (cat_must_stand(&f, &d) && cat_identity_store(in->c, id, &claim, &f, &d, e) < 0)
			return -1;
		if (f.other && cat_imei_find(in->c, number[i], &other, e) < 0)
			return -1;
		if (cat_hold(in->c, d.code, id, other, number[i], d.text, e) < 0)
			return -1;
		in->got.held++;
	}
	return 0;
}

struct module_line {
	char chip[CATALOG_CHIP_MAX];
	const char *number[2], *pkhash, *model, *variant, *revision, *label, *donor, *rf_at;
	const char *first, *last, *retired, *why;
	uint64_t ref, msm, oem, chip_model, rf;
};

static int parse_module(struct in *in, const struct json *o, struct module_line *m, struct err *e)
{
	if (num(o, "ref", INT64_MAX, &m->ref, e) < 0 || num(o, "msm", UINT32_MAX, &m->msm, e) < 0 ||
	    num(o, "oem", UINT16_MAX, &m->oem, e) < 0 ||
	    num(o, "chip_model", UINT16_MAX, &m->chip_model, e) < 0 ||
	    num(o, "rf", CATALOG_RF_DONOR, &m->rf, e) < 0 || chip_of(o, m->chip, e) < 0 ||
	    numbers_of(o, m->number, e) < 0 || text(o, "pkhash", &m->pkhash, e) < 0 ||
	    text(o, "model", &m->model, e) < 0 || text(o, "variant", &m->variant, e) < 0 ||
	    text(o, "revision", &m->revision, e) < 0 || text(o, "label", &m->label, e) < 0 ||
	    text(o, "donor", &m->donor, e) < 0 || text(o, "rf_at", &m->rf_at, e) < 0 ||
	    need_text(o, "first_seen", &m->first, e) < 0 ||
	    need_text(o, "last_seen", &m->last, e) < 0 || text(o, "retired", &m->retired, e) < 0 ||
	    text(o, "retired_why", &m->why, e) < 0)
		return -1;
	if (m->ref == 0 || (in->n_ref && m->ref <= in->ref[in->n_ref - 1].theirs))
		return err_set(e, ERR_PROTO, "module references do not ascend");
	return 0;
}

/* Numbers that a retired module bore, for finding it by them. */
static int import_retired(struct in *in, const struct json *o, int64_t id,
			  const struct module_line *m, struct err *e)
{
	const struct json *arr = json_get(o, "imei_retired");
	size_t i, n = arr ? json_array_len(arr) : 0;

	for (i = 0; i < n && i < 16; i++) {
		const char *number = json_str_value(json_array_at(arr, i), "");

		if (!imei_is_valid(number))
			return err_set(e, ERR_PROTO, "a retired number that is none");
		if (sql_run(in->c->db, e,
			    "INSERT OR IGNORE INTO imei_retired(imei, module, slot, at, why)"
			    " VALUES(?1, ?2, 1, ?3, ?4)",
			    SQL_T(number), SQL_I(id), SQL_T(*m->retired ? m->retired : m->last),
			    SQL_T(m->why)) < 0)
			return -1;
	}
	return 0;
}

/* Which record here is it? 0 = none. */
static int find_module(struct in *in, const struct json *o, const struct module_line *m,
		       int64_t *ret, bool *ret_several, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	const struct json *had = json_get(o, "imei_retired");
	const char *number = m->number[0] ? m->number[0] : m->number[1];

	*ret = 0;
	*ret_several = false;
	if (m->chip[0])
		return cat_chip_find(in->c, m->chip, (uint32_t)m->msm, ret, ret_several, e);
	if (!*m->retired && number)
		return cat_imei_find(in->c, number, ret, e);
	number = had ? json_str_value(json_array_at(had, 0), "") : "";
	if (!*m->retired || !imei_is_valid(number))
		return err_set(e, ERR_PROTO, "a module that stands on neither a chip nor a number");
	if (sql_query(in->c->db, &q, e,
		      "SELECT m.id FROM imei_retired r JOIN module m ON m.id = r.module"
		      " WHERE r.imei = ?1 AND m.chip IS NULL AND m.retired = ?2",
		      SQL_T(number), SQL_T(m->retired)) < 0)
		return -1;
	return cat_one(q, 0, ret, e);
}

static int import_module(struct in *in, const struct json *o, struct err *e)
{
	struct module_line m;
	bool several, fresh;
	int64_t id;

	if (parse_module(in, o, &m, e) < 0 || find_module(in, o, &m, &id, &several, e) < 0)
		return -1;
	/* Of several chips none can be told to be this one; what belongs to it has no module here.
	 */
	if (several) {
		in->got.held++;
		if (cat_hold(
			    in->c, IDENTITY_CHIP_CHANGED, 0, 0, NULL,
			    "an import tells of a chip that cannot be told from another with its serial",
			    e) < 0)
			return -1;
		return add_ref(in, m.ref, 0, e);
	}
	fresh = !id;
	if (fresh) {
		if (sql_run(in->c->db, e,
			    "INSERT INTO module(chip, msm, first_seen, last_seen) VALUES(?1, ?2, ?3, ?4)",
			    SQL_T(cat_opt(m.chip)), SQL_I(m.chip[0] ? m.msm : 0), SQL_T(m.first),
			    SQL_T(m.last)) < 0)
			return -1;
		id = sql_last_id(in->c->db);
		in->got.modules++;
	}
	if (sql_run(in->c->db, e,
		    "UPDATE module SET"
		    " pkhash = CASE pkhash WHEN '' THEN ?2 ELSE pkhash END,"
		    " variant = CASE model WHEN '' THEN ?4 ELSE variant END,"
		    " model = CASE model WHEN '' THEN ?3 ELSE model END,"
		    " revision = CASE WHEN revision = '' OR last_seen < ?8 THEN ?5 ELSE revision END,"
		    " label = CASE label WHEN '' THEN ?6 ELSE label END,"
		    " first_seen = min(first_seen, ?7), last_seen = max(last_seen, ?8),"
		    " oem = CASE oem WHEN 0 THEN ?9 ELSE oem END,"
		    " chip_model = CASE chip_model WHEN 0 THEN ?10 ELSE chip_model END,"
		    " rf_at = CASE rf WHEN 0 THEN ?13 ELSE rf_at END,"
		    " donor = CASE rf WHEN 0 THEN ?12 ELSE donor END,"
		    " rf = CASE rf WHEN 0 THEN ?11 ELSE rf END WHERE id = ?1",
		    SQL_I(id), SQL_T(m.pkhash), SQL_T(m.model), SQL_T(m.variant), SQL_T(m.revision),
		    SQL_T(m.label), SQL_T(m.first), SQL_T(m.last), SQL_I(m.oem),
		    SQL_I(m.chip_model), SQL_I(m.rf), SQL_T(m.donor), SQL_T(m.rf_at)) < 0)
		return -1;
	/* A file can retire only what it brought along itself. */
	if (fresh && *m.retired &&
	    (sql_run(in->c->db, e, "UPDATE module SET retired = ?2, retired_why = ?3 WHERE id = ?1",
		     SQL_I(id), SQL_T(m.retired), SQL_T(m.why)) < 0 ||
	     import_retired(in, o, id, &m, e) < 0))
		return -1;
	if (!*m.retired && import_numbers(in, id, m.number, m.last, e) < 0)
		return -1;
	return add_ref(in, m.ref, id, e);
}

static int import_snapshot(struct in *in, const struct json *o, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	struct catalog_snapshot s = { 0 };
	uint64_t verdict = 0, gone = 0;
	int64_t known;
	bool fresh;

	if (hash_of(o, "hash", &s.hash, e) < 0 || need_text(o, "path", &s.path, e) < 0 ||
	    need_text(o, "created", &s.created, e) < 0 || text(o, "model", &s.model, e) < 0 ||
	    text(o, "variant", &s.variant, e) < 0 || text(o, "revision", &s.revision, e) < 0 ||
	    text(o, "imei", &s.imei, e) < 0 || text(o, "mode", &s.mode, e) < 0 ||
	    num(o, "size", INT64_MAX, &s.size, e) < 0 ||
	    num(o, "verdict", CATALOG_COMPLETE, &verdict, e) < 0 ||
	    num(o, "n_items", INT64_MAX, &s.n_items, e) < 0 ||
	    num(o, "n_nv", INT64_MAX, &s.n_nv, e) < 0 ||
	    num(o, "n_efs", INT64_MAX, &s.n_efs, e) < 0 || num(o, "gone", 1, &gone, e) < 0 ||
	    module_of(in, o, "module", &s.module, e) < 0)
		return -1;
	s.verdict = (enum catalog_verdict)verdict;
	s.gone = gone != 0;
	if (sql_query(in->c->db, &q, e, "SELECT id FROM snapshot WHERE hash = ?1", SQL_T(s.hash)) <
		    0 ||
	    cat_one(q, 0, &known, e) < 0)
		return -1;
	in->in_snapshot = true;
	in->snapshot = 0;
	/* Where our own copy lies, and whose it is, we know better. */
	if (known)
		return 0;
	if (catalog_add_snapshot(in->c, &s, NULL, 0, &fresh, e) < 0)
		return -1;
	in->snapshot = sql_last_id(in->c->db);
	in->got.snapshots++;
	return 0;
}

static int import_item(struct in *in, const struct json *o, struct err *e)
{
	const char *name, *kind, *hex;
	uint64_t size = 0, complete = 0, lun = 0, start = 0, count = 0;
	uint8_t sha[32];
	size_t n;

	if (!in->in_snapshot)
		return err_set(e, ERR_PROTO, "an item that follows no snapshot");
	if (need_text(o, "name", &name, e) < 0 || text(o, "kind", &kind, e) < 0 ||
	    need_text(o, "sha256", &hex, e) < 0 || num(o, "size", INT64_MAX, &size, e) < 0 ||
	    num(o, "complete", 1, &complete, e) < 0 || num(o, "lun", UINT32_MAX, &lun, e) < 0 ||
	    num(o, "start", INT64_MAX, &start, e) < 0 || num(o, "count", INT64_MAX, &count, e) < 0)
		return -1;
	if (!cat_is_hash(hex) || hex_decode(hex, sha, sizeof(sha), &n, e) < 0 || n != sizeof(sha))
		return err_set(e, ERR_PROTO, "\"sha256\" is not a hash");
	if (!in->snapshot)
		return 0;
	return sql_run(
		in->c->db, e,
		"INSERT OR IGNORE INTO item(snapshot, name, kind, size, sha256, complete, lun, start,"
		" count) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		SQL_I(in->snapshot), SQL_T(name), SQL_T(kind), SQL_I(size), SQL_B(sha, sizeof(sha)),
		SQL_I(complete), count ? SQL_I(lun) : SQL_T(NULL),
		count ? SQL_I(start) : SQL_T(NULL), count ? SQL_I(count) : SQL_T(NULL));
}

static int import_firmware(struct in *in, const struct json *o, struct err *e)
{
	struct catalog_firmware f;

	if (hash_of(o, "hash", &f.hash, e) < 0 || need_text(o, "path", &f.path, e) < 0 ||
	    text(o, "model", &f.model, e) < 0 || text(o, "variant", &f.variant, e) < 0 ||
	    text(o, "revision", &f.revision, e) < 0 || text(o, "added", &f.added, e) < 0 ||
	    num(o, "size", INT64_MAX, &f.size, e) < 0)
		return -1;
	if (sql_run(in->c->db, e,
		    "INSERT OR IGNORE INTO firmware(hash, path, size, model, variant, revision, added)"
		    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		    SQL_T(f.hash), SQL_T(f.path), SQL_I(f.size), SQL_T(f.model), SQL_T(f.variant),
		    SQL_T(f.revision), SQL_T(f.added)) < 0)
		return -1;
	in->got.firmware += sql_changes(in->c->db) > 0;
	return 0;
}

static int import_operation(struct in *in, const struct json *o, struct err *e)
{
	const char *verb, *started, *ended, *message, *snapshot;
	uint64_t outcome = 0;
	int64_t module;

	if (need_text(o, "verb", &verb, e) < 0 || need_text(o, "started", &started, e) < 0 ||
	    text(o, "ended", &ended, e) < 0 || text(o, "message", &message, e) < 0 ||
	    text(o, "snapshot", &snapshot, e) < 0 ||
	    num(o, "outcome", CATALOG_REFUSED, &outcome, e) < 0 ||
	    module_of(in, o, "module", &module, e) < 0)
		return -1;
	/* The same file twice must not double the history. */
	if (sql_run(in->c->db, e,
		    "INSERT INTO operation(module, verb, started, ended, outcome, message, snapshot)"
		    " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM operation"
		    " WHERE module IS ?1 AND verb = ?2 AND started = ?3 AND message = ?6)",
		    module ? SQL_I(module) : SQL_T(NULL), SQL_T(verb), SQL_T(started),
		    SQL_T(cat_opt(ended)), SQL_I(outcome), SQL_T(message),
		    SQL_T(cat_opt(snapshot))) < 0)
		return -1;
	in->got.others += sql_changes(in->c->db) > 0;
	return 0;
}

static int import_note(struct in *in, const struct json *o, struct err *e)
{
	const char *snapshot, *at, *words;
	int64_t module;

	if (text(o, "snapshot", &snapshot, e) < 0 || need_text(o, "at", &at, e) < 0 ||
	    need_text(o, "text", &words, e) < 0 || module_of(in, o, "module", &module, e) < 0)
		return -1;
	if (json_has(o, "module") == (*snapshot != '\0') || (*snapshot && !cat_is_hash(snapshot)))
		return err_set(e, ERR_PROTO, "a note that belongs to nothing, or to two things");
	if (!module && !*snapshot)
		return 0;
	if (sql_run(in->c->db, e,
		    "INSERT INTO note(module, snapshot, at, text) SELECT ?1, ?2, ?3, ?4"
		    " WHERE NOT EXISTS (SELECT 1 FROM note WHERE module IS ?1 AND snapshot IS ?2"
		    " AND at = ?3 AND text = ?4)",
		    module ? SQL_I(module) : SQL_T(NULL), SQL_T(cat_opt(snapshot)), SQL_T(at),
		    SQL_T(words)) < 0)
		return -1;
	in->got.others += sql_changes(in->c->db) > 0;
	return 0;
}

static int import_held(struct in *in, const struct json *o, struct err *e)
{
	const char *imei, *at, *words, *resolved, *how;
	uint64_t kind = 0, seen = 0;
	int64_t module, other;

	if (text(o, "imei", &imei, e) < 0 || need_text(o, "at", &at, e) < 0 ||
	    text(o, "text", &words, e) < 0 || text(o, "resolved", &resolved, e) < 0 ||
	    text(o, "how", &how, e) < 0 || num(o, "kind", IDENTITY_CODES - 1, &kind, e) < 0 ||
	    num(o, "seen", INT64_MAX, &seen, e) < 0 || module_of(in, o, "module", &module, e) < 0 ||
	    module_of(in, o, "other", &other, e) < 0)
		return -1;
	/* What was resolved elsewhere is resolved; what was not waits here, too. */
	if (*resolved)
		return 0;
	if (cat_hold(in->c, (enum identity_code)kind, module, other, imei, words, e) < 0)
		return -1;
	in->got.held++;
	return 0;
}

static int import_tac(struct in *in, const struct json *o, struct err *e)
{
	const char *tac, *model, *variant;

	if (need_text(o, "tac", &tac, e) < 0 || need_text(o, "model", &model, e) < 0 ||
	    text(o, "variant", &variant, e) < 0)
		return -1;
	if (strlen(tac) != 8 || strspn(tac, "0123456789") != 8)
		return err_set(e, ERR_PROTO, "\"tac\" is not 8 digits");
	/* A code that is known here for another model is not taught anew. */
	return sql_run(in->c->db, e,
		       "INSERT OR IGNORE INTO tac(tac, model, variant) SELECT ?1, ?2, ?3"
		       " WHERE NOT EXISTS (SELECT 1 FROM tac WHERE tac = ?1 AND model <> ?2)",
		       SQL_T(tac), SQL_T(model), SQL_T(variant));
}

static int import_end(struct in *in, const struct json *o, struct err *e)
{
	uint64_t lines = 0;

	if (num(o, "lines", UINT64_MAX - 1, &lines, e) < 0)
		return -1;
	if (lines != in->line - 1)
		return err_set(e, ERR_INTEGRITY,
			       "%llu lines came before the end, which counts %llu",
			       (unsigned long long)in->line - 1, (unsigned long long)lines);
	in->ended = true;
	return 0;
}

static const struct {
	const char *type;
	int (*line)(struct in *, const struct json *, struct err *);
} kinds[] = {
	{ "tac", import_tac },   { "module", import_module },     { "snapshot", import_snapshot },
	{ "item", import_item }, { "firmware", import_firmware }, { "operation", import_operation },
	{ "note", import_note }, { "held", import_held },         { "end", import_end },
};

static int import_line(struct in *in, struct slice line, struct err *e)
{
	const char *type;
	struct json *root;
	uint64_t version;
	int r = 0;
	size_t i;

	if (line.n > LINE_CAP)
		return err_set(e, ERR_PROTO, "%zu bytes, more than %u", line.n, LINE_CAP);
	if (in->ended)
		return err_set(e, ERR_PROTO, "something follows the end");
	if (json_parse(line, &root, e) < 0)
		return -1;
	type = json_get_str(root, "type", "");
	if (in->line == 1) {
		version = json_get_u64(root, "version", 0);
		if (strcmp(type, "salvor-catalog") != 0)
			r = err_set(e, ERR_PROTO, "this is no export of a catalogue");
		else if (version != 1)
			r = err_set(e, ERR_UNSUPPORTED,
				    "this export is of version %llu, this program knows version 1",
				    (unsigned long long)version);
		json_free(root);
		return r;
	}
	if (strcmp(type, "item") != 0)
		in->in_snapshot = false;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(type, kinds[i].type) == 0)
			break;
	}
	if (i == ARRAY_SIZE(kinds))
		r = err_set(e, ERR_PROTO, "unknown type '%.40s'", type);
	else
		r = kinds[i].line(in, root, e);
	json_free(root);
	return r;
}

static int import_in(struct in *in, struct slice all, struct err *e)
{
	struct audit_event ev = { .event = "import" };
	char text_[120];

	while (all.n > 0) {
		const uint8_t *nl = memchr(all.p, '\n', all.n);
		size_t n = nl ? (size_t)(nl - all.p) : all.n;

		in->line++;
		if (import_line(in, slice_sub(all, 0, n), e) < 0)
			return err_prefix(e, "line %llu", (unsigned long long)in->line);
		all = slice_sub(all, nl ? n + 1 : n, all.n);
	}
	if (!in->ended)
		return err_set(e, ERR_INTEGRITY,
			       "the end is missing after %llu lines: the export was cut off",
			       (unsigned long long)in->line);
	snprintf(text_, sizeof(text_), "%llu modules, %llu snapshots, %llu held",
		 (unsigned long long)in->got.modules, (unsigned long long)in->got.snapshots,
		 (unsigned long long)in->got.held);
	ev.text = text_;
	return cat_audit(in->c, 0, &ev, e);
}

int catalog_import(struct catalog *c, struct slice text_, struct catalog_imported *ret,
		   struct err *e)
{
	struct in in = { .c = c };
	int r;

	if (cat_begin(c, e) < 0)
		return -1;
	r = cat_end(c, import_in(&in, text_, e), e);
	free(in.ref);
	if (r == 0)
		*ret = in.got;
	return r;
}
