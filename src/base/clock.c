#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <time.h>

uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void clock_sleep_ms(uint32_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

struct deadline deadline_in(uint32_t ms)
{
	return (struct deadline){ clock_ms() + ms };
}

uint32_t deadline_left(struct deadline d)
{
	uint64_t now = clock_ms();
	uint64_t left = d.at_ms > now ? d.at_ms - now : 0;

	return left > UINT32_MAX ? UINT32_MAX : (uint32_t)left;
}

uint64_t clock_wall_s(void)
{
	time_t now = time(NULL);

	return now > 0 ? (uint64_t)now : 0;
}

void clock_iso(uint64_t seconds, char out[21])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (seconds > UINT32_MAX || !gmtime_r(&t, &tm) ||
	    strftime(out, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		strcpy(out, "1970-01-01T00:00:00Z");
}

void clock_wall_iso(char out[21])
{
	clock_iso(clock_wall_s(), out);
}
