/* How the catalogue's rows look, and which of them a person means. Numbers are masked unless `full`. */
#ifndef SALVOR_CMD_CATVIEW_H
#define SALVOR_CMD_CATVIEW_H

#include "cmd/ctx.h"
#include "db/catalog.h"

struct catview {
	struct catalog_rows rows; /* first: the callbacks get back to the rest */
	struct ctx *ctx;
	bool full;
};

/* Tables of modules, snapshots ... under `key`: begin, hand &v->rows to the catalogue, end. */
void catview_modules(struct catview *v, const char *key);
void catview_snapshots(struct catview *v, const char *key);
void catview_firmware(struct catview *v, const char *key);
void catview_items(struct catview *v, const char *key);
void catview_notes(struct catview *v, const char *key);
void catview_operations(struct catview *v, const char *key);
void catview_helds(struct catview *v, const char *key);
void catview_end(struct catview *v, const char *empty);

/* The facts of one module or snapshot, a line each. */
int catview_module(struct ctx *ctx, int64_t id, bool full, struct err *e) _must_check_;
int catview_snapshot(struct ctx *ctx, const char *hash, bool full, struct err *e) _must_check_;

/* Text of people and modules with numbers hidden; `out` is cut where it is full. */
void catview_text(const char *text, bool full, char *out, size_t n);
/* "m12" */
#define CATVIEW_ID 24
void catview_id(int64_t module, char out[CATVIEW_ID]);

/* What a person means: "m12", or whatever catalog_find() takes, if it names one thing. A module with
 * exactly this label goes before labels that only begin so. ERR_USAGE when it is none or several. */
struct catview_thing {
	int64_t module;                   /* 0 = it is a snapshot */
	char hash[CATALOG_HASH_HEX + 1];
};
int catview_resolve(struct catalog *c, const char *text, struct catview_thing *ret,
		    struct err *e) _must_check_;
/* The same, but only a module will do. */
int catview_resolve_module(struct catalog *c, const char *text, int64_t *ret,
			   struct err *e) _must_check_;

#endif
