/*
 * Keeping ModemManager away from a module while we work with it: its InhibitDevice call, held over a
 * connection of our own to the system bus. ModemManager ends the inhibition when that connection does,
 * however we end.
 */
#ifndef SALVOR_DEVICE_INHIBIT_H
#define SALVOR_DEVICE_INHIBIT_H

#include "base/log.h"
#include "device/find.h"

struct inhibit;

/* Takes at most some 15 s: ModemManager closes the ports before it answers. NULL when there is nothing to
 * hold: no bus, no ModemManager, or one that does not know the module; and with a line in the log when it
 * knows and refuses, which is when somebody is told to run as root. Nobody is started for being asked. */
struct inhibit *inhibit_hold(const char *root, const struct device *d, struct log *log);
/* Hands the module back. NULL is fine. */
void inhibit_release(struct inhibit *h);

#endif
