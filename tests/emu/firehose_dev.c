/* The emulated Firehose programmer: start, documents in, configure, power and the small commands.
 * Two families (firehose.md section 1); the model says which. */
#include "tests/emu/firehose_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct firehose_dev *firehose_dev_new(struct emu *m, unsigned iface)
{
	struct firehose_dev *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->m = m;
	f->iface = iface;
	f->b = m->model.fh.family == 'B';
	f->page = malloc(m->flash.page);
	f->payload = m->model.fh.payload;
	if (!f->page) {
		free(f);
		return NULL;
	}
	return f;
}

void firehose_dev_free(struct firehose_dev *f)
{
	if (f)
		free(f->page);
	free(f);
}

bool firehose_dev_zlp_aware(const struct firehose_dev *f)
{
	return f->zlp_aware;
}

/* firehose.md section 3 */
void firehose_dev_banner(struct firehose_dev *f)
{
	static const char *const functions[] = { "program", "read", "nop", "patch", "configure",
						 "setbootablestoragedrive", "erase", "power",
						 "firmwarewrite", "getstorageinfo", "benchmark", "emmc",
						 "ufs", "fixgpt", "getsha256digest" };
	const struct emu_model *mo = &f->m->model;
	unsigned i, n = ARRAY_SIZE(functions);

	if (!f->b) {
		fh_log(f, "", "Binary build date: %s", mo->fh.build);
		fh_log(f, "", "Chip serial num: %u (0x%x)", (unsigned)mo->sahara.chip_serial,
		       (unsigned)mo->sahara.chip_serial);
		fh_log(f, "", "Supported Functions: program configure power benchmark read "
			      "getstorageinfo erase nop ");
		if (quirk_find(&f->m->quirks, "vip"))
			fh_log(f, "", "VIP - Validated Image Programming is enabled");
		return;
	}
	if (!mo->fh.fixgpt)
		n -= 2; /* old SDX20 builds have neither fixgpt nor getsha256digest */
	fh_log(f, "INFO", "Binary build date: %s", mo->fh.build);
	fh_log(f, "INFO", "Binary build date: %s\n", mo->fh.build);
	fh_log(f, "INFO", "Chip serial num: %u (0x%x)", (unsigned)mo->sahara.chip_serial,
	       (unsigned)mo->sahara.chip_serial);
	fh_log(f, "INFO", "Supported Functions (%u):", n);
	for (i = 0; i < n; i++)
		fh_log(f, "INFO", "%s", functions[i]);
	fh_log(f, "INFO", "End of supported functions %u", n);
	if (quirk_find(&f->m->quirks, "vip"))
		fh_log(f, "INFO", "VIP is enabled, receiving the signed table of size 8192");
}

static bool attr_u32(const struct fh_tag *t, const char *name, uint32_t dflt, uint32_t *ret)
{
	const char *v = fh_attr(t, name);
	char *end;

	*ret = dflt;
	if (!v)
		return true;
	*ret = (uint32_t)strtoul(v, &end, 0);
	return *end == '\0' && end != v;
}

static void configure_answer(struct firehose_dev *f, bool ack, uint32_t in_force)
{
	const struct emu_model *mo = &f->m->model;
	char more[512];

	if (f->b)
		snprintf(more, sizeof(more),
			 "MemoryName=\"%s\" MinVersionSupported=\"1\" Version=\"1\" "
			 "MaxPayloadSizeToTargetInBytes=\"%u\" "
			 "MaxPayloadSizeToTargetInBytesSupported=\"%u\" MaxXMLSizeInBytes=\"4096\" "
			 "DateTime=\"%s\"",
			 f->memory, in_force, mo->fh.payload, mo->fh.build);
	else
		snprintf(more, sizeof(more),
			 "MemoryName=\"NAND\" MaxPayloadSizeFromTargetInBytes=\"%u\" "
			 "MaxPayloadSizeToTargetInBytes=\"%u\" "
			 "MaxPayloadSizeToTargetInBytesSupported=\"%u\" TargetName=\"%s\"",
			 mo->fh.payload_from, in_force, mo->fh.payload, mo->fh.target);
	if (!ack)
		f->m->count.refused_cmds++;
	fh_response(f, ack, -1, more);
}

static void cmd_configure(struct firehose_dev *f, const struct fh_tag *t)
{
	const struct emu_model *mo = &f->m->model;
	const char *memory = fh_attr(t, "MemoryName");
	uint32_t want, table, zlp, zlp2, skip_write, skip_init;
	bool numbers;

	if (f->b)
		fh_log(f, "INFO", "Calling handler for configure");
	if (!memory)
		memory = "nand";
	snprintf(f->memory, sizeof(f->memory), "%s", memory);
	numbers = attr_u32(t, "MaxPayloadSizeToTargetInBytes", mo->fh.payload, &want);
	numbers &= attr_u32(t, "MaxDigestTableSizeInBytes", 2048, &table);
	numbers &= attr_u32(t, "ZlpAwareHost", 1, &zlp);
	numbers &= attr_u32(t, "ZLPAwareHost", zlp, &zlp2);
	numbers &= attr_u32(t, "SkipWrite", 0, &skip_write);
	numbers &= attr_u32(t, "SkipStorageInit", 0, &skip_init);
	if (!numbers) {
		fh_fail(f, 6, "HANDLE_CONFIGURE_FAILURE");
		return;
	}
	if (!f->b && strcasecmp(memory, "nand") != 0) {
		fh_log(f, "", "Not support configure MemoryName %s", memory);
		fh_fail(f, 6, "HANDLE_CONFIGURE_FAILURE");
		return;
	}
	if (f->b)
		fh_log(f, "INFO", "Storage type set to value %s", memory);
	if (want > mo->fh.payload) {
		if (f->b)
			fh_log(f, "INFO", "NAK: MaxPayloadSizeToTargetInBytes sent by host %u larger "
					  "than supported %u", want, mo->fh.payload);
		configure_answer(f, false, mo->fh.payload);
		return;
	}
	if (table > 8192) {
		fh_log(f, "INFO", "NAK: Host wants to send a Hash table %u larger than supported %u",
		       table, 8192u);
		configure_answer(f, false, want);
		return;
	}
	f->payload = want ? want : mo->fh.payload;
	f->zlp_aware = zlp2 != 0;
	f->skip_write = skip_write != 0;
	f->wrong_storage = strcasecmp(memory, mo->flash.type == EMU_NAND ? "nand" : "emmc") != 0;
	f->configured = true;
	f->opened = false;
	configure_answer(f, true, f->payload);
}

static void cmd_power(struct firehose_dev *f, const struct fh_tag *t)
{
	const char *value = fh_attr(t, "value");
	bool off, edl;

	if (!value)
		value = "reset";
	off = !strcasecmp(value, "off");
	edl = f->b && !strcasecmp(value, "reset_to_edl");
	if (f->b)
		fh_log(f, "INFO", "Calling handler for power");
	else
		fh_log(f, "", "Inside handlePower() - Requested %s",
		       off ? "POWER_OFF" : "POWER_RESET");
	if (!off && !edl && strcasecmp(value, "reset") != 0) {
		fh_log(f, "ERROR", "To be here means power_action was not understood %s", value);
		if (f->b) {
			fh_fail(f, 0, "");
			return;
		}
		fh_response(f, true, -1, NULL); /* family A: an ACK and no reset */
		return;
	}
	fh_response(f, true, f->b ? 0 : -1, NULL);
	if (f->b) {
		fh_log(f, "INFO", "Will issue reset/power off 100 useconds, if this hangs check if "
				  "watchdog is enabled");
		fh_log(f, "INFO", "bsp_target_reset() 1");
	}
	if (edl)
		emu_switch(f->m, EMU_EDL, f->m->model.fh.leave_ms);
	else if (off)
		emu_switch(f->m, EMU_OFF, f->m->model.fh.leave_ms);
	else
		emu_reboot(f->m, f->m->model.fh.leave_ms);
}

static void cmd_bootable(struct firehose_dev *f, const struct fh_tag *t)
{
	const char *value = fh_attr(t, "value");

	fh_log(f, "INFO", "Calling handler for setbootablestoragedrive");
	if (!value || !isdigit((unsigned char)*value)) {
		fh_fail(f, 0, "");
		return;
	}
	fh_log(f, "INFO", "Using scheme of value= %s", value);
	fh_response(f, true, 0, NULL);
}

static void cmd_fixgpt(struct firehose_dev *f)
{
	fh_log(f, "INFO", "Calling handler for fixgpt");
	if (f->m->flash.type == EMU_NAND) {
		fh_log(f, "ERROR", "fixgpt not supported on NAND");
		fh_fail(f, 0, "");
		return;
	}
	fh_response(f, true, 0, NULL);
}

static void command(struct firehose_dev *f, const struct fh_tag *t)
{
	static const char *const unsupported[] = { "firmwarewrite", "emmc", "ufs", "benchmark" };
	const struct emu_model *mo = &f->m->model;
	const char *n = t->name;
	const char *vendor = fh_attr(t, "vendor");
	size_t i;

	snprintf(f->cmd, sizeof(f->cmd), "%.23s", n);
	if (fh_interrupted(f, f->cmd))
		return;
	if (!strcmp(n, "nop") || !strcasecmp(n, "NOP")) {
		if (f->b)
			firehose_dev_banner(f);
		fh_response(f, true, f->b ? 0 : -1, NULL);
	} else if (!strcmp(n, "configure")) {
		cmd_configure(f, t);
	} else if (!strcmp(n, "erase") && f->b && mo->fh.harden && vendor &&
		   !strcmp(vendor, "quectel")) {
		fh_harden(f, t);
	} else if (!strcmp(n, "erase")) {
		fh_erase(f, t);
	} else if (!strcmp(n, "program")) {
		fh_program(f, t);
	} else if (!strcmp(n, "read")) {
		fh_read(f, t);
	} else if (!strcasecmp(n, "getstorageinfo")) {
		fh_storage_info(f, t);
	} else if (!strcmp(n, "power")) {
		cmd_power(f, t);
	} else if (f->b && !strcmp(n, "patch")) {
		fh_patch(f, t);
	} else if (f->b && mo->fh.fixgpt && !strcmp(n, "getsha256digest")) {
		fh_digest(f, t);
	} else if (f->b && mo->fh.fixgpt && !strcmp(n, "fixgpt")) {
		cmd_fixgpt(f);
	} else if (f->b && !strcmp(n, "setbootablestoragedrive")) {
		cmd_bootable(f, t);
	} else {
		for (i = 0; i < ARRAY_SIZE(unsupported); i++)
			if (!strcmp(n, unsupported[i]))
				break;
		if (i < ARRAY_SIZE(unsupported))
			fh_log(f, "ERROR", "%s is not available on this storage", n);
		else if (f->b)
			fh_log(f, "ERROR", "Unrecognized tag '%s'", n);
		else
			fh_log(f, "", "**WARNING Ignoring Unrecognized tag '%s'", n);
		fh_fail(f, 2, "UNKNOWN_COMMAND");
	}
}

static void document(struct firehose_dev *f, const char *text)
{
	struct fh_tag *tags = calloc(8, sizeof(*tags));
	unsigned n, i;
	char why[128];

	if (!tags)
		return;
	n = fh_parse(f, text, tags, 8, why, sizeof(why));
	if (!n) {
		fh_log(f, "ERROR", f->b ? "%s" : "ERROR: %s", why);
		fh_fail(f, 1, "XML_NOT_FORMED");
	}
	for (i = 0; i < n; i++) {
		command(f, &tags[i]);
		if (f->m->unplugged)
			break;
	}
	free(tags);
}

/* One transfer is one document. Over a stream the borders are lost, so there `</data>` ends it. */
static size_t xml_in(struct firehose_dev *f, const uint8_t *p, size_t n)
{
	bool stream = f->m->chan[f->iface].stream;
	size_t take = MIN_OF(n, FH_MAX_XML - f->xml_n), end;
	struct slice all;

	if (!f->xml_n && stream)
		while (n && take && isspace(*p)) /* the line feeds behind the last document */
			return 1;
	memcpy(f->xml + f->xml_n, p, take);
	all = SLICE(f->xml, f->xml_n + take);
	end = slice_find(all, SLICE_STR("</data>"));
	if (end == SIZE_MAX) {
		f->xml_n += take;
		if (f->xml_n < FH_MAX_XML && take == n &&
		    (stream || n % f->m->usb.max_packet == 0) && f->xml[0] == '<')
			return n; /* goes on */
		end = f->xml_n;
		take = n;
	} else {
		end += 7;
		/* What stands behind is the next document or raw data, unless it is a line end. */
		take = end - f->xml_n;
		while (take < n && isspace(p[take]))
			take++;
	}
	f->xml[end] = '\0';
	f->xml_n = 0;
	document(f, (const char *)f->xml);
	return take;
}

void firehose_dev_out(struct firehose_dev *f, const uint8_t *p, size_t n)
{
	size_t used;

	if (!n && f->state == FH_XML && f->xml_n) {
		/* The empty packet ends a document that fills its packets and has no end tag. */
		f->xml[f->xml_n] = '\0';
		f->xml_n = 0;
		document(f, (const char *)f->xml);
		return;
	}
	while (n && !f->m->unplugged) {
		if (f->state == FH_RAW_OUT)
			return; /* nobody reads commands while data goes out */
		used = f->state == FH_RAW_IN ? fh_raw_in(f, p, n) : xml_in(f, p, n);
		p += used;
		n -= used;
	}
}

void firehose_dev_more(struct firehose_dev *f)
{
	if (f->state == FH_RAW_OUT)
		fh_raw_out(f);
}
