/*
 * NV items on the wire: commands 0x26/0x27 and their indexed form in subsystem 48. A refusal comes in
 * two shapes: the status word of a normal answer, or a DIAG error answer (diag_msg.h).
 */
#ifndef SALVOR_WIRE_NV_MSG_H
#define SALVOR_WIRE_NV_MSG_H

#include "base/bytes.h"

#define NV_DATA_LEN   128
#define NV_PACKET_LEN 133 /* command, item, data, status */
#define NV_INDEXED_LEN 138 /* header, item, index, data, status */

/* Commands of subsystem 48, agreed by bkerler, qfenix and EfsTools. */
enum { NV_INDEXED_READ = 1, NV_INDEXED_WRITE = 2 };

/* Status word. 0 to 7 agreed by ModemManager, bkerler and EfsTools; the rest has one source. */
enum nv_status {
	NV_STATUS_DONE = 0,
	NV_STATUS_BUSY = 1,
	NV_STATUS_BAD_COMMAND = 2,
	NV_STATUS_FULL = 3,
	NV_STATUS_FAILED = 4,
	NV_STATUS_NOT_ACTIVE = 5, /* exists, was never written */
	NV_STATUS_BAD_PARM = 6,
	NV_STATUS_READ_ONLY = 7,
	NV_STATUS_NOT_DEFINED = 8, /* unknown to this build */
	NV_STATUS_NO_MEMORY = 9,
	NV_STATUS_INTERNAL = 10,
};
/* "not active", "read only" ...; "unknown status" for the rest. */
const char *nv_status_text(uint16_t status);

struct nv_answer {
	uint16_t id, index;
	uint16_t status;
	uint8_t data[NV_DATA_LEN];
};

/* Reading asks with a full-size packet. `first` is the first data byte: the element of an array item
 * in the form that has no index field, otherwise 0. */
void nv_read_build(struct writer *w, uint16_t id, uint8_t first);
void nv_write_build(struct writer *w, uint16_t id, const uint8_t data[NV_DATA_LEN]);
/* cmd: DIAG_CMD_NV_READ or DIAG_CMD_NV_WRITE. A packet that was cut after the item is ERR_PROTO. */
int nv_answer_parse(struct slice in, uint8_t cmd, struct nv_answer *ret, struct err *e) _must_check_;

void nv_indexed_read_build(struct writer *w, uint16_t id, uint16_t index);
void nv_indexed_write_build(struct writer *w, uint16_t id, uint16_t index,
			    const uint8_t data[NV_DATA_LEN]);
/* cmd: NV_INDEXED_READ or NV_INDEXED_WRITE. */
int nv_indexed_answer_parse(struct slice in, uint16_t cmd, struct nv_answer *ret, struct err *e)
	_must_check_;

#endif
