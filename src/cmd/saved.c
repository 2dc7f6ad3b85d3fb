#include "cmd/saved.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tame(char *s)
{
	for (; *s; s++)
		*s = isalnum((unsigned char)*s) || strchr("._-+", *s) ? *s : '-';
}

/* Two changes may fall into one second. */
static int free_name(const char *dir, char *name, char **ret, struct err *e)
{
	_cleanup_free_ char *first = fs_join(dir, name);
	unsigned i;

	name[strlen(name) - 4] = '\0';
	for (i = 1; first && i < 1000; i++) {
		char *path;

		if (i == 1)
			path = strdup(first);
		else if (asprintf(&path, "%s/%s.%u.bin", dir, name, i) < 0)
			path = NULL;
		if (!path)
			return err_nomem(e);
		if (access(path, F_OK) < 0) {
			*ret = path;
			return 0;
		}
		free(path);
	}
	return first ? err_set(e, ERR_HOST, "'%s' exists, and so do all its like", first) : err_nomem(e);
}

int saved_path(const char *who, const char *what, char **ret, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	_cleanup_free_ char *dir = NULL, *name = NULL;
	char when[21];

	if (state && state[0] == '/') {
		if (asprintf(&dir, "%s/salvor/saved", state) < 0)
			dir = NULL;
	} else if (home && home[0] == '/') {
		if (asprintf(&dir, "%s/.local/state/salvor/saved", home) < 0)
			dir = NULL;
	} else {
		return err_set(e, ERR_USAGE,
			       "no folder for the old content: set HOME or give --save FILE");
	}
	if (!dir)
		return err_nomem(e);
	if (fs_mkdirs(dir, e) < 0)
		return -1;
	clock_wall_iso(when);
	if (asprintf(&name, "%.64s-%.120s-%s.bin", who, what, when) < 0) {
		name = NULL;
		return err_nomem(e);
	}
	tame(name);
	return free_name(dir, name, ret, e);
}
