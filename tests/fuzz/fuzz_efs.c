/* EFS2: every parser on the input, then listing, reading and writing with a module that answers with it. */
#include "proto/efs_write.h"
#include "tests/fuzz/diag_liar.h"
#include "wire/diag_msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parsers(struct slice in)
{
	struct err e = ERR_INIT;
	struct efs_hello h;
	struct efs_query q;
	struct efs_read_answer rd;
	struct efs_readdir_answer dir;
	struct efs_stat_answer st;
	struct efs_statfs_answer fs;
	struct efs_dev_info dev;
	struct efs_get_answer get;
	struct efs_md5_answer md5;
	struct efs_sync_answer sync;
	struct efs_sync_status_answer poll;
	struct slice target;
	uint32_t number;

	if (efs_read_parse(in, 0x13, &rd, &e) == 0 && rd.data.n > in.n)
		abort();
	if (efs_get_parse(in, 0x13, &get, &e) == 0 && get.data.n > in.n)
		abort();
	if (efs_readdir_parse(in, 0x13, &dir, &e) == 0 && dir.name.n > in.n)
		abort();
	if (efs_dev_info_parse(in, 0x13, &dev, &e) == 0 && strlen(dev.name) >= sizeof(dev.name))
		abort();
	if (efs_hello_parse(in, 0x13, &h, &e) | efs_query_parse(in, 0x13, &q, &e) |
	    efs_stat_parse(in, 0x13, EFS_STAT, &st, &e) | efs_lstat_parse(in, 0x13, &st, &e) |
	    efs_statfs_parse(in, 0x13, &fs, &e) | efs_md5_parse(in, 0x13, &md5, &e) |
	    efs_sync_parse(in, 0x13, &sync, &e) | efs_sync_status_parse(in, 0x13, &poll, &e) |
	    efs_readlink_parse(in, 0x13, &number, &target, &e))
		err_clear(&e);
}

static int drop(struct sink *s, const void *p, size_t n, struct err *e)
{
	(void)s;
	(void)p;
	(void)e;
	if (n > EFS_READ_MAX)
		abort();
	return 0;
}

static void session(struct efs *f)
{
	struct err e = ERR_INIT;
	struct sink to = { drop };
	struct efs_list list = { 0 };
	struct mem_source from;
	enum efs_synced how;
	uint64_t n;
	char *target;
	size_t i;

	if (efs_list(f, "/", &list, &e) < 0)
		err_clear(&e);
	for (i = 0; i < list.n; i++)
		if (strchr(list.entry[i].name, '/') || !list.entry[i].name[0])
			abort();
	efs_list_fini(&list);
	if (efs_read(f, "/nv/a", NULL, &to, &n, &e) < 0 && !e.msg[0])
		abort();
	if (efs_readlink(f, "/l", &target, &e) == 0)
		free(target);
	mem_source_init(&from, SLICE_STR("some bytes"));
	if (efs_write(f, "/a/b", 0644, &from.source, &n, &e) < 0 ||
	    efs_put_item(f, "/nv/b", SLICE_STR("x"), &e) < 0 || efs_sync(f, &how, &e) < 0)
		err_clear(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct liar *l = malloc(sizeof(*l));
	struct diag_opts opts = { .timeout_ms = 20, .window = size ? data[0] % 5u : 0 };
	struct efs_opts fopts = { .subsys = 0x13, .pause = liar_pause };
	struct diag *d;
	struct efs *f;
	struct err e = ERR_INIT;

	if (!l)
		abort();
	parsers(SLICE(data, size));
	liar_init(l, data, size);
	if (diag_open(&l->link, &opts, &d, &e) < 0)
		abort();
	if (efs_open(d, &fopts, &f, &e) == 0) {
		session(f);
		efs_close(f);
	}
	diag_close(d);
	free(l);
	return 0;
}
