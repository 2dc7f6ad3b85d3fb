#include "wire/sahara_pkt.h"

#include <string.h>

#define HELLO_RESERVED 24 /* six words that both sides ignore */

static const struct {
	uint32_t cmd;
	uint32_t len;
	const char *name;
} known[] = {
	{ SAHARA_CMD_HELLO, 0x30, "HELLO" },
	{ SAHARA_CMD_HELLO_RESP, 0x30, "HELLO_RESP" },
	{ SAHARA_CMD_READ_DATA, 0x14, "READ_DATA" },
	{ SAHARA_CMD_END_OF_IMAGE, 0x10, "END_OF_IMAGE" },
	{ SAHARA_CMD_DONE, 0x08, "DONE" },
	{ SAHARA_CMD_DONE_RESP, 0x0c, "DONE_RESP" },
	{ SAHARA_CMD_RESET, 0x08, "RESET" },
	{ SAHARA_CMD_RESET_RESP, 0x08, "RESET_RESP" },
	{ SAHARA_CMD_MEM_DEBUG, 0x10, "MEM_DEBUG" },
	{ SAHARA_CMD_MEM_READ, 0x10, "MEM_READ" },
	{ SAHARA_CMD_CMD_READY, 0x08, "CMD_READY" },
	{ SAHARA_CMD_SWITCH_MODE, 0x0c, "SWITCH_MODE" },
	{ SAHARA_CMD_EXECUTE, 0x0c, "EXECUTE" },
	{ SAHARA_CMD_EXECUTE_RESP, 0x10, "EXECUTE_RESP" },
	{ SAHARA_CMD_EXECUTE_DATA, 0x0c, "EXECUTE_DATA" },
	{ SAHARA_CMD_MEM_DEBUG64, 0x18, "MEM_DEBUG64" },
	{ SAHARA_CMD_MEM_READ64, 0x18, "MEM_READ64" },
	{ SAHARA_CMD_READ_DATA64, 0x20, "READ_DATA64" },
	{ SAHARA_CMD_RESET_STATE, 0x08, "RESET_STATE_MACHINE" },
	{ SAHARA_CMD_WRITE_DATA, 0, "WRITE_DATA" }, /* any length: the layout is not public */
};

static size_t known_find(uint32_t cmd)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].cmd == cmd)
			break;
	return i;
}

const char *sahara_cmd_name(uint32_t cmd)
{
	size_t i = known_find(cmd);

	return i < ARRAY_SIZE(known) ? known[i].name : NULL;
}

int sahara_pkt_parse(struct slice in, struct sahara_pkt *ret, struct err *e)
{
	struct cursor c = cursor_of(in);
	struct sahara_pkt p = { .cmd = rd_le32(&c) };
	uint32_t len = rd_le32(&c);
	size_t i = known_find(p.cmd);

	if (c.bad || len != in.n)
		return err_set(e, ERR_PROTO, "sahara packet 0x%x says %u bytes long and is %zu",
			       p.cmd, len, in.n);
	if (i == ARRAY_SIZE(known) || known[i].len == 0) {
		p.body = rd_bytes(&c, rd_left(&c));
		*ret = p;
		return 0;
	}
	/* One public header gives CMD_READY an optional word; no log shows it. */
	if (len != known[i].len && !(p.cmd == SAHARA_CMD_CMD_READY && len == 0x0c))
		return err_set(e, ERR_PROTO, "sahara packet %s is %u bytes long, expected %u",
			       known[i].name, len, known[i].len);

	switch (p.cmd) {
	case SAHARA_CMD_HELLO:
		p.hello.version = rd_le32(&c);
		p.hello.min_version = rd_le32(&c);
		p.hello.max_len = rd_le32(&c);
		p.hello.mode = rd_le32(&c);
		break;
	case SAHARA_CMD_HELLO_RESP:
		p.hello_resp.version = rd_le32(&c);
		p.hello_resp.min_version = rd_le32(&c);
		p.hello_resp.status = rd_le32(&c);
		p.hello_resp.mode = rd_le32(&c);
		break;
	case SAHARA_CMD_READ_DATA:
		p.read.image = rd_le32(&c);
		p.read.off = rd_le32(&c);
		p.read.count = rd_le32(&c);
		break;
	case SAHARA_CMD_READ_DATA64:
		p.read.image = rd_le64(&c);
		p.read.off = rd_le64(&c);
		p.read.count = rd_le64(&c);
		break;
	case SAHARA_CMD_END_OF_IMAGE:
		p.end.image = rd_le32(&c);
		p.end.status = rd_le32(&c);
		break;
	case SAHARA_CMD_DONE_RESP:
		p.done = rd_le32(&c);
		break;
	case SAHARA_CMD_MEM_DEBUG:
	case SAHARA_CMD_MEM_READ:
		p.mem.addr = rd_le32(&c);
		p.mem.len = rd_le32(&c);
		break;
	case SAHARA_CMD_MEM_DEBUG64:
	case SAHARA_CMD_MEM_READ64:
		p.mem.addr = rd_le64(&c);
		p.mem.len = rd_le64(&c);
		break;
	case SAHARA_CMD_SWITCH_MODE:
		p.mode = rd_le32(&c);
		break;
	case SAHARA_CMD_EXECUTE:
	case SAHARA_CMD_EXECUTE_DATA:
		p.exec.id = rd_le32(&c);
		break;
	case SAHARA_CMD_EXECUTE_RESP:
		p.exec.id = rd_le32(&c);
		p.exec.len = rd_le32(&c);
		break;
	default:
		break;
	}
	*ret = p;
	return 0;
}

/* A 32-bit field fed from a 64-bit member; false when it would be cut. */
static bool put_narrow(struct writer *w, uint64_t v)
{
	wr_le32(w, (uint32_t)(v & UINT32_MAX));
	return v <= UINT32_MAX;
}

static bool fields_build(struct writer *w, const struct sahara_pkt *in)
{
	bool fits = true;

	switch (in->cmd) {
	case SAHARA_CMD_HELLO:
		wr_le32(w, in->hello.version);
		wr_le32(w, in->hello.min_version);
		wr_le32(w, in->hello.max_len);
		wr_le32(w, in->hello.mode);
		wr_fill(w, 0, HELLO_RESERVED);
		break;
	case SAHARA_CMD_HELLO_RESP:
		wr_le32(w, in->hello_resp.version);
		wr_le32(w, in->hello_resp.min_version);
		wr_le32(w, in->hello_resp.status);
		wr_le32(w, in->hello_resp.mode);
		wr_fill(w, 0, HELLO_RESERVED);
		break;
	case SAHARA_CMD_READ_DATA:
		fits = put_narrow(w, in->read.image);
		fits = put_narrow(w, in->read.off) && fits;
		fits = put_narrow(w, in->read.count) && fits;
		break;
	case SAHARA_CMD_READ_DATA64:
		wr_le64(w, in->read.image);
		wr_le64(w, in->read.off);
		wr_le64(w, in->read.count);
		break;
	case SAHARA_CMD_END_OF_IMAGE:
		wr_le32(w, in->end.image);
		wr_le32(w, in->end.status);
		break;
	case SAHARA_CMD_DONE_RESP:
		wr_le32(w, in->done);
		break;
	case SAHARA_CMD_MEM_DEBUG:
	case SAHARA_CMD_MEM_READ:
		fits = put_narrow(w, in->mem.addr);
		fits = put_narrow(w, in->mem.len) && fits;
		break;
	case SAHARA_CMD_MEM_DEBUG64:
	case SAHARA_CMD_MEM_READ64:
		wr_le64(w, in->mem.addr);
		wr_le64(w, in->mem.len);
		break;
	case SAHARA_CMD_SWITCH_MODE:
		wr_le32(w, in->mode);
		break;
	case SAHARA_CMD_EXECUTE:
	case SAHARA_CMD_EXECUTE_DATA:
		wr_le32(w, in->exec.id);
		break;
	case SAHARA_CMD_EXECUTE_RESP:
		wr_le32(w, in->exec.id);
		wr_le32(w, in->exec.len);
		break;
	default:
		break;
	}
	return fits;
}

int sahara_pkt_build(struct writer *w, const struct sahara_pkt *in, struct err *e)
{
	size_t i = known_find(in->cmd);

	if (i == ARRAY_SIZE(known) || known[i].len == 0)
		return err_set(e, ERR_BUG, "sahara packet 0x%x has no known layout", in->cmd);
	wr_le32(w, in->cmd);
	wr_le32(w, known[i].len);
	if (!fields_build(w, in))
		return err_set(e, ERR_BUG, "value does not fit sahara packet %s", known[i].name);
	if (w->overflow)
		return err_set(e, ERR_BUG, "no room for sahara packet %s", known[i].name);
	return 0;
}

/* libopenpst, edl-ng and libqmi agree up to 0x26; 0x27 and 0x28 are in bkerler/edl and edl-ng. The
 * part in brackets is what the status means to somebody who loads a programmer. */
static const char *const status_words[] = {
	[0x00] = "success",
	[0x01] = "command not valid in the current state",
	[0x02] = "host and target disagree on the protocol",
	[0x03] = "protocol version of the target invalid",
	[0x04] = "protocol version of the host invalid",
	[0x05] = "packet size wrong",
	[0x06] = "unexpected image id",
	[0x07] = "image header size wrong (the file is no programmer image)",
	[0x08] = "image data size wrong",
	[0x09] = "image type wrong",
	[0x0a] = "transmit length wrong",
	[0x0b] = "receive length wrong (bytes were lost on the cable)",
	[0x0c] = "general transfer error (cable, hub or port)",
	[0x0d] = "the target could not send READ_DATA",
	[0x0e] = "too many or too few program headers (the programmer is for another chip)",
	[0x0f] = "program header size wrong (the programmer is for another chip)",
	[0x10] = "more than one shared segment",
	[0x11] = "program header location not initialised",
	[0x12] = "destination address not allowed (the programmer is for another chip)",
	[0x13] = "data size in the image header wrong",
	[0x14] = "ELF header invalid (the file is no ELF programmer)",
	[0x15] = "the host reported an unknown error",
	[0x16] = "receive timeout (the host was too slow)",
	[0x17] = "transmit timeout (the host did not read)",
	[0x18] = "the host asked for an invalid mode",
	[0x19] = "memory read not allowed",
	[0x1a] = "read size too big for the host",
	[0x1b] = "memory debug not supported",
	[0x1c] = "invalid mode switch",
	[0x1d] = "command execution failed",
	[0x1e] = "command parameter invalid",
	[0x1f] = "command not supported",
	[0x20] = "data asked for a command that was not executed",
	[0x21] =
		("hash table authentication failed (secure boot: the programmer is signed for another "
		 "chip)"),
	[0x22] = "segment hash mismatch (the programmer file is corrupted)",
	[0x23] = "hash table missing in the ELF (the programmer is not signed)",
	[0x24] = "target initialisation failed",
	[0x25] =
		"image authentication failed (secure boot: the programmer is signed for another chip)",
	[0x26] = "hash table size invalid",
	[0x27] = "enumeration failure",
	[0x28] = "hardware bulk transfer error (cable, hub or port)",
};

const char *sahara_status_words(uint32_t status)
{
	return status < ARRAY_SIZE(status_words) ? status_words[status] : "status not known";
}

enum sahara_front sahara_front(struct slice have, size_t *ret_len)
{
	static const char xml[] = "<?xml";
	uint32_t len;

	if (have.n == 0)
		return SAHARA_FRONT_MORE;
	if (have.p[0] == 0x7e)
		return SAHARA_FRONT_STREAMING;
	if (memcmp(have.p, xml, MIN_OF(have.n, sizeof(xml) - 1)) == 0)
		return have.n < sizeof(xml) - 1 ? SAHARA_FRONT_MORE : SAHARA_FRONT_FIREHOSE;
	if (have.n < SAHARA_PKT_MIN)
		return SAHARA_FRONT_MORE;
	len = get_le32(have.p + 4);
	if (len < SAHARA_PKT_MIN || len > SAHARA_PKT_MAX)
		return SAHARA_FRONT_GARBAGE;
	if (have.n < len)
		return SAHARA_FRONT_MORE;
	*ret_len = len;
	return SAHARA_FRONT_PACKET;
}

uint8_t *sahara_rx_room(struct sahara_rx *rx, size_t *ret_cap)
{
	if (rx->off) {
		memmove(rx->buf, rx->buf + rx->off, rx->n - rx->off);
		rx->n -= rx->off;
		rx->off = 0;
	}
	*ret_cap = sizeof(rx->buf) - rx->n;
	return rx->buf + rx->n;
}

void sahara_rx_filled(struct sahara_rx *rx, size_t n)
{
	rx->n += MIN_OF(n, sizeof(rx->buf) - rx->n);
}

enum sahara_front sahara_rx_next(struct sahara_rx *rx, struct slice *ret_pkt)
{
	size_t len = 0;
	enum sahara_front front = sahara_front(sahara_rx_held(rx), &len);

	if (front == SAHARA_FRONT_PACKET) {
		*ret_pkt = slice_sub(sahara_rx_held(rx), 0, len);
		rx->off += len;
	}
	return front;
}

bool sahara_rx_take(struct sahara_rx *rx, size_t n, struct slice *ret)
{
	if (rx->n - rx->off < n)
		return false;
	*ret = slice_sub(sahara_rx_held(rx), 0, n);
	rx->off += n;
	return true;
}

int sahara_region_count(uint64_t len, bool wide, size_t *ret, struct err *e)
{
	size_t line = wide ? SAHARA_REGION_LEN64 : SAHARA_REGION_LEN32;

	if (len == 0 || len > SAHARA_REGIONS_MAX)
		return err_set(e, ERR_PROTO, "memory region table of %llu bytes, expected 1..%d",
			       (unsigned long long)len, SAHARA_REGIONS_MAX);
	if (len % line)
		return err_set(e, ERR_PROTO,
			       "memory region table of %llu bytes is no multiple of %zu",
			       (unsigned long long)len, line);
	*ret = (size_t)len / line;
	return 0;
}

static void text_read(struct cursor *c, char out[SAHARA_REGION_TEXT + 1])
{
	struct slice s = rd_bytes(c, SAHARA_REGION_TEXT);

	memset(out, 0, SAHARA_REGION_TEXT + 1);
	if (s.n)
		memcpy(out, s.p, s.n);
}

int sahara_region_parse(struct slice line, bool wide, struct sahara_region *ret, struct err *e)
{
	struct cursor c = cursor_of(line);
	struct sahara_region r;

	r.save_pref = wide ? rd_le64(&c) : rd_le32(&c);
	r.base = wide ? rd_le64(&c) : rd_le32(&c);
	r.len = wide ? rd_le64(&c) : rd_le32(&c);
	text_read(&c, r.desc);
	text_read(&c, r.name);
	if (c.bad || rd_left(&c))
		return err_set(e, ERR_PROTO, "memory region of %zu bytes, expected %d", line.n,
			       wide ? SAHARA_REGION_LEN64 : SAHARA_REGION_LEN32);
	*ret = r;
	return 0;
}

static void text_write(struct writer *w, const char *text)
{
	size_t n = strnlen(text, SAHARA_REGION_TEXT);

	wr_bytes(w, text, n);
	wr_fill(w, 0, SAHARA_REGION_TEXT - n);
}

int sahara_region_build(struct writer *w, const struct sahara_region *in, bool wide, struct err *e)
{
	bool fits = true;

	if (wide) {
		wr_le64(w, in->save_pref);
		wr_le64(w, in->base);
		wr_le64(w, in->len);
	} else {
		fits = put_narrow(w, in->save_pref);
		fits = put_narrow(w, in->base) && fits;
		fits = put_narrow(w, in->len) && fits;
	}
	text_write(w, in->desc);
	text_write(w, in->name);
	if (!fits || w->overflow)
		return err_set(e, ERR_BUG, "memory region does not fit its %d-bit line",
			       wide ? 64 : 32);
	return 0;
}

bool sahara_region_name_ok(const char *name)
{
	const char *p;

	if (name[0] == '\0' || name[0] == '.')
		return false;
	for (p = name; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '/' || *p == '\\')
			return false;
	return true;
}

size_t sahara_pkhash_reduce(struct slice raw, uint8_t out[64])
{
	size_t k, got, n = raw.n;

	for (k = 4; k <= raw.n / 2; k++) {
		if (memcmp(raw.p, raw.p + k, k) == 0) {
			n = k;
			break;
		}
	}
	while (n && raw.p[n - 1] == 0)
		n--;
	if (n == 0)
		return 0;
	got = n <= 32 ? 32 : n <= 48 ? 48 : 64;
	got = MIN_OF(got, raw.n);
	memcpy(out, raw.p, got);
	return got;
}
