/*
 * Reading a sealed snapshot from front to back, out of a file or a pipe. The manifest comes first and
 * everything behind it must be what it says: SHA256SUMS, then the items in its order, no more and no
 * fewer, each with its size and digest. What a source here has given to its end was verified.
 */
#ifndef SALVOR_BACKUP_SNAPREAD_H
#define SALVOR_BACKUP_SNAPREAD_H

#include "backup/container.h"
#include "model/manifest.h"

struct snapread;

/* Reads and checks manifest and SHA256SUMS. `from` is borrowed. */
int snapread_open(struct source *from, struct snapread **ret, struct err *e) _must_check_;
void snapread_close(struct snapread *r); /* NULL is fine */
const struct manifest *snapread_manifest(const struct snapread *r);
/* Hands the manifest over; after it only snapread_id() and close are left. */
void snapread_take_manifest(struct snapread *r, struct manifest *ret);
/* SHA-256 of manifest.json in hex: the content's own name, whatever compressed it and however the
 * file is called. */
const char *snapread_id(const struct snapread *r);
/* The next item; *ret is NULL after the last, and then the archive ended where it should. Folders and
 * links of an EFS come in their place, with no bytes. An item that was not drawn to its end is passed
 * over, and checked nonetheless: ERR_INTEGRITY is then about that item, and the call can be repeated
 * as long as snapread_is_broken() is false. */
int snapread_next(struct snapread *r, const struct manifest_item **ret, struct err *e) _must_check_;
/* The present item's bytes. Instead of an end it gives ERR_INTEGRITY when the digest is wrong; by then
 * the bytes are out, so whoever stores them does so under a name that does not count yet. */
struct source *snapread_source(struct snapread *r);
/* Did the archive itself fail, so that nothing behind can be read? */
bool snapread_is_broken(const struct snapread *r);

/* "<digest>  <name>\n", as sha256sum has it. `line` needs SNAPREAD_LINE bytes. Returns the length. */
#define SNAPREAD_LINE (64 + 2 + MANIFEST_NAME_MAX + 2)
size_t snapread_sum_line(const char *sha256, const char *name, char *line);

#endif
