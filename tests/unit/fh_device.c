#include "tests/unit/fh_device.h"

#include "base/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEV(l) container_of(l, struct fh_device, link)

size_t fhd_flash_size(const struct fh_device *d)
{
	return (size_t)FHD_BLOCKS * FHD_PPB * d->page;
}

static void push(struct fh_device *d, const void *p, size_t n)
{
	if (d->t_n == FHD_MAX_TRANSFERS)
		abort();
	if (d->t_first == d->t_n) {
		d->t_first = d->t_n = 0;
		d->out_off = d->out_n = 0;
	}
	if (d->out_n + n > d->out_cap) {
		d->out_cap = 2 * (d->out_n + n);
		d->out = realloc(d->out, d->out_cap);
		if (!d->out)
			abort();
	}
	if (n)
		memcpy(d->out + d->out_n, p, n);
	d->out_n += n;
	d->transfer[d->t_n++] = n;
}

void fhd_say(struct fh_device *d, const char *text)
{
	push(d, text, strlen(text));
}

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<data>\n"

void fhd_log(struct fh_device *d, const char *text)
{
	char doc[4096];

	snprintf(doc, sizeof(doc),
		 d->family == 'A' ? HEAD "<log value=\"%s\"/></data>"
				  : HEAD "<log value=\"INFO: %s\" /></data>",
		 text);
	if (d->junk)
		fhd_say(d, "\x01junk<\xff ");
	fhd_say(d, doc);
}

static void answer(struct fh_device *d, const char *value, const char *raw)
{
	char doc[512];
	unsigned i;

	for (i = 0; i < d->flood; i++)
		fhd_log(d, "ignoring erased page read.");
	if (d->junk)
		fhd_say(d, "<?xm <dat junk");
	if (d->family == 'A')
		snprintf(doc, sizeof(doc), HEAD "<response value=\"%s\"%s%s%s />\n</data>", value,
			 raw ? " rawmode=\"" : "", raw ? raw : "", raw ? "\"" : "");
	else
		snprintf(doc, sizeof(doc), HEAD "<response value=\"%s\" rawmode=\"%s\" /></data>",
			 value, raw ? raw : "false");
	fhd_say(d, doc);
	if (d->late_logs && !(raw && strcmp(raw, "true") == 0)) {
		fhd_log(d, "late words");
		fhd_log(d, "later words");
	}
}

static void banner(struct fh_device *d)
{
	static const char *const fns[] = { "program",
					   "read",
					   "nop",
					   "patch",
					   "configure",
					   "setbootablestoragedrive",
					   "erase",
					   "power",
					   "firmwarewrite",
					   "getstorageinfo",
					   "benchmark",
					   "emmc",
					   "ufs",
					   "fixgpt",
					   "getsha256digest" };
	size_t i;

	if (d->vip)
		fhd_log(d, "VIP is enabled, receiving the signed table of size 8192");
	fhd_log(d, "Binary build date: Apr 19 2020 @ 17:49:11\n");
	fhd_log(d, "Chip serial num: 305419896 (0x12345678)");
	if (d->extra_banner)
		fhd_say(d, d->extra_banner);
	if (d->family == 'A') {
		fhd_log(d,
			d->no_storage_info
				? "Supported Functions: program configure power benchmark read erase nop "
				: "Supported Functions: program configure power benchmark read "
				  "getstorageinfo erase nop ");
		return;
	}
	fhd_log(d, "Supported Functions (15):");
	for (i = 0; i < ARRAY_SIZE(fns); i++) {
		if (!d->no_storage_info || strcmp(fns[i], "getstorageinfo") != 0)
			fhd_log(d, fns[i]);
	}
	fhd_log(d, "End of supported functions 15");
}

static bool attr(const char *doc, const char *name, char *out, size_t cap)
{
	char key[64];
	const char *p;
	size_t n;

	snprintf(key, sizeof(key), " %s=\"", name);
	p = strstr(doc, key);
	if (!p)
		return false;
	p += strlen(key);
	n = strcspn(p, "\"");
	n = MIN_OF(n, cap - 1);
	memcpy(out, p, n);
	out[n] = '\0';
	return true;
}

static uint64_t attr_num(const char *doc, const char *name)
{
	char v[64];

	return attr(doc, name, v, sizeof(v)) ? strtoull(v, NULL, 0) : 0;
}

static void do_configure(struct fh_device *d, const char *doc)
{
	uint32_t asked = (uint32_t)attr_num(doc, "MaxPayloadSizeToTargetInBytes");
	bool ok = asked <= d->payload_max;
	char text[512];

	d->configures++;
	attr(doc, "MemoryName", d->memory_asked, sizeof(d->memory_asked));
	if (d->digest_max && attr_num(doc, "MaxDigestTableSizeInBytes") > d->digest_max) {
		snprintf(text, sizeof(text),
			 "NAK: Host wants to send a Hash table 2048 larger than supported %u",
			 d->digest_max);
		fhd_log(d, text);
		answer(d, "NAK", NULL);
		return;
	}
	if (d->family == 'A')
		snprintf(
			text, sizeof(text),
			HEAD
			"<response value=\"%s\" MemoryName=\"NAND\" "
			"MaxPayloadSizeFromTargetInBytes=\"2048\" MaxPayloadSizeToTargetInBytes=\"%u\" "
			"MaxPayloadSizeToTargetInBytesSupported=\"%u\" TargetName=\"9x07\" />\n</data>",
			ok ? "ACK" : "NAK", ok ? asked : d->payload_max, d->payload_max);
	else
		snprintf(
			text, sizeof(text),
			HEAD
			"<response value=\"%s\" MemoryName=\"%s\" "
			"MinVersionSupported=\"1\" Version=\"1\" MaxPayloadSizeToTargetInBytes=\"%u\" "
			"MaxPayloadSizeToTargetInBytesSupported=\"%u\" MaxXMLSizeInBytes=\"4096\" "
			"DateTime=\"Apr 19 2020 - 17:49:11\" /></data>",
			ok ? "ACK" : "NAK", d->memory_asked, ok ? asked : d->payload_max,
			d->payload_max);
	fhd_say(d, text);
}

static bool storage_fits(struct fh_device *d)
{
	if (strcasecmp(d->memory, d->memory_asked) == 0)
		return true;
	fhd_log(d, strcmp(d->memory, "UFS") == 0 ? "Failed to open the SDCC Device slot 0"
		   : strcmp(d->memory, "eMMC") == 0
			   ? "Failed to initialize (open whole lun) UFS Device slot 0"
			   : "Failed to set the IO options");
	answer(d, "NAK", NULL);
	return false;
}

static void do_storage_info(struct fh_device *d)
{
	bool nand = strcmp(d->memory, "nand") == 0;
	char text[1024];

	if (!storage_fits(d))
		return;
	if (d->mute_storage_info) {
		answer(d, "ACK", NULL);
		return;
	}
	if (d->family == 'A') {
		fhd_log(d, "[FLASH_INFO]");
		fhd_log(d, ";This section provides flash info");
		fhd_log(d, "FLASH_NAME=MT29F4G08ABBEA");
		snprintf(text, sizeof(text), "SECTOR_SIZE_IN_BYTES = %u", d->page);
		fhd_log(d, text);
		snprintf(text, sizeof(text), "NUM_PARTITION_SECTORS = %u", FHD_BLOCKS * FHD_PPB);
		fhd_log(d, text);
		fhd_log(d, "num_physical_partitions = 1");
		fhd_log(d, "PAGES_IN_BLOCK = 64");
		fhd_log(d, "[BAD_BLOCK_LIST]");
		fhd_log(d, ";This section provides bad block list");
		if (d->bad_block) {
			snprintf(text, sizeof(text), "BAD_BLOCK=%u", d->bad_block);
			fhd_log(d, text);
		}
		fhd_log(d, d->bad_block ? "TOTAL_BAD_BLOCK=1" : "TOTAL_BAD_BLOCK=0");
	} else {
		fhd_log(d, "Calling handler for getstorageinfo");
		snprintf(text, sizeof(text), "Device Total Logical Blocks: 0x%x",
			 nand ? FHD_BLOCKS : FHD_BLOCKS * FHD_PPB);
		fhd_log(d, text);
		snprintf(text, sizeof(text), "Device Block Size in Bytes: 0x%x",
			 nand ? d->page * FHD_PPB : d->page);
		fhd_log(d, text);
		fhd_log(d, "Device Total Physical Partitions: 0x1");
		fhd_log(d, "Device Manufacturer ID: 0x2c");
		snprintf(
			text, sizeof(text),
			"{&quot;storage_info&quot;: {&quot;total_blocks&quot;:%u, &quot;block_size&quot;:%u, "
			"&quot;page_size&quot;:%u, &quot;num_physical&quot;:1, &quot;manufacturer_id&quot;:44, "
			"&quot;serial_num&quot;:0, &quot;fw_version&quot;:&quot;&quot;,&quot;mem_type&quot;:"
			"&quot;%s&quot;,&quot;prod_name&quot;:&quot;&quot;}}",
			nand ? FHD_BLOCKS : FHD_BLOCKS * FHD_PPB,
			nand ? d->page * FHD_PPB : d->page, d->page, nand ? "NAND" : d->memory);
		if (!d->no_json)
			fhd_log(d, text);
	}
	answer(d, "ACK", NULL);
}

/* Checks what both families check; false after a refusal. */
static bool range_fits(struct fh_device *d, const char *doc, uint64_t *start, uint64_t *count)
{
	char text[256], v[32];

	*start = attr_num(doc, "start_sector");
	*count = attr_num(doc, "num_partition_sectors");
	if (!storage_fits(d))
		return false;
	if (attr_num(doc, "SECTOR_SIZE_IN_BYTES") != d->page) {
		snprintf(text, sizeof(text),
			 "**Attribute 'SECTOR_SIZE_IN_BYTES'=%u must be equal to disk sector "
			 "size %u**",
			 (unsigned)attr_num(doc, "SECTOR_SIZE_IN_BYTES"), d->page);
		fhd_log(d, text);
		fhd_log(d, "ERROR 4: Line 2193: STORAGE_READ_FAILURE");
	} else if (d->family == 'A' && attr(doc, "PAGES_PER_BLOCK", v, sizeof(v)) &&
		   atoi(v) != FHD_PPB) {
		snprintf(text, sizeof(text),
			 "Attribute 'PAGES_PER_BLOCK'=%s must be equal to disk pages per "
			 "block 64",
			 v);
		fhd_log(d, text);
	} else if (*start + *count > FHD_BLOCKS * FHD_PPB || *count == 0) {
		fhd_log(d, "Trying to read beyond total sectors");
	} else {
		return true;
	}
	answer(d, "NAK", NULL);
	return false;
}

static void do_read(struct fh_device *d, const char *doc)
{
	uint64_t start, count;
	size_t n, i;

	if (!range_fits(d, doc, &start, &count))
		return;
	answer(d, "ACK", "true");
	n = (size_t)count * d->page;
	if (d->stop_in_read && d->stop_in_read < n)
		n = d->stop_in_read;
	for (i = 0; i < n; i += 16384) {
		if (d->empty_transfers)
			push(d, "", 0);
		push(d, d->flash + start * d->page + i, MIN_OF(n - i, (size_t)16384));
	}
	if (d->stop_in_read) {
		if (!d->cut_in_read) {
			fhd_log(d, "Read failed at sector 3");
			answer(d, "NAK", "false");
		}
		return;
	}
	if (d->nak_closing)
		fhd_log(d, "ERROR 4: Line 2251: STORAGE_READ_FAILURE");
	answer(d, d->nak_closing ? "NAK" : "ACK", "false");
}

static void do_erase(struct fh_device *d, const char *doc)
{
	uint64_t start, count;
	char text[128];

	if (strstr(doc, "vendor=")) {
		fhd_log(d, "[harden] project name or type = RG500QEA ok!");
		answer(d, "ACK", "false");
		return;
	}
	d->erases++;
	if (!range_fits(d, doc, &start, &count))
		return;
	if (strcmp(d->memory, "nand") == 0 && (start % FHD_PPB || count % FHD_PPB)) {
		fhd_log(d, "start_sector unaligned");
		answer(d, "NAK", NULL);
		return;
	}
	memset(d->flash + start * d->page, 0xff, (size_t)count * d->page);
	if (d->bad_block && d->family == 'B') {
		snprintf(text, sizeof(text), "block:%x is bad", d->bad_block);
		fhd_log(d, text);
	}
	answer(d, "ACK", "false");
}

static void do_digest(struct fh_device *d, const char *doc)
{
	uint64_t start, count;
	char hex[DIGEST_HEX_MAX], text[128];
	struct digest g;

	if (!range_fits(d, doc, &start, &count))
		return;
	digest_init(&g, DIGEST_SHA256);
	digest_update(&g, d->flash + start * d->page, (size_t)count * d->page);
	digest_final_hex(&g, hex);
	snprintf(text, sizeof(text), "Digest %s", hex);
	fhd_log(d, text);
	answer(d, "ACK", "false");
}

static bool is_named(const char *list, const char *name)
{
	return list && strcmp(list, name) == 0;
}

static void command(struct fh_device *d, const char *doc)
{
	const char *p = strstr(doc, "<data>");
	char name[64];
	size_t n;

	p = p ? p + 6 : doc;
	p += strspn(p, "\r\n <");
	n = strcspn(p, " />");
	n = MIN_OF(n, sizeof(name) - 1);
	memcpy(name, p, n);
	name[n] = '\0';
	d->commands++;
	snprintf(d->last, sizeof(d->last), "%.1000s", doc);
	n = strlen(d->names);
	snprintf(d->names + n, sizeof(d->names) - n, "%s;", name);
	if (d->lost_configure || is_named(d->mute, name)) {
		d->lost_configure = false;
	} else if (is_named(d->gone, name)) {
		d->is_gone = true;
	} else if (is_named(d->garbage, name)) {
		fhd_say(d, "<?xml version=\"1.0\"?><data><response value=ACK &&& /></data>");
	} else if (is_named(d->nak, name)) {
		fhd_log(d,
			d->nak_text ? d->nak_text : "ERROR 21: Line 2459: HANDLE_PROGRAM_FAILURE");
		answer(d, "NAK", "false");
	} else if (strcmp(name, "configure") == 0) {
		do_configure(d, doc);
	} else if (strcmp(name, "getstorageinfo") == 0 && !d->no_storage_info) {
		do_storage_info(d);
	} else if (strcmp(name, "read") == 0) {
		do_read(d, doc);
	} else if (strcmp(name, "erase") == 0) {
		do_erase(d, doc);
	} else if (strcmp(name, "program") == 0) {
		uint64_t count;

		d->programs++;
		if (!range_fits(d, doc, &d->program_at, &count))
			return;
		d->program_at *= d->page;
		d->data_left = count * d->page;
		d->data_in = 0;
		answer(d, "ACK", "true");
	} else if (strcmp(name, "nop") == 0) {
		if (d->family == 'B')
			banner(d);
		answer(d, "ACK", "false");
	} else if (strcmp(name, "power") == 0) {
		fhd_log(d, d->family == 'A' ? "Inside handlePower() - Requested POWER_RESET"
					    : "Calling handler for power");
		if (!d->gone_on_power)
			answer(d, "ACK", NULL);
		fhd_log(d, "bsp_target_reset() 1");
		d->is_gone = true;
	} else if (d->family == 'B' && strcmp(name, "getsha256digest") == 0) {
		do_digest(d, doc);
	} else if (d->family == 'B' &&
		   (strcmp(name, "patch") == 0 || strcmp(name, "setbootablestoragedrive") == 0)) {
		answer(d, "ACK", "false");
	} else if (d->family == 'A') {
		fhd_log(d, "**WARNING Ignoring Unrecognized tag 'x'");
	} else {
		fhd_log(d, "unknown command");
		answer(d, "NAK", NULL);
	}
}

static int injected(struct fh_device *d, struct err *e)
{
	d->calls++;
	if (d->fail_call && d->calls == d->fail_call) {
		if (d->fail_kind == ERR_GONE)
			d->is_gone = true;
		return err_set(e, d->fail_kind, "injected at call %u", d->calls);
	}
	return 0;
}

static int fhd_read(struct link *l, void *buf, size_t cap, _unused_ uint32_t ms, size_t *ret_n,
		    struct err *e)
{
	struct fh_device *d = DEV(l);
	size_t n, got = 0;

	if (injected(d, e) < 0)
		return -1;
	for (;;) {
		if (d->t_first == d->t_n)
			break;
		n = MIN_OF(d->transfer[d->t_first], cap - got);
		if (d->cut)
			n = MIN_OF(n, d->cut);
		memcpy((uint8_t *)buf + got, d->out + d->out_off, n);
		got += n;
		d->out_off += n;
		d->transfer[d->t_first] -= n;
		if (d->transfer[d->t_first] == 0)
			d->t_first++;
		if (!d->glue || got == cap)
			break;
		if (d->cut && got >= d->cut)
			break;
	}
	if (got == 0 && d->t_first == d->t_n)
		return err_set(e, d->is_gone ? ERR_GONE : ERR_TIMEOUT, "nothing arrived");
	*ret_n = got;
	return 0;
}

static int take_data(struct fh_device *d, const uint8_t *p, size_t n, struct err *e)
{
	size_t take = (size_t)MIN_OF((uint64_t)n, d->data_left);

	if (d->nak_in_data && d->data_in >= d->nak_in_data && d->stall_in_data)
		return err_set(e, ERR_TIMEOUT, "not taken");
	d->largest_chunk = MAX_OF(d->largest_chunk, n);
	memcpy(d->flash + d->program_at + d->data_in, p, take);
	d->data_in += take;
	d->data_left -= take;
	if (d->nak_in_data && d->data_in >= d->nak_in_data) {
		fhd_log(d, "ERROR: out of good blocks, total blocks:10 Gblocks:f lba:3");
		answer(d, "NAK", "false");
		if (!d->stall_in_data)
			d->data_left = 0;
		return 0;
	}
	if (d->data_left == 0) {
		if (d->family == 'A')
			fhd_log(d, "Finished sector address 13952");
		if (d->bad_block && d->family == 'B')
			fhd_log(d, "skip bad block 7 and continue with next good block");
		answer(d, d->nak_closing ? "NAK" : "ACK", "false");
	}
	if (take < n)
		answer(d, "NAK", NULL); /* surplus is bad XML */
	return 0;
}

static int fhd_write(struct link *l, const void *buf, size_t n, _unused_ uint32_t ms, struct err *e)
{
	struct fh_device *d = DEV(l);
	char doc[8192];

	if (injected(d, e) < 0)
		return -1;
	if (d->is_gone)
		return err_set(e, ERR_GONE, "device left");
	if (d->deaf_once) {
		d->deaf_once = false;
		fhd_log(d, "log queue full");
		return err_set(e, ERR_TIMEOUT, "not taken");
	}
	if (d->data_left)
		return take_data(d, buf, n, e);
	if (n >= sizeof(doc) || n < 6 || memcmp(buf, "<?xml ", 6) != 0) {
		d->strays++;
		fhd_log(d, "ERROR: XML not formed correctly. Expected a &lt; character at loc 0");
		answer(d, "NAK", NULL);
		return 0;
	}
	memcpy(doc, buf, n);
	doc[n] = '\0';
	command(d, doc);
	return 0;
}

static void fhd_close(_unused_ struct link *l)
{
}

void fhd_init(struct fh_device *d, char family, uint32_t page)
{
	static const struct link_ops ops = {
		.name = "fake",
		.read = fhd_read,
		.write = fhd_write,
		.close = fhd_close,
	};
	size_t i, n;

	*d = (struct fh_device){
		.link = { .ops = &ops, .max_packet = 512, .can_zlp = true, .desc = "fake" },
		.family = family,
		.page = page,
		.memory = "nand",
		.payload_max = 8192,
	};
	n = fhd_flash_size(d);
	d->flash = malloc(n);
	if (!d->flash)
		abort();
	for (i = 0; i < n; i++)
		d->flash[i] = (uint8_t)(i * 7 + (i >> 11) * 13);
}

void fhd_boot(struct fh_device *d)
{
	if (!d->no_banner)
		banner(d);
}

void fhd_fini(struct fh_device *d)
{
	free(d->flash);
	free(d->out);
}
