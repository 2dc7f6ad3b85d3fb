/*
 * The running firmware of the emulated module: what DIAG and AT share. It comes to life when the module
 * appears in normal mode (its file system is read from flash then) and ends when it leaves the bus.
 *
 * The map: modem.c starts, stops and writes back; fs_flash.c is the file system on flash; factory.c is
 * what a module leaves the factory with; nv_store.c shows the file system as numbered items; diag_*.c
 * and at_*.c are the two conversations.
 */
#ifndef SALVOR_EMU_MODEM_H
#define SALVOR_EMU_MODEM_H

#include "tests/emu/emu_int.h"
#include "tests/emu/ftree.h"

/* diag.md section 5.4 */
enum oper_mode { OPER_OFF = 0, OPER_FTM = 1, OPER_OFFLINE = 2, OPER_ONLINE = 5, OPER_LPM = 6,
		 OPER_RESET = 7 };

struct modem {
	bool runs;
	struct ftree fs;
	bool dirty;           /* fs differs from flash */
	bool wiped;           /* there was no file system at this start: it has been formatted */
	bool mismatch;        /* RF data of another variant: radio does not start */
	enum oper_mode oper;
	unsigned cfun;
	bool wedged;          /* was offline: only a reset brings it back */
	uint64_t born;        /* when it started */
	uint64_t dies_at;     /* a fatal error is on its way, or EMU_NEVER */
	unsigned journal;     /* writes since the last sync */
	uint64_t sync_due;    /* EMU_NEVER, or when the running sync is done */
	bool unlocked, password_given;
	unsigned spc_wrong;   /* survives a reset */
	bool logs_off, events_off, messages_off;
	char imei_boot[2][16]; /* as the stack read it at the start, "" = none */
	unsigned cgsn_asked, qgmr_asked;
};

int modem_new(struct emu *m);
void modem_free(struct emu *m);
/* The firmware starts: reads its file system, decides between normal, factory test mode and dying. */
void modem_start(struct emu *m);
/* It ends. Orderly: what it holds is written back first. */
void modem_stop(struct emu *m, bool orderly);
/* Writes the file system to flash when it changed. Not counted as the host's writing. */
void modem_save(struct emu *m);
/* What is due; when to be called again. */
uint64_t modem_tick(struct emu *m);
/* A fatal error of the firmware: after `ms` the module shows up in memory debug (or as the quirk
 * `crash` says). */
void modem_crash(struct emu *m, uint32_t ms);
/* One change of the file system; false when the journal is full (efs2-diag.md section 6). */
bool modem_may_write(struct emu *m);
bool modem_commit_begin(struct emu *m); /* false: there is nothing to commit */
bool modem_commit_pending(struct emu *m);
/* The front of the revision before R<nn>A<nn>: project and variant (at-quectel.md section 2.2). */
void modem_head(const struct emu_model *m, char out[EMU_TEXT]);

/* ---- flash ---------------------------------------------------------------------------------- */

enum fs_flash { FS_FLASH_OK, FS_FLASH_NONE, FS_FLASH_DEAD };

/* Reads the file system of the module, as its own firmware would. FS_FLASH_NONE: the firmware would
 * format. FS_FLASH_DEAD: no good block is left in the log region (efs2-flash.md section 8.3). */
enum fs_flash fs_flash_load(const struct emu_flash *f, const struct emu_model *m, struct ftree *ret);
int fs_flash_save(struct emu_flash *f, const struct emu_model *m, const struct ftree *t);
/* The module's own copy in sys_rev (efs2-flash.md section 10). */
struct fs_backup { uint32_t backups, restores; bool restore_flag, valid; };
bool fs_backup_state(const struct emu_flash *f, struct fs_backup *ret); /* false: no such partition */
int fs_backup_write(struct emu_flash *f, const struct ftree *t, const struct fs_backup *s);
int fs_backup_read(const struct emu_flash *f, struct ftree *ret);
/* First content, made at the factory: file system and its copies. */
int fs_flash_factory(struct emu_flash *f, const struct emu_model *m);
/* Counters and flag alone. */
int fs_backup_mark(struct emu_flash *f, const struct fs_backup *s);

/* ---- content -------------------------------------------------------------------------------- */

int factory_tree(const struct emu_model *m, struct ftree *t);
/* What the firmware makes itself in an empty file system. */
int factory_skeleton(const struct emu_model *m, struct ftree *t);
/* NV 1878 of this board (nv-and-identity.md section 3). */
uint32_t factory_hardware_id(const struct emu_model *m);
void imei_to_item(const char *digits, uint8_t out[9]);
/* "" for unset, false for malformed. */
bool imei_from_item(const uint8_t *p, size_t n, char out[16]);

/* ---- NV ------------------------------------------------------------------------------------- */

#define NV_LEN  128
/* diag.md section 8.2 */
enum { NV_DONE = 0, NV_BUSY = 1, NV_FULL = 3, NV_FAIL = 4, NV_NOT_ACTIVE = 5, NV_BAD_PARAM = 6,
       NV_READ_ONLY = 7, NV_BAD_TARGET = 8 };

struct nv_def {
	uint16_t id;
	uint8_t size, elems; /* elems 0 = no array */
	uint8_t flags;
};
#define NVF_SECRET 1  /* service code first */
#define NVF_RO     2
#define NVF_SUB    4  /* each SIM has its own */
#define NVF_FACT   8  /* a module from the factory has it */

const struct nv_def *nv_def_find(uint16_t id);
const struct nv_def *nv_defs(size_t *n);
/* The path of an item's file. */
void nv_path(char out[FTREE_PATH], const struct nv_def *d, unsigned index);
/* Status word; `index` is SIM or element. A file of another size is deleted and "not active". */
unsigned nv_get(struct emu *m, uint16_t id, unsigned index, uint8_t out[NV_LEN]);
unsigned nv_put(struct emu *m, uint16_t id, unsigned index, const uint8_t in[NV_LEN]);
/* At a start: deletes the item files whose size is wrong (efs2-diag.md section 7.3). */
void nv_sweep(struct ftree *t, bool *changed);

#endif
