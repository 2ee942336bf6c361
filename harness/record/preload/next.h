/*
 * next.h - the allocator that the recorded program would have had without us:
 * the next one in the dynamic linker's search order, usually the C library's.
 */
#ifndef HARNESS_RECORD_PRELOAD_NEXT_H
#define HARNESS_RECORD_PRELOAD_NEXT_H

#include <stdbool.h>
#include <stddef.h>

struct next_allocator {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *block, size_t size);
	void (*free)(void *block);
	void *(*memalign)(size_t align, size_t size);
	int (*posix_memalign)(void **out, size_t align, size_t size);
	void *(*aligned_alloc)(size_t align, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	/* malloc_usable_size; NULL where the allocator has none.  */
	size_t (*usable_size)(void *block);
};

/*
 * Until next_find() has run these are bootstrap functions that hand out parts
 * of a static buffer and take nothing back.  dlsym may itself call malloc, and
 * must be given something before it can tell where malloc is.
 */
extern struct next_allocator next;

/* Looks up all of them with dlsym(RTLD_NEXT).  Once, from one thread. */
void next_find(void);

/* Whether a block came out of the bootstrap buffer. */
bool next_is_bootstrap(const void *block);

/* The most bytes that can be read from a bootstrap block. */
size_t next_bootstrap_bytes(const void *block);

#endif
