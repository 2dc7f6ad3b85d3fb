/*
 * The bus side of the emulated module: modes, enumeration, IN queues and time.
 *
 * A device-to-host transfer is a message in its interface's queue. Bulk rules kept here: a transfer
 * that the host asks for ends when its buffer is full or at a short packet; a message that fills its
 * last packet is followed by an empty one where the firmware does so; a buffer that ends inside a
 * packet loses the rest (edl-transport.md section 4).
 */
#include "tests/emu/modem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A host that never reads must not make us eat the machine. */
#define QUEUE_MAX (64u << 20)
#define HOLD_MAX  (1u << 20)

static void chan_close(struct emu *m, unsigned i)
{
	struct emu_chan *c = &m->chan[i];
	bool claimed = c->claimed, stream = c->stream;

	emu_chan_flush(m, i);
	if (c->fn && c->ctx)
		c->fn->close(c->ctx);
	free(c->hold);
	memset(c, 0, sizeof(*c));
	c->claimed = claimed;
	c->stream = stream;
}

void emu_chan_flush(struct emu *m, unsigned iface)
{
	struct emu_chan *c = &m->chan[iface];
	struct emu_msg *msg;

	while ((msg = c->head)) {
		c->head = msg->next;
		free(msg);
	}
	c->last = NULL;
	c->n_msgs = 0;
	c->n_bytes = 0;
}

static void push_one(struct emu *m, unsigned iface, const uint8_t *p, size_t n, bool zlp)
{
	struct emu_chan *c = &m->chan[iface];
	struct emu_msg *msg;

	if (c->n_bytes + n > QUEUE_MAX || !(msg = malloc(sizeof(*msg) + n)))
		return;
	msg->next = NULL;
	msg->at_ms = MAX_OF(m->now + c->latency, c->busy_until);
	msg->n = n;
	msg->off = 0;
	msg->zlp = zlp;
	if (n)
		memcpy(msg->b, p, n);
	if (c->last)
		c->last->next = msg;
	else
		c->head = msg;
	c->last = msg;
	c->n_msgs++;
	c->n_bytes += n;
}

void emu_push(struct emu *m, unsigned iface, const void *p, size_t n, bool zlp)
{
	const uint8_t *b = p;
	size_t cut;

	if (quirk_find(&m->quirks, "no_zlp_in"))
		zlp = false;
	if (quirk_hit(&m->quirks, "drop_in", NULL))
		return;
	if (quirk_find(&m->quirks, "cut") && quirk_hit(&m->quirks, "cut", NULL)) {
		/* The rest of the transfer is lost on the way. */
		n = MIN_OF(n, (size_t)quirk_value(&m->quirks, "cut", 0));
		push_one(m, iface, b, n, zlp);
		return;
	}
	cut = (size_t)quirk_value(&m->quirks, "split", 0);
	if (cut && cut < n && quirk_hit(&m->quirks, "split", NULL)) {
		push_one(m, iface, b, cut, zlp);
		push_one(m, iface, b + cut, n - cut, zlp);
		return;
	}
	if (quirk_hit(&m->quirks, "glue", NULL) && m->chan[iface].last &&
	    m->chan[iface].last->off == 0) {
		/* Two transfers arrive as one: what a tty or a bridge does. */
		struct emu_chan *c = &m->chan[iface];
		struct emu_msg *old = c->last, *prev = c->head, *msg;

		msg = malloc(sizeof(*msg) + old->n + n);
		if (!msg)
			return;
		*msg = *old;
		memcpy(msg->b, old->b, old->n);
		memcpy(msg->b + old->n, b, n);
		msg->n = old->n + n;
		msg->at_ms = MAX_OF(msg->at_ms, MAX_OF(m->now + c->latency, c->busy_until));
		if (prev == old) {
			c->head = msg;
		} else {
			while (prev->next != old)
				prev = prev->next;
			prev->next = msg;
		}
		c->last = msg;
		c->n_bytes += n;
		free(old);
		return;
	}
	push_one(m, iface, b, n, zlp);
}

void emu_busy(struct emu *m, unsigned iface, uint32_t ms)
{
	struct emu_chan *c = &m->chan[iface];

	c->busy_until = MAX_OF(m->now, c->busy_until) + ms;
}

void emu_set_stream(struct emu *m, unsigned iface, bool yes)
{
	if (iface < EMU_MAX_INTERFACES)
		m->chan[iface].stream = yes;
}

/* ---- enumeration ---------------------------------------------------------------------------- */

static const struct emu_face *face_of(const struct emu *m, enum emu_mode mode)
{
	return mode == EMU_NORMAL ? &m->model.normal :
	       mode == EMU_DUMP   ? &m->model.dump :
				    &m->model.edl;
}

static const struct emu_function *function_by_name(const char *name)
{
	static const struct emu_function *const all[] = { &edl_function, &diag_function, &at_function,
							  &nmea_function };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

static void bus_leave(struct emu *m, bool orderly)
{
	unsigned i;

	if (m->mode == EMU_OFF)
		return;
	modem_stop(m, orderly);
	for (i = 0; i < EMU_MAX_INTERFACES; i++) {
		chan_close(m, i);
		m->chan[i].claimed = false;
	}
	m->mode = EMU_OFF;
	m->generation++;
	m->leave_at = EMU_NEVER;
}

static void bus_appear(struct emu *m, enum emu_mode mode)
{
	const struct emu_face *f = face_of(m, mode);
	const struct emu_quirk *q;
	unsigned i, bus = f->bus;

	m->mode = mode;
	m->generation++;
	m->seen_in = m->seen_out = 0;
	m->appear_at = EMU_NEVER;
	memset(&m->usb, 0, sizeof(m->usb));
	m->usb.vid = f->vid;
	m->usb.pid = f->pid;
	m->usb.bcd_device = f->bcd;
	m->usb.manufacturer = f->manufacturer[0] ? f->manufacturer : NULL;
	snprintf(m->product, sizeof(m->product), "%s", f->product);
	m->usb.product = m->product[0] ? m->product : NULL;
	m->usb.serial = f->serial[0] ? f->serial : NULL;
	q = quirk_find(&m->quirks, "port_change");
	snprintf(m->port, sizeof(m->port), "%u-%s", bus,
		 q && mode != EMU_NORMAL ? q->arg : m->model.port);
	m->usb.port = m->port;
	m->usb.speed_mbps = f->speed;
	m->usb.max_packet = f->max_packet;
	m->usb.n_ifaces = f->n_ifaces;
	for (i = 0; i < f->n_ifaces; i++) {
		m->usb.iface[i] = f->iface[i];
		m->usb.iface[i].driver = f->driver[i][0] ? f->driver[i] : NULL;
	}
	m->fresh = false;
	if (mode == EMU_NORMAL)
		modem_start(m);
	usb_desc_build(&m->usb, m->usb.serial != NULL);
	for (i = 0; i < f->n_ifaces; i++) {
		struct emu_chan *c = &m->chan[i];

		c->fn = function_by_name(f->function[i]);
		c->ctx = c->fn ? c->fn->open(m, i) : NULL;
	}
	q = quirk_find(&m->quirks, "blink");
	m->blink_at = q ? m->now + q->value : EMU_NEVER;
}

void emu_switch(struct emu *m, enum emu_mode mode, uint32_t leave_ms)
{
	m->next_mode = mode;
	m->leave_at = m->now + leave_ms;
}

void emu_reboot(struct emu *m, uint32_t leave_ms)
{
	enum emu_boot b;

	/* The firmware writes its file system back before the start looks at it. */
	modem_stop(m, true);
	b = content_boot_outcome(&m->flash);
	m->programmer_runs = false;
	if (quirk_find(&m->quirks, "stay_edl"))
		b = BOOT_EDL;
	emu_switch(m, b == BOOT_EDL ? EMU_EDL : EMU_NORMAL, leave_ms);
}

void emu_unplug(struct emu *m)
{
	const struct emu_quirk *q = quirk_find(&m->quirks, "back");

	m->unplugged = false;
	bus_leave(m, false);
	m->appear_at = EMU_NEVER;
	if (q) {
		enum emu_boot b = content_boot_outcome(&m->flash);

		m->next_mode = b == BOOT_EDL || quirk_find(&m->quirks, "stay_edl") ? EMU_EDL :
										    EMU_NORMAL;
		m->appear_at = m->now + q->value;
	}
}

void emu_power_cycle(struct emu *m)
{
	bus_leave(m, false);
	m->stay_off = false;
	if (m->modem)
		m->modem->spc_wrong = 0;
	emu_reboot(m, 0);
	m->leave_at = EMU_NEVER;
	m->appear_at = m->now + face_of(m, m->next_mode)->delay_ms;
}

static uint64_t appear_delay(struct emu *m)
{
	uint64_t ms = face_of(m, m->next_mode)->delay_ms;

	ms = quirk_value(&m->quirks, "enumerate", ms);
	if (m->next_mode == EMU_NORMAL)
		ms = quirk_value(&m->quirks, "slow_boot", ms);
	return ms;
}

static void run_due(struct emu *m)
{
	if (m->leave_at <= m->now) {
		bus_leave(m, true);
		m->leave_at = EMU_NEVER;
		m->appear_at = m->stay_off ? EMU_NEVER : m->now + appear_delay(m);
	}
	if (m->mode != EMU_OFF && m->blink_at <= m->now) {
		/* A failing module: there for a while, gone for a while, always as the same thing. */
		const struct emu_quirk *q = quirk_find(&m->quirks, "blink");
		const char *colon = q ? strchr(q->arg, ':') : NULL;

		m->next_mode = m->mode;
		bus_leave(m, false);
		m->blink_at = EMU_NEVER;
		m->appear_at = m->now + (colon ? strtoull(colon + 1, NULL, 10) : 1000);
	}
	if (m->appear_at <= m->now)
		bus_appear(m, m->next_mode);
}

uint64_t emu_tick(struct emu *m, uint64_t now_ms)
{
	uint64_t next, t;
	unsigned i;

	if (now_ms > m->now)
		m->now = now_ms;
	run_due(m);
	next = MIN_OF(m->leave_at, m->appear_at);
	if (m->mode == EMU_OFF)
		return next;
	next = MIN_OF(next, m->blink_at);
	t = modem_tick(m);
	next = MIN_OF(next, t);
	for (i = 0; i < m->usb.n_ifaces; i++) {
		struct emu_chan *c = &m->chan[i];

		if (c->fn && c->ctx && c->fn->tick) {
			t = c->fn->tick(m, i, c->ctx);
			next = MIN_OF(next, t);
		}
		if (c->head && c->head->at_ms > m->now)
			next = MIN_OF(next, c->head->at_ms);
		if (c->busy_until > m->now)
			next = MIN_OF(next, c->busy_until);
	}
	/* A tick may have asked to leave at once. */
	next = MIN_OF(next, m->leave_at);
	return next;
}

enum emu_mode emu_mode(const struct emu *m)
{
	return m->mode;
}

unsigned emu_generation(const struct emu *m)
{
	return m->generation;
}

const struct emu_usb *emu_usb(const struct emu *m)
{
	return m->mode == EMU_OFF ? NULL : &m->usb;
}

const struct emu_counters *emu_counters(const struct emu *m)
{
	return &m->count;
}

int emu_peek(struct emu *m, uint32_t lun, uint64_t sector, void *buf, size_t n)
{
	return flash_read(&m->flash, lun, sector, buf, n) == FLASH_OK ? 0 : -1;
}

/* ---- transfers ------------------------------------------------------------------------------ */

static int deliver(struct emu *m, unsigned iface, const uint8_t *p, size_t n)
{
	struct emu_chan *c = &m->chan[iface];

	return c->fn && c->ctx ? c->fn->out(m, iface, c->ctx, p, n) : 0;
}

/* zlp_strict: the programmer was told that the host ends exact multiples with an empty packet, so
 * it does not see them before that packet comes (firehose.md section 13). */
static int deliver_strict(struct emu *m, unsigned iface, const uint8_t *p, size_t n)
{
	struct emu_chan *c = &m->chan[iface];
	uint8_t *whole;
	int r;

	if (n + c->hold_n > HOLD_MAX) {
		r = deliver(m, iface, c->hold, c->hold_n);
		c->hold_n = 0;
		if (r)
			return r;
	}
	if (n) {
		whole = realloc(c->hold, c->hold_n + n);
		if (!whole)
			return -EPROTO;
		memcpy(whole + c->hold_n, p, n);
		c->hold = whole;
		c->hold_n += n;
		if (n % m->usb.max_packet == 0)
			return 0;
	}
	whole = c->hold;
	n = c->hold_n;
	c->hold = NULL;
	c->hold_n = 0;
	r = deliver(m, iface, whole, n);
	free(whole);
	return r;
}

int emu_out(struct emu *m, unsigned iface, const void *p, size_t n)
{
	const struct emu_quirk *q;
	struct emu_chan *c;
	int r;

	if (m->mode == EMU_OFF || iface >= m->usb.n_ifaces)
		return -ENODEV;
	c = &m->chan[iface];
	if (quirk_hit(&m->quirks, "stall_out", NULL))
		return -EPIPE;
	if (c->busy_until > m->now)
		return -EAGAIN;
	q = quirk_find(&m->quirks, "log_block");
	if (q && c->n_msgs > q->value)
		return -EAGAIN; /* no new command before the host has drained the logs */
	m->count.bytes_out += n;
	m->seen_out += n;
	q = quirk_find(&m->quirks, "unplug_out");
	if (q && q->value <= m->seen_out && quirk_hit(&m->quirks, "unplug_out", NULL)) {
		emu_unplug(m);
		return -EPROTO;
	}
	if (quirk_find(&m->quirks, "zlp_strict") && !c->stream && c->fn == &edl_function)
		r = deliver_strict(m, iface, p, n);
	else
		r = deliver(m, iface, p, n);
	if (m->unplugged) {
		emu_unplug(m);
		return -EPROTO;
	}
	return r;
}

static void drop_head(struct emu_chan *c)
{
	struct emu_msg *msg = c->head;

	c->head = msg->next;
	if (!c->head)
		c->last = NULL;
	c->n_msgs--;
	free(msg);
}

ssize_t emu_in(struct emu *m, unsigned iface, void *p, size_t cap)
{
	const struct emu_quirk *q;
	struct emu_chan *c;
	uint8_t *out = p;
	size_t got = 0;
	bool ended = false;

	if (m->mode == EMU_OFF || iface >= m->usb.n_ifaces)
		return -ENODEV;
	c = &m->chan[iface];
	if (quirk_hit(&m->quirks, "stall_in", NULL))
		return -EPIPE;
	while (!ended) {
		struct emu_msg *msg;
		size_t mp = m->usb.max_packet, left, take;

		if (!c->head && c->fn && c->ctx && c->fn->more)
			c->fn->more(m, iface, c->ctx);
		msg = c->head;
		if (!msg || msg->at_ms > m->now)
			break;
		left = msg->n - msg->off;
		take = MIN_OF(left, cap - got);
		if (take < left && take % mp != 0 && !c->stream) {
			/* The buffer ends inside a packet: babble, and that packet is gone. */
			size_t lost = MIN_OF(left, (take / mp + 1) * mp);

			msg->off += lost;
			c->n_bytes -= lost;
			if (msg->off == msg->n)
				drop_head(c);
			return -EOVERFLOW;
		}
		if (take)
			memcpy(out + got, msg->b + msg->off, take);
		msg->off += take;
		got += take;
		c->n_bytes -= take;
		if (msg->off < msg->n)
			break; /* the buffer is full */
		ended = msg->n % mp != 0 || msg->n == 0;
		if (!ended && msg->zlp) {
			if (got == cap && !c->stream) {
				/* The empty packet is left for the next transfer. */
				msg->n = msg->off = 0;
				break;
			}
			ended = true;
		}
		drop_head(c);
		if (got == cap)
			break;
	}
	if (!got && !ended)
		return -EAGAIN;
	m->count.bytes_in += got;
	m->seen_in += got;
	q = quirk_find(&m->quirks, "unplug_in");
	if (q && q->value <= m->seen_in && quirk_hit(&m->quirks, "unplug_in", NULL)) {
		emu_unplug(m);
		return -EPROTO;
	}
	return (ssize_t)got;
}

void emu_claimed(struct emu *m, unsigned iface, bool yes)
{
	struct emu_chan *c;

	if (m->mode == EMU_OFF || iface >= m->usb.n_ifaces)
		return;
	c = &m->chan[iface];
	c->claimed = yes;
	if (c->fn && c->ctx && c->fn->claimed)
		c->fn->claimed(m, iface, c->ctx, yes);
}

/* ---- life ----------------------------------------------------------------------------------- */

static int state_lock(struct emu *m, char *why, size_t why_n)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/lock", m->dir);
	m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0) {
		snprintf(why, why_n, "cannot create '%s': %s", path, strerror(errno));
		return -1;
	}
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, why_n, "state folder '%s' is in use by another emulated module", m->dir);
		return -1;
	}
	return 0;
}

int emu_open(struct emu **ret, const char *model_path, const char *state_dir, char *why, size_t why_n)
{
	struct emu *m = calloc(1, sizeof(*m));
	enum emu_boot b;
	bool fresh;
	unsigned i;

	if (!m) {
		snprintf(why, why_n, "out of memory");
		return -1;
	}
	m->lock_fd = -1;
	for (i = 0; i < EMU_MAX_LUNS; i++)
		m->flash.fd[i] = -1;
	m->leave_at = m->appear_at = m->blink_at = EMU_NEVER;
	m->dir = strdup(state_dir);
	if (!m->dir || model_load(&m->model, model_path, why, why_n))
		goto fail;
	if (mkdir(state_dir, 0700) && errno != EEXIST) {
		snprintf(why, why_n, "cannot create '%s': %s", state_dir, strerror(errno));
		goto fail;
	}
	if (state_lock(m, why, why_n))
		goto fail;
	m->flash.count = &m->count;
	if (flash_open(&m->flash, &m->model, state_dir, &fresh, why, why_n))
		goto fail;
	if (fresh && (content_fill(&m->flash, &m->model) || flash_seal(&m->flash, state_dir))) {
		snprintf(why, why_n, "cannot write the first content of the flash into '%s'", state_dir);
		goto fail;
	}
	memset(&m->count, 0, sizeof(m->count));
	m->fresh = fresh;
	if (modem_new(m)) {
		snprintf(why, why_n, "out of memory");
		goto fail;
	}
	b = content_boot_outcome(&m->flash);
	m->next_mode = b == BOOT_EDL ? EMU_EDL : EMU_NORMAL;
	m->appear_at = 0;
	*ret = m;
	return 0;
fail:
	emu_close(m);
	return -1;
}

void emu_close(struct emu *m)
{
	if (!m)
		return;
	bus_leave(m, true);
	modem_free(m);
	flash_close(&m->flash);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	free(m->dir);
	free(m);
}

/* A key of the firmware was set before the module ever ran: it left the factory like that. */
static int refill(struct emu *m)
{
	struct emu_counters before = m->count;
	int r = fs_flash_factory(&m->flash, &m->model);

	m->count = before;
	return r;
}

int emu_misbehave(struct emu *m, const char *spec, char *why, size_t why_n)
{
	struct emu_quirk *q;
	uint32_t lun;
	uint64_t start, len;

	if (quirks_add(&m->quirks, spec, why, why_n))
		return -1;
	q = &m->quirks.q[m->quirks.n - 1];
	if (!strcmp(q->word, "start")) {
		m->programmer_runs = !strcmp(q->arg, "programmer");
		m->next_mode = !strcmp(q->arg, "dump")   ? EMU_DUMP :
			       !strcmp(q->arg, "normal") ? EMU_NORMAL :
							   EMU_EDL;
	} else if (!strcmp(q->word, "set")) {
		char section[24], key[24], value[EMU_TEXT];

		if (sscanf(q->arg, "%23[^.].%23[^:]:%95s", section, key, value) != 3 ||
		    model_set(&m->model, section, key, value)) {
			snprintf(why, why_n, "'%s' sets nothing that a model has", spec);
			return -1;
		}
		if (m->fresh && !strcmp(section, "firmware") && refill(m)) {
			snprintf(why, why_n, "cannot make the file system anew after '%s'", spec);
			return -1;
		}
	} else if (!strcmp(q->word, "port")) {
		snprintf(m->model.port, sizeof(m->model.port), "%s", q->arg);
	} else if (!strcmp(q->word, "bad")) {
		flash_block_mark_bad(&m->flash, (uint32_t)q->value);
	} else if (!strcmp(q->word, "blank")) {
		if (!emu_table_find(&m->flash, q->arg, &lun, &start, &len)) {
			snprintf(why, why_n, "there is no partition '%s' to blank", q->arg);
			return -1;
		}
		if (m->flash.type == EMU_NAND)
			for (; len >= m->flash.ppb; start += m->flash.ppb, len -= m->flash.ppb)
				flash_erase_block(&m->flash, (uint32_t)(start / m->flash.ppb));
		else
			flash_zero(&m->flash, lun, start, len);
		if (m->mode == EMU_OFF) {
			enum emu_boot b = content_boot_outcome(&m->flash);

			if (m->next_mode == EMU_NORMAL && b == BOOT_EDL)
				m->next_mode = EMU_EDL;
		}
	}
	return 0;
}
