/*
 * slab_lab.h - what the tests of slab caches share.
 */
#ifndef TESTS_SLAB_LAB_H
#define TESTS_SLAB_LAB_H

#include "allocators/slab/slab.h"
#include "lab.h"

static inline struct kmem_cache_info info_of(const struct kmem_cache *cache)
{
	struct kmem_cache_info info;

	kmem_cache_info(cache, &info);
	return info;
}

static inline void assert_slabs(const struct kmem_cache *cache, size_t full,
                                size_t partial, size_t empty)
{
	struct kmem_cache_info info = info_of(cache);

	assert_int_equal(info.full, full);
	assert_int_equal(info.partial, partial);
	assert_int_equal(info.empty, empty);
}

#endif
