/*
 * A link moves bytes between us and one interface of one module, and knows no protocol. USB bulk, a
 * tty, a socket, memory; and decorators around a link: record, replay, fault.
 *
 * Contract for every backend:
 *  - A zero-length packet is never seen above the link: read() swallows it, write() makes it where
 *    the device and the phase want one (set_zlp).
 *  - read() gives whatever arrived first, 1..cap bytes; a byte is never lost because the caller's
 *    buffer was small: the link owns packet-sized buffers and keeps the rest.
 *  - ERR_TIMEOUT: nothing arrived in `ms`. ERR_GONE: the device left (ENODEV, EPROTO, ESHUTDOWN,
 *    end of file); it stays gone. ERR_LINK: the transfer failed but the device is still there.
 *  - write() sends all n bytes or fails; after a failed write how much got out is unknown.
 *  - One thread. Nothing here retries, prints or interprets.
 */
#ifndef SALVOR_LINK_LINK_H
#define SALVOR_LINK_LINK_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/log.h"

#include <stdint.h>

enum link_zlp {
	LINK_ZLP_AUTO, /* what the backend knows to be right for the device; ON on USB */
	LINK_ZLP_ON,   /* end a write whose length is a multiple of the packet size with an empty one */
	LINK_ZLP_OFF,
};

struct link;

struct link_ops {
	const char *name; /* "usb", "tty", "socket" ... */
	/* Waits up to ms (0 = only what is there) for at least one byte. */
	int (*read)(struct link *, void *buf, size_t cap, uint32_t ms, size_t *ret_n, struct err *);
	/* ms is for the whole write. */
	int (*write)(struct link *, const void *buf, size_t n, uint32_t ms, struct err *);
	/* Frees the link. Never fails; pending transfers are cancelled. */
	void (*close)(struct link *);
	/* May be NULL where zero-length packets do not exist. */
	void (*set_zlp)(struct link *, enum link_zlp);
	/* Clears endpoint halts / drops stale errors. May be NULL. */
	int (*recover)(struct link *, struct err *);
	/* Stops reading ahead: what the device says after this stays in the device until the next
	 * read(). What arrived before is kept. May be NULL where nothing reads ahead. */
	int (*settle)(struct link *, struct err *);
};

struct link {
	const struct link_ops *ops;
	struct log *log;       /* may be NULL */
	uint32_t max_packet;   /* 512, 1024; 0 on byte streams */
	bool can_zlp;          /* false on tty and sockets: tell the programmer ZlpAwareHost=0 */
	bool is_stream;        /* packet borders are not kept: reassemble */
	char desc[96];         /* "usb 1-1.4 interface 0", "/dev/ttyUSB0": for messages */
};

/* Dispatchers; they also trace every transfer and put `desc` in front of errors. */
int link_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
	_must_check_;
int link_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e) _must_check_;
void link_set_zlp(struct link *l, enum link_zlp mode);
int link_recover(struct link *l, struct err *e) _must_check_;
int link_settle(struct link *l, struct err *e) _must_check_;
void link_close(struct link *l); /* NULL is fine */
/* Reads and drops what is there until `quiet_ms` of silence or `max_ms` in all. Returns the number of
 * bytes dropped; errors other than a timeout end it silently. */
size_t link_drain(struct link *l, uint32_t quiet_ms, uint32_t max_ms);

#endif
