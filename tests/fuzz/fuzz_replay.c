#include "link/replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A log either is refused, or plays to its end without ever giving more than was asked for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct link *l = NULL;
	uint8_t got[7];
	size_t n, i;

	if (replay_open(SLICE(data, size), NULL, &l, &e) < 0) {
		if (e.kind != ERR_PROTO && e.kind != ERR_NOMEM)
			__builtin_trap();
		return 0;
	}
	for (i = 0; i < 2 * size; i++) {
		if (link_read(l, got, sizeof(got), 0, &n, &e) == 0) {
			if (n == 0 || n > sizeof(got))
				__builtin_trap();
		} else if (e.kind == ERR_GONE) {
			break;
		} else if (link_write(l, "", 1, 0, &e) < 0 && e.kind == ERR_MISMATCH) {
			break;
		}
	}
	if (replay_left(l) > size)
		__builtin_trap();
	link_close(l);
	return 0;
}
