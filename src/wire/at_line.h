/*
 * The line side of an AT port: bytes to lines, and what a line is with respect to the command in flight.
 * Unsolicited lines may come at any time, also in the middle of an answer.
 */
#ifndef SALVOR_WIRE_AT_LINE_H
#define SALVOR_WIRE_AT_LINE_H

#include "base/bytes.h"

/* Longest line kept. A file read as hex over AT is the longest there is. */
#define AT_LINE_MAX    8192
#define AT_COMMAND_MAX 512

enum at_feed {
	AT_MORE,     /* all input taken, no line complete */
	AT_LINE,     /* *ret_line is a line without its end, never empty, valid until the next feed */
	AT_TOO_LONG, /* a line was thrown away */
};

struct at_rx {
	char *buf; /* the caller's memory */
	size_t cap, n;
	bool overlong;
	bool handed_out; /* buf holds a line that the caller has seen */
};

void at_rx_init(struct at_rx *rx, char *buf, size_t cap);
void at_rx_reset(struct at_rx *rx);
/* Takes bytes from the front of *in until one line ends or nothing is left. CR, LF and CRLF end a line;
 * NUL bytes are dropped. The line is NUL-terminated. */
enum at_feed at_rx_feed(struct at_rx *rx, struct slice *in, const char **ret_line);

enum at_kind {
	AT_KIND_ECHO,  /* the command itself */
	AT_KIND_INFO,  /* belongs to the answer */
	AT_KIND_URC,   /* unsolicited */
	AT_KIND_OK,    /* final results */
	AT_KIND_ERROR,
};

struct at_result {
	enum at_kind kind;
	/* For AT_KIND_ERROR: the number behind +CME ERROR or +CMS ERROR, or -1 when it was a plain ERROR
	 * or the module speaks in words. */
	int32_t code;
	bool is_cms;
	char text[96]; /* the module's words, or the meaning of the number; empty for a plain ERROR */
};

/* What `line` is while `command` ("AT+CGMM", no line end) is in flight; NULL = none is. */
void at_classify(const char *line, const char *command, struct at_result *ret);

/* "operation not allowed"; NULL for numbers that this project has no need of. */
const char *at_cme_text(int32_t code);

/* The text behind "+CMD: " when the line starts so, else NULL. Name without plus and colon. */
const char *at_value(const char *line, const char *name);
/* The i-th comma-separated field of a value, quotes removed; false when there are fewer. Commas inside
 * quotes do not separate. A field that does not fit is cut. */
bool at_field(const char *value, unsigned i, char *out, size_t cap);

/* Why this command may not be sent by accident (it writes identity, NV or firmware, or overwrites the
 * module's own backup), or NULL when it is harmless enough. Case and blanks do not matter. */
const char *at_danger(const char *command);

#endif
