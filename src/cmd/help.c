#include "cmd/help.h"

#include "base/json.h"
#include "cmd/render.h"
#include "cmd/table.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 28, HELP_WIDTH = 96 };

/* "  left" and, from a fixed column on, `right` broken into lines at blanks. */
static void two_columns(struct render *r, const char *left, const char *right)
{
	size_t room = HELP_WIDTH - HELP_COLUMN;
	const char *rest = right;
	char head[128];

	snprintf(head, sizeof(head), "  %s", left);
	if (strlen(head) > HELP_COLUMN - 2) {
		render_line(r, "%s", head);
		head[0] = '\0';
	}
	do {
		size_t n = strlen(rest);

		if (n > room) {
			for (n = room; n > 0 && rest[n] != ' '; n--)
				;
			if (n == 0)
				n = room;
		}
		render_line(r, "%-*s%.*s", HELP_COLUMN, head, (int)n, rest);
		head[0] = '\0';
		rest += n + strspn(rest + n, " ");
	} while (*rest);
}

static void paragraph(struct render *r, const char *text)
{
	while (*text) {
		size_t n = strlen(text);

		if (n > HELP_WIDTH) {
			for (n = HELP_WIDTH; n > 0 && text[n] != ' '; n--)
				;
			if (n == 0)
				n = HELP_WIDTH;
		}
		render_line(r, "%.*s", (int)n, text);
		text += n + strspn(text + n, " ");
	}
}

static void opt_left(const struct opt *o, char *buf, size_t n)
{
	char letter[8] = "    ";
	size_t len, i;

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	len = (size_t)snprintf(buf, n, "%s--%s%s%s", letter, o->name, o->arg ? " " : "",
			       o->arg ? o->arg : "");
	for (i = 0; o->kind == OPT_CHOICE && o->choices[i] && len < n; i++)
		len += (size_t)snprintf(buf + len, n - len, "%s%s", i ? "|" : " ", o->choices[i]);
}

static void opt_right(const struct opt *o, char *buf, size_t n)
{
	size_t len = (size_t)snprintf(buf, n, "%s", o->help);

	if (len < n && (o->kind == OPT_NUM || o->kind == OPT_SIZE) && o->max)
		snprintf(buf + len, n - len, " (%llu to %llu)", (unsigned long long)o->min,
			 (unsigned long long)o->max);
	else if (len < n && o->kind == OPT_LIST)
		snprintf(buf + len, n - len, "; may be given several times");
}

static void opt_json(struct json *list, const struct opt *o)
{
	struct json *j = json_add_object(list), *choices;
	static const char *const kind[] = {
		[OPT_FLAG] = "flag",     [OPT_COUNT] = "count", [OPT_STR] = "string",
		[OPT_LIST] = "list",     [OPT_NUM] = "number",  [OPT_SIZE] = "size",
		[OPT_CHOICE] = "choice",
	};
	char letter[2] = { o->letter, '\0' };
	size_t i;

	json_put_str(j, "name", o->name);
	json_put_str(j, "letter", o->letter ? letter : NULL);
	json_put_str(j, "kind", kind[o->kind]);
	json_put_str(j, "argument", o->arg);
	json_put_str(j, "help", o->help);
	if (o->kind == OPT_CHOICE) {
		choices = json_put_array(j, "choices");
		for (i = 0; o->choices[i]; i++)
			json_add_str(choices, o->choices[i]);
	}
}

static void print_opts(struct render *r, const struct opt *list, const struct cmd *cmd)
{
	char left[128], right[256];

	for (; list && list->name; list++) {
		if (!opt_applies(list, cmd))
			continue;
		opt_left(list, left, sizeof(left));
		opt_right(list, right, sizeof(right));
		two_columns(r, left, right);
	}
}

static void cmd_json(struct json *j, const struct cmd *cmd)
{
	struct json *list;
	const struct opt *o;
	size_t i;

	json_put_str(j, "name", cmd->name);
	json_put_str(j, "arguments", cmd->args);
	json_put_str(j, "summary", cmd->summary);
	json_put_str(j, "example", cmd->example);
	list = json_put_array(j, "options");
	for (o = cmd->opts; o && o->name; o++)
		opt_json(list, o);
	list = json_put_array(j, "global_options");
	for (o = opts_global; o->name; o++) {
		if (opt_applies(o, cmd))
			opt_json(list, o);
	}
	list = json_put_array(j, "exits");
	for (i = 0; exit_row_at(i); i++) {
		if (exit_is_listed(cmd->exits, exit_row_at(i)->status))
			json_add_u64(list, exit_row_at(i)->status);
	}
}

void help_cmd(struct render *r, const struct cmd *cmd)
{
	bool has_opts = cmd->opts && cmd->opts->name;
	char status[16];
	size_t i;

	if (render_is_json(r)) {
		cmd_json(render_result(r), cmd);
		return;
	}
	render_line(r, "salvor %s: %s", cmd->name, cmd->summary);
	render_line(r, "%s", "");
	render_line(r, "usage: salvor %s [OPTION]...%s%s", cmd->name, cmd->args[0] ? " " : "",
		    cmd->args);
	if (cmd->about) {
		render_line(r, "%s", "");
		paragraph(r, cmd->about);
	}
	if (has_opts) {
		render_line(r, "%s", "");
		render_line(r, "options:");
		print_opts(r, cmd->opts, cmd);
	}
	render_line(r, "%s", "");
	render_line(r, "options of every verb like this one:");
	print_opts(r, opts_global, cmd);
	render_line(r, "%s", "");
	render_line(r, "exit status:");
	for (i = 0; exit_row_at(i); i++) {
		if (!exit_is_listed(cmd->exits, exit_row_at(i)->status))
			continue;
		snprintf(status, sizeof(status), "%d", (int)exit_row_at(i)->status);
		two_columns(r, status, exit_row_at(i)->meaning);
	}
	render_line(r, "%s", "");
	render_line(r, "example:");
	render_line(r, "  %s", cmd->example);
}

static void print_verbs(struct render *r, const char *group)
{
	const struct cmd *cmd;
	size_t i, n = group ? strlen(group) : 0;

	for (i = 0; (cmd = table_at(i)); i++) {
		if (!group || (strncmp(cmd->name, group, n) == 0 && cmd->name[n] == ' '))
			two_columns(r, cmd->name, cmd->summary);
	}
}

void help_group(struct render *r, const char *group)
{
	render_line(r, "usage: salvor %s VERB [OPTION]... [ARGUMENT]...", group);
	render_line(r, "%s", "");
	print_verbs(r, group);
	render_line(r, "%s", "");
	render_line(r, "'salvor %s VERB --help' tells more.", group);
}

void help_overview(struct render *r)
{
	struct json *list;
	const struct opt *o;
	size_t i;

	if (render_is_json(r)) {
		list = json_put_array(render_result(r), "verbs");
		for (i = 0; table_at(i); i++)
			cmd_json(json_add_object(list), table_at(i));
		list = json_put_array(render_result(r), "global_options");
		for (o = opts_global; o->name; o++)
			opt_json(list, o);
		return;
	}
	render_line(r, "salvor: back up and rescue Qualcomm cellular modules");
	render_line(r, "%s", "");
	render_line(r, "usage: salvor VERB [OPTION]... [ARGUMENT]...");
	render_line(r, "%s", "");
	print_verbs(r, NULL);
	render_line(r, "%s", "");
	render_line(r, "options of every verb:");
	print_opts(r, opts_global, NULL);
	render_line(r, "%s", "");
	render_line(r, "'salvor VERB --help' tells more about a verb, and 'man salvor' about all.");
}
