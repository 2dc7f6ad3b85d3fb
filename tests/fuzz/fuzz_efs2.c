/* EFS2 images of hostile bytes: opened, listed and read. Bit 0 of the first byte puts right the
 * checksums of superblocks and journal pages, so that what they protect is reached; the rest is the
 * image. */
#include "image/efs2.h"

#include "base/crc.h"
#include "image/efs2_donor.h"
#include "image/efs2_patch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_reader {
	struct efs2_reader reader;
	const uint8_t *bytes;
	uint64_t calls;
};

static int fuzz_read_at(struct efs2_reader *r, uint64_t off, void *p, size_t n, struct err *e)
{
	struct fuzz_reader *f = container_of(r, struct fuzz_reader, reader);

	(void)e;
	if (off > r->size || n > r->size - off)
		abort();
	memcpy(p, f->bytes + off, n);
	f->calls++;
	return 0;
}

static int fuzz_write_at(struct efs2_writer *w, uint64_t off, const void *p, size_t n,
			 struct err *e)
{
	const volatile uint8_t *b = p;

	(void)w;
	(void)off;
	(void)e;
	if (n)
		(void)(b[0] + b[n - 1]);
	return 0;
}

static void seal_journal(uint8_t *p, size_t n)
{
	size_t at = 8;

	while (at + 3 <= n && p[at] < 0xfd)
		at += 1 + 4u * (p[at] >> 6);
	if (at + 3 <= n && p[at] == 0xfe)
		put_le16(p + at + 1, crc16_x25(p + 8, at - 7));
}

static void seal(uint8_t *b, size_t n)
{
	size_t off, page = 512;

	for (off = 0; off + 512 <= n; off += 512) {
		if (memcmp(b + off + 8, "EFSSuper", 8) != 0)
			continue;
		page = get_le32(b + off + 20);
		if (page != 512 && page != 2048 && page != 4096)
			page = 512;
		if (off + page <= n)
			put_le32(b + off + page - 4, crc30_cdma(b + off, page - 4));
	}
	for (off = 0; off + page <= n; off += page)
		if (memcmp(b + off + 8, "EFSSuper", 8) != 0 && get_le32(b + off + 4) == 0xffffffff)
			seal_journal(b + off, page);
}

static void read_all(struct efs2 *fs, const char *path, const struct efs2_stat *st)
{
	uint8_t buf[8192];
	struct err e = ERR_INIT;
	struct efs2_stat again;
	size_t n, missing;

	if (efs2_stat(fs, path, &again, &e) < 0) {
		if (strlen(path) < 200)
			abort(); /* what the walk gives can be asked for */
		return;
	}
	if (again.verdict != st->verdict || again.size != st->size || again.type != st->type)
		abort();
	if (st->verdict != EFS2_OK && !st->why[0])
		abort();
	if (st->type == EFS2_DIR)
		return;
	err_clear(&e);
	if (efs2_read(fs, st, 0, buf, sizeof(buf), &n, NULL, &e) < 0) {
		if (st->verdict == EFS2_OK || e.kind == ERR_NONE)
			abort();
	} else if (n != MIN_OF(st->size, sizeof(buf))) {
		abort();
	}
	err_clear(&e);
	if (efs2_read(fs, st, st->size / 2, buf, sizeof(buf), &n, &missing, &e) == 0 && missing > n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct efs2_target target = { 512, 8, size, NULL, 0, true };
	static const uint8_t nine[9];
	struct efs2_writer to = { fuzz_write_at };
	struct efs2_donor donor;
	struct efs2_patch patch;
	struct fuzz_reader f;
	struct efs2_stat st;
	struct efs2_walk *w;
	struct err e = ERR_INIT;
	struct efs2 *fs;
	const char *path;
	uint8_t *copy;
	unsigned names = 0;

	if (size == 0)
		return 0;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data + 1, size - 1);
	if (data[0] & 1)
		seal(copy, size - 1);
	f = (struct fuzz_reader){ { fuzz_read_at, size - 1 }, copy, 0 };
	if (efs2_open(&f.reader, NULL, &fs, &e) == 0) {
		/* Opening looks at each page a bounded number of times. */
		if (f.calls > 64 + size / 8)
			abort();
		if (efs2_walk_open(fs, "/", true, &w, &e) == 0) {
			while (efs2_walk_next(w, &path, &st, &e) == 0 && path && names++ < 2000)
				read_all(fs, path, &st);
			efs2_walk_close(w);
		}
		efs2_donor_judge(fs, &target, &donor);
		if (efs2_inline_replace(fs, "/nvm/num/550", SLICE(nine, 9), SLICE(nine, 9), &to,
					&patch, &e) == 0 &&
		    !efs2_report(fs)->clean)
			abort();
		efs2_close(fs);
	} else if (e.kind == ERR_NONE || e.kind == ERR_BUG) {
		abort();
	}
	free(copy);
	return 0;
}
