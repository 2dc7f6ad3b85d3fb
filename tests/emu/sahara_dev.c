/*
 * The device side of Sahara: the state machine of sahara.md section 7, image slices in the order of
 * section 8.1 taken from the headers of the file that is really offered, command mode of section 9
 * and memory debug of section 10.
 */
#include "tests/emu/emu_int.h"

#include "base/digest.h"

#include <stdlib.h>
#include <string.h>

/* sahara.md section 2 */
enum {
	HELLO = 0x01, HELLO_RESP, READ_DATA, END_OF_IMAGE, DONE, DONE_RESP, RESET, RESET_RESP,
	MEM_DEBUG, MEM_READ, CMD_READY, SWITCH_MODE, EXECUTE, EXECUTE_RESP, EXECUTE_DATA,
	MEM_DEBUG64, MEM_READ64, READ_DATA64, RESET_STATE_MACHINE,
};

/* sahara.md section 6 */
enum {
	ST_OK = 0x00, ST_BAD_STATE = 0x01, ST_HOST_VERSION = 0x04, ST_PACKET_SIZE = 0x05,
	ST_HEADER_SIZE = 0x07, ST_RX_LENGTH = 0x0b, ST_PHDR_COUNT = 0x0e, ST_PHDR_SIZE = 0x0f,
	ST_DEST_ADDR = 0x12, ST_ELF_HEADER = 0x14, ST_HELLO_STATUS = 0x15, ST_BAD_MODE = 0x18,
	ST_MEM_READ = 0x19, ST_NO_MEM_DEBUG = 0x1b, ST_CMD_PARAM = 0x1e, ST_CMD_UNSUPPORTED = 0x1f,
	ST_NO_EXEC = 0x20, ST_HASH_AUTH = 0x21, ST_HASH_SEGMENT = 0x22, ST_NO_HASH = 0x23,
};

/* Where sample logs have the region table: sahara.md 14.6 and 14.7. */
#define TABLE_32 0x00210000u
#define TABLE_64 0x146a0000u
#define IMAGE_MAX (4u << 20)
#define PHDR_MAX 64

struct seg {
	uint64_t off, size;
	unsigned kind; /* (p_flags >> 24) & 7 */
	unsigned index;
};

struct sahara_dev {
	struct emu *m;
	unsigned iface;
	bool dump;
	enum { S_WAIT_HELLO, S_IMAGE, S_WAIT_DONE, S_COMMAND, S_DEBUG, S_ERROR, S_RUN } state;
	uint8_t cmd[4096];     /* a command that is not whole yet */
	size_t cmd_n;
	/* the image */
	uint8_t *img;
	uint64_t img_n;        /* highest byte known */
	enum { I_EHDR, I_PHDR, I_SEG } step;
	bool elf64;
	struct seg seg[PHDR_MAX];
	unsigned n_seg, at_seg;
	uint64_t off, count, got; /* the slice asked for */
	uint64_t seg_end;
	uint32_t armed;        /* EXECUTE id whose data is ready, or ~0 */
	enum sahara_end end;
};

struct sahara_dev *sahara_dev_new(struct emu *m, unsigned iface, bool dump)
{
	struct sahara_dev *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->m = m;
	s->iface = iface;
	s->dump = dump;
	s->armed = UINT32_MAX;
	return s;
}

void sahara_dev_free(struct sahara_dev *s)
{
	if (s)
		free(s->img);
	free(s);
}

enum sahara_end sahara_dev_end(const struct sahara_dev *s)
{
	return s->end;
}

static void send(struct sahara_dev *s, const char *what, struct writer *w)
{
	if (quirk_hit(&s->m->quirks, "silent", what))
		return;
	if (quirk_hit(&s->m->quirks, "bad_len", what))
		put_le32(w->p + 4, get_le32(w->p + 4) + 4);
	emu_push(s->m, s->iface, w->p, w->n, true);
}

static void send2(struct sahara_dev *s, const char *what, uint32_t id, const uint32_t *v, unsigned n)
{
	uint8_t room[48];
	struct writer w = writer_of(room, sizeof(room));
	unsigned i;

	wr_le32(&w, id);
	wr_le32(&w, 8 + 4 * n);
	for (i = 0; i < n; i++)
		wr_le32(&w, v[i]);
	send(s, what, &w);
}

static void send_end(struct sahara_dev *s, uint32_t image, uint32_t status)
{
	uint32_t v[2] = { image, status };

	send2(s, "end", END_OF_IMAGE, v, 2);
	if (status != ST_OK && s->state != S_COMMAND)
		s->state = S_ERROR;
}

static void hello_once(struct sahara_dev *s)
{
	const struct emu_model *mo = &s->m->model;
	uint32_t mode = s->dump ? 2 : 0;
	uint32_t v[10] = { mo->sahara.version, 1, mo->sahara.max_len, 0 };

	if (quirk_is(&s->m->quirks, "hello", "mode2"))
		mode = 2;
	else if (quirk_is(&s->m->quirks, "hello", "mode3"))
		mode = 3;
	v[3] = mode;
	send2(s, "hello", HELLO, v, 10);
}

/* The packet that makes a start: sent once per start, never repeated by itself. */
void sahara_dev_hello(struct sahara_dev *s)
{
	struct emu_quirks *qs = &s->m->quirks;

	s->state = S_WAIT_HELLO;
	s->cmd_n = 0;
	s->armed = UINT32_MAX;
	free(s->img);
	s->img = NULL;
	s->img_n = 0;
	if (quirk_is(qs, "hello", "lost") && quirk_hit(qs, "hello", "lost"))
		return; /* ModemManager or a driver has eaten it */
	if (quirk_is(qs, "hello", "stale") && quirk_hit(qs, "hello", "stale")) {
		/* What an aborted run left in the endpoint. */
		uint32_t v[3] = { s->m->model.sahara.image_id, 0x1000, 0x1000 };

		send2(s, "stale", READ_DATA, v, 3);
	}
	hello_once(s);
	if (quirk_is(qs, "hello", "double") && quirk_hit(qs, "hello", "double"))
		hello_once(s);
}

/* ---- image ---------------------------------------------------------------------------------- */

static uint32_t image_id(const struct sahara_dev *s)
{
	/* sahara.md 8.4: a running SBL asks for 7, the boot ROM for the model's id. */
	return s->dump ? 7 : s->m->model.sahara.image_id;
}

static void ask(struct sahara_dev *s, uint64_t off, uint64_t count)
{
	uint8_t room[48];
	struct writer w = writer_of(room, sizeof(room));

	s->off = off;
	s->count = count;
	s->got = 0;
	s->state = S_IMAGE;
	if (s->m->model.sahara.read64) {
		wr_le32(&w, READ_DATA64);
		wr_le32(&w, 0x20);
		wr_le64(&w, image_id(s));
		wr_le64(&w, off);
		wr_le64(&w, count);
	} else {
		wr_le32(&w, READ_DATA);
		wr_le32(&w, 0x14);
		wr_le32(&w, image_id(s));
		wr_le32(&w, (uint32_t)off);
		wr_le32(&w, (uint32_t)count);
	}
	send(s, "read_data", &w);
}

static bool has_text(const struct sahara_dev *s, const char *text)
{
	return slice_find(SLICE(s->img, (size_t)s->img_n), SLICE(text, strlen(text))) != SIZE_MAX;
}

static const struct seg *hash_seg(const struct sahara_dev *s)
{
	unsigned i;

	for (i = 0; i < s->n_seg; i++)
		if (s->seg[i].kind == 2)
			return &s->seg[i];
	return NULL;
}

/* Each load segment's SHA-256 must stand in the hash segment. Files that we did not make may use
 * another digest; for those only the structure counts. */
static bool hashes_match(const struct sahara_dev *s)
{
	const struct seg *h = hash_seg(s);
	struct slice table;
	unsigned i;

	if (!has_text(s, "SALVOR-EMU"))
		return true;
	table = slice_sub(SLICE(s->img, (size_t)s->img_n), (size_t)h->off, (size_t)h->size);
	for (i = 0; i < s->n_seg; i++) {
		uint8_t out[DIGEST_MAX];
		struct digest d;

		if (s->seg[i].kind == 2)
			continue;
		digest_init(&d, DIGEST_SHA256);
		digest_update(&d, s->img + s->seg[i].off, (size_t)s->seg[i].size);
		digest_final(&d, out);
		if (slice_find(table, SLICE(out, 32)) == SIZE_MAX)
			return false;
	}
	return true;
}

static void image_finish(struct sahara_dev *s)
{
	const struct emu_quirk *q = quirk_find(&s->m->quirks, "secure_boot");
	bool fused = q || s->m->model.sahara.secure_boot;
	char chip[EMU_TEXT + 24] = "SALVOR-EMU-CHIP=";

	strncat(chip, s->m->model.chip, EMU_TEXT);
	strcat(chip, ";");
	if (fused && !has_text(s, "SALVOR-EMU-SIGNED")) {
		if (q && !strcmp(q->arg, "silent")) {
			s->state = S_ERROR;
			s->end = SAHARA_RUNS;
			s->count = s->got = 0;
			s->img_n = 0;
			return;
		}
		if (q && !strcmp(q->arg, "reset")) {
			emu_switch(s->m, EMU_EDL, 0);
			return;
		}
		send_end(s, image_id(s), q && q->value ? (uint32_t)q->value : ST_HASH_AUTH);
		return;
	}
	if (!hashes_match(s)) {
		send_end(s, image_id(s), ST_HASH_SEGMENT);
		return;
	}
	if (has_text(s, "SALVOR-EMU-CHIP=") && !has_text(s, chip)) {
		send_end(s, image_id(s), ST_DEST_ADDR);
		return;
	}
	s->state = S_WAIT_DONE;
	send_end(s, image_id(s), ST_OK);
}

static void next_slice(struct sahara_dev *s)
{
	uint64_t cap = s->m->model.sahara.block_cap ? s->m->model.sahara.block_cap : 0x1000;
	uint64_t at = s->off + s->count;

	if (s->step == I_SEG && at < s->seg_end) {
		ask(s, at, MIN_OF(cap, s->seg_end - at));
		return;
	}
	s->step = I_SEG;
	while (++s->at_seg < s->n_seg && !s->seg[s->at_seg].size)
		;
	if (s->at_seg >= s->n_seg) {
		image_finish(s);
		return;
	}
	s->seg_end = s->seg[s->at_seg].off + s->seg[s->at_seg].size;
	ask(s, s->seg[s->at_seg].off, MIN_OF(cap, s->seg[s->at_seg].size));
}

static void got_ehdr(struct sahara_dev *s)
{
	const uint8_t *b = s->img;
	uint64_t phoff;
	uint32_t phent, phnum, want;

	if (memcmp(b, "\177ELF", 4) != 0) {
		send_end(s, image_id(s), ST_ELF_HEADER);
		return;
	}
	s->elf64 = b[4] == 2;
	if (s->elf64 && s->count < 0x40) {
		/* The class is known only now; the rest of the longer header is asked for. */
		ask(s, 0, 0x40);
		return;
	}
	phoff = s->elf64 ? get_le64(b + 0x20) : get_le32(b + 0x1c);
	phent = get_le16(b + (s->elf64 ? 0x36 : 0x2a));
	phnum = get_le16(b + (s->elf64 ? 0x38 : 0x2c));
	want = s->elf64 ? 0x38 : 0x20;
	if (phent != want) {
		send_end(s, image_id(s), ST_PHDR_SIZE);
		return;
	}
	if (phnum < 2 || phnum > PHDR_MAX || phoff > IMAGE_MAX) {
		send_end(s, image_id(s), ST_PHDR_COUNT);
		return;
	}
	s->step = I_PHDR;
	ask(s, phoff, (uint64_t)phnum * phent);
}

static void got_phdr(struct sahara_dev *s)
{
	size_t ent = s->elf64 ? 0x38 : 0x20, n = (size_t)s->count / ent, i;
	unsigned pass;

	s->n_seg = 0;
	/* The hash segment first, then the load segments in header order; the headers themselves
	 * (kind 7) are not asked for again. */
	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < n; i++) {
			const uint8_t *p = s->img + s->off + i * ent;
			uint32_t flags = get_le32(p + (s->elf64 ? 4 : 0x18));
			struct seg g = { .kind = flags >> 24 & 7, .index = (unsigned)i };

			g.off = s->elf64 ? get_le64(p + 8) : get_le32(p + 4);
			g.size = s->elf64 ? get_le64(p + 0x20) : get_le32(p + 0x10);
			if (g.kind == 7 || (g.kind == 2) != (pass == 0) || !g.size)
				continue;
			if (g.off > IMAGE_MAX || g.size > IMAGE_MAX - g.off) {
				send_end(s, image_id(s), ST_HEADER_SIZE);
				return;
			}
			s->seg[s->n_seg++] = g;
		}
		if (pass == 0 && s->n_seg != 1) {
			send_end(s, image_id(s), ST_NO_HASH);
			return;
		}
	}
	s->at_seg = UINT32_MAX;
	s->seg_end = 0;
	next_slice(s);
}

static int image_room(struct sahara_dev *s, uint64_t end)
{
	uint8_t *p;

	if (end <= s->img_n)
		return 0;
	p = realloc(s->img, (size_t)end);
	if (!p)
		return -1;
	memset(p + s->img_n, 0, (size_t)(end - s->img_n));
	s->img = p;
	s->img_n = end;
	return 0;
}

/* Returns how much of the transfer was image data. */
static size_t image_bytes(struct sahara_dev *s, const uint8_t *p, size_t n)
{
	size_t take = (size_t)MIN_OF((uint64_t)n, s->count - s->got);
	bool stream = s->m->chan[s->iface].stream;

	if (image_room(s, s->off + s->count)) {
		send_end(s, image_id(s), ST_RX_LENGTH);
		return n;
	}
	memcpy(s->img + s->off + s->got, p, take);
	s->got += take;
	if (s->got < s->count) {
		/* A short packet ends the read that the boot ROM has posted. */
		if (!stream && n % s->m->usb.max_packet != 0)
			send_end(s, image_id(s), ST_RX_LENGTH);
		return n;
	}
	if (take < n && !stream) {
		send_end(s, image_id(s), ST_RX_LENGTH);
		return n;
	}
	if (s->step == I_EHDR)
		got_ehdr(s);
	else if (s->step == I_PHDR)
		got_phdr(s);
	else
		next_slice(s);
	return take;
}

static void image_start(struct sahara_dev *s)
{
	free(s->img);
	s->img = NULL;
	s->img_n = 0;
	s->step = I_EHDR;
	s->n_seg = 0;
	/* Chips that read 64 bits wide take ELF64 programmers and ask for the longer header. */
	ask(s, 0, s->m->model.sahara.read64 ? 0x40 : 0x34);
}

static void image_run(struct sahara_dev *s)
{
	s->state = S_RUN;
	/* sahara.md section 8.3: how to tell the two sorts of programmer. */
	if (has_text(s, "<response value=") || has_text(s, "Supported Functions"))
		s->end = SAHARA_TO_FIREHOSE;
	else
		s->end = SAHARA_TO_STREAMING;
}

/* ---- command mode --------------------------------------------------------------------------- */

static size_t exec_result(const struct sahara_dev *s, uint32_t id, uint8_t out[256])
{
	const struct emu_model *mo = &s->m->model;
	struct writer w = writer_of(out, 256);
	bool v3 = mo->sahara.version >= 3;
	uint64_t hwid = (uint64_t)mo->sahara.msm_id << 32 | (uint64_t)mo->sahara.oem_id << 16 |
			mo->sahara.model_id;

	switch (id) {
	case 0x01:
		if (v3)
			wr_le64(&w, mo->sahara.chip_serial);
		else
			wr_le32(&w, (uint32_t)mo->sahara.chip_serial);
		break;
	case 0x02:
		if (!v3)
			wr_le64(&w, hwid);
		break;
	case 0x03:
		if (v3)
			break;
		wr_bytes(&w, mo->sahara.pkhash, mo->sahara.pkhash_n);
		if (mo->sahara.pkhash_len > w.n)
			wr_fill(&w, 0, mo->sahara.pkhash_len - w.n);
		break;
	case 0x07:
		wr_le32(&w, mo->sahara.sw_version);
		break;
	case 0x0a:
		if (!v3)
			break;
		wr_le32(&w, (uint32_t)(mo->sahara.chip_serial >> 32));
		wr_fill(&w, 0, 32);
		wr_le32(&w, mo->sahara.msm_id);
		wr_le16(&w, (uint16_t)mo->sahara.oem_id);
		wr_le16(&w, (uint16_t)mo->sahara.model_id);
		wr_le16(&w, 0);
		wr_le16(&w, 0);
		break;
	default:
		break;
	}
	return w.n;
}

static void command_mode(struct sahara_dev *s, uint32_t id, const uint8_t *p)
{
	uint32_t arg = get_le32(p + 8), v[2];
	uint8_t out[256];
	size_t n;

	switch (id) {
	case EXECUTE:
		s->armed = UINT32_MAX;
		n = exec_result(s, arg, out);
		if (!n) {
			send_end(s, 0, ST_CMD_UNSUPPORTED);
			return;
		}
		s->armed = arg;
		v[0] = arg;
		v[1] = (uint32_t)n;
		send2(s, "exec", EXECUTE_RESP, v, 2);
		return;
	case EXECUTE_DATA:
		if (arg != s->armed) {
			send_end(s, 0, ST_NO_EXEC);
			return;
		}
		n = exec_result(s, arg, out);
		s->armed = UINT32_MAX;
		if (!quirk_hit(&s->m->quirks, "silent", "exec_data"))
			emu_push(s->m, s->iface, out, n, true);
		return;
	default: /* SWITCH_MODE: any mode brings a fresh HELLO */
		sahara_dev_hello(s);
		return;
	}
}

/* ---- memory debug --------------------------------------------------------------------------- */

static size_t region_table(const struct sahara_dev *s, uint8_t *out, size_t cap)
{
	const struct emu_model *mo = &s->m->model;
	struct writer w = writer_of(out, cap);
	unsigned i;

	for (i = 0; i < mo->n_regions; i++) {
		const struct emu_region *r = &mo->region[i];

		if (mo->sahara.dump64) {
			wr_le64(&w, 1);
			wr_le64(&w, r->base);
			wr_le64(&w, r->length);
		} else {
			wr_le32(&w, 1);
			wr_le32(&w, (uint32_t)r->base);
			wr_le32(&w, (uint32_t)r->length);
		}
		wr_bytes(&w, r->desc, 20);
		wr_bytes(&w, r->file, 20);
	}
	return w.n;
}

static void mem_debug(struct sahara_dev *s)
{
	uint8_t room[48], table[64 * EMU_MAX_REGIONS];
	struct writer w = writer_of(room, sizeof(room));
	size_t n = region_table(s, table, sizeof(table));

	s->state = S_DEBUG;
	if (s->m->model.sahara.dump64) {
		wr_le32(&w, MEM_DEBUG64);
		wr_le32(&w, 0x18);
		wr_le64(&w, TABLE_64);
		wr_le64(&w, n);
	} else {
		wr_le32(&w, MEM_DEBUG);
		wr_le32(&w, 0x10);
		wr_le32(&w, TABLE_32);
		wr_le32(&w, (uint32_t)n);
	}
	send(s, "mem_debug", &w);
}

static void mem_read(struct sahara_dev *s, uint64_t addr, uint64_t n)
{
	const struct emu_model *mo = &s->m->model;
	uint8_t table[64 * EMU_MAX_REGIONS], *b;
	size_t table_n = region_table(s, table, sizeof(table)), i;
	uint64_t home = mo->sahara.dump64 ? TABLE_64 : TABLE_32;
	unsigned r;

	if (addr >= home && addr - home <= table_n && n <= table_n - (addr - home) && n) {
		emu_push(s->m, s->iface, table + (addr - home), (size_t)n, true);
		return;
	}
	for (r = 0; r < mo->n_regions; r++) {
		uint64_t base = mo->region[r].base, len = mo->region[r].length;

		if (addr < base || addr - base > len || n > len - (addr - base) || !n ||
		    n > (16u << 20))
			continue;
		b = malloc((size_t)n);
		if (!b)
			break;
		/* Memory whose bytes follow from their address. */
		for (i = 0; i < n; i++)
			b[i] = (uint8_t)((addr + i) ^ (addr + i) >> 8 ^ (addr + i) >> 16);
		if (!quirk_hit(&s->m->quirks, "silent", "mem_read"))
			emu_push(s->m, s->iface, b, (size_t)n, true);
		free(b);
		return;
	}
	send_end(s, 0, ST_MEM_READ);
}

/* ---- packets -------------------------------------------------------------------------------- */

static void hello_resp(struct sahara_dev *s, const uint8_t *p)
{
	uint32_t version = get_le32(p + 8), status = get_le32(p + 16), mode = get_le32(p + 20);

	if (version < 1) {
		send_end(s, 0, ST_HOST_VERSION);
	} else if (status) {
		send_end(s, 0, ST_HELLO_STATUS);
	} else if (mode == 0) {
		image_start(s);
	} else if (mode == 2) {
		if (s->dump)
			mem_debug(s);
		else
			send_end(s, 0, ST_NO_MEM_DEBUG);
	} else if (mode == 3 && s->m->model.sahara.version >= 2) {
		s->state = S_COMMAND;
		send2(s, "cmd_ready", CMD_READY, NULL, 0);
	} else {
		send_end(s, 0, ST_BAD_MODE);
	}
}

static void reset(struct sahara_dev *s)
{
	send2(s, "reset", RESET_RESP, NULL, 0);
	s->state = S_ERROR;
	emu_reboot(s->m, 20);
}

static void packet(struct sahara_dev *s, const uint8_t *p, size_t n)
{
	/* Length of each host packet, sahara.md section 2. */
	static const uint8_t len_of[0x14] = {
		[HELLO_RESP] = 0x30, [DONE] = 8, [RESET] = 8, [MEM_READ] = 0x10, [SWITCH_MODE] = 0x0c,
		[EXECUTE] = 0x0c, [EXECUTE_DATA] = 0x0c, [MEM_READ64] = 0x18,
		[RESET_STATE_MACHINE] = 8,
	};
	uint32_t id = get_le32(p);
	uint32_t done_resp;

	if (len_of[id] != n) {
		send_end(s, 0, ST_PACKET_SIZE);
		return;
	}
	if (id == RESET) {
		reset(s);
		return;
	}
	if (id == RESET_STATE_MACHINE) {
		sahara_dev_hello(s);
		return;
	}
	switch (s->state) {
	case S_WAIT_HELLO:
		if (id == HELLO_RESP)
			hello_resp(s, p);
		else
			send_end(s, 0, ST_BAD_STATE);
		return;
	case S_WAIT_DONE:
		if (id != DONE) {
			send_end(s, 0, ST_BAD_STATE);
			return;
		}
		done_resp = s->m->model.sahara.done_resp;
		send2(s, "done_resp", DONE_RESP, &done_resp, 1);
		image_run(s);
		return;
	case S_COMMAND:
		if (id == EXECUTE || id == EXECUTE_DATA || id == SWITCH_MODE)
			command_mode(s, id, p);
		else
			send_end(s, 0, ST_BAD_STATE);
		return;
	case S_DEBUG:
		if (id == MEM_READ && !s->m->model.sahara.dump64)
			mem_read(s, get_le32(p + 8), get_le32(p + 12));
		else if (id == MEM_READ64 && s->m->model.sahara.dump64)
			mem_read(s, get_le64(p + 8), get_le64(p + 16));
		else
			send_end(s, 0, ST_BAD_STATE);
		return;
	default:
		send_end(s, 0, ST_BAD_STATE);
		return;
	}
}

/* Bytes that are no packet. Many targets answer with a fresh HELLO while they wait for its answer,
 * some with END_OF_IMAGE status 1 (sahara.md section 7). */
static void stray(struct sahara_dev *s)
{
	if (s->state == S_WAIT_HELLO && !quirk_is(&s->m->quirks, "stray", "end")) {
		sahara_dev_hello(s);
		return;
	}
	send_end(s, 0, ST_BAD_STATE);
}

static bool is_bare(const uint8_t *p, size_t n, uint32_t id)
{
	return n == 8 && get_le32(p) == id && get_le32(p + 4) == 8;
}

void sahara_dev_out(struct sahara_dev *s, const uint8_t *p, size_t n, size_t *ret_used)
{
	bool stream = s->m->chan[s->iface].stream;
	size_t left = n;

	*ret_used = n;
	if (!n)
		return; /* the boot ROM tolerates empty packets */
	while (left && s->end == SAHARA_RUNS) {
		size_t take;
		uint32_t id, len;

		if (s->state == S_IMAGE) {
			if (s->count != 8 &&
			    (is_bare(p, left, RESET) || is_bare(p, left, RESET_STATE_MACHINE))) {
				packet(s, p, 8);
				return;
			}
			take = image_bytes(s, p, left);
			p += take;
			left -= take;
			continue;
		}
		take = MIN_OF(left, sizeof(s->cmd) - s->cmd_n);
		memcpy(s->cmd + s->cmd_n, p, take);
		s->cmd_n += take;
		p += take;
		left -= take;
		id = s->cmd_n >= 4 ? get_le32(s->cmd) : s->cmd[0];
		len = s->cmd_n >= 8 ? get_le32(s->cmd + 4) : 8;
		if (id < HELLO || id > RESET_STATE_MACHINE || len < 8 || len > sizeof(s->cmd) ||
		    (s->cmd_n < len && !stream)) {
			s->cmd_n = 0;
			stray(s);
			return;
		}
		if (s->cmd_n < len)
			return; /* a stream: the rest comes */
		/* What stands behind the packet is looked at again. */
		p -= MIN_OF(s->cmd_n - len, take);
		left += s->cmd_n - len;
		s->cmd_n = 0;
		packet(s, s->cmd, len);
	}
	*ret_used = n - left;
}
