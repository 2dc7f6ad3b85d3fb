#include "device/inhibit.h"

/* A build without D-Bus, for systems that have no ModemManager. */
struct inhibit *inhibit_hold(const char *root, const struct device *d, struct log *log)
{
	(void)root;
	(void)d;
	(void)log;
	return NULL;
}

void inhibit_release(struct inhibit *h)
{
	(void)h;
}
