/* snap_sample FOLDER: seals the sample of snap_util.c there, for the test with tar and sha256sum. */
#include "snap_util.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc != 2)
		return 2;
	if (sample_make(argv[1], SAMPLE_NAME, NULL, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}
