/* Message digests, by nettle. The context is opaque here, so that nettle stays in digest.c. */
#ifndef SALVOR_BASE_DIGEST_H
#define SALVOR_BASE_DIGEST_H

#include "base/bytes.h"

enum digest_alg { DIGEST_SHA256, DIGEST_MD5 };

#define DIGEST_MAX      32
#define DIGEST_HEX_MAX  (2 * DIGEST_MAX + 1)

struct digest {
	enum digest_alg alg;
	union {
		uint64_t align;
		uint8_t room[256]; /* digest.c asserts that nettle's contexts fit */
	} ctx;
};

void digest_init(struct digest *d, enum digest_alg alg);
void digest_update(struct digest *d, const void *p, size_t n);
/* Writes the digest and starts the context anew. Returns its length: 32 or 16. */
size_t digest_final(struct digest *d, uint8_t out[DIGEST_MAX]);
/* The same in lower-case hex. */
void digest_final_hex(struct digest *d, char out[DIGEST_HEX_MAX]);

#endif
