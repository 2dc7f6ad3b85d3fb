#include "wire/diag_msg.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* 0x13 to 0x18 as in libqcdm, qfenix and openpst; 0x42 and 0x47 as in libqcdm: a locked NV item answers
 * with them and looks like silence to a tool that does not know. 0x17 is named by one source only. */
static const struct diag_error errors[] = {
	{ DIAG_ERR_BAD_CMD, "BAD_CMD", "the module does not know this command, or denies this path" },
	{ DIAG_ERR_BAD_PARM, "BAD_PARM", "the module finds a value in the request illegal" },
	{ DIAG_ERR_BAD_LEN, "BAD_LEN", "the request has another length than the module expects" },
	{ DIAG_ERR_BAD_DEV, "BAD_DEV", "the module finds no such device behind the request" },
	{ DIAG_ERR_SECURITY, "BAD_SECURITY", "the module's security state does not allow it" },
	{ DIAG_ERR_BAD_MODE, "BAD_MODE", "not allowed in the module's current operating mode" },
	{ DIAG_ERR_BAD_SPC_MODE, "BAD_SPC_MODE", "locked: the module wants its service code (SPC) first" },
	{ DIAG_ERR_BAD_SEC_MODE, "BAD_SEC_MODE", "locked: the module wants its security password first" },
	{ DIAG_ERR_BAD_TRANS, "BAD_TRANS", "the module says that the transaction is bad" },
	{ DIAG_ERR_SSM, "SSM_DISALLOWED", "the module's secure service blocks this command" },
};

const struct diag_error *diag_error_find(uint8_t code)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++)
		if (errors[i].code == code)
			return &errors[i];
	return NULL;
}

int diag_error_set(struct err *e, uint8_t code)
{
	const struct diag_error *row = diag_error_find(code);

	return err_set_code(e, ERR_REFUSED, code, "refused with 0x%02x %s: %s", code,
			    row ? row->name : "", row ? row->meaning : "an unknown reason");
}

bool diag_error_is_for(struct slice answer, struct slice request)
{
	struct slice copy;

	if (answer.n == 0 || !diag_error_find(answer.p[0]))
		return false;
	copy = slice_sub(answer, 1, request.n);
	return slice_eq(copy, slice_sub(request, 0, copy.n));
}

bool diag_is_unsolicited(struct slice frame)
{
	if (frame.n == 0)
		return true;
	switch (frame.p[0]) {
	case 0x10: /* log record */
	case 0x1f: /* debug message, old form */
	case 0x60: /* event report */
	case 0x79: /* debug message */
	case 0x7e: /* terse message and its translation */
	case 0x7f:
	case 0x92: /* hashed messages */
	case 0x99:
	case 0x98: /* one of several radios speaks: wraps any of these */
		return true;
	default:
		return frame.p[0] >= 0x9b; /* containers of packed logs */
	}
}

void diag_subsys_build(struct writer *w, uint8_t subsys, uint16_t cmd)
{
	wr_u8(w, DIAG_CMD_SUBSYS);
	wr_u8(w, subsys);
	wr_le16(w, cmd);
}

bool diag_subsys_is(struct slice packet, uint8_t subsys, uint16_t cmd)
{
	return packet.n >= DIAG_SUBSYS_HEADER && packet.p[0] == DIAG_CMD_SUBSYS &&
	       packet.p[1] == subsys && get_le16(packet.p + 2) == cmd;
}

/* Text of at most cap - 1 characters up to a NUL, blanks at the end cut, odd bytes as '?'. */
static void copy_text(char *out, size_t cap, struct slice s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n && s.p[i] && n < cap - 1; i++)
		out[n++] = isprint(s.p[i]) ? (char)s.p[i] : '?';
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* A date of 11 and a time of 8 characters. */
static void copy_stamp(char out[21], struct cursor *c)
{
	char date[12], time[9];

	copy_text(date, sizeof(date), rd_bytes(c, 11));
	copy_text(time, sizeof(time), rd_bytes(c, 8));
	snprintf(out, 21, "%s%s%s", date, date[0] && time[0] ? " " : "", time);
}

int diag_version_parse(struct slice in, struct diag_version *ret, struct err *e)
{
	struct cursor c = cursor_of(in);
	struct diag_version v;

	if (rd_u8(&c) != DIAG_CMD_VERSION || in.n < 47)
		return err_set(e, ERR_PROTO, "version answer has %zu bytes, at least 47 belong in it",
			       in.n);
	copy_stamp(v.compiled, &c);
	copy_stamp(v.released, &c);
	copy_text(v.model, sizeof(v.model), rd_bytes(&c, 8));
	*ret = v;
	return 0;
}

int diag_build_id_parse(struct slice in, struct diag_build_id *ret, struct err *e)
{
	struct cursor c = cursor_of(in);
	struct diag_build_id b;
	struct slice text, nul = SLICE("", 1);
	size_t end;

	if (rd_u8(&c) != DIAG_CMD_EXT_BUILD_ID || in.n < 12)
		return err_set(e, ERR_PROTO, "build id answer has %zu bytes, at least 12 belong in it",
			       in.n);
	rd_skip(&c, 3); /* version, reserved */
	b.msm = rd_le32(&c);
	b.mobile_model = rd_le32(&c);
	text = rd_bytes(&c, rd_left(&c));
	copy_text(b.build, sizeof(b.build), text);
	/* The second string may be missing. */
	end = slice_find(text, nul);
	copy_text(b.model, sizeof(b.model),
		  end == SIZE_MAX ? SLICE(NULL, 0) : slice_sub(text, end + 1, SIZE_MAX));
	*ret = b;
	return 0;
}

int diag_spc_build(struct writer *w, const char *spc, struct err *e)
{
	size_t i;

	for (i = 0; i < 6; i++)
		if (!isdigit((unsigned char)spc[i]))
			break;
	if (i < 6 || spc[6])
		return err_set(e, ERR_USAGE, "the service code (SPC) must be six digits");
	wr_u8(w, DIAG_CMD_SPC);
	wr_bytes(w, spc, 6);
	return 0;
}

void diag_password_build(struct writer *w, const uint8_t password[8])
{
	wr_u8(w, DIAG_CMD_PASSWORD);
	wr_bytes(w, password, 8);
}

int diag_unlock_parse(struct slice in, uint8_t cmd, bool *ret_accepted, struct err *e)
{
	if (in.n < 2 || in.p[0] != cmd)
		return err_set(e, ERR_PROTO, "unlock answer has %zu bytes, two belong in it", in.n);
	*ret_accepted = in.p[1] == 1;
	return 0;
}

void diag_mode_build(struct writer *w, enum diag_mode mode)
{
	wr_u8(w, DIAG_CMD_CONTROL);
	wr_le16(w, (uint16_t)mode);
}

int diag_mode_parse(struct slice in, enum diag_mode asked, struct err *e)
{
	if (in.n == 0 || in.p[0] != DIAG_CMD_CONTROL)
		return err_set(e, ERR_PROTO, "mode answer of %zu bytes is no mode answer", in.n);
	if (in.n == 2 && in.p[1])
		return err_set_code(e, ERR_REFUSED, in.p[1], "mode change %d refused with status %u",
				    (int)asked, in.p[1]);
	if (in.n >= 3 && get_le16(in.p + 1) != asked)
		return err_set_code(e, ERR_REFUSED, get_le16(in.p + 1),
				    "mode change %d answered with mode %u", (int)asked,
				    get_le16(in.p + 1));
	return 0;
}

void diag_cm_state_build(struct writer *w)
{
	diag_subsys_build(w, DIAG_SUBSYS_CALL_MANAGER, 0);
}

int diag_cm_state_parse(struct slice in, uint32_t *ret_oper_mode, struct err *e)
{
	if (!diag_subsys_is(in, DIAG_SUBSYS_CALL_MANAGER, 0) || in.n < 12)
		return err_set(e, ERR_PROTO, "call manager answer has %zu bytes, 12 are needed", in.n);
	*ret_oper_mode = get_le32(in.p + 8);
	return 0;
}

int diag_snapshot_parse(struct slice in, uint32_t *ret_oper_mode, struct err *e)
{
	if (in.n < 34 || in.p[0] != DIAG_CMD_SNAPSHOT)
		return err_set(e, ERR_PROTO, "status snapshot has %zu bytes, 34 are needed", in.n);
	*ret_oper_mode = in.p[33];
	return 0;
}

const char *diag_oper_mode_name(uint32_t oper_mode)
{
	static const char *const names[] = { "power off",         "factory test mode",
					     "offline",           "offline (analogue)",
					     "offline (digital)", "online",
					     "low power",         "resetting" };

	return oper_mode < ARRAY_SIZE(names) ? names[oper_mode] : "unknown mode";
}

void diag_edl_build(struct writer *w)
{
	diag_subsys_build(w, DIAG_SUBSYS_SYSTEM, 1);
}

bool diag_silence_build(struct writer *w, unsigned i)
{
	switch (i) {
	case 0: /* all log codes off */
		wr_le32(w, DIAG_CMD_LOG_CONFIG);
		wr_le32(w, 0);
		return true;
	case 1: /* all debug message masks cleared */
		wr_u8(w, DIAG_CMD_MSG_CONFIG);
		wr_u8(w, 5);
		wr_le16(w, 0);
		wr_le32(w, 0);
		return true;
	case 2:
		wr_u8(w, DIAG_CMD_EVENTS);
		wr_u8(w, 0);
		return true;
	default:
		return false;
	}
}
