/*
 * Inside of the emulated module: what its parts share. Faces and tests include emu.h; only the files
 * of this folder include this one.
 *
 * The map: emu.c owns the bus (modes, enumeration, the IN queues, time). Each interface of the current
 * mode is served by a struct emu_function: edl.c (Sahara in sahara_dev.c, then Firehose in
 * firehose_*.c), diag_dev.c, at_dev.c. model.c reads the model file, flash.c keeps the storage,
 * content.c fills it at first creation, table.c knows MIBIB and GPT, quirks.c is asked before each
 * step whether to misbehave. What runs behind DIAG and AT is in modem.h.
 */
#ifndef SALVOR_EMU_INT_H
#define SALVOR_EMU_INT_H

#include "tests/emu/emu.h"

#include "base/attr.h"
#include "base/bytes.h"

#define EMU_MAX_PARTS   64
#define EMU_MAX_LUNS    4
#define EMU_MAX_BAD     16
#define EMU_MAX_REGIONS 8
#define EMU_MAX_QUIRKS  32
#define EMU_TEXT        96
#define EMU_NEVER       UINT64_MAX

/* ---- model ---------------------------------------------------------------------------------- */

struct emu_part {
	char name[17];     /* without "0:" */
	uint32_t lun;
	uint64_t start;    /* NAND: erase blocks; managed storage: sectors */
	uint64_t length;
	uint8_t attr[4];
};

struct emu_region {
	uint64_t base, length;
	char desc[21], file[21];
};

struct emu_face {      /* one mode's USB side */
	uint16_t vid, pid, bcd;
	char manufacturer[EMU_TEXT], product[EMU_TEXT], serial[EMU_TEXT]; /* "" = none */
	unsigned bus, speed, max_packet;
	uint32_t delay_ms; /* from leaving the bus to being there in this mode */
	unsigned n_ifaces;
	struct emu_iface iface[EMU_MAX_INTERFACES];
	char driver[EMU_MAX_INTERFACES][16];
	char function[EMU_MAX_INTERFACES][12];
};

enum emu_storage { EMU_NAND, EMU_EMMC };

struct emu_model {
	char name[EMU_TEXT], chip[EMU_TEXT], port[EMU_TEXT];
	struct emu_face normal, edl, dump;
	struct {
		uint32_t version, max_len, done_resp, image_id, block_cap;
		bool read64, dump64, secure_boot;
		uint64_t chip_serial;
		uint32_t msm_id, oem_id, model_id, sw_version;
		uint8_t pkhash[64];
		size_t pkhash_n, pkhash_len; /* bytes known, bytes answered (zero filled) */
	} sahara;
	struct emu_region region[EMU_MAX_REGIONS];
	unsigned n_regions;
	struct {
		char family;       /* 'A' or 'B', firehose.md section 1 */
		uint32_t payload, payload_from;
		char target[EMU_TEXT], build[EMU_TEXT];
		uint32_t start_ms, open_ms, erase_ms, leave_ms;
		bool harden, fixgpt;
		char project[EMU_TEXT], project_type[EMU_TEXT]; /* what the programmer's package is for */
	} fh;
	struct {
		enum emu_storage type;
		uint32_t page, pages_per_block, blocks;
		uint64_t sectors[EMU_MAX_LUNS]; /* managed storage */
		unsigned n_luns;
		uint8_t filler;
		uint32_t manufacturer;
		char chip_name[EMU_TEXT];
		uint32_t bad[EMU_MAX_BAD];
		unsigned n_bad;
		uint32_t mibib_age;
		char rawdata_project[EMU_TEXT], rawdata_type[EMU_TEXT];
	} flash;
	struct {
		char vendor[EMU_TEXT], model[EMU_TEXT], revision[EMU_TEXT], full[EMU_TEXT];
		char imei[16], imei2[16], serial[EMU_TEXT], built[EMU_TEXT], iccid[EMU_TEXT];
		uint32_t sims, files; /* SIM slots; synthetic calibration files besides the others */
		uint32_t cme_ftm;     /* what AT+CFUN=1 answers in factory test mode */
		bool nr;              /* knows 5G commands */
	} fw;
	struct emu_part part[EMU_MAX_PARTS];
	unsigned n_parts;
};

int model_load(struct emu_model *m, const char *path, char *why, size_t why_n);
/* One "key = value" of a section; the loader and the quirk "set=section.key:value" use it. */
int model_set(struct emu_model *m, const char *section, const char *key, char *value);

/* ---- flash ---------------------------------------------------------------------------------- */

struct emu_flash {
	enum emu_storage type;
	uint32_t page, ppb, blocks;
	uint8_t filler;
	unsigned n_luns;
	uint64_t sectors[EMU_MAX_LUNS];
	int fd[EMU_MAX_LUNS];
	uint8_t *map;       /* mmapped: header, one byte a block, one bit a page */
	size_t map_len;
	uint8_t *block_state, *programmed;
	struct emu_counters *count;
};

enum flash_result {
	FLASH_OK,
	FLASH_RANGE,      /* past the end */
	FLASH_BAD_BLOCK,
	FLASH_DIRTY,      /* page is programmed already, or a later page of its block is */
	FLASH_FAILED,     /* the chip reported a failure: the block is worn out */
	FLASH_IO,         /* our own file system failed */
};

/* ret_fresh: the storage is new and has to be filled, then sealed. */
int flash_open(struct emu_flash *f, const struct emu_model *m, const char *dir, bool *ret_fresh,
	       char *why, size_t why_n);
int flash_seal(struct emu_flash *f, const char *dir);
void flash_close(struct emu_flash *f);
uint64_t flash_total_sectors(const struct emu_flash *f, uint32_t lun);
bool flash_block_is_bad(const struct emu_flash *f, uint32_t block);
void flash_block_mark_bad(struct emu_flash *f, uint32_t block);
bool flash_page_is_programmed(const struct emu_flash *f, uint64_t page);
enum flash_result flash_erase_block(struct emu_flash *f, uint32_t block);
/* One sector (NAND: one page, with its rules). */
enum flash_result flash_program(struct emu_flash *f, uint32_t lun, uint64_t sector, const uint8_t *p);
/* n bytes from the start of a sector; erased NAND pages give the filler. Bad blocks too. */
enum flash_result flash_read(const struct emu_flash *f, uint32_t lun, uint64_t sector, uint8_t *p,
			     size_t n);
/* Managed storage only: zeroes, or all of a LUN. */
enum flash_result flash_zero(struct emu_flash *f, uint32_t lun, uint64_t sector, uint64_t n);

/* ---- tables and content --------------------------------------------------------------------- */

/* Finds a partition by the table that is on the flash now (MIBIB of the highest age, or GPT);
 * case is ignored. start and length are in sectors. */
bool emu_table_find(const struct emu_flash *f, const char *name, uint32_t *lun, uint64_t *start,
		uint64_t *length);
int table_write_mibib(struct emu_flash *f, const struct emu_model *m);
int table_write_gpt(struct emu_flash *f, const struct emu_model *m, uint32_t lun);
uint32_t table_gpt_crc(uint32_t crc, const uint8_t *p, size_t n);
uint32_t table_mibib_crc(uint32_t crc, const uint8_t *p, size_t n);
int content_fill(struct emu_flash *f, const struct emu_model *m);
/* What the firmware in flash makes of a start. */
enum emu_boot { BOOT_EDL, BOOT_NORMAL };
enum emu_boot content_boot_outcome(const struct emu_flash *f);

/* ---- quirks --------------------------------------------------------------------------------- */

struct emu_quirk {
	char word[24], arg[96];
	uint64_t value;      /* arg as a number, or 0 */
	unsigned after, count; /* the first `after` matches pass, the next `count` misbehave */
	unsigned seen;
};

struct emu_quirks {
	struct emu_quirk q[EMU_MAX_QUIRKS];
	unsigned n;
};

int quirks_add(struct emu_quirks *qs, const char *spec, char *why, size_t why_n);
/* Counts an occasion of `what` ("erase", "hello" ...) for the word and tells whether to misbehave.
 * `what` NULL matches any argument. */
bool quirk_hit(struct emu_quirks *qs, const char *word, const char *what);
/* The same, giving the quirk that says so, or NULL. */
const struct emu_quirk *quirk_take(struct emu_quirks *qs, const char *word, const char *what);
/* The quirk without counting, or NULL. */
const struct emu_quirk *quirk_find(const struct emu_quirks *qs, const char *word);
uint64_t quirk_value(const struct emu_quirks *qs, const char *word, uint64_t dflt);
bool quirk_is(const struct emu_quirks *qs, const char *word, const char *arg);

/* ---- interfaces ----------------------------------------------------------------------------- */

struct modem;
struct emu_function {
	const char *name;
	/* The interface appears. The context may be NULL on failure: it then stays silent. */
	void *(*open)(struct emu *m, unsigned iface);
	void (*close)(void *ctx);
	/* One OUT transfer; 0 or a negative errno. n == 0 is a zero-length packet. */
	int (*out)(struct emu *m, unsigned iface, void *ctx, const uint8_t *p, size_t n);
	/* The IN queue ran dry: push more if there is more. May be NULL. */
	void (*more)(struct emu *m, unsigned iface, void *ctx);
	/* Time passed; returns when to be called again. May be NULL. */
	uint64_t (*tick)(struct emu *m, unsigned iface, void *ctx);
	void (*claimed)(struct emu *m, unsigned iface, void *ctx, bool yes); /* may be NULL */
};

extern const struct emu_function edl_function, diag_function, at_function, nmea_function;

struct emu_msg {
	struct emu_msg *next;
	uint64_t at_ms;   /* not before */
	size_t n, off;
	bool zlp;         /* an exact multiple of the packet size is ended by an empty packet */
	uint8_t b[];
};

struct emu_chan {
	const struct emu_function *fn;
	void *ctx;
	struct emu_msg *head, *last;
	size_t n_msgs, n_bytes;
	uint64_t busy_until; /* nothing that is pushed later comes out earlier */
	uint32_t latency;    /* everything pushed comes so many ms later; requests pass meanwhile */
	bool stream;         /* the face cannot keep packet borders */
	bool claimed;
	uint8_t *hold;       /* zlp_strict: full packets that wait for their end */
	size_t hold_n;
};

struct emu {
	struct emu_model model;
	struct emu_flash flash;
	struct emu_quirks quirks;
	struct emu_counters count;
	char *dir;
	int lock_fd;
	uint64_t now;
	enum emu_mode mode;
	unsigned generation;
	struct emu_usb usb;
	char port[EMU_TEXT + 8], product[EMU_TEXT];
	struct emu_chan chan[EMU_MAX_INTERFACES];
	uint64_t leave_at;       /* EMU_NEVER or when the device leaves the bus */
	uint64_t appear_at;      /* EMU_NEVER or when it comes */
	enum emu_mode next_mode; /* as what */
	bool programmer_runs;    /* quirk start=programmer: no boot ROM in front */
	bool ftm;                /* the firmware that runs is in factory test mode */
	uint64_t seen_out, seen_in; /* bytes of this enumeration, for unplug_out and unplug_in */
	uint64_t blink_at;
	struct modem *modem;     /* the firmware that runs in normal mode */
	bool fresh;              /* the flash got its first content in this run, nothing has run yet */
	bool stay_off;           /* powered off by software: only a power cycle brings it back */
	bool unplugged;          /* asked for inside a callback, done when it has returned */
};

/* Queues one device-to-host transfer; `zlp` as in struct emu_msg. Out of memory drops it. */
void emu_push(struct emu *m, unsigned iface, const void *p, size_t n, bool zlp);
/* Makes everything pushed from now on come `ms` later than what is queued. */
void emu_busy(struct emu *m, unsigned iface, uint32_t ms);
void emu_chan_flush(struct emu *m, unsigned iface);
/* Leaves the bus `leave_ms` from now and comes back in `mode` after that mode's delay. */
void emu_switch(struct emu *m, enum emu_mode mode, uint32_t leave_ms);
/* The same for a reset: what is in flash decides the mode. */
void emu_reboot(struct emu *m, uint32_t leave_ms);
void emu_unplug(struct emu *m);
void emu_set_stream(struct emu *m, unsigned iface, bool yes);
int usb_desc_build(struct emu_usb *u, bool has_serial);

/* ---- EDL ------------------------------------------------------------------------------------ */

struct sahara_dev;
struct sahara_dev *sahara_dev_new(struct emu *m, unsigned iface, bool dump);
void sahara_dev_free(struct sahara_dev *s);
void sahara_dev_hello(struct sahara_dev *s);
/* Consumes the transfer; *ret_used < n when the rest belongs to what follows Sahara. */
void sahara_dev_out(struct sahara_dev *s, const uint8_t *p, size_t n, size_t *ret_used);
enum sahara_end { SAHARA_RUNS, SAHARA_TO_FIREHOSE, SAHARA_TO_STREAMING };
enum sahara_end sahara_dev_end(const struct sahara_dev *s);

struct firehose_dev;
struct firehose_dev *firehose_dev_new(struct emu *m, unsigned iface);
void firehose_dev_free(struct firehose_dev *f);
void firehose_dev_banner(struct firehose_dev *f);
void firehose_dev_out(struct firehose_dev *f, const uint8_t *p, size_t n);
void firehose_dev_more(struct firehose_dev *f);
bool firehose_dev_zlp_aware(const struct firehose_dev *f);

#endif
