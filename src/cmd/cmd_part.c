/* part list|read|verify: looking at a module's storage. The verbs that change it are in
 * cmd_part_write.c. */
#include "cmd/part.h"

#include "backup/pull_file.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "cmd/session.h"
#include "cmd/table.h"
#include "model/partition_kind.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define EXITS_EDL                                                                                  \
	(EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |          \
	 EXITS(STATUS_LINK))

static const struct opt list_opts[] = { SESSION_OPTS, OPTS_END };

static void describe_kind(unsigned kind, char out[64])
{
	snprintf(out, 64, "%s%s%s%s", kind & PART_UNIT ? "this unit's own" : "",
		 kind & PART_EFS ? ", EFS2" : "", kind & PART_BOOT ? "boot" : "",
		 kind & PART_FUSES ? ", fuses" : "");
}

static int list_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "name", "NAME", false },  { "lun", "LUN", true },
		{ "start", "START", true }, { "sectors", "SECTORS", true },
		{ "bytes", "SIZE", true },  { "kind", "", false },
	};
	struct session s;
	size_t i;

	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	const struct geometry *g = &s.module.geometry;
	const struct table *t = &s.module.table;

	part_render_storage(ctx->render, &s.module);
	render_table(ctx->render, "partitions", cols, ARRAY_SIZE(cols));
	for (i = 0; i < t->n; i++) {
		char kind[64];

		describe_kind(partition_kind(t->part[i].name), kind);
		render_cell_str(ctx->render, t->part[i].name);
		render_cell_u64(ctx->render, t->part[i].at.lun);
		render_cell_u64(ctx->render, t->part[i].at.start);
		render_cell_u64(ctx->render, t->part[i].at.count);
		render_cell_size(ctx->render, t->part[i].at.count * g->sector_size);
		render_cell_str(ctx->render, kind[0] ? kind : NULL);
	}
	render_table_end(ctx->render,
			 "no partition table was found: raw extents can still be read");
	return session_close(&s, e);
}

const struct cmd cmd_part_list = {
	.name = "part list",
	.args = "",
	.summary = "show the partition table of a module",
	.about =
		"Takes the module into EDL, loads the programmer, reads the partition table from the "
		"storage (MIBIB on NAND, GPT elsewhere) and leaves the module as it was found.",
	.example = "salvor part list --loader ./firmware",
	.opts = list_opts,
	.needs = NEED_EDL,
	.min_args = 0,
	.max_args = 0,
	.exits = EXITS_EDL,
	.run = list_run,
};

/* ---- part read ---- */

static const struct opt read_opts[] = {
	SESSION_OPTS,
	{ "output", 'o', OPT_STR, HINT_FILE, "FILE|DIR|-",
	  "where the dump goes; - is standard output", 0, 0, NULL, 0 },
	{ "all", 0, OPT_FLAG, HINT_NONE, NULL, "every partition of the table, into a folder", 0, 0,
	  NULL, 0 },
	{ "once", 0, OPT_FLAG, HINT_NONE, NULL, "read efs2 once instead of twice", 0, 0, NULL, 0 },
	OPTS_END,
};

/* A name that is safe in any folder: "1/modemst1" and "0/1280+64" are legal places. */
static void file_name(const char *place, char *out, size_t n)
{
	size_t i;

	snprintf(out, n, "%s.bin", partition_plain_name(place));
	for (i = 0; out[i]; i++) {
		unsigned char c = (unsigned char)out[i];

		out[i] = isalnum(c) || strchr("._-+", c) ? (char)tolower(c) : '-';
	}
	if (out[0] == '.')
		out[0] = '_';
}

struct read_job {
	const struct parsed *parsed;
	const char *output;
	bool to_stdout, to_dir, once;
	struct sink *raw;
	unsigned partial;
};

static int output_path(const struct read_job *job, const char *name, char **ret, struct err *e)
{
	char base[128];

	file_name(name, base, sizeof(base));
	*ret = job->to_dir ? fs_join(job->output, base) : strdup(job->output ? job->output : base);
	return *ret ? 0 : err_nomem(e);
}

/* Everything about the outputs that can be wrong is found before the module is touched. */
static int check_outputs(struct read_job *job, struct err *e)
{
	const struct parsed *p = job->parsed;
	bool all = parsed_flag(p, "all");
	size_t len;
	unsigned i;

	job->output = parsed_str(p, "output");
	job->once = parsed_flag(p, "once");
	if (all && p->n_arg)
		return err_set(e, ERR_USAGE, "--all and names do not go together");
	if (!all && p->n_arg == 0)
		return err_set(e, ERR_USAGE, "which partition? 'salvor part list' shows them");
	job->to_stdout = job->output && strcmp(job->output, "-") == 0;
	if (job->to_stdout && (all || p->n_arg > 1))
		return err_set(e, ERR_USAGE, "standard output takes one partition");
	len = job->output ? strlen(job->output) : 0;
	if (job->output && len == 0)
		return err_set(e, ERR_USAGE, "the output's name is empty");
	job->to_dir =
		!job->to_stdout && job->output &&
		(all || p->n_arg > 1 || fs_is_dir(job->output) || job->output[len - 1] == '/');
	if ((all || p->n_arg > 1) && !job->output)
		return err_set(e, ERR_USAGE, "several partitions need a folder: -o DIR");
	if (job->to_dir && fs_mkdirs(job->output, e) < 0)
		return -1;
	for (i = 0; i < p->n_arg && !job->to_stdout; i++) {
		_cleanup_free_ char *path = NULL;

		if (output_path(job, p->arg[i], &path, e) < 0)
			return -1;
		if (access(path, F_OK) == 0)
			return err_set_code(e, ERR_HOST, EEXIST,
					    "'%s' exists and is not overwritten", path);
	}
	return 0;
}

/* `name` is what the file is called after: as the person wrote it, so that what check_outputs() looked
 * at is what is written. */
static int read_place(struct session *s, struct read_job *job, const struct place *place,
		      const char *name, struct err *e)
{
	struct render *r = s->ctx->render;
	struct pull pull = { .fh = s->module.firehose,
			     .geometry = &s->module.geometry,
			     .progress = s->ctx->progress };
	_cleanup_free_ char *path = NULL;
	struct pull_file f;
	uint64_t bytes;
	char again[DIGEST_HEX_MAX];

	if (extent_bytes(&place->at, s->module.geometry.sector_size, &bytes, e) < 0)
		return -1;
	progress_begin(s->ctx->progress, place->name, bytes);
	if (job->to_stdout) {
		if (pull_to_sink(&pull, &place->at, job->raw, &f, e) < 0)
			return err_prefix(e, "reading '%s'", place->name);
	} else if (output_path(job, name, &path, e) < 0 ||
		   pull_to_file(&pull, &place->at, path, &f, e) < 0) {
		return err_prefix(e, "reading '%s'", place->name);
	}
	progress_end(s->ctx->progress, true);
	if ((place->kind & PART_EFS) && !job->once) {
		progress_begin(s->ctx->progress, "second read", bytes);
		if (pull_digest(&pull, &place->at, again, e) < 0)
			return err_prefix(e, "second read of '%s'", place->name);
		progress_end(s->ctx->progress, true);
		if (strcmp(again, f.sha256) != 0) {
			if (path)
				part_discard_dump(path);
			return err_set(
				e, ERR_INTEGRITY,
				"two reads of '%s' differ; the flash or the cable is not reliable now, and "
				"no dump was kept",
				place->name);
		}
	}
	if (!f.map.restorable)
		job->partial++;
	render_cell_str(r, place->name);
	render_cell_str(r, job->to_stdout ? "-" : path);
	render_cell_size(r, f.bytes);
	render_cell_u64(r, f.map.data);
	render_cell_u64(r, f.map.erased);
	render_cell_u64(r, f.map.filler);
	render_cell_u64(r, f.map.bad);
	render_cell_bool(r, f.map.restorable);
	render_cell_str(r, f.sha256);
	return 0;
}

/* Every LUN of a UFS storage has a "last_parti", and nothing keeps a GPT from saying a name twice. */
static void all_name(const struct table *t, size_t which, char *out, size_t n)
{
	const struct partition *p = &t->part[which];
	bool in_lun = false, elsewhere = false;
	size_t i;

	for (i = 0; i < t->n; i++) {
		if (i == which || strcasecmp(t->part[i].name, p->name) != 0)
			continue;
		in_lun |= t->part[i].at.lun == p->at.lun;
		elsewhere = true;
	}
	if (in_lun)
		snprintf(out, n, "%u/%" PRIu64 "/%.40s", p->at.lun, p->at.start, p->name);
	else if (elsewhere)
		snprintf(out, n, "%u/%s", p->at.lun, p->name);
	else
		snprintf(out, n, "%s", p->name);
}

static int read_all(struct session *s, struct read_job *job, struct err *e)
{
	const struct table *t = &s->module.table;
	const struct parsed *p = job->parsed;
	struct place *places;
	char name[PARTITION_NAME_MAX + 16];
	size_t i, n = parsed_flag(p, "all") ? t->n : p->n_arg;
	int r = 0;

	/* All names are resolved before the first byte is read. */
	places = calloc(n ? n : 1, sizeof(*places));
	if (!places)
		return err_nomem(e);
	for (i = 0; i < n && r == 0; i++) {
		if (parsed_flag(p, "all"))
			places[i] = place_of(&t->part[i]);
		else
			r = part_resolve(&s->module, p->arg[i], &places[i], e);
	}
	for (i = 0; i < n && r == 0; i++) {
		if (parsed_flag(p, "all"))
			all_name(t, i, name, sizeof(name));
		r = read_place(s, job, &places[i], parsed_flag(p, "all") ? name : p->arg[i], e);
	}
	free(places);
	return r;
}

static int read_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	static const struct render_col cols[] = {
		{ "name", "NAME", false },           { "file", "FILE", false },
		{ "bytes", "SIZE", true },           { "blocks_data", "DATA", true },
		{ "blocks_erased", "ERASED", true }, { "blocks_filler", "FILLER", true },
		{ "blocks_bad", "BAD", true },       { "restorable", "RESTORABLE", false },
		{ "sha256", "SHA-256", false },
	};
	struct read_job job = { .parsed = p };
	struct session s;
	int r;

	if (check_outputs(&job, e) < 0 ||
	    (job.to_stdout && render_raw(ctx->render, &job.raw, e) < 0))
		return -1;
	if (session_open(&s, ctx, p, e) < 0)
		return -1;
	render_table(ctx->render, "dumps", cols, ARRAY_SIZE(cols));
	r = read_all(&s, &job, e);
	render_table_end(ctx->render, NULL);
	if (r < 0) {
		session_abort(&s);
		return -1;
	}
	if (session_close(&s, e) < 0)
		return -1;
	if (job.partial)
		return err_set(
			e, ERR_PARTIAL,
			"%u dump(s) have bad or unread blocks and cannot be restored as they are; the block "
			"map beside each says which",
			job.partial);
	return 0;
}

const struct cmd cmd_part_read = {
	.name = "part read",
	.args = "[NAME...]",
	.summary = "save partitions or raw extents to files",
	.about =
		"NAME is a partition, without regard to case and with or without \"0:\", or LUN/START+COUNT in "
		"sectors. Several are read in one session. On NAND each erase block is classed as data, "
		"erased, filler or bad and the map is kept beside the dump as FILE.map. efs2 is read twice and "
		"both reads must agree.",
	.example = "salvor part read efs2 -o efs2.bin --loader ./firmware",
	.opts = read_opts,
	.needs = NEED_EDL,
	.min_args = 0,
	.max_args = ARGS_ANY,
	.exits = EXITS_EDL | EXITS(STATUS_INCOMPLETE) | EXITS(STATUS_UNVERIFIED),
	.run = read_run,
};

/* ---- part verify ---- */

static int verify_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct push_input input;
	struct session s;
	struct push push = { .input = &input, .progress = ctx->progress };
	int r;

	if (push_input_open(&input, parsed_arg(p, 1), ctx->progress, e) < 0)
		return -1;
	if (session_open(&s, ctx, p, e) < 0) {
		push_input_close(&input);
		return -1;
	}
	push.fh = s.module.firehose;
	push.geometry = &s.module.geometry;
	r = part_resolve(&s.module, parsed_arg(p, 0), &push.place, e);
	if (r == 0)
		r = push_verify(&push, e);
	push_fini(&push);
	if (r == 0) {
		render_str(ctx->render, "name", "partition", push.place.name);
		render_str(ctx->render, "file", "file", input.path);
		render_str(ctx->render, "sha256", "SHA-256", input.sha256);
		render_bool(ctx->render, "equal", "equal", true);
	}
	push_input_close(&input);
	if (r < 0) {
		session_abort(&s);
		return -1;
	}
	return session_close(&s, e);
}

const struct cmd cmd_part_verify = {
	.name = "part verify",
	.args = "NAME FILE",
	.summary = "compare a partition with a file",
	.about =
		"Reads the partition and compares it with the file. On NAND pages that are erased in the file may "
		"read as 0xFF or as the programmer's filler.",
	.example = "salvor part verify efs2 efs2.bin --loader ./firmware",
	.opts = list_opts,
	.needs = NEED_EDL,
	.min_args = 2,
	.max_args = 2,
	.arg_hint = HINT_FILE,
	.exits = EXITS_EDL | EXITS(STATUS_UNVERIFIED),
	.run = verify_run,
};
