/* backup: one snapshot of one module. */
#include "cmd/ports.h"
#include "cmd/remember.h"
#include "cmd/session.h"
#include "cmd/snapshot.h"
#include "cmd/table.h"

#include "backup/take.h"
#include "base/clock.h"
#include "cmd/part.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MS_DEFAULT 60000 /* AT ports answer seconds after they appeared */
#define ANSWER_PAUSE_MS   500

static const char *const only_choices[] = { "diag", "edl", NULL };
enum { ONLY_DIAG, ONLY_EDL, ONLY_NOTHING };

static const struct opt backup_opts[] = {
	SESSION_OPTS,
	PORTS_OPTS,
	{ "full", 0, OPT_FLAG, HINT_NONE, NULL,
	  "everything: the running firmware first, then through EDL and back", 0, 0, NULL, 0 },
	{ "only", 0, OPT_CHOICE, HINT_NONE, NULL, "only what this way gives", 0, 0, only_choices, 0 },
	{ "part", 0, OPT_LIST, HINT_NONE, "NAME",
	  "only this partition or LUN/START+COUNT, in EDL; can be repeated", 0, 0, NULL, 0 },
	{ "output", 'o', OPT_STR, HINT_FILE, "FILE|DIR|-",
	  "where the snapshot goes; - is standard output", 0, 0, NULL, 0 },
	{ "name", 0, OPT_STR, HINT_NONE, "NAME", "what the snapshot is called", 0, 0, NULL, 0 },
	{ "resume", 0, OPT_FLAG, HINT_NONE, NULL, "go on with a backup that was interrupted", 0, 0, NULL,
	  0 },
	{ "once", 0, OPT_FLAG, HINT_NONE, NULL, "read efs2 once instead of twice", 0, 0, NULL, 0 },
	OPTS_END,
};

struct job {
	struct ctx *ctx;
	const struct parsed *p;
	struct snapshot_dest dest;
	struct sink *raw;
	struct device dev;
	unsigned only;
	bool full, wants_normal, wants_edl;

	struct snap *snap;
	struct take take;
	bool has_before; /* what AT told before the module went to EDL */
	struct at_info before;
	struct err late; /* what went wrong after all was read: the snapshot is sealed first */
	bool proven;     /* it came back, and it is the same */
};

static void note(struct job *j, const char *fmt, ...) _printf_(2, 3);
static void note(struct job *j, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	render_diag(j->ctx->render, "%s", text);
}

/* ---- the snapshot in the making ---- */

static int begin(struct job *j, const struct manifest_module *known, struct err *e)
{
	struct snap_opts opts = { .progress = j->ctx->progress, .tool = PACKAGE_VERSION };
	struct snapshot_dest *d = &j->dest;
	struct manifest *m;
	int r;

	if (j->snap)
		return 0;
	if (parsed_flag(j->p, "resume")) {
		r = snap_resume(d->dir, d->name, &opts, &j->snap, e);
		if (r < 0 && e->kind == ERR_NODEV)
			e->kind = ERR_USAGE;
	} else {
		if (snapshot_dest_make_name(d, known, e) < 0)
			return -1;
		r = snap_begin(d->dir, d->name, &opts, &j->snap, e);
		if (r < 0 && e->kind == ERR_HOST && e->code == EEXIST)
			ctx_next(j->ctx, "go on with it: --resume --name %s; or remove '%s/%s.part'",
				 d->name, d->dir, d->name);
	}
	if (r < 0)
		return -1;
	j->take.snap = j->snap;
	m = snap_manifest(j->snap);
	m->asked |= (j->wants_normal ? MANIFEST_AT | MANIFEST_DIAG : 0) | (j->wants_edl ? MANIFEST_EDL : 0);
	return snap_save(j->snap, e);
}

/* What was read stays for a resume, unless it is nothing. */
static void leave(struct job *j)
{
	const struct manifest *m;
	struct err no = ERR_INIT;
	bool empty;

	if (!j->snap)
		return;
	m = snap_manifest(j->snap);
	empty = m->resumed == 0 && (m->n_items == 0 || (m->n_items == 1 && m->item[0].kind == ITEM_AT_TEXT));
	snap_close(j->snap);
	j->snap = NULL;
	if (!empty)
		ctx_next(j->ctx, "what was read is in '%s/%s.part'; the same command with --resume goes on",
			 j->dest.dir, j->dest.name);
	else if (snap_discard(j->dest.dir, j->dest.name, &no) < 0)
		note(j, "'%s/%s.part' could not be removed: %s", j->dest.dir, j->dest.name, no.msg);
}

/* ---- running firmware ---- */

/* The part that AT gives; a silent port costs the description, not the backup. */
static int over_at(struct job *j, struct normal *m, struct err *e)
{
	struct manifest_module found;

	if (normal_at(m, e) < 0 || at_info(m->at, &j->before, e) < 0) {
		if (e->kind == ERR_CANCELLED || e->kind == ERR_NOMEM)
			return -1;
		note(j, "nothing over AT: %s", e->msg);
		err_clear(e);
		found = (struct manifest_module){ 0 };
		return begin(j, &found, e);
	}
	j->has_before = true;
	take_at_module(&j->before, &found);
	if (begin(j, &found, e) < 0 || take_module(&j->take, &found, e) < 0)
		return -1;
	return take_at(&j->take, &j->before, e);
}

static int over_diag(struct job *j, struct normal *m, struct err *e)
{
	struct pull_counts counts;
	int r = normal_nv(m, e);

	if (r == 0)
		r = take_diag(&j->take, m->efs, m->nv, &counts, e);
	if (r == 0) {
		render_section(j->ctx->render, "diag", "over DIAG");
		render_u64(j->ctx->render, "nv", "NV items", counts.nv);
		render_u64(j->ctx->render, "files", "files", counts.files + counts.items);
		render_u64(j->ctx->render, "rf", "RF calibration items", counts.rfnv);
		render_u64(j->ctx->render, "hidden", "found by name only", counts.hidden);
		render_section_end(j->ctx->render);
		return 0;
	}
	/* With EDL still to come the raw partitions hold the same; without it there is no backup. */
	if (!j->full || (e->kind != ERR_UNSUPPORTED && e->kind != ERR_REFUSED && e->kind != ERR_TIMEOUT))
		return err_prefix(e, "over DIAG");
	note(j, "nothing over DIAG: %s", e->msg);
	err_clear(e);
	return 0;
}

static int normal_part(struct job *j, struct err *e)
{
	struct normal m;
	int r;

	if (ports_open(j->ctx, j->p, &m, e) < 0)
		return -1;
	r = over_at(j, &m, e);
	if (r == 0)
		r = over_diag(j, &m, e);
	return ports_close(j->ctx, &m, r, e);
}

/* ---- EDL ---- */

/* What only was asked for, in the words of the manifest. */
static int note_only(struct job *j, const struct table *table, const struct place *p, size_t n,
		     struct err *e)
{
	struct manifest *m = snap_manifest(j->snap);
	char name[2 * PARTITION_NAME_MAX];
	size_t i;

	if (m->n_only)
		return 0;
	for (i = 0; i < n; i++) {
		take_item_name(table, &p[i], name, sizeof(name));
		if (manifest_add_only(m, name, e) < 0)
			return -1;
	}
	return 0;
}

static int read_places(struct job *j, const struct module *m, struct err *e)
{
	struct take_edl in = { .module = m, .once = parsed_flag(j->p, "once") };
	struct place *places;
	size_t n = 0, i;
	int r = 0;

	while (parsed_list_at(j->p, "part", n))
		n++;
	places = calloc(n ? n : 1, sizeof(*places));
	if (!places)
		return err_nomem(e);
	/* All names are resolved before the first byte is read. */
	for (i = 0; i < n && r == 0; i++)
		r = part_resolve(m, parsed_list_at(j->p, "part", i), &places[i], e);
	in.place = places;
	in.n = n;
	if (r == 0)
		r = note_only(j, &m->table, places, n, e);
	if (r == 0)
		r = take_edl(&j->take, &in, e);
	free(places);
	return r;
}

static int edl_part(struct job *j, struct err *e)
{
	struct manifest_module found = { 0 };
	struct session s;

	if (session_open(&s, j->ctx, j->p, e) < 0)
		return -1;
	found.chip = s.module.chip;
	if (j->dev.state != DEVICE_EDL && !s.module.was_switched)
		j->take.is_bound = false;
	if (begin(j, &found, e) < 0 || read_places(j, &s.module, e) < 0) {
		session_abort(&s);
		return -1;
	}
	/* Bytes that were read are kept whatever the module does now. */
	if (session_close(&s, &j->late) == 0) {
		j->dev = s.module.dev;
		return 0;
	}
	/* It is not as it was: no matter of two things that disagree. */
	if (j->late.kind == ERR_MISMATCH)
		j->late.kind = ERR_LINK;
	return 0;
}

/* ---- is it the same module, and does it live? ---- */

static int ask_again(struct job *j, struct at_info *ret, struct err *e)
{
	struct deadline limit = deadline_in(j->ctx->timeout_ms ? j->ctx->timeout_ms : ANSWER_MS_DEFAULT);

	for (;;) {
		struct err second = ERR_INIT;
		struct normal m;
		int r;

		ports_init(j->ctx, &j->dev, &m);
		r = normal_at(&m, e);
		if (r == 0)
			r = at_info(m.at, ret, e);
		if (normal_close(&m, &second) < 0)
			log_warn(j->ctx->log, "backup", "closing the module's ports: %s", second.msg);
		if (r == 0 || e->kind == ERR_CANCELLED || deadline_passed(limit))
			return r;
		clock_sleep_ms(ANSWER_PAUSE_MS);
	}
}

static int differs(const char *what, const char *was, const char *is, bool masked, struct err *e)
{
	char a[96], b[96];

	if (strcmp(was, is) == 0)
		return 0;
	snprintf(a, sizeof(a), "%s", was);
	snprintf(b, sizeof(b), "%s", is);
	if (masked) {
		imei_mask(was, a);
		imei_mask(is, b);
	}
	return err_set(e, ERR_MISMATCH, "the module came back from EDL with another %s: '%s' before, '%s' now",
		       what, a, b);
}

static int prove(struct job *j, struct err *e)
{
	struct at_info now;

	if (!j->has_before)
		return err_set(e, ERR_PARTIAL, "the module came back, but AT was silent before: nothing proves "
					       "that its identity is the same");
	if (ask_again(j, &now, e) < 0)
		return err_prefix(e, "the module came back from EDL and does not say who it is");
	if (differs("IMEI", j->before.imei_egmr[0] ? j->before.imei_egmr : j->before.imei,
		    now.imei_egmr[0] ? now.imei_egmr : now.imei, true, e) < 0 ||
	    differs("revision", j->before.revision, now.revision, false, e) < 0 ||
	    differs("serial number", j->before.serial, now.serial, true, e) < 0)
		return -1;
	j->proven = true;
	return 0;
}

/* ---- the verb ---- */

static int check_options(struct job *j, struct err *e)
{
	bool parts = parsed_str(j->p, "part") != NULL;

	j->full = parsed_flag(j->p, "full");
	j->only = parsed_choice(j->p, "only", ONLY_NOTHING);
	if (j->full && (parts || j->only != ONLY_NOTHING))
		return err_set(e, ERR_USAGE, "--full is everything: it goes with neither --part nor --only");
	if (parts && j->only == ONLY_DIAG)
		return err_set(e, ERR_USAGE, "--part is read in EDL: it does not go with --only diag");
	if (j->full && parsed_flag(j->p, "stay"))
		return err_set(e, ERR_USAGE, "--full brings the module back: it does not go with --stay");
	if (parts)
		j->only = ONLY_EDL;
	return 0;
}

/* What this module can give in the mode it is in, and what it must change for. */
static int choose_ways(struct job *j, struct err *e)
{
	struct loader_set set = { 0 };
	const char *loader = session_loader(j->p);

	if (j->dev.state == DEVICE_NORMAL) {
		j->wants_normal = j->only != ONLY_EDL;
		j->wants_edl = j->full || j->only == ONLY_EDL;
	} else {
		j->wants_edl = true;
		if (j->only == ONLY_DIAG || j->full) {
			ctx_next(j->ctx, "salvor edl exit");
			return err_set(e, ERR_UNSUPPORTED,
				       "the module is in %s, and %s needs one that runs its firmware",
				       device_state_name(j->dev.state), j->full ? "--full" : "--only diag");
		}
	}
	if (!j->wants_edl || !loader) {
		if (j->wants_edl && j->dev.state == DEVICE_NORMAL)
			return err_set(e, ERR_USAGE, "a programmer is needed to read this module's storage: "
						     "give --loader FILE|DIR (the firmware package has it)");
		return 0;
	}
	/* A bad programmer is told before the module is touched, and before minutes of reading. */
	if (loader_search(loader, &set, j->ctx->log, e) < 0)
		return -1;
	loader_set_fini(&set);
	return 0;
}

/* The file is what counts: a catalogue that is locked or damaged spoils no backup. What another module
 * may have had a part in is not put down as this one's. */
static void remember(struct job *j, const struct snap_sealed *done)
{
	struct err e = ERR_INIT;

	if (j->raw)
		return;
	if (j->late.kind == ERR_MISMATCH)
		note(j, "not put into the catalogue, because the module is not surely the same");
	else if (catalog_remember(j->ctx, &done->manifest, done->id, done->path, &e) < 0)
		note(j, "not in the catalogue: %s; make up for it with 'salvor catalog add %s'", e.msg,
		     done->path);
}

static int seal(struct job *j, struct err *e)
{
	struct render *r = j->ctx->render;
	struct snap_sealed done;
	enum verdict verdict;
	int rc;

	if (cancel_is_set(j->ctx->cancel))
		return err_set(e, ERR_CANCELLED, "stopped before sealing; the module was not changed");
	if (j->raw)
		rc = snap_seal_to(j->snap, j->raw, &done, e);
	else
		rc = snap_seal(j->snap, j->dest.path, &done, e);
	if (rc < 0) {
		if (j->late.kind != ERR_NONE)
			note(j, "%s", j->late.msg);
		return -1;
	}
	j->snap = NULL;
	render_str(r, "file", "file", j->raw ? "-" : done.path);
	render_size(r, "bytes", "size", done.bytes);
	render_str(r, "sha256", "SHA-256", done.sha256);
	render_str(r, "id", "id", done.id);
	if (j->full)
		render_bool(r, "came_back_the_same", "came back the same", j->proven);
	snapshot_render(r, &done.manifest);
	remember(j, &done);
	verdict = done.manifest.verdict;
	if (done.part_left)
		note(j, "'%s/%s.part' could not be removed; nothing depends on it", j->dest.dir,
		     j->dest.name);
	snap_sealed_fini(&done);
	if (j->late.kind != ERR_NONE) {
		*e = j->late;
		return err_append(e, "; the backup was sealed all the same");
	}
	if (verdict != VERDICT_COMPLETE)
		return err_set(e, ERR_PARTIAL, "the backup is %s, see the reasons above", verdict_name(verdict));
	return 0;
}

static int work(struct job *j, struct err *e)
{
	if (parsed_flag(j->p, "resume") && snapshot_dest_find_part(&j->dest, e) < 0)
		return -1;
	if (j->dest.to_stdout && render_raw(j->ctx->render, &j->raw, e) < 0)
		return -1;
	if (session_find(j->ctx, 0, &j->dev, e) < 0 || choose_ways(j, e) < 0)
		return -1;
	if (j->wants_normal && normal_part(j, e) < 0)
		return -1;
	if (j->wants_edl && edl_part(j, e) < 0)
		return -1;
	if (j->full && j->late.kind == ERR_NONE && prove(j, &j->late) < 0 && j->late.kind == ERR_MISMATCH)
		j->ctx->phase = PHASE_VERIFY;
	return seal(j, e);
}

static int backup_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct job j = { .ctx = ctx,
			 .p = p,
			 .take = { .log = ctx->log, .progress = ctx->progress },
			 .late = ERR_INIT };
	int r;

	if (check_options(&j, e) < 0 || snapshot_dest_open(&j.dest, p, e) < 0)
		return -1;
	r = work(&j, e);
	leave(&j);
	snapshot_dest_fini(&j.dest);
	return r;
}

const struct cmd cmd_backup = {
	.name = "backup",
	.args = "",
	.summary = "save what belongs to one module into one file",
	.about =
		"Takes what is possible without changing the module's mode: NV items and files over DIAG with AT "
		"answers while the firmware runs, the partitions of this unit in EDL. --full does both and comes "
		"back. The file says of itself whether it is complete; if not, the exit status is 9. tar opens it "
		"and sha256sum verifies it.",
	.example = "salvor backup --full --loader ./firmware",
	.opts = backup_opts,
	.needs = NEED_MODULE | TAKES_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |
		 EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_INCOMPLETE) | EXITS(STATUS_LINK),
	.run = backup_run,
};
