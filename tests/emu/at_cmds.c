/* The AT commands that tools for these modules use (at-quectel.md sections 2 to 5 and 8,
 * nv-and-identity.md sections 2.3, 5 and 7). */
#include "tests/emu/at_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A command that has answered with its own lines returns -1, or an error number to be said. */
#define AT_OK      (-1)
#define AT_ERROR   (-2) /* plain */
#define AT_DONE    (-3) /* everything has been said */
#define AT_UNKNOWN (-4)

static int text(struct at *a, const char *s)
{
	if (*s)
		at_say(a, "%s", s);
	return AT_OK;
}

/* ---- who ------------------------------------------------------------------------------------ */

static int cmd_ati(struct at *a, const char *arg)
{
	const struct emu_model *mo = &a->m->model;

	(void)arg;
	at_say(a, "%s\r\n%s\r\nRevision: %s", mo->fw.vendor, mo->fw.model, mo->fw.revision);
	return AT_OK;
}

static int cmd_cgmi(struct at *a, const char *arg)
{
	(void)arg;
	return text(a, a->m->model.fw.vendor);
}

static int cmd_cgmm(struct at *a, const char *arg)
{
	(void)arg;
	return text(a, a->m->model.fw.model);
}

static int cmd_cgmr(struct at *a, const char *arg)
{
	(void)arg;
	return text(a, a->m->model.fw.revision);
}

/* Section 2.1: right after a start the suffix may be a reduced one. */
static int cmd_qgmr(struct at *a, const char *arg)
{
	const struct emu_model *mo = &a->m->model;

	if (quirk_is(&a->m->quirks, "qgmr", "query_only") && *arg != '?')
		return AT_ERROR;
	if (a->m->modem->qgmr_asked++ < quirk_value(&a->m->quirks, "qgmr_short", 0))
		at_say(a, "%s_01.016.00.000", mo->fw.revision);
	else
		at_say(a, "%s", mo->fw.full);
	return AT_OK;
}

static int cmd_csub(struct at *a, const char *arg)
{
	(void)arg;
	at_say(a, "SubEdition: V03");
	return AT_OK;
}

static int cmd_cversion(struct at *a, const char *arg)
{
	(void)arg;
	at_say(a, "VERSION: %s", a->m->model.fw.full);
	at_say(a, "%s", a->m->model.fw.built);
	return AT_OK;
}

static int cmd_cgsn(struct at *a, const char *arg)
{
	struct modem *o = a->m->modem;
	unsigned slot = quirk_is(&a->m->quirks, "cgsn", "alternate") ? o->cgsn_asked++ % 2 : 0;

	(void)arg;
	return text(a, o->imei_boot[slot]);
}

static void read_imei(struct at *a, unsigned slot, char out[16])
{
	uint8_t b[NV_LEN];

	out[0] = '\0';
	if (nv_get(a->m, 550, slot, b) == NV_DONE)
		imei_from_item(b, 9, out);
}

/* The AT route makes what directories it needs, so it works on a fresh file system too. */
static int write_imei(struct at *a, unsigned slot, const char *value)
{
	const struct emu_quirk *q = quirk_find(&a->m->quirks, "egmr");
	char digits[16], path[FTREE_PATH], old[16];
	uint8_t item[9];

	if (*value == '"')
		value++;
	snprintf(digits, sizeof(digits), "%.15s", value);
	if (strspn(digits, "0123456789") != 15 || (value[15] && strcmp(value + 15, "\"") != 0))
		return AT_ERROR;
	if (q && !strcmp(q->arg, "error"))
		return 3;
	read_imei(a, slot, old);
	if ((q && !strcmp(q->arg, "ignore")) || (quirk_find(&a->m->quirks, "write_once") && old[0]))
		return AT_OK;
	imei_to_item(digits, item);
	nv_path(path, nv_def_find(550), slot);
	if (!modem_may_write(a->m) || ftree_parents(&a->m->modem->fs, path) ||
	    !ftree_put(&a->m->modem->fs, path, FN_ITEM, 0777, item, 9))
		return 23;
	return AT_OK;
}

static int cmd_egmr(struct at *a, const char *arg)
{
	bool two = a->m->model.fw.sims > 1;
	char imei[16];
	unsigned field;
	int end = 0;

	if (!strcmp(arg, "=?")) {
		at_say(a, "+EGMR: (0,1),(5,7,9)");
		return AT_OK;
	}
	if (sscanf(arg, "=0,%u%n", &field, &end) == 1 && end && !arg[end]) {
		if (field == 5)
			at_say(a, "+EGMR: \"%s\"", a->m->modem->wiped ? "" : a->m->model.fw.serial);
		else if (field == 9)
			at_say(a, "+EGMR: \"01\"");
		else if (field == 7 || (field == 10 && two)) {
			read_imei(a, field == 10, imei);
			at_say(a, "+EGMR: \"%s\"", imei);
		} else
			return AT_ERROR;
		return AT_OK;
	}
	end = 0;
	if (sscanf(arg, "=1,%u,%n", &field, &end) == 1 && end && (field == 7 || (field == 10 && two)))
		return write_imei(a, field == 10, arg + end);
	return AT_ERROR;
}

/* ---- state ---------------------------------------------------------------------------------- */

static int cmd_cfun(struct at *a, const char *arg)
{
	struct modem *o = a->m->modem;
	unsigned v, reset = 0;
	int n;

	if (!strcmp(arg, "?")) {
		at_say(a, "+CFUN: %u", o->cfun);
		return AT_OK;
	}
	n = sscanf(arg, "=%u,%u", &v, &reset);
	if (n < 1 || (v != 0 && v != 1 && v != 4) || reset > 1)
		return AT_ERROR;
	if (reset) {
		at_say(a, "OK");
		emu_reboot(a->m, 1000);
		return AT_DONE;
	}
	/* nv-and-identity.md sections 5.2 and 5.3: factory test mode and offline are not left so. */
	if (a->m->ftm || o->oper == OPER_FTM)
		return (int)a->m->model.fw.cme_ftm;
	if (o->wedged || o->mismatch)
		return 0;
	o->cfun = v;
	o->oper = v == 1 ? OPER_ONLINE : OPER_LPM;
	return AT_OK;
}

static bool sim_is(struct at *a, const char *what)
{
	return quirk_is(&a->m->quirks, "sim", what);
}

static int cmd_cpin(struct at *a, const char *arg)
{
	if (strcmp(arg, "?") != 0)
		return AT_ERROR;
	if (sim_is(a, "none"))
		return 10;
	at_say(a, "+CPIN: %s", sim_is(a, "pin") ? "SIM PIN" : "READY");
	return AT_OK;
}

static int cmd_qccid(struct at *a, const char *arg)
{
	(void)arg;
	if (sim_is(a, "none"))
		return 10;
	at_say(a, "+QCCID: %s", a->m->model.fw.iccid[0] ? a->m->model.fw.iccid : "89860000000000000001");
	return AT_OK;
}

static int cmd_iccid(struct at *a, const char *arg)
{
	(void)arg;
	if (sim_is(a, "none"))
		return 10;
	at_say(a, "+ICCID: %s", a->m->model.fw.iccid[0] ? a->m->model.fw.iccid : "89860000000000000001");
	return AT_OK;
}

static bool has_service(struct at *a)
{
	return a->m->modem->cfun == 1 && !quirk_find(&a->m->quirks, "sim") &&
	       !quirk_find(&a->m->quirks, "no_service");
}

static int registration(struct at *a, const char *name, const char *arg)
{
	if (strcmp(arg, "?") != 0)
		return *arg == '=' ? AT_OK : AT_ERROR;
	at_say(a, "+%s: 0,%u", name, has_service(a) ? 1 : a->m->modem->cfun == 1 ? 2 : 0);
	return AT_OK;
}

static int cmd_creg(struct at *a, const char *arg)
{
	return registration(a, "CREG", arg);
}

static int cmd_cereg(struct at *a, const char *arg)
{
	return registration(a, "CEREG", arg);
}

static int cmd_c5greg(struct at *a, const char *arg)
{
	return a->m->model.fw.nr ? registration(a, "C5GREG", arg) : AT_ERROR;
}

static int cmd_csq(struct at *a, const char *arg)
{
	(void)arg;
	at_say(a, "+CSQ: %s", has_service(a) ? "24,99" : "99,99");
	return AT_OK;
}

static int cmd_cmee(struct at *a, const char *arg)
{
	if (!strcmp(arg, "?")) {
		at_say(a, "+CMEE: %u", a->cmee);
		return AT_OK;
	}
	if (arg[0] != '=' || arg[1] < '0' || arg[1] > '2' || arg[2])
		return AT_ERROR;
	a->cmee = (unsigned)(arg[1] - '0');
	return AT_OK;
}

static int cmd_qpowd(struct at *a, const char *arg)
{
	if (*arg && strcmp(arg, "=0") != 0 && strcmp(arg, "=1") != 0)
		return AT_ERROR;
	at_say(a, "OK");
	at_say(a, "POWERED DOWN");
	a->m->stay_off = true;
	emu_switch(a->m, EMU_NORMAL, 1000);
	return AT_DONE;
}

/* ---- configuration -------------------------------------------------------------------------- */

static int cmd_qcfg(struct at *a, const char *arg)
{
	const struct emu_model *mo = &a->m->model;
	char name[32], end;

	if (sscanf(arg, "=\"%31[^\"]\"%c", name, &end) != 1)
		return AT_ERROR; /* settings live in another partition; none is changed here */
	if (!strcasecmp(name, "usbcfg"))
		at_say(a, "+QCFG: \"usbcfg\",0x%04X,0x%04X,1,1,1,1,1,0,0", mo->normal.vid, mo->normal.pid);
	else if (!strcasecmp(name, "usbid"))
		at_say(a, "+QCFG: \"usbid\",0x%04X,0x%04X", mo->normal.vid, mo->normal.pid);
	else if (!strcasecmp(name, "usbnet"))
		at_say(a, "+QCFG: \"usbnet\",%u", (unsigned)quirk_value(&a->m->quirks, "usbnet", 0));
	else if (!strcasecmp(name, "band"))
		at_say(a, "+QCFG: \"band\",0x93,0x1a0000000000000000000000000df,0x0");
	else if (mo->fw.nr && !strcasecmp(name, "data_interface"))
		at_say(a, "+QCFG: \"data_interface\",0,0");
	else if (mo->fw.nr && !strcasecmp(name, "pcie/mode"))
		at_say(a, "+QCFG: \"pcie/mode\",0");
	else if (!strcasecmp(name, "secbootstat"))
		at_say(a, "+QCFG: \"secbootstat\",%u", mo->sahara.secure_boot);
	else
		return AT_ERROR;
	return AT_OK;
}

static int cmd_qmbncfg(struct at *a, const char *arg)
{
	if (strcasecmp(arg, "=\"list\"") != 0)
		return AT_ERROR;
	at_say(a, "+QMBNCFG: \"List\",0,1,1,\"ROW_Generic_3GPP\",0x0501081F,201901141");
	at_say(a, "+QMBNCFG: \"List\",1,0,0,\"Volte_OpenMkt-Commercial-CMCC\",0x05012011,201904261");
	return AT_OK;
}

/* nv-and-identity.md section 7. 1 = copy now, 3 = copy back at the next start, 4 = counters. */
static int cmd_qprtpara(struct at *a, const char *arg)
{
	struct emu *m = a->m;
	struct emu_counters before = m->count;
	struct fs_backup s;
	int r = 0;

	if (!fs_backup_state(&m->flash, &s) || quirk_is(&m->quirks, "qprtpara", "error"))
		return AT_ERROR;
	if (!strcmp(arg, "=?")) {
		at_say(a, "+QPRTPARA: (1-4)");
	} else if (!strcmp(arg, "=4") || !strcmp(arg, "?")) {
		at_say(a, "+QPRTPARA: %u,%u,%u,0,0,0,0,0,0,0", s.backups, s.restores, s.valid ? 420 : 0);
	} else if (!strcmp(arg, "=1")) {
		/* Damage is copied like anything else. */
		s.backups++;
		r = fs_backup_write(&m->flash, &m->modem->fs, &s);
		emu_busy(m, a->iface, (uint32_t)quirk_value(&m->quirks, "slow_copy", 0));
	} else if (!strcmp(arg, "=3") && s.valid && !quirk_is(&m->quirks, "qprtpara", "no_restore")) {
		s.restore_flag = true;
		r = fs_backup_mark(&m->flash, &s);
	} else {
		return AT_ERROR;
	}
	before.qprtpara_copies += !strcmp(arg, "=1");
	m->count = before;
	return r ? AT_ERROR : AT_OK;
}

/* ---- the file system by AT (section 4) ------------------------------------------------------ */

/* ="PATH" with an optional tail; false when it is not of that form. */
static bool path_arg(const char *arg, char path[FTREE_PATH], const char **tail)
{
	char raw[FTREE_PATH];
	int end = 0;

	if (sscanf(arg, "=\"%250[^\"]\"%n", raw, &end) != 1 || !end)
		return false;
	*tail = arg + end;
	return ftree_clean(path, raw);
}

static void say_hex(struct at *a, const char *front, const uint8_t *p, size_t n, const char *back)
{
	char hex[AT_LINE - 32];
	size_t i;

	hex[0] = '\0';
	for (i = 0; i < n && 2 * i + 3 < sizeof(hex); i++)
		snprintf(hex + 2 * i, 3, "%02X", p[i]);
	at_say(a, "%s%s%s", front, hex, back);
}

/* Digits in pairs, quotes around them allowed. */
static bool hex_arg(const char *s, uint8_t *out, size_t cap, size_t *ret_n)
{
	size_t n = 0;
	unsigned v;

	s += *s == '"';
	while (isxdigit((unsigned char)s[0]) && isxdigit((unsigned char)s[1]) && n < cap) {
		sscanf(s, "%2x", &v);
		out[n++] = (uint8_t)v;
		s += 2;
	}
	*ret_n = n;
	return !*s || !strcmp(s, "\"");
}

static int cmd_qnvfr(struct at *a, const char *arg)
{
	const struct fnode *f;
	char path[FTREE_PATH];
	const char *tail;

	if (!path_arg(arg, path, &tail) || *tail)
		return AT_ERROR;
	f = ftree_find(&a->m->modem->fs, path);
	if (!f || f->type == FN_DIR || f->n > 2048)
		return AT_ERROR;
	say_hex(a, "+QNVFR: ", f->data, f->n, "");
	return AT_OK;
}

static int cmd_qnvfw(struct at *a, const char *arg)
{
	char path[FTREE_PATH];
	const char *tail;
	uint8_t b[2048];
	size_t n;

	if (!path_arg(arg, path, &tail) || *tail != ',' || !hex_arg(tail + 1, b, sizeof(b), &n))
		return AT_ERROR;
	if (!modem_may_write(a->m))
		return 23;
	return ftree_parents(&a->m->modem->fs, path) ||
			       !ftree_put(&a->m->modem->fs, path, FN_ITEM, 0777, b, n) ? AT_ERROR : AT_OK;
}

static int cmd_qnvfd(struct at *a, const char *arg)
{
	const struct fnode *f;
	char path[FTREE_PATH];
	const char *tail;

	if (!path_arg(arg, path, &tail) || *tail ||
	    (quirk_find(&a->m->quirks, "qnvfd_cfun0") && a->m->modem->cfun))
		return AT_ERROR;
	f = ftree_find(&a->m->modem->fs, path);
	if (!f || f->type == FN_DIR || !modem_may_write(a->m))
		return AT_ERROR;
	ftree_remove(&a->m->modem->fs, path);
	return AT_OK;
}

static int cmd_qnvr(struct at *a, const char *arg)
{
	uint8_t b[NV_LEN];
	unsigned id, index;
	char end;

	if (!strcmp(arg, "=?")) {
		at_say(a, "+QNVR: (0-10000)");
		return AT_OK;
	}
	if (sscanf(arg, "=%u,%u%c", &id, &index, &end) != 2 || id > 0xffff ||
	    nv_get(a->m, (uint16_t)id, index, b) != NV_DONE)
		return AT_ERROR;
	say_hex(a, "+QNVR: \"", b, sizeof(b), "\"");
	return AT_OK;
}

static int cmd_qnvw(struct at *a, const char *arg)
{
	uint8_t b[NV_LEN] = { 0 };
	unsigned id, index;
	int end = 0;
	size_t n;

	if (sscanf(arg, "=%u,%u,%n", &id, &index, &end) != 2 || !end || id > 0xffff ||
	    !hex_arg(arg + end, b, sizeof(b), &n))
		return AT_ERROR;
	return nv_put(a->m, (uint16_t)id, index, b) == NV_DONE ? AT_OK : AT_ERROR;
}

/* ---- table ---------------------------------------------------------------------------------- */

static int cmd_echo(struct at *a, const char *arg)
{
	a->no_echo = *arg == '0';
	return AT_OK;
}

static int cmd_nothing(struct at *a, const char *arg)
{
	(void)a;
	(void)arg;
	return AT_OK;
}

static const struct { const char *name; int (*fn)(struct at *, const char *); } cmds[] = {
	{ "+CGMI", cmd_cgmi },   { "+GMI", cmd_cgmi },     { "+CGMM", cmd_cgmm },
	{ "+GMM", cmd_cgmm },    { "+CGMR", cmd_cgmr },    { "+GMR", cmd_cgmr },
	{ "+QGMR", cmd_qgmr },   { "+CSUB", cmd_csub },    { "+CVERSION", cmd_cversion },
	{ "+CGSN", cmd_cgsn },   { "+GSN", cmd_cgsn },     { "+EGMR", cmd_egmr },
	{ "+CFUN", cmd_cfun },   { "+CPIN", cmd_cpin },    { "+QCCID", cmd_qccid },
	{ "+ICCID", cmd_iccid }, { "+CCID", cmd_qccid },   { "+CREG", cmd_creg },
	{ "+CGREG", cmd_creg },  { "+CEREG", cmd_cereg },  { "+C5GREG", cmd_c5greg },
	{ "+CSQ", cmd_csq },     { "+CMEE", cmd_cmee },    { "+QPOWD", cmd_qpowd },
	{ "+QCFG", cmd_qcfg },   { "+QMBNCFG", cmd_qmbncfg }, { "+QPRTPARA", cmd_qprtpara },
	{ "+QNVFR", cmd_qnvfr }, { "+QNVFW", cmd_qnvfw },  { "+QNVFD", cmd_qnvfd },
	{ "+QNVR", cmd_qnvr },   { "+QNVW", cmd_qnvw },
};

void at_command(struct at *a, const char *s)
{
	size_t i, len;
	int r = AT_UNKNOWN;

	if (!*s)
		r = AT_OK;
	else if ((s[0] == 'E' || s[0] == 'e') && (s[1] == '0' || s[1] == '1') && !s[2])
		r = cmd_echo(a, s + 1);
	else if (!strcasecmp(s, "I"))
		r = cmd_ati(a, "");
	else if (!strcasecmp(s, "V1") || !strcasecmp(s, "Q0") || !strcasecmp(s, "&F"))
		r = cmd_nothing(a, "");
	for (i = 0; r == AT_UNKNOWN && i < ARRAY_SIZE(cmds); i++) {
		len = strlen(cmds[i].name);
		if (!strncasecmp(s, cmds[i].name, len) &&
		    (!s[len] || s[len] == '=' || s[len] == '?'))
			r = cmds[i].fn(a, s + len);
	}
	if (r == AT_OK)
		at_say(a, "OK");
	else if (r == AT_ERROR || r == AT_UNKNOWN)
		at_say(a, "ERROR");
	else if (r >= 0)
		at_error(a, (unsigned)r);
}
