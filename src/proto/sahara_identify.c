#include "proto/sahara_session.h"

#include "base/clock.h"

#include <string.h>

static int command_enter(struct sahara *s, struct err *e)
{
	struct heard h = { .what = SAHARA_FRONT_MORE };
	unsigned stray;
	bool settled;
	char room[16];

	if (sahara_say_hello(s, SAHARA_MODE_COMMAND, e) < 0)
		return -1;
	for (stray = 0; stray < SAHARA_STRAY_MAX; stray++) {
		if (sahara_hear(s, s->opts.packet_ms, &h, e) < 0)
			return err_prefix(e, "entering command mode");
		if (h.what == SAHARA_FRONT_PACKET && h.pkt.cmd == SAHARA_CMD_END_OF_IMAGE) {
			s->was_refused = true;
			s->has_hello = true;
			return err_set_code(e, ERR_UNSUPPORTED, (int32_t)h.pkt.end.status,
					    "target has no command mode, status 0x%x: %s",
					    h.pkt.end.status,
					    sahara_status_words(h.pkt.end.status));
		}
		if (sahara_settle(s, &h, &settled, e) < 0)
			return -1;
		if (s->in_command)
			return 0;
		if (sahara_is_running(s))
			return sahara_programmer_runs(s, e);
		if (s->has_hello) {
			/* The answer crossed with a stale HELLO; the target awaits another one. */
			if (sahara_hello_merge(s, e) < 0 ||
			    sahara_say_hello(s, SAHARA_MODE_COMMAND, e) < 0)
				return -1;
			continue;
		}
		if (settled)
			return err_set(e, ERR_UNSUPPORTED,
				       "target has no command mode: it went on with %s",
				       sahara_cmd_text(h.pkt.cmd, room));
		log_debug(s->opts.log, TAG, "%s passed over", sahara_cmd_text(h.pkt.cmd, room));
	}
	return err_set(e, ERR_PROTO, "%d packets and no CMD_READY among them", SAHARA_STRAY_MAX);
}

/* An END_OF_IMAGE with an error where a result of n bytes was due. */
static bool is_refusal(struct slice held, size_t n, uint32_t *ret_status)
{
	struct sahara_pkt p;
	struct err ignored = ERR_INIT;

	if (held.n != 16 || n == 16 || get_le32(held.p) != SAHARA_CMD_END_OF_IMAGE ||
	    sahara_pkt_parse(held, &p, &ignored) < 0 || p.end.status == 0)
		return false;
	*ret_status = p.end.status;
	return true;
}

/* n raw bytes; *ret is empty when the target refused after all. Lives until the next sahara_hear().
 */
static int hear_raw(struct sahara *s, size_t n, struct slice *ret, struct err *e)
{
	struct deadline end = deadline_in(s->opts.packet_ms);
	uint32_t status;
	uint8_t *to;
	size_t cap, got;

	for (;;) {
		if (is_refusal(sahara_rx_held(&s->rx), n, &status)) {
			log_debug(s->opts.log, TAG, "result withheld, status 0x%x", status);
			sahara_rx_clear(&s->rx);
			*ret = (struct slice){ NULL, 0 };
			return 0;
		}
		if (sahara_rx_take(&s->rx, n, ret))
			return 0;
		if (sahara_cancel_check(s, NULL, e) < 0)
			return -1;
		to = sahara_rx_room(&s->rx, &cap);
		if (link_read(s->link, to, cap, deadline_left(end), &got, e) < 0) {
			err_append(e, ", %zu of %zu bytes of a result came",
				   sahara_rx_held(&s->rx).n, n);
			sahara_rx_clear(&s->rx);
			return -1;
		}
		sahara_rx_filled(&s->rx, got);
	}
}

/* Runs one client command. *ret is empty when the target does not tell; lives until the next
 * packet. */
static int exec(struct sahara *s, uint32_t id, struct slice *ret, struct err *e)
{
	struct sahara_pkt p = { .cmd = SAHARA_CMD_EXECUTE, .exec = { .id = id } };
	struct heard h = { .what = SAHARA_FRONT_MORE };
	char room[16];

	*ret = (struct slice){ NULL, 0 };
	if (sahara_say(s, &p, e) < 0 || sahara_hear(s, s->opts.packet_ms, &h, e) < 0)
		return err_prefix(e, "asking for identity 0x%x", id);
	if (h.what != SAHARA_FRONT_PACKET)
		return err_set(e, ERR_PROTO, "a programmer talks in the middle of command mode");
	if (h.pkt.cmd == SAHARA_CMD_END_OF_IMAGE) {
		log_debug(s->opts.log, TAG, "identity 0x%x: status 0x%x, %s", id, h.pkt.end.status,
			  sahara_status_words(h.pkt.end.status));
		return 0;
	}
	if (h.pkt.cmd != SAHARA_CMD_EXECUTE_RESP)
		return err_set(e, ERR_PROTO, "target answered EXECUTE with %s",
			       sahara_cmd_text(h.pkt.cmd, room));
	if (h.pkt.exec.id != id)
		return err_set(e, ERR_PROTO, "target answered command 0x%x, asked was 0x%x",
			       h.pkt.exec.id, id);
	if (h.pkt.exec.len == 0 || h.pkt.exec.len > SAHARA_PKT_MAX) {
		log_warn(s->opts.log, TAG, "identity 0x%x of %u bytes left alone", id,
			 h.pkt.exec.len);
		return 0;
	}
	p.cmd = SAHARA_CMD_EXECUTE_DATA;
	if (sahara_say(s, &p, e) < 0 || hear_raw(s, h.pkt.exec.len, ret, e) < 0)
		return err_prefix(e, "reading identity 0x%x", id);
	return 0;
}

static int identity_read(struct sahara *s, struct chip_id *id, struct err *e)
{
	struct slice r;
	uint64_t v;

	if (exec(s, SAHARA_EXEC_SERIAL, &r, e) < 0)
		return -1;
	if (r.n >= 4) {
		id->has_serial = true;
		id->serial = id->sahara_version >= 3 && r.n >= 8 ? get_le64(r.p) : get_le32(r.p);
	}
	if (id->sahara_version >= 3) {
		if (exec(s, SAHARA_EXEC_CHIP_ID, &r, e) < 0)
			return -1;
		if (r.n >= 44) {
			id->has_hwid = true;
			id->msm_id = get_le32(r.p + 36);
			id->oem_id = get_le16(r.p + 40);
			id->model_id = get_le16(r.p + 42);
			if (id->oem_id == 0 && r.n >= 46)
				id->oem_id = get_le16(r.p + 44);
		}
	}
	if (!id->has_hwid) {
		if (exec(s, SAHARA_EXEC_HWID, &r, e) < 0)
			return -1;
		if (r.n >= 8) {
			v = get_le64(r.p);
			id->has_hwid = true;
			id->msm_id = (uint32_t)(v >> 32);
			id->oem_id = (uint16_t)(v >> 16 & 0xffff);
			id->model_id = (uint16_t)(v & 0xffff);
		}
	}
	if (exec(s, SAHARA_EXEC_PKHASH, &r, e) < 0)
		return -1;
	id->pkhash_len = sahara_pkhash_reduce(r, id->pkhash);
	if (exec(s, SAHARA_EXEC_SBL_VERSION, &r, e) < 0)
		return -1;
	if (r.n >= 4) {
		id->has_sbl_version = true;
		id->sbl_version = get_le32(r.p);
	}
	return 0;
}

int sahara_identify(struct sahara *s, struct chip_id *ret, struct err *e)
{
	struct chip_id id;

	if (sahara_is_running(s))
		return sahara_programmer_runs(s, e);
	if (s->state == SAHARA_MEM_DEBUG)
		return err_set(
			e, ERR_UNSUPPORTED,
			"module sits in memory debug (it crashed) and tells no identity there; "
			"save its memory or reset it into EDL");
	if (s->has_held || (!s->has_hello && !s->in_command))
		return err_set(
			e, ERR_UNSUPPORTED,
			"target already asks for its image (another program answered its HELLO); "
			"power-cycle the module to read its identity");
	if (s->has_hello && s->hello.hello.version < 2)
		return err_set(e, ERR_UNSUPPORTED, "sahara version %u has no command mode",
			       s->hello.hello.version);
	if (!s->in_command && command_enter(s, e) < 0)
		return -1;
	memset(&id, 0, sizeof(id));
	id.sahara_version = s->hello.hello.version ? s->hello.hello.version : 2;
	if (identity_read(s, &id, e) < 0)
		return -1;
	if (sahara_start_over(s, e) < 0)
		return err_prefix(e, "leaving command mode");
	*ret = id;
	return 0;
}

int sahara_park(struct sahara *s, struct err *e)
{
	if (s->state != SAHARA_WAITING || s->has_held ||
	    (s->has_hello && s->hello.hello.version < 2))
		return 0;
	/* Also after a request to stop, as a reset is. */
	s->opts.cancel = NULL;
	if (!s->in_command && (!s->has_hello || command_enter(s, e) < 0))
		return s->has_hello ? -1 : 0;
	/* The HELLO must stay in the target's endpoint, not end in a read of ours. */
	if (link_settle(s->link, e) < 0 || sahara_say_switch(s, SAHARA_MODE_IMAGE_PENDING, e) < 0)
		return -1;
	s->in_command = false;
	s->has_hello = false;
	return 0;
}
