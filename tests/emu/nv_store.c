/* Numbered NV items as a view of /nvm/num and /nvm/contextN (diag.md section 8, efs2-diag.md 8). */
#include "tests/emu/modem.h"

#include <stdio.h>
#include <string.h>

/* Numbers and names: nv-and-identity.md section 3. Sizes are those of the item where a document says
 * so (550: nine bytes, section 2) and made up otherwise. */
static const struct nv_def named[] = {
	{ 0, 4, 0, NVF_FACT },                { 1, 4, 0, NVF_FACT },
	{ 10, 3, 0, NVF_FACT | NVF_SUB },     { 25, 8, 0, NVF_FACT | NVF_SECRET },
	{ 26, 8, 0, NVF_FACT | NVF_SECRET },  { 27, 8, 0, NVF_FACT | NVF_SECRET },
	{ 28, 8, 0, NVF_SECRET },             { 29, 8, 0, NVF_SECRET },
	{ 30, 8, 0, NVF_SECRET },             { 32, 10, 0, NVF_FACT },
	{ 33, 10, 0, NVF_FACT },              { 82, 4, 0, NVF_FACT },
	{ 85, 6, 0, NVF_FACT | NVF_SECRET },  { 176, 3, 2, NVF_FACT },
	{ 177, 2, 2, NVF_FACT },              { 178, 11, 0, NVF_FACT },
	{ 208, 4, 0, NVF_FACT },              { 209, 4, 0, NVF_FACT },
	{ 441, 2, 0, NVF_FACT },              { 442, 2, 0, NVF_FACT | NVF_SUB },
	{ 447, 6, 0, NVF_FACT },              { 453, 1, 0, NVF_FACT },
	{ 550, 9, 0, NVF_FACT | NVF_SUB },    { 569, 2, 0, NVF_FACT },
	{ 571, 4, 0, NVF_FACT },              { 573, 32, 0, NVF_FACT },
	{ 848, 1, 0, NVF_FACT | NVF_SUB },    { 849, 1, 0, NVF_FACT | NVF_SUB },
	{ 850, 1, 0, NVF_FACT | NVF_SUB },    { 946, 2, 0, NVF_FACT },
	{ 1877, 8, 0, NVF_FACT },             { 1878, 4, 0, NVF_FACT },
	{ 1943, 8, 0, 0 },                    { 2497, 64, 0, NVF_FACT },
	{ 2498, 64, 0, NVF_FACT },            { 2499, 128, 0, NVF_FACT },
	{ 2500, 128, 0, NVF_FACT },           { 2808, 32, 0, NVF_FACT | NVF_RO },
	{ 2824, 16, 0, NVF_FACT },            { 2954, 4, 0, NVF_FACT },
	{ 3252, 8, 0, 0 },                    { 4160, 8, 0, NVF_FACT },
	{ 4191, 8, 0, NVF_FACT },             { 4548, 8, 0, NVF_FACT },
	{ 4678, 6, 0, NVF_FACT },             { 5280, 1, 0, NVF_FACT },
	{ 6828, 8, 0, NVF_FACT },             { 6829, 8, 0, NVF_FACT },
	{ 7165, 1, 0, NVF_FACT },             { 10330, 16, 0, NVF_FACT },
};

/* Classic RF calibration: some of the ranges of nv-and-identity.md section 3. Every fifth number is
 * known to the firmware and was never written. */
static const struct { uint16_t from, to; } ranges[] = {
	{ 121, 159 }, { 190, 206 }, { 278, 309 }, { 574, 609 }, { 1020, 1063 }, { 2319, 2334 },
	{ 3340, 3349 },
};

const struct nv_def *nv_defs(size_t *n)
{
	*n = ARRAY_SIZE(named);
	return named;
}

const struct nv_def *nv_def_find(uint16_t id)
{
	static const struct nv_def many[] = {
		{ 0, 1, 0, NVF_FACT },  { 0, 2, 0, NVF_FACT },  { 0, 16, 0, NVF_FACT },
		{ 0, 32, 0, NVF_FACT }, { 0, 128, 0, NVF_FACT }, { 0, 4, 0, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(named); i++)
		if (named[i].id == id)
			return &named[i];
	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (id >= ranges[i].from && id <= ranges[i].to)
			return id % 5 == 0 ? &many[5] : &many[id % 5];
	return NULL;
}

static void path_of(char out[FTREE_PATH], const struct nv_def *d, uint16_t id, unsigned index)
{
	if (d->elems && index)
		snprintf(out, FTREE_PATH, "/nvm/num/%u_%u", id, index);
	else if (index)
		snprintf(out, FTREE_PATH, "/nvm/context%u/%u", index, id);
	else
		snprintf(out, FTREE_PATH, "/nvm/num/%u", id);
}

/* NV_DONE when this index of this item may exist on this module. */
static unsigned allowed(const struct emu *m, const struct nv_def *d, unsigned index)
{
	if (!d)
		return NV_BAD_TARGET;
	if (d->elems)
		return index < d->elems ? NV_DONE : NV_BAD_PARAM;
	if (index && !(d->flags & NVF_SUB))
		return NV_BAD_PARAM;
	/* diag.md section 8.4: single-SIM modules answer 5 or 6 for a second one. */
	return index < MAX_OF(m->model.fw.sims, 1u) ? NV_DONE : NV_BAD_PARAM;
}

unsigned nv_get(struct emu *m, uint16_t id, unsigned index, uint8_t out[NV_LEN])
{
	const struct nv_def *d = nv_def_find(id);
	unsigned s = allowed(m, d, index);
	const struct fnode *f;
	char path[FTREE_PATH];

	memset(out, 0, NV_LEN);
	if (s != NV_DONE)
		return s;
	path_of(path, d, id, index);
	f = ftree_find(&m->modem->fs, path);
	if (!f)
		return NV_NOT_ACTIVE;
	if (f->type != FN_ITEM || f->n != d->size) {
		ftree_remove(&m->modem->fs, path);
		m->modem->dirty = true;
		return NV_NOT_ACTIVE;
	}
	memcpy(out, f->data, f->n);
	return NV_DONE;
}

/* imei-locations.md section 4: on several generations the number is written once only. */
static bool written_once(struct emu *m, uint16_t id, unsigned index)
{
	uint8_t old[NV_LEN];
	char imei[16];

	return id == 550 && quirk_find(&m->quirks, "write_once") &&
	       nv_get(m, id, index, old) == NV_DONE && !(imei_from_item(old, 9, imei) && !imei[0]);
}

unsigned nv_put(struct emu *m, uint16_t id, unsigned index, const uint8_t in[NV_LEN])
{
	const struct nv_def *d = nv_def_find(id);
	unsigned s = allowed(m, d, index);
	char path[FTREE_PATH], dir[FTREE_PATH];

	if (s != NV_DONE)
		return s;
	if (d->flags & NVF_RO)
		return NV_READ_ONLY;
	if (written_once(m, id, index))
		return quirk_is(&m->quirks, "write_once", "readonly") ? NV_READ_ONLY : NV_DONE;
	path_of(path, d, id, index);
	ftree_dirname(dir, path);
	/* A formatted file system has no place for numbered items: "NVM writes fail". */
	if (!ftree_find(&m->modem->fs, dir) && !quirk_is(&m->quirks, "nv_wiped", "works"))
		return NV_FAIL;
	if (!modem_may_write(m))
		return NV_FULL;
	if (ftree_parents(&m->modem->fs, path) ||
	    !ftree_put(&m->modem->fs, path, FN_ITEM, 0777, in, d->size))
		return NV_FAIL;
	return NV_DONE;
}

void nv_sweep(struct ftree *t, bool *changed)
{
	size_t i = 0;

	while (i < t->n) {
		struct fnode *f = &t->node[i];
		const struct nv_def *d;
		unsigned id, sim;
		char end;

		if ((sscanf(f->path, "/nvm/num/%u%c", &id, &end) == 1 ||
		     sscanf(f->path, "/nvm/context%u/%u%c", &sim, &id, &end) == 2) &&
		    id < 65536 && (d = nv_def_find((uint16_t)id)) &&
		    (f->n != d->size || f->type != FN_ITEM)) {
			ftree_remove(t, f->path);
			*changed = true;
			continue;
		}
		i++;
	}
}

void nv_path(char out[FTREE_PATH], const struct nv_def *d, unsigned index)
{
	path_of(out, d, d->id, index);
}
