#include "wire/nv_msg.h"

#include "wire/diag_msg.h"

#include <string.h>

const char *nv_status_text(uint16_t status)
{
	static const char *const text[] = {
		"done",       "busy",          "bad command", "NV memory full",
		"failed",     "not active",    "bad parameter", "read only",
		"not defined", "out of memory", "internal error",
	};

	return status < ARRAY_SIZE(text) ? text[status] : "unknown status";
}

void nv_read_build(struct writer *w, uint16_t id, uint8_t first)
{
	wr_u8(w, DIAG_CMD_NV_READ);
	wr_le16(w, id);
	wr_u8(w, first);
	wr_fill(w, 0, NV_DATA_LEN - 1);
	wr_le16(w, 0);
}

void nv_write_build(struct writer *w, uint16_t id, const uint8_t data[NV_DATA_LEN])
{
	wr_u8(w, DIAG_CMD_NV_WRITE);
	wr_le16(w, id);
	wr_bytes(w, data, NV_DATA_LEN);
	wr_le16(w, 0);
}

void nv_indexed_read_build(struct writer *w, uint16_t id, uint16_t index)
{
	diag_subsys_build(w, DIAG_SUBSYS_NV, NV_INDEXED_READ);
	wr_le16(w, id);
	wr_le16(w, index);
	wr_fill(w, 0, NV_DATA_LEN + 2);
}

void nv_indexed_write_build(struct writer *w, uint16_t id, uint16_t index,
			    const uint8_t data[NV_DATA_LEN])
{
	diag_subsys_build(w, DIAG_SUBSYS_NV, NV_INDEXED_WRITE);
	wr_le16(w, id);
	wr_le16(w, index);
	wr_bytes(w, data, NV_DATA_LEN);
	wr_le16(w, 0);
}

/* Data and status, with the cursor behind the item number or index. */
static int rest_parse(struct cursor *c, size_t have, size_t want, struct nv_answer *a,
		      struct nv_answer *ret, struct err *e)
{
	struct slice data = rd_bytes(c, NV_DATA_LEN);

	a->status = rd_le16(c);
	if (c->bad)
		return err_set(e, ERR_PROTO, "NV answer has %zu bytes instead of %zu", have, want);
	memcpy(a->data, data.p, NV_DATA_LEN);
	*ret = *a;
	return 0;
}

int nv_answer_parse(struct slice in, uint8_t cmd, struct nv_answer *ret, struct err *e)
{
	struct cursor c = cursor_of(in);
	struct nv_answer a = { 0 };

	if (rd_u8(&c) != cmd)
		return err_set(e, ERR_PROTO, "not an answer to NV command 0x%02x", cmd);
	a.id = rd_le16(&c);
	return rest_parse(&c, in.n, NV_PACKET_LEN, &a, ret, e);
}

int nv_indexed_answer_parse(struct slice in, uint16_t cmd, struct nv_answer *ret, struct err *e)
{
	struct cursor c = cursor_of(in);
	struct nv_answer a = { 0 };

	if (!diag_subsys_is(in, DIAG_SUBSYS_NV, cmd))
		return err_set(e, ERR_PROTO, "not an answer to indexed NV command %u", cmd);
	rd_skip(&c, DIAG_SUBSYS_HEADER);
	a.id = rd_le16(&c);
	a.index = rd_le16(&c);
	return rest_parse(&c, in.n, NV_INDEXED_LEN, &a, ret, e);
}
