#include "wire/firehose_log.h"

#include "base/json.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const char *const levels[] = { "INFO: ", "WARN: ", "ERROR: ", "DEBUG: ", "OTHER: " };

static const char *after_level(const char *line)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strncmp(line, levels[i], strlen(levels[i])) == 0)
			return line + strlen(levels[i]);
	}
	return NULL;
}

const char *firehose_log_plain(const char *line)
{
	const char *plain = after_level(line);

	return plain ? plain : line;
}

static const char *after(const char *line, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncasecmp(line, prefix, n) == 0 ? line + n : NULL;
}

static const char *after_any(const char *line, const char *part)
{
	const char *at = strstr(line, part);

	return at ? at + strlen(part) : NULL;
}

/* A number at the start of text, blanks before it passed over. base 10 also takes 0x. */
static bool number_at(const char *text, unsigned base, uint64_t *ret, const char **ret_end)
{
	uint64_t v = 0;
	bool any = false;

	while (*text == ' ' || *text == '\t')
		text++;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X') &&
	    isxdigit((unsigned char)text[2])) {
		text += 2;
		base = 16;
	}
	for (;; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned digit;

		if (isdigit(c))
			digit = c - (unsigned)'0';
		else if (base == 16 && isxdigit(c))
			digit = (unsigned)tolower(c) - (unsigned)'a' + 10;
		else
			break;
		if (!mul_u64(v, base, &v) || !add_u64(v, digit, &v))
			return false;
		any = true;
	}
	if (any) {
		*ret = v;
		if (ret_end)
			*ret_end = text;
	}
	return any;
}

char firehose_log_family(const char *line)
{
	if (after(line, "Supported Functions: "))
		return 'A';
	/* Family A has one text of its own that begins like a level: a complaint about bad XML. */
	return after_level(line) && !after(line, "ERROR: XML not formed") ? 'B' : 0;
}

enum firehose_list_event firehose_log_list(const char *line, const char **ret_names)
{
	const char *p = firehose_log_plain(line), *names;

	names = after(p, "Supported Functions:");
	if (names && names[strspn(names, " ")]) {
		*ret_names = names;
		return FIREHOSE_LIST_ALL;
	}
	if (after(p, "Supported Functions"))
		return FIREHOSE_LIST_BEGIN;
	if (after(p, "End of supported functions"))
		return FIREHOSE_LIST_END;
	return FIREHOSE_LIST_NONE;
}

static const struct {
	const char *text, *then; /* `then` stands before the number and may be NULL */
	enum firehose_hint hint;
} hint_rows[] = {
	{ "Failed to set the IO options", NULL, FIREHOSE_HINT_TRY_NAND },
	{ "Failed to open the SDCC Device", NULL, FIREHOSE_HINT_TRY_UFS },
	{ "Failed to initialize (open whole lun) UFS Device slot", NULL, FIREHOSE_HINT_TRY_EMMC },
	{ "Not support configure MemoryName eMMC", NULL, FIREHOSE_HINT_TRY_UFS },
	{ "Attribute 'SECTOR_SIZE_IN_BYTES'", "disk sector size", FIREHOSE_HINT_SECTOR_SIZE },
	{ "different from device sector size", "different from device sector size (",
	  FIREHOSE_HINT_SECTOR_SIZE },
	{ "Attribute 'PAGES_PER_BLOCK'", "disk pages per block", FIREHOSE_HINT_PAGES_PER_BLOCK },
	{ "Host wants to send a Hash table", "larger than supported", FIREHOSE_HINT_DIGEST_TABLE },
	{ "Only nop and sig tag can be", NULL, FIREHOSE_HINT_LOCKED },
	{ "VIP is enabled, receiving the signed table", NULL, FIREHOSE_HINT_VIP },
	{ "Validated Image Programming is enabled", NULL, FIREHOSE_HINT_VIP },
	{ "Ignoring Unrecognized tag", NULL, FIREHOSE_HINT_UNKNOWN_TAG },
};

enum firehose_hint firehose_log_hint(const char *line, uint64_t *ret_value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hint_rows); i++) {
		const char *num;

		if (!strstr(line, hint_rows[i].text))
			continue;
		if (!hint_rows[i].then)
			return hint_rows[i].hint;
		num = after_any(line, hint_rows[i].then);
		if (num && number_at(num, 10, ret_value, NULL))
			return hint_rows[i].hint;
	}
	return FIREHOSE_HINT_NONE;
}

bool firehose_log_serial(const char *line, uint64_t *ret)
{
	const char *p = after(firehose_log_plain(line), "Chip serial num");

	if (!p)
		return false;
	p += strspn(p, ": (");
	return number_at(p, 10, ret, NULL);
}

bool firehose_log_digest(const char *line, uint8_t ret[32])
{
	const char *p = after(firehose_log_plain(line), "Digest ");
	struct err e = ERR_INIT;
	char hex[65];
	size_t n;

	if (!p)
		return false;
	p += strspn(p, " ");
	n = strspn(p, "0123456789abcdefABCDEF");
	if (n != 64)
		return false;
	memcpy(hex, p, 64);
	hex[64] = '\0';
	return hex_decode(hex, ret, 32, &n, &e) == 0 && n == 32;
}

bool firehose_log_bad_block(const char *line, uint32_t *ret)
{
	static const struct {
		const char *text;
		unsigned base;
		const char *then; /* must follow the number */
	} rows[] = {
		{ "skip bad block ", 10, "" },   /* family B, program */
		{ "bad block 0x", 16, "" },      /* family A, erase: "Skipping:<TAB>bad block" */
		{ "erase of block 0x", 16, "" }, /* family A */
		{ "erase failure at block 0x", 16, "" }, /* family A */
		{ "block:", 16, " is bad" },             /* family B, erase */
		{ "mark block ", 10, " as bad" },        /* family B, program */
	};
	const char *p = firehose_log_plain(line), *num, *end;
	uint64_t v;
	size_t i;

	num = after(p, "BAD_BLOCK");
	if (num && num[strspn(num, " ")] == '=') {
		num += strspn(num, " =");
		if (!number_at(num, 10, &v, NULL) || v > UINT32_MAX)
			return false;
		*ret = (uint32_t)v;
		return true;
	}
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		num = after_any(p, rows[i].text);
		if (!num || !number_at(num, rows[i].base, &v, &end) || v > UINT32_MAX ||
		    strncmp(end, rows[i].then, strlen(rows[i].then)) != 0)
			continue;
		*ret = (uint32_t)v;
		return true;
	}
	return false;
}

static void copy_text(char *out, size_t cap, const char *text)
{
	size_t n = strnlen(text, cap - 1), i;

	for (i = 0; i < n; i++)
		out[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

static uint32_t u32_of(uint64_t v)
{
	return v > UINT32_MAX ? 0 : (uint32_t)v;
}

static bool feed_json(struct firehose_storage *s, const char *text)
{
	struct err e = ERR_INIT;
	const struct json *info;
	const char *t;
	struct json *root;

	if (json_parse(SLICE(text, strlen(text)), &root, &e) < 0)
		return false;
	info = json_get(root, "storage_info");
	if (info) {
		s->total_blocks = json_get_u64(info, "total_blocks", s->total_blocks);
		s->block_size = json_get_u64(info, "block_size", s->block_size);
		s->page_size = json_get_u64(info, "page_size", s->page_size);
		s->num_physical = u32_of(json_get_u64(info, "num_physical", s->num_physical));
		s->manufacturer_id =
			u32_of(json_get_u64(info, "manufacturer_id", s->manufacturer_id));
		t = json_get_str(info, "mem_type", "");
		if (t[0])
			copy_text(s->mem_type, sizeof(s->mem_type), t);
		t = json_get_str(info, "prod_name", "");
		if (t[0])
			copy_text(s->product, sizeof(s->product), t);
	}
	json_free(root);
	return info != NULL;
}

/* The key of "KEY = value", without blanks; family A and phone programmers. */
static const char *value_of(const char *line, const char *key)
{
	const char *p = after(line, key);

	if (!p)
		return NULL;
	p += strspn(p, " \t");
	if (*p != '=')
		return NULL;
	return p + 1 + strspn(p + 1, " \t");
}

bool firehose_storage_feed(struct firehose_storage *s, const char *line)
{
	const char *p = firehose_log_plain(line), *v;
	uint64_t num32 = 0;
	const struct {
		const char *label; /* of family B; ends before the number */
		const char *key;   /* of family A */
		uint64_t *at;
	} rows[] = {
		{ "Device Total Logical Blocks: ", NULL, &s->total_blocks },
		{ "Device Block Size in Bytes: ", NULL, &s->block_size },
		{ NULL, "SECTOR_SIZE_IN_BYTES", &s->sector_size },
		{ NULL, "NUM_PARTITION_SECTORS", &s->total_sectors },
		{ NULL, "PAGES_IN_BLOCK", &s->pages_in_block },
	};
	size_t i;

	p += strspn(p, " \t");
	if (*p == '{')
		return feed_json(s, p);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		v = rows[i].label ? after(p, rows[i].label) : value_of(p, rows[i].key);
		if (v)
			return number_at(v, 10, rows[i].at, NULL);
	}
	v = after(p, "Device Total Physical Partitions: ");
	if (!v)
		v = value_of(p, "num_physical_partitions");
	if (v) {
		if (number_at(v, 10, &num32, NULL))
			s->num_physical = u32_of(num32);
		return true;
	}
	v = after(p, "Device Manufacturer ID: ");
	if (v) {
		if (number_at(v, 10, &num32, NULL))
			s->manufacturer_id = u32_of(num32);
		return true;
	}
	v = value_of(p, "FLASH_NAME");
	if (v) {
		copy_text(s->product, sizeof(s->product), v);
		return true;
	}
	if (after(p, "[BAD_BLOCK_LIST]") || value_of(p, "TOTAL_BAD_BLOCK")) {
		s->has_bad_list = true;
		return true;
	}
	return after(p, "[FLASH_INFO]") != NULL;
}
