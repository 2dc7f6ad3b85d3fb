#include "device/module.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/stream.h"
#include "device/open.h"
#include "image/gpt.h"
#include "image/mibib.h"
#include "proto/edl_switch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS_DEFAULT 90000
/* A boot ROM needs up to two seconds after it appeared before it says HELLO; one that stood there
 * when we came has said it or never will. */
#define HELLO_MS_FRESH    2000
#define HELLO_MS_STANDING 300
/* Sierra's boot loaders refuse their own commands after anything unasked was written to them. */
#define VID_SIERRA 0x1199
/* Rounds of "reset the dump, see what comes up": a module that crashes at every start never ends.
 */
#define DUMP_ROUNDS 2

static void say(const struct module *m, const char *text)
{
	log_info(m->opts.log, "module", "%s", text);
	if (m->opts.say)
		m->opts.say(m->opts.say_ctx, text);
}

/* EDL over a socket: nothing on our bus comes and goes. */
static bool is_stream(const struct module *m)
{
	return strchr(m->dev.port, ':') != NULL;
}

static uint32_t wait_ms(const struct module *m)
{
	return m->opts.wait_ms ? m->opts.wait_ms : WAIT_MS_DEFAULT;
}

static void serial_from_usb(struct module *m)
{
	char *end;
	unsigned long long v;

	if (m->chip.has_serial || !m->dev.chip_serial[0])
		return;
	v = strtoull(m->dev.chip_serial, &end, 16);
	if (*end == '\0') {
		m->chip.has_serial = true;
		m->chip.serial = v;
	}
}

void module_init(struct module *m, const struct device *dev, const struct module_opts *opts)
{
	*m = (struct module){ .opts = *opts, .dev = *dev, .found_as = dev->state };
	serial_from_usb(m);
}

static void close_sessions(struct module *m)
{
	firehose_close(m->firehose);
	sahara_close(m->sahara);
	link_close(m->link);
	m->firehose = NULL;
	m->sahara = NULL;
	m->link = NULL;
}

void module_close(struct module *m)
{
	close_sessions(m);
	table_fini(&m->table);
	inhibit_release(m->inhibit);
	m->inhibit = NULL;
}

/* The device that comes up at this port after what was there in `before` has gone. */
static int wait_for(struct module *m, unsigned states, const struct device_list *before,
		    struct err *e)
{
	struct wait_rule rule = {
		.root = m->opts.root,
		.states = states,
		.port = m->dev.port,
		.chip_serial = m->dev.chip_serial[0] ? m->dev.chip_serial : NULL,
		.anywhere = true,
		.before = before,
		.timeout_ms = wait_ms(m),
		.cancel = m->opts.cancel,
	};
	struct device now;

	if (find_wait(&rule, &now, e) < 0)
		return -1;
	/* A dump or EDL device need not tell a serial, so what was known of the port stays known.
	 */
	m->dev = now;
	m->was_switched = true;
	serial_from_usb(m);
	return 0;
}

/* The vendor's own command, for makers that have one (never Quectel). */
static int ask_over_at(struct module *m, struct err *e)
{
	struct at_opts opts = { .log = m->opts.log, .cancel = m->opts.cancel };
	struct at *at;
	int r;

	if (open_role(m->opts.root, &m->dev, ROLE_AT, m->opts.log, &m->link, e) < 0)
		return -1;
	r = at_open(m->link, &opts, &at, e);
	if (r == 0) {
		r = at_enter_edl(at, m->dev.vid, e);
		at_close(at);
	}
	close_sessions(m);
	return r;
}

static int ask_over_diag(struct module *m, struct err *e)
{
	struct edl_switch_opts opts = { .log = m->opts.log, .cancel = m->opts.cancel };
	int r;

	if (open_role(m->opts.root, &m->dev, ROLE_DIAG, m->opts.log, &m->link, e) < 0)
		return -1;
	r = edl_switch(m->link, &opts, e);
	close_sessions(m);
	return r;
}

static int ask_firmware_for_edl(struct module *m, struct err *e)
{
	struct device_list before = DEVICE_LIST_INIT;
	struct err second = ERR_INIT;
	bool asked;
	int r;

	say(m, "asking the firmware to go to emergency download mode");
	if (!m->inhibit)
		m->inhibit = inhibit_hold(m->opts.root, &m->dev, m->opts.log);
	if (find_scan(m->opts.root, false, &before, e) < 0)
		return -1;
	r = ask_over_diag(m, e);
	if (r < 0 && e->kind != ERR_CANCELLED && e->kind != ERR_BUSY &&
	    edl_at_commands(m->dev.vid)) {
		log_info(m->opts.log, "module", "not over DIAG: %s; trying AT", e->msg);
		r = ask_over_at(m, &second);
		if (r == 0)
			err_clear(e);
		else
			err_append(e, "; nor over AT: %s", second.msg);
	}
	asked = r == 0;
	if (asked)
		r = wait_for(m, STATE_BIT(DEVICE_EDL) | STATE_BIT(DEVICE_DOWNLOAD), &before, e);
	device_list_free(&before);
	if (r == 0)
		return 0;
	return asked ? err_prefix(e, "the module did not go to EDL, though it was asked to and still "
				     "may ('salvor edl exit' brings it back)")
		     : err_prefix(e, "the module did not go to EDL");
}

/* A crashed module offers its memory and takes nothing else reliably: a reset leads to what its
 * flash can start, firmware or the boot ROM. */
static int reset_dump(struct module *m, struct err *e)
{
	struct device_list before = DEVICE_LIST_INIT;
	int r;

	say(m, "the module crashed and offers its memory: resetting it");
	if (module_open_sahara(m, e) < 0)
		return -1;
	if (sahara_state(m->sahara) != SAHARA_MEM_DEBUG)
		return 0;
	if (find_scan(m->opts.root, false, &before, e) < 0)
		return -1;
	r = sahara_reset(m->sahara, e);
	close_sessions(m);
	if (r == 0)
		r = wait_for(m,
			     STATE_BIT(DEVICE_NORMAL) | STATE_BIT(DEVICE_EDL) |
				     STATE_BIT(DEVICE_DUMP),
			     &before, e);
	device_list_free(&before);
	return r;
}

int module_enter_edl(struct module *m, struct err *e)
{
	unsigned round;

	for (round = 0; m->dev.state == DEVICE_DUMP && round < DUMP_ROUNDS; round++) {
		if (reset_dump(m, e) < 0)
			return -1;
		if (m->sahara)
			return 0;
	}
	switch (m->dev.state) {
	case DEVICE_EDL:
	case DEVICE_DOWNLOAD:
		return 0;
	case DEVICE_NORMAL:
		return ask_firmware_for_edl(m, e);
	case DEVICE_DUMP:
		return err_set(
			e, ERR_MISMATCH,
			"the module crashes at every start and comes back in memory dump mode: it needs the "
			"hardware way into EDL, see 'salvor edl enter --how'");
	case DEVICE_FASTBOOT:
		return err_set(e, ERR_UNSUPPORTED,
			       "the module is in fastboot; 'fastboot oem edl' or the hardware "
			       "way leads to EDL");
	case DEVICE_NOT_QUALCOMM:
		return err_set(e, ERR_UNSUPPORTED,
			       "this module has no Qualcomm chip (%s): it has no EDL",
			       m->dev.known && m->dev.known->chip_maker ? m->dev.known->chip_maker
									: "another maker's");
	case DEVICE_UNKNOWN:
	case DEVICE_UNRELATED:
		break;
	}
	return err_set(e, ERR_UNSUPPORTED, "nothing is known about the device at %s (%04x:%04x)",
		       m->dev.port, m->dev.vid, m->dev.pid);
}

int module_open_sahara(struct module *m, struct err *e)
{
	struct sahara_opts opts = {
		.log = m->opts.log,
		.may_probe = !m->opts.no_probe && m->dev.vid != VID_SIERRA,
		.hello_ms = m->was_switched ? HELLO_MS_FRESH : HELLO_MS_STANDING,
		.zlp = m->opts.zlp,
		.cancel = m->opts.cancel,
	};

	if (m->sahara)
		return 0;
	if (is_stream(m) ? open_address(m->opts.root, m->dev.port, m->opts.log, &m->link, e)
			 : open_role(m->opts.root, &m->dev, ROLE_EDL, m->opts.log, &m->link, e))
		return -1;
	link_set_zlp(m->link, m->opts.zlp);
	if (sahara_open(m->link, &opts, &m->sahara, e) < 0) {
		close_sessions(m);
		return -1;
	}
	return 0;
}

static int upload(struct module *m, struct err *e)
{
	const struct loader_file *file;
	struct loader_images images;
	struct chip_id chip;
	int r;

	if (sahara_identify(m->sahara, &chip, e) == 0) {
		uint64_t usb_serial = m->chip.serial;
		bool had = m->chip.has_serial;

		m->chip = chip;
		if (!chip.has_serial && had) {
			m->chip.has_serial = true;
			m->chip.serial = usb_serial;
		}
	} else if (e->kind == ERR_UNSUPPORTED || e->kind == ERR_REFUSED) {
		log_info(m->opts.log, "module", "the chip does not say who it is: %s", e->msg);
		err_clear(e);
	} else {
		return err_prefix(e, "asking the chip who it is");
	}
	if (!m->opts.loaders)
		return err_set(e, ERR_USAGE,
			       "the boot ROM waits for a programmer: give --loader FILE|DIR");
	if (loader_choose(m->opts.loaders, &m->chip, &file, e) < 0 ||
	    loader_images_open(&images, file, e) < 0)
		return -1;
	say(m, "loading the programmer");
	log_info(m->opts.log, "module", "programmer %s, sha256 %s", file->path, file->sha256);
	r = sahara_upload(m->sahara, &images.images, m->opts.progress, e);
	loader_images_close(&images);
	return r < 0 ? err_prefix(e, "loading '%s'", file->path) : 0;
}

static int start_firehose(struct module *m, struct err *e)
{
	struct firehose_opts opts = {
		.log = m->opts.log,
		.storage = m->opts.storage,
		.early = sahara_early(m->sahara),
		.has_answered = sahara_state(m->sahara) == SAHARA_FIREHOSE,
		.timeout_scale_pct = m->opts.timeout_scale_pct,
		.cancel = m->opts.cancel,
	};

	if (sahara_state(m->sahara) == SAHARA_STREAMING)
		return err_set(
			e, ERR_UNSUPPORTED,
			"a streaming programmer (NPRG/ENPRG) runs on the module and "
			"does not speak Firehose: power-cycle the module into EDL and try again");
	if (firehose_open(m->link, &opts, &m->firehose, e) < 0)
		return -1;
	sahara_close(m->sahara);
	m->sahara = NULL;
	if (!m->chip.has_serial && firehose_chip_serial(m->firehose)) {
		m->chip.has_serial = true;
		m->chip.serial = firehose_chip_serial(m->firehose);
	}
	return firehose_storage_info(m->firehose, &m->geometry, e);
}

int module_open_edl(struct module *m, struct err *e)
{
	if (module_enter_edl(m, e) < 0 || module_open_sahara(m, e) < 0)
		return -1;
	switch (sahara_state(m->sahara)) {
	case SAHARA_WAITING:
	case SAHARA_COMMAND:
	case SAHARA_MEM_DEBUG:
		if (upload(m, e) < 0)
			return -1;
		break;
	case SAHARA_FIREHOSE:
	case SAHARA_RUNNING:
		say(m, "a programmer already runs");
		break;
	case SAHARA_STREAMING:
		break;
	}
	if (start_firehose(m, e) < 0)
		return -1;
	return module_read_table(m, e);
}

/* Sectors out of a Firehose session, for the table readers. */
struct fh_sectors {
	struct sectors s;
	struct firehose *fh;
};

static int fh_sectors_read(struct sectors *s, uint32_t lun, uint64_t sector, uint32_t count,
			   void *buf, struct err *e)
{
	struct fh_sectors *f = container_of(s, struct fh_sectors, s);
	struct extent x = { lun, sector, count };
	struct buf b = { buf, 0, (size_t)count * s->sector_size, (size_t)count * s->sector_size };
	struct buf_sink to;

	buf_sink_init(&to, &b);
	return firehose_read(f->fh, &x, &to.sink, NULL, e);
}

/* A LUN without a table, or one that the programmer lists and does not let read, is an empty LUN as
 * long as another one has a table. */
static int read_gpts(struct module *m, struct sectors *s, struct err *e)
{
	struct err first = ERR_INIT;
	uint32_t lun;

	for (lun = 0; lun < MAX_OF(m->geometry.num_luns, 1u); lun++) {
		s->total_sectors = lun == 0 ? m->geometry.total_sectors : 0;
		if (gpt_read(s, lun, &m->table, e) == 0)
			continue;
		if (e->kind != ERR_MISMATCH && (e->kind != ERR_REFUSED || lun == 0))
			return -1;
		if (!first.kind)
			first = *e;
		err_clear(e);
	}
	if (m->table.n)
		return 0;
	*e = first;
	return first.kind ? -1 : 0;
}

int module_read_table(struct module *m, struct err *e)
{
	struct fh_sectors f = {
		.s = { .read = fh_sectors_read,
		       .sector_size = m->geometry.sector_size,
		       .sectors_per_block = m->geometry.sectors_per_block,
		       .total_sectors = m->geometry.total_sectors },
		.fh = m->firehose,
	};
	int r;

	table_fini(&m->table);
	m->no_table[0] = '\0';
	if (geometry_is_nand(&m->geometry)) {
		r = mibib_find(&f.s, &m->table, e);
	} else {
		r = read_gpts(m, &f.s, e);
	}
	if (r < 0 && e->kind == ERR_MISMATCH) {
		/* A wiped chip has none; its sectors can be read and written all the same. */
		snprintf(m->no_table, sizeof(m->no_table), "%.127s", e->msg);
		table_fini(&m->table);
		err_clear(e);
		r = 0;
	}
	return r < 0 ? err_prefix(e, "reading the partition table") : 0;
}

static int reset_it(struct module *m, struct err *e)
{
	if (m->firehose)
		return firehose_power(m->firehose, FIREHOSE_POWER_RESET, e);
	if (module_open_sahara(m, e) < 0)
		return -1;
	if (sahara_state(m->sahara) == SAHARA_FIREHOSE ||
	    sahara_state(m->sahara) == SAHARA_RUNNING) {
		struct firehose_opts opts = { .log = m->opts.log,
					      .storage = m->opts.storage,
					      .early = sahara_early(m->sahara),
					      .skip_storage_init = true,
					      .has_answered = true,
					      .cancel = m->opts.cancel };

		/* A programmer that takes no configure, for a wrong storage type or for none that
		 * works, resets all the same. */
		if (firehose_open(m->link, &opts, &m->firehose, e) < 0) {
			if (e->kind != ERR_REFUSED)
				return -1;
			err_clear(e);
			opts.only_power = true;
			if (firehose_open(m->link, &opts, &m->firehose, e) < 0)
				return -1;
		}
		return firehose_power(m->firehose, FIREHOSE_POWER_RESET, e);
	}
	if (sahara_state(m->sahara) == SAHARA_STREAMING)
		return err_set(e, ERR_UNSUPPORTED,
			       "a streaming programmer runs on the module: power-cycle it");
	return sahara_reset(m->sahara, e);
}

int module_leave_edl(struct module *m, bool verify, struct err *e)
{
	struct device_list before = DEVICE_LIST_INIT;
	int r;

	say(m, "resetting the module");
	if (find_scan(m->opts.root, false, &before, e) < 0)
		return -1;
	r = reset_it(m, e);
	close_sessions(m);
	if (r == 0 && verify && !is_stream(m)) {
		r = wait_for(m, STATES_USABLE, &before, e);
		if (r == 0 && m->dev.state != DEVICE_NORMAL)
			r = err_set(
				e, ERR_MISMATCH,
				"the module was reset and came back in %s mode: it does not start its firmware",
				device_state_name(m->dev.state));
	}
	device_list_free(&before);
	return r;
}
