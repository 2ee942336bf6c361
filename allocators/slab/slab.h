/*
 * slab.h - object caches, the interface of the slab allocator [Bonwick94, 2].
 *
 * A cache hands out objects of one size that stay *constructed* while they are
 * free: what every user of such an object would set up anew each time (a lock,
 * an empty list) is set up once, when the memory becomes an object:
 *
 *     static void make_conn(void *object, size_t bytes) { ... }
 *
 *     struct kmem_cache *conns = kmem_cache_create(heap,
 *         &(struct kmem_cache_spec){.name = "conn", .size = 200,
 *                                   .construct = make_conn});
 *     struct conn *conn = kmem_cache_alloc(conns);
 *     ...                            <- use it, then undo that use
 *     kmem_cache_free(conns, conn);  <- it must be as constructed again
 *     kmem_cache_destroy(conns);
 *
 * The harness does not see this header: its malloc is kmalloc, which picks one
 * of a row of size caches.  Both share one heap, which slab_allocator.create()
 * makes.  One thread at a time.
 */
#ifndef ALLOCATORS_SLAB_SLAB_H
#define ALLOCATORS_SLAB_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#include "../allocator.h"

struct kmem_cache;

enum {
	KMEM_OBJECT_MAX = 128 << 10, /* bytes; larger: the pages themselves  */
	KMEM_ALIGN_MAX = 4096,       /* bytes                                */
	KMEM_NAME_MAX = 20,          /* characters kept, with the last \0    */
};

struct kmem_cache_spec {
	const char *name; /* copied                                          */
	size_t size;      /* bytes of an object, 1..KMEM_OBJECT_MAX          */
	size_t align;     /* a power of two up to KMEM_ALIGN_MAX; 0 is 16    */

	/*
	 * Called for each object of a slab when the slab is made, and when it
	 * is given up; not when an object is allocated or freed.  May be NULL.
	 * They must not use the heap.
	 */
	void (*construct)(void *object, size_t size);
	void (*destruct)(void *object, size_t size);
};

/*
 * Adds a cache to the heap's chain.  It owns no memory until the first alloc.
 * NULL with errno = ENOMEM, or EINVAL for a size or align out of range.
 */
struct kmem_cache *kmem_cache_create(struct heap *heap,
                                     const struct kmem_cache_spec *spec);

/*
 * Gives the cache up with its empty slabs.  False with errno = EBUSY, and
 * nothing done, while an object of it is live.  (The heap's own destroy drops
 * all caches, and calls no destructors.)
 */
bool kmem_cache_destroy(struct kmem_cache *cache);

/* A constructed object, or NULL with errno = ENOMEM.  O(1) but for new slabs. */
void *kmem_cache_alloc(struct kmem_cache *cache);

/* Takes back an object of this cache, in its constructed state.  O(1). */
void kmem_cache_free(struct kmem_cache *cache, void *object);

/* Gives the empty slabs of a cache to the page heap; returns their bytes. */
size_t kmem_cache_shrink(struct kmem_cache *cache);

/* kmem_cache_shrink for every cache of the heap. */
size_t kmem_cache_reap(struct heap *heap);

/* The cache after `cache` on the heap's chain, the first one for NULL. */
struct kmem_cache *kmem_cache_next(struct heap *heap,
                                   const struct kmem_cache *cache);

/* The size cache that malloc(size) uses, or NULL where it uses pages. */
struct kmem_cache *kmalloc_cache(struct heap *heap, size_t size);

/* What a cache looks like now. */
struct kmem_cache_info {
	const char *name;
	size_t object_bytes; /* asked for                                    */
	size_t slot_bytes;   /* taken by one: rounded up to the alignment    */
	size_t slab_bytes;
	size_t slots;            /* of one slab                              */
	size_t descriptor_bytes; /* of one slab, on it or off it             */
	bool off_slab;           /* the descriptor lies in another slab      */
	size_t waste_bytes; /* of one slab: descriptor, colouring and tail   */
	size_t colours;     /* different offsets of the first slot           */
	size_t colour_step; /* bytes between them                            */
	size_t full, partial, empty; /* slabs                                */
	size_t live;                 /* objects                              */
	bool internal; /* holds descriptors of the allocator itself          */
};

/* O(slabs). */
void kmem_cache_info(const struct kmem_cache *cache,
                     struct kmem_cache_info *info);

#endif
