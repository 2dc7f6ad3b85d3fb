/*
 * Firehose's receive side: a stream of XML documents and announced raw bytes, cut anywhere. The
 * same bytes give the same documents and the same payload, whatever the cuts: programmers split
 * documents over transfers, put several into one, and glue the closing answer to the last data.
 */
#ifndef SALVOR_WIRE_FIREHOSE_RX_H
#define SALVOR_WIRE_FIREHOSE_RX_H

#include "base/bytes.h"

/* Programmers announce 4 KiB at most; phone builds print storage reports that are longer. */
#define FIREHOSE_RX_DOC_MAX 65536

enum firehose_feed {
	FIREHOSE_FEED_MORE, /* everything was consumed, nothing is complete */
	FIREHOSE_FEED_DOC, /* *ret is one document, "<?xml" or "<data" up to and including "</data>"
			    */
	FIREHOSE_FEED_RAW, /* *ret is payload */
	FIREHOSE_FEED_FAIL, /* out of memory, in e */
};

struct firehose_rx {
	struct buf doc; /* what has come of the document that is being assembled */
	bool in_doc;
	bool give; /* doc holds a document that was handed out and is dropped at the next call */
	uint8_t start, end; /* bytes matched of a start mark and of "</data>" */
	uint64_t raw_left;  /* payload bytes that the session announced and that did not come yet */
	uint64_t junk; /* bytes that belong to no document; blanks between documents do not count */
	unsigned broken; /* documents that were begun and dropped: overlong, or cut by the next one
			  */
};

void firehose_rx_init(struct firehose_rx *rx);
void firehose_rx_fini(struct firehose_rx *rx);
/* Forgets a half-received document and announced payload; the counters stay. */
void firehose_rx_reset(struct firehose_rx *rx);
/* The next n bytes are payload. Called right after the document that says so was handed out: what
 * follows its "</data>" is payload already. */
void firehose_rx_expect_raw(struct firehose_rx *rx, uint64_t n);
/* Consumes from `in` up to the end of the next thing and gives it in *ret, which is borrowed: from
 * `in`'s memory or from the framer, until the next call. */
enum firehose_feed firehose_rx_feed(struct firehose_rx *rx, struct slice *in, struct slice *ret,
				    struct err *e) _must_check_;

#endif
