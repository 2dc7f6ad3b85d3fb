/* Snapshots and their items: added, listed, pruned, checked against their files. */
#include "db/catalog_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cat_emit_snapshots(struct sql_query *q, struct catalog_rows *rows, struct err *e)
{
	bool row;

	for (;;) {
		struct catalog_snapshot s;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		s = (struct catalog_snapshot){
			.hash = sql_str(q, 0),
			.module = sql_int(q, 1),
			.path = sql_str(q, 2),
			.size = (uint64_t)sql_int(q, 3),
			.created = sql_str(q, 4),
			.verdict = (enum catalog_verdict)sql_int(q, 5),
			.model = sql_str(q, 6),
			.variant = sql_str(q, 7),
			.revision = sql_str(q, 8),
			.imei = sql_text(q, 9),
			.mode = sql_str(q, 10),
			.n_items = (uint64_t)sql_int(q, 11),
			.n_nv = (uint64_t)sql_int(q, 12),
			.n_efs = (uint64_t)sql_int(q, 13),
			.gone = sql_int(q, 14) != 0,
		};
		if (rows->snapshot && rows->snapshot(rows, &s, e) < 0)
			return -1;
	}
}

static int add_item(struct catalog *c, int64_t snapshot, const struct catalog_item *it,
		    struct err *e)
{
	if (!cat_opt(it->name))
		return err_set(e, ERR_USAGE, "an item of a snapshot has no name");
	return sql_run(
		c->db, e,
		"INSERT INTO item(snapshot, name, kind, size, sha256, complete, lun, start, count)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		SQL_I(snapshot), SQL_T(it->name), SQL_T(cat_str(it->kind)), SQL_I(it->size),
		SQL_B(it->sha256, sizeof(it->sha256)), SQL_I(it->complete),
		it->has_extent ? SQL_I(it->lun) : SQL_T(NULL),
		it->has_extent ? SQL_I(it->start) : SQL_T(NULL),
		it->has_extent ? SQL_I(it->count) : SQL_T(NULL));
}

/* The same content again: moved, or copied, or found again. */
static int known_snapshot(struct catalog *c, const struct catalog_snapshot *s, int64_t id,
			  int64_t module, struct err *e)
{
	if (s->module && module && s->module != module)
		return err_set(
			e, ERR_MISMATCH,
			"snapshot %.12s stands under module %lld, and is now said to be of module "
			"%lld",
			s->hash, (long long)module, (long long)s->module);
	return sql_run(
		c->db, e,
		"UPDATE snapshot SET path = ?2, gone = 0, module = coalesce(module, ?3) WHERE id = ?1",
		SQL_I(id), SQL_T(s->path), s->module ? SQL_I(s->module) : SQL_T(NULL));
}

static int add_in(struct catalog *c, const struct catalog_snapshot *s,
		  const struct catalog_item *items, size_t n, bool *ret_new, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char now[TIME_ROOM];
	int64_t id;
	size_t i;
	bool row;

	if (sql_query(c->db, &q, e, "SELECT id, module FROM snapshot WHERE hash = ?1",
		      SQL_T(s->hash)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	*ret_new = !row;
	if (row)
		return known_snapshot(c, s, sql_int(q, 0), sql_int(q, 1), e);
	if (s->module && cat_need_module(c, s->module, e) < 0)
		return -1;
	if (sql_run(c->db, e,
		    "INSERT INTO snapshot(hash, module, path, size, created, verdict, model, variant,"
		    " revision, imei, mode, n_items, n_nv, n_efs, gone)"
		    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
		    SQL_T(s->hash), s->module ? SQL_I(s->module) : SQL_T(NULL), SQL_T(s->path),
		    SQL_I(s->size), SQL_T(cat_time(s->created, now)), SQL_I(s->verdict),
		    SQL_T(cat_str(s->model)), SQL_T(cat_str(s->variant)),
		    SQL_T(cat_str(s->revision)), SQL_T(cat_opt(s->imei)), SQL_T(cat_str(s->mode)),
		    SQL_I(s->n_items), SQL_I(s->n_nv), SQL_I(s->n_efs), SQL_I(s->gone)) < 0)
		return -1;
	id = sql_last_id(c->db);
	for (i = 0; i < n; i++) {
		if (add_item(c, id, &items[i], e) < 0)
			return err_prefix(e, "item '%.80s'", cat_str(items[i].name));
	}
	return 0;
}

int catalog_add_snapshot(struct catalog *c, const struct catalog_snapshot *s,
			 const struct catalog_item *items, size_t n_items, bool *ret_new,
			 struct err *e)
{
	bool is_new = false;

	if (cat_need_hash(s->hash, e) < 0)
		return -1;
	if (!cat_opt(s->path))
		return err_set(e, ERR_USAGE, "snapshot %.12s has no path", s->hash);
	if (cat_begin(c, e) < 0)
		return -1;
	if (cat_end(c, add_in(c, s, items, n_items, &is_new, e), e) < 0)
		return -1;
	if (ret_new)
		*ret_new = is_new;
	return 0;
}

int catalog_snapshots(struct catalog *c, int64_t module, uint64_t limit, uint64_t offset,
		      struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	struct sql_arg most = SQL_I(limit ? (int64_t)limit : -1), from = SQL_I(offset);
	int r;

	/* Two texts, so that each finds its index. */
	if (module)
		r = sql_query(c->db, &q, e,
			      "SELECT " SNAPSHOT_COLS " FROM snapshot s WHERE s.module = ?1"
			      " ORDER BY s.created DESC, s.id DESC LIMIT ?2 OFFSET ?3",
			      SQL_I(module), most, from);
	else
		r = sql_query(c->db, &q, e,
			      "SELECT " SNAPSHOT_COLS " FROM snapshot s"
			      " ORDER BY s.created DESC, s.id DESC LIMIT ?1 OFFSET ?2",
			      most, from);
	return r < 0 ? -1 : cat_emit_snapshots(q, rows, e);
}

int catalog_items(struct catalog *c, const char *hash, struct catalog_rows *rows, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (cat_need_hash(hash, e) < 0 ||
	    sql_query(c->db, &q, e,
		      "SELECT name, kind, size, sha256, complete, lun, start, count FROM item"
		      " WHERE snapshot = (SELECT id FROM snapshot WHERE hash = ?1) ORDER BY name",
		      SQL_T(hash)) < 0)
		return -1;
	for (;;) {
		struct catalog_item it;
		struct slice sha;

		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		sha = sql_blob(q, 3);
		if (sha.n != sizeof(it.sha256))
			return err_set(e, ERR_INTEGRITY,
				       "item '%.80s' has a digest of %zu bytes, not 32",
				       sql_str(q, 0), sha.n);
		it = (struct catalog_item){ .name = sql_str(q, 0),
					    .kind = sql_str(q, 1),
					    .size = (uint64_t)sql_int(q, 2),
					    .complete = sql_int(q, 4) != 0,
					    .has_extent = !sql_is_null(q, 7),
					    .lun = (uint32_t)sql_int(q, 5),
					    .start = (uint64_t)sql_int(q, 6),
					    .count = (uint64_t)sql_int(q, 7) };
		memcpy(it.sha256, sha.p, sizeof(it.sha256));
		if (rows->item && rows->item(rows, &it, e) < 0)
			return -1;
	}
}

int catalog_resolve(struct catalog *c, const char *prefix, char ret_hash[CATALOG_HASH_HEX + 1],
		    struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	char low[CATALOG_HASH_HEX + 1], end[CATALOG_HASH_HEX + 2], first[CATALOG_HASH_HEX + 1] = "";
	size_t n = strlen(prefix), i;
	bool row;

	if (n < 4 || n > CATALOG_HASH_HEX || strspn(prefix, "0123456789abcdefABCDEF") != n)
		return err_set(
			e, ERR_USAGE,
			"'%.80s' is no snapshot id: 4 to 64 hex digits, as 'list' shows them",
			prefix);
	for (i = 0; i <= n; i++)
		low[i] = (char)tolower((unsigned char)prefix[i]);
	snprintf(end, sizeof(end), "%sg", low);
	if (sql_query(
		    c->db, &q, e,
		    "SELECT hash FROM snapshot WHERE hash >= ?1 AND hash < ?2 ORDER BY hash LIMIT 2",
		    SQL_T(low), SQL_T(end)) < 0)
		return -1;
	for (i = 0;; i++) {
		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			break;
		if (i == 1)
			return err_set(
				e, ERR_USAGE,
				"several snapshots begin with '%s': %.16s, %.16s; give more digits",
				prefix, first, sql_str(q, 0));
		snprintf(first, sizeof(first), "%s", sql_str(q, 0));
	}
	if (i == 0)
		return err_set(e, ERR_USAGE, "no snapshot in the catalogue begins with '%s'",
			       prefix);
	memcpy(ret_hash, first, sizeof(first));
	return 0;
}

int catalog_has_path(struct catalog *c, const char *path, bool *ret, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	int64_t n;

	if (sql_query(c->db, &q, e, "SELECT 1 FROM snapshot WHERE path = ?1 LIMIT 1", SQL_T(path)) <
		    0 ||
	    cat_one(q, 0, &n, e) < 0)
		return -1;
	*ret = n != 0;
	return 0;
}

/* The snapshots of one module in the order of their making, and which of them stay. */
struct shelf {
	struct kept {
		int64_t id;
		bool complete, gone, late;
	} * row;
	size_t n, cap;
};

static int shelf_add(struct shelf *s, struct kept k, struct err *e)
{
	struct kept *grown;

	if (s->n == s->cap) {
		grown = realloc(s->row, (s->cap ? 2 * s->cap : 16) * sizeof(*grown));
		if (!grown)
			return err_nomem(e);
		s->row = grown;
		s->cap = s->cap ? 2 * s->cap : 16;
	}
	s->row[s->n++] = k;
	return 0;
}

static bool may_go(const struct shelf *s, size_t i, unsigned keep_last)
{
	size_t k, first = SIZE_MAX, last = SIZE_MAX, newer = 0;

	if (s->row[i].gone)
		return true;
	for (k = 0; k < s->n; k++) {
		if (s->row[k].gone)
			continue;
		newer += k > i;
		if (s->row[k].complete) {
			first = first == SIZE_MAX ? k : first;
			last = k;
		}
	}
	return i != first && i != last && newer >= MAX_OF(keep_last, 1u) && !s->row[i].late;
}

static int prune_shelf(struct catalog *c, const struct shelf *s, unsigned keep_last,
		       struct catalog_rows *rows, struct err *e)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		_cleanup_query_ struct sql_query *q = NULL;

		if (!may_go(s, i, keep_last))
			continue;
		if (sql_query(c->db, &q, e,
			      "SELECT " SNAPSHOT_COLS " FROM snapshot s WHERE s.id = ?1",
			      SQL_I(s->row[i].id)) < 0 ||
		    cat_emit_snapshots(q, rows, e) < 0)
			return -1;
	}
	return 0;
}

int catalog_prune(struct catalog *c, const struct catalog_keep *keep, struct catalog_rows *rows,
		  struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	const char *from = cat_opt(keep->created_from);
	struct shelf s = { NULL, 0, 0 };
	int64_t module = 0;
	bool row;
	int r = -1;

	if (sql_query0(c->db, &q, e,
		       "SELECT module, id, verdict, gone, created FROM snapshot"
		       " WHERE module IS NOT NULL ORDER BY module, created, id") < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			goto out;
		if (!row || sql_int(q, 0) != module) {
			if (prune_shelf(c, &s, keep->last, rows, e) < 0)
				goto out;
			s.n = 0;
		}
		if (!row)
			break;
		module = sql_int(q, 0);
		if (shelf_add(&s,
			      (struct kept){ sql_int(q, 1), sql_int(q, 2) == CATALOG_COMPLETE,
					     sql_int(q, 3) != 0,
					     from && strcmp(sql_str(q, 4), from) >= 0 },
			      e) < 0)
			goto out;
	}
	r = 0;
out:
	free(s.row);
	return r;
}

static int load_shelf(struct catalog *c, int64_t module, struct shelf *s, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query(
		    c->db, &q, e,
		    "SELECT id, verdict, gone FROM snapshot WHERE module = ?1 ORDER BY created, id",
		    SQL_I(module)) < 0)
		return -1;
	for (;;) {
		if (sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		if (shelf_add(s,
			      (struct kept){ sql_int(q, 0), sql_int(q, 1) == CATALOG_COMPLETE,
					     sql_int(q, 2) != 0, false },
			      e) < 0)
			return -1;
	}
}

static int forget_in(struct catalog *c, const char *hash, struct shelf *s, struct err *e)
{
	struct audit_event ev = { .event = "forget", .snapshot = hash };
	_cleanup_query_ struct sql_query *q = NULL;
	int64_t id, module;
	bool row;
	size_t i;

	if (sql_query(c->db, &q, e, "SELECT id, module, gone FROM snapshot WHERE hash = ?1",
		      SQL_T(hash)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (!row)
		return err_set(e, ERR_USAGE, "the catalogue has no snapshot %.12s", hash);
	id = sql_int(q, 0);
	module = sql_int(q, 1);
	if (!module && !sql_int(q, 2))
		return err_set(
			e, ERR_POLICY,
			"snapshot %.12s is of a module that is not known; it may be the only one of "
			"it and stays",
			hash);
	if (module && load_shelf(c, module, s, e) < 0)
		return -1;
	for (i = 0; i < s->n; i++) {
		if (s->row[i].id == id && !may_go(s, i, 1))
			return err_set(
				e, ERR_POLICY,
				"snapshot %.12s is the first or the last good one of its module and "
				"stays",
				hash);
	}
	if (sql_run(c->db, e, "DELETE FROM snapshot WHERE id = ?1", SQL_I(id)) < 0)
		return -1;
	return cat_audit(c, module, &ev, e);
}

int catalog_forget(struct catalog *c, const char *hash, struct err *e)
{
	struct shelf s = { NULL, 0, 0 };
	int r;

	if (cat_need_hash(hash, e) < 0 || cat_begin(c, e) < 0)
		return -1;
	r = cat_end(c, forget_in(c, hash, &s, e), e);
	free(s.row);
	return r;
}

/* Collects what is wrong, or what is not, one page at a time: the caller may take hours over a
 * file, and no lock is held meanwhile. */
struct batch {
	struct catalog_rows rows;
	struct catalog_checker *k;
	struct catalog *c;
	uint64_t n, wrong;
};

static int mark(struct catalog *c, const char *hash, bool gone, struct err *e)
{
	if (cat_begin(c, e) < 0)
		return -1;
	return cat_end(c,
		       sql_run(c->db, e, "UPDATE snapshot SET gone = ?2 WHERE hash = ?1",
			       SQL_T(hash), SQL_I(gone)),
		       e);
}

static int check_one(struct batch *b, const struct catalog_snapshot *s, struct err *e)
{
	enum catalog_file file = CATALOG_FILE_GOOD;

	if (b->k->file(b->k, s, &file, e) < 0)
		return -1;
	if ((file == CATALOG_FILE_MISSING) != s->gone && mark(b->c, s->hash, !s->gone, e) < 0)
		return -1;
	if (file == CATALOG_FILE_GOOD)
		return 0;
	b->wrong++;
	return b->k->found(b->k, s,
			   file == CATALOG_FILE_MISSING
				   ? "the file is missing"
				   : "the file is not what the catalogue recorded",
			   e);
}

static int check_files(struct batch *b, struct err *e)
{
	int64_t last = 0;

	for (;;) {
		_cleanup_query_ struct sql_query *q = NULL;
		_cleanup_free_ char *hash = NULL, *path = NULL, *created = NULL;
		struct catalog_snapshot s;
		bool row;

		if (sql_query(
			    b->c->db, &q, e,
			    "SELECT id, hash, path, created, module, size, verdict, gone FROM snapshot"
			    " WHERE id > ?1 ORDER BY id LIMIT 1",
			    SQL_I(last)) < 0 ||
		    sql_step(q, &row, e) < 0)
			return -1;
		if (!row)
			return 0;
		last = sql_int(q, 0);
		hash = strdup(sql_str(q, 1));
		path = strdup(sql_str(q, 2));
		created = strdup(sql_str(q, 3));
		if (!hash || !path || !created)
			return err_nomem(e);
		s = (struct catalog_snapshot){ .hash = hash,
					       .path = path,
					       .created = created,
					       .module = sql_int(q, 4),
					       .size = (uint64_t)sql_int(q, 5),
					       .verdict = (enum catalog_verdict)sql_int(q, 6),
					       .gone = sql_int(q, 7) != 0 };
		sql_done(steal_ptr(&q));
		if (check_one(b, &s, e) < 0)
			return -1;
	}
}

int catalog_check(struct catalog *c, struct catalog_checker *k, uint64_t *ret_n, struct err *e)
{
	struct batch b = { .k = k, .c = c };
	struct err why = ERR_INIT;

	if (sql_check(c->db, &why) < 0) {
		if (why.kind != ERR_INTEGRITY) {
			*e = why;
			return -1;
		}
		b.wrong++;
		if (k->found(k, NULL, why.msg, e) < 0)
			return -1;
	}
	if (audit_verify(c->audit, NULL, &why) < 0) {
		if (why.kind != ERR_INTEGRITY) {
			*e = why;
			return -1;
		}
		b.wrong++;
		if (k->found(k, NULL, why.msg, e) < 0)
			return -1;
	}
	if (check_files(&b, e) < 0)
		return -1;
	*ret_n = b.wrong;
	return 0;
}
