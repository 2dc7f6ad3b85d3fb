/* A byte stream over a socket: a bridge to a module elsewhere, or an emulated one. */
#ifndef SALVOR_LINK_SOCKET_H
#define SALVOR_LINK_SOCKET_H

#include "link/link.h"

/* Is this text an address that socket_open() takes: "unix:PATH", "tcp:HOST:PORT"? */
bool socket_is_address(const char *address);

/* Connects. "unix:PATH" of any length, "tcp:HOST:PORT", "tcp:[V6]:PORT". ERR_NODEV when nobody
 * listens there, ERR_USAGE for a malformed address, ERR_TIMEOUT when a TCP peer does not answer in
 * 10 s. */
int socket_open(const char *address, struct log *log, struct link **ret,
		struct err *e) _must_check_;

#endif
