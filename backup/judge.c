#include "backup/judge.h"

#include "model/nv_names.h"
#include "model/partition_kind.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RFNV     "/nv/item_files/rfnv/"
#define EFS_TOP  "diag/efs"
#define MODE_DIR 0040000u

/* Folders of the modem's file system and what they are worth: docs/protocols.md, what lives where. The
 * longest match counts. */
static const struct {
	const char *path;
	enum judge_weight weight;
} places[] = {
	{ "/cgps", JUDGE_SETTING },
	{ "/crash", JUDGE_CACHE },
	{ "/data", JUDGE_SETTING },
	{ "/datamodem", JUDGE_SETTING },
	{ "/ds", JUDGE_SETTING },
	{ "/eHRPD", JUDGE_SETTING },
	{ "/efsprofiles", JUDGE_SETTING },
	{ "/err", JUDGE_CACHE },
	{ "/gnss", JUDGE_SETTING },
	{ "/ims", JUDGE_SETTING },
	{ "/log", JUDGE_CACHE },
	{ "/mcfg", JUDGE_SETTING },
	{ "/mdb", JUDGE_SETTING },
	{ "/mdm", JUDGE_SETTING },
	{ "/nv/item_files/conf", JUDGE_SETTING },
	{ "/nv/item_files/data", JUDGE_SETTING },
	{ "/nv/item_files/gps", JUDGE_SETTING },
	{ "/nv/item_files/ims", JUDGE_SETTING },
	{ "/nv/item_files/mcfg", JUDGE_SETTING },
	{ "/nv/item_files/nv", JUDGE_UNIT },
	{ "/nv/item_files/rfnv", JUDGE_UNIT },
	{ "/nv/item_files/wlan", JUDGE_SETTING },
	{ "/nvm", JUDGE_UNIT },
	{ "/nvm/alpha", JUDGE_CACHE },
	{ "/pdp_profiles", JUDGE_SETTING },
	{ "/public", JUDGE_CACHE },
	{ "/rfc", JUDGE_UNIT },
	{ "/rmnet_config.txt", JUDGE_SETTING },
	{ "/sdr", JUDGE_CACHE },
};

/* Projects and their chips: docs/protocols.md. Backups of 5G modules that QPST made hold 693 to 1020
 * RF items, SDX72/75 reports say 1000 to 3000; a tenth of the least is far below any such module and
 * far above what a broken listing leaves. The MDM9x07 and SDX20 families keep most of their RF data
 * in numbered items, so a few are asked for only of what is known to have many. */
static const struct judge_model models[] = {
	{ "RM500Q", 70 },  { "RM502Q", 70 },  { "RM505Q", 70 },  { "RM510Q", 70 }, { "RG500Q", 70 },
	{ "RG501Q", 70 },  { "RG502Q", 70 },  { "AG550Q", 70 },  { "RM520N", 70 }, { "RM520F", 70 },
	{ "RM521F", 70 },  { "RM530F", 70 },  { "RM530N", 70 },  { "RG520N", 70 }, { "RG520F", 70 },
	{ "RG525F", 70 },  { "RG530F", 70 },  { "RM550V", 100 }, { "RM551E", 100 }, { "RG650V", 100 },
	{ "RG650E", 100 }, { "", 0 },
};

const struct judge_model *judge_model_find(const char *revision)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(models) - 1; i++) {
		if (revision && strncmp(revision, models[i].project, strlen(models[i].project)) == 0)
			return &models[i];
	}
	return &models[ARRAY_SIZE(models) - 1];
}

/* Is `path` that place, or below it? */
static bool is_below(const char *path, const char *place)
{
	size_t n = strlen(place);

	return strncmp(path, place, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

enum judge_weight judge_path(const char *path)
{
	enum judge_weight weight = JUDGE_MODEL;
	size_t best = 0, i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (strlen(places[i].path) > best && is_below(path, places[i].path)) {
			best = strlen(places[i].path);
			weight = places[i].weight;
		}
	}
	return weight;
}

/* What is in the manifest, counted in one walk. */
struct tally {
	size_t efs, nv, rfnv, nv_rf; /* items */
	bool has_imei;   /* NV 550, over DIAG in either form */
	bool raw_efs;    /* the modem's file system, raw and whole */
	bool any_raw_efs;
	bool once;       /* and read once only */
};

struct judging {
	struct manifest *m;
	struct tally t;
	enum verdict verdict;
	bool as_asked;
	size_t unsaid; /* reasons past the cap */
	bool failed;
	struct err *e;
};

static void say(struct judging *j, const char *fmt, ...) _printf_(2, 3);

/* A reason; room is kept for the line that says how many did not fit. */
static void say(struct judging *j, const char *fmt, ...)
{
	char text[MANIFEST_TEXT_LINE];
	va_list ap;

	if (j->m->n_reasons >= MANIFEST_MAX_REASONS - 2) {
		j->unsaid++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (manifest_add_reason(j->m, text, j->e) < 0)
		j->failed = true;
}

static void lower(struct judging *j, enum verdict to)
{
	if (to < j->verdict)
		j->verdict = to;
}

/* The raw forms of the modem's file system: on NAND one partition, on eMMC a pair. */
static bool holds_efs(const char *partition)
{
	return strcasecmp(partition, "efs2") == 0 || strcasecmp(partition, "modemst1") == 0 ||
	       strcasecmp(partition, "modemst2") == 0;
}

/* Does the item show that this unit was calibrated, or how its radio is built? */
static bool is_rf_item(unsigned id)
{
	const struct nv_name *known = id <= UINT16_MAX ? nv_name_find((uint16_t)id) : NULL;

	return known && (known->cls == NV_CLASS_CALIBRATION || known->cls == NV_CLASS_HARDWARE);
}

static void tally_file(struct tally *t, const char *path, bool whole)
{
	unsigned id;

	t->efs++;
	if (!whole)
		return;
	t->rfnv += strncmp(path, RFNV, sizeof(RFNV) - 1) == 0;
	if (sscanf(path, "/nvm/num/%u", &id) == 1 || sscanf(path, "/nv/item_files/nv/%u", &id) == 1) {
		t->has_imei |= id == 550;
		t->nv_rf += is_rf_item(id);
	}
}

static void tally_item(struct tally *t, const struct manifest_item *it)
{
	bool whole = it->state == ITEM_COMPLETE;

	if (it->kind == ITEM_RAW && it->raw.partition &&
	    holds_efs(partition_plain_name(it->raw.partition))) {
		t->any_raw_efs = true;
		t->raw_efs |= whole;
		t->once |= it->raw.reads < 2;
	} else if (it->kind == ITEM_NV) {
		t->nv++;
		t->has_imei |= whole && it->nv.id == 550 && it->size > 0;
		t->nv_rf += whole && is_rf_item(it->nv.id);
	} else if (it->kind == ITEM_EFS && (it->efs.mode & 0170000) != MODE_DIR &&
		   strncmp(it->name, EFS_TOP "/", sizeof(EFS_TOP)) == 0) {
		tally_file(t, it->name + sizeof(EFS_TOP) - 1, whole && it->size > 0);
	}
}

static void judge_items(struct judging *j)
{
	const struct manifest *m = j->m;
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];

		tally_item(&j->t, it);
		if (it->state == ITEM_COMPLETE)
			continue;
		say(j, "%s is not whole: %s", it->name, it->reason ? it->reason : "no reason given");
		lower(j, VERDICT_PARTIAL);
		j->as_asked = false;
	}
}

static const char *how_text(enum gap_how how)
{
	return how == GAP_REFUSED ? "the module refused it" :
	       how == GAP_SKIPPED ? "it was left out" :
				    "it could not be read";
}

static void judge_gaps(struct judging *j)
{
	size_t i;

	for (i = 0; i < j->m->n_gaps; i++) {
		const struct manifest_gap *g = &j->m->gap[i];
		/* What is not a path is a partition or an NV item: of this unit until shown otherwise. */
		enum judge_weight weight = g->what[0] == '/' ? judge_path(g->what) : JUDGE_UNIT;
		unsigned id;

		if (g->how == GAP_ABSENT)
			continue;
		/* Secrets and locked items stay on the module by its own will, and on it they survive. */
		if (sscanf(g->what, "nv %u", &id) == 1 && g->how != GAP_FAILED)
			weight = id <= UINT16_MAX && nv_is_secret((uint16_t)id) ? JUDGE_SETTING :
										  JUDGE_MODEL;
		if (g->how == GAP_FAILED || (g->how == GAP_REFUSED && weight >= JUDGE_MODEL))
			j->as_asked = false;
		if (weight == JUDGE_CACHE)
			continue;
		say(j, "%s%s is missing: %s%s%s", g->is_folder ? "folder " : "", g->what, how_text(g->how),
		    g->why[0] ? ", " : "", g->why);
		/* A refused setting is a remark; a refused folder may hide anything. */
		if (weight >= JUDGE_MODEL || g->how == GAP_FAILED || g->is_folder)
			lower(j, VERDICT_PARTIAL);
	}
}

/* Fewer than the module listed means that some were lost without a word. More is normal: probed
 * paths are in no listing. */
static void judge_counts(struct judging *j)
{
	const struct manifest *m = j->m;
	size_t efs_gaps = 0, nv_gaps = 0, i;

	for (i = 0; i < m->n_gaps; i++) {
		efs_gaps += m->gap[i].what[0] == '/' && !m->gap[i].is_folder;
		nv_gaps += strncmp(m->gap[i].what, "nv ", 3) == 0;
	}
	if (m->has_listed_efs && j->t.efs + efs_gaps < m->listed_efs) {
		say(j, "the module lists %" PRIu32 " files, the backup accounts for %zu", m->listed_efs,
		    j->t.efs + efs_gaps);
		lower(j, VERDICT_PARTIAL);
		j->as_asked = false;
	}
	if (m->has_listed_nv && j->t.nv + nv_gaps < m->listed_nv) {
		say(j, "the module lists %" PRIu32 " NV items, the backup accounts for %zu", m->listed_nv,
		    j->t.nv + nv_gaps);
		lower(j, VERDICT_PARTIAL);
		j->as_asked = false;
	}
}

static bool has_partition(const struct manifest *m, const struct partition *p)
{
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		const struct manifest_item *it = &m->item[i];

		if (it->kind == ITEM_RAW && it->raw.at.lun == p->at.lun &&
		    it->raw.at.start == p->at.start && it->raw.at.count == p->at.count)
			return true;
	}
	return false;
}

/* Everything of this unit that the module's own table lists must be there. */
static void judge_edl(struct judging *j)
{
	const struct manifest *m = j->m;
	size_t i;

	if (!(m->asked & MANIFEST_EDL))
		return;
	if (m->table.kind == TABLE_NONE) {
		say(j, "the partition table could not be read, so nobody knows what is missing");
		lower(j, VERDICT_PARTIAL);
	}
	for (i = 0; i < m->table.n; i++) {
		const struct partition *p = &m->table.part[i];

		if (!(partition_kind(p->name) & PART_UNIT) || has_partition(m, p))
			continue;
		say(j, "partition %s, which belongs to this unit alone, is not in the backup",
		    partition_plain_name(p->name));
		lower(j, VERDICT_PARTIAL);
		if (m->n_only == 0)
			j->as_asked = false;
	}
	if (j->t.raw_efs && j->t.once)
		say(j, "the modem's file system was read once only");
}

/* Could the module be brought back from this? Raw EFS alone can do it; over DIAG, identity and RF data
 * must have come. */
static void judge_minimum(struct judging *j)
{
	const struct judge_model *model = judge_model_find(j->m->module.revision);
	const struct tally *t = &j->t;
	bool has_rf = t->rfnv > 0 || t->nv_rf > 0;

	if (t->raw_efs)
		return;
	if (t->any_raw_efs) {
		say(j, "the raw copy of the modem's file system is not whole");
		lower(j, VERDICT_PARTIAL);
	}
	if (!t->has_imei && !has_rf) {
		say(j, "it holds neither identity nor RF calibration, raw or as files: it would not bring "
		       "the module back");
		lower(j, VERDICT_UNUSABLE);
		return;
	}
	if (!t->has_imei) {
		say(j, "the IMEI item (NV 550) is not in the backup");
		lower(j, VERDICT_PARTIAL);
	}
	if (!has_rf) {
		say(j, "there is no RF calibration in the backup: the module would have no radio");
		lower(j, VERDICT_UNUSABLE);
	} else if (t->rfnv < model->min_rfnv) {
		say(j, "%zu RF items, and a %s has at least %u: they were not read, or the module has lost "
		       "them",
		    t->rfnv, model->project, model->min_rfnv);
		lower(j, VERDICT_PARTIAL);
	}
}

/* What a person may name: a partition, an item, or a folder of items. */
static bool is_named(const struct manifest_item *it, const char *name)
{
	if (it->kind == ITEM_RAW && it->raw.partition &&
	    strcasecmp(partition_plain_name(it->raw.partition), partition_plain_name(name)) == 0)
		return true;
	return is_below(it->name, name);
}

static bool has_named(const struct manifest *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		if (is_named(&m->item[i], name))
			return true;
	}
	return false;
}

static void judge_scope(struct judging *j)
{
	const struct manifest *m = j->m;
	unsigned silent = m->asked & ~m->via;
	size_t i;

	if (m->n_only) {
		say(j, "only parts were asked for, beginning with '%.80s'", m->only[0]);
		lower(j, VERDICT_PARTIAL);
	}
	for (i = 0; i < m->n_only; i++) {
		if (!has_named(m, m->only[i])) {
			say(j, "'%.80s' was asked for and is not there", m->only[i]);
			j->as_asked = false;
		}
	}
	if (silent) {
		say(j, "nothing came over%s%s%s", silent & MANIFEST_AT ? " AT" : "",
		    silent & MANIFEST_DIAG ? " DIAG" : "", silent & MANIFEST_EDL ? " EDL" : "");
		/* AT answers describe the module; they restore nothing. */
		if (silent & ~(unsigned)MANIFEST_AT)
			lower(j, VERDICT_PARTIAL);
		j->as_asked = false;
	}
	if (!m->module.chip.has_serial && m->module.n_imeis == 0 && !m->module.serial)
		say(j, "the module told no identity: nothing proves which one this is");
}

int judge(struct manifest *m, struct err *e)
{
	struct judging j = { .m = m, .verdict = VERDICT_COMPLETE, .as_asked = true, .e = e };

	manifest_clear_reasons(m);
	judge_items(&j);
	judge_minimum(&j);
	judge_scope(&j);
	judge_edl(&j);
	judge_counts(&j);
	judge_gaps(&j);
	if (j.unsaid && !j.failed) {
		char text[64];

		snprintf(text, sizeof(text), "and %zu more of this kind", j.unsaid);
		j.failed = manifest_add_reason(m, text, e) < 0;
	}
	if (j.failed)
		return -1;
	m->verdict = j.verdict;
	m->as_asked = j.as_asked;
	return 0;
}
