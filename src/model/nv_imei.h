/* The IMEI as NV item 550 holds it, on the cable, in item files and in QPST backups alike. */
#ifndef SALVOR_MODEL_NV_IMEI_H
#define SALVOR_MODEL_NV_IMEI_H

#include "base/bytes.h"
#include "base/err.h"

/* Item 550: length byte 8, then 0xA and 15 digits in swapped nibbles. */
#define NV_ITEM_IMEI 550
#define NV_IMEI_LEN  9

enum nv_imei {
	NV_IMEI_DIGITS,    /* 15 digits; whether the check digit fits is imei.h's question */
	NV_IMEI_UNSET,     /* all zero, all 0xFF, or the number 000000000000000 */
	NV_IMEI_MALFORMED, /* never evidence of identity */
};
/* `in` is the item file (9 bytes) or the padded item. digits is filled only for NV_IMEI_DIGITS. */
enum nv_imei nv_imei_decode(struct slice in, char digits[16]);
/* For comparing a stored item with a number: ERR_USAGE unless digits is 15 decimal digits. */
int nv_imei_encode(const char *digits, uint8_t ret[NV_IMEI_LEN], struct err *e) _must_check_;

#endif
