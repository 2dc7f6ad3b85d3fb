/* Inside of an AT interface. */
#ifndef SALVOR_EMU_AT_INT_H
#define SALVOR_EMU_AT_INT_H

#include "tests/emu/modem.h"

#include <stdarg.h>

#define AT_LINE 5120 /* a write of a 2 KiB file in hex has to fit */

struct at {
	struct emu *m;
	unsigned iface;
	char line[AT_LINE];
	size_t n;
	bool no_echo;
	unsigned cmee;
	unsigned said;
	unsigned urc_at;
};

/* One line, framed. */
void at_say(struct at *a, const char *fmt, ...) _printf_(2, 3);
void at_error(struct at *a, unsigned code);
/* The text behind "AT". */
void at_command(struct at *a, const char *s);

#endif
