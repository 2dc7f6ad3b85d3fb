/* Writing manifest.json. Items are dumped one by one, so that no tree of all of them is ever built. */
#include "model/manifest.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers that may need all 64 bits go as hex text: JSON readers have 53 bits, jansson 63. */
static void put_hex64(struct json *obj, const char *key, uint64_t v)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, v);
	json_put_str(obj, key, text);
}

static void put_known(struct json *obj, const char *key, const char *text)
{
	if (text && text[0])
		json_put_str(obj, key, text);
}

static void put_modes(struct json *obj, const char *key, unsigned modes)
{
	struct json *arr = json_put_array(obj, key);

	if (modes & MANIFEST_AT)
		json_add_str(arr, "at");
	if (modes & MANIFEST_DIAG)
		json_add_str(arr, "diag");
	if (modes & MANIFEST_EDL)
		json_add_str(arr, "edl");
}

static void put_texts(struct json *obj, const char *key, char *const *text, size_t n)
{
	struct json *arr = json_put_array(obj, key);
	size_t i;

	for (i = 0; i < n; i++)
		json_add_str(arr, text[i]);
}

static void put_made(struct json *root, const struct manifest *m)
{
	struct json *made = json_put_object(root, "made");

	put_modes(made, "asked", m->asked);
	put_modes(made, "via", m->via);
	if (m->n_only)
		put_texts(made, "only", m->only, m->n_only);
	put_known(made, "begun", m->begun);
	put_known(made, "ended", m->ended);
	json_put_u64(made, "begun_ms", m->begun_ms);
	json_put_u64(made, "ended_ms", m->ended_ms);
	json_put_u64(made, "resumed", m->resumed);
}

static void put_module(struct json *root, const struct manifest_module *mod)
{
	struct json *obj = json_put_object(root, "module"), *arr, *chip;
	size_t i;

	put_known(obj, "maker", mod->maker);
	put_known(obj, "model", mod->model);
	put_known(obj, "revision", mod->revision);
	put_known(obj, "serial", mod->serial);
	arr = json_put_array(obj, "imei");
	for (i = 0; i < mod->n_imeis; i++)
		json_add_str(arr, mod->imei[i].digits);
	chip = json_put_object(obj, "chip");
	if (mod->chip.sahara_version)
		json_put_u64(chip, "sahara_version", mod->chip.sahara_version);
	if (mod->chip.has_serial)
		put_hex64(chip, "serial", mod->chip.serial);
	if (mod->chip.has_hwid) {
		json_put_u64(chip, "msm_id", mod->chip.msm_id);
		json_put_u64(chip, "oem_id", mod->chip.oem_id);
		json_put_u64(chip, "model_id", mod->chip.model_id);
		put_known(chip, "name", chip_name(mod->chip.msm_id));
	}
	if (mod->chip.pkhash_len)
		json_put_hex(chip, "pkhash", SLICE(mod->chip.pkhash, mod->chip.pkhash_len));
	if (mod->chip.has_sbl_version)
		json_put_u64(chip, "sbl_version", mod->chip.sbl_version);
}

static void put_storage(struct json *root, const struct manifest *m)
{
	const struct geometry *g = &m->geometry;
	struct json *obj;
	size_t i;

	if (m->has_geometry) {
		obj = json_put_object(root, "storage");
		json_put_str(obj, "type", storage_type_name(g->type));
		json_put_u64(obj, "sector_size", g->sector_size);
		json_put_u64(obj, "sectors_per_block", g->sectors_per_block);
		json_put_u64(obj, "total_sectors", g->total_sectors);
		json_put_u64(obj, "luns", g->num_luns);
		json_put_u64(obj, "manufacturer_id", g->manufacturer_id);
		put_known(obj, "product", g->product);
	}
	if (m->has_bad_blocks) {
		obj = json_put_array(root, "bad_blocks");
		for (i = 0; i < m->n_bad_blocks; i++)
			json_add_u64(obj, m->bad_block[i]);
	} else {
		json_put_null(root, "bad_blocks");
	}
}

static void put_table(struct json *root, const struct table *t)
{
	static const char *const kinds[] = { "none", "mibib", "gpt" };
	struct json *obj, *arr;
	size_t i;

	if (t->kind == TABLE_NONE)
		return;
	obj = json_put_object(root, "table");
	json_put_str(obj, "kind", kinds[t->kind]);
	json_put_u64(obj, "age", t->age);
	json_put_u64(obj, "found_sector", t->found_sector);
	json_put_u64(obj, "warnings", t->warnings);
	arr = json_put_array(obj, "partitions");
	for (i = 0; i < t->n; i++) {
		const struct partition *p = &t->part[i];
		struct json *row = json_add_object(arr);

		json_put_str(row, "name", p->name);
		json_put_u64(row, "lun", p->at.lun);
		json_put_u64(row, "start", p->at.start);
		json_put_u64(row, "count", p->at.count);
		if (t->kind == TABLE_MIBIB) {
			json_put_hex(row, "attr", SLICE(p->attr, sizeof(p->attr)));
		} else {
			put_hex64(row, "gpt_attr", p->gpt_attr);
			json_put_hex(row, "type_guid", SLICE(p->type_guid, sizeof(p->type_guid)));
		}
	}
}

static void put_judgement(struct json *root, const struct manifest *m)
{
	struct json *obj = json_put_object(root, "listed"), *arr;
	size_t i;

	if (m->has_listed_efs)
		json_put_u64(obj, "efs", m->listed_efs);
	if (m->has_listed_nv)
		json_put_u64(obj, "nv", m->listed_nv);
	arr = json_put_array(root, "missing");
	for (i = 0; i < m->n_gaps; i++) {
		struct json *row = json_add_object(arr);

		json_put_str(row, "what", m->gap[i].what);
		json_put_str(row, "how", gap_how_name(m->gap[i].how));
		json_put_str(row, "why", m->gap[i].why);
		if (m->gap[i].is_folder)
			json_put_bool(row, "folder", true);
	}
	obj = json_put_object(root, "verdict");
	json_put_str(obj, "is", verdict_name(m->verdict));
	json_put_bool(obj, "as_asked", m->as_asked);
	put_texts(obj, "reasons", m->reason, m->n_reasons);
}

static void put_item(struct json *obj, const struct manifest_item *it)
{
	json_put_str(obj, "name", it->name);
	json_put_str(obj, "kind", item_kind_name(it->kind));
	json_put_str(obj, "state", it->state == ITEM_COMPLETE ? "complete" : "partial");
	if (it->state != ITEM_COMPLETE)
		put_known(obj, "reason", it->reason);
	if (manifest_item_has_bytes(it)) {
		json_put_u64(obj, "size", it->size);
		json_put_str(obj, "sha256", it->sha256);
	}
	if (it->kind == ITEM_RAW) {
		put_known(obj, "partition", it->raw.partition);
		json_put_u64(obj, "lun", it->raw.at.lun);
		json_put_u64(obj, "start", it->raw.at.start);
		json_put_u64(obj, "count", it->raw.at.count);
		put_known(obj, "map", it->raw.map);
		json_put_u64(obj, "reads", it->raw.reads);
	} else if (it->kind == ITEM_EFS) {
		json_put_u64(obj, "mode", it->efs.mode);
		json_put_u64(obj, "mtime", it->efs.mtime);
		if (it->efs.flags)
			json_put_u64(obj, "flags", it->efs.flags);
		if (it->efs.target)
			json_put_str(obj, "target", it->efs.target);
	} else if (it->kind == ITEM_NV) {
		json_put_u64(obj, "id", it->nv.id);
		json_put_u64(obj, "index", it->nv.index);
		json_put_u64(obj, "sim", it->nv.sim);
	}
}

static int dump_add(const struct json *node, int indent, struct buf *out, struct err *e)
{
	_cleanup_free_ char *text = NULL;

	if (json_dump(node, indent, &text, e) < 0)
		return -1;
	return buf_add(out, text, strlen(text), e);
}

int manifest_item_write(const struct manifest_item *it, struct buf *out, struct err *e)
{
	struct json *obj = json_object_new();
	int r;

	put_item(obj, it);
	r = dump_add(obj, 0, out, e);
	json_free(obj);
	return r;
}

static int head_write(const struct manifest *m, struct buf *out, struct err *e)
{
	struct json *root = json_object_new();
	int r;

	json_put_u64(root, "salvor_snapshot", MANIFEST_FORMAT);
	json_put_str(root, "tool", m->tool ? m->tool : "");
	json_put_str(root, "name", m->name ? m->name : "");
	put_made(root, m);
	put_module(root, &m->module);
	put_storage(root, m);
	put_table(root, &m->table);
	put_judgement(root, m);
	r = dump_add(root, 1, out, e);
	json_free(root);
	return r;
}

int manifest_write(const struct manifest *m, struct buf *out, struct err *e)
{
	static const char items[] = ",\n \"items\": [\n", sep[] = ",\n", end[] = "\n ]\n}\n";
	size_t i;

	if (head_write(m, out, e) < 0)
		return -1;
	/* The head ends in "\n}": the items go in front of that. */
	out->n -= 2;
	if (buf_add(out, items, sizeof(items) - 1, e) < 0)
		return -1;
	for (i = 0; i < m->n_items; i++) {
		if (i && buf_add(out, sep, sizeof(sep) - 1, e) < 0)
			return -1;
		if (manifest_item_write(&m->item[i], out, e) < 0)
			return -1;
	}
	return buf_add(out, end, sizeof(end) - 1, e);
}
