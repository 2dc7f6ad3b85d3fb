/* What efs.c and efs_write.c share; nobody else includes this. */
#ifndef SALVOR_PROTO_EFS_PRIV_H
#define SALVOR_PROTO_EFS_PRIV_H

#include "proto/efs.h"

#define EFS_QUICK_MS 3000
#define EFS_SLOW_MS  10000 /* flash may be erased meanwhile */

struct efs {
	struct diag *d;
	struct efs_opts opts;
	struct efs_hello hello;
	uint8_t ss;
	uint16_t seq;       /* of the last request that carried one; never used twice in a row */
	bool get_only_items; /* the module refused GET for a regular file */
};

extern const struct diag_echo efs_echo_head[];   /* the header alone */
extern const struct diag_echo efs_echo_8[];      /* header and the 4 bytes behind it */
extern const struct diag_echo efs_echo_seq4[];   /* header and the sequence number behind it */

void efs_pause(struct efs *f, uint32_t ms);
/* One exchange; refusals by DIAG get EFS_CODE_DIAG. */
int efs_ask(struct efs *f, const struct writer *w, const struct diag_echo *echo, uint32_t ms, bool read,
	    struct slice *ret, struct err *e) _must_check_;
/* ... whose answer is an errno alone. */
int efs_ask_errno(struct efs *f, const struct writer *w, enum efs_op op, bool read, uint32_t *ret,
		  struct err *e) _must_check_;
/* OPEN or OPENDIR; when too many are open, HELLO closes them all and it is tried again. */
int efs_handle_open(struct efs *f, const struct writer *w, enum efs_op op, const char *path,
		    uint32_t *ret, struct err *e) _must_check_;
/* CLOSE or CLOSEDIR, best effort. */
void efs_handle_close(struct efs *f, enum efs_op op, uint32_t handle);

#endif
