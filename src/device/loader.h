/*
 * The programmer file. Chosen by what the target asks for and by what a file holds, never by a
 * name: NPRG9x07.mbn is no Firehose programmer, and it sits in every firmware package beside the
 * right one.
 */
#ifndef SALVOR_DEVICE_LOADER_H
#define SALVOR_DEVICE_LOADER_H

#include "base/digest.h"
#include "base/log.h"
#include "image/mbn.h"
#include "model/chip_id.h"
#include "proto/sahara.h"

struct loader_file {
	char *path;
	uint64_t size;
	char sha256[DIGEST_HEX_MAX];
	struct mbn_info info;
};

/* Every file that could be a programmer, found before the module is touched. */
struct loader_set {
	struct loader_file
		*file; /* malloced; Firehose programmers only, duplicates by content dropped */
	size_t n;
	unsigned nprg, enprg, sbl; /* what else was seen, to explain an empty result */
	unsigned looked_at;
};

/* A file, or a folder searched to a depth of 8. Files above 8 MiB are no programmers. ERR_MISMATCH,
 * with what was seen instead, when there is no Firehose programmer. */
int loader_search(const char *path, struct loader_set *ret, struct log *log,
		  struct err *e) _must_check_;
void loader_set_fini(struct loader_set *s);

/* The one for this chip: with several candidates those signed for another MSM id fall away. What is
 * left must be one, else ERR_USAGE listing them. `chip` may be NULL (not told). */
int loader_choose(const struct loader_set *s, const struct chip_id *chip,
		  const struct loader_file **ret, struct err *e) _must_check_;

/* Holds the chosen file in memory (all of it: at most 8 MiB, re-hashed, so that storage which
 * vanishes during the upload cannot tear it) and serves it to Sahara. */
struct loader_images {
	struct sahara_images images;
	struct sahara_image image;
	struct buf bytes;
	enum mbn_kind kind;
	uint64_t asked_id; /* the last id the target asked for */
};
int loader_images_open(struct loader_images *l, const struct loader_file *f,
		       struct err *e) _must_check_;
void loader_images_close(struct loader_images *l);

#endif
