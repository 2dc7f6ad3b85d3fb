/*
 * Is a backup complete? Judged from the manifest alone, so that whoever holds the file can judge again.
 *
 * A backup is there to bring a module back, so the question is whether what belongs to this one unit is
 * in it: identity, RF calibration, and everything else of its modem's file system. Either source can
 * give that: the raw partitions out of EDL, or NV and EFS over DIAG. What was taken is held against what
 * the module itself lists, and against what a module of its model cannot be without.
 */
#ifndef SALVOR_BACKUP_JUDGE_H
#define SALVOR_BACKUP_JUDGE_H

#include "model/manifest.h"

/* Sets verdict, as_asked and reasons of `m`. A complete one may have reasons too: remarks. */
int judge(struct manifest *m, struct err *e) _must_check_;

enum judge_weight {
	JUDGE_CACHE,    /* rebuilt by the firmware, or bound to a SIM: no loss */
	JUDGE_SETTING,  /* behaviour that a person can set again */
	JUDGE_MODEL,    /* of the model or carrier: no service without, the same on its siblings */
	JUDGE_UNIT,     /* of this unit alone: lost for good */
};
/* What the loss of a path of the modem's file system costs; a path that nobody knows is JUDGE_MODEL.
 * Secrets that the module never gives (service codes, lock state) are JUDGE_SETTING: they stay on it. */
enum judge_weight judge_path(const char *path);

/* What a module of a model cannot be without. */
struct judge_model {
	const char *project; /* "RM520N": the head of its firmware revision begins with this */
	unsigned min_rfnv;   /* RF items below /nv/item_files/rfnv: fewer = data lost or not read */
};
/* The last row stands for every model that is not in the table; never NULL. */
const struct judge_model *judge_model_find(const char *revision);

#endif
