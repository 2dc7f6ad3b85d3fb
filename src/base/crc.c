#include "base/crc.h"

/* Nibble tables: 64 bytes each instead of 1 KiB, which matters to a router's cache and costs little
 * next to the speed of any cable. */
static const uint32_t crc32_nibble[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

static const uint32_t crc32_msb_nibble[16] = {
	0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9, 0x130476dc, 0x17c56b6b,
	0x1a864db2, 0x1e475005, 0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61,
	0x350c9b64, 0x31cd86d3, 0x3c8ea00a, 0x384fbdbd,
};

static const uint16_t crc16_x25_nibble[16] = {
	0x0000, 0x1081, 0x2102, 0x3183, 0x4204, 0x5285, 0x6306, 0x7387,
	0x8408, 0x9489, 0xa50a, 0xb58b, 0xc60c, 0xd68d, 0xe70e, 0xf78f,
};

static const uint32_t crc30_nibble[16] = {
	0x00000000, 0x2030b9c7, 0x2051ca49, 0x0061738e, 0x20932d55, 0x00a39492,
	0x00c2e71c, 0x20f25edb, 0x2116e36d, 0x01265aaa, 0x01472924, 0x217790e3,
	0x0185ce38, 0x21b577ff, 0x21d40471, 0x01e4bdb6,
};

uint32_t crc32_update(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	crc = ~crc;
	while (n--) {
		crc ^= *b++;
		crc = crc >> 4 ^ crc32_nibble[crc & 15];
		crc = crc >> 4 ^ crc32_nibble[crc & 15];
	}
	return ~crc;
}

uint32_t crc32_msb_update(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--) {
		crc ^= (uint32_t)*b++ << 24;
		crc = crc << 4 ^ crc32_msb_nibble[crc >> 28];
		crc = crc << 4 ^ crc32_msb_nibble[crc >> 28];
	}
	return crc;
}

uint16_t crc16_x25(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint16_t crc = 0xffff;

	while (n--) {
		crc = (uint16_t)(crc ^ *b++);
		crc = (uint16_t)(crc >> 4 ^ crc16_x25_nibble[crc & 15]);
		crc = (uint16_t)(crc >> 4 ^ crc16_x25_nibble[crc & 15]);
	}
	return (uint16_t)~crc;
}

uint32_t crc30_cdma(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint32_t crc = 0x3fffffff;

	while (n--) {
		crc = (crc << 4 & 0x3fffffff) ^ crc30_nibble[(crc >> 26) ^ (*b >> 4)];
		crc = (crc << 4 & 0x3fffffff) ^ crc30_nibble[(crc >> 26) ^ (*b & 15)];
		b++;
	}
	return crc ^ 0x3fffffff;
}
