/* Inside of the DIAG interface: framing and misbehaviour in diag_dev.c, NV, security and mode in
 * diag_nv.c, the file system in diag_efs.c. */
#ifndef SALVOR_EMU_DIAG_INT_H
#define SALVOR_EMU_DIAG_INT_H

#include "tests/emu/modem.h"

#define DIAG_FRAME 4096
#define DIAG_FILES 16
#define DIAG_DIRS  16

/* diag.md section 3.2 */
enum { BAD_CMD = 0x13, BAD_PARM = 0x14, BAD_LEN = 0x15, BAD_MODE = 0x18, BAD_SPC = 0x42,
       BAD_SEC = 0x47 };
#define DIAG_SILENT (-1) /* no answer */

struct diag_file {
	bool used;
	char path[FTREE_PATH];
	uint32_t flags;
};

struct diag_dir {
	uint32_t id; /* 0 = free */
	char path[FTREE_PATH];
	char (*name)[FTREE_PATH]; /* as it was when opened */
	size_t n;
	uint32_t next;
};

struct diag {
	uint8_t rx[DIAG_FRAME];
	size_t n;
	bool esc, junk;
	unsigned asked;          /* requests taken */
	bool dead;
	uint8_t late[2 * DIAG_FRAME]; /* an answer that waits for the next request */
	size_t late_n;
	uint64_t chat_at;
	unsigned log_seq;
	/* EFS2 */
	struct diag_file file[DIAG_FILES];
	struct diag_dir dir[DIAG_DIRS];
	uint32_t next_dir, token;
	uint8_t last[DIAG_FRAME], last_answer[DIAG_FRAME]; /* replay memory */
	size_t last_n, last_answer_n;
};

/* An answer into w, 0; a DIAG error code; or DIAG_SILENT. p begins with the command byte. */
int diag_nv(struct emu *m, const uint8_t *p, size_t n, struct writer *w);
int diag_security(struct emu *m, const uint8_t *p, size_t n, struct writer *w);
int diag_mode(struct emu *m, const uint8_t *p, size_t n, struct writer *w);
int diag_efs(struct emu *m, struct diag *d, const uint8_t *p, size_t n, struct writer *w);
/* What a request is called in quirks: "nv_read", "efs_get" ... */
const char *diag_nv_name(const uint8_t *p, size_t n); /* NULL = not one of these */
const char *diag_efs_name(const uint8_t *p, size_t n);
void diag_efs_close_all(struct diag *d);

#endif
