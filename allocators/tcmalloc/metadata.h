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
	TCM_ARRAY_LOG2_MIN = 2, /* pointers in the smallest array             */
	TCM_ARRAY_LOG2_MAX =
		15, /* and in the largest                         */
};

/* What there is a pool of. */
enum tcm_pool {
	TCM_POOL_SPAN,
	TCM_POOL_REGION,
	TCM_POOL_CACHE, /* thread caches                                       */
	TCM_POOL_ARRAY, /* of 4 pointers; the next pool has arrays of 8...     */
	TCM_POOLS =
		TCM_POOL_ARRAY + TCM_ARRAY_LOG2_MAX - TCM_ARRAY_LOG2_MIN + 1,
};

struct tcm_metadata {
	struct page_source *source;
	const char *single_thread;
	struct lock lock;
	/* under the lock */
	char *start, *next, *end; /* objects up to `next`, committed to `end` */
	struct counter bytes;     /* end - start                              */
	struct {
		struct tcm_idle
			*idle; /* objects given back                   */
		size_t bytes;  /* of one                               */
	} pools[TCM_POOLS];
};

/* The region begins with `bytes` for the caller; NULL with errno = ENOMEM. */
void *tcm_metadata_open(struct tcm_metadata *metadata,
                        struct page_source *source, const char *single_thread,
                        size_t bytes);

/* Gives the whole region back. */
void tcm_metadata_close(const struct tcm_metadata *metadata);

/* An object of a pool, contents indeterminate; NULL with errno = ENOMEM. */
void *tcm_metadata_get(struct tcm_metadata *metadata, enum tcm_pool pool);
void tcm_metadata_put(struct tcm_metadata *metadata, enum tcm_pool pool,
                      void *object);

/*
 * put() for a call that has failed: objects that it got, given back in the
 * reverse order, leave no page committed that was not before.
 */
void tcm_metadata_undo(struct tcm_metadata *metadata, enum tcm_pool pool,
                       void *object);

/* `bytes`, a multiple of 16, that stay to the end, or until they are undone. */
void *tcm_metadata_carve(struct tcm_metadata *metadata, size_t bytes);
void tcm_metadata_uncarve(struct tcm_metadata *metadata, void *object,
                          size_t bytes);

#endif
