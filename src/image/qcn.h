/*
 * QCN, the binary form of a QPST backup: a compound file (MS-CFB, "OLE2"), a small FAT file system
 * with storages for folders. Nearly all its streams are smaller than 4096 bytes and so live in the
 * mini stream, in units of 64 bytes.
 *
 * The reader takes both sector sizes and any tidy or untidy layout, but nothing that contradicts
 * itself: every sector belongs to at most one chain and every directory entry to one storage, so no
 * loop and no sharing can make it run or allocate without bound.
 */
#ifndef SALVOR_IMAGE_QCN_H
#define SALVOR_IMAGE_QCN_H

#include "base/stream.h"
#include "image/qfinding.h"
#include "image/qtree.h"

/* Reads a whole file that is in memory (mapped, usually). Siblings come out in the order in which
 * QPST writes them into an XQCN, because a compound file keeps none. max 0 = QTREE_MAX; findings
 * may be NULL. ERR_MISMATCH when it is no compound file at all, ERR_PROTO when it is a damaged one.
 */
int qcn_read(struct slice file, size_t max, struct qtree *ret, struct qfindings *findings,
	     struct err *e) _must_check_;

/* Writes version 3, 512-byte sectors, as QPST's own files: siblings as a valid red-black tree,
 * storages with times. `now` (100 ns since 1601) is for storages that have none; the same tree and
 * time give the same bytes. ERR_UNSUPPORTED for a name that a compound file cannot hold: over 31
 * UTF-16 units, one of / \ : !, or the same as its neighbour's but for case. */
int qcn_write(const struct qtree *t, uint64_t now, struct sink *out, struct err *e) _must_check_;

/* Overwrites bytes of one stream in the file, wherever its sectors are; no other byte changes.
 * `path` as for qtree_stream(). ERR_MISMATCH when the stream or those bytes are not in it. */
int qcn_poke(uint8_t *file, size_t size, const char *path, size_t off, struct slice bytes,
	     struct err *e) _must_check_;

#endif
