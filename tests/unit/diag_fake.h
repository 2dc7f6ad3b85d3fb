/*
 * A module in normal mode behind an in-memory link: NV items, a file tree, and misbehaviour by request
 * number. It has its own numbers and layouts, so that a wrong one in src/wire shows. Only the framing is
 * shared. Nothing waits: when the module has nothing to say, a read times out at once.
 */
#ifndef SALVOR_TESTS_DIAG_FAKE_H
#define SALVOR_TESTS_DIAG_FAKE_H

#include "base/bytes.h"
#include "link/link.h"
#include "wire/hdlc.h"

#define FAKE_NODES 900
#define FAKE_ITEMS 300

struct fake_node {
	char path[96];
	unsigned mode; /* 0 = free */
	unsigned entry_type;
	bool silent_type; /* READDIR says type 15 and zeros */
	bool hidden;      /* READDIR does not show it */
	uint8_t *data;
	size_t n;
};
struct fake_item {
	unsigned id, index;
	uint8_t data[128];
	unsigned status; /* 0 = active */
	unsigned error;  /* DIAG error instead of an answer */
};

struct fake {
	struct link link;
	struct hdlc_rx rx;
	uint8_t rx_room[8192];
	struct buf out;   /* what the host will read */
	struct buf held;  /* a late answer */
	struct fake_node node[FAKE_NODES];
	size_t nodes;
	struct fake_item item[FAKE_ITEMS];
	size_t items;
	int fd[6], dir[4]; /* node index, -1 free */
	size_t fd_limit, dir_limit;
	unsigned open_files, open_dirs, most_files, most_dirs;

	/* Misbehaviour; request numbers count from 1, 0 = never. */
	unsigned requests;
	unsigned late_at;      /* answered only after the next request came */
	unsigned swallow_at;   /* never answered */
	unsigned swallow_id;   /* NV reads of this item are never answered */
	unsigned bad_crc_at;
	unsigned stranger_at;  /* an answer with other echoed fields comes first */
	unsigned dead_from;    /* nothing is answered any more */
	unsigned gone_from;    /* the device leaves */
	unsigned reorder_at;   /* answered after the following request's answer */
	unsigned lose_in_flight; /* more open requests than this are dropped */
	unsigned in_flight;
	bool logs;             /* a log record and an event before each answer */
	bool one_by_one;       /* reads give single bytes */
	unsigned busy_times;   /* NV reads answer busy so often */
	unsigned journal_left; /* writes until ENOSPC; UINT_MAX = endless */
	unsigned journal_size; /* what a sync gives back */
	unsigned syncs, sync_polls_needed, sync_polls;
	bool no_sync, sync_clean;
	bool regular_get;      /* GET takes regular files too */
	bool no_efs_13, no_efs_3e;
	bool lie_on_write;     /* NV writes and PUTs succeed and do nothing */
	const char *deny;      /* path answered with 0x13 */
	const char *no_list;   /* directory whose OPENDIR gives EACCES */
	const char *cut;       /* file whose content ends a byte before its size */
	unsigned read_limit;   /* bytes per READ, 0 = as asked */
	unsigned overclaim_at; /* READ number that claims more than it carries */
	unsigned reads;
	const char *spc;       /* locked until given; NULL = open */
	unsigned spc_tries, password_tries;
	unsigned paused_ms;    /* what the session waited */
	uint8_t modes[16];     /* asked for by 0x29, in order */
	size_t n_modes;
	uint8_t last_op;       /* of the last EFS request */
	unsigned op_count[64];
};

void fake_init(struct fake *f);
void fake_fini(struct fake *f);
struct fake_node *fake_add(struct fake *f, const char *path, unsigned mode, const void *data, size_t n);
struct fake_node *fake_find(struct fake *f, const char *path);
struct fake_item *fake_nv(struct fake *f, unsigned id, unsigned index, const void *data, size_t n);
/* Puts bytes on the line as they are. */
void fake_say(struct fake *f, const void *p, size_t n);
/* For the `pause` of options; ctx is the fake. */
void fake_pause(void *ctx, uint32_t ms);

#endif
