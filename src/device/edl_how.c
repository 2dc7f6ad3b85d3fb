#include "device/edl_how.h"

#include "base/attr.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LCC "EC25, EC21, EC20, EG25, EG21, EG91, EG95, EG12, EG18"
#define M2  "EP06, EM06, EM12, EM120, EM160, RM500Q, RM502Q, RM520N, RM521F, RM551E"
#define LGA "RG500Q, RG502Q, RG520N, RG255C, RG650V"

/* Hardware design guides of these families name a USB_BOOT pin that is pulled to the 1.8 V rail;
 * forum reports confirm it for EC25 and describe other points for M.2 cards. */
static const struct edl_how table[] = {
	{ LCC, "USB_BOOT", "VDD_EXT (the module's own 1.8 V output), never to a higher voltage",
	  "before power is applied; keep it there until 05c6:9008 is on the bus, about two seconds",
	  "agreed: several reports for EC25, the same pin in the sibling modules" },
	{ LGA, "USB_BOOT", "VDD_EXT (the module's own 1.8 V output), never to a higher voltage",
	  "before power is applied; keep it there until 05c6:9008 is on the bus, about two seconds",
	  "single: by analogy with the LCC modules; check the hardware guide of your module" },
	{ M2, "the USB_BOOT test point (M.2 cards do not lead it to the connector)",
	  "1.8 V; for RM502Q one user grounded pad 65 instead",
	  "before power is applied; keep it there until 05c6:9008 is on the bus, about two seconds",
	  "single: forum reports; the place differs by card, check the hardware guide" },
};

static int matches(const char *list, const char *model)
{
	const char *p = list;

	while (*p) {
		size_t n = strcspn(p, ",");

		if (strncasecmp(p, model, n) == 0)
			return 1;
		p += n;
		p += strspn(p, ", ");
	}
	return 0;
}

const struct edl_how *edl_how_find(const char *model)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (matches(table[i].models, model))
			return &table[i];
	}
	return NULL;
}

const char *edl_how_models(void)
{
	return LCC ", " M2 ", " LGA;
}
