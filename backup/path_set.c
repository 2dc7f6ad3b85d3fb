#include "backup/path_set.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static size_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

static size_t place_of(char *const *slot, size_t cap, const char *path)
{
	size_t i = hash(path) & (cap - 1);

	while (slot[i] && strcmp(slot[i], path) != 0)
		i = (i + 1) & (cap - 1);
	return i;
}

void path_set_fini(struct path_set *s)
{
	size_t i;

	for (i = 0; i < s->cap; i++)
		free(s->slot[i]);
	free(s->slot);
	*s = (struct path_set){ 0 };
}

bool path_set_has(const struct path_set *s, const char *path)
{
	return s->cap && s->slot[place_of(s->slot, s->cap, path)];
}

static int grow(struct path_set *s, struct err *e)
{
	size_t cap = s->cap ? 2 * s->cap : 256, i;
	char **slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return err_nomem(e);
	for (i = 0; i < s->cap; i++) {
		if (s->slot[i])
			slot[place_of(slot, cap, s->slot[i])] = s->slot[i];
	}
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
	return 0;
}

int path_set_add(struct path_set *s, const char *path, bool *ret_new, struct err *e)
{
	size_t i;

	if (2 * (s->n + 1) > s->cap && grow(s, e) < 0)
		return -1;
	i = place_of(s->slot, s->cap, path);
	if (ret_new)
		*ret_new = !s->slot[i];
	if (s->slot[i])
		return 0;
	s->slot[i] = strdup(path);
	if (!s->slot[i])
		return err_nomem(e);
	s->n++;
	return 0;
}
