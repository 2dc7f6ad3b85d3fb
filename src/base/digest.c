#include "base/digest.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(((struct digest *)0)->ctx), "context room");
_Static_assert(sizeof(struct md5_ctx) <= sizeof(((struct digest *)0)->ctx), "context room");

void digest_init(struct digest *d, enum digest_alg alg)
{
	d->alg = alg;
	if (alg == DIGEST_MD5)
		md5_init((struct md5_ctx *)&d->ctx);
	else
		sha256_init((struct sha256_ctx *)&d->ctx);
}

void digest_update(struct digest *d, const void *p, size_t n)
{
	if (d->alg == DIGEST_MD5)
		md5_update((struct md5_ctx *)&d->ctx, n, p);
	else
		sha256_update((struct sha256_ctx *)&d->ctx, n, p);
}

size_t digest_final(struct digest *d, uint8_t out[DIGEST_MAX])
{
	if (d->alg == DIGEST_MD5) {
		md5_digest((struct md5_ctx *)&d->ctx, MD5_DIGEST_SIZE, out);
		return MD5_DIGEST_SIZE;
	}
	sha256_digest((struct sha256_ctx *)&d->ctx, SHA256_DIGEST_SIZE, out);
	return SHA256_DIGEST_SIZE;
}

void digest_final_hex(struct digest *d, char out[DIGEST_HEX_MAX])
{
	uint8_t raw[DIGEST_MAX];
	size_t n = digest_final(d, raw);

	hex_encode(out, SLICE(raw, n));
}
