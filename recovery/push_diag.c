#include "recovery/push_diag.h"

#include "model/efs_places.h"
#include "model/nv_names.h"
#include "proto/efs_write.h"
#include "proto/nv_write.h"

#include "base/fs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_MODE 0644

static const char *type_name(enum efs_type t)
{
	static const char *const names[] = { "thing of unknown type", "regular file", "item file",
					     "folder", "link", "special file" };

	return names[t];
}

static void hash(struct slice s, char out[DIGEST_HEX_MAX])
{
	struct digest d;

	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, s.p, s.n);
	digest_final_hex(&d, out);
}

static int add(struct plan *plan, size_t of, enum step_kind kind, const char *what, uint64_t bytes,
	       const char *sha256, const char *note, struct err *e)
{
	struct step s = { .kind = kind, .of = of, .bytes = bytes };

	snprintf(s.what, sizeof(s.what), "%s", what);
	if (sha256)
		snprintf(s.sha256, sizeof(s.sha256), "%s", sha256);
	if (note)
		snprintf(s.note, sizeof(s.note), "%s", note);
	return plan_add(plan, &s, e);
}

/* --- NV items --- */

static void nv_name(const struct nv_ref *ref, char *out, size_t cap)
{
	int n = snprintf(out, cap, "nv %u", ref->id);

	if (ref->index)
		n += snprintf(out + n, cap - (size_t)n, " index %u", ref->index);
	if (ref->sim)
		snprintf(out + n, cap - (size_t)n, " sim %u", ref->sim + 1u);
}

/* How long the item is: its file tells, the packet is always 128. 0 = nobody tells. */
static int nv_file_len(struct push_diag *push, const struct nv_ref *ref, uint16_t *ret, struct err *e)
{
	char path[64];
	struct efs_attr a;

	*ret = 0;
	if (!push->efs)
		return 0;
	if (ref->sim)
		snprintf(path, sizeof(path), "/nvm/context%u/%u", ref->sim, ref->id);
	else
		snprintf(path, sizeof(path), "/nvm/num/%u", ref->id);
	if (ref->index)
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "_%u", ref->index);
	if (efs_stat(push->efs, path, &a, e) == 0) {
		if (a.size <= NV_DATA_LEN)
			*ret = (uint16_t)a.size;
		return 0;
	}
	if (e->kind != ERR_REFUSED)
		return -1;
	err_clear(e);
	return 0;
}

static int nv_check_length(const struct push_change *c, uint16_t file_len, struct err *e)
{
	if (c->data.n == 0 || c->data.n > NV_DATA_LEN)
		return err_set(e, ERR_MISMATCH, "%zu bytes for %s, an item has 1 to %d", c->data.n, c->at,
			       NV_DATA_LEN);
	if (file_len && c->data.n != file_len && c->data.n != NV_DATA_LEN && !(c->pad && c->data.n < file_len))
		return err_set(e, ERR_MISMATCH, "%zu bytes for %s, which is %u bytes long on this module",
			       c->data.n, c->at, file_len);
	if (!file_len && c->data.n != NV_DATA_LEN && !c->pad)
		return err_set(e, ERR_MISMATCH,
			       "%zu bytes for %s, whose length the module does not tell: give all %d, or "
			       "ask for zeros behind them", c->data.n, c->at, NV_DATA_LEN);
	if (file_len && c->data.n == NV_DATA_LEN &&
	    !slice_all(slice_sub(c->data, file_len, NV_DATA_LEN), 0))
		return err_set(e, ERR_MISMATCH,
			       "%s is %u bytes long on this module, and the data goes on behind them",
			       c->at, file_len);
	return 0;
}

static int plan_nv(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];
	const struct nv_name *name = nv_name_find(c->ref.id);
	struct nv_value old;
	uint16_t file_len;
	char note[96] = "";

	nv_name(&c->ref, c->at, sizeof(c->at));
	if (nv_is_identity(c->ref.id))
		return err_set(e, ERR_POLICY,
			       "NV item %u holds the module's %s: it is written only by restoring what was "
			       "saved from this very module", c->ref.id, name->name);
	if (nv_read(push->nv, &c->ref, &old, e) < 0)
		return -1;
	if (old.state != NV_VALUE && old.state != NV_INACTIVE)
		return err_set_code(e, ERR_REFUSED, old.code, "%s cannot be written: %s%s", c->at,
				    nv_state_name(old.state),
				    old.state == NV_LOCKED ? ", the service code is needed (--spc)" : "");
	if (nv_file_len(push, &c->ref, &file_len, e) < 0 || nv_check_length(c, file_len, e) < 0)
		return -1;
	memset(c->nv_data, 0, sizeof(c->nv_data));
	memcpy(c->nv_data, c->data.p, c->data.n);
	c->was_len = file_len ? file_len : c->ref.sim ? (uint16_t)c->data.n : NV_DATA_LEN;
	c->exists = old.state == NV_VALUE;
	hash(SLICE(c->nv_data, NV_DATA_LEN), c->sha256);
	if (c->exists) {
		hash(SLICE(old.data, NV_DATA_LEN), c->was_sha256);
		c->same = memcmp(old.data, c->nv_data, NV_DATA_LEN) == 0;
	}
	if (c->same)
		return 0;
	if (c->exists && c->save_path &&
	    add(plan, i, STEP_SAVE, c->at, NV_DATA_LEN, c->was_sha256, c->save_path, e) < 0)
		return -1;
	if (c->data.n < NV_DATA_LEN)
		snprintf(note, sizeof(note), "%zu bytes, zeros up to %d", c->data.n, NV_DATA_LEN);
	if (name)
		snprintf(note + strlen(note), sizeof(note) - strlen(note), "%s%s, %s", note[0] ? "; " : "",
			 name->name, nv_class_name(name->cls));
	if (add(plan, i, STEP_PROGRAM, c->at, NV_DATA_LEN, c->sha256, note, e) < 0)
		return -1;
	return add(plan, i, STEP_VERIFY, c->at, NV_DATA_LEN, c->sha256, NULL, e);
}

/* --- files --- */

/* Without double slashes and the last one; refuses what no file can be called. */
static int canonical(const char *path, char out[EFS_PATH_MAX + 1], struct err *e)
{
	size_t n = 0;

	if (efs_path_check(path, e) < 0)
		return -1;
	for (; *path; path++) {
		if (*path == '/' && (path[1] == '/' || path[1] == '\0'))
			continue;
		out[n++] = *path;
	}
	out[n] = '\0';
	if (n == 0)
		return err_set(e, ERR_USAGE, "the root folder itself cannot be changed");
	return 0;
}

static int check_place(const char *path, struct err *e)
{
	const char *what = efs_place_identity(path);

	if (what)
		return err_set(e, ERR_POLICY,
			       "'%s' holds the module's %s: it is written only by restoring what was saved "
			       "from this very module", path, what);
	return 0;
}

/* A link among the folders would lead to a place that was not looked at. Missing folders are counted in
 * *ret_first: where the first missing component ends, or SIZE_MAX. */
static int check_parents(struct push_diag *push, const char *path, size_t *ret_first, struct err *e)
{
	const char *p = path;
	char part[EFS_PATH_MAX + 1];
	struct efs_attr a;

	*ret_first = SIZE_MAX;
	while ((p = strchr(p + 1, '/')) != NULL) {
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if (efs_lstat(push->efs, part, &a, e) < 0) {
			if (!efs_is_absent(e)) {
				if (!efs_is_denied(e))
					return -1;
				err_clear(e);
				continue;
			}
			err_clear(e);
			*ret_first = (size_t)(p - path);
			return 0;
		}
		if (efs_type(&a) != EFS_TYPE_DIR)
			return err_set(e, ERR_MISMATCH, "'%s' is a %s on this module, not a folder", part,
				       type_name(efs_type(&a)));
	}
	return 0;
}

static int plan_parents(struct plan *plan, size_t i, const char *path, size_t first, struct err *e)
{
	const char *p = first == SIZE_MAX ? NULL : path + first;
	char part[EFS_PATH_MAX + 1];

	for (; p; p = strchr(p + 1, '/')) {
		memcpy(part, path, (size_t)(p - path));
		part[p - path] = '\0';
		if (add(plan, i, STEP_MKDIR, part, 0, NULL, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* What is there; a link is seen as itself. */
static int look(struct push_diag *push, struct push_change *c, struct err *e)
{
	c->exists = false;
	if (efs_lstat(push->efs, c->at, &c->was, e) < 0) {
		if (!efs_is_absent(e))
			return -1;
		err_clear(e);
		return 0;
	}
	c->exists = true;
	/* Only this one tells the size. */
	if (efs_type(&c->was) != EFS_TYPE_LINK)
		return efs_stat(push->efs, c->at, &c->was, e);
	return 0;
}

static int digest_there(struct push_diag *push, const struct push_change *c, struct sink *to,
			char sha256[DIGEST_HEX_MAX], uint64_t *ret_n, struct err *e)
{
	struct digest_sink hashed;

	digest_sink_init(&hashed, DIGEST_SHA256, to);
	if (efs_read(push->efs, c->at, &c->was, &hashed.sink, ret_n, e) < 0)
		return -1;
	digest_final_hex(&hashed.digest, sha256);
	return 0;
}

static bool has_content(const struct push_change *c)
{
	enum efs_type t = efs_type(&c->was);

	return c->exists && (t == EFS_TYPE_FILE || t == EFS_TYPE_ITEM);
}

static int plan_save(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];
	uint64_t n;

	if (!has_content(c))
		return 0;
	if (digest_there(push, c, NULL, c->was_sha256, &n, e) < 0)
		return err_prefix(e, "what '%s' holds now cannot be read", c->at);
	c->same = c->kind == PUSH_FILE && n == c->data.n && strcmp(c->was_sha256, c->sha256) == 0;
	if (c->same || !c->save_path)
		return 0;
	return add(plan, i, STEP_SAVE, c->at, n, c->was_sha256, c->save_path, e);
}

static const char *file_note(const struct push_change *c)
{
	if (strncmp(c->at, EFS_RFNV_DIR "/", sizeof(EFS_RFNV_DIR)) == 0 || strncmp(c->at, "/rfc/", 5) == 0)
		return c->type == EFS_TYPE_ITEM ? "item file; calibration, belongs to this board" :
						  "regular file; calibration, belongs to this board";
	return c->type == EFS_TYPE_ITEM ? "item file" : "regular file";
}

static int plan_file(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];
	enum efs_type was;
	uint16_t id, index;
	size_t missing;
	uint8_t sim;

	if (check_parents(push, c->at, &missing, e) < 0 || look(push, c, e) < 0)
		return -1;
	was = c->exists ? efs_type(&c->was) : EFS_TYPE_UNKNOWN;
	if (c->exists && was != EFS_TYPE_FILE && was != EFS_TYPE_ITEM)
		return err_set(e, ERR_MISMATCH, "'%s' is a %s on this module and is not replaced", c->at,
			       type_name(was));
	/* Firmware ignores an item that became a regular file, and the reverse. */
	if (c->exists && c->type != EFS_TYPE_UNKNOWN && c->type != was)
		return err_set(e, ERR_MISMATCH, "'%s' is a %s on this module and must stay one", c->at,
			       type_name(was));
	if (c->type == EFS_TYPE_UNKNOWN)
		c->type = c->exists ? was : efs_place_wants_item(c->at) ? EFS_TYPE_ITEM : EFS_TYPE_FILE;
	/* The firmware deletes a numbered item whose file has another length than its definition. */
	if (efs_place_nv(c->at, &id, &index, &sim) && (!c->exists || c->was.size != c->data.n))
		return c->exists ? err_set(e, ERR_MISMATCH,
					   "%zu bytes for '%s', which has %u on this module: the firmware "
					   "deletes it when the length is wrong", c->data.n, c->at,
					   c->was.size) :
				   err_set(e, ERR_MISMATCH,
					   "'%s' is not there and only the firmware knows its length: "
					   "write the item with 'nv write %u'", c->at, id);
	hash(c->data, c->sha256);
	if (plan_save(push, i, plan, e) < 0)
		return -1;
	if (c->same)
		return 0;
	if (plan_parents(plan, i, c->at, missing, e) < 0 ||
	    add(plan, i, STEP_PROGRAM, c->at, c->data.n, c->sha256, file_note(c), e) < 0)
		return -1;
	return add(plan, i, STEP_VERIFY, c->at, c->data.n, c->sha256, NULL, e);
}

static int plan_remove(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];
	struct efs_list l = { 0 };
	size_t missing;
	bool more;

	if (check_parents(push, c->at, &missing, e) < 0 || look(push, c, e) < 0)
		return -1;
	if (!c->exists)
		return err_set(e, ERR_MISMATCH, "there is no '%s' on this module", c->at);
	if (efs_type(&c->was) == EFS_TYPE_DIR) {
		size_t n;

		if (efs_list_some(push->efs, c->at, 1, &l, &more, e) < 0)
			return -1;
		n = l.n;
		efs_list_fini(&l);
		if (n || more)
			return err_set(e, ERR_MISMATCH, "folder '%s' is not empty", c->at);
	}
	if (plan_save(push, i, plan, e) < 0 ||
	    add(plan, i, STEP_ERASE, c->at, 0, NULL, type_name(efs_type(&c->was)), e) < 0)
		return -1;
	return add(plan, i, STEP_VERIFY, c->at, 0, NULL, NULL, e);
}

static int plan_mkdir(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];
	size_t missing;

	if (check_parents(push, c->at, &missing, e) < 0 || look(push, c, e) < 0)
		return -1;
	if (c->exists && efs_type(&c->was) != EFS_TYPE_DIR)
		return err_set(e, ERR_MISMATCH, "'%s' is a %s on this module", c->at,
			       type_name(efs_type(&c->was)));
	c->same = c->exists;
	if (c->same)
		return 0;
	if (plan_parents(plan, i, c->at, missing, e) < 0 ||
	    add(plan, i, STEP_MKDIR, c->at, 0, NULL, NULL, e) < 0)
		return -1;
	return add(plan, i, STEP_VERIFY, c->at, 0, NULL, NULL, e);
}

static int plan_one(struct push_diag *push, size_t i, struct plan *plan, struct err *e)
{
	struct push_change *c = &push->change[i];

	c->exists = c->same = c->saved = c->done = false;
	if (c->kind == PUSH_NV)
		return push->nv ? plan_nv(push, i, plan, e) : err_set(e, ERR_BUG, "no NV session");
	if (!push->efs)
		return err_set(e, ERR_UNSUPPORTED, "the module gives no access to its file system");
	if (canonical(c->path, c->at, e) < 0 || check_place(c->at, e) < 0)
		return -1;
	switch (c->kind) {
	case PUSH_FILE:
		return plan_file(push, i, plan, e);
	case PUSH_REMOVE:
		return plan_remove(push, i, plan, e);
	default:
		return plan_mkdir(push, i, plan, e);
	}
}

int push_diag_plan(struct push_diag *push, struct plan *ret, struct err *e)
{
	struct plan plan = { 0 };
	size_t i, k = 0;

	for (i = 0; i < push->n; i++) {
		if (plan_one(push, i, &plan, e) < 0)
			goto fail;
	}
	/* Everything is kept before anything is changed. */
	for (i = 0; i < plan.n; i++) {
		struct step s = plan.step[i];

		if (s.kind != STEP_SAVE)
			continue;
		memmove(&plan.step[k + 1], &plan.step[k], (i - k) * sizeof(s));
		plan.step[k++] = s;
	}
	if (plan.n && push->efs && add(&plan, 0, STEP_SYNC, "/", 0, NULL, NULL, e) < 0)
		goto fail;
	*ret = plan;
	return 0;
fail:
	plan_fini(&plan);
	return -1;
}

/* --- executing --- */

static int save_nv(struct push_diag *push, struct push_change *c, struct err *e)
{
	struct nv_value now;
	char sha256[DIGEST_HEX_MAX];

	if (nv_read(push->nv, &c->ref, &now, e) < 0)
		return -1;
	hash(SLICE(now.data, NV_DATA_LEN), sha256);
	if (now.state != NV_VALUE || strcmp(sha256, c->was_sha256) != 0)
		return err_set(e, ERR_INTEGRITY, "%s changes under our hands: two reads differ", c->at);
	return fs_write_file(c->save_path, SLICE(now.data, NV_DATA_LEN), false, e);
}

static int save_file(struct push_diag *push, struct push_change *c, struct err *e)
{
	char sha256[DIGEST_HEX_MAX];
	struct fd_sink to;
	struct fs_new f;
	uint64_t n;

	if (fs_new_open(&f, c->save_path, false, e) < 0)
		return -1;
	fd_sink_init(&to, f.fd);
	if (digest_there(push, c, &to.sink, sha256, &n, e) < 0)
		goto fail;
	if (strcmp(sha256, c->was_sha256) != 0) {
		err_set(e, ERR_INTEGRITY, "'%s' changes under our hands: two reads differ", c->at);
		goto fail;
	}
	return fs_new_commit(&f, e);
fail:
	fs_new_abort(&f);
	return -1;
}

static int do_save(struct push_diag *push, struct push_change *c, struct err *e)
{
	if ((c->kind == PUSH_NV ? save_nv(push, c, e) : save_file(push, c, e)) < 0)
		return err_prefix(e, "keeping the old content of %s", c->at);
	c->saved = true;
	return 0;
}

static int do_write(struct push_diag *push, struct push_change *c, struct err *e)
{
	uint16_t mode = c->exists ? (uint16_t)(c->was.mode & 07777) : FILE_MODE;
	struct mem_source from;
	uint64_t n;

	push->changed = true;
	if (c->kind == PUSH_NV)
		return nv_write(push->nv, &c->ref, c->nv_data, c->was_len, e);
	if (c->type == EFS_TYPE_ITEM)
		return efs_put_item(push->efs, c->at, c->data, e);
	mem_source_init(&from, c->data);
	return efs_write(push->efs, c->at, mode, &from.source, &n, e);
}

static int do_remove(struct push_diag *push, struct push_change *c, struct err *e)
{
	push->changed = true;
	return efs_type(&c->was) == EFS_TYPE_DIR ? efs_rmdir(push->efs, c->at, e) :
						   efs_unlink(push->efs, c->at, e);
}

static int verify_nv(struct push_diag *push, const struct push_change *c, struct err *e)
{
	char sha256[DIGEST_HEX_MAX];
	struct nv_value now;

	if (nv_read(push->nv, &c->ref, &now, e) < 0)
		return -1;
	hash(SLICE(now.data, NV_DATA_LEN), sha256);
	if (now.state != NV_VALUE || strcmp(sha256, c->sha256) != 0)
		return err_set(e, ERR_INTEGRITY, "%s holds other bytes than were written", c->at);
	return 0;
}

static int verify_file(struct push_diag *push, struct push_change *c, struct err *e)
{
	struct push_change now = *c;
	char sha256[DIGEST_HEX_MAX];
	uint64_t n;

	if (look(push, &now, e) < 0)
		return -1;
	if (c->kind == PUSH_REMOVE)
		return now.exists ? err_set(e, ERR_INTEGRITY,
					    "'%s' is still there after the module said it was removed",
					    c->at) : 0;
	if (!now.exists)
		return err_set(e, ERR_INTEGRITY, "'%s' is not there after the module said it was made",
			       c->at);
	if (c->kind == PUSH_MKDIR)
		return efs_type(&now.was) == EFS_TYPE_DIR ? 0 :
			       err_set(e, ERR_INTEGRITY, "'%s' is a %s", c->at, type_name(efs_type(&now.was)));
	if (efs_type(&now.was) != c->type)
		return err_set(e, ERR_INTEGRITY, "'%s' became a %s instead of a %s", c->at,
			       type_name(efs_type(&now.was)), type_name(c->type));
	if (digest_there(push, &now, NULL, sha256, &n, e) < 0)
		return -1;
	if (n != c->data.n || strcmp(sha256, c->sha256) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "'%s' holds other bytes than were written: %" PRIu64 " of %zu bytes came back",
			       c->at, n, c->data.n);
	return 0;
}

static int do_step(struct push_diag *push, const struct step *s, struct err *e)
{
	struct push_change *c = &push->change[s->of];
	enum efs_synced synced;

	switch (s->kind) {
	case STEP_SAVE:
		return do_save(push, c, e);
	case STEP_MKDIR:
		push->changed = true;
		return efs_mkdir(push->efs, s->what, 0777, e);
	case STEP_PROGRAM:
		return do_write(push, c, e);
	case STEP_ERASE:
		return do_remove(push, c, e);
	case STEP_VERIFY:
		if ((c->kind == PUSH_NV ? verify_nv(push, c, e) : verify_file(push, c, e)) < 0)
			return -1;
		c->done = true;
		return 0;
	case STEP_SYNC:
		return efs_sync(push->efs, &synced, e);
	}
	return err_set(e, ERR_BUG, "step %d", (int)s->kind);
}

/* Step i failed: was it the last change, and was it sent? */
static bool all_sent(const struct push_diag *push, const struct plan *plan, size_t i, const struct err *e)
{
	enum step_kind k = plan->step[i].kind;

	if (!push->changed || (k != STEP_VERIFY && k != STEP_SYNC && e->kind != ERR_INTEGRITY))
		return false;
	while (++i < plan->n) {
		k = plan->step[i].kind;
		if (k != STEP_VERIFY && k != STEP_SYNC)
			return false;
	}
	return true;
}

int push_diag_apply(struct push_diag *push, const struct plan *plan, struct err *e)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		/* Between two changes only: a change and its reading back belong together. */
		if (plan->step[i].kind != STEP_VERIFY && plan->step[i].kind != STEP_SYNC &&
		    progress_cancelled(push->progress))
			return err_set(e, ERR_CANCELLED, "stopped before '%s'%s", plan->step[i].what,
				       push->changed ? ", what was written before stays written" :
						       "; nothing was changed");
		if (do_step(push, &plan->step[i], e) < 0) {
			push->written = all_sent(push, plan, i, e);
			return -1;
		}
	}
	push->written = true;
	return 0;
}
