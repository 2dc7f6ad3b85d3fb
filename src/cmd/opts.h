/*
 * Options. One declaration feeds the parser, --help, the completion scripts and the check of the
 * manual. Options may stand anywhere, also before the verb; "--" ends them. There are no
 * abbreviations, and an unknown option or value is an error that names the nearest one: a guide
 * that teaches an option we do not have must fail loudly, not do something else.
 */
#ifndef SALVOR_CMD_OPTS_H
#define SALVOR_CMD_OPTS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_FLAG,
	OPT_COUNT, /* a flag that counts: -vv */
	OPT_STR,
	OPT_LIST,   /* a string that may be given several times */
	OPT_NUM,    /* decimal or 0x, within min..max */
	OPT_SIZE,   /* bytes, or with K, M, G (powers of 1024), within min..max */
	OPT_CHOICE, /* one of `choices` */
};

enum hint { HINT_NONE, HINT_FILE, HINT_DIR, HINT_VERB }; /* what the shell may complete */

struct opt {
	const char *name; /* without the dashes; NULL ends a list */
	char letter;      /* 0 = none */
	enum opt_kind kind;
	enum hint hint;
	const char *arg;            /* "FILE", "N"; NULL for flags and choices */
	const char *help;           /* lower case, no full stop */
	uint64_t min, max;          /* OPT_NUM and OPT_SIZE; max 0 = no limit */
	const char *const *choices; /* NULL-terminated */
	unsigned only; /* globals: offered where the verb has one of these `needs`; 0 = all */
};

#define OPTS_END { .name = NULL } /* the last row of a list */

struct cmd;

struct parsed_opt {
	const struct opt *opt;
	const char *text; /* as given; NULL for flags */
	uint64_t num;     /* OPT_NUM and OPT_SIZE: the value; OPT_CHOICE: the index */
};

/* Texts are borrowed from argv. */
struct parsed {
	const struct cmd *cmd; /* NULL when there was no verb */
	const char *group;     /* "edl" when only the first word of verbs was given, with --help */
	struct parsed_opt *opt;
	size_t n_opt;
	const char **arg; /* NULL-terminated, without the verb's words */
	unsigned n_arg;
};

/* Globals: every verb takes them, as far as their `only` allows. */
extern const struct opt opts_global[];

/* Parses argv[1..argc). On ERR_USAGE `ret` holds what was understood up to there (so that --json
 * and the verb are known for the report) and is to be released too. With --help or --version the
 * number of arguments is not checked. */
int opts_parse(int argc, const char *const *argv, struct parsed *ret, struct err *e) _must_check_;
void parsed_fini(struct parsed *p);

/* Lookups by long name. A name that neither the verb nor the globals declare is a bug of ours and
 * aborts; `make check` finds it before. */
bool parsed_flag(const struct parsed *p, const char *name);
unsigned parsed_count(const struct parsed *p, const char *name);
const char *parsed_str(const struct parsed *p, const char *name); /* NULL when not given */
const char *parsed_list_at(const struct parsed *p, const char *name,
			   size_t i); /* NULL past the end */
uint64_t parsed_num(const struct parsed *p, const char *name, uint64_t dflt); /* also OPT_SIZE */
unsigned parsed_choice(const struct parsed *p, const char *name, unsigned dflt);
/* The i-th argument, or NULL. */
const char *parsed_arg(const struct parsed *p, unsigned i);

bool opt_takes_value(const struct opt *o);
bool opt_applies(const struct opt *o, const struct cmd *cmd);
/* "512", "64K", "4M", "1GiB": powers of 1024. */
int parse_size(const char *text, uint64_t *ret, struct err *e) _must_check_;
/* Edits (insert, delete, replace, swap of neighbours) between two words; for "did you mean". */
unsigned word_distance(const char *a, const char *b) _pure_;

#endif
