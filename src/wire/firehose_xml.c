#include "wire/firehose_xml.h"

#include "base/xml.h"
#include "wire/firehose_rx.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILENAME_MAX_SENT 64

/* The element is written into memory of its own first: it has a limit of its own. */
struct element {
	char room[FIREHOSE_TAG_MAX];
	struct writer w;
};

static void element_begin(struct element *el, const char *name)
{
	el->w = writer_of(el->room, sizeof(el->room));
	wr_fmt(&el->w, "<%s ", name);
}

static void attr_u64(struct element *el, const char *name, uint64_t v)
{
	wr_fmt(&el->w, "%s=\"%" PRIu64 "\" ", name, v);
}

static void attr_str(struct element *el, const char *name, const char *v)
{
	wr_fmt(&el->w, "%s=\"", name);
	xml_escape(&el->w, v);
	wr_str(&el->w, "\" ");
}

static int envelope(struct writer *w, struct slice element, struct err *e)
{
	wr_str(w, "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n");
	wr_bytes(w, element.p, element.n);
	wr_str(w, "\n</data>");
	if (w->overflow)
		return err_set(e, ERR_BUG, "no room for a Firehose command of %zu bytes",
			       element.n);
	return 0;
}

static int element_end(struct element *el, struct writer *w, struct err *e)
{
	wr_str(&el->w, "/>");
	if (el->w.overflow)
		return err_set(e, ERR_USAGE,
			       "a Firehose command of more than %d bytes: its texts are too long",
			       FIREHOSE_TAG_MAX);
	return envelope(w, writer_slice(&el->w), e);
}

int firehose_configure_build(struct writer *w, const struct firehose_configure *c, struct err *e)
{
	struct element el;

	element_begin(&el, "configure");
	attr_str(&el, "MemoryName", c->memory_name);
	attr_u64(&el, "Verbose", 0);
	attr_u64(&el, "AlwaysValidate", 0);
	attr_u64(&el, "MaxDigestTableSizeInBytes", c->digest_table);
	attr_u64(&el, "MaxPayloadSizeToTargetInBytes", c->payload_to_target);
	attr_u64(&el, "ZlpAwareHost", c->zlp_aware);
	attr_u64(&el, "SkipStorageInit", c->skip_storage_init);
	return element_end(&el, w, e);
}

static int attr_range(struct element *el, const struct firehose_range *r, const char *filename,
		      struct err *e)
{
	uint64_t end;

	/* An erase that lost its range erases the whole chip: an empty one never leaves this file.
	 */
	if (r->count == 0 || r->sector_size == 0 || !add_u64(r->start, r->count, &end))
		return err_set(e, ERR_BUG,
			       "impossible range: %" PRIu64 " sectors of %" PRIu32
			       " bytes from %" PRIu64,
			       r->count, r->sector_size, r->start);
	if (r->pages_per_block)
		attr_u64(el, "PAGES_PER_BLOCK", r->pages_per_block);
	attr_u64(el, "SECTOR_SIZE_IN_BYTES", r->sector_size);
	if (filename)
		attr_str(el, "filename", filename);
	attr_u64(el, "num_partition_sectors", r->count);
	attr_u64(el, "physical_partition_number", r->lun);
	attr_u64(el, "start_sector", r->start);
	return 0;
}

static int range_build(struct writer *w, const char *name, const struct firehose_range *r,
		       struct err *e)
{
	struct element el;

	element_begin(&el, name);
	if (attr_range(&el, r, NULL, e) < 0)
		return err_prefix(e, "%s", name);
	return element_end(&el, w, e);
}

int firehose_read_build(struct writer *w, const struct firehose_range *r, struct err *e)
{
	return range_build(w, "read", r, e);
}

int firehose_erase_build(struct writer *w, const struct firehose_range *r, struct err *e)
{
	return range_build(w, "erase", r, e);
}

int firehose_sha256_build(struct writer *w, const struct firehose_range *r, struct err *e)
{
	return range_build(w, "getsha256digest", r, e);
}

/* The last part of a path of either kind of system, in letters that need no escape: its only reader
 * is a log. */
static void short_name(char out[FILENAME_MAX_SENT + 1], const char *path)
{
	const char *p, *last = path;
	size_t n = 0;

	for (p = path; *p; p++) {
		if (*p == '/' || *p == '\\')
			last = p + 1;
	}
	for (; *last && n < FILENAME_MAX_SENT; last++) {
		unsigned char c = (unsigned char)*last;

		out[n++] = c > 0x20 && c < 0x7f && !strchr("<>&\"'", c) ? (char)c : '_';
	}
	out[n] = '\0';
}

int firehose_program_build(struct writer *w, const struct firehose_range *r, uint64_t last_sector,
			   const char *filename, struct err *e)
{
	char name[FILENAME_MAX_SENT + 1];
	struct element el;

	if (filename)
		short_name(name, filename);
	element_begin(&el, "program");
	if (attr_range(&el, r, filename ? name : NULL, e) < 0)
		return err_prefix(e, "program");
	if (last_sector)
		attr_u64(&el, "last_sector", last_sector);
	return element_end(&el, w, e);
}

int firehose_patch_build(struct writer *w, const struct firehose_patch_args *p, struct err *e)
{
	struct element el;

	element_begin(&el, "patch");
	attr_u64(&el, "SECTOR_SIZE_IN_BYTES", p->sector_size);
	attr_u64(&el, "byte_offset", p->byte_offset);
	attr_str(&el, "filename", "DISK");
	attr_u64(&el, "physical_partition_number", p->lun);
	attr_u64(&el, "size_in_bytes", p->size_in_bytes);
	attr_str(&el, "start_sector", p->start_sector);
	attr_str(&el, "value", p->value);
	return element_end(&el, w, e);
}

int firehose_storage_info_build(struct writer *w, uint32_t lun, bool json, struct err *e)
{
	struct element el;

	element_begin(&el, "getstorageinfo");
	attr_u64(&el, "physical_partition_number", lun);
	if (json)
		attr_u64(&el, "print_json", 1);
	return element_end(&el, w, e);
}

int firehose_power_build(struct writer *w, const char *value, unsigned delay_s, struct err *e)
{
	struct element el;

	element_begin(&el, "power");
	if (delay_s)
		attr_u64(&el, "DelayInSeconds", delay_s);
	attr_str(&el, "value", value);
	return element_end(&el, w, e);
}

int firehose_nop_build(struct writer *w, struct err *e)
{
	struct element el;

	element_begin(&el, "nop");
	return element_end(&el, w, e);
}

int firehose_set_bootable_build(struct writer *w, uint32_t lun, struct err *e)
{
	struct element el;

	element_begin(&el, "setbootablestoragedrive");
	attr_u64(&el, "value", lun);
	return element_end(&el, w, e);
}

/* May this element be sent as it stands? */
static int verbatim_check(const struct xml_node *root, struct err *e)
{
	static const char *const never[] = {
		"configure", "program", "read", "firmwarewrite", "benchmark",
		"emmc",      "ufs",     "peek", "poke",
	};
	const char *name = xml_name(root);
	size_t i;

	if (xml_child(root))
		return err_set(e, ERR_USAGE, "'%.32s' has elements inside", name);
	for (i = 0; i < ARRAY_SIZE(never); i++) {
		if (strcasecmp(name, never[i]) == 0)
			return err_set(e, ERR_POLICY, "'%.32s' is never sent as it stands", name);
	}
	if (strcasecmp(name, "erase") != 0)
		return 0;
	/* The vendor tags erase nothing: they make the programmer compare the project name. Without
	 * their attributes the programmer sees an erase of everything. */
	if (!((xml_attr(root, "vendor") && xml_attr(root, "c_project_name")) ||
	      xml_attr(root, "QUECTEL_PART_CHECK")))
		return err_set(
			e, ERR_POLICY,
			"an erase that is no vendor tag is not sent as it stands: it may erase "
			"everything");
	return 0;
}

int firehose_verbatim_build(struct writer *w, const char *element, struct err *e)
{
	struct slice s = SLICE(element, strlen(element));
	struct xml_doc *doc;
	int r;

	if (s.n > FIREHOSE_TAG_MAX)
		return err_set(e, ERR_USAGE,
			       "an element of %zu bytes, more than the %d that programmers take",
			       s.n, FIREHOSE_TAG_MAX);
	if (s.n < 4 || s.p[0] != '<' || memcmp(s.p + s.n - 2, "/>", 2) != 0)
		return err_set(e, ERR_USAGE, "not one self-closing element: '%.60s'", element);
	if (xml_parse(s, FIREHOSE_TAG_MAX, &doc, e) < 0)
		return err_prefix(e, "'%.60s'", element);
	r = verbatim_check(xml_root(doc), e);
	xml_free(doc);
	return r < 0 ? -1 : envelope(w, s, e);
}

/* Length of the well-formed UTF-8 sequence at p that XML may hold, 0 when there is none. */
static size_t utf8_len(const uint8_t *p, size_t n)
{
	uint32_t c, low;
	size_t len, i;

	if (p[0] < 0x80)
		return p[0] >= 0x20 || p[0] == '\t' || p[0] == '\n' || p[0] == '\r' ? 1 : 0;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	low = len == 2 ? 0x80 : len == 3 ? 0x800 : 0x10000;
	c = p[0] & (0x7fu >> len);
	if (len > n)
		return 0;
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < low || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
		return 0;
	return len;
}

static void clean(uint8_t *p, size_t n)
{
	size_t i = 0, len;

	while (i < n) {
		len = utf8_len(p + i, n - i);
		if (!len)
			p[i++] = '?';
		i += len;
	}
}

int firehose_doc_open(struct firehose_doc *d, struct slice bytes, struct err *e)
{
	bool answer = slice_find(bytes, SLICE_STR("<response")) != SIZE_MAX;
	uint8_t *copy;
	int r;

	*d = (struct firehose_doc){ 0 };
	if (bytes.n > FIREHOSE_RX_DOC_MAX)
		return err_set(e, ERR_PROTO, "a document of %zu bytes", bytes.n);
	copy = malloc(bytes.n ? bytes.n : 1);
	if (!copy)
		return err_nomem(e);
	if (bytes.n)
		memcpy(copy, bytes.p, bytes.n);
	clean(copy, bytes.n);
	r = xml_parse(SLICE(copy, bytes.n), FIREHOSE_RX_DOC_MAX, &d->xml, e);
	free(copy);
	if (r < 0) {
		if (e->kind == ERR_PROTO)
			e->code = answer;
		return err_prefix(e, "from the programmer");
	}
	if (strcmp(xml_name(xml_root(d->xml)), "data") == 0)
		d->next = xml_child(xml_root(d->xml));
	return 0;
}

void firehose_doc_close(struct firehose_doc *d)
{
	xml_free(d->xml);
	free(d->text);
	*d = (struct firehose_doc){ 0 };
}

static uint32_t number(const struct xml_node *node, const char *name)
{
	const char *text = xml_attr(node, name);
	struct err e = ERR_INIT;
	uint64_t v;

	return text && parse_u64(text, UINT32_MAX, &v, &e) == 0 ? (uint32_t)v : 0;
}

static void copy_text(char *out, size_t cap, const char *text)
{
	size_t n = text ? strnlen(text, cap - 1) : 0;

	if (n)
		memcpy(out, text, n);
	out[n] = '\0';
}

static void response_of(const struct xml_node *node, struct firehose_response *r)
{
	const char *value = xml_attr(node, "value");
	const char *raw = xml_attr(node, "rawmode");
	const char *retry = xml_attr(node, "AttemptRetry");

	*r = (struct firehose_response){
		.ack = value && strcasecmp(value, "ACK") == 0,
		.raw = raw && strcasecmp(raw, "true") == 0,
		.attempt_retry = retry && strcmp(retry, "1") == 0,
		.to_target = number(node, "MaxPayloadSizeToTargetInBytes"),
		.to_target_supported = number(node, "MaxPayloadSizeToTargetInBytesSupported"),
		.from_target = number(node, "MaxPayloadSizeFromTargetInBytes"),
		.max_xml = number(node, "MaxXMLSizeInBytes"),
		.has_version = xml_attr(node, "Version") != NULL,
	};
	copy_text(r->memory_name, sizeof(r->memory_name), xml_attr(node, "MemoryName"));
	copy_text(r->target_name, sizeof(r->target_name), xml_attr(node, "TargetName"));
}

/* One line of at most FIREHOSE_LOG_MAX bytes, without blanks at its end. */
static char *log_line(const char *text)
{
	size_t n = strnlen(text, FIREHOSE_LOG_MAX), i;
	char *line;

	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	line = malloc(n + 1);
	if (!line)
		return NULL;
	for (i = 0; i < n; i++)
		line[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
	line[n] = '\0';
	return line;
}

bool firehose_doc_next(struct firehose_doc *d, struct firehose_item *ret)
{
	const struct xml_node *node = d->next;
	const char *value;

	free(d->text);
	d->text = NULL;
	if (!node)
		return false;
	d->next = xml_next(node);
	*ret = (struct firehose_item){ .kind = FIREHOSE_ITEM_UNKNOWN, .text = xml_name(node) };
	if (strcasecmp(ret->text, "response") == 0) {
		ret->kind = FIREHOSE_ITEM_RESPONSE;
		response_of(node, &ret->response);
	} else if (strcasecmp(ret->text, "log") == 0) {
		ret->kind = FIREHOSE_ITEM_LOG;
		value = xml_attr(node, "value");
		d->text = log_line(value ? value : "");
		ret->text = d->text ? d->text : "";
	}
	return true;
}
