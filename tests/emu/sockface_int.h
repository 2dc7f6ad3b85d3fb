#ifndef SALVOR_EMU_SOCKFACE_INT_H
#define SALVOR_EMU_SOCKFACE_INT_H

#include "tests/emu/emu_int.h"
#include "tests/emu/sockface.h"

/* A place of the published tree: which device number and ttys this appearance has got. */
struct tree {
	const char *root;
	unsigned bus, dev;
	char port[64];
	unsigned n_ifaces;
	int tty[EMU_MAX_INTERFACES]; /* number of ROOT/dev/ttyUSBn, or -1 */
};

/* Takes the next free device number under a lock. */
int tree_begin(struct tree *t, const char *root, const struct emu_usb *u, struct err *e);
/* A listening socket ROOT/dev/bus/usb/BBB/DDD:IFACE. */
int tree_listen(const struct tree *t, unsigned iface, int *ret_fd, struct err *e);
/* ROOT/dev/ttyUSBn -> target; t->tty[iface] gets the number. */
int tree_link_tty(struct tree *t, unsigned iface, const char *target, struct err *e);
/* Makes the device visible: everything below a temporary name, renamed at the end. */
int tree_publish(const struct tree *t, const struct emu_usb *u, struct err *e);
void tree_remove(const struct tree *t);

#endif
