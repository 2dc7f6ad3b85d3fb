/* What is shown of numbers that name a unit. The full ones appear only when they are asked for. */
#ifndef SALVOR_DB_MASK_H
#define SALVOR_DB_MASK_H

#include "base/attr.h"

#include <stdbool.h>
#include <stddef.h>

#define MASK_ROOM 32

/* An IMEI: the type allocation code stays, unless `full`. NULL and "" give "". */
void mask_imei(const char *imei, bool full, char out[MASK_ROOM]);
/* A chip serial: its last four digits stay, which is enough to tell two on a bench apart. */
void mask_chip(const char *chip, bool full, char out[MASK_ROOM]);
/* Hides, in place, what follows the first eight places of every run of 14 or more digits, whether
 * they are grouped by blanks, hyphens, dots or slashes or not: numbers in free text. Digests are
 * left alone. */
void mask_digits(char *text, size_t n);
/* Hides, in place, all but the last four characters of the string member `key` of one line of JSON
 * without blanks, as json_dump() makes it. */
void mask_member(char *json, size_t n, const char *key);

#endif
