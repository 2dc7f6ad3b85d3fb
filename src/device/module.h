/*
 * A module on the cable: from where it was found to a running programmer with known storage, and
 * back to where it was found. The ladder is: enter EDL (asked over DIAG when the firmware runs, by
 * reset when a crashed module offers its memory), Sahara, identity, programmer, Firehose, storage,
 * partition table.
 */
#ifndef SALVOR_DEVICE_MODULE_H
#define SALVOR_DEVICE_MODULE_H

#include "base/log.h"
#include "base/progress.h"
#include "device/find.h"
#include "device/inhibit.h"
#include "device/loader.h"
#include "model/chip_id.h"
#include "model/geometry.h"
#include "model/partition.h"
#include "proto/firehose.h"
#include "proto/sahara.h"

struct module_opts {
	const char *root; /* "" = this machine */
	struct log *log;
	struct progress *progress;
	const struct cancel *cancel;
	const struct loader_set *loaders; /* NULL: good enough while a programmer already runs */
	enum storage_type storage;        /* STORAGE_UNKNOWN = ask the target */
	enum link_zlp zlp;
	bool no_probe;              /* never write to a silent device */
	uint32_t wait_ms;           /* limit for each re-enumeration; 0 = 90 s */
	uint32_t timeout_scale_pct; /* 0 = 100 */
	/* Told what is being done now ("entering EDL", "loading the programmer"); may be NULL. */
	void (*say)(void *ctx, const char *text);
	void *say_ctx;
};

struct module {
	struct module_opts opts;
	struct device dev;          /* as it is on the bus now */
	enum device_state found_as; /* what it was when we came */
	struct inhibit *inhibit;    /* ModemManager's, from EDL entry to close */
	bool was_switched;          /* it re-enumerated under our eyes */
	struct link *link;
	struct sahara *sahara;     /* before the programmer runs */
	struct firehose *firehose; /* after */
	struct chip_id chip; /* what is known of it; has_serial also from the USB product text */
	struct geometry geometry;
	struct table table; /* kind TABLE_NONE when none was found */
	char no_table[128]; /* why, when the kind is TABLE_NONE */
};

/* Takes over a copy of `dev`. Opens nothing yet. A dev whose port is "unix:PATH" or "tcp:HOST:PORT"
 * is EDL over a byte stream: there is no bus to wait on. */
void module_init(struct module *m, const struct device *dev, const struct module_opts *opts);
/* Brings a module that runs its firmware, or offers its memory, into EDL; one that is there stays.
 * On return dev is the EDL device. Sends the DIAG switch frame only to a module in normal mode. */
int module_enter_edl(struct module *m, struct err *e) _must_check_;
/* Opens the EDL link and finds out what listens there. sahara_state() tells. */
int module_open_sahara(struct module *m, struct err *e) _must_check_;
/* All the way: EDL, identity, programmer, Firehose, storage, table. */
int module_open_edl(struct module *m, struct err *e) _must_check_;
/* Reads the partition table anew (after it was written). */
int module_read_table(struct module *m, struct err *e) _must_check_;

/* Takes the module out of EDL by a reset and waits until it is back in normal mode. ERR_TIMEOUT
 * when it is not, ERR_MISMATCH when it came back in EDL: it did not boot. `verify` false: does not
 * wait. */
int module_leave_edl(struct module *m, bool verify, struct err *e) _must_check_;
/* Closes sessions and link; sends nothing. */
void module_close(struct module *m);

#endif
