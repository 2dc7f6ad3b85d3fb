#include "proto/nv.h"

#include "model/nv_names.h"
#include "proto/nv_priv.h"
#include "wire/diag_msg.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TRIES    5
#define BUSY_PAUSE_MS 200
#define SIM_MAX       2

const struct diag_echo nv_echo[] = { { 0, 0, 3 }, { 0, 0, 0 } };
const struct diag_echo nv_echo_indexed[] = { { 0, 0, 8 }, { 0, 0, 0 } };

int nv_open(struct diag *d, struct efs *efs, const struct nv_opts *opts, struct nv **ret, struct err *e)
{
	struct nv *n = calloc(1, sizeof(*n));

	if (!n)
		return err_nomem(e);
	n->d = d;
	n->efs = efs;
	n->opts = *opts;
	*ret = n;
	return 0;
}

void nv_close(struct nv *n)
{
	free(n);
}

void nv_pause(struct nv *n, uint32_t ms)
{
	if (n->opts.pause)
		n->opts.pause(n->opts.pause_ctx, ms);
	else
		clock_sleep_ms(ms);
}

const char *nv_state_name(enum nv_state s)
{
	static const char *const names[] = { "value",  "inactive",   "undefined", "bad parameter",
					     "locked", "unreadable", "silent",    "skipped" };

	return names[s];
}

void nv_path(const struct nv_ref *ref, char out[NV_PATH_ROOM])
{
	char dir[16] = "num";

	if (ref->sim)
		snprintf(dir, sizeof(dir), "context%u", ref->sim);
	if (ref->index)
		snprintf(out, NV_PATH_ROOM, "/nvm/%s/%u_%u", dir, ref->id, ref->index);
	else
		snprintf(out, NV_PATH_ROOM, "/nvm/%s/%u", dir, ref->id);
}

static void value_none(struct nv_value *v, enum nv_state state, int32_t code)
{
	*v = (struct nv_value){ .state = state, .code = code };
}

static enum nv_state state_of_status(uint16_t status)
{
	switch (status) {
	case NV_STATUS_NOT_ACTIVE:
		return NV_INACTIVE;
	case NV_STATUS_NOT_DEFINED:
		return NV_UNDEFINED;
	case NV_STATUS_BAD_PARM:
		return NV_BAD_PARM;
	default:
		return NV_UNREADABLE;
	}
}

static enum nv_state state_of_code(int32_t code)
{
	switch (code) {
	case DIAG_ERR_BAD_PARM:
		return NV_BAD_PARM;
	case DIAG_ERR_BAD_SPC_MODE:
	case DIAG_ERR_BAD_SEC_MODE:
	case DIAG_ERR_SECURITY:
		return NV_LOCKED;
	default:
		return NV_UNREADABLE;
	}
}

static void value_of_answer(struct nv_value *v, const struct nv_answer *a)
{
	if (a->status != NV_STATUS_DONE) {
		value_none(v, state_of_status(a->status), a->status);
		return;
	}
	*v = (struct nv_value){ .state = NV_VALUE, .len = NV_DATA_LEN };
	memcpy(v->data, a->data, NV_DATA_LEN);
}

/* What a refused or silent request means; false when it means that the conversation failed. */
static bool value_of_failure(struct nv *n, struct nv_value *v, const struct err *why)
{
	if (why->kind == ERR_REFUSED)
		value_none(v, state_of_code(why->code), why->code);
	else if (why->kind == ERR_TIMEOUT && !diag_is_dead(n->d))
		value_none(v, NV_SILENT, 0);
	else
		return false;
	return true;
}

/* Builds the request and says how its answer is recognised. */
static void request_build(const struct nv *n, struct writer *w, struct diag_ask *ask,
			  const struct nv_ref *ref)
{
	ask->idempotent = true;
	if (ref->sim || (ref->index && !n->opts.array_legacy)) {
		nv_indexed_read_build(w, ref->id, ref->sim ? ref->sim : ref->index);
		ask->echo = nv_echo_indexed;
	} else {
		nv_read_build(w, ref->id, (uint8_t)ref->index);
		ask->echo = nv_echo;
	}
}

static int answer_parse(struct slice in, struct nv_answer *ret, struct err *e)
{
	if (in.n && in.p[0] == DIAG_CMD_SUBSYS)
		return nv_indexed_answer_parse(in, NV_INDEXED_READ, ret, e);
	return nv_answer_parse(in, DIAG_CMD_NV_READ, ret, e);
}

/* The item file of a second SIM. False when it has to be asked for in another way. */
static int read_file(struct nv *n, const struct nv_ref *ref, struct nv_value *v, bool *ret_known,
		     struct err *e)
{
	uint8_t data[EFS_GET_MAX];
	char path[NV_PATH_ROOM];
	size_t len;

	nv_path(ref, path);
	*ret_known = true;
	if (efs_get(n->efs, path, data, &len, e) == 0) {
		if (len > NV_DATA_LEN)
			return err_set(e, ERR_PROTO, "'%s' has %zu bytes, an item has at most %d", path,
				       len, NV_DATA_LEN);
		*v = (struct nv_value){ .state = NV_VALUE, .len = (uint16_t)len };
		memcpy(v->data, data, len);
		return 0;
	}
	if (efs_is_absent(e)) {
		value_none(v, NV_INACTIVE, e->code);
	} else if (e->kind == ERR_REFUSED) {
		*ret_known = false;
	} else if (e->kind == ERR_TIMEOUT && !diag_is_dead(n->d)) {
		value_none(v, NV_SILENT, 0);
	} else {
		return -1;
	}
	err_clear(e);
	return 0;
}

int nv_read(struct nv *n, const struct nv_ref *ref, struct nv_value *ret, struct err *e)
{
	uint8_t room[NV_INDEXED_LEN];
	struct nv_answer a;
	unsigned tries;
	bool known;

	if (ref->index > 255 && n->opts.array_legacy)
		return err_set(e, ERR_USAGE, "item %u has no element %u, one byte holds the index", ref->id,
			       ref->index);
	if (!nv_may_scan(ref->id)) {
		value_none(ret, NV_SKIPPED, 0);
		return 0;
	}
	if (ref->sim && n->efs) {
		if (read_file(n, ref, ret, &known, e) < 0)
			return -1;
		if (known)
			return 0;
	}
	for (tries = 0; tries < BUSY_TRIES; tries++) {
		struct writer w = writer_of(room, sizeof(room));
		struct diag_ask ask = { 0 };
		struct slice answer;

		request_build(n, &w, &ask, ref);
		ask.packet = writer_slice(&w);
		if (diag_ask(n->d, &ask, &answer, e) < 0) {
			if (!value_of_failure(n, ret, e))
				return err_prefix(e, "reading NV item %u", ref->id);
			err_clear(e);
			return 0;
		}
		if (answer_parse(answer, &a, e) < 0)
			return -1;
		if (a.status != NV_STATUS_BUSY)
			break;
		nv_pause(n, BUSY_PAUSE_MS);
	}
	if (ref->index && n->opts.array_legacy && !ref->sim && a.status == NV_STATUS_DONE &&
	    a.data[0] != ref->index) {
		/* The module gave another element: this one does not exist. */
		value_none(ret, NV_INACTIVE, 0);
		return 0;
	}
	value_of_answer(ret, &a);
	return 0;
}

void nv_listing_fini(struct nv_listing *l)
{
	free(l->ref);
	*l = (struct nv_listing){ 0 };
}

int nv_listing_add(struct nv_listing *l, const struct nv_ref *ref, struct err *e)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		struct nv_ref *p = realloc(l->ref, cap * sizeof(*p));

		if (!p)
			return err_nomem(e);
		l->ref = p;
		l->cap = cap;
	}
	l->ref[l->n++] = *ref;
	return 0;
}

static int listing_add(struct nv_listing *l, uint16_t id, uint16_t index, uint8_t sim, struct err *e)
{
	struct nv_ref ref = { id, index, sim };

	return nv_listing_add(l, &ref, e);
}

/* "550" or "550_1"; anything else is some other file. */
static bool name_parse(const char *name, uint16_t *ret_id, uint16_t *ret_index)
{
	unsigned long v[2] = { 0, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		size_t n = strspn(name, "0123456789");

		if (n == 0 || n > 5)
			return false;
		v[i] = strtoul(name, NULL, 10);
		if (v[i] > UINT16_MAX)
			return false;
		name += n;
		if (*name == '\0')
			break;
		if (i == 1 || *name++ != '_')
			return false;
	}
	*ret_id = (uint16_t)v[0];
	*ret_index = (uint16_t)v[1];
	return true;
}

static int ref_order(const void *a, const void *b)
{
	const struct nv_ref *x = a, *y = b;

	if (x->sim != y->sim)
		return x->sim < y->sim ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

void nv_listing_sort(struct nv_listing *l)
{
	if (l->n)
		qsort(l->ref, l->n, sizeof(*l->ref), ref_order);
}

static int list_one(struct nv *n, uint8_t sim, struct nv_listing *l, struct err *e)
{
	struct efs_list dir = { 0 };
	char path[NV_PATH_ROOM] = "/nvm/num";
	size_t i;
	int r;

	if (sim)
		snprintf(path, sizeof(path), "/nvm/context%u", sim);
	r = efs_list(n->efs, path, &dir, e);
	for (i = 0; r == 0 && i < dir.n; i++) {
		uint16_t id, index;
		enum efs_type t = efs_type(&dir.entry[i].attr);

		if ((t == EFS_TYPE_ITEM || t == EFS_TYPE_FILE) &&
		    name_parse(dir.entry[i].name, &id, &index))
			r = listing_add(l, id, index, sim, e);
	}
	efs_list_fini(&dir);
	return r;
}

int nv_list(struct nv *n, uint16_t last, struct nv_listing *ret, struct err *e)
{
	struct nv_listing l = { 0 };
	unsigned id;
	uint8_t sim;

	if (n->efs && list_one(n, 0, &l, e) == 0) {
		for (sim = 1; sim <= SIM_MAX; sim++) {
			/* Most modules have one SIM and no such directory. */
			if (list_one(n, sim, &l, e) == 0)
				continue;
			if (e->kind != ERR_REFUSED)
				goto fail;
			err_clear(e);
		}
		nv_listing_sort(&l);
		*ret = l;
		return 0;
	}
	if (n->efs && e->kind != ERR_REFUSED && e->kind != ERR_PROTO)
		goto fail;
	if (n->efs)
		l.why = *e;
	else
		err_set(&l.why, ERR_UNSUPPORTED, "no access to the file system");
	l.scan = true;
	l.n = 0;
	for (id = 0; id <= last; id++)
		if (listing_add(&l, (uint16_t)id, 0, 0, e) < 0)
			goto fail;
	err_clear(e);
	*ret = l;
	return 0;
fail:
	nv_listing_fini(&l);
	return -1;
}

/* The items that one plain request reads, in a row. */
struct nv_row {
	struct diag_row row;
	struct nv *n;
	const struct nv_listing *l;
	size_t asked, taken; /* into l->ref; the row skips what is not plain */
	int (*item)(void *ctx, const struct nv_ref *, const struct nv_value *, struct err *);
	void *ctx;
	bool busy;           /* stopped at l->ref[taken - 1]: the module wants to be asked again */
};

static bool is_plain(const struct nv *n, const struct nv_ref *ref)
{
	return nv_may_scan(ref->id) && !(ref->sim && n->efs) && !(ref->index && n->opts.array_legacy);
}

static int hand_over(const struct nv_row *r, const struct nv_ref *ref, const struct nv_value *v,
		     struct err *e)
{
	if (r->l->scan && (v->state == NV_INACTIVE || v->state == NV_UNDEFINED ||
			   v->state == NV_BAD_PARM))
		return 0;
	return r->item(r->ctx, ref, v, e) < 0 ? -1 : 0;
}

static int nv_row_next(struct diag_row *row, struct writer *w, struct diag_ask *ask, struct err *e)
{
	struct nv_row *r = container_of(row, struct nv_row, row);

	(void)e;
	if (r->asked >= r->l->n || !is_plain(r->n, &r->l->ref[r->asked]))
		return 0;
	request_build(r->n, w, ask, &r->l->ref[r->asked++]);
	return 1;
}

static int nv_row_take(struct diag_row *row, struct slice answer, const struct err *why, struct err *e)
{
	struct nv_row *r = container_of(row, struct nv_row, row);
	const struct nv_ref *ref = &r->l->ref[r->taken++];
	struct nv_answer a;
	struct nv_value v;

	if (why) {
		value_of_failure(r->n, &v, why);
		return hand_over(r, ref, &v, e);
	}
	if (answer_parse(answer, &a, e) < 0)
		return -1;
	if (a.status == NV_STATUS_BUSY) {
		r->busy = true;
		return 1;
	}
	value_of_answer(&v, &a);
	return hand_over(r, ref, &v, e);
}

int nv_each(struct nv *n, const struct nv_listing *l,
	    int (*item)(void *ctx, const struct nv_ref *, const struct nv_value *, struct err *),
	    void *ctx, struct err *e)
{
	struct nv_row r = { { nv_row_next, nv_row_take }, n, l, 0, 0, item, ctx, false };

	while (r.taken < l->n) {
		const struct nv_ref *ref = &l->ref[r.taken];
		struct nv_value v;

		if (is_plain(n, ref) && !r.busy) {
			if (diag_ask_row(n->d, &r.row, e) < 0)
				return err_prefix(e, "reading the NV items");
			/* After a busy one, whatever was under way is asked for again. */
			if (r.busy)
				r.taken--;
			r.asked = r.taken;
			continue;
		}
		if (nv_read(n, ref, &v, e) < 0 || hand_over(&r, ref, &v, e) < 0)
			return -1;
		r.busy = false;
		r.asked = ++r.taken;
	}
	return 0;
}
