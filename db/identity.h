/*
 * Whose number is it? The rules by which a number counts as a module's own, as decisions without
 * side effects, and the store that keeps what was decided.
 *
 * A number is accepted for a chip on evidence, best first: read from the chip now; from an earlier
 * snapshot of this chip; from this chip's own raw efs2; typed twice from the label, with the
 * label's serial number and a reason. A number that another module bears is refused without
 * override: the only way is to retire the other record. No function here makes a number or takes
 * more than one.
 */
#ifndef SALVOR_DB_IDENTITY_H
#define SALVOR_DB_IDENTITY_H

#include "base/attr.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum identity_evidence {
	EVIDENCE_NONE,
	EVIDENCE_CHIP,     /* read from the chip while its firmware runs */
	EVIDENCE_SNAPSHOT, /* in an earlier snapshot of this chip */
	EVIDENCE_RAW,      /* in raw efs2 or its copies, read from this chip */
	EVIDENCE_ATTESTED, /* typed twice from the label by a person who gives a reason */
	EVIDENCE_IMPORTED, /* told by another catalogue: blocks others, proves nothing */
};

/* "chip", "snapshot", "raw", "attested", "imported"; "none". */
const char *identity_evidence_name(enum identity_evidence ev);
enum identity_evidence identity_evidence_parse(const char *name); /* EVIDENCE_NONE when unknown */

enum identity_verdict {
	IDENTITY_ACCEPT,
	IDENTITY_WARN /* accepted; say the text */,
	IDENTITY_REFUSE
};

/* The codes are an interface (JSON output): only ever added. */
enum identity_code {
	IDENTITY_OK,
	IDENTITY_KNOWN,      /* it is this module's number already */
	IDENTITY_CORRECTION, /* replaces an unconfirmed number */
	IDENTITY_FORM,       /* not 15 digits */
	IDENTITY_CHECK_DIGIT,
	IDENTITY_PLACEHOLDER,
	IDENTITY_TEST_RANGE,   /* reporting body 00, and typed */
	IDENTITY_TYPED_DIFFER, /* the two typings */
	IDENTITY_NO_REASON,
	IDENTITY_NO_LABEL,
	IDENTITY_NO_CHIP,       /* evidence "of this chip", and no chip serial */
	IDENTITY_RETIRED,       /* the module's record is retired */
	IDENTITY_OTHER_CHIP,    /* another module bears it */
	IDENTITY_OTHER_RECORD,  /* so does a record that has not been met in EDL: perhaps the same
				   module */
	IDENTITY_OTHER_SLOT,    /* the module's other SIM slot bears it */
	IDENTITY_CONFIRMED,     /* the module has another one, read back from the chip */
	IDENTITY_CONTRADICTION, /* the module has another one on evidence as good or better */
	IDENTITY_CORRECTED,     /* the one correction was made already */
	IDENTITY_DONOR_DATA,    /* what the chip says is a donor's */
	IDENTITY_TAC_MODEL,     /* the type allocation code belongs to another model */
	IDENTITY_TAC_VARIANT,   /* ... seen only with other variants of the model */
	IDENTITY_TAC_UNKNOWN,   /* ... never seen */
	IDENTITY_IMPORTED,      /* all we have is another catalogue's word */
	IDENTITY_UNKNOWN,       /* the module's own number is not known */
	IDENTITY_MODEL_CHANGED, /* a known module calls itself another model or variant */
	IDENTITY_CHIP_CHANGED,  /* a known chip tells another key hash, or cannot be told from
				   another */
};
#define IDENTITY_CODES (IDENTITY_CHIP_CHANGED + 1)

/* Stable word: "other-chip". */
const char *identity_code_name(enum identity_code code);

struct identity_claim {
	const char *number, *number_again; /* the second typing; only for EVIDENCE_ATTESTED */
	unsigned slot;                     /* 1 or 2 */
	enum identity_evidence evidence;
	const char *reason, *label_serial; /* only for EVIDENCE_ATTESTED; else may be NULL */
	const char *snapshot;              /* hash of what the evidence is in; may be NULL */
	const char *when; /* when the evidence was read from the chip; NULL = now */
};

enum identity_tac { TAC_UNKNOWN, TAC_SAME, TAC_OTHER_VARIANT, TAC_OTHER_MODEL };

/* What the catalogue knows that bears on a claim. */
struct identity_facts {
	bool has_chip, retired;
	bool rf_donor; /* a donor's data was in the storage when the evidence was read */
	bool model_known;
	/* The module's present number in that slot; "" = none. */
	char current[16];
	enum identity_evidence current_evidence;
	bool confirmed;
	unsigned corrected;
	/* Who else bears the claimed number. */
	bool other; /* another module */
	bool other_has_chip;
	char other_name[48]; /* for the message: label, or masked chip serial */
	bool other_slot;     /* this module in its other slot */
	enum identity_tac tac;
	char tac_model[48]; /* whose it is, when it is another's */
};

struct identity_decision {
	enum identity_verdict verdict;
	enum identity_code code;
	char number[16]; /* digits alone, when the form was right */
	char text[256];  /* for a person; numbers are masked in it */
};

/* Pure: the same claim and facts always give the same decision. */
void identity_decide(const struct identity_claim *claim, const struct identity_facts *facts,
		     struct identity_decision *ret);

struct catalog;

/* Looks up the facts. */
int identity_facts_read(struct catalog *c, int64_t module, const struct identity_claim *claim,
			struct identity_facts *ret, struct err *e) _must_check_;
/* Decides, stores what was accepted, and records either in the audit log. A refusal is success with
 * its verdict in `ret`: the caller says the text and stops (identity_refused() makes the error). */
int identity_claim(struct catalog *c, int64_t module, const struct identity_claim *claim,
		   struct identity_decision *ret, struct err *e) _must_check_;
/* ERR_POLICY with the decision's text; code = enum identity_code. */
int identity_refused(const struct identity_decision *d, struct err *e) _must_check_;
/* The module was asked after a write and a reset. The same number: it counts as confirmed from now
 * on. Another: held for a person, and ERR_MISMATCH. */
int identity_confirm(struct catalog *c, int64_t module, unsigned slot, const char *read_back,
		     struct err *e) _must_check_;
/* The number that may be written into this module: its own, on evidence better than another
 * catalogue's word. ERR_POLICY, with what to do, when there is none. */
int identity_own(struct catalog *c, int64_t module, unsigned slot, char ret_number[16],
		 enum identity_evidence *ret_evidence, struct err *e) _must_check_;
/* Tells the catalogue that numbers of this type allocation code (8 digits) belong to a model. */
int identity_learn_tac(struct catalog *c, const char *tac, const char *model, const char *variant,
		       struct err *e) _must_check_;

#endif
