/*
 * The framing of DIAG: payload, CRC-16/X.25 low byte first, 0x7E and 0x7D escaped as 0x7D and the byte
 * with bit 5 flipped, one 0x7E at the end. A 0x7E in front is allowed and means nothing.
 *
 * The terminator is the only point of resynchronisation: whatever stands before it is one frame, good
 * or bad, and is consumed either way. Reads may be cut or glued together anywhere.
 */
#ifndef SALVOR_WIRE_HDLC_H
#define SALVOR_WIRE_HDLC_H

#include "base/bytes.h"

#define HDLC_FLAG 0x7e
#define HDLC_ESC  0x7d

/* Largest decoded payload accepted. The Linux DIAG core goes up to 16 KiB. */
#define HDLC_PAYLOAD_MAX 32768

/* Room for a frame of n payload bytes: every byte and the CRC escaped, both flags. */
#define HDLC_FRAME_ROOM(n) (2 * ((n) + 2) + 2)

enum hdlc_feed {
	HDLC_MORE,  /* all input taken, no frame complete */
	HDLC_FRAME, /* *ret_frame is a payload without its CRC, valid until the next feed */
	HDLC_BAD,   /* a frame was thrown away: CRC, too short, too long, or cut by an escape */
};

struct hdlc_rx {
	uint8_t *buf; /* the caller's memory */
	size_t cap;   /* of it; payload and CRC must fit */
	size_t n;
	bool escaped;  /* the last byte was an escape */
	bool overlong; /* bytes were lost; the frame ends as bad */
};

void hdlc_rx_init(struct hdlc_rx *rx, void *buf, size_t cap);
/* Forgets a half frame. */
void hdlc_rx_reset(struct hdlc_rx *rx);
/* Takes bytes from the front of *in until one frame ends or nothing is left. Call again while it does
 * not return HDLC_MORE. */
enum hdlc_feed hdlc_rx_feed(struct hdlc_rx *rx, struct slice *in, struct slice *ret_frame);

/* Appends the frame of `payload`; `lead` puts a flag in front, which makes the far side drop half a
 * frame that an earlier program left in it. */
void hdlc_build(struct writer *w, struct slice payload, bool lead);

#endif
