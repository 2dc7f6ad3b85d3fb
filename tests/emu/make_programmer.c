/* emu-programmer: writes a synthetic programmer file for the emulated module.
 * Usage: emu-programmer CHIP A|B|N FILE [signed] [elf64] */
#include "tests/emu/programmer.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct programmer_spec spec = { 0 };
	struct err e = ERR_INIT;
	uint8_t *p;
	size_t n;
	int i, r;

	if (argc < 4 || !strchr("ABN", argv[2][0])) {
		fprintf(stderr, "usage: emu-programmer CHIP A|B|N FILE [signed] [elf64]\n"
				"  A and B are the two Firehose families, N a streaming programmer\n");
		return 2;
	}
	spec.chip = argv[1];
	spec.family = argv[2][0];
	for (i = 4; i < argc; i++) {
		spec.signed_ok |= !strcmp(argv[i], "signed");
		spec.elf64 |= !strcmp(argv[i], "elf64");
	}
	if (programmer_make(&spec, &p, &n)) {
		fprintf(stderr, "emu-programmer: out of memory\n");
		return 1;
	}
	r = fs_write_file(argv[3], SLICE(p, n), true, &e);
	free(p);
	if (r)
		fprintf(stderr, "emu-programmer: %s\n", e.msg);
	return r ? 1 : 0;
}
