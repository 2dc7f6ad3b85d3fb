/*
 * Android sparse images, read as a stream: fed bytes from the front in pieces of any size, gives
 * runs of output sectors. Nothing is held in memory and nothing is expanded.
 *
 * Checksums inside the file (the header's and those of CRC chunks) are not checked: they cover
 * holes of any length, and packages bring digests of the files. Sizes are: every chunk against its
 * own total, all of them against the header, the header against the room.
 */
#ifndef SALVOR_IMAGE_SPARSE_H
#define SALVOR_IMAGE_SPARSE_H

#include "base/bytes.h"
#include "base/err.h"

#define SPARSE_HEADER_SIZE 28

enum sparse_kind {
	SPARSE_RAW,  /* data follows */
	SPARSE_FILL, /* the four bytes of `fill` over and over */
	SPARSE_SKIP, /* not to be written */
};

struct sparse_run {
	enum sparse_kind kind;
	uint64_t sector;  /* first output sector */
	uint64_t sectors; /* never 0 */
	uint8_t fill[4];
};

enum sparse_event {
	SPARSE_MORE,   /* all input is used up: feed more, or call sparse_end() */
	SPARSE_RUN,    /* `run` begins; after a SPARSE_RAW one its bytes follow as SPARSE_DATA */
	SPARSE_DATA,   /* `data`, never empty, borrowed from the input */
	SPARSE_FAILED, /* e is filled, and the reader stays failed */
};

struct sparse {
	uint32_t sector_size;
	uint64_t room; /* bytes the output may have; 0 = any */
	int state;
	uint8_t head[SPARSE_HEADER_SIZE]; /* header or chunk header, until it is whole */
	size_t head_n;
	uint64_t skip; /* bytes of a longer header that are passed over */
	uint16_t file_header_size, chunk_header_size;
	uint32_t block_size, total_blocks, total_chunks;
	uint64_t block; /* output blocks so far */
	uint32_t chunk; /* chunks begun so far */
	uint16_t type;
	uint32_t chunk_blocks;
	uint64_t data_left;
	struct sparse_run run;
	struct slice data;
};

/* Does a file that begins with these bytes (four suffice) claim to be sparse? */
bool sparse_is(struct slice head);
/* `room` is the size of the partition in bytes, 0 when unknown. */
void sparse_init(struct sparse *s, uint32_t sector_size, uint64_t room);
/* Takes bytes off the front of *in until something is to be told. ERR_PROTO for a broken file,
 * ERR_MISMATCH when it does not fit the room or the sectors. */
enum sparse_event sparse_next(struct sparse *s, struct slice *in, struct err *e);
/* After the last byte: ERR_PROTO when the file is not whole. */
int sparse_end(const struct sparse *s, struct err *e) _must_check_;
/* Bytes of the expanded image, 0 until the header was seen. */
uint64_t sparse_output_bytes(const struct sparse *s);

#endif
