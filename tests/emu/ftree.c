/* A sorted array: a modem's file system has a thousand nodes at most. */
#include "tests/emu/ftree.h"

#include <stdlib.h>
#include <string.h>

#define BIRTH 0x5f000000u /* what the examples of efs2-diag.md section 10 have */

static void node_fini(struct fnode *f)
{
	free(f->path);
	free(f->data);
}

void ftree_fini(struct ftree *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		node_fini(&t->node[i]);
	free(t->node);
	memset(t, 0, sizeof(*t));
}

int ftree_init(struct ftree *t)
{
	memset(t, 0, sizeof(*t));
	return ftree_put(t, "/", FN_DIR, 0777, NULL, 0) ? 0 : -1;
}

int ftree_copy(struct ftree *to, const struct ftree *from)
{
	size_t i;

	memset(to, 0, sizeof(*to));
	for (i = 0; i < from->n; i++) {
		const struct fnode *s = &from->node[i];
		struct fnode *f = ftree_put(to, s->path, s->type, s->mode, s->data, s->n);

		if (!f) {
			ftree_fini(to);
			return -1;
		}
		f->mtime = s->mtime;
	}
	return 0;
}

/* Index of the first node whose path is not less. */
static size_t lower(const struct ftree *t, const char *path)
{
	size_t a = 0, b = t->n;

	while (a < b) {
		size_t mid = a + (b - a) / 2;

		if (strcmp(t->node[mid].path, path) < 0)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

struct fnode *ftree_find(const struct ftree *t, const char *path)
{
	size_t i = lower(t, path);

	return i < t->n && !strcmp(t->node[i].path, path) ? &t->node[i] : NULL;
}

struct fnode *ftree_put(struct ftree *t, const char *path, enum fnode_type type, uint16_t mode,
			const void *data, size_t n)
{
	size_t i = lower(t, path);
	struct fnode new = { strdup(path), type, mode & 07777, BIRTH, malloc(n ? n : 1), n };
	struct fnode *room;

	if (!new.path || !new.data)
		goto fail;
	if (n)
		memcpy(new.data, data, n);
	if (i < t->n && !strcmp(t->node[i].path, path)) {
		node_fini(&t->node[i]);
		t->node[i] = new;
		return &t->node[i];
	}
	if (t->n == t->cap) {
		room = realloc(t->node, (t->cap ? t->cap * 2 : 64) * sizeof(*room));
		if (!room)
			goto fail;
		t->node = room;
		t->cap = t->cap ? t->cap * 2 : 64;
	}
	memmove(t->node + i + 1, t->node + i, (t->n - i) * sizeof(new));
	t->node[i] = new;
	t->n++;
	return &t->node[i];
fail:
	node_fini(&new);
	return NULL;
}

int ftree_parents(struct ftree *t, const char *path)
{
	char dir[FTREE_PATH];
	size_t i;

	for (i = 1; path[i] && i < sizeof(dir); i++) {
		if (path[i] != '/')
			continue;
		memcpy(dir, path, i);
		dir[i] = '\0';
		if (!ftree_find(t, dir) && !ftree_put(t, dir, FN_DIR, 0777, NULL, 0))
			return -1;
	}
	return 0;
}

void ftree_remove(struct ftree *t, const char *path)
{
	size_t i = lower(t, path);

	if (i == t->n || strcmp(t->node[i].path, path) != 0)
		return;
	node_fini(&t->node[i]);
	t->n--;
	memmove(t->node + i, t->node + i + 1, (t->n - i) * sizeof(*t->node));
}

/* One node; a directory's children follow it. */
int ftree_rename(struct ftree *t, const char *from, const char *to)
{
	struct ftree moved = { 0 };
	size_t len = strlen(from), i = 0;
	char path[2 * FTREE_PATH];

	while (i < t->n) {
		struct fnode *f = &t->node[i];

		if (strncmp(f->path, from, len) != 0 || (f->path[len] && f->path[len] != '/')) {
			i++;
			continue;
		}
		strcpy(path, to);
		strncat(path, f->path + len, sizeof(path) - strlen(path) - 1);
		if (!ftree_put(&moved, path, f->type, f->mode, f->data, f->n)) {
			ftree_fini(&moved);
			return -1;
		}
		ftree_remove(t, f->path);
	}
	for (i = 0; i < moved.n; i++)
		if (!ftree_put(t, moved.node[i].path, moved.node[i].type, moved.node[i].mode,
			       moved.node[i].data, moved.node[i].n))
			break;
	ftree_fini(&moved);
	return 0;
}

int ftree_resize(struct fnode *f, size_t n)
{
	uint8_t *p = realloc(f->data, n ? n : 1);

	if (!p)
		return -1;
	f->data = p;
	if (n > f->n)
		memset(p + f->n, 0, n - f->n);
	f->n = n;
	return 0;
}

static bool inside(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	if (len == 1)
		return path[1] && !strchr(path + 1, '/');
	return !strncmp(path, dir, len) && path[len] == '/' && !strchr(path + len + 1, '/');
}

const struct fnode *ftree_child(const struct ftree *t, const char *dir, size_t *at)
{
	while (*at < t->n) {
		const struct fnode *f = &t->node[(*at)++];

		if (inside(dir, f->path))
			return f;
	}
	return NULL;
}

bool ftree_has_child(const struct ftree *t, const char *dir)
{
	size_t at = 0;

	return ftree_child(t, dir, &at) != NULL;
}

const char *ftree_name(const struct fnode *f)
{
	return strrchr(f->path, '/') + 1;
}

bool ftree_clean(char out[FTREE_PATH], const char *path)
{
	size_t n = 0;

	out[n++] = '/';
	while (*path) {
		const char *end = strchr(path, '/');
		size_t len = end ? (size_t)(end - path) : strlen(path);

		if (len && !(len == 1 && *path == '.')) {
			if (n + len + 2 > FTREE_PATH)
				return false;
			if (n > 1)
				out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len + (end != NULL);
	}
	out[n] = '\0';
	return true;
}

void ftree_dirname(char out[FTREE_PATH], const char *path)
{
	size_t n = (size_t)(strrchr(path, '/') - path);

	n = n ? n : 1;
	memcpy(out, path, n);
	out[n] = '\0';
}
