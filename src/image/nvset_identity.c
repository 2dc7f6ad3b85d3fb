#include "image/nvset_identity.h"

#include "image/qcn.h"
#include "image/xqcn.h"
#include "model/imei.h"
#include "model/nv_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NV_ESN       0
#define NV_BLUETOOTH 447
#define NV_MEID      1943
#define NV_SERIAL    2824
#define NV_WLAN      4678

static int imei_add(struct nvset_identity *id, struct nvset_imei one, struct slice data,
		    struct err *e)
{
	struct nvset_imei *v;

	/* Grows by doubling; powers of two are full. */
	if ((id->n_imei & (id->n_imei - 1)) == 0) {
		v = realloc(id->imei, (id->n_imei ? 2 * id->n_imei : 1) * sizeof(*v));
		if (!v)
			return err_nomem(e);
		id->imei = v;
	}
	one.state = nv_imei_decode(data, one.digits);
	one.check_ok = one.state == NV_IMEI_DIGITS && imei_is_valid(one.digits);
	id->imei[id->n_imei++] = one;
	return 0;
}

/* "02:00:00:AA:BB:CC"; Bluetooth's is stored backwards. */
static void address(char out[18], struct slice data, bool backwards)
{
	static const int there[] = { 0, 1, 2, 3, 4, 5 }, back[] = { 5, 4, 3, 2, 1, 0 };
	const int *at = backwards ? back : there;
	struct slice six = slice_sub(data, 0, 6);

	if (slice_all(six, 0) || slice_all(six, 0xFF))
		return;
	snprintf(out, 18, "%02X:%02X:%02X:%02X:%02X:%02X", six.p[at[0]], six.p[at[1]], six.p[at[2]],
		 six.p[at[3]], six.p[at[4]], six.p[at[5]]);
}

static void printable(char *out, size_t cap, struct slice text)
{
	size_t i;

	for (i = 0; i < text.n && i < cap - 1 && text.p[i]; i++)
		out[i] = text.p[i] >= 0x20 && text.p[i] < 0x7F ? (char)text.p[i] : '?';
	while (i > 0 && out[i - 1] == ' ')
		i--;
	out[i] = '\0';
}

static void serial(char *out, struct slice data)
{
	size_t n = strnlen((const char *)data.p, data.n), i;

	for (i = 0; i < n; i++) {
		if (data.p[i] < 0x20 || data.p[i] > 0x7E)
			return;
	}
	printable(out, NVSET_DATA + 1, slice_sub(data, 0, n));
}

static int nv_item(struct nvset_identity *id, enum nvset_sub sub, const struct nvset_nv *nv,
		   struct err *e)
{
	const struct nv_name *name = nv_name_find(nv->id);
	uint64_t number;

	id->n_nv[sub]++;
	if (name && name->cls == NV_CLASS_CALIBRATION)
		id->rf_items++;
	if (nv->id == NV_ITEM_IMEI)
		return imei_add(id, (struct nvset_imei){ .sub = sub, .index = nv->index }, nv->data,
				e);
	if (sub != NVSET_DEFAULT || nv->index)
		return 0;
	number = get_le64(nv->data.p);
	switch (nv->id) {
	case NV_ESN:
		snprintf(id->nv_esn, sizeof(id->nv_esn), "%08X", (unsigned)(number & 0xFFFFFFFF));
		break;
	case NV_MEID:
		if (number && number != UINT64_MAX)
			snprintf(id->meid, sizeof(id->meid), "%014llX", (unsigned long long)number);
		break;
	case NV_SERIAL:
		serial(id->serial, nv->data);
		break;
	case NV_BLUETOOTH:
		address(id->bluetooth, nv->data, true);
		break;
	case NV_WLAN:
		address(id->wlan, nv->data, false);
		break;
	default:
		break;
	}
	return 0;
}

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* Item files that hold the nine bytes of item 550, by the places reported so far. */
static bool is_imei_path(const char *path, enum nvset_sub *ret_sub)
{
	static const struct {
		const char *path;
		enum nvset_sub sub;
	} known[] = {
		{ "/nvm/num/550", NVSET_DEFAULT },
		{ "/nvm/context1/550", NVSET_SIM_1 },
		{ "/nvm/context2/550", NVSET_SIM_2 },
		{ "/nv/item_files/nv/550", NVSET_DEFAULT },
		{ "/nv/item_files/modem/mmode/imei", NVSET_DEFAULT },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(path + (path[0] != '/' ? 0 : 1), known[i].path + 1) == 0) {
			*ret_sub = known[i].sub;
			return true;
		}
	}
	*ret_sub = NVSET_DEFAULT;
	return begins(path + (path[0] != '/' ? 0 : 1), "nv/item_files/modem/mmode/ue_imei");
}

static int files(const struct qtree *t, struct nvset_identity *id, struct err *e)
{
	struct nvset_files f;
	size_t i;
	int r = 0;

	if (nvset_files_list(t, &f, e) < 0)
		return -1;
	for (i = 0; r == 0 && i < f.n; i++) {
		const struct nvset_file *one = &f.v[i];
		enum nvset_sub sub;

		if (one->state != NVSET_FILE_OK)
			continue;
		id->n_files[one->section]++;
		if (one->first == i && one->data->n &&
		    (begins(one->path, "/nv/item_files/rfnv/") || begins(one->path, "/rfc/"))) {
			id->rf_files++;
			id->rf_bytes += one->data->n;
		}
		if (is_imei_path(one->path, &sub))
			r = imei_add(id, (struct nvset_imei){ .path = one->path, .sub = sub },
				     qnode_bytes(one->data), e);
	}
	nvset_files_fini(&f);
	return r;
}

int nvset_identity(const struct qtree *t, struct nvset_identity *ret, struct err *e)
{
	struct nvset_identity id = { 0 };
	struct err ignored = ERR_INIT;
	struct nvset_mpi mpi;
	struct nvset_nv nv;
	size_t pos;
	int s;

	for (s = 0; s < NVSET_SUBS; s++) {
		const struct qnode *array = nvset_array(t, (enum nvset_sub)s);

		for (pos = 0; nvset_nv_next(array, &pos, &nv);) {
			if (nv.ok && nv_item(&id, (enum nvset_sub)s, &nv, e) < 0)
				goto fail;
		}
	}
	if (files(t, &id, e) < 0)
		goto fail;
	if (nvset_model(t))
		snprintf(id.model, sizeof(id.model), "%s", nvset_model(t)->name);
	if (nvset_mpi_get(t, &mpi, &ignored) == 0) {
		id.has_esn = true;
		id.esn = mpi.esn;
		printable(id.software, sizeof(id.software), mpi.sw);
		printable(id.producer, sizeof(id.producer), mpi.tool);
	}
	*ret = id;
	return 0;
fail:
	nvset_identity_fini(&id);
	return -1;
}

void nvset_identity_fini(struct nvset_identity *id)
{
	free(id->imei);
	id->imei = NULL;
	id->n_imei = 0;
}

int nvset_imei_replace(struct qtree *t, enum nvset_sub sub, uint16_t index,
		       const uint8_t coded[NV_IMEI_LEN], struct err *e)
{
	struct qnode *array = nvset_array(t, sub);
	struct nvset_nv nv;
	size_t pos = 0;
	bool found = false;

	while (nvset_nv_next(array, &pos, &nv)) {
		if (!nv.ok || nv.id != NV_ITEM_IMEI || nv.index != index)
			continue;
		memcpy(array->p + nv.at + (NVSET_RECORD - NVSET_DATA), coded, NV_IMEI_LEN);
		found = true;
	}
	return found ? 0
		     : err_set(e, ERR_MISMATCH, "%s has no item %d with index %u",
			       nvset_sub_name(sub), NV_ITEM_IMEI, index);
}

int nvset_imei_poke(uint8_t *file, size_t size, enum nvset_sub sub, uint16_t index,
		    const uint8_t coded[NV_IMEI_LEN], struct err *e)
{
	char path[2 * QTREE_MAX_NAME];
	const struct qnode *array;
	struct slice all = SLICE(file, size);
	struct qtree t;
	int r;

	if (nvset_read(all, NULL, &t, NULL, e) < 0)
		return -1;
	r = nvset_imei_replace(&t, sub, index, coded, e);
	/* The way to the array is told as a path below. */
	if (r == 0 && strchr(nvset_model(&t)->name, '/'))
		r = err_set(e, ERR_UNSUPPORTED, "the model's storage has a '/' in its name");
	if (r == 0) {
		array = nvset_array(&t, sub);
		snprintf(path, sizeof(path), "%s/default/NV_NUMBERED_ITEMS/%s",
			 nvset_model(&t)->name, array->name);
		r = nvset_is_qcn(all) ? qcn_poke(file, size, path, 0, qnode_bytes(array), e)
				      : xqcn_poke(file, size, path, 0, qnode_bytes(array), e);
	}
	qtree_fini(&t);
	return r;
}
