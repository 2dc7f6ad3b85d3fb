#include "snap_util.h"

#include "base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scratch_make(struct scratch *s)
{
	/* In memory where there is such a place: the crash loops make thousands of files. */
	snprintf(s->dir, sizeof(s->dir), "/dev/shm/salvor-snap.XXXXXX");
	if (mkdtemp(s->dir))
		return;
	snprintf(s->dir, sizeof(s->dir), "/tmp/salvor-snap.XXXXXX");
	if (!mkdtemp(s->dir))
		abort();
}

void scratch_remove(struct scratch *s)
{
	struct err e = ERR_INIT;

	(void)chmod(s->dir, 0700);
	if (fs_remove_tree(AT_FDCWD, s->dir, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
}

unsigned scratch_count(const struct scratch *s, const char *suffix)
{
	DIR *d = opendir(s->dir);
	struct dirent *entry;
	unsigned n = 0;

	while (d && (entry = readdir(d)) != NULL) {
		size_t have = strlen(entry->d_name), want = strlen(suffix);

		n += have >= want && strcmp(entry->d_name + have - want, suffix) == 0;
	}
	if (d)
		closedir(d);
	return n;
}

const char *scratch_path(const struct scratch *s, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", s->dir, name);
	return path;
}

void put_file(const char *path, const void *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		abort();
}

uint8_t *get_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *p = malloc(1 << 20);

	if (!f || !p)
		abort();
	*ret_n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

/* Is it this call's turn? */
static bool trips(const struct fs_ops *ops)
{
	struct fault *f = (struct fault *)(uintptr_t)ops;

	f->calls++;
	if (f->at == 0 || (f->stays ? f->calls < f->at : f->calls != f->at))
		return false;
	if (f->how == FAULT_KILL) {
		raise(SIGKILL);
		pause();
	}
	errno = f->errnum;
	return true;
}

static int f_open(const struct fs_ops *ops, int dir_fd, const char *path, int flags, unsigned mode)
{
	return trips(ops) ? -1 : fs_host()->open(ops, dir_fd, path, flags, mode);
}

static int f_close(const struct fs_ops *ops, int fd)
{
	bool bad = trips(ops);
	int r = fs_host()->close(ops, fd);

	return bad ? -1 : r;
}

static ssize_t f_read(const struct fs_ops *ops, int fd, void *p, size_t n)
{
	return trips(ops) ? -1 : fs_host()->read(ops, fd, p, n);
}

/* A full disk takes a part first. */
static ssize_t f_write(const struct fs_ops *ops, int fd, const void *p, size_t n)
{
	struct fault *f = (struct fault *)(uintptr_t)ops;

	if (f->how == FAULT_SHORT) {
		f->calls++;
		return fs_host()->write(ops, fd, p, n > 1 ? n / 2 : n);
	}
	if (trips(ops)) {
		if (n > 1)
			(void)!fs_host()->write(ops, fd, p, n / 2);
		errno = f->errnum;
		return -1;
	}
	return fs_host()->write(ops, fd, p, n);
}

static int f_sync(const struct fs_ops *ops, int fd)
{
	return trips(ops) ? -1 : fs_host()->sync(ops, fd);
}

static int f_link(const struct fs_ops *ops, int dir_fd, const char *from, const char *to)
{
	const struct fault *f = (const struct fault *)ops;

	if (f->no_links) {
		errno = EPERM;
		return -1;
	}
	return trips(ops) ? -1 : fs_host()->link(ops, dir_fd, from, to);
}

static int f_rename(const struct fs_ops *ops, int dir_fd, const char *from, const char *to)
{
	return trips(ops) ? -1 : fs_host()->rename(ops, dir_fd, from, to);
}

static int f_unlink(const struct fs_ops *ops, int dir_fd, const char *path)
{
	return trips(ops) ? -1 : fs_host()->unlink(ops, dir_fd, path);
}

static int f_mkdir(const struct fs_ops *ops, int dir_fd, const char *path)
{
	return trips(ops) ? -1 : fs_host()->mkdir(ops, dir_fd, path);
}

static int f_exists(const struct fs_ops *ops, int dir_fd, const char *path)
{
	return trips(ops) ? -1 : fs_host()->exists(ops, dir_fd, path);
}

static int f_lock(const struct fs_ops *ops, int fd)
{
	return trips(ops) ? -1 : fs_host()->lock(ops, fd);
}

void fault_init(struct fault *f, unsigned at, int errnum)
{
	*f = (struct fault){ .ops = { f_open, f_close, f_read, f_write, f_sync, f_link, f_rename,
				      f_unlink, f_mkdir, f_exists, f_lock },
			     .at = at,
			     .errnum = errnum };
}

static int add_partition(struct manifest *m, const char *name, uint64_t start, uint64_t count,
			 struct err *e)
{
	struct partition p = { .at = { 0, start, count }, .attr = { 0xff, 1, 0xff, 0 } };

	snprintf(p.name, sizeof(p.name), "%s", name);
	return table_add(&m->table, &p, e);
}

static int fill_module(struct snap *s, struct err *e)
{
	struct manifest *m = snap_manifest(s);

	m->asked = m->via = MANIFEST_AT | MANIFEST_DIAG | MANIFEST_EDL;
	m->has_geometry = true;
	m->geometry = (struct geometry){ STORAGE_NAND, 2048, 4, 64, 1, 0x2c, "test" };
	m->module.chip = (struct chip_id){ .sahara_version = 2,
					   .has_serial = true,
					   .serial = UINT64_C(0x8000000012345678),
					   .has_hwid = true,
					   .msm_id = 0x000480e1,
					   .pkhash_len = 32 };
	m->module.n_imeis = 1;
	memcpy(m->module.imei[0].digits, "490154203237518", 16);
	m->has_listed_efs = m->has_listed_nv = true;
	m->listed_efs = 3;
	m->listed_nv = 2;
	m->has_bad_blocks = true;
	table_fini(&m->table);
	m->table.kind = TABLE_MIBIB;
	if (manifest_set(&m->module.model, "EC25", e) < 0 ||
	    manifest_set(&m->module.revision, "EC25EFAR06A17M4G", e) < 0 ||
	    add_partition(m, "0:SBL", 0, 8, e) < 0 || add_partition(m, "0:EFS2", 8, 8, e) < 0 ||
	    add_partition(m, "0:sys_rev", 16, 4, e) < 0)
		return -1;
	return snap_save(s, e);
}

static int fill_raw(struct snap *s, const char *partition, const char *name, const char *map,
		    uint64_t start, uint64_t count, struct err *e)
{
	struct manifest_item it = { .name = (char *)(uintptr_t)name, .kind = ITEM_RAW };
	struct manifest_item map_it = { .name = (char *)(uintptr_t)map, .kind = ITEM_BLOCKMAP };
	uint8_t page[2048];
	struct sink *to;
	uint64_t i;

	it.raw.partition = (char *)(uintptr_t)partition;
	it.raw.at = (struct extent){ 0, start, count };
	if (snap_item_begin(s, &it, &to, e) < 0)
		return -1;
	for (i = 0; i < count; i++) {
		memset(page, (int)(start + i), sizeof(page));
		if (sink_put(to, page, sizeof(page), e) < 0) {
			snap_item_abort(s);
			return -1;
		}
	}
	it.raw.map = (char *)(uintptr_t)map;
	it.raw.reads = 2;
	if (snap_item_end_as(s, &it, NULL, NULL, e) < 0)
		return -1;
	return snap_add_bytes(s, &map_it, SLICE_STR("{}\n"), e);
}

static int fill_file(struct snap *s, const char *path, uint32_t mode, struct slice bytes,
		     struct err *e)
{
	struct manifest_item it = { .kind = ITEM_EFS, .efs = { .mode = mode, .mtime = 315964800 } };
	int r;

	if (manifest_name_of_path("diag/efs", path, &it.name, e) < 0)
		return -1;
	if ((mode & 0170000) == 0120000)
		it.efs.target = (char *)(uintptr_t)"/nv";
	r = manifest_item_has_bytes(&it) ? snap_add_bytes(s, &it, bytes, e) : snap_add_empty(s, &it, e);
	free(it.name);
	return r;
}

static int fill_nv(struct snap *s, uint16_t id, struct slice bytes, struct err *e)
{
	struct manifest_item it = { .kind = ITEM_NV, .nv = { .id = id } };
	char name[32];

	snprintf(name, sizeof(name), "diag/nv/%05u.bin", id);
	it.name = name;
	return snap_add_bytes(s, &it, bytes, e);
}

int sample_fill(struct snap *s, struct err *e)
{
	static const uint8_t imei[] = { 0x08, 0x4a, 0x09, 0x51, 0x24, 0x30, 0x32, 0x57, 0x81 };
	struct manifest_item at = { .name = (char *)(uintptr_t)"at/info.txt", .kind = ITEM_AT_TEXT };

	if (fill_module(s, e) < 0 ||
	    fill_raw(s, "0:EFS2", "edl/efs2.bin", "edl/efs2.bin.map", 8, 8, e) < 0 ||
	    fill_raw(s, "0:sys_rev", "edl/sys_rev.bin", "edl/sys_rev.bin.map", 16, 4, e) < 0 ||
	    fill_file(s, "/nv", 0040777, SLICE(NULL, 0), e) < 0 ||
	    fill_file(s, "/nv/item_files/rfnv/00020000", 0160777, SLICE_STR("cal"), e) < 0 ||
	    fill_file(s, "/odd name%/\xff\n", 0100644, SLICE(NULL, 0), e) < 0 ||
	    fill_file(s, "/link", 0120777, SLICE(NULL, 0), e) < 0 ||
	    fill_nv(s, 550, SLICE(imei, sizeof(imei)), e) < 0 ||
	    fill_nv(s, 1878, SLICE_STR("\x01\x02"), e) < 0)
		return -1;
	return snap_add_bytes(s, &at, SLICE_STR("ATI\r\nOK\r\n"), e);
}

int sample_make(const char *dir, const char *name, const struct fs_ops *ops, struct err *e)
{
	struct snap_opts opts = { .fs = ops, .tool = "0.1.0" };
	struct snap_sealed sealed;
	struct snap *s;

	if (snap_begin(dir, name, &opts, &s, e) < 0)
		return -1;
	if (sample_fill(s, e) < 0 || snap_seal(s, NULL, &sealed, e) < 0) {
		snap_close(s);
		return -1;
	}
	snap_sealed_fini(&sealed);
	return 0;
}

int verify_file(const char *path, struct verify_report *rep, struct err *e)
{
	struct fd_source from;
	uint64_t size;
	int fd, r;

	if (fs_open_input(path, &fd, &size, e) < 0)
		return -1;
	fd_source_init(&from, fd);
	r = verify(&from.source, NULL, rep, e);
	close(fd);
	return r;
}

static void must_add(struct buf *b, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	if (buf_add(b, p, n, &e) < 0)
		abort();
}

void tar_head(struct buf *b, const char *name, char type, const char *link, uint64_t size)
{
	unsigned char h[512] = { 0 };
	unsigned sum = 0, i;

	snprintf((char *)h, 100, "%s", name);
	memcpy(h + 100, "0000600\0000000000\0000000000", 24);
	snprintf((char *)h + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(h + 136, "00000000000", 12);
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)type;
	if (link)
		snprintf((char *)h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\00000", 8);
	for (i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	must_add(b, h, 512);
}

void tar_add(struct buf *b, const char *name, char type, const char *link, const void *p, size_t n)
{
	static const uint8_t zero[512];

	tar_head(b, name, type, link, n);
	must_add(b, p, n);
	must_add(b, zero, (512 - n % 512) % 512);
}

void tar_end(struct buf *b)
{
	static const uint8_t zero[1024];

	must_add(b, zero, sizeof(zero));
}
