/* DIAG and NV: every parser on the input, then whole sessions with a module that answers with it. */
#include "proto/nv.h"
#include "model/nv_imei.h"
#include "tests/fuzz/diag_liar.h"
#include "wire/diag_msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int item(void *ctx, const struct nv_ref *ref, const struct nv_value *v, struct err *e)
{
	(void)ctx;
	(void)ref;
	(void)e;
	if (v->len > NV_DATA_LEN)
		abort();
	return 0;
}

static void parsers(struct slice in)
{
	struct err e = ERR_INIT;
	struct diag_version v;
	struct diag_build_id b;
	struct nv_answer a;
	uint32_t mode;
	bool ok;
	char digits[16];

	if (diag_version_parse(in, &v, &e) == 0 && strlen(v.compiled) >= sizeof(v.compiled))
		abort();
	if (diag_build_id_parse(in, &b, &e) == 0 && strlen(b.build) >= sizeof(b.build))
		abort();
	if (diag_unlock_parse(in, DIAG_CMD_SPC, &ok, &e) | diag_mode_parse(in, DIAG_MODE_RESET, &e) |
	    diag_cm_state_parse(in, &mode, &e) | diag_snapshot_parse(in, &mode, &e) |
	    nv_answer_parse(in, DIAG_CMD_NV_READ, &a, &e) |
	    nv_indexed_answer_parse(in, NV_INDEXED_READ, &a, &e))
		(void)diag_is_unsolicited(in);
	if (nv_imei_decode(in, digits) == NV_IMEI_DIGITS && strlen(digits) != 15)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct liar *l = malloc(sizeof(*l));
	struct diag_opts opts = { .spc = "000000", .timeout_ms = 20,
				  .window = size ? data[0] % 5u : 0 };
	struct nv_opts nopts = { .pause = liar_pause };
	struct nv_listing list = { 0 };
	struct diag *d;
	struct nv *n;
	struct err e = ERR_INIT;
	struct diag_identity id;
	uint32_t mode;

	if (!l)
		abort();
	parsers(SLICE(data, size));
	liar_init(l, data, size);
	if (diag_open(&l->link, &opts, &d, &e) < 0 || nv_open(d, NULL, &nopts, &n, &e) < 0)
		abort();
	if (diag_identify(d, &id, &e) < 0 || diag_oper_mode(d, &mode, &e) < 0)
		err_clear(&e);
	if (nv_list(n, 60, &list, &e) < 0)
		abort();
	if (nv_each(n, &list, item, NULL, &e) < 0 && !e.msg[0])
		abort();
	nv_listing_fini(&list);
	nv_close(n);
	diag_close(d);
	free(l);
	return 0;
}
