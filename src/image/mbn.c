/*
 * A programmer is told by the texts inside it, because names are chosen by whoever copied the file.
 * The scanner looks at each byte once: the first 4 KiB are kept for the ELF headers; after that
 * only the last 64 bytes, so that a text that is cut by two pieces is still found.
 */
#include "image/mbn.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE     4096
#define TAIL_SIZE     64
#define OU_DIGITS     16
#define MAX_PHDRS     128
#define NAND_PREAMBLE 0x844BDCD1u
/* NPRG images are linked to DDR, which begins here on MDM9x07, 9x55 and 9x65 (entry 0x80000028);
 * ENPRG and Firehose images run from on-chip RAM below (0x08006050, 0x08005800). */
#define DDR_BASE   0x80000000u
#define DDR_END    0xF0000000u
#define OCRAM_BASE 0x08000000u
#define OCRAM_END  0x09000000u

enum {
	TEXT_STREAMING = 1u << 0,
	TEXT_FIREHOSE = 1u << 1,
	TEXT_FAMILY_A = 1u << 2,
	TEXT_FAMILY_B = 1u << 3,
	TEXT_NPRG = 1u << 4, /* also part of every ENPRG */
	TEXT_ENPRG = 1u << 5,
};

struct needle {
	const char *text;
	unsigned flag;
};

static const struct needle needles[] = {
	{ "QCOM fast download protocol host", TEXT_STREAMING },
	{ "<response value=", TEXT_FIREHOSE },
	{ "Supported Functions", TEXT_FIREHOSE },
	{ "TargetName", TEXT_FAMILY_A },
	{ "DEVPRG", TEXT_FAMILY_B },
	{ "End of supported functions", TEXT_FAMILY_B },
	{ "ENPRG", TEXT_ENPRG },
	{ "NPRG", TEXT_NPRG },
};

/* As the texts write them; the first of each pair is what is reported. */
static const char *const targets[][2] = {
	{ "9x05", "9x05" },     { "9x06", "9x06" },        { "9x07", "9x07" },
	{ "9x15", "9x15" },     { "9x25", "9x25" },        { "9x30", "9x30" },
	{ "9x35", "9x35" },     { "9x40", "9x40" },        { "9x45", "9x45" },
	{ "9x50", "9x50" },     { "9x55", "9x55" },        { "9x65", "9x65" },
	{ "SDX20", "SDX20" },   { "SDX24", "SDX24" },      { "SDX35", "SDX35" },
	{ "SDX55", "SDX55" },   { "SDX62", "SDX62" },      { "SDX65", "SDX65" },
	{ "SDX75", "SDX75" },   { "SDX55", "sdxprairie" }, { "SDX62", "sdxlemur" },
	{ "SDX75", "sdxpinn" },
};
#define TARGET_9X07 2

struct segment {
	uint64_t off, size;
};

struct mbn_scan {
	uint8_t head[HEAD_SIZE];
	size_t head_n;
	bool head_done;
	uint8_t tail[TAIL_SIZE];
	size_t tail_n;
	uint64_t n; /* bytes so far */
	unsigned texts;
	uint32_t target_bits;
	bool is_elf, is_elf64, is_mbn, is_sbl;
	uint64_t entry, extent; /* entry address; where the last segment ends in the file */
	bool has_hash;
	struct segment hash;
	bool has_cert, has_hwid;
	uint64_t hwid;
};

int mbn_scan_new(struct mbn_scan **ret, struct err *e)
{
	struct mbn_scan *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem(e);
	*ret = s;
	return 0;
}

void mbn_scan_free(struct mbn_scan *s)
{
	free(s);
}

/* One program header. The segment with the hashes and, when signed, the certificate chain has type
 * 2 in bits 24 to 26 of its flags. */
static void phdr_parse(struct mbn_scan *s, struct slice raw)
{
	struct cursor c = cursor_of(raw);
	uint32_t flags;
	struct segment seg;
	uint64_t end;

	rd_skip(&c, 4); /* type */
	if (s->is_elf64) {
		flags = rd_le32(&c);
		seg.off = rd_le64(&c);
		rd_skip(&c, 16);
		seg.size = rd_le64(&c);
	} else {
		seg.off = rd_le32(&c);
		rd_skip(&c, 8);
		seg.size = rd_le32(&c);
		rd_skip(&c, 4);
		flags = rd_le32(&c);
	}
	if (seg.size == 0)
		return;
	if (!add_u64(seg.off, seg.size, &end))
		end = UINT64_MAX;
	s->extent = MAX_OF(s->extent, end);
	if (((flags >> 24) & 7) == 2 && !s->has_hash) {
		s->has_hash = true;
		s->hash = seg;
	}
}

static void elf_parse(struct mbn_scan *s)
{
	struct slice head = SLICE(s->head, s->head_n);
	struct cursor c = cursor_of(head);
	uint64_t phoff;
	uint16_t size, count, i;

	s->is_elf64 = s->head_n > 4 && s->head[4] == 2;
	/* Qualcomm's chips are little endian throughout. */
	if (s->head_n < 6 || (s->head[4] != 1 && s->head[4] != 2) || s->head[5] != 1)
		return;
	rd_skip(&c, 24);
	s->entry = s->is_elf64 ? rd_le64(&c) : rd_le32(&c);
	phoff = s->is_elf64 ? rd_le64(&c) : rd_le32(&c);
	rd_skip(&c, s->is_elf64 ? 8 : 4); /* section headers */
	rd_skip(&c, 4 + 2);               /* flags, size of this header */
	size = rd_le16(&c);
	count = rd_le16(&c);
	if (c.bad) {
		s->extent = UINT64_MAX; /* not even the header is whole */
		return;
	}
	if (size < (s->is_elf64 ? 56 : 32) || count > MAX_PHDRS || phoff > HEAD_SIZE)
		return;
	s->extent = phoff + (uint64_t)count * size;
	for (i = 0; i < count; i++) {
		struct slice raw = slice_sub(head, (size_t)phoff + (size_t)i * size, size);

		if (raw.n < size)
			return;
		phdr_parse(s, raw);
	}
}

static void head_parse(struct mbn_scan *s)
{
	static const uint8_t elf_magic[] = { 0x7F, 'E', 'L', 'F' };

	if (s->head_n >= 4 && memcmp(s->head, elf_magic, 4) == 0) {
		s->is_elf = true;
		elf_parse(s);
	} else if (s->head_n >= 4 && get_le32(s->head) == NAND_PREAMBLE) {
		s->is_sbl = true;
	} else if (s->head_n >= 40 && get_le32(s->head) < 256 && get_le32(s->head + 4) == 3) {
		/* Image id, version 3, place in flash, place in RAM: the 40-byte header of old
		 * images. */
		s->is_mbn = true;
		s->entry = get_le32(s->head + 12);
	}
}

static bool in_hash(const struct mbn_scan *s, uint64_t off)
{
	return s->has_hash && off >= s->hash.off && off - s->hash.off < s->hash.size;
}

/* A certificate begins SEQUENCE { SEQUENCE { [0] { INTEGER 2 (= X.509 v3), both lengths in two
 * bytes. */
static void cert_find(struct mbn_scan *s, struct slice w, uint64_t off)
{
	static const uint8_t version[] = { 0xA0, 0x03, 0x02, 0x01, 0x02 };
	size_t at = 0, hit;

	while (!s->has_cert) {
		hit = slice_find(slice_sub(w, at, SIZE_MAX), SLICE(version, sizeof(version)));
		if (hit == SIZE_MAX)
			return;
		at += hit;
		if (at >= 8 && in_hash(s, off + at - 8)) {
			const uint8_t *p = w.p + at - 8;

			s->has_cert = p[0] == 0x30 && p[1] == 0x82 && p[4] == 0x30 && p[5] == 0x82;
		}
		at++;
	}
}

/* The chip a certificate is for stands in its subject as an OU text: "02 009440E100000000 HW_ID".
 */
static void hwid_find(struct mbn_scan *s, struct slice w, uint64_t off)
{
	static const char mark[] = " HW_ID";
	size_t at = 0, hit;

	while (!s->has_hwid) {
		char digits[OU_DIGITS + 1];
		uint8_t raw[OU_DIGITS / 2];
		struct err why = ERR_INIT;
		uint64_t hwid = 0;
		size_t n, i;

		hit = slice_find(slice_sub(w, at, SIZE_MAX), SLICE_STR(mark));
		if (hit == SIZE_MAX)
			return;
		at += hit + 1;
		if (at - 1 < OU_DIGITS || !in_hash(s, off + at - 1 - OU_DIGITS))
			continue;
		memcpy(digits, w.p + at - 1 - OU_DIGITS, OU_DIGITS);
		digits[OU_DIGITS] = '\0';
		if (memchr(digits, ' ', OU_DIGITS) ||
		    hex_decode(digits, raw, sizeof(raw), &n, &why) < 0 || n != sizeof(raw))
			continue;
		for (i = 0; i < sizeof(raw); i++)
			hwid = hwid << 8 | raw[i];
		/* All zeros means "any chip of this root". */
		s->has_hwid = hwid != 0;
		s->hwid = hwid;
	}
}

static bool touches_hash(const struct mbn_scan *s, struct slice w, uint64_t off)
{
	return s->has_hash && off < s->hash.off + MIN_OF(s->hash.size, UINT64_MAX - s->hash.off) &&
	       w.n > 0 && off + w.n > s->hash.off;
}

static void scan_window(struct mbn_scan *s, struct slice w, uint64_t off)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needles); i++) {
		if (!(s->texts & needles[i].flag) &&
		    slice_find(w, SLICE(needles[i].text, strlen(needles[i].text))) != SIZE_MAX)
			s->texts |= needles[i].flag;
	}
	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!(s->target_bits & 1u << i) &&
		    slice_find(w, SLICE(targets[i][1], strlen(targets[i][1]))) != SIZE_MAX)
			s->target_bits |= 1u << i;
	}
	if (touches_hash(s, w, off)) {
		cert_find(s, w, off);
		hwid_find(s, w, off);
	}
}

/* Scans one run of bytes that follows what was scanned before, and the seam between the two. */
static void scan_more(struct mbn_scan *s, struct slice piece, uint64_t off)
{
	uint8_t seam[2 * TAIL_SIZE];
	size_t front = MIN_OF(piece.n, TAIL_SIZE), all, keep;

	if (piece.n == 0)
		return;
	memcpy(seam, s->tail, s->tail_n);
	memcpy(seam + s->tail_n, piece.p, front);
	all = s->tail_n + front;
	if (s->tail_n)
		scan_window(s, SLICE(seam, all), off - s->tail_n);
	if (piece.n > front || s->tail_n == 0)
		scan_window(s, piece, off);
	if (piece.n >= TAIL_SIZE) {
		memcpy(s->tail, piece.p + piece.n - TAIL_SIZE, TAIL_SIZE);
		s->tail_n = TAIL_SIZE;
		return;
	}
	keep = MIN_OF(all, TAIL_SIZE);
	memcpy(s->tail, seam + all - keep, keep);
	s->tail_n = keep;
}

/* The head waits until its ELF headers can be read, because they say where the hash segment is. */
static void head_finish(struct mbn_scan *s)
{
	if (s->head_done)
		return;
	s->head_done = true;
	head_parse(s);
	scan_more(s, SLICE(s->head, s->head_n), 0);
}

void mbn_scan_feed(struct mbn_scan *s, struct slice piece)
{
	if (!s->head_done) {
		size_t n = MIN_OF(piece.n, HEAD_SIZE - s->head_n);

		if (n)
			memcpy(s->head + s->head_n, piece.p, n);
		s->head_n += n;
		s->n += n;
		piece = slice_sub(piece, n, SIZE_MAX);
		if (s->head_n < HEAD_SIZE)
			return;
		head_finish(s);
	}
	scan_more(s, piece, s->n);
	s->n += piece.n;
}

/* Where the code is linked to says more than a name in its text, which may come from shared source.
 */
static enum mbn_kind streaming_kind(const struct mbn_scan *s)
{
	if (s->entry >= DDR_BASE && s->entry < DDR_END)
		return MBN_STREAMING_NPRG;
	if (s->entry >= OCRAM_BASE && s->entry < OCRAM_END)
		return MBN_STREAMING_ENPRG;
	if ((s->texts & TEXT_NPRG) && !(s->texts & TEXT_ENPRG))
		return MBN_STREAMING_NPRG;
	return MBN_STREAMING_ENPRG;
}

static enum mbn_kind kind_of(const struct mbn_scan *s)
{
	if (s->is_sbl)
		return MBN_SBL;
	/* A log or an XML file may hold the same texts. */
	if (!s->is_elf && !s->is_mbn)
		return MBN_UNKNOWN;
	if (s->texts & TEXT_FIREHOSE)
		return MBN_FIREHOSE;
	if (s->texts & TEXT_STREAMING)
		return streaming_kind(s);
	return s->is_elf ? MBN_ELF_OTHER : MBN_UNKNOWN;
}

static void targets_list(const struct mbn_scan *s, char *out, size_t cap)
{
	struct writer w = writer_of(out, cap - 1);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		const char *name = targets[i][0];

		if (!(s->target_bits & 1u << i) ||
		    slice_find(writer_slice(&w), SLICE(name, strlen(name))) != SIZE_MAX)
			continue;
		if (w.n + (w.n != 0) + strlen(name) > w.cap)
			break;
		if (w.n)
			wr_str(&w, ",");
		wr_str(&w, name);
	}
	out[w.n] = '\0';
}

static int family_of(const struct mbn_scan *s)
{
	bool a = (s->texts & TEXT_FAMILY_A) || (s->target_bits & 1u << TARGET_9X07);
	bool b = s->texts & TEXT_FAMILY_B;

	return a == b ? 0 : a ? 'A' : 'B';
}

void mbn_scan_end(struct mbn_scan *s, struct mbn_info *ret)
{
	head_finish(s);
	*ret = (struct mbn_info){
		.kind = kind_of(s),
		.is_elf = s->is_elf,
		.is_elf64 = s->is_elf64,
		.is_truncated = s->is_elf && s->extent > s->n,
		.is_signed = s->has_cert,
		.has_hwid = s->has_cert && s->has_hwid,
		.entry = s->entry,
	};
	if (ret->has_hwid)
		ret->hwid = s->hwid;
	if (ret->kind == MBN_FIREHOSE)
		ret->family = family_of(s);
	targets_list(s, ret->target, sizeof(ret->target));
}

const char *mbn_kind_text(enum mbn_kind kind)
{
	static const char *const texts[] = {
		[MBN_UNKNOWN] = "no programmer",
		[MBN_FIREHOSE] = "Firehose programmer",
		[MBN_STREAMING_NPRG] = "NPRG streaming programmer (not Firehose)",
		[MBN_STREAMING_ENPRG] = "ENPRG streaming programmer (not Firehose)",
		[MBN_SBL] = "NAND boot image (SBL), no programmer",
		[MBN_ELF_OTHER] = "ELF image, no programmer",
	};

	return (unsigned)kind < ARRAY_SIZE(texts) ? texts[kind] : texts[MBN_UNKNOWN];
}
