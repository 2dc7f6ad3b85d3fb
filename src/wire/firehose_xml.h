/*
 * Firehose's documents: one writer per command, and what a programmer's documents say. Facts:
 * public logs and the printable text of programmers of both generations; the shape of the envelope
 * is that of the module vendor's own tool, which every programmer in the field has met.
 */
#ifndef SALVOR_WIRE_FIREHOSE_XML_H
#define SALVOR_WIRE_FIREHOSE_XML_H

#include "base/bytes.h"

/* A command element; other hosts keep below it too, and a document must fit into 4096 bytes. */
#define FIREHOSE_TAG_MAX 500
/* Room for an element in its envelope. */
#define FIREHOSE_DOC_ROOM 640

struct firehose_configure {
	const char *memory_name; /* "nand", "eMMC", "UFS" */
	uint32_t payload_to_target;
	uint32_t digest_table; /* 2048 on NAND */
	bool zlp_aware;
	bool skip_storage_init;
};

/* Where a command works. pages_per_block 0 = attribute not sent. */
struct firehose_range {
	uint32_t sector_size, pages_per_block, lun;
	uint64_t start, count;
};

/* Each writes one whole document into `w`. ERR_BUG for a range that is empty or wraps: an erase
 * without its range erases the chip. ERR_USAGE for a text that does not fit FIREHOSE_TAG_MAX. */
int firehose_configure_build(struct writer *w, const struct firehose_configure *c,
			     struct err *e) _must_check_;
int firehose_read_build(struct writer *w, const struct firehose_range *r,
			struct err *e) _must_check_;
/* `filename` is only logged by the programmer: its last part is sent, cut to 64 bytes; NULL = none.
 * last_sector 0 = not sent. */
int firehose_program_build(struct writer *w, const struct firehose_range *r, uint64_t last_sector,
			   const char *filename, struct err *e) _must_check_;
int firehose_erase_build(struct writer *w, const struct firehose_range *r,
			 struct err *e) _must_check_;
int firehose_sha256_build(struct writer *w, const struct firehose_range *r,
			  struct err *e) _must_check_;

struct firehose_patch_args {
	uint32_t sector_size, lun, size_in_bytes;
	uint64_t byte_offset;
	const char *start_sector, *value; /* numbers or expressions that the programmer evaluates */
};
int firehose_patch_build(struct writer *w, const struct firehose_patch_args *p,
			 struct err *e) _must_check_;
int firehose_storage_info_build(struct writer *w, uint32_t lun, bool json,
				struct err *e) _must_check_;
/* value: "reset", "off", "reset_to_edl"; delay_s 0 = not sent. */
int firehose_power_build(struct writer *w, const char *value, unsigned delay_s,
			 struct err *e) _must_check_;
int firehose_nop_build(struct writer *w, struct err *e) _must_check_;
int firehose_set_bootable_build(struct writer *w, uint32_t lun, struct err *e) _must_check_;
/* Puts the envelope around `element`, byte for byte. ERR_USAGE unless it is one self-closing
 * element; ERR_POLICY for an erase that is no vendor tag (it would erase a range, or everything,
 * behind the caller's back) and for commands that carry raw data, configure, or touch memory. */
int firehose_verbatim_build(struct writer *w, const char *element, struct err *e) _must_check_;

/* What a programmer says. */
enum firehose_item_kind {
	FIREHOSE_ITEM_LOG,
	FIREHOSE_ITEM_RESPONSE,
	FIREHOSE_ITEM_UNKNOWN, /* an element that we do not know: text is its name */
};

struct firehose_response {
	bool ack; /* value="ACK"; anything else is a refusal */
	bool raw; /* rawmode="true": raw bytes come next */
	bool attempt_retry;
	/* configure; 0 and "" where the attribute is missing */
	uint32_t to_target, to_target_supported, from_target, max_xml;
	bool has_version; /* family B */
	char memory_name[16];
	char target_name[32]; /* family A */
};

#define FIREHOSE_LOG_MAX 4096

struct firehose_item {
	enum firehose_item_kind kind;
	struct firehose_response response;
	const char *text; /* log text without line ends, or an element's name; lives as long as the
			     document, and no longer than the next item */
};

/* A document that is being gone through; owned by whoever opened it. */
struct firehose_doc {
	struct xml_doc *xml;
	const struct xml_node *next;
	char *text;
};

/* Parses a document that the framer gave. Bytes that are no UTF-8 and control characters, which
 * phone programmers put into logs, were replaced by '?' before. ERR_PROTO when it is no XML even
 * so, with code 1 when it looked like an answer. */
int firehose_doc_open(struct firehose_doc *d, struct slice bytes, struct err *e) _must_check_;
/* The next child of <data>; false at the end. */
bool firehose_doc_next(struct firehose_doc *d, struct firehose_item *ret);
void firehose_doc_close(struct firehose_doc *d); /* harmless on an empty one */

#endif
