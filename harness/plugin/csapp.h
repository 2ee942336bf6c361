/*
 * csapp.h - runs an unchanged mm.c of the CS:APP malloc lab [BryantOHallaron].
 *
 * Such a file keeps its heap in global variables and asks memlib for memory:
 *
 *     mm_init, mm_malloc, mm_free, mm_realloc      it defines
 *     mem_sbrk, mem_heap_lo, mem_heap_hi,          we define, on the heap's
 *     mem_heapsize, mem_pagesize                   page source
 *
 * So there can be one such heap at a time in a process; the harness gives every
 * pass a process of its own.  mm_init is called for each new heap and must, as
 * in the course's own driver, forget the one before.
 *
 * The lab knows less about such an allocator: there is no walk (the harness
 * takes what is not live for free) and no usable_size, blocks may be aligned to
 * 8, and calloc clears every time.  Requests for alignment are met by asking
 * for more and remembering where the block began, in a list of our own: free and
 * realloc look through it, O(live blocks that were moved up).
 */
#ifndef HARNESS_PLUGIN_CSAPP_H
#define HARNESS_PLUGIN_CSAPP_H

#include "../../allocators/allocator.h"

struct csapp_functions {
	int (*init)(void);
	void *(*malloc)(size_t size);
	void (*free)(void *block);
	void *(*realloc)(void *block, size_t size);
};

enum { CSAPP_MAX = 8 }; /* different mm.c in one run */

/* The vtable for one mm.c; NULL after CSAPP_MAX of them.  `name` is kept. */
const struct allocator *csapp_allocator(const char *name,
                                        const struct csapp_functions *mm);

#endif
