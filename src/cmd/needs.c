#include "cmd/needs.h"

#include "cmd/store.h"
#include "cmd/table.h"

#include <stdio.h>
#include <unistd.h>

struct need {
	unsigned any_of; /* opened when the verb's row has one of these */
	int (*open)(struct ctx *, const struct parsed *, struct err *);
	void (*close)(struct ctx *); /* NULL when there is nothing to release */
};

static int open_guard(struct ctx *c, const struct parsed *p, struct err *e)
{
	(void)e;
	c->guard = (struct guard){
		.render = c->render,
		.yes = parsed_flag(p, "yes"),
		.dry_run = parsed_flag(p, "dry-run"),
		.accept_loss = parsed_str(p, "accept-loss"),
		.in = stdin,
		.is_tty = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
	};
	return 0;
}

static int open_catalog(struct ctx *c, const struct parsed *p, struct err *e)
{
	(void)p;
	return store_open(c, (c->cmd->needs & MAKES_CATALOG) != 0, e);
}

/* In the order of opening: what comes later may use what came before. */
static const struct need needs[] = {
	{ CHANGES_ANY, open_guard, NULL },
	{ NEED_CATALOG | MAKES_CATALOG, open_catalog, store_close },
};

static void close_first(struct ctx *c, size_t n)
{
	while (n-- > 0) {
		if ((c->cmd->needs & needs[n].any_of) && needs[n].close)
			needs[n].close(c);
	}
}

int needs_open(struct ctx *c, const struct parsed *p, struct err *e)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		if (!(c->cmd->needs & needs[i].any_of))
			continue;
		if (needs[i].open(c, p, e) < 0) {
			close_first(c, i);
			return -1;
		}
	}
	return 0;
}

void needs_close(struct ctx *c)
{
	close_first(c, ARRAY_SIZE(needs));
}
