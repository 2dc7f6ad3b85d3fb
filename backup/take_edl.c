/* The part of take.h that reads storage. */
#include "backup/take.h"

#include "backup/pull_file.h"
#include "image/dumpmap.h"
#include "model/partition_kind.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TAG "backup"
/* What programmers answer for pages that were never programmed (docs/protocols.md). */
#define FILLER 0xee

static void plain_name(const char *name, char *out, size_t cap)
{
	size_t i;

	snprintf(out, cap, "%s", partition_plain_name(name));
	for (i = 0; out[i]; i++) {
		unsigned char c = (unsigned char)out[i];

		out[i] = isalnum(c) || strchr("._-+", c) ? (char)tolower(c) : '-';
	}
	if (out[0] == '.')
		out[0] = '_';
}

void take_item_name(const struct table *table, const struct place *p, char *out, size_t cap)
{
	char mine[PARTITION_NAME_MAX + 1], other[PARTITION_NAME_MAX + 1];
	size_t i, like = 0;

	if (p->is_raw) {
		snprintf(out, cap, "edl/%" PRIu32 "-%" PRIu64 "+%" PRIu64 ".bin", p->at.lun, p->at.start,
			 p->at.count);
		return;
	}
	plain_name(p->name, mine, sizeof(mine));
	for (i = 0; i < table->n; i++) {
		plain_name(table->part[i].name, other, sizeof(other));
		like += strcmp(mine, other) == 0;
	}
	if (like > 1)
		snprintf(out, cap, "edl/%s@%" PRIu32 "-%" PRIu64 ".bin", mine, p->at.lun, p->at.start);
	else
		snprintf(out, cap, "edl/%s.bin", mine);
}

/* The modem's file system itself, in either form: what two reads must agree on. */
static bool is_read_twice(const struct place *p)
{
	const char *name = partition_plain_name(p->name);

	return (p->kind & PART_EFS) || strcasecmp(name, "modemst1") == 0 ||
	       strcasecmp(name, "modemst2") == 0;
}

struct reading {
	struct take *t;
	const struct take_edl *in;
	const struct place *place;
	struct pull pull;
	char name[PARTITION_NAME_MAX + 64], map_name[PARTITION_NAME_MAX + 72];
	uint64_t bytes;
	char sha256[DIGEST_HEX_MAX];
	bool mapped;
	struct blockmap map;
};

static int gap(struct reading *r, enum gap_how how, const char *why, struct err *e)
{
	log_warn(r->t->log, TAG, "%s: %s", r->name, why);
	return manifest_add_gap(snap_manifest(r->t->snap), how, false, r->name, why, e);
}

static int one_read(struct reading *r, struct sink *to, const char *what, struct err *e)
{
	struct digest_sink hashed;
	int result;

	progress_begin(r->t->progress, what, r->bytes);
	digest_sink_init(&hashed, DIGEST_SHA256, to);
	result = pull_extent(&r->pull, &r->place->at, &hashed.sink, r->mapped ? &r->map : NULL, e);
	progress_end(r->t->progress, result == 0);
	if (result == 0)
		digest_final_hex(&hashed.digest, r->sha256);
	return result;
}

static int map_init(struct reading *r, struct err *e)
{
	const struct geometry *g = r->pull.geometry;

	r->map = (struct blockmap){ 0 };
	/* A map counts whole erase blocks: a raw extent that begins inside one has none. */
	r->mapped = geometry_is_nand(g) && g->sectors_per_block &&
		    r->place->at.start % g->sectors_per_block == 0;
	return r->mapped ? blockmap_init(&r->map, g->sector_size, g->sectors_per_block, FILLER, e) : 0;
}

/* *ret_same: does a second read give the same? What the module refuses now is no agreement. */
static int read_again(struct reading *r, bool *ret_same, struct err *e)
{
	struct reading second = *r;
	char what[sizeof(r->name) + 16];
	int result;

	snprintf(what, sizeof(what), "%s again", r->place->name);
	if (map_init(&second, e) < 0)
		return -1;
	result = one_read(&second, NULL, what, e);
	if (second.mapped)
		blockmap_fini(&second.map);
	if (result < 0 && e->kind == ERR_REFUSED) {
		err_clear(e);
		*ret_same = false;
		return 0;
	}
	if (result == 0)
		*ret_same = strcmp(second.sha256, r->sha256) == 0;
	return result;
}

static int add_map(struct reading *r, struct err *e)
{
	struct manifest_item it = { .name = r->map_name, .kind = ITEM_BLOCKMAP };
	struct buf text = BUF_INIT(DUMPMAP_TEXT_MAX);
	int result = dumpmap_write(&r->map, r->sha256, &text, e);

	if (result == 0)
		result = snap_add_bytes(r->t->snap, &it, buf_slice(&text), e);
	buf_fini(&text);
	return result;
}

static int store(struct reading *r, struct sink *to, struct manifest_item *it, struct err *e)
{
	struct blockmap_summary sum;
	char reason[160];
	bool same = true;

	if (one_read(r, to, r->place->name, e) < 0)
		return -1;
	if (!r->in->once && is_read_twice(r->place)) {
		if (read_again(r, &same, e) < 0)
			return -1;
		if (!same) {
			snap_item_abort(r->t->snap);
			return gap(r, GAP_FAILED, "two reads differ: flash or cable is not reliable now", e);
		}
		it->raw.reads = 2;
	}
	if (!r->mapped)
		return snap_item_end_as(r->t->snap, it, NULL, r->sha256, e);
	it->raw.map = r->map_name;
	sum = blockmap_summary(&r->map);
	snprintf(reason, sizeof(reason), "%zu blocks could not be read, %zu hold pages that were not read",
		 sum.bad + sum.unread, sum.filler);
	if (snap_item_end_as(r->t->snap, it, sum.restorable ? NULL : reason, r->sha256, e) < 0)
		return -1;
	return add_map(r, e);
}

static bool is_there(struct reading *r)
{
	const struct manifest_item *it = snap_has(r->t->snap, r->name);

	return it && it->kind == ITEM_RAW && it->raw.at.lun == r->place->at.lun &&
	       it->raw.at.start == r->place->at.start && it->raw.at.count == r->place->at.count &&
	       (!it->raw.map || snap_has(r->t->snap, it->raw.map)) &&
	       (r->in->once || it->raw.reads >= 2 || !is_read_twice(r->place));
}

static int take_place(struct take *t, const struct take_edl *in, const struct place *p, struct err *e)
{
	const struct module *m = in->module;
	struct reading r = { .t = t, .in = in, .place = p };
	struct manifest_item it = { .name = r.name, .kind = ITEM_RAW, .raw = { .at = p->at, .reads = 1 } };
	struct sink *to;
	int result;

	r.pull = (struct pull){ .fh = m->firehose, .geometry = &m->geometry, .progress = t->progress };
	take_item_name(&m->table, p, r.name, sizeof(r.name));
	snprintf(r.map_name, sizeof(r.map_name), "%s.map", r.name);
	if (is_there(&r)) {
		log_info(t->log, TAG, "%s is there already", r.name);
		return 0;
	}
	if (!p->is_raw)
		it.raw.partition = (char *)p->name;
	if (extent_bytes(&p->at, m->geometry.sector_size, &r.bytes, e) < 0 || map_init(&r, e) < 0)
		return err_prefix(e, "'%s'", p->name);
	result = snap_item_begin(t->snap, &it, &to, e);
	if (result == 0) {
		result = store(&r, to, &it, e);
		if (result < 0)
			snap_item_abort(t->snap);
	}
	if (r.mapped)
		blockmap_fini(&r.map);
	if (result < 0 && e->kind == ERR_REFUSED) {
		char why[sizeof(e->msg)];

		memcpy(why, e->msg, sizeof(why));
		err_clear(e);
		return gap(&r, GAP_REFUSED, why, e);
	}
	return result < 0 ? err_prefix(e, "reading '%s'", p->name) : 0;
}

static int copy_table(struct table *to, const struct table *from, struct err *e)
{
	size_t i;

	table_fini(to);
	*to = (struct table){ .kind = from->kind,
			      .age = from->age,
			      .found_sector = from->found_sector,
			      .warnings = from->warnings };
	for (i = 0; i < from->n; i++) {
		if (table_add(to, &from->part[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Bad blocks are not worth losing the backup over: unknown stays unknown. */
static int copy_bad_blocks(struct manifest *m, const struct take_edl *in, struct err *e)
{
	struct firehose_bad_blocks bad = { 0 };

	if (firehose_bad_blocks(in->module->firehose, &bad, e) < 0) {
		if (e->kind != ERR_REFUSED && e->kind != ERR_UNSUPPORTED)
			return -1;
		err_clear(e);
		return 0;
	}
	if (bad.available && bad.n <= MANIFEST_MAX_BLOCKS) {
		free(m->bad_block);
		m->bad_block = bad.block;
		m->n_bad_blocks = bad.n;
		m->has_bad_blocks = true;
		bad.block = NULL;
	}
	firehose_bad_blocks_fini(&bad);
	return 0;
}

/* Does anything but erased flash go by? Two wiped modules are equal and prove nothing. */
struct probe {
	struct sink sink;
	bool any;
};

static int probe_put(struct sink *s, const void *bytes, size_t n, struct err *e)
{
	struct probe *probe = container_of(s, struct probe, sink);

	(void)e;
	probe->any = probe->any || !slice_all(SLICE(bytes, n), 0xff);
	return 0;
}

static const struct manifest_item *own_efs(const struct manifest *m)
{
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];
		struct place p = { .kind = 0 };

		if (it->kind != ITEM_RAW || it->state != ITEM_COMPLETE || !it->raw.partition)
			continue;
		snprintf(p.name, sizeof(p.name), "%s", it->raw.partition);
		p.kind = partition_kind(p.name);
		if (is_read_twice(&p))
			return it;
	}
	return NULL;
}

/* A programmer that runs already does not tell the chip's serial on older chips. The modem's own file
 * system then shows whether this is the module that the backup was begun with: no two have the same. */
static int know_by_content(struct take *t, const struct take_edl *in, struct err *e)
{
	const struct module *mod = in->module;
	const struct manifest *m = snap_manifest(t->snap);
	const struct manifest_item *it = own_efs(m);
	struct pull pull = { .fh = mod->firehose, .geometry = &mod->geometry, .progress = t->progress };
	struct probe probe = { .sink = { probe_put } };
	struct pull_file got;
	int result;

	if (!it)
		return 0;
	progress_begin(t->progress, "is it the same module?", it->size);
	result = pull_to_sink(&pull, &it->raw.at, &probe.sink, &got, e);
	progress_end(t->progress, result == 0);
	if (result < 0)
		return err_prefix(e, "reading '%s' again, to know the module by it", it->raw.partition);
	if (probe.any && strcmp(got.sha256, it->sha256) == 0)
		t->is_bound = true;
	return 0;
}

int take_edl(struct take *t, const struct take_edl *in, struct err *e)
{
	const struct module *mod = in->module;
	struct manifest_module found = { .chip = mod->chip };
	struct manifest *m = snap_manifest(t->snap);
	size_t i;

	if (m->n_items && m->has_geometry && m->geometry.sector_size != mod->geometry.sector_size)
		return err_set(e, ERR_MISMATCH,
			       "the backup '%s' was begun on storage with sectors of %" PRIu32
			       " bytes, and these have %" PRIu32,
			       m->name, m->geometry.sector_size, mod->geometry.sector_size);
	if (m->n_items && !t->is_bound &&
	    manifest_same_module(&m->module, &found) == MODULE_UNKNOWN && know_by_content(t, in, e) < 0)
		return -1;
	if (take_module(t, &found, e) < 0)
		return -1;
	m->has_geometry = true;
	m->geometry = mod->geometry;
	if (copy_table(&m->table, &mod->table, e) < 0 || copy_bad_blocks(m, in, e) < 0 ||
	    snap_save(t->snap, e) < 0)
		return -1;
	if (mod->table.kind == TABLE_NONE && in->n == 0)
		log_warn(t->log, TAG, "no partition table: %s", mod->no_table);
	for (i = 0; i < in->n; i++) {
		if (take_place(t, in, &in->place[i], e) < 0)
			return -1;
	}
	for (i = 0; in->n == 0 && i < mod->table.n; i++) {
		const struct partition *part = &mod->table.part[i];
		struct place p = { .at = part->at, .kind = partition_kind(part->name) };

		snprintf(p.name, sizeof(p.name), "%s", part->name);
		if ((p.kind & PART_UNIT) && take_place(t, in, &p, e) < 0)
			return -1;
	}
	/* Blocks that turned out bad while reading. */
	if (copy_bad_blocks(m, in, e) < 0)
		return -1;
	m->via |= MANIFEST_EDL;
	return snap_save(t->snap, e);
}
