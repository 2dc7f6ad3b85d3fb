/* What is odd in a rawprogram file; called by rawprogram_parse(), which leaves room for the
 * findings. */
#ifndef SALVOR_IMAGE_RAWPROGRAM_LINT_H
#define SALVOR_IMAGE_RAWPROGRAM_LINT_H

#include "image/rawprogram.h"

/* Notes one finding; past RAWPROGRAM_MAX_FINDINGS only that there are more. */
void rawprogram_find(struct rawprogram *r, enum rawprogram_code code, unsigned line,
		     const char *fmt, ...) _printf_(4, 5);
/* The findings that need the whole file. */
void rawprogram_lint(struct rawprogram *r);

#endif
