/* The checksums of this field. Four polynomials, five conventions; none is a cryptographic digest. */
#ifndef SALVOR_BASE_CRC_H
#define SALVOR_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 as in zlib, GPT and Firehose patches: reflected, init and final XOR all ones.
 * Start with 0; pass the result back to go on. Check value of "123456789": 0xCBF43926. */
uint32_t crc32_update(uint32_t crc, const void *p, size_t n);

/* CRC-32 of the MIBIB page: polynomial 0x04C11DB7, init 0, not reflected, no final XOR.
 * Start with 0. Check value of "123456789": 0x89A1897F. */
uint32_t crc32_msb_update(uint32_t crc, const void *p, size_t n);

/* CRC-16/X.25 of DIAG's HDLC frames: reflected 0x8408, init and final XOR all ones.
 * Check value of "123456789": 0x906E. */
uint16_t crc16_x25(const void *p, size_t n);

/* CRC-30 of EFS2 superblocks (CRC-30/CDMA): polynomial 0x2030B9C7, not reflected, init and final XOR
 * 0x3FFFFFFF. Check value of "123456789": 0x04C34ABF. */
uint32_t crc30_cdma(const void *p, size_t n);

#endif
