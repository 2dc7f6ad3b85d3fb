#include "proto/nv_write.h"

#include "proto/efs_write.h"
#include "proto/nv_priv.h"
#include "wire/diag_msg.h"

#include <string.h>

#define WRITE_MS 5000

static int refused(const struct nv_ref *ref, const struct nv_answer *a, struct err *e)
{
	return err_set_code(e, ERR_REFUSED, a->status, "NV item %u was not written: %s (status %u)",
			    ref->id, nv_status_text(a->status), a->status);
}

static int write_wire(struct nv *n, const struct nv_ref *ref, const uint8_t data[NV_DATA_LEN],
		      struct err *e)
{
	uint8_t room[NV_INDEXED_LEN];
	struct writer w = writer_of(room, sizeof(room));
	struct diag_ask ask = { .timeout_ms = WRITE_MS };
	struct slice answer;
	struct nv_answer a;
	bool indexed = ref->sim || (ref->index && !n->opts.array_legacy);

	if (indexed)
		nv_indexed_write_build(&w, ref->id, ref->sim ? ref->sim : ref->index, data);
	else
		nv_write_build(&w, ref->id, data);
	ask.packet = writer_slice(&w);
	ask.echo = indexed ? nv_echo_indexed : nv_echo;
	if (diag_ask(n->d, &ask, &answer, e) < 0)
		return err_prefix(e, "writing NV item %u", ref->id);
	if ((indexed ? nv_indexed_answer_parse(answer, NV_INDEXED_WRITE, &a, e) :
		       nv_answer_parse(answer, DIAG_CMD_NV_WRITE, &a, e)) < 0)
		return -1;
	return a.status == NV_STATUS_DONE ? 0 : refused(ref, &a, e);
}

int nv_write(struct nv *n, const struct nv_ref *ref, const uint8_t data[NV_DATA_LEN], uint16_t len,
	     struct err *e)
{
	struct nv_value v;

	if (len > NV_DATA_LEN)
		return err_set(e, ERR_USAGE, "an NV item of %u bytes, %d fit", len, NV_DATA_LEN);
	if (ref->index && n->opts.array_legacy && data[0] != ref->index)
		return err_set(e, ERR_USAGE, "element %u of item %u must carry its index in the first byte",
			       ref->index, ref->id);
	if (ref->sim && n->efs) {
		char path[NV_PATH_ROOM];

		nv_path(ref, path);
		if (efs_put_item(n->efs, path, SLICE(data, len), e) < 0)
			return -1;
	} else if (write_wire(n, ref, data, e) < 0) {
		return -1;
	}
	if (nv_read(n, ref, &v, e) < 0)
		return err_prefix(e, "reading back what was written");
	if (v.state != NV_VALUE)
		return err_set_code(e, ERR_INTEGRITY, v.code,
				    "NV item %u reads back as %s after the module accepted it", ref->id,
				    nv_state_name(v.state));
	if (memcmp(v.data, data, ref->sim && n->efs ? len : NV_DATA_LEN) != 0)
		return err_set(e, ERR_INTEGRITY, "NV item %u: the module accepted the write and holds other "
						 "bytes", ref->id);
	return 0;
}
