#include "cmd/ctx.h"
#include "cmd/table.h"

static int run(struct ctx *c, const struct parsed *p, struct err *e)
{
	(void)p;
	(void)e;
	render_line(c->render, "salvor %s", PACKAGE_VERSION);
	if (render_is_json(c->render))
		json_put_str(render_result(c->render), "version", PACKAGE_VERSION);
	return 0;
}

const struct cmd cmd_version = {
	.name = "version",
	.args = "",
	.summary = "print the version",
	.example = "salvor version --json",
	.run = run,
};
