#include "db/identity.h"

#include "model/imei.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const evidence_names[] = {
	[EVIDENCE_NONE] = "none",         [EVIDENCE_CHIP] = "chip",
	[EVIDENCE_SNAPSHOT] = "snapshot", [EVIDENCE_RAW] = "raw",
	[EVIDENCE_ATTESTED] = "attested", [EVIDENCE_IMPORTED] = "imported",
};

static const char *const code_names[IDENTITY_CODES] = {
	[IDENTITY_OK] = "ok",
	[IDENTITY_KNOWN] = "known",
	[IDENTITY_CORRECTION] = "correction",
	[IDENTITY_FORM] = "form",
	[IDENTITY_CHECK_DIGIT] = "check-digit",
	[IDENTITY_PLACEHOLDER] = "placeholder",
	[IDENTITY_TEST_RANGE] = "test-range",
	[IDENTITY_TYPED_DIFFER] = "typed-differ",
	[IDENTITY_NO_REASON] = "no-reason",
	[IDENTITY_NO_LABEL] = "no-label",
	[IDENTITY_NO_CHIP] = "no-chip",
	[IDENTITY_RETIRED] = "retired",
	[IDENTITY_OTHER_CHIP] = "other-chip",
	[IDENTITY_OTHER_RECORD] = "other-record",
	[IDENTITY_OTHER_SLOT] = "other-slot",
	[IDENTITY_CONFIRMED] = "confirmed",
	[IDENTITY_CONTRADICTION] = "contradiction",
	[IDENTITY_CORRECTED] = "corrected",
	[IDENTITY_DONOR_DATA] = "donor-data",
	[IDENTITY_TAC_MODEL] = "tac-model",
	[IDENTITY_TAC_VARIANT] = "tac-variant",
	[IDENTITY_TAC_UNKNOWN] = "tac-unknown",
	[IDENTITY_IMPORTED] = "imported",
	[IDENTITY_UNKNOWN] = "unknown",
	[IDENTITY_MODEL_CHANGED] = "model-changed",
	[IDENTITY_CHIP_CHANGED] = "chip-changed",
};

const char *identity_evidence_name(enum identity_evidence ev)
{
	return (size_t)ev < ARRAY_SIZE(evidence_names) ? evidence_names[ev] : "none";
}

enum identity_evidence identity_evidence_parse(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(evidence_names); i++) {
		if (strcmp(evidence_names[i], name) == 0)
			return (enum identity_evidence)i;
	}
	return EVIDENCE_NONE;
}

const char *identity_code_name(enum identity_code code)
{
	return (size_t)code < IDENTITY_CODES ? code_names[code] : "unknown";
}

static void decide(struct identity_decision *d, enum identity_verdict verdict,
		   enum identity_code code, const char *fmt, ...) _printf_(4, 5);

static void decide(struct identity_decision *d, enum identity_verdict verdict,
		   enum identity_code code, const char *fmt, ...)
{
	va_list ap;

	d->verdict = verdict;
	d->code = code;
	va_start(ap, fmt);
	vsnprintf(d->text, sizeof(d->text), fmt, ap);
	va_end(ap);
}

#define refuse(d, code, ...) (decide(d, IDENTITY_REFUSE, code, __VA_ARGS__), true)

static bool is_blank(const char *s)
{
	return !s || s[strspn(s, " \t\r\n")] == '\0';
}

/* What the chip itself holds or held, against what a person or a file says. */
static bool is_own_record(enum identity_evidence ev)
{
	return ev == EVIDENCE_CHIP || ev == EVIDENCE_SNAPSHOT || ev == EVIDENCE_RAW;
}

/* Is the number one at all? True when it was refused. */
static bool form_refused(const struct identity_claim *c, struct identity_decision *d)
{
	struct err e = ERR_INIT;
	struct imei im, again;
	size_t n = strspn(c->number, "0123456789");

	if (n == 15 && !c->number[n] && imei_is_placeholder(c->number))
		return refuse(d, IDENTITY_PLACEHOLDER,
			      "this is what empty modules bear, it names none of them");
	if (imei_parse(c->number, &im, &e) < 0)
		return refuse(d, n == 15 && !c->number[n] ? IDENTITY_CHECK_DIGIT : IDENTITY_FORM,
			      "%.250s", e.msg);
	if (imei_is_placeholder(im.digits))
		return refuse(d, IDENTITY_PLACEHOLDER,
			      "this is what empty modules bear, it names none of them");
	memcpy(d->number, im.digits, sizeof(d->number));
	if (c->evidence != EVIDENCE_ATTESTED)
		return false;
	if (imei_is_test(im.digits))
		return refuse(
			d, IDENTITY_TEST_RANGE,
			"numbers that begin with 00 are for test equipment; they are read from a "
			"chip's own records, never typed");
	if (!c->number_again || imei_parse(c->number_again, &again, &e) < 0 ||
	    strcmp(im.digits, again.digits) != 0)
		return refuse(d, IDENTITY_TYPED_DIFFER,
			      "the number was not typed the same way twice; read the label again");
	if (is_blank(c->label_serial))
		return refuse(d, IDENTITY_NO_LABEL,
			      "a number from the label needs the label's serial number beside it");
	if (is_blank(c->reason))
		return refuse(d, IDENTITY_NO_REASON,
			      "a typed number needs a reason, for the audit log");
	return false;
}

/* Does somebody else bear it, or may this module have no number so? */
static bool owner_refused(const struct identity_claim *c, const struct identity_facts *f,
			  struct identity_decision *d)
{
	if (f->retired)
		return refuse(d, IDENTITY_RETIRED,
			      "this module's record is retired: it gets no number any more");
	if (!f->has_chip && c->evidence != EVIDENCE_CHIP && c->evidence != EVIDENCE_IMPORTED)
		return refuse(
			d, IDENTITY_NO_CHIP,
			"the chip serial of this module is not known; let it be seen in EDL first");
	if (f->other && f->other_has_chip)
		return refuse(
			d, IDENTITY_OTHER_CHIP,
			"this number belongs to another module, %s; if that one is gone for good, "
			"retire its record",
			f->other_name);
	if (f->other)
		return refuse(
			d, IDENTITY_OTHER_RECORD,
			"a module with this number, %s, is known and was never seen in EDL; if it is "
			"this one, link the two records",
			f->other_name);
	if (f->other_slot)
		return refuse(d, IDENTITY_OTHER_SLOT,
			      "this is the number of the module's other SIM slot");
	return false;
}

/* A number stands already, and it is another one. */
static void decide_change(const struct identity_claim *c, const struct identity_facts *f,
			  struct identity_decision *d)
{
	char now[32];
	bool own = is_own_record(c->evidence);

	imei_mask(f->current, now);
	if (f->confirmed)
		decide(d, IDENTITY_REFUSE, IDENTITY_CONFIRMED,
		       "this module has the number %s, read back from the chip; it cannot be replaced by "
		       "another",
		       now);
	else if (f->current_evidence == EVIDENCE_ATTESTED && c->evidence == EVIDENCE_ATTESTED &&
		 f->corrected)
		decide(d, IDENTITY_REFUSE, IDENTITY_CORRECTED,
		       "the typed number of this module, %s, was corrected once already", now);
	else if (c->evidence == EVIDENCE_ATTESTED ? f->current_evidence != EVIDENCE_ATTESTED
						  : !own || is_own_record(f->current_evidence))
		decide(d, IDENTITY_REFUSE, IDENTITY_CONTRADICTION,
		       "this module has the number %s already, on the evidence '%s'; a person has to find "
		       "out which one is right",
		       now, identity_evidence_name(f->current_evidence));
	else
		decide(d, IDENTITY_WARN, IDENTITY_CORRECTION,
		       "replaces the number %s (evidence '%s')", now,
		       identity_evidence_name(f->current_evidence));
}

/* Verdict of the type allocation code; true when it refuses or warns. */
static bool tac_speaks(const struct identity_claim *c, const struct identity_facts *f,
		       struct identity_decision *d)
{
	switch (f->tac) {
	case TAC_OTHER_MODEL:
		return refuse(
			d, IDENTITY_TAC_MODEL,
			"numbers that begin with %.8s belong to the model %s, not to this one",
			d->number, f->tac_model);
	case TAC_OTHER_VARIANT:
		decide(d, IDENTITY_WARN, IDENTITY_TAC_VARIANT,
		       "numbers that begin with %.8s were seen with %s only, another variant of the model",
		       d->number, f->tac_model);
		return true;
	case TAC_UNKNOWN:
		/* What the chip itself says is how codes are learned. */
		if (is_own_record(c->evidence))
			return false;
		decide(d, IDENTITY_WARN, IDENTITY_TAC_UNKNOWN,
		       "no module of this model with a number that begins with %.8s was seen so far",
		       d->number);
		return true;
	case TAC_SAME:
		break;
	}
	return false;
}

void identity_decide(const struct identity_claim *claim, const struct identity_facts *facts,
		     struct identity_decision *ret)
{
	bool same;

	memset(ret, 0, sizeof(*ret));
	if (form_refused(claim, ret) || owner_refused(claim, facts, ret))
		return;
	same = strcmp(facts->current, ret->number) == 0;
	/* After a transplant the storage speaks for the donor, whatever it says. */
	if (!same && facts->rf_donor && is_own_record(claim->evidence)) {
		decide(ret, IDENTITY_REFUSE, IDENTITY_DONOR_DATA,
		       "this module's storage holds a donor's data; what it says is not its own number");
		return;
	}
	if (same) {
		decide(ret, IDENTITY_ACCEPT, IDENTITY_KNOWN, "this is the module's number already");
		return;
	}
	if (facts->current[0]) {
		decide_change(claim, facts, ret);
		/* A correction must still fit the model. */
		if (ret->verdict == IDENTITY_REFUSE || facts->tac != TAC_OTHER_MODEL)
			return;
	}
	if (!tac_speaks(claim, facts, ret))
		decide(ret, IDENTITY_ACCEPT, IDENTITY_OK, "accepted on the evidence '%s'",
		       identity_evidence_name(claim->evidence));
}

int identity_refused(const struct identity_decision *d, struct err *e)
{
	char shown[32];

	imei_mask(d->number, shown);
	return err_set_code(e, ERR_POLICY, (int32_t)d->code, "number %s refused: %s",
			    shown[0] ? shown : "(not one)", d->text);
}
