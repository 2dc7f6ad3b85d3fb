/* AT commands that write identity, NV items, files of the modem or its own backup. Only recovery/ may
 * include this. */
#ifndef SALVOR_PROTO_AT_WRITE_H
#define SALVOR_PROTO_AT_WRITE_H

#include "proto/at.h"

/* As at_command(), without its refusal of such commands. */
int at_command_unguarded(struct at *a, const char *command, uint32_t ms, struct at_reply *ret,
			 struct err *e) _must_check_;

#endif
