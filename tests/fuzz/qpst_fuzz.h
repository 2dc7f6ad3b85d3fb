/* What must hold for every backup that a reader accepted, whichever form it came in. */
#ifndef SALVOR_TESTS_QPST_FUZZ_H
#define SALVOR_TESTS_QPST_FUZZ_H

#include "image/nvset_check.h"
#include "image/nvset_flat.h"
#include "image/nvset_identity.h"
#include "image/qcn.h"
#include "image/xqcn.h"

#include <stdlib.h>
#include <string.h>

#define FUZZ_ROOM (8u << 20)

static inline void must(int r)
{
	if (r < 0)
		abort();
}

struct fuzz_gather {
	struct nvset_flat flat;
	struct nvset_gather gather;
};

static inline int fuzz_file(struct nvset_flat *to, const char *name, struct slice bytes,
			    struct err *e)
{
	struct fuzz_gather *g = container_of(to, struct fuzz_gather, flat);

	return nvset_gather_add(&g->gather, name, bytes, e);
}

/* Both forms and the plain files give the tree back; a form may have no way to spell a name. */
static inline void fuzz_forms(const struct qtree *t)
{
	struct fuzz_gather g = { .flat = { fuzz_file } };
	struct buf b = BUF_INIT(64u << 20);
	struct err e = ERR_INIT;
	struct buf_sink to;
	struct qtree again;

	buf_sink_init(&to, &b);
	if (xqcn_write(t, NULL, &to.sink, &e) == 0) {
		must(nvset_read(buf_slice(&b), NULL, &again, NULL, &e));
		must(qtree_compare(t, &again, &e));
		qtree_fini(&again);
	} else if (e.kind != ERR_UNSUPPORTED) {
		abort();
	}
	b.n = 0;
	if (qcn_write(t, 1, &to.sink, &e) == 0) {
		must(nvset_read(buf_slice(&b), NULL, &again, NULL, &e));
		must(qtree_compare(t, &again, &e));
		qtree_fini(&again);
	} else if (e.kind != ERR_UNSUPPORTED) {
		abort();
	}
	must(nvset_gather_init(&g.gather, 0, &e));
	must(nvset_flatten(t, &g.flat, &e));
	must(nvset_gather_done(&g.gather, NULL, &again, NULL, &e));
	must(qtree_compare(t, &again, &e));
	qtree_fini(&again);
	nvset_gather_fini(&g.gather);
	buf_fini(&b);
}

static inline void fuzz_views(struct qtree *t)
{
	static const uint8_t coded[NV_IMEI_LEN] = { 0x08, 0x4A, 0x09, 0x51, 0x24,
						    0x30, 0x32, 0x57, 0x81 };
	struct qfindings f = { 0 };
	struct nvset_identity id;
	struct nvset_traces traces;
	struct nvset_diff d;
	struct err e = ERR_INIT;

	must(nvset_check(t, &f, &e));
	if (f.n > QFINDINGS_MAX)
		abort();
	qfindings_fini(&f);
	must(nvset_diff(t, t, &d, &e));
	if (d.n)
		abort();
	nvset_diff_fini(&d);
	if (nvset_imei_replace(t, NVSET_DEFAULT, 0, coded, &e) == 0) {
		must(nvset_find_number(t, "490154203237518", &traces, &e));
		if (traces.n == 0)
			abort();
		nvset_traces_fini(&traces);
		must(nvset_identity(t, &id, &e));
		if (id.n_imei == 0)
			abort();
		nvset_identity_fini(&id);
	}
}

/* The file with another IMEI in it reads as the tree with that IMEI. */
static inline void fuzz_poke(const uint8_t *data, size_t size, const struct qtree *poked)
{
	static const uint8_t coded[NV_IMEI_LEN] = { 0x08, 0x4A, 0x09, 0x51, 0x24,
						    0x30, 0x32, 0x57, 0x81 };
	uint8_t *copy = malloc(size ? size : 1);
	struct err e = ERR_INIT;
	struct qtree again;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (nvset_imei_poke(copy, size, NVSET_DEFAULT, 0, coded, &e) == 0) {
		must(nvset_read(SLICE(copy, size), NULL, &again, NULL, &e));
		must(qtree_compare(poked, &again, &e));
		qtree_fini(&again);
	}
	free(copy);
}

#endif
