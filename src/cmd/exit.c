#include "cmd/exit.h"

static const struct exit_row rows[] = {
	{ STATUS_OK, "ok", "done", NULL, NULL },
	{ STATUS_FAILED, "failed", "this computer failed, or salvor has a bug", NULL, NULL },
	{ STATUS_USAGE, "usage", "the command line makes no sense; nothing was done", NULL, NULL },
	{ STATUS_NODEV, "no-device", "no such module is attached", NULL,
	  "check cable and power, then run 'salvor list'" },
	{ STATUS_BUSY, "busy", "somebody else holds the module or its port", NULL,
	  "end the program that is named above, then run the same command again" },
	{ STATUS_UNTOUCHED, "untouched", "refused before the first change; the module is as it was",
	  "nothing was changed", NULL },
	{ STATUS_MIDWRITE, "mid-write", "failed while writing; can be resumed",
	  "the module was being written and may not start by itself",
	  "do not unplug it; run the same command again" },
	{ STATUS_POLICY, "policy", "refused by salvor's own rules on identity and loss",
	  "nothing was changed", NULL },
	{ STATUS_UNVERIFIED, "unverified",
	  "what was written or stored differs from what it must be",
	  "the content cannot be trusted", NULL },
	{ STATUS_INCOMPLETE, "incomplete", "done in part: something is missing from the backup",
	  "what was read is kept, but it is not a complete backup", NULL },
	{ STATUS_CATALOG, "catalog", "the catalogue is missing or locked", NULL, NULL },
	{ STATUS_KEY, "key", "wrong key", NULL, NULL },
	{ STATUS_LINK, "link", "the conversation with the module failed; nothing was written",
	  "nothing was written; what the module does now is not known",
	  "run 'salvor list' to see its state" },
	{ STATUS_INTERRUPTED, "interrupted", "interrupted by a signal", NULL, NULL },
};

enum status exit_of(enum err_kind kind, enum phase phase)
{
	if (kind == ERR_NONE)
		return STATUS_OK;
	/* The same in every phase: who asked to stop knows why, and a wrong command line never got
	 * as far as a module. */
	if (kind == ERR_CANCELLED)
		return STATUS_INTERRUPTED;
	if (kind == ERR_USAGE && phase != PHASE_WRITE)
		return STATUS_USAGE;

	switch (phase) {
	case PHASE_WRITE:
		return STATUS_MIDWRITE;
	case PHASE_VERIFY:
		return kind == ERR_PARTIAL ? STATUS_INCOMPLETE : STATUS_UNVERIFIED;
	case PHASE_CATALOG:
		return kind == ERR_POLICY ? STATUS_POLICY : STATUS_CATALOG;
	case PHASE_KEY:
		return kind == ERR_HOST || kind == ERR_NOMEM || kind == ERR_BUG ? STATUS_FAILED
										: STATUS_KEY;
	case PHASE_START:
	case PHASE_PREFLIGHT:
		break;
	}

	switch (kind) {
	case ERR_NODEV:
		return STATUS_NODEV;
	case ERR_BUSY:
		return STATUS_BUSY;
	case ERR_POLICY:
		return STATUS_POLICY;
	case ERR_PARTIAL:
		return STATUS_INCOMPLETE;
	case ERR_LINK:
	case ERR_TIMEOUT:
	case ERR_GONE:
	case ERR_PROTO:
		return STATUS_LINK;
	case ERR_REFUSED:
		return phase == PHASE_PREFLIGHT ? STATUS_UNTOUCHED : STATUS_LINK;
	case ERR_UNSUPPORTED:
	case ERR_MISMATCH:
		return STATUS_UNTOUCHED;
	case ERR_INTEGRITY:
		return phase == PHASE_PREFLIGHT ? STATUS_UNTOUCHED : STATUS_UNVERIFIED;
	case ERR_HOST:
	case ERR_NOMEM:
	case ERR_BUG:
	default:
		return phase == PHASE_PREFLIGHT ? STATUS_UNTOUCHED : STATUS_FAILED;
	}
}

const struct exit_row *exit_row_at(size_t i)
{
	return i < ARRAY_SIZE(rows) ? &rows[i] : NULL;
}

const struct exit_row *exit_row(enum status status)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].status == status)
			return &rows[i];
	}
	return NULL;
}

bool exit_is_listed(unsigned exits, enum status status)
{
	if (status == STATUS_INTERRUPTED)
		return true;
	return status < 32 && ((exits | EXITS_ALL) & EXITS(status)) != 0;
}
