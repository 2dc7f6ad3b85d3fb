/* nv read|list|write: numbered NV items of a running module. */
#include "cmd/change.h"
#include "cmd/ctx.h"
#include "cmd/ports.h"
#include "cmd/table.h"

#include "base/fs.h"
#include "model/imei.h"
#include "model/nv_imei.h"
#include "model/nv_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXITS_READ                                                                                 \
	(EXITS_ALL | EXITS(STATUS_NODEV) | EXITS(STATUS_BUSY) | EXITS(STATUS_UNTOUCHED) |          \
	 EXITS(STATUS_LINK))

static const char *const array_choices[] = { "indexed", "legacy", NULL };

/* clang-format off */
#define NV_OPTS                                                                                    \
	PORTS_OPTS,                                                                                \
	{ .name = "sim", .kind = OPT_NUM, .arg = "N", .min = 1, .max = 3,                          \
	  .help = "the item of this SIM (default 1)" },                                            \
	{ .name = "index", .kind = OPT_NUM, .arg = "N", .min = 0, .max = 65535,                    \
	  .help = "this element of an array item (default 0)" },                                   \
	{ .name = "nv-array", .kind = OPT_CHOICE, .choices = array_choices,                        \
	  .help = "how elements of arrays are asked for" }
/* clang-format on */

static int ref_parse(const struct parsed *p, const char *text, struct nv_ref *ret, struct err *e)
{
	uint64_t id;

	if (parse_u64(text, UINT16_MAX, &id, e) < 0)
		return err_prefix(e, "no number of an NV item (0 to 65535)");
	*ret = (struct nv_ref){ .id = (uint16_t)id,
				.index = (uint16_t)parsed_num(p, "index", 0),
				.sim = (uint8_t)(parsed_num(p, "sim", 1) - 1) };
	return 0;
}

static int open_nv(struct ctx *ctx, const struct parsed *p, struct normal *m, struct err *e)
{
	if (ports_open(ctx, p, m, e) < 0)
		return -1;
	m->opts.nv_array_legacy = parsed_choice(p, "nv-array", 0) == 1;
	return normal_nv(m, e) < 0 ? ports_close(ctx, m, -1, e) : 0;
}

/* --- read --- */

static const struct opt read_opts[] = {
	NV_OPTS,
	{ .name = "full", .kind = OPT_FLAG, .help = "show identity in full; secrets never are" },
	{ .name = "output", .letter = 'o', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE",
	  .help = "all 128 bytes of one item into this new file" },
	OPTS_END,
};

static void show_imei(struct render *r, struct json *o, const struct nv_value *v, bool full)
{
	char digits[16], masked[32];

	switch (nv_imei_decode(SLICE(v->data, sizeof(v->data)), digits)) {
	case NV_IMEI_UNSET:
		json_put_str(o, "imei", NULL);
		render_line(r, "  IMEI: not set");
		return;
	case NV_IMEI_MALFORMED:
		json_put_str(o, "imei", NULL);
		render_line(r, "  IMEI: malformed");
		return;
	case NV_IMEI_DIGITS:
		break;
	}
	imei_mask(digits, masked);
	json_put_str(o, "imei", full ? digits : masked);
	json_put_bool(o, "imei_valid", imei_is_valid(digits));
	render_line(r, "  IMEI: %s%s", full ? digits : masked,
		    imei_is_valid(digits) ? "" : " (wrong check digit)");
}

/* 16 bytes a line, without the zeros at the end. */
static void show_hex(struct render *r, const struct nv_value *v)
{
	char hex[2 * 16 + 1];
	size_t n = NV_DATA_LEN, i;

	while (n > 1 && v->data[n - 1] == 0)
		n--;
	for (i = 0; i < n; i += 16) {
		hex_encode(hex, SLICE(v->data + i, MIN_OF(n - i, (size_t)16)));
		render_line(r, "  %03zx  %s", i, hex);
	}
	if (n < NV_DATA_LEN)
		render_line(r, "  and %zu zero bytes", NV_DATA_LEN - n);
}

static void show(struct ctx *ctx, struct json *items, const struct nv_ref *ref, const struct nv_value *v,
		 bool full)
{
	const struct nv_name *name = nv_name_find(ref->id);
	bool hidden = nv_is_secret(ref->id) || (nv_is_identity(ref->id) && !full);
	struct json *o = json_add_object(items);

	json_put_u64(o, "id", ref->id);
	json_put_u64(o, "index", ref->index);
	json_put_u64(o, "sim", ref->sim + 1u);
	json_put_str(o, "name", name ? name->name : NULL);
	json_put_str(o, "class", name ? nv_class_name(name->cls) : NULL);
	json_put_str(o, "state", nv_state_name(v->state));
	json_put_i64(o, "code", v->code);
	json_put_u64(o, "bytes", v->state == NV_VALUE ? NV_DATA_LEN : 0);
	json_put_bool(o, "hidden", v->state == NV_VALUE && hidden);
	if (v->state == NV_VALUE && !hidden)
		json_put_hex(o, "data", SLICE(v->data, NV_DATA_LEN));
	else
		json_put_null(o, "data");
	render_line(ctx->render, "%u%s%s%s%s: %s", ref->id, name ? " (" : "", name ? name->name : "",
		    name ? ")" : "", ref->sim ? ", second SIM" : "", nv_state_name(v->state));
	if (v->state != NV_VALUE)
		return;
	if (ref->id == NV_ITEM_IMEI)
		show_imei(ctx->render, o, v, full);
	if (!hidden)
		show_hex(ctx->render, v);
	else if (ref->id != NV_ITEM_IMEI)
		render_line(ctx->render, "  not shown: it holds %s",
			    nv_is_secret(ref->id) ? "a secret" : "identity, see --full");
}

static int read_items(struct ctx *ctx, const struct parsed *p, struct nv *nv, struct err *e)
{
	struct json *items = json_put_array(render_result(ctx->render), "items");
	const char *out = parsed_str(p, "output");
	unsigned missing = 0;
	unsigned i;

	for (i = 0; i < p->n_arg; i++) {
		struct nv_value v;
		struct nv_ref ref;

		if (ref_parse(p, p->arg[i], &ref, e) < 0 || nv_read(nv, &ref, &v, e) < 0)
			return -1;
		show(ctx, items, &ref, &v, parsed_flag(p, "full"));
		if (v.state == NV_LOCKED)
			ctx_next(ctx, "give the service code with --spc");
		missing += v.state != NV_VALUE;
		if (out && v.state == NV_VALUE &&
		    fs_write_file(out, SLICE(v.data, NV_DATA_LEN), false, e) < 0)
			return -1;
	}
	if (missing)
		return err_set(e, ERR_PARTIAL, "%u of %u items gave no value", missing, p->n_arg);
	return 0;
}

static int read_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	const char *out = parsed_str(p, "output");
	struct nv_ref ref;
	struct normal m;
	unsigned i;

	for (i = 0; i < p->n_arg; i++) {
		if (ref_parse(p, p->arg[i], &ref, e) < 0)
			return -1;
	}
	if (out && p->n_arg > 1)
		return err_set(e, ERR_USAGE, "-o FILE takes one item, not %u", p->n_arg);
	if (out && access(out, F_OK) == 0)
		return err_set(e, ERR_HOST, "'%s' exists and is not overwritten", out);
	if (open_nv(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, read_items(ctx, p, m.nv, e), e);
}

const struct cmd cmd_nv_read = {
	.name = "nv read",
	.args = "ID...",
	.summary = "read NV items",
	.about =
		"Shows state and content of numbered items. IMEI and other identity is masked unless --full is given; "
		"keys and codes are not shown at all. With -o the bytes go to a file as they are.",
	.example = "salvor nv read 550 453",
	.opts = read_opts,
	.needs = NEED_DIAG,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = EXITS_READ | EXITS(STATUS_INCOMPLETE),
	.run = read_run,
};

/* --- list --- */

static const struct opt list_opts[] = {
	PORTS_OPTS,
	{ .name = "nv-array", .kind = OPT_CHOICE, .choices = array_choices,
	  .help = "how elements of arrays are asked for" },
	{ .name = "nv-max", .kind = OPT_NUM, .arg = "ID", .min = 1, .max = 65535,
	  .help = "last id to try when the module lists none (default 10499)" },
	OPTS_END,
};

static void list_row(struct render *r, const struct nv_ref *ref, const char *state)
{
	const struct nv_name *name = nv_name_find(ref->id);

	render_cell_u64(r, ref->id);
	render_cell_u64(r, ref->index);
	render_cell_u64(r, ref->sim + 1u);
	render_cell_str(r, state);
	render_cell_str(r, name ? nv_class_name(name->cls) : NULL);
	render_cell_str(r, name ? name->name : NULL);
}

struct lister {
	struct ctx *ctx;
	uint64_t n;
};

static int on_item(void *arg, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	struct lister *l = arg;

	if (progress_cancelled(l->ctx->progress))
		return err_set(e, ERR_CANCELLED, "interrupted");
	list_row(l->ctx->render, ref, nv_state_name(v->state));
	progress_step(l->ctx->progress, ++l->n);
	return 0;
}

static int list_items(struct ctx *ctx, const struct parsed *p, struct nv *nv, struct err *e)
{
	static const struct render_col cols[] = {
		{ "id", "ID", true },	    { "index", "INDEX", true },	  { "sim", "SIM", true },
		{ "state", "STATE", false }, { "class", "CLASS", false }, { "name", "NAME", false },
	};
	struct lister lister = { ctx, 0 };
	struct nv_listing l;
	size_t i;
	int r = 0;

	if (nv_list(nv, (uint16_t)parsed_num(p, "nv-max", NV_SCAN_LAST), &l, e) < 0)
		return -1;
	if (l.scan)
		render_diag(ctx->render, "the module does not list its items (%s): trying ids 0 to %zu",
			    l.why.msg, l.n - 1);
	json_put_bool(render_result(ctx->render), "scanned", l.scan);
	render_table(ctx->render, "items", cols, ARRAY_SIZE(cols));
	if (l.scan)
		r = nv_each(nv, &l, on_item, &lister, e);
	for (i = 0; !l.scan && i < l.n; i++)
		list_row(ctx->render, &l.ref[i], "listed");
	render_table_end(ctx->render, "the module has no NV items: its file system is empty");
	nv_listing_fini(&l);
	return r;
}

static int list_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct normal m;

	if (open_nv(ctx, p, &m, e) < 0)
		return -1;
	return ports_close(ctx, &m, list_items(ctx, p, m.nv, e), e);
}

const struct cmd cmd_nv_list = {
	.name = "nv list",
	.args = "",
	.summary = "list the NV items that exist",
	.about =
		"Takes the list from the module's own file system, for every SIM. A module that does not give it is "
		"asked for each id, which takes seconds to minutes.",
	.example = "salvor nv list --json",
	.opts = list_opts,
	.needs = NEED_DIAG,
	.exits = EXITS_READ,
	.run = list_run,
};

/* --- write --- */

static const struct opt write_opts[] = {
	NV_OPTS,
	{ .name = "file", .letter = 'f', .kind = OPT_STR, .hint = HINT_FILE, .arg = "FILE",
	  .help = "the bytes to write, instead of HEX" },
	{ .name = "pad", .kind = OPT_FLAG, .help = "fill what is missing with zeros" },
	CHANGE_SAVE_OPT,
	OPTS_END,
};

static int take_data(const struct parsed *p, uint8_t data[NV_DATA_LEN], size_t *ret_n, struct err *e)
{
	const char *hex = parsed_arg(p, 1), *file = parsed_str(p, "file");
	struct buf b = BUF_INIT(NV_DATA_LEN);

	if (!hex == !file)
		return err_set(e, ERR_USAGE, "give the bytes as HEX or with --file FILE, one of both");
	if (hex)
		return hex_decode(hex, data, NV_DATA_LEN, ret_n, e);
	if (fs_read_file(file, &b, e) < 0) {
		buf_fini(&b);
		return err_prefix(e, "an item holds at most %d bytes", NV_DATA_LEN);
	}
	memcpy(data, b.p, b.n);
	*ret_n = b.n;
	buf_fini(&b);
	return 0;
}

static int write_run(struct ctx *ctx, const struct parsed *p, struct err *e)
{
	struct push_change change = { .kind = PUSH_NV, .pad = parsed_flag(p, "pad") };
	uint8_t data[NV_DATA_LEN];
	char what[48];
	struct normal m;
	size_t n;

	ctx->phase = PHASE_PREFLIGHT;
	if (ref_parse(p, parsed_arg(p, 0), &change.ref, e) < 0 || take_data(p, data, &n, e) < 0 ||
	    change_check_save(parsed_str(p, "save"), 1, e) < 0 || open_nv(ctx, p, &m, e) < 0)
		return -1;
	change.data = SLICE(data, n);
	snprintf(what, sizeof(what), "write NV item %u", change.ref.id);
	return ports_close(ctx, &m, change_run(ctx, parsed_str(p, "save"), &m, &change, 1, what, e), e);
}

const struct cmd cmd_nv_write = {
	.name = "nv write",
	.args = "ID [HEX]",
	.summary = "write an NV item, keeping what it held",
	.about =
		"The data must be as long as the item is on this module, or all 128 bytes; nothing is filled up unless "
		"--pad says so. What the item held is kept in a file first, and what was written is read back. Items "
		"that hold identity or secrets, such as 550, are refused.",
	.example = "salvor nv write 453 00",
	.opts = write_opts,
	.needs = NEED_DIAG | CHANGES_STORAGE,
	.min_args = 1,
	.max_args = 2,
	.exits = EXITS_READ | EXITS(STATUS_MIDWRITE) | EXITS(STATUS_POLICY) | EXITS(STATUS_UNVERIFIED),
	.run = write_run,
};
