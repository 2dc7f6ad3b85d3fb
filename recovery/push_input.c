#include "base/fs.h"
#include "base/stream.h"
#include "recovery/push_edl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int push_input_open(struct push_input *in, const char *path, struct progress *p, struct err *e)
{
	struct fd_source from;
	struct digest_source hashed;
	uint8_t piece[16384];
	size_t n;

	*in = (struct push_input){ .fd = -1, .filler = 0xee };
	in->path = strdup(path);
	if (!in->path)
		return err_nomem(e);
	if (fs_open_input(path, &in->fd, &in->size, e) < 0)
		goto fail;
	if (in->size == 0) {
		err_set(e, ERR_MISMATCH, "'%s' is empty", path);
		goto fail;
	}
	fd_source_init(&from, in->fd);
	digest_source_init(&hashed, DIGEST_SHA256, &from.source);
	progress_begin(p, "checking the input", in->size);
	do {
		if (source_get(&hashed.source, piece, sizeof(piece), &n, e) < 0) {
			err_prefix(e, "'%s'", path);
			goto fail;
		}
		progress_step(p, hashed.n);
	} while (n);
	progress_end(p, true);
	if (hashed.n != in->size) {
		err_set(e, ERR_INTEGRITY, "'%s' gave %" PRIu64 " bytes, its size is %" PRIu64, path, hashed.n,
			in->size);
		goto fail;
	}
	digest_final_hex(&hashed.digest, in->sha256);
	return 0;
fail:
	push_input_close(in);
	return -1;
}

void push_input_close(struct push_input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	free(in->path);
	*in = (struct push_input){ .fd = -1 };
}
