#include "snap_util.h"
#include "unit.h"

#include "cmd/remember.h"
#include "cmd/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One run of a verb that makes snapshots. */
struct run {
	struct scratch dir;
	char db[96];
	struct ctx ctx;
	char *said;
	size_t n_said;
	FILE *err;
};

static int up(void **state)
{
	struct run *r = calloc(1, sizeof(*r));
	struct render_conf conf = { .progress_fd = -1, .force_tty = -1 };
	struct err e = ERR_INIT;

	if (!r)
		return -1;
	scratch_make(&r->dir);
	snprintf(r->db, sizeof(r->db), "%s/new/catalog.db", r->dir.dir);
	r->err = open_memstream(&r->said, &r->n_said);
	conf.out = conf.err = r->err;
	if (!r->err || render_new(&conf, &r->ctx.render, &e) < 0)
		return -1;
	r->ctx.catalog_option = r->db;
	r->ctx.phase = PHASE_VERIFY;
	*state = r;
	return 0;
}

static int down(void **state)
{
	struct run *r = *state;

	store_close(&r->ctx);
	render_free(r->ctx.render);
	fclose(r->err);
	free(r->said);
	scratch_remove(&r->dir);
	free(r);
	return 0;
}

static void seal(struct run *r, const char *name, uint64_t chip, struct snap_sealed *ret)
{
	struct snap_opts opts = { .tool = "0.1.0" };
	struct err e = ERR_INIT;
	struct snap *s;

	assert_ok(snap_begin(r->dir.dir, name, &opts, &s, &e), e);
	assert_ok(sample_fill(s, &e), e);
	snap_manifest(s)->module.chip.serial = chip;
	assert_ok(snap_seal(s, NULL, ret, &e), e);
}

static void a_backup_is_remembered_with_what_was_read_from_the_chip(void **state)
{
	struct run *r = *state;
	struct snap_sealed sealed;
	struct err e = ERR_INIT;
	enum identity_evidence ev;
	char imei[16], hash[CATALOG_HASH_HEX + 1];

	seal(r, "one", 0x11112222, &sealed);
	assert_ok(catalog_remember(&r->ctx, &sealed.manifest, sealed.id, sealed.path, &e), e);
	assert_null(r->ctx.catalog);
	assert_int_equal(r->ctx.phase, PHASE_VERIFY);
	assert_int_equal(r->n_said, 0);
	assert_ok(store_open(&r->ctx, false, &e), e);
	assert_ok(catalog_resolve(r->ctx.catalog, sealed.id, hash, &e), e);
	assert_ok(identity_own(r->ctx.catalog, 1, 1, imei, &ev, &e), e);
	assert_string_equal(imei, "490154203237518");
	assert_int_equal(ev, EVIDENCE_CHIP);
	snap_sealed_fini(&sealed);
}

static void a_contradiction_is_said_and_masked(void **state)
{
	struct run *r = *state;
	struct snap_sealed a, b;
	struct err e = ERR_INIT;

	seal(r, "one", 0x11112222, &a);
	seal(r, "two", 0x33334444, &b);
	assert_ok(catalog_remember(&r->ctx, &a.manifest, a.id, a.path, &e), e);
	assert_ok(catalog_remember(&r->ctx, &b.manifest, b.id, b.path, &e), e);
	fflush(r->err);
	assert_non_null(strstr(r->said, "contradiction"));
	assert_null(strstr(r->said, "490154203237518"));
	snap_sealed_fini(&a);
	snap_sealed_fini(&b);
}

static void a_catalogue_that_cannot_be_opened_leaves_phase_and_next_step_alone(void **state)
{
	struct run *r = *state;
	struct snap_sealed a;
	struct err e = ERR_INIT;

	seal(r, "one", 0x11112222, &a);
	snprintf(r->db, sizeof(r->db), "%s/junk.db", r->dir.dir);
	put_file(r->db, "this is no database, and long enough to be looked at", 52);
	assert_err(catalog_remember(&r->ctx, &a.manifest, a.id, a.path, &e), e, ERR_INTEGRITY);
	assert_int_equal(r->ctx.phase, PHASE_VERIFY);
	assert_string_equal(r->ctx.next, "");
	assert_null(r->ctx.catalog);
	snap_sealed_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_backup_is_remembered_with_what_was_read_from_the_chip, up, down),
		cmocka_unit_test_setup_teardown(a_contradiction_is_said_and_masked, up, down),
		cmocka_unit_test_setup_teardown(
			a_catalogue_that_cannot_be_opened_leaves_phase_and_next_step_alone, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
