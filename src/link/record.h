/*
 * A decorator that writes every transfer of another link into a readable text log, which replay.h
 * plays back. The log:
 *
 *	# salvor link log 1
 *	# usb 1-1.4 interface 0
 *	link max_packet=512 can_zlp=1 is_stream=0
 *	3 > 7                                   3 ms after the start: 7 bytes were written
 *	  4b650100540f7e  |Ke..T.~|
 *	9 < 48                                  48 bytes were read
 *	  0100000030000000...  |....0...|       32 bytes a line
 *	509 < !timeout nothing arrived in 500 ms
 *	510 zlp off
 *	511 recover
 *
 * A failed write shows its bytes and its error: "600 > 512 !timeout ...". Lines that begin with '#'
 * are comments. The log holds everything that was said, identities and firmware included.
 */
#ifndef SALVOR_LINK_RECORD_H
#define SALVOR_LINK_RECORD_H

#include "link/link.h"

#include "base/stream.h"

/* Takes over `inner` (closed with the recorder) and writes to `out`, which the caller owns and
 * keeps until the link is closed. A log that cannot be written any more ends with one warning; the
 * transfers go on. On failure `inner` is untouched. */
int record_open(struct link *inner, struct sink *out, struct link **ret,
		struct err *e) _must_check_;

#endif
