/* A raw host for the DIAG and AT interfaces of the emulated module, for its own tests. */
#ifndef SALVOR_TESTS_UNIT_EMU_DIAG_H
#define SALVOR_TESTS_UNIT_EMU_DIAG_H

#include "tests/unit/emu_util.h"

/* Sends the payload framed; the next frame's payload into out (4096 bytes). Its length, 0 = silence. */
size_t dg_ask(struct rig *r, const void *p, size_t n, uint8_t *out);
/* The next frame without asking. */
size_t dg_next(struct rig *r, uint8_t *out);
/* Whole frames in hex, as documents print them. */
void dg_vector(struct rig *r, const char *request, const char *answer);
/* Full 133 bytes; the status word, or the DIAG error code. `data` (128 bytes) in or out. */
unsigned dg_nv_read(struct rig *r, unsigned id, uint8_t data[128]);
unsigned dg_nv_write(struct rig *r, unsigned id, const void *p, size_t n);
/* A file system command with one path behind `front`; the answer's length. */
size_t dg_efs(struct rig *r, unsigned op, const void *front, size_t n, const char *path, uint8_t *out);
uint32_t dg_put(struct rig *r, const char *path, uint32_t flags, const void *p, size_t n);
/* Length, or the negative errno. */
int dg_get(struct rig *r, const char *path, uint8_t *out);
uint32_t dg_sync(struct rig *r);
/* Number of entries, or the negative errno; the names into names, a blank behind each. */
int dg_list(struct rig *r, const char *path, char *names, size_t cap);
/* Everything the first AT port says within a second after the command, without echo. */
const char *at_ask(struct rig *r, const char *command);
/* Asserts that the answer has the text. */
void at_expect(struct rig *r, const char *command, const char *want);
/* Waits until it is on the bus again as that. */
void rig_until(struct rig *r, enum emu_mode mode);
void rig_reset(struct rig *r); /* by DIAG, until it is back */

#define PUT_ITEM 0xc0241u

#endif
