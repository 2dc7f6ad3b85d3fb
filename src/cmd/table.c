#include "cmd/table.h"

#include <string.h>

#define CMD_ADDRESS(row) &row,
static const struct cmd *const rows[] = { CMD_LIST(CMD_ADDRESS) };
#undef CMD_ADDRESS

const struct cmd *table_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? rows[i] : NULL;
}

const struct cmd *table_cmd(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(rows[i]->name, name) == 0)
			return rows[i];
	}
	return NULL;
}

bool table_is_group(const char *word)
{
	size_t i, n = strlen(word);

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strncmp(rows[i]->name, word, n) == 0 && rows[i]->name[n] == ' ')
			return true;
	}
	return false;
}
