/*
 * A snapshot in the making: the folder NAME.part, one plain file an item, and a journal that says which
 * of them are whole. Sealing packs it into one archive under a temporary name, reads that back, and only
 * then gives it its name: at no moment is there a file that looks like a snapshot and is none. What is
 * interrupted stays as NAME.part and can be resumed; earlier snapshots are never touched.
 *
 *   NAME.part/journal        JSON lines, one for each finished item; a later one of a name counts
 *   NAME.part/module.json    the manifest as far as it is known, without items
 *   NAME.part/items/...      the bytes
 *   NAME.part/new            the item that is being read
 *
 * Small items are not flushed to storage one by one, which would cost a file system of ten thousand small
 * files minutes: whatever a power cut made of them is seen when resuming and again when sealing, by
 * their digests. The sealed file is flushed before it gets its name.
 *
 * One process at a time: the journal is locked while a struct snap is open.
 */
#ifndef SALVOR_BACKUP_SNAP_H
#define SALVOR_BACKUP_SNAP_H

#include "base/fs.h"
#include "base/progress.h"
#include "base/stream.h"
#include "model/manifest.h"

struct snap;

struct snap_opts {
	const struct fs_ops *fs;   /* NULL = this machine's */
	struct progress *progress; /* of checking while resuming, and of sealing; may be NULL */
	const char *tool;          /* version, for the manifest */
};

/* Makes DIR/NAME.part. ERR_HOST with code EEXIST when it is there: then resume or discard. `opts` may
 * be NULL and is copied. */
int snap_begin(const char *dir, const char *name, const struct snap_opts *opts, struct snap **ret,
	       struct err *e) _must_check_;
/* Opens DIR/NAME.part again. Items whose bytes are no longer what the journal says are dropped from the
 * list, and are then to be read once more. ERR_NODEV when there is none, ERR_BUSY when another process
 * has it. The caller compares the module on the cable with snap_manifest()->module before it adds
 * anything: manifest_same_module(). */
int snap_resume(const char *dir, const char *name, const struct snap_opts *opts, struct snap **ret,
		struct err *e) _must_check_;
/* Removes DIR/NAME.part with all that was read. */
int snap_discard(const char *dir, const char *name, struct err *e) _must_check_;
/* Closes; NAME.part stays for a resume. NULL is fine. */
void snap_close(struct snap *s);

/* The manifest to fill in: module, geometry, table, bad blocks, listed counts, asked, via, only, gaps.
 * Items are added by snap_add() and its relatives alone. */
struct manifest *snap_manifest(struct snap *s);
/* Stores what the manifest says so far, except items and gaps, for a resume: after the module's
 * identity, and after its table, became known. */
int snap_save(struct snap *s, struct err *e) _must_check_;
/* The whole and verified item of that name, or NULL: a resumed backup asks before it reads. A PARTIAL
 * one is not returned: it is worth another try. */
const struct manifest_item *snap_has(const struct snap *s, const char *name);

/*
 * Items. `it` gives name, kind and what belongs to the kind; size, digest and state are filled in here.
 * Its texts are borrowed until end or abort. One item at a time; one of the same name is replaced.
 */

/* An item that is pushed: what is put into the sink becomes its bytes, and their digest is taken on
 * the way. The sink is good until end or abort. */
int snap_item_begin(struct snap *s, const struct manifest_item *it, struct sink **ret,
		    struct err *e) _must_check_;
/* `reason` NULL = COMPLETE, else PARTIAL. `sha256` may be NULL; otherwise it is what the session
 * itself counted and must agree (ERR_INTEGRITY, and the item is dropped). */
int snap_item_end(struct snap *s, const char *reason, const char *sha256, struct err *e) _must_check_;
/* The same with another description than at the beginning: what only reading tells (number of reads,
 * name of the block map). The name must be the same. */
int snap_item_end_as(struct snap *s, const struct manifest_item *it, const char *reason,
		     const char *sha256, struct err *e) _must_check_;
void snap_item_abort(struct snap *s);
/* An item that is pulled. */
int snap_add(struct snap *s, const struct manifest_item *it, struct source *from,
	     struct err *e) _must_check_;
int snap_add_bytes(struct snap *s, const struct manifest_item *it, struct slice bytes,
		   struct err *e) _must_check_;
/* A folder or link of an EFS. */
int snap_add_empty(struct snap *s, const struct manifest_item *it, struct err *e) _must_check_;

struct snap_sealed {
	char *path;                  /* NULL when it went into a sink */
	char id[DIGEST_HEX_MAX];     /* of the manifest: the content's own name */
	char sha256[DIGEST_HEX_MAX]; /* of the archive as written */
	uint64_t bytes;              /* of the archive */
	bool part_left;              /* NAME.part could not be removed; nothing depends on it */
	struct manifest manifest;    /* with its verdict */
};
void snap_sealed_fini(struct snap_sealed *r);

/* Judges, packs, reads back, names. `path` NULL = DIR/NAME with container_suffix(). Every digest is
 * taken again and must be the one taken when the bytes came in. An existing file is never
 * overwritten. On success s is closed and NAME.part removed; on failure both stay. A verdict other
 * than complete is no failure: the caller looks at ret->manifest. */
int snap_seal(struct snap *s, const char *path, struct snap_sealed *ret, struct err *e) _must_check_;
/* The same into a sink, for `-o -`; what a failure leaves there has no end and verifies nowhere. */
int snap_seal_to(struct snap *s, struct sink *to, struct snap_sealed *ret, struct err *e) _must_check_;

#endif
