/* Would QPST take this backup, is all of it there, and how do two of them differ. */
#ifndef SALVOR_IMAGE_NVSET_CHECK_H
#define SALVOR_IMAGE_NVSET_CHECK_H

#include "image/nvset.h"
#include "model/nv_names.h"

/*
 * Appends to `findings`. An error is what QPST refuses or what a restore would lose or put in the
 * wrong place; findings->worst is the verdict. Only memory can fail. Codes:
 *
 *	file-version no-model model-name no-default no-array empty-array no-sim-array cut-record
 *	record-size record-constant duplicate-item no-properties bad-properties model-number esn
 *	no-feature-mask bad-feature-mask no-section no-pair odd-number no-path bad-path no-data
 *	bad-header path-nul duplicate-path different-content no-imei bad-imei unset-imei
 *	no-radio-files
 */
int nvset_check(const struct qtree *t, struct qfindings *findings, struct err *e) _must_check_;

enum nvset_change { NVSET_REMOVED, NVSET_ADDED, NVSET_CHANGED };
enum nvset_what { NVSET_WHAT_ITEM, NVSET_WHAT_FILE, NVSET_WHAT_STREAM };

struct nvset_difference {
	enum nvset_change change; /* on the way from a to b */
	enum nvset_what what;
	enum nvset_sub sub; /* of an item */
	uint16_t id, index;
	const struct nv_name
		*name; /* of an item, NULL when not known; says whether it is a secret */
	enum nvset_section section; /* of a file */
	const char *path;           /* of a file or stream; NULL for an item */
	struct slice a, b;          /* contents, borrowed; empty on the side that has none */
	size_t at;                  /* NVSET_CHANGED: the first byte that differs */
};
struct nvset_diff {
	struct nvset_difference *v; /* malloced: items by subscription and id, files, streams */
	size_t n;
	char *paths; /* where the paths of streams stand */
};
/* What differs in content. How files are numbered and in what order things stand does not count,
 * nor does the header of paths in EFS_Backup. Duplicates are compared in turn; what is malformed is
 * compared as a whole stream. The name of the model's storage is the stream "model". Texts and
 * slices live as long as both trees. */
int nvset_diff(const struct qtree *a, const struct qtree *b, struct nvset_diff *ret,
	       struct err *e) _must_check_;
void nvset_diff_fini(struct nvset_diff *d);

#endif
