/* Reading manifest.json. Absent members have their defaults, unknown ones are passed over; a known one
 * of the wrong type or with a value that cannot be is refused, because a guess would be taken for what
 * the module said. */
#include "model/manifest.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A tree costs its reader some hundred bytes a node. A true manifest has about twelve nodes an item
 * and eight a partition; text made of nothing but nodes is refused before it is parsed. */
#define NODES_MAX ((size_t)20 * MANIFEST_MAX_ITEMS)

static int nodes_check(struct slice text, struct err *e)
{
	size_t i, nodes = 0;
	bool in_text = false;

	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"')
			in_text = !in_text;
		else if (in_text && c == '\\')
			i++;
		else if (!in_text && (c == ',' || c == '[' || c == '{'))
			nodes++;
	}
	if (nodes > NODES_MAX)
		return err_set(e, ERR_PROTO, "%zu values, more than the %zu that a manifest can have",
			       nodes, NODES_MAX);
	return 0;
}

static int bad(const char *key, struct err *e)
{
	return err_set(e, ERR_PROTO, "'%s' is not what it must be", key);
}

static int get_u64(const struct json *obj, const char *key, uint64_t max, uint64_t dflt, uint64_t *ret,
		   struct err *e)
{
	const struct json *node = json_get(obj, key);
	uint64_t v;

	if (!node) {
		*ret = dflt;
		return 0;
	}
	/* The reader's own default is what no JSON number can be here: its numbers have 63 bits. */
	v = json_u64_value(node, UINT64_MAX);
	if (v == UINT64_MAX)
		return err_set(e, ERR_PROTO, "'%s' is not a whole number from 0 on", key);
	if (v > max)
		return err_set(e, ERR_PROTO, "'%s' is %" PRIu64 ", more than %" PRIu64, key, v, max);
	*ret = v;
	return 0;
}

static int get_u32(const struct json *obj, const char *key, uint32_t max, uint32_t *ret, struct err *e)
{
	uint64_t v;

	if (get_u64(obj, key, max, 0, &v, e) < 0)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

static int get_bool(const struct json *obj, const char *key, bool *ret, struct err *e)
{
	bool v = json_get_bool(obj, key, false);

	if (json_has(obj, key) && v != json_get_bool(obj, key, true))
		return err_set(e, ERR_PROTO, "'%s' is neither true nor false", key);
	*ret = v;
	return 0;
}

/* Borrowed from the tree; NULL when absent. */
static int get_str(const struct json *obj, const char *key, size_t max, const char **ret, struct err *e)
{
	const struct json *node = json_get(obj, key);
	const char *s = json_str_value(node, NULL);

	if (node && !s)
		return err_set(e, ERR_PROTO, "'%s' is not a text", key);
	if (s && strlen(s) > max)
		return err_set(e, ERR_PROTO, "'%s' has %zu bytes, more than %zu", key, strlen(s), max);
	*ret = s;
	return 0;
}

static int take_str(const struct json *obj, const char *key, size_t max, char **ret, struct err *e)
{
	const char *s;

	if (get_str(obj, key, max, &s, e) < 0)
		return -1;
	return manifest_set(ret, s, e);
}

static int take_fixed(const struct json *obj, const char *key, char *out, size_t cap, struct err *e)
{
	const char *s;

	if (get_str(obj, key, cap - 1, &s, e) < 0)
		return -1;
	if (s)
		memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int get_hex(const struct json *obj, const char *key, uint8_t *out, size_t cap, size_t *ret_n,
		   struct err *e)
{
	const char *s;

	*ret_n = 0;
	if (get_str(obj, key, 2 * cap, &s, e) < 0)
		return -1;
	return s && hex_decode(s, out, cap, ret_n, e) < 0 ? bad(key, e) : 0;
}

static int get_hex64(const struct json *obj, const char *key, bool *ret_has, uint64_t *ret,
		     struct err *e)
{
	uint8_t raw[8];
	size_t n, i;

	if (get_hex(obj, key, raw, sizeof(raw), &n, e) < 0)
		return -1;
	*ret_has = n != 0;
	if (n && n != sizeof(raw))
		return bad(key, e);
	*ret = 0;
	for (i = 0; i < n; i++)
		*ret = *ret << 8 | raw[i];
	return 0;
}

/* NULL and length 0 when absent. */
static int get_array(const struct json *obj, const char *key, size_t max, const struct json **ret,
		     size_t *ret_n, struct err *e)
{
	const struct json *arr = json_get(obj, key);
	size_t n = json_array_len(arr);

	if (arr && !json_is_list(arr))
		return err_set(e, ERR_PROTO, "'%s' is not a list", key);
	if (n > max)
		return err_set(e, ERR_PROTO, "'%s' has %zu entries, more than %zu", key, n, max);
	*ret = arr;
	*ret_n = n;
	return 0;
}

/* NULL when absent; all readers take that for "no members". */
static int get_members(const struct json *obj, const char *key, const struct json **ret, struct err *e)
{
	const struct json *node = json_get(obj, key);

	if (node && !json_is_members(node))
		return err_set(e, ERR_PROTO, "'%s' has no members", key);
	*ret = node;
	return 0;
}

static int get_modes(const struct json *obj, const char *key, unsigned *ret, struct err *e)
{
	const struct json *arr;
	size_t n, i;

	*ret = 0;
	if (get_array(obj, key, 16, &arr, &n, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const char *s = json_str_value(json_array_at(arr, i), NULL);

		if (!s)
			return bad(key, e);
		*ret |= strcmp(s, "at") == 0   ? MANIFEST_AT :
			strcmp(s, "diag") == 0 ? MANIFEST_DIAG :
			strcmp(s, "edl") == 0  ? MANIFEST_EDL :
						 0u;
	}
	return 0;
}

static int parse_made(const struct json *made, struct manifest *m, struct err *e)
{
	const struct json *only;
	size_t n, i;

	if (get_modes(made, "asked", &m->asked, e) < 0 || get_modes(made, "via", &m->via, e) < 0 ||
	    take_fixed(made, "begun", m->begun, sizeof(m->begun), e) < 0 ||
	    take_fixed(made, "ended", m->ended, sizeof(m->ended), e) < 0 ||
	    get_u64(made, "begun_ms", INT64_MAX, 0, &m->begun_ms, e) < 0 ||
	    get_u64(made, "ended_ms", INT64_MAX, 0, &m->ended_ms, e) < 0 ||
	    get_u32(made, "resumed", UINT32_MAX, &m->resumed, e) < 0 ||
	    get_array(made, "only", MANIFEST_MAX_ONLY, &only, &n, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const char *s = json_str_value(json_array_at(only, i), NULL);

		if (!s || strlen(s) > MANIFEST_NAME_MAX)
			return bad("only", e);
		if (manifest_add_only(m, s, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_chip(const struct json *chip, struct chip_id *id, struct err *e)
{
	uint32_t oem, model;

	if (get_u32(chip, "sahara_version", UINT32_MAX, &id->sahara_version, e) < 0 ||
	    get_hex64(chip, "serial", &id->has_serial, &id->serial, e) < 0 ||
	    get_u32(chip, "msm_id", UINT32_MAX, &id->msm_id, e) < 0 ||
	    get_u32(chip, "oem_id", UINT16_MAX, &oem, e) < 0 ||
	    get_u32(chip, "model_id", UINT16_MAX, &model, e) < 0 ||
	    get_u32(chip, "sbl_version", UINT32_MAX, &id->sbl_version, e) < 0 ||
	    get_hex(chip, "pkhash", id->pkhash, sizeof(id->pkhash), &id->pkhash_len, e) < 0)
		return -1;
	id->has_hwid = json_has(chip, "msm_id");
	id->has_sbl_version = json_has(chip, "sbl_version");
	id->oem_id = (uint16_t)oem;
	id->model_id = (uint16_t)model;
	return 0;
}

static int parse_module(const struct json *obj, struct manifest_module *mod, struct err *e)
{
	const struct json *arr, *chip;
	size_t n, i;

	if (take_str(obj, "maker", MANIFEST_TEXT_LINE, &mod->maker, e) < 0 ||
	    take_str(obj, "model", MANIFEST_TEXT_LINE, &mod->model, e) < 0 ||
	    take_str(obj, "revision", MANIFEST_TEXT_LINE, &mod->revision, e) < 0 ||
	    take_str(obj, "serial", MANIFEST_TEXT_LINE, &mod->serial, e) < 0 ||
	    get_array(obj, "imei", MANIFEST_MAX_IMEIS, &arr, &n, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const char *s = json_str_value(json_array_at(arr, i), NULL);

		if (!s || strlen(s) != 15 || strspn(s, "0123456789") != 15)
			return err_set(e, ERR_PROTO, "'imei' entry %zu is not 15 digits", i);
		memcpy(mod->imei[i].digits, s, 16);
	}
	mod->n_imeis = n;
	if (get_members(obj, "chip", &chip, e) < 0)
		return -1;
	return parse_chip(chip, &mod->chip, e);
}

static int parse_bad_blocks(const struct json *root, struct manifest *m, struct err *e)
{
	const struct json *arr = json_get(root, "bad_blocks");
	size_t n = json_array_len(arr), i;

	/* null says "not told", an empty list "none". */
	m->has_bad_blocks = json_is_list(arr);
	if (n == 0)
		return 0;
	if (n > MANIFEST_MAX_BLOCKS)
		return bad("bad_blocks", e);
	m->bad_block = calloc(n, sizeof(*m->bad_block));
	if (!m->bad_block)
		return err_nomem(e);
	for (i = 0; i < n; i++) {
		uint64_t v = json_u64_value(json_array_at(arr, i), UINT64_MAX);

		if (v > UINT32_MAX)
			return bad("bad_blocks", e);
		m->bad_block[i] = (uint32_t)v;
	}
	m->n_bad_blocks = n;
	return 0;
}

static int parse_storage(const struct json *root, struct manifest *m, struct err *e)
{
	struct geometry *g = &m->geometry;
	const struct json *obj;
	const char *type;

	if (get_members(root, "storage", &obj, e) < 0)
		return -1;
	if (obj) {
		m->has_geometry = true;
		if (get_str(obj, "type", 16, &type, e) < 0 ||
		    get_u32(obj, "sector_size", 1u << 20, &g->sector_size, e) < 0 ||
		    get_u32(obj, "sectors_per_block", 1u << 16, &g->sectors_per_block, e) < 0 ||
		    get_u64(obj, "total_sectors", (uint64_t)1 << 48, 0, &g->total_sectors, e) < 0 ||
		    get_u32(obj, "luns", GEOMETRY_MAX_LUNS, &g->num_luns, e) < 0 ||
		    get_u32(obj, "manufacturer_id", UINT32_MAX, &g->manufacturer_id, e) < 0 ||
		    take_fixed(obj, "product", g->product, sizeof(g->product), e) < 0)
			return -1;
		g->type = type ? storage_type_parse(type) : STORAGE_UNKNOWN;
	}
	return parse_bad_blocks(root, m, e);
}

static int parse_partition(const struct json *row, struct partition *p, struct err *e)
{
	size_t n;
	bool has;

	if (take_fixed(row, "name", p->name, sizeof(p->name), e) < 0 ||
	    get_u32(row, "lun", GEOMETRY_MAX_LUNS, &p->at.lun, e) < 0 ||
	    get_u64(row, "start", (uint64_t)1 << 48, 0, &p->at.start, e) < 0 ||
	    get_u64(row, "count", (uint64_t)1 << 48, 0, &p->at.count, e) < 0 ||
	    get_hex(row, "attr", p->attr, sizeof(p->attr), &n, e) < 0 ||
	    get_hex64(row, "gpt_attr", &has, &p->gpt_attr, e) < 0 ||
	    get_hex(row, "type_guid", p->type_guid, sizeof(p->type_guid), &n, e) < 0)
		return -1;
	if (!p->name[0] || p->at.count == 0)
		return err_set(e, ERR_PROTO, "it has no name or no sectors");
	return 0;
}

static int parse_table(const struct json *obj, struct table *t, struct err *e)
{
	const struct json *arr;
	const char *kind;
	uint32_t warnings;
	size_t n, i;

	if (!obj)
		return 0;
	if (get_str(obj, "kind", 16, &kind, e) < 0 || get_u32(obj, "age", UINT32_MAX, &t->age, e) < 0 ||
	    get_u64(obj, "found_sector", (uint64_t)1 << 48, 0, &t->found_sector, e) < 0 ||
	    get_u32(obj, "warnings", UINT16_MAX, &warnings, e) < 0 ||
	    get_array(obj, "partitions", TABLE_MAX_PARTITIONS, &arr, &n, e) < 0)
		return -1;
	if (!kind || (strcmp(kind, "mibib") != 0 && strcmp(kind, "gpt") != 0))
		return bad("kind", e);
	t->kind = kind[0] == 'm' ? TABLE_MIBIB : TABLE_GPT;
	t->warnings = warnings;
	for (i = 0; i < n; i++) {
		struct partition p = { 0 };

		if (parse_partition(json_array_at(arr, i), &p, e) < 0)
			return err_prefix(e, "partition %zu", i);
		if (table_add(t, &p, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_gaps(const struct json *root, struct manifest *m, struct err *e)
{
	const struct json *arr;
	size_t n, i;

	if (get_array(root, "missing", MANIFEST_MAX_GAPS, &arr, &n, e) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		const struct json *row = json_array_at(arr, i);
		const char *what, *how, *why;
		bool folder;
		int h;

		if (get_str(row, "what", 4096, &what, e) < 0 ||
		    get_str(row, "how", 16, &how, e) < 0 ||
		    get_str(row, "why", MANIFEST_TEXT_LINE, &why, e) < 0 ||
		    get_bool(row, "folder", &folder, e) < 0)
			return -1;
		/* How something failed that this version has no word for: as bad as any. */
		h = how ? gap_how_parse(how) : -1;
		if (!what)
			return err_set(e, ERR_PROTO, "'missing' entry %zu does not say what", i);
		if (manifest_add_gap(m, h < 0 ? GAP_FAILED : (enum gap_how)h, folder, what,
				     why ? why : "", e) < 0)
			return -1;
	}
	return 0;
}

static int parse_judgement(const struct json *root, struct manifest *m, struct err *e)
{
	const struct json *obj, *arr;
	const char *is;
	size_t n, i;
	int v;

	if (get_members(root, "listed", &obj, e) < 0 ||
	    get_u32(obj, "efs", UINT32_MAX, &m->listed_efs, e) < 0 ||
	    get_u32(obj, "nv", UINT32_MAX, &m->listed_nv, e) < 0 || parse_gaps(root, m, e) < 0)
		return -1;
	m->has_listed_efs = json_has(obj, "efs");
	m->has_listed_nv = json_has(obj, "nv");
	if (get_members(root, "verdict", &obj, e) < 0 ||
	    get_str(obj, "is", 16, &is, e) < 0 || get_bool(obj, "as_asked", &m->as_asked, e) < 0 ||
	    get_array(obj, "reasons", MANIFEST_MAX_REASONS, &arr, &n, e) < 0)
		return -1;
	v = is ? verdict_parse(is) : -1;
	if (v < 0)
		return err_set(e, ERR_PROTO, "there is no verdict");
	m->verdict = (enum verdict)v;
	for (i = 0; i < n; i++) {
		const char *s = json_str_value(json_array_at(arr, i), NULL);

		if (!s || strlen(s) > MANIFEST_TEXT_LINE)
			return bad("reasons", e);
		if (manifest_add_reason(m, s, e) < 0)
			return -1;
	}
	return 0;
}

static int parse_bytes(const struct json *obj, struct manifest_item *it, struct err *e)
{
	if (!manifest_item_has_bytes(it)) {
		if (json_has(obj, "size") || json_has(obj, "sha256"))
			return err_set(e, ERR_PROTO, "a folder or link cannot have bytes");
		return 0;
	}
	if (!json_has(obj, "size"))
		return err_set(e, ERR_PROTO, "there is no 'size'");
	if (get_u64(obj, "size", MANIFEST_ITEM_MAX, 0, &it->size, e) < 0 ||
	    take_fixed(obj, "sha256", it->sha256, sizeof(it->sha256), e) < 0)
		return -1;
	if (strlen(it->sha256) != 64 || strspn(it->sha256, "0123456789abcdef") != 64)
		return err_set(e, ERR_PROTO, "'sha256' is not 64 lower-case hex digits");
	return 0;
}

static int parse_kind(const struct json *obj, struct manifest_item *it, struct err *e)
{
	uint32_t v, w, x;

	if (it->kind == ITEM_RAW) {
		if (take_str(obj, "partition", PARTITION_NAME_MAX - 1, &it->raw.partition, e) < 0 ||
		    get_u32(obj, "lun", GEOMETRY_MAX_LUNS, &it->raw.at.lun, e) < 0 ||
		    get_u64(obj, "start", (uint64_t)1 << 48, 0, &it->raw.at.start, e) < 0 ||
		    get_u64(obj, "count", (uint64_t)1 << 48, 0, &it->raw.at.count, e) < 0 ||
		    take_str(obj, "map", MANIFEST_NAME_MAX, &it->raw.map, e) < 0 ||
		    get_u32(obj, "reads", UINT8_MAX, &v, e) < 0)
			return -1;
		it->raw.reads = (uint8_t)v;
	} else if (it->kind == ITEM_EFS) {
		if (get_u32(obj, "mode", UINT32_MAX, &it->efs.mode, e) < 0 ||
		    get_u32(obj, "mtime", UINT32_MAX, &it->efs.mtime, e) < 0 ||
		    get_u32(obj, "flags", UINT32_MAX, &it->efs.flags, e) < 0 ||
		    take_str(obj, "target", 4096, &it->efs.target, e) < 0)
			return -1;
	} else if (it->kind == ITEM_NV) {
		if (get_u32(obj, "id", UINT16_MAX, &v, e) < 0 ||
		    get_u32(obj, "index", UINT16_MAX, &w, e) < 0 ||
		    get_u32(obj, "sim", UINT8_MAX, &x, e) < 0)
			return -1;
		it->nv.id = (uint16_t)v;
		it->nv.index = (uint16_t)w;
		it->nv.sim = (uint8_t)x;
	}
	return 0;
}

static int parse_item(const struct json *obj, struct manifest_item *it, struct err *e)
{
	const char *kind, *state;
	int k;

	if (take_str(obj, "name", MANIFEST_NAME_MAX, &it->name, e) < 0 ||
	    get_str(obj, "kind", 64, &kind, e) < 0 || get_str(obj, "state", 16, &state, e) < 0 ||
	    take_str(obj, "reason", MANIFEST_TEXT_LINE, &it->reason, e) < 0)
		return -1;
	if (!it->name)
		return err_set(e, ERR_PROTO, "there is no 'name'");
	if (manifest_name_check(it->name, e) < 0)
		return -1;
	k = kind ? item_kind_parse(kind) : -1;
	it->kind = k < 0 ? ITEM_OTHER : (enum item_kind)k;
	/* Anything but the one word that says so is not whole. */
	it->state = state && strcmp(state, "complete") == 0 ? ITEM_COMPLETE : ITEM_PARTIAL;
	if (it->state == ITEM_COMPLETE && it->reason)
		return err_set(e, ERR_PROTO, "'%s' is complete and has a 'reason' not to be", it->name);
	if (parse_kind(obj, it, e) < 0 || parse_bytes(obj, it, e) < 0)
		return err_prefix(e, "item '%s'", it->name);
	return 0;
}

static int parse_items(const struct json *root, struct manifest *m, struct err *e)
{
	const struct json *arr;
	size_t n, i;

	if (get_array(root, "items", MANIFEST_MAX_ITEMS, &arr, &n, e) < 0)
		return -1;
	if (n == 0)
		return 0;
	m->item = calloc(n, sizeof(*m->item));
	if (!m->item)
		return err_nomem(e);
	m->cap_items = n;
	for (i = 0; i < n; i++) {
		/* Counted first, so that what a failure leaves behind is freed. */
		m->n_items = i + 1;
		if (parse_item(json_array_at(arr, i), &m->item[i], e) < 0)
			return err_prefix(e, "items entry %zu", i);
	}
	return 0;
}

static int parse_root(const struct json *root, struct manifest *m, struct err *e)
{
	const struct json *made, *module, *table;
	uint64_t format;

	if (!json_has(root, "salvor_snapshot"))
		return err_set(e, ERR_PROTO, "not the manifest of a snapshot");
	if (get_u64(root, "salvor_snapshot", INT64_MAX, 0, &format, e) < 0)
		return -1;
	if (format > MANIFEST_FORMAT)
		return err_set(e, ERR_UNSUPPORTED,
			       "snapshot of format %" PRIu64 ", this salvor reads up to %d: use a newer one",
			       format, MANIFEST_FORMAT);
	if (format == 0)
		return bad("salvor_snapshot", e);
	if (take_str(root, "tool", 64, &m->tool, e) < 0 || take_str(root, "name", 255, &m->name, e) < 0 ||
	    get_members(root, "made", &made, e) < 0 || get_members(root, "module", &module, e) < 0 ||
	    get_members(root, "table", &table, e) < 0 || parse_made(made, m, e) < 0 ||
	    parse_module(module, &m->module, e) < 0 || parse_storage(root, m, e) < 0 ||
	    parse_table(table, &m->table, e) < 0 || parse_judgement(root, m, e) < 0 ||
	    parse_items(root, m, e) < 0)
		return -1;
	if (!m->name)
		return err_set(e, ERR_PROTO, "there is no 'name'");
	if (manifest_own_name_check(m->name, e) < 0)
		return err_set(e, ERR_PROTO, "the snapshot's name cannot be one");
	return manifest_check(m, e);
}

int manifest_parse(struct slice text, struct manifest *ret, struct err *e)
{
	struct json *root = NULL;
	struct manifest m;
	int r;

	if (text.n > MANIFEST_TEXT_MAX)
		return err_set(e, ERR_PROTO, "manifest of %zu bytes, more than %zu", text.n,
			       MANIFEST_TEXT_MAX);
	if (nodes_check(text, e) < 0 || json_parse(text, &root, e) < 0)
		return err_prefix(e, "manifest");
	manifest_init(&m);
	r = parse_root(root, &m, e);
	json_free(root);
	if (r < 0) {
		manifest_fini(&m);
		return err_prefix(e, "manifest");
	}
	*ret = m;
	return 0;
}

int manifest_item_parse(struct slice text, struct manifest_item *ret, struct err *e)
{
	struct manifest_item it = { 0 };
	struct json *obj = NULL;
	int r;

	if (nodes_check(text, e) < 0 || json_parse(text, &obj, e) < 0)
		return -1;
	r = parse_item(obj, &it, e);
	json_free(obj);
	if (r < 0) {
		manifest_item_fini(&it);
		return -1;
	}
	*ret = it;
	return 0;
}
