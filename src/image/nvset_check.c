#include "image/nvset_check.h"

#include "base/cleanup.h"
#include "image/nvset_identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTE    QFINDING_NOTE
#define WARNING QFINDING_WARNING
#define ERROR   QFINDING_ERROR

static void check_version(const struct qtree *t, struct qfindings *f)
{
	const struct qnode *node = qnode_child(t->root, QNODE_STREAM, "File_Version");
	unsigned major;

	if (!node) {
		qfindings_add(f, ERROR, "file-version", "File_Version", "there is none");
		return;
	}
	if (node->n != 6) {
		qfindings_add(f, ERROR, "file-version", "File_Version",
			      "has %zu bytes instead of 6", node->n);
		return;
	}
	major = get_le16(node->p);
	if (major != 2)
		qfindings_add(f, ERROR, "file-version", "File_Version",
			      "version %u has another layout than version 2, which is known here",
			      major);
	else if (!slice_all(SLICE(node->p + 2, 4), 0))
		qfindings_add(f, WARNING, "file-version", "File_Version",
			      "version 2.%u.%u, all files seen have 2.0.0", get_le16(node->p + 2),
			      get_le16(node->p + 4));
}

static void check_model(const struct qtree *t, struct qfindings *f)
{
	const struct qnode *model = nvset_model(t), *other;

	if (!model) {
		qfindings_add(f, ERROR, "no-model", "the root",
			      "there is no storage of a model in it");
		return;
	}
	if (strlen(model->name) != 8 || strspn(model->name, "0123456789") != 8)
		qfindings_add(f, WARNING, "model-name", model->name,
			      "the model's storage is not called by 8 decimal digits");
	for (other = model->next; other; other = other->next) {
		if (other->kind == QNODE_STORAGE)
			qfindings_add(f, WARNING, "model-name", other->name,
				      "a second model's storage: only the first one counts");
	}
	if (!nvset_default(t))
		qfindings_add(f, ERROR, "no-default", model->name, "there is no 'default' in it");
}

/* (id, index, record number), for finding duplicates by sorting. */
struct key {
	uint32_t item;
	size_t record;
};

static int by_key(const void *a, const void *b)
{
	const struct key *ka = a, *kb = b;

	if (ka->item != kb->item)
		return ka->item < kb->item ? -1 : 1;
	return ka->record < kb->record ? -1 : ka->record > kb->record;
}

static int check_records(const struct qtree *t, enum nvset_sub sub, struct qfindings *f,
			 struct err *e)
{
	const struct qnode *array = nvset_array(t, sub);
	_cleanup_free_ struct key *key = malloc((array->n / NVSET_RECORD + 1) * sizeof(*key));
	const char *name = nvset_sub_name(sub);
	struct nvset_nv nv;
	size_t pos = 0, n = 0, i;
	char place[64];

	if (!key)
		return err_nomem(e);
	while (nvset_nv_next(array, &pos, &nv)) {
		snprintf(place, sizeof(place), "%s record %zu", name, nv.at / NVSET_RECORD);
		if (!nv.ok)
			qfindings_add(f, ERROR, "record-size", place,
				      "says it has %u bytes instead of %d: nothing in it is used",
				      nv.size, NVSET_RECORD);
		else if (nv.constant != 1)
			qfindings_add(f, WARNING, "record-constant", place,
				      "item %u: the second word is %u, not 1 as in all files seen",
				      nv.id, nv.constant);
		if (nv.ok)
			key[n++] = (struct key){ (uint32_t)nv.id << 16 | nv.index,
						 nv.at / NVSET_RECORD };
	}
	if (array->n - pos) {
		snprintf(place, sizeof(place), "%s record %zu", name, pos / NVSET_RECORD);
		qfindings_add(f, ERROR, "cut-record", place,
			      "only %zu of its %d bytes are there: the file was cut or edited",
			      array->n - pos, NVSET_RECORD);
	}
	qsort(key, n, sizeof(*key), by_key);
	for (i = 1; i < n; i++) {
		if (key[i].item != key[i - 1].item)
			continue;
		snprintf(place, sizeof(place), "%s record %zu", name, key[i].record);
		qfindings_add(f, WARNING, "duplicate-item", place,
			      "item %u index %u is in record %zu already", key[i].item >> 16,
			      key[i].item & 0xFFFF, key[i - 1].record);
	}
	return 0;
}

static int check_arrays(const struct qtree *t, struct qfindings *f, struct err *e)
{
	int s;

	for (s = 0; s < NVSET_SUBS; s++) {
		const char *name = nvset_sub_name((enum nvset_sub)s);
		const struct qnode *array = nvset_array(t, (enum nvset_sub)s);

		if (!array && s == NVSET_DEFAULT)
			qfindings_add(f, ERROR, "no-array", name, "there is none");
		else if (!array)
			qfindings_add(f, s == NVSET_SIM_1 ? WARNING : NOTE, "no-sim-array", name,
				      "there is none; QPST writes an empty one");
		else if (array->n == 0 && s == NVSET_DEFAULT)
			qfindings_add(f, WARNING, "empty-array", name, "it holds no items");
		if (array && check_records(t, (enum nvset_sub)s, f, e) < 0)
			return -1;
	}
	return 0;
}

static void check_properties(const struct qtree *t, struct qfindings *f)
{
	const struct qnode *mask = qnode_child(nvset_default(t), QNODE_STREAM, "Feature_Mask");
	const struct qnode *model = nvset_model(t);
	struct err why = ERR_INIT;
	struct nvset_mpi mpi;
	struct nvset_nv esn;

	if (nvset_mpi_get(t, &mpi, &why) < 0) {
		qfindings_add(f, ERROR,
			      why.kind == ERR_MISMATCH ? "no-properties" : "bad-properties",
			      "Mobile_Property_Info",
			      "%.150s; QPST compares the ESN in it with the module's", why.msg);
	} else {
		/* 0 where the producer does not fill it. */
		if (mpi.model && model && strtoul(model->name, NULL, 10) != mpi.model)
			qfindings_add(f, WARNING, "model-number", "Mobile_Property_Info",
				      "model %u, but the storage is called '%.32s'", mpi.model,
				      model->name);
		if (nvset_nv_find(t, NVSET_DEFAULT, 0, 0, &esn) && get_le32(esn.data.p) != mpi.esn)
			qfindings_add(f, WARNING, "esn", "Mobile_Property_Info",
				      "its ESN is not that of NV item 0");
	}
	if (!mask)
		qfindings_add(f, WARNING, "no-feature-mask", "Feature_Mask",
			      "there is none; files without are reported to be accepted");
	else if (mask->n && (mask->n < 2 || mask->n - 2 != get_le16(mask->p)))
		qfindings_add(f, WARNING, "bad-feature-mask", "Feature_Mask",
			      "the length in it does not fit its %zu bytes", mask->n);
}

static bool is_number(const char *name)
{
	return strlen(name) == 8 && strspn(name, "0123456789ABCDEF") == 8;
}

static void check_file(const struct nvset_file *one, const struct nvset_files *all,
		       struct qfindings *f)
{
	static const uint8_t header[4] = { 1, 0, 1, 1 };
	const struct qnode *dir = one->dir ? one->dir : one->data;
	char place[112];
	bool nul;

	qnode_path(dir, place, sizeof(place));
	if (!is_number(dir->name))
		qfindings_add(f, WARNING, "odd-number", place, "is not called by 8 hex digits");
	switch (one->state) {
	case NVSET_FILE_NO_PATH:
		qfindings_add(f, ERROR, "no-path", place,
			      one->dir ? "the entry holds no path" : "a content without a path");
		return;
	case NVSET_FILE_BAD_PATH:
		qfindings_add(f, ERROR, "bad-path", place, "the path is none that a module has");
		return;
	case NVSET_FILE_NO_DATA:
		qfindings_add(f, ERROR, "no-data", place, "'%.120s' has no content", one->path);
		return;
	case NVSET_FILE_OK:
		break;
	}
	nul = dir->p[dir->n - 1] == 0;
	if (one->section == NVSET_EFS_BACKUP && memcmp(dir->p, header, sizeof(header)) != 0)
		qfindings_add(f, WARNING, "bad-header", place,
			      "the header in front of the path is not that of all files seen");
	if (nul && one->section != NVSET_PROVISIONING)
		qfindings_add(f, WARNING, "path-nul", place,
			      "the path ends with a NUL, QPST writes none here");
	if (one != &all->v[one->first]) {
		if (one->twice)
			qfindings_add(f, WARNING, "duplicate-path", place,
				      "'%.120s' is there twice", one->path);
		if (one->differs)
			qfindings_add(f, WARNING, "different-content", place,
				      "'%.100s' has another content in %s", one->path,
				      nvset_section_name(all->v[one->first].section));
	}
}

static int check_files(const struct qtree *t, struct qfindings *f, struct err *e)
{
	struct nvset_files files;
	size_t i;
	int s;

	for (s = 0; s < NVSET_SECTIONS; s++) {
		const char *name = nvset_section_name((enum nvset_section)s);
		const struct qnode *storage = qnode_child(nvset_default(t), QNODE_STORAGE, name);

		if (!storage)
			qfindings_add(f, WARNING, "no-section", name, "there is none");
		else if (!qnode_child(storage, QNODE_STORAGE, "EFS_Dir") ||
			 !qnode_child(storage, QNODE_STORAGE, "EFS_Data"))
			qfindings_add(f, NOTE, "no-pair", name,
				      "it lacks EFS_Dir or EFS_Data, as some empty ones do");
	}
	if (nvset_files_list(t, &files, e) < 0)
		return -1;
	for (i = 0; i < files.n; i++)
		check_file(&files.v[i], &files, f);
	nvset_files_fini(&files);
	return 0;
}

static void check_imei(const struct nvset_imei *one, struct qfindings *f)
{
	char place[112];

	if (one->path)
		snprintf(place, sizeof(place), "%s", one->path);
	else
		snprintf(place, sizeof(place), "%s item %d index %u", nvset_sub_name(one->sub),
			 NV_ITEM_IMEI, one->index);
	if (one->state == NV_IMEI_UNSET)
		qfindings_add(f, one->sub == NVSET_DEFAULT ? WARNING : NOTE, "unset-imei", place,
			      "the IMEI is not set");
	else if (one->state == NV_IMEI_MALFORMED)
		qfindings_add(f, WARNING, "bad-imei", place, "this is not how an IMEI is stored");
	else if (!one->check_ok)
		qfindings_add(f, WARNING, "bad-imei", place,
			      "the check digit of the IMEI is wrong");
}

static int check_identity(const struct qtree *t, struct qfindings *f, struct err *e)
{
	struct nvset_identity id;
	size_t i;

	if (nvset_identity(t, &id, e) < 0)
		return -1;
	if (id.n_imei == 0)
		qfindings_add(f, WARNING, "no-imei", "NV_ITEM_ARRAY", "item 550 is not in it");
	for (i = 0; i < id.n_imei; i++)
		check_imei(&id.imei[i], f);
	if (id.rf_files == 0 && id.rf_items == 0)
		qfindings_add(f, WARNING, "no-radio-files", "EFS_Backup",
			      "no radio calibration is in this backup");
	nvset_identity_fini(&id);
	return 0;
}

int nvset_check(const struct qtree *t, struct qfindings *findings, struct err *e)
{
	check_version(t, findings);
	check_model(t, findings);
	if (!nvset_default(t))
		return 0;
	if (check_arrays(t, findings, e) < 0)
		return -1;
	check_properties(t, findings);
	if (check_files(t, findings, e) < 0)
		return -1;
	return check_identity(t, findings, e);
}
