#include "backup/container.h"
#include "backup/judge.h"
#include "backup/snap_int.h"
#include "backup/snapread.h"
#include "backup/verify.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void snap_sealed_fini(struct snap_sealed *r)
{
	free(r->path);
	manifest_fini(&r->manifest);
	*r = (struct snap_sealed){ 0 };
}

/* SHA256SUMS: the manifest first, which vouches for everything it says besides. */
static int sums_write(const struct manifest *m, const char *id, struct buf *out, struct err *e)
{
	char line[SNAPREAD_LINE];
	size_t i, n = snapread_sum_line(id, "manifest.json", line);

	if (buf_add(out, line, n, e) < 0)
		return -1;
	for (i = 0; i < m->n_items; i++) {
		if (!manifest_item_has_bytes(&m->item[i]))
			continue;
		n = snapread_sum_line(m->item[i].sha256, m->item[i].name, line);
		if (buf_add(out, line, n, e) < 0)
			return -1;
	}
	return 0;
}

static int pack_bytes(struct container_writer *w, const char *name, const struct buf *b, uint32_t now,
		      struct err *e)
{
	struct mem_source from;

	mem_source_init(&from, buf_slice(b));
	return container_writer_add(w, name, b->n, now, &from.source, e);
}

static int pack_item(struct snap *s, struct container_writer *w, const struct manifest_item *it,
		     uint32_t now, struct err *e)
{
	char hex[DIGEST_HEX_MAX];
	struct digest_source from;
	struct fs_source file;
	int fd, r;

	if (snap_open_item(s, it->name, &fd, e) < 0)
		return -1;
	fs_source_init(&file, s->fs, fd);
	digest_source_init(&from, DIGEST_SHA256, &file.source);
	r = container_writer_add(w, it->name, it->size, now, &from.source, e);
	s->fs->close(s->fs, fd);
	if (r < 0)
		return -1;
	digest_final_hex(&from.digest, hex);
	if (strcmp(hex, it->sha256) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "'%s' has changed since it was read: digest %.16s..., not %.16s...",
			       it->name, hex, it->sha256);
	return 0;
}

static int pack_items(struct snap *s, struct container_writer *w, uint32_t now, struct err *e)
{
	const struct manifest *m = &s->manifest;
	uint64_t done = 0;
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		if (progress_cancelled(s->opts.progress))
			return err_set(e, ERR_CANCELLED,
				       "stopped while sealing; what was read is kept in '%s/%s'", s->dir,
				       s->part);
		if (!manifest_item_has_bytes(&m->item[i]))
			continue;
		if (pack_item(s, w, &m->item[i], now, e) < 0)
			return -1;
		done += m->item[i].size;
		progress_step(s->opts.progress, done);
	}
	return 0;
}

static uint64_t total_bytes(const struct manifest *m)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < m->n_items; i++)
		sum += m->item[i].size;
	return sum;
}

/* What goes out first must be what we meant, also where nobody can read the archive back. */
static int manifest_text(const struct manifest *m, struct buf *out, struct err *e)
{
	struct manifest back;
	bool same;

	if (manifest_write(m, out, e) < 0 || manifest_parse(buf_slice(out), &back, e) < 0)
		return -1;
	same = back.n_items == m->n_items && back.n_gaps == m->n_gaps && back.table.n == m->table.n &&
	       back.verdict == m->verdict && manifest_same_module(&back.module, &m->module) != MODULE_OTHER;
	manifest_fini(&back);
	return same ? 0 : err_set(e, ERR_INTEGRITY, "the manifest as written is not the one meant");
}

static int pack(struct snap *s, struct sink *to, char id[DIGEST_HEX_MAX], struct err *e)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX), sums = BUF_INIT((size_t)128 << 20);
	uint32_t now = (uint32_t)MIN_OF(clock_wall_s(), (uint64_t)UINT32_MAX);
	struct container_writer *w = NULL;
	struct digest d;
	int r = -1;

	if (manifest_text(&s->manifest, &text, e) < 0)
		goto out;
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, text.p, text.n);
	digest_final_hex(&d, id);
	if (sums_write(&s->manifest, id, &sums, e) < 0 ||
	    container_writer_open(to, s->manifest.name, &w, e) < 0)
		goto out;
	progress_begin(s->opts.progress, "sealing", total_bytes(&s->manifest));
	r = 0;
	if (pack_bytes(w, "manifest.json", &text, now, e) < 0 ||
	    pack_bytes(w, "SHA256SUMS", &sums, now, e) < 0 || pack_items(s, w, now, e) < 0)
		r = -1;
	else
		r = container_writer_close(steal_ptr(&w), e);
	progress_end(s->opts.progress, r == 0);
out:
	container_writer_abort(w);
	buf_fini(&text);
	buf_fini(&sums);
	return r;
}

static int conclude(struct snap *s, struct err *e)
{
	struct manifest *m = &s->manifest;

	if (s->item_name)
		return err_set(e, ERR_BUG, "'%s' is still being read", s->item_name);
	if (m->n_items == 0)
		return err_set(e, ERR_INTEGRITY, "nothing was read, so there is nothing to seal");
	clock_wall_iso(m->ended);
	m->ended_ms = clock_ms();
	if (manifest_set(&m->tool, s->opts.tool, e) < 0 || judge(m, e) < 0)
		return -1;
	return manifest_check(m, e);
}

/* Reads the archive that was just written, as anybody would who found it. */
static int read_back(struct snap *s, int fd, uint64_t n, const char *id, struct err *e)
{
	struct verify_opts opts = { .progress = s->opts.progress };
	struct verify_report rep;
	struct range_source from;
	int r = 0;

	range_source_init(&from, fd, 0, n);
	if (verify(&from.source, &opts, &rep, e) < 0)
		return err_prefix(e, "reading back what was sealed");
	if (!rep.sound || rep.derived != s->manifest.verdict || strcmp(rep.id, id) != 0)
		r = err_set(e, ERR_INTEGRITY, "what was sealed does not verify: %s",
			    rep.n ? rep.finding[0].text : "it is another snapshot");
	verify_report_fini(&rep);
	return r;
}

/* Everything is safe in its place; what was its scaffold goes. */
static void finish(struct snap *s, struct snap_sealed *ret)
{
	struct err ignored = ERR_INIT;
	int dir_fd = s->fs->open(s->fs, AT_FDCWD, s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	ret->part_left = dir_fd < 0 || fs_remove_tree(dir_fd, s->part, &ignored) < 0;
	if (dir_fd >= 0)
		s->fs->close(s->fs, dir_fd);
	ret->manifest = s->manifest;
	manifest_init(&s->manifest);
	snap_close(s);
}

int snap_seal_to(struct snap *s, struct sink *to, struct snap_sealed *ret, struct err *e)
{
	struct snap_sealed sealed = { 0 };
	struct digest_sink hashed;

	if (conclude(s, e) < 0)
		return -1;
	digest_sink_init(&hashed, DIGEST_SHA256, to);
	if (pack(s, &hashed.sink, sealed.id, e) < 0)
		return -1;
	digest_final_hex(&hashed.digest, sealed.sha256);
	sealed.bytes = hashed.n;
	finish(s, &sealed);
	*ret = sealed;
	return 0;
}

int snap_seal(struct snap *s, const char *path, struct snap_sealed *ret, struct err *e)
{
	struct snap_sealed sealed = { 0 };
	struct digest_sink hashed;
	struct fs_sink file;
	struct fs_new f;

	if (path)
		sealed.path = strdup(path);
	else if (asprintf(&sealed.path, "%s/%s%s", s->dir, s->manifest.name, container_suffix()) < 0)
		sealed.path = NULL;
	if (!sealed.path)
		return err_nomem(e);
	if (conclude(s, e) < 0 || fs_new_open_on(&f, s->fs, sealed.path, false, e) < 0)
		goto fail;
	fs_sink_init(&file, s->fs, f.fd, s->room);
	digest_sink_init(&hashed, DIGEST_SHA256, &file.sink);
	if (pack(s, &hashed.sink, sealed.id, e) < 0 || fs_sink_flush(&file, e) < 0 ||
	    read_back(s, f.fd, hashed.n, sealed.id, e) < 0) {
		err_prefix(e, "'%s'", sealed.path);
		fs_new_abort(&f);
		goto fail;
	}
	digest_final_hex(&hashed.digest, sealed.sha256);
	sealed.bytes = hashed.n;
	if (fs_new_commit(&f, e) < 0)
		goto fail;
	finish(s, &sealed);
	*ret = sealed;
	return 0;
fail:
	snap_sealed_fini(&sealed);
	return -1;
}
