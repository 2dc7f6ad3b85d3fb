#include "cmd/opts.h"

#include "base/bytes.h"
#include "cmd/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const color_choices[] = { "auto", "always", "never", NULL };

const struct opt opts_global[] = {
	{ "port", 0, OPT_STR, HINT_NONE, "PORT", "the module at this USB port, such as 1-1.4", 0, 0,
	  NULL, NEEDS_A_MODULE },
	{ "serial", 0, OPT_STR, HINT_NONE, "SERIAL",
	  "the module with this chip or USB serial number", 0, 0, NULL, NEEDS_A_MODULE },
	{ "imei", 0, OPT_STR, HINT_NONE, "IMEI", "the module with this IMEI", 0, 0, NULL,
	  NEEDS_A_MODULE },
	{ "timeout", 0, OPT_NUM, HINT_NONE, "SECONDS",
	  "give up waiting for a module or a locked catalogue after this time", 1, 86400, NULL,
	  NEEDS_A_MODULE | ANY_CATALOG },
	{ "timeout-scale", 0, OPT_NUM, HINT_NONE, "N", "multiply every timeout by N on a slow host",
	  1, 100, NULL, NEEDS_A_MODULE },
	{ "catalog", 0, OPT_STR, HINT_FILE, "FILE",
	  "the catalogue instead of $XDG_DATA_HOME/salvor/catalog.db", 0, 0, NULL, ANY_CATALOG },
	{ "dry-run", 'n', OPT_FLAG, HINT_NONE, NULL, "print the plan and change nothing", 0, 0,
	  NULL, CHANGES_ANY },
	{ "yes", 'y', OPT_FLAG, HINT_NONE, NULL, "answer yes to the ordinary question", 0, 0, NULL,
	  ASKS_CONSENT },
	{ "accept-loss", 0, OPT_STR, HINT_NONE, "WORD",
	  "accept the loss that the plan names by giving the word it asks for", 0, 0, NULL,
	  ASKS_CONSENT },
	{ "json", 0, OPT_FLAG, HINT_NONE, NULL, "print one JSON document instead of text", 0, 0,
	  NULL, 0 },
	{ "progress-fd", 0, OPT_NUM, HINT_NONE, "FD",
	  "write progress as JSON lines to this file descriptor", 1, 1023, NULL, 0 },
	{ "verbose", 'v', OPT_COUNT, HINT_NONE, NULL,
	  "say more on stderr; twice: debug, three times: every transfer", 0, 0, NULL, 0 },
	{ "quiet", 'q', OPT_FLAG, HINT_NONE, NULL, "say only errors on stderr, and no progress", 0,
	  0, NULL, 0 },
	{ "log", 0, OPT_STR, HINT_FILE, "FILE", "append everything that happens to FILE", 0, 0,
	  NULL, 0 },
	{ "color", 0, OPT_CHOICE, HINT_NONE, NULL,
	  "colours: auto looks at the terminal and NO_COLOR", 0, 0, color_choices, 0 },
	{ "root", 0, OPT_STR, HINT_DIR, "DIR",
	  "look for modules in this folder of an emulated module (also $SALVOR_ROOT)", 0, 0, NULL,
	  0 },
	{ "help", 'h', OPT_FLAG, HINT_NONE, NULL, "show help for the verb", 0, 0, NULL, 0 },
	{ "version", 'V', OPT_FLAG, HINT_NONE, NULL, "show the version", 0, 0, NULL, 0 },
	{ NULL, 0, OPT_FLAG, HINT_NONE, NULL, NULL, 0, 0, NULL, 0 },
};

bool opt_takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_COUNT;
}

bool opt_applies(const struct opt *o, const struct cmd *cmd)
{
	return o->only == 0 || !cmd || (cmd->needs & o->only) != 0;
}

unsigned word_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	unsigned d[MAX + 1][MAX + 1];
	size_t na = strlen(a), nb = strlen(b), i, j;

	if (na > MAX || nb > MAX)
		return UINT_MAX;
	for (i = 0; i <= na; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= nb; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= na; i++) {
		for (j = 1; j <= nb; j++) {
			unsigned same = a[i - 1] == b[j - 1] ? 0 : 1;
			unsigned best = MIN_OF(d[i - 1][j] + 1, d[i][j - 1] + 1);

			best = MIN_OF(best, d[i - 1][j - 1] + same);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN_OF(best, d[i - 2][j - 2] + 1);
			d[i][j] = best;
		}
	}
	return d[na][nb];
}

/* Keeps the candidate nearest to `word`; one too far away is no help to anybody. */
struct nearest {
	const char *word, *best;
	unsigned distance;
};

static void nearest_offer(struct nearest *n, const char *candidate)
{
	unsigned d = word_distance(n->word, candidate);

	/* A beginning is nearest, however much is missing: "--time" means "--timeout". */
	if (strlen(n->word) >= 2 && strncmp(candidate, n->word, strlen(n->word)) == 0)
		d = 0;
	if (d < n->distance && d <= 1 + strlen(n->word) / 3) {
		n->distance = d;
		n->best = candidate;
	}
}

const char *table_nearest_cmd(const char *name)
{
	struct nearest n = { name, NULL, UINT_MAX };
	size_t i;

	for (i = 0; table_at(i); i++)
		nearest_offer(&n, table_at(i)->name);
	return n.best;
}

static const struct opt *find_in(const struct opt *list, const char *name, size_t len, char letter)
{
	for (; list && list->name; list++) {
		if (letter ? list->letter == letter
			   : strlen(list->name) == len && memcmp(list->name, name, len) == 0)
			return list;
	}
	return NULL;
}

/* With a verb: what it takes. Without: what any verb takes, because options may stand before the
 * verb and we must know whether the next word is a value. */
static const struct opt *find_opt(const struct cmd *cmd, const char *name, size_t len, char letter)
{
	const struct opt *o = find_in(opts_global, name, len, letter);
	size_t i;

	if (o)
		return o;
	if (cmd)
		return find_in(cmd->opts, name, len, letter);
	for (i = 0; !o && table_at(i); i++)
		o = find_in(table_at(i)->opts, name, len, letter);
	return o;
}

static int err_unknown_long(const struct cmd *cmd, const char *name, size_t len, struct err *e)
{
	char word[64];
	struct nearest n = { word, NULL, UINT_MAX };
	const struct opt *o;

	snprintf(word, sizeof(word), "%.*s", (int)MIN_OF(len, sizeof(word) - 1), name);
	if (cmd && find_opt(NULL, name, len, 0))
		return err_set(e, ERR_USAGE, "'%s' does not take --%s; see 'salvor %s --help'",
			       cmd->name, word, cmd->name);
	err_set(e, ERR_USAGE, "there is no option --%s", word);
	for (o = opts_global; o->name; o++) {
		if (opt_applies(o, cmd))
			nearest_offer(&n, o->name);
	}
	for (o = cmd ? cmd->opts : NULL; o && o->name; o++)
		nearest_offer(&n, o->name);
	if (n.best)
		err_append(e, "; did you mean --%s?", n.best);
	else if (cmd)
		err_append(e, "; see 'salvor %s --help'", cmd->name);
	return -1;
}

static int err_unknown_letter(const struct cmd *cmd, char letter, struct err *e)
{
	const char *verb = cmd ? cmd->name : NULL;

	return err_set(e, ERR_USAGE, "there is no option -%c; see 'salvor %s%s--help'", letter,
		       verb ? verb : "", verb ? " " : "");
}

int parse_size(const char *text, uint64_t *ret, struct err *e)
{
	static const char units[] = "KMGT";
	char digits[32];
	size_t n = strspn(text, "0123456789");
	const char *suffix = text + n, *unit;
	uint64_t value;
	unsigned shift = 0;

	if (text[0] == '0' && text[1] == 'x')
		return parse_u64(text, UINT64_MAX, ret, e);
	if (n == 0 || n >= sizeof(digits))
		return err_set(e, ERR_USAGE, "'%s' is not a size; write 4096, 64K, 4M or 1G", text);
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (parse_u64(digits, UINT64_MAX, &value, e) < 0)
		return -1;
	if (*suffix) {
		unit = strchr(units, *suffix == 'k' ? 'K' : *suffix);
		if (!unit || (suffix[1] && strcmp(suffix + 1, "iB") != 0))
			return err_set(e, ERR_USAGE,
				       "'%s' is not a size; write 4096, 64K, 4M or 1G", text);
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (!mul_u64(value, 1ull << shift, ret))
		return err_set(e, ERR_USAGE, "'%s' is larger than any size can be", text);
	return 0;
}

static int parse_number(const struct opt *o, const char *text, uint64_t *ret, struct err *e)
{
	uint64_t max = o->max ? o->max : UINT64_MAX, v;

	if (o->kind == OPT_SIZE) {
		if (parse_size(text, &v, e) < 0)
			return err_prefix(e, "--%s", o->name);
	} else if (parse_u64(text, UINT64_MAX, &v, e) < 0) {
		return err_prefix(e, "--%s", o->name);
	}
	if (v < o->min || v > max) {
		if (o->max)
			return err_set(e, ERR_USAGE, "--%s: %s is not within %llu..%llu", o->name,
				       text, (unsigned long long)o->min, (unsigned long long)max);
		return err_set(e, ERR_USAGE, "--%s: %s is below %llu", o->name, text,
			       (unsigned long long)o->min);
	}
	*ret = v;
	return 0;
}

static int parse_choice(const struct opt *o, const char *text, uint64_t *ret, struct err *e)
{
	struct nearest n = { text, NULL, UINT_MAX };
	size_t i;

	for (i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], text) == 0) {
			*ret = i;
			return 0;
		}
		nearest_offer(&n, o->choices[i]);
	}
	err_set(e, ERR_USAGE, "--%s: there is no '%s'; it is one of", o->name, text);
	for (i = 0; o->choices[i]; i++)
		err_append(e, "%s %s", i ? "," : "", o->choices[i]);
	if (n.best)
		err_append(e, "; did you mean %s?", n.best);
	return -1;
}

static int add_opt(struct parsed *p, const struct opt *o, const char *text, struct err *e)
{
	struct parsed_opt v = { o, text, 0 };
	size_t i;

	if (!opt_applies(o, p->cmd))
		return err_unknown_long(p->cmd, o->name, strlen(o->name), e);
	if (opt_takes_value(o) && o->kind != OPT_LIST) {
		/* Of two module numbers the last one winning is how the wrong module is written. */
		for (i = 0; i < p->n_opt; i++) {
			if (p->opt[i].opt == o)
				return err_set(e, ERR_USAGE, "--%s is given twice: '%s' and '%s'",
					       o->name, p->opt[i].text, text);
		}
	}
	if (opt_takes_value(o) && text[0] == '\0')
		return err_set(e, ERR_USAGE, "--%s has an empty value", o->name);
	if ((o->kind == OPT_NUM || o->kind == OPT_SIZE) && parse_number(o, text, &v.num, e) < 0)
		return -1;
	if (o->kind == OPT_CHOICE && parse_choice(o, text, &v.num, e) < 0)
		return -1;
	p->opt[p->n_opt++] = v;
	return 0;
}

/* One word that starts with "--". *i moves on when the value is the next word. */
static int take_long(int argc, const char *const *argv, int *i, struct parsed *p, struct err *e)
{
	const char *word = argv[*i] + 2, *eq = strchr(word, '=');
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct opt *o = find_opt(p->cmd, word, len, 0);

	if (!o)
		return err_unknown_long(p->cmd, word, len, e);
	if (!opt_takes_value(o)) {
		if (eq)
			return err_set(e, ERR_USAGE, "--%s takes no value, but '%s' was given",
				       o->name, eq + 1);
		return add_opt(p, o, NULL, e);
	}
	if (eq)
		return add_opt(p, o, eq + 1, e);
	if (*i + 1 >= argc)
		return err_set(e, ERR_USAGE, "--%s needs a value%s%s", o->name, o->arg ? ": " : "",
			       o->arg ? o->arg : "");
	return add_opt(p, o, argv[++*i], e);
}

/* A bundle of letters: "-vv", "-oFILE", "-o FILE". */
static int take_letters(int argc, const char *const *argv, int *i, struct parsed *p, struct err *e)
{
	const char *c;

	for (c = argv[*i] + 1; *c; c++) {
		const struct opt *o = find_opt(p->cmd, NULL, 0, *c);

		if (!o)
			return err_unknown_letter(p->cmd, *c, e);
		if (!opt_takes_value(o)) {
			if (add_opt(p, o, NULL, e) < 0)
				return -1;
			continue;
		}
		if (c[1])
			return add_opt(p, o, c + 1, e);
		if (*i + 1 >= argc)
			return err_set(e, ERR_USAGE, "-%c needs a value%s%s", *c,
				       o->arg ? ": " : "", o->arg ? o->arg : "");
		return add_opt(p, o, argv[++*i], e);
	}
	return 0;
}

/* "-" alone is an argument: stdin or stdout. */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* Does the option word at argv[i] also use up the next word? Unknown options do not; they are
 * reported by the second pass, which knows the verb. */
static bool uses_next(const char *word)
{
	const struct opt *o;
	const char *c;

	if (word[1] == '-') {
		if (strchr(word, '='))
			return false;
		o = find_opt(NULL, word + 2, strlen(word + 2), 0);
		return o && opt_takes_value(o);
	}
	for (c = word + 1; *c; c++) {
		o = find_opt(NULL, NULL, 0, *c);
		if (o && opt_takes_value(o))
			return c[1] == '\0';
	}
	return false;
}

/* First pass: which verb? Returns how many words it takes up (0, 1 or 2). */
static unsigned find_verb(int argc, const char *const *argv, struct parsed *p)
{
	const char *first = NULL;
	char both[128];
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (is_option(argv[i])) {
			if (uses_next(argv[i]))
				i++;
			continue;
		}
		if (!first) {
			first = argv[i];
			p->cmd = table_cmd(first);
			if (p->cmd)
				return 1;
			if (!table_is_group(first))
				return 0;
			continue;
		}
		snprintf(both, sizeof(both), "%s %s", first, argv[i]);
		p->cmd = table_cmd(both);
		return p->cmd ? 2 : 0;
	}
	return 0;
}

/* The verb nearest to one word, and its first word where that is meant: "prt" for "part". */
static const char *nearest_first_word(const char *word, char room[64])
{
	const char *near = table_nearest_cmd(word);
	unsigned best = near ? word_distance(word, near) : 2 + (unsigned)strlen(word) / 4;
	const char *name;
	size_t i, len;

	for (i = 0; table_at(i); i++) {
		char group[64];

		name = table_at(i)->name;
		len = strcspn(name, " ");
		if (!name[len] || len >= sizeof(group))
			continue;
		memcpy(group, name, len);
		group[len] = '\0';
		if (word_distance(word, group) < best) {
			best = word_distance(word, group);
			memcpy(room, group, len + 1);
			near = room;
		}
	}
	return near;
}

static int err_no_verb(const char *group, const char *word, struct err *e)
{
	char name[128], first[64];
	const char *near;
	bool listed = false;
	size_t i;

	if (!group) {
		near = nearest_first_word(word, first);
		err_set(e, ERR_USAGE, "there is no verb '%s'", word);
		return near ? err_append(e, "; did you mean '%s'?", near)
			    : err_append(e, "; see 'salvor help'");
	}
	if (!word) {
		err_set(e, ERR_USAGE, "'%s' needs a second word:", group);
	} else {
		snprintf(name, sizeof(name), "%s %s", group, word);
		near = table_nearest_cmd(name);
		err_set(e, ERR_USAGE, "there is no verb '%s'", name);
		if (near)
			return err_append(e, "; did you mean '%s'?", near);
		err_append(e, "; there are");
	}
	for (i = 0; table_at(i); i++) {
		const char *n = table_at(i)->name;

		if (strncmp(n, group, strlen(group)) != 0 || n[strlen(group)] != ' ')
			continue;
		err_append(e, "%s '%s'", listed ? "," : "", n);
		listed = true;
	}
	return -1;
}

static int check_args(const struct parsed *p, struct err *e)
{
	const struct cmd *cmd = p->cmd;

	if (p->n_arg < cmd->min_args)
		return err_set(e, ERR_USAGE, "'%s' needs %s; see 'salvor %s --help'", cmd->name,
			       cmd->args, cmd->name);
	if (p->n_arg > cmd->max_args)
		return err_set(e, ERR_USAGE, "'%s' has no use for '%s'; see 'salvor %s --help'",
			       cmd->name, p->arg[cmd->max_args], cmd->name);
	return 0;
}

int opts_parse(int argc, const char *const *argv, struct parsed *ret, struct err *e)
{
	bool only_args = false, wants_help, wants_version;
	unsigned skip, pass = 0;
	int i, rc = 0;

	*ret = (struct parsed){ .cmd = NULL };
	skip = find_verb(argc, argv, ret);
	/* A bundle such as -vvq gives one entry a letter. */
	size_t room = 1;
	for (i = 1; i < argc; i++)
		room += strlen(argv[i]) + 1;
	ret->opt = calloc(room, sizeof(*ret->opt));
	ret->arg = calloc((size_t)argc + 1, sizeof(*ret->arg));
	if (!ret->opt || !ret->arg)
		return err_nomem(e);

	for (i = 1; i < argc && rc == 0; i++) {
		const char *word = argv[i];

		if (!only_args && strcmp(word, "--") == 0)
			only_args = true;
		else if (!only_args && is_option(word))
			rc = word[1] == '-' ? take_long(argc, argv, &i, ret, e)
					    : take_letters(argc, argv, &i, ret, e);
		else if (pass < skip)
			pass++;
		else
			ret->arg[ret->n_arg++] = word;
	}
	if (rc < 0)
		return -1;
	wants_help = parsed_flag(ret, "help");
	wants_version = parsed_flag(ret, "version");
	if (!ret->cmd && ret->n_arg > 0) {
		bool group = table_is_group(ret->arg[0]);

		if (group && ret->n_arg == 1 && wants_help) {
			ret->group = ret->arg[0];
			return 0;
		}
		return group ? err_no_verb(ret->arg[0], ret->arg[1], e)
			     : err_no_verb(NULL, ret->arg[0], e);
	}
	if (ret->cmd && !wants_help && !wants_version)
		return check_args(ret, e);
	return 0;
}

void parsed_fini(struct parsed *p)
{
	free(p->opt);
	free(p->arg);
	*p = (struct parsed){ .cmd = NULL };
}

/* The occurrence number `nth` of an option, NULL when there are fewer. */
static const struct parsed_opt *nth_of(const struct parsed *p, const char *name, size_t nth)
{
	size_t i;

	if (!find_opt(p->cmd, name, strlen(name), 0)) {
		fprintf(stderr, "salvor: bug: option --%s is looked up but not declared\n", name);
		abort();
	}
	for (i = 0; i < p->n_opt; i++) {
		if (strcmp(p->opt[i].opt->name, name) == 0 && nth-- == 0)
			return &p->opt[i];
	}
	return NULL;
}

bool parsed_flag(const struct parsed *p, const char *name)
{
	return nth_of(p, name, 0) != NULL;
}

unsigned parsed_count(const struct parsed *p, const char *name)
{
	unsigned n = 0;

	while (nth_of(p, name, n))
		n++;
	return n;
}

const char *parsed_list_at(const struct parsed *p, const char *name, size_t i)
{
	const struct parsed_opt *o = nth_of(p, name, i);

	return o ? o->text : NULL;
}

const char *parsed_str(const struct parsed *p, const char *name)
{
	return parsed_list_at(p, name, 0);
}

uint64_t parsed_num(const struct parsed *p, const char *name, uint64_t dflt)
{
	const struct parsed_opt *o = nth_of(p, name, 0);

	return o ? o->num : dflt;
}

unsigned parsed_choice(const struct parsed *p, const char *name, unsigned dflt)
{
	return (unsigned)parsed_num(p, name, dflt);
}

const char *parsed_arg(const struct parsed *p, unsigned i)
{
	return i < p->n_arg ? p->arg[i] : NULL;
}
