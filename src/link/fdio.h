/* What the tty and the socket have in common: a non-blocking descriptor that carries a byte stream.
 */
#ifndef SALVOR_LINK_FDIO_H
#define SALVOR_LINK_FDIO_H

#include "link/link.h"

struct fdio {
	struct link link;
	int fd;
	bool is_socket;
	bool gone; /* an end of file or a hang-up was seen; it stays so */
};

/* The read and write members of struct link_ops for a link that begins with a struct fdio. */
int fdio_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
	_must_check_;
int fdio_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e) _must_check_;

#endif
