/* A catalogue of the largest size that is promised to be quick: fills it, then measures what a
 * person waits for. Usage: bench_catalog [MODULES [SNAPSHOTS-EACH]]. */
#include "base/clock.h"
#include "db/catalog.h"
#include "model/imei.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ITEMS 6

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void must(int r, const struct err *e)
{
	if (r == 0)
		return;
	fprintf(stderr, "bench_catalog: %s\n", e->msg);
	exit(1);
}

static const char *number(unsigned n, char out[16])
{
	char room[24];

	snprintf(room, sizeof(room), "00100%03u%06u", n / 1000000 % 1000, n % 1000000);
	room[14] = imei_check_digit(room);
	room[15] = '\0';
	memcpy(out, room, 16);
	return out;
}

static void hash_of(uint64_t n, char out[65])
{
	unsigned i;

	for (i = 0; i < 64; i += 16) {
		n = n * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		snprintf(out + i, 17, "%016" PRIx64, n ^ n >> 29);
	}
}

static void fill(struct catalog *c, unsigned modules, unsigned each)
{
	static const char *const models[] = { "EC25", "EG25", "RM520N", "RG501Q", "EP06" };
	unsigned m, s, k;
	struct err e = ERR_INIT;

	for (m = 1; m <= modules; m++) {
		struct chip_id chip = { .has_serial = true,
					.serial = 0x10000000u + m,
					.has_hwid = true,
					.msm_id = 0x480e1,
					.pkhash_len = 32 };
		char imei[16], label[32], when[32];
		struct catalog_sight sight = { .chip = &chip,
					       .imei = { number(m, imei) },
					       .variant = "EFA",
					       .revision = "EC25EFAR06A17M4G",
					       .when = when };
		struct catalog_seen seen;

		sight.model = models[0];
		if (m % 1000 == 1)
			must(catalog_batch_begin(c, &e), &e);
		snprintf(when, sizeof(when), "2025-%02u-%02uT%02u:%02u:00Z", m % 12 + 1, m % 28 + 1,
			 m % 24, m % 60);
		must(catalog_see(c, &sight, &seen, &e), &e);
		if (m % 10 == 0) {
			snprintf(label, sizeof(label), "van %u", m);
			must(catalog_set_label(c, seen.id, label, &e), &e);
		}
		for (s = 0; s < each; s++) {
			struct catalog_item items[ITEMS] = {
				{ .name = "edl/efs2.bin", .kind = "raw" },
				{ .name = "edl/rawdata.bin", .kind = "raw" },
				{ .name = "edl/sys_rev.bin", .kind = "raw" },
				{ .name = "diag/module.xqcn", .kind = "xqcn" },
				{ .name = "diag/efs.tar", .kind = "efs" },
				{ .name = "at/info.txt", .kind = "at" }
			};
			char hash[65], path[96];
			struct catalog_snapshot snap = { .hash = hash,
							 .module = seen.id,
							 .path = path,
							 .size = 20 << 20,
							 .created = when,
							 .verdict = CATALOG_COMPLETE,
							 .model = models[0],
							 .variant = "EFA",
							 .revision = sight.revision,
							 .imei = imei,
							 .mode = "edl+diag",
							 .n_items = ITEMS };

			hash_of((uint64_t)m * 1000 + s, hash);
			snprintf(path, sizeof(path), "/var/lib/salvor/%08x/%.12s.tar.zst",
				 (unsigned)chip.serial, hash);
			snprintf(when, sizeof(when), "20%02u-%02u-%02uT%02u:%02u:00Z",
				 25 + s / 12 % 70, s % 12 + 1, m % 28 + 1, m % 24, m % 60);
			for (k = 0; k < ITEMS; k++)
				memset(items[k].sha256, (int)(m + k), 32);
			must(catalog_add_snapshot(c, &snap, items, ITEMS, NULL, &e), &e);
		}
		if (m % 1000 == 0 || m == modules)
			must(catalog_batch_commit(c, &e), &e);
	}
}

struct count {
	struct catalog_rows rows;
	unsigned n;
};

static int count_module(struct catalog_rows *r, const struct catalog_module *m, struct err *e)
{
	(void)m;
	(void)e;
	container_of(r, struct count, rows)->n++;
	return 0;
}

static int count_snapshot(struct catalog_rows *r, const struct catalog_snapshot *s, struct err *e)
{
	(void)s;
	(void)e;
	container_of(r, struct count, rows)->n++;
	return 0;
}

static void found(const char *what, double from, unsigned rows, double limit_ms)
{
	double ms = now_ms() - from;

	printf("%-38s %9.2f ms  %7u rows", what, ms, rows);
	if (limit_ms > 0)
		printf("   promised < %.0f ms%s", limit_ms, ms < limit_ms ? "" : "  MISSED");
	printf("\n");
}

static void measure(struct catalog *c, unsigned modules, unsigned each)
{
	struct chip_id chip = { .has_serial = true,
				.serial = 0x10000000u + modules / 2,
				.has_hwid = true,
				.msm_id = 0x480e1 };
	struct catalog_sight sight = { .chip = &chip };
	struct count k = { { .module = count_module, .snapshot = count_snapshot }, 0 };
	struct catalog_keep keep = { .last = 3 };
	char imei[16], hash[65], text[16];
	struct err e = ERR_INIT;
	int64_t id;
	double t;

	t = now_ms();
	must(catalog_find(c, number(modules / 3, imei), 0, &k.rows, &e), &e);
	found("find, an IMEI", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_find(c, "1000000a", 0, &k.rows, &e), &e);
	found("find, a chip serial", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_find(c, "EC25", 0, &k.rows, &e), &e);
	found("find, a model (first 100)", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_find(c, "van 5", 0, &k.rows, &e), &e);
	found("find, a label", t, k.n, 50);
	k.n = 0;
	hash_of((uint64_t)modules / 2 * 1000 + each / 2, hash);
	snprintf(text, sizeof(text), "%.10s", hash);
	t = now_ms();
	must(catalog_find(c, text, 0, &k.rows, &e), &e);
	found("find, a short snapshot id", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_identify(c, &sight, &id, &e), &e);
	must(catalog_snapshots(c, id, 0, 0, &k.rows, &e), &e);
	found("list --for-this", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_modules(c, 100, 0, &k.rows, &e), &e);
	found("list, the first 100 modules", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_modules(c, 0, 0, &k.rows, &e), &e);
	found("list, all modules", t, k.n, 0);
	k.n = 0;
	t = now_ms();
	must(catalog_snapshots(c, 0, 100, 0, &k.rows, &e), &e);
	found("list, the last 100 snapshots", t, k.n, 50);
	k.n = 0;
	t = now_ms();
	must(catalog_prune(c, &keep, &k.rows, &e), &e);
	found("prune, what may go", t, k.n, 0);
}

static void clean(const char *dir)
{
	struct dirent *d;
	DIR *h = opendir(dir);

	while (h && (d = readdir(h))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		unlink(path);
	}
	if (h)
		closedir(h);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	unsigned modules = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 10000;
	unsigned each = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
	char dir[] = "/tmp/salvor-bench-XXXXXX", path[64];
	struct catalog_opts o = { .path = path, .create = true, .who = "bench" };
	struct err e = ERR_INIT;
	struct catalog *c;
	struct stat st;
	double t;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/catalog.db", dir);
	must(catalog_open(&o, &c, &e), &e);
	t = now_ms();
	fill(c, modules, each);
	catalog_close(c);
	stat(path, &st);
	printf("%u modules, %u snapshots, %u items: filled in %.1f s, %.1f MB\n", modules,
	       modules * each, modules * each * ITEMS, (now_ms() - t) / 1e3,
	       (double)st.st_size / 1e6);
	t = now_ms();
	must(catalog_open(&o, &c, &e), &e);
	found("open", t, 0, 20);
	measure(c, modules, each);
	t = now_ms();
	must(audit_verify(catalog_audit(c), NULL, &e), &e);
	found("verify the audit log", t, 0, 0);
	t = now_ms();
	catalog_close(c);
	found("close", t, 0, 0);
	clean(dir);
	return 0;
}
