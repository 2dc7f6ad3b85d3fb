/* Reads a model file: sections in brackets, "key = value" lines, '#' comments. The keys are the rows
 * of the table below plus iface, partition, region, bad and pkhash. */
#include "tests/emu/emu_int.h"

#include "base/fs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { K_U16, K_U32, K_U64, K_U8, K_BOOL, K_TEXT, K_CHAR, K_UINT, K_IMEI };

struct key {
	const char *section, *name;
	enum kind kind;
	size_t off;
};

#define AT(member) offsetof(struct emu_model, member)
#define FACE_KEYS(sec)                                                                             \
	{ #sec, "vid", K_U16, AT(sec.vid) }, { #sec, "pid", K_U16, AT(sec.pid) },                  \
	{ #sec, "bcd", K_U16, AT(sec.bcd) },                                                       \
	{ #sec, "manufacturer", K_TEXT, AT(sec.manufacturer) },                                    \
	{ #sec, "product", K_TEXT, AT(sec.product) },                                              \
	{ #sec, "serial", K_TEXT, AT(sec.serial) }, { #sec, "bus", K_UINT, AT(sec.bus) },          \
	{ #sec, "speed", K_UINT, AT(sec.speed) },                                                  \
	{ #sec, "max_packet", K_UINT, AT(sec.max_packet) },                                        \
	{ #sec, "delay_ms", K_U32, AT(sec.delay_ms) }

static const struct key keys[] = {
	{ "module", "name", K_TEXT, AT(name) },
	{ "module", "chip", K_TEXT, AT(chip) },
	{ "module", "port", K_TEXT, AT(port) },
	FACE_KEYS(normal),
	FACE_KEYS(edl),
	FACE_KEYS(dump),
	{ "sahara", "version", K_U32, AT(sahara.version) },
	{ "sahara", "max_len", K_U32, AT(sahara.max_len) },
	{ "sahara", "done_resp", K_U32, AT(sahara.done_resp) },
	{ "sahara", "image_id", K_U32, AT(sahara.image_id) },
	{ "sahara", "block_cap", K_U32, AT(sahara.block_cap) },
	{ "sahara", "read64", K_BOOL, AT(sahara.read64) },
	{ "sahara", "dump64", K_BOOL, AT(sahara.dump64) },
	{ "sahara", "secure_boot", K_BOOL, AT(sahara.secure_boot) },
	{ "sahara", "chip_serial", K_U64, AT(sahara.chip_serial) },
	{ "sahara", "msm_id", K_U32, AT(sahara.msm_id) },
	{ "sahara", "oem_id", K_U32, AT(sahara.oem_id) },
	{ "sahara", "model_id", K_U32, AT(sahara.model_id) },
	{ "sahara", "sw_version", K_U32, AT(sahara.sw_version) },
	{ "firehose", "family", K_CHAR, AT(fh.family) },
	{ "firehose", "payload", K_U32, AT(fh.payload) },
	{ "firehose", "payload_from", K_U32, AT(fh.payload_from) },
	{ "firehose", "target", K_TEXT, AT(fh.target) },
	{ "firehose", "build", K_TEXT, AT(fh.build) },
	{ "firehose", "start_ms", K_U32, AT(fh.start_ms) },
	{ "firehose", "open_ms", K_U32, AT(fh.open_ms) },
	{ "firehose", "erase_ms", K_U32, AT(fh.erase_ms) },
	{ "firehose", "leave_ms", K_U32, AT(fh.leave_ms) },
	{ "firehose", "harden", K_BOOL, AT(fh.harden) },
	{ "firehose", "fixgpt", K_BOOL, AT(fh.fixgpt) },
	{ "firehose", "project", K_TEXT, AT(fh.project) },
	{ "firehose", "project_type", K_TEXT, AT(fh.project_type) },
	{ "flash", "page", K_U32, AT(flash.page) },
	{ "flash", "pages_per_block", K_U32, AT(flash.pages_per_block) },
	{ "flash", "blocks", K_U32, AT(flash.blocks) },
	{ "flash", "filler", K_U8, AT(flash.filler) },
	{ "flash", "manufacturer", K_U32, AT(flash.manufacturer) },
	{ "flash", "chip_name", K_TEXT, AT(flash.chip_name) },
	{ "flash", "mibib_age", K_U32, AT(flash.mibib_age) },
	{ "flash", "rawdata_project", K_TEXT, AT(flash.rawdata_project) },
	{ "flash", "rawdata_type", K_TEXT, AT(flash.rawdata_type) },
	{ "firmware", "vendor", K_TEXT, AT(fw.vendor) },
	{ "firmware", "model", K_TEXT, AT(fw.model) },
	{ "firmware", "revision", K_TEXT, AT(fw.revision) },
	{ "firmware", "full", K_TEXT, AT(fw.full) },
	{ "firmware", "built", K_TEXT, AT(fw.built) },
	{ "firmware", "serial", K_TEXT, AT(fw.serial) },
	{ "firmware", "imei", K_IMEI, AT(fw.imei) },
	{ "firmware", "imei2", K_IMEI, AT(fw.imei2) },
	{ "firmware", "iccid", K_TEXT, AT(fw.iccid) },
	{ "firmware", "sims", K_U32, AT(fw.sims) },
	{ "firmware", "files", K_U32, AT(fw.files) },
	{ "firmware", "cme_ftm", K_U32, AT(fw.cme_ftm) },
	{ "firmware", "nr", K_BOOL, AT(fw.nr) },
};

static int set_iface(struct emu_face *f, const char *value)
{
	struct emu_iface *i = &f->iface[f->n_ifaces];
	unsigned number, cls, sub, proto, in, out, intr;
	char driver[16], function[12];

	/* number class/sub/proto in out interrupt driver function */
	if (f->n_ifaces == EMU_MAX_INTERFACES ||
	    sscanf(value, "%u %x/%x/%x %x %x %x %15s %11s", &number, &cls, &sub, &proto, &in, &out,
		   &intr, driver, function) != 9)
		return -1;
	i->number = (uint8_t)number;
	i->cls = (uint8_t)cls;
	i->sub = (uint8_t)sub;
	i->proto = (uint8_t)proto;
	i->ep_in = (uint8_t)in;
	i->ep_out = (uint8_t)out;
	i->ep_int = (uint8_t)intr;
	if (strcmp(driver, "-") != 0)
		strcpy(f->driver[f->n_ifaces], driver);
	strcpy(f->function[f->n_ifaces], function);
	i->has_tty = !strcmp(driver, "option") || !strcmp(driver, "qcserial");
	f->n_ifaces++;
	return 0;
}

static int set_partition(struct emu_model *m, const char *value)
{
	struct emu_part *p = &m->part[m->n_parts];
	unsigned a[4] = { 0xff, 0x01, 0x00, 0x00 }; /* partition-tables.md section 2.2 */
	unsigned long long start, length;
	unsigned lun = 0;
	int n;

	if (m->n_parts == EMU_MAX_PARTS)
		return -1;
	n = sscanf(value, "%16s %llu %llu %2x%2x%2x%2x %u", p->name, &start, &length, &a[0], &a[1],
		   &a[2], &a[3], &lun);
	if (n != 3 && n != 7 && n != 8)
		return -1;
	p->start = start;
	p->length = length;
	p->lun = lun;
	for (n = 0; n < 4; n++)
		p->attr[n] = (uint8_t)a[n];
	m->n_parts++;
	return 0;
}

static int set_list(struct emu_model *m, const char *section, const char *key, char *value)
{
	struct err e = ERR_INIT;
	char *save = NULL, *t;

	if (!strcmp(key, "iface")) {
		struct emu_face *f = !strcmp(section, "normal") ? &m->normal :
				     !strcmp(section, "edl")	? &m->edl :
				     !strcmp(section, "dump")	? &m->dump :
								  NULL;
		return f ? set_iface(f, value) : -1;
	}
	if (!strcmp(section, "partitions") && !strcmp(key, "partition"))
		return set_partition(m, value);
	if (!strcmp(section, "dump") && !strcmp(key, "region")) {
		struct emu_region *r = &m->region[m->n_regions];
		unsigned long long base, length;

		if (m->n_regions == EMU_MAX_REGIONS ||
		    sscanf(value, "%llx %llx %20s %20[^\n]", &base, &length, r->file, r->desc) != 4)
			return -1;
		r->base = base;
		r->length = length;
		m->n_regions++;
		return 0;
	}
	if (!strcmp(section, "sahara") && !strcmp(key, "pkhash"))
		return hex_decode(value, m->sahara.pkhash, sizeof(m->sahara.pkhash),
				  &m->sahara.pkhash_n, &e);
	if (!strcmp(section, "sahara") && !strcmp(key, "pkhash_len")) {
		m->sahara.pkhash_len = (size_t)strtoul(value, NULL, 0);
		return m->sahara.pkhash_len > 256 ? -1 : 0;
	}
	if (!strcmp(section, "flash") && !strcmp(key, "type")) {
		m->flash.type = !strcmp(value, "emmc") ? EMU_EMMC : EMU_NAND;
		return strcmp(value, "emmc") && strcmp(value, "nand") ? -1 : 0;
	}
	if (!strcmp(section, "flash") && !strcmp(key, "lun_sectors")) {
		if (m->flash.n_luns == EMU_MAX_LUNS)
			return -1;
		m->flash.sectors[m->flash.n_luns++] = strtoull(value, NULL, 0);
		return 0;
	}
	if (!strcmp(section, "flash") && !strcmp(key, "bad")) {
		for (t = strtok_r(value, " ,", &save); t; t = strtok_r(NULL, " ,", &save)) {
			if (m->flash.n_bad == EMU_MAX_BAD)
				return -1;
			m->flash.bad[m->flash.n_bad++] = (uint32_t)strtoul(t, NULL, 0);
		}
		return 0;
	}
	return -1;
}

int model_set(struct emu_model *m, const char *section, const char *key, char *value)
{
	uint8_t *base = (uint8_t *)m;
	struct err e = ERR_INIT;
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, key))
			break;
	if (i == ARRAY_SIZE(keys))
		return set_list(m, section, key, value);
	switch (keys[i].kind) {
	case K_TEXT:
		if (strlen(value) >= EMU_TEXT)
			return -1;
		strcpy((char *)base + keys[i].off, value);
		return 0;
	case K_IMEI:
		if (strlen(value) != 15)
			return -1;
		strcpy((char *)base + keys[i].off, value);
		return 0;
	case K_CHAR:
		base[keys[i].off] = (uint8_t)value[0];
		return 0;
	case K_BOOL:
		*(bool *)(base + keys[i].off) = !strcmp(value, "yes") || !strcmp(value, "1");
		return 0;
	default:
		break;
	}
	if (parse_u64(value, UINT64_MAX, &v, &e))
		return -1;
	switch (keys[i].kind) {
	case K_U8:
		base[keys[i].off] = (uint8_t)v;
		return v > UINT8_MAX ? -1 : 0;
	case K_U16:
		*(uint16_t *)(void *)(base + keys[i].off) = (uint16_t)v;
		return v > UINT16_MAX ? -1 : 0;
	case K_U64:
		*(uint64_t *)(void *)(base + keys[i].off) = v;
		return 0;
	default:
		*(uint32_t *)(void *)(base + keys[i].off) = (uint32_t)v;
		return v > UINT32_MAX ? -1 : 0;
	}
}

static char *strip(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

static int model_check(const struct emu_model *m, const char *path, char *why, size_t why_n)
{
	const char *what = NULL;
	uint64_t end = 0;
	unsigned i;

	if (m->fh.family != 'A' && m->fh.family != 'B')
		what = "firehose family is A or B";
	else if (!m->flash.page || (m->flash.page & (m->flash.page - 1)) || m->flash.page > 65536)
		what = "flash page is a power of two";
	else if (m->flash.type == EMU_NAND && (!m->flash.pages_per_block || !m->flash.blocks))
		what = "NAND needs pages_per_block and blocks";
	else if (m->flash.type == EMU_EMMC && !m->flash.n_luns)
		what = "managed storage needs lun_sectors";
	else if (!m->edl.n_ifaces || !m->normal.n_ifaces || !m->dump.n_ifaces)
		what = "each mode needs an iface";
	for (i = 0; !what && i < m->n_parts && m->flash.type == EMU_NAND; i++) {
		if (m->part[i].start < end)
			what = "partitions overlap or are out of order";
		end = m->part[i].start + m->part[i].length;
		if (end > m->flash.blocks)
			what = "a partition ends beyond the chip";
	}
	if (!what)
		return 0;
	snprintf(why, why_n, "model '%s': %s", path, what);
	return -1;
}

int model_load(struct emu_model *m, const char *path, char *why, size_t why_n)
{
	struct buf b = BUF_INIT(1 << 16);
	struct err e = ERR_INIT;
	char section[24] = "", *line, *save = NULL;
	unsigned number = 0;
	int r = -1;

	memset(m, 0, sizeof(*m));
	m->normal.max_packet = m->edl.max_packet = m->dump.max_packet = 512;
	m->normal.speed = m->edl.speed = m->dump.speed = 480;
	m->normal.bus = m->edl.bus = m->dump.bus = 1;
	m->flash.filler = 0xff;
	if (fs_read_file(path, &b, &e) || buf_add(&b, "", 1, &e)) {
		snprintf(why, why_n, "%s", e.msg);
		goto out;
	}
	for (line = (char *)b.p; line; line = save) {
		char *s, *eq, *end;

		save = strchr(line, '\n');
		if (save)
			*save++ = '\0';
		number++;
		s = strip(line);
		if (!*s || *s == '#')
			continue;
		if (*s == '[') {
			end = strchr(s, ']');
			if (!end || end - s > (int)sizeof(section))
				goto bad;
			*end = '\0';
			snprintf(section, sizeof(section), "%s", s + 1);
			continue;
		}
		eq = strchr(s, '=');
		if (!eq)
			goto bad;
		*eq++ = '\0';
		if (model_set(m, section, strip(s), strip(eq)))
			goto bad;
	}
	r = model_check(m, path, why, why_n);
	goto out;
bad:
	snprintf(why, why_n, "model '%s' line %u is not understood", path, number);
out:
	buf_fini(&b);
	return r;
}
