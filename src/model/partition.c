#include "model/partition.h"

#include "base/bytes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void table_fini(struct table *t)
{
	free(t->part);
	*t = (struct table){ 0 };
}

int table_add(struct table *t, const struct partition *p, struct err *e)
{
	if (t->n == TABLE_MAX_PARTITIONS)
		return err_set(e, ERR_PROTO, "partition table with more than %d entries",
			       TABLE_MAX_PARTITIONS);
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 32;
		struct partition *more = reallocarray(t->part, cap, sizeof(*more));

		if (!more)
			return err_nomem(e);
		t->part = more;
		t->cap = cap;
	}
	t->part[t->n++] = *p;
	return 0;
}

const char *partition_plain_name(const char *name)
{
	return isdigit((unsigned char)name[0]) && name[1] == ':' ? name + 2 : name;
}

const struct partition *table_find(const struct table *t, const char *name, size_t *ret_n)
{
	const char *plain = partition_plain_name(name);
	const struct partition *first = NULL;
	size_t i, n = 0;

	for (i = 0; i < t->n; i++) {
		if (strcasecmp(partition_plain_name(t->part[i].name), plain) != 0)
			continue;
		if (!first)
			first = &t->part[i];
		n++;
	}
	if (ret_n)
		*ret_n = n;
	return first;
}

/* Levenshtein distance of two short texts, case folded; long ones count as far away. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[PARTITION_NAME_MAX + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la >= PARTITION_NAME_MAX || lb >= PARTITION_NAME_MAX)
		return 1000;
	for (j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			unsigned best = MIN_OF(row[j] + 1, row[j - 1] + 1);

			best = MIN_OF(best, diag + (same ? 0u : 1u));
			diag = row[j];
			row[j] = best;
		}
	}
	return row[lb];
}

const char *table_nearest(const struct table *t, const char *name)
{
	const char *plain = partition_plain_name(name), *best = NULL;
	unsigned best_d = 1 + (unsigned)strlen(plain) / 2;
	size_t i;

	for (i = 0; i < t->n; i++) {
		unsigned d = distance(plain, partition_plain_name(t->part[i].name));

		if (d < best_d) {
			best_d = d;
			best = t->part[i].name;
		}
	}
	return best;
}
