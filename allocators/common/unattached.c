/*
 * unattached.c - in the lab every handle has a heap: anything else is a mistake
 * of the harness.
 */
#include "unattached.h"

#include "misuse.h"

void *unattached_malloc(size_t size)
{
	misuse("unattached", NULL, "malloc(%zu) with a handle of no heap",
	       size);
}

void unattached_free(void *block)
{
	misuse("unattached", block, "free with a handle of no heap");
}
