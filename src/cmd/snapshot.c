#include "cmd/snapshot.h"

#include "backup/container.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- where it goes ---- */

static int default_dir(char **ret, struct err *e)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	int n;

	if (data && data[0] == '/')
		n = asprintf(ret, "%s/salvor/snapshots", data);
	else if (home && home[0] == '/')
		n = asprintf(ret, "%s/.local/share/salvor/snapshots", home);
	else
		return err_set(e, ERR_USAGE, "no folder for the snapshot: set HOME or give -o FILE|DIR");
	if (n < 0) {
		*ret = NULL;
		return err_nomem(e);
	}
	return 0;
}

/* The folder in the archive is called like the file, without what container_suffix() adds. */
static int name_of_file(const char *path, char **ret, struct err *e)
{
	static const char *const known[] = { ".tar.zst", ".tar.gz" };
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(base), i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		size_t len = strlen(known[i]);

		if (n <= len || strcmp(base + n - len, known[i]) != 0)
			continue;
		if (strcmp(known[i], container_suffix()) != 0)
			return err_set(e, ERR_USAGE, "'%s' would hold another format than its name says; "
						     "this salvor writes %s",
				       base, container_suffix());
		n -= len;
		break;
	}
	*ret = strndup(base, n);
	return *ret ? 0 : err_nomem(e);
}

static int dest_of_output(struct snapshot_dest *d, const char *output, struct err *e)
{
	const char *slash;
	size_t n = strlen(output);

	if (strcmp(output, "-") == 0) {
		d->to_stdout = true;
		return default_dir(&d->dir, e);
	}
	if (n == 0)
		return err_set(e, ERR_USAGE, "-o needs a file, a folder or '-'");
	if (output[n - 1] == '/' || fs_is_dir(output)) {
		while (n > 1 && output[n - 1] == '/')
			n--;
		d->dir = strndup(output, n);
		return d->dir ? 0 : err_nomem(e);
	}
	slash = strrchr(output, '/');
	d->path = strdup(output);
	d->dir = slash == output ? strdup("/") : slash ? strndup(output, (size_t)(slash - output)) : strdup(".");
	if (!d->path || !d->dir)
		return err_nomem(e);
	return name_of_file(output, &d->name, e);
}

/* The file as it will be called; the name must be known. */
static int check_new(const struct snapshot_dest *d, struct err *e)
{
	_cleanup_free_ char *made = NULL;
	const char *path = d->path;

	if (d->to_stdout)
		return 0;
	if (!path) {
		if (asprintf(&made, "%s/%s%s", d->dir, d->name, container_suffix()) < 0) {
			made = NULL;
			return err_nomem(e);
		}
		path = made;
	}
	if (access(path, F_OK) == 0)
		return err_set_code(e, ERR_HOST, EEXIST, "'%s' exists and is not overwritten", path);
	return 0;
}

static int dest_open(struct snapshot_dest *d, const struct parsed *p, struct err *e)
{
	const char *output = parsed_str(p, "output"), *name = parsed_str(p, "name");

	if ((output ? dest_of_output(d, output, e) : default_dir(&d->dir, e)) < 0)
		return -1;
	if (name) {
		free(d->name);
		d->name = strdup(name);
		if (!d->name)
			return err_nomem(e);
	}
	if (d->name && manifest_own_name_check(d->name, e) < 0)
		return -1;
	if (fs_mkdirs(d->dir, e) < 0)
		return -1;
	if (access(d->dir, W_OK | X_OK) < 0)
		return err_set_errno(e, errno, "the folder '%s' cannot be written", d->dir);
	return d->name ? check_new(d, e) : 0;
}

int snapshot_dest_open(struct snapshot_dest *d, const struct parsed *p, struct err *e)
{
	*d = (struct snapshot_dest){ 0 };
	if (dest_open(d, p, e) == 0)
		return 0;
	snapshot_dest_fini(d);
	return -1;
}

void snapshot_dest_fini(struct snapshot_dest *d)
{
	free(d->dir);
	free(d->name);
	free(d->path);
	*d = (struct snapshot_dest){ 0 };
}

/* The length of NAME in "NAME.part", or 0. */
static size_t part_name(const char *entry)
{
	size_t n = strlen(entry);

	return n > 5 && entry[0] != '.' && strcmp(entry + n - 5, ".part") == 0 ? n - 5 : 0;
}

int snapshot_dest_find_part(struct snapshot_dest *d, struct err *e)
{
	char list[256] = "";
	struct dirent *ent;
	size_t found = 0;
	DIR *dir;

	if (d->name)
		return 0;
	dir = opendir(d->dir);
	if (!dir)
		return err_set_errno(e, errno, "'%s'", d->dir);
	while ((ent = readdir(dir))) {
		size_t n = part_name(ent->d_name), used = strlen(list);

		if (n == 0)
			continue;
		snprintf(list + used, sizeof(list) - used, "%s%.*s", used ? ", " : "", (int)n, ent->d_name);
		if (found++ == 0)
			d->name = strndup(ent->d_name, n);
		if (!d->name)
			break;
	}
	closedir(dir);
	if (found == 0)
		return err_set(e, ERR_USAGE, "there is no interrupted backup in '%s'", d->dir);
	if (!d->name)
		return err_nomem(e);
	if (found > 1) {
		free(d->name);
		d->name = NULL;
		return err_set(e, ERR_USAGE, "which backup is to be resumed? give --name, one of: %s", list);
	}
	return check_new(d, e);
}

int snapshot_dest_make_name(struct snapshot_dest *d, const struct manifest_module *module, struct err *e)
{
	const char *what = module->revision ? module->revision : module->model ? module->model : "module";
	char when[21], head[33], serial[24] = "", *c;

	if (d->name)
		return 0;
	snprintf(head, sizeof(head), "%s", what);
	for (c = head; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("._+-", *c))
			*c = '-';
	}
	if (!isalnum((unsigned char)head[0]))
		head[0] = 'm';
	clock_wall_iso(when);
	for (c = when; *c; c++) {
		if (*c == ':')
			*c = '-';
	}
	if (module->chip.has_serial)
		snprintf(serial, sizeof(serial), "-%08" PRIx64, module->chip.serial);
	if (asprintf(&d->name, "%s%s-%s", head, serial, when) < 0) {
		d->name = NULL;
		return err_nomem(e);
	}
	return check_new(d, e);
}

/* ---- what is said of it ---- */

static void render_module(struct render *r, const struct manifest_module *m)
{
	char text[32];
	size_t i;

	render_section(r, "module", "module");
	render_str(r, "maker", "manufacturer", m->maker);
	render_str(r, "model", "model", m->model);
	render_str(r, "revision", "revision", m->revision);
	for (i = 0; i < m->n_imeis; i++) {
		char key[8];

		snprintf(key, sizeof(key), i ? "imei%zu" : "imei", i + 1);
		imei_mask(m->imei[i].digits, text);
		render_str(r, key, "IMEI", text);
	}
	if (m->chip.has_serial)
		snprintf(text, sizeof(text), "%08" PRIx64, m->chip.serial);
	render_str(r, "chip_serial", "chip serial", m->chip.has_serial ? text : NULL);
	if (m->chip.has_hwid)
		render_str(r, "chip", "chip", chip_name(m->chip.msm_id));
	render_section_end(r);
}

static void via_text(unsigned via, char out[24])
{
	snprintf(out, 24, "%s%s%s", via & MANIFEST_AT ? " AT" : "", via & MANIFEST_DIAG ? " DIAG" : "",
		 via & MANIFEST_EDL ? " EDL" : "");
}

/* People read of them among the reasons, as far as they weigh. */
static void render_gaps(struct render *r, const struct manifest *m)
{
	static const struct render_col cols[] = {
		{ "what", "MISSING", false },
		{ "how", "", false },
		{ "why", "WHY", false },
	};
	size_t i;

	if (!render_is_json(r))
		return;
	render_table(r, "missing", cols, ARRAY_SIZE(cols));
	for (i = 0; i < m->n_gaps; i++) {
		render_cell_str(r, m->gap[i].what);
		render_cell_str(r, gap_how_name(m->gap[i].how));
		render_cell_str(r, m->gap[i].why);
	}
	render_table_end(r, NULL);
}

static void render_verdict(struct render *r, const struct manifest *m)
{
	static const enum render_tone tones[] = { [VERDICT_UNUSABLE] = TONE_BAD,
						  [VERDICT_PARTIAL] = TONE_WARN,
						  [VERDICT_COMPLETE] = TONE_GOOD };
	static const struct render_col cols[] = { { "reason", "REASONS", false } };
	char toned[64];
	size_t i;

	render_str(r, "verdict", "verdict",
		   render_is_json(r) ? verdict_name(m->verdict)
				     : render_tone(r, tones[m->verdict], verdict_name(m->verdict), toned,
						   sizeof(toned)));
	render_bool(r, "as_asked", "as asked for", m->as_asked);
	if (m->n_reasons == 0 && !render_is_json(r))
		return;
	render_table(r, "reasons", cols, ARRAY_SIZE(cols));
	for (i = 0; i < m->n_reasons; i++)
		render_cell_str(r, m->reason[i]);
	render_table_end(r, NULL);
}

void snapshot_render(struct render *r, const struct manifest *m)
{
	uint64_t bytes = 0;
	char via[24];
	size_t i;

	for (i = 0; i < m->n_items; i++)
		bytes += m->item[i].size;
	render_module(r, &m->module);
	render_str(r, "name", "snapshot", m->name);
	render_str(r, "made", "made", m->ended);
	via_text(m->via, via);
	render_str(r, "via", "read over", via[0] ? via + 1 : NULL);
	render_u64(r, "items", "items", m->n_items);
	render_size(r, "content_bytes", "content", bytes);
	render_verdict(r, m);
	render_gaps(r, m);
}
