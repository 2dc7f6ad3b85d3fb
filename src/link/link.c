#include "link/link.h"

#include "base/clock.h"

int link_read(struct link *l, void *buf, size_t cap, uint32_t ms, size_t *ret_n, struct err *e)
{
	size_t n = 0;

	if (cap == 0)
		return err_set(e, ERR_BUG, "%s: a read of no bytes", l->desc);
	if (l->ops->read(l, buf, cap, ms, &n, e) < 0) {
		if (e->kind != ERR_TIMEOUT)
			log_debug(l->log, l->ops->name, "read: %s", e->msg);
		return err_prefix(e, "%s", l->desc);
	}
	log_bytes(l->log, l->ops->name, "<", SLICE(buf, n));
	*ret_n = n;
	return 0;
}

int link_write(struct link *l, const void *buf, size_t n, uint32_t ms, struct err *e)
{
	log_bytes(l->log, l->ops->name, ">", SLICE(buf, n));
	if (l->ops->write(l, buf, n, ms, e) < 0)
		return err_prefix(e, "%s", l->desc);
	return 0;
}

void link_set_zlp(struct link *l, enum link_zlp mode)
{
	if (l->ops->set_zlp)
		l->ops->set_zlp(l, mode);
}

int link_recover(struct link *l, struct err *e)
{
	return l->ops->recover ? l->ops->recover(l, e) : 0;
}

int link_settle(struct link *l, struct err *e)
{
	return l->ops->settle ? l->ops->settle(l, e) : 0;
}

void link_close(struct link *l)
{
	if (l)
		l->ops->close(l);
}

size_t link_drain(struct link *l, uint32_t quiet_ms, uint32_t max_ms)
{
	struct deadline end = deadline_in(max_ms);
	uint8_t junk[4096];
	struct err e = ERR_INIT;
	size_t n, total = 0;

	while (!deadline_passed(end)) {
		if (link_read(l, junk, sizeof(junk), MIN_OF(quiet_ms, deadline_left(end)), &n, &e) < 0)
			break;
		total += n;
	}
	return total;
}
