/* The one interface of download mode: the boot ROM's Sahara first, then, on the same endpoints,
 * whatever was uploaded (edl-transport.md section 3: no re-enumeration in between). */
#include "tests/emu/emu_int.h"

#include <stdlib.h>
#include <string.h>

struct edl {
	struct sahara_dev *sahara;
	struct firehose_dev *firehose;
	enum { EDL_SAHARA, EDL_STARTING, EDL_FIREHOSE, EDL_SILENT } at;
	uint64_t start_at;
};

static void *edl_open(struct emu *m, unsigned iface)
{
	struct edl *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->start_at = EMU_NEVER;
	if (m->programmer_runs && m->mode == EMU_EDL) {
		/* A programmer that somebody else uploaded: its banner was read long ago. */
		e->firehose = firehose_dev_new(m, iface);
		e->at = e->firehose ? EDL_FIREHOSE : EDL_SILENT;
		return e;
	}
	e->sahara = sahara_dev_new(m, iface, m->mode == EMU_DUMP);
	if (!e->sahara) {
		free(e);
		return NULL;
	}
	sahara_dev_hello(e->sahara);
	return e;
}

static void edl_close(void *ctx)
{
	struct edl *e = ctx;

	sahara_dev_free(e->sahara);
	firehose_dev_free(e->firehose);
	free(e);
}

static void after_sahara(struct emu *m, struct edl *e)
{
	enum sahara_end end = sahara_dev_end(e->sahara);

	if (end == SAHARA_RUNS)
		return;
	if (end == SAHARA_TO_STREAMING || quirk_hit(&m->quirks, "silent", "start")) {
		e->at = EDL_SILENT; /* a streaming programmer waits for HDLC and says nothing */
		return;
	}
	e->at = EDL_STARTING;
	e->start_at = m->now + quirk_value(&m->quirks, "slow_start", m->model.fh.start_ms);
}

static void start_if_due(struct emu *m, unsigned iface, struct edl *e)
{
	if (e->at != EDL_STARTING || m->now < e->start_at)
		return;
	e->start_at = EMU_NEVER;
	e->firehose = firehose_dev_new(m, iface);
	e->at = e->firehose ? EDL_FIREHOSE : EDL_SILENT;
	if (e->firehose)
		firehose_dev_banner(e->firehose);
}

static int edl_out(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n)
{
	struct edl *e = ctx;
	size_t used = 0;

	start_if_due(m, iface, e);
	if (e->at == EDL_SAHARA) {
		sahara_dev_out(e->sahara, p, n, &used);
		after_sahara(m, e);
		return 0;
	}
	if (e->at == EDL_FIREHOSE)
		firehose_dev_out(e->firehose, p, n);
	/* While the programmer starts nobody listens: what comes then is lost. */
	return 0;
}

static void edl_more(struct emu *m, unsigned iface, void *ctx)
{
	struct edl *e = ctx;

	start_if_due(m, iface, e);
	if (e->at == EDL_FIREHOSE)
		firehose_dev_more(e->firehose);
}

static uint64_t edl_tick(struct emu *m, unsigned iface, void *ctx)
{
	struct edl *e = ctx;

	start_if_due(m, iface, e);
	return e->start_at;
}

const struct emu_function edl_function = {
	.name = "edl",
	.open = edl_open,
	.close = edl_close,
	.out = edl_out,
	.more = edl_more,
	.tick = edl_tick,
};
