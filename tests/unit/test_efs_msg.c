#include "tests/unit/diag_frames.h"

#include "wire/diag_msg.h"
#include "wire/efs_msg.h"

#include <stdio.h>
#include <string.h>

#define S DIAG_SUBSYS_EFS
#define ROOM(w)                                                                                    \
	uint8_t w##_room[2048];                                                                    \
	struct writer w = writer_of(w##_room, sizeof(w##_room))
#define ITEM "/nv/item_files/modem/mmode/ue_usage_setting"

static void requests_as_published(void **state)
{
	struct efs_hello h;

	(void)state;
	efs_hello_default(&h);
#define CHECK(call, frame)                                                                         \
	do {                                                                                       \
		ROOM(w);                                                                           \
		call;                                                                              \
		assert_frame(w, frame);                                                            \
	} while (0)
	CHECK(efs_hello_build(&w, S, &h),
	      "4B 13 00 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 "
	      "01 00 00 00 01 00 00 00 01 00 00 00 FF FF FF FF 7D 5E 05 7E");
	CHECK(efs_query_build(&w, S), "4B 13 01 00 55 59 7E");
	CHECK(efs_path_build(&w, S, EFS_OPENDIR, "/"), "4B 13 0B 00 2F 00 19 11 7E");
	CHECK(efs_readdir_build(&w, S, 1, 1), "4B 13 0C 00 01 00 00 00 01 00 00 00 FB 71 7E");
	CHECK(efs_handle_build(&w, S, EFS_CLOSEDIR, 1), "4B 13 0D 00 01 00 00 00 2D 75 7E");
	CHECK(efs_open_build(&w, S, EFS_O_RDONLY, 0, "/a.txt"),
	      "4B 13 02 00 00 00 00 00 00 00 00 00 2F 61 2E 74 78 74 00 BB 50 7E");
	CHECK(efs_open_build(&w, S, EFS_O_CREAT | EFS_O_WRONLY | EFS_O_TRUNC, 0644, "/a.txt"),
	      "4B 13 02 00 41 02 00 00 A4 01 00 00 2F 61 2E 74 78 74 00 14 7C 7E");
	CHECK(efs_read_build(&w, S, 0, 5, 0), "4B 13 04 00 00 00 00 00 05 00 00 00 00 00 00 00 0C ED 7E");
	CHECK(efs_write_build(&w, S, 0, 0, SLICE_STR("hello")),
	      "4B 13 05 00 00 00 00 00 00 00 00 00 68 65 6C 6C 6F 01 FB 7E");
	CHECK(efs_handle_build(&w, S, EFS_CLOSE, 0), "4B 13 03 00 00 00 00 00 34 50 7E");
	CHECK(efs_path_build(&w, S, EFS_UNLINK, "/a.txt"), "4B 13 08 00 2F 61 2E 74 78 74 00 EA 58 7E");
	CHECK(efs_mode_path_build(&w, S, EFS_MKDIR, 0777, "/t"), "4B 13 09 00 FF 01 2F 74 00 61 59 7E");
	CHECK(efs_two_paths_build(&w, S, EFS_RENAME, "/a", "/b"),
	      "4B 13 0E 00 2F 61 00 2F 62 00 DA 3B 7E");
	CHECK(efs_two_paths_build(&w, S, EFS_SYMLINK, "/target", "/link"),
	      "4B 13 06 00 2F 74 61 72 67 65 74 00 2F 6C 69 6E 6B 00 BD E0 7E");
	CHECK(efs_get_build(&w, S, EFS_GET_MAX, 1, ITEM),
	      "4B 13 27 00 00 04 00 00 2C 00 00 00 01 00 "
	      "2F 6E 76 2F 69 74 65 6D 5F 66 69 6C 65 73 2F 6D 6F 64 65 6D 2F 6D 6D 6F 64 65 2F "
	      "75 65 5F 75 73 61 67 65 5F 73 65 74 74 69 6E 67 00 AE 3C 7E");
	CHECK(efs_put_build(&w, S, EFS_PUT_FLAGS, 2, SLICE_STR("\1"), ITEM),
	      "4B 13 26 00 01 00 00 00 41 02 0C 00 02 00 01 "
	      "2F 6E 76 2F 69 74 65 6D 5F 66 69 6C 65 73 2F 6D 6F 64 65 6D 2F 6D 6D 6F 64 65 2F "
	      "75 65 5F 75 73 61 67 65 5F 73 65 74 74 69 6E 67 00 7F 69 7E");
	CHECK(efs_seq_path_build(&w, S, EFS_SYNC_NO_WAIT, 3, "/"), "4B 13 30 00 03 00 2F 00 AF 1E 7E");
	CHECK(efs_sync_status_build(&w, S, 4, 1, "/"), "4B 13 31 00 04 00 01 00 00 00 2F 00 84 D5 7E");
#undef CHECK
}

static void destructive_opcodes_are_the_agreed_ones(void **state)
{
	static const struct {
		enum efs_op op;
		uint8_t number;
	} rows[] = { { EFS_READLINK, 7 }, { EFS_UNLINK, 8 }, { EFS_MKDIR, 9 }, { EFS_RMDIR, 10 },
		     { EFS_RENAME, 14 },  { EFS_CHMOD, 18 }, { EFS_PUT, 38 },  { EFS_GET, 39 },
		     { EFS_WRITE, 5 },    { EFS_SYMLINK, 6 } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ROOM(w);
		efs_path_build(&w, S, rows[i].op, "/x");
		assert_int_equal(w.p[2], rows[i].number);
		assert_int_equal(w.p[3], 0);
	}
	assert_int_equal(efs_op_info(EFS_READLINK)->cls, EFS_CLASS_READ);
	assert_int_equal(efs_op_info(EFS_UNLINK)->cls, EFS_CLASS_WRITE);
	assert_int_equal(efs_op_info(EFS_DELTREE)->cls, EFS_CLASS_NEVER);
	assert_int_equal(efs_op_info(EFS_PUT_OLD)->cls, EFS_CLASS_NEVER);
	for (i = 0; i < EFS_OP_COUNT; i++)
		assert_non_null(efs_op_info((unsigned)i)->name);
	assert_null(efs_op_info(EFS_OP_COUNT));
}

static void directory_answers_as_published(void **state)
{
	struct err e = ERR_INIT;
	struct efs_handle_answer d;
	struct efs_readdir_answer a;
	struct efs_hello hello;
	uint32_t number;
	struct hex h;
	char end[200] = "4B 13 0C 00 01 00 00 00 03 00 00 00";
	size_t i;

	(void)state;
	h = payload_of("4B 13 00 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 10 00 00 00 "
		       "10 00 01 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 E7 F6 7E");
	assert_ok(efs_hello_parse(PAYLOAD(h), S, &hello, &e), e);
	assert_int_equal(hello.window[0], 0x100000);
	assert_int_equal(hello.version, 1);
	assert_int_equal(hello.features, 0);

	h = payload_of("4B 13 0B 00 01 00 00 00 00 00 00 00 B5 A9 7E");
	assert_ok(efs_handle_parse(PAYLOAD(h), S, EFS_OPENDIR, &d, &e), e);
	assert_int_equal(d.handle, 1);
	assert_int_equal(d.err, 0);
	assert_err(efs_handle_parse(PAYLOAD(h), S, EFS_OPEN, &d, &e), e, ERR_PROTO);

	h = payload_of("4B 13 0C 00 01 00 00 00 01 00 00 00 00 00 00 00 01 00 00 00 FF 41 00 00 00 00 "
		       "00 00 00 00 00 5F 00 00 00 5F 00 00 00 5F 6E 76 00 37 BC 7E");
	assert_ok(efs_readdir_parse(PAYLOAD(h), S, &a, &e), e);
	assert_int_equal(a.dirp, 1);
	assert_int_equal(a.seq, 1);
	assert_int_equal(a.entry_type, EFS_ENTRY_DIR);
	assert_int_equal(a.mode, 040777);
	assert_int_equal(a.mtime, 0x5f000000);
	assert_slice_equal(a.name, "nv", 2);

	for (i = 0; i < 29; i++)
		strcat(end, " 00");
	strcat(end, " 1A 5E 7E");
	h = payload_of(end);
	assert_ok(efs_readdir_parse(PAYLOAD(h), S, &a, &e), e);
	assert_int_equal(a.seq, 3);
	assert_int_equal(a.err, 0);
	assert_int_equal(a.name.n, 0);

	h = payload_of("4B 13 0D 00 00 00 00 00 96 69 7E");
	assert_ok(efs_errno_parse(PAYLOAD(h), S, EFS_CLOSEDIR, &number, &e), e);
	assert_int_equal(number, 0);
}

static void file_answers_as_published(void **state)
{
	struct err e = ERR_INIT;
	struct efs_stat_answer st;
	struct efs_handle_answer fd;
	struct efs_read_answer rd;
	struct efs_write_answer wr;
	uint32_t number;
	struct hex h;

	(void)state;
	h = payload_of("4B 13 0F 00 00 00 00 00 FF E1 00 00 08 00 00 00 01 00 00 00 "
		       "00 00 00 00 00 00 00 00 00 00 00 00 89 D4 7E");
	assert_ok(efs_stat_parse(PAYLOAD(h), S, EFS_STAT, &st, &e), e);
	assert_int_equal(st.err, 0);
	assert_int_equal(st.mode & EFS_S_IFMT, EFS_S_IFITM);
	assert_int_equal(st.size, 8);
	assert_int_equal(st.nlink, 1);
	h = payload_of("4B 13 0F 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
		       "00 00 00 00 00 00 00 00 00 00 00 00 04 CB 7E");
	assert_ok(efs_stat_parse(PAYLOAD(h), S, EFS_STAT, &st, &e), e);
	assert_int_equal(st.err, EFS_ENOENT);
	h = payload_of("4B 13 02 00 00 00 00 00 00 00 00 00 04 6D 7E");
	assert_ok(efs_handle_parse(PAYLOAD(h), S, EFS_OPEN, &fd, &e), e);
	assert_int_equal(fd.handle, 0);
	h = payload_of("4B 13 04 00 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 68 65 6C 6C 6F 16 EB 7E");
	assert_ok(efs_read_parse(PAYLOAD(h), S, &rd, &e), e);
	assert_slice_equal(rd.data, "hello", 5);
	h = payload_of("4B 13 05 00 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 91 72 7E");
	assert_ok(efs_write_parse(PAYLOAD(h), S, &wr, &e), e);
	assert_int_equal(wr.written, 5);
	h = payload_of("4B 13 08 00 00 00 00 00 11 7D 5D 7E");
	assert_ok(efs_errno_parse(PAYLOAD(h), S, EFS_UNLINK, &number, &e), e);
	assert_int_equal(number, 0);
	h = payload_of("4B 13 09 00 06 00 00 00 A0 32 7E");
	assert_ok(efs_errno_parse(PAYLOAD(h), S, EFS_MKDIR, &number, &e), e);
	assert_int_equal(number, EFS_EEXIST);
}

static void item_and_sync_answers_as_published(void **state)
{
	struct err e = ERR_INIT;
	struct efs_get_answer get;
	struct efs_seq_answer put;
	struct efs_sync_answer sync;
	struct efs_sync_status_answer poll;
	struct hex h;

	(void)state;
	h = payload_of("4B 13 27 00 01 00 00 00 00 00 00 00 01 00 01 FD C8 7E");
	assert_ok(efs_get_parse(PAYLOAD(h), S, &get, &e), e);
	assert_int_equal(get.seq, 1);
	assert_slice_equal(get.data, "\1", 1);
	h = payload_of("4B 13 27 00 FF FF FF FF 02 00 00 00 01 00 D2 8A 7E");
	assert_ok(efs_get_parse(PAYLOAD(h), S, &get, &e), e);
	assert_int_equal(get.err, EFS_ENOENT);
	assert_int_equal(get.data.n, 0);
	h = payload_of("4B 13 26 00 02 00 00 00 00 00 C7 A5 7E");
	assert_ok(efs_put_parse(PAYLOAD(h), S, &put, &e), e);
	assert_int_equal(put.seq, 2);
	assert_int_equal(put.err, 0);
	h = payload_of("4B 13 30 00 03 00 01 00 00 00 00 00 00 00 C1 19 7E");
	assert_ok(efs_sync_parse(PAYLOAD(h), S, &sync, &e), e);
	assert_int_equal(sync.token, 1);
	h = payload_of("4B 13 30 00 03 00 00 00 00 00 32 01 00 00 26 B7 7E");
	assert_ok(efs_sync_parse(PAYLOAD(h), S, &sync, &e), e);
	assert_int_equal(sync.err, EFS_ENOTHINGTOSYNC);
	h = payload_of("4B 13 31 00 04 00 00 00 00 00 00 D5 0C 7E");
	assert_ok(efs_sync_status_parse(PAYLOAD(h), S, &poll, &e), e);
	assert_int_equal(poll.status, 0);
	h = payload_of("4B 13 31 00 05 00 01 00 00 00 00 44 98 7E");
	assert_ok(efs_sync_status_parse(PAYLOAD(h), S, &poll, &e), e);
	assert_int_equal(poll.seq, 5);
	assert_int_equal(poll.status, 1);
}

static void other_answers_are_laid_out_as_catalogued(void **state)
{
	struct err e = ERR_INIT;
	struct efs_stat_answer st;
	struct efs_statfs_answer fs;
	struct efs_query q;
	struct efs_md5_answer md5;
	struct efs_dev_info dev;
	struct slice target;
	uint32_t number;
	struct hex h;

	(void)state;
	/* LSTAT has no size and no link count. */
	h = hex_of("4B 13 10 00 00000000 A4810000 01000000 02000000 03000000");
	assert_ok(efs_lstat_parse(PAYLOAD(h), S, &st, &e), e);
	assert_int_equal(st.mode, 0100644);
	assert_int_equal(st.atime, 1);
	assert_int_equal(st.ctime, 3);
	assert_int_equal(st.size, 0);
	h = hex_of("4B 13 13 00 00000000 07000000 4546533200000000 00080000 00100000 00080000 00090000 "
		   "00000010 64000000 E8030000");
	assert_int_equal(h.n, 48);
	assert_ok(efs_statfs_parse(PAYLOAD(h), S, &fs, &e), e);
	assert_string_equal(fs.type, "EFS2");
	assert_int_equal(fs.block_size, 2048);
	assert_int_equal(fs.total, 4096);
	assert_int_equal(fs.available, 2048);
	assert_int_equal(fs.free, 0x900);
	assert_int_equal(fs.files, 100);
	assert_int_equal(fs.max_files, 1000);
	h = hex_of("4B 13 01 00 FF000000 00040000 08000000 00000010 00100000 20000000");
	assert_ok(efs_query_parse(PAYLOAD(h), S, &q, &e), e);
	assert_int_equal(q.max_name, 255);
	assert_int_equal(q.max_mounts, 32);
	h = hex_of("4B 13 2B 00 0900 00000000 000102030405060708090A0B0C0D0E0F");
	assert_ok(efs_md5_parse(PAYLOAD(h), S, &md5, &e), e);
	assert_int_equal(md5.seq, 9);
	assert_int_equal(md5.hash[15], 15);
	h = hex_of("4B 13 07 00 00000000 2F74617267657400");
	assert_ok(efs_readlink_parse(PAYLOAD(h), S, &number, &target, &e), e);
	assert_slice_equal(target, "/target", 7);
	h = hex_of("4B 13 15 00 00000000 00020000 40000000 00080000 40080000 2C000000 DA000000 01 4E414E4400");
	assert_ok(efs_dev_info_parse(PAYLOAD(h), S, &dev, &e), e);
	assert_int_equal(dev.blocks, 512);
	assert_int_equal(dev.page_size, 2048);
	assert_int_equal(dev.type, 1);
	assert_string_equal(dev.name, "NAND");
}

/* Every answer, cut at every length, with errno 0: parsed fully or refused, never half. */
static void cut_answers_are_refused_not_guessed(void **state)
{
	struct err e = ERR_INIT;
	uint8_t p[64] = { 0 };
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(p); n++) {
		struct slice in = SLICE(p, n);
		union {
			struct efs_hello hello;
			struct efs_query query;
			struct efs_handle_answer handle;
			struct efs_read_answer read;
			struct efs_write_answer write;
			struct efs_readdir_answer dir;
			struct efs_stat_answer stat;
			struct efs_statfs_answer fs;
			struct efs_get_answer get;
			struct efs_seq_answer put;
			struct efs_md5_answer md5;
			struct efs_sync_answer sync;
			struct efs_sync_status_answer poll;
		} u;
#define EXPECT(op, least, call)                                                                    \
	do {                                                                                       \
		p[0] = 0x4b, p[1] = S, p[2] = (uint8_t)(op);                                       \
		if (n < (least))                                                                   \
			assert_err(call, e, ERR_PROTO);                                            \
		else                                                                               \
			assert_ok(call, e);                                                        \
	} while (0)
		EXPECT(EFS_HELLO, 44, efs_hello_parse(in, S, &u.hello, &e));
		EXPECT(EFS_QUERY, 28, efs_query_parse(in, S, &u.query, &e));
		EXPECT(EFS_OPEN, 12, efs_handle_parse(in, S, EFS_OPEN, &u.handle, &e));
		EXPECT(EFS_READ, 20, efs_read_parse(in, S, &u.read, &e));
		EXPECT(EFS_WRITE, 20, efs_write_parse(in, S, &u.write, &e));
		EXPECT(EFS_READDIR, 40, efs_readdir_parse(in, S, &u.dir, &e));
		EXPECT(EFS_STAT, 32, efs_stat_parse(in, S, EFS_STAT, &u.stat, &e));
		EXPECT(EFS_LSTAT, 24, efs_lstat_parse(in, S, &u.stat, &e));
		EXPECT(EFS_STATFS, 48, efs_statfs_parse(in, S, &u.fs, &e));
		EXPECT(EFS_GET, 14, efs_get_parse(in, S, &u.get, &e));
		EXPECT(EFS_PUT, 10, efs_put_parse(in, S, &u.put, &e));
		EXPECT(EFS_MD5SUM, 26, efs_md5_parse(in, S, &u.md5, &e));
		EXPECT(EFS_SYNC_NO_WAIT, 14, efs_sync_parse(in, S, &u.sync, &e));
		EXPECT(EFS_SYNC_GET_STATUS, 11, efs_sync_status_parse(in, S, &u.poll, &e));
#undef EXPECT
	}
}

static void answers_that_claim_more_than_they_carry_are_refused(void **state)
{
	struct err e = ERR_INIT;
	struct efs_read_answer rd;
	struct efs_get_answer get;
	struct hex h;

	(void)state;
	h = hex_of("4B 13 04 00 00000000 00000000 06000000 00000000 68656C6C6F");
	assert_err(efs_read_parse(PAYLOAD(h), S, &rd, &e), e, ERR_PROTO);
	h = hex_of("4B 13 04 00 00000000 00000000 FFFFFFFF 00000000 68656C6C6F");
	assert_err(efs_read_parse(PAYLOAD(h), S, &rd, &e), e, ERR_PROTO);
	h = hex_of("4B 13 04 00 00000000 00000000 FFFFFFFF 09000000");
	assert_ok(efs_read_parse(PAYLOAD(h), S, &rd, &e), e);
	assert_int_equal(rd.err, EFS_EBADF);
	h = hex_of("4B 13 27 00 00040000 00000000 0100 01");
	assert_err(efs_get_parse(PAYLOAD(h), S, &get, &e), e, ERR_PROTO);
}

static void older_targets_may_cut_behind_an_errno(void **state)
{
	struct err e = ERR_INIT;
	struct efs_readdir_answer a;
	struct efs_stat_answer st;
	struct hex h;

	(void)state;
	h = hex_of("4B 13 0C 00 01000000 05000000 02000040");
	assert_ok(efs_readdir_parse(PAYLOAD(h), S, &a, &e), e);
	assert_int_equal(a.err, EFS_ESEQUENCE);
	h = hex_of("4B 13 0F 00 02000000");
	assert_ok(efs_stat_parse(PAYLOAD(h), S, EFS_STAT, &st, &e), e);
	assert_int_equal(st.err, EFS_ENOENT);
}

static void errnos_have_words(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(efs_errno_text(6), efs_errno_text(17));
	assert_string_equal(efs_errno_text(303), "not an item file");
	assert_string_equal(efs_errno_text(0x40000007), "too many open directories");
	assert_string_equal(efs_errno_text(4711), "unknown error");
	assert_err(efs_errno_set(&e, EFS_ENOENT, "read", "/x"), e, ERR_REFUSED);
	assert_int_equal(e.code, EFS_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_as_published),
		cmocka_unit_test(destructive_opcodes_are_the_agreed_ones),
		cmocka_unit_test(directory_answers_as_published),
		cmocka_unit_test(file_answers_as_published),
		cmocka_unit_test(item_and_sync_answers_as_published),
		cmocka_unit_test(other_answers_are_laid_out_as_catalogued),
		cmocka_unit_test(cut_answers_are_refused_not_guessed),
		cmocka_unit_test(answers_that_claim_more_than_they_carry_are_refused),
		cmocka_unit_test(older_targets_may_cut_behind_an_errno),
		cmocka_unit_test(errnos_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
