/* What a module's file system holds when it leaves the factory. Places and kinds are those of
 * efs2-diag.md section 8 and nv-and-identity.md sections 1 to 4; the bytes are made up. */
#include "tests/emu/modem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void modem_head(const struct emu_model *m, char out[EMU_TEXT])
{
	const char *s = m->fw.revision, *r;

	for (r = s; *r; r++)
		if (r > s && r[0] == 'R' && isdigit((unsigned char)r[1]) && isdigit((unsigned char)r[2]) &&
		    r[3] == 'A' && isdigit((unsigned char)r[4]))
			break;
	snprintf(out, EMU_TEXT, "%.*s", (int)(r - s), s);
}

static uint32_t text_id(const char *s)
{
	return table_gpt_crc(0, (const uint8_t *)s, strlen(s));
}

uint32_t factory_hardware_id(const struct emu_model *m)
{
	char head[EMU_TEXT];

	modem_head(m, head);
	return text_id(head);
}

/* nv-and-identity.md section 2 */
void imei_to_item(const char *digits, uint8_t out[9])
{
	unsigned i;

	out[0] = 8;
	out[1] = (uint8_t)((digits[0] - '0') << 4 | 0xa);
	for (i = 0; i < 7; i++)
		out[2 + i] = (uint8_t)((digits[2 * i + 2] - '0') << 4 | (digits[2 * i + 1] - '0'));
}

bool imei_from_item(const uint8_t *p, size_t n, char out[16])
{
	char d[16];
	unsigned i;

	out[0] = '\0';
	if (n == 9 && (slice_all(SLICE(p, n), 0) || slice_all(SLICE(p, n), 0xff)))
		return true;
	if (n != 9 || p[0] != 8 || (p[1] & 15) != 10)
		return false;
	for (i = 0; i < 15; i++) {
		unsigned v = i % 2 ? p[1 + (i + 1) / 2] & 15u : p[1 + i / 2] >> 4;

		if (v > 9)
			return false;
		d[i] = (char)('0' + v);
	}
	d[15] = '\0';
	if (strspn(d, "0") < 15)
		strcpy(out, d);
	return true;
}

/* Bytes that differ from unit to unit: made from the path and the unit's serial number. */
static void unit_bytes(const struct emu_model *m, const char *path, uint8_t *p, size_t n)
{
	uint32_t x = (text_id(path) ^ text_id(m->fw.serial) ^ (uint32_t)m->sahara.chip_serial) | 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		p[i] = (uint8_t)x;
	}
}

static int put(struct ftree *t, const char *path, enum fnode_type type, uint16_t mode, const void *p,
	       size_t n)
{
	return ftree_parents(t, path) || !ftree_put(t, path, type, mode, p, n) ? -1 : 0;
}

static int put_item(const struct emu_model *m, struct ftree *t, const struct nv_def *d, uint16_t id,
		    unsigned index)
{
	struct nv_def mine = *d;
	char path[FTREE_PATH];
	uint8_t b[NV_LEN] = { 0 };

	mine.id = id;
	nv_path(path, &mine, index);
	unit_bytes(m, path, b, d->size);
	switch (id) {
	case 0: case 1: case 82: case 453: case 848: case 849: case 850: case 5280:
		memset(b, 0, d->size);
		break;
	case 10: memcpy(b, "\0\4\0", 3); break;
	case 442: memcpy(b, "\0\377", 2); break;
	case 85: memcpy(b, "000000", 6); break;
	case 550: imei_to_item(index ? m->fw.imei2 : m->fw.imei, b); break;
	case 1878: put_le32(b, factory_hardware_id(m)); break;
	case 2808: memset(b, 0, d->size); snprintf((char *)b, d->size, "%.30s", m->fw.revision); break;
	case 2824: memset(b, 0, d->size); snprintf((char *)b, d->size, "%.15s", m->fw.serial); break;
	default: break;
	}
	return put(t, path, FN_ITEM, 0777, b, d->size);
}

static int put_nv(const struct emu_model *m, struct ftree *t)
{
	unsigned id, sims = MAX_OF(m->fw.sims, 1u), i;

	for (id = 0; id < 16384; id++) {
		const struct nv_def *d = nv_def_find((uint16_t)id);
		unsigned n = !d ? 0 : d->elems ? d->elems : d->flags & NVF_SUB ? sims : 1;

		for (i = 0; d && d->flags & NVF_FACT && i < n; i++) {
			if (id == 550 && !(i ? m->fw.imei2 : m->fw.imei)[0])
				continue;
			if (put_item(m, t, d, (uint16_t)id, i))
				return -1;
		}
	}
	return 0;
}

#define I FN_ITEM
#define F FN_FILE
/* Sizes: mostly a few bytes; some above 1024 (no GET), one above a flash page. */
static const struct { const char *path; enum fnode_type type; uint16_t n; } files[] = {
	{ "/nv/item_files/rfnv/00020000", I, 4 },    { "/nv/item_files/rfnv/00020010", I, 128 },
	{ "/nv/item_files/rfnv/00020022", I, 16 },   { "/nv/item_files/rfnv/00020345", I, 264 },
	{ "/nv/item_files/rfnv/00020402", I, 800 },  { "/nv/item_files/rfnv/00020871", I, 1024 },
	{ "/nv/item_files/rfnv/00021004", I, 1312 }, { "/nv/item_files/rfnv/00021990", I, 2 },
	{ "/nv/item_files/rfnv/00022551", I, 96 },   { "/nv/item_files/rfnv/00023012", I, 62 },
	{ "/nv/item_files/rfnv/00023787", I, 2312 }, { "/nv/item_files/rfnv/00024001", I, 1 },
	{ "/nv/item_files/rfnv/00025126", I, 448 },  { "/nv/item_files/rfnv/00027776", I, 36 },
	{ "/rfc/rffe_scan/scan.dat", F, 320 },
	{ "/nv/item_files/modem/mmode/ue_usage_setting", I, 1 },
	{ "/nv/item_files/modem/mmode/lte_bandpref", I, 8 },
	{ "/nv/item_files/modem/mmode/device_mode", I, 1 },
	{ "/nv/item_files/modem/mmode/voice_domain_pref", I, 1 },
	{ "/nv/item_files/modem/mmode/lte_bandpref_Subscription01", I, 8 },
	{ "/nv/item_files/modem/lte/rrc/cap/fgi", I, 4 },
	{ "/nv/item_files/modem/lte/rrc/csp/band_priority", I, 62 },
	{ "/nv/item_files/modem/nr5g/rrc/cap", I, 40 },
	{ "/nv/item_files/modem/nas/forbidden_eplmn_list", I, 120 },
	{ "/nv/item_files/ims/IMS_enable", I, 1 },   { "/nv/item_files/ims/qp_ims_reg_config", I, 190 },
	{ "/nv/item_files/data/3gpp/attach_profile", I, 4 },
	{ "/nv/item_files/gps/cgps/me/gnss_config", I, 4 },
	{ "/nv/item_files/mcfg/mcfg_rfs_sw_digest_version", I, 20 },
	{ "/nv/item_files/mcs/sar/cfg", I, 24 },     { "/nv/item_files/wcdma/rrc/wcdma_rrc_version", I, 1 },
	{ "/nv/item_files/Thin_UI/enable_thin_ui_cfg", I, 1 },
	{ "/nv/reg_files/modem/gsdi/imsi_check", F, 12 },
	{ "/nv/reg_files/conf/mode.conf", F, 33 },   { "/policyman/device_config.xml", F, 1800 },
	{ "/policyman/rat_mask", F, 16 },            { "/pdp_profiles/profile0", F, 388 },
	{ "/pdp_profiles/profile1", F, 388 },        { "/sd/rat_acq_order", F, 9 },
	{ "/sd/mru3gpp", F, 3400 },                  { "/nvm/alpha/modem/nas/lte_nas_eps_loci", I, 18 },
	{ "/nvm/alpha/item_file/time/ats_offset", I, 64 },
	{ "/mdb/nr/plmn2cacombos_nr.mdb", F, 5200 }, { "/rmnet_config.txt", F, 77 },
	{ "/err/log00.txt", F, 0 },
};
#undef I
#undef F

/* efs2-diag.md section 7.2: each part of the firmware lists its items, also those never written. */
static const char mmode_conf[] =
	"/nv/item_files/modem/mmode/ue_usage_setting\n/nv/item_files/modem/mmode/lte_bandpref\n"
	"/nv/item_files/modem/mmode/device_mode\n/nv/item_files/modem/mmode/voice_domain_pref\n"
	"/nv/item_files/modem/mmode/sms_domain_pref\n/nv/item_files/modem/mmode/sxlte_timers\n"
	"/nv/item_files/modem/mmode/operator_name\n";
static const char nas_conf[] =
	"/nv/item_files/modem/nas/forbidden_eplmn_list\n/nv/item_files/modem/nas/lte_nas_lsti_config\n"
	"/nv/item_files/modem/nas/tighter_capability\n";
static const char data_conf[] =
	"/nv/item_files/data/3gpp/attach_profile\r\n/nv/item_files/data/3gpp/throttle\r\n";

int factory_skeleton(const struct emu_model *m, struct ftree *t)
{
	static const struct { const char *path, *text; } conf[] = {
		{ "/nv/item_files/conf/mmode.conf", mmode_conf },
		{ "/nv/item_files/conf/nas_mm.conf", nas_conf },
		{ "/nv/item_files/conf/data_config_info.conf", data_conf },
	};
	size_t i;

	(void)m;
	for (i = 0; i < ARRAY_SIZE(conf); i++)
		if (!ftree_find(t, conf[i].path) &&
		    put(t, conf[i].path, FN_FILE, 0644, conf[i].text, strlen(conf[i].text)))
			return -1;
	return put(t, "/public", FN_DIR, 0777, NULL, 0);
}

/* efs2-diag.md section 8: a wrong front-end file makes the radio driver fail. */
static int put_rfc(const struct emu_model *m, struct ftree *t)
{
	char head[EMU_TEXT];
	uint8_t b[640];
	int n;

	modem_head(m, head);
	unit_bytes(m, "/rfc/rfcard.dat", b, sizeof(b));
	n = snprintf((char *)b, sizeof(b), "RFC1 %s", head);
	b[n] = '\0';
	return put(t, "/rfc/rfcard.dat", FN_FILE, 0644, b, sizeof(b));
}

int factory_tree(const struct emu_model *m, struct ftree *t)
{
	uint8_t b[8192];
	char path[64];
	size_t i, at;

	if (ftree_init(t) || factory_skeleton(m, t) || put_nv(m, t) || put_rfc(m, t))
		return -1;
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		unit_bytes(m, files[i].path, b, files[i].n);
		/* Text stays text; the only use of it is to be read by people. */
		if (files[i].type == FN_FILE && strstr(files[i].path, ".txt"))
			for (at = 0; at < files[i].n; at++)
				b[at] = (uint8_t)(at % 26 == 25 ? '\n' : 'a' + b[at] % 26);
		if (put(t, files[i].path, files[i].type, files[i].type == FN_ITEM ? 0777 : 0644, b,
			files[i].n))
			return -1;
	}
	for (i = 0; i < m->fw.files; i++) {
		/* More calibration, as a 5G module has it: 1000 to 3000 of them. */
		snprintf(path, sizeof(path), "/nv/item_files/rfnv/%08u", 28000 + (unsigned)i);
		unit_bytes(m, path, b, 4 + i % 120);
		if (put(t, path, FN_ITEM, 0777, b, 4 + i % 120))
			return -1;
	}
	return put(t, "/policyman/current.xml", FN_LINK, 0777, "/policyman/device_config.xml", 28);
}
