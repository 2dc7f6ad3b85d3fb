#include "snap_util.h"
#include "unit.h"

#include "backup/container.h"
#include "backup/snapread.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	scratch_make(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	scratch_remove(*state);
	free(*state);
	return 0;
}

static const char *sealed_path(const struct scratch *s)
{
	static char name[128];

	snprintf(name, sizeof(name), SAMPLE_NAME "%s", container_suffix());
	return scratch_path(s, name);
}

static void a_sealed_snapshot_is_complete_sound_and_private(void **state)
{
	struct scratch *dir = *state;
	struct verify_report rep;
	struct err e = ERR_INIT;
	struct stat st;

	assert_ok(sample_make(dir->dir, SAMPLE_NAME, NULL, &e), e);
	assert_int_equal(scratch_count(dir, ".part"), 0);
	assert_int_equal(scratch_count(dir, ".tmp"), 0);
	assert_int_equal(stat(sealed_path(dir), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(verify_file(sealed_path(dir), &rep, &e), e);
	assert_true(rep.sound);
	assert_int_equal(rep.manifest.verdict, VERDICT_COMPLETE);
	assert_int_equal(rep.derived, VERDICT_COMPLETE);
	assert_true(rep.manifest.as_asked);
	assert_string_equal(rep.manifest.name, SAMPLE_NAME);
	assert_string_equal(rep.manifest.tool, "0.1.0");
	assert_int_equal(rep.manifest.n_items, 11);
	assert_int_equal(rep.items, 9);
	verify_report_fini(&rep);
}

static void a_snapshot_is_never_overwritten(void **state)
{
	struct scratch *dir = *state;
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	struct snap *s;

	put_file(sealed_path(dir), "old", 3);
	assert_err(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e, ERR_HOST);
	assert_int_equal(e.code, EEXIST);
	assert_int_equal(scratch_count(dir, ".part"), 0);
	/* Nor one that appears while we read. */
	unlink(sealed_path(dir));
	err_clear(&e);
	assert_ok(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	put_file(sealed_path(dir), "old", 3);
	assert_err(snap_seal(s, NULL, &sealed, &e), e, ERR_HOST);
	snap_close(s);
	_cleanup_free_ uint8_t *p = NULL;
	size_t n;
	p = get_file(sealed_path(dir), &n);
	assert_int_equal(n, 3);
	assert_int_equal(scratch_count(dir, ".part"), 1);
	assert_int_equal(scratch_count(dir, ".tmp"), 0);
}

static void an_interrupted_backup_is_resumed_with_what_is_whole(void **state)
{
	struct scratch *dir = *state;
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	struct snap *s, *other;

	assert_ok(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	/* One process at a time. */
	assert_err(snap_resume(dir->dir, SAMPLE_NAME, NULL, &other, &e), e, ERR_BUSY);
	assert_err(snap_discard(dir->dir, SAMPLE_NAME, &e), e, ERR_BUSY);
	snap_close(s);
	err_clear(&e);
	assert_err(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e, ERR_HOST);
	assert_int_equal(e.code, EEXIST);
	/* A power cut made zeros of one file, and cut the journal in its last line. */
	put_file(scratch_path(dir, SAMPLE_NAME ".part/items/diag/nv/00550.bin"), "\0\0\0\0\0\0\0\0\0", 9);
	unlink(scratch_path(dir, SAMPLE_NAME ".part/items/edl/sys_rev.bin"));
	const char *journal = scratch_path(dir, SAMPLE_NAME ".part/journal");
	struct stat st;
	assert_int_equal(stat(journal, &st), 0);
	assert_int_equal(truncate(journal, st.st_size - 5), 0);
	err_clear(&e);
	assert_ok(snap_resume(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_non_null(snap_has(s, "edl/efs2.bin"));
	assert_non_null(snap_has(s, "diag/efs/link"));
	assert_null(snap_has(s, "diag/nv/00550.bin"));
	assert_null(snap_has(s, "edl/sys_rev.bin"));
	assert_null(snap_has(s, "at/info.txt"));
	assert_int_equal(snap_manifest(s)->resumed, 1);
	assert_string_equal(snap_manifest(s)->module.revision, "EC25EFAR06A17M4G");
	assert_true(snap_manifest(s)->module.chip.has_serial);
	/* Interrupted once more right after the first line behind the torn one. */
	struct manifest_item at = { .name = (char *)(uintptr_t)"at/info.txt", .kind = ITEM_AT_TEXT };
	assert_ok(snap_add_bytes(s, &at, SLICE_STR("again"), &e), e);
	snap_close(s);
	assert_ok(snap_resume(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_non_null(snap_has(s, "at/info.txt"));
	assert_int_equal(snap_has(s, "at/info.txt")->size, 5);
	/* Reading everything again replaces, and doubles nothing. */
	assert_ok(sample_fill(s, &e), e);
	assert_int_equal(snap_manifest(s)->n_items, 11);
	assert_ok(snap_seal(s, NULL, &sealed, &e), e);
	assert_int_equal(sealed.manifest.verdict, VERDICT_COMPLETE);
	assert_false(sealed.part_left);
	snap_sealed_fini(&sealed);
	assert_int_equal(scratch_count(dir, ".part"), 0);
	assert_err(snap_resume(dir->dir, SAMPLE_NAME, NULL, &s, &e), e, ERR_NODEV);
}

static void bytes_that_change_before_sealing_are_found(void **state)
{
	struct scratch *dir = *state;
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	struct snap *s;

	assert_ok(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	put_file(scratch_path(dir, SAMPLE_NAME ".part/items/diag/nv/00550.bin"), "123456789", 9);
	assert_err(snap_seal(s, NULL, &sealed, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "'diag/nv/00550.bin' has changed since it was read"));
	put_file(scratch_path(dir, SAMPLE_NAME ".part/items/diag/nv/00550.bin"), "1234", 4);
	assert_err(snap_seal(s, NULL, &sealed, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "has 4 bytes, not 9"));
	put_file(scratch_path(dir, SAMPLE_NAME ".part/items/diag/nv/00550.bin"), "1234567890", 10);
	assert_err(snap_seal(s, NULL, &sealed, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "more than its 9 bytes"));
	snap_close(s);
	assert_int_equal(scratch_count(dir, container_suffix()), 0);
	assert_int_equal(scratch_count(dir, ".tmp"), 0);
	assert_int_equal(scratch_count(dir, ".part"), 1);
	err_clear(&e);
	assert_ok(snap_discard(dir->dir, SAMPLE_NAME, &e), e);
	assert_int_equal(scratch_count(dir, ".part"), 0);
}

static void a_digest_of_the_session_must_agree(void **state)
{
	struct manifest_item it = { .name = (char *)(uintptr_t)"a", .kind = ITEM_OTHER };
	struct scratch *dir = *state;
	struct err e = ERR_INIT;
	struct sink *to;
	struct snap *s;

	assert_ok(snap_begin(dir->dir, "s", NULL, &s, &e), e);
	assert_ok(snap_item_begin(s, &it, &to, &e), e);
	assert_ok(sink_put(to, "x", 1, &e), e);
	assert_err(snap_item_end(s, NULL, "00", &e), e, ERR_INTEGRITY);
	assert_null(snap_has(s, "a"));
	/* A partial one is kept, and is no reason not to try again. */
	err_clear(&e);
	assert_ok(snap_item_begin(s, &it, &to, &e), e);
	assert_ok(sink_put(to, "x", 1, &e), e);
	assert_ok(snap_item_end(s, "the link broke", NULL, &e), e);
	assert_null(snap_has(s, "a"));
	assert_int_equal(snap_manifest(s)->n_items, 1);
	/* An abandoned read leaves the older one as it was. */
	assert_ok(snap_item_begin(s, &it, &to, &e), e);
	assert_ok(sink_put(to, "yyy", 3, &e), e);
	snap_item_abort(s);
	assert_int_equal(snap_manifest(s)->item[0].size, 1);
	snap_close(s);
}

static void names_that_leave_the_folder_are_refused(void **state)
{
	static const char *const names[] = { "../x", "/x", "a/../../x", "a//b", "", "manifest.json" };
	struct scratch *dir = *state;
	struct err e = ERR_INIT;
	struct sink *to;
	struct snap *s;
	size_t i;

	assert_err(snap_begin(dir->dir, "../x", NULL, &s, &e), e, ERR_USAGE);
	assert_err(snap_begin(dir->dir, "", NULL, &s, &e), e, ERR_USAGE);
	assert_err(snap_begin(scratch_path(dir, "none"), "x", NULL, &s, &e), e, ERR_HOST);
	err_clear(&e);
	assert_ok(snap_begin(dir->dir, "s", NULL, &s, &e), e);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct manifest_item it = { .name = (char *)(uintptr_t)names[i], .kind = ITEM_OTHER };

		assert_err(snap_item_begin(s, &it, &to, &e), e, ERR_PROTO);
	}
	snap_close(s);
}

static void a_snapshot_in_a_pipe_is_the_same(void **state)
{
	struct buf out = BUF_INIT(1 << 20);
	struct scratch *dir = *state;
	struct verify_report rep;
	struct snap_sealed sealed;
	struct mem_source from;
	struct err e = ERR_INIT;
	struct buf_sink to;
	struct snap *s;

	assert_ok(snap_begin(dir->dir, SAMPLE_NAME, NULL, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	buf_sink_init(&to, &out);
	assert_ok(snap_seal_to(s, &to.sink, &sealed, &e), e);
	assert_int_equal(sealed.bytes, out.n);
	assert_null(sealed.path);
	mem_source_init(&from, buf_slice(&out));
	assert_ok(verify(&from.source, NULL, &rep, &e), e);
	assert_true(rep.sound);
	assert_string_equal(rep.id, sealed.id);
	verify_report_fini(&rep);
	snap_sealed_fini(&sealed);
	buf_fini(&out);
}

/* Every cut of a sealed file, and a flip of every byte: never sound. What is behind the compressed data's
 * end may be lost without harm. */
static void a_damaged_snapshot_is_never_sound(void **state)
{
	struct scratch *dir = *state;
	struct err e = ERR_INIT;
	size_t n, i, cut_ok = 0, flip_ok = 0;
	uint8_t *p;

	assert_ok(sample_make(dir->dir, SAMPLE_NAME, NULL, &e), e);
	p = get_file(sealed_path(dir), &n);
	for (i = 0; i < 2 * n; i++) {
		size_t at = i < n ? i : i - n;
		struct mem_source from;
		struct verify_report rep;

		err_clear(&e);
		if (i >= n)
			p[at] ^= 0x20;
		mem_source_init(&from, SLICE(p, i < n ? at : n));
		if (verify(&from.source, NULL, &rep, &e) == 0) {
			if (rep.sound && i < n)
				cut_ok++;
			else if (rep.sound)
				flip_ok++;
			verify_report_fini(&rep);
		} else {
			assert_true(e.kind == ERR_INTEGRITY || e.kind == ERR_PROTO ||
				    e.kind == ERR_UNSUPPORTED);
		}
		if (i >= n)
			p[at] ^= 0x20;
	}
	free(p);
	/* zstd without a checksum: bits in fields that mean nothing (tar owner, unused header bits). */
	assert_true(cut_ok <= 8);
	assert_true(flip_ok <= 64);
}

struct parts {
	struct buf manifest, sums;
};

/* The members of a good snapshot of two small items. */
static void parts_make(struct parts *p)
{
	struct manifest_item it = { .kind = ITEM_NV, .size = 1 };
	char line[SNAPREAD_LINE], id[DIGEST_HEX_MAX];
	struct manifest m;
	struct digest d;
	struct err e = ERR_INIT;
	size_t i;

	*p = (struct parts){ BUF_INIT(65536), BUF_INIT(65536) };
	manifest_init(&m);
	assert_ok(manifest_set(&m.name, "S", &e), e);
	for (i = 0; i < 2; i++) {
		it.name = (char *)(uintptr_t)(i ? "nv/b" : "nv/a");
		digest_init(&d, DIGEST_SHA256);
		digest_update(&d, i ? "B" : "A", 1);
		digest_final_hex(&d, it.sha256);
		assert_ok(manifest_add(&m, &it, &e), e);
	}
	assert_ok(manifest_write(&m, &p->manifest, &e), e);
	digest_update(&d, p->manifest.p, p->manifest.n);
	digest_final_hex(&d, id);
	assert_ok(buf_add(&p->sums, line, snapread_sum_line(id, "manifest.json", line), &e), e);
	for (i = 0; i < 2; i++) {
		size_t n = snapread_sum_line(m.item[i].sha256, m.item[i].name, line);

		assert_ok(buf_add(&p->sums, line, n, &e), e);
	}
	manifest_fini(&m);
}

static void parts_fini(struct parts *p)
{
	buf_fini(&p->manifest);
	buf_fini(&p->sums);
}

/* Verifies the tar; 0 = sound, 1 = walked and unsound, else -1. Frees it. */
static int judge_tar(struct buf *tar, struct err *e)
{
	struct verify_report rep;
	struct mem_source from;
	int r;

	*e = (struct err)ERR_INIT;
	mem_source_init(&from, buf_slice(tar));
	r = verify(&from.source, NULL, &rep, e);
	if (r == 0) {
		r = rep.sound ? 0 : 1;
		if (r)
			snprintf(e->msg, sizeof(e->msg), "%s", rep.finding[0].text);
		verify_report_fini(&rep);
	}
	buf_fini(tar);
	return r;
}

enum hostile {
	H_NONE, H_DOTDOT, H_ABSOLUTE, H_SYMLINK, H_HARDLINK, H_DEVICE, H_FIFO, H_FOLDER, H_OTHER_ROOT, H_DOT_ROOT,
	H_EXTRA, H_TWICE, H_SWAPPED, H_MISSING, H_LONG, H_SHORT, H_WRONG, H_NO_SUMS, H_SUMS_LATE,
	H_MANIFEST_LATE, H_SUMS_WRONG, H_SUMS_MORE, H_HUGE, H_NO_END, H_N,
};

static void first_members(struct buf *t, const struct parts *p, enum hostile h)
{
	struct buf sums = BUF_INIT(65536);
	struct err e = ERR_INIT;

	assert_ok(buf_add(&sums, p->sums.p, p->sums.n, &e), e);
	if (h == H_SUMS_WRONG)
		sums.p[p->sums.n - 10] ^= 1;
	if (h == H_SUMS_MORE)
		assert_ok(buf_add(&sums, "x", 1, &e), e);
	if (h == H_MANIFEST_LATE)
		tar_add(t, "S/SHA256SUMS", '0', NULL, sums.p, sums.n);
	tar_add(t, "S/manifest.json", '0', NULL, p->manifest.p, p->manifest.n);
	if (h != H_MANIFEST_LATE && h != H_NO_SUMS && h != H_SUMS_LATE)
		tar_add(t, "S/SHA256SUMS", '0', NULL, sums.p, sums.n);
	buf_fini(&sums);
}

static int hostile_tar(const struct parts *p, enum hostile h, struct err *e)
{
	struct buf t = BUF_INIT(1 << 20);

	first_members(&t, p, h);
	switch (h) {
	case H_DOTDOT:     tar_add(&t, "S/../../etc/a", '0', NULL, "A", 1); break;
	case H_ABSOLUTE:   tar_add(&t, "/S/nv/a", '0', NULL, "A", 1); break;
	case H_SYMLINK:    tar_add(&t, "S/nv/a", '2', "/etc/passwd", "", 0); break;
	case H_HARDLINK:   tar_add(&t, "S/nv/a", '1', "S/manifest.json", "", 0); break;
	case H_DEVICE:     tar_add(&t, "S/nv/a", '3', NULL, "", 0); break;
	case H_FIFO:       tar_add(&t, "S/nv/a", '6', NULL, "", 0); break;
	case H_FOLDER:     tar_add(&t, "S/nv", '5', NULL, "", 0); break;
	case H_OTHER_ROOT: tar_add(&t, "T/nv/a", '0', NULL, "A", 1); break;
	case H_DOT_ROOT:   tar_add(&t, "./S/nv/a", '0', NULL, "A", 1); break;
	case H_SWAPPED:    tar_add(&t, "S/nv/b", '0', NULL, "B", 1); break;
	case H_LONG:       tar_add(&t, "S/nv/a", '0', NULL, "AA", 2); break;
	case H_SHORT:      tar_add(&t, "S/nv/a", '0', NULL, "", 0); break;
	case H_WRONG:      tar_add(&t, "S/nv/a", '0', NULL, "X", 1); break;
	case H_HUGE:       tar_head(&t, "S/nv/a", '0', NULL, UINT64_C(0x1ffffffff)); break;
	default:           break;
	}
	if (h >= H_EXTRA && h != H_SWAPPED && h != H_LONG && h != H_SHORT && h != H_WRONG && h != H_HUGE)
		tar_add(&t, "S/nv/a", '0', NULL, "A", 1);
	if (h == H_NONE)
		tar_add(&t, "S/nv/a", '0', NULL, "A", 1);
	if (h == H_TWICE)
		tar_add(&t, "S/nv/a", '0', NULL, "A", 1);
	if (h == H_SWAPPED)
		tar_add(&t, "S/nv/a", '0', NULL, "A", 1);
	else if (h != H_MISSING)
		tar_add(&t, "S/nv/b", '0', NULL, "B", 1);
	if (h == H_SUMS_LATE)
		tar_add(&t, "S/SHA256SUMS", '0', NULL, p->sums.p, p->sums.n);
	if (h == H_EXTRA)
		tar_add(&t, "S/nv/c", '0', NULL, "C", 1);
	if (h != H_NO_END)
		tar_end(&t);
	return judge_tar(&t, e);
}

/* All of one piece, but the folder has been given another name. */
static void a_renamed_folder_is_found(void **state)
{
	struct buf t = BUF_INIT(1 << 20);
	struct parts p;
	struct err e;

	(void)state;
	parts_make(&p);
	tar_add(&t, "T/manifest.json", '0', NULL, p.manifest.p, p.manifest.n);
	tar_add(&t, "T/SHA256SUMS", '0', NULL, p.sums.p, p.sums.n);
	tar_add(&t, "T/nv/a", '0', NULL, "A", 1);
	tar_add(&t, "T/nv/b", '0', NULL, "B", 1);
	tar_end(&t);
	assert_err(judge_tar(&t, &e), e, ERR_INTEGRITY);
	assert_non_null(strstr(e.msg, "of 'S', the archive of 'T'"));
	parts_fini(&p);
}

static void hostile_archives_are_refused(void **state)
{
	/* What the refusal must be about. */
	static const char *const said[H_N] = {
		[H_DOTDOT] = "leaves its folder",
		[H_ABSOLUTE] = "not a file below one folder",
		[H_SYMLINK] = "not a plain file",
		[H_HARDLINK] = "not a plain file",
		[H_DEVICE] = "not a plain file",
		[H_FIFO] = "not a plain file",
		[H_FOLDER] = "not a plain file",
		[H_OTHER_ROOT] = "outside the folder 'S'",
		[H_DOT_ROOT] = "outside the folder 'S'",
		[H_EXTRA] = "which its manifest has not",
		[H_TWICE] = "'nv/a' where 'nv/b' should come",
		[H_SWAPPED] = "'nv/b' where 'nv/a' should come",
		[H_MISSING] = "ends where 'nv/b' should come",
		[H_LONG] = "2 bytes, not 1",
		[H_SHORT] = "0 bytes, not 1",
		[H_WRONG] = "has the digest",
		[H_NO_SUMS] = "where 'SHA256SUMS' should come",
		[H_SUMS_LATE] = "where 'SHA256SUMS' should come",
		[H_MANIFEST_LATE] = "where 'manifest.json' should come",
		[H_SUMS_WRONG] = "differ about 'nv/b'",
		[H_SUMS_MORE] = "lists more",
		[H_HUGE] = "bytes, not 1",
	};
	struct parts p;
	struct err e;
	int h;

	(void)state;
	parts_make(&p);
	for (h = 0; h < H_N; h++) {
		int r = hostile_tar(&p, (enum hostile)h, &e);

		/* All data is there and right; only the two empty blocks at the end are not. */
		if (h == H_NONE || h == H_NO_END)
			assert_int_equal(r, 0);
		else if (r == 0 || !strstr(e.msg, said[h]))
			fail_msg("hostile archive %d: %d, %s", h, r, e.msg);
	}
	parts_fini(&p);
}

static void what_is_no_archive_is_said_so(void **state)
{
	struct verify_report rep;
	struct mem_source from;
	struct err e = ERR_INIT;

	(void)state;
	mem_source_init(&from, SLICE_STR("PK\3\4 this is a zip, or nothing at all"));
	assert_err(verify(&from.source, NULL, &rep, &e), e, ERR_UNSUPPORTED);
	mem_source_init(&from, SLICE(NULL, 0));
	assert_true(verify(&from.source, NULL, &rep, &e) == -1);
}

struct looker {
	unsigned calls;
	enum err_kind answer;
	uint8_t first;
};

static bool wants_raw(void *ctx, const struct manifest_item *it)
{
	(void)ctx;
	return it->kind == ITEM_RAW;
}

static int look(void *ctx, const struct manifest_item *it, int fd, struct err *e)
{
	struct looker *l = ctx;
	uint8_t c;

	l->calls++;
	assert_int_equal(pread(fd, &c, 1, (off_t)it->size - 1), 1);
	l->first = c;
	return l->answer ? err_set(e, l->answer, "no superblock") : 0;
}

static void checkers_see_the_bytes_and_have_a_say(void **state)
{
	struct scratch *dir = *state;
	struct looker l = { 0 };
	struct verify_check check = { wants_raw, look, &l };
	struct verify_opts opts = { .check = &check, .n_checks = 1, .spool_dir = dir->dir };
	struct verify_report rep;
	struct mem_source from;
	struct err e = ERR_INIT;
	uint8_t *p;
	size_t n;

	assert_ok(sample_make(dir->dir, SAMPLE_NAME, NULL, &e), e);
	p = get_file(sealed_path(dir), &n);
	mem_source_init(&from, SLICE(p, n));
	assert_ok(verify(&from.source, &opts, &rep, &e), e);
	assert_int_equal(l.calls, 2);
	assert_int_equal(l.first, 19); /* the last sector of sys_rev */
	assert_true(rep.sound);
	verify_report_fini(&rep);
	l.answer = ERR_PROTO;
	mem_source_init(&from, SLICE(p, n));
	assert_ok(verify(&from.source, &opts, &rep, &e), e);
	assert_false(rep.sound);
	assert_int_equal(rep.n, 2);
	assert_string_equal(rep.finding[0].item, "edl/efs2.bin");
	verify_report_fini(&rep);
	l.answer = ERR_UNSUPPORTED;
	mem_source_init(&from, SLICE(p, n));
	assert_ok(verify(&from.source, &opts, &rep, &e), e);
	assert_true(rep.sound);
	assert_int_equal(rep.n, 2);
	verify_report_fini(&rep);
	opts.spool_dir = "/nonexistent";
	mem_source_init(&from, SLICE(p, n));
	assert_err(verify(&from.source, &opts, &rep, &e), e, ERR_HOST);
	free(p);
}

/* A manifest that claims more than its items bear. */
static void a_verdict_that_lies_is_found(void **state)
{
	struct parts p;
	struct buf t = BUF_INIT(1 << 20);
	struct err e = ERR_INIT;
	char line[SNAPREAD_LINE], id[DIGEST_HEX_MAX];
	struct digest d;
	size_t at;

	(void)state;
	parts_make(&p);
	at = slice_find(buf_slice(&p.manifest), SLICE_STR("unusable"));
	assert_true(at != SIZE_MAX);
	memcpy(p.manifest.p + at, "complete", 8);
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, p.manifest.p, p.manifest.n);
	digest_final_hex(&d, id);
	at = snapread_sum_line(id, "manifest.json", line);
	memcpy(p.sums.p, line, at);
	tar_add(&t, "S/manifest.json", '0', NULL, p.manifest.p, p.manifest.n);
	tar_add(&t, "S/SHA256SUMS", '0', NULL, p.sums.p, p.sums.n);
	tar_add(&t, "S/nv/a", '0', NULL, "A", 1);
	tar_add(&t, "S/nv/b", '0', NULL, "B", 1);
	tar_end(&t);
	assert_int_equal(judge_tar(&t, &e), 1);
	assert_non_null(strstr(e.msg, "verdict"));
	parts_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_sealed_snapshot_is_complete_sound_and_private, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_is_never_overwritten, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interrupted_backup_is_resumed_with_what_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_that_change_before_sealing_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_digest_of_the_session_must_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_leave_the_folder_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_snapshot_in_a_pipe_is_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(a_damaged_snapshot_is_never_sound, setup, teardown),
		cmocka_unit_test(hostile_archives_are_refused),
		cmocka_unit_test(a_renamed_folder_is_found),
		cmocka_unit_test(what_is_no_archive_is_said_so),
		cmocka_unit_test_setup_teardown(checkers_see_the_bytes_and_have_a_say, setup, teardown),
		cmocka_unit_test(a_verdict_that_lies_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
