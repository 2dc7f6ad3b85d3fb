#include "image/dumpmap.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* JSON integers have 63 bits, so this stands for "missing or not a number". */
#define ABSENT UINT64_MAX

/* Lower-case hex of a SHA-256. */
static int digest_parse(const char *hex, char out[DIGEST_HEX_MAX], struct err *e)
{
	struct err why = ERR_INIT;
	uint8_t raw[32];
	size_t n;

	if (strlen(hex) != 2 * sizeof(raw) || hex_decode(hex, raw, sizeof(raw), &n, &why) < 0 ||
	    n != sizeof(raw))
		return err_set(e, ERR_PROTO, "'sha256' is missing or not 64 hex digits");
	hex_encode(out, SLICE(raw, sizeof(raw)));
	return 0;
}

int dumpmap_write(const struct blockmap *m, const char *sha256, struct buf *out, struct err *e)
{
	char digest[DIGEST_HEX_MAX];
	struct json *o, *runs;
	char *text;
	size_t i, first;
	int r;

	if (m->page || m->in_page)
		return err_set(e, ERR_BUG, "the block map is not finished");
	if (digest_parse(sha256, digest, e) < 0) {
		e->kind = ERR_BUG;
		return -1;
	}
	o = json_object_new();
	json_put_u64(o, "salvor_block_map", DUMPMAP_VERSION);
	json_put_str(o, "sha256", digest);
	json_put_u64(o, "page_size", m->page_size);
	json_put_u64(o, "pages_per_block", m->pages_per_block);
	json_put_u64(o, "filler", m->filler);
	json_put_u64(o, "blocks", m->n);
	runs = json_put_array(o, "runs");
	for (first = 0; first < m->n; first = i) {
		const struct block_info *b = &m->block[first];
		struct json *run = json_add_object(runs);

		for (i = first + 1; i < m->n; i++) {
			if (m->block[i].state != b->state ||
			    m->block[i].data_pages != b->data_pages)
				break;
		}
		json_put_u64(run, "block", first);
		json_put_u64(run, "count", i - first);
		json_put_str(run, "state", block_state_name(b->state));
		json_put_u64(run, "data_pages", b->data_pages);
	}
	r = json_dump(o, 1, &text, e);
	json_free(o);
	if (r < 0)
		return -1;
	r = buf_add(out, text, strlen(text), e);
	if (r == 0)
		r = buf_add(out, "\n", 1, e);
	free(text);
	return r;
}

static int get_num(const struct json *o, const char *key, uint64_t max, uint64_t *ret,
		   struct err *e)
{
	uint64_t v = json_get_u64(o, key, ABSENT);

	if (v == ABSENT)
		return err_set(e, ERR_PROTO, "'%s' is missing or not a number", key);
	if (v > max)
		return err_set(e, ERR_PROTO, "'%s' is %" PRIu64 ", more than %" PRIu64, key, v,
			       max);
	*ret = v;
	return 0;
}

/* How many data pages a block of this state can have. */
static bool pages_fit(enum block_state state, uint64_t pages, uint32_t pages_per_block)
{
	switch (state) {
	case BLOCK_DATA:
		return pages >= 1 && pages <= pages_per_block;
	case BLOCK_FILLER:
		/* at least one filler page and one of data */
		return pages >= 2 && pages <= pages_per_block;
	default:
		return pages == 0;
	}
}

static int parse_run(const struct json *run, struct blockmap *m, struct err *e)
{
	const char *name = json_get_str(run, "state", "");
	uint64_t block, count, pages;
	enum block_state state;

	if (get_num(run, "block", BLOCKMAP_MAX_BLOCKS, &block, e) < 0 ||
	    get_num(run, "count", BLOCKMAP_MAX_BLOCKS, &count, e) < 0 ||
	    get_num(run, "data_pages", m->pages_per_block, &pages, e) < 0)
		return -1;
	if (block != m->n)
		return err_set(e, ERR_PROTO, "starts at block %" PRIu64 ", expected %zu", block,
			       m->n);
	if (count == 0 || count > m->cap - m->n)
		return err_set(e, ERR_PROTO, "covers %" PRIu64 " blocks where %zu are left", count,
			       m->cap - m->n);
	if (!block_state_parse(name, &state))
		return err_set(e, ERR_PROTO, "has the unknown state '%.32s'", name);
	if (!pages_fit(state, pages, m->pages_per_block))
		return err_set(e, ERR_PROTO, "has %" PRIu64 " data pages in state '%s'", pages,
			       name);
	while (count--)
		m->block[m->n++] = (struct block_info){ state, (uint32_t)pages };
	return 0;
}

static int parse_runs(const struct json *runs, uint64_t blocks, struct blockmap *m, struct err *e)
{
	size_t i;

	if (blocks) {
		m->block = calloc((size_t)blocks, sizeof(*m->block));
		if (!m->block)
			return err_nomem(e);
		m->cap = (size_t)blocks;
	}
	for (i = 0; i < json_array_len(runs); i++) {
		if (parse_run(json_array_at(runs, i), m, e) < 0)
			return err_prefix(e, "run %zu", i);
	}
	if (m->n != blocks)
		return err_set(e, ERR_PROTO, "runs cover %zu of %" PRIu64 " blocks", m->n, blocks);
	return 0;
}

static int parse_object(const struct json *o, struct dumpmap *d, struct err *e)
{
	uint64_t version, page_size, per_block, filler, blocks;

	if (get_num(o, "salvor_block_map", ABSENT, &version, e) < 0)
		return -1;
	if (version != DUMPMAP_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			       "format version %" PRIu64 ", this program knows version %d", version,
			       DUMPMAP_VERSION);
	if (get_num(o, "page_size", UINT32_MAX, &page_size, e) < 0 ||
	    get_num(o, "pages_per_block", UINT32_MAX, &per_block, e) < 0 ||
	    get_num(o, "filler", UINT8_MAX, &filler, e) < 0 ||
	    get_num(o, "blocks", BLOCKMAP_MAX_BLOCKS, &blocks, e) < 0 ||
	    digest_parse(json_get_str(o, "sha256", ""), d->sha256, e) < 0)
		return -1;
	if (blockmap_init(&d->map, (uint32_t)page_size, (uint32_t)per_block, (uint8_t)filler, e) <
	    0) {
		e->kind = ERR_PROTO;
		return -1;
	}
	return parse_runs(json_get(o, "runs"), blocks, &d->map, e);
}

int dumpmap_parse(struct slice text, struct dumpmap *ret, struct err *e)
{
	struct dumpmap d = { 0 };
	struct json *o;
	int r;

	if (text.n > DUMPMAP_TEXT_MAX)
		return err_set(e, ERR_PROTO, "block map: %zu bytes of text, more than %u", text.n,
			       DUMPMAP_TEXT_MAX);
	if (json_parse(text, &o, e) < 0)
		return err_prefix(e, "block map");
	r = parse_object(o, &d, e);
	json_free(o);
	if (r < 0) {
		dumpmap_fini(&d);
		return err_prefix(e, "block map");
	}
	*ret = d;
	return 0;
}

void dumpmap_fini(struct dumpmap *d)
{
	blockmap_fini(&d->map);
}
