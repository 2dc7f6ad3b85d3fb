/*
 * Sahara packets: bytes <-> structs, both directions. Every integer is little endian; a packet is
 * u32 command, u32 length (of the whole packet) and fixed fields; no checksum, no sync marker.
 * Image data, memory data and command results travel without a header.
 */
#ifndef SALVOR_WIRE_SAHARA_PKT_H
#define SALVOR_WIRE_SAHARA_PKT_H

#include "base/bytes.h"
#include "base/err.h"

/* Packet identifiers and lengths: linux-msm/qdl, bkerler/edl, Quectel QFirehose, edl-ng and fwupd's
 * qc-firehose agree; WRITE_DATA (0x14) is a bare id in qdl, its layout is not public. */
enum sahara_cmd {
	SAHARA_CMD_HELLO = 0x01,
	SAHARA_CMD_HELLO_RESP = 0x02,
	SAHARA_CMD_READ_DATA = 0x03,
	SAHARA_CMD_END_OF_IMAGE = 0x04,
	SAHARA_CMD_DONE = 0x05,
	SAHARA_CMD_DONE_RESP = 0x06,
	SAHARA_CMD_RESET = 0x07,
	SAHARA_CMD_RESET_RESP = 0x08,
	SAHARA_CMD_MEM_DEBUG = 0x09,
	SAHARA_CMD_MEM_READ = 0x0a,
	SAHARA_CMD_CMD_READY = 0x0b,
	SAHARA_CMD_SWITCH_MODE = 0x0c,
	SAHARA_CMD_EXECUTE = 0x0d,
	SAHARA_CMD_EXECUTE_RESP = 0x0e,
	SAHARA_CMD_EXECUTE_DATA = 0x0f,
	SAHARA_CMD_MEM_DEBUG64 = 0x10,
	SAHARA_CMD_MEM_READ64 = 0x11,
	SAHARA_CMD_READ_DATA64 = 0x12,
	SAHARA_CMD_RESET_STATE = 0x13,
	SAHARA_CMD_WRITE_DATA = 0x14,
};

/* What HELLO proposes and HELLO_RESP or SWITCH_MODE asks for: all implementations agree. */
enum sahara_mode {
	SAHARA_MODE_IMAGE_PENDING = 0,
	SAHARA_MODE_IMAGE_COMPLETE = 1,
	SAHARA_MODE_MEM_DEBUG = 2,
	SAHARA_MODE_COMMAND = 3,
};

/* Client commands of command mode: qdl and bkerler/edl; CHIP_ID (version 3) likewise. */
enum sahara_exec {
	SAHARA_EXEC_SERIAL = 0x01,
	SAHARA_EXEC_HWID = 0x02,
	SAHARA_EXEC_PKHASH = 0x03,
	SAHARA_EXEC_SBL_VERSION = 0x07,
	SAHARA_EXEC_CHIP_ID = 0x0a,
};

/* The statuses that code here decides on; sahara_status_words() knows all of them. */
enum sahara_status {
	SAHARA_STATUS_OK = 0x00,
	SAHARA_STATUS_BAD_COMMAND = 0x01,
	SAHARA_STATUS_AUTH_FAILED = 0x25,
};

#define SAHARA_VERSION_MAX  3 /* the highest protocol version spoken here */
#define SAHARA_PKT_MIN      8
#define SAHARA_PKT_MAX      4096 /* sanity; the longest packet that is known has 48 bytes */
#define SAHARA_REGION_LEN32 52
#define SAHARA_REGION_LEN64 64
#define SAHARA_REGION_TEXT  20
#define SAHARA_REGIONS_MAX  65536 /* bytes of a region table: a cap on what the target announces */

struct sahara_pkt {
	uint32_t cmd; /* says which member of the union counts; none for the header-only ones */
	union {
		struct {
			uint32_t version, min_version;
			uint32_t max_len; /* longest packet that the target takes */
			uint32_t mode;
		} hello;
		struct {
			uint32_t version, min_version, status, mode;
		} hello_resp;
		struct {
			uint64_t image, off, count;
		} read; /* READ_DATA and READ_DATA64 */
		struct {
			uint32_t image, status;
		} end;
		uint32_t done; /* DONE_RESP: 0 = more images wanted, 1 = complete */
		struct {
			uint64_t addr, len;
		} mem;         /* MEM_DEBUG and MEM_READ in both widths */
		uint32_t mode; /* SWITCH_MODE */
		struct {
			uint32_t id;
			uint32_t len; /* EXECUTE_RESP: bytes that EXECUTE_DATA will release */
		} exec;               /* EXECUTE, EXECUTE_RESP, EXECUTE_DATA */
		struct slice body; /* a command that is not in the table: what follows the header */
	};
};

/* Reads one whole packet, as the framer cut it out. ERR_PROTO when the length does not belong to
 * the command, with both numbers. A command that is not known parses; `body` borrows from `in`. */
int sahara_pkt_parse(struct slice in, struct sahara_pkt *ret, struct err *e) _must_check_;
/* ERR_BUG when a value does not fit its field, the writer is full or the command is not known. */
int sahara_pkt_build(struct writer *w, const struct sahara_pkt *in, struct err *e) _must_check_;

/* "READ_DATA"; NULL for a command that is not known. */
const char *sahara_cmd_name(uint32_t cmd);
/* An END_OF_IMAGE status in words, never NULL. */
const char *sahara_status_words(uint32_t status);

/* What stands at the front of the received bytes. The answer for a given front never changes with
 * what follows, so it does not matter how the transport cut or glued the packets. */
enum sahara_front {
	SAHARA_FRONT_MORE, /* too little to tell, or a packet whose end is still to come */
	SAHARA_FRONT_PACKET,
	SAHARA_FRONT_FIREHOSE,  /* "<?xml": a Firehose programmer talks */
	SAHARA_FRONT_STREAMING, /* 0x7E: an HDLC frame, a streaming programmer talks */
	SAHARA_FRONT_GARBAGE,   /* a length that no packet has */
};
/* *ret_len is set for SAHARA_FRONT_PACKET only. */
enum sahara_front sahara_front(struct slice have, size_t *ret_len);

/*
 * Receive buffer. The transport reads straight into sahara_rx_room(); sahara_rx_next() hands out
 * whole packets; raw results are taken with sahara_rx_take(). Slices handed out live until the next
 * call of sahara_rx_room() or sahara_rx_clear().
 */
struct sahara_rx {
	uint8_t buf[2 * SAHARA_PKT_MAX];
	size_t off, n; /* buf[off..n) is held */
};

static inline void sahara_rx_init(struct sahara_rx *rx)
{
	rx->off = rx->n = 0;
}
static inline struct slice sahara_rx_held(const struct sahara_rx *rx)
{
	return (struct slice){ rx->buf + rx->off, rx->n - rx->off };
}
static inline void sahara_rx_clear(struct sahara_rx *rx)
{
	rx->off = rx->n = 0;
}
/* Where the next bytes go. At least SAHARA_PKT_MAX bytes of room as long as the caller takes
 * packets out until SAHARA_FRONT_MORE, and raw results of at most SAHARA_PKT_MAX bytes. */
uint8_t *sahara_rx_room(struct sahara_rx *rx, size_t *ret_cap);
/* `n` bytes were put into the room. */
void sahara_rx_filled(struct sahara_rx *rx, size_t n);
/* The next packet leaves the buffer; anything else stays where it is. */
enum sahara_front sahara_rx_next(struct sahara_rx *rx, struct slice *ret_pkt);
/* n bytes without a header; false while fewer are held. */
bool sahara_rx_take(struct sahara_rx *rx, size_t n, struct slice *ret);

/* One line of the memory-debug region table. The width follows from the packet that announced the
 * table: MEM_DEBUG 52 bytes a line, MEM_DEBUG64 64 bytes. Layout: qdl and bkerler/edl. */
struct sahara_region {
	uint64_t save_pref; /* 1 = worth saving */
	uint64_t base, len;
	char desc[SAHARA_REGION_TEXT + 1];
	char name[SAHARA_REGION_TEXT + 1]; /* file name; hostile: see sahara_region_name_ok() */
};

/* Number of lines in a table of `len` bytes. ERR_PROTO when len is 0, over SAHARA_REGIONS_MAX, or
 * no multiple of a line. */
int sahara_region_count(uint64_t len, bool wide, size_t *ret, struct err *e) _must_check_;
int sahara_region_parse(struct slice line, bool wide, struct sahara_region *ret,
			struct err *e) _must_check_;
int sahara_region_build(struct writer *w, const struct sahara_region *in, bool wide,
			struct err *e) _must_check_;
/* Is the name fit to be a file in a folder of ours: not empty, no separator, no dot in front,
 * printable ASCII. */
bool sahara_region_name_ok(const char *name);

/*
 * The OEM key hash within what SAHARA_EXEC_PKHASH released. Targets give the hash bare, once per
 * root certificate, or followed by zeros up to 144 bytes; qdl's rule sorts them out: when the first
 * k >= 4 bytes recur directly afterwards keep k, drop trailing zeros, round up to 32, 48 or 64
 * without exceeding what came. Returns the length, at most 64; 0 when nothing but zeros came.
 */
size_t sahara_pkhash_reduce(struct slice raw, uint8_t out[64]);

#endif
