#include "tests/unit/diag_fake.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void frame_to(struct buf *b, const uint8_t *p, size_t n, bool spoil)
{
	uint8_t room[8192];
	struct writer w = writer_of(room, sizeof(room));
	struct err e = ERR_INIT;

	hdlc_build(&w, SLICE(p, n), false);
	if (spoil)
		room[0] ^= 0x01;
	if (w.overflow || buf_add(b, room, w.n, &e) < 0)
		abort();
}

void fake_say(struct fake *f, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	if (buf_add(&f->out, p, n, &e) < 0)
		abort();
}

void fake_pause(void *ctx, uint32_t ms)
{
	((struct fake *)ctx)->paused_ms += ms;
}

static struct fake *of(struct link *l)
{
	return container_of(l, struct fake, link);
}

struct fake_node *fake_find(struct fake *f, const char *path)
{
	size_t i;

	for (i = 0; i < f->nodes; i++)
		if (f->node[i].mode && strcmp(f->node[i].path, path) == 0)
			return &f->node[i];
	return NULL;
}

struct fake_node *fake_add(struct fake *f, const char *path, unsigned mode, const void *data, size_t n)
{
	struct fake_node *x = fake_find(f, path);

	if (!x) {
		if (f->nodes == FAKE_NODES)
			abort();
		x = &f->node[f->nodes++];
	}
	free(x->data);
	memset(x, 0, sizeof(*x));
	snprintf(x->path, sizeof(x->path), "%s", path);
	x->mode = mode;
	x->entry_type = (mode & 0xf000) == 0x4000 ? 1 : (mode & 0xf000) == 0xa000 ? 2 :
			(mode & 0xf000) == 0xe000 ? 15 : 0;
	x->data = malloc(n ? n : 1);
	if (n)
		memcpy(x->data, data, n);
	x->n = n;
	return x;
}

struct fake_item *fake_nv(struct fake *f, unsigned id, unsigned index, const void *data, size_t n)
{
	struct fake_item *x;
	size_t i;

	for (i = 0; i < f->items; i++)
		if (f->item[i].id == id && f->item[i].index == index)
			break;
	if (i == FAKE_ITEMS)
		abort();
	if (i == f->items)
		f->items++;
	x = &f->item[i];
	memset(x, 0, sizeof(*x));
	x->id = id;
	x->index = index;
	if (n)
		memcpy(x->data, data, n);
	return x;
}

static struct fake_item *nv_find(struct fake *f, unsigned id, unsigned index)
{
	size_t i;

	for (i = 0; i < f->items; i++)
		if (f->item[i].id == id && f->item[i].index == index)
			return &f->item[i];
	return NULL;
}

/* The k-th child of a directory, from 0. */
static struct fake_node *child(struct fake *f, const char *dir, unsigned k)
{
	size_t i, n = strlen(dir);

	if (n == 1)
		n = 0;
	for (i = 0; i < f->nodes; i++) {
		const char *p = f->node[i].path;

		if (!f->node[i].mode || f->node[i].hidden || strncmp(p, dir, n) != 0 || p[n] != '/' || !p[n + 1] ||
		    strchr(p + n + 1, '/'))
			continue;
		if (k-- == 0)
			return &f->node[i];
	}
	return NULL;
}

/* Error answer: the code and a copy of the request. */
static size_t error_answer(uint8_t *a, uint8_t code, const uint8_t *p, size_t n)
{
	a[0] = code;
	memcpy(a + 1, p, n);
	return n + 1;
}

static size_t nv_answer(struct fake *f, const uint8_t *p, size_t n, uint8_t *a)
{
	bool sub = p[0] == 0x4b, write = sub ? p[2] == 2 : p[0] == 0x27;
	size_t head = sub ? 8 : 3;
	unsigned id, index;
	struct fake_item *x;
	uint8_t *status = a + head + 128;

	if (n < (sub ? 8u : 3u))
		return error_answer(a, 0x15, p, n);
	id = get_le16(p + (sub ? 4 : 1));
	index = sub ? get_le16(p + 6) : 0;
	if (f->swallow_id && id == f->swallow_id)
		return 0;
	x = nv_find(f, id, index);
	if (x && x->error)
		return error_answer(a, (uint8_t)x->error, p, n);
	if (f->spc && id == 85)
		return error_answer(a, 0x42, p, n);
	memset(a, 0, head + 130);
	memcpy(a, p, head);
	if (!write && f->busy_times) {
		f->busy_times--;
		put_le16(status, 1);
	} else if (!x && !write) {
		put_le16(status, 5);
	} else if (x && x->status) {
		put_le16(status, (uint16_t)x->status);
	} else if (write) {
		memcpy(a, p, head + 128);
		if (!f->lie_on_write)
			fake_nv(f, id, index, p + head, 128);
	} else {
		memcpy(a + head, x->data, 128);
	}
	return head + 130;
}

static bool put_journal(struct fake *f)
{
	if (f->journal_left == UINT_MAX)
		return true;
	if (f->journal_left == 0)
		return false;
	f->journal_left--;
	return true;
}

static int slot_open(int *slots, size_t limit, int node, unsigned *now, unsigned *most)
{
	size_t i;

	for (i = 0; i < limit; i++) {
		if (slots[i] >= 0)
			continue;
		slots[i] = node;
		if (++*now > *most)
			*most = *now;
		return (int)i;
	}
	return -1;
}

static void close_all(struct fake *f)
{
	size_t i;

	for (i = 0; i < 6; i++)
		f->fd[i] = -1;
	for (i = 0; i < 4; i++)
		f->dir[i] = -1;
	f->open_files = f->open_dirs = 0;
}

static size_t just_errno(uint8_t *a, const uint8_t *p, uint32_t number)
{
	memcpy(a, p, 4);
	put_le32(a + 4, number);
	return 8;
}

static size_t efs_dir(struct fake *f, const uint8_t *p, uint8_t *a)
{
	const char *path = (const char *)p + 4;
	struct fake_node *x;
	uint32_t h, seq;
	int k;

	if (p[2] == 11) {
		memcpy(a, p, 4);
		put_le32(a + 4, 0);
		x = fake_find(f, path);
		if (f->no_list && strcmp(f->no_list, path) == 0)
			put_le32(a + 8, 13);
		else if (strcmp(path, "/") && (!x || (x->mode & 0xf000) != 0x4000))
			put_le32(a + 8, x ? 20 : 2);
		else {
			k = slot_open(f->dir, f->dir_limit, x ? (int)(x - f->node) : 10000, &f->open_dirs,
				      &f->most_dirs);
			put_le32(a + 4, (uint32_t)(k + 1));
			put_le32(a + 8, k < 0 ? 0x40000007 : 0);
		}
		return 12;
	}
	h = get_le32(p + 4) - 1;
	if (h >= 4 || f->dir[h] < 0) {
		if (p[2] == 13)
			return just_errno(a, p, 0x40000003);
		memcpy(a, p, 12);
		put_le32(a + 12, 0x40000003);
		return 16;
	}
	if (p[2] == 13) {
		f->dir[h] = -1;
		f->open_dirs--;
		return just_errno(a, p, 0);
	}
	seq = get_le32(p + 8);
	memset(a, 0, 41);
	memcpy(a, p, 12);
	x = child(f, f->dir[h] == 10000 ? "/" : f->node[f->dir[h]].path, seq - 1);
	if (!x)
		return 41;
	put_le32(a + 16, x->entry_type);
	if (!x->silent_type) {
		put_le32(a + 20, x->mode);
		put_le32(a + 24, (uint32_t)x->n);
		put_le32(a + 32, 0x5f000000);
	}
	strcpy((char *)a + 40, strrchr(x->path, '/') + 1);
	return 41 + strlen((char *)a + 40);
}

static size_t efs_file(struct fake *f, const uint8_t *p, size_t n, uint8_t *a)
{
	struct fake_node *x;
	uint32_t h = get_le32(p + 4), off, want;
	int k;

	memcpy(a, p, 4);
	if (p[2] == 2) {
		const char *path = (const char *)p + 12;
		uint32_t flags = get_le32(p + 4);
		char parent[96];

		x = fake_find(f, path);
		snprintf(parent, sizeof(parent), "%s", path);
		*strrchr(parent, '/') = '\0';
		put_le32(a + 4, 0xffffffff);
		put_le32(a + 8, 2);
		if (!x && !(flags & 0x40))
			return 12;
		if (parent[0] && !fake_find(f, parent))
			return 12;
		if (flags & 0x240) {
			if (!put_journal(f)) {
				put_le32(a + 8, 28);
				return 12;
			}
			x = fake_add(f, path, (flags & 0x40000) ? 0xe1ff : 0x8000 | get_le32(p + 8), NULL, 0);
		}
		k = slot_open(f->fd, f->fd_limit, (int)(x - f->node), &f->open_files, &f->most_files);
		put_le32(a + 4, (uint32_t)k);
		put_le32(a + 8, k < 0 ? 24 : 0);
		return 12;
	}
	if (h >= 6 || f->fd[h] < 0)
		return just_errno(a, p, 9);
	x = &f->node[f->fd[h]];
	if (p[2] == 3) {
		f->fd[h] = -1;
		f->open_files--;
		return just_errno(a, p, 0);
	}
	put_le32(a + 4, h);
	if (p[2] == 4) {
		want = get_le32(p + 8);
		off = get_le32(p + 12);
		if (want > 1024)
			return error_answer(a, 0x15, p, n);
		want = off >= x->n ? 0 : (uint32_t)MIN_OF((size_t)want, x->n - off);
		if (f->cut && strcmp(f->cut, x->path) == 0 && want && off + want == x->n)
			want--;
		if (f->read_limit)
			want = MIN_OF(want, f->read_limit);
		put_le32(a + 8, off);
		put_le32(a + 12, ++f->reads == f->overclaim_at ? want + 7 : want);
		put_le32(a + 16, 0);
		memcpy(a + 20, x->data + MIN_OF((size_t)off, x->n), want);
		return 20 + want;
	}
	/* WRITE */
	off = get_le32(p + 8);
	put_le32(a + 8, off);
	put_le32(a + 12, 0xffffffff);
	put_le32(a + 16, 28);
	if (!put_journal(f))
		return 20;
	x->data = realloc(x->data, off + n);
	memcpy(x->data + off, p + 12, n - 12);
	x->n = MAX_OF(x->n, off + n - 12);
	put_le32(a + 12, (uint32_t)(n - 12));
	put_le32(a + 16, 0);
	return 20;
}

static size_t efs_item(struct fake *f, const uint8_t *p, uint8_t *a)
{
	struct fake_node *x;

	memcpy(a, p, 4);
	if (p[2] == 39) {
		x = fake_find(f, (const char *)p + 14);
		put_le32(a + 4, 0xffffffff);
		put_le32(a + 8, !x ? 2 :
			       (x->mode & 0xf000) == 0xe000 || f->regular_get ?
				     (x->n > get_le32(p + 4) ? 34 : 0) : 303);
		memcpy(a + 12, p + 12, 2);
		if (get_le32(a + 8))
			return 14;
		put_le32(a + 4, (uint32_t)x->n);
		memcpy(a + 14, x->data, x->n);
		return 14 + x->n;
	}
	/* PUT */
	memcpy(a + 4, p + 12, 2);
	put_le32(a + 6, 0);
	if (!put_journal(f))
		put_le32(a + 6, 28);
	else if (!f->lie_on_write)
		fake_add(f, (const char *)p + 14 + get_le32(p + 4), 0xe1ff, p + 14, get_le32(p + 4));
	return 10;
}

static size_t efs_stat_answer(struct fake *f, const uint8_t *p, uint8_t *a)
{
	struct fake_node *x = fake_find(f, (const char *)p + 4);

	memset(a, 0, 48);
	memcpy(a, p, 4);
	put_le32(a + 4, x ? 0 : 2);
	if (x) {
		put_le32(a + 8, x->mode);
		put_le32(a + 12, p[2] == 16 ? 0x5f000000 : (uint32_t)x->n);
		put_le32(a + 16, 1);
	}
	return p[2] == 16 ? 24 : 32;
}

static size_t efs_name(struct fake *f, const uint8_t *p, uint8_t *a)
{
	const char *path = (const char *)p + (p[2] == 9 || p[2] == 18 ? 6 : 4);
	struct fake_node *x = fake_find(f, path);

	if (!put_journal(f))
		return just_errno(a, p, 28);
	switch (p[2]) {
	case 6:
		fake_add(f, path + strlen(path) + 1, 0xa1ff, path, strlen(path));
		return just_errno(a, p, 0);
	case 8:
	case 10:
		if (x && ((x->mode & 0xf000) == 0x4000) != (p[2] == 10))
			return just_errno(a, p, p[2] == 10 ? 20 : 21);
		if (x && p[2] == 10 && child(f, path, 0))
			return just_errno(a, p, 39);
		if (x)
			x->mode = 0;
		return just_errno(a, p, 0);
	case 9:
		if (!x)
			fake_add(f, path, 0x4000 | get_le16(p + 4), NULL, 0);
		return just_errno(a, p, x ? 17 : 0);
	case 14:
		if (x)
			snprintf(x->path, sizeof(x->path), "%s", path + strlen(path) + 1);
		return just_errno(a, p, x ? 0 : 2);
	default: /* 18 */
		if (x)
			x->mode = (x->mode & 0xf000) | get_le16(p + 4);
		return just_errno(a, p, x ? 0 : 2);
	}
}

static size_t efs_answer(struct fake *f, const uint8_t *p, size_t n, uint8_t *a)
{
	uint8_t op = p[2];
	size_t at = op == 2 ? 12 : op == 39 ? 14 : 4;
	bool has_path = op == 2 || op == 11 || op == 15 || op == 16 || op == 39;

	f->last_op = op;
	f->op_count[op & 63]++;
	if (f->deny && has_path && strcmp((const char *)p + at, f->deny) == 0)
		return error_answer(a, 0x13, p, n);
	switch (op) {
	case 0:
		if (n != 44)
			return error_answer(a, 0x15, p, n);
		close_all(f);
		memcpy(a, p, 44);
		put_le32(a + 40, 0);
		return 44;
	case 1:
		memset(a, 0, 28);
		memcpy(a, p, 4);
		put_le32(a + 4, 255);
		return 28;
	case 2: case 3: case 4: case 5:
		return efs_file(f, p, n, a);
	case 7:
		memset(a, 0, 8);
		memcpy(a, p, 4);
		if (!fake_find(f, (const char *)p + 4))
			return just_errno(a, p, 2);
		strcpy((char *)a + 8, "/target");
		return 16;
	case 6: case 8: case 9: case 10: case 14: case 18:
		return efs_name(f, p, a);
	case 11: case 12: case 13:
		return efs_dir(f, p, a);
	case 15: case 16:
		return efs_stat_answer(f, p, a);
	case 19:
		memset(a, 0, 48);
		memcpy(a, p, 4);
		memcpy(a + 12, "EFS2", 4);
		put_le32(a + 20, 2048);
		return 48;
	case 38: case 39:
		return efs_item(f, p, a);
	case 43:
		memset(a, 0x5c, 26);
		memcpy(a, p, 6);
		put_le32(a + 6, 0);
		return 26;
	case 48:
		if (f->no_sync)
			return error_answer(a, 0x13, p, n);
		f->syncs++;
		f->sync_polls = 0;
		f->journal_left = f->journal_left == UINT_MAX ? UINT_MAX : f->journal_size;
		memset(a, 0, 14);
		memcpy(a, p, 6);
		put_le32(a + 6, 7);
		put_le32(a + 10, f->sync_clean ? 306 : 0);
		return 14;
	case 49:
		memset(a, 0, 11);
		memcpy(a, p, 6);
		a[6] = ++f->sync_polls >= f->sync_polls_needed && get_le32(p + 6) == 7;
		return 11;
	default:
		return error_answer(a, 0x13, p, n);
	}
}

static size_t answer(struct fake *f, const uint8_t *p, size_t n, uint8_t *a)
{
	switch (p[0]) {
	case 0x00:
		memset(a, 0, 55);
		memcpy(a + 1, "Mar 01 202412:34:56", 19);
		return 55;
	case 0x1c:
		memcpy(a, "\x1c\x08\x00", 3);
		return 3;
	case 0x7c:
		memset(a, 0, 12);
		a[0] = 0x7c;
		memcpy(a + 12, "MPSS.1\0MODEL", 13);
		return 25;
	case 0x26:
	case 0x27:
		return nv_answer(f, p, n, a);
	case 0x29:
		if (f->n_modes < sizeof(f->modes))
			f->modes[f->n_modes++] = p[1];
		memcpy(a, p, 3);
		return 3;
	case 0x41:
		f->spc_tries++;
		a[0] = 0x41;
		a[1] = f->spc && memcmp(p + 1, f->spc, 6) == 0;
		if (a[1])
			f->spc = NULL;
		return 2;
	case 0x46:
		f->password_tries++;
		a[0] = 0x46;
		a[1] = 1;
		return 2;
	case 0x4b:
		if (n >= 4 && p[1] == 0x30)
			return nv_answer(f, p, n, a);
		if (n >= 4 && ((p[1] == 0x13 && !f->no_efs_13) || (p[1] == 0x3e && !f->no_efs_3e)))
			return efs_answer(f, p, n, a);
		if (n == 4 && p[1] == 0x65 && p[2] == 1) {
			memcpy(a, p, 4);
			return 4;
		}
		return error_answer(a, 0x13, p, n);
	default:
		return error_answer(a, 0x13, p, n);
	}
}

static void request(struct fake *f, const uint8_t *p, size_t n)
{
	static const uint8_t record[] = { 0x10, 0, 8, 0, 8, 0, 0x7e, 0x7d, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t event[] = { 0x60, 2, 0, 0x7e, 0x26 };
	uint8_t a[8192];
	unsigned now = ++f->requests;
	size_t len;

	if (f->dead_from && now >= f->dead_from)
		return;
	f->in_flight++;
	if (f->lose_in_flight && f->in_flight > f->lose_in_flight)
		return;
	len = answer(f, p, n, a);
	if (len == 0 || now == f->swallow_at)
		return;
	if (f->logs) {
		frame_to(&f->out, record, sizeof(record), false);
		frame_to(&f->out, event, sizeof(event), false);
	}
	if (now == f->late_at || now == f->reorder_at) {
		frame_to(&f->held, a, len, false);
		return;
	}
	if (now == f->reorder_at + 1 && f->reorder_at)
		frame_to(&f->out, a, len, false);
	if (f->held.n) {
		fake_say(f, f->held.p, f->held.n);
		f->held.n = 0;
	}
	if (now == f->reorder_at + 1 && f->reorder_at)
		return;
	if (now == f->stranger_at && a[0] == 0x4b && strchr("\x04\x05\x0c\x27\x2b\x30\x31", a[2]) && a[2]) {
		size_t at = a[2] == 0x27 ? 12 : 4; /* a field that the protocol echoes */

		a[at] ^= 0x40;
		frame_to(&f->out, a, len, false);
		a[at] ^= 0x40;
	}
	frame_to(&f->out, a, len, now == f->bad_crc_at);
}

static int fake_write(struct link *l, const void *p, size_t n, uint32_t ms, struct err *e)
{
	struct fake *f = of(l);
	struct slice in = SLICE(p, n), got;
	enum hdlc_feed what;

	(void)ms;
	if (f->gone_from && f->requests + 1 >= f->gone_from)
		return err_set(e, ERR_GONE, "left the bus");
	while ((what = hdlc_rx_feed(&f->rx, &in, &got)) != HDLC_MORE)
		if (what == HDLC_FRAME)
			request(f, got.p, got.n);
	return 0;
}

static int fake_read(struct link *l, void *p, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	struct fake *f = of(l);
	size_t n = MIN_OF(f->one_by_one ? 1 : cap, f->out.n);

	(void)ms;
	f->in_flight = 0;
	if (n == 0 && f->gone_from && f->requests + 1 >= f->gone_from)
		return err_set(e, ERR_GONE, "left the bus");
	if (n == 0)
		return err_set(e, ERR_TIMEOUT, "nothing in %u ms", ms);
	memcpy(p, f->out.p, n);
	buf_drop_front(&f->out, n);
	*ret_n = n;
	return 0;
}

static void fake_close(struct link *l)
{
	(void)l;
}

static const struct link_ops fake_ops = { .name = "fake", .read = fake_read, .write = fake_write,
					  .close = fake_close };

void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->link = (struct link){ .ops = &fake_ops, .is_stream = true, .desc = "fake" };
	hdlc_rx_init(&f->rx, f->rx_room, sizeof(f->rx_room));
	f->out = (struct buf)BUF_INIT(1 << 22);
	f->held = (struct buf)BUF_INIT(1 << 16);
	close_all(f);
	f->fd_limit = 6;
	f->dir_limit = 4;
	f->journal_left = f->journal_size = UINT_MAX;
	f->sync_polls_needed = 2;
}

void fake_fini(struct fake *f)
{
	size_t i;

	for (i = 0; i < f->nodes; i++)
		free(f->node[i].data);
	buf_fini(&f->out);
	buf_fini(&f->held);
}
