/*
 * DIAG packets, without their framing: identification, security, mode control, errors and the traffic
 * that a module sends unasked. NV items are in nv_msg.h, the file system in efs_msg.h. Integers are
 * little-endian and packed. Facts: docs/protocols.md, section DIAG.
 */
#ifndef SALVOR_WIRE_DIAG_MSG_H
#define SALVOR_WIRE_DIAG_MSG_H

#include "base/bytes.h"

/* Command numbers on which at least two of libqcdm, libopenpst and qfenix agree. */
enum {
	DIAG_CMD_VERSION = 0x00,
	DIAG_CMD_STATUS = 0x0c,
	DIAG_CMD_DIAG_VERSION = 0x1c,
	DIAG_CMD_NV_READ = 0x26,
	DIAG_CMD_NV_WRITE = 0x27,
	DIAG_CMD_CONTROL = 0x29,
	DIAG_CMD_DLOAD = 0x3a,
	DIAG_CMD_SPC = 0x41,
	DIAG_CMD_PASSWORD = 0x46,
	DIAG_CMD_SUBSYS = 0x4b,
	DIAG_CMD_EVENTS = 0x60,
	DIAG_CMD_SNAPSHOT = 0x63,
	DIAG_CMD_LOG_CONFIG = 0x73,
	DIAG_CMD_EXT_BUILD_ID = 0x7c,
	DIAG_CMD_MSG_CONFIG = 0x7d,
};

/* Subsystems behind DIAG_CMD_SUBSYS. */
enum {
	DIAG_SUBSYS_CALL_MANAGER = 0x0f,
	DIAG_SUBSYS_EFS = 0x13,
	DIAG_SUBSYS_NV = 0x30,
	DIAG_SUBSYS_EFS_ALT = 0x3e, /* a second owner of the file system on multi-processor builds */
	DIAG_SUBSYS_SYSTEM = 0x65,
};

#define DIAG_SUBSYS_HEADER 4
/* Largest payload we ever build: the EFS2 limit of targets. All but large PUTs stay below 1536. */
#define DIAG_REQUEST_MAX   2048

/* Error answers: the code, then a copy of the request, possibly cut. */
enum {
	DIAG_ERR_BAD_CMD = 0x13,
	DIAG_ERR_BAD_PARM = 0x14,
	DIAG_ERR_BAD_LEN = 0x15,
	DIAG_ERR_BAD_DEV = 0x16,
	DIAG_ERR_SECURITY = 0x17,
	DIAG_ERR_BAD_MODE = 0x18,
	DIAG_ERR_BAD_SPC_MODE = 0x42,
	DIAG_ERR_BAD_SEC_MODE = 0x47,
	DIAG_ERR_BAD_TRANS = 0x95,
	DIAG_ERR_SSM = 0x96,
};

struct diag_error {
	uint8_t code;
	const char *name, *meaning;
};

/* The row of an error answer's first byte, or NULL when the byte is none. The only such table. */
const struct diag_error *diag_error_find(uint8_t code);
/* Sets ERR_REFUSED with the code and its meaning; returns -1. */
int diag_error_set(struct err *e, uint8_t code);
/* Is `answer` an error answer to `request`? The copy is compared as far as it goes. An error without
 * any copy matches every request: the caller decides whether it may believe that. */
bool diag_error_is_for(struct slice answer, struct slice request);

/* Log records, debug messages, events: may come at any time, also between request and answer. */
bool diag_is_unsolicited(struct slice frame);

/* The first bytes of every subsystem packet. */
void diag_subsys_build(struct writer *w, uint8_t subsys, uint16_t cmd);
/* Is the packet of this subsystem and command? */
bool diag_subsys_is(struct slice packet, uint8_t subsys, uint16_t cmd);

/* 0x00: who are you. Modules answer 54 or 55 bytes; 47 are enough. */
struct diag_version {
	char compiled[21]; /* "Mar 01 2024 12:00:00" */
	char released[21];
	char model[9];
};
int diag_version_parse(struct slice in, struct diag_version *ret, struct err *e) _must_check_;

/* 0x7C: software build and model names; either may be empty. */
struct diag_build_id {
	uint32_t msm;
	uint32_t mobile_model;
	char build[128], model[64];
};
int diag_build_id_parse(struct slice in, struct diag_build_id *ret, struct err *e) _must_check_;

/* 0x41: six digits. ERR_USAGE for anything else. The lock may count wrong codes. */
int diag_spc_build(struct writer *w, const char *spc, struct err *e) _must_check_;
/* 0x46: eight bytes. */
void diag_password_build(struct writer *w, const uint8_t password[8]);
/* The answer to either: true when accepted. */
int diag_unlock_parse(struct slice in, uint8_t cmd, bool *ret_accepted, struct err *e) _must_check_;

/* 0x29. From offline only a reset returns reliably: "online" leaves a module at CFUN 7. */
enum diag_mode {
	DIAG_MODE_OFFLINE_ANALOGUE = 0,
	DIAG_MODE_OFFLINE = 1,
	DIAG_MODE_RESET = 2,
	DIAG_MODE_FTM = 3,
	DIAG_MODE_ONLINE = 4,
	DIAG_MODE_LOW_POWER = 5,
	DIAG_MODE_POWER_OFF = 6,
};
void diag_mode_build(struct writer *w, enum diag_mode mode);
/* Some builds echo the request, some answer one status byte: both are accepted. A status that is not
 * zero is ERR_REFUSED. */
int diag_mode_parse(struct slice in, enum diag_mode asked, struct err *e) _must_check_;

/* Operating mode as the call manager or the status snapshot tell it: other numbers than above. */
enum diag_oper_mode {
	DIAG_OPER_POWER_OFF = 0,
	DIAG_OPER_FTM = 1,
	DIAG_OPER_OFFLINE = 2,
	DIAG_OPER_OFFLINE_ANALOGUE = 3,
	DIAG_OPER_OFFLINE_DIGITAL = 4,
	DIAG_OPER_ONLINE = 5,
	DIAG_OPER_LOW_POWER = 6,
	DIAG_OPER_RESETTING = 7,
};
/* Request 4B 0F 00 00. */
void diag_cm_state_build(struct writer *w);
int diag_cm_state_parse(struct slice in, uint32_t *ret_oper_mode, struct err *e) _must_check_;
/* Request 63. */
int diag_snapshot_parse(struct slice in, uint32_t *ret_oper_mode, struct err *e) _must_check_;
/* "online", "factory test mode", "unknown mode". */
const char *diag_oper_mode_name(uint32_t oper_mode);

/* Reboot into emergency download. The answer is the same four bytes, then the port drops. */
void diag_edl_build(struct writer *w);

/* Requests that silence a module; their answers do not matter. i = 0, 1, 2; false past the last. */
bool diag_silence_build(struct writer *w, unsigned i);

#endif
