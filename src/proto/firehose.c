#include "proto/firehose.h"

#include "proto/firehose_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What MDM9x07's programmers, which are the smallest, list. */
#define BASIC_FUNCTIONS                                                                            \
	(1u << FIREHOSE_PROGRAM | 1u << FIREHOSE_READ | 1u << FIREHOSE_ERASE |                     \
	 1u << FIREHOSE_GETSTORAGEINFO | 1u << FIREHOSE_POWER | 1u << FIREHOSE_NOP)

#define PAYLOAD_MIN 512u

enum firehose_family firehose_family(const struct firehose *f)
{
	return f->family;
}

bool firehose_can(const struct firehose *f, enum firehose_fn fn)
{
	unsigned have = f->listed;

	if (!have) {
		have = BASIC_FUNCTIONS;
		if (f->family == FIREHOSE_FAMILY_B)
			have |= 1u << FIREHOSE_PATCH | 1u << FIREHOSE_SETBOOTABLE;
	}
	return have & 1u << fn;
}

uint32_t firehose_payload(const struct firehose *f)
{
	return f->payload;
}

const char *firehose_last_log(const struct firehose *f)
{
	return f->last_log;
}

uint64_t firehose_chip_serial(const struct firehose *f)
{
	return f->chip_serial;
}

unsigned firehose_changes_sent(const struct firehose *f)
{
	return f->changes;
}

/* Programmers that take only what a signed table lists, and vendor locks: no command of ours
 * passes. */
static int check_locked(const struct firehose *f, struct err *e)
{
	if (fh_hinted(f, FIREHOSE_HINT_VIP))
		return err_set(
			e, ERR_UNSUPPORTED,
			"this programmer takes only signed packets (validated image programming): "
			"use another programmer, or the vendor's tool with its signed tables");
	if (fh_hinted(f, FIREHOSE_HINT_LOCKED))
		return err_set(
			e, ERR_UNSUPPORTED,
			"this programmer wants its vendor's authentication before any command");
	return 0;
}

/* Everything that is said before the first command. MDM9x07 needs more than a second for the first
 * line; a programmer that has been running for a while says nothing at all. */
/* How long the next word of the boot log is awaited. */
static uint32_t banner_wait(const struct firehose *f, bool heard, bool answered)
{
	/* The answer to the question that found the programmer must be taken here: left over, it
	 * would pass for the answer to the first command. Behind it only stragglers come. */
	if (f->opts.has_answered)
		return answered ? FH_MS_ANSWERED_QUIET : FH_MS_BANNER_QUIET;
	/* After the function list nothing more is to come; what does is taken, not awaited. */
	if (f->list_done)
		return 0;
	return heard || f->rx_rest.n ? FH_MS_BANNER_QUIET : FH_MS_BANNER;
}

static int take_banner(struct firehose *f, struct err *e)
{
	struct deadline end = deadline_in(fh_ms(f, 6 * FH_MS_BANNER));
	bool heard = false, answered = false;
	struct firehose_item item;
	unsigned garbage = 0;

	while (!deadline_passed(end)) {
		if (fh_check_cancel(f, NULL, e) < 0)
			return -1;
		if (fh_item(f, fh_ms(f, banner_wait(f, heard, answered)), &item, e) < 0) {
			if (e->kind == ERR_PROTO && garbage++ < 8)
				continue;
			if (e->kind != ERR_TIMEOUT && e->kind != ERR_PROTO)
				return err_prefix(e, "waiting for the programmer's first words");
			err_clear(e);
			break;
		}
		heard = true;
		answered |= item.kind == FIREHOSE_ITEM_RESPONSE;
		if (check_locked(f, e) < 0)
			return -1;
	}
	return check_locked(f, e);
}

/* One configure and its answer; ERR_REFUSED is not an error here: r->ack tells. */
static int configure_once(struct firehose *f, const struct firehose_configure *c,
			  struct firehose_response *r, struct err *e)
{
	uint8_t room[FIREHOSE_DOC_ROOM];
	struct writer w = writer_of(room, sizeof(room));

	if (fh_send(f, FH_READS, firehose_configure_build(&w, c, e), &w, e) < 0)
		return -1;
	if (fh_answer(f, FH_MS_CONFIGURE, r, e) < 0) {
		if (e->kind != ERR_TIMEOUT || f->cmd_lines)
			return -1;
		/* A programmer that was not ready yet drops the first command in silence. The
		 * answer to it may still come, and says the same. */
		w = writer_of(room, sizeof(room));
		f->unsettled = false;
		if (fh_send(f, FH_READS, firehose_configure_build(&w, c, e), &w, e) < 0 ||
		    fh_answer(f, FH_MS_CONFIGURE, r, e) < 0)
			return -1;
	}
	if (f->family == FIREHOSE_FAMILY_UNKNOWN && r->has_version)
		f->family = FIREHOSE_FAMILY_B;
	else if (f->family == FIREHOSE_FAMILY_UNKNOWN && r->target_name[0])
		f->family = FIREHOSE_FAMILY_A;
	return check_locked(f, e);
}

static const char *memory_name(enum storage_type t)
{
	return t == STORAGE_UFS ? "UFS" : t == STORAGE_EMMC ? "eMMC" : "nand";
}

/* Both ways: a refusal names the largest payload, an acceptance may name a larger one than asked.
 */
static int configure_type(struct firehose *f, enum storage_type type, struct err *e)
{
	struct firehose_configure c = {
		.memory_name = memory_name(type),
		.payload_to_target = type == STORAGE_NAND ? FH_NAND_PAYLOAD : FH_MAX_PAYLOAD,
		.digest_table = type == STORAGE_NAND ? 2048 : 8192,
		.zlp_aware = f->link->can_zlp && f->opts.zlp != LINK_ZLP_OFF,
		.skip_storage_init = f->opts.skip_storage_init,
	};
	struct firehose_response r;
	uint32_t accepted = 0, max;
	bool raised = false;
	unsigned tries;

	for (tries = 0; tries < 5; tries++) {
		if (configure_once(f, &c, &r, e) < 0)
			return -1;
		max = r.to_target_supported ? r.to_target_supported : r.to_target;
		if (r.ack) {
			accepted = r.to_target ? MIN_OF(r.to_target, c.payload_to_target)
					       : c.payload_to_target;
			f->max_xml = r.max_xml ? r.max_xml : 4096;
			max = MIN_OF(max, FH_MAX_PAYLOAD);
			if (raised || max <= c.payload_to_target)
				break;
			raised = true;
			c.payload_to_target = max;
		} else if (accepted && c.payload_to_target != accepted) {
			/* It took less before: back to that. */
			c.payload_to_target = accepted;
		} else if (fh_hinted(f, FIREHOSE_HINT_DIGEST_TABLE) &&
			   f->hint_value < c.digest_table) {
			c.digest_table = (uint32_t)f->hint_value;
		} else if (r.to_target && r.to_target < c.payload_to_target) {
			c.payload_to_target = r.to_target;
		} else if (max && max < c.payload_to_target) {
			c.payload_to_target = max;
		} else {
			break;
		}
	}
	if (!accepted || !r.ack) {
		fh_refused(f, e);
		return err_prefix(e, "configure for %s", c.memory_name);
	}
	if (accepted < PAYLOAD_MIN)
		return err_set(e, ERR_PROTO,
			       "the programmer takes %" PRIu32 " bytes at once, less than a sector",
			       accepted);
	f->payload = accepted;
	f->memory_name = c.memory_name;
	f->geo.type = type;
	return 0;
}

/* Storage is opened late: only a question to it shows whether the type was right. */
static int check_type(struct firehose *f, enum storage_type *ret_real, struct err *e)
{
	struct geometry g;

	*ret_real = f->geo.type;
	if (f->opts.skip_storage_init || !firehose_can(f, FIREHOSE_GETSTORAGEINFO))
		return 0;
	if (firehose_storage_info(f, &g, e) < 0)
		return -1;
	if (f->storage.mem_type[0] && storage_type_parse(f->storage.mem_type) != STORAGE_UNKNOWN)
		*ret_real = storage_type_parse(f->storage.mem_type);
	return 0;
}

static enum storage_type hinted_type(const struct firehose *f)
{
	if (fh_hinted(f, FIREHOSE_HINT_TRY_NAND))
		return STORAGE_NAND;
	if (fh_hinted(f, FIREHOSE_HINT_TRY_EMMC))
		return STORAGE_EMMC;
	return fh_hinted(f, FIREHOSE_HINT_TRY_UFS) ? STORAGE_UFS : STORAGE_UNKNOWN;
}

/* Nobody said which storage it is: the target's own words first, then the likeliest type. */
static int configure_search(struct firehose *f, struct err *e)
{
	enum storage_type type = STORAGE_NAND, took = STORAGE_UNKNOWN, real;
	unsigned tried = 0;
	struct err first = ERR_INIT;

	while (type != STORAGE_UNKNOWN) {
		bool configured;

		tried |= 1u << type;
		real = type;
		configured = configure_type(f, type, e) == 0;
		if (configured) {
			if (check_type(f, &real, e) == 0 && real == type)
				return 0;
			if (took == STORAGE_UNKNOWN)
				took = type;
		}
		f->geo_known = false;
		if (e->kind && e->kind != ERR_REFUSED && !(configured && e->kind == ERR_PROTO))
			return -1;
		if (!first.kind)
			first = *e;
		err_clear(e);
		type = real != type ? real : hinted_type(f);
		if (type == STORAGE_UNKNOWN || tried & 1u << type) {
			for (type = STORAGE_NAND; type <= STORAGE_UFS && tried & 1u << type; type++)
				;
			if (type > STORAGE_UFS)
				type = STORAGE_UNKNOWN;
		}
	}
	if (took == STORAGE_UNKNOWN) {
		*e = first;
		return -1;
	}
	/* The storage answers to no type: the session is usable for what needs no storage, and a
	 * read will tell the reason. */
	log_warn(f->log, FH_TAG, "storage type not found, %s is assumed: %s", memory_name(took),
		 first.msg);
	return configure_type(f, took, e);
}

static int start(struct firehose *f, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (take_banner(f, e) < 0)
		return -1;
	f->hints = 0;
	if (f->opts.only_power)
		return 0;
	if (f->opts.storage != STORAGE_UNKNOWN) {
		if (configure_type(f, f->opts.storage, e) < 0)
			return -1;
	} else if (configure_search(f, e) < 0) {
		return -1;
	}
	/* Family B prints its banner again on nop: worth asking when the first one was missed. */
	if (!f->list_done && f->family != FIREHOSE_FAMILY_A && firehose_nop(f, &ignored) < 0) {
		log_debug(f->log, FH_TAG, "no function list: %s", ignored.msg);
		if (ignored.kind == ERR_GONE) {
			*e = ignored;
			return -1;
		}
	}
	return 0;
}

int firehose_open(struct link *link, const struct firehose_opts *opts, struct firehose **ret,
		  struct err *e)
{
	struct firehose *f = calloc(1, sizeof(*f));

	if (!f)
		return err_nomem(e);
	f->link = link;
	f->opts = *opts;
	f->log = opts->log;
	firehose_rx_init(&f->rx);
	f->rx_buf = malloc(FH_RX_ROOM);
	f->tail = malloc(FH_TAIL_ROOM);
	if (!f->rx_buf || !f->tail) {
		err_nomem(e);
		goto fail;
	}
	if (opts->early.n > FH_RX_ROOM) {
		err_set(e, ERR_BUG, "%zu bytes read before Firehose began", opts->early.n);
		goto fail;
	}
	if (opts->early.n)
		memcpy(f->rx_buf, opts->early.p, opts->early.n);
	f->rx_rest = SLICE(f->rx_buf, opts->early.n);
	f->opts.early = SLICE(NULL, 0);
	link_set_zlp(link, opts->zlp);
	if (start(f, e) < 0) {
		err_prefix(e, "firehose");
		goto fail;
	}
	*ret = f;
	return 0;
fail:
	firehose_close(f);
	return -1;
}

void firehose_close(struct firehose *f)
{
	if (!f)
		return;
	firehose_doc_close(&f->doc);
	firehose_rx_fini(&f->rx);
	free(f->rx_buf);
	free(f->tail);
	free(f->tx_buf);
	free(f->bad);
	free(f);
}
