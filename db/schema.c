/*
 * Versions:
 *   1  modules, IMEIs, TACs, snapshots and their items, firmware, operations, notes, contradictions
 *      held for a person, retired numbers, audit log
 *
 * A step is never edited after a release; what changes becomes the next step.
 */
#include "db/schema.h"

/* Chip serials are not unique across chip families (32 bits, thousands of modules), so a chip is
 * its serial and its MSM id; 0 stands for "not told". Times are ISO 8601 in UTC, which sorts as
 * text. */
static const char v1[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"

	"CREATE TABLE module("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" chip TEXT CHECK(length(chip) IN (8, 16)), msm INTEGER NOT NULL DEFAULT 0,"
	" oem INTEGER NOT NULL DEFAULT 0, chip_model INTEGER NOT NULL DEFAULT 0,"
	" pkhash TEXT NOT NULL DEFAULT '',"
	" model TEXT NOT NULL DEFAULT '', variant TEXT NOT NULL DEFAULT '',"
	" revision TEXT NOT NULL DEFAULT '', label TEXT NOT NULL DEFAULT '',"
	" rf INTEGER NOT NULL DEFAULT 0 CHECK(rf IN (0, 1, 2)), donor TEXT NOT NULL DEFAULT '',"
	" rf_at TEXT NOT NULL DEFAULT '',"
	" first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,"
	" retired TEXT, retired_why TEXT);"
	"CREATE UNIQUE INDEX module_chip ON module(chip, msm) WHERE chip IS NOT NULL;"

	"CREATE TABLE imei("
	" imei TEXT PRIMARY KEY CHECK(length(imei) = 15 AND imei NOT GLOB '*[^0-9]*'),"
	" module INTEGER NOT NULL REFERENCES module(id) ON DELETE CASCADE,"
	" slot INTEGER NOT NULL CHECK(slot IN (1, 2)),"
	" evidence INTEGER NOT NULL CHECK(evidence BETWEEN 1 AND 5),"
	" confirmed INTEGER NOT NULL DEFAULT 0 CHECK(confirmed IN (0, 1)),"
	" corrected INTEGER NOT NULL DEFAULT 0,"
	" reason TEXT NOT NULL DEFAULT '', label_serial TEXT NOT NULL DEFAULT '',"
	" at TEXT NOT NULL, UNIQUE(module, slot)) WITHOUT ROWID;"
	"CREATE TABLE imei_retired("
	" imei TEXT NOT NULL, module INTEGER NOT NULL REFERENCES module(id) ON DELETE CASCADE,"
	" slot INTEGER NOT NULL, at TEXT NOT NULL, why TEXT NOT NULL,"
	" PRIMARY KEY(imei, module, slot)) WITHOUT ROWID;"
	"CREATE TABLE tac("
	" tac TEXT NOT NULL CHECK(length(tac) = 8), model TEXT NOT NULL, variant TEXT NOT NULL,"
	" PRIMARY KEY(tac, model, variant)) WITHOUT ROWID;"

	"CREATE TABLE snapshot("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" hash TEXT NOT NULL UNIQUE CHECK(length(hash) = 64),"
	" module INTEGER REFERENCES module(id) ON DELETE RESTRICT,"
	" path TEXT NOT NULL, size INTEGER NOT NULL, created TEXT NOT NULL,"
	" verdict INTEGER NOT NULL CHECK(verdict IN (0, 1, 2)),"
	" model TEXT NOT NULL, variant TEXT NOT NULL, revision TEXT NOT NULL, imei TEXT,"
	" mode TEXT NOT NULL, n_items INTEGER NOT NULL, n_nv INTEGER NOT NULL,"
	" n_efs INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0 CHECK(gone IN (0, 1)));"
	"CREATE INDEX snapshot_module ON snapshot(module, created, verdict, gone);"
	"CREATE INDEX snapshot_created ON snapshot(created);"
	"CREATE INDEX snapshot_path ON snapshot(path);"
	"CREATE INDEX snapshot_imei ON snapshot(imei) WHERE imei IS NOT NULL;"

	"CREATE TABLE item("
	" snapshot INTEGER NOT NULL REFERENCES snapshot(id) ON DELETE CASCADE,"
	" name TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL,"
	" sha256 BLOB NOT NULL CHECK(length(sha256) = 32), complete INTEGER NOT NULL,"
	" lun INTEGER, start INTEGER, count INTEGER,"
	" PRIMARY KEY(snapshot, name)) WITHOUT ROWID;"

	"CREATE TABLE firmware("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" hash TEXT NOT NULL UNIQUE CHECK(length(hash) = 64), path TEXT NOT NULL,"
	" size INTEGER NOT NULL, model TEXT NOT NULL, variant TEXT NOT NULL,"
	" revision TEXT NOT NULL, added TEXT NOT NULL);"
	"CREATE INDEX firmware_model ON firmware(model, variant);"

	"CREATE TABLE operation("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" module INTEGER REFERENCES module(id) ON DELETE SET NULL,"
	" verb TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,"
	" outcome INTEGER NOT NULL CHECK(outcome BETWEEN 0 AND 4), message TEXT NOT NULL,"
	" snapshot TEXT);"
	"CREATE INDEX operation_module ON operation(module, started);"

	"CREATE TABLE note("
	" id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" module INTEGER REFERENCES module(id) ON DELETE CASCADE,"
	" snapshot TEXT CHECK(length(snapshot) = 64)," /* by its hash: survives a rebuild */
	" at TEXT NOT NULL, text TEXT NOT NULL,"
	" CHECK((module IS NULL) <> (snapshot IS NULL)));"
	"CREATE INDEX note_module ON note(module);"
	"CREATE INDEX note_snapshot ON note(snapshot);"

	"CREATE TABLE held("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
	" module INTEGER REFERENCES module(id) ON DELETE SET NULL,"
	" other INTEGER REFERENCES module(id) ON DELETE SET NULL,"
	" imei TEXT NOT NULL DEFAULT '', at TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 1,"
	" text TEXT NOT NULL, resolved TEXT, how TEXT);"
	"CREATE INDEX held_open ON held(kind, imei) WHERE resolved IS NULL;"

	"CREATE TABLE audit("
	" seq INTEGER PRIMARY KEY CHECK(seq > 0), record TEXT NOT NULL, hash TEXT NOT NULL);"
	"CREATE TRIGGER audit_stays BEFORE UPDATE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"CREATE TRIGGER audit_grows BEFORE DELETE ON audit"
	" BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"PRAGMA user_version = 1;";

static const struct schema_step steps_[] = {
	{ 1, v1 },
};

const struct schema_step *schema_steps(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(steps_);
	return steps_;
}

int schema_version(struct sql *db, unsigned *ret, struct err *e)
{
	_cleanup_query_ struct sql_query *q = NULL;
	bool row;

	if (sql_query0(db, &q, e, "PRAGMA user_version") < 0 || sql_step(q, &row, e) < 0)
		return -1;
	*ret = row ? (unsigned)sql_int(q, 0) : 0;
	return 0;
}

int schema_migrate(struct sql *db, const struct schema_step *steps, size_t n, struct err *e)
{
	unsigned version, last = steps[n - 1].version;
	size_t i;

	if (schema_version(db, &version, e) < 0)
		return -1;
	if (version > last)
		return err_set(
			e, ERR_UNSUPPORTED,
			"the catalogue is of version %u, made by a newer salvor; this one knows "
			"versions up to %u",
			version, last);
	if (version == last)
		return 0;
	for (i = 0; i < n; i++) {
		if (sql_begin(db, e) < 0)
			return -1;
		/* Asked again under the lock: another process may have done the step. */
		if (schema_version(db, &version, e) < 0)
			goto fail;
		if (version < steps[i].version &&
		    (sql_script(db, steps[i].text, e) < 0 || schema_version(db, &version, e) < 0))
			goto fail;
		if (version < steps[i].version) {
			err_set(e, ERR_BUG, "the step to version %u ended at version %u",
				steps[i].version, version);
			goto fail;
		}
		if (sql_commit(db, e) < 0)
			return -1;
	}
	return 0;
fail:
	sql_rollback(db);
	return err_prefix(e, "bringing the catalogue from version %u to %u", version,
			  steps[i].version);
}
