#include "tests/unit/db_fixture.h"

#include "model/imei.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int db_open(struct db_fixture *f, struct err *e)
{
	struct catalog_opts o = { .path = f->path,
				  .create = true,
				  .who = "tester@bench",
				  .wait_ms = 5000,
				  .fault = &f->fault };

	return catalog_open(&o, &f->c, e);
}

void db_folder(struct db_fixture *f)
{
	const char *tmp = getenv("TMPDIR");

	/* Hundreds of catalogues are made and thrown away: in memory where the machine has such a
	 * place. */
	if (!tmp)
		tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "%.60s/salvor-db-XXXXXX", tmp);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/catalog.db", f->dir);
	snprintf(f->mirror, sizeof(f->mirror), "%s/catalog.db.audit.jsonl", f->dir);
}

void db_up(struct db_fixture *f)
{
	struct err e = ERR_INIT;

	db_folder(f);
	assert_ok(db_open(f, &e), e);
}

void db_reopen(struct db_fixture *f)
{
	struct err e = ERR_INIT;

	catalog_close(f->c);
	f->c = NULL;
	assert_ok(db_open(f, &e), e);
}

void db_down(struct db_fixture *f)
{
	struct dirent *d;
	DIR *dir;

	catalog_close(f->c);
	dir = opendir(f->dir);
	while (dir && (d = readdir(dir))) {
		char path[ROOM];

		snprintf(path, sizeof(path), "%s/%s", f->dir, d->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(f->dir);
}

/* The policy of sql.c holds here, too: only the triggers stand in the way, and are dropped by name.
 */
void db_exec(const char *path, const char *text)
{
	struct sql_opts o = { .wait_ms = 5000 };
	struct err e = ERR_INIT;
	struct sql *db;

	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_ok(sql_script(db, text, &e), e);
	sql_close(db);
}

int64_t db_count(const char *path, const char *text)
{
	struct sql_opts o = { .wait_ms = 5000 };
	struct err e = ERR_INIT;
	struct sql_query *q;
	struct sql *db;
	int64_t n;
	bool row;

	assert_ok(sql_open(path, &o, &db, &e), e);
	assert_ok(sql_query_args(db, text, NULL, 0, &q, &e), e);
	assert_ok(sql_step(q, &row, &e), e);
	assert_true(row);
	n = sql_int(q, 0);
	sql_done(q);
	sql_close(db);
	return n;
}

struct chip_id db_chip(uint32_t n)
{
	struct chip_id id = { .has_serial = true,
			      .serial = 0x5a000000u + n,
			      .has_hwid = true,
			      .msm_id = 0x000480e1,
			      .pkhash_len = 32 };

	memset(id.pkhash, 0xcc, 32);
	return id;
}

const char *db_imei(const char *tac, unsigned n, char out[16])
{
	char room[24];

	snprintf(room, sizeof(room), "%.8s%06u", tac, n % 1000000);
	room[14] = imei_check_digit(room);
	room[15] = '\0';
	memcpy(out, room, 16);
	return out;
}

const char *db_hash(unsigned n, char out[65])
{
	unsigned i;

	/* The number comes first and mixed, so that short ids differ. */
	snprintf(out, 65, "%08x", n * 2654435761u);
	for (i = 8; i < 64; i++)
		out[i] = "0123456789abcdef"[(n >> (i % 4 * 4)) % 16];
	out[64] = '\0';
	return out;
}

const char *db_day(unsigned n, char out[21])
{
	snprintf(out, 21, "20%02u-%02u-%02uT12:00:00Z", 20 + n / 336 % 80, n / 28 % 12 + 1,
		 n % 28 + 1);
	return out;
}

struct catalog_seen db_see(struct db_fixture *f, uint32_t chip, const char *imei, const char *model,
			   bool bound)
{
	struct chip_id id = db_chip(chip);
	struct catalog_sight s = { .chip = chip ? &id : NULL,
				   .imei = { imei, NULL },
				   .evidence = EVIDENCE_CHIP,
				   .model = model,
				   .bound = bound };
	struct catalog_seen seen;
	struct err e = ERR_INIT;

	assert_ok(catalog_see(f->c, &s, &seen, &e), e);
	return seen;
}

void db_snapshot(struct db_fixture *f, unsigned hash, int64_t module, unsigned day,
		 enum catalog_verdict verdict)
{
	char h[65], path[64], when[21];
	struct catalog_snapshot s = { .hash = db_hash(hash, h),
				      .module = module,
				      .path = path,
				      .size = 1000,
				      .created = db_day(day, when),
				      .verdict = verdict,
				      .model = "EC25",
				      .n_items = 2 };
	struct catalog_item items[2] = {
		{ .name = "edl/efs2.bin",
		  .kind = "raw",
		  .size = 900,
		  .complete = true,
		  .has_extent = true,
		  .start = 640,
		  .count = 88 },
		{ .name = "diag/nv/00550.bin", .kind = "nv", .size = 9, .complete = true },
	};
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "/backups/%u.tar.zst", hash);
	assert_ok(catalog_add_snapshot(f->c, &s, items, 2, NULL, &e), e);
}

static int got_module(struct catalog_rows *r, const struct catalog_module *m, struct err *e)
{
	struct db_got *g = container_of(r, struct db_got, rows);
	unsigned i;

	(void)e;
	if (g->n_modules < 64)
		g->module[g->n_modules] = m->id;
	g->n_modules++;
	snprintf(g->chip, sizeof(g->chip), "%s", m->chip ? m->chip : "");
	for (i = 0; i < 2; i++) {
		snprintf(g->imei[i], sizeof(g->imei[i]), "%s",
			 m->number[i].imei ? m->number[i].imei : "");
		g->evidence[i] = m->number[i].evidence;
		g->confirmed[i] = m->number[i].confirmed;
	}
	snprintf(g->label, sizeof(g->label), "%s", m->label);
	snprintf(g->model, sizeof(g->model), "%s", m->model);
	g->snapshots_of_last = m->n_snapshots;
	g->held_of_last = m->n_held;
	g->rf = m->rf;
	g->retired = m->retired != NULL;
	return 0;
}

static int got_snapshot(struct catalog_rows *r, const struct catalog_snapshot *s, struct err *e)
{
	struct db_got *g = container_of(r, struct db_got, rows);

	(void)e;
	if (g->n_snapshots < 64)
		snprintf(g->hash[g->n_snapshots], 65, "%s", s->hash);
	g->n_snapshots++;
	snprintf(g->path, sizeof(g->path), "%s", s->path);
	g->gone = s->gone;
	return 0;
}

static int got_item(struct catalog_rows *r, const struct catalog_item *it, struct err *e)
{
	(void)it;
	(void)e;
	container_of(r, struct db_got, rows)->n_items++;
	return 0;
}

static int got_firmware(struct catalog_rows *r, const struct catalog_firmware *f, struct err *e)
{
	(void)f;
	(void)e;
	container_of(r, struct db_got, rows)->n_firmware++;
	return 0;
}

static int got_operation(struct catalog_rows *r, const struct catalog_operation *o, struct err *e)
{
	struct db_got *g = container_of(r, struct db_got, rows);

	(void)e;
	g->n_operations++;
	g->outcome = o->outcome;
	return 0;
}

static int got_note(struct catalog_rows *r, const struct catalog_note *n, struct err *e)
{
	struct db_got *g = container_of(r, struct db_got, rows);

	(void)e;
	g->n_notes++;
	snprintf(g->last_note, sizeof(g->last_note), "%s", n->text);
	return 0;
}

static int got_held(struct catalog_rows *r, const struct catalog_held *h, struct err *e)
{
	struct db_got *g = container_of(r, struct db_got, rows);

	(void)e;
	g->n_held++;
	g->held = *h;
	snprintf(g->held_text, sizeof(g->held_text), "%s", h->text);
	return 0;
}

void db_got_init(struct db_got *g)
{
	memset(g, 0, sizeof(*g));
	g->rows = (struct catalog_rows){ got_module,    got_snapshot, got_item, got_firmware,
					 got_operation, got_note,     got_held };
}

void db_module(struct db_fixture *f, int64_t id, struct db_got *g)
{
	struct err e = ERR_INIT;

	db_got_init(g);
	assert_ok(catalog_module_get(f->c, id, &g->rows, &e), e);
}
