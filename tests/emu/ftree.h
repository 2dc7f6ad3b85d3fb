/*
 * The modem's file system as its running firmware sees it: a sorted list of paths. What it is on flash
 * is the business of fs_flash.c. Paths are absolute, without "//", "." or a slash at the end; the root
 * is the node "/".
 */
#ifndef SALVOR_EMU_FTREE_H
#define SALVOR_EMU_FTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FTREE_PATH 256

/* efs2-diag.md section 4.2: type bits as the firmware reports them */
enum fnode_type { FN_FILE = 0x8000, FN_ITEM = 0xe000, FN_DIR = 0x4000, FN_LINK = 0xa000 };

struct fnode {
	char *path;
	enum fnode_type type;
	uint16_t mode;  /* permission bits */
	uint32_t mtime;
	uint8_t *data;  /* content; a link's target without NUL */
	size_t n;
};

struct ftree {
	struct fnode *node;
	size_t n, cap;
};

void ftree_fini(struct ftree *t);
/* Makes an empty tree: nothing but the root. */
int ftree_init(struct ftree *t);
int ftree_copy(struct ftree *to, const struct ftree *from);
/* The node, or NULL. Lives until the tree changes. */
struct fnode *ftree_find(const struct ftree *t, const char *path);
/* Creates or replaces; parents are not made. NULL when out of memory. */
struct fnode *ftree_put(struct ftree *t, const char *path, enum fnode_type type, uint16_t mode,
			const void *data, size_t n);
/* Makes the directories above the last component. */
int ftree_parents(struct ftree *t, const char *path);
void ftree_remove(struct ftree *t, const char *path);
int ftree_rename(struct ftree *t, const char *from, const char *to);
int ftree_resize(struct fnode *f, size_t n);
/* The first or next node inside `dir` (not deeper); start with *at = 0. NULL at the end. */
const struct fnode *ftree_child(const struct ftree *t, const char *dir, size_t *at);
bool ftree_has_child(const struct ftree *t, const char *dir);
/* The last component. */
const char *ftree_name(const struct fnode *f);
/* Brings a path from outside into the form above. False when it is too long. */
bool ftree_clean(char out[FTREE_PATH], const char *path);
/* Writes the directory above `path`. */
void ftree_dirname(char out[FTREE_PATH], const char *path);

#endif
