/* part write|erase: the verbs that change a module's storage. The order is fixed: input proven,
 * module found, plan made and shown, consent, old content kept, then the first erase. */
#include "cmd/part.h"

#include "base/cleanup.h"
#include "cmd/guard.h"
#include "cmd/saved.h"
#include "cmd/session.h"
#include "cmd/table.h"
#include "model/partition_kind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXITS_WRITE                                                                                \
	(EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |          \
	 EXITS(STATUS_MIDWRITE) | EXITS(STATUS_POLICY) | EXITS(STATUS_UNVERIFIED) |                \
	 EXITS(STATUS_LINK))

static const struct opt write_opts[] = {
	SESSION_OPTS,
	{ "save", 0, OPT_STR, HINT_FILE, "FILE",
	  "where the old content is kept (default: the state folder)", 0, 0, NULL, 0 },
	{ "no-save", 0, OPT_STR, HINT_NONE, "REASON", "do not keep the old content; say why", 0, 0,
	  NULL, 0 },
	OPTS_END,
};

void part_discard_dump(const char *path)
{
	_cleanup_free_ char *map = NULL;

	(void)unlink(path);
	if (asprintf(&map, "%s.map", path) < 0)
		map = NULL;
	if (map)
		(void)unlink(map);
}

int part_resolve(const struct module *m, const char *text, struct place *ret, struct err *e)
{
	if (place_resolve(&m->table, &m->geometry, text, ret, e) == 0)
		return 0;
	if (m->table.kind == TABLE_NONE && m->no_table[0]) {
		/* The module's fault, not that of the command line. */
		if (e->kind == ERR_USAGE)
			e->kind = ERR_MISMATCH;
		err_append(e, ": no partition table (%s)", m->no_table);
	}
	return -1;
}

void part_render_storage(struct render *r, const struct module *m)
{
	const struct geometry *g = &m->geometry;

	render_section(r, "storage", "storage");
	render_str(r, "type", "type", storage_type_name(g->type));
	render_u64(r, "sector_size", "sector size", g->sector_size);
	if (g->sectors_per_block)
		render_u64(r, "block_size", "erase block", geometry_block_bytes(g));
	if (g->total_sectors)
		render_size(r, "bytes", "size", g->total_sectors * g->sector_size);
	if (g->product[0])
		render_str(r, "product", "product", g->product);
	if (m->table.warnings & TABLE_WARN_CRC)
		render_str(r, "warning", "warning",
			   "the partition table has no valid checksum: read only");
	if (m->table.warnings & TABLE_WARN_BACKUP)
		render_str(r, "warning", "warning",
			   "the primary GPT is damaged, its backup is used");
	render_section_end(r);
}

static int default_save_path(const struct module *m, const struct place *place, char **ret,
			     struct err *e)
{
	char who[48];

	/* A programmer that already runs need not know the chip's serial. */
	if (m->chip.has_serial)
		snprintf(who, sizeof(who), "%08" PRIx64, m->chip.serial);
	else
		snprintf(who, sizeof(who), "port-%s", m->dev.port);
	return saved_path(who, partition_plain_name(place->name), ret, e);
}

/* What may be wrong with the saving options, before the module is touched. */
static int check_saving(const struct parsed *p, struct err *e)
{
	const char *reason = parsed_str(p, "no-save"), *save = parsed_str(p, "save");

	if (reason && save)
		return err_set(e, ERR_USAGE, "--save and --no-save do not go together");
	if (reason && strlen(reason) < 4)
		return err_set(e, ERR_USAGE, "--no-save wants the reason in words");
	if (save && access(save, F_OK) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not overwritten",
				    save);
	return 0;
}

static int ask(struct ctx *ctx, const struct push *push, const struct plan *plan, const char *title,
	       enum guard_verdict *ret, struct err *e)
{
	struct guard_step steps[8];
	char where[8][64];
	char loss[160], word[PARTITION_NAME_MAX + 8];
	struct guard_plan g = { .title = title, .step = steps };
	size_t i;

	for (i = 0; i < plan->n && i < ARRAY_SIZE(steps); i++) {
		const struct step *s = &plan->step[i];

		snprintf(where[i], sizeof(where[i]), "lun %u sectors %" PRIu64 "..%" PRIu64,
			 s->at.lun, s->at.start, s->at.start + s->at.count - 1);
		steps[i] = (struct guard_step){ .action = step_kind_name(s->kind),
						.target = s->kind == STEP_SAVE ? push->save_path
									       : s->what,
						.where = where[i],
						.bytes = s->bytes,
						.sha256 = s->sha256[0] ? s->sha256 : NULL };
	}
	g.n_steps = i;
	if (!push->save_path) {
		snprintf(loss, sizeof(loss), "what '%s' holds now is lost for good%s",
			 push->place.name,
			 push->place.kind & PART_UNIT ? ", and it belongs to this unit alone" : "");
		snprintf(word, sizeof(word), "lose-%s", partition_plain_name(push->place.name));
		g.loss = loss;
		g.word = word;
	}
	return guard_ask(&ctx->guard, &g, ret, e);
}

static void report(struct ctx *ctx, const struct push *push)
{
	struct render *r = ctx->render;

	render_str(r, "name", "partition", push->place.name);
	if (push->input) {
		render_str(r, "file", "written from", push->input->path);
		render_size(r, "bytes", "size", push->input->size);
		render_str(r, "sha256", "SHA-256", push->input->sha256);
	}
	render_str(r, "saved", "old content in", push->save_path);
	render_str(r, "saved_sha256", "its SHA-256", push->save_path ? push->saved_sha256 : NULL);
	render_bool(r, "verified", "read back and equal", true);
}

/* The phase decides the exit status, what the person is told of the module's state, and that a
 * dropped ssh session does not end a write: it must be true while the write runs. */
static void on_phase(void *arg, const struct push *push)
{
	struct ctx *ctx = arg;

	ctx->phase = push->written ? PHASE_VERIFY : PHASE_WRITE;
}

static void tell_next(struct ctx *ctx, const struct push *push)
{
	if (push->changed && push->saved_sha256[0])
		ctx_next(ctx,
			 "the old content is in '%s': write it back with 'salvor part write %s %s'",
			 push->save_path, push->place.name, push->save_path);
}

/* One place, planned, agreed to and done; planned only with --dry-run. */
static int change_place(struct session *s, const struct parsed *p, const char *name,
			struct push_input *input, struct err *e)
{
	struct ctx *ctx = s->ctx;
	struct push push = { .fh = s->module.firehose,
			     .geometry = &s->module.geometry,
			     .input = input,
			     .progress = ctx->progress,
			     .on_phase = on_phase,
			     .on_phase_ctx = ctx };
	_cleanup_free_ char *save = NULL;
	struct plan plan = { 0 };
	enum guard_verdict verdict = GUARD_DRY_RUN;
	char title[192];
	int r;

	if (part_resolve(&s->module, name, &push.place, e) < 0)
		return -1;
	if (!parsed_str(p, "no-save")) {
		if (parsed_str(p, "save"))
			save = strdup(parsed_str(p, "save"));
		else if (default_save_path(&s->module, &push.place, &save, e) < 0)
			return -1;
		if (!save)
			return err_nomem(e);
		push.save_path = save;
	}
	snprintf(title, sizeof(title), "%s '%s' of the module at %s", input ? "write" : "erase",
		 push.place.name, s->module.dev.port);
	r = push_plan(&push, &plan, e);
	if (r == 0)
		r = ask(ctx, &push, &plan, title, &verdict, e);
	if (r == 0 && verdict == GUARD_GO) {
		log_info(ctx->log, "part", "%s; reason for not saving: %s", title,
			 parsed_str(p, "no-save") ? parsed_str(p, "no-save") : "(saved)");
		r = push_apply(&push, &plan, e);
		if (r < 0)
			tell_next(ctx, &push);
		else
			report(ctx, &push);
	}
	plan_fini(&plan);
	push_fini(&push);
	return r;
}

static int finish(struct session *s, int r, struct err *e)
{
	if (r < 0) {
		session_abort(s);
		return -1;
	}
	if (session_close(s, e) == 0)
		return 0;
	/* Never a wrong command line, and never "nothing was changed": the phase says so. */
	if (s->ctx->phase == PHASE_VERIFY) {
		if (e->kind == ERR_USAGE)
			e->kind = ERR_MISMATCH;
		return err_prefix(e, "all was written and reads back equal");
	}
	return -1;
}

static int write_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct push_input input;
	struct session s;
	int r;

	ctx->phase = PHASE_PREFLIGHT;
	if (check_saving(p, e) < 0 ||
	    push_input_open(&input, parsed_arg(p, 1), ctx->progress, e) < 0)
		return -1;
	r = session_open(&s, ctx, p, e);
	if (r == 0)
		r = finish(&s, change_place(&s, p, parsed_arg(p, 0), &input, e), e);
	push_input_close(&input);
	return r;
}

const struct cmd cmd_part_write = {
	.name = "part write",
	.args = "NAME FILE",
	.summary = "write a file to a partition, safely",
	.about =
		"The file is opened, sized and hashed before the module is touched and checked against the "
		"partition before anything is erased. What the partition holds is read, kept and checked "
		"first. Then it is erased, programmed, read back and compared. On NAND pages that are erased "
		"in the file stay erased.",
	.example = "salvor part write efs2 efs2.bin --loader ./firmware",
	.opts = write_opts,
	.needs = NEED_EDL | CHANGES_MODE | CHANGES_STORAGE,
	.min_args = 2,
	.max_args = 2,
	.arg_hint = HINT_FILE,
	.exits = EXITS_WRITE,
	.run = write_run,
};

static int erase_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct session s;
	unsigned i;
	int r = 0;

	ctx->phase = PHASE_PREFLIGHT;
	if (check_saving(p, e) < 0)
		return -1;
	if (p->n_arg > 1 && parsed_str(p, "save"))
		return err_set(e, ERR_USAGE, "--save FILE goes with one partition");
	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	for (i = 0; i < p->n_arg && r == 0; i++) {
		struct place place;

		r = part_resolve(&s.module, p->arg[i], &place, e);
	}
	for (i = 0; i < p->n_arg && r == 0; i++) {
		/* From here on what comes next cannot end in "nothing was changed". */
		if (ctx->phase == PHASE_VERIFY)
			ctx->phase = PHASE_WRITE;
		r = change_place(&s, p, p->arg[i], NULL, e);
	}
	return finish(&s, r, e);
}

const struct cmd cmd_part_erase = {
	.name = "part erase",
	.args = "NAME...",
	.summary = "erase partitions, keeping what they held",
	.about =
		"What each partition holds is read, kept and checked first; afterwards each block is read back "
		"and must be erased. There is no way to erase everything.",
	.example = "salvor part erase efs2 --loader ./firmware",
	.opts = write_opts,
	.needs = NEED_EDL | CHANGES_MODE | CHANGES_STORAGE,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = EXITS_WRITE,
	.run = erase_run,
};
