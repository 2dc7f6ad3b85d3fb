/* Completion scripts for three shells, made from the table each time they are asked for. */
#include "base/cleanup.h"
#include "cmd/ctx.h"
#include "cmd/table.h"

#include <stdio.h>
#include <string.h>

static const char *const shells[] = { "bash", "zsh", "fish" };

static const char *hint_word(enum hint hint)
{
	switch (hint) {
	case HINT_FILE:
		return "file";
	case HINT_DIR:
		return "dir";
	case HINT_VERB:
		return "verb";
	case HINT_NONE:
		break;
	}
	return "none";
}

static void add_opt_words(FILE *f, const struct opt *list, const struct cmd *cmd)
{
	for (; list && list->name; list++) {
		if (!opt_applies(list, cmd))
			continue;
		fprintf(f, " --%s", list->name);
		if (list->letter)
			fprintf(f, " -%c", list->letter);
	}
}

/* One `case` arm an option that takes a value: what may follow it. */
static void add_value_arms(FILE *f, const struct opt *list, const char *verb)
{
	size_t i;

	for (; list && list->name; list++) {
		if (!opt_takes_value(list))
			continue;
		fprintf(f, "\t'%s:--%s')", verb, list->name);
		if (list->kind == OPT_CHOICE) {
			fprintf(f, " words='");
			for (i = 0; list->choices[i]; i++)
				fprintf(f, "%s%s", i ? " " : "", list->choices[i]);
			fprintf(f, "'; kind=words;;\n");
		} else {
			fprintf(f, " kind=%s;;\n", hint_word(list->hint));
		}
		if (list->letter)
			fprintf(f, "\t'%s:-%c') _salvor_value '%s' --%s;;\n", verb, list->letter,
				verb, list->name);
	}
}

/* The part that bash and zsh share: plain functions that set `words` and `kind`. */
static void add_functions(FILE *f)
{
	const struct cmd *cmd;
	size_t i;

	fprintf(f, "_salvor_value() {\n\tkind=\n\tcase \"$1:$2\" in\n");
	for (i = 0; (cmd = table_at(i)); i++)
		add_value_arms(f, cmd->opts, cmd->name);
	fprintf(f, "\t*) case \":$2\" in\n");
	add_value_arms(f, opts_global, "");
	fprintf(f, "\t\tesac;;\n\tesac\n}\n");

	fprintf(f, "_salvor_verb() {\n\tkind=none\n\tcase \"$1\" in\n");
	for (i = 0; (cmd = table_at(i)); i++) {
		fprintf(f, "\t'%s') kind=%s; words='", cmd->name, hint_word(cmd->arg_hint));
		add_opt_words(f, cmd->opts, cmd);
		add_opt_words(f, opts_global, cmd);
		fprintf(f, "';;\n");
	}
	fprintf(f, "\t*) kind=verb; words='");
	add_opt_words(f, opts_global, NULL);
	fprintf(f, "';;\n\tesac\n}\n");

	fprintf(f, "_salvor_verbs='");
	for (i = 0; (cmd = table_at(i)); i++)
		fprintf(f, "%s\n", cmd->name);
	fprintf(f, "'\n");
}

static const char bash_tail[] =
	"_salvor() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"\tlocal verb= first= w i words kind\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tw=${COMP_WORDS[i]}\n"
	"\t\tcase $w in\n"
	"\t\t-*) _salvor_value \"$verb\" \"$w\"; [ -n \"$kind\" ] && ((i++));;\n"
	"\t\t*) if [ -z \"$verb\" ]; then\n"
	"\t\t\tif [[ $'\\n'$_salvor_verbs == *$'\\n'\"${first:+$first }$w\"$'\\n'* ]]; then\n"
	"\t\t\t\tverb=${first:+$first }$w\n"
	"\t\t\telse first=$w; fi\n"
	"\t\tfi;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tkind=\n"
	"\t[[ $prev == -* ]] && _salvor_value \"$verb\" \"$prev\"\n"
	"\tif [ -n \"$kind\" ]; then\n"
	"\t\t:\n"
	"\telse\n"
	"\t\t_salvor_verb \"$verb\"\n"
	"\t\tif [[ $cur == -* ]]; then kind=words\n"
	"\t\telif [ \"$kind\" = verb ]; then\n"
	"\t\t\tkind=words\n"
	"\t\t\tif [ -n \"$first\" ] && [ -z \"$verb\" ]; then\n"
	"\t\t\t\twords=$(printf '%s' \"$_salvor_verbs\" | sed -n \"s/^$first //p\")\n"
	"\t\t\telif [ -n \"$verb\" ] && [[ $prev != \"$verb\" ]]; then\n"
	"\t\t\t\twords=$(printf '%s' \"$_salvor_verbs\" | sed -n \"s/^$prev //p\")\n"
	"\t\t\telse words=$(printf '%s' \"$_salvor_verbs\" | cut -d' ' -f1 | sort -u); fi\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\tfile) COMPREPLY=($(compgen -f -- \"$cur\"));;\n"
	"\tdir) COMPREPLY=($(compgen -d -- \"$cur\"));;\n"
	"\twords) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"));;\n"
	"\t*) COMPREPLY=();;\n"
	"\tesac\n"
	"}\n"
	"complete -o filenames -F _salvor salvor\n";

static const char zsh_tail[] =
	"_salvor() {\n"
	"\tlocal verb= first= w i kind words_of_line cur prev\n"
	"\twords_of_line=(\"${words[@]}\")\n"
	"\tlocal words=\n"
	"\tcur=${words_of_line[CURRENT]} prev=${words_of_line[CURRENT-1]}\n"
	"\tfor ((i = 2; i < CURRENT; i++)); do\n"
	"\t\tw=${words_of_line[i]}\n"
	"\t\tcase $w in\n"
	"\t\t-*) _salvor_value \"$verb\" \"$w\"; [[ -n $kind ]] && ((i++));;\n"
	"\t\t*) if [[ -z $verb ]]; then\n"
	"\t\t\tif [[ $'\\n'$_salvor_verbs == *$'\\n'\"${first:+$first }$w\"$'\\n'* ]]; then\n"
	"\t\t\t\tverb=${first:+$first }$w\n"
	"\t\t\telse first=$w; fi\n"
	"\t\tfi;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tkind=\n"
	"\t[[ $prev == -* ]] && _salvor_value \"$verb\" \"$prev\"\n"
	"\tif [[ -z $kind ]]; then\n"
	"\t\t_salvor_verb \"$verb\"\n"
	"\t\tif [[ $cur == -* ]]; then kind=words\n"
	"\t\telif [[ $kind == verb ]]; then\n"
	"\t\t\tkind=words\n"
	"\t\t\tif [[ -n $first && -z $verb ]]; then\n"
	"\t\t\t\twords=$(print -r -- $_salvor_verbs | sed -n \"s/^$first //p\")\n"
	"\t\t\telse words=$(print -r -- $_salvor_verbs | cut -d' ' -f1 | sort -u); fi\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tcase $kind in\n"
	"\tfile) _files;;\n"
	"\tdir) _files -/;;\n"
	"\twords) compadd -- ${=words};;\n"
	"\tesac\n"
	"}\n"
	"compdef _salvor salvor\n";

/* Single quotes are the only thing to mind inside fish's single quotes. */
static void fish_text(FILE *f, const char *s)
{
	fputc('\'', f);
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('\'', f);
}

static void fish_opts(FILE *f, const struct opt *o, const char *condition)
{
	size_t i;

	for (; o && o->name; o++) {
		fprintf(f, "complete -c salvor -l %s", o->name);
		if (condition) {
			fprintf(f, " -n ");
			fish_text(f, condition);
		}
		if (o->letter)
			fprintf(f, " -s %c", o->letter);
		if (opt_takes_value(o))
			fprintf(f, o->hint == HINT_FILE || o->hint == HINT_DIR ? " -rF" : " -x");
		if (o->kind == OPT_CHOICE) {
			fprintf(f, " -a '");
			for (i = 0; o->choices[i]; i++)
				fprintf(f, "%s%s", i ? " " : "", o->choices[i]);
			fputc('\'', f);
		}
		fprintf(f, " -d ");
		fish_text(f, o->help);
		fputc('\n', f);
	}
}

static void fish_script(FILE *f)
{
	const struct cmd *cmd;
	char first[64], seen[192];
	const char *blank;
	size_t i;

	fprintf(f, "complete -c salvor -f\n");
	fish_opts(f, opts_global, NULL);
	for (i = 0; (cmd = table_at(i)); i++) {
		blank = strchr(cmd->name, ' ');
		snprintf(first, sizeof(first), "%.*s",
			 (int)(blank ? blank - cmd->name : (long)strlen(cmd->name)), cmd->name);
		snprintf(seen, sizeof(seen), "__fish_seen_subcommand_from %s%s%s", first,
			 blank ? "; and __fish_seen_subcommand_from " : "", blank ? blank + 1 : "");
		fprintf(f, "complete -c salvor -n '__fish_use_subcommand' -a %s -d ", first);
		fish_text(f, blank ? "" : cmd->summary);
		fputc('\n', f);
		if (blank) {
			fprintf(f,
				"complete -c salvor -n '__fish_seen_subcommand_from %s' -a %s -d ",
				first, blank + 1);
			fish_text(f, cmd->summary);
			fputc('\n', f);
		}
		if (cmd->arg_hint == HINT_FILE || cmd->arg_hint == HINT_DIR) {
			fprintf(f, "complete -c salvor -F -n ");
			fish_text(f, seen);
			fputc('\n', f);
		}
		fish_opts(f, cmd->opts, seen);
	}
}

static int run(struct ctx *c, const struct parsed *p, struct err *e)
{
	const char *shell = parsed_arg(p, 0);
	_cleanup_free_ char *text = NULL;
	size_t which, n = 0;
	FILE *f;

	for (which = 0; which < ARRAY_SIZE(shells) && strcmp(shells[which], shell) != 0; which++)
		;
	if (which == ARRAY_SIZE(shells))
		return err_set(e, ERR_USAGE,
			       "there is no completion for '%s'; it is one of bash, zsh, fish",
			       shell);
	f = open_memstream(&text, &n);
	if (!f)
		return err_nomem(e);
	if (which < 2)
		add_functions(f);
	if (which == 0)
		fputs(bash_tail, f);
	else if (which == 1)
		fputs(zsh_tail, f);
	else
		fish_script(f);
	if (fclose(f) != 0)
		return err_nomem(e);
	render_text(c->render, "script", text);
	return 0;
}

const struct cmd cmd_completion = {
	.name = "completion",
	.args = "SHELL",
	.summary = "print the completion script for bash, zsh or fish",
	.about = "The script is made from the verbs and options of this very program. Source it "
		 "from the shell's start-up file.",
	.example = "salvor completion bash > ~/.local/share/bash-completion/completions/salvor",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
