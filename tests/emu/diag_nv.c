/* NV items by 0x26/0x27 and subsystem 48, service code and password, mode control (diag.md 6 to 8). */
#include "tests/emu/diag_int.h"

#include <stdlib.h>
#include <string.h>

#define NV_READ   0x26
#define NV_WRITE  0x27
#define NV_SUBSYS 48
#define ID_LAST   20000 /* from here on there are only files (section 8.5) */

struct nv_ask {
	uint16_t id, index;
	bool write, indexed;
	uint8_t data[NV_LEN];
};

const char *diag_nv_name(const uint8_t *p, size_t n)
{
	if (p[0] == NV_READ)
		return "nv_read";
	if (p[0] == NV_WRITE)
		return "nv_write";
	if (n >= 4 && p[0] == 0x4b && p[1] == NV_SUBSYS)
		return p[2] == 1 ? "nvi_read" : p[2] == 2 ? "nvi_write" : NULL;
	return NULL;
}

/* Short requests are taken too: a read without data, a write cut after its last byte. */
static bool ask_parse(const uint8_t *p, size_t n, struct nv_ask *a)
{
	size_t at;

	memset(a, 0, sizeof(*a));
	a->indexed = p[0] == 0x4b;
	a->write = a->indexed ? p[2] == 2 : p[0] == NV_WRITE;
	at = a->indexed ? 4 : 1;
	if (n < at + (a->indexed ? 4 : 2) || n > at + (a->indexed ? 4 : 2) + NV_LEN + 2)
		return false;
	a->id = get_le16(p + at);
	at += 2;
	if (a->indexed) {
		a->index = get_le16(p + at);
		at += 2;
	}
	memcpy(a->data, p + at, MIN_OF(n - at, (size_t)NV_LEN));
	return !a->write || n > at;
}

/* Items that want the service code: the secrets, and what the quirk names. */
static bool wants_spc(struct emu *m, uint16_t id)
{
	const struct nv_def *d = nv_def_find(id);
	unsigned i;

	for (i = 0; i < m->quirks.n; i++)
		if (!strcmp(m->quirks.q[i].word, "spc_item") &&
		    (m->quirks.q[i].value == id || !strcmp(m->quirks.q[i].arg, "any")))
			return true;
	return d && d->flags & NVF_SECRET;
}

static unsigned do_item(struct emu *m, struct nv_ask *a)
{
	const struct nv_def *d = nv_def_find(a->id);
	unsigned index = a->index, status;
	uint8_t shifted[NV_LEN] = { 0 };

	if (a->indexed || !d || !d->elems)
		return a->write ? nv_put(m, a->id, index, a->data) : nv_get(m, a->id, index, a->data);
	/* Section 8.3: without an index of its own the first data byte is the element. */
	index = a->data[0];
	memcpy(shifted, a->data + 1, NV_LEN - 1);
	status = a->write ? nv_put(m, a->id, index, shifted) : nv_get(m, a->id, index, shifted);
	a->data[0] = (uint8_t)index;
	memcpy(a->data + 1, shifted, NV_LEN - 1);
	return status;
}

int diag_nv(struct emu *m, const uint8_t *p, size_t n, struct writer *w)
{
	const struct emu_quirk *q;
	char number[16];
	unsigned status;
	struct nv_ask a;
	struct writer t = writer_of(number, sizeof(number));

	if (!ask_parse(p, n, &a))
		return BAD_LEN;
	if (a.id >= ID_LAST)
		return BAD_PARM;
	wr_fmt(&t, "%u", a.id);
	wr_u8(&t, 0);
	if (quirk_hit(&m->quirks, "nv_hang", number))
		return DIAG_SILENT;
	q = quirk_take(&m->quirks, "nv_error", number);
	if (q && q->value >= BAD_CMD)
		return (int)q->value;
	if (wants_spc(m, a.id) && !m->modem->unlocked)
		return BAD_SPC;
	if (a.indexed && quirk_is(&m->quirks, "nv_indexed", "no"))
		return BAD_CMD;
	if (q && a.write)
		status = (unsigned)q->value;
	else if (quirk_hit(&m->quirks, "lie", a.write ? "nv_write" : "nv_read"))
		status = NV_DONE;
	else
		status = do_item(m, &a);
	if (q && !a.write) {
		status = (unsigned)q->value;
		memset(a.data, 0, sizeof(a.data));
	}
	if (a.indexed) {
		wr_bytes(w, p, 4);
		wr_le16(w, a.id);
		wr_le16(w, a.index);
	} else {
		wr_u8(w, p[0]);
		wr_le16(w, a.id);
	}
	wr_bytes(w, a.data, NV_LEN);
	wr_le16(w, (uint16_t)status);
	return 0;
}

#define SPC_TRIES 5 /* then no code is accepted any more until the power goes */

static bool spc_is_right(struct emu *m, const uint8_t *code)
{
	const struct emu_quirk *q = quirk_find(&m->quirks, "spc");
	uint8_t item[NV_LEN];

	if (q && strlen(q->arg) == 6)
		return !memcmp(code, q->arg, 6);
	/* The code is item 85; a module that lost it takes the default. */
	if (nv_get(m, 85, 0, item) != NV_DONE)
		memcpy(item, "000000", 6);
	return !memcmp(code, item, 6);
}

int diag_security(struct emu *m, const uint8_t *p, size_t n, struct writer *w)
{
	static const uint8_t password[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe };
	struct modem *o = m->modem;
	bool good;

	if (p[0] == 0x41) {
		if (n != 7)
			return BAD_LEN;
		m->count.spc_tries++;
		good = o->spc_wrong < SPC_TRIES && spc_is_right(m, p + 1);
		if (good)
			o->unlocked = true;
		else
			o->spc_wrong++;
		m->count.spc_locked = o->spc_wrong >= SPC_TRIES;
	} else {
		if (n != 9)
			return BAD_LEN;
		m->count.password_tries++;
		good = !memcmp(p + 1, password, 8);
		o->password_given |= good;
	}
	wr_u8(w, p[0]);
	wr_u8(w, good);
	return 0;
}

int diag_mode(struct emu *m, const uint8_t *p, size_t n, struct writer *w)
{
	struct modem *o = m->modem;
	unsigned mode;

	if (n != 3)
		return BAD_LEN;
	mode = get_le16(p + 1);
	if (mode > 6)
		return BAD_PARM;
	wr_bytes(w, p, n);
	m->count.mode_changes++;
	switch (mode) {
	case 0:
	case 1:
		o->wedged = true;
		o->oper = OPER_OFFLINE;
		o->cfun = 7;
		break;
	case 2:
		emu_reboot(m, 500);
		o->oper = OPER_RESET;
		break;
	case 3:
		o->oper = OPER_FTM; /* until the next start */
		o->cfun = 5;
		break;
	case 4:
		/* Section 7: from offline it says yes and stays where it is. */
		if (!o->wedged && !m->ftm && !o->mismatch) {
			o->oper = OPER_ONLINE;
			o->cfun = 1;
		}
		break;
	case 5:
		if (!o->wedged && !m->ftm && !o->mismatch) {
			o->oper = OPER_LPM;
			o->cfun = 4;
		}
		break;
	default:
		m->stay_off = true;
		emu_switch(m, EMU_NORMAL, 500);
		break;
	}
	return 0;
}
