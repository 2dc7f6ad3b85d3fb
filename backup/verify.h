/*
 * Checking a sealed snapshot: structure, every digest, the verdict judged again, and, with callbacks of
 * the caller, whether raw efs2 items and QPST files parse. A walk of its own, from the archive alone.
 */
#ifndef SALVOR_BACKUP_VERIFY_H
#define SALVOR_BACKUP_VERIFY_H

#include "base/progress.h"
#include "base/stream.h"
#include "model/manifest.h"

struct verify_finding {
	bool bad; /* else a remark */
	char *item; /* NULL: about the snapshot */
	char *text;
};

struct verify_report {
	struct manifest manifest;
	char id[DIGEST_HEX_MAX]; /* of the content, see snapread_id() */
	enum verdict derived;    /* judged now; manifest.verdict is what was written */
	size_t items;            /* whose bytes were read and compared */
	uint64_t bytes;
	bool sound; /* no bad finding: the snapshot is what it says, complete or not */
	struct verify_finding *finding;
	size_t n, cap;
};

struct verify_check {
	/* Is this an item to look into? */
	bool (*wants)(void *ctx, const struct manifest_item *it);
	/* Its verified bytes as a file to read at any place; size is it->size. Failing makes a bad
	 * finding of the error, ERR_UNSUPPORTED a remark; ERR_CANCELLED, ERR_NOMEM and ERR_HOST end
	 * the walk. */
	int (*check)(void *ctx, const struct manifest_item *it, int fd, struct err *e);
	void *ctx;
};

struct verify_opts {
	const struct verify_check *check; /* NULL = none */
	size_t n_checks;
	const char *spool_dir; /* for what a check looks into; NULL = /tmp */
	struct progress *progress;
};

#define VERIFY_MAX_FINDINGS 1000

/* 0 when the walk came to an end, whatever it found; `opts` may be NULL. -1 when it could not be walked:
 * no snapshot (ERR_UNSUPPORTED, ERR_PROTO, ERR_INTEGRITY), trouble on this computer, cancelled. After 0
 * the report needs verify_report_fini(). */
int verify(struct source *from, const struct verify_opts *opts, struct verify_report *ret,
	   struct err *e) _must_check_;
void verify_report_fini(struct verify_report *r);

#endif
