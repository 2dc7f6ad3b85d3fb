#include "model/manifest.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MODE_TYPE   0170000u
#define MODE_FOLDER 0040000u
#define MODE_LINK   0120000u

static const char *const verdict_names[] = { "unusable", "partial", "complete" };
static const char *const kind_names[] = { "other", "raw", "block-map", "efs", "nv", "at", "xqcn" };
static const char *const how_names[] = { "refused", "failed", "skipped", "absent" };

static int name_index(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

const char *verdict_name(enum verdict v)
{
	return (size_t)v < ARRAY_SIZE(verdict_names) ? verdict_names[v] : "?";
}

const char *item_kind_name(enum item_kind k)
{
	return (size_t)k < ARRAY_SIZE(kind_names) ? kind_names[k] : "?";
}

const char *gap_how_name(enum gap_how h)
{
	return (size_t)h < ARRAY_SIZE(how_names) ? how_names[h] : "?";
}

int verdict_parse(const char *name)
{
	return name_index(verdict_names, ARRAY_SIZE(verdict_names), name);
}

int item_kind_parse(const char *name)
{
	return name_index(kind_names, ARRAY_SIZE(kind_names), name);
}

int gap_how_parse(const char *name)
{
	return name_index(how_names, ARRAY_SIZE(how_names), name);
}

void manifest_init(struct manifest *m)
{
	*m = (struct manifest){ .verdict = VERDICT_UNUSABLE };
}

void manifest_item_fini(struct manifest_item *it)
{
	free(it->name);
	free(it->reason);
	free(it->raw.partition);
	free(it->raw.map);
	free(it->efs.target);
	*it = (struct manifest_item){ 0 };
}

static void texts_free(char ***list, size_t *n)
{
	while (*n)
		free((*list)[--*n]);
	free(*list);
	*list = NULL;
}

void manifest_clear_reasons(struct manifest *m)
{
	texts_free(&m->reason, &m->n_reasons);
}

void manifest_fini(struct manifest *m)
{
	size_t i;

	free(m->name);
	free(m->tool);
	texts_free(&m->only, &m->n_only);
	texts_free(&m->reason, &m->n_reasons);
	free(m->module.maker);
	free(m->module.model);
	free(m->module.revision);
	free(m->module.serial);
	table_fini(&m->table);
	free(m->bad_block);
	for (i = 0; i < m->n_gaps; i++) {
		free(m->gap[i].what);
		free(m->gap[i].why);
	}
	free(m->gap);
	for (i = 0; i < m->n_items; i++)
		manifest_item_fini(&m->item[i]);
	free(m->item);
	manifest_init(m);
}

int manifest_set(char **place, const char *text, struct err *e)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return err_nomem(e);
	}
	free(*place);
	*place = copy;
	return 0;
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\';
}

int manifest_name_check(const char *name, struct err *e)
{
	const char *part = name, *c;

	if (strnlen(name, MANIFEST_NAME_MAX + 1) > MANIFEST_NAME_MAX)
		return err_set(e, ERR_PROTO, "item name '%.40s...' is longer than %d bytes", name,
			       MANIFEST_NAME_MAX);
	if (strcmp(name, "manifest.json") == 0 || strcmp(name, "SHA256SUMS") == 0)
		return err_set(e, ERR_PROTO, "'%s' cannot be the name of an item", name);
	for (c = name;; c++) {
		size_t n = (size_t)(c - part);

		if (*c && *c != '/') {
			if (is_plain(*c))
				continue;
			return err_set(e, ERR_PROTO, "item name has byte 0x%02x at %zu, which is not allowed",
				       (unsigned char)*c, (size_t)(c - name));
		}
		if (n == 0)
			return err_set(e, ERR_PROTO, "item name '%s' has an empty component", name);
		if ((n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0))
			return err_set(e, ERR_PROTO, "item name '%s' leaves its folder", name);
		if (n > 255)
			return err_set(e, ERR_PROTO,
				       "item name '%.60s...' has a component of %zu bytes, more than 255",
				       name, n);
		if (*c == '\0')
			return 0;
		part = c + 1;
	}
}

int manifest_own_name_check(const char *name, struct err *e)
{
	struct err why = ERR_INIT;

	if (strchr(name, '/') || name[0] == '.' || name[0] == '-' || strlen(name) > 200)
		return err_set(e, ERR_USAGE,
			       "'%.60s' is not a name for a snapshot: up to 200 letters and digits, "
			       "without a slash, not beginning with a dot or hyphen",
			       name);
	if (manifest_name_check(name, &why) < 0)
		return err_set(e, ERR_USAGE, "not a name for a snapshot: %s", why.msg);
	return 0;
}

/* '%' itself is escaped, so that the way back has one answer; so is a component of dots only. */
static bool is_escaped(const char *path, size_t i)
{
	bool at_start = i == 0 || path[i - 1] == '/';
	const char *p = path + i;

	if (!is_plain(path[i]) || path[i] == '%')
		return true;
	return at_start && (strcmp(p, ".") == 0 || strcmp(p, "..") == 0 || strncmp(p, "./", 2) == 0 ||
			    strncmp(p, "../", 3) == 0);
}

int manifest_name_of_path(const char *prefix, const char *path, char **ret, struct err *e)
{
	size_t n = strlen(path), used = strlen(prefix), i;
	_cleanup_free_ char *out = NULL;

	if (n > 4096)
		return err_set(e, ERR_PROTO, "a path of %zu bytes is no path of a module", n);
	while (*path == '/') {
		path++;
		n--;
	}
	out = malloc(used + 1 + 3 * n + 1);
	if (!out)
		return err_nomem(e);
	memcpy(out, prefix, used);
	out[used++] = '/';
	for (i = 0; i < n; i++) {
		if (is_escaped(path, i)) {
			out[used++] = '%';
			hex_encode(out + used, SLICE(path + i, 1));
			used += 2;
		} else {
			out[used++] = path[i];
		}
	}
	out[used] = '\0';
	if (manifest_name_check(out, e) < 0)
		return -1;
	*ret = steal_ptr(&out);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int manifest_path_of_name(const char *prefix, const char *name, char **ret, struct err *e)
{
	size_t skip = strlen(prefix), n = 0;
	const char *p;
	char *out;

	if (strncmp(name, prefix, skip) != 0 || name[skip] != '/')
		return err_set(e, ERR_PROTO, "item '%s' is not below '%s'", name, prefix);
	out = malloc(strlen(name) - skip + 1);
	if (!out)
		return err_nomem(e);
	for (p = name + skip; *p; p++) {
		int hi, lo;

		if (*p != '%') {
			out[n++] = *p;
			continue;
		}
		hi = hex_digit(p[1]);
		lo = hi < 0 ? -1 : hex_digit(p[2]);
		if (lo < 0 || hi + lo == 0) {
			free(out);
			return err_set(e, ERR_PROTO, "item name '%s' has a bad escape", name);
		}
		out[n++] = (char)(hi << 4 | lo);
		p += 2;
	}
	out[n] = '\0';
	*ret = out;
	return 0;
}

bool manifest_item_has_bytes(const struct manifest_item *it)
{
	uint32_t type = it->efs.mode & MODE_TYPE;

	return it->kind != ITEM_EFS || (type != MODE_FOLDER && type != MODE_LINK);
}

/* Room for one more in a growing array; NULL when out of memory, and the array is as it was. */
static void *grown(void *array, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? 2 * *cap : 32;

	if (n < *cap)
		return array;
	array = realloc(array, want * size);
	if (array)
		*cap = want;
	return array;
}

static int item_copy(struct manifest_item *to, const struct manifest_item *from, struct err *e)
{
	*to = *from;
	to->name = to->reason = to->raw.partition = to->raw.map = to->efs.target = NULL;
	if (manifest_set(&to->name, from->name, e) < 0 ||
	    manifest_set(&to->reason, from->reason, e) < 0 ||
	    manifest_set(&to->raw.partition, from->raw.partition, e) < 0 ||
	    manifest_set(&to->raw.map, from->raw.map, e) < 0 ||
	    manifest_set(&to->efs.target, from->efs.target, e) < 0) {
		manifest_item_fini(to);
		return -1;
	}
	return 0;
}

int manifest_add(struct manifest *m, const struct manifest_item *it, struct err *e)
{
	struct manifest_item *room;

	if (manifest_name_check(it->name, e) < 0)
		return -1;
	if (m->n_items == MANIFEST_MAX_ITEMS)
		return err_set(e, ERR_PROTO, "more than %d items", MANIFEST_MAX_ITEMS);
	room = grown(m->item, m->n_items, &m->cap_items, sizeof(*room));
	if (!room)
		return err_nomem(e);
	m->item = room;
	if (item_copy(&m->item[m->n_items], it, e) < 0)
		return -1;
	m->n_items++;
	return 0;
}

int manifest_add_gap(struct manifest *m, enum gap_how how, bool is_folder, const char *what,
		     const char *why, struct err *e)
{
	struct manifest_gap gap = { .how = how, .is_folder = is_folder };
	struct manifest_gap *room;

	if (m->n_gaps == MANIFEST_MAX_GAPS)
		return err_set(e, ERR_PROTO, "more than %d things missing", MANIFEST_MAX_GAPS);
	room = grown(m->gap, m->n_gaps, &m->cap_gaps, sizeof(*room));
	if (!room)
		return err_nomem(e);
	m->gap = room;
	/* Cut to what a reader takes. */
	gap.what = strndup(what, 4096);
	gap.why = strndup(why, MANIFEST_TEXT_LINE);
	if (!gap.what || !gap.why) {
		free(gap.what);
		free(gap.why);
		return err_nomem(e);
	}
	m->gap[m->n_gaps++] = gap;
	return 0;
}

static int text_add(char ***list, size_t *n, size_t max, const char *text, struct err *e)
{
	char *copy, **room;

	if (*n == max)
		return err_set(e, ERR_PROTO, "a list has more than %zu texts", max);
	copy = strndup(text, MANIFEST_TEXT_LINE);
	if (!copy)
		return err_nomem(e);
	room = realloc(*list, (*n + 1) * sizeof(*room));
	if (!room) {
		free(copy);
		return err_nomem(e);
	}
	*list = room;
	room[(*n)++] = copy;
	return 0;
}

int manifest_add_reason(struct manifest *m, const char *text, struct err *e)
{
	return text_add(&m->reason, &m->n_reasons, MANIFEST_MAX_REASONS, text, e);
}

int manifest_add_only(struct manifest *m, const char *name, struct err *e)
{
	return text_add(&m->only, &m->n_only, MANIFEST_MAX_ONLY, name, e);
}

const struct manifest_item *manifest_find(const struct manifest *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_items; i++) {
		if (strcmp(m->item[i].name, name) == 0)
			return &m->item[i];
	}
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct manifest_item *const *)a)->name,
		      (*(const struct manifest_item *const *)b)->name);
}

static const struct manifest_item *sorted_find(const struct manifest_item **sorted, size_t n,
					       const char *name)
{
	struct manifest_item key = { .name = (char *)(uintptr_t)name };
	const struct manifest_item *k = &key, **hit;

	hit = bsearch(&k, sorted, n, sizeof(*sorted), by_name);
	return hit ? *hit : NULL;
}

static int names_check(const struct manifest_item **sorted, size_t n, struct err *e)
{
	char above[MANIFEST_NAME_MAX + 1];
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = sorted[i]->name;
		char *slash;

		if (i && strcmp(sorted[i - 1]->name, name) == 0)
			return err_set(e, ERR_PROTO, "item '%s' is there twice", name);
		memcpy(above, name, strlen(name) + 1);
		while ((slash = strrchr(above, '/')) != NULL) {
			const struct manifest_item *it;

			*slash = '\0';
			it = sorted_find(sorted, n, above);
			if (it && manifest_item_has_bytes(it))
				return err_set(e, ERR_PROTO, "item '%s' is below '%s', which is a file",
					       name, above);
		}
	}
	return 0;
}

static int raw_check(const struct manifest *m, const struct manifest_item *it,
		     const struct manifest_item **sorted, struct err *e)
{
	const struct manifest_item *map;
	uint64_t bytes;

	if (it->raw.map) {
		map = sorted_find(sorted, m->n_items, it->raw.map);
		if (!map || map->kind != ITEM_BLOCKMAP)
			return err_set(e, ERR_PROTO, "item '%s' has no block map '%s'", it->name,
				       it->raw.map);
	}
	if (!m->has_geometry || m->geometry.sector_size == 0)
		return err_set(e, ERR_PROTO, "item '%s' is raw, but the sector size is not known",
			       it->name);
	if (extent_bytes(&it->raw.at, m->geometry.sector_size, &bytes, e) < 0)
		return err_set(e, ERR_PROTO, "item '%s' has an extent that cannot be", it->name);
	if (it->state == ITEM_COMPLETE ? it->size != bytes : it->size > bytes)
		return err_set(e, ERR_PROTO,
			       "item '%s' has %" PRIu64 " bytes, but its extent has %" PRIu64, it->name,
			       it->size, bytes);
	return 0;
}

int manifest_check(const struct manifest *m, struct err *e)
{
	_cleanup_free_ const struct manifest_item **sorted = NULL;
	size_t i;

	if (m->n_items == 0)
		return 0;
	sorted = malloc(m->n_items * sizeof(*sorted));
	if (!sorted)
		return err_nomem(e);
	for (i = 0; i < m->n_items; i++)
		sorted[i] = &m->item[i];
	qsort(sorted, m->n_items, sizeof(*sorted), by_name);
	if (names_check(sorted, m->n_items, e) < 0)
		return -1;
	for (i = 0; i < m->n_items; i++) {
		if (m->item[i].kind == ITEM_RAW && raw_check(m, &m->item[i], sorted, e) < 0)
			return -1;
	}
	return 0;
}

static bool has_imei(const struct manifest_module *m, const char *digits)
{
	size_t i;

	for (i = 0; i < m->n_imeis; i++) {
		if (strcmp(m->imei[i].digits, digits) == 0)
			return true;
	}
	return false;
}

enum manifest_same manifest_same_module(const struct manifest_module *a,
					const struct manifest_module *b)
{
	enum manifest_same same = MODULE_UNKNOWN;
	size_t i, usable = 0;

	if (a->chip.has_hwid && b->chip.has_hwid && a->chip.msm_id != b->chip.msm_id)
		return MODULE_OTHER;
	/* Fuses have the last word: what is written to flash can be wiped, restored or foreign. */
	if (a->chip.has_serial && b->chip.has_serial)
		return a->chip.serial == b->chip.serial ? MODULE_SAME : MODULE_OTHER;
	if (a->serial && b->serial) {
		if (strcmp(a->serial, b->serial) != 0)
			return MODULE_OTHER;
		same = MODULE_SAME;
	}
	/* A wiped module answers with a placeholder: that says nothing. */
	for (i = 0; i < a->n_imeis; i++) {
		if (imei_is_placeholder(a->imei[i].digits))
			continue;
		usable++;
		if (has_imei(b, a->imei[i].digits))
			return MODULE_SAME;
	}
	if (usable == 0 || same == MODULE_SAME)
		return same;
	for (i = 0; i < b->n_imeis; i++) {
		if (!imei_is_placeholder(b->imei[i].digits))
			return MODULE_OTHER;
	}
	return same;
}
