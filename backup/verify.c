#include "backup/verify.h"

#include "backup/judge.h"
#include "backup/snapread.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536u

struct walk {
	const struct verify_opts *opts;
	struct snapread *r;
	struct verify_report *rep;
	uint64_t total;
	uint8_t *room; /* CHUNK bytes */
};

void verify_report_fini(struct verify_report *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		free(r->finding[i].item);
		free(r->finding[i].text);
	}
	free(r->finding);
	manifest_fini(&r->manifest);
	*r = (struct verify_report){ 0 };
}

static int find(struct verify_report *rep, bool is_bad, const char *item, const char *text,
		struct err *e)
{
	struct verify_finding f = { .bad = is_bad };

	if (is_bad)
		rep->sound = false;
	if (rep->n == VERIFY_MAX_FINDINGS)
		return 0;
	if (rep->n == rep->cap) {
		size_t cap = rep->cap ? 2 * rep->cap : 16;
		struct verify_finding *room = realloc(rep->finding, cap * sizeof(*room));

		if (!room)
			return err_nomem(e);
		rep->finding = room;
		rep->cap = cap;
	}
	if (manifest_set(&f.item, item, e) < 0)
		return -1;
	if (manifest_set(&f.text, text, e) < 0) {
		free(f.item);
		return -1;
	}
	rep->finding[rep->n++] = f;
	return 0;
}

/* Errors that are about this computer and not about the snapshot. */
static bool is_ours(const struct err *e)
{
	return e->kind == ERR_NOMEM || e->kind == ERR_HOST || e->kind == ERR_CANCELLED ||
	       e->kind == ERR_BUG;
}

/* A nameless file: gone with its descriptor, however we end. */
static int spool_open(const struct verify_opts *opts, struct err *e)
{
	const char *dir = opts->spool_dir ? opts->spool_dir : "/tmp";
	_cleanup_free_ char *path = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Some file systems have no such thing. */
	if (asprintf(&path, "%s/.salvor-verify.XXXXXX", dir) < 0) {
		path = NULL;
		return err_nomem(e);
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(e, errno, "cannot make a temporary file in '%s'", dir);
	unlink(path);
	return fd;
}

static int read_through(struct walk *w, struct sink *to, struct err *e)
{
	struct source *from = snapread_source(w->r);
	size_t n;

	for (;;) {
		if (w->opts && progress_cancelled(w->opts->progress))
			return err_set(e, ERR_CANCELLED, "stopped while verifying; nothing was changed");
		if (source_get(from, w->room, CHUNK, &n, e) < 0)
			return -1;
		if (n == 0)
			return 0;
		w->rep->bytes += n;
		if (w->opts)
			progress_step(w->opts->progress, w->rep->bytes);
		if (to && sink_put(to, w->room, n, e) < 0)
			return -1;
	}
}

static int look_into(struct walk *w, const struct manifest_item *it, int fd, struct err *e)
{
	size_t i;

	for (i = 0; i < w->opts->n_checks; i++) {
		const struct verify_check *c = &w->opts->check[i];

		if (!c->wants(c->ctx, it) || c->check(c->ctx, it, fd, e) == 0)
			continue;
		if (is_ours(e))
			return -1;
		if (find(w->rep, e->kind != ERR_UNSUPPORTED, it->name, e->msg, e) < 0)
			return -1;
		err_clear(e);
	}
	return 0;
}

static bool is_wanted(const struct walk *w, const struct manifest_item *it)
{
	size_t i;

	for (i = 0; w->opts && i < w->opts->n_checks; i++) {
		if (w->opts->check[i].wants(w->opts->check[i].ctx, it))
			return true;
	}
	return false;
}

static int walk_item(struct walk *w, const struct manifest_item *it, struct err *e)
{
	_cleanup_close_ int fd = -1;
	struct fd_sink spool;
	int r;

	if (!manifest_item_has_bytes(it))
		return 0;
	if (is_wanted(w, it)) {
		fd = spool_open(w->opts, e);
		if (fd < 0)
			return -1;
		fd_sink_init(&spool, fd);
	}
	r = read_through(w, fd >= 0 ? &spool.sink : NULL, e);
	if (r == 0)
		w->rep->items++;
	if (r == 0 && fd >= 0)
		r = look_into(w, it, fd, e);
	if (r == 0 || is_ours(e))
		return r;
	r = find(w->rep, true, it->name, e->msg, e);
	if (r == 0)
		err_clear(e);
	return r;
}

static int walk_items(struct walk *w, struct err *e)
{
	const struct manifest_item *it;

	while (!snapread_is_broken(w->r)) {
		if (snapread_next(w->r, &it, e) < 0) {
			if (is_ours(e) || find(w->rep, true, NULL, e->msg, e) < 0)
				return -1;
			err_clear(e);
			continue;
		}
		if (!it)
			return 0;
		if (walk_item(w, it, e) < 0)
			return -1;
	}
	return 0;
}

/* The stored verdict is a claim like all others. One that is more modest than ours is no lie. */
static int judge_again(struct verify_report *rep, struct err *e)
{
	enum verdict stored = rep->manifest.verdict;
	char text[160];

	/* The reasons that were written stay for the reader; a scratch list takes the new ones. */
	struct manifest scratch = rep->manifest;
	int r;

	scratch.reason = NULL;
	scratch.n_reasons = 0;
	r = judge(&scratch, e);
	manifest_clear_reasons(&scratch);
	if (r < 0)
		return -1;
	rep->derived = scratch.verdict;
	if (scratch.verdict == stored)
		return 0;
	snprintf(text, sizeof(text), "its verdict is '%s', but what it holds makes it '%s'",
		 verdict_name(stored), verdict_name(scratch.verdict));
	return find(rep, scratch.verdict < stored, NULL, text, e);
}

int verify(struct source *from, const struct verify_opts *opts, struct verify_report *ret,
	   struct err *e)
{
	struct verify_report rep = { .sound = true };
	struct walk w = { .opts = opts, .rep = &rep };
	const struct manifest *m;
	size_t i;
	int r = -1;

	if (snapread_open(from, &w.r, e) < 0)
		return -1;
	m = snapread_manifest(w.r);
	memcpy(rep.id, snapread_id(w.r), sizeof(rep.id));
	for (i = 0; i < m->n_items; i++)
		w.total += m->item[i].size;
	w.room = malloc(CHUNK);
	if (!w.room) {
		err_nomem(e);
		goto out;
	}
	if (opts)
		progress_begin(opts->progress, m->name, w.total);
	r = walk_items(&w, e);
	if (opts)
		progress_end(opts->progress, r == 0);
	if (r == 0) {
		snapread_take_manifest(w.r, &rep.manifest);
		r = judge_again(&rep, e);
	}
out:
	free(w.room);
	snapread_close(w.r);
	if (r < 0)
		verify_report_fini(&rep);
	else
		*ret = rep;
	return r;
}
