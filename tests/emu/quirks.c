/* Misbehaviour on request. The words are described in quirks.md. */
#include "tests/emu/emu_int.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const known[] = {
	"nak", "silent", "nak_after_data", "nak_mid", "short_read", "unplug_at", "unplug_out",
	"unplug_in", "back", "cut", "split", "glue", "drop_in", "junk", "stall_in", "stall_out",
	"flood", "flood_after", "log_block", "slow_erase", "slow_program", "slow_read", "slow_boot",
	"slow_open", "slow_start", "bad_len", "hello", "start", "secure_boot", "flicker", "lie",
	"enumerate", "port_change", "port", "blink", "stay_edl", "zlp_strict", "no_zlp_in",
	"fail_program", "fail_erase", "bad", "read_bad", "vip", "set", "blank", "stray",
	"configure_first", "zlp_before_data",
	"latency", "late", "repeat", "wrong", "bad_crc", "diag_error", "logs", "chatter", "dead_after",
	"nv_error", "nv_hang", "nv_indexed", "nv_wiped", "write_once", "spc", "spc_item", "locked",
	"efs_error", "deny", "no_list", "hide", "fds", "dirs", "emfile", "read_max", "journal",
	"lose_unsynced", "sync", "sync_ms", "entry_type", "blind_items", "eexist", "unlink_missing",
	"get_regular", "open_item", "open_both", "efs_3e", "hang26", "crash", "self_heal",
	"at", "at_error", "at_dead_after", "urc", "qgmr", "qgmr_short", "cgsn", "egmr", "sim",
	"no_service", "usbnet", "qprtpara", "slow_copy", "qnvfd_cfun0",
};

int quirks_add(struct emu_quirks *qs, const char *spec, char *why, size_t why_n)
{
	struct emu_quirk q = { .count = UINT_MAX };
	char text[192], *save = NULL, *part, *eq;
	size_t i;

	if (qs->n == EMU_MAX_QUIRKS) {
		snprintf(why, why_n, "more than %d quirks at once", EMU_MAX_QUIRKS);
		return -1;
	}
	if (strlen(spec) >= sizeof(text)) {
		snprintf(why, why_n, "quirk '%.40s...' is too long", spec);
		return -1;
	}
	strcpy(text, spec);
	part = strtok_r(text, ",", &save);
	if (!part) {
		snprintf(why, why_n, "an empty quirk");
		return -1;
	}
	eq = strchr(part, '=');
	if (eq) {
		*eq = '\0';
		snprintf(q.arg, sizeof(q.arg), "%s", eq + 1);
		q.value = strtoull(q.arg, NULL, 0);
	}
	snprintf(q.word, sizeof(q.word), "%s", part);
	for (i = 0; i < ARRAY_SIZE(known) && strcmp(known[i], q.word) != 0; i++)
		;
	if (i == ARRAY_SIZE(known)) {
		snprintf(why, why_n, "no quirk is called '%s' (tests/emu/quirks.md lists them)", q.word);
		return -1;
	}
	while ((part = strtok_r(NULL, ",", &save))) {
		eq = strchr(part, '=');
		if (!eq) {
			snprintf(why, why_n, "'%s' in quirk '%s' has no value", part, spec);
			return -1;
		}
		*eq++ = '\0';
		if (!strcmp(part, "after")) {
			q.after = (unsigned)strtoul(eq, NULL, 10);
		} else if (!strcmp(part, "count")) {
			q.count = (unsigned)strtoul(eq, NULL, 10);
		} else if (!strcmp(part, "nth")) {
			q.after = (unsigned)strtoul(eq, NULL, 10);
			q.after -= q.after > 0;
			q.count = 1;
		} else if (!strcmp(part, "size")) {
			q.value = strtoull(eq, NULL, 0);
		} else {
			snprintf(why, why_n, "quirk '%s' knows after=, count=, nth= and size=, not '%s'",
				 q.word, part);
			return -1;
		}
	}
	qs->q[qs->n++] = q;
	return 0;
}

const struct emu_quirk *quirk_take(struct emu_quirks *qs, const char *word, const char *what)
{
	const struct emu_quirk *hit = NULL;
	unsigned i;

	for (i = 0; i < qs->n; i++) {
		struct emu_quirk *q = &qs->q[i];

		if (strcmp(q->word, word) != 0)
			continue;
		if (what && q->arg[0] && strcmp(q->arg, what) != 0 && strcmp(q->arg, "any") != 0)
			continue;
		q->seen++;
		if (q->seen > q->after && q->seen - q->after <= q->count)
			hit = q;
	}
	return hit;
}

bool quirk_hit(struct emu_quirks *qs, const char *word, const char *what)
{
	return quirk_take(qs, word, what) != NULL;
}

const struct emu_quirk *quirk_find(const struct emu_quirks *qs, const char *word)
{
	unsigned i;

	for (i = 0; i < qs->n; i++)
		if (!strcmp(qs->q[i].word, word))
			return &qs->q[i];
	return NULL;
}

uint64_t quirk_value(const struct emu_quirks *qs, const char *word, uint64_t dflt)
{
	const struct emu_quirk *q = quirk_find(qs, word);

	return q ? q->value : dflt;
}

bool quirk_is(const struct emu_quirks *qs, const char *word, const char *arg)
{
	unsigned i;

	for (i = 0; i < qs->n; i++)
		if (!strcmp(qs->q[i].word, word) && !strcmp(qs->q[i].arg, arg))
			return true;
	return false;
}
