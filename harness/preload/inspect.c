/*
 * inspect.c - what a program may ask of its malloc, answered from the heap's own
 * counters.
 *
 * mallopt sets nothing: the knobs of a lab allocator are fixed when its heap is
 * made (ALLOCLAB_CONF), so it answers 0, "not done".
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "preload.h"

/* Declared in <malloc.h>; here again for those that hide it. */
EXPORT int mallopt(int parameter, int value);
EXPORT int malloc_trim(size_t pad);
EXPORT struct mallinfo mallinfo(void);
EXPORT struct mallinfo2 mallinfo2(void);
EXPORT int malloc_info(int options, FILE *out);
EXPORT void malloc_stats(void);

EXPORT int mallopt(int parameter, int value)
{
	(void)parameter;
	(void)value;
	return 0;
}

/* 1 if memory went back to the system. */
EXPORT int malloc_trim(size_t pad)
{
	(void)pad;
	return preload_heap() != NULL && PRELOAD_CALLS.trim(preload_heap()) > 0;
}

struct look {
	struct heap_usage usage;
	size_t committed_bytes, peak_committed_bytes;
};

static void look(struct look *seen)
{
	*seen = (struct look){0};
	if (preload_heap() == NULL)
		return;
	PRELOAD_CALLS.usage(preload_heap(), &seen->usage);
	lock_look(&preload_pages.lock);
	seen->committed_bytes = preload_pages.committed_bytes;
	seen->peak_committed_bytes = preload_pages.peak_committed_bytes;
	lock_look_away(&preload_pages.lock);
}

static size_t free_bytes(const struct heap_usage *usage)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < usage->tier_count; i++)
		bytes += usage->tiers[i].bytes;
	return bytes;
}

/* Headers and slack are in `arena` alone. */
EXPORT struct mallinfo2 mallinfo2(void)
{
	struct look seen;
	int saved_errno = errno;

	look(&seen);
	errno = saved_errno;
	return (struct mallinfo2){
		.arena = seen.committed_bytes,
		.usmblks = seen.peak_committed_bytes,
		.uordblks = seen.usage.live_bytes,
		.fordblks = free_bytes(&seen.usage),
	};
}

static int narrow(size_t bytes)
{
	return bytes > INT_MAX ? INT_MAX : (int)bytes;
}

/* Larger numbers stop at INT_MAX. */
EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 wide = mallinfo2();

	return (struct mallinfo){
		.arena = narrow(wide.arena),
		.usmblks = narrow(wide.usmblks),
		.uordblks = narrow(wide.uordblks),
		.fordblks = narrow(wide.fordblks),
	};
}

/* XML as glibc's, with the tiers of the design.  stdio may call malloc. */
EXPORT int malloc_info(int options, FILE *out)
{
	struct look seen;
	const struct heap_usage *usage = &seen.usage;

	if (options != 0)
		return EINVAL;
	look(&seen);
	fprintf(out, "<malloc version=\"alloclab-1\">\n"
	             "<allocator name=\"" PRELOAD_NAME "\"/>\n");
	fprintf(out, "<live size=\"%zu\"/>\n<metadata size=\"%zu\"/>\n",
	        usage->live_bytes, usage->metadata_bytes);
	for (unsigned i = 0; i < usage->tier_count; i++)
		fprintf(out, "<free tier=\"%s\" size=\"%zu\"/>\n",
		        usage->tiers[i].tier, usage->tiers[i].bytes);
	fprintf(out, "<system type=\"current\" size=\"%zu\"/>\n",
	        seen.committed_bytes);
	fprintf(out, "<system type=\"max\" size=\"%zu\"/>\n</malloc>\n",
	        seen.peak_committed_bytes);
	return 0;
}

EXPORT void malloc_stats(void)
{
	report_to(STDERR_FILENO);
}
