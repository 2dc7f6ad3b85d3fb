/* What the tests of the emulated module share: a module in a temporary folder and a raw host. */
#ifndef SALVOR_TESTS_UNIT_EMU_UTIL_H
#define SALVOR_TESTS_UNIT_EMU_UTIL_H

#include "tests/emu/emu.h"

#include "base/bytes.h"

struct rig {
	struct emu *m;
	char dir[64];
	uint64_t now;
	uint8_t in[1 << 16];
	uint8_t out[4096]; /* an unframed answer */
	size_t in_n;
	uint16_t seq; /* of file system requests */
};

/* `quirks`: up to three specs separated by ';', or NULL. Asserts that it works. */
void rig_open(struct rig *r, const char *model, const char *quirks);
void rig_reopen(struct rig *r, const char *model, const char *quirks);
void rig_close(struct rig *r);
/* One IN transfer into r->in, waiting up to ms of virtual time. The negative errno, or the length. */
ssize_t rig_in(struct rig *r, size_t cap, uint32_t ms);
int rig_out(struct rig *r, const void *p, size_t n);
void rig_pass(struct rig *r, uint32_t ms);
void rig_out_hex(struct rig *r, const char *hex);
/* The next transfer is exactly these bytes. */
void rig_expect_hex(struct rig *r, const char *hex);
/* Uploads a synthetic programmer of the family and reads the banner away. */
void rig_to_firehose(struct rig *r, const char *chip, char family);
/* Sends <data>TAG</data>. */
void rig_xml(struct rig *r, const char *tag);
/* Reads documents until a response; returns it (in r->in), logs of before go to `logs` (may be NULL). */
const char *rig_response(struct rig *r, char *logs, size_t cap);
/* xml + response in one, asserts that `want` stands in the response. */
void rig_do(struct rig *r, const char *tag, const char *want);
/* n bytes of a raw phase. */
void rig_raw_in(struct rig *r, uint8_t *out, size_t n);

#endif
