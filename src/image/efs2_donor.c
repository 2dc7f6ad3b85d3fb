#include "image/efs2_donor.h"

#include "image/efs2_priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static void say(struct efs2_donor *d, bool blocker, const char *fmt, ...) _printf_(3, 4);

static void say(struct efs2_donor *d, bool blocker, const char *fmt, ...)
{
	va_list ap;

	d->fits &= !blocker;
	if (d->n == EFS2_DONOR_REASONS)
		return;
	d->reason[d->n].blocker = blocker;
	va_start(ap, fmt);
	vsnprintf(d->reason[d->n].text, sizeof(d->reason[d->n].text), fmt, ap);
	va_end(ap);
	d->n++;
}

static bool block_used(const struct efs2 *fs, uint32_t block)
{
	uint64_t p = (uint64_t)block * fs->sb.block_size, end = p + fs->sb.block_size;

	for (; p < end && p < fs->pages; p++)
		if (fs->pstate[p] != EFS2_PS_ERASED)
			return true;
	return false;
}

static void judge_bad_blocks(const struct efs2 *fs, const struct efs2_target *t,
			     struct efs2_donor *d)
{
	uint32_t hit = 0, first = 0;
	size_t i;

	if (!t->bad_known) {
		say(d, false,
		    "the target's bad blocks are not known: pages in the image are physical, "
		    "a bad block under data ends in a loss");
		return;
	}
	for (i = 0; i < t->n_bad; i++) {
		if (!block_used(fs, t->bad[i]))
			continue;
		if (hit++ == 0)
			first = t->bad[i];
	}
	if (hit)
		say(d, true,
		    "%u blocks that hold data in the image are bad on the target, the first is %u",
		    hit, first);
}

void efs2_donor_judge(const struct efs2 *fs, const struct efs2_target *t, struct efs2_donor *ret)
{
	const struct efs2_report *r = &fs->report;
	struct efs2_donor d = { .fits = true };

	if (r->form == EFS2_FORM_BACKUP)
		say(&d, true, "a backup partition belongs to one module and is never a donor");
	if (t->page_size && t->page_size != r->page_size)
		say(&d, true, "pages of %u bytes in the image, of %u on the target", r->page_size,
		    t->page_size);
	if (t->pages_per_block && t->pages_per_block != r->pages_per_block)
		say(&d, true, "blocks of %u pages in the image, of %u on the target",
		    r->pages_per_block, t->pages_per_block);
	if (!t->page_size || !t->pages_per_block || !t->size)
		say(&d, true, "the target's geometry is not known");
	if (r->form == EFS2_FORM_NAND && t->size && t->size != r->expect_size)
		say(&d, true,
		    "file system of %" PRIu64 " bytes, partition of %" PRIu64 " on the target",
		    r->expect_size, t->size);
	if (r->form == EFS2_FORM_CEFS && t->size && t->size < r->expect_size)
		say(&d, true,
		    "factory image of %" PRIu64 " bytes, partition of %" PRIu64 " on the target",
		    r->expect_size, t->size);
	if (r->form == EFS2_FORM_NAND && r->size != r->expect_size)
		say(&d, true, "the image has %" PRIu64 " bytes where its geometry needs %" PRIu64,
		    r->size, r->expect_size);
	if (r->unread)
		say(&d, true, "%u pages of the image were never read", r->unread);
	else if (!r->clean)
		say(&d, true, "the image is not clean (%u faults, first: %.90s)", r->faults,
		    fs->n_note ? fs->note[0] : "none noted");
	else if (!r->layout_checked)
		say(&d, true, "the layout of the image is not confirmed by its own tables");
	judge_bad_blocks(fs, t, &d);
	if (r->unaccounted)
		say(&d, false,
		    "%u pages were written but not recorded: taken from a module that was stopped "
		    "in the middle",
		    r->unaccounted);
	*ret = d;
}
