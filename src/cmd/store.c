#include "cmd/store.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static int data_file(const char *name, char **ret, struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	/* The base directory specification: a relative path counts as not set. */
	if (data && data[0] == '/')
		n = asprintf(ret, "%s/salvor/%s", data, name);
	else if (home && home[0])
		n = asprintf(ret, "%s/.local/share/salvor/%s", home, name);
	else
		return err_set_code(e, ERR_HOST, ENOENT,
				    "neither XDG_DATA_HOME nor HOME says where data is kept; name the "
				    "catalogue with --catalog FILE");
	return n < 0 ? err_nomem(e) : 0;
}

int store_catalog_path(const struct ctx *c, char **ret, struct err *e)
{
	if (!c->catalog_option)
		return data_file("catalog.db", ret, e);
	*ret = strdup(c->catalog_option);
	return *ret ? 0 : err_nomem(e);
}

int store_snapshot_dir(char **ret, struct err *e)
{
	return data_file("snapshots", ret, e);
}

static bool waiting(void *arg, uint32_t waited_ms)
{
	struct ctx *c = arg;

	if (cancel_is_set(c->cancel))
		return false;
	if (!render_is_quiet(c->render))
		render_diag(c->render, "another process is using the catalogue; waiting (%u.%u s)",
			    waited_ms / 1000, waited_ms / 100 % 10);
	return true;
}

static void who(char *out, size_t n)
{
	const struct passwd *pw = getpwuid(getuid());
	struct utsname host;

	if (uname(&host) < 0)
		host.nodename[0] = '\0';
	if (pw)
		snprintf(out, n, "%s@%s", pw->pw_name, host.nodename);
	else
		snprintf(out, n, "%lu@%s", (unsigned long)getuid(), host.nodename);
}

static int make_folder(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = NULL;

	if (!slash || slash == path)
		return 0;
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return err_nomem(e);
	return fs_mkdirs(dir, e);
}

/* A command line that can be typed as it stands. */
void store_tell_next(struct ctx *c, const struct err *e)
{
	const char *opt = c->catalog_option;

	if (c->phase != PHASE_CATALOG || c->next[0])
		return;
	if (e->kind == ERR_BUSY)
		ctx_next(c, "end the other program, or wait longer with --timeout SECONDS");
	else if (e->kind == ERR_INTEGRITY || (e->kind == ERR_HOST && e->code == ENOENT))
		ctx_next(c, "salvor catalog rebuild%s%s", opt ? " --catalog " : "", opt ? opt : "");
}

int store_open(struct ctx *c, bool create, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	char name[256];
	struct catalog_opts opts = { .create = create,
				     .who = name,
				     .wait_ms = c->timeout_ms,
				     .waiting = waiting,
				     .ctx = c };

	c->phase = PHASE_CATALOG;
	if (store_catalog_path(c, &path, e) < 0 || (create && make_folder(path, e) < 0))
		return -1;
	who(name, sizeof(name));
	opts.path = path;
	if (catalog_open(&opts, &c->catalog, e) < 0) {
		c->catalog = NULL;
		store_tell_next(c, e);
		return -1;
	}
	return 0;
}

void store_close(struct ctx *c)
{
	if (!c->catalog)
		return;
	if (catalog_warning(c->catalog)[0])
		render_diag(c->render, "%s", catalog_warning(c->catalog));
	catalog_close(c->catalog);
	c->catalog = NULL;
}
