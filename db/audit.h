/*
 * The audit log: who did what to which module's identity. Append-only and hash-chained: the hash of
 * a record is SHA-256 over the hash before it, in hex, and the record's own text; the first stands
 * on 64 zeros. It lives in the catalogue and, word for word, in a mirror beside it: a file of JSON
 * lines (0600), so that either finds what was done to the other. What is not detectable from here
 * is somebody who recomputes both to the end; an export kept elsewhere finds that.
 *
 * A record is written in the transaction of what it tells of; the mirror follows after the commit.
 * A mirror that is behind (the process was killed in between) is not a fault and catches up.
 */
#ifndef SALVOR_DB_AUDIT_H
#define SALVOR_DB_AUDIT_H

#include "base/stream.h"
#include "db/sql.h"

#define AUDIT_TEXT_MAX 1024 /* bytes of each text of an event; longer ones are cut */

struct audit;

struct audit_event {
	const char *event; /* "attest", "retire", "link" ... */
	const char *who;
	const char *when; /* ISO 8601; NULL = now */
	/* NULL or 0 = not told */
	const char *chip;
	uint32_t msm;
	unsigned slot;
	const char *imei, *old; /* full numbers; masked in what is shown */
	const char *evidence;
	const char *label_serial;
	const char *snapshot; /* hash of the backup that this rests on */
	const char *text;
};

int audit_open(struct sql *db, const char *mirror_path, struct audit **ret,
	       struct err *e) _must_check_;
void audit_close(struct audit *a); /* NULL is fine */

/* Within the caller's transaction. Fails, and so stops what it would tell of, when the end of the
 * log is not what the counter says or when the mirror cannot be written or tells another story. */
int audit_append(struct audit *a, const struct audit_event *ev, struct err *e) _must_check_;
/* After the commit: writes to the mirror what it lacks, and flushes it. */
int audit_sync(struct audit *a, struct err *e) _must_check_;
/* Is the log empty and the mirror not? */
int audit_is_orphan(struct audit *a, bool *ret, struct err *e) _must_check_;
/* A new catalogue beside an old mirror takes the mirror's records over, each verified. Does nothing
 * when the log has records already. */
int audit_adopt(struct audit *a, uint64_t *ret_n, struct err *e) _must_check_;

struct audit_report {
	uint64_t records, mirrored;
	uint64_t bad; /* the record that is wrong; 0 = none */
};

/* Walks log and mirror. ERR_INTEGRITY says which record was edited, is missing or out of place, or
 * that the end was cut off; `ret` (may be NULL) is filled then, too. */
int audit_verify(struct audit *a, struct audit_report *ret, struct err *e) _must_check_;

/* JSON lines as in the mirror. Unless `full`, numbers are masked, and then the hashes prove
 * nothing. */
int audit_export(struct audit *a, bool full, struct sink *to, struct err *e) _must_check_;

/* Every record in order, as the text that was hashed. */
struct audit_rows {
	int (*record)(struct audit_rows *, uint64_t seq, const char *record, struct err *);
};
int audit_walk(struct audit *a, struct audit_rows *rows, struct err *e) _must_check_;

#endif
