/* UTF-8, one character at a time. Overlong forms, surrogates and what lies past U+10FFFF are no
 * characters. */
#ifndef SALVOR_BASE_UTF8_H
#define SALVOR_BASE_UTF8_H

#include "base/bytes.h"

/* Bytes of the character at the start of s, 0 when there is none. */
size_t utf8_get(struct slice s, uint32_t *ret);
/* Writes a character and returns its bytes; 0, and nothing written, for what is none. */
size_t utf8_put(uint8_t out[4], uint32_t c);

#endif
