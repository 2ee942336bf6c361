/* undefined.c - calls a function that is nowhere. */
#include "mistake.h"

void somebody_elses_function(void);

static void spoil(struct allocator *allocator)
{
	(void)allocator;
	somebody_elses_function();
}
