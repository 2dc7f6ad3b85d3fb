/*
 * The archive that a snapshot is: a tar of plain files below one folder, compressed with zstd, or gzip
 * where libarchive has no zstd. The only file that knows libarchive, and so the only place that sees
 * a path from an archive: it lets pass nothing but regular files with harmless names below one folder.
 * What the members mean is backup/snapread.c's business. Everything streams; the largest buffer is
 * CONTAINER_BUFFER (a zstd window of a foreign archive adds up to 128 MiB, libarchive's own limit).
 */
#ifndef SALVOR_BACKUP_CONTAINER_H
#define SALVOR_BACKUP_CONTAINER_H

#include "base/stream.h"

#include <stdbool.h>

#define CONTAINER_BUFFER (256u * 1024)

/* ".tar.zst" or ".tar.gz": what a writer makes on this machine. */
const char *container_suffix(void);

struct container_writer;

/* `to` is borrowed until close or abort. Members go below the folder `root`. */
int container_writer_open(struct sink *to, const char *root, struct container_writer **ret,
			  struct err *e) _must_check_;
/* One regular file, mode 0600, exactly `size` bytes from `from`: ERR_INTEGRITY when it has fewer or more.
 * After a failure only abort is left. */
int container_writer_add(struct container_writer *w, const char *name, uint64_t size, uint32_t mtime,
			 struct source *from, struct err *e) _must_check_;
/* Writes the end of the archive. Frees w in any case. */
int container_writer_close(struct container_writer *w, struct err *e) _must_check_;
/* Leaves the archive without its end, so that nothing takes it for whole. NULL is fine. */
void container_writer_abort(struct container_writer *w);

struct container_reader;

struct container_entry {
	const char *root; /* the folder that all members share; borrowed from the reader */
	const char *name; /* below it; borrowed until the next call */
	uint64_t size;
};

/* `from` is borrowed until close. ERR_UNSUPPORTED when this is no such archive. */
int container_reader_open(struct source *from, struct container_reader **ret,
			  struct err *e) _must_check_;
void container_reader_close(struct container_reader *r); /* NULL is fine */
/* The next member; *ret_any false at the end. Rest of the one before is passed over. ERR_PROTO for
 * links, devices, folders, absolute names, "..", a second root, absurd sizes or more members than a
 * manifest can list; ERR_INTEGRITY for a damaged or truncated archive; errors of `from` as they are. */
int container_reader_next(struct container_reader *r, struct container_entry *ret, bool *ret_any,
			  struct err *e) _must_check_;
/* Bytes of the present member; *ret_n 0 at its end. */
int container_reader_get(struct container_reader *r, void *p, size_t cap, size_t *ret_n,
			 struct err *e) _must_check_;

#endif
