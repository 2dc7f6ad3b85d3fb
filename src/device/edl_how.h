/* The way into EDL without software: which pin to which level. */
#ifndef SALVOR_DEVICE_EDL_HOW_H
#define SALVOR_DEVICE_EDL_HOW_H

struct edl_how {
	const char *models; /* "EC25, EC21, ...", as shown */
	const char *pin, *level, *when;
	const char *certainty; /* who says so */
};

/* By a model's name or the beginning of a firmware revision ("EC25EFA" finds EC25); NULL when
 * nothing is known. */
const struct edl_how *edl_how_find(const char *model);
/* Every model that is known, for a message. */
const char *edl_how_models(void);

#endif
