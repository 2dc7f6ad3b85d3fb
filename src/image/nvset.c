#include "image/nvset.h"

#include "base/cleanup.h"
#include "image/cfb.h"
#include "image/qcn.h"
#include "image/xqcn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFS_HEADER 8 /* in front of the paths of EFS_Backup */

const char *nvset_sub_name(enum nvset_sub sub)
{
	static const char *const names[] = { "NV_ITEM_ARRAY", "NV_ITEM_ARRAY_SIM_1",
					     "NV_ITEM_ARRAY_SIM_2" };

	return names[sub];
}

const char *nvset_section_name(enum nvset_section section)
{
	static const char *const names[] = { "EFS_Backup", "Provisioning_Item_Files", "NV_Items" };

	return names[section];
}

struct qnode *nvset_model(const struct qtree *t)
{
	struct qnode *child = t->root ? t->root->first : NULL;

	while (child && child->kind != QNODE_STORAGE)
		child = child->next;
	return child;
}

struct qnode *nvset_default(const struct qtree *t)
{
	return qnode_child(nvset_model(t), QNODE_STORAGE, "default");
}

struct qnode *nvset_array(const struct qtree *t, enum nvset_sub sub)
{
	struct qnode *items = qnode_child(nvset_default(t), QNODE_STORAGE, "NV_NUMBERED_ITEMS");

	return qnode_child(items, QNODE_STREAM, nvset_sub_name(sub));
}

bool nvset_nv_next(const struct qnode *array, size_t *pos, struct nvset_nv *ret)
{
	struct cursor c;

	if (!array || *pos > array->n || array->n - *pos < NVSET_RECORD)
		return false;
	c = cursor_of(SLICE(array->p + *pos, NVSET_RECORD));
	ret->at = *pos;
	ret->size = rd_le16(&c);
	ret->constant = rd_le16(&c);
	ret->id = rd_le16(&c);
	ret->index = rd_le16(&c);
	ret->data = rd_bytes(&c, NVSET_DATA);
	ret->ok = ret->size == NVSET_RECORD;
	*pos += NVSET_RECORD;
	return true;
}

bool nvset_nv_find(const struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index,
		   struct nvset_nv *ret)
{
	const struct qnode *array = nvset_array(t, sub);
	struct nvset_nv nv;
	size_t pos = 0;

	while (nvset_nv_next(array, &pos, &nv)) {
		if (nv.ok && nv.id == id && nv.index == index) {
			*ret = nv;
			return true;
		}
	}
	return false;
}

/* Whether the path can be handed on to whoever makes files or asks a module: no step out of its
 * tree and nothing that a terminal or an archive would take for something else. */
static bool is_good_path(const char *path)
{
	const char *p = path, *end = path + strlen(path);

	if (end == path || end[-1] == '/' || end - path > QTREE_MAX_NAME)
		return false;
	for (; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7F)
			return false;
	}
	for (p = path; p < end; p++) {
		size_t len = strcspn(p, "/");

		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.') ||
		    (len == 0 && p != path))
			return false;
		p += len;
	}
	return true;
}

/* The path in an entry of EFS_Dir, always at the same place: it need not begin with a slash. What
 * is behind a NUL does not belong to it. */
static const char *path_of(const struct qnode *dir, enum nvset_section section)
{
	size_t head = section == NVSET_EFS_BACKUP ? EFS_HEADER : 0;

	return dir && dir->n > head ? (const char *)dir->p + head : "";
}

static int section_list(const struct qtree *t, enum nvset_section section, struct nvset_files *f,
			struct err *e)
{
	const struct qnode *storage =
		qnode_child(nvset_default(t), QNODE_STORAGE, nvset_section_name(section));
	const struct qnode *dirs = qnode_child(storage, QNODE_STORAGE, "EFS_Dir");
	const struct qnode *contents = qnode_child(storage, QNODE_STORAGE, "EFS_Data");
	_cleanup_free_ struct qnode **sorted = NULL;
	_cleanup_free_ bool *used = NULL;
	size_t n = contents ? contents->n_children : 0, i;
	const struct qnode *dir;
	struct nvset_file *one;

	if (contents && qnode_sorted(contents, &sorted, e) < 0)
		return -1;
	used = calloc(n + 1, sizeof(*used));
	if (!used)
		return err_nomem(e);
	for (dir = dirs ? dirs->first : NULL; dir; dir = dir->next) {
		if (dir->kind != QNODE_STREAM)
			continue;
		one = &f->v[f->n++];
		*one = (struct nvset_file){ .section = section, .dir = dir };
		i = qnode_sorted_find(sorted, n, dir->name);
		if (i != SIZE_MAX && sorted[i]->kind == QNODE_STREAM) {
			one->data = sorted[i];
			used[i] = true;
		}
		one->path = path_of(dir, section);
		one->state = !*one->path                ? NVSET_FILE_NO_PATH
			     : !is_good_path(one->path) ? NVSET_FILE_BAD_PATH
			     : !one->data               ? NVSET_FILE_NO_DATA
							: NVSET_FILE_OK;
	}
	for (i = 0; i < n; i++) {
		if (!used[i] && sorted[i]->kind == QNODE_STREAM)
			f->v[f->n++] = (struct nvset_file){ .section = section,
							    .state = NVSET_FILE_NO_PATH,
							    .data = sorted[i],
							    .path = "" };
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct nvset_file *fa = *(const struct nvset_file *const *)a,
				*fb = *(const struct nvset_file *const *)b;
	int c = strcmp(fa->path, fb->path);

	return c ? c : fa < fb ? -1 : fa > fb;
}

/* QPST writes most radio files into two sections: whoever restores must write each once. */
static int find_repeats(struct nvset_files *f, struct err *e)
{
	_cleanup_free_ struct nvset_file **v = malloc((f->n + 1) * sizeof(*v));
	struct nvset_file *first = NULL;
	size_t i;

	if (!v)
		return err_nomem(e);
	for (i = 0; i < f->n; i++)
		v[i] = &f->v[i];
	qsort(v, f->n, sizeof(*v), by_path);
	for (i = 0; i < f->n; i++) {
		v[i]->first = (size_t)(v[i] - f->v);
		if (v[i]->state != NVSET_FILE_OK)
			continue;
		if (first && strcmp(first->path, v[i]->path) == 0) {
			v[i]->first = (size_t)(first - f->v);
			/* The list goes by sections, and so do equal paths here. */
			v[i]->twice = v[i - 1]->section == v[i]->section;
			v[i]->differs =
				!slice_eq(qnode_bytes(first->data), qnode_bytes(v[i]->data));
		} else {
			first = v[i];
		}
	}
	return 0;
}

int nvset_files_list(const struct qtree *t, struct nvset_files *ret, struct err *e)
{
	struct nvset_files f = { NULL, 0 };
	size_t most = 1;
	int s, r = 0;

	for (s = 0; s < NVSET_SECTIONS; s++) {
		const struct qnode *storage =
			qnode_child(nvset_default(t), QNODE_STORAGE,
				    nvset_section_name((enum nvset_section)s));
		const struct qnode *dirs = qnode_child(storage, QNODE_STORAGE, "EFS_Dir");
		const struct qnode *contents = qnode_child(storage, QNODE_STORAGE, "EFS_Data");

		most += (dirs ? dirs->n_children : 0) + (contents ? contents->n_children : 0);
	}
	f.v = calloc(most, sizeof(*f.v));
	if (!f.v)
		return err_nomem(e);
	for (s = 0; r == 0 && s < NVSET_SECTIONS; s++)
		r = section_list(t, (enum nvset_section)s, &f, e);
	if (r == 0)
		r = find_repeats(&f, e);
	if (r < 0)
		nvset_files_fini(&f);
	else
		*ret = f;
	return r;
}

void nvset_files_fini(struct nvset_files *f)
{
	free(f->v);
	*f = (struct nvset_files){ NULL, 0 };
}

int nvset_mpi_get(const struct qtree *t, struct nvset_mpi *ret, struct err *e)
{
	const struct qnode *node =
		qnode_child(nvset_default(t), QNODE_STREAM, "Mobile_Property_Info");
	struct nvset_mpi mpi;
	struct cursor c;

	if (!node)
		return err_set(e, ERR_MISMATCH, "there is no Mobile_Property_Info");
	c = cursor_of(qnode_bytes(node));
	mpi.esn = rd_le32(&c);
	mpi.model = rd_le16(&c);
	mpi.nv_major = rd_u8(&c);
	mpi.nv_minor = rd_u8(&c);
	mpi.sw = rd_bytes(&c, rd_le16(&c));
	mpi.tool = rd_bytes(&c, rd_le16(&c));
	if (c.bad || rd_left(&c))
		return err_set(e, ERR_PROTO,
			       "Mobile_Property_Info of %zu bytes contradicts the lengths "
			       "in it",
			       node->n);
	*ret = mpi;
	return 0;
}

bool nvset_is_qcn(struct slice file)
{
	return file.n >= 8 && memcmp(file.p, CFB_SIGNATURE, 8) == 0;
}

int nvset_read(struct slice file, const struct xqcn_opts *opts, struct qtree *ret,
	       struct qfindings *findings, struct err *e)
{
	struct mem_source mem;
	size_t i = file.n >= 3 && memcmp(file.p, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;

	while (i < file.n && strchr(" \t\r\n", file.p[i]) && file.p[i])
		i++;
	if (i < file.n && file.p[i] == '<') {
		mem_source_init(&mem, file);
		return xqcn_read(&mem.source, opts, ret, findings, e);
	}
	/* It says what is wrong with what is neither. */
	return qcn_read(file, opts ? opts->max : 0, ret, findings, e);
}
