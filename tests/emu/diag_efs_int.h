/* Inside of the file system over DIAG: diag_efs.c has the table of commands and what they share,
 * diag_efs_file.c content, diag_efs_name.c names and directories. */
#ifndef SALVOR_EMU_DIAG_EFS_INT_H
#define SALVOR_EMU_DIAG_EFS_INT_H

#include "tests/emu/diag_int.h"

/* Section 3.1 and 3.2 */
enum { E_OK = 0, E_PERM = 1, E_NOENT = 2, E_EXIST = 6, E_BADF = 9, E_ACCES = 13, E_NOTDIR = 20,
       E_ISDIR = 21, E_INVAL = 22, E_MFILE = 24, E_NOSPC = 28, E_RANGE = 34, E_NAMETOOLONG = 36,
       E_NOTEMPTY = 39, E_LOOP = 40, E_NOTITM = 303, E_NOTHINGTOSYNC = 306 };
#define S_SEQUENCE 0x40000002u
#define S_NOT_OPEN 0x40000003u
#define S_MANY_DIRS 0x40000007u
#define S_MANY_FILES 0x40000009u
/* Section 4.1 */
#define O_WRONLY_   0x1u
#define O_RDWR_     0x2u
#define O_CREAT_    0x40u
#define O_EXCL_     0x80u
#define O_TRUNC_    0x200u
#define O_APPEND_   0x400u
#define O_ITEMFILE_ 0x40000u
#define O_AUTODIR_  0x80000u

#define READ_MAX 1024
#define FILE_MAX (8u << 20)

struct ask {
	struct emu *m;
	struct diag *d;
	struct ftree *t;
	const uint8_t *p;
	size_t n;
	struct writer *w;
	char path[FTREE_PATH]; /* of path_at() */
	uint32_t err;
};

/* The string at `off`; NULL when its terminator is missing. */
const char *efs_text_at(const struct ask *a, size_t off);
/* Brings the path into a->path and an error into a->err. A DIAG error, or 0. */
int efs_path_at(struct ask *a, size_t off);
/* The node of a->path, links followed on the way, and at its end when asked to. */
struct fnode *efs_resolve(struct ask *a, bool follow);
/* May something be made at a->path? */
bool efs_parent_is_there(struct ask *a);
/* Counts a change; false when there is an error already, or the journal is full. */
bool efs_journal(struct ask *a);
uint32_t efs_exists_error(struct emu *m);
void efs_head(struct ask *a);
/* Header, errno; header, sequence number, errno. */
int efs_answer_err(struct ask *a);
int efs_answer_seq(struct ask *a);
uint32_t efs_mode_of(const struct fnode *f);
/* The open file; E_BADF. The node behind it, NULL for a NULL handle; E_NOENT. */
struct diag_file *efs_file_of(struct ask *a, uint32_t fd);
struct fnode *efs_node_of(struct ask *a, const struct diag_file *h);

int efs_do_open(struct ask *a);
int efs_do_close(struct ask *a);
int efs_do_read(struct ask *a);
int efs_do_write(struct ask *a);
int efs_do_truncate(struct ask *a);
int efs_do_ftruncate(struct ask *a);
int efs_do_put(struct ask *a);
int efs_do_get(struct ask *a);
int efs_do_symlink(struct ask *a);
int efs_do_readlink(struct ask *a);
int efs_do_unlink(struct ask *a);
int efs_do_rmdir(struct ask *a);
int efs_do_mkdir(struct ask *a);
int efs_do_rename(struct ask *a);
int efs_do_chmod(struct ask *a);
int efs_do_chown(struct ask *a);
int efs_do_access(struct ask *a);
int efs_do_deltree(struct ask *a);
int efs_do_stat(struct ask *a);
int efs_do_fstat(struct ask *a);
int efs_do_lstat(struct ask *a);
int efs_do_statfs(struct ask *a);
int efs_do_statvfs(struct ask *a);
int efs_do_dev_info(struct ask *a);
int efs_do_md5(struct ask *a);
int efs_do_opendir(struct ask *a);
int efs_do_readdir(struct ask *a);
int efs_do_closedir(struct ask *a);

#endif
