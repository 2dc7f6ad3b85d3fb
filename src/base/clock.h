/* Time is counted, not slept: sessions hold a deadline and ask how much of it is left. The only place
 * that reads a clock; wall time is for people and manifests, never for order. */
#ifndef SALVOR_BASE_CLOCK_H
#define SALVOR_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_ms(void); /* monotonic */
void clock_sleep_ms(uint32_t ms);

struct deadline {
	uint64_t at_ms;
};

struct deadline deadline_in(uint32_t ms);
/* Milliseconds left, 0 when it has passed. */
uint32_t deadline_left(struct deadline d);
static inline bool deadline_passed(struct deadline d)
{
	return deadline_left(d) == 0;
}

/* Seconds since 1970, for time stamps of files. */
uint64_t clock_wall_s(void);
/* Seconds since 1970, up to 2106, as "2026-01-31T12:00:00Z"; out needs 21 bytes. */
void clock_iso(uint64_t seconds, char out[21]);
/* Wall time as "2026-01-31T12:00:00Z"; out needs 21 bytes. */
void clock_wall_iso(char out[21]);

#endif
