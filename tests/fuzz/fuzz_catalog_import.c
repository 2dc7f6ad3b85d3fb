/* JSON lines from a stranger into a catalogue that knows something. What is accepted must go out
 * and in again; what is refused must have changed nothing. */
#include "db/catalog.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A fresh in-memory database would be quicker, but it is files that the product opens. */
struct folder {
	char dir[64], path[96];
};

static void remove_all(struct folder *f)
{
	struct dirent *d;
	DIR *dir = opendir(f->dir);

	while (dir && (d = readdir(dir))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", f->dir, d->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(f->dir);
}

static void must(bool ok, const char *what, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

static size_t export_size(struct catalog *c, struct buf *b)
{
	struct buf_sink sink;
	struct err e = ERR_INIT;

	b->n = 0;
	buf_sink_init(&sink, b);
	must(catalog_export(c, &sink.sink, &e) == 0, "export", &e);
	return b->n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct folder f;
	struct catalog_opts o = { .create = true, .who = "fuzz" };
	struct chip_id chip = { .has_serial = true, .serial = 0x5a000001 };
	struct catalog_sight s = { .chip = &chip,
				   .imei = { "490154203237518", NULL },
				   .model = "EC25",
				   .when = "2026-01-01T00:00:00Z" };
	struct buf b = BUF_INIT(64u << 20);
	struct catalog_imported got;
	struct catalog_seen seen;
	struct catalog *c;
	struct err e = ERR_INIT;
	size_t before;

	snprintf(f.dir, sizeof(f.dir), "%s/salvor-fuzz-XXXXXX",
		 access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(f.dir))
		abort();
	snprintf(f.path, sizeof(f.path), "%s/c.db", f.dir);
	o.path = f.path;
	must(catalog_open(&o, &c, &e) == 0, "open", &e);
	must(catalog_see(c, &s, &seen, &e) == 0, "see", &e);
	before = export_size(c, &b);
	if (catalog_import(c, SLICE(data, size), &got, &e) < 0) {
		must(e.kind != ERR_NONE && e.kind != ERR_BUG, "a refusal without a reason", &e);
		must(export_size(c, &b) == before, "a refused import changed something", &e);
	} else {
		export_size(c, &b);
		must(catalog_import(c, buf_slice(&b), &got, &e) == 0, "its own export", &e);
		must(got.modules + got.snapshots + got.firmware == 0, "its own export is news", &e);
	}
	buf_fini(&b);
	catalog_close(c);
	remove_all(&f);
	return 0;
}
