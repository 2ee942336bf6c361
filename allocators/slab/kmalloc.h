/*
 * kmalloc.h - malloc for any size, in front of the caches; for slab.c.
 */
#ifndef ALLOCATORS_SLAB_KMALLOC_H
#define ALLOCATORS_SLAB_KMALLOC_H

#include "cache.h"

/* The row of size caches; the values of a knob. */
enum kmalloc_spacing {
	SPACING_DOUBLE,  /* 16, 32, 64, ...                                  */
	SPACING_LINUX,   /* the same with 96 and 192                         */
	SPACING_QUARTER, /* four a doubling: 64, 80, 96, 112, 128, 160, ...  */
	SPACING_EIGHTH,  /* eight a doubling                                 */
};

/* Bytes of the table behind the heap's struct, for a limit in bytes. */
size_t kmalloc_table_bytes(size_t kmalloc_max);

/* Makes the size caches and their table; false with errno = ENOMEM. */
bool kmalloc_open(struct slab_heap *heap, enum kmalloc_spacing spacing);

/* malloc, at a multiple of MALLOC_ALIGN_BYTES. */
void *kmalloc(struct slab_heap *heap, size_t size);

/* malloc with the first `size` bytes zero. */
void *kzalloc(struct slab_heap *heap, size_t size);

/* malloc at a multiple of `align`, a power of two below an arena. */
void *kmalloc_aligned(struct slab_heap *heap, size_t align, size_t size);

void *krealloc(struct slab_heap *heap, void *block, size_t size);
void kfree(struct slab_heap *heap, void *block);

/* Usable bytes of a live block. */
size_t ksize(const struct slab_heap *heap, const void *block);

/*
 * Where a request is served: by a cache, or (NULL) by `pages` pages at a
 * multiple of `align_pages`.  An aligned cache that is not yet made is NULL
 * with 0 pages, its size in `slot_bytes`.
 */
struct kmalloc_route {
	struct kmem_cache *cache;
	size_t slot_bytes;
	size_t pages, align_pages;
};

struct kmalloc_route kmalloc_route(const struct slab_heap *heap, size_t align,
                                   size_t size);

/* Whether realloc leaves a block of `usable` bytes where it is, as a slot. */
bool krealloc_keeps_slot(const struct slab_heap *heap, size_t usable,
                         size_t size);

#endif
