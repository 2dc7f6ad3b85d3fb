/* at: one AT command and its answer. */
#include "cmd/ctx.h"
#include "cmd/ports.h"
#include "cmd/table.h"

#include <string.h>

static int ask(struct ctx *ctx, struct at *at, const char *command, struct err *e)
{
	struct at_reply reply = AT_REPLY_INIT;
	struct json *lines;
	size_t i;
	int r = at_command(at, command, ctx->timeout_ms, &reply, e);

	/* What a refused command said before it was refused may be the reason. */
	lines = json_put_array(render_result(ctx->render), "lines");
	for (i = 0; at_reply_line(&reply, i); i++) {
		json_add_str(lines, at_reply_line(&reply, i));
		render_line(ctx->render, "%s", at_reply_line(&reply, i));
	}
	at_reply_fini(&reply);
	return r;
}

static int at_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *command = parsed_arg(p, 0);
	const char *why = at_danger(command);
	struct normal m;

	if (strncasecmp(command, "AT", 2) != 0)
		return err_set(e, ERR_USAGE, "'%s' is no AT command: they begin with AT", command);
	/* Known before a port is opened. */
	if (why)
		return err_set(e, ERR_POLICY, "'%s' is not sent: %s", command, why);
	if (ports_open(ctx, NULL, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, normal_at(&m, e) < 0 ? -1 : ask(ctx, m.at, command, e), e);
}

const struct cmd cmd_at = {
	.name = "at",
	.args = "COMMAND",
	.summary = "send one AT command and show the answer",
	.about =
		"The AT port is found by its USB interface and asked whether it answers; the modem port is the second "
		"choice. Unsolicited lines are not part of the answer. Commands that write an IMEI, NV items, files "
		"of the modem or its own backup are refused: there are verbs that keep what they overwrite.",
	.example = "salvor at 'AT+QCFG=\"usbcfg\"'",
	.needs = NEED_AT,
	.min_args = 1,
	.max_args = 1,
	.exits = EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |
		 EXITS(STATUS_POLICY) | EXITS(STATUS_LINK),
	.run = at_run,
};
