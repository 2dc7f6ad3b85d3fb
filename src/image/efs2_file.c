/* Inodes, what a file's bytes rest on, and reading them. */
#include "image/efs2_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t inode_cluster(const struct efs2 *fs, uint32_t ino)
{
	return ino >> fs->inode_bits;
}

static void inode_parse(const struct efs2 *fs, const uint8_t *p, struct efs2_inode *i)
{
	struct cursor c = cursor_of(SLICE(p, fs->inode_len));
	uint32_t k;

	i->mode = rd_le16(&c);
	i->nlink = rd_le16(&c);
	if (fs->inode_len == 128) {
		i->attr = rd_le32(&c);
		i->size = rd_le32(&c);
		i->uid = rd_le16(&c);
		i->gid = rd_le16(&c);
		rd_skip(&c, 4); /* generation */
		i->blocks = rd_le32(&c);
		i->mtime = rd_le32(&c);
		i->ctime = rd_le32(&c);
		i->atime = rd_le32(&c);
		rd_skip(&c, 28);
		i->direct = EFS2_DIRECT;
	} else {
		i->size = rd_le32(&c);
		rd_skip(&c, 4);
		i->blocks = rd_le32(&c);
		i->mtime = rd_le32(&c);
		i->ctime = rd_le32(&c);
		i->direct = 6;
	}
	for (k = 0; k < i->direct + 3; k++)
		i->cluster[k] = rd_le32(&c);
}

/* Never fails for damage: ret->trust says it. */
int efs2_inode_read(struct efs2 *fs, uint32_t ino, struct efs2_inode *ret, struct err *e)
{
	uint32_t page = 0, index = ino & ((1u << fs->inode_bits) - 1);
	const uint8_t *p;

	*ret = (struct efs2_inode){ 0 };
	ret->trust = efs2_cluster(fs, inode_cluster(fs, ino), &page);
	if (!efs2_has_bytes(ret->trust))
		return 0;
	if (efs2_page(fs, page, &p, e) < 0)
		return -1;
	inode_parse(fs, p + index * fs->inode_len, ret);
	return 0;
}

static uint32_t file_clusters(const struct efs2 *fs, uint64_t size)
{
	return (uint32_t)((size + fs->sb.page_size - 1) / fs->sb.page_size);
}

static bool size_fits(const struct efs2 *fs, const struct efs2_inode *i)
{
	return i->size <= (uint64_t)fs->clusters * fs->sb.page_size;
}

/* Fields that no living inode exceeds: more links than a partition has files, more blocks than it
 * has sectors. There is no checksum; this tells an inode from noise. */
static bool inode_sane(const struct efs2 *fs, const struct efs2_inode *i)
{
	return i->nlink >= 1 && i->nlink <= 4096 && size_fits(fs, i) &&
	       i->blocks <= (uint64_t)fs->clusters * (fs->sb.page_size / EFS2_UNIT);
}

/* Which indirect tree holds block b of the file: depth 1 to 3 in *ret_depth, 0 for a direct one; *b
 * becomes the index inside it. False beyond all of them. */
static bool place_block(const struct efs2 *fs, const struct efs2_inode *i, uint64_t *b,
			unsigned *ret_depth)
{
	uint64_t span = 1;
	unsigned depth;

	if (*b < i->direct) {
		*ret_depth = 0;
		return true;
	}
	*b -= i->direct;
	for (depth = 1; depth <= 3; depth++) {
		span <<= fs->shift;
		if (*b < span) {
			*ret_depth = depth;
			return true;
		}
		*b -= span;
	}
	return false;
}

static void claim(struct efs2 *fs, uint32_t c)
{
	if (efs2_bit(fs->claimed, c))
		efs2_bit_put(fs->twice, c);
	efs2_bit_put(fs->claimed, c);
}

/* The cluster of block b; the worst trust on the way to it in *ret. With `claiming`, an indirect
 * cluster is claimed when b is the first block behind it. */
static int file_cluster(struct efs2 *fs, const struct efs2_inode *i, uint64_t b, bool claiming,
			uint32_t *ret_cluster, enum efs2_trust *ret, struct err *e)
{
	unsigned depth;
	uint32_t c, page;
	const uint8_t *p;

	*ret = EFS2_T_OK;
	if (!place_block(fs, i, &b, &depth)) {
		*ret = EFS2_T_RANGE;
		return 0;
	}
	if (depth == 0) {
		*ret_cluster = i->cluster[b];
		return 0;
	}
	c = i->cluster[i->direct + depth - 1];
	while (depth--) {
		enum efs2_trust t = efs2_cluster(fs, c, &page);

		*ret = MAX_OF(*ret, t);
		if (!efs2_has_bytes(t))
			return 0;
		if (claiming && (b & ((UINT64_C(1) << (fs->shift * (depth + 1))) - 1)) == 0)
			claim(fs, c);
		if (efs2_bit(fs->twice, c))
			*ret = MAX_OF(*ret, EFS2_T_SHARED);
		if (efs2_page(fs, page, &p, e) < 0)
			return -1;
		c = get_le32(p + 4 * ((b >> (fs->shift * depth)) & ((1u << fs->shift) - 1)));
	}
	*ret_cluster = c;
	return 0;
}

/* Cluster, page and trust of a file's block. */
static int file_page(struct efs2 *fs, const struct efs2_inode *i, uint64_t b, uint32_t *ret_page,
		     enum efs2_trust *ret, struct err *e)
{
	enum efs2_trust way, own;
	uint32_t c = EFS2_NONE;

	if (file_cluster(fs, i, b, false, &c, &way, e) < 0)
		return -1;
	if (!efs2_has_bytes(way)) {
		*ret = way;
		return 0;
	}
	own = efs2_cluster(fs, c, ret_page);
	if (own == EFS2_T_OK && efs2_bit(fs->twice, c))
		own = EFS2_T_SHARED;
	*ret = MAX_OF(way, own);
	return 0;
}

/* Together all files may look at no more clusters than `budget`: overlapping files cannot keep us
 * busy. */
static int claim_file(struct efs2 *fs, const struct efs2_inode *i, uint64_t *budget, struct err *e)
{
	uint32_t n = file_clusters(fs, i->size), b, c;
	enum efs2_trust t;

	if (n > *budget) {
		fs->overclaimed = true;
		return 0;
	}
	*budget -= n;
	for (b = 0; b < n; b++) {
		c = EFS2_NONE;
		if (file_cluster(fs, i, b, true, &c, &t, e) < 0)
			return -1;
		if (efs2_has_bytes(t) && c < fs->clusters)
			claim(fs, c);
	}
	return 0;
}

/* Who owns which cluster, so that a cluster with two owners is not given out as either's. */
int efs2_claims(struct efs2 *fs, struct err *e)
{
	uint64_t bits = (uint64_t)fs->clusters << fs->inode_bits; /* at most 2^23 */
	size_t i;
	uint64_t budget = 4ull * fs->clusters;
	uint8_t *done = calloc((size_t)(bits / 8) + 1, 1), *pages = calloc(fs->clusters / 8 + 1, 1);
	int r = done && pages ? 0 : err_nomem(e);

	for (i = 0; r == 0 && i < fs->n_ent && !fs->overclaimed; i++) {
		const struct efs2_ent *t = &fs->ent[i];
		struct efs2_inode ino;
		uint32_t c;

		if (t->tag != 'i' || t->inode >= bits || efs2_bit(done, t->inode))
			continue;
		efs2_bit_put(done, t->inode);
		c = inode_cluster(fs, t->inode);
		if (!efs2_bit(pages, c)) {
			efs2_bit_put(pages, c);
			claim(fs, c);
		}
		r = efs2_inode_read(fs, t->inode, &ino, e);
		if (r == 0 && efs2_has_bytes(ino.trust) &&
		    (ino.mode & EFS2_S_IFMT) != EFS2_S_IFDIR && size_fits(fs, &ino))
			r = claim_file(fs, &ino, &budget, e);
	}
	free(done);
	free(pages);
	if (r == 0 && fs->overclaimed)
		efs2_doubt(fs, "files claim more than four times the clusters that exist");
	return r;
}

static void judge(struct efs2_stat *st, enum efs2_verdict v, const char *fmt, ...) _printf_(3, 4);

static void judge(struct efs2_stat *st, enum efs2_verdict v, const char *fmt, ...)
{
	va_list ap;

	if (v <= st->verdict)
		return;
	st->verdict = v;
	va_start(ap, fmt);
	vsnprintf(st->why, sizeof(st->why), fmt, ap);
	va_end(ap);
}

static enum efs2_type type_of(uint16_t mode)
{
	switch (mode & EFS2_S_IFMT) {
	case EFS2_S_IFDIR:
		return EFS2_DIR;
	case EFS2_S_IFREG:
		return EFS2_REG;
	case EFS2_S_IFLNK:
		return EFS2_LINK;
	case EFS2_S_IFITM:
		return EFS2_ITEM;
	default:
		return EFS2_OTHER;
	}
}

static int judge_content(struct efs2 *fs, const struct efs2_inode *i, struct efs2_stat *st,
			 struct err *e)
{
	uint32_t n = file_clusters(fs, i->size), b, page = 0, missing = 0;
	enum efs2_trust t, worst = EFS2_T_OK, worst_missing = EFS2_T_OK;

	if (!size_fits(fs, i)) {
		judge(st, EFS2_UNREADABLE,
		      "its size of %" PRIu32 " bytes is larger than the partition", i->size);
		return 0;
	}
	if (fs->overclaimed) {
		judge(st, EFS2_UNREADABLE, "files overlap each other");
		return 0;
	}
	for (b = 0; b < n; b++) {
		if (file_page(fs, i, b, &page, &t, e) < 0)
			return -1;
		if (efs2_has_bytes(t)) {
			worst = MAX_OF(worst, t);
		} else {
			worst_missing = t;
			missing++;
		}
	}
	if (missing)
		judge(st, missing == n ? EFS2_UNREADABLE : EFS2_PARTIAL,
		      "%u of %u pages are missing, for the last of them %s", missing, n,
		      efs2_trust_text(worst_missing));
	else if (worst != EFS2_T_OK)
		judge(st, EFS2_UNVERIFIED, "of one of its clusters: %s", efs2_trust_text(worst));
	return 0;
}

static void judge_dir(struct efs2 *fs, struct efs2_stat *st)
{
	size_t self = efs2_dir_find(fs, st->inode, NULL, 0);
	size_t up = efs2_dir_find(fs, st->inode, (const uint8_t *)"\0", 1);

	if (fs->db_holes)
		judge(st, EFS2_PARTIAL, "directory nodes are missing, names may be lost");
	if (self < fs->n_ent && (fs->ent[self].tag != 'i' || fs->ent[self].inode != st->inode))
		judge(st, EFS2_UNVERIFIED, "its entry for itself names another directory");
	if (self == fs->n_ent || (up == fs->n_ent && st->inode != fs->root))
		judge(st, EFS2_UNVERIFIED, "it has no entry for itself or its parent");
}

static int stat_inode(struct efs2 *fs, uint32_t ino, struct efs2_stat *st, struct err *e)
{
	bool is_dir = efs2_dir_first(fs, ino) != fs->n_ent;
	struct efs2_inode i;

	if (efs2_inode_read(fs, ino, &i, e) < 0)
		return -1;
	st->inode = ino;
	st->mode = i.mode;
	st->nlink = i.nlink;
	st->uid = i.uid;
	st->gid = i.gid;
	st->attr = i.attr;
	st->size = i.size;
	st->mtime = i.mtime;
	st->ctime = i.ctime;
	st->atime = i.atime;
	st->type = is_dir ? EFS2_DIR : type_of(i.mode);
	if (!efs2_has_bytes(i.trust)) {
		judge(st, is_dir ? EFS2_UNVERIFIED : EFS2_UNREADABLE, "inode %" PRIx32 ": %s", ino,
		      efs2_trust_text(i.trust));
		st->size = 0;
	} else if (i.trust != EFS2_T_OK) {
		judge(st, EFS2_UNVERIFIED, "inode %" PRIx32 ": %s", ino, efs2_trust_text(i.trust));
	} else if (efs2_bit(fs->twice, inode_cluster(fs, ino))) {
		judge(st, EFS2_UNVERIFIED, "inode %" PRIx32 ": a file has its cluster too", ino);
	}
	if (efs2_has_bytes(i.trust) && !inode_sane(fs, &i))
		judge(st, EFS2_UNVERIFIED,
		      "inode %" PRIx32 " makes no sense: %u links, %" PRIu32 " blocks, %" PRIu32
		      " bytes",
		      ino, i.nlink, i.blocks, i.size);
	if (is_dir && efs2_has_bytes(i.trust) && type_of(i.mode) != EFS2_DIR)
		judge(st, EFS2_UNVERIFIED, "inode %" PRIx32 " has mode %o, no directory's", ino,
		      i.mode);
	if (!is_dir && efs2_has_bytes(i.trust)) {
		if (st->type == EFS2_OTHER)
			judge(st, EFS2_UNREADABLE,
			      "inode %" PRIx32 " has mode %o, which nothing has", ino, i.mode);
		else if (st->type != EFS2_DIR)
			return judge_content(fs, &i, st, e);
	}
	if (st->type == EFS2_DIR)
		judge_dir(fs, st);
	return 0;
}

static int stat_inline(struct efs2 *fs, const struct efs2_ent *t, struct efs2_stat *st,
		       struct err *e)
{
	const uint8_t *p;

	if (efs2_page(fs, t->page, &p, e) < 0)
		return -1;
	p += t->off;
	st->is_inline = true;
	st->nlink = 1;
	switch (t->tag) {
	case 'n':
		st->mode = get_le16(p + 1);
		st->size = t->vlen - 3u;
		break;
	case 'N':
		st->mode = get_le16(p + 1);
		st->gid = get_le16(p + 3);
		st->ctime = get_le32(p + 5);
		st->mtime = st->ctime;
		st->size = t->vlen - 9u;
		break;
	case 's':
		st->mode = EFS2_S_IFLNK | 0777;
		st->size = t->vlen - 1u;
		break;
	default:
		judge(st, EFS2_UNREADABLE,
		      "its name is stored in the long form, which is not understood");
	}
	st->type = type_of(st->mode);
	/* The mode of a small file may lack its type bits: a directory or device is never inline.
	 */
	if ((t->tag == 'n' || t->tag == 'N') && st->type != EFS2_ITEM && st->type != EFS2_REG) {
		if (st->mode & EFS2_S_IFMT)
			judge(st, EFS2_UNVERIFIED, "its mode %o is no small file's", st->mode);
		st->type = EFS2_REG;
	}
	return 0;
}

int efs2_stat_entry(struct efs2 *fs, size_t index, struct efs2_stat *ret, struct err *e)
{
	const struct efs2_ent *t = &fs->ent[index];
	struct efs2_stat st = { .entry = index };

	if ((t->tag == 'i' ? stat_inode(fs, t->inode, &st, e) : stat_inline(fs, t, &st, e)) < 0)
		return -1;
	if (t->soft)
		judge(&st, EFS2_UNVERIFIED, "the directory leaf with its name is not confirmed");
	if (fs->doubt)
		judge(&st, EFS2_UNVERIFIED, "%s", fs->doubt_why);
	*ret = st;
	return 0;
}

int efs2_stat_lost(struct efs2 *fs, uint32_t inode, struct efs2_stat *ret, struct err *e)
{
	struct efs2_stat st = { .entry = SIZE_MAX };

	if (stat_inode(fs, inode, &st, e) < 0)
		return -1;
	if (fs->doubt)
		judge(&st, EFS2_UNVERIFIED, "%s", fs->doubt_why);
	*ret = st;
	return 0;
}

int efs2_stat_root(struct efs2 *fs, struct efs2_stat *ret, struct err *e)
{
	struct efs2_stat st = { .entry = SIZE_MAX };

	st.type = EFS2_DIR;
	if (!fs->root_known)
		judge(&st, EFS2_UNREADABLE, "no root directory was found");
	else if (stat_inode(fs, fs->root, &st, e) < 0)
		return -1;
	if (fs->doubt)
		judge(&st, EFS2_UNVERIFIED, "%s", fs->doubt_why);
	*ret = st;
	return 0;
}

static int read_inline(struct efs2 *fs, const struct efs2_ent *t, uint64_t off, void *to,
		       size_t cap, size_t *ret_n, struct err *e)
{
	size_t head = t->tag == 'n' ? 3 : t->tag == 'N' ? 9 : 1, size = t->vlen - head;
	const uint8_t *p;
	size_t n;

	if (off >= size) {
		*ret_n = 0;
		return 0;
	}
	n = MIN_OF(cap, size - (size_t)off);
	if (efs2_page(fs, t->page, &p, e) < 0)
		return -1;
	memcpy(to, p + t->off + head + (size_t)off, n);
	*ret_n = n;
	return 0;
}

/* One page's part of a file. Pages of files are read once, so they pass by the cache. */
static int read_block(struct efs2 *fs, const struct efs2_inode *i, uint64_t off, uint8_t *to,
		      size_t n, size_t *missing, struct err *e)
{
	enum efs2_trust t;
	uint32_t page = 0;

	if (file_page(fs, i, off / fs->sb.page_size, &page, &t, e) < 0)
		return -1;
	if (efs2_has_bytes(t))
		return fs->in->read_at(fs->in,
				       fs->base + (uint64_t)page * fs->sb.page_size +
					       off % fs->sb.page_size,
				       to, n, e);
	if (!missing)
		return err_set(e, ERR_INTEGRITY, "byte %" PRIu64 " and those behind it: %s", off,
			       efs2_trust_text(t));
	memset(to, 0, n);
	*missing += n;
	return 0;
}

int efs2_read(struct efs2 *fs, const struct efs2_stat *st, uint64_t off, void *to, size_t cap,
	      size_t *ret_n, size_t *ret_missing, struct err *e)
{
	const struct efs2_ent *t = st->entry < fs->n_ent ? &fs->ent[st->entry] : NULL;
	size_t done = 0, missing = 0;
	struct efs2_inode i;
	uint64_t end;

	if (st->type == EFS2_DIR || !t)
		return err_set_code(e, ERR_REFUSED, EISDIR, "a directory has no content");
	if (st->verdict == EFS2_UNREADABLE && !ret_missing)
		return err_set(e, ERR_INTEGRITY, "cannot be read: %s", st->why);
	if (t->tag == 'L')
		return err_set(e, ERR_UNSUPPORTED, "cannot be read: %s", st->why);
	if (t->tag != 'i') {
		if (ret_missing)
			*ret_missing = 0;
		return read_inline(fs, t, off, to, cap, ret_n, e);
	}
	if (efs2_inode_read(fs, t->inode, &i, e) < 0)
		return -1;
	if (!efs2_has_bytes(i.trust) || !size_fits(fs, &i) || fs->overclaimed ||
	    st->type == EFS2_OTHER)
		return err_set(e, ERR_INTEGRITY, "cannot be read: %s", st->why);
	end = off >= i.size ? off : MIN_OF(off + cap, (uint64_t)i.size);
	while (off + done < end) {
		size_t room = fs->sb.page_size - (size_t)((off + done) % fs->sb.page_size);
		size_t n = (size_t)MIN_OF((uint64_t)room, end - off - done);

		if (read_block(fs, &i, off + done, (uint8_t *)to + done, n,
			       ret_missing ? &missing : NULL, e) < 0)
			return -1;
		done += n;
	}
	*ret_n = done;
	if (ret_missing)
		*ret_missing = missing;
	return 0;
}

int efs2_copy(struct efs2 *fs, const struct efs2_stat *st, struct sink *to, uint64_t *ret_missing,
	      struct err *e)
{
	uint8_t buf[16384];
	uint64_t off = 0, missing = 0;
	size_t n, lost = 0;

	do {
		if (efs2_read(fs, st, off, buf, sizeof(buf), &n, ret_missing ? &lost : NULL, e) <
			    0 ||
		    (n && sink_put(to, buf, n, e) < 0))
			return -1;
		off += n;
		missing += lost;
	} while (n);
	if (ret_missing)
		*ret_missing = missing;
	return 0;
}
