#include "model/extent.h"

#include "base/bytes.h"
#include "model/geometry.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static int parse_part(const char *text, size_t n, uint64_t max, uint64_t *ret, struct err *e)
{
	char num[32];

	if (n == 0 || n >= sizeof(num))
		return err_set(e, ERR_USAGE, "empty or overlong number");
	memcpy(num, text, n);
	num[n] = '\0';
	return parse_u64(num, max, ret, e);
}

int extent_parse(const char *text, struct extent *ret, struct err *e)
{
	const char *slash = strchr(text, '/');
	const char *start = slash ? slash + 1 : text;
	const char *plus = strchr(start, '+');
	uint64_t lun = 0;
	struct extent x = { 0, 0, 0 };

	if (!plus) {
		err_set(e, ERR_USAGE, "expected LUN/START+COUNT");
		goto fail;
	}
	if (slash && parse_part(text, (size_t)(slash - text), UINT8_MAX, &lun, e) < 0)
		goto fail;
	if (parse_part(start, (size_t)(plus - start), INT64_MAX, &x.start, e) < 0 ||
	    parse_part(plus + 1, strlen(plus + 1), INT64_MAX, &x.count, e) < 0)
		goto fail;
	if (x.count == 0) {
		err_set(e, ERR_USAGE, "a count of 0 sectors");
		goto fail;
	}
	x.lun = (uint32_t)lun;
	*ret = x;
	return 0;
fail:
	return err_prefix(e, "'%s' is not an extent", text);
}

int extent_bytes(const struct extent *x, uint32_t sector_size, uint64_t *ret, struct err *e)
{
	uint64_t end;

	if (x->count == 0 || !add_u64(x->start, x->count, &end) || !mul_u64(x->count, sector_size, ret))
		return err_set(e, ERR_MISMATCH, "impossible extent: %" PRIu64 " sectors from %" PRIu64,
			       x->count, x->start);
	return 0;
}

bool extent_within(const struct extent *x, const struct extent *outer)
{
	return x->lun == outer->lun && x->start >= outer->start && x->count <= outer->count &&
	       x->start - outer->start <= outer->count - x->count;
}

bool extent_overlaps(const struct extent *a, const struct extent *b)
{
	if (a->lun != b->lun)
		return false;
	return a->start < b->start ? b->start - a->start < a->count : a->start - b->start < b->count;
}

const char *storage_type_name(enum storage_type t)
{
	static const char *const names[] = { "unknown", "nand", "emmc", "ufs" };

	return (unsigned)t < ARRAY_SIZE(names) ? names[t] : names[0];
}

enum storage_type storage_type_parse(const char *name)
{
	if (strcasecmp(name, "nand") == 0)
		return STORAGE_NAND;
	if (strcasecmp(name, "emmc") == 0)
		return STORAGE_EMMC;
	if (strcasecmp(name, "ufs") == 0)
		return STORAGE_UFS;
	return STORAGE_UNKNOWN;
}
