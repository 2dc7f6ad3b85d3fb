#include "image/blockmap.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_MAX            65536
#define PAGES_PER_BLOCK_MAX 4096

static void block_begin(struct blockmap *m)
{
	m->page = m->last_data = m->filler_before_data = m->filler_run = 0;
	m->in_page = 0;
	m->page_all_ff = m->page_all_filler = true;
}

int blockmap_init(struct blockmap *m, uint32_t page_size, uint32_t pages_per_block, uint8_t filler,
		  struct err *e)
{
	if (page_size == 0 || page_size > PAGE_MAX || pages_per_block == 0 ||
	    pages_per_block > PAGES_PER_BLOCK_MAX)
		return err_set(e, ERR_MISMATCH,
			       "impossible NAND geometry: pages of %u bytes, %u pages per block",
			       page_size, pages_per_block);
	*m = (struct blockmap){ .page_size = page_size,
				.pages_per_block = pages_per_block,
				.filler = filler };
	block_begin(m);
	return 0;
}

void blockmap_fini(struct blockmap *m)
{
	free(m->block);
	m->block = NULL;
	m->n = m->cap = 0;
}

static int block_add(struct blockmap *m, struct block_info info, struct err *e)
{
	if (m->n == BLOCKMAP_MAX_BLOCKS)
		return err_set(e, ERR_PROTO, "more than the %d erase blocks that any module has",
			       BLOCKMAP_MAX_BLOCKS);
	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 256;
		struct block_info *more = reallocarray(m->block, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		m->block = more;
		m->cap = cap;
	}
	m->block[m->n++] = info;
	return 0;
}

/* Filler in front of data cannot be an erased page, because NAND is programmed in ascending order:
 * it is a page that the programmer could not or did not read. In the tail of a block it is erased.
 */
static void page_end(struct blockmap *m)
{
	if (m->page_all_ff) {
		/* erased, wherever it stands */
	} else if (m->page_all_filler) {
		m->filler_run++;
	} else {
		m->filler_before_data += m->filler_run;
		m->filler_run = 0;
		m->last_data = m->page + 1;
	}
	m->page++;
	m->in_page = 0;
	m->page_all_ff = m->page_all_filler = true;
}

static int block_end(struct blockmap *m, struct err *e)
{
	struct block_info info = { BLOCK_DATA, m->last_data };

	if (m->last_data == 0)
		info.state = BLOCK_ERASED;
	else if (m->filler_before_data)
		info.state = BLOCK_FILLER;
	if (block_add(m, info, e) < 0)
		return -1;
	block_begin(m);
	return 0;
}

int blockmap_feed(struct blockmap *m, struct slice s, struct err *e)
{
	while (s.n) {
		struct slice part = slice_sub(s, 0, m->page_size - m->in_page);

		/* Once a page is known to be data its remaining bytes are not looked at. */
		if (m->page_all_ff)
			m->page_all_ff = slice_all(part, 0xFF);
		if (m->page_all_filler)
			m->page_all_filler = slice_all(part, m->filler);
		m->in_page += part.n;
		s = slice_sub(s, part.n, SIZE_MAX);
		if (m->in_page < m->page_size)
			break;
		page_end(m);
		if (m->page == m->pages_per_block && block_end(m, e) < 0)
			return -1;
	}
	return 0;
}

int blockmap_skip(struct blockmap *m, enum block_state why, struct err *e)
{
	if (m->page || m->in_page)
		return err_set(e, ERR_BUG, "block %zu is skipped after %u pages of it were seen",
			       m->n, m->page);
	if (why != BLOCK_BAD && why != BLOCK_UNREAD)
		return err_set(e, ERR_BUG, "a block is skipped as '%s'", block_state_name(why));
	return block_add(m, (struct block_info){ why, 0 }, e);
}

int blockmap_end(struct blockmap *m, struct err *e)
{
	if (m->in_page)
		return err_set(e, ERR_INTEGRITY,
			       "dump ends after %zu of the %u bytes of page %u in block %zu",
			       m->in_page, m->page_size, m->page, m->n);
	return m->page ? block_end(m, e) : 0;
}

struct blockmap_summary blockmap_summary(const struct blockmap *m)
{
	struct blockmap_summary s = { 0 };
	size_t i;

	for (i = 0; i < m->n; i++) {
		switch (m->block[i].state) {
		case BLOCK_DATA:
			s.data++;
			break;
		case BLOCK_ERASED:
			s.erased++;
			break;
		case BLOCK_FILLER:
			s.filler++;
			break;
		case BLOCK_BAD:
			s.bad++;
			break;
		case BLOCK_UNREAD:
			s.unread++;
			break;
		}
	}
	s.restorable = s.filler == 0 && s.bad == 0 && s.unread == 0;
	return s;
}

static const char *const state_names[] = { "data", "erased", "filler", "bad", "unread" };

const char *block_state_name(enum block_state s)
{
	return (unsigned)s < ARRAY_SIZE(state_names) ? state_names[s] : "unknown";
}

bool block_state_parse(const char *name, enum block_state *ret)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (strcmp(name, state_names[i]) == 0) {
			*ret = (enum block_state)i;
			return true;
		}
	}
	return false;
}

int blockmap_writer_init(struct blockmap_writer *w, const struct blockmap *m, struct err *e)
{
	struct blockmap_summary s = blockmap_summary(m);

	if (m->page || m->in_page)
		return err_set(e, ERR_BUG, "the block map is not finished");
	if (!s.restorable)
		return err_set(
			e, ERR_INTEGRITY,
			"dump cannot be written back: of %zu blocks %zu hold pages that were not "
			"read, %zu were bad and %zu were not read at all",
			m->n, s.filler, s.bad, s.unread);
	*w = (struct blockmap_writer){ m, 0 };
	return 0;
}

bool blockmap_writer_next(struct blockmap_writer *w, struct blockmap_write *ret)
{
	const struct blockmap *m = w->map;

	if (w->next >= m->n)
		return false;
	*ret = (struct blockmap_write){
		.block = w->next,
		.pages = m->block[w->next].data_pages,
		.offset = (uint64_t)w->next * m->page_size * m->pages_per_block,
	};
	w->next++;
	return true;
}
