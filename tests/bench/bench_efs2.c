/* Time and memory of the EFS2 reader over a large dump in a file: 24 MiB listed and extracted, 64
 * MiB for memory. Prints figures, never fails for being slow. */
#include "image/efs2.h"
#include "tests/emu/efs2_mk.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct file_reader {
	struct efs2_reader reader;
	int fd;
};

static int file_read_at(struct efs2_reader *r, uint64_t off, void *p, size_t n, struct err *e)
{
	struct file_reader *f = container_of(r, struct file_reader, reader);
	ssize_t got = pread(f->fd, p, n, (off_t)off);

	return got == (ssize_t)n ? 0 : err_set(e, ERR_HOST, "pread gave %zd of %zu bytes", got, n);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* In a process of its own, so that the maker's memory is not counted. */
static void make(int fd, uint32_t blocks)
{
	struct efs2_mk_opts o = { .page_size = 2048,
				  .pages_per_block = 64,
				  .blocks = blocks,
				  .checkpoints = 3,
				  .pending = 40,
				  .move_tables = true };
	struct efs2_mk_tree t = { 0 };
	struct efs2_mk_image img;
	uint8_t *data = malloc(1u << 20);
	char path[64], why[128] = "";
	uint32_t i, n = blocks / 16;

	if (!data)
		exit(1);
	for (i = 0; i < 1u << 20; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 24);
	for (i = 0; i < 4000; i++) {
		snprintf(path, sizeof(path), "/nv/item_files/rfnv/%08u", 20000 + i);
		efs2_mk_add(&t, path, EFS2_MK_ITEM, 0777, 1, data + i, 10 + i % 180);
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/data/blob%u", i);
		efs2_mk_add(&t, path, EFS2_MK_FILE, 0644, 1, data, 1u << 20);
	}
	for (i = 0; i < 1500; i++) {
		snprintf(path, sizeof(path), "/policyman/file%u", i);
		efs2_mk_add(&t, path, EFS2_MK_FILE, 0644, 1, data + i, 300 + i);
	}
	if (efs2_mk_image(&t, &o, &img, why, sizeof(why)) < 0 ||
	    write(fd, img.bytes, (size_t)img.pages * img.page_size) !=
		    (ssize_t)((size_t)img.pages * img.page_size)) {
		fprintf(stderr, "bench_efs2: %s\n", why);
		_exit(1);
	}
	_exit(0);
}

struct count_sink {
	struct sink sink;
	uint64_t n;
};

static int count_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	(void)p;
	(void)e;
	container_of(s, struct count_sink, sink)->n += n;
	return 0;
}

static int measure(int fd, uint64_t size)
{
	struct file_reader f = { { file_read_at, size }, fd };
	struct count_sink to = { { count_put }, 0 };
	struct err e = ERR_INIT;
	struct efs2_walk *w;
	struct efs2_stat st;
	struct rusage use;
	const char *path;
	double t0 = now(), t1, t2;
	struct efs2 *fs;
	unsigned n = 0, pass, ok = 0;

	if (efs2_open(&f.reader, NULL, &fs, &e) < 0) {
		fprintf(stderr, "bench_efs2: %s\n", e.msg);
		return 1;
	}
	for (pass = 0, t1 = 0; pass < 2; pass++) {
		if (efs2_walk_open(fs, "/", true, &w, &e) < 0)
			return 1;
		while (efs2_walk_next(w, &path, &st, &e) == 0 && path) {
			n += pass == 0;
			ok += pass == 0 && st.verdict == EFS2_OK;
			if (pass && st.type != EFS2_DIR &&
			    efs2_copy(fs, &st, &to.sink, NULL, &e) < 0)
				return 1;
		}
		efs2_walk_close(w);
		if (pass == 0)
			t1 = now();
	}
	t2 = now();
	efs2_close(fs);
	getrusage(RUSAGE_SELF, &use);
	printf("efs2 %3" PRIu64
	       " MiB: %u names (%u ok) listed in %.3f s, %.1f MiB extracted in %.3f s, "
	       "%ld KiB resident\n",
	       size >> 20, n, ok, t1 - t0, (double)to.n / 1048576, t2 - t1, use.ru_maxrss);
	return 0;
}

int main(void)
{
	static const uint32_t blocks[] = { 192, 512 };
	size_t i;
	int r = 0;

	for (i = 0; i < ARRAY_SIZE(blocks) && r == 0; i++) {
		char name[] = "/tmp/bench_efs2.XXXXXX";
		int fd = mkstemp(name), status = 0;
		pid_t pid;

		if (fd < 0)
			return 1;
		unlink(name);
		pid = fork();
		if (pid == 0)
			make(fd, blocks[i]);
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			return 1;
		r = measure(fd, (uint64_t)blocks[i] * 64 * 2048);
		close(fd);
	}
	return r;
}
