#include "tests/unit/unit.h"

#include "tests/unit/script_link.h"

#include "proto/sahara.h"

#include "base/crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define Z24              "000000000000000000000000000000000000000000000000"
#define HELLO(mode)      GIVE("01000000 30000000 02000000 01000000 00040000 " mode Z24)
#define HELLO_RESP(mode) WANT("02000000 30000000 02000000 01000000 00000000 " mode Z24)
#define TX               "00000000"
#define DUMP             "02000000"
#define CMD              "03000000"
#define NOP              WANT_RAW("<?xml version=\"1.0\" ?><data><nop /></data>", 42)
#define STREAMING_NOP    WANT("7e 09 01020304 5c5b 7e")
#define RESET_STATE      WANT("13000000 08000000")
#define SWITCH           WANT("0c000000 0c000000 00000000")
#define RESET            WANT("07000000 08000000")
#define RESET_RESP       GIVE("08000000 08000000")
#define EOI(id, status)  GIVE("04000000 10000000 " id " " status)
#define DONE             WANT("05000000 08000000")
#define DONE_RESP(more)  GIVE("06000000 0c000000 " more)
#define ID13             "0d000000"
#define ID7              "07000000"

#define IMAGE_SIZE 0x2988

static const uint8_t *image_bytes(void)
{
	static uint8_t bytes[200 * 1024];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i ^ i >> 8);
	return bytes;
}

/* One image in memory, given for one id (or any, with UINT64_MAX). */
struct mem_images {
	struct sahara_images images;
	struct sahara_image image;
	uint64_t id;
	unsigned asked;
	bool broken;
};

static int mem_read_at(struct sahara_image *i, uint64_t off, void *p, size_t n, struct err *e)
{
	struct mem_images *m = container_of(i, struct mem_images, image);

	if (m->broken)
		return err_set(e, ERR_HOST, "disk on fire");
	assert_true(off + n <= i->size);
	memcpy(p, image_bytes() + off, n);
	return 0;
}

static struct sahara_image *mem_for_id(struct sahara_images *i, uint64_t id, struct err *e)
{
	struct mem_images *m = container_of(i, struct mem_images, images);

	m->asked++;
	if (m->id != UINT64_MAX && m->id != id) {
		err_set(e, ERR_MISMATCH, "there is no file for it");
		return NULL;
	}
	return &m->image;
}

static void mem_images_init(struct mem_images *m, uint64_t id, uint64_t size)
{
	memset(m, 0, sizeof(*m));
	m->images.for_id = mem_for_id;
	m->images.count = 1;
	m->image.read_at = mem_read_at;
	m->image.size = size;
	strcpy(m->image.name, "prog.mbn");
	m->id = id;
}

static const struct sahara_opts probing = { .may_probe = true,
					    .hello_ms = 1000,
					    .packet_ms = 1000 };

/* Opens and uploads; the session stays open for questions. */
static int run_upload(struct script_link *link, struct mem_images *m, struct sahara **s,
		      struct err *e)
{
	*s = NULL;
	if (sahara_open(&link->link, &probing, s, e) < 0)
		return -1;
	return sahara_upload(*s, &m->images, NULL, e);
}

/* One whole upload that is expected to end so. Returns the error for a look at its words. */
static struct err upload_ends(const struct script_step *steps, uint64_t id, enum err_kind kind)
{
	struct err e = ERR_INIT;
	struct script_link link;
	struct mem_images m;
	struct sahara *s;

	script_link_init(&link, steps);
	mem_images_init(&m, id, IMAGE_SIZE);
	if (kind == ERR_NONE)
		assert_ok(run_upload(&link, &m, &s, &e), e);
	else
		assert_err(run_upload(&link, &m, &s, &e), e, kind);
	assert_script(&link);
	sahara_close(s);
	return e;
}

#define UPLOAD_STEPS(done)                                                                         \
	HELLO(TX), HELLO_RESP(TX), GIVE("03000000 14000000 0d000000 00000000 34000000"),           \
		WANT_RAW(image_bytes(), 0x34),                                                     \
		GIVE("03000000 14000000 0d000000 34000000 60000000"),                              \
		WANT_RAW(image_bytes() + 0x34, 0x60),                                              \
		GIVE("03000000 14000000 0d000000 00100000 00100000"),                              \
		WANT_RAW(image_bytes() + 0x1000, 0x1000),                                          \
		GIVE("03000000 14000000 0d000000 00200000 88090000"),                              \
		WANT_RAW(image_bytes() + 0x2000, 0x988), EOI(ID13, "00000000"), DONE,              \
		DONE_RESP(done), SCRIPT_DONE

static void upload_mdm9x07_runs_after_done_resp_0(void **state)
{
	const struct script_step steps[] = { UPLOAD_STEPS("00000000") };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;
	size_t piece;

	(void)state;
	for (piece = 0; piece < 50; piece += 7) {
		script_link_init(&link, steps);
		link.piece = piece;
		mem_images_init(&m, 13, IMAGE_SIZE);
		assert_ok(run_upload(&link, &m, &s, &e), e);
		assert_script(&link);
		assert_int_equal(sahara_state(s), SAHARA_RUNNING);
		assert_int_equal(m.asked, 1);
		/* One glance for a HELLO behind the first; and it runs: nothing is left to wait for. */
		assert_int_equal(link.vain, 1);
		/* Only the 0x1000 bytes fill their last packet. */
		assert_int_equal(link.zlps, 1);
		sahara_close(s);
	}
}

static void upload_sdx55_keeps_the_banner_glued_to_done_resp(void **state)
{
	const struct script_step steps[] = {
		HELLO(TX),
		HELLO_RESP(TX),
		GIVE("12000000 20000000 0d00000000000000 4000000000000000 b803000000000000"),
		WANT_RAW(image_bytes() + 0x40, 0x3b8),
		EOI(ID13, "00000000"),
		DONE,
		DONE_RESP("01000000"),
		GIVE("3c3f786d6c20"),
		SCRIPT_DONE
	};
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	link.glue = true;
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(run_upload(&link, &m, &s, &e), e);
	assert_script(&link);
	assert_slice_equal(sahara_early(s), "<?xml ", 6);
	sahara_close(s);
}

static void upload_long_reads_are_one_transfer_to_the_target(void **state)
{
	const struct script_step steps[] = {
		HELLO(TX),
		HELLO_RESP(TX),
		GIVE("12000000 20000000 0d00000000000000 0000000000000000 0000030000000000"),
		WANT_RAW(image_bytes(), 0x30000),
		EOI(ID13, "00000000"),
		DONE,
		DONE_RESP("01000000"),
		SCRIPT_DONE
	};
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, 0x30000);
	assert_ok(run_upload(&link, &m, &s, &e), e);
	assert_script(&link);
	assert_int_equal(link.writes, 3 + 2);
	assert_int_equal(link.zlps, 1);
	assert_int_equal(link.zlp, LINK_ZLP_AUTO);
	sahara_close(s);
}

static void upload_zlp_off_is_obeyed(void **state)
{
	const struct script_step steps[] = { UPLOAD_STEPS("00000000") };
	struct sahara_opts opts = probing;
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	opts.zlp = LINK_ZLP_OFF;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(sahara_open(&link.link, &opts, &s, &e), e);
	assert_ok(sahara_upload(s, &m.images, NULL, &e), e);
	assert_int_equal(link.zlps, 0);
	sahara_close(s);
}

static void upload_done_resp_0_with_more_images_goes_on(void **state)
{
	const struct script_step steps[] = { HELLO(TX),
					     HELLO_RESP(TX),
					     GIVE("03000000 14000000 0d000000 00000000 34000000"),
					     WANT_RAW(image_bytes(), 0x34),
					     EOI(ID13, "00000000"),
					     DONE,
					     DONE_RESP("00000000"),
					     HELLO(TX),
					     HELLO_RESP(TX),
					     GIVE("03000000 14000000 2a000000 00000000 10000000"),
					     WANT_RAW(image_bytes(), 0x10),
					     EOI("2a000000", "00000000"),
					     DONE,
					     DONE_RESP("00000000"),
					     SILENT,
					     SCRIPT_DONE };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	mem_images_init(&m, UINT64_MAX, IMAGE_SIZE);
	m.images.count = 2;
	assert_err(run_upload(&link, &m, &s, &e), e, ERR_TIMEOUT);
	assert_script(&link);
	assert_int_equal(m.asked, 2);
	assert_non_null(strstr(e.msg, "announced another image after 2"));
	sahara_close(s);
	/* A single image with an id that has no rule: silence after DONE_RESP 0 means that it runs.
	 */
	script_link_init(&link, steps + 7);
	mem_images_init(&m, UINT64_MAX, IMAGE_SIZE);
	assert_ok(run_upload(&link, &m, &s, &e), e);
	assert_script(&link);
	assert_int_equal(sahara_state(s), SAHARA_RUNNING);
	sahara_close(s);
}

static void upload_answers_repeated_hellos_and_merges_queued_ones(void **state)
{
	const struct script_step again[] = { HELLO(TX),
					     HELLO_RESP(TX),
					     HELLO(TX),
					     HELLO_RESP(TX),
					     HELLO(TX),
					     HELLO_RESP(TX),
					     GIVE("03000000 14000000 0d000000 00000000 34000000"),
					     WANT_RAW(image_bytes(), 0x34),
					     EOI(ID13, "00000000"),
					     DONE,
					     DONE_RESP("00000000"),
					     SCRIPT_DONE };
	const struct script_step queued[] = { HELLO(DUMP),
					      HELLO(TX),
					      HELLO_RESP(TX),
					      GIVE("03000000 14000000 0d000000 00000000 34000000"),
					      WANT_RAW(image_bytes(), 0x34),
					      EOI(ID13, "00000000"),
					      DONE,
					      DONE_RESP("00000000"),
					      SCRIPT_DONE };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	upload_ends(again, 13, ERR_NONE);
	script_link_init(&link, queued);
	link.glue = true;
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(run_upload(&link, &m, &s, &e), e);
	assert_script(&link);
	sahara_close(s);
}

static void upload_endless_hellos_end(void **state)
{
	struct script_step steps[101] = { { SCRIPT_END, NULL, NULL, 0 } };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		steps[i] = (struct script_step)HELLO(TX);
	script_link_init(&link, steps);
	link.loose = true;
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_err(run_upload(&link, &m, &s, &e), e, ERR_PROTO);
	sahara_close(s);
}

static void upload_end_of_image_errors_come_in_words(void **state)
{
	const struct script_step steps[] = { HELLO(TX),
					     HELLO_RESP(TX),
					     GIVE("03000000 14000000 0d000000 00000000 34000000"),
					     WANT_RAW(image_bytes(), 0x34),
					     EOI(ID13, "21000000"),
					     SCRIPT_DONE };
	struct err e = upload_ends(steps, 13, ERR_REFUSED);

	(void)state;
	assert_int_equal(e.code, 0x21);
	assert_string_equal(e.msg,
			    "target refused 'prog.mbn' (image 13) after 52 of 10632 bytes, status "
			    "0x21: hash table authentication failed (secure boot: the programmer "
			    "is signed for another chip); reset it before the next try");
}

static void upload_silence_after_the_last_segment_is_secure_boot(void **state)
{
	const struct script_step last[] = { HELLO(TX),
					    HELLO_RESP(TX),
					    GIVE("03000000 14000000 0d000000 00200000 88090000"),
					    WANT_RAW(image_bytes() + 0x2000, 0x988),
					    SILENT,
					    SCRIPT_DONE };
	const struct script_step left[] = { HELLO(TX),
					    HELLO_RESP(TX),
					    GIVE("03000000 14000000 0d000000 00200000 88090000"),
					    WANT_RAW(image_bytes() + 0x2000, 0x988),
					    GONE,
					    SCRIPT_DONE };
	const struct script_step middle[] = { HELLO(TX),
					      HELLO_RESP(TX),
					      GIVE("03000000 14000000 0d000000 00000000 00100000"),
					      WANT_RAW(image_bytes(), 0x1000),
					      SILENT,
					      SCRIPT_DONE };
	struct err e = upload_ends(last, 13, ERR_REFUSED);

	(void)state;
	assert_int_equal(e.code, 0x25);
	assert_non_null(strstr(e.msg, "secure boot"));
	e = upload_ends(left, 13, ERR_GONE);
	assert_non_null(strstr(e.msg, "secure boot"));
	e = upload_ends(middle, 13, ERR_TIMEOUT);
	assert_null(strstr(e.msg, "secure boot"));
	assert_non_null(strstr(e.msg, "stopped after 4096 of 10632 bytes"));
}

static void upload_hostile_numbers_reset_the_target(void **state)
{
	static const struct {
		const char *read;
		enum err_kind kind;
	} bad[] = {
		/* length 0, length 0xffffffff, one byte past the end, offset past the end */
		{ "03000000 14000000 0d000000 00000000 00000000", ERR_PROTO },
		{ "03000000 14000000 0d000000 00000000 ffffffff", ERR_MISMATCH },
		{ "03000000 14000000 0d000000 00000000 89290000", ERR_MISMATCH },
		{ "03000000 14000000 0d000000 ffffffff 01000000", ERR_MISMATCH },
		{ "03000000 14000000 0d000000 ffffffff ffffffff", ERR_MISMATCH },
		/* offset + count past 64 bits, into plausible numbers and to exactly 0 */
		{ "12000000 20000000 0d00000000000000 ffffffffffffffff 1100000000000000",
		  ERR_PROTO },
		{ "12000000 20000000 0d00000000000000 0100000000000000 ffffffffffffffff",
		  ERR_PROTO },
		{ "12000000 20000000 0d00000000000000 0000000000000000 ffffffffffffffff",
		  ERR_MISMATCH },
		/* an image that does not exist; one whose low word would fit */
		{ "03000000 14000000 0e000000 00000000 34000000", ERR_MISMATCH },
		{ "12000000 20000000 0d00000001000000 0000000000000000 3400000000000000",
		  ERR_MISMATCH },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct script_step steps[] = { HELLO(TX), HELLO_RESP(TX), GIVE(bad[i].read),
						     RESET,     RESET_RESP,     SCRIPT_DONE };

		upload_ends(steps, 13, bad[i].kind);
	}
}

static void upload_reading_for_ever_ends(void **state)
{
	struct script_step steps[200] = { HELLO(TX) };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 1; i < 199; i++)
		steps[i] = (struct script_step)GIVE("03000000 14000000 0d000000 00000000 00200000");
	script_link_init(&link, steps);
	link.loose = true;
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_err(run_upload(&link, &m, &s, &e), e, ERR_PROTO);
	assert_non_null(strstr(e.msg, "over and over"));
	sahara_close(s);
}

static void upload_unknown_packets_are_named(void **state)
{
	const struct script_step unknown[] = { HELLO(TX), HELLO_RESP(TX),
					       GIVE("4e000000 0c000000 01020304"), SCRIPT_DONE };
	const struct script_step misplaced[] = { HELLO(TX), HELLO_RESP(TX),
						 GIVE("0e000000 10000000 01000000 04000000"),
						 SCRIPT_DONE };
	const struct script_step garbage[] = { HELLO(TX), HELLO_RESP(TX),
					       GIVE("deadbeef deadbeef 00"), SCRIPT_DONE };
	struct err e = upload_ends(unknown, 13, ERR_PROTO);

	(void)state;
	assert_non_null(strstr(e.msg, "packet 0x4e"));
	e = upload_ends(misplaced, 13, ERR_PROTO);
	assert_non_null(strstr(e.msg, "EXECUTE_RESP"));
	e = upload_ends(garbage, 13, ERR_PROTO);
	assert_non_null(strstr(e.msg, "deadbeefdeadbeef00"));
}

static void upload_host_file_errors_name_the_file(void **state)
{
	const struct script_step steps[] = { HELLO(TX), HELLO_RESP(TX),
					     GIVE("03000000 14000000 0d000000 00000000 34000000"),
					     SCRIPT_DONE };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, IMAGE_SIZE);
	m.broken = true;
	assert_err(run_upload(&link, &m, &s, &e), e, ERR_HOST);
	assert_non_null(strstr(e.msg, "'prog.mbn'"));
	sahara_close(s);
}

/* The happy conversation with one mishap at each step in turn: never a hang, never a success, and
 * the kind tells what happened. */
static void upload_mishaps_at_each_step_fail_by_kind(void **state)
{
	const struct script_step good[] = { UPLOAD_STEPS("00000000") };
	const struct script_step mishaps[] = { GONE, SILENT, STALL, GIVE("ff00ff00 ffffffff ff"),
					       EOI("00000000", "01000000") };
	struct script_step steps[ARRAY_SIZE(good)];
	size_t i, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(mishaps); k++) {
		for (i = 0; i + 1 < ARRAY_SIZE(good); i++) {
			struct script_link link;
			struct mem_images m;
			struct sahara *s;
			struct err e = ERR_INIT;

			memcpy(steps, good, sizeof(good));
			steps[i] = mishaps[k];
			steps[i + 1] = (struct script_step)SCRIPT_DONE;
			script_link_init(&link, steps);
			link.loose = true;
			mem_images_init(&m, 13, IMAGE_SIZE);
			assert_int_equal(run_upload(&link, &m, &s, &e), -1);
			assert_true(e.msg[0] != '\0');
			if (mishaps[k].what == SCRIPT_GONE)
				assert_int_equal(e.kind, ERR_GONE);
			/* Silence in front of DONE is not secure boot: see the step before. */
			else if (mishaps[k].what == SCRIPT_SILENT && i < 10)
				assert_int_equal(e.kind, ERR_TIMEOUT);
			else if (mishaps[k].what == SCRIPT_STALL && i > 0)
				assert_int_equal(e.kind, ERR_LINK);
			else if (mishaps[k].hex && good[i].what == SCRIPT_GIVE)
				assert_int_equal(e.kind, k == 3 ? ERR_PROTO : ERR_REFUSED);
			sahara_close(s);
		}
	}
}

static void upload_is_cancelled_between_packets(void **state)
{
	const struct script_step steps[] = { UPLOAD_STEPS("00000000") };
	struct cancel stop = { 0 };
	struct sahara_opts opts = probing;
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	opts.cancel = &stop;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(sahara_open(&link.link, &opts, &s, &e), e);
	stop.signal = 2;
	assert_err(sahara_upload(s, &m.images, NULL, &e), e, ERR_CANCELLED);
	assert_int_equal(link.writes, 0);
	/* Resetting the target is still possible. */
	link.loose = true;
	assert_err(sahara_reset(s, &e), e, ERR_TIMEOUT);
	assert_int_equal(link.writes, 1);
	sahara_close(s);
}

#define EXEC(id, len, data)                                                                        \
	WANT("0d000000 0c000000 " id), GIVE("0e000000 10000000 " id " " len),                      \
		WANT("0f000000 0c000000 " id), GIVE(data)
#define EXEC_REFUSED(id) WANT("0d000000 0c000000 " id), EOI("00000000", "1f000000")
#define PKHASH           "cc3153a80293939b90d02d3bf8b23e0292e452fef662c74998421adad42a380f"

static void identify_reads_what_the_chip_tells_and_comes_back(void **state)
{
	static const struct script_step steps[] = { HELLO(TX),
						    HELLO_RESP(CMD),
						    GIVE("0b000000 08000000"),
						    EXEC("01000000", "04000000", "4d3c2b1a"),
						    EXEC("02000000", "08000000",
							 "00000000e1800400"),
						    EXEC("03000000", "20000000", PKHASH),
						    EXEC_REFUSED("07000000"),
						    SWITCH,
						    HELLO(TX),
						    SCRIPT_DONE };
	struct script_link link;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;
	size_t piece;

	(void)state;
	for (piece = 0; piece < 20; piece += 3) {
		script_link_init(&link, steps);
		link.piece = piece;
		assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
		assert_ok(sahara_identify(s, &id, &e), e);
		assert_script(&link);
		assert_int_equal(sahara_state(s), SAHARA_WAITING);
		assert_int_equal(id.sahara_version, 2);
		assert_true(id.has_serial && id.serial == 0x1a2b3c4d);
		assert_true(id.has_hwid && id.msm_id == 0x000480e1);
		assert_true(id.oem_id == 0 && id.model_id == 0);
		assert_int_equal(id.pkhash_len, 32);
		assert_true(chip_pkhash_is_unfused(&id));
		assert_false(id.has_sbl_version);
		sahara_close(s);
	}
}

static void identify_version_3_uses_the_chip_id_command(void **state)
{
	static const struct script_step steps[] = {
		GIVE("01000000 30000000 03000000 01000000 00040000 00000000" Z24),
		WANT("02000000 30000000 03000000 01000000 00000000 03000000" Z24),
		GIVE("0b000000 08000000"),
		EXEC("01000000", "08000000", "4d3c2b1a43040000"),
		EXEC("0a000000", "30000000",
		     "43040000" Z24 "0000000000000000 e1901900 0000 3412 0400 0000"),
		EXEC_REFUSED("03000000"),
		EXEC("07000000", "04000000", "05000000"),
		SWITCH,
		GIVE("01000000 30000000 03000000 01000000 00040000 00000000" Z24),
		SCRIPT_DONE
	};
	struct script_link link;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_ok(sahara_identify(s, &id, &e), e);
	assert_script(&link);
	assert_true(id.serial == 0x000004431a2b3c4dull);
	assert_int_equal(id.msm_id, 0x001990e1);
	assert_int_equal(id.oem_id, 4);
	assert_int_equal(id.model_id, 0x1234);
	assert_int_equal(id.pkhash_len, 0);
	assert_int_equal(id.sbl_version, 5);
	sahara_close(s);
}

static void identify_lengths_out_of_reason_are_left_alone(void **state)
{
	static const struct script_step steps[] = {
		HELLO(TX), HELLO_RESP(CMD), GIVE("0b000000 08000000"),
		WANT("0d000000 0c000000 01000000"), GIVE("0e000000 10000000 01000000 ffffffff"),
		WANT("0d000000 0c000000 02000000"), GIVE("0e000000 10000000 02000000 00000000"),
		/* A refusal where the result was due, and a serial too short to be one. */
		WANT("0d000000 0c000000 03000000"), GIVE("0e000000 10000000 03000000 20000000"),
		WANT("0f000000 0c000000 03000000"), EOI("00000000", "20000000"),
		EXEC("07000000", "03000000", "010203"), SWITCH, HELLO(TX), SCRIPT_DONE
	};
	struct script_link link;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_ok(sahara_identify(s, &id, &e), e);
	assert_script(&link);
	assert_false(id.has_serial || id.has_hwid || id.has_sbl_version);
	assert_int_equal(id.pkhash_len, 0);
	sahara_close(s);
}

static void identify_without_command_mode_leaves_the_session_usable(void **state)
{
	const struct script_step steps[] = {
		HELLO(TX), HELLO_RESP(CMD), EOI("00000000", "18000000"),
		/* The target is in its error state: the next answer fails too, a fresh start works.
		 */
		HELLO_RESP(TX), EOI("00000000", "01000000"), RESET_STATE, HELLO(TX), HELLO_RESP(TX),
		GIVE("03000000 14000000 0d000000 00000000 34000000"), WANT_RAW(image_bytes(), 0x34),
		EOI(ID13, "00000000"), DONE, DONE_RESP("01000000"), SCRIPT_DONE
	};
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_err(sahara_identify(s, &id, &e), e, ERR_UNSUPPORTED);
	assert_int_equal(e.code, 0x18);
	assert_ok(sahara_upload(s, &m.images, NULL, &e), e);
	assert_script(&link);
	sahara_close(s);
}

static void identify_version_1_is_not_even_asked(void **state)
{
	static const struct script_step steps[] = {
		GIVE("01000000 30000000 01000000 01000000 00040000 00000000" Z24), SCRIPT_DONE
	};
	struct script_link link;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_err(sahara_identify(s, &id, &e), e, ERR_UNSUPPORTED);
	assert_script(&link);
	sahara_close(s);
}

static void identify_mishaps_at_each_step_fail_by_kind(void **state)
{
	static const struct script_step good[] = { HELLO(TX),
						   HELLO_RESP(CMD),
						   GIVE("0b000000 08000000"),
						   EXEC("01000000", "04000000", "4d3c2b1a"),
						   EXEC("02000000", "08000000", "00000000e1800400"),
						   EXEC("03000000", "20000000", PKHASH),
						   EXEC("07000000", "04000000", "01000000"),
						   SWITCH,
						   HELLO(TX),
						   SCRIPT_DONE };
	static const struct script_step mishaps[] = { GONE, SILENT, STALL };
	static const enum err_kind kinds[] = { ERR_GONE, ERR_TIMEOUT, ERR_LINK };
	struct script_step steps[ARRAY_SIZE(good)];
	size_t i, k;

	(void)state;
	for (k = 0; k < ARRAY_SIZE(mishaps); k++) {
		for (i = 1; i + 1 < ARRAY_SIZE(good); i++) {
			struct script_link link;
			struct sahara *s;
			struct chip_id id;
			struct err e = ERR_INIT;

			memcpy(steps, good, sizeof(good));
			steps[i] = mishaps[k];
			steps[i + 1] = (struct script_step)SCRIPT_DONE;
			script_link_init(&link, steps);
			link.loose = true;
			memset(&id, 0xa5, sizeof(id));
			/* The glance behind the first HELLO meets the first mishap. */
			if (sahara_open(&link.link, &probing, &s, &e) < 0) {
				assert_int_equal(i, 1);
				assert_int_equal(e.kind, kinds[k]);
				continue;
			}
			assert_err(sahara_identify(s, &id, &e), e, kinds[k]);
			assert_true(slice_all(SLICE(&id, sizeof(id)), 0xa5));
			sahara_close(s);
		}
	}
}

/* Two HELLOs in transfers of their own: answering both would make the second answer image data. */
static void a_hello_behind_a_hello_gets_no_answer_of_its_own(void **state)
{
	static const struct script_step steps[] = { HELLO(TX), HELLO(TX), SCRIPT_DONE };
	struct script_link link;
	struct sahara *s;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_script(&link);
	sahara_close(s);
}

static void open_finds(const struct script_step *steps, const struct sahara_opts *opts,
		       enum sahara_state want, const char *early)
{
	struct script_link link;
	struct sahara *s;
	struct err e = ERR_INIT;

	script_link_init(&link, steps);
	assert_ok(sahara_open(&link.link, opts, &s, &e), e);
	assert_script(&link);
	assert_int_equal(sahara_state(s), want);
	assert_slice_equal(sahara_early(s), early, strlen(early));
	sahara_close(s);
}

static struct err open_fails(const struct script_step *steps, const struct sahara_opts *opts,
			     enum err_kind kind)
{
	struct script_link link;
	struct sahara *s;
	struct err e = ERR_INIT;

	script_link_init(&link, steps);
	assert_err(sahara_open(&link.link, opts, &s, &e), e, kind);
	assert_script(&link);
	return e;
}

static void ladder_each_rung_can_find_the_target(void **state)
{
	static const struct script_step late[] = { SILENT, RECOVER, HELLO(TX), SCRIPT_DONE };
	static const struct script_step stalled[] = { STALL, RECOVER, HELLO(CMD), SCRIPT_DONE };
	static const struct script_step banner[] = { GIVE_RAW("<?xml log", 9), SCRIPT_DONE };
	static const struct script_step middle[] = { GIVE_RAW("alue=\"x\"/></data><?xml v", 24),
						     SCRIPT_DONE };
	static const struct script_step nop[] = {
		SILENT, RECOVER, SILENT, NOP, GIVE_RAW("<?xml ACK", 9), SCRIPT_DONE
	};
	static const struct script_step resp[] = {
		SILENT,
		RECOVER,
		SILENT,
		NOP,
		SILENT,
		HELLO_RESP(TX),
		GIVE("03000000 14000000 0d000000 00000000 34000000"),
		SCRIPT_DONE
	};
	static const struct script_step machine[] = { SILENT,     RECOVER,     SILENT,
						      NOP,        SILENT,      HELLO_RESP(TX),
						      SILENT,     RESET_STATE, HELLO(TX),
						      SCRIPT_DONE };
	/* A target that says END_OF_IMAGE is not shown XML. */
	static const struct script_step error[] = { EOI("00000000", "01000000"), RESET_STATE,
						    HELLO(TX), SCRIPT_DONE };
	static const struct script_step command[] = {
		EOI("00000000", "01000000"), RESET_STATE, SILENT, SWITCH, HELLO(TX), SCRIPT_DONE
	};
	static const struct script_step streaming[] = { SILENT,
							RECOVER,
							SILENT,
							NOP,
							SILENT,
							HELLO_RESP(TX),
							SILENT,
							RESET_STATE,
							SILENT,
							SWITCH,
							SILENT,
							STREAMING_NOP,
							GIVE("7e0a01020304"),
							SCRIPT_DONE };

	(void)state;
	open_finds(late, &probing, SAHARA_WAITING, "");
	open_finds(stalled, &probing, SAHARA_COMMAND, "");
	open_finds(banner, &probing, SAHARA_FIREHOSE, "<?xml log");
	open_finds(middle, &probing, SAHARA_FIREHOSE, "<?xml v");
	open_finds(nop, &probing, SAHARA_FIREHOSE, "<?xml ACK");
	open_finds(resp, &probing, SAHARA_WAITING, "");
	open_finds(machine, &probing, SAHARA_WAITING, "");
	open_finds(error, &probing, SAHARA_WAITING, "");
	open_finds(command, &probing, SAHARA_WAITING, "");
	open_finds(streaming, &probing, SAHARA_STREAMING, "\x7e\x0a\x01\x02\x03\x04");
}

static void ladder_streaming_probe_has_a_good_checksum(void **state)
{
	(void)state;
	assert_int_equal(crc16_x25("\x09\x01\x02\x03\x04", 5), 0x5b5c);
}

static void ladder_ends_in_words(void **state)
{
	static const struct script_step mute[] = { SILENT, RECOVER,        SILENT, NOP,
						   SILENT, HELLO_RESP(TX), SILENT, RESET_STATE,
						   SILENT, SWITCH,         SILENT, STREAMING_NOP,
						   SILENT, SCRIPT_DONE };
	static const struct script_step reset[] = { EOI("00000000", "01000000"),
						    RESET_STATE,
						    SILENT,
						    SWITCH,
						    SILENT,
						    RESET,
						    RESET_RESP,
						    SCRIPT_DONE };
	static const struct script_step stuck[] = { EOI("00000000", "01000000"),
						    RESET_STATE,
						    EOI("00000000", "01000000"),
						    SWITCH,
						    SILENT,
						    SCRIPT_DONE };
	static const struct script_step untouched[] = { SILENT, RECOVER, SILENT, SCRIPT_DONE };
	static const struct script_step gone[] = { SILENT, RECOVER, GONE, SCRIPT_DONE };
	static const struct script_step at_reply[] = { GIVE_RAW("\r\nERROR\r\n", 9), RECOVER,
						       SILENT, SCRIPT_DONE };
	static const struct script_step future[] = {
		GIVE("01000000 30000000 09000000 04000000 00040000 00000000" Z24), SCRIPT_DONE
	};
	static const struct script_step mode9[] = {
		GIVE("01000000 30000000 02000000 01000000 00040000 09000000" Z24), SCRIPT_DONE
	};
	struct sahara_opts quiet = probing, resetting = probing;
	struct err e;

	(void)state;
	quiet.may_probe = false;
	resetting.may_reset = true;
	e = open_fails(mute, &probing, ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "USB_BOOT to VDD_EXT"));
	e = open_fails(reset, &resetting, ERR_GONE);
	assert_int_equal(e.code, 1);
	e = open_fails(stuck, &probing, ERR_REFUSED);
	assert_int_equal(e.code, 1);
	/* A device that may not be probed gets not one byte. */
	e = open_fails(untouched, &quiet, ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "nothing was sent"));
	open_fails(gone, &probing, ERR_GONE);
	open_fails(at_reply, &quiet, ERR_PROTO);
	open_fails(future, &probing, ERR_UNSUPPORTED);
	open_fails(mode9, &probing, ERR_PROTO);
}

static void memory_debug_is_led_to_an_upload_or_out_by_reset(void **state)
{
	const struct script_step upload[] = { HELLO(DUMP),
					      HELLO_RESP(TX),
					      GIVE("03000000 14000000 07000000 00000000 34000000"),
					      WANT_RAW(image_bytes(), 0x34),
					      EOI(ID7, "00000000"),
					      DONE,
					      DONE_RESP("00000000"),
					      SCRIPT_DONE };
	const struct script_step insists[] = { HELLO(DUMP), HELLO_RESP(TX),
					       GIVE("09000000 10000000 00002100 68000000"),
					       SCRIPT_DONE };
	static const struct script_step reset[] = {
		HELLO(DUMP),
		HELLO_RESP(DUMP),
		GIVE("10000000 18000000 00006a1400000000 8000000000000000"),
		RESET,
		RESET_RESP,
		SCRIPT_DONE
	};
	struct script_link link;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	upload_ends(upload, 7, ERR_NONE);
	e = upload_ends(insists, 13, ERR_REFUSED);
	assert_non_null(strstr(e.msg, "reset it into EDL"));
	script_link_init(&link, reset);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_int_equal(sahara_state(s), SAHARA_MEM_DEBUG);
	assert_err(sahara_identify(s, &id, &e), e, ERR_UNSUPPORTED);
	assert_ok(sahara_reset(s, &e), e);
	assert_script(&link);
	sahara_close(s);
}

/* A forum log: an EC25 whose first HELLO was eaten sits in memory debug, repeats its HELLO, asks
 * three times for image 7 and falls silent. The other tool went on and said "protocol error". */
static void replay_ec25_in_memory_debug_says_state_and_next_step(void **state)
{
	const struct script_step steps[] = { SILENT,
					     RECOVER,
					     HELLO(DUMP),
					     HELLO_RESP(TX),
					     HELLO(DUMP),
					     HELLO_RESP(TX),
					     HELLO(DUMP),
					     HELLO_RESP(TX),
					     HELLO(DUMP),
					     HELLO_RESP(TX),
					     GIVE("03000000 14000000 07000000 00000000 34000000"),
					     WANT_RAW(image_bytes(), 0x34),
					     GIVE("03000000 14000000 07000000 34000000 60000000"),
					     WANT_RAW(image_bytes() + 0x34, 0x60),
					     GIVE("03000000 14000000 07000000 00100000 00100000"),
					     WANT_RAW(image_bytes() + 0x1000, 0x1000),
					     SILENT,
					     SCRIPT_DONE };
	const struct script_step no_nprg[] = {
		HELLO(DUMP), HELLO_RESP(TX), GIVE("03000000 14000000 07000000 00000000 34000000"),
		RESET,       RESET_RESP,     SCRIPT_DONE
	};
	struct err e = upload_ends(steps, 7, ERR_TIMEOUT);

	(void)state;
	assert_string_equal(e.msg,
			    "target stopped after 8192 of 10632 bytes of 'prog.mbn' (image 7): "
			    "script: nothing in time; the module is in memory debug (it crashed): "
			    "reset it, or bring it into EDL by the boot pin (Quectel: USB_BOOT to "
			    "VDD_EXT while it powers up)");
	/* With only a Firehose programmer at hand the id says so, before anything was sent. */
	e = upload_ends(no_nprg, 13, ERR_MISMATCH);
	assert_string_equal(e.msg, "target asks for image 7: there is no file for it");
}

static void reset_counts_leaving_as_success_and_silence_not(void **state)
{
	static const struct script_step gone[] = { HELLO(TX), RESET, GONE, SCRIPT_DONE };
	static const struct script_step mute[] = { HELLO(TX), RESET, SILENT, SCRIPT_DONE };
	static const struct script_step no[] = { HELLO(TX), RESET, EOI("00000000", "01000000"),
						 SCRIPT_DONE };
	static const struct {
		const struct script_step *steps;
		enum err_kind kind;
	} runs[] = { { gone, ERR_NONE }, { mute, ERR_TIMEOUT }, { no, ERR_REFUSED } };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(runs); i++) {
		struct script_link link;
		struct sahara *s;
		struct err e = ERR_INIT;

		script_link_init(&link, runs[i].steps);
		assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
		if (runs[i].kind == ERR_NONE)
			assert_ok(sahara_reset(s, &e), e);
		else
			assert_err(sahara_reset(s, &e), e, runs[i].kind);
		assert_script(&link);
		sahara_close(s);
	}
}

static void running_programmer_is_not_talked_sahara_to(void **state)
{
	static const struct script_step steps[] = { GIVE_RAW("<?xml log", 9), SCRIPT_DONE };
	struct script_link link;
	struct mem_images m;
	struct sahara *s;
	struct chip_id id;
	struct err e = ERR_INIT;

	(void)state;
	script_link_init(&link, steps);
	mem_images_init(&m, 13, IMAGE_SIZE);
	assert_ok(sahara_open(&link.link, &probing, &s, &e), e);
	assert_err(sahara_identify(s, &id, &e), e, ERR_UNSUPPORTED);
	assert_err(sahara_upload(s, &m.images, NULL, &e), e, ERR_UNSUPPORTED);
	assert_err(sahara_reset(s, &e), e, ERR_UNSUPPORTED);
	assert_script(&link);
	sahara_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upload_mdm9x07_runs_after_done_resp_0),
		cmocka_unit_test(upload_sdx55_keeps_the_banner_glued_to_done_resp),
		cmocka_unit_test(upload_long_reads_are_one_transfer_to_the_target),
		cmocka_unit_test(upload_zlp_off_is_obeyed),
		cmocka_unit_test(upload_done_resp_0_with_more_images_goes_on),
		cmocka_unit_test(upload_answers_repeated_hellos_and_merges_queued_ones),
		cmocka_unit_test(upload_endless_hellos_end),
		cmocka_unit_test(upload_end_of_image_errors_come_in_words),
		cmocka_unit_test(upload_silence_after_the_last_segment_is_secure_boot),
		cmocka_unit_test(upload_hostile_numbers_reset_the_target),
		cmocka_unit_test(upload_reading_for_ever_ends),
		cmocka_unit_test(upload_unknown_packets_are_named),
		cmocka_unit_test(upload_host_file_errors_name_the_file),
		cmocka_unit_test(upload_mishaps_at_each_step_fail_by_kind),
		cmocka_unit_test(upload_is_cancelled_between_packets),
		cmocka_unit_test(identify_reads_what_the_chip_tells_and_comes_back),
		cmocka_unit_test(identify_version_3_uses_the_chip_id_command),
		cmocka_unit_test(identify_lengths_out_of_reason_are_left_alone),
		cmocka_unit_test(identify_without_command_mode_leaves_the_session_usable),
		cmocka_unit_test(identify_version_1_is_not_even_asked),
		cmocka_unit_test(identify_mishaps_at_each_step_fail_by_kind),
		cmocka_unit_test(a_hello_behind_a_hello_gets_no_answer_of_its_own),
		cmocka_unit_test(ladder_each_rung_can_find_the_target),
		cmocka_unit_test(ladder_streaming_probe_has_a_good_checksum),
		cmocka_unit_test(ladder_ends_in_words),
		cmocka_unit_test(memory_debug_is_led_to_an_upload_or_out_by_reset),
		cmocka_unit_test(replay_ec25_in_memory_debug_says_state_and_next_step),
		cmocka_unit_test(reset_counts_leaving_as_success_and_silence_not),
		cmocka_unit_test(running_programmer_is_not_talked_sahara_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
