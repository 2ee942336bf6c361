/*
 * metadata.h - memory for the heap's own descriptors.  The algorithm:
 * metadata.c.
 */
#ifndef ALLOCATORS_TCMALLOC_METADATA_H
#define ALLOCATORS_TCMALLOC_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/lock.h"
#include "../common/page_source.h"

enum {
	TC_ARRAY_LOG2_MIN = 2,  /* pointers in the smallest array             */
	TC_ARRAY_LOG2_MAX = 15, /* and in the largest                         */
};

/* What there is a pool of. */
enum tc_pool {
	TC_POOL_SPAN,
	TC_POOL_REGION,
	TC_POOL_CACHE, /* thread caches                                       */
	TC_POOL_ARRAY, /* of 4 pointers; the next pool has arrays of 8...     */
	TC_POOLS = TC_POOL_ARRAY + TC_ARRAY_LOG2_MAX - TC_ARRAY_LOG2_MIN + 1,
};

struct tc_metadata {
	struct page_source *source;
	const char *single_thread;
	struct lock lock;
	/* under the lock */
	char *start, *next, *end; /* objects up to `next`, committed to `end` */
	struct counter bytes;     /* end - start                              */
	struct {
		struct tc_idle *idle; /* objects given back                   */
		size_t bytes;         /* of one                               */
	} pools[TC_POOLS];
};

/* The region begins with `bytes` for the caller; NULL with errno = ENOMEM. */
void *tc_metadata_open(struct tc_metadata *metadata, struct page_source *source,
                       const char *single_thread, size_t bytes);

/* Gives the whole region back. */
void tc_metadata_close(const struct tc_metadata *metadata);

/* An object of a pool, contents indeterminate; NULL with errno = ENOMEM. */
void *tc_metadata_get(struct tc_metadata *metadata, enum tc_pool pool);
void tc_metadata_put(struct tc_metadata *metadata, enum tc_pool pool,
                     void *object);

/*
 * put() for a call that has failed: objects that it got, given back in the
 * reverse order, leave no page committed that was not before.
 */
void tc_metadata_undo(struct tc_metadata *metadata, enum tc_pool pool,
                      void *object);

/* `bytes`, a multiple of 16, that stay to the end, or until they are undone. */
void *tc_metadata_carve(struct tc_metadata *metadata, size_t bytes);
void tc_metadata_uncarve(struct tc_metadata *metadata, void *object,
                         size_t bytes);

#endif
