/* What the verbs on a module's storage share: the options that lead to a programmer, and the way
 * into EDL and back out. Everything that can be checked without the module is checked before it is
 * touched. */
#ifndef SALVOR_CMD_SESSION_H
#define SALVOR_CMD_SESSION_H

#include "cmd/ctx.h"
#include "cmd/opts.h"
#include "device/loader.h"
#include "device/module.h"

/* To be listed in the verb's own options: --loader, --storage, --zlp, --no-probe; and --stay too.
 */
/* clang-format off */
#define SESSION_PROGRAMMER_OPTS                                                                    \
	{ .name = "loader", .letter = 'l', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE|DIR",  \
	  .help = "the programmer, or a folder that is searched for one by content" },             \
	{ .name = "storage", .kind = OPT_CHOICE, .choices = session_storage_choices,               \
	  .help = "storage type instead of asking the target" },                                   \
	{ .name = "zlp", .kind = OPT_CHOICE, .choices = session_zlp_choices,                       \
	  .help = "end full transfers with an empty packet" },                                     \
	{ .name = "no-probe", .kind = OPT_FLAG, .help = "never write to a silent device" }
#define SESSION_OPTS                                                                               \
	SESSION_PROGRAMMER_OPTS,                                                                   \
	{ .name = "stay", .kind = OPT_FLAG,                                                        \
	  .help = "leave the module in EDL with the programmer running" }
/* clang-format on */

extern const char *const session_storage_choices[];
extern const char *const session_zlp_choices[];

const char *session_loader(const struct parsed *p); /* --loader, or NULL */

struct session {
	struct ctx *ctx;
	struct loader_set loaders;
	bool has_loaders;
	bool stay;
	struct module module;
};

/* The module meant by --port, --serial and --imei. --port also takes "/dev/ttyUSB0", "unix:PATH"
 * and "tcp:HOST:PORT": the last two are EDL over a byte stream, and *ret then has the address as
 * its port. */
int session_find(struct ctx *ctx, unsigned states, struct device *ret, struct err *e) _must_check_;
/* What the options of SESSION_OPTS and the globals say; for verbs that open a module by themselves.
 */
void session_module_opts(struct ctx *ctx, const struct parsed *p, struct module_opts *ret);

/* Looks for the programmer, then for the module, then takes it into EDL, with a running programmer,
 * known storage and a read partition table. */
int session_open(struct session *s, struct ctx *ctx, const struct parsed *p,
		 struct err *e) _must_check_;
/* Leaves the module as it was found (or in EDL with --stay) and closes everything. Fails when the
 * module does not come back. */
int session_close(struct session *s, struct err *e) _must_check_;
/* After a failure: the same, with the first error kept. */
void session_abort(struct session *s);

#endif
