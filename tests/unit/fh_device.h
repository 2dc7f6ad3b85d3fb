/*
 * A small programmable Firehose target in memory, behind an in-process link. It knows both
 * families' shapes from the protocol's description, not from the code under test, and misbehaves on
 * request. Silence costs no time: a read of nothing is a timeout at once.
 */
#ifndef SALVOR_TESTS_FH_DEVICE_H
#define SALVOR_TESTS_FH_DEVICE_H

#include "link/link.h"

#define FHD_BLOCKS        32u
#define FHD_PPB           64u
#define FHD_MAX_TRANSFERS 8192

struct fh_device {
	struct link link;

	/* What it is. */
	char family;        /* 'A' or 'B' */
	uint32_t page;      /* 2048 or 4096 */
	const char *memory; /* the storage it has: "nand", "eMMC", "UFS" */
	uint8_t *flash;     /* FHD_BLOCKS * FHD_PPB pages */
	uint32_t payload_max;
	uint32_t digest_max;    /* 0 = any */
	bool no_storage_info;   /* not listed, refused */
	bool mute_storage_info; /* ACK and no word more */
	bool no_json;
	bool no_banner;
	bool vip;
	const char *extra_banner;
	uint32_t bad_block; /* 0 = none */

	/* How it behaves, by command name; NULL = well. */
	const char *nak, *mute, *garbage, *gone;
	const char *nak_text;
	unsigned flood;       /* log lines in front of each answer */
	bool late_logs;       /* and two behind it */
	size_t cut;           /* no read gives more than this */
	bool glue;            /* a read gives all that is there */
	bool junk;            /* bytes between documents */
	bool empty_transfers; /* reads of 0 bytes between answer and data */
	size_t nak_in_data;   /* program: says no after so many bytes */
	bool stall_in_data;   /* and takes no more */
	bool nak_closing;     /* read, program: full count, then no */
	size_t stop_in_read;  /* read: so many bytes, then a refusal in place of data */
	bool cut_in_read;     /* the same without the refusal */
	bool deaf_once;       /* the next write times out; a log line waits to be read */
	bool lost_configure;  /* the first command is dropped in silence */
	bool gone_on_power;

	/* The n-th link call from now fails so; 0 = none. */
	unsigned fail_call;
	enum err_kind fail_kind;

	/* What happened. */
	unsigned calls, commands, erases, programs, configures;
	unsigned strays; /* data that was no command */
	size_t largest_chunk;
	uint64_t data_in, data_left; /* of the program that runs */
	uint64_t program_at;
	bool is_gone;
	char last[1024];  /* the last command document */
	char names[4096]; /* all commands, each with a ';' */
	char memory_asked[16];

	/* Transfers to the host. */
	uint8_t *out;
	size_t out_n, out_cap, out_off;
	size_t transfer[FHD_MAX_TRANSFERS];
	size_t t_first, t_n;
};

void fhd_init(struct fh_device *d, char family, uint32_t page);
void fhd_boot(struct fh_device *d); /* prints the banner */
void fhd_fini(struct fh_device *d);
void fhd_say(struct fh_device *d, const char *text); /* one transfer as it is */
void fhd_log(struct fh_device *d, const char *text); /* a log document */
size_t fhd_flash_size(const struct fh_device *d);

#endif
