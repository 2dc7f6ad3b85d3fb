/* What the verbs on a running module share: its options, and the way to its ports and back. */
#ifndef SALVOR_CMD_PORTS_H
#define SALVOR_CMD_PORTS_H

#include "cmd/ctx.h"
#include "cmd/opts.h"
#include "device/normal.h"

/* To be listed in the verb's own options, by verbs that talk DIAG. */
/* clang-format off */
#define PORTS_OPTS                                                                                 \
	{ .name = "spc", .kind = OPT_STR, .arg = "CODE",                                           \
	  .help = "service code of six digits, sent once and only when asked for" },               \
	{ .name = "password", .kind = OPT_STR, .arg = "HEX",                                       \
	  .help = "security password of eight bytes, the same way" },                              \
	{ .name = "efs-subsys", .kind = OPT_CHOICE, .choices = ports_subsys_choices,               \
	  .help = "subsystem of the file system instead of finding out" },                         \
	{ .name = "window", .kind = OPT_NUM, .arg = "N", .min = 1, .max = DIAG_WINDOW_MAX,         \
	  .help = "requests in flight while reading (default 1)" },                                \
	{ .name = "offline", .kind = OPT_FLAG,                                                     \
	  .help = "take the radio down meanwhile, and reset the module at the end" }
/* clang-format on */

extern const char *const ports_subsys_choices[];

/* The module meant by --port and --serial, in normal mode; --port also takes one of its ttys, a tty that
 * belongs to no USB module, "unix:PATH" and "tcp:HOST:PORT". `p` NULL: the verb has no PORTS_OPTS. Opens no
 * port yet, except to go offline. After a failure there is nothing to close. */
int ports_open(struct ctx *ctx, const struct parsed *p, struct normal *m, struct err *e) _must_check_;
/* For a device that was found already. */
void ports_init(struct ctx *ctx, const struct device *dev, struct normal *m);
/* Puts the module back and closes. `r` and `e` are the verb's outcome: its error is kept, and what went
 * wrong here is said besides. Returns the outcome of both. */
int ports_close(struct ctx *ctx, struct normal *m, int r, struct err *e) _must_check_;

/* The module in a sentence: "the module at 1-1.4", "the module behind /dev/ttyUSB0". */
void ports_describe(const struct normal *m, char *out, size_t n);

#endif
