/* A link whose far side follows a script: expect these bytes, give those, stay silent, leave. */
#ifndef SALVOR_TESTS_SCRIPT_LINK_H
#define SALVOR_TESTS_SCRIPT_LINK_H

#include "link/link.h"

enum script_what {
	SCRIPT_END,     /* closes a script; from here on: silence */
	SCRIPT_GIVE,    /* the far side sends; one read gets one step, or less (see piece, glue) */
	SCRIPT_WANT,    /* the far side waits for exactly these bytes, in one write or several */
	SCRIPT_SILENT,  /* the next read or write times out */
	SCRIPT_GONE,    /* the far side leaves and stays away */
	SCRIPT_STALL,   /* the next read or write fails with ERR_LINK; recover() heals it unseen */
	SCRIPT_RECOVER, /* a recover() call is due */
};

struct script_step {
	enum script_what what;
	const char *hex; /* bytes as text; NULL: p, n */
	const void *p;
	size_t n;
};

#define GIVE(text)       { SCRIPT_GIVE, (text), NULL, 0 }
#define GIVE_RAW(p, n)   { SCRIPT_GIVE, NULL, (p), (n) }
#define WANT(text)       { SCRIPT_WANT, (text), NULL, 0 }
#define WANT_RAW(p, n)   { SCRIPT_WANT, NULL, (p), (n) }
#define SILENT           { SCRIPT_SILENT, NULL, NULL, 0 }
#define GONE             { SCRIPT_GONE, NULL, NULL, 0 }
#define STALL            { SCRIPT_STALL, NULL, NULL, 0 }
#define RECOVER          { SCRIPT_RECOVER, NULL, NULL, 0 }
#define SCRIPT_DONE      { SCRIPT_END, NULL, NULL, 0 }

struct script_link {
	struct link link;
	const struct script_step *steps; /* ends with SCRIPT_DONE */
	size_t at;                       /* the step that is due */
	size_t off;                      /* bytes of it that are through */
	size_t piece;                    /* a read gives at most so many bytes; 0 = no limit */
	bool glue;                       /* GIVE steps in a row arrive in one read */
	bool loose;                      /* what the script does not foresee is swallowed */
	bool gone;
	/* Witnesses */
	char why[160];                   /* the first departure from the script; "" = none */
	size_t writes, zlps;             /* zlps: writes that the link would end with an empty packet */
	size_t vain;                     /* reads while the script had nothing to give */
	enum link_zlp zlp;
};

/* Caller-owned; close() does nothing. Packet size 512, no stream. */
void script_link_init(struct script_link *s, const struct script_step *steps);
/* Did the conversation follow the script to its end? */
bool script_link_done(const struct script_link *s);

#define assert_script(s)                                                                           \
	do {                                                                                       \
		if (!script_link_done(s))                                                          \
			fail_msg("script: step %zu: %s", (s)->at,                                  \
				 (s)->why[0] ? (s)->why : "not reached");                          \
	} while (0)

#endif
