/*
 * The verbs. One file and one const row each; table.c lists the rows. What a verb needs stands in
 * its row, and the dispatcher provides it before run() and releases it after.
 *
 * To add a verb: src/cmd/cmd_X.c with `const struct cmd cmd_X`, a line in CMD_LIST below, a line in
 * Makemodule.am and a section in man/salvor-X.1 (`make check` compares them).
 */
#ifndef SALVOR_CMD_TABLE_H
#define SALVOR_CMD_TABLE_H

#include "base/err.h"
#include "cmd/exit.h"
#include "cmd/opts.h"

#include <limits.h>

struct ctx;

enum {
	NEED_MODULE = 1u << 0,   /* one module, in any mode: --port, --serial, --imei choose */
	NEED_EDL = 1u << 1,      /* ... in emergency download mode */
	NEED_DIAG = 1u << 2,     /* ... with an answering DIAG port */
	NEED_AT = 1u << 3,       /* ... with an answering AT port */
	TAKES_MODULES = 1u << 4, /* the choosing options narrow a list; none is opened */
	NEED_SNAPSHOT = 1u << 5, /* the first argument is a snapshot; opened and checked */
	NEED_CATALOG = 1u << 6,     /* open as ctx->catalog; it must exist */
	CHANGES_MODE = 1u << 7,    /* reboots or re-enumerates the module */
	CHANGES_STORAGE = 1u << 8, /* must pass guard_ask() before the first write */
	CHANGES_HOST = 1u << 9,    /* removes or replaces something on this computer: asks too */
	MAKES_CATALOG = 1u << 10,  /* as NEED_CATALOG, and made when there is none */
	TAKES_CATALOG = 1u << 11,  /* takes --catalog, and opens it by itself: store_open() */
};
#define NEEDS_A_MODULE (NEED_MODULE | NEED_EDL | NEED_DIAG | NEED_AT | TAKES_MODULES)
#define ANY_CATALOG    (NEED_CATALOG | MAKES_CATALOG | TAKES_CATALOG)
#define CHANGES_ANY    (CHANGES_MODE | CHANGES_STORAGE | CHANGES_HOST)
/* A mode switch alone loses nothing and asks nothing; it only knows --dry-run. */
#define ASKS_CONSENT   (CHANGES_STORAGE | CHANGES_HOST)

#define ARGS_ANY UINT_MAX

struct cmd {
	const char *name;       /* "list", or two words: "edl enter" */
	const char *args;       /* "NAME FILE", "[VERB]"; "" for none */
	const char *summary;    /* one line, lower case, no full stop */
	const char *about;      /* a paragraph for --help, or NULL */
	const char *example;    /* one command line, without a prompt */
	const struct opt *opts; /* ended by a NULL name; NULL = only the globals */
	unsigned needs;         /* NEED_*, CHANGES_* */
	unsigned min_args, max_args;
	enum hint arg_hint;
	unsigned exits; /* EXITS(...) besides 0, 1, 2 and 130 */
	/* Fills `e` and returns -1, or returns 0. Keeps ctx->phase true on its way. */
	int (*run)(struct ctx *, const struct parsed *, struct err *);
};

/* All rows, in the order in which `salvor help` shows them. */
#define CMD_LIST(X)                                                                                \
	X(cmd_list)                                                                                \
	X(cmd_info)                                                                                \
	X(cmd_edl_enter)                                                                           \
	X(cmd_edl_wait)                                                                            \
	X(cmd_edl_exit)                                                                            \
	X(cmd_part_list)                                                                           \
	X(cmd_part_read)                                                                           \
	X(cmd_part_verify)                                                                         \
	X(cmd_part_write)                                                                          \
	X(cmd_part_erase)                                                                          \
	X(cmd_backup)                                                                              \
	X(cmd_verify)                                                                              \
	X(cmd_restore)                                                                             \
	X(cmd_at)                                                                                  \
	X(cmd_efs_ls)                                                                              \
	X(cmd_efs_tree)                                                                            \
	X(cmd_efs_stat)                                                                            \
	X(cmd_efs_df)                                                                              \
	X(cmd_efs_get)                                                                             \
	X(cmd_efs_put)                                                                             \
	X(cmd_efs_rm)                                                                              \
	X(cmd_efs_mkdir)                                                                           \
	X(cmd_efs_sync)                                                                            \
	X(cmd_efs_extract)                                                                         \
	X(cmd_efs_check)                                                                           \
	X(cmd_nv_read)                                                                             \
	X(cmd_nv_list)                                                                             \
	X(cmd_nv_write)                                                                            \
	X(cmd_catalog_list)                                                                        \
	X(cmd_catalog_show)                                                                        \
	X(cmd_catalog_find)                                                                        \
	X(cmd_catalog_add)                                                                         \
	X(cmd_catalog_check)                                                                       \
	X(cmd_catalog_prune)                                                                       \
	X(cmd_catalog_export)                                                                      \
	X(cmd_catalog_import)                                                                      \
	X(cmd_catalog_rebuild)                                                                     \
	X(cmd_catalog_label)                                                                       \
	X(cmd_catalog_note)                                                                        \
	X(cmd_catalog_retire)                                                                      \
	X(cmd_catalog_held)                                                                        \
	X(cmd_catalog_settle)                                                                      \
	X(cmd_audit_verify)                                                                        \
	X(cmd_audit_export)                                                                        \
	X(cmd_help)                                                                                \
	X(cmd_version)                                                                             \
	X(cmd_completion)

#define CMD_DECLARE(row) extern const struct cmd row;
CMD_LIST(CMD_DECLARE)
#undef CMD_DECLARE

/* The i-th row, NULL past the end. */
const struct cmd *table_at(size_t i);
/* By full name, "edl enter"; NULL when there is none. */
const struct cmd *table_cmd(const char *name);
/* Is `word` the first word of two-word verbs? */
bool table_is_group(const char *word);
/* The verb or group nearest in spelling, or NULL when nothing is near. */
const char *table_nearest_cmd(const char *name);

#endif
