/*
 * A module that runs its firmware: its DIAG and AT ports, opened when they are first needed, and what
 * stands on them. Before the first port is opened ModemManager is asked to keep away, and whoever else
 * holds the port is named instead of disturbed. Closing undoes all of it, a mode change included.
 */
#ifndef SALVOR_DEVICE_NORMAL_H
#define SALVOR_DEVICE_NORMAL_H

#include "device/find.h"
#include "device/inhibit.h"
#include "proto/at.h"
#include "proto/diag.h"
#include "proto/efs.h"
#include "proto/nv.h"

struct normal_opts {
	const char *root; /* "" = this machine */
	struct log *log;
	const struct cancel *cancel;
	/* "ttyUSB2", "/dev/ttyUSB2", "unix:PATH", "tcp:HOST:PORT": this port, where its role fits what is
	 * needed or is not known. NULL = by the descriptors. */
	const char *address;
	const char *spc;         /* see diag_opts */
	bool has_password;
	uint8_t password[8];
	uint8_t efs_subsys;      /* 0 = probe */
	bool nv_array_legacy;
	unsigned window;
	uint32_t wait_ms;        /* limit for the restart after offline; 0 = 120 s */
	/* Told what is about to be done to the module; may be NULL. */
	void (*say)(void *ctx, const char *text);
	void *say_ctx;
};

struct normal {
	struct normal_opts opts;
	struct device dev; /* port "" when only an address is known */
	bool prepared;
	struct inhibit *inhibit;
	struct link *diag_link, *at_link;
	struct diag *diag;
	struct efs *efs;
	struct nv *nv;
	struct at *at;
	bool offline; /* we took it there, and only a reset brings it back */
};

/* dev NULL: there is only opts->address. Opens nothing. */
void normal_init(struct normal *m, const struct device *dev, const struct normal_opts *opts);

/* Open what is not open yet. ERR_UNSUPPORTED when the module has no such port; ERR_BUSY with the holder's
 * name; ERR_TIMEOUT when nobody answers there. normal_nv() reads through the file system too where the
 * module gives access to it. */
int normal_diag(struct normal *m, struct err *e) _must_check_;
int normal_efs(struct normal *m, struct err *e) _must_check_;
int normal_nv(struct normal *m, struct err *e) _must_check_;
int normal_at(struct normal *m, struct err *e) _must_check_;

/* Radio off and file system at rest, until normal_close(); says so before. A module that is offline
 * already stays so. */
int normal_go_offline(struct normal *m, struct err *e) _must_check_;

/* Closes everything, after resetting a module that we took offline and waiting until it is back. Also when
 * a signal asked to stop: it must not stay without its radio. Fails when it does not come back; all is
 * closed then too. */
int normal_close(struct normal *m, struct err *e) _must_check_;

#endif
