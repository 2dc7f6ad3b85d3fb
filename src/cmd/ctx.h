/* What a verb is handed. */
#ifndef SALVOR_CMD_CTX_H
#define SALVOR_CMD_CTX_H

#include "base/cancel.h"
#include "base/log.h"
#include "base/progress.h"
#include "cmd/exit.h"
#include "cmd/guard.h"
#include "cmd/render.h"

#include <stdint.h>

struct catalog;
struct cmd;

struct ctx {
	const struct cmd *cmd;
	struct render *render;
	struct log *log;
	struct progress *progress; /* carries `cancel` */
	struct cancel *cancel;
	struct guard guard;
	enum phase phase; /* the verb keeps it true: the exit status follows from it */
	char next[512];   /* the next step to tell after an error; "" = the status's own */

	/* Globals, so that no verb reads them again. */
	const char *port, *serial, *imei; /* which module; NULL = not given */
	const char *root;       /* the folder of an emulated module; NULL = the real thing */
	const char *catalog_option; /* --catalog; NULL = the default place */
	struct catalog *catalog; /* open for verbs that need it; else NULL */
	uint32_t timeout_ms;    /* 0 = what each step takes by itself */
	unsigned timeout_scale; /* 1 = as they are */
};

/* Sets what to tell as next step if the verb fails: "salvor list". Returns -1, like err_set(). */
int ctx_next(struct ctx *c, const char *fmt, ...) _printf_(2, 3);

#endif
