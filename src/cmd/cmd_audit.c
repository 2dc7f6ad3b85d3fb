/* audit verify, export: the log of what was done to which module's identity. */
#include "cmd/ctx.h"
#include "cmd/outfile.h"
#include "cmd/table.h"
#include "db/catalog.h"

static int verify_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct audit_report rep = { 0 };
	int r;

	(void)p;
	r = audit_verify(catalog_audit(ctx->catalog), &rep, e);
	render_u64(ctx->render, "records", "records", rep.records);
	render_u64(ctx->render, "mirrored", "in the mirror", rep.mirrored);
	if (r < 0 && e->kind == ERR_INTEGRITY) {
		ctx->phase = PHASE_VERIFY;
		if (rep.bad)
			render_u64(ctx->render, "bad", "wrong record", rep.bad);
	}
	render_bool(ctx->render, "sound", "sound", r == 0);
	return r;
}

const struct cmd cmd_audit_verify = {
	.name = "audit verify",
	.args = "",
	.summary = "check that the audit log was not changed",
	.about =
		"Walks the chain of hashes and compares the log with its mirror. Somebody who computes both anew to "
		"the end is found by an export that was kept elsewhere.",
	.example = "salvor audit verify",
	.needs = NEED_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_UNVERIFIED) | EXITS(STATUS_CATALOG),
	.run = verify_run,
};

static const struct opt export_opts[] = {
	{ .name = "full", .kind = OPT_FLAG,
	  .help = "numbers in full: only then do the hashes prove anything" },
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE|-",
	  .help = "where it goes; the default is standard output" },
	OPTS_END,
};

static int export_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *path = parsed_str(p, "output");
	bool full = parsed_flag(p, "full");
	struct outfile o;
	int r;

	if (outfile_open(&o, ctx, path, e) < 0)
		return -1;
	r = outfile_close(&o, audit_export(catalog_audit(ctx->catalog), full, o.sink, e), e);
	if (r == 0 && o.is_file) {
		render_str(ctx->render, "path", "file", path);
		render_bool(ctx->render, "masked", "masked", !full);
	}
	return r;
}

const struct cmd cmd_audit_export = {
	.name = "audit export",
	.args = "",
	.summary = "write the audit log as JSON lines",
	.about = "IMEIs and serials are masked unless --full is given.",
	.example = "salvor audit export --full -o audit.jsonl",
	.opts = export_opts,
	.needs = NEED_CATALOG,
	.exits = EXITS_ALL | EXITS(STATUS_CATALOG),
	.run = export_run,
};
