#include "image/nvset.h"

#include <stdio.h>
#include <string.h>

static int add(struct qtree *t, struct qnode *parent, enum qnode_kind kind, const char *name,
	       struct qnode **ret, struct err *e)
{
	return qtree_add(t, parent, kind, SLICE(name, strlen(name)), ret, e);
}

static int build(struct qtree *t, const char *name, const char *model, struct err *e)
{
	static const uint8_t version[6] = { 2, 0, 0, 0, 0, 0 };
	struct qnode *root, *top, *dflt, *node, *child;
	int i;

	if (add(t, NULL, QNODE_STORAGE, name, &root, e) < 0 ||
	    add(t, root, QNODE_STORAGE, model, &top, e) < 0 ||
	    add(t, top, QNODE_STORAGE, "default", &dflt, e) < 0 ||
	    add(t, dflt, QNODE_STORAGE, "NV_NUMBERED_ITEMS", &node, e) < 0)
		return -1;
	for (i = 0; i < NVSET_SUBS; i++) {
		if (add(t, node, QNODE_STREAM, nvset_sub_name((enum nvset_sub)i), &child, e) < 0)
			return -1;
	}
	for (i = 0; i < NVSET_SECTIONS; i++) {
		if (add(t, dflt, QNODE_STORAGE, nvset_section_name((enum nvset_section)i), &node,
			e) < 0 ||
		    add(t, node, QNODE_STORAGE, "EFS_Dir", &child, e) < 0 ||
		    add(t, node, QNODE_STORAGE, "EFS_Data", &child, e) < 0)
			return -1;
	}
	if (add(t, dflt, QNODE_STREAM, "Mobile_Property_Info", &node, e) < 0 ||
	    add(t, dflt, QNODE_STREAM, "Feature_Mask", &node, e) < 0 ||
	    add(t, root, QNODE_STREAM, "File_Version", &node, e) < 0)
		return -1;
	return qtree_put(t, node, SLICE(version, sizeof(version)), e);
}

int nvset_new(struct qtree *t, size_t max, const char *name, const char *model, struct err *e)
{
	struct qtree fresh;

	if (strlen(model) != 8 || strspn(model, "0123456789") != 8)
		return err_set(e, ERR_USAGE,
			       "the model number of a QPST backup has 8 decimal digits");
	qtree_init(&fresh, max);
	if (build(&fresh, name, model, e) < 0) {
		qtree_fini(&fresh);
		return -1;
	}
	*t = fresh;
	return 0;
}

static int missing(const char *what, struct err *e)
{
	return err_set(e, ERR_MISMATCH, "the backup has no '%s'", what);
}

int nvset_nv_add(struct qtree *t, enum nvset_sub sub, uint16_t id, uint16_t index,
		 struct slice data, struct err *e)
{
	struct qnode *array = nvset_array(t, sub);
	uint8_t record[NVSET_RECORD];
	struct writer w = writer_of(record, sizeof(record));

	if (!array)
		return missing(nvset_sub_name(sub), e);
	if (data.n > NVSET_DATA)
		return err_set(e, ERR_USAGE, "item %u has %zu bytes, more than the %d of a record",
			       id, data.n, NVSET_DATA);
	wr_le16(&w, NVSET_RECORD);
	wr_le16(&w, 1);
	wr_le16(&w, id);
	wr_le16(&w, index);
	wr_bytes(&w, data.p, data.n);
	wr_fill(&w, 0, NVSET_DATA - data.n);
	return qtree_append(t, array, writer_slice(&w), e);
}

#define NUMBER_MAX 24

/* Is the last of the children the one that a storage without gaps ends with? */
static bool ends_at(const struct qnode *storage, size_t count)
{
	char last[NUMBER_MAX];

	snprintf(last, sizeof(last), "%08zX", count - 1);
	return storage->n_children == count &&
	       (count == 0 || strcmp(storage->last->name, last) == 0);
}

/* The number of the next file: the count of those there are, or the first free one behind it in a
 * file with gaps. Only such a file is searched. */
static void next_number(const struct qnode *dirs, const struct qnode *contents,
			char out[NUMBER_MAX])
{
	size_t n = dirs->n_children;

	snprintf(out, NUMBER_MAX, "%08zX", n);
	if (ends_at(dirs, n) && ends_at(contents, n))
		return;
	while (qnode_child(dirs, QNODE_STREAM, out) || qnode_child(contents, QNODE_STREAM, out))
		snprintf(out, NUMBER_MAX, "%08zX", ++n);
}

int nvset_file_add(struct qtree *t, enum nvset_section section, const char *path, uint32_t date,
		   struct slice data, struct err *e)
{
	struct qnode *storage =
		qnode_child(nvset_default(t), QNODE_STORAGE, nvset_section_name(section));
	struct qnode *dirs = qnode_child(storage, QNODE_STORAGE, "EFS_Dir");
	struct qnode *contents = qnode_child(storage, QNODE_STORAGE, "EFS_Data");
	struct qnode *dir, *content;
	uint8_t entry[8 + QTREE_MAX_NAME + 1];
	struct writer w = writer_of(entry, sizeof(entry));
	char name[NUMBER_MAX];

	if (!dirs || !contents)
		return missing(nvset_section_name(section), e);
	if (section == NVSET_EFS_BACKUP) {
		wr_bytes(&w, "\x01\x00\x01\x01", 4);
		wr_le32(&w, date);
	}
	wr_str(&w, path);
	/* QPST ends the paths of this one section with a NUL. */
	if (section == NVSET_PROVISIONING)
		wr_u8(&w, 0);
	if (w.overflow || !*path)
		return err_set(e, ERR_USAGE, "a path of %zu bytes: it needs 1 to %d", strlen(path),
			       QTREE_MAX_NAME);
	next_number(dirs, contents, name);
	if (add(t, dirs, QNODE_STREAM, name, &dir, e) < 0 ||
	    add(t, contents, QNODE_STREAM, name, &content, e) < 0 ||
	    qtree_put(t, dir, writer_slice(&w), e) < 0)
		return -1;
	return qtree_put(t, content, data, e);
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' && path[n + 1];
}

unsigned nvset_sections_of(const char *path)
{
	static const struct {
		const char *folder;
		unsigned sections;
	} table[] = {
		{ "/nv/item_files/rfnv", 1u << NVSET_EFS_BACKUP | 1u << NVSET_NV_ITEMS },
		{ "/rfc", 1u << NVSET_EFS_BACKUP | 1u << NVSET_NV_ITEMS },
		{ "pdp_profiles", 1u << NVSET_EFS_BACKUP },
		{ "/pdp_profiles", 1u << NVSET_EFS_BACKUP },
		{ "/nv/item_files", 1u << NVSET_PROVISIONING },
		{ "/nv/reg_files", 1u << NVSET_PROVISIONING },
		{ "/sd", 1u << NVSET_PROVISIONING },
		{ "/cgps/nv", 1u << NVSET_PROVISIONING },
		{ "/selfcal", 1u << NVSET_PROVISIONING },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (is_below(path, table[i].folder))
			return table[i].sections;
	}
	return 0;
}

int nvset_file_place(struct qtree *t, const char *path, struct slice data, unsigned *ret_sections,
		     struct err *e)
{
	unsigned sections = nvset_sections_of(path);
	uint32_t date = sections & 1u << NVSET_NV_ITEMS ? 0 : NVSET_GPS_EPOCH;
	int s;

	for (s = 0; s < NVSET_SECTIONS; s++) {
		if (sections & 1u << s &&
		    nvset_file_add(t, (enum nvset_section)s, path, date, data, e) < 0)
			return -1;
	}
	if (ret_sections)
		*ret_sections = sections;
	return 0;
}

int nvset_mpi_put(struct qtree *t, const struct nvset_mpi *mpi, struct err *e)
{
	struct qnode *node = qnode_child(nvset_default(t), QNODE_STREAM, "Mobile_Property_Info");
	uint8_t bytes[1024];
	struct writer w = writer_of(bytes, sizeof(bytes));

	if (!node)
		return missing("Mobile_Property_Info", e);
	wr_le32(&w, mpi->esn);
	wr_le16(&w, mpi->model);
	wr_u8(&w, mpi->nv_major);
	wr_u8(&w, mpi->nv_minor);
	wr_le16(&w, (uint16_t)mpi->sw.n);
	wr_bytes(&w, mpi->sw.p, mpi->sw.n);
	wr_le16(&w, (uint16_t)mpi->tool.n);
	wr_bytes(&w, mpi->tool.p, mpi->tool.n);
	if (w.overflow)
		return err_set(e, ERR_USAGE,
			       "texts of %zu and %zu bytes are too long for "
			       "Mobile_Property_Info",
			       mpi->sw.n, mpi->tool.n);
	return qtree_put(t, node, writer_slice(&w), e);
}

int nvset_feature_mask_put(struct qtree *t, struct slice mask, struct err *e)
{
	struct qnode *node = qnode_child(nvset_default(t), QNODE_STREAM, "Feature_Mask");
	uint8_t length[2];

	if (!node)
		return missing("Feature_Mask", e);
	if (mask.n > UINT16_MAX)
		return err_set(e, ERR_USAGE, "a feature mask of %zu bytes", mask.n);
	put_le16(length, (uint16_t)mask.n);
	if (qtree_put(t, node, SLICE(length, sizeof(length)), e) < 0)
		return -1;
	return qtree_append(t, node, mask, e);
}
