/*
 * The catalogue: which modules were met, which snapshots of them exist, what was done. An index: it
 * can be deleted and built again from the snapshots' manifests (catalog_rebuild_begin) and, for
 * what people said (labels, notes, attested numbers, retirements), from the audit log's mirror
 * beside it.
 *
 * A module is its chip (serial and MSM id, from Sahara). One that was met over DIAG alone stands on
 * its IMEI until catalog_link() gives it its chip. Whatever contradicts what is known is held for a
 * person and changes nothing.
 *
 * Texts in structs that are handed in are borrowed for the call; those handed to `rows` live until
 * the callback returns. A text of "" is the same as NULL: not known. Times are ISO 8601, UTC.
 * `rows` callbacks may read the catalogue again, but not change it; a failing one ends the walk
 * with its error.
 */
#ifndef SALVOR_DB_CATALOG_H
#define SALVOR_DB_CATALOG_H

#include "base/stream.h"
#include "db/audit.h"
#include "db/identity.h"
#include "db/sql.h"
#include "model/chip_id.h"

struct catalog;

struct catalog_opts {
	const char *path; /* of the database; its directory must exist */
	bool create;
	const char *who;                                /* for the audit log: "user@host" */
	uint32_t wait_ms;                               /* for another process; 0 = 30 s */
	bool (*waiting)(void *ctx, uint32_t waited_ms); /* see sql_opts */
	void *ctx;
	struct sql_fault *fault; /* NULL but in tests */
};

/* The audit log's mirror is PATH.audit.jsonl. A database that is made anew beside such a mirror
 * takes over what people had said. Errors as in sql.h. */
int catalog_open(const struct catalog_opts *opts, struct catalog **ret, struct err *e) _must_check_;
void catalog_close(struct catalog *c); /* NULL is fine */
/* What went wrong without undoing anything (the mirror could not follow), or ""; forgotten by the
 * call of the next function that changes something. */
const char *catalog_warning(const struct catalog *c);
struct audit *catalog_audit(struct catalog *c);

/* Several calls in one transaction: all or none, and one flush. */
int catalog_batch_begin(struct catalog *c, struct err *e) _must_check_;
int catalog_batch_commit(struct catalog *c, struct err *e) _must_check_;
void catalog_batch_undo(struct catalog *c);

/* ---- modules ---- */

#define CATALOG_CHIP_MAX 17
/* The serial as the catalogue writes it: 8 or 16 hex digits. False when the chip told none, or one
 * that unprogrammed fuses give (all zeros, all ones). */
bool catalog_chip_text(const struct chip_id *chip, char out[CATALOG_CHIP_MAX]);

enum catalog_rf { CATALOG_RF_UNKNOWN, CATALOG_RF_OWN, CATALOG_RF_DONOR };
const char *catalog_rf_name(enum catalog_rf rf); /* "unknown", "own", "donor" */

/* What was seen of one module at one time. */
struct catalog_sight {
	const struct chip_id *chip; /* NULL when it was not seen in EDL */
	const char *imei[2]; /* as read, slots 1 and 2; placeholders and junk are passed over */
	enum identity_evidence evidence; /* of the numbers; none counts as EVIDENCE_CHIP */
	const char *model, *variant, *revision;
	const char *when; /* NULL = now */
	/* Chip and numbers are surely of the same module: its port was bound before the mode
	 * switch, or a manifest says so. Only then may a record that stands on its IMEI gain this
	 * chip. */
	bool bound;
};

enum catalog_met {
	CATALOG_NOBODY, /* neither chip nor number: nothing to stand on; id 0 */
	CATALOG_NEW,
	CATALOG_KNOWN,
};

struct catalog_seen {
	int64_t id;
	enum catalog_met met;
	unsigned held;  /* contradictions; the module itself was recorded all the same */
	char text[384]; /* the last of them, for a person */
};

/* Records a module that was met. */
int catalog_see(struct catalog *c, const struct catalog_sight *sight, struct catalog_seen *ret,
		struct err *e) _must_check_;
/* Which module is it? Changes nothing; 0 when it is not known. By chip where there is one, else by
 * number. */
int catalog_identify(struct catalog *c, const struct catalog_sight *sight, int64_t *ret_id,
		     struct err *e) _must_check_;
/* The record that stands on its IMEI gains its chip; when the chip has a record of its own, the two
 * become one, whose id is *ret_id. ERR_MISMATCH, and held, when they contradict each other. */
int catalog_link(struct catalog *c, int64_t id, const struct chip_id *chip, int64_t *ret_id,
		 struct err *e) _must_check_;
/* Takes the record out of service: its numbers are free for another module, and it gets none any
 * more. Its snapshots stay. Needs a reason; logged. */
int catalog_retire(struct catalog *c, int64_t id, const char *why, struct err *e) _must_check_;
int catalog_set_label(struct catalog *c, int64_t id, const char *label, struct err *e) _must_check_;
/* `donor`: hash of the donor's snapshot, or NULL. */
int catalog_set_rf(struct catalog *c, int64_t id, enum catalog_rf rf, const char *donor,
		   struct err *e) _must_check_;

struct catalog_number {
	const char *imei; /* NULL = none */
	enum identity_evidence evidence;
	bool confirmed;
};

struct catalog_module {
	int64_t id;
	const char *chip; /* NULL = not known */
	uint32_t msm;
	const char *pkhash;
	struct catalog_number number[2];
	const char *model, *variant, *revision, *label;
	enum catalog_rf rf;
	const char *donor;
	const char *first_seen, *last_seen;
	const char *retired, *retired_why; /* NULL = in service */
	uint64_t n_snapshots;
	const char *last_snapshot; /* time of the last complete one, or NULL */
	uint64_t n_held;
};

struct catalog_snapshot;
struct catalog_item;
struct catalog_firmware;
struct catalog_operation;
struct catalog_note;
struct catalog_held;

/* Receivers of rows; those not wanted may be NULL. */
struct catalog_rows {
	int (*module)(struct catalog_rows *, const struct catalog_module *, struct err *);
	int (*snapshot)(struct catalog_rows *, const struct catalog_snapshot *, struct err *);
	int (*item)(struct catalog_rows *, const struct catalog_item *, struct err *);
	int (*firmware)(struct catalog_rows *, const struct catalog_firmware *, struct err *);
	int (*operation)(struct catalog_rows *, const struct catalog_operation *, struct err *);
	int (*note)(struct catalog_rows *, const struct catalog_note *, struct err *);
	int (*held)(struct catalog_rows *, const struct catalog_held *, struct err *);
};

/* ERR_USAGE when there is none with this id. */
int catalog_module_get(struct catalog *c, int64_t id, struct catalog_rows *rows,
		       struct err *e) _must_check_;
/* Last seen first. limit 0 = all. */
int catalog_modules(struct catalog *c, uint64_t limit, uint64_t offset, struct catalog_rows *rows,
		    struct err *e) _must_check_;
/* Whatever a person may remember: an IMEI or its first 8 digits or more, a chip serial, the
 * beginning of a snapshot's id (4 or more), of a label, a model or a revision. Gives modules,
 * snapshots and firmware; at most `limit` of each (0 = 100). */
int catalog_find(struct catalog *c, const char *text, uint64_t limit, struct catalog_rows *rows,
		 struct err *e) _must_check_;

/* ---- snapshots ---- */

enum catalog_verdict { CATALOG_UNUSABLE, CATALOG_PARTIAL, CATALOG_COMPLETE };
const char *catalog_verdict_name(enum catalog_verdict v);
#define CATALOG_HASH_HEX 64

struct catalog_snapshot {
	const char *hash; /* id: SHA-256 of the manifest or of the file, 64 lower-case hex digits */
	int64_t module;   /* 0 = not known whose */
	const char *path;
	uint64_t size;
	const char *created;
	enum catalog_verdict verdict;
	const char *model, *variant, *revision, *imei;
	const char *mode; /* "edl", "diag", "edl+diag" ... */
	uint64_t n_items, n_nv, n_efs;
	bool gone; /* the last check did not find the file */
};

struct catalog_item {
	const char *name, *kind;
	uint64_t size;
	uint8_t sha256[32];
	bool complete;
	bool has_extent;
	uint32_t lun;
	uint64_t start, count;
};

/* Snapshot and items, all or none. One with the same hash is the same snapshot: only its path is
 * taken over (*ret_new, which may be NULL, says which). ERR_MISMATCH when it stands under another
 * module. */
int catalog_add_snapshot(struct catalog *c, const struct catalog_snapshot *s,
			 const struct catalog_item *items, size_t n_items, bool *ret_new,
			 struct err *e) _must_check_;
/* Newest first; module 0 = of all. limit 0 = all. */
int catalog_snapshots(struct catalog *c, int64_t module, uint64_t limit, uint64_t offset,
		      struct catalog_rows *rows, struct err *e) _must_check_;
int catalog_items(struct catalog *c, const char *hash, struct catalog_rows *rows,
		  struct err *e) _must_check_;
/* "3fa9c1" -> the whole hash. ERR_USAGE when none or several begin so. */
int catalog_resolve(struct catalog *c, const char *prefix, char ret_hash[CATALOG_HASH_HEX + 1],
		    struct err *e) _must_check_;

struct catalog_keep {
	unsigned last;            /* newest of each module that stay; 0 counts as 1 */
	const char *created_from; /* those made at or after this time stay; NULL = no such rule */
};
/* The snapshots that may go: never the first or the last complete one of a module, never its
 * newest, never one without a module. What is gone already is not counted among them and always
 * given. */
int catalog_prune(struct catalog *c, const struct catalog_keep *keep, struct catalog_rows *rows,
		  struct err *e) _must_check_;
/* Takes a snapshot out of the catalogue, before its file is deleted. The same rule again:
 * ERR_POLICY. */
int catalog_forget(struct catalog *c, const char *hash, struct err *e) _must_check_;

enum catalog_file { CATALOG_FILE_GOOD, CATALOG_FILE_MISSING, CATALOG_FILE_DIFFERS };
struct catalog_checker {
	/* The caller opens archives; the catalogue does not. An error ends the check. */
	int (*file)(struct catalog_checker *, const struct catalog_snapshot *,
		    enum catalog_file *ret, struct err *);
	/* Each thing that is wrong, in words; `s` may be NULL. */
	int (*found)(struct catalog_checker *, const struct catalog_snapshot *s, const char *what,
		     struct err *);
};
/* Database, audit log, and every snapshot's file. *ret_n = how many things were found wrong; that
 * is no error of the call. */
int catalog_check(struct catalog *c, struct catalog_checker *k, uint64_t *ret_n,
		  struct err *e) _must_check_;
/* Is there a snapshot at this path? For finding files that the catalogue does not know. */
int catalog_has_path(struct catalog *c, const char *path, bool *ret, struct err *e) _must_check_;

/* ---- the rest ---- */

struct catalog_firmware {
	const char *hash, *path;
	uint64_t size;
	const char *model, *variant, *revision, *added;
};
int catalog_add_firmware(struct catalog *c, const struct catalog_firmware *f,
			 struct err *e) _must_check_;
/* For a model and variant; NULL or "" = any. */
int catalog_firmwares(struct catalog *c, const char *model, const char *variant,
		      struct catalog_rows *rows, struct err *e) _must_check_;

enum catalog_outcome {
	CATALOG_RUNNING, /* also what a killed process leaves */
	CATALOG_DONE,
	CATALOG_FAILED,
	CATALOG_INTERRUPTED,
	CATALOG_REFUSED,
};
const char *catalog_outcome_name(enum catalog_outcome o);

struct catalog_operation {
	int64_t id, module;                 /* module 0 = none */
	const char *verb, *started, *ended; /* ended NULL = running */
	enum catalog_outcome outcome;
	const char *message;
	const char *snapshot; /* hash, or NULL */
};
int catalog_operation_begin(struct catalog *c, int64_t module, const char *verb, int64_t *ret_id,
			    struct err *e) _must_check_;
/* An operation ends once: a second end is ERR_MISMATCH. */
int catalog_operation_end(struct catalog *c, int64_t id, enum catalog_outcome outcome,
			  const char *message, const char *snapshot, struct err *e) _must_check_;
/* Newest first; module 0 = all. */
int catalog_operations(struct catalog *c, int64_t module, uint64_t limit, struct catalog_rows *rows,
		       struct err *e) _must_check_;

struct catalog_note {
	int64_t module;       /* 0 = to a snapshot */
	const char *snapshot; /* NULL = to a module */
	const char *at, *text;
};
/* To a module, or to a snapshot by its whole hash. */
int catalog_add_note(struct catalog *c, const struct catalog_note *n, struct err *e) _must_check_;
int catalog_notes(struct catalog *c, int64_t module, const char *snapshot,
		  struct catalog_rows *rows, struct err *e) _must_check_;

struct catalog_held {
	int64_t id;
	enum identity_code code;
	int64_t module, other; /* 0 = none */
	const char *imei;      /* full; mask it */
	const char *at, *text;
	uint64_t seen; /* how often */
};
/* What waits for a person. */
int catalog_helds(struct catalog *c, struct catalog_rows *rows, struct err *e) _must_check_;
/* A person has dealt with it and says how; changes nothing else. Logged. */
int catalog_resolve_held(struct catalog *c, int64_t id, const char *how,
			 struct err *e) _must_check_;

/* ---- out and in ---- */

/* JSON lines: everything but the audit log. Holds full numbers. */
int catalog_export(struct catalog *c, struct sink *to, struct err *e) _must_check_;

struct catalog_imported {
	uint64_t modules, snapshots, firmware, others;
	uint64_t held; /* contradictions with what is known here */
};
/* Adds what an export holds, all or nothing. What is known here wins; numbers become
 * EVIDENCE_IMPORTED, so a file cannot make one writable. ERR_PROTO with the line's number;
 * ERR_INTEGRITY when the end is missing. */
int catalog_import(struct catalog *c, struct slice text, struct catalog_imported *ret,
		   struct err *e) _must_check_;

/* Forgets snapshots, items and firmware, keeps modules and what people said, and begins a batch:
 * the caller feeds it all manifests again, oldest first (catalog_see with `bound` and
 * EVIDENCE_SNAPSHOT, then catalog_add_snapshot), then catalog_batch_commit() or _undo(). */
int catalog_rebuild_begin(struct catalog *c, struct err *e) _must_check_;
/* For a damaged file: moves the database aside to PATH.damaged-TIME, so that catalog_open() with
 * `create` makes a new one and takes over the audit log's mirror. *ret_moved: malloced. */
int catalog_set_aside(const char *path, char **ret_moved, struct err *e) _must_check_;

#endif
