#include "cmd/ctx.h"
#include "cmd/help.h"
#include "cmd/table.h"

#include <stdio.h>

static int run(struct ctx *c, const struct parsed *p, struct err *e)
{
	const char *first = parsed_arg(p, 0), *second = parsed_arg(p, 1), *near;
	const struct cmd *cmd;
	char name[128];

	if (!first) {
		help_overview(c->render);
		return 0;
	}
	snprintf(name, sizeof(name), "%s%s%s", first, second ? " " : "", second ? second : "");
	cmd = table_cmd(name);
	if (cmd) {
		help_cmd(c->render, cmd);
		return 0;
	}
	if (!second && table_is_group(first)) {
		help_group(c->render, first);
		return 0;
	}
	near = table_nearest_cmd(name);
	err_set(e, ERR_USAGE, "there is no verb '%s'", name);
	return near ? err_append(e, "; did you mean '%s'?", near)
		    : err_append(e, "; see 'salvor help'");
}

const struct cmd cmd_help = {
	.name = "help",
	.args = "[VERB]",
	.summary = "list the verbs, or explain one",
	.example = "salvor help completion",
	.max_args = 2,
	.arg_hint = HINT_VERB,
	.run = run,
};
