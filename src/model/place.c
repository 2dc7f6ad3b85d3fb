#include "model/place.h"

#include "base/bytes.h"
#include "model/partition_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int resolve_raw(const struct table *t, const struct geometry *g, const char *text,
		       struct place *ret, struct err *e)
{
	struct place p = { .is_raw = true };
	struct extent whole;
	size_t i;

	if (extent_parse(text, &p.at, e) < 0)
		return -1;
	if (p.at.lun >= MAX_OF(g->num_luns, 1u))
		return err_set(e, ERR_MISMATCH, "'%s': the storage has %u LUN(s)", text,
			       g->num_luns);
	whole = (struct extent){ p.at.lun, 0, g->total_sectors };
	/* The size is known for LUN 0 only; the programmer itself checks the others. */
	if (p.at.lun == 0 && g->total_sectors && !extent_within(&p.at, &whole))
		return err_set(e, ERR_MISMATCH,
			       "'%s' reaches past the storage's %" PRIu64 " sectors", text,
			       g->total_sectors);
	for (i = 0; i < t->n; i++) {
		if (extent_overlaps(&p.at, &t->part[i].at))
			p.kind |= partition_kind(t->part[i].name);
	}
	snprintf(p.name, sizeof(p.name), "%s", text);
	*ret = p;
	return 0;
}

struct place place_of(const struct partition *part)
{
	struct place p = { .at = part->at, .kind = partition_kind(part->name) };

	snprintf(p.name, sizeof(p.name), "%s", part->name);
	return p;
}

int place_resolve(const struct table *table, const struct geometry *g, const char *text,
		  struct place *ret, struct err *e)
{
	const char *slash = strchr(text, '/'), *name = text, *nearest;
	const struct partition *part = NULL;
	uint64_t lun = UINT64_MAX;
	size_t i, n = 0;

	if (strchr(text, '+'))
		return resolve_raw(table, g, text, ret, e);
	if (slash) {
		char num[8];

		snprintf(num, sizeof(num), "%.*s", (int)(slash - text), text);
		if ((size_t)(slash - text) >= sizeof(num) || parse_u64(num, UINT8_MAX, &lun, e) < 0)
			return err_set(e, ERR_USAGE,
				       "'%s' is neither a partition name nor LUN/START+COUNT",
				       text);
		name = slash + 1;
	}
	for (i = 0; i < table->n; i++) {
		const struct partition *p = &table->part[i];

		if (strcasecmp(partition_plain_name(p->name), partition_plain_name(name)) != 0)
			continue;
		if (lun != UINT64_MAX && p->at.lun != lun)
			continue;
		part = p;
		n++;
	}
	if (n > 1)
		return err_set(e, ERR_USAGE,
			       "%zu partitions are called '%s': put the LUN in front, as in "
			       "'%u/%s'",
			       n, name, part->at.lun, name);
	if (n == 0) {
		err_set(e, ERR_USAGE, "no partition '%s'", text);
		nearest = table_nearest(table, name);
		if (nearest)
			err_append(e, ", did you mean '%s'", nearest);
		return -1;
	}
	*ret = place_of(part);
	return 0;
}
