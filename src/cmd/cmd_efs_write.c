/* efs put|rm|mkdir: the verbs that change the modem's file system. */
#include "cmd/change.h"
#include "cmd/efs.h"
#include "cmd/ports.h"
#include "cmd/table.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFS_EXITS_WRITE                                                                            \
	(EFS_EXITS_READ | EXITS(STATUS_MIDWRITE) | EXITS(STATUS_POLICY) | EXITS(STATUS_UNVERIFIED))

static int change_all(struct ctx *ctx, const struct parsed *p, struct push_change *change, size_t n,
		      const char *what, struct err *e)
{
	const char *save = change[0].kind == PUSH_MKDIR ? NULL : parsed_str(p, "save");
	struct normal m;

	if (efs_verb_open(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, change_run(ctx, save, &m, change, n, what, e), e);
}

/* --- put --- */

static const char *const type_choices[] = { "auto", "item", "file", NULL };

static const struct opt put_opts[] = {
	PORTS_OPTS,
	{ .name = "type", .kind = OPT_CHOICE, .choices = type_choices,
	  .help = "what a new file becomes; one that is there keeps its type" },
	CHANGE_SAVE_OPT,
	OPTS_END,
};

static int put_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const enum efs_type types[] = { EFS_TYPE_UNKNOWN, EFS_TYPE_ITEM, EFS_TYPE_FILE };
	struct push_change change = { .kind = PUSH_FILE, .path = parsed_arg(p, 1),
				      .type = types[parsed_choice(p, "type", 0)] };
	struct buf data = BUF_INIT(EFS_FILE_MAX);
	char what[EFS_PATH_MAX + 32];
	int r;

	ctx->phase = PHASE_PREFLIGHT;
	if (efs_check_paths(p, 1, e) < 0 || change_check_save(parsed_str(p, "save"), 1, e) < 0)
		return -1;
	if (change.path[strlen(change.path) - 1] == '/')
		return err_set(e, ERR_USAGE, "'%s' is a folder: give the whole name of the new file",
			       change.path);
	r = fs_read_file(parsed_arg(p, 0), &data, e);
	if (r == 0) {
		change.data = buf_slice(&data);
		snprintf(what, sizeof(what), "write '%s'", change.path);
		r = change_all(ctx, p, &change, 1, what, e);
	}
	buf_fini(&data);
	return r;
}

const struct cmd cmd_efs_put = {
	.name = "efs put",
	.args = "FILE PATH",
	.summary = "write a file to the modem's file system, safely",
	.about = "PATH is the whole name on the module. A file that is there keeps its type and mode, and its content "
		 "is kept first; missing folders are made. What was written is read back, then committed to flash. "
		 "Files that hold identity or secrets are refused.",
	.example = "salvor efs put carrier_policy.xml /policyman/carrier_policy.xml",
	.opts = put_opts,
	.needs = NEED_DIAG | CHANGES_STORAGE,
	.min_args = 2,
	.max_args = 2,
	.arg_hint = HINT_FILE,
	.exits = EFS_EXITS_WRITE,
	.run = put_run,
};

/* --- rm, mkdir --- */

static const struct opt rm_opts[] = { PORTS_OPTS, CHANGE_SAVE_OPT, OPTS_END };
static const struct opt mkdir_opts[] = { PORTS_OPTS, OPTS_END };

static int change_paths(struct ctx *ctx, const struct parsed *p, enum push_kind kind, const char *verb,
			struct err *e)
{
	_cleanup_free_ struct push_change *change = calloc(p->n_arg, sizeof(*change));
	char what[EFS_PATH_MAX + 32];
	const char *save;
	unsigned i;

	ctx->phase = PHASE_PREFLIGHT;
	if (!change)
		return err_nomem(e);
	save = kind == PUSH_MKDIR ? NULL : parsed_str(p, "save");
	if (efs_check_paths(p, 0, e) < 0 || change_check_save(save, p->n_arg, e) < 0)
		return -1;
	for (i = 0; i < p->n_arg; i++)
		change[i] = (struct push_change){ .kind = kind, .path = p->arg[i] };
	if (p->n_arg == 1)
		snprintf(what, sizeof(what), "%s '%s'", verb, p->arg[0]);
	else
		snprintf(what, sizeof(what), "%s %u files", verb, p->n_arg);
	return change_all(ctx, p, change, p->n_arg, what, e);
}

static int rm_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	return change_paths(ctx, p, PUSH_REMOVE, "remove", e);
}

const struct cmd cmd_efs_rm = {
	.name = "efs rm",
	.args = "PATH...",
	.summary = "remove files or empty folders, keeping their content",
	.about = "The content of all of them is kept in files before the first is removed. There is no way to remove a "
		 "whole tree. Files that hold identity or secrets are refused.",
	.example = "salvor efs rm /nv/item_files/mcfg/mcfg_rfs_sw_digest_version",
	.opts = rm_opts,
	.needs = NEED_DIAG | CHANGES_STORAGE,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = EFS_EXITS_WRITE,
	.run = rm_run,
};

static int mkdir_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	return change_paths(ctx, p, PUSH_MKDIR, "make", e);
}

const struct cmd cmd_efs_mkdir = {
	.name = "efs mkdir",
	.args = "PATH...",
	.summary = "make folders in the modem's file system",
	.about = "Missing parents are made too.",
	.example = "salvor efs mkdir /mdb/nr",
	.opts = mkdir_opts,
	.needs = NEED_DIAG | CHANGES_STORAGE,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = EFS_EXITS_WRITE,
	.run = mkdir_run,
};
