/*
 * snap_sample FOLDER: seals the sample of snap_util.c there, for the test with tar and sha256sum.
 * snap_sample FOLDER NAME CHIP IMEI [partial]: the same with this name, chip serial in hex and IMEI
 * ("-" = not known), for the tests of the catalogue; partial ones lack a file.
 */
#include "snap_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int identify(struct snap *s, char **argv, struct err *e)
{
	struct manifest_module *m = &snap_manifest(s)->module;

	m->chip.has_serial = strcmp(argv[3], "-") != 0;
	m->chip.has_hwid = m->chip.has_serial;
	m->chip.serial = strtoull(argv[3], NULL, 16);
	m->n_imeis = strcmp(argv[4], "-") != 0;
	snprintf(m->imei[0].digits, sizeof(m->imei[0].digits), "%s", argv[4]);
	if (argv[5] && manifest_add_gap(snap_manifest(s), GAP_FAILED, false, "/nv/item_files/x",
					"no answer", e) < 0)
		return -1;
	return snap_save(s, e);
}

static int make_one(char **argv, struct err *e)
{
	struct snap_opts opts = { .tool = "0.1.0" };
	struct snap_sealed sealed;
	struct snap *s;

	if (snap_begin(argv[1], argv[2], &opts, &s, e) < 0)
		return -1;
	if (sample_fill(s, e) < 0 || identify(s, argv, e) < 0 || snap_seal(s, NULL, &sealed, e) < 0) {
		snap_close(s);
		return -1;
	}
	snap_sealed_fini(&sealed);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (argc != 2 && argc != 5 && argc != 6)
		return 2;
	if ((argc == 2 ? sample_make(argv[1], SAMPLE_NAME, NULL, &e) : make_one(argv, &e)) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	return 0;
}
