/* Programmer files, sparse images and the XML of firmware packages. */
#include "tests/unit/unit.h"

#include "image/mbn.h"
#include "image/nand_source.h"
#include "image/rawprogram.h"
#include "image/sparse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- programmers ---- */

#define ELF_SIZE 0x3400u

/* Three program headers as in the field: headers, hash segment at 0x1000, code at 0x3000. */
static void put_elf(uint8_t *p, bool is64, uint64_t entry)
{
	static const struct {
		uint32_t off, size, flags;
	} seg[] = { { 0, 0x94, 7u << 24 }, { 0x1000, 0x1988, 2u << 24 }, { 0x3000, 0x400, 5 } };
	unsigned i;

	memset(p, 0, ELF_SIZE);
	memcpy(p, "\x7f" "ELF", 4);
	p[4] = is64 ? 2 : 1;
	p[5] = 1;
	if (is64) {
		put_le64(p + 24, entry);
		put_le64(p + 32, 64);
		put_le16(p + 54, 56);
		put_le16(p + 56, 3);
	} else {
		put_le32(p + 24, (uint32_t)entry);
		put_le32(p + 28, 52);
		put_le16(p + 42, 32);
		put_le16(p + 44, 3);
	}
	for (i = 0; i < 3; i++) {
		if (is64) {
			uint8_t *h = p + 64 + 56 * i;

			put_le32(h + 4, seg[i].flags);
			put_le64(h + 8, seg[i].off);
			put_le64(h + 32, seg[i].size);
		} else {
			uint8_t *h = p + 52 + 32 * i;

			put_le32(h + 4, seg[i].off);
			put_le32(h + 16, seg[i].size);
			put_le32(h + 24, seg[i].flags);
		}
	}
}

static void put_text(uint8_t *p, size_t off, const char *text)
{
	memcpy(p + off, text, strlen(text));
}

static void put_cert(uint8_t *p, size_t off, const char *ou)
{
	static const uint8_t der[] = { 0x30, 0x82, 0x04, 0x00, 0x30, 0x82, 0x03, 0x00,
				       0xA0, 0x03, 0x02, 0x01, 0x02 };

	memcpy(p + off, der, sizeof(der));
	put_text(p, off + 100, ou);
}

/* The same verdict whatever the pieces are. */
static struct mbn_info scan(const uint8_t *p, size_t n)
{
	static const size_t pieces[] = { SIZE_MAX, 4096, 61, 64, 65, 7, 1 };
	struct mbn_info first = { 0 }, info;
	size_t i, at;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct mbn_scan *s;
		struct err e = ERR_INIT;

		assert_ok(mbn_scan_new(&s, &e), e);
		for (at = 0; at < n; at += MIN_OF(pieces[i], n - at))
			mbn_scan_feed(s, slice_sub(SLICE(p, n), at, pieces[i]));
		memset(&info, 0, sizeof(info));
		mbn_scan_end(s, &info);
		mbn_scan_free(s);
		if (i == 0)
			first = info;
		assert_int_equal(info.kind, first.kind);
		assert_int_equal(info.is_signed, first.is_signed);
		assert_int_equal(info.has_hwid, first.has_hwid);
		assert_int_equal(info.hwid, first.hwid);
		assert_int_equal(info.family, first.family);
		assert_string_equal(info.target, first.target);
	}
	return first;
}

static void mbn_firehose_of_both_generations(void **state)
{
	uint8_t *p = malloc(ELF_SIZE);
	struct mbn_info info;

	(void)state;
	put_elf(p, false, 0x08005800);
	put_text(p, 0x3010, "<response value=\"ACK\" />");
	put_text(p, 0x3100, "TargetName=\"9x07\"");
	info = scan(p, ELF_SIZE);
	assert_int_equal(info.kind, MBN_FIREHOSE);
	assert_int_equal(info.family, 'A');
	assert_string_equal(info.target, "9x07");
	assert_true(info.is_elf && !info.is_elf64);
	assert_false(info.is_signed);
	assert_false(info.is_truncated);
	assert_int_equal(info.entry, 0x08005800);
	put_elf(p, true, 0x1481d000);
	put_text(p, 0x3010, "Supported Functions (");
	put_text(p, 0x3100, "DEVPRG");
	put_text(p, 0x3200, "sdxlemur SDX62");
	info = scan(p, ELF_SIZE);
	assert_int_equal(info.kind, MBN_FIREHOSE);
	assert_int_equal(info.family, 'B');
	assert_true(info.is_elf64);
	assert_string_equal(info.target, "SDX62");
	assert_int_equal(info.entry, 0x1481d000);
	/* Firehose, but nothing tells the generation */
	put_elf(p, false, 0x08005800);
	put_text(p, 0x3010, "<response value=");
	assert_int_equal(scan(p, ELF_SIZE).family, 0);
	free(p);
}

static void mbn_entry_tells_nprg_from_enprg(void **state)
{
	uint8_t *p = malloc(ELF_SIZE);

	(void)state;
	put_elf(p, false, 0x80000028);
	put_text(p, 0x3010, "QCOM fast download protocol host");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_NPRG);
	put_text(p, 0x3100, "ENPRG9x07");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_NPRG);
	put_elf(p, false, 0x08006050);
	put_text(p, 0x3010, "QCOM fast download protocol host");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_ENPRG);
	/* An address that says nothing: the name in the text does. */
	put_elf(p, false, 0x20000000);
	put_text(p, 0x3010, "QCOM fast download protocol host");
	put_text(p, 0x3100, "NPRG9x15");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_NPRG);
	put_text(p, 0x3200, "ENPRG9x15");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_ENPRG);
	/* The old 40-byte header without ELF. */
	memset(p, 0, ELF_SIZE);
	put_le32(p, 7);
	put_le32(p + 4, 3);
	put_le32(p + 12, 0x80000000);
	put_text(p, 0x3010, "QCOM fast download protocol host");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_STREAMING_NPRG);
	free(p);
}

static void mbn_other_files_are_no_programmers(void **state)
{
	static const char xml[] = "<?xml?><data><response value=\"ACK\"/>QCOM fast download protocol host";
	uint8_t *p = calloc(1, ELF_SIZE);

	(void)state;
	assert_int_equal(scan(p, 0).kind, MBN_UNKNOWN);
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_UNKNOWN);
	assert_int_equal(scan((const uint8_t *)xml, sizeof(xml)).kind, MBN_UNKNOWN);
	put_le32(p, 0x844BDCD1);
	put_le32(p + 4, 0x73D71034);
	put_text(p, 0x3010, "<response value=");
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_SBL);
	put_elf(p, false, 0x08005800);
	assert_int_equal(scan(p, ELF_SIZE).kind, MBN_ELF_OTHER);
	free(p);
}

static void mbn_signature_and_chip_come_from_the_hash_segment(void **state)
{
	uint8_t *p = malloc(ELF_SIZE);
	struct mbn_info info;
	int is64;

	(void)state;
	for (is64 = 0; is64 < 2; is64++) {
		put_elf(p, is64, 0x08005800);
		put_text(p, 0x3010, "<response value=");
		put_cert(p, 0x1200, "02 000480E100420001 HW_ID 04 0042 OEM_ID");
		info = scan(p, ELF_SIZE);
		assert_true(info.is_signed);
		assert_true(info.has_hwid);
		assert_int_equal(info.hwid, 0x000480E100420001);
		/* All zeros is no chip. */
		put_cert(p, 0x1200, "02 0000000000000000 HW_ID 04 0042 OEM_ID");
		info = scan(p, ELF_SIZE);
		assert_true(info.is_signed);
		assert_false(info.has_hwid);
		/* The same bytes in the code are the programmer's own root certificate or a text. */
		put_elf(p, is64, 0x08005800);
		put_cert(p, 0x3100, "02 000480E100420001 HW_ID");
		info = scan(p, ELF_SIZE);
		assert_false(info.is_signed);
		assert_false(info.has_hwid);
		/* Digits that are none */
		put_elf(p, is64, 0x08005800);
		put_cert(p, 0x1200, "02 00048 E100420001 HW_ID");
		assert_false(scan(p, ELF_SIZE).has_hwid);
	}
	free(p);
}

/* A file cut anywhere is reported, and never read past its end. */
static void mbn_truncated_files_are_reported(void **state)
{
	uint8_t *p = malloc(ELF_SIZE);
	size_t n;

	(void)state;
	put_elf(p, true, 0x08005800);
	for (n = 5; n < ELF_SIZE; n += n < 300 ? 1 : 997) {
		struct mbn_scan *s;
		struct mbn_info info;
		struct err e = ERR_INIT;
		uint8_t *cut = malloc(n);

		memcpy(cut, p, n);
		assert_ok(mbn_scan_new(&s, &e), e);
		mbn_scan_feed(s, SLICE(cut, n));
		mbn_scan_end(s, &info);
		mbn_scan_free(s);
		free(cut);
		if (n >= 6)
			assert_true(info.is_truncated);
	}
	/* A segment whose end does not fit 64 bits */
	put_le64(p + 64 + 56 * 2 + 8, UINT64_MAX - 1);
	assert_true(scan(p, ELF_SIZE).is_truncated);
	free(p);
}

/* Every position of a cut through every text. */
static void mbn_texts_are_found_across_every_cut(void **state)
{
	uint8_t *p = malloc(ELF_SIZE);
	size_t cut;

	(void)state;
	put_elf(p, false, 0x80000028);
	put_text(p, 0x0FF0, "QCOM fast download protocol host");
	put_cert(p, 0x1100, "02 000480E100420001 HW_ID");
	for (cut = 0x0FE0; cut < 0x1200; cut++) {
		struct mbn_scan *s;
		struct mbn_info info;
		struct err e = ERR_INIT;

		assert_ok(mbn_scan_new(&s, &e), e);
		mbn_scan_feed(s, SLICE(p, cut));
		mbn_scan_feed(s, SLICE(p + cut, ELF_SIZE - cut));
		mbn_scan_end(s, &info);
		mbn_scan_free(s);
		assert_int_equal(info.kind, MBN_STREAMING_NPRG);
		assert_int_equal(info.hwid, 0x000480E100420001);
	}
	free(p);
}

/* ---- sparse ---- */

static size_t put_sparse_head(uint8_t *p, uint32_t block, uint32_t blocks, uint32_t chunks)
{
	put_le32(p, 0xED26FF3A);
	put_le16(p + 4, 1);
	put_le16(p + 6, 0);
	put_le16(p + 8, 28);
	put_le16(p + 10, 12);
	put_le32(p + 12, block);
	put_le32(p + 16, blocks);
	put_le32(p + 20, chunks);
	put_le32(p + 24, 0);
	return 28;
}

static size_t put_chunk(uint8_t *p, uint16_t type, uint32_t blocks, uint32_t total)
{
	put_le16(p, type);
	put_le16(p + 2, 0);
	put_le32(p + 4, blocks);
	put_le32(p + 8, total);
	return 12;
}

/* raw 1, skip 2, crc, fill 1, raw 0, raw 2 blocks of 512 bytes */
static size_t put_sparse(uint8_t *p)
{
	size_t n = put_sparse_head(p, 512, 6, 6);

	n += put_chunk(p + n, 0xCAC1, 1, 12 + 512);
	memset(p + n, 'A', 512);
	n += 512;
	n += put_chunk(p + n, 0xCAC3, 2, 12);
	n += put_chunk(p + n, 0xCAC4, 0, 16);
	put_le32(p + n, 0x12345678);
	n += 4;
	n += put_chunk(p + n, 0xCAC2, 1, 16);
	memcpy(p + n, "wxyz", 4);
	n += 4;
	n += put_chunk(p + n, 0xCAC1, 0, 12);
	n += put_chunk(p + n, 0xCAC1, 2, 12 + 1024);
	memset(p + n, 'B', 1024);
	return n + 1024;
}

/* Feeds `n` bytes in two pieces; writes a line for each run and the sum of the data to `out`. */
static int sparse_run_all(const uint8_t *p, size_t n, size_t cut, uint32_t sector, uint64_t room, char *out,
			  struct err *e)
{
	struct slice pieces[2] = { SLICE(p, cut), SLICE(p + cut, n - cut) };
	struct sparse s;
	size_t i, data = 0;

	out[0] = '\0';
	sparse_init(&s, sector, room);
	for (i = 0; i < 2; i++) {
		enum sparse_event event;

		while ((event = sparse_next(&s, &pieces[i], e)) != SPARSE_MORE) {
			if (event == SPARSE_FAILED) {
				struct err again = ERR_INIT;

				assert_int_equal(sparse_next(&s, &pieces[i], &again), SPARSE_FAILED);
				return -1;
			}
			if (event == SPARSE_DATA) {
				assert_true(s.data.n > 0);
				assert_true(slice_all(s.data, (uint8_t)(data < 512 ? 'A' : 'B')));
				data += s.data.n;
			} else {
				/* Not one sector beyond what the header announced, even in a broken file. */
				assert_true((s.run.sector + s.run.sectors) * sector <= sparse_output_bytes(&s));
				sprintf(out + strlen(out), "%c%u+%u%.4s ", "rfs"[s.run.kind],
					(unsigned)s.run.sector, (unsigned)s.run.sectors,
					s.run.kind == SPARSE_FILL ? (const char *)s.run.fill : "");
			}
		}
		assert_int_equal(pieces[i].n, 0);
	}
	sprintf(out + strlen(out), "%zu", data);
	return sparse_end(&s, e);
}

static void sparse_runs_do_not_depend_on_the_cuts(void **state)
{
	uint8_t p[4096];
	size_t n = put_sparse(p), cut;
	char out[200];

	(void)state;
	assert_true(sparse_is(SLICE(p, 4)));
	assert_false(sparse_is(SLICE(p, 3)));
	for (cut = 0; cut <= n; cut++) {
		struct err e = ERR_INIT;

		assert_ok(sparse_run_all(p, n, cut, 512, 6 * 512, out, &e), e);
		assert_string_equal(out, "r0+1 s1+2 f3+1wxyz r4+2 1536");
		/* An image that ends here is not whole. */
		if (cut < n)
			assert_err(sparse_run_all(p, cut, cut, 512, 0, out, &e), e, ERR_PROTO);
	}
}

static void sparse_longer_headers_are_passed_over(void **state)
{
	uint8_t p[4096];
	struct err e = ERR_INIT;
	size_t n = put_sparse_head(p, 512, 1, 1), cut;
	char out[200];

	(void)state;
	put_le16(p + 8, 32);
	put_le16(p + 10, 16);
	memset(p + n, 0x55, 4);
	n += 4;
	n += put_chunk(p + n, 0xCAC1, 1, 16 + 512);
	memset(p + n, 0x55, 4);
	n += 4;
	memset(p + n, 'A', 512);
	n += 512;
	for (cut = 0; cut <= n; cut++) {
		assert_ok(sparse_run_all(p, n, cut, 512, 0, out, &e), e);
		assert_string_equal(out, "r0+1 512");
	}
}

static void sparse_hostile_sizes_are_refused(void **state)
{
	static const struct {
		size_t off;
		unsigned width;
		uint32_t value;
		enum err_kind kind;
	} cases[] = {
		{ 0, 4, 0xED26FF3B, ERR_PROTO },   { 4, 2, 2, ERR_UNSUPPORTED },
		{ 8, 2, 27, ERR_PROTO },	   { 8, 2, 0xFFFF, ERR_PROTO },
		{ 10, 2, 11, ERR_PROTO },	   { 10, 2, 0xFFFF, ERR_PROTO },
		{ 12, 4, 0, ERR_PROTO },	   { 12, 4, 510, ERR_PROTO },
		{ 12, 4, 0xFFFFFFFC, ERR_PROTO },  { 16, 4, 7, ERR_MISMATCH },
		{ 16, 4, 0xFFFFFFFF, ERR_MISMATCH }, { 16, 4, 5, ERR_PROTO },
		{ 16, 4, 0, ERR_PROTO },	   { 20, 4, 5, ERR_PROTO },
		{ 20, 4, 7, ERR_PROTO },	   { 20, 4, 0xFFFFFFFF, ERR_PROTO },
		{ 28, 2, 0xCAC5, ERR_PROTO },	   { 32, 4, 2, ERR_PROTO },
		{ 32, 4, 0xFFFFFFFF, ERR_PROTO },  { 36, 4, 0, ERR_PROTO },
		{ 36, 4, 0xFFFFFFFF, ERR_PROTO },  { 28 + 524 + 4, 4, 3, ERR_PROTO },
		{ 28 + 524 + 4, 4, 1, ERR_PROTO }, { 28 + 524 + 12 + 4, 4, 1, ERR_PROTO },
	};
	uint8_t p[4096];
	char out[200];
	size_t i, n;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;

		n = put_sparse(p);
		if (cases[i].width == 2)
			put_le16(p + cases[i].off, (uint16_t)cases[i].value);
		else
			put_le32(p + cases[i].off, cases[i].value);
		if (sparse_run_all(p, n, 0, 512, 6 * 512, out, &e) != -1 || e.kind != cases[i].kind)
			fail_msg("case %zu: %s: %s", i, err_kind_name(e.kind), e.msg);
	}
	n = put_sparse(p);
	struct err e = ERR_INIT;
	assert_err(sparse_run_all(p, n, 0, 4096, 0, out, &e), e, ERR_MISMATCH);
	p[n] = 0;
	assert_err(sparse_run_all(p, n + 1, 0, 512, 0, out, &e), e, ERR_PROTO);
}

/* ---- rawprogram ---- */

static int parse(const char *text, struct rawprogram *r, struct err *e)
{
	return rawprogram_parse(SLICE(text, strlen(text)), r, e);
}

static unsigned count_code(const struct rawprogram *r, enum rawprogram_code code)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; i < r->n_findings; i++)
		n += r->finding[i].code == code;
	return n;
}

#define GEO "PAGES_PER_BLOCK=\"64\" SECTOR_SIZE_IN_BYTES=\"2048\" physical_partition_number=\"0\" "

static void rawprogram_stock_file_reads_and_shows_its_order(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf<?xml version=\"1.0\" ?>\n<data>\n<!-- one line --><!-- and\nmore <program/> -->\n"
		"<program " GEO "filename=\"..\\sbl1.mbn\" label='SBL' num_partition_sectors=\"640\" start_sector=\"0\"/>\n"
		"<program " GEO "filename=\"..\\tz.mbn\" num_partition_sectors=\"768\" start_sector=\"13184\" last_sector=\"13951\"/>\n"
		"<erase " GEO "num_partition_sectors=\"0x300\" start_sector=\"13184\"/>\n"
		"<erase " GEO "num_partition_sectors=\"640\" start_sector=\"0\"/>\n"
		"</data>\n";
	struct rawprogram r;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(parse(text, &r, &e), e);
	assert_int_equal(r.n, 4);
	assert_int_equal(r.entry[0].op, RAWPROGRAM_PROGRAM);
	assert_string_equal(r.entry[0].filename, "../sbl1.mbn");
	assert_string_equal(r.entry[0].label, "SBL");
	assert_int_equal(r.entry[0].count, 640);
	assert_int_equal(r.entry[0].line, 5);
	assert_int_equal(r.entry[1].start.n, 13184);
	assert_true(r.entry[1].has_last_sector && !r.entry[0].has_last_sector);
	assert_int_equal(r.entry[2].op, RAWPROGRAM_ERASE);
	assert_int_equal(r.entry[2].count, 768);
	assert_int_equal(r.entry[2].pages_per_block, 64);
	assert_int_equal(r.entry[2].sector_size, 2048);
	/* In file order SBL and TZ would be erased after they were written. */
	assert_int_equal(count_code(&r, RAWPROGRAM_LATE_ERASE), 2);
	assert_int_equal(r.n_findings, 2);
	rawprogram_fini(&r);
}

static void rawprogram_missing_things_have_documented_defaults(void **state)
{
	static const char text[] =
		"<data><program start_sector=\"0\" filename=\"\" label=\"a\"/>"
		"<program start_sector=\"64\" label=\"A\" filename=\"x.bin\" sparse=\"true\" num_partition_sectors=\"0\"/>"
		"<frobnicate/>"
		"<program start_sector=\"NUM_DISK_SECTORS-33.\" filename=\"gpt_backup0.bin\" num_partition_sectors=\"33\"/></data>";
	struct rawprogram r;
	struct err e = ERR_INIT;
	uint64_t v;

	(void)state;
	assert_ok(parse(text, &r, &e), e);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.entry[0].lun, 0);
	assert_int_equal(r.entry[0].sector_size, 0);
	assert_false(r.entry[0].has_count);
	assert_string_equal(r.entry[0].filename, "");
	assert_true(r.entry[1].sparse);
	assert_false(r.entry[1].has_count);
	assert_int_equal(count_code(&r, RAWPROGRAM_NO_LUN), 3);
	assert_int_equal(count_code(&r, RAWPROGRAM_NO_SECTOR_SIZE), 3);
	assert_int_equal(count_code(&r, RAWPROGRAM_NO_FILENAME), 1);
	assert_int_equal(count_code(&r, RAWPROGRAM_DUPLICATE_LABEL), 1);
	assert_int_equal(count_code(&r, RAWPROGRAM_UNKNOWN_ELEMENT), 1);
	assert_ok(rawprogram_num_resolve(&r.entry[2].start, 1000, 0, &v, &e), e);
	assert_int_equal(v, 967);
	assert_err(rawprogram_num_resolve(&r.entry[2].start, 0, 0, &v, &e), e, ERR_MISMATCH);
	assert_err(rawprogram_num_resolve(&r.entry[2].start, 32, 0, &v, &e), e, ERR_MISMATCH);
	rawprogram_fini(&r);
}

static void rawprogram_vendor_check_is_kept_whole(void **state)
{
	static const char text[] =
		"<data><erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "
		"c_project_name=\"RG500QEA_VH\" d_project_type=\"S&amp;T\" vendor=\"quectel\"/></data>";
	struct rawprogram r;
	struct err e = ERR_INIT;

	(void)state;
	assert_ok(parse(text, &r, &e), e);
	assert_int_equal(r.entry[0].op, RAWPROGRAM_VENDOR);
	assert_string_equal(r.entry[0].vendor_xml,
			    "<erase a_rawdata_start_sector=\"6528\" b_rawdata_num_sector=\"640\" "
			    "c_project_name=\"RG500QEA_VH\" d_project_type=\"S&amp;T\" vendor=\"quectel\"/>");
	assert_int_equal(count_code(&r, RAWPROGRAM_VENDOR_CHECK), 1);
	/* It is a check, so it does not count as an erase of everything. */
	assert_int_equal(count_code(&r, RAWPROGRAM_ERASE_ALL), 0);
	rawprogram_fini(&r);
}

static void rawprogram_dangers_are_found(void **state)
{
	static const struct {
		const char *body;
		enum rawprogram_code code;
	} cases[] = {
		{ "<erase " GEO "start_sector=\"0\"/>", RAWPROGRAM_ERASE_ALL },
		{ "<erase " GEO "start_sector=\"0\" num_partition_sectors=\"0\"/>", RAWPROGRAM_ERASE_ALL },
		{ "<erase " GEO "start_sector=\"576\" num_partition_sectors=\"65\"/>", RAWPROGRAM_UNALIGNED },
		{ "<erase " GEO "start_sector=\"1\" num_partition_sectors=\"64\"/>", RAWPROGRAM_UNALIGNED },
		{ "<program " GEO "start_sector=\"0\" filename=\"a\" num_partition_sectors=\"65\"/>"
		  "<program " GEO "start_sector=\"64\" filename=\"b\" num_partition_sectors=\"64\"/>",
		  RAWPROGRAM_OVERLAP },
		{ "<erase " GEO "start_sector=\"0\" num_partition_sectors=\"64\"/><erase SECTOR_SIZE_IN_BYTES=\"4096\" "
		  "physical_partition_number=\"0\" start_sector=\"64\" num_partition_sectors=\"64\"/>",
		  RAWPROGRAM_MIXED_GEOMETRY },
		{ "<program " GEO "start_sector=\"0\" filename=\"a\" num_partition_sectors=\"64\" last_sector=\"64\"/>",
		  RAWPROGRAM_LAST_SECTOR },
		{ "<program " GEO "start_sector=\"0\" filename=\"..\\..\\..\\etc\\passwd\"/>", RAWPROGRAM_BAD_PATH },
		{ "<program " GEO "start_sector=\"0\" filename=\"/etc/passwd\"/>", RAWPROGRAM_BAD_PATH },
		{ "<program " GEO "start_sector=\"0\" filename=\"c:\\x\"/>", RAWPROGRAM_BAD_PATH },
		{ "<program " GEO "start_sector=\"0\" filename=\"a/../../../../x\"/>", RAWPROGRAM_BAD_PATH },
		{ "<program " GEO "start_sector=\"1280\" filename=\"..\\cefs.mbn\"/>", RAWPROGRAM_FACTORY_EFS },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		struct rawprogram r;
		struct err e = ERR_INIT;

		snprintf(text, sizeof(text), "<data>%s</data>", cases[i].body);
		assert_ok(parse(text, &r, &e), e);
		if (r.n_findings != 1 || r.finding[0].code != cases[i].code)
			fail_msg("case %zu: %zu findings, first %s", i, r.n_findings,
				 r.n_findings ? rawprogram_code_name(r.finding[0].code) : "none");
		assert_true(r.finding[0].text[0] != '\0');
		rawprogram_fini(&r);
	}
}

static void rawprogram_half_understood_files_are_refused(void **state)
{
	static const char *const bad[] = {
		"<data></data>",
		"<data><program filename=\"x\"/></data>",
		"<data><erase num_partition_sectors=\"64\"/></data>",
		"<data><program start_sector=\"-1\"/></data>",
		"<data><program start_sector=\"12x\"/></data>",
		"<data><program start_sector=\"NUM_DISK_SECTORS-\"/></data>",
		"<data><program start_sector=\"NUM_DISK_SECTORS+5\"/></data>",
		"<data><program start_sector=\"NUM_DISK_SECTORS-9999999999999999999999999999999999\"/></data>",
		"<data><program start_sector=\"0\" num_partition_sectors=\"1e3\"/></data>",
		"<data><program start_sector=\"0\" physical_partition_number=\"256\"/></data>",
		"<data><program start_sector=\"99999999999999999999\"/></data>",
		"<data><patch start_sector=\"0\" filename=\"DISK\"/></data>",
		"<data><patch start_sector=\"0\" byte_offset=\"0\" size_in_bytes=\"9\" value=\"0\"/></data>",
		"<data><patch start_sector=\"0\" byte_offset=\"0\" size_in_bytes=\"4\" value=\"CRC32(1,92\"/></data>",
		"<data><patch start_sector=\"0\" byte_offset=\"0\" size_in_bytes=\"4\" value=\"CRC32(,)\"/></data>",
		"<data><patch start_sector=\"0\" byte_offset=\"0\" size_in_bytes=\"4\" value=\"CRC32(1)\"/></data>",
		"<data><program start_sector=\"0\"",
		"",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct rawprogram r;
		struct err e = ERR_INIT;

		if (parse(bad[i], &r, &e) != -1 || e.kind != ERR_PROTO)
			fail_msg("case %zu: %s %s", i, err_kind_name(e.kind), e.msg);
	}
}

static void rawprogram_patches_read_numbers_and_crcs(void **state)
{
	static const char text[] =
		"<?xml version=\"1.0\"?><patches>"
		"<patch SECTOR_SIZE_IN_BYTES=\"2048\" byte_offset=\"484\" filename=\"partition_complete_p2K_b128K.mbn\" "
		"physical_partition_number=\"0\" size_in_bytes=\"4\" start_sector=\"1\" value=\"NUM_DISK_BLOCKS-1458.\"/>"
		"<patch SECTOR_SIZE_IN_BYTES=\"512\" byte_offset=\"88\" filename=\"DISK\" physical_partition_number=\"0\" "
		"size_in_bytes=\"4\" start_sector=\"NUM_DISK_SECTORS-1.\" value=\"CRC32(NUM_DISK_SECTORS-33.,16384)\"/>"
		"<patch SECTOR_SIZE_IN_BYTES=\"512\" byte_offset=\"16\" filename=\"\" physical_partition_number=\"0\" "
		"size_in_bytes=\"4\" start_sector=\"1\" value=\"0\"/></patches>";
	struct rawprogram r;
	struct err e = ERR_INIT;
	uint64_t v;

	(void)state;
	assert_ok(parse(text, &r, &e), e);
	assert_int_equal(r.n, 3);
	assert_int_equal(r.entry[0].byte_offset, 484);
	assert_int_equal(r.entry[0].size_in_bytes, 4);
	assert_false(r.entry[0].is_crc);
	/* The length of the last partition of an EG25-G with 2048 blocks */
	assert_ok(rawprogram_num_resolve(&r.entry[0].value, 2048 * 64, 64, &v, &e), e);
	assert_int_equal(v, 590);
	assert_true(r.entry[1].is_crc);
	assert_int_equal(r.entry[1].crc_bytes, 16384);
	assert_int_equal(r.entry[1].value.base, RAWPROGRAM_FROM_SECTORS);
	assert_int_equal(r.entry[1].value.n, 33);
	assert_int_equal(r.entry[1].start.n, 1);
	assert_int_equal(count_code(&r, RAWPROGRAM_NO_FILENAME), 1);
	rawprogram_fini(&r);
}

static void nand_source_reads_both_units(void **state)
{
	static const char text[] =
		"<?xml version=\"1.0\"?><nandboot><magic_numbers><usr_part_magic1>0xAA7D1B9A</usr_part_magic1></magic_numbers>"
		"<partition_version length=\"4\">0x4</partition_version><partition_table>"
		"<partition><name length=\"16\">0:SBL</name><size_blks>0x8</size_blks><pad_blks> 0x2 </pad_blks>"
		"<which_flash>0</which_flash><attr>0xFF</attr><attr>0x01</attr><attr>0x00</attr><attr>0xFE</attr>"
		"<img_name>sbl1.mbn</img_name></partition>"
		"<partition><name>0:system</name><size_kb>0xFFFFFFFF</size_kb><pad_kb>0xFFFF</pad_kb></partition>"
		"</partition_table></nandboot>";
	static const char *const bad[] = {
		"<nandboot/>",
		"<nandboot><partition><name>0:A</name></partition></nandboot>",
		"<nandboot><partition><size_blks>1</size_blks></partition></nandboot>",
		"<nandboot><partition><name>0:ABCDEFGHIJKLMNO</name><size_blks>1</size_blks></partition></nandboot>",
		"<nandboot><partition><name>0:A</name><size_blks>x</size_blks></partition></nandboot>",
		"<nandboot><partition><name>0:A</name><size_blks>1</size_blks><attr>256</attr></partition></nandboot>",
	};
	struct nand_source s;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	assert_ok(nand_source_parse(SLICE_STR(text), &s, &e), e);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.part[0].name, "0:SBL");
	assert_int_equal(s.part[0].size, 8);
	assert_int_equal(s.part[0].pad, 2);
	assert_false(s.part[0].in_kib);
	assert_int_equal(s.part[0].n_attr, 4);
	assert_int_equal(s.part[0].attr[3], 0xFE);
	assert_string_equal(s.part[0].img_name, "sbl1.mbn");
	assert_true(s.part[1].grows && s.part[1].in_kib);
	assert_string_equal(s.part[1].img_name, "");
	nand_source_fini(&s);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (nand_source_parse(SLICE(bad[i], strlen(bad[i])), &s, &e) != -1 || e.kind != ERR_PROTO)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mbn_firehose_of_both_generations),
		cmocka_unit_test(mbn_entry_tells_nprg_from_enprg),
		cmocka_unit_test(mbn_other_files_are_no_programmers),
		cmocka_unit_test(mbn_signature_and_chip_come_from_the_hash_segment),
		cmocka_unit_test(mbn_truncated_files_are_reported),
		cmocka_unit_test(mbn_texts_are_found_across_every_cut),
		cmocka_unit_test(sparse_runs_do_not_depend_on_the_cuts),
		cmocka_unit_test(sparse_longer_headers_are_passed_over),
		cmocka_unit_test(sparse_hostile_sizes_are_refused),
		cmocka_unit_test(rawprogram_stock_file_reads_and_shows_its_order),
		cmocka_unit_test(rawprogram_missing_things_have_documented_defaults),
		cmocka_unit_test(rawprogram_vendor_check_is_kept_whole),
		cmocka_unit_test(rawprogram_dangers_are_found),
		cmocka_unit_test(rawprogram_half_understood_files_are_refused),
		cmocka_unit_test(rawprogram_patches_read_numbers_and_crcs),
		cmocka_unit_test(nand_source_reads_both_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
