#include "image/rawprogram.h"

#include "base/cleanup.h"
#include "base/xml.h"
#include "image/rawprogram_lint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int num_after(const char *text, const char *prefix, struct rawprogram_num *num,
		     struct err *e)
{
	const char *rest = text + strlen(prefix);
	size_t n = strlen(rest);
	char digits[32];

	if (n && rest[n - 1] == '.')
		n--;
	num->n = 0;
	if (n == 0)
		return 0;
	if (rest[0] != '-' || n == 1 || n > sizeof(digits))
		return err_set(e, ERR_PROTO, "'%.60s' is not a number or expression", text);
	memcpy(digits, rest + 1, n - 1);
	digits[n - 1] = '\0';
	return parse_u64(digits, INT64_MAX, &num->n, e);
}

int rawprogram_num_parse(const char *text, struct rawprogram_num *ret, struct err *e)
{
	static const char sectors[] = "NUM_DISK_SECTORS", blocks[] = "NUM_DISK_BLOCKS";
	struct rawprogram_num num = { RAWPROGRAM_PLAIN, 0 };
	int r;

	if (strncmp(text, sectors, sizeof(sectors) - 1) == 0) {
		num.base = RAWPROGRAM_FROM_SECTORS;
		r = num_after(text, sectors, &num, e);
	} else if (strncmp(text, blocks, sizeof(blocks) - 1) == 0) {
		num.base = RAWPROGRAM_FROM_BLOCKS;
		r = num_after(text, blocks, &num, e);
	} else {
		r = parse_u64(text, INT64_MAX, &num.n, e);
	}
	if (r < 0) {
		e->kind = ERR_PROTO;
		return -1;
	}
	*ret = num;
	return 0;
}

int rawprogram_num_resolve(const struct rawprogram_num *num, uint64_t total_sectors,
			   uint32_t sectors_per_block, uint64_t *ret, struct err *e)
{
	uint64_t total = total_sectors;

	if (num->base == RAWPROGRAM_PLAIN) {
		*ret = num->n;
		return 0;
	}
	if (num->base == RAWPROGRAM_FROM_BLOCKS)
		total = sectors_per_block ? total_sectors / sectors_per_block : 0;
	if (total == 0)
		return err_set(e, ERR_MISMATCH,
			       "counted from the end of a storage of unknown size");
	if (num->n > total)
		return err_set(e, ERR_MISMATCH,
			       "%" PRIu64 " before the end of a storage with %" PRIu64, num->n,
			       total);
	*ret = total - num->n;
	return 0;
}

/* A plain number; *ret stays as it is when the attribute is missing or empty. */
static int attr_u64(const struct xml_node *node, const char *name, uint64_t max, bool *ret_has,
		    uint64_t *ret, struct err *e)
{
	const char *text = xml_attr(node, name);

	*ret_has = text && text[0];
	if (!*ret_has)
		return 0;
	if (parse_u64(text, max, ret, e) < 0) {
		e->kind = ERR_PROTO;
		return err_prefix(e, "%s", name);
	}
	return 0;
}

static int attr_u32(const struct xml_node *node, const char *name, uint32_t max, bool *ret_has,
		    uint32_t *ret, struct err *e)
{
	uint64_t v = 0;

	if (attr_u64(node, name, max, ret_has, &v, e) < 0)
		return -1;
	if (*ret_has)
		*ret = (uint32_t)v;
	return 0;
}

static int attr_num(const struct xml_node *node, const char *name, bool *ret_has,
		    struct rawprogram_num *ret, struct err *e)
{
	const char *text = xml_attr(node, name);

	*ret_has = text && text[0];
	if (*ret_has && rawprogram_num_parse(text, ret, e) < 0)
		return err_prefix(e, "%s", name);
	return 0;
}

static int attr_text(const struct xml_node *node, const char *name, char **ret, struct err *e)
{
	const char *text = xml_attr(node, name);

	*ret = strdup(text ? text : "");
	return *ret ? 0 : err_nomem(e);
}

static int common_parse(const struct xml_node *node, struct rawprogram *r,
			struct rawprogram_entry *x, struct err *e)
{
	bool has_lun, has_size, has_pages, has_start;
	char *c;

	if (attr_u32(node, "physical_partition_number", UINT8_MAX, &has_lun, &x->lun, e) < 0 ||
	    attr_u32(node, "SECTOR_SIZE_IN_BYTES", 1u << 20, &has_size, &x->sector_size, e) < 0 ||
	    attr_u32(node, "PAGES_PER_BLOCK", 1u << 16, &has_pages, &x->pages_per_block, e) < 0 ||
	    attr_num(node, "start_sector", &has_start, &x->start, e) < 0 ||
	    attr_text(node, "filename", &x->filename, e) < 0 ||
	    attr_text(node, "label", &x->label, e) < 0)
		return -1;
	if (!has_start)
		return err_set(e, ERR_PROTO, "start_sector is missing");
	for (c = x->filename; *c; c++) {
		if (*c == '\\')
			*c = '/';
	}
	if (!has_lun)
		rawprogram_find(r, RAWPROGRAM_NO_LUN, x->line,
				"no physical_partition_number, 0 is assumed");
	if (x->sector_size == 0)
		rawprogram_find(r, RAWPROGRAM_NO_SECTOR_SIZE, x->line,
				"no SECTOR_SIZE_IN_BYTES, the storage's own is assumed");
	return 0;
}

static int range_parse(const struct xml_node *node, struct rawprogram *r,
		       struct rawprogram_entry *x, struct err *e)
{
	const char *sparse = xml_attr(node, "sparse");
	bool has_offset;

	if (common_parse(node, r, x, e) < 0 ||
	    attr_u64(node, "num_partition_sectors", INT64_MAX, &x->has_count, &x->count, e) < 0 ||
	    attr_u64(node, "file_sector_offset", INT64_MAX, &has_offset, &x->file_sector_offset,
		     e) < 0 ||
	    attr_num(node, "last_sector", &x->has_last_sector, &x->last_sector, e) < 0)
		return -1;
	if (x->count == 0)
		x->has_count = false;
	x->sparse = sparse && strcasecmp(sparse, "true") == 0;
	return 0;
}

/* "CRC32(start,bytes)", or a number or expression. */
static int value_parse(const char *text, struct rawprogram_entry *x, struct err *e)
{
	static const char crc[] = "CRC32(";
	char start[64];
	const char *comma;
	char bytes[32];
	size_t n;

	if (strncmp(text, crc, sizeof(crc) - 1) != 0)
		return rawprogram_num_parse(text, &x->value, e);
	text += sizeof(crc) - 1;
	comma = strchr(text, ',');
	n = comma ? strlen(comma + 1) : 0;
	if (!comma || (size_t)(comma - text) >= sizeof(start) || n < 2 || n > sizeof(bytes) ||
	    comma[n] != ')')
		return err_set(e, ERR_PROTO, "'%.60s' is not CRC32(start,bytes)",
			       text - sizeof(crc) + 1);
	memcpy(start, text, (size_t)(comma - text));
	start[comma - text] = '\0';
	memcpy(bytes, comma + 1, n - 1);
	bytes[n - 1] = '\0';
	x->is_crc = true;
	if (rawprogram_num_parse(start, &x->value, e) < 0)
		return -1;
	if (parse_u64(bytes, INT64_MAX, &x->crc_bytes, e) < 0) {
		e->kind = ERR_PROTO;
		return -1;
	}
	return 0;
}

static int patch_parse(const struct xml_node *node, struct rawprogram *r,
		       struct rawprogram_entry *x, struct err *e)
{
	const char *value = xml_attr(node, "value");
	bool has_offset, has_size;

	if (common_parse(node, r, x, e) < 0 ||
	    attr_u64(node, "byte_offset", INT64_MAX, &has_offset, &x->byte_offset, e) < 0 ||
	    attr_u32(node, "size_in_bytes", 8, &has_size, &x->size_in_bytes, e) < 0)
		return -1;
	if (!has_offset || !has_size || x->size_in_bytes == 0 || !value || !value[0])
		return err_set(e, ERR_PROTO, "byte_offset, size_in_bytes or value is missing");
	if (value_parse(value, x, e) < 0)
		return err_prefix(e, "value");
	return 0;
}

static int vendor_parse(const struct xml_node *node, struct rawprogram_entry *x, struct err *e)
{
	const char *name, *value;
	struct writer w;
	size_t i, room = 16;

	for (i = 0; xml_attr_at(node, i, &name, &value); i++)
		room += strlen(name) + 6 * strlen(value) + 4; /* &quot; is the longest escape */
	x->vendor_xml = malloc(room);
	if (!x->vendor_xml)
		return err_nomem(e);
	w = writer_of(x->vendor_xml, room - 1);
	wr_str(&w, "<erase");
	for (i = 0; xml_attr_at(node, i, &name, &value); i++) {
		wr_str(&w, " ");
		wr_str(&w, name);
		wr_str(&w, "=\"");
		xml_escape(&w, value);
		wr_str(&w, "\"");
	}
	wr_str(&w, "/>");
	x->vendor_xml[w.n] = '\0';
	if (attr_text(node, "filename", &x->filename, e) < 0 ||
	    attr_text(node, "label", &x->label, e) < 0)
		return -1;
	return w.overflow ? err_set(e, ERR_BUG, "vendor element does not fit") : 0;
}

static void entry_fini(struct rawprogram_entry *x)
{
	free(x->filename);
	free(x->label);
	free(x->vendor_xml);
}

void rawprogram_fini(struct rawprogram *r)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		entry_fini(&r->entry[i]);
	free(r->entry);
	free(r->finding);
	*r = (struct rawprogram){ 0 };
}

/* The element behind what is in r; *ret_known is false for one that is passed over. */
static int entry_parse(const struct xml_node *node, struct rawprogram *r,
		       struct rawprogram_entry *x, bool *ret_known, struct err *e)
{
	const char *name = xml_name(node);

	*ret_known = true;
	x->line = xml_line(node);
	if (strcmp(name, "program") == 0) {
		x->op = RAWPROGRAM_PROGRAM;
		return range_parse(node, r, x, e);
	}
	if (strcmp(name, "erase") == 0) {
		x->op = xml_attr(node, "vendor") ? RAWPROGRAM_VENDOR : RAWPROGRAM_ERASE;
		return x->op == RAWPROGRAM_VENDOR ? vendor_parse(node, x, e)
						  : range_parse(node, r, x, e);
	}
	if (strcmp(name, "patch") == 0) {
		x->op = RAWPROGRAM_PATCH;
		return patch_parse(node, r, x, e);
	}
	*ret_known = false;
	rawprogram_find(r, RAWPROGRAM_UNKNOWN_ELEMENT, x->line, "element <%.40s> is passed over",
			name);
	return 0;
}

static int entries_parse(const struct xml_node *root, struct rawprogram *r, struct err *e)
{
	const struct xml_node *node;
	size_t cap = 0;

	for (node = xml_child(root); node; node = xml_next(node)) {
		struct rawprogram_entry x = { .line = xml_line(node) };
		bool known;

		if (entry_parse(node, r, &x, &known, e) < 0) {
			entry_fini(&x);
			return err_prefix(e, "line %u: <%.40s>", x.line, xml_name(node));
		}
		if (!known)
			continue;
		if (r->n == cap) {
			size_t more = cap ? 2 * cap : 32;
			struct rawprogram_entry *p = NULL;

			if (r->n < RAWPROGRAM_MAX_ENTRIES)
				p = reallocarray(r->entry, more, sizeof(*p));
			if (!p) {
				entry_fini(&x);
				return r->n < RAWPROGRAM_MAX_ENTRIES
					       ? err_nomem(e)
					       : err_set(e, ERR_PROTO, "more than %d entries",
							 RAWPROGRAM_MAX_ENTRIES);
			}
			r->entry = p;
			cap = more;
		}
		r->entry[r->n++] = x;
	}
	if (r->n == 0)
		return err_set(e, ERR_PROTO, "no <program>, <erase> or <patch> in <%.40s>",
			       xml_name(root));
	return 0;
}

int rawprogram_parse(struct slice text, struct rawprogram *ret, struct err *e)
{
	struct rawprogram r = { 0 };
	struct xml_doc *doc;
	int result;

	if (xml_parse(text, RAWPROGRAM_TEXT_MAX, &doc, e) < 0)
		return -1;
	/* Allocated once, so that a finding can be noted anywhere without a failure of its own. */
	r.finding = calloc(RAWPROGRAM_MAX_FINDINGS, sizeof(*r.finding));
	result = r.finding ? entries_parse(xml_root(doc), &r, e) : err_nomem(e);
	xml_free(doc);
	if (result < 0) {
		rawprogram_fini(&r);
		return -1;
	}
	rawprogram_lint(&r);
	*ret = r;
	return 0;
}
