/*
 * Map: walk() takes folders from a list and hands their entries on; a folder met on the way goes on the
 * list, so nothing recurses. one_file() reads one content. probe_*() ask for what no listing showed, by
 * name. nv_all() reads the numbered items that the walk met under /nvm, or has the session find them.
 */
#include "backup/pull_diag.h"

#include "backup/path_set.h"
#include "model/efs_places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX    200000 /* no module has so many; a module that lies may */
#define TRIES        2      /* of one file: the modem is alive and changes it meanwhile */
#define MANIFEST_MAX 65536

struct folder {
	char *path;
	bool hidden;
};

struct run {
	const struct pull_diag *pull;
	struct pull_counts *counts;
	struct path_set seen;
	struct folder *todo;
	size_t todo_n, todo_cap;
	struct buf manifest;     /* texts of all manifests, one behind the other */
	bool nv_listed;          /* /nvm/num was listed to its end */
	bool rfnv_refused;       /* there is calibration and it cannot be listed */
	bool second_sim;
	struct nv_listing nv;
};

const char *pull_gap_name(enum pull_gap g)
{
	static const char *const names[] = { "refused", "failed", "skipped", "absent" };

	return names[g];
}

static int gap(struct run *r, const char *what, enum pull_gap how, bool is_folder, const struct err *why,
	       struct err *e)
{
	r->counts->gap[how]++;
	return r->pull->ops->gap ? r->pull->ops->gap(r->pull->ops, what, how, is_folder, why, e) : 0;
}

/* Is this the end, or the answer to one question? A refusal and a silence of a living module are answers. */
static bool is_answer(const struct err *e)
{
	return e->kind == ERR_REFUSED || e->kind == ERR_PROTO || e->kind == ERR_INTEGRITY;
}

static int todo_add(struct run *r, const char *path, bool hidden, struct err *e)
{
	if (r->todo_n == r->todo_cap) {
		size_t cap = r->todo_cap ? 2 * r->todo_cap : 64;
		struct folder *more = reallocarray(r->todo, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		r->todo = more;
		r->todo_cap = cap;
	}
	r->todo[r->todo_n].path = strdup(path);
	if (!r->todo[r->todo_n].path)
		return err_nomem(e);
	r->todo[r->todo_n++].hidden = hidden;
	return 0;
}

static int nv_add(struct run *r, const char *path, struct err *e)
{
	struct nv_listing *l = &r->nv;
	struct nv_ref ref;

	if (!efs_place_nv(path, &ref.id, &ref.index, &ref.sim))
		return 0;
	r->second_sim = r->second_sim || ref.sim;
	return nv_listing_add(l, &ref, e);
}

/* Content on its way: counted, and the text of manifests kept. */
struct tee {
	struct sink sink;
	struct run *run;
	struct sink *to;
	bool keep;
	uint64_t n;
};

static int tee_put(struct sink *s, const void *p, size_t n, struct err *e)
{
	struct tee *t = container_of(s, struct tee, sink);

	if (t->keep && t->run->manifest.n + n < t->run->manifest.max &&
	    buf_add(&t->run->manifest, p, n, e) < 0)
		return -1;
	t->n += n;
	progress_step(t->run->pull->progress, t->run->counts->bytes + t->n);
	return t->to ? sink_put(t->to, p, n, e) : 0;
}

/* Does the length agree with what the module says now? */
static int check_length(struct run *r, struct pull_item *item, uint64_t n, struct err *e)
{
	struct efs_attr now;

	if (item->attr.size == n)
		return 0;
	if (efs_stat(r->pull->efs, item->path, &now, e) < 0) {
		/* Some builds know an item file only by GET. */
		if (e->kind != ERR_REFUSED || item->type == EFS_TYPE_FILE)
			return -1;
		err_clear(e);
		item->attr.size = (uint32_t)n;
		return 0;
	}
	item->attr = now;
	if (now.size == n)
		return 0;
	return err_set(e, ERR_INTEGRITY, "%" PRIu64 " bytes were read, the module says %u", n, now.size);
}

static void count(struct run *r, const struct pull_item *item)
{
	uint64_t *const by_type[] = {
		[EFS_TYPE_UNKNOWN] = &r->counts->others, [EFS_TYPE_FILE] = &r->counts->files,
		[EFS_TYPE_ITEM] = &r->counts->items,	 [EFS_TYPE_DIR] = &r->counts->dirs,
		[EFS_TYPE_LINK] = &r->counts->links,	 [EFS_TYPE_OTHER] = &r->counts->others,
	};

	++*by_type[item->type];
	r->counts->hidden += item->hidden;
	if (strncmp(item->path, EFS_RFNV_DIR "/", sizeof(EFS_RFNV_DIR)) == 0)
		r->counts->rfnv++;
}

/* `got` is the content, where a probe read it already. */
static int one_file(struct run *r, struct pull_item *item, const struct slice *got, struct err *e)
{
	struct pull_ops *ops = r->pull->ops;
	unsigned try;

	for (try = 1;; try++) {
		struct tee tee = { { tee_put }, r, NULL, efs_place_is_manifest(item->path), 0 };
		size_t kept = r->manifest.n;
		uint64_t n = 0;
		struct err why;

		if (ops->item(ops, item, &tee.to, e) < 0)
			return -1;
		if (!tee.to && !tee.keep)
			break;
		if (got) {
			if (got->n && sink_put(&tee.sink, got->p, got->n, e) < 0)
				return -1;
			n = got->n;
		} else if (efs_read(r->pull->efs, item->path, &item->attr, &tee.sink, &n, e) < 0 ||
			   check_length(r, item, n, e) < 0) {
			if (!is_answer(e) && e->kind != ERR_TIMEOUT)
				return -1;
			if (e->kind == ERR_TIMEOUT && efs_is_dead(r->pull->efs))
				return -1;
			why = *e;
			err_clear(e);
			r->manifest.n = kept;
			if (tee.to && ops->end(ops, item, tee.n, &why, e) < 0)
				return -1;
			if (try < TRIES && !efs_is_denied(&why) && !efs_is_absent(&why))
				continue;
			return gap(r, item->path,
				   efs_is_absent(&why)	     ? PULL_GAP_ABSENT :
				   why.kind == ERR_REFUSED ? PULL_GAP_REFUSED :
							     PULL_GAP_FAILED,
				   false, &why, e);
		}
		if (tee.keep && buf_add(&r->manifest, "\n", 1, e) < 0)
			return -1;
		if (tee.to && ops->end(ops, item, n, NULL, e) < 0)
			return -1;
		r->counts->bytes += n;
		break;
	}
	count(r, item);
	return 0;
}

/* Folders, links and whatever else has no content. */
static int one_other(struct run *r, struct pull_item *item, struct err *e)
{
	struct sink *none = NULL;
	char *target = NULL;
	struct err why;
	int result;

	if (item->type == EFS_TYPE_LINK) {
		if (efs_readlink(r->pull->efs, item->path, &target, e) < 0) {
			if (!is_answer(e))
				return -1;
			why = *e;
			err_clear(e);
			return gap(r, item->path, PULL_GAP_REFUSED, false, &why, e);
		}
		item->target = target;
	}
	result = r->pull->ops->item(r->pull->ops, item, &none, e);
	if (result == 0)
		count(r, item);
	item->target = NULL;
	free(target);
	return result;
}

static int entry(struct run *r, const char *path, const struct efs_attr *attr, bool hidden,
		 const struct slice *got, struct err *e)
{
	struct pull_item item = { .path = path, .type = efs_type(attr), .attr = *attr, .hidden = hidden };
	bool is_new;

	if (path_set_add(&r->seen, path, &is_new, e) < 0)
		return -1;
	if (!is_new)
		return 0;
	if (r->seen.n > ITEMS_MAX)
		return err_set(e, ERR_PROTO, "the module lists more than %d files: its file system is damaged",
			       ITEMS_MAX);
	if (progress_cancelled(r->pull->progress))
		return err_set(e, ERR_CANCELLED, "stopped while reading; nothing was changed");
	r->counts->listed += !hidden && item.type != EFS_TYPE_DIR;
	if (item.type == EFS_TYPE_DIR)
		return todo_add(r, path, hidden, e) < 0 ? -1 : one_other(r, &item, e);
	if (item.type == EFS_TYPE_FILE || item.type == EFS_TYPE_ITEM)
		return nv_add(r, path, e) < 0 ? -1 : one_file(r, &item, got, e);
	return one_other(r, &item, e);
}

static int path_join(char out[EFS_PATH_MAX + 1], const char *dir, const char *name)
{
	int n = snprintf(out, EFS_PATH_MAX + 1, "%s%s%s", dir, strcmp(dir, "/") ? "/" : "", name);

	return n >= 0 && n <= EFS_PATH_MAX ? 0 : -1;
}

static int list_failed(struct run *r, const char *path, bool *ret_go_on, struct err *e)
{
	struct err why = *e;

	*ret_go_on = false;
	if (!is_answer(e) && (e->kind != ERR_TIMEOUT || efs_is_dead(r->pull->efs)))
		return -1;
	err_clear(e);
	*ret_go_on = true;
	if (strcmp(path, EFS_RFNV_DIR) == 0)
		r->rfnv_refused = true;
	return gap(r, path, why.kind == ERR_REFUSED ? PULL_GAP_REFUSED : PULL_GAP_FAILED, true, &why, e);
}

/* The entries of one folder; what a listing gave before it broke off counts. */
static int one_folder(struct run *r, const struct folder *f, struct err *e)
{
	struct efs_list l = { 0 };
	bool go_on = true;
	int result = 0;
	size_t i;

	if (efs_list(r->pull->efs, f->path, &l, e) < 0)
		result = list_failed(r, f->path, &go_on, e);
	else if (strcmp(f->path, "/nvm/num") == 0)
		r->nv_listed = true;
	for (i = 0; go_on && result == 0 && i < l.n; i++) {
		char path[EFS_PATH_MAX + 1];

		if (path_join(path, f->path, l.entry[i].name) == 0) {
			result = entry(r, path, &l.entry[i].attr, f->hidden, NULL, e);
		} else {
			struct err why = ERR_INIT;

			err_set(&why, ERR_PROTO, "its path is longer than the module takes");
			result = gap(r, f->path, PULL_GAP_FAILED, true, &why, e);
		}
	}
	efs_list_fini(&l);
	return result;
}

static int walk(struct run *r, struct err *e)
{
	while (r->todo_n) {
		struct folder f = r->todo[--r->todo_n];
		int result = one_folder(r, &f, e);

		free(f.path);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int probe_dirs(struct run *r, struct err *e)
{
	size_t n, i;
	const char *const *dirs = efs_known_dirs(&n);

	for (i = 0; i < n; i++) {
		struct efs_attr a;

		if (path_set_has(&r->seen, dirs[i]))
			continue;
		if (efs_stat(r->pull->efs, dirs[i], &a, e) == 0) {
			if (entry(r, dirs[i], &a, true, NULL, e) < 0 || walk(r, e) < 0)
				return -1;
		} else if (e->kind == ERR_REFUSED) {
			err_clear(e);
		} else {
			return -1;
		}
	}
	return 0;
}

static int probe_refused(struct run *r, const char *path, bool tell_absent, struct err *e)
{
	struct err why = *e;
	bool absent = efs_is_absent(e);

	if (e->kind == ERR_TIMEOUT && !efs_is_dead(r->pull->efs)) {
		err_clear(e);
		return gap(r, path, PULL_GAP_FAILED, false, &why, e);
	}
	if (!is_answer(e))
		return -1;
	err_clear(e);
	if (absent && !tell_absent)
		return 0;
	return gap(r, path, absent ? PULL_GAP_ABSENT : PULL_GAP_REFUSED, false, &why, e);
}

/* One request when it is not there, which is the usual case. */
static int probe_file(struct run *r, const char *path, bool tell_absent, struct err *e)
{
	uint8_t data[EFS_GET_MAX];
	struct efs_attr attr;
	struct slice got = { data, 0 };
	bool has = false;

	if (path_set_has(&r->seen, path))
		return 0;
	if (progress_cancelled(r->pull->progress))
		return err_set(e, ERR_CANCELLED, "stopped while reading; nothing was changed");
	if (efs_get(r->pull->efs, path, data, &got.n, e) == 0)
		has = got.n < EFS_GET_MAX;
	else if (e->kind != ERR_REFUSED || efs_is_absent(e))
		return path_set_add(&r->seen, path, NULL, e) < 0 ? -1 :
								    probe_refused(r, path, tell_absent, e);
	/* It is there; or it is no item, or too long for one answer, or denied to this request. */
	err_clear(e);
	if (efs_stat(r->pull->efs, path, &attr, e) < 0) {
		if (!has)
			return probe_refused(r, path, tell_absent, e);
		err_clear(e);
		attr = (struct efs_attr){ .mode = EFS_S_IFITM | 0777, .size = (uint32_t)got.n, .nlink = 1 };
	}
	if (efs_type(&attr) == EFS_TYPE_DIR)
		return entry(r, path, &attr, true, NULL, e) < 0 ? -1 : walk(r, e);
	return entry(r, path, &attr, true, has && got.n == attr.size ? &got : NULL, e);
}

static int probe_manifests(struct run *r, struct err *e)
{
	static const char *const more[] = { "_Subscription01", "_Subscription02" };
	/* Read while probing may append: a hidden manifest is taken too. */
	char path[EFS_PATH_MAX + 1], other[EFS_PATH_MAX + 32];
	size_t pos = 0, i;

	while (efs_manifest_next((const char *)r->manifest.p, r->manifest.n, &pos, path, sizeof(path))) {
		if (efs_path_check(path, e) < 0) {
			err_clear(e);
			continue;
		}
		if (probe_file(r, path, true, e) < 0)
			return -1;
		/* Only modules with two SIMs have copies for the second. */
		for (i = 0; r->second_sim && i < ARRAY_SIZE(more); i++) {
			snprintf(other, sizeof(other), "%s%s", path, more[i]);
			if (strlen(other) <= EFS_PATH_MAX && probe_file(r, other, false, e) < 0)
				return -1;
		}
	}
	return 0;
}

static int probe_files(struct run *r, struct err *e)
{
	size_t n, i;
	const char *const *files = efs_known_files(&n);
	char path[sizeof(EFS_RFNV_DIR) + 16];
	unsigned id;

	for (i = 0; i < n; i++) {
		if (probe_file(r, files[i], false, e) < 0)
			return -1;
	}
	for (id = EFS_RFNV_FIRST; r->rfnv_refused && id <= EFS_RFNV_LAST; id++) {
		snprintf(path, sizeof(path), EFS_RFNV_DIR "/%08u", id);
		if (probe_file(r, path, false, e) < 0)
			return -1;
	}
	return 0;
}

static int on_nv(void *ctx, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	static const enum pull_gap how[] = {
		[NV_INACTIVE] = PULL_GAP_REFUSED,   [NV_UNDEFINED] = PULL_GAP_REFUSED,
		[NV_BAD_PARM] = PULL_GAP_REFUSED,   [NV_LOCKED] = PULL_GAP_REFUSED,
		[NV_UNREADABLE] = PULL_GAP_REFUSED, [NV_SILENT] = PULL_GAP_FAILED,
		[NV_SKIPPED] = PULL_GAP_SKIPPED,
	};
	struct run *r = ctx;
	struct err why = ERR_INIT;
	char what[48];

	if (progress_cancelled(r->pull->progress))
		return err_set(e, ERR_CANCELLED, "stopped while reading; nothing was changed");
	if (v->state == NV_VALUE) {
		r->counts->nv++;
		progress_step(r->pull->progress, r->counts->bytes + r->counts->nv * NV_DATA_LEN);
		return r->pull->ops->nv(r->pull->ops, ref, v, e);
	}
	snprintf(what, sizeof(what), "nv %u", ref->id);
	if (ref->index)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " index %u", ref->index);
	if (ref->sim)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), " sim %u", ref->sim + 1u);
	err_set_code(&why, how[v->state] == PULL_GAP_REFUSED ? ERR_REFUSED : ERR_TIMEOUT, v->code,
		     "the module %s it: %s (code %d)", r->nv.scan ? "does not give" : "lists but does not give",
		     nv_state_name(v->state), v->code);
	return gap(r, what, how[v->state], false, &why, e);
}

static int nv_all(struct run *r, struct err *e)
{
	uint16_t last = r->pull->nv_last ? r->pull->nv_last : NV_SCAN_LAST;

	if (r->nv_listed) {
		nv_listing_sort(&r->nv);
	} else {
		nv_listing_fini(&r->nv);
		if (nv_list(r->pull->nv, last, &r->nv, e) < 0)
			return -1;
	}
	r->counts->nv_scanned = r->nv.scan;
	r->counts->listed_nv = r->nv.scan ? 0 : r->nv.n;
	return nv_each(r->pull->nv, &r->nv, on_nv, r, e);
}

static int everything(struct run *r, struct err *e)
{
	const struct pull_diag *pull = r->pull;

	if (pull->efs) {
		if (todo_add(r, pull->from ? pull->from : "/", false, e) < 0 || walk(r, e) < 0)
			return -1;
		if (!pull->from && (probe_dirs(r, e) < 0 || probe_manifests(r, e) < 0 || probe_files(r, e) < 0))
			return -1;
	}
	if (pull->nv && pull->ops->nv && !pull->from && nv_all(r, e) < 0)
		return -1;
	return 0;
}

int pull_diag(const struct pull_diag *pull, struct pull_counts *ret, struct err *e)
{
	struct run r = { .pull = pull, .counts = ret, .manifest = BUF_INIT(MANIFEST_MAX) };
	int result;

	*ret = (struct pull_counts){ 0 };
	progress_begin(pull->progress, "reading the module over DIAG", 0);
	result = everything(&r, e);
	progress_end(pull->progress, result == 0);
	while (r.todo_n)
		free(r.todo[--r.todo_n].path);
	free(r.todo);
	path_set_fini(&r.seen);
	buf_fini(&r.manifest);
	nv_listing_fini(&r.nv);
	return result;
}
