/*
 * metadata.h - memory for the heap's own descriptors.  The algorithm:
 * metadata.c.
 */
#ifndef ALLOCATORS_TCMALLOC_METADATA_H
#define ALLOCATORS_TCMALLOC_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/lock.h"
#include "../common/object_pool.h"

enum {
	TCM_ARRAY_LOG2_MIN = 3,  /* pointers in the smallest array: a line   */
	TCM_ARRAY_LOG2_MAX = 15, /* and in the largest                       */
	TCM_ARRAYS = TCM_ARRAY_LOG2_MAX + 1,
};

/* What there is an object pool of. */
enum tcm_pool {
	TCM_POOL_SPAN, /* spans; and regions, too few for a page of their own */
	TCM_POOL_CACHE, /* thread caches                                       */
	TCM_POOLS,
};

struct tcm_metadata {
	struct page_source *source;
	const char *single_thread;
	struct lock lock;
	/* under the lock */
	struct object_pool pools[TCM_POOLS];
	char *start, *next, *end; /* the region: carved, committed up to here */
	struct tcm_array *idle[TCM_ARRAYS]; /* [log2]: arrays given back      */
	struct counter bytes; /* of the region and of the pools' chunks       */
};

/*
 * The region begins with `bytes` for the caller; NULL with errno = ENOMEM.  The
 * pools have no object size yet.
 */
void *tcm_metadata_open(struct tcm_metadata *metadata,
                        struct page_source *source, const char *single_thread,
                        size_t bytes);

/* Says how large the objects of a pool are.  Before the first get(). */
void tcm_metadata_set_size(struct tcm_metadata *metadata, enum tcm_pool pool,
                           size_t bytes);

/* Gives the pools and the whole region back, and *metadata if it lies there. */
void tcm_metadata_close(struct tcm_metadata *metadata);

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

/* Gives the pools' idle chunks back to the source; the bytes. */
size_t tcm_metadata_trim(struct tcm_metadata *metadata);

/* An array of 1 << log2 pointers, contents indeterminate; NULL: no memory. */
void **tcm_array_get(struct tcm_metadata *metadata, unsigned log2);
void tcm_array_put(struct tcm_metadata *metadata, unsigned log2, void **array);

/* `bytes`, a multiple of 16, that stay to the end, or until they are undone. */
void *tcm_metadata_carve(struct tcm_metadata *metadata, size_t bytes);
void tcm_metadata_uncarve(struct tcm_metadata *metadata, void *object,
                          size_t bytes);

#endif
