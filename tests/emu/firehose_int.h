/* What the files of the emulated Firehose programmer share. */
#ifndef SALVOR_EMU_FIREHOSE_INT_H
#define SALVOR_EMU_FIREHOSE_INT_H

#include "tests/emu/emu_int.h"

#include "base/digest.h"

#define FH_MAX_XML   4096 /* MaxXMLSizeInBytes, firehose.md section 4 */
#define FH_MAX_ATTR  32

struct fh_attr {
	char name[48], value[160];
};

struct fh_tag {
	char name[48];
	struct fh_attr attr[FH_MAX_ATTR];
	unsigned n;
};

enum fh_state { FH_XML, FH_RAW_IN, FH_RAW_OUT };

struct firehose_dev {
	struct emu *m;
	unsigned iface;
	bool b;                 /* family B */
	enum fh_state state;
	uint8_t xml[FH_MAX_XML + 1];
	size_t xml_n;
	/* what configure settled */
	bool configured, zlp_aware, skip_write, wrong_storage, opened;
	char memory[24];
	uint32_t payload;
	/* a raw phase */
	char cmd[24];           /* "program", "read": for quirks */
	uint32_t lun;
	uint64_t sector;        /* next physical sector */
	uint64_t first, limit;  /* start of the range; first sector that is out of bounds */
	uint64_t left;          /* bytes still to pass */
	uint64_t stop_at;       /* quirks: bytes left at which to misbehave */
	uint8_t *page;          /* a sector that is not whole yet */
	size_t page_n;
	char failed[160];       /* why the raw phase ends in NAK, or "" */
	unsigned error_number;
	const char *error_name;
	unsigned skipped;
};

/* xml */
/* Takes one document apart. Returns the number of tags, 0 with `why` when it is malformed. */
unsigned fh_parse(const struct firehose_dev *f, const char *text, struct fh_tag *tags, unsigned max,
		  char *why, size_t why_n);
const char *fh_attr(const struct fh_tag *t, const char *name);
void fh_log(struct firehose_dev *f, const char *level, const char *fmt, ...) _printf_(3, 4);
/* rawmode: -1 leaves the attribute out. */
void fh_response(struct firehose_dev *f, bool ack, int rawmode, const char *more);
/* The failure of a command: family A prints "ERROR n: Line l: NAME" first (section 17). */
void fh_fail(struct firehose_dev *f, unsigned number, const char *name);
/* Quirks that strike at the start of any command; true when the command is over. */
bool fh_interrupted(struct firehose_dev *f, const char *cmd);

/* storage commands */
void fh_erase(struct firehose_dev *f, const struct fh_tag *t);
void fh_program(struct firehose_dev *f, const struct fh_tag *t);
void fh_read(struct firehose_dev *f, const struct fh_tag *t);
void fh_patch(struct firehose_dev *f, const struct fh_tag *t);
void fh_digest(struct firehose_dev *f, const struct fh_tag *t);
void fh_storage_info(struct firehose_dev *f, const struct fh_tag *t);
void fh_harden(struct firehose_dev *f, const struct fh_tag *t);
/* Raw bytes from the host; returns how many were taken. */
size_t fh_raw_in(struct firehose_dev *f, const uint8_t *p, size_t n);
void fh_raw_out(struct firehose_dev *f);

/* The range attributes of a storage command. false: the NAK is on its way. */
struct fh_range {
	uint32_t lun;
	uint64_t start, n;
	bool has_start, has_n;
};
bool fh_open_storage(struct firehose_dev *f, const char *cmd);
bool fh_range_get(struct firehose_dev *f, const struct fh_tag *t, const char *cmd,
		  struct fh_range *r);
/* "123", "NUM_DISK_SECTORS-33." (section 12.1) */
bool fh_number(const struct firehose_dev *f, uint32_t lun, const char *text, uint64_t *ret);

#endif
