/*
 * The promise: the table of verbs, the help, the completion and the manual say the same. Prints
 * TAP. The manual is read from $top_srcdir/man, or from the folder given as argument (for the
 * check's own test).
 */
#include "base/bytes.h"
#include "base/fs.h"
#include "cmd/ctx.h"
#include "cmd/help.h"
#include "cmd/render.h"
#include "cmd/table.h"

#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	char man_dir[4096];
	unsigned n, failed;
	bool bad; /* an offence since the last verdict */
};

static void offence(struct check *c, const char *fmt, ...) _printf_(2, 3);
static void offence(struct check *c, const char *fmt, ...)
{
	va_list ap;

	c->bad = true;
	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void verdict(struct check *c, const char *what)
{
	printf("%sok %u - %s\n", c->bad ? "not " : "", ++c->n, what);
	c->failed += c->bad;
	c->bad = false;
}

/* "man/salvor-part.1" of "part read"; the overview for NULL. Malloced text, or NULL. */
static char *read_page(struct check *c, const char *verb)
{
	struct buf b = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	char path[4400];
	int n = verb ? (int)strcspn(verb, " ") : 0;

	snprintf(path, sizeof(path), "%s/salvor%s%.*s.1", c->man_dir, verb ? "-" : "", n,
		 verb ? verb : "");
	if (fs_read_file(path, &b, &e) < 0 || buf_add(&b, "", 1, &e) < 0) {
		offence(c, "%s", e.msg);
		buf_fini(&b);
		return NULL;
	}
	return (char *)b.p;
}

/* Is there a line `.It WHAT` whose next character ends the word? */
static bool has_item(const char *page, const char *what)
{
	char needle[160];
	const char *at = page;
	size_t n = (size_t)snprintf(needle, sizeof(needle), "\n.It %s", what);

	while ((at = strstr(at, needle))) {
		if (strchr(" \n", at[n]))
			return true;
		at += n;
	}
	return false;
}

static bool has_option(const char *page, const struct opt *o)
{
	char both[128], only[128];

	snprintf(only, sizeof(only), "Fl Fl %s", o->name);
	if (!o->letter)
		return has_item(page, only);
	snprintf(both, sizeof(both), "Fl %c , Fl Fl %s", o->letter, o->name);
	return has_item(page, both);
}

static void check_opt(struct check *c, const struct cmd *cmd, const struct opt *o)
{
	const char *verb = cmd ? cmd->name : "globals";

	if (!o->help || !o->help[0] || isupper((unsigned char)o->help[0]) ||
	    o->help[strlen(o->help) - 1] == '.')
		offence(c, "%s --%s: help is lower case without a full stop", verb, o->name);
	if ((o->kind == OPT_CHOICE) != (o->choices != NULL))
		offence(c, "%s --%s: choices belong to OPT_CHOICE", verb, o->name);
	if ((opt_takes_value(o) && o->kind != OPT_CHOICE) != (o->arg != NULL))
		offence(c, "%s --%s: what takes a value names its argument", verb, o->name);
	if (o->max && o->min > o->max)
		offence(c, "%s --%s: empty range", verb, o->name);
}

/* The parser's first pass needs a name to mean the same kind of option in every verb. */
static void check_same_kind(struct check *c, const struct opt *o, const struct cmd *cmd)
{
	const struct cmd *other;
	const struct opt *p;
	size_t i;

	for (i = 0; (other = table_at(i)); i++) {
		for (p = other->opts; p && p->name; p++) {
			bool same_name = strcmp(p->name, o->name) == 0;
			bool same_letter = o->letter && p->letter == o->letter;

			if ((same_name || same_letter) && opt_takes_value(p) != opt_takes_value(o))
				offence(c, "--%s of '%s' and --%s of '%s' differ in kind", o->name,
					cmd->name, p->name, other->name);
		}
	}
	for (p = opts_global; p->name; p++) {
		if (strcmp(p->name, o->name) == 0 || (o->letter && p->letter == o->letter))
			offence(c, "--%s of '%s' hides a global option", o->name, cmd->name);
	}
	for (p = o + 1; p->name; p++) {
		if (strcmp(p->name, o->name) == 0 || (o->letter && p->letter == o->letter))
			offence(c, "'%s' has --%s twice", cmd->name, o->name);
	}
}

static void check_row(struct check *c, const struct cmd *cmd)
{
	const struct opt *o;

	if (!cmd->name || !cmd->args || !cmd->summary || !cmd->example || !cmd->run) {
		offence(c, "row '%s' lacks a member", cmd->name ? cmd->name : "?");
		return;
	}
	if (isupper((unsigned char)cmd->summary[0]) || strchr(cmd->summary, '\n') ||
	    cmd->summary[strlen(cmd->summary) - 1] == '.')
		offence(c, "%s: the summary is lower case without a full stop", cmd->name);
	if ((cmd->max_args > 0) != (cmd->args[0] != '\0') || cmd->min_args > cmd->max_args)
		offence(c, "%s: args '%s' and %u..%u disagree", cmd->name, cmd->args, cmd->min_args,
			cmd->max_args);
	if ((cmd->needs & NEEDS_A_MODULE & ~(unsigned)TAKES_MODULES) &&
	    !(cmd->exits & EXITS(STATUS_NODEV)))
		offence(c, "%s: needs a module, so status %d is possible", cmd->name, STATUS_NODEV);
	if ((cmd->needs & ASKS_CONSENT) && !(cmd->exits & EXITS(STATUS_POLICY)))
		offence(c, "%s: asks for consent, so status %d is possible", cmd->name,
			STATUS_POLICY);
	for (o = cmd->opts; o && o->name; o++) {
		check_opt(c, cmd, o);
		check_same_kind(c, o, cmd);
	}
}

/* The example of each row parses, as far as the shell would hand it to us. */
static void check_example(struct check *c, const struct cmd *cmd)
{
	char copy[512], *rest = NULL, *word;
	const char *argv[32];
	struct parsed p = { .cmd = NULL };
	struct err e = ERR_INIT;
	int argc = 0;

	snprintf(copy, sizeof(copy), "%s", cmd->example);
	copy[strcspn(copy, "|><&;")] = '\0';
	for (word = strtok_r(copy, " ", &rest); word && argc < 31;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	if (argc == 0 || strcmp(argv[0], "salvor") != 0)
		offence(c, "%s: the example does not begin with salvor", cmd->name);
	else if (opts_parse(argc, argv, &p, &e) < 0)
		offence(c, "%s: the example fails: %s", cmd->name, e.msg);
	else if (p.cmd != cmd)
		offence(c, "%s: the example is of another verb", cmd->name);
	parsed_fini(&p);
}

/* What a verb prints, as one malloced text. */
static char *capture(const struct cmd *cmd, const char *completion)
{
	struct render_conf conf = { .progress_fd = -1, .force_tty = -1 };
	const char *argv[] = { "salvor", "completion", completion, NULL };
	struct ctx ctx = { .cmd = cmd };
	struct err e = ERR_INIT;
	struct parsed p;
	char *text = NULL;
	size_t n;

	conf.out = open_memstream(&text, &n);
	if (!conf.out || render_new(&conf, &ctx.render, &e) < 0)
		abort();
	if (!completion)
		help_cmd(ctx.render, cmd);
	else if (opts_parse(3, argv, &p, &e) < 0 || cmd_completion.run(&ctx, &p, &e) < 0)
		abort();
	else
		parsed_fini(&p);
	render_free(ctx.render);
	fclose(conf.out);
	return text;
}

static void check_help(struct check *c, const struct cmd *cmd)
{
	char *text = capture(cmd, NULL), needle[96];
	const struct opt *o, *const lists[] = { cmd->opts, opts_global };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (o = lists[i]; o && o->name; o++) {
			snprintf(needle, sizeof(needle), "--%s", o->name);
			if (opt_applies(o, cmd) && !strstr(text, needle))
				offence(c, "help of %s lacks --%s", cmd->name, o->name);
		}
	}
	if (!strstr(text, cmd->example))
		offence(c, "help of %s lacks its example", cmd->name);
	free(text);
}

static void check_completion(struct check *c, const char *shell)
{
	char *text = capture(NULL, shell), needle[96];
	const struct cmd *cmd;
	const struct opt *o;
	size_t i;

	for (i = 0; (cmd = table_at(i)); i++) {
		/* fish has the words of a verb one by one. */
		snprintf(needle, sizeof(needle), "%s",
			 strcmp(shell, "fish") == 0 && strchr(cmd->name, ' ')
				 ? strchr(cmd->name, ' ') + 1
				 : cmd->name);
		if (!strstr(text, needle))
			offence(c, "completion for %s lacks '%s'", shell, cmd->name);
		for (o = cmd->opts; o && o->name; o++) {
			snprintf(needle, sizeof(needle),
				 strcmp(shell, "fish") == 0 ? " -l %s" : "--%s", o->name);
			if (!strstr(text, needle))
				offence(c, "completion for %s lacks --%s", shell, o->name);
		}
	}
	free(text);
}

/* The section of a two-word verb in its group's page; the whole page of a one-word verb. Malloced.
 */
static char *section_of(struct check *c, const char *page, const char *name)
{
	char head[128];
	const char *at, *end;

	if (!strchr(name, ' '))
		return strdup(page);
	snprintf(head, sizeof(head), "\n.Ss %s\n", strchr(name, ' ') + 1);
	at = strstr(page, head);
	if (!at) {
		offence(c, "the page of '%s' has no section \".Ss %s\"", name,
			strchr(name, ' ') + 1);
		return NULL;
	}
	end = strstr(at + 1, "\n.S");
	return strndup(at, end ? (size_t)(end - at) + 1 : strlen(at));
}

static void check_verb_page(struct check *c, const struct cmd *cmd)
{
	char *page = read_page(c, cmd->name), *section, *shared, status[16];
	const struct exit_row *row;
	const struct opt *o;
	size_t i;

	if (!page)
		return;
	section = section_of(c, page, cmd->name);
	shared = strstr(page, "\n.Sh OPTIONS\n");
	for (o = section ? cmd->opts : NULL; o && o->name; o++) {
		/* Options that the verbs of a group share stand once, after the verbs' own
		 * sections. */
		if (!has_option(section, o) && !(shared && has_option(shared, o)))
			offence(c, "the page of '%s' lacks \".It %s%c%sFl Fl %s\"", cmd->name,
				o->letter ? "Fl " : "", o->letter ? o->letter : ' ',
				o->letter ? " , " : "", o->name);
	}
	if (!strstr(page, cmd->example))
		offence(c, "the page of '%s' lacks the example '%s'", cmd->name, cmd->example);
	for (i = 0; (row = exit_row_at(i)); i++) {
		snprintf(status, sizeof(status), "%d", (int)row->status);
		/* The page says what is particular to the verb and refers to salvor(1) for the
		 * rest. */
		if ((cmd->exits & ~EXITS_ALL) && row->status < 32 &&
		    (cmd->exits & ~EXITS_ALL & EXITS(row->status)) && !has_item(page, status))
			offence(c, "the page of '%s' lacks exit status %s", cmd->name, status);
	}
	free(section);
	free(page);
}

static bool is_declared(const char *verb, const char *name, size_t n)
{
	size_t i, words = strlen(verb);
	const struct cmd *cmd;
	const struct opt *o;

	for (o = opts_global; o->name; o++) {
		if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
			return true;
	}
	for (i = 0; (cmd = table_at(i)); i++) {
		if (strncmp(cmd->name, verb, words) != 0 || !strchr(" ", cmd->name[words]))
			continue;
		for (o = cmd->opts; o && o->name; o++) {
			if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
				return true;
		}
	}
	return false;
}

/* Every page belongs to a verb, and documents no option that its verbs do not have. */
static void check_pages_for_more(struct check *c)
{
	struct dirent **names;
	int i, n = scandir(c->man_dir, &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		char verb[64] = "", *page, *at;
		const char *name = names[i]->d_name;
		size_t len = strlen(name);

		if (len > 2 && strcmp(name + len - 2, ".1") == 0 &&
		    (strncmp(name, "salvor-", 7) == 0 || strcmp(name, "salvor.1") == 0)) {
			if (name[6] == '-')
				snprintf(verb, sizeof(verb), "%.*s", (int)(len - 9), name + 7);
			if (verb[0] && strcmp(verb, "emu") != 0 && !table_cmd(verb) &&
			    !table_is_group(verb))
				offence(c, "%s: there is no verb '%s'", name, verb);
			page = read_page(c, verb[0] ? verb : NULL);
			for (at = page;
			     at && strcmp(verb, "emu") != 0 && (at = strstr(at, "Fl Fl "));) {
				size_t word;

				at += 6;
				word = strcspn(at, " \n");
				if (!is_declared(verb, at, word))
					offence(c, "%s: there is no option --%.*s", name, (int)word,
						at);
			}
			free(page);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void check_overview_page(struct check *c)
{
	char *page = read_page(c, NULL), item[64];
	const struct cmd *cmd;
	const struct opt *o;
	size_t i;

	if (!page)
		return;
	for (o = opts_global; o->name; o++) {
		if (!has_option(page, o))
			offence(c, "salvor.1 lacks --%s", o->name);
	}
	for (i = 0; exit_row_at(i); i++) {
		snprintf(item, sizeof(item), "%d", (int)exit_row_at(i)->status);
		if (!has_item(page, item))
			offence(c, "salvor.1 lacks exit status %s", item);
	}
	for (i = 0; (cmd = table_at(i)); i++) {
		snprintf(item, sizeof(item), "Cm %s", cmd->name);
		if (!has_item(page, item))
			offence(c, "salvor.1 lacks \".It %s\"", item);
	}
	free(page);
}

#define EACH_VERB(c, fn, what)                                                                     \
	do {                                                                                       \
		size_t i_;                                                                         \
		for (i_ = 0; table_at(i_); i_++)                                                   \
			fn((c), table_at(i_));                                                     \
		verdict((c), (what));                                                              \
	} while (0)

int main(int argc, char **argv)
{
	static const char *const shells[] = { "bash", "zsh", "fish" };
	const char *top = getenv("top_srcdir");
	struct check c = { .n = 0 };
	const struct opt *o;
	size_t i;

	snprintf(c.man_dir, sizeof(c.man_dir), "%s%s",
		 argc > 1 ? argv[1]
		 : top    ? top
			  : ".",
		 argc > 1 ? "" : "/man");
	for (o = opts_global; o->name; o++)
		check_opt(&c, NULL, o);
	EACH_VERB(&c, check_row, "every row is whole and its options are consistent");
	EACH_VERB(&c, check_example, "every example parses");
	EACH_VERB(&c, check_help, "--help names every option of its verb");
	for (i = 0; i < ARRAY_SIZE(shells); i++)
		check_completion(&c, shells[i]);
	verdict(&c, "completions name every verb and option");
	EACH_VERB(&c, check_verb_page, "every verb, option and exit status is in the manual");
	check_overview_page(&c);
	verdict(&c, "salvor(1) has every verb, global option and exit status");
	check_pages_for_more(&c);
	verdict(&c, "the manual promises nothing more");
	printf("1..%u\n", c.n);
	return c.failed != 0;
}
