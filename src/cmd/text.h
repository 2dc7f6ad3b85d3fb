/* Text for people: sizes, times, and words from outside made harmless for a terminal. */
#ifndef SALVOR_CMD_TEXT_H
#define SALVOR_CMD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HUMAN_MAX 32

/* "11.0 MiB", "512 B". */
void human_size(char out[HUMAN_MAX], uint64_t bytes);
/* "1:05", "2:03:00". */
void human_time(char out[HUMAN_MAX], uint64_t seconds);
/* Replaces control characters and what is not UTF-8 with '?', in place: a module's answer must not
 * move the cursor of whoever reads it. With `keep_color`, plain colour sequences stay. */
void text_clean(char *s, bool keep_color);
/* Columns that the text takes up, colour sequences not counted. */
size_t text_columns(const char *s);

#endif
