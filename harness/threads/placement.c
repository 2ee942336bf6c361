/*
 * placement.c - bound to one processor for a moment.
 */
#include "placement.h"

size_t placement_processor(const cpu_set_t *processors, unsigned number)
{
	unsigned left = number % (unsigned)CPU_COUNT(processors);

	for (size_t cpu = 0;; cpu++)
		if (CPU_ISSET(cpu, processors) && left-- == 0)
			return cpu;
}

void placement_spread(unsigned number)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
		return;
	CPU_ZERO(&one);
	CPU_SET(placement_processor(&allowed, number), &one);
	if (sched_setaffinity(0, sizeof one, &one) == 0)
		sched_setaffinity(0, sizeof allowed, &allowed);
}
