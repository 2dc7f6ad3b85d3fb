#include "backup/snapread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct snapread {
	struct source source; /* of the present item */
	struct container_reader *box;
	struct manifest manifest;
	char id[DIGEST_HEX_MAX];
	size_t next; /* item after the present one */
	const struct manifest_item *item; /* NULL when it is done with */
	uint64_t left;
	struct digest digest;
	bool broken;
};

size_t snapread_sum_line(const char *sha256, const char *name, char *line)
{
	return (size_t)snprintf(line, SNAPREAD_LINE, "%s  %s\n", sha256, name);
}

const struct manifest *snapread_manifest(const struct snapread *r)
{
	return &r->manifest;
}

void snapread_take_manifest(struct snapread *r, struct manifest *ret)
{
	*ret = r->manifest;
	manifest_init(&r->manifest);
	r->item = NULL;
	r->broken = true;
}

const char *snapread_id(const struct snapread *r)
{
	return r->id;
}

struct source *snapread_source(struct snapread *r)
{
	return &r->source;
}

bool snapread_is_broken(const struct snapread *r)
{
	return r->broken;
}

void snapread_close(struct snapread *r)
{
	if (!r)
		return;
	container_reader_close(r->box);
	manifest_fini(&r->manifest);
	free(r);
}

/* The member `name`, which must come now. */
static int expect(struct snapread *r, const char *name, struct container_entry *ret, struct err *e)
{
	bool any;

	if (container_reader_next(r->box, ret, &any, e) < 0)
		return -1;
	if (!any)
		return err_set(e, ERR_INTEGRITY, "the snapshot ends where '%s' should come", name);
	if (strcmp(ret->name, name) != 0)
		return err_set(e, ERR_INTEGRITY, "the snapshot has '%s' where '%s' should come",
			       ret->name, name);
	return 0;
}

static int read_manifest(struct snapread *r, struct err *e)
{
	struct buf text = BUF_INIT(MANIFEST_TEXT_MAX);
	struct container_entry entry;
	struct digest d;
	size_t n;
	int ret = -1;

	if (expect(r, "manifest.json", &entry, e) < 0)
		return -1;
	if (entry.size > MANIFEST_TEXT_MAX)
		return err_set(e, ERR_PROTO, "manifest of %" PRIu64 " bytes, more than %zu", entry.size,
			       MANIFEST_TEXT_MAX);
	/* Grown as bytes come: a header alone must not make us allocate what it announces. */
	do {
		if (buf_reserve(&text, text.max - text.n < 65536 ? 1 : 65536, e) < 0 ||
		    container_reader_get(r->box, text.p + text.n, text.cap - text.n, &n, e) < 0)
			goto out;
		text.n += n;
	} while (n && text.n < entry.size);
	if (text.n != entry.size) {
		err_set(e, ERR_INTEGRITY, "the manifest is cut at %zu of %" PRIu64 " bytes", text.n,
			entry.size);
		goto out;
	}
	digest_init(&d, DIGEST_SHA256);
	digest_update(&d, text.p, text.n);
	digest_final_hex(&d, r->id);
	if (manifest_parse(buf_slice(&text), &r->manifest, e) < 0)
		goto out;
	if (strcmp(r->manifest.name, entry.root) != 0) {
		err_set(e, ERR_INTEGRITY, "the manifest is of '%s', the archive of '%s'",
			r->manifest.name, entry.root);
		goto out;
	}
	ret = 0;
out:
	buf_fini(&text);
	return ret;
}

static int get_full(struct snapread *r, char *p, size_t n, struct err *e)
{
	size_t done = 0, got;

	while (done < n) {
		if (container_reader_get(r->box, p + done, n - done, &got, e) < 0)
			return -1;
		if (got == 0)
			return err_set(e, ERR_INTEGRITY, "SHA256SUMS is cut");
		done += got;
	}
	return 0;
}

static int check_line(struct snapread *r, const char *sha256, const char *name, struct err *e)
{
	char want[SNAPREAD_LINE], have[SNAPREAD_LINE];
	size_t n = snapread_sum_line(sha256, name, want);

	if (get_full(r, have, n, e) < 0)
		return -1;
	if (memcmp(want, have, n) != 0)
		return err_set(e, ERR_INTEGRITY, "SHA256SUMS and manifest differ about '%s'", name);
	return 0;
}

static int read_sums(struct snapread *r, struct err *e)
{
	struct container_entry entry;
	size_t i, n;
	char more;

	if (expect(r, "SHA256SUMS", &entry, e) < 0 || check_line(r, r->id, "manifest.json", e) < 0)
		return -1;
	for (i = 0; i < r->manifest.n_items; i++) {
		const struct manifest_item *it = &r->manifest.item[i];

		if (manifest_item_has_bytes(it) && check_line(r, it->sha256, it->name, e) < 0)
			return -1;
	}
	if (container_reader_get(r->box, &more, 1, &n, e) < 0)
		return -1;
	if (n)
		return err_set(e, ERR_INTEGRITY, "SHA256SUMS lists more than the manifest");
	return 0;
}

static int item_end(struct snapread *r, struct err *e)
{
	const struct manifest_item *it = r->item;
	char have[DIGEST_HEX_MAX];
	uint64_t left = r->left;

	r->item = NULL;
	if (!manifest_item_has_bytes(it))
		return 0;
	digest_final_hex(&r->digest, have);
	if (left)
		return err_set(e, ERR_INTEGRITY, "'%s' is cut at %" PRIu64 " of %" PRIu64 " bytes",
			       it->name, it->size - left, it->size);
	if (strcmp(have, it->sha256) != 0)
		return err_set(e, ERR_INTEGRITY, "'%s' has the digest %.16s..., not %.16s...", it->name,
			       have, it->sha256);
	return 0;
}

static int item_get(struct source *source, void *p, size_t cap, size_t *ret_n, struct err *e)
{
	struct snapread *r = container_of(source, struct snapread, source);
	size_t n = 0;

	if (!r->item) {
		*ret_n = 0;
		return 0;
	}
	if (r->left && container_reader_get(r->box, p, (size_t)MIN_OF((uint64_t)cap, r->left), &n, e) < 0) {
		r->broken = true;
		r->item = NULL;
		return -1;
	}
	if (n == 0) {
		if (item_end(r, e) < 0)
			return -1;
	} else {
		digest_update(&r->digest, p, n);
		r->left -= n;
	}
	*ret_n = n;
	return 0;
}

int snapread_open(struct source *from, struct snapread **ret, struct err *e)
{
	struct snapread *r = calloc(1, sizeof(*r));

	if (!r)
		return err_nomem(e);
	r->source.get = item_get;
	manifest_init(&r->manifest);
	if (container_reader_open(from, &r->box, e) < 0 || read_manifest(r, e) < 0 ||
	    read_sums(r, e) < 0) {
		snapread_close(r);
		return -1;
	}
	*ret = r;
	return 0;
}

static int drain(struct snapread *r, struct err *e)
{
	uint8_t room[16384];
	size_t n;

	do {
		if (item_get(&r->source, room, sizeof(room), &n, e) < 0)
			return -1;
	} while (n);
	return 0;
}

static int find_end(struct snapread *r, struct err *e)
{
	struct container_entry entry;
	bool any;

	if (container_reader_next(r->box, &entry, &any, e) < 0)
		return -1;
	if (any)
		return err_set(e, ERR_INTEGRITY, "the snapshot has '%s', which its manifest has not",
			       entry.name);
	return 0;
}

int snapread_next(struct snapread *r, const struct manifest_item **ret, struct err *e)
{
	const struct manifest_item *it;
	struct container_entry entry;

	if (r->broken)
		return err_set(e, ERR_INTEGRITY, "the archive cannot be read further");
	if (r->item && drain(r, e) < 0)
		return -1;
	if (r->next == r->manifest.n_items) {
		r->broken = true;
		if (find_end(r, e) < 0)
			return -1;
		r->broken = false;
		r->next++;
	}
	if (r->next > r->manifest.n_items) {
		*ret = NULL;
		return 0;
	}
	it = &r->manifest.item[r->next];
	if (manifest_item_has_bytes(it)) {
		r->broken = true;
		if (expect(r, it->name, &entry, e) < 0)
			return -1;
		if (entry.size != it->size)
			return err_set(e, ERR_INTEGRITY, "'%s' has %" PRIu64 " bytes, not %" PRIu64,
				       it->name, entry.size, it->size);
		r->broken = false;
	}
	digest_init(&r->digest, DIGEST_SHA256);
	r->left = it->size;
	r->item = it;
	r->next++;
	*ret = it;
	return 0;
}
