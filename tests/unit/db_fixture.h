/* A catalogue in a folder of its own, chips and numbers that belong to nobody. */
#ifndef SALVOR_TESTS_DB_FIXTURE_H
#define SALVOR_TESTS_DB_FIXTURE_H

#include "tests/unit/unit.h"

#include "db/catalog.h"

#define ROOM 512

struct db_fixture {
	char dir[ROOM / 4], path[ROOM / 2], mirror[ROOM / 2];
	struct catalog *c;
	struct sql_fault fault;
};

/* Makes the folder alone. */
void db_folder(struct db_fixture *f);
/* Makes the folder and opens a new catalogue in it. */
void db_up(struct db_fixture *f);
/* Closes, and removes the folder. */
void db_down(struct db_fixture *f);
int db_open(struct db_fixture *f, struct err *e);
void db_reopen(struct db_fixture *f);
/* For rows behind the catalogue's back. */
void db_exec(const char *path, const char *sql);
int64_t db_count(const char *path, const char *sql);

/* Chip number n of one family. */
struct chip_id db_chip(uint32_t n);
/* The n-th number of the test range with this code in front ("00100001"); its check digit is right.
 */
const char *db_imei(const char *tac, unsigned n, char out[16]);
/* The n-th hash. */
const char *db_hash(unsigned n, char out[65]);
/* Day n of a year. */
const char *db_day(unsigned n, char out[21]);

/* Meets chip n with these numbers; chip 0 = without one. */
struct catalog_seen db_see(struct db_fixture *f, uint32_t chip, const char *imei, const char *model,
			   bool bound);
/* A snapshot of the module, made on that day. */
void db_snapshot(struct db_fixture *f, unsigned hash, int64_t module, unsigned day,
		 enum catalog_verdict verdict);

/* Collects what a walk gives. */
struct db_got {
	struct catalog_rows rows;
	unsigned n_modules, n_snapshots, n_items, n_firmware, n_operations, n_notes, n_held;
	int64_t module[64];
	char hash[64][65];
	char last_note[256], chip[32], imei[2][32], label[64], model[32];
	enum identity_evidence evidence[2];
	bool confirmed[2];
	uint64_t snapshots_of_last, held_of_last;
	enum catalog_rf rf;
	bool retired;
	struct catalog_held held;
	char held_text[256], path[128];
	bool gone;
	enum catalog_outcome outcome;
};
void db_got_init(struct db_got *g);
/* catalog_module_get() */
void db_module(struct db_fixture *f, int64_t id, struct db_got *g);

#endif
