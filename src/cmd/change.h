/* What the verbs that change a running module share: plan, consent, doing, and the report. */
#ifndef SALVOR_CMD_CHANGE_H
#define SALVOR_CMD_CHANGE_H

#include "cmd/ctx.h"
#include "cmd/opts.h"
#include "device/normal.h"
#include "recovery/push_diag.h"

#define CHANGE_MAX 64 /* things in one command */

/* Where the old content goes, for verbs that list this option; "saved" when it is NULL. */
/* clang-format off */
#define CHANGE_SAVE_OPT                                                                            \
	{ .name = "save", .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE",                       \
	  .help = "where the old content is kept (default: the state folder)" }
/* clang-format on */

/* --save (NULL = not given), before the module is touched: not there yet, and only for one thing. */
int change_check_save(const char *save, unsigned n, struct err *e) _must_check_;

/* Plans the changes, shows the plan, asks, does it and reports. The sessions of `m` are open. `what`: "write
 * NV item 453". change[].save_path is filled here. */
int change_run(struct ctx *ctx, const char *save, struct normal *m, struct push_change *change,
	       size_t n, const char *what, struct err *e) _must_check_;

#endif
