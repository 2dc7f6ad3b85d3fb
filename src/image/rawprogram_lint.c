#include "image/rawprogram_lint.h"

#include "model/extent.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum rawprogram_level level;
} codes[] = {
	[RAWPROGRAM_NO_LUN] = { "no-lun", RAWPROGRAM_NOTE },
	[RAWPROGRAM_NO_SECTOR_SIZE] = { "no-sector-size", RAWPROGRAM_NOTE },
	[RAWPROGRAM_NO_FILENAME] = { "no-filename", RAWPROGRAM_NOTE },
	[RAWPROGRAM_UNKNOWN_ELEMENT] = { "unknown-element", RAWPROGRAM_WARNING },
	[RAWPROGRAM_VENDOR_CHECK] = { "vendor-check", RAWPROGRAM_NOTE },
	[RAWPROGRAM_DUPLICATE_LABEL] = { "duplicate-label", RAWPROGRAM_WARNING },
	[RAWPROGRAM_OVERLAP] = { "overlap", RAWPROGRAM_ERROR },
	[RAWPROGRAM_LATE_ERASE] = { "late-erase", RAWPROGRAM_WARNING },
	[RAWPROGRAM_ERASE_ALL] = { "erase-all", RAWPROGRAM_ERROR },
	[RAWPROGRAM_UNALIGNED] = { "unaligned", RAWPROGRAM_ERROR },
	[RAWPROGRAM_MIXED_GEOMETRY] = { "mixed-geometry", RAWPROGRAM_ERROR },
	[RAWPROGRAM_LAST_SECTOR] = { "last-sector", RAWPROGRAM_ERROR },
	[RAWPROGRAM_BAD_PATH] = { "bad-path", RAWPROGRAM_ERROR },
	[RAWPROGRAM_FACTORY_EFS] = { "factory-efs", RAWPROGRAM_WARNING },
	[RAWPROGRAM_MORE] = { "more", RAWPROGRAM_WARNING },
};

const char *rawprogram_code_name(enum rawprogram_code code)
{
	return (unsigned)code < ARRAY_SIZE(codes) ? codes[code].name : "unknown";
}

void rawprogram_find(struct rawprogram *r, enum rawprogram_code code, unsigned line,
		     const char *fmt, ...)
{
	struct rawprogram_finding *f;
	va_list ap;

	if (r->n_findings == RAWPROGRAM_MAX_FINDINGS)
		return;
	f = &r->finding[r->n_findings++];
	if (r->n_findings == RAWPROGRAM_MAX_FINDINGS) {
		*f = (struct rawprogram_finding){ codes[RAWPROGRAM_MORE].level, RAWPROGRAM_MORE,
						  line,
						  "there are more findings than can be listed" };
		return;
	}
	f->level = codes[code].level;
	f->code = code;
	f->line = line;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* The sectors an entry covers, when the file alone tells. */
static bool extent_of(const struct rawprogram_entry *x, struct extent *ret)
{
	if (x->start.base != RAWPROGRAM_PLAIN || !x->has_count)
		return false;
	*ret = (struct extent){ x->lun, x->start.n, x->count };
	return true;
}

static bool writes(const struct rawprogram_entry *x)
{
	return x->op == RAWPROGRAM_PROGRAM && x->filename[0];
}

/* Is this path absolute, or does it climb out of the package? The XML files lie two folders below
 * its root (update/firehose), and name images beside them or one folder up. */
static bool path_is_bad(const char *path)
{
	int depth = 2;

	if (path[0] == '/' || (path[0] && path[1] == ':'))
		return true;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			depth--;
		else if (n && !(n == 1 && path[0] == '.'))
			depth++;
		if (depth < 0)
			return true;
		path += n;
		path += *path == '/';
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void lint_range(struct rawprogram *r, const struct rawprogram_entry *x)
{
	uint64_t last;

	if (x->op == RAWPROGRAM_PROGRAM && !x->filename[0])
		rawprogram_find(r, RAWPROGRAM_NO_FILENAME, x->line,
				"'%.40s' has no file, nothing is written", x->label);
	if (x->op == RAWPROGRAM_ERASE && !x->has_count)
		rawprogram_find(
			r, RAWPROGRAM_ERASE_ALL, x->line,
			"erase without a length takes everything, identity and calibration too");
	if (x->pages_per_block && x->start.base == RAWPROGRAM_PLAIN &&
	    (x->start.n % x->pages_per_block ||
	     (x->op == RAWPROGRAM_ERASE && x->count % x->pages_per_block)))
		rawprogram_find(r, RAWPROGRAM_UNALIGNED, x->line,
				"%" PRIu64 " sectors from %" PRIu64
				" are not whole blocks of %u pages",
				x->count, x->start.n, x->pages_per_block);
	if (x->has_last_sector && x->has_count && x->start.base == RAWPROGRAM_PLAIN &&
	    x->last_sector.base == RAWPROGRAM_PLAIN) {
		last = x->start.n + x->count - 1; /* both have at most 63 bits */
		if (last != x->last_sector.n)
			rawprogram_find(r, RAWPROGRAM_LAST_SECTOR, x->line,
					"last_sector is %" PRIu64 ", start and count make %" PRIu64,
					x->last_sector.n, last);
	}
	if (strncasecmp(base_name(x->filename), "cefs.", 5) == 0)
		rawprogram_find(
			r, RAWPROGRAM_FACTORY_EFS, x->line,
			"factory file: '%.40s' replaces identity and calibration by an empty EFS",
			x->filename);
}

static void lint_entry(struct rawprogram *r, const struct rawprogram_entry *x)
{
	switch (x->op) {
	case RAWPROGRAM_VENDOR:
		rawprogram_find(r, RAWPROGRAM_VENDOR_CHECK, x->line,
				"the package names its module: %.100s", x->vendor_xml);
		return;
	case RAWPROGRAM_PATCH:
		if (!x->filename[0])
			rawprogram_find(r, RAWPROGRAM_NO_FILENAME, x->line,
					"patch of no file, it is not run");
		break;
	default:
		lint_range(r, x);
	}
	if (path_is_bad(x->filename))
		rawprogram_find(r, RAWPROGRAM_BAD_PATH, x->line, "'%.100s' leaves the package",
				x->filename);
}

static void lint_pair(struct rawprogram *r, const struct rawprogram_entry *a,
		      const struct rawprogram_entry *b)
{
	struct extent xa, xb;

	if (a->op == RAWPROGRAM_PROGRAM && b->op == RAWPROGRAM_PROGRAM && a->label[0] &&
	    a->lun == b->lun && strcasecmp(a->label, b->label) == 0)
		rawprogram_find(r, RAWPROGRAM_DUPLICATE_LABEL, b->line,
				"label '%.40s' is also that of line %u", b->label, a->line);
	if (!writes(a) || !extent_of(a, &xa) || !extent_of(b, &xb) || !extent_overlaps(&xa, &xb))
		return;
	if (writes(b))
		rawprogram_find(r, RAWPROGRAM_OVERLAP, b->line,
				"writes sectors that line %u writes too", a->line);
	else if (b->op == RAWPROGRAM_ERASE)
		rawprogram_find(r, RAWPROGRAM_LATE_ERASE, b->line,
				"erases what line %u wrote, unless all erases are run first",
				a->line);
}

static void lint_geometry(struct rawprogram *r)
{
	const struct rawprogram_entry *size = NULL, *pages = NULL;
	size_t i;

	for (i = 0; i < r->n; i++) {
		const struct rawprogram_entry *x = &r->entry[i];

		if (!size && x->sector_size)
			size = x;
		if (!pages && x->pages_per_block)
			pages = x;
		if ((x->sector_size && x->sector_size != size->sector_size) ||
		    (x->pages_per_block && x->pages_per_block != pages->pages_per_block)) {
			rawprogram_find(r, RAWPROGRAM_MIXED_GEOMETRY, x->line,
					"sectors of %u bytes, %u to a block; elsewhere %u and %u",
					x->sector_size, x->pages_per_block,
					size ? size->sector_size : 0,
					pages ? pages->pages_per_block : 0);
			return;
		}
	}
}

void rawprogram_lint(struct rawprogram *r)
{
	size_t i, k;

	for (i = 0; i < r->n; i++) {
		lint_entry(r, &r->entry[i]);
		for (k = i + 1; k < r->n; k++)
			lint_pair(r, &r->entry[i], &r->entry[k]);
	}
	lint_geometry(r);
}
