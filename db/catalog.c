#include "db/catalog_int.h"

#include "base/clock.h"
#include "db/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *cat_time(const char *when, char room[TIME_ROOM])
{
	if (when && *when)
		return when;
	clock_wall_iso(room);
	return room;
}

bool cat_is_hash(const char *hash)
{
	return hash && strlen(hash) == CATALOG_HASH_HEX &&
	       strspn(hash, "0123456789abcdef") == CATALOG_HASH_HEX;
}

int cat_need_hash(const char *hash, struct err *e)
{
	if (!cat_is_hash(hash))
		return err_set(e, ERR_USAGE, "'%.80s' is not a hash of 64 lower-case hex digits",
			       cat_str(hash));
	return 0;
}

int cat_one(struct sql_query *q, int64_t dflt, int64_t *ret, struct err *e)
{
	bool row;

	if (sql_step(q, &row, e) < 0)
		return -1;
	*ret = row ? sql_int(q, 0) : dflt;
	return 0;
}

int cat_need_module(struct catalog *c, int64_t id, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	int64_t found;

	if (sql_query(c->db, &q, e, "SELECT id FROM module WHERE id = ?1", SQL_I(id)) < 0 ||
	    cat_one(q, 0, &found, e) < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_USAGE, "the catalogue has no module %lld", (long long)id);
	return 0;
}

int cat_begin(struct catalog *c, struct err *e)
{
	if (sql_depth(c->db) == 0) {
		c->warning[0] = '\0';
		c->audited = false;
	}
	return sql_begin(c->db, e);
}

int cat_end(struct catalog *c, int result, struct err *e)
{
	struct err why = ERR_INIT;

	if (result < 0) {
		sql_rollback(c->db);
		return -1;
	}
	if (sql_commit(c->db, e) < 0)
		return -1;
	if (sql_depth(c->db) > 0 || !c->audited)
		return 0;
	c->audited = false;
	/* What is committed stays; the mirror catches up when it can be written again. */
	if (audit_sync(c->audit, &why) < 0)
		snprintf(c->warning, sizeof(c->warning),
			 "the audit log's mirror could not follow: %.200s", why.msg);
	return 0;
}

int catalog_batch_begin(struct catalog *c, struct err *e)
{
	return cat_begin(c, e);
}

int catalog_batch_commit(struct catalog *c, struct err *e)
{
	return cat_end(c, 0, e);
}

void catalog_batch_undo(struct catalog *c)
{
	sql_rollback(c->db);
}

const char *catalog_warning(const struct catalog *c)
{
	return c->warning;
}

struct audit *catalog_audit(struct catalog *c)
{
	return c->audit;
}

int cat_audit(struct catalog *c, int64_t module, struct audit_event *ev, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (c->quiet)
		return 0;
	ev->who = c->who;
	/* A module without a chip is named by its number. */
	if (sql_query(
		    c->db, &q, e,
		    "SELECT chip, msm, (SELECT imei FROM imei WHERE module = ?1 ORDER BY slot LIMIT 1)"
		    " FROM module WHERE id = ?1",
		    SQL_I(module)) < 0 ||
	    sql_step(q, &row, e) < 0)
		return -1;
	if (row && !ev->chip) {
		ev->chip = sql_text(q, 0);
		ev->msm = (uint32_t)sql_int(q, 1);
		if (!ev->chip && !ev->imei)
			ev->imei = sql_text(q, 2);
	}
	if (audit_append(c->audit, ev, e) < 0)
		return -1;
	c->audited = true;
	return 0;
}

static int open_tables(struct catalog *c, struct err *e)
{
	const struct schema_step *steps;
	uint64_t adopted = 0;
	bool orphan;
	size_t n;
	int r;

	steps = schema_steps(&n);
	if (schema_migrate(c->db, steps, n, e) < 0)
		return -1;
	/* A damaged log keeps nobody from looking: what changes something will say so. */
	if (audit_is_orphan(c->audit, &orphan, e) < 0)
		return e->kind == ERR_INTEGRITY ? 0 : -1;
	if (!orphan)
		return 0;
	/* Made anew: what people had said before stands in the mirror. */
	if (cat_begin(c, e) < 0)
		return -1;
	r = audit_adopt(c->audit, &adopted, e);
	if (r == 0 && adopted > 0)
		r = cat_replay(c, e);
	return cat_end(c, r, e);
}

int catalog_open(const struct catalog_opts *opts, struct catalog **ret, struct err *e)
{
	_cleanup_free_ char *mirror = NULL;
	struct catalog *c = calloc(1, sizeof(*c));
	struct sql_opts so = { .create = opts->create,
			       .wait_ms = opts->wait_ms,
			       .waiting = opts->waiting,
			       .ctx = opts->ctx,
			       .fault = opts->fault };

	if (!c)
		return err_nomem(e);
	c->who = strdup(opts->who ? opts->who : "");
	if (!c->who || asprintf(&mirror, "%s.audit.jsonl", opts->path) < 0) {
		mirror = NULL;
		err_nomem(e);
		goto fail;
	}
	if (sql_open(opts->path, &so, &c->db, e) < 0 ||
	    audit_open(c->db, mirror, &c->audit, e) < 0 || open_tables(c, e) < 0)
		goto fail;
	*ret = c;
	return 0;
fail:
	catalog_close(c);
	return -1;
}

void catalog_close(struct catalog *c)
{
	if (!c)
		return;
	audit_close(c->audit);
	sql_close(c->db);
	free(c->who);
	free(c);
}

int catalog_set_aside(const char *path, char **ret_moved, struct err *e)
{
	static const char *const tails[] = { "-wal", "-shm" };
	_cleanup_free_ char *moved = NULL;
	char now[TIME_ROOM];
	size_t i;

	clock_wall_iso(now);
	if (asprintf(&moved, "%s.damaged-%s", path, now) < 0) {
		moved = NULL;
		return err_nomem(e);
	}
	if (access(moved, F_OK) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not overwritten",
				    moved);
	/* The log first: left behind it would be applied to the new database. */
	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		_cleanup_free_ char *from = NULL, *to = NULL;

		if (asprintf(&from, "%s%s", path, tails[i]) < 0) {
			from = NULL;
			return err_nomem(e);
		}
		if (asprintf(&to, "%s%s", moved, tails[i]) < 0) {
			to = NULL;
			return err_nomem(e);
		}
		if (rename(from, to) < 0 && errno != ENOENT)
			return err_set_errno(e, errno, "cannot move '%s' aside", from);
	}
	if (rename(path, moved) < 0)
		return err_set_errno(e, errno, "cannot move the catalogue '%s' aside", path);
	*ret_moved = steal_ptr(&moved);
	return 0;
}

int catalog_rebuild_begin(struct catalog *c, struct err *e)
{
	if (cat_begin(c, e) < 0)
		return -1;
	if (sql_run0(c->db, e, "DELETE FROM item") < 0 ||
	    sql_run0(c->db, e, "DELETE FROM snapshot") < 0 ||
	    sql_run0(c->db, e, "DELETE FROM firmware") < 0)
		return cat_end(c, -1, e);
	return 0;
}

bool catalog_chip_text(const struct chip_id *chip, char out[CATALOG_CHIP_MAX])
{
	if (!chip || !chip->has_serial || chip->serial == 0 || chip->serial == UINT32_MAX ||
	    chip->serial == UINT64_MAX)
		return false;
	snprintf(out, CATALOG_CHIP_MAX, chip->serial > UINT32_MAX ? "%016" PRIx64 : "%08" PRIx64,
		 chip->serial);
	return true;
}

const char *catalog_rf_name(enum catalog_rf rf)
{
	static const char *const names[] = { "unknown", "own", "donor" };

	return (size_t)rf < ARRAY_SIZE(names) ? names[rf] : "unknown";
}

const char *catalog_verdict_name(enum catalog_verdict v)
{
	static const char *const names[] = { "unusable", "partial", "complete" };

	return (size_t)v < ARRAY_SIZE(names) ? names[v] : "unusable";
}

const char *catalog_outcome_name(enum catalog_outcome o)
{
	static const char *const names[] = { "running", "done", "failed", "interrupted",
					     "refused" };

	return (size_t)o < ARRAY_SIZE(names) ? names[o] : "failed";
}
